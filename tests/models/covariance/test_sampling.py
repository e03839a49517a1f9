"""Standard errors of a sample: those of svyglm, and what cannot change them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from multiplier import repeated
from scipy.special import expit

import flatprior as fp
from flatprior.analysis import (
    average_marginal_effects,
    compare_routes,
    marginal_means,
    predict,
    robust_covariance,
    run_routes,
    summarise,
    wald_test,
)
from flatprior.models import BernoulliLogistic, LogisticMLE, certify, fit_newton
from flatprior.models.common.errors import NeedsLikelihoodError
from flatprior.models.covariance.sampling import _Sums
from flatprior.models.encoding.files import source

DATA = Path(__file__).parents[2] / "data"
OF_R = json.loads((DATA / "survey.json").read_text())
ROLES = {
    "weights": {},
    "clusters": {"clusters": "unit"},
    "strata": {"strata": "stratum"},
    "both": {"clusters": "psu", "strata": "stratum"},
}


@pytest.fixture(scope="module")
def survey():
    frame = pd.read_csv(DATA / "survey.csv")
    return frame.assign(
        unit=frame["stratum"] + "." + frame["psu"].astype(str), o=np.log(frame["t"])
    )


@pytest.fixture(scope="module")
def model():
    frame = pd.read_csv(DATA / "sampling_weights.csv")
    return BernoulliLogistic.from_formula("y ~ treated", frame, sampling_weights="w")


def of(survey, design, **changes):
    return BernoulliLogistic.from_formula(
        "y ~ x + g", survey.assign(**changes), offset="o", sampling_weights="w", **ROLES[design]
    )


@pytest.mark.parametrize("design", ROLES)
def test_coefficients_and_standard_errors_are_those_of_svyglm(survey, design):
    model = of(survey, design)
    fit = fit_newton(model)
    assert fit.coefficients == pytest.approx(OF_R[design]["coefficients"], rel=1e-9)
    assert fit.standard_errors == pytest.approx(OF_R[design]["standard_errors"], rel=1e-9)
    assert model.sampling.degrees_of_freedom(model.n_rows) == OF_R[design]["df"]
    robust = robust_covariance(model, fit)
    assert robust.kind == "sampling"
    np.testing.assert_allclose(robust.covariance, fit.covariance, rtol=1e-12)


def test_the_published_case(model):
    """svyglm: 0.1591754, 0.2151414; as counts of a thousand each they would be 43 times smaller."""
    fit = fit_newton(model)
    assert fit.coefficients[1] == pytest.approx(0.24762569, abs=5e-9)
    assert fit.standard_errors == pytest.approx([0.1591754, 0.2151414], abs=5e-8)


def ways(frame, folder, monkeypatch):
    """In memory, and in three batches, of a file and on Dask: rows are labelled 1, 2, ..."""
    dask = pytest.importorskip("dask.dataframe")
    folder.mkdir(exist_ok=True)
    frame = frame.set_axis(pd.RangeIndex(1, len(frame) + 1))
    frame.to_csv(folder / "t.csv", index=False)
    monkeypatch.setattr(source, "BATCH_ROWS", 60)
    lazy = dask.from_map(lambda i: frame[60 * i : 60 * (i + 1)], range(3))
    yield lambda formula, **given: BernoulliLogistic.from_formula(formula, frame, **given)
    yield lambda *rest, **given: BernoulliLogistic.from_parquet(folder / "t.csv", *rest, **given)
    yield lambda *rest, **given: BernoulliLogistic.from_dask(lazy, *rest, **given)


def test_rows_in_batches_give_the_numbers_of_those_in_memory(survey, tmp_path, monkeypatch):
    """One hash, the same coefficients, and the standard errors of svyglm."""
    gone = survey.assign(w=survey["w"].where(survey["psu"] < 3, 0.0), unit=survey["unit"] + "!")
    gone.loc[5, "w"], gone.loc[9, "unit"], gone.loc[20, "x"] = np.nan, None, np.nan
    for name, frame in (("whole", survey), ("with gaps", gone)):
        expected = {}
        for build in ways(frame, tmp_path / name, monkeypatch):
            for design, roles in ROLES.items():
                model = build("y ~ x + g", offset="o", sampling_weights="w", **roles)
                fit = fit_newton(model)
                plain, of_plain = expected.setdefault(design, (model, fit))
                assert model.data_hash == plain.data_hash
                assert (model.facts, repr(model)) == (plain.facts, repr(plain))
                assert fit.coefficients == pytest.approx(of_plain.coefficients, rel=1e-11)
                assert fit.standard_errors == pytest.approx(of_plain.standard_errors, rel=1e-12)
                assert fit.certificate.error_bound < 1e-10
                if frame is survey:
                    of_r = OF_R[design]["standard_errors"]
                    assert fit.standard_errors == pytest.approx(of_r, rel=1e-9)
                    assert model.sampling.degrees_of_freedom(model.n_rows) == OF_R[design]["df"]


def test_what_follows_from_a_fit_does_so_where_rows_are_in_batches(survey, tmp_path, monkeypatch):
    tables = []
    for build in ways(survey, tmp_path, monkeypatch):
        model = build("y ~ x + g", offset="o", sampling_weights="w", **ROLES["both"])
        fit = fit_newton(model)
        own = survey.set_axis(pd.RangeIndex(1, len(survey) + 1))
        parts = (
            predict(model, fit, survey[3:9]).to_numpy(float).ravel(),
            fp.effect_curves(model, fit, own).table().iloc[:, 2:].to_numpy(float).ravel(),
            average_marginal_effects(model, fit, own).table().to_numpy(float).ravel(),
            robust_covariance(model, fit).covariance.ravel(),
            summarise(model, fit).table()["p"].to_numpy(float),
            np.array([wald_test(fit, "x", model=model).statistic]),
        )
        tables.append(np.concatenate(parts))
        np.testing.assert_allclose(tables[-1], tables[0], rtol=1e-8)
        assert fp.verify(model, fit).error_bound <= fit.certificate.error_bound
        assert fp.check_existence(model).kind == "overlap"
        for refused in (fp.likelihood_ratio_test, fp.score_test, fp.check_posterior, fp.diagnose):
            with pytest.raises(NeedsLikelihoodError):
                refused(model)


def test_sums_by_group_are_those_of_the_whole_however_blocks_are_put_together():
    rng = np.random.default_rng(2)
    for _ in range(repeated(20)):
        groups, values = rng.integers(0, 40, 300), rng.integers(-9, 9, (300, 2)).astype(float)
        cuts = np.split(np.arange(300), np.sort(rng.integers(1, 299, 12)))
        parts = [_Sums.of(groups[cut], values[cut]) for cut in cuts if len(cut)]
        while len(parts) > 1:
            i = int(rng.integers(len(parts) - 1))
            parts[i : i + 2] = [parts[i].merge(parts[i + 1])]
        expected = np.zeros((41, 2))
        np.add.at(expected, groups, values)
        assert (parts[0].whole(41) == expected).all()
        assert sum(len(found) for found, _ in parts[0].parts) <= 2 * 40


@pytest.mark.parametrize("design", ROLES)
@pytest.mark.parametrize("factor", [2.0**-40, 1e-3, 7.0, 1e6])
def test_the_unit_of_weights_changes_nothing(survey, design, factor):
    plain, scaled = (
        fit_newton(of(survey, design)),
        fit_newton(of(survey, design, w=factor * survey["w"])),
    )
    assert scaled.coefficients == pytest.approx(plain.coefficients, rel=1e-10)
    assert scaled.standard_errors == pytest.approx(plain.standard_errors, rel=1e-10)
    assert scaled.certificate.error_bound == pytest.approx(plain.certificate.error_bound, rel=10)
    assert scaled.certificate.error_bound < 1e-9


@pytest.mark.parametrize("design", ROLES)
def test_the_order_of_rows_and_the_names_of_units_change_nothing(survey, design):
    plain = fit_newton(of(survey, design))
    shuffled = survey.sample(frac=1.0, random_state=1)
    renamed = shuffled.assign(unit=shuffled["unit"].str[::-1], psu=9 - shuffled["psu"])
    found = fit_newton(of(renamed, design))
    assert found.standard_errors == pytest.approx(plain.standard_errors, rel=1e-9)


def test_the_bound_is_proved_in_the_standard_errors_that_are_printed(survey):
    """Of coefficients off by known amounts: the distance in these units is below the bound."""
    model = of(survey, "both")
    fit = fit_newton(model)
    rng = np.random.default_rng(5)
    for size in (1e-8, 1e-5, 1e-2):
        beta = fit.coefficients + size * rng.normal(size=4) * fit.standard_errors
        bound = fp.certify(model, beta).error_bound
        distance = np.max(np.abs(beta - fit.coefficients) / fit.standard_errors)
        assert distance <= bound < 100 * distance


def test_everything_that_follows_takes_the_same_covariance(model):
    fit = fit_newton(model)
    V = fit.covariance
    new = predict(model, fit, {"treated": [0, 1]})
    x = np.array([[1.0, 0.0], [1.0, 1.0]])
    assert new["standard error"].to_numpy() == pytest.approx(np.sqrt(np.diag(x @ V @ x.T)))
    z = fit.coefficients[1] / np.sqrt(V[1, 1])
    assert wald_test(fit, "treated", model=model).statistic == pytest.approx(z * z)
    shown = summarise(model, fit)
    assert shown.table()["standard error"].to_numpy() == pytest.approx(fit.standard_errors)
    assert (shown.goodness, shown.against_null) == (None, None)
    assert "AIC" not in str(shown)
    frame = pd.DataFrame({"y": model.response, "treated": model.design[:, 1]})
    frame["w"] = model.sampling_weights
    effect = average_marginal_effects(model, fit, frame).iloc[0]
    p = expit(model.design @ fit.coefficients)
    slopes = (p * (1 - p))[:, None] * (fit.coefficients[1] * (1 - 2 * p)[:, None] * model.design)
    slopes[:, 1] += p * (1 - p)
    gradient = np.average(slopes, axis=0, weights=frame["w"])
    assert effect["effect"] == pytest.approx(
        fit.coefficients[1] * np.average(p * (1 - p), weights=frame["w"]), rel=1e-9
    )
    assert effect["standard error"] == pytest.approx(np.sqrt(gradient @ V @ gradient), rel=1e-6)


def test_marginal_means_are_of_those_whom_the_rows_speak_for(survey):
    model = of(survey, "both")
    fit = fit_newton(model)
    V, levels = fit.covariance, sorted(survey["g"].unique())
    over = marginal_means(model, fit, "g", survey, "probability", "rows", offset="o").table()
    grid = marginal_means(model, fit, "g", survey, offset="o").table()
    w = survey["w"].to_numpy()
    middle = np.average(survey[["x", "o"]], axis=0, weights=w)
    for place, level in enumerate(levels):
        at = np.zeros(4)
        at[0], at[1] = 1, middle[0]
        X = np.column_stack([np.ones(len(survey)), survey["x"], np.zeros((len(survey), 2))])
        if place:
            at[1 + place], X[:, 1 + place] = 1, 1
        p = expit(X @ fit.coefficients + survey["o"].to_numpy())
        gradient = np.average((p * (1 - p))[:, None] * X, axis=0, weights=w)
        row = over.loc[str(level)]
        assert row["probability"] == pytest.approx(np.average(p, weights=w), rel=1e-9)
        assert row["standard error"] == pytest.approx(np.sqrt(gradient @ V @ gradient), rel=1e-6)
        row = grid.loc[str(level)]
        assert row["log-odds"] == pytest.approx(at @ fit.coefficients + middle[1], rel=1e-9)
        assert row["standard error"] == pytest.approx(np.sqrt(at @ V @ at), rel=1e-6)


def test_point_routes_agree_and_samplers_are_said_to_be_unavailable(model):
    results = run_routes(model, routes=["newton", "sklearn", "map", "independence"], seed=1)
    found = compare_routes(model, *results)
    assert found.verdict == "agree", found.message
    assert "independence" in found.message
    assert found.table()["agrees"].sum() == 3


def test_weights_of_scikit_learn_that_are_no_counts_are_sampling_weights(model):
    estimator = LogisticMLE().fit(
        model.design[:, 1:], model.response, sample_weight=model.sampling_weights
    )
    fit = fit_newton(model)
    assert estimator.estimate_.standard_errors == pytest.approx(fit.standard_errors, rel=1e-9)
    assert "AIC" not in str(estimator.estimate_)
    counts = LogisticMLE().fit(model.design[:, 1:], model.response, np.full(600, 2))
    assert counts.estimate_.nobs == 1200


@pytest.mark.parametrize("name", ["aic", "bic"])
def test_criteria_are_refused(model, name):
    with pytest.raises(NeedsLikelihoodError, match="sampling weights make none"):
        getattr(fit_newton(model), name)


ALLOWED = {
    *("verify", "certify", "check_existence", "fit_map", "fit_sklearn", "fit_newton"),
    *("run_routes", "compare_routes", "predict", "average_marginal_effects", "robust_covariance"),
    *("summarise", "summarize", "collinearity", "marginal_means", "effect_curves"),
}


def test_every_function_of_a_model_is_right_with_sampling_weights_or_refuses_them(model):
    takers = {
        name: getattr(fp, name)
        for name in fp.__all__
        if hasattr(getattr(fp, name), "takes_sampling_weights")
    }
    assert {name for name, each in takers.items() if each.takes_sampling_weights} == ALLOWED
    assert len(takers) > 40
    for name, function in takers.items():
        if name in ALLOWED:
            continue
        given = {"a": model, "b": model} if name == "compare_models" else model
        with pytest.raises(NeedsLikelihoodError, match=f"{name} needs a likelihood"):
            function(given)
    for call in (
        lambda: fp.audit({"Intercept": 0.0, "treated": 1.0}, model),
        lambda: fp.Posterior.from_draws(model, np.zeros((20, 2))),
        lambda: fp.write_report("never.html", compare_routes(model, *[fit_newton(model)] * 2)),
    ):
        with pytest.raises(NeedsLikelihoodError):
            call()
    assert not Path("never.html").exists()


def test_other_kinds_and_clusters_are_refused_where_the_design_is_known(model):
    fit = fit_newton(model)
    for options in ({"kind": "HC1"}, {"cluster": np.arange(600)}):
        with pytest.raises(ValueError, match="one robust covariance"):
            robust_covariance(model, fit, **options)
    plain = replace(model, sampling=None)
    with pytest.raises(ValueError, match="another model"):
        summarise(plain, fit_newton(plain), robust=robust_covariance(model, fit))


def test_units_of_weight_0_were_drawn_too(survey):
    """A domain, by weights of 0: the middle of the sandwich knows all units of each stratum."""
    inside = survey["psu"] < 3
    domain = of(survey, "both", w=survey["w"].where(inside, 0.0))
    fit = fit_newton(domain)
    assert domain.n_rows == inside.sum()
    assert domain.sampling.n_units(domain.n_rows) == 22
    kept = survey[inside]
    X = domain.design
    p = expit(X @ fit.coefficients + kept["o"])
    w = kept["w"].to_numpy()
    V = np.linalg.inv((X * (w * p * (1 - p)).to_numpy()[:, None]).T @ X)
    scores = pd.DataFrame((w * (kept["y"] - p)).to_numpy()[:, None] * X, index=kept["unit"])
    totals = scores.groupby(level=0).sum().reindex(survey["unit"].unique(), fill_value=0.0)
    middle = np.zeros((4, 4))
    for _, of_stratum in totals.groupby(totals.index.str[:2]):
        moved = of_stratum.to_numpy() - of_stratum.to_numpy().mean(axis=0)
        middle += len(moved) / (len(moved) - 1) * moved.T @ moved
    assert fit.standard_errors == pytest.approx(np.sqrt(np.diag(V @ middle @ V)), rel=1e-9)


def test_clusters_and_strata_are_part_of_what_a_model_is(survey):
    models = [of(survey, design) for design in ROLES]
    assert len({each.data_hash for each in models}) == 4
    with pytest.raises(ValueError, match="another model"):
        predict(models[0], fit_newton(models[3]), survey)
    for each in models:
        fit = fit_newton(each)
        assert fp.verify(each, fit).error_bound <= fit.certificate.error_bound


def test_inflation_of_variance_is_that_of_the_weighted_columns(survey):
    model = of(survey, "weights")
    X, w = model.design[:, 1:], model.sampling_weights
    p = expit(model.design @ fit_newton(model).coefficients + model.offset)
    found = fp.collinearity(model).vif
    scaled = fp.collinearity(of(survey, "weights", w=survey["w"] / 1000)).vif
    assert (found.dropna() >= 1).all()
    np.testing.assert_allclose(scaled, found, rtol=1e-9)
    assert len(p) == len(X) == len(w)


@pytest.mark.parametrize("share", [(0, 1), (0, 1, 1)])
def test_where_all_clusters_are_alike_no_standard_error_is_known_and_that_is_said(share):
    """Of halves the scores of clusters are 0, of thirds what rounding leaves of 0."""
    frame = pd.DataFrame({"y": share * 10, "c": np.repeat(np.arange(10), len(share)), "w": 1.7})
    model = BernoulliLogistic.from_formula("y ~ 1", frame, sampling_weights="w", clusters="c")
    fit = fit_newton(model)
    assert np.isnan(fit.standard_errors).all()
    assert fit.certificate.error_bound < 1e-10  # of the weighted information
    assert sum(each.startswith("no standard errors are known") for each in fit.warnings) == 1
    assert "no standard errors are known" in str(summarise(model, fit)).lower()
    for ask in (
        lambda: robust_covariance(model, fit),
        lambda: predict(model, fit, frame[:2]),
        lambda: wald_test(model, fit, "Intercept"),
    ):
        with pytest.raises(ArithmeticError, match=r"known.*; take more units"):
            ask()
    alone = BernoulliLogistic.from_formula("y ~ 1", frame, sampling_weights="w")
    assert np.isfinite(fit_newton(alone).standard_errors).all()
    assert not any("no standard errors" in each for each in fit_newton(alone).warnings)


def test_digits_are_no_more_than_those_that_the_information_proves(model):
    plain = replace(model, sampling=None)
    beta = fit_newton(model).coefficients
    ours, theirs = (certify(each, beta) for each in (model, plain))
    # those of the bound in other units are never more, and less by what these differ
    assert (ours.digits <= theirs.digits + 1e-9).all()
    assert (ours.digits >= theirs.digits - 1).all()
