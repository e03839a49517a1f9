# Every public name and its home; `__init__.py` reads this file, and so do type checkers.

from .agreement.judged import (
    Agreement as Agreement,
    RouteVerdict as RouteVerdict,
    Unavailable as Unavailable,
)
from .agreement.mode import posterior_mode as posterior_mode
from .agreement.posterior_check import (
    PosteriorCheck as PosteriorCheck,
    check_posterior as check_posterior,
)
from .agreement.pymc_model import PymcCheck as PymcCheck, check_pymc as check_pymc
from .agreement.running import run_routes as run_routes
from .agreement.verdict import compare_routes as compare_routes
from .auditing.audit import audit as audit
from .auditing.found import Audit as Audit
from .comparison.comparable import NotComparableError as NotComparableError
from .comparison.table import Comparison as Comparison, compare_models as compare_models
from .cross_entropy.coins import Coin as Coin, coin as coin
from .cross_entropy.descent import (
    GradientDescent as GradientDescent,
    gradient_descent as gradient_descent,
)
from .cross_entropy.each_row import (
    bernoulli_likelihood as bernoulli_likelihood,
    cross_entropy_terms as cross_entropy_terms,
)
from .cross_entropy.loss import (
    Convexity as Convexity,
    CrossEntropy as CrossEntropy,
    binary_cross_entropy as binary_cross_entropy,
    convexity as convexity,
)
from .cross_entropy.penalised import (
    PenalisedObjective as PenalisedObjective,
    required_C as required_C,
    sklearn_objective as sklearn_objective,
)
from .cross_entropy.products import (
    Underflow as Underflow,
    likelihood_curve as likelihood_curve,
    product_underflow as product_underflow,
)
from .diagnostics.calibration import (
    BinnedResiduals as BinnedResiduals,
    CalibrationCurve as CalibrationCurve,
    binned_residuals as binned_residuals,
    calibration_curve as calibration_curve,
    predictive_scores as predictive_scores,
)
from .diagnostics.classification import (
    ClassificationTable as ClassificationTable,
    classification_table as classification_table,
)
from .diagnostics.collinearity import (
    Collinearity as Collinearity,
    collinearity as collinearity,
)
from .diagnostics.indices import (
    PredictiveIndices as PredictiveIndices,
    predictive_indices as predictive_indices,
)
from .diagnostics.leave_one_out import (
    ExactLOO as ExactLOO,
    exact_loo as exact_loo,
)
from .diagnostics.psis import (
    PSISLOO as PSISLOO,
    psis_loo as psis_loo,
)
from .diagnostics.residuals import Diagnostics as Diagnostics, diagnose as diagnose
from .explanation.difference import explain_difference as explain_difference
from .explanation.explained import Explanation as Explanation
from .figures.chains import plot_chains as plot_chains
from .figures.coefficients import (
    plot_agreement as plot_agreement,
    plot_forest as plot_forest,
    plot_profile as plot_profile,
)
from .figures.diagnostics import (
    plot_binned_residuals as plot_binned_residuals,
    plot_calibration as plot_calibration,
    plot_influence as plot_influence,
)
from .figures.effects import plot_effect as plot_effect
from .figures.models import plot_comparison as plot_comparison, plot_model as plot_model
from .figures.posterior import plot_draws as plot_draws, plot_posterior as plot_posterior
from .figures.surface import plot_surface as plot_surface
from .inference.curves import EffectCurves as EffectCurves, effect_curves as effect_curves
from .inference.effects import average_marginal_effects as average_marginal_effects
from .inference.goodness import GoodnessOfFit as GoodnessOfFit, goodness_of_fit as goodness_of_fit
from .inference.high_dimension.corrections import (
    HighDimensional as HighDimensional,
    high_dimensional as high_dimensional,
)
from .inference.hypotheses.analysis_of_deviance import AnalysisOfDeviance as AnalysisOfDeviance
from .inference.hypotheses.anova import anova as anova, drop_one as drop_one
from .inference.hypotheses.likelihood_tests import (
    likelihood_ratio_test as likelihood_ratio_test,
    score_test as score_test,
)
from .inference.hypotheses.wald import hauck_donner as hauck_donner, wald_test as wald_test
from .inference.intervals import (
    ProfileCurve as ProfileCurve,
    confidence_intervals as confidence_intervals,
    profile_curve as profile_curve,
)
from .inference.means.marginal_means import (
    MarginalMeans as MarginalMeans,
    marginal_means as marginal_means,
)
from .inference.prediction import predict as predict
from .inference.robust import (
    RobustCovariance as RobustCovariance,
    robust_covariance as robust_covariance,
)
from .inference.summary import Summary as Summary, summarise as summarise, summarize as summarize
from .maxima import HypothesisTest as HypothesisTest
from .moments import (
    PosteriorMoments as PosteriorMoments,
    posterior_moments as posterior_moments,
)
from .report.verification.reading import read_report as read_report
from .report.verification.verified import verify_report as verify_report
from .report.writing import report_facts as report_facts, write_report as write_report
from .result_table import ResultTable as ResultTable
from .validation.validate import validate as validate
from .validation.validation import Validation as Validation
