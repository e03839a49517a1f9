"""Contrasts of means: which combinations, what they are called, and which make a family."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.analysis.result_table import called
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import SCREEN, level_in_words, names_in, printable

Method = Literal["pairwise", "reference", "sequential", "mean"]
Comparison = Literal["difference", "ratio", "odds ratio"]
JOINED = (" - ", " / ", ": ")  # what stands between levels in titles


@dataclass(frozen=True, eq=False)
class Family:
    """Contrasts that are adjusted together.

    Attributes
    ----------
    titles : tuple of str
    matrix : ndarray (p, L)
        Of all L means.
    whose : str
        The levels of the variables within which they are; mostly empty.
    """

    titles: tuple[str, ...]
    matrix: Array
    whose: str = ""


def families(
    index: pd.Index[Any],
    references: Mapping[str, str],
    method: Method | Mapping[str, Any] | ArrayLike,
    within: Sequence[str],
    joined: str,
) -> list[Family]:
    """The contrasts of means, a family for each level of the variables `within`.

    Parameters
    ----------
    index : Index (L,)
        The cells.
    references : mapping
        Variable to its reference level.
    method : str, mapping or array_like (p, L)
    within : sequence of str
    joined : str
        What stands between two means in a title.

    Raises
    ------
    ValueError
        If a contrast names no cell, has another shape, or there is nothing to compare.
    """
    if not isinstance(method, str):
        if len(within):
            raise InputError("contrasts of one's own are of all means; leave within out")
        return [_own(index, method)]
    names = list(map(str, index.names))
    _require_names(names, within)
    cells = [label if isinstance(label, tuple) else (label,) for label in index]
    groups: dict[tuple[str, ...], list[int]] = {}
    for place, cell in enumerate(cells):
        key = tuple(cell[names.index(name)] for name in within)
        groups.setdefault(key, []).append(place)
    free = [j for j, name in enumerate(names) if name not in within]
    found = []
    for key, members in groups.items():
        if len(members) < 2:
            raise InputError("there is one mean only, and nothing to compare it with")
        short = {i: cell_title(tuple(cells[i][j] for j in free)) for i in members}
        base = next(
            (i for i in members if all(cells[i][j] == references.get(names[j]) for j in free)),
            members[0],
        )
        whose = _whose(dict(zip(within, key, strict=True)))
        titles, rows = [], []
        for weights in _weights(method, members, base):
            row = np.zeros(len(cells))
            row[list(weights)] = list(weights.values())
            plus = next(i for i, weight in weights.items() if weight > 0)
            minus = [i for i, weight in weights.items() if weight < 0]
            other = "mean" if method == "mean" else short[minus[0]]
            titles.append(f"{whose}: " * bool(whose) + f"{short[plus]} {joined} {other}")
            rows.append(row)
        found.append(Family(tuple(titles), np.array(rows), whose))
    return found


def terms(index: pd.Index[Any], within: Sequence[str]) -> Iterator[tuple[str, Array]]:
    """Main effects and interactions of the variables of means: contrasts that are 0 without them.

    Those of a term are differences over levels of its variables, averaged over all levels of
    others.

    Parameters
    ----------
    index : Index (L,)
        All combinations of levels, the last variable changing fastest.
    within : sequence of str
        Variables at each level of which the others have terms of their own.

    Yields
    ------
    title : str
    matrix : ndarray (p, L)
    """
    names = list(map(str, index.names))
    _require_names(names, within)
    if not index.is_unique:
        raise InputError("a level has two means, so that there are no terms")
    free = [name for name in names if name not in within]
    levels = {name: list(dict.fromkeys(index.get_level_values(name))) for name in names}
    for held in itertools.product(*(range(len(levels[name])) for name in within)):
        at = dict(zip(within, held, strict=True))
        whose = _whose({name: levels[name][i] for name, i in at.items()})
        for size in range(1, len(free) + 1):
            for term in itertools.combinations(free, size):
                matrix = np.ones((1, 1))
                for name in names:
                    n = len(levels[name])
                    part = np.full((1, n), 1 / n)
                    if name in at:
                        part = np.eye(n)[at[name]][None]
                    elif name in term:
                        part = np.hstack([np.ones((n - 1, 1)), -np.eye(n - 1)])
                    matrix = np.kron(matrix, part)
                if len(matrix):
                    yield f"{whose}: " * bool(whose) + ":".join(term), matrix


def _whose(levels: Mapping[str, str]) -> str:
    """The levels within which contrasts are, in words."""
    return ", ".join(
        f"{name} {level_in_words(level, ', ', *JOINED)}" for name, level in levels.items()
    )


def cell_title(label: Any) -> str:
    """What a cell of one variable or of several is called, in a table and in titles."""
    return called(label if isinstance(label, tuple) else (label,), *JOINED)


def _require_names(names: list[str], within: Sequence[str]) -> None:
    for name in within:
        if name not in names:
            raise InputError(
                f"the means are not by {printable(name)!r}; they are by {names_in(SCREEN, names)}"
            )


def _weights(method: str, members: list[int], base: int) -> Iterator[dict[int, float]]:
    pairs: Iterable[tuple[int, int]]
    if method == "pairwise":
        pairs = itertools.combinations(members, 2)
    elif method == "reference":
        pairs = ((i, base) for i in members if i != base)
    elif method == "sequential":
        pairs = ((later, earlier) for earlier, later in itertools.pairwise(members))
    else:
        share = 1 / len(members)
        for i in members:
            yield {i: 1 - share} | {j: -share for j in members if j != i}
        return
    for one, two in pairs:
        yield {one: 1.0, two: -1.0}


def _own(index: pd.Index[Any], given: Mapping[str, Any] | ArrayLike) -> Family:
    """Contrasts by name, each a mapping of cells to weights or as many weights as there are means.

    Or a matrix of them.
    """
    n = len(index)
    place = {cell_title(label): i for i, label in enumerate(index)}
    place |= {label: i for i, label in enumerate(index)}
    if isinstance(given, pd.DataFrame):
        given = {str(title): dict(row) for title, row in given.iterrows()}
    if not isinstance(given, Mapping):
        try:
            rows = np.atleast_2d(np.asarray(given, dtype=float))
        except (TypeError, ValueError):
            methods = names_in(SCREEN, [*map(repr, get_args(Method))])
            raise InputError(
                f"contrasts are one of {methods}, a mapping of names to weights, or a matrix with "
                "a column a mean"
            ) from None
        given = {f"contrast {i + 1}": row for i, row in enumerate(rows)}
    matrix = np.zeros((len(given), n))
    for own, (title, weights) in zip(matrix, given.items(), strict=True):
        if isinstance(weights, Mapping):
            for label, weight in weights.items():
                key = tuple(map(str, label)) if isinstance(label, tuple) else str(label)
                if key not in place:
                    raise InputError(
                        f"there is no mean {called(key)!r}; they are "
                        f"{names_in(SCREEN, [*map(cell_title, index)])}"
                    )
                own[place[key]] = float(weight)
        else:
            values = np.asarray(weights, dtype=float)
            if values.shape != (n,):
                raise InputError(
                    f"the contrast {printable(title)!r} has shape {values.shape}; there are {n} "
                    "means, and as many weights"
                )
            own[:] = values
    if not len(matrix) or not np.isfinite(matrix).all() or not matrix.any(axis=1).all():
        raise InputError("the weights of a contrast must be finite, and not all 0")
    return Family(tuple(map(str, given)), matrix)
