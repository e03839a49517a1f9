import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from flatprior.analysis.producers.programs.sklearn_fit import is_ours, read
from flatprior.models import LogisticMLE, load_spector

DATA = load_spector()
X, Y = DATA[["gpa", "psi"]], DATA["grade"]


def test_the_intercept_comes_first_and_the_second_class_is_the_event():
    text = Y.map({1: "yes", 0: "no"})
    fit = LogisticRegression().fit(X, text)
    their = read(fit, X, text)
    assert list(their.coefficients) == ["(Intercept)", "gpa", "psi"]
    assert list(their.coefficients.values()) == [*fit.intercept_, *fit.coef_[0]]
    assert np.array_equal(their.model.response, Y)
    assert their.model.response_coding == "yes = 1, no = 0"
    without = read(LogisticRegression(fit_intercept=False).fit(X, Y), X, Y)
    assert list(without.coefficients) == ["gpa", "psi"]


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (LogisticRegression(), ("l2", 1.0, 0.0, (False, True, True), "scikit-learn's")),
        (LogisticRegression(C=0.25), ("l2", 4.0, 0.0, (False, True, True), "")),
        (LogisticRegression(C=np.inf), ("", 0.0, 0.0, (), "")),
        (LogisticRegression(solver="liblinear", C=2.0), ("l2", 0.5, 0.0, (True, True, True), "")),
        (
            SGDClassifier(loss="log_loss", alpha=0.01, random_state=1),
            ("l2", 0.32, 0.0, (False, True, True), ""),
        ),
        (LogisticMLE(), ("", 0.0, 0.0, (), "")),
    ],
)
def test_settings_are_those_of_the_objective(estimator, expected):
    found = read(estimator.fit(X, Y), X, Y).settings
    penalty, strength, share, penalised, default = expected
    assert (found.penalty, found.share, found.penalised) == (penalty, share, penalised)
    assert found.strength == pytest.approx(strength, rel=1e-12)
    assert found.default == default


def test_balanced_weights_and_searches():
    found = read(LogisticRegression(class_weight="balanced").fit(X, Y), X, Y).settings
    assert found.class_weights == {0.0: 32 / (2 * 21), 1.0: 32 / (2 * 11)}
    given = read(LogisticRegression(class_weight={1: 3.0}).fit(X, Y), X, Y).settings
    assert given.class_weights == {0.0: 1.0, 1.0: 3.0}
    search = GridSearchCV(LogisticRegression(), {"C": [0.1]}, cv=3).fit(X, Y)
    assert read(search, X, Y).settings.strength == 10.0


def test_cross_validated_strength_is_the_one_that_was_chosen():
    import inspect
    import warnings

    new = "use_legacy_attributes" in inspect.signature(LogisticRegressionCV).parameters
    given = {"use_legacy_attributes": False, "l1_ratios": (0.0,), "scoring": "accuracy"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = LogisticRegressionCV(Cs=[0.01, 10.0], cv=3, **(given if new else {})).fit(X, Y)
        found = read(fit, X, Y)
    assert found.settings.strength in (100.0, 0.1)
    assert found.settings.strength == pytest.approx(1 / np.ravel(fit.C_)[0])


def test_a_pipeline_is_judged_in_its_last_columns():
    frame = DATA.assign(psi=DATA["psi"].map({0: "no", 1: "yes"}))[["gpa", "psi"]]
    columns = make_column_transformer(
        (StandardScaler(), ["gpa"]), (OneHotEncoder(drop="first"), ["psi"])
    )
    fit = make_pipeline(columns, LogisticRegression()).fit(frame, Y)
    their = read(fit, frame, Y)
    assert list(their.coefficients) == ["(Intercept)", "gpa", "psi_yes"]
    assert np.array_equal(their.model.design[:, 1:], np.asarray(fit[:-1].transform(frame)))
    assert their.notes == ("judged in the columns that ColumnTransformer made of the data",)
    assert is_ours(fit)
    assert not is_ours(make_pipeline(StandardScaler(), RandomForestClassifier()))


def test_coefficients_are_told_in_the_columns_that_were_passed():
    frame = DATA.assign(psi=DATA["psi"].map({0: "no", 1: "yes"}))[["gpa", "psi", "tuce"]]
    columns = make_column_transformer(
        (StandardScaler(), ["tuce", "gpa"]), (OneHotEncoder(drop="first"), ["psi"])
    )
    last = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    fit = make_pipeline(columns, last).fit(frame, Y)
    their = read(fit, frame, Y)
    names, matrix = their.as_passed
    plain = LogisticMLE().fit(DATA[["gpa", "tuce", "psi"]], Y).estimate_
    assert names == ("(Intercept)", "gpa", "tuce", "psi_yes")
    assert matrix @ list(their.coefficients.values()) == pytest.approx(plain.coefficients, rel=1e-9)
    assert read(LogisticRegression().fit(X, Y), X, Y).as_passed is None


def test_what_cannot_be_is_refused():
    three = pd.Series(np.arange(32) % 3)
    with pytest.raises(ValueError, match="3 classes"):
        read(LogisticRegression().fit(X, three), X, three)
    with pytest.raises(TypeError, match="loss='hinge'"):
        read(SGDClassifier(random_state=1).fit(X, Y), X, Y)
    with pytest.raises(ValueError, match="which is not among the classes 0 and 1"):
        read(LogisticRegression().fit(X, Y), X, Y + 1)
