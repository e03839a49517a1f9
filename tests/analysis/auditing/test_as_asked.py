import math

import numpy as np
import pytest

from flatprior.analysis.auditing.as_asked import as_asked
from flatprior.analysis.producers.theirs import Settings
from flatprior.models import BernoulliLogistic, fit_newton, load_spector

MODEL = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
MLE = fit_newton(MODEL)
SLOPES = (False, True, True, True)


def test_the_maximum_of_the_likelihood_is_where_nothing_is_asked():
    found = as_asked(MODEL, MLE.coefficients, Settings())
    assert (found.cause, found.words) == ("", "")
    assert found.distance < 1e-12
    moved = MLE.coefficients + 0.01 * MLE.standard_errors * np.array([0, 1, 0, 0])
    step = (moved - MLE.coefficients) @ np.linalg.inv(MLE.covariance)
    expected = math.sqrt(step @ (moved - MLE.coefficients))
    assert as_asked(MODEL, moved, Settings()).distance == pytest.approx(expected, rel=0.02)


def test_a_penalty_may_be_stronger_on_some_coefficients_than_on_others():
    """Its maximum, by Newton's method on the penalised likelihood."""
    strengths = np.array([0.0, 0.5, 2.0, 1.0])
    b = MLE.coefficients.copy()
    for _ in range(50):
        b += np.linalg.solve(
            MODEL.information(b) + np.diag(strengths), MODEL.score(b) - strengths * b
        )
    settings = Settings(penalty="l2", strength=2.0, penalised=tuple(strengths / 2))
    asked = as_asked(MODEL, b, settings)
    assert asked.distance < 1e-9
    assert asked.words == "an l2 penalty of C = 0.5 to 2"
    same = Settings(penalty="l2", strength=2.0, penalised=SLOPES)
    assert as_asked(MODEL, b, same).distance > 0.01


def test_firth_s_penalty_is_half_the_logarithm_of_the_determinant():
    """Its derivative, by differences."""

    def penalised(b):
        return MODEL.log_likelihood(b) + 0.5 * np.linalg.slogdet(MODEL.information(b))[1]

    b = 0.8 * MLE.coefficients
    asked = as_asked(MODEL, b, Settings(penalty="firth", strength=1.0, penalised=(True,) * 4))
    step = 1e-5 * MLE.standard_errors
    slope = [
        (penalised(b + step[j] * np.eye(4)[j]) - penalised(b - step[j] * np.eye(4)[j]))
        / (2 * step[j])
        for j in range(4)
    ]
    assert asked.gradient == pytest.approx(np.abs(slope).max() / 32, rel=1e-5)


def test_a_lasso_may_hold_a_coefficient_at_zero():
    without = fit_newton(BernoulliLogistic.from_formula("grade ~ 1", load_spector()))
    b = np.array([without.coefficients[0], 0.0, 0.0, 0.0])
    strong = Settings(penalty="l1", strength=1e4, share=1.0, penalised=SLOPES)
    assert as_asked(MODEL, b, strong).distance < 1e-8
    weak = Settings(penalty="l1", strength=1e-4, share=1.0, penalised=SLOPES)
    assert as_asked(MODEL, b, weak).distance > 0.1


def test_far_out_nothing_is_near():
    """Where all fitted probabilities are 0 or 1 every score vanishes, and proves nothing."""
    for scale in (1e3, 1e6, 1e300):
        found = as_asked(MODEL, scale * np.ones(4), Settings())
        assert found.distance > 1e-3


def test_links_that_are_not_known_are_not_judged():
    assert as_asked(MODEL, MLE.coefficients, Settings(link="loglog")) is None
    assert as_asked(MODEL, MLE.coefficients, Settings(penalty="bridge")) is None
    probit = as_asked(MODEL, MLE.coefficients, Settings(link="probit"))
    assert probit.cause == "probit"
    assert probit.distance > 0.1
