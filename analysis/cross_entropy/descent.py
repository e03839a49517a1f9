"""Gradient descent on the cross-entropy: the training of a one-unit neural network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from flatprior.models import BernoulliLogistic, Certificate, certify
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_positive, model_first
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
from flatprior.models.common.text import at_most, count
from flatprior.models.likelihood import stack_factors, triangular_factor

CERTIFY_EVERY = 50  # steps of gradient descent


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
            f"within {at_most(bound)} standard errors of the MLE"
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
