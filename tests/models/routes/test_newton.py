from dataclasses import replace

import numpy as np
import pytest
from coded_models import both, survey
from hypothesis import assume, given, settings, strategies as st
from multiplier import repeated
from problems import CASES, NO_MLE, OVERLAPPING, digits_right, exact_table, ids, mp_fit, simulated

from flatprior.models import (
    BernoulliLogistic,
    LogisticMLE,
    MLEDoesNotExistError,
    NotConvergedError,
    certify,
    fit_newton,
    verify,
)
from flatprior.models.dependence import as_held
from flatprior.models.designs.coded import Structured
from flatprior.models.estimate import is_near
from flatprior.models.iterations import iterates
from flatprior.models.routes import newton
from flatprior.models.routes.newton import converged_mle


@pytest.mark.parametrize("case", OVERLAPPING, ids=ids)
def test_every_shared_case_is_fitted_within_its_certified_bound(case):
    fit = fit_newton(case.model)
    assert fit.converged
    error = np.abs(fit.coefficients - case.beta) / fit.standard_errors
    assert error.max() <= fit.certificate.error_bound
    if "beta_exact" not in case.facts:
        # the JSON gives ten digits of the hard cases' standard errors
        assert fit.standard_errors == pytest.approx(case.standard_errors, rel=3e-7)


def test_ten_digits_everywhere_and_thirteen_in_the_median():
    digits = [
        digits_right(fit_newton(case.model).coefficients, case.beta)
        for case in OVERLAPPING
        if case.condition < 1e6
    ]
    assert len(digits) >= 18
    assert min(digits) >= 10
    assert np.median(digits) >= 13


@pytest.mark.parametrize("case", NO_MLE, ids=ids)
def test_no_numbers_without_an_mle(case):
    with pytest.raises(MLEDoesNotExistError, match="maximum likelihood estimate"):
        fit_newton(case.model)


def test_standard_errors_are_those_of_the_final_coefficients():
    case = CASES["lbw_stata"]
    assert fit_newton(case.model).standard_errors == pytest.approx(case.standard_errors, rel=1e-13)


@given(
    k=st.integers(1, 6),
    patterns=st.integers(1, 12),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_exact_answers_are_found_in_any_integer_design(k, patterns, seed):
    rng = np.random.default_rng(seed)
    X = rng.integers(-3, 4, size=(patterns + k, k))
    assume(np.linalg.matrix_rank(X) == k)
    m = rng.integers(-2, 3, size=k)
    assume(np.abs(X @ m).max() <= 30)
    design, y, weights = exact_table(m, X)
    fit = fit_newton(BernoulliLogistic.from_arrays(design, y, frequency_weights=weights))
    error = np.abs(fit.coefficients - m * np.log(2)) / fit.standard_errors
    assert error.max() <= fit.certificate.error_bound < 1e-6


@given(
    n=st.integers(12, 60),
    k=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
    scale=st.integers(-8, 8),
    with_offset=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_fifty_digit_references_lie_within_the_bound(n, k, seed, scale, with_offset):
    X, y = simulated(n, k, seed)
    X[:, -1] *= 10.0**scale
    offset = np.random.default_rng(seed).normal(size=n) if with_offset else None
    model = BernoulliLogistic.from_arrays(X, y, offset=offset)
    try:
        fit = fit_newton(model)
    except MLEDoesNotExistError as error:
        assert error.existence.kind in ("complete separation", "quasi-complete separation")  # noqa: PT017
        return
    beta, se = mp_fit(X, y, offset=offset, start=fit.coefficients)
    assert np.max(np.abs(fit.coefficients - beta) / se) <= fit.certificate.error_bound < 1e-9
    assert fit.standard_errors == pytest.approx(se, rel=1e-9)


def test_an_offset_of_a_thousand_only_moves_the_intercept():
    X, y = simulated(200, 3, seed=8)
    plain = fit_newton(BernoulliLogistic.from_arrays(X, y))
    moved = fit_newton(BernoulliLogistic.from_arrays(X, y, offset=np.full(200, 1000.0)))
    assert moved.coefficients - plain.coefficients == pytest.approx([-1000, 0, 0], abs=1e-9)


def test_large_irregular_offsets_are_approached_step_by_step():
    rng = np.random.default_rng(10)
    refused = 0
    for _ in range(30):
        X = np.column_stack([np.ones(40), rng.normal(size=(40, 2))])
        y = (rng.random(40) < 0.5).astype(float)
        model = BernoulliLogistic.from_arrays(
            np.vstack([X, X]), np.append(y, 1 - y), offset=100 * rng.normal(size=80)
        )
        fit = fit_newton(model)  # every row stands with both outcomes: the MLE exists
        refused += fit.certificate.error_bound > 1e-6
    assert refused == 0


@pytest.mark.parametrize("step", [1e-8, 1e8])
def test_iterations_do_not_depend_on_units(step):
    X, y = simulated(300, 4, seed=9)
    scaled = X * np.array([1.0, step, 1.0, 1 / step])
    plain = fit_newton(BernoulliLogistic.from_arrays(X, y))
    fit = fit_newton(BernoulliLogistic.from_arrays(scaled, y))
    assert fit.n_iterations == plain.n_iterations
    assert fit.coefficients * np.array([1.0, step, 1.0, 1 / step]) == pytest.approx(
        plain.coefficients, rel=1e-12
    )


def test_nothing_follows_from_a_fit_that_is_proved_to_be_within_hundreds_of_standard_errors():
    # a column of large numbers that differ in their last digits, and weights: rounding of the
    # linear predictors is more than a standard error, and the bound, though finite, says so
    far = 0
    for seed in range(repeated(20)):
        rng = np.random.default_rng([7, seed])
        spread = rng.integers(0, 10 ** rng.integers(3, 7), 40)
        X = np.column_stack([np.ones(40), 2.0**53 + 2 * spread])
        y = (rng.random(40) < 0.5).astype(float)
        weights = np.floor(10 ** rng.uniform(0, 9, 40))
        model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
        try:
            fit = fit_newton(model)
        except (MLEDoesNotExistError, NotConvergedError):
            continue
        if is_near(fit.certificate):
            continue
        far += 1
        assert not fit.converged
        with pytest.raises(NotConvergedError, match="not proved to be near the MLE"):
            converged_mle(model)
    assert far > 5


@pytest.mark.parametrize("power", [-300, -20, 20, 100, 300])
def test_weights_of_any_size_have_the_coefficients_of_their_proportions(power):
    # at 1e100 observations a standard error is less than the last digit: the digits decide
    X, y = simulated(400, 3, seed=16)
    weights = np.random.default_rng(16).uniform(0.1, 1.1, 400)
    plain = LogisticMLE(fit_intercept=False).fit(X, y, sample_weight=weights)
    scaled = LogisticMLE(fit_intercept=False).fit(X, y, sample_weight=weights * 10.0**power)
    assert scaled.coef_ == pytest.approx(plain.coef_, rel=1e-12)
    assert scaled.estimate_.converged


def test_a_bound_of_codes_that_is_loose_is_computed_anew(monkeypatch):
    model, _ = both("y ~ x + z + g", survey(300, seed=1))
    close = fit_newton(model)
    ended = newton.fit_as_held

    def loosely(sums):
        found = ended(sums)
        return replace(found, error_bound=2e-7, bound=replace(found.bound, rounding=1e-9))

    monkeypatch.setattr(newton, "fit_as_held", loosely)
    anew = fit_newton(model)
    assert np.array_equal(anew.coefficients, close.coefficients)
    assert anew.certificate.to_dict() == certify(model, anew.coefficients).to_dict()
    assert close.certificate.to_dict() != anew.certificate.to_dict()
    for fit in (close, anew):
        assert verify(model, fit).proves_existence


@pytest.mark.parametrize("size", [6, 12, 15])
def test_weights_of_any_size_are_fitted_as_closely_with_codes(size):
    frame = survey(60, seed=2)
    frame["w"] = np.floor(10 ** np.random.default_rng(3).uniform(0, size, 60))
    model, written = both("y ~ x + z + g", frame, frequency_weights="w")
    one, two = fit_newton(model), fit_newton(written)
    assert one.converged
    assert two.converged
    assert one.certificate.error_bound < 1e-2
    distance = np.abs(one.coefficients - two.coefficients) / two.standard_errors
    assert distance.max() <= one.certificate.error_bound + two.certificate.error_bound
    assert verify(model, one).proves_existence


def few_different(n, seed):
    """Rows of eight kinds."""
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.integers(0, 2, size=(n, 3))])
    y = (rng.random(n) < 1 / (1 + np.exp(0.5 - X @ [0.0, 0.5, -0.5, 0.25]))).astype(float)
    return X, y


@pytest.mark.parametrize("kind", ["plain", "weights", "offset", "float32"])
def test_rows_that_are_few_different_ones_are_fitted_as_these_with_their_counts(kind, monkeypatch):
    X, y = few_different(9000, seed=4)
    given = {}
    if kind == "weights":
        given = {"frequency_weights": 1 + np.arange(9000) % 3}
    elif kind == "offset":
        given = {"offset": np.arange(9000) % 2 / 4}
    elif kind == "float32":
        X = X.astype(np.float32)
    model = BernoulliLogistic.from_arrays(X, y, **given)
    whole = fit_newton(model)
    fitted = []
    monkeypatch.setattr(newton, "iterates", lambda rows: (fitted.append(rows), iterates(rows))[1])
    monkeypatch.setattr(newton, "MANY_TO_MERGE", 0)
    merged = fit_newton(model)
    assert fitted[0].n_rows <= 32
    assert merged.provenance == whole.provenance
    bounds = whole.certificate.error_bound + merged.certificate.error_bound
    apart = np.abs(whole.coefficients - merged.coefficients) / whole.standard_errors
    assert apart.max() <= bounds < 1e-8
    assert merged.standard_errors == pytest.approx(whole.standard_errors, rel=1e-6)
    assert merged.log_likelihood == pytest.approx(whole.log_likelihood, rel=1e-12)
    again = certify(model, merged.coefficients)
    assert again.error_bound < 1e-8


def test_rows_of_weights_that_are_no_counts_or_that_differ_are_not_merged(monkeypatch):
    monkeypatch.setattr(newton, "MANY_TO_MERGE", 0)
    X, y = few_different(400, seed=5)
    spoken = BernoulliLogistic.from_arrays(X, y, sampling_weights=np.linspace(1, 2, 400))
    different = BernoulliLogistic.from_arrays(*simulated(400, 3, seed=6))
    for model in (spoken, different):
        assert newton._merged(model) is model.rows


def test_separated_rows_are_told_where_they_are_merged_too(monkeypatch):
    monkeypatch.setattr(newton, "MANY_TO_MERGE", 0)
    X, y = few_different(4000, seed=7)
    y[X[:, 2] == 1] = 1.0
    with pytest.raises(MLEDoesNotExistError, match="x3"):
        fit_newton(BernoulliLogistic.from_arrays(X, y))


def test_nested_factors_held_as_codes_are_told_without_writing_them_out(monkeypatch):
    frame = survey(2000, seed=3).assign(town=lambda d: np.arange(len(d)) % 50)
    frame["region"] = "r" + (frame["town"] // 5).astype(str)
    frame["town"] = "t" + frame["town"].astype(str)
    model, _ = both("y ~ x + region + town", frame)
    monkeypatch.setattr(as_held, "QUICK", 0)
    monkeypatch.setattr(Structured, "dense", lambda design: pytest.fail("written out"))
    with pytest.raises(MLEDoesNotExistError, match="of 'town' is in one level of 'region'"):
        fit_newton(model)
