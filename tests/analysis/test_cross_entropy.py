"""The road from likelihood to cross-entropy: every number against another way to it."""

import math
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from problems import OVERLAPPING, ids
from scipy.integrate import quad
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from flatprior.analysis import (
    bernoulli_likelihood,
    binary_cross_entropy,
    coin,
    convexity,
    cross_entropy_terms,
    gradient_descent,
    likelihood_curve,
    product_underflow,
    required_C,
    sklearn_objective,
)
from flatprior.models import (
    BernoulliLogistic,
    certify,
    check_existence,
    fit_newton,
    load_smarket,
    load_spector,
)

TOSS = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])


@pytest.fixture(scope="module")
def smarket():
    return BernoulliLogistic.from_formula("Direction ~ Lag1 + Lag2 + Volume", load_smarket())


@pytest.fixture(scope="module")
def spector():
    return BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())


def test_the_likelihood_is_the_textbook_formula(smarket):
    fit = fit_newton(smarket)
    p = 1 / (1 + np.exp(-smarket.design @ fit.coefficients))
    textbook = p**smarket.response * (1 - p) ** (1 - smarket.response)
    np.testing.assert_allclose(bernoulli_likelihood(smarket, fit), textbook, rtol=1e-14)


def test_a_likelihood_near_zero_keeps_its_digits():
    model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])
    found = bernoulli_likelihood(model, [50.0])
    assert found[0] == pytest.approx(float(mpmath.exp(-50) / (1 + mpmath.exp(-50))), rel=1e-14)


def multiplied(factors, dtype):
    """How many factors, from the top again and again, until the product is 0: one at a time."""
    product, n = dtype(1), 0
    while True:
        for factor in factors:
            product = dtype(product * dtype(factor))
            n += 1
            if product == 0:
                return n


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", ["smarket", "spector"])
def test_underflow_counts_are_those_of_multiplying_one_by_one(name, dtype, request):
    model = request.getfixturevalue(name)
    fit = fit_newton(model)
    found = product_underflow(model, fit, dtype.__name__)
    factors = bernoulli_likelihood(model, fit)
    assert found.n_factors == multiplied(factors, dtype)
    # exactly, in rational numbers: the product is not zero, and its logarithm is ours
    exact = Fraction(1)
    for i in range(found.n_factors):
        exact *= Fraction(float(factors[i % len(factors)]))
    with mpmath.workdps(30):
        true = mpmath.log(exact.numerator) - mpmath.log(exact.denominator)
        assert found.log_likelihood == pytest.approx(float(true), rel=1e-13)
    assert 0 < found.last < np.finfo(dtype).tiny
    assert found.n_subnormal < found.n_factors


def test_halves_underflow_where_the_format_ends():
    for dtype, least in (("float64", -1074), ("float32", -149), ("float16", -24)):
        found = product_underflow(TOSS, [0.0], dtype)
        assert found.n_factors == 1 - least
        assert found.last == 2.0**least
        assert found.n_subnormal == 1 - round(math.log2(float(np.finfo(dtype).tiny)))
        assert found.log_likelihood == pytest.approx((least - 1) * math.log(2), rel=1e-15)


def test_rows_of_a_frequency_weight_are_multiplied_as_often():
    grouped = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1], frequency_weights=[600, 900])
    single = BernoulliLogistic.from_arrays(np.ones((1500, 1)), [0] * 600 + [1] * 900)
    fit = fit_newton(single)
    assert product_underflow(grouped, fit.coefficients) == product_underflow(single, fit)


def test_certain_outcomes_do_not_underflow():
    sure = BernoulliLogistic.from_arrays([[-1.0], [1.0]], [0, 1])
    found = product_underflow(sure, [100.0])
    assert found.n_factors is None
    assert found.last == 1.0
    assert "is 1, their log-likelihood" in str(found)


def test_an_unknown_float_is_refused():
    with pytest.raises(ValueError, match="float64"):
        product_underflow(TOSS, [0.0], "float8")


def test_the_logarithm_keeps_the_maximiser_and_the_product_of_all_rows_is_zero(smarket):
    fit = fit_newton(smarket)
    grid = np.linspace(-1, 1, 401)
    few = likelihood_curve(smarket, fit, "Lag1", grid, rows=100)
    assert few["likelihood"].idxmax() == few["log-likelihood"].idxmax()
    np.testing.assert_allclose(np.log(few["likelihood"]), few["log-likelihood"], rtol=1e-12)
    whole = likelihood_curve(smarket, fit, "Lag1", grid)
    assert (whole["likelihood"] == 0).all()
    at = np.argmin(np.abs(grid - fit.coefficients[1]))
    assert whole["log-likelihood"].to_numpy().argmax() == at
    with pytest.raises(ValueError, match="no coefficient 'Lag9'"):
        likelihood_curve(smarket, fit, "Lag9", grid)
    with pytest.raises(ValueError, match="between 1 and 1250"):
        likelihood_curve(smarket, fit, "Lag1", grid, rows=1251)


@pytest.mark.parametrize("case", OVERLAPPING, ids=ids)
def test_cross_entropy_is_log_loss_to_1e_15_where_nothing_is_clipped(case):
    model = case.model
    found = binary_cross_entropy(model, case.beta)
    assert found.mean == -model.log_likelihood(case.beta) / model.n_observations
    if found.clipped == 0:
        assert found.log_loss == pytest.approx(found.mean, rel=1e-15)


def test_log_loss_is_what_scikit_learn_says(spector):
    fit = fit_newton(spector)
    found = binary_cross_entropy(spector, fit)
    p = 1 / (1 + np.exp(-spector.design @ fit.coefficients))
    assert found.log_loss == pytest.approx(log_loss(spector.response, p), rel=1e-14)


@pytest.mark.parametrize(("dtype", "largest"), [(np.float64, 36.0436534), (np.float32, 15.9423847)])
def test_clipping_is_where_the_two_differ(dtype, largest):
    # one observation, foretold wrongly with all certainty
    model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1], frequency_weights=[1, 3])
    found = binary_cross_entropy(model, [200.0])
    assert found.mean == pytest.approx(50.0, rel=1e-15)
    clipped = found.clipped if dtype is np.float64 else found.clipped_float32
    loss = found.log_loss if dtype is np.float64 else found.log_loss_float32
    assert clipped == 4
    assert loss == pytest.approx(largest / 4, rel=1e-6)
    assert "4 observations clipped" in str(found)


def test_float32_clips_before_float64():
    model = BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1])
    found = binary_cross_entropy(model, [20.0])
    assert (found.clipped, found.clipped_float32) == (0, 2)
    assert found.log_loss == pytest.approx(found.mean, rel=1e-15)
    assert found.log_loss_float32 < found.mean


def test_one_term_is_active_in_each_row(spector):
    fit = fit_newton(spector)
    terms = cross_entropy_terms(spector, fit)
    both = terms[["-y log p", "-(1 - y) log(1 - p)"]].to_numpy()
    assert ((both > 0).sum(axis=1) == 1).all()
    assert ((both[:, 0] > 0) == (terms["y"] == 1)).all()
    p, y = terms["p"], terms["y"]
    np.testing.assert_allclose(-y * np.log(p), terms["-y log p"], rtol=1e-12)
    np.testing.assert_allclose(terms["loss"].mean(), binary_cross_entropy(spector, fit).mean)


def test_the_hessian_of_the_cross_entropy_is_the_information_over_n(spector):
    fit = fit_newton(spector)
    found = convexity(spector, fit)
    information = spector.information(fit.coefficients) / spector.n_observations
    np.testing.assert_allclose(found.eigenvalues, np.linalg.eigvalsh(information), rtol=1e-9)
    assert found.strict
    # and of finite differences of the cross-entropy
    step = 1e-4
    direction = np.array([0.3, -0.2, 0.01, 0.5])
    values = [
        binary_cross_entropy(spector, fit.coefficients + t * direction).mean
        for t in (-step, 0, step)
    ]
    second = (values[0] - 2 * values[1] + values[2]) / step**2
    assert second == pytest.approx(direction @ information @ direction, rel=1e-5)


def test_dependent_columns_leave_a_flat_direction():
    x = np.arange(6.0)
    model = BernoulliLogistic.from_arrays(np.column_stack([x, 2 * x]), [0, 1, 0, 1, 0, 1])
    found = convexity(model, [0.1, 0.2])
    assert not found.strict
    assert (found.eigenvalues >= 0).all()
    wide = BernoulliLogistic.from_arrays([[1.0, 2.0, 3.0]], [1])
    assert not convexity(wide, np.zeros(3)).strict
    assert convexity(wide, np.zeros(3)).eigenvalues[0] == 0


def test_the_penalised_objective_is_what_scikit_learn_minimises(spector):
    C = 0.7
    theirs = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12)
    theirs.fit(spector.design[:, 1:], spector.response)
    beta = np.concatenate([theirs.intercept_, theirs.coef_[0]])
    lowest = sklearn_objective(spector, beta, C).total
    rng = np.random.default_rng(0)
    for _ in range(50):
        moved = beta + rng.normal(scale=1e-3, size=4)
        assert sklearn_objective(spector, moved, C).total > lowest
    assert sklearn_objective(spector, beta, C).penalty == pytest.approx(
        np.square(theirs.coef_).sum() / (2 * C * 32), rel=1e-14
    )
    # at the MLE the cross-entropy is lower, the whole is not
    mle = fit_newton(spector)
    assert (
        sklearn_objective(spector, mle, C).cross_entropy
        < sklearn_objective(spector, beta, C).cross_entropy
    )
    with pytest.raises(ValueError, match="C must be positive"):
        sklearn_objective(spector, beta, 0)


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5])
@pytest.mark.parametrize("name", ["smarket", "spector"])
def test_required_C_is_where_the_penalty_no_longer_shows(name, tolerance, request):
    model = request.getfixturevalue(name)
    mle = fit_newton(model)
    C = required_C(model, mle, tolerance)
    theirs = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-14)
    theirs.fit(model.design[:, 1:], model.response)
    beta = np.concatenate([theirs.intercept_, theirs.coef_[0]])
    distance = np.max(np.abs(beta - mle.coefficients) / mle.standard_errors)
    assert distance == pytest.approx(tolerance, rel=0.01)


def test_gradient_descent_reaches_the_mle(smarket):
    found = gradient_descent(smarket)
    mle = fit_newton(smarket)
    assert found.reached
    assert found.certificate.error_bound <= 1e-6
    assert np.all(np.abs(found.path[-1] - mle.coefficients) <= 1e-6 * mle.standard_errors)
    assert (np.diff(found.loss) <= 1e-14).all()  # but for rounding
    assert found.loss[0] == pytest.approx(math.log(2), rel=1e-15)
    assert found.n_steps == len(found.path) - 1
    assert "of the MLE" in str(found)


def test_the_default_learning_rate_never_goes_uphill_and_is_sharp():
    rng = np.random.default_rng(3)
    model = BernoulliLogistic.from_arrays(rng.normal(size=(60, 3)), rng.integers(0, 2, 60))
    found = gradient_descent(model, steps=200)
    largest = np.linalg.eigvalsh(model.design.T @ model.design)[-1] / 4
    assert found.learning_rate == pytest.approx(model.n_rows / largest, rel=1e-12)
    assert (np.diff(found.loss) <= 1e-14).all()  # but for rounding


def test_without_an_mle_descent_goes_on_for_ever():
    model = BernoulliLogistic.from_arrays([[-1.0], [1.0]], [0, 1])
    found = gradient_descent(model, steps=500)
    assert not found.reached
    assert found.n_steps == 500
    assert math.isinf(found.certificate.error_bound)


def test_descent_refuses_what_is_not_positive(spector):
    for wrong in ({"learning_rate": 0.0}, {"steps": 0}, {"steps": 320.5}, {"tolerance": -1.0}):
        with pytest.raises(ValueError, match="must be"):
            gradient_descent(spector, **wrong)
    with pytest.raises(ValueError, match="every column is 0"):
        gradient_descent(BernoulliLogistic.from_arrays([[0.0], [0.0]], [0, 1]))
    with pytest.raises(ArithmeticError, match="take a learning rate below"):
        gradient_descent(spector, learning_rate=1e308)


def test_eight_heads_have_probability_039_percent_and_a_likelihood_with_its_top_at_one():
    eight = coin(8, 8)
    assert f"{eight.likelihood(0.5):.2%}" == "0.39%"
    assert eight.likelihood(0.5) == 1 / 256
    assert eight.maximiser == 1.0
    assert eight.log_likelihood == 0.0
    grid = np.linspace(0, 1, 101)
    assert grid[eight.likelihood(grid).argmax()] == 1.0
    # probabilities of all that could happen sum to 1, the likelihood does not integrate to 1
    assert eight.probabilities(0.3).sum() == pytest.approx(1, rel=1e-15)
    assert eight.area == pytest.approx(1 / 9, rel=1e-14)


@pytest.mark.parametrize(("heads", "tosses"), [(0, 1), (3, 8), (40, 100)])
def test_the_area_under_a_likelihood_is_one_over_tosses_plus_one(heads, tosses):
    found = coin(heads, tosses)
    assert found.area == pytest.approx(1 / (tosses + 1), rel=1e-12)
    assert quad(found.likelihood, 0, 1)[0] == pytest.approx(found.area, rel=1e-8)
    best = float(found.likelihood(found.maximiser))
    assert found.log_likelihood == pytest.approx(math.log(best), rel=1e-12, abs=1e-14)


def test_the_coin_is_the_intercept_only_model():
    tossed = BernoulliLogistic.from_arrays(np.ones((8, 1)), [1] * 5 + [0] * 3)
    p = 1 / (1 + math.exp(-fit_newton(tossed).coefficients[0]))
    assert p == pytest.approx(coin(5, 8).maximiser, rel=1e-14)
    # eight heads: the maximiser p = 1 has no logit, and the model no MLE
    assert not check_existence(BernoulliLogistic.from_arrays(np.ones((8, 1)), [1] * 8)).exists
    assert math.isinf(certify(tossed, [30.0]).error_bound)


def test_impossible_heads_are_refused():
    with pytest.raises(ValueError, match="9 heads in 8 tosses"):
        coin(9, 8)


@pytest.fixture(scope="module")
def general():
    """Weights, an offset, float32, and the intercept in the middle; and its rows one by one."""
    rng = np.random.default_rng(11)
    X = np.column_stack([rng.normal(size=40), np.ones(40), rng.normal(size=40) * 3])
    X = X.astype(np.float32)
    y, w, o = rng.integers(0, 2, 40), rng.integers(1, 5, 40), rng.normal(size=40)
    grouped = BernoulliLogistic.from_arrays(X, y, offset=o, frequency_weights=w)
    rows = np.repeat(np.arange(40), w)
    single = BernoulliLogistic.from_arrays(X[rows], y[rows], offset=o[rows])
    return grouped, single, rows, np.array([0.3, -0.4, 0.2])


def test_weights_are_repeated_rows_in_every_function(general):
    grouped, single, rows, beta = general
    np.testing.assert_allclose(
        bernoulli_likelihood(grouped, beta)[rows], bernoulli_likelihood(single, beta), rtol=1e-14
    )
    for dtype in ("float64", "float32"):
        one, other = (product_underflow(model, beta, dtype) for model in (grouped, single))
        assert (one.n_factors, one.n_subnormal) == (other.n_factors, other.n_subnormal)
        assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)
    first = int(np.searchsorted(rows, 15))
    grid = np.linspace(-1, 1, 7)
    curve = likelihood_curve(grouped, beta, "x1", grid, rows=15)
    expected = likelihood_curve(single, beta, "x1", grid, rows=first)
    np.testing.assert_allclose(curve, expected, rtol=1e-11)
    one, other = (binary_cross_entropy(model, beta) for model in (grouped, single))
    assert one.mean == pytest.approx(other.mean, rel=1e-13)
    assert one.log_loss == pytest.approx(other.log_loss, rel=1e-13)
    assert one.n_observations == len(rows)
    terms = cross_entropy_terms(grouped, beta)
    np.testing.assert_allclose(terms.to_numpy()[rows], cross_entropy_terms(single, beta).to_numpy())
    assert not np.signbit(terms[["-y log p", "-(1 - y) log(1 - p)"]].to_numpy()).any()
    eta = grouped.design @ beta + grouped.offset
    np.testing.assert_allclose(terms["p"], 1 / (1 + np.exp(-eta)), rtol=1e-12)
    np.testing.assert_allclose(
        convexity(grouped, beta).eigenvalues, convexity(single, beta).eigenvalues, rtol=1e-10
    )
    one, other = (sklearn_objective(model, beta, 0.3) for model in (grouped, single))
    np.testing.assert_allclose(one, other, rtol=1e-13)
    assert one.penalty == pytest.approx((0.3**2 + 0.2**2) / (2 * 0.3 * len(rows)), rel=1e-13)
    fits = fit_newton(grouped), fit_newton(single)
    assert required_C(grouped, fits[0]) == pytest.approx(required_C(single, fits[1]), rel=1e-8)
    one, other = (gradient_descent(model, steps=73) for model in (grouped, single))
    np.testing.assert_allclose(one.path, other.path, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(one.loss, other.loss, rtol=1e-12)
    assert one.certificate.error_bound == certify(grouped, one.path[-1]).error_bound


def test_an_offset_does_not_change_the_learning_rate_but_the_path(general):
    grouped, _, _, _ = general
    plain = BernoulliLogistic.from_arrays(
        grouped.design, grouped.response, frequency_weights=grouped.frequency_weights
    )
    one, other = (gradient_descent(model, steps=5) for model in (grouped, plain))
    assert one.learning_rate == other.learning_rate
    assert not np.allclose(one.path[-1], other.path[-1])


def test_nearly_dependent_columns_are_still_strictly_convex():
    x = np.linspace(-1, 1, 50)
    model = BernoulliLogistic.from_arrays(np.column_stack([x, x + 1e-6 * x**3]), np.arange(50) % 2)
    assert convexity(model, [0.0, 0.0]).strict


def test_what_is_a_sum_over_rows_works_with_rows_on_disk(tmp_path):
    load_spector().to_parquet(tmp_path / "spector.parquet")
    formula = "grade ~ gpa + tuce + psi"
    disk = BernoulliLogistic.from_parquet(tmp_path / "spector.parquet", formula)
    memory = BernoulliLogistic.from_formula(formula, load_spector())
    fit, own = fit_newton(disk), fit_newton(memory)
    assert required_C(disk, fit) == pytest.approx(required_C(memory, own), rel=1e-6)
    np.testing.assert_allclose(
        sklearn_objective(disk, fit), sklearn_objective(memory, own), rtol=1e-12
    )
    assert convexity(disk, fit).strict


def test_a_product_that_sticks_is_not_called_finite():
    sure = BernoulliLogistic.from_arrays([[-1.0], [1.0]], [0, 1])
    found = product_underflow(sure, [1.0])
    assert found.n_factors is None
    p = 1 / (1 + math.exp(-1))
    assert found.n_subnormal == math.floor(math.log(np.finfo(float).tiny) / math.log(p)) + 1
    assert "sticks at 4.9e-324, with no digit right" in str(found)
    assert found.log_likelihood == pytest.approx(found.n_multiplied * math.log(p), rel=1e-12)


def test_huge_weights_need_no_memory():
    model = BernoulliLogistic.from_arrays(
        np.ones((1000, 1)), np.arange(1000) % 2, frequency_weights=np.full(1000, 5_000_000)
    )
    assert product_underflow(model, [0.0], "float32").n_factors == 150


def test_coins_of_many_tosses_and_wrong_probabilities():
    many = coin(600, 1200)
    assert many.likelihood(0.5) == pytest.approx(float(mpmath.binomial(1200, 600) / 2**1200))
    assert many.probabilities(0.5).sum() == pytest.approx(1, rel=1e-12)
    assert many.area == 1 / 1201
    with pytest.raises(ValueError, match="from 0 to 1"):
        many.likelihood([0.5, 2.0])
    with pytest.raises(ValueError, match="whole numbers"):
        coin(2.5, 8)


def test_an_intercept_alone_is_not_penalised():
    model = BernoulliLogistic.from_formula("grade ~ 1", load_spector())
    with pytest.raises(ValueError, match="intercept only"):
        required_C(model, fit_newton(model))


def test_results_are_short_at_the_prompt(spector):
    assert len(repr(product_underflow(TOSS, [0.0]))) < 200
    descent = gradient_descent(spector, steps=60)
    assert len(descent.message) < 200
    assert len(repr(descent).splitlines()) <= 20  # a dozen of the 61 points


def test_of_rows_in_files_there_are_sums_and_no_numbers_of_each(tmp_path):
    load_spector().to_parquet(tmp_path / "rows.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "grade ~ gpa")
    beta = np.zeros(2)
    for function in (bernoulli_likelihood, cross_entropy_terms):
        with pytest.raises(ValueError, match="each of 32 rows, which are read in batches"):
            function(model, beta)
    assert binary_cross_entropy(model, beta).log_loss == pytest.approx(math.log(2), rel=1e-14)
    assert product_underflow(model, beta).n_factors == 1075
