"""Marginal effects against statsmodels, Stata, closed forms, difference quotients and draws."""

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from closed_form import Saturated
from problems import CASES, simulated
from scipy.special import expit

from flatprior.analysis import average_marginal_effects, robust_covariance
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    load_spector,
    sample_independence,
)
from flatprior.models.encoding.files import source


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
    table = average_marginal_effects(case.model, fit_newton(case.model)).table()
    theirs = sm.Logit(case.response, case.frame).fit(disp=0, tol=1e-11).get_margeff()
    assert list(table.index) == [n for n in case.frame if n != "const"]
    assert table["effect"].to_numpy() == pytest.approx(theirs.margeff, rel=1e-8)
    assert table["standard error"].to_numpy() == pytest.approx(theirs.margeff_se, rel=1e-8)
    assert table["p"].to_numpy() == pytest.approx(theirs.pvalues, rel=1e-6)
    assert table[["2.5%", "97.5%"]].to_numpy() == pytest.approx(theirs.conf_int(), rel=1e-7)


def test_discrete_numbers_have_the_difference_of_a_category():
    births = CASES["lbw_stata"]
    name = next(n for n in births.frame if n != "const" and set(births.frame[n]) == {0, 1})
    theirs = sm.Logit(births.response, births.frame).fit(disp=0, tol=1e-11)
    theirs = theirs.get_margeff(dummy=True)
    place = [n for n in births.frame if n != "const"].index(name)
    ours = average_marginal_effects(births.model, fit_newton(births.model), discrete=name)
    row = ours.loc[f"{name}: 1 - 0"]
    assert row["effect"] == pytest.approx(theirs.margeff[place], rel=1e-8)
    assert row["standard error"] == pytest.approx(theirs.margeff_se[place], rel=1e-8)
    frame = survey().assign(told=lambda rows: (rows["age"] % 3 == 0).astype(float))
    number, level = (
        BernoulliLogistic.from_formula(f"y ~ {told}*dose + who", frame)
        for told in ("told", "C(told)")
    )
    for options in ({}, {"at": "mean"}, {"by": "who"}, {"slope": "eydx"}, {"at": {"dose": 1.0}}):
        found = average_marginal_effects(
            number, fit_newton(number), frame, discrete=["told"], **options
        ).table()
        expected = average_marginal_effects(level, fit_newton(level), frame, **options).table()
        assert found.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-9)


def test_discrete_numbers_are_0_or_1_and_have_no_elasticity(tmp_path):
    frame = survey().assign(told=lambda rows: (rows["age"] % 3 == 0).astype(int))
    model = BernoulliLogistic.from_formula("y ~ told + age + dose", frame)
    fit = fit_newton(model)
    with pytest.raises(ValueError, match="'age' is neither 0 nor 1 in rows 0, 1"):
        average_marginal_effects(model, fit, frame, discrete=["age"])
    with pytest.raises(ValueError, match="no variable 'other'"):
        average_marginal_effects(model, fit, frame, discrete="other")
    with pytest.raises(ValueError, match="no logarithm"):
        average_marginal_effects(model, fit, frame, ["told"], slope="eyex", discrete="told")
    left = average_marginal_effects(model, fit, frame, slope="eyex", discrete="told")
    assert list(left.index) == ["age", "dose"]
    frame.to_csv(tmp_path / "rows.csv", index=False)
    read = BernoulliLogistic.from_parquet(tmp_path / "rows.csv", "y ~ told + age + dose")
    for at in (None, "mean"):
        here, there = (
            average_marginal_effects(*of, discrete="told", at=at).table()
            for of in ((model, fit, frame), (read, fit))
        )
        assert there.to_numpy() == pytest.approx(here.to_numpy(), rel=1e-9)


def test_weights_are_repetitions():
    X, y = simulated(60, 3, seed=2)
    weights = np.random.default_rng(1).integers(1, 4, size=60)
    weighted = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    repeated = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    first, second = (
        average_marginal_effects(m, fit_newton(m)).table() for m in (weighted, repeated)
    )
    assert first.to_numpy() == pytest.approx(second.to_numpy(), rel=1e-9)
    frame = pd.DataFrame(X[:, 1:], columns=["a", "b"]).assign(y=y, w=weights)
    model = BernoulliLogistic.from_formula("y ~ a + b", frame, frequency_weights="w")
    third = average_marginal_effects(model, fit_newton(model), frame, frequency_weights="w").table()
    assert third.to_numpy() == pytest.approx(first.to_numpy(), rel=1e-7)


FORMULA = "y ~ age + I(age ** 2) + log(dose) * who + self"


def test_variables_count_through_the_formula():
    data = survey()
    model = BernoulliLogistic.from_formula(FORMULA, data)
    fit = fit_newton(model)
    table = average_marginal_effects(model, fit, data).table()
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
    table = average_marginal_effects(model, fit, data).table()

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
    of_fit = average_marginal_effects(model, fit_newton(model), data).table()
    of_draws = average_marginal_effects(model, posterior, data).table()
    # n = 3000: the posterior is nearly normal about the MLE
    distance = (of_draws["effect"] - of_fit["effect"]) / of_fit["standard error"]
    assert distance.abs().max() < 0.1
    assert of_draws["sd"].to_numpy() == pytest.approx(of_fit["standard error"], rel=0.06)
    assert of_draws["2.5%"].to_numpy() == pytest.approx(of_fit["2.5%"], abs=0.01)
    assert (of_draws["mcse"] < 0.1 * of_draws["sd"]).all()
    hdi = average_marginal_effects(model, posterior, data, ["age"], interval="hdi").table()
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


def test_robust_standard_errors_and_offsets():
    data = load_spector()
    offset = np.linspace(0, 1, len(data))
    model = BernoulliLogistic.from_formula("grade ~ gpa", data, offset=offset)
    fit = fit_newton(model)
    plain = average_marginal_effects(model, fit, data, offset=offset).table()
    robust = average_marginal_effects(
        model, robust_covariance(model, fit), data, offset=offset
    ).table()
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


def test_what_is_compared_has_no_derivative_but_text_has_its_levels():
    rng = np.random.default_rng(3)
    data = pd.DataFrame(rng.normal(size=(200, 3)), columns=["x", "z", "w"])
    data["g"] = rng.choice(list("abc"), 200)
    data["y"] = rng.integers(0, 2, 200)
    model = BernoulliLogistic.from_formula("y ~ I(x > 0) + z + I(g == 'a') + offset(w)", data)
    fit = fit_newton(model)
    with pytest.raises(ValueError, match=r"the formula compares 'x', .* name the other variables"):
        average_marginal_effects(model, fit, data)
    effects = average_marginal_effects(model, fit, data, variables=["z", "g"]).table()
    assert list(effects.index) == ["z", "g: b - a", "g: c - a"]
    # by hand: a is told from the others, and b not from c
    beta, others = fit.coefficients, data["w"] + data["z"] * fit.coefficients[2]
    other = expit(beta[0] + beta[1] * (data["x"] > 0) + others)
    a = expit(beta[0] + beta[1] * (data["x"] > 0) + others + beta[3])
    by_hand = float((other - a).mean())
    assert effects.iloc[1:, 0].tolist() == pytest.approx([by_hand, by_hand], rel=1e-9)


DATA = Path(__file__).parents[2] / "data"


def test_effects_at_the_means_are_those_of_statsmodels():
    data = pd.read_csv(DATA / "effects_at_means.csv")
    table = pd.DataFrame({"const": 1.0, **data[["u", "q", "d"]]}).astype(float)
    theirs = sm.Logit(data["y"], table).fit(disp=0, tol=1e-12)
    for coded, dummy in (("C(d)", True), ("d", False)):
        model = BernoulliLogistic.from_formula(f"y ~ u + q + {coded}", data)
        found = average_marginal_effects(model, fit_newton(model), data, at="mean").table()
        expected = theirs.get_margeff(at="mean", dummy=dummy)
        assert found["effect"].to_numpy() == pytest.approx(expected.margeff, rel=1e-8)
        assert found["standard error"].to_numpy() == pytest.approx(expected.margeff_se, rel=1e-8)
        assert found.columns.name == "at the means"
    found = average_marginal_effects(
        model := BernoulliLogistic.from_formula("y ~ u + q + C(d)", data),
        fit_newton(model),
        data,
        at="mean",
    ).table()
    assert found["effect"].to_numpy() == pytest.approx([-0.000108, 0.002872, 0.079967], abs=5e-7)
    assert found["standard error"].tolist()[:2] == pytest.approx([0.001116, 0.002468], abs=5e-7)
    arrays = BernoulliLogistic.from_arrays(table, data["y"])
    found = average_marginal_effects(arrays, fit_newton(arrays), at="mean").table()
    expected = theirs.get_margeff(at="mean")
    assert found["effect"].to_numpy() == pytest.approx(expected.margeff, rel=1e-8)
    with pytest.raises(ValueError, match='at must be "mean"'):
        average_marginal_effects(arrays, fit_newton(arrays), at="median")


OF_STATA = json.loads((DATA / "stata_margins.json").read_text(encoding="utf-8"))
STOPPED = 5e-7  # standard errors: so far from the MLE are the coefficients that Stata states


def last_digit(written):
    return 10.0 ** Decimal(written).as_tuple().exponent


def spector_in_stata(factor):
    formula = "grade ~ gpa + tuce + " + ("C(psi)" if factor else "psi")
    model = BernoulliLogistic.from_formula(formula, load_spector())
    return model, fit_newton(model)


def test_stata_stops_as_far_from_the_mle_as_its_margins_may_differ_here():
    _, fit = spector_in_stata(factor=False)
    theirs = OF_STATA["logit"]
    order = [fit.names.index(name) for name in theirs["names"]]
    apart = np.array(list(map(float, theirs["coefficients"]))) - fit.coefficients[order]
    information = np.linalg.inv(fit.covariance[np.ix_(order, order)])
    assert 1e-7 < np.sqrt(apart @ information @ apart) < STOPPED
    errors = list(map(float, theirs["standard_errors"]))
    assert fit.standard_errors[order] == pytest.approx(errors, rel=2e-7)


@pytest.mark.parametrize("asked", OF_STATA["margins"], ids=lambda asked: asked["stata"])
def test_effects_and_elasticities_are_those_of_stata(asked):
    """To the last digit that is published, and what its iteration left."""
    data, factor = load_spector(), asked["psi"] == "i.psi"
    model, fit = spector_in_stata(factor)
    names, at = ["gpa", "tuce", "psi"], asked["at"]
    if at in ("median", "zero"):
        at = dict.fromkeys(names, at)
    if isinstance(at, dict):
        middle = {"mean": data.mean(), "median": data.median(), "zero": 0 * data.mean()}
        at = {
            name: float(middle[to][name]) if isinstance(to, str) else to for name, to in at.items()
        }
    found = average_marginal_effects(model, fit, data, at=at, slope=asked["slope"]).table()
    assert list(found.index) == [*names[:2], "psi: 1 - 0" if factor else "psi"]
    for i, (effect, error) in enumerate(zip(asked["effect"], asked["standard_error"], strict=True)):
        ours = found.iloc[i]
        left = STOPPED * ours["standard error"]
        assert abs(ours["effect"] - float(effect)) <= last_digit(effect) / 2 + left
        assert abs(ours["standard error"] - float(error)) <= last_digit(error) / 2 + left


def test_at_the_means_functions_are_of_the_mean_and_categories_have_their_shares():
    data = survey().assign(w=lambda f: 1 + np.arange(len(f)) % 3)
    model = BernoulliLogistic.from_formula(
        "y ~ age + I(age**2) + log(dose) + who", data, frequency_weights="w"
    )
    fit = fit_newton(model)
    b = dict(zip(model.names, fit.coefficients, strict=True))
    means = np.average(data[["age", "dose"]], axis=0, weights=data["w"])
    shares = {level: np.average(data["who"] == level, weights=data["w"]) for level in "bc"}
    others = sum(b[f"who[T.{level}]"] * share for level, share in shares.items())
    numbers = b["Intercept"] + b["age"] * means[0] + b["I(age ** 2)"] * means[0] ** 2
    numbers += b["log(dose)"] * np.log(means[1])
    p = expit(numbers + others)
    expected = [
        p * (1 - p) * (b["age"] + 2 * b["I(age ** 2)"] * means[0]),
        p * (1 - p) * b["log(dose)"] / means[1],
        *(expit(numbers + b[f"who[T.{level}]"]) - expit(numbers) for level in "bc"),
    ]
    found = average_marginal_effects(model, fit, data, at="mean").table()
    assert list(found.index) == ["age", "dose", "who: b - a", "who: c - a"]
    assert found["effect"].to_numpy() == pytest.approx(expected, rel=1e-8)
    twice = data.loc[data.index.repeat(data["w"])].reset_index(drop=True)
    single = BernoulliLogistic.from_formula(model.formula, twice)
    again = average_marginal_effects(single, fit_newton(single), twice, at="mean").table()
    assert again["effect"].to_numpy() == pytest.approx(expected, rel=1e-7)
    assert again["standard error"].to_numpy() == pytest.approx(
        found["standard error"].to_numpy(), rel=1e-7
    )
    posterior = sample_independence(model, seed=1, draws=500, progress=False)
    of_draws = average_marginal_effects(model, posterior, data, at="mean").table()
    assert (abs(of_draws["effect"] - found["effect"]) < found["standard error"]).all()


def test_an_effect_that_needs_cells_that_never_occur_is_not_made_up():
    cells = pd.read_csv(DATA / "empty_cells.csv")
    model = BernoulliLogistic.from_formula("y ~ (A + B + D)**3", cells, aliased="drop")
    fit = fit_newton(model)
    found = average_marginal_effects(model, fit, cells).table()
    assert found.index[found["effect"].isna()].tolist() == [
        *("A: b - a", "A: c - a", "B: b - a", "B: c - a"),
    ]
    # of a saturated model: differences of the proportions of the cells
    proportions = cells.groupby(["A", "B", "D"])["y"].mean().unstack("D")
    sizes = cells.groupby(["A", "B"]).size()
    for level in "bc":
        expected = np.average(proportions[level] - proportions["a"], weights=sizes)
        assert found.loc[f"D: {level} - a", "effect"] == pytest.approx(expected, abs=1e-10)
    assert "nothing of A: b - a, A: c - a, B: b - a, B: c - a, which" in found.columns.name
    posterior = sample_independence(model, draws=100, seed=1, progress=False)
    of_draws = average_marginal_effects(model, posterior, cells).table()
    assert of_draws["effect"].isna().tolist() == found["effect"].isna().tolist()
    assert of_draws.loc["A: b - a"].isna().all()


def test_numbers_that_do_not_change_on_their_own_have_no_effect():
    data = load_spector().assign(twice=lambda f: 2 * f["gpa"], three=lambda f: f["psi"] + 2)
    plain = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    expected = average_marginal_effects(plain, fit_newton(plain), data).table()
    formula = "grade ~ gpa + tuce + psi + twice"
    model = BernoulliLogistic.from_formula(formula, data, aliased="drop")
    arrays = BernoulliLogistic.from_arrays(
        data[["gpa", "tuce", "psi", "twice"]], data["grade"], intercept=True, aliased="drop"
    )
    assert model.names[1:] == arrays.names[1:] == ("gpa", "tuce", "psi")
    for found in (
        average_marginal_effects(model, fit_newton(model), data).table(),
        average_marginal_effects(arrays, fit_newton(arrays)).table(),
    ):
        assert found["effect"].isna().to_dict() | {"twice": True} == {
            **dict.fromkeys(("gpa", "twice"), True),
            **dict.fromkeys(("tuce", "psi"), False),
        }
        for name in ("tuce", "psi"):
            assert found.loc[name, "effect"] == pytest.approx(
                expected.loc[name, "effect"], rel=1e-7
            )


def in_pieces(frame, folder, monkeypatch):
    """Files of the rows, of which a few are read at a time."""
    monkeypatch.setattr(source, "BATCH_ROWS", 120)
    for number, part in enumerate(np.array_split(np.arange(len(frame)), 2)):
        frame.iloc[part].to_parquet(folder / f"{number}.parquet", row_group_size=50)
    return str(folder / "*.parquet")


def grouped_survey():
    cells = survey().groupby(["who", "self"], as_index=False)["y"].agg(["sum", "count"])
    cells["dose"] = np.arange(len(cells)) / 3
    return cells.rename(columns={"sum": "s"}).assign(f=lambda c: c["count"] - c["s"])


def weighed_survey():
    rng = np.random.default_rng(8)
    return survey().assign(w=rng.uniform(0.5, 3, 400), block=rng.integers(0, 40, 400))


def with_missing_truths():
    frame = survey().astype({"self": object})
    frame.loc[::150, "self"] = None
    return frame


def with_an_empty_cell():
    frame = survey()
    return frame[~((frame["who"] == "c") & frame["self"])].reset_index(drop=True)


LYING = {
    "functions": (survey, "y ~ age + log(dose):who + self + I(age^2)", {}),
    "truths that are missing": (with_missing_truths, "y ~ age + self", {}),
    "groups": (grouped_survey, "cbind(s, f) ~ dose + self", {}),
    "a sample": (
        weighed_survey,
        "y ~ age + who",
        {"sampling_weights": "w", "clusters": "block"},
    ),
    "an empty cell": (with_an_empty_cell, "y ~ age + who * self", {"aliased": "drop"}),
}


@pytest.mark.parametrize("at", [None, "mean"])
@pytest.mark.parametrize("name", LYING)
def test_of_rows_in_files_they_are_those_of_the_same_rows_in_memory(
    tmp_path, monkeypatch, name, at
):
    make, formula, roles = LYING[name]
    frame = make()
    held = BernoulliLogistic.from_formula(formula, frame, **roles)
    read = BernoulliLogistic.from_parquet(in_pieces(frame, tmp_path, monkeypatch), formula, **roles)
    expected = average_marginal_effects(held, fit_newton(held), frame, at=at).table()
    fit = fit_newton(read)
    before = read.rows.passes.number
    found = average_marginal_effects(read, fit, at=at).table()
    pd.testing.assert_frame_equal(found, expected, rtol=1e-8)
    assert found.attrs == expected.attrs
    # one for the effects, one for the means, and three for the fit and its covariance
    assert read.rows.passes.number - before <= 5 or name == "a sample"
    with pytest.raises(ValueError, match="go with data"):
        average_marginal_effects(read, fit, offset="age")
