import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from flatprior.analysis import confidence_intervals
from flatprior.analysis.inference import limits
from flatprior.analysis.inference.limits import Limits
from flatprior.models import BernoulliLogistic, check_existence, fit_newton, load_endometrial

FRAME = load_endometrial()


@pytest.fixture(scope="module")
def model():
    return BernoulliLogistic.from_formula("HG ~ NV + PI + EH", FRAME)


def test_at_an_end_the_likelihood_is_half_a_quantile_below_its_supremum(model):
    existence = check_existence(model)
    found = Limits.of(model, existence)
    low, high = found.intervals.loc["NV", ["2.5%", "97.5%"]]
    assert high == math.inf
    held = BernoulliLogistic.from_formula("HG ~ PI + EH", FRAME, offset=low * FRAME["NV"])
    drop = existence.limit.log_likelihood - fit_newton(held).log_likelihood
    np.testing.assert_allclose(drop, chi2.ppf(0.95, 1) / 2, rtol=1e-8)


def test_of_many_coefficients_those_that_diverge_have_their_interval(model, monkeypatch):
    monkeypatch.setattr(limits, "MOST_INTERVALS", 2)
    found = Limits.of(model, check_existence(model))
    assert list(found.intervals.index) == ["Intercept", "NV"]
    whole = confidence_intervals(model, names=["Intercept", "NV"]).table()
    pd.testing.assert_frame_equal(found.intervals, whole)
    shown = found.rendered()
    assert "those of 2 of 4 coefficients" in " ".join(shown.notes)
    assert [row[-1] for row in shown.cells] == [shown.cells[0][-1], "inf", "-", "-"]


def test_dependent_columns_and_complete_separation_say_where_the_supremum_comes_from(model):
    doubled = BernoulliLogistic.from_formula(
        "grade ~ gpa + twice",
        pd.DataFrame({"grade": [0, 1, 0, 1, 1], "gpa": [1.0, 2, 3, 4, 5]}).eval("twice = 2 * gpa"),
    )
    found = Limits.of(doubled, check_existence(doubled))
    assert list(found.intervals.index) == ["Intercept"]
    assert "(that of all rows)" in found.rendered().notes[0]
    apart = BernoulliLogistic.from_arrays(np.arange(6.0)[:, None], np.arange(6) > 2, intercept=True)
    found = Limits.of(apart, check_existence(apart), intervals=False)
    assert found.intervals is None
    assert found.n_left == 0
    assert "(every row is separated)" in found.rendered().notes[0]


@pytest.mark.parametrize("more", ["", " + NV"])
def test_of_what_the_data_determine_there_are_intervals_whichever_column_is_left_out(more):
    data = FRAME.assign(half=0.5 * FRAME["PI"] - FRAME["EH"], third=np.arange(len(FRAME)) % 3)
    tied = BernoulliLogistic.from_formula(f"HG ~ PI + EH + half + third{more}", data)
    existence = check_existence(tied)
    found = Limits.of(tied, existence)
    ways = existence.coefficients
    assert [name for name in ways if ways[name] == "undetermined"] == ["PI", "EH", "half"]
    assert list(found.intervals.index) == [n for n in ways if ways[n] != "undetermined"]
    for left in ("PI", "EH", "half"):
        kept = " + ".join(name for name in ("PI", "EH", "half") if name != left)
        rest = BernoulliLogistic.from_formula(f"HG ~ {kept} + third{more}", data)
        due = confidence_intervals(rest, names=list(found.intervals.index)).table()
        ends = found.intervals.loc[due.index, ["2.5%", "97.5%"]]
        np.testing.assert_allclose(ends, due[["2.5%", "97.5%"]], rtol=1e-7)
    said = " ".join(found.rendered().notes)
    assert ("diverges" in said) == bool(more)
    assert "intervals are those of" not in said
