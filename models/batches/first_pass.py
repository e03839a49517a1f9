"""One pass over rows that come in batches: all that must be known before the first can be encoded.

Levels of categories, the coding of the response, how many rows are complete, and a random sample of
them. A survey of one batch is a value; surveys of two batches merge into that of both, in whatever
order, so files are surveyed one batch after the other and a cluster's partitions side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import rows_phrase
from flatprior.models.encoding.arrays import Encoded
from flatprior.models.encoding.columns.checks import column, of_some_rows
from flatprior.models.encoding.columns.kinds import (
    distinct,
    floats,
    is_real,
    kind_of,
    may_hold_numbers,
    no_numbers,
    numbers,
    odd_rows,
    several_kinds,
)
from flatprior.models.encoding.columns.text_among_numbers import (
    Odd,
    check_not_numbers,
    is_numeric,
    mixed,
)
from flatprior.models.encoding.formulas.encoding import Encoding, check_one_offset, encode
from flatprior.models.encoding.formulas.parsing import Parsed, parse
from flatprior.models.encoding.grouped import (
    Counts,
    Trials,
    check_alone,
    counts_of_columns,
    outcomes_of_counts,
)
from flatprior.models.encoding.response import (
    Outcomes,
    check_outcomes,
    encode_response,
    outcomes_of,
)
from flatprior.models.encoding.weights import positive_weights, whole_weights
from flatprior.models.rows import ArrayRows, Block, either

SAMPLE_ROWS, SAMPLE_NUMBERS = 2**16, 2**22
MOST_LEVELS = 10_000
MOST_OUTCOMES = 100  # that a response is seen to have before the survey stops


@dataclass(frozen=True, eq=False, kw_only=True)
class Roles:
    """Which columns a model uses, and for what.

    Attributes
    ----------
    formula : str
    parsed : Parsed
    offset, weights : str or None
        Names of columns.
    missing : {"drop", "raise"}
    event : object
        The value of the response that counts as 1, where one was asked for.
    trials : str or None
        Column of the trials of a share.
    """

    formula: str
    parsed: Parsed
    offset: str | None
    weights: str | None
    missing: Literal["drop", "raise"]
    event: Any = None
    trials: str | None = None

    @classmethod
    def read(
        cls,
        formula: str,
        frame: pd.DataFrame,
        offset: str | None,
        weights: str | None,
        missing: Literal["drop", "raise"],
        event: Any = None,
        trials: str | None = None,
    ) -> Roles:
        """Check the formula against the columns of `frame`, whose rows are not looked at."""
        check_choice("missing", missing, ("drop", "raise"))
        apart = [name for name in (offset, weights, trials) if isinstance(name, str)]
        parsed = parse(formula, frame, apart)
        check_one_offset(parsed, offset is not None)
        check_alone(parsed.left, trials, weights, event)
        named = (("offset", offset), ("frequency_weights", weights), ("trials", trials))
        for role, name in named:
            if name is not None and not isinstance(name, str):
                raise InputTypeError(f"{role} must name a column where rows are read in batches")
            if name is not None:
                column(frame, name)
        if parsed.needs_all_rows:
            raise InputError(
                f"{parsed.needs_all_rows} in the formula needs all rows at once, and these are "
                "read in batches; give its knots and bounds, as in ns(x, knots=c(1, 2), "
                "Boundary.knots=c(0, 3)), write the numbers out, as in I((x - 1.5) / 2), or load "
                "the data with from_formula"
            )
        return cls(
            formula=parsed.formula,
            parsed=parsed,
            offset=offset,
            weights=weights,
            missing=missing,
            event=event,
            trials=trials,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the model uses, once."""
        names = (*self.parsed.left.columns, *self.parsed.columns, *self.numeric)
        return tuple(dict.fromkeys(names))

    @property
    def has_offset(self) -> bool:
        """Whether rows have an offset, in the formula or beside it."""
        return self.offset is not None or self.parsed.offset is not None

    @property
    def factors(self) -> frozenset[str]:
        """Columns that the formula takes for categories whatever they hold."""
        return self.parsed.factors

    @property
    def told_from_numbers(self) -> frozenset[str]:
        """Columns of which text may turn out to be numbers."""
        return self.parsed.plain | {*self.parsed.left.columns, *self.numeric}

    @property
    def counted(self) -> bool:
        """Whether the response is of grouped counts."""
        return self.parsed.left.grouped or self.trials is not None

    @property
    def numeric(self) -> tuple[str, ...]:
        """Columns that must be numbers, but for predictors."""
        counts = self.parsed.left.columns if self.counted else ()
        names = (self.offset, self.weights, self.trials, *counts)
        return tuple(name for name in names if name is not None)

    def counts(self, rows: pd.DataFrame) -> Counts | None:
        """Successes and failures of complete rows, where the response is of grouped counts."""
        if not self.counted:
            return None
        trials = None if self.trials is None else rows[self.trials]
        return counts_of_columns(self.parsed.left, rows, trials)

    def places(self, rows: pd.DataFrame) -> NDArray[np.intp]:
        """Place of each row of the model among complete rows: each once, but for groups."""
        counts = self.counts(rows)
        return np.arange(len(rows)) if counts is None else counts.cells.group

    def complete(self, frame: pd.DataFrame) -> tuple[NDArray[np.bool_], int, int]:
        """Which rows count, how many have a missing value, and how many weigh nothing."""
        frame = frame[list(self.columns)]
        keep: NDArray[np.bool_] = np.asarray(frame.notna().to_numpy().all(axis=1))
        dropped = int(np.count_nonzero(~keep))
        if dropped and self.missing == "raise":
            first = frame[~keep].iloc[0]
            raise InputError(
                f"values are missing, first in {rows_phrase([first.name])} "
                f"(column {first.index[first.isna()][0]!r}); complete them, or leave such rows "
                'out (missing="drop" does, but for arrays)'
            )
        zero = 0
        if self.weights is not None and is_real(frame[self.weights]):  # text has its own error
            _, keep, zero = positive_weights(frame[self.weights], keep)
        elif self.counted and all(is_real(frame[name]) for name in self.numeric):
            counts = self.counts(frame[keep])
            assert counts is not None  # noqa: S101
            keep[keep] = counts.some
            zero = int(np.count_nonzero(~counts.some))
        return keep, dropped, zero


@dataclass(frozen=True, eq=False, kw_only=True)
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
    kinds : dict
        Column to what it holds: "numbers", "booleans", "text" or "categories", in each batch.
    levels : dict
        Column to the levels that were seen, where it has levels.
    orders : dict
        Column to all of its categories, seen or not, in their order; empty where batches differ.
    odd : dict
        Text column, or the response, to the rows that hold no number, or neither 0 nor 1.
    witnesses : DataFrame
        One row for each level of each column.
    sample : DataFrame
        Rows drawn at random.
    drawn : ndarray
        The number that drew each: the smallest are kept.
    trials : Trials or None
        Of grouped counts.
    digests : tuple of bytes
        Hashes of the batches.
    lengths : tuple of int
        Their rows that are left.
    """

    n_read: int
    n_dropped: int
    n_zero_weight: int
    n_rows: int
    n_observations: float
    outcomes: dict[Any, float]
    kinds: dict[str, frozenset[str]]
    levels: dict[str, tuple[Any, ...]]
    orders: dict[str, tuple[Any, ...]]
    odd: dict[str, Odd]
    witnesses: pd.DataFrame
    sample: pd.DataFrame
    drawn: Array
    digests: tuple[bytes, ...]
    lengths: tuple[int, ...]
    trials: Trials | None

    def order(self, name: str) -> list[Any]:
        """The levels of a column: in their own order, or sorted where batches differ in it."""
        known = set(self.levels[name])
        if self.kinds[name] == {"categories"} and self.orders[name]:
            return [value for value in self.orders[name] if value in known]
        try:
            return sorted(known)
        except TypeError as error:
            raise InputError(
                f"column {name!r} has text and numbers among its categories; convert all of it"
            ) from error

    def merge(self, other: Survey) -> Survey:
        """The survey of both."""
        kinds = {
            name: self.kinds.get(name, frozenset()) | found for name, found in other.kinds.items()
        }
        levels, orders, outcomes = dict(self.levels), dict(self.orders), dict(self.outcomes)
        odd = dict(self.odd)
        for name, found in other.levels.items():
            levels[name] = _not_too_many(
                name, tuple(dict.fromkeys((*levels.get(name, ()), *found))), name in other.odd
            )
        for name, rows in other.odd.items():
            odd[name] = odd[name].merge(rows) if name in odd else rows
        for name, order in other.orders.items():
            orders[name] = order if orders.get(name, order) == order else ()
        for value, observations in other.outcomes.items():
            outcomes[value] = outcomes.get(value, 0) + observations
        sample, drawn = _smallest(
            _joined([self.sample, other.sample]), np.concatenate([self.drawn, other.drawn])
        )
        return Survey(
            n_read=self.n_read + other.n_read,
            n_dropped=self.n_dropped + other.n_dropped,
            n_zero_weight=self.n_zero_weight + other.n_zero_weight,
            n_rows=self.n_rows + other.n_rows,
            n_observations=self.n_observations + other.n_observations,
            outcomes=outcomes,
            kinds=self.kinds | kinds,
            levels=levels,
            orders=orders,
            odd=odd,
            witnesses=_one_a_level(_joined([self.witnesses, other.witnesses]), levels),
            sample=sample,
            drawn=drawn,
            digests=self.digests + other.digests,
            lengths=self.lengths + other.lengths,
            trials=either(Trials.merge, self.trials, other.trials),
        )


def _joined(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """The rows of all; frames without a row have no say in the types."""
    return pd.concat([part for part in parts if len(part)] or parts[:1])


def _smallest(
    rows: pd.DataFrame, drawn: Array, most: int | None = None
) -> tuple[pd.DataFrame, Array]:
    """The rows with the smallest numbers, no more than a sample has."""
    size = min(SAMPLE_ROWS, SAMPLE_NUMBERS // max(rows.shape[1], 1)) if most is None else most
    if len(rows) <= size:
        return rows, drawn
    keep = drawn <= np.partition(drawn, size - 1)[size - 1]
    return rows[keep], drawn[keep]


def _not_too_many(name: str, levels: tuple[Any, ...], maybe_numbers: bool) -> tuple[Any, ...]:
    """The levels; of text that may turn out to be numbers, no more numbers than matter."""
    if len(levels) <= MOST_LEVELS:
        return levels
    words = tuple(level for level in levels if not is_numeric(level)) if maybe_numbers else levels
    if len(words) > MOST_LEVELS:
        raise InputError(
            f"column {name!r} has more than {MOST_LEVELS} levels, too many for a design matrix; "
            "merge levels, or use the column as a number"
        )
    values = [level for level in levels if is_numeric(level)][: MOST_LEVELS + 1]
    return (*words, *values)


def _one_a_level(frame: pd.DataFrame, levels: dict[str, tuple[Any, ...]]) -> pd.DataFrame:
    """As few of the rows as show every level of every column: the first of each."""
    if not levels:
        return frame.iloc[:0]
    return frame[np.logical_or.reduce([~frame[name].duplicated() for name in levels])]


def survey(frame: pd.DataFrame, roles: Roles, number: int) -> Survey:
    """Survey one batch; `number` is its place, which seeds the draw of its rows."""
    keep, dropped, zero = roles.complete(frame)
    rows = frame.loc[keep, list(roles.columns)]
    plain = rows.astype({n: object for n in rows if isinstance(rows[n].dtype, pd.CategoricalDtype)})
    kinds: dict[str, frozenset[str]] = {}
    levels: dict[str, tuple[Any, ...]] = {}
    orders: dict[str, tuple[Any, ...]] = {}
    odd: dict[str, Odd] = {}
    response = "" if roles.counted else roles.parsed.left.events
    for name in roles.columns if len(rows) else ():
        series = rows[name]
        kind = kind_of(series)
        kinds[name] = frozenset([kind])
        if kind == "categories":
            orders[name] = tuple(series.cat.categories)
        if name in roles.told_from_numbers and may_hold_numbers(series):
            odd[name] = odd_rows(series)
        elif kind == "numbers" and name == response:
            odd[name] = Odd.of(series.index, ~series.isin([0, 1]).to_numpy())
        needed = name in (*roles.parsed.left.columns, *roles.parsed.columns) or kind == "text"
        if needed and (kind in ("categories", "text") or name in roles.factors):
            levels[name] = tuple(distinct(series)[1])
            if name != response:
                levels[name] = _not_too_many(name, levels[name], name in odd)
    for name in roles.numeric:
        if name not in odd:
            numbers(rows[name])  # says what is wrong with it
    weights, counts = None, None
    if roles.weights is not None and roles.weights not in odd:
        weights = whole_weights(rows[roles.weights])
    outcomes: dict[Any, float] = {}
    if roles.counted:
        counts = None if odd.keys() & {*roles.numeric} else roles.counts(rows)
        if counts is not None:
            outcomes = {0: counts.others.sum(), 1: counts.events.sum()}
    elif len(rows):
        codes, values = distinct(rows[response])
        if len(values) > MOST_OUTCOMES:
            encode_response(rows[response], response, roles.event)  # says what is wrong with it
        outcomes = dict(zip(values, np.bincount(codes, weights).tolist(), strict=True))
    drawn = np.random.default_rng([0, number]).random(len(rows))
    sample, drawn = _smallest(plain, drawn)
    n_rows = len(rows) if counts is None else len(counts.cells.group)
    return Survey(
        n_read=len(frame),
        n_dropped=dropped,
        n_zero_weight=zero,
        n_rows=n_rows,
        n_observations=float(sum(outcomes.values())),
        outcomes=outcomes,
        kinds=kinds,
        levels=levels,
        orders=orders,
        odd=odd,
        witnesses=_one_a_level(plain, levels),
        sample=sample,
        drawn=drawn,
        digests=(content_digest(rows, roles),),
        lengths=(n_rows,),
        trials=None if counts is None else counts.trials,
    )


def content_digest(rows: pd.DataFrame, roles: Roles) -> bytes:
    """Hash of the complete rows of a batch, which every pass must find again."""
    digest = xxhash.xxh3_128()
    for name in roles.columns:
        series = rows[name]
        if is_real(series):
            digest.update(np.ascontiguousarray(floats(series) + 0.0).data)
        else:
            codes, values = distinct(series)
            each = np.empty(len(values), dtype=object)
            for i, value in enumerate(values):  # at once, tuples would become rows
                each[i] = value
            hashed = pd.util.hash_array(each, categorize=False)
            digest.update(np.ascontiguousarray(hashed[codes]).data)
    return digest.digest()


@dataclass(frozen=True, eq=False)
class Encoder:
    """Turns batches of rows into blocks, each in the same way.

    Attributes
    ----------
    roles : Roles
    encoding : Encoding
    outcomes : Outcomes
        Which value of the response counts as 1.
    """

    roles: Roles
    encoding: Encoding
    outcomes: Outcomes

    def complete(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows that count."""
        return frame[self.roles.complete(frame)[0]]

    def block(self, frame: pd.DataFrame, groups: tuple[str, pd.Index[Any]] | None = None) -> Block:
        """Encode complete rows, all of which count.

        `groups` is a column and all its values: the block says which of them each row has.
        """
        roles, rows = self.roles, frame
        counts = roles.counts(rows)
        response = rows[roles.parsed.left.events]
        events = np.zeros(len(rows)) if counts is not None else self.outcomes.of(response)
        belongs = None
        if groups is not None:
            belongs = groups[1].get_indexer(pd.Index(rows[groups[0]], dtype=object))
        with of_some_rows():
            design = self.encoding.design_matrix(rows)
            offset = None if roles.offset is None else numbers(rows[roles.offset])
            if roles.parsed.offset is not None:
                offset = self.encoding.offset(rows)
        block = Block(
            design,
            2.0 * events - 1.0,
            offset,
            None if roles.weights is None else whole_weights(rows[roles.weights]),
            belongs,
            rows.index,
        )
        if counts is None:
            return block
        cells = counts.cells
        signs = 2.0 * cells.response - 1.0
        return block.select(cells.group)._replace(sign=signs, weights=cells.weights)


@dataclass(frozen=True, eq=False, kw_only=True)
class Surveyed:
    """All that a model of rows in batches holds beside the rows."""

    encoder: Encoder
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
    if not found.n_read:
        raise InputError("the data have no rows")
    if not found.n_rows:
        raise InputError(
            f"no rows are left of {found.n_read}: {found.n_dropped} have a missing value"
            + (f", {found.n_zero_weight} have {'no trials' if roles.counted else 'weight 0'}")
            * bool(found.n_zero_weight)
        )
    if found.n_observations >= 2**53:
        raise InputError(f"column {roles.weights!r} sums to 2^53 or more, past exact counting")
    for name, kinds in found.kinds.items():
        if len(kinds - {"categories"}) > 1 or len(kinds - {"text"}) > 1:
            if kinds == {"numbers", "text"} and name in found.odd and found.odd[name].rows:
                raise InputError(f"column {name!r} {mixed(found.levels[name], found.odd[name])}")
            raise several_kinds(name, kinds)
    for column_name in roles.numeric:
        if column_name in found.odd and found.kinds[column_name] == {"text"}:
            raise no_numbers(column_name, found.levels[column_name], found.odd[column_name])
    outcomes = _outcomes(found, roles)
    for key, name in roles.parsed.generated.items():
        if key.startswith("_number_") and found.kinds[name] & {"text", "categories"}:
            break  # the next to be wrong, as the encoding will say
        words = all(isinstance(level, str) for level in found.levels.get(name, ()))
        if key.startswith("_plain_") and name in found.odd and words:
            check_not_numbers(name, found.levels[name], found.odd[name])
    # each level of each column is in a witness; they say how wide the design is
    few, _ = _smallest(found.sample, found.drawn, 1)
    k = _encoded(found, roles, outcomes, _joined([found.witnesses, few]))[0].design.shape[1]
    sample, _ = _smallest(found.sample, found.drawn, min(SAMPLE_ROWS, SAMPLE_NUMBERS // k))
    labels = sample.index[roles.places(sample)]
    rows = _joined([found.witnesses, sample])
    encoded, encoding = _encoded(found, roles, outcomes, rows)
    part = slice(len(roles.places(found.witnesses)), None)
    return Surveyed(
        encoder=Encoder(roles, encoding, outcomes),
        sample=ArrayRows(encoded.design, encoded.response, encoded.offset, encoded.weights).select(
            part
        ),
        sample_labels=labels,
        survey=replace(found, sample=found.sample.iloc[:0], witnesses=found.witnesses.iloc[:0]),
        n_events=found.outcomes.get(1 if roles.counted else outcomes.event, 0),
    )


def _outcomes(found: Survey, roles: Roles) -> Outcomes:
    """Which value of the response counts as 1."""
    if roles.counted:
        return outcomes_of_counts(roles.parsed.left, str(roles.trials))
    name = roles.parsed.response
    if name in found.levels:
        if found.kinds[name] == {"text"}:
            check_outcomes(name, found.levels[name], found.odd[name])
        return outcomes_of(name, found.order(name), roles.event)
    if found.kinds[name] == {"booleans"}:
        return outcomes_of(name, [False, True], roles.event)
    return outcomes_of(name, sorted(found.outcomes), roles.event, found.odd[name].labels[:1])


@dataclass(frozen=True, eq=False)
class _RowLabel:
    """A row's label that is no other row's, although partitions may use labels again."""

    label: object

    def __str__(self) -> str:
        return str(self.label)


def _encoded(
    found: Survey, roles: Roles, outcomes: Outcomes, rows: pd.DataFrame
) -> tuple[Encoded, Encoding]:
    """Encode rows that show every level; columns of categories in their own order."""
    rows = rows.set_axis(pd.Index([_RowLabel(label) for label in rows.index], dtype=object))
    for name in found.orders:
        if found.kinds[name] == {"categories"}:
            # ordered, so that they are taken at their word: the rule for numbers was applied above
            rows[name] = pd.Categorical(rows[name], categories=found.order(name), ordered=True)
    with of_some_rows():
        return encode(
            roles.parsed,
            rows,
            None if roles.offset is None else rows[roles.offset],
            None if roles.weights is None else rows[roles.weights],
            "raise",
            None if roles.counted else outcomes,
            None if roles.trials is None else rows[roles.trials],
        )
