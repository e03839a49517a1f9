"""Fits with factors held as codes, against closed forms, 50 digits, and the fit written out."""

import math

import numpy as np
import pandas as pd
import pytest
from coded_models import (
    KINDS,
    both,
    drawn_design,
    held,
    held_as_codes,
    held_sums,
    our_columns,
    outcomes,
    structured,
    survey,
)
from multiplier import repeated
from problems import mp_fit
from scipy import sparse

from flatprior.models import BernoulliLogistic, certify, fit_newton, rows as rows_module
from flatprior.models.certificate import evaluate_written_out
from flatprior.models.codes import (
    basis as basis_module,
    newton as newton_module,
    sums as sums_module,
)
from flatprior.models.codes.basis import Basis
from flatprior.models.codes.judgement import standard_errors_within
from flatprior.models.codes.newton import (
    at_rates,
    bound_at,
    columns_are_independent,
    eta_error,
    fit_as_held,
    inverse_as_held,
    length,
    place_at,
    reach,
    start,
)
from flatprior.models.codes.passes import sums_of
from flatprior.models.codes.sums import Sums
from flatprior.models.common.errors import InputError
from flatprior.models.designs import coded as coded_module

FORMULAS = ("y ~ x + z + g + h", "y ~ 0 + g + h + x", "y ~ g * h", "y ~ z + b", "y ~ 0 + g:b")
CASES = ("plain", "weights", "offset", "far away", "tiny units", "nearly dependent")


def case(name, seed, n=60):
    """A small frame, and its columns of weights and offsets."""
    frame, rng = survey(n, seed), np.random.default_rng(seed)
    if name == "weights":
        frame["w"] = np.floor(10 ** rng.uniform(0, 6, n))
        return frame, {"frequency_weights": "w"}
    if name == "offset":
        frame["o"] = rng.normal(size=n) * 3
        return frame, {"offset": "o"}
    if name == "far away":
        frame["x"] += 1e6
    if name == "tiny units":
        frame["x"] *= 1e-60
        frame["z"] *= 1e40
    if name == "nearly dependent":
        frame["x"] = frame["z"] + 1e-2 * frame["x"]
    return frame, {}


def test_a_saturated_model_has_the_rates_of_its_levels():
    rng = np.random.default_rng(1)
    events, rows = rng.integers(1, 30, 50), rng.integers(31, 60, 50)
    level = np.repeat([f"l{i:02d}" for i in range(50)], rows)
    y = np.concatenate([np.arange(n) < s for s, n in zip(events, rows, strict=True)]) * 1
    with held_as_codes(True):
        model = BernoulliLogistic.from_formula("y ~ 0 + g", pd.DataFrame({"y": y, "g": level}))
    fit = fit_as_held(held_sums(model))
    expected = np.log(events / (rows - events))
    errors = np.sqrt(rows / (events * (rows - events)))
    assert np.abs((fit.beta - expected) / errors).max() <= fit.error_bound < 1e-10
    assert fit.origin.inverse.standard_errors == pytest.approx(errors, rel=1e-6)
    rate = events / rows
    most = events @ np.log(rate) + (rows - events) @ np.log1p(-rate)
    assert abs(fit.log_likelihood - most) <= fit.log_likelihood_error < 1e-8


def violations(name, formula, seed):
    """Check a fit against 50 digits; whether there was one."""
    frame, columns = case(name, seed)
    if name == "tiny units" and "x" not in formula:
        return False
    return violates_nothing(*both(formula, frame, **columns))


def violates_nothing(model, written):
    """Check a fit against 50 digits; whether there was one."""
    sums = sums_of(model.rows)
    fit = None if sums is None else fit_as_held(sums)
    if fit is None:
        return False
    X, rows = written.design, written.rows
    units = 2.0 ** np.round(np.log2(np.abs(X).max(axis=0)))
    start = fit.beta * units
    beta, errors = mp_fit(X / units, rows.response, rows.weights, rows.offset, start=start)
    beta, errors = beta / units, errors / units
    at = fit.origin.inverse.standard_errors
    # doubles hold the reference to a rounding
    slack = 2.0**-53 * np.abs(beta) / errors
    assert (np.abs(fit.beta - beta) / at <= fit.error_bound * (1 + 1e-6) + slack).all()
    assert at == pytest.approx(errors, rel=1e-9)
    said = standard_errors_within(fit.bound, fit.origin.inverse)
    assert np.abs(at / errors - 1).max() <= said + 1e-15
    dense = fit_newton(written)
    both_errors = fit.log_likelihood_error + dense.certificate.log_likelihood_error
    assert abs(fit.log_likelihood - dense.log_likelihood) <= both_errors
    if fit.error_bound < 1e-3:  # weights of 1e9 and more may leave a looser one
        assert fit.log_likelihood_error < 1e-6 * (1 + abs(fit.log_likelihood))
    return True


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("formula", FORMULAS[:3])
def test_no_bound_is_violated(name, formula):
    fitted = [violations(name, formula, seed) for seed in range(repeated(1))]
    assert any(fitted) or name == "tiny units" or formula == "y ~ g * h"


@pytest.mark.parametrize("apart", [1e-3, 3e-4, 1e-4, 3e-5])
def test_numbers_that_are_nearly_dependent_cost_standard_errors_no_digits(apart):
    # the information is formed of their products, and its rounding grows as 1 / apart^2
    for seed in range(repeated(4)):
        frame = survey(120, seed)
        frame["x"] = frame["z"] + apart * (frame["x"] - 3)
        model, written = both("y ~ x + z + g", frame)
        fit = fit_newton(model)
        _, errors = mp_fit(written.design, written.rows.response, start=fit.coefficients)
        away = np.abs(fit.standard_errors / errors - 1).max()
        assert away <= min(1e-9, fit.certificate.standard_errors_within)


BESIDE = ("plain", "weights", "offset")


def sparse_violations(kind, beside, seed):
    """Check a fit with sparse columns against 50 digits; whether there was one."""
    design, rng = drawn_design(kind, seed), np.random.default_rng(seed)
    given = {}
    if beside == "weights":
        given["frequency_weights"] = np.floor(10 ** rng.uniform(0, 6, 60))
    if beside == "offset":
        given["offset"] = rng.normal(size=60) * 3
    model, written = held(design, outcomes(design, seed), **given)
    return violates_nothing(model, written)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("beside", BESIDE)
def test_no_bound_is_violated_with_sparse_columns(kind, beside):
    assert any([sparse_violations(kind, beside, seed) for seed in range(max(3, repeated(1)))])


@pytest.mark.slow
def test_no_bound_is_violated_in_many_designs():
    rng = np.random.default_rng(2)
    fitted = [
        violations(str(rng.choice(CASES)), str(rng.choice(FORMULAS)), seed)
        for seed in range(repeated(40))
    ]
    assert sum(fitted) > 20


@pytest.mark.parametrize("formula", FORMULAS)
@pytest.mark.parametrize("columns", [{}, {"frequency_weights": "w", "offset": "o"}], ids=["", "wo"])
def test_the_fit_is_that_of_the_columns_written_out(formula, columns):
    model, written = both(formula, survey(1500, seed=3), **columns)
    one, two = fit_newton(model), fit_newton(written)
    assert one.message != two.message or one.covariance is not two.covariance
    bounds = one.certificate.error_bound + two.certificate.error_bound
    assert (np.abs(one.coefficients - two.coefficients) / two.standard_errors).max() <= bounds
    assert one.standard_errors == pytest.approx(two.standard_errors, rel=1e-6)
    scale = np.outer(two.standard_errors, two.standard_errors)
    assert one.covariance / scale == pytest.approx(two.covariance / scale, abs=2e-6)
    # where the information is formed at the same place, closer
    place = place_at(held_sums(model), *held_sums(model).basis.coordinates(two.coefficients))
    there = np.sqrt(np.diag(np.linalg.inv(written.information(two.coefficients))))
    assert place.inverse.standard_errors == pytest.approx(there, rel=1e-9)


def test_threads_change_nothing(monkeypatch):
    frame = survey(3000, seed=4)
    fits = []
    for several in (True, False):
        monkeypatch.setattr(sums_module, "BLOCK", 2**8)
        monkeypatch.setattr(sums_module, "PARALLEL", 0 if several else 2**40)
        fits.append(fit_as_held(held_sums(both("y ~ x + z + g + h", frame)[0])))
    one, two = fits
    assert np.array_equal(one.beta, two.beta)
    assert (one.error_bound, one.log_likelihood) == (two.error_bound, two.log_likelihood)
    assert np.array_equal(one.origin.inverse.matrix, two.origin.inverse.matrix)


def test_nothing_is_proved_without_an_mle():
    frame = survey(200, seed=5)
    frame.loc[frame["g"] == "red", "y"] = 1
    assert fit_as_held(held_sums(both("y ~ x + g", frame)[0])) is None
    frame["y"] = (frame["x"] > frame["x"].median()).astype(int)
    assert fit_as_held(held_sums(both("y ~ x + g", frame)[0])) is None


@pytest.mark.parametrize("noise", [0.0, 1e-17, 1e-16, 1e-15])
def test_numbers_constant_within_levels_are_never_proved_independent(noise):
    frame = survey(300, seed=6)
    of_level = dict(zip(["red", "blue", "green", "amber"], (0.1, 0.7, -2.3, 1e3), strict=True))
    frame["x"] = frame["g"].map(of_level)
    frame["x"] += noise * frame["z"] * frame["x"]
    sums = held_sums(both("y ~ x + g", frame)[0])
    assert not columns_are_independent(sums)
    assert fit_as_held(sums) is None
    # beside another factor, and with all their levels
    assert fit_as_held(held_sums(both("y ~ 0 + g + h + x", frame)[0])) is None


def test_empty_cells_are_dependent_columns_and_full_ones_are_not():
    frame = survey(300, seed=7)
    sums = held_sums(both("y ~ g * h", frame)[0])
    assert columns_are_independent(sums)
    some = frame[~((frame["g"] == "red") & (frame["h"] == "west"))]
    assert not columns_are_independent(held_sums(both("y ~ g * h", some)[0]))


def test_columns_nearly_dependent_are_written_out_where_they_can_be(monkeypatch):
    frame = survey(200, seed=16)
    frame["x"] = frame["z"] + 1e-6 * frame["x"]
    model, written = both("y ~ x + z + g", frame)
    assert fit_as_held(held_sums(model)) is None
    assert fit_newton(model).standard_errors == pytest.approx(
        fit_newton(written).standard_errors, rel=1e-8
    )
    monkeypatch.setattr("flatprior.models.rows.LARGEST_DENSE", 100)
    sums = held_sums(model)
    here = place_at(sums, np.zeros(4), np.zeros(2))
    assert bound_at(sums, here).spread > newton_module.LARGEST_SPREAD
    assert columns_are_independent(sums)


def test_units_of_any_size_are_fitted_or_left_to_others():
    # a coefficient of 1e60 is no rounding of the others, and an overflow nobody's error
    for power in (-90, -60, 60, 90):
        frame = survey(200, seed=8)
        frame["x"] = frame["x"] * 10.0**power
        model, written = both("y ~ x + g", frame)
        fit = fit_as_held(held_sums(model))
        assert fit is not None
        assert fit.error_bound < 1e-10
        there = fit_newton(written)
        distance = np.abs(fit.beta - there.coefficients) / there.standard_errors
        assert distance.max() <= fit.error_bound + there.certificate.error_bound


def test_information_that_underflow_may_have_taken_is_not_trusted():
    rng = np.random.default_rng(9)
    n = 40
    frame = survey(n, seed=9)
    frame["y"] = np.resize([0, 1], n)
    frame["x"] = (1 + rng.random(n)) * 1e-100
    # every row is at a margin of 260: curvatures of 1e-113, of x^2 times these little is left
    frame["o"] = np.where(frame["y"] == 1, 260.0, -260.0)
    model, _ = both("y ~ x + b", frame, offset="o")
    sums = held_sums(model)
    place = place_at(sums, np.zeros(2), np.zeros(1))
    assert place is None or bound_at(sums, place) is None


def test_radius_and_spread_are_no_less_than_those_of_the_rows():
    for formula in ("y ~ x + z + g + h", "y ~ 0 + g + h + x", "y ~ g * h + x"):
        sums = held_sums(both(formula, survey(200, seed=10), frequency_weights="w")[0])
        check_radius_and_spread(sums, np.random.default_rng(11))


def check_radius_and_spread(sums, rng):
    L, q = sums.basis.n_levels, len(sums.basis.columns)
    place = place_at(sums, rng.normal(size=L) / 3, rng.normal(size=q) / 3)
    curvature = sums.curved(place.alpha, place.theta)[1]
    Z = our_columns(sums)
    H = Z.T @ (Z * curvature[:, None])
    of_rows = np.sqrt(np.einsum("ij,ij->i", Z, np.linalg.solve(H, Z.T).T))
    assert reach(sums, place.inverse) >= of_rows.max()
    # the length, weighted, of |x|'|T v| for any unit v
    spread = place.inverse.spread(sums.fullest_row)
    for _ in range(20):
        v = rng.normal(size=q)
        along = np.abs(Z[:, L:]) @ np.abs(place.inverse.inverse_root @ (v / length(v)))
        assert math.sqrt(curvature @ along**2) <= spread * (1 + 1e-12)
    bound = bound_at(sums, place)
    g = np.concatenate([place.score.main, place.score.rest])
    assert bound.decrement >= math.sqrt(g @ np.linalg.solve(H, g)) * (1 - 1e-12)
    assert bound.radius >= of_rows.max()
    assert 0 < bound.shrink <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_radius_and_spread_are_no_less_than_those_of_rows_with_sparse_columns(kind):
    rng = np.random.default_rng(19)
    for seed in range(4):
        design = drawn_design(kind, seed, n=200)
        model = held(design, outcomes(design, seed))[0]
        check_radius_and_spread(held_sums(model), rng)


def test_linear_predictors_are_no_further_off_than_is_said():
    import mpmath

    frame = survey(50, seed=12)
    frame["x"] += 1e7
    sums = held_sums(both("y ~ x + z + g + h", frame, offset="o")[0])
    rng = np.random.default_rng(13)
    alpha, theta = rng.normal(size=4) * 100, rng.normal(size=4) * 10
    found = sums.predictor(alpha, theta)
    basis, design = sums.basis, sums.basis.design
    with mpmath.workdps(40):
        for i in range(50):
            exact = mpmath.mpf(alpha[basis.levels.codes[i]]) + mpmath.mpf(sums.rows.offset[i])
            for j, column in enumerate(basis.kept):
                z = mpmath.mpf(design.numbers[i, column]) - mpmath.mpf(basis.centre[column])
                exact += z * mpmath.mpf(theta[j])
            other = basis.others[0]
            of_levels = np.zeros(other.n_levels)
            of_levels[other.columns >= 0] = theta[2:]
            exact += mpmath.mpf(of_levels[other.codes[i]])
            assert abs(float(exact - mpmath.mpf(found[i]))) <= eta_error(sums, alpha, theta)


def test_of_coefficients_without_end_nothing_is_known():
    model, _ = held(structured(30, 1), np.resize([0.0, 1.0, 1.0], 30))
    sums = held_sums(model)
    theta = np.zeros(len(sums.basis.columns))
    for size in (1e20, 1e300):
        assert eta_error(sums, np.full(sums.basis.n_levels, size), theta) == math.inf
    assert certify(model, np.full(model.n_parameters, 1e100)).error_bound == math.inf


def test_it_ends(monkeypatch):
    monkeypatch.setattr(newton_module, "MAX_ITERATIONS", 1)
    model, written = both("y ~ x + g", survey(200, seed=14))
    assert fit_as_held(held_sums(model)) is None
    # and is then fitted as if it were written out
    one, two = fit_newton(model), fit_newton(written)
    assert one.coefficients == pytest.approx(two.coefficients, rel=1e-12)
    assert one.certificate.error_bound < 1e-11


def test_an_outcome_that_is_everywhere_the_same_or_an_offset_too_large_is_left_to_others():
    frame = survey(100, seed=15)
    frame["o"] = 1e3
    assert fit_as_held(held_sums(both("y ~ x + g", frame, offset="o")[0])) is None


@pytest.mark.parametrize("columns", [{}, {"frequency_weights": "w", "offset": "o"}], ids=["", "wo"])
def test_columns_are_whitened_where_rounding_leaves_them_so(columns):
    frame = survey(300, seed=17)
    model, written = both("y ~ x + z + g + h", frame, **columns)
    sums, X = held_sums(model), written.design
    beta = np.random.default_rng(18).normal(size=model.n_parameters) / 4
    weights = np.ones(300) if not columns else frame["w"].to_numpy()
    flat = X.T @ (X * weights[:, None]) / 4
    for at, information in ((beta, written.information(beta)), (None, flat)):
        root = inverse_as_held(sums, at).root
        assert root.T @ information @ root == pytest.approx(np.eye(len(beta)), abs=1e-9)
    frame["x"] = frame["z"] + 1e-7 * frame["x"]
    near = held_sums(both("y ~ x + z + g + h", frame)[0])
    assert inverse_as_held(near, None) is None
    assert inverse_as_held(near, beta) is None
    assert inverse_as_held(sums, np.full(len(beta), 1e3)) is None


def test_a_design_too_large_to_be_written_out_is_fitted_and_judged_all_the_same(
    monkeypatch,
):
    model = both("y ~ x + g + h", survey(400, 4))[0]
    expected = fit_newton(model)
    for module in (coded_module, rows_module):
        monkeypatch.setattr(module, "LARGEST_DENSE", 1000)
    fit = fit_newton(model)
    assert np.allclose(fit.coefficients, expected.coefficients, rtol=1e-12)
    assert certify(model, fit.coefficients).error_bound < 1e-6
    far = certify(model, fit.coefficients + 30.0)
    assert far.error_bound == np.inf
    for needs_columns in (lambda: model.information(fit.coefficients), lambda: model.design):
        with pytest.raises(InputError, match=r"needs the design written out, 400 rows of \d+ col"):
            needs_columns()


def test_factors_whose_table_would_be_too_large_are_not_held_against_one_another(monkeypatch):
    design = both("y ~ x + g + h", survey(400, 4))[0].rows.design
    assert Basis.of(design) is not None
    monkeypatch.setattr(basis_module, "LARGEST_CROSS", 10)
    assert Basis.of(design) is None


def many_alike(n, seed):
    """Numbers with effects, and levels with theirs, many rows each."""
    rng = np.random.default_rng(seed)
    g, x = rng.integers(0, 6, n), rng.normal(size=(n, 2))
    eta = x @ [1.5, -0.5] + np.linspace(-1, 1, 6)[g] - 0.5
    y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    return pd.DataFrame({"y": y, "x": x[:, 0], "z": x[:, 1], "g": [f"g{i}" for i in g]})


def test_a_first_step_of_some_rows_saves_one_of_all_and_changes_no_answer(monkeypatch):
    monkeypatch.setattr(newton_module, "CHORD_STEPS", 0)  # or it may save some of these
    frame = many_alike(8000, seed=20)
    held, written = both("y ~ x + z + g", frame)
    some = fit_as_held(held_sums(held))
    monkeypatch.setattr(newton_module, "ROWS_A_COLUMN", 10**9)
    none = fit_as_held(held_sums(held))
    assert some.n_iterations < none.n_iterations
    expected = evaluate_written_out(written.rows, some.beta)
    errors = np.sqrt(np.diag(expected.covariance))
    assert (np.abs(some.beta - none.beta) / errors).max() <= some.error_bound + none.error_bound
    assert expected.certificate.error_bound < 1e-9


def test_a_first_step_is_not_made_of_few_rows_nor_with_offsets():
    for n, offset in ((400, None), (8000, "o")):
        frame = many_alike(n, seed=21).assign(o=0.5)
        sums = held_sums(both("y ~ x + z + g", frame, offset=offset)[0])
        begun, rates = start(sums), at_rates(sums)
        assert np.array_equal(begun[0], rates[0])
        assert np.array_equal(begun[1], rates[1])


def test_steps_with_the_same_information_save_some_and_change_no_answer(monkeypatch):
    frame = many_alike(3000, seed=22)
    held, written = both("y ~ x + z + g", frame)
    formed, information = [], Sums.information

    def counted(sums, curvature):
        formed.append(sums)
        return information(sums, curvature)

    monkeypatch.setattr(Sums, "information", counted)
    some = fit_as_held(held_sums(held))
    n_some = len(formed)
    monkeypatch.setattr(newton_module, "CHORD_STEPS", 0)
    none = fit_as_held(held_sums(held))
    assert n_some < len(formed) - n_some
    expected = evaluate_written_out(written.rows, some.beta)
    errors = np.sqrt(np.diag(expected.covariance))
    assert (np.abs(some.beta - none.beta) / errors).max() <= some.error_bound + none.error_bound
    assert expected.certificate.error_bound <= 2 * some.error_bound + 1e-9
    assert some.origin.inverse.standard_errors == pytest.approx(errors, rel=1e-9)


def test_too_many_sparse_columns_are_refused_with_their_number_and_the_remedy():
    rng = np.random.default_rng(9)
    n, k, entries = 60_000, 20_000, 90_000  # 1.2e9 numbers
    places = rng.integers(0, n, entries), rng.integers(0, k, entries)
    words = sparse.csr_array((np.ones(entries), places), shape=(n, k))
    model = BernoulliLogistic.from_arrays(words, rng.integers(0, 2, n), intercept=True)
    said = (
        r"60000 rows of 20001 columns or 10 GB; only with up to 8192 columns beside its largest "
        r"factor it does without, and has 20001: leave out those that are 0 in nearly all rows, "
        r"merge levels, or use fewer rows"
    )
    with pytest.raises(InputError, match=said):
        fit_newton(model)
