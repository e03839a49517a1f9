"""Which observations each fit of a validation is of: bootstrap samples, and folds.

Each sample comes from a seed of its own, made of the seed of all and its number. So it is the same
whatever else is drawn, in whatever order and by however many threads; and it is of rows by their
number, so that rows of files are drawn as the same rows in memory are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.rows import ArrayRows

MOST_DEALT = 10**9  # counts that NumPy deals out without replacement


@dataclass(frozen=True, eq=False, kw_only=True)
class Observations:
    """What is drawn from.

    Attributes
    ----------
    counts : ndarray (n,)
        Observations of each row.
    weighted : bool
        Whether these are not 1 everywhere.
    strata : tuple of ndarray of int
        Rows that are drawn from by themselves: all of them, or events and others.
    clusters : ndarray of int (n,) or None
        The number of each row's cluster, where clusters are drawn, as a whole, in place of
        observations.
    """

    counts: Array
    weighted: bool
    strata: tuple[NDArray[np.intp], ...]
    clusters: NDArray[np.intp] | None = None

    @classmethod
    def of(
        cls, rows: ArrayRows, stratified: bool, clusters: NDArray[np.intp] | None = None
    ) -> Observations:
        """Those of some rows; `stratified`, events and others apart, or in these clusters."""
        weights = rows.weights
        events = rows.response > 0
        parts = (events, ~events) if stratified else (np.ones(rows.n_rows, dtype=bool),)
        return cls(
            counts=np.ones(rows.n_rows) if weights is None else weights,
            weighted=weights is not None,
            strata=tuple(np.flatnonzero(part) for part in parts if part.any()),
            clusters=clusters,
        )

    @property
    def total(self) -> int:
        """How many there are."""
        return int(self.counts.sum())

    @property
    def n_clusters(self) -> int:
        """How many clusters there are, 0 without."""
        return 0 if self.clusters is None else int(self.clusters.max()) + 1


def generator(seed: int, number: int) -> np.random.Generator:
    """The generator of one sample of all that a seed makes."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(number,)))


def bootstrap_counts(drawn_from: Observations, seed: int, numbers: Sequence[int]) -> Array:
    """How often each row is in some bootstrap samples, (d, n).

    As many observations as there are, of each stratum, drawn with replacement; or as many clusters
    as there are, each with all of its rows.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.validation.resampling import Observations, bootstrap_counts
    >>> from flatprior.models.rows import ArrayRows
    >>> rows = ArrayRows(np.ones((4, 1)), np.array([0.0, 1.0, 1.0, 0.0]))
    >>> plain, apart = (Observations.of(rows, stratified) for stratified in (False, True))
    >>> bootstrap_counts(plain, 1, range(1000)).mean(axis=0).round(1).tolist()
    [1.0, 1.0, 1.0, 1.0]
    >>> bool((bootstrap_counts(apart, 1, range(9)) @ rows.response == 2).all())
    True
    """
    found = np.zeros((len(numbers), len(drawn_from.counts)))
    for counts, number in zip(found, numbers, strict=True):
        rng = generator(seed, number)
        if drawn_from.clusters is not None:
            n = drawn_from.n_clusters
            times = np.bincount(rng.integers(0, n, size=n), minlength=n)
            counts[:] = drawn_from.counts * times[drawn_from.clusters]
            continue
        for rows in drawn_from.strata:
            if drawn_from.weighted:
                own = drawn_from.counts[rows]
                counts[rows] = rng.multinomial(int(own.sum()), own / own.sum())
            else:
                drawn = rng.integers(0, len(rows), size=len(rows))
                counts[rows] = np.bincount(drawn, minlength=len(rows))
    return found


def fold_counts(drawn_from: Observations, seed: int, number: int, folds: int) -> Array:
    """How many observations of each row are in each fold of one cut of all of them, (folds, n).

    Folds are dealt out at random, stratum by stratum in turn: their sizes differ by 1 at most, and
    so do their shares of each stratum. Or clusters are, as a whole: their numbers differ by 1 at
    most.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.validation.resampling import Observations, fold_counts
    >>> from flatprior.models.rows import ArrayRows
    >>> rows = ArrayRows(np.ones((7, 1)), np.array([0.0, 1.0, 1.0, 0.0, 1.0, 0.0, 1.0]))
    >>> folds = fold_counts(Observations.of(rows, True), seed=1, number=0, folds=2)
    >>> folds.sum(axis=0).tolist(), folds.sum(axis=1).tolist(), (folds @ rows.response).tolist()
    ([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0], [4.0, 3.0], [2.0, 2.0])
    """
    rng = generator(seed, number)
    found = np.zeros((folds, len(drawn_from.counts)))
    if drawn_from.clusters is not None:
        every = np.arange(drawn_from.n_clusters)
        fold_of = np.empty_like(every)
        fold_of[rng.permutation(every)] = every % folds
        of_row = fold_of[drawn_from.clusters]
        found[of_row, np.arange(len(of_row))] = drawn_from.counts
        return found
    dealt = 0
    for rows in drawn_from.strata:
        if not drawn_from.weighted:
            found[(dealt + np.arange(len(rows))) % folds, rng.permutation(rows)] = 1
            dealt += len(rows)
            continue
        left = drawn_from.counts[rows].astype(np.int64)
        total = int(left.sum())
        if total >= MOST_DEALT:
            raise InputError(
                f"{total} observations are too many to be dealt out to folds one by one; use "
                'method="bootstrap", or counts in a larger unit'
            )
        turns = (np.arange(folds) - dealt) % folds  # when each fold has its first
        sizes = ((total - turns + folds - 1) // folds).tolist()
        for fold, size in enumerate(sizes[:-1]):
            taken = rng.multivariate_hypergeometric(left, size, method="marginals")
            found[fold, rows] = taken
            left -= taken
        found[folds - 1, rows] = left
        dealt += total
    return found
