"""Analysis of deviance of several models, each against the one before it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

from flatprior.analysis.comparison.comparable import is_nested, same_observations
from flatprior.analysis.inference.hypotheses.analysis_of_deviance import (
    SUPREMA,
    AnalysisOfDeviance,
    Kind,
    of_some,
    table_of,
    told,
)
from flatprior.analysis.inference.hypotheses.likelihood_tests import (
    likelihood_ratio_test,
    of_suprema,
    score_test,
)
from flatprior.analysis.inference.hypotheses.submodels import (
    KINDS,
    Maximum,
    Wanted,
    each_or_why_not,
    maximum_of,
)
from flatprior.analysis.inference.hypotheses.wald import wald_test
from flatprior.analysis.maxima import (
    HypothesisTest,
    chi_squared_test,
    of_full_rank,
    ratio,
)
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.same_passes import in_same_passes
from flatprior.models.common.calls import require_kind, require_likelihood
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import SCREEN, names_in
from flatprior.models.routes.newton import converged_mle

SAME_LIKELIHOOD = 1e-8


def of_models(given: Sequence[BernoulliLogistic], test: Kind) -> AnalysisOfDeviance:
    """Each model against the one before it."""
    for each in given:
        require_kind(each, BernoulliLogistic, "each model", "BernoulliLogistic.from_formula")
        require_likelihood(each, "anova")
    names = [f"model {i + 1}" for i in range(len(given))]
    same = same_observations(dict(zip(names, given, strict=True)))
    models = [of_full_rank(each) for each in same.values()]
    for name, one, two in zip(names[1:], models[:-1], models[1:], strict=True):
        small, large = sorted((one, two), key=lambda each: each.n_parameters)
        if not is_nested(small, large):
            raise InputError(
                f"{name} and the one before it are not nested: compare them by AIC or elpd, see "
                "compare_models"
            )
    maxima, _ = in_same_passes(
        [each.rows for each in models], [partial(maximum_of, each) for each in models]
    )
    every = list(zip(names, models, maxima, strict=True))
    tests = each_or_why_not(
        test,
        [
            Wanted(
                min(one, two, key=_rank)[0],
                partial(lambda one, two: abs(_rank(one) - _rank(two)), one, two),
                partial(_between, one, two, test),
            )
            for one, two in pairwise(every)
        ],
    )
    frame = table_of(names, [None, *tests], test)
    frame.insert(0, "k", [each.rank for each in maxima])
    frame.insert(1, "deviance", [-2 * each.log_likelihood for each in maxima])
    frame.insert(2, "AIC", [each.aic for each in maxima])
    notes = ["each model is tested against the one above it"]
    if any(each.separated for each in maxima):
        notes.append(SUPREMA)
    notes += [
        f"{name} and the one above it are one model: the columns of each are combinations of the "
        "other's, and there is nothing to test"
        for name, (one, two) in zip(names[1:], pairwise(maxima), strict=True)
        if one.rank == two.rank
    ]
    notes += of_some(dict(zip(names[1:], tests, strict=True)))
    called = [
        f"{name}: {each.formula or names_in(SCREEN, each.names)}"
        for name, each in zip(names, given, strict=True)
    ]
    return AnalysisOfDeviance(
        title=f"Analysis of deviance of {len(given)} models ({KINDS[test]} tests)",
        test=test,
        tests=told(names[1:], tests),
        frame=frame,
        formula=None,
        notes=tuple(notes),
        facts=(*given[0].facts[:1], *called),
    )


Fitted = tuple[str, BernoulliLogistic, Maximum]


def _rank(fitted: Fitted) -> int:
    return fitted[2].rank


def _between(one: Fitted, two: Fitted, test: Kind) -> HypothesisTest | None:
    """The test of two models, of which one is nested in the other; None if they are the same."""
    small, large = sorted((one, two), key=_rank)
    lower, full = small[2], large[2]
    if lower.rank == full.rank:
        return None
    for each in (lower, full):
        each.require(reached=False)
    statistic = ratio(full.log_likelihood, lower.log_likelihood)
    if test == "LR":
        note = "; ".join(of_suprema(full, lower, large[1].n_rows))
        return chi_squared_test(KINDS[test], small[0], statistic, full.rank - lower.rank, note)
    model, names = large[1], small[1].names
    more = [name for name in model.names if name not in names]
    # the same names may be of other columns
    by_name = len(more) == full.rank - lower.rank and math.isclose(
        likelihood_ratio_test(model, more).statistic,
        statistic,
        rel_tol=SAME_LIKELIHOOD,
        abs_tol=SAME_LIKELIHOOD,
    )
    if not by_name:
        raise InputError(
            "one model is nested in the other, but its columns are not among the other's by name: "
            'take test="LR"'
        )
    found = score_test(model, more) if test == "score" else wald_test(converged_mle(model), more)
    return replace(found, hypothesis=small[0])
