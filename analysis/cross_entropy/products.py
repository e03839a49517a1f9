"""Products of likelihoods, multiplied out in floating point until they are 0."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from flatprior.analysis.cross_entropy.each_row import (
    likelihood_of,
    log_likelihood_of_one,
    vector_of,
)
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.rendering import Renderable, Rendered
from flatprior.models.common.text import SCREEN, count, names_in
from flatprior.models.likelihood import linear_predictor, row_terms
from flatprior.models.rows import PIECE_ROWS, ArrayRows, Block, as_held

MOST_FACTORS = 2_000_000
FACTORS_AT_ONCE = 1_000_000
Float = Literal["float64", "float32", "float16"]


@dataclass(frozen=True, repr=False, kw_only=True)
@own_error_state
class Underflow(Renderable):
    """Where a product of likelihoods, multiplied out in floating point, becomes zero.

    Attributes
    ----------
    dtype : str
    n_factors : int or None
        Observations whose product is 0; None if two million do not suffice, or the product sticks
        at a number so small that rounding never lets it go (where no factor is below a half).
    n_subnormal : int or None
        Observations from which on the product loses digits: it is below the smallest normal number.
    last : float
        The last product that is not 0.
    n_multiplied : int
        Observations that were multiplied.
    log_likelihood : float
        Of these: finite, with all its digits.
    n_observations : int
        Of the model; where the product needs more, they are taken from the top again.
    """

    dtype: str
    n_factors: int | None
    n_subnormal: int | None
    last: float
    n_multiplied: int
    log_likelihood: float
    n_observations: int

    @property
    def message(self) -> str:
        """What became of the product, in one sentence."""
        total = f"their log-likelihood {self.log_likelihood:.4f}"
        if self.n_factors is not None:
            return (
                f"{self.dtype}: the product of {count(self.n_factors, 'likelihood')} is 0 (the one "
                f"before was {self.last:.2g}), {total}"
            )
        product = f"{self.dtype}: the product of {count(self.n_multiplied, 'likelihood')}"
        if self.n_subnormal is not None:
            return (
                f"{product} sticks at {self.last:.2g}, with no digit right (it loses digits from "
                f"{self.n_subnormal} on), {total}"
            )
        return f"{product} is {self.last:.6g}, {total}"

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """The sentence; its CSV has the numbers."""
        return Rendered.of_values(
            {
                "dtype": (self.dtype, ""),
                "factors whose product is 0": (_or_nan(self.n_factors), ".0f"),
                "factors whose product loses digits": (_or_nan(self.n_subnormal), ".0f"),
                "last product that is not 0": (self.last, ".6g"),
                "factors multiplied": (self.n_multiplied, ",d"),
                "log-likelihood of these": (self.log_likelihood, ".4f"),
                "observations": (self.n_observations, ",d"),
            },
            self.message,
            columns=columns,
            in_words=True,
        )


@model_first
def product_underflow(
    model: BernoulliLogistic, coefficients: PointEstimate | ArrayLike, dtype: Float = "float64"
) -> Underflow:
    """Multiply likelihoods, row after row, until the product is 0.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : PointEstimate, or array_like (k,)
    dtype : {"float64", "float32", "float16"}
        Of the factors and of the product.

    Returns
    -------
    Underflow

    Raises
    ------
    ValueError
        If there are not k coefficients, the fit is another model's, or the type is not known.

    Notes
    -----
    The rows are taken in their order, one of frequency weight w times in a row, and from the top
    again where all of them do not suffice. Nothing is predicted: the factors are multiplied.

    Examples
    --------
    >>> from flatprior.analysis import product_underflow
    >>> from flatprior.models import BernoulliLogistic
    >>> toss = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])
    >>> product_underflow(toss, [0.0]).n_factors  # of 1/2 each: 2**-1074 is the smallest number
    1075
    >>> product_underflow(toss, [0.0], "float32").n_factors
    150
    """
    check_choice("dtype", dtype, get_args(Float))
    beta = vector_of(model, coefficients)

    def of_block(block: Block) -> Array:
        terms = likelihood_of(block, beta), log_likelihood_of_one(block, beta), block.counts
        return np.array(terms)

    likelihood, logs, weights = _first(model, of_block, MOST_FACTORS)
    times = np.minimum(weights, MOST_FACTORS)
    room = np.maximum(MOST_FACTORS - (np.cumsum(times) - times), 0)
    rows = np.repeat(np.arange(len(times)), np.minimum(times, room).astype(int))
    factors, logs = likelihood.astype(dtype)[rows], logs[rows]
    # rows from the top again, as many at a time as make the loop worth while
    times_over = math.ceil(1000 / len(factors))
    factors, logs = np.tile(factors, times_over), np.tile(logs, times_over)
    tiny = np.finfo(dtype).tiny
    product, done, total, subnormal = np.ones(1, dtype), 0, 0.0, None

    def result(n_factors: int | None, last: float) -> Underflow:
        return Underflow(
            dtype=dtype,
            n_factors=n_factors,
            n_subnormal=subnormal,
            last=last,
            n_multiplied=done,
            log_likelihood=total,
            n_observations=model.n_observations,
        )

    while done < MOST_FACTORS:
        before = product[0]
        for start in range(0, len(factors), FACTORS_AT_ONCE):
            part = slice(start, start + FACTORS_AT_ONCE)
            with np.errstate(under="ignore"):
                running = np.multiply.accumulate(np.concatenate([product, factors[part]]))
            small, zero = running[1:] < tiny, running[1:] == 0
            if subnormal is None and small.any():
                subnormal = done + int(small.argmax()) + 1
            used = int(zero.argmax()) + 1 if zero.any() else len(running) - 1
            total += math.fsum(logs[part][:used])
            done += used
            if zero.any():
                return result(done, float(running[used - 1]))
            product = running[-1:]
        if product[0] == before < tiny:
            break
    return result(None, float(product[0]))


@model_first
def likelihood_curve(
    model: BernoulliLogistic,
    coefficients: PointEstimate | ArrayLike,
    name: str,
    values: ArrayLike,
    rows: int | None = None,
) -> pd.DataFrame:
    """Likelihood and log-likelihood along one coefficient, the others held.

    The logarithm increases, so both are highest at the same value; unless the product underflows,
    and is 0 or has lost its digits.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : PointEstimate, or array_like (k,)
        The values at which the other coefficients are held.
    name : str
        Of the coefficient.
    values : array_like (m,)
        That it takes.
    rows : int, optional
        Use the first rows only; default all.

    Returns
    -------
    DataFrame (m, 2)
        Columns "likelihood", the product in float64, and "log-likelihood", indexed by the values.

    Raises
    ------
    ValueError
        If the coefficient is not the model's, or there are not so many rows.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis import likelihood_curve
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> curve = likelihood_curve(model, fit_newton(model), "gpa", np.linspace(2, 4, 101))
    >>> bool(curve["likelihood"].idxmax() == curve["log-likelihood"].idxmax())
    True
    """
    beta = vector_of(model, coefficients)
    if name not in model.names:
        raise InputError(
            f"the model has no coefficient {name!r}; it has {names_in(SCREEN, model.names)}"
        )
    rows = model.n_rows if rows is None else rows
    if not 1 <= rows <= model.n_rows:
        raise InputError(f"rows must lie between 1 and {model.n_rows}, not {rows}")
    grid = np.atleast_1d(np.asarray(values, dtype=float))
    vectors = np.tile(beta, (len(grid), 1))
    vectors[:, model.names.index(name)] = grid

    def both(block: Block) -> _Likelihoods:
        factors = expit(block.sign[:, None] * linear_predictor(block, vectors.T))
        if block.weights is not None:
            factors = factors ** block.weights[:, None]
        with np.errstate(under="ignore"):
            product = np.multiply.reduce(factors, axis=0)
        return _Likelihoods(product, row_terms(block, vectors.T).log_likelihood.sum(axis=0))

    def in_pieces(block: Block) -> _Likelihoods:
        return functools.reduce(_Likelihoods.joined, map(both, block.split(PIECE_ROWS)))

    held: Any = as_held(model.rows)
    if isinstance(held, ArrayRows):
        product, logs = both(held.block(slice(0, rows)))
    elif rows == model.n_rows:
        product, logs = held.reduce(in_pieces, _Likelihoods.joined)
    else:
        product, logs = in_pieces(_first_rows(model, rows))
    return pd.DataFrame(
        {"likelihood": product, "log-likelihood": logs}, index=pd.Index(grid, name=name)
    )


class _Likelihoods(NamedTuple):
    """Products of likelihoods (m,), and sums of their logarithms."""

    product: Array
    logs: Array

    def joined(self, other: _Likelihoods) -> _Likelihoods:
        with np.errstate(under="ignore"):
            return _Likelihoods(self.product * other.product, self.logs + other.logs)


class _First(NamedTuple):
    """The first rows of all, at most so many: an array (d, m) of numbers of each."""

    most: int
    values: Array

    def joined(self, other: _First) -> _First:
        room = self.most - self.values.shape[1]
        if room <= 0:
            return self
        return self._replace(values=np.hstack([self.values, other.values[:, :room]]))


def _first(model: BernoulliLogistic, function: Callable[[Block], Array], most: int) -> Array:
    """``function(block)`` (d, m) of the first rows, `most` of them or all there are."""

    def of_block(block: Block) -> _First:
        return _First(most, function(block.select(slice(0, most))))

    rows: Any = as_held(model.rows)
    if isinstance(rows, ArrayRows):
        return of_block(rows.block(slice(0, most))).values
    found: _First = rows.reduce(of_block, _First.joined)
    return found.values


def _first_rows(model: BernoulliLogistic, number: int) -> Block:
    """The first rows of those that are read in batches, written out."""

    def of_block(block: Block) -> Array:
        offset = np.zeros(len(block.sign)) if block.offset is None else block.offset
        return np.vstack([np.asarray(block.design).T, block.sign, offset, block.counts])

    *columns, sign, offset, weights = _first(model, of_block, number)
    return Block(np.column_stack(columns), sign, offset, weights)


def _or_nan(number: int | None) -> float:
    return math.nan if number is None else number
