"""Tables that users pass in or name: data frames, mappings, and files."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import IO, Any, cast

import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import NO_ROWS, check_text
from flatprior.models.encoding.columns.checks import check_names, column
from flatprior.models.encoding.files.missing_words import without_words
from flatprior.models.encoding.files.opening import is_file
from flatprior.models.encoding.files.reading import PLAIN, Found, Reading
from flatprior.models.encoding.files.source import Source
from flatprior.models.encoding.formulas.parsing import Parsed, parse
from flatprior.models.encoding.frames import Table, names_of, to_pandas, with_columns


@dataclass(frozen=True, eq=False)
class Read:
    """Rows in memory, and how they came there.

    Attributes
    ----------
    frame : DataFrame
    reading : Reading
    """

    frame: pd.DataFrame
    reading: Reading = PLAIN


def as_frame(
    data: Table | str | PathLike[str] | IO[Any],
    factors: Collection[str] = (),
    columns: Iterable[str | None] | None = None,
    asked: Reading = PLAIN,
) -> pd.DataFrame:
    """Return `data`, see `to_pandas`, as a data frame; a file is read.

    A folder, or a pattern such as ``"folder/*.csv"``, is all of its files. Rows read from a file
    are labelled 1, 2, ..., headings not counted. The `factors` are categories, which stay text
    where a file without types has leading zeros in them. Of a file only these `columns` are read,
    if all of them are there. `asked` was asked for another table: what this one has not is passed
    over.
    """
    wanted = tuple(dict.fromkeys(name for name in columns or () if name is not None))
    if not is_file(data):
        known = names_of(data)
        if known is not None and wanted and set(wanted) <= set(known):
            data = with_columns(data, wanted)
        return _taken(data, asked, strict=False).frame
    source = Source.find(data, asked.as_asked, strict=False)
    names = wanted if wanted and set(wanted) <= set(source.names) else source.names
    return read(source, names, factors).frame


def as_table(
    data: Table | Read | str | PathLike[str] | IO[Any],
    formula: str,
    apart: Sequence[str] = (),
    asked: Reading = PLAIN,
) -> tuple[Read, Parsed]:
    """Return `data` as a data frame with all columns that are used, and what the formula says.

    Columns `apart` have other roles in the model. Of files, and of tables of which that can be
    asked (DuckDB, polars, Arrow), no others are read or computed.
    """
    if is_file(data):
        source = Source.find(data, asked)
        parsed, names = _used(formula, source.names, apart)
        return read(source, names, parsed.factors), parsed
    known = None if isinstance(data, Read) else names_of(data)
    if known is not None:
        check_names(known)
        parsed, names = _used(formula, known, apart)
        return _taken(with_columns(data, names), asked), parsed
    table = data if isinstance(data, Read) else _taken(data, asked)
    return table, parse(formula, table.frame, apart)


def _used(
    formula: str, names: tuple[str, ...], apart: Sequence[str]
) -> tuple[Parsed, tuple[str, ...]]:
    """What a formula says of columns of these names, and which it and other roles use."""
    heading = pd.DataFrame(columns=list(names))
    parsed = parse(formula, heading, apart)
    others = [str(column(heading, name).name) for name in apart]
    return parsed, tuple(dict.fromkeys((*parsed.left.columns, *parsed.columns, *others)))


def read(source: Source, columns: tuple[str, ...], factors: Collection[str] = ()) -> Read:
    """Read some columns of files, of which the `factors` are categories."""
    frame, reading = replace(source, codes=frozenset(factors)).whole(columns)
    return Read(frame, reading)


def _taken(data: Any, asked: Reading, strict: bool = True) -> Read:
    """A table that was passed in; words that mean a missing value there are made missing."""
    reading = asked.as_asked.taken_by("data in memory", "na", strict=strict)
    frame = named(to_pandas(data))
    check_names(tuple(frame.columns))
    if frame.shape[0] == 0:
        raise InputError(NO_ROWS)
    found = Found()
    changed = {}
    words = reading.words(())
    for place, name in enumerate(frame.columns) if words else ():
        series, counts = without_words(frame.iloc[:, place], words)
        if counts:
            changed[name], found.words[name] = series, counts
    if changed:
        frame = frame.assign(**changed)
    return Read(cast(pd.DataFrame, frame), reading.noting(*found.notes()))


def named(frame: Any) -> Any:
    """The frame, of pandas or Dask, its columns named by text; those of two levels are pairs."""
    names = [str(name) for name in frame.columns]
    for name in names:
        check_text(name, "the column name")
    if frame.columns.nlevels == 1:
        return frame.rename(columns=str)
    frame = frame.copy()
    frame.columns = names
    return frame
