"""Elasticities and effects of groups: statsmodels, more digits, subsets of rows, draws, files."""

from itertools import product

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.special import expit

from flatprior.analysis import average_marginal_effects, marginal_means
from flatprior.models import BernoulliLogistic, fit_newton, load_spector, sample_independence
from flatprior.models.encoding.files import source
from flatprior.models.encoding.formulas import coded

SLOPES = ("dydx", "eyex", "dyex", "eydx")
FORMULA = "y ~ age + I(age**2) + log(dose) * who + told"


def survey(n=300, seed=1):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 70, n),
            "dose": rng.uniform(0.5, 4, n),
            "who": rng.choice(["a", "b", "c"], n),
            "told": rng.random(n) < 0.4,
            "place": rng.integers(9, 12, n),
        }
    )
    eta = -2 + 0.03 * frame["age"] + np.log(frame["dose"]) * (frame["who"] == "b") - frame["told"]
    return frame.assign(y=(rng.random(n) < expit(eta)).astype(int))


@pytest.fixture(scope="module")
def fitted():
    frame = survey()
    model = BernoulliLogistic.from_formula(FORMULA, frame)
    return model, fit_newton(model), frame


@pytest.mark.parametrize("at", [None, "mean"])
@pytest.mark.parametrize("slope", SLOPES)
def test_of_numbers_and_of_two_levels_they_are_those_of_statsmodels(slope, at):
    data = load_spector()
    table = sm.add_constant(data[["gpa", "tuce", "psi"]].astype(float))
    theirs = sm.Logit(data["grade"], table).fit(disp=0, tol=1e-12)
    margins = theirs.get_margeff(at=at or "overall", method=slope)
    arrays = BernoulliLogistic.from_arrays(table, data["grade"])
    formula = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    for found in (
        average_marginal_effects(arrays, fit_newton(arrays), at=at, slope=slope).table(),
        average_marginal_effects(formula, fit_newton(formula), data, at=at, slope=slope).table(),
    ):
        assert found["effect"].to_numpy() == pytest.approx(margins.margeff, rel=1e-8)
        assert found["standard error"].to_numpy() == pytest.approx(margins.margeff_se, rel=1e-8)
        assert ("eyex" in str(found.columns.name)) == (slope == "eyex")
    if slope == "eydx" and at is None:
        model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + C(psi)", data)
        found = average_marginal_effects(
            model, fit_newton(model), data, ["psi"], slope=slope
        ).table()
        p = [
            expit(model.design_matrix(data.assign(psi=v)) @ fit_newton(model).coefficients)
            for v in (1, 0)
        ]
        assert found["effect"].tolist() == pytest.approx([np.log(p[0] / p[1]).mean()], rel=1e-10)


@pytest.mark.parametrize("slope", SLOPES)
def test_they_and_their_errors_are_right_to_ten_digits(fitted, slope):
    model, fit, frame = fitted
    b = dict(zip(model.names, fit.coefficients, strict=True))
    rows = model.design_matrix(frame)
    # of age: derivative of the design by hand, exact
    moved = np.zeros_like(rows)
    moved[:, model.names.index("age")] = 1
    moved[:, model.names.index("I(age ** 2)")] = 2 * frame["age"]
    with mp.workdps(40):
        beta = mp.matrix(fit.coefficients.tolist())
        covariance = mp.matrix(fit.covariance.tolist())

        def mean(at):
            total = mp.mpf(0)
            for x, d, age in zip(rows.tolist(), moved.tolist(), frame["age"], strict=True):
                p = 1 / (1 + mp.exp(-mp.fdot(x, at)))
                each = mp.fdot(d, at) * (1 - p if slope in ("eyex", "eydx") else p * (1 - p))
                total += each * (int(age) if slope in ("eyex", "dyex") else 1)
            return total / len(rows)

        step, gradient = mp.mpf(10) ** -12, []
        for j in range(len(b)):
            ends = []
            for way in (-1, 1):
                there = beta.copy()
                there[j] += way * step
                ends.append(mean(there))
            gradient.append((ends[1] - ends[0]) / (2 * step))
        gradient = mp.matrix([gradient])
        expected = [float(mean(beta)), float(mp.sqrt((gradient * covariance * gradient.T)[0]))]
    found = average_marginal_effects(model, fit, frame, ["age"], slope=slope).table()
    assert found.loc["age", ["effect", "standard error"]].tolist() == pytest.approx(
        expected, rel=1e-10
    )


@pytest.mark.parametrize("at", [None, "mean", {"age": 40}])
@pytest.mark.parametrize("slope", ["dydx", "eydx", "eyex"])
def test_of_a_group_they_are_those_over_its_rows(fitted, slope, at):
    model, fit, frame = fitted
    frame = frame[frame["who"].isin(["b", "c"]) & frame["place"].isin([9, 10])]
    found = average_marginal_effects(
        model, fit, frame, at=at, by=["who", "place"], slope=slope
    ).table()
    assert found.index.names == ["variable", "who", "place"]
    # numbers in their order, which is not that of their text
    assert list(dict.fromkeys(found.index.get_level_values("place"))) == ["9", "10"]
    for who, place in product("bc", (9, 10)):
        some = frame[(frame["who"] == who) & (frame["place"] == place)].reset_index(drop=True)
        expected = average_marginal_effects(model, fit, some, at=at, slope=slope).table()
        own = found.xs((who, str(place)), level=("who", "place"))
        pd.testing.assert_frame_equal(own, expected, rtol=1e-8, check_names=False)
    assert found.attrs["rows"] == len(frame)


def test_the_mean_over_groups_is_that_over_all_rows_and_weights_are_repetitions():
    frame = survey().assign(w=lambda f: np.arange(len(f)) % 3)
    model = BernoulliLogistic.from_formula(FORMULA, frame, frequency_weights="w")
    fit = fit_newton(model)
    whole = average_marginal_effects(model, fit, frame)["effect"]
    groups = average_marginal_effects(model, fit, frame, by="told")["effect"].unstack("told")
    shares = frame.groupby("told")["w"].sum() / frame["w"].sum()
    assert list(groups.columns) == ["False", "True"]
    assert (groups.loc[whole.index] @ shares.to_numpy()).to_numpy() == pytest.approx(
        whole.to_numpy(), rel=1e-9
    )
    repeated = frame.loc[frame.index.repeat(frame["w"])].reset_index(drop=True)
    other = BernoulliLogistic.from_formula(FORMULA, repeated)
    again = average_marginal_effects(other, fit_newton(other), repeated, by="told").table()
    assert again["effect"].unstack("told").to_numpy() == pytest.approx(groups.to_numpy(), rel=1e-7)


@pytest.mark.parametrize("slope", SLOPES)
def test_of_draws_they_are_computed_at_each(fitted, slope):
    model, _, frame = fitted
    posterior = sample_independence(model, draws=100, chains=2, seed=1, progress=False)
    found = average_marginal_effects(
        model, posterior, frame, ["age"], by="who", slope=slope
    ).table()
    names = list(model.names)
    b = {name: posterior.draws[..., names.index(name), None] for name in ("age", "I(age ** 2)")}
    p = expit(posterior.draws @ model.design_matrix(frame).T)
    age = frame["age"].to_numpy()
    each = (b["age"] + 2 * b["I(age ** 2)"] * age) * (1 - p)
    each = each * (1 if slope in ("eyex", "eydx") else p)
    each = each * (age if slope in ("eyex", "dyex") else 1)
    for who in "abc":
        draws = each[..., frame["who"] == who].mean(axis=-1)
        row = found.loc[("age", who)]
        expected = [draws.mean(), draws.std(ddof=1), *np.quantile(draws, [0.025, 0.975])]
        assert row.tolist()[:4] == pytest.approx(expected, rel=1e-8)
        assert row["pd"] == max((draws > 0).mean(), (draws < 0).mean())


def test_effects_with_a_variable_held_are_derivatives_of_average_predictions(fitted):
    model, fit, frame = fitted
    found = average_marginal_effects(model, fit, frame, ["age"], at={"age": 40}).table()
    step = 1e-3
    means = marginal_means(
        model, fit, "age", frame, "probability", "rows", {"age": [40 - step, 40 + step]}
    )
    slope = np.diff(means.table()["probability"])[0] / (2 * step)
    assert found["effect"].tolist() == pytest.approx([slope], rel=1e-6)
    assert found.columns.name == "age at 40 in all rows"


@pytest.mark.parametrize("at", [None, "mean", {"dose": 2.0}])
@pytest.mark.parametrize("slope", ["dydx", "eyex"])
def test_of_rows_in_files_they_are_those_of_the_same_rows_in_memory(
    tmp_path, monkeypatch, at, slope
):
    monkeypatch.setattr(source, "BATCH_ROWS", 60)
    # two batches and one; a group of each is in one file alone
    frame = survey(150).sort_values("who", ignore_index=True)
    assert frame["who"].iloc[[0, 99, 100, -1]].tolist() == ["a", "b", "b", "c"]
    frame[:100].to_parquet(tmp_path / "0.parquet", row_group_size=50)
    frame[100:].to_parquet(tmp_path / "1.parquet", row_group_size=50)
    held = BernoulliLogistic.from_formula(FORMULA, frame)
    read = BernoulliLogistic.from_parquet(str(tmp_path / "*.parquet"), FORMULA)
    fit = fit_newton(read)
    by = "who" if at == "mean" else ["who", "told"]
    expected = average_marginal_effects(
        held, fit_newton(held), frame, at=at, by=by, slope=slope
    ).table()
    found = average_marginal_effects(read, fit, at=at, by=by, slope=slope).table()
    pd.testing.assert_frame_equal(found, expected, rtol=1e-7)
    assert found.attrs == expected.attrs
    with pytest.raises(ValueError, match="no variable 'place'; of rows in files groups are by"):
        average_marginal_effects(read, fit, by="place")


def test_factors_held_as_codes_have_the_same_effects(monkeypatch, fitted):
    model, fit, frame = fitted
    monkeypatch.setattr(coded, "SMALLEST", 1)
    monkeypatch.setattr(coded, "FEW_INDICATORS", 1)
    other = BernoulliLogistic.from_formula(FORMULA, frame)
    theirs = fit_newton(other)
    for slope, at in product(SLOPES, (None, "mean")):
        expected = average_marginal_effects(
            model, fit, frame, at=at, by="told", slope=slope
        ).table()
        found = average_marginal_effects(
            other, theirs, frame, at=at, by="told", slope=slope
        ).table()
        pd.testing.assert_frame_equal(found, expected, rtol=1e-7)


def test_levels_have_no_relative_change_and_that_is_said(fitted):
    model, fit, frame = fitted
    found = average_marginal_effects(model, fit, frame, slope="dyex").table()
    assert list(found.index) == ["age", "dose"]
    assert "none of who, told, whose levels have no logarithm" in found.columns.name
    with pytest.raises(ValueError, match="'who' has levels, which have no logarithm"):
        average_marginal_effects(model, fit, frame, ["who"], slope="eyex")
    alone = BernoulliLogistic.from_formula("y ~ who", frame)
    with pytest.raises(ValueError, match="no variable is a number"):
        average_marginal_effects(alone, fit_newton(alone), frame, slope="eyex")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "nobody"}, "nobody"),
        ({"by": "gap"}, "'gap' is missing in rows? 3"),
        ({"by": "number"}, "2000 groups are more than 1000"),
        ({"slope": "dlogy"}, 'slope must be "dydx"'),
        ({"at": {"nobody": 1}}, "no variable 'nobody'"),
        ({"at": {"who": "z"}}, "z"),
    ],
)
def test_what_is_of_no_group_is_refused(options, message):
    frame = survey(2000).assign(number=np.arange(2000), gap=1.0)
    frame.loc[3, "gap"] = np.nan
    model = BernoulliLogistic.from_formula("y ~ age + who", frame)
    with pytest.raises(ValueError, match=message):
        average_marginal_effects(model, fit_newton(model), frame, **options)
    table = frame[["age"]].assign(one=1.0)
    arrays = BernoulliLogistic.from_arrays(table, frame["y"])
    with pytest.raises(ValueError, match="from_formula"):
        average_marginal_effects(arrays, fit_newton(arrays), by="age")
    with pytest.raises(ValueError, match="from_formula"):
        average_marginal_effects(arrays, fit_newton(arrays), at={"age": 3})
