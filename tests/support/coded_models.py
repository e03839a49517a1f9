"""Models whose factors are held as codes, and the same written out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from flatprior.models import BernoulliLogistic
from flatprior.models.codes.passes import sums_of
from flatprior.models.codes.sums import Sums
from flatprior.models.designs.coded import Factor, Structured
from flatprior.models.encoding.formulas import coded
from flatprior.models.rows import ArrayRows


@contextmanager
def held_as_codes(codes: bool) -> Iterator[None]:
    """Factors are held as codes, however small the data; or never, and written by formulaic."""
    before = coded.SMALLEST, coded.FEW_INDICATORS, coded.MOST_WRITTEN
    coded.SMALLEST, coded.FEW_INDICATORS = (0, 0) if codes else (10**18, 10**18)
    coded.MOST_WRITTEN = before[-1] if codes else -1
    try:
        yield
    finally:
        coded.SMALLEST, coded.FEW_INDICATORS, coded.MOST_WRITTEN = before


def both(
    formula: str, frame: pd.DataFrame, **columns: Any
) -> tuple[BernoulliLogistic, BernoulliLogistic]:
    """The model with its factors as codes, and written out."""
    with held_as_codes(True):
        one = BernoulliLogistic.from_formula(formula, frame, **columns)
    with held_as_codes(False):
        two = BernoulliLogistic.from_formula(formula, frame, **columns)
    assert isinstance(one.rows, ArrayRows)
    assert isinstance(one.rows.design, Structured)
    assert isinstance(two.rows, ArrayRows)
    assert isinstance(two.rows.design, np.ndarray)
    return one, two


def held(
    design: Structured, response: np.ndarray, **beside: Any
) -> tuple[BernoulliLogistic, BernoulliLogistic]:
    """The model of a design as it is held, and written out; `beside` is of `from_arrays`."""
    written = BernoulliLogistic.from_arrays(written_out(design), response, **beside)
    return replace(written, rows=replace(written.rows, design=design)), written


def held_sums(model: BernoulliLogistic) -> Sums:
    """Those of a model one of whose factors is a diagonal."""
    found = sums_of(model.rows)
    assert found is not None
    return found


KINDS = ("plain", "no factor", "no constant", "every level", "cells left out", "one factor")


def drawn_design(kind: str, seed: int, n: int = 60) -> Structured:
    """Numbers, factors and sparse columns; see `KINDS`."""
    rng = np.random.default_rng(seed)
    sizes = tuple(int(size) for size in rng.integers(2, 6, 2))
    found = structured(n, seed, d=int(rng.integers(0, 3)), levels=sizes, s=int(rng.integers(1, 4)))
    entries = found.sparse
    if kind == "no constant":
        return found.with_columns(np.arange(1, found.shape[1]))
    if kind == "no factor":
        d = len(found.places)
        own = np.arange(d, d + entries.shape[1])
        return replace(found, factors=(), sparse_places=own)
    if kind == "every level":
        first, second = found.factors
        moved = [np.append(0, first.columns[1:]), second.columns]
        return replace(
            found,
            numbers=found.numbers[:, 1:],
            places=found.places[1:],
            factors=tuple(replace(f, columns=c) for f, c in zip(found.factors, moved, strict=True)),
        )
    if kind == "cells left out":
        k, last = found.shape[1], found.factors[1].columns[-1]
        return found.with_columns(np.delete(np.arange(k), last))
    if kind == "one factor":
        return found.with_columns(
            np.delete(np.arange(found.shape[1]), found.factors[1].columns[1:])
        )
    return found


def outcomes(design: Structured, seed: int) -> np.ndarray:
    """Outcomes that depend on every column, (n,)."""
    rng = np.random.default_rng(seed)
    matrix = written_out(design)
    beta = rng.normal(size=matrix.shape[1]) / 3
    return (rng.random(len(matrix)) < 1 / (1 + np.exp(-matrix @ beta))).astype(float)


def rare_words(seed: int) -> tuple[Structured, np.ndarray]:
    """A design some of whose sparse columns have few rows, and outcomes."""
    rng = np.random.default_rng(seed)
    n, s = int(rng.integers(60, 200)), int(rng.integers(1, 9))
    design = drawn_design(str(rng.choice(KINDS)), seed, n)
    filled = rng.choice([0.01, 0.03, 0.1, 0.3], size=s)
    words = (rng.random((n, s)) < filled) * rng.choice([1.0, 1.0, 2.0, -1.5], size=(n, s))
    words[:2] = 0.0
    k = design.shape[1] - len(design.sparse_places)
    design = design.with_columns(np.setdiff1d(np.arange(design.shape[1]), design.sparse_places))
    if seed % 3 == 0:  # of one sign, as counts are
        words = np.abs(words)
    y = (rng.random(n) < rng.choice([0.05, 0.2, 0.5])) * 1.0
    y[:2] = 0.0, 1.0
    return design.beside(sparse.csr_array(words), np.arange(k, k + s)), y


def survey(n: int, seed: int) -> pd.DataFrame:
    """Two numbers, three factors, counts, offsets and weights; both outcomes in every cell."""
    rng = np.random.default_rng(seed)
    g, h = rng.integers(0, 4, n), rng.integers(0, 3, n)
    frame = pd.DataFrame(
        {
            "x": rng.normal(size=n) + 3,
            "z": rng.normal(size=n),
            "g": np.array(["red", "blue", "green", "amber"], dtype=object)[g],
            "h": np.array(["north", "south", "west"], dtype=object)[h],
            "b": np.array(["no", "yes"], dtype=object)[rng.integers(0, 2, n)],
            "s": np.array([f"s{i}" for i in range(10)], dtype=object)[np.arange(n) % 10],
            "w": rng.integers(1, 5, n),
            "o": rng.normal(size=n) / 2,
            "trials": rng.integers(2, 9, n),
        }
    )
    eta = 0.4 * frame["z"] - 0.5 + 0.3 * (g == 1) - 0.4 * (h == 2)
    rate = 1 / (1 + np.exp(-eta))
    frame["y"] = (rng.random(n) < rate).astype(int)
    frame["events"] = rng.binomial(frame["trials"], rate)
    return frame


def rare(seed: int) -> tuple[str, pd.DataFrame]:
    """Rows of up to three factors, some of whose levels are rare; and a formula."""
    rng = np.random.default_rng(seed)
    n, sizes = int(rng.integers(60, 300)), rng.integers(3, 9, int(rng.integers(1, 4)))
    frame = pd.DataFrame({"x": rng.normal(size=n)})
    frame["y"] = (rng.random(n) < rng.choice([0.05, 0.2, 0.5])).astype(int)
    frame.loc[0, "y"], frame.loc[1, "y"] = 0, 1
    for i, size in enumerate(sizes):
        levels = np.array([f"l{j}" for j in range(size)], dtype=object)
        frame[f"g{i}"] = levels[rng.choice(size, n, p=rng.dirichlet(np.full(size, 0.7)))]
        frame.loc[0, f"g{i}"], frame.loc[1, f"g{i}"] = "l0", "l1"
    factors = " + ".join(f"g{i}" for i in range(len(sizes)))
    formula = f"y ~ 0 + {factors} + x" if seed % 4 == 3 else f"y ~ x + {factors}"
    if seed % 7 == 5 and len(sizes) > 1:
        formula += " + g0:g1"
    return formula, frame


def sparse_columns(rng: np.random.Generator, n: int, s: int) -> sparse.csr_array:
    """Columns that are 0 in most rows: of ones, of counts, of any numbers."""
    matrix = np.where(rng.random((n, s)) < 0.15, 1.0, 0.0)
    for j, kind in enumerate(rng.integers(0, 3, s)):
        if kind:
            matrix[:, j] *= rng.integers(1, 4, n) if kind == 1 else rng.normal(size=n)
    return sparse.csr_array(matrix)


def structured(
    n: int, seed: int, d: int = 2, levels: tuple[int, ...] = (4, 3), s: int = 0
) -> Structured:
    """Numbers, first the column of ones, factors with a reference level each, sparse columns."""
    rng = np.random.default_rng(seed)
    numbers = np.column_stack([np.ones(n), rng.normal(size=(n, d)) + 2])
    at, factors = 1 + d, []
    for size in levels:
        codes = np.resize(rng.permutation(size), n).astype(np.int32)
        columns = np.concatenate([[-1], np.arange(at, at + size - 1)])
        names = tuple(f"l{i}" for i in range(size))
        factors.append(Factor(rng.permutation(codes), columns, f"f{len(factors)}", (names,)))
        at += size - 1
    found = Structured(numbers, np.arange(1 + d), tuple(factors))
    if not s:
        return found
    return replace(found, sparse=sparse_columns(rng, n, s), sparse_places=np.arange(at, at + s))


def written_out(design: Structured) -> np.ndarray:
    """The matrix, number by number."""
    n, k = design.shape
    matrix = np.zeros((n, k))
    for i in range(n):
        for j, place in enumerate(design.places):
            matrix[i, place] = design.numbers[i, j]
        for factor in design.factors:
            column = factor.columns[factor.codes[i]] if factor.n_levels else -1
            if column >= 0:
                matrix[i, column] = 1.0
        if design.sparse is not None:
            for j, value in zip(*_row(design.sparse, i), strict=True):
                matrix[i, design.sparse_places[j]] = value
    return matrix


def _row(matrix: sparse.csr_array, i: int) -> tuple[np.ndarray, np.ndarray]:
    part = slice(matrix.indptr[i], matrix.indptr[i + 1])
    return matrix.indices[part], matrix.data[part]


def our_columns(sums: Sums) -> np.ndarray:
    """Columns of the coordinates: every level, numbers centred, other indicators, sparse ones."""
    basis = sums.basis
    every = np.eye(len(basis.levels.codes), 0)
    if basis.n_levels:
        every = np.eye(basis.n_levels)[basis.levels.codes]
    numbers = basis.design.numbers[:, basis.kept] - basis.centre[basis.kept]
    others = [np.eye(f.n_levels)[f.codes][:, f.columns >= 0] for f in basis.others]
    rest = [] if basis.design.sparse is None else [basis.design.sparse.toarray()]
    return np.column_stack([every, numbers, *others, *rest])
