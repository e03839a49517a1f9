"""Sets of rows that are found in passes are those that all rows in memory would show."""

import numpy as np
import pandas as pd
import pytest
from coded_models import held_as_codes
from places import in_files, in_memory, on_dask
from sklearn.model_selection import train_test_split

from flatprior.analysis.explanation import dropped_rows_in_passes
from flatprior.analysis.explanation.discrepancy import Discrepancy
from flatprior.analysis.explanation.dropped_rows_in_passes import (
    cuts,
    orders,
    repeated_rows,
    single_row,
    splits,
)
from flatprior.models import fit_newton

FORMULA, N = "y ~ x + z + g", 500


def frame(seed=1):
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=N), rng.integers(0, 6, size=N).astype(float)
    g = rng.choice(["a", "b", "c"], size=N)
    y = (rng.random(N) < 1 / (1 + np.exp(0.5 - x - (g == "b")))).astype(int)
    found = pd.DataFrame({"x": x, "z": z, "g": g, "y": y})
    found.iloc[400:410] = found.iloc[3:13].to_numpy()  # repeated
    return found.infer_objects().astype({"x": float, "z": float, "y": int})


def case_of(model, b=None):
    fit = fit_newton(model)
    return Discrepancy.at(model, fit, fit.coefficients + 0.7 * fit.standard_errors)


@pytest.fixture(params=[in_files, on_dask])
def cases(request, tmp_path):
    """The same numbers, of rows in memory and in batches."""
    data = frame()
    return case_of(in_memory(data, tmp_path, FORMULA)), case_of(
        request.param(data, tmp_path, FORMULA)
    )


def rows_of(case, left):
    """The numbers of the rows that are in a set, as passes show them."""
    return case.model.rows.with_numbers.reduce(
        lambda block: block.groups[left.within(block)], lambda one, two: np.append(one, two)
    )


def held_to(memory, case, left):
    """The set, held to what the rows in memory say of it."""
    rows = rows_of(case, left)
    assert len(rows) == left.n_rows
    assert left.n_events == memory.model.response[rows].sum()
    gap = np.linalg.norm(memory.pull - memory.summed(rows))
    assert left.gap == pytest.approx(gap, rel=1e-7, abs=1e-10)
    return rows


def test_a_single_row_a_split_and_repeated_rows_are_what_they_are_in_memory(cases):
    memory, case = cases
    gaps = np.linalg.norm(memory.scores(slice(None)) - memory.pull, axis=1)
    assert held_to(memory, case, single_row(case)).tolist() == [int(gaps.argmin())]
    for left in splits(case, (0, 42), (0.25, 0.1)):
        seed, share = (42 if "=42" in left.text else 0), (0.1 if "0.1," in left.text else 0.25)
        test = train_test_split(np.arange(N), test_size=share, random_state=seed)[1]
        assert held_to(memory, case, left).tolist() == sorted(test)
    (left,), different = repeated_rows(case, 1.0)
    assert set(range(400, 410)) <= set(held_to(memory, case, left))
    plain = memory.model.design.copy(), memory.model.response
    assert different == len(np.unique(np.column_stack(plain), axis=0)) == N - left.n_rows


@pytest.mark.parametrize("bins", [3, 2**11])
def test_the_nearest_cuts_of_every_order_are_found(cases, bins, monkeypatch):
    """By brute force over all cuts, however coarse the bins at first."""
    monkeypatch.setattr(dropped_rows_in_passes, "MOST_BINS", bins)
    memory, case = cases
    every, most = orders(case), 2 * float(np.linalg.norm(case.pull))
    assert [order.column for order in every] == [-1, 1, 1, 2, 2, 3, 3, 4, 4]
    found, all_of_them = cuts(case, every, most, 2)
    assert all_of_them
    scores, response = memory.scores(slice(None)), memory.model.response
    block = memory.model.arrays.block(slice(None))._replace(groups=np.arange(N))
    for order in every:
        keys = order.keys(block)
        for text, sides in ((order.first, "below"), (order.last, "above")):
            gaps = []
            for key in np.unique(keys)[:-1]:
                rows = keys <= key if sides == "below" else keys > key
                kept = response[~rows]
                if rows.sum() <= N // 2 and 0 < kept.sum() < len(kept):
                    gaps.append(np.linalg.norm(memory.pull - scores[rows].sum(axis=0)))
            theirs = sorted(gap for gap in gaps if gap <= most)[:2]
            ours = [left for left in found if left.text == text]
            assert sorted(left.gap for left in ours) == pytest.approx(theirs, rel=1e-7)
            for left in ours:
                held_to(memory, case, left)


def test_bins_that_have_no_room_are_no_proof(cases, monkeypatch):
    monkeypatch.setattr(dropped_rows_in_passes, "MOST_ROUNDS", 1)
    monkeypatch.setattr(dropped_rows_in_passes, "MOST_BINS", 3)
    case = cases[1]
    assert not cuts(case, orders(case), 2 * float(np.linalg.norm(case.pull)), 2)[1]


def test_levels_of_factors_held_as_codes_are_cuts_too(tmp_path):
    data = frame()
    memory = case_of(in_memory(data, tmp_path, FORMULA))
    assert not dropped_rows_in_passes.levels(case_of(in_files(data, tmp_path, FORMULA)))
    with held_as_codes(True):
        case = case_of(in_files(data, tmp_path, FORMULA))
        found = {left.text: left for left in dropped_rows_in_passes.levels(case)}
        assert sorted(order.column for order in orders(case)) == [-1, 1, 1, 2, 2]
        for j in (3, 4):
            name = memory.model.names[j]
            rows = held_to(memory, case, found[f"those with the highest {name}"])
            assert memory.model.design[:, j].nonzero()[0].tolist() == rows.tolist()
            # the others are more than half
            assert f"those with the lowest {name}" not in found
