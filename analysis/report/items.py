"""What sections are made of: sentences, tables and figures, as plain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from flatprior.analysis.report.page import FAILING, Facts
from flatprior.analysis.report.svg import inline_svg
from flatprior.models.common.rendering import Rendered
from flatprior.models.common.text import printable, told_apart

WHOLE = "the copy as CSV has all"
HALF_PAGE = 58  # characters: a wider table takes the whole width
GAP = 1.5  # characters between columns
SHORTEST = 11  # characters for which the names of rows have room in any case
LONGEST_NAME, LONGEST_WORD = 60, 24  # characters of a name whose words do not break
PROB = 0.95  # of intervals


def section_of(name: str, title: str, items: Iterable[Facts | None]) -> Facts:
    """A section, of the items that apply: what takes the whole width, then the columns below."""
    there = [item for item in items if item is not None]
    return {"id": name, "title": title, "items": sorted(there, key=lambda item: not spans(item))}


def spans(item: Facts) -> bool:
    """Whether an item takes the whole width of a page."""
    return item["kind"] in ("text", "data") or bool(item["wide"])


def breaks(name: str) -> str:
    """Where the name of a row may break: between words, anywhere if it is long, or nowhere.

    Examples
    --------
    >>> from flatprior.analysis.report.items import breaks
    >>> breaks("C(race)[T.other]"), breaks("lwt, per 1"), breaks("ward_of_most_of_the_stay[T.a]")
    ('', 'phrase', 'long')
    """
    words = name.split()
    if len(name) > LONGEST_NAME or max(map(len, words), default=0) > LONGEST_WORD:
        return "long"
    return "phrase" if len(words) > 1 else ""


def text_of(*sentences: str) -> Facts:
    """Sentences, without those that are empty."""
    return {"kind": "text", "text": [printable(sentence) for sentence in sentences if sentence]}


def table_of(
    name: str,
    rendered: Rendered,
    words: bool = False,
    kinds: Sequence[str] = (),
    drawn: Sequence[str] = (),
    failing: Sequence[bool] = (),
) -> Facts:
    """A table; of words they stand on the left, and break.

    Long names are cut so that they are told apart; in CSV they are whole, and of a long table all
    rows are there. `kinds` of rows are those of `flatprior.analysis.report.page`, for rows that
    stand below the name of a group. What is `drawn` beside the rows are SVG elements of
    `flatprior.analysis.report.forest`, the heading's first. What is `failing` is a row that says
    of something that it is not right.
    """
    shown = rendered.shortened(WHOLE)
    # the page does not say where a second table begins, so that its copies have none
    shown = replace(shown, names=told_apart(shown.names), second=0)
    return {
        "kind": "table",
        "id": name,
        "title": shown.title,
        "columns": list(shown.columns),
        "rows": [
            {
                "name": each,
                "cells": list(cells),
                "kind": _kind(kinds[i] if kinds else "", bool(failing) and failing[i]),
                "drawn": drawn[i + 1] if drawn else "",
            }
            for i, (each, cells) in enumerate(zip(shown.names, shown.cells, strict=True))
        ],
        "facts": list(shown.facts),
        "notes": list(shown.notes),
        "words": words,
        "left": sorted(shown.words),
        "axis": drawn[0] if drawn else "",
        "wide": bool(drawn) or (not words and _width(shown) > HALF_PAGE),
        "formats": {
            "CSV": rendered.csv(),
            "Markdown": shown.markdown(),
            "LaTeX": shown.latex(),
        },
    }


def _kind(kind: str, fails: bool) -> str:
    return " ".join(part for part in (kind, FAILING if fails else "") if part)


def table_of_main(name: str, rendered: Rendered, title: str) -> Facts:
    """A table on the main model, which the page need not name again."""
    return table_of(name, replace(rendered, title=title))


def _width(rendered: Rendered) -> float:
    """Characters that the table takes beside one another; headings break between words."""
    heads = [max(column.split(), key=len, default="") for column in rendered.columns]
    names = min(max(SHORTEST, *map(len, ("", *rendered.names))), 30)
    columns = zip(heads, *rendered.cells, strict=True)
    return names + sum(GAP + max(map(len, column)) for column in columns)


def figure_of(name: str, figure: Any, title: str, how: str, alternative: str) -> Facts:
    """A figure with its title, how it is read, and what it shows in words."""
    return {
        "kind": "figure",
        "id": name,
        "wide": False,
        "title": title,
        "how": how,
        "alternative": printable(alternative),
        "svg": inline_svg(figure, name, printable(alternative)),
    }
