"""The terms of a formula, each with the columns of the design that it became."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import listing, printable
from flatprior.models.encoding.formulas.arithmetic import Applied
from flatprior.models.encoding.formulas.contrasts import Category
from flatprior.models.encoding.formulas.parsing import Parsed

INTERCEPT = "Intercept"
_OPTIONS = re.compile(r",.*\)$")


@dataclass(frozen=True)
class TermFactor:
    """A factor of a term: a column, or a call.

    Attributes
    ----------
    name : str
        As it was written.
    columns : frozenset of str
        The columns of the data that it is of.
    contrasts : str
        Of a category their kind; "levels" where each level has a column; empty for numbers.
    centred : bool
        Of numbers: whether 0 is a mean of its column, as of ``center(x)``.
    levels : tuple of str
        Of a category, in the order of its contrasts.
    reference : str or None
        The level that has no column, where the others are compared with it.
    """

    name: str
    columns: frozenset[str]
    contrasts: str = ""
    centred: bool = False
    levels: tuple[str, ...] = ()
    reference: str | None = None

    def is_called(self, name: str) -> bool:
        """Whether that is its name, blanks aside, or the one column that it is of."""
        own = {_packed(self.name), *map(_packed, self.columns if len(self.columns) == 1 else ())}
        called = _packed(name)
        if self.contrasts:  # a name has no options, as in C(g, Sum)
            called = _OPTIONS.sub(")", called)
        return called in own


@dataclass(frozen=True)
class ModelTerm:
    """A term of a formula, and its columns.

    Attributes
    ----------
    name : str
        Its factors as they were written, joined by colons; "Intercept".
    factors : tuple of TermFactor
        None of the intercept.
    columns : tuple of str
        Names of its columns in the design, those that were left out as aliased among them.
    """

    name: str
    factors: tuple[TermFactor, ...]
    columns: tuple[str, ...]

    @property
    def of(self) -> frozenset[str]:
        """Names of its factors."""
        return frozenset(each.name for each in self.factors)

    def is_within(self, other: ModelTerm) -> bool:
        """Whether the other is an interaction of this one with more: marginal to it, said Nelder.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic, load_spector
        >>> model = BernoulliLogistic.from_formula("grade ~ gpa*psi", load_spector())
        >>> _, gpa, psi, both = model.encoding.model_terms
        >>> gpa.is_within(both), both.is_within(gpa), gpa.is_within(psi)
        (True, False, False)
        """
        return bool(self.factors) and self.of < other.of


class Scoped(NamedTuple):
    """What the coding of a formula says of a term.

    Attributes
    ----------
    factors : tuple of str
        Generated names.
    whole : frozenset of str
        Those that have all their levels somewhere in its columns.
    columns : tuple of str
        Their own names.
    """

    factors: tuple[str, ...]
    whole: frozenset[str]
    columns: tuple[str, ...]


def scoped_of(spec: Any, names: tuple[str, ...]) -> tuple[Scoped, ...]:
    """Which columns, of these names, are of which terms, as formulaic has made them."""
    found, first = [], 0
    for row in spec.structure:
        own = names[first : first + len(row.columns)]
        factors = tuple(each.expr for each in row.term.factors if each.expr != "1")
        whole = {
            each.factor.expr
            for part in row.scoped_terms
            for each in part.factors
            if not each.reduced
        }
        found.append(Scoped(factors, frozenset(whole), own))
        first += len(own)
    return tuple(found)


def model_terms(
    parsed: Parsed, scoped: Sequence[Scoped], levels: Mapping[str, tuple[Any, ...]]
) -> tuple[ModelTerm, ...]:
    """The terms in the order of their columns; `levels` are of categories by generated names."""
    found: list[ModelTerm] = []
    taken: set[str] = set()
    for each in scoped:
        factors = tuple(_factor(parsed, key, each.whole, levels) for key in each.factors)
        name = parsed.original(":".join(each.factors)) or INTERCEPT
        while name in taken:  # a column may be called as a call is written
            name = f"`{name}`"
        taken.add(name)
        found.append(ModelTerm(name, factors, each.columns))
    return tuple(found)


def _factor(
    parsed: Parsed, key: str, whole: frozenset[str], levels: Mapping[str, tuple[Any, ...]]
) -> TermFactor:
    factor = parsed.factors_of.get(key, Category(key, key, ""))
    name, columns = parsed.original(key), parsed.columns_of(key)
    if not isinstance(factor, Category) or factor.column not in levels:
        transform = factor.transform if isinstance(factor, Applied) else None
        return TermFactor(name, columns, centred=transform is not None and transform.centred)
    order = factor.order(levels[factor.column])
    kind = "levels" if key in whole else factor.kind
    base = None if key in whole else factor.base(order)
    return TermFactor(
        name=name,
        columns=columns,
        contrasts=kind,
        levels=tuple(map(str, order)),
        reference=None if base is None else str(base),
    )


def term_called(terms: Sequence[ModelTerm], name: str) -> ModelTerm | None:
    """The term of that name, its factors in any order; None if there is none.

    A factor may also be called by the one column that it is of: ``race`` for ``C(race)``.

    Raises
    ------
    ValueError
        If several terms may be meant.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> from flatprior.models.encoding.formulas.model_terms import term_called
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa*C(psi)", load_spector())
    >>> terms = model.encoding.model_terms
    >>> term_called(terms, "psi:gpa").name, term_called(terms, "tuce")
    ('gpa:C(psi)', None)
    """
    same = [term for term in terms if term.name == name]
    found = same or [term for term in terms if _fits(term.factors, _packed(name))]
    if len(found) > 1:
        called = [printable(term.name) for term in found]
        raise InputError(
            f"{printable(name)!r} stands in the terms {listing(called)}: name the one that is "
            "meant, or several in a list"
        )
    return found[0] if found else None


def _fits(factors: tuple[TermFactor, ...], name: str) -> bool:
    """Whether a name is that of the product of some factors, in any order."""
    if len(factors) < 2:
        return bool(factors) and factors[0].is_called(name)
    heads = (name[:at] for at, sign in enumerate(name) if sign == ":")
    return any(
        each.is_called(head)
        and _fits((*factors[:place], *factors[place + 1 :]), name[len(head) + 1 :])
        for head in heads
        for place, each in enumerate(factors)
    )


def _packed(name: str) -> str:
    """A name as it may be written too: without blanks, with other quotes."""
    return name.replace(" ", "").replace('"', "'")
