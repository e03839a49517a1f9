"""Columns that are combinations of others are left out as R leaves them out."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import run
from scipy.special import expit

from flatprior.analysis import audit, likelihood_ratio_test, predict, robust_covariance
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    PointEstimate,
    check_existence,
    fit_newton,
    sample_independence,
    verify,
)

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
        assert table.columns.name is None
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
    assert found.verdict.endswith("stated numbers right")


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
