import numpy as np
import pytest
from multiplier import repeated
from problems import CASES, as_posterior, draws_from, simulated

from flatprior.analysis import check_posterior, compare_routes
from flatprior.analysis.agreement.departures import Sight, named_departures
from flatprior.analysis.monte_carlo import (
    batch_means,
    hotelling_p,
    predicted_mean_shift,
    root_at,
    t_p,
)
from flatprior.models import (
    BernoulliLogistic,
    Posterior,
    fit_newton,
    fit_sklearn,
    sample_independence,
    sample_nuts,
)
from flatprior.models.common.text import abbreviated, at_most
from flatprior.models.posterior import labelled_draws
from flatprior.models.provenance import provenance


@pytest.fixture(scope="module")
def large():
    X, y = simulated(2000, 3, seed=8)
    model = BernoulliLogistic.from_arrays(X, y)
    return model, fit_newton(model)


def filled_in(model, beta):
    """Draws whose log-density is the model's, as of a user who has draws only."""
    lp = model.log_likelihood(beta.reshape(-1, model.n_parameters)).reshape(beta.shape[:2])
    return as_posterior(model, beta, lp)


def digits(values, number):
    return np.array([float(f"{value:.{number}g}") for value in np.ravel(values)]).reshape(
        np.shape(values)
    )


def single(values):
    return np.asarray(values).astype(np.float32).astype(float)


def test_what_is_said_to_be_told_is_told_nine_times_in_ten():
    # 2 x 300 binomial counts at 0.9, four standard errors: false-alarm rate 1e-4
    rng, k, m, threshold = np.random.default_rng(1), 3, 40, 1e-3
    number, shifts, spreads = repeated(300), 0, 0
    root = np.array([[1.0, 0, 0], [0.5, 0.8, 0], [0.2, -0.3, 0.5]])
    sight = Sight(root @ root.T / m, 1 / np.sqrt(m), m)
    values, vectors = np.linalg.eigh(sight.score_covariance)
    for _ in range(number):
        scores = rng.normal(size=(m, k)) @ root.T + sight.shift(threshold) * vectors[:, -1]
        shifts += hotelling_p(scores) < threshold
        traces = rng.normal(size=m) + k * sight.spread(threshold)
        spreads += t_p(traces) < threshold
    assert values[-1] > values[0]
    reach = 4 * np.sqrt(0.9 * 0.1 / number)
    assert shifts / number == pytest.approx(0.9, abs=reach)
    assert spreads / number == pytest.approx(0.9, abs=reach)


def test_departures_are_where_theory_puts_them(large):
    model, fit = large
    root = root_at(model, fit)
    draws = draws_from(model, model.log_likelihood, fit, seed=1, shape=(4, 500)).draws
    sight = Sight.of(batch_means(draws), batch_means(draws[..., :1]))
    found = {
        each.name.split()[-1]: each
        for each in named_departures(model, fit, root, predicted_mean_shift(model, fit), sight)
    }
    # the exact posterior under the prior: its mode by Newton's method, its variance there
    beta, precision = fit.coefficients.copy(), 2.5**-2
    for _ in range(20):
        p = 1 / (1 + np.exp(-model.design @ beta))
        H = model.design.T @ ((p * (1 - p))[:, None] * model.design) + precision * np.eye(3)
        beta += np.linalg.solve(H, model.design.T @ (model.response - p) - precision * beta)
    moved = root.unplaced(fit.coefficients - beta)
    assert np.linalg.norm(found["2.5"].shift) == pytest.approx(np.linalg.norm(moved), rel=0.02)
    change = np.trace(np.linalg.inv(H) @ np.linalg.inv(fit.covariance)) / 3 - 1
    assert found["2.5"].spread == pytest.approx(change, abs=2e-4)


def test_wrong_draws_that_pass_are_said_not_to_be_excluded(large):
    model, fit = large
    rng = np.random.default_rng(2)
    laplace = rng.multivariate_normal(fit.coefficients, fit.covariance, size=(4, 1000))

    def with_prior(beta):
        return model.log_likelihood(beta) - (beta**2).sum(axis=1) / (2 * 2.5**2)

    under_prior = draws_from(model, with_prior, fit, seed=3).draws
    for beta, name in ((laplace, "normal approximation"), (under_prior, "normal prior")):
        agreement = compare_routes(model, fit, filled_in(model, beta))
        assert agreement.verdict == "agree"
        assert "Their log-density is the model's own to the last bit" in agreement.message
        assert "does not exclude" in agreement.message
        assert name in agreement.message.split("does not exclude")[1]
    # and where they would have been told, they are not in the list
    spector = CASES["spector"].model
    check = check_posterior(spector, sample_independence(spector, seed=1, progress=False))
    assert check.to_dict()["departures"]["draws from the normal approximation at the MLE"]
    assert not any("normal approximation" in said for said in check.scope)


def test_the_models_own_density_is_recognised_and_no_other(large):
    for model in (large[0], CASES["nes_logit"].model, CASES["spector"].model):
        draws = sample_independence(model, 300, seed=4, progress=False)
        own = filled_in(model, draws.draws)
        moved = as_posterior(model, draws.draws, own.log_density + 7.25)
        narrow = as_posterior(model, draws.draws, single(own.log_density))
        for posterior in (draws, own, moved, narrow):
            assert check_posterior(model, posterior).density_source == "the model's own"
    other = sample_nuts(model, 100, 200, seed=4, progress=False, cores=1)
    assert check_posterior(model, other).density_source == "stated"


def test_draws_without_a_log_density_are_judged_and_it_is_said(large):
    model, fit = large
    beta = sample_independence(model, 300, seed=4, progress=False).draws
    tree = labelled_draws(model, beta, {"diverging": np.zeros(beta.shape[:2], bool)})
    posterior = Posterior("own", tree, 0.0, provenance(model))
    agreement = compare_routes(model, fit, posterior)
    assert "lp" not in posterior.data["sample_stats"]
    assert agreement.verdict == "agree"
    assert agreement.posterior_check.density_source == "missing"
    assert "No log-density of the sampler came with them" in agreement.message


@pytest.mark.parametrize("few", [single, lambda values: digits(values, 6)], ids=["float32", "6"])
@pytest.mark.parametrize("case", ["spector", "large"])
def test_honest_draws_in_few_digits_are_not_accused(case, few, large):
    model = large[0] if case == "large" else CASES[case].model
    fit = fit_newton(model)
    # computed elsewhere: the density of rounded columns, in another order of summation
    honest = draws_from(model, model.log_likelihood, fit, seed=5)
    for beta, lp in (
        (honest.draws, few(honest.log_density)),
        (few(honest.draws), honest.log_density),
        (few(honest.draws), few(honest.log_density)),
    ):
        check = check_posterior(model, as_posterior(model, beta, lp), fit)
        assert check.passed, check.failures
        assert check.density_rounding > 0
    assert any("digits it is stated with" in claim.statement for claim in check.claims)


def test_a_log_density_computed_in_single_precision_is_not_accused(large):
    model, fit = large
    honest = sample_independence(model, seed=6, progress=False)
    design = model.design.astype(np.float32)
    sign = (2 * model.response - 1).astype(np.float32)
    beta = honest.draws.reshape(-1, 3).astype(np.float32)
    margins = sign[:, None] * (design @ beta.T)
    lp = -np.logaddexp(np.float32(0), -margins).sum(axis=0, dtype=np.float32)
    posterior = as_posterior(
        model, beta.astype(float).reshape(honest.draws.shape), lp.astype(float).reshape(4, -1)
    )
    check = check_posterior(model, posterior, fit)
    assert check.passed, check.failures


@pytest.mark.parametrize("sd", [2.5, 10])
@pytest.mark.parametrize("few", [single, lambda values: digits(values, 7)], ids=["float32", "7"])
def test_a_prior_is_caught_in_few_digits(few, sd, large):
    model, fit = large

    def with_prior(beta):
        return model.log_likelihood(beta) - (beta**2).sum(axis=1) / (2 * sd**2)

    honest = draws_from(model, with_prior, fit, seed=7)
    posterior = as_posterior(model, few(honest.draws), few(honest.log_density))
    check = check_posterior(model, posterior, fit)
    assert any("density that was sampled is not" in failure for failure in check.failures)


def test_a_mode_that_is_not_told_is_no_agreement_to_within_its_error():
    model = CASES["lbw_stata"].model
    draws = sample_independence(model, seed=1, progress=False)
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model), draws)
    assert agreement.verdict == "agree"
    assert agreement.posterior_check.mode_error > 0.1
    row = agreement.table().loc["independence"]
    assert np.isnan(row["error bound"])
    assert np.isnan(row["distance"])
    assert "it was not compared with the MLE" in agreement.message
    last = agreement.posterior_check.claims[-1].statement
    told = at_most(agreement.posterior_check.mode_error, ".2g")
    assert last == f"the mode of the draws, known to {told} SE, may be the MLE"
    assert abbreviated(last) == last  # no table cuts it


def test_departures_of_grouped_rows_are_those_of_single_ones():
    X, y = simulated(60, 3, seed=4)
    weights = np.random.default_rng(4).integers(1, 6, size=60)
    grouped = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    singly = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    found = []
    for model in (grouped, singly):
        mle = fit_newton(model)
        root, shift = root_at(model, mle), predicted_mean_shift(model, mle)
        sight = Sight(np.eye(3) / 100, 0.1, 50)
        found.append(named_departures(model, mle, root, shift, sight))
    for one, other in zip(*found, strict=True):
        assert one.spread == pytest.approx(other.spread, rel=1e-9, abs=1e-12), one.name
        # the root is one up to a rotation; the length is not
        assert np.linalg.norm(one.shift) == pytest.approx(np.linalg.norm(other.shift), rel=1e-9)
