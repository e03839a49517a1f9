"""Levels of one outcome in rows that come in batches: the verdict of the rows in memory."""

import numpy as np
import pandas as pd
import pytest
from coded_models import both, held_as_codes, rare, survey

from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, check_existence, fit_newton
from flatprior.models.batches import batch_rows
from flatprior.models.encoding.files import source
from flatprior.models.existence import levels_in_batches
from flatprior.models.existence.levels_in_batches import overlaps_in_passes, separated_in_passes


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 80)


def in_batches(tmp_path, formula, frame, **columns):
    """The model of a file, and the same in memory; factors are codes."""
    frame.to_parquet(tmp_path / "data.parquet")
    with held_as_codes(True):
        model = BernoulliLogistic.from_parquet(tmp_path / "data.parquet", formula, **columns)
    return model, both(formula, frame, **columns)[0]


@pytest.mark.parametrize("seed", range(8))
def test_the_verdict_is_that_in_memory(tmp_path, seed):
    same_verdict(tmp_path, *rare(seed))


def same_verdict(tmp_path, formula, frame):
    model, memory = in_batches(tmp_path, formula, frame)
    found, expected = check_existence(model), check_existence(memory)
    assert (found.kind, found.exists) == (expected.kind, expected.exists)
    assert found.coefficients == expected.coefficients
    assert found.n_separated == expected.n_separated
    assert len(found.separated_labels or ()) == (found.n_separated or 0)
    assert (found.limit is None) == (expected.limit is None)
    if found.limit is not None:
        assert found.limit.names == expected.limit.names
        assert found.limit.coefficients == pytest.approx(expected.limit.coefficients, abs=1e-6)
        assert found.limit.standard_errors == pytest.approx(
            expected.limit.standard_errors, rel=1e-5
        )
    if not found.exists:
        with pytest.raises(MLEDoesNotExistError):
            fit_newton(model)


def test_a_round_is_a_pass_and_levels_are_named(tmp_path, monkeypatch):
    n = 240
    frame = pd.DataFrame({"g": np.resize(["a", "b", "c", "d"], n), "h": np.repeat(["p", "q"], 120)})
    frame["y"] = np.tile([0, 1, 1, 0, 1, 0, 0, 1], 30)
    frame.loc[frame["g"] == "a", "y"] = 1
    # h has a third level, whose rows are in "a" and without an event in "b"
    frame.loc[[0, 1], "h"] = "r"
    frame.loc[1, "y"] = 0
    model, memory = in_batches(tmp_path, "y ~ g + h", frame)
    monkeypatch.setattr(batch_rows, "LARGEST_PASS", 0)  # nothing is written out
    monkeypatch.setattr(levels_in_batches, "LABELS_SHOWN", 7)
    assert model.rows.too_large_to_write_out
    found, expected = separated_in_passes(model, model.rows), check_existence(memory)
    assert "once the rows of the others are taken away" in found.message
    assert "(61 of 240 rows: 1, 2, 5, 9, 13 and 56 more)" in found.message
    assert len(found.separated_labels) == 7
    assert found.direction == pytest.approx(expected.direction)
    assert found.coefficients == expected.coefficients
    assert check_existence(model).message == found.message


def test_overlap_is_proved_of_the_rows_drawn_or_of_all(tmp_path, monkeypatch):
    frame = survey(300, seed=1)
    frame["o"] *= 100  # existence depends on neither offsets nor weights
    roles = {"offset": "o", "frequency_weights": "w"}
    model = in_batches(tmp_path, "y ~ x + g + h", frame, **roles)[0]
    assert overlaps_in_passes(model.rows)
    assert check_existence(model).kind == "overlap"
    few = model.rows.surveyed.sample.select(slice(12))  # which do not show every level
    vars(model.rows.surveyed)["sample"] = few
    vars(model.rows).pop("_sums", None)
    assert overlaps_in_passes(model.rows)
    monkeypatch.setattr(batch_rows, "LARGEST_PASS", 0)
    twice = in_batches(tmp_path, "y ~ x + g + h", frame.assign(y=1 * (frame["x"] > 3)))[0]
    found = check_existence(twice)
    assert found.kind == "undecided"
    assert "too large to be written out" in found.message


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "right", ["x + z:s", "x + C(s, Sum)", "g + x * C(s, Sum)", "0 + s:z + x:g"]
)
def test_products_and_sum_contrasts_separate_as_in_memory(tmp_path, seed, right):
    frame = survey(150, seed)
    rng = np.random.default_rng(seed)
    frame["z"] = np.where(rng.random(150) < 0.5, 1.0, frame["z"])
    frame.loc[rng.random(150) < 0.6, "s"] = "s3"  # the others are rare
    same_verdict(tmp_path, f"y ~ {right}", frame)


def test_a_product_that_separates_is_named_in_passes_alone(tmp_path, monkeypatch):
    frame = survey(400, seed=2)
    frame.loc[frame["g"] == "red", "y"] = (frame["x"] > 3)[frame["g"] == "red"].astype(int)
    frame["x"] -= 3  # whose sign tells the outcome in one level
    model, memory = in_batches(tmp_path, "y ~ h + z + x:g", frame)
    monkeypatch.setattr(batch_rows, "LARGEST_PASS", 0)  # nothing is written out
    found, expected = separated_in_passes(model, model.rows), check_existence(memory)
    assert "told by the sign wherever 1 column is not 0 ('x:g[red]')" in found.message
    assert found.message.split("rows:")[0] == expected.message.split("rows:")[0]
    assert found.coefficients == expected.coefficients
    assert found.coefficients["x:g[red]"] == "+inf"
    assert found.direction == pytest.approx(expected.direction)
    assert found.n_separated == (frame["g"] == "red").sum()


def test_levels_of_sum_contrasts_separate_as_in_memory(tmp_path):
    frame = survey(400, seed=3)
    frame.loc[frame["s"] == "s4", "y"] = 1
    frame.loc[frame["s"] == "s9", "y"] = 0  # the sign of a column tells, of both levels
    model, memory = in_batches(tmp_path, "y ~ x + C(s, Sum) + z:g", frame)
    found, expected = check_existence(model), check_existence(memory)
    assert found.kind == expected.kind == "quasi-complete separation"
    assert found.n_separated == expected.n_separated == 80
    assert found.coefficients == expected.coefficients
    assert found.limit.coefficients == pytest.approx(expected.limit.coefficients, abs=1e-7)
