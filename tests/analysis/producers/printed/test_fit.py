import math

import numpy as np
import pandas as pd
import pytest
from written_tables import read_text

from flatprior.analysis import audit
from flatprior.analysis.producers.printed.table import read_table
from flatprior.models import BernoulliLogistic


def test_a_large_number_of_many_digits_makes_no_doubles_of_its_column(tmp_path):
    fit = read_text(tmp_path, "term,odds ratio\nconst,6512621746775.0572\nx,0.94712551\n")
    assert fit.stated[1].unit == pytest.approx(1e-8)


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


def test_the_logarithm_of_an_odds_ratio_that_is_a_tie_is_within_its_digits():
    """1.375 is printed as 1.38, and its logarithm is farther off than half of 0.01 / 1.38."""
    frame = pd.DataFrame({"y": np.repeat([1.0, 0.0], [11, 8])})
    model = BernoulliLogistic.from_arrays(np.ones((19, 1)), frame["y"], names=["one"])
    table = pd.DataFrame({"term": ["one"], "odds ratio": ["1.38"]})
    assert audit(table, model).is_mle
    for wrong in ("1.36", "1.39"):
        assert not audit(table.assign(**{"odds ratio": wrong}), model).passed


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
    fit = read_text(tmp_path, "\n".join([line, heads, row]), ".txt")
    assert bool(fit.unjudged) == unjudged
