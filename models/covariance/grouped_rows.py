"""Which rows are of one group of counts, and what is known of a group as one observation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.covariance.leverage import LARGEST_LEVERAGE, Leverages
from flatprior.models.covariance.roots import Root
from flatprior.models.designs.coded import Structured
from flatprior.models.likelihood import linear_predictor
from flatprior.models.model import BernoulliLogistic
from flatprior.models.rows import ArrayRows, Block, as_held


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupedRows:
    """Groups of counts, each as one observation.

    Attributes
    ----------
    block : Block
        The first row of each group, (g, k).
    successes, failures : ndarray (g,)
    numbers : ndarray of int (n,)
        The group of each row of the model.
    first : ndarray of int (g,)
        The place of the first row of each.
    """

    block: Block
    successes: Array
    failures: Array
    numbers: NDArray[np.intp]
    first: NDArray[np.intp]

    @classmethod
    def of(cls, model: BernoulliLogistic) -> GroupedRows:
        """Of a model of grouped counts, whose rows are in memory.

        Examples
        --------
        >>> import pandas as pd
        >>> from flatprior.models import BernoulliLogistic
        >>> from flatprior.models.covariance.grouped_rows import GroupedRows
        >>> counts = pd.DataFrame({"s": [3, 1], "f": [2, 4], "x": [0.0, 1.0]})
        >>> groups = GroupedRows.of(BernoulliLogistic.from_formula("cbind(s, f) ~ x", counts))
        >>> groups.successes.tolist(), groups.failures.tolist(), groups.numbers.tolist()
        ([3.0, 1.0], [2.0, 4.0], [0, 0, 1, 1])
        """
        numbers = groups_of_rows(model)
        block = as_held(model.arrays).block(slice(None))
        first = np.unique(numbers, return_index=True)[1]
        event, counts, g = block.sign > 0, block.counts, len(first)
        return cls(
            block=block.select(first),
            successes=_summed(numbers, np.where(event, counts, 0.0), g),
            failures=_summed(numbers, np.where(event, 0.0, counts), g),
            numbers=numbers,
            first=first,
        )

    def leverages(self, coefficients: Array, root: Root) -> Leverages:
        """Leverage of each group, and what else `Leverages` has, of all of its trials together."""
        eta = linear_predictor(self.block, coefficients)
        chance, other = expit(eta), expit(-eta)
        length = root.lengths(self.block.design)
        curvature = (self.successes + self.failures) * chance * other
        leverage = curvature * np.square(length)
        return Leverages(
            design=self.block.design,
            root=root,
            length=length,
            # s - n p, in which nothing cancels that is not equal
            residual=self.successes * other - self.failures * chance,
            curvature=curvature,
            leverage=leverage,
            left=np.maximum(1 - leverage, 1 - LARGEST_LEVERAGE),
        )


def _summed(numbers: NDArray[np.intp], counts: Array, groups: int) -> Array:
    return np.asarray(np.bincount(numbers, counts, groups), dtype=float)


def require_groups(model: BernoulliLogistic) -> None:
    """Raise a `ValueError` unless the response is of grouped counts."""
    if model.trials is None:
        raise InputError(
            'units="groups" are of grouped counts, and each row here is an observation: leave '
            "units at its default, or give cluster= what says which rows belong together"
        )


def groups_of_rows(model: BernoulliLogistic) -> NDArray[np.intp]:
    """The group of each row (n,) of a model of grouped counts, numbered.

    A group is a row of 1 and the row of 0 that follows it, or one of them.

    Raises
    ------
    ValueError
        If rows are not in memory, or some have one label and cannot be told apart.
    """
    rows = model.rows
    if not isinstance(rows, ArrayRows):
        raise InputError(
            'units="groups" need the rows in memory; where they are read in batches, '
            "robust_covariance takes a column that numbers the groups as the cluster"
        )
    labels = model.row_labels
    alike = np.zeros(rows.n_rows, dtype=bool)
    alike[1:] = (rows.response[1:] == 0) & (rows.response[:-1] == 1)
    alike[1:] &= np.asarray(labels[1:] == labels[:-1])
    alike[1:] &= _as_before(rows.design)
    if rows.offset is not None:
        alike[1:] &= rows.offset[1:] == rows.offset[:-1]
    group = np.cumsum(~alike) - 1
    if model.trials is None or group[-1] + 1 != model.trials.n_groups:
        raise InputError(
            "groups of one label follow one another, and cannot be told apart: give each row of "
            "the data its own label (frame.reset_index(drop=True))"
        )
    return np.asarray(group, dtype=np.intp)


def _as_before(design: Array | Structured) -> NDArray[np.bool_]:
    """Whether each row but the first is the one before it, (n - 1,)."""
    if not isinstance(design, Structured) or design.sparse is not None:
        written = np.asarray(design)
        return np.asarray((written[1:] == written[:-1]).all(axis=1))
    alike = (design.numbers[1:] == design.numbers[:-1]).all(axis=1)
    for factor in design.factors:
        alike &= factor.codes[1:] == factor.codes[:-1]
    return np.asarray(alike)
