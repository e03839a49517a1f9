import math
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from peers import TEN, glm
from places import PLACES, shoppers
from problems import CASES
from scipy.stats import chi2

from flatprior.analysis import (
    NotComparableError,
    goodness_of_fit,
    hauck_donner,
    likelihood_ratio_test,
    score_test,
    wald_test,
)
from flatprior.analysis.inference.hypotheses.linear import linear_of
from flatprior.analysis.inference.hypotheses.null_models import (
    Null,
    null_model,
    null_of,
    restricted,
)
from flatprior.analysis.maxima import maximal
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    fit_newton,
    load_endometrial,
    load_spector,
)
from flatprior.models.designs.coded import Structured


@pytest.mark.parametrize("name", TEN)
def test_the_three_tests_are_those_of_statsmodels(name):
    case = CASES[name]
    model, full = case.model, glm(CASES[name])
    names = list(case.frame.columns)
    for held in ([names[-1]], names[1:]):
        rest = [name for name in names if name not in held]
        null = glm(case, rest)
        wald = wald_test(fit_newton(model), held)
        theirs = full.wald_test(np.eye(len(names))[[names.index(n) for n in held]], scalar=True)
        assert wald.statistic == pytest.approx(float(theirs.statistic), rel=1e-8)
        ratio = likelihood_ratio_test(model, held)
        assert ratio.statistic == pytest.approx(2 * (full.llf - null.llf), rel=1e-8, abs=1e-10)
        assert ratio.p == pytest.approx(chi2.sf(ratio.statistic, len(held)), rel=1e-12)
        score = score_test(model, held)
        if case.weights is None:  # statsmodels' score test knows no weights
            theirs = null.score_test(exog_extra=case.frame[held])[:2]  # and degrees of freedom
            expected, p = (float(value[0]) for value in theirs)
            assert score.statistic == pytest.approx(expected, rel=1e-8)
            assert score.p == pytest.approx(p, rel=1e-7)
        assert wald.df == ratio.df == score.df == len(held)


def test_a_contrast_is_the_test_of_the_merged_levels():
    case = CASES["lbw_stata"]
    contrast = np.array(
        [(n == "race_black") - (n == "race_other") for n in case.model.names], float
    )
    merged = case.frame.assign(race=case.frame["race_black"] + case.frame["race_other"])
    small = BernoulliLogistic.from_arrays(
        merged.drop(columns=["race_black", "race_other"]), case.response
    )
    by_matrix = likelihood_ratio_test(case.model, contrast)
    by_model = likelihood_ratio_test(case.model, small)
    assert by_matrix.statistic == pytest.approx(by_model.statistic, rel=1e-10)
    assert by_matrix.hypothesis == "race_black - race_other = 0"
    assert (by_model.df, by_model.hypothesis.startswith("only const, age")) == (1, True)


def test_the_larger_model_is_found_by_its_columns_in_either_order():
    data = load_spector()
    large = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    shifted = data.assign(other=3 + 2 * data["gpa"] - data["psi"])
    small = BernoulliLogistic.from_formula("grade ~ other", shifted)
    first, second = likelihood_ratio_test(small, large), likelihood_ratio_test(large, small)
    assert first == second
    assert first.df == 2
    with pytest.raises(ValueError, match="neither model is nested in the other"):
        likelihood_ratio_test(small, BernoulliLogistic.from_formula("grade ~ gpa + tuce", data))
    with pytest.raises(ValueError, match="the same model"):
        likelihood_ratio_test(large, BernoulliLogistic.from_formula("grade~psi+gpa+tuce", data))
    with pytest.raises(ValueError, match="a model needs none"):
        likelihood_ratio_test(large, small, 5.0)
    with pytest.raises(NotComparableError):
        likelihood_ratio_test(large, BernoulliLogistic.from_formula("grade ~ gpa", data[1:]))


def test_an_offset_of_a_combination_is_a_coefficient_held():
    data = load_spector()
    large = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    held = BernoulliLogistic.from_formula("grade ~ tuce + psi", data, offset=2.0 * data["gpa"])
    by_value = likelihood_ratio_test(large, {"gpa": 2.0})
    assert likelihood_ratio_test(large, held).statistic == pytest.approx(by_value.statistic)


def test_on_separated_data_the_ratio_is_of_suprema_and_the_score_test_stands():
    data = load_endometrial()
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", data)
    null = sm.GLM(data["HG"], sm.add_constant(data[["PI", "EH"]]), sm.families.Binomial())
    null = null.fit(tol=1e-13, tol_criterion="params")
    found = likelihood_ratio_test(model, "NV")
    # Heinze and Schemper (2002) state the deviance 55.393 of the model with NV
    assert 55.3925 <= -2 * null.llf - found.statistic <= 55.3935
    assert "supremum" in found.note
    assert "supremum" in str(found)
    expected = null.score_test(exog_extra=data[["NV"]])[0]
    assert score_test(model, "NV").statistic == pytest.approx(float(expected[0]), rel=1e-8)
    with pytest.raises(MLEDoesNotExistError):
        score_test(model, "PI")


def test_a_two_by_two_table_has_pearsons_chi_squared_as_score_test():
    counts = np.array([[12, 30], [25, 14]])
    x, y = [0, 0, 1, 1], [1, 0, 1, 0]
    model = BernoulliLogistic.from_arrays(x, y, intercept=True, frequency_weights=counts.ravel())
    total = counts.sum()
    expected = np.outer(counts.sum(1), counts.sum(0)) / total
    pearson = ((counts - expected) ** 2 / expected).sum()
    g2 = 2 * (counts * np.log(counts / expected)).sum()
    assert score_test(model, "x1").statistic == pytest.approx(pearson, rel=1e-12)
    assert likelihood_ratio_test(model, "x1").statistic == pytest.approx(g2, rel=1e-11)
    log_odds_ratio = math.log(12 * 14 / (30 * 25))
    wald = log_odds_ratio**2 / (1 / counts).sum()
    assert wald_test(fit_newton(model), "x1").statistic == pytest.approx(wald, rel=1e-12)


def test_rows_in_batches_give_the_same(tmp_path):
    frame = CASES["ohio"].frame.assign(y=CASES["ohio"].response)
    frame.to_parquet(tmp_path / "ohio.parquet", row_group_size=300)
    formula = "y ~ age + smoke + age_smoke"
    batches = BernoulliLogistic.from_parquet(tmp_path / "ohio.parquet", formula)
    smaller = BernoulliLogistic.from_parquet(tmp_path / "ohio.parquet", "y ~ age")
    memory = BernoulliLogistic.from_formula(formula, frame)
    for test in (likelihood_ratio_test, score_test):
        found, expected = (test(m, ["smoke", "age_smoke"]) for m in (batches, memory))
        assert found.statistic == pytest.approx(expected.statistic, rel=1e-7)
    found = likelihood_ratio_test(batches, smaller)
    assert found.statistic == pytest.approx(expected_ratio(memory), rel=1e-7)
    fits = fit_newton(batches), fit_newton(memory)
    assert goodness_of_fit(batches, fits[0]).tjur == pytest.approx(
        goodness_of_fit(memory, fits[1]).tjur, rel=1e-8
    )
    pd.testing.assert_frame_equal(
        hauck_donner(batches, fits[0]).table(), hauck_donner(memory, fits[1]).table(), rtol=1e-6
    )


def expected_ratio(model):
    return likelihood_ratio_test(model, ["smoke", "age_smoke"]).statistic


CELLS = pd.read_csv(Path(__file__).parents[3] / "data" / "empty_cells.csv")
# R 4.3, with f of orders 1, 2, 3: f <- glm(y ~ (A + B + D)^order, binomial, data)
# anova(f2, f3, test = "Chisq"); anova(f1, f2, test = "Chisq"); anova(f1, f3, test = "Chisq")
NESTED = [(3, 2, 4.6535, 4, 0.3247), (2, 1, 5.6496, 10, 0.8438), (3, 1, 10.303, 14, 0.7397)]


def of_order(order, **options):
    return BernoulliLogistic.from_formula(f"y ~ (A + B + D)**{order}", CELLS, **options)


@pytest.mark.parametrize(("large", "small", "statistic", "df", "p"), NESTED)
def test_between_rank_deficient_models_the_degrees_of_freedom_are_those_of_ranks(
    large, small, statistic, df, p
):
    full, null = of_order(large), of_order(small)
    more = [name for name in full.names if name not in null.names]
    for found in (
        likelihood_ratio_test(full, null),
        likelihood_ratio_test(null, full),
        likelihood_ratio_test(of_order(large, aliased="drop"), null),
        likelihood_ratio_test(full, more),
        likelihood_ratio_test(full, np.eye(len(full.names))[[full.names.index(n) for n in more]]),
    ):
        assert found.statistic == pytest.approx(statistic, rel=1e-4)
        assert (found.df, found.p) == (df, pytest.approx(p, abs=5e-5))
    assert f"of {len(more)} restrictions {df} count" in found.note
    reduced = of_order(large, aliased="drop")
    score = score_test(full, more)
    expected = score_test(reduced, [name for name in more if name in reduced.names])
    assert score.df == expected.df == df
    assert score.statistic == pytest.approx(expected.statistic, rel=1e-8)
    # Pearson's statistic of the cells, where the larger model is saturated
    if large == 3:
        weights, y, p = (np.asarray(part) for part in pearson_of(null))
        assert score.statistic == pytest.approx(
            float(((y - weights * p) ** 2 / (weights * p * (1 - p))).sum()), rel=1e-8
        )


def pearson_of(model):
    """Sizes, events and fitted probabilities of the cells."""
    reduced = model.without_aliased()
    fitted = 1 / (1 + np.exp(-reduced.design @ fit_newton(reduced).coefficients))
    cells = CELLS.assign(p=fitted).groupby(["A", "B", "D"])
    return cells.size(), cells["y"].sum(), cells["p"].mean()


def test_in_batches_suprema_and_ranks_are_those_in_memory(tmp_path):
    CELLS.to_parquet(tmp_path / "cells.parquet")
    load_endometrial().to_parquet(tmp_path / "e.parquet")

    def model(order):
        return BernoulliLogistic.from_parquet(
            tmp_path / "cells.parquet", f"y ~ (A + B + D)**{order}"
        )

    for large, small, statistic, df, p in NESTED:
        found = likelihood_ratio_test(model(large), model(small))
        assert found.statistic == pytest.approx(statistic, rel=1e-4)
        assert (found.df, found.p) == (df, pytest.approx(p, abs=5e-5))
    full, memory = model(3), of_order(3)
    more = [name for name in full.names if name not in model(2).names]
    matrix = np.eye(len(full.names))[[full.names.index(name) for name in more]]
    found = likelihood_ratio_test(full, more)
    assert (found.statistic, found.df) == (pytest.approx(4.6535, rel=1e-4), 4)
    for test, hypothesis in (
        (score_test, more),
        (score_test, matrix),
        (score_test, dict.fromkeys(more, 0.01)),
        (likelihood_ratio_test, matrix + 2 * np.roll(matrix, 1, axis=0)),
        (score_test, list(full.names)),
    ):
        found, expected = (test(each, hypothesis) for each in (full, memory))
        assert found.statistic == pytest.approx(expected.statistic, rel=1e-7)
        assert (found.df, found.note) == (expected.df, expected.note)
    with pytest.raises(ValueError, match=r"the data cannot tell whether A\[T.c\]:B\[T.b\] = 0"):
        score_test(full, "A[T.c]:B[T.b]")
    formulas = ("HG ~ NV + PI + EH", "HG ~ NV + EH", "HG ~ EH")
    for large, small in ((0, 1), (0, 2), (1, 2)):
        found, expected = (
            likelihood_ratio_test(build(formulas[large]), build(formulas[small]))
            for build in (
                lambda f: BernoulliLogistic.from_parquet(tmp_path / "e.parquet", f),
                lambda f: BernoulliLogistic.from_formula(f, load_endometrial()),
            )
        )
        assert found.statistic == pytest.approx(expected.statistic, rel=1e-9)
        assert (found.df, found.note) == (expected.df, expected.note)


def test_dependence_and_separation_together_have_suprema():
    frame = load_endometrial().assign(both=lambda d: d["NV"] + d["EH"])
    full = BernoulliLogistic.from_formula("HG ~ NV + PI + EH + both", frame)
    null = BernoulliLogistic.from_formula("HG ~ PI + EH", frame)
    plain = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", frame)
    found, expected = likelihood_ratio_test(full, null), likelihood_ratio_test(plain, null)
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9)
    assert (found.df, found.note) == (1, expected.note)
    assert "a supremum only" in found.note
    assert likelihood_ratio_test(full, ["NV", "both"]).df == 1
    with pytest.raises(MLEDoesNotExistError, match="coefficients: 'NV' to"):
        score_test(full, "PI")


def test_a_score_test_reads_rows_once_more_than_the_fit_of_its_null_model(tmp_path):
    model = PLACES["Parquet"](shoppers(600), tmp_path, "bought ~ income + age + region")
    j = model.names.index("age")

    def passes(function):
        before = model.passes.number
        function()
        return model.passes.number - before

    null = Null(np.zeros(5), np.delete(np.arange(5), j), np.zeros((5, 0)))
    fit = passes(lambda: maximal(restricted(model, null)))
    assert passes(lambda: score_test(model, "age")) == fit + 1


@pytest.mark.parametrize("place", PLACES)
def test_a_null_model_that_is_separated_is_found_wherever_its_rows_lie(tmp_path, place):
    rng = np.random.default_rng(11)
    frame = pd.DataFrame(rng.normal(size=(700, 3)), columns=list("abc"))
    frame["d"] = 0.0
    frame["y"] = (rng.random(700) < 1 / (1 + np.exp(0.5 - frame["a"]))).astype(int)
    frame.loc[699, ["d", "y"]] = 1.0, 1
    model = PLACES[place](frame, tmp_path, "y ~ a + b + c + d")
    memory = BernoulliLogistic.from_formula("y ~ a + b + c + d", frame)
    differ = [[0, 1, -1, 0, 0]]

    def without_numbers(error):
        return re.sub(r"rows: \d+", "", str(error.value))

    for hypothesis, value in (("a", 0.25), (differ, None), ("Intercept", None)):
        with pytest.raises(MLEDoesNotExistError) as expected:
            score_test(memory, hypothesis, value)
        with pytest.raises(MLEDoesNotExistError) as found:
            score_test(model, hypothesis, value)
        assert without_numbers(found) == without_numbers(expected)  # of rows: files have lines
        ours, theirs = (likelihood_ratio_test(each, hypothesis, value) for each in (model, memory))
        assert ours.statistic == pytest.approx(theirs.statistic, rel=1e-9)
        assert (ours.df, ours.note) == (theirs.df, theirs.note)
    # nor is the larger model's separation one of the null model
    assert score_test(model, "d").statistic == pytest.approx(score_test(memory, "d").statistic)


def test_a_null_model_of_many_levels_in_files_keeps_them_as_codes(tmp_path):
    rng = np.random.default_rng(12)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=6000),
            "g": np.char.add("g", rng.integers(300, size=6000).astype(str)),
        }
    )
    frame["y"] = (rng.random(6000) < 1 / (1 + np.exp(-0.3 * frame["x"]))).astype(int)
    frame.to_parquet(tmp_path / "rows.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ x + g")
    small = null_model(model, null_of(model, model, linear_of(model.names, "x", None)))
    assert isinstance(small.rows.drawn.design, Structured)
    memory = BernoulliLogistic.from_formula("y ~ x + g", frame)
    for test in (score_test, likelihood_ratio_test):
        for hypothesis in ("x", list(model.names[2:])):
            found, expected = test(model, hypothesis), test(memory, hypothesis)
            assert found.statistic == pytest.approx(expected.statistic, rel=1e-8)
            assert found.df == expected.df


@pytest.mark.parametrize("place", PLACES)
def test_a_contrast_that_does_not_divide_evenly_hides_no_separation(tmp_path, place):
    # b = 49 a in all rows but one: under a + 49 b = 0 that row alone separates
    a = np.append(np.arange(1.0, 61), 1000.0)
    frame = pd.DataFrame({"a": a, "b": np.append(49 * a[:60], 0.0), "y": np.arange(61) % 2})
    frame.loc[60, "y"] = 1
    model = PLACES[place](frame, tmp_path, "y ~ a + b")
    others = BernoulliLogistic.from_formula("y ~ a", frame[:60])
    for hypothesis in ([[0, 1, 49]], [[0, -3, -147]]):
        with pytest.raises(MLEDoesNotExistError, match="1 of 61 rows"):
            score_test(model, hypothesis)
        ratio = likelihood_ratio_test(model, hypothesis)
        # suprema of what is left without that row: 60 rows on a, and 30 of each outcome
        expected = 2 * (fit_newton(others).log_likelihood - 60 * math.log(0.5))
        assert ratio.statistic == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("hypothesis", [[[0, 0, 1, -1]], [[0, 0, 2, 0]], [[0, 1, 1, 0]]])
def test_contrasts_of_levels_leave_the_others_codes(tmp_path, hypothesis):
    rng = np.random.default_rng(13)
    levels = np.char.add("g", rng.integers(120, size=4000).astype(str))
    frame = pd.DataFrame({"x": rng.normal(size=4000), "g": levels})
    frame["y"] = (rng.random(4000) < 1 / (1 + np.exp(-0.3 * frame["x"]))).astype(int)
    memory = BernoulliLogistic.from_formula("y ~ x + g", frame)
    frame.to_parquet(tmp_path / "rows.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ x + g")
    matrix = np.zeros((1, model.n_parameters))
    matrix[:, :4] = hypothesis
    null = null_of(model, model, linear_of(model.names, matrix, None))
    assert isinstance(null.rows.drawn.design, Structured)
    wald = wald_test(fit_newton(memory), matrix).statistic
    for test in (score_test, likelihood_ratio_test):
        found, expected = test(model, matrix), test(memory, matrix)
        assert found.statistic == pytest.approx(expected.statistic, rel=1e-8)
        assert found.statistic == pytest.approx(wald, rel=0.2, abs=0.05)
