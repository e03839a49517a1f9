r"""Hypothesis tests of coefficients.

Every hypothesis is linear, :math:`R\beta = r`; the null model is the one with
:math:`\beta = b + A\gamma`, where the columns of A span the null space of R. The three classical
tests measure its distance from the full model in three ways, and agree in large samples only:

- Wald: :math:`(R\hat\beta - r)'(RVR')^{-1}(R\hat\beta - r)`, at the full MLE;
- likelihood ratio: twice the difference of the maximal log-likelihoods;
- score (Rao): :math:`S'H^{-1}S`, both at the MLE of the null model.

Far from the hypothesis the Wald statistic can decrease as the estimate grows (Hauck and Donner
1977, "Wald's test as applied to hypotheses in logit analysis", Journal of the American Statistical
Association 72, 851-853); the others cannot be misled so, and hold on separated data too.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, overload

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import null_space

from flatprior.analysis.comparison.comparable import is_nested, same_observations
from flatprior.analysis.inference.robust import RobustCovariance, recomputed_robust
from flatprior.analysis.maxima import (
    FewerColumns,
    HypothesisTest,
    Supremum,
    chi_squared_test,
    maximal,
    of_full_rank,
    ratio,
    supremum,
)
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.codes.inverse import Inverse
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.calls import a_or_an, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, InputTypeError, PrecisionError
from flatprior.models.common.text import SCREEN, first_of, names_in, printable
from flatprior.models.covariance.roots import Factored, Root, Written, of_inverse, required_root
from flatprior.models.covariance.whitening import required_whitening
from flatprior.models.dependence.in_batches import columns_in_batches
from flatprior.models.designs.coded import LARGEST_DENSE, Structured
from flatprior.models.encoding.aliased import Aliased
from flatprior.models.estimate import mle_of, require_computed, require_converged
from flatprior.models.likelihood import linear_predictor, row_terms, scores
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows, Block, Rows, as_held

RANK = 1e-7  # of a combination, what the others leave of it: the square is lost in rounding
SAME = "the two models are the same model: there is nothing to test"
STATEMENTS_SHOWN, NAMES_SHOWN = 12, 24
CANCELLED = 1e-3  # of a variance: what rounding may amount to

Contrasts = Sequence[str] | Mapping[str, float] | ArrayLike


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
        With the latter the test is robust.
    hypothesis : str, sequence of str, mapping, or array_like (q, k) or (k,)
        A name or several: they are 0. A mapping: each has its value. A matrix R: ``R beta`` is
        `value`.
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
        If a name is not among the coefficients, shapes do not fit, or rows of R are dependent; if
        an estimate was read from a file, which may state any covariance, and there is no `model`.
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
    root = _root_of(fit)
    known = fit.covariance if root is None else root.standard_errors
    if not np.isfinite(known).all():
        raise PrecisionError(
            "no covariance is known, and no Wald test either: the warnings of the fit say "
            "why; take more units, or another covariance"
        )
    aliased = getattr(getattr(fit, "provenance", None), "aliased", None)
    if model is not None:
        aliased = model.aliased
    linear = _linear(fit.names, hypothesis, value, aliased)
    if isinstance(root, Factored) and linear.positions is not None:
        moved = fit.coefficients[linear.positions] - linear.values
        distance = root.distance(linear.positions, moved)
        if distance is not None:
            return chi_squared_test("Wald", linear.text, distance, len(moved))
    lengths = np.linalg.norm(linear.matrix, axis=1)
    matrix = linear.matrix / lengths[:, None]
    difference = matrix @ fit.coefficients - linear.values / lengths
    rooted = _root(matrix, fit.covariance) if root is None else root.rooted(matrix)
    error = np.linalg.norm(rooted, axis=1)
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
    return chi_squared_test("Wald", linear.text, float(white @ white), len(difference))


def _root_of(fit: Coefficients) -> Root | None:
    """The root of a covariance that has one, written out or not."""
    if isinstance(fit, RobustCovariance):
        return fit.spread
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
def likelihood_ratio_test(
    model: BernoulliLogistic,
    hypothesis: BernoulliLogistic | Contrasts | str,
    value: ArrayLike | None = None,
) -> HypothesisTest:
    """Likelihood-ratio test of a nested model, or that coefficients have given values.

    Parameters
    ----------
    model : BernoulliLogistic
    hypothesis : BernoulliLogistic, or as for `wald_test`
        Of two models the one whose columns are combinations of the other's is the null model,
        whatever the order and the names.
    value : float or array_like (q,), optional

    Returns
    -------
    HypothesisTest
        Where outcomes are separated, of suprema in place of maxima; its `note` says so. Where
        columns are combinations of others, its degrees of freedom are a difference of ranks.

    Raises
    ------
    NotComparableError
        If the two models have different rows, responses or weights.
    ValueError
        If neither model is nested in the other, or as for `wald_test`; if the data cannot tell the
        hypothesis from the model.
    MLEDoesNotExistError
        If existence is undecided.

    Examples
    --------
    >>> from flatprior.analysis import likelihood_ratio_test
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> print(likelihood_ratio_test(model, ["gpa", "psi"]))
    likelihood ratio test of gpa = 0, psi = 0: chi-squared(2) = 12.1940, p = 0.00225
    >>> null = BernoulliLogistic.from_formula("grade ~ tuce", load_spector())
    >>> print(likelihood_ratio_test(null, model))
    likelihood ratio test of grade ~ tuce: chi-squared(2) = 12.1940, p = 0.00225
    """
    if isinstance(hypothesis, BernoulliLogistic):
        if value is not None:
            raise InputError("value goes with names or a matrix; a model needs none")
        large, small = _nested_pair(model, hypothesis)
        text = small.formula or f"only {names_in(SCREEN, small.names)}"
        full, lower = supremum(large), supremum(small)
        df, restrictions = full.rank - lower.rank, None
        if not df:
            raise InputError(SAME)
    else:
        linear = _linear(model.names, hypothesis, value, model.aliased)
        text, restrictions = linear.text, len(linear.values)
        large = of_full_rank(model)
        full, null = supremum(large), _null_of(model, large, linear)
        if isinstance(null.rows, ArrayRows):
            lower = supremum(_null_model(model, null))
        else:
            rows, kept = _of_full_rank(null)
            lower = Supremum(maximal(rows)[0], len(kept))
        df = _told(full.rank, lower.rank, text)
    notes = ["the outcomes are separated, the larger model has a supremum only"] * full.separated
    notes += _fewer(restrictions, df)
    statistic = ratio(full.log_likelihood, lower.log_likelihood)
    return chi_squared_test("likelihood ratio", text, statistic, df, "; ".join(notes))


@model_first
def score_test(
    model: BernoulliLogistic, hypothesis: Contrasts | str, value: ArrayLike | None = None
) -> HypothesisTest:
    """Score test (Rao's) that coefficients have given values: it fits the null model only.

    Parameters
    ----------
    model : BernoulliLogistic
        The larger model; its own MLE need not exist.
    hypothesis : as for `wald_test`
    value : float or array_like (q,), optional

    Returns
    -------
    HypothesisTest

    Raises
    ------
    ValueError
        As for `wald_test`.
    MLEDoesNotExistError
        If outcomes are separated in the null model.

    Notes
    -----
    Rao (1948), "Large sample tests of statistical hypotheses concerning several parameters",
    Proceedings of the Cambridge Philosophical Society 44, 50-57.

    Examples
    --------
    >>> from flatprior.analysis import score_test
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> print(score_test(model, ["gpa", "psi"]))
    score test of gpa = 0, psi = 0: chi-squared(2) = 11.1864, p = 0.00372
    """
    linear = _linear(model.names, hypothesis, value, model.aliased)
    large = of_full_rank(model)
    null = _null_of(model, large, linear)
    q = null.rows.n_columns
    gamma, kept = np.zeros(q), np.arange(q)
    if isinstance(null.rows, ArrayRows) and q:
        small = _null_model(model, null)
        kept = kept if small.aliased is None else small.aliased.kept
        gamma[kept] = converged_mle(small).coefficients
    else:
        rows, kept = _of_full_rank(null)
        gamma[kept] = maximal(rows)[1]
    df = _told(large.n_parameters, len(kept), linear.text)
    notes = _fewer(len(linear.values), df)
    beta = null.at(gamma)
    root = required_root(large.rows, beta)
    pull = root.rooted(as_held(large.rows).reduce(lambda block: scores(block, beta[None])))[0]
    return chi_squared_test("score", linear.text, float(pull @ pull), df, "; ".join(notes))


@dataclass(frozen=True, eq=False)
class Null:
    """A null model: ``beta = origin + directions @ gamma``.

    Attributes
    ----------
    origin : ndarray (k,)
    directions : ndarray (k, q) or None
        Of full column rank; None where they are single coefficients.
    kept : ndarray (q,) or None
        Which these are.
    """

    origin: Array
    directions: Array | None = None
    kept: NDArray[np.intp] | None = None

    @property
    def size(self) -> int:
        """Number of directions, q."""
        if self.directions is not None:
            return int(self.directions.shape[1])
        assert self.kept is not None  # noqa: S101
        return len(self.kept)

    def moved(self, gamma: Array) -> Array:
        """``origin + directions @ gamma``."""
        if self.directions is not None:
            return self.origin + self.directions @ gamma
        beta = self.origin.copy()
        beta[self.kept] += gamma
        return beta


@dataclass(frozen=True, eq=False)
class _Linear:
    """The hypothesis ``matrix @ beta = values``, of k coefficients.

    Attributes
    ----------
    given : ndarray (q, k) or None
        The matrix; None where single coefficients are held.
    positions : ndarray (q,) or None
        Which these are.
    values : ndarray (q,)
    text : str
    k : int
    """

    given: Array | None
    positions: NDArray[np.intp] | None
    values: Array
    text: str
    k: int

    @property
    def matrix(self) -> Array:
        """The matrix (q, k)."""
        if self.given is not None:
            return self.given
        assert self.positions is not None  # noqa: S101
        q = len(self.positions)
        if q * self.k > LARGEST_DENSE:
            raise InputError(
                f"a hypothesis of {q} of {self.k} coefficients is a matrix of "
                f"{8 * q * self.k / 1e9:.0f} GB; test fewer at a time"
            )
        found = np.zeros((q, self.k))
        found[np.arange(q), self.positions] = 1.0
        return found

    def null(self, model: BernoulliLogistic) -> Null:
        """The null model; exact where single coefficients are held, else by whitened columns."""
        held = self.positions
        if held is not None:
            origin = np.zeros(self.k)
            origin[held] = self.values
            return Null(origin, kept=np.delete(np.arange(self.k), held))
        return self._null(required_whitening(model.rows))

    def _null(self, white: Array) -> Null:
        matrix = self.matrix @ white
        lengths = np.linalg.norm(matrix, axis=1)
        matrix, values = matrix / lengths[:, None], self.values / lengths
        least = np.asarray(np.linalg.lstsq(matrix, values, rcond=None)[0], dtype=float)
        return Null(white @ least, white @ null_space(matrix))

    def null_of_reduced(self, model: BernoulliLogistic, reduced: BernoulliLogistic) -> Null:
        """The null model in the coefficients of the model without dependent columns."""
        assert reduced.aliased is not None  # noqa: S101
        size = model.rows.extent.columns
        whole = self._null(np.diag(1 / np.where(size > 0, size, 1.0)))
        assert whole.directions is not None  # noqa: S101
        ways = reduced.aliased.coefficients(whole.directions)
        white = required_whitening(reduced.rows)
        basis, spread, _ = np.linalg.svd(np.linalg.solve(white, ways), full_matrices=False)
        rank = int((spread > RANK * spread.max(initial=0.0)).sum())
        return Null(reduced.aliased.coefficients(whole.origin), white @ basis[:, :rank])


def _linear(
    names: tuple[str, ...],
    hypothesis: Contrasts | str,
    value: ArrayLike | None,
    aliased: Aliased | tuple[str, ...] | None = None,
) -> _Linear:
    """The hypothesis in numbers; of columns that are `aliased` there is nothing to test."""
    k = len(names)
    if isinstance(hypothesis, Mapping):
        if value is not None:
            raise InputError("the mapping gives the values already; leave value out")
        chosen = list(hypothesis)
        given: Array = _held(list(hypothesis.values()))
    elif isinstance(hypothesis, str):
        chosen, given = [hypothesis], np.zeros(1)
    else:
        try:
            chosen, given = list(_by_position(names, hypothesis, aliased)), np.zeros(0)
        except TypeError:
            raise InputTypeError(
                "a hypothesis is names, a matrix of numbers (q, k) or, of likelihood_ratio_test, a "
                f"nested model, not {a_or_an(hypothesis)}"
            ) from None
    if chosen and all(isinstance(name, str) for name in chosen):
        known = set(names)
        unknown = [name for name in chosen if name not in known]
        for name in unknown:
            _check_left_out(name, aliased)
        if unknown:
            raise InputError(
                f"there is no coefficient {printable(unknown[0])!r}; the coefficients are "
                f"{first_of(map(printable, names), most=NAMES_SHOWN)}"
            )
        if len(set(chosen)) < len(chosen):
            raise InputError("a coefficient is named twice in the hypothesis")
        place = {name: j for j, name in enumerate(names)}
        positions: NDArray[np.intp] | None = np.array([place[name] for name in chosen])
        q, matrix = len(chosen), None
    else:
        try:
            matrix = np.atleast_2d(np.array(chosen, dtype=float))
        except (TypeError, ValueError) as error:
            raise InputError("a hypothesis is names, or a matrix of numbers (q, k)") from error
        if matrix.ndim != 2 or matrix.shape[1] != k or not np.isfinite(matrix).all():
            without = ""
            if aliased is not None:
                left = aliased.names if isinstance(aliased, Aliased) else aliased
                without = f", without {first_of(map(printable, left))}, which the model left out"
            raise InputError(
                f"the matrix of a hypothesis must be finite, of shape (q, {k}){without}; "
                f"this one has shape {matrix.shape}"
            )
        lengths = np.linalg.norm(matrix, axis=1)
        if not lengths.all() or np.linalg.matrix_rank(matrix / lengths[:, None]) < len(matrix):
            raise InputError("the rows of the hypothesis are linearly dependent; leave one out")
        q, positions = len(matrix), _single(matrix)
    if not isinstance(hypothesis, Mapping):
        given = np.zeros(q) if value is None else _held(value)
        if given.ndim and given.shape != (q,):
            raise InputError(f"value has shape {given.shape}; the hypothesis has {q} rows")
        given = np.broadcast_to(given, (q,)).astype(float)
    if not np.isfinite(given).all():
        raise InputError("the values of a hypothesis must be finite")
    text = _in_words(names, matrix, positions, given)
    return _Linear(None if positions is not None else matrix, positions, given, text, k)


def _single(matrix: Array) -> NDArray[np.intp] | None:
    """Positions of the coefficients that a matrix (q, k) holds, if these are single ones."""
    places = (matrix != 0).argmax(axis=1)
    ones = matrix[np.arange(len(matrix)), places] == 1
    return places if ones.all() and np.count_nonzero(matrix) == len(matrix) else None


def _held(values: object) -> Array:
    """What coefficients are held at, as floats."""
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError("the values of a hypothesis must be real numbers") from error


def _check_left_out(name: object, aliased: Aliased | tuple[str, ...] | None) -> None:
    """Raise a `ValueError` for a coefficient that the model left out, with what to test instead."""
    left = aliased.names if isinstance(aliased, Aliased) else aliased or ()
    if not isinstance(name, str) or name not in left:
        return
    why, instead = "a combination of others in every row", "the columns that it is made of"
    if isinstance(aliased, Aliased):
        why = f"{printable(aliased.equation(name))} in every row"
        instead = first_of(map(printable, aliased.terms(name)))
    instead = f"test {instead}" if instead else "leave it out of the hypothesis"
    raise InputError(
        f"{printable(name)!r} was left out of the model ({why}), and no data tell its coefficient "
        f"apart: {instead}"
    )


def _by_position(
    names: tuple[str, ...], hypothesis: object, aliased: Aliased | tuple[str, ...] | None
) -> Any:
    """A matrix with labels in the order of the coefficients; anything else as it is."""
    if not isinstance(hypothesis, pd.DataFrame | pd.Series):
        return hypothesis
    labels = hypothesis.columns if isinstance(hypothesis, pd.DataFrame) else hypothesis.index
    if isinstance(hypothesis, pd.Series) and not pd.api.types.is_numeric_dtype(hypothesis.dtype):
        return hypothesis  # of names
    if sorted(map(str, labels)) != sorted(names):
        for label in labels:
            _check_left_out(label, aliased)
        raise InputError(
            "the labels of the matrix are not the names of the coefficients: "
            f"{first_of(map(printable, names), most=NAMES_SHOWN)}"
        )
    place = {str(label): j for j, label in enumerate(labels)}
    return hypothesis.to_numpy(dtype=float)[..., [place[name] for name in names]]


def _in_words(
    names: tuple[str, ...],
    matrix: Array | None,
    positions: NDArray[np.intp] | None,
    values: Array,
) -> str:
    """The hypothesis, as far as a few lines go."""
    statements = []
    for i, held in enumerate(values[:STATEMENTS_SHOWN]):
        terms = "" if positions is None else names[positions[i]]
        if matrix is not None and positions is None:
            for j in np.flatnonzero(matrix[i]):
                factor = matrix[i, j]
                sign = (" - " if terms else "-") if factor < 0 else (" + " if terms else "")
                size = "" if abs(factor) == 1 else f"{abs(factor):.6g} "
                terms += f"{sign}{size}{names[j]}"
        statements.append(f"{terms} = {held:.6g}")
    return first_of(statements, len(values), STATEMENTS_SHOWN)


def _nested_pair(
    one: BernoulliLogistic, two: BernoulliLogistic
) -> tuple[BernoulliLogistic, BernoulliLogistic]:
    """The larger of two models and the one that is nested in it."""
    same = map(of_full_rank, same_observations({"first": one, "second": two}).values())
    large, small = sorted(same, key=lambda model: -model.n_parameters)
    if not is_nested(small, large):
        raise InputError(
            "neither model is nested in the other (the columns of neither are combinations of the "
            "other's, as far as double precision can tell): compare them by AIC or elpd, see "
            "compare_models"
        )
    if small.n_parameters == large.n_parameters:
        raise InputError(SAME)
    return large, small


def _told(full: int, lower: int, text: str) -> int:
    """Difference of two ranks; an error where it is 0, and the data cannot tell the models."""
    if full == lower:
        raise InputError(
            f"the data cannot tell whether {printable(text)}: in every row these columns are "
            "combinations of others, which take their place in the null model"
        )
    return full - lower


def _fewer(restrictions: int | None, df: int) -> list[str]:
    """What is said where the data cannot tell all restrictions of a hypothesis."""
    if restrictions in (None, df):
        return []
    return [f"columns are combinations of others: of {restrictions} restrictions {df} count"]


def restricted(model: BernoulliLogistic, null: Null) -> Rows:
    """The rows of the null model: columns ``X @ directions``, offset plus ``X @ origin``."""

    def change(block: Block) -> Block:
        offset = linear_predictor(block, null.origin)
        design: Any = block.design
        if null.directions is None:
            return block._replace(design=design[:, null.kept], offset=offset)
        return block._replace(design=design @ null.directions, offset=offset)

    if not isinstance(model.rows, ArrayRows):
        return FewerColumns(model.rows, change, null.size)
    if null.kept is not None:
        # columns are left out: what is held as codes stays so
        offset = linear_predictor(model.rows.block_as_held(slice(None)), null.origin)
        return replace(model.rows.select(slice(None), null.kept), offset=offset)
    block = change(model.rows.block(slice(None)))
    return ArrayRows(
        np.ascontiguousarray(block.design), model.response, block.offset, block.weights
    )


@dataclass(frozen=True, eq=False)
class _Restricted:
    """Rows of a null model, whose coefficients gamma have these names."""

    rows: Rows
    names: tuple[str, ...]
    null: Null
    reduced: Aliased | None

    def at(self, gamma: Array) -> Array:
        """The coefficients of the larger model, without those that depend on others."""
        beta = self.null.moved(gamma)
        return beta if self.reduced is None else self.reduced.coefficients(beta)


def _null_of(model: BernoulliLogistic, large: BernoulliLogistic, linear: _Linear) -> _Restricted:
    """The null model; `large` is the model without columns that are combinations of others."""
    q = model.n_parameters - len(linear.values)
    names = tuple(f"combination {j + 1}" for j in range(q))
    if linear.positions is not None:
        left = np.delete(np.arange(model.n_parameters), linear.positions)
        names = tuple(model.names[j] for j in left)
    if large is model or linear.positions is not None:
        null = linear.null(model)
        reduced = None if large is model else large.aliased
        return _Restricted(restricted(model, null), names, null, reduced)
    null = linear.null_of_reduced(model, large)
    return _Restricted(restricted(large, null), names[: null.size], null, None)


def _of_full_rank(null: _Restricted) -> tuple[Rows, NDArray[np.intp]]:
    """The rows of a null model without columns that depend on others, and which are left."""
    rows, every = null.rows, np.arange(null.rows.n_columns)
    if null.reduced is None or not len(every):
        return rows, every
    columns = columns_in_batches(rows)
    if columns is None:
        raise PrecisionError(
            "it is undecided in double precision which columns of the null model are combinations "
            "of others: rescale or centre the columns"
        )
    kept = columns.kept

    def change(block: Block) -> Block:
        return block._replace(design=np.ascontiguousarray(block.design[:, kept]))

    return FewerColumns(rows, change, len(kept)), kept


def _null_model(model: BernoulliLogistic, null: _Restricted) -> BernoulliLogistic:
    """The model of restricted rows, of full rank."""
    assert isinstance(null.rows, ArrayRows)  # noqa: S101
    plain = replace(
        model, rows=null.rows, names=null.names, formula=None, encoding=None, aliased=None
    )
    return of_full_rank(plain)


@model_first
def hauck_donner(model: BernoulliLogistic, fit: PointEstimate) -> pd.DataFrame:
    r"""Where the Wald test is misled: is its statistic decreasing in the estimate?

    Parameters
    ----------
    model : BernoulliLogistic
    fit : PointEstimate
        Of that model.

    Returns
    -------
    DataFrame
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
    return misled(model, mle_of(model, fit))


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
