"""Degrees of freedom of CR2 against dense algebra, R, simulation and limits."""

import numpy as np
import pandas as pd
import pytest
from problems import DATA, simulated
from r_values import NAMES, STORED, r_model
from scipy.linalg import sqrtm
from scipy.stats import f as f_distribution, t as student

from flatprior.analysis import robust_covariance, summarise, wald_test
from flatprior.analysis.inference.sandwiches.degrees_of_freedom import hotelling
from flatprior.models import BernoulliLogistic, fit_newton

CLUSTERED = [name for name in NAMES if "clustered" in STORED["models"][name]]


def dense(X, theta, pull_of, groups, C):
    """Covariances (g, g, q, q) of what clusters add to combinations C (q, k), by full matrices.

    `theta` are variances of responses, `pull_of` (n, k) what a residual has in the score.
    """
    root = np.sqrt(theta)
    bread = np.linalg.inv(pull_of.T @ (theta[:, None] * pull_of))
    scaled = root[:, None] * pull_of
    spread = root[:, None] * (np.eye(len(theta)) - scaled @ bread @ scaled.T) * root
    names = np.unique(groups)
    G = np.zeros((len(theta), len(names), len(C)))
    for i, name in enumerate(names):
        own = groups == name
        inner = root[own, None] * spread[np.ix_(own, own)] * root[own]
        A = root[own, None] * np.linalg.pinv(np.real(sqrtm(inner))) * root[own]
        G[own, i] = A @ pull_of[own] @ bread @ C.T
    return np.einsum("nia,nm,mjb->ijab", G, spread, G, optimize=True)


def eta_of(P):
    """Degrees of freedom from all of these covariances, as Pustejovsky and Tipton write them."""
    omega = np.einsum("iiab->ab", P)
    half = np.linalg.inv(np.real(sqrtm(omega)))
    P = np.einsum("ca,ijab,db->ijcd", half, P, half)
    q = len(omega)
    total = sum(
        (P[:, :, s, s] * P[:, :, t, t] + P[:, :, s, t] * P[:, :, t, s]).sum()
        for s in range(q)
        for t in range(q)
    )
    return q * (q + 1) / total


def problem(seed=3, n=70, clusters=7):
    X, y = simulated(n, 4, seed=seed)
    groups = np.random.default_rng(seed).integers(0, clusters, n)
    model = BernoulliLogistic.from_arrays(X, y)
    return model, fit_newton(model), groups


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_they_are_those_of_full_matrices(seed):
    model, fit, groups = problem(seed)
    X = model.design
    p = 1 / (1 + np.exp(-X @ fit.coefficients))
    found = robust_covariance(model, fit, "CR2", cluster=groups)
    each = [eta_of(dense(X, p * (1 - p), X, groups, row[None])) for row in np.eye(4)]
    assert found.df == pytest.approx(np.array(each), rel=1e-7)
    C = np.random.default_rng(seed).normal(size=(3, 4))
    P = dense(X, p * (1 - p), X, groups, C)
    assert found.moments.degrees_of_freedom(C) == pytest.approx(eta_of(P), rel=1e-7)
    # combinations of the same combinations are the same hypothesis
    again = found.moments.degrees_of_freedom(np.tril(np.ones((3, 3))) @ C)
    assert again == pytest.approx(eta_of(P), rel=1e-7)


@pytest.mark.parametrize("name", CLUSTERED)
def test_they_are_those_of_club_sandwich(name):
    model, frame, facts = r_model(name)
    theirs = facts["clustered"]["CR2_satterthwaite"]
    one = frame[facts["clustered"]["by"][0]].loc[model.row_labels]
    fit = fit_newton(model)
    found = robust_covariance(model, fit, "CR2", cluster=one)
    assert found.df == pytest.approx(np.array(theirs["df"]), rel=1e-6)
    table = summarise(model, fit, robust=found).table()
    assert table["z"].to_numpy() == pytest.approx(np.array(theirs["t"]), rel=1e-6)
    assert table["p"].to_numpy() == pytest.approx(np.array(theirs["p"]), rel=1e-5)


def test_intervals_p_and_tests_of_one_coefficient_are_students():
    model, fit, groups = problem()
    found = robust_covariance(model, fit, "CR2", cluster=groups)
    table, summary = found.table(0.9), summarise(model, fit, prob=0.9, robust=found)
    for j, name in enumerate(model.names):
        own = student(found.df[j], fit.coefficients[j], found.standard_errors[j])
        for frame in (table, summary.table()):
            assert list(frame.loc[name, ["5%", "95%"]]) == pytest.approx(own.interval(0.9))
        p = summary.table().loc[name, "p"]
        assert p == pytest.approx(2 * min(own.cdf(0), own.sf(0)))
        for test in (wald_test(model, found, name), wald_test(found, name)):
            assert (test.df, test.df_error) == (1, pytest.approx(found.df[j]))
            assert test.p == pytest.approx(p, rel=1e-9)
            assert test.statistic == pytest.approx(
                (fit.coefficients / found.standard_errors)[j] ** 2
            )
            assert f"F(1, {found.df[j]:.2f}) = {test.statistic:.4f}" in str(test)
            assert test.to_dict()["df_error"] == test.df_error
    assert "of Student's t, with" in " ".join(str(summary).split())
    assert "df_error" not in wald_test(fit, np.eye(4)[1:2]).to_dict()


def test_a_test_of_several_is_hotellings():
    model, fit, groups = problem()
    found = robust_covariance(model, fit, "CR2", cluster=groups)
    C = np.eye(4)[1:3]
    wald = fit.coefficients[1:3] @ np.linalg.solve(
        found.covariance[1:3, 1:3], fit.coefficients[1:3]
    )
    eta = found.moments.degrees_of_freedom(C)
    test = wald_test(model, found, C)
    f = (eta - 1) / (2 * eta) * wald
    assert test.statistic == pytest.approx(f)
    assert test.p == pytest.approx(f_distribution.sf(f, 2, eta - 1))
    few = robust_covariance(model, fit, "CR2", cluster=np.arange(70) % 3)
    three = wald_test(model, few, np.eye(4)[1:])
    eta = few.moments.degrees_of_freedom(np.eye(4)[1:])
    assert eta < 2
    assert np.isnan([three.statistic, three.p]).all()
    assert "too few for so many restrictions together" in str(three)
    assert hotelling(3.0, 3, 2.0) == pytest.approx((np.nan,) * 3, nan_ok=True)


def test_the_mean_of_clusters_of_one_observation_has_all_but_one():
    n = 12
    model = BernoulliLogistic.from_arrays(np.ones(n), np.arange(n) % 2)
    found = robust_covariance(model, fit_newton(model), "CR2", cluster=np.arange(n))
    assert found.df == pytest.approx([n - 1])


def test_weights_are_repetitions():
    X, y = simulated(60, 3, seed=4)
    rng = np.random.default_rng(4)
    weights, groups = rng.integers(1, 4, 60), rng.integers(0, 8, 60)
    weighted = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    repeated = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    one = robust_covariance(weighted, fit_newton(weighted), "CR2", cluster=groups)
    many = np.repeat(groups, weights)
    two = robust_covariance(repeated, fit_newton(repeated), "CR2", cluster=many)
    assert one.df == pytest.approx(two.df, rel=1e-8)


def test_groups_of_counts_are_single_observations_of_a_binomial():
    counts = pd.read_csv(DATA / "grouped.csv")
    model = BernoulliLogistic.from_formula("cbind(dead, n - dead) ~ sex + dose", counts)
    fit = fit_newton(model)
    batch = counts["batch"].loc[model.row_labels].to_numpy()
    found = robust_covariance(model, fit, "CR2", cluster=batch, units="groups")
    X, n = model.design[~model.row_labels.duplicated()], counts["n"].to_numpy()
    p = 1 / (1 + np.exp(-X @ fit.coefficients))
    # the mean of a group has the variance p (1 - p) / n, and enters the score n times
    P = [
        dense(X, p * (1 - p) / n, n[:, None] * X, counts["batch"].to_numpy(), row[None])
        for row in np.eye(3)
    ]
    assert found.df == pytest.approx(np.array([eta_of(each) for each in P]), rel=1e-7)


def test_of_what_one_cluster_alone_says_nothing_is_known():
    model, _, groups = problem()
    own = (groups == 3).astype(float)
    X = np.column_stack([(1 - own), own])
    model = BernoulliLogistic.from_arrays(X, model.response)
    found = robust_covariance(model, fit_newton(model), "CR2", cluster=groups)
    assert np.isnan(found.df).tolist() == [False, True]
    assert found.table().iloc[1, 3:].isna().all()


def test_too_many_to_keep_are_normal(monkeypatch):
    from flatprior.analysis.inference.sandwiches import clusters

    model, fit, groups = problem()
    monkeypatch.setattr(clusters, "LARGEST", 10)
    found = robust_covariance(model, fit, "CR2", cluster=groups)
    assert found.df is None
    assert found.moments is None
    assert wald_test(found, np.eye(4)[:1]).df_error is None


def test_pieces_of_pairs_add_up(monkeypatch):
    from flatprior.analysis.inference.sandwiches import degrees_of_freedom

    model, fit, groups = problem()
    found = robust_covariance(model, fit, "CR2", cluster=groups)
    monkeypatch.setattr(degrees_of_freedom, "AT_ONCE", 20)
    again = robust_covariance(model, fit, "CR2", cluster=groups)
    assert again.df == pytest.approx(found.df, rel=1e-13)
