import math

import numpy as np
import pandas as pd
import pytest
from problems import CASES, simulated

from flatprior.analysis import likelihood_ratio_test, score_test, wald_test
from flatprior.models import BernoulliLogistic, fit_newton


def test_values_mappings_and_matrices_say_the_same():
    model = CASES["lbw_stata"].model
    fit = fit_newton(model)
    matrix = np.zeros((2, 9))
    matrix[0, model.names.index("smoke")] = 1
    matrix[1, model.names.index("ht")] = 1
    for test, first in ((wald_test, fit), (likelihood_ratio_test, model), (score_test, model)):
        found = [
            test(first, {"smoke": 0.5, "ht": 1.0}),
            test(first, ["smoke", "ht"], [0.5, 1.0]),
            test(first, matrix, [0.5, 1.0]),
            test(first, 3 * matrix + matrix[::-1], [3 * 0.5 + 1.0, 3.0 + 0.5]),
        ]
        for other in found[1:]:
            assert other.statistic == pytest.approx(found[0].statistic, rel=1e-9)
        assert found[0].hypothesis == "smoke = 0.5, ht = 1"


def test_labels_of_a_matrix_are_heeded():
    model = CASES["lbw_stata"].model
    fit = fit_newton(model)
    names = list(model.names)
    row = pd.Series(0.0, index=names)
    row["smoke"], row["ht"] = 1.0, -1.0
    expected = wald_test(fit, row.to_numpy())
    assert expected.hypothesis == "smoke - ht = 0"
    for labelled in (row[::-1], pd.DataFrame([row])[names[::-1]]):
        assert wald_test(fit, labelled) == expected
        assert score_test(model, labelled).hypothesis == expected.hypothesis
    with pytest.raises(ValueError, match="labels of the matrix are not the names"):
        wald_test(fit, row.rename({"smoke": "smoking"}))
    assert wald_test(fit, pd.Series(["smoke", "ht"])).df == 2


@pytest.mark.parametrize(
    ("hypothesis", "value", "message"),
    [
        ("nobody", None, "no coefficient 'nobody'; the coefficients are"),
        (["x1", "x1"], None, "named twice"),
        ([[1.0, 0.0]], None, r"of shape \(q, 3\)"),
        ([[1.0, 0, 0], [2.0, 0, 0]], None, "linearly dependent"),
        ([[0.0, 0, 0]], None, "linearly dependent"),
        (["x1"], [1.0, 2.0], "value has shape"),
        ({"x1": 1.0}, 2.0, "leave value out"),
        ({"x1": math.nan}, None, "must be finite"),
        ([object()], None, "names, or a matrix"),
    ],
)
def test_what_is_no_hypothesis_is_refused(hypothesis, value, message):
    X, y = simulated(50, 3, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    for test, first in ((wald_test, fit_newton(model)), (score_test, model)):
        with pytest.raises(ValueError, match=message):
            test(first, hypothesis, value)
