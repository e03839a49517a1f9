"""How often rows that are not in memory were read, and how much."""

from __future__ import annotations

from dataclasses import dataclass

from flatprior.models.common.text import count


@dataclass(frozen=True)
class Passes:
    """Passes over rows.

    Attributes
    ----------
    number : int
    bytes : int
        Of files, as they are stored: of Parquet those of the columns that were read; 0 where nobody
        knows, as of the partitions of a cluster.

    Examples
    --------
    >>> from flatprior.models.encoding.files.passes import Passes
    >>> later, before = Passes(9, 4_100_000), Passes(2, 500_000)
    >>> (later - before).said
    'read 7 times (3.6 MB)'
    """

    number: int = 0
    bytes: int = 0

    def __add__(self, other: Passes) -> Passes:
        return Passes(self.number + other.number, self.bytes + other.bytes)

    def __sub__(self, other: Passes) -> Passes:
        return Passes(self.number - other.number, self.bytes - other.bytes)

    @property
    def said(self) -> str:
        """In words."""
        times = {1: "once", 2: "twice"}.get(self.number, count(self.number, "time"))
        size, unit = self.bytes / 1e6, "MB"
        if size >= 1000:
            size, unit = size / 1000, "GB"
        return f"read {times}" + (f" ({size:.2g} {unit})" if self.bytes else "")


def between(before: Passes | None, now: Passes | None) -> Passes | None:
    """Passes from one look at a tally to a later one; None of rows in memory, which have none."""
    return None if before is None or now is None else now - before


class Tally:
    """Counts the passes over one source, whoever makes them."""

    def __init__(self) -> None:
        self.now = Passes()

    def add(self, number: int = 0, n_bytes: int = 0) -> None:
        """Count a pass that begins, or bytes of it that are read."""
        self.now += Passes(number, n_bytes)
