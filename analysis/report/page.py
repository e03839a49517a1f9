"""A report as a file: its seal, the results it holds as JSON, and what its page shows."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from os import PathLike
from pathlib import Path
from typing import Any

from flatprior.models.common.errors import InputError
from flatprior.models.common.rendering import Rendered
from flatprior.models.common.text import LEAST_P, SMALLEST_P, as_csv

FORMAT = "flatprior-report/1"
TINY = 1e-7  # what is below it, in standard errors, is an error bound: rounding itself
FORMATS = ("CSV", "Markdown", "LaTeX")  # of the copies of a table
EXACT = ("p = ", "odds ratio ")  # what stands before a number that is no bound
GROUP, LEVEL = "group", "level"  # rows: the name of a group, and what stands below it
FAILING = "failing"  # rows that say of something that it is not right
UNSEALED = "0" * 64  # what stands in the place of the checksum while it is computed

Facts = dict[str, Any]

_SEAL = re.compile(r'(<meta name="flatprior-checksum" content=")([0-9a-f]{64})(">)')
_ITEMS = re.compile(
    r'<div class="table[^>]*id="(?P<table>[^"]*)">\n.*?role="status"></span></p>\n</div>\n'
    r'|<figure id="(?P<figure>[^"]*)">\n.*?</figure>\n'
    r'|<div class="text">.*?</div>\n'
    r'|(?P<data><script type="application/json" id="[^"]*">)[^<]*</script>\n',
    re.DOTALL,
)
# what may be drawn beside the rows of a table, and the labels of its axis
_PLACES = r'(?: (?:class|d|r|[xy][12]?|c[xy])="[-\w.% ]*")*'
_SHAPES = rf"(?:<(?:line|circle|path){_PLACES}/>|<svg{_PLACES}>|</svg>)*"
_LABELS = rf"(?:<text{_PLACES}>[-+.\de]*</text>)*"
_LEFT = r'(?: class="word")?'  # of a column of words
_NAME = r'<th scope="row"(?: class="(?:long|phrase)")?>'
_SVG = r'<svg aria-hidden="true">'
# nothing else may stand in a table or a figure: whatever is not read is not verified
_TABLE = re.compile(
    r'<div class="table(?: wide)?(?: words)?(?: forest)?" id="(?P<id>[^"<]*)">\n'
    r'<div class="scroll" role="region" aria-label="(?P<title>[^"<]*)" tabindex="0">\n'
    r"<table>\n"
    r'<caption>(?P=title)(?:<span class="fact">[^<]*</span>)*</caption>\n'
    rf'<thead><tr><td></td>(?:<th scope="col"{_LEFT}>[^<]*</th>)*'
    rf'(?:<th scope="col" class="drawn">log axis{_SVG}{_LABELS}</svg></th>)?</tr></thead>\n'
    r"<tbody>\n"
    rf'(?:<tr(?: class="(?:group|level|failing|level failing)")?>{_NAME}[^<]*</th>'
    rf"(?:<td{_LEFT}>[^<]*</td>)*"
    rf'(?:<td class="drawn">(?:{_SVG}{_SHAPES}</svg>)?</td>)?</tr>\n)*'
    r"</tbody>\n</table>\n</div>\n"
    r'(?:<p class="note">[^<]*</p>\n)*'
    r'<p class="copy"><span>Copy as</span>\n'
    r"(?P<buttons>(?:<button[^<]*</button>\n)*)"
    r'<span class="said" role="status"></span></p>\n</div>\n'
)
_FIGURE = re.compile(
    r'<figure id="(?P<id>[^"<]*)">\n'
    r'<svg viewBox="[-. \d]*" role="img" aria-labelledby="(?P=id)-alt" '
    r'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
    r'<title id="(?P=id)-alt">(?P<alternative>[^<]*)</title>(?P<body>.*)</svg>\n'
    r"<figcaption><strong>(?P<title>[^<]*)\.</strong> (?P<how>[^<]*)</figcaption>\n"
    r"</figure>\n",
    re.DOTALL,
)
# what a figure never has: what runs, and what leads elsewhere
_NEVER = re.compile(
    r"""<(?!!--)[^<>]*\s(?:on\w+\s*=|(?:xlink:)?href\s*=\s*(?!["'](?:#|data:image/png;base64,)))""",
    re.IGNORECASE,
)
_DRAWN = {"g", "path", "text", "tspan", "defs", "clipPath", "rect", "use", "image", "!--"}
_PLACE = "<!-- {} -->\n"  # what stands in the place of a table or figure
_NAMED = re.compile(r"<!-- ([\w-]*) -->\n")  # no sign that ends a comment: the rest is read
_WHOLE = re.compile(r"[-+]?[0-9]+")
_NOT_ZERO = re.compile(r"[-+0.]*[1-9]")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+")  # a count
# no other digits, and none of a word: what looks like an exponent in a hash is none
_NUMBER = re.compile(r"(?<![A-Za-z0-9])[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?(?![A-Za-z0-9])")
# a number as a cell has it; before an exponent stands a digit that is not 0
_SHOWN = re.compile(
    r"[-+]?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|[1-9](?:\.[0-9]+)?e[-+][0-9]+|0(?:\.0+)?e\+00)"
)
_BOOLEANS = {"True": "yes", "False": ""}


def sealed(page: str) -> str:
    """The page with the SHA-256 of its text in it, computed with zeros in that place.

    It tells a change by accident or by hand; somebody who means to deceive makes a new one, and no
    number is believed because of it.
    """
    open_page = _SEAL.sub(rf"\g<1>{UNSEALED}\g<3>", page, count=1)
    digest = hashlib.sha256(open_page.encode("utf-8", errors="surrogatepass")).hexdigest()
    return _SEAL.sub(rf"\g<1>{digest}\g<3>", open_page, count=1)


def has_seal(page: str) -> bool:
    """Whether the page has a checksum."""
    return _SEAL.search(page) is not None


def page_of(path: str | PathLike[str]) -> str:
    """The text of a report."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {str(path)!r}: name a report that was written")
    with open(path, encoding="utf-8", errors="replace", newline="") as file:
        return file.read()


def results_in(page: str) -> Facts:
    """The results that a page holds as JSON, or a `ValueError`."""
    facts: Facts = json.loads(_embedded(page, "flatprior-report"), object_pairs_hook=once)
    if facts["format"] != FORMAT:
        raise InputError(f"its format is {facts['format']!r}")
    return facts


def once(pairs: list[tuple[str, Any]]) -> Facts:
    """A dictionary of what JSON has; of a name that is there twice nobody knows which is read."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise InputError("a name is there twice")
    return found


def _embedded(page: str, name: str) -> str:
    reader = _Embedded(name)
    reader.feed(page)
    return "".join(reader.found)


class _Embedded(HTMLParser):
    """Collects the text of a script element."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.found: list[str] = []
        self.inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = tag == "script" and ("id", self.name) in attrs

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.found.append(data)


@dataclass(frozen=True, eq=False)
class Table(Rendered):
    """A table as a page shows it: with its copies, kinds of its rows, what is drawn beside them."""

    formats: dict[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    drawn: tuple[str, ...] = ()

    def in_full(self) -> tuple[list[str], list[str], list[list[str]]]:
        """Names of columns and rows, and the cells, of the copy with all rows and digits."""
        try:
            head, *rows = csv.reader(io.StringIO(self.formats["CSV"]))
        except (csv.Error, ValueError) as error:
            raise InputError(f"the copy as CSV of a table is damaged: {error}") from error
        if not all((head, *rows)) or head[0]:
            raise InputError("the copy as CSV of a table is damaged: an empty row, or a corner")
        return head[1:], [row[0] for row in rows], [row[1:] for row in rows]


@dataclass(frozen=True)
class Drawing:
    """A figure as a page shows it: title, how to read it, what a reader hears, the whole as SVG."""

    title: str
    how: str
    alternative: str
    markup: str


@dataclass(frozen=True)
class Page:
    """What a page shows: tables and figures by their identifiers, texts, and all between them."""

    tables: dict[str, Table]
    figures: dict[str, Drawing]
    texts: tuple[str, ...]
    rest: str

    @classmethod
    def of(cls, page: str) -> Page:
        """Take a page apart, or raise a `ValueError` where it has what no report has."""
        copies: Any = json.loads(_embedded(page, "flatprior-tables"), object_pairs_hook=once)
        tables: dict[str, Table] = {}
        figures: dict[str, Drawing] = {}
        texts: list[str] = []

        def taken(match: re.Match[str]) -> str:
            item, name = match[0], match["table"] or match["figure"]
            if name in tables or name in figures:
                raise InputError(f"it has {name!r} twice")
            if match["table"] is not None:
                tables[name] = _table(item, copies[name])
            elif match["figure"] is not None:
                figures[name] = _drawing(item)
            elif match["data"] is not None:
                return f"{match['data']}\n"
            else:
                texts.append(item)
            return _PLACE.format(name or "")

        rest = _ITEMS.sub(taken, _SEAL.sub(r"\1\3", page))
        if set(copies) != set(tables):
            raise InputError("the page has other tables than its copies")
        return cls(tables, figures, tuple(texts), re.sub(r"\n\s*\n", "\n", rest))

    def between(self, other: Page) -> str:
        """What stands between, and in which sections what another page has too stands.

        Where in a section follows from widths, which tables of draws change.
        """
        shared = {*self.tables, *self.figures} & {*other.tables, *other.figures}
        found = []
        for section in self.rest.split("<section"):
            # texts have no name, and as many of them stand in a section
            own = sorted(name for name in _NAMED.findall(section) if not name or name in shared)
            found.append(_NAMED.sub("", section) + "".join(map(_PLACE.format, own)))
        return "<section".join(found)

    @property
    def title(self) -> str:
        """The heading."""
        found = re.search(r"<h1>(.*?)</h1>", self.rest, re.DOTALL)
        return unescape(found[1]) if found else ""


def _table(item: str, formats: dict[str, str]) -> Table:
    def all_of(pattern: str, text: str) -> tuple[str, ...]:
        return tuple(unescape(found) for found in re.findall(pattern, text, re.DOTALL))

    found = _TABLE.fullmatch(item)
    caption = re.search(r"<caption>(.*?)</caption>", item, re.DOTALL)
    if found is None or caption is None:
        raise InputError("one of its tables has what no table of a report has")
    buttons = "".join(
        f'<button type="button" data-table="{found["id"]}" data-format="{each}" '
        f'aria-label="Copy the table {found["title"]} as {each}">{each}</button>\n'
        for each in FORMATS
    )
    if found["buttons"] != buttons or set(formats) != set(FORMATS):
        raise InputError("one of its tables has other copies than tables of a report have")
    rows = re.findall(rf"<tr[^>]*>{_NAME}.*?</tr>", item, re.DOTALL)
    return Table(
        unescape(caption[1].split("<span", 1)[0]),
        all_of(r'<span class="fact">(.*?)</span>', caption[1]),
        all_of(rf'<th scope="col"{_LEFT}>(.*?)</th>', item),
        tuple(all_of(rf"{_NAME}(.*?)</th>", row)[0] for row in rows),
        tuple(all_of(rf"<td{_LEFT}>(.*?)</td>", row) for row in rows),
        all_of(r'<p class="note">(.*?)</p>', item),
        formats=formats,
        drawn=tuple(re.findall(r'class="drawn">(.*?)</t[hd]>', item)),
        kinds=tuple(re.findall(rf'<tr(?: class="([\w ]*)")?>{_NAME}', item)),
    )


def _drawing(item: str) -> Drawing:
    found = _FIGURE.fullmatch(item)
    if (
        found is None
        or not set(re.findall(r"</?([^\s/>]*)", found["body"])) <= _DRAWN
        or _NEVER.search(item)
    ):
        raise InputError("one of its figures has what no figure of a report has")
    title, how, alternative = (unescape(found[part]) for part in ("title", "how", "alternative"))
    return Drawing(title, how, alternative, item)


def alike(
    first: str, second: str, closeness: float, small: float = 0.0, absolute: float = 0.0
) -> bool:
    """Whether two texts are the same but for the rounding of numbers in them.

    Numbers below `TINY` may differ by the relative amount `small`, where that is larger. Whole
    numbers are counts, seeds and names, and have no rounding, but for where `absolute` allows it;
    nor have those beyond the range of doubles, which read as 0 or as infinite. What follows `EXACT`
    words is no bound, however small it is.
    """
    if first == second:
        return True
    between = _NUMBER.split(first)
    if between != _NUMBER.split(second):
        return False
    pairs = zip(_NUMBER.findall(first), _NUMBER.findall(second), between, strict=False)
    return all(
        one == two
        or (
            (absolute > 0 or not (_WHOLE.fullmatch(one) and _WHOLE.fullmatch(two)))
            and _in_range(one)
            and _in_range(two)
            and same_number(
                float(one),
                float(two),
                closeness,
                0.0 if before.endswith(EXACT) else small,
                absolute,
            )
        )
        for one, two, before in pairs
    )


def _in_range(number: str) -> bool:
    """Whether a double is what a text says: not 0 of one that is smaller, nor infinite."""
    value = float(number)
    return math.isfinite(value) and (value != 0 or not _NOT_ZERO.match(number))


def same_number(
    first: float, second: float, closeness: float, small: float = 0.0, absolute: float = 0.0
) -> bool:
    """Whether two numbers are one, computed twice; see `alike`."""
    if max(abs(first), abs(second)) < TINY:
        closeness = max(closeness, small)
    return first == second or math.isclose(first, second, rel_tol=closeness, abs_tol=absolute)


def shows(cell: str, value: str, bound: bool = False) -> bool:
    """Whether a cell is a number of the copy with all digits, as far as it has digits.

    That of a bound is rounded up.
    """
    if value in (cell, as_csv(cell)) or (cell == "-" and value == ""):
        return True
    if _THOUSANDS.fullmatch(cell):
        return cell.replace(",", "") == value.removesuffix(".0")
    try:
        number = float(value)
    except ValueError:
        return cell == _BOOLEANS.get(value)
    if cell == LEAST_P:
        return number < SMALLEST_P
    if not _SHOWN.fullmatch(cell):
        return False
    if _WHOLE.fullmatch(cell):
        # a number is rounded to a whole one from 1 on, digits that are certain never up
        rounded = abs(number) >= 1 and abs(float(cell) - number) <= 0.5001
        return rounded or float(cell) == math.floor(number)
    mantissa, _, exponent = cell.partition("e")
    unit = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    if bound:
        return 0 <= float(cell) - number <= 1.0001 * unit
    return abs(float(cell) - number) <= 0.5001 * unit  # half a unit of the last place


def same_cell(cell: str, made: str, absolute: float) -> bool:
    """Whether a cell shows what one made anew does: the same text, or numbers of as many digits.

    That it shows the number of its copy is for `shows` to say. The last digit, and at a power of
    ten how many there are, may differ by rounding; `absolute` is that of a number that may be 0.
    """
    if cell == made:
        return True
    return _NUMBER.split(cell) == _NUMBER.split(made) and all(
        one == two or _as_precise(one, two, absolute)
        for one, two in zip(_NUMBER.findall(cell), _NUMBER.findall(made), strict=True)
    )


def _as_precise(one: str, two: str, absolute: float) -> bool:
    """Whether two numbers have as many decimals, or digits, or are 0 but for rounding."""
    (digits, decimals), (due, places) = _places(one), _places(two)
    if digits == due > 0:
        return True
    if ("e" in one) == ("e" in two):
        return decimals == places
    return decimals * places > 0 and max(abs(float(one)), abs(float(two))) <= absolute


def _places(number: str) -> tuple[int, int]:
    """How many digits a number has from the first that is not 0, and how many decimals."""
    mantissa = number.lower().partition("e")[0].lstrip("+-")
    whole, _, decimals = mantissa.partition(".")
    return len((whole + decimals).lstrip("0")), len(decimals)
