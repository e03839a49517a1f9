"""Contrasts: which combinations of means there are, and what they are called."""

import numpy as np
import pandas as pd

from flatprior.analysis.inference.means.contrasts import families

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
