"""Groups of counts as single observations."""

import numpy as np
import pandas as pd
import pytest
from coded_models import both, survey
from problems import DATA

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.covariance.grouped_rows import GroupedRows, groups_of_rows, require_groups
from flatprior.models.covariance.roots import required_root

COUNTS = pd.read_csv(DATA / "grouped.csv")
FORMULA = "cbind(dead, n - dead) ~ sex + dose"


def test_groups_are_the_rows_of_the_data_again():
    model = BernoulliLogistic.from_formula(FORMULA, COUNTS)
    groups = GroupedRows.of(model)
    assert groups.successes.tolist() == COUNTS["dead"].tolist()
    assert (groups.successes + groups.failures).tolist() == COUNTS["n"].tolist()
    assert model.row_labels[groups.first].tolist() == COUNTS.index.tolist()
    assert np.array_equal(groups.numbers, groups_of_rows(model))


def test_a_hat_matrix_of_groups_is_a_projection():
    model = BernoulliLogistic.from_formula(FORMULA, COUNTS)
    beta = fit_newton(model).coefficients
    groups = GroupedRows.of(model)
    found = groups.leverages(beta, required_root(model.rows, beta))
    p = 1 / (1 + np.exp(-groups.block.design @ beta))
    n = COUNTS["n"].to_numpy()
    scaled = np.sqrt(n * p * (1 - p))[:, None] * groups.block.design
    hat = scaled @ np.linalg.pinv(scaled)
    assert found.leverage == pytest.approx(np.diag(hat), rel=1e-10)
    assert found.left == pytest.approx(1 - np.diag(hat), rel=1e-10)
    assert found.residual == pytest.approx(COUNTS["dead"] - n * p, rel=1e-9, abs=1e-12)


def test_factors_held_as_codes_have_the_same_groups():
    frame = survey(60, 3).assign(s=np.arange(60) % 3, f=1 + np.arange(60) % 2)
    held, written = both("cbind(s, f) ~ x + g", frame)
    one, two = (
        GroupedRows.of(model).leverages(beta, required_root(model.rows, beta))
        for model, beta in ((m, fit_newton(m).coefficients) for m in (held, written))
    )
    assert one.leverage == pytest.approx(two.leverage, rel=1e-8)
    assert one.residual == pytest.approx(two.residual, rel=1e-7, abs=1e-10)


def test_rows_that_are_observations_are_no_groups():
    model = BernoulliLogistic.from_arrays([1.0, 2, 3, 4], [0, 1, 0, 1])
    with pytest.raises(ValueError, match="leave units at its default"):
        require_groups(model)
