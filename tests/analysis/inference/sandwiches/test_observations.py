"""Meats of single observations and of groups, where divided by what leverage leaves."""

import mpmath
import numpy as np
import pandas as pd
import pytest
from problems import DATA

from flatprior.analysis import robust_covariance
from flatprior.models import BernoulliLogistic, fit_newton

COUNTS = pd.read_csv(DATA / "grouped.csv")


def hanging_on_one_row(size):
    """A column that is 1 in one row, and by `size` the other way in another, which holds it."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=40), rng.integers(0, 2, 40)
    z = np.zeros(40)
    z[:2], y[:2] = (1, -size), 1
    return BernoulliLogistic.from_arrays(np.column_stack([np.ones(40), x, z]), y)


@pytest.mark.parametrize("kind", ["HC2", "HC3", "HC4"])
def test_digits_that_a_leverage_near_one_has_lost_are_not_printed(kind):
    # found to be wrong by 13 % at 1e-14, and by a thousandth at 1e-12
    for size in (1e-8, 1e-10, 1e-12, 1e-14):
        model = hanging_on_one_row(size)
        fit = fit_newton(model)
        assert fit.converged
        with pytest.raises(ArithmeticError, match=f"{kind} divides by 1 - h.*take HC0 or HC1"):
            robust_covariance(model, fit, kind)
        for other in ("HC0", "HC1"):
            assert np.isfinite(robust_covariance(model, fit, other).standard_errors).all()
    model = hanging_on_one_row(1e-5)
    fit = fit_newton(model)
    found = robust_covariance(model, fit, kind).standard_errors
    assert found == pytest.approx(exact_errors(model, fit.coefficients, kind), rel=1e-6)


def exact_errors(model, beta, kind):
    """Robust standard errors in 50 digits."""
    with mpmath.workdps(50):
        rows = [mpmath.matrix([mpmath.mpf(v) for v in row]) for row in model.design.tolist()]
        beta = mpmath.matrix([mpmath.mpf(v) for v in beta.tolist()])
        p = [1 / (1 + mpmath.exp(-(row.T * beta)[0])) for row in rows]
        k = len(beta)
        information, meat, power = (
            mpmath.zeros(k),
            mpmath.zeros(k),
            {"HC2": 1, "HC3": 2, "HC4": 0}[kind],
        )
        for q, row in zip(p, rows, strict=True):
            information += q * (1 - q) * row * row.T
        bread = information**-1
        for q, row, y in zip(p, rows, model.response.tolist(), strict=True):
            left = 1 - q * (1 - q) * (row.T * bread * row)[0]
            if kind == "HC4":
                power = min(4, len(rows) * (1 - left) / k)
            meat += (y - q) ** 2 / left**power * row * row.T
        covariance = bread * meat * bread
        return [float(mpmath.sqrt(covariance[j, j])) for j in range(k)]


def test_hc4_of_groups_has_their_leverages():
    model = BernoulliLogistic.from_formula("cbind(dead, n - dead) ~ sex + dose", COUNTS)
    fit = fit_newton(model)
    found = robust_covariance(model, fit, "HC4", units="groups")
    X = model.design[~model.row_labels.duplicated()]
    n, dead = COUNTS["n"].to_numpy(), COUNTS["dead"].to_numpy()
    p = 1 / (1 + np.exp(-X @ fit.coefficients))
    size = n * p * (1 - p)
    bread = np.linalg.inv(X.T @ (X * size[:, None]))
    h = size * np.einsum("ij,jk,ik->i", X, bread, X)
    meat = X.T @ (X * ((dead - n * p) ** 2 / (1 - h) ** np.minimum(4, 12 * h / 3))[:, None])
    assert found.covariance == pytest.approx(bread @ meat @ bread, rel=1e-9)
    assert found.said == "HC4 of 12 groups"
