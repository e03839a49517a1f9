"""The grammar of formulas, R's with Python's ``**`` and lists: text becomes a tree, no more.

Nothing is looked up or computed here, and Python's own parser never sees the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import shorten
from flatprior.models.encoding.formulas.spellings import SIGNS

DEEPEST_NESTING = 40
LARGEST_POWER = 10
# from the loosest to the tightest; those of one level are read from the left
LEVELS = (
    ("|", "||"),
    ("&", "&&"),
    ("==", "!=", "<", "<=", ">", ">="),
    ("+", "-"),
    ("*", "/"),
    ("%in%",),
    (":",),
)
COMPARISONS = LEVELS[2]
POWERS = ("^", "**")
_SUM = 3
_TIGHTEST = len(LEVELS)
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |`(?P<quoted>[^`\r\n]+)`
    |(?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)(?![\w.])
    |(?P<text>"[^"\\\r\n]*"|'[^'\\\r\n]*')
    |(?P<name>\.*[^\W\d][\w.]*)
    |(?P<dot>\.(?![\w.]))
    |(?P<sign>%[^%\s]*%|\*\*|<=|>=|==|!=|&&|\|\||[-+*/:^~|&!<>=(){}\[\],])""",
    re.VERBOSE,
)
_CLOSED_BY = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class Token:
    """A piece of a formula: its kind, what it says, and where it stands."""

    kind: str
    text: str
    start: int
    stop: int


@dataclass(frozen=True)
class Name:
    """A column, or a word whose meaning its place decides; in backticks it was `quoted`."""

    text: str
    quoted: bool = False


@dataclass(frozen=True)
class Dot:
    """All other columns."""


@dataclass(frozen=True)
class Number:
    """A number that is not negative."""

    value: int | float


@dataclass(frozen=True)
class Text:
    """Text in quotes, which `written` still has."""

    value: str
    written: str


@dataclass(frozen=True)
class Signed:
    """A sign, ``+``, ``-`` or ``!``, before something."""

    sign: str
    operand: Node


@dataclass(frozen=True)
class Power:
    """Something to a power; `sign` is how that was written."""

    base: Node
    sign: str
    exponent: Node


@dataclass(frozen=True)
class Chain:
    """Operands joined by signs of one level, to be read from the left."""

    first: Node
    rest: tuple[tuple[str, Node], ...]


@dataclass(frozen=True)
class Call:
    """A function and its arguments, with their names; ``c`` may be ``[``, and ``I`` be ``{``."""

    function: str
    arguments: tuple[tuple[str | None, Node], ...]


Node = Name | Dot | Number | Text | Signed | Power | Chain | Call


def tokens(formula: str) -> tuple[Token, ...]:
    """Cut a formula into its pieces.

    Raises
    ------
    ValueError
        Where it is no formula, with what is wrong there.

    Examples
    --------
    >>> from flatprior.models.encoding.formulas.syntax import tokens
    >>> [token.text for token in tokens("y ~ I(x^2) + `my col`")]
    ['y', '~', 'I', '(', 'x', '^', '2', ')', '+', 'my col']
    """
    found, at = [], 0
    while at < len(formula):
        match = _TOKEN.match(formula, at)
        if match is None:
            raise _unreadable(formula, at)
        kind = str(match.lastgroup)
        if kind != "space":
            found.append(Token(kind, match[kind], at, match.end()))
        at = match.end()
    return tuple(found)


def _unreadable(formula: str, at: int) -> InputError:
    sign = formula[at]
    why = SIGNS.get(sign, "a name with such signs in it stands in backticks, `...`")
    return InputError(
        f"the formula {shorten(formula)} cannot be read at {shorten(formula[at:], 20)}: {why}"
    )


def tree(found: tuple[Token, ...], formula: str) -> Node:
    """The tree of an expression.

    Examples
    --------
    >>> from flatprior.models.encoding.formulas.syntax import shown, tokens, tree
    >>> shown(tree(tokens("a + log( x+1 )^2"), ""))
    'a + log(x + 1)^2'
    """
    reader = _Reader(found, formula)
    node = reader.expression(0, 0)
    if reader.ahead is not None:
        raise reader.refusal()
    return node


class _Reader:
    """Reads tokens from the left, by precedence."""

    def __init__(self, found: tuple[Token, ...], formula: str) -> None:
        self.found = found
        self.formula = formula
        self.at = 0

    @property
    def ahead(self) -> Token | None:
        """The next token, if there is one."""
        return self.found[self.at] if self.at < len(self.found) else None

    def is_next(self, *signs: str) -> bool:
        """Whether the next token is one of these signs."""
        token = self.ahead
        return token is not None and token.kind == "sign" and token.text in signs

    def take(self) -> Token:
        """The next token, which is then read."""
        token = self.ahead
        if token is None:
            raise self.refusal()
        self.at += 1
        return token

    def refusal(self) -> InputError:
        """The error for what stands where it cannot."""
        what = f"the formula {shorten(self.formula)} cannot be read"
        token = self.ahead
        if token is None:
            return InputError(f"{what}: it ends where a name, a number or a ')' is still to come")
        rest = self.formula[token.start :]
        why = SIGNS.get(token.text) if token.kind == "sign" else None
        why = why or "a sign such as '+' is missing before it, or a name or a bracket"
        return InputError(f"{what} at {shorten(rest, 20)}: {why}")

    def expression(self, level: int, depth: int) -> Node:
        """What is joined by the signs of this level, or tighter ones."""
        if level == _TIGHTEST:
            return self.signed(depth)
        if level == 2 and self.is_next("!"):
            self.take()
            return Signed("!", self.expression(level, self.deeper(depth)))
        first = self.expression(level + 1, depth)
        rest = []
        while self.is_next(*LEVELS[level]):
            sign = self.take().text
            rest.append((sign, self.expression(level + 1, depth)))
            if level == 2 and self.is_next(*COMPARISONS):
                raise InputError(
                    f"the formula {shorten(self.formula)} cannot be read: two comparisons are "
                    "joined by &, as in x > 1 & x < 3"
                )
        return Chain(first, tuple(rest)) if rest else first

    def signed(self, depth: int) -> Node:
        """Signs, and what they stand before."""
        if self.is_next("+", "-"):
            sign = self.take().text
            return Signed(sign, self.signed(self.deeper(depth)))
        base = self.operand(depth)
        if self.is_next(*POWERS):
            sign = self.take().text
            return Power(base, sign, self.signed(self.deeper(depth)))
        return base

    def operand(self, depth: int) -> Node:
        """A name, a number, text, a call, or something in brackets."""
        if self.ahead is None or (self.ahead.kind == "sign" and self.ahead.text not in _CLOSED_BY):
            raise self.refusal()
        token = self.take()
        if token.kind == "quoted":
            return Name(token.text, quoted=True)
        if token.kind == "dot":
            return Dot()
        if token.kind == "text":
            return Text(token.text[1:-1], token.text)
        if token.kind == "number":
            return Number(self.number(token))
        if token.kind == "name":
            if not self.is_next("("):
                return Name(token.text)
            self.take()
            return Call(token.text, self.arguments(")", self.deeper(depth)))
        deeper = self.deeper(depth)
        if token.text == "(":
            node = self.expression(0, deeper)
            self.close(")")
            return node
        return Call(token.text, self.arguments(_CLOSED_BY[token.text], deeper))

    def arguments(self, closing: str, depth: int) -> tuple[tuple[str | None, Node], ...]:
        """Arguments up to the closing bracket, which is read."""
        found: list[tuple[str | None, Node]] = []
        while not self.is_next(closing):
            if found:
                self.close(",")
            name = None
            follows = self.found[self.at + 1 : self.at + 2]
            named = [(token.kind, token.text) for token in follows] == [("sign", "=")]
            if named and self.ahead is not None and self.ahead.kind == "name":
                name = self.take().text
                self.take()
            found.append((name, self.expression(0, depth)))
        self.take()
        return tuple(found)

    def close(self, sign: str) -> None:
        """Read a sign that must come next."""
        if not self.is_next(sign):
            raise self.refusal()
        self.take()

    def number(self, token: Token) -> int | float:
        """The number that a token says."""
        whole = token.text.isdecimal() and len(token.text) <= 15
        value = int(token.text) if whole else float(token.text)
        if value >= 1e300:
            raise InputError(f"the number {shorten(token.text, 20)} in the formula is too large")
        return value

    def deeper(self, depth: int) -> int:
        """One level further down."""
        if depth >= DEEPEST_NESTING:
            raise InputError("the formula is nested too deeply: write it with fewer brackets")
        return depth + 1


def shown(node: Node, name: Callable[[str], str] = str) -> str:
    """An expression as text: blanks around signs, and only the brackets that it needs."""
    return _shown(node, name, 0)


def bare(node: Node) -> str:
    """An expression as text, and of text what is in its quotes."""
    return node.value if isinstance(node, Text) else shown(node)


def in_backticks(name: str) -> str:
    """A column's name as no other text can be."""
    return f"`{name}`"


def _shown(node: Node, name: Callable[[str], str], level: int) -> str:
    match node:
        case Name(text=text):
            return name(text)
        case Dot():
            return "."
        case Number(value=value):
            return repr(value)
        case Text(written=written):
            return written
        case Signed(sign="!", operand=operand):
            return _bracketed(f"!{_shown(operand, name, 2)}", level > 2)
        case Signed(sign=sign, operand=operand):
            return _bracketed(f"{sign}{_shown(operand, name, _TIGHTEST)}", level > _TIGHTEST)
        case Power(base=base, sign=sign, exponent=exponent):
            joined = "^" if sign == "^" else f" {sign} "
            base_text = _shown(base, name, _TIGHTEST + 2)
            return _bracketed(
                f"{base_text}{joined}{_shown(exponent, name, _TIGHTEST)}", level > _TIGHTEST + 1
            )
        case Chain(first=first, rest=rest):
            own = next(i for i, signs in enumerate(LEVELS) if rest[0][0] in signs)
            parts = [_shown(first, name, own + (rest[0][0] in COMPARISONS))]
            for sign, operand in rest:
                parts.append(":" if sign == ":" else f" {sign} ")
                parts.append(_shown(operand, name, own + 1))
            return _bracketed("".join(parts), level > own)
        case Call(function=function, arguments=arguments):
            inside = ", ".join(
                f"{key}={_shown(value, name, 0)}" if key else _shown(value, name, 0)
                for key, value in arguments
            )
            opening = function if function in _CLOSED_BY else f"{function}("
            return f"{opening}{inside}{_CLOSED_BY.get(function, ')')}"


def _bracketed(text: str, needed: bool) -> str:
    return f"({text})" if needed else text


def sum_of(node: Node) -> Iterator[tuple[str, Node]]:
    """The parts of a sum, each with its sign; a sum in brackets behind a sign is one part."""
    if isinstance(node, Chain) and node.rest[0][0] in LEVELS[_SUM]:
        yield from sum_of(node.first)
        for sign, operand in node.rest:
            yield _signed(sign, operand)
    else:
        yield _signed("+", node)


def _signed(sign: str, node: Node) -> tuple[str, Node]:
    """A part of a sum, with the signs that stand before it."""
    match node:
        case Signed(sign="+" | "-" as own, operand=operand):
            return _signed("+" if own == sign else "-", operand)
        case Chain(first=Signed(sign="+" | "-" as own, operand=operand), rest=rest) if (
            rest[0][0] not in LEVELS[_SUM]
        ):
            return _signed("+" if own == sign else "-", Chain(operand, rest))
    return sign, node
