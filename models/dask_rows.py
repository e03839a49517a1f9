"""Rows in the partitions of a Dask data frame or array, on a cluster or on this process's cores.

Each pass sends the coefficients and a function out and gets one sum back, combined on the way; rows
stay where they are. A partition that a worker takes with it when it dies is computed again from
where it came from, by Dask.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import pandas as pd

from flatprior.models._parallel import one_thread_each
from flatprior.models.batch_rows import BatchRows, over_batch
from flatprior.models.rows import Block, either
from flatprior.models.survey import Roles, Survey, conclude, survey

T = TypeVar("T")

FAN_IN = 8  # sums that are combined at a time, where they are


@dataclass(frozen=True, eq=False, kw_only=True)
class DaskRows(BatchRows):
    """Rows in the partitions of a Dask data frame.

    Attributes
    ----------
    partitions : tuple of dask.delayed.Delayed
        Each a pandas data frame.
    """

    partitions: tuple[Any, ...]

    def _reduce(self, function: Callable[[Block], T], combine: Callable[[T, T], T]) -> T:
        encoder, grouped = self.surveyed.encoder, self.grouped  # all that is sent, with these two

        def of_partition(frame: pd.DataFrame, _: int) -> T | None:
            return over_batch(frame, encoder, grouped, function, combine)

        def together(first: T | None, second: T | None) -> T | None:
            return either(combine, first, second)

        answer: T | None = _combined(self.partitions, of_partition, together)
        assert answer is not None  # noqa: S101  (the survey found rows)
        return answer

    def _values(self, name: str) -> pd.Index[Any]:
        def distinct(frame: pd.DataFrame, _: int) -> pd.Index[Any]:
            values: pd.Index[Any] = pd.Index(frame[name].dropna().astype(object).unique())
            return values

        def union(first: pd.Index[Any], second: pd.Index[Any]) -> pd.Index[Any]:
            return first.union(second, sort=False)

        return _combined(self.partitions, distinct, union)


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
    with one_thread_each():
        answer: T = dask.compute(level[0])[0]
    return answer


def survey_dask(
    frame: Any,
    formula: Any,
    offset: str | None,
    weights: str | None,
    missing: Literal["drop", "raise"],
) -> DaskRows:
    """Survey the partitions and say how their rows are encoded."""
    try:
        import dask.dataframe
    except ImportError as error:
        raise ImportError(
            'Dask is not installed; run pip install "flatprior[distributed]"'
        ) from error
    if isinstance(frame, dask.array.Array):
        frame, formula = _framed(frame, formula)
    if not isinstance(frame, dask.dataframe.DataFrame):
        raise TypeError(
            f"from_dask takes a Dask data frame or array, not {type(frame).__name__}; use "
            "from_formula for data in memory"
        )
    names = pd.DataFrame(columns=[str(name) for name in frame.columns])
    roles = Roles.read(formula, names, offset, weights, missing)
    partitions = tuple(frame.rename(columns=str)[list(roles.columns)].to_delayed())
    found: Survey = _combined(
        partitions, lambda part, number: survey(part, roles, number), Survey.merge
    )
    return DaskRows(surveyed=conclude(found, roles), partitions=partitions)


def _framed(design: Any, response: Any) -> tuple[Any, str]:
    """A data frame of the columns x1, x2, ... and y, and the formula that takes them all."""
    import dask.array
    import dask.dataframe

    if not isinstance(response, dask.array.Array):
        raise TypeError(
            f"with an array of predictors from_dask takes the response as one, not "
            f"{type(response).__name__}"
        )
    if design.ndim != 2 or response.shape != design.shape[:1]:
        raise ValueError(
            f"predictors and response have shapes {design.shape} and {response.shape}; they must "
            "be (n, k) and (n,)"
        )
    k = design.shape[1]
    joined = dask.array.hstack([design, response[:, None].astype(design.dtype)])
    joined = joined.rechunk({0: design.chunks[0], 1: -1})
    names = [f"x{j + 1}" for j in range(k)]
    frame = dask.dataframe.from_dask_array(joined, columns=[*names, "y"])
    return frame, f"y ~ 0 + {' + '.join(names)}"
