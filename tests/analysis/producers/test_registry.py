import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression

from flatprior.analysis.producers.registry import is_fit, modules_of, read
from flatprior.models import BernoulliLogistic, LogisticMLE, fit_newton, load_spector

DATA = load_spector()
X, Y = DATA[["gpa", "psi"]], DATA["grade"]


class Stranger(ClassifierMixin, BaseEstimator):
    """After the manners of scikit-learn, and nothing of its own is known."""


def test_a_producer_is_told_by_the_module_of_the_type():
    assert modules_of(LogisticRegression())[0] == "sklearn"
    assert "sklearn" in modules_of(LogisticMLE())
    assert is_fit(LogisticRegression())
    assert not is_fit({"x": 1.0})
    assert not is_fit(np.zeros(3))
    fit = LogisticMLE().fit(X, Y)
    assert read(fit, X, Y).producer == "flatprior LogisticMLE"


def test_an_imposter_is_not_taken_for_what_it_inherits():
    with pytest.raises(TypeError, match="nothing is known of a Stranger"):
        read(Stranger(), X, Y)


def test_what_is_missing_is_said():
    model = BernoulliLogistic.from_formula("grade ~ gpa + psi", DATA)
    with pytest.raises(ValueError, match="holds no data: audit"):
        read(LogisticRegression().fit(X, Y))
    with pytest.raises(ValueError, match="is fitted without offset"):
        read(LogisticRegression().fit(X, Y), X, Y, offset=np.zeros(32))
    with pytest.raises(TypeError, match="audit takes fits of"):
        read("text", model=model)
    with pytest.raises(ValueError, match="need the model"):
        read({"gpa": 1.0})
    assert read(fit_newton(model)).settings.method == "newton"
