# Every public name and its home; `__init__.py` reads this file, and so do type checkers.

from .certificate import certify as certify
from .common.errors import FlatpriorError as FlatpriorError
from .estimate import PointEstimate as PointEstimate
from .example_data import (
    load_births as load_births,
    load_endometrial as load_endometrial,
    load_smarket as load_smarket,
    load_spector as load_spector,
)
from .existence.check import check_existence as check_existence
from .existence.fragility import Fragility as Fragility, check_fragility as check_fragility
from .model import BernoulliLogistic as BernoulliLogistic
from .posterior import Posterior as Posterior
from .refits.refitting import Refits as Refits, refit as refit
from .results import (
    Certificate as Certificate,
    Existence as Existence,
    ImproperPosteriorError as ImproperPosteriorError,
    Limit as Limit,
    MLEDoesNotExistError as MLEDoesNotExistError,
    NotConvergedError as NotConvergedError,
    RouteUnavailableError as RouteUnavailableError,
)
from .routes.estimator import LogisticMLE as LogisticMLE
from .routes.independence import sample_independence as sample_independence
from .routes.newton import fit_newton as fit_newton
from .routes.pymc_routes import fit_map as fit_map, sample_nuts as sample_nuts
from .routes.sklearn_route import fit_sklearn as fit_sklearn
from .saved import verify as verify
