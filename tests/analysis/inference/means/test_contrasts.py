"""Contrasts: which combinations of means there are, and what they are called."""

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis import average_marginal_effects, marginal_means
from flatprior.analysis.inference.means.contrasts import families
from flatprior.models import BernoulliLogistic, FlatpriorError, fit_newton
from flatprior.models.common.text import printable

ONE = pd.Index(["a", "b", "c"], name="g")
TWO = pd.MultiIndex.from_product([["a", "b"], ["no", "yes"]], names=["g", "h"])


def test_each_method_has_its_combinations():
    expected = {
        "pairwise": (["a - b", "a - c", "b - c"], [[1, -1, 0], [1, 0, -1], [0, 1, -1]]),
        "reference": (["a - b", "c - b"], [[1, -1, 0], [0, -1, 1]]),
        "sequential": (["b - a", "c - b"], [[-1, 1, 0], [0, -1, 1]]),
        "mean": (["a - mean", "b - mean", "c - mean"], np.eye(3) - 1 / 3),
    }
    for method, (titles, matrix) in expected.items():
        (found,) = families(ONE, {"g": "b"}, method, (), "-")
        assert list(found.titles) == titles
        assert np.allclose(found.matrix, matrix, rtol=1e-15, atol=1e-15)
        assert found.whose == ""


def test_within_a_variable_each_of_its_levels_has_a_family():
    no, yes = families(TWO, {"g": "b", "h": "no"}, "reference", ("h",), "/")
    assert no.titles == ("h no: a / b",)
    assert yes.titles == ("h yes: a / b",)
    assert yes.matrix.tolist() == [[0, 1, 0, -1]]
    (whole,) = families(TWO, {"g": "b", "h": "no"}, "reference", (), "-")
    assert whole.titles == ("a, no - b, no", "a, yes - b, no", "b, yes - b, no")


def test_ones_own_are_of_cells_by_name_by_weights_or_a_frame():
    expected = [[1, -1, -1, 1]]
    weights = {("a", "no"): 1, ("a", "yes"): -1, "b, no": -1, "b, yes": 1}
    for given in ({"it": weights}, {"it": expected[0]}, expected, np.array(expected)):
        (found,) = families(TWO, {}, given, (), "-")
        assert found.matrix.tolist() == expected
    frame = pd.DataFrame([[1.0, 0.0, -1.0]], index=["ends"], columns=ONE)
    (found,) = families(ONE, {}, frame, (), "-")
    assert found.titles == ("ends",)
    assert found.matrix.tolist() == [[1, 0, -1]]


def test_levels_that_print_the_same_or_hold_what_joins_them_are_in_quotes():
    levels = ["a", "b", "a ", "", " ", "a - b", "b - a", "a -", "- b", "'a '", "a  ", "a \t"]
    (found,) = families(pd.Index(levels, name="g"), {}, "pairwise", (), "-")
    assert found.titles[:5] == ("a - b", "a - 'a '", "a - ''", "a - ' '", "a - 'a - b'")
    assert len({printable(title) for title in found.titles}) == len(levels) * 11 // 2
    (found,) = families(pd.Index(["a", "a / b"], name="g"), {}, "pairwise", (), "/")
    assert found.titles == ("a / 'a / b'",)


def test_so_are_those_of_several_variables_and_those_within_which_they_are():
    cells = [("a", "b, c"), ("a, b", "c"), ("a", "c"), ("a, b", "b, c")]
    index = pd.MultiIndex.from_tuples(cells, names=["g", "h"])
    (found,) = families(index, {}, "reference", (), "-")
    assert found.titles[0] == "'a, b', c - a, 'b, c'"
    assert len(set(found.titles)) == 3
    within = families(index, {}, "pairwise", "g", "-")
    assert [each.whose for each in within] == ["g a", "g 'a, b'"]
    assert within[1].titles == ("g 'a, b': c - b, c",)
    (own,) = families(index, {}, {"it": {"'a, b', c": 1, ("a", "c"): -1}}, (), "-")
    assert own.matrix.tolist() == [[0, 1, -1, 0]]


def test_the_name_of_a_level_goes_before_what_another_is_called():
    index = pd.Index(["a ", "'a '"], name="g")
    (own,) = families(index, {}, {"it": {"a ": 1, "'a '": -1}}, (), "-")
    assert own.matrix.tolist() == [[1, -1]]
    with pytest.raises(FlatpriorError, match=r"they are 'a ', \"'a '\""):
        families(index, {}, {"it": {"a": 1}}, (), "-")


def test_means_and_effects_of_levels_that_print_the_same_are_those_of_each():
    shares = {"a": 0.25, "a ": 0.5, "": 0.75, "a - b": 0.5, "b": 0.375}
    data = pd.DataFrame(
        [(level, int(i < 8 * share)) for level, share in shares.items() for i in range(8)],
        columns=["g", "y"],
    )
    model = BernoulliLogistic.from_formula("y ~ C(g, Treatment('a'))", data)
    fit = fit_newton(model)
    effects = average_marginal_effects(model, fit, data)["effect"]
    expected = {
        "g: '' - a": 0.5,
        "g: 'a ' - a": 0.25,
        "g: 'a - b' - a": 0.25,
        "g: b - a": 0.125,
    }
    assert effects.to_dict() == pytest.approx(expected, abs=1e-9)
    means = marginal_means(model, fit, "g", data, "probability")
    names = means.rendered().names
    assert sorted(names) == sorted(["a", "'a '", "''", "'a - b'", "b"])
    assert means.table()["probability"].to_dict() == pytest.approx(shares, abs=1e-9)
    found = means.contrasts("reference")["difference"]
    assert found.to_dict() == pytest.approx(
        {title.partition(": ")[2]: value for title, value in expected.items()}, abs=1e-9
    )
