"""How far data that overlap are from data without an MLE: which observations hold it up?

Christmann and Rousseeuw (2001), "Measuring overlap in binary regression", Computational Statistics
& Data Analysis 37, 65-75, call the smallest number of observations whose removal leaves no MLE the
overlap of a data set, and find it often quite small. To find it is hard in general. One observation
is decided exactly, for each row: its removal may make the leave-one-out posterior improper, while
every estimate of a leave-one-out quantity still prints a number. Beyond one, a small set is found
greedily, so that its size bounds the overlap from above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.certificate import LARGEST_PRODUCT
from flatprior.models.codes.newton import fit_as_held
from flatprior.models.codes.passes import sums_of
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import PrecisionError
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.rendering import SHOWN, Renderable, Rendered, chosen, shown_of
from flatprior.models.common.text import count, rows_phrase
from flatprior.models.covariance.leverage import leverages
from flatprior.models.covariance.roots import root_of
from flatprior.models.covariance.whitening import DEPENDENT, whitening
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.files.passes import Passes, between
from flatprior.models.existence.check import check_existence, require_mle
from flatprior.models.existence.cone import Cone, overlaps, recession_cone
from flatprior.models.existence.fragility_in_passes import (
    DECIDED_BY_REFIT,
    Named,
    critical_in_passes,
    smallest_of_columns,
)
from flatprior.models.existence.programs import as_sparse
from flatprior.models.existence.separation import separated
from flatprior.models.gathering import as_drawn
from flatprior.models.iterations import last_iterate
from flatprior.models.model import BernoulliLogistic
from flatprior.models.rows import ArrayRows, Rows, as_held, distinct

SMALL = 5  # a set of this many observations, or fewer, is called fragile
FAR = 20 * SMALL  # beyond this many the search is given up when it makes little progress
REWEIGHTINGS = 8
WORK = 3e10  # multiplications in one linear program: half a minute; the clock has no say
HOPEFUL = 0.25  # iterations, of the rows and columns: with fewer a program hardly ends
NEAR_ZERO = 1e-9  # of a margin, relative to the largest


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class Fragility(Renderable):
    """How few observations stand between the data and having no MLE.

    Attributes
    ----------
    critical_rows : tuple of int
        Positions of the rows that stand for one observation without which the MLE does not exist:
        their leave-one-out posterior is improper. All of them: every other row was proved not to be
        one, but for `undecided_rows`.
    critical_labels : tuple
        The same rows by the user's own index.
    undecided_rows : tuple of int
        Rows for which this was undecided in double precision.
    smallest_set : tuple of int
        Positions of the smallest set of rows found without which the MLE does not exist: proved. Of
        rows that are not in memory the first 1000 of the set.
    smallest_labels : tuple
        The same by the user's own index.
    distance : int
        Observations in that set.
    exact : bool
        Whether no smaller set exists: proved for one observation, and for two where no single one
        is enough.
    message : str
    passes : Passes or None
        How often rows that are not in memory were read for it, and how much.
    """

    critical_rows: tuple[int, ...]
    critical_labels: tuple[object, ...]
    undecided_rows: tuple[int, ...]
    smallest_set: tuple[int, ...]
    smallest_labels: tuple[object, ...]
    distance: int
    exact: bool
    message: str
    passes: Passes | None = None

    @property
    def fragile(self) -> bool:
        """Whether the set found has at most five observations."""
        return self.distance <= SMALL

    def table(self) -> pd.DataFrame:
        """One row a row of data on which the MLE hangs, by its own label, critical ones first.

        Columns: "row", its position; "critical", whether the MLE does not exist without one
        observation of it; "in smallest set", whether it is of the smallest set found.
        """
        labels = dict(zip(self.smallest_set, self.smallest_labels, strict=True))
        labels |= dict(zip(self.critical_rows, self.critical_labels, strict=True))
        critical, smallest = set(self.critical_rows), set(self.smallest_set)
        rows = sorted(labels, key=lambda row: (row not in critical, row))
        return pd.DataFrame(
            {
                "row": rows,
                "critical": [row in critical for row in rows],
                "in smallest set": [row in smallest for row in rows],
            },
            index=pd.Index([labels[row] for row in rows], dtype=object, name="label"),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        frame = self.table()
        shown = min(len(frame), SHOWN)
        at_most = "" if self.exact else "at most "
        return Rendered.of(
            chosen(frame, columns),
            {},
            f"Fragility of the MLE: it hangs on {at_most}{count(self.distance, 'observation')}"
            + ("" if self.fragile else ", which is not few"),
            [f"{self.message[:1].upper()}{self.message[1:]}."],
            [
                shown_of(shown, len(frame), "row", ".table()"),
                f"of {count(len(self.undecided_rows), 'more row')} it is undecided in double "
                "precision whether the MLE exists without them"
                if self.undecided_rows
                else "",
            ],
            rows=range(shown),
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, ready for JSON."""
        return {
            "critical_rows": list(self.critical_rows),
            "critical_labels": [str(label) for label in self.critical_labels],
            "undecided_rows": list(self.undecided_rows),
            "smallest_set": list(self.smallest_set),
            "smallest_labels": [str(label) for label in self.smallest_labels],
            "distance": self.distance,
            "exact": self.exact,
            "fragile": self.fragile,
            "message": self.message,
        }


@model_first
def check_fragility(model: BernoulliLogistic, progress: bool = False) -> Fragility:
    """Find the observations without which the MLE would not exist.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster. There more than 65,536 rows take
        passes, and sets of several observations are looked for column by column alone.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Fragility

    Raises
    ------
    MLEDoesNotExistError
        If it does not exist as it is.

    Examples
    --------
    The outcomes overlap at x = 4 and x = 5 only: without either row they would be separated.

    >>> from flatprior.models import BernoulliLogistic, check_fragility
    >>> model = BernoulliLogistic.from_arrays(
    ...     [1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 0, 1, 0, 1, 1, 1], intercept=True)
    >>> check_fragility(model).critical_rows
    (3, 4)
    """
    before = model.passes
    found = _found(model, progress)
    return replace(found, passes=between(before, model.passes))


def _found(model: BernoulliLogistic, progress: bool) -> Fragility:
    require_mle(model)
    model = as_drawn(model)
    if not isinstance(model.rows, ArrayRows):
        return _in_passes(model, model.rows, progress)
    patterns = _patterns(model)
    one, undecided = _critical(patterns, progress)
    smallest = np.array(one[:1]) if one else _pruned(patterns, _smallest_found(patterns, progress))
    distance = int(patterns.cost[smallest].sum())
    members = np.flatnonzero(np.isin(patterns.of_row, smallest))
    critical = np.flatnonzero(np.isin(patterns.of_row, one))
    labels = tuple(model.row_labels[members])
    exact = distance == 1 or (distance == 2 and not undecided)
    return Fragility(
        critical_rows=tuple(critical.tolist()),
        critical_labels=tuple(model.row_labels[critical]),
        undecided_rows=tuple(np.flatnonzero(np.isin(patterns.of_row, undecided)).tolist()),
        smallest_set=tuple(members.tolist()),
        smallest_labels=labels,
        distance=distance,
        exact=exact,
        message=_message(model, tuple(model.row_labels[critical]), labels, distance, exact),
    )


def critical_rows(
    model: BernoulliLogistic, progress: bool = False
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positions of the rows without which the MLE would not exist, and of undecided ones.

    A part of `check_fragility`. Rows that stand for several observations are never among them.
    """
    found = held_up_by(model, progress)
    first, second = (tuple(rows.numbers.tolist()) for rows in found)
    return first, second


def held_up_by(model: BernoulliLogistic, progress: bool = False) -> tuple[Named, Named]:
    """The rows of `critical_rows`, and their labels."""
    require_mle(model)
    model = as_drawn(model)
    if not isinstance(model.rows, ArrayRows):
        return _critical_in_passes(model, model.rows, progress)
    patterns = _patterns(model)
    first, second = (
        np.flatnonzero(np.isin(patterns.of_row, found)) for found in _critical(patterns, progress)
    )
    labels = model.row_labels
    one, two = (Named(rows, np.asarray(labels[rows], dtype=object)) for rows in (first, second))
    return one, two


def _critical_in_passes(
    model: BernoulliLogistic, rows: BatchRows, progress: bool
) -> tuple[Named, Named]:
    beta = _fitted(rows)
    if beta is None:
        raise PrecisionError(DEPENDENT)
    return critical_in_passes(model, rows, beta, progress)


def _in_passes(model: BernoulliLogistic, rows: BatchRows, progress: bool) -> Fragility:
    """`check_fragility` of rows that are not in memory."""
    one, undecided = _critical_in_passes(model, rows, progress)
    distance, smallest = 1, Named(one.numbers[:1], one.labels[:1])
    if not len(one.numbers):
        distance, smallest = smallest_of_columns(rows)
    critical, labels = tuple(one.labels), tuple(smallest.labels)
    exact = distance == 1 or (distance == 2 and not len(undecided.numbers))
    return Fragility(
        critical_rows=tuple(one.numbers.tolist()),
        critical_labels=critical,
        undecided_rows=tuple(undecided.numbers.tolist()),
        smallest_set=tuple(smallest.numbers.tolist()),
        smallest_labels=labels,
        distance=distance,
        exact=exact,
        message=_message(model, critical, labels, distance, exact),
    )


def _message(
    model: BernoulliLogistic,
    critical: tuple[object, ...],
    smallest: tuple[object, ...],
    distance: int,
    exact: bool,
) -> str:
    n = model.n_observations
    if critical:
        return (
            "the MLE hangs on single observations: without "
            f"{'any one of ' * (len(critical) > 1)}{rows_phrase(critical)} it would not exist, and "
            "the leave-one-out posterior is improper"
        )
    if distance > SMALL:
        return (
            "the MLE does not hang on a few observations: the smallest set found without which it "
            f"would not exist has {distance} of {n}"
        )
    return (
        f"the MLE hangs on few observations: without {distance} of {n} ({rows_phrase(smallest)}) "
        f"it would not exist{'; no single one decides' if exact else ''}"
    )


@dataclass(frozen=True, eq=False)
class _Patterns:
    """Distinct rows: what existence depends on.

    Attributes
    ----------
    model : BernoulliLogistic
        Of m rows, each pattern one observation.
    cost : ndarray (m,)
        Observations that share the row and the outcome.
    of_row : ndarray (n,)
        Pattern of each row of the data.
    """

    model: BernoulliLogistic
    cost: Array
    of_row: NDArray[np.intp]

    @property
    def rows(self) -> ArrayRows:
        """Each pattern as one row."""
        return self.model.arrays

    def without(self, left_out: NDArray[np.intp]) -> BernoulliLogistic:
        """The model of the others."""
        keep = np.ones(len(self.cost), dtype=bool)
        keep[left_out] = False
        labels = self.model.row_labels[keep]
        return replace(self.model, rows=self.rows.select(keep), row_labels=labels)


def _patterns(model: BernoulliLogistic) -> _Patterns:
    rows = model.arrays
    design = rows.design if isinstance(rows.design, Structured) else model.design
    plain = ArrayRows(design, rows.response)
    of_row, first = distinct(plain)
    cost = np.bincount(of_row, weights=model.counts).astype(float)
    found = replace(model, rows=plain.select(first), row_labels=model.row_labels[first])
    return _Patterns(found, cost, of_row)


def _exists(model: BernoulliLogistic) -> bool | None:
    """Whether the MLE does; None where undecided."""
    rows = model.arrays
    if rows.n_rows < rows.n_columns:
        return False
    if isinstance(rows.design, Structured):
        existence = check_existence(model, signs=False)
        return None if existence.kind == "undecided" else existence.exists
    if overlaps(rows):
        return True
    cone = recession_cone(rows.design, rows.sign)
    return cone.trivial if isinstance(cone, Cone) else None


def _critical(patterns: _Patterns, progress: bool) -> tuple[list[int], list[int]]:
    """Patterns of one observation without which there is no MLE, and those that are undecided."""
    suspects = _suspects(patterns)
    critical: list[int] = []
    undecided: list[int] = []
    with progress_bar("rows left out", len(suspects), progress) as advance:
        for i in suspects:
            exists = _exists(patterns.without(np.array([i])))
            if exists is None:
                undecided.append(i)
            elif not exists:
                critical.append(i)
            advance()
    return critical, undecided


def _suspects(patterns: _Patterns) -> list[int]:
    r"""Patterns of one observation whose absence one Newton step does not prove to be harmless.

    At the fit of all rows, with V the inverse information, the Newton step without row i is
    :math:`-s_i(1-\pi_i) V x_i/(1-h_i)`, h the leverage. It proves that the other rows
    overlap if :math:`\pi_j s_j x_j' step < 1` for all of them, see
    `flatprior.models.existence.cone`; half of that is asked for.
    """
    rows = patterns.rows
    single = np.flatnonzero(patterns.cost == 1)
    coefficients = _fitted(rows)
    root = None if coefficients is None else root_of(rows, coefficients)
    if coefficients is None or root is None:
        return [int(i) for i in single]
    found = leverages(as_held(rows).block(slice(None)), coefficients, root)
    size = np.abs(found.residual) / found.left
    bound = found.length.max() * size * found.length
    sure = found.leverage < DECIDED_BY_REFIT
    safe = (bound <= LARGEST_PRODUCT) & sure
    fitted = 1 - np.abs(found.residual)  # probability of what was observed
    suspects = []
    for i in single[~safe[single]].tolist():
        step = -found.residual[i] / found.left[i] * root.times(np.asarray(rows.design[[i]]))[0]
        along = fitted * rows.sign * (rows.design @ step)
        along[i] = 0.0
        if along.max() > LARGEST_PRODUCT or not sure[i]:
            suspects.append(i)
    return suspects


def _fitted(rows: Rows) -> Array | None:
    """Coefficients (k,) near the MLE, or where the iterates end; None if columns are dependent."""
    coded = sums_of(rows)
    fit = None if coded is None else fit_as_held(coded)
    if fit is not None:
        return fit.beta
    last = last_iterate(rows)
    return None if last is None else last.coefficients


def _smallest_found(patterns: _Patterns, progress: bool) -> NDArray[np.intp]:
    """Patterns on the wrong side of a direction that has few observations there.

    Directions tried: each column on its own (the levels of a category), and those of linear
    programs that minimise the sum of violations, reweighted so that small ones weigh more
    (Candès, Wakin and Boyd 2008, "Enhancing sparsity by reweighted l1 minimization", Journal of
    Fourier Analysis and Applications 14, 877-905).
    """
    rows = patterns.rows
    design, sign, best = rows.design, rows.sign, np.arange(rows.n_rows)

    def consider(values: Array, direction: Array) -> None:
        nonlocal best
        size = np.abs(values).max()
        # what a linear program leaves near zero may be zero, or on the wrong side after all
        for limit in (NEAR_ZERO, 0.0):
            wrong = np.flatnonzero(values < -limit * size)
            fewer = patterns.cost[wrong].sum() < patterns.cost[best].sum()
            if 0 < len(wrong) < len(values) and fewer and _leaves_none(patterns, wrong, direction):
                best = wrong
                return

    unit = np.eye(rows.n_columns)
    for j in range(rows.n_columns):
        column = sign * design[:, j]
        consider(column, unit[j])
        consider(-column, -unit[j])
    most = _iterations(rows)
    if not most:
        return best
    signed, transform = _coordinates(rows)
    weights = np.ones(rows.n_rows)
    with progress_bar("directions", REWEIGHTINGS, progress) as advance:
        for _ in range(REWEIGHTINGS):
            direction = _least_violating(signed, patterns.cost * weights, most)
            if direction is None:
                break
            before = patterns.cost[best].sum()
            values = signed @ direction
            consider(values, transform @ direction)
            if FAR < 0.9 * before < patterns.cost[best].sum():  # many, and hardly fewer than before
                break
            violation = np.maximum(-values, 0.0)
            weights = 1 / (violation + 0.01 * max(float(violation.max()), 1e-9))
            weights /= weights.max()
            advance()
    return best


def _iterations(rows: ArrayRows) -> int:
    """How many a linear program of these rows may take; 0 where it would not end in as many."""
    n, k = rows.n_rows, rows.n_columns
    # one takes about n k multiplications
    most = min(10 * (n + k) + 1_000, 100 + int(WORK / (n * k)))
    return most if most >= HOPEFUL * (n + k) else 0


def _coordinates(rows: ArrayRows) -> tuple[Any, Any]:
    """Rows ``s_i x_i`` in columns of about one size, and what leads back from their coefficients.

    The linear program has the same solution in any columns; codes stay sparse.
    """
    if isinstance(rows.design, Structured):
        back = sparse.diags_array(1 / np.where(rows.extent.columns > 0, rows.extent.columns, 1.0))
        return (sparse.diags_array(rows.sign) @ as_sparse(rows.design) @ back).tocsc(), back
    transform = whitening(rows)
    transform = np.eye(rows.n_columns) if transform is None else transform
    return (rows.sign[:, None] * rows.design) @ transform, transform


def _leaves_none(patterns: _Patterns, left_out: NDArray[np.intp], direction: Array) -> bool:
    """Whether no MLE exists without these patterns: proved, by the direction or by a search."""
    others = patterns.without(left_out)
    rows = others.arrays
    return separated(rows.design, rows.sign, direction) is not None or _exists(others) is False


def _least_violating(signed: Any, weights: Array, most: int) -> Array | None:
    """Minimise the weighted sum of violations over directions of mean margin 1, by the dual.

    The dual is max m, A'y = m a, 0 <= y <= weights, with a the mean row.
    """
    n, k = signed.shape
    mean = np.asarray(signed.mean(axis=0))
    equations: Any
    if isinstance(signed, np.ndarray):
        equations = np.column_stack([signed.T, -mean])
    else:
        last: Any = sparse.csc_array(-mean[:, None])
        equations = sparse.hstack([signed.T, last], format="csc")
    result = linprog(
        np.append(np.zeros(n), -1.0),
        A_eq=equations,
        b_eq=np.zeros(k),
        bounds=[*zip(np.zeros(n), weights, strict=True), (None, None)],
        method="highs-ds",
        options={"maxiter": most},  # where it ends is a candidate
    )
    if result.x is None:
        return None
    direction = np.asarray(result.eqlin.marginals)
    return direction if signed.sum(axis=0) @ direction > 0 else -direction


def _pruned(patterns: _Patterns, found: NDArray[np.intp]) -> NDArray[np.intp]:
    """Take back every pattern whose removal turns out not to be needed, the costliest first."""
    if patterns.cost[found].sum() > FAR:
        return found
    for i in found[np.argsort(-patterns.cost[found])]:
        fewer = found[found != i]
        if len(fewer) and _exists(patterns.without(fewer)) is False:
            found = fewer
    return found
