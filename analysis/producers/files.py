"""A file of a fit: a printed table, or what flatprior or R has saved. Nothing in it is run."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

from flatprior.analysis.producers.draws import PICKLED
from flatprior.analysis.producers.plain import read_estimate
from flatprior.analysis.producers.printed.table import read_table
from flatprior.analysis.producers.r_file import read_r
from flatprior.analysis.producers.theirs import TheirFit
from flatprior.models import PointEstimate
from flatprior.models.common.errors import InputError, require_no_secrets
from flatprior.models.common.text import printable

LOADED = (*PICKLED, ".rds", ".rda", ".rdata", ".npy", ".npz")
HEAD = 4096  # characters in which a file says what it is


def read_file(path: str | PathLike[str]) -> TheirFit:
    r"""What a file states of a fit.

    Raises
    ------
    ValueError
        If it is no such file, or to read it would be to run what is in it.
    FileNotFoundError
        If there is none.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from flatprior.analysis.producers.files import read_file
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "table.csv"
    ...     _ = path.write_text("term,estimate\nx,1.25\n")
    ...     read_file(path).coefficients
    {'x': 1.25}
    """
    require_no_secrets(path)
    path = Path(path)
    if "\0" in str(path):
        raise InputError("this is not the name of a file: it has a NUL in it")
    if path.exists() and not path.is_file():
        raise InputError(f"{printable(str(path))!r} is a folder or a device: name a file")
    ending = path.suffix.lower()
    if ending in LOADED:
        raise InputError(
            f"{printable(path.name)!r} is an object of a program, which is not loaded, since that "
            "may run what is in it; save coefficients as CSV or JSON, draws as netCDF"
        )
    if ending == ".json":
        with path.open(encoding="utf-8", errors="replace") as file:
            head = file.read(HEAD)
        if '"format"' in head and '"flatprior/' in head:
            return read_estimate(PointEstimate.load(path))
        if '"family"' in head and '"link"' in head:
            return read_r(path)
    return read_table(path)
