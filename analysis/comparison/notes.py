"""What to keep in mind of a comparison, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from flatprior.analysis.diagnostics.psis import PSISLOO
from flatprior.analysis.maxima import log_chi_squared_tail
from flatprior.models import BernoulliLogistic, Existence, PointEstimate
from flatprior.models.common.text import (
    COUNTS,
    SCREEN,
    abbreviated,
    at_most,
    count,
    first_of,
    names_in,
    p_value,
    printable,
    rows_phrase,
)
from flatprior.models.existence.limiting import GOES

SMALL_SAMPLE = 0.1  # of k: a larger difference between p_loo and k is pointed out
SEEN = 5e-4  # error of a log-likelihood that shows in the table

# what is said of leave-one-out; a report is held against these too
NO_ELPD = (
    "there is no elpd_loo of {whose}: without {rows} its posterior is improper, or not proved to "
    "be proper"
)
BAD_K = (
    "{observations} of {whose} with a Pareto k above {limit}: its elpd_loo is unreliable; compare "
    "the LOO log score"
)
TOO_CLOSE = "the elpd_diff of {whose} is within the Monte Carlo error: sample longer to rank them"
SMALL = (
    "the sample is small for {whose}: p_loo is not k, the posterior is not near normal, and AIC "
    "and p of the likelihood ratio are rough"
)
NO_PAIRS = (
    "dse and stacking weights take the log densities of every row under each model, which are kept "
    "of no more than 1,048,576 rows in files or on a cluster"
)
SUPREMA = (
    "where there is no estimate, log-likelihood and deviance are suprema, which no coefficients "
    "reach, and likelihood ratios stand; AIC and BIC add 2k and k log n to that deviance, as R "
    "prints them, but this is derived at a maximum that is reached: such models are put last"
)
OF_LEAVE_ONE_OUT = (NO_ELPD, BAD_K, TOO_CLOSE, SMALL, NO_PAIRS)


def notes_on(
    models: Mapping[str, BernoulliLogistic],
    regrouped: bool,
    same: Mapping[str, BernoulliLogistic],
    fits: Mapping[str, PointEstimate],
    loo: Mapping[str, PSISLOO],
    without: Mapping[str, Existence],
) -> tuple[str, ...]:
    """Notes on models as they were given and as they are compared (`same`), on fits and draws."""
    notes = [
        f"there is no maximum likelihood estimate of {model_label(name)} ({_why(found)})"
        if found.limit is not None
        else f"of {model_label(name)} no likelihood is known: {found.message}"
        for name, found in without.items()
    ]
    if any(found.limit is not None for found in without.values()):
        notes.append(SUPREMA)
    if regrouped:
        notes.append(
            "single rows and grouped counts of the same observations were put on the same rows; "
            "all log-likelihoods are of single Bernoulli observations, without the binomial "
            "coefficients that programs for grouped counts add"
        )
    constants = {model.trials.constant for model in models.values() if model.trials is not None}
    for name, model in same.items():
        if model.aliased is not None:
            left_out = model.aliased.names
            notes.append(
                f"{count(len(left_out), 'coefficient')} of {model_label(name)} left out, whose "
                f"columns are combinations of others: {first_of(map(printable, left_out))}"
            )
    if constants:
        notes.append(
            "log-likelihoods, deviances and criteria are of single observations: programs for "
            f"grouped counts add {first_of(f'{each:.6f}' for each in sorted(constants))} to each "
            "log-likelihood, which no difference of models sees"
        )
    for name, found in loo.items():
        whose = model_label(name)
        if found.undefined_rows:
            notes.append(NO_ELPD.format(whose=whose, rows=rows_phrase(found.undefined_rows)))
        elif found.n_bad:
            bad = count(found.n_bad, "observation")
            notes.append(
                BAD_K.format(observations=bad, whose=whose, limit=f"{found.largest_k:.2f}")
            )
    if any(found.numbers is not None for found in loo.values()):
        notes.append(NO_PAIRS)
    if loo:
        best = max(loo, key=lambda name: -math.inf if loo[name].undefined_rows else loo[name].elpd)
        close = [
            model_label(name)
            for name, found in loo.items()
            if name != best
            and abs(found.elpd - loo[best].elpd) < 2 * math.hypot(found.mcse, loo[best].mcse)
        ]
        if close:
            notes.append(TOO_CLOSE.format(whose=first_of(close)))
        far = [
            model_label(name)
            for name, found in loo.items()
            if abs(found.p_loo - len(fits[name].names))
            > SMALL_SAMPLE * len(fits[name].names) + 2 * found.mcse
        ]
        if far:
            notes.append(SMALL.format(whose=first_of(far)))
    rough = [
        f"{model_label(name)} {at_most(fit.certificate.log_likelihood_error, '.1g')}"
        for name, fit in fits.items()
        if SEEN < fit.certificate.log_likelihood_error < math.inf
    ]
    if rough:
        notes.append(
            "log-likelihoods may be below their maxima, by up to this (twice as much in deviance, "
            f"criteria and likelihood ratios): {names_in(SCREEN, rough)}"
        )
    notes += dict.fromkeys(said for model in models.values() for said in model.remarks)
    if any(model.weights_name for model in same.values()):
        notes.append(COUNTS)
    return tuple(notes)


def comparison_in_words(
    frame: pd.DataFrame,
    models: Mapping[str, BernoulliLogistic],
    loo: Mapping[str, PSISLOO],
    without: Mapping[str, Existence],
) -> str:
    """Which model is best, and by how much; of which of them nothing of the kind can be said."""

    def called(name: str) -> str:
        """By its name and, where that says something else, its formula."""
        said, formula = model_label(name), models[name].formula
        return said if formula is None or formula == name else f"{said} ({abbreviated(formula)})"

    some = frame.drop(index=list(without))
    undecided = [called(name) for name, found in without.items() if found.kind == "undecided"]
    none = [called(name) for name, found in without.items() if found.kind != "undecided"]
    if not len(some):
        is_said = "is proved to have" if undecided else "has"
        message = f"None of them {is_said} a maximum likelihood estimate. "
        known = any(found.limit is not None for found in without.values())
        return message + (_of_ratios(frame, without) if known else "Nothing tells them apart.")
    if "elpd_diff" in some and some["elpd_diff"].notna().sum() > 1:
        best, second = some.index[:2]
        apart, error = (float(some[name].iloc[1]) for name in ("elpd_diff", "dse"))
        told = abs(apart) > 2 * max(error, loo[best].mcse, loo[second].mcse)
        message = (
            f"The best predictions, elpd_loo {some['elpd_loo'].iloc[0]:.2f}, are those of "
            f"{called(best)}; {called(second)} follows at {apart:.2f}, with a standard error of "
            f"the difference of {error:.2f}: "
            + ("a clear difference." if told else "the data do not tell the two apart.")
        )
        undefined = [called(name) for name, found in loo.items() if found.undefined_rows]
        if undefined:
            message += f" There is no elpd_loo of {first_of(undefined)}."
    else:
        ranked = some["AIC"].sort_values(kind="stable")
        best, *others = ranked.index
        alone = ", the only model with an estimate" if not others else ""
        # others may have a smaller one, of a supremum
        among = "Of the models with an estimate the" if without and others else "The"
        message = f"{among} smallest AIC, {ranked[best]:.2f}, is that of {called(best)}{alone}"
        if others:
            gap = ranked[others[0]] - ranked[best]
            message += f"; {called(others[0])} follows {gap:.2f} above it"
        message += "."
    if none:
        message += f" There is no maximum likelihood estimate of {first_of(none)}."
    if undecided:
        message += (
            f" Of {first_of(undecided)} it is undecided whether there is a maximum likelihood "
            "estimate: with no likelihood it is not compared."
        )
    if any(found.limit is not None for found in without.values()):
        message += f" {_of_ratios(frame, without)}"
    return message


def _of_ratios(frame: pd.DataFrame, without: Mapping[str, Existence]) -> str:
    """What suprema still say: the likelihood-ratio tests that take one."""
    tests = [
        f"{model_label(name)} against {model_label(row['parent'])}, chi-squared({row['df']}) = "
        f"{row['LR']:.3f}, p = {p_value(row['p'], log_chi_squared_tail(row['LR'], row['df']))}"
        for name, row in frame[frame["p"].notna()].iterrows()
        if name in without or row["parent"] in without
    ]
    if not tests:
        return "No likelihood ratio is of nested models: nothing tells them apart."
    return f"Likelihood ratios stand, by suprema: {first_of(tests)}."


def _why(found: Existence) -> str:
    """What is the matter, and which coefficients diverge."""
    far = [printable(name) for name, way in found.coefficients.items() if way in GOES]
    return f"{found.kind}{f'; diverging: {first_of(far)}' if far else ''}"


def model_label(name: object) -> str:
    """What a model is called in a sentence: "model 5" where its name is a number."""
    text = abbreviated(name)
    return f"model {text}" if text.isdecimal() else text
