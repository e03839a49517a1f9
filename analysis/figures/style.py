"""Figures: each function takes what the analysis found and returns a Matplotlib figure.

No pyplot, no global state: a figure can be made in any thread, and is gone when nobody holds it.
Colours are those of Okabe and Ito, which the colour-blind can tell apart, and markers differ too.
Functions whose figure has one pair of axes take ``ax``, to draw into axes of one's own.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, cast

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flatprior.models.common.text import count, printable

INK, MUTED, FAINT = "#222222", "#666666", "#d9d9d9"
BLUE, ORANGE, GREEN, PURPLE = "#0072b2", "#d55e00", "#009e73", "#aa4499"
SKY, GOLD = "#56b4e9", "#e69f00"
CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, GOLD)
MARKERS = ("o", "s", "D", "^", "v", "P")

WIDTH = 4.0  # inches: so its 9-point text is 11 pixels high on a telephone of 390
MOST_POINTS = 400  # of a curve or a scatter, that a figure in a report can hold
MOST_NAMED = 5
MOST_ROWS = 40  # of a figure with a line for each coefficient: what a screen holds
SIZES = 8  # of circles
LONGEST_NAME = 24
# characters: of a figure's width, of numbers beside an axis, and of a legend's sign and spaces
ACROSS, NUMBERS, ENTRY = 54, 5, 4

STYLE: Any = {
    "font.family": "DejaVu Sans",  # comes with Matplotlib: the same layout everywhere
    "font.size": 9.0,
    "axes.titlesize": 9.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.fontsize": 9.0,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "lines.linewidth": 1.5,
    "legend.frameon": False,
}


class Drawing(Figure):
    """A Matplotlib figure that a notebook shows as it is, without pyplot."""

    def _repr_png_(self) -> bytes:
        target = io.BytesIO()
        with mpl.rc_context(STYLE):
            self.savefig(target, format="png", dpi=144, facecolor="white")
        return target.getvalue()


def canvas(height: float, ax: Axes | None) -> tuple[Figure, Axes]:
    """Axes to draw into, and their figure."""
    if ax is not None:
        return cast(Figure, ax.figure), ax
    figure = Drawing(figsize=(WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def put_label(name: object, longest: int = LONGEST_NAME) -> str:
    """A user's name as text: no line breaks, no mathematics, not too long."""
    text = printable(name)
    if len(text) > longest:  # names often differ at their end: cut out the middle
        tail = longest // 2 - 1
        text = f"{text[: longest - tail - 1]}…{text[-tail:]}"
    return text.replace("$", r"\$")


def rows_axis(ax: Axes, names: Sequence[object]) -> None:
    """Names down the left side, the first on top."""
    ax.set_yticks(range(len(names)), [put_label(name) for name in names])
    ax.set_ylim(len(names) - 0.5, -0.5)
    ax.tick_params(axis="y", length=0)


def some_of(shown: int, number: int, what: str) -> str:
    """A line that says how many of all are drawn; empty where it is all of them."""
    return f"{shown} of {count(number, what)}" if shown < number else ""


def legend_label(label: str) -> str:
    """A label that Matplotlib does not hide, as it would one that begins with _."""
    text = put_label(label, 34)
    return f"\u2009{text}" if text.startswith("_") else text


def _has_room(ax: Axes, columns: int) -> bool:
    """Whether the longest entries of a legend stand beside one another, in characters.

    The legend begins where the axes do, right of the names down their side.
    """
    entries = sorted(map(len, ax.get_legend_handles_labels()[1]))[-columns:]
    names = max((len(label.get_text()) for label in ax.get_yticklabels()), default=0)
    return sum(entries) + ENTRY * len(entries) + max(names, NUMBERS) <= ACROSS


def legend_above(ax: Axes, columns: int) -> None:
    """Put the legend above the axes, in as many columns as there is room for."""
    ax.legend(
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=min(columns, 3) if _has_room(ax, min(columns, 3)) else 1,
        borderaxespad=0.2,
        handletextpad=0.4,
        columnspacing=1.2,
    )


def thinned(length: int) -> np.ndarray:
    """Positions of at most `MOST_POINTS` of them, evenly spread, ends included."""
    return np.unique(np.linspace(0, length - 1, min(length, MOST_POINTS)).round().astype(int))
