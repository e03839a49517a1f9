"""The options of reading are checked before a file is opened, and come back from JSON."""

import numpy as np
import pytest

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files.reading import PLAIN, Reading, from_options


@pytest.mark.parametrize(
    ("given", "kind", "words"),
    [
        ({"sep": ";;"}, ValueError, "';;' cannot separate columns"),
        ({"sep": "a"}, ValueError, "'a' cannot separate columns"),
        ({"sep": ""}, ValueError, "'' cannot separate columns"),
        ({"sep": "¦"}, ValueError, "cannot separate columns"),
        ({"sep": '"'}, ValueError, "cannot separate columns"),
        ({"sep": 3}, TypeError, "sep must be text, not an int"),
        ({"decimal": "'"}, ValueError, "must be '.' or ','"),
        ({"encoding": "klingon"}, ValueError, "'klingon' is none that is known"),
        ({"encoding": "rot13"}, ValueError, "'rot13' is none that is known"),
        ({"encoding": "utf-8\0"}, ValueError, "is none that is known"),
        ({"na": 9}, TypeError, "na must be a word"),
        ({"na": [9]}, TypeError, "na must be a word"),
        ({"sheet": 0}, TypeError, "sheet must be"),
        ({"sheet": True}, TypeError, "sheet must be"),
    ],
)
def test_options_that_cannot_be_are_refused_in_a_sentence(given, kind, words):
    for build in (
        lambda: BernoulliLogistic.from_formula("y ~ x", "none.csv", **given),
        lambda: BernoulliLogistic.from_parquet("none.csv", "y ~ x", **given),
    ):
        with pytest.raises(kind, match=words):
            build()


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({"sep": "\\t"}, {"sep": "\t"}),
        ({"sep": "tab", "decimal": ","}, {"sep": "\t", "decimal": ","}),
        ({"encoding": "UTF-8-SIG"}, {"encoding": "utf-8"}),
        ({"encoding": "Latin1"}, {"encoding": "iso8859-1"}),
        ({"na": "?"}, {"na": ["?"]}),
        ({"na": ["?", "-", "?", ""]}, {"na": ["?", "-", ""]}),
        ({"na": ()}, {"na": [""]}),
        ({"sheet": 2}, {"sheet": 2}),
        ({}, {}),
    ],
)
def test_options_come_back_from_what_is_stored(given, options):
    reading = Reading.of(**given)
    assert reading.options == options
    assert from_options(options) == reading
    assert reading.as_asked == reading


def test_options_that_were_changed_where_they_are_stored_are_refused():
    assert from_options(None) == PLAIN
    for wrong in ({"what": 1}, {"sep": 4}, [], {"na": [1]}, "x"):
        with pytest.raises(ValueError, match="how the data were read is stated"):
            from_options(wrong)


def test_options_of_other_formats_are_refused_by_name(tmp_path):
    data = {"y": [0, 1, 1, 0], "x": [1.0, 2.0, 3.0, 4.0]}
    with pytest.raises(ValueError, match="sep= and encoding= are not for data in memory"):
        BernoulliLogistic.from_formula("y ~ x", data, sep=";", encoding="latin-1")
    import pandas as pd

    pd.DataFrame(data).to_parquet(tmp_path / "d.parquet")
    with pytest.raises(ValueError, match="decimal= is not for Parquet files"):
        BernoulliLogistic.from_formula("y ~ x", tmp_path / "d.parquet", decimal=",")
    pd.DataFrame(data).to_csv(tmp_path / "d.csv")
    with pytest.raises(ValueError, match="sheet= is not for text files"):
        BernoulliLogistic.from_parquet(tmp_path / "d.csv", "y ~ x", sheet="a")


def test_what_was_guessed_and_asked_for_is_kept_with_a_result(tmp_path):
    from flatprior.models import PointEstimate, fit_newton

    rng = np.random.default_rng(1)
    rows = [f"{i % 2};{v:.3f};?".replace(".", ",") for i, v in enumerate(rng.normal(size=40))]
    (tmp_path / "d.csv").write_text("y;x;g\n" + "\n".join(rows) + "\n")
    for build in (
        lambda: BernoulliLogistic.from_formula("y ~ x", tmp_path / "d.csv", na="?"),
        lambda: BernoulliLogistic.from_parquet(tmp_path / "d.csv", "y ~ x", na="?"),
    ):
        fit = fit_newton(build())
        fit.save(tmp_path / "fit.json")
        stored = PointEstimate.load(tmp_path / "fit.json").provenance.reading
        assert stored == fit.provenance.reading == {"sep": ";", "decimal": ",", "na": ["?"]}
