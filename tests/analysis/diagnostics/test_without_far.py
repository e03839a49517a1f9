"""Rows far from the others: fitted together, one by one where that proves nothing."""

import numpy as np
import pytest
from problems import mp_fit, simulated

from flatprior.analysis import exact_loo
from flatprior.analysis.diagnostics import without_far
from flatprior.analysis.diagnostics.leave_one_out import others
from flatprior.models import BernoulliLogistic, NotConvergedError, fit_newton


def few_rows(n=24, seed=4):
    """So few, and some of them so far out, that no row is near the others."""
    rng = np.random.default_rng(seed)
    x = rng.standard_cauchy(size=(n, 2))
    y = (rng.random(n) < 1 / (1 + np.exp(-x[:, 0]))).astype(float)
    y[:4] = (0, 1, 0, 1)
    return BernoulliLogistic.from_arrays(x, y, intercept=True)


def test_rows_in_memory_are_fitted_together_and_their_scores_are_within_the_bound(monkeypatch):
    model, alone = few_rows(), []
    refitted = without_far._refitted
    monkeypatch.setattr(
        without_far, "_refitted", lambda *given: alone.append(given) or refitted(*given)
    )
    found = exact_loo(model)
    assert found.n_refits > 15
    assert not alone
    truth = 0.0
    for i in range(model.n_rows):
        kept = np.arange(model.n_rows) != i
        parts = model.design[kept], model.response[kept]
        beta, _ = mp_fit(*parts, start=found.coefficients[i])
        truth -= np.log1p(np.exp((1 - 2 * model.response[i]) * (model.design[i] @ beta)))
    assert abs(found.log_score - truth) <= found.error_bound < 1e-10


@pytest.mark.parametrize("proves", [True, False])
def test_what_is_not_proved_together_is_fitted_alone(monkeypatch, proves):
    x = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    y = np.array([0.0, 0, 0, 1, 0, 1, 1, 1])
    model = BernoulliLogistic.from_arrays(x, y, intercept=True)
    expected = exact_loo(model)
    assert expected.without_mle == (3, 4)
    assert "without any one of rows 3, 4 the MLE does not exist" in expected.message
    if not proves:
        together = without_far._together

        def nothing(*given):
            coefficients, error = together(*given)
            return np.full_like(coefficients, np.nan), np.full_like(error, np.inf)

        monkeypatch.setattr(without_far, "_together", nothing)
    found = exact_loo(model)
    assert found.without_mle == expected.without_mle
    assert found.pointwise == pytest.approx(expected.pointwise, rel=1e-12)
    assert found.coefficients == pytest.approx(expected.coefficients, rel=1e-10, nan_ok=True)


def test_the_row_without_which_no_fit_is_proved_is_named(monkeypatch):
    model = few_rows()
    converged = without_far.converged_mle

    def fails_once(others):
        if others.n_rows == 23 and others.design[0, 1] == model.design[1, 1]:  # without the first
            raise NotConvergedError("stopped early")
        return converged(others)

    monkeypatch.setattr(
        without_far,
        "_together",
        lambda *given: (
            np.full((len(given[2].sign), 3), np.nan),
            np.full(len(given[2].sign), np.inf),
        ),
    )
    monkeypatch.setattr(without_far, "converged_mle", fails_once)
    with pytest.raises(NotConvergedError, match="without row 0: stopped early"):
        exact_loo(model)


def test_the_reach_of_a_row_is_the_standard_error_of_its_predictor_without_it():
    X, y = simulated(80, 3, seed=5)
    model = BernoulliLogistic.from_arrays(X, y)
    left = others(model, 4)
    refit = fit_newton(left)
    row = model.rows.block(np.array([4]))
    expected = np.sqrt(X[4] @ np.asarray(refit.covariance) @ X[4])
    assert without_far._reach_of(left, row, refit) == pytest.approx(expected, rel=1e-8)
