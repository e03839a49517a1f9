import json

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from coded_models import both, survey
from peers import TEN, expanded
from places import in_memory
from problems import CASES, DATA, simulated

from flatprior.analysis import (
    average_marginal_effects,
    marginal_means,
    predict,
    robust_covariance,
    summarise,
    wald_test,
)
from flatprior.analysis.inference import robust
from flatprior.models import BernoulliLogistic, fit_newton, load_spector

OHIO = CASES["ohio"]
CLUSTER = pd.read_csv(DATA / "cases" / "ohio.csv")["cluster"]


@pytest.mark.parametrize("name", TEN)
def test_hc0_is_that_of_statsmodels(name):
    case = CASES[name]
    ours = robust_covariance(case.model, fit_newton(case.model))
    frame, response, _ = expanded(case)
    theirs = sm.Logit(response, frame).fit(disp=0, tol=1e-10, maxiter=200, cov_type="HC0")
    assert ours.standard_errors == pytest.approx(theirs.bse.to_numpy(), rel=1e-8)
    assert ours.factor == 1


def test_clusters_are_those_of_statsmodels():
    fit = fit_newton(OHIO.model)
    ours = robust_covariance(OHIO.model, fit, cluster=CLUSTER)
    theirs = sm.Logit(OHIO.response, OHIO.frame).fit(
        disp=0, tol=1e-14, cov_type="cluster", cov_kwds={"groups": CLUSTER}
    )
    assert ours.standard_errors == pytest.approx(theirs.bse.to_numpy(), rel=1e-9)
    assert ours.n_clusters == 537
    assert ours.factor == pytest.approx(537 / 536 * 2147 / 2144, rel=1e-14)
    assert "537 clusters, small-sample factor 1.00327" in str(ours)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3", "HC4"])
def test_each_kind_is_its_formula(kind):
    X, y = simulated(80, 3, seed=1)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    p = 1 / (1 + np.exp(-X @ fit.coefficients))
    V = np.linalg.inv(X.T @ (X * (p * (1 - p))[:, None]))
    leverage = p * (1 - p) * np.einsum("ij,jk,ik->i", X, V, X)
    share = {"HC0": 1, "HC1": 80 / 77, "HC2": 1 / (1 - leverage), "HC3": (1 - leverage) ** -2}
    # Cribari-Neto (2004), and sandwich::vcovHC
    share["HC4"] = (1 - leverage) ** -np.minimum(4, leverage / leverage.mean())
    meat = X.T @ (X * ((y - p) ** 2 * share[kind])[:, None])
    assert robust_covariance(model, fit, kind).covariance == pytest.approx(V @ meat @ V, rel=1e-9)


@pytest.mark.parametrize("kind", ["HC0", "HC1", "HC2", "HC3", "cluster"])
def test_a_weight_is_so_many_observations(kind):
    X, y = simulated(60, 3, seed=2)
    weights = np.random.default_rng(3).integers(1, 4, size=60)
    cluster = np.arange(60) // 4
    weighted = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    repeated = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    options = [{"kind": kind}] * 2
    if kind == "cluster":
        options = [{"cluster": cluster}, {"cluster": np.repeat(cluster, weights)}]
    first, second = (
        robust_covariance(model, fit_newton(model), **choice).covariance
        for model, choice in zip((weighted, repeated), options, strict=True)
    )
    assert first == pytest.approx(second, rel=1e-9)


def test_each_row_a_cluster_is_hc0_but_for_the_factor():
    fit = fit_newton(OHIO.model)
    alone = robust_covariance(OHIO.model, fit, cluster=np.arange(2148))
    plain = robust_covariance(OHIO.model, fit)
    assert alone.covariance / alone.factor == pytest.approx(plain.covariance, rel=1e-12)


def test_rows_in_files_give_the_same(tmp_path):
    frame = OHIO.frame.assign(y=OHIO.response, who=[f"child {c}" for c in CLUSTER])
    frame.to_parquet(tmp_path / "ohio.parquet", row_group_size=100)
    formula = "y ~ age + smoke + age_smoke"
    model = BernoulliLogistic.from_parquet(tmp_path / "ohio.parquet", formula)
    memory = BernoulliLogistic.from_formula(formula, frame)
    fits = fit_newton(model), fit_newton(memory)
    for kind in ("HC0", "HC1", "HC2", "HC3", "HC4"):
        assert robust_covariance(model, fits[0], kind).covariance == pytest.approx(
            robust_covariance(memory, fits[1], kind).covariance, rel=1e-8
        )
    assert robust_covariance(model, fits[0], cluster="who").covariance == pytest.approx(
        robust_covariance(memory, fits[1], cluster=frame["who"]).covariance, rel=1e-8
    )


def test_a_series_of_clusters_is_matched_by_its_index():
    frame = OHIO.frame.assign(y=OHIO.response)
    frame.loc[7, "age"] = np.nan
    model = BernoulliLogistic.from_formula("y ~ age + smoke", frame)
    fit = fit_newton(model)
    shuffled = CLUSTER.sample(frac=1, random_state=1)
    kept = CLUSTER.drop(7).to_numpy()
    assert np.array_equal(
        robust_covariance(model, fit, cluster=shuffled).covariance,
        robust_covariance(model, fit, cluster=kept).covariance,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "HC5"}, "kind must be one of HC0, HC1, HC2, HC3"),
        ({"kind": "HC1", "cluster": np.zeros(2148)}, "does not go with cluster"),
        ({"cluster": np.zeros(2148)}, "one cluster only"),
        ({"cluster": np.zeros(3)}, "has 3 values, the data have 2148 rows"),
        ({"cluster": pd.Series(np.arange(2148.0)).mask(CLUSTER == 3)}, "missing in 4 rows"),
        ({"cluster": pd.Series([1, 2], index=["a", "b"])}, "does not match the rows"),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        robust_covariance(OHIO.model, fit_newton(OHIO.model), **options)


def test_the_fit_of_another_model_is_refused():
    other = CASES["spector"].model
    with pytest.raises(ValueError, match="that of another model"):
        robust_covariance(OHIO.model, fit_newton(other))


def test_the_table_has_wald_intervals():
    ours = robust_covariance(OHIO.model, fit_newton(OHIO.model))
    table = ours.table(prob=0.9)
    assert list(table.columns) == ["coefficient", "standard error", "5%", "95%"]
    width = 2 * 1.6448536269514722 * ours.standard_errors
    assert (table["95%"] - table["5%"]).to_numpy() == pytest.approx(width)


def years(rng):
    """A raw polynomial of years, and the same model counted from 2000."""
    year = rng.integers(1990, 2021, size=500).astype(float)
    t = year - 2000
    y = (rng.random(500) < 1 / (1 + np.exp(-0.1 * t + 0.01 * t**2))).astype(float)
    powers = [np.column_stack([x**j for j in range(3)]) for x in (year, t)]
    shift = np.array([[1, 2000, 2000**2], [0, 1, 4000], [0, 0, 1]])  # row_raw = row_t @ shift
    return *(BernoulliLogistic.from_arrays(X, y) for X in powers), shift.astype(float)


@pytest.mark.parametrize("kind", ["HC0", "HC3", "cluster"])
def test_columns_far_from_zero_cost_no_digits(kind):
    raw, centred, shift = years(np.random.default_rng(5))
    options = {"cluster": np.arange(500) // 12} if kind == "cluster" else {"kind": kind}
    first, second = (robust_covariance(m, fit_newton(m), **options) for m in (raw, centred))
    row = np.array([1.0, 10.0, 100.0])
    error = np.linalg.norm(row @ shift @ first.root)
    assert error == pytest.approx(np.sqrt(row @ second.covariance @ row), rel=1e-5)
    statistics = [
        wald_test(r, hypothesis).statistic
        for r, hypothesis in ((first, (row @ shift)[None]), (second, row[None]))
    ]
    assert statistics[0] == pytest.approx(statistics[1], rel=1e-5)


def test_few_clusters_support_few_restrictions():
    X, y = simulated(400, 7, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    few = robust_covariance(model, fit, cluster=np.arange(400) % 6)
    assert predict(model, few, X[:3])["standard error"].to_numpy() == pytest.approx(
        np.sqrt(np.einsum("ij,jk,ik->i", X[:3], few.covariance, X[:3])), rel=1e-9
    )
    assert wald_test(few, list(model.names[1:3])).df == 2
    with pytest.raises(
        ArithmeticError, match="of 6 clusters supports 5 restrictions together, not"
    ):
        wald_test(few, list(model.names[1:]))


def test_sampling_weights_have_the_sandwich_of_one_cluster_a_row():
    # what the note on frequency weights advises: each row's weighted score once, not w times
    X, y = simulated(200, 3, seed=5)
    weights = np.random.default_rng(6).integers(1, 5, size=200)
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    fit = fit_newton(model)
    found = robust_covariance(model, fit, cluster=np.arange(200))
    p = 1 / (1 + np.exp(-X @ fit.coefficients))
    score = (weights * (y - p))[:, None] * X
    bread = np.linalg.inv(X.T @ ((weights * p * (1 - p))[:, None] * X))
    expected = bread @ (score.T @ score) @ bread
    assert found.covariance == pytest.approx(found.factor * expected, rel=1e-8)


def test_factors_for_small_samples_go_by_the_names_of_programs():
    """At 32 observations and 4 coefficients they differ by several per cent."""
    data = load_spector()
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    fit = fit_newton(model)
    n, k, groups = 32, 4, np.arange(32) % 8
    plain = robust_covariance(model, fit, cluster=groups, correction="none")
    factors = {"statsmodels": 8 / 7 * (n - 1) / (n - k), "Stata": 8 / 7, "R": 8 / 7, "none": 1.0}
    for correction, factor in factors.items():
        found = robust_covariance(model, fit, cluster=groups, correction=correction)
        assert found.factor == pytest.approx(factor)
        np.testing.assert_allclose(found.covariance, factor * plain.covariance, rtol=1e-12)
        assert summarise(model, fit, robust=found).table()["standard error"].to_numpy() == (
            pytest.approx(found.standard_errors)
        )
    single = {c: robust_covariance(model, fit, correction=c).factor for c in factors}
    assert single == {"statsmodels": 1.0, "Stata": pytest.approx(32 / 31), "R": 1.0, "none": 1.0}
    with pytest.raises(ValueError, match="correction must be"):
        robust_covariance(model, fit, correction="SAS")


BY_GROUP = [
    ({"kind": "HC0"}, "HC0"),
    ({"kind": "HC1"}, "HC1"),
    ({"kind": "HC2"}, "HC2"),
    ({"kind": "HC3"}, "HC3"),
    ({"correction": "Stata"}, "Stata"),
]
COUNTS = pd.read_csv(DATA / "grouped.csv")
IN_R = json.loads((DATA / "grouped.json").read_text())


def of_counts(frame=COUNTS):
    model = BernoulliLogistic.from_formula("cbind(dead, n - dead) ~ sex + dose", frame)
    fit = fit_newton(model)
    order = [model.names.index(name) for name in ("Intercept", "sex[T.M]", "dose")]
    assert fit.coefficients[order] == pytest.approx(IN_R["coefficients"], rel=1e-9)
    return model, fit, order


@pytest.mark.parametrize(("options", "name"), BY_GROUP)
def test_a_group_is_one_observation_as_in_sandwich_of_r(options, name):
    model, fit, order = of_counts()
    found = robust_covariance(model, fit, units="groups", **options)
    assert found.standard_errors[order] == pytest.approx(IN_R[name], rel=1e-9)
    assert found.said == f"{options.get('kind', 'HC0')} of 12 groups"
    assert f"{found.said}, small-sample factor" in str(found)
    summary = summarise(model, fit, robust=found)
    assert any(note.startswith(f"standard errors are {found.said}") for note in summary.notes)
    assert summary.table()["standard error"].to_numpy() == pytest.approx(found.standard_errors)
    assert wald_test(model, found, "dose").statistic == pytest.approx(
        (IN_R["coefficients"][2] / IN_R[name][2]) ** 2, rel=1e-8
    )


def test_a_single_trial_is_one_observation_where_nothing_else_is_said():
    model, fit, order = of_counts()
    found = robust_covariance(model, fit)
    assert found.standard_errors[order] == pytest.approx(IN_R["trials"], rel=1e-9)
    assert found.said == "HC0 of 248 single trials"


def test_clusters_of_groups_are_those_of_vcovcl():
    model, fit, order = of_counts()
    batch = COUNTS["batch"].loc[model.row_labels].to_numpy()
    found = robust_covariance(model, fit, cluster=batch, correction="R", units="groups")
    assert found.standard_errors[order] == pytest.approx(IN_R["cluster"], rel=1e-9)
    theirs = robust_covariance(model, fit, cluster=batch, units="groups")
    assert theirs.factor == pytest.approx(4 / 3 * 11 / 9)  # of 12 observations, as statsmodels'


def test_groups_are_told_apart_though_labels_repeat_or_no_group_is_said_to_be_one():
    model, fit, _ = of_counts()
    expected = robust_covariance(model, fit, units="groups").covariance
    alike, again, _ = of_counts(COUNTS.set_index(np.zeros(12, dtype=int)))
    assert robust_covariance(alike, again, units="groups").covariance == pytest.approx(expected)
    # all of one group, and none of the next that has its label and its columns: one group, or two?
    pair = pd.DataFrame({"s": [5, 0, 3, 2, 4], "f": [0, 5, 2, 2, 1], "x": [1, 1, 2, 3, 4.0]})
    for labels, told in ([0, 1, 2, 3, 4], True), ([0, 0, 2, 3, 4], False):
        model = BernoulliLogistic.from_formula("cbind(s, f) ~ x", pair.set_index(pd.Index(labels)))
        fit = fit_newton(model)
        if told:
            assert robust_covariance(model, fit, units="groups").n_units == 5
        else:
            with pytest.raises(ValueError, match="cannot be told apart: give each row"):
                robust_covariance(model, fit, units="groups")


def test_groups_are_refused_where_there_are_none_or_too_few(tmp_path):
    plain = CASES["spector"].model
    with pytest.raises(ValueError, match='units="groups" are of grouped counts'):
        robust_covariance(plain, fit_newton(plain), units="groups")
    with pytest.raises(ValueError, match="units must be"):
        robust_covariance(plain, fit_newton(plain), units="rows")
    model = BernoulliLogistic.from_formula("cbind(dead, n - dead) ~ dose", COUNTS[1:3])
    with pytest.raises(ValueError, match="2 groups have no more residuals than"):
        robust_covariance(model, fit_newton(model), units="groups")
    COUNTS.to_parquet(tmp_path / "counts.parquet")
    formula = "cbind(dead, n - dead) ~ sex + dose"
    files = BernoulliLogistic.from_parquet(tmp_path / "counts.parquet", formula)
    with pytest.raises(ValueError, match="need the rows in memory"):
        robust_covariance(files, fit_newton(files), units="groups")
    single = COUNTS.assign(own=COUNTS.index == 3)
    model = BernoulliLogistic.from_formula(f"{formula} + own", single)
    with pytest.raises(ArithmeticError, match="a group has a leverage"):
        robust_covariance(model, fit_newton(model), "HC3", units="groups")


def test_groups_are_told_apart_where_factors_are_held_as_codes():
    frame = survey(60, 3).assign(s=np.arange(60) % 3, f=1 + np.arange(60) % 2)
    held, written = both("cbind(s, f) ~ x + g", frame)
    one, two = (
        robust_covariance(model, fit_newton(model), units="groups") for model in (held, written)
    )
    assert one.n_units == two.n_units == 60
    assert np.allclose(one.covariance, two.covariance, rtol=1e-6)


@pytest.mark.parametrize("formula", ["y ~ x", "y ~ x + g"])
def test_every_kind_of_single_observations_takes_one_pass_where_all_are_asked_for(
    tmp_path, formula
):
    rng = np.random.default_rng(9)
    frame = pd.DataFrame({"x": rng.normal(size=20_000), "g": "g"})
    frame["g"] += (np.arange(20_000) % 30).astype(str)
    frame = frame.assign(y=(rng.random(20_000) < 0.3).astype(int))
    frame.to_parquet(tmp_path / "rows.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", formula)
    fit = fit_newton(model)
    robust_covariance(model, fit)  # the bread is known then
    before = model.passes.number
    kinds = ("HC1", "HC2", "HC3")
    every = [robust.sandwich(model, fit.coefficients, kind, None, every=True) for kind in kinds]
    assert model.passes.number - before == 1
    for kind, found in zip(kinds, every, strict=True):
        held = in_memory(frame, tmp_path, formula)
        expected = robust_covariance(held, fit_newton(held), kind)
        np.testing.assert_allclose(found.standard_errors, expected.standard_errors, rtol=1e-7)
    again = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", formula)
    alone = robust.sandwich(again, fit.coefficients, "HC3", None)
    np.testing.assert_array_equal(every[-1].covariance, alone.covariance)


def test_whose_factor_it_is_is_said():
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    fit = fit_newton(model)
    groups = np.arange(32) % 8
    for correction in ("statsmodels", "Stata", "R"):
        found = robust_covariance(model, fit, cluster=groups, correction=correction)
        said = f"small-sample factor {found.factor:.6g} ({correction})"
        assert said in str(found)
        assert said in " ".join(str(summarise(model, fit, robust=found)).split())
    few = BernoulliLogistic.from_arrays(np.eye(2)[[0, 0, 1, 1]], [0, 1, 0, 1])
    found = robust_covariance(few, fit_newton(few), cluster=[0, 1, 0, 1])
    assert found.factor == pytest.approx(2 * 3 / 2)


def grouped():
    frame = pd.DataFrame(
        {"s": [1, 2, 0, 4, 3, 2], "f": [3, 2, 4, 0, 1, 2], "x": np.arange(6.0), "g": list("abbcca")}
    )
    return frame, BernoulliLogistic.from_formula("cbind(s, f) ~ x", frame)


def test_of_groups_of_trials_a_cluster_for_each_group_will_do():
    frame, model = grouped()
    fit = fit_newton(model)
    of_series = robust_covariance(model, fit, cluster=frame["g"])
    for given in (frame["g"].to_numpy(), list(frame["g"]), frame["g"][model.row_labels].array):
        found = robust_covariance(model, fit, cluster=given)
        np.testing.assert_array_equal(found.covariance, of_series.covariance)
        assert found.n_clusters == 3
    with pytest.raises(ValueError, match="'cluster' has 5 values, and there are 6 groups"):
        robust_covariance(model, fit, cluster=[1, 2, 3, 4, 5])


def test_effects_of_groups_of_trials_are_over_the_rows_of_the_data():
    frame, model = grouped()
    found = average_marginal_effects(model, fit_newton(model), frame)
    assert model.n_rows == 10
    assert found.facts[0].endswith("over 6 rows")
    halves = frame.assign(h=list("aaabbb"))
    other = BernoulliLogistic.from_formula("cbind(s, f) ~ h", halves)
    means = marginal_means(other, fit_newton(other), "h", halves, over="rows")
    assert "Average over 6 rows" in str(means)
