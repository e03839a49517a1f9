"""Figures of the page, held against those made anew: their drawing and their words."""

from __future__ import annotations

import re

from flatprior.analysis.report.page import Drawing, Facts, Page, alike
from flatprior.analysis.report.sections.making import chains_words
from flatprior.analysis.report.sections.routes import density_words, draws_words
from flatprior.analysis.report.verification.anew import Anew
from flatprior.analysis.report.verification.effects import effects_held
from flatprior.analysis.report.verification.holding import (
    OF_BOUNDS,
    require,
    same_drawing,
)
from flatprior.analysis.report.verification.of_draws import MORE_WORDS
from flatprior.models.common.closeness import TWICE
from flatprior.models.common.text import printable


def figures_held(
    found: Anew,
    report: Facts,
    page: Page,
    again: Page,
    bounds: float,
    free: tuple[str, ...],
    elsewhere: bool,
) -> list[str]:
    """Hold the figures against those made anew; say which were not made.

    Those that are `free` were not made, and are there; their words are held as far as they follow
    from the model.
    """
    of_draws, holes = _of_draws(found, report)
    of_effects = effects_held(found.model, page) if "effect-1" in free else ()
    for name, drawing in page.figures.items():
        require(
            name in again.figures or name in of_draws or name in of_effects or name in free,
            f"the page has a figure {name!r} that nothing gives",
        )
        if name in again.figures:
            _words_held(name, drawing, again.figures[name], bounds, free)
        elif name in of_draws:
            _words_held(name, drawing, Drawing(*of_draws[name], ""), bounds, free)
        if name in of_effects:
            holes.append(f"figure {name!r} and the numbers in its words")
        elif name not in again.figures or name in free:
            holes.append(f"figure {name!r} and its words")
        elif not elsewhere:
            require(
                _same_figure(name, drawing.markup, again.figures[name].markup),
                f"the figure {name!r} of the page is not that of these results",
            )
    compared = ["comparison-plot"] if report["comparison"] is not None else []
    for name in (*again.figures, *of_draws, *of_effects, *compared):
        require(name in page.figures, f"the page lacks the figure {name!r}")
    return holes


def _of_draws(found: Anew, report: Facts) -> tuple[dict[str, tuple[str, str, str]], list[str]]:
    """Names and words of the figures of draws; and which draws state that they are of other data.

    Of these there are the chains alone.
    """
    own = found.model.data_hash
    drawn_from = report.get("draws_of", [own] * len(found.checks))  # which an older report lacks
    require(
        isinstance(drawn_from, list) and len(drawn_from) == len(found.checks),
        "what the draws are of is incomplete",
    )
    figures, holes = {}, []
    for i, (check, of) in enumerate(zip(found.checks, drawn_from, strict=True)):
        figures[f"chains-{i + 1}"] = chains_words(check)
        if of == own:
            figures[f"density-{i + 1}"] = density_words(check)
            figures[f"draws-{i + 1}"] = draws_words(check)
        else:
            holes.append(f"that the draws of {printable(check.route)} are of other data")
    return figures, holes


def _words_held(
    name: str, shown: Drawing, due: Drawing, bounds: float, free: tuple[str, ...]
) -> None:
    """Hold title, caption and alternative of a figure against those made anew.

    Those of a figure with draws, which were not at hand, say more, or in another order.
    """
    drawn = name in free

    def same(seen: str, again: str) -> bool:
        if drawn and name in MORE_WORDS:
            more = rf"(?:{MORE_WORDS[name]})\.\Z"
            seen, again = re.sub(more, ".", seen), re.sub(more, ".", again)
        if drawn and name == "comparison-plot":
            seen, again = (" ".join(sorted(re.split(r"[:,] ", said))) for said in (seen, again))
        return alike(seen, again, TWICE, bounds)

    title = shown.title
    if drawn and name == "influence-plot" and title == "Leverage, residuals and Pareto k":
        title = "Leverage and residuals"
    require(
        same(title, due.title)
        and same(shown.how, due.how)
        and same(shown.alternative, due.alternative),
        f"the words of the figure {name!r} of the page are not those of these results",
    )


def _same_figure(name: str, first: str, second: str) -> bool:
    """Whether two figures are one, but for the last decimal of a place in it.

    Where an error bound lies in a figure is rounding as well.
    """
    absolute, closeness = (1.0, 0.05) if name == "agreement-plot" else (0.011, TWICE)
    return same_drawing(first, second, absolute, closeness, OF_BOUNDS)
