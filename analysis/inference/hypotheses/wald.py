r"""Wald tests, and where they are misled.

The statistic of :math:`R\beta = r` is :math:`(R\hat\beta - r)'(RVR')^{-1}(R\hat\beta - r)`, at the
MLE of the full model. Far from the hypothesis it can decrease as the estimate grows (Hauck and
Donner 1977, "Wald's test as applied to hypotheses in logit analysis", Journal of the American
Statistical Association 72, 851-853).
"""

from __future__ import annotations

import inspect
from typing import Any, Protocol, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.analysis.inference.hypotheses.linear import RANK, Contrasts, Linear, linear_of
from flatprior.analysis.inference.hypotheses.of_model import linear_of_model, where_tested
from flatprior.analysis.inference.robust import RobustCovariance, recomputed_robust
from flatprior.analysis.inference.sandwiches.degrees_of_freedom import hotelling
from flatprior.analysis.inference.sandwiches.silence import silence
from flatprior.analysis.inference.which_errors import WhichErrors
from flatprior.analysis.maxima import HypothesisTest, chi_squared_test
from flatprior.analysis.result_table import ResultTable
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.codes.inverse import Inverse
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.calls import a_or_an, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputTypeError, PrecisionError
from flatprior.models.common.rendering import of_model
from flatprior.models.covariance.roots import Factored, Root, Written, of_inverse
from flatprior.models.covariance.sampling import required_sampling_root
from flatprior.models.designs.coded import Structured
from flatprior.models.estimate import mle_of, require_computed, require_converged
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block, as_held

CANCELLED = 1e-3  # of a variance: what rounding may amount to


class Coefficients(Protocol):
    """What a Wald test needs: `PointEstimate` and `RobustCovariance` have it."""

    @property
    def names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def coefficients(self) -> Array: ...  # noqa: D102
    @property
    def covariance(self) -> Array: ...  # noqa: D102


@overload
def wald_test(
    model: BernoulliLogistic,
    fit: Coefficients,
    hypothesis: Contrasts | str,
    value: ArrayLike | None = None,
    /,
) -> HypothesisTest: ...


@overload
def wald_test(
    fit: Coefficients,
    hypothesis: Contrasts | str,
    value: ArrayLike | None = None,
    *,
    model: BernoulliLogistic | None = None,
) -> HypothesisTest: ...


@own_error_state
def wald_test(*arguments: Any, **named: Any) -> HypothesisTest:
    """Wald test that some coefficients, or combinations of them, have given values.

    Called as ``wald_test(model, fit, hypothesis)``, like every function of a model and a result, or
    as ``wald_test(fit, hypothesis)`` where there is no model in hand.

    Parameters
    ----------
    fit : PointEstimate or RobustCovariance
        With the latter the test is robust; of "CR2" the statistic is an F of Satterthwaite's
        degrees of freedom (`HypothesisTest.df_error`), of one restriction the square of t.
    hypothesis : str, sequence of str, mapping, or array_like (q, k) or (k,)
        A name or several: they are 0. A mapping: each has its value. A matrix R: ``R beta`` is
        `value`. With `model` a name may also be that of a term of its formula (`model.terms`), an
        interaction in any order, or the column that a single term is of ("race" for "C(race)"), and
        stands for all coefficients of the term. What is the name of a coefficient is that first of
        all: where a formula has ``age + I(age**2)``, "age" is the first of the two alone.
    value : float or array_like (q,), optional
        Default 0; not with a mapping.
    model : BernoulliLogistic, optional
        Which `fit` is of: then its covariance is computed again, whatever it says.

    Returns
    -------
    HypothesisTest

    Raises
    ------
    ValueError
        If a name is not among the coefficients and terms, shapes do not fit, or rows of R are
        dependent; if an estimate was read from a file, which may state any covariance, and there is
        no `model`.
    NotConvergedError
        If an estimate is not proved to be near the MLE.
    ArithmeticError
        If variances are lost to cancellation, or the covariance has not the rank for so many
        restrictions together.

    Examples
    --------
    >>> from flatprior.analysis import wald_test
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> print(wald_test(model, fit_newton(model), ["gpa", "psi"]))
    Wald test of gpa = 0, psi = 0: chi-squared(2) = 7.5870, p = 0.0225
    """
    if arguments and isinstance(arguments[0], BernoulliLogistic):
        model, *arguments = arguments  # type: ignore[assignment]
        named = {"model": model, **named}
    how = "wald_test(model, fit, hypothesis)"
    if any(isinstance(each, BernoulliLogistic) for each in arguments):
        raise InputTypeError(f"wald_test takes its model first: {how}")
    try:
        given = inspect.signature(_wald_test).bind(*arguments, **named)
    except TypeError as error:
        raise InputTypeError(f"{error}: {how}") from None
    return _wald_test(*given.args, **given.kwargs)


def _wald_test(
    fit: Coefficients,
    hypothesis: Contrasts | str,
    value: ArrayLike | None = None,
    model: BernoulliLogistic | None = None,
) -> HypothesisTest:
    if isinstance(fit, PointEstimate):
        if model is not None:
            fit = mle_of(model, fit)
        else:
            require_computed(fit)
            require_converged(fit)
    elif model is not None:
        if not isinstance(fit, RobustCovariance):
            raise InputTypeError(
                f"of a {type(fit).__name__} nothing can be computed again on a model"
            )
        fit = recomputed_robust(model, fit)
    require_coefficients(fit)
    root = _root_of(fit, model)
    robust = isinstance(fit, RobustCovariance)
    known = fit.covariance if root is None else root.standard_errors
    if not robust and not np.isfinite(known).all():
        raise PrecisionError(
            "no covariance is known, and no Wald test either: the warnings of the fit say "
            "why; take more units, or another covariance"
        )
    where = ""
    if model is not None:
        linear = linear_of_model(model, hypothesis, value)
        where = where_tested(model, linear)
    else:
        source = getattr(fit, "provenance", None)
        terms = () if getattr(source, "formula", None) is None else None
        aliased = getattr(source, "aliased", None)
        linear = linear_of(fit.names, hypothesis, value, aliased, terms)
    if isinstance(root, Factored) and linear.positions is not None:
        moved = fit.coefficients[linear.positions] - linear.values
        distance = root.distance(linear.positions, moved)
        if distance is not None:
            return _referred(fit, linear, distance, where)
    lengths = np.linalg.norm(linear.matrix, axis=1)
    matrix = linear.matrix / lengths[:, None]
    difference = matrix @ fit.coefficients - linear.values / lengths
    rooted = _root(matrix, fit.covariance) if root is None else root.rooted(matrix)
    error = np.linalg.norm(rooted, axis=1)
    lost = np.flatnonzero(np.isnan(error))
    if lost.size:
        at = linear.positions
        told = [f"combination {i + 1}" if at is None else fit.names[at[i]] for i in lost]
        raise PrecisionError(silence(told))
    rank = int(np.linalg.matrix_rank(rooted / error[:, None], tol=RANK))
    if rank < len(matrix):
        clusters = getattr(fit, "n_clusters", None)
        whose = "" if clusters is None else f" of {clusters} clusters"
        raise PrecisionError(
            f"the covariance{whose} supports {rank} restrictions together, not {len(matrix)}: test "
            "fewer at a time, or centre the columns"
        )
    upper = np.asarray(np.linalg.qr((rooted / error[:, None]).T, mode="r"))
    white = np.linalg.solve(upper.T, difference / error)
    return _referred(fit, linear, float(white @ white), where)


def _referred(fit: Coefficients, linear: Linear, statistic: float, where: str) -> HypothesisTest:
    """A statistic with its p: of CR2 from Hotelling's distribution, else from chi-squared."""
    moments, q = getattr(fit, "moments", None), len(linear.values)
    errors = WhichErrors.of(fit).whole
    if moments is None:
        note = "; ".join(filter(None, (where, errors)))
        return chi_squared_test("Wald", linear.text, statistic, q, note)
    f, df, p = hotelling(statistic, q, moments.degrees_of_freedom(linear.matrix))
    few = "" if p == p else "these clusters are too few for so many restrictions together"
    note = "; ".join(filter(None, (few, where, errors)))
    return HypothesisTest("Wald", linear.text, f, q, p, note, df)


def _root_of(fit: Coefficients, model: BernoulliLogistic | None) -> Root | None:
    """The root of a covariance that has one, written out or not."""
    if isinstance(fit, RobustCovariance):
        return fit.spread
    if model is not None and model.sampling is not None:
        return required_sampling_root(model.rows, model.sampling, fit.coefficients)
    held = vars(fit).get("covariance") if isinstance(fit, PointEstimate) else None
    if isinstance(held, Inverse):
        return of_inverse(held)
    given = getattr(fit, "root", None)
    return None if given is None else Written(given)


def require_coefficients(fit: object) -> None:
    """Raise a `TypeError` unless these are `Coefficients`."""
    if isinstance(fit, PointEstimate | RobustCovariance):
        return
    if not all(hasattr(fit, name) for name in ("names", "coefficients", "covariance")):
        raise InputTypeError(
            "a fit must be a PointEstimate or a RobustCovariance, such as fit_newton(model) and "
            f"robust_covariance(model, fit) give, not {a_or_an(fit)}"
        )


def _root(matrix: Array, covariance: Array) -> Array:
    """Root of ``R V R'``, and an error where its variances are lost to cancellation."""
    spread, size = matrix @ covariance @ matrix.T, np.abs(matrix)
    rounding = 8 * len(covariance) * EPSILON * np.diag(size @ np.abs(covariance) @ size.T)
    if (rounding > CANCELLED * np.diag(spread)).any():
        raise PrecisionError(
            "the variance of the combination is lost to cancellation: centre or rescale the columns"
        )
    scale = np.sqrt(np.diag(spread))
    values, vectors = np.linalg.eigh(spread / np.outer(scale, scale))
    return np.asarray(scale[:, None] * vectors * np.sqrt(np.maximum(values, 0.0)))


@model_first
def hauck_donner(model: BernoulliLogistic, fit: PointEstimate) -> ResultTable:
    r"""Where the Wald test is misled: is its statistic decreasing in the estimate?

    Parameters
    ----------
    model : BernoulliLogistic
    fit : PointEstimate
        Of that model.

    Returns
    -------
    ResultTable
        One row a coefficient: "z", its "derivative" with respect to the coefficient (z depends on
        it through the standard error too, the other coefficients held) and "hauck-donner": whether
        that is negative. Then a larger effect would look less significant: use
        `likelihood_ratio_test` and profile intervals. Because the others are held, the answer for a
        slope depends on where its column has its zero.

    Raises
    ------
    ValueError
        If the fit is another model's.

    Notes
    -----
    Yee (2022), "On the Hauck-Donner effect in Wald tests: detection, tipping points, and parameter
    space characterization", Journal of the American Statistical Association 117, 1763-1774. With V
    the inverse information, :math:`\partial V_{jj}/\partial\beta_j = -\sum_i w_i p_i q_i (1 - 2p_i)
    x_{ij} (x_i'V e_j)^2`.

    Examples
    --------
    >>> from flatprior.analysis import hauck_donner
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> hauck_donner(model, fit_newton(model))["hauck-donner"].tolist()
    [True, False, False, False]
    """
    return ResultTable(
        frame=misled(model, mle_of(model, fit)),
        title=of_model("Hauck-Donner effect", model.formula),
        facts=("does |z| of the Wald test decrease as the coefficient moves away from 0?",),
        notes=(
            "derivative: of z in the coefficient, the others held; where it is negative a larger "
            "effect would look less significant: use likelihood-ratio tests and profile intervals",
        ),
    )


def misled(model: BernoulliLogistic, fit: PointEstimate) -> pd.DataFrame:
    """`hauck_donner` of a fit whose covariance was computed here."""
    beta, held = fit.coefficients, vars(fit)["covariance"]
    root = of_inverse(held) if isinstance(held, Inverse) else None
    factored = root if isinstance(root, Factored) else None

    def derivative(block: Block) -> Array:
        terms = row_terms(block, beta)
        weights = block.counts
        # s (1 - p) / w is y - p, and 1 - 2p = 2 (y - p) - s
        bent = terms.curvature * (2 * terms.residual / weights - block.sign)
        design: Any = block.design
        if factored is not None and isinstance(design, Structured):
            return factored.summed(design, bent, np.square)
        return np.asarray(bent @ (design * np.square(design @ fit.covariance)))

    error = fit.standard_errors
    rows = model.rows if factored is None else as_held(model.rows)
    slope = -rows.reduce(derivative) / (2 * error)
    z = beta / error
    change = (1 - z * slope) / error
    return pd.DataFrame(
        {"z": z, "derivative": change, "hauck-donner": change < 0},
        index=pd.Index(model.names, name="name"),
    )
