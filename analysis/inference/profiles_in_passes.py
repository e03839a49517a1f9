r"""Profile likelihoods of rows that come in batches: all that is looked for advances in one pass.

A pass gives log-likelihood, score g and information H at any number of places, so that the ends of
all intervals, or all points of a curve, take as many passes as the slowest of them alone. Each is
found as Venzon and Moolgavkar (1988, Applied Statistics 37, 87-94) do. With :math:`V = H^{-1}`, the
parabola at a place b has its highest point, :math:`h = \ell + g'Vg / 2`, at :math:`b + Vg`. The
coefficient is :math:`a'\beta`; where it is held :math:`\tau` from here the parabola is highest at

.. math:: b + Vg + Va\,(\tau - a'Vg) / a'Va, \qquad h - (\tau - a'Vg)^2 / (2 a'Va)

and falls to a target t at :math:`\tau = a'Vg \pm \sqrt{2 a'Va\,(h - t)}`. At a place that such a
step does not leave, :math:`\ell = t` and g is a multiple of a: as the log-likelihood is concave,
that is the end of the profile. A search is over where the next step, of length l in standard
errors, is one of which the parabola knows the log-likelihood to :math:`R l^3 e^{R l} / 6`, R being
the largest standard error of a row's linear predictor.

Places are in columns that the covariance of the MLE whitens.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpotrf, dtrtri

from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, PointEstimate
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.covariance.roots import required_root
from flatprior.models.likelihood import Moments, linear_predictor, moments_at_each
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import Block, MappedRows

MAX_STEPS = 60
MOST_HALVINGS = 30
SOLVED = 1e-11  # of the drop to an end: its equation is solved
SEEN = 1e-3  # of the drop: no end is given that rounding could have moved by more
LONGEST_LAST = 0.1  # of a last step, in units of 1 / R
DROP_OF_NULL = 1.0  # of a log-likelihood, in which it is found where a hypothesis holds


class Found(NamedTuple):
    """A place on a profile: the coefficient less its estimate, the log-likelihood, and where."""

    value: float
    log_likelihood: float
    place: Array


class Null(NamedTuple):
    """Likelihood-ratio and score statistic of the hypothesis that something is 0."""

    likelihood_ratio: float
    score: float


class Parabola(NamedTuple):
    """The log-likelihood about a place, as a function of how far the coefficient goes.

    Attributes
    ----------
    here : float
        The coefficient, less its estimate.
    pull : float
        How far it goes to the highest point.
    variance : float
    height : float
        The highest point.
    """

    here: float
    pull: float
    variance: float
    height: float


Search = Generator[Array, Moments, Found | None]


@dataclass(frozen=True, eq=False, kw_only=True)
class Profiles:
    """The profiles of a model about its MLE.

    Attributes
    ----------
    rows : MappedRows
        In whitened columns, with the linear predictors of the MLE as offset.
    root : ndarray (k, k)
        What makes coefficients of whitened ones.
    extent : ndarray (k,)
        Upper bounds on absolute values in the whitened columns.
    reach : float
        Upper bound on the sum of the absolute terms of a linear predictor of the MLE.
    mle : PointEstimate
    names : tuple of str
    """

    rows: MappedRows
    root: Array
    extent: Array
    reach: float
    mle: PointEstimate
    names: tuple[str, ...]

    @classmethod
    def of(cls, model: BernoulliLogistic) -> Profiles:
        """Those of a model.

        Raises
        ------
        MLEDoesNotExistError
            If columns are dependent, or it is undecided whether the MLE exists.
        ValueError
            If the outcomes are separated.
        """
        try:
            mle = converged_mle(model)
        except MLEDoesNotExistError as error:
            found = error.existence
            if found.kind in ("rank deficient", "undecided"):
                raise
            raise InputError(
                f"{found.message}; profile likelihoods of separated outcomes need the rows in "
                "memory, and these are read in batches: build the model with from_formula"
            ) from None
        scale, beta = mle.standard_errors, mle.coefficients
        try:
            unit = mle.covariance / np.outer(scale, scale)
            root = scale[:, None] * np.linalg.cholesky(unit)
        except np.linalg.LinAlgError:
            root = required_root(model.rows, beta).matrix

        def whitened(block: Block) -> Block:
            design, offset = np.dot(block.design, root), linear_predictor(block, beta)
            return block._replace(design=design, offset=offset)

        size = model.rows.extent
        return cls(
            rows=MappedRows(model.rows, whitened),
            root=root,
            extent=np.abs(root).T @ size.columns,
            reach=float(size.columns @ np.abs(beta)) + size.offset,
            mle=mle,
            names=model.names,
        )

    def ends(
        self, places: Sequence[int], drop: float, advance: Callable[[], None] = lambda: None
    ) -> Array:
        """Where the profile of each of d coefficients falls by `drop`, below and above, (d, 2).

        `advance` is called for each coefficient.

        Raises
        ------
        ArithmeticError
            If that is not found.
        """
        target = self.mle.log_likelihood - drop

        def end(direction: Array, way: float) -> Search:
            def ahead(at: Parabola) -> float:
                rise = max(at.height - target, 0.0)
                return at.pull + way * math.sqrt(2 * at.variance * rise)

            return self._search(direction, ahead, drop)

        found = self._together([end(self.root[j], way) for j in places for way in (-1.0, 1.0)])
        ends = np.empty((len(places), 2))
        for i, j in enumerate(places):
            for side, each in enumerate(found[2 * i : 2 * i + 2]):
                if each is None:
                    raise PrecisionError(
                        f"double precision does not tell where the profile of {self.names[j]!r} "
                        "falls to the end of its interval; centre and rescale columns and offsets"
                    )
                ends[i, side] = self.mle.coefficients[j] + each.value
            advance()
        return ends

    def points(self, place: int, values: Array, drop: float) -> list[float]:
        """The profile at values of a coefficient, to `SOLVED` of a `drop`; NaN where not found."""
        centre = self.mle.coefficients[place]

        def point(value: float) -> Search:
            return self._search(self.root[place], lambda at: value - at.here, drop)

        found = self._together([point(value) for value in values - centre])
        return [math.nan if each is None else each.log_likelihood for each in found]

    def nulls(self, directions: Sequence[Array]) -> list[Null | None]:
        """Tests that each of some combinations (k,) of coefficients is 0; None where not found."""
        mle = self.mle

        def null(direction: Array) -> Search:
            value = -float(direction @ mle.coefficients)
            return self._search(self.root.T @ direction, lambda at: value - at.here, DROP_OF_NULL)

        found = self._together([null(direction) for direction in directions])
        places = [each.place for each in found if each is not None]
        sums = iter(moments_at_each(self.rows, places))

        def tested(each: Found | None) -> Null | None:
            step = None if each is None else self._ascent(next(sums))
            if each is None or step is None:
                return None
            fall = mle.log_likelihood - each.log_likelihood
            return Null(max(2 * fall, 0.0), step)

        return [tested(each) for each in found]

    def _ascent(self, sums: Moments) -> float | None:
        """Squared length of the Newton step; None where the information is not positive."""
        white = self._white(sums)
        return None if white is None else float(np.square(white.T @ sums.score).sum())

    def _together(self, searches: Sequence[Search]) -> list[Found | None]:
        """Lead all searches to their ends, with the same passes."""
        answers: list[Found | None] = [None] * len(searches)
        asked: dict[int, Array] = {}

        def go_on(i: int, sums: Moments | None) -> None:
            try:
                asked[i] = next(searches[i]) if sums is None else searches[i].send(sums)
            except StopIteration as over:
                answers[i] = over.value
                asked.pop(i, None)

        for i in range(len(searches)):
            go_on(i, None)
        while asked:
            waiting = list(asked)
            found = moments_at_each(self.rows, [asked[i] for i in waiting])
            for i, sums in zip(waiting, found, strict=True):
                go_on(i, sums)
        return answers

    def _search(self, direction: Array, ahead: Callable[[Parabola], float], drop: float) -> Search:
        """Yield places, each one step from the last, to the one that a step hardly leaves.

        A step that ends lower than the parabola has it by more than `drop` is halved.
        """
        alpha = np.zeros(len(direction))
        sums = Moments(
            self.mle.log_likelihood, alpha, np.eye(len(alpha)), 0.0, 0.0
        )  # without a pass
        step = self._step(alpha, sums, direction, ahead)
        for _ in range(MAX_STEPS):
            if step is None:
                return None
            reach = step.length * step.radius
            error = step.length**2 * reach * math.exp(min(reach, 1.0)) / 6
            if reach <= LONGEST_LAST and error <= SOLVED * drop:
                if not self._rounding(alpha, sums) <= SEEN * drop:
                    return None
                there = alpha + step.by
                return Found(float(direction @ there), step.height_at(1.0), there)
            share, further = 1.0, None
            for _ in range(MOST_HALVINGS):
                there = alpha + share * step.by
                sums = yield there
                if sums.log_likelihood >= step.height_at(share) - drop:
                    further = self._step(there, sums, direction, ahead)
                if further is not None:
                    break
                share /= 2
            alpha, step = alpha + share * step.by, further
        return None

    def _rounding(self, alpha: Array, sums: Moments) -> float:
        """What rounding may do to a log-likelihood: that of its sum, and of linear predictors."""
        reach = self.reach + float(self.extent @ np.abs(alpha))
        of_rows = 4 * (len(alpha) + 2) * reach * sums.slope
        return EPSILON * (16 + 64 * abs(sums.log_likelihood) + of_rows)

    @staticmethod
    def _white(sums: Moments) -> Array | None:
        """What makes the information the identity; None where it is not positive definite."""
        information = sums.information
        assert information is not None  # noqa: S101
        scale = np.sqrt(information.diagonal())
        if not (np.isfinite(information).all() and (scale > 0).all()):
            return None
        lower, failed = dpotrf(information / (scale * scale[:, None]), lower=1)
        return None if failed else np.asarray(dtrtri(lower, lower=1)[0].T / scale[:, None])

    def _step(
        self, alpha: Array, sums: Moments, direction: Array, ahead: Callable[[Parabola], float]
    ) -> _Step | None:
        """The next step; None where the information is not positive definite."""
        white = self._white(sums)
        if white is None:
            return None
        score, along = white.T @ sums.score, white.T @ direction
        pull, variance = float(along @ score), float(along @ along)
        height = sums.log_likelihood + float(score @ score) / 2
        tau = ahead(Parabola(float(direction @ alpha), pull, variance, height))
        by = score + along * ((tau - pull) / variance)
        return _Step(
            by=white @ by,
            length=float(np.linalg.norm(by)),
            radius=float(np.linalg.norm(np.abs(white).T @ self.extent)),
            log_likelihood=sums.log_likelihood,
            slope=float(score @ by),
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Step:
    """A step, and what the parabola says of it.

    Attributes
    ----------
    by : ndarray (k,)
    length : float
        In standard errors.
    radius : float
        Upper bound on the largest standard error of a row's linear predictor.
    log_likelihood, slope : float
        At its beginning.
    """

    by: Array
    length: float
    radius: float
    log_likelihood: float
    slope: float

    def height_at(self, share: float) -> float:
        """The parabola after that share of the step."""
        return self.log_likelihood + share * self.slope - (share * self.length) ** 2 / 2
