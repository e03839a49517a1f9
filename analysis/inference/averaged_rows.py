"""The rows that an effect is averaged over: whose they are, what each counts, what was left out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.analysis.inference.derivatives import replaced
from flatprior.analysis.inference.new_rows import (
    encoded,
    frame_for,
    left_out,
    new_offsets,
    own_groups,
    own_rows,
    same_design,
)
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import SCREEN, count, names_in, printable, rows_phrase
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.columns.checks import as_series, column
from flatprior.models.encoding.columns.kinds import kind_of, numbers
from flatprior.models.encoding.frames import one_column
from flatprior.models.encoding.sampling import speaking_weights
from flatprior.models.encoding.weights import whole_weights
from flatprior.models.rows import ArrayRows, Block

K = TypeVar("K")
Group = tuple[Any, ...]  # the values of the columns that groups are by
MOST_GROUPS = 1000


@dataclass(frozen=True, eq=False, kw_only=True)
class Averaged:
    """What is averaged over: a data frame or a design, offsets, and weights that sum to 1.

    The note says which rows these are, where that is not obvious. Of groups of trials, which have
    rows of 1 and of 0, `n_groups` is how many there are.
    """

    frame: pd.DataFrame | None
    design: Array | Structured
    offset: Array
    share: Array
    note: str = ""
    n_groups: int | None = None

    @property
    def n_rows(self) -> int:
        """Rows of the data."""
        return len(self.share) if self.n_groups is None else self.n_groups


def rows_to_average(
    model: BernoulliLogistic,
    data: pd.DataFrame | Mapping[str, ArrayLike] | None,
    offset: str | ArrayLike | None,
    frequency_weights: str | ArrayLike | None,
) -> Averaged:
    """Encode the rows; without `data` those of the model.

    Raises
    ------
    ValueError
        If they cannot be encoded, or none of them counts.
    """
    if data is None:
        if model.encoding is not None:
            raise InputError(
                "the variables of a formula are not columns of the design: pass data, the rows to "
                "average over"
            )
        require_none_beside(offset, frequency_weights)
        weights = model.counts
        added = np.zeros(model.n_rows) if model.offset is None else model.offset
        return Averaged(
            frame=None, design=model.design, offset=added, share=weights / weights.sum()
        )
    frame = frame_for(model, data, offset, frequency_weights)

    def given(value: str | ArrayLike, name: str) -> pd.Series[Any]:
        if isinstance(value, str):
            return column(frame, value)
        return as_series(one_column(value), name, frame.index)

    counts = None if frequency_weights is None else given(frequency_weights, "frequency_weights")
    groups = own_groups(model, frame)
    own = own_rows(model, frame) if groups is None else groups.group
    note = "" if own is None else left_out(model)
    if own is not None:
        if offset is not None:
            offset = given(offset, "offset").iloc[own].to_numpy()
        elif isinstance(model.rows, ArrayRows):
            offset = model.offset
        frame = frame.iloc[own]
        if counts is not None:
            counts = counts.iloc[own]
        elif groups is not None:
            counts = pd.Series(groups.weights, index=frame.index)
        elif isinstance(model.rows, ArrayRows):
            counts = pd.Series(model.counts, index=frame.index)
        elif model.sampling is not None:
            counts = column(frame, model.sampling.weights)
        elif model.weights_name is not None:
            counts = column(frame, model.weights_name)
    design = encoded(model, frame)
    m = len(frame)
    if own is None:
        note = _some_of_the_models(model, frame, design)
        own_weights = (model.weights_name, model.trials, model.sampling)
        if counts is None and own_weights != (None, None, None):
            whose = "trials" if model.trials is not None else "weight"
            note = f"{note or 'over ' + count(m, 'row')}, each counted once, not by its {whose}"
    checked = whole_weights if model.sampling is None else speaking_weights
    share = np.ones(m) if counts is None else checked(counts)
    if not share.sum():
        raise InputError("all frequency weights are 0: there is nothing to average over")
    added = new_offsets(model, offset, frame, m)
    return Averaged(
        frame=frame,
        design=design,
        offset=added,
        share=share / share.sum(),
        note=note,
        n_groups=None if groups is None else len(np.unique(groups.group)),
    )


def require_none_beside(offset: object, frequency_weights: object) -> None:
    """Raise a `ValueError` for an offset or weights beside the rows of the model."""
    if offset is not None or frequency_weights is not None:
        raise InputError("offset and frequency_weights go with data; the model has its own")


def _some_of_the_models(
    model: BernoulliLogistic, frame: pd.DataFrame, design: Array | Structured
) -> str:
    """What is said where rows are only some of those in the model."""
    if not isinstance(model.rows, ArrayRows) or not len(frame) < model.n_rows:
        return ""
    if not model.row_labels.is_unique or not frame.index.isin(model.row_labels).all():
        return ""
    places = model.row_labels.get_indexer(frame.index)
    if not same_design(model.arrays.design[places], design):
        return ""
    return f"over {len(frame)} of the model's {count(model.n_rows, 'row')}"


def means_of_numbers(model: BernoulliLogistic, rows: Averaged) -> dict[str, float]:
    """The mean of each number that the formula computes with."""
    encoding, frame = model.encoding, rows.frame
    if encoding is None or frame is None:
        return {}
    categories = {encoding.parsed.generated[key] for key in encoding.levels}
    means = {}
    for name in encoding.parsed.predictors:
        if name in categories or name in encoding.parsed.compared:
            continue
        if kind_of(frame[name]) != "booleans":
            means[name] = float(rows.share @ numbers(column(frame, name)))
    return means


def of_batches(
    model: BernoulliLogistic, rows: BatchRows
) -> tuple[BernoulliLogistic, Callable[[Block, pd.DataFrame], Averaged]]:
    """The model without its rows, and what makes of a batch its share of all rows."""
    total = float(rows.n_observations)
    if model.sampling is not None:
        total = rows.reduce_as_held(lambda block: float(block.counts.sum()))
    model = replace(model, rows=rows.sample(1))  # all that encodes rows, and none of them

    def averaged(block: Block, frame: pd.DataFrame) -> Averaged:
        offset = np.zeros(len(frame)) if block.offset is None else block.offset
        return Averaged(frame=frame, design=block.design, offset=offset, share=block.counts / total)

    return model, averaged


def each_added(one: dict[K, Any], two: dict[K, Any]) -> dict[K, Any]:
    """The sums of what two parts of the rows have of each, or what one of them has."""
    return one | {key: one[key] + each if key in one else each for key, each in two.items()}


def groups_of(rows: Averaged, by: Sequence[str]) -> dict[Group, Averaged]:
    """The rows with the same values of some columns, each with its share of all rows.

    Without columns all rows are one group.

    Raises
    ------
    ValueError
        If there is no such column, a value is missing, or groups are too many.
    """
    frame = rows.frame
    if not by:
        return {(): rows}
    if frame is None:
        raise InputError("groups are of rows with columns: build the model with from_formula")
    for name in by:
        missing = column(frame, name).isna()
        if missing.any():
            raise InputError(
                f"{printable(name)!r} is missing in {rows_phrase(frame.index[missing])}: these "
                "rows are of no group"
            )
    codes = frame.groupby(list(by), observed=True, sort=False).ngroup().to_numpy()
    order = np.argsort(codes, kind="stable")
    starts = np.flatnonzero(np.diff(codes[order], prepend=-1))
    if len(starts) > MOST_GROUPS:
        raise InputError(
            f"{names_in(SCREEN, by)}: {len(starts)} groups are more than {MOST_GROUPS}"
        )
    found = {}
    for some in np.split(order, starts[1:]):
        label = tuple(frame[name].iloc[some[0]] for name in by)
        found[label] = replace(
            rows,
            frame=frame.iloc[some],
            design=rows.design[some],
            offset=rows.offset[some],
            share=rows.share[some],
        )
    return found


def variables_of(model: BernoulliLogistic) -> list[str]:
    """The variables of a formula."""
    return [] if model.encoding is None else list(model.encoding.parsed.predictors)


def chosen_of(known: list[str], variables: Sequence[str] | None) -> list[str]:
    """The variables that are asked for, all of which are known; all of these without any."""
    if variables is None:
        return known
    chosen = [variables] if isinstance(variables, str) else list(variables)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise InputError(
            f"there is no variable {printable(unknown[0])!r}; the variables are "
            f"{names_in(SCREEN, known)}"
        )
    return chosen


def held_at(model: BernoulliLogistic, rows: Averaged, held: Mapping[str, Any]) -> Averaged:
    """The rows with some variables at one value each in all of them."""
    if not held:
        return rows
    frame = rows.frame
    if model.encoding is None or frame is None:
        raise InputError(
            "values are of the variables of a formula, and this model is of columns; build it with "
            "from_formula"
        )
    for name, value in held.items():
        chosen_of(variables_of(model), [name])
        frame = replaced(frame, name, pd.Series([value] * len(frame), index=frame.index))
    return replace(rows, frame=frame, design=encoded(model, frame))


def at_their_means(
    model: BernoulliLogistic, rows: Averaged, means: Mapping[str, float] | None = None
) -> Averaged:
    """The rows with each number that the formula computes with at its mean."""
    frame = rows.frame
    if model.encoding is None or frame is None:
        return rows
    for name, mean in (means_of_numbers(model, rows) if means is None else means).items():
        frame = replaced(frame, name, np.full(len(frame), mean))
    return replace(rows, frame=frame, design=encoded(model, frame))


def require_zero_and_one(rows: Averaged, names: Sequence[str], columns: Sequence[str]) -> None:
    """Refuse numbers that are to be compared between 1 and 0 and have other values.

    Parameters
    ----------
    rows : Averaged
    names : sequence of str
    columns : sequence of str
        Of the design, of a model of columns.
    """
    for name in names:
        if rows.frame is None:
            values = np.asarray(rows.design[:, list(columns).index(name)])
        elif kind_of(rows.frame[name]) != "numbers":
            continue
        else:
            values = numbers(column(rows.frame, name))
        others = (values != 0) & (values != 1)
        if others.any():
            index = pd.RangeIndex(len(values)) if rows.frame is None else rows.frame.index
            raise InputError(
                f"{printable(name)!r} is neither 0 nor 1 in {rows_phrase(index[others])}: leave it "
                "out of discrete, and its effect is a slope"
            )


def in_order(
    model: BernoulliLogistic,
    found: Mapping[tuple[Group, tuple[int, str]], Array],
    by: tuple[str, ...],
) -> dict[tuple[str, ...], Array]:
    """The numbers of each effect, by variables in the order of the formula or as asked for.

    Those of groups beside each other, levels in their order and numbers in theirs.
    """
    encoding = model.encoding
    levels: dict[str, list[str]] = {}
    if encoding is not None and by:
        generated = encoding.parsed.generated
        levels = {generated[key]: list(map(str, each)) for key, each in encoding.levels.items()}

    def of_value(name: str, value: Any) -> tuple[float, str]:
        if name in levels:
            own = levels[name]
            return own.index(str(value)) if str(value) in own else len(own), str(value)
        is_number = isinstance(value, Real | np.bool_)
        return (float(value) if is_number else math.inf), str(value)

    titles = {key: place for place, key in enumerate(dict.fromkeys(key for _, key in found))}

    def place(each: tuple[Group, tuple[int, str]]) -> tuple[Any, ...]:
        group, key = each
        values = tuple(of_value(name, value) for name, value in zip(by, group, strict=True))
        return key[0], titles[key], values

    return {
        (key[1], *map(str, group)): found[group, key] for group, key in sorted(found, key=place)
    }
