"""Which models may be compared, and which is nested in which.

Criteria such as AIC, a likelihood ratio or a difference of elpd mean something only for models of
the same observations. Packages leave that to the user; here it is checked, and the first difference
is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xxhash
from numpy.typing import NDArray

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.errors import FlatpriorError, InputError
from flatprior.models.common.text import count, first_of, printable
from flatprior.models.covariance.roots import Factored, Root, root_of
from flatprior.models.designs.coded import LARGEST_DENSE, Structured
from flatprior.models.rows import ArrayRows, as_held, row_hashes

BASE = 0x9E3779B97F4A7C15  # odd: no power of it is 0 modulo 2^64
IN_THE_SPAN = 1e-9  # of a column's length: what may be left of it
LARGEST_TOLERANCE = 0.01

Models = Mapping[str, BernoulliLogistic]


class NotComparableError(FlatpriorError, ValueError):
    """Models that are not models of the same observations."""


def same_observations(models: Models, outcomes: bool = True) -> dict[str, BernoulliLogistic]:
    """The models, all on the same rows.

    Whether `outcomes` are the same in rows in batches takes a pass, if there was none.


    Models of single rows and models of grouped counts (frequency weights) of the same observations
    are put on the same rows where the columns of one model include those of every other.

    Raises
    ------
    NotComparableError
        Naming the first difference, if the observations are not the same.
    """
    for first, second in pairwise(models):
        difference = _difference(first, models[first], second, models[second], outcomes)
        if difference is not None:
            break
    else:
        return dict(models)
    together = _regrouped(models)
    if together is None:
        raise NotComparableError(difference)
    return together


def _difference(
    first: str, model: BernoulliLogistic, second: str, other: BernoulliLogistic, outcomes: bool
) -> str | None:
    """The first difference between the observations of two models, as a sentence."""
    both = f"{printable(first)!r} and {printable(second)!r}"
    one, two = model.rows, other.rows
    if not isinstance(one, ArrayRows) or not isinstance(two, ArrayRows):
        if isinstance(one, ArrayRows) or isinstance(two, ArrayRows):
            return (
                f"of {both} one has its rows in memory, the other reads them in batches; build "
                "both the same way"
            )
        for what in ("n_rows", "n_observations", "n_events"):
            if getattr(model, what) != getattr(other, what):
                return (
                    f"{both} are models of different rows: {what} is {getattr(model, what)} and "
                    f"{getattr(other, what)}{_dropped(model, other)}"
                )
        if outcomes and one.outcomes_digest != two.outcomes_digest:
            return (
                f"{both} have the same number of rows and events, but responses, weights or their "
                "order differ; build both from the same files"
            )
        return None
    labels, others = model.row_labels, other.row_labels
    if len(labels) != len(others) or not labels.equals(others):
        return f"{both} are models of different rows: {_label_difference(model, other)}"
    differs = np.flatnonzero(one.response != two.response)
    if len(differs):
        what = f"{printable(model.response_name)!r} and {printable(other.response_name)!r}"
        if len(differs) == len(labels):
            codings = [printable(m.response_coding) or "1 counts as 1" for m in (model, other)]
            return (
                f"{both} have opposite responses ({what}): what is 1 in one is 0 in the other in "
                f"every row ({'; '.join(codings)}); code both the same way"
            )
        return (
            f"{both} have different responses ({what}): first in row {labels[differs[0]]} "
            f"({one.response[differs[0]]:g} and {two.response[differs[0]]:g}), "
            f"in {count(len(differs), 'row')} in all"
        )
    weights = model.counts, other.counts
    differs = np.flatnonzero(weights[0] != weights[1])
    if len(differs):
        return (
            f"{both} have different frequency weights: first in row {labels[differs[0]]} "
            f"({weights[0][differs[0]]:g} and {weights[1][differs[0]]:g}), "
            f"in {count(len(differs), 'row')} in all"
        )
    return None


def _label_difference(model: BernoulliLogistic, other: BernoulliLogistic) -> str:
    labels, others = model.row_labels, other.row_labels
    dropped = _dropped(model, other)
    pairs = [(labels, others, "first"), (others, labels, "second")]
    for here, there, which in pairs:
        only = here[~here.isin(there)]
        if len(only):
            only = only.unique()  # of groups a label is there twice
            whose = f"{'rows' if len(only) > 1 else 'row'} {first_of(only[:6], len(only))}"
            return f"{whose} in the {which} model only{dropped}"
    if len(labels) != len(others) and model.trials is not None and other.trials is not None:
        counted, beside = (each.value_counts(sort=False) for each in (labels, others))
        first = counted.index[(counted != beside.reindex(counted.index)).to_numpy()][0]
        return f"the counts in row {first} are not the same{dropped}"
    if len(labels) != len(others):
        return f"{count(len(labels), 'row')} in the first, {len(others)} in the second{dropped}"
    place = int(np.flatnonzero(labels != others)[0])
    return (
        f"the same rows, but in another order: number {place + 1} is row {labels[place]} in the "
        f"first and row {others[place]} in the second; sort the data alike"
    )


def _dropped(model: BernoulliLogistic, other: BernoulliLogistic) -> str:
    """What was left out, where that is the likely reason, with the remedy."""
    for attribute, why in (
        ("n_dropped", "a value is missing"),
        ("n_zero_weight", "their frequency weight is 0"),
    ):
        left_out = getattr(model, attribute), getattr(other, attribute)
        if left_out[0] != left_out[1]:
            return (
                f" ({left_out[0]} and {left_out[1]} rows were left out because {why}); build both "
                "from the rows that are complete in the columns of every model"
            )
    return "; build both from the same rows"


class _InOrder(NamedTuple):
    """A hash of numbers in their order, the same however they are cut into blocks."""

    n: int
    value: int

    @classmethod
    def of(cls, *columns: Array | None) -> _InOrder:
        """Of rows that have these numbers, (m,) each."""
        hashed = row_hashes([column for column in columns if column is not None])
        powers = np.full(len(hashed), BASE, dtype=np.uint64)
        powers[-1:] = 1
        np.multiply.accumulate(powers[::-1], out=powers[::-1])  # modulo 2^64
        return cls(len(hashed), int((hashed * powers).sum(dtype=np.uint64)))

    def __add__(self, other: Any) -> _InOrder:
        moved = self.value * pow(BASE, other.n, 2**64)
        return _InOrder(self.n + other.n, (moved + other.value) % 2**64)


def _offsets_in_batches(model: BernoulliLogistic) -> _InOrder | None:
    """Hash of the offsets, if rows have any."""
    if not model.rows.has_offset:
        return None
    return as_held(model.rows).reduce(lambda block: _InOrder.of(block.offset))


def _regrouped(models: Models) -> dict[str, BernoulliLogistic] | None:
    """The models on the distinct rows of the one with all columns; None where that cannot be.

    A frequency weight counts Bernoulli observations, so that single rows and counts have the same
    likelihood, without the binomial coefficients that other programs add.
    """
    if not all(isinstance(m.rows, ArrayRows) and m.offset is None for m in models.values()):
        return None
    if all(m.frequency_weights is None for m in models.values()):
        return None
    columns = {label: _named_columns(m) for label, m in models.items()}
    every = set().union(*columns.values())
    if any(every & (set(m.names) - columns[label].keys()) for label, m in models.items()):
        return None  # constant here, varying there
    finest = next((label for label in models if every <= columns[label].keys()), None)
    if finest is None:
        return None
    keys = sorted(every)
    patterns, weights = _distinct(models[finest], [columns[finest][key] for key in keys])
    found = {}
    for label, model in models.items():
        own = sorted(columns[label])
        shared = [0, *(1 + keys.index(key) for key in own)]
        table, counts = _distinct(model, [columns[label][key] for key in own])
        again, sums = _summed(patterns[:, shared], weights)
        if not (np.array_equal(table, again) and np.array_equal(counts, sums)):
            return None
        design = np.column_stack(
            [
                patterns[:, 1 + keys.index(name)]
                if name in columns[label]
                else np.full(len(patterns), value)
                for name, value in (
                    (name, model.design[0, j]) for j, name in enumerate(model.names)
                )
            ]
        )
        rows = ArrayRows(np.ascontiguousarray(design), patterns[:, 0].copy(), None, weights)
        found[label] = replace(
            model, rows=rows, row_labels=pd.RangeIndex(len(patterns)), trials=None
        )
    return found


def _named_columns(model: BernoulliLogistic) -> dict[str, Array]:
    """The columns that are not constant, by name."""
    design = model.design
    return {
        name: design[:, j]
        for j, name in enumerate(model.names)
        if (design[:, j] != design[0, j]).any()
    }


def _distinct(model: BernoulliLogistic, columns: list[Array]) -> tuple[Array, Array]:
    return _summed(np.column_stack([model.response, *columns]) + 0.0, model.counts)


def _summed(table: Array, weights: Array) -> tuple[Array, Array]:
    """Distinct rows, in sorted order, and the sum of the weights of each."""
    distinct, group = np.unique(table, axis=0, return_inverse=True)
    sums = np.bincount(group.ravel(), weights=weights, minlength=len(distinct))
    return distinct, sums.astype(float)


def is_nested(small: BernoulliLogistic, large: BernoulliLogistic) -> bool:
    """Whether `small` is a special case of `large`; both must have the same rows.

    It is where every column of its design matrix (and the difference of the offsets) is a
    combination of the columns of the other, whatever their names. What is left of a column is
    measured against what the column adds to the others of its model: of time stamps, say, their
    differences. Where rows are read in batches, names decide, and whether offsets are the same.
    """
    if small.n_parameters > large.n_parameters:
        return False
    if not isinstance(large.rows, ArrayRows):
        named = [set(m.names if m.aliased is None else m.aliased.columns) for m in (small, large)]
        if not named[0] <= named[1]:
            return False
        offsets = [_offsets_in_batches(m) for m in (small, large)]
        return offsets[0] == offsets[1]
    columns = {*_digests(large.arrays.design)}
    lacking = [j for j, c in enumerate(_digests(small.arrays.design)) if c not in columns]
    same = [None if m.offset is None else m.offset.tobytes() for m in (small, large)]
    if same[0] == same[1] and not lacking:
        return True
    first, second = root_of(small.rows), root_of(large.rows)
    if first is None or second is None:
        return False
    condition = max(_condition(first), _condition(second))
    tolerance = max(IN_THE_SPAN, 100 * EPSILON * condition)
    if tolerance > LARGEST_TOLERANCE:  # no digit is left to decide by
        return False
    weights = 0.25 * large.counts
    if isinstance(first, Factored):
        if large.n_rows * len(lacking) > LARGEST_DENSE:
            raise InputError(
                f"{len(lacking)} columns of one model are not among those of the other, too many "
                "to be projected on these: code factors alike in both"
            )
        # each measured by what it adds to the others
        design: Any = small.arrays.design
        targets = np.empty((large.n_rows, len(lacking)))
        for place, j in enumerate(lacking):
            targets[:, place] = first.standard_errors[j] * design[:, j]
    else:
        targets = np.asarray(small.arrays.design, dtype=float) @ first.matrix
    if _left_over(targets, large, second, weights).max(initial=0.0) > tolerance:
        return False
    zero = np.zeros(large.n_rows)
    one, two = (zero if m.offset is None else m.offset for m in (small, large))
    size = float(np.linalg.norm(np.sqrt(weights) * np.maximum(np.abs(one), np.abs(two))))
    left = float(_left_over((one - two)[:, None], large, second, weights)[0])
    return left <= tolerance * size


def _digests(design: Any) -> list[bytes]:
    """A hash of each column, the same for the same numbers however they are held."""

    def digest(rows: NDArray[Any], entries: Array | None) -> bytes:
        found = xxhash.xxh3_128(np.ascontiguousarray(rows, dtype=np.int64).data)
        if entries is not None and not (entries == 1).all():
            found.update(np.ascontiguousarray(entries).data)
        return found.digest()

    def of_numbers(column: Array) -> bytes:
        rows = np.flatnonzero(column)
        return digest(rows, column[rows].astype(float))

    if not isinstance(design, Structured):
        return [of_numbers(column) for column in np.asarray(design).T]
    found = [b""] * design.shape[1]
    for place, column in zip(design.places, design.numbers.T, strict=True):
        found[place] = of_numbers(column)
    for factor in design.factors:
        order = np.argsort(factor.codes, kind="stable")
        ends = np.cumsum(np.bincount(factor.codes, minlength=factor.n_levels))
        for place, rows in zip(factor.columns, np.split(order, ends[:-1]), strict=True):
            if place >= 0:
                found[place] = digest(rows, None)
    if design.sparse is not None:
        held = design.by_column
        for j, place in enumerate(design.sparse_places):
            part = slice(*held.indptr[j : j + 2])
            found[place] = digest(held.indices[part], held.data[part])
    return found


def _condition(root: Root) -> float:
    """Of whitened columns, each scaled; of those that are factored it is mild, which was proved."""
    if isinstance(root, Factored):
        return 1.0
    scaled = root.matrix / np.linalg.norm(root.matrix, axis=1)[:, None]
    return float(np.linalg.cond(scaled))


def _left_over(targets: Array, model: BernoulliLogistic, root: Root, weights: Array) -> Array:
    """Length of what is left of each target when the columns of a model have taken their part."""
    design: Any = model.arrays.design
    white = None if isinstance(root, Factored) else model.design @ root.matrix
    rest = targets
    for _ in range(2):  # the second time for what rounding has left
        weighted = weights[:, None] * rest
        if white is not None:
            rest = rest - white @ (white.T @ weighted)
        else:
            rest = rest - design @ root.times(weighted.T @ design).T
    return np.asarray(np.linalg.norm(np.sqrt(weights)[:, None] * rest, axis=0))
