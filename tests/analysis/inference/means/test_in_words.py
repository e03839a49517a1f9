"""What joint tests say of themselves."""

import pandas as pd
import pytest

from flatprior.analysis import marginal_means
from flatprior.analysis.inference.means.in_words import (
    joint_tests_in_words,
    what_is_compared,
    without_some,
)
from flatprior.models import BernoulliLogistic, fit_newton, load_spector, sample_independence

DATA = load_spector().assign(high=lambda rows: rows["tuce"] > 21)
MODEL = BernoulliLogistic.from_formula("grade ~ gpa + high + C(psi)", DATA)


def of_draws(*shares):
    index = [f"test {i}" for i in range(len(shares))]
    columns = {"distance": 1.0, "df": 1, "contour probability": shares, "mcse": 0.0}
    return pd.DataFrame(columns, index=index)


def test_a_test_without_degrees_of_freedom_is_named_with_the_reason():
    means = marginal_means(MODEL, fit_newton(MODEL), ["high", "psi"], DATA)
    said = " ".join(means.joint_tests().notes)
    assert "no test of high:psi: its contrasts are 0 whatever the coefficients are" in said
    alone = marginal_means(MODEL, fit_newton(MODEL), "psi", DATA)
    assert "no test" not in " ".join(alone.joint_tests().notes)


def test_what_the_data_say_nothing_of_is_no_contrast_of_zero():
    table = pd.DataFrame({"chi-squared": [0.0], "df": [0]}, index=["g"])
    assert joint_tests_in_words(table, ["g"], 0) == ["the tests are Wald's"]
    assert without_some(["g"]) == "of g: without contrasts that the data say nothing of"
    assert without_some([]) == ""


@pytest.mark.parametrize(("shares", "bound"), [((0.2, 0.0), True), ((0.2, 1.0), False)])
def test_a_share_of_no_draw_is_said_to_be_a_bound(shares, bound):
    said = " ".join(joint_tests_in_words(of_draws(*shares), [], 4000))
    words = "<0.00075 is a bound, 95 % certain were the 4000 draws independent: none is as far"
    assert (words in said) == bound


def test_draws_far_from_zero_say_so_in_the_table():
    rows = pd.concat([DATA] * 40, ignore_index=True)
    model = BernoulliLogistic.from_formula("grade ~ gpa + C(psi)", rows)
    draws = sample_independence(model, draws=100, seed=1, progress=False)
    found = marginal_means(model, draws, "psi", rows).joint_tests()
    assert found.loc["psi", "contour probability"] == 0
    assert "the 400 draws independent: none is as far" in " ".join(found.notes)
    (row,) = found.rendered(["contour probability"]).cells
    assert row == ("<0.0075",)
    of_contrasts = marginal_means(model, draws, "psi", rows).contrasts()
    assert of_contrasts["pd"].tolist() == [1.0]
    assert of_contrasts.rendered(["pd"]).cells == ((">0.9925",),)
    assert "where pd has >, all 400 draws" in " ".join(of_contrasts.notes)


def test_means_as_plain_values_say_whose_errors_they_have():
    means = marginal_means(MODEL, fit_newton(MODEL), "psi", DATA)
    assert "standard errors are the model's own (inverse information)" in means.to_dict()["notes"]
    assert len(means.to_dict()["notes"]) == len(means.rendered().notes)


def test_what_is_compared_is_said_in_one_line():
    assert what_is_compared("probability", [[1, -1]], "ratio", ()) == (
        "ratios of probabilities, tested on the logarithm"
    )
