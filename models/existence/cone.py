"""The cone of directions along which the log-likelihood never falls, and what stays finite.

Overlap is proved by Newton's certificate, the contrary by a direction verified on the data. Where
there is a separating direction both are used in turns: the rows that it leaves in place are fitted
again, until what remains is proved to overlap.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from flatprior.models.certificate import LARGEST_PRODUCT, evaluate
from flatprior.models.common.arrays import Array
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.text import at_most
from flatprior.models.dependence.independent_columns import (
    Columns,
    equilibrated,
    in_units,
    independent_columns,
    margins,
    only_rounding_makes_dependent,
)
from flatprior.models.existence.levels import overlaps_as_held
from flatprior.models.existence.messages import (
    SeparatedRows,
    dependence_message,
    separation_message,
    unknown_message,
)
from flatprior.models.existence.projection import Effort
from flatprior.models.existence.separation import (
    NoneFound,
    Separation,
    coefficient_signs,
    find_separation,
    overlap_width,
    separated,
    single_columns,
)
from flatprior.models.iterations import Iterate, iterates, last_iterate, sample_of
from flatprior.models.likelihood import linear_predictor, total_log_likelihood
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence, ExistenceKind, Limit
from flatprior.models.rows import ArrayRows, Block, MappedRows, Rows

# Overlap is proved at iteration 0 to 9 on all real data seen. After this many a direction that
# separates is looked for; if neither it nor its absence is proved, Newton's method goes on.
PATIENCE = 10


def find_cone(rows: ArrayRows, progress: bool = False) -> Cone | NoneFound:
    """Whatever the certificate, or else the projections on a cone, prove of the rows."""
    if overlaps_as_held(rows):
        return trivial_cone(rows.n_columns)
    sample = sample_of(rows)
    if sample is not None and overlaps(sample, PATIENCE):  # then so do all of them
        return trivial_cone(rows.n_columns)
    plain = MappedRows(rows, without_offset_and_weights)
    design, sign = rows.design.astype(float, copy=False), rows.sign
    cone: Cone | NoneFound | None = None
    iterate = None
    for iteration, iterate in enumerate(iterates(plain)):
        if iteration == PATIENCE:
            cone = recession_cone(design, sign, progress)
            if isinstance(cone, Cone):
                return cone
        if proves_overlap(plain, iterate):
            return trivial_cone(rows.n_columns)
    if cone is None:
        cone = recession_cone(design, sign, progress)
    if isinstance(cone, NoneFound):
        # Newton's last step, too, all but separates what is all but separated
        last = math.inf if iterate is None else overlap_width(design, sign, iterate.step)
        return replace(cone, width=min(cone.width, last))
    return cone


def without_offset_and_weights(block: Block) -> Block:
    """The same rows for the question of existence, which depends on neither."""
    # without them the iterates are tamer and prove more
    return block._replace(offset=None, weights=None)


def proves_overlap(rows: Rows, iterate: Iterate) -> bool:
    """Whether an iterate proves that the MLE exists; the proof is tried where it may succeed."""

    def criterion(block: Block) -> float:
        with np.errstate(over="ignore"):
            margin = block.sign * linear_predictor(block, iterate.coefficients)
            fitted = 1 / (1 + np.exp(-margin))
        return float(np.max(fitted * block.sign * (block.design @ iterate.step)))

    return (
        rows.reduce(criterion, max) <= LARGEST_PRODUCT
        and evaluate(rows, iterate.coefficients).certificate.proves_existence
    )


def overlaps(rows: Rows, most: int | None = None) -> bool:
    """Whether Newton's method, on its own, proves that the MLE of these rows exists.

    At most `most` of its iterates are asked.
    """
    return any(proves_overlap(rows, iterate) for iterate in itertools.islice(iterates(rows), most))


@dataclass(frozen=True, eq=False)
class Cone:
    """The directions in which the log-likelihood never falls, and what they leave in place.

    Attributes
    ----------
    columns : Columns
        Independent columns of the whole design, and null vectors.
    separation : Separation or None
        A direction, with zeros outside the kept columns, and all rows that can be separated; None
        if none can.
    rest : Columns
        Independent columns of the rows that are not separated, and null vectors.
    """

    columns: Columns
    separation: Separation | None
    rest: Columns

    @property
    def trivial(self) -> bool:
        """Whether there is no such direction but 0: the outcomes overlap, the rank is full."""
        return self.separation is None and not self.columns.null.size


def recession_cone(design: Array, sign: Array, progress: bool = False) -> Cone | NoneFound:
    """Find the largest set of rows that a direction separates, and prove it the largest.

    For data that Newton's method alone did not prove to overlap. Rows are peeled off: a direction
    separates some; the others either overlap, in the columns that are independent on them, or have
    a direction of their own, which then is added. First come directions of one column.
    """
    given = design
    design, power = equilibrated(given)
    columns = independent_columns(design)
    if columns is None:
        return NoneFound(math.inf)
    effort = Effort()
    with progress_bar("rows that separate", len(design), progress) as advance:
        found = _peeled(design, sign, columns, effort, advance)
    if isinstance(found, NoneFound):
        return found
    direction, left = found
    rest = independent_columns(design[left])
    if rest is None:
        return NoneFound(math.inf)
    columns, rest = in_units(columns, power), in_units(rest, power)
    if only_rounding_makes_dependent(given, columns) or only_rounding_makes_dependent(
        given[left], rest
    ):
        return NoneFound(math.inf)
    if left.all():
        return Cone(columns, None, rest)
    rows = separated(design, sign, direction)
    if rows is None or (rows == left).any():
        return NoneFound(math.inf)
    direction = direction / power
    return Cone(columns, Separation(direction / np.abs(direction).max(), rows), rest)


def _peeled(
    design: Array, sign: Array, columns: Columns, effort: Effort, advance: Callable[[int], None]
) -> tuple[Array, np.ndarray] | NoneFound:
    """A direction (k,) that separates all rows that can be, and the mask of the others."""
    k, kept = design.shape[1], columns.kept
    direction, left = np.zeros(k), np.ones(len(design), dtype=bool)

    def peel(columns: np.ndarray, found: Array, rows: np.ndarray) -> None:
        nonlocal direction
        further = np.zeros(k)
        further[columns] = found
        direction = _add(design, sign, direction, further, ~left)
        left[np.flatnonzero(left)[rows]] = False
        advance(int(np.count_nonzero(rows)))

    while left.any():
        signed = sign[left, None] * design[np.ix_(left, kept)]
        alone = single_columns(signed)
        if alone is None:
            break
        peel(kept, alone, signed @ alone > 0)
    while left.any():
        within = kept
        if not left.all():
            peeled = independent_columns(design[np.ix_(left, kept)])
            if peeled is None:
                return NoneFound(math.inf)
            within = kept[peeled.kept]
        if not len(within):  # what is left are rows of zeros
            break
        part = design[np.ix_(left, within)]
        found = find_separation(part, sign[left], effort)
        if isinstance(found, NoneFound) and (
            left.all() or not overlaps(ArrayRows.of_signs(part, sign[left]))
        ):
            return found
        if not isinstance(found, Separation):
            break
        peel(within, found.direction, found.rows)
    return direction, left


def _add(design: Array, sign: Array, first: Array, second: Array, rows: np.ndarray) -> Array:
    """``t first + second`` with t large enough that the `rows` that `first` separates remain so."""
    if not rows.any():
        return second
    gained, lost = (margins(design[rows], sign[rows], d)[0] for d in (first, second))
    return max(1.0, 2 * float(np.max(-lost / gained))) * first + second


def trivial_cone(k: int) -> Cone:
    """That of outcomes that overlap."""
    columns = Columns(np.arange(k), np.zeros((k, 0)))
    return Cone(columns, None, columns)


def overlap(model: BernoulliLogistic) -> Existence:
    """The MLE exists."""
    return Existence(
        kind="overlap",
        message=(
            "the maximum likelihood estimate exists and is unique, and the flat-prior posterior is "
            "proper (proved: the outcomes overlap)"
        ),
        coefficients=dict.fromkeys(model.names, "finite"),
        warnings=model.warnings,
    )


def undecided(found: NoneFound) -> Existence:
    """Nobody knows."""
    if found.given_up:
        message = (
            "it is undecided whether the maximum likelihood estimate exists: the search for a "
            "separating direction was given up at its limit; fit a model of fewer columns, or "
            "merge levels with few rows"
        )
    else:
        how = (
            f" (they overlap by at most {at_most(found.width)} of their spread)"
            if 0 < found.width < math.inf
            else ""
        )
        message = (
            "it is undecided in double precision whether the maximum likelihood estimate exists: "
            f"neither overlap nor separation of the outcomes could be verified{how}; rescale or "
            "centre the columns, or drop nearly collinear ones"
        )
    return Existence(
        kind="undecided", message=message, coefficients={}, overlap_width=float(found.width)
    )


def statuses(
    model: BernoulliLogistic, cone: Cone, signs: bool, progress: bool
) -> tuple[dict[int, str], list[Array]]:
    """Where each coefficient goes, by its position, and directions (k,) that show it."""
    fixed = np.logical_not(cone.rest.null.any(axis=1))
    status = dict.fromkeys(np.flatnonzero(fixed).tolist(), "finite")
    status |= dict.fromkeys(np.flatnonzero(cone.columns.null.any(axis=1)).tolist(), "undetermined")
    found = cone.separation
    if found is None or not (signs or cone.rest.null.shape[1] == 1):
        return status, []
    with progress_bar("coefficients", model.n_parameters, progress) as on_step:
        going, witnesses = _signs(model, cone, found, on_step)
    return status | going, witnesses


def describe(
    model: BernoulliLogistic,
    cone: Cone,
    status: dict[int, str],
    extent: SeparatedRows,
    signs: bool,
) -> Existence:
    """Say in names and numbers what the cone means for the coefficients.

    Where the `signs` were asked for, those that were not found are named.
    """
    coefficients = {model.names[j]: status[j] for j in sorted(status)}
    found = cone.separation
    if len(cone.columns.kept) < model.n_parameters:
        kind: ExistenceKind = "rank deficient"
        dependencies = _dependencies(model, cone.columns)
        message = dependence_message(model, dependencies, extent)
        direction = cone.columns.null[:, 0]
    else:
        assert found is not None  # noqa: S101
        kind = "complete separation" if extent.all else "quasi-complete separation"
        dependencies = {}
        message = separation_message(model, found.direction, found.rows, coefficients, extent)
        direction = found.direction
    if signs and len(status) < model.n_parameters:
        message += unknown_message(model, status)
    return Existence(
        kind=kind,
        message=message,
        coefficients=coefficients,
        direction=direction / np.abs(direction).max(),
        separated_labels=tuple(extent.labels),
        n_separated=extent.n,
        dependencies=dependencies,
    )


def _signs(
    model: BernoulliLogistic,
    cone: Cone,
    found: Separation,
    on_step: Callable[[], None],
) -> tuple[dict[int, str], list[Array]]:
    """Signs of the coefficients that no dependency among the columns leaves undetermined."""
    k, kept = model.n_parameters, cone.columns.kept
    signs, directions = coefficient_signs(
        model.design[:, kept],
        model.arrays.sign,
        Separation(found.direction[kept], found.rows),
        Effort(),
        on_step,
    )
    alone = np.logical_not(cone.columns.null.any(axis=1))
    witnesses = []
    for direction in directions:
        witnesses.append(np.zeros(k))
        witnesses[-1][kept] = direction
    return {int(kept[j]): sign for j, sign in signs.items() if alone[kept[j]]}, witnesses


def left_in_place(rows: ArrayRows, cone: Cone) -> ArrayRows:
    """The rows that are not separated, in columns that are independent on them."""
    left = np.ones(rows.n_rows, bool) if cone.separation is None else ~cone.separation.rows
    return rows.select(left, cone.rest.kept)


def with_limit(existence: Existence, names: Sequence[str], part: Rows, cone: Cone) -> Existence:
    """Add the fit of the rows that are not separated, and say so where there is none."""
    limit = limiting_fit(names, part, cone)
    message = existence.message
    if math.isnan(limit.log_likelihood):
        message += (
            "; what the likelihood approaches could not be computed: the offsets leave no curvature"
            " in double precision, so subtract a constant from them or rescale them"
        )
    return replace(existence, message=message, limit=limit)


def limiting_fit(names: Sequence[str], part: Rows, cone: Cone) -> Limit:
    """Fit the rows that are not separated; NaN where Newton's method cannot start."""
    if not (part.n_rows and part.n_columns):
        none = np.zeros(0)
        return Limit(
            names=(),
            coefficients=none,
            standard_errors=none,
            # of rows of zeros the probability is that of the offset
            log_likelihood=total_log_likelihood(part, none) if part.n_rows else 0.0,
            error_bound=0.0,
        )
    fixed = np.logical_not(cone.rest.null.any(axis=1))
    shown = np.flatnonzero(fixed[cone.rest.kept])
    labels = tuple(names[cone.rest.kept[j]] for j in shown)
    last = last_iterate(part)
    if last is None:  # the offsets leave no curvature
        unknown = np.full(len(shown), math.nan)
        return Limit(
            names=labels,
            coefficients=unknown,
            standard_errors=unknown,
            log_likelihood=math.nan,
            error_bound=math.inf,
        )
    found = evaluate(part, last.coefficients)
    return Limit(
        names=labels,
        coefficients=last.coefficients[shown],
        standard_errors=np.sqrt(found.covariance.diagonal())[shown],
        log_likelihood=found.log_likelihood,
        error_bound=found.certificate.error_bound,
    )


def _dependencies(model: BernoulliLogistic, columns: Columns) -> dict[str, dict[str, float]]:
    """Each superfluous column as a combination of others."""
    left = np.setdiff1d(np.arange(model.n_parameters), columns.kept)
    return {
        model.names[j]: {
            model.names[i]: float(-columns.null[i, c])
            for i in np.flatnonzero(columns.null[:, c])
            if i != j
        }
        for c, j in enumerate(left)
    }
