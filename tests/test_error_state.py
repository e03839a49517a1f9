"""No public function minds what NumPy's error state is, and none changes its answer."""

import threading
from functools import cache, cached_property

import numpy as np
import pytest
from extremes import ANALYSIS, MODELS, NO_OFFSET, REPORT, WITH_PYMC, Case, plain

import flatprior.analysis
import flatprior.models

PUBLIC = {
    name: getattr(package, name)
    for package in (flatprior.models, flatprior.analysis)
    for name in package.__all__
    if not name.startswith("load_")
}


def members(kind):
    """What a class computes: its own functions and properties."""
    for name, member in vars(kind).items():
        if name.startswith("__") and name not in ("__str__", "__repr__"):
            continue
        if isinstance(member, (classmethod, staticmethod)):
            yield name, member.__func__
        elif isinstance(member, property):
            yield name, member.fget
        elif isinstance(member, cached_property):
            yield name, member.func
        elif callable(member):
            yield name, member


def test_every_public_function_and_method_has_an_error_state_of_its_own():
    for name, what in PUBLIC.items():
        if not isinstance(what, type):
            assert hasattr(what, "__wrapped__"), name
        elif not issubclass(what, BaseException):
            # what dataclass and scikit-learn make computes nothing
            lacking = {
                member
                for member, function in members(what)
                if not hasattr(function, "__wrapped__") and "request" not in member
            }
            assert lacking <= {"__repr__"}, (name, lacking)


@cache
def usual(offset):
    return Case(offset)


@cache
def strict(offset):
    return Case(offset)


def check(call, offset):
    with np.errstate(divide="warn", over="warn", under="ignore", invalid="warn"):
        expected = plain(call(usual(offset)))
    with np.errstate(all="raise"):
        assert plain(call(strict(offset))) == expected
        with pytest.raises(FloatingPointError):  # the caller's own state is as it was
            np.exp(np.array([-1000.0]))


@pytest.mark.parametrize("offset", [True, False], ids=["offset", "plain"])
@pytest.mark.parametrize("name", [*MODELS, *ANALYSIS])
def test_extreme_data_have_the_same_answers_where_every_underflow_is_an_error(name, offset):
    check((MODELS | ANALYSIS)[name], offset)


@pytest.mark.parametrize("name", [*NO_OFFSET, *WITH_PYMC])
def test_routes_of_other_libraries_have_the_same_answers_there(name):
    check((NO_OFFSET | WITH_PYMC)[name], False)


def test_a_report_has_the_same_numbers_there():
    check(REPORT["verify_report"], True)


def test_threads_with_an_error_state_of_their_own_have_the_same_answers():
    expected = plain(MODELS["fit_newton"](usual(True)))
    found = []

    def work():
        np.seterr(all="raise")  # NumPy 2: of this thread's context only
        found.append(plain(MODELS["fit_newton"](Case(True))))
        found.append(plain(MODELS["certify"](Case(True))))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count(expected) == 2
    assert found.count(plain(MODELS["certify"](usual(True)))) == 2


def test_every_public_name_is_tried():
    known = {*MODELS, *NO_OFFSET, *WITH_PYMC, *ANALYSIS, *REPORT}
    # what the calls of another name return or go through
    through = {
        "Audit", "Coin", "GradientDescent", "ExactLOO", "MarginalMeans", "PSISLOO",
        "PenalisedObjective",
        "HighDimensional", "PymcCheck",
        "ResultTable", "RouteVerdict", "Unavailable", "Underflow", "audit", "binary_cross_entropy",
        "binned_residuals", "calibration_curve", "classification_table", "predictive_indices",
        "check_posterior", "check_pymc",
        "collinearity", "compare_models", "compare_routes", "convexity", "diagnose",
        "effect_curves", "explain_difference", "goodness_of_fit", "plot_agreement", "plot_effect",
        "plot_binned_residuals", "plot_chains", "plot_calibration",
        "plot_comparison", "plot_draws", "plot_forest", "plot_influence", "plot_model",
        "plot_posterior", "plot_profile", "posterior_moments", "profile_curve", "read_report",
        "report_facts", "robust_covariance", "summarise", "summarize", "validate", "wald_test",
        "write_report",
    }  # fmt: skip
    errors = {n for n, w in PUBLIC.items() if isinstance(w, type) and issubclass(w, Exception)}
    assert known | through | errors == set(PUBLIC)
