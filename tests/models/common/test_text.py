"""What messages and tables say of names and rows, whatever these hold."""

import math
import sys
import unicodedata
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from multiplier import repeated

from flatprior.models.common.errors import FlatpriorError
from flatprior.models.common.text import (
    HASH_VERSION,
    ROWS_NAMED,
    abbreviated,
    at_least,
    at_most,
    check_text,
    count,
    earlier_hash,
    first_of,
    in_digits,
    listing,
    names_in,
    observations,
    odds_ratio,
    p_value,
    percent,
    printable,
    rows_phrase,
    share,
    shorten,
    told_apart,
)


def test_of_all_characters_none_that_steers_a_terminal_is_printed():
    steering = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    for code in range(sys.maxunicode + 1):
        shown = printable(f"a{chr(code)}b")
        assert shown in ("a b", f"a{chr(code)}b")
        if unicodedata.category(chr(code)) in steering:
            assert shown == "a b", hex(code)
    assert printable("Größe µ 漢字 é") == "Größe µ 漢字 é"


def test_what_is_printed_is_one_line_and_printing_it_again_changes_nothing():
    rng = np.random.default_rng(2)
    alphabet = list("ab \t\n\r\x0b\x1b\x85\u2028\u202e\u200b\ud800漢")
    for _ in range(500):
        text = "".join(rng.choice(alphabet, size=rng.integers(0, 12)))
        shown = printable(text)
        assert len(shown.splitlines()) <= 1
        assert printable(shown) == shown == shown.strip()
    assert printable(3.5) == "3.5"


def test_a_day_is_printed_without_a_time_and_a_time_with_it():
    days = pd.DatetimeIndex(["2020-01-22", "2020-01-22 12:30", "NaT"])
    assert list(map(printable, days)) == ["2020-01-22", "2020-01-22 12:30:00", "NaT"]
    assert printable(days.tz_localize("UTC")[0]) == "2020-01-22 00:00:00+00:00"
    assert printable("2020-01-22 00:00:00") == "2020-01-22 00:00:00"  # a text is as it is


@pytest.mark.parametrize("text", ["a\ud800", "\udfff", "x" * 1000 + "\ud83d"])
def test_half_a_character_is_refused_and_the_sentence_itself_has_none(text):
    with pytest.raises(ValueError, match=r"the name .* holds a lone surrogate") as caught:
        check_text(text, "the name")
    assert isinstance(caught.value, FlatpriorError)
    assert len(str(caught.value).encode()) < 200
    check_text("\U0001f600", "a whole character of two halves")


@pytest.mark.parametrize("length", [1, 59, 60, 61, 2000])
def test_a_name_is_whole_or_cut_to_its_length_and_says_so(length):
    name = "n" * length
    shown = abbreviated(name)
    assert len(shown) == min(length, 60)
    assert (shown == name) if length <= 60 else shown == "n" * 59 + "…"
    quoted = shorten(name, 60)
    assert len(quoted) == min(length, 60) + 2
    assert quoted.endswith("...'") == (length > 60)


def test_counts_agree_with_their_nouns():
    assert [count(n, "row") for n in (0, 1, 2, 1000)] == ["0 rows", "1 row", "2 rows", "1000 rows"]
    assert observations(32, 32, None) == "32 observations"
    assert observations(1, 1, None) == "1 observation"
    assert observations(100, 32, "w\n") == "100 observations in 32 rows (frequency weights: w)"
    assert observations(100, None, "w") == "100 observations (frequency weights: w)"


@pytest.mark.parametrize("n", [1, 2, 4, 5, 6, 7, 100])
def test_the_first_rows_are_named_and_all_are_counted(n):
    labels = [f"r{i}" for i in range(n)]
    named, _, more = first_of(labels).partition(" and ")
    assert named.split(", ") == labels[:ROWS_NAMED]
    assert more == (f"{n - ROWS_NAMED} more" if n > ROWS_NAMED else "")
    assert first_of(labels[:ROWS_NAMED], n) == first_of(labels)
    assert rows_phrase(iter(labels)) == f"{'row' if n == 1 else 'rows'} {first_of(labels)}"


def test_names_in_a_sentence():
    assert listing(["a"]) == "a"
    assert listing(["a", "b"]) == "a and b"
    assert listing(["a", "b", "c"], "or") == "a, b or c"


def test_a_hash_of_this_version_has_nothing_said_of_it_and_another_is_cut():
    assert earlier_hash(f"{HASH_VERSION}:{'0' * 32}", "it has") == ""
    said = earlier_hash(f"\x1b{'f' * 32}", "it has")
    assert said.startswith("it has a data hash of another version of flatprior (fffffffffff...)")
    assert "\x1b" not in said


def test_as_many_names_as_there_is_room_for_are_named_and_the_rest_is_counted():
    assert names_in(40, ["a", "b", "c"]) == "a, b, c"
    assert names_in(40, []) == ""
    assert names_in(10, ["x" * 30]) == "x" * 9 + "…"
    rng = np.random.default_rng(1)
    for _ in range(repeated(200)):
        names = [f"n{i}" + "y" * int(rng.integers(1, 30)) for i in range(int(rng.integers(1, 400)))]
        room = int(rng.integers(40, 70))
        said = names_in(room, names)
        assert len(said) <= room
        shown, _, rest = said.partition(" and ")
        assert len(shown.split(", ")) + int(rest.split()[0] if rest else 0) == len(names)


def test_names_in_a_message_fit_on_a_screen():
    long = [f"{i}{'x' * 250}" for i in range(9)]
    assert first_of(long) == f"{long[0]}, {long[1]} and 7 more"
    assert first_of(long, 100) == f"{long[0]}, {long[1]} and 98 more"
    assert first_of(["y" * 5000]) == "y" * 599 + "…"
    assert len(first_of(["y" * 5000, "z"])) < 620
    many = [f"column {i}" for i in range(400)]
    assert len(listing(many)) <= 600
    assert listing(many).endswith(" more")
    assert listing(many[:3]) == "column 0, column 1 and column 2"


@pytest.mark.parametrize("n", [1, 3, 4, 100, 4000, 7000, 10**6])
def test_a_share_of_draws_is_never_0_or_1(n):
    for k in {0, 1, n // 2, n - 1, n}:
        for form in (".3f", ".4f", "#.4g"):
            shown = share(k / n, n, form)
            sign, number = shown[:1], float(shown.strip("<>"))
            assert number not in (0.0, 1.0) or (sign and n < 4)
            # of all draws alike: the exact bound, at 95 %, of as many independent ones
            if k == n:
                assert sign == ">"
                assert number <= 0.05 ** (1 / n)
            elif k == 0:
                assert sign == "<"
                assert number >= 1 - 0.05 ** (1 / n)
            else:
                assert number == pytest.approx(k / n, abs=5e-4)


def test_long_names_that_differ_anywhere_are_told_apart():
    one, other = "a" * 70 + "[one]", "a" * 70 + "[two]"
    inside = [f"{'a' * 65}{each}{'b' * 50}" for each in "xy"]
    found = told_apart(["short", "short", "c" * 99, one, other, *inside])
    assert found[:3] == ("short", "short", abbreviated("c" * 99))
    assert [name[-5:] for name in found[3:5]] == ["[one]", "[two]"]
    assert max(map(len, found[3:5])) == 60
    assert list(found[5:]) == inside  # cut at the end or in the middle they would be the same


@pytest.mark.parametrize(
    ("p", "log_p", "shown"),
    [
        (0.0321, None, "0.0321"),
        (3e-300, None, "3.00e-300"),
        (0.0, None, "<1e-308"),
        (5e-324, None, "<1e-308"),
        (0.0, -np.inf, "<1e-308"),
        (0.0, -1000 * np.log(10), "1.0e-1000"),
        (0.0, np.log(2) - 2000 * np.log(10), "2.0e-2000"),
        (0.0, np.log(9.99) - 1001 * np.log(10), "1.0e-1000"),
        (np.nan, None, "-"),
    ],
)
def test_a_p_value_is_never_printed_as_0(p, log_p, shown):
    assert p_value(p, log_p) == shown


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (0.98496, 1e-15, "0.9850"),
        (0.997773, 1e-15, "0.9978"),
        (1.0000234567, 1e-15, "1.000023"),
        (1.0000234567, 1e-5, "1.0000"),
        (1.00000000000001, 1e-13, "1.000"),  # the difference may be error alone
        (1.0000000000000002, 0.0, "1.000"),
        (0.2314, 0.0, "0.2314"),
        (1234.56, 0.0, "1235"),
        (1e300, 0.0, "1.000e+300"),
        (0.0, 0.0, "0.000"),
        (np.inf, 0.0, "inf"),
        (np.nan, 0.0, "-"),
        (1.5, np.inf, "1.500"),
        (1.001, np.nan, "1.001"),
    ],
)
def test_an_odds_ratio_near_1_has_the_digits_that_are_known(value, error, shown):
    assert odds_ratio(value, error) == shown


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        (0.0, "0.0%"),
        (1.0, "100.0%"),
        (0.34375, "34.4%"),
        (0.00051, "0.1%"),
        (0.0004, "0.040%"),
        (3e-9, "3.0e-07%"),
        (0.9994, "99.9%"),
        (0.9996, "99.960%"),
        (1 - 3e-9, "99.99999970%"),
        (1.5, "150.0%"),
        (np.nan, "-"),
    ],
)
def test_a_percentage_is_0_or_100_only_where_the_share_is_none_or_all(part, shown):
    assert percent(part) == shown


@pytest.mark.parametrize(
    ("value", "form", "shown"),
    [
        (1234567, ",d", "1,234,567"),
        (1234567, ".3f", "1234567"),
        (20400, ",d", "20,400"),
        (2040, ",d", "2040"),
        (20400.0, ",.0f", "20,400"),
        (9999.4, ",.0f", "9999"),
        (np.int64(12), "#.4g", "12"),
        (True, ".3f", "yes"),
        (np.bool_(False), ".3f", ""),
        ("x\n", ".3f", "x"),
        (pd.NA, ".3f", "-"),
        (None, ".3f", "-"),
        (pd.NaT, ".3f", "-"),
        (np.float32(0.5), ".3f", "0.500"),
        (np.longdouble("nan"), ".3f", "-"),
        (math.nan, "percent", "-"),
        (-math.inf, "p", "-inf"),
        (-1e-9, ".3f", "0.000"),
        (-0.0, "#.4g", "0.000"),
        (1234.0, "#.4g", "1234"),
        (7.99, "floor", "7"),
        (0.021, "p.1e", "2.1e-02"),
        (1.0, "of 4000 .3f", ">0.999"),
        (0.001, "percent", "0.0010"),
    ],
)
def test_every_kind_of_cell_has_its_text(value, form, shown):
    assert in_digits(value, form) == shown


def _of_all_sizes(rng: np.random.Generator) -> float:
    """A number of any size that doubles have, often of few digits or next to such a one."""
    value = float(f"{rng.uniform(1, 10):.{rng.integers(0, 17)}f}e{rng.integers(-299, 300)}")
    step = rng.integers(-1, 2)
    return float(np.nextafter(value, step * math.inf)) if step else value


@pytest.mark.parametrize("form", [".1e", ".0e", ".3g", "#.2g"])
def test_a_bound_is_never_less_in_words_than_it_is_nor_much_more(form):
    rng = np.random.default_rng(11)
    digits = int(form.strip("#.eg")) + form.endswith("e")
    for _ in range(repeated(2000)):
        value = _of_all_sizes(rng)
        above, below = at_most(value, form), at_least(value, form)
        assert float(below) <= value <= float(above), (value, below, above)
        # one unit of the last digit at most, and none where the number has no more digits
        unit = Decimal(10) ** (Decimal(repr(value)).adjusted() - digits + 1)
        assert Decimal(above) - Decimal(below) in (0, unit), (value, below, above)
        assert (above == below) == (Decimal(repr(value)) % unit == 0), (value, below, above)
        for text in (above, below):
            assert format(float(text), form) == text


def test_a_bound_of_two_digits_is_less_than_a_tenth_above_what_is_proved():
    rng = np.random.default_rng(12)
    for value in 10.0 ** rng.uniform(-290, 290, size=repeated(2000)):
        assert value <= float(at_most(value)) <= 1.1 * value
        assert 0.9 * value <= float(at_least(value)) <= value


@pytest.mark.parametrize(
    ("bound", "above", "below"),
    [
        (8.74e-13, "8.8e-13", "8.7e-13"),
        (np.float64(8.74e-13), "8.8e-13", "8.7e-13"),
        (9.91e-13, "1.0e-12", "9.9e-13"),
        (1e-5, "1.0e-05", "1.0e-05"),
        (0.0, "0.0e+00", "0.0e+00"),
        (5e-324, "1.0e-300", "0.0e+00"),
        (1.7976931348623157e308, "inf", "1.7e+308"),
        (-1.7976931348623157e308, "-1.7e+308", "-inf"),
        (math.inf, "inf", "inf"),
        (-math.inf, "-inf", "-inf"),
        (math.nan, "-", "-"),
        (-8.74e-13, "-8.7e-13", "-8.8e-13"),
        (3, "3.0e+00", "3.0e+00"),
    ],
)
def test_bounds_at_the_ends_of_doubles(bound, above, below):
    assert (at_most(bound), at_least(bound)) == (above, below)
