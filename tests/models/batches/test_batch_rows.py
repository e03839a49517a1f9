from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from places import FORMULA, in_files, shoppers

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.batches import batch_rows, first_pass
from flatprior.models.encoding.files import source


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 500)


def test_every_pass_gives_the_same_answer(tmp_path):
    model = in_files(shoppers(2000), tmp_path, FORMULA)
    beta = np.linspace(-1, 1, model.n_parameters) / 10
    assert model.log_likelihood(beta) == model.log_likelihood(beta)
    assert np.array_equal(fit_newton(model).coefficients, fit_newton(model).coefficients)


def test_a_sample_of_the_rows_is_drawn_whatever_the_batches(tmp_path, monkeypatch):
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 400)
    frame = shoppers(4000).dropna()
    model = in_files(frame, tmp_path, "bought ~ age")
    sample = model.rows.surveyed.sample
    assert sample.n_rows == 400
    drawn = model.rows.surveyed.sample_labels
    assert len(set(drawn)) == 400
    # labels are uniform over the rows: mean within 4 standard errors (false-alarm rate 6e-5)
    assert abs(drawn.to_numpy().mean() / len(frame) - 0.5) < 4 * np.sqrt(1 / 12 / 400)


def test_a_wide_design_is_encoded_a_few_rows_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(batch_rows, "BLOCK_NUMBERS", 2000)
    frame = shoppers(900).assign(g=[f"level {i % 40}" for i in range(900)])
    model = in_files(frame, tmp_path, "bought ~ g")
    sizes = model.rows.reduce(lambda block: [block.design.size])
    assert max(sizes) <= 2000
    memory = BernoulliLogistic.from_formula("bought ~ g", frame)
    assert fit_newton(model).coefficients == pytest.approx(
        fit_newton(memory).coefficients, rel=1e-8
    )


@pytest.mark.parametrize("roles", [{}, {"offset": "base", "frequency_weights": "count"}])
def test_rows_without_one_observation_are_those_of_the_data_without_it(
    tmp_path, roles, monkeypatch
):
    monkeypatch.setattr(batch_rows, "BLOCK_NUMBERS", 1500)  # several blocks in a batch
    frame = shoppers(1500)
    model = in_files(frame, tmp_path, FORMULA, **roles)
    memory = BernoulliLogistic.from_formula(FORMULA, frame, **roles)
    for number in (0, 299, 300, 741, memory.n_rows - 1):
        row = memory.arrays.block(np.array([number]))
        rows = model.rows.without(number, row)
        weights = memory.counts.copy()
        weights[number] -= 1
        expected = replace(memory.arrays, weights=weights if roles else None).select(weights > 0)
        assert rows.digest() == expected.digest()
        for what in ("n_rows", "n_observations", "n_events"):
            assert getattr(rows, what) == getattr(expected, what)
        assert rows.drawn.digest() == expected.digest()  # these are few, and all are drawn
        again = rows.reduce(lambda block: block.counts @ block.design)
        assert again == pytest.approx(expected.reduce(lambda b: b.counts @ b.design), rel=1e-12)


def test_an_observation_of_a_group_is_left_out_of_its_counts(tmp_path):
    frame = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0], "won": [1, 3, 0, 2], "lost": [2, 1, 4, 0]})
    frame.to_parquet(tmp_path / "counts.parquet", row_group_size=2)
    formula = "cbind(won, lost) ~ x"
    rows = BernoulliLogistic.from_parquet(tmp_path / "counts.parquet", formula).rows
    memory = BernoulliLogistic.from_formula(formula, frame).arrays
    for number in range(memory.n_rows):
        weights = memory.weights.copy()
        weights[number] -= 1
        expected = replace(memory, weights=weights).select(weights > 0)
        without = rows.without(number, memory.block(np.array([number])))
        assert without.digest() == expected.digest()
        assert without.n_events == expected.n_events


def test_rows_become_others_wherever_they_are_looked_at(tmp_path, monkeypatch):
    frame = shoppers(900).dropna()
    rows = in_files(frame, tmp_path, "bought ~ income + age").rows

    def turned(block):
        return block._replace(design=block.design[:, ::-1], offset=block.design[:, 1])

    def doubled(block):
        return block._replace(design=2 * block.design)

    def written(there):
        return there.reduce(
            lambda block: np.column_stack([block.design, block.offset]),
            lambda one, two: np.vstack([one, two]),
        )

    both = rows.become(turned, intercept=False).become(doubled, intercept=True)
    expected = BernoulliLogistic.from_formula("bought ~ income + age", frame).design
    found = written(both)
    np.testing.assert_allclose(found[:, :3], 2 * expected[:, ::-1], rtol=1e-15)
    np.testing.assert_allclose(found[:, 3], expected[:, 1], rtol=1e-15)
    np.testing.assert_array_equal(both.drawn.design, found[:, :3])
    np.testing.assert_array_equal(both.extent.columns, np.abs(found[:, :3]).max(axis=0))
    assert both.has_offset
    assert not both.has_intercept
    assert rows.has_intercept
    assert not rows.has_offset
    # no more of them are kept than there is room for, and each under its label
    monkeypatch.setattr(batch_rows, "SAMPLE_NUMBERS", 90)
    few = rows.become(doubled, intercept=True)
    assert few.drawn.n_rows == 30
    places = rows.drawn_labels.get_indexer(few.drawn_labels)
    np.testing.assert_array_equal(few.drawn.design, 2 * rows.drawn.design[places])
    with pytest.raises(AssertionError):
        few.without(0, rows.drawn.block(slice(0, 1)))
