"""Figures of the section on effects: the probability along single variables."""

from __future__ import annotations

from flatprior.analysis.figures.effects import plot_effect
from flatprior.analysis.inference.curves import EffectCurves, effect_curves
from flatprior.analysis.report.items import PROB, figure_of
from flatprior.analysis.report.main_model import MainModel
from flatprior.analysis.report.page import Facts
from flatprior.models import BernoulliLogistic
from flatprior.models.common.intervals import in_percent, percentages
from flatprior.models.common.text import abbreviated, printable

MOST_CURVES = 4  # variables along which the probability is drawn
HELD = (
    "Of one observation, with the others held at {held}: {how}. The tables average over all "
    "instead. "
)
MEANS, COMMONEST = "numbers at their mean", "categories at their commonest level"
MEDIANS = "numbers at their mean, or their median where the formula compares them"


def curves_of(main: MainModel) -> EffectCurves:
    """Along the variables that change the probability most, of an observation that is common."""
    return effect_curves(
        main.model, main.fit, main.frame, most=MOST_CURVES, prob=PROB, levels="commonest"
    )


def how_held(model: BernoulliLogistic, name: str) -> str:
    """The rule by which all variables but one are held, in words."""
    encoding = model.encoding
    if encoding is None:
        return MEANS
    parsed = encoding.parsed
    levels = {parsed.generated[key] for key in encoding.levels} | {*encoding.booleans}
    others = [each for each in parsed.predictors if each != name]
    numbers = [each for each in others if each not in levels]
    said = [MEDIANS if {*numbers} & {*parsed.compared} else MEANS] if numbers else []
    said += [COMMONEST] if len(numbers) < len(others) else []
    said += ["the offset at its mean"] if model.offset_name is not None else []
    return ", ".join(said)


def figures_of_effects(model: BernoulliLogistic) -> tuple[str, ...]:
    """The figures that there may be, of a model of a formula."""
    predictors = () if model.encoding is None else model.encoding.parsed.predictors
    return tuple(f"effect-{i + 1}" for i in range(min(MOST_CURVES, len(predictors))))


def title_of(name: str, with_others: bool) -> str:
    """The title of a figure: of a variable alone, or with others, which are held."""
    return f"Probability by {abbreviated(name, 40)}" + ", the others held" * with_others


def figures_of_curves(model: BernoulliLogistic, curves: EffectCurves) -> list[Facts]:
    """A figure of each curve, the one along which the probability changes most first."""
    found = []
    for i, curve in enumerate(curves.curves):
        ends = [f"probability {end}" for end in percentages(PROB)]
        places = range(len(curve.values)) if not curve.is_number else (0, len(curve.values) - 1)
        said = [
            f"{p:.3f} ({low:.3f} to {high:.3f}) at {at}"
            for at, p, low, high in (
                (
                    f"{curve.values[j]:.4g}" if curve.is_number else printable(curve.values[j]),
                    *curve.frame.loc[j, ["probability", *ends]],
                )
                for j in places
            )
        ]
        levels = len(curve.values)
        held = curves.held_beside(curve.name)
        found.append(
            figure_of(
                f"effect-{i + 1}",
                plot_effect(curves, curve.name),
                title_of(curve.name, bool(held)),
                (HELD.format(held=held, how=how_held(model, curve.name)) if held else "")
                + f"With a band of {in_percent(PROB)} from the covariance of the coefficients"
                + (
                    ". Orange: where the observations are"
                    if curve.is_number
                    else ". In brackets the share of the observations"
                )
                + (
                    f"; the {levels} most frequent of {curve.n_levels} levels"
                    if levels < curve.n_levels
                    else ""
                )
                + (f". Shown: {curves.left_out}." if curves.left_out and not i else "."),
                f"Probability of the event by {printable(curve.name)}: {'; '.join(said)}.",
            )
        )
    return found
