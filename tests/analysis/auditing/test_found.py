import numpy as np
import pandas as pd
import pytest
from foreign_fits import spector

import flatprior as fp
from flatprior.analysis.auditing.audit import audit


def test_scikit_learn_s_default_is_named_with_what_to_type():
    from sklearn.linear_model import LogisticRegression

    X, y = spector()
    found = audit(LogisticRegression(tol=1e-8, max_iter=10_000).fit(X, y), X, y)
    assert (found.cause, found.certain, found.passed) == ("ridge penalty", True, False)
    assert "which is scikit-learn's default" in found.message
    assert "LogisticRegression(C=np.inf" in found.cure
    assert found.distance == pytest.approx(1.3, abs=0.1)


def test_other_data_are_said_first():
    import statsmodels.api as sm

    X, y = spector()
    X = sm.add_constant(X)
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    assert audit(sm.Logit(y, X).fit(disp=0), model).passed
    flipped = audit(sm.Logit(1 - y, X).fit(disp=0), model)
    assert "what counts as 1 is the other level" in flipped.verdict
    assert flipped.cause == "response flipped"
    fewer = audit(sm.Logit(y[:-1], X[:-1]).fit(disp=0), model)
    assert "31 observations, the model of 32" in fewer.verdict
    assert not fewer.passed
    others = sm.Logit(y[::-1].to_numpy(), X).fit(disp=0)
    assert "its rows are others" in audit(others, model).verdict


def test_coefficients_alone():
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    fit = fp.fit_newton(model)
    for right in (fit, fit.coefficients, fit.params, dict(fit.params), list(fit.coefficients)):
        assert audit(right, model).passed
    printed = audit({"const": -13.0213, "gpa": 2.8261, "tuce": 0.0952, "psi": 2.3787}, model)
    assert printed.is_mle
    assert "in every digit printed" in printed.verdict
    wrong = audit({"const": -13.0213, "gpa": 2.8271, "tuce": 0.0952, "psi": 2.3787}, model)
    assert not wrong.is_mle


def test_what_three_programs_print_of_one_trial():
    """A public page compares SAS, R and Python on a survival data set of this shape.

    There scikit-learn without a penalty prints an odds ratio of .42126736 where the MLE gives
    .42126606, by default and with C = 1 quite another, and Firth's standard errors are .02065 in
    one program, .02023 in the other.
    """
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(228)
    X = pd.DataFrame(
        {
            "age": np.rint(rng.normal(62, 9, 228)),
            "sex": rng.integers(1, 3, 228),
            "ecog": rng.integers(0, 3, 228).astype(float),
        }
    )
    predictor = 0.3 + 0.02 * (X["age"] - 62) - 0.9 * (X["sex"] - 1.5) + 0.5 * X["ecog"]
    y = (rng.random(228) < 1 / (1 + np.exp(-predictor))).astype(int)
    stopped = audit(LogisticRegression(C=np.inf, max_iter=1000).fit(X, y), X, y)
    ratio, right = (np.exp(b[2]) for b in (stopped.coefficients, stopped.mle.coefficients))
    assert 1e-6 < abs(ratio / right - 1) < 1e-4
    assert (stopped.cause, stopped.certain) == ("stopped early", True)
    for default in (LogisticRegression(max_iter=1000), LogisticRegression(C=1.0, max_iter=1000)):
        found = audit(default.fit(X, y), X, y)
        assert (found.cause, found.certain) == ("ridge penalty", True)
    firthmodels = pytest.importorskip("firthmodels")
    firth = firthmodels.FirthLogisticRegression(gtol=1e-9, xtol=1e-9).fit(X, y)
    found = audit(firth, X, y)
    assert (found.cause, found.certain) == ("Firth penalty", True)
    of_errors = found.printed.query("quantity == 'standard error'")
    assert of_errors["consistent"].all()
    assert set(of_errors["convention"]) <= {
        "model, at their coefficients",
        "augmented information, at their coefficients",
    }


def test_a_wrong_coefficient_of_a_table_is_named(tmp_path):
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    table = tmp_path / "table.csv"
    table.write_text("term,estimate\nIntercept,-13.021\ngpa,2.826\ntuce,0.0952\npsi,2.397\n")
    found = audit(table, model)
    assert "coefficient of psi is stated as 2.397, and is 2.37869" in found.message
    assert "stated as 2.397" in str(found)
