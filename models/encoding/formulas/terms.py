"""Wilkinson's algebra: from the tree of a formula to its terms, each a product of factors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import printable, shorten
from flatprior.models.encoding.formulas.spellings import TERMS, not_allowed
from flatprior.models.encoding.formulas.syntax import (
    LARGEST_POWER,
    Call,
    Chain,
    Dot,
    Name,
    Node,
    Number,
    Power,
    Signed,
    Text,
    shown,
    sum_of,
)

MOST_TERMS = 4096
MOST_PRODUCTS = 2**17  # pairs of terms that are multiplied for one sign
_SUMS = ("+", "-")
_OUTSIDE = "; 0, 1 and -1 say whether there is an intercept, and stand in the outermost sum"

Term = tuple[str, ...]
Terms = dict[frozenset[str], Term]


@dataclass
class Expansion:
    """What a formula's right-hand side comes to.

    Attributes
    ----------
    factor : callable
        A column or a call to the name of the factor that it is.
    others : callable
        The factors that a dot stands for.
    terms : dict
        The terms in the order of their coming; those of the same factors are one.
    intercept : bool
    remarks : list of (str, str)
        A factor, and what to say of it unless it is a category.
    """

    factor: Callable[[Name | Call], str]
    others: Callable[[], list[str]]
    terms: Terms = field(default_factory=dict)
    intercept: bool = True
    remarks: list[tuple[str, str]] = field(default_factory=list)

    def read(self, parts: Iterable[tuple[str, Node]]) -> None:
        """Add up the terms of a right-hand side, without its offsets."""
        for sign, part in parts:
            inner = list(sum_of(part)) if _is_sum(part) else [("+", part)]
            for own, value in [
                (own, each.value) for own, each in inner if isinstance(each, Number)
            ]:
                if value in (0, 1) and "+" in (own, sign):
                    self.intercept = (value == 1) == (own == sign)
                    inner = [each for each in inner if each != (own, Number(value))]
            found = self._sum(inner)
            self.terms = _add(self.terms, found) if sign == "+" else _without(self.terms, found)

    def _sum(self, parts: Iterable[tuple[str, Node]]) -> Terms:
        """The terms of a sum in brackets."""
        terms: Terms = {}
        for sign, part in parts:
            found = self._product(part)
            terms = _add(terms, found) if sign == "+" else _without(terms, found)
        return terms

    def _product(self, node: Node) -> Terms:
        """The terms of what is no sum by itself."""
        match node:
            case Name() | Call():
                key = self.factor(node)
                return {frozenset([key]): (key,)}
            case Dot():
                return {frozenset([key]): (key,) for key in self.others()}
            case Power():
                return self._power(node)
            case Chain() if _is_sum(node):
                return self._sum(sum_of(node))
            case Chain(first=first, rest=rest) if all(sign in ("*", "/", ":") for sign, _ in rest):
                found = self._product(first)
                for sign, operand in rest:
                    second = self._product(operand)
                    both = _times(_all_of(found) if sign == "/" else found, second)
                    if sign == ":":
                        if both == found == second and len(found) == 1:
                            self._remark(found, f"{shown(node)} in a formula is {shown(first)}")
                        found = both
                    else:
                        found = _add(_add(dict(found), second if sign == "*" else {}), both)
                return found
            case _:
                raise _refusal(node)

    def _power(self, node: Power) -> Terms:
        base = self._product(node.base)
        power = node.exponent.value if isinstance(node.exponent, Number) else 0
        if not (isinstance(power, int) and 1 <= power <= LARGEST_POWER) or (
            len(base) ** power > MOST_PRODUCTS
        ):
            raise InputError(
                f"the power {shorten(shown(node.exponent), 20)} is not allowed in a formula: it "
                f"must be a whole number from 1 to {LARGEST_POWER}, of not too many terms"
            )
        if len(base) == 1 and power > 1:
            inner, whole = shown(node.base), shown(node)
            self._remark(base, f"{whole} in a formula is {inner}; I({whole}) is the power")
        found = base
        for _ in range(power - 1):
            found = _times(found, base)
        return found

    def _remark(self, terms: Terms, sentence: str) -> None:
        ((key, *_),) = terms.values()
        self.remarks.append((key, printable(sentence)))


def _is_sum(node: Node) -> bool:
    return isinstance(node, Chain) and node.rest[0][0] in _SUMS


def _all_of(terms: Terms) -> Terms:
    """The product of all terms, within which others are nested."""
    factors = tuple(dict.fromkeys(factor for term in terms.values() for factor in term))
    return {frozenset(factors): factors} if factors else {}


def _times(first: Terms, second: Terms) -> Terms:
    """Each of the first with each of the second."""
    if len(first) * len(second) > MOST_PRODUCTS:
        raise _too_many()
    found: Terms = {}
    for one in first.values():
        for two in second.values():
            term = tuple(dict.fromkeys((*one, *two)))
            found.setdefault(frozenset(term), term)
    return _add({}, found)


def _add(terms: Terms, others: Terms) -> Terms:
    """Put the others behind the terms, where they are not among them."""
    for key, term in others.items():
        terms.setdefault(key, term)
    if len(terms) > MOST_TERMS:
        raise _too_many()
    return terms


def _without(terms: Terms, others: Terms) -> Terms:
    return {key: term for key, term in terms.items() if key not in others}


def _too_many() -> InputError:
    return InputError(
        f"the formula multiplies out to too many terms; at most {MOST_TERMS} are used: write out "
        "those that are meant"
    )


def _refusal(node: Node) -> InputError:
    """The error for what is no term."""
    match node:
        case Number():
            return not_allowed(
                shown(node), f"at that place{_OUTSIDE}; write I(2 * x) for a multiple"
            )
        case Text(value=value):
            return not_allowed(shown(node), f"; a column's name stands in backticks: `{value}`")
        case Signed():
            return not_allowed(shown(node), "; write I(-x) for a column with the other sign")
        case Chain(rest=rest):
            sign = rest[0][0]
            return not_allowed(shown(node), TERMS[sign].format(shown(node)))
    raise AssertionError
