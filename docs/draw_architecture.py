"""Draw the floors of the house from its imports: ``python docs/draw_architecture.py``.

The floors are those of ``tests/test_layers.py``, which also reads the imports; lines and first
sentences are those of the files. Arrows that follow from others are left out: where a needs b and b
needs c, none goes from a to c. Lines are rounded to the hundred, and an arrow has one of four
widths, so that not every change of the code changes the drawing. A floor is ordered by the means of
its neighbours, above and below in turn, from several starts, and the order with the fewest
crossings is kept.
"""

from __future__ import annotations

import ast
import importlib.util
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from html import escape
from itertools import pairwise
from math import fsum
from pathlib import Path
from random import Random
from types import ModuleType
from typing import NamedTuple

HERE = Path(__file__).parent
TARGET = HERE / "architecture.svg"
TITLE = "The floors of flatprior: which folder imports which"
ABOUT = {
    "analysis": "what the results say together",
    "models": "the model, the routes that fit it, the certificates that judge them",
}
CAPTION = (
    "Rounded: a folder; square: a file. Arrows: imports, the thicker the more; all point down.",
    "An arrow that follows from others is left out.",
)

# in pixels
WIDTH, MARGIN, INSET = 700, 10, 14
HEADING, RISE = 38, 28  # of a package; between floors
WIDEST, PADDING, SEPARATION = 310, 8, 10  # of a box, in it, and between two
LANE = 12  # where an arrow passes a floor
LINE, SMALL, BOLD = 13.5, 5.8, 8.1  # lines, and letters in the widest of the fonts
STROKES = ((2, 1.2), (5, 2.0), (10, 3.2), (10**9, 4.8))  # up to so many imports
STARTS, SWEEPS = 60, 8  # of the search for an order

STYLE = """\
  svg { --page: #ffffff; --ground: #f3f5f8; --box: #ffffff; --edge: #9aa5b4; --ink: #1d232b;
        --soft: #55606e; --arrow: #0072b2; }
  @media (prefers-color-scheme: dark) {
    svg { --page: #14181e; --ground: #1d232c; --box: #2a323e; --edge: #5d6a7b; --ink: #eef2f6;
          --soft: #b3bfcc; --arrow: #56b4e9; }
  }
  text { font: 10.5px "DejaVu Sans", Verdana, "Segoe UI", sans-serif; fill: var(--ink); }
  .page { fill: var(--page); }
  .ground { fill: var(--ground); }
  .folder, .file { fill: var(--box); stroke: var(--edge); }
  .folder { stroke-width: 1.8; }
  .package { font-size: 16px; font-weight: bold; }
  .about { font-size: 11px; font-weight: normal; fill: var(--soft); }
  .name { font-size: 12px; font-weight: bold; }
  .soft { fill: var(--soft); }
  .arrow { fill: none; stroke: var(--arrow); }
  .head { fill: var(--arrow); }\
"""


class Written(NamedTuple):
    """What is written in a box, line by line; no sizes where they stand beside the name."""

    names: list[str]
    sizes: list[str]
    sentence: list[str]


class Box(NamedTuple):
    """A file or folder on a floor; without a name, where an arrow passes the floor."""

    floor: int
    name: str
    passing: tuple[str, str] = ("", "")


class Facts(NamedTuple):
    """What is written into a box."""

    path: str
    title: str
    size: str
    sentence: str


Arrow = tuple[Box, Box]


def layers() -> ModuleType:
    """The test that knows the floors and reads the imports."""
    spec = importlib.util.spec_from_file_location("layers", HERE.parent / "tests/test_layers.py")
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def facts_of(root: Path, package: str, name: str) -> Facts:
    """Path, size and first sentence of a folder, or of the file of that name."""
    path = root / package / name
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    texts = [file.read_text(encoding="utf-8") for file in files]
    lines = sum(len(text.splitlines()) for text in texts)
    size = f"{round(lines, -2):,} lines" if lines > 50 else "under 50 lines"
    told = (ast.get_docstring(ast.parse(texts[0])) or "").split("\n")[0].replace("`", "")
    if not path.is_dir():
        return Facts(f"{package}/{name}.py", name, size, told)
    return Facts(f"{package}/{name}/", f"{name}/", f"{len(files)} files, {size}", told)


def needed(counted: Mapping[Arrow, int]) -> dict[Arrow, int]:
    """The arrows that do not follow from others, with their numbers of imports."""
    below: dict[Box, list[Box]] = {}
    for one, other in counted:
        below.setdefault(one, []).append(other)

    @cache
    def reached(box: Box) -> frozenset[Box]:
        beside = below.get(box, [])
        return frozenset(beside).union(*map(reached, beside))

    return {
        (one, other): number
        for (one, other), number in sorted(counted.items())
        if not any(other in reached(to) for to in below[one])
    }


def spread(wanted: list[float], widths: list[float]) -> list[float]:
    """Centres near those wanted, in their order, none overlapping, all within the margins.

    By least squares: less the room of those before it, no centre may be left of the one before;
    where it would be, the two share their mean.
    """
    room = [0.0]
    for left, right in pairwise(widths):
        room.append(room[-1] + (left + right) / 2 + SEPARATION)
    pools: list[list[float]] = []
    for center, taken in zip(wanted, room, strict=True):
        pools.append([center - taken])
        while len(pools) > 1 and mean(pools[-2]) > mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    low = MARGIN + INSET + widths[0] / 2
    high = WIDTH - MARGIN - INSET - widths[-1] / 2 - room[-1]
    centers = [max(min(mean(pool), high), low) for pool in pools for _ in pool]
    return [center + taken for center, taken in zip(centers, room, strict=True)]


def mean(values: list[float]) -> float:
    """To a millionth of a pixel, the same on every Python."""
    return round(fsum(values) / len(values), 6)


class Package:
    """One package laid out: rows of boxes, the lowest floor first, and the arrows between them."""

    def __init__(self, facts: list[list[Facts]], counted: Mapping[tuple[str, str], int]) -> None:
        names = [[each.title.rstrip("/") for each in floor] for floor in facts]
        self.rows = [[Box(i, name) for name in floor] for i, floor in enumerate(names)]
        home = {box.name: box for row in self.rows for box in row}
        self.facts = {
            box: each
            for row, floor in zip(self.rows, facts, strict=True)
            for box, each in zip(row, floor, strict=True)
        }
        self.arrows = needed({(home[a], home[b]): n for (a, b), n in counted.items()})
        self.paths: dict[Arrow, list[Box]] = {}
        for one, other in self.arrows:
            between = [
                Box(floor, "", (one.name, other.name))
                for floor in range(one.floor - 1, other.floor, -1)
            ]
            for box in between:
                self.rows[box.floor].append(box)
            self.paths[one, other] = [one, *between, other]
        self.width = {box: self._width(box, row) for row in self.rows for box in row}
        self.x = self._placed()

    @staticmethod
    def _width(box: Box, row: list[Box]) -> float:
        if not box.name:
            return LANE
        boxes = sum(bool(each.name) for each in row)
        taken = (len(row) - boxes) * LANE + (len(row) - 1) * SEPARATION
        return min((WIDTH - 2 * (MARGIN + INSET) - taken) / boxes, WIDEST)

    def _placed(self) -> dict[Box, float]:
        """The centre of every box, in the order with the fewest crossings."""
        beside: dict[Box, list[Box]] = {box: [] for row in self.rows for box in row}
        for path in self.paths.values():
            for one, other in pairwise(path):
                beside[one].append(other)
                beside[other].append(one)
        found = []
        for start in range(STARTS):
            order = Random(start)  # noqa: S311
            x: dict[Box, float] = {}
            for row in self.rows:
                x |= self._spread(row, {box: order.uniform(0, WIDTH) for box in row})
            for sweep in range(SWEEPS):
                for row in self.rows[:: -1 if sweep % 2 else 1]:
                    wanted = {
                        box: mean([x[each] for each in beside[box]] or [x[box]]) for box in row
                    }
                    x = x | self._spread(row, wanted)
                found.append((self._crossings(x), start, sweep, x))
        return min(found)[-1]

    def _spread(self, row: list[Box], wanted: dict[Box, float]) -> dict[Box, float]:
        row = sorted(row, key=lambda box: (wanted[box], box))
        centers = spread([wanted[box] for box in row], [self.width[box] for box in row])
        return dict(zip(row, centers, strict=True))

    def _crossings(self, x: dict[Box, float]) -> tuple[int, float]:
        """How many pairs of arrows cross, and how far arrows go sideways."""
        parts: dict[int, list[tuple[float, float]]] = {}
        for path in self.paths.values():
            for one, other in pairwise(path):
                parts.setdefault(one.floor, []).append((x[one], x[other]))
        crossed = sum(
            (a - c) * (b - d) < 0
            for row in parts.values()
            for i, (a, b) in enumerate(row)
            for c, d in row[:i]
        )
        return crossed, mean([abs(a - b) for row in parts.values() for a, b in row] or [0.0])

    def draw(self, top: float) -> tuple[list[str], float]:
        """The floors, from `top` down, and where they end."""
        texts: dict[Box, Written] = {}
        place: dict[int, tuple[float, float]] = {}  # of each floor: top, bottom
        beside: dict[int, bool] = {}  # whether sizes fit beside names
        for floor, row in reversed(list(enumerate(self.rows))):
            boxes = [box for box in row if box.name]
            beside[floor] = all(map(self._fits, boxes))
            for box in boxes:
                texts[box] = self._written(box, beside[floor])
            lines = max(sum(map(len, texts[box])) for box in boxes)
            place[floor] = top, top + 10 + LINE * lines
            top = place[floor][1] + RISE
        parts = list(self._draw_arrows(place))
        for box, written in sorted(texts.items()):
            parts += self._draw_box(box, *place[box.floor], written)
        return parts, top - RISE

    def _fits(self, box: Box) -> bool:
        _, title, size, _ = self.facts[box]
        return len(title) * BOLD + (len(size) + 2) * SMALL + 2 * PADDING <= self.width[box]

    def _written(self, box: Box, beside: bool) -> Written:
        """The lines in a box: long names part at an underscore, sizes below them at a comma."""
        _, title, size, sentence = self.facts[box]
        room = self.width[box] - 2 * PADDING
        letters = int(room / SMALL)
        if beside:
            return Written([title], [], textwrap.wrap(sentence, letters))
        names = [title] if len(title) * BOLD <= room else re.findall(r"[^_]+_?", title)
        return Written(names, textwrap.wrap(size, letters), textwrap.wrap(sentence, letters))

    def _draw_box(self, box: Box, top: float, bottom: float, written: Written) -> Iterator[str]:
        path, title, size, sentence = self.facts[box]
        width = self.width[box]
        left = self.x[box] - width / 2
        kind, corner = ("folder", 6) if title.endswith("/") else ("file", 1)
        yield f"<g><title>{escape(f'{path}: {sentence}')}</title>"
        yield (
            f'<rect class="{kind}" x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" '
            f'height="{bottom - top:.1f}" rx="{corner}"/>'
        )
        x, y = left + PADDING, top + 16
        if not written.sizes:
            x_end = left + width - PADDING
            yield (
                f'<text class="soft" text-anchor="end" x="{x_end:.1f}" y="{y:.1f}">{size}</text>'
            )
        for look, lines in zip(('class="name" ', 'class="soft" ', ""), written, strict=True):
            for line in lines:
                yield f'<text {look}x="{x:.1f}" y="{y:.1f}">{escape(line)}</text>'
                y += LINE
        yield "</g>"

    def _draw_arrows(self, place: dict[int, tuple[float, float]]) -> Iterator[str]:
        ends = self._ends()
        for arrow, number in self.arrows.items():
            stroke = next(width for most, width in STROKES if number <= most)
            points: list[tuple[float, float]] = []
            for box in self.paths[arrow]:
                x, (top, bottom) = ends.get((box, arrow), self.x[box]), place[box.floor]
                points += [(x, top)] if box is not arrow[0] else []
                points += [(x, bottom)] if box is not arrow[1] else []
            head = 4 + stroke
            x, tip = points[-1]
            points[-1] = x, tip - head
            course = f"M{points[0][0]:.1f},{points[0][1]:.1f}"
            for i, ((x, y), (to, down)) in enumerate(pairwise(points)):
                half = (y + down) / 2  # down between floors in a curve, past one straight
                curve = f" C{x:.1f},{half:.1f} {to:.1f},{half:.1f} {to:.1f},{down:.1f}"
                course += f" V{down:.1f}" if i % 2 else curve
            x, y = points[-1]
            yield f"<g><title>{arrow[0].name} imports {arrow[1].name}</title>"
            yield f'<path class="arrow" stroke-width="{stroke}" d="{course}"/>'
            yield (
                f'<path class="head" d="M{x - 3 - stroke / 2:.1f},{y:.1f} h{6 + stroke:.1f} '
                f'L{x:.1f},{tip:.1f} z"/></g>'
            )

    def _ends(self) -> dict[tuple[Box, Arrow], float]:
        """Where on the edge of a box each arrow begins or ends: in order, evenly apart."""
        found = {}
        for box in self.facts:
            for end, next_to_it in ((0, 1), (1, -2)):
                here = sorted(
                    (self.x[path[next_to_it]], arrow)
                    for arrow, path in self.paths.items()
                    if arrow[end] is box
                )
                step = min(24.0, (self.width[box] - 24) / max(len(here), 1))
                for i, (_, arrow) in enumerate(here):
                    found[box, arrow] = self.x[box] + step * (i - (len(here) - 1) / 2)
        return found


def between_packages(upper: str, lower: str, y: float) -> list[str]:
    """One wide arrow for all that the upper package takes from the lower."""
    x = WIDTH // 2
    return [
        f'<path class="head" d="M{x - 26},{y:.1f} h52 v12 h18 L{x},{y + 32:.1f} '
        f'L{x - 44},{y + 12:.1f} h18 z"/>',
        f'<text x="{x + 56}" y="{y + 20:.1f}">{upper} imports {lower}, {lower} never {upper}'
        "</text>",
    ]


def draw() -> str:
    """The drawing, as SVG."""
    house = layers()
    counted: dict[str, Counter[tuple[str, str]]] = {package: Counter() for package in house.FLOORS}
    for path, target in house.arrows():
        (package, height, one), (other_package, depth, other) = map(house.floor_of, (path, target))
        if package == other_package and min(height, depth) >= 0 and one != other:
            counted[package][one, other] += 1
    body: list[str] = []
    told: list[str] = []
    upper, y = "", float(MARGIN)
    for package, floors in reversed(house.FLOORS.items()):
        if upper:
            body += between_packages(upper, package, y)
            y += 34
        facts = [[facts_of(house.ROOT, package, name) for name in floor] for floor in floors]
        parts, bottom = Package(facts, counted[package]).draw(y + HEADING)
        bottom += INSET
        body += [
            f'<rect class="ground" x="{MARGIN}" y="{y:.1f}" width="{WIDTH - 2 * MARGIN}" '
            f'height="{bottom - y:.1f}" rx="10"/>',
            f'<text class="package" x="{MARGIN + INSET}" y="{y + 25:.1f}">{package}/'
            f'<tspan class="about" dx="10">{ABOUT[package]}</tspan></text>',
            *parts,
        ]
        told.append(
            f"{package}, from the top: {'; '.join(', '.join(row) for row in floors[::-1])}."
        )
        upper, y = package, bottom
    body += [
        f'<text class="soft" x="{MARGIN + 2}" y="{y + 18 + LINE * i:.1f}">{line}</text>'
        for i, line in enumerate(CAPTION)
    ]
    height = round(y + 18 + LINE * len(CAPTION))
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
            f'width="{WIDTH}" height="{height}" role="img" aria-labelledby="title told">',
            f'<title id="title">{TITLE}</title>',
            f'<desc id="told">{" ".join(told)} All imports go downwards.</desc>',
            f"<style>\n{STYLE}\n</style>",
            '<rect class="page" width="100%" height="100%"/>',
            *body,
            "</svg>\n",
        )
    )


if __name__ == "__main__":
    TARGET.write_text(draw(), encoding="utf-8", newline="\n")
