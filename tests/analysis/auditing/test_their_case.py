import math

import numpy as np
import pandas as pd
import pytest
from places import in_files, in_memory
from problems import simulated
from scipy.special import ndtr

from flatprior.analysis import (
    audit,
    confidence_intervals,
    likelihood_ratio_test,
    robust_covariance,
    score_test,
)
from flatprior.analysis.auditing.their_case import Case, Value, directions_of, meets
from flatprior.analysis.producers.theirs import Stated, TheirFit
from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.common.arrays import EPSILON


def stated(value, unit=0.0, **more):
    return Stated(term="x", quantity="z", value=value, unit=unit, **more)


@pytest.mark.parametrize(
    ("printed", "value", "rounded", "truncated"),
    [
        (stated(1.23, 0.01), 1.2349, True, True),
        (stated(1.23, 0.01), 1.2399, False, True),
        (stated(1.24, 0.01), 1.2399, True, False),
        (stated(-1.23, 0.01), -1.2399, False, True),
        (stated(0.0, 0.001), -0.0009, False, True),
        (stated(0.0, 0.001), 0.0004, True, True),
        (stated(1.23, 0.01), -1.23, False, False),
        (stated(0.001, 0.001, below=True), 0.0009, True, True),
        (stated(0.001, 0.001, below=True), 0.0011, False, False),
        (stated(999.999, 0.001, written=">999.999"), 1e9, True, True),
        (stated(999.999, 0.001, written=">999.999"), 12.0, False, False),
        (stated(math.inf), math.inf, True, True),
        (stated(math.inf), 1e300, False, False),
        (stated(1.0), 1.0, True, True),
        (stated(1.0), 1.0 + 1e-12, False, False),
    ],
)
def test_a_number_meets_what_it_may_have_been_made_of(printed, value, rounded, truncated):
    assert meets(printed, Value(value, 0.0)) is rounded
    assert meets(printed, Value(value, 0.0), truncated=True) is truncated


def test_an_error_widens_what_a_number_may_be_and_an_infinite_one_says_nothing():
    printed = stated(1.23, 0.01)
    assert not meets(printed, Value(1.2361, 0.001))
    assert meets(printed, Value(1.2359, 0.001))
    assert not meets(printed, Value(1.23, math.inf))


def factor_model(seed=3, n=120):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"y": rng.integers(0, 2, n), "x": rng.normal(size=n), "g": rng.choice(list("abc"), n)}
    )
    return BernoulliLogistic.from_formula("y ~ x + C(g)", frame)


def theirs(**coefficients):
    return TheirFit(producer="a printed table", coefficients=coefficients)


def test_coefficients_of_another_reference_level_are_combinations_of_the_models():
    model = factor_model()
    rng = np.random.default_rng(0)
    ours = rng.normal(size=4)
    b = dict(zip(model.names, ours, strict=True))
    known = {
        "(Intercept)": b["Intercept"] + b["C(g)[T.b]"],
        "x": b["x"],
        "C(g)[T.a]": -b["C(g)[T.b]"],
        "C(g)[T.c]": b["C(g)[T.c]"] - b["C(g)[T.b]"],
    }
    found = directions_of(model, theirs(**known))
    for name, value in known.items():
        assert found[name] @ ours == pytest.approx(value, abs=1e-12)
    case = Case(
        model=model,
        mle=fit_newton(model),
        their=theirs(**known),
        directions=found,
        posterior_sd=None,
    )
    assert case.given[0] == pytest.approx(ours, abs=1e-12)


def test_a_part_of_the_coefficients_has_its_names():
    model = factor_model()
    found = directions_of(model, theirs(x=1.0, _cons=2.0, other=3.0))
    assert sorted(found) == ["_cons", "x"]
    assert found["x"].tolist() == [float(name == "x") for name in model.names]
    assert found["_cons"].tolist() == [float(name == "Intercept") for name in model.names]


def test_coefficients_that_are_not_the_mle_are_the_place_of_their_numbers():
    X, y = simulated(100, 3, seed=2)
    model = BernoulliLogistic.from_arrays(X, y)
    mle = fit_newton(model)

    def case(values, unit):
        fit = TheirFit(
            producer="a printed table",
            coefficients=dict(zip(model.names, values, strict=True)),
            units={} if not unit else dict.fromkeys(model.names, unit),
        )
        return Case(
            model=model, mle=mle, their=fit, directions=directions_of(model, fit), posterior_sd=None
        )

    assert [place.where for place in case(mle.coefficients, 0.0).places] == [""]
    assert [place.where for place in case(mle.coefficients.round(3), 1e-3).places] == [""]
    one = mle.coefficients.round(3) + np.array([0.05, 0, 0])
    assert [place.where for place in case(one, 1e-3).places] == [""]
    away = mle.coefficients.round(3) * 0.9
    assert [place.where for place in case(away, 1e-3).places] == ["", ", at their coefficients"]
    assert [place.where for place in case(away, 0.0).places] == [", at their coefficients"]
    # what rounding may have moved of a row's linear predictor
    assert case(away, 1e-3).theirs.reach == pytest.approx(np.abs(X).sum(axis=1).max() * 5e-4)


def test_a_p_value_made_of_one_less_a_probability_has_the_rounding_of_one():
    """pyfixest's 2 (1 - Phi(8)) is six units in the last place of 1, where it is 5.6."""
    right = 2 * float(ndtr(-8.0))
    made = 2 * (1 - float(ndtr(8.0)))
    assert abs(made / right - 1) > 0.01
    assert meets(Stated(term="x", quantity="p", value=made), Value(right, 0.0))
    assert not meets(Stated(term="x", quantity="p", value=right + 1e-15), Value(right, 0.0))
    assert not meets(Stated(term="x", quantity="z", value=made), Value(right, 0.0))


def test_the_rounding_of_one_is_that_of_what_was_made_of_it_alone():
    """A number as small as 1e-20 is no multiple of what 1 - Phi(|z|) may be."""
    small = Value(2 * float(ndtr(-9.3)), 0.0)
    for value, right in ((0.0, True), (2.0**-52, True), (1e-30, False), (1e-16, False)):
        assert meets(Stated(term="x", quantity="p", value=value), small) is right


def test_a_coefficient_made_of_an_odds_ratio_has_the_rounding_of_that():
    X, y = simulated(100, 2, seed=2)
    model = BernoulliLogistic.from_arrays(X, y)
    ratio = np.nextafter(1.0, 2.0)
    for coefficient, half in ((math.log(ratio), EPSILON), (0.5, 0.0)):
        names = model.names
        fit = TheirFit(
            producer="a printed table",
            coefficients=dict.fromkeys(names, coefficient),
            stated=(Stated(term=names[0], quantity="odds ratio", value=ratio),),
        )
        directions = directions_of(model, fit)
        case = Case(model=model, mle=None, their=fit, directions=directions, posterior_sd=None)
        assert case.given[1].tolist() == [half, 0.0]


def three_columns(n=500):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(n, 2)), columns=list("ab"))
    frame["g"] = rng.choice(["u", "v", "w"], n)
    eta = 0.5 * frame["a"] - 0.2 * frame["b"] + 0.4 * (frame["g"] == "v")
    return frame.assign(y=(rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int))


def p_values(test, model):
    return np.round([test(model, name).p for name in model.names], 5)


# what a table states in place of what is right, and the passes in which it is found what that is
STATED = {
    "as it is": (lambda model, fit: {}, 14),
    "errors and p-values": (lambda model, fit: {"standard error": 1.3, "p": 0.7}, 36),
    "likelihood ratios": (lambda model, fit: {"p": p_values(likelihood_ratio_test, model)}, 34),
    "scores": (lambda model, fit: {"p": p_values(score_test, model)}, 34),
    "profiles": (
        lambda model, fit: dict(
            zip(
                ("2.5%", "97.5%"), confidence_intervals(model).table().to_numpy().T[1:], strict=True
            )
        ),
        28,
    ),
    "HC3": (
        lambda model, fit: {"standard error": robust_covariance(model, fit, "HC3").standard_errors},
        24,
    ),
}


@pytest.mark.parametrize("name", STATED)
def test_tables_are_judged_in_few_passes_as_they_are_in_memory(tmp_path, name):
    frame = three_columns()
    held, read = (place(frame, tmp_path, "y ~ a + b + g") for place in (in_memory, in_files))
    change, most = STATED[name]
    fit = fit_newton(held)
    columns = ["coefficient", "standard error", "z", "p", "2.5%", "97.5%"]
    table = fit.summary()[columns]
    for column, wrong in change(held, fit).items():
        table[column] = wrong * table[column] if isinstance(wrong, float) else wrong
    table = table.round(5).rename_axis("term").reset_index()
    expected, before = audit(table, held), read.passes.number
    found = audit(table, read)
    assert read.passes.number - before <= most
    assert found.passed == expected.passed == (name != "errors and p-values")
    for one, two in zip(found.numbers, expected.numbers, strict=True):
        assert (one.convention, one.consistent) == (two.convention, two.consistent)
        assert one.proved == pytest.approx(two.proved, rel=1e-8, abs=1e-10, nan_ok=True)
    if name in ("likelihood ratios", "scores", "profiles"):
        named = {"likelihood ratios": "likelihood ratio", "scores": "score"}
        assert named.get(name, "profile likelihood") in {each.convention for each in found.numbers}
