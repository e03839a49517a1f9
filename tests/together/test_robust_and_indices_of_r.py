"""Covariances by name, indices and residuals against those of R, which terms.R stored."""

import json

import numpy as np
import pandas as pd
import pytest
from problems import DATA

from flatprior.analysis import diagnose, goodness_of_fit, predictive_indices, robust_covariance
from flatprior.models import BernoulliLogistic, fit_newton

IN_R = json.loads((DATA / "terms_r.json").read_text())["models"]
ROUNDED = ("births_polynomial", "cells")  # predictions are the same but for rounding, here or in R
CLUSTERED = [name for name, facts in IN_R.items() if "clustered" in facts]


def fitted(name):
    """The model that R fitted, its fit, and where each of R's coefficients is in it."""
    facts = IN_R[name]
    frame = pd.read_csv(DATA / facts["data"])
    model = BernoulliLogistic.from_formula(
        facts["formula"], frame, frequency_weights=facts["weights"]
    )
    fit = fit_newton(model)
    theirs = np.array(facts["coefficients"])
    ours = fit.coefficients.round(9)  # two may be the same: they come in the same order
    order = np.empty(len(theirs), dtype=int)
    order[np.argsort(theirs.round(9), kind="stable")] = np.argsort(ours, kind="stable")
    assert fit.coefficients[order] == pytest.approx(theirs, rel=1e-9)
    return model, fit, order, frame


@pytest.mark.parametrize("name", list(IN_R))
@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3", "HC4"])
def test_kinds_are_those_of_sandwich(name, kind):
    model, fit, order, _ = fitted(name)
    found = robust_covariance(model, fit, kind).standard_errors[order]
    assert found == pytest.approx(IN_R[name]["robust_of_trials"][kind], rel=1e-7)
    if "robust_of_groups" in IN_R[name]:
        found = robust_covariance(model, fit, kind, units="groups").standard_errors[order]
        assert found == pytest.approx(IN_R[name]["robust_of_groups"][kind], rel=1e-7)


@pytest.mark.parametrize("name", CLUSTERED)
def test_clusters_are_those_of_sandwich_and_club_sandwich(name):
    model, fit, order, frame = fitted(name)
    theirs = IN_R[name]["clustered"]
    one, two = (frame[column].loc[model.row_labels] for column in theirs["by"])
    for options, expected in (
        ({"cluster": one, "correction": "R"}, theirs["one_way"]["HC0"]),
        ({"cluster": one}, theirs["one_way"]["HC1"]),
        ({"cluster": one, "correction": "none"}, theirs["one_way_without_factor"]["HC0"]),
        ({"kind": "CR2", "cluster": one}, theirs["clubSandwich"]["CR2"]),
        ({"cluster": one, "correction": "Stata"}, theirs["clubSandwich"]["CR1"]),
        ({"cluster": one, "correction": "statsmodels"}, theirs["clubSandwich"]["CR1S"]),
        ({"cluster": [one, two], "correction": "R"}, theirs["two_way"]["HC0"]),
        ({"cluster": [one, two]}, theirs["two_way"]["HC1"]),
        ({"cluster": (one, two), "correction": "none"}, theirs["two_way_without_factor"]["HC0"]),
    ):
        found = robust_covariance(model, fit, **options)
        if not found.n_negative:  # of R what is negative stays
            assert found.standard_errors[order] == pytest.approx(expected, rel=1e-7), options
        else:
            least = np.array([0.0 if each is None else each for each in expected])
            assert (found.standard_errors[order] >= least * (1 - 1e-7)).all()


@pytest.mark.parametrize("name", list(IN_R))
def test_indices_are_those_of_pscl_and_proc(name):
    model, fit, _, _ = fitted(name)
    theirs, found = IN_R[name]["indices_of_trials"], goodness_of_fit(model, fit)
    assert found.cox_snell == pytest.approx(theirs["cox_snell"], rel=1e-9)
    assert found.nagelkerke == pytest.approx(theirs["nagelkerke"], rel=1e-9)
    assert found.mcfadden == pytest.approx(theirs["mcfadden"], rel=1e-9)
    assert found.aicc == pytest.approx(theirs["AICc"], rel=1e-11)
    table = predictive_indices(model, fit).table()
    area = table.loc["AUC"]
    assert table.loc["discrimination slope", "value"] == pytest.approx(
        theirs["discrimination_slope"], rel=1e-8
    )
    if name in ROUNDED:
        eta, event = model.design @ fit.coefficients, model.response == 1
        apart = np.abs(eta[event][:, None] - eta[~event])
        assert abs(area["value"] - theirs["auc"]) <= (apart < 1e-9).mean()
        return
    assert area["value"] == pytest.approx(theirs["auc"], rel=1e-12)
    assert area["standard error"] ** 2 == pytest.approx(theirs["auc_delong_variance"], rel=1e-9)
    assert list(area[["2.5%", "97.5%"]]) == pytest.approx(theirs["auc_delong_interval"], rel=1e-9)


@pytest.mark.parametrize(
    ("name", "units"), [("births", "trials"), ("survey", "trials"), ("grouped", "groups")]
)
def test_residuals_are_those_of_r(name, units):
    model, fit, _, _ = fitted(name)
    table, theirs = diagnose(model, fit, units=units).table(), IN_R[name]["casewise"]
    for column, of_r in {
        "rstudent": "rstudent",
        "standardised deviance residual": "rstandard",
        "studentised residual": "rstandard_pearson",
        "Cook's distance": "cooks_distance",
        "leverage": "hatvalues",
    }.items():
        assert table[column].to_numpy() == pytest.approx(theirs[of_r], rel=1e-7, abs=1e-10), column
    # R's dffits is another: it has deviance residuals, and a scale without the observation
    assert np.abs(table["DFFITS"] / np.array(theirs["dffits"]) - 1).max() > 0.01
