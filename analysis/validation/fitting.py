"""All fits of a validation, side by side, and the scores of each as soon as it is made."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from flatprior.analysis.diagnostics.ranks import Ranks
from flatprior.analysis.validation.recalibration import Recalibrations, recalibrated
from flatprior.analysis.validation.resampling import (
    Observations,
    bootstrap_counts,
    fold_counts,
)
from flatprior.analysis.validation.scores import INDICES, Forecasts, Patterns
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.parallel import parallel_map
from flatprior.models.common.progress import progress_bar
from flatprior.models.refits.refitting import fitted_alone, reweighted
from flatprior.models.refits.simultaneous import Answers, Reweighted, fit_some

T = TypeVar("T")

MOST_AT_ONCE = 64  # fits in a task: a bar moves, and Ctrl-C is heard, between tasks
LARGEST_TASK = 2**22  # numbers in predictions of a task


@dataclass(frozen=True, eq=False, kw_only=True)
class Fitted:
    """What came of m fits.

    Attributes
    ----------
    coefficients, standard_errors : ndarray (m, k)
    error_bounds : ndarray (m,)
    reasons : tuple of str (m,)
        As in `flatprior.models.Refits`.
    superfluous : Counter
        In how many fits a column was 0 throughout, or a combination of others.
    """

    coefficients: Array
    standard_errors: Array
    error_bounds: Array
    reasons: tuple[str, ...]
    superfluous: Mapping[str, int]

    def select(self, fits: NDArray[Any]) -> Fitted:
        """Some of them, without what is superfluous in others."""
        return Fitted(
            coefficients=self.coefficients[fits],
            standard_errors=self.standard_errors[fits],
            error_bounds=self.error_bounds[fits],
            reasons=tuple(np.array(self.reasons, dtype=object)[fits]),
            superfluous={},
        )

    @classmethod
    def of_estimate(cls, fit: PointEstimate) -> Fitted:
        """A single fit."""
        bound = math.inf if fit.certificate is None else fit.certificate.error_bound
        return cls(
            coefficients=fit.coefficients[None],
            standard_errors=fit.standard_errors[None],
            error_bounds=np.array([bound]),
            reasons=("",),
            superfluous={},
        )

    @classmethod
    def together(cls, parts: Sequence[Fitted]) -> Fitted:
        """Those of several tasks, in order."""
        return cls(
            coefficients=np.concatenate([part.coefficients for part in parts]),
            standard_errors=np.concatenate([part.standard_errors for part in parts]),
            error_bounds=np.concatenate([part.error_bounds for part in parts]),
            reasons=tuple(reason for part in parts for reason in part.reasons),
            superfluous=sum((Counter(part.superfluous) for part in parts), Counter()),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Work:
    """What all fits of a validation share.

    Attributes
    ----------
    model : BernoulliLogistic
        Its rows are in memory.
    start : ndarray (k,)
        Its MLE, from which all fits start.
    observations : Observations
    patterns : Patterns
    side_by_side : Reweighted or None
    seed : int
    """

    model: BernoulliLogistic
    start: Array
    observations: Observations
    patterns: Patterns
    side_by_side: Reweighted | None
    seed: int

    @classmethod
    def of(
        cls,
        model: BernoulliLogistic,
        start: Array,
        stratified: bool,
        seed: int,
        clusters: NDArray[np.intp] | None = None,
    ) -> Work:
        """That of a model, whose observations or clusters are drawn."""
        together = reweighted(model)
        if together is not None:
            _ = together.pieces  # made once, before threads ask for them
        return cls(
            model=model,
            start=start,
            observations=Observations.of(model.arrays, stratified, clusters),
            patterns=Patterns.of(model.arrays),
            side_by_side=together,
            seed=seed,
        )

    @property
    def at_once(self) -> int:
        """Fits of a task."""
        best = MOST_AT_ONCE if self.side_by_side is None else self.side_by_side.fits_at_once
        return max(1, min(best, MOST_AT_ONCE, LARGEST_TASK // self.model.n_rows))

    def fitted(self, weights: Array) -> Fitted:
        """Fits with weights (d, n), each proved, or it is said why it has none."""
        d, k = len(weights), len(self.start)
        found, reasons, superfluous = Answers.none(d, k, k), [""] * d, Counter[str]()
        if self.side_by_side is not None:
            with np.errstate(all="ignore"):
                rows = self.side_by_side.with_weights(weights)
                found = fit_some(rows, np.arange(d), self.start)
        for i in np.flatnonzero(np.isinf(found.error_bounds)):
            alone = fitted_alone(self.model, weights[i])
            reasons[i] = alone.reason
            superfluous.update(alone.superfluous.keys())
            if not alone.reason:
                found.coefficients[i] = alone.coefficients
                found.standard_errors[i] = alone.standard_errors
                found.error_bounds[i] = alone.error_bound
        return Fitted(
            coefficients=found.coefficients,
            standard_errors=found.standard_errors,
            error_bounds=found.error_bounds,
            reasons=tuple(reasons),
            superfluous=superfluous,
        )

    def predicted(self, fitted: Fitted) -> tuple[Array, Array]:
        """Log-odds (d, n) of fits, and how far apart they must be for their order to be known."""
        patterns, beta = self.patterns, fitted.coefficients
        gaps = patterns.gaps(beta, fitted.standard_errors, fitted.error_bounds)
        return patterns.log_odds(beta), gaps

    def in_tasks(
        self,
        function: Callable[[T], Any],
        tasks: Sequence[T],
        size: Callable[[T], int],
        what: str,
        progress: bool,
    ) -> list[Any]:
        """What `function` gives of each task, on all cores, with a bar."""
        with progress_bar(what, sum(map(size, tasks)), progress) as advance:

            def done(task: T) -> Any:
                found = function(task)
                advance(size(task))
                return found

            return parallel_map(done, tasks)


def indices_of(work: Work, fitted: Fitted, *weights: Array) -> list[Array]:
    """All `INDICES` (d, 5) of some fits, with each of several weights (d, n) or (1, n)."""
    sign = work.model.arrays.sign
    log_odds, gaps = work.predicted(fitted)
    forecasts = Forecasts(log_odds, sign, gaps)
    found = []
    for each in weights:
        some = Recalibrations(log_odds=log_odds, sign=sign, weights=each)
        calibration = recalibrated(work.model, some).coefficients[:, ::-1]
        found.append(np.hstack([forecasts.scores(each), calibration]))
    return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Bootstrapped:
    """m bootstrap fits.

    Attributes
    ----------
    fitted : Fitted
    training, test : ndarray (m, 5)
        `INDICES` of each fit on its own sample, and on the observations that it was drawn from; NaN
        without an MLE.
    """

    fitted: Fitted
    training: Array
    test: Array


def bootstrapped(work: Work, resamples: int, progress: bool) -> Bootstrapped:
    """Fit bootstrap samples, and score each fit on its own sample and on all observations."""

    def done(numbers: range) -> tuple[Fitted, Array, Array]:
        weights = bootstrap_counts(work.observations, work.seed, numbers)
        fitted = work.fitted(weights)
        both = [np.full((len(numbers), len(INDICES)), np.nan) for _ in range(2)]
        there = np.isfinite(fitted.error_bounds)
        if there.any():
            own, of_all = weights[there], work.observations.counts[None]
            found = indices_of(work, fitted.select(there), own, of_all)
            for every, some in zip(both, found, strict=True):
                every[there] = some
        return fitted, both[0], both[1]

    size = work.at_once
    tasks = [range(at, min(at + size, resamples)) for at in range(0, resamples, size)]
    found = work.in_tasks(done, tasks, len, "bootstrap samples", progress)
    fitted, training, test = zip(*found, strict=True)
    return Bootstrapped(
        fitted=Fitted.together(fitted),
        training=np.concatenate(training),
        test=np.concatenate(test),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class CrossValidated:
    """Fits without each fold of several cuts.

    Attributes
    ----------
    fitted : Fitted
        Cut by cut, fold by fold: m of them.
    test : ndarray (m, 3)
        AUC, Brier and log score of each fit on the fold that it was without.
    area_variances : ndarray (m,)
        Of the AUC, DeLong's.
    sizes : ndarray (m,)
        Observations of each fold.
    squares : ndarray (m, 2)
        Sum over these of the squares of squared error and negative log probability.
    calibration, calibration_errors : ndarray (cuts, 2)
        Slope and intercept of all predictions of a cut, and their standard errors.
    predicted : ndarray (n,)
        Mean probability of each row's observations by the fits that were without them; NaN without
        any.
    """

    fitted: Fitted
    test: Array
    area_variances: Array
    sizes: Array
    squares: Array
    calibration: Array
    calibration_errors: Array
    predicted: Array


def cross_validated(work: Work, folds: int, cuts: int, progress: bool) -> CrossValidated:
    """Fit without each fold of several cuts, and score each fit on the fold that it was without."""
    counts, sign = work.observations.counts, work.model.arrays.sign

    def done(task: tuple[int, range]) -> tuple[Fitted, Array, list[Any]]:
        cut, some = task
        held = fold_counts(work.observations, work.seed, cut, folds)[some.start : some.stop]
        fitted = work.fitted(counts - held)
        scores = np.full((len(some), 7), np.nan)
        scores[:, 4] = held.sum(axis=1)
        parts = []
        for i in np.flatnonzero(np.isfinite(fitted.error_bounds) & (scores[:, 4] > 0)):
            rows = np.flatnonzero(held[i])
            log_odds, gaps = work.predicted(fitted.select(np.array([i])))
            log_odds, weights = log_odds[:, rows], held[i, rows]
            forecast = Forecasts(log_odds, sign[rows], gaps)
            scores[i, :3] = forecast.scores(weights[None])[0]
            ranks = Ranks.of(log_odds[0], expit(log_odds[0]), sign[rows] > 0, weights)
            scores[i, 3] = ranks.area().standard_error ** 2
            scores[i, 5] = weights @ np.square(forecast.squared[0])
            scores[i, 6] = weights @ np.square(forecast.logs[0])
            parts.append((cut, rows, log_odds[0], weights))
        return fitted, scores, parts

    size = work.at_once
    tasks = [
        (cut, range(at, min(at + size, folds)))
        for cut in range(cuts)
        for at in range(0, folds, size)
    ]
    found = work.in_tasks(done, tasks, lambda task: len(task[1]), "folds", progress)
    fitted, scores, parts = zip(*found, strict=True)
    every = np.concatenate(scores)
    of_cuts: list[list[Any]] = [[] for _ in range(cuts)]
    total, number = np.zeros(len(sign)), np.zeros(len(sign))
    for cut, rows, log_odds, weights in (part for some in parts for part in some):
        of_cuts[cut].append((rows, log_odds, weights))
        total[rows] += weights * expit(log_odds)
        number[rows] += weights

    def calibrated(some: list[Any]) -> Any:
        if not some:
            return np.full((2, 2), np.nan)
        rows, log_odds, weights = (np.concatenate(each) for each in zip(*some, strict=True))
        refit = Recalibrations(log_odds=log_odds[None], sign=sign[rows], weights=weights[None])
        answers = recalibrated(work.model, refit)
        return np.array([answers.coefficients[0, ::-1], answers.standard_errors[0, ::-1]])

    both = np.array(parallel_map(calibrated, of_cuts))
    with np.errstate(invalid="ignore"):
        predicted = total / number
    return CrossValidated(
        fitted=Fitted.together(fitted),
        test=every[:, :3],
        area_variances=every[:, 3],
        sizes=every[:, 4],
        squares=every[:, 5:],
        calibration=both[:, 0],
        calibration_errors=both[:, 1],
        predicted=predicted,
    )
