"""Text with separated columns, such as CSV and TSV: headings and rows, of which no byte is lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from importlib.metadata import version
from typing import Any, cast

import pandas as pd

from flatprior.models.encoding.columns.checks import check_names
from flatprior.models.encoding.files.dialect import Dialect, dialect_of
from flatprior.models.encoding.files.missing_words import USUAL, words_in
from flatprior.models.encoding.files.opening import decompressed
from flatprior.models.encoding.files.reading import PLAIN, Found, Reading
from flatprior.models.encoding.files.regular import Checked, irregular

CODE = r"\s*0[0-9]+\s*"
# pandas 3.1 reads decimal numbers exactly and deprecates to ask for it
EXACT_CSV: dict[str, Any] = (
    {}
    if tuple(map(int, version("pandas").split(".")[:2])) >= (3, 1)
    else {"float_precision": "round_trip"}
)


class CsvFile:
    """A file of text with separated columns; see `TableFile`."""

    typed = False

    def __init__(self, path: str, asked: Reading) -> None:
        self.path = path
        self.dialect, self.reading = dialect_of(path, asked)
        with decompressed(path) as source:
            # NA and null are names there, not missing values
            heading = _parsed(
                Checked(source, self.dialect),
                self.dialect,
                header=None,
                nrows=1,
                dtype=str,
                keep_default_na=False,
            ).iloc[0]
        names = (str(name).strip() for name in heading)
        self.names = tuple(name or f"column {j + 1}" for j, name in enumerate(names))
        check_names(self.names)  # pandas would rename a repeated heading to "x.1"

    def frames(
        self,
        columns: tuple[str, ...],
        rows: int,
        as_text: frozenset[str] = frozenset(),
        found: Found | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows; see `TableFile`."""
        words = self.reading.words(USUAL)
        options: dict[str, Any] = {
            "na_values": ["", *words],
            "dtype": {self.names.index(name): str for name in as_text & set(columns)} or None,
        }
        missing: dict[str, None] = {}
        numeric: dict[str, None] = {}

        def look() -> None:
            short = irregular(self.path, self.dialect, len(self.names))
            if short is not None and found is not None:
                found.short[self.path] = short

        with decompressed(self.path) as source:
            watched = None if found is None else look
            text = Checked(source, self.dialect, len(self.names), watched, words)
            for frame in self._parsed(text, columns, rows, options):
                if found is not None:
                    of_numbers = frame.select_dtypes("number")
                    numeric |= dict.fromkeys(map(str, of_numbers))
                if found is not None and words:
                    missing |= dict.fromkeys(name for name in columns if frame[name].hasnans)
                yield frame
        if found is not None:
            missing = missing if text.may_hold_words else {}
            numeric = numeric if text.may_hold_codes else {}
            if missing or numeric:
                self._count(tuple(missing), words, tuple(numeric), rows, found)

    def _count(
        self,
        missing: tuple[str, ...],
        words: frozenset[str],
        numeric: tuple[str, ...],
        rows: int,
        found: Found,
    ) -> None:
        """Count the words that were read as missing, and the codes of which numbers were made.

        pandas says only that a value is missing, and nothing of zeros in front.
        """
        columns = tuple(dict.fromkeys((*missing, *numeric)))
        with decompressed(self.path) as source:
            text = Checked(source, self.dialect)
            for frame in self._parsed(text, columns, rows, {"na_values": [""], "dtype": str}):
                for name in missing:
                    counts = words_in(frame[name], words, self.dialect.decimal)
                    if counts:
                        found.words[name] = found.words.get(name, Counter()) + counts
                for name in numeric:
                    codes = Counter(frame[name][frame[name].str.fullmatch(CODE, na=False)])
                    if codes:
                        found.codes[name] = found.codes.get(name, Counter()) + codes

    def _parsed(
        self, text: Checked, columns: tuple[str, ...], rows: int, options: dict[str, Any]
    ) -> Iterator[pd.DataFrame]:
        """Some columns of the text, so many rows at a time."""
        places = sorted(map(self.names.index, columns))
        names = [self.names[place] for place in places]
        if self.dialect.sep != " " and len(places) < len(self.names):
            options = {**options, "usecols": places}
        reader = _parsed(text, self.dialect, chunksize=rows, keep_default_na=False, **options)
        with closing(reader):
            for frame in reader:
                if len(names) < frame.shape[1]:
                    frame = frame.iloc[:, places]
                frame.columns = pd.Index(names)
                yield frame if names == list(columns) else frame[list(columns)]


def read_csv(path: Any) -> pd.DataFrame:
    """Read a CSV file of ours, its numbers to the last bit."""
    file = CsvFile(str(path), PLAIN)
    return pd.concat(file.frames(file.names, 2**16))


def _parsed(text: Checked, dialect: Dialect, **options: Any) -> Any:
    return pd.read_csv(
        cast(Any, text),
        sep=r"\s+" if dialect.sep == " " else dialect.sep,
        decimal=dialect.decimal,
        index_col=False,
        skipinitialspace=True,
        low_memory=False,
        **EXACT_CSV,
        **options,
    )
