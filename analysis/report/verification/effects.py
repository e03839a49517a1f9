"""Figures of effects, held without the data that they are drawn from.

Which figures there are, of which variables, and what is said of them but for its numbers follows
from the model; where a curve lies follows from the data alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from flatprior.analysis.report.items import PROB
from flatprior.analysis.report.main_model import Reported
from flatprior.analysis.report.page import Drawing, Page
from flatprior.analysis.report.sections.curves import (
    HELD,
    figures_of_effects,
    how_held,
    title_of,
)
from flatprior.analysis.report.verification.holding import require
from flatprior.models import BernoulliLogistic
from flatprior.models.common.intervals import in_percent
from flatprior.models.common.text import SCREEN, level_in_words, printable

NO_CURVES = "No curves: "  # a note of the table of effects, where there are none
NUMBER = r"[-+]?(?:[\d.]+(?:e[-+]?\d+)?|nan|inf)"


def effects_held(model: BernoulliLogistic, page: Page) -> tuple[str, ...]:
    """Hold the words of these figures as far as the model tells; the names of those that are due.

    Examples
    --------
    >>> from flatprior.analysis import report_facts
    >>> from flatprior.analysis.report.page import Page
    >>> from flatprior.analysis.report.verification.effects import effects_held
    >>> from flatprior.analysis.report.writing import render
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> effects_held(model, Page.of(render(report_facts(model=model, data=load_spector()))))
    ('effect-1', 'effect-2')
    """
    notes = page.tables["average-effects"].notes
    if any(note.startswith(NO_CURVES) for note in notes):
        return ()
    due, commonest = figures_of_effects(model), _commonest_levels(model)
    assert model.encoding is not None  # noqa: S101  (or no report has the data)
    left = list(model.encoding.parsed.predictors)
    for name in due:
        require(name in page.figures, f"the page lacks the figure {name!r}")
        shown = page.figures[name]
        of = next((each for each in left if _is_of(shown, each, model)), None)
        require(of is not None, f"the figure {name!r} is of no variable, or of one twice")
        assert of is not None  # noqa: S101
        left.remove(of)
        require(
            _caption(model, of, len(due), name == due[0], commonest).fullmatch(shown.how)
            is not None,
            f"the words of the figure {name!r} of the page are not those of its variable",
        )
    return due


def _is_of(shown: Drawing, name: str, model: BernoulliLogistic) -> bool:
    """Whether title and alternative are those of a variable."""
    said = rf"Probability of the event by {re.escape(printable(name))}: (?P<at>.*)\."
    found = re.fullmatch(said, shown.alternative)
    point = rf"{NUMBER} \({NUMBER} to {NUMBER}\) at .*"
    return (
        shown.title == title_of(name, _has_others(model))
        and found is not None
        and re.fullmatch(point, found["at"]) is not None
    )


def _has_others(model: BernoulliLogistic) -> bool:
    """Whether there is something to hold beside a variable."""
    encoding = model.encoding
    assert encoding is not None  # noqa: S101
    return len(encoding.parsed.predictors) > 1 or model.offset_name is not None


def _commonest_levels(model: BernoulliLogistic) -> dict[str, tuple[str, ...]]:
    """Of each category the level that is held, or all where the columns do not tell which it is."""
    encoding = model.encoding
    assert encoding is not None  # noqa: S101
    generated = encoding.parsed.generated
    levels = {generated[key]: tuple(map(str, each)) for key, each in encoding.levels.items()}
    levels |= {each: ("False", "True") for each in encoding.booleans}
    of_terms = {each.name: each for each in Reported(model=model).variables}
    for term in encoding.model_terms:
        of = [name for factor in term.factors for name in factor.columns]
        found = of_terms[term.name]
        if len(of) == 1 and of[0] in levels and found.has_levels:
            counts = {level.name: level.n for level in found.levels}
            known = [counts.get(level, math.nan) for level in levels[of[0]]]
            if not any(map(math.isnan, known)):
                levels[of[0]] = (levels[of[0]][known.index(max(known))],)
    return levels


def _caption(
    model: BernoulliLogistic,
    name: str,
    shown: int,
    is_first: bool,
    levels: Mapping[str, tuple[str, ...]],
) -> re.Pattern[str]:
    """What the caption of a variable may be: any numbers, and no other words.

    That of the first figure says how many variables have none.
    """
    encoding = model.encoding
    assert encoding is not None  # noqa: S101
    parsed = encoding.parsed
    held = [
        f"{re.escape(printable(each))} "
        + (
            f"(?:{'|'.join(re.escape(printable(level_in_words(of))) for of in levels[each])})"
            if each in levels
            else NUMBER
        )
        for each in parsed.predictors
        if each != name
    ] + ([f"offset {NUMBER}"] if model.offset_name is not None else [])
    # names that have no room are counted
    some = "".join(f"(?:(?:, )?{each})?" for each in held) + r"(?: and \d+ more)?"
    first = next((each for each in parsed.predictors if each != name), "")
    if len(first) + max(map(len, levels.get(first, ("",)))) > SCREEN:  # and is cut
        some = ".*"
    where = (
        r"In brackets the share of the observations(?:; the \d+ most frequent of \d+ levels)?"
        if name in levels
        else "(?:Orange: where the observations are|In brackets the share of the observations)"
    )
    more = len(parsed.predictors) - shown
    left_out = (
        rf"\. Shown: {shown} of {shown + more} variables, along which the probability changes "
        rf"most; {more} left out"
        if more and is_first
        else ""
    )
    before, after = map(re.escape, HELD.replace("{how}", how_held(model, name)).split("{held}"))
    others = f"{before}(?:{some}){after}" if held else ""
    return re.compile(
        rf"{others}With a band of {in_percent(PROB)} from the covariance of the coefficients"
        rf"\. {where}{left_out}\."
    )
