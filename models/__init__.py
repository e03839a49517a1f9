"""One Bernoulli-logistic model, the routes that fit it, and the certificates that judge them.

PyMC and ArviZ are imported by the functions that need them, scikit-learn with `LogisticMLE`.
"""

from typing import TYPE_CHECKING

from flatprior.models.belonging import verify
from flatprior.models.certificate import certify
from flatprior.models.datasets import load_endometrial, load_smarket, load_spector
from flatprior.models.existence import check_existence
from flatprior.models.fragility import Fragility, check_fragility
from flatprior.models.independence import sample_independence
from flatprior.models.model import BernoulliLogistic
from flatprior.models.newton import fit_newton
from flatprior.models.posterior import Posterior
from flatprior.models.pymc_routes import fit_map, sample_nuts
from flatprior.models.results import (
    Certificate,
    Existence,
    ImproperPosteriorError,
    Limit,
    MLEDoesNotExistError,
    NotConvergedError,
    PointEstimate,
    RouteUnavailableError,
)
from flatprior.models.sklearn_route import fit_sklearn

if TYPE_CHECKING:
    from flatprior.models.estimator import LogisticMLE

__all__ = [
    "BernoulliLogistic",
    "Certificate",
    "Existence",
    "Fragility",
    "ImproperPosteriorError",
    "Limit",
    "LogisticMLE",
    "MLEDoesNotExistError",
    "NotConvergedError",
    "PointEstimate",
    "Posterior",
    "RouteUnavailableError",
    "certify",
    "check_existence",
    "check_fragility",
    "fit_map",
    "fit_newton",
    "fit_sklearn",
    "load_endometrial",
    "load_smarket",
    "load_spector",
    "sample_independence",
    "sample_nuts",
    "verify",
]


def __getattr__(name: str) -> object:
    if name != "LogisticMLE":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # its base classes are scikit-learn's, which takes as long to import as all the rest
    from flatprior.models.estimator import LogisticMLE

    return LogisticMLE


def __dir__() -> list[str]:
    return sorted(__all__)
