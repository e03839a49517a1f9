"""The same model fitted many times, on resamples or new responses: bootstrap and simulation.

What was checked of the model is not checked again. All are fitted at once
(`flatprior.models.refits.simultaneous`); what that does not prove is looked at one by one, as
`fit_newton` and `check_existence` do.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.parallel import one_thread_each
from flatprior.models.common.rendering import Renderable, Rendered, chosen
from flatprior.models.common.text import at_most, count
from flatprior.models.designs.coded import LARGEST_KEPT, Structured
from flatprior.models.estimate import is_near
from flatprior.models.existence.check import check_existence
from flatprior.models.model import BernoulliLogistic
from flatprior.models.provenance import provenance
from flatprior.models.refits.simultaneous import MOST_COLUMNS, Reweighted, fit_all
from flatprior.models.results import MLEDoesNotExistError, NotConvergedError, Provenance
from flatprior.models.routes.newton import fit_newton
from flatprior.models.rows import LARGEST_COUNT, ArrayRows

NOTHING_LEFT, NOT_CONVERGED = "no observations", "not converged"
INTERVAL = (0.025, 0.975)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Refits(Renderable):
    """Estimates of one model on m reweightings of its rows, or of m responses.

    Attributes
    ----------
    names : tuple of str
    coefficients : ndarray (m, k)
        NaN in the rows without an MLE.
    standard_errors : ndarray (m, k)
        Of each estimate, within a relative 5e-7.
    error_bounds : ndarray (m,)
        No coefficient is further than this from the MLE of its own weights and response, in
        standard errors: proved, rounding included. inf without an MLE.
    reasons : tuple of str (m,)
        Why there is none: "complete separation", "quasi-complete separation", "rank deficient",
        "undecided", "no observations", or "not converged"; empty where there is one.
    provenance : Provenance
        Of the model that was fitted again.
    """

    names: tuple[str, ...]
    coefficients: Array
    standard_errors: Array
    error_bounds: Array
    reasons: tuple[str, ...]
    provenance: Provenance

    @property
    def exists(self) -> NDArray[np.bool_]:
        """Where the MLE is proved to exist, and found, (m,)."""
        return np.array([not reason for reason in self.reasons])

    def table(self) -> pd.DataFrame:
        """One row a coefficient: mean, SD and quantiles of the estimates that exist.

        "mcse" is the Monte Carlo standard error of the mean.
        """
        found = self.coefficients[self.exists]
        nothing = np.full(len(self.names), np.nan)
        some, several = len(found) > 0, len(found) > 1
        spread = found.std(axis=0, ddof=1) if several else nothing
        low, high = np.quantile(found, INTERVAL, axis=0) if some else (nothing, nothing)
        return pd.DataFrame(
            {
                "mean": found.mean(axis=0) if some else nothing,
                "mcse": spread / np.sqrt(max(len(found), 1)),
                "SD": spread,
                "2.5 %": low,
                "97.5 %": high,
            },
            index=pd.Index(self.names, name="name"),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        there = self.exists
        without = Counter(reason for reason in self.reasons if reason)
        why = ", ".join(f"{reason} in {number}" for reason, number in without.most_common())
        lost = len(there) - int(there.sum())
        proved = (
            f"each is within {at_most(self.error_bounds[there].max())} standard errors of its MLE "
            "(proved)"
            if there.any()
            else ""
        )
        return Rendered.of(
            chosen(self.table(), columns),
            {},
            f"{count(len(there), 'refit')} of {self.provenance.said}",
            [proved],
            [
                f"{lost} of {len(there)} have no MLE ({why}) and are left out: what is shown is of "
                "the others alone"
                if lost
                else ""
            ],
        )


@model_first
def refit(
    model: BernoulliLogistic,
    weights: ArrayLike | None = None,
    *,
    responses: ArrayLike | None = None,
) -> Refits:
    """Fit the same model many times, on other frequency weights or other responses.

    For the bootstrap and other resampling (weights), simulation and permutation (responses). It
    takes a tenth to a twentieth of the time of as many calls of `fit_newton`, and every estimate
    has its certificate.

    Parameters
    ----------
    model : BernoulliLogistic
        With its rows in memory.
    weights : array_like (m, n), optional
        Frequency weights, 0, 1, 2, ..., of the n rows of ``model.design``, in place of those that
        the model has; rows of weight 0 are left out.
    responses : array_like (m, n), optional
        Responses of these rows, 0 or 1. With `weights`, each goes with its own.

    Returns
    -------
    Refits
        One row each, also of those that have no MLE, whose `reasons` say why.

    Raises
    ------
    ValueError
        If weights or responses are not such numbers, or rows are not in memory.

    Examples
    --------
    The bootstrap: as many rows as there are, drawn with replacement. Two samples are separated.

    >>> import numpy as np
    >>> from flatprior.models import BernoulliLogistic, load_spector, refit
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> rng = np.random.default_rng(0)
    >>> drawn = rng.multinomial(model.n_rows, np.full(model.n_rows, 1 / model.n_rows), size=200)
    >>> refits = refit(model, drawn)
    >>> refits.coefficients.shape, int(refits.exists.sum())
    ((200, 2), 198)
    >>> sorted(set(refits.reasons))
    ['', 'complete separation']
    >>> bool(refits.error_bounds[refits.exists].max() < 1e-9)
    True
    """
    model.require_unchanged()
    rows = model.arrays
    own_weights = None if weights is None else _checked(weights, rows.n_rows, "weights")
    own = None if responses is None else _checked(responses, rows.n_rows, "responses")
    if own_weights is None and own is None:
        raise InputError(
            "there is nothing to refit: give frequency weights (m, n), or responses=, one row a fit"
        )
    if own_weights is not None and own is not None and len(own_weights) != len(own):
        raise InputError(
            f"there are {len(own_weights)} rows of weights and {len(own)} of responses; give as "
            "many of the one as of the other"
        )
    m = len(own_weights) if own_weights is not None else len(own)  # type: ignore[arg-type]
    k = model.n_parameters
    coefficients, errors = np.full((m, k), np.nan), np.full((m, k), np.nan)
    bounds = np.full(m, np.inf)
    with one_thread_each():
        together = reweighted(model, own_weights, own)
        if together is not None:
            found = fit_all(together, start_of(model))
            coefficients, errors, bounds = (
                found.coefficients,
                found.standard_errors,
                found.error_bounds,
            )
        reasons = [""] * m
        for i in np.flatnonzero(np.isinf(bounds)):
            alone = fitted_alone(
                model,
                None if own_weights is None else own_weights[i].astype(float),
                None if own is None else own[i].astype(float),
            )
            reasons[i] = alone.reason
            if not alone.reason:
                coefficients[i], errors[i] = alone.coefficients, alone.standard_errors
                bounds[i] = alone.error_bound
    return Refits(
        names=model.names,
        coefficients=coefficients,
        standard_errors=errors,
        error_bounds=bounds,
        reasons=tuple(reasons),
        provenance=provenance(model),
    )


def _checked(given: ArrayLike, n: int, what: str) -> NDArray[Any]:
    """Weights or responses (m, n), in whatever type they have, checked."""
    values = np.asarray(given)
    if values.ndim != 2 or values.shape[1] != n:
        raise InputError(
            f"{what} have shape {values.shape}; they must be (m, {n}), for each refit one number "
            "for each row of the model's design"
        )
    if values.dtype.kind not in "fiub":
        raise InputError(f"{what} hold {values.dtype} values; they must be whole numbers")
    if not len(values):
        raise InputError(f"{what} have no rows: there is nothing to refit")
    if values.dtype.kind == "b":
        return values
    if what == "responses":
        wrong, must = (values != 0) & (values != 1), "0 or 1"
    elif values.dtype.kind == "f":
        wrong, must = ~((values >= 0) & (values == np.floor(values))), "0, 1, 2, ..."
        wrong |= np.isinf(values)
    else:
        wrong, must = values < 0, "0, 1, 2, ..."
    if wrong.any():
        i, j = (int(at[0]) for at in np.nonzero(wrong))
        raise InputError(
            f"{what} must be {must}, but the refit at {i} has {values[i, j]} for the row at {j} "
            "(counted from 0)"
        )
    if what == "weights" and values.sum(axis=1, dtype=float).max() >= LARGEST_COUNT:
        raise InputError(
            "weights sum to 2^53 or more, past exact counting; give counts in a larger unit"
        )
    return values


def reweighted(
    model: BernoulliLogistic,
    own_weights: NDArray[Any] | None = None,
    own_responses: NDArray[Any] | None = None,
) -> Reweighted | None:
    """The rows of a model, in memory, for many fits at once; None where that saves no time."""
    rows, k = model.arrays, model.n_parameters
    design = rows.design
    if isinstance(design, Structured) and k <= MOST_COLUMNS and design.size <= LARGEST_KEPT:
        design = design.dense()
    if k > MOST_COLUMNS or not isinstance(design, np.ndarray):
        return None
    return Reweighted(
        design=design,
        response=rows.response,
        offset=rows.offset,
        weights=rows.weights,
        extent=rows.extent,
        own_weights=own_weights,
        own_responses=own_responses,
    )


def start_of(model: BernoulliLogistic) -> Array:
    """The MLE of the model itself, near which the others are; 0 where there is none."""
    try:
        return fit_newton(model).coefficients
    except (MLEDoesNotExistError, NotConvergedError):
        return np.zeros(model.n_parameters)


@dataclass(frozen=True, eq=False, kw_only=True)
class Alone:
    """One fit that was looked at by itself.

    Attributes
    ----------
    reason : str
        Why there is no MLE, as in `Refits`; empty where there is one.
    superfluous : dict
        Where columns are dependent, each superfluous one to the combination of others that it is.
    coefficients, standard_errors : ndarray (k,) or None
    error_bound : float
        Standard errors; inf without an MLE.
    """

    reason: str
    superfluous: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    coefficients: Array | None = None
    standard_errors: Array | None = None
    error_bound: float = math.inf


def fitted_alone(
    model: BernoulliLogistic, weights: Array | None, response: Array | None = None
) -> Alone:
    """Fit a model with weights (n,), a response (n,) or both of its own, or say why not."""
    other = _reweighted(model, weights, response)
    if other is None:
        return Alone(reason=NOTHING_LEFT)
    existence = check_existence(other, signs=False)
    if not existence.exists:
        return Alone(reason=existence.kind, superfluous=existence.dependencies)
    try:
        fit = fit_newton(other)
    except NotConvergedError:
        return Alone(reason=NOT_CONVERGED)
    if not is_near(fit.certificate):
        return Alone(reason=NOT_CONVERGED)
    return Alone(
        reason="",
        coefficients=fit.coefficients,
        standard_errors=fit.standard_errors,
        error_bound=fit.certificate.error_bound,
    )


def _reweighted(
    model: BernoulliLogistic, weights: Array | None, response: Array | None
) -> BernoulliLogistic | None:
    """The model with other weights and responses; None where no row is left."""
    rows: ArrayRows = model.arrays
    rows = replace(
        rows,
        response=rows.response if response is None else response,
        weights=rows.weights if weights is None else weights,
        groups=None,
        at_first=None,
    )
    labels = model.row_labels
    if weights is not None:
        keep = weights > 0
        if not keep.any():
            return None
        rows, labels = rows.select(keep), labels[keep]
    return replace(
        model, rows=rows, row_labels=labels, weights_name=None, trials=None, trials_name=None
    )
