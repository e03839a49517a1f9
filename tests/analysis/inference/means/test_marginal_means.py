"""Marginal means and contrasts against R's emmeans, more digits, draws, and other codings."""

import itertools
from pathlib import Path

import mpmath as mp
import numpy as np
import pandas as pd
import pytest
from r_values import NAMES, STORED, r_model, r_table
from scipy.special import expit

from flatprior.analysis import (
    average_marginal_effects,
    marginal_means,
    robust_covariance,
    wald_test,
)
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    load_births,
    load_spector,
    sample_independence,
)
from flatprior.models.encoding.files import source

DATA = Path(__file__).parents[3] / "data"
OF_R = [(name, by) for name in NAMES for by in STORED["models"][name]["means"]]
BIRTHS = load_births()


def of_r(found, by):
    """A table of R's means, its rows by their levels."""
    table = r_table(found)
    table.index = pd.Index([tuple(map(str, row)) for row in table[by].to_numpy()])
    return table


@pytest.mark.parametrize(("name", "by"), OF_R)
def test_over_a_grid_they_are_those_of_emmeans(name, by):
    model, frame, facts = r_model(name)
    fit, names, r = fit_newton(model), by.split(":"), facts["means"][by]
    means = marginal_means(model, fit, names, frame)
    table = means.table()
    cells = [label if isinstance(label, tuple) else (label,) for label in table.index]
    link, response = (of_r(r[key], names).loc[cells] for key in ("link", "response"))
    for ours, theirs in {
        "log-odds": link["emmean"],
        "standard error": link["SE"],
        "log-odds 2.5%": link["asymp.LCL"],
        "log-odds 97.5%": link["asymp.UCL"],
        "probability": response["prob"],
        "probability 2.5%": response["asymp.LCL"],
        "probability 97.5%": response["asymp.UCL"],
    }.items():
        assert table[ours].to_numpy() == pytest.approx(theirs.to_numpy(), rel=1e-11, abs=1e-12)
    if r["mean_response"] is not None:
        theirs = of_r(r["mean_response"], names).loc[cells]
        table = marginal_means(model, fit, names, frame, "probability").table()
        assert table["probability"].to_numpy() == pytest.approx(theirs["prob"], rel=1e-11)
        assert table["standard error"].to_numpy() == pytest.approx(theirs["SE"], rel=1e-11)
    if len(names) > 1:
        return
    for adjust, theirs in r["pairs"].items():
        theirs, ours = r_table(theirs), means.contrasts(adjust=adjust).table()
        assert ours["difference"].to_numpy() == pytest.approx(theirs["estimate"], rel=1e-10)
        assert ours["standard error"].to_numpy() == pytest.approx(theirs["SE"], rel=1e-10)
        assert ours["z"].to_numpy() == pytest.approx(theirs["z.ratio"], rel=1e-10)
        # ptukey of R has 12 digits after the point, and its quantile a tolerance of 1e-4
        near, p = (1e-4, 2e-11) if adjust == "tukey" and len(cells) > 2 else (1e-10, 1e-12)
        column = "p" if adjust == "none" else "adjusted p"
        assert ours[column].to_numpy() == pytest.approx(theirs["p.value"], rel=1e-9, abs=p)
        ends = ours[["2.5%", "97.5%"]].to_numpy()
        assert ends == pytest.approx(
            theirs[["asymp.LCL", "asymp.UCL"]].to_numpy(), rel=near, abs=near
        )
    theirs, ours = r_table(r["odds_ratios"]), means.contrasts(comparison="odds ratio").table()
    assert ours["odds ratio"].to_numpy() == pytest.approx(theirs["odds.ratio"], rel=1e-10)
    assert ours["standard error"].to_numpy() == pytest.approx(theirs["SE"], rel=1e-10)
    assert ours["97.5%"].to_numpy() == pytest.approx(theirs["asymp.UCL"], rel=1e-10)
    if r["mean_differences"] is not None:
        theirs = r_table(r["mean_differences"])
        ours = marginal_means(model, fit, names, frame, "probability").contrasts().table()
        assert ours["difference"].to_numpy() == pytest.approx(
            theirs["estimate"], rel=1e-9, abs=1e-13
        )
        assert ours["standard error"].to_numpy() == pytest.approx(theirs["SE"], rel=1e-10)


def put(frame, **values):
    return frame.assign(**values)


@pytest.fixture(scope="module")
def crossed():
    model = BernoulliLogistic.from_formula("low ~ race * smoke + age + I(age**2)", BIRTHS)
    return model, fit_newton(model)


def test_over_rows_they_and_their_contrasts_are_right_to_ten_digits(crossed):
    model, fit = crossed
    levels = ("black", "other", "white")
    with mp.workdps(40):
        b, covariance = mp.matrix(fit.coefficients.tolist()), mp.matrix(fit.covariance.tolist())
        means, slopes = [], []
        for level in levels:
            rows = mp.matrix(model.design_matrix(put(BIRTHS, race=level)).tolist())
            p = [1 / (1 + mp.exp(-eta)) for eta in rows * b]
            means.append(mp.fsum(p) / len(p))
            slopes.append(mp.matrix([[each * (1 - each) / len(p) for each in p]]) * rows)

        def error(slope):
            return float(mp.sqrt((slope * covariance * slope.T)[0]))

        one, two = means[1], means[2]
        ratio, odds = one / two, one / (1 - one) * (1 - two) / two
        by_log = slopes[1] / one - slopes[2] / two
        by_logit = slopes[1] / (one * (1 - one)) - slopes[2] / (two * (1 - two))
        exact = {
            "difference": (float(one - two), error(slopes[1] - slopes[2])),
            "ratio": (float(ratio), float(ratio) * error(by_log)),
            "odds ratio": (float(odds), float(odds) * error(by_logit)),
        }
        errors = [error(slope) for slope in slopes]
        half = (means[0] + one) / 2 - two, error((slopes[0] + slopes[1]) / 2 - slopes[2])
    found = marginal_means(model, fit, "race", BIRTHS, "probability", "rows")
    table = found.table()
    assert table["probability"].to_numpy() == pytest.approx([*map(float, means)], rel=1e-10)
    assert table["standard error"].to_numpy() == pytest.approx(errors, rel=1e-10)
    for comparison, (value, its_error) in exact.items():
        row = found.contrasts(comparison=comparison).table()
        row = row.loc["other - white" if comparison == "difference" else "other / white"]
        assert row[[comparison, "standard error"]].tolist() == pytest.approx(
            [value, its_error], rel=1e-10
        )
        z = value / its_error if comparison == "difference" else np.log(value) / its_error * value
        assert row["z"] == pytest.approx(z, rel=1e-9)
    own = found.contrasts({"mixed": {"black": 0.5, "other": 0.5, "white": -1}}).table()
    assert own.loc["mixed", ["difference", "standard error"]].tolist() == pytest.approx(
        [float(half[0]), half[1]], rel=1e-10
    )
    same = found.contrasts([[0.5, 0.5, -1]]).loc["contrast 1"]
    assert same.tolist() == own.loc["mixed"].tolist()
    # and the differences are average marginal effects
    effects = average_marginal_effects(model, fit, BIRTHS, ["race"]).table()
    reference = found.contrasts("reference").table()
    assert reference.to_numpy() == pytest.approx(effects.to_numpy(), rel=1e-10)


@pytest.mark.parametrize("over", ["grid", "rows"])
@pytest.mark.parametrize("scale", ["log-odds", "probability"])
def test_of_draws_they_are_computed_at_each(crossed, scale, over):
    model, _ = crossed
    posterior = sample_independence(model, draws=200, chains=2, seed=1, progress=False)
    found = marginal_means(model, posterior, "race", BIRTHS, scale, over)
    each = []
    for level in ("black", "other", "white"):
        rows = BIRTHS
        if over == "grid":
            rows = pd.DataFrame({"smoke": ["no", "yes"], "age": BIRTHS["age"].mean()})
        eta = posterior.draws @ model.design_matrix(put(rows, race=level)).T
        each.append((eta if scale == "log-odds" else expit(eta)).mean(axis=-1))
    draws = np.stack(each, axis=-1)
    table = found.table()
    assert table[scale].to_numpy() == pytest.approx(draws.mean(axis=(0, 1)), rel=1e-12)
    assert table["sd"].to_numpy() == pytest.approx(draws.std(axis=(0, 1), ddof=1), rel=1e-10)
    difference = draws[..., 0] - draws[..., 2]
    row = found.contrasts().loc["black - white"]
    assert list(row.index) == ["difference", "sd", "2.5%", "97.5%", "pd", "mcse"]
    expected = [difference.mean(), difference.std(ddof=1), *np.quantile(difference, [0.025, 0.975])]
    assert row.tolist()[:4] == pytest.approx(expected, rel=1e-10)
    assert row["pd"] == max((difference > 0).mean(), (difference < 0).mean())
    if scale == "probability":
        row = found.contrasts(comparison="ratio").loc["black / white"]
        assert row["ratio"] == pytest.approx((draws[..., 0] / draws[..., 2]).mean(), rel=1e-10)
    with pytest.raises(ValueError, match="draws have no p-values to adjust"):
        found.contrasts(adjust="holm")


def test_of_many_rows_draws_and_an_estimate_say_the_same():
    frame = pd.concat([BIRTHS] * 20, ignore_index=True)
    model = BernoulliLogistic.from_formula("low ~ race + smoke + age", frame)
    posterior = sample_independence(model, draws=2000, seed=1, progress=False)
    both = [
        marginal_means(model, r, "race", frame, "probability")
        for r in (fit_newton(model), posterior)
    ]
    fit, draws = (each.contrasts().table() for each in both)
    assert draws["difference"].to_numpy() == pytest.approx(fit["difference"], abs=2e-3)
    assert draws["sd"].to_numpy() == pytest.approx(fit["standard error"], rel=0.06)


def test_neither_coding_nor_units_nor_order_matter():
    plain = "low ~ race * smoke + age"
    others = [
        ("low ~ C(race, Treatment('white')) * C(smoke, Sum) + age", BIRTHS),
        ("low ~ race * smoke + I((age - 20) / 7)", BIRTHS),
        (plain, BIRTHS.iloc[::-1].reset_index(drop=True)),
        ("low ~ 0 + race:smoke + age", BIRTHS),
    ]
    model = BernoulliLogistic.from_formula(plain, BIRTHS)
    for over, scale in itertools.product(("grid", "rows"), ("log-odds", "probability")):
        expected = marginal_means(model, fit_newton(model), "race", BIRTHS, scale, over)
        for formula, frame in others:
            other = BernoulliLogistic.from_formula(formula, frame)
            found = marginal_means(other, fit_newton(other), "race", frame, scale, over)
            assert found.table().to_numpy() == pytest.approx(expected.table().to_numpy(), rel=1e-9)
            assert found.contrasts().table().to_numpy() == pytest.approx(
                expected.contrasts().table().to_numpy(), rel=1e-8
            )


def test_weights_are_repetitions():
    weights = np.random.default_rng(3).integers(1, 4, len(BIRTHS))
    frame, formula = BIRTHS.assign(w=weights), "low ~ race + smoke + age"
    weighted = BernoulliLogistic.from_formula(formula, frame, frequency_weights="w")
    many = frame.loc[frame.index.repeat(weights)].reset_index(drop=True)
    repeated = BernoulliLogistic.from_formula(formula, many)
    for over in ("grid", "rows"):
        one = marginal_means(weighted, fit_newton(weighted), "race", frame, "probability", over)
        two = marginal_means(repeated, fit_newton(repeated), "race", many, "probability", over)
        assert one.table().to_numpy() == pytest.approx(two.table().to_numpy(), rel=1e-9)


def in_pieces(frame, folder, monkeypatch):
    """Files of the rows, of which a few are read at a time."""
    monkeypatch.setattr(source, "BATCH_ROWS", 60)
    for number, part in enumerate(np.array_split(np.arange(len(frame)), 2)):
        frame.iloc[part].to_parquet(folder / f"{number}.parquet", row_group_size=30)
    return str(folder / "*.parquet")


@pytest.mark.parametrize(
    "formula", ["low ~ race * smoke + age", "low ~ race + log(lwt) + offset(age / 9)"]
)
def test_of_rows_in_files_they_are_those_in_memory(tmp_path, monkeypatch, formula):
    held = BernoulliLogistic.from_formula(formula, BIRTHS)
    read = BernoulliLogistic.from_parquet(in_pieces(BIRTHS, tmp_path, monkeypatch), formula)
    fit, theirs = fit_newton(held), fit_newton(read)
    for over, scale in itertools.product(("grid", "rows"), ("log-odds", "probability")):
        for at in (None, {"age" if "age" in read.encoding.parsed.predictors else "lwt": 30}):
            expected = marginal_means(held, fit, "race", BIRTHS, scale, over, at)
            found = marginal_means(read, theirs, "race", None, scale, over, at)
            pd.testing.assert_frame_equal(found.table(), expected.table(), rtol=1e-8)
            pd.testing.assert_frame_equal(
                found.contrasts().table(), expected.contrasts().table(), rtol=1e-7
            )
            assert found.notes == expected.notes
    with pytest.raises(ValueError, match="go with data"):
        marginal_means(read, theirs, "race", offset="age")


def test_factors_as_codes_have_the_same_means():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame(
        {"g": rng.choice([f"g{i}" for i in range(40)], 2000), "x": rng.normal(size=2000)}
    )
    frame["h"] = rng.choice(["a", "b", "c"], 2000)
    frame["y"] = (rng.random(2000) < expit(frame["x"] + (frame["h"] == "b"))).astype(int)
    model = BernoulliLogistic.from_formula("y ~ x + g + h", frame)
    fit = fit_newton(model)
    found = marginal_means(model, fit, "h", frame, "probability", "rows")
    expected = [
        expit(model.design_matrix(put(frame, h=level)) @ fit.coefficients).mean() for level in "abc"
    ]
    assert found.table()["probability"].to_numpy() == pytest.approx(expected, rel=1e-10)
    grid = marginal_means(model, fit, "h", frame).contrasts("reference").table()
    place = [model.names.index(f"h[T.{level}]") for level in "bc"]
    assert grid["difference"].to_numpy() == pytest.approx(fit.coefficients[place], rel=1e-10)
    assert grid["standard error"].to_numpy() == pytest.approx(fit.standard_errors[place], rel=1e-8)


def test_numbers_have_means_at_values_and_others_are_held(crossed):
    model, fit = crossed
    found = marginal_means(model, fit, "age", at={"age": [20, 30], "smoke": "yes"})
    assert list(found.table().index) == ["20", "30"]
    rows = pd.DataFrame({"race": ["black", "other", "white"], "smoke": "yes"})
    for age in (20, 30):
        eta = model.design_matrix(rows.assign(age=age)) @ fit.coefficients
        assert found.table().loc[str(age), "log-odds"] == pytest.approx(eta.mean(), rel=1e-12)
    assert found.notes == ("the reference grid has race averaged over 3 values, smoke at yes",)


def test_zeros_and_ones_are_held_at_their_mean_and_on_request_both_kept(crossed):
    model, fit = crossed
    frame = BIRTHS.assign(smoke=(BIRTHS["smoke"] == "yes").astype(int))
    other = BernoulliLogistic.from_formula("low ~ race * smoke + age + I(age**2)", frame)
    theirs = fit_newton(other)
    at_mean = marginal_means(other, theirs, "race", frame).table()
    share = frame["smoke"].mean()
    same = marginal_means(other, theirs, "race", frame, at={"smoke": share}).table()
    assert at_mean.to_numpy() == pytest.approx(same.to_numpy(), rel=1e-12)
    both = marginal_means(other, theirs, "race", frame, at={"smoke": [0, 1]}).table()
    expected = marginal_means(model, fit, "race", BIRTHS).table()
    assert both.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-9)
    assert abs(both["log-odds"] - at_mean["log-odds"]).min() > 0.01


def test_within_levels_of_another_variable_families_are_apart(crossed):
    model, fit = crossed
    found = marginal_means(model, fit, ["race", "smoke"], BIRTHS)
    within = found.contrasts(adjust="holm", within="smoke").table()
    assert list(within.index)[:2] == ["smoke no: black - other", "smoke no: black - white"]
    for smoke in ("no", "yes"):
        alone = marginal_means(model, fit, "race", BIRTHS, at={"smoke": smoke})
        part = within[within.index.str.startswith(f"smoke {smoke}")]
        expected = alone.contrasts(adjust="holm").table()
        assert part.to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-10)
    # robust covariances go through: a single contrast is a Wald test
    robust = robust_covariance(model, fit, "HC3")
    contrast = marginal_means(model, robust, "smoke", BIRTHS).contrasts("sequential").table()
    row = np.diff(
        [
            model.design_matrix(
                pd.DataFrame({"race": ["black", "other", "white"], "smoke": s, "age": 20})
            ).mean(axis=0)
            for s in ("no", "yes")
        ],
        axis=0,
    )
    assert contrast["z"].iloc[0] ** 2 == pytest.approx(
        wald_test(model, robust, row).statistic, rel=1e-9
    )


def test_contrasts_with_the_mean_add_up_to_nothing(crossed):
    model, fit = crossed
    means = marginal_means(model, fit, "race", BIRTHS)
    found = means.contrasts("mean").table()
    assert list(found.index) == ["black - mean", "other - mean", "white - mean"]
    assert found["difference"].sum() == pytest.approx(0, abs=1e-12)
    assert list(means.contrasts("sequential").index) == ["other - black", "white - other"]


def test_tukeys_says_where_it_is_not_proved():
    frame = pd.read_csv(DATA / "grouped.csv")
    model = BernoulliLogistic.from_formula("cbind(dead, n - dead) ~ sex + C(dose)", frame)
    found = (
        marginal_means(model, fit_newton(model), "dose", frame).contrasts(adjust="tukey").table()
    )
    assert "not proved to be conservative for correlated means" in found.columns.name
    saturated = BernoulliLogistic.from_formula("cbind(dead, n - dead) ~ C(dose)", frame)
    found = (
        marginal_means(saturated, fit_newton(saturated), "dose").contrasts(adjust="tukey").table()
    )
    assert found.columns.name.endswith("Tukey's distribution")


def test_what_the_data_say_nothing_of_is_not_made_up():
    cells = pd.read_csv(DATA / "empty_cells.csv")
    model = BernoulliLogistic.from_formula("y ~ (A + B + D)**3", cells, aliased="drop")
    fit = fit_newton(model)
    found = marginal_means(model, fit, ["A", "B"])
    table = found.table()
    proportions = cells.groupby(["A", "B", "D"])["y"].mean()
    logits = np.log(proportions / (1 - proportions)).groupby(["A", "B"]).mean()
    assert table["log-odds"].isna().sum() == 2
    for cell, value in logits.items():
        assert table.loc[cell, "log-odds"] == pytest.approx(value, abs=1e-9)
    assert "say nothing of a, b, a, c" in str(found)
    contrasts = found.contrasts(adjust="tukey").table()
    assert contrasts["difference"].notna().sum() == 7 * 6 / 2
    assert (contrasts["adjusted p"].isna() == contrasts["p"].isna()).all()
    assert found.to_dict()["means"]["a, b"]["log-odds"] is None
    over_rows = marginal_means(model, fit, "D", cells, "probability", "rows").table()
    sizes = cells.groupby(["A", "B"]).size()
    for level in "abc":
        expected = np.average(proportions.unstack("D")[level], weights=sizes)
        assert over_rows.loc[level, "probability"] == pytest.approx(expected, abs=1e-10)


def test_intervals_of_probabilities_stay_inside():
    model = BernoulliLogistic.from_formula("grade ~ gpa + C(psi)", load_spector())
    table = marginal_means(
        model, fit_newton(model), "psi", scale="probability", at={"gpa": [0.5, 1.0]}, prob=0.999
    ).table()
    ends = table[["0.05%", "99.95%"]].to_numpy()
    assert ((ends > 0) & (ends < 1)).all()
    assert (table["probability"] - 3.29 * table["standard error"] < 0).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "nobody"}, "there is no variable"),
        ({"by": "age"}, "'age' is a number: say at which values, such as at={'age'"),
        ({"by": []}, "name the variables"),
        ({"by": "race", "at": {"age": []}}, "no value for 'age'"),
        ({"by": "race", "at": {"who": 1}}, "there is no variable 'who'"),
        ({"by": "race", "scale": "odds"}, 'scale must be "log-odds" or "probability"'),
        ({"by": "race", "over": "rows", "at": {"age": [1, 2]}}, "over rows 'age' has one value"),
        ({"by": "race", "interval": "hdi"}, "Wald interval only"),
        ({"by": "race", "data": None}, "pass data"),
        ({"by": "race", "at": {"smoke": "often"}}, "often"),
    ],
)
def test_what_cannot_be_averaged_is_refused(crossed, options, message):
    with pytest.raises(ValueError, match=message):
        marginal_means(*crossed, **{"data": BIRTHS, **options})


def test_models_of_columns_and_grids_too_large_are_refused(crossed):
    spector = load_spector()
    model = BernoulliLogistic.from_arrays(spector[["gpa", "psi"]], spector["grade"], intercept=True)
    with pytest.raises(ValueError, match="build it with from_formula"):
        marginal_means(model, fit_newton(model), "psi")
    many = np.arange(20, 30, 1e-5).tolist()
    with pytest.raises(ValueError, match="the reference grid has 6000000 rows"):
        marginal_means(*crossed, "race", at={"age": many})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "all"}, 'method must be "pairwise"'),
        ({"comparison": "ratio"}, "a ratio of log-odds says nothing"),
        ({"adjust": "tukey", "method": "reference"}, "Tukey's is for all pairs"),
        ({"method": {"a": {"green": 1}}}, "there is no mean 'green'; they are black, other, white"),
        ({"method": [[1, -1]]}, "has shape"),
        ({"method": [[0, 0, 0]]}, "not all 0"),
        ({"method": [[1, 1, 1]], "comparison": "odds ratio"}, "add up to 0"),
        ({"within": "race"}, "one mean only"),
        ({"within": "smoke"}, "not by 'smoke'"),
        ({"within": "race", "method": [[1, -1, 0]]}, "leave within out"),
    ],
)
def test_contrasts_that_say_nothing_are_refused(crossed, options, message):
    with pytest.raises(ValueError, match=message):
        marginal_means(*crossed, "race", BIRTHS).contrasts(**options)


@pytest.mark.parametrize("x", [30.0, 60.0, 100.0, 400.0])
def test_means_near_one_are_as_exact_as_those_near_zero(x):
    """Against the delta method in 60 digits, and against the other outcome."""
    outcome = [0, 0, 1, 0, 0, 1, 0, 1, 1, 1]
    data = pd.DataFrame({"y": outcome, "x": np.arange(10.0), "b": [True, False] * 5})
    model = BernoulliLogistic.from_formula("y ~ x + b", data)
    fit = fit_newton(model)
    at = {"x": [-x, x, x + 1]}
    means = marginal_means(model, fit, "x", data, at=at, scale="probability")
    with mp.workdps(60):
        beta = [mp.mpf(float(each)) for each in fit.coefficients]
        spread = mp.matrix(fit.covariance.tolist())
        logs, others, slopes = [], [], []
        for value in at["x"]:
            p, q, slope = mp.mpf(0), mp.mpf(0), mp.matrix(3, 1)
            for b in (0, 1):
                row = mp.matrix([1, mp.mpf(value), b])
                eta = sum(row[i] * beta[i] for i in range(3))
                up, down = 1 / (1 + mp.exp(-eta)), 1 / (1 + mp.exp(eta))
                p, q, slope = p + up / 2, q + down / 2, slope + up * down * row / 2
            logs.append(mp.log(p) - mp.log(q))
            others.append(q)
            slopes.append(slope / (p * q))

        def z_of(change, slope):
            return float(change / mp.sqrt((slope.T * spread * slope)[0]))

        ratio = float(logs[0] - logs[1]), z_of(logs[0] - logs[1], slopes[0] - slopes[1])
        plain = [s * (1 - q) * q for s, q in zip(slopes, others, strict=True)]
        near = float(others[2] - others[1]), z_of(others[2] - others[1], plain[1] - plain[2])
        end = logs[1] - mp.mpf("1.959963984540054") * mp.sqrt((slopes[1].T * spread * slopes[1])[0])
        low = float(1 / (1 + mp.exp(-end)))
    found = means.contrasts("pairwise", "odds ratio").iloc[0]
    assert [np.log(found["odds ratio"]), found["z"]] == pytest.approx(ratio, rel=1e-8)
    assert means.table()["2.5%"].iloc[1] == pytest.approx(low, rel=1e-7)
    change = means.contrasts("pairwise").iloc[2]
    # the first of the two less the second
    assert [change["difference"], change["z"]] == pytest.approx(near, rel=1e-8)


@pytest.mark.parametrize("method", ["terms", "pairwise", "mean"])
def test_tests_and_means_of_probabilities_near_one_are_those_of_the_other_outcome(method):
    outcome = np.array([0, 0, 1, 0, 0, 1, 0, 1, 1, 1])
    data = pd.DataFrame({"x": np.arange(10.0), "b": [True, False] * 5})
    found = []
    for y in (outcome, 1 - outcome):
        model = BernoulliLogistic.from_formula("y ~ x + b", data.assign(y=y))
        at = {"x": [60.0, 61.5, 63.0]}
        means = marginal_means(model, fit_newton(model), "x", data, at=at, scale="probability")
        contrasts = means.contrasts("mean")
        found.append((means.joint_tests(method).iloc[0], contrasts["difference"], contrasts["z"]))
    assert means.table()["probability"].max() < 1e-8
    (near_one, differences, z), (near_zero, others, of_others) = found
    assert near_one[["chi-squared", "p"]].to_numpy() == pytest.approx(
        near_zero[["chi-squared", "p"]].to_numpy(), rel=1e-6
    )
    assert near_one["df"] == near_zero["df"] == 2
    assert differences.to_numpy() == pytest.approx(-others.to_numpy(), rel=1e-9, abs=0)
    assert z.to_numpy() == pytest.approx(-of_others.to_numpy(), rel=1e-7)
