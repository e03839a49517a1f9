"""What is shown of a validation says what it is of, and what is lacking."""

import re

import numpy as np
import pandas as pd

from flatprior.analysis import validate
from flatprior.models import BernoulliLogistic, load_spector

MODEL = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())


def flat(found):
    return " ".join(str(found).split())


def test_title_and_facts_say_what_was_drawn_and_proved():
    found = validate(MODEL, 60, seed=1, stratified=True)
    said = flat(found)
    assert "Bootstrap validation: grade ~ gpa + tuce + psi" in said
    assert "60 bootstrap samples of 32 observations, events and others apart, seed 1" in said
    assert re.search(r"each fit is within [\d.e-]+ standard errors of its MLE \(proved\)", said)
    said = flat(validate(MODEL, 2, method="cross-validation", folds=4, seed=3))
    assert "Cross-validation: grade ~ gpa + tuce + psi" in said
    assert "4 folds of 32 observations, cut 2 times, seed 3" in said


def test_many_fits_without_an_MLE_are_said_to_make_the_rest_too_favourable():
    found = validate(MODEL, 60, seed=1)
    assert found.n_lost > 3
    assert f"{found.n_lost} of 60 samples have no MLE" in flat(found)
    assert "too large for these data" in flat(found)


def test_where_many_samples_are_lost_scores_have_no_interval():
    # of samples of five rows 0.5872 have no MLE: the others are no sample of what a fit would do
    few = pd.DataFrame({"x": range(5), "y": [0, 1, 0, 1, 1]})
    found = validate(BernoulliLogistic.from_formula("y ~ x", few), 40, seed=2)
    assert found.n_lost > 10
    assert found.table()[["2.5%", "97.5%"]].isna().all(axis=None)
    assert np.isfinite(found.table().loc["AUC", "corrected"])
    assert "that is too many for intervals" in flat(found)


def test_it_is_shown_everywhere_and_its_tables_are_copies():
    found = validate(MODEL, 20, seed=1)
    assert "<table" in found._repr_html_()
    assert "| AUC |" in found.to_markdown(["corrected"])
    table = found.table()
    table.loc["AUC", "corrected"] = 7.0
    assert found.table().loc["AUC", "corrected"] < 1
    assert all(len(line) <= 80 for line in str(found).splitlines())
