r"""From the likelihood to binary cross-entropy, step by step, on a model of one's own.

The likelihood of Bernoulli outcomes is a product of factors :math:`p^y (1 - p)^{1 - y}`. Multiplied
out it underflows; its logarithm is a sum, has the same maximiser, and does not. Minus that is the
negative log-likelihood, and its mean over the observations the *binary cross-entropy*

.. math:: -\frac1n \sum_i y_i \log p_i + (1 - y_i) \log(1 - p_i)

that machine learning minimises: scikit-learn's ``log_loss``, the score of Good (1952), "Rational
decisions", Journal of the Royal Statistical Society B 14, 107-114. What scikit-learn's
``LogisticRegression()`` minimises is that *plus a penalty*.
"""

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
from scipy.stats import binom

from flatprior.models import BernoulliLogistic, Certificate, PointEstimate, certify
from flatprior.models.certificate import checked_coefficients
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, check_positive, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.common.rendering import (
    SHOWN,
    Renderable,
    Rendered,
    chosen,
    shown_of,
    spread_out,
)
from flatprior.models.common.text import SCREEN, count, names_in
from flatprior.models.covariance.roots import required_root
from flatprior.models.estimate import require_fit_of
from flatprior.models.likelihood import (
    linear_predictor,
    row_terms,
    stack_factors,
    triangular_factor,
)
from flatprior.models.rows import PIECE_ROWS, ArrayRows, Block, are_all, as_held

MOST_FACTORS = 2_000_000
FACTORS_AT_ONCE = 1_000_000
CERTIFY_EVERY = 50  # steps of gradient descent

Float = Literal["float64", "float32", "float16"]


@model_first
def bernoulli_likelihood(
    model: BernoulliLogistic, coefficients: PointEstimate | ArrayLike
) -> Array:
    """Likelihood ``p**y * (1 - p)**(1 - y)`` of one observation of each row.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : PointEstimate, or array_like (k,)

    Returns
    -------
    ndarray (n,)
        The probability that the model gave to what was observed.

    Raises
    ------
    ValueError
        If there are not k coefficients, or the fit is another model's.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis import bernoulli_likelihood
    >>> from flatprior.models import BernoulliLogistic
    >>> model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])
    >>> bernoulli_likelihood(model, [np.log(3.0)]).round(12).tolist()  # p = 3/4
    [0.25, 0.75]
    """
    block = _whole(model, "bernoulli_likelihood", "their mean logarithm")
    return _likelihood(block, _vector(model, coefficients))


def _whole(model: BernoulliLogistic, what: str, instead: str) -> Block:
    """All rows, for a function that gives a number for each of them."""
    if not model.rows.resident:
        raise InputError(
            f"{what} gives numbers for each of {count(model.n_rows, 'row')}, which are read in "
            f"batches: binary_cross_entropy has {instead}"
        )
    return as_held(model.arrays).block(slice(None))


def _likelihood(block: Block, beta: Array) -> Array:
    # 1 - p of p near 1 would lose its digits: expit(-eta) has them all
    return expit(block.sign * linear_predictor(block, beta))


def _log_likelihood_of_one(block: Block, beta: Array) -> Array:
    # times the weight and divided by it again, the last digit would depend on the weight
    return row_terms(block._replace(weights=None), beta).log_likelihood


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
                "factors multiplied": (self.n_multiplied, "d"),
                "log-likelihood of these": (self.log_likelihood, ".4f"),
                "observations": (self.n_observations, "d"),
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
    beta = _vector(model, coefficients)

    def of_block(block: Block) -> Array:
        terms = _likelihood(block, beta), _log_likelihood_of_one(block, beta), block.counts
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
    beta = _vector(model, coefficients)
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


@dataclass(frozen=True, repr=False, kw_only=True)
@own_error_state
class CrossEntropy(Renderable):
    """The mean negative log-likelihood, beside what scikit-learn's ``log_loss`` makes of it.

    Attributes
    ----------
    n_observations : int
    log_likelihood : float
    negative_log_likelihood : float
    mean : float
        Binary cross-entropy, in nats an observation.
    log_loss, log_loss_float32 : float
        Of ``sklearn.metrics.log_loss`` for the same probabilities in float64 and float32.
    clipped, clipped_float32 : int
        Observations whose probability of 0 or of 1 it replaces by the spacing of the numbers at 1:
        none of them can cost more than 36.04 (float64) or 15.94 (float32).
    """

    n_observations: int
    log_likelihood: float
    negative_log_likelihood: float
    mean: float
    log_loss: float
    clipped: int
    log_loss_float32: float
    clipped_float32: int

    @property
    def message(self) -> str:
        """The cross-entropy beside scikit-learn's, in one sentence."""
        clipped = f" ({count(self.clipped, 'observation')} clipped)" if self.clipped else ""
        return (
            f"log-likelihood {self.log_likelihood:.6f} of "
            f"{count(self.n_observations, 'observation')}; binary cross-entropy {self.mean:.12g}; "
            f"log_loss {self.log_loss:.12g}{clipped}"
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """The sentence; its CSV has the numbers."""
        return Rendered.of_values(
            {
                "observations": (self.n_observations, "d"),
                "log-likelihood": (self.log_likelihood, ".6f"),
                "negative log-likelihood": (self.negative_log_likelihood, ".6f"),
                "binary cross-entropy": (self.mean, ".12g"),
                "log_loss": (self.log_loss, ".12g"),
                "clipped by it": (self.clipped, "d"),
                "log_loss in float32": (self.log_loss_float32, ".7g"),
                "clipped in float32": (self.clipped_float32, "d"),
            },
            self.message,
            columns=columns,
            in_words=True,
        )


@model_first
def binary_cross_entropy(
    model: BernoulliLogistic, coefficients: PointEstimate | ArrayLike
) -> CrossEntropy:
    """Mean binary cross-entropy, and scikit-learn's ``log_loss`` of the same probabilities.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : PointEstimate, or array_like (k,)

    Returns
    -------
    CrossEntropy

    Raises
    ------
    ValueError
        If there are not k coefficients, or the fit is another model's.

    Notes
    -----
    ``log_loss`` is given the probabilities of both outcomes, so that neither is one minus the
    other. It clips them at the spacing of its floating-point type, and then says less than the
    negative log-likelihood does.

    Examples
    --------
    >>> from flatprior.analysis import binary_cross_entropy
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_smarket
    >>> model = BernoulliLogistic.from_formula("Direction ~ Lag1 + Volume", load_smarket())
    >>> found = binary_cross_entropy(model, fit_newton(model))
    >>> f"{found.mean:.6f} {found.log_loss:.6f} {found.clipped}"
    '0.691375 0.691375 0'
    """
    from sklearn.metrics import log_loss

    beta = _vector(model, coefficients)

    def of_block(block: Block) -> Array:
        eta = linear_predictor(block, beta)
        both = np.column_stack([expit(-eta), expit(eta)])
        weights = block.counts
        found: list[float] = [weights.sum()]
        for dtype in ("float64", "float32"):
            forecast: Any = both.astype(dtype)
            eps = float(np.finfo(dtype).eps)
            clipped = ((forecast < eps) | (forecast > 1 - eps)).any(axis=1)
            loss = log_loss(block.sign > 0, forecast, sample_weight=weights, labels=[False, True])
            found += [float(loss) * found[0], weights[clipped].sum()]
        return np.array(found)

    rows: Any = as_held(model.rows)
    if isinstance(rows, ArrayRows):
        sums = of_block(rows.block(slice(None)))
    else:
        sums = rows.reduce(of_block)
    total = model.log_likelihood(beta)
    return CrossEntropy(
        n_observations=model.n_observations,
        log_likelihood=total,
        negative_log_likelihood=-total,
        mean=-total / model.n_observations,
        log_loss=float(sums[1] / sums[0]),
        clipped=int(sums[2]),
        log_loss_float32=float(sums[3] / sums[0]),
        clipped_float32=int(sums[4]),
    )


@model_first
def cross_entropy_terms(
    model: BernoulliLogistic, coefficients: PointEstimate | ArrayLike
) -> pd.DataFrame:
    """Both terms of the cross-entropy of each row: only one of them is ever active.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : PointEstimate, or array_like (k,)

    Returns
    -------
    DataFrame (n, 5)
        Columns "y", "p", "-y log p", "-(1 - y) log(1 - p)" and their sum, "loss", each of one
        observation of the row.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis import cross_entropy_terms
    >>> from flatprior.models import BernoulliLogistic
    >>> model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])
    >>> cross_entropy_terms(model, [np.log(3.0)]).round(3).to_numpy().tolist()
    [[0.0, 0.75, 0.0, 1.386, 1.386], [1.0, 0.75, 0.288, 0.0, 0.288]]
    """
    block = _whole(model, "cross_entropy_terms", "the mean of their losses")
    beta = _vector(model, coefficients)
    y = (block.sign > 0).astype(float)
    loss = 0.0 - _log_likelihood_of_one(block, beta)  # and never -0
    return pd.DataFrame(
        {
            "y": y,
            "p": expit(linear_predictor(block, beta)),
            "-y log p": np.where(y == 1, loss, 0.0),
            "-(1 - y) log(1 - p)": np.where(y == 1, 0.0, loss),
            "loss": loss,
        },
        index=model.row_labels,
    )


class _Convexity(NamedTuple):
    eigenvalues: Array
    strict: bool


@own_error_state
class Convexity(Renderable, _Convexity):
    """Curvature of the cross-entropy: eigenvalues of its Hessian, the information over n.

    Attributes
    ----------
    eigenvalues : ndarray (k,)
        Increasing. None is negative, whatever the coefficients: a quadratic form of the Hessian is
        a sum of squares. All are positive where the columns are independent.
    strict : bool
        Whether all are positive beyond rounding: then there is one minimum at most.
    """

    __slots__ = ()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: the eigenvalues, of many the smallest and the largest."""
        k = len(self.eigenvalues)
        frame = pd.DataFrame({"eigenvalue": self.eigenvalues}, index=range(1, k + 1))
        half = SHOWN // 2
        shown = range(k) if k <= SHOWN else [*range(half), *range(k - half, k)]
        return Rendered.of(
            chosen(frame, columns),
            {"eigenvalue": ".5g"},
            "The cross-entropy is strictly convex here: it has one minimum at most"
            if self.strict
            else "The cross-entropy is convex here, but NOT STRICTLY beyond rounding",
            notes=[
                "eigenvalues of its Hessian, the information over the number of observations, "
                "increasing; none is negative, whatever the coefficients",
                f"shown are the {half} smallest and largest of {k}: .eigenvalues has all"
                if k > SHOWN
                else "",
            ],
            rows=shown,
        )


@model_first
def convexity(model: BernoulliLogistic, coefficients: PointEstimate | ArrayLike) -> Convexity:
    """Whether the cross-entropy is convex at `coefficients`, from the information matrix.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster.
    coefficients : PointEstimate, or array_like (k,)

    Returns
    -------
    Convexity

    Examples
    --------
    >>> from flatprior.analysis import convexity
    >>> from flatprior.models import BernoulliLogistic
    >>> model = BernoulliLogistic.from_arrays([[1.0, 1.0], [1.0, -1.0]], [0, 1])
    >>> convexity(model, [0.0, 0.0]).eigenvalues.round(12).tolist()  # p (1 - p) = 1/4
    [0.25, 0.25]
    """
    beta = _vector(model, coefficients)
    # squares of singular values: an eigenvalue computed from X'DX itself could come out negative
    factor = model.rows.reduce(lambda block: triangular_factor(block, beta), stack_factors)
    singular = np.zeros(model.n_parameters)
    found = np.linalg.svd(factor, compute_uv=False)
    singular[: len(found)] = found
    scale = np.linalg.norm(factor, axis=0)
    relative = np.linalg.svd(factor / np.where(scale > 0, scale, 1.0), compute_uv=False)
    strict = len(found) == len(singular) and bool(
        scale.all() and relative[-1] > 1e-13 * relative[0]
    )
    return Convexity(np.sort(np.square(singular)) / model.n_observations, strict)


class _PenalisedObjective(NamedTuple):
    cross_entropy: float
    penalty: float
    total: float


@own_error_state
class PenalisedObjective(Renderable, _PenalisedObjective):
    """What scikit-learn minimises, each part divided by C times the number of observations.

    Attributes
    ----------
    cross_entropy : float
    penalty : float
        ``|w|^2 / (2 C n)``; the intercept is not penalised.
    total : float
    """

    __slots__ = ()

    @property
    def message(self) -> str:
        """Both parts and their sum, in one line."""
        return (
            f"cross-entropy {self.cross_entropy:.8g} + penalty {self.penalty:.8g} = "
            f"{self.total:.8g}, the objective of scikit-learn"
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """The line; its CSV has the numbers."""
        return Rendered.of_values(
            {
                "cross-entropy": (self.cross_entropy, ".8g"),
                "penalty": (self.penalty, ".8g"),
                "total": (self.total, ".8g"),
            },
            self.message,
            columns=columns,
            in_words=True,
        )


@model_first
def sklearn_objective(
    model: BernoulliLogistic, coefficients: PointEstimate | ArrayLike, C: float = 1.0
) -> PenalisedObjective:
    """Objective of scikit-learn's ``LogisticRegression(C=C)``: cross-entropy plus a penalty.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : PointEstimate, or array_like (k,)
    C : float
        Inverse strength of the penalty; scikit-learn's default is 1.

    Returns
    -------
    PenalisedObjective

    Raises
    ------
    ValueError
        If C is not positive.

    Examples
    --------
    >>> from flatprior.analysis import sklearn_objective
    >>> from flatprior.models import BernoulliLogistic
    >>> model = BernoulliLogistic.from_arrays([-1.0, 1.0], [0, 1], intercept=True)
    >>> sklearn_objective(model, [0.0, 2.0]).penalty  # 2**2 / (2 * 1 * 2)
    1.0
    """
    beta = _vector(model, coefficients)
    mean = -model.log_likelihood(beta) / model.n_observations
    weight = 1 / (2 * check_positive("C", C) * model.n_observations)
    penalty = float(weight * np.square(beta[_penalised(model)]).sum())
    return PenalisedObjective(mean, penalty, mean + penalty)


@model_first
def required_C(model: BernoulliLogistic, fit: PointEstimate, tolerance: float = 1e-6) -> float:
    r"""How large C must be for scikit-learn's minimum to be the MLE within `tolerance`, about.

    Parameters
    ----------
    model : BernoulliLogistic
    fit : PointEstimate
        Its MLE.
    tolerance : float
        Largest distance of a coefficient, in standard errors.

    Returns
    -------
    float
        Whatever C, the two meet only in the limit; and scikit-learn's optimiser must then be made
        to go on until it is there (``tol``, ``max_iter``).

    Raises
    ------
    ValueError
        If the tolerance is not positive, the fit is another model's, or nothing is penalised.

    Notes
    -----
    At the penalised minimum the score is :math:`P\beta / C` with P the projection on the penalised
    coefficients, so that it lies :math:`H^{-1}P\hat\beta / C` from the MLE, to first order in 1/C:
    for a large tolerance the answer is rough.

    Examples
    --------
    >>> from flatprior.analysis import required_C
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> f"{required_C(model, fit_newton(model)):.1e}"
    '4.4e+06'
    """
    require_fit_of(model, fit)
    check_positive("tolerance", tolerance)
    penalised = _penalised(model)
    if not penalised.any():
        raise InputError("the model has an intercept only, which is not penalised: any C will do")
    pull = np.where(penalised, fit.coefficients, 0.0)
    root = required_root(model.rows, fit.coefficients)
    shift = root.times(pull[None])[0]
    return float(np.max(np.abs(shift) / root.standard_errors) / tolerance)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class GradientDescent(Renderable):
    """A run of gradient descent on the cross-entropy: the training of a one-unit neural network.

    Attributes
    ----------
    path : ndarray (steps + 1, k)
        From zero.
    loss : ndarray (steps + 1,)
        Cross-entropy at each.
    learning_rate : float
    certificate : Certificate
        Of the last point.
    reached : bool
        Whether that proves it to lie within the tolerance of the MLE.
    names : tuple of str
        Of the coefficients.
    """

    path: Array
    loss: Array
    learning_rate: float
    certificate: Certificate
    reached: bool
    names: tuple[str, ...] = ()

    @property
    def n_steps(self) -> int:
        """Steps taken."""
        return len(self.path) - 1

    @property
    def message(self) -> str:
        """How far descent came, in one sentence."""
        bound = self.certificate.error_bound
        near = (
            f"within {bound:.1e} standard errors of the MLE"
            if math.isfinite(bound)
            else "how near the MLE is not proved"
        )
        return (
            f"{count(self.n_steps, 'step')} of gradient descent: cross-entropy "
            f"{self.loss[0]:.6f} to {self.loss[-1]:.6f}, {near}"
        )

    def table(self) -> pd.DataFrame:
        """Cross-entropy and coefficients after each step, from 0 steps on."""
        k = self.path.shape[1]
        names = self.names or tuple(f"coefficient {j + 1}" for j in range(k))
        return pd.DataFrame(
            np.column_stack([self.loss, self.path]),
            columns=["cross-entropy", *names],
            index=pd.RangeIndex(len(self.path), name="step"),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these; a dozen of the steps."""
        frame = self.table()
        # most happens in the first steps: their numbers are spread out by ratios
        shown = np.unique(np.geomspace(1, len(frame), SHOWN).round().astype(np.intp)) - 1
        shown = shown if len(frame) > SHOWN else spread_out(len(frame))
        missed = "" if self.reached else "NOT within the tolerance of the MLE: "
        return Rendered.of(
            chosen(frame, columns),
            {str(name): "#.6g" for name in frame.columns} | {"cross-entropy": ".6f"},
            f"{missed}{self.message}",
            notes=[
                f"learning rate {self.learning_rate:.4g}",
                shown_of(len(shown), len(frame), "point", ".table()"),
            ],
            rows=shown,
        )


@model_first
def gradient_descent(
    model: BernoulliLogistic,
    learning_rate: float | None = None,
    steps: int = 20_000,
    tolerance: float = 1e-6,
) -> GradientDescent:
    r"""Train a one-unit neural network (sigmoid, cross-entropy) by full-batch gradient descent.

    Parameters
    ----------
    model : BernoulliLogistic
    learning_rate : float, optional
        Default ``4 n / s^2``, with s the largest singular value of the design matrix: one over the
        largest curvature that the cross-entropy can have, with which no step goes uphill.
    steps : int
        At most; each is a pass over the rows.
    tolerance : float
        In standard errors: descent ends where a certificate puts it this near the MLE.

    Returns
    -------
    GradientDescent

    Raises
    ------
    ValueError
        If learning rate or tolerance are not positive, steps not a whole number of at least 1, or
        every column is 0.
    ArithmeticError
        If a learning rate that is too large leads beyond the largest numbers.

    Notes
    -----
    The number of steps grows with the ratio of the largest curvature to the smallest: centre and
    rescale columns before training. Without an MLE the certificate never comes, and all steps are
    taken.

    Examples
    --------
    >>> from flatprior.analysis import gradient_descent
    >>> from flatprior.models import BernoulliLogistic, load_smarket
    >>> model = BernoulliLogistic.from_formula("Direction ~ Lag1 + Lag2", load_smarket())
    >>> gradient_descent(model).reached
    True
    """
    check_positive("tolerance", tolerance)
    if not isinstance(steps, (int, np.integer)) or steps < 1:
        raise InputError(f"steps must be a whole number of at least 1, not {steps!r}")
    n = model.n_observations
    if learning_rate is None:
        # p (1 - p) is at most a quarter
        factor = model.rows.reduce(triangular_factor, stack_factors)
        largest = float(np.linalg.norm(factor, 2)) ** 2
        if not largest:
            raise InputError("every column is 0: there is nothing to learn")
        learning_rate = n / largest
    rate = check_positive("learning_rate", learning_rate)
    beta = np.zeros(model.n_parameters)
    path = [beta]
    certificate = certify(model, beta)
    for step in range(1, steps + 1):
        if certificate.error_bound <= tolerance:
            break
        with np.errstate(over="ignore"):
            beta = beta + rate / n * model.score(beta)
        if not np.isfinite(beta).all():
            raise PrecisionError(
                f"gradient descent left the numbers after {count(step, 'step')}: "
                f"take a learning rate below {rate:.3g}"
            )
        path.append(beta)
        if step % CERTIFY_EVERY == 0 or step == steps:
            certificate = certify(model, beta)
    points = np.array(path)
    return GradientDescent(
        path=points,
        loss=-np.asarray(model.log_likelihood(points)) / n,
        learning_rate=rate,
        certificate=certificate,
        reached=certificate.error_bound <= tolerance,
        names=model.names,
    )


@dataclass(frozen=True, repr=False)
@own_error_state
class Coin(Renderable):
    """Heads in a number of tosses: what is a probability, and what a likelihood.

    Attributes
    ----------
    heads, tosses : int
    """

    heads: int
    tosses: int

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        whole = all(isinstance(number, (int, np.integer)) for number in (self.heads, self.tosses))
        if not whole or not 0 <= self.heads <= self.tosses or self.tosses < 1:
            raise InputError(
                f"{self.heads} heads in {self.tosses} tosses cannot be: both are whole numbers, "
                "with at least one toss and no more heads than tosses"
            )

    def likelihood(self, p: ArrayLike) -> Array:
        """Likelihood of each `p`, (m,): the probability of these heads under it."""
        return np.asarray(binom.pmf(self.heads, self.tosses, _probability(p)))

    def probabilities(self, p: float = 0.5) -> pd.Series[float]:
        """Probability of each number of heads for one `p`: they sum to 1."""
        heads = np.arange(self.tosses + 1)
        values = binom.pmf(heads, self.tosses, _probability(p))
        return pd.Series(values, index=pd.Index(heads, name="heads"), name="probability")

    @property
    def maximiser(self) -> float:
        """The p under which these heads are the most probable: their share."""
        return self.heads / self.tosses

    @property
    def log_likelihood(self) -> float:
        """At the maximiser."""
        return float(binom.logpmf(self.heads, self.tosses, self.maximiser))

    @property
    def area(self) -> float:
        """Area under the likelihood, over p from 0 to 1: a Beta function, and not 1."""
        return 1 / (self.tosses + 1)

    @property
    def message(self) -> str:
        """Probability and likelihood, in one sentence."""
        fair = float(self.likelihood(0.5))
        return (
            f"{self.heads} heads in {self.tosses} tosses: "
            f"probability {fair:.4g} if the coin is fair; the likelihood is highest at p = "
            f"{self.maximiser:.4g}, and its area is {self.area:.4g}, not 1"
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """The sentence; its CSV has the numbers."""
        return Rendered.of_values(
            {
                "heads": (self.heads, "d"),
                "tosses": (self.tosses, "d"),
                "probability if p = 1/2": (float(self.likelihood(0.5)), ".4g"),
                "most likely p": (self.maximiser, ".4g"),
                "log-likelihood there": (self.log_likelihood, ".6g"),
                "area under the likelihood": (self.area, ".4g"),
            },
            self.message,
            columns=columns,
            in_words=True,
        )


@own_error_state
def coin(heads: int = 8, tosses: int = 8) -> Coin:
    """Probability against likelihood, with a coin.

    For a fair coin eight heads in eight tosses have *probability* 1/256 = 0.39%: p is given, the
    data vary, and the probabilities of all that could happen sum to 1. Once they have happened, the
    same formula read as a function of p is the *likelihood*: it has a maximum, at p = 1, but it
    does not integrate to 1.

    Parameters
    ----------
    heads, tosses : int

    Returns
    -------
    Coin

    Raises
    ------
    ValueError
        If there are more heads than tosses, or they are not whole numbers.

    Examples
    --------
    >>> from flatprior.analysis import coin
    >>> eight = coin(8, 8)
    >>> f"{eight.likelihood(0.5):.2%}", eight.maximiser, round(eight.area, 12) == round(1 / 9, 12)
    ('0.39%', 1.0, True)
    >>> round(float(eight.probabilities(0.5).sum()), 12)
    1.0
    """
    return Coin(heads, tosses)


def _or_nan(number: int | None) -> float:
    return math.nan if number is None else number


def _vector(model: BernoulliLogistic, coefficients: PointEstimate | ArrayLike) -> Array:
    if isinstance(coefficients, PointEstimate):
        require_fit_of(model, coefficients)
        return coefficients.coefficients
    return checked_coefficients(model, coefficients)


def _probability(p: ArrayLike) -> Array:
    values = np.asarray(p, dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError("p must be probabilities from 0 to 1")
    return values


def _penalised(model: BernoulliLogistic) -> np.ndarray:
    """Which coefficients scikit-learn penalises: all but that of a column of ones, (k,)."""
    ones = as_held(model.rows).reduce(
        lambda block: are_all(block.design, np.ones(model.n_parameters)), np.logical_and
    )
    return np.asarray(~ones)
