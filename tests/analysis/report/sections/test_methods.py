from dataclasses import replace

import numpy as np
import pandas as pd
from reports import facts_with

from flatprior.analysis import compare_models, compare_routes, report_facts
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_births,
    load_endometrial,
    load_spector,
    sample_independence,
)
from flatprior.models.common.text import at_most


def said(facts):
    """Both paragraphs of the section."""
    section = next(s for s in facts["sections"] if s["id"] == "methods")
    ((how, proved),) = [item["text"] for item in section["items"]]
    return how, proved


def test_numbers_and_versions_are_those_of_the_report(facts, model, agreement):
    how, proved = said(facts)
    n, events = model.n_observations, model.n_events
    assert f"of {n} observations with {events} events ({events / n:.1%})" in how
    assert f"{model.n_parameters} coefficients" in how
    assert model.formula in how
    assert model.data_hash in how
    assert "Reference levels: psi 0." in how
    for name, version in facts["data"]["versions"].items():
        assert (version in how.split("Computed with")[1]) or name == "pymc"
    assert "PyMC" not in how  # which had no part in it
    assert "Posterior intervals of 95% are equal-tailed" in how
    assert "Classification is by the same predictions at a cut of 0.5" in how
    certificate = agreement.mle.certificate
    assert f"than {at_most(certificate.error_bound)} standard errors" in proved
    assert f"at most {at_most(certificate.log_likelihood_error)} below" in proved
    assert "What is said of draws is tested, not proved." in proved


def test_what_was_not_done_is_not_said(model):
    how, proved = said(facts_with(model=model))
    # no data at hand
    for word in ("routes", "sampled", "compared", "type II", "Effects", "Posterior intervals"):
        assert word not in how
    for package in ("PyMC", "ArviZ", "scikit-learn"):
        assert package not in how
    assert "draws" not in proved
    how, _ = said(facts_with(model=model, data=load_spector()))
    assert "Effects on the probability are averages" in how
    assert "Holm" not in how  # a category of two levels has no contrasts


def test_tests_of_terms_holm_weights_and_what_was_left_out_are_said():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=90), "g": list("abc") * 30})
    frame["y"] = rng.integers(0, 2, 90)
    frame["w"] = rng.integers(0, 3, 90)
    frame.loc[[3, 4], "x"] = np.nan
    data = frame.drop(columns="w")
    how, _ = said(facts_with(model=BernoulliLogistic.from_formula("y ~ x + g", data), data=data))
    assert "whole terms by likelihood-ratio tests of type II" in how
    assert "adjusted by Holm's method, and intervals are by Bonferroni's" in how
    assert "2 rows with a missing value were left out" in how
    model = BernoulliLogistic.from_formula("y ~ x", frame, frequency_weights="w", offset="x")
    how, _ = said(facts_with(model=model))
    assert f"of {model.n_observations} observations in {model.n_rows} rows" in how
    assert f"and {model.n_zero_weight} rows of weight 0 were left out" in how
    assert "an offset (x)" in how


def test_what_is_said_of_groups_and_of_samples_without_an_mle():
    groups = pd.DataFrame({"x": [0, 1, 2, 3.0], "d": [1, 3, 0, 5], "h": [5, 4, 0, 2]})
    model = BernoulliLogistic.from_formula("cbind(d, h) ~ x", groups)
    how, _ = said(facts_with(model=model))
    assert "for each beside the intercept); 1 group without trials was left out." in how
    assert "weight" not in how
    # eight observations in four groups: some bootstrap samples are separated
    small = pd.DataFrame({"x": [0, 1, 2, 3.0], "d": [1, 1, 1, 1], "h": [1, 1, 1, 1]})
    facts = report_facts(model=BernoulliLogistic.from_formula("cbind(d, h) ~ x", small))
    tables = [i for s in facts["sections"] for i in s["items"] if i.get("id") == "validation"]
    (note,) = [each for each in tables[0]["notes"] if "have no MLE" in each]
    without = note.split(" of ")[0]
    how, _ = said(facts)
    assert f"by 200 bootstrap samples, {without} of them left out for want of an MLE" in how


def test_a_route_and_draws_that_fail_are_said_to(model):
    fit = fit_newton(model)
    off = replace(fit_sklearn(model), coefficients=fit.coefficients + 0.01 * fit.standard_errors)
    few = sample_independence(model, draws=40, seed=1, progress=False)
    how, _ = said(facts_with(agreement=compare_routes(model, fit, off, few)))
    assert "4 chains of 40 draws, seed 1" in how
    assert "Not within the tolerance of 1e-06 standard errors: scikit-learn (no penalty)." in how
    assert "did not pass tests of identities" in how


def test_a_comparison_says_by_what(model):
    small = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    models = {"all": model, "gpa": small}
    how, _ = said(facts_with(comparison=compare_models(models)))
    assert "2 models of the same observations were compared by AIC." in how
    assert "the best of them by AIC: its intervals and p-values take no account of that" in how
    how, _ = said(facts_with(comparison=compare_models(models, leave_one_out=True)))
    assert "by AIC and exact leave-one-out." in how
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    how, _ = said(facts_with(agreement=agreement, comparison=compare_models(models)))
    assert "take no account of that choice" not in how  # the main model was given
    data = load_endometrial()
    models = {
        formula: BernoulliLogistic.from_formula(formula, data) for formula in ("HG ~ PI", "HG ~ NV")
    }
    how, _ = said(facts_with(comparison=compare_models(models)))
    assert "by AIC, of which 1 without an estimate was not ranked." in how
    assert "take no account" not in how  # there was no other
    none = {
        formula: BernoulliLogistic.from_formula(formula, data)
        for formula in ("HG ~ NV", "HG ~ NV + PI")
    }
    how, _ = said(facts_with(comparison=compare_models(none)))
    assert "none of which is known to have an estimate" in how


def test_without_an_estimate_none_is_claimed():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    how, proved = said(facts_with(model=model))
    assert "none is reported" in how
    assert "quasi-complete separation" in proved
    assert "no reported coefficient" not in how + proved
    assert "Confidence intervals" not in how


def test_of_a_rank_deficient_model_the_coefficients_that_are_determined_are_reported():
    births = load_births()
    births["twice"] = 2 * births["lwt"] + 1
    model = BernoulliLogistic.from_formula("low ~ lwt + smoke + twice", births)
    how, proved = said(facts_with(model=model))
    assert "none is reported of coefficients that are not determined" in how
    assert "with profile-likelihood intervals" in how
    assert "rank 3, not 4" in proved
