"""Meats of single observations, and of groups of counts, each as one observation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.common.text import count
from flatprior.models.covariance.grouped_rows import GroupedRows
from flatprior.models.covariance.leverage import LARGEST_LEVERAGE, leverages
from flatprior.models.covariance.roots import Factored, Root
from flatprior.models.covariance.sandwich import Meat, meat_of_block, meat_of_clusters
from flatprior.models.likelihood import row_terms, stack_factors
from flatprior.models.rows import Block, as_held

DIVIDED = ("HC2", "HC3", "HC4")  # by 1 - h, to some power


def _power(kind: str, leverage: Array, n: int, k: int) -> Array | float:
    """By which power of 1 - h squared residuals are divided, of n observations."""
    return {"HC2": 1.0, "HC3": 2.0}[kind] if kind != "HC4" else np.minimum(4.0, n / k * leverage)


def meats_of_rows(
    model: BernoulliLogistic, beta: Array, bread: Root, kinds: tuple[str, ...]
) -> dict[str, Array | Meat | None]:
    """The meats of single observations; None of a kind that divides by next to nothing."""
    n = model.n_observations

    def meat(block: Block, kind: str) -> Array | Meat | None:
        if kind == "HC0":
            residual = row_terms(block._replace(weights=None), beta).residual
            size = block.counts * np.square(residual)
        else:
            single = leverages(block, beta, bread)
            if (single.leverage > LARGEST_LEVERAGE).any():
                return None
            power = _power(kind, single.leverage, n, len(beta))
            size = np.asarray(block.counts * np.square(single.residual) / single.left**power)
        if isinstance(bread, Factored):
            return meat_of_block(block, bread, size)
        white = np.sqrt(size)[:, None] * (block.design @ bread.matrix)
        return np.asarray(np.linalg.qr(white, mode="r"))

    def both(one: Any, two: Any) -> Any:
        if one is None or two is None:
            return None
        return stack_factors(one, two) if isinstance(one, np.ndarray) else one + two

    def together(one: list[Any], two: list[Any]) -> list[Any]:
        return [both(*pair) for pair in zip(one, two, strict=True)]

    rows = as_held(model.rows) if isinstance(bread, Factored) else model.rows
    found = rows.reduce(lambda block: [meat(block, kind) for kind in kinds], together)
    return dict(zip(kinds, found, strict=True))


def lost(kind: str, what: str) -> PrecisionError:
    """Why a kind cannot be had of a row, or a group, of a leverage of nearly 1."""
    return PrecisionError(
        f"{kind} divides by 1 - h, of which double precision has lost half of the digits: a {what} "
        "has a leverage h above 1 - 1e-8, and a coefficient hangs on it alone (diagnose shows "
        f"which); take HC0 or HC1, or leave the {what} out"
    )


def meat_of_groups(model: BernoulliLogistic, beta: Array, bread: Root, kind: str) -> Array | Meat:
    """The meat of groups with all of their trials, as the kinds of single observations weigh them.

    Raises
    ------
    ValueError
        If there are no more groups than coefficients.
    ArithmeticError
        If a kind divides by next to nothing.
    """
    groups = GroupedRows.of(model)
    single, g = groups.leverages(beta, bread), len(groups.first)
    if g <= len(beta):
        raise InputError(
            f"{count(g, 'group')} have no more residuals than there are coefficients "
            f"({len(beta)}), and nothing is known of the variance between them: leave units at its "
            "default"
        )
    score = single.residual
    if kind in DIVIDED:
        if (single.leverage > LARGEST_LEVERAGE).any():
            raise lost(kind, "group")
        score = score / single.left ** (_power(kind, single.leverage, g, len(beta)) / 2)
    if isinstance(bread, Factored):
        own = as_held(model.arrays).select(groups.first)
        every: NDArray[Any] = np.arange(g)
        return meat_of_clusters(own, bread, score, every, g)
    return np.asarray(np.linalg.qr(score[:, None] * single.white(slice(None)), mode="r"))


def hc1_roots(model: BernoulliLogistic, places: Sequence[tuple[Array, Array]]) -> list[Array]:
    """Roots (k, r) of HC1 at several coefficients, each with what whitens there: one pass."""

    def meat(block: Block, beta: Array, white: Array) -> Array:
        size = np.sqrt(block.counts) * row_terms(block._replace(weights=None), beta).residual
        return np.asarray(np.linalg.qr(size[:, None] * (block.design @ white), mode="r"))

    def together(one: list[Array], two: list[Array]) -> list[Array]:
        return [stack_factors(*pair) for pair in zip(one, two, strict=True)]

    n, k = model.n_observations, model.n_parameters
    meats = model.rows.reduce(lambda block: [meat(block, *at) for at in places], together)
    pairs = zip(places, meats, strict=True)
    return [math.sqrt(n / (n - k)) * (white @ found.T) for (_, white), found in pairs]
