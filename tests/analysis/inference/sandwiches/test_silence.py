"""Units that say nothing of a coefficient give it no standard error."""

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis import (
    anova,
    average_marginal_effects,
    marginal_means,
    predict,
    robust_covariance,
    summarise,
    wald_test,
)
from flatprior.analysis.inference.sandwiches.silence import silent_shares
from flatprior.models import BernoulliLogistic, fit_newton

SAID = r"no standard error of C\(f\)\[b\]: the scores of each unit sum to 0"


def one_level_in_one_cluster(n_levels=1):
    """Rows of level a are in 8 clusters; those of b, and of more levels, in one each."""
    rng = np.random.default_rng(5)
    f = np.repeat(["a", *(f"b{j or ''}" for j in range(n_levels))], [40, *[20] * n_levels])
    clusters = np.concatenate([np.arange(40) // 5, np.repeat(99 + np.arange(n_levels), 20)])
    y = (rng.random(len(f)) < 0.3).astype(int)
    y[40 : 40 + 20 * n_levels : 20], y[41 : 41 + 20 * n_levels : 20] = 0, 1
    return pd.DataFrame({"f": f, "y": y, "g": clusters, "h": np.arange(len(f)) // 2})


def of_clusters(kind="HC0"):
    data = one_level_in_one_cluster()
    model = BernoulliLogistic.from_formula("y ~ 0 + C(f)", data)
    return model, robust_covariance(model, fit_newton(model), kind, data["g"]), data


def of_groups(kind="HC0"):
    data = pd.DataFrame({"f": list("aaaab"), "s": [3, 5, 6, 8, 4], "t": [10, 11, 13, 10, 9]})
    model = BernoulliLogistic.from_formula("cbind(s, t - s) ~ 0 + C(f)", data)
    return model, robust_covariance(model, fit_newton(model), kind, units="groups"), data


@pytest.mark.parametrize(
    ("made", "kind"), [(of_clusters, "HC0"), (of_clusters, "CR2"), (of_groups, "HC0")]
)
def test_what_units_say_nothing_of_has_no_standard_error_and_no_test(made, kind):
    model, robust, data = made(kind)
    assert np.isnan(robust.standard_errors).tolist() == [False, True]
    assert robust.table().loc["C(f)[b]"].iloc[1:].isna().all()
    said = " ".join(str(robust).split())
    assert "No standard error of C(f)[b]: the scores of each unit sum to 0" in said
    for hypothesis in ("C(f)[b]", "f", np.array([[0.0, 2.0]])):
        with pytest.raises(ArithmeticError, match="the scores of each unit sum to 0"):
            wald_test(model, robust, hypothesis)
    assert wald_test(model, robust, "C(f)[a]").p > 0
    with pytest.raises(ArithmeticError, match=SAID):
        anova(model, test="Wald", type=2, robust=robust)
    summary = summarise(model, robust=robust)
    assert summary.table().loc["C(f)[b]", ["z", "p"]].isna().all()
    assert not summary.by_term
    assert "No test of C(f): no standard error of C(f)[b]" in " ".join(str(summary).split())
    means = marginal_means(model, robust, "f", data)
    assert means.table()["standard error"].isna().tolist() == [False, True]
    assert "No standard error of b: " in " ".join(str(means).split())
    told = predict(model, robust, data.iloc[[0, -1]])
    assert told["probability standard error"].isna().tolist() == [False, True]


def test_of_levels_that_are_not_alone_the_standard_error_is_that_of_their_clusters():
    model, robust, data = of_clusters()
    p = data["y"][:40].mean()
    scores = (data["y"][:40] - p).to_numpy().reshape(8, 5).sum(axis=1)
    factor = 9 / 8 * 59 / 58
    by_hand = np.sqrt(factor * (scores**2).sum()) / (40 * p * (1 - p))
    assert robust.standard_errors[0] == pytest.approx(by_hand, rel=1e-13)
    effect = average_marginal_effects(model, robust, data)
    assert effect["standard error"].iloc[0] == pytest.approx(by_hand * p * (1 - p), rel=1e-12)


def test_a_mean_of_coefficients_that_are_known_may_be_unknown():
    data = one_level_in_one_cluster()
    model = BernoulliLogistic.from_formula("y ~ C(f)", data)
    robust = robust_covariance(model, fit_newton(model), cluster=data["g"])
    assert np.isfinite(robust.standard_errors).all()
    means = marginal_means(model, robust, "f", data)
    assert means.table()["standard error"].isna().tolist() == [False, True]
    assert means.contrasts()["standard error"].notna().all()


def test_two_ways_of_clustering_know_what_one_of_them_does():
    data = one_level_in_one_cluster()
    model = BernoulliLogistic.from_formula("y ~ 0 + C(f)", data)
    fit = fit_newton(model)
    both = robust_covariance(model, fit, cluster=data[["g", "h"]])
    assert np.isfinite(both.standard_errors).all()
    twice = robust_covariance(model, fit, cluster=np.column_stack([data["g"], data["g"] // 9]))
    assert np.isnan(twice.standard_errors[1])


def test_factors_held_as_codes_have_none_either():
    data = one_level_in_one_cluster(n_levels=200)
    model = BernoulliLogistic.from_formula("y ~ 0 + C(f)", data)
    robust = robust_covariance(model, fit_newton(model), cluster=data["g"])
    assert np.flatnonzero(np.isfinite(robust.standard_errors)).tolist() == [0]


def test_units_that_were_drawn_say_nothing_of_a_level_in_one_of_them():
    data = one_level_in_one_cluster().assign(w=2.5)
    model = BernoulliLogistic.from_formula("y ~ C(f)", data, sampling_weights="w", clusters="g")
    fit = fit_newton(model)
    means = marginal_means(model, fit, "f", data)
    assert means.table()["standard error"].isna().tolist() == [False, True]
    with pytest.raises(ArithmeticError, match="no standard error of combination 1"):
        wald_test(model, fit, [[1.0, 1.0]])


def test_joint_tests_of_contrasts_without_standard_errors_say_why():
    model, robust, data = of_clusters()
    means = marginal_means(model, robust, "f", data)
    with pytest.raises(ArithmeticError, match="no standard error of contrasts"):
        means.joint_tests({"b": {"b": 1.0}})


def test_bonferroni_counts_the_contrasts_that_are_tested():
    model, robust, data = of_clusters()
    means = marginal_means(model, robust, "f", data)
    own = {"a": {"a": 1.0}, "twice a": {"a": 2.0}, "b": {"b": 1.0}}
    found = means.contrasts(own, adjust="bonferroni").frame
    assert found["adjusted p"].iloc[0] == pytest.approx(2 * found["p"].iloc[0], rel=1e-12)
    z = 2.241402727604947  # the normal quantile of 1 - 0.05 / 4
    low = found["log-odds"] if "log-odds" in found else found["difference"]
    assert found["2.5%"].iloc[0] == pytest.approx(
        low.iloc[0] - z * found["standard error"].iloc[0], rel=1e-12
    )


def within(data, level):
    """Inverse information of the log-odds of a level."""
    y = data.loc[data["f"] == level, "y"]
    return 1 / (len(y) * y.mean() * (1 - y.mean()))


@pytest.mark.parametrize("formula", ["y ~ f", "y ~ C(f, ref='b')"])
def test_of_a_difference_with_a_silent_level_it_is_said_which_part_is_lacking(formula):
    data = one_level_in_one_cluster()
    model = BernoulliLogistic.from_formula(formula, data)
    robust = robust_covariance(model, fit_newton(model), cluster=data["g"])
    due = within(data, "b") / (within(data, "a") + within(data, "b"))
    root, bread = vars(robust)["root"], robust.bread
    assert silent_shares(root, bread)[1] == pytest.approx(due, rel=1e-8)
    # what is printed is the spread of the other level alone
    alone = BernoulliLogistic.from_formula("y ~ 1", data[data["f"] == "a"])
    spread = robust_covariance(alone, fit_newton(alone), cluster=data["g"][:40], correction="none")
    of_both = robust_covariance(model, fit_newton(model), cluster=data["g"], correction="none")
    assert of_both.standard_errors[1] == pytest.approx(spread.standard_errors[0], rel=1e-8)
    (*_, said) = robust.warnings
    assert f"{model.names[1]} ({100 * due:.0f} %) lacks a part and is too small" in said
    assert any("lacks a part" in note for note in summarise(model, robust=robust).rendered().notes)


def test_where_every_unit_speaks_nothing_is_said_to_be_lacking():
    data = one_level_in_one_cluster()
    model = BernoulliLogistic.from_formula("y ~ f", data)
    robust = robust_covariance(model, fit_newton(model), cluster=data["h"])
    assert silent_shares(vars(robust)["root"], robust.bread) == pytest.approx([0, 0], abs=1e-9)
    assert robust.warnings == ()
