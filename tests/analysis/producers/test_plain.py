import numpy as np
import pytest

from flatprior.analysis.producers.plain import read, read_estimate
from flatprior.models import BernoulliLogistic, fit_newton, load_spector

MODEL = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())


def test_numbers_are_by_name_or_in_order():
    fit = fit_newton(MODEL)
    for given in (fit.params, dict(fit.params), fit.coefficients, fit.coefficients.tolist()):
        assert read(given, MODEL).coefficients == dict(fit.params)
    with pytest.raises(ValueError, match="there are 2 coefficients of the shape"):
        read(np.zeros(2), MODEL)


def test_our_own_states_what_it_states():
    fit = fit_newton(MODEL)
    their = read_estimate(fit)
    stated = {(each.term, each.quantity): each.value for each in their.stated}
    assert stated["gpa", "standard error"] == fit.bse["gpa"]
    assert stated["", "BIC"] == fit.bic
    assert their.producer == "flatprior, route newton"
