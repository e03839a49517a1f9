import json
import warnings

import numpy as np
import pytest
from multiplier import repeated
from problems import CASES, as_posterior
from scipy.signal import lfilter
from scipy.stats import kstest
from unmixed_chains import KINDS, small_models, unmixed

from flatprior.analysis import check_posterior, compare_routes
from flatprior.analysis.mixing import (
    Mixing,
    _copied,
    _halves,
    _held,
    _near_copies,
    autocorrelation_time,
    compared,
    normal_scores,
    split_r_hat,
)
from flatprior.models import fit_newton, sample_independence


def autoregressive(rng, shape, rho):
    noise = rng.normal(size=shape) * np.sqrt(1 - rho**2)
    noise[:, 0] = rng.normal(size=noise[:, 0].shape)
    return lfilter([1], [1, -rho], noise, axis=1)


@pytest.fixture(scope="module")
def spector():
    model = CASES["spector"].model
    return model, fit_newton(model), sample_independence(model, seed=1, progress=False)


def with_draws(model, beta):
    """Draws whose log-density is filled in from the model, as a user would who has draws only."""
    lp = model.log_likelihood(beta.reshape(-1, beta.shape[2])).reshape(beta.shape[:2])
    return as_posterior(model, beta, lp)


@pytest.mark.parametrize("kind", KINDS)
def test_chains_that_have_not_mixed_never_agree(kind):
    # 500 draws do not tell every one: a chain of nearly the same posterior is as good as mixed
    number, missed = repeated(1), []
    for seed, model in small_models(number):
        fit = fit_newton(model)
        posterior = unmixed(kind, model, seed, draws=500)
        agreement = compare_routes(model, fit, posterior)
        if agreement.verdict == "agree" or agreement.posterior_check.mixed:
            missed.append(seed)
            continue
        assert "no evidence about the posterior" in agreement.message
        json.dumps(agreement.to_dict(), allow_nan=False)
    assert len(missed) <= number / 50, missed


def test_chains_that_have_mixed_are_not_accused():
    # each set at a false-alarm rate of 1e-3, fixed seeds
    for seed, model in small_models(repeated(5)):
        posterior = sample_independence(model, 500, seed=seed, progress=False)
        check = check_posterior(model, posterior)
        # where the sampler does not suit the posterior there are too few effective draws
        few = [failure for failure in check.failures if "too few to judge mixing" in failure]
        assert check.mixed or (posterior.warnings and few), (seed, check.failures)


@pytest.mark.parametrize(("chains", "n", "rho"), [(4, 100, 0.0), (4, 400, 0.5), (1, 300, 0.0)])
def test_p_values_of_chains_that_have_mixed_are_uniform(chains, n, rho):
    # Kolmogorov-Smirnov at a false-alarm rate of 1e-4; batches of ten lengths of memory. They are
    # uniform to 0.06, which many tests see; small ones are no more than they say, at 4 sd.
    rng = np.random.default_rng([chains, n])
    found = []
    for _ in range(repeated(200)):
        scores = normal_scores(_halves(autoregressive(rng, (chains, n, 1), rho)))
        found += list(compared(scores, 25 if rho == 0 else 50).p_values)
    test = kstest(found, "uniform")
    assert test.pvalue > 1e-4 or test.statistic < 0.06
    for p in (0.05, 0.01, 0.001):
        assert np.mean(np.array(found) < p) <= p + 4 * np.sqrt(p / len(found))


def test_r_hat_is_that_of_arviz():
    rng = np.random.default_rng(4)
    draws = autoregressive(rng, (4, 251, 2), 0.6) + 0.2 * np.arange(4)[:, None, None]
    posterior = as_posterior(CASES["hl_chdage55"].model, draws, draws.sum(axis=2))
    mixing = Mixing.of(posterior, draws)
    assert mixing.r_hat == pytest.approx(posterior.summary()["r_hat"].to_numpy(), rel=1e-12)
    assert split_r_hat(np.ones((4, 10, 1)))[0] == np.inf


def test_memory_is_that_of_an_autoregressive_chain():
    rng = np.random.default_rng(5)
    found = autocorrelation_time(autoregressive(rng, (4, 20_000, 3), 0.8))
    assert found == pytest.approx(1.8 / 0.2, rel=0.2)
    # and where chains lie apart it stays as it is
    apart = autoregressive(rng, (4, 20_000, 1), 0.8) + 5 * np.arange(4)[:, None, None]
    assert autocorrelation_time(apart) == pytest.approx(1.8 / 0.2, rel=0.2)


def test_a_chain_that_is_moved_is_named_with_its_coefficient(spector):
    model, fit, honest = spector
    beta = honest.draws.copy()
    beta[2, :, 1] += 2 * fit.standard_errors[1]
    agreement = compare_routes(model, fit, with_draws(model, beta))
    for words in ("have not mixed", "R-hat is 1.", "for gpa", "chain 3", "sample longer"):
        assert words.lower() in agreement.message.lower()
    assert "another prior" not in agreement.message


def test_copies_are_seen_in_any_order_and_with_other_digits(spector):
    model, fit, honest = spector
    rng = np.random.default_rng(6)
    shuffled, rounded, within, stretch = (honest.draws.copy() for _ in range(4))
    shuffled[3] = rng.permutation(shuffled[0])
    rounded[3] = rounded[0].astype(np.float32)
    within[1, 500:] = within[1, :500]
    stretch[2, 300:360] = stretch[0, 100:160]
    for beta, words in (
        (shuffled, "distinct draws with chain 4"),
        (rounded, "movements, draw by draw"),
        (within, "chain 2 repeats"),
        (stretch, "chain 1 shares up to"),
    ):
        check = check_posterior(model, with_draws(model, beta), fit)
        assert any(words in failure for failure in check.failures), (words, check.failures)


def test_draws_that_come_back_and_mirror_images_are_seen(spector):
    model, fit, honest = spector
    rng = np.random.default_rng(6)
    again, mirrored, nearly = (honest.draws.copy() for _ in range(3))
    half = again.shape[1] // 2
    again[1, -half:] = rng.permutation(again[1, :half])
    mirrored[1] = 2 * fit.coefficients - mirrored[0]
    nearly[3] = rng.permutation(nearly[0]) + 1e-13 * rng.normal(size=nearly[0].shape)
    for beta, words in (
        (again, "chain 2 comes back to"),
        (mirrored, "its mirror image"),
        (nearly, "distinct draws with chain 4"),
    ):
        check = check_posterior(model, with_draws(model, beta), fit)
        assert any(words in failure for failure in check.failures), (words, check.failures)


def test_few_or_slow_draws_are_no_copies():
    # without an exact allowance 1 to 4 in 100 of these were said to move together
    rng = np.random.default_rng(5)
    for _ in range(repeated(200)):
        n, rho = int(rng.integers(10, 50)), float(rng.choice([0, 0.9, 0.999]))
        noise = rng.normal(size=(8, n, 1)) * np.sqrt(1 - rho**2)
        noise[:, 0] = rng.normal(size=(8, 1))
        draws = lfilter([1], [1, -rho], noise, axis=1)
        memory = float(autocorrelation_time(draws).max())
        assert _copied(draws, memory) == ()


def test_nothing_that_draws_remember_is_used(spector):
    model, fit, honest = spector
    draws = with_draws(model, honest.draws.copy())
    said = dict(draws.diagnostics)
    draws.__dict__["diagnostics"] = said | {"ess bulk": 1.0, "ess tail": 1.0}
    assert check_posterior(model, draws, fit).passed


@pytest.mark.parametrize("digits", [2, 4])
def test_draws_of_few_digits_are_no_copies(digits):
    case = CASES["hl_chdage55"]
    honest = sample_independence(case.model, 2000, seed=2, progress=False)
    beta = np.round(honest.draws, digits)
    assert Mixing.of(as_posterior(case.model, beta, honest.log_density), beta).copied == ()


def test_draws_that_do_not_move_are_told_and_do_not_crash(spector):
    model, fit, honest = spector
    nowhere, one = np.broadcast_to(fit.coefficients, honest.draws.shape), honest.draws.copy()
    one[:, :, 2] = fit.coefficients[2]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for beta, words in (
            (nowhere, "chain 4 stands still"),
            (one, "chain 1 does not move in tuce"),
        ):
            agreement = compare_routes(model, fit, with_draws(model, beta))
            assert agreement.verdict == "disagree"
            assert words in agreement.message
            json.dumps(agreement.to_dict(), allow_nan=False)


def test_too_few_draws_are_no_evidence_and_no_accusation(spector):
    model, fit, honest = spector
    agreement = compare_routes(model, fit, with_draws(model, honest.draws[:, :40]))
    assert agreement.verdict == "disagree"
    assert "do not show that they have mixed" in agreement.message
    assert "too few to judge mixing" in agreement.message
    assert "Draw more: about" in agreement.message


def test_a_single_chain_is_judged_by_its_halves(spector):
    model, fit, honest = spector
    check = check_posterior(model, with_draws(model, honest.draws[:1]), fit)
    assert check.passed, check.failures
    assert check.n_tests == 3
    assert any("halves of the one chain" in claim.statement for claim in check.claims)
    assert any("single chain" in said for said in check.scope)
    drifting = honest.draws[:1] + 0.5 * fit.standard_errors * np.linspace(-1, 1, 1000)[:, None]
    assert not check_posterior(model, with_draws(model, drifting), fit).mixed


def test_copies_that_were_put_in_another_order_and_moved_a_little_are_told(spector):
    model, fit, honest = spector
    rng = np.random.default_rng(5)
    for size in (1e-6, 1e-4, 1e-2):
        draws = honest.draws.copy()
        noise = size * fit.standard_errors * rng.normal(size=draws[0].shape)
        draws[1] = rng.permutation(draws[0]) + noise
        agreement = compare_routes(model, fit, with_draws(model, draws))
        assert agreement.verdict == "disagree"
        assert "draws of chain 1 lie next to those of chain 2, nearer than" in agreement.message
    draws = honest.draws.copy()
    draws[3, 500:] = rng.permutation(draws[3, :500]) + 1e-4 * rng.normal(size=draws[3, 500:].shape)
    (said,) = check_posterior(model, with_draws(model, draws)).mixing.copied
    assert said.startswith("draws of chain 4 lie next to others of its own")


def test_honest_draws_are_no_near_copies():
    # a false alarm has a probability of 1e-9 for each pair of half chains
    for seed in range(repeated(40)):
        rng = np.random.default_rng([3, seed])
        shape = (int(rng.choice([1, 2, 4])), int(rng.choice([100, 500])), int(rng.integers(1, 9)))
        draws = autoregressive(rng, shape, float(rng.choice([-0.4, 0.0, 0.9])))
        kind = seed % 4
        if kind == 1:  # rejections
            kept = np.where(rng.random((*shape[:2], 1)) < 0.3, np.arange(shape[1])[:, None], 0)
            draws = np.take_along_axis(draws, np.maximum.accumulate(kept, axis=1), axis=1)
        elif kind == 2:
            draws = np.round(draws, 2)
        elif kind == 3:
            draws = np.exp(draws)
        assert not _near_copies(draws), seed


def test_a_coefficient_that_stays_while_others_move_is_told(spector):
    model, fit, honest = spector
    draws = honest.draws.copy()
    draws[3, 800:, 1] = draws[3, 800, 1]
    check = check_posterior(model, with_draws(model, draws), fit)
    assert not check.passed
    (said,) = check.mixing.still
    assert said.startswith(f"chain 4 does not move in {model.names[1]} for ")
    assert not _held(honest.draws, model.names)


@pytest.mark.parametrize("kind", ["few digits", "one at a time", "rejections"])
def test_coefficients_that_stay_by_chance_are_not_accused(kind):
    # a false alarm has a probability of about 1e-9
    for seed in range(repeated(20)):
        rng = np.random.default_rng([9, seed])
        draws = rng.normal(size=(4, 500, 3))
        if kind == "few digits":
            draws = np.round(draws, 0) + 0.0
        else:
            one = kind == "one at a time"
            kept = rng.random((4, 500, 3 if one else 1)) < 0.2
            at = np.maximum.accumulate(np.where(kept, np.arange(500)[:, None], 0), axis=1)
            draws = np.take_along_axis(draws, np.broadcast_to(at, draws.shape), axis=1)
        assert not _held(draws, ("a", "b", "c")), seed
