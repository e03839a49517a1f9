"""Sampling weights, and the clusters and strata of a sample of one stage."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import ARRAY, count, first_of, printable, rows_phrase
from flatprior.models.encoding.columns.checks import as_series, column
from flatprior.models.encoding.columns.kinds import numbers
from flatprior.models.encoding.frames import one_column


@dataclass(frozen=True, eq=False, kw_only=True)
class SamplingDesign:
    """How the rows of a model were drawn: weights that say how many people each speaks for.

    Attributes
    ----------
    weights : str
        Name of the column, or "(array)".
    clusters, strata : str or None
        Likewise.
    unit_of : ndarray of int (n,) or None
        The unit that was drawn of each row, a cluster or the row itself, numbered; None where every
        row is one.
    units : int or None
        How many there are, those of weight 0 too; None where every row is one.
    stratum_of : ndarray of int (units,) or None
        The stratum of each unit, numbered; None where there is one stratum.
    """

    weights: str
    clusters: str | None = None
    strata: str | None = None
    unit_of: NDArray[np.intp] | None = None
    units: int | None = None
    stratum_of: NDArray[np.intp] | None = None

    def n_units(self, n_rows: int) -> int:
        """How many units were drawn: clusters, or rows; those of weight 0 were drawn too."""
        return n_rows if self.units is None else self.units

    @property
    def n_strata(self) -> int:
        """How many strata there are."""
        return 1 if self.stratum_of is None else int(self.stratum_of.max()) + 1

    def degrees_of_freedom(self, n_rows: int) -> int:
        """Units less strata."""
        return self.n_units(n_rows) - self.n_strata

    @property
    def said(self) -> str:
        """Weights, clusters and strata in words."""
        parts = [f"sampling weights: {printable(self.weights)}"]
        if self.clusters is not None:
            parts.append(f"{count(self.n_units(0), 'cluster')}: {printable(self.clusters)}")
        if self.stratum_of is not None:
            parts.append(f"{self.n_strata} strata: {printable(self.strata or '')}")
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
                "observations, the second say how many people a row speaks for"
            )
        return cls(weights=weights, clusters=clusters, strata=strata)

    def columns(
        self, labels: pd.Index[Any], frame: pd.DataFrame | None = None
    ) -> dict[str, pd.Series[Any]]:
        """The columns by their role."""
        roles = {"sampling_weights": self.weights, "clusters": self.clusters, "strata": self.strata}
        found = {}
        for role, value in roles.items():
            if value is None:
                continue
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

        def part(role: str, given: str | ArrayLike | None) -> tuple[str, pd.Series[Any]] | None:
            if role not in columns:
                return None
            return given if isinstance(given, str) else ARRAY, columns[role][complete]

        return sampling_design(
            self.weights if isinstance(self.weights, str) else ARRAY,
            part("clusters", self.clusters),
            part("strata", self.strata),
            keep[complete],
        )


def speaking_weights(series: pd.Series[Any]) -> Array:
    """Return sampling weights as floats; they may be any finite numbers that are not negative.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.models.encoding.sampling import speaking_weights
    >>> speaking_weights(pd.Series([0.5, 120.25, 0], name="w")).tolist()
    [0.5, 120.25, 0.0]
    """
    values = numbers(series)
    if (values < 0).any():
        raise InputError(
            f"column {series.name!r} has negative values in "
            f"{rows_phrase(series.index[values < 0])}; sampling weights say how many people a row "
            "speaks for, and must be 0 or more"
        )
    return values


def sampling_design(
    weights: str,
    clusters: tuple[str, pd.Series[Any]] | None,
    strata: tuple[str, pd.Series[Any]] | None,
    keep: NDArray[np.bool_],
) -> SamplingDesign:
    """Number clusters and strata of the rows that were drawn, of which a model keeps some.

    A cluster is told by its name within its stratum, as survey programs do with nested clusters.

    Raises
    ------
    ValueError
        If a stratum has one cluster (or row) only: nothing is known of its variance.
    """
    n = len(keep)
    stratum_of: NDArray[np.intp] | None = None
    levels: Sequence[Any] = ()
    if strata is not None:
        codes, found = pd.factorize(strata[1], sort=False)
        stratum_of, levels = np.asarray(codes, dtype=np.intp), list(found)
    unit_of = np.arange(n)
    if clusters is not None:
        keys = pd.DataFrame({"cluster": clusters[1].array})
        if stratum_of is not None:
            keys["stratum"] = stratum_of
        grouped = keys.groupby(list(keys.columns), sort=False, observed=True).ngroup()
        unit_of = np.asarray(grouped, dtype=np.intp)
        first = np.unique(unit_of, return_index=True)[1]
        stratum_of = None if stratum_of is None else stratum_of[first]
    units = int(unit_of.max()) + 1 if n else 0
    what = "cluster" if clusters is not None else "row"
    if stratum_of is not None:
        sizes = np.bincount(stratum_of)
        if (sizes < 2).any():
            lonely = [str(levels[int(i)]) for i in np.flatnonzero(sizes < 2)]
            raise InputError(
                f"strata with one {what} only, of which no variance is known "
                f"({first_of(map(printable, lonely))}): merge them with others"
            )
    elif units == 1 and clusters is not None:
        raise InputError("there is one cluster only, of which no variance is known")
    every = clusters is None and bool(keep.all())
    return SamplingDesign(
        weights=weights,
        clusters=None if clusters is None else clusters[0],
        strata=None if strata is None else strata[0],
        unit_of=None if every else unit_of[keep],
        units=None if every else units,
        stratum_of=stratum_of,
    )
