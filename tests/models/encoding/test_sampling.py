"""Sampling weights are not counts: what is taken, what is refused, and what is said."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from every_way import every_way

from flatprior.models import BernoulliLogistic, PointEstimate, fit_newton, verify

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="module")
def frame():
    return pd.read_csv(DATA / "sampling_weights.csv")


def build(frame, **roles):
    return BernoulliLogistic.from_formula("y ~ treated", frame, **roles)


def test_a_formula_arrays_columns_and_numbers_are_one_model(frame):
    named = build(frame, sampling_weights="w")
    given = build(frame, sampling_weights=frame["w"])
    arrays = BernoulliLogistic.from_arrays(
        frame[["treated"]].to_numpy(),
        frame["y"],
        names=["treated"],
        intercept=True,
        sampling_weights=frame["w"].to_numpy(),
    )
    assert named.data_hash == given.data_hash
    fits = [fit_newton(model) for model in (named, given, arrays)]
    for fit in fits[1:]:
        assert fit.coefficients == pytest.approx(fits[0].coefficients, rel=1e-12)
        assert fit.standard_errors == pytest.approx(fits[0].standard_errors, rel=1e-12)
    assert named.sampling_weights.tolist() == frame["w"].tolist()
    assert named.frequency_weights is None
    assert (named.n_observations, named.n_events) == (600, int(frame["y"].sum()))
    assert named.facts[0] == "600 observations (sampling weights: w)"
    assert "sampling weights: w" in repr(named)


def test_the_same_numbers_as_counts_are_other_data(frame):
    whole = frame.assign(w=(10 * frame["w"]).round())
    counts = build(whole, frequency_weights="w")
    drawn = build(whole, sampling_weights="w")
    assert counts.data_hash != drawn.data_hash
    assert counts.n_observations == whole["w"].sum()
    assert drawn.n_observations == 600


def test_rows_of_weight_0_and_rows_without_a_weight_or_a_cluster_are_counted(frame):
    some = frame.assign(c=frame.index // 6)
    some.loc[:11, "w"] = 0.0
    some.loc[12:14, "w"] = np.nan
    some.loc[20, "c"] = np.nan
    model = build(some, sampling_weights="w", clusters="c")
    assert (model.n_rows, model.n_zero_weight, model.n_dropped) == (584, 12, 4)
    assert "12 rows left out: weight 0" in model.facts
    assert model.sampling.n_units(model.n_rows) == 100  # those of weight 0 were drawn too
    with pytest.raises(ValueError, match="values are missing"):
        build(some, sampling_weights="w", clusters="c", missing="raise")


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ({"sampling_weights": "w", "frequency_weights": "persons"}, "not both"),
        ({"clusters": "c"}, "clusters go with sampling_weights"),
        ({"strata": "c"}, "strata go with sampling_weights"),
        ({"sampling_weights": "minus"}, "'minus' has negative values in row 0"),
        ({"sampling_weights": "nil"}, "no rows are left"),
        ({"sampling_weights": "words"}, "'words' holds text, not numbers"),
        ({"sampling_weights": "huge"}, "not finite"),
        ({"sampling_weights": "none"}, "there is no column 'none'"),
        ({"sampling_weights": "w", "clusters": "one"}, "there is one cluster only"),
        ({"sampling_weights": "w", "strata": "lonely"}, "strata with one row only.*: merge"),
        (
            {"sampling_weights": "w", "strata": "lonely", "clusters": "c"},
            "strata with one cluster only.*: merge",
        ),
        ({"sampling_weights": [1.0, 2.0]}, "'sampling_weights' has 2 values"),
    ],
)
def test_what_is_no_sample_is_one_sentence(frame, roles, words):
    other = frame.assign(
        c=frame.index // 6,
        minus=frame["w"].where(frame.index > 0, -1.0),
        nil=0.0,
        words="a",
        huge=np.inf,
        one="x",
        lonely=["a", *["b"] * 599],
    )
    with pytest.raises(ValueError, match=words):
        build(other, **roles)


def test_what_is_no_sample_is_the_same_sentence_wherever_rows_are(frame, tmp_path, monkeypatch):
    other = frame[:60].assign(
        minus=frame["w"].where(frame.index != 40, -1.0),
        nil=0.0,
        late=["1.5"] * 59 + ["?"],
        one="x",
        lonely=["a", *["b"] * 59],
        c=frame.index[:60] // 6,
    )
    wrong = [
        {"sampling_weights": "w", "frequency_weights": "persons"},
        {"clusters": "c"},
        {"sampling_weights": "minus"},
        {"sampling_weights": "nil"},
        {"sampling_weights": "late"},
        {"sampling_weights": "none"},
        {"sampling_weights": "w", "clusters": "none"},
        {"sampling_weights": "w", "clusters": "one"},
        {"sampling_weights": "w", "clusters": "y"},
        {"sampling_weights": "w", "strata": "lonely"},
        {"sampling_weights": "w", "strata": "lonely", "clusters": "c"},
    ]
    ways = list(every_way(other, tmp_path, monkeypatch))
    for roles in wrong:
        said = []
        for _, build_so in ways:
            with pytest.raises(ValueError) as found:  # noqa: PT011  (compared below)
                build_so("y ~ treated", **roles)
            said.append(str(found.value))
        assert len(set(said)) == 1, said
    for _, build_so in ways[3:]:
        with pytest.raises(TypeError, match="sampling_weights must name a column where rows are"):
            build_so("y ~ treated", sampling_weights=[1.0] * 60)


def test_clusters_are_compared_by_value(frame, tmp_path, monkeypatch):
    """Numbers here and words there are words everywhere, if a file does not say what they are."""
    some = frame[:60].assign(c=["01", "1", "2", "3"] * 14 + ["b", "c"] * 2)
    hashes = set()
    for way, build_so in every_way(some, tmp_path, monkeypatch):
        model = build_so("y ~ treated", sampling_weights="w", clusters="c")
        assert model.sampling.n_units(0) == 6, way
        hashes.add(model.data_hash)
    assert len(hashes) == 1
    mixed = some.assign(c=pd.Series([1, 2] * 29 + ["b", "c"], dtype=object))
    with pytest.raises(ValueError, match="'c' holds numbers in some rows and text in others"):
        build(mixed, sampling_weights="w", clusters="c")


def test_clusters_are_told_by_their_name_within_their_stratum():
    frame = pd.read_csv(DATA / "survey.csv")
    again = frame.assign(psu=frame["stratum"] + "." + frame["psu"].astype(str))
    designs = [
        BernoulliLogistic.from_formula(
            "y ~ x", each, sampling_weights="w", clusters="psu", strata="stratum"
        ).sampling
        for each in (frame, again)
    ]
    assert [each.n_units(0) for each in designs] == [22, 22]
    assert [each.n_strata for each in designs] == [4, 4]
    assert [each.degrees_of_freedom(0) for each in designs] == [18, 18]
    assert designs[0].said == "sampling weights: w, 22 clusters: psu, 4 strata: stratum"


def test_large_and_distinct_counts_draw_a_remark_and_others_do_not(frame, tmp_path):
    counts = frame.assign(n=frame["persons"] * 10 + frame.index % 10)
    counts.to_parquet(tmp_path / "counts.parquet")
    in_batches = BernoulliLogistic.from_parquet(
        tmp_path / "counts.parquet", "y ~ treated", frequency_weights="n"
    )
    for model in (build(counts, frequency_weights="n"), in_batches):
        assert any("pass them as sampling_weights" in each for each in model.warnings)
    # a survey's own weights, of which many occur twice
    of_persons = build(frame, frequency_weights="persons")
    assert any("pass them as sampling_weights" in each for each in of_persons.warnings)
    rng = np.random.default_rng(0)
    few = frame.assign(n=rng.integers(1, 9, 600))
    repeated = frame.assign(n=100 * rng.integers(1, 9, 600))
    for counts in (few, repeated):
        assert build(counts, frequency_weights="n").warnings == ()
    assert build(frame, sampling_weights="w").warnings == ()


def test_an_estimate_is_saved_and_verified_with_what_it_was_drawn_by(frame, tmp_path):
    model = build(frame, sampling_weights="w")
    fit = fit_newton(model)
    fit.save(tmp_path / "fit.json")
    found = PointEstimate.load(tmp_path / "fit.json")
    assert found.provenance.sampling_weights == "w"
    assert json.loads((tmp_path / "fit.json").read_text())["aic"] is None
    assert verify(model, found).error_bound <= fit.certificate.error_bound
    with pytest.raises(ValueError, match="the data are not those of"):
        verify(build(frame, frequency_weights="persons"), found)
