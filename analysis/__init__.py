"""What the routes' results say together: agreement, posterior checks, the command line.

Names are imported when they are first used, so that ``flatprior --help`` starts at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flatprior.analysis.agreement import Agreement as Agreement
    from flatprior.analysis.agreement import RouteVerdict as RouteVerdict
    from flatprior.analysis.agreement import Unavailable as Unavailable
    from flatprior.analysis.agreement import compare_routes as compare_routes
    from flatprior.analysis.agreement import run_routes as run_routes
    from flatprior.analysis.inference import confidence_intervals as confidence_intervals
    from flatprior.analysis.mode import posterior_mode as posterior_mode
    from flatprior.analysis.moments import PosteriorMoments as PosteriorMoments
    from flatprior.analysis.moments import posterior_moments as posterior_moments
    from flatprior.analysis.posterior import PosteriorCheck as PosteriorCheck
    from flatprior.analysis.posterior import check_posterior as check_posterior
    from flatprior.analysis.prediction import predict as predict
    from flatprior.analysis.robust import RobustCovariance as RobustCovariance
    from flatprior.analysis.robust import robust_covariance as robust_covariance

_HOMES = {
    "Agreement": "agreement",
    "RouteVerdict": "agreement",
    "Unavailable": "agreement",
    "compare_routes": "agreement",
    "run_routes": "agreement",
    "confidence_intervals": "inference",
    "PosteriorMoments": "moments",
    "posterior_moments": "moments",
    "PosteriorCheck": "posterior",
    "check_posterior": "posterior",
    "predict": "prediction",
    "posterior_mode": "mode",
    "RobustCovariance": "robust",
    "robust_covariance": "robust",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
