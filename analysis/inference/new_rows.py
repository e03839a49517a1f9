"""New rows, encoded as the model's own: with their offsets, and with what was left out counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import ARRAY, count, rows_phrase
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.columns.checks import as_series, column
from flatprior.models.encoding.columns.kinds import is_real, numbers
from flatprior.models.encoding.files.opening import is_file
from flatprior.models.encoding.frames import is_table, one_column
from flatprior.models.encoding.grouped import Cells, counts_of_columns
from flatprior.models.encoding.tables import as_frame
from flatprior.models.rows import ArrayRows


@dataclass(frozen=True, eq=False)
class NewRows:
    """Rows of somebody's, as the model sees them.

    Attributes
    ----------
    design : ndarray (m, k) or Structured
    offset : ndarray (m,)
    labels : Index (m,)
    note : str
        How many rows were left out, and of which nothing is known; mostly empty.
    """

    design: Array | Structured
    offset: Array
    labels: pd.Index[Any]
    note: str = ""


def new_rows(
    model: BernoulliLogistic,
    data: Any,
    offset: str | ArrayLike | None,
    missing: Literal["raise", "drop"],
) -> NewRows:
    """Encode rows; those with a missing value are left out where that is asked for.

    And of the data that the model was built from in any case, since it left them out itself.
    """
    rows = _encoded(model, data, offset, missing)
    unknown = np.flatnonzero(are_unknown(rows.design))
    if not len(unknown):
        return rows
    said = (
        f"nothing is known of {rows_phrase(rows.labels[unknown])}: columns that the model left out "
        "are not the combinations of others there that they were in its data"
    )
    return replace(rows, note="; ".join(filter(None, (rows.note, said))))


def _encoded(
    model: BernoulliLogistic,
    data: Any,
    offset: str | ArrayLike | None,
    missing: Literal["raise", "drop"],
) -> NewRows:
    if not is_file(data) and not is_table(data):
        matrix = model.design_matrix(data)
        added = new_offsets(model, offset, data, len(matrix))
        return NewRows(matrix, added, pd.RangeIndex(len(matrix)))
    frame = frame_for(model, data, offset)
    named = model.names if model.aliased is None else model.aliased.columns
    if model.encoding is not None:
        named = model.encoding.parsed.columns
    used = [name for name in dict.fromkeys((*named, model.offset_name)) if name in frame.columns]
    complete = np.flatnonzero(frame[used].notna().to_numpy().all(axis=1))
    n_left = len(frame) - len(complete)
    if not n_left or (missing == "raise" and own_rows(model, frame) is None):
        design = encoded(model, frame)  # which names the rows with a missing value
        return NewRows(design, new_offsets(model, offset, frame, len(frame)), frame.index)
    if not len(complete):
        raise InputError(f"no rows are left of {len(frame)}: a value is missing in all of them")
    if offset is not None and not isinstance(offset, str):
        offset = as_series(one_column(offset), "offset", frame.index).iloc[complete].to_numpy()
    frame = frame.iloc[complete]
    design = encoded(model, frame)
    added = new_offsets(model, offset, frame, len(frame))
    note = f"{count(len(frame), 'row')}; {n_left} left out: a value is missing"
    return NewRows(design, added, frame.index, note)


def encoded(model: BernoulliLogistic, frame: pd.DataFrame) -> Array | Structured:
    """The design of rows, with factors as codes where the model holds them so."""
    encoding = model.encoding
    if encoding is None:
        return model.design_matrix(frame)
    parsed = encoding.parsed
    return encoding.new_rows_as_held(as_frame(frame, parsed.factors, parsed.columns, model.reading))


def are_unknown(design: Array | Structured) -> NDArray[np.bool_]:
    """The rows (m,) in which columns left out are not the combinations that they were."""
    numbers = design.numbers if isinstance(design, Structured) else design
    return np.asarray(np.isnan(numbers).any(axis=1))


def same_design(one: Array | Structured, two: Array | Structured) -> bool:
    """Whether two designs of one model have the same numbers."""
    if not (isinstance(one, Structured) and isinstance(two, Structured)):
        return np.array_equal(np.asarray(one), np.asarray(two))
    factors = zip(one.factors, two.factors, strict=True)
    sparse: Any = one.sparse
    return (
        np.array_equal(one.numbers, two.numbers)
        and all(np.array_equal(a.codes, b.codes) for a, b in factors)
        and (sparse is None or not (sparse != two.sparse).nnz)
    )


def frame_for(model: BernoulliLogistic, data: Any, *besides: Any) -> pd.DataFrame:
    """A table or file of new rows, read as the model's own; of a file the columns of the model.

    And columns that are named `besides`.
    """
    named = [each for each in besides if isinstance(each, str)]
    own = [model.offset_name, model.weights_name, model.trials_name]
    if model.sampling is not None:
        own += [model.sampling.weights, model.sampling.clusters, model.sampling.strata]
    left = () if model.encoding is None else model.encoding.parsed.left.columns
    named += [each for each in (*left, *own) if each is not None and each != ARRAY]
    if model.encoding is None:
        return as_frame(data, (), (*model.names, *named), model.reading)
    parsed = model.encoding.parsed
    return as_frame(data, parsed.factors, (*parsed.columns, *named), model.reading)


def new_offsets(
    model: BernoulliLogistic, offset: str | ArrayLike | None, data: Any, m: int
) -> np.ndarray:
    """Offsets (m,) of new rows; needed where the model has them."""
    if offset is None:
        if not model.rows.has_offset:
            return np.zeros(m)
        if model.encoding is not None and model.encoding.parsed.offset is not None:
            return model.encoding.offset(frame_for(model, data))
        offset = model.offset_name
        named = offset is not None and offset != ARRAY
        if not named or not isinstance(data, pd.DataFrame) or offset not in data:
            which = f", column {offset!r}" if named else ""
            raise InputError(f"the model has an offset{which}: pass the offsets of the new rows")
    if isinstance(offset, str):
        return numbers(column(frame_for(model, data, offset), offset))
    offset = one_column(offset)
    if isinstance(offset, pd.Series) and isinstance(data, pd.DataFrame):
        as_series(offset, "offset", data.index)  # its labels must be theirs, as in from_formula
    try:
        values = np.asarray(offset, dtype=float)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.shape != (m,) or not np.isfinite(values).all():
        raise InputError(f"offset must be {m} finite numbers, one for each new row")
    return values


def own_rows(model: BernoulliLogistic, frame: pd.DataFrame) -> NDArray[np.intp] | None:
    """Where the rows of a model are in the frame that it was built from; None for another frame.

    They are told by their number and by what they hold, not by their labels alone.
    """
    encoding = model.encoding
    if model.trials is not None:
        groups = own_groups(model, frame)
        return None if groups is None else groups.group
    whole = model.n_rows + model.n_dropped + model.n_zero_weight
    if encoding is None or len(frame) != whole:
        return None
    sampling = model.sampling
    drawn = () if sampling is None else (sampling.clusters, sampling.strata)
    weights = model.weights_name if sampling is None else sampling.weights
    names = [model.response_name, *encoding.parsed.columns, model.offset_name, weights, *drawn]
    used = frame[[name for name in dict.fromkeys(names) if name in frame.columns]]
    complete: NDArray[np.bool_] = np.asarray(used.notna().to_numpy().all(axis=1))
    if weights in used.columns and is_real(used[weights]):
        complete &= (used[weights] != 0).to_numpy(dtype=bool, na_value=False)
    candidates = [np.flatnonzero(complete)]
    if frame.index.is_unique and len(model.row_labels):
        candidates.append(frame.index.get_indexer(model.row_labels))  # in whatever order they are
    for rows in candidates:
        if len(rows) == model.n_rows and rows.min() >= 0 and _holds(model, frame.iloc[rows]):
            return rows
    return None


def own_groups(model: BernoulliLogistic, frame: pd.DataFrame) -> Cells | None:
    """The rows of a model of grouped counts, by their places in the frame that it was built from.

    None for another frame.
    """
    found, encoding = model.trials, model.encoding
    if found is None or encoding is None:
        return None
    left = encoding.parsed.left
    names = [*left.columns, *encoding.parsed.columns]
    names += [name for name in (model.offset_name, model.trials_name) if name not in (None, ARRAY)]
    whole = found.n_groups + model.n_dropped + model.n_zero_weight
    if len(frame) != whole or model.trials_name == ARRAY or not set(names) <= set(frame.columns):
        return None
    complete = np.flatnonzero(frame[list(dict.fromkeys(names))].notna().to_numpy().all(axis=1))
    candidates = [complete]
    if frame.index.is_unique and len(model.row_labels):  # in whatever order they are
        candidates.append(frame.index.get_indexer(model.row_labels.unique()))
    for places in candidates:
        if len(places) and places.min() >= 0:
            kept = frame.iloc[places]
            try:
                trials = None if model.trials_name is None else kept[model.trials_name]
                counts = counts_of_columns(left, kept, trials)
            except ValueError:
                continue
            cells = counts.cells._replace(group=places[counts.cells.group])
            rows = cells.group if isinstance(model.rows, ArrayRows) else places[counts.some]
            if _counted_alike(model, cells) and _holds(model, frame.iloc[rows]):
                return cells
    return None


def _counted_alike(model: BernoulliLogistic, cells: Cells) -> bool:
    """Whether successes and failures are the model's; of rows in files their hash says so."""
    if len(cells.group) != model.n_rows or not isinstance(model.rows, ArrayRows):
        return len(cells.group) == model.n_rows
    same = np.array_equal(cells.response, model.response)
    return same and np.array_equal(cells.weights, model.counts)


def _holds(model: BernoulliLogistic, frame: pd.DataFrame) -> bool:
    """Whether complete rows are those of the model."""
    try:
        if isinstance(model.rows, ArrayRows):
            offset = model.rows.offset
            try:
                own = None if offset is None else new_offsets(model, None, frame, len(frame))
            except InputError:  # it was given as numbers
                own = None
            if own is not None and not np.array_equal(own, cast(Array, offset)):
                return False
            weights = model.weights_name if model.sampling is None else model.sampling.weights
            if weights in frame.columns and not np.array_equal(
                numbers(frame[weights]), model.counts
            ):
                return False
            return same_design(encoded(model, frame), model.arrays.design)
        found = model.rows.surveyed
        block = found.encoder.block(frame, found.units)
    except ValueError:  # a level that the model has not seen, or no such column
        return False
    rows = replace(ArrayRows.of(block), groups=block.groups)
    return model.hash_of(rows) == model.data_hash


def left_out(model: BernoulliLogistic) -> str:
    """How many rows of its data the model left out, and why; empty where none."""
    grouped = model.trials is not None
    zero = "no trials" if grouped else "weight 0"
    reasons = ((model.n_dropped, "a value is missing"), (model.n_zero_weight, zero))
    said = [f"{number} left out: {why}" for number, why in reasons if number]
    rows = model.n_rows if model.trials is None else model.trials.n_groups
    return f"over {count(rows, 'group' if grouped else 'row')}; {'; '.join(said)}" if said else ""
