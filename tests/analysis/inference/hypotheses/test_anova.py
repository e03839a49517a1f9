import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from every_way import every_way
from r_values import NAMES, STORED, r_model
from scipy.stats import chi2

from flatprior.analysis import (
    NotComparableError,
    anova,
    drop_one,
    likelihood_ratio_test,
    robust_covariance,
    score_test,
    wald_test,
)
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    fit_newton,
    load_endometrial,
    load_spector,
)

TESTS = ("LR", "score", "Wald")


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(5)
    n = 300
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=n),
            "z": rng.normal(size=n),
            "g": rng.choice(list("abc"), n),
            "h": rng.choice(["u", "v"], n),
        }
    )
    eta = 0.5 * frame["x"] + 0.6 * (frame["g"] == "b") - 0.4 * frame["x"] * (frame["h"] == "v")
    return frame.assign(y=(rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int))


def model_of(formula, frame, **given):
    return BernoulliLogistic.from_formula(formula, frame, **given)


def deviance(formula, frame):
    family = sm.families.Binomial()
    return smf.glm(formula, frame, family=family).fit(tol=1e-13, maxiter=100)


def test_type_one_is_the_differences_of_deviances_in_order(frame):
    found = anova(model_of("y ~ g*x + poly(z, 2) + h", frame)).table()
    frame = frame.assign(z2=frame["z"] ** 2)
    sums = ["1", "g", "x", "z + z2", "h", "g:x"]
    theirs = [deviance("y ~ " + " + ".join(sums[: i + 1]), frame) for i in range(len(sums))]
    assert found.index.tolist() == ["null model", "g", "x", "poly(z, 2)", "h", "g:x"]
    expected = [each.deviance for each in theirs]
    assert found["deviance"].tolist() == pytest.approx(expected, rel=1e-10)
    assert found["AIC"].tolist() == pytest.approx([each.aic for each in theirs], rel=1e-10)
    assert found["LR"].tolist()[1:] == pytest.approx(-np.diff(expected), abs=1e-8)
    assert found["df"].tolist()[1:] == [2, 1, 2, 1, 2]
    p = chi2.sf(found["LR"][1:], found["df"][1:].astype(int))
    assert found["p"].tolist()[1:] == pytest.approx(p, rel=1e-12)
    assert np.isnan(found["LR"].iloc[0])


def test_type_two_respects_marginality(frame):
    found = anova(model_of("y ~ g*x + x:h + h + z", frame), type=2).table()
    whole = "g + x + h + z + g:x + x:h"
    without = {
        "g": ("x + h + z + x:h", "g + x + h + z + x:h"),
        "x": ("g + h + z", "g + x + h + z"),
        "h": ("g + x + z + g:x", "g + x + h + z + g:x"),
        "z": ("g + x + h + g:x + x:h", whole),
        "g:x": ("g + x + h + z + x:h", whole),
        "x:h": ("g + x + h + z + g:x", whole),
    }
    assert set(found.index) == set(without)
    for name, (small, large) in without.items():
        lr = deviance(f"y ~ {small}", frame).deviance - deviance(f"y ~ {large}", frame).deviance
        assert found.loc[name, "LR"] == pytest.approx(lr, rel=1e-7, abs=1e-8), name


@pytest.mark.parametrize("test", TESTS)
def test_the_kinds_of_tests_are_those_of_the_submodels(frame, test):
    def between(large, more):
        model = model_of(f"y ~ {large}", frame)
        if test == "Wald":
            return wald_test(model, fit_newton(model), more).statistic
        return (likelihood_ratio_test if test == "LR" else score_test)(model, more).statistic

    model = model_of("y ~ g*x + h", frame)
    one = anova(model, test=test).table()[test]
    assert one["g"] == pytest.approx(between("g", "g"), rel=1e-8)
    assert one["x"] == pytest.approx(between("g + x", "x"), rel=1e-8)
    assert one["g:x"] == pytest.approx(between("g*x + h", "g:x"), rel=1e-8)
    single = drop_one(model, test).table()[test]
    assert single.drop("none", errors="ignore").index.tolist() == ["h", "g:x"]
    assert single["h"] == pytest.approx(between("g*x + h", "h"), rel=1e-8)
    two = anova(model, test=test, type=2).table()[test]
    if test != "Wald":
        assert two["x"] == pytest.approx(between("g + x + h", "x"), rel=1e-8)
    else:  # of the whole model, as car has it
        fit = fit_newton(model)
        more, less = wald_test(model, fit, ["x", "g:x"]), wald_test(model, fit, "g:x")
        assert two["x"] == pytest.approx(more.statistic - less.statistic, rel=1e-9)
    assert two["h"] == pytest.approx(single["h"], rel=1e-9)


@pytest.mark.parametrize("test", TESTS)
def test_type_two_depends_on_no_coding_of_factors(frame, test):
    tables = [
        anova(model_of(formula, frame), test=test, type=2).table().to_numpy(float, na_value=np.nan)
        for formula in (
            "y ~ g*h + x",
            "y ~ C(g, contr.treatment('c'))*C(h, levels=c('v', 'u')) + x",
            "y ~ C(g, contr.helmert)*C(h, contr.sum) + x",
        )
    ]
    for table in tables[1:]:
        assert table == pytest.approx(tables[0], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("test", TESTS)
def test_type_three_is_of_means_over_cells_whatever_the_zero_sum_contrasts(frame, test):
    tables = [
        anova(model_of(f"y ~ C(g, {c})*C(h, {d})", frame), test=test, type=3).table()
        for c, d in (("Sum", "Sum"), ("contr.helmert", "contr.sum"), ("contr.poly", "contr.diff"))
    ]
    for table in tables[1:]:
        assert table.to_numpy(float, na_value=np.nan) == pytest.approx(
            tables[0].to_numpy(float, na_value=np.nan), rel=1e-6, abs=1e-9
        )
    # the mean over the levels of g of the differences between those of h, from cell log-odds
    cells = frame.groupby(["g", "h"])["y"].agg(["sum", "count"])
    odds = np.log(cells["sum"] / (cells["count"] - cells["sum"])).unstack()
    variance = (1 / cells["sum"] + 1 / (cells["count"] - cells["sum"])).unstack()
    wald = (odds["v"] - odds["u"]).mean() ** 2 / (variance.to_numpy().sum() / 9)
    if test == "Wald":
        assert tables[0]["Wald"].iloc[1] == pytest.approx(wald, rel=1e-8)


@pytest.mark.parametrize(
    ("formula", "message"),
    [
        ("y ~ g*h", r"of type III of 'g' would be of its effect in the reference level of 'h' "),
        ("y ~ x*g", r"of 'x' would be .* 'g' alone, since 'x:g' is in the model: write C\(g, Sum"),
        ("y ~ C(g, Sum)*h", r"'C\(g\)' would be of its effect in the reference level of 'h'"),
        ("y ~ 0 + C(g, Sum)*C(h, Sum)", "add the intercept, or take type=2"),
    ],
)
def test_type_three_is_refused_where_it_depends_on_a_reference_level(frame, formula, message):
    with pytest.raises(ValueError, match=message):
        anova(model_of(formula, frame), type=3)


def test_type_three_says_where_numbers_are_held(frame):
    found = anova(model_of("y ~ x*C(g, Sum)", frame), type=3)
    assert "at x = 0 the term C(g) is tested" in " ".join(found.notes)
    centred = anova(model_of("y ~ center(x)*C(g, Sum)", frame), type=3)
    assert "is tested" not in " ".join(centred.notes)
    assert anova(model_of("y ~ x + g", frame), type=3).tests["g"].df == 2


@pytest.mark.parametrize(
    ("number", "centred"),
    [
        ("center(raw)", True),
        ("scale(raw, scale=FALSE)", True),
        ("poly(raw, 2)", True),
        ("poly(raw, 2, raw=TRUE)", False),
        ("scale(raw, center=FALSE)", False),
        ("scale(raw, FALSE)", False),
        ("scale(raw, 0.5)", False),
        ("center_", False),
        ("log(FALSE_)", False),
        ("center(FALSE_)", True),
    ],
)
def test_what_is_centred_follows_from_arguments_not_from_names(frame, number, centred):
    named = frame.assign(raw=frame["x"], center_=frame["x"], FALSE_=frame["x"] + 9)
    found = anova(model_of(f"y ~ {number}*C(g, Sum)", named), type=3)
    assert ("the term C(g) is tested" in " ".join(found.notes)) == (not centred)


@pytest.mark.parametrize("kind", [np.int64(2), np.uint8(2), np.array(2), "II"])
def test_a_type_may_be_a_whole_number_of_numpy(frame, kind):
    model = model_of("y ~ x*g", frame)
    assert anova(model, type=kind).to_dict() == anova(model, type=2).to_dict()


@pytest.mark.parametrize("kind", [True, np.True_, 2.0, np.float64(2), 4, "2", None])
def test_what_is_no_type_is_refused(frame, kind):
    with pytest.raises(ValueError, match="type must be 1, 2 or 3"):
        anova(model_of("y ~ x", frame), type=kind)


def test_tables_are_the_same_wherever_rows_lie(frame, tmp_path, monkeypatch):
    expected = {}
    for where, build in every_way(frame.iloc[:60], tmp_path, monkeypatch):
        if where.startswith("CSV"):  # which are read into the same rows
            continue
        small, middle, model = (build(f"y ~ {each}") for each in ("x", "x + g", "g*x + h"))
        for test in TESTS:
            tables = [
                anova(model, test=test),
                anova(model, test=test, type=2),
                drop_one(model, test),
                anova(small, middle, model, test=test),
            ]
            found = [each.table() for each in tables]
            if test not in expected:
                expected[test] = found
            for one, two in zip(found, expected[test], strict=True):
                assert one.index.equals(two.index)
                assert one.to_numpy(float, na_value=np.nan) == pytest.approx(
                    two.to_numpy(float, na_value=np.nan), rel=1e-6, abs=1e-8, nan_ok=True
                )


def test_several_models_are_tested_each_against_the_one_before(frame):
    models = [model_of(f"y ~ {right}", frame) for right in ("x", "x + g", "x*g", "g")]
    found = anova(*models)
    table = found.table()
    assert table["k"].tolist() == [2, 4, 6, 3]
    for i, name in enumerate(table.index[1:], 1):
        test = likelihood_ratio_test(models[i - 1], models[i])
        assert (table.loc[name, "LR"], table.loc[name, "df"]) == (
            pytest.approx(test.statistic, rel=1e-9),
            test.df,
        )
    assert "model 2: y ~ x + g" in str(found)
    score = anova(*models[:2], test="score").table().loc["model 2", "score"]
    assert score == pytest.approx(score_test(models[1], "g").statistic, rel=1e-9)
    with pytest.raises(ValueError, match="model 2 and the one before it are not nested"):
        anova(models[0], models[3])
    with pytest.raises(NotComparableError):
        anova(models[0], model_of("y ~ x + g", frame.iloc[:100]))
    with pytest.raises(ValueError, match="of the terms of one model"):
        anova(*models[:2], type=2)


def test_a_score_or_wald_test_of_models_needs_the_columns_by_name(frame):
    small = model_of("y ~ C(g, levels=c('c', 'b', 'a'))", frame)
    large = model_of("y ~ g + x", frame)
    assert anova(small, large).table()["df"].iloc[1] == 1
    for test in ("score", "Wald"):
        with pytest.raises(ValueError, match="not among the other's by name"):
            anova(small, large, test=test)


def test_separated_models_have_suprema():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    found = drop_one(model)
    for name in ("NV", "PI", "EH"):
        alone = likelihood_ratio_test(model, name)
        assert found.table().loc[name, "LR"] == pytest.approx(alone.statistic, rel=1e-7)
        assert found.tests[name].note == alone.note
    assert "suprema" in str(found)
    # whose null models have maxima, the one without NV
    reduced = anova(BernoulliLogistic.from_formula("HG ~ PI + EH + NV", load_endometrial()))
    assert reduced.table()["df"].tolist()[1:] == [1, 1, 1]
    last = BernoulliLogistic.from_formula("HG ~ PI + EH + NV", load_endometrial())
    scores = anova(last, test="score").table()["score"]
    assert scores["NV"] == pytest.approx(score_test(last, "NV").statistic, rel=1e-7)
    for wrong in (lambda: anova(model, test="Wald"), lambda: drop_one(model, "Wald")):
        with pytest.raises(MLEDoesNotExistError):
            wrong()


def up_to(last):
    return BernoulliLogistic.from_formula(f"HG ~ {last}", load_endometrial())


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (lambda m: drop_one(m, "score"), {"NV": lambda m: score_test(m, "NV")}),
        (lambda m: anova(m, test="score", type=2), {"NV": lambda m: score_test(m, "NV")}),
        (
            lambda m: anova(m, test="score"),
            {
                "PI": lambda m: score_test(up_to("PI"), "PI"),
                "NV": lambda m: score_test(up_to("PI + NV"), "NV"),
            },
        ),
        (
            lambda m: anova(m, test="Wald"),
            {"PI": lambda m: wald_test(up_to("PI"), fit_newton(up_to("PI")), "PI")},
        ),
    ],
)
def test_where_one_model_has_no_mle_the_other_tests_stand(asked, expected):
    model = up_to("PI + NV + EH")
    shown = asked(model)
    table = shown.table()
    assert list(shown.tests) == ["PI", "NV", "EH"]
    for name, test in shown.tests.items():
        assert test.df == table.loc[name, "df"] == 1
        if name in expected:
            alone = expected[name](model)
            assert table.loc[name, shown.test] == pytest.approx(alone.statistic, rel=1e-7)
            assert test.note == ""
        else:
            assert table.loc[name, [shown.test, "p"]].isna().all()
            assert "'HG' is 1 where 'NV' > 0" in test.note
            assert 'test="LR" takes suprema' in test.note
    lacking = [name for name in shown.tests if name not in expected]
    kind = "Wald" if shown.test == "Wald" else "score"
    assert f"no {kind} test of {', '.join(lacking)}: " in "; ".join(shown.notes)
    if "deviance" in table:  # suprema are known all the same
        suprema = (drop_one if "none" in table.index else anova)(model).table()
        assert table["deviance"].to_numpy() == pytest.approx(suprema["deviance"].to_numpy())


def test_of_several_models_those_tests_stand_whose_mle_exists():
    data = load_endometrial()
    models = [
        BernoulliLogistic.from_formula(f"HG ~ {right}", data)
        for right in ("1", "PI", "PI + NV", "PI + NV + EH")
    ]
    for test, lacking in (("score", "model 4"), ("Wald", "model 3, model 4")):
        one, by_term = (f(test=test) for f in (partial(anova, *models), partial(anova, models[-1])))
        assert one.table()[test].to_numpy()[1:] == pytest.approx(
            by_term.table()[test].to_numpy()[-3:], rel=1e-7, nan_ok=True
        )
        assert f"no {test} test of {lacking}: " in "; ".join(one.notes)


def test_rows_that_the_null_model_separates_take_no_part_in_a_likelihood_ratio():
    data = load_endometrial()
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", data)
    others = BernoulliLogistic.from_formula("HG ~ PI + EH", data[data["NV"] == 0])
    for test in (likelihood_ratio_test(model, "EH"), drop_one(model).tests["EH"]):
        assert test.statistic == pytest.approx(
            likelihood_ratio_test(others, "EH").statistic, rel=1e-7
        )
        assert test.note == (
            "13 of 79 rows are separated in the null model too, and the test is of the others "
            "alone, with the degrees of freedom of all rows"
        )
    assert "of PI, EH: 13 of 79 rows" in drop_one(model).notes[-1]
    # that a term adds nothing where nothing is left is no evidence
    data = pd.DataFrame({"x": [1.0, 2, 3, 4], "z": [0.0, 1, 1, 0], "y": [0, 0, 1, 1]})
    test = likelihood_ratio_test(BernoulliLogistic.from_formula("y ~ x + z", data), "z")
    assert (test.statistic, test.p) == (0.0, 1.0)
    assert test.note == "the null model separates all outcomes already, and nothing is left to test"


def test_columns_that_depend_on_others_have_ranks(frame):
    table = frame.assign(twice=2 * frame["x"], same=(frame["g"] != "a").astype(float))
    whole = model_of("y ~ x + twice + g + same + z", table)
    less = model_of("y ~ x + twice + g + same + z", table, aliased="drop")
    for test in TESTS:
        for asked in (
            lambda m, test=test: anova(m, test=test),
            lambda m, test=test: drop_one(m, test),
        ):
            one, two = asked(whole).table(), asked(less).table()
            assert one.index.equals(two.index)
            assert one.to_numpy(float, na_value=np.nan) == pytest.approx(
                two.to_numpy(float, na_value=np.nan), rel=1e-7, nan_ok=True
            )
    single = drop_one(less)
    assert single.table()["df"].fillna(0).tolist()[1:] == [0, 0, 1, 0, 1]
    # without g the column of `same` stays, as in R
    expected = likelihood_ratio_test(
        model_of("y ~ x + same + z", table), model_of("y ~ x + g + z", table)
    )
    assert single.table().loc["g", "LR"] == pytest.approx(expected.statistic, rel=1e-8)
    assert "no data tell" in str(single)


def test_weights_and_rows_say_the_same(frame):
    table = frame.assign(x=frame["x"].round(0), z=1.0)
    keys = ["y", "x", "g", "h"]
    counted = table.groupby(keys, as_index=False).agg(n=("z", "size"))
    for test in TESTS:
        one = anova(model_of("y ~ g*h + x", table), test=test, type=2).table()
        two = anova(
            model_of("y ~ g*h + x", counted, frequency_weights="n"), test=test, type=2
        ).table()
        assert one.to_numpy(float, na_value=np.nan) == pytest.approx(
            two.to_numpy(float, na_value=np.nan), rel=1e-7
        )


def test_a_model_without_terms_is_refused():
    data = load_spector()
    with pytest.raises(ValueError, match="from arrays has no terms"):
        anova(BernoulliLogistic.from_arrays(data[["gpa"]], data["grade"]))
    with pytest.raises(ValueError, match="no term besides the intercept"):
        drop_one(BernoulliLogistic.from_formula("grade ~ 1", data))
    model = BernoulliLogistic.from_formula("grade ~ gpa", data)
    with pytest.raises(ValueError, match="type must be 1, 2 or 3, not IV"):
        anova(model, type="IV")
    with pytest.raises(ValueError, match='test must be "LR", "score" or "Wald"'):
        anova(model, test="Rao")
    with pytest.raises(TypeError, match="each model must be a BernoulliLogistic"):
        anova(model, "grade ~ psi")


def test_without_an_intercept_the_whole_of_a_factor_is_tested_and_said(frame):
    found = anova(model_of("y ~ 0 + g + x", frame))
    assert found.table()["deviance"].iloc[0] == pytest.approx(2 * len(frame) * np.log(2))
    assert found.tests["g"].df == 3
    assert "without an intercept g has a column for each level" in " ".join(found.notes)


def of_r(rows, column):
    """A column of a table of R, without the rows that are no term."""
    return [
        value
        for name, value in zip(rows["row"], rows[column], strict=True)
        if name not in ("NULL", "<none>", "(Intercept)")
    ]


def with_sums_to_zero(name):
    """The model with contrasts that sum to zero."""
    _, frame, facts = r_model(name)
    formula = facts["formula"]
    for column in frame:
        if not pd.api.types.is_numeric_dtype(frame[column]) or f"C({column})" in formula:
            formula = re.sub(rf"C\({column}\)|\b{column}\b", f"C({column}, Sum)", formula)
    return BernoulliLogistic.from_formula(formula, frame, frequency_weights=facts["weights"])


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_those_of_r(name):
    model, _, theirs = r_model(name)
    close = {"rel": 1e-6, "abs": 1e-9}
    for test, key, column in (("LR", "chisq", "Deviance"), ("score", "rao", "Rao")):
        found, rows = anova(model, test=test).table().iloc[1:], theirs["anova"][key]
        assert found[test].tolist() == pytest.approx(of_r(rows, column), **close)
        assert found["df"].tolist() == of_r(rows, "Df")
        assert found["p"].tolist() == pytest.approx(of_r(rows, "Pr(>Chi)"), rel=1e-5, abs=1e-9)
        single, rows = drop_one(model, test).table(), theirs["drop1"][key]
        column = "LRT" if test == "LR" else "Rao score"
        assert single[test].tolist()[1:] == pytest.approx(of_r(rows, column), **close)
        # of grouped counts R's have constants that do not depend on the model
        for column in ("AIC", "Deviance"):
            ours = single[column.replace("D", "d")].diff().tolist()[1:]
            assert ours == pytest.approx(np.diff(rows[column]).tolist(), rel=1e-6, abs=1e-8)
    for key, test in (("lr", "LR"), ("wald", "Wald")):
        column = "LR Chisq" if test == "LR" else "Chisq"
        found, rows = anova(model, test=test, type=2).table(), theirs["type_II"][key]
        assert found[test].tolist() == pytest.approx(of_r(rows, column), **close)
        assert found["df"].tolist() == of_r(rows, "Df")
        found, rows = anova(with_sums_to_zero(name), test=test, type=3), theirs["type_III"][key]
        assert found.table()[test].tolist() == pytest.approx(of_r(rows, column), **close)


def test_tables_of_several_models_are_those_of_r():
    births = r_model("births")[1]
    models = [
        BernoulliLogistic.from_formula(f"low ~ {right}", births)
        for right in ("lwt", "lwt + race", "lwt + race * smoke")
    ]
    for test, key, column in (("LR", "chisq", "Deviance"), ("score", "rao", "Rao")):
        found, rows = anova(*models, test=test).table(), STORED["between"][key]
        assert found[test].tolist()[1:] == pytest.approx(rows[column][1:], rel=1e-6)
        assert found["deviance"].tolist() == pytest.approx(rows["Resid. Dev"], rel=1e-9)
        assert found["df"].tolist()[1:] == rows["Df"][1:]


def test_a_robust_covariance_is_for_wald_tests_of_the_whole_model():
    model = BernoulliLogistic.from_formula("grade ~ gpa*psi", load_spector())
    robust = robust_covariance(model, fit_newton(model), "HC3")
    for how in ({"robust": robust, "type": 2}, {"robust": robust, "test": "Wald"}):
        with pytest.raises(ValueError, match="of the whole model and has no likelihood"):
            anova(model, **how)
    with pytest.raises(ValueError, match="has no likelihood"):
        drop_one(model, robust=robust)
    found = anova(model, type="II", test="Wald", robust=robust)
    assert "the covariance is HC3, small-sample factor 1" in found.notes
    alone = drop_one(model, "Wald", robust=robust)
    expected = wald_test(model, robust, "gpa:psi").statistic
    assert alone.tests["gpa:psi"].statistic == pytest.approx(expected, rel=1e-12)
    assert found.tests["gpa:psi"].statistic == pytest.approx(expected, rel=1e-12)


def test_with_few_clusters_tests_of_type_two_are_hotellings():
    rng = np.random.default_rng(8)
    n = 160
    data = pd.DataFrame({"y": rng.integers(0, 2, n), "g": rng.choice(list("abc"), n)})
    data["x"], cluster = rng.normal(size=n), np.arange(n) % 12
    model = BernoulliLogistic.from_formula("y ~ x*g", data)
    robust = robust_covariance(model, fit_newton(model), "CR2", cluster=cluster)
    found = anova(model, type=2, test="Wald", robust=robust)
    # whatever the level that others are compared with: type II is no test at one of them
    other = BernoulliLogistic.from_formula("y ~ x*C(g, ref='c')", data)
    again = robust_covariance(other, fit_newton(other), "CR2", cluster=cluster)
    second = anova(other, type=2, test="Wald", robust=again)
    for column in ("df error", "F", "p"):
        assert found.table()[column].to_numpy(float) == pytest.approx(
            second.table()[column].to_numpy(float), rel=1e-8
        )
    assert (found.table()["df error"] < 12).all()
    expected = wald_test(model, robust, "x:g")
    assert found.tests["x:g"].p == pytest.approx(expected.p, rel=1e-10)
    assert list(found.table()) == ["df", "df error", "F", "p"]
    assert found.table().loc["x:g", "F"] == pytest.approx(expected.statistic, rel=1e-10)
    named = "F: Wald's statistic, of Hotelling's distribution"
    assert any(named in note for note in found.notes)


def test_that_a_part_of_an_interaction_is_tested_somewhere_is_said():
    data = load_spector()
    model = BernoulliLogistic.from_formula("grade ~ gpa*C(psi) + tuce", data)
    fit = fit_newton(model)
    tests = (
        likelihood_ratio_test(model, "gpa"),
        score_test(model, "gpa"),
        wald_test(model, fit, "gpa"),
    )
    for found in tests:
        assert found.note.startswith("gpa is tested at the reference level of C(psi)")
    assert "C(psi) is tested at gpa = 0, since" in likelihood_ratio_test(model, "C(psi)").note
    for whole in (["gpa", "gpa:C(psi)"], "gpa:C(psi)", "tuce"):
        assert not likelihood_ratio_test(model, whole).note
    centred = BernoulliLogistic.from_formula("grade ~ gpa*C(psi, Sum)", data)
    assert not likelihood_ratio_test(centred, "gpa").note  # on the mean of the levels


def test_with_an_empty_cell_there_is_no_test_of_type_three():
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"g": rng.choice(list("pqr"), 200), "h": rng.choice(list("st"), 200)})
    data["y"] = rng.integers(0, 2, 200)
    formula = "y ~ C(g, Sum)*C(h, Sum)"
    assert anova(BernoulliLogistic.from_formula(formula, data), type=3).table()["df"].tolist() == [
        *(2, 1, 2),
    ]
    data = data[(data["g"] != "p") | (data["h"] != "s")]
    model = BernoulliLogistic.from_formula(formula, data, aliased="drop")
    with pytest.raises(ValueError, match=r"has no rows: .* take type=2"):
        anova(model, type=3)
    assert anova(model, type=2).table()["df"].tolist() == [2, 1, 1]


def test_a_name_at_the_head_of_a_note_keeps_its_small_letter():
    data = load_endometrial().rename(columns={"PI": "h", "EH": "H"})
    shown = " ".join(str(drop_one(BernoulliLogistic.from_formula("HG ~ NV + h + H", data))).split())
    assert "Of h, H: 13 of 79 rows" in shown
