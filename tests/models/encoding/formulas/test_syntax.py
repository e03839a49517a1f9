"""From text to a tree, and back."""

import pytest

from flatprior.models.encoding.formulas.syntax import (
    DEEPEST_NESTING,
    Call,
    Chain,
    Dot,
    Name,
    Number,
    Power,
    Signed,
    Text,
    in_backticks,
    shown,
    sum_of,
    tokens,
    tree,
)


def read(text):
    return tree(tokens(text), text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x", Name("x")),
        ("`a b`", Name("a b", quoted=True)),
        (".", Dot()),
        (".x.y_1", Name(".x.y_1")),
        ("α", Name("α")),
        (".5", Number(0.5)),
        ("1e3", Number(1000.0)),
        ("'it is'", Text("it is", "'it is'")),
        ("-x^2", Signed("-", Power(Name("x"), "^", Number(2)))),
        ("x^-1", Power(Name("x"), "^", Signed("-", Number(1)))),
        ("a + b - c", Chain(Name("a"), (("+", Name("b")), ("-", Name("c"))))),
        ("a*b:c", Chain(Name("a"), (("*", Chain(Name("b"), ((":", Name("c")),))),))),
        ("a %in% c(1)", Chain(Name("a"), (("%in%", Call("c", ((None, Number(1)),))),))),
        ("!x > 1", Signed("!", Chain(Name("x"), ((">", Number(1)),)))),
        ("f(x, k=[1])", Call("f", ((None, Name("x")), ("k", Call("[", ((None, Number(1)),)))))),
        ("{x}", Call("{", ((None, Name("x")),))),
        ("as.factor(x)", Call("as.factor", ((None, Name("x")),))),
        ("f()", Call("f", ())),
    ],
)
def test_text_becomes_a_tree_by_the_precedence_of_r(text, expected):
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "again"),
    [
        ("a+b", "a + b"),
        ("(a + b) + c", "a + b + c"),
        ("a + (b + c)", "a + (b + c)"),
        ("(x)**2", "x ** 2"),
        ("(-x)^2", "(-x)^2"),
        ("-(x*z)", "-(x * z)"),
        ("-x * z", "-x * z"),
        ("(x^2)^3", "(x^2)^3"),
        ("(a+b):c", "(a + b):c"),
        ("f( x,k = 'b' )", "f(x, k='b')"),
        ("c(1,.5)", "c(1, 0.5)"),
        ("[1,2]", "[1, 2]"),
        ("{ x }", "{x}"),
        ("(x > 1) & !(z < 2 | x == 1)", "x > 1 & !(z < 2 | x == 1)"),
        ("\n a\r\n +\tb", "a + b"),
    ],
)
def test_a_tree_is_shown_with_the_brackets_that_it_needs(text, again):
    assert shown(read(text)) == again
    assert shown(read(again)) == again
    assert shown(read("x + a"), in_backticks) == "`x` + `a`"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a +", "it ends where"),
        ("(a", "it ends where"),
        ("a b", "at 'b': a sign"),
        ("a)", "pair the parentheses"),
        ("a, b", "not by commas"),
        ("a # b", "leave out the comment"),
        ("a; b", "one expression"),
        ("d$a", "name the column alone"),
        ("d[['a']]", "name the column alone"),
        ("'a", "pair the quotes"),
        ('"a', "pair the quotes"),
        ("`a", "pair the backticks"),
        ("``", "pair the backticks"),
        ("'\\x27'", "pair the quotes"),
        ("2x", "in backticks"),
        ("a ~ b", "one '~'"),
        ("a = b", "comparisons are written =="),
        ("1 < x < 2", "joined by &"),
        ("f(k=)", r"cannot be read at '\)'"),
        ("1e999", "too large"),
        ("*a", "cannot be read at"),
        ("a %o% b", "cannot be read at '%o% b'"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text, words):
    with pytest.raises(ValueError, match=words) as caught:
        read(text)
    assert "\n" not in str(caught.value)


def test_nesting_and_length_are_bounded():
    assert read("(" * DEEPEST_NESTING + "x" + ")" * DEEPEST_NESTING) == Name("x")
    for deep in ("(" * 3000 + "x", "-" * 3000 + "x", "x^" * 3000 + "2", "f(" * 3000, "[" * 3000):
        with pytest.raises(ValueError, match="nested too deeply"):
            read(deep)
    names = [f"x{i}" for i in range(2000)]
    found = read(" + ".join(names))  # no deeper for being long
    assert [shown(part) for _, part in sum_of(found)] == names
    assert shown(found) == " + ".join(names)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a - b + c", ["+ a", "- b", "+ c"]),
        ("(a - b) + c", ["+ a", "- b", "+ c"]),
        ("a - (b - c)", ["+ a", "- b - c"]),
        ("-1 + a", ["- 1", "+ a"]),
        ("a + -1", ["+ a", "- 1"]),
        ("a - -1", ["+ a", "+ 1"]),
        ("-a*b", ["- a * b"]),
        ("a", ["+ a"]),
    ],
)
def test_a_sum_has_parts_with_signs(text, parts):
    assert [f"{sign} {shown(part)}" for sign, part in sum_of(read(text))] == parts
