"""One Bernoulli-logistic model, the routes that fit it, and the certificates that judge them.

PyMC and ArviZ are imported by the functions that need them, not here.
"""

from flatprior.models.certificate import certify, verify
from flatprior.models.datasets import load_endometrial, load_smarket, load_spector
from flatprior.models.existence import check_existence
from flatprior.models.model import BernoulliLogistic
from flatprior.models.newton import fit_newton
from flatprior.models.pymc_routes import fit_map, sample_nuts
from flatprior.models.results import (
    Certificate,
    Existence,
    ImproperPosteriorError,
    MLEDoesNotExistError,
    PointEstimate,
    Posterior,
    RouteUnavailableError,
)
from flatprior.models.sklearn_route import fit_sklearn

__all__ = [
    "BernoulliLogistic",
    "Certificate",
    "Existence",
    "ImproperPosteriorError",
    "MLEDoesNotExistError",
    "PointEstimate",
    "Posterior",
    "RouteUnavailableError",
    "certify",
    "check_existence",
    "fit_map",
    "fit_newton",
    "fit_sklearn",
    "load_endometrial",
    "load_smarket",
    "load_spector",
    "sample_nuts",
    "verify",
]
