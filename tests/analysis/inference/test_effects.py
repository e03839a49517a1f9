"""Marginal effects against statsmodels, closed forms, difference quotients and draws."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from closed_form import Saturated
from problems import CASES, simulated
from scipy.special import expit

from flatprior.analysis import average_marginal_effects, predict, robust_covariance
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    load_smarket,
    load_spector,
    sample_independence,
)


def survey(n=400, seed=1):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 70, n),
            "dose": rng.uniform(0.5, 4, n),
            "who": rng.choice(["a", "b", "c"], n),
            "self": rng.random(n) < 0.4,
        }
    )
    eta = -2 + 0.03 * frame["age"] + np.log(frame["dose"]) * (frame["who"] == "b") - frame["self"]
    return frame.assign(y=(rng.random(n) < expit(eta)).astype(int))


@pytest.mark.parametrize("name", ["nes_logit", "spector", "lbw_stata", "smarket"])
def test_of_arrays_they_are_those_of_statsmodels(name):
    case = CASES[name]
    table = average_marginal_effects(case.model, fit_newton(case.model))
    theirs = sm.Logit(case.response, case.frame).fit(disp=0, tol=1e-11).get_margeff()
    assert list(table.index) == [n for n in case.frame if n != "const"]
    assert table["effect"].to_numpy() == pytest.approx(theirs.margeff, rel=1e-8)
    assert table["standard error"].to_numpy() == pytest.approx(theirs.margeff_se, rel=1e-8)
    assert table["p"].to_numpy() == pytest.approx(theirs.pvalues, rel=1e-6)
    assert table[["2.5%", "97.5%"]].to_numpy() == pytest.approx(theirs.conf_int(), rel=1e-7)


def test_weights_are_repetitions():
    X, y = simulated(60, 3, seed=2)
    weights = np.random.default_rng(1).integers(1, 4, size=60)
    weighted = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    repeated = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    first, second = (average_marginal_effects(m, fit_newton(m)) for m in (weighted, repeated))
    assert first.to_numpy() == pytest.approx(second.to_numpy(), rel=1e-9)
    frame = pd.DataFrame(X[:, 1:], columns=["a", "b"]).assign(y=y, w=weights)
    model = BernoulliLogistic.from_formula("y ~ a + b", frame, frequency_weights="w")
    third = average_marginal_effects(model, fit_newton(model), frame, frequency_weights="w")
    assert third.to_numpy() == pytest.approx(first.to_numpy(), rel=1e-7)


FORMULA = "y ~ age + I(age ** 2) + log(dose) * who + self"


def test_variables_count_through_the_formula():
    data = survey()
    model = BernoulliLogistic.from_formula(FORMULA, data)
    fit = fit_newton(model)
    table = average_marginal_effects(model, fit, data)
    b = dict(zip(model.names, fit.coefficients, strict=True))
    p = expit(model.design @ fit.coefficients)
    of_age = b["age"] + 2 * b["I(age ** 2)"] * data["age"]
    assert table.loc["age", "effect"] == pytest.approx((p * (1 - p) * of_age).mean(), rel=1e-8)
    slope = b["log(dose)"] + sum(
        b[f"log(dose):who[T.{level}]"] * (data["who"] == level) for level in "bc"
    )
    of_dose = slope / data["dose"]
    assert table.loc["dose", "effect"] == pytest.approx((p * (1 - p) * of_dose).mean(), rel=1e-8)
    for variable, level, base in (("who", "b", "a"), ("who", "c", "a"), ("self", True, False)):
        ps = [
            expit(model.design_matrix(put(data, variable, value)) @ fit.coefficients)
            for value in (level, base)
        ]
        assert table.loc[f"{variable}: {level} - {base}", "effect"] == pytest.approx(
            (ps[0] - ps[1]).mean(), rel=1e-10
        )
    assert list(table.index) == ["age", "dose", "who: b - a", "who: c - a", "self: True - False"]


def put(frame, name, value):
    frame = frame.copy()
    frame[name] = value
    return frame


def test_standard_errors_are_those_of_a_numerical_derivative():
    data = survey(150)
    model = BernoulliLogistic.from_formula(FORMULA, data)
    fit = fit_newton(model)
    table = average_marginal_effects(model, fit, data)

    class Moved:
        names, covariance = fit.names, fit.covariance

        def __init__(self, coefficients):
            self.coefficients = coefficients

    jacobian = []
    for j, error in enumerate(fit.standard_errors):
        step = 1e-4 * error * np.eye(len(fit.names))[j]
        ends = [
            average_marginal_effects(model, Moved(fit.coefficients + way * step), data)["effect"]
            for way in (-1, 1)
        ]
        jacobian.append((ends[1] - ends[0]).to_numpy() / (2e-4 * error))
    jacobian = np.array(jacobian).T
    expected = np.sqrt(np.diag(jacobian @ fit.covariance @ jacobian.T))
    assert table["standard error"].to_numpy() == pytest.approx(expected, rel=1e-6)


def test_an_estimate_and_draws_go_through_the_same_function():
    data = survey(3000, seed=4)
    model = BernoulliLogistic.from_formula(FORMULA, data)
    posterior = sample_independence(model, seed=1, draws=2000, progress=False)
    of_fit = average_marginal_effects(model, fit_newton(model), data)
    of_draws = average_marginal_effects(model, posterior, data)
    # n = 3000: the posterior is nearly normal about the MLE
    distance = (of_draws["effect"] - of_fit["effect"]) / of_fit["standard error"]
    assert distance.abs().max() < 0.1
    assert of_draws["sd"].to_numpy() == pytest.approx(of_fit["standard error"], rel=0.06)
    assert of_draws["2.5%"].to_numpy() == pytest.approx(of_fit["2.5%"], abs=0.01)
    assert (of_draws["mcse"] < 0.1 * of_draws["sd"]).all()
    hdi = average_marginal_effects(model, posterior, data, ["age"], interval="hdi")
    assert list(hdi.columns)[2:4] == ["95% HDI low", "95% HDI high"]


def test_a_difference_of_beta_variables_is_known_exactly():
    # two groups: the effect of the group is p1 - p0, of independent Beta variables
    ones, zeros = np.array([7, 18]), np.array([12, 9])
    design = Saturated(np.array([[1.0, 0.0], [1.0, 1.0]]), ones, zeros)
    X, y, weights = design.rows
    frame = pd.DataFrame({"g": np.where(X[:, 1] == 1, "b", "a"), "y": y, "w": weights})
    model = BernoulliLogistic.from_formula("y ~ g", frame, frequency_weights="w")
    posterior = sample_independence(model, seed=2, draws=4000, progress=False)
    found = average_marginal_effects(model, posterior, frame, frequency_weights="w").iloc[0]
    n = ones + zeros
    mean = ones / n
    variance = ones * zeros / (n**2 * (n + 1))
    # a difference of 4 Monte Carlo standard errors: once in 16,000 seeds
    assert found["effect"] == pytest.approx(mean[1] - mean[0], abs=4 * found["mcse"])
    assert found["sd"] == pytest.approx(np.sqrt(variance.sum()), rel=0.03)
    fit = fit_newton(model)
    of_fit = average_marginal_effects(model, fit, frame).iloc[0]
    assert of_fit["effect"] == pytest.approx(mean[1] - mean[0], rel=1e-12)
    by_hand = np.sqrt((mean * (1 - mean) / n).sum())
    assert of_fit["standard error"] == pytest.approx(by_hand, rel=1e-12)


def test_splines_and_logarithms_may_end_where_the_data_do():
    data = survey(300)
    model = BernoulliLogistic.from_formula("y ~ bs(dose, df=4)", data)
    fit = fit_newton(model)
    found = average_marginal_effects(model, fit, data).loc["dose", "effect"]
    inner = data[data["dose"].between(data["dose"].min() + 1e-3, data["dose"].max() - 1e-3)]
    slopes = [
        expit(model.design_matrix(inner.assign(dose=inner["dose"] + way * 1e-4)) @ fit.coefficients)
        for way in (-1, 1)
    ]
    expected = (slopes[1] - slopes[0]).sum() / 2e-4
    ends = len(data) * found - expected
    assert abs(ends) < 4  # of the two or three rows at the ends
    assert found == pytest.approx(expected / len(inner), rel=0.05)


@pytest.mark.parametrize(
    ("formula", "derivative"),
    [
        ("y ~ log(x)", lambda x, b: b["log(x)"] / x),
        ("y ~ sqrt(x)", lambda x, b: b["sqrt(x)"] / (2 * np.sqrt(x))),
        ("y ~ x + log(x)", lambda x, b: b["x"] + b["log(x)"] / x),
        ("y ~ I(1 / x)", lambda x, b: -b["I(1 / x)"] / x**2),
    ],
)
@pytest.mark.parametrize("sd", [0.1, 1.0, 3.0])
def test_variables_of_any_spread_have_exact_derivatives(formula, derivative, sd):
    rng = np.random.default_rng(6)
    x = np.exp(sd * rng.normal(size=500))
    frame = pd.DataFrame({"x": x, "y": rng.random(500) < expit(0.3 * np.log(x))})
    model = BernoulliLogistic.from_formula(formula, frame)
    fit = fit_newton(model)
    p = expit(model.design @ fit.coefficients)
    b = dict(zip(model.names, fit.coefficients, strict=True))
    expected = (p * (1 - p) * derivative(x, b)).mean()
    found = average_marginal_effects(model, fit, frame).loc["x", "effect"]
    assert found == pytest.approx(expected, rel=1e-8)
    one = average_marginal_effects(model, fit, frame[7:8]).loc["x", "effect"]
    assert one == pytest.approx((p * (1 - p) * derivative(x, b))[7], rel=1e-8)


def wide(low, high, seed=8):
    rng = np.random.default_rng(seed)
    x = 10 ** rng.uniform(low, high, 400)
    return pd.DataFrame({"x": x, "y": rng.random(400) < 0.4})


@pytest.mark.parametrize(
    ("formula", "derivative", "low", "high"),
    [
        ("y ~ I(1 / x)", lambda x: -1 / x**2, -3, 4),
        ("y ~ I(1 / (x + 0.01))", lambda x: -1 / (x + 0.01) ** 2, -2, 6),
        ("y ~ log(x)", lambda x: 1 / x, -8, 8),
        ("y ~ log(x + 1)", lambda x: 1 / (x + 1), -2, 5),
        ("y ~ log(x / (1 - x))", lambda x: 1 / (x * (1 - x)), -4, -0.001),
    ],
)
def test_poles_and_wide_ranges(formula, derivative, low, high):
    frame = wide(low, high)
    if "x + 1)" in formula:
        frame.loc[:20, "x"] = 0.0
    model = BernoulliLogistic.from_formula(formula, frame)
    fit = fit_newton(model)
    p = expit(model.design @ fit.coefficients)
    expected = (p * (1 - p) * fit.coefficients[1] * derivative(frame["x"])).mean()
    found = average_marginal_effects(model, fit, frame)["effect"].iloc[0]
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("formula", ["y ~ bs(x, df=5)", "y ~ bs(x, df=6, degree=2)"])
def test_splines_have_derivatives_at_their_knots(formula):
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"x": rng.normal(size=2000), "y": rng.random(2000) < 0.5})
    model = BernoulliLogistic.from_formula(formula, frame)
    fit = fit_newton(model)
    inner = frame[frame["x"].abs() < 2].reset_index(drop=True)
    found = average_marginal_effects(model, fit, inner)["effect"].iloc[0]
    ends = [
        expit(model.design_matrix(inner.assign(x=inner["x"] + way * 1e-5)) @ fit.coefficients)
        for way in (-1, 1)
    ]
    assert found == pytest.approx(((ends[1] - ends[0]) / 2e-5).mean(), rel=1e-5)


def test_exponentials_near_zero_and_time_stamps():
    rng = np.random.default_rng(7)
    frame = pd.DataFrame({"x": rng.normal(size=200), "t": 1.7e9 + rng.uniform(0, 60, 200)})
    frame["y"] = rng.integers(0, 2, 200)
    model = BernoulliLogistic.from_formula("y ~ exp(x) + t", frame)
    fit = fit_newton(model)
    row = frame[:1].assign(x=1e-9)
    p = expit(model.design_matrix(row) @ fit.coefficients)[0]
    found = average_marginal_effects(model, fit, row)["effect"]
    assert found["x"] == pytest.approx(p * (1 - p) * fit.coefficients[1], rel=1e-8)
    assert found["t"] == pytest.approx(p * (1 - p) * fit.coefficients[2], rel=1e-5)


def test_where_there_is_no_derivative_the_rows_are_named():
    data = survey(100).assign(dose=lambda f: f["dose"].where(f.index != 17, 0.0))
    model = BernoulliLogistic.from_formula("y ~ sqrt(dose)", data)
    with pytest.raises(ValueError, match="with respect to 'dose' in row 17; leave these rows out"):
        average_marginal_effects(model, fit_newton(model), data)


def test_robust_standard_errors_and_offsets():
    data = load_spector()
    offset = np.linspace(0, 1, len(data))
    model = BernoulliLogistic.from_formula("grade ~ gpa", data, offset=offset)
    fit = fit_newton(model)
    plain = average_marginal_effects(model, fit, data, offset=offset)
    robust = average_marginal_effects(model, robust_covariance(model, fit), data, offset=offset)
    assert plain["effect"].equals(robust["effect"])
    assert not np.isclose(plain["standard error"].iloc[0], robust["standard error"].iloc[0])
    p = expit(model.design @ fit.coefficients + offset)
    assert plain["effect"].iloc[0] == pytest.approx(
        (p * (1 - p)).mean() * fit.coefficients[1], rel=1e-9
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "pass data, the rows to average over"),
        ({"data": load_spector(), "variables": ["nobody"]}, "no variable 'nobody'; the variables"),
        ({"data": load_spector()[:0]}, "no rows|empty"),
        ({"data": load_spector(), "interval": "hdi"}, "Wald interval only"),
        ({"data": load_spector(), "prob": 95}, "prob must lie between 0 and 1"),
        (
            {"data": load_spector(), "frequency_weights": np.zeros(32)},
            "all frequency weights are 0",
        ),
    ],
)
def test_what_cannot_be_averaged_is_refused(options, message):
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce", load_spector())
    with pytest.raises(ValueError, match=message):
        average_marginal_effects(model, fit_newton(model), **options)
    other = BernoulliLogistic.from_formula("grade ~ psi", load_spector())
    with pytest.raises(ValueError, match="the estimate is of Intercept, psi, the model has"):
        average_marginal_effects(model, fit_newton(other), load_spector())


DATA = Path(__file__).parents[2] / "data"


def passengers() -> tuple[pd.DataFrame, BernoulliLogistic]:
    frame = pd.read_csv(DATA / "passengers_train.csv")
    return frame, BernoulliLogistic.from_formula("survived ~ pclass + sex + age", frame)


def test_of_the_models_own_frame_the_rows_are_left_out_that_the_model_left_out():
    train, model = passengers()
    fit = fit_newton(model)
    own = average_marginal_effects(model, fit, train)
    explicit = average_marginal_effects(model, fit, train.loc[model.row_labels])
    assert own.columns.name == "over 706 rows; 185 left out: a value is missing"
    assert own.attrs["rows"] == explicit.attrs["rows"] == 706
    pd.testing.assert_frame_equal(own, explicit, check_names=False)
    own = own.reindex(["pclass", "age", "sex: male - female"])
    # R: marginal effects over the 706 complete passengers
    assert own["effect"].to_numpy() == pytest.approx([-0.173896, -0.006687, -0.490834], abs=5e-7)
    assert own["standard error"].to_numpy() == pytest.approx(
        [0.015817, 0.001133, 0.031927], abs=5e-7
    )
    # another frame with missing values is refused, with a remedy that drops no others
    with pytest.raises(
        ValueError, match=r"'age' is missing.*dropna\(subset=\['pclass', 'sex', 'age'"
    ):
        average_marginal_effects(model, fit, train[1:])
    # what the remedy of old led to is said: only some of the rows
    cabin = train.assign(cabin=np.where(np.arange(len(train)) % 4 == 0, "c", None))
    some = average_marginal_effects(model, fit, cabin.dropna())
    assert some.columns.name == f"over {len(cabin.dropna())} of the model's 706 rows"
    assert (
        average_marginal_effects(model, fit, cabin.dropna()[:20].assign(age=30.0)).columns.name
        is None
    )


@pytest.mark.parametrize("labels", ["other", "repeated"])
def test_the_models_own_frame_is_known_by_what_it_holds(labels):
    train, model = passengers()
    expected = average_marginal_effects(model, fit_newton(model), train)
    again = train.set_axis(
        [f"p{i % (900 if labels == 'other' else 40)}" for i in range(len(train))]
    )
    found = average_marginal_effects(model, fit_newton(model), again)
    pd.testing.assert_frame_equal(found, expected)
    if labels == "other":
        model = BernoulliLogistic.from_formula(model.formula, again)
        shuffled = again.sample(frac=1.0, random_state=1)
        found = average_marginal_effects(model, fit_newton(model), shuffled)
        pd.testing.assert_frame_equal(found, expected)


def test_own_rows_keep_their_offset_and_weights():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"x": rng.normal(size=200), "o": rng.normal(size=200)})
    frame["w"], frame["y"] = rng.integers(0, 4, 200), rng.integers(0, 2, 200)
    frame.loc[:9, "o"] = np.nan
    named = BernoulliLogistic.from_formula("y ~ x", frame, offset="o", frequency_weights="w")
    arrays = BernoulliLogistic.from_formula(
        "y ~ x", frame, offset=frame["o"], frequency_weights=frame["w"]
    )
    fit = fit_newton(named)
    kept = frame[(frame["w"] > 0) & frame["o"].notna()]
    slopes = (p := expit(named.design @ fit.coefficients + kept["o"])) * (1 - p)
    expected = np.average(slopes, weights=kept["w"]) * fit.coefficients[1]
    for model in (named, arrays):
        for options in ({}, {"offset": "o", "frequency_weights": "w"}, {"offset": frame["o"]}):
            found = average_marginal_effects(model, fit, frame, **options)
            assert found["effect"].iloc[0] == pytest.approx(expected, rel=1e-9)
            left = f"{named.n_dropped} left out: a value is missing; {named.n_zero_weight}"
            assert left in found.columns.name
    with pytest.raises(ValueError, match="pass the offsets of the new rows"):
        average_marginal_effects(arrays, fit, frame[20:])
    new = average_marginal_effects(named, fit, frame[20:])  # the offset is remembered by its name
    assert new.attrs["rows"] == 180
    assert new.columns.name == "over 180 rows, each counted once"  # not by the model's weights


@pytest.mark.parametrize("kind", ["files", "dask"])
def test_models_whose_rows_are_in_batches_have_effects_too(tmp_path, kind):
    data = load_smarket()
    if kind == "dask":
        dd = pytest.importorskip("dask.dataframe")
        lazy = dd.from_pandas(data, npartitions=2)
        model = BernoulliLogistic.from_dask(lazy, "Direction ~ Lag1 + Volume")
    else:
        data[:700].to_parquet(tmp_path / "0.parquet")
        data[700:].to_parquet(tmp_path / "1.parquet")
        model = BernoulliLogistic.from_parquet(tmp_path, "Direction ~ Lag1 + Volume")
    fit = fit_newton(model)
    found = average_marginal_effects(model, fit, data)
    assert found["effect"].to_numpy() == pytest.approx([-0.017956, 0.034212], abs=5e-7)
    assert found["standard error"].to_numpy() == pytest.approx([0.012439, 0.039257], abs=5e-7)
    for result in (fit, robust_covariance(model, fit)):
        new = predict(model, result, {"Lag1": [0.5], "Volume": [1.2]}).iloc[0]
        assert new["probability"] == pytest.approx(0.499957, abs=5e-7)
    new = predict(model, fit, {"Lag1": [0.5], "Volume": [1.2]}).iloc[0]
    assert new["standard error"] == pytest.approx(0.076358, abs=5e-7)
    ends = new[["probability 2.5%", "probability 97.5%"]].to_numpy(dtype=float)
    assert ends == pytest.approx([0.462612, 0.537302], abs=5e-7)


def test_own_files_with_missing_values_and_weights_are_known(tmp_path):
    rng = np.random.default_rng(6)
    frame = pd.DataFrame({"x": rng.normal(size=300), "w": rng.integers(0, 3, 300)})
    frame["o"], frame["y"] = rng.normal(size=300), rng.choice(["a", "b"], 300)
    frame.loc[::50, "x"] = np.nan
    roles = {"offset": "o", "frequency_weights": "w"}
    frame.to_parquet(tmp_path / "0.parquet")
    batches = BernoulliLogistic.from_parquet(tmp_path, "y ~ x", **roles)
    memory = BernoulliLogistic.from_formula("y ~ x", frame, **roles)
    ours, theirs = (
        average_marginal_effects(model, fit_newton(model), frame) for model in (batches, memory)
    )
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-9)
    assert "6 left out: a value is missing" in ours.columns.name


def test_effects_of_grouped_counts_are_those_of_their_single_observations(tmp_path):
    groups = pd.DataFrame({"x": [1.0, 2, 3, 5, np.nan, 4], "s": [1, 2, 0, 5, 1, 0], "n": 7})
    groups.loc[5, "n"] = 0
    single = pd.DataFrame(
        [(x, int(i < s)) for x, s, n in groups.iloc[:4].to_numpy() for i in range(int(n))],
        columns=["x", "y"],
    )
    alone = BernoulliLogistic.from_formula("y ~ x", single)
    expected = average_marginal_effects(alone, fit_newton(alone), single)
    groups.to_parquet(tmp_path / "groups.parquet")
    for model in (
        BernoulliLogistic.from_formula("cbind(s, n - s) ~ x", groups),
        BernoulliLogistic.from_parquet(tmp_path, "cbind(s, n - s) ~ x"),
    ):
        found = average_marginal_effects(model, fit_newton(model), groups)
        assert found["effect"].tolist() == pytest.approx(expected["effect"].tolist(), rel=1e-9)
        said = "over 4 groups; 1 left out: a value is missing; 1 left out: no trials"
        assert found.columns.name == said
        other = groups.iloc[:4].assign(x=[1.0, 1, 2, 2])
        other = average_marginal_effects(model, fit_newton(model), other)
        assert "each counted once" in other.columns.name


def test_what_is_compared_has_no_derivative_but_text_has_its_levels():
    rng = np.random.default_rng(3)
    data = pd.DataFrame(rng.normal(size=(200, 3)), columns=["x", "z", "w"])
    data["g"] = rng.choice(list("abc"), 200)
    data["y"] = rng.integers(0, 2, 200)
    model = BernoulliLogistic.from_formula("y ~ I(x > 0) + z + I(g == 'a') + offset(w)", data)
    fit = fit_newton(model)
    with pytest.raises(ValueError, match=r"the formula compares 'x', .* name the other variables"):
        average_marginal_effects(model, fit, data)
    effects = average_marginal_effects(model, fit, data, variables=["z", "g"])
    assert list(effects.index) == ["z", "g: b - a", "g: c - a"]
    # by hand: a is told from the others, and b not from c
    beta, others = fit.coefficients, data["w"] + data["z"] * fit.coefficients[2]
    other = expit(beta[0] + beta[1] * (data["x"] > 0) + others)
    a = expit(beta[0] + beta[1] * (data["x"] > 0) + others + beta[3])
    by_hand = float((other - a).mean())
    assert effects.iloc[1:, 0].tolist() == pytest.approx([by_hand, by_hand], rel=1e-9)
