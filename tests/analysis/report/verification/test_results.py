import copy
import re

import pytest

from flatprior.analysis import compare_models, read_report, verify_report, write_report
from flatprior.analysis.report.verification import results as verification_results
from flatprior.models import BernoulliLogistic, load_spector


def change(found, path, value):
    part = found
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value(part[path[-1]]) if callable(value) else value


ROUTE = ("agreement", "routes", 1)
TAMPERED = {
    "a coefficient": ((*ROUTE, "coefficients", 0), lambda value: value + 1e-3),
    "a standard error": ((*ROUTE, "standard_errors", 1), lambda value: value * 0.5),
    "a log-likelihood": ((*ROUTE, "log_likelihood"), lambda value: value + 1e-3),
    "digits": ((*ROUTE, "certificate", "digits", 0), lambda value: value + 3),
    "a distance": ((*ROUTE, "distance"), 0.5),
    "whether a route agrees": ((*ROUTE, "agrees"), False),
    "the verdict": (("agreement", "verdict"), "disagree"),
    "whether draws passed": (("agreement", "posteriors", 0, "passed"), False),
    "no routes": (("agreement", "routes"), []),
    "no agreement": (("agreement",), {}),
    "the number of events": (("n_events",), 12),
    "the number of observations": (("n_observations",), 33),
    "the rows left out": (("n_dropped",), 1),
    "the hash": (("data_hash",), "0" * 32),
    "the formula": (("formula",), "grade ~ gpa"),
    "the names": (("names", 1), "GPA"),
    "the main coefficients": (("estimate", "coefficients", 2), 0.0),
    "an AIC": (("comparison", "models", "gpa", "AIC"), lambda value: value - 5),
    "another model": (("comparison", "estimates", "gpa", "coefficients", 0), 0.0),
    "a standard error of another model": (
        ("comparison", "estimates", "gpa", "standard_errors", 0),
        lambda value: value / 10,
    ),
    "a BIC of another model's estimate": (
        ("comparison", "estimates", "gpa", "bic"),
        lambda value: value - 5,
    ),
    "a likelihood ratio": (("comparison", "models", "all", "LR"), lambda value: value + 1),
    "its degrees of freedom": (("comparison", "models", "all", "df"), 1),
    "its p": (("comparison", "models", "all", "p"), lambda value: value / 10),
    "the number of coefficients": (("comparison", "models", "all", "k"), 3),
    "the observations compared": (("comparison", "n_observations"), 320),
    "the events compared": (("comparison", "n_events"), 12),
    "a parent": (("comparison", "models", "all", "parent"), ""),
    "the AIC of a route": ((*ROUTE, "aic"), lambda value: value - 5),
    "the BIC of a route": ((*ROUTE, "bic"), lambda value: value - 5),
    "the AIC of the estimate": (("estimate", "aic"), lambda value: value - 5),
    "a standard error of the estimate": (
        ("estimate", "standard_errors", 1),
        lambda value: value / 10,
    ),
    "the log-likelihood of the estimate": (("estimate", "log_likelihood"), -1.0),
    "a Newton decrement": ((*ROUTE, "certificate", "newton_decrement"), lambda value: value / 10),
    "a radius": ((*ROUTE, "certificate", "radius"), lambda value: value * 2),
    "the observations of a route": ((*ROUTE, "provenance", "n_observations"), 320),
    "the verdict sentence": (
        ("agreement", "message"),
        lambda value: value.replace("are each proved", "are all proved"),
    ),
    "a number in it": (
        ("agreement", "message"),
        lambda value: re.sub(r"lies [\d.]+ standard", "lies 0.001 standard", value),
    ),
    "the tolerance": (("agreement", "tolerance"), 1e-3),
    "the failures of draws": (("agreement", "posteriors", 0, "failures"), ["none"]),
    "a p-value of the draws that fails": (("agreement", "posteriors", 0, "score_p"), 1e-9),
    "the mode of the draws": (("agreement", "posteriors", 0, "mode", 1), lambda value: value + 1),
    "the shift that theory predicts": (
        ("agreement", "posteriors", 0, "predicted_shift", 1),
        lambda value: value / 2,
    ),
    "something more": (("agreement", "routes", 0, "trust me"), 1),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_tampered_with_does_not_stand(what, both, comparison, model):
    found, others = copy.deepcopy(both[1]), dict(comparison.models)
    change(found, *TAMPERED[what])
    with pytest.raises(ValueError):  # noqa: PT011  (each says what it is)
        verify_report(model, found, others)


@pytest.mark.parametrize("stated", [None, "0" * 32])
def test_whatever_data_hash_an_estimate_states_its_numbers_are_held_against_the_data(
    stated, both, model
):
    for part in (("estimate",), ROUTE):
        found = copy.deepcopy(both[1])
        estimate = found
        for key in part:
            estimate = estimate[key]
        estimate["standard_errors"] = [value / 10 for value in estimate["standard_errors"]]
        if stated is not None:
            estimate["provenance"]["data_hash"] = estimate["stated_data_hash"] = stated
        with pytest.raises(ValueError, match=r"standard_errors|data_hash"):
            verify_report(model, found)


@pytest.mark.parametrize("what", ["log_likelihood", "aic", "bic"])
def test_criteria_of_a_fit_made_elsewhere_are_those_of_its_coefficients(what, both, comparison):
    found = copy.deepcopy(both[1])
    models = dict(comparison.models)
    found["versions"]["numpy"] = "1.0"  # so that the way to the fits is not made again
    verify_report(models["all"], found, models)
    found["comparison"]["estimates"]["gpa"][what] *= 1 + 1e-6
    with pytest.raises(ValueError, match=rf"{what.replace('_', '-')} of gpa is"):
        verify_report(models["all"], found, models)


def test_standard_errors_of_a_fit_made_elsewhere_are_held_whatever_their_size(tmp_path):
    # a column in units of which a coefficient is 1e-10 of another has errors of that size
    data = load_spector().assign(far=lambda frame: frame["tuce"] * 1e10)
    models = {
        name: BernoulliLogistic.from_formula(f"grade ~ {name}", data)
        for name in ("gpa", "gpa + far")
    }
    comparison = compare_models(models)
    found = read_report(write_report(tmp_path / "r.html", comparison=comparison))
    found["versions"]["numpy"] = "1.0"
    main = models[comparison.table().index[0]]
    verify_report(main, found, models)
    errors = found["comparison"]["estimates"]["gpa + far"]["standard_errors"]
    assert errors[2] < 1e-10
    errors[2] *= 2
    with pytest.raises(ValueError, match=r"the standard errors of gpa \+ far"):
        verify_report(main, found, models)


def test_a_report_that_states_nothing_of_events_and_groups_is_verified(both, model, comparison):
    # as versions wrote it that knew of none
    found = copy.deepcopy(both[1])
    fits = [part["provenance"] for part in found["comparison"]["estimates"].values()]
    for part in (found, *fits):
        for what in verification_results.ADDED:
            part.pop(what, None)
    assert len(verify_report(model, found, dict(comparison.models))) == 5
    found["event"] = "1"
    with pytest.raises(ValueError, match="event is None, not '1'"):
        verify_report(model, found, dict(comparison.models))


WITHOUT_MLE = {
    "a limit": (("existence", "limit", "coefficients", 1), lambda value: value + 0.01),
    "the supremum": (("existence", "limit", "log_likelihood"), -21.7),
    "a kind": (("existence", "kind"), "overlap"),
    "whether it exists": (("existence", "exists"), True),
    "the message": (("existence", "message"), "the maximum likelihood estimate exists"),
    "a row less": (("existence", "separated_rows"), lambda rows: rows[:-1]),
    "a label less": (("existence", "separated_labels"), lambda rows: rows[:-1]),
    "how many rows": (("existence", "n_separated"), 12),
    "where a coefficient goes": (("existence", "coefficients", "NV"), "finite"),
    "a direction": (("existence", "direction", 1), 0.0),
    "a bound": (("existence", "limit", "error_bound"), 1e-30),
    "draws": (("seeds",), {"nuts": 1}),
    "no reason": (("existence",), {}),
    "events": (("n_events",), 31),
}


@pytest.mark.parametrize("what", WITHOUT_MLE)
def test_why_there_is_no_estimate_is_found_anew(what, without_mle, separated):
    found = copy.deepcopy(without_mle[1])
    verify_report(separated, found)
    change(found, *WITHOUT_MLE[what])
    with pytest.raises(ValueError, match=r"existence|n_events|there is no seeds"):
        verify_report(separated, found)


def test_an_estimate_cannot_be_kept_silent_nor_a_reason_be_added(both, without_mle, model):
    silent = copy.deepcopy(both[1]) | {"agreement": None, "comparison": None, "checks": []}
    silent |= {"estimate": None, "existence": without_mle[1]["existence"], "seeds": {}}
    with pytest.raises(ValueError, match="estimate exists, and is not in it"):
        verify_report(model, silent)
    with pytest.raises(ValueError, match="existence, which nothing gives"):
        verify_report(model, both[1] | {"existence": without_mle[1]["existence"]})
