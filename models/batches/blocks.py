"""Batches encoded as blocks of rows, once for all who want something of them in a pass."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.batches.encoder import Encoder, Groups
from flatprior.models.batches.first_pass import content_digest
from flatprior.models.batches.same_passes import Failed
from flatprior.models.rows import ArrayRows, Block, Strand, either, numbered, outcomes_of

T = TypeVar("T")

CHANGED = (
    "the data are not the same in each pass: they have changed while they were read, or are "
    "random; store them, and start again"
)


class ChangedError(OSError):
    """What is said of rows that are not the same in each pass."""


@dataclass(frozen=True, eq=False)
class Changed:
    """What becomes of rows on their way.

    Attributes
    ----------
    change : callable
        Block to block of as many rows; both as they are held.
    drawn : ArrayRows
        The rows that the survey drew, changed; as many of them as there is room for.
    labels : Index (m,)
        The user's own, of these.
    intercept : bool
        Whether the first column is what it was.
    rows : BatchRows
        Those of which nothing had become.
    """

    change: Callable[[Block], Block]
    drawn: ArrayRows
    labels: pd.Index[Any]
    intercept: bool
    rows: Any


@dataclass(frozen=True, eq=False)
class OfBatches(Generic[T]):
    """What a pass over some batches gives: rows read, and an answer."""

    n_read: int
    answer: T | None

    def merge(self, other: OfBatches[T], combine: Callable[[T, T], T]) -> OfBatches[T]:
        """That of both, the other after this one."""
        return OfBatches(self.n_read + other.n_read, either(combine, self.answer, other.answer))


@dataclass(frozen=True, eq=False, kw_only=True)
class Blocks:
    """How batches become blocks: all that a cluster is sent of rows.

    Who names the same object has the same blocks, which are encoded once.

    Attributes
    ----------
    columns : tuple of str
        Without which there are no blocks.
    encoder : Encoder
    grouped : Groups or None
        Blocks say which of these each row is of.
    left_out : tuple of int or None
        A batch, and the place in it of the row of which one observation is left out.
    step : int
        How many rows are encoded at once.
    starts : ndarray (b + 1,)
        Number of the first row of each batch among all, and how many rows there are.
    digests : tuple of bytes
        Of the content of each batch.
    as_meant : callable
        Of a batch, before all else.
    """

    columns: tuple[str, ...]
    encoder: Encoder
    grouped: Groups | None
    left_out: tuple[int, int] | None
    step: int
    starts: NDArray[np.intp]
    digests: tuple[bytes, ...]
    as_meant: Callable[[pd.DataFrame], pd.DataFrame]

    def over_frames(
        self,
        function: Callable[[Block, pd.DataFrame, int], T],
        combine: Callable[[T, T], T],
    ) -> tuple[
        Callable[[pd.DataFrame, int], OfBatches[T]],
        Callable[[OfBatches[T], OfBatches[T]], OfBatches[T]],
    ]:
        """``function(block, frame, number of its first row)`` of all blocks, as one of batches."""

        def of_batch(frame: pd.DataFrame, number: int) -> OfBatches[T]:
            return self._of_batch(self.as_meant(frame), number, function, combine)

        return of_batch, lambda one, two: one.merge(two, combine)

    def each_of(self, answer: OfBatches[list[Any]], n: int) -> list[OfBatches[Any] | Failed]:
        """The answer that is a list of n, as n answers, some of which may have failed."""
        every = [None] * n if answer.answer is None else answer.answer
        return [
            each if isinstance(each, Failed) else replace(answer, answer=each) for each in every
        ]

    def _of_batch(
        self,
        frame: pd.DataFrame,
        number: int,
        function: Callable[[Block, pd.DataFrame, int], T],
        combine: Callable[[T, T], T],
    ) -> OfBatches[T]:
        answer: T | None = None
        first = int(self.starts[number])
        rows = self.encoder.complete(frame)
        if content_digest(rows, self.encoder.roles) not in self.digests[number : number + 1]:
            raise ChangedError(CHANGED)
        at = 0
        for start in range(0, len(rows), self.step):
            part = rows if len(rows) <= self.step else rows.iloc[start : start + self.step]
            block = self.encoder.block(part, self.grouped)
            place, at = at, at + len(block.sign)
            if self.left_out is not None and self.left_out[0] == number:
                block = _without(block, self.left_out[1] - place)
                if not len(block.sign):
                    continue
            answer = either(combine, answer, function(block, part, first))
            first += len(block.sign)
        gc.collect(1)  # formulaic leaves cycles behind, which hold the batch
        return OfBatches(len(frame), answer)


def strands_of(
    block: Block, frame: pd.DataFrame, first: int, units: Groups | None
) -> tuple[Strand, ...]:
    """Of rows, of their outcomes, and where they are a sample of the units of which they are."""
    ours = [block, outcomes_of(block)]
    ours += [] if units is None else [numbered(units.of(frame))]
    return tuple(Strand.of(each, first) for each in ours)


def _without(block: Block, place: int) -> Block:
    """The block without one observation of the row at that place, if it is one of its places."""
    if not 0 <= place < len(block.sign):
        return block
    if block.weights is not None and block.weights[place] > 1:
        weights = block.weights.copy()
        weights[place] -= 1
        return block._replace(weights=weights)
    return block.select(np.arange(len(block.sign)) != place)
