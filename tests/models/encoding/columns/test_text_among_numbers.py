import numpy as np
import pandas as pd
import pytest

from flatprior.models.encoding.columns.text_among_numbers import (
    Odd,
    are_numbers,
    mixed,
    number_or_text,
)

NUMBERS = [str(v) for v in range(100, 230)]


@pytest.mark.parametrize(
    "tokens",
    [
        [*NUMBERS, "?"],
        [*NUMBERS, "missing", ".", "A7", "refused"],
        ["1", "2", "?"],
        ["1", "2", "3", "1,5"],
        ["1,5", "2,5"],
        ["1.5", "2.5", "-"],
        ["5%", "7%", "9%", "11%", "none"],
        ["1,234", "2,345", "10,200", "7", "9"],
        ["$5", "$7.50", "3", "4", "free", "8"],
        ["−3", "−2", "1", "2", "3"],
        NUMBERS,
        ["05", "10", "20", "?"],
        ["TRUE", "FALSE", "1"],
        ["0", "1", "false", "True"],
        ["yes", "1", "0"],
        ["T", "F", "0", "1"],
        ["Y", "N", "1", "2", "?"],
        ["-1", "no", "1.0"],
    ],
)
def test_a_column_of_numbers_is_told_whatever_spoils_it(tokens):
    assert are_numbers(tokens)


@pytest.mark.parametrize(
    "tokens",
    [
        ["a", "b"],
        ["0", "1", "2"],
        ["1", "2", "3", "other"],
        ["01234", "98101", "02139", "10001", "60601"],
        ["01", "02", "1", "A7", "9", "10", "11"],
        ["a", "b", "c", "?", "1"],
        ["18-25", "26-35", "36-45", "46-55", "56-65"],
        ["A1", "A2", "B1", "B2", "C1", "7"],
        ["1_0", "2_0", "x"],
        ["TRUE", "FALSE"],
        ["TRUE", "FALSE", "1", "other"],
        ["F", "M", "0", "1"],
        ["yes", "no", "0", "3"],
        [],
    ],
)
def test_categories_are_not_taken_for_numbers(tokens):
    assert not are_numbers(tokens)


@pytest.mark.parametrize(
    ("cells", "dtype", "values"),
    [
        (["1", "2", None], "Int64", [1, 2, None]),
        (["1", " 2"], "int64", [1, 2]),
        (["1", "2.50"], "float64", [1.0, 2.5]),
        (["True", "FALSE"], "bool", [True, False]),
        (["01", "1"], "text", ["01", "1"]),
        (["9007199254740993.0", "1"], "float64", [9007199254740992.0, 1.0]),
        (["92233720368547758070", "92233720368547758071"], "text", None),
        (["1", "a"], "text", ["1", "a"]),
    ],
)
def test_categories_that_look_like_numbers_are_numbers_unless_some_would_merge(
    cells, dtype, values
):
    series = pd.Series(cells, dtype="str")
    found = number_or_text(series)
    assert str(found.dtype) == (str(series.dtype) if dtype == "text" else dtype)
    assert found.astype(object).where(found.notna(), None).tolist() == (values or cells)
    assert len(found.dropna().unique()) == len({cell.strip() for cell in cells if cell})


def test_no_number_of_a_computer_is_taken_for_text():
    rng = np.random.default_rng(1)
    bits = rng.integers(0, 2**63, size=500).view(float)
    values = bits[np.isfinite(bits)]
    for text in (repr, "{:.17e}".format, "{:+.3f}".format):
        assert are_numbers([text(float(v)) for v in values])


def test_half_of_the_values_are_enough_and_fewer_are_not():
    words = ["a", "b", "c", "d", "e"]
    assert are_numbers(["1", "2", "3", "4", "5", *words])
    assert not are_numbers(["1", "2", "3", "4", "5", *words, "f"])
    assert are_numbers(["1", "2", "n/a", "?"])
    assert not are_numbers(["1", "2", "n/a", "?", "."])


@pytest.mark.parametrize(
    ("values", "remedy"),
    [
        (["TRUE", "1", "0"], "recode 'TRUE' as the number that it means, 1"),
        (["no", "1"], "recode 'no' as the number that it means, 0"),
        (["T", "F", "0", "1"], "recode 'T', 'F' as the numbers that they mean, 1 and 0"),
        (["1", "yes", "2"], "recode 'yes' as the number that it means"),
        (
            ["Y", "0", "?"],
            "recode 'Y' as the number that it means, 1, and make '?' missing (na='?', --na '?') or "
            "correct them",
        ),
        (
            ["1", "2", "5", "TRUE"],
            "make such values missing (na='TRUE', --na TRUE) or correct them",
        ),
    ],
)
def test_words_for_true_and_false_are_recoded_not_left_out(values, remedy):
    said = mixed("x", values, Odd(2, (3, 7)), option=True)
    assert said.endswith(f" in 2 rows (3, 7); {remedy}")
