"""Sampling weights, and the clusters and strata of a sample of one stage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import ARRAY, count, first_of, printable, rows_phrase
from flatprior.models.encoding.columns.checks import as_series, column
from flatprior.models.encoding.columns.kinds import distinct, numbers, several_kinds
from flatprior.models.encoding.frames import one_column

Key = tuple[Any, ...]  # what tells a unit: its cluster, stratum, or both; of rows nothing


@dataclass(frozen=True, eq=False, kw_only=True)
class SamplingDesign:
    """How the rows of a model were drawn: weights that say how many people each speaks for.

    The units that were drawn are clusters, or rows; those of weight 0 were drawn too.

    Attributes
    ----------
    weights : str
        Name of the column, or "(array)".
    clusters, strata : str or None
        Likewise.
    group_of : ndarray of int (n,) or None
        The cluster of each row, numbered, or without clusters its stratum; None without either, and
        where rows are in batches, which say it themselves.
    stratum_of : ndarray of int (clusters,) or None
        The stratum of each cluster, numbered; None without clusters, or with one stratum.
    sizes : ndarray of int (strata,) or None
        Units of each stratum; None where every row of the model is one, in one stratum.
    """

    weights: str
    clusters: str | None = None
    strata: str | None = None
    group_of: NDArray[np.intp] | None = None
    stratum_of: NDArray[np.intp] | None = None
    sizes: NDArray[np.intp] | None = None

    def n_units(self, n_rows: int) -> int:
        """How many units were drawn: clusters, or rows; those of weight 0 were drawn too."""
        return n_rows if self.sizes is None else int(self.sizes.sum())

    @property
    def n_strata(self) -> int:
        """How many strata there are."""
        return 1 if self.sizes is None else len(self.sizes)

    def degrees_of_freedom(self, n_rows: int) -> int:
        """Units less strata."""
        return self.n_units(n_rows) - self.n_strata

    @property
    def said(self) -> str:
        """Weights, clusters and strata in words."""
        parts = [f"sampling weights: {printable(self.weights)}"]
        if self.clusters is not None:
            parts.append(f"{count(self.n_units(0), 'cluster')}: {printable(self.clusters)}")
        if self.strata is not None:
            parts.append(f"{self.n_strata} strata: {printable(self.strata)}")
        return ", ".join(parts)


@dataclass(frozen=True, eq=False, kw_only=True)
class Sample:
    """What somebody says of how rows were drawn: columns by name, or one value a row."""

    weights: str | ArrayLike
    clusters: str | ArrayLike | None = None
    strata: str | ArrayLike | None = None

    @classmethod
    def of(
        cls,
        weights: str | ArrayLike | None,
        clusters: str | ArrayLike | None,
        strata: str | ArrayLike | None,
        frequency_weights: object,
    ) -> Sample | None:
        """What was passed, if anything was; an error where parts do not go together."""
        if weights is None:
            for name, value in (("clusters", clusters), ("strata", strata)):
                if value is not None:
                    raise InputError(
                        f"{name} go with sampling_weights (of 1 each, where all rows were drawn "
                        "alike); robust_covariance(model, fit, cluster=...) takes clusters alone"
                    )
            return None
        if frequency_weights is not None:
            raise InputError(
                "rows have frequency weights or sampling weights, not both: the first count "
                "observations, the second say how many people a row speaks for; leave one out"
            )
        return cls(weights=weights, clusters=clusters, strata=strata)

    @property
    def roles(self) -> dict[str, str | ArrayLike]:
        """What was passed, by its role."""
        given = {"sampling_weights": self.weights, "clusters": self.clusters, "strata": self.strata}
        return {role: value for role, value in given.items() if value is not None}

    def columns(
        self, labels: pd.Index[Any], frame: pd.DataFrame | None = None
    ) -> dict[str, pd.Series[Any]]:
        """The columns by their role."""
        found = {}
        for role, value in self.roles.items():
            if not isinstance(value, str):
                found[role] = as_series(one_column(value), role, labels)
            elif frame is None:
                raise InputError(f"{role} must be one value a row, where there is no data frame")
            else:
                found[role] = column(frame, value)
        return found

    def design(
        self,
        columns: Mapping[str, pd.Series[Any]],
        complete: NDArray[np.bool_],
        keep: NDArray[np.bool_],
    ) -> SamplingDesign:
        """The design of the rows to `keep`, of all `complete` ones, some of weight 0."""
        parts = [columns[role][complete] for role in ("clusters", "strata") if role in columns]
        codes, keys = units_of(parts, int(np.count_nonzero(complete)))
        rows = dict(zip(keys, np.bincount(codes, minlength=len(keys)).tolist(), strict=True))
        found = self.designed(rows, int(np.count_nonzero(keep)))
        return replace(found, group_of=codes[keep[complete]] if parts else None)

    def designed(self, rows: Mapping[Key, int], n_kept: int) -> SamplingDesign:
        """The design of units of which each has so many rows; a model keeps `n_kept` of these.

        A cluster is told by its name within its stratum, as survey programs do with nested
        clusters.

        Raises
        ------
        ValueError
            If a stratum has one cluster (or row) only: nothing is known of its variance.
        """
        for name in self.mixed(rows):
            raise several_kinds(name, ("numbers", "text"))
        clustered, what = self.clusters is not None, "row" if self.clusters is None else "cluster"
        strata = {key[clustered:]: 0 for key in rows}  # in the order of their coming
        for key, n_rows in rows.items():
            strata[key[clustered:]] += 1 if clustered else n_rows
        lonely = [printable(str(*key)) for key, size in strata.items() if size < 2 and key]
        if lonely:
            raise InputError(
                f"strata with one {what} only, of which no variance is known "
                f"({first_of(lonely)}): merge them with others"
            )
        if clustered and sum(strata.values()) < 2:
            raise InputError(
                "there is one cluster only, of which no variance is known: name "
                "a column of several clusters"
            )
        number = {key: place for place, key in enumerate(strata)}
        alone = not clustered and self.strata is None and strata[()] == n_kept
        return SamplingDesign(
            weights=_called(self.weights),
            clusters=None if self.clusters is None else _called(self.clusters),
            strata=None if self.strata is None else _called(self.strata),
            stratum_of=np.array([number[key[1:]] for key in rows], dtype=np.intp)
            if clustered and self.strata is not None
            else None,
            sizes=None if alone else np.array(list(strata.values()), dtype=np.intp),
        )

    def mixed(self, keys: Iterable[Key]) -> list[str]:
        """The columns of clusters and strata that hold numbers in some rows and text in others."""
        named = [each for each in (self.clusters, self.strata) if each is not None]
        kinds: list[set[bool]] = [set() for _ in named]
        for key in keys:
            for kind, value in zip(kinds, key, strict=True):
                kind.add(isinstance(value, str))
        return [_called(each) for each, kind in zip(named, kinds, strict=True) if len(kind) > 1]


def _called(given: str | ArrayLike) -> str:
    return given if isinstance(given, str) else ARRAY


def units_of(columns: Sequence[pd.Series[Any]], n_rows: int) -> tuple[NDArray[np.intp], list[Key]]:
    """Which unit, or stratum, each row is of, and what tells these, in the order of their coming.

    Rows without a value in one column, the only one, are of none: -1.
    """
    codes: NDArray[np.intp] = np.zeros(n_rows, dtype=np.intp)
    keys: list[Key] = [()] if n_rows else []
    for series in columns:
        of_column, values = distinct(series)
        if not keys or keys == [()]:
            codes, keys = np.asarray(of_column, dtype=np.intp), [(value,) for value in values]
            continue
        both, pairs = pd.factorize(codes * len(values) + of_column)
        keys = [(*keys[i // len(values)], values[i % len(values)]) for i in pairs.tolist()]
        codes = np.asarray(both, dtype=np.intp)
    return codes, keys


def speaking_weights(series: pd.Series[Any], whole: bool = True) -> Array:
    """Return sampling weights as floats; they may be any finite numbers that are not negative.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.models.encoding.sampling import speaking_weights
    >>> speaking_weights(pd.Series([0.5, 120.25, 0], name="w")).tolist()
    [0.5, 120.25, 0.0]
    """
    values = numbers(series, whole)
    if (values < 0).any():
        raise InputError(
            f"column {series.name!r} has negative values in "
            f"{rows_phrase(series.index[values < 0])}; sampling weights say how many people a row "
            "speaks for, and must be 0 or more"
        )
    return values
