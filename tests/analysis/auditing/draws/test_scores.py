import numpy as np
import pytest
from prior_draws import flat, independence

from flatprior.analysis.auditing.draws.judged import judge_draws
from flatprior.analysis.auditing.draws.priors import Prior, PriorTerm
from flatprior.models import Posterior, fit_newton, sample_independence


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


@pytest.mark.parametrize("flipped", [False, True])
def test_a_prior_that_is_not_told_from_flat_is_not_listed(model, monkeypatch, flipped):
    def wide(names, transform, *_):
        terms = [
            PriorTerm(name=name, family="normal", scale=40.0, scale_error=400.0) for name in names
        ]
        return Prior(terms=tuple(terms), transform=transform, exact=False, p=0.5, numbers=1)

    monkeypatch.setattr("flatprior.analysis.auditing.draws.scores.prior_of_score", wide)
    sd = fit_newton(model).standard_errors
    draws = sample_independence(model, seed=1, progress=False).draws + 0.3 * sd
    found = judge_draws(model, Posterior.from_draws(model, -draws if flipped else draws))
    assert not found.passed
    assert not any(each.prior for each in found.likenesses)
    assert "normal(0" not in found.verdict
    assert found.cause == ("response flipped" if flipped else "")
    if flipped:
        assert "not told from flat" in found.verdict
