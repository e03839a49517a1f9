"""Variance inflation and condition numbers against statsmodels and NumPy."""

import math

import numpy as np
import pytest
from peers import expanded
from problems import CASES
from statsmodels.stats.outliers_influence import variance_inflation_factor

from flatprior.analysis import collinearity
from flatprior.models import BernoulliLogistic


@pytest.mark.parametrize("name", ["lbw_stata", "pima_tr", "smarket", "fertility"])
def test_variance_inflation_is_that_of_statsmodels(name):
    case = CASES[name]
    frame, _, _ = expanded(case)
    found = collinearity(case.model)
    X = frame.to_numpy(dtype=float)
    for j, column in enumerate(frame):
        if column == "const":
            assert math.isnan(found.vif[column])
        else:
            assert found.vif[column] == pytest.approx(variance_inflation_factor(X, j), rel=1e-8)
    scaled = X / np.linalg.norm(X, axis=0)
    assert found.condition_number == pytest.approx(np.linalg.cond(scaled), rel=1e-9)


def test_without_a_constant_variance_inflation_is_about_zero():
    X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [1.0, 1.0]])
    found = collinearity(BernoulliLogistic.from_arrays(X, [0, 1, 0, 1]))
    r2 = (X[:, 0] @ X[:, 1]) ** 2 / (X[:, 0] @ X[:, 0]) / (X[:, 1] @ X[:, 1])
    assert found.vif.to_numpy() == pytest.approx([1 / (1 - r2)] * 2, rel=1e-12)


def test_rows_in_batches_have_the_same_collinearity(tmp_path):
    frame = CASES["ohio"].frame.assign(y=CASES["ohio"].response)
    frame.to_parquet(tmp_path / "ohio.parquet", row_group_size=300)
    formula = "y ~ age + smoke + age_smoke"
    batches = collinearity(BernoulliLogistic.from_parquet(tmp_path / "ohio.parquet", formula))
    memory = collinearity(BernoulliLogistic.from_formula(formula, frame))
    assert batches.vif.to_numpy() == pytest.approx(memory.vif.to_numpy(), rel=1e-10, nan_ok=True)
    assert batches.condition_number == pytest.approx(memory.condition_number, rel=1e-10)


def test_dependent_columns_are_refused():
    with pytest.raises(ArithmeticError, match="dependent"):
        collinearity(CASES["dup_col"].model)
