r"""Which rows were left out, of rows that are not in memory: sums over them say it.

What a filter on a column leaves out are the rows below or above one of its values. In an order of
the rows let a bin have those between two values. Sums of scores lead from one border of bins to the
next, and no sum that ends in a bin is nearer to the score of all than

.. math:: (\lVert a - t \rVert + \lVert b - t \rVert - L) / 2,

a and b the sums up to its borders, t what is looked for, and L the lengths of its scores together.
Bins that may hold a cut nearer than the two nearest ones known, and near enough to matter, are cut
into smaller ones in another pass, until none is left: no cut is missed. Single rows, duplicates (by
a hash of 64 bits) and the test sets of usual splits take a pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from flatprior.analysis.explanation.discrepancy import Discrepancy
from flatprior.analysis.explanation.scalings import location
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import printable, rows_phrase
from flatprior.models.designs.coded import Structured
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import ArrayRows, Block, Rows, as_held, hashes_of

Mask = NDArray[np.bool_]

MOST_SPLIT = 2**24  # rows, of each of which a pass knows in which test sets it is
MOST_HASHED = 2**23  # rows whose hashes are compared
MOST_SENT = 2**20  # of a cluster, to which what is known of each row goes in every pass
MOST_NUMBERS = 2**22  # in sums over bins
FEWEST_BINS, MOST_BINS = 32, 2**11  # of an order, at first
FEWEST_PARTS, MOST_PARTS = 8, 2**11  # that a bin is cut into
MOST_ROUNDS = 8
PIECE_NUMBERS = 2**18  # of scores at a time: 2 MB
SPARE = 1 + 1e-9  # of the rounding of sums


@dataclass(frozen=True, eq=False, kw_only=True)
class Left:
    """A set of rows that may have been left out.

    Attributes
    ----------
    gap : float
        Of the sum of their scores from that of all rows.
    n_rows, n_events : int
    within : callable
        Which rows of a block, whose groups are their numbers, are in it.
    text : str
    ways : float
        In how many ways such a set may come about.
    """

    gap: float
    n_rows: int
    n_events: int
    within: Callable[[Block], Mask]
    text: str
    ways: float


class Scored(NamedTuple):
    """Some rows, with their scores in whitened columns (m, k)."""

    block: Block
    scores: Array

    @property
    def numbers(self) -> NDArray[np.intp]:
        """Their places among all rows."""
        return cast(NDArray[np.intp], self.block.groups)

    @property
    def summands(self) -> Array:
        """What sums over sets are of: scores, their lengths, rows and events, (m, k + 3)."""
        event, length = self.block.sign > 0, np.linalg.norm(self.scores, axis=1)
        return np.column_stack([self.scores, length, np.ones(len(event)), event])


def scored_pieces(block: Block, b: Array, white: Array) -> Iterator[Scored]:
    """So many rows at a time that their scores have room."""
    for piece in block.split(max(PIECE_NUMBERS // max(white.shape[1], 1), 1)):
        residual = row_terms(piece, b).residual
        yield Scored(piece, residual[:, None] * (cast(Any, piece.design) @ white))


def single_row(case: Discrepancy) -> Left:
    """The row whose score is nearest that of all."""
    b, pull, white = case.b, case.pull, cast(Array, case.white)

    def of_block(block: Block) -> tuple[float, Block]:
        best: tuple[float, Block] | None = None
        for rows in scored_pieces(block, b, white):
            gaps = np.linalg.norm(rows.scores - pull, axis=1)
            at = int(gaps.argmin())
            if best is None or gaps[at] < best[0]:
                best = float(gaps[at]), rows.block.select(slice(at, at + 1))
        assert best is not None  # noqa: S101
        return best

    gap, row = _numbered(case).reduce(of_block, lambda one, two: min(one, two, key=lambda e: e[0]))
    assert row.groups is not None  # noqa: S101
    number, label = int(row.groups[0]), np.asarray(row.labels, dtype=object)[0]
    return Left(
        gap=gap,
        n_rows=1,
        n_events=int(row.sign[0] > 0),
        within=lambda block: np.asarray(cast(Any, block.groups) == number),
        text=rows_phrase([label]),
        ways=float(case.model.n_rows),
    )


def splits(case: Discrepancy, seeds: tuple[int, ...], shares: tuple[float, ...]) -> list[Left]:
    """The test sets of usual calls of scikit-learn's ``train_test_split``."""
    n, ascending = case.model.n_rows, sorted(shares)
    sizes = [math.ceil(share * n) for share in ascending]
    # the smallest of these sets of each seed that a row is in
    smallest = np.full((len(seeds), n), len(shares), dtype=np.uint8)
    for of_seed, seed in zip(smallest, seeds, strict=True):
        order = np.random.RandomState(seed).permutation(n)
        for i in reversed(range(len(sizes))):
            of_seed[order[: sizes[i]]] = i
    b, white, pull = case.b, cast(Array, case.white), case.pull

    def of_block(block: Block) -> Array:
        total = np.zeros((len(seeds), len(shares) + 1, white.shape[1] + 3))
        for rows in scored_pieces(block, b, white):
            for of_seed, into in zip(smallest, total, strict=True):
                into += _by_bin(of_seed[rows.numbers], rows.summands, len(shares) + 1)
        return total

    sums = np.cumsum(_numbered(case).reduce(of_block), axis=1)

    def within(block: Block, row: int, most: int) -> Mask:
        return np.asarray(smallest[row, cast(Any, block.groups)] <= most)

    return [
        Left(
            gap=float(np.linalg.norm(pull - sums[row, i, :-3])),
            n_rows=int(sums[row, i, -2]),
            n_events=int(sums[row, i, -1]),
            within=partial(within, row=row, most=i),
            text=f"the test set of train_test_split(test_size={share:.2g}, random_state={seed})",
            ways=len(seeds) * len(shares) + 1,
        )
        for row, seed in enumerate(seeds)
        for i, share in enumerate(ascending)
    ]


def repeated_rows(case: Discrepancy, ways: float) -> tuple[list[Left], int]:
    """The rows that repeat another, if there are any; and how many are different."""
    n, size = case.model.n_rows, max(PIECE_NUMBERS // case.model.n_parameters, 1)

    def hashes(block: Block) -> NDArray[np.uint64]:
        pieces = block.split(size)
        parts = (hashes_of(ArrayRows(each.design, (1 + each.sign) / 2)) for each in pieces)
        return np.concatenate([*parts])

    of_rows = as_held(case.model.rows).reduce(hashes, lambda one, two: np.append(one, two))
    first = np.unique(of_rows, return_index=True)[1]
    again = np.ones(n, dtype=bool)
    again[first] = False
    if not again.any():
        return [], n
    b, white = case.b, cast(Array, case.white)

    def of_block(block: Block) -> Array:
        return sum(
            (again[rows.numbers] @ rows.summands for rows in scored_pieces(block, b, white)),
            np.zeros(white.shape[1] + 3),
        )

    sums = _numbered(case).reduce(of_block)
    left = Left(
        gap=float(np.linalg.norm(case.pull - sums[:-3])),
        n_rows=int(sums[-2]),
        n_events=int(sums[-1]),
        within=lambda block: again[cast(Any, block.groups)],
        text="those that repeat another",
        ways=ways,
    )
    return [left], len(first)


@dataclass(frozen=True, kw_only=True)
class Order:
    """An order of the rows in which a filter would cut off the first or the last of them.

    By their numbers where `column` is -1; by a column, or by its distance `about` a value.
    """

    column: int
    about: float | None
    first: str
    last: str

    def keys(self, block: Block) -> Array:
        """By which rows whose groups are their numbers are ordered, (m,)."""
        if self.column < 0:
            return np.asarray(block.groups, dtype=float)
        values = np.asarray(block.design[:, self.column], dtype=float)
        return values if self.about is None else np.abs(values - self.about)

    def below(self, block: Block, most: float) -> Mask:
        """Which rows come first, up to a key."""
        return np.asarray(self.keys(block) <= most)

    def above(self, block: Block, most: float) -> Mask:
        """Which rows come last."""
        return np.asarray(self.keys(block) > most)


def orders(case: Discrepancy) -> list[Order]:
    """By number, and by each column that is no factor's indicator, which has a cut alone."""
    model = case.model
    design = in_batches(case).drawn.design
    center, scale = location(model)
    of_factors = (
        {int(j) for factor in design.factors for j in factor.columns}
        if isinstance(design, Structured)
        else set()
    )
    found = [Order(column=-1, about=None, first="the first", last="the last")]
    for j, name in enumerate(map(printable, model.names)):
        if scale[j] == 0 or j in of_factors:
            continue
        far = f"those whose distance from the mean {name} is"
        lowest, highest = f"those with the lowest {name}", f"those with the highest {name}"
        found.append(Order(column=j, about=None, first=lowest, last=highest))
        found.append(
            Order(column=j, about=float(center[j]), first=f"{far} lowest", last=f"{far} highest")
        )
    return found


class _Bins(NamedTuple):
    """Sums over the rows in each bin of an order (m, k + 3), and the ends of their keys (m,)."""

    sums: Array
    low: Array
    high: Array

    def __add__(self, other: Any) -> _Bins:
        return _Bins(
            self.sums + other.sums,
            np.minimum(self.low, other.low),
            np.maximum(self.high, other.high),
        )


def _by_bin(bins: NDArray[Any], values: Array, n_bins: int) -> Array:
    """Sums of values (m, d) over the rows of each bin, (n_bins, d)."""
    m = len(bins)
    one = csr_array((np.ones(m), bins.astype(np.int32), np.arange(m + 1)), shape=(m, n_bins))
    return np.asarray(one.T @ values)


def _binned(
    block: Block, every: list[Order], borders: list[Array], b: Array, white: Array
) -> list[_Bins]:
    """Of each order, whose bins begin at its borders."""
    found: list[_Bins] = []
    for rows in scored_pieces(block, b, white):
        values, part = rows.summands, []
        for order, edges in zip(every, borders, strict=True):
            keys, n_bins = order.keys(rows.block), len(edges) + 1
            bins = np.searchsorted(edges, keys, side="right")
            low, high = np.full(n_bins, math.inf), np.full(n_bins, -math.inf)
            np.minimum.at(low, bins, keys)
            np.maximum.at(high, bins, keys)
            part.append(_Bins(_by_bin(bins, values, n_bins), low, high))
        found = part if not found else _added(found, part)
    return found


def _added(one: list[_Bins], two: list[_Bins]) -> list[_Bins]:
    return [a + b for a, b in zip(one, two, strict=True)]


def has_room(every: list[Order], k: int) -> bool:
    """Whether sums over bins of so many orders have."""
    return len(every) * (k + 3) * FEWEST_BINS <= MOST_NUMBERS


def cuts(
    case: Discrepancy, every: list[Order], most: float, number: int
) -> tuple[list[Left], bool]:
    """Of each end of each order the `number` cuts nearest, if no farther than `most`.

    And whether no other is as near.
    """
    b, white, k, n = case.b, cast(Array, case.white), len(case.b), case.model.n_rows
    room = MOST_NUMBERS // (len(every) * (k + 3))
    drawn = in_batches(case).drawn.block_as_held(slice(None))
    shares = np.linspace(0, 1, min(room, MOST_BINS) + 1)[1:-1]
    numbers = np.linspace(0, n, len(drawn.sign))
    drawn = drawn._replace(groups=numbers)  # type: ignore[arg-type]
    borders = [np.unique(np.quantile(o.keys(drawn), shares, method="lower")) for o in every]
    searches, all_of_them = [_Search(case.pull, n, most, number) for _ in every], True
    for _ in range(MOST_ROUNDS):
        asked = [i for i, edges in enumerate(borders) if len(edges)]
        if not asked:
            break
        some = ([every[i] for i in asked], [borders[i] for i in asked])
        binned: Any = partial(_binned, every=some[0], borders=some[1], b=b, white=white)
        found: list[_Bins] = _numbered(case).reduce(binned, _added)
        for i, bins in zip(asked, found, strict=True):
            searches[i].take(bins)
        least = np.concatenate([search.least for search in searches])
        most_open = MOST_NUMBERS // (FEWEST_PARTS * (k + 3))
        if len(least) > most_open:  # where a cut may be nearest is looked into
            all_of_them = False
            limit = float(np.partition(least, most_open)[most_open])
            for search in searches:
                search.leave(limit)
        open_bins = sum(len(search.open) for search in searches)
        parts = min(MOST_NUMBERS // (max(open_bins, 1) * (k + 3)), MOST_PARTS)
        borders = [search.borders(parts) for search in searches]
    lefts = [
        left
        for order, search in zip(every, searches, strict=True)
        for left in search.found(order, 2.0 * (2 * k + 1) * n)
    ]
    return lefts, all_of_them and not any(len(edges) for edges in borders)


class _Cut(NamedTuple):
    """Rows up to a key, or beyond it, are left out."""

    gap: float
    key: float
    n_rows: int
    n_events: int


class _Search:
    """The nearest cuts at both ends of an order, as far as known, and bins to look into."""

    def __init__(self, pull: Array, n: int, most: float, number: int) -> None:
        self.pull, self.n, self.most, self.number = pull, n, most, number
        self.first: dict[float, _Cut] = {}
        self.last: dict[float, _Cut] = {}
        self.open = [(-math.inf, math.inf)]
        self.least = np.zeros(1)  # gap of a cut in each open bin, at the least

    def take(self, bins: _Bins) -> None:
        """Go on, knowing the sums over the bins that were asked for."""
        there = bins.sums[:, -2] > 0
        sums, low, high = bins.sums[there], bins.low[there], bins.high[there]
        upto = np.vstack([np.zeros(sums.shape[1]), np.cumsum(sums, axis=0)])
        ahead = np.linalg.norm(upto[:, :-3] - self.pull, axis=1)
        behind = np.linalg.norm(upto[:, :-3], axis=1)  # of the rest from the score of all
        n_rows, n_events = upto[:, -2], upto[:, -1]
        inside, nearest = np.zeros(len(sums), dtype=bool), np.full(len(sums), math.inf)
        for known, gaps, rows, events in (
            (self.first, ahead, n_rows, n_events),
            (self.last, behind, self.n - n_rows, n_events[-1] - n_events),
        ):
            left, left_events = self.n - rows, n_events[-1] - events
            fits = (rows > 0) & (rows <= self.n // 2) & (gaps <= self.most)
            fits &= (left_events > 0) & (left_events < left)
            for i in np.flatnonzero(fits[1:-1]) + 1:
                cut = _Cut(float(gaps[i]), float(high[i - 1]), int(rows[i]), int(events[i]))
                known[cut.key] = cut
            for key in sorted(known, key=lambda key: known[key].gap)[self.number :]:
                del known[key]
            enough = (
                max(cut.gap for cut in known.values()) if len(known) >= self.number else (self.most)
            )
            least = (gaps[:-1] + gaps[1:] - sums[:, -3]) / 2
            few = np.minimum(rows[:-1], rows[1:]) < self.n // 2
            here = few & (least <= enough * SPARE)
            nearest[here] = np.minimum(nearest[here], least[here])
            inside |= here
        # others were found to hold no nearer cut, and are parts of larger ones now
        starts, stops = np.array(self.open).T
        inside &= (low < high) & (high <= stops[np.searchsorted(starts, low, side="right") - 1])
        self.open = list(zip(low[inside].tolist(), high[inside].tolist(), strict=True))
        self.least = nearest[inside]

    def leave(self, limit: float) -> None:
        """Go on with the open bins that may hold a cut nearer than the limit."""
        near = self.least < limit
        self.open = [ends for ends, goes_on in zip(self.open, near, strict=True) if goes_on]
        self.least = self.least[near]

    def borders(self, parts: int) -> Array:
        """Where the smaller bins begin that the open ones are cut into."""
        inner = [
            np.append(np.linspace(low, high, parts + 1)[:-1], [high, np.nextafter(high, math.inf)])
            for low, high in self.open
        ]
        return np.unique(np.concatenate(inner)) if inner else np.zeros(0)

    def found(self, order: Order, ways: float) -> Iterator[Left]:
        """The sets of rows that the nearest cuts leave out."""
        for known, within, text in (
            (self.first, order.below, order.first),
            (self.last, order.above, order.last),
        ):
            for cut in known.values():
                yield Left(
                    gap=cut.gap,
                    n_rows=cut.n_rows,
                    n_events=cut.n_events,
                    within=partial(within, most=cut.key),
                    text=text,
                    ways=ways,
                )


def levels(case: Discrepancy) -> list[Left]:
    """The rows of a level of a factor, and the others."""
    b, white, model, k = case.b, cast(Array, case.white), case.model, len(case.b)
    design = in_batches(case).drawn.design
    if not isinstance(design, Structured):
        return []

    def of_block(block: Block) -> Array:
        residual, of_codes = row_terms(block, b).residual, cast(Any, block.design)
        sums = of_codes.cross_products(residual)
        counts = [np.ones(len(residual)) @ of_codes, (block.sign > 0) @ of_codes]
        return np.vstack([sums, *counts])

    found = as_held(model.rows).reduce(of_block)
    scores, (rows, events) = white.T @ found[:k], found[k:]
    n, n_events = model.n_rows, int(case.by_outcome.rows[1])
    lefts = []
    for j in sorted({int(j) for factor in design.factors for j in factor.columns if j >= 0}):
        name = printable(model.names[j])
        for inside, text in ((False, "lowest"), (True, "highest")):
            score = scores[:, j] if inside else case.pull - scores[:, j]
            lefts.append(
                Left(
                    gap=float(np.linalg.norm(case.pull - score)),
                    n_rows=int(rows[j] if inside else n - rows[j]),
                    n_events=int(events[j] if inside else n_events - events[j]),
                    within=partial(_is_one, column=j, one=inside),
                    text=f"those with the {text} {name}",
                    ways=2.0 * (2 * k + 1) * n,
                )
            )
    return [left for left in lefts if left.n_rows <= n // 2]


def _is_one(block: Block, column: int, one: bool) -> Mask:
    return np.asarray((np.asarray(cast(Any, block.design)[:, column]) != 0) == one)


def in_batches(case: Discrepancy) -> BatchRows:
    """The rows, which are not in memory."""
    return cast(BatchRows, case.model.rows)


def _numbered(case: Discrepancy) -> Rows:
    return as_held(in_batches(case).with_numbers)
