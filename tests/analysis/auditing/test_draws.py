import numpy as np
import pandas as pd
import pytest
from prior_draws import independence

from flatprior.analysis.auditing.draws import explain_draws, judge_draws
from flatprior.analysis.auditing.prior_of_draws import Prior, PriorTerm
from flatprior.models import (
    BernoulliLogistic,
    Posterior,
    check_existence,
    fit_newton,
    sample_independence,
)

SD = np.array([np.inf, 1.5, 1.5, 1.5])
COLUMNS = ["x1", "x2", "x3"]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(150, 3)) @ [[1, 0.5, 0], [0, 1, 0], [0, 0, 1]] + [0.5, 0, 1]
    eta = 0.3 + X @ [1, -0.5, 0.8]
    frame = pd.DataFrame(X, columns=COLUMNS)
    return frame.assign(
        y=(rng.random(150) < 1 / (1 + np.exp(-eta))).astype(int),
        times=rng.integers(1, 4, 150),
        known=rng.normal(size=150),
    )


@pytest.fixture(scope="module")
def model(frame):
    return BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame)


def normal(sd):
    return lambda b: -np.square(b / sd).sum(axis=-1) / 2


def flat(b):
    return np.zeros(b.shape[:-1])


def test_right_draws_pass_with_and_without_a_log_density(model):
    draws, lp = independence(model, flat)
    for density in (lp, None):
        found = judge_draws(model, Posterior.from_draws(model, draws, log_density=density))
        assert found.passed
        assert (found.likenesses, found.cause, found.certain, found.cure) == ((), "", False, "")
        assert found.r_hat < 1.02
        assert found.ess_bulk > 1000
        assert "pass every claim" in found.verdict
    assert found.to_dict()["check"]["passed"]


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


def test_weights_and_offset_that_were_ignored_are_told(frame):
    keywords = {"frequency_weights": "times", "offset": "known"}
    model = BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame, **keywords)
    for ignored in ("frequency_weights", "offset"):
        rest = {key: value for key, value in keywords.items() if key != ignored}
        other = BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame, **rest)
        draws, lp = independence(other, flat)
        cause = "offset ignored" if ignored == "offset" else "weights ignored"
        for density in (lp, None):
            found = judge_draws(model, Posterior.from_draws(model, draws, log_density=density))
            assert found.cause == cause
            assert found.certain == (density is not None)


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


def test_a_coefficient_that_does_not_move_is_said_and_nothing_else(model):
    draws, lp = independence(model, flat)
    draws[..., 2] = 0.25
    for density in (None, lp):
        found = judge_draws(model, Posterior.from_draws(model, draws, log_density=density))
        assert not found.passed
        assert not found.certain


@pytest.mark.parametrize(
    ("change", "cause", "said"),
    [
        (lambda b, m: b[..., [0, 2, 1, 3]], "coefficients exchanged", "x1 and x2 exchanged"),
        (lambda b, m: b * [1, 1, -1, 1], "other columns", "sign of x2"),
        (
            lambda b, m: (
                b * np.append(1, m.design[:, 1:].std(axis=0))
                + np.multiply.outer(b @ np.append(0, m.design[:, 1:].mean(axis=0)), [1, 0, 0, 0])
            ),
            "other columns",
            "standardised",
        ),
        (
            lambda b, m: (
                b + np.multiply.outer(b @ np.append(0, m.design[:, 1:].mean(axis=0)), [1, 0, 0, 0])
            ),
            "other columns",
            "centred",
        ),
        (lambda b, m: np.exp(b), "odds ratios", "exponentiated"),
        (lambda b, m: -b, "response flipped", "flipped"),
    ],
)
def test_draws_whose_numbers_were_changed_are_told(model, change, cause, said):
    draws, _ = independence(model, flat)
    found = judge_draws(model, Posterior.from_draws(model, change(draws, model)))
    assert found.cause == cause
    assert said in found.likenesses[0].said
    assert not found.certain


def test_a_laplace_approximation_is_told_whether_or_not_it_states_a_density(frame):
    model = BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame[:50])
    fit, rng = fit_newton(model), np.random.default_rng(1)
    draws = rng.multivariate_normal(fit.coefficients, fit.covariance, size=(4, 1000))
    own = model.log_likelihood(draws.reshape(-1, 4))
    theirs = own + 1e-9 * rng.normal(size=own.shape)  # another program's sum
    for density in (None, theirs):
        found = judge_draws(model, Posterior.from_draws(model, draws, log_density=density))
        assert not found.passed
        assert found.cause == "normal approximation"
        assert "Laplace" in found.verdict
        assert not found.certain


def test_mean_field_draws_are_told(frame):
    model = BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame[:50])
    mean = sample_independence(model, seed=1, progress=False).draws.mean(axis=(0, 1))
    sd = 1 / np.sqrt(np.diag(model.information(mean)))
    draws = mean + sd * np.random.default_rng(1).normal(size=(1, 4000, 4))
    found = judge_draws(model, Posterior.from_draws(model, draws))
    assert found.cause == "normal approximation"
    assert "mean-field" in found.verdict
    assert "their variance is" in found.verdict
    assert "by NUTS" in found.cure


def test_chains_that_have_not_mixed_are_no_evidence_of_anything(model):
    draws, lp = independence(model, flat)
    draws[0], lp[0] = draws[0, :1], lp[0, :1]
    found = judge_draws(model, Posterior.from_draws(model, draws, log_density=lp, route="pymc"))
    assert not found.passed
    assert found.likenesses == ()
    assert "no evidence of any posterior" in found.verdict
    assert "adapt_diag" in found.cure


def test_divergences_and_other_data_are_said(model, frame):
    draws, lp = independence(model, flat)
    table = pd.DataFrame(draws.reshape(-1, 4), columns=model.names)
    table = table.assign(lp__=lp.ravel(), divergent__=np.arange(4000) < 3)
    found = judge_draws(model, Posterior.from_draws(model, table))
    assert found.divergences == 3
    assert found.verdict.startswith("these draws ")
    other = BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame[:100])
    found = judge_draws(model, sample_independence(other, seed=1, progress=False))
    assert found.notes[0].startswith("these draws say that they are of other data")
    assert not found.passed


@pytest.mark.parametrize("kind", ["normal", "standard_cauchy"])
def test_garbage_is_never_certain(model, kind):
    rng = np.random.default_rng(1)
    for draws in [getattr(rng, kind)(size=(4, 500, 4))]:
        for density in (None, rng.normal(size=(4, 500)), draws.sum(axis=2)):
            found = judge_draws(model, Posterior.from_draws(model, draws, log_density=density))
            assert not found.passed
            assert not found.certain


@pytest.mark.parametrize("flipped", [False, True])
def test_a_prior_that_is_not_told_from_flat_is_not_listed(model, monkeypatch, flipped):
    def wide(names, transform, *_):
        terms = [
            PriorTerm(name=name, family="normal", scale=40.0, scale_error=400.0) for name in names
        ]
        return Prior(terms=tuple(terms), transform=transform, exact=False, p=0.5, numbers=1)

    monkeypatch.setattr("flatprior.analysis.auditing.draws.prior_of_score", wide)
    sd = fit_newton(model).standard_errors
    draws = sample_independence(model, seed=1, progress=False).draws + 0.3 * sd
    found = judge_draws(model, Posterior.from_draws(model, -draws if flipped else draws))
    assert not found.passed
    assert not any(each.prior for each in found.likenesses)
    assert "normal(0" not in found.verdict
    assert found.cause == ("response flipped" if flipped else "")
    if flipped:
        assert "not told from flat" in found.verdict


@pytest.fixture(scope="module")
def apart():
    """Data that a column separates, beside one of no effect, and their existence."""
    rng = np.random.default_rng(4)
    x, z = rng.normal(size=(2, 60))
    X = np.column_stack([np.ones(60), x, z])
    model = BernoulliLogistic.from_arrays(X, (x > 0.2).astype(float), names=["one", "x", "z"])
    existence = check_existence(model)
    assert not existence.exists
    return model, existence


PRIORS = {
    "normal(0, 2.5) on one, x and z": normal(2.5),
    "Laplace(0, 1) on one, x and z": lambda b: -np.abs(b).sum(axis=-1),
    "normal(0, 10) on one, Cauchy(0, 2.5) on x and z": lambda b: (
        -np.log1p(np.square(b[..., 1:] / 2.5)).sum(axis=-1) - np.square(b[..., 0]) / 200
    ),
}


@pytest.mark.parametrize("said", PRIORS)
def test_where_there_is_no_mle_the_density_says_which_prior_holds_the_draws_up(apart, said):
    model, existence = apart
    draws, lp = independence(model, PRIORS[said], start=np.zeros(3))
    found = explain_draws(model, Posterior.from_draws(model, draws, log_density=lp), existence)
    assert (found.cause, found.certain) == ("proper prior", True)
    assert f"under the prior {said}: the data alone do not hold up one, x, z" in found.message
    assert "there is no flat-prior posterior to get" in found.cure
    without = explain_draws(model, Posterior.from_draws(model, draws), existence)
    assert not without.certain
    if "normal(0, 2.5)" in said:
        assert without.cause == "proper prior"
        assert "look like draws from the posterior under the prior normal(0, 2.5" in without.message


def test_where_there_is_no_mle_the_response_may_be_flipped_as_well(apart):
    model, existence = apart
    other = BernoulliLogistic.from_arrays(model.design, 1 - model.response, names=model.names)
    draws, lp = independence(other, normal(1.5), start=np.zeros(3))
    for density in (lp, None):
        posterior = Posterior.from_draws(model, draws, log_density=density)
        found = explain_draws(model, posterior, existence)
        assert (found.cause, found.certain) == ("proper prior", density is not None)
        assert "of the flipped response under the prior normal(0, 1.5" in found.message


@pytest.mark.parametrize(
    ("prior", "said"),
    [
        (flat, "under flat priors: of that there is no posterior"),
        (normal(np.array([np.inf, np.inf, 1.0])), "normal(0, 1) on z, which is flat on one, x: of"),
    ],
)
def test_a_prior_that_is_flat_where_the_data_do_not_hold_gives_no_posterior(apart, prior, said):
    model, existence = apart
    draws = np.random.default_rng(2).normal(size=(4, 300, 3)).cumsum(axis=1)
    lp = model.log_likelihood(draws.reshape(-1, 3)).reshape(4, 300) + prior(draws)
    found = explain_draws(model, Posterior.from_draws(model, draws, log_density=lp), existence)
    assert (found.cause, found.certain) == ("separation", True)
    assert said in found.message


def test_a_prior_on_what_separates_is_enough_where_the_rest_is_held_up_by_the_data(apart):
    """Flat on z and the intercept, whose own columns have an MLE."""
    model, existence = apart
    draws = np.random.default_rng(2).normal(size=(4, 300, 3))
    lp = model.log_likelihood(draws.reshape(-1, 3)).reshape(4, 300)
    lp = lp + normal(np.array([np.inf, 2.0, np.inf]))(draws)
    found = explain_draws(model, Posterior.from_draws(model, draws, log_density=lp), existence)
    assert (found.cause, found.certain) == ("proper prior", True)
    assert "under the prior normal(0, 2) on x" in found.message


def test_dependent_columns_need_a_proper_prior_too():
    rng = np.random.default_rng(5)
    x = rng.normal(size=80)
    X = np.column_stack([np.ones(80), x, 2 * x])
    model = BernoulliLogistic.from_arrays(X, (rng.random(80) < 0.4).astype(float))
    existence = check_existence(model)
    draws, lp = independence(model, normal(2.0), start=np.zeros(3))
    found = explain_draws(model, Posterior.from_draws(model, draws, log_density=lp), existence)
    assert (found.cause, found.certain) == ("proper prior", True)
    assert "normal(0, 2) on" in found.message


def test_of_draws_that_are_like_nothing_it_is_said_what_they_need(apart):
    model, existence = apart
    rng = np.random.default_rng(6)
    anything = Posterior.from_draws(model, 5 + rng.normal(size=(4, 500, 3)))
    found = explain_draws(model, anything, existence)
    assert (found.cause, found.certain) == ("none of these", False)
    assert "that has a proper prior: the data alone do not hold up" in found.message
    wandering = Posterior.from_draws(model, rng.normal(size=(4, 500, 3)).cumsum(axis=1))
    found = explain_draws(model, wandering, existence)
    assert (found.cause, found.certain) == ("none of these", False)
    assert "have not mixed" in found.message
    still = Posterior.from_draws(model, np.ones((2, 50, 3)))
    assert not explain_draws(model, still, existence).certain


def test_a_density_of_noise_is_no_prior(apart):
    model, existence = apart
    rng = np.random.default_rng(8)
    for i in range(5):
        draws = rng.normal(size=(2, 200, 3)) * 10.0 ** rng.uniform(-3, 3)
        lp = rng.normal(size=(2, 200)) * 10.0 ** rng.uniform(-3, 3)
        if i % 2:
            lp += model.log_likelihood(draws.reshape(-1, 3)).reshape(2, 200)
        posterior = Posterior.from_draws(model, draws, log_density=lp)
        assert not explain_draws(model, posterior, existence).certain


def test_a_density_that_does_not_vary_says_nothing(apart):
    """Far out on the way to infinity the likelihood is 1, as a density of zeros says as well."""
    model, existence = apart
    way = np.array([-40.0, 200.0, 0.0])
    draws = way * (50 + np.random.default_rng(3).random(size=(4, 200, 1)))
    assert np.ptp(model.log_likelihood(draws.reshape(-1, 3))) < 1e-12
    posterior = Posterior.from_draws(model, draws, log_density=np.zeros((4, 200)))
    assert not explain_draws(model, posterior, existence).certain


@pytest.mark.parametrize(("chains", "n"), [(1, 10), (4, 10), (1, 30)])
def test_of_few_draws_nothing_is_certain_and_something_is_said(apart, chains, n):
    model, existence = apart
    draws = np.random.default_rng(3).normal(size=(chains, n, 3))
    lp = normal(2.0)(draws)
    for density in (lp, None):
        found = explain_draws(
            model, Posterior.from_draws(model, draws, log_density=density), existence
        )
        assert not found.certain
        assert found.message
