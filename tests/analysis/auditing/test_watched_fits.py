import math
import os
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from multiplier import repeated
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier

from flatprior.analysis.auditing import watched_fits
from flatprior.analysis.auditing.watched_fits import free_memory, judged
from flatprior.models import BernoulliLogistic, fit_newton, load_endometrial
from flatprior.models.common.errors import InputError

EXACT = {"C": np.inf, "solver": "newton-cholesky", "tol": 1e-12}

# since 1.8 scikit-learn has the kind of a penalty in the share of absolute values alone
NAMED = "deprecated" not in str(LogisticRegression().penalty)
KINDS = {
    "l2": {"penalty": "l2"} if NAMED else {"l1_ratio": 0.0},
    "l1": {"penalty": "l1"} if NAMED else {"l1_ratio": 1.0},
    "elasticnet": {"l1_ratio": 0.5} | ({"penalty": "elasticnet"} if NAMED else {}),
}


def data(seed, n=150, k=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, k)) * rng.uniform(0.1, 10, size=k)
    return X, (rng.random(n) < 1 / (1 + np.exp(-X[:, 0] / X[:, 0].std()))).astype(int)


def of_sklearn(fitted, X, y, weights=None, asked=(), own=True, first=True, tolerance=1e-6):
    return judged(
        f"scikit-learn {type(fitted).__name__}",
        fitted,
        {"X": X, "y": y, "sample_weight": weights},
        frozenset(asked),
        own,
        first,
        tolerance,
    )


def of_statsmodels(result, tolerance=1e-6):
    what = f"statsmodels {type(result.model).__name__}"
    return judged(what, result, {}, frozenset(), True, True, tolerance)


def quietly(fit, *arguments, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fit(*arguments, **options)


@pytest.mark.parametrize("seed", range(repeated(20)))
def test_right_fits_are_the_mle(seed):
    X, y = data(seed)
    weights = np.random.default_rng(seed).integers(1, 4, size=len(y))
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(y=np.where(y, "yes", "no"), n=y)
    found = [
        of_sklearn(LogisticRegression(**EXACT).fit(X, y), X, y),
        of_sklearn(LogisticRegression(**EXACT).fit(X, y, weights), X, y, weights),
        of_sklearn(LogisticRegression(**EXACT).fit(X, y, 2.5), X, y, 2.5),
        of_sklearn(quietly(LogisticRegression(**EXACT).fit, X, y[:, None]), X, y[:, None]),
        of_sklearn(LogisticRegression(**EXACT).fit(csr_matrix(X), y), csr_matrix(X), y),
        of_sklearn(LogisticRegression(**EXACT).fit(X.tolist(), y.tolist()), X.tolist(), y.tolist()),
        of_sklearn(
            LogisticRegression(fit_intercept=False, **EXACT).fit(frame[["a", "b"]], frame["y"]),
            *(frame[["a", "b"]], frame["y"]),
        ),
        of_statsmodels(sm.Logit(y, sm.add_constant(X)).fit(disp=0)),
        of_statsmodels(smf.logit("n ~ a + b", frame).fit(disp=0)),
        of_statsmodels(
            smf.glm("n ~ a", frame, family=sm.families.Binomial(), freq_weights=weights).fit()
        ),
        of_statsmodels(
            sm.GLM(np.c_[y, 2 - y], X, family=sm.families.Binomial(), offset=X[:, 0] / 9).fit()
        ),
    ]
    for each in found:
        assert (each["kind"], each["good"]) == ("mle", True), each
        assert each["verdict"].startswith("the MLE, proved to ")
        assert 0 <= each["distance"] <= 1e-6


def test_a_fit_that_stopped_early_is_told_with_its_distance():
    X, y = data(3)
    mle = fit_newton(BernoulliLogistic.from_arrays(X, y, intercept=True))
    fit = LogisticRegression(C=np.inf).fit(X, y)
    far = np.max(
        np.abs(np.append(fit.intercept_, fit.coef_) - mle.coefficients) / mle.standard_errors
    )
    found = of_sklearn(fit, X, y, asked=["C"])
    assert (found["kind"], found["good"]) == ("not the mle", False)
    assert found["distance"] == pytest.approx(far, rel=1e-6)
    assert found["verdict"].startswith(f"NOT the MLE but {far:.2g} standard errors from it; type L")
    assert of_sklearn(fit, X, y, asked=["C"], tolerance=2 * far)["good"] is True
    fit = quietly(sm.Logit(y, X).fit, disp=0, method="bfgs", maxiter=1)
    found = of_statsmodels(fit)
    assert found["good"] is False
    assert "says itself that it has not converged; type .fit(method='newton'" in found["verdict"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"C": 0.1}, "ridge"),
        ({"C": 1.0}, "ridge"),  # the default, written out
        (KINDS["l2"], "ridge"),
        (KINDS["l1"] | {"solver": "liblinear"}, "lasso"),
        (KINDS["elasticnet"] | {"solver": "saga", "max_iter": 5000}, "elastic net"),
        ({"C": 2.0, "solver": "liblinear"}, "ridge"),  # its intercept is penalised too
        ({"C": 2.0, "class_weight": "balanced"}, "ridge"),
    ],
)
def test_a_penalty_that_was_asked_for_is_what_it_looks_like(options, words):
    X, y = data(4)
    fit = LogisticRegression(**options, tol=1e-8).fit(X, y)
    found = of_sklearn(fit, X, y, asked=options)
    assert found["good"] is True
    assert found["verdict"] == f"penalised, as asked: {words} []"
    assert found["details"] == [f"C={fit.C:g}"]
    # of an estimator that nobody saw made, what is not the default was asked for
    asked = of_sklearn(fit, X, y)["good"]
    assert asked is (options.get("C", 1.0) != 1.0 or words != "ridge")


def test_a_penalty_by_default_is_not_and_its_distance_is_told_once_a_line():
    X, y = data(5)
    fit = LogisticRegression().fit(X, y)
    found = of_sklearn(fit, X, y, asked=["tol", "max_iter"])
    assert (found["kind"], found["good"]) == ("default penalty", False)
    mle = fit_newton(BernoulliLogistic.from_arrays(X, y, intercept=True))
    far = np.max(
        np.abs(np.append(fit.intercept_, fit.coef_) - mle.coefficients) / mle.standard_errors
    )
    assert found["distance"] == pytest.approx(far, rel=1e-6)
    assert found["verdict"].startswith(
        "NOT the MLE but ridge [], scikit-learn's default, which nothing asks for, "
        f"{far:.2g} standard errors from it; for the MLE type LogisticRegression(C=np.inf"
    )
    assert math.isnan(of_sklearn(fit, X, y, first=False)["distance"])
    made = of_sklearn(fit, X, y, own=False)
    assert made["good"] is True
    assert made["verdict"] == "penalised, as the library that made it has it: ridge []"
    weighted = LogisticRegression(class_weight="balanced").fit(X, y)
    found = of_sklearn(weighted, X, y, asked=["class_weight"])
    assert found["good"] is False
    assert found["verdict"].startswith("NOT the MLE of the data as weighted by class but ridge []")
    sgd = SGDClassifier(loss="log_loss", random_state=1).fit(X, y)
    found = of_sklearn(sgd, X, y, asked=["loss", "random_state"])
    assert found["good"] is False
    assert found["details"] == ["alpha=0.0001"]


def test_class_weights_that_were_asked_for_are_what_they_look_like():
    X, y = data(6)
    for given in ("balanced", {0: 1.0, 1: 3.5}, {1: 2.0}):
        fit = LogisticRegression(class_weight=given, **EXACT).fit(X, y)
        found = of_sklearn(fit, X, y, asked=["class_weight", "C"])
        assert found["good"] is True
        assert found["verdict"].startswith("the MLE of the data as weighted by class, proved to ")
    weights = np.random.default_rng(1).uniform(0.5, 2, size=len(y))
    fit = LogisticRegression(class_weight={1: 2.0}, **EXACT).fit(X, y, weights)
    assert of_sklearn(fit, X, y, weights)["good"] is True
    assert of_sklearn(fit, X, y)["good"] is False  # other weights than it had


def test_a_search_for_the_penalty_asks_for_it():
    X, y = data(7)
    fit = quietly(LogisticRegressionCV(cv=3).fit, X, y)
    found = of_sklearn(fit, X, y, asked=["cv"])
    assert found["good"] is True
    assert found["verdict"].startswith("penalised, as asked: ridge")


def test_a_penalised_fit_far_from_its_own_maximum_is_told():
    X, y = data(8)
    X = X * [1e5, 1.0, 1e-3]
    with pytest.warns(ConvergenceWarning):
        fit = LogisticRegression(C=1.0, max_iter=2).fit(X, y)
    found = of_sklearn(fit, X, y, asked=["C"])
    assert (found["kind"], found["good"]) == ("not converged", False)
    assert found["distance"] > 0.1
    assert "from its maximum: it has not converged, as it says; raise max_iter" in found["verdict"]
    fit = quietly(LogisticRegression(C=1.0, max_iter=100).fit, X, y)
    assert fit.n_iter_[0] < 100
    assert of_sklearn(fit, X, y, asked=["C"])["good"] is True


def test_where_no_mle_exists_that_is_said():
    X, _ = data(9)
    separated = (X[:, 0] > 0).astype(int)
    for found in (
        of_sklearn(LogisticRegression(C=np.inf).fit(X, separated), X, separated, asked=["C"]),
        of_statsmodels(quietly(sm.GLM(separated, X, family=sm.families.Binomial()).fit)),
    ):
        assert (found["kind"], found["good"]) == ("no mle", False)
        assert "complete separation" in found["verdict"]
    default = of_sklearn(LogisticRegression().fit(X, separated), X, separated)
    assert default["good"] is False
    assert "; these data have no MLE" in default["verdict"]
    frame = load_endometrial()
    glm = smf.glm("HG ~ NV + PI + EH", frame, family=sm.families.Binomial())
    assert "'NV' to +infinity" in of_statsmodels(quietly(glm.fit))["verdict"]
    twice = np.column_stack([X, X[:, 0]])
    found = of_statsmodels(quietly(sm.GLM(data(9)[1], twice, family=sm.families.Binomial()).fit))
    assert "not unique" in found["verdict"]


def test_what_is_no_binary_logistic_fit_is_not_judged():
    X, y = data(10)
    three = np.arange(len(y)) % 3
    found = of_sklearn(LogisticRegression().fit(X, three), X, three)
    assert (found["kind"], found["verdict"]) == ("other", "of more than two classes")
    assert of_sklearn(SGDClassifier().fit(X, y), X, y) is None
    probit = sm.GLM(y, X, family=sm.families.Binomial(sm.families.links.Probit()))
    assert of_statsmodels(probit.fit())["kind"] == "other"
    assert of_statsmodels(sm.GLM(y, X).fit()) is None
    assert of_statsmodels(sm.GLM(y, X, family=sm.families.Poisson()).fit()) is None


def test_coefficients_that_are_not_finite_are_told():
    X, y = data(11)
    fit = LogisticRegression(**EXACT).fit(X, y)
    fit.coef_[0, 1] = np.nan
    found = of_sklearn(fit, X, y)
    assert (found["kind"], found["good"]) == ("not finite", False)


def test_columns_far_from_zero_are_never_called_wrong_without_proof():
    X, y = data(12, k=1)
    X = X + 1e12 * X.std()
    result = quietly(sm.GLM(y, sm.add_constant(X), family=sm.families.Binomial()).fit)
    found = of_statsmodels(result)
    assert found["good"] in (None, False)
    assert (found["good"] is None) == (found["kind"] == "unproved"), found


def test_memory_is_left_to_the_script(monkeypatch):
    X, y = data(13)
    fit = LogisticRegression(**EXACT).fit(X, y)
    monkeypatch.setattr(watched_fits, "SMALL", 0)
    monkeypatch.setattr(watched_fits, "free_memory", lambda: 4 * 8 * X.size - 1)
    with pytest.raises(InputError, match=r"takes 0\.0 GiB of memory, and 0\.0 are free"):
        of_sklearn(fit, X, y)
    with pytest.raises(InputError, match="GiB"):
        of_statsmodels(sm.Logit(y, X).fit(disp=0))
    monkeypatch.setattr(watched_fits, "free_memory", lambda: 4 * 8 * X.size)
    assert of_sklearn(fit, X, y)["good"] is True


def test_free_memory_is_what_the_system_says():
    free = free_memory()
    assert free > 2**20
    assert (free < math.inf) == os.path.exists("/proc/meminfo")
