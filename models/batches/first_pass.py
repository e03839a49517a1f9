"""One pass over rows that come in batches: all that must be known before the first can be encoded.

Levels of categories, the coding of the response, how many rows are complete, and a random sample of
them. A survey of one batch is a value; surveys of two batches merge into that of both, in whatever
order, so files are surveyed one batch after the other and a cluster's partitions side by side.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import xxhash

from flatprior.models.batches.encoder import Encoder, Groups
from flatprior.models.batches.roles import Roles
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import NO_ROWS
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.arrays import Encoded
from flatprior.models.encoding.column_rules import Judged, judged
from flatprior.models.encoding.columns.checks import of_some_rows
from flatprior.models.encoding.columns.kinds import distinct, floats, is_real, numbers
from flatprior.models.encoding.columns.summary import Summary
from flatprior.models.encoding.files.missing_words import Meant, may_be_retyped
from flatprior.models.encoding.formulas.encoding import Encoding, encode
from flatprior.models.encoding.grouped import Trials, outcomes_of_counts
from flatprior.models.encoding.response import Outcomes, encode_response
from flatprior.models.encoding.sampling import Key, SamplingDesign, units_of
from flatprior.models.encoding.weights import TOO_MANY, no_rows_left, whole_weights
from flatprior.models.rows import ArrayRows, either

K = TypeVar("K")
N = TypeVar("N", int, float)
SAMPLE_ROWS, SAMPLE_NUMBERS = 2**16, 2**22
MOST_OUTCOMES = 100  # that a response is seen to have before the survey stops


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
    columns : dict
        What is known of each column, by its name.
    witnesses : DataFrame
        One row for each level of each column.
    sample : DataFrame
        Rows drawn at random.
    drawn : ndarray
        The number that drew each: the smallest are kept.
    trials : Trials or None
        Of grouped counts.
    units : dict
        Of a sample, what tells each unit that was drawn, or each stratum, to its complete rows,
        those of weight 0 too.
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
    columns: dict[str, Summary]
    witnesses: pd.DataFrame
    sample: pd.DataFrame
    drawn: Array
    digests: tuple[bytes, ...]
    lengths: tuple[int, ...]
    trials: Trials | None
    units: dict[Key, int]

    def merge(self, other: Survey) -> Survey:
        """The survey of both."""
        columns = {
            name: column.merge(other.columns[name]).capped()
            for name, column in self.columns.items()
        }
        sample, drawn = _smallest(
            _joined([self.sample, other.sample]), np.concatenate([self.drawn, other.drawn])
        )
        return Survey(
            n_read=self.n_read + other.n_read,
            n_dropped=self.n_dropped + other.n_dropped,
            n_zero_weight=self.n_zero_weight + other.n_zero_weight,
            n_rows=self.n_rows + other.n_rows,
            n_observations=self.n_observations + other.n_observations,
            outcomes=_counted(self.outcomes, other.outcomes),
            columns=columns,
            witnesses=_one_a_level(_joined([self.witnesses, other.witnesses]), columns),
            sample=sample,
            drawn=drawn,
            digests=self.digests + other.digests,
            lengths=self.lengths + other.lengths,
            trials=either(Trials.merge, self.trials, other.trials),
            units=_counted(self.units, other.units),
        )


def _counted(first: dict[K, N], second: dict[K, N]) -> dict[K, N]:
    """The counts of both, in the order of their coming."""
    return first | {key: first[key] + n if key in first else n for key, n in second.items()}


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


def _one_a_level(frame: pd.DataFrame, columns: dict[str, Summary]) -> pd.DataFrame:
    """As few of the rows as show every level of every column: the first of each."""
    names = [name for name, column in columns.items() if column.levels]
    if not names:
        return frame.iloc[:0]
    return frame[np.logical_or.reduce([~frame[name].duplicated() for name in names])]


def survey(frame: pd.DataFrame, roles: Roles, number: int) -> Survey:
    """Survey one batch; `number` is its place, which seeds the draw of its rows."""
    keep, dropped, zero = roles.complete(frame)
    rows = frame[list(roles.columns)]
    rows = rows if keep.all() else rows[keep]
    plain = rows.astype({n: object for n in rows if isinstance(rows[n].dtype, pd.CategoricalDtype)})
    uses = roles.uses
    columns = {name: uses.summary(frame[name], keep) for name in roles.held_to_rules}
    columns = {n: each if n == uses.response else each.capped() for n, each in columns.items()}
    # or of which nothing is known here, because every value is missing
    text = [name for name in roles.numeric if columns[name].tokens or not columns[name].kinds]
    for name in roles.numeric:
        if name not in text:
            numbers(rows[name], whole=False)  # says what is wrong with it
    weights, counts = None, None
    if roles.weights is not None and roles.weights not in text:
        weights = whole_weights(rows[roles.weights])
    outcomes: dict[Any, float] = {}
    if roles.counted:
        counts = None if text else roles.counts(rows)
        if counts is not None:
            outcomes = {0: counts.others.sum(), 1: counts.events.sum()}
    elif len(rows):
        response = rows[uses.response]
        codes, values = distinct(response)
        if len(values) > MOST_OUTCOMES:
            encode_response(response, uses.response, roles.event)  # says what is wrong with it
        outcomes = dict(zip(values, np.bincount(codes, weights).tolist(), strict=True))
    drawn = np.random.default_rng([0, number]).random(len(rows))
    sample, drawn = _smallest(plain, drawn)
    n_rows = len(rows) if counts is None else len(counts.cells.group)
    units: dict[Key, int] = {}
    if roles.sample is not None:
        drawn_rows = frame[roles.present(frame)]
        codes, keys = units_of([drawn_rows[name] for name in roles.drawn_by], len(drawn_rows))
        units = dict(zip(keys, np.bincount(codes).tolist(), strict=True))
    return Survey(
        n_read=len(frame),
        n_dropped=dropped,
        n_zero_weight=zero,
        n_rows=n_rows,
        n_observations=float(sum(outcomes.values())),
        outcomes=outcomes,
        columns=columns,
        witnesses=_one_a_level(plain, columns),
        sample=sample,
        drawn=drawn,
        digests=(content_digest(rows, roles),),
        lengths=(n_rows,),
        trials=None if counts is None else counts.trials,
        units=units,
    )


def settled(
    survey_with: Callable[[Meant], tuple[Survey, dict[str, Counter[str]]]],
    roles: Roles,
    meant: Meant,
) -> tuple[Survey, dict[str, Counter[str]], Meant]:
    """Survey all batches until each column is of one kind in all of them, as it is as a whole.

    Text that is numbers but for words that mean a missing value is numbers, also in batches in
    which there is no such word; unless there are other words somewhere.
    """
    found, words = survey_with(meant)
    known = {name: _kinds(found, roles, name) for name in words}
    loose = frozenset(
        name
        for name, (kinds, values) in known.items()
        if "text" in kinds and (len(kinds) > 1 or may_be_retyped(values))
    )
    if loose:
        meant = replace(meant, retyped=loose)
        found, words = survey_with(meant)
        mixed = frozenset(name for name in loose if len(_kinds(found, roles, name)[0]) > 1)
        if mixed:
            meant = replace(meant, retyped=loose - mixed, text=mixed)
            found, words = survey_with(meant)
    return found, words, meant


def _kinds(found: Survey, roles: Roles, name: str) -> tuple[frozenset[str], Collection[Any]]:
    """What a column holds in the batches, and the levels it has."""
    if name in found.columns:
        return found.columns[name].kinds, found.columns[name].levels
    values = [key[roles.drawn_by.index(name)] for key in found.units]
    return frozenset("text" if isinstance(each, str) else "others" for each in values), values


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


@dataclass(frozen=True, eq=False, kw_only=True)
class Surveyed:
    """All that a model of rows in batches holds beside the rows."""

    encoder: Encoder
    sample: ArrayRows
    sample_labels: pd.Index[Any]
    survey: Survey
    n_events: float
    rules: Judged
    sampling: SamplingDesign | None

    @property
    def units(self) -> Groups | None:
        """The clusters that were drawn, or without clusters the strata; None without either."""
        columns = self.encoder.roles.drawn_by
        if not columns:
            return None
        return Groups(columns, {key: place for place, key in enumerate(self.survey.units)})


def conclude(found: Survey, roles: Roles) -> Surveyed:
    """Encode the sample, and with it decide how every batch is encoded.

    Raises
    ------
    ValueError
        If no rows are left, or formula or response are not usable.
    """
    if not found.n_read:
        raise InputError(NO_ROWS)
    if not found.n_rows:
        weightless = "no trials" if roles.counted else "weight 0"
        raise no_rows_left(found.n_read, found.n_dropped, found.n_zero_weight, weightless)
    if found.n_observations >= 2**53:
        raise InputError(f"column {roles.weights!r} {TOO_MANY}")
    rules = judged(found.columns, roles.uses, found.outcomes, roles.event)
    outcomes = rules.outcomes or outcomes_of_counts(roles.parsed.left, str(roles.trials))
    # each level of each column is in a witness; they say how wide the design is
    few, _ = _smallest(found.sample, found.drawn, 1)
    wide = _encoded(found, roles, outcomes, _joined([found.witnesses, few]), False)[0].design
    k = numbers_a_row(wide)
    sample, _ = _smallest(found.sample, found.drawn, min(SAMPLE_ROWS, SAMPLE_NUMBERS // k))
    labels = sample.index[roles.places(sample)]
    rows = _joined([found.witnesses, sample])
    n_complete = found.n_read - found.n_dropped - found.n_zero_weight
    encoded, encoding = _encoded(found, roles, outcomes, rows, len(sample) == n_complete)
    part = slice(len(roles.places(found.witnesses)), None)
    return Surveyed(
        encoder=Encoder(roles, encoding, outcomes),
        sample=ArrayRows(encoded.design, encoded.response, encoded.offset, encoded.weights).select(
            part
        ),
        sample_labels=labels,
        survey=replace(found, sample=found.sample.iloc[:0], witnesses=found.witnesses.iloc[:0]),
        n_events=found.outcomes.get(1 if roles.counted else outcomes.event, 0),
        rules=rules,
        sampling=None if roles.sample is None else roles.sample.designed(found.units, found.n_rows),
    )


def numbers_a_row(design: Array | Structured) -> int:
    """How many numbers are held of a row, codes of levels too; 1 at least."""
    held: int = design.held if isinstance(design, Structured) else design.size
    return max(1, -(-held // int(design.shape[0])))


@dataclass(frozen=True, eq=False)
class _RowLabel:
    """A row's label that is no other row's, although partitions may use labels again."""

    label: object

    def __str__(self) -> str:
        return str(self.label)


def _encoded(
    found: Survey, roles: Roles, outcomes: Outcomes, rows: pd.DataFrame, whole: bool
) -> tuple[Encoded, Encoding]:
    """Encode rows that show every level, the `whole` or not; categories in their own order."""
    rows = rows.set_axis(pd.Index([_RowLabel(label) for label in rows.index], dtype=object))
    for name, known in found.columns.items():
        if known.kinds == {"categories"} and known.levels:
            # ordered, so that they are taken at their word: the rule for numbers was applied above
            rows[name] = pd.Categorical(rows[name], categories=known.ordered, ordered=True)
    with of_some_rows():
        return encode(
            roles.parsed,
            rows,
            None if roles.offset is None else rows[roles.offset],
            None if roles.weights is None else rows[roles.weights],
            "raise",
            outcomes,
            None if roles.trials is None else rows[roles.trials],
            None if roles.sample is None else replace(roles.sample, clusters=None, strata=None),
            found.n_rows,
            whole,
        )
