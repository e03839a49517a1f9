"""How the columns of a table stand beside one another, on a screen and on a page.

All is counted in columns of a terminal, of which a Chinese character takes two.
"""

from __future__ import annotations

import re
import textwrap
import unicodedata
from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, product
from typing import NamedTuple

from flatprior.models.common.text import as_latex, as_typst

NARROWEST = 32  # columns that a folded name keeps: most names are whole
GAPS = 2, 1  # blanks between columns, the narrower where that saves a further table

_END = re.compile(r"(.*?)(?:[\d.]+%|low|high)")  # of an interval, as columns name it
_BEGINS = re.compile(r"\W*(?:[\d.]|inf\b)")  # a number, with what may stand before it
_DECIMAL = re.compile(r"-?\d+(\.\d*)?")
_NEGATIVE = re.compile(r"-(\d[\d.]*(e[-+]?\d+)?|inf)")

Cells = Sequence[Sequence[str]]


class Page(NamedTuple):
    """What LaTeX is told of a table, characters of a line then, and those between two columns."""

    says: str
    room: int
    between: int


# of LaTeX's article, in letters of 10, 9 and 8 points
PAGES = (
    Page("", 70, 3),
    Page(r"\small\setlength{\tabcolsep}{4pt}", 76, 2),
    Page(r"\footnotesize\setlength{\tabcolsep}{3pt}", 84, 2),
)


@dataclass(frozen=True)
class Layout:
    """A table of text, and which of its columns stand beside one another in so much room.

    Attributes
    ----------
    columns, names : sequence of str
    cells : sequence of sequence of str
        One a row.
    width : int
        What there is room for.
    gap : int
        Blanks before a column.
    second : int
        The column with which a second table begins, where all of them do not fit.
    """

    columns: Sequence[str]
    names: Sequence[str]
    cells: Cells
    width: int
    gap: int = GAPS[0]
    second: int = 0

    @cached_property
    def words(self) -> frozenset[int]:
        """Places of columns of words, which begin on the left."""
        return columns_of_words(self.columns, self.cells)

    @cached_property
    def widths(self) -> list[int]:
        """Of each column, with the gap before it."""
        return [self.gap + each for each in widths_of(self.columns, self.cells)]

    @property
    def longest(self) -> int:
        """Width of the longest name."""
        return max(map(displayed, ("", *self.names)))

    @cached_property
    def parts(self) -> list[range]:
        """Columns that stand beside one another, where not all of them fit."""
        room = self.width - self._first(range(len(self.columns)))
        return folded(self.widths, room, self.second, upper_ends(self.columns))

    def _first(self, part: range) -> int:
        """Room of the names beside these columns: a name is folded, but not too narrow."""
        left = self.width - sum(self.widths[j] for j in part)
        return min(self.longest, max(NARROWEST, left))

    def heading(self, part: range) -> str:
        """The headings of some columns; empty where they have none."""
        return (" " * self._first(part) + self._placed(self.columns, part)).rstrip()

    def lines(self, part: range) -> Iterator[str]:
        """The rows of some columns, with the names in front."""
        first = self._first(part)
        for name, row in zip(self.names, self.cells, strict=True):
            pieces = pieces_of(name, first)
            yield from pieces[:-1]
            blanks = " " * (first - displayed(pieces[-1]))
            yield (pieces[-1] + blanks + self._placed(row, part)).rstrip()

    def _placed(self, cells: Sequence[str], part: range) -> str:
        """Words from the left, numbers from the right."""
        found = []
        for j in part:
            blanks = " " * (self.widths[j] - self.gap - displayed(cells[j]))
            word = j in self.words
            found.append(" " * self.gap + (cells[j] + blanks if word else blanks + cells[j]))
        return "".join(found)


def arranged(
    columns: Sequence[str], names: Sequence[str], cells: Cells, width: int, second: int = 0
) -> Layout:
    """The layout in the fewest tables, of those the one that reads best.

    Decimal points stand below one another and two blanks between columns where that costs no
    further table. A single blank is enough only where no cell has one.

    Examples
    --------
    >>> from flatprior.models.common.layout import arranged
    >>> found = arranged(["x", "y"], ["a", "b"], [["1.5", "2"], ["0.25", "-"]], 80)
    >>> for line in (found.heading(range(2)), *found.lines(range(2))):
    ...     print(line)
          x  y
    a  1.5   2
    b  0.25  -
    """
    whole = not any(" " in cell for row in (columns, *cells) for cell in row)
    gaps = GAPS if whole else GAPS[:1]
    ways = (
        Layout(columns, names, each, width, gap, second)
        for each, gap in product((aligned(cells), cells), gaps)
    )
    return min(ways, key=lambda way: len(way.parts))


def on_a_page(
    columns: Sequence[str], names: Sequence[str], cells: Cells, second: int = 0
) -> tuple[Page, list[range]]:
    """The letters of a table in LaTeX, and the columns that then stand beside one another.

    They are smaller where that saves a further table.

    Examples
    --------
    >>> from flatprior.models.common.layout import on_a_page
    >>> on_a_page(["x", "y"], ["a"], [["1.5", "2"]])[1]
    [range(0, 2)]
    """
    widths = widths_of(columns, aligned(cells))
    longest = max(map(len, ("", *names)))
    ways = (
        (
            page,
            folded(
                [page.between + each for each in widths],
                page.room - longest,
                second,
                upper_ends(columns),
            ),
        )
        for page in PAGES
    )
    return min(ways, key=lambda way: len(way[1]))


def tabular(columns: Sequence[str], names: Sequence[str], cells: Cells, part: range) -> str:
    """Some columns in LaTeX (package booktabs), the names of the rows in front.

    An invisible rest of its decimals keeps the point of a number below those of its column.
    """
    words = columns_of_words(columns, cells)
    rules = "".join("l" if j in words else "r" for j in part)
    rows = [
        [as_latex(name), *(_latex_cell(row[j], rest[j]) for j in part)]
        for name, row, rest in zip(names, cells, lacking(cells), strict=True)
    ]
    head, *body = (" & ".join(row) for row in [["", *(as_latex(columns[j]) for j in part)], *rows])
    return "\n".join(
        [
            rf"\begin{{tabular}}{{l{rules}}}",
            r"\toprule",
            rf"{head} \\",
            r"\midrule",
            *(rf"{row} \\" for row in body),
            r"\bottomrule",
            r"\end{tabular}",
        ]
    )


def _latex_cell(cell: str, rest: str) -> str:
    text = as_latex(_with_minus(cell))
    return rf"{text}\phantom{{{rest}}}" if rest else text


def typst_table(columns: Sequence[str], names: Sequence[str], cells: Cells, part: range) -> str:
    """Some columns as a table of Typst's, the names of the rows in front; see `tabular`."""
    words = columns_of_words(columns, cells)
    sides = ["left", *("left" if j in words else "right" for j in part)]
    head = ", ".join(map(as_typst, ["", *(columns[j] for j in part)]))
    return "\n".join(
        [
            f"table(columns: {len(sides)}, align: ({', '.join(sides)},),",
            "stroke: none, inset: (x: 0.5em, y: 0.25em), table.hline(),",
            f"table.header({head}), table.hline(stroke: 0.5pt),",
            *(
                ", ".join([as_typst(name), *(_typst_cell(row[j], rest[j]) for j in part)]) + ","
                for name, row, rest in zip(names, cells, lacking(cells), strict=True)
            ),
            "table.hline())",
        ]
    )


def _typst_cell(cell: str, rest: str) -> str:
    text = as_typst(_with_minus(cell))
    return f"{text} + hide({as_typst(rest)})" if rest else text


def _with_minus(cell: str) -> str:
    """A negative number with the sign of minus and not a hyphen."""
    return f"−{cell[1:]}" if _NEGATIVE.fullmatch(cell) else cell


def aligned(cells: Cells) -> list[list[str]]:
    """The cells of a table, with blanks where a number has fewer decimals than its column.

    Examples
    --------
    >>> from flatprior.models.common.layout import aligned
    >>> aligned([["1.5", "2"], ["0.25", "1e-9"], ["3", "-"]])
    [['1.5 ', '2'], ['0.25', '1e-9'], ['3   ', '-']]
    """
    return [
        [cell + " " * len(each) for cell, each in zip(row, rest, strict=True)]
        for row, rest in zip(cells, lacking(cells), strict=True)
    ]


def lacking(cells: Cells) -> list[list[str]]:
    """What a number has less than the one with the most decimals of its column: ".00", "0".

    Examples
    --------
    >>> from flatprior.models.common.layout import lacking
    >>> lacking([["1.5", "2"], ["0.25", "1e-9"], ["3", "-"]])
    [['0', ''], ['', ''], ['.00', '']]
    """
    columns = []
    for column in zip(*cells, strict=True):
        behind = [cell.partition(".")[2] if _DECIMAL.fullmatch(cell) else None for cell in column]
        most = max((len(each) for each in behind if each is not None), default=0)
        columns.append(
            [
                ""
                if each is None or not most
                else "." * ("." not in cell) + "0" * (most - len(each))
                for cell, each in zip(column, behind, strict=True)
            ]
        )
    return [list(row) for row in zip(*columns, strict=True)] if columns else [[] for _ in cells]


def columns_of_words(columns: Sequence[str], cells: Cells) -> frozenset[int]:
    """Places of columns that have words, and no number beside them; or no heading."""
    return frozenset(
        j for j, name in enumerate(columns) if not name or of_words(row[j] for row in cells)
    )


def widths_of(columns: Sequence[str], cells: Cells) -> list[int]:
    """Width of each column, that of its longest cell."""
    return [
        max(map(displayed, (name, *(row[j] for row in cells)))) for j, name in enumerate(columns)
    ]


def displayed(text: str) -> int:
    """How many columns of a terminal a text takes.

    Examples
    --------
    >>> from flatprior.models.common.layout import displayed
    >>> displayed("age"), displayed("年齢")
    (3, 4)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(sign) else 1 + (unicodedata.east_asian_width(sign) in "WF")
        for sign in text
    )


def pieces_of(name: str, width: int) -> list[str]:
    """A name in lines of so many columns; one that is empty is one line too."""
    return wrapped(name, width, drop=False) or [""]


def wrapped(text: str, width: int, drop: bool = True) -> list[str]:
    """A text in lines of so many columns, without the blanks at their ends if these `drop`.

    Examples
    --------
    >>> from flatprior.models.common.layout import wrapped
    >>> wrapped("each of them", 8), wrapped("年齢と性別", 5)
    (['each of', 'them'], ['年齢', 'と性', '別'])
    """
    if displayed(text) == len(text):
        return textwrap.wrap(text, width, drop_whitespace=drop)
    lines = [""]
    for piece in re.findall(r"\s+|\S+", text):
        if displayed(lines[-1] + piece) > width and lines[-1] and displayed(piece) <= width:
            lines.append("")
        for sign in piece:
            if displayed(lines[-1] + sign) > width:
                lines.append("")
            lines[-1] += sign
    return [line.strip() if drop else line for line in lines if line.strip() or not drop]


def folded(
    widths: Sequence[int], room: int, second: int = 0, upper: Container[int] = ()
) -> list[range]:
    """Columns that stand beside one another: as many as fit into `room` characters.

    Where they do not all fit, column `second` begins anew, and `upper` ends of intervals stay
    beside the lower ones.
    """
    second = 0 if sum(widths) <= room else second
    parts, start = [], 0
    while start < len(widths):
        end = start + 1
        while end < len(widths) and sum(widths[start : end + 1]) <= room and end != second:
            end += 1
        while end in upper and end - start > 1:
            end -= 1
        parts.append(range(start, end))
        start = end
    return parts


def upper_ends(columns: Iterable[str]) -> frozenset[int]:
    """Places of columns with the upper end of an interval, whose lower end stands before them.

    Examples
    --------
    >>> from flatprior.models.common.layout import upper_ends
    >>> sorted(upper_ends(["mean", "2.5%", "97.5%", "OR low", "OR high"]))
    [2, 4]
    """
    ends = [_END.fullmatch(name) for name in columns]
    return frozenset(
        place
        for place, (low, high) in enumerate(pairwise(ends), start=1)
        if low and high and low[1] == high[1]
    )


def of_words(cells: Iterable[str]) -> bool:
    """Whether a column has words, and no number beside them.

    Examples
    --------
    >>> from flatprior.models.common.layout import of_words
    >>> of_words(["finite", "-", "+inf"]), of_words(["1.2", "inf"]), of_words(["-", "inf"])
    (True, False, False)
    """
    told = [cell for cell in cells if cell not in ("", "-", "inf", "+inf", "-inf")]
    return bool(told) and not any(map(_BEGINS.match, told))
