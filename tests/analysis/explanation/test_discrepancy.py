"""How much of a distance is explained, and how likely that is by chance."""

import numpy as np
import pytest
from problems import simulated

from flatprior.analysis.explanation.changed_problems import maximum_of
from flatprior.analysis.explanation.discrepancy import Discrepancy
from flatprior.models import BernoulliLogistic, fit_newton, load_endometrial
from flatprior.models.likelihood import row_terms


@pytest.fixture(scope="module")
def case():
    X, y = simulated(200, 4, seed=3)
    model = BernoulliLogistic.from_arrays(X * [1.0, 100.0, 0.01, 1.0], y)
    fit = fit_newton(model)
    return Discrepancy.at(model, fit, fit.coefficients + 3 * fit.standard_errors)


def test_what_has_not_moved_and_what_was_estimated_are_no_equations(case):
    sure = case.cause("a", "", 1e-6 * case.distance, 1, 4)
    assert sure.coincidence == pytest.approx(1e-24)
    assert case.cause("a", "", 1e-6 * case.distance, 1, 4, free=2).coincidence == pytest.approx(
        1e-12
    )
    assert case.cause("a", "", 1e-6 * case.distance, 1, 4, free=4).coincidence == 1.0
    b = case.mle.coefficients.copy()
    b[1] += case.mle.standard_errors[1]
    one = Discrepancy.at(case.model, case.fit, b)
    assert one.cause("a", "", 1e-6 * one.distance, 1, 4).coincidence == pytest.approx(1e-6)
    assert one.cause("a", "", 1e-6 * one.distance, 1, 4, free=1).coincidence == 1.0


def test_a_function_that_shrinks_everything_shrinks_the_evidence(case):
    telling, mle = np.ones(4, dtype=bool), case.mle.coefficients
    near = mle + 1e-3 * case.mle.standard_errors
    plain, flat = (
        case.restored("a", "", near, telling, np.full(4, slope), 1.0, cure="", rounding=0.0)
        for slope in (5.0, 1e-2)
    )
    assert plain.coincidence == pytest.approx((1e-3 / 3) ** 4, rel=1e-6)
    assert flat.coincidence == pytest.approx((1e-1 / 3) ** 4, rel=1e-6)


@pytest.mark.parametrize("columns", [None, [0, 2, 3]])
def test_a_changed_problem_is_solved_in_columns_of_unit_size(case, columns):
    ground = case.ground(columns)
    turned, some = case.model.design @ ground.root, slice(None) if columns is None else columns
    assert ground.rows.reduce(lambda block: block.design) == pytest.approx(turned, rel=1e-12)
    curvature = row_terms(case.model.arrays.block(slice(None)), case.mle.coefficients).curvature
    assert (turned.T * curvature) @ turned == pytest.approx(np.eye(len(ground.start)), abs=1e-9)
    smaller = BernoulliLogistic.from_arrays(case.model.design[:, some], case.model.response)
    found = ground.root @ maximum_of(ground.rows, ground.start)
    expected = np.zeros(4)
    expected[some] = fit_newton(smaller).coefficients
    assert found == pytest.approx(expected, rel=1e-7)


def test_gaps_are_in_standard_errors_of_the_mle_or_of_the_changed_problem(case):
    ground = case.ground()
    left, whole = case.gaps(ground, case.b, ground.start)
    assert left == pytest.approx(case.distance, rel=1e-9)
    assert whole == pytest.approx(case.distance, rel=1e-9)
    # no MLE: the penalised problem has an information of its own
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    apart = Discrepancy.at(model, None, np.array([1.0, 2.0, -0.1, -1.0]))
    ground = apart.ground()
    penalty = np.eye(4)
    maximum = maximum_of(ground.rows, ground.start, penalty=penalty)
    left, whole = apart.gaps(ground, ground.root @ maximum, maximum, penalty)
    assert left == pytest.approx(0, abs=1e-9)
    assert whole > 1


def test_numbers_too_large_to_say_are_explained_by_nothing(case):
    assert case.cause("a", "", np.inf, 1, 4).coincidence == 1.0
    assert case.cause("a", "", np.nan, 1, 4).distance == np.inf


def test_equal_numbers_speak_once_and_round_ones_among_doubles_not_at_all(case):
    fit, third = case.mle, 1 / 3
    for b, equations in (
        ([third, -third, third, third], 1),
        ([third, 2 * third, third, third], 2),
        ([0.5, third, 2 * third, 4 * third], 3),
        ([0.5, 0.0, third, 1.0], 1),
        ([3.1234, 2.4321, -2.1111, 1.5555], 4),  # all of as many digits
    ):
        other = Discrepancy.at(case.model, fit, 50 * np.array(b))
        found = other.cause("a", "", 1e-9 * other.distance, 1, 4)
        assert found.coincidence == pytest.approx(1e-9**equations, rel=1e-6), b
