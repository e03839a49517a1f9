import os
import pickle
import time

import numpy as np
import pytest
from places import FORMULA, PLACES, ROLES, shoppers

from flatprior.analysis import (
    average_marginal_effects,
    confidence_intervals,
    predict,
    robust_covariance,
    score_test,
    wald_test,
)
from flatprior.analysis.explanation.reference_levels import intercept_of
from flatprior.models import certify, check_existence, fit_newton
from flatprior.models.batches import kept as module
from flatprior.models.batches.kept import kept
from flatprior.models.encoding.files import source
from flatprior.models.routes.newton import converged_mle


def made(model, function):
    """What a function gives, and the passes that it makes."""
    before = model.passes.number
    found = function()
    return found, model.passes.number - before


# what is asked of a fit, and the passes it takes over rows of which no more is to be found
ASKED = {
    "certify": (lambda model, fit: certify(model, fit.coefficients).digits, 0),
    "predict": (lambda model, fit: predict(model, fit, shoppers(9, 2), missing="drop"), 0),
    "wald_test": (lambda model, fit: wald_test(model, fit, "income").statistic, 0),
    "robust": (lambda model, fit: robust_covariance(model, fit).covariance, 0),
    "robust by cluster": (
        lambda model, fit: robust_covariance(model, fit, cluster="region").covariance,
        0,
    ),
    "intervals": (lambda model, fit: confidence_intervals(model, method="wald").table(), 0),
    "existence": (lambda model, fit: check_existence(model).kind == "overlap", 0),
    "effects": (lambda model, fit: average_marginal_effects(model, fit).table(), 1),
}


@pytest.mark.parametrize("place", ["Parquet", "CSV", "Dask"])
def test_what_was_found_of_rows_is_not_looked_for_again_and_is_the_same_to_the_last_bit(
    tmp_path, place
):
    def built(name):
        folder = tmp_path / name
        folder.mkdir()
        return PLACES[place](shoppers(900), folder, FORMULA, **ROLES)

    model = built("first")
    fit, first = made(model, lambda: fit_newton(model))
    again, second = made(model, lambda: converged_mle(model))
    assert first > 2
    assert second == 0
    np.testing.assert_array_equal(again.coefficients, fit.coefficients)
    first_of_all = {name: ask(model, fit) for name, (ask, _) in ASKED.items()}
    other = built("other")
    for name, (ask, passes) in reversed(ASKED.items()):
        found, needed = made(model, lambda ask=ask: ask(model, fit))
        assert needed == passes, name
        np.testing.assert_array_equal(found, first_of_all[name])
        # whatever was asked before
        np.testing.assert_array_equal(ask(other, fit), found)


def test_what_is_made_of_a_copy_does_not_change_what_is_kept(tmp_path):
    model = PLACES["Parquet"](shoppers(600), tmp_path, FORMULA, **ROLES)
    fit, expected = fit_newton(model), converged_mle(model)
    before = expected.coefficients.copy(), expected.covariance.copy()
    for each in (fit, expected):
        each.coefficients[:] = 0.0
        each.covariance[:] = 0.0
    found = converged_mle(model)
    np.testing.assert_array_equal(found.coefficients, before[0])
    np.testing.assert_array_equal(found.covariance, before[1])


def test_files_that_change_are_noticed_where_nothing_is_read_again(tmp_path):
    frame, path = shoppers(600), tmp_path / "rows.csv"
    model = PLACES["CSV"](frame, tmp_path, FORMULA, **ROLES)
    fit = fit_newton(model)
    expected, passes = made(model, lambda: predict(model, fit, frame, missing="drop"))
    assert passes == 3
    written = path.read_bytes()
    found = os.stat(path)

    def set_back():
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    # nothing has changed but when it was written: a pass sees that, and it is the same
    path.write_bytes(written)
    set_back()
    again, passes = made(model, lambda: predict(model, fit, frame, missing="drop"))
    assert passes == 3
    np.testing.assert_array_equal(again, expected)
    assert made(model, lambda: predict(model, fit, frame, missing="drop"))[1] == 0
    # other rows, and size and time as before
    lines = written.splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], *lines[:0:-1]]))
    set_back()
    with pytest.raises(OSError, match="changed while they were read"):
        predict(model, fit, frame, missing="drop")
    path.write_bytes(written + lines[-1])
    with pytest.raises(OSError, match="has changed since it was first read"):
        predict(model, fit, frame, missing="drop")
    path.unlink()
    with pytest.raises(FileNotFoundError, match="no longer there"):
        score_test(model, "income")


def test_a_clock_of_whole_seconds_tells_no_two_changes_of_one_apart(tmp_path, monkeypatch):
    path = tmp_path / "rows.csv"
    path.write_text("x")
    assert source._seen(str(path)) is not None
    whole, stat = 10**9, os.stat

    class Coarse:
        st_size, st_ino = 1, 1
        st_mtime_ns = st_ctime_ns = time.time_ns() // whole * whole

    monkeypatch.setattr(source.os, "stat", lambda *_: Coarse)
    assert source._seen(str(path)) is None
    Coarse.st_ctime_ns -= 10 * whole
    assert source._seen(str(path)) is not None
    monkeypatch.setattr(source.os, "stat", stat)


def test_no_more_is_kept_than_there_is_room_for(tmp_path, monkeypatch):
    rows = PLACES["CSV"](shoppers(300), tmp_path, "bought ~ income + region").rows
    found = []

    def ask(number):
        return kept(rows, number, lambda: found.append(number) or number)

    assert [ask(number) for number in range(module.MOST + 1)] == list(range(module.MOST + 1))
    assert ask(1) == 1
    assert found == list(range(module.MOST + 1))
    ask(0)  # it went first
    assert found[-1] == 0
    monkeypatch.setattr(module, "MOST_NUMBERS", 16)  # of four columns
    ask("last")
    assert len(vars(rows)["_kept"]) == module.LEAST


def test_arrays_are_kept_by_their_size_and_none_that_is_larger_than_the_room(tmp_path, monkeypatch):
    rows = PLACES["CSV"](shoppers(300), tmp_path, "bought ~ income").rows
    monkeypatch.setattr(module, "MOST_NUMBERS", 100)
    found = []

    def ask(number, size):
        return kept(rows, number, lambda: found.append(number) or np.zeros(size))

    for number in range(5):
        ask(number, 30)
    assert [what for what, _ in vars(rows)["_kept"]] == [2, 3, 4]
    for _ in range(2):
        assert len(ask("large", 101)) == 101
    assert found[5:] == ["large"] * 2
    assert [what for what, _ in vars(rows)["_kept"]] == [2, 3, 4]
    # what is asked at a place is kept without it
    kept(rows, "there", lambda: 1, at=np.zeros((1000, 2)))
    assert kept(rows, "there", lambda: 2, at=np.zeros((1000, 2))) == 1
    assert kept(rows, "there", lambda: 2, at=np.zeros((2, 1000))) == 2
    assert len(pickle.dumps(list(vars(rows)["_kept"]))) < 1000


def test_rows_in_memory_keep_only_what_is_said_to_be_kept_there():
    model = PLACES["memory"](shoppers(300), None, FORMULA)
    found = []
    for _ in range(2):
        kept(model.rows, "what", lambda: found.append(1))
    assert len(found) == 2
    for _ in range(2):
        kept(model.rows, "what", lambda: found.append(1), in_memory=True)
    assert len(found) == 3


def test_whether_there_is_an_intercept_is_looked_for_once_and_again_where_files_have_changed(
    tmp_path,
):
    model = PLACES["CSV"](shoppers(600), tmp_path, FORMULA)
    assert made(model, lambda: intercept_of(model)) == (0, 1)
    assert made(model, lambda: intercept_of(model)) == (0, 0)
    path = tmp_path / "rows.csv"
    path.write_bytes(path.read_bytes() + b"\n")
    with pytest.raises(OSError, match="has changed"):
        intercept_of(model)
