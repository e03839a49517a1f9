"""Links in place of the logit, as statsmodels fits them."""

import numpy as np
import pytest
import statsmodels.api as sm
from multiplier import repeated
from problems import simulated

from flatprior.analysis import explain_difference
from flatprior.models import BernoulliLogistic, fit_newton

LINKS = sm.families.links


@pytest.mark.parametrize(
    ("link", "cause", "words"),
    [
        (LINKS.Probit, "probit", "Phi(x'beta)"),
        (LINKS.CLogLog, "complementary log-log", "1 - exp(-exp(x'beta))"),
        (LINKS.LogLog, "complementary log-log", "exp(-exp(-x'beta))"),
        (LINKS.Cauchy, "cauchit", "arctan(x'beta) / pi"),
    ],
)
@pytest.mark.parametrize("seed", [2, 5])
def test_each_link_is_named_with_weights_and_an_offset(link, cause, words, seed):
    X, y = simulated(200, 4, seed=seed)
    rng = np.random.default_rng(seed)
    offset, weights = 0.5 * rng.normal(size=200), rng.integers(1, 4, size=200)
    for options in ({}, {"offset": offset}, {"frequency_weights": weights}):
        model = BernoulliLogistic.from_arrays(X, y, **options)
        fit = sm.GLM(
            y,
            X,
            sm.families.Binomial(link()),
            offset=options.get("offset"),
            freq_weights=options.get("frequency_weights"),
        ).fit(tol=1e-12, maxiter=500)
        found = explain_difference(model, fit.params)
        assert (found.cause, found.certain) == (cause, True)
        assert words in found.message
        assert "link" in found.cure


def test_numbers_far_out_are_no_other_link():
    X, y = simulated(60, 3, seed=2)
    order = np.argsort(y)
    model = BernoulliLogistic.from_arrays(X[order], y[order])
    errors = fit_newton(model).standard_errors
    for i in range(repeated(20)):
        rng = np.random.default_rng([5, i])
        b = rng.normal(size=3) * errors * 10.0 ** rng.uniform(0, 8)
        assert not explain_difference(model, b).certain
