"""Categories that are not what they seem."""

import numpy as np
import pandas as pd
import pytest
from every_way import every_way

from flatprior.models import BernoulliLogistic, check_existence, fit_newton
from flatprior.models.encoding.columns.summary import Summary
from flatprior.models.encoding.columns.suspects import alike, are_dates, far_off

DAYS = pd.date_range("2026-01-01", periods=60)
FORMATS = ("%Y-%m-%d", "%d.%m.%Y", "%m/%d/%y", "%Y-%m-%d %H:%M:%S", "%d %B %Y", "%b %d, %Y")


@pytest.mark.parametrize("form", FORMATS)
def test_dates_are_told_however_they_are_written(form):
    assert are_dates(DAYS.strftime(form))
    assert are_dates([*DAYS.strftime(form)[:20], "unknown"])
    assert not are_dates([*DAYS.strftime(form)[:8], "unknown", "?"])


@pytest.mark.parametrize(
    "levels",
    [
        ["18-25", "26-35", "36-45"],
        ["1-2-3", "a", "b"],
        ["2026", "2027", "2028"],
        ["192.168.0.1", "192.168.0.2", "10.0.0.1"],
        ["555-1234", "555-1235", "555-1236"],
        ["Jan", "Feb", "Mar"],
        ["2026-01", "2026-02", "2026-03"],
        ["A-1-26", "B-1-26", "C-1-26"],
        [1, 2, 3],
        [],
    ],
)
def test_what_only_looks_like_dates_is_none(levels):
    assert not are_dates(levels)


def frame_of(cells, seed=1):
    rng = np.random.default_rng(seed)
    n = len(cells)
    return pd.DataFrame({"y": rng.integers(0, 2, n), "x": rng.normal(size=n), "z": cells})


IDS = {
    "an identifier": (
        [f"id{i}" for i in range(60)],
        "y ~ x + z",
        "'z' has 60 levels in 60 rows, o",
    ),
    "numbers in C()": (
        list(range(60)),
        "y ~ x + C(z)",
        "one each: an identifier, with which no fi",
    ),
    "dates": (
        list(DAYS.strftime("%Y-%m-%d")),
        "y ~ z",
        "one each: dates.* days since the first, or",
    ),
    "in an interaction": ([f"id{i}" for i in range(60)], "y ~ x:z", "'z' has 60 levels in 60 rows"),
}


@pytest.mark.parametrize("name", IDS)
def test_a_level_for_each_row_is_an_error_however_the_rows_come(name, tmp_path, monkeypatch):
    cells, formula, words = IDS[name]
    said = set()
    for _, build in every_way(frame_of(cells), tmp_path, monkeypatch):
        with pytest.raises(ValueError, match=words) as caught:
            build(formula)
        said.add(str(caught.value))
    assert len(said) == 1


def test_no_fit_exists_with_a_level_for_each_row_which_is_why():
    frame = frame_of([f"id{i}" for i in range(8)])  # few enough for nobody to suspect
    for formula in ("y ~ z", "y ~ x + z", "y ~ x:z", "y ~ 0 + z"):
        assert not check_existence(BernoulliLogistic.from_formula(formula, frame)).exists


REMARKS = {
    "half as many levels": ([f"id{i // 2}" for i in range(60)], "'z' has 30 levels in 60 rows: if"),
    "numbers in C()": ([i // 2 for i in range(60)], "'z' has 30 levels in 60 rows: if it is an id"),
    "dates as text": (list(DAYS.strftime("%d.%m.%Y")[:15]) * 4, "'z' holds dates as text, such as"),
    "blanks": (["a", "a ", "b"] * 20, "blanks or case only: 'a' and 'a ';"),
    "case": (["Yes", "yes", "YES", "no"] * 15, "only: 'YES' and 'Yes' and 'yes'; make them one if"),
}


@pytest.mark.parametrize("name", REMARKS)
def test_what_seems_not_to_be_meant_is_said_and_fitted_however_the_rows_come(
    name, tmp_path, monkeypatch
):
    cells, words = REMARKS[name]
    formula = "y ~ x + C(z)" if isinstance(cells[0], int) else "y ~ x + z"
    said = set()
    for way, build in every_way(frame_of(cells), tmp_path, monkeypatch):
        if name == "blanks" and "CSV" in way:
            continue  # a reader of CSV takes blanks off the front, and leaves those behind
        model = build(formula)
        assert [words in remark for remark in model.remarks] == [True], way
        assert model.remarks[0] in model.warnings
        assert words in " ".join(str(model).split())
        said.add(model.remarks)
    assert len(said) == 1


QUIET = {
    "few levels": ([f"l{i}" for i in range(8)] * 2, "y ~ x + z"),
    "under half": ([f"l{i % 29}" for i in range(60)], "y ~ x + z"),
    "a number": (list(range(60)), "y ~ x + z"),
    "a computed number": (list(range(1, 61)), "y ~ log(z)"),
    "months": (["2026-01", "2026-02", "2026-03"] * 20, "y ~ z"),
}


@pytest.mark.parametrize("name", QUIET)
def test_honest_columns_draw_no_remark(name, tmp_path, monkeypatch):
    cells, formula = QUIET[name]
    for _, build in every_way(frame_of(cells), tmp_path, monkeypatch):
        assert build(formula).remarks == ()


def test_two_wide_categories_keep_their_fit_with_a_remark():
    # the traits of an issue of statsmodels: categories of hundreds of levels that are meant
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"y": rng.integers(0, 2, 200), "k": rng.integers(0, 1200, 200)})
    model = BernoulliLogistic.from_formula("y ~ C(k)", frame)
    levels = frame["k"].nunique()
    assert levels > 150
    assert model.n_parameters == levels
    assert any(f"{levels} levels in 200 rows" in said for said in model.warnings)


def test_a_level_for_each_group_of_counts_is_the_saturated_model(tmp_path, monkeypatch):
    frame = pd.DataFrame({"s": [1, 2, 3] * 5, "n": 7, "g": [f"g{i}" for i in range(15)]})
    for _, build in every_way(frame, tmp_path, monkeypatch):
        model = build("cbind(s, n - s) ~ g")
        assert fit_newton(model).log_likelihood == pytest.approx(model.trials.saturated)


def test_a_response_of_levels_that_differ_in_case_draws_a_remark():
    frame = frame_of(["a", "b"] * 10).assign(y=["Yes", "yes"] * 10)
    model = BernoulliLogistic.from_formula("y ~ x", frame)
    assert "column 'y' has levels that differ in blanks or case only" in model.remarks[0]


def test_a_level_without_a_visible_character_is_shown_in_quotes():
    frame = frame_of(["", "a", "b"] * 10)
    model = BernoulliLogistic.from_formula("y ~ z", frame)
    assert "z: differences from level ''" in model.facts
    assert model.reference_levels == {"z": ""}
    empty = BernoulliLogistic.from_formula("y ~ x", frame.assign(y=["", "a"] * 15))
    assert empty.response_coding == "a = 1, '' = 0"


def test_a_level_that_often_means_missing_draws_a_remark_that_leads_to_the_option():
    frame = frame_of(["NA", "a", "b"] * 10)
    model = BernoulliLogistic.from_formula("y ~ z", frame)
    assert model.remarks == (
        "column 'z' has the level 'NA', which often means a missing value; na='NA' makes it one",
    )
    told = BernoulliLogistic.from_formula("y ~ z", frame, na="NA")
    assert (told.remarks, told.n_dropped) == ((), 10)


def edged(values):
    series = pd.Series(values, name="x")
    return Summary.of(series, series.notna().to_numpy())


@pytest.mark.parametrize(
    ("codes", "others"),
    [
        ([-999], range(60)),
        ([-99.0, -98.0], np.linspace(-4, 30, 40)),
        ([-9], [0, 1, 1, 2]),
        ([9999.0, -9999.0], [0.5, 1.5, 700.25]),
        ([997, 998, 999], [18, 90, 44, 21]),
    ],
)
def test_codes_of_missing_values_among_numbers_are_remarked_whatever_the_batches(codes, others):
    values = np.array([*others, *codes * 3])
    found = far_off(edged(values))
    assert len(found) == 1
    assert all(f"{code:.0f} in 3 rows" in found[0] for code in codes)
    words = [f"{code:.0f}" for code in sorted(codes)]
    assert f"na={(words[0] if len(words) == 1 else words)!r}" in found[0]
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(len(values))
        parts = [edged(part) for part in np.array_split(values[order], 4)]
        merged = parts[0].merge(parts[1]).merge(parts[2].merge(parts[3]))
        assert far_off(merged) == found


@pytest.mark.parametrize(
    "values",
    [
        [-999, 1, 2, 3],  # one row only: an outlier may be that
        [99, 99, 1, 50, 98],  # an end of what the others reach
        [0, 0, -9, -9],  # no reach to compare with
        [1.0, 2.0, 1e9, 1e9],
        [np.nan, 1.0, np.inf, -9.0, -9.0],
        [],
    ],
)
def test_ordinary_numbers_are_no_codes(values):
    assert far_off(edged(np.array(values, dtype=float))) == []


def test_false_alarms_of_codes_are_rarer_than_one_column_in_a_thousand():
    """0 of 6,000 columns of heavy tails, rounded so that values repeat; at 1 in 1,000 chance of
    that is e^-6."""
    rng = np.random.default_rng(18)
    alarms = 0
    for _ in range(1000):
        n = int(rng.integers(20, 400))
        for values in (
            np.round(rng.lognormal(3, 1.5, n)),
            np.round(rng.normal(0, 5, n)),
            np.round(rng.standard_t(2, n) * 4),
            rng.poisson(rng.gamma(0.5, 20, n)),
            rng.integers(0, 100, n),
            -np.round(rng.exponential(30, n)),
        ):
            alarms += bool(far_off(edged(values.astype(float))))
    assert alarms == 0


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (["a ", "a"], ["differ in blanks or case only: 'a' and 'a '"]),
        (["a ", "b "], ["blanks at an end: 'a ', 'b '; take these out"]),
        (["a ", "a", " c"], ["'a' and 'a '", "blanks at an end: ' c'"]),
        (["New York", "b"], []),
    ],
)
def test_blanks_of_levels_are_remarked(levels, said):
    found = alike("g", levels)
    assert len(found) == len(said)
    assert all(words in each for words, each in zip(said, found, strict=True))
