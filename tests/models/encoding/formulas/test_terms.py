"""Wilkinson's algebra."""

import numpy as np
import pytest
from formulaic import Formula
from multiplier import repeated

from flatprior.models.encoding.formulas.syntax import Name, shown, sum_of, tokens, tree
from flatprior.models.encoding.formulas.terms import MOST_TERMS, Expansion


def expanded(text, others=("p", "q")):
    def factor(node):
        return node.text if isinstance(node, Name) else shown(node)

    expansion = Expansion(factor, lambda: list(others))
    expansion.read(sum_of(tree(tokens(text), text)))
    terms = sorted(expansion.terms.values(), key=len)
    return (["1"] if expansion.intercept else []) + [":".join(term) for term in terms]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        # R 4.2.2: attr(terms(y ~ ...), "term.labels"), but for the order of factors in a term
        ("(a + b)/c", "1 a b a:b:c"),
        ("a/(b + c)", "1 a a:b a:c"),
        ("(x - 1) + z", "x z"),
        ("x + a:x + b:a:x", "1 x a:x b:a:x"),
        ("x^2 + x:x", "1 x"),
        ("a*b*c - a:b:c", "1 a b c a:b a:c b:c"),
        ("(a + b + c)^2 - a", "1 b c a:b a:c b:c"),
        ("a - (b - c)", "1 a"),
        ("a:b + b:a", "1 a:b"),
        (".", "1 p q"),
        (". - p", "1 q"),
        (".^2", "1 p q p:q"),
        ("a - (1 + b)", "a"),
        ("b + (d - b)", "1 b d"),
        ("z + (x - 1)", "z x"),
        ("0 + a + 1", "1 a"),
        ("- -1 + a", "1 a"),
        ("-a*b + a", "1 a"),
        ("f(a)*b", "1 f(a) b f(a):b"),
    ],
)
def test_terms_are_those_of_r(text, terms):
    assert expanded(text) == terms.split()


def test_terms_and_their_order_are_those_of_formulaic():
    rng = np.random.default_rng(18)

    def random(depth):
        kind = rng.integers(0, 7 if depth else 1)
        if kind in (0, 1):
            return str(rng.choice(list("abcde")))
        if kind == 2:
            return f"({random(depth - 1)} + {random(depth - 1)})^{rng.integers(1, 4)}"
        sign = rng.choice(["+", "-", "*", ":", "/"])
        return f"({random(depth - 1)} {sign} {random(depth - 1)})"

    for _ in range(repeated(150)):
        text = " + ".join(random(3) for _ in range(2))
        try:
            terms = [str(term) for term in Formula(text)]
        except TypeError:  # what is nested in nothing
            assert "/" in text
            continue
        assert expanded(text) == terms, text


def test_a_power_that_is_no_power_is_remarked():
    for text, said in (
        ("x^2", "x^2 in a formula is x; I(x^2) is the power"),
        ("x:x", "x:x in a formula is x"),
        ("(x + z)^2", None),
        ("x:z", None),
        ("x^1", None),
    ):
        expansion = Expansion(lambda node: node.text, list)
        expansion.read(sum_of(tree(tokens(text), text)))
        assert expansion.remarks == ([] if said is None else [("x", said)])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("2:x", "2' is not allowed .*outermost sum; write I"),
        ("x*2", "write I"),
        ("x + 2", "write I"),
        ("(x + 1):z", "outermost sum"),
        ("(x - 1)^2", "outermost sum"),
        ("x^0", "whole number from 1 to 10"),
        ("x^z", "whole number from 1 to 10"),
        ("x^1.5", "whole number from 1 to 10"),
        ("x^11", "whole number from 1 to 10"),
        ("x > 1", r"write I\(x > 1\)"),
        ("x + (1 | g)", "random effects are not fitted"),
        ("a %in% b", "write b:a"),
        ("x + 'my col'", "in backticks: `my col`"),
        ("x:-z", r"write I\(-x\)"),
        ("*".join(f"x{i}" for i in range(13)), "too many terms"),
        ("(a + b + c + d + e + a:b + c:d)^10", "not too many terms"),
        (" + ".join(f"x{i}" for i in range(MOST_TERMS + 1)), "too many terms"),
    ],
)
def test_what_is_no_term_is_refused_with_what_to_write(text, words):
    with pytest.raises(ValueError, match=words):
        expanded(text)
