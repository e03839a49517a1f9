"""Arithmetic inside the functions of a formula: held against what is allowed, then computed here.

No text of the user's is ever evaluated: `Reader` turns the tree of an expression into one of
generated names, constants and functions of `FUNCTIONS`, and `Values` computes with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import shorten
from flatprior.models.encoding.formulas.options import LISTS, TRUTHS, constant, constants
from flatprior.models.encoding.formulas.spellings import no_such_function, not_allowed
from flatprior.models.encoding.formulas.syntax import (
    COMPARISONS,
    LARGEST_POWER,
    LEVELS,
    Call,
    Chain,
    Name,
    Node,
    Number,
    Power,
    Signed,
    Text,
    bare,
    in_backticks,
    shown,
)
from flatprior.models.encoding.formulas.transforms import TRANSFORMS, Transform
from flatprior.models.encoding.formulas.uses import Uses

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "log": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "log1p": np.log1p,
    "exp": np.exp,
    "expm1": np.expm1,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "sin": np.sin,
    "cos": np.cos,
}
IDENTITIES = ("I", "{")
SHIFTS = ("center", "scale")  # the transforms of one column, which may stand in arithmetic
TRUTH = "true or not"  # what a column must be that is joined by & and |
_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
    "&": np.logical_and,
    "|": np.logical_or,
}
_ARITHMETIC = (*LEVELS[3], *LEVELS[4])
_LOGIC = ("&", "|")


@dataclass(frozen=True)
class Among:
    """Whether a column has one of some values; of text, `column` is a generated name."""

    column: Expression
    values: tuple[Any, ...]
    of_text: bool
    negated: bool = False


@dataclass(frozen=True)
class Applied:
    """A function of numbers, or a transform, of an expression; `key` tells its state."""

    function: str
    argument: Expression
    base: float | None = None
    transform: Transform | None = None
    key: str = ""


Expression = Name | Number | Signed | Power | Chain | Among | Applied


def pieces(expression: Any) -> Iterator[Any]:
    """An expression and all within it, from the outermost in."""
    ahead = [expression]
    while ahead:
        node = ahead.pop(0)
        yield node
        if isinstance(node, Chain):
            ahead += [node.first, *(operand for _, operand in node.rest)]
        within = {Signed: "operand", Power: "base", Applied: "argument", Among: "column"}
        if type(node) in within:
            ahead.append(getattr(node, within[type(node)]))


def is_step(expression: Any) -> bool:
    """Whether an expression compares, so that it is 0 or 1."""
    if isinstance(expression, Chain):
        return expression.rest[0][0] in COMPARISONS
    return isinstance(expression, Among)


@dataclass(frozen=True)
class Reader:
    """Checks expressions, and notes the columns that they use.

    Attributes
    ----------
    uses : Uses
    inside : str
        The call that they stand in, for messages.
    """

    uses: Uses
    inside: str

    def number(self, node: Node) -> Any:
        """An expression of numbers in generated names; what is true counts as 1.

        Raises
        ------
        ValueError
            At anything that is not allowed.
        """
        match node:
            case Name(text=text, quoted=False) if text in TRUTHS:
                return Number(int(TRUTHS[text]))
            case Name(text=text):
                return Name(self.uses.add(text, "number"))
            case Number():
                return node
            case Signed(sign="+" | "-" as sign, operand=operand):
                return Signed(sign, self.number(operand))
            case Signed(sign="!", operand=operand):
                return Signed("!", self.truth(operand))
            case Power(base=base, exponent=exponent):
                return Power(self.number(base), "^", self.power(exponent))
            case Chain(first=first, rest=((sign, second),)) if sign in COMPARISONS:
                return self.comparison(node, first, sign, second)
            case Chain(first=first, rest=(("%in%", second),)):
                return self.among(first, second, node)
            case Chain(first=first, rest=rest) if all(sign in _ARITHMETIC for sign, _ in rest):
                return Chain(self.number(first), tuple((s, self.number(n)) for s, n in rest))
            case Chain(first=first, rest=rest) if all(sign in _LOGIC for sign, _ in rest):
                return Chain(self.truth(first), tuple((s, self.truth(n)) for s, n in rest))
            case Call(function=function, arguments=((None, argument),)) if function in IDENTITIES:
                return self.number(argument)
            case Call(function="log", arguments=((None, argument), (None | "base", base))):
                return Applied("log", self.number(argument), base=self.base(base))
            case Call(function=function, arguments=((None, argument),)) if function in FUNCTIONS:
                return Applied(function, self.number(argument))
            case Call(function=function, arguments=((None, argument), *options)) if (
                function in SHIFTS
            ):
                return self.applied(node, argument, options)
            case _:
                raise self.refusal(node)

    def applied(
        self, node: Call, argument: Node, options: Iterable[tuple[str | None, Node]]
    ) -> Applied:
        """A transform of an expression."""
        transform = TRANSFORMS[node.function](shown(node), options)
        key = shown(node, in_backticks)
        return Applied(node.function, self.number(argument), transform=transform, key=key)

    def truth(self, node: Node) -> Any:
        """An expression that is true or not."""
        match node:
            case Name():
                return Applied(TRUTH, self.number(node))
            case Signed(sign="!"):
                return self.number(node)
            case Chain(rest=((sign, _), *_)) if sign in (*COMPARISONS, "%in%", *_LOGIC):
                return self.number(node)
        raise not_allowed(shown(node), "beside &, | and !, which join comparisons: x > 1 & z < 2")

    def comparison(self, node: Node, first: Node, sign: str, second: Node) -> Any:
        """A comparison of numbers, or of a column of text with a text."""
        if isinstance(first, Text):
            first, second = second, first
        if isinstance(second, Text):
            if sign not in ("==", "!="):
                raise not_allowed(shown(node), "text is compared by == and != only")
            return self.among(first, Call("c", ((None, second),)), node, sign == "!=")
        return Chain(self.number(first), ((sign, self.number(second)),))

    def among(self, first: Node, second: Node, node: Node, negated: bool = False) -> Among:
        """Whether an expression has one of some values."""
        values = None
        if isinstance(second, Call) and second.function in LISTS:
            values = constants(second)
        if not values or len({isinstance(value, str) for value in values}) > 1:
            raise not_allowed(
                shown(node), "the values stand in c(...), as in x %in% c(1, 2) or a %in% c('u')"
            )
        if not isinstance(values[0], str):
            return Among(self.number(first), values, False, negated)
        if not isinstance(first, Name):
            raise not_allowed(shown(node), "only a column can be compared with text")
        return Among(Name(self.uses.add(first.text, "text")), values, True, negated)

    def power(self, node: Node) -> Number | Signed:
        """An exponent: a number that is not too large."""
        value = constant(node)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(
                f"the power {shorten(shown(node), 20)} is not allowed in a formula: it must be a "
                "number; write exp(x * log(2)) for 2^x"
            )
        if abs(value) > LARGEST_POWER:
            raise InputError(f"the power {value!r} is larger than {LARGEST_POWER}")
        return Number(value) if value >= 0 else Signed("-", Number(-value))

    def base(self, node: Node) -> float:
        """The base of logarithms."""
        value = constant(node)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise not_allowed(shown(node), "as a base of logarithms; it must be a positive number")
        if value == 1:
            raise not_allowed("1", "as a base of logarithms")
        return float(value)

    def refusal(self, node: Node) -> InputError:
        """The error for what is not allowed inside a function."""
        where = (
            f"inside {self.inside}(); allowed there are columns, numbers, + - * / ^, comparisons, "
            f"%in%, & | !, and {', '.join((*IDENTITIES[:1], *FUNCTIONS, *SHIFTS))}"
        )
        if isinstance(node, Text):
            return not_allowed(
                shown(node),
                f"inside {self.inside}() but in a comparison; a column's name stands in "
                f"backticks: `{node.value}`",
            )
        if isinstance(node, Call):
            known = (*IDENTITIES[:1], *FUNCTIONS, *SHIFTS)
            if node.function in known:
                return not_allowed(shown(node), f"{node.function}() takes one column or expression")
            first = bare(node.arguments[0][1]) if node.arguments else None
            return no_such_function(node.function, shown(node), first, known, where)
        return not_allowed(shown(node), where)


@dataclass(frozen=True)
class Values:
    """Computes expressions with the columns of a table.

    Attributes
    ----------
    table : DataFrame
        Columns by their generated names: floats, or categories where text is compared.
    states : dict
        What transforms have learnt, by their keys, and the levels of columns of text.
    original : mapping
        Generated name to column, for messages.
    """

    table: pd.DataFrame
    states: dict[str, dict[str, Any]]
    original: Mapping[str, str] = field(default_factory=dict)

    def of(self, node: Any) -> Any:
        """The values (n,) of an expression; those of a constant are one number."""
        match node:
            case Name(text=key):
                return np.ascontiguousarray(self.table[key].to_numpy(dtype=float))
            case Number(value=value):
                return value
            case Signed(sign="!", operand=operand):
                return np.logical_not(self.of(operand))
            case Signed(sign=sign, operand=operand):
                signed = self.number(operand)
                return -signed if sign == "-" else signed
            case Power(base=base, exponent=exponent):
                return self.number(base) ** self.of(exponent)
            case Chain(first=first, rest=rest):
                total = self.number(first)
                for sign, operand in rest:
                    total = _SIGNS[sign](total, self.number(operand))
                return total
            case Among(column=column, values=values, of_text=of_text, negated=negated):
                there = (
                    self.one_of(column, values) if of_text else np.isin(self.number(column), values)
                )
                return ~there if negated else there
            case Applied(transform=None, function=function, argument=argument, base=base):
                inner = np.asarray(self.number(argument), dtype=float)
                if function == TRUTH:
                    return self.truth(argument, inner)
                return _logarithm(inner, base) if base else FUNCTIONS[function](inner)
            case Applied():
                return next(iter(self.columns(node).values()))
        raise AssertionError

    def truth(self, node: Any, value: Array) -> Any:
        """Whether a column is true, which must be that or not."""
        if not np.isin(value, (0, 1)).all():
            name = self.original.get(node.text, node.text)
            raise InputError(
                f"the formula joins column {name!r} by &, | or !, but it holds other numbers than "
                "0 and 1; compare it, as in x > 1"
            )
        return value == 1

    def number(self, node: Any) -> Any:
        """The values of an expression, as floats where they are true or not."""
        value = self.of(node)
        return value.astype(float) if np.asarray(value).dtype.kind == "b" else value

    def all_rows(self, node: Any) -> Array:
        """The values (n,) of an expression as floats."""
        values = np.asarray(self.number(node), dtype=float)
        return np.ascontiguousarray(np.broadcast_to(values, (len(self.table),)))

    def columns(self, node: Applied) -> Any:
        """The columns of a transform, by their fields."""
        assert node.transform is not None  # noqa: S101
        state = self.states.get(node.key, {})
        return node.transform.columns(self.all_rows(node.argument), state, self.table.index)

    def one_of(self, column: Expression, values: tuple[str, ...]) -> Any:
        """Whether a column of text has one of some values, each of which must be one of its own."""
        assert isinstance(column, Name)  # noqa: S101
        series = self.table[column.text]
        wanted = np.array([str(level) in values for level in series.cat.categories], dtype=bool)
        seen = self.states.setdefault(column.text, {"levels": list(series.cat.categories)})[
            "levels"
        ]
        unknown = [value for value in values if value not in map(str, seen)]
        if unknown:
            name = self.original.get(column.text, column.text)
            raise InputError(
                f"the formula compares column {name!r} with {unknown[0]!r}, which no row has; its "
                f"levels are {', '.join(repr(str(level)) for level in seen[:8])}"
                + (", ..." if len(seen) > 8 else "")
            )
        return wanted[series.cat.codes.to_numpy()]


def _logarithm(value: Array, base: float) -> Array:
    if base == 10:
        return np.log10(value)
    return np.log2(value) if base == 2 else np.log(value) / np.log(base)
