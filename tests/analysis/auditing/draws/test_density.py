import numpy as np
import pytest
from prior_draws import flat, independence, normal

from flatprior.analysis.auditing.draws.judged import judge_draws
from flatprior.models import BernoulliLogistic, Posterior

SD = np.array([np.inf, 1.5, 1.5, 1.5])


@pytest.mark.parametrize("flipped", [False, True])
def test_a_prior_is_proved_by_the_density_and_guessed_without_it(model, frame, flipped):
    other = BernoulliLogistic.from_arrays(
        model.design, 1 - model.response if flipped else model.response, names=model.names
    )
    draws, lp = independence(other, normal(SD))
    proved = judge_draws(model, Posterior.from_draws(model, draws, log_density=lp))
    assert proved.certain
    assert proved.cause == "response flipped and prior" if flipped else "prior"
    assert "normal(0, 1.5) on x1, x2 and x3" in proved.verdict
    assert proved.likenesses[0].p > 1e-3
    assert "flat" in proved.cure.lower()
    guessed = judge_draws(model, Posterior.from_draws(model, draws))
    assert not guessed.certain
    assert guessed.cause == proved.cause
    (term,) = {
        t.scale: t for t in guessed.likenesses[0].prior.terms if t.family == "normal"
    }.values()
    assert abs(term.scale - 1.5) < 4 * term.scale_error
    assert "no log-density proves it" in " ".join(guessed.notes)


def test_a_prior_on_the_intercept_at_the_means_is_told_as_such(model):
    transform = np.eye(4)
    transform[0] = model.design.mean(axis=0)
    draws, lp = independence(model, lambda b: normal(np.array([2, 1, 1.5, 3]))(b @ transform.T))
    found = judge_draws(model, Posterior.from_draws(model, draws, log_density=lp, route="bambi"))
    assert found.certain
    assert "normal(0, 2) on Intercept at the columns' means, normal(0, 1) on x1" in found.verdict
    assert "auto_scale=False" in found.cure


def test_other_outcomes_are_told_by_the_density(model):
    changed = model.response.copy()
    changed[[3, 17]] = 1 - changed[[3, 17]]
    other = BernoulliLogistic.from_arrays(model.design, changed, names=model.names)
    draws, lp = independence(other, flat)
    found = judge_draws(model, Posterior.from_draws(model, draws, log_density=lp))
    assert found.cause == "another response"
    assert found.certain
    moved = model.design.T @ (changed - model.response)
    assert f"Intercept {moved[0]:+.4g}" in found.verdict


def test_a_laplace_prior_that_no_draw_crosses_is_not_certainly_another_response(frame):
    rng = np.random.default_rng(5)
    x = rng.normal(size=400)
    y = (rng.random(400) < 1 / (1 + np.exp(1.5 - 2 * x))).astype(int)
    model = BernoulliLogistic.from_arrays(x[:, None], y, names=["x"], intercept=True)
    draws, lp = independence(model, lambda b: -np.abs(b[..., 1]) / 0.5)
    assert (draws[..., 1] > 0).all()
    found = judge_draws(model, Posterior.from_draws(model, draws, log_density=lp))
    assert (found.cause, found.certain) == ("prior", False)
    assert "Laplace priors at 0 does (scales: x 0.5)" in found.verdict
    assert "other outcomes" in found.verdict
