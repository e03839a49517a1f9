"""Files that somebody or something changed: estimates, reports and draws, one change each."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from flatprior.analysis.report.page import sealed
from flatprior.models.common.json_values import checksum

Path_ = tuple[Any, ...]

# a number in the cell of a table of a page
_CELL = re.compile(r"(?:(?<=<td>)|(?<=<td class=\"word\">))[^<]*\d[^<]*(?=</td>)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?(?:e[-+]\d+)?")


def numbers_in(facts: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Where the numbers are in plain values."""
    if isinstance(facts, dict):
        for key, value in facts.items():
            yield from numbers_in(value, (*path, key))
    elif isinstance(facts, list):
        for i, value in enumerate(facts):
            yield from numbers_in(value, (*path, i))
    elif isinstance(facts, int | float) and not isinstance(facts, bool):
        yield path


def at(facts: Any, path: Path_) -> Any:
    for key in path:
        facts = facts[key]
    return facts


def with_another_number(facts: Any, path: Path_, rng: np.random.Generator) -> Any:
    """A copy in which the number at `path` is another, by far more than rounding."""
    changed = copy.deepcopy(facts)
    part, value = at(changed, path[:-1]), at(facts, path)
    part[path[-1]] = another(value, rng)
    return changed


def another(value: float, rng: np.random.Generator) -> float:
    """Another number: some parts in a thousand away, ten times as large, of the other sign."""
    if isinstance(value, int):
        return value + int(rng.choice([-2, -1, 1, 2, 10]))
    if value == 0:
        return float(rng.choice([1e-3, -1.0, 7.0]))
    factor = rng.choice([-1.0, 0.1, 0.5, 2.0, 10.0, 1 + 10 ** rng.uniform(-3, -1)])
    return float(value * factor)


def reseal_estimate(facts: dict[str, Any]) -> dict[str, Any]:
    """The same with the checksum of what it now says, as one who means to deceive would do."""
    bare = {key: value for key, value in facts.items() if key != "checksum"}
    return bare | {"checksum": checksum(bare)}


def embedded_in(page: str, facts: Any, name: str = "flatprior-report") -> str:
    """The page with other results as JSON, and its old checksum."""
    text = json.dumps(facts)
    for sign, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("'", "\\u0027")):
        text = text.replace(sign, escape)
    pattern = rf'(<script type="application/json" id="{name}">)(.*?)(</script>)'
    return re.sub(pattern, lambda m: m[1] + text + m[3], page, count=1, flags=re.DOTALL)


def cells_in(page: str) -> list[tuple[int, int]]:
    """Where the numbers are in the cells of a page."""
    return [
        (cell.start() + number.start(), cell.start() + number.end())
        for cell in _CELL.finditer(page)
        for number in _NUMBER.finditer(cell[0])
    ]


def with_another_cell(page: str, place: tuple[int, int], rng: np.random.Generator) -> str:
    """The page with one digit of one number another, by more than one unit of the last place."""
    start, end = place
    shown = page[start:end]
    digits = [i for i, sign in enumerate(shown) if sign.isdigit()]
    while True:
        i = digits[rng.integers(len(digits))]
        digit = str(rng.integers(10))
        new = shown[:i] + digit + shown[i + 1 :]
        if float(new) != float(shown):
            return page[:start] + new + page[end:]


def resealed(page: str) -> str:
    """The page with the checksum of what it now says."""
    return sealed(page)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Bytes as a bad disk, a broken transfer or an editor leaves them; never the same."""
    data = bytearray(content)
    kind = rng.integers(7)
    start = int(rng.integers(len(data)))
    length = int(min(len(data) - start, 2 ** rng.integers(0, 11)))
    if kind == 0:
        data[start] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        data[start : start + length] = rng.bytes(length)
    elif kind == 2:
        data[start : start + length] = bytes(length)
    elif kind == 3:
        del data[start:]
    elif kind == 4:
        del data[start : start + length]
    elif kind == 5:
        data[start:start] = rng.bytes(length)
    else:
        other = int(rng.integers(len(data)))
        piece = bytes(data[other : other + length])
        data[start : start + len(piece)] = piece
    return bytes(data) if bytes(data) != content else damaged(content, rng)


def write(path: Path, facts: Any) -> Path:
    """Write plain values as JSON."""
    path.write_text(json.dumps(facts), encoding="utf-8")
    return path
