"""Tables as they come: odd tokens, headings, leading zeros, mixed types, Unicode, white space.

A table is text, written cell by cell, with what is done with it: a formula, names of offset and
weights, and which columns are pandas categories (ordered or not) where it is a frame. Whatever way
it is read, the model is one and the same, or the sentence that refuses it is.
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

HEADINGS = [
    "x",
    "NA",
    "null",
    "None",
    "nan",
    "1",
    "True",
    "my col",
    "größe",
    "C",
    "log",
    "a.b",
    "y2",
]
ODD = ["?", ".", "-", "missing", "1,5", "n.a.", "other", "A7", "12%", "−3", "x", "#DIV/0!", "1_0"]
LEVELS = ["a", "b", "é", "e\u0301", "Ä", " d", "low ", "True", "0x1", "名", "''"]

Cells = list[str]


@dataclass(frozen=True)
class Table:
    """Columns of cells, and the model that is made of them."""

    columns: dict[str, Cells]
    formula: str
    kinds: tuple[str, ...]
    roles: dict[str, str]
    categories: dict[str, bool]

    def write(self, path: Path, rows: slice = slice(None)) -> Path:
        """Some of the rows as a CSV file."""
        cells = list(zip(*self.columns.values(), strict=True))[rows]
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(self.columns)
            writer.writerows(cells)
        return path


def _floats(rng: np.random.Generator, n: int) -> Cells:
    return [repr(v) for v in (rng.normal(size=n) * 10.0 ** rng.integers(-4, 5)).tolist()]


def _integers(rng: np.random.Generator, n: int) -> Cells:
    most = int(rng.choice([3, 6, 50, 10**6]))
    return [str(v) for v in rng.integers(0, most, size=n).tolist()]


def _codes(rng: np.random.Generator, n: int) -> Cells:
    return [str(rng.choice(["01", "1", "02", "2", "007"])) for _ in range(n)]


def _zips(rng: np.random.Generator, n: int) -> Cells:
    pool = [f"{v:05d}" for v in rng.integers(0, 30_000, size=8)]
    return [str(rng.choice(pool)) for _ in range(n)]


def _words(rng: np.random.Generator, n: int) -> Cells:
    pool = rng.choice(LEVELS, size=4, replace=False)
    return [str(rng.choice(pool)) for _ in range(n)]


def _truths(rng: np.random.Generator, n: int) -> Cells:
    pool = [("True", "False"), ("TRUE", "FALSE")][int(rng.integers(2))]
    return [str(rng.choice(pool)) for _ in range(n)]


def _numbers_of_kinds(rng: np.random.Generator, n: int) -> Cells:
    forms = ["{:.0f}", "{:.1f}", "{:.3e}", "+{:.2f}", "{:.2f} "]
    values = rng.uniform(0, 9, size=n)
    return [forms[int(rng.integers(5))].format(v) for v in values]


def _spoilt(cells: Cells, rng: np.random.Generator) -> Cells:
    """The cells, some of them replaced by one or two odd tokens."""
    tokens = rng.choice(ODD, size=int(rng.integers(1, 3)), replace=False)
    for place in rng.integers(0, len(cells), size=int(rng.integers(1, 9))):
        cells[int(place)] = str(rng.choice(tokens))
    return cells


def _with_gaps(cells: Cells, rng: np.random.Generator) -> Cells:
    """The cells, some of them missing."""
    for place in rng.integers(0, len(cells), size=int(rng.integers(1, 9))):
        cells[int(place)] = str(rng.choice(["", "NA", "NaN", "null"]))
    return cells


KINDS: dict[str, Callable[[np.random.Generator, int], Cells]] = {
    "floats": _floats,
    "integers": _integers,
    "codes": _codes,
    "zips": _zips,
    "words": _words,
    "truths": _truths,
    "numbers of kinds": _numbers_of_kinds,
}


def _response(rng: np.random.Generator, n: int) -> Cells:
    pools = [("0", "1")] * 4 + [
        ("no", "yes"),
        ("True", "False"),
        ("0.0", "1"),
        ("1", "2"),
        ("ä", "z"),
    ]
    pool = pools[int(rng.integers(len(pools)))]
    cells = [str(v) for v in rng.choice(pool, size=n)]
    cells[:2] = pool
    return cells


def generated_table(seed: int, n: int = 120) -> Table:
    """One table; the same for the same seed."""
    rng = np.random.default_rng(seed)
    names = [str(name) for name in rng.choice(HEADINGS, size=2, replace=False)]
    columns, kinds, terms, categories = {"y": _response(rng, n)}, [], [], {}
    if rng.random() < 0.2:
        categories["y"] = bool(rng.random() < 0.5)
    if rng.random() < 0.1:
        columns["y"] = _spoilt(columns["y"], rng)
    for name in names:
        kind = str(rng.choice(list(KINDS)))
        cells = KINDS[kind](rng, n)
        if rng.random() < 0.25:
            cells, kind = _spoilt(cells, rng), f"{kind}, spoilt"
        if rng.random() < 0.3:
            cells, kind = _with_gaps(cells, rng), f"{kind}, with gaps"
        columns[name] = cells
        kinds.append(kind)
        if rng.random() < 0.3:
            categories[name] = bool(rng.random() < 0.5)
        form = rng.choice(
            ["`{}`", "`{}`", "C(`{}`)", "I(`{}` ** 2)", "C(`{}`) + `{}`", "exp(I(`{}` / 100))"]
        )
        terms.append(str(form).replace("{}", name))
    roles = {}
    if rng.random() < 0.3:
        columns["w"] = [str(v) for v in rng.integers(0, 4, size=n)]
        roles["frequency_weights"] = "w"
    if rng.random() < 0.3:
        columns["o"] = _floats(rng, n)
        roles["offset"] = "o"
        if rng.random() < 0.2:
            columns["o"] = _spoilt(columns["o"], rng)
    return Table(columns, f"y ~ {' + '.join(terms)}", tuple(kinds), roles, categories)


def many(n: int) -> pd.DataFrame:
    """Rows that cross the borders of chunks, some of which do not count."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.lognormal(size=n)})
    frame["g"], frame["o"] = rng.choice(["a", "b", "c"], n), rng.normal(size=n)
    frame["w"], frame["y"] = rng.integers(0, 4, n), rng.integers(0, 2, n)
    frame.loc[::37, "x"] = np.nan
    return frame
