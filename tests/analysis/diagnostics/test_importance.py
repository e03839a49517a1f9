"""Importance sampling of rows that are not in memory."""

import numpy as np
import pytest
from places import hanging, in_files, in_memory

from flatprior.analysis import compare_models, psis_loo
from flatprior.analysis.diagnostics import importance
from flatprior.models import sample_independence
from flatprior.models.batches import first_pass
from flatprior.models.encoding.files import source
from flatprior.models.rows import ArrayRows

FORMULA = "bought ~ income + age"
MOST = 30


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 400)
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 150)


def sampled(model):
    return sample_independence(model, draws=100, seed=1, progress=False)


def test_of_many_rows_the_hardest_are_kept_and_the_sums_of_all(tmp_path, monkeypatch):
    monkeypatch.setattr(importance, "MOST_HELD", 400)
    monkeypatch.setattr(importance, "MOST_KEPT", MOST)
    roles = {"frequency_weights": "count"}
    model = in_files(hanging(900), tmp_path, FORMULA, **roles)
    memory = in_memory(hanging(900), tmp_path, FORMULA, **roles)
    found, expected = psis_loo(model, sampled(model)), psis_loo(memory, sampled(memory))
    for name in ("elpd", "se", "p_loo", "mcse", "n_bad"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-8)
    assert found.n_rows == memory.n_rows
    assert len(found.pointwise) == len(found.numbers) == MOST
    hardest = np.argsort(-expected.pareto_k, kind="stable")[:MOST]
    assert found.pareto_k == pytest.approx(expected.pareto_k[hardest], rel=1e-8)
    assert found.pareto_k == pytest.approx(expected.pareto_k[found.numbers], rel=1e-8)
    assert found.pointwise == pytest.approx(expected.pointwise[found.numbers], rel=1e-9)
    assert found.weights.tolist() == expected.weights[found.numbers].tolist()
    assert f".table() has {MOST} of them" in " ".join(str(found).split())


def test_what_takes_pairs_of_all_rows_is_said_to_be_missing(tmp_path, monkeypatch):
    for name in ("small", "large"):
        (tmp_path / name).mkdir()
    models = {
        "small": in_files(hanging(500), tmp_path / "small", "bought ~ income"),
        "large": in_files(hanging(500), tmp_path / "large", FORMULA),
    }
    draws = {name: sampled(model) for name, model in models.items()}
    whole = compare_models(models, draws)
    assert not any("dse" in note for note in whole.notes)
    monkeypatch.setattr(importance, "MOST_HELD", 400)
    monkeypatch.setattr(importance, "MOST_KEPT", MOST)
    found = compare_models(models, draws)
    table, expected = found.table(), whole.table()
    for name in ("elpd_loo", "elpd_diff", "p_loo", "AIC", "LR"):
        values, others = table[name].to_numpy(float), expected[name].to_numpy(float)
        assert values == pytest.approx(others, rel=1e-8, abs=1e-9, nan_ok=True)
    assert table[["dse", "weight"]].isna().all(axis=None)
    assert any("dse and stacking weights take" in note for note in found.notes)


def test_a_tail_of_repeated_draws_is_not_smoothed_and_its_estimate_counts_as_bad():
    """Where most of the tail is one draw, repeated by a sampler that rejects, it has no fit."""
    rng = np.random.default_rng(1)
    spread = [rng.normal(4, 0.1, 680), np.zeros(300), -1 - rng.random(20)]
    draws = np.concatenate(spread)[:, None]
    rows = ArrayRows(np.array([[1.0], [0.5]]), np.array([1.0, 0.0]))
    found = importance.Sampler(draws=draws, relative=1.0, largest_k=0.7).estimates(
        rows.block(slice(None))
    )
    weights = 1 + np.exp(-draws[:, 0])  # of the first row, 1 / p
    assert found.elpd[0] == pytest.approx(-np.log(weights.mean()), rel=1e-12)
    assert np.isnan(found.pareto_k[0])
    assert np.isfinite(found.pareto_k[1])
    assert found.influence.sum() == pytest.approx(2.0, rel=1e-12)
