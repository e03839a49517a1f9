"""The mean over the observations, beside scikit-learn's ``log_loss``, and its curvature."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from flatprior.analysis.cross_entropy.each_row import vector_of
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.rendering import SHOWN, Renderable, Rendered, chosen
from flatprior.models.common.text import count
from flatprior.models.likelihood import linear_predictor, stack_factors, triangular_factor
from flatprior.models.rows import ArrayRows, Block, as_held


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
                "observations": (self.n_observations, ",d"),
                "log-likelihood": (self.log_likelihood, ".6f"),
                "negative log-likelihood": (self.negative_log_likelihood, ".6f"),
                "binary cross-entropy": (self.mean, ".12g"),
                "log_loss": (self.log_loss, ".12g"),
                "clipped by it": (self.clipped, ",d"),
                "log_loss in float32": (self.log_loss_float32, ".7g"),
                "clipped in float32": (self.clipped_float32, ",d"),
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

    beta = vector_of(model, coefficients)

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
    beta = vector_of(model, coefficients)
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
