import json
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from problems import CASES, simulated
from stated_numbers import covariance, newton, of_fit, of_terms
from written_tables import OF_A_FIT, OF_A_TERM, printed

from flatprior.analysis import audit
from flatprior.analysis.producers.printed_table import read_table
from flatprior.models import BernoulliLogistic, FlatpriorError

NAMES = ("const", "age", "smoke")


def table(digits=4, significant=False):
    X, y = simulated(80, 3, seed=3)
    beta = newton(X, y)[-1]
    terms = of_terms(beta, covariance(X, y, beta))
    return printed(NAMES, terms, of_fit(X, y, beta), digits, significant)


def read(tmp_path, text, ending=".csv"):
    path = tmp_path / f"table{ending}"
    path.write_text(text, encoding="utf-8")
    return read_table(path)


@pytest.mark.parametrize(("digits", "significant"), [(4, False), (6, True)])
@pytest.mark.parametrize("layout", OF_A_TERM, ids=lambda layout: layout.__name__)
def test_every_layout_is_read_as_it_was_written(tmp_path, layout, digits, significant):
    shown = table(digits, significant)
    fit = read(tmp_path, *layout(shown))
    assert fit.producer == "a printed table"
    assert tuple(fit.coefficients) == NAMES
    wanted = {(name, what) for name in NAMES for what in OF_A_TERM[layout]}
    wanted |= {("", what) for what in OF_A_FIT[layout]}
    found = {(each.term, each.quantity): each for each in fit.stated}
    assert len(found) == len(fit.stated)
    assert set(found) == {key for key in wanted if key[1] != "coefficient"}
    for (name, what), each in found.items():
        text = shown.cells[name, what] if name else shown.fit[what]
        assert each.value == float(text)
        decimals = len(text.partition(".")[2])
        assert each.unit == pytest.approx(10.0**-decimals, rel=1e-12)
        assert each.written.replace("\u2212", "-").replace(",", ".") == text
    for name in NAMES:
        if "coefficient" in OF_A_TERM[layout]:
            text = shown.cells[name, "coefficient"]
            assert fit.coefficients[name] == float(text)
            assert fit.units[name] == pytest.approx(10.0 ** -len(text.partition(".")[2]))
        else:
            ratio = float(shown.cells[name, "odds ratio"])
            assert fit.coefficients[name] == math.log(ratio)
            unit = 10.0 ** -len(shown.cells[name, "odds ratio"].partition(".")[2])
            assert fit.units[name] == pytest.approx(2 * math.log(ratio / (ratio - unit / 2)))


def test_what_statsmodels_prints_is_read(tmp_path):
    case = CASES["spector"]
    logit = sm.Logit(case.response, case.frame).fit(disp=0, cov_type="HC1")
    glm = sm.GLM(case.response, case.frame, family=sm.families.Binomial()).fit()
    for result in (logit, glm):
        for text, ending in (
            (result.summary().as_csv(), ".csv"),
            (result.summary().as_text(), ".txt"),
            (result.summary2().as_text(), ".txt"),
        ):
            fit = read(tmp_path, text, ending)
            for name, value in result.params.items():
                assert fit.coefficients[name] == pytest.approx(value, abs=5.1e-5)
            facts = {each.quantity: each.value for each in fit.stated if not each.term}
            assert facts["n"] == 32
            assert facts["log-likelihood"] == pytest.approx(result.llf, abs=5.1e-4)
            assert len([each for each in fit.stated if each.term]) == 5 * 4
            ends = [each for each in fit.stated if each.quantity in ("low", "high")]
            assert {each.prob for each in ends} == {0.95}
            if "summary2" not in text and "Covariance Type" in text:
                assert fit.settings.covariance == result.cov_type


R = """
Call:
glm(formula = low ~ age + lwt, family = binomial, data = d)

Coefficients:
             Estimate Std. Error z value Pr(>|z|)
(Intercept)  1.748773   0.997097   1.754   0.0795 .
age         -0.039788   0.032287  -1.232   0.2178
lwt         -0.012775   0.006211  -2.057   0.0397 *
ftv         -2.212775   0.246211  -9.057  < 2e-16 ***
---
Signif. codes:  0 '***' 0.001 '**' 0.01 '*' 0.05 '.' 0.1 ' ' 1

    Null deviance: 234.67  on 188  degrees of freedom
Residual deviance: 227.12  on 186  degrees of freedom
AIC: 233.12
"""


def test_what_r_prints_is_read(tmp_path):
    fit = read(tmp_path, R, ".txt")
    assert fit.coefficients == {
        "(Intercept)": 1.748773, "age": -0.039788, "lwt": -0.012775, "ftv": -2.212775,
    }  # fmt: skip
    found = {(each.term, each.quantity): each for each in fit.stated}
    assert len(found) == 4 * 3 + 3
    assert found["ftv", "p"].below
    assert found["ftv", "p"].value == 2e-16
    assert found["age", "p"].value == 0.2178
    assert found["", "deviance"].value == 227.12
    assert found["", "null deviance"].value == 234.67


STATA = """
Logistic regression                                     Number of obs =    189
                                                        LR chi2(8)    =  33.22
                                                        Prob > chi2   = 0.0001
Log likelihood = -100.724                               Pseudo R2     = 0.1416

------------------------------------------------------------------------------
         low | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
         age |  -.0271003   .0364504    -0.74   0.457    -.0985418    .0443412
             |
        race |
      black  |   1.262647   .5264101     2.40   0.016     .2309024    2.294392
      other  |   .8620792   .4391532     1.96   0.050     .0013548    1.722804
             |
       smoke |   .9233448   .4008266     2.30   0.021      .137739    1.708951
       _cons |   .4612239    1.20459     0.38   0.702    -1.899729    2.822176
------------------------------------------------------------------------------
"""


def test_levels_below_the_name_of_a_factor_are_joined_to_it(tmp_path):
    fit = read(tmp_path, STATA, ".txt")
    assert fit.coefficients["race_black"] == 1.262647
    assert fit.coefficients["race_other"] == 0.8620792
    assert fit.units["age"] == pytest.approx(1e-7)
    facts = {each.quantity: each.value for each in fit.stated if not each.term}
    assert facts == {
        "n": 189, "LR chi-squared": 33.22, "LR p": 0.0001, "log-likelihood": -100.724,
        "McFadden R2": 0.1416,
    }  # fmt: skip


SAS = """
 Criterion          Only
 AIC               236.672       219.448
 SC                239.914       248.624
 -2 Log L          234.672       201.448

             Analysis of Maximum Likelihood Estimates
                              Standard          Wald
Parameter    DF    Estimate       Error    Chi-Square    Pr > ChiSq
Intercept     1      0.4612      1.2046        0.1466        0.7018
age           1     -0.0271      0.0365        0.5528        0.4572
smoke         1      0.9233      0.4008        5.3065        <.0001

           Odds Ratio Estimates
                 Point          95% Wald
Effect        Estimate      Confidence Limits
age              0.973       0.906       1.045
smoke            2.518       1.148     >99.999
"""


def test_the_listing_of_sas_is_read(tmp_path):
    fit = read(tmp_path, SAS, ".lst")
    found = {(each.term, each.quantity): each for each in fit.stated}
    assert fit.coefficients == {"Intercept": 0.4612, "age": -0.0271, "smoke": 0.9233}
    assert found["smoke", "chi-squared"].value == 5.3065
    assert found["smoke", "p"].below
    assert found["age", "odds ratio"].value == 0.973
    assert math.isnan(found["age", "odds ratio low"].prob)
    assert found["smoke", "odds ratio high"].written.startswith(">")
    facts = {each.quantity: each.value for each in fit.stated if not each.term}
    assert facts == {
        "AIC": 219.448, "BIC": 248.624, "-2 log-likelihood": 201.448, "null deviance": 234.672,
    }  # fmt: skip


def test_levels_of_sas_stand_in_a_column_or_in_the_name_of_an_effect(tmp_path):
    text = (
        '"Parameter","","DF","Estimate","Standard Error"\n"age","",1,-0.0271,0.0365\n'
        '"race","black",1,1.2626,0.5264\n\n'
        '"Effect","Point Estimate","95% Wald Confidence Limits",""\n"age",0.973,0.906,1.045\n'
        '"race black vs white",3.535,1.260,9.918\n'
    )
    fit = read(tmp_path, text)
    assert fit.coefficients == {"age": -0.0271, "race_black": 1.2626}
    found = {(each.term, each.quantity): each for each in fit.stated}
    assert found["race_black", "odds ratio high"].value == 9.918
    assert found["race_black", "odds ratio high"].prob == 0.95


PAPER = """
# Results

| Characteristic | OR (95% CI) | p-value |
|---|---:|---:|
| Age | 0.97 (0.91, 1.05) | 0.5 |
| Smoker | 2.52 (1.15\u20135.52) | **0.021** |
| Race | | |
| Hypertension | 6.25 [1.61 to 24.2] | <0.01 |
| N | 189 | |

Log-Likelihood: -100.72, AIC: 219.4
BIC = 1,248.6
"""


def test_a_table_of_a_paper_is_read(tmp_path):
    fit = read(tmp_path, PAPER, ".md")
    assert list(fit.coefficients) == ["Age", "Smoker", "Hypertension"]
    found = {(each.term, each.quantity): each for each in fit.stated}
    assert found["Smoker", "odds ratio low"].value == 1.15
    assert found["Hypertension", "odds ratio high"].unit == pytest.approx(0.1)
    assert found["Hypertension", "p"].below
    assert found["", "n"].value == 189
    assert found["", "BIC"].value == 1248.6
    assert found["", "log-likelihood"].value == -100.72


def test_a_frame_of_text_has_its_digits_and_one_of_doubles_has_none():
    text = pd.DataFrame({"estimate": ["0.50", "-1.2"], "p": ["<.001", "NA"]}, index=["a", "b"])
    fit = read_table(text)
    assert fit.units == {"a": pytest.approx(0.01), "b": pytest.approx(0.1)}
    assert math.isnan(fit.stated[1].value)
    doubles = pd.DataFrame({"coef": [1 / 3, 0.5]}, index=["a", "b"])
    fit = read_table(doubles)
    assert fit.coefficients == {"a": 1 / 3, "b": 0.5}
    assert fit.units == {}  # 0.5 is as exact as the number beside it


@pytest.mark.parametrize(
    "facts",
    [
        [{"term": "a", "estimate": 0.25, "std.error": 0.1}, {"term": "b", "estimate": 1.5}],
        {"term": ["a", "b"], "estimate": [0.25, 1.5], "std.error": [0.1, None]},
        {"coefficients": {"a": 0.25, "b": 1.5}, "standard_errors": {"a": 0.1}},
        {"a": {"coef": 0.25, "se": 0.1}, "b": {"coef": 1.5}},
        {"columns": ["coef", "se"], "index": ["a", "b"], "data": [[0.25, 0.1], [1.5, None]]},
    ],
)
def test_json_of_any_layout_is_read_with_its_digits(tmp_path, facts):
    if isinstance(facts, dict) and "columns" not in facts:
        facts = {**facts, "aic": 12.5}
    fit = read(tmp_path, json.dumps(facts), ".json")
    assert fit.coefficients == {"a": 0.25, "b": 1.5}
    assert fit.units == {"a": pytest.approx(0.01), "b": pytest.approx(0.1)}
    assert [(each.term, each.quantity, each.value) for each in fit.stated[:1]] == [
        ("a", "standard error", 0.1)
    ]
    if isinstance(facts, dict) and "aic" in facts:
        assert fit.stated[-1].quantity == "AIC"


def test_numbers_by_name_alone_are_coefficients(tmp_path):
    fit = read(tmp_path, '{"const": -1.20, "x": 0.123456789012345, "n": 32}', ".json")
    assert fit.coefficients == {"const": -1.2, "x": 0.123456789012345}
    assert fit.units == {}
    assert fit.stated[0].quantity == "n"


def test_whether_estimates_are_odds_ratios_is_found_by_what_stands_beside_them(tmp_path):
    shown = table(5)
    for quantities, ratio in ((("coefficient", "low", "high"), False), (("odds ratio",), True)):
        rows = ["term,estimate,conf.low,conf.high"]
        for name in NAMES[1:]:
            prefix = "odds ratio " if ratio else ""
            numbers = [quantities[0], f"{prefix}low", f"{prefix}high"]
            rows.append(",".join([name, *(shown.cells[name, what] for what in numbers)]))
        fit = read(tmp_path, "\n".join(rows))
        assert any(each.quantity == "odds ratio" for each in fit.stated) is ratio
        assert any(each.quantity == "odds ratio low" for each in fit.stated) is ratio
    # with both columns, an interval is about one of the two
    rows = ["term,coef,odds ratio,lower 95%,upper 95%"]
    for name in NAMES:
        numbers = ("coefficient", "odds ratio", "odds ratio low", "odds ratio high")
        rows.append(",".join([name, *(shown.cells[name, what] for what in numbers)]))
    fit = read(tmp_path, "\n".join(rows))
    assert {each.quantity for each in fit.stated} == {
        "odds ratio", "odds ratio low", "odds ratio high",
    }  # fmt: skip


def test_glance_of_broom_is_read_as_numbers_of_the_fit(tmp_path):
    text = (
        '"term","estimate"\n"x",0.25\n\n'
        '"null.deviance","logLik","AIC","BIC","deviance","nobs"\n41.18,-12.89,33.78,39.64,25.78,32\n'
    )
    facts = {each.quantity: each.value for each in read(tmp_path, text).stated}
    assert facts == {
        "null deviance": 41.18, "log-likelihood": -12.89, "AIC": 33.78, "BIC": 39.64,
        "deviance": 25.78, "n": 32,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "ending", "said"),
    [
        ("term,estimate\nx,abc\n", ".csv", "'table.csv', row 1, column 'estimate': 'abc' is not a"),
        ("term,estimate\nx,1\ny,12%\n", ".csv", "row 2, column 'estimate': '12%' is not a number"),
        ("term,estimate\nx,1\nx,2\n", ".csv", "row 2: the term 'x' is there twice"),
        ("term,estimate,CI\nx,1,0.5\n", ".csv", "column 'CI': '0.5' is not an interval"),
        ("term,b,coef,se\nx,1,2,3\n", ".csv", "several columns of coefficients, 'b' and 'coef'"),
        ("term,value\nx,1\n", ".csv", "has no column of coefficients or odds ratios"),
        ("", ".csv", "has no column of coefficients or odds ratios"),
        ("term,estimate\n,1\n", ".csv", "row 1: the term has no name"),
        ('{"a": 1, "a": 2}', ".json", "has a name twice"),
        ('{"a": ', ".json", "is not JSON"),
        ('{"term": ["a"], "estimate": [1, 2]}', ".json", "columns of different lengths"),
        ('{"format": "flatprior/1"}', ".json", "load it with PointEstimate.load"),
        ("3", ".json", "holds no table"),
        ('[{"term": "a", "estimate": [1, 2]}]', ".json", "is no number but several"),
        ("term,estimate\nx,1e999\n", ".csv", "is not a number that doubles can hold"),
        ("term,estimate\nx,\0\n", ".csv", "has a NUL byte"),
    ],
)
def test_what_is_no_table_is_refused_with_its_place(tmp_path, text, ending, said):
    with pytest.raises(FlatpriorError) as error:
        read(tmp_path, text, ending)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_source_of_another_kind_or_encoding_is_refused(tmp_path):
    with pytest.raises(FlatpriorError, match="a path to a CSV, TSV, JSON or Markdown file, or a"):
        read_table(3)
    path = tmp_path / "latin.csv"
    path.write_bytes("term,estimate\n\xe9,1\n".encode("latin-1"))
    with pytest.raises(FlatpriorError, match="not text in UTF-8"):
        read_table(path)


def test_names_are_one_line_of_visible_characters_in_messages(tmp_path):
    with pytest.raises(FlatpriorError) as error:
        read(tmp_path, 'term,estimate\n"x\x1b[31m\n\u202e",abc\n')
    assert str(error.value).isprintable()


def test_nothing_that_is_written_makes_another_error(tmp_path):
    rng = np.random.default_rng(0)
    pieces = [*"|,;\t\n-.%<>()[]{}'\"", "0.5", "-1,2", "NA", "term", "estimate", "95% CI", "\u2013"]
    for ending in (".csv", ".md", ".json", ".txt", ".tsv"):
        for _ in range(150):
            text = "".join(rng.choice(pieces, rng.integers(1, 60)))
            try:
                read(tmp_path, text, ending)
            except FlatpriorError as error:
                assert "\n" not in str(error)  # noqa: PT017


def test_whose_a_standard_error_beside_odds_ratios_is_is_left_to_the_data(tmp_path):
    # odds ratios so near to 1, to so few digits, do not tell; nor does a z that is wrong
    for z in ("0.42", "0.50"):
        fit = read(tmp_path, f"term,odds ratio,std err,z\nx,1.10,0.24,{z}\n")
        assert [each.quantity for each in fit.stated] == ["odds ratio", "odds ratio SE", "z"]


def test_a_large_number_of_many_digits_makes_no_doubles_of_its_column(tmp_path):
    fit = read(tmp_path, "term,odds ratio\nconst,6512621746775.0572\nx,0.94712551\n")
    assert fit.stated[1].unit == pytest.approx(1e-8)


def test_columns_and_rows_that_are_not_read_are_named(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("term,estimate,std.error,se,vif\ngpa,2.8,1.2,99,1.1\nrace,,,,\nx,1.0,0.5,9,1\n")
    (note,) = read_table(path).notes
    for words in (
        "column 'se' is a second one of its kind",
        "column 'vif'",
        "'race' has no numbers",
    ):
        assert words in note


def units_of(column, **more):
    frame = pd.DataFrame({"term": list("abcde")[: len(column)], "estimate": "0.5"} | more)
    frame["std.error"] = column
    return [each.unit for each in read_table(frame).stated if each.quantity == "standard error"]


@pytest.mark.parametrize(
    ("column", "units"),
    [
        (["0", "0.034", "0.21"], [1e-3, 1e-3, 1e-2]),  # as spreadsheets write 0.000
        (["0.0e+05", "1.2e+05"], [0.1, 1e4]),
        (["0e9", "3e9"], [1.0, 1e9]),
        (["0", "12"], [1.0, 1.0]),
        (["0", "0.123456789012345678"], [0.0, 0.0]),
        ([0.0, 0.034, 0.5], [1e-3, 1e-3, 0.1]),
        (["0", "0"], [1.0, 1.0]),
        (["0.00", "0.034"], [1e-2, 1e-3]),  # what it says of decimals it says
        (["-0.0000", "18727025.0124156"], [1e-4, 0.0]),
        (["0", "<0.001", "0.21"], [1e-2, 1e-3, 1e-2]),  # a limit is no neighbour
    ],
)
def test_a_zero_was_rounded_as_its_neighbours_were(column, units):
    assert units_of(column) == pytest.approx(units, rel=1e-12)


def test_a_p_value_is_not_rounded_to_whole_numbers():
    frame = pd.DataFrame({"term": ["a", "b"], "estimate": ["0.5", "0.7"], "p.value": ["0", "1"]})
    assert [each.unit for each in read_table(frame).stated] == [0.1, 0.1]


def test_a_limit_of_a_coefficient_or_an_odds_ratio_is_no_coefficient():
    """SAS prints ">999.999" where an odds ratio is larger, "<0.001" where it is smaller."""
    ratios = pd.DataFrame({"term": ["a", "b", "c"], "odds ratio": ["2.50", ">999.999", "<0.001"]})
    fit = read_table(ratios)
    assert fit.coefficients == {"a": math.log(2.5)}
    assert [(each.term, each.value, each.below) for each in fit.stated] == [
        ("a", 2.5, False), ("b", 999.999, False), ("c", 0.001, True),
    ]  # fmt: skip
    assert "'b' has no coefficient, 'c' has no coefficient" in fit.notes[0]
    plain = pd.DataFrame({"term": ["a", "b"], "estimate": ["0.50", "<0.01"]})
    assert read_table(plain).coefficients == {"a": 0.5}


@pytest.mark.parametrize("name", ["", " ", "\u200b", None, math.nan])
@pytest.mark.parametrize("number", ["0.5", "NA"])
def test_a_term_without_a_name_is_told_by_its_row(name, number):
    frame = pd.DataFrame({"term": ["a", name], "estimate": ["0.5", number], "SE": ["0.1", "0.2"]})
    with pytest.raises(FlatpriorError, match="row 2: the term has no name"):
        read_table(frame)


@pytest.mark.parametrize(
    ("line", "unjudged"),
    [
        ("Covariance Type:            nonrobust   LLR p-value:          0.01", False),
        ("Covariance Type:                  HC1   LLR p-value:          0.01", False),
        ("Covariance Type:              cluster   LLR p-value:          0.01", True),
        ("Covariance Type:                  HAC   LLR p-value:          0.01", True),
        ("                (Std. err. adjusted for 20 clusters in id)", True),
        ("                                        Number of obs = 20", False),
    ],
)
def test_standard_errors_of_a_kind_that_needs_more_than_the_rows_are_not_judged(
    tmp_path, line, unjudged
):
    heads = "             coef    std err          z      P>|z|      [0.025      0.975]"
    row = "x          0.5000      0.100      5.000      0.000      0.304      0.696"
    fit = read(tmp_path, "\n".join([line, heads, row]), ".txt")
    assert bool(fit.unjudged) == unjudged


def test_the_logarithm_of_an_odds_ratio_that_is_a_tie_is_within_its_digits():
    """1.375 is printed as 1.38, and its logarithm is farther off than half of 0.01 / 1.38."""
    frame = pd.DataFrame({"y": np.repeat([1.0, 0.0], [11, 8])})
    model = BernoulliLogistic.from_arrays(np.ones((19, 1)), frame["y"], names=["one"])
    table = pd.DataFrame({"term": ["one"], "odds ratio": ["1.38"]})
    assert audit(table, model).is_mle
    for wrong in ("1.36", "1.39"):
        assert not audit(table.assign(**{"odds ratio": wrong}), model).passed
