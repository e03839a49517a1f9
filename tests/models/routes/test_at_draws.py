"""What the sampler found at its draws, their tests and moments do not read the rows for."""

import numpy as np
import pytest

from flatprior.analysis import check_posterior, posterior_moments
from flatprior.models import BernoulliLogistic, fit_newton, load_smarket, sample_independence
from flatprior.models.routes.at_draws import at_draws

FORMULA = "Direction ~ Lag1 + Lag2"


@pytest.fixture
def models(tmp_path):
    load_smarket().to_parquet(tmp_path / "smarket.parquet")
    formula = BernoulliLogistic.from_formula(FORMULA, load_smarket())
    return formula, BernoulliLogistic.from_parquet(tmp_path, FORMULA)


def test_draws_their_tests_and_moments_share_a_pass(models):
    memory, files = models
    found = []
    for model in models:
        mle = fit_newton(model)
        drawn = sample_independence(model, draws=200, seed=3, progress=False)
        before = 0 if model.passes is None else model.passes.number
        flat = drawn.draws.reshape(-1, model.n_parameters)
        values = at_draws(model.rows, flat)
        check = check_posterior(model, drawn, mle)
        checked = 0 if model.passes is None else model.passes.number
        moments = posterior_moments(model, drawn, mle)
        after = 0 if model.passes is None else model.passes.number
        read = checked - before, after - checked
        found.append((drawn, values, check, moments, read))
    (drawn, values, check, moments, _), (theirs, kept, again, same, read) = found
    assert theirs.draws == pytest.approx(drawn.draws, rel=1e-9)
    assert kept == pytest.approx(values, rel=1e-9, abs=1e-7)
    # of every draw, the repeated ones too, as they are found anew by the model's own functions
    flat = theirs.draws.reshape(-1, 3)
    assert kept[:, 0] == pytest.approx(memory.log_likelihood(flat), rel=1e-13)
    assert kept[::100, 1:] == pytest.approx(
        np.array([memory.score(each) for each in flat[::100]]), abs=1e-9
    )
    assert (again.score_p, again.trace) == pytest.approx((check.score_p, check.trace), rel=1e-6)
    assert same.mean == pytest.approx(moments.mean, rel=1e-9)
    assert same.sd == pytest.approx(moments.sd, rel=1e-7)
    before = files.passes.number
    at_draws(files.rows, flat)
    assert files.passes.number == before
    assert read == (3, 1)  # the certificate's two, first-order theory's; the twins of the draws


def test_draws_that_are_not_the_samplers_are_read_for(models):
    _, files = models
    drawn = sample_independence(files, draws=50, seed=1, progress=False)
    before = files.passes.number
    moved = drawn.draws.reshape(-1, 3) + 1e-9
    assert at_draws(files.rows, moved)[:, 0] == pytest.approx(
        at_draws(files.rows, drawn.draws.reshape(-1, 3))[:, 0], rel=1e-9
    )
    assert files.passes.number == before + 1


def test_files_that_have_changed_are_not_answered_for(models, tmp_path):
    _, files = models
    drawn = sample_independence(files, draws=50, seed=1, progress=False)
    load_smarket().iloc[1:].to_parquet(tmp_path / "smarket.parquet")
    with pytest.raises(OSError, match="changed"):
        at_draws(files.rows, drawn.draws.reshape(-1, 3))
