"""How sections stand: what is said of routes and draws, of every kind of outcome."""

import re

import numpy as np
import pytest
from problems import as_posterior
from reports import students

from flatprior.analysis import compare_routes
from flatprior.analysis.agreement.judged import Unavailable
from flatprior.analysis.report.first_screen import first_screen
from flatprior.analysis.report.main_model import MainModel
from flatprior.analysis.report.standings import Doubt, standings
from flatprior.analysis.report.takeaway import takeaway
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_spector,
    sample_independence,
)


def outcomes():
    """Results of every kind, the tolerance, what stands at the badge, and the heading."""
    model = students()
    newton, sklearn = fit_newton(model), fit_sklearn(model)
    right = sample_independence(model, seed=1, progress=False)
    moved = as_posterior(model, right.draws + 0.5 * newton.standard_errors, right.log_density)
    apart = right.draws.copy()
    apart[0] += 2 * newton.standard_errors
    unmixed = as_posterior(model, apart, right.log_density)
    halved = dict(zip(model.names, newton.coefficients / 2, strict=True))
    none = Unavailable("map", "PyMC is not there")
    one, tested = "2 routes, one answer", "draws pass the tests"
    return {
        "estimates": ((newton, sklearn), 1e-6, "proved", one),
        "estimates and draws": (
            (newton, sklearn, right),
            1e-6,
            "proved, draws tested",
            f"{one}; {tested}",
        ),
        "one of each": (
            (newton, right, none),
            1e-6,
            "proved, draws tested",
            f"One route, proved; {tested}",
        ),
        "draws alone": (
            (right, right),
            1e-6,
            "draws tested",
            "2 sets of draws, which pass the tests",
        ),
        "an estimate with too large a bound, and draws": (
            (newton, right),
            1e-14,
            "not proved: newton",
            "The routes are not shown to agree",
        ),
        "an estimate that is another": (
            (newton, halved),
            1e-6,
            "failed: stated coefficients",
            "The routes disagree",
        ),
        "draws of something else": (
            (newton, moved),
            1e-6,
            "failed: nuts",
            "The routes disagree",
        ),
        "another estimate, and draws": (
            (newton, halved, right),
            1e-6,
            "failed: stated coefficients",
            "The routes disagree",
        ),
        "chains apart": (
            (newton, unmixed),
            1e-6,
            "not proved: nuts",
            "The routes are not shown to agree",
        ),
    }


OUTCOMES = outcomes()


@pytest.mark.parametrize("what", OUTCOMES)
def test_of_draws_the_word_proved_is_never_used(what):
    results, tolerance, badge, heading = OUTCOMES[what]
    agreement = compare_routes(students(), *results, tolerance=tolerance)
    main = MainModel.of_results(agreement, None)
    first, top = first_screen(main), takeaway(main)
    assert first["standings"]["agreement"]["said"] == badge
    assert top["headline"] == heading
    assert first["sentence"].lower().startswith(agreement.brief.lower())
    legend = [f"{word}: {means}" for word, means in first["legend"].items()]
    texts = [first["sentence"], agreement.message, *legend, heading]
    said = [part for text in texts for part in re.split(r"[.;] ", text)] + badge.split(", ")
    for sentence in said:
        proved = re.search(r"(?<!not )proved", sentence)
        assert not (proved and re.search("draws|chains|independence|nuts", sentence)), sentence
    # and what fails is said first
    failed = [*agreement.disagreeing, *agreement.undecided]
    for route in failed[:1]:
        assert re.match(rf"((Route|The) {route}|The (draws|chains) of {route})\b", agreement.brief)


def test_chains_that_are_apart_are_no_evidence_in_the_first_sentences():
    results, *_ = OUTCOMES["chains apart"]
    brief = compare_routes(students(), *results).brief
    assert brief.startswith("The chains of nuts have not mixed: ")
    assert "no evidence about the posterior" in brief
    assert "newton is proved to lie" in brief


def test_why_to_look_at_the_data_stands_at_the_badge():
    frame = load_spector()
    frame.loc[[3, 5], "gpa"] = np.nan
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", frame)
    main = MainModel.of_results(compare_routes(model, fit_newton(model), fit_sklearn(model)), None)
    assert model.warnings
    doubts = [Doubt("data", said, "a warning") for said in model.warnings]
    assert standings(main, doubts)["data"] == ("look", "look here: 2 rows left out, a warning")
    assert standings(main, [])["data"] == ("look", "look here: 2 rows left out")
