"""Rows in the partitions of a Dask data frame or array, on a cluster or on this process's cores.

Each pass sends the coefficients and a function out and gets one sum back, combined on the way; rows
stay where they are. A partition that a worker takes with it when it dies is computed again from
where it came from, by Dask.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

import numpy as np
import pandas as pd

from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.batches.blocks import Blocks
from flatprior.models.batches.cluster import computed
from flatprior.models.batches.first_pass import Survey, conclude, settled, survey
from flatprior.models.batches.roles import Roles
from flatprior.models.batches.same_passes import Request, for_all
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import first_of
from flatprior.models.encoding.columns.checks import check_names
from flatprior.models.encoding.files.missing_words import Meant
from flatprior.models.encoding.files.passes import Passes, Tally
from flatprior.models.encoding.files.reading import PLAIN, Found, Reading
from flatprior.models.encoding.sampling import Sample
from flatprior.models.encoding.tables import named

T = TypeVar("T")
Words = dict[str, Counter[str]]

RESPONSE = "y"  # what it is called where nobody names it
FAN_IN = 8  # sums that are combined at a time, where they are


@dataclass(frozen=True, eq=False, kw_only=True)
class DaskRows(BatchRows):
    """Rows in the partitions of a Dask data frame.

    Attributes
    ----------
    frame : Partitions
    """

    frame: Partitions
    read: Reading = PLAIN

    @property
    def reading(self) -> Reading:
        """What was asked for, and what there is to say of it."""
        return self.read

    @property
    def tally(self) -> Tally:
        """Of the passes over the partitions."""
        return self.frame.tally

    @property
    def at_hand(self) -> bool:
        """Whether rows may come to this process: those of a cluster stay there."""
        return False

    def _over_frames(
        self,
        function: Callable[..., T],
        combine: Callable[[T, T], T],
        columns: tuple[str, ...],
        blocks: Blocks | None = None,
    ) -> Any:
        # workers, and Dask's threads here, have an error state of their own
        state: dict[str, Any] = {**np.geterr()}
        return DaskPass(
            columns=columns,
            function=_under(state, function),
            combine=_under(state, combine),
            shared=blocks,
            partitions=self.frame,
        ).answer()

    def _as_meant(self, columns: tuple[str, ...]) -> Callable[[pd.DataFrame], pd.DataFrame]:
        meant = self.frame.meant
        return lambda part: meant.out_of(_with(part, columns), None)

    @property
    def _names(self) -> tuple[str, ...]:
        return self.frame.names


def _under(state: Mapping[str, Any], function: Callable[..., T]) -> Callable[..., T]:
    """The function in NumPy's error state of who asks."""

    def inside(*given: Any) -> T:
        with np.errstate(**state):
            return function(*given)

    return inside


@dataclass(frozen=True, eq=False)
class Partitions:
    """Where the partitions are.

    Attributes
    ----------
    key : str
        Dask's token of what they are made of.
    names : tuple of str
        The columns.
    select : callable
        Columns to the partitions with these, each a `dask.delayed.Delayed` pandas data frame.
    meant : Meant
        What words mean in them.
    tally : Tally
        Of the passes over them.
    """

    key: str
    names: tuple[str, ...]
    select: Callable[[tuple[str, ...]], Sequence[Any]]
    meant: Meant = field(default_factory=Meant)
    tally: Tally = field(default_factory=Tally)


def _with(part: pd.DataFrame, columns: tuple[str, ...]) -> pd.DataFrame:
    """The part with these columns alone."""
    return part if tuple(part.columns) == columns else part[list(columns)]


@dataclass(frozen=True, eq=False, kw_only=True)
class DaskPass(Request[T]):
    """What somebody wants of a pass over partitions.

    Attributes
    ----------
    partitions : Partitions
    """

    partitions: Partitions

    def may_go_with(self, others: Sequence[DaskPass[Any]]) -> bool:
        """Whether these are the same partitions."""
        return all(
            isinstance(each, DaskPass) and each.partitions.key == self.partitions.key
            for each in others
        )

    def made(self, every: Sequence[DaskPass[Any]]) -> tuple[list[Any], Passes]:
        """Compute one graph, with a task for each partition."""
        columns = tuple(dict.fromkeys(name for each in every for name in each.columns))
        tallies = {id(each.partitions.tally): each.partitions.tally for each in every}
        for tally in tallies.values():
            tally.add(1)
        function, combine, of_each = for_all(every)
        try:
            answers = _combined(self.partitions.select(columns), function, combine)
        except KeyError as error:  # of Dask, in whose graph columns are chosen
            lost = [name for name in columns if repr(name) in str(error)]
            if not lost:
                raise
            raise InputError(
                f"a partition has no column {first_of(map(repr, lost))}, although the frame says "
                "so: the data are not the same in each pass, or the frame's meta is of others"
            ) from error
        return of_each(answers), Passes(len(tallies) - 1)


def _combined(
    partitions: Sequence[Any],
    function: Callable[[pd.DataFrame, int], T],
    combine: Callable[[T, T], T],
) -> T:
    """``function(partition, its number)``, combined by a tree where the partitions are."""
    import dask

    def several(values: list[T]) -> T:
        answer = values[0]
        for value in values[1:]:
            answer = combine(answer, value)
        return answer

    each, together = dask.delayed(function, pure=False), dask.delayed(several, pure=False)
    level = [each(part, i) for i, part in enumerate(partitions)]
    while len(level) > 1:
        level = [together(level[i : i + FAN_IN]) for i in range(0, len(level), FAN_IN)]
    answer: T = computed(level[0])
    return answer


def survey_dask(
    frame: Any,
    formula: Any,
    offset: str | None,
    weights: str | None,
    missing: Literal["drop", "raise"],
    event: Any = None,
    trials: str | None = None,
    sample: Sample | None = None,
    asked: Reading = PLAIN,
) -> DaskRows:
    """Survey the partitions and say how their rows are encoded."""
    try:
        import dask.array
        import dask.dataframe
    except ImportError as error:
        raise ImportError(
            'Dask is not installed; run pip install "flatprior[distributed]"'
        ) from error
    pair = False
    if isinstance(frame, dask.array.Array):
        asked.taken_by("arrays")
        pair = getattr(formula, "ndim", 1) == 2
        partitions, formula = _of_arrays(frame, formula)
        missing = "raise"  # as with arrays in memory
    elif isinstance(frame, dask.dataframe.DataFrame):
        partitions = _of_frame(frame)
    else:
        raise InputTypeError(
            f"from_dask takes a Dask data frame or array, not {type(frame).__name__}; use "
            "from_formula for data in memory"
        )
    names = pd.DataFrame(columns=list(partitions.names))
    roles = Roles.read(formula, names, offset, weights, missing, event, trials, sample)
    if pair:  # called as in memory
        left = replace(roles.parsed.left, name=RESPONSE)
        roles = replace(roles, parsed=replace(roles.parsed, left=left))

    def survey_with(meant: Meant) -> tuple[Survey, dict[str, Counter[str]]]:
        def of_partition(part: pd.DataFrame, number: int) -> tuple[Survey, Words]:
            words: Words = {}
            own = meant.out_of(_with(part, roles.columns), words)
            return survey(own, roles, number), words

        return DaskPass(
            columns=roles.columns, function=of_partition, combine=_of_both, partitions=partitions
        ).answer()

    found, words, meant = settled(survey_with, roles, Meant(words=asked.words(())))
    return DaskRows(
        surveyed=conclude(found, roles),
        frame=replace(partitions, meant=meant),
        read=asked.noting(*Found(words=words).notes()),
    )


def _of_both(one: tuple[Survey, Words], two: tuple[Survey, Words]) -> tuple[Survey, Words]:
    words = {name: one[1].get(name, Counter()) + counts for name, counts in two[1].items()}
    return one[0].merge(two[0]), one[1] | words


def _of_frame(frame: Any) -> Partitions:
    import dask

    names = tuple(str(name) for name in frame.columns)
    check_names(names)
    renamed = named(frame)
    key = dask.base.tokenize(frame)
    return Partitions(key, names, lambda columns: renamed[list(columns)].to_delayed())


def _of_arrays(design: Any, response: Any) -> tuple[Partitions, str]:
    """Data frames of the columns x1, x2, ... and y, and the formula that takes them all.

    A response of two columns is of successes and failures.
    """
    import dask
    import dask.array

    if not isinstance(response, dask.array.Array):
        raise InputTypeError(
            "with an array of predictors from_dask takes the response as one, not "
            f"{type(response).__name__}"
        )
    if np.isnan(design.shape + response.shape).any():
        raise InputError("the arrays do not know their lengths; call compute_chunk_sizes() on them")
    shapes = (design.shape[:1], (*design.shape[:1], 2))
    if design.ndim != 2 or response.shape not in shapes or not design.shape[1]:
        raise InputError(
            f"predictors and response have shapes {design.shape} and {response.shape}; they must "
            "be (n, k) and (n,), or (n, 2) of successes and failures"
        )
    for name, array in (("predictors", design), ("response", response)):
        if array.dtype.kind not in "fiub" or array.dtype.itemsize > 8:
            raise InputError(f"the {name} hold {array.dtype} values; they must hold numbers")
    names = [f"x{j + 1}" for j in range(design.shape[1])]
    key = dask.base.tokenize(design, response)
    design = design.rechunk({1: -1})
    response = response.rechunk((*design.chunks[:1], -1)[: response.ndim])
    counts = [RESPONSE] if response.ndim == 1 else [f"{RESPONSE}[:, {i}]" for i in range(2)]
    left = RESPONSE if response.ndim == 1 else f"cbind(`{'`, `'.join(counts)}`)"

    def framed(x: Any, y: Any, start: int) -> pd.DataFrame:
        frame = pd.DataFrame(x, columns=names, index=pd.RangeIndex(start, start + len(x)))
        return frame.assign(**dict(zip(counts, y.reshape(len(x), -1).T, strict=True)))

    together = dask.delayed(framed, pure=False)
    starts = np.concatenate([[0], np.cumsum(design.chunks[0])[:-1]]).tolist()
    blocks = zip(design.to_delayed().ravel(), response.to_delayed().ravel(), starts, strict=True)
    parts = [together(x, y, start) for x, y, start in blocks]
    found = Partitions(key, (*names, *counts), lambda _: parts)
    return found, f"{left} ~ 0 + {' + '.join(names)}"
