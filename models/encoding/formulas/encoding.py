"""From a formula and a data frame to a design matrix, and the same way again for new rows.

formulaic codes categories and keeps interactions of full rank. It would evaluate any Python inside
a formula, so no text of the user's ever reaches it: what it gets are sums of products of generated
names, `Parsed.rewritten`, and beside them what these stand for: columns, and functions of columns
that were checked and computed here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import rows_phrase
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.aliased import Aliased
from flatprior.models.encoding.arrays import Encoded
from flatprior.models.encoding.column_rules import Judged, Uses, check_not_text, judged
from flatprior.models.encoding.columns.checks import check_finite, check_names, column
from flatprior.models.encoding.columns.kinds import are_booleans, floats, is_real, numbers
from flatprior.models.encoding.formulas.arithmetic import SHIFTS, Applied, Values
from flatprior.models.encoding.formulas.by_formulaic import built
from flatprior.models.encoding.formulas.coded import (
    MOST_COLUMNS,
    MOST_CROSSED,
    Coded,
    Coding,
    coding,
)
from flatprior.models.encoding.formulas.contrasts import Category
from flatprior.models.encoding.formulas.learning import learnt, repeats
from flatprior.models.encoding.formulas.model_terms import ModelTerm, model_terms, scoped_of
from flatprior.models.encoding.formulas.parsing import Offset, Parsed
from flatprior.models.encoding.formulas.written_out import WrittenOut, written_out
from flatprior.models.encoding.grouped import (
    check_alone,
    counts_of_columns,
    outcomes_of_counts,
)
from flatprior.models.encoding.response import Outcomes
from flatprior.models.encoding.sampling import Sample, speaking_weights
from flatprior.models.encoding.weights import no_rows_left, positive_weights

LARGEST_DESIGN = 2**30  # numbers in the design matrix
# pandas marks levels as ordered, R then takes polynomial contrasts without being asked
IN_ORDER = (
    "{name}: its levels are in order, which treatment contrasts make no use of; ordered({spelt}) "
    "takes polynomial ones"
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoding:
    """How a formula was turned into columns.

    Attributes
    ----------
    parsed : Parsed
    names : tuple of str
        Names of the design columns.
    reference_levels : dict
        Categorical predictor to its reference level.
    spec : formulaic.ModelSpec, WrittenOut or Coded
        formulaic's record of levels, or what every column is.
    levels : dict
        Generated name of a categorical variable to the levels seen.
    states : dict
        Knots, centres and scales, by the call that learnt them.
    facts : tuple of str
        Sentences on what the formula was taken for.
    aliased : Aliased or None
        Columns that are left out because they are combinations of others; `names` are without them.
    booleans : tuple of str
        Predictors that are true or false, as numbers 1 and 0.
    model_terms : tuple of ModelTerm
        The terms in the order of their columns, those that are left out among them.
    """

    parsed: Parsed
    names: tuple[str, ...]
    reference_levels: dict[str, str]
    spec: Any
    levels: dict[str, tuple[Any, ...]]
    states: dict[str, dict[str, Any]]
    facts: tuple[str, ...] = ()
    aliased: Aliased | None = None
    booleans: tuple[str, ...] = ()
    model_terms: tuple[ModelTerm, ...] = ()

    @property
    def terms(self) -> dict[str, tuple[str, ...]]:
        """Each term to the names of its columns, without those that are left out."""
        known = set(self.names)
        return {
            term.name: tuple(name for name in term.columns if name in known)
            for term in self.model_terms
        }

    def design_matrix(self, frame: pd.DataFrame) -> Array:
        """Encode the rows of `frame` with the levels, knots, centres and scales of the model."""
        design = np.asarray(self._all_columns(frame))
        return design if self.aliased is None else self.aliased.without(design)

    def design_as_held(self, frame: pd.DataFrame) -> Array | Structured:
        """The same of rows of the model, with factors as codes where the model has them so."""
        design = self._all_columns(frame)
        if not isinstance(design, Structured):
            return design if self.aliased is None else self.aliased.without(design)
        return design if self.aliased is None else design.with_columns(self.aliased.kept).plainest

    def new_rows_as_held(self, frame: pd.DataFrame) -> Array | Structured:
        """The same of any rows; NaN in those of which nothing is known, but not in codes."""
        design = self._all_columns(frame)
        if self.aliased is None:
            return design
        if isinstance(design, Structured):
            return self.aliased.without_as_held(design)
        return self.aliased.without(design)

    def _all_columns(self, frame: pd.DataFrame) -> Array | Structured:
        _check_complete(frame, self.parsed.predictors)
        for name in self.booleans:
            _check_truth(column(frame, name))
        table = self.parsed.table(frame, self.levels)
        values = _values(self.parsed, table, self.states)
        if isinstance(self.spec, Coded | WrittenOut):
            return self.spec.design(table, self.parsed, values, whole=False)
        return _matrix(self.spec, table, self.parsed, values, whole=False)[0]

    @property
    def levels_in_order(self) -> dict[str, tuple[str, ...]]:
        """Column to its levels as text, in the order of its contrasts; not of two orders."""
        found: dict[str, set[tuple[str, ...]]] = {}
        categories = [f for f in self.parsed.factors_of.values() if isinstance(f, Category)]
        ordered = [(each.column, each.order(self.levels[each.column])) for each in categories]
        plain = [(key, known) for key, known in self.levels.items() if key.startswith("_plain_")]
        for key, known in (*ordered, *plain):
            found.setdefault(self.parsed.generated[key], set()).add(tuple(map(str, known)))
        return {name: orders.pop() for name, orders in found.items() if len(orders) == 1}

    def offset(self, frame: pd.DataFrame) -> Array:
        """The offset (n,) that stands in the formula, which has one."""
        assert self.parsed.offset is not None  # noqa: S101
        _check_complete(frame, tuple(self.parsed.offset.uses.columns))
        return _offset(self.parsed, self.parsed.offset, frame, self.states, whole=False)


def _check_complete(frame: pd.DataFrame, names: tuple[str, ...]) -> None:
    for name in names:
        missing = column(frame, name).isna().to_numpy()
        if missing.any():
            raise InputError(
                f"column {name!r} is missing in {rows_phrase(frame.index[missing])}; impute "
                f"it, or leave such rows out: data.dropna(subset={list(names)!r})"
            )


def _check_truth(series: pd.Series[Any]) -> None:
    """Raise a `ValueError` if numbers cannot be of a column that was true or false."""
    if is_real(series):
        values = floats(series)
        odd = ~((values >= 0) & (values <= 1))
        if odd.any():
            raise InputError(
                f"column {series.name!r} was true or false in the rows of the model, and is "
                f"{values[odd][0]:g} in {rows_phrase(series.index[odd])}; 1 is true there, and 0 "
                "false"
            )


def encode(
    parsed: Parsed,
    frame: pd.DataFrame,
    offset: pd.Series[Any] | None,
    weights: pd.Series[Any] | None,
    missing: Literal["drop", "raise"],
    event: Any = None,
    trials: pd.Series[Any] | None = None,
    sample: Sample | None = None,
    n_rows: int | None = None,
    whole: bool = True,
) -> tuple[Encoded, Encoding]:
    """Apply a formula to `frame`, some of `n_rows` or the `whole`, and say how columns came of it.

    A row is incomplete if any value that the model uses is missing, offset and weight included.
    Rows of weight 0 go before levels are taken from the data; for knots, centres and scales see
    `learning`.
    """
    left = parsed.left
    check_one_offset(parsed, offset is not None)
    check_alone(left, trials, weights, event, sample)
    used = [frame[name] for name in (*left.columns, *parsed.columns)]
    beside = {} if sample is None else sample.columns(frame.index, frame)
    used += [s for s in (offset, weights, trials, *beside.values()) if s is not None]
    keep = np.logical_and.reduce([series.notna().to_numpy() for series in used])
    n_dropped = int(np.count_nonzero(~keep))
    if n_dropped and missing == "raise":
        name = next(series.name for series in used if series.isna().any())
        raise InputError(
            f"values are missing in {rows_phrase(frame.index[~keep])} "
            f'(column {str(name)!r} first); complete them, or pass missing="drop"'
        )
    numeric = [frame[name] for name in left.columns] if left.grouped or trials is not None else []
    for series in (weights, trials, beside.get("sampling_weights"), *numeric):
        if series is not None:
            check_not_text(series)
    n_zero, weight_values, counts, complete = 0, None, None, keep.copy()
    if weights is not None:
        weight_values, keep, n_zero = positive_weights(weights, keep)
    elif left.grouped or trials is not None:
        counts = counts_of_columns(left, frame[keep], None if trials is None else trials[keep])
        some = counts.some
        n_zero, counts, keep[keep] = int(np.count_nonzero(~some)), counts.select(some), some
    if sample is not None:
        weight_values, keep, n_zero = positive_weights(
            beside["sampling_weights"], keep, partial(speaking_weights, whole=whole)
        )
    if not keep.any():
        weightless = "weight 0" if counts is None else "no trials"
        raise no_rows_left(len(frame), n_dropped, n_zero, weightless)
    if isinstance(event, Outcomes):  # of batches, whose columns were held against the rules
        rules = Judged(event, (), ())
    else:
        response_of = [] if counts is not None else [left.events]
        rules = _rules(parsed, frame, keep, event, response_of, [offset, weights, trials])
    kept = frame if keep.all() else frame[keep]
    states, learning = learnt(parsed, frame, repeats(len(frame), keep, complete, weights), keep)
    offset_values = None if offset is None else numbers(offset[keep], whole)
    if parsed.offset is not None:
        offset_values = _offset(parsed, parsed.offset, kept, states, whole)
    if counts is None:
        assert rules.outcomes is not None  # noqa: S101
        outcomes = rules.outcomes
        response = outcomes.of(kept[left.events])
    else:
        named = "" if trials is None else str(trials.name)
        response, outcomes = np.zeros(len(kept)), outcomes_of_counts(left, named)
    table = parsed.table(kept, whole=whole)
    values = _values(parsed, table, states)
    codes = coding(parsed, table, values, n_rows)
    layout = None if codes is None else codes.laid_out(parsed)
    if layout is not None and layout.is_written_out:
        codes = layout = None
    levels = _levels(parsed, table, LARGEST_DESIGN if codes is None else MOST_COLUMNS * len(table))
    _check_size(parsed, table, values, codes)
    ours: Coded | WrittenOut | None = layout or written_out(parsed, table, values)
    design: Array | Structured
    if ours is None:
        design, spec = _matrix(_right_hand_side(parsed.rewritten), table, parsed, values, whole)
        names = tuple(parsed.original(str(name)) for name in spec.column_names)
        marked, scoped = _marked(spec, parsed, levels), scoped_of(spec, names)
    else:
        spec, names, marked, scoped = ours, ours.names, ours.marked, ours.scoped
        design = ours.design(table, parsed, values, whole)
    if not names:  # a formula without a single column
        raise InputError("the model has no coefficient: add a column or an intercept")
    check_names(names)
    encoded = Encoded(
        design=design,
        response=response,
        offset=offset_values,
        weights=weight_values,
        labels=kept.index,
        names=names,
        response_name=parsed.response,
        outcomes=outcomes,
        n_dropped=n_dropped,
        n_zero_weight=n_zero,
        sampling=None if sample is None else sample.design(beside, complete, keep),
        facts=rules.facts,
        remarks=rules.remarks,
    )
    if counts is not None:
        encoded = encoded.of_groups(counts)
    references, facts = _said(marked, parsed, levels, _in_order(parsed, kept))
    return encoded, Encoding(
        parsed=parsed,
        names=names,
        reference_levels=references,
        spec=spec,
        levels=levels,
        states=states,
        facts=(*facts, *learning),
        booleans=tuple(name for name in parsed.predictors if are_booleans(kept[name])),
        model_terms=model_terms(parsed, scoped, levels),
    )


def _rules(
    parsed: Parsed,
    frame: pd.DataFrame,
    keep: NDArray[np.bool_],
    event: Any,
    response: list[str],
    beside: list[pd.Series[Any] | None],
) -> Judged:
    """Hold the columns against the rules, which also say what counts as 1."""
    left = parsed.left
    numeric = [] if response else list(left.columns)
    # an array beside the formula may have the name of a column
    numeric += [
        str(series.name)
        for series in beside
        if series is not None and series.name in frame and series.equals(frame[series.name])
    ]
    uses = Uses.of(parsed.generated, "".join(response), numeric)
    names = dict.fromkeys((*left.columns, *parsed.columns, *numeric))
    columns = {name: uses.summary(frame[name], keep) for name in names}
    values: Any = ()
    if response and (neither := columns[left.events].neither) and neither.rows:
        values = np.unique(floats(frame.loc[keep, left.events])).tolist()
    return judged(columns, uses, values, event)


def check_one_offset(parsed: Parsed, beside: bool) -> None:
    """Raise a `ValueError` if there is an offset in the formula and another beside it."""
    if parsed.offset is not None and beside:
        raise InputError(
            f"the formula has an offset, {parsed.offset.name!r}, and another stands beside it; put "
            "both in the formula: offset(a) + offset(b)"
        )


def _offset(
    parsed: Parsed,
    offset: Offset,
    frame: pd.DataFrame,
    states: dict[str, dict[str, Any]],
    whole: bool,
) -> Array:
    """The offset (n,) of a formula, computed from complete rows, the `whole` data or not."""
    table = parsed.table(frame, uses=offset.uses, whole=whole)
    with np.errstate(all="ignore"):
        values = Values(table, states, offset.uses.generated).all_rows(offset.expression)
    check_finite(values[:, None], (f"offset({offset.name})",), frame.index, whole, "no numbers")
    return values


def _right_hand_side(rewritten: str) -> Any:
    """Let formulaic read a rewritten right-hand side."""
    from formulaic import Formula

    return Formula(rewritten)


def _values(
    parsed: Parsed, table: pd.DataFrame, states: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """The numbers of each call, by its generated name, computed from complete rows."""
    values = Values(table, states, parsed.uses.generated)
    with np.errstate(all="ignore"):  # of log(-1) and the like is said later, by column and row
        return {
            key: _numbers(factor, values)
            for key, factor in parsed.factors_of.items()
            if not isinstance(factor, Category)
        }


def _matrix(
    what: Any, table: pd.DataFrame, parsed: Parsed, values: dict[str, Any], whole: bool = True
) -> tuple[Array, Any]:
    """Let formulaic build the design of `what` (formula or spec) from complete rows; and its spec.

    They are the `whole` data, or new or part of them.
    """
    from formulaic.materializers.types import FactorValues

    context = {
        key: found if isinstance(found, FactorValues) else FactorValues(found, kind="numerical")
        for key, found in values.items()
    }
    for key, factor in parsed.factors_of.items():
        if isinstance(factor, Category):
            context[key] = _categories(factor, table)
    with np.errstate(all="ignore"):
        made = built(what, table, context)
    spec = made.model_spec
    columns = made.to_numpy(dtype=float)
    names = tuple(parsed.original(str(name)) for name in spec.column_names)
    check_finite(columns, names, table.index, whole, "no numbers")
    return columns, spec


def _check_size(
    parsed: Parsed, table: pd.DataFrame, values: dict[str, Any], codes: Coding | None
) -> None:
    """Raise a `ValueError` if terms have more categories, or more columns, than can be coded."""
    categories, sizes = set(), {}
    for key in {key for term in parsed.terms for key in term}:
        factor = parsed.factors_of.get(key)
        if key in values:
            sizes[key] = len(values[key]) if isinstance(values[key], dict) else 1
            continue
        series = table[factor.column if isinstance(factor, Category) else key]
        sizes[key] = 1
        if isinstance(series.dtype, pd.CategoricalDtype):
            categories.add(key)
            sizes[key] = len(series.cat.categories)
    for term in parsed.terms:
        crossed = len(categories & set(term))
        if crossed > MOST_CROSSED:
            raise InputError(
                f"the term {parsed.original(':'.join(term))!r} crosses {crossed} categories; at "
                f"most {MOST_CROSSED} are"
            )
    columns = sum(math.prod(sizes[key] for key in term) for term in parsed.terms)
    held = columns if codes is None else codes.n_numbers
    if columns > MOST_COLUMNS or held * len(table) > LARGEST_DESIGN:
        raise InputError(
            f"the formula has some {columns} columns in {len(table)} rows, too many for a "
            "design matrix; leave out interactions, or merge levels"
        )


def _categories(factor: Category, table: pd.DataFrame) -> Any:
    """What formulaic is given for categories with their contrasts."""
    from formulaic.transforms import C

    series = table[factor.column]
    order = factor.order(series.cat.categories.tolist())
    return C(series.cat.reorder_categories(order), factor.contrasts(order))


def _numbers(factor: Any, values: Values) -> Any:
    """The numbers (n,) of a call, or its columns as formulaic names them."""
    from formulaic.materializers.types import FactorValues

    if (
        isinstance(factor, Applied)
        and factor.transform is not None
        and factor.function not in SHIFTS
    ):
        columns = values.columns(factor)
        if isinstance(columns, FactorValues):
            return columns
        return FactorValues(columns, kind="numerical", format="{name}[{field}]")
    return values.all_rows(factor)


def _levels(parsed: Parsed, table: pd.DataFrame, most: int) -> dict[str, tuple[Any, ...]]:
    """Levels of each categorical column; a single one, or far too many, is an error."""
    levels: dict[str, tuple[Any, ...]] = {}
    for key in table.columns:
        if not isinstance(table[key].dtype, pd.CategoricalDtype):
            continue
        known = tuple(table[key].cat.categories.tolist())
        if key.startswith("_text_"):
            levels[key] = known
            continue
        name = parsed.uses.generated[key]
        if len(known) == 1:
            raise InputError(f"column {name!r} has one level only, {str(known[0])!r}; leave it out")
        if len(known) * len(table) > most:
            raise InputError(
                f"column {name!r} has {len(known)} levels in {len(table)} rows, too many for a "
                "design matrix; merge levels, or use the column as a number"
            )
        levels[key] = known
    return levels


def _categories_of(parsed: Parsed) -> dict[str, Category]:
    """The categories that a formula may have, by generated name."""
    return {
        **{key: Category(key, name, "") for key, name in parsed.uses.generated.items()},
        **{key: each for key, each in parsed.factors_of.items() if isinstance(each, Category)},
    }


def _marked(spec: Any, parsed: Parsed, levels: dict[str, tuple[Any, ...]]) -> dict[str, int]:
    """Categories to the first column of a contrast of their levels, as formulaic marks it."""
    columns = [str(name) for name in spec.column_names]
    places = {
        key: next((j for j, name in enumerate(columns) if f"{key}{each.tag}" in name), None)
        for key, each in _categories_of(parsed).items()
        if each.column in levels
    }
    return {key: place for key, place in places.items() if place is not None}


def _in_order(parsed: Parsed, frame: pd.DataFrame) -> frozenset[str]:
    """The columns, by generated name, whose levels are said to have an order."""
    generated = parsed.uses.generated.items()
    return frozenset(key for key, name in generated if getattr(frame[name].dtype, "ordered", False))


def _said(
    marked: dict[str, int],
    parsed: Parsed,
    levels: dict[str, tuple[Any, ...]],
    in_order: frozenset[str],
) -> tuple[dict[str, str], tuple[str, ...]]:
    """Reference levels of the categorical predictors that have one, and facts on the others."""
    categories = _categories_of(parsed)
    references: dict[str, str] = {}
    facts = [parsed.stands_for] if parsed.stands_for else []
    for key in sorted(marked, key=lambda key: marked[key]):
        each = categories[key]
        known = each.order(levels[each.column])
        if each.meaning(known):
            facts.append(f"{each.name}: {each.meaning(known)}")
        else:
            references.setdefault(each.name, str(each.base(known)))
            if each.column in in_order:
                name = parsed.uses.generated[each.column]
                spelt = name if name.isidentifier() else f"`{name}`"
                facts.append(IN_ORDER.format(name=name, spelt=spelt))
            if each.note(known):
                facts.append(f"{each.name}: {each.note(known)}")
    facts += [said for key, said in parsed.remarks if key not in levels]
    return references, tuple(dict.fromkeys(facts))
