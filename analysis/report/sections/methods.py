"""Section for a manuscript: how the numbers were made and which of them are proved, as plain text.

Nothing in it comes from draws that a report does not hold, so that it is made again, word for word,
when a report is verified.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from flatprior.analysis.report.items import section_of, text_of
from flatprior.analysis.report.main_model import (
    MOST_ROWS,
    MainModel,
    Reported,
    WithoutMLE,
    needs_data,
)
from flatprior.analysis.report.page import Facts
from flatprior.analysis.report.sections.effects import tables_of_effects
from flatprior.analysis.report.sections.making import sampling_in_words
from flatprior.analysis.report.sections.model import corrects_for_many, tests_terms
from flatprior.analysis.validation.validation import Validation
from flatprior.models import BernoulliLogistic
from flatprior.models.common.text import (
    ARRAY,
    SCREEN,
    abbreviated,
    at_most,
    count,
    level_in_words,
    listing,
    names_in,
    percent,
    printable,
    whole,
)
from flatprior.models.routes.registry import LABELS, ROUTES

LONGEST_FORMULA = 1500  # characters
NAMES = {"numpy": "NumPy", "scipy": "SciPy", "pymc": "PyMC", "arviz": "ArviZ"}
ALWAYS = ("python", "flatprior", "numpy", "scipy", "matplotlib")
INSTALLED = {"sklearn": "scikit-learn"}  # what is imported under another name
CALLED = {**NAMES, "python": "Python", "matplotlib": "Matplotlib"}
NOT_PROVED = (
    "Not proved, by this or any computation on the data, are the assumptions of the model: "
    "independent observations, the form of the linear predictor, and large samples for Wald, "
    "likelihood-ratio and profile-likelihood inference."
)


def methods(main: MainModel | WithoutMLE, data: Facts) -> Facts:
    """What a manuscript says of its methods, in two paragraphs; `data` are the results as JSON."""
    if isinstance(main, MainModel):
        how = [*_estimation(main), *_draws(main, data), *_inference(main)]
        how += [*_prediction(main, data)]
        proved = _proved(main)
    else:
        how, proved = _without_estimate(main)
    how += _comparison(data)
    used = _packages(main, data)
    return section_of(
        "methods",
        "Methods, for a manuscript",
        [text_of(" ".join([*_data(main), *how, _software(data, used)]), " ".join(proved))],
    )


def _data(main: Reported) -> Iterator[str]:
    """Model and data."""
    model = main.model
    formula = abbreviated(main.formula, LONGEST_FORMULA)
    coding = f" ({printable(model.response_coding)})" if model.response_coding else ""
    offset = ""
    if model.rows.has_offset:
        known = model.offset_name and model.offset_name != ARRAY
        offset = f" and an offset ({printable(model.offset_name)})" if known else " and an offset"
    yield (
        f"The probability of the event in {printable(model.response_name)}{coding} was modelled by "
        f"logistic regression for independent Bernoulli outcomes, without a penalty and with a "
        f"flat prior{offset}: {formula}."
    )
    n, events = model.n_observations, model.n_events
    where = "" if model.n_rows == n else f" in {count(model.n_rows, 'row')}"
    if model.weights_name is not None:
        where += " (frequency weights, taken as counts of observations)"
    yield (
        f"The analysis is of {count(n, 'observation')}{where} with {count(events, 'event')} "
        f"({percent(events / n)}) and "
        f"{count(model.n_parameters, 'coefficient')} ({main.each})" + _left_out(model)
    )
    references = [f"{name} {level_in_words(it)}" for name, it in model.reference_levels.items()]
    if references:
        yield f"Reference levels: {names_in(SCREEN, references)}."
    yield "No correction for an imbalance of the outcomes was made."
    if model.aliased is not None:
        yield (
            f"Left out as linear combinations of other columns: "
            f"{names_in(SCREEN, model.aliased.names)}."
        )


def _left_out(model: BernoulliLogistic) -> str:
    """How many rows are not in the analysis and why, at the end of a sentence."""
    found = []
    if model.n_dropped:
        found.append(f"{count(model.n_dropped, 'row')} with a missing value")
    if model.n_zero_weight and model.trials is not None:
        found.append(f"{count(model.n_zero_weight, 'group')} without trials")
    elif model.n_zero_weight:
        found.append(f"{count(model.n_zero_weight, 'row')} of weight 0")
    if not found:
        return "."
    were = "was" if model.n_dropped + model.n_zero_weight == 1 else "were"
    return f"; {' and '.join(found)} {were} left out."


def _estimation(main: MainModel) -> Iterator[str]:
    route = LABELS.get(main.fit.route, main.fit.route)
    agreement = main.agreement
    if agreement is None or len(agreement.routes) < 2:
        yield f"Coefficients are maximum likelihood estimates ({printable(route)})."
        return
    names = [_in_a_list(LABELS.get(r.estimate.route, r.estimate.route)) for r in agreement.routes]
    failed = [name for name, r in zip(names, agreement.routes, strict=True) if not r.passed]
    yield (
        f"Coefficients are maximum likelihood estimates, computed by {len(names)} routes "
        f"({listing(names)}); each result was judged on the data alone, and the one with the "
        f"smallest proved error is reported ({printable(route)}). "
        + (
            f"Not within the tolerance of {agreement.tolerance:.0e} standard errors: "
            f"{listing(failed)}."
            if failed
            else f"All lie within the tolerance of {agreement.tolerance:.0e} standard errors."
        )
    )


def _in_a_list(label: str) -> str:
    """A route's label without the comma that would divide it: "scikit-learn (no penalty)"."""
    name, _, how = printable(label).partition(", ")
    return f"{name} ({how})" if how else name


def _draws(main: MainModel, data: Facts) -> Iterator[str]:
    """Draws of the posterior and their tests, by what a report holds of them."""
    if main.agreement is None:
        return
    checks = main.agreement.posterior_checks
    for check, seed in zip(checks, list(data["seeds"].values())[: len(checks)], strict=True):
        label = printable(LABELS.get(check.route, check.route))
        chains = sampling_in_words(check.mixing.n_chains, check.mixing.n_draws, seed)
        yield (
            f"The posterior under the flat prior was sampled by {label} ({chains}); the draws "
            + ("passed" if check.passed else "did not pass")
            + " tests of identities that hold exactly for it, of their log-density and of their "
            f"mixing, of which right draws fail one with probability {check.false_alarm:.1g} at "
            "most."
        )


def _inference(main: MainModel) -> Iterator[str]:
    """Covariance, intervals and tests."""
    profile = main.exact is not None
    yield (
        "Standard errors are model-based, from the inverse of the Fisher information at the "
        "estimate, where observed and expected information are the same; no robust covariance was "
        "used. Confidence intervals of 95% are Wald's"
        + (" and those of the profile likelihood." if profile else ".")
    )
    checks = () if main.agreement is None else main.agreement.posterior_checks
    sound = [check.route for check in checks if check.passed]
    if sound:
        yield (
            "Posterior intervals of 95% are equal-tailed, between quantiles of the draws of "
            f"{printable(LABELS.get(sound[0], sound[0]))}."
        )
    tests = ["single coefficients by two-sided Wald tests"]
    if tests_terms(main):
        tests.append("whole terms by likelihood-ratio tests of type II")
    if main.summary.against_null is not None:
        tests.append("the model against a constant by a likelihood-ratio test")
    yield f"Tested were {listing(tests)}; these p-values are not adjusted for their number."
    if corrects_for_many(main.model):
        yield (
            "Coefficients are also given with a correction for their number (Sur and Candès 2019), "
            "where its conditions hold."
        )


def _comparison(data: Facts) -> list[str]:
    """By what models were compared, as the results say it."""
    compared = data["comparison"]
    if compared is None:
        return []
    scored = any(row.get("LOO log score") is not None for row in compared["models"].values())
    drawn = any("elpd_loo" in row for row in compared["models"].values())
    by = [
        *(["AIC"] if not drawn else ["AIC", "leave-one-out by importance sampling"]),
        *(["exact leave-one-out"] if scored else []),
    ]
    models, none = count(len(compared["models"]), "model"), len(compared.get("without", ()))
    if not compared["estimates"]:
        return [
            f"{models} of the same observations were compared, none of which is known to have an "
            "estimate: by suprema of their likelihoods where these are known."
        ]
    unranked = f", of which {none} without an estimate {'was' if none == 1 else 'were'} not ranked"
    said = f"{models} of the same observations were compared by {listing(by)}"
    said += f"{unranked if none else ''}."
    if any(row.get("LR") is not None for row in compared["models"].values()):
        suprema = ", by suprema where a model has no estimate" if none else ""
        said += f" Nested models were compared by likelihood-ratio tests{suprema}."
    if data["agreement"] is None and len(compared["estimates"]) > 1:
        said += (
            f" The model above is the best of them by {by[1] if drawn else by[0]}: its intervals "
            "and p-values take no account of that choice."
        )
    return [said]


def _prediction(main: MainModel, data: Facts) -> Iterator[str]:
    model = main.model
    if effects_shown(main, data):
        contrasts = any(name.startswith("contrasts") for name in tables_of_effects(model))
        yield (
            "Effects on the probability are averages over the observations (differences between "
            "levels and between 1 and 0, slopes of other numbers), with standard errors by the "
            "delta method"
            + (
                "; where the levels of a category are compared with one another, p-values are "
                "also given as adjusted by Holm's method, and intervals are by Bonferroni's."
                if contrasts
                else "; their p-values are not adjusted."
            )
        )
    judged = (
        "of the fit without the observation that is predicted (exact leave-one-out)"
        if main.leaves_out
        else "of the fit on the observations that it was fitted to"
    )
    # of which order and calibration without an observation say nothing
    groups = main.leaves_out and main.of_groups
    own = ", but for the area and the curve, which are of the fit on all" if groups else ""
    yield (
        f"Discrimination and calibration (area under the ROC curve with DeLong's standard error, "
        f"Brier and log score{', calibration by isotonic regression' if main.curve else ''}) are "
        f"those {judged}{own}"
        + (
            "."
            if main.validation is None
            else "; beside them stand those of the fit, corrected for optimism by "
            f"{_samples(main.validation)}."
        )
    )
    yield (
        f"Classification is by the same predictions at a cut of {main.classification.cut:g}, with "
        "the exact intervals of Clopper and Pearson."
    )


def _samples(validation: Validation) -> str:
    """How many bootstrap samples there are, and how many of them have no fit."""
    n, without = len(validation.refits.exists), int((~validation.refits.exists).sum())
    said = f"{n} bootstrap samples"
    return said if not without else f"{said}, {without} of them left out for want of an MLE"


def _proved(main: MainModel) -> list[str]:
    certificate = main.fit.certificate
    if not math.isfinite(certificate.error_bound):
        return ["Nothing is proved of how far the coefficients are from the MLE.", NOT_PROVED]
    within = certificate.standard_errors_within
    return [
        "Proved from coefficients and data alone, with first-order rounding of double precision "
        "included (by the self-concordance of the logistic loss, Bach 2010): the maximum "
        "likelihood estimate exists and is unique; no reported coefficient is further than "
        f"{at_most(certificate.error_bound)} standard errors from it; the log-likelihood is at "
        f"most {at_most(certificate.log_likelihood_error)} below its maximum"
        + (
            f"; the standard errors are within a relative {at_most(within)} of those at the MLE."
            if math.isfinite(within)
            else "."
        ),
        *(
            ["What is said of draws is tested, not proved."]
            if main.agreement is not None and main.agreement.posterior_checks
            else []
        ),
        NOT_PROVED,
    ]


def _without_estimate(main: WithoutMLE) -> tuple[list[str], list[str]]:
    """What can be said where there is no maximum likelihood estimate."""
    existence = main.existence
    if existence.kind == "undecided":
        message = f"{existence.message[:1].upper()}{existence.message[1:]}."
        return ["No estimate is reported."], [message]
    which = "finite" if existence.n_separated else "unique"
    how = [f"There is no {which} maximum likelihood estimate, and none is reported."]
    if existence.n_separated:
        how.append(
            "Given are the supremum of the likelihood, likelihood-ratio tests by suprema, and "
            "profile-likelihood intervals, open on the side on which the likelihood does not fall, "
            "where the size of the data allows it. Of coefficients that diverge there are no Wald "
            "tests and no standard errors, and of a posterior under the flat prior no draws."
        )
    elif main.limits is not None:
        how = [
            "There is no unique maximum likelihood estimate, and none is reported of coefficients "
            "that are not determined. "
            "Given are the maximum of the likelihood, likelihood-ratio tests, and of the "
            "coefficients that do not depend on which superfluous column is left out estimates and "
            "standard errors, with profile-likelihood intervals where the size of the data allows "
            "it; of a posterior under the flat prior there are no draws."
        ]
    return how, [*_why_none(main), NOT_PROVED]


def _why_none(main: WithoutMLE) -> Iterator[str]:
    """Why there is no maximum likelihood estimate, without what to do about it."""
    existence, k = main.existence, main.model.n_parameters
    if existence.n_separated:
        going = [name for name, way in existence.coefficients.items() if way in ("+inf", "-inf")]
        kind = existence.kind if existence.kind.endswith("separation") else "separation"
        yield (
            f"The outcomes are separated ({kind}) in {whole(existence.n_separated)} of "
            f"{count(main.model.n_rows, 'row')}"
            + (f"; coefficients that diverge: {names_in(SCREEN, going)}." if going else ".")
        )
    if existence.dependencies:
        names = names_in(SCREEN, list(existence.dependencies))
        yield (
            f"The design has rank {k - len(existence.dependencies)}, not {k}: combinations of "
            f"other columns are {names}."
        )


def _packages(main: Reported, data: Facts) -> set[str]:
    """The packages that results of this report come from, and that its figures are drawn with."""
    agreement = main.agreement
    point = [] if agreement is None else [each.estimate.route for each in agreement.routes]
    drawn = [] if agreement is None else [each.route for each in agreement.posterior_checks]
    compared = {} if data["comparison"] is None else data["comparison"]["models"]
    routes = {route.name: route.needs for route in ROUTES}
    needs = {routes[name] for name in (*point, *drawn) if routes.get(name)}
    if drawn or any("elpd_loo" in row for row in compared.values()):
        needs.add("arviz")  # which measures draws
    return {*ALWAYS, *(INSTALLED.get(name, name) for name in needs)}


def _software(data: Facts, used: set[str]) -> str:
    """Which programs, in which versions, and the data by their hash."""
    found = {name: number for name, number in data["versions"].items() if name in used}
    said = [
        f"{CALLED.get(name, name)} {printable(number)}"
        for name, number in found.items()
        if name != "flatprior"
    ]
    return (
        f"Computed with flatprior {printable(found.get('flatprior', ''))} on {listing(said)}; the "
        f"data have the hash {printable(data['data_hash'])} (XXH3)."
    )


def effects_shown(main: MainModel, data: Facts) -> bool:
    """Whether the report has effects of variables, with the data at hand or without."""
    model = main.model
    return (
        model.names not in (("Intercept",), ("const",))
        and model.n_rows <= MOST_ROWS
        and (not needs_data(model) or bool(data.get("with_data")))
    )
