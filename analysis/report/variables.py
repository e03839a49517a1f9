"""The variables of a model as its columns have them: levels, numbers, and what is neither."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from flatprior.analysis.report.column_sums import ColumnSums
from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.formulas.model_terms import ModelTerm

# levels, each but one with a column; a column of 0 and 1, of numbers; and what holds no odds ratio
# of one level: products, several columns of one variable, levels without a reference, a constant
Kind = Literal["levels", "pair", "number", "product", "several", "odds", "constant"]
TREATMENT = ("treatment", "last")


@dataclass(frozen=True, kw_only=True)
class Level:
    """A level of a variable, or a column of it.

    Attributes
    ----------
    name : str
    column : int or None
        Its place among the coefficients; None without one.
    n, events : float
        Observations, and those with the event; NaN where the columns do not tell.
    is_reference : bool
        Whether the other levels are compared with it.
    """

    name: str
    column: int | None
    n: float = math.nan
    events: float = math.nan
    is_reference: bool = False


@dataclass(frozen=True, kw_only=True)
class Variable:
    """A term of the formula, or a column of a model from arrays.

    Attributes
    ----------
    name : str
    kind : str
        "levels", "pair" (one column of 0 and 1), "number", "product" (an interaction), "several"
        (columns that go together), "odds" (a column for every level), or "constant".
    levels : tuple of Level
        Of a number and a pair its one column; of a pair the level 0 first.
    crossed : bool
        Whether a product has it too, so that its coefficients hold where the others are 0.
    """

    name: str
    kind: Kind
    levels: tuple[Level, ...]
    crossed: bool = False

    @property
    def has_levels(self) -> bool:
        """Whether each of its observations is at one of its levels."""
        return self.kind in ("levels", "pair", "odds")


def variables_of(model: BernoulliLogistic, sums: ColumnSums) -> tuple[Variable, ...]:
    """The variables in the order of their columns, with the observations of each level.

    Examples
    --------
    >>> from flatprior.analysis.report.column_sums import ColumnSums
    >>> from flatprior.analysis.report.variables import variables_of
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + C(psi)", load_spector())
    >>> _, gpa, psi = variables_of(model, ColumnSums.of(model.rows))
    >>> gpa.kind, [(level.name, level.n, level.events) for level in psi.levels]
    ('number', [('0', 18.0, 3.0), ('1', 14.0, 8.0)])
    """
    places = {name: j for j, name in enumerate(model.names)}
    if model.encoding is None:
        return tuple(_of_column(name, j, sums, ()) for name, j in places.items())
    terms, booleans = model.encoding.model_terms, model.encoding.booleans
    # of a variable that several terms compute with, no coefficient is that of the variable alone
    used = Counter(name for term in terms if len(term.factors) == 1 for name in _of_data(term))
    crossed = {name for term in terms if len(term.factors) > 1 for name in _of_data(term)}
    alone = {name for name, times in used.items() if times == 1}
    return tuple(
        replace(
            _of_term(term, places, sums, booleans, not _of_data(term) <= alone)
            if len(term.factors) == 1
            else _of_columns(term, "product" if term.factors else "constant", places),
            crossed=len(term.factors) == 1 and bool(_of_data(term) & crossed),
        )
        for term in terms
    )


def _of_data(term: ModelTerm) -> frozenset[str]:
    """The columns of the data that a term is of."""
    return frozenset(name for factor in term.factors for name in factor.columns)


def _of_term(
    term: ModelTerm,
    places: Mapping[str, int],
    sums: ColumnSums,
    booleans: Container[str],
    shared: bool,
) -> Variable:
    """The variable of a term of one factor; `shared` with others if they are of its columns too."""
    (factor,) = term.factors
    if factor.contrasts in (*TREATMENT, "levels"):
        return _of_levels(term, places, sums) or _of_columns(term, "several", places)
    if shared or len(term.columns) != 1 or term.columns[0] not in places or factor.contrasts:
        return _of_columns(term, "several", places)
    truth = ("False", "True") if term.name in booleans else ()
    return _of_column(term.name, places[term.columns[0]], sums, truth)


def _of_columns(term: ModelTerm, kind: Kind, places: Mapping[str, int]) -> Variable:
    """Columns that have no level of their own, without those that are left out."""
    there = tuple(Level(name=name, column=places[name]) for name in term.columns if name in places)
    return Variable(name=term.name, kind=kind, levels=there)


def _of_column(name: str, j: int, sums: ColumnSums, labels: Sequence[str]) -> Variable:
    """A number, two levels, or a constant."""
    if sums.least[j] == sums.largest[j]:
        return Variable(name=name, kind="constant", levels=(Level(name=name, column=j),))
    n, events = _observations(sums), float(sums.counts[1])
    if not sums.binary[j]:
        of_all = Level(name=name, column=j, n=n, events=events)
        return Variable(name=name, kind="number", levels=(of_all,))
    none, one = labels or ("0", "1")
    there, with_event = float(sums.totals[:, j].sum()), float(sums.totals[1, j])
    levels = (
        Level(name=none, column=None, n=n - there, events=events - with_event, is_reference=True),
        Level(name=one, column=j, n=there, events=with_event),
    )
    return Variable(name=name, kind="pair", levels=levels)


def _of_levels(term: ModelTerm, places: Mapping[str, int], sums: ColumnSums) -> Variable | None:
    """A category whose columns are indicators of its levels; None where they are not."""
    (factor,) = term.factors
    rest = [level for level in factor.levels if level != factor.reference]
    there = [places[name] for name in term.columns if name in places]
    if len(rest) != len(term.columns) or not sums.binary[there].all():
        return None
    columns = {level: places.get(name) for level, name in zip(rest, term.columns, strict=True)}
    # what has no column, and so no sum, is the rest: of one level alone it is known
    alone = len(factor.levels) - len(there) == 1
    n = _observations(sums) - sums.totals[:, there].sum()
    events = sums.counts[1] - sums.totals[1, there].sum()
    beside = (float(n), float(events)) if alone else (math.nan, math.nan)
    levels = []
    for level in factor.levels:
        j = columns.get(level)
        of = beside if j is None else (float(sums.totals[:, j].sum()), float(sums.totals[1, j]))
        is_reference = level == factor.reference
        levels.append(Level(name=level, column=j, n=of[0], events=of[1], is_reference=is_reference))
    kind: Kind = "odds" if factor.reference is None else "levels"
    return Variable(name=term.name, kind=kind, levels=tuple(levels))


def _observations(sums: ColumnSums) -> float:
    return float(sums.counts.sum())
