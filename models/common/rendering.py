"""One table for every place where a result is shown.

Text of 80 columns, the terminal, HTML, Markdown, LaTeX, Typst and CSV are of the same cells, in one
format of numbers. Names come from the user's data: each form escapes them in its own way.
"""

from __future__ import annotations

import csv
import html
import io
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.layout import (
    Layout,
    Page,
    arranged,
    columns_of_words,
    on_a_page,
    tabular,
    typst_table,
    wrapped,
)
from flatprior.models.common.text import (
    SCREEN,
    as_csv,
    as_latex,
    as_markdown,
    as_typst,
    count,
    in_digits,
    names_in,
    printable,
)

WIDTH = 80
LONGEST, FIRST = 100, 40  # rows: of a longer table so many are shown, and its CSV has all
SHOWN = 12  # rows of a long table that are shown; its CSV has all
# the one format of coefficients and of what goes with them; all else has four digits
FORMATS = {
    "coefficient": "#.6g",
    "limit": "#.6g",
    "SE": "#.4g",
    "z": ".2f",
    "p": "p",
    "digits": "floor",
    "odds ratio": "ratio",
    "ratio": "ratio",
}

_OF_A_FILE = re.compile(r"[/\\]|\.\w{2,5}$")
_CELL = "padding:0.15em 0.6em;white-space:nowrap"


class Line(NamedTuple):
    """A line of text: "title", "fact", "head", "row", "note" or "", and all of what it is from."""

    kind: str
    text: str
    whole: str = ""


@dataclass(frozen=True, eq=False)
class Rendered:
    """A title, some facts, a table of text and notes below it; the table may be absent.

    Attributes
    ----------
    title : str
    facts : tuple of str
        Lines between title and table.
    columns : tuple of str
    names : tuple of str
        Of the rows that are shown.
    cells : tuple of tuple of str
        One tuple a row.
    notes : tuple of str
    second : int
        The column with which a second table begins, where one is too wide for text.
    raw : DataFrame
        The values behind the cells, with all their digits, and of all rows: what the CSV has.
    in_words : bool
        Whether title and facts say what the table holds, so that only the CSV has it.
    narrower : Rendered or None
        The same in fewer columns, for where there is no room for all of these beside one another.
    """

    title: str
    facts: tuple[str, ...]
    columns: tuple[str, ...]
    names: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    second: int = 0
    raw: pd.DataFrame = field(default_factory=pd.DataFrame)
    in_words: bool = False
    narrower: Rendered | None = None

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        formats: Mapping[str, str],
        title: str = "",
        facts: Iterable[str] = (),
        notes: Iterable[str] = (),
        second: str = "",
        rows: Sequence[int] | NDArray[np.intp] | None = None,
        in_words: bool = False,
    ) -> Rendered:
        """Format each column of `frame` by `formats`, such as ".3f"; text stays as it is.

        Of a long table `rows` are the positions of those that are shown.
        """
        shown = frame if rows is None else frame.iloc[np.asarray(rows, dtype=np.intp)]
        names = [str(name) for name in frame.columns]
        columns = [
            [in_digits(value, formats.get(str(name), ".5g")) for value in shown.iloc[:, j]]
            for j, name in enumerate(frame.columns)
        ]
        return cls(
            title=printable(title),
            facts=tuple(printable(fact) for fact in facts if fact),
            columns=tuple(printable(name) for name in frame.columns),
            names=tuple(printable(name) for name in shown.index) if columns else (),
            cells=tuple(zip(*columns, strict=True)) if columns else (),
            notes=as_notes(notes),
            second=names.index(second) if second in names else 0,
            raw=frame,
            in_words=in_words,
        )

    @classmethod
    def of_values(
        cls,
        values: Mapping[str, tuple[object, str]],
        title: str = "",
        facts: Iterable[str] = (),
        notes: Iterable[str] = (),
        columns: Sequence[str] | None = None,
        in_words: bool = False,
    ) -> Rendered:
        """One row a value, each with a format of its own."""
        cells = [in_digits(value, form) for value, form in values.values()]
        raw = [value for value, _ in values.values()]
        index = list(values)
        text = chosen(pd.DataFrame({"value": cells}, index=index, dtype=object), columns)
        found = cls.of(text, {}, title, facts, notes, in_words=in_words)
        return replace(found, raw=pd.DataFrame({"value": raw}, index=index, dtype=object))

    @property
    def has_table(self) -> bool:
        """Whether there is a table to show."""
        return bool(self.columns) and not self.in_words

    @property
    def words(self) -> frozenset[int]:
        """Places of columns of words, which begin on the left; numbers end on the right.

        A column that has both is of numbers, among which a word says why there is none.
        """
        return columns_of_words(self.columns, self.cells)

    def shortened(self, whole: str = "to_csv() has all") -> Rendered:
        """The first rows of a long table, what a screen or two holds; else the table itself.

        A note says how many rows there are, and `whole` where they all are.
        """
        n = n_shown(len(self.names))
        notes = (*self.notes, *rows_left_out(len(self.names), whole))
        narrower = None if self.narrower is None else self.narrower.shortened(whole)
        return replace(
            self, names=self.names[:n], cells=self.cells[:n], notes=notes, narrower=narrower
        )

    def arranged(self, width: int) -> Layout:
        """Which columns stand beside one another in so many columns of a screen."""
        return arranged(self.columns, self.names, self.cells, width, self.second)

    def on_a_page(self) -> tuple[Page, list[range]]:
        """Which columns stand beside one another in LaTeX, and in which letters."""
        return on_a_page(self.columns, self.names, self.cells, self.second)

    def text(self, width: int = WIDTH, prose: int = WIDTH) -> str:
        """Lines of at most 80 characters; columns that do not fit follow below.

        Of a long table the first rows, and how many more there are. Tables may have another
        `width`, and sentences that of `prose`.
        """
        return "\n".join(line.text for line in self.lines(width, prose))

    def lines(self, width: int = WIDTH, prose: int = WIDTH) -> list[Line]:
        """The lines of `text`, each with what it is."""
        if len(self.names) > LONGEST:
            return self.shortened().lines(width, prose)
        layout, less = self.arranged(width), self.narrower
        if less is not None and len(less.arranged(width).parts) < len(layout.parts):
            return less.lines(width, prose)

        def said(kind: str, texts: Iterable[str]) -> list[Line]:
            return [Line(kind, line, text) for text in texts for line in wrapped(text, prose)]

        blocks = [[*said("title", [self.title]), *said("fact", self.facts)]]
        for part in layout.parts if self.has_table else ():
            head = layout.heading(part)
            heads = [Line("head", head)] if head else []
            blocks.append([*heads, *(Line("row", row) for row in layout.lines(part))])
        blocks.append(said("note", self.notes))
        found: list[Line] = []
        for block in filter(None, blocks):
            found += [Line("", ""), *block] if found else block
        return found

    def html(self) -> str:
        """A table with its title and facts above it; every text escaped.

        Of a long table the first rows, and how many more there are.
        """
        if len(self.names) > LONGEST:
            return self.shortened().html()
        number, word = f"style='text-align:right;{_CELL}'", f"style='text-align:left;{_CELL}'"
        words = self.words
        styles = [word if j in words else number for j in range(len(self.columns))]
        head = "".join(
            f"<th scope='col' {style}>{html.escape(name)}</th>"
            for name, style in zip(self.columns, styles, strict=True)
        )
        rows = "".join(
            f"<tr><th scope='row' {word}>{html.escape(name)}</th>"
            + "".join(
                f"<td {style}>{html.escape(cell)}</td>"
                for cell, style in zip(row, styles, strict=True)
            )
            + "</tr>\n"
            for name, row in zip(self.names, self.cells, strict=True)
        )
        head_lines = "<br>\n".join(
            [f"<strong>{html.escape(self.title)}</strong>", *map(html.escape, self.facts)]
        )
        notes = "".join(f"<p>{html.escape(note)}</p>\n" for note in self.notes)
        table = (
            f"<table aria-label='{html.escape(self.title)}' "
            "style='border-collapse:collapse;font-variant-numeric:tabular-nums'>\n"
            f"<thead><tr><th></th>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
        )
        return (
            "<div class='flatprior' style='overflow-x:auto'>\n"
            f"<p>{head_lines}</p>\n{table if self.has_table else ''}{notes}</div>"
        )

    def markdown(self) -> str:
        """A pipe table, the title bold above it, the notes below it.

        Of a long table the first rows, and how many more there are.
        """
        if len(self.names) > LONGEST:
            return self.shortened().markdown()
        parts = [f"**{as_markdown(self.title)}**"] if self.title else []
        parts += map(as_markdown, self.facts)
        words = self.words
        rules = [":---" if j in words else "---:" for j in range(len(self.columns))]
        table = [
            "| " + " | ".join(["", *map(as_markdown, self.columns)]) + " |",
            "|" + "|".join([":---", *rules]) + "|",
            *(
                "| " + " | ".join([as_markdown(name), *map(as_markdown, row)]) + " |"
                for name, row in zip(self.names, self.cells, strict=True)
            ),
        ]
        parts += ["\n".join(table)] if self.has_table else []
        return "\n\n".join([*parts, *map(as_markdown, self.notes)])

    def csv(self) -> str:
        """Comma-separated values of all rows with all digits, names of the rows in front.

        A name that a spreadsheet would take for a formula has an apostrophe in front.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["", *map(as_csv, self.columns)])
        columns = [self.raw.iloc[:, j] for j in range(self.raw.shape[1])]
        for name, *row in zip(self.raw.index, *columns, strict=True):
            writer.writerow([as_csv(printable(name)), *map(as_csv, row)])
        return text.getvalue()

    def latex(self) -> str:
        """A table environment of the booktabs package; paragraphs, where there is no table.

        Of a long table the first rows, and how many more there are; columns for which a page is
        too narrow follow below.
        """
        if len(self.names) > LONGEST:
            return self.shortened().latex()
        caption = self._caption()
        if not self.has_table:
            return "\n\n".join(filter(None, [as_latex(caption), *map(as_latex, self.notes)]))
        page, parts = self.on_a_page()
        if self.narrower is not None and len(self.narrower.on_a_page()[1]) < len(parts):
            return self.narrower.latex()
        notes = [rf"\par\smallskip\footnotesize {as_latex(note)}" for note in self.notes]
        return "\n".join(
            [
                r"\begin{table}",
                rf"\centering{page.says}",
                rf"\caption{{{as_latex(caption)}}}",
                "\n\\par\\medskip\n".join(
                    tabular(self.columns, self.names, self.cells, part) for part in parts
                ),
                *notes,
                r"\end{table}",
            ]
        )

    def typst(self) -> str:
        """A figure of Typst that holds the table; paragraphs, where there is no table.

        Of a long table the first rows, and how many more there are; columns for which a page is
        too narrow follow below.
        """
        if len(self.names) > LONGEST:
            return self.shortened().typst()
        if not self.has_table:
            return "\n\n".join(f"#par({as_typst(text)})" for text in (self._caption(), *self.notes))
        parts = self.on_a_page()[1]  # with Typst's letters a page has room for as much
        if self.narrower is not None and len(self.narrower.on_a_page()[1]) < len(parts):
            return self.narrower.typst()
        table = partial(typst_table, self.columns, self.names, self.cells)
        return "\n".join(
            [
                "#figure(",
                "kind: table,",
                f"caption: figure.caption(position: top, {as_typst(self._caption())}),",
                "stack(spacing: 1em,",
                ",\n".join(map(table, parts)),
                "),",
                ")",
                *(f"#par(text(size: 0.9em, {as_typst(note)}))" for note in self.notes),
            ]
        )

    def _caption(self) -> str:
        """Title and facts in a line."""
        return "; ".join(text.rstrip(".:") for text in (self.title, *self.facts) if text) + "."


@own_error_state
class Renderable:
    """What has something to show: in a terminal, a notebook, a manuscript, a spreadsheet."""

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table that are usually shown or these."""
        raise NotImplementedError

    def __str__(self) -> str:
        return self.rendered().text()

    def _repr_html_(self) -> str:
        return self.rendered().html()

    def __repr__(self) -> str:  # at the prompt, and in a notebook that shows no HTML
        return str(self)

    def to_markdown(self, columns: Sequence[str] | None = None) -> str:
        """The table, or some of its columns, in Markdown; names are escaped.

        Of a long table the first rows, and how many more there are.
        """
        return self.rendered(columns).markdown()

    def to_latex(self, columns: Sequence[str] | None = None) -> str:
        """The table, or some of its columns, in LaTeX (package booktabs); names are escaped.

        Of a long table the first rows, and how many more there are.
        """
        return self.rendered(columns).latex()

    def to_typst(self, columns: Sequence[str] | None = None) -> str:
        """The table, or some of its columns, in Typst; names are strings there, and no markup.

        Of a long table the first rows, and how many more there are.
        """
        return self.rendered(columns).typst()

    def to_csv(self, columns: Sequence[str] | None = None) -> str:
        """The table, or some of its columns, as comma-separated values, all rows and all digits.

        A name that a spreadsheet would take for a formula has an apostrophe in front.
        """
        return self.rendered(columns).csv()


def formats_of(columns: Iterable[object]) -> dict[str, str]:
    """The formats of columns by their names; ends of an interval have that of what they are of.

    Examples
    --------
    >>> from flatprior.models.common.rendering import formats_of
    >>> formats_of(["coefficient", "2.5%", "odds ratio", "OR 2.5%"])
    {'coefficient': '#.6g', '2.5%': '#.4g', 'odds ratio': 'ratio', 'OR 2.5%': 'ratio'}
    """
    names = [str(name) for name in columns]
    of_ratio = bool({"odds ratio", "ratio"} & {*names}) and "coefficient" not in names
    return {name: _format_of(name, of_ratio) for name in names}


def _format_of(name: str, of_ratio: bool) -> str:
    """Of a column of a table that is, or is not, of ratios alone."""
    if name.startswith("OR ") or (of_ratio and name.endswith("%")):
        return "ratio"
    return FORMATS.get(name, "#.4g")


def chosen(frame: pd.DataFrame, columns: Sequence[str] | None) -> pd.DataFrame:
    """The columns asked for, or all; a `ValueError` that names them if there is no such column."""
    if columns is None:
        return frame
    lone = isinstance(columns, str | os.PathLike)
    asked = [str(columns)] if lone else list(columns)
    there = [str(name) for name in frame.columns]
    unknown = [name for name in asked if name not in there]
    if unknown or not asked:
        missing = f"no column {unknown[0]!r}" if unknown else "nothing to show"
        shown = names_in(SCREEN, [*map(repr, there)])
        said = f"there is {missing}; the columns are {shown}"
        if lone and _OF_A_FILE.search(asked[0]):
            said += f"; a file is written by .table().to_csv({asked[0]!r})"
        raise InputError(said)
    return frame[asked]


def n_shown(total: int) -> int:
    """How many of so many rows are shown."""
    return FIRST if total > LONGEST else total


def rows_left_out(total: int, whole: str) -> tuple[str, ...]:
    """The note that not all of so many rows are shown; none where they are.

    Examples
    --------
    >>> from flatprior.models.common.rendering import rows_left_out
    >>> rows_left_out(227, "to_csv() has all"), rows_left_out(100, "to_csv() has all")
    (('Shown are the first 40 of 227 rows: to_csv() has all.',), ())
    """
    return as_notes([f"shown are the first {FIRST} of {total} rows: {whole}"] * (total > LONGEST))


def spread_out(total: int, most: int = SHOWN) -> NDArray[np.intp]:
    """Positions of at most `most` of `total` rows, the first and the last among them."""
    return np.unique(np.linspace(0, total - 1, min(total, most)).round().astype(np.intp))


def shown_of(
    shown: int, total: int, noun: str, whole: str, which: str = "", held: int | None = None
) -> str:
    """How many rows of a table are shown and where all are; nothing where it is all of them.

    Or where more of them are: so many as are `held`.

    Examples
    --------
    >>> from flatprior.models.common.rendering import shown_of
    >>> shown_of(10, 800, "row", ".table()", "largest Pareto k")
    'shown are the 10 of 800 rows with the largest Pareto k: .table() has all'
    """
    if shown >= total:
        return ""
    some = f"the {shown} of" if which else f"{shown} of"
    there = "all" if held is None or held >= total else f"{held} of them"
    named = which and f" with the {which}"
    return f"shown are {some} {count(total, noun)}{named}: {whole} has {there}"


def of_model(what: str, formula: str | None) -> str:
    """A title: "Collinearity" with the formula, where there is one."""
    return what if formula is None else f"{what}: {formula}"


def as_notes(notes: Iterable[str]) -> tuple[str, ...]:
    """Notes as the sentences that stand below a table."""
    return tuple(_sentence(printable(note)) for note in notes if note)


def _sentence(text: str) -> str:
    first = text.split(" ", 1)[0].rstrip(",.:")
    name = "_" in first or "." in first  # elpd_loo and pm.find_MAP stay as they are
    return f"{text[:1] if name else text[:1].upper()}{text[1:].removesuffix('.')}."
