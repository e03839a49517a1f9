import json
import warnings

import foreign_fits
import numpy as np
import pandas as pd
import pytest
from sklearn_penalties import l1

import flatprior as fp
from flatprior.analysis.auditing.audit import audit

MAKERS = [(package, make) for package, makers in foreign_fits.RIGHT.items() for make in makers]


def quiet(make, *args, **kwargs):
    """Programs warn of what they are asked to do here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*args, **kwargs)


@pytest.mark.parametrize(("package", "make"), MAKERS, ids=[make.__name__ for _, make in MAKERS])
@pytest.mark.parametrize("order", ["shuffled", "sorted"])
def test_a_right_fit_passes_whoever_made_it(package, make, order):
    if not foreign_fits.available(package):
        pytest.skip(f"{package} is not installed")
    for seed in range(2):
        found = audit_of(quiet(make, foreign_fits.data(np.random.default_rng(seed), order)))
        assert found.exists
        assert found.is_mle, found.message
        assert found.error_bound < 1e-6
        assert found.passed, found.message
        assert found.cause == "agreement"
        assert found.certain
        assert not found.cure
        json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(("package", "make"), MAKERS, ids=[make.__name__ for _, make in MAKERS])
def test_a_fit_of_separated_data_does_not_pass(package, make):
    if not foreign_fits.available(package):
        pytest.skip(f"{package} is not installed")
    if make.__name__ in ("logistic_mle", "pyfixest", "pyfixest_effects"):
        pytest.skip("refuses such data, or leaves their rows out")
    try:
        fitted = quiet(make, foreign_fits.separated(np.random.default_rng(3)))
    except np.linalg.LinAlgError:
        pytest.skip("fails on such data by itself")
    found = audit_of(fitted)
    assert not found.exists
    assert not found.passed
    assert not found.is_mle
    assert "there is no maximum likelihood estimate (quasi-complete separation)" in found.verdict


def audit_of(fitted):
    """`audit` of what a maker returns: the fit, its data, its weights."""
    fit, *rest = fitted
    offset = rest.pop() if len(rest) == 4 else None
    weights = rest.pop() if len(rest) == 3 else None
    return audit(fit, *rest, sample_weight=weights, offset=offset)


def spector():
    data = fp.load_spector()
    return data[["gpa", "tuce", "psi"]], data["grade"]


def test_scikit_learn_s_default_is_named_with_what_to_type():
    from sklearn.linear_model import LogisticRegression

    X, y = spector()
    found = audit(LogisticRegression(tol=1e-8, max_iter=10_000).fit(X, y), X, y)
    assert (found.cause, found.certain, found.passed) == ("ridge penalty", True, False)
    assert "which is scikit-learn's default" in found.message
    assert "LogisticRegression(C=np.inf" in found.cure
    assert found.distance == pytest.approx(1.3, abs=0.1)


@pytest.mark.parametrize(
    ("settings", "cause"),
    [
        ({"C": 0.3}, "ridge penalty"),
        ({"solver": "liblinear", "tol": 1e-10}, "ridge penalty"),
        ({"C": 0.5, "solver": "saga", **l1()}, "lasso penalty"),
        ({"C": 0.5, "solver": "saga", **l1(0.5)}, "elastic net"),
        ({"C": np.inf, "class_weight": "balanced", "solver": "newton-cg"}, "class weights"),
        ({"C": np.inf, "class_weight": {0: 1, 1: 3}, "solver": "newton-cg"}, "class weights"),
    ],
)
def test_what_the_settings_say_is_held_to_its_own_equation(settings, cause):
    from sklearn.linear_model import LogisticRegression

    X, y = spector()
    standard = (X - X.mean()) / X.std()
    made = LogisticRegression(**{"tol": 1e-9, "max_iter": 100_000} | settings)
    found = audit(quiet(made.fit, standard, y), standard, y)
    assert (found.cause, found.certain, found.passed) == (cause, True, False)
    assert found.asked.distance < 1e-3


def test_settings_that_are_not_kept_are_not_believed():
    from sklearn.linear_model import LogisticRegression

    X, y = spector()
    liar = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(X, y)
    liar.C, liar.coef_ = 1.0, liar.coef_ * 1.5
    found = audit(liar, X, y)
    assert not found.passed
    assert not (found.cause == "ridge penalty" and found.certain)


def test_an_optimiser_that_stopped_at_its_own_rule_is_named_so():
    from sklearn.linear_model import LogisticRegression

    X, y = spector()
    found = audit(LogisticRegression(C=np.inf, tol=1e-4, max_iter=10_000).fit(X, y), X, y)
    assert (found.cause, found.certain, found.passed) == ("stopped early", True, False)
    assert "0.0001" in found.message
    assert 1e-6 < found.distance < 1e-2
    ended = quiet(LogisticRegression(C=np.inf, max_iter=5).fit, X, y)
    assert audit(ended, X, y).cause == "stopped early"


def test_a_dummy_too_many_leaves_the_probabilities_right():
    from sklearn.linear_model import LogisticRegression

    data = foreign_fits.data(np.random.default_rng(1))
    full = data.numbers.assign(g_a=1.0 - data.numbers["g_b"] - data.numbers["g_c"])
    fit = LogisticRegression(C=np.inf, solver="lbfgs", tol=1e-10, max_iter=10_000)
    found = audit(quiet(fit.fit, full, data.y), full, data.y)
    assert not found.exists
    assert not found.passed
    assert "the fitted probabilities are right" in found.verdict or found.cause == "stopped early"
    assert "drop" in found.cure
    wrong = LogisticRegression(C=1.0).fit(full, data.y)
    assert audit(wrong, full, data.y).cause == "ridge penalty"


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


def test_what_is_not_known_is_said_in_one_sentence():
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression, LogisticRegression

    X, y = spector()
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    with pytest.raises(TypeError, match="audit takes fits of statsmodels"):
        audit(object(), model)
    with pytest.raises(TypeError, match=r"LogisticRegression, .* not RandomForestClassifier"):
        audit(RandomForestClassifier(), X, y)
    with pytest.raises(TypeError, match="not LinearRegression"):
        audit(LinearRegression().fit(X, y), X, y)
    with pytest.raises(ValueError, match="is not fitted"):
        audit(LogisticRegression(), X, y)
    with pytest.raises(ValueError, match="holds no data"):
        audit(LogisticRegression().fit(X, y))
    with pytest.raises(ValueError, match="pass the data that were fitted"):
        audit(LogisticRegression().fit(X, y), X[["gpa"]], y)
    with pytest.raises(ValueError, match="need the model"):
        audit({"gpa": 1.0})


def test_standard_errors_of_groups_are_of_the_iterate_before():
    """statsmodels begins at fitted shares of (s + 1/2) / 2, and stops before errors settle."""
    found = audit_of(foreign_fits.glm_shares(foreign_fits.data(np.random.default_rng([1, 158]))))
    assert found.passed, found.message
    errors = found.printed[found.printed["quantity"] == "standard error"]
    assert set(errors["convention"]) == {"one iteration old (iterated least squares of groups)"}


WRONG = [(truth, *made) for truth, makers in foreign_fits.WRONG.items() for made in makers]


@pytest.mark.parametrize("order", ["shuffled", "sorted"])
@pytest.mark.parametrize(("truth", "package", "make"), WRONG)
def test_what_is_wrong_is_named_and_nothing_else_is_certain(truth, package, make, order):
    if not foreign_fits.available(package):
        pytest.skip(f"{package} is not installed")
    made = quiet(make, foreign_fits.data(np.random.default_rng(11), order, n=250))
    found = audit(made[0][0], made[1]) if isinstance(made[0], tuple) else audit_of(made)
    assert not found.passed
    assert found.cause == truth, found.message
    assert found.cure


def test_draws_are_held_to_every_claim(tmp_path):
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + psi", fp.load_spector())
    posterior = fp.sample_independence(model, seed=1, progress=False)
    posterior.save(tmp_path / "draws.nc")
    for right in (posterior, posterior.draws, posterior.to_arviz(model), tmp_path / "draws.nc"):
        found = audit(right, model)
        assert found.passed
        assert found.posterior_check.passed
        assert found.cause == "agreement"
        json.dumps(found.to_dict(), allow_nan=False)
    flipped = audit(-posterior.draws, model)
    assert not flipped.passed
    assert flipped.cause == "response flipped"
    assert not flipped.certain  # without the density there is no proof
    assert "code the outcome the other way round" in flipped.message
    assert "code the outcome" in str(flipped)
    with pytest.raises(ValueError, match="draws need the model"):
        audit(posterior.draws)
    separated = fp.BernoulliLogistic.from_formula("HG ~ NV", fp.load_endometrial())
    none = audit(np.zeros((4, 100, 2)), separated)
    assert not none.exists
    assert "there is no maximum likelihood estimate" in none.verdict


def test_a_table_of_some_of_the_terms(tmp_path):
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    table = tmp_path / "table.csv"
    table.write_text("term,OR,lower,upper\ngpa,16.88,1.42,200.65\npsi,10.79,1.34,86.94\n")
    table.write_text("term,estimate,std.error\ngpa,2.826,1.263\npsi,2.379,1.065\n")
    found = audit(table, model)
    assert found.passed, found.message
    assert "2 of 4 coefficients are stated" in found.notes
    table.write_text("term,estimate,std.error\ngpa,2.926,1.263\npsi,2.379,1.065\n")
    found = audit(table, model)
    assert not found.is_mle
    assert "coefficient of gpa is stated as 2.926, and is 2.82611" in found.message
    table.write_text("term,estimate\ngpa,2.82611\ntuce,0.0951577\npsi,2.37869\n")
    assert audit(table, model).passed  # the intercept is not shown
    without = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi - 1", fp.load_spector())
    fp.fit_newton(without).summary().to_csv(table)
    assert audit(table, model).cause == "missing intercept"
    assert audit(dict(fp.fit_newton(without).params), model).cause == "missing intercept"
    table.write_text("term,estimate\ngpa,2.826\nage,0.1\n")
    with pytest.raises(ValueError, match="has age besides"):
        audit(table, model)


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


def test_odds_ratios_are_judged_alone_and_beside_coefficients(tmp_path):
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    table = tmp_path / "table.csv"
    table.write_text("term,OR\ngpa,16.88\ntuce,1.10\npsi,10.79\n")
    assert audit(table, model).passed
    table.write_text("term,OR\ngpa,17.9\ntuce,1.10\npsi,10.79\n")
    found = audit(table, model)
    assert not found.passed
    assert "odds ratio of gpa is stated as 17.9, and is 16.879" in found.message
    rows = ["Intercept,-13.021,2.2e-06", "gpa,2.826,16.88", "tuce,0.095,1.10", "psi,2.379,10.79"]
    table.write_text("\n".join(["term,estimate,odds ratio", *rows]))
    assert audit(table, model).passed
    table.write_text("\n".join(["term,estimate,odds ratio", *rows]).replace("16.88", "16.98"))
    found = audit(table, model)
    assert found.is_mle
    assert not found.passed
    assert [each.term for each in found.off] == ["gpa"]


def test_the_order_of_terms_is_theirs(tmp_path):
    """Stata and others print the intercept last; units and penalties go with their terms."""
    from sklearn.linear_model import LogisticRegression

    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    table = tmp_path / "table.csv"
    rows = ["gpa,2.826", "tuce,0.0952", "psi,2.3787", "_cons,-13.0"]
    table.write_text("\n".join(["term,estimate", *rows]))
    assert audit(table, model).passed
    table.write_text("\n".join(["term,estimate", *rows]).replace("-13.0", "-13.400"))
    assert not audit(table, model).passed
    X, y = spector()
    last = X.assign(const=1.0)
    fit = LogisticRegression(C=0.1, fit_intercept=False, tol=1e-9).fit(last, y)
    for found in (audit(fit, last, y), audit(fit, model)):
        assert (found.cause, found.certain) == ("ridge penalty", True)


def test_nothing_that_is_passed_goes_unheard():
    import statsmodels.formula.api as smf

    X, y = spector()
    data = fp.load_spector()
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    result = smf.logit("grade ~ gpa + tuce + psi", data).fit(disp=0)
    for given in ((X, 1 - y), (X[["gpa"]], y), (X,)):
        with pytest.raises(ValueError, match="holds its data"):
            audit(result, *given)
    with pytest.raises(ValueError, match="a formula needs data"):
        audit(result, "grade ~ gpa")
    with pytest.raises(ValueError, match="the model holds response, weights and offset"):
        audit(result, model, 1 - y)
    with pytest.raises(ValueError, match="the model holds"):
        audit(dict(result.params), model, sample_weight=np.ones(32))
    with pytest.raises(ValueError, match="variables are of draws"):
        audit(result, model, variables={"gpa": "x"})
    for tolerance in (np.inf, True, 2.0):
        with pytest.raises(ValueError, match="tolerance must be at most"):
            audit(result, tolerance=tolerance)


def test_an_early_stop_is_certain_only_near_the_estimate():
    from sklearn.linear_model import LogisticRegression

    X, y = spector()
    weights = 1.0 + np.arange(32) % 3
    fit = quiet(LogisticRegression(C=np.inf, max_iter=8).fit, X, y, weights)
    found = audit(fit, X, y)  # the weights are forgotten
    assert not (found.cause == "stopped early" and found.certain)


def test_pipelines_with_dependent_columns_and_tables_as_data_frames():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    X, y = spector()
    fit = make_pipeline(StandardScaler(), PolynomialFeatures(1), LogisticRegression(C=np.inf))
    found = audit(quiet(fit.fit, X, y), X, y)  # it adds a second column of ones
    assert found.existence.kind == "rank deficient"
    assert "the column that the others make up" in found.cure
    plain = Pipeline([("nothing", "passthrough"), ("fit", LogisticRegression())]).fit(X, y)
    assert audit(plain, X, y).cause == "ridge penalty"
    with pytest.raises(ValueError, match="is not fitted"):
        audit(make_pipeline(StandardScaler(), LogisticRegression()), X, y)
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    frame = pd.DataFrame({"term": ["gpa", "psi"], "estimate": ["2.826", "2.379"]})
    assert audit(frame, model).passed
    column = y.to_frame()
    assert audit(quiet(LogisticRegression().fit, X, column), X, column).cause == "ridge penalty"


def test_a_wrong_coefficient_of_a_table_is_named(tmp_path):
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    table = tmp_path / "table.csv"
    table.write_text("term,estimate\nIntercept,-13.021\ngpa,2.826\ntuce,0.0952\npsi,2.397\n")
    found = audit(table, model)
    assert "coefficient of psi is stated as 2.397, and is 2.37869" in found.message
    assert "stated as 2.397" in str(found)


@pytest.mark.parametrize(
    ("covariance", "words"),
    [
        ({"cov_type": "HAC", "cov_kwds": {"maxlags": 2}}, "they are of cov_type 'HAC'"),
        (
            {"cov_type": "cluster", "cov_kwds": {"groups": np.arange(32) % 8}, "use_t": True},
            "with quantiles of t",
        ),
    ],
)
def test_standard_errors_of_kinds_that_are_not_computed_are_not_judged(covariance, words):
    import statsmodels.api as sm

    X, y = spector()
    found = audit(quiet(sm.Logit(y, sm.add_constant(X)).fit, disp=0, **covariance))
    assert found.passed, found.message
    assert words in str(found.notes)
    assert "standard error" not in set(found.printed["quantity"])


def test_groups_with_a_dispersion_are_judged_but_for_their_errors():
    import statsmodels.formula.api as smf
    from statsmodels.genmod.families import Binomial

    frame = pd.DataFrame({"s": [3, 5, 9, 12], "f": [9, 8, 6, 2], "x": [0.0, 1.0, 2.0, 3.0]})
    found = audit(smf.glm("s + f ~ x", frame, family=Binomial()).fit(scale="X2"))
    assert found.passed, found.message
    assert "robust or scaled ones of groups" in str(found.notes)


@pytest.mark.parametrize(
    "given",
    [
        {"gpa": "x", "tuce": 1.0, "psi": 1.0, "Intercept": 0.0},
        {"gpa": None, "tuce": 1.0, "psi": 1.0, "Intercept": 0.0},
        {"gpa": 1j, "tuce": 1.0, "psi": 1.0, "Intercept": 0.0},
        [[1.0], [1.0, 2.0]],
        [np.inf, 1.0, 1.0, 1.0],
        [np.nan, 1.0, 1.0, 1.0],
        [1.0, 2.0],
        "",
        ".",
        "a\0b",
    ],
)
def test_what_is_no_fit_is_refused_in_one_sentence(given):
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    with pytest.raises(fp.FlatpriorError):
        audit(given, model)


def test_zeros_that_are_written_are_digits(tmp_path):
    """2.80000 is not the estimate of 2.82611, though the double 2.8 may be."""
    from sklearn.linear_model import LogisticRegression

    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    table = tmp_path / "table.csv"
    rounded = "term,estimate\nIntercept,-13.0{0}\ngpa,2.8{0}\ntuce,0.1{0}\npsi,2.4{0}\n"
    table.write_text(rounded.format(""))
    assert audit(table, model).passed
    table.write_text(rounded.format("0000"))
    assert not audit(table, model).passed
    assert audit(table, model).cause == "none of these"
    X, y = spector()
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(X, y)
    right = fit.coef_
    fit.coef_, fit.intercept_ = np.array([[2.8, 0.1, 2.4]]), np.array([-13.0])
    assert not audit(fit, X, y).passed
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10).fit(X, y)
    fit.coef_ = right * (1 + 1e-8)
    assert audit(fit, X, y).passed
    assert not audit(fit, X, y, tolerance=1e-11).passed
    anywhere = LogisticRegression(tol=10.0).fit(X, y)  # it stops where it begins
    assert not audit(anywhere, X, y).certain


def test_a_penalty_that_moves_nothing_is_no_cause():
    """C = 1e9 is how people ask for no penalty; what is left is where the optimiser stopped."""
    from sklearn.linear_model import LogisticRegression

    X, y = spector()
    found = audit(LogisticRegression(C=1e9, max_iter=10_000).fit(X, y), X, y)
    assert (found.cause, found.certain) == ("stopped early", True)
    small = audit(LogisticRegression(C=1e4, tol=1e-10, max_iter=10_000).fit(X, y), X, y)
    assert (small.cause, small.certain) == ("ridge penalty", True)
    both = audit(LogisticRegression(C=1e5, tol=1e-4, max_iter=10_000).fit(X, y), X, y)
    assert not both.passed
    assert both.cause in ("ridge penalty", "stopped early", "none of these")
