r"""Single observations on which the MLE hangs, of rows that are not in memory.

As `flatprior.models.existence.fragility` has it: a pass finds the rows without which the Newton
step is so long that it might not prove overlap, one more holds the steps of all of these against
every row, and those few that are left are left out in truth. Of larger sets those are found that a
column has on its wrong side: without them it separates the others, or is 0 in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from flatprior.models.batches.batch_rows import BLOCK_NUMBERS, BatchRows
from flatprior.models.batches.largest import Largest
from flatprior.models.certificate import LARGEST_PRODUCT
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import PrecisionError
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.text import count
from flatprior.models.covariance.leverage import leverages, score_and_longest
from flatprior.models.covariance.roots import required_root
from flatprior.models.designs.coded import Structured
from flatprior.models.existence.check import check_existence
from flatprior.models.likelihood import row_terms
from flatprior.models.model import BernoulliLogistic
from flatprior.models.rows import Block, as_held

DECIDED_BY_REFIT = 0.99  # leverage from which a row is decided on the other rows, not by a step
MOST_MEMBERS = 1000  # rows of a set that are named
MOST_SUSPECTS, MOST_NUMBERS = 2**12, 2**22  # rows whose steps are held against all; numbers in them


class Named(NamedTuple):
    """Rows: their places among all, (m,), and the user's own labels, (m,)."""

    numbers: NDArray[np.intp]
    labels: NDArray[Any]


def critical_in_passes(
    model: BernoulliLogistic, rows: BatchRows, beta: Array, progress: bool
) -> tuple[Named, Named]:
    """Rows of one observation without which there is no MLE, and those that are undecided.

    `beta` is near the MLE.
    """
    suspects = _suspects(rows, beta)
    numbers, block = suspects.numbers, suspects.block
    critical: list[int] = []
    undecided: list[int] = []
    with progress_bar("rows left out", len(numbers), progress) as advance:
        for i in np.argsort(numbers).tolist():
            others = rows.without(int(numbers[i]), block.select(slice(i, i + 1)))
            existence = check_existence(replace(model, rows=others), signs=False)
            if existence.kind == "undecided":
                undecided.append(i)
            elif not existence.exists:
                critical.append(i)
            advance()
    labels = np.asarray(block.labels, dtype=object)
    return Named(numbers[critical], labels[critical]), Named(numbers[undecided], labels[undecided])


def _suspects(rows: BatchRows, beta: Array) -> Largest:
    """Rows of one observation whose absence one Newton step does not prove to be harmless."""
    held, root = as_held(rows), required_root(rows, beta)
    score, longest = score_and_longest(rows, beta, root)
    pull = root.rooted(score[None])[0]
    short = float(np.linalg.norm(pull))
    room = max(min(MOST_SUSPECTS, MOST_NUMBERS // len(beta)), 1)

    def of_block(block: Block) -> tuple[int, Largest]:
        found = leverages(block, beta, root)
        bound = longest * (short + np.abs(found.residual) * found.length) / found.left
        single = block.counts == 1
        unsure = (bound > LARGEST_PRODUCT) | (found.leverage >= DECIDED_BY_REFIT)
        among = np.flatnonzero(single & unsure)
        return len(among), Largest.of(bound, block, room, among)

    number, suspects = held.reduce(of_block, lambda one, two: (one[0] + two[0], one[1] + two[1]))
    if number > room:
        raise PrecisionError(
            f"one Newton step does not prove of {count(number, 'row')} that the MLE exists without "
            f"them, and of no more than {room} is it found out where rows are read in batches; "
            "centre and rescale columns, merge levels with few rows, or build the model with "
            "from_formula"
        )
    suspects = _without_twins(suspects)
    if not len(suspects.numbers):
        return suspects
    found = leverages(suspects.block, beta, root)
    steps = root.placed(found.steps(pull))
    most = held.reduce(lambda block: _Foremost.of_rows(block, beta, steps))
    # a row that is left out has no say
    itself = most.numbers == suspects.numbers
    along = np.where(itself, -np.inf, most.values).max(axis=0)
    left = np.flatnonzero((along > LARGEST_PRODUCT) | (found.leverage >= DECIDED_BY_REFIT))
    return _some(suspects, left)


def _some(rows: Largest, part: NDArray[np.intp]) -> Largest:
    return replace(
        rows, values=rows.values[part], numbers=rows.numbers[part], block=rows.block.select(part)
    )


def _without_twins(rows: Largest) -> Largest:
    """The rows that are like no other of them: without one of two alike nothing changes."""
    design = np.asarray(rows.block.design, dtype=float) + 0.0  # -0.0 is 0.0
    itself = np.column_stack([rows.block.sign, design])
    _, group, members = np.unique(itself, axis=0, return_inverse=True, return_counts=True)
    return _some(rows, np.flatnonzero(members[group.ravel()] == 1))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Foremost:
    """Of each of m steps the two rows with the largest ``pi s x'step``, of some rows; they add.

    Attributes
    ----------
    n_rows : int
        Of how many.
    values : ndarray (2, m)
    numbers : ndarray of int (2, m)
        The rows' places among these, from 0.
    """

    n_rows: int
    values: Array
    numbers: NDArray[np.intp]

    @classmethod
    def of_rows(cls, block: Block, beta: Array, steps: Array) -> _Foremost:
        """Of the rows of a block, for steps (m, k)."""
        total = None
        for piece in block.split(max(BLOCK_NUMBERS // len(steps), 2)):
            fitted = 1 - np.abs(row_terms(piece._replace(weights=None), beta).residual)
            design: Any = piece.design
            along = (fitted * piece.sign)[:, None] * (design @ steps.T)
            part = cls._of(len(along), along, np.arange(len(along))[:, None])
            total = part if total is None else total + part
        assert total is not None  # noqa: S101
        return total

    @classmethod
    def _of(cls, n_rows: int, values: Array, numbers: NDArray[np.intp]) -> _Foremost:
        if len(values) == 1:
            values = np.vstack([values, np.full_like(values, -np.inf)])
            numbers = np.vstack([numbers, numbers])
        most = np.argpartition(-values, 1, axis=0)[:2]
        places = np.broadcast_to(numbers, values.shape)
        return cls(
            n_rows=n_rows,
            values=np.take_along_axis(values, most, axis=0),
            numbers=np.take_along_axis(places, most, axis=0),
        )

    def __add__(self, other: _Foremost) -> _Foremost:
        return self._of(
            self.n_rows + other.n_rows,
            np.vstack([self.values, other.values]),
            np.vstack([self.numbers, other.numbers + self.n_rows]),
        )


def smallest_of_columns(rows: BatchRows) -> tuple[int, Named]:
    """The fewest observations on the wrong side of a column, and the first rows of these.

    Or all there are.
    """
    held = as_held(rows)
    wrong = held.reduce(_wrong_sides)
    some = (wrong.n_rows > 0) & (wrong.n_rows < rows.n_rows)
    size = np.where(some, wrong.n_observations, np.inf)
    if not some.any():
        size[0, 0] = rows.n_observations
    column, side = divmod(int(size.T.argmin()), 2)
    direction = np.zeros(rows.n_columns)
    direction[column] = 1.0 - 2.0 * side
    every = not some.any()

    def members(block: Block) -> Largest:
        design: Any = block.design
        along = block.sign * (design @ direction)
        there = np.flatnonzero((along < 0) | every)
        return Largest.of(np.zeros(len(along)), block, MOST_MEMBERS, there)

    found = held.reduce(members)
    labels = np.asarray(found.block.labels, dtype=object)
    return int(size[side, column]), Named(found.numbers, labels)


class _Wrong(NamedTuple):
    """On the wrong side of each column, and of its reverse: observations and rows, (2, k) each."""

    n_observations: Array
    n_rows: Array

    def __add__(self, other: Any) -> _Wrong:
        return _Wrong(self.n_observations + other.n_observations, self.n_rows + other.n_rows)


def _wrong_sides(block: Block) -> _Wrong:
    events, others = (np.where(block.sign == sign, block.counts, 0.0) for sign in (1.0, -1.0))
    values = np.stack([others, events, others > 0, events > 0])
    positive, there = _where(block.design, np.greater), _where(block.design, np.not_equal)
    reverse = values[[1, 0, 3, 2]]
    found = (values - reverse) @ positive + reverse @ there
    return _Wrong(found[:2], found[2:])


def _where(design: Any, compared: np.ufunc) -> Any:
    """The design with 1 where an entry is greater than 0, say, else 0."""
    if not isinstance(design, Structured):
        return compared(design, 0).astype(float)
    entries = design.sparse
    if entries is not None:
        entries = entries.copy()
        entries.data = compared(entries.data, 0).astype(float)
    return replace(design, numbers=compared(design.numbers, 0).astype(float), sparse=entries)
