"""Files of Arrow's kinds: Parquet, Feather (Arrow IPC) and streams."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.errors import InputError
from flatprior.models.encoding.columns.known_codes import remember
from flatprior.models.encoding.files.reading import Found, Reading
from flatprior.models.encoding.files.stores import is_stored, located, opened
from flatprior.models.encoding.frames import of_arrow


class ParquetFile:
    """A file of Parquet, with what the folders of a partitioned table say; see `TableFile`."""

    typed = True

    def __init__(
        self, path: str, reading: Reading, names: tuple[str, ...], keys: dict[str, Any]
    ) -> None:
        self.path, self.reading, self.names, self.keys = path, reading, names, keys

    @property
    def _place(self) -> dict[str, Any]:
        """Where Arrow finds the file."""
        if not is_stored(self.path):
            return {"source": self.path}
        system, inside = located(self.path)
        return {"source": inside, "filesystem": system}

    def frames(
        self,
        columns: tuple[str, ...],
        rows: int,
        as_text: frozenset[str] = frozenset(),
        found: Found | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows; see `TableFile`."""
        from pyarrow import parquet

        in_file = [name for name in columns if name not in self.keys]
        place = self._place
        with parquet.ParquetFile(**place) as file:
            require(in_file, file.schema_arrow.names)
            whole, schema = file.metadata.num_rows <= rows, file.schema_arrow
        text = [name for name in in_file if _is_text(schema.field(name).type)]
        # in batches, pages as they are needed, in one thread: a whole row group would be read ahead
        options: dict[str, Any] = {} if whole else {"pre_buffer": False, "buffer_size": 2**16}
        if is_stored(self.path):  # where what is small takes as long as what is large
            options = {"pre_buffer": True}
        with parquet.ParquetFile(**place, read_dictionary=text, **options) as file:
            batches = (
                [file.read(in_file)]
                if whole
                else file.iter_batches(rows, columns=in_file, use_threads=False)
            )
            for batch in batches:
                frame = of_arrow(_as_text(batch, text))
                for name, value in self.keys.items():
                    frame[name] = value
                frame = frame[list(columns)]
                for name in text:
                    remember(frame[name], *_codes(batch.column(name)))
                yield frame

    def size(self, columns: tuple[str, ...]) -> int:
        """Bytes that columns take in the file."""
        from pyarrow import parquet

        wanted = set(columns)
        with parquet.ParquetFile(**self._place) as file:
            found, names = file.metadata, file.schema.names
            tops = [file.schema.column(j).path.split(".")[0] for j in range(len(names))]
            return sum(
                found.row_group(i).column(j).total_compressed_size
                for i in range(found.num_row_groups)
                for j, top in enumerate(tops)
                if top in wanted
            )


def _is_text(kind: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _as_text(batch: Any, names: Sequence[str]) -> Any:
    """The batch, these columns not as dictionaries."""
    for name in names:
        column = batch.column(name)
        place = batch.schema.get_field_index(name)
        batch = batch.set_column(place, name, column.cast(column.type.value_type))
    return batch


def _codes(column: Any) -> tuple[NDArray[np.intp], list[Any]]:
    """The values of a column of dictionaries in the order of their coming, and each row's."""
    import pyarrow as pa

    pieces = column.unify_dictionaries().chunks if isinstance(column, pa.ChunkedArray) else [column]
    codes = [piece.indices.fill_null(-1).to_numpy() for piece in pieces]
    every = np.concatenate([*codes, np.zeros(0, dtype=np.int32)])
    found, order = pd.factorize(np.where(every < 0, np.nan, every) if (every < 0).any() else every)
    values = pieces[0].dictionary.to_pylist() if pieces else []
    return found, [values[int(place)] for place in order]


def parquet_files(files: Sequence[str], reading: Reading) -> list[ParquetFile]:
    """The files of a table, which may be partitioned by folders such as ``region=north``."""
    from pyarrow import dataset

    system, places = None, list(map(os.path.abspath, files))
    if is_stored(files[0]):
        system, _ = located(files[0])
        places = [located(path)[1] for path in files]
    table = dataset.dataset(places, filesystem=system, format="parquet", partitioning="hive")
    keys = {
        fragment.path: dataset.get_partition_keys(fragment.partition_expression)
        for fragment in table.get_fragments()
    }
    names = tuple(table.schema.names)
    return [
        ParquetFile(path, reading, names, keys[place])
        for path, place in zip(files, places, strict=True)
    ]


class FeatherFile:
    """A file of Feather, which is Arrow's IPC format, or a stream of it; see `TableFile`."""

    typed = True

    def __init__(self, path: str, reading: Reading, stream: bool = False) -> None:
        self.path, self.reading, self._stream = path, reading, stream
        with self._opened() as file:
            self.names = tuple(file.schema.names)

    def _opened(self) -> Any:
        import pyarrow as pa

        stored = is_stored(self.path)
        source = pa.PythonFile(opened(self.path), "r") if stored else pa.OSFile(self.path)
        try:
            return pa.ipc.open_stream(source) if self._stream else pa.ipc.open_file(source)
        except Exception:
            source.close()
            raise

    def frames(
        self,
        columns: tuple[str, ...],
        rows: int,
        as_text: frozenset[str] = frozenset(),
        found: Found | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows; see `TableFile`."""
        require(columns, self.names)
        with self._opened() as file:
            for batch in file if self._stream else _batches(file):
                batch = batch.select(list(columns))
                for start in range(0, batch.num_rows, rows):
                    yield of_arrow(batch.slice(start, rows))


def stream_file(path: str, reading: Reading) -> FeatherFile:
    """A stream of Arrow."""
    return FeatherFile(path, reading, stream=True)


def _batches(file: Any) -> Iterator[Any]:
    for place in range(file.num_record_batches):
        yield file.get_batch(place)


def require(columns: Sequence[str], names: Sequence[str]) -> None:
    """Raise a `ValueError` if a file has not all columns."""
    lacking = set(columns) - set(names)
    if lacking:
        raise InputError(f"it has no column {min(lacking)!r}")
