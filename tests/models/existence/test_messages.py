"""What is said of a likelihood without a maximum: cause, rows, coefficients and remedy."""

import numpy as np
import pandas as pd
import pytest
from problems import CASES, simulated

from flatprior.models import BernoulliLogistic, check_existence, load_endometrial
from flatprior.models.existence import cone


def test_thresholds_are_printed_with_the_digits_they_need():
    dates = np.array([20240115.0, 20240116, 20240117, 20240118])
    model = BernoulliLogistic.from_arrays(dates, [0, 0, 1, 1], ["date"], intercept=True)
    message = check_existence(model).message
    threshold = float(message.split("'date' > ")[1].split()[0])
    assert 20240116 < threshold < 20240117
    x = np.array([1.0000001, 1.0000002, 1.0000003, 1.0000003, 1.0000004])
    model = BernoulliLogistic.from_arrays(x, [0, 0, 1, 0, 1], intercept=True)
    assert "'x1' > 1.0000003 and 0 where 'x1' < 1.0000003" in check_existence(model).message
    one = BernoulliLogistic.from_arrays([[1, 1], [1, -1], [1, 0], [0, 1], [0, -1]], [1.0] * 5)
    assert "'y' is 1 in every row, which separates" in check_existence(one).message


def test_messages_name_predictor_rows_and_remedy():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    message = check_existence(model).message
    assert "'HG' is 1 where 'NV' > 0 (13 of 79 rows: 21, 22, 23, 24, 25 and 8 more)" in message
    assert "diverging coefficients: 'NV' to +infinity" in message
    assert "; use a bias-reduced (Firth)" in message
    assert message.endswith("; or drop 'NV' where the subject allows it")
    dependent = check_existence(CASES["dup_col"].model)
    assert "the design has rank 3, not 4, because 'x3' = 'x1' in every row" in dependent.message
    assert dependent.message.startswith("the maximum likelihood estimate is not unique")
    frame = load_endometrial().assign(twice=lambda d: 2 * d["PI"])
    both = check_existence(BernoulliLogistic.from_formula("HG ~ NV + PI + EH + twice", frame))
    assert both.message.startswith(
        "the maximum likelihood estimate does not exist (separation of 13 of 79 rows), and"
    )


@pytest.mark.parametrize(
    ("formula", "levels", "remedy"),
    [
        ("y ~ group", list("abc"), "; or merge sparse levels of 'group', or drop it, where"),
        ("y ~ C(group)", list("abc"), "; or merge sparse levels of 'group', or drop it, where"),
        ("y ~ C(group)", [1, 2, 3], "; or merge sparse levels of 'group', or drop it, where"),
        ("y ~ group", list("abb"), "; or drop 'group[T.b]' where"),
        ("y ~ group", [0, 1, 1], "; or drop 'group' where"),
        ("y ~ group", [False, True, True], "; or drop 'group' where"),
    ],
)
def test_only_levels_of_which_some_remain_can_be_merged(formula, levels, remedy):
    # the first level has both outcomes, the last one only, and so has the second of two
    which = np.repeat([0, 1, 2], 4)
    y = [0, 1, 0, 1, *([0, 1, 0, 1] if len(set(levels)) == len(levels) else [1] * 4), *[1] * 4]
    model = BernoulliLogistic.from_formula(formula, {"group": [levels[i] for i in which], "y": y})
    message = check_existence(model).message
    assert "; use a bias-reduced" in message
    assert message.endswith(f"{remedy} the subject allows it")


def test_a_column_of_an_array_has_no_levels_to_merge():
    model = BernoulliLogistic.from_arrays([0, 0, 0, 1, 1], [0, 1, 0, 1, 1], ["x"], intercept=True)
    message = check_existence(model).message
    assert "'y' is 1 where 'x' > 0" in message
    assert "; or drop 'x' where" in message


def test_a_column_of_zeros_is_named():
    X, y = simulated(40, 2, seed=1)
    model = BernoulliLogistic.from_arrays(np.column_stack([X, np.zeros(40)]), y, list("abc"))
    assert "'c' = 0 in every row" in check_existence(model).message


def test_signs_that_were_not_found_are_named(monkeypatch):
    rng = np.random.default_rng(1)
    X = np.column_stack([np.ones(60), rng.normal(size=(60, 3))])
    model = BernoulliLogistic.from_arrays(X, X @ [0.2, 1, -1, 1] > 0)
    assert "not found out" not in check_existence(model).message
    monkeypatch.setattr(cone, "coefficient_signs", lambda *_: ({1: "+inf"}, []))
    found = check_existence(model)
    assert found.coefficients == {"x2": "+inf"}
    assert found.message.endswith(
        "; which way 'x1', 'x3', 'x4' go was not found out: the search was given up"
    )
    assert "not found out" not in check_existence(model, signs=False).message


@pytest.mark.parametrize("x", [[-2.0, -1.0, 1.0, 2.0], [-2.0, -0.0, 0.0, 2.0]])
def test_a_threshold_of_zero_has_no_sign(x):
    model = BernoulliLogistic.from_arrays(x, [1, 1, 0, 0])
    assert "-0" not in check_existence(model).message


def test_the_coding_is_said_where_an_event_was_asked_for():
    said = {None: "'y' is 1 where 'x' > ", 0: "'y' (0 = 1, 1 = 0) is 0 where 'x' > "}
    for event, words in said.items():
        data = {"y": [0, 0, 1, 1], "x": [1.0, 2, 3, 4]}
        model = BernoulliLogistic.from_formula("y ~ x", data, event=event)
        assert words in check_existence(model).message


def test_many_dependent_columns_are_one_sentence():
    doctor = np.repeat(np.arange(60), 6)
    frame = pd.DataFrame(
        {
            "doctor": pd.Series(doctor).map("d{:02d}".format),
            "site": pd.Series(doctor // 5).map("s{:02d}".format),
            "y": np.tile([0, 1], 180),
        }
    )
    said = check_existence(BernoulliLogistic.from_formula("y ~ doctor + site", frame)).message
    assert "11 columns are combinations of others in every row, such as 'site[T.s01]' = " in said
    assert said.count(" more") <= 1
    assert "more and" not in said
