r"""The score near some coefficients as a polynomial, and how wrong that is at most.

In columns that a root T whitens, with rows :math:`z_j` and :math:`t_j = z_j'\delta`, Taylor's
theorem says of the score

.. math:: T'S(\beta + T\delta) = T'S(\beta)
          - \sum_{r=1}^{q} \frac{1}{r!} \sum_j w_j \sigma^{(r)}(\eta_j)\, z_j t_j^r - \text{rest},

whose sums over rows are found in one pass: they are the coefficients of the monomials of
:math:`\delta`. From then on a score costs no row any more.

**The rest.** Up to order 5 the derivatives of the logistic function :math:`\sigma` satisfy
:math:`|\sigma^{(r)}| \le \sigma'`, and
:math:`\sigma'(\xi) \le \sigma'(\eta) e^{|\xi - \eta|}`. With D the length of :math:`\delta`, R the
longest row and :math:`d_j = w_j\sigma'(\eta_j)`, the rest along a unit vector v is by the
inequality of Cauchy and Schwarz at most

.. math:: \frac{e^{RD}}{(q + 1)!} \sum_j d_j\, |z_j'v|\,|t_j|^{q + 1}
          \le \frac{e^{RD} D^{q + 1}}{(q + 1)!}
          \Bigl\| \sum_j d_j |z_j|^q z_j z_j' \Bigr\|_2 .

The norm is at most :math:`R^q`, and less where rows far out hold little of the information.

**Rounding.** Each sum is wrong by no more than a factor :math:`\gamma` of the same sum of absolute
values, which counts its additions, the rounding of derivatives, and what that of linear predictors
does to them. As :math:`\sum_j d_j z_{ja}^2 = 1`, the sums of absolute values of order r are at most
:math:`k D (RD)^{r - 1} / r!` long, together :math:`k D e^{RD}`. If rows in whitened columns are
wrong by :math:`e_j`, each of the r + 1 factors z of a term of order r may be, which makes
:math:`(r + 1) (RD)^{r - 1} D \sqrt{\sum_j d_j |e_j|^2} / r!`, together at most
:math:`2 D e^{RD}` times that root.
"""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.covariance.roots import Root
from flatprior.models.direction_bounds import ROW_ULPS, SLACK, predictor_error, whitened_columns
from flatprior.models.likelihood import curvature_derivatives, row_terms
from flatprior.models.rows import Block, Rows, added, as_held

AT_ONCE, FEWEST = 2**17, 2**6  # monomials of rows at a time, which stay in a core's cache; rows
NOT_WHITE = 1e-3  # departure of the information from the identity, of which SLACK makes nothing


@dataclass(frozen=True, eq=False, kw_only=True)
class ScoreSeries:
    """The score of all rows near some coefficients, in whitened columns.

    Attributes
    ----------
    score : ndarray (k,)
        At the coefficients.
    longest : float
        Of whitened rows.
    terms : ndarray (N, k)
        By which the monomials of the distance, of degrees 1, 2, ..., are multiplied.
    spreads : ndarray (q,)
        The norm in the bound of the rest, beyond each degree.
    rounding : float
        Of the polynomial, relative to ``D exp(R D)``.
    """

    score: Array
    longest: float
    terms: Array
    spreads: Array
    rounding: float

    @property
    def degree(self) -> int:
        """The highest, q."""
        return len(self.spreads)

    def at(self, distance: Array, degree: int) -> Array:
        """The score (m, k) at each of some distances (m, k), by terms up to that degree."""
        terms = self.terms[: number_of_monomials(len(self.score), degree)]
        size, found = _at_once(len(terms)), np.tile(self.score, (len(distance), 1))
        for start in range(0, len(distance), size):
            part = slice(start, start + size)
            found[part] += np.dot(monomials(distance[part], degree).T, terms)
        return found

    def error(self, length: Array, degree: int) -> Array:
        """Bound (m,) on its error, at distances of that length (m,); not that of `score`."""
        rest = self.spreads[degree - 1] * length**degree / math.factorial(degree + 1)
        return np.asarray(SLACK * np.exp(self.longest * length) * length * (rest + self.rounding))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sums:
    """What is summed over rows z in whitened columns.

    Attributes
    ----------
    score : ndarray (k,)
    terms : ndarray (N, k)
        Sums of derivatives, times z, times its monomials.
    spreads : ndarray (q, k, k)
        Sums of ``d |z|^r zz'``, of each degree r.
    column_rounding : float
        ``sum d |e|^2``, e being the rounding of z.
    predictor_rounding : float
        The largest of linear predictors.
    longest : float
    """

    score: Array
    terms: Array
    spreads: Array
    column_rounding: float
    predictor_rounding: float
    longest: float

    def __add__(self, other: _Sums) -> _Sums:
        return added(self, other, largest=("predictor_rounding", "longest"))


def score_series(rows: Rows, coefficients: Array, root: Root, degree: int) -> ScoreSeries | None:
    """The score near coefficients (k,): one pass over the rows.

    `degree` is 1 to 4. None means that the root does not whiten the information there.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.covariance.score_series import score_series
    >>> from flatprior.models.covariance.roots import root_of
    >>> from flatprior.models.rows import ArrayRows
    >>> rows = ArrayRows(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 1.0]))
    >>> root = root_of(rows, np.log([3.0]))
    >>> series, near = score_series(rows, np.log([3.0]), root, 4), np.log([[3.1]])
    >>> score = 3 - 4 * 3.1 / 4.1
    >>> distance = root.unplaced(near - np.log([3.0]))
    >>> off = series.at(distance, 4) - root.rooted(np.array([[score]]))
    >>> bool(abs(off) <= series.error(abs(distance[0]), 4) < 1e-9)
    True
    """
    matrix = root.matrix

    def of_block(block: Block) -> _Sums:
        pieces = block.split(_at_once(number_of_monomials(len(matrix), degree)))
        return functools.reduce(
            operator.add, (_sums(piece, coefficients, matrix, degree) for piece in pieces)
        )

    sums, k = as_held(rows).reduce(of_block), len(matrix)
    departure = float(np.linalg.norm(sums.terms[:k] - np.eye(k)))
    if not departure < NOT_WHITE:
        return None
    of_derivatives = math.expm1(sums.predictor_rounding) + 4 * ROW_ULPS
    # rows are added in pieces no longer than those that `longest_sum` counts
    of_sums = (rows.longest_sum + len(sums.terms) + 8 * degree) * UNIT
    rounding = k * (of_derivatives + of_sums) + 2 * math.sqrt(sums.column_rounding)
    return ScoreSeries(
        score=root.rooted(sums.score[None])[0],
        longest=sums.longest,
        terms=-sums.terms * inverse_factorials(k, degree)[:, None],
        spreads=np.linalg.norm(sums.spreads, 2, axis=(1, 2)),
        rounding=rounding,
    )


def _sums(block: Block, coefficients: Array, matrix: Array, degree: int) -> _Sums:
    residual = row_terms(block, coefficients).residual
    score = np.asarray(residual @ block.design)
    rounding = float(predictor_error(block, coefficients).max())
    block = block._replace(design=np.asarray(block.design, dtype=float))
    columns, column_error = whitened_columns(block, matrix)
    derivatives = curvature_derivatives(block, coefficients, degree)
    length = np.linalg.norm(columns, axis=1)
    stacked, start = monomials(columns, degree), 0
    for r, derivative in enumerate(derivatives, start=1):
        stop = number_of_monomials(len(matrix), r)
        stacked[start:stop] *= derivative
        start = stop
    far_out = derivatives[0] * length ** np.arange(1, degree + 1)[:, None]
    return _Sums(
        score=score,
        terms=np.dot(stacked, columns),
        spreads=np.stack([np.dot(each * columns.T, columns) for each in far_out]),
        column_rounding=float(derivatives[0] @ np.square(column_error).sum(axis=1)),
        predictor_rounding=rounding,
        longest=float(length.max()),
    )


def _at_once(n_monomials: int) -> int:
    return max(AT_ONCE // n_monomials, FEWEST)


def number_of_monomials(k: int, degree: int) -> int:
    """Of k variables, of degrees 1 to `degree`."""
    return math.comb(k + degree, degree) - 1


def monomials(points: Array, degree: int) -> Array:
    """All monomials of degrees 1 to `degree` of points (m, k): (N, m), degree after degree.

    Within a degree they come by their first variable, and behind it as in the degree below. So
    each variable is multiplied by the last of the degree below, those without an earlier one.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.covariance.score_series import monomials
    >>> monomials(np.array([[2.0, 3.0]]), 3)[:, 0].tolist()
    [2.0, 3.0, 4.0, 6.0, 9.0, 8.0, 12.0, 18.0, 27.0]
    """
    m, k = points.shape
    found = np.empty((number_of_monomials(k, degree), m))
    found[:k] = points.T
    for a, part, behind in _parts(k, degree):
        np.multiply(found[a], found[behind], out=found[part])
    return found


def _parts(k: int, degree: int) -> Iterator[tuple[int, slice, slice]]:
    """Each first variable, the place of its monomials, and of those it is multiplied by."""
    end, place = k, k
    for r in range(2, degree + 1):
        for a in range(k):
            size = math.comb(k - a + r - 2, r - 1)
            yield a, slice(place, place + size), slice(end - size, end)
            place += size
        end = place


def inverse_factorials(k: int, degree: int) -> Array:
    """What `monomials` are multiplied by in a Taylor series, (N,): 1 / the factorials of powers.

    Examples
    --------
    >>> from flatprior.models.covariance.score_series import inverse_factorials
    >>> inverse_factorials(2, 2).tolist()
    [1.0, 1.0, 0.5, 1.0, 0.5]
    """
    found = np.ones(number_of_monomials(k, degree))
    power, first = np.ones(len(found)), np.arange(len(found))  # of the first variable; it
    for a, part, behind in _parts(k, degree):
        first[part] = a
        power[part] = np.where(first[behind] == a, power[behind] + 1, 1)
        found[part] = found[behind] / power[part]
    return found
