from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis import audit, explain_difference
from flatprior.analysis.producers.plain import named, read, read_estimate
from flatprior.models import BernoulliLogistic, fit_newton, load_spector

MODEL = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())


def test_numbers_are_by_name_or_in_order():
    fit = fit_newton(MODEL)
    for given in (fit.params, dict(fit.params), fit.coefficients, fit.coefficients.tolist()):
        assert read(given, MODEL).coefficients == dict(fit.params)
    with pytest.raises(ValueError, match="there are 2 coefficients; the model has 3: Intercept,"):
        read(np.zeros(2), MODEL)
    with pytest.raises(ValueError, match=r"not an array of the shape \(1, 3\)"):
        read(fit.coefficients[None, :], MODEL)


@pytest.mark.parametrize("name", ["", " ", "\t", "\u200b", None, np.nan, pd.NA])
@pytest.mark.parametrize("kind", [dict, pd.Series])
def test_a_number_without_a_name_is_told_by_its_place(kind, name):
    given = kind({"Intercept": 1.0, "gpa": 2.0, name: 3.0})
    said = "number 3 of the coefficients has no name; name each as the model does: Intercept, gpa"
    for read_it in (read, audit, lambda given, model: explain_difference(model, given)):
        with pytest.raises(ValueError, match=said):
            read_it(given, MODEL)


def test_a_column_without_a_name_is_the_models_own():
    assert named({"": 1.0, "x": 2.0}, ("", "x"), "coefficients") == {"": 1.0, "x": 2.0}


@pytest.mark.parametrize(
    ("value", "finite", "said"),
    [
        ("2", False, "not a number"),
        (True, False, "not a number"),
        (None, False, "not a number"),
        (1j, False, "not a number"),
        ([1.0], False, "not a number"),
        (np.inf, True, "not a finite number"),
        (np.nan, True, "not a finite number"),
        (1e100, True, "not a finite number"),
    ],
)
def test_what_is_no_number_is_named(value, finite, said):
    with pytest.raises(ValueError, match=rf"coefficients: 'b' is .*, {said}"):
        named({"a": 1, "b": value}, ("a", "b"), "coefficients", finite=finite)


def test_numbers_keep_their_value_whatever_their_kind():
    values = [np.float32(0.5), np.int64(2), Decimal("0.1"), -np.inf]
    found = named(values, tuple("abcd"), "coefficients", finite=False)
    assert found == {"a": 0.5, "b": 2.0, "c": 0.1, "d": -np.inf}
    assert {type(value) for value in found.values()} == {float}
    with pytest.raises(ValueError, match="names some of them twice"):
        named(pd.Series([1.0, 2.0], ["a", "a"]), ("a", "b"), "coefficients")
    with pytest.raises(ValueError, match="'1' is there twice"):
        named({"1": 1.0, 1: 2.0}, ("1", "b"), "coefficients")


def test_our_own_states_what_it_states():
    fit = fit_newton(MODEL)
    their = read_estimate(fit)
    stated = {(each.term, each.quantity): each.value for each in their.stated}
    assert stated["gpa", "standard error"] == fit.bse["gpa"]
    assert stated["", "BIC"] == fit.bic
    assert their.producer == "flatprior, route newton"
