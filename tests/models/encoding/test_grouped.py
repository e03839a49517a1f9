"""Successes and failures of groups, against R, statsmodels and their melted table."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from every_way import every_way

from flatprior.analysis import goodness_of_fit, robust_covariance
from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.encoding.grouped import Counts

# Collett (1991), Modelling Binary Data, as in Venables and Ripley (2002): tobacco budworms
BUDWORM = pd.DataFrame(
    {
        "sex": ["M"] * 6 + ["F"] * 6,
        "ldose": [*range(6)] * 2,
        "dead": [1, 4, 9, 13, 18, 20, 0, 2, 6, 10, 12, 16],
    }
).assign(alive=lambda f: 20 - f["dead"], n=20, share=lambda f: f["dead"] / 20)
# R 4.2.2: m <- glm(cbind(dead, 20 - dead) ~ <predictors>, binomial, budworm,
#                   control = glm.control(epsilon = 1e-15, maxit = 100))
# coef(m); sqrt(diag(vcov(m))); deviance(m); df.residual(m); m$null.deviance; m$df.null
# pchisq(deviance(m), df.residual(m), lower.tail = FALSE); sum(lchoose(20, dead))
R = {
    "sex*ldose": (
        [-2.99354175517102794, 0.17498678785550570, 0.90603643546745716, 0.35291298873649768],
        [0.55269976105460983, 0.77831008160831627, 0.16710166040079871, 0.26999025879703881],
        (4.9937273076203432, 8, 124.8755926044078, 11, 0.75824635720246114, 88.18669229084098),
    ),
    "sex + ldose": (
        [-3.4731553070871390, 1.1007433629953536, 1.0642139699193682],
        [0.46852037920204931, 0.35582713091943191, 0.13107748952727169],
        (6.7570642322289212, 9, 124.8755926044078, 11, 0.66239574965098225, 88.18669229084098),
    ),
    "sex + scale(ldose)": (
        [-0.81262038228871769, 1.10074336299535314, 1.89830781300332108],
        [0.25368677604687556, 0.35582713091945323, 0.23381146039396353],
        (6.7570642322289149, 9, 124.8755926044078, 11, 0.66239574965098291, 88.18669229084098),
    ),
    "sex + poly(ldose, degree=2)": (
        [-0.90167989455954256, 1.10067699275068920, 6.45538534587901047, -0.68612782489042645],
        [0.27366667282589352, 0.35563684612968111, 0.81962742933210453, 0.72941065098736790],
        (5.8505325493128524, 8, 124.8755926044078, 11, 0.66397010824890002, 88.18669229084098),
    ),
}


def grouped_numbers(model):
    found = goodness_of_fit(model, fit_newton(model)).grouped
    return (
        *(found.deviance, found.df, found.null_deviance, found.null_df),
        *(found.p, found.constant),
    )


@pytest.mark.parametrize("predictors", R)
def test_deviances_and_the_test_against_the_saturated_model_are_those_of_r(predictors):
    coefficients, errors, numbers = R[predictors]
    model = BernoulliLogistic.from_formula(f"cbind(dead, 20 - dead) ~ {predictors}", BUDWORM)
    fit = fit_newton(model)
    assert fit.coefficients == pytest.approx(coefficients, rel=1e-11)
    assert fit.standard_errors == pytest.approx(errors, rel=1e-11)
    assert grouped_numbers(model) == pytest.approx(numbers, rel=1e-11)


def test_the_null_of_a_model_with_offset_is_that_of_r():
    # m <- glm(cbind(dead, 20 - dead) ~ sex + ldose + offset(0.1 * ldose), ...)
    frame = BUDWORM.assign(o=0.1 * BUDWORM["ldose"])
    model = BernoulliLogistic.from_formula("cbind(dead, alive) ~ sex + ldose", frame, offset="o")
    deviance, df, null, null_df, *_ = grouped_numbers(model)
    assert (df, null_df) == (9, 11)
    assert deviance == pytest.approx(6.7570642322289158, rel=1e-11)
    assert null == pytest.approx(101.11209182856207, rel=1e-11)


# published counts of nine groups; R: glm(cbind(suc, fail) ~ x, binomial) and
# glm(share ~ x, binomial, weights = n) give the same
PUBLISHED = pd.DataFrame(
    {
        "x": [1, 3, 5, 2, 7, 3, 5, 4, 3],
        "suc": [10, 15, 27, 35, 10, 25, 35, 23, 12],
        "fail": [6, 4, 8, 10, 3, 6, 9, 10, 8],
    }
).assign(n=lambda f: f["suc"] + f["fail"], share=lambda f: f["suc"] / f["n"])


@pytest.mark.parametrize(
    "build",
    [
        lambda f: BernoulliLogistic.from_formula("cbind(suc, fail) ~ x", f),
        lambda f: BernoulliLogistic.from_formula("cbind(suc, n - suc) ~ x", f),
        lambda f: BernoulliLogistic.from_formula("share ~ x", f, trials="n"),
        lambda f: BernoulliLogistic.from_formula("share ~ x", f, trials=f["n"].to_numpy()),
        lambda f: BernoulliLogistic.from_arrays(f[["x"]], f[["suc", "fail"]], intercept=True),
        lambda f: BernoulliLogistic.from_arrays(
            f["x"], f[["suc", "fail"]].to_numpy(), intercept=True
        ),
        lambda f: BernoulliLogistic.from_arrays(
            f["x"], f[["suc", "fail"]].to_numpy().tolist(), intercept=True
        ),
        lambda f: BernoulliLogistic.from_arrays(f["x"], f["share"], trials=f["n"], intercept=True),
    ],
)
def test_published_counts_have_the_published_numbers_however_they_are_given(build):
    model = build(PUBLISHED)
    fit = fit_newton(model)
    assert fit.coefficients == pytest.approx([0.8381405540249729, 0.0721713694707443], rel=1e-12)
    assert fit.standard_errors == pytest.approx([0.3803415577, 0.0985578272], rel=1e-9)
    assert fit.log_likelihood == pytest.approx(-287.3758254274 / 2, rel=1e-12)
    numbers = 4.8498941926144754, 7, 5.3896628100634354, 8, 0.67827538866086701, 125.73993976412669
    assert grouped_numbers(model) == pytest.approx(numbers, rel=1e-11)
    assert model.response_coding.startswith(
        ("suc = 1, ", "share of n = 1, ", "share of trials = 1, ", "y[:, 0] = 1, y[:, 1] = 0")
    )


def simulated(seed=3, groups=23):
    rng = np.random.default_rng(seed)
    n = rng.integers(0, 9, size=groups)
    n[:3] = [0, 5, 7]
    frame = pd.DataFrame(
        {"x": rng.normal(size=groups).round(3), "g": rng.choice(list("abc"), groups), "n": n}
    )
    frame["s"] = rng.binomial(n, 1 / (1 + np.exp(-frame["x"])))
    frame.loc[1, "s"], frame.loc[2, "s"] = 0, 7
    return frame.assign(f=frame["n"] - frame["s"], share=(frame["s"] / frame["n"]).fillna(0))


WRITTEN = {
    "cbind(s, f) ~ x + g": {},
    "cbind(s, n - s) ~ x + g": {},
    "share ~ x + g": {"trials": "n"},
}


@pytest.mark.parametrize("formula", WRITTEN)
def test_groups_are_their_melted_table_however_the_rows_come(formula, tmp_path, monkeypatch):
    frame = simulated()
    frame.loc[5, "x"] = np.nan
    melted = pd.concat(
        [frame.assign(y=1, w=frame["s"]), frame.assign(y=0, w=frame["f"])]
    ).sort_index(kind="stable")
    alone = BernoulliLogistic.from_formula("y ~ x + g", melted, frequency_weights="w")
    whole = Counts(frame["s"].drop(5).to_numpy(float), frame["f"].drop(5).to_numpy(float))
    hashes = set()
    for way, build in every_way(frame, tmp_path, monkeypatch):
        model = build(formula, **WRITTEN[formula])
        blocks = model.rows.reduce(lambda block: [block[:4]])
        for part, ours in zip((0, 1, 3), (alone.design, 2 * alone.response - 1,
                                          alone.frequency_weights), strict=True):  # fmt: skip
            assert (np.concatenate([block[part] for block in blocks]) == ours).all(), way
        assert model.hash_of(alone.rows) == model.data_hash, way
        assert (model.n_rows, model.n_observations) == (alone.n_rows, alone.n_observations)
        assert (model.n_events, model.n_dropped) == (alone.n_events, 1)
        assert model.n_zero_weight == (frame["n"].drop(5) == 0).sum()
        assert model.trials.n_groups == (frame["n"].drop(5) > 0).sum()
        assert model.trials.saturated == pytest.approx(whole.trials.saturated, rel=1e-14)
        assert model.trials.constant == pytest.approx(whole.trials.constant, rel=1e-14)
        assert f"in {model.trials.n_groups} groups" in model.facts[0]
        assert any(f"{model.trials.constant:.6f}" in fact for fact in model.facts)
        fit = fit_newton(model)
        assert fit.coefficients == pytest.approx(fit_newton(alone).coefficients, rel=1e-9)
        assert (fit.provenance.n_groups, fit.provenance.trials) == (
            *(model.trials.n_groups, WRITTEN[formula].get("trials")),
        )
        hashes.add(model.data_hash)
    assert len(hashes) == 1


def test_the_deviance_is_that_of_statsmodels():
    frame = simulated(5, 40).query("n > 0")
    X = sm.add_constant(frame[["x"]])
    theirs = sm.GLM(frame[["s", "f"]], X, family=sm.families.Binomial()).fit(tol=1e-12)
    model = BernoulliLogistic.from_arrays(frame[["x"]], frame[["s", "f"]], intercept=True)
    deviance, df, null, null_df, _, constant = grouped_numbers(model)
    assert deviance == pytest.approx(theirs.deviance, rel=1e-9)
    assert null == pytest.approx(theirs.null_deviance, rel=1e-9)
    assert (df, null_df) == (theirs.df_resid, theirs.nobs - 1)
    assert fit_newton(model).log_likelihood + constant == pytest.approx(theirs.llf, rel=1e-9)


def test_sums_of_groups_are_those_of_the_whole_and_exact():
    events, others = np.array([3.0, 0, 4, 0]), np.array([2.0, 5, 0, 0])
    counts = Counts(events, others)
    n = events + others
    assert counts.trials.constant == pytest.approx(math.log(math.comb(5, 3)), rel=1e-14)
    assert counts.trials.saturated == pytest.approx(3 * math.log(0.6) + 2 * math.log(0.4))
    assert counts.trials.n_groups == 3
    first, second = n > 4, n <= 4
    merged = counts.select(first).trials.merge(counts.select(second).trials)
    assert merged.n_groups == 3
    assert merged.constant == pytest.approx(counts.trials.constant)
    assert counts.cells.group.tolist() == [0, 0, 1, 2]
    assert counts.cells.response.tolist() == [1, 0, 0, 1]
    assert counts.cells.weights.tolist() == [3, 2, 5, 4]
    large = Counts(np.array([1e12]), np.array([1e7])).trials
    # log of the binomial coefficient, from 50 digits (mpmath)
    assert large.constant == pytest.approx(125129295.67155425132539543608967926551, rel=1e-10)


BAD = {
    "fractions": ("cbind(s, f) ~ x", dict(s=[1.5, 2, 3, 0]), {}, "'s' has fractional.* row 1;"),
    "negative": ("cbind(s, f) ~ x", dict(f=[1, -2, 3, 1]), {}, "'f' has negative values in row 2"),
    "more than all": ("cbind(s, n - s) ~ x", dict(n=[9, 1, 1, 9]), {}, "'n' in rows 2, 3: there"),
    "more than a number": ("cbind(s, 2 - s) ~ x", {}, {}, "'s' is larger than 2 in rows 3, 4"),
    "words": ("cbind(s, f) ~ x", dict(f=["1", "2", "?", "3"]), {}, "'f' holds num.*'\\?' in 1 row"),
    "all words": ("cbind(s, f) ~ x", dict(f=list("abcd")), {}, "'f' holds text, not numbers"),
    "no share": ("p ~ x", dict(p=[0.5, 1.5, 0, 1]), dict(trials="n"), "'n'.* it is not in row 2;"),
    "counts as shares": ("s ~ x", {}, dict(trials="n"), "counts are written cbind"),
    "no whole number": (
        *("p ~ x", dict(p=[0.5, 0.3, 0.25, 0.2]), dict(trials="n")),
        r"no whole number in rows 1, 2, 3 \(0.5 of 5 is 2.5\)",
    ),
    "no trials at all": ("cbind(s, f) ~ x", dict(s=0, f=0), {}, "of 4: 4 have no trials"),
    "trials twice": ("cbind(s, f) ~ x", {}, dict(trials="n"), r"cbind\(s, f\) has its own"),
    "weights": (
        *("cbind(s, f) ~ x", {}, dict(frequency_weights="n")),
        "frequency_weights cannot both be given: the counts are the weights",
    ),
    "weights and trials": (
        *("p ~ x", {}, dict(trials="n", frequency_weights="s")),
        r"a share \('p'\) with trials and frequency_weights cannot both",
    ),
    "event": ("cbind(s, f) ~ x", {}, dict(event="f"), r"write cbind\(failures, successes\)"),
    "no such column": ("cbind(s, failures) ~ x", {}, {}, "there is no column 'failures'"),
    "no such trials": ("p ~ x", {}, dict(trials="m"), "there is no column 'm'"),
    "predictor": ("cbind(s, f) ~ x + f", {}, {}, "response 'f' also stands among the predictors"),
    "past counting": ("cbind(s, f) ~ x", dict(f=[1, 2, 3, 2.0**53]), {}, r"sums? to 2\^53 or more"),
    "shares alone": ("p ~ x", dict(p=[0.5, 0.25, 0, 1]), {}, r"name their trials \(trials=\)"),
    "counts alone": ("s ~ x", {}, {}, r"the values 1, 2, 3, 4 .*cbind\(s, f\)"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_are_no_counts_is_one_sentence_however_the_rows_come(name, tmp_path, monkeypatch):
    formula, columns, given, words = BAD[name]
    frame = pd.DataFrame({"x": [1.0, 2, 4, 3], "s": [1, 2, 3, 4], "f": [4, 3, 2, 1], "n": 5})
    frame = frame.assign(**{"p": frame["s"] / 5} | columns)
    said = set()
    for _, build in every_way(frame, tmp_path, monkeypatch):
        with pytest.raises(ValueError, match=words) as caught:
            build(formula, **given)
        said.add(str(caught.value))
    assert len(said) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (dict(y=np.ones((3, 2)), trials=[1, 2, 3]), "has its own: leave trials out"),
        (dict(y=[0.5, 0.5, 1], trials=[2, 4]), "'trials' has 2 values, the data have 3 rows"),
        (dict(y=[[1, 2], [3, np.nan], [1, 1]]), r"column 'y\[:, 1\]' has missing values"),
        (dict(y=[[0, 0], [0, 0], [0, 0]]), "no rows are left of 3: 3 have no trials"),
        (dict(y=np.ones((3, 3))), r"shape \(3, 3\); it must be one value a row"),
        (dict(y=np.ma.array(np.ones((3, 2)), mask=[[0, 0], [0, 1], [0, 0]])), "masked values"),
        (dict(y=pd.DataFrame({"s": [1, 1, 1], "f": 1}, index=[3, 4, 5])), "different row labels"),
    ],
)
def test_arrays_that_are_no_counts_are_one_sentence(given, words):
    X = pd.DataFrame({"x": [1.0, 2, 3]})
    with pytest.raises(ValueError, match=words):
        BernoulliLogistic.from_arrays(X, **given)


def test_with_few_trials_a_group_the_deviance_is_said_to_be_no_test():
    model = BernoulliLogistic.from_formula("cbind(s, f) ~ x", simulated())
    assert "it is not chi-squared" not in _test_of(BUDWORM, "cbind(dead, alive) ~ ldose")
    assert "with so few trials a group it is not chi-squared" in _test_of(
        simulated(), "cbind(s, f) ~ x"
    )
    saturated = BernoulliLogistic.from_arrays(np.eye(2), [[1, 2], [3, 1]])
    found = goodness_of_fit(saturated, fit_newton(saturated)).grouped
    assert (found.df, found.deviance) == (0, pytest.approx(0, abs=1e-12))
    assert math.isnan(found.p)
    assert "on 0 df, of a constant" in found.message
    assert goodness_of_fit(model, fit_newton(model)).table().loc["grouped deviance", "model"] > 0


def _test_of(frame, formula):
    model = BernoulliLogistic.from_formula(formula, frame)
    return " ".join(str(goodness_of_fit(model, fit_newton(model))).split())


def test_the_robust_covariance_of_clusters_by_label_is_that_of_groups():
    model = BernoulliLogistic.from_formula("cbind(dead, 20 - dead) ~ sex + ldose", BUDWORM)
    fit = fit_newton(model)
    found = robust_covariance(model, fit, cluster=model.row_labels, correction="none")
    X = np.column_stack([np.ones(12), BUDWORM["sex"] == "M", BUDWORM["ldose"]]).astype(float)
    gap = BUDWORM["dead"].to_numpy() - 20 / (1 + np.exp(-X @ fit.coefficients))
    meat = (X * gap[:, None]).T @ (X * gap[:, None])
    assert found.covariance == pytest.approx(fit.covariance @ meat @ fit.covariance, rel=1e-9)
