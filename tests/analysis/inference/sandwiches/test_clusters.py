"""Clusters of two ways, and CR2, against other programs, dense algebra and what they are for."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from coded_models import both, survey
from places import PLACES
from problems import DATA, simulated
from scipy.linalg import sqrtm

from flatprior.analysis import robust_covariance, summarise, wald_test
from flatprior.analysis.inference.sandwiches.clusters import adjustment, both_at_once, ways_of
from flatprior.models import BernoulliLogistic, fit_newton


def panel(n=240, seed=1):
    """Rows of 12 firms and 9 years, whose outcomes depend on both."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"firm": rng.integers(0, 12, n), "year": 2000 + rng.integers(0, 9, n)})
    frame["x"] = rng.normal(size=n) + 0.7 * rng.normal(size=12)[frame["firm"]]
    frame["z"] = rng.normal(size=n) + 0.7 * rng.normal(size=9)[frame["year"] - 2000]
    eta = 0.5 * frame["x"] + 0.8 * rng.normal(size=12)[frame["firm"]]
    eta += 0.6 * rng.normal(size=9)[frame["year"] - 2000]
    return frame.assign(y=(rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int))


FRAME = panel()
MODEL = BernoulliLogistic.from_formula("y ~ x + z", FRAME)
FIT = fit_newton(MODEL)
WAYS = [FRAME["firm"], FRAME["year"]]


def by_hand(model, beta, groups, kind="plain"):
    """Meat and bread of clusters, written out."""
    X, y, w = model.design, model.response, model.counts
    p = 1 / (1 + np.exp(-X @ beta))
    bread = np.linalg.inv(X.T @ (X * (w * p * (1 - p))[:, None]))
    scores = pd.DataFrame(X * (w * (y - p))[:, None]).groupby(np.asarray(groups)).sum().to_numpy()
    return bread @ scores.T @ scores @ bread, len(scores)


def test_two_ways_are_those_of_statsmodels():
    found = robust_covariance(MODEL, FIT, cluster=WAYS)
    X = sm.add_constant(FRAME[["x", "z"]])
    theirs = sm.Logit(FRAME["y"], X).fit(
        disp=0,
        tol=1e-14,
        cov_type="cluster",
        cov_kwds={"groups": FRAME[["firm", "year"]].to_numpy()},
    )
    assert found.covariance == pytest.approx(theirs.cov_params().to_numpy(), rel=1e-8, abs=1e-13)
    assert found.n_negative == 0
    pairs = len(FRAME.groupby(["firm", "year"]))
    assert found.clusters_by_way == (12, 9, pairs)
    assert found.n_clusters == 9
    assert np.isnan(found.factor)
    said = f"by 12 and 9 clusters, {pairs} together, small-sample factors"
    assert said in " ".join(str(found).split())


@pytest.mark.parametrize("correction", ["R", "Stata", "none", "statsmodels"])
def test_two_ways_are_one_more_another_less_both_each_with_its_factor(correction):
    found = robust_covariance(MODEL, FIT, cluster=WAYS, correction=correction)
    pair = FRAME["firm"] * 10_000 + FRAME["year"]
    expected = 0
    for sign, groups in ((1, FRAME["firm"]), (1, FRAME["year"]), (-1, pair)):
        part, g = by_hand(MODEL, FIT.coefficients, groups)
        factor = 1 if correction == "none" else g / (g - 1)
        factor *= 239 / 237 if correction == "statsmodels" else 1
        expected = expected + sign * factor * part
    assert found.covariance == pytest.approx(expected, rel=1e-9, abs=1e-14)
    assert (f"({correction})" in str(found)) == (correction != "none") or correction == "none"


def test_two_ways_may_be_given_in_several_forms():
    first = robust_covariance(MODEL, FIT, cluster=WAYS).covariance
    shuffled = FRAME[["firm", "year"]].sample(frac=1, random_state=1)
    for cluster in (
        tuple(WAYS),
        FRAME[["firm", "year"]],
        FRAME[["firm", "year"]].to_numpy(),
        [FRAME["firm"].tolist(), FRAME["year"].astype(str)],
        shuffled,
    ):
        found = robust_covariance(MODEL, FIT, cluster=cluster).covariance
        assert found == pytest.approx(first, rel=1e-12)
    alone = robust_covariance(MODEL, FIT, cluster=FRAME[["firm"]]).covariance
    assert alone == pytest.approx(robust_covariance(MODEL, FIT, cluster=FRAME["firm"]).covariance)


def test_the_same_way_twice_is_that_way():
    one = robust_covariance(MODEL, FIT, cluster=FRAME["firm"])
    two = robust_covariance(MODEL, FIT, cluster=[FRAME["firm"], FRAME["firm"]])
    assert two.covariance == pytest.approx(one.covariance, rel=1e-11)
    assert two.clusters_by_way == (12, 12, 12)


def test_what_is_negative_is_set_to_0_and_said():
    # each row its own firm and its own year but for one pair: the difference is indefinite
    n = 24
    X, y = simulated(n, 3, seed=2)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = fit_newton(model)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        ways = [rng.integers(0, 3, n), rng.integers(0, 3, n)]
        found = robust_covariance(model, fit, cluster=ways, correction="none")
        parts = [
            by_hand(model, fit.coefficients, groups)[0]
            for groups in (ways[0], ways[1], ways[0] * 10 + ways[1])
        ]
        difference = parts[0] + parts[1] - parts[2]
        root = np.linalg.cholesky(model.information(fit.coefficients))  # whitens
        values, vectors = np.linalg.eigh(root.T @ difference @ root)
        assert found.n_negative == (values < -1e-9 * values.max()).sum()
        expected = vectors @ np.diag(np.maximum(values, 0)) @ vectors.T
        assert root.T @ found.covariance @ root == pytest.approx(expected, rel=1e-7, abs=1e-9)
        if found.n_negative:
            assert "negative eigenvalue of the difference set to 0" in " ".join(str(found).split())
            break
    assert found.n_negative


def test_rows_in_files_and_on_dask_give_the_same(tmp_path):
    texts = FRAME.assign(firm="f" + FRAME["firm"].astype(str))
    expected = robust_covariance(MODEL, FIT, cluster=WAYS)
    for place in ("Parquet", "CSV", "Dask"):
        (tmp_path / place).mkdir()
        model = PLACES[place](texts, tmp_path / place, "y ~ x + z")
        fit = fit_newton(model)
        found = robust_covariance(model, fit, cluster=("firm", "year"))
        assert found.covariance == pytest.approx(expected.covariance, rel=1e-8, abs=1e-13)
        assert found.clusters_by_way == expected.clusters_by_way
        again = summarise(model, fit, robust=found).table()["standard error"].to_numpy()
        assert again == pytest.approx(expected.standard_errors, rel=1e-8)
        with pytest.raises(ValueError, match="CR2 takes all rows of a cluster at once"):
            robust_covariance(model, fit, "CR2", cluster="firm")


def test_factors_held_as_codes_have_the_same_covariances():
    frame = survey(400, 40)
    rng = np.random.default_rng(3)
    firm, year = rng.integers(0, 20, 400), rng.integers(0, 15, 400)
    held, written = both("y ~ x + g", frame)
    fits = [fit_newton(model) for model in (held, written)]
    for options in (
        {"cluster": [firm, year]},
        {"kind": "CR2", "cluster": firm},
        {"kind": "HC4"},
    ):
        one, two = (
            robust_covariance(model, fit, **options)
            for model, fit in zip((held, written), fits, strict=True)
        )
        assert one.standard_errors == pytest.approx(two.standard_errors, rel=1e-6)


def club_sandwich(model, beta, groups):
    """``clubSandwich::vcovCR(fit, groups, "CR2")`` of a glm of single rows, its code in NumPy."""
    X, y = model.design, model.response
    p = 1 / (1 + np.exp(-X @ beta))
    v = p * (1 - p)
    bread = np.linalg.inv(X.T @ (X * v[:, None]))
    meat = 0
    for group in np.unique(groups):
        own = np.asarray(groups) == group
        U, W, theta = v[own, None] * X[own], np.diag(1 / v[own]), np.diag(v[own])
        root = np.linalg.cholesky(theta).T
        G = root @ (np.eye(own.sum()) - U @ bread @ U.T @ W) @ theta @ root.T
        A = root.T @ np.linalg.inv(np.real(sqrtm(G))) @ root
        score = U.T @ W @ A @ (y - p)[own]
        meat = meat + np.outer(score, score)
    return bread @ meat @ bread


def test_cr2_is_that_of_club_sandwich():
    found = robust_covariance(MODEL, FIT, "CR2", cluster=FRAME["firm"])
    expected = club_sandwich(MODEL, FIT.coefficients, FRAME["firm"])
    assert found.covariance == pytest.approx(expected, rel=1e-7)
    assert (found.kind, found.factor, found.n_clusters) == ("CR2", 1, 12)
    assert "CR2 by 12 clusters, small-sample factor 1" in str(found)
    table = summarise(MODEL, FIT, robust=found).table()
    assert table["standard error"].to_numpy() == pytest.approx(found.standard_errors)


def test_cr2_of_clusters_of_one_row_is_hc2():
    found = robust_covariance(MODEL, FIT, "CR2", cluster=np.arange(240))
    assert found.covariance == pytest.approx(robust_covariance(MODEL, FIT, "HC2").covariance)


def test_cr2_is_unbiased_where_the_model_is_right():
    """With the residuals' own covariance in place of their squares it is the model's."""
    X, groups = MODEL.design, FRAME["firm"].to_numpy()
    p = 1 / (1 + np.exp(-X @ FIT.coefficients))
    v = p * (1 - p)
    white = np.linalg.inv(np.linalg.cholesky(X.T @ (X * v[:, None]))).T
    meat = 0
    for group in np.unique(groups):
        own = groups == group
        z = np.sqrt(v[own])[:, None] * (X[own] @ white)
        spread = np.sqrt(v[own])[:, None] * (np.eye(own.sum()) - z @ z.T) * np.sqrt(v[own])
        A = adjustment(z, v[own])[0]
        pull = A.T @ (X[own] @ white)
        meat = meat + pull.T @ spread @ pull
    assert meat == pytest.approx(np.eye(3), abs=1e-10)


def test_weights_are_repetitions_in_cr2():
    X, y = simulated(90, 3, seed=4)
    rng = np.random.default_rng(4)
    weights, groups = rng.integers(1, 4, 90), rng.integers(0, 8, 90)
    weighted = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    repeated = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    one = robust_covariance(weighted, fit_newton(weighted), "CR2", cluster=groups)
    two = robust_covariance(
        repeated, fit_newton(repeated), "CR2", cluster=np.repeat(groups, weights)
    )
    assert one.covariance == pytest.approx(two.covariance, rel=1e-8)
    ways = [groups, rng.integers(0, 6, 90)]
    one = robust_covariance(weighted, fit_newton(weighted), cluster=ways)
    two = robust_covariance(
        repeated, fit_newton(repeated), cluster=[np.repeat(way, weights) for way in ways]
    )
    assert one.covariance == pytest.approx(two.covariance, rel=1e-8)


def test_cr2_of_a_column_of_one_cluster_takes_the_inverse_that_there_is():
    own = (FRAME["firm"] == 3).astype(float)
    model = BernoulliLogistic.from_formula("y ~ x + own", FRAME.assign(own=own))
    fit = fit_newton(model)
    found = robust_covariance(model, fit, "CR2", cluster=FRAME["firm"])
    X, beta = model.design, fit.coefficients
    p = 1 / (1 + np.exp(-X @ beta))
    v = p * (1 - p)
    bread, meat = np.linalg.inv(X.T @ (X * v[:, None])), 0
    for group in range(12):
        rows = (FRAME["firm"] == group).to_numpy()
        scaled = np.sqrt(v[rows])[:, None] * X[rows]
        G = v[rows, None] * (np.eye(rows.sum()) - scaled @ bread @ scaled.T) * v[rows]
        values, vectors = np.linalg.eigh(G)
        power = np.where(values > 1e-12, np.maximum(values, 1e-12) ** -0.5, 0)
        half = vectors * power @ vectors.T
        root = np.sqrt(v[rows])
        score = X[rows].T @ (root * (half @ (root * (model.response - p)[rows])))
        meat = meat + np.outer(score, score)
    assert found.covariance == pytest.approx(bread @ meat @ bread, rel=1e-6, abs=1e-12)


def test_cr2_of_groups_is_that_of_a_binomial_glm():
    counts = pd.read_csv(DATA / "grouped.csv")
    model = BernoulliLogistic.from_formula("cbind(dead, n - dead) ~ sex + dose", counts)
    fit = fit_newton(model)
    batch = counts["batch"].loc[model.row_labels].to_numpy()
    found = robust_covariance(model, fit, "CR2", cluster=batch, units="groups")
    first = ~model.row_labels.duplicated()
    X, n = model.design[first], counts["n"].to_numpy()
    p = 1 / (1 + np.exp(-X @ fit.coefficients))
    v = p * (1 - p)
    bread, meat = np.linalg.inv(X.T @ (X * (n * v)[:, None])), 0
    for each in np.unique(batch):
        own = counts["batch"].to_numpy() == each
        U, W, theta = v[own, None] * X[own], np.diag((n / v)[own]), np.diag((v / n)[own])
        root = np.sqrt(theta)
        G = root @ (np.eye(own.sum()) - U @ bread @ U.T @ W) @ theta @ root
        A = root @ np.linalg.inv(np.real(sqrtm(G))) @ root
        score = U.T @ W @ A @ (counts["dead"] / n - p)[own]
        meat = meat + np.outer(score, score)
    assert found.covariance == pytest.approx(bread @ meat @ bread, rel=1e-7)
    split = np.arange(model.n_rows) % 3
    with pytest.raises(ValueError, match="trials of a group are in one cluster"):
        robust_covariance(model, fit, "CR2", cluster=split, units="groups")


def test_robust_wald_tests_of_several_coefficients():
    for options in (
        {"cluster": WAYS},
        {"kind": "CR2", "cluster": FRAME["firm"]},
        {"kind": "HC4"},
    ):
        found = robust_covariance(MODEL, FIT, **options)
        beta, V = FIT.coefficients[1:], found.covariance[1:, 1:]
        expected = beta @ np.linalg.solve(V, beta)
        if found.moments is not None:  # Hotelling's, as clubSandwich has it
            df = found.moments.degrees_of_freedom(np.eye(3)[1:])
            expected *= (df - 1) / (2 * df)
        for test in (wald_test(MODEL, found, ["x", "z"]), wald_test(found, ["x", "z"])):
            assert test.statistic == pytest.approx(expected, rel=1e-9)
            assert test.df == 2


def test_units_do_not_matter():
    scaled = BernoulliLogistic.from_formula("y ~ x + z", FRAME.assign(x=FRAME["x"] * 1e6))
    for options in ({"cluster": WAYS}, {"kind": "CR2", "cluster": FRAME["firm"]}):
        one = robust_covariance(MODEL, FIT, **options).standard_errors
        two = robust_covariance(scaled, fit_newton(scaled), **options).standard_errors
        assert two * [1, 1e6, 1] == pytest.approx(one, rel=1e-9)


@pytest.mark.parametrize("seed", range(6))
def test_a_root_of_variances_of_all_sizes_is_one_or_is_refused(seed):
    # what A is for: A V A' is the variance of the responses, V that of the residuals
    rng = np.random.default_rng(seed)
    theta = rng.permutation(np.geomspace(0.2, 10.0 ** -rng.uniform(2, 24), 9))
    z = rng.normal(size=(9, 2))
    z *= 0.9 / np.linalg.norm(z, 2)
    try:
        A = adjustment(z, theta)[0]
    except ArithmeticError as error:
        assert "has lost its digits" in str(error)  # noqa: PT017
        return
    root = np.sqrt(theta)
    moved = A / root[:, None] * root
    assert moved @ (np.eye(9) - z @ z.T) @ moved.T == pytest.approx(np.eye(9), abs=1e-5)


def test_a_variance_of_nothing_has_no_root():
    with pytest.raises(ArithmeticError, match="has lost its digits"):
        adjustment(np.full((3, 1), 0.3), np.array([0.2, 0.1, 0.0]))


def test_ways_are_numbered():
    ways = ways_of(MODEL, WAYS)
    assert [way.n_clusters for way in ways] == [12, 9]
    pair = both_at_once(MODEL, ways)
    assert pair.n_clusters == len(FRAME.groupby(["firm", "year"]))
    together = pd.DataFrame({"n": pair.named, "firm": FRAME["firm"], "year": FRAME["year"]})
    assert (together.groupby("n")[["firm", "year"]].nunique() == 1).all(axis=None)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "CR2"}, "CR2 is of clusters: give cluster="),
        ({"kind": "CR2", "cluster": WAYS}, "CR2 is of one way"),
        ({"kind": "HC4", "cluster": FRAME["firm"]}, "HC4 does not go with cluster"),
        ({"cluster": [*WAYS, FRAME["x"]]}, "one way or of two, and there are 3"),
        ({"cluster": [FRAME["firm"], np.zeros(240)]}, "one cluster only"),
        (
            {"cluster": [FRAME["firm"], FRAME["x"].mask(FRAME["firm"] == 0)]},
            "cluster is missing in",
        ),
    ],
)
def test_bad_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        robust_covariance(MODEL, FIT, **options)
