import foreign_fits
import numpy as np
import pandas as pd
import places
import pytest
import statsmodels.formula.api as smf
from foreign_fits import audit_of, quiet, spector
from sklearn_penalties import l1

import flatprior as fp
from flatprior.analysis.auditing.audit import audit
from flatprior.analysis.auditing.judging import judge_fit
from flatprior.analysis.producers.theirs import Stated, TheirFit
from flatprior.models.batches import first_pass


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


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("order", ["shuffled", "sorted"])
def test_a_stochastic_gradient_is_not_the_estimate_and_what_to_type_is_said(weighted, order):
    from sklearn.linear_model import SGDClassifier

    data = foreign_fits.data(np.random.default_rng(5), order)
    X, y, weights = data.numbers, data.y, data.frame["w"] if weighted else None
    for settings in ({}, {"max_iter": 20, "tol": None, "eta0": 0.002, "learning_rate": "constant"}):
        fit = SGDClassifier(loss="log_loss", penalty=None, random_state=1, **settings)
        found = audit(fit.fit(X, y, sample_weight=weights), X, y, sample_weight=weights)
        assert not found.passed
        assert not found.certain  # it has a rule of its own, which is no evidence
        assert "a stochastic gradient does not end at the maximum" in found.cure
        assert found.distance > 1e-3
        if settings:
            assert "says itself that it has not converged" in found.message


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


def test_standard_errors_of_groups_are_of_the_iterate_before():
    """statsmodels begins at fitted shares of (s + 1/2) / 2, and stops before errors settle."""
    found = audit_of(foreign_fits.glm_shares(foreign_fits.data(np.random.default_rng([1, 158]))))
    assert found.passed, found.message
    errors = found.printed[found.printed["quantity"] == "standard error"]
    assert set(errors["convention"]) == {"one iteration old (iterated least squares of groups)"}


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


def test_an_early_stop_is_certain_only_near_the_estimate():
    from sklearn.linear_model import LogisticRegression

    X, y = spector()
    weights = 1.0 + np.arange(32) % 3
    fit = quiet(LogisticRegression(C=np.inf, max_iter=8).fit, X, y, weights)
    found = audit(fit, X, y)  # the weights are forgotten
    assert not (found.cause == "stopped early" and found.certain)


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


def two_levels(n=300):
    rng = np.random.default_rng(31)
    frame = pd.DataFrame({"g": rng.choice(["<30", ">30", "30-50"], n), "x": rng.normal(size=n)})
    frame["k"] = rng.integers(0, 2, n)
    log_odds = 0.5 * frame["x"] + 1.2 * (frame["g"] == ">30") - 0.8 * frame["k"]
    frame["y"] = (rng.random(n) < 1 / (1 + np.exp(-log_odds))).astype(int)
    return frame


def test_levels_whose_names_differ_in_signs_alone_are_not_exchanged():
    frame = two_levels()
    model = fp.BernoulliLogistic.from_formula("y ~ C(g, Treatment('30-50')) + x", frame)
    intercept, *levels, x = fp.fit_newton(model).coefficients
    for order in ((0, 1), (1, 0)):
        labels = ["g<30", "g>30"]
        right = {labels[i]: levels[i] for i in order}
        wrong = {labels[i]: levels[1 - i] for i in order}
        assert audit({"(Intercept)": intercept, **right, "x": x}, model).passed
        assert not audit({"(Intercept)": intercept, **wrong, "x": x}, model).passed


def test_a_column_of_another_name_is_no_level():
    frame = two_levels().assign(k1=np.linspace(0, 1, 300))
    model = fp.BernoulliLogistic.from_formula("y ~ k1 + x", frame)
    intercept, k1, x = fp.fit_newton(model).coefficients
    with pytest.raises(ValueError, match="lacks k1 and has"):
        audit({"Intercept": intercept, "C(k)[T.1]": k1, "x": x}, model)
    both = fp.BernoulliLogistic.from_formula("y ~ k + k1", frame)
    assert audit(smf.logit("y ~ C(k) + k1", frame).fit(disp=0, tol=1e-12), both).passed


@pytest.mark.parametrize("coding", [(0, 1), (1, 0), (1, 2), (2, 1), (-1, 1)])
def test_two_levels_may_be_coded_in_any_way(coding):
    frame = two_levels()
    text = frame.assign(k=np.where(frame["k"] == 1, "yes", "no"))
    numbers = frame.assign(k=np.where(frame["k"] == 1, coding[1], coding[0]))
    model = fp.BernoulliLogistic.from_formula("y ~ k + x", text)
    found = audit(smf.logit("y ~ k + x", numbers).fit(disp=0, tol=1e-12), model)
    assert found.is_mle, found.message
    assert f"its levels taken for {coding[0]} and {coding[1]}" in found.recoded
    assert all(each.consistent is not False for each in found.numbers), found.message


def test_a_coefficient_a_level_in_place_of_the_intercept_and_a_column_called_const():
    frame = two_levels().assign(const=np.linspace(-1, 1, 300) ** 2)
    model = fp.BernoulliLogistic.from_formula("y ~ g + x", frame)
    found = audit(smf.logit("y ~ C(g) - 1 + x", frame).fit(disp=0, tol=1e-12), model)
    assert found.is_mle
    assert not found.off, found.message
    named = fp.BernoulliLogistic.from_formula("y ~ x + const", frame)
    fit = smf.logit("y ~ x + const", frame).fit(disp=0, tol=1e-12)
    assert audit(fit, named).passed
    assert audit({"(Intercept)": fit.params.iloc[0], **fit.params.iloc[1:]}, named).passed


@pytest.mark.parametrize("shown", [3, 2])
def test_what_is_not_judged_is_said_of_a_part_of_the_terms_too(shown):
    frame = two_levels()
    model = fp.BernoulliLogistic.from_formula("y ~ x + k", frame)
    fit = fp.fit_newton(model)
    terms = model.names[:shown]
    their = TheirFit(
        producer="glum",
        coefficients={term: fit.params[term] for term in terms},
        stated=tuple(
            Stated(term=term, quantity="standard error", value=9.0, unit=0.0) for term in terms
        ),
        may_be="they may be by clusters",
    )
    found = judge_fit(model, their)
    assert any("are not judged: they may be by clusters" in each for each in found.notes)


@pytest.mark.parametrize(("beside", "right"), [(0.5 - 1e-5, True), (0.5 + 2e-5, False)])
def test_a_digit_is_right_to_half_a_unit_and_no_further(beside, right):
    """One coefficient is so far from what is printed of it, which a unit of its column makes so."""
    data = fp.load_spector()
    formula = "grade ~ gpa + tuce + psi"
    slope = fp.fit_newton(fp.BernoulliLogistic.from_formula(formula, data)).coefficients[1]
    printed, unit = round(float(slope), 3), 0.001
    scaled = data.assign(gpa=data["gpa"] * slope / (printed + beside * unit))
    model = fp.BernoulliLogistic.from_formula(formula, scaled)
    fit = fp.fit_newton(model)
    assert fit.coefficients[1] - printed == pytest.approx(beside * unit, rel=1e-9)
    numbers = [f"{value:.3f}" for value in fit.coefficients]
    numbers[1] = f"{printed:.3f}"
    table = pd.DataFrame({"term": model.names, "estimate": numbers, "p": [""] * 4})
    assert audit(table, model).within_digits == right
    found = fp.explain_difference(model, dict(zip(model.names, map(float, numbers), strict=True)))
    assert (found.cause == "agreement") == right


def test_why_numbers_are_wrong_is_found_of_rows_in_files_too(tmp_path, monkeypatch):
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 100)
    frame, formula = places.shoppers(400), "bought ~ income + age"
    opposite = places.in_memory(frame.assign(bought=1 - frame["bought"]), tmp_path, formula)
    theirs = dict(zip(opposite.names, fp.fit_newton(opposite).coefficients, strict=True))
    expected = audit(theirs, places.in_memory(frame, tmp_path, formula))
    model = places.in_files(frame, tmp_path, formula)
    found = audit(theirs, model)
    assert (found.cause, found.certain, found.passed) == ("response flipped", True, False)
    assert found.verdict == expected.verdict
    assert found.explanation.message == expected.explanation.message
    assert found.cure == expected.cure
    assert found.explanation.passes.number > 1
    # and under names of their own
    renamed = dict(zip(["a", "b", "c"], theirs.values(), strict=True))
    messages = []
    for each in (model, places.in_memory(frame, tmp_path, formula)):
        with pytest.raises(ValueError, match="lacks income, age and has a, b, c") as refused:
            audit(renamed, each)
        messages.append(str(refused.value))
    assert messages[0] == messages[1]
