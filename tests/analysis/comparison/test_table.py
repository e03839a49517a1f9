"""The comparison table against statsmodels, ArviZ, closed forms and by hand."""

import json
import math
import warnings
from dataclasses import replace
from pathlib import Path

import arviz_base
import arviz_stats
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from closed_form import Saturated
from problems import as_posterior

from flatprior.analysis import (
    NotComparableError,
    compare_models,
    exact_loo,
    plot_comparison,
    psis_loo,
)
from flatprior.analysis.comparison.table import require_its_own, stacking_weights
from flatprior.models import (
    BernoulliLogistic,
    ImproperPosteriorError,
    load_endometrial,
    load_smarket,
    load_spector,
    sample_independence,
)
from flatprior.models.existence import cone
from flatprior.models.existence.projection import Effort

FORMULAS = {
    "null": "grade ~ 1",
    "gpa": "grade ~ gpa",
    "psi": "grade ~ psi",
    "both": "grade ~ gpa + psi",
    "all": "grade ~ gpa + tuce + psi",
}


@pytest.fixture(scope="module")
def models():
    return {
        name: BernoulliLogistic.from_formula(formula, load_spector())
        for name, formula in FORMULAS.items()
    }


@pytest.fixture(scope="module")
def posteriors(models):
    return {
        name: sample_independence(model, seed=3, progress=False) for name, model in models.items()
    }


def test_estimates_alone_give_the_criteria_of_statsmodels(models):
    table = compare_models(models).table()
    fits = {
        name: smf.logit(formula, load_spector()).fit(disp=0, tol=1e-12)
        for name, formula in FORMULAS.items()
    }
    for name, fit in fits.items():
        row = table.loc[name]
        assert row["k"] == len(fit.params)
        assert row["log-likelihood"] == pytest.approx(fit.llf, rel=1e-10)
        assert row["deviance"] == pytest.approx(-2 * fit.llf, rel=1e-10)
        assert row["AIC"] == pytest.approx(fit.aic, rel=1e-10)
        assert row["BIC"] == pytest.approx(fit.bic, rel=1e-10)
    assert table["AIC"].is_monotonic_increasing
    parents = {"null": "", "gpa": "null", "psi": "null", "both": "gpa", "all": "both"}
    assert table["parent"].to_dict() == parents
    assert table.loc["all", "LR"] == pytest.approx(2 * (fits["all"].llf - fits["both"].llf))
    assert table.loc["gpa", "p"] == pytest.approx(fits["gpa"].llr_pvalue, rel=1e-8)
    assert list(table["df"].dropna()) == [1, 1, 1, 1]
    assert "elpd_loo" not in table


def test_draws_give_the_columns_of_arviz(models, posteriors):
    comparison = compare_models(models, posteriors)
    table = comparison.table()
    theirs = {}
    for name, model in models.items():
        draws = posteriors[name].draws
        values = model.pointwise_log_likelihood(draws.reshape(-1, model.n_parameters))
        data = {"posterior": {"beta": draws}, "log_likelihood": {"y": values.reshape(4, 1000, -1)}}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Estimated shape parameter")
            theirs[name] = arviz_stats.loo(arviz_base.from_dict(data), pointwise=True)
    best = table.index[0]
    for name, loo in theirs.items():
        assert table.loc[name, "elpd_loo"] == pytest.approx(float(loo.elpd), rel=1e-9)
        assert table.loc[name, "p_loo"] == pytest.approx(float(loo.p), rel=1e-6)
        difference = (loo.elpd_i - theirs[best].elpd_i).to_numpy()
        assert table.loc[name, "elpd_diff"] == pytest.approx(difference.sum(), abs=1e-9)
        assert table.loc[name, "dse"] == pytest.approx(
            math.sqrt(len(difference) * difference.var(ddof=1)), abs=1e-9
        )
        assert table.loc[name, "bad k"] == int((loo.pareto_k > loo.good_k).sum())
    assert table["elpd_loo"].is_monotonic_decreasing
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The inplace keyword")  # of ArviZ, in pandas 3.1
        weights = arviz_stats.compare(theirs)["weight"]
    for name in models:  # ArviZ stops at a tolerance of 1e-6 on the log score
        assert table.loc[name, "weight"] == pytest.approx(weights[name], abs=5e-3)
    assert table["weight"].sum() == pytest.approx(1, rel=1e-12)
    assert table["LOOIC-AIC"].to_numpy() == pytest.approx(-2 * table["elpd_loo"] - table["AIC"])
    assert table["p_loo-k"].to_numpy() == pytest.approx(table["p_loo"] - table["k"])
    assert any("p_loo is not k" in note for note in comparison.notes)


def test_draws_of_some_models_only(models, posteriors):
    table = compare_models(models, {"gpa": posteriors["gpa"]}).table()
    assert table.index[0] == "gpa"
    assert table.loc["gpa", ["elpd_diff", "weight"]].tolist() == [0, 1]
    assert table["elpd_loo"].isna().sum() == 4


def test_stacking_weights_satisfy_the_optimality_conditions():
    rng = np.random.default_rng(2)
    weights = rng.integers(1, 5, size=200).astype(float)
    pointwise = rng.normal(-0.6, 0.2, size=(200, 5)) - [0, 0.02, 0.05, 0.5, 0]
    found = stacking_weights(pointwise, weights)
    density = np.exp(pointwise)
    gradient = (weights / weights.sum()) @ (density / (density @ found)[:, None])
    # the log score is concave: the largest gradient bounds what any other weights could gain
    assert gradient.max() < 1 + 1e-7
    assert found.sum() == pytest.approx(1)
    repeated = np.repeat(pointwise, weights.astype(int), axis=0)
    assert stacking_weights(repeated, np.ones(len(repeated))) == pytest.approx(found, abs=1e-6)
    # predictions that a computer cannot hold as probabilities
    assert stacking_weights(pointwise - 2000, weights) == pytest.approx(found, abs=1e-6)


def test_of_two_opposite_predictions_the_mixture_is_known():
    # model 1 gives a share s of the observations 0.9, the others 0.1; model 2 the reverse: the
    # mixture predicts s, so that 0.9 w + 0.1 (1 - w) = s
    share = 0.7
    first = np.log(np.where(np.arange(100) < 100 * share, 0.9, 0.1))
    second = np.log(1 - np.exp(first))
    found = stacking_weights(np.column_stack([first, second]), np.ones(100))
    assert found[0] == pytest.approx((share - 0.1) / 0.8, abs=1e-6)


def test_the_exact_log_score_stands_beside_elpd(models, posteriors):
    table = compare_models(models, posteriors, leave_one_out=True).table()
    for name, model in models.items():
        assert table.loc[name, "LOO log score"] == exact_loo(model).log_score
        assert table.loc[name, "elpd_loo"] == psis_loo(model, posteriors[name]).elpd


def test_an_undefined_elpd_is_said_and_ranked_last():
    larger = Saturated(np.eye(2), np.array([6, 1]), np.array([5, 9])).model
    X, y, weights = np.ones((4, 1)), larger.response, larger.frequency_weights
    models = {
        "larger": larger,
        "null": BernoulliLogistic.from_arrays(X, y, frequency_weights=weights),
    }
    draws = {name: sample_independence(m, seed=1, progress=False) for name, m in models.items()}
    comparison = compare_models(models, draws, leave_one_out=True)
    table = comparison.table()
    assert list(table.index) == ["null", "larger"]
    assert math.isnan(table.loc["larger", "elpd_loo"])
    assert table.loc["larger", "LOO log score"] == -math.inf
    assert table.loc["null", "weight"] == 1
    assert "There is no elpd_loo of larger: without row 2 its posterior" in str(comparison)
    assert json.loads(json.dumps(comparison.to_dict()))["models"]["larger"]["elpd_loo"] is None


def test_what_cannot_be_compared_is_refused(models, posteriors):
    with pytest.raises(ValueError, match="two models or more"):
        compare_models({"one": models["gpa"]})
    with pytest.raises(ValueError, match="draws of 'nobody', but no such model"):
        compare_models(models, {"nobody": posteriors["gpa"]})
    with pytest.raises(
        NotComparableError, match="no Bayes factor of 'gpa' and 'psi': a flat prior"
    ):
        compare_models(models).bayes_factor("gpa", "psi")


def separated():
    data = load_endometrial()
    return {
        name: BernoulliLogistic.from_formula(formula, data)
        for name, formula in {"small": "HG ~ PI", "large": "HG ~ NV + PI"}.items()
    }


def test_a_model_without_an_mle_is_compared_by_its_supremum():
    """Which statsmodels finds on the rows that are not separated."""
    models = separated()
    found = compare_models(models, leave_one_out=True)
    table, data = found.table(), load_endometrial()
    left = data[data["NV"] == 0]
    supremum = sm.Logit(left["HG"], sm.add_constant(left[["PI"]])).fit(disp=0).llf
    small = sm.Logit(data["HG"], sm.add_constant(data[["PI"]])).fit(disp=0).llf
    np.testing.assert_allclose(table.loc["large", "log-likelihood"], supremum, rtol=1e-9)
    np.testing.assert_allclose(table.loc["large", "AIC"], 6 - 2 * supremum, rtol=1e-9)
    np.testing.assert_allclose(table.loc["large", "BIC"], 3 * np.log(79) - 2 * supremum, rtol=1e-9)
    np.testing.assert_allclose(table.loc["large", "LR"], 2 * (supremum - small), rtol=1e-8)
    assert table.loc["large", ["parent", "df"]].tolist() == ["small", 1]
    assert table["LOO log score"].notna().to_dict() == {"large": False, "small": True}
    assert list(found.fits) == ["small"]
    # with the smaller AIC, which is of a supremum and ranks nothing
    assert table.index.tolist() == ["small", "large"]
    assert table["AIC"].idxmin() == "large"
    assert found.without["large"].kind == "quasi-complete separation"
    assert "no maximum likelihood estimate of large" in found.notes[0]
    assert found.to_dict()["without"]["large"]["formula"] == "HG ~ NV + PI"
    require_its_own(found)
    with pytest.raises(ValueError, match="not that of its models"):
        require_its_own(replace(found, without={}))


def test_nothing_is_compared_by_draws_of_no_posterior():
    models = separated()
    beta = np.random.default_rng(2).normal(size=(2, 50, 3))
    lp = models["large"].log_likelihood(beta.reshape(-1, 3)).reshape(2, 50)
    wide = as_posterior(models["large"], beta, lp)
    with pytest.raises(ImproperPosteriorError, match=r"model 'large': .*separat"):
        compare_models(models, {"large": wide})


@pytest.fixture
def undecided(monkeypatch):
    """A constant, and three columns more of which nobody has the time to say."""
    monkeypatch.setattr(cone, "Effort", lambda: Effort(10.0))
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(60), rng.normal(size=(60, 3))])
    y = X @ [0.2, 1, -1, 1] > 0
    return {
        "a": BernoulliLogistic.from_arrays(X[:, :1], y),
        "b": BernoulliLogistic.from_arrays(X, y),
        "c": BernoulliLogistic.from_arrays(np.column_stack([X[:, 0], np.tile([0, 1], 30)]), y),
    }


def test_a_model_whose_estimate_is_undecided_is_a_row_that_says_why(undecided):
    found = compare_models(undecided, leave_one_out=True)
    table = found.table()
    assert table.index[-1] == "b"
    assert table.loc["b", "k"] == 4
    assert table.loc["b", ["log-likelihood", "deviance", "AIC", "BIC", "LR", "p"]].isna().all()
    assert table.drop(index="b")["AIC"].notna().all()
    assert table.loc["c", "p"] > 0
    assert found.without["b"].kind == "undecided"
    assert found.notes[0].startswith("of b no likelihood is known: ")
    assert "given up" in found.notes[0]
    assert not any("suprema" in note for note in found.notes)
    assert "Of b it is undecided whether there is" in found.message
    assert "There is no maximum likelihood estimate" not in found.message
    require_its_own(found)
    shown = str(found).splitlines()
    assert next(line for line in shown if line.startswith("b")).split()[:3] == ["b", "4", "-"]
    json.dumps(found.to_dict(), allow_nan=False)
    alone = compare_models({name: undecided["b"] for name in ("b", "again")})
    assert alone.message.endswith("a maximum likelihood estimate. Nothing tells them apart.")
    assert plot_comparison(alone).axes
    assert plot_comparison(found).axes
    draws = np.zeros((2, 50, 4))
    lp = undecided["b"].log_likelihood(draws.reshape(-1, 4)).reshape(2, 50)
    with pytest.raises(ImproperPosteriorError, match=r"model 'b': .*given up"):
        compare_models(undecided, {"b": as_posterior(undecided["b"], draws, lp)})


def test_every_dress_escapes_names_and_fits_80_columns():
    data = load_smarket().rename(columns={"Lag1": "<b>|&_%"})
    models = {
        "<script>|_$ & a name so long that no table of eighty columns has any room for it": (
            BernoulliLogistic.from_formula("Direction ~ `<b>|&_%`", data)
        ),
        "null": BernoulliLogistic.from_formula("Direction ~ 1", data),
    }
    draws = {name: sample_independence(m, seed=1, progress=False) for name, m in models.items()}
    comparison = compare_models(models, draws)
    assert max(map(len, str(comparison).splitlines())) <= 80
    page = comparison._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;|_$ &amp; a name" in page
    assert r"\textless{}script\textgreater{}|\_\$ \& a name" in comparison.to_latex()
    lines = comparison.to_markdown(["k", "AIC"]).splitlines()
    assert lines[4] == "|  | k | AIC |"
    assert lines[6].startswith("| null | 1 |")
    assert any(r"&lt;script&gt;\|\_\$ &amp; a name" in line for line in lines)


def test_the_facts_are_plain_json(models, posteriors):
    facts = compare_models(models, posteriors).to_dict()
    again = json.loads(json.dumps(facts, allow_nan=False))
    assert again["models"]["all"]["parent"] == "both"
    assert again["models"]["null"]["LR"] is None
    assert set(again["estimates"]) == set(FORMULAS)
    assert pd.DataFrame(again["models"]).T.shape[0] == 5


def test_offsets_and_weights_are_named():
    frame = load_spector().assign(t=0.1, u=0.2, n=[1, 2] * 16)

    def model(formula, offset):
        return BernoulliLogistic.from_formula(formula, frame, offset, "n")

    same = compare_models({"a": model("grade ~ 1", "t"), "b": model("grade ~ gpa", "t")})
    assert same.facts == (
        "48 observations in 32 rows (frequency weights: n)",
        "18 events",
        "offset: t",
    )
    other = compare_models({"1": model("grade ~ 1", "t"), "2": model("grade ~ gpa", None)})
    assert other.facts[2] == "offsets: t (model 1), none (model 2)"
    assert "taken as counts" in str(other)
    facts = other.to_dict()
    assert facts["offsets"] == {"1": "t", "2": None}
    assert facts["frequency_weights"] == {"1": "n", "2": "n"}


def test_of_dependent_columns_the_rank_counts_and_those_left_out_are_named():
    cells = pd.read_csv(Path(__file__).parents[2] / "data" / "empty_cells.csv")
    formulas = {str(order): f"y ~ (A + B + D)**{order}" for order in (1, 2, 3)}
    whole, reduced = (
        {
            name: BernoulliLogistic.from_formula(formula, cells, aliased=aliased)
            for name, formula in formulas.items()
        }
        for aliased in ("raise", "drop")
    )
    found = compare_models(whole)
    table = found.table()
    assert table["k"].to_dict() == {"1": 7, "2": 17, "3": 21}
    # R 4.3: anova(f1, f2, f3, test = "Chisq") of glm(y ~ (A + B + D)^order, binomial)
    assert table.loc["3", "log-likelihood"] == pytest.approx(-162.3152680124, abs=1e-9)
    assert table["LR"].tolist()[1:] == pytest.approx([5.6496, 4.6535], rel=1e-4)
    assert table["df"].tolist()[1:] == [10, 4]
    assert table["p"].tolist()[1:] == pytest.approx([0.8438, 0.3247], abs=5e-5)
    pd.testing.assert_frame_equal(table, compare_models(reduced).table())
    assert found.models["3"].names == reduced["3"].names
    said = [note for note in found.notes if "columns are combinations of others" in note]
    assert [note.split(" left out")[0] for note in said] == [
        "2 coefficients of model 2",
        "6 coefficients of model 3",
    ]
