"""Bounds on the fit without a row, held against that fit."""

from dataclasses import replace

import numpy as np
import pytest
from coded_models import both, survey
from multiplier import repeated
from problems import mp_fit, simulated

from flatprior.analysis.diagnostics import without_each
from flatprior.analysis.diagnostics.leave_one_out import others
from flatprior.analysis.diagnostics.without_each import (
    AtMLE,
    Refinement,
    degree_that_pays,
    scored,
    sum_that_is_enough,
)
from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.covariance.roots import root_of
from flatprior.models.rows import as_held


def asked(model, fit, exact_steps_only=False):
    """Rows of a model, and what is known of them; with no series, where steps are to be exact."""
    at_mle = AtMLE.of(model, fit.coefficients, fit.certificate.error_bound)
    if exact_steps_only:
        at_mle = replace(at_mle, series=None)
    return as_held(model.rows).block(slice(None)), at_mle


def refinement_of(model, block, near, most):
    return Refinement(
        rows=model.rows, block=block, near=near, weights=model.counts, most=most, enough=0.0
    )


@pytest.mark.parametrize("rounds", [0, 1, 2])
def test_the_bounds_hold_after_each_round_of_steps(rounds):
    X, y = simulated(200, 3, seed=2)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    block, at_mle = asked(model, fit, exact_steps_only=True)
    coefficients, near = at_mle.stepped(block)
    bound = refinement_of(model, block, near, (1.0, 1e-6, 1e-9)[rounds]).refine(coefficients)
    assert (bound < near.bound).any() == (rounds > 0)
    tight = 0
    for i in np.flatnonzero(~near.far)[::9]:
        exact = fit_newton(others(model, i)).coefficients
        root = root_of(others(model, i).rows, fit.coefficients)
        off = float(np.linalg.norm(root.unplaced(coefficients[i] - exact)))
        assert off <= bound[i] + 1e-12
        tight += off > bound[i] / 100
        along = abs(block.design[i] @ (coefficients[i] - exact))
        assert along <= bound[i] * near.reach[i] + 1e-12
    assert rounds or tight > 5  # they are bounds that mean something


def test_some_of_the_rows_have_what_they_have_among_all():
    codes = both("y ~ x + g + h", survey(300, seed=2), offset="o")[0]
    fit = fit_newton(codes)
    block, at_mle = asked(codes, fit)
    coefficients, near = at_mle.stepped(block)
    some = np.array([7, 250, 3])
    again, few = at_mle.stepped(block.select(some))
    for name in ("bound", "shrinking", "reach", "far"):
        assert getattr(few, name) == pytest.approx(getattr(near, name)[some], rel=1e-9)
        assert getattr(near.select(some), name).tolist() == getattr(near, name)[some].tolist()
    assert again == pytest.approx(coefficients[some], rel=1e-12)
    found, all_found = scored(block.select(some), again), scored(block, coefficients)
    assert found.score == pytest.approx(all_found.score[some], rel=1e-12)
    eta = codes.design[7] @ coefficients[7] + codes.offset[7]
    expected = -np.logaddexp(0, -(2 * codes.response[7] - 1) * eta)
    assert found.score[0] == pytest.approx(expected, rel=1e-12)
    assert 0 < found.rounding[0] < 1e-12


def hard_data(kind, seed, n=400):
    """Rows of one of the kinds that make such a bound fail."""
    X, y = simulated(n, 4, seed=seed)
    rng = np.random.default_rng(seed)
    given = {}
    if kind == "skewed":
        X[:, 1:] = np.exp(X[:, 1:] * 0.6)
    elif kind == "weighted":
        given = {"frequency_weights": rng.integers(1, 9, n)}
    elif kind == "sorted":
        X = X[np.argsort(y, kind="stable")]
        y = np.sort(y)
    elif kind == "sparse levels":
        level = np.minimum(rng.geometric(0.3, n), 8)
        X = np.column_stack([X, level[:, None] == np.arange(2, 9)])
        y[level > 4] = np.arange((level > 4).sum()) % 2
    elif kind == "offset":
        given = {"offset": rng.normal(size=n) * 2}
    elif kind == "shifted":
        X[:, 1] += 1e4
    elif kind == "far out":
        X[:3, 1:] *= 2.5
    return BernoulliLogistic.from_arrays(X, y, **given)


KINDS = ("plain", "skewed", "weighted", "sorted", "sparse levels", "offset", "shifted", "far out")


@pytest.mark.parametrize("kind", KINDS)
def test_steps_of_the_series_are_no_further_off_than_their_bound(kind):
    for seed in range(repeated(2)):
        model = hard_data(kind, seed)
        fit = fit_newton(model)
        block, with_series = asked(model, fit)
        assert with_series.series is not None
        coefficients, near = with_series.stepped(block)
        exact, first = asked(model, fit, exact_steps_only=True)[1].stepped(block)
        rest = refinement_of(model, block, first, 1e-14).refine(exact)
        off = with_series.root.unplaced(coefficients - exact)
        off = np.linalg.norm(off, axis=1)  # in the norm of all rows, which is the larger
        lost = 1e-11 if kind == "shifted" else 1e-13  # what the coefficients have lost as doubles
        close = ~near.far
        assert (off <= near.bound + rest + lost)[close].all()
        assert (off > near.bound / 1000)[close].sum() > 20  # and not for nothing
        # each bound is smaller, most of them by far
        assert (near.bound <= first.bound).all()
        assert (near.bound < first.bound / 5)[close].mean() > 0.8
        assert (near.shrinking == first.shrinking).all()


@pytest.mark.parametrize("kind", ["plain", "weighted", "far out"])
def test_steps_of_the_series_hold_against_50_digits(kind):
    model = hard_data(kind, 3, n=300)
    fit = fit_newton(model)
    block, at_mle = asked(model, fit)
    coefficients, near = at_mle.stepped(block)
    largest = np.argsort(np.where(near.far, 0.0, -near.bound))[:3]
    assert not near.far[largest].any()
    for i in largest:
        left = others(model, i)
        exact = mp_fit(left.design, left.response, left.counts, start=coefficients[i])[0]
        root = root_of(left.rows, fit.coefficients)
        off = float(np.linalg.norm(root.unplaced(coefficients[i] - exact)))
        assert 0 < off <= near.bound[i] + 1e-13
        along = abs(block.design[i] @ (coefficients[i] - exact))
        assert along <= near.bound[i] * near.reach[i] + 1e-13


def test_a_series_is_taken_where_it_costs_less_than_a_step_of_all_rows():
    assert [degree_that_pays(n, 10) for n in (10, 20, 100, 10_000)] == [0, 2, 3, 3]
    assert [degree_that_pays(10_000, k) for k in (1, 40, 90, 100, 1000)] == [3, 3, 2, 0, 0]
    assert [degree_that_pays(n, 10) for n in (10**6, 5 * 10**6, 10**7, 10**9)] == [3, 2, 0, 0]
    assert degree_that_pays(10**6, 200) == 0


def test_without_a_series_every_step_takes_all_rows(monkeypatch):
    model = hard_data("plain", 1)
    fit = fit_newton(model)
    block, at_mle = asked(model, fit)
    monkeypatch.setattr(without_each, "degree_that_pays", lambda n_rows, k: 0)
    refused = asked(model, fit)[1]
    assert refused.series is None
    assert refused.longest == pytest.approx(at_mle.longest, rel=1e-12)
    coefficients, near = refused.stepped(block)
    again, same = replace(at_mle, series=None).stepped(block)
    assert coefficients == pytest.approx(again, rel=1e-12)
    assert near.bound == pytest.approx(same.bound, rel=1e-6)


def test_how_much_error_is_enough_goes_by_what_less_would_cost(monkeypatch):
    monkeypatch.setattr(without_each, "MOST_TERMS", 100**2)
    errors = np.full(1000, 1e-6)

    def enough(n_rows, tolerance=None, rest=0.0):
        return sum_that_is_enough(n_rows, tolerance, errors, lambda: 5.0, rest)

    assert enough(100) == 0.0  # of few rows all take steps
    assert enough(101, tolerance=1e-3) == 0.0
    # to leave 1e-5, about 990 of these rows have to take steps over all
    assert enough(10) == 0.0
    assert enough(10_000) == 0.02 * 5.0
    monkeypatch.setattr(without_each, "MOST_TERMS", 1000 * 2000)
    assert enough(2000) == 1e-5
    assert enough(2100) == 0.02 * 5.0
    assert enough(2010) == 1e-5
    assert enough(2010, rest=2e-5) == 0.02 * 5.0  # others alone have more
