"""Does the MLE exist, of rows that come in batches? Asked of a few of them at a time.

A set of rows that overlap in all columns proves that all rows do. Where a sample does not, what is
found of it (a separating direction, a dependency among columns, the ways coefficients can go) is
held against every row in one pass; the rows that contradict it join the working set, those that
contradict it most first, and the question is asked again. What no row contradicts is true of all:
the directions that do not lower the likelihood of all rows are among those that do not lower that
of the working set, and those that were found are among them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.dependence.in_batches import only_rounding_in_batches
from flatprior.models.dependence.independent_columns import margins
from flatprior.models.existence.cone import (
    Cone,
    describe,
    find_cone,
    overlap,
    overlaps,
    statuses,
    undecided,
    with_limit,
    without_offset_and_weights,
)
from flatprior.models.existence.levels import too_large
from flatprior.models.existence.levels_in_batches import overlaps_in_passes, separated_in_passes
from flatprior.models.existence.messages import SeparatedRows
from flatprior.models.existence.separation import NoneFound
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence
from flatprior.models.rows import ArrayRows, Block, MappedRows

START = 5_000  # rows in the first working set
JOINING = 2_000  # rows that join at most in a round
MAX_ROUNDS = 100
LABELS_SHOWN = 1_000
FAR = 1e300  # in units of rounding
MANY_COLUMNS, NEWTON_STEPS = 50, 8


def check_in_batches(
    model: BernoulliLogistic, rows: BatchRows, signs: bool, progress: bool
) -> Existence:
    """The same as `flatprior.models.check_existence`, for rows in batches."""
    of_levels = separated_in_passes(model, rows)
    if of_levels is not None:
        return of_levels
    if overlaps_in_passes(rows):
        return overlap(model)
    if rows.too_large_to_write_out:
        return too_large(model)
    if overlaps(rows.drawn):
        return overlap(model)
    if rows.n_columns > MANY_COLUMNS:  # then passes cost less than the search for directions
        plain = MappedRows(rows, without_offset_and_weights)
        if overlaps(plain, NEWTON_STEPS):
            return overlap(model)
    working = _first(model, rows)
    for _ in range(MAX_ROUNDS):
        cone = find_cone(working.arrays, progress)
        if isinstance(cone, NoneFound):
            # all rows may overlap by more than a few of them do
            everything = working.n_rows == rows.n_rows
            return undecided(cone if everything else replace(cone, width=math.inf))
        if cone.trivial:
            return overlap(model)
        status, witnesses = statuses(working, cone, signs, progress)
        found = rows.reduce(_Claim(cone, witnesses).inspect)
        if not found.contradicting:
            break
        working = _joined(working, found.rows)
    else:
        return undecided(NoneFound(math.inf, given_up=True))
    claim = _Claim(cone, [])
    in_place = rows.n_rows - found.n_separated
    largest = rows.extent.columns
    if only_rounding_in_batches(rows, largest, cone.columns) or (
        in_place and only_rounding_in_batches(MappedRows(rows, claim.stay), largest, cone.rest)
    ):
        return undecided(NoneFound(math.inf))
    # those nearest to the boundary, and those without which the message would be of a few rows only
    working = _joined(working, found.rows)
    working = _joined(working, rows.reduce(claim.telling, claim.telling_of_both))
    cone = _of(working, cone)
    extent = SeparatedRows(found.n_separated, rows.n_rows, tuple(found.labels))
    existence = describe(working, cone, status, extent, signs)
    left = _LeftInPlace(rows, claim.leave, cone.rest.kept, in_place)
    return with_limit(existence, model.names, left, cone)


def _first(model: BernoulliLogistic, rows: BatchRows) -> BernoulliLogistic:
    found = rows.drawn.n_rows  # they are in the order of the data: take some of all
    part = np.unique(np.linspace(0, found - 1, START).astype(np.intp))
    block = rows.drawn.block(part)
    return _model(model, block._replace(labels=rows.drawn_labels[part]))


def _model(model: BernoulliLogistic, block: Block) -> BernoulliLogistic:
    """The model of these rows alone."""
    assert block.labels is not None  # noqa: S101
    return replace(model, rows=ArrayRows.of(block), row_labels=block.labels)


def _joined(working: BernoulliLogistic, block: Block) -> BernoulliLogistic:
    mine = working.arrays.block(slice(None))._replace(labels=working.row_labels)
    return _model(working, _concatenated(mine, block))


def _concatenated(first: Block, second: Block) -> Block:
    labels = None
    if first.labels is not None and second.labels is not None:
        labels = first.labels.append(second.labels)
    return Block(
        np.vstack([first.design, second.design]),
        np.concatenate([first.sign, second.sign]),
        None if first.offset is None else np.concatenate([first.offset, second.offset]),
        None if first.weights is None else np.concatenate([first.weights, second.weights]),
        None,
        labels,
    )


def _of(working: BernoulliLogistic, cone: Cone) -> Cone:
    """The cone with the separated rows of a working set that has grown."""
    if cone.separation is None:
        return cone
    values, rounding = margins(working.design, working.arrays.sign, cone.separation.direction)
    return replace(cone, separation=replace(cone.separation, rows=values > rounding))


@dataclass(frozen=True, eq=False, kw_only=True)
class _Inspection:
    """What some rows say to a claim.

    Attributes
    ----------
    contradicting : int
        How many rows contradict it.
    n_separated : int
    labels : Index
        Of the first separated rows.
    rows : Block
        Those that contradict it most, or where none does, those nearest to the boundary.
    score : ndarray (m,)
        How much each of `rows` does.
    """

    contradicting: int
    n_separated: int
    labels: pd.Index
    rows: Block
    score: Array

    def __add__(self, other: _Inspection) -> _Inspection:
        rows = _concatenated(self.rows, other.rows)
        score = np.concatenate([self.score, other.score])
        most = np.argsort(-score, kind="stable")[:JOINING]
        return _Inspection(
            contradicting=self.contradicting + other.contradicting,
            n_separated=self.n_separated + other.n_separated,
            labels=self.labels.append(other.labels)[:LABELS_SHOWN],
            rows=rows.select(most),
            score=score[most],
        )


@dataclass(frozen=True, eq=False)
class _Claim:
    """That a cone found of some rows is that of all, and has these directions in it."""

    cone: Cone
    witnesses: list[Array]

    def inspect(self, block: Block) -> _Inspection:
        """Hold the claim against some rows."""
        # contradictions score from 2 up, the others up to 1 by their nearness to the boundary
        score = np.zeros(len(block.sign))

        def object_where(excess: Array) -> None:
            np.maximum(score, np.where(excess > 1, 1 + excess, 0.0), out=score)

        ones = np.ones_like(block.sign)
        for vector in self.cone.columns.null.T:
            object_where(_ratio(*margins(block.design, ones, vector), absolute=True))
        apart = np.zeros(len(block.sign), dtype=bool)
        if self.cone.separation is not None:
            values, rounding = margins(block.design, block.sign, self.cone.separation.direction)
            object_where(_ratio(-values, rounding))
            apart = values > rounding
            near = np.where(apart, rounding / np.where(apart, values, 1.0), 0.0)
            np.maximum(score, near, out=score)
        for vector in self.cone.rest.null.T:
            excess = _ratio(*margins(block.design, ones, vector), absolute=True)
            object_where(np.where(apart, 0.0, excess))
        for vector in self.witnesses:
            values, rounding = margins(block.design, block.sign, vector)
            object_where(_ratio(-values, rounding))
        most = np.argsort(-score, kind="stable")[:JOINING]
        assert block.labels is not None  # noqa: S101
        return _Inspection(
            contradicting=int(np.count_nonzero(score > 1)),
            n_separated=int(np.count_nonzero(apart)),
            labels=block.labels[apart][:LABELS_SHOWN],
            rows=block.select(most),
            score=score[most],
        )

    def telling(self, block: Block) -> Block:
        """Rows that show what all do: outcomes, ranges, levels if there are more than two, gaps."""
        direction = np.zeros(block.design.shape[1])
        apart = np.zeros(len(block.sign), dtype=bool)
        along = np.zeros(len(block.sign))
        if self.cone.separation is not None:
            direction = self.cone.separation.direction
            values, rounding = margins(block.design, block.sign, direction)
            apart, along = values > rounding, values * block.sign
        masks = [block.sign > 0, block.sign < 0, ~apart]
        for column in block.design[:, direction != 0].T:
            low, high = column.min(), column.max()
            masks += [column == low, column == high, (column != low) & (column != high)]
        for side in (apart & (along > 0), apart & (along < 0)):
            nearest = np.abs(along[side]).min(initial=np.inf)
            masks.append(side & (np.abs(along) == nearest))
        first = {int(mask.argmax()) for mask in masks if mask.any()}
        return block.select(np.array(sorted(first), dtype=np.intp))

    def telling_of_both(self, first: Block, second: Block) -> Block:
        """Those of the rows of two blocks."""
        return self.telling(_concatenated(first, second))

    def stay(self, block: Block) -> Block:
        """The rows that are not separated."""
        left = np.ones(len(block.sign), dtype=bool)
        if self.cone.separation is not None:
            values, rounding = margins(block.design, block.sign, self.cone.separation.direction)
            left = values <= rounding
        return block.select(left)

    def leave(self, block: Block) -> Block:
        """The rows that are not separated, in columns that are independent on them."""
        part = self.stay(block)
        return part._replace(design=part.design[:, self.cone.rest.kept])


def _ratio(values: Array, rounding: Array, absolute: bool = False) -> Array:
    """Values in units of their rounding, at most `FAR`; 0 for exactly 0."""
    size = np.abs(values) if absolute else values
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(size == 0, 0.0, np.minimum(size / rounding, FAR))


@dataclass(frozen=True, eq=False)
class _LeftInPlace(MappedRows):
    """Rows in batches that no direction separates."""

    kept: np.ndarray
    number: int

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return self.number

    @property
    def n_columns(self) -> int:
        """Number of columns."""
        return len(self.kept)
