"""A table of results is a data frame to scripts, and says what it is wherever it is shown."""

import copy
import io
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis import (
    average_marginal_effects,
    confidence_intervals,
    marginal_means,
    robust_covariance,
)
from flatprior.analysis.result_table import ResultTable, called
from flatprior.models import BernoulliLogistic, fit_newton, load_endometrial, load_spector

FRAME = pd.DataFrame(
    {"effect": [0.25, -1.5], "standard error": [0.5, 0.125], "p": [0.0, 1.0]},
    index=pd.MultiIndex.from_tuples([("a", "0"), ("b", "1")], names=["variable", "g"]),
)
TABLE = ResultTable(frame=FRAME, title="Effects by g", facts=("over 2 rows",), notes=("a note",))
DATA = load_spector()
MODEL = BernoulliLogistic.from_formula("grade ~ gpa + tuce + C(psi)", DATA)
FIT = fit_newton(MODEL)


def test_scripts_take_columns_rows_and_numbers_as_of_a_data_frame():
    pd.testing.assert_series_equal(TABLE["effect"], FRAME["effect"])
    pd.testing.assert_frame_equal(TABLE[["effect", "p"]], FRAME[["effect", "p"]])
    assert TABLE.loc[("b", "1"), "p"] == 1
    assert TABLE.iloc[0].tolist() == [0.25, 0.5, 0.0]
    assert list(TABLE.columns) == list(FRAME)
    assert "effect" in TABLE
    assert "z" not in TABLE
    assert len(TABLE) == 2
    assert TABLE.index.equals(FRAME.index)
    pd.testing.assert_frame_equal(TABLE.round(1), FRAME.round(1))
    assert np.array_equal(np.asarray(TABLE), FRAME.to_numpy())


def test_a_frame_without_names_is_made_of_it_by_nobody():
    for make in (pd.DataFrame, list, dict):
        with pytest.raises((TypeError, ValueError)):
            make(TABLE)
    assert list(pd.DataFrame(TABLE.table()).columns) == list(FRAME)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("query", r"\.table\(\)\.query"),
        ("to_numpy", r"\.table\(\)\.to_numpy"),
        ("attrs", r"\.table\(\)\.attrs"),
        ("T", r"\.table\(\)\.T"),
        ("effect", r"its column is \['effect'\]"),
        ("quarry", "^a ResultTable has no 'quarry'$"),
    ],
)
def test_what_only_the_data_frame_has_is_said_to_be_there(name, says):
    assert not hasattr(TABLE, name)
    with pytest.raises(AttributeError, match=says):
        getattr(TABLE, name)


def test_it_can_be_sent_and_copied():
    for again in (pickle.loads(pickle.dumps(TABLE)), copy.deepcopy(TABLE)):  # noqa: S301
        pd.testing.assert_frame_equal(again.table(), FRAME)


@pytest.mark.parametrize("path", ["effects.csv", Path("effects.csv"), "out/effects", r"c:\t"])
def test_who_names_a_file_is_told_what_writes_one(path):
    with pytest.raises(ValueError, match=r"a file is written by \.table\(\)\.to_csv\("):
        TABLE.to_csv(path)
    with pytest.raises(ValueError, match=r"the columns are 'effect', 'standard error', 'p'$"):
        TABLE.to_csv("effects")


def test_what_is_done_to_its_numbers_leaves_it_as_it_is():
    column, table = TABLE["effect"], TABLE.table()
    column.iloc[0] = 9.0
    table.iloc[0, 0] = 9.0
    assert TABLE.iloc[0, 0] == 0.25


def test_it_is_shown_with_what_it_is_and_the_csv_has_all_digits():
    text = str(TABLE).splitlines()
    assert text[:3] == ["Effects by g", "over 2 rows", ""]
    assert text[3].split() == ["effect", "SE", "p"]
    assert text[4].split() == ["a,", "0", "0.2500", "0.5000", "<1e-308"]
    assert text[-1] == "A note."
    read = pd.read_csv(io.StringIO(TABLE.to_csv(["standard error"])), index_col=0)
    assert read.index.tolist() == ["a, 0", "b, 1"]
    assert read["SE"].tolist() == FRAME["standard error"].tolist()
    assert called(("a", 1)) == "a, 1"
    whole = pd.read_csv(io.StringIO(TABLE.table().to_csv()))
    assert whole[["variable", "g"]].astype(str).to_numpy().tolist() == [["a", "0"], ["b", "1"]]


def test_where_a_table_is_too_wide_the_ends_of_its_interval_stay_together():
    wide = FRAME.assign(**{"a column of many words": 1.0, "and another one": 2.0})
    wide = wide.assign(**{"2.5%": -1.0, "97.5%": 1.0, "a third of many words": 0.0})
    heads = [line.split() for line in str(ResultTable(frame=wide, title="x")).splitlines()]
    assert any(head[:2] == ["2.5%", "97.5%"] for head in heads)


@pytest.mark.parametrize("kind", [None, "HC3", "CR2"])
def test_effects_contrasts_and_tests_are_whole_on_a_narrow_screen(kind):
    clusters = {"cluster": DATA["tuce"]} if kind == "CR2" else {}
    result = FIT if kind is None else robust_covariance(MODEL, FIT, kind, **clusters)
    means = marginal_means(MODEL, result, "psi", DATA)
    for found in (
        average_marginal_effects(MODEL, result, DATA),
        average_marginal_effects(MODEL, result, DATA, at="mean", by="psi"),
        means.contrasts(adjust="holm"),
        means.joint_tests(),
    ):
        lines = str(found).splitlines()
        assert "..." not in str(found)
        assert max(map(len, lines)) <= 80
        heads = " ".join(lines)
        for column in found.columns:
            assert {"standard error": "SE"}.get(column, column) in heads
        assert lines[0].endswith(f": {MODEL.formula}")
        whose = "the model's own" if kind is None else kind
        assert f"Standard errors are {whose}" in heads


def test_effects_say_of_which_change_and_over_which_rows_they_are():
    def fact(**options):
        return average_marginal_effects(MODEL, FIT, DATA, ["gpa"], **options).facts

    assert fact() == ("changes of the probability (dydx), over 32 rows",)
    assert fact(slope="eyex", at="mean") == ("elasticities (eyex), at the means of 32 rows",)
    assert fact(at={"tuce": 20}) == ("changes of the probability (dydx), over 32 rows, tuce at 20",)


def test_contrasts_say_on_which_scale_and_against_what_they_are():
    means = marginal_means(MODEL, FIT, "psi", DATA, "probability", "rows")
    assert means.contrasts().facts == ("differences of probabilities, pairwise",)
    assert means.contrasts("reference", "odds ratio").facts == (
        "odds ratios, each with the reference level, tested on the logarithm",
    )
    adjusted = means.contrasts(adjust="holm")
    assert any("Holm's procedure" in note for note in adjusted.notes)
    assert any("over 32 rows" in note for note in adjusted.notes)


def test_an_open_interval_says_why():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    assert "of a coefficient that diverges is open" in str(confidence_intervals(model))
    assert "diverges" not in str(confidence_intervals(MODEL))
