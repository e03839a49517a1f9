"""Levels in which one outcome only was observed, where rows come in batches.

As `flatprior.models.existence.levels` has it. Rows and events of levels are sums over the rows, so
that a round is a pass.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.batches.changed_rows import ChangedRows
from flatprior.models.codes.basis import Basis
from flatprior.models.codes.newton import columns_are_independent, facts_of, fit_as_held
from flatprior.models.codes.passes import SumsInBatches, in_batches, sums_of
from flatprior.models.common.arrays import Array
from flatprior.models.designs.coded import Structured
from flatprior.models.existence.cone import without_offset_and_weights
from flatprior.models.existence.levels import (
    Alive,
    Counts,
    Peeled,
    Rest,
    counts,
    direction_by,
    direction_of,
    going_of,
    in_none,
    outcomes_of,
    outweighed,
    peeled_by,
    rounds_of,
    tied,
    verdict_of,
)
from flatprior.models.existence.messages import SeparatedRows
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence
from flatprior.models.rows import Block, either

LABELS_SHOWN = 1_000


def overlaps_in_passes(rows: BatchRows) -> bool:
    """Whether Newton's method proves that the MLE exists, with factors held as codes."""
    sums = sums_of(rows)
    if not isinstance(sums, SumsInBatches):
        return False
    drawn = replace(sums.sample.rows, offset=None, weights=None)  # that they overlap is enough
    if fit_as_held(replace(sums.sample, rows=drawn)) is not None:
        return True
    plain = ChangedRows(
        rows=rows,
        change=without_offset_and_weights,
        n_rows=rows.n_rows,
        n_columns=rows.n_columns,
        extent_of_offset=0.0,
    )
    return fit_as_held(SumsInBatches(plain, sums.basis)) is not None


def separated_in_passes(model: BernoulliLogistic, rows: BatchRows) -> Existence | None:
    """The verdict where levels separate and the rest does not; None where this is not all."""
    whole = sums_of(rows)
    if not isinstance(whole, SumsInBatches):
        return None
    if whole.basis.contrasted:  # levels whose columns are other ones' too
        whole = in_batches(rows, contrasted=False)
        assert whole is not None  # noqa: S101
    basis = whole.basis
    facts = facts_of(whole)
    at_first = [np.array(each) for each in zip(facts.rows, facts.events, strict=True)]
    # the main factor is the first of all there, and where it was in the design
    at_first.insert(basis.main, at_first.pop(0))

    def count(alive: Any) -> list[Counts]:
        if all(there.all() for there in alive):
            return at_first
        return rows.reduce_as_held(partial(_counts, basis=basis, alive=list(alive)), _each_added)

    peeled = peeled_by(basis.design, count)
    if peeled is None or not peeled.levels or not any(there.any() for there in peeled.alive):
        return None
    if not columns_are_independent(whole):
        return None
    rest = Rest.of(basis.design, peeled.alive)
    alive = list(peeled.alive)

    def left(block: Block) -> Block:
        design = _design(block, basis)
        there = in_none(design, alive)
        some: Any = block.select(there)
        return cast(Block, some._replace(design=rest.design(design[there])))

    ways = _direction(rows, basis, peeled)
    if ways is None:
        return None
    looked = rows.reduce_as_held(partial(_Looked.of, basis=basis, peeled=peeled, direction=ways))
    if not looked.separates:
        return None
    ones = [] if basis.constant is None else [basis.constant]
    remaining = Basis.of_columns(rest.design(basis.design), ones, basis.centre)
    changed = ChangedRows(
        rows=rows,
        change=left,
        n_rows=rows.n_rows - looked.n,
        n_columns=len(rest.place),
        extent_of_offset=rows.extent_of_offset,
    )
    last = None if remaining is None else fit_as_held(SumsInBatches(changed, remaining))
    if last is None:
        return None
    going = going_of(basis, peeled, looked.ties)
    separated = SeparatedRows(looked.n, rows.n_rows, looked.labels)
    return verdict_of(model, basis, peeled, going, (rest, last), separated, ways, looked.outcomes)


def _direction(rows: BatchRows, basis: Basis, peeled: Peeled) -> Array | None:
    """A direction that separates the rows; a pass for each round if sparse columns do."""
    if all(f < len(basis.design.factors) for f, *_ in peeled.levels):
        return direction_of(basis, peeled)

    def worst(stage: int, further: Array, direction: Array) -> float:
        def of_block(block: Block) -> float:
            own = rounds_of(_design(block, basis), peeled) == stage
            some = block.select(own)
            return outweighed(some.design, some.sign, further, direction)

        return rows.reduce_as_held(of_block, max)

    return direction_by(basis, peeled, worst)


@dataclass(frozen=True, eq=False)
class _Looked:
    """What is found of separated rows in a pass.

    How many, the first labels, `tied` levels, and `outcomes_of` sparse columns.
    """

    n: int
    labels: tuple[object, ...]
    ties: list[NDArray[np.bool_]]
    separates: bool
    outcomes: Counts | None

    @classmethod
    def of(cls, block: Block, basis: Basis, peeled: Peeled, direction: Array) -> _Looked:
        """Of a block."""
        design = _design(block, basis)
        left = peeled.left(design)
        # sums of whole numbers: exact, unless sparse columns are of very different sizes
        margins = block.sign * (block.design @ direction)
        found = range(0) if block.labels is None else block.labels[~left][:LABELS_SHOWN]
        return cls(
            int(np.count_nonzero(~left)),
            tuple(found),
            tied(design, peeled.alive),
            bool((margins[~left] > 0).all() and (margins[left] == 0).all()),
            outcomes_of(design, block.sign > 0, peeled),
        )

    def __add__(self, other: _Looked) -> _Looked:
        return _Looked(
            self.n + other.n,
            (*self.labels, *other.labels)[:LABELS_SHOWN],
            [one | two for one, two in zip(self.ties, other.ties, strict=True)],
            self.separates and other.separates,
            either(operator.add, self.outcomes, other.outcomes),
        )


def _counts(block: Block, basis: Basis, alive: list[Alive]) -> list[Counts]:
    return counts(_design(block, basis), block.sign > 0, alive)


def _each_added(one: list[Counts], two: list[Counts]) -> list[Counts]:
    return [first + second for first, second in zip(one, two, strict=True)]


def _design(block: Block, basis: Basis) -> Structured:
    """The rows of a block, in the columns of a basis as it holds them."""
    design: Any = block.design
    assert isinstance(design, Structured)  # noqa: S101
    return basis.held(design)
