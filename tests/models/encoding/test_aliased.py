"""Columns that are combinations of others are left out as R leaves them out."""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from command_line import run
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import (
    audit,
    explain_difference,
    likelihood_ratio_test,
    predict,
    robust_covariance,
    score_test,
    wald_test,
)
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    PointEstimate,
    check_existence,
    fit_newton,
    sample_independence,
    verify,
)
from flatprior.models.encoding.aliased import combination

DATA = Path(__file__).parents[2] / "data" / "empty_cells.csv"
CELLS = pd.read_csv(DATA)
THIRD_ORDER = "y ~ (A + B + D)**3"
# R 4.3: m <- glm(y ~ (A + B + D)^3, binomial, data); logLik(m); m$rank; coef(m)[is.na(coef(m))]
SUPREMUM, RANK = -162.3152680124, 21
NOT_AVAILABLE = [
    *("A[T.c]:B[T.b]", "A[T.c]:B[T.c]", "A[T.c]:B[T.b]:D[T.b]", "A[T.c]:B[T.c]:D[T.b]"),
    *("A[T.c]:B[T.b]:D[T.c]", "A[T.c]:B[T.c]:D[T.c]"),
]


@pytest.fixture(scope="module")
def model():
    return BernoulliLogistic.from_formula(THIRD_ORDER, CELLS, aliased="drop")


def test_what_is_na_in_r_is_left_out_and_named(model):
    fit = fit_newton(model)
    assert list(model.aliased.names) == NOT_AVAILABLE
    assert fit.log_likelihood == pytest.approx(SUPREMUM, abs=1e-10)
    assert len(fit.names) == RANK
    assert list(check_existence(model).dependencies) == []
    said = [fact for fact in model.facts if fact.startswith("6 coefficients left out")]
    assert len(said) == 1
    assert all(name in said[0] for name in NOT_AVAILABLE)
    assert fit.provenance.aliased == model.aliased.names


def test_it_is_the_model_of_the_columns_that_are_left(model):
    whole = BernoulliLogistic.from_formula(THIRD_ORDER, CELLS)
    with pytest.raises(MLEDoesNotExistError, match=r"aliased=.drop"):
        fit_newton(whole)
    table = pd.DataFrame(whole.design, columns=whole.names)
    by_hand = BernoulliLogistic.from_arrays(table[list(model.names)], CELLS["y"].rename("y"))
    assert by_hand.data_hash == model.data_hash == whole.without_aliased().data_hash
    from_columns = BernoulliLogistic.from_arrays(table, CELLS["y"], aliased="drop")
    assert from_columns.data_hash == model.data_hash
    assert model.without_aliased() is model


def test_cells_have_their_own_proportions_and_empty_ones_no_prediction(model):
    fit = fit_newton(model)
    proportions = CELLS.groupby(["A", "B", "D"])["y"].transform("mean")
    for result in (fit, robust_covariance(model, fit)):
        table = predict(model, result, CELLS)
        assert table["probability"].to_numpy() == pytest.approx(proportions.to_numpy(), abs=1e-11)
        assert table.columns.name == (None if result is fit else "SE: HC0")
    new = pd.DataFrame({"A": ["a", "b", "a"], "B": ["c", "c", "a"], "D": "b"})
    for result in (fit, sample_independence(model, draws=100, seed=1, progress=False)):
        for interval in ("eti",) if result is fit else ("eti", "hdi"):
            table = predict(model, result, new, interval=interval)
            assert table["probability"].isna().tolist() == [True, False, False]
            assert "nothing is known of row 0: columns that the model left out" in (
                table.columns.name
            )


def test_columns_in_another_order_leave_others_out_and_say_the_same():
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60, 3))
    X = np.column_stack([X, X @ [1.0, -2.0, 0.5], 3.0 * X[:, 1]])
    y = (rng.random(60) < expit(X[:, 0])).astype(float)
    names = list("abcde")
    new = rng.normal(size=(4, 5))
    new[:2, 3:] = np.column_stack([new[:2, :3] @ [1.0, -2.0, 0.5], 3.0 * new[:2, 1]])
    found = []
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [3, 0, 4, 2, 1]):
        model = BernoulliLogistic.from_arrays(
            pd.DataFrame(X[:, order], columns=[names[j] for j in order]),
            y,
            intercept=True,
            aliased="drop",
        )
        fit = fit_newton(model)
        assert model.names == ("const", *(names[j] for j in order[:3]))
        for rows in (new[:, order], pd.DataFrame(new, columns=names)):
            table = predict(model, fit, rows)
            assert table["probability"].isna().tolist() == [False, False, True, True]
            found.append(table["probability"].to_numpy())
        by_kept = predict(model, fit, model.design)["probability"].to_numpy()
        assert by_kept == pytest.approx(predict(model, fit, X[:, order])["probability"].to_numpy())
    for each in found:
        assert each[:2] == pytest.approx(found[0][:2], abs=1e-9)


def test_rows_in_batches_and_files_leave_out_the_same(model, tmp_path):
    half = len(CELLS) // 2
    (tmp_path / "parts").mkdir()
    CELLS[:half].to_parquet(tmp_path / "parts" / "1.parquet")
    CELLS[half:].to_parquet(tmp_path / "parts" / "2.parquet")
    batches = BernoulliLogistic.from_parquet(tmp_path / "parts", THIRD_ORDER, aliased="drop")
    assert batches.names == model.names
    assert batches.data_hash == model.data_hash
    assert batches.facts == model.facts
    fit = fit_newton(batches)
    assert fit.log_likelihood == pytest.approx(SUPREMUM, abs=1e-10)
    assert predict(batches, fit, CELLS).to_numpy() == pytest.approx(
        predict(model, fit_newton(model), CELLS).to_numpy(), abs=1e-9
    )
    path = tmp_path / "fit.json"
    fit.save(path)
    loaded = PointEstimate.load(path)
    assert loaded.provenance.aliased == model.aliased.names
    assert verify(model, loaded).error_bound < 1e-6


def test_where_nothing_depends_nothing_changes():
    frame = CELLS.assign(x=np.arange(len(CELLS)) % 7)
    plain = BernoulliLogistic.from_formula("y ~ x + A", frame)
    asked = BernoulliLogistic.from_formula("y ~ x + A", frame, aliased="drop")
    assert asked.aliased is None
    assert asked.data_hash == plain.data_hash
    assert asked.facts == plain.facts
    with pytest.raises(ValueError, match='aliased must be "raise" or "drop"'):
        BernoulliLogistic.from_formula("y ~ x", frame, aliased="keep")
    with pytest.raises(ValueError, match="every column of the design is 0"):
        BernoulliLogistic.from_arrays(np.zeros((4, 2)), [0, 1, 0, 1], aliased="drop")
    nearly = np.array([[2.0**60, 2.0**60], [2.0**60 + 256, 2.0**60], [2.0**60, 2.0**60 + 256]])
    with pytest.raises(ArithmeticError, match="undecided in double precision which columns"):
        BernoulliLogistic.from_arrays(nearly, [0, 1, 0], aliased="drop")


def test_arrays_that_are_not_copied_are_watched_still():
    X = np.array([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [4.0, 8.0]])
    y = np.array([0.0, 1.0, 0.0, 1.0])
    model = BernoulliLogistic.from_arrays(X, y, copy=False, aliased="drop")
    model.require_unchanged()
    y[0] = 1.0
    with pytest.raises(ValueError, match="have changed since"):
        model.require_unchanged()


def test_the_command_line_takes_the_option_and_a_report_remembers_it(tmp_path):
    out, page = tmp_path / "fit.json", tmp_path / "report.html"
    refused = run("fit", DATA, THIRD_ORDER)
    assert refused.exit_code == 1
    done = run("fit", DATA, THIRD_ORDER, "--aliased", "drop", "--json", out)
    assert done.exit_code == 0, done.output
    assert "6 coefficients left out" in " ".join(done.stdout.split())
    assert json.loads(out.read_text())["provenance"]["aliased"] == NOT_AVAILABLE
    done = run("compare", DATA, "y ~ A + B + D", "y ~ (A + B)**2", "--report", page)
    assert done.exit_code == 0, done.output
    assert "A[T.c]:B[T.b], A[T.c]:B[T.c]" in " ".join(done.stdout.split())
    done = run("verify", page, DATA)
    assert done.exit_code == 0, done.output


def test_audits_take_the_model(model):
    import statsmodels.formula.api as smf

    theirs = smf.logit(THIRD_ORDER, CELLS)
    kept = [theirs.exog_names.index(name) for name in model.names]
    fit = type(theirs)(theirs.endog, pd.DataFrame(theirs.exog[:, kept], columns=list(model.names)))
    found = audit(fit.fit(disp=0, maxiter=200, tol=1e-10), model)
    assert found.verdict.endswith("numbers beside the coefficients right")


def test_the_test_of_a_left_out_interaction_is_that_of_ranks(model):
    smaller = BernoulliLogistic.from_formula("y ~ (A + B + D)**2", CELLS, aliased="drop")
    found = likelihood_ratio_test(model, smaller)
    assert (found.statistic, found.df) == (pytest.approx(4.6535, abs=5e-5), 4)


def test_a_matrix_in_the_model_s_own_columns_is_what_it_is():
    X = pd.DataFrame([[1.0, 2.0], [2.0, 4.0], [3.0, 6.0], [5.0, 10.0]], columns=["x", "z"])
    model = BernoulliLogistic.from_arrays(X, [0, 1, 0, 1], intercept=True, aliased="drop")
    assert model.names == ("const", "x")
    assert np.array_equal(model.design_matrix(model.design), model.design)
    for given in (X.to_numpy(), np.column_stack([np.ones(4), X])):
        assert np.array_equal(model.design_matrix(given), model.design)


@pytest.fixture(scope="module")
def copies():
    """Two columns that are combinations of others, and one that is 0: `z`, `w` and `n`."""
    rng = np.random.default_rng(18)
    data = pd.DataFrame({"x": rng.normal(size=200).round(2), "h": rng.choice(["u", "v"], 200)})
    data = data.assign(z=2 * data["x"], w=data["x"] + (data["h"] == "v"), n=0.0)
    data["y"] = (rng.random(200) < expit(data["x"] - 0.4)).astype(int)
    formula = "y ~ x + h + z + w + n"
    model = BernoulliLogistic.from_formula(formula, data, aliased="drop")
    assert model.aliased.names == ("z", "w", "n")
    whole = BernoulliLogistic.from_formula(formula, data)
    np.testing.assert_allclose(model.aliased.with_all(model.design), whole.design, atol=1e-14)
    return model, fit_newton(model), whole


def spread_out(fit, z, w, n=0.0):
    """Coefficients of all columns with the fitted probabilities of those that are kept."""
    found = dict(zip(fit.names, fit.coefficients.tolist(), strict=True))
    return found | {
        "x": found["x"] - 2 * z - w,
        "h[T.v]": found["h[T.v]"] - w,
        "z": z,
        "w": w,
        "n": n,
    }


def test_what_a_column_left_out_is_a_combination_of_is_said(copies):
    beside = copies[0].aliased
    equations = [beside.equation(name) for name in beside.names]
    assert equations == ["'z' = 2 'x'", "'w' = 'x' + 'h[T.v]'", "'n' = 0"]
    assert combination(dict.fromkeys("abcde", 1.0)).startswith("a combination of 'a', 'b'")


def test_coefficients_of_all_columns_are_audited_on_those_kept(copies):
    model, fit, _ = copies
    for numbers in (spread_out(fit, 0.3, -1.5), spread_out(fit, 0.0, 0.2, 7.0)):
        found = audit(numbers, model)
        assert found.passed
        assert found.coefficients == pytest.approx(fit.coefficients, rel=1e-12)
        assert "which the model leaves out as combinations of others: one ch" in found.message
        explained = explain_difference(model, numbers)
        assert (explained.cause, explained.certain) == ("dependent columns", True)
        wrong = {**numbers, "x": numbers["x"] + 0.5 * fit.standard_errors[1]}
        assert not audit(wrong, model).passed
        flipped = explain_difference(model, {name: -value for name, value in numbers.items()})
        assert (flipped.cause, flipped.certain) == ("response flipped", True)


def test_na_and_nothing_are_the_same_of_a_column_that_is_left_out(copies):
    model, fit, _ = copies
    own = dict(zip(fit.names, fit.coefficients.tolist(), strict=True))
    nothing = dict.fromkeys(model.aliased.names, math.nan)
    zero = dict.fromkeys(model.aliased.names, 0.0)
    for beside in (nothing, zero, {**nothing, "n": 3.0}):  # of a column of zeros any number is one
        found = audit(own | beside, model)
        assert found.passed
        assert not found.recoded
        assert any(each.startswith("judged without z, w, n, of which") for each in found.notes)
        assert explain_difference(model, own | beside).cause == "agreement"
    values = np.append(fit.coefficients, [math.nan] * 3)
    errors = np.append(fit.standard_errors, [math.nan] * 3)
    assert explain_difference(model, values, errors).cause == "agreement"
    assert audit(values, model).passed
    # another program leaves out others: x in place of z
    half = {"Intercept": own["Intercept"], "h[T.v]": own["h[T.v]"], "z": own["x"] / 2}
    for beside in ({}, {"x": math.nan, "w": math.nan, "n": math.nan}):
        assert audit(half | beside, model).passed
    with pytest.raises(ValueError, match="'x' is nan, not a finite number"):
        explain_difference(model, own | {"x": math.nan})
    with pytest.raises(ValueError, match="coefficient of x is nan"):
        audit(own | {"x": math.nan}, model)


def test_a_printed_table_of_all_columns_is_judged_in_its_digits(copies):
    model, fit, _ = copies
    numbers = spread_out(fit, 0.3, -1.5)
    table = pd.DataFrame(
        {
            "term": list(numbers),
            "estimate": [f"{value:.3f}" for value in numbers.values()],
            "std.error": ["0.111"] * len(numbers),  # of no convention, and of one choice of many
        }
    )
    found = audit(table, model)
    assert found.passed
    assert any("they are of one choice of many" in note for note in found.notes)
    table.loc[1, "estimate"] = f"{numbers['x'] + 0.01:.3f}"
    assert not audit(table, model).passed


def test_fits_of_all_columns_by_statsmodels_and_scikit_learn(copies):
    model, fit, whole = copies
    columns = pd.DataFrame(whole.design, columns=list(whole.names))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a singular matrix
        glm = sm.GLM(model.response, columns, family=sm.families.Binomial()).fit(tol=1e-12)
    found = audit(glm, model)
    assert found.passed
    assert found.coefficients == pytest.approx(fit.coefficients, rel=1e-6)
    for intercept, X in ((False, columns), (True, columns.drop(columns="Intercept"))):
        for C, cause in ((np.inf, "agreement"), (0.5, "ridge penalty")):
            estimator = LogisticRegression(C=C, tol=1e-9, max_iter=10_000, fit_intercept=intercept)
            found = audit(estimator.fit(X, model.response), model)
            assert (found.cause, found.certain) == (cause, True)
            assert found.passed == (cause == "agreement")
    penalised = dict(zip(X.columns, estimator.coef_[0], strict=True))
    penalised["Intercept"] = float(estimator.intercept_[0])
    assert explain_difference(model, penalised).cause == "ridge penalty"


@pytest.mark.parametrize("test", [wald_test, likelihood_ratio_test, score_test])
def test_a_hypothesis_on_a_column_left_out_is_told_what_to_test(copies, test):
    model, fit, _ = copies
    given = (model, fit) if test is wald_test else (model,)
    every = pd.Series(np.eye(6)[1], index=model.aliased.columns)
    for hypothesis, why in (
        ("z", "'z' = 2 'x' in every row.*: test x$"),
        (["x", "w"], "'w' = 'x' . 'h.T.v.' in every row.*: test x, h.T.v.$"),
        ({"n": 1.0}, "'n' = 0 in every row.*leave it out of the hypothesis$"),
        (every, "'z' was left out"),
        (np.eye(6)[:1], r"of shape \(q, 3\), without z, w, n, which the model left out"),
    ):
        with pytest.raises(ValueError, match=why):
            test(*given, hypothesis)
    with pytest.raises(ValueError, match="there is no coefficient or term 'zz'"):
        test(*given, "zz")
    with pytest.raises(ValueError, match="a combination of others in every row"):
        wald_test(fit, "w")
