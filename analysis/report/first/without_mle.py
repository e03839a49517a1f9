"""What a reader sees first of a model that has no maximum likelihood estimate."""

from __future__ import annotations

import math

import numpy as np

from flatprior.analysis.inference.goodness import null_log_likelihood, null_test_of
from flatprior.analysis.report.first.of_results import (
    Said,
    of_audits,
    of_comparison,
    of_many,
)
from flatprior.analysis.report.first.why_none import at_an_end, why_none
from flatprior.analysis.report.main_model import WithoutMLE
from flatprior.analysis.report.page import Facts
from flatprior.analysis.report.sections.model import events_said
from flatprior.analysis.report.standings import FAILED, GOOD, LOOK, Standing, legend
from flatprior.models import Existence
from flatprior.models.common.text import abbreviated, at_most, count, names_in, whole

FEW_EVENTS = 10  # for each coefficient, below which chi-squared quantiles are rough
MOST_ENDS = 4  # intervals with one end that are key figures
ROOM = 80  # characters for names
SHORT = 20  # of names in the row of a section

Figure = tuple[str, str, str]  # name, value and detail


def figures_of(main: WithoutMLE) -> list[Figure]:
    """Counts, the supremum of the log-likelihood, the test by it, and ends of open intervals."""
    model, existence = main.model, main.existence
    n, k = model.n_observations, model.n_parameters
    rank = main.rank
    of_rank = f"of rank {rank}; " if rank < k else ""
    left = model.n_dropped + model.n_zero_weight
    there = [] if model.n_rows == n else [f"in {count(model.n_rows, 'row')}"]
    found = [
        (
            "Observations",
            whole(n),
            ", ".join([*there, f"{count(left, 'row')} left out" if left else "no row left out"]),
        ),
        ("Events", whole(model.n_events), events_said(model)),
        ("Coefficients", f"{k}", f"{of_rank}{main.each}"),
    ]
    if existence.n_separated:
        found.append(("Separated rows", whole(existence.n_separated), f"of {whole(model.n_rows)}"))
    limit = existence.limit
    if limit is None or math.isnan(limit.log_likelihood):
        return found
    null = null_log_likelihood(model)
    which = "Supremum of log-likelihood" if existence.n_separated else "Maximum of log-likelihood"
    found.append((which, f"{limit.log_likelihood:.2f}", f"of a constant {null:.2f}"))
    test = null_test_of(model, limit.log_likelihood, null, rank)
    if test is not None:
        found.append(
            (
                "All slopes 0?",
                f"p = {test.p_text}",
                f"likelihood ratio{' by the supremum' if existence.n_separated else ''}, "
                f"{test.referred_to} = {test.statistic:.2f}",
            )
        )
    ends = [
        (f"Odds ratio, {abbreviated(name)}", said, f"95% profile-likelihood, no {missing} limit")
        for name, said, missing in _ends(main)
    ]
    return [*found, *ends[:MOST_ENDS]]


def _ends(main: WithoutMLE) -> list[tuple[str, str, str]]:
    """Names of coefficients whose intervals have one end, that end, and which one is missing."""
    found = None if main.limits is None else main.limits.intervals
    if found is None:
        return []
    constant = {
        name
        for j, name in enumerate(main.model.names)
        if main.here.rows.resident and np.ptp(main.here.arrays.design[:, j]) == 0
    }
    return [
        (name, at_an_end(low, high), "upper" if math.isfinite(low) else "lower")
        for name, _, low, high in found.itertuples()
        if name not in constant and math.isfinite(low) != math.isfinite(high)
    ]


def doubts_of(main: WithoutMLE) -> list[Said]:
    """What not to believe: numbers that are printed all the same, draws, rough quantiles."""
    model, existence = main.model, main.existence
    found = [*of_audits(main), *of_comparison(main)]
    if existence.kind == "undecided":
        found.append(
            (
                "existence",
                "Numbers that any program prints for this model are proved by nothing: that it "
                "converged is no sign that there is an estimate.",
                "undecided",
            )
        )
    far = [name for name, way in existence.coefficients.items() if way in ("+inf", "-inf")]
    if existence.n_separated:
        whose = names_in(ROOM, far) if far else "coefficients that diverge"
        found.append(
            (
                "claims",
                f"An estimate, a standard error, z or Wald interval that a program prints for "
                f"{whose} is where its iterations stopped: it is no result.",
                f"no Wald interval of {whose if len(whose) < SHORT else 'some'}",
            )
        )
    if existence.dependencies:
        free = [name for name, way in existence.coefficients.items() if way == "undetermined"]
        whose = names_in(ROOM, free or [*existence.dependencies])
        found.append(
            (
                "claims",
                f"Coefficients that a program prints for {whose} depend on which column it left "
                "out, or on where it began.",
                "not unique",
            )
        )
    if existence.kind != "undecided":
        found.append(
            (
                "claims",
                "Draws that a sampler returns under a flat prior are of no distribution: its "
                "integral is infinite.",
                "no posterior",
            )
        )
    if main.rarer < FEW_EVENTS * main.n_slopes:
        found.append(
            (
                "claims",
                f"Small sample: {main.rarer} of the rarer outcome for "
                f"{count(main.n_slopes, 'coefficient')}{main.beside}, fewer than {FEW_EVENTS} for "
                "each. "
                + ("What diverges may be finite in more rows. " if existence.n_separated else "")
                + "The p of likelihood-ratio tests is rough.",
                "small sample",
            )
        )
    found += [of_many(main, each) for each in model.warnings]
    more = [each for each in existence.warnings if each not in model.warnings]
    return [*found, *(("data", f"{each[:1].upper()}{each[1:]}.", "a warning") for each in more)]


def claims_of(main: WithoutMLE) -> list[tuple[str, str]]:
    """What stands all the same, and what to do next; each with its heading."""
    existence = main.existence
    if existence.kind == "undecided":
        return [("Next", "centre and rescale the columns, and run it again.")]
    finite = [name for name, way in existence.coefficients.items() if way == "finite"]
    stands, then = [], []
    if existence.n_separated:
        if main.limits is not None:
            stands.append(
                "likelihood-ratio tests and profile-likelihood intervals, which need the supremum "
                "only"
            )
        then.append(
            "report the supremum, the likelihood-ratio test"
            + (" and the end of the interval that is finite" if _ends(main) else "")
            + "; for a finite number use another estimate and name it (Firth, penalised, or "
            "Bayesian with a proper prior)"
        )
    if existence.dependencies:
        stands.append("fitted probabilities and the log-likelihood, whichever column is left out")
        superfluous = names_in(ROOM, [*existence.dependencies])
        then.insert(0, f'leave {superfluous} out (aliased="drop", --aliased drop)')
    if finite and main.limits is not None:
        known = "estimate and standard error"
        if main.limits.intervals is not None:
            known = "estimate, standard error and profile-likelihood interval"
        stands.append(f"{known} of {names_in(ROOM, finite)}")
    said = [("What can still be claimed", f"{'; '.join(stands)}.")] if stands else []
    return [*said, ("Next", f"{'; '.join(then)}.")]


def standings_of(main: WithoutMLE) -> dict[str, tuple[str, str]]:
    """How each section stands that makes a claim, without its doubts: a kind, and in words."""
    model, existence = main.model, main.existence
    left = model.n_dropped
    limit = existence.limit
    proved = main.limits is not None and limit is not None and math.isfinite(limit.error_bound)
    found = {
        "data": (LOOK, f"look here: {count(left, 'row')} left out")
        if left
        else (GOOD, "complete, finite"),
        "existence": (FAILED, _in_short(existence)),
        "claims": (GOOD, f"limits exact to {at_most(limit.error_bound)} SE")
        if proved and limit is not None and limit.names
        else (LOOK, "look here: no limit is proved")
        if not proved
        else (GOOD, "passed"),
    }
    if main.comparison is not None:
        found["comparison"] = (LOOK, "look here: no estimate")
    if main.audits:
        wrong = [abbreviated(audit.producer) for audit in main.audits if not audit.passed]
        found["audits"] = (FAILED, f"failed: {', '.join(wrong)}") if wrong else (GOOD, "passed")
    return found


def _in_short(existence: Existence) -> str:
    """Why there is no estimate, or no single one."""
    if existence.kind == "undecided":
        return "undecided"
    if existence.kind != "rank deficient":
        return f"no: {existence.kind}"
    return "no: separated rows, dependent columns" if existence.n_separated else "not unique"


def first_without_mle(main: WithoutMLE) -> Facts:
    """The same as `first_screen` gives of a model with an estimate."""
    doubts, claims = doubts_of(main), claims_of(main)
    comparison = main.comparison
    stand = standings_of(main)
    for section, _, short in doubts:
        kind, said = stand.get(section, ("", ""))
        if kind == GOOD:
            stand[section] = (LOOK, f"look here: {short}")
        elif kind == LOOK and section != "comparison":
            stand[section] = (kind, f"{said}, {short}")
    return {
        "sentence": why_none(main),
        "compared": "" if comparison is None else comparison.message,
        "claims": [{"name": name, "text": text} for name, text in claims],
        "figures": [
            dict(zip(("name", "value", "detail"), each, strict=True)) for each in figures_of(main)
        ],
        "predicted": "",
        "doubts": [dict(zip(("section", "text", "short"), each, strict=True)) for each in doubts],
        "looked": "",
        "rows": "",
        "standings": {name: Standing(*each)._asdict() for name, each in stand.items()},
        "legend": legend(Standing(*each) for each in stand.values()),
    }
