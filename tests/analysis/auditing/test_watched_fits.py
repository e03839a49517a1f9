import copy
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


def of_statsmodels(result, tolerance=1e-6, **given):
    what = f"statsmodels {type(result.model).__name__}"
    return judged(what, result, given, frozenset(), True, True, tolerance)


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
    # of an estimator that nobody saw made, what is not the very default was asked for
    plain = LogisticRegression(**{"penalty": "l2"} if NAMED else {}).fit(X, y)
    named = "penalty" in options and "C" not in options  # a word is one object wherever it stands
    for each in (fit, copy.deepcopy(fit)):
        assert of_sklearn(each, X, y)["good"] is not (named and words == "ridge")
    assert of_sklearn(copy.deepcopy(plain), X, y)["good"] is False


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


def of_glm(X, y, **options):
    fit = quietly(sm.GLM(y, X, family=sm.families.Binomial()).fit_regularized, **options)
    return of_statsmodels(fit, alpha=options.get("alpha"), L1_wt=options.get("L1_wt"))


@pytest.mark.parametrize(
    ("alpha", "share", "name", "detail"),
    [
        (0.1, None, "lasso", "alpha=0.1"),
        (0.1, 1.0, "lasso", "alpha=0.1, L1_wt=1"),
        (0.1, 0.5, "elastic net", "alpha=0.1, L1_wt=0.5"),
        (0.1, 0.0, "ridge", "alpha=0.1, L1_wt=0"),
        ([0.0, 0.1, 0.2], 0.3, "elastic net", "alpha=0 to 0.2, L1_wt=0.3"),
    ],
)
def test_a_penalty_of_a_glm_is_named_and_held_to_its_own_maximum(alpha, share, name, detail):
    X, y = data(14)
    alpha = np.array(alpha) if isinstance(alpha, list) else alpha
    options = {"alpha": alpha} | ({} if share is None else {"L1_wt": share})
    found = of_glm(X, y, **options)
    assert (found["good"], found["details"]) == (True, [detail])
    assert found["verdict"] == f"penalised, as asked: {name} []"
    if share != 0:  # of ridge statsmodels does not take maxiter
        early = of_glm(X, y, maxiter=1, **options)
        assert (early["kind"], early["good"]) == ("not converged", False)
        assert early["verdict"].startswith(f"NOT {name} [], as asked, but ")
        assert "as it says; raise maxiter" in early["verdict"]
    # held to another penalty than it had, it is not at its maximum; nobody says that it should be
    fit = quietly(sm.GLM(y, X, family=sm.families.Binomial()).fit_regularized, **options)
    fit._results.converged = None
    assert of_statsmodels(fit, **options)["good"] is True
    other = of_statsmodels(fit, **options | {"alpha": 2 * options["alpha"]})
    assert other["good"] is False
    assert "it has not converged; raise" in other["verdict"]


def test_a_lasso_of_a_logit_is_named_and_without_a_penalty_it_was_to_be_the_mle():
    X, y = data(15)
    fit = sm.Logit(y, X).fit_regularized(alpha=[0.0, 3.0, 1.0], disp=0)
    found = of_statsmodels(fit)
    assert (found["good"], found["details"]) == (True, ["alpha=0 to 3"])
    assert found["verdict"] == "penalised, as asked: lasso []"
    early = quietly(sm.Logit(y, X).fit_regularized, alpha=2.0, maxiter=1, disp=0)
    assert of_statsmodels(early)["kind"] == "not converged"
    for each in (
        of_statsmodels(sm.Logit(y, X).fit_regularized(alpha=0.0, disp=0, acc=1e-14)),
        of_statsmodels(sm.Logit(y, X).fit_regularized(disp=0, acc=1e-14)),
        of_glm(X, y, alpha=0.0, maxiter=200),
        of_glm(X, y, maxiter=200),
    ):
        assert each["kind"] in ("mle", "not the mle")  # it is judged, whichever it is
        assert each["good"] is (each["distance"] <= 1e-6)
    fit = quietly(sm.Logit(y, X).fit_regularized, disp=0, maxiter=2)
    assert of_statsmodels(fit)["kind"] == "not the mle"
    refit = of_glm(X, y, alpha=0.1, refit=True)
    assert refit["verdict"] == "penalised, as asked: lasso and a refit of what it kept []"


@pytest.mark.parametrize("kind", ["Logit", "GLM"])
def test_a_fit_under_constraints_is_held_to_these(kind):
    X, y = data(16)
    X = X / X.std(axis=0)
    family = {"family": sm.families.Binomial()} if kind == "GLM" else {}
    model = getattr(sm, kind)(y, X, **family)
    fit = model.fit_constrained("x1 = x2", disp=0)
    together = fit_newton(
        BernoulliLogistic.from_arrays(np.column_stack([X[:, 0] + X[:, 1], X[:, 2]]), y)
    )
    assert fit.params[[0, 2]] == pytest.approx(together.coefficients, abs=1e-9)
    found = of_statsmodels(fit)
    assert found["good"] is True
    assert found["verdict"].startswith("the MLE under 1 constraint, proved to ")
    apart = getattr(sm, kind)((X[:, 2] > 0).astype(int), X, **family)
    if kind == "GLM":  # Logit itself fails there before statsmodels 0.15
        found = of_statsmodels(quietly(apart.fit_constrained, "x1 = x2"))
        reason = "as there is none: complete separation"
        assert found["verdict"] == f"NOT the MLE under 1 constraint, {reason}"
    early = quietly(model.fit_constrained, ["x1 = 0.5", "x2 = x3"], maxiter=1, disp=0)
    found = of_statsmodels(early)
    assert found["good"] is False
    assert found["verdict"].startswith("NOT the MLE under 2 constraints but ")
    assert "says itself that it has not converged" in found["verdict"]


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
    some = SGDClassifier(loss="log_loss").partial_fit(X, y, classes=[0, 1])
    found = judged("scikit-learn SGDClassifier", some, {}, frozenset(), True, True, 1e-6)
    assert found["verdict"] == "by partial_fit, which is of some rows at a time"
    some = SGDClassifier().partial_fit(X, y, classes=[0, 1])
    assert judged("scikit-learn SGDClassifier", some, {}, frozenset(), True, True, 1e-6) is None
    probit = sm.GLM(y, X, family=sm.families.Binomial(sm.families.links.Probit()))
    assert of_statsmodels(probit.fit())["kind"] == "other"
    for fit in (sm.Probit(y, X).fit(disp=0), sm.Probit(y, X).fit_constrained("x1 = 0", disp=0)):
        assert of_statsmodels(fit)["kind"] == "other"
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
