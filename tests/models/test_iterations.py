from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import statsmodels.api as sm
from generated_data import data_set
from multiplier import repeated
from places import shoppers
from problems import simulated

import flatprior.models.iterations as iterations
from flatprior.analysis import (
    average_marginal_effects,
    compare_models,
    compare_routes,
    confidence_intervals,
    diagnose,
    exact_loo,
    goodness_of_fit,
    hauck_donner,
    likelihood_ratio_test,
    predict,
    robust_covariance,
    summarise,
    wald_test,
)
from flatprior.models import (
    BernoulliLogistic,
    LogisticMLE,
    MLEDoesNotExistError,
    NotConvergedError,
    certify,
    fit_newton,
)
from flatprior.models.batches import first_pass
from flatprior.models.likelihood import moments
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows

# a variance beyond the largest double: the fit says so, and is not said to have converged
BEYOND = "than double precision holds"


def passes(model: BernoulliLogistic, monkeypatch) -> list[tuple[int, bool, bool]]:
    """Rows, score only, whitened: of each pass that a fit makes."""
    made = []
    original = iterations._moments

    def counted(rows, beta, transform=None, score_only=False):
        made.append((rows.n_rows, score_only, transform is not None))
        return original(rows, beta, transform, score_only)

    monkeypatch.setattr(iterations, "_moments", counted)
    fit_newton(model)
    return made


def judge(fit, X, y, offset=None, weights=None):
    """Hold a fit against a certificate computed anew, and its standard errors against the inverse
    information at the coefficients."""
    model = BernoulliLogistic.from_arrays(X, y, offset=offset, frequency_weights=weights)
    assert fit.converged
    assert fit.certificate.error_bound < 1e-6
    assert certify(model, fit.coefficients).error_bound < 1e-6
    p = 1 / (1 + np.exp(-X @ fit.coefficients - (0 if offset is None else offset)))
    curvature = p * (1 - p) * (1 if weights is None else weights)
    inverse = np.linalg.inv(np.linalg.qr(np.sqrt(curvature)[:, None] * X, mode="r"))
    assert fit.standard_errors == pytest.approx(np.linalg.norm(inverse, axis=1), rel=1e-7)
    assert fit.log_likelihood == pytest.approx(model.log_likelihood(fit.coefficients), rel=1e-12)


def test_many_rows_cost_two_informations_and_a_few_scores(monkeypatch):
    X, y = simulated(400_000, 5, seed=1)
    made = passes(BernoulliLogistic.from_arrays(X, y, copy=False), monkeypatch)
    all_rows = [score_only for n, score_only, _ in made if n == 400_000]
    assert all_rows.count(False) == 2
    assert all_rows.count(True) <= 3
    assert sum(n for n, *_ in made if n < 400_000) < 400_000 / 2


def test_few_rows_start_at_zero_with_the_information_each_time(monkeypatch):
    X, y = simulated(200, 4, seed=2)
    made = passes(BernoulliLogistic.from_arrays(X, y), monkeypatch)
    assert made == []  # but full steps
    monkeypatch.setattr(iterations, "FEW", 0)
    made = passes(BernoulliLogistic.from_arrays(X, y), monkeypatch)
    assert all(step == (200, False, False) for step in made)
    assert len(made) <= 7


@pytest.mark.parametrize("k", [2, 8])
def test_a_fit_that_starts_from_a_sample_is_that_of_statsmodels(k):
    X, y = simulated(60_000, k, seed=3)
    fit = fit_newton(BernoulliLogistic.from_arrays(X, y))
    other = sm.Logit(y, X).fit(disp=0, tol=1e-14)
    assert fit.coefficients == pytest.approx(other.params, rel=1e-9)
    assert fit.standard_errors == pytest.approx(other.bse, rel=1e-8)
    judge(fit, X, y)


def rare_level(n: int) -> tuple[np.ndarray, np.ndarray]:
    """A level so rare that samples do not have it, or have it with one outcome only."""
    X, y = simulated(n, 3, seed=4)
    level = np.zeros(n)
    level[:6] = 1
    y[:6] = [0, 1, 0, 1, 1, 0]
    return np.column_stack([X, level]), y


def rare_events(n: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = simulated(n, 3, seed=5)
    y[:] = 0
    y[:: n // 20] = 1
    return X, y


def sorted_rows(n: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = simulated(n, 3, seed=6)
    order = np.lexsort([X[:, 1], y])
    return X[order], y[order]


def year_column(n: int) -> tuple[np.ndarray, np.ndarray]:
    X, y = simulated(n, 3, seed=7)
    X[:, 1] = 2000 + 0.01 * X[:, 1]
    return X, y


def heavy_tails(n: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(8)
    X = np.column_stack([np.ones(n), rng.standard_cauchy(size=(n, 2))])
    return X, (rng.random(n) < 0.3).astype(float)


@pytest.mark.parametrize(
    "problem", [rare_level, rare_events, sorted_rows, year_column, heavy_tails]
)
def test_samples_that_mislead_do_not_matter(problem):
    X, y = problem(50_000)
    judge(fit_newton(BernoulliLogistic.from_arrays(X, y)), X, y)


def test_columns_that_are_nearly_dependent_are_whitened(monkeypatch):
    X, y = year_column(50_000)
    made = passes(BernoulliLogistic.from_arrays(X, y), monkeypatch)
    assert any(whitened for *_, whitened in made)


def test_offsets_and_weights_on_many_rows():
    X, y = simulated(50_000, 3, seed=9)
    rng = np.random.default_rng(10)
    offset, weights = rng.normal(size=len(y)), rng.integers(1, 1000, size=len(y))
    model = BernoulliLogistic.from_arrays(X, y, offset=offset, frequency_weights=weights)
    judge(fit_newton(model), X, y, offset, weights)


@pytest.mark.parametrize("layout", ["float32", "columns", "strided"])
def test_any_layout_is_fitted_without_a_copy(layout):
    X, y = simulated(30_000, 4, seed=11)
    X = X.astype(np.float32).astype(float)
    given = {
        "float32": X.astype(np.float32),
        "columns": np.asfortranarray(X),
        "strided": np.repeat(X, 2, axis=0)[::2],
    }[layout]
    model = BernoulliLogistic.from_arrays(given, y, copy=False)
    assert np.shares_memory(model.rows.design, given)
    fit = fit_newton(model)
    assert fit.coefficients == pytest.approx(
        fit_newton(BernoulliLogistic.from_arrays(X, y)).coefficients, rel=1e-12
    )
    judge(fit, X, y)


def test_a_score_pass_gives_the_score_of_a_whole_one():
    X, y = simulated(30_000, 3, seed=12)
    rows = ArrayRows(X, y)
    beta = np.array([0.1, -0.2, 0.3])
    whole = rows.reduce(lambda block: moments(block, beta))
    score = rows.reduce(lambda block: moments(block, beta, score_only=True))
    assert score.information is None
    assert np.array_equal(score.score, whole.score)
    assert score.log_likelihood == whole.log_likelihood


def test_a_fit_that_is_far_from_the_mle_does_not_say_that_it_converged():
    # weights over eight orders of magnitude: some of these defeat double precision
    proved = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        X = np.column_stack([np.ones(16), rng.normal(size=(16, 4))])
        y = (rng.random(16) < 0.5).astype(float)
        weights = np.floor(10 ** rng.uniform(0, 8, size=16))
        try:
            fit = fit_newton(BernoulliLogistic.from_arrays(X, y, frequency_weights=weights))
        except MLEDoesNotExistError:
            continue
        assert fit.converged == np.isfinite(fit.certificate.error_bound)
        proved += fit.converged
    assert proved >= 50


def test_rounding_of_large_linear_predictors_does_not_stop_the_iteration():
    # an intercept a million standard deviations from the data, and weights up to a million
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = np.column_stack([np.ones(40), 1e6 + rng.normal(size=40)])
        X, y = np.vstack([X, X]), np.repeat([0.0, 1.0], 40)
        weights = np.floor(10 ** rng.uniform(0, 6, size=80))
        fit = fit_newton(BernoulliLogistic.from_arrays(X, y, frequency_weights=weights))
        assert fit.converged
        assert fit.certificate.error_bound < 1e-4


def zero_inflated(n: int = 40_000) -> tuple[np.ndarray, np.ndarray]:
    """A column that is zero in 998 rows of 1,000 and heavy-tailed in the others."""
    rng = np.random.default_rng(3)
    x = np.exp(1.5 * rng.normal(size=n)) * (rng.random(n) < 0.002)
    z = rng.normal(size=n)
    y = (rng.random(n) < 1 / (1 + np.exp(0.5 - 0.1 * x - 0.3 * z))).astype(float)
    return np.column_stack([x, z]), y


def test_a_sample_without_the_large_values_of_a_column_does_not_lead_astray():
    X, y = zero_inflated()  # statsmodels, from zero, gives the same digits
    classifier = LogisticMLE().fit(X, y)
    assert classifier.coef_[0] == pytest.approx([0.22332305, 0.30027023], abs=5e-9)
    assert classifier.estimate_.certificate.error_bound < 1e-9


def test_a_start_that_is_worse_than_zero_is_not_used(monkeypatch):
    X, y = simulated(30_000, 3, seed=13)
    rows = ArrayRows(X, y)
    far = np.full(3, 50.0)
    original = iterations.iterates

    def misled(part, *args, **kwargs):
        if part.n_rows < rows.n_rows:
            (*_, last) = original(part, *args, **kwargs)
            return iter([replace(last, coefficients=far)])
        return original(part, *args, **kwargs)

    monkeypatch.setattr(iterations, "iterates", misled)
    first, *_, last = list(misled(rows))
    assert not first.coefficients.any()
    assert isinstance(last, iterations.Stationary)


def test_a_start_that_is_near_is_used_though_zero_is_better(tmp_path, monkeypatch):
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 3000)
    shoppers(40_000).to_parquet(tmp_path / "rows.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "bought ~ income + region")
    beta = fit_newton(model).coefficients

    def in_the_large(block):  # whose MLE is 0
        return block._replace(design=np.ones((len(block.sign), 1)), offset=block.design @ beta)

    rows = model.rows.become(in_the_large, False)
    before = model.passes.number
    first, *_, last = list(iterations.iterates(rows))
    assert first.coefficients.any()
    assert isinstance(last, iterations.Stationary)
    np.testing.assert_allclose(last.coefficients, 0, atol=1e-12)
    assert model.passes.number - before <= 3


def test_a_start_that_fails_is_abandoned(monkeypatch):
    X, y = simulated(30_000, 3, seed=14)
    monkeypatch.setattr(iterations, "START_ITERATIONS", 1)
    visited = list(iterations.iterates(ArrayRows(X, y)))
    assert not visited[1].coefficients.any()
    assert isinstance(visited[-1], iterations.Stationary)


def test_the_last_iterate_is_where_they_end_and_a_maximum_only_where_it_is_one():
    X, y = simulated(200, 3, seed=16)
    overlapping = ArrayRows(X, y)
    *_, last = iterations.iterates(overlapping)
    for found in (iterations.last_iterate(overlapping), iterations.maximum(overlapping)):
        assert np.array_equal(found.coefficients, last.coefficients)
    # separated outcomes: somewhere it ends, and that is no maximum
    separated = ArrayRows(X, X[:, 1] > 0)
    assert iterations.last_iterate(separated).log_likelihood < 0
    assert iterations.maximum(ArrayRows(X[:, [1, 1]], y)) is None
    # of two equal columns rounding may leave a step to take; of one of zeros it leaves nothing
    assert iterations.last_iterate(ArrayRows(X[:, [1, 1]] * [1, 0], y)) is None


def test_the_maximum_of_rows_without_columns_is_the_log_likelihood_of_their_offsets():
    offset = np.array([-2.0, 0.0, 3.0])
    rows = ArrayRows(np.zeros((3, 0)), np.array([0.0, 1.0, 1.0]), offset, np.array([1.0, 2.0, 3.0]))
    exact = -np.log1p(np.exp(-2.0)) - 2 * np.log(2.0) - 3 * np.log1p(np.exp(-3.0))
    for found in (iterations.last_iterate(rows), iterations.maximum(rows, np.zeros(0))):
        assert found.log_likelihood == pytest.approx(exact, rel=1e-14)
        assert found.coefficients.shape == (0,)
        assert isinstance(found, iterations.Stationary)


@pytest.mark.parametrize("odds", [1e300, np.inf])
def test_no_overflow_makes_a_fall_of_the_log_likelihood_acceptable(odds):
    # at a place where the odds overflow every step is judged by the log-likelihood alone
    X, y = simulated(2_000, 2, seed=15)
    rows = ArrayRows(X, y)
    beta = np.array([0.0, 0.1])
    here = replace(iterations._moments(rows, beta), odds=odds)
    worse = np.array([0.0, -40.0])
    assert iterations._moments(rows, beta + worse).log_likelihood < here.log_likelihood - 1000
    for near in (False, True):
        step = iterations._Step(beta, here, worse, 1e9, near)
        found = iterations._line_search(
            rows, step, partial(iterations._moments, rows), lambda there: there.score
        )
        assert found is None or found.here.log_likelihood >= here.log_likelihood


@pytest.mark.parametrize("size", [(3, 4.5), (4.5, 5.3)])
def test_heavy_tails_zero_inflation_and_rare_events_never_end_in_garbage(size):
    for seed in range(repeated(12)):
        data = data_set(seed, size)
        try:
            fit = fit_newton(data.model)
        except MLEDoesNotExistError as error:
            assert error.existence.kind != "overlap"  # noqa: PT017
            continue
        assert fit.converged == np.isfinite(fit.certificate.error_bound)
        assert (fit.converged and fit.certificate.error_bound < 1e-4) or BEYOND in fit.message, seed


def test_a_fit_with_irregular_offsets_of_hundreds_and_thousands_is_proved():
    for seed in range(repeated(16)):
        data = data_set(seed, (3, 4.3), huge_offsets=True)
        try:
            fit = fit_newton(data.model)
        except MLEDoesNotExistError as error:
            assert error.existence.kind != "overlap"  # noqa: PT017
            continue
        assert (fit.converged and fit.certificate.error_bound < 1e-4) or BEYOND in fit.message, seed


@pytest.mark.parametrize("seed", [10530, 10701, 10975, 13324, 13638])
def test_no_coefficient_is_left_on_its_way_where_the_decrement_is_rounding(seed):
    # found not to converge: a coefficient hangs on rows whose information is exp(-85) to exp(-375)
    fit = fit_newton(data_set(seed).model)
    assert fit.converged
    assert fit.certificate.error_bound < 1e-9
    assert fit.certificate.digits.min() > 8
    assert fit.n_iterations < 30


def test_a_fit_that_did_not_converge_says_so_first_and_nothing_uses_it():
    data = data_set(11953)
    fit = fit_newton(data.model)
    assert data.huge_offsets
    assert not fit.converged
    for text in (str(fit), fit._repr_html_(), fit.to_markdown(), fit.to_latex()):
        assert text.index("NOT CONVERGED") < text.index("x1")
    for use in (
        lambda: converged_mle(data.model),
        lambda: likelihood_ratio_test(data.model, "x1"),
        lambda: confidence_intervals(data.model).table(),
        lambda: confidence_intervals(data.model, method="wald").table(),
        lambda: summarise(data.model),
        lambda: compare_models({"one": data.model, "two": data.model}),
        lambda: wald_test(fit, "x1"),
        lambda: wald_test(fit, "x1", model=data.model),
        lambda: summarise(data.model, fit),
        lambda: goodness_of_fit(data.model, fit),
        lambda: robust_covariance(data.model, fit),
        lambda: diagnose(data.model, fit),
        lambda: hauck_donner(data.model, fit).table(),
        lambda: exact_loo(data.model, fit),
        lambda: predict(data.model, fit, data.model.design),
        lambda: average_marginal_effects(data.model, fit).table(),
    ):
        with pytest.raises(NotConvergedError, match="centre and rescale columns and offsets"):
            use()
    agreement = compare_routes(data.model, fit, fit)
    assert agreement.verdict == "disagree"
    assert np.isnan(agreement.routes[0].distance)
    assert "nor is one small enough for any other route" in agreement.message


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", ["plain", "weights", "offset"])
def test_full_steps_on_few_rows_end_where_damped_ones_do(order, kind, monkeypatch):
    for seed in range(repeated(5)):
        rng = np.random.default_rng(seed)
        X, y = simulated(150, 4, seed, size=1.0)
        X[:, 1] *= 10.0 ** rng.integers(-9, 10)
        given = {
            "plain": {},
            "weights": {"frequency_weights": rng.integers(1, 2 ** rng.integers(2, 40), 150)},
            "offset": {"offset": 2 * rng.normal(size=150)},
        }[kind]
        model = BernoulliLogistic.from_arrays(np.asarray(X, order=order), y, **given)
        full = fit_newton(model)
        with monkeypatch.context() as patched:
            patched.setattr(iterations, "FEW", 0)
            damped = fit_newton(model)
        apart = np.abs(full.coefficients - damped.coefficients) / full.standard_errors
        assert apart.max() <= full.certificate.error_bound + damped.certificate.error_bound
        assert full.standard_errors == pytest.approx(damped.standard_errors, rel=1e-11)
        assert full.log_likelihood == pytest.approx(damped.log_likelihood, rel=1e-13)


def test_a_full_step_that_goes_too_far_is_taken_again_with_care():
    # the first step from zero leads where nothing has curvature left
    x = np.array([-20.0, 0.0, 2.0, 1.0, 300.0])
    X = np.column_stack([np.ones(5), x])
    model = BernoulliLogistic.from_arrays(np.vstack([X, X]), [0, 1, 0, 1, 1, 1, 0, 0, 1, 1])
    visited = list(iterations.iterates(model.rows))
    assert len(visited) > 2
    log_likelihoods = [each.log_likelihood for each in visited]
    assert max(np.diff(log_likelihoods[::-1])) < 1e-12  # they rise
    assert fit_newton(model).certificate.error_bound < 1e-6


def test_few_rows_of_which_columns_are_dependent_or_separated_come_to_the_careful_way():
    X, y = simulated(60, 3, seed=1)
    same = BernoulliLogistic.from_arrays(np.column_stack([X, X[:, 1]]), y)
    assert list(iterations.iterates(same.rows)) == []
    apart = BernoulliLogistic.from_arrays(X, (X[:, 1] > 0).astype(float))
    visited = list(iterations.iterates(apart.rows))
    assert len(visited) > iterations.MOST_OF_FEW
    rises = np.diff([each.log_likelihood for each in visited[:20]])
    assert rises.min() > -1e-12  # rounding, where the one way ends and the other begins


@pytest.mark.parametrize("k", [3, iterations.NARROW + 4])  # the information is formed in two ways
def test_iterates_of_few_rows_sum_their_log_likelihood_when_it_is_asked_for(k):
    X, y = simulated(400, k, seed=4)
    weights = np.arange(400) % 3 + 1
    offset = np.linspace(-1, 1, 400)
    model = BernoulliLogistic.from_arrays(X, y, offset=offset, frequency_weights=weights)
    *passed, last = iterations.iterates(model.rows)
    assert len(passed) > 2
    assert iterations.last_step_of(last) is not None
    assert not any("log_likelihood" in vars(each) for each in passed)
    stated = np.array([each.log_likelihood for each in [*passed, last]])
    eta = np.array([X @ each.coefficients + offset for each in [*passed, last]])
    direct = -np.logaddexp(0.0, -(2 * y - 1) * eta) @ weights
    assert stated == pytest.approx(direct, rel=1e-13)
    here, X_w = last.last_step.moments, X * weights[:, None]
    p = 1 / (1 + np.exp(-X @ last.last_step.origin - offset))
    assert here.information == pytest.approx((X_w * (p * (1 - p))[:, None]).T @ X, rel=1e-12)
