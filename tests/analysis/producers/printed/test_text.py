import pytest

from flatprior.analysis.producers.printed.text import (
    cells_of_csv,
    cells_of_markdown,
    facts_in,
    grids_of_cells,
    grids_of_text,
    heading,
    is_heading,
    of_a_fit,
)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("estimate", "coefficient"),
        ("Coef.", "coefficient"),
        ("B", "coefficient"),
        ("\u03b2", "coefficient"),
        ("std.error", "standard error"),
        ("Std. err.", "standard error"),
        ("Standard<br>Error", "standard error"),
        ("S.E.", "standard error"),
        ("statistic", "z"),
        ("z value", "z"),
        ("Wald Chi-Square", "chi-squared"),
        ("Pr > ChiSq", "p"),
        ("Pr(>|z|)", "p"),
        ("P>|z|", "p"),
        ("**p-value**", "p"),
        ("conf.low", "low"),
        ("conf_high", "high"),
        ("[0.025", "low"),
        ("0.975]", "high"),
        ("2.5 %", "low"),
        ("Lower 95% CI", "low"),
        ("95% CI upper", "high"),
        ("95% CI", "interval"),
        ("[95% conf. interval]", "interval"),
        ("95% Wald Confidence Limits", "interval"),
        ("Odds Ratio", "odds ratio"),
        ("OR", "odds ratio"),
        ("Exp(B)", "odds ratio"),
        ("Point Estimate", "odds ratio"),
        ("OR lower 95%", "odds ratio low"),
        ("odds_ratio_high", "odds ratio high"),
        ("term", "term"),
        ("DF", ""),
        ("", ""),
    ],
)
def test_a_heading_is_known_by_its_usual_names(text, what):
    assert heading(text).what == what


@pytest.mark.parametrize(
    ("text", "prob"),
    [
        ("95% CI", 0.95), ("90% CI", 0.9), ("[0.005", 0.99), ("95 %", 0.9), ("2.5%", 0.95),
        ("CI", None), ("conf.low", None), ("Lower 99%", 0.99),
    ],
)  # fmt: skip
def test_a_heading_says_the_confidence_of_an_interval(text, prob):
    assert heading(text).prob == prob


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Log-Likelihood:", "log-likelihood"),
        ("-2 Log L", "-2 log-likelihood"),
        ("\u22122 log-likelihood", "-2 log-likelihood"),
        ("LR chi2(8)", "LR chi-squared"),
        ("Prob > chi2", "LR p"),
        ("No. Observations:", "n"),
        ("Num.Obs.", "n"),
        ("Pseudo R-squ.", "McFadden R2"),
        ("SC", "BIC"),
        ("Residual deviance", "deviance"),
        ("age", None),
    ],
)
def test_numbers_of_the_fit_are_known_by_their_usual_names(text, what):
    assert of_a_fit(text) == what


def test_a_row_of_numbers_is_no_heading_although_a_term_is_called_b():
    assert is_heading(["", "coef", "std err"])
    assert is_heading(["", "coef", "[0.025", "0.975]"])
    assert is_heading(["term", "estimate"])
    assert not is_heading(["b", "0.5"])
    assert not is_heading(["b", "0.025"])
    assert not is_heading(["estimate"])
    assert not is_heading(["b", "z", "0.5"])


def test_a_sheet_may_hold_several_tables_and_lines_between_them():
    rows = cells_of_csv("a title\n,coef,se\nx,1,2\n\nEffect,Odds ratio\nx,3\nAIC,4\n", ",")
    grids, loose = grids_of_cells(rows)
    assert [[cells for _, cells in grid.rows] for grid in grids] == [
        [["x", "1", "2"]],
        [["x", "3"]],
    ]
    assert [cells for _, cells in loose] == [["a title"], ["AIC", "4"]]


def test_pipe_tables_lose_their_marks():
    rows = cells_of_markdown("| a\\|b | **OR** |\n|:--|--:|\n| `x` | 1 |")
    assert [cells for _, cells in rows] == [["a|b", "OR"], ["x", "1"]]


def test_a_row_of_more_numbers_than_headings_is_none():
    text = "      coef   std err\nx     1.0   2.0\ny     1.0   2.0   3.0\n"
    grids, loose = grids_of_text(text)
    assert [cells for _, cells in grids[0].rows] == [["x", "1.0", "2.0"]]
    assert loose == ["y     1.0   2.0   3.0"]


def test_names_of_several_words_and_stars_stand_in_a_line():
    text = "             Estimate  Std. Error  Pr(>|z|)\nlog age       1.0   2.0  < 2e-16 ***\n"
    grids, _ = grids_of_text(text)
    assert grids[0].rows == [("row 1", ["log age", "1.0", "2.0", "<2e-16"])]


def test_facts_in_a_line_are_found_by_their_names():
    assert facts_in("Log-Likelihood: -12.89, AIC: 33.8; BIC = 39.6") == [
        ("log-likelihood", "-12.89"),
        ("AIC", "33.8"),
        ("BIC", "39.6"),
    ]
    assert facts_in("Date: 2026-11-26 17:10   N = 1,189") == [("n", "1,189")]
    assert facts_in("nothing here") == []
