import math

import pytest

from flatprior.analysis.producers.printed.numbers import decimal_mark, interval, written
from flatprior.models import FlatpriorError


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("0.036", 0.036, 1e-3),
        ("-.0271003", -0.0271003, 1e-7),
        ("\u22120.5", -0.5, 0.1),
        ("\u20130.5", -0.5, 0.1),
        ("+1.0", 1.0, 0.1),
        ("5.", 5.0, 1.0),
        ("12", 12.0, 1.0),
        ("1.2e-05", 1.2e-5, 1e-6),
        ("1.2E+3", 1200.0, 100.0),
        ("1.2 \u00d7 10^-5", 1.2e-5, 1e-6),
        ("1,234.56", 1234.56, 0.01),
        ("1\u202f234.5", 1234.5, 0.1),
        ("12'345.25", 12345.25, 0.01),
        ("0.021*", 0.021, 1e-3),
        ("2.35***", 2.35, 0.01),
        ("(0.40)", 0.4, 0.01),
        ("\u00a00.5 ", 0.5, 0.1),
        ("0.000", 0.0, 1e-3),
        ("0", 0.0, 1.0),
        ("-0", 0.0, 1.0),
        ("0.", 0.0, 1.0),
        ("1.", 1.0, 1.0),
        ("0e+00", 0.0, 1.0),
        ("0.000e+00", 0.0, 1e-3),
        ("0e9", 0.0, 1.0),
        ("0.0e+05", 0.0, 0.1),
        ("0.0 x 10^6", 0.0, 0.1),
        ("0e300", 0.0, 1.0),
        ("0e-9", 0.0, 1e-9),
        ("2e9", 2e9, 1e9),
        ("-Inf", -math.inf, 0.0),
    ],
)
def test_a_number_is_its_value_and_the_unit_of_its_last_digit(text, value, unit):
    found = written(text, "row 1")
    assert found.value == value
    assert found.unit == pytest.approx(unit, rel=1e-12)
    assert not found.below


def test_limits_say_on_which_side_they_are():
    for text, value in (
        ("<0.001", 1e-3),
        ("< .0001", 1e-4),
        ("< 2e-16", 2e-16),
        ("\u22640.05", 0.05),
        ("<.001", 1e-3),
        ("<2e-16", 2e-16),
    ):
        found = written(text, "row 1")
        assert (found.value, found.below) == (value, True)
        assert not found.is_known
    above = written("> 999.999", "row 1")
    assert not above.is_known
    assert not written("Inf", "row 1").is_known
    assert not written("NA", "row 1").is_known
    assert written("-0.5", "row 1").is_known
    assert (above.value, above.below, above.text) == (999.999, False, ">999.999")


@pytest.mark.parametrize("text", ["NA", ".", "-", "\u2014", "(base)", "NaN", "n/a", "Ref."])
def test_what_stands_for_no_number_is_nan(text):
    assert math.isnan(written(text, "row 1").value)
    assert written("", "row 1") is None
    assert written(" ** ", "row 1") is None


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("0,25", 0.25, 0.01),
        ("1.234,5", 1234.5, 0.1),
        ("1 234,5", 1234.5, 0.1),
        ("-,5", -0.5, 0.1),
        ("1,2e-05", 1.2e-5, 1e-6),
    ],
)
def test_a_decimal_comma_is_read_where_the_table_has_one(text, value, unit):
    found = written(text, "row 1", ",")
    assert (found.value, found.unit) == (value, pytest.approx(unit))


@pytest.mark.parametrize(
    ("cells", "mark"),
    [
        (["0.25", "1,234"], "."),
        (["0,25", "1.234"], "."),  # a point decides
        (["1,234", "2,345"], "."),  # thousands, if nothing says otherwise
        (["1,234", "0,5"], ","),
        ([",5"], ","),
        (["1.234.567,8", "0,1"], ","),
        ([], "."),
    ],
)
def test_the_decimal_mark_is_that_of_the_whole_table(cells, mark):
    assert decimal_mark(cells) == mark


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("[0.1, 0.5]", 0.1, 0.5),
        ("(0.1; 0.5)", 0.1, 0.5),
        ("0.1 to 0.5", 0.1, 0.5),
        ("0.1\u20130.5", 0.1, 0.5),
        ("0.1 \u2013 0.5", 0.1, 0.5),
        ("0.1-0.5", 0.1, 0.5),
        ("0.1 - 0.5", 0.1, 0.5),
        ("0.1,0.5", 0.1, 0.5),
        ("0.1 0.5", 0.1, 0.5),
        ("-0.5, -0.1", -0.5, -0.1),
        ("-0.5--0.1", -0.5, -0.1),
        ("-0.5 - -0.1", -0.5, -0.1),
        ("\u22120.5 to \u22120.1", -0.5, -0.1),
        ("\u22120.5\u2013\u22120.1", -0.5, -0.1),
        ("\u20130.5 to 0.1", -0.5, 0.1),
        ("1e-05, 2.5e-4", 1e-5, 2.5e-4),
        ("-Inf, 1.5", -math.inf, 1.5),
        ("1,234.5, 2,345.5", 1234.5, 2345.5),
    ],
)
def test_an_interval_in_one_cell_has_two_ends(text, low, high):
    assert [end.value for end in interval(text, "row 1")] == [low, high]


def test_an_interval_of_decimal_commas():
    for text in ("[0,1; 0,5]", "0,1 to 0,5", "0,1\u20130,5", "0,1, 0,5", "0,1 0,5"):
        assert [end.value for end in interval(text, "row 1", ",")] == [0.1, 0.5]


def test_an_interval_that_there_is_not():
    assert interval("", "row 1") is None
    assert all(math.isnan(end.value) for end in interval("NA", "row 1"))


@pytest.mark.parametrize(
    "text", ["abc", "12%", "1.2.3", "0x10", "1,23", "1,2345.6", "--1", "1e", "1e999", "\u0663"]
)
def test_what_is_no_number_is_refused_with_its_place(text):
    with pytest.raises(FlatpriorError, match="the place: "):
        written(text, "the place")


@pytest.mark.parametrize("text", ["0.5", "a, b", "0.1 to", "1,2,3,4", "0.1 / 0.5"])
def test_what_is_no_interval_is_refused_with_its_place(text):
    with pytest.raises(FlatpriorError, match="the place: "):
        interval(text, "the place")


@pytest.mark.parametrize("text", ["1e400", "9e308", "0e401", "1e-99999", "-.", "1e", "1e5.5"])
def test_what_doubles_do_not_hold_is_refused(text):
    with pytest.raises(FlatpriorError, match=r"row 1: .* is not a number"):
        written(text, "row 1")
