"""From which rows the functions of a formula learn: knots, centres, scales, polynomials.

They see what R's ``model.frame`` shows them: every row in which their own column has a value, those
too that are left out because another value is missing, the response above all. ``poly``, which R
refuses where its column has missing values, learns from the rows that have one. A row of frequency
weight w is w rows, and one of weight 0, or without trials, is none; a row of counts of successes
and failures is one row, as in R, and sampling weights play no part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.text import count, printable
from flatprior.models.encoding.columns.checks import column
from flatprior.models.encoding.columns.kinds import floats, is_real
from flatprior.models.encoding.formulas.arithmetic import Applied, Values, pieces
from flatprior.models.encoding.formulas.parsing import Parsed
from flatprior.models.encoding.formulas.syntax import Name
from flatprior.models.encoding.formulas.transforms import Seen, Transform
from flatprior.models.encoding.formulas.uses import Uses


def repeats(
    n_rows: int,
    keep: NDArray[np.bool_],
    complete: NDArray[np.bool_],
    frequencies: pd.Series[Any] | None,
) -> Array:
    """How many rows each row (n,) is for what learns from them.

    Of the `complete` rows, those not to `keep` have weight 0 or no trials.
    """
    if frequencies is None:
        return np.where(complete & ~keep, 0.0, 1.0)
    counts = np.zeros(n_rows)
    known = frequencies.notna().to_numpy()
    if is_real(frequencies[known]):  # of rows that are left out nothing has been checked
        counts[known] = floats(frequencies[known])
    return np.where(np.isfinite(counts) & (counts > 0) & (counts == np.floor(counts)), counts, 0.0)


def learnt(
    parsed: Parsed, frame: pd.DataFrame, counts: Array, keep: NDArray[np.bool_]
) -> tuple[dict[str, dict[str, Any]], tuple[str, ...]]:
    """What the transforms of a formula learn from rows, each of which is `counts` (n,) rows.

    Returns
    -------
    states : dict
        By the key of each.
    facts : tuple of str
        What is to be said of those that learnt from rows that are not among those to `keep` (n,).
    """
    states: dict[str, dict[str, Any]] = {}
    facts = []
    for node, transform, uses in _transforms(parsed):
        if node.key in states:
            continue
        names = [each.text for each in pieces(node.argument) if isinstance(each, Name)]
        rows = counts > 0
        for name in dict.fromkeys(uses.generated[key] for key in names):
            rows = rows & _present(column(frame, name))
        own = uses.only(names)
        table = parsed.table(frame[rows], uses=own)
        with np.errstate(all="ignore"):
            values = Values(table, dict(states), own.generated).all_rows(node.argument)
        finite = np.isfinite(values)
        if finite.any():
            seen = Seen.of(values[finite], counts[rows][finite])
            with np.errstate(all="ignore"):  # a scale of 0 is found in the columns
                states[node.key] = transform.learn(seen)
        beside = int(np.count_nonzero(finite & ~keep[rows]))
        if beside and transform.needs_all_rows:
            rows_seen = count(int(np.count_nonzero(finite)), "row")
            facts.append(
                f"{printable(transform.call)}: learnt from {rows_seen}, of which {beside} "
                f"{'is' if beside == 1 else 'are'} left out"
            )
    return states, tuple(facts)


def _transforms(parsed: Parsed) -> Iterator[tuple[Applied, Transform, Uses]]:
    """The functions that learn, those inside of others first, and the columns of each."""
    every = [(factor, parsed.uses) for factor in parsed.factors_of.values()]
    if parsed.offset is not None:
        every.append((parsed.offset.expression, parsed.offset.uses))
    for expression, uses in every:
        for node in reversed(list(pieces(expression))):
            if isinstance(node, Applied) and node.transform is not None:
                yield node, node.transform, uses


def _present(series: pd.Series[Any]) -> NDArray[np.bool_]:
    """Whether each row has a value, of numbers a finite one."""
    there = np.array(series.notna().to_numpy(), dtype=bool)
    if is_real(series):
        there[there] = np.isfinite(floats(series[there]))
    return there
