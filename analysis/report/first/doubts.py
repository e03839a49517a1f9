"""What a reader should doubt: conclusions, each with the section that shows why.

Nothing here comes from draws, which a report does not hold.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from flatprior.analysis.report.first.of_results import of_audits, of_comparison, of_many
from flatprior.analysis.report.items import PROB
from flatprior.analysis.report.main_model import MainModel, refits_left_out
from flatprior.analysis.report.sections.prediction import decisions_of, how_in_sample
from flatprior.analysis.report.standings import MISLED, Doubt
from flatprior.models.common.arrays import Array
from flatprior.models.common.intervals import percentages, wald_interval
from flatprior.models.common.text import (
    abbreviated,
    count,
    in_digits,
    listing,
    names_in,
    percent,
    printable,
)

FEW_EVENTS = 10  # for each coefficient, below which estimates are biased (Peduzzi et al. 1996)
LARGE_MOVE = 1.0  # standard errors by which one row may move a coefficient (Kutner et al. 2005)
ALPHA = 0.05
ROUNDING = 1e-9  # of a skill
# a calibration slope on new data that a sample should be large enough for (Riley 2019)
SHRUNK = 0.9
CHANCE = 0.5  # the area of predictions that tell nothing
SAMPLING = 0.05  # Monte Carlo error of a calibration slope, beyond which the samples do not tell it
ROOM = 80  # characters for names
SLOPE = "calibration slope"
REVERSED = "ranks the wrong way round"

Worded = tuple[str, str]  # a sentence, and it in few words


class Index(NamedTuple):
    """An index of predictions with its interval: NaN where that is not known."""

    value: float
    low: float
    high: float

    @property
    def interval(self) -> str:
        """Both ends; empty where there are none."""
        return "" if math.isnan(self.low) else interval_in_three(self.low, self.high)

    @property
    def said(self) -> str:
        """The value, and the interval in brackets."""
        return in_three(self.value) + (f" ({self.interval})" if self.interval else "")


def doubts_of(main: MainModel) -> list[Doubt]:
    """All of them: those of audits and of a comparison first."""
    found = [Doubt(*said) for said in (*of_audits(main), *of_comparison(main))]
    return [*found, *_of_size(main), *_of_tests(main), *_of_prediction(main), *_of_rows(main)]


def in_three(value: float) -> str:
    """Three decimals, and no minus before a zero."""
    return in_digits(float(value), ".3f")


def interval_in_three(low: float, high: float) -> str:
    """Both ends."""
    return f"{in_three(low)} to {in_three(high)}"


def skill_of(main: MainModel) -> tuple[float, float, float, float]:
    """Brier skill, its standard error, and both ends of its Wald interval."""
    skill, error = (float(main.scores[name]["Brier"]) for name in ("skill", "skill SE"))
    low, high = map(float, wald_interval(skill, error, PROB).values())
    return skill, error, low, high


def bootstrapped(main: MainModel, name: str) -> Index | None:
    """An index of the bootstrap validation, corrected for optimism; None where there is none."""
    if main.validation is None:
        return None
    wanted = ["mcse", "corrected", *percentages(PROB)]
    mcse, value, low, high = main.validation.table().loc[[name], wanted].to_numpy()[0].tolist()
    told = mcse <= SAMPLING and math.isfinite(value)
    return Index(value, low, high) if told else None


def index_of(main: MainModel, name: str) -> Index | None:
    """An index of what is judged; None where there are none."""
    if main.indices is None:
        return None
    wanted = ["value", *percentages(PROB)]
    return Index(*main.indices.table().loc[[name], wanted].to_numpy()[0].tolist())


def area_of(main: MainModel) -> Index:
    """The area under the ROC curve: of means of groups, by the bootstrap."""
    area = bootstrapped(main, "AUC") if main.of_groups else None
    area = index_of(main, "AUC") if area is None else area
    alone = float(main.scores["score"]["AUC"])
    return Index(alone, math.nan, math.nan) if area is None else area


def left_out_slope(main: MainModel) -> Index | None:
    """The calibration slope of leave-one-out; None where it tells nothing."""
    slope = index_of(main, SLOPE) if main.leaves_out and not main.of_groups else None
    return None if slope is None or math.isnan(slope.value) else slope


def label_of(label: object) -> str:
    """A row's own, as text."""
    return abbreviated(printable(label))


def moved(main: MainModel) -> Array:
    """Standard errors by which each coefficient changes without each row, (n, k); 0 if unknown."""
    exact = main.exact
    assert exact is not None  # noqa: S101
    changed = (exact.coefficients - main.fit.coefficients) / main.fit.standard_errors
    return np.nan_to_num(changed, nan=0.0, posinf=0.0, neginf=0.0)


def most_moved(main: MainModel, i: int) -> tuple[str, float]:
    """The coefficient that changes most without a row, and by how many standard errors."""
    changed = moved(main)[i]
    j = int(np.argmax(np.abs(changed)))
    return abbreviated(main.model.names[j]), float(changed[j])


def _of_size(main: MainModel) -> list[Doubt]:
    """Warnings of the model, and a sample that is small."""
    found = [Doubt(*of_many(main, said)) for said in main.model.warnings]
    rarer, k = main.rarer, main.n_slopes
    if rarer < FEW_EVENTS * k:
        found.append(
            Doubt(
                "coefficients",
                f"Small sample: {rarer} of the rarer outcome for {count(k, 'coefficient')}"
                f"{main.beside}, fewer than {FEW_EVENTS} for each. Expect estimates too far from "
                "zero, which no interval mends; of the intervals, those of the profile likelihood "
                "hold the truth more nearly as often as they say than Wald's.",
                "small sample",
            )
        )
    return found


def _of_tests(main: MainModel) -> list[Doubt]:
    """Wald tests that mislead, and a model that explains nothing."""
    found, summary = [], main.summary
    table = summary.table()
    constant = {each.name for each in main.variables if each.kind == "constant"}
    misled = [
        str(name)
        for name in table.index[table["hauck-donner"].astype(bool)]
        if name not in constant  # of which nobody asks whether it is 0
    ]
    if misled:
        found.append(
            Doubt(
                "coefficients",
                f"The Wald test is misled for {names_in(ROOM, misled)} (Hauck-Donner effect): a "
                "larger effect would look less significant. Use the likelihood ratio.",
                MISLED,
            )
        )
    test = summary.against_null
    if test is not None and test.p > ALPHA:
        found.append(
            Doubt(
                "coefficients",
                "The data do not tell this model from a constant probability (likelihood ratio, "
                f"p = {test.p_text}): no slope should be interpreted on its own.",
                "no better than a constant",
            )
        )
    return found


def _of_prediction(main: MainModel) -> list[Doubt]:
    """Predictions no better than the base rate or chance, and miscalibrated ones."""
    found = [_of_new(main), _of_skill(main), _of_order(main), _of_curve(main), _of_slope(main)]
    return [Doubt("prediction", *each) for each in found if each is not None]


def _of_new(main: MainModel) -> Worded | None:
    """That nothing is known of new observations, and what else was not looked at, and why."""
    if not main.in_sample:
        return None
    left = ["new observations (validate(model))"]
    left += ["the calibration curve (calibration_curve(model, fit))"] if main.curve is None else []
    of_rows = "exact_loo(model, fit)" + ", diagnose(model, fit)" * (main.diagnostics is None)
    return (
        f"Predictions are judged in sample only. {how_in_sample(main)}. Not looked at were "
        f"{listing([*left, f'single rows ({of_rows})'])}: in a report these are "
        f"{refits_left_out(main.here)}; the calls compute them.",
        "in sample only",
    )


def _of_skill(main: MainModel) -> Worded | None:
    """Whether predictions are worse than the share of events, or not shown to be better."""
    skill, error, low, high = skill_of(main)
    # of a constant probability, or what all but is one, the skill is 0 for certain
    if not error > ROUNDING or low > 0:
        return None
    said = f"Brier skill {in_three(skill)} ({interval_in_three(low, high)})"
    if high < 0:
        return (
            f"It predicts worse than the share of events does: {said}, where 0 is the share of "
            "events. Do not use it for prediction.",
            "worse than the share of events",
        )
    return (
        "Its probabilities are not shown to be nearer to the outcomes than the share of events is: "
        f"{said}, where 0 is the share of events.",
        "no Brier skill shown",
    )


def _of_order(main: MainModel) -> Worded | None:
    """Whether events are ranked below others, or not shown to be ranked above them."""
    area = area_of(main)
    # a constant ranks nothing, for certain
    if not main.n_slopes or not area.low <= CHANCE:
        return None
    said = f"AUC {area.said}, where {CHANCE} is chance"
    if area.high < CHANCE:
        alone = main.leaves_out and not main.of_groups
        why = "; leave-one-out may do so where the columns tell nothing" if alone else ""
        return f"It {REVERSED}: {said}{why}.", REVERSED
    return f"It is not shown to rank events above others: {said}.", "no order shown"


def _of_curve(main: MainModel) -> Worded | None:
    curve = main.curve
    if curve is None or curve.outside_p >= ALPHA:
        return None
    return (
        f"Miscalibrated: {percent(curve.outside)} of observations lie outside the envelope of the "
        f"calibration curve; of right predictions so many do with probability "
        f"{curve.outside_p:.2g}.",
        "miscalibrated",
    )


def _of_slope(main: MainModel) -> Worded | None:
    """Whether predictions of new observations will be too extreme, by the bootstrap.

    Its slope is nearer to that on new observations than the slope of leave-one-out is: see
    `benchmarks/calibration_slopes.py`. That of the latter is concluded from only where all of its
    interval is below 0.
    """
    slope, alone = bootstrapped(main, SLOPE), left_out_slope(main)
    low_alone = "in small samples is too low and varies more"
    if alone is not None and alone.high < 0:
        besides = "" if slope is None else f"; {slope.said} by the bootstrap"
        return (
            f"By leave-one-out it {REVERSED}: {SLOPE} {alone.said}, which {low_alone}{besides}. 1 "
            "is right.",
            REVERSED,
        )
    if slope is None or SHRUNK <= slope.value <= 1 / SHRUNK:
        return None
    how = f"too {'extreme' if slope.value < 1 else 'moderate'}"
    expected, short = f"be {how}", how
    if slope.high < 0:
        expected, short = "rank the wrong way round", REVERSED
    holds = ""
    if slope.low <= 1 <= slope.high:
        holds, short = ", which holds 1: it may be right", f"perhaps {how}"
    ends = f" ({slope.interval}{holds})" if slope.interval else ""
    besides = "" if alone is None else f"; {alone.said} by leave-one-out, which {low_alone}"
    return (
        f"Expect predictions of new observations to {expected}: {SLOPE} {in_three(slope.value)} by "
        f"the bootstrap{ends}{besides}. 1 is right.",
        short,
    )


def _of_rows(main: MainModel) -> list[Doubt]:
    """Rows on which the estimate hangs, which decide, or move it far, by fits without them."""
    exact = main.exact
    if exact is None:
        return []
    found: list[Worded] = []
    if exact.without_mle:
        found.append(
            (f"The estimate hangs on single rows: {exact.message}.", "it hangs on single rows")
        )
    decided = main.deciding is not None and main.deciding.coefficients
    short = f"single {main.single}s {'decide' if decided else 'may decide'}"
    found += [(said, short) for said in decisions_of(main)]
    far = np.abs(moved(main)).max(axis=1)
    many = int((far > LARGE_MOVE).sum())
    if many:
        i = int(np.argmax(far))
        name, by = most_moved(main, i)
        found.append(
            (
                f"{count(many, main.single)} alone {'moves' if many == 1 else 'move'} a "
                f"coefficient by more than a standard error: {main.without} "
                f"{label_of(main.here.row_labels[i])} {name} changes by {by:+.2f} of them.",
                f"{count(many, main.single)} of much weight",
            )
        )
    return [Doubt("influence", *each) for each in found]
