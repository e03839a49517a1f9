"""What a number of a whole fit may be: log-likelihoods, criteria, counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import chi2

from flatprior.analysis.auditing.standard_error_kinds import Place
from flatprior.analysis.auditing.their_case import Case, Value
from flatprior.analysis.inference.goodness import explained, null_log_likelihood
from flatprior.analysis.maxima import FewerColumns, maximal
from flatprior.analysis.producers.theirs import Stated
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import EPSILON
from flatprior.models.common.closeness import LOG_LIKELIHOOD, Closeness
from flatprior.models.covariance.whitening import whitening
from flatprior.models.encoding.grouped import Counts, Trials
from flatprior.models.likelihood import moments, row_terms, total_log_likelihood
from flatprior.models.rows import Block

PRINTED = Closeness(0.0)  # the digits say how exact it is
SUMMED = Closeness(1e-11)  # rounding errors of either sign, of up to a hundred million rows


def of_the_fit(
    case: Case, group: str, where: Place
) -> Iterator[tuple[str, Callable[[Stated], Value | None]]]:
    """What a number of the whole fit may be."""
    both = (_FIT[group](Whole(case, where, rounding)) for rounding in (PRINTED, LOG_LIKELIHOOD))
    for (name, value), (_, double) in zip(*both, strict=True):

        def find(each: Stated, value: Value = value, double: Value = double) -> Value:
            return value if each.unit > 0 else double

        yield name + (where.where if group not in _OF_THE_DATA else ""), find


@dataclass(frozen=True, eq=False)
class Whole:
    """What the numbers of a whole fit are made of.

    `rounding` is what another program's summing over rows may do to a log-likelihood.
    """

    case: Case
    where: Place
    rounding: Closeness

    @property
    def log_likelihood(self) -> Value:
        """At the place, and how much rounding of the coefficients may have changed it."""
        case, at = self.case, self.where
        model = case.model
        if at is case.best and case.mle is not None:
            mle = case.mle
            return self._summed(mle.log_likelihood, mle.certificate.log_likelihood_error)
        found = case.remembered(
            ("log-likelihood", id(at)), lambda: total_log_likelihood(model.rows, at.coefficients)
        )
        error = case.remembered(("its error", id(at)), lambda: self._rounded())
        return self._summed(found, math.inf if error is None else error)

    def _summed(self, found: float | None, error: float) -> Value:
        """A log-likelihood, as another program may have summed it."""
        value = math.nan if found is None else found
        return Value(value, error + self.rounding.relative * abs(value) + self.rounding.absolute)

    def _rounded(self) -> float:
        at = self.where
        here = self.case.model.rows.reduce(lambda block: moments(block, at.coefficients))
        assert here.information is not None  # noqa: S101
        slope = float(np.abs(here.score) @ at.moved)
        curved = float(at.moved @ np.abs(here.information) @ at.moved) / 2
        return slope + curved * math.exp(min(at.reach, 500.0)) + 1e-11 * abs(here.log_likelihood)

    @property
    def null(self) -> Value:
        """Of a constant, which a program may find by an optimiser that stops early."""
        case, model = self.case, self.case.model
        found = case.remembered(("null",), lambda: null_log_likelihood(model))
        # of events and others alone it is a formula, with an offset a fit
        relative = 1e-11 if model.rows.has_offset else 8 * EPSILON
        error = relative * abs(found or 0.0)
        tolerance = case.their.settings.null_tolerance
        if tolerance > 0:
            short = case.remembered(("short",), lambda: short_of_null(model, tolerance))
            error += math.inf if short is None else short
        return self._summed(found, error)

    @property
    def n(self) -> int:
        """Observations."""
        return self.case.model.n_observations

    @property
    def k(self) -> int:
        """Coefficients."""
        return self.case.model.n_parameters

    @property
    def grouped(self) -> Iterator[tuple[str, Trials]]:
        """What groups have besides observations: of rows that are alike, and those of the data."""
        groups, own = self.case.groups, self.case.model.trials
        if groups is not None:
            found = Counts(groups.events, groups.trials - groups.events).trials
            yield "", found
            own = None if own is None or own.n_groups == found.n_groups else own
        if own is not None:
            yield " as the data have them", own

    @property
    def counts(self) -> Iterator[tuple[str, float]]:
        """What may be counted as n."""
        model = self.case.model
        yield "observations", model.n_observations
        if model.n_rows != model.n_observations:
            yield "rows", model.n_rows
        for which, found in self.grouped:
            yield f"groups{which}", found.n_groups
        if model.n_dropped:
            yield "rows, with those that are left out", model.n_rows + model.n_dropped

    def both(self, value: Value) -> Iterator[tuple[str, Value]]:
        """A log-likelihood, and that of grouped data, which counts the orders of the outcomes."""
        yield "Bernoulli", value
        for which, found in self.grouped:
            named = f"binomial, with its coefficients{which and f', groups{which}'}"
            yield named, Value(value.value + found.constant, value.error)


def short_of_null(model: BernoulliLogistic, tolerance: float) -> float:
    r"""How far below its maximum the log-likelihood of a constant is where an optimiser may stop.

    There the slope of the mean log-likelihood is `tolerance` or less. With h the curvature of the
    mean at its maximum, that at a distance t is between :math:`h e^{-t}` and :math:`h e^t`: at a
    distance d the slope is :math:`h (1 - e^{-d})` at least, and the mean is
    :math:`h (e^d - 1 - d)` below its maximum at most. Infinite where the slope may be as small
    however far away.

    Examples
    --------
    >>> from flatprior.analysis.auditing.whole_fit import short_of_null
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> short_of_null(model, 1e-5) < 1e-8
    True
    """

    def constant(block: Block) -> Block:
        return block._replace(design=np.ones((len(block.sign), 1)))

    rows = FewerColumns(model.rows, constant, 1)
    place = maximal(rows)[1]
    curvature = rows.reduce(lambda block: float(row_terms(block, place).curvature.sum()))
    total = rows.reduce(lambda block: float(block.counts.sum()))
    ratio = tolerance * total / curvature
    return curvature * (ratio / (1 - ratio) + math.log1p(-ratio)) if ratio < 1 else math.inf


def _times(value: Value, factor: float, plus: float = 0.0) -> Value:
    return Value(factor * value.value + plus, abs(factor) * value.error)


def _heights(whole: Whole) -> Iterator[tuple[str, Value]]:
    yield from whole.both(whole.log_likelihood)
    yield "mean of observations", _times(whole.log_likelihood, 1 / whole.n)
    if whole.where.where:
        half = whole.case.remembered(("logdet", id(whole.where)), lambda: _half_logdet(whole))
        if half is not None:
            yield "with Firth's penalty", _times(whole.log_likelihood, 1.0, half)


def _half_logdet(whole: Whole) -> float:
    white = whitening(whole.case.model.rows, whole.where.coefficients)
    if white is None:
        raise np.linalg.LinAlgError
    return -float(np.linalg.slogdet(white)[1])


def _doubled(whole: Whole) -> Iterator[tuple[str, Value]]:
    for name, value in _heights(whole):
        yield name, _times(value, -2.0)


def _deviances(whole: Whole) -> Iterator[tuple[str, Value]]:
    yield from _deviance(whole, whole.log_likelihood)


def _null_deviances(whole: Whole) -> Iterator[tuple[str, Value]]:
    yield from _deviance(whole, whole.null)


def _deviance(whole: Whole, value: Value) -> Iterator[tuple[str, Value]]:
    yield "Bernoulli", _times(value, -2.0)
    for which, found in whole.grouped:
        yield f"of groups{which}", _times(value, -2.0, 2 * found.saturated)
    yield "mean of observations", _times(value, -2.0 / whole.n)


def _aic(whole: Whole) -> Iterator[tuple[str, Value]]:
    n, k = whole.n, whole.k
    for name, value in whole.both(whole.log_likelihood):
        yield name, _times(value, -2.0, 2.0 * k)
    plain = _times(whole.log_likelihood, -2.0, 2.0 * k)
    if n > k + 1:
        yield "corrected (AICc)", Value(plain.value + 2 * k * (k + 1) / (n - k - 1), plain.error)
    yield "divided by n", _times(plain, 1 / n)


def _bic(whole: Whole) -> Iterator[tuple[str, Value]]:
    k = whole.k
    for name, value in whole.both(whole.log_likelihood):
        for counted, n in whole.counts:
            said = name if counted == "observations" else f"{name}, n of {counted}"
            yield said, _times(value, -2.0, k * math.log(n))
    for name, value in _deviances(whole):
        if not name.startswith("mean"):
            for counted, n in whole.counts:
                said = "" if counted == "observations" else f", n of {counted}"
                yield (
                    f"deviance {'' if name == 'Bernoulli' else name + ' '}- (n - k) log n{said}",
                    Value(value.value - (n - k) * math.log(n), value.error),
                )


def _numbers(whole: Whole) -> Iterator[tuple[str, Value]]:
    for name, n in whole.counts:
        yield name, Value(float(n), 0.0)


def _ratio(whole: Whole) -> Value:
    """Of two log-likelihoods of the same program, whatever digits of it are printed."""
    whole = replace(whole, rounding=SUMMED)
    full, null = whole.log_likelihood, whole.null
    return Value(2 * (full.value - null.value), 2 * (full.error + null.error))


def _ratios(whole: Whole) -> Iterator[tuple[str, Value]]:
    yield "against a constant", _ratio(whole)


def _ratio_tails(whole: Whole) -> Iterator[tuple[str, Value]]:
    if whole.k > 1:
        found = _ratio(whole)
        low, p, high = (
            float(chi2.sf(found.value + moved, whole.k - 1))
            for moved in (found.error, 0.0, -found.error)
        )
        error = max(high - p, p - low) if found.error < math.inf else math.inf
        yield "against a constant", Value(p, error)


def _explained_share(whole: Whole) -> Iterator[tuple[str, Value]]:
    full, null, n, k = whole.log_likelihood, whole.null, whole.n, whole.k
    if not null.value:
        return
    error = (full.error + null.error) / abs(null.value)
    yield "McFadden", Value(1 - full.value / null.value, error)
    yield "McFadden, adjusted", Value(1 - (full.value - k) / null.value, error)
    gain = 2 * (full.value - null.value) / n
    error = 2 * (full.error + null.error) / n
    cox, most = -math.expm1(-gain), -math.expm1(2 * null.value / n)
    yield "Cox and Snell", Value(cox, error)
    yield "Nagelkerke", Value(cox / most, error / most)
    if whole.case.mle is not None and whole.where is whole.case.best:
        tjur = whole.case.remembered(("tjur",), lambda: _tjur(whole.case.model, whole.case.mle))
        if tjur is not None:
            yield "Tjur", Value(tjur, 1e-9)


def _tjur(model: BernoulliLogistic, mle: PointEstimate | None) -> float:
    assert mle is not None  # noqa: S101
    return explained(model, mle).tjur


_OF_THE_DATA = ("n", "null log-likelihood", "null deviance")
_FIT: dict[str, Callable[[Whole], Iterator[tuple[str, Value]]]] = {
    "log-likelihood": _heights,
    "null log-likelihood": lambda whole: whole.both(whole.null),
    "-2 log-likelihood": _doubled,
    "deviance": _deviances,
    "null deviance": _null_deviances,
    "AIC": _aic,
    "BIC": _bic,
    "n": _numbers,
    "LR chi-squared": _ratios,
    "LR p": _ratio_tails,
    "McFadden R2": _explained_share,
}
