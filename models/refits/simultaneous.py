r"""Newton's method on many reweightings of the same rows at once, each with a certificate.

A linear predictor at d coefficient vectors is a matrix product, and so are d scores; an information
matrix is one too, of the rows' curvatures and of the products of each two columns. So a pass over
the rows serves d fits, and what a fit costs is its exponentials.

The certificate is that of `flatprior.models.certificate.after_last_step`. Only the rounding of the
score is bounded in another way: by the sums of absolute values :math:`\sum_i |r_i x_{ij}|`, which
are matrix products here.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from flatprior.models.certificate import GOOD_ENOUGH, LARGEST_PRODUCT
from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.common.parallel import parallel_map
from flatprior.models.direction_bounds import ROW_ULPS, SLACK
from flatprior.models.rows import PARALLEL, Extent

MOST_COLUMNS = 100  # with more the products of columns take more room than they save time
AT_ONCE = 2**15  # numbers, rows times fits: they stay in a core's cache
LARGEST_PRODUCTS = 2**18  # numbers in the products of columns of a piece
FEWEST_ROWS, MOST_ROWS = 2**6, 2**11  # of a piece
MOST_FITS = 2**9  # at once
FARTHEST = 700.0  # margins; beyond, a residual is at most LOST, and as good as none
LOST = 1e-303
MAX_ITERATIONS = 15  # those without an end by then are left to be looked at one by one
UNCHANGED = 1e-6  # relative change of the information by the last step
OVERSHOT = 0.1  # of the slope at the start of a step, downwards at its end
DEPARTED = 1e-8  # of whitened columns from orthonormal ones; standard errors have as many digits


@dataclass(frozen=True, eq=False)
class Answers:
    """The MLE of each of d reweightings; NaN, with a bound of inf, where none was proved.

    Attributes
    ----------
    coefficients : ndarray (d, k)
    standard_errors : ndarray (d, r)
        Of the r quantities that the rows name in `Fits.standard_errors`: of the coefficients, say.
    error_bounds : ndarray (d,)
        Standard errors.
    """

    coefficients: Array
    standard_errors: Array
    error_bounds: Array

    @classmethod
    def none(cls, d: int, k: int, r: int) -> Answers:
        """Nothing is known yet."""
        return cls(np.full((d, k), np.nan), np.full((d, r), np.nan), np.full(d, math.inf))

    @classmethod
    def together(cls, parts: Sequence[Answers]) -> Answers:
        """Those of several batches of fits, in order."""
        names = [each.name for each in fields(cls)]
        return cls(*(np.concatenate([getattr(each, name) for each in parts]) for name in names))


@dataclass(frozen=True, eq=False, kw_only=True)
class Sums:
    """What is summed over the rows of each of d fits, at coefficients of its own.

    Attributes
    ----------
    score : ndarray (d, k)
    rounding : ndarray (d, k)
        Bound on its error, but for what underflow takes.
    information : ndarray (d, k, k)
    row_error : ndarray (d,)
        Bound on the relative error of a curvature.
    column_error : ndarray (d,)
        Bound on the squared Frobenius norm of the error of ``sqrt(D) X``, where columns have one.
    longest : ndarray (d,)
        Length of the longest row, at most.
    """

    score: Array
    rounding: Array
    information: Array
    row_error: Array
    column_error: Array
    longest: Array

    def select(self, fits: NDArray[np.bool_]) -> Sums:
        """Those of some of the fits."""
        return Sums(**{name: values[fits] for name, values in vars(self).items()})


class Fits(Protocol):
    """Many fits of the same rows, in whatever they differ."""

    @property
    def extent(self) -> Extent:
        """Largest absolute values of columns and offset."""

    @property
    def total(self) -> float:
        """Observations of a fit, at most."""

    @property
    def sum_error(self) -> float:
        """Bound on the error of a sum over rows, relative to that of absolute values."""

    def at(self, fits: NDArray[np.intp], beta: Array) -> Sums:
        """The sums of some fits (d,), each at coefficients of its own (d, k)."""

    def longest(self, here: Sums, white: Array) -> Array:
        """Bound (d,) on the lengths of rows in columns whitened by each of `white` (d, k, k)."""

    def standard_errors(self, fits: NDArray[np.intp], white: Array) -> Array:
        """Of what is asked of each fit, (d, r); `white` (d, k, k) are roots of covariances."""


@dataclass(frozen=True, eq=False)
class _Piece:
    """Some rows.

    Attributes
    ----------
    part : slice
    signed : ndarray (m, k)
        The columns, times the sign of the response where all fits have the same.
    both : ndarray (m, 2 k)
        These and their absolute values.
    products : ndarray (m, k (k + 1) / 2)
        Of each two columns.
    offset : ndarray (m,) or None
        Likewise times the sign.
    """

    part: slice
    signed: Array
    both: Array
    products: Array
    offset: Array | None


@dataclass(frozen=True, eq=False)
class Reweighted:
    """Rows of which each of m fits has weights, responses or both of its own.

    Attributes
    ----------
    design : ndarray (n, k)
    response : ndarray (n,)
    offset, weights : ndarray (n,) or None
        Weights for all fits, where these have none of their own.
    extent : Extent
        Of design and offset.
    own_weights, own_responses : ndarray (m, n) or None
    """

    design: Array
    response: Array
    offset: Array | None
    weights: Array | None
    extent: Extent
    own_weights: NDArray[Any] | None
    own_responses: NDArray[Any] | None

    @property
    def n_fits(self) -> int:
        """How many fits there are, m."""
        one, two = self.own_weights, self.own_responses
        return len(two) if one is None and two is not None else len(one)  # type: ignore[arg-type]

    @cached_property
    def pairs(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """The columns that are multiplied."""
        return np.triu_indices(self.design.shape[1])

    @cached_property
    def piece_rows(self) -> int:
        """Rows of a piece."""
        return min(max(LARGEST_PRODUCTS // len(self.pairs[0]), FEWEST_ROWS), MOST_ROWS)

    @property
    def fits_at_once(self) -> int:
        """How many fits are best done side by side."""
        return min(max(AT_ONCE // min(len(self.design), self.piece_rows), 1), MOST_FITS)

    @cached_property
    def pieces(self) -> list[_Piece] | None:
        """All of them, where they take little room."""
        large = self.design.shape[0] * len(self.pairs[0]) > 16 * LARGEST_PRODUCTS
        return None if large else list(self._made())

    def with_weights(self, own_weights: NDArray[Any]) -> Reweighted:
        """The same rows, of which each of other fits has weights of its own, (m, n)."""
        same = replace(self, own_weights=own_weights, own_responses=None)
        if self.own_responses is None:
            same.__dict__["pieces"] = self.pieces
        return same

    def _made(self) -> Iterator[_Piece]:
        n = self.design.shape[0]
        for start in range(0, n, self.piece_rows):
            part = slice(start, min(start + self.piece_rows, n))
            columns = self.design[part].astype(float, copy=False)
            first, second = self.pairs
            products = columns[:, first] * columns[:, second]
            offset = None if self.offset is None else self.offset[part]
            if self.own_responses is None:
                sign = 2.0 * self.response[part] - 1.0
                columns = sign[:, None] * columns
                offset = None if offset is None else sign * offset
            yield _Piece(part, columns, np.hstack([columns, np.abs(columns)]), products, offset)

    def at(self, fits: NDArray[np.intp], beta: Array) -> Sums:
        """The sums of some fits (d,), each at coefficients of its own (d, k)."""
        d, k = beta.shape
        score, flat = np.zeros((d, 2 * k)), np.zeros((d, len(self.pairs[0])))
        for piece in self._made() if self.pieces is None else self.pieces:
            margin = np.dot(beta, piece.signed.T)
            if piece.offset is not None:
                margin += piece.offset
            sign = None
            if self.own_responses is not None:
                sign = 2.0 * self.own_responses[fits, piece.part] - 1.0
                margin *= sign
            np.minimum(margin, FARTHEST, out=margin)
            against = np.exp(margin, out=margin)
            wrong = 1.0 + against
            np.divide(1.0, wrong, out=wrong)
            curvature = against
            curvature *= wrong
            curvature *= wrong
            weights = self._weights(fits, piece.part)
            if weights is not None:
                wrong *= weights
                curvature *= weights
            if sign is None:
                score += np.dot(wrong, piece.both)
            else:
                score[:, k:] += np.dot(wrong, piece.both[:, k:])
                wrong *= sign
                score[:, :k] += np.dot(wrong, piece.both[:, :k])
            flat += np.dot(curvature, piece.products)
        information = np.empty((d, k, k))
        first, second = self.pairs
        information[:, first, second] = flat
        information[:, second, first] = flat
        row_error = self._rounding_of_rows(beta)
        return Sums(
            score=score[:, :k],
            rounding=(row_error + self.sum_error)[:, None] * score[:, k:],
            information=information,
            row_error=row_error,
            column_error=np.zeros(d),
            longest=np.full(d, np.linalg.norm(self.extent.columns)),
        )

    def longest(self, here: Sums, white: Array) -> Array:
        """Bound (d,) on the lengths of rows in columns whitened by each of `white` (d, k, k)."""
        by_entry = np.einsum("dji,j->di", np.abs(white), self.extent.columns)
        return np.asarray(np.linalg.norm(by_entry, axis=1))

    def standard_errors(self, fits: NDArray[np.intp], white: Array) -> Array:
        """Of the coefficients, (d, k)."""
        return np.asarray(np.linalg.norm(white, axis=2))

    def _weights(self, fits: NDArray[np.intp], part: slice) -> Array | None:
        if self.own_weights is not None:
            return self.own_weights[fits, part].astype(float, copy=False)
        return None if self.weights is None else self.weights[part]

    @cached_property
    def sum_error(self) -> float:
        """By the additions that a term goes through: in its piece, and of the pieces."""
        n = len(self.design)
        return (min(self.piece_rows, n) + -(-n // self.piece_rows) + 16) * UNIT

    @cached_property
    def total(self) -> float:
        """Observations of a fit, at most."""
        weights = self.weights if self.own_weights is None else self.own_weights
        largest = 1.0 if weights is None else float(weights.max())
        return len(self.design) * largest

    def _rounding_of_rows(self, beta: Array) -> Array:
        """Bound (d,) on the relative errors of residuals and curvatures."""
        k = beta.shape[1]
        reach = np.abs(beta) @ self.extent.columns + self.extent.offset
        return np.asarray(np.expm1((k + 2) * UNIT * reach) + 2 * ROW_ULPS)


def fit_all(rows: Reweighted, start: Array) -> Answers:
    """Fit all of them, from coefficients (k,)."""
    n, k = rows.design.shape
    size = rows.fits_at_once
    batches = [np.arange(at, min(at + size, rows.n_fits)) for at in range(0, rows.n_fits, size)]
    _ = rows.pieces, rows.sum_error, rows.total  # made once, before threads ask for them

    def fitted(batch: NDArray[np.intp]) -> Answers:
        with np.errstate(all="ignore"):
            return fit_some(rows, batch, start)

    large = rows.n_fits * n * k >= PARALLEL
    return Answers.together(parallel_map(fitted, batches) if large else [*map(fitted, batches)])


def fit_some(rows: Fits, fits: NDArray[np.intp], start: Array, near: float = UNCHANGED) -> Answers:
    """Newton's method on some fits (d,), from coefficients (k,).

    A step is taken where the log-likelihood is still rising at its end, or falling but little: it
    is concave, so that it has not been overshot by much. Otherwise it is halved. The last one
    changes the information by less than `near`, or if rounding forbids that, by `UNCHANGED`.
    """
    d, k = len(fits), len(start)
    found: Answers | None = None
    left = np.arange(d)  # without an end
    base = np.tile(start, (d, 1))
    step, decrement = np.zeros_like(base), np.full(d, math.inf)
    size = np.ones(d)
    for _ in range(MAX_ITERATIONS):
        beta = base + size[:, None] * step
        here = rows.at(fits[left], beta)
        taken = np.einsum("dk,dk->d", here.score, step) >= -OVERSHOT * np.square(decrement)
        white = _whitenings(here.information)
        taken &= np.isfinite(white).all(axis=(1, 2))
        pull = np.einsum("dji,dj->di", white, here.score)
        length = np.linalg.norm(pull, axis=1)
        product = length * rows.longest(here, white)
        full = np.einsum("dij,dj->di", white, pull)
        stalled = 2 * length > decrement
        ended = taken & ((product <= near) | ((product <= UNCHANGED) & stalled))
        if found is None:
            found = Answers.none(d, k, rows.standard_errors(fits[:1], white[:1]).shape[1])
        if ended.any():
            of = left[ended]
            answers = _judged(
                rows, fits[of], beta[ended], here.select(ended), white[ended], full[ended]
            )
            found.coefficients[of] = answers.coefficients
            found.standard_errors[of] = answers.standard_errors
            found.error_bounds[of] = answers.error_bounds
        base[taken], step[taken] = beta[taken], full[taken]
        decrement[taken] = length[taken]
        size = np.where(taken, 1.0, size / 2)
        left, base, step, decrement, size = (
            each[~ended] for each in (left, base, step, decrement, size)
        )
        if not len(left):
            break
    assert found is not None  # noqa: S101
    return found


def _whitenings(information: Array) -> Array:
    """T with ``T' H T`` the identity for each of the matrices H (d, k, k); NaN where there is none.

    Everything is of the information with its diagonal made 1, so that no unit of a column matters.
    """
    k = information.shape[1]
    scale = np.sqrt(np.einsum("djj->dj", information))
    unit = information / (scale[:, :, None] * scale[:, None, :])
    sound = np.isfinite(unit).all(axis=(1, 2))
    unit[~sound] = np.eye(k)
    try:
        lower = np.linalg.cholesky(unit)
    except np.linalg.LinAlgError:
        sound &= np.linalg.eigvalsh(unit)[:, 0] > 64 * k * k * UNIT
        unit[~sound] = np.eye(k)
        lower = np.linalg.cholesky(unit)
    white = np.linalg.inv(lower).transpose(0, 2, 1) / scale[:, :, None]
    white[~sound] = np.nan
    return np.asarray(white)


def _judged(
    rows: Fits, fits: NDArray[np.intp], beta: Array, here: Sums, white: Array, step: Array
) -> Answers:
    """What is proved of one more step from coefficients (d, k); see `after_last_step`."""
    k = beta.shape[1]
    size = np.sqrt(np.einsum("djj->dj", here.information))
    positive = np.abs(white)
    spread = SLACK * np.linalg.norm(np.einsum("dji,dj->di", positive, size), axis=1)
    whitened = np.einsum("dji,djl,dlm->dim", white, here.information, white, optimize=True)
    measured = np.linalg.norm(whitened - np.eye(k), axis=(1, 2))
    columns = SLACK * np.linalg.norm(white, axis=(1, 2)) * np.sqrt(here.column_error)
    delta = measured + columns * (2 * np.sqrt(1 + measured) + columns)
    delta += (here.row_error + rows.sum_error + 4 * k * UNIT) * np.square(spread)
    shrink = np.sqrt(1 - delta)
    pull = np.linalg.norm(np.einsum("dji,dj->di", white, here.score), axis=1)
    lost = rows.total * LOST * rows.extent.columns
    error = here.rounding + lost
    rounding = SLACK * np.linalg.norm(np.einsum("dji,dj->di", positive, error), axis=1) / shrink
    rounding += 4 * k * UNIT * spread * pull
    decrement = pull / shrink + rounding
    radius = SLACK * rows.longest(here, white) / shrink
    product = decrement * radius
    rho = -np.log1p(-np.minimum(product, LARGEST_PRODUCT)) / radius
    t = radius * rho
    remainder = t * t / 2 * np.exp(t) / radius
    remainder += rounding + 2 * delta * decrement
    after = beta + step
    remainder += SLACK * UNIT * np.einsum("dj,dj->d", size, np.abs(after))
    proved = (delta < DEPARTED) & (product <= LARGEST_PRODUCT) & (remainder < GOOD_ENOUGH)
    proved &= (UNIT * np.square(size) >= lost * rows.extent.columns).all(axis=1)
    errors = rows.standard_errors(fits, white)
    answers = Answers.none(len(beta), k, errors.shape[1])
    answers.coefficients[proved] = after[proved]
    answers.standard_errors[proved] = errors[proved]
    answers.error_bounds[proved] = remainder[proved]
    return answers
