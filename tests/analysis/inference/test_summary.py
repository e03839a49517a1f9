"""The summary against statsmodels, and every dress of it."""

import json
import math
import re

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from flatprior.analysis import (
    collinearity,
    confidence_intervals,
    robust_covariance,
    summarise,
    wald_test,
)
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    fit_newton,
    fit_sklearn,
    load_endometrial,
    load_spector,
)

FORMULA = "grade ~ gpa + tuce + psi"


@pytest.fixture
def model():
    return BernoulliLogistic.from_formula(FORMULA, load_spector())


def test_the_numbers_are_those_of_statsmodels(model):
    theirs = smf.logit(FORMULA, load_spector()).fit(disp=0, tol=1e-12)
    summary = summarise(model)
    table = summary.table()
    assert table["coefficient"].to_numpy() == pytest.approx(theirs.params, rel=1e-8)
    assert table["standard error"].to_numpy() == pytest.approx(theirs.bse, rel=1e-8)
    assert table["z"].to_numpy() == pytest.approx(theirs.tvalues, rel=1e-8)
    assert table["p"].to_numpy() == pytest.approx(theirs.pvalues, rel=1e-7)
    ends = table[["2.5%", "97.5%"]].to_numpy()
    assert ends == pytest.approx(theirs.conf_int().to_numpy(), rel=1e-8)
    ratios = table[["odds ratio", "OR 2.5%", "OR 97.5%"]].to_numpy()
    assert ratios == pytest.approx(np.exp(np.column_stack([theirs.params, ends])), rel=1e-7)
    assert summary.against_null.statistic == pytest.approx(theirs.llr, rel=1e-8)
    assert summary.against_null.p == pytest.approx(theirs.llr_pvalue, rel=1e-7)
    assert summary.goodness.mcfadden == pytest.approx(theirs.prsquared, rel=1e-7)


def test_robust_and_profile_intervals_take_the_place_of_walds(model):
    fit = fit_newton(model)
    by_profile = summarise(model, fit, prob=0.9, intervals="profile")
    assert "those of the profile likelihood, z and p those of Wald's test" in " ".join(
        by_profile.notes
    )
    assert "profile likelihood" not in " ".join(summarise(model, fit).notes)
    profile = by_profile.table()
    assert profile[["5%", "95%"]].equals(confidence_intervals(model, 0.9)[["5%", "95%"]])
    robust = robust_covariance(model, fit, "HC3")
    summary = summarise(model, fit, robust=robust)
    assert summary.table()["standard error"].to_numpy() == pytest.approx(robust.standard_errors)
    assert "Standard errors are HC3, small-sample factor 1" in str(summary)
    with pytest.raises(ValueError, match="no profile likelihood"):
        summarise(model, fit, robust=robust, intervals="profile")
    with pytest.raises(ValueError, match="that of another fit"):
        summarise(model, fit_sklearn(model), robust=robust)


def test_without_a_constant_there_is_no_test_against_one():
    data = load_spector()
    without = BernoulliLogistic.from_formula("grade ~ 0 + gpa", data)
    assert summarise(without).against_null is None
    assert summarise(BernoulliLogistic.from_formula("grade ~ 1", data)).against_null is None
    # levels without an intercept span it
    levels = BernoulliLogistic.from_formula("grade ~ 0 + C(psi)", data)
    direct = BernoulliLogistic.from_formula("grade ~ C(psi)", data)
    first, second = summarise(levels).against_null, summarise(direct).against_null
    assert first.statistic == pytest.approx(second.statistic, rel=1e-10)
    assert first.df == second.df == 1


def test_rows_in_batches_have_a_summary(tmp_path, model):
    load_spector().to_parquet(tmp_path / "spector.parquet", row_group_size=10)
    batches = BernoulliLogistic.from_parquet(tmp_path / "spector.parquet", FORMULA)
    first, second = summarise(batches), summarise(model)
    pd.testing.assert_frame_equal(first.table(), second.table(), rtol=1e-7)
    assert first.against_null.statistic == pytest.approx(second.against_null.statistic, rel=1e-9)


def test_the_tidy_frame_has_brooms_names(model):
    tidy = summarise(model).tidy()
    assert list(tidy.columns[:5]) == ["term", "estimate", "std_error", "statistic", "p_value"]
    assert tidy["term"].tolist() == list(model.names)
    assert tidy["odds_ratio"].to_numpy() == pytest.approx(np.exp(tidy["estimate"]))


def test_every_dress_holds_the_numbers_and_escapes_the_names():
    data = load_spector().rename(columns={"gpa": "<b>g&_%$", "tuce": "a|b"})
    model = BernoulliLogistic.from_formula("grade ~ `<b>g&_%$` + `a|b`", data)
    summary = summarise(model)
    text = str(summary)
    assert max(map(len, text.splitlines())) <= 80
    page, latex, markdown = summary._repr_html_(), summary.to_latex(), summary.to_markdown()
    for dress in (text, page, latex, markdown):
        assert f"{summary.goodness.aic:.4f}" in dress
        for value in summary.frame["coefficient"]:
            minus = r"\ensuremath{-}" if dress is latex else "-"
            assert f"{value:#.6g}".replace("-", minus) in dress
    assert "<b>" not in page
    assert r"\textless{}b\textgreater{}g\&\_\%\$" in latex
    assert re.search(r"a\\\|b", markdown)
    # as many cells in every row of the pipe table
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1
    # a table of two parts, since all columns do not fit beside one another
    assert latex.count(r"\begin{") == latex.count(r"\end{") == 3


def test_the_facts_are_plain_json(model):
    facts = json.loads(json.dumps(summarise(model).to_dict(), allow_nan=False))
    assert facts["coefficients"]["gpa"]["odds ratio"] == pytest.approx(math.exp(2.826112594))
    assert facts["goodness"]["n_observations"] == 32


def test_what_the_wald_test_is_misled_by_is_said():
    x, y = [0, 0, 1, 1], [1, 0, 1, 0]
    model = BernoulliLogistic.from_arrays(x, y, intercept=True, frequency_weights=[25, 25, 49, 1])
    summary = summarise(model)
    assert summary.table().loc["x1", "hauck-donner"]
    assert "The Wald test of x1 is misled (Hauck and Donner)" in str(summary)


def test_the_hooks_of_maketables_are_what_it_reads(model):
    summary = summarise(model)
    table = summary.__maketables_coef_table__
    assert list(table.columns) == ["b", "se", "t", "p", "ci95l", "ci95u"]
    assert table["ci95u"].to_numpy() == pytest.approx(summary.table()["97.5%"])
    assert list(table.index) == list(model.names)
    keys = summary.__maketables_default_stat_keys__
    assert isinstance(keys, list)
    for key in keys:
        assert isinstance(summary.__maketables_stat__(key), int | float)
    assert summary.__maketables_stat__("N") == 32
    assert summary.__maketables_stat__("nothing") is None
    assert summary.__maketables_depvar__ == "grade"
    assert summary.__maketables_vcov_info__ == {"vcov_type": "iid"}
    # with these three the package would take it for a result of statsmodels
    assert not all(hasattr(summary, name) for name in ("params", "bse", "pvalues"))


def test_separated_data_have_no_summary():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    with pytest.raises(MLEDoesNotExistError):
        summarise(model)


def test_offset_and_weights_are_named():
    frame = load_spector().assign(t=0.1, n=[1, 2] * 16)
    model = BernoulliLogistic.from_formula("grade ~ gpa", frame, "t", "n")
    for text in (str(summarise(model)), summarise(model).to_markdown()):
        text = " ".join(text.replace("\\", "").split())
        assert "48 observations in 32 rows (frequency weights: n)" in text
        assert "offset: t" in text
        assert "taken as counts" in text


def test_intervals_that_there_are_not_are_refused_by_their_own_name():
    model = BernoulliLogistic.from_formula("grade ~ psi", load_spector())
    with pytest.raises(ValueError, match='intervals must be "wald" or "profile", not \'hdi\''):
        summarise(model, intervals="hdi")


def test_terms_of_several_coefficients_are_tested_together():
    rng = np.random.default_rng(11)
    n = 120
    data = pd.DataFrame(
        {"y": rng.integers(0, 2, n), "x": rng.normal(size=n), "g": rng.choice(list("abc"), n)}
    )
    data["h"] = rng.choice(["u", "v", "w"], n)
    model = BernoulliLogistic.from_formula("y ~ x + g", data)
    theirs = smf.logit("y ~ x + g", data).fit(disp=0, tol=1e-12)
    expected = theirs.wald_test_terms(scalar=True).table.loc["g"]
    summary = summarise(model)
    assert list(summary.by_term) == ["g"]
    test = summary.by_term["g"]
    assert [test.statistic, test.df, test.p] == pytest.approx(
        [expected["statistic"], 2, expected["pvalue"]], rel=1e-7
    )
    assert f"Wald test of g: chi-squared(2) = {test.statistic:.3f}" in str(summary)
    assert summary.to_dict()["by_term"]["g"]["df"] == 2
    # with other standard errors another covariance
    fit = fit_newton(model)
    robust = robust_covariance(model, fit, "HC3")
    same = wald_test(model, robust, "g").statistic
    assert summarise(model, fit, robust=robust).by_term["g"].statistic == same != test.statistic
    # of what stands in an interaction only that is tested, whatever the reference levels
    both = BernoulliLogistic.from_formula("y ~ x + g*h", data)
    assert list(summarise(both).by_term) == ["g:h"]
    assert not summarise(BernoulliLogistic.from_formula("y ~ x", data)).by_term


def test_a_term_that_too_few_clusters_cannot_test_is_said():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"y": rng.integers(0, 2, 90), "g": list("abcdef") * 15})
    model = BernoulliLogistic.from_formula("y ~ g", data)
    robust = robust_covariance(model, fit_newton(model), "HC0", np.arange(90) % 4)
    summary = summarise(model, robust=robust)
    assert not summary.by_term
    assert (
        "no test of g: the covariance of 4 clusters supports"
        in " ".join(str(summary).split()).lower()
    )


def test_variance_inflation_is_that_of_the_fit_and_said_where_it_is_large(model):
    quiet = summarise(model)
    pd.testing.assert_frame_equal(quiet.gvif, collinearity(model, quiet.fit).gvif)
    assert "ollinear" not in str(quiet)
    # a copy with noise of variance v: of two columns alone, VIF = 1 / (1 - r^2)
    rng = np.random.default_rng(4)
    x = rng.normal(size=400)
    frame = pd.DataFrame({"x": x, "near": x + 0.1 * rng.normal(size=400)})
    frame["y"] = (rng.random(400) < 1 / (1 + np.exp(-x))).astype(int)
    model = BernoulliLogistic.from_formula("y ~ x + near", frame)
    found = summarise(model)
    p = 1 / (1 + np.exp(-model.design @ found.fit.coefficients))
    centred = frame[["x", "near"]] - np.average(frame[["x", "near"]], axis=0, weights=p * (1 - p))
    products = (centred.T * (p * (1 - p))) @ centred
    r2 = products.iloc[0, 1] ** 2 / (products.iloc[0, 0] * products.iloc[1, 1])
    assert found.gvif["GVIF"].iloc[1:].tolist() == pytest.approx([1 / (1 - r2)] * 2, rel=1e-9)
    much = f"{(1 / (1 - r2)) ** 0.5:.3g} times"
    assert f"Collinear: standard errors of x {much}, near {much} as large" in " ".join(
        str(found).split()
    )
    # a square is collinear with what it is the square of, and meant to be
    curved = BernoulliLogistic.from_formula("y ~ x + I((x + 9)**2)", frame)
    assert summarise(curved).gvif["GVIF"].max() > 10
    assert "ollinear" not in str(summarise(curved))


def test_rows_in_files_are_not_read_for_variance_inflation(tmp_path):
    load_spector().to_csv(tmp_path / "s.csv", index=False)
    model = BernoulliLogistic.from_parquet(tmp_path / "s.csv", FORMULA)
    found = summarise(model, fit_newton(model))
    assert found.gvif is None
    assert found.to_dict()["gvif"] is None
