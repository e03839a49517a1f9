import numpy as np
import pandas as pd
import pytest
from prior_draws import flat, independence

from flatprior.analysis.auditing.draws.judged import judge_draws
from flatprior.models import BernoulliLogistic, Posterior, sample_independence


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


def test_a_coefficient_that_does_not_move_is_said_and_nothing_else(model):
    draws, lp = independence(model, flat)
    draws[..., 2] = 0.25
    for density in (None, lp):
        found = judge_draws(model, Posterior.from_draws(model, draws, log_density=density))
        assert not found.passed
        assert not found.certain


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
