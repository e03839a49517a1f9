"""Rows that are read in batches, brought into memory for programs that take no other.

PyMC and scikit-learn need all rows at once. Where these are many, identical ones are counted as
they come: data of few-valued columns fit into memory however long the file is.
"""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import RouteUnavailableError
from flatprior.models.rows import ArrayRows, Block, consecutive, merge_identical

MOST_NUMBERS = 2**25  # of a design that is gathered: 256 MB, of which such programs make copies


def rows_in_memory(model: BernoulliLogistic, who: str) -> ArrayRows:
    """The rows of a model for a program, called `who`, that takes them all at once.

    Raises
    ------
    RouteUnavailableError
        If they lie on a cluster, or are too many.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> from flatprior.models.gathering import rows_in_memory
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> rows_in_memory(model, "PyMC") is model.rows
    True
    """
    rows = model.rows
    if isinstance(rows, ArrayRows):
        return rows
    if not rows.at_hand:
        raise RouteUnavailableError(
            f"{who} needs all rows in memory, and these stay on the cluster; the routes newton and "
            "independence take them where they lie"
        )
    most = MOST_NUMBERS // rows.n_columns
    too_many = RouteUnavailableError(
        f"{who} needs all rows in memory, and {rows.n_rows} rows of {rows.n_columns} columns are "
        f"{8 * rows.n_rows * rows.n_columns / 1e9:.2g} GB, most of them distinct; the routes "
        "newton and independence read them in batches"
    )
    drawn = rows.drawn
    if rows.n_rows > most and merge_identical(drawn) is drawn:
        raise too_many

    # blocks of rows, each with the number of rows in it; neighbours that grow alike are joined, so
    # that a row is copied, and compared with others, as often as a number of blocks has digits
    def of_block(block: Block) -> tuple[ArrayRows, ...]:
        found = merge_identical(ArrayRows.of(block))
        if found.n_rows > most:
            raise too_many
        return (found,)

    def together(one: tuple[ArrayRows, ...], two: tuple[ArrayRows, ...]) -> tuple[ArrayRows, ...]:
        parts = list(one)
        for part in two:
            while parts and parts[-1].n_rows <= part.n_rows:
                part = _joined(parts.pop(), part)
            parts.append(part)
        if sum(part.n_rows for part in parts) > most:
            # the last chance: what is in several parts is counted there once each
            parts = [functools.reduce(_joined, parts)]
            if parts[0].n_rows > most:
                raise too_many
        return tuple(parts)

    parts: tuple[ArrayRows, ...] = rows.reduce_as_held(of_block, together)
    return functools.reduce(_joined, parts)


def as_drawn(model: BernoulliLogistic) -> BernoulliLogistic:
    """The model with its rows in memory, where the first pass kept all of them; else itself.

    Of few rows the random sample that it draws is the whole, in its order.

    Examples
    --------
    >>> import pandas as pd
    >>> from dask import dataframe
    >>> from flatprior.models import BernoulliLogistic
    >>> from flatprior.models.gathering import as_drawn
    >>> frame = pd.DataFrame({"x": [0, 1, 2, 3], "y": [0, 1, 0, 1]})
    >>> model = BernoulliLogistic.from_dask(dataframe.from_pandas(frame, npartitions=2), "y ~ x")
    >>> as_drawn(model).response.tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    if isinstance(model.rows, ArrayRows) or model.rows.drawn.n_rows < model.n_rows:
        return model
    rows = model.rows
    return replace(model, rows=rows.drawn, row_labels=rows.drawn_labels)


def in_order(model: BernoulliLogistic, who: str) -> BernoulliLogistic:
    """The model with all its rows in memory, in their order, written out; for `who` numbers them.

    Raises
    ------
    ValueError
        If they stay on a cluster, or are too many.

    Examples
    --------
    >>> import pandas as pd
    >>> from dask import dataframe
    >>> from flatprior.models import BernoulliLogistic
    >>> from flatprior.models.gathering import in_order
    >>> frame = pd.DataFrame({"x": [0, 1, 2, 3], "y": [0, 1, 0, 1]})
    >>> model = BernoulliLogistic.from_dask(dataframe.from_pandas(frame, npartitions=2), "y ~ x")
    >>> in_order(model, "validate").response.tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    model = as_drawn(model)
    rows = model.rows
    if isinstance(rows, ArrayRows):
        return model
    if not rows.at_hand or rows.n_rows * rows.n_columns > MOST_NUMBERS:
        raise InputError(
            f"{who} needs all rows in memory, in their order, and "
            + (
                f"{rows.n_rows} rows of {rows.n_columns} columns are too many for it"
                if rows.at_hand
                else "these stay on the cluster"
            )
            + "; build the model on a random sample of them"
        )
    parts = rows.reduce(lambda block: (block._replace(groups=None, labels=None),))

    def joined(each: Any) -> Any:
        return None if each[0] is None else np.concatenate(each)

    whole = Block(*map(joined, zip(*parts, strict=True)))
    return replace(model, rows=ArrayRows.of(whole), row_labels=pd.RangeIndex(rows.n_rows))


def _joined(one: ArrayRows, two: ArrayRows) -> ArrayRows:
    """The rows of both, identical ones counted."""
    first, second = (part.block_as_held(slice(None)) for part in (one, two))
    if (first.weights is None) != (second.weights is None):
        first, second = (
            part._replace(weights=np.ones(len(part.sign)) if part.weights is None else part.weights)
            for part in (first, second)
        )
    return merge_identical(ArrayRows.of(consecutive(first, second)))
