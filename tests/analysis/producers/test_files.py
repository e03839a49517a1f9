import json

import pytest

from flatprior.analysis.producers.files import LOADED, read_file
from flatprior.models import BernoulliLogistic, fit_newton, load_spector

FIT = fit_newton(BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector()))


def test_a_file_is_what_it_begins_with(tmp_path):
    saved = tmp_path / "fit.json"
    FIT.save(saved)
    assert read_file(saved).producer == "flatprior, route newton"
    assert read_file(str(saved)).coefficients == dict(FIT.params)
    table = tmp_path / "table.csv"
    table.write_text("term,estimate,std.error\nIntercept,-1.50,0.25\n")
    their = read_file(table)
    assert their.coefficients == {"Intercept": -1.5}
    assert their.units == {"Intercept": 0.01}


def test_objects_are_not_loaded(tmp_path):
    for ending in LOADED:
        path = tmp_path / f"fit{ending}"
        path.write_bytes(b"cos\nsystem\n(S'touch /tmp/owned'\ntR.")
        with pytest.raises(ValueError, match="which is not loaded"):
            read_file(path)


def test_files_that_are_not_there_or_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_file(tmp_path / "none.json")
    damaged = tmp_path / "fit.json"
    damaged.write_text(json.dumps({"format": "flatprior/1"}))
    with pytest.raises(ValueError, match="not an estimate saved by flatprior"):
        read_file(damaged)
