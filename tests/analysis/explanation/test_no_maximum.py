"""Numbers of models without an MLE."""

import warnings

import numpy as np
import statsmodels.api as sm
from disagreements import firth_estimate
from problems import CASES
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import explain_difference
from flatprior.models import BernoulliLogistic, load_endometrial


def test_what_is_near_the_supremum_by_its_size_alone_is_not_certainly_separation():
    X, y = np.array([[1.0, 0.3], [1.0, -0.2], [1.0, 1.5], [1.0, 0.8]]), np.zeros(4)
    model = BernoulliLogistic.from_arrays(X, y)
    found = explain_difference(model, [-1344.6, -1022.1])
    assert (found.cause, found.certain) == ("separation", False)
    assert "of this size that have nothing to do with it" in found.message


def test_a_penalty_explains_numbers_on_separated_data_too():
    data = load_endometrial()
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", data)
    X = data[["NV", "PI", "EH"]]
    fit = LogisticRegression(tol=1e-10, max_iter=5000).fit(X, data["HG"])
    found = explain_difference(model, [fit.intercept_[0], *fit.coef_[0]])
    assert (found.cause, found.certain) == ("ridge penalty", True)
    assert "C = 1 " in found.message
    assert "does not exist" in found.message
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        glm = sm.GLM(data["HG"], sm.add_constant(X), sm.families.Binomial()).fit()
    found = explain_difference(model, glm.params)
    assert (found.cause, found.certain) == ("separation", True)
    assert "NV" in found.message


def test_dependent_columns_are_the_answer_where_they_are():
    model = CASES["dup_col"].model
    found = explain_difference(model, np.ones(model.n_parameters))
    assert (found.cause, found.certain) == ("dependent columns", True)


def test_numbers_on_separated_data_that_are_no_ascent_are_not_certain():
    data = load_endometrial()
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", data)
    for theirs in (np.zeros(4), [1.0, -2.0, 0.3, 0.1]):
        found = explain_difference(model, theirs)
        assert (found.cause, found.certain) == ("separation", False)
        assert "not on the way to the supremum" in found.message


def test_a_penalised_estimate_has_no_cure_but_to_be_called_so():
    data = load_endometrial()
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", data)
    found = explain_difference(model, firth_estimate(model.design, model.response))
    assert (found.cause, found.certain) == ("Firth penalty", True)
    assert "there is none to get" in found.cure


def test_a_path_to_infinity_is_near_some_small_penalty_and_is_not_called_one():
    rng = np.random.default_rng(3)
    for _ in range(5):
        x = rng.normal(size=(100, 3))
        y = (x[:, 0] + 0.3 * x[:, 1] > 0.2).astype(float)
        model = BernoulliLogistic.from_arrays(x, y, intercept=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = LogisticRegression(C=np.inf, max_iter=60).fit(x, y)
        found = explain_difference(model, [*fit.intercept_, *fit.coef_[0]])
        assert found.cause == "separation"


def test_of_one_coefficient_any_large_number_of_its_sign_is_as_near():
    # whatever rounding does to numbers of the same size
    x = np.zeros(240)
    x[120] = 1.0
    y = np.arange(240) % 2.0
    y[120] = 1.0
    model = BernoulliLogistic.from_arrays(x, y)
    for size in np.random.default_rng(1).uniform(3, 6, size=10):
        found = explain_difference(model, [10.0**size])
        assert (found.cause, found.certain) == ("separation", False)
