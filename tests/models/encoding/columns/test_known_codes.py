import gc

import numpy as np
import pandas as pd
import pytest

from flatprior.models.encoding.columns import known_codes as module
from flatprior.models.encoding.columns.kinds import distinct
from flatprior.models.encoding.columns.known_codes import (
    known_codes,
    read_here,
    remember,
    remember_if_read_here,
)


def column(values):
    return pd.Series(pd.array(values, dtype="string[pyarrow]"), name="g")


def test_what_is_remembered_is_of_that_column_and_goes_with_it():
    pytest.importorskip("pyarrow")
    gc.collect()  # of what other tests have left
    before = len(module._KNOWN)
    series = column(["b", "a", None, "b"])
    remember(series, np.array([0, 1, -1, 0]), ["b", "a"])
    frame = pd.DataFrame({"g": series}, copy=False)
    codes, values = distinct(frame["g"])
    assert codes.tolist() == [0, 1, -1, 0]
    values.append("not theirs")
    assert known_codes(frame["g"])[1] == ["b", "a"]
    assert known_codes(series[1:]) is None
    assert known_codes(series.copy(deep=True)) is None
    assert known_codes(pd.Series([1.0])) is None
    assert len(module._KNOWN) == before + 1
    del series, frame
    gc.collect()
    assert len(module._KNOWN) == before


def test_text_that_was_read_is_looked_through_once_and_what_people_pass_in_every_time():
    pytest.importorskip("pyarrow")
    theirs = pd.DataFrame({"g": column(["b", "a", "b"]), "x": 1.0})
    assert distinct(theirs["g"])[1] == ["b", "a"]
    assert known_codes(theirs["g"]) is None
    ours = read_here(theirs.copy(deep=True))
    assert known_codes(ours["g"]) is None
    assert distinct(ours["g"])[1] == ["b", "a"]
    assert known_codes(ours["g"])[0].tolist() == [0, 1, 0]
    remember_if_read_here(theirs["g"], (np.zeros(3, dtype=np.intp), ["no"]))
    assert known_codes(theirs["g"]) is None
    assert distinct(read_here(ours)["g"])[0].tolist() == [0, 1, 0]
