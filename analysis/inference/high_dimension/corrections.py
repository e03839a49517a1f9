r"""Estimates, standard errors and tests that hold where coefficients are many.

With more than one coefficient to ten observations the MLE is too far from zero by a factor, and
varies more than the inverse information says. Both are known in the limit where coefficients and
observations grow together (`flatprior.analysis.inference.high_dimension.state_evolution`), and need
but the signal strength, which is estimated from the fit without each row
(`flatprior.analysis.inference.high_dimension.measured_rows`).
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import beta as beta_distribution

from flatprior.analysis.inference.high_dimension.frontier import largest_signal
from flatprior.analysis.inference.high_dimension.measured_rows import MeasuredRows, measured
from flatprior.analysis.inference.high_dimension.state_evolution import (
    StateEvolution,
    of_estimated_intercept,
    of_estimates,
)
from flatprior.analysis.maxima import HypothesisTest, chi_squared_test
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.intervals import wald_interval, wald_statistics
from flatprior.models.common.json_values import in_short
from flatprior.models.common.rendering import Renderable, Rendered, chosen, formats_of, of_model
from flatprior.models.common.text import SCREEN, count, names_in
from flatprior.models.common.writing import finite
from flatprior.models.estimate import mle_of

FEWEST = 10  # slopes: the theory is of many
FEWEST_ROWS = 20  # that carry the variance of a column
WIDEST = 3.0  # spread of leverages, in that of Gaussian rows
NO_MEAN = 1e-6  # probability that columns of mean 0 have means as far from it


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class HighDimensional(Renderable):
    """The MLE corrected for the number of its coefficients.

    Attributes
    ----------
    names : tuple of str
    coefficients : ndarray (k,)
        The MLE.
    corrected : ndarray (k,)
        The MLE of each slope divided by its bias factor; the intercept that goes with them.
    standard_errors : ndarray (k,)
        Of `corrected`; NaN of the intercept, for which the theory has none.
    signal_strength : float
        Standard deviation of the linear predictor, gamma.
    signal_is_estimated : bool
    largest_signal : float
        Signal strength above which so many coefficients have no MLE.
    bias_factor : float
        alpha: what the MLE of a slope is of its true value.
    sigma, lambda_ : float
        As in Sur and Candès (2019): the standard deviation of the MLE of slope j is sigma /
        (sqrt(n) tau_j), tau_j that of its column given the others.
    likelihood_ratio_factor : float
        kappa sigma^2 / lambda: what a likelihood ratio is of a chi-squared variable.
    residual : float
        Of the equations that these solve, relative to their terms, errors of quadrature included.
    leverage_spread : float
        Standard deviation of the leverages of rows, in that of Gaussian rows.
    n_observations : int
    formula : str or None
    """

    names: tuple[str, ...]
    coefficients: Array
    corrected: Array
    standard_errors: Array
    signal_strength: float
    signal_is_estimated: bool
    largest_signal: float
    bias_factor: float
    sigma: float
    lambda_: float
    likelihood_ratio_factor: float
    residual: float
    leverage_spread: float
    n_observations: int
    formula: str | None = None

    @property
    def n_slopes(self) -> int:
        """Coefficients but the intercept."""
        return int(np.isfinite(self.standard_errors).sum())

    def table(self, prob: float = 0.95) -> pd.DataFrame:
        """One row a coefficient: "MLE", "corrected", "standard error", "z", "p" and an interval."""
        return pd.DataFrame(
            {
                "MLE": self.coefficients,
                "corrected": self.corrected,
                "standard error": self.standard_errors,
                **wald_statistics(self.corrected, self.standard_errors),
                **wald_interval(self.corrected, self.standard_errors, prob),
            },
            index=pd.Index(self.names, name="name"),
        )

    def rescaled(self, test: HypothesisTest) -> HypothesisTest:
        """A likelihood-ratio test that some slopes are 0, referred to its distribution here.

        Parameters
        ----------
        test : HypothesisTest
            Of the same model, from `likelihood_ratio_test`, and of few of its slopes.

        Raises
        ------
        ValueError
            If it is another kind of test, or of more than a tenth of the slopes.
        """
        if not isinstance(test, HypothesisTest):
            raise InputTypeError(
                f"test must be what likelihood_ratio_test(model, ...) returns, not {in_short(test)}"
            )
        if test.kind != "likelihood ratio":
            raise InputError(
                f"a {test.kind} test is not rescaled so: take likelihood_ratio_test, or the z of "
                "each coefficient here"
            )
        if test.df > max(1.0, self.n_slopes / 10):
            raise InputError(
                f"the factor is of tests of few coefficients, not of {test.df} of {self.n_slopes}"
            )
        factor = self.likelihood_ratio_factor
        said = f"divided by {factor:.4f} for the number of coefficients"
        note = f"{test.note}; {said}" if test.note else said
        return chi_squared_test(test.kind, test.hypothesis, test.statistic / factor, test.df, note)

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        frame = chosen(self.table(), columns).rename(columns={"standard error": "SE"})
        how = "estimated by SLOE" if self.signal_is_estimated else "given"
        few = f"{self.n_slopes / self.n_observations:.3g}"
        return Rendered.of(
            frame,
            formats_of(frame.columns),
            of_model("MLE corrected for the number of its coefficients", self.formula),
            [
                f"{count(self.n_slopes, 'slope')} on {count(self.n_observations, 'observation')} "
                f"({few}); signal strength {self.signal_strength:.4g} ({how}), and from "
                f"{self.largest_signal:.4g} there would be no MLE",
                f"the MLE of a slope is {self.bias_factor:.4f} times its true value, with a "
                f"standard deviation of {self.sigma:.4f} / (sqrt(n) tau), tau that of its column "
                f"given the others; the equations hold to {self.residual:.0e}",
            ],
            [
                "of the limit where slopes and observations grow together, for independent rows of "
                "roughly Gaussian columns (Sur and Candès 2019, PNAS 116, 14516-14525); "
                f"leverages spread {self.leverage_spread:.2f} times as much as of Gaussian rows",
                "standard errors do not hold the error of the estimated signal strength"
                if self.signal_is_estimated
                else "",
                "a likelihood ratio of slopes that are 0 is "
                f"{self.likelihood_ratio_factor:.4f} times chi-squared: see rescaled()",
                "no standard error of the intercept is known"
                if self.n_slopes < len(self.names)
                else "",
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON; what is not finite is None."""
        facts = {
            name: value
            for name, value in vars(self).items()
            if name not in ("formula", "names", "coefficients", "corrected", "standard_errors")
        }
        found: dict[str, Any] = finite(facts | {"coefficients": self.table().to_dict("index")})
        return found


@model_first
def high_dimensional(
    model: BernoulliLogistic, fit: PointEstimate, *, signal_strength: float | None = None
) -> HighDimensional:
    r"""Unbiased slopes, standard errors and tests where coefficients are many.

    Parameters
    ----------
    model : BernoulliLogistic
        With at least ten slopes, its rows in memory, in files or on a cluster; four passes are
        made. Rows have neither weights nor an offset.
    fit : PointEstimate
        Of that model.
    signal_strength : float, optional
        Standard deviation of the true linear predictor over rows, where it is known. Else it is
        estimated from the MLE without each row (SLOE).

    Returns
    -------
    HighDimensional

    Raises
    ------
    ValueError
        If the theory does not cover the model: weights, offsets, few slopes, columns whose variance
        is from a few rows (rare levels of a factor), rows of which some are far longer than others,
        columns without a mean of 0 where there is no intercept; if there is no MLE at the given
        signal strength.
    ArithmeticError
        If the equations cannot be solved, near the phase transition.

    Notes
    -----
    Sur and Candès (2019), "A modern maximum-likelihood theory for high-dimensional logistic
    regression", PNAS 116, 14516-14525; with an intercept and correlated columns Zhao, Sur and
    Candès (2022), Bernoulli 28, 1835-1861. Independent rows of Gaussian columns are assumed;
    simulations of both papers show the same for others that are not heavy-tailed.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis import high_dimensional
    >>> from flatprior.models import BernoulliLogistic, fit_newton
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=(500, 50))
    >>> y = rng.random(500) < 1 / (1 + np.exp(-x[:, :25] @ np.full(25, 0.4)))
    >>> model = BernoulliLogistic.from_arrays(x, y)
    >>> found = high_dimensional(model, fit_newton(model), signal_strength=2.0)
    >>> round(found.bias_factor, 3), round(found.likelihood_ratio_factor, 3)
    (1.157, 1.156)
    """
    _check_signal(signal_strength)
    fit = mle_of(model, fit)
    _require_single_rows(model)
    rows = measured(model, fit)
    slopes = np.arange(model.n_parameters) != (-1 if rows.constant is None else rows.constant)
    _require_covered(model, rows, slopes)
    kappa = int(slopes.sum()) / rows.n
    strongest = largest_signal(kappa)
    iota = None if rows.constant is None else rows.iota
    if signal_strength is None:
        solution = of_estimates(kappa, rows.eta, iota)
    elif signal_strength >= strongest:
        raise InputError(
            f"at {kappa:.3g} slopes an observation there is no MLE where the signal strength is "
            f"{strongest:.4g} or more, and {float(signal_strength):.4g} is given: the rows are "
            "separated with a probability that tends to 1"
        )
    else:
        solution = of_estimated_intercept(kappa, float(signal_strength), iota)
    corrected, errors = _corrected(fit.coefficients, rows, slopes, solution)
    return HighDimensional(
        names=model.names,
        coefficients=fit.coefficients,
        corrected=corrected,
        standard_errors=errors,
        signal_strength=solution.gamma,
        signal_is_estimated=signal_strength is None,
        largest_signal=strongest,
        bias_factor=solution.alpha,
        sigma=solution.sigma,
        lambda_=solution.lambda_,
        likelihood_ratio_factor=solution.likelihood_ratio_factor,
        residual=solution.residual,
        leverage_spread=rows.leverage_spread,
        n_observations=rows.n,
        formula=model.formula,
    )


def _check_signal(signal: Any) -> None:
    number = isinstance(signal, numbers.Real) and not isinstance(signal, bool | np.bool_)
    known = number and 0 <= float(signal) < math.inf
    if signal is not None and not known:
        raise InputError(
            "signal_strength must be a standard deviation, finite and not below 0, not "
            f"{in_short(signal)}"
        )


def _corrected(
    beta: Array, rows: MeasuredRows, slopes: NDArray[np.bool_], solution: StateEvolution
) -> tuple[Array, Array]:
    """Corrected coefficients (k,), and their standard errors (k,)."""
    corrected = beta / solution.alpha
    errors = solution.sigma / (math.sqrt(rows.n) * rows.conditional * solution.alpha)
    if rows.constant is not None:
        at_means = float(rows.means[slopes] @ corrected[slopes])
        corrected[rows.constant] = (solution.theta - at_means) / rows.means[rows.constant]
    return corrected, errors


def _require_single_rows(model: BernoulliLogistic) -> None:
    """Refuse rows that the theory knows nothing of, before any pass."""
    if model.rows.has_offset:
        raise InputError(
            "the theory of many coefficients has no offset: it is of a linear predictor of which "
            "every part is estimated"
        )
    if model.trials is not None or model.weights_name is not None:
        raise InputError(
            "the theory of many coefficients is of independent rows that stand for one observation "
            "each: rows with weights, and grouped counts, share their columns"
        )


def _require_covered(
    model: BernoulliLogistic, rows: MeasuredRows, slopes: NDArray[np.bool_]
) -> None:
    """Refuse rows that are far from what the theory assumes of them."""
    n_slopes = int(slopes.sum())
    if rows.most > 1:
        raise InputError(
            "some rows are the same, and the theory of many coefficients is of columns that vary "
            "from row to row"
        )
    if n_slopes < FEWEST:
        raise InputError(
            f"the theory of many coefficients is of {FEWEST} slopes at the least, and there "
            f"{'is' if n_slopes == 1 else 'are'} {n_slopes}: take profile intervals and "
            "likelihood-ratio tests, or posterior_moments"
        )
    few = slopes & ~(rows.carrying >= FEWEST_ROWS)
    if few.any():
        names = names_in(
            SCREEN, [name for name, lone in zip(model.names, few, strict=True) if lone]
        )
        raise InputError(
            f"the variance of {names} is from fewer than {FEWEST_ROWS} rows, and the theory of "
            "many coefficients is of columns to which many rows contribute: join rare levels, or "
            "transform columns of long tails"
        )
    if rows.constant is None:
        k = model.n_parameters
        chance = beta_distribution.sf(rows.of_constant, k / 2, max(rows.n - k, 1) / 2)
        if chance < NO_MEAN:
            raise InputError(
                "without an intercept the theory of many coefficients is of columns of mean 0, "
                "which these have not: add an intercept (to a factor without one, with a level "
                "left out)"
            )
    if rows.leverage_spread > WIDEST:
        raise InputError(
            f"the leverages of rows spread {rows.leverage_spread:.2g} times as much as those of "
            "Gaussian rows, and the theory of many coefficients is of rows of about one length: "
            "transform columns of long tails"
        )
