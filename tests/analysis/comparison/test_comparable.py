"""Pairs that must not be compared, each with the first difference named; nesting by columns."""

import numpy as np
import pandas as pd
import pytest
from coded_models import both, survey
from problems import simulated

from flatprior.analysis import NotComparableError, compare_models, likelihood_ratio_test
from flatprior.analysis.comparison.comparable import is_nested, same_observations
from flatprior.models import BernoulliLogistic, fit_newton, sample_independence
from flatprior.models.batches import batch_rows
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.files import source

N = 60


def data(seed=1):
    X, y = simulated(N, 3, seed=seed)
    frame = pd.DataFrame({"y": y, "a": X[:, 1], "b": X[:, 2]}, index=[f"r{i}" for i in range(N)])
    return frame.assign(w=np.arange(N) % 3 + 1, outcome=np.where(y == 1, "yes", "no"))


def model(formula="y ~ a", frame=None, **options):
    return BernoulliLogistic.from_formula(formula, data() if frame is None else frame, **options)


def with_value(column, label, value):
    frame = data()
    frame.loc[label, column] = value
    return frame


def weights_with_zero():
    return data()["w"].where(data().index != "r9", 0)


def grouped(changed=0):
    """Counts of a 2 x 2 table and its single rows, with `changed` observations moved."""
    counts = np.array([12, 30, 25, 14])
    x, y = np.array([0.0, 0, 1, 1]), np.array([1.0, 0, 1, 0])
    singly = BernoulliLogistic.from_arrays(
        np.repeat(x, counts), np.repeat(y, counts), intercept=True
    )
    counts = counts + changed * np.array([1, 0, -1, 0])
    weighted = BernoulliLogistic.from_arrays(x, y, intercept=True, frequency_weights=counts)
    return singly, weighted


def relabelled():
    frame = data()
    frame.index = [*frame.index[:-1], "elsewhere"]
    return frame


def opposite():
    frame = data()
    frame["outcome"] = pd.Categorical(frame["outcome"], categories=["yes", "no"])
    return frame


def recoded():
    frame = data()
    flipped = frame["y"].copy()
    flipped[["r4", "r7"]] = 1 - flipped[["r4", "r7"]]
    return frame.assign(y=flipped)


KINDS = {
    "a row left out for a missing value": (
        lambda: (model(), model("y ~ a + b", with_value("b", "r5", np.nan))),
        r"row r5 in the first model only \(0 and 1 rows were left out because a value is missing"
        r"\); build both from the rows that are complete",
    ),
    "fewer rows": (lambda: (model(), model(frame=data()[:-2])), "rows r58, r59 in the first model"),
    "more rows": (lambda: (model(frame=data()[3:]), model()), "rows r0, r1, r2 in the second"),
    "other rows": (lambda: (model(), model(frame=relabelled())), "row r59 in the first model only"),
    "another order": (
        lambda: (model(), model(frame=data()[::-1])),
        "another order: number 1 is row r0 in the first and row r59 in the second; sort",
    ),
    "other responses": (
        lambda: (model(), model(frame=recoded())),
        r"different responses \('y' and 'y'\): first in row r4 \(. and .\), in 2 rows in all",
    ),
    "the response coded the other way": (
        lambda: (model("outcome ~ a"), model("outcome ~ a", opposite())),
        r"opposite responses .* \(yes = 1, no = 0; no = 1, yes = 0\)",
    ),
    "weights against none": (
        lambda: (model(), model(frequency_weights="w")),
        r"different frequency weights: first in row r1 \(1 and 2\), in 40 rows in all",
    ),
    "other weights": (
        lambda: (model(frequency_weights=4 - data()["w"]), model(frequency_weights="w")),
        r"different frequency weights: first in row r0 \(3 and 1\)",
    ),
    "a row of weight zero": (
        lambda: (model(frequency_weights="w"), model(frequency_weights=weights_with_zero())),
        "row r9 in the first model only .0 and 1 rows were left out because their frequency weight",
    ),
    "counts that are not those of the rows": (
        lambda: grouped(changed=1),
        "rows 4, 5, 6, 7, 8 and 72 more in the first model only",
    ),
    "arrays of different length": (
        lambda: (
            BernoulliLogistic.from_arrays(data()[["a"]].to_numpy(), data()["y"].to_numpy()),
            BernoulliLogistic.from_arrays(data()[["a"]].to_numpy()[1:], data()["y"].to_numpy()[1:]),
        ),
        "row 59 in the first model only",
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_pair_is_refused_by_its_first_difference(kind):
    build, message = KINDS[kind]
    first, second = build()
    for refused in (
        lambda: compare_models({"first": first, "second": second}),
        lambda: likelihood_ratio_test(first, second),
        lambda: compare_models({"zero": first, "first": first, "second": second}),
    ):
        with pytest.raises(NotComparableError, match=message):
            refused()


def test_batches_are_comparable_with_batches_of_the_same_files_only(tmp_path):
    frame = data()
    frame.to_parquet(tmp_path / "all.parquet", row_group_size=25)
    with_value("b", "r5", np.nan).to_parquet(tmp_path / "missing.parquet", row_group_size=25)
    recoded().to_parquet(tmp_path / "recoded.parquet", row_group_size=25)
    small, large = (
        BernoulliLogistic.from_parquet(tmp_path / "all.parquet", f) for f in ("y~a", "y~a+b")
    )
    table = compare_models({"small": small, "large": large}).table()
    memory = compare_models({"small": model("y~a"), "large": model("y~a+b")}).table()
    assert table.loc["large", "LR"] == pytest.approx(memory.loc["large", "LR"], rel=1e-8)
    missing = BernoulliLogistic.from_parquet(tmp_path / "missing.parquet", "y~a+b")
    other = BernoulliLogistic.from_parquet(tmp_path / "recoded.parquet", "y~a")
    for second, message in (
        (missing, r"n_rows is 60 and 59 \(0 and 1 rows were left out"),
        (other, "n_events is|responses, weights or their order differ"),
        (model("y~a"), "one has its rows in memory, the other reads them in batches"),
    ):
        with pytest.raises(NotComparableError, match=message):
            compare_models({"first": small, "second": second})


def test_how_rows_are_cut_into_blocks_says_nothing_of_them(tmp_path, monkeypatch):
    # more columns make smaller blocks, and the responses are the same in any
    data().to_parquet(tmp_path / "all.parquet", row_group_size=25)
    monkeypatch.setattr(batch_rows, "BLOCK_NUMBERS", 30)
    small, large = (
        BernoulliLogistic.from_parquet(tmp_path / "all.parquet", f) for f in ("y~a", "y~a+b")
    )
    assert small.rows.n_blocks < large.rows.n_blocks
    memory = compare_models({"small": model("y~a"), "large": model("y~a+b")}).table()
    table = compare_models({"small": small, "large": large}).table()
    assert table["LR"].to_numpy() == pytest.approx(memory["LR"].to_numpy(), rel=1e-8, nan_ok=True)


def test_of_rows_in_batches_the_same_offsets_leave_models_nested(tmp_path):
    frame = data().assign(o=lambda f: f["a"] / 2, p=lambda f: f["a"] / 3)
    frame.to_parquet(tmp_path / "all.parquet", row_group_size=25)

    def batches(formula, offset=None):
        return BernoulliLogistic.from_parquet(tmp_path / "all.parquet", formula, offset=offset)

    large = batches("y ~ a + b", "o")
    assert is_nested(batches("y ~ a", "o"), large)
    for other in (batches("y ~ a", "p"), batches("y ~ a")):
        assert not is_nested(other, large)
    assert not is_nested(batches("y ~ a", "o"), batches("y ~ a + b"))


def test_batches_of_other_sizes_are_of_the_same_files(tmp_path, monkeypatch):
    rng = np.random.default_rng(2)
    frame = pd.DataFrame(rng.normal(size=(900, 6)), columns=list("abcdef"))
    frame.assign(y=rng.integers(0, 2, 900)).to_parquet(tmp_path / "rows.parquet")
    # as many columns of so many rows that a batch of these is a smaller one
    for name, number in (("BATCH_NUMBERS", 1400), ("FEWEST_ROWS", 100)):
        monkeypatch.setattr(source, name, number)
    models = {
        f: BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", f"y ~ {f}")
        for f in ("a", "a + b", "a + b + c + d + e + f")
    }
    lengths = [model.rows.surveyed.survey.lengths[0] for model in models.values()]
    assert lengths == [700, 466, 200]
    found = compare_models(models)
    assert list(found.table()["k"].sort_values()) == [2, 3, 7]
    # none of them can be read in the batches of another
    assert found.passes.number == sum(fit.provenance.passes for fit in found.fits.values())


def test_models_of_the_same_files_share_their_passes_and_no_other_column_is_read(tmp_path):
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(size=(5000, 6)), columns=list("abcdef"))
    path = tmp_path / "rows.parquet"
    frame.assign(y=rng.integers(0, 2, 5000)).to_parquet(path)

    def models():
        formulas = ("y ~ a", "y ~ a + b", "y ~ c + a", "y ~ a + b + c")
        return {f: BernoulliLogistic.from_parquet(path, f) for f in formulas}

    alone = models()
    fits = {name: fit_newton(one) for name, one in alone.items()}
    found = compare_models(models())
    assert found.passes.number == max(fit.provenance.passes for fit in fits.values())
    # of six columns and the response four are read
    assert 0 < found.passes.bytes < found.passes.number * 0.65 * path.stat().st_size
    for name, fit in found.fits.items():
        np.testing.assert_array_equal(fit.coefficients, fits[name].coefficients)
        np.testing.assert_array_equal(fit.covariance, fits[name].covariance)
    # what was fitted before is known
    again = compare_models(alone)
    assert again.passes.number == 0
    pd.testing.assert_frame_equal(again.table(), found.table())


def test_draws_of_other_data_are_refused():
    first, second = model(), model(frame=recoded())
    posterior = sample_independence(second, seed=1, progress=False)
    with pytest.raises(NotComparableError, match="given for 'a': the data are not those of"):
        compare_models({"a": first, "b": model("y~1")}, {"a": posterior})
    with pytest.raises(
        NotComparableError, match="given for 'b': the draws are of Intercept, a, the"
    ):
        compare_models({"a": first, "b": model("y~1")}, {"b": posterior})


def test_single_rows_and_their_counts_are_recognised():
    singly, weighted = grouped()
    null = BernoulliLogistic.from_arrays(np.ones(81), singly.response, names=["const"])
    comparison = compare_models({"rows": singly, "counts": weighted, "null": null})
    table = comparison.table()
    assert table.loc["rows", "log-likelihood"] == table.loc["counts", "log-likelihood"]
    # not nested in one another: they are the same model
    assert table.loc[["rows", "counts"], "parent"].tolist() == ["null", "null"]
    assert "the same rows" in comparison.notes[0]
    ratio = likelihood_ratio_test(weighted, null)
    assert ratio == likelihood_ratio_test(singly, "x1").__class__(
        "likelihood ratio", ratio.hypothesis, pytest.approx(table.loc["rows", "LR"]), 1,
        pytest.approx(table.loc["rows", "p"]),
    )  # fmt: skip


def test_elpd_differences_of_single_rows_and_counts_are_those_of_single_rows():
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"a": rng.integers(0, 3, 120), "b": rng.integers(0, 2, 120)}).astype(float)
    frame["y"] = (rng.random(120) < 1 / (1 + np.exp(0.5 - frame["a"] + frame["b"]))).astype(float)
    counts = frame.groupby(["a", "b", "y"]).size().rename("n").reset_index()
    singly = {name: model(f"y ~ {name}", frame) for name in ("a", "a + b")}
    mixed = {"a": singly["a"], "a + b": model("y ~ a + b", counts, frequency_weights="n")}
    tables = []
    for models in (singly, mixed):
        draws = {name: sample_independence(m, seed=2, progress=False) for name, m in models.items()}
        tables.append(compare_models(models, draws).table())
    both = tables[0].drop(columns="parent").astype(float), tables[1].drop(columns="parent")
    close = ["k", "log-likelihood", "AIC", "BIC", "LR", "p"]
    pd.testing.assert_frame_equal(both[0][close], both[1][close].astype(float), rtol=1e-9)
    # other draws: the samplers see rows in another order
    for column in ("elpd_loo", "elpd_diff", "dse"):
        assert both[1][column].tolist() == pytest.approx(both[0][column].tolist(), abs=0.15)


@pytest.mark.parametrize(
    ("small", "large", "nested"),
    [
        ("y ~ 1", "y ~ a", True),
        ("y ~ a", "y ~ 1", False),
        ("y ~ a", "y ~ b", False),
        ("y ~ I(a + 2 * b)", "y ~ a + b", True),
        ("y ~ a", "y ~ poly(a, 2)", True),
        ("y ~ center(a)", "y ~ scale(a)", True),
        ("y ~ 0 + a", "y ~ a", True),
        ("y ~ log(w)", "y ~ w", False),
        ("y ~ w", "y ~ C(w)", True),
        ("y ~ C(w)", "y ~ poly(w, 2, raw=True)", True),
        ("y ~ a", "y ~ bs(a, df=5)", True),
    ],
)
def test_nested_is_decided_by_the_span_of_columns(small, large, nested):
    assert is_nested(model(small), model(large)) == nested


def test_nesting_does_not_depend_on_units_or_nearly_dependent_columns():
    frame = data().assign(near=lambda f: f["a"] + 1e-4 * f["b"], tiny=lambda f: f["b"] * 1e-9)
    large = model("y ~ a + near", frame)
    assert is_nested(model("y ~ tiny", frame), large)
    frame["outside"] = frame["b"] + 1e-6 * np.random.default_rng(1).normal(size=N)
    assert not is_nested(model("y ~ outside", frame), large)


def test_what_varies_in_a_time_stamp_decides_not_its_size():
    rng = np.random.default_rng(3)
    frame = data().assign(time=1.7e9 + rng.uniform(0, 60, N), z=rng.normal(size=N))
    frame["scaled"] = (frame["time"] - frame["time"].mean()) / frame["time"].std()
    time, other, scaled = (model(f"y ~ {name}", frame) for name in ("time", "z + a", "scaled"))
    assert not is_nested(time, other)
    assert compare_models({"time": time, "other": other}).table()["parent"].tolist() == ["", ""]
    both = model("y ~ time + z", frame)
    assert is_nested(time, both)
    assert is_nested(scaled, both)
    ratio = likelihood_ratio_test(both, scaled)
    assert ratio.statistic == pytest.approx(
        likelihood_ratio_test(model("y ~ scaled + z", frame), "z").statistic, rel=1e-5
    )


def test_a_model_is_nested_in_itself_however_ill_conditioned():
    frame = data().assign(time=1.7e9 + np.linspace(0, 60, N))
    cubic = model("y ~ time + I(time ** 2) + I(time ** 3)", frame)
    assert is_nested(cubic, cubic)
    assert is_nested(model("y ~ time", frame), cubic)


def test_offsets_that_differ_by_rounding_are_the_same():
    exposure = np.linspace(1, 9, N)
    first = model(offset=np.log(exposure) + np.log(12))
    second = model("y ~ a + b", offset=np.log(12 * exposure))
    assert is_nested(first, second)


def test_counts_with_another_value_in_a_constant_column_are_not_recognised():
    x, y = np.array([1.0, 2, 3, 1, 2, 3]), np.array([1.0, 0, 1, 0, 1, 0])
    names = {"names": ["x"]}
    singly = BernoulliLogistic.from_arrays(x, y, **names)
    weighted = BernoulliLogistic.from_arrays([7.0, 7.0], [1, 0], frequency_weights=[3, 3], **names)
    with pytest.raises(NotComparableError):
        compare_models({"rows": singly, "counts": weighted})


def test_models_of_the_same_rows_are_returned_as_they_are():
    models = {"a": model("y ~ a"), "b": model("y ~ b")}
    assert same_observations(models) == models


def test_weights_of_one_each_are_no_weights():
    unit = model(frequency_weights=np.ones(N, dtype=int))
    assert set(same_observations({"a": model(), "b": unit})) == {"a", "b"}


@pytest.mark.parametrize("degree", [2, 3])
def test_polynomials_of_years_are_those_of_years_from_any_origin(degree):
    # what is left of a column is then 1e-9 to 1e-6 of its length: rounding, times the condition
    frame = data().assign(year=np.linspace(1985, 2015, N), t=lambda f: (f["year"] - 2000) / 15)
    of_years, of_t = (
        model(" + ".join([f"y ~ {x}", *(f"I({x} ** {j})" for j in range(2, degree + 1))]), frame)
        for x in ("year", "t")
    )
    assert is_nested(of_t, of_years)
    assert is_nested(model(f"y ~ I(t ** {degree})", frame), of_years)
    assert not is_nested(model(f"y ~ t + I(t ** {degree + 1})", frame), of_years)


def test_weights_of_other_rows_are_told_in_batches_too(tmp_path):
    frame = data()
    frame.to_parquet(tmp_path / "one.parquet", row_group_size=25)
    other = frame.copy()
    same = frame["y"] == 1  # sums and events stay: weights change places among the events
    other.loc[same, "w"] = frame.loc[same, "w"].to_numpy()[::-1]
    other.to_parquet(tmp_path / "two.parquet", row_group_size=25)
    first, second = (
        BernoulliLogistic.from_parquet(tmp_path / name, formula, frequency_weights="w")
        for name, formula in (("one.parquet", "y ~ a"), ("two.parquet", "y ~ b"))
    )
    assert (first.n_observations, first.n_events) == (second.n_observations, second.n_events)
    with pytest.raises(NotComparableError, match="responses, weights or their order differ"):
        compare_models({"first": first, "second": second})


def test_nesting_of_factors_as_codes_is_that_of_the_columns(monkeypatch):
    frame = survey(300, seed=21)
    frame["warm"] = np.where(frame["g"].isin(["red", "amber"]), "yes", "no")
    terms = ("x + g + h", "x + g", "z + g", "0 + g + x", "x + warm", "g * h")
    models = [both(f"y ~ {each}", frame) for each in terms]
    expected = [[is_nested(s[1], b[1]) for s in models] for b in models]
    assert sum(map(sum, expected)) == 13
    # one of two may be written out, too
    assert [[is_nested(s[0], b[1]) for s in models] for b in models] == expected
    monkeypatch.setattr(Structured, "dense", None)
    assert [[is_nested(s[0], b[0]) for s in models] for b in models] == expected


def test_of_groups_of_trials_the_rows_of_the_data_are_named_once():
    frame = pd.DataFrame({"s": [1, 2, 0], "f": [3, 2, 4], "x": [1.0, 2.0, 3.5]})
    first = BernoulliLogistic.from_formula("cbind(s, f) ~ x", frame)
    fewer = BernoulliLogistic.from_formula("cbind(s, f) ~ x", frame[1:])
    with pytest.raises(NotComparableError, match="row 0 in the first model only"):
        same_observations({"a": first, "b": fewer})
    other = BernoulliLogistic.from_formula("cbind(s, f) ~ x", frame.assign(s=[1, 2, 1]))
    with pytest.raises(NotComparableError, match="the counts in row 2 are not the same"):
        same_observations({"a": first, "b": other})
