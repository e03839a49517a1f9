from pathlib import Path
from types import SimpleNamespace

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from closed_form import Saturated
from problems import CASES, simulated
from scipy.special import digamma, expit
from scipy.stats import beta as beta_distribution

from flatprior.analysis import predict, robust_covariance
from flatprior.analysis.inference.prediction import root_of_covariance
from flatprior.models import BernoulliLogistic, fit_newton, load_spector, sample_independence

DATA = Path(__file__).parents[2] / "data"


def test_probabilities_of_a_saturated_design_are_beta_distributed():
    a, c = np.array([12, 5, 9]), np.array([7, 16, 9])
    patterns = np.array([[1.0, 0, 0], [1, 1, 0], [1, 0, 1]])
    model = Saturated(patterns, a, c).model
    posterior = sample_independence(model, draws=5000, seed=1, progress=False)
    found = predict(model, posterior, patterns, prob=0.8)
    # 5 standard errors each: false-alarm rate 1e-5 together
    assert (np.abs(found["probability"] - a / (a + c)) < 5 * found["mcse"]).all()
    assert found["mcse"].max() < 2e-3
    assert found["log-odds"].to_numpy() == pytest.approx(digamma(a) - digamma(c), abs=0.03)
    for end, level in (("10%", 0.1), ("90%", 0.9)):
        exact = beta_distribution.ppf(level, a, c)
        assert found[f"probability {end}"].to_numpy() == pytest.approx(exact, abs=0.012)
        # a quantile of the probability is that of the log-odds, transformed
        assert expit(found[f"log-odds {end}"]).to_numpy() == pytest.approx(
            found[f"probability {end}"].to_numpy(), abs=1e-4
        )


def test_the_shortest_interval_is_not_longer():
    model = CASES["spector"].model
    posterior = sample_independence(model, seed=2, progress=False)
    eti, hdi = (predict(model, posterior, model.design, interval=kind) for kind in ("eti", "hdi"))
    length = hdi["probability 95% HDI high"] - hdi["probability 95% HDI low"]
    assert (length <= eti["probability 97.5%"] - eti["probability 2.5%"] + 1e-12).all()


def test_many_rows_are_those_one_at_a_time_and_keep_their_labels():
    frame = load_spector()
    model = BernoulliLogistic.from_formula("grade ~ gpa + psi", frame)
    posterior = sample_independence(model, draws=100, seed=3, progress=False)
    many = pd.concat([frame] * 20).set_axis([f"row {i}" for i in range(640)])
    table = predict(model, posterior, many)
    assert list(table.index) == list(many.index)
    one = predict(model, posterior, many.iloc[[600]])
    assert table.loc["row 600"].to_numpy() == pytest.approx(one.iloc[0].to_numpy(), rel=1e-12)


def test_new_rows_may_leave_out_the_column_of_ones():
    X, y = simulated(60, 3, seed=4)
    model = BernoulliLogistic.from_arrays(X[:, 1:], y, names=["u", "v"], intercept=True)
    posterior = sample_independence(model, draws=100, seed=5, progress=False)
    full = predict(model, posterior, X[:5])
    zero = predict(model, posterior, pd.DataFrame({"const": [0.0], "u": [1.0], "v": [1.0]}))
    pd.testing.assert_frame_equal(zero, predict(model, posterior, [[0.0, 1.0, 1.0]]))
    for data in (X[:5, 1:], pd.DataFrame({"v": X[:5, 2], "u": X[:5, 1]})):
        pd.testing.assert_frame_equal(predict(model, posterior, data), full)


def test_an_offset_moves_the_log_odds_and_must_be_given():
    X, y = simulated(60, 2, seed=6)
    model = BernoulliLogistic.from_arrays(X, y, offset=np.linspace(-1, 1, 60))
    posterior = sample_independence(model, draws=100, seed=7, progress=False)
    none, one = (predict(model, posterior, X[:2], offset=[o, o]) for o in (0.0, 1.0))
    assert (one["log-odds"] - none["log-odds"]).to_numpy() == pytest.approx([1, 1], rel=1e-12)
    with pytest.raises(ValueError, match="pass the offsets of the new rows"):
        predict(model, posterior, X[:2])
    with pytest.raises(ValueError, match="offset must be 2 finite numbers"):
        predict(model, posterior, X[:2], offset=[1.0])


def test_unusable_rows_are_refused_in_words():
    model = CASES["spector"].model
    posterior = sample_independence(model, draws=100, seed=8, progress=False)
    with pytest.raises(ValueError, match=r"1 column, the model 4: .*; write a single row as \[\["):
        predict(model, posterior, [1.0, 3.0, 20.0, 1.0])
    with pytest.raises(ValueError, match="new rows have 2 columns, the model 4: const, gpa"):
        predict(model, posterior, np.ones((3, 2)))
    with pytest.raises(ValueError, match="there is no column 'tuce'"):
        predict(model, posterior, {"gpa": [3.0], "psi": [1.0]})
    with pytest.raises(ValueError, match="not finite"):
        predict(model, posterior, [[1.0, np.inf, 1.0, 1.0]])
    with pytest.raises(ValueError, match="the draws are of"):
        predict(CASES["vaso"].model, posterior, np.ones((1, 3)))


def test_errors_of_probabilities_are_right_to_ten_digits_and_of_draws_their_sd():
    case = CASES["spector"]
    fit = fit_newton(case.model)
    rows = np.vstack([case.frame.to_numpy(dtype=float)[:4], 30 * case.frame.to_numpy(float)[:2]])
    found = predict(case.model, fit, rows)["probability standard error"]
    with mp.workdps(60):
        covariance = mp.matrix(fit.covariance.tolist())
        for row, error in zip(rows, found, strict=True):
            x = mp.matrix([row.tolist()])
            p = 1 / (1 + mp.exp(-mp.fdot(row, fit.coefficients.tolist())))
            expected = p * (1 - p) * mp.sqrt((x * covariance * x.T)[0])
            assert error == pytest.approx(float(expected), rel=1e-10)
    posterior = sample_independence(case.model, draws=200, chains=2, seed=3, progress=False)
    of_draws = predict(case.model, posterior, rows[:4])["probability sd"]
    each = expit(posterior.draws @ rows[:4].T).reshape(-1, 4)
    assert of_draws.to_numpy() == pytest.approx(each.std(axis=0, ddof=1), rel=1e-10)


def test_standard_errors_do_not_cancel():
    # years, and the same years counted from 2005 in decades: one model
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"year": rng.integers(1990, 2021, size=300)})
    frame["t"] = (frame["year"] - 2005) / 10
    frame["y"] = (rng.random(300) < expit(frame["t"] / 2)).astype(int)
    found = []
    for name in ("year", "t"):
        model = BernoulliLogistic.from_formula(f"y ~ {name} + I({name} ** 2)", frame)
        found.append(predict(model, fit_newton(model), frame[:5]))
    assert found[0]["standard error"].to_numpy() == pytest.approx(
        found[1]["standard error"], rel=1e-3
    )


def test_the_result_must_be_of_the_models_own_data():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"x": rng.normal(size=60), "y": rng.integers(0, 2, 60)})
    first = BernoulliLogistic.from_formula("y ~ scale(x)", frame)
    second = BernoulliLogistic.from_formula("y ~ scale(x)", frame.assign(x=50 + 10 * frame["x"]))
    fit = fit_newton(first)
    for result in (fit, robust_covariance(first, fit)):
        with pytest.raises(ValueError, match="the data are not those of the estimate"):
            predict(second, result, {"x": [50.0]})


def test_of_an_estimate_the_interval_is_that_of_the_log_odds_transformed():
    case = CASES["lbw_stata"]
    fit = fit_newton(case.model)
    glm = sm.GLM(case.response, case.frame, sm.families.Binomial())
    theirs = glm.fit(tol=1e-13, tol_criterion="params").get_prediction(case.frame)
    frame = theirs.summary_frame(alpha=0.1)
    found = predict(case.model, fit, case.frame, prob=0.9)
    assert found["probability"].to_numpy() == pytest.approx(frame["mean"], rel=1e-8)
    errors = found["probability standard error"].to_numpy()
    assert errors == pytest.approx(frame["mean_se"].to_numpy(), rel=1e-8)
    for ours, column in (("5%", "mean_ci_lower"), ("95%", "mean_ci_upper")):
        assert found[f"probability {ours}"].to_numpy() == pytest.approx(frame[column], rel=1e-8)
        assert expit(found[f"log-odds {ours}"]).to_numpy() == pytest.approx(
            found[f"probability {ours}"]
        )
    robust = robust_covariance(case.model, fit, "HC3")
    x = case.frame.to_numpy(dtype=float)[3]
    assert predict(case.model, robust, case.frame)["standard error"][3] == pytest.approx(
        np.sqrt(x @ robust.covariance @ x), rel=1e-12
    )
    with pytest.raises(ValueError, match="Wald interval only"):
        predict(case.model, fit, case.frame, interval="hdi")
    with pytest.raises(ValueError, match="the estimate is of const, gpa"):
        predict(case.model, fit_newton(CASES["spector"].model), case.frame)


def test_missing_values_in_new_rows_are_refused_with_a_remedy_that_drops_no_others():
    train, test = (pd.read_csv(DATA / f"passengers_{part}.csv") for part in ("train", "test"))
    model = BernoulliLogistic.from_formula("survived ~ pclass + sex + age", train)
    fit = fit_newton(model)
    with pytest.raises(ValueError, match=r"'age' is missing in rows 1, 8, 15, .* and 88 more"):
        predict(model, fit, test)
    found = predict(model, fit, test.dropna(subset=["pclass", "sex", "age"]))
    assert found.index.equals(test.index[test["age"].notna()])
    test["fitted"] = found["probability"]
    reference = sm.GLM.from_formula(
        "survived ~ pclass + C(sex) + age", train.dropna(), family=sm.families.Binomial()
    ).fit()
    assert test["fitted"].dropna().to_numpy() == pytest.approx(
        reference.predict(test.drop(columns="fitted").dropna()).to_numpy(), rel=1e-8
    )


@pytest.mark.parametrize("in_files", [False, True])
def test_the_offset_of_new_rows_may_be_named_and_is_remembered(tmp_path, in_files):
    frame = pd.read_csv(DATA / "offset_new_rows.csv")
    formula = "y ~ V1 + V2 + V3 + V4 + V5"
    if in_files:
        frame.to_parquet(tmp_path / "0.parquet")
        model = BernoulliLogistic.from_parquet(tmp_path, formula, offset="known")
    else:
        model = BernoulliLogistic.from_formula(formula, frame, offset="known")
    fit, new = fit_newton(model), frame[:50]
    expected = model.design_matrix(new) @ fit.coefficients + new["known"]
    for offset in (None, "known", new["known"], new["known"].to_numpy()):
        found = predict(model, fit, new, offset=offset)
        assert found["log-odds"].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)
    with pytest.raises(ValueError, match="an offset, column 'known': pass the offsets of the new"):
        predict(model, fit, new.drop(columns="known"))
    with pytest.raises(ValueError, match="there is no column 'unknown'"):
        predict(model, fit, new, offset="unknown")
    with pytest.raises(ValueError, match="'known' has missing values"):
        predict(model, fit, new.assign(known=np.nan))


def test_new_rows_from_a_file_are_read_as_those_of_the_model_were(tmp_path):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "y": np.tile([0, 1], 40),
            "zip": rng.choice(["01234", "02345", "10001"], size=80),
            "o": rng.normal(size=80),
        }
    )
    frame.to_csv(tmp_path / "d.csv", index=False)
    model = BernoulliLogistic.from_formula("y ~ C(zip)", tmp_path / "d.csv", offset="o")
    fit = fit_newton(model)
    expected = predict(model, fit, frame)
    assert np.array_equal(predict(model, fit, tmp_path / "d.csv"), expected)
    permuted = frame["o"][::-1]
    with pytest.raises(ValueError, match="'offset' and the data have different row labels"):
        predict(model, fit, frame, offset=permuted)
    assert np.array_equal(predict(model, fit, frame, offset=permuted[::-1]), expected)


def test_levels_that_differ_in_type_only_are_said_to():
    frame = pd.DataFrame({"y": [0, 1, 1, 0, 1, 0], "k": [1, 2, 1, 2, 2, 1]})
    model = BernoulliLogistic.from_formula("y ~ C(k)", frame)
    with pytest.raises(ValueError, match="its levels are numbers, not text: convert them"):
        predict(model, fit_newton(model), frame.astype({"k": str}))


def test_the_root_of_a_covariance_from_elsewhere_is_one_in_any_units():
    model = CASES["spector"].model
    fit = fit_newton(model)
    units = np.array([1.0, 1e8, 1e-8, 30.0])
    given = SimpleNamespace(covariance=fit.covariance * np.outer(units, units))
    root = root_of_covariance(model, given).matrix
    assert (root @ root.T) / np.outer(units, units) == pytest.approx(fit.covariance, rel=1e-9)
