"""Refits say what `fit_newton` and `check_existence` say of each reweighted model."""

import numpy as np
import pandas as pd
import pytest
from coded_models import both, survey
from multiplier import repeated
from problems import simulated

from flatprior.models import (
    BernoulliLogistic,
    FlatpriorError,
    MLEDoesNotExistError,
    check_existence,
    fit_newton,
    load_spector,
    refit,
)


def resampled(n, m, seed):
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=m)


def held_against(refits, i, other):
    """One refit against a fit of a model that is built anew."""
    try:
        fit = fit_newton(other)
    except MLEDoesNotExistError as error:
        kind = error.existence.kind
    else:
        kind = ""
    assert refits.reasons[i] == kind
    if kind:
        assert np.isnan(refits.coefficients[i]).all()
        assert np.isinf(refits.error_bounds[i])
        return False
    apart = np.abs(refits.coefficients[i] - fit.coefficients) / fit.standard_errors
    assert apart.max() <= refits.error_bounds[i] + fit.certificate.error_bound
    assert refits.standard_errors[i] == pytest.approx(fit.standard_errors, rel=6e-7)
    return True


def test_resamples_are_fitted_as_models_of_these_weights_are_or_have_no_mle_as_these():
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    drawn = resampled(32, repeated(60), seed=1)
    refits = refit(model, drawn)
    there = [
        held_against(
            refits,
            i,
            BernoulliLogistic.from_arrays(model.design, model.response, frequency_weights=weights),
        )
        for i, weights in enumerate(drawn)
    ]
    assert there == refits.exists.tolist()
    assert 0 < sum(there) < len(there)
    assert "have no MLE" in str(refits)


def test_responses_and_weights_go_together_row_by_row():
    X, y = simulated(120, 3, seed=2)
    offset = np.linspace(-1, 1, 120)
    model = BernoulliLogistic.from_arrays(X, y, offset=offset)
    drawn = resampled(120, 6, seed=3)
    responses = np.random.default_rng(4).random((6, 120)) < 0.3
    refits = refit(model, drawn, responses=responses)
    for i in range(6):
        keep = drawn[i] > 0
        other = BernoulliLogistic.from_arrays(
            X[keep],
            responses[i, keep].astype(float),
            offset=offset[keep],
            frequency_weights=drawn[i, keep],
        )
        assert held_against(refits, i, other)


def test_a_frame_with_factors_that_are_held_as_codes_is_refitted_as_its_matrix_is():
    coded, dense = both("y ~ x + g + h", survey(3000, seed=5))
    drawn = resampled(coded.n_rows, 4, seed=6)
    one, two = refit(coded, drawn), refit(dense, drawn)
    assert one.names == two.names
    assert one.reasons == two.reasons
    apart = np.abs(one.coefficients - two.coefficients) / two.standard_errors
    assert (apart.max(axis=1) <= one.error_bounds + two.error_bounds).all()


def test_what_has_too_many_columns_for_products_of_them_is_fitted_one_by_one(monkeypatch):
    from flatprior.models.refits import refitting

    coded, dense = both("y ~ x + g + h", survey(600, seed=7))
    drawn = resampled(coded.n_rows, 3, seed=8)
    together = refit(dense, drawn)
    monkeypatch.setattr(refitting, "MOST_COLUMNS", 0)
    for model in (coded, dense):
        alone = refit(model, drawn)
        apart = np.abs(alone.coefficients - together.coefficients) / together.standard_errors
        assert (apart.max(axis=1) <= alone.error_bounds + together.error_bounds).all()


def test_order_of_rows_units_and_repetition_change_nothing_that_they_must_not():
    X, y = simulated(150, 3, seed=9)
    drawn = resampled(150, 5, seed=10)
    plain = refit(BernoulliLogistic.from_arrays(X, y), drawn)
    order = np.random.default_rng(11).permutation(150)
    mixed = refit(BernoulliLogistic.from_arrays(X[order], y[order]), drawn[:, order])
    units = np.array([1.0, 1e6, 1e-6])
    scaled = refit(BernoulliLogistic.from_arrays(X * units, y), drawn)
    fourfold = refit(BernoulliLogistic.from_arrays(X, y), 4 * drawn)
    flipped = refit(BernoulliLogistic.from_arrays(X, 1 - y), drawn)
    single = refit(BernoulliLogistic.from_arrays(X.astype(np.float32), y), drawn)
    for other, factor in (
        (mixed, 1.0),
        (scaled, units),
        (fourfold, 1.0),
        (flipped, -1.0),
    ):
        apart = np.abs(other.coefficients * factor - plain.coefficients) / plain.standard_errors
        assert (apart.max(axis=1) <= 2 * other.error_bounds + plain.error_bounds).all()
    assert 2 * fourfold.standard_errors == pytest.approx(plain.standard_errors, rel=1e-6)
    assert single.coefficients == pytest.approx(plain.coefficients, rel=1e-4)


def test_weights_take_the_place_of_those_of_the_model_and_responses_keep_them():
    X, y = simulated(90, 2, seed=12)
    weights = 1 + np.arange(90) % 4
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    assert held_against(refit(model, np.ones((1, 90))), 0, BernoulliLogistic.from_arrays(X, y))
    assert held_against(refit(model, responses=[y]), 0, model)


def test_labels_of_the_data_and_zeros_are_left_out_as_the_model_leaves_them_out():
    data = load_spector()
    data.loc[data.index[3], "gpa"] = np.nan
    model = BernoulliLogistic.from_formula("grade ~ gpa", data)
    assert model.n_dropped == 1
    with pytest.raises(FlatpriorError, match=r"weights have shape \(1, 32\).*\(m, 31\)"):
        refit(model, np.ones((1, 32)))
    nothing = refit(model, np.zeros((2, 31), dtype=int))
    assert nothing.reasons == ("no observations",) * 2
    assert nothing.table().isna().all(axis=None)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "nothing to refit"),
        ({"weights": np.ones(32)}, r"shape \(32,\)"),
        (
            {"weights": np.full((2, 32), -1)},
            "must be 0, 1, 2, .*refit at 0 has -1 for the row at 0",
        ),
        ({"weights": np.full((2, 32), 0.5)}, "must be 0, 1, 2"),
        ({"weights": np.full((2, 32), np.nan)}, "must be 0, 1, 2"),
        ({"weights": np.full((2, 32), np.inf)}, "must be 0, 1, 2"),
        ({"weights": np.full((2, 32), 2.0**52)}, "past exact counting"),
        ({"weights": np.zeros((0, 32))}, "nothing to refit"),
        ({"weights": np.full((2, 32), "a")}, "must be whole numbers"),
        ({"responses": np.full((2, 32), 2)}, "must be 0 or 1"),
        ({"responses": np.ones((2, 32)), "weights": np.ones((3, 32))}, "3 rows of weights and 2"),
    ],
)
def test_what_is_no_count_and_no_response_is_refused_in_one_sentence(given, words):
    model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    with pytest.raises(FlatpriorError, match=words):
        refit(model, **given)


def test_rows_that_are_not_in_memory_and_weights_that_are_no_counts_are_refused(tmp_path):
    data = load_spector()
    data.to_parquet(tmp_path / "spector.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path / "spector.parquet", "grade ~ gpa")
    with pytest.raises(FlatpriorError, match="rows in memory"):
        refit(model, np.ones((1, 32)))
    model = BernoulliLogistic.from_formula(
        "grade ~ gpa", data, sampling_weights=pd.Series(np.linspace(1, 2, 32), data.index)
    )
    with pytest.raises(FlatpriorError, match="needs a likelihood"):
        refit(model, np.ones((1, 32)))


def test_the_model_need_not_have_an_mle_itself():
    x = np.arange(12.0)
    model = BernoulliLogistic.from_arrays(x, (x > 5).astype(float), intercept=True)
    assert not check_existence(model).exists
    responses = np.tile([0, 1, 1, 0], (3, 3))
    responses[2] = model.response
    refits = refit(model, responses=responses)
    assert refits.reasons == ("", "", "complete separation")
    assert refits.coefficients[0].tolist() == refits.coefficients[1].tolist()
