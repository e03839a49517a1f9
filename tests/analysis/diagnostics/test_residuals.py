"""Residuals and influence against statsmodels, brute-force refits and invariance."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from peers import TEN, expanded
from problems import CASES, DATA, simulated

from flatprior.analysis import diagnose, exact_loo
from flatprior.models import BernoulliLogistic, NotConvergedError, fit_newton, load_spector
from flatprior.models.encoding.files import source


@pytest.mark.parametrize("name", [*TEN, "hl_chdage55"])
def test_residuals_and_influence_are_those_of_statsmodels(name):
    case = CASES[name]
    frame, response, times = expanded(case)
    fit = sm.Logit(response, frame).fit(disp=0, tol=1e-10, maxiter=200)
    influence = fit.get_influence()
    found = diagnose(case.model, fit_newton(case.model))
    table = found.table().iloc[times]
    for column, theirs in {
        "fitted": fit.predict(),
        "deviance residual": fit.resid_dev,
        "Pearson residual": fit.resid_pearson,
        "leverage": influence.hat_matrix_diag,
        "studentised residual": influence.resid_studentized,
        "Cook's distance": influence.cooks_distance[0],
        # of their parts: R's rstandard and rstudent
        "standardised deviance residual": fit.resid_dev / np.sqrt(1 - influence.hat_matrix_diag),
        "rstudent": np.sign(fit.resid_dev)
        * np.sqrt(fit.resid_dev**2 + influence.hat_matrix_diag * influence.resid_studentized**2),
        "DFFITS": influence.resid_studentized
        * np.sqrt(influence.hat_matrix_diag / (1 - influence.hat_matrix_diag)),
    }.items():
        assert table[column].to_numpy() == pytest.approx(np.asarray(theirs), rel=1e-8, abs=1e-11)
    assert found.dfbetas.iloc[times].to_numpy() == pytest.approx(
        np.asarray(influence.dfbetas), rel=1e-7, abs=1e-9
    )


def test_exact_influence_is_that_of_refits():
    case = CASES["spector"]
    model = case.model
    fit = fit_newton(model)
    found = diagnose(model, fit, exact=True)
    X, y = case.frame.to_numpy(dtype=float), case.response
    information = model.information(fit.coefficients)
    for i in (0, 13, 31):
        keep = np.arange(len(y)) != i
        without = sm.GLM(y[keep], X[keep], sm.families.Binomial()).fit(tol=1e-14).params
        change = fit.coefficients - without
        assert found.dfbetas.iloc[i].to_numpy() == pytest.approx(
            change / fit.standard_errors, rel=1e-6
        )
        cook = change @ information @ change / 4
        assert found.table()["Cook's distance"].iloc[i] == pytest.approx(cook, rel=1e-6)


def test_one_step_approaches_exact_influence_as_rows_grow():
    gaps = []
    for n in (100, 1000):
        X, y = simulated(n, 3, seed=2)
        model = BernoulliLogistic.from_arrays(X, y)
        fit = fit_newton(model)
        one, exact = (diagnose(model, fit, exact=e).dfbetas.to_numpy() for e in (False, True))
        gaps.append(np.abs(one - exact).max() / np.abs(exact).max())
    assert gaps[1] < gaps[0] / 3
    assert gaps[1] < 0.02


def test_without_some_row_there_may_be_no_fit():
    model = BernoulliLogistic.from_arrays(
        [0, 1, 0, 1], [1, 1, 0, 0], intercept=True, frequency_weights=[6, 1, 5, 9]
    )
    fit = fit_newton(model)
    found = diagnose(model, fit, exact=True)
    assert found.table()["Cook's distance"].iloc[1] == math.inf
    assert found.dfbetas.iloc[1].isna().all()
    assert exact_loo(model, fit).without_mle == (1,)
    assert diagnose(model, fit).table()["Cook's distance"].map(math.isfinite).all()


def test_leverages_sum_to_the_number_of_coefficients():
    for name in ("fertility", "lizards", "default_full_raw"):
        model = CASES[name].model
        leverage = diagnose(model, fit_newton(model)).table()["leverage"]
        weights = 1 if model.frequency_weights is None else model.frequency_weights
        assert (leverage * weights).sum() == pytest.approx(model.n_parameters, rel=1e-9)


def test_residuals_keep_their_accuracy_far_out():
    # fitted probability 1 - 1e-13: 1 - p computed as a difference would have three digits
    model = BernoulliLogistic.from_arrays([1.0, 1.0], [1, 0], frequency_weights=[10**13, 1])
    table = diagnose(model, fit_newton(model)).table()
    assert table["Pearson residual"].iloc[0] == pytest.approx(10**-6.5, rel=1e-12)
    assert table["deviance residual"].iloc[0] == pytest.approx(math.sqrt(2e-13), rel=1e-12)


@pytest.mark.parametrize("exponent", [6, 12])
def test_a_row_that_alone_holds_up_a_coefficient_keeps_its_digits(exponent):
    # 1 - h in closed form from the others: one coefficient, h / (1 - h) = c x^2 / (rest)
    x = np.array([10.0**exponent, 1.0, -1.0, 2.0, -2.0])
    y = np.array([1.0, 1, 0, 0, 1])
    model = BernoulliLogistic.from_arrays(x, y, offset=[-(10.0**exponent) * 0.1, 0, 0, 0, 0])
    fit = fit_newton(model)
    table = diagnose(model, fit).table()
    eta = x * fit.coefficients[0] + model.offset
    p = 1 / (1 + np.exp(-eta))
    c = p * (1 - p)
    left = 1 / (1 + c[0] * x[0] ** 2 / (c[1:] @ x[1:] ** 2))
    pearson = table["Pearson residual"].iloc[0]
    assert table["studentised residual"].iloc[0] == pytest.approx(
        pearson / math.sqrt(left),
        rel=1e-4,  # eta has lost digits to its offset
    )


def test_a_fit_that_lost_all_its_digits_to_an_offset_is_not_diagnosed():
    x = np.array([1e17, 1.0, -1.0, 2.0, -2.0])
    model = BernoulliLogistic.from_arrays(x, [1, 1, 0, 0, 1], offset=[-1e16, 0, 0, 0, 0])
    with pytest.raises(NotConvergedError, match="not proved to be near the MLE"):
        diagnose(model, fit_newton(model))


def test_units_do_not_matter():
    X, y = simulated(60, 3, seed=8)
    one, two = (
        BernoulliLogistic.from_arrays(X, y),
        BernoulliLogistic.from_arrays(X * [1, 1e8, 1], y),
    )
    first, second = (diagnose(model, fit_newton(model)) for model in (one, two))
    assert first.table().to_numpy() == pytest.approx(second.table().to_numpy(), rel=1e-8)
    assert first.dfbetas.to_numpy() == pytest.approx(second.dfbetas.to_numpy(), rel=1e-7, abs=1e-12)


def test_rows_keep_their_labels():
    data = load_spector()
    data.index = [f"student {i}" for i in data.index]
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    found = diagnose(model, fit_newton(model))
    assert found.most_influential(1).index[0] in data.index
    assert list(found.dfbetas.columns) == ["Intercept", "gpa", "tuce", "psi"]
    with pytest.raises(ValueError, match="another model"):
        diagnose(model, fit_newton(BernoulliLogistic.from_formula("grade ~ gpa", data)))


def test_the_summary_is_of_single_observations():
    case = CASES["lizards"]
    fit = fit_newton(case.model)
    found = diagnose(case.model, fit)
    single = found.table().loc[np.repeat(case.model.row_labels, case.model.counts.astype(int))]
    assert found.summary["mean"].to_numpy() == pytest.approx(single.mean().to_numpy())
    assert found.summary["sd"].to_numpy() == pytest.approx(single.std().to_numpy())
    squares = found.summary["sum of squares"]
    assert squares["deviance residual"] == pytest.approx(-2 * fit.log_likelihood)
    n = case.model.n_observations
    assert found.summary.loc["leverage", "mean"] * n == pytest.approx(len(fit.names))


def test_of_rows_in_files_the_most_influential_are_kept_and_one_that_holds_up_a_column(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(source, "BATCH_ROWS", 40)
    X, y = simulated(150, 3, seed=3)
    frame = pd.DataFrame(X[:, 1:], columns=["a", "b"]).assign(y=y, base=0.0)
    frame.loc[70, ["a", "b", "y", "base"]] = [1e9, 0.0, 1.0, -4e8]  # alone far out
    frame.to_csv(tmp_path / "rows.csv", index=False)
    models = [
        BernoulliLogistic.from_formula("y ~ a + b", frame, offset="base"),
        BernoulliLogistic.from_parquet(tmp_path / "rows.csv", "y ~ a + b", offset="base"),
    ]
    here, there = (diagnose(model, fit_newton(model), most=9) for model in models)
    assert here.table()["leverage"].max() > 1 - 1e-8
    assert there.n_rows == 150
    assert there.numbers.tolist() == here.order[:9].tolist()
    assert there.most_influential(9).to_numpy() == pytest.approx(
        here.most_influential(9).to_numpy(), rel=1e-6
    )
    assert there.dfbetas.to_numpy() == pytest.approx(
        here.dfbetas.iloc[here.order[:9]].to_numpy(), rel=1e-5, abs=1e-9
    )
    assert there.summary.to_numpy() == pytest.approx(here.summary.to_numpy(), rel=1e-6, abs=1e-9)
    assert "9 of 150 rows" in str(there)
    assert ".table() has 9 of them, .summary the spread of all" in " ".join(str(there).split())


def test_rstudent_is_nearly_what_the_deviance_loses_without_the_row():
    # Williams (1987): its square approximates twice the change of the log-likelihood
    X, y = simulated(400, 3, seed=4)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    found = diagnose(model, fit).table()["rstudent"].to_numpy()
    for i in (0, 17, int(np.argmax(np.abs(found)))):
        others = np.arange(400) != i
        without = sm.GLM(y[others], X[others], sm.families.Binomial()).fit(tol=1e-14)
        fall = -2 * fit.log_likelihood - without.deviance
        assert found[i] ** 2 == pytest.approx(fall, rel=0.01)
        assert np.sign(found[i]) == 2 * y[i] - 1


@pytest.mark.parametrize("exact", [False, True])
def test_dffits_is_the_change_of_a_rows_own_predictor(exact):
    X, y = simulated(60, 3, seed=5)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    found = diagnose(model, fit, exact=exact)
    change = found.dfbetas.to_numpy() * fit.standard_errors
    error = np.sqrt(np.einsum("ij,jk,ik->i", X, fit.covariance, X))
    assert found.table()["DFFITS"].to_numpy() == pytest.approx(
        np.einsum("ij,ij->i", X, change) / error, rel=1e-7
    )
    if not exact:
        assert (found.table()["DFFITS"] ** 2).to_numpy() == pytest.approx(
            3 * found.table()["Cook's distance"].to_numpy(), rel=1e-10
        )


def test_where_there_is_no_fit_without_a_row_its_predictor_moves_without_end():
    model = BernoulliLogistic.from_arrays(
        [0, 1, 0, 1], [1, 1, 0, 0], intercept=True, frequency_weights=[6, 1, 5, 9]
    )
    table = diagnose(model, fit_newton(model), exact=True).table()
    assert table["DFFITS"].iloc[1] == math.inf  # of an event
    assert np.isfinite(table["DFFITS"].iloc[[0, 2, 3]]).all()


COUNTS = pd.read_csv(DATA / "grouped.csv")
OF_COUNTS = "cbind(dead, n - dead) ~ sex + dose"


def test_groups_are_diagnosed_as_statsmodels_does():
    model = BernoulliLogistic.from_formula(OF_COUNTS, COUNTS)
    fit = fit_newton(model)
    found = diagnose(model, fit, units="groups")
    X = pd.DataFrame({"Intercept": 1.0, "sex[T.M]": COUNTS["sex"] == "M", "dose": COUNTS["dose"]})
    both = np.column_stack([COUNTS["dead"], COUNTS["n"] - COUNTS["dead"]])
    theirs = sm.GLM(both, X[list(model.names)].astype(float), sm.families.Binomial()).fit(tol=1e-14)
    influence = theirs.get_influence()
    table, h = found.table(), influence.hat_matrix_diag
    assert list(table.index) == list(COUNTS.index)
    for column, expected in {
        "fitted": theirs.fittedvalues,
        "deviance residual": theirs.resid_deviance,
        "Pearson residual": theirs.resid_pearson,
        "leverage": h,
        "studentised residual": influence.resid_studentized,
        "Cook's distance": influence.cooks_distance[0],
        "standardised deviance residual": theirs.resid_deviance / np.sqrt(1 - h),
        "DFFITS": influence.d_linpred_scaled,
    }.items():
        assert table[column].to_numpy() == pytest.approx(np.asarray(expected), rel=1e-8), column
    assert found.dfbetas.to_numpy() == pytest.approx(np.asarray(influence.dfbetas), rel=1e-7)
    assert found.summary.loc["deviance residual", "sum of squares"] == pytest.approx(
        theirs.deviance, rel=1e-11
    )
    assert found.summary.loc["leverage", "mean"] == pytest.approx(3 / 12)
    assert "without each group" in str(found)


def test_exact_influence_of_a_group_is_that_of_a_refit_without_it():
    model = BernoulliLogistic.from_formula(OF_COUNTS, COUNTS)
    fit = fit_newton(model)
    found = diagnose(model, fit, exact=True, units="groups")
    for g in (0, 5, 11):
        fewer = BernoulliLogistic.from_formula(OF_COUNTS, COUNTS.drop(g))
        change = fit.coefficients - fit_newton(fewer).coefficients
        assert found.dfbetas.loc[g].to_numpy() == pytest.approx(
            change / fit.standard_errors, rel=1e-7
        )
        cook = change @ model.information(fit.coefficients) @ change / 3
        assert found.table().loc[g, "Cook's distance"] == pytest.approx(cook, rel=1e-7)


def test_groups_of_one_trial_are_rows():
    X, y = simulated(40, 2, seed=6)
    frame = pd.DataFrame({"x": X[:, 1], "s": y, "f": 1 - y})
    groups = BernoulliLogistic.from_formula("cbind(s, f) ~ x", frame)
    rows = BernoulliLogistic.from_formula("s ~ x", frame)
    for exact in (False, True):
        one = diagnose(groups, fit_newton(groups), exact=exact, units="groups")
        two = diagnose(rows, fit_newton(rows), exact=exact)
        assert one.table().to_numpy() == pytest.approx(two.table().to_numpy(), rel=1e-8)
        assert one.dfbetas.to_numpy() == pytest.approx(two.dfbetas.to_numpy(), rel=1e-6, abs=1e-9)


def test_a_group_that_alone_holds_up_a_coefficient_is_said_to():
    frame = COUNTS.assign(own=(COUNTS.index == 3).astype(float))
    model = BernoulliLogistic.from_formula(f"{OF_COUNTS} + own", frame)
    for exact in (False, True):
        table = diagnose(model, fit_newton(model), exact=exact, units="groups").table()
        assert table.loc[3, "leverage"] == pytest.approx(1, abs=1e-9)
        assert table.loc[3, "Cook's distance"] == math.inf
        assert np.isfinite(table.drop(index=3)).all(axis=None)


def test_groups_are_refused_where_there_are_none(tmp_path):
    model = CASES["spector"].model
    with pytest.raises(ValueError, match='units="groups" are of grouped counts'):
        diagnose(model, fit_newton(model), units="groups")
    with pytest.raises(ValueError, match="units must be"):
        diagnose(model, fit_newton(model), units="rows")
    COUNTS.to_parquet(tmp_path / "counts.parquet")
    files = BernoulliLogistic.from_parquet(tmp_path / "counts.parquet", OF_COUNTS)
    with pytest.raises(ValueError, match="need the rows in memory"):
        diagnose(files, fit_newton(files), units="groups")
