import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from problems import CASES
from written_tables import NAMES, OF_A_FIT, OF_A_TERM, example, read_text

from flatprior.analysis import audit
from flatprior.analysis.producers.printed.table import read_table
from flatprior.models import BernoulliLogistic, FlatpriorError, fit_newton, load_births


@pytest.mark.parametrize(("digits", "significant"), [(4, False), (6, True)])
@pytest.mark.parametrize("layout", OF_A_TERM, ids=lambda layout: layout.__name__)
def test_every_layout_is_read_as_it_was_written(tmp_path, layout, digits, significant):
    shown = example(digits, significant)
    fit = read_text(tmp_path, *layout(shown))
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
            fit = read_text(tmp_path, text, ending)
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
    fit = read_text(tmp_path, R, ".txt")
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
    fit = read_text(tmp_path, SAS, ".lst")
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
    fit = read_text(tmp_path, PAPER, ".md")
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
        read_text(tmp_path, text, ending)
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
        read_text(tmp_path, 'term,estimate\n"x\x1b[31m\n\u202e",abc\n')
    assert str(error.value).isprintable()


def test_nothing_that_is_written_makes_another_error(tmp_path):
    rng = np.random.default_rng(0)
    pieces = [*"|,;\t\n-.%<>()[]{}'\"", "0.5", "-1,2", "NA", "term", "estimate", "95% CI", "\u2013"]
    for ending in (".csv", ".md", ".json", ".txt", ".tsv"):
        for _ in range(150):
            text = "".join(rng.choice(pieces, rng.integers(1, 60)))
            try:
                read_text(tmp_path, text, ending)
            except FlatpriorError as error:
                assert "\n" not in str(error)  # noqa: PT017


@pytest.mark.parametrize("mark", [": ", ", ", " = "])
def test_levels_as_journals_write_them_are_judged(tmp_path, mark):
    model = BernoulliLogistic.from_formula("low ~ age + race + smoke", load_births())
    fit = fit_newton(model)
    names = [name.replace("[T.", mark).removesuffix("]") for name in model.names]
    columns = {"estimate": fit.coefficients.round(4), "std.error": fit.standard_errors.round(4)}
    table = pd.DataFrame({"term": names, **columns})
    table.to_csv(tmp_path / "t.csv", index=False)
    (tmp_path / "t.txt").write_text(table.to_string(index=False))
    for source in (table, tmp_path / "t.csv", tmp_path / "t.txt"):
        assert audit(source, model).passed
    table.loc[2, "estimate"] += 0.01
    assert not audit(table, model).passed
