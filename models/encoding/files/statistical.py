"""Files of Stata, SAS and SPSS; columns of labelled codes become ordered categories."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import NO_ROWS
from flatprior.models.encoding.files.arrow_files import require
from flatprior.models.encoding.files.reading import Found, Reading

IBM_ZERO = 16.0**-65  # what pandas makes of the zero of a transport file


class StataFile:
    """A file of Stata; see `TableFile`."""

    typed = True

    def __init__(self, path: str, reading: Reading) -> None:
        self.path, self.reading = path, reading
        with self._opened(1) as reader:
            self.names = tuple(map(str, reader.variable_labels()))

    def _opened(self, rows: int) -> Any:
        return pd.read_stata(self.path, chunksize=rows, convert_categoricals=False)

    def frames(
        self,
        columns: tuple[str, ...],
        rows: int,
        as_text: frozenset[str] = frozenset(),
        found: Found | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows; see `TableFile`."""
        require(columns, self.names)
        with self._opened(rows) as reader:
            sets = reader.value_labels()
            used = dict(zip(self.names, reader._lbllist, strict=True))  # pandas shows no other way
            labels = {name: sets[used[name]] for name in columns if used[name] in sets}
            missing: dict[str, None] = {}
            for frame in reader:
                frame = frame[list(columns)]
                if found is not None:
                    numeric = frame.select_dtypes("number")
                    missing |= dict.fromkeys(name for name in numeric if numeric[name].hasnans)
                yield _without_blanks(with_labels(frame, labels))
        if found is not None and missing:
            self._name_missing(list(missing), rows, found)

    def _name_missing(self, columns: list[str], rows: int, found: Found) -> None:
        """Count .a to .z, of which pandas makes the same missing value as of the plain one."""
        with pd.read_stata(
            self.path, chunksize=rows, convert_categoricals=False, convert_missing=True
        ) as reader:
            for frame in reader:
                for name in columns:
                    cells = frame[name] if frame[name].dtype == object else ()
                    codes = (str(v) for v in cells if not isinstance(v, Real))
                    found.have(name, (code for code in codes if code != "."))


def without_padding(path: str) -> bool:
    """Whether rows of a sas7bdat file begin where pandas skips four bytes.

    Rows that follow metadata in a page are aligned to 8 bytes by zeros, blanks or what was there
    before. Files of Stat/Transfer, known by their release, 9.0000M0, may lack these four bytes:
    then pandas reads other numbers.
    """
    with open(path, "rb") as file:
        head = file.read(288)
        wide, aligned = head[32:33] == b"3", head[35:36] == b"3"
        shift = 4 * aligned
        release = 216 + shift + 4 * wide
        if len(head) < 288 or head[release : release + 8] != b"9.0000M0":
            return False
        order = "<" if head[37] == 1 else ">"
        length, size = struct.unpack(f"{order}II", head[196 + shift : 204 + shift])
        at, pointer = (32, 24) if wide else (16, 12)
        file.seek(length)
        while size > at + 6 and len(page := file.read(size)) == size:
            kind, _, pointers = struct.unpack(f"{order}HHH", page[at : at + 6])
            rows = at + 8 + pointers * pointer
            gap = page[rows : rows + 4] if rows % 8 == 4 else b""
            if kind & 0x0F00 == 0x0200 and gap and gap not in (bytes(4), b" " * 4):
                return True
    return False


class SasFile:
    """A SAS data set, or a transport file of version 5; see `TableFile`."""

    typed = True

    def __init__(self, path: str, reading: Reading, transport: bool = False) -> None:
        self.path, self.reading, self._transport = path, reading, transport
        if not transport and without_padding(path):
            raise InputError(
                "it was written by Stat/Transfer without the blanks before its rows that pandas "
                "skips, which would make other numbers of all; write it anew, as CSV or for Stata"
            )
        with self._opened(1) as reader:
            self.names = tuple(map(str, next(iter(reader), pd.DataFrame()).columns))
        if not self.names:
            raise InputError(NO_ROWS)

    def _opened(self, rows: int) -> Any:
        asked = self.reading.encoding
        if self._transport:
            return pd.read_sas(self.path, format="xport", chunksize=rows, encoding=asked or "utf-8")
        return pd.read_sas(self.path, format="sas7bdat", chunksize=rows, encoding=asked or "infer")

    def frames(
        self,
        columns: tuple[str, ...],
        rows: int,
        as_text: frozenset[str] = frozenset(),
        found: Found | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows; see `TableFile`."""
        require(columns, self.names)
        with self._opened(rows) as reader:
            for frame in reader:
                frame = frame[list(columns)]
                yield _without_blanks(frame.replace(IBM_ZERO, 0.0) if self._transport else frame)


def transport_file(path: str, reading: Reading) -> SasFile:
    """A transport file of SAS."""
    return SasFile(path, reading, transport=True)


class SpssFile:
    """A file of SPSS, read whole; see `TableFile`."""

    typed = True

    def __init__(self, path: str, reading: Reading) -> None:
        self.path, self.reading = path, reading
        _, about = self._read(metadataonly=True)
        self.names = tuple(about.column_names)

    def _read(self, **options: Any) -> Any:
        try:
            import pyreadstat
        except ImportError as error:
            raise InputError(
                'files of SPSS need pyreadstat: run pip install "flatprior[spss]"'
            ) from error
        return pyreadstat.read_sav(self.path, encoding=self.reading.encoding, **options)

    def frames(
        self,
        columns: tuple[str, ...],
        rows: int,
        as_text: frozenset[str] = frozenset(),
        found: Found | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows; see `TableFile`."""
        require(columns, self.names)
        frame, about = self._read(usecols=list(columns))
        labels = {n: s for n, s in about.variable_value_labels.items() if n in columns}
        if found is not None:
            self._name_missing(frame, columns, found)
        frame = _without_blanks(with_labels(frame[list(columns)], labels))
        yield from pieces(frame, rows)

    def _name_missing(self, frame: pd.DataFrame, columns: tuple[str, ...], found: Found) -> None:
        """Count the values that are declared missing, of which pyreadstat makes missing ones."""
        declared = self._read(metadataonly=True, user_missing=True)[1].missing_ranges
        names = [name for name in columns if name in declared]
        if not names:
            return
        raw = self._read(usecols=names, user_missing=True)[0]
        for name in names:
            values = raw[name][frame[name].isna() & raw[name].notna()]
            found.have(name, (f"{v:.15g}" if isinstance(v, float) else str(v) for v in values))


def pieces(frame: pd.DataFrame, rows: int) -> Iterator[pd.DataFrame]:
    """So many rows of a frame at a time."""
    for start in range(0, len(frame), rows):
        yield frame.iloc[start : start + rows]


def with_labels(frame: pd.DataFrame, labels: Mapping[str, Mapping[Any, str]]) -> pd.DataFrame:
    """Columns of which every value has a label as ordered categories, in the order of the codes.

    Raises
    ------
    ValueError
        If only some values of a column that has labels have one: whether it holds numbers or
        categories nobody can tell.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.models.encoding.files.statistical import with_labels
    >>> with_labels(pd.DataFrame({"c": [2, 1]}), {"c": {1: "low", 2: "high"}})["c"].tolist()
    ['high', 'low']
    """
    found = {}
    for name, known in labels.items():
        codes = sorted(known)
        names = [str(known[code]) for code in codes]
        values = frame[name]
        bare = values.notna() & ~values.isin(codes)
        if bare.any() or len(set(names)) < len(names):
            what = (
                "for some of its values only" if bare.any() else "that are the same for two codes"
            )
            raise InputError(
                f"column {name!r} has labels {what}, so that it is neither numbers nor categories; "
                "read it with pandas or pyreadstat as it is meant, and pass the data frame"
            )
        place = pd.Index(codes).get_indexer(pd.Index(values))
        coded = np.where(values.isna(), -1, place)
        found[name] = pd.Series(
            pd.Categorical.from_codes(coded, categories=pd.Index(names), ordered=True),
            index=frame.index,
        )
    return frame.assign(**found) if found else frame


def _without_blanks(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with empty text missing, as these programs mean it."""
    text = [n for n in frame if frame[n].dtype == object or pd.api.types.is_string_dtype(frame[n])]
    for name in text:
        empty = frame[name] == ""
        if empty.any():
            frame = frame.assign(**{str(name): frame[name].mask(empty)})
    return frame
