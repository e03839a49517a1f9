"""Any table with named columns, as a pandas data frame in which no value has changed.

What exports Arrow's C stream (polars, pyarrow, DuckDB, modin and others) comes over through that:
conversions of the libraries' own make floats of integers among which one is missing. What has to be
computed first, such as a lazy frame, narwhals collects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeGuard, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models.common.calls import a_or_an
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import check_text, first_of, no_text, printable
from flatprior.models.encoding.columns.checks import check_names, unmasked

Table = pd.DataFrame | Mapping[str, ArrayLike]
NOT_LAZY = ("numpy", "scipy", "pandas", "pathlib", "builtins")  # nor worth an import to find out
TAKEN = (
    "a data frame (of pandas, polars, Arrow, DuckDB or another that narwhals knows), a mapping of "
    "columns, a list of rows as dicts, or a path"
)


def is_table(data: Any) -> TypeGuard[Table]:
    """Whether data have named columns, so that these can be found whatever their order.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models.encoding.frames import is_table
    >>> is_table({"x": [1, 2]}), is_table([{"x": 1}, {"x": 2}]), is_table(np.eye(2))
    (True, True, False)
    """
    if isinstance(data, pd.Series) or hasattr(data, "toarray"):
        return False  # a sparse array of keys is a mapping, too
    return (
        isinstance(data, pd.DataFrame | Mapping)
        or _are_records(data)
        or _is_structured(data)
        or (_streams(data) and not _is_one_column(data))
        or _is_lazy(data)
    )


def to_pandas(data: Any) -> pd.DataFrame:
    """Return a table as a data frame of pandas, one of pandas as it is.

    Parameters
    ----------
    data
        See `is_table`. In a mapping a number or text stands for a single row.

    Raises
    ------
    TypeError
        If it is no table.
    ValueError
        If its columns do not form one.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from flatprior.models.encoding.frames import to_pandas
    >>> to_pandas(pa.table({"n": [2**60 + 1, None]}))["n"].tolist()
    [1152921504606846977, <NA>]
    """
    if isinstance(data, pd.DataFrame):
        return data
    if isinstance(data, pd.Series):
        raise InputTypeError(
            f"data must be {TAKEN}, not a Series; a single row is series.to_frame().T, a column "
            "series.to_frame()"
        )
    if hasattr(data, "toarray"):
        raise InputTypeError(
            f"data must be {TAKEN}, not a sparse array, whose columns have no names"
        )
    if isinstance(data, Mapping):
        return _from_mapping(data)
    if _are_records(data):
        return _from_records(data)
    if _is_structured(data):
        return _from_mapping({name: data[name] for name in data.dtype.names})
    if _streams(data) and not _is_one_column(data):
        return _from_stream(data)
    if _is_lazy(data):
        return _from_stream(_collected(data))
    if _of_dask(data):
        raise InputTypeError("data of Dask go to BernoulliLogistic.from_dask(frame, formula)")
    raise InputTypeError(f"data must be {TAKEN}, not {a_or_an(data)}")


def names_of(data: Any) -> tuple[str, ...] | None:
    """The columns of a table of which `with_columns` takes some; None of any other.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from flatprior.models.encoding.frames import names_of
    >>> names_of(pa.table({"x": [1, 2], "y": [0, 1]})), names_of({"x": [1, 2]})
    (('x', 'y'), None)
    """
    if _is_arrow(data, "Table"):
        return tuple(data.schema.names)
    with _computed():
        if _is_of_duckdb(data):
            return tuple(data.columns)
        names = tuple(data.collect_schema().names()) if _is_polars_frame(data) else ()
    # a name that looks like a pattern is one to polars
    return names if names and not any(name.startswith("^") for name in names) else None


def with_columns(data: Any, names: Sequence[str]) -> Any:
    """Some columns of a table whose `names_of` are known; what is lazy computes no other.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from flatprior.models.encoding.frames import with_columns
    >>> with_columns(pa.table({"x": [1, 2], "y": [0, 1]}), ["y"]).schema.names
    ['y']
    """
    with _computed():
        if _is_of_duckdb(data):  # to which a name in quotes is one whatever is in it
            return data.project(", ".join('"' + name.replace('"', '""') + '"' for name in names))
        return data.select(list(names))


def of_arrow(batch: Any) -> pd.DataFrame:
    """A batch or table of Arrow as a data frame, in which a missing value changes no other."""
    import pyarrow as pa

    for place, field in enumerate(batch.schema):
        kind = field.type
        # pandas knows no unsigned codes of categories, which polars has
        if pa.types.is_dictionary(kind) and not pa.types.is_signed_integer(kind.index_type):
            signed = pa.dictionary(pa.int64(), kind.value_type, ordered=kind.ordered)
            batch = batch.set_column(place, field.name, batch.column(place).cast(signed))
    # what pandas once wrote of an index says nothing here
    frame = batch.to_pandas(ignore_metadata=True)
    for place, (name, values) in enumerate(zip(batch.schema.names, batch.columns, strict=True)):
        # else integers would become floats, and booleans objects, in some batches and not in others
        if not values.null_count:
            continue
        if pa.types.is_boolean(values.type):
            column = pd.array(values.to_pylist(), dtype="boolean")
        elif pa.types.is_integer(values.type):
            large = pa.types.is_uint64(values.type)
            column = pd.array(values.to_pylist(), dtype="UInt64" if large else "Int64")
        else:
            continue
        frame.isetitem(place, pd.Series(column, index=frame.index, name=name))
    return cast(pd.DataFrame, frame)


def one_column(values: Any) -> Any:
    """A column of polars or Arrow as a series with its name; anything else as it is."""
    if isinstance(values, pd.Series | pd.DataFrame | np.ndarray) or not _is_one_column(values):
        return values
    import pyarrow as pa

    if hasattr(values, "to_frame"):  # a series of polars
        column = _from_stream(values.to_frame()).iloc[:, 0]
        return column.rename(values.name or None)
    column = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.chunked_array(values)
    frame = of_arrow(pa.table({"column": column}))
    name = getattr(values, "name", None)
    return frame["column"].rename(name if isinstance(name, str) and name else None)


def _streams(data: Any) -> bool:
    return hasattr(data, "__arrow_c_stream__") or _is_arrow(data, "RecordBatch")


def _is_arrow(data: Any, *names: str) -> bool:
    kind = type(data)
    return kind.__module__.partition(".")[0] == "pyarrow" and kind.__name__ in names


def _is_polars_frame(data: Any) -> bool:
    kind = type(data)
    of_polars = kind.__module__.partition(".")[0] == "polars"
    return of_polars and kind.__name__ in ("DataFrame", "LazyFrame")


def _is_of_duckdb(data: Any) -> bool:
    kind = type(data)
    of_duckdb = kind.__module__.partition(".")[0] in ("duckdb", "_duckdb")
    return of_duckdb and kind.__name__ == "DuckDBPyRelation"


def _is_one_column(data: Any) -> bool:
    """Whether it is a series of polars, or an array of Arrow."""
    if isinstance(data, pd.Series):
        return False
    kind = type(data)
    if kind.__module__.partition(".")[0] == "pyarrow":
        return kind.__name__ == "ChunkedArray" or kind.__name__.endswith("Array")
    return hasattr(data, "__arrow_c_stream__") and kind.__name__ == "Series"


def _is_lazy(data: Any) -> bool:
    """Whether narwhals can collect it: a lazy frame of polars, a relation of DuckDB, and others.

    Frames of Dask are not: they may not fit, and have a door of their own.
    """
    if type(data).__module__.partition(".")[0] in NOT_LAZY or _of_dask(data):
        return False
    import narwhals

    return isinstance(narwhals.from_native(data, pass_through=True), narwhals.LazyFrame)


def _of_dask(data: Any) -> bool:
    return type(data).__module__.partition(".")[0] in ("dask", "dask_expr")


def _collected(data: Any) -> Any:
    import narwhals

    with _computed():
        collected = narwhals.from_native(_by_name(data)).collect(backend="pyarrow")
        return narwhals.to_native(collected)


@contextmanager
def _computed() -> Iterator[None]:
    """Whatever an engine finds wrong when it computes is one sentence."""
    try:
        yield
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"the data could not be computed: {reason}") from error


def _from_stream(data: Any) -> pd.DataFrame:
    import pyarrow as pa

    if _is_arrow(data, "RecordBatch"):
        table = pa.Table.from_batches([data])
    elif _is_arrow(data, "Table"):
        table = data
    else:
        data = _by_name(data)
        with _computed():
            table = pa.RecordBatchReader.from_stream(data).read_all()
    check_names(tuple(map(str, table.schema.names)))
    return of_arrow(table)


def _by_name(frame: Any) -> Any:
    """A frame of polars, its categories as text: they are in the order of their coming otherwise.

    polars itself compares them by name; an Enum has an order, and keeps it. All else as it is.
    """
    if type(frame).__module__.partition(".")[0] != "polars":
        return frame
    import narwhals

    known = narwhals.from_native(frame)
    coming = [name for name, kind in known.collect_schema().items() if kind == narwhals.Categorical]
    if not coming:
        return frame
    return narwhals.to_native(
        known.with_columns(*(narwhals.col(name).cast(narwhals.String) for name in coming))
    )


def _are_records(data: Any) -> bool:
    return isinstance(data, list) and bool(data) and isinstance(data[0], Mapping)


def _from_records(rows: list[Any]) -> pd.DataFrame:
    names = list(rows[0])
    for place, row in enumerate(rows):
        if not isinstance(row, Mapping) or row.keys() != rows[0].keys():
            other = set(names) ^ set(row) if isinstance(row, Mapping) else set()
            which = first_of(printable(str(name)) for name in sorted(other, key=str))
            raise InputError(
                f"row {place} of the data has not the same names as row 0"
                + (f" ({which} in one of them only)" if which else "")
                + "; write None where a value is missing"
            )
    return _from_mapping({name: [row[name] for row in rows] for name in names})


def _is_structured(data: Any) -> bool:
    return isinstance(data, np.ndarray) and data.dtype.names is not None and data.ndim == 1


def _whole_or_missing(values: Any) -> Any:
    """A list of whole numbers, some of them missing, which pandas would make floats of."""
    if not isinstance(values, list | tuple) or not any(each is None for each in values):
        return values
    known = [each for each in values if each is not None]
    if not known or not all(type(each) is int and abs(each) < 2**63 for each in known):
        return values
    return pd.array(list(values), dtype="Int64")


def _from_mapping(data: Mapping[str, ArrayLike]) -> pd.DataFrame:
    labels = [values.index for values in data.values() if isinstance(values, pd.Series)]
    if any(not index.equals(labels[0]) for index in labels[1:]):
        # pandas would pair the values by label and fill the gaps with NaN
        raise InputError("the series have different indexes; give them one, or pass arrays")
    for name in data:
        check_text(name, "the column name")
    columns = {
        str(name): _whole_or_missing(one_column(unmasked(values, str(name))))
        for name, values in data.items()
    }
    if columns and all(np.ndim(values) == 0 for values in columns.values()):  # a single row
        columns = {name: [values] for name, values in columns.items()}
    try:
        return pd.DataFrame(columns)
    except UnicodeEncodeError as error:
        raise no_text(error, "of the columns the value") from error
    except ValueError as error:
        raise InputError(f"the columns do not form a table: {error}") from error
