import pytest
from places import FORMULA, PLACES, ROLES, shoppers

from flatprior.models import (
    BernoulliLogistic,
    PointEstimate,
    check_existence,
    fit_newton,
    sample_independence,
)
from flatprior.models.encoding.files.passes import Passes, between


def test_passes_add_and_are_said_in_words():
    assert Passes(3, 10) + Passes(1, 5) - Passes(2, 2) == Passes(2, 13)
    assert between(Passes(2, 2), Passes(4, 15)) == Passes(2, 13)
    assert between(None, None) is None  # rows in memory
    assert Passes(1).said == "read once"
    assert Passes(2, 2_345_000).said == "read twice (2.3 MB)"
    assert Passes(11, 4_000_000_000).said == "read 11 times (4 GB)"


@pytest.mark.parametrize("place", ["Parquet", "CSV", "Dask"])
def test_results_say_how_often_the_rows_were_read_for_them(tmp_path, monkeypatch, place):
    model = PLACES[place](shoppers(900), tmp_path, FORMULA, **ROLES)
    kind, made = type(model.rows), []
    over = kind._over_frames
    monkeypatch.setattr(kind, "_over_frames", lambda *args: made.append(1) or over(*args))
    before = model.passes
    assert before.number >= 1  # the survey
    fit = fit_newton(model)
    assert fit.provenance.passes == len(made) == model.passes.number - before.number
    drawn = sample_independence(model, draws=100, seed=1, progress=False)
    assert fit.provenance.passes + drawn.provenance.passes == len(made)
    check_existence(model)
    assert model.passes.number - before.number == len(made)
    if place == "CSV":
        size = (tmp_path / "rows.csv").stat().st_size
        assert fit.provenance.bytes_read == size * fit.provenance.passes
        assert model.passes.bytes == size * model.passes.number
    if place == "Parquet":  # of which not all columns are read
        size = sum(file.stat().st_size for file in tmp_path.glob("*.parquet"))
        assert 0 < fit.provenance.bytes_read < size * fit.provenance.passes
    fit.save(tmp_path / "fit.json")
    assert PointEstimate.load(tmp_path / "fit.json").provenance == fit.provenance
    assert any("the rows were read" in note for note in fit.provenance.notes)


def test_rows_in_memory_are_not_counted():
    model = PLACES["memory"](shoppers(300), None, FORMULA)
    assert model.passes is None
    assert fit_newton(model).provenance.passes is None
    assert isinstance(model, BernoulliLogistic)
