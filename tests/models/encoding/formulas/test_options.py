"""Constants in a formula."""

import pytest

from flatprior.models.encoding.formulas.options import (
    LONGEST_LIST,
    NO_CONSTANT,
    bound,
    constant,
    constants,
    read,
)
from flatprior.models.encoding.formulas.syntax import tokens, tree


def node(text):
    return tree(tokens(text), text)


def test_constants_of_r_and_python():
    words = {"T": True, "F": False, "TRUE": True, "False": False, "NULL": None, "None": None}
    for text, value in words.items() | {"-2": -2, "+1.5": 1.5, '"b"': "b"}.items():
        assert constant(node(text)) == value or constant(node(text)) is value
    for text in ("x", "`TRUE`", "1 + 1", "--1", "c(1)", "f()"):
        assert constant(node(text)) is NO_CONSTANT
    assert constants(node("c(1, -2)")) == constants(node("[1, -2]")) == (1, -2)


@pytest.mark.parametrize(
    "text", ["c(x)", "c(a=1)", "c(NULL)", "c(c(1))", f"c({', '.join(['1'] * (LONGEST_LIST + 1))})"]
)
def test_lists_hold_constants_and_not_too_many(text):
    with pytest.raises(ValueError, match="a list in a formula holds"):
        constants(node(text))


def test_options_are_bound_by_name_and_by_place():
    arguments = node("f(3, knots=c(1, 2))").arguments
    options = bound("f", arguments, ("df", "knots"), ("df",))
    assert read("f", options) == {"df": 3, "knots": (1, 2)}
    for text, words in (
        ("f(3, 4)", "options have names"),
        ("f(d=3)", "d= is no option of it; those are df, knots"),
        ("f(3, df=4)", "df= is given twice"),
    ):
        with pytest.raises(ValueError, match=words):
            bound(text, node(text).arguments, ("df", "knots"), ("df",))
    with pytest.raises(ValueError, match="it takes no options"):
        bound("f", arguments, ())
    with pytest.raises(ValueError, match="it takes none"):
        bound("f", node("f(a=1)").arguments, ())
    with pytest.raises(ValueError, match="options are numbers, text, TRUE or FALSE, or lists"):
        read("f", {"df": node("x + 1")})
