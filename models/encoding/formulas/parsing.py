"""A formula held against the allow-list, and written anew in generated names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from flatprior.models.common.errors import InputError, require_no_secrets
from flatprior.models.common.text import count, names_in, shorten
from flatprior.models.encoding.columns.checks import column
from flatprior.models.encoding.columns.kinds import is_real, predictor
from flatprior.models.encoding.formulas.arithmetic import (
    FUNCTIONS,
    IDENTITIES,
    Applied,
    Expression,
    Reader,
    is_step,
    pieces,
)
from flatprior.models.encoding.formulas.contrasts import CATEGORIES, Category, category
from flatprior.models.encoding.formulas.spellings import no_such_function, not_allowed
from flatprior.models.encoding.formulas.syntax import (
    Call,
    Chain,
    Dot,
    Name,
    Node,
    Number,
    Token,
    bare,
    in_backticks,
    shown,
    sum_of,
    tokens,
    tree,
)
from flatprior.models.encoding.formulas.terms import MOST_TERMS, Expansion
from flatprior.models.encoding.formulas.transforms import TRANSFORMS
from flatprior.models.encoding.formulas.uses import Uses
from flatprior.models.encoding.left_hand_side import LeftHandSide, left_hand_side

LONGEST_FORMULA = 10_000
KNOWN = (*CATEGORIES, *IDENTITIES[:1], *FUNCTIONS, *TRANSFORMS, "offset")
_WHERE = f"terms are columns, and the functions {', '.join(KNOWN)}, joined by + - : * / ^"

Factor = Expression | Category


@dataclass(frozen=True, eq=False)
class Offset:
    """What stands in ``offset(...)``, added up.

    Attributes
    ----------
    name : str
    expression : Chain or what is in a single one
    uses : Uses
    """

    name: str
    expression: Expression
    uses: Uses


@dataclass(frozen=True, eq=False, kw_only=True)
class Parsed:
    """A checked formula.

    Attributes
    ----------
    formula : str
        As it was written, in one line.
    left : LeftHandSide
    uses : Uses
        The columns of the terms.
    factors_of : dict
        Generated name of a call to what it computes, or to its categories.
    calls : dict
        Generated name of a call to what it is called.
    terms : tuple of tuple of str
        Generated names of the factors of each term.
    intercept : bool
    offset : Offset or None
    remarks : tuple of (str, str)
        A generated name, and what to say of it unless it is a category.
    stands_for : str
        What the dot stands for, in words; empty without one.
    """

    formula: str
    left: LeftHandSide
    uses: Uses
    factors_of: dict[str, Factor]
    calls: dict[str, str]
    terms: tuple[tuple[str, ...], ...]
    intercept: bool
    offset: Offset | None = None
    remarks: tuple[tuple[str, str], ...] = ()
    stands_for: str = ""

    @property
    def rewritten(self) -> str:
        """The right-hand side, in generated names: all that formulaic sees."""
        return " + ".join([str(int(self.intercept)), *map(":".join, self.terms)])

    @property
    def response(self) -> str:
        """What the response is called."""
        return self.left.name

    @property
    def predictors(self) -> tuple[str, ...]:
        """Every column of the terms, once."""
        return tuple(self.uses.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the right-hand side, once: those of the offset come last."""
        extra = () if self.offset is None else self.offset.uses.columns
        return tuple(dict.fromkeys((*self.uses.columns, *extra)))

    @property
    def generated(self) -> dict[str, str]:
        """Generated name to column."""
        return self.uses.generated | ({} if self.offset is None else self.offset.uses.generated)

    @property
    def factors(self) -> frozenset[str]:
        """Columns that stand in ``C(...)``, or are compared with text: categories in any case."""
        return self._used_as("_factor_") | self._used_as("_text_")

    @property
    def plain(self) -> frozenset[str]:
        """Columns that stand alone: numbers, or categories where they hold text."""
        return self._used_as("_plain_")

    def _used_as(self, prefix: str) -> frozenset[str]:
        return frozenset(name for key, name in self.generated.items() if key.startswith(prefix))

    @property
    def compared(self) -> frozenset[str]:
        """Columns of numbers that are compared: with respect to them there is no derivative."""
        names = {
            node.text
            for factor in self.factors_of.values()
            for step in pieces(factor)
            if is_step(step)
            for node in pieces(step)
            if isinstance(node, Name)
        }
        return frozenset(self.uses.generated[key] for key in names if key.startswith("_number_"))

    def columns_of(self, key: str) -> frozenset[str]:
        """The columns that a factor of a term, by its generated name, is of."""
        factor = self.factors_of.get(key)
        if factor is None:
            keys = {key}
        elif isinstance(factor, Category):
            keys = {factor.column}
        else:
            keys = {node.text for node in pieces(factor) if isinstance(node, Name)}
        return frozenset(self.uses.generated[each] for each in keys)

    def stands_alone(self, name: str) -> bool:
        """Whether no term of a column is of another column too."""
        return all(
            name not in of_term or of_term == {name}
            for term in self.terms
            for of_term in [frozenset().union(*map(self.columns_of, term))]
        )

    def is_linear(self, name: str) -> bool:
        """Whether each term of a column is that as it is, once, times what is not of it."""
        return all(
            len(own) <= 1 and not own & self.factors_of.keys()
            for term in self.terms
            for own in [{key for key in term if name in self.columns_of(key)}]
        )

    @property
    def needs_all_rows(self) -> str:
        """The first call that learns from all rows, as it was written; empty if there is none."""
        offset = [] if self.offset is None else [self.offset.expression]
        for factor in (*self.factors_of.values(), *offset):
            for node in pieces(factor):
                transform = node.transform if isinstance(node, Applied) else None
                if transform is not None and transform.needs_all_rows:
                    return transform.call
        return ""

    def original(self, name: str) -> str:
        """Put the columns' own names, and the calls as they were written, into a generated name."""
        for key, own in self._renamed:
            name = name.replace(key, own)
        return name

    @cached_property
    def _renamed(self) -> tuple[tuple[str, str], ...]:
        """What generated names stand for: of many levels each has its name."""
        return tuple((self.calls | self.generated).items())

    def table(
        self,
        frame: pd.DataFrame,
        levels: dict[str, tuple[Any, ...]] | None = None,
        uses: Uses | None = None,
        whole: bool = True,
    ) -> pd.DataFrame:
        """Return the columns of the terms, or of `uses`, as numbers or categories.

        They have their generated names. With the `levels` of a model rows are new or part of its.
        """
        known = levels or {}
        series = {
            key: _as_text(column(frame, name))
            if key.startswith("_text_")
            else predictor(
                column(frame, name),
                categorical=key.startswith("_factor_") or key in known,
                levels=known.get(key),
                numbers_because=(
                    "the formula computes with it; use it alone, or as C(...)"
                    if key.startswith("_number_")
                    else "the model was built with numbers; convert it"
                    if levels is not None and key not in known
                    else None
                ),
                whole=whole and levels is None,
            )
            for key, name in (uses or self.uses).generated.items()
        }
        return pd.DataFrame(series, index=frame.index, copy=False)


def _as_text(series: pd.Series[Any]) -> pd.Series[Any]:
    """A column that is compared with text, as categories."""
    if is_real(series):
        raise InputError(
            f"column {series.name!r} holds numbers, but the formula compares it with text; leave "
            "out the quotes"
        )
    return predictor(series, categorical=True)


@dataclass
class _Reading:
    """What is found while the right-hand side of a formula is read."""

    frame: pd.DataFrame
    apart: frozenset[str]
    uses: Uses = field(default_factory=Uses)
    factors_of: dict[str, Factor] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    stands_for: str = ""

    def factor(self, node: Name | Call) -> str:
        """The generated name of a column or a call; of the same call it is the same."""
        if isinstance(node, Name):
            return self.uses.add(node.text)
        unique = shown(node, in_backticks)
        if unique not in self.keys:
            found = self.read(node)
            key = f"_call_{len(self.keys)}_{self.uses.token}_"
            self.keys[unique], self.factors_of[key] = key, found
            name = f"{found.function}({found.name})" if isinstance(found, Category) else None
            self.calls[key] = name or shown(node)
        return self.keys[unique]

    def read(self, node: Call) -> Factor:
        """Check a call that is a term, or a factor of one."""
        function, arguments = node.function, node.arguments
        if function in CATEGORIES:
            return category(node, self.uses)
        reader = Reader(self.uses, "I" if function in IDENTITIES else function)
        if function in TRANSFORMS and arguments and arguments[0][0] in (None, "x"):
            found: Factor = reader.applied(node, arguments[0][1], arguments[1:])
        elif function in (*FUNCTIONS, *IDENTITIES) and arguments:
            found = reader.number(node)
        elif function in KNOWN and function != "offset":
            raise not_allowed(shown(node), "a column comes first, as in log(x)")
        else:
            first = bare(arguments[0][1]) if arguments else None
            raise no_such_function(function, shown(node), first, KNOWN, _WHERE)
        if not _has_column(found):
            raise not_allowed(shown(node), "there is no column in it")
        return found

    def others(self) -> list[str]:
        """The columns that a dot stands for."""
        names = [str(name) for name in self.frame.columns if str(name) not in self.apart]
        if not names:
            raise InputError("there is no column that '.' could stand for in the formula")
        if len(names) > MOST_TERMS:
            raise InputError(
                f"'.' in the formula stands for {len(names)} columns; at most {MOST_TERMS} terms "
                "are used: name the columns"
            )
        self.stands_for = f"'.' stands for {count(len(names), 'column')}: {names_in(200, names)}"
        return [self.uses.add(name) for name in names]


def _has_column(factor: Factor) -> bool:
    return any(isinstance(node, Name) for node in pieces(factor))


def parse(formula: str, frame: pd.DataFrame, apart: Iterable[str | None] = ()) -> Parsed:
    """Hold every token of `formula` against the allow-list, and write it anew.

    Parameters
    ----------
    formula : str
    frame : DataFrame
        Its columns are looked at, not its rows.
    apart : iterable of str
        Columns that have another role in the model: a dot does not stand for them.

    Raises
    ------
    ValueError
        Saying which token is not allowed, or which column does not exist.
    """
    apart = tuple(apart)
    if not isinstance(formula, str) or not formula.strip():
        raise InputError("the formula is empty; write for example 'y ~ x1 + x2'")
    if len(formula) > LONGEST_FORMULA:
        raise InputError(f"the formula is longer than {LONGEST_FORMULA} characters")
    require_no_secrets(formula)  # data and formula may have changed places
    found = tokens(formula)
    tildes = [i for i, token in enumerate(found) if (token.kind, token.text) == ("sign", "~")]
    place = tildes[0] if len(tildes) == 1 else 0  # without a single tilde nothing is left of it
    if not tildes and any((token.kind, token.text) == ("sign", "=") for token in found):
        raise InputError(f"the formula {shorten(formula)} has '=' for '~'; write 'y ~ x'")
    left = left_hand_side(_left(found[:place], formula), formula)
    for name in left.columns:
        column(frame, name)
    right = found[place + 1 :]
    if not right:
        raise InputError(f"the formula {shorten(formula)} has no predictors; write 'y ~ 1'")
    parts = list(sum_of(tree(right, formula)))
    offset = _offset([part for part in parts if _is_offset(part[1])])
    extra = [] if offset is None else offset.uses.columns
    reading = _Reading(frame, frozenset(filter(None, (*left.columns, *extra, *apart))))
    expansion = Expansion(reading.factor, reading.others)
    expansion.read([part for part in parts if not _is_offset(part[1])])
    for name in (*reading.uses.columns, *extra):
        column(frame, name)
    for own in (left.events, left.others):
        if own in reading.uses.columns:
            raise InputError(
                f"the response {own!r} also stands among the predictors; leave it out there"
            )
        if own in extra or own in apart:
            raise InputError(
                f"the response {own!r} is also named as offset, weights or trials; name another "
                "column there"
            )
    in_terms = {key for term in expansion.terms.values() for key in term}
    factors = {
        key: replace(factor, transform=factor.transform.beside(expansion.intercept))
        if isinstance(factor, Applied) and factor.transform is not None
        else factor
        for key, factor in reading.factors_of.items()
        if key in in_terms
    }
    for factor in factors.values():
        in_terms |= {node.text for node in pieces(factor) if isinstance(node, Name)}
        in_terms |= {factor.column} if isinstance(factor, Category) else set()
    return Parsed(
        formula=re.sub(r"\s*[\r\n]\s*", " ", formula).strip()
        if re.search(r"[\r\n]", formula)
        else formula,
        left=left,
        uses=reading.uses.only(in_terms),  # not of those that were taken away again
        factors_of=factors,
        calls=reading.calls,
        terms=tuple(expansion.terms.values()),
        intercept=expansion.intercept,
        offset=offset,
        remarks=tuple(expansion.remarks),
        stands_for=reading.stands_for,
    )


def _left(found: tuple[Token, ...], formula: str) -> list[tuple[str, str]]:
    """What stands left of the tilde: a name, or the text of something else."""
    if len(found) == 1 and found[0].kind in ("name", "quoted"):
        return [(found[0].text, "name")]
    return [(formula[found[0].start : found[-1].stop], "python")] if found else []


def _is_offset(node: Node) -> bool:
    return isinstance(node, Call) and node.function == "offset"


def _offset(parts: list[tuple[str, Node]]) -> Offset | None:
    """The offsets of a formula, added up."""
    if not parts:
        return None
    uses, expressions, names = Uses(), [], []
    for sign, part in parts:
        assert isinstance(part, Call)  # noqa: S101
        if sign == "-" or len(part.arguments) != 1 or part.arguments[0][0] is not None:
            raise not_allowed(shown(part), "an offset is added, as in 'y ~ x + offset(log(z))'")
        inside = part.arguments[0][1]
        if isinstance(inside, Dot | Number):
            raise not_allowed(shown(part), "there is no column in it")
        expressions.append(Reader(uses, "offset").number(inside))
        names.append(shown(inside))
    if not any(map(_has_column, expressions)):
        raise not_allowed(f"offset({names[0]})", "there is no column in it")
    first, *rest = expressions
    total = Chain(first, tuple(("+", each) for each in rest)) if rest else first
    return Offset(" + ".join(names), total, uses)
