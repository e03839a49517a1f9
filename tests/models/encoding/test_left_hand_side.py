"""What stands left of the tilde."""

import pandas as pd
import pytest

from flatprior.models.encoding.formulas.parsing import parse
from flatprior.models.encoding.left_hand_side import LeftHandSide, left_hand_side


@pytest.mark.parametrize(
    ("written", "name", "columns"),
    [
        ("cbind(s, f)", "cbind(s, f)", ("s", "f", None)),
        ("cbind(s,n-s)", "cbind(s, n - s)", ("s", None, "n")),
        ("cbind( `a b` , `n` - `a b` )", "cbind(a b, n - a b)", ("a b", None, "n")),
        ("cbind(dead, 20 - dead)", "cbind(dead, 20 - dead)", ("dead", None, 20)),
        ("cbind(dead.n, `cbind`)", "cbind(dead.n, cbind)", ("dead.n", "cbind", None)),
    ],
)
def test_counts_are_two_columns_or_all_less_the_first(written, name, columns):
    assert left_hand_side([(written, "python")], f"{written} ~ x") == LeftHandSide(name, *columns)


@pytest.mark.parametrize("name", ["y", "cbind", "cbind(s, f)", "a b"])
def test_a_column_is_a_response_whatever_it_is_called(name):
    found = left_hand_side([(name, "name")], f"`{name}` ~ x")
    assert found == LeftHandSide(name, name)
    assert found.columns == (name,)
    assert not found.grouped


@pytest.mark.parametrize("second", ["s", "n - f", "s - s", "5", "5 - f", "1e3 - s", "f, n"])
def test_counts_that_are_none_are_refused(second):
    written = f"cbind(s, {second})"
    with pytest.raises(ValueError, match="is not of counts: write cbind"):
        left_hand_side([(written, "python")], f"{written} ~ x")


ELSEWHERE = (
    *("s + f", "s/n", "[s, f]", "(s, f)", "s | trials(n)", "p(s, n)", "prop(s, n)", "I(s / n)"),
    *("C(y)", "y == 'a'", "y['a']", "1 - y"),
)


@pytest.mark.parametrize("written", ELSEWHERE)
def test_what_others_write_is_led_to_what_is_taken(written):
    frame = pd.DataFrame(columns=["y", "s", "f", "n", "x"])
    with pytest.raises(ValueError, match=r"one response column \(event= .* or cbind\(succ"):
        parse(f"{written} ~ x", frame)
