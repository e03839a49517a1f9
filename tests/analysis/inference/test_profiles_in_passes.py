"""Profiles of rows in files against those in memory, where every point of a profile is a fit."""

import functools

import numpy as np
import pandas as pd
import pytest
from places import in_files, in_memory

from flatprior.analysis import (
    confidence_intervals,
    likelihood_ratio_test,
    profile_curve,
    score_test,
)
from flatprior.analysis.inference import profiles_in_passes
from flatprior.models import BernoulliLogistic, fit_newton, likelihood
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.errors import PrecisionError


def nearly_separated(n=60, seed=3):
    """One of the rows keeps x from separating the outcomes."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.normal(size=n)})
    frame["y"] = (frame["x"] > 0).astype(int)
    frame.loc[np.argmin(np.abs(frame["x"] - 0.3)), "y"] = 0
    return frame


def nearly_dependent():
    frame = nearly_separated()
    return frame.assign(z=frame["x"] + 1e-6 * frame["z"])


def with_an_outlier():
    frame = nearly_separated()
    frame.loc[0, "z"] = 1e6
    return frame


def with_large_offsets():
    offset = 8 * np.random.default_rng(4).normal(size=60)
    return nearly_separated().assign(base=offset)


def one_event():
    rng = np.random.default_rng(5)
    x = 1e-9 * rng.normal(size=100)
    return pd.DataFrame({"x": x, "z": 1e9 + rng.normal(size=100), "y": np.arange(100) == 40})


HARD = {
    "nearly separated": (nearly_separated, {}),
    "nearly dependent": (nearly_dependent, {}),
    "outlier": (with_an_outlier, {}),
    "large offsets": (with_large_offsets, {"offset": "base"}),
    "one event": (one_event, {}),
}


@pytest.mark.parametrize("name", HARD)
def test_ends_are_those_of_fits_one_by_one(tmp_path, name):
    make, roles = HARD[name]
    formula = "y ~ x" if name == "one event" else "y ~ x + z"
    models = [place(make(), tmp_path, formula, **roles) for place in (in_memory, in_files)]
    for prob in (0.5, 0.95, 0.9999999):
        expected, found = (confidence_intervals(model, prob).table() for model in models)
        width = expected.iloc[:, 2] - expected.iloc[:, 1]
        assert (np.abs(found - expected).max(axis=1) <= 1e-9 * width).all()


@functools.cache
def smooth(n=3000):
    rng = np.random.default_rng(6)
    frame = pd.DataFrame(rng.normal(size=(n, 4)), columns=list("abcd"))
    eta = -1 + frame @ [0.5, -0.3, 0.1, 0.0]
    return frame.assign(y=(rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int))


def counted(monkeypatch, function):
    """What a function returns, and how many passes over rows in batches it makes."""
    passes = []
    reduce = BatchRows._reduce
    monkeypatch.setattr(
        BatchRows, "_reduce", lambda *args, **named: passes.append(1) or reduce(*args, **named)
    )
    found = function()
    monkeypatch.setattr(BatchRows, "_reduce", reduce)
    return found, len(passes)


def test_all_ends_and_points_share_a_few_passes(tmp_path, monkeypatch):
    model = in_files(smooth(), tmp_path, "y ~ a + b + c + d")
    _, fitted = counted(monkeypatch, lambda: fit_newton(model))
    _, all_ends = counted(monkeypatch, lambda: confidence_intervals(model).table())
    _, one_end = counted(monkeypatch, lambda: confidence_intervals(model, names=["b"]).table())
    _, curve = counted(monkeypatch, lambda: profile_curve(model, "b", points=41))
    assert one_end <= all_ends <= fitted + 4
    assert curve <= fitted + 8


def test_nothing_depends_on_how_many_places_there_is_room_for(tmp_path, monkeypatch):
    model = in_files(smooth(), tmp_path, "y ~ a + b + c + d")
    expected = confidence_intervals(model).table()
    _, passes = counted(monkeypatch, lambda: confidence_intervals(model, names=["b"]).table())
    for room in (3 * 5**2, 0):
        monkeypatch.setattr(likelihood, "MOST_MATRICES", room)
        pd.testing.assert_frame_equal(confidence_intervals(model).table(), expected, rtol=1e-12)
    # both ends of one share their passes however many coefficients there are
    assert (
        counted(monkeypatch, lambda: confidence_intervals(model, names=["b"]).table())[1] == passes
    )


def test_a_point_is_the_maximum_over_the_other_coefficients(tmp_path):
    # of a model without the column, whose share of the linear predictor is an offset
    curve = profile_curve(in_files(smooth(), tmp_path, "y ~ a + b + c + d"), "b", points=5)
    whole = fit_newton(BernoulliLogistic.from_formula("y ~ a + b + c + d", smooth()))
    for value, fallen in curve.table()["profile"].items():
        held = smooth().assign(held=value * smooth()["b"])
        without = BernoulliLogistic.from_formula("y ~ a + c + d", held, offset="held")
        expected = fit_newton(without).log_likelihood - whole.log_likelihood
        assert fallen == pytest.approx(expected, abs=1e-9)


def test_separated_outcomes_need_the_rows_in_memory(tmp_path):
    frame = nearly_separated().assign(y=lambda f: (f["x"] > 0).astype(int))
    model = in_files(frame, tmp_path, "y ~ x + z")
    with pytest.raises(ValueError, match=r"complete separation.* need the rows in memory"):
        confidence_intervals(model)


def test_an_end_that_rounding_hides_is_not_given(tmp_path):
    frame = nearly_separated().assign(x=lambda f: 1e-6 * f["x"] + 2000)
    with pytest.raises(PrecisionError, match=r"double precision does not tell .*'Intercept'"):
        confidence_intervals(in_files(frame, tmp_path, "y ~ x + z"), 0.5)


@pytest.mark.parametrize("name", ["smooth", "nearly separated", "large offsets"])
def test_hypotheses_that_something_is_0_are_tested_in_the_same_passes(tmp_path, monkeypatch, name):
    make, roles = HARD.get(name, (smooth, {}))
    formula = "y ~ a + b + c + d" if name == "smooth" else "y ~ x + z"
    memory, read = (place(make(), tmp_path, formula, **roles) for place in (in_memory, in_files))
    fit_newton(read)
    k = read.n_parameters
    directions = [*np.eye(k), np.ones(k)]
    found, passes = counted(
        monkeypatch, lambda: profiles_in_passes.Profiles.of(read).nulls(directions)
    )
    assert passes <= 12 or name != "smooth"
    for direction, null in zip(directions, found, strict=True):
        assert null is not None
        for statistic, test in (
            (null.likelihood_ratio, likelihood_ratio_test),
            (null.score, score_test),
        ):
            expected = test(memory, direction[None], np.zeros(1)).statistic
            assert statistic == pytest.approx(expected, rel=1e-8, abs=1e-9)
