"""The cross-entropy plus a penalty, which scikit-learn's ``LogisticRegression`` minimises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from flatprior.analysis.cross_entropy.each_row import vector_of
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.calls import check_positive, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.rendering import Renderable, Rendered
from flatprior.models.covariance.roots import required_root
from flatprior.models.estimate import require_fit_of
from flatprior.models.rows import are_all, as_held


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
    beta = vector_of(model, coefficients)
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


def _penalised(model: BernoulliLogistic) -> np.ndarray:
    """Which coefficients scikit-learn penalises: all but that of a column of ones, (k,)."""
    ones = as_held(model.rows).reduce(
        lambda block: are_all(block.design, np.ones(model.n_parameters)), np.logical_and
    )
    return np.asarray(~ones)
