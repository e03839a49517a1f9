"""From a formula and a data frame to a design matrix, and the same way again for new rows.

formulaic does the encoding. It would evaluate any Python inside a formula, so no text of the user's
ever reaches it: every token is held against an allow-list (column names, numbers, the operators of
Wilkinson notation, the functions in `OPTIONS`), and what formulaic gets is a formula written anew
from the checked parts, in which the columns have generated names.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import rows_phrase, shorten
from flatprior.models.encoding.arrays import Encoded
from flatprior.models.encoding.columns.checks import check_finite, check_names, column
from flatprior.models.encoding.columns.kinds import numbers
from flatprior.models.encoding.formulas.parsing import MOST_TERMS, Parsed, one_line, parse
from flatprior.models.encoding.grouped import (
    check_alone,
    counts_of_columns,
    outcomes_of_counts,
)
from flatprior.models.encoding.response import encode_response
from flatprior.models.encoding.weights import positive_weights

PARSES = 5  # of one formula, where threads get into one another's way
LARGEST_DESIGN = 2**30  # numbers in the design matrix


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
    spec : formulaic.ModelSpec
        formulaic's record of levels, knots, centres and scales.
    levels : dict
        Generated name of a categorical variable to the levels seen.
    """

    parsed: Parsed
    names: tuple[str, ...]
    reference_levels: dict[str, str]
    spec: Any
    levels: dict[str, tuple[Any, ...]]

    def design_matrix(self, frame: pd.DataFrame) -> Array:
        """Encode the rows of `frame` with the levels, knots, centres and scales of the model."""
        for name in self.parsed.columns:
            missing = column(frame, name).isna().to_numpy()
            if missing.any():
                raise InputError(
                    f"column {name!r} is missing in {rows_phrase(frame.index[missing])}; impute "
                    f"it, or leave such rows out: data.dropna(subset={list(self.parsed.columns)!r})"
                )
        return _matrix(self.spec, self.parsed.table(frame, self.levels), self.parsed, False)[0]


def encode(
    formula: str,
    frame: pd.DataFrame,
    offset: pd.Series[Any] | None,
    weights: pd.Series[Any] | None,
    missing: Literal["drop", "raise"],
    event: Any = None,
    trials: pd.Series[Any] | None = None,
) -> tuple[Encoded, Encoding]:
    """Apply `formula` to `frame`, and say how it was turned into columns.

    A row is incomplete if any value that the model uses is missing, offset and weight included.
    Rows of weight 0 go before levels, centres and knots are taken from the data.
    """
    parsed = parse(formula, frame)
    left = parsed.left
    check_alone(left, trials, weights, event)
    used = [frame[name] for name in (*left.columns, *parsed.columns)]
    used += [series for series in (offset, weights, trials) if series is not None]
    keep = np.logical_and.reduce([series.notna().to_numpy() for series in used])
    n_dropped = int(np.count_nonzero(~keep))
    if n_dropped and missing == "raise":
        name = next(series.name for series in used if series.isna().any())
        raise InputError(
            f"values are missing in {rows_phrase(frame.index[~keep])} "
            f'(column {str(name)!r} first); complete them, or pass missing="drop"'
        )
    n_zero, weight_values, counts = 0, None, None
    if weights is not None:
        weight_values, keep, n_zero = positive_weights(weights, keep)
    elif left.grouped or trials is not None:
        counts = counts_of_columns(left, frame[keep], None if trials is None else trials[keep])
        some = counts.some
        n_zero, counts, keep[keep] = int(np.count_nonzero(~some)), counts.select(some), some
    if not keep.any():
        raise InputError(
            f"no rows are left of {len(frame)}: {n_dropped} have a missing value"
            + (f", {n_zero} have {'weight 0' if counts is None else 'no trials'}" if n_zero else "")
        )
    kept = frame[keep]
    offset_values = None if offset is None else numbers(offset[keep])
    if counts is None:
        response, outcomes = encode_response(kept[left.events], left.name, event)
    else:
        named = "" if trials is None else str(trials.name)
        response, outcomes = np.zeros(len(kept)), outcomes_of_counts(left, named)
    table = parsed.table(kept)
    levels = _levels(parsed, table)
    design, spec = _matrix(_right_hand_side(parsed, formula), table, parsed)
    names = _names(spec, parsed)
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
    )
    if counts is not None:
        encoded = encoded.of_groups(counts)
    return encoded, Encoding(
        parsed=parsed,
        names=names,
        reference_levels=_references(spec, parsed),
        spec=spec,
        levels=levels,
    )


def _right_hand_side(parsed: Parsed, formula: str) -> Any:
    """Let formulaic parse the rewritten right-hand side."""
    from formulaic import Formula, SimpleFormula
    from formulaic.errors import FormulaicError

    try:
        right = Formula(parsed.rewritten)
    except FormulaicError as error:
        raise InputError(
            f"the formula {shorten(formula)} is not usable: {parsed.original(one_line(error))}"
        ) from error
    if not isinstance(right, SimpleFormula):
        raise InputError(
            f"the formula {shorten(formula)} has several right-hand parts separated by '|'; "
            "a logistic regression has one"
        )
    if len(right) > MOST_TERMS:
        raise InputError(f"the formula has {len(right)} terms; at most {MOST_TERMS} are used")
    return right


def _matrix(
    what: Any, table: pd.DataFrame, parsed: Parsed, whole: bool = True
) -> tuple[Array, Any]:
    """Let formulaic build the design of `what` (formula or spec) from complete rows.

    They are the `whole` data, or new or part of them.
    """
    from formulaic.errors import DataMismatchWarning

    if not table.shape[1]:  # "y ~ 1": the rows are all that is left to count
        table = pd.DataFrame({"_rows_": np.ones(len(table))}, index=table.index)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataMismatchWarning)
        # log(-1) and the like are reported below, by column and row, not as a NumPy warning
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            built = _built(what, table)
        # formulaic evaluates checked functions of the user's numbers: whatever goes wrong there is
        # a matter of the input (a knot out of bounds, a degree too high, a level that is none)
        except (Exception, Warning) as error:
            raise InputError(
                f"the formula cannot be applied to the data: {parsed.original(one_line(error))}"
            ) from error
    spec = built.model_spec
    design = built.to_numpy(dtype=float)
    if design.shape[0] != len(table) or not design.shape[1]:  # a formula without a single column
        raise InputError("the model has no coefficient: add a column or an intercept")
    names = tuple(parsed.original(str(name)) for name in spec.column_names)
    check_finite(design, names, table.index, whole, "no numbers")
    return design, spec


def _built(what: Any, table: pd.DataFrame) -> Any:
    """What formulaic makes of the table, in any number of threads.

    CPython 3.11 counts how deep a syntax tree is for all threads together: where several parse at
    once it may find the count wrong, and raise a SystemError. To parse again is all that is needed.
    """
    for attempt in range(PARSES):
        try:
            return what.get_model_matrix(
                table, context={"sqrt": np.sqrt}, na_action="ignore", output="pandas"
            )
        except SystemError:
            if attempt == PARSES - 1:
                raise
    raise AssertionError


def _levels(parsed: Parsed, table: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """Levels of each categorical column; a single one, or far too many, is an error."""
    levels: dict[str, tuple[Any, ...]] = {}
    for key in table.columns:
        if not isinstance(table[key].dtype, pd.CategoricalDtype):
            continue
        known = tuple(table[key].cat.categories)
        name = parsed.generated[key]
        if len(known) == 1:
            raise InputError(f"column {name!r} has one level only, {str(known[0])!r}; leave it out")
        if len(known) * len(table) > LARGEST_DESIGN:
            raise InputError(
                f"column {name!r} has {len(known)} levels in {len(table)} rows, too many for a "
                "design matrix; merge levels, or use the column as a number"
            )
        levels[key] = known
    return levels


def _names(spec: Any, parsed: Parsed) -> tuple[str, ...]:
    """Names of the design columns; ``C(x, ...)`` is written ``C(x)``, its options left out."""
    long_and_short = {
        str(factor): f"C({key})"
        for factor in spec.factor_contrasts
        for key in parsed.generated
        if str(factor).startswith(f"C({key}")
    }
    names = []
    for name in map(str, spec.column_names):
        for long, short in long_and_short.items():
            name = name.replace(long, short)
        names.append(parsed.original(name))
    return tuple(names)


def _references(spec: Any, parsed: Parsed) -> dict[str, str]:
    """Reference level of each categorical predictor whose coding has one, in column order."""
    columns = [str(name) for name in spec.column_names]
    references: dict[str, str] = {}
    found = []
    for factor, state in spec.factor_contrasts.items():
        # formulaic collects factors in a set, whose order changes from process to process
        place = next((j for j, name in enumerate(columns) if f"{factor}[T." in name), None)
        if place is not None:
            found.append((place, str(factor), state))
    for _, source, state in sorted(found, key=lambda each: each[:2]):
        # formulaic leaves `base` unset where nobody chose one, which means the first level
        base = getattr(state.contrasts, "base", None)
        known = list(state.levels)
        name = next(name for key, name in parsed.generated.items() if key in source)
        references.setdefault(name, str(base if base in known else known[0]))
    return references
