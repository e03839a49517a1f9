"""One pass over rows that come in batches: all that must be known before the first can be encoded.

Levels of categories, the coding of the response, how many rows are complete, and a random sample of
them. A survey of one batch is a value; surveys of two batches merge into that of both, in whatever
order, so files are surveyed one batch after the other and a cluster's partitions side by side.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from flatprior.models import formula as _formula
from flatprior.models._text import rows_phrase
from flatprior.models.formula import Encoding, Parsed
from flatprior.models.inputs import (
    column,
    describe_dtype,
    encode_response,
    is_real,
    numbers,
    predictor,
    whole_weights,
)
from flatprior.models.rows import ArrayRows, Block

SAMPLE_ROWS, SAMPLE_NUMBERS = 2**16, 2**22
MOST_LEVELS = 10_000

# functions of a formula that look at all rows at once before they encode the first
_NEEDS_ALL_ROWS = re.compile(r"\b(center|scale|poly|bs)\(")


@dataclass(frozen=True, eq=False)
class Roles:
    """Which columns a model uses, and for what.

    Attributes
    ----------
    formula : str
    parsed : Parsed
    offset, weights : str or None
        Names of columns.
    missing : {"drop", "raise"}
    """

    formula: str
    parsed: Parsed
    offset: str | None
    weights: str | None
    missing: Literal["drop", "raise"]

    @classmethod
    def read(
        cls,
        formula: str,
        frame: pd.DataFrame,
        offset: str | None,
        weights: str | None,
        missing: Literal["drop", "raise"],
    ) -> Roles:
        """Check the formula against the columns of `frame`, whose rows are not looked at."""
        if missing not in ("drop", "raise"):
            raise ValueError(f'missing must be "drop" or "raise", not {missing!r}')
        parsed = _formula.parse(formula, frame)
        for role, name in (("offset", offset), ("frequency_weights", weights)):
            if name is not None and not isinstance(name, str):
                raise TypeError(f"{role} must name a column where rows are read in batches")
            if name is not None:
                column(frame, name)
        found = _NEEDS_ALL_ROWS.search(parsed.rewritten)
        if found:
            raise ValueError(
                f"{found[1]}() in the formula needs all rows at once, and these are read in "
                "batches; write the numbers out, as in I((x - 1.5) / 2) or x + I(x**2), or load "
                "the data with from_formula"
            )
        return cls(formula, parsed, offset, weights, missing)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the model uses, once."""
        names = (self.parsed.response, *self.parsed.columns, self.offset, self.weights)
        return tuple(dict.fromkeys(name for name in names if name is not None))

    @property
    def factors(self) -> frozenset[str]:
        """Columns that the formula takes for categories whatever they hold."""
        generated = self.parsed.generated.items()
        return frozenset(name for key, name in generated if key.startswith("_factor_"))

    def complete(self, frame: pd.DataFrame) -> tuple[pd.DataFrame, int, int]:
        """The rows that count, how many have a missing value, and how many weigh nothing."""
        frame = frame[list(self.columns)]
        keep: NDArray[np.bool_] = np.asarray(frame.notna().to_numpy().all(axis=1))
        dropped = int(np.count_nonzero(~keep))
        if dropped and self.missing == "raise":
            first = frame[~keep].iloc[0]
            raise ValueError(
                f"values are missing, first in {rows_phrase([first.name])} "
                f"(column {first.index[first.isna()][0]!r}); complete them, or pass "
                'missing="drop"'
            )
        zero = 0
        if self.weights is not None:
            weights = whole_weights(frame[self.weights][keep])
            zero = int(np.count_nonzero(weights == 0))
            keep[keep] = weights > 0
        return (frame if keep.all() else frame.loc[keep]), dropped, zero


@dataclass(frozen=True, eq=False)
class Survey:
    """What is known of some batches.

    Attributes
    ----------
    n_read, n_dropped, n_zero_weight, n_rows : int
        Rows in all; with a missing value; of weight 0; that are left.
    n_observations : float
        Sum of the weights of the rows that are left.
    outcomes : dict
        Value of the response to the observations that have it.
    levels : dict
        Column to the levels that were seen, in the order in which they came; None for numbers.
    orders : dict
        Column of categories to all of these, seen or not, in their own order.
    witnesses : DataFrame
        One row for each level of each column.
    sample : DataFrame
        Rows drawn at random, with the number that drew each in column 0.
    digests : tuple of bytes
        Hashes of the batches.
    """

    n_read: int
    n_dropped: int
    n_zero_weight: int
    n_rows: int
    n_observations: float
    outcomes: dict[Any, float]
    levels: dict[str, tuple[Any, ...] | None]
    orders: dict[str, tuple[Any, ...]]
    witnesses: pd.DataFrame
    sample: pd.DataFrame
    digests: tuple[bytes, ...]

    def merge(self, other: Survey) -> Survey:
        """The survey of both."""
        levels = dict(self.levels)
        for name, found in other.levels.items():
            if name not in levels:
                levels[name] = found
            elif (found is None) != (levels[name] is None):
                raise ValueError(
                    f"column {name!r} holds numbers in some batches of rows and text in others; "
                    "correct it, or convert all of it"
                )
            elif found is not None:
                levels[name] = tuple(dict.fromkeys((*(levels[name] or ()), *found)))
                _check_number(name, levels[name])
        orders = dict(self.orders)
        for name, order in other.orders.items():
            orders[name] = tuple(dict.fromkeys((*orders.get(name, ()), *order)))
        outcomes = dict(self.outcomes)
        for value, observations in other.outcomes.items():
            outcomes[value] = outcomes.get(value, 0) + observations
        sample = pd.concat(
            [part for part in (self.sample, other.sample) if len(part)] or [self.sample]
        )
        size = _sample_size(self.sample.shape[1])
        if len(sample) > size:
            drawn = sample["drawn"].to_numpy()
            sample = sample[drawn <= np.partition(drawn, size - 1)[size - 1]]
        witnesses = [part for part in (self.witnesses, other.witnesses) if len(part)]
        return Survey(
            self.n_read + other.n_read,
            self.n_dropped + other.n_dropped,
            self.n_zero_weight + other.n_zero_weight,
            self.n_rows + other.n_rows,
            self.n_observations + other.n_observations,
            outcomes,
            levels,
            orders,
            _one_a_level(pd.concat(witnesses) if witnesses else self.witnesses, levels),
            sample,
            self.digests + other.digests,
        )


def _sample_size(n_columns: int) -> int:
    return min(SAMPLE_ROWS, SAMPLE_NUMBERS // max(n_columns, 1))


def _check_number(name: str, levels: tuple[Any, ...] | None) -> None:
    if levels is not None and len(levels) > MOST_LEVELS:
        raise ValueError(
            f"column {name!r} has more than {MOST_LEVELS} levels, too many for a design matrix; "
            "merge levels, or use the column as a number"
        )


def _one_a_level(frame: pd.DataFrame, levels: dict[str, tuple[Any, ...] | None]) -> pd.DataFrame:
    """As few of the rows as show every level of every column: the first of each."""
    first = [~frame[name].duplicated() for name, known in levels.items() if known is not None]
    if not first:
        return frame.iloc[:0]
    return frame[np.logical_or.reduce(first)]


def survey(frame: pd.DataFrame, roles: Roles, number: int) -> Survey:
    """Survey one batch; `number` is its place, which seeds the draw of its rows."""
    rows, dropped, zero = roles.complete(frame)
    plain = rows.astype({n: object for n in rows if isinstance(rows[n].dtype, pd.CategoricalDtype)})
    levels: dict[str, tuple[Any, ...] | None] = {}
    orders: dict[str, tuple[Any, ...]] = {}
    response = roles.parsed.response
    for name in (response, *roles.parsed.columns) if len(rows) else ():
        series = rows[name]
        if isinstance(series.dtype, pd.CategoricalDtype):
            orders[name] = tuple(series.cat.categories)
            levels[name] = tuple(series.cat.remove_unused_categories().cat.categories)
        elif not is_real(series) or name in roles.factors:
            levels[name] = tuple(pd.factorize(series)[1].astype(object))
            if not is_real(series) and not all(isinstance(v, str) for v in levels[name] or ()):
                raise ValueError(
                    f"column {name!r} holds {describe_dtype(series)}; it must hold numbers, text "
                    "or categories"
                )
        else:
            levels[name] = None
        if name != response:
            _check_number(name, levels[name])
    weights = None if roles.weights is None else whole_weights(rows[roles.weights])
    outcomes: dict[Any, float] = {}
    if len(rows):
        codes, values = pd.factorize(plain[response])
        if len(values) > 2:
            encode_response(rows[response], response)  # says what is wrong with it
        outcomes = dict(zip(values.tolist(), np.bincount(codes, weights).tolist(), strict=True))
    drawn = np.random.default_rng([0, number]).random(len(rows))
    size = _sample_size(rows.shape[1] + 1)
    sample = plain.assign(drawn=drawn)
    if len(rows) > size:
        sample = sample[drawn <= np.partition(drawn, size - 1)[size - 1]]
    return Survey(
        len(frame),
        dropped,
        zero,
        len(rows),
        float(len(rows) if weights is None else weights.sum()),
        outcomes,
        levels,
        orders,
        _one_a_level(plain, levels),
        sample,
        (_digest(plain),),
    )


def _digest(frame: pd.DataFrame) -> bytes:
    digest = xxhash.xxh3_128()
    for name in frame.columns:
        values = frame[name]
        if is_real(values):
            digest.update(np.ascontiguousarray(values.to_numpy(dtype=float) + 0.0).data)
        else:
            hashed = pd.util.hash_array(values.to_numpy(dtype=object))
            digest.update(np.ascontiguousarray(hashed).data)
    return digest.digest()


@dataclass(frozen=True, eq=False)
class Encoder:
    """Turns batches of rows into blocks, each in the same way.

    Attributes
    ----------
    roles : Roles
    encoding : Encoding
    outcomes : tuple or None
        The two categories of the response, the second the event; None for 0 and 1.
    """

    roles: Roles
    encoding: Encoding
    outcomes: tuple[Any, Any] | None

    def block(self, frame: pd.DataFrame, groups: tuple[str, pd.Index[Any]] | None = None) -> Block:
        """Encode the rows that count.

        `groups` is a column and all its values: the block says which of them each row has.
        """
        rows = self.roles.complete(frame)[0]
        response = rows[self.roles.parsed.response]
        if self.outcomes is None:
            events = encode_response(response, str(response.name))[0]
        else:
            coded = predictor(response, categorical=True, levels=self.outcomes)
            events = np.asarray(coded.cat.codes, dtype=float)
        roles = self.roles
        belongs = None
        if groups is not None:
            belongs = groups[1].get_indexer(frame.loc[rows.index, groups[0]].astype(object))
        return Block(
            self.encoding.design_matrix(rows),
            2.0 * events - 1.0,
            None if roles.offset is None else numbers(rows[roles.offset]),
            None if roles.weights is None else whole_weights(rows[roles.weights]),
            belongs,
            rows.index,
        )


@dataclass(frozen=True, eq=False)
class Surveyed:
    """All that a model of rows in batches holds beside the rows."""

    encoder: Encoder
    response_coding: str
    sample: ArrayRows
    sample_labels: pd.Index[Any]
    survey: Survey
    n_events: float


def conclude(found: Survey, roles: Roles) -> Surveyed:
    """Encode the sample, and with it decide how every batch is encoded.

    Raises
    ------
    ValueError
        If no rows are left, or formula or response are not usable.
    """
    if not found.n_rows:
        raise ValueError(
            f"no rows are left of {found.n_read}: {found.n_dropped} have a missing value"
            + (f", {found.n_zero_weight} have weight 0" if found.n_zero_weight else "")
        )
    # the witnesses first: each level of each column is there
    rows = pd.concat([found.witnesses, found.sample.drop(columns="drawn")])
    labels = found.sample.index
    rows.index = pd.RangeIndex(len(rows))
    for name, known in found.levels.items():
        if known is not None:
            order = [v for v in found.orders.get(name, sorted(known)) if v in set(known)]
            rows[name] = pd.Categorical(rows[name], categories=order)
    encoded = _formula.encode(
        roles.formula,
        rows,
        None if roles.offset is None else rows[roles.offset],
        None if roles.weights is None else rows[roles.weights],
        "raise",
    )
    outcomes = None
    response = roles.parsed.response
    if found.levels[response] is not None:
        first, second = rows[response].cat.categories
        outcomes = (first, second)
        events = found.outcomes[second]
    else:
        events = found.outcomes.get(1, 0)
    part = slice(len(found.witnesses), None)
    return Surveyed(
        Encoder(roles, encoded.encoding, outcomes),
        encoded.response_coding,
        ArrayRows(
            encoded.design[part],
            encoded.response[part],
            None if encoded.offset is None else encoded.offset[part],
            None if encoded.weights is None else encoded.weights[part],
        ),
        labels,
        replace(found, sample=found.sample.iloc[:0], witnesses=found.witnesses.iloc[:0]),
        events,
    )
