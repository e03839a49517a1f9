"""What the routes' results say together: agreement, inference, model comparison, the command line.

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
    from flatprior.analysis.calibration import CalibrationCurve as CalibrationCurve
    from flatprior.analysis.calibration import calibration_curve as calibration_curve
    from flatprior.analysis.calibration import predictive_scores as predictive_scores
    from flatprior.analysis.comparable import NotComparableError as NotComparableError
    from flatprior.analysis.comparison import Comparison as Comparison
    from flatprior.analysis.comparison import compare_models as compare_models
    from flatprior.analysis.cross_entropy import Coin as Coin
    from flatprior.analysis.cross_entropy import Convexity as Convexity
    from flatprior.analysis.cross_entropy import CrossEntropy as CrossEntropy
    from flatprior.analysis.cross_entropy import GradientDescent as GradientDescent
    from flatprior.analysis.cross_entropy import PenalisedObjective as PenalisedObjective
    from flatprior.analysis.cross_entropy import Underflow as Underflow
    from flatprior.analysis.cross_entropy import bernoulli_likelihood as bernoulli_likelihood
    from flatprior.analysis.cross_entropy import binary_cross_entropy as binary_cross_entropy
    from flatprior.analysis.cross_entropy import coin as coin
    from flatprior.analysis.cross_entropy import convexity as convexity
    from flatprior.analysis.cross_entropy import cross_entropy_terms as cross_entropy_terms
    from flatprior.analysis.cross_entropy import gradient_descent as gradient_descent
    from flatprior.analysis.cross_entropy import likelihood_curve as likelihood_curve
    from flatprior.analysis.cross_entropy import product_underflow as product_underflow
    from flatprior.analysis.cross_entropy import required_C as required_C
    from flatprior.analysis.cross_entropy import sklearn_objective as sklearn_objective
    from flatprior.analysis.diagnostics import Collinearity as Collinearity
    from flatprior.analysis.diagnostics import Diagnostics as Diagnostics
    from flatprior.analysis.diagnostics import collinearity as collinearity
    from flatprior.analysis.diagnostics import diagnose as diagnose
    from flatprior.analysis.difference import Explanation as Explanation
    from flatprior.analysis.difference import explain_difference as explain_difference
    from flatprior.analysis.effects import average_marginal_effects as average_marginal_effects
    from flatprior.analysis.goodness import GoodnessOfFit as GoodnessOfFit
    from flatprior.analysis.goodness import goodness_of_fit as goodness_of_fit
    from flatprior.analysis.inference import HypothesisTest as HypothesisTest
    from flatprior.analysis.inference import hauck_donner as hauck_donner
    from flatprior.analysis.inference import likelihood_ratio_test as likelihood_ratio_test
    from flatprior.analysis.inference import score_test as score_test
    from flatprior.analysis.inference import wald_test as wald_test
    from flatprior.analysis.intervals import ProfileCurve as ProfileCurve
    from flatprior.analysis.intervals import confidence_intervals as confidence_intervals
    from flatprior.analysis.intervals import profile_curve as profile_curve
    from flatprior.analysis.leave_one_out import PSISLOO as PSISLOO
    from flatprior.analysis.leave_one_out import ExactLOO as ExactLOO
    from flatprior.analysis.leave_one_out import exact_loo as exact_loo
    from flatprior.analysis.leave_one_out import psis_loo as psis_loo
    from flatprior.analysis.mode import posterior_mode as posterior_mode
    from flatprior.analysis.moments import PosteriorMoments as PosteriorMoments
    from flatprior.analysis.moments import posterior_moments as posterior_moments
    from flatprior.analysis.plots import plot_agreement as plot_agreement
    from flatprior.analysis.plots import plot_calibration as plot_calibration
    from flatprior.analysis.plots import plot_comparison as plot_comparison
    from flatprior.analysis.plots import plot_draws as plot_draws
    from flatprior.analysis.plots import plot_forest as plot_forest
    from flatprior.analysis.plots import plot_influence as plot_influence
    from flatprior.analysis.plots import plot_model as plot_model
    from flatprior.analysis.plots import plot_posterior as plot_posterior
    from flatprior.analysis.plots import plot_profile as plot_profile
    from flatprior.analysis.plots import plot_surface as plot_surface
    from flatprior.analysis.posterior import PosteriorCheck as PosteriorCheck
    from flatprior.analysis.posterior import check_posterior as check_posterior
    from flatprior.analysis.prediction import predict as predict
    from flatprior.analysis.report import report_facts as report_facts
    from flatprior.analysis.report import write_report as write_report
    from flatprior.analysis.robust import RobustCovariance as RobustCovariance
    from flatprior.analysis.robust import robust_covariance as robust_covariance
    from flatprior.analysis.summary import Summary as Summary
    from flatprior.analysis.summary import summarise as summarise
    from flatprior.analysis.verification import read_report as read_report
    from flatprior.analysis.verification import verify_report as verify_report

_HOMES = {
    "Agreement": "agreement",
    "RouteVerdict": "agreement",
    "Unavailable": "agreement",
    "compare_routes": "agreement",
    "run_routes": "agreement",
    "NotComparableError": "comparable",
    "Comparison": "comparison",
    "compare_models": "comparison",
    "CalibrationCurve": "calibration",
    "calibration_curve": "calibration",
    "predictive_scores": "calibration",
    "Coin": "cross_entropy",
    "Convexity": "cross_entropy",
    "CrossEntropy": "cross_entropy",
    "GradientDescent": "cross_entropy",
    "PenalisedObjective": "cross_entropy",
    "Underflow": "cross_entropy",
    "bernoulli_likelihood": "cross_entropy",
    "binary_cross_entropy": "cross_entropy",
    "coin": "cross_entropy",
    "convexity": "cross_entropy",
    "cross_entropy_terms": "cross_entropy",
    "gradient_descent": "cross_entropy",
    "likelihood_curve": "cross_entropy",
    "product_underflow": "cross_entropy",
    "required_C": "cross_entropy",
    "sklearn_objective": "cross_entropy",
    "Collinearity": "diagnostics",
    "Diagnostics": "diagnostics",
    "collinearity": "diagnostics",
    "diagnose": "diagnostics",
    "Explanation": "difference",
    "explain_difference": "difference",
    "average_marginal_effects": "effects",
    "GoodnessOfFit": "goodness",
    "goodness_of_fit": "goodness",
    "HypothesisTest": "inference",
    "hauck_donner": "inference",
    "likelihood_ratio_test": "inference",
    "score_test": "inference",
    "wald_test": "inference",
    "ProfileCurve": "intervals",
    "confidence_intervals": "intervals",
    "profile_curve": "intervals",
    "ExactLOO": "leave_one_out",
    "PSISLOO": "leave_one_out",
    "exact_loo": "leave_one_out",
    "psis_loo": "leave_one_out",
    "posterior_mode": "mode",
    "PosteriorMoments": "moments",
    "posterior_moments": "moments",
    "plot_agreement": "plots",
    "plot_calibration": "plots",
    "plot_comparison": "plots",
    "plot_draws": "plots",
    "plot_forest": "plots",
    "plot_influence": "plots",
    "plot_model": "plots",
    "plot_posterior": "plots",
    "plot_profile": "plots",
    "plot_surface": "plots",
    "PosteriorCheck": "posterior",
    "check_posterior": "posterior",
    "predict": "prediction",
    "report_facts": "report",
    "write_report": "report",
    "RobustCovariance": "robust",
    "robust_covariance": "robust",
    "read_report": "verification",
    "verify_report": "verification",
    "Summary": "summary",
    "summarise": "summary",
}
__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
