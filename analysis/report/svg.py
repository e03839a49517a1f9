"""Matplotlib figures as SVG for a page: the same bytes each time, colours that follow the theme."""

from __future__ import annotations

import html
import io
import re
import warnings
from typing import Any, cast

import matplotlib as mpl
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from flatprior.analysis.figures.style import (
    BLUE,
    FAINT,
    GOLD,
    GREEN,
    INK,
    MUTED,
    ORANGE,
    PURPLE,
    SKY,
)

# what a style sheet may set otherwise, for a dark page
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    FAINT: "--faint",
    BLUE: "--blue",
    ORANGE: "--orange",
    GREEN: "--green",
    PURPLE: "--purple",
    SKY: "--sky",
    GOLD: "--gold",
    "#000000": "--ink",
}
_DECIMALS = re.compile(r"(\.\d\d)\d+")
FONTS = "'DejaVu Sans', Verdana, sans-serif"  # the second has letters as wide as the first


def inline_svg(figure: Figure, name: str, alternative: str) -> str:
    """Draw a figure as one SVG element.

    Parameters
    ----------
    figure : Figure
    name : str
        Letters and hyphens; begins every identifier in the element, so that several figures of one
        page do not clash.
    alternative : str
        What a reader hears who does not see the figure; plain text.
    """
    target = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
        # the page's own fonts may well have the letter
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        before = figure.canvas
        try:  # as `savefig` does it, but that draws all of it once more, for the layout alone
            cast(Any, FigureCanvasSVG)(figure).print_svg(target, metadata={"Date": None})
        finally:
            figure.set_canvas(before)
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"\s*<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.DOTALL)
    # the tags only: text between them may well look like an attribute
    svg = re.sub(r"<[^>]+>", lambda tag: _adapted(tag[0], name), svg)
    head, body = svg.split(">", 1)
    box = re.search(r'viewBox="([^"]+)"', head)
    assert box is not None  # noqa: S101
    return (
        f'<svg viewBox="{box[1]}" role="img" aria-labelledby="{name}-alt" '
        'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">'
        f'<title id="{name}-alt">{html.escape(alternative, quote=False)}</title>{body}'
    )


def _adapted(tag: str, name: str) -> str:
    """One tag with its own identifiers, the page's fonts and colours, and fewer decimals."""
    tag = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', tag)
    tag = re.sub(r'(xlink:href="|url\()#', rf"\1#{name}-", tag)
    tag = tag.replace("'DejaVu Sans'", FONTS)
    for colour, variable in VARIABLES.items():
        tag = tag.replace(f": {colour}", f": var({variable})")
    # a hundredth of a point is less than anybody sees, and half of the bytes
    return re.sub(
        r'\b(?:d|x|y|transform)="[^"]*"', lambda found: _DECIMALS.sub(r"\1", found[0]), tag
    )
