"""Text with separated columns, such as CSV and TSV: headings and rows, of which no byte is lost."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, cast

import pandas as pd

from flatprior.models.encoding.columns.checks import check_names
from flatprior.models.encoding.files.dialect import Dialect, dialect_of
from flatprior.models.encoding.files.opening import decompressed
from flatprior.models.encoding.files.reading import PLAIN, Found, Reading
from flatprior.models.encoding.files.regular import Checked, irregular

# pandas 3.1 reads decimal numbers exactly and deprecates to ask for it
EXACT_CSV: dict[str, Any] = (
    {}
    if tuple(map(int, version("pandas").split(".")[:2])) >= (3, 1)
    else {"float_precision": "round_trip"}
)
OPTIONS = ("sep", "decimal", "encoding", "na")


class CsvFile:
    """A file of text with separated columns; see `TableFile`."""

    typed = False

    def __init__(self, path: str, asked: Reading) -> None:
        self.path = path
        self.dialect, self.reading = dialect_of(path, asked)
        with decompressed(path) as source:
            # NA and null are names there, not missing values
            heading = _parsed(
                Checked(source, self.dialect, 0, None),
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
        rows: int | None,
        as_text: frozenset[str] = frozenset(),
        found: Found | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows; see `TableFile`. An empty cell is missing, and every word is text."""
        places = sorted(map(self.names.index, columns))
        names = [self.names[place] for place in places]
        options: dict[str, Any] = {
            "keep_default_na": False,
            "na_values": [""],
            "dtype": {place: str for place in places if self.names[place] in as_text} or None,
        }
        if self.dialect.sep != " " and len(places) < len(self.names):
            options["usecols"] = places
            places = list(range(len(places)))

        def look() -> None:
            short = irregular(self.path, self.dialect, len(self.names))
            if short is not None and found is not None:
                found.short[self.path] = short

        with decompressed(self.path) as source:
            watched = look if found is not None else None
            text = Checked(source, self.dialect, len(self.names), watched)
            parsed = _parsed(text, self.dialect, chunksize=rows, **options)
            try:
                for frame in [parsed] if rows is None else parsed:
                    if len(places) < frame.shape[1]:
                        frame = frame.iloc[:, places]
                    frame.columns = pd.Index(names)
                    yield frame[list(columns)]
            finally:
                if rows is not None:
                    parsed.close()


def read_csv(path: Any) -> pd.DataFrame:
    """Read a CSV file of ours, its numbers to the last bit."""
    file = CsvFile(str(path), PLAIN)
    return next(file.frames(file.names, None))


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
