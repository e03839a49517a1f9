import math

import mpmath
import numpy as np
import pytest

from flatprior.analysis import (
    bernoulli_likelihood,
    binary_cross_entropy,
    cross_entropy_terms,
    product_underflow,
)
from flatprior.models import BernoulliLogistic, fit_newton, load_spector


def test_the_likelihood_is_the_textbook_formula(smarket):
    fit = fit_newton(smarket)
    p = 1 / (1 + np.exp(-smarket.design @ fit.coefficients))
    textbook = p**smarket.response * (1 - p) ** (1 - smarket.response)
    np.testing.assert_allclose(bernoulli_likelihood(smarket, fit), textbook, rtol=1e-14)


def test_a_likelihood_near_zero_keeps_its_digits():
    model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])
    found = bernoulli_likelihood(model, [50.0])
    assert found[0] == pytest.approx(float(mpmath.exp(-50) / (1 + mpmath.exp(-50))), rel=1e-14)


def test_one_term_is_active_in_each_row(spector):
    fit = fit_newton(spector)
    terms = cross_entropy_terms(spector, fit)
    both = terms[["-y log p", "-(1 - y) log(1 - p)"]].to_numpy()
    assert ((both > 0).sum(axis=1) == 1).all()
    assert ((both[:, 0] > 0) == (terms["y"] == 1)).all()
    p, y = terms["p"], terms["y"]
    np.testing.assert_allclose(-y * np.log(p), terms["-y log p"], rtol=1e-12)
    np.testing.assert_allclose(terms["loss"].mean(), binary_cross_entropy(spector, fit).mean)


def test_of_rows_in_files_there_are_sums_and_no_numbers_of_each(tmp_path):
    load_spector().to_parquet(tmp_path / "rows.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "grade ~ gpa")
    beta = np.zeros(2)
    for function in (bernoulli_likelihood, cross_entropy_terms):
        with pytest.raises(ValueError, match="each of 32 rows, which are read in batches"):
            function(model, beta)
    assert binary_cross_entropy(model, beta).log_loss == pytest.approx(math.log(2), rel=1e-14)
    assert product_underflow(model, beta).n_factors == 1075
