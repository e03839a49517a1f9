import math

import numpy as np
import pytest
from problems import CASES, simulated

from flatprior.analysis import compare_routes, run_routes
from flatprior.analysis.agreement.mode import least_draws
from flatprior.models import BernoulliLogistic


def test_a_fifth_route_joins_on_request_and_shares_the_false_alarm_rate():
    model = CASES["spector"].model
    results = run_routes(model, routes=("newton", "nuts", "independence"), seed=1)
    agreement = compare_routes(model, *results, false_alarm=0.01)
    assert agreement.verdict == "agree"
    assert list(agreement.table().index) == ["newton", "nuts", "independence"]
    first, second = agreement.posterior_checks
    assert (first.other, second.other) == (None, "nuts")
    # four tests of each set, and one of both
    assert first.threshold == second.threshold == pytest.approx(0.01 / 9)
    assert "same as nuts p = " in agreement.message
    with pytest.raises(ValueError, match="there is no route 'newtn'"):
        run_routes(model, routes=("newtn",))


def test_a_route_that_cannot_run_is_reported_not_hidden():
    X, y = simulated(80, 2, seed=1)
    model = BernoulliLogistic.from_arrays(X, y, offset=np.linspace(-1, 1, 80))
    results = run_routes(model, draws=500, tune=500, seed=1)
    assert [type(result).__name__ for result in results] == [
        "PointEstimate", "Unavailable", "PointEstimate", "Posterior",
    ]  # fmt: skip
    agreement = compare_routes(model, *results)
    assert agreement.verdict == "agree"
    assert "sklearn was left out: scikit-learn's LogisticRegression takes no offset." in (
        agreement.message
    )


def test_too_few_draws_are_refused_before_the_work():
    X, y = simulated(400, 12, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    started = []
    with pytest.raises(ValueError, match="100 draws a chain are too few to test 12 coefficients"):
        run_routes(model, draws=100, on_start=started.append)
    assert started == []


def test_draws_of_hours_are_taken_only_when_they_are_asked_for():
    X, y = simulated(3000, 140, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    started = []
    routes = ("newton", "nuts", "independence")
    point, *left_out = run_routes(model, routes=routes, on_start=started.append)
    assert started == [point.route] == ["newton"]
    least = math.ceil(least_draws(140) / 4)
    assert [each.route for each in left_out] == ["nuts", "independence"]
    assert all(f"--draws {least})" in each.reason for each in left_out)
    # one less has them, and whoever says the number
    with pytest.raises(StopIteration):
        run_routes(model, routes=routes[1:], draws=least, on_start=stopped)
    less = BernoulliLogistic.from_arrays(X[:, 1:], y)
    with pytest.raises(StopIteration):
        run_routes(less, routes=routes[1:], on_start=stopped)


def stopped(route):
    raise StopIteration(route)
