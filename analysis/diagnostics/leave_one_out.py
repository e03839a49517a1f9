r"""Exact leave-one-out of the MLE: how well is each observation foretold by the fit of all others?

`exact_loo` refits without each observation, at a fraction of the price: the first step takes no
more than its leverage (`flatprior.models.covariance.leverage`), the steps after it the same
downdated information and a series of the score (`flatprior.models.covariance.score_series`), and
the theorem of `flatprior.models.certificate` says beforehand how far they lead.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.analysis.diagnostics.leave_one_out_in_passes import left_out_in_passes
from flatprior.analysis.diagnostics.summaries import labelled, spread_of_sum
from flatprior.analysis.diagnostics.without_each import (
    NEGLIGIBLE,
    AtMLE,
    Refinement,
    scored,
    sum_that_is_enough,
)
from flatprior.analysis.diagnostics.without_far import without_far
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.certificate import evaluate
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_positive, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.rendering import Renderable, Rendered, chosen, shown_of
from flatprior.models.common.text import at_most, rows_phrase
from flatprior.models.encoding.files.passes import Passes, between
from flatprior.models.estimate import mle_of
from flatprior.models.gathering import as_drawn
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import as_held

MOST_SHOWN = 10  # rows, the hardest


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class ExactLOO(Renderable):
    """Leave-one-out log score of the MLE, each observation predicted by the fit of all others.

    Attributes
    ----------
    log_score : float
        Sum over observations of the log probability of the outcome. -inf where some fit does not
        exist: then the others can be separated, and give the outcome probability 0.
    se : float
        Standard error as an estimate for new data.
    pointwise : ndarray (n,)
        Of one observation of each row.
    coefficients : ndarray (n, k)
        MLE without one observation of each row; NaN where there is none.
    error_bound : float
        `log_score` is no further than this from the true one, rounding included to first order.
    weights : ndarray (n,)
        Observations a row stands for.
    without_mle : tuple
        Labels of the rows without which the MLE does not exist.
    n_refits : int
        Rows without which the others were fitted anew, because the MLE without them is far away.
    row_labels : Index or None
        The user's own index; None is 0 to n - 1.
    numbers : ndarray of int (m,) or None
        Of rows that are not in memory, the 1000 with the lowest log scores are kept, the lowest
        first, and what is (n, ...) above is (m, ...): their places among all rows, from 0.
    n_rows : int or None
        How many these are.
    passes : Passes or None
        How often rows that are not in memory were read for it, and how much.
    """

    log_score: float
    se: float
    pointwise: Array
    coefficients: Array
    error_bound: float
    weights: Array
    without_mle: tuple[object, ...]
    n_refits: int
    row_labels: pd.Index | None = None
    numbers: NDArray[np.intp] | None = None
    n_rows: int | None = None
    passes: Passes | None = None

    @property
    def message(self) -> str:
        """The log score with its errors, in one sentence."""
        if self.without_mle:
            alone = "any one of " if len(self.without_mle) > 1 else ""
            return (
                f"the leave-one-out log score is -inf: without {alone}"
                f"{rows_phrase(self.without_mle)} the MLE does not exist"
            )
        return (
            f"leave-one-out log score {self.log_score:.4f} (SE {self.se:.2f}; "
            f"error bound {at_most(self.error_bound)})"
        )

    def table(self) -> pd.DataFrame:
        """One row a row of the data, or of those with the lowest log scores.

        "log score" of one observation, its "probability", "observations" of the row.
        """
        return pd.DataFrame(
            {
                "log score": self.pointwise,
                "probability": np.exp(self.pointwise),
                "observations": self.weights,
            },
            index=labelled(self.row_labels, len(self.weights)),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these; its hardest rows."""
        frame = self.table()
        shown = np.argsort(self.pointwise, kind="stable")[:MOST_SHOWN]
        return Rendered.of(
            chosen(frame, columns),
            {"log score": ".4f", "probability": "#.3g", "observations": ".0f"},
            self.message,
            notes=[
                shown_of(
                    len(shown),
                    self.n_rows or len(frame),
                    "row",
                    ".table()",
                    "lowest log score",
                    len(frame),
                ),
                "probability: that of the observed outcome, by the fit of all other observations",
            ],
            rows=shown,
        )


@model_first
def exact_loo(
    model: BernoulliLogistic,
    fit: PointEstimate | None = None,
    tolerance: float | None = None,
    progress: bool = False,
) -> ExactLOO:
    """Log score of the MLE when each observation is predicted by the fit of all others.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster: there each round of steps is a pass,
        for all rows that take one.
    fit : PointEstimate, optional
        The MLE of all rows, where it is at hand.
    tolerance : float, optional
        Error that may be left in the log score of a row (proved). By default 1e-14, beside which
        rounding is the larger, up to some 6,000 rows. Beyond them the log score of all is within
        1e-5, which four decimals do not show: steps by the series of the score at the fit of all
        rows nearly always suffice for that. Exact steps, which take as many terms for a row as
        there are rows, follow for those with the largest errors; and where they would take
        long, until the log score of all is within a fiftieth of its standard error.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    ExactLOO

    Raises
    ------
    MLEDoesNotExistError
        If the MLE of all rows does not exist.
    ValueError
        If the fit is another model's, or the tolerance not positive.
    ArithmeticError
        If it is undecided whether an MLE exists without some row, or it cannot be computed.

    Notes
    -----
    Rows for which the downdated Newton step is long (lambda R > 0.1) are fitted anew, all at once,
    each with a bound that is proved at its own place, or alone where that proves nothing.
    For the others each step with the downdated information shrinks a proved bound of the error by
    :math:`e^{RD} - 1`, D the distance from the MLE of all rows. A step by the series adds what the
    series leaves out, and its rounding.

    Examples
    --------
    >>> from flatprior.analysis import exact_loo
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> print(exact_loo(model).message)
    leave-one-out log score -17.4022 (SE 4.60; error bound 6.6e-12)
    """
    if tolerance is not None:
        check_positive("tolerance", tolerance)
    before = model.passes
    fit = converged_mle(model) if fit is None else mle_of(model, fit)
    whole = as_drawn(model)
    exact = _exact_in_memory if whole.rows.resident else _exact_in_passes
    found = exact(whole, fit, tolerance, progress)
    return replace(found, passes=between(before, model.passes))


def _exact_in_memory(
    model: BernoulliLogistic, fit: PointEstimate, tolerance: float | None, progress: bool
) -> ExactLOO:
    weights, rows = model.counts, as_held(model.arrays)
    block = rows.block(slice(None))
    # what rounding leaves of the score, as at the fit of all rows
    floor = evaluate(model.rows, fit.coefficients).certificate.error_bound
    at_mle = AtMLE.of(model, fit.coefficients, floor)
    coefficients, near = at_mle.stepped(block)
    errors = np.where(near.far, 0.0, weights * near.bound * near.reach)

    def se() -> float:
        return spread_of_sum(scored(block, coefficients).score, weights)

    refinement = Refinement(
        rows=rows,
        block=block,
        near=near,
        weights=weights,
        most=tolerance or NEGLIGIBLE,
        enough=sum_that_is_enough(model.n_rows, tolerance, errors, se),
    )
    with progress_bar("rows left out", model.n_rows, progress) as advance:
        bound = refinement.refine(coefficients, advance)
        far = np.flatnonzero(near.far)
        labels = np.asarray(model.row_labels[far], dtype=object)
        refits = without_far(
            model,
            at_mle,
            block.select(far),
            labels,
            lambda i: others(model, int(far[i])),
            lambda: advance(1),
        )
    found = scored(block, coefficients)
    pointwise, error = found.score, (bound + 2 * floor) * near.reach + found.rounding
    coefficients[far], pointwise[far], error[far] = refits[:3]
    gone = far[refits.gone]
    return ExactLOO(
        log_score=-math.inf if len(gone) else float(weights @ pointwise),
        se=math.nan if len(gone) else spread_of_sum(pointwise, weights),
        pointwise=pointwise,
        coefficients=coefficients,
        error_bound=float(weights @ error),
        weights=weights,
        without_mle=tuple(model.row_labels[gone]),
        n_refits=len(far),
        row_labels=model.row_labels,
    )


def _exact_in_passes(
    model: BernoulliLogistic, fit: PointEstimate, tolerance: float | None, progress: bool
) -> ExactLOO:
    found = left_out_in_passes(model, fit, tolerance, progress)
    return ExactLOO(
        log_score=found.log_score,
        se=found.se,
        pointwise=found.rows.score,
        coefficients=found.rows.coefficients,
        error_bound=found.error_bound,
        weights=found.rows.weights,
        without_mle=found.without_mle,
        n_refits=found.n_refits,
        row_labels=pd.Index(found.rows.labels),
        numbers=found.rows.numbers,
        n_rows=model.n_rows,
    )


def others(model: BernoulliLogistic, i: int) -> BernoulliLogistic:
    """The model without one observation of row i."""
    weights = model.counts.copy()
    weights[i] -= 1
    keep = weights > 0
    left = model.arrays.select(keep)
    if left.weights is not None:
        left = replace(left, weights=weights[keep])
    return replace(model, rows=left, row_labels=model.row_labels[keep])
