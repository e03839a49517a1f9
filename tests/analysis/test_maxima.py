"""Maximal log-likelihoods, and the tail of the chi-squared distribution."""

import math

import mpmath
import numpy as np
import pytest
from places import PLACES, shoppers
from problems import simulated
from scipy.stats import chi2

from flatprior.analysis import HypothesisTest
from flatprior.analysis.maxima import (
    FewerColumns,
    Held,
    chi_squared_test,
    log_chi_squared_tail,
    maximal,
    maximum_from,
    of_full_rank,
    ratio,
    supremum,
)
from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, fit_newton
from flatprior.models.batches import first_pass
from flatprior.models.iterations import maximum


@pytest.mark.parametrize("df", [1, 2, 7, 40])
def test_the_logarithm_of_a_p_value_that_no_double_holds(df):
    for statistic in (3.0, 500.0, 1300.0, 1e4, 1e7):
        with mpmath.workdps(30):
            a = mpmath.mpf(df) / 2
            exact = mpmath.log(mpmath.gammainc(a, mpmath.mpf(statistic) / 2) / mpmath.gamma(a))
        assert log_chi_squared_tail(statistic, df) == pytest.approx(float(exact), rel=1e-12)
    test = HypothesisTest("Wald", "x = 0", 1e4, 1, 0.0)
    assert "p = 2.7e-2174" in str(test)


def test_tails_of_two_and_four_degrees_of_freedom_are_their_closed_forms():
    for x in [0.0, 1e-12, 0.5, 3.0, 198.0, 202.0, 205.0, 1e3, 1e6]:
        assert log_chi_squared_tail(x, 2) == pytest.approx(-x / 2, rel=1e-14, abs=1e-15)
        exact = -x / 2 + math.log1p(x / 2)
        assert log_chi_squared_tail(x, 4) == pytest.approx(exact, rel=1e-13, abs=1e-15)


@pytest.mark.parametrize("df", [1, 2, 3, 10, 101, 5001])
def test_the_two_ways_to_the_tail_meet_where_one_ends_and_fall_on_from_there(df):
    border = df + 200
    near = [border + away for away in (-1e-6, 1e-6)]
    first, second = (log_chi_squared_tail(x, df) for x in near)
    assert 0 < first - second < 2e-6
    assert first == pytest.approx(chi2.logsf(near[0], df), rel=1e-13)
    assert second == pytest.approx(chi2.logsf(near[1], df), rel=1e-11)
    assert math.isnan(log_chi_squared_tail(math.nan, df))
    assert log_chi_squared_tail(-1.0, df) == 0.0


def test_a_statistic_of_two_degrees_of_freedom_has_the_p_that_its_sentence_says():
    test = chi_squared_test("Wald", "a = b\x1b[31m", 6.0, 2, "beware")
    assert test.p == pytest.approx(math.exp(-3), rel=1e-15)
    assert str(test) == ("Wald test of a = b [31m: chi-squared(2) = 6.0000, p = 0.0498; beware")
    assert test.to_dict()["p"] == test.p
    # exp(-5000) is 10 to the power of -2171.47
    far = chi_squared_test("score", "all", 10_000.0, 2)
    assert far.p == 0.0
    assert far.p_text == "3.4e-2172"


def test_a_ratio_is_never_negative_and_a_smaller_model_that_is_likelier_is_refused():
    assert ratio(-10.0, -12.5) == 5.0
    assert ratio(-10.0, -10.0) == 0.0
    assert ratio(-1e6, -1e6 + 1e-5) == 0.0  # rounding
    for full, lower in ((-10.0, -9.99), (-1e6, -1e6 + 0.01), (0.0, 1e-6)):
        with pytest.raises(ArithmeticError, match="it is not nested in double precision"):
            ratio(full, lower)


@pytest.mark.parametrize("offset", [False, True])
def test_without_a_column_the_maximum_is_the_value_at_the_offsets(offset):
    rng = np.random.default_rng(1)
    o = 30 * rng.normal(size=50) if offset else None
    y, weights = rng.integers(0, 2, 50), rng.integers(1, 9, 50)
    model = BernoulliLogistic.from_arrays(
        rng.normal(size=(50, 2)), y, offset=o, frequency_weights=weights
    )
    none = FewerColumns(model.rows, without_columns, columns=0)
    found, where = maximal(none)
    assert where.shape == (0,)
    assert none.n_columns == 0
    if offset:
        margins = [mpmath.mpf(float(s * v)) for s, v in zip(2 * y - 1, o, strict=True)]
        terms = [
            -int(w) * mpmath.log1p(mpmath.exp(-m)) for w, m in zip(weights, margins, strict=True)
        ]
        assert found == pytest.approx(float(mpmath.fsum(terms)), rel=1e-14)
    else:
        assert found == pytest.approx(-weights.sum() * math.log(2), rel=1e-14)


def without_columns(block):
    """The same rows without a column."""
    return block._replace(design=block.design[:, :0])


@pytest.mark.parametrize("events", [1, 7, 50, 99])
def test_with_a_constant_alone_the_maximum_is_that_of_the_frequency(events):
    y = np.arange(100) < events
    rng = np.random.default_rng(events)
    model = BernoulliLogistic.from_arrays(np.column_stack([np.ones(100), rng.normal(size=100)]), y)
    constant = FewerColumns(
        model.rows, lambda block: block._replace(design=block.design[:, :1]), columns=1
    )
    found, where = maximal(constant)
    p = events / 100
    assert found == pytest.approx(100 * (p * math.log(p) + (1 - p) * math.log1p(-p)), rel=1e-13)
    assert where == pytest.approx([math.log(p / (1 - p))], rel=1e-9, abs=1e-12)
    # more columns are never less likely
    assert ratio(maximal(model.rows)[0], found) >= 0


@pytest.mark.parametrize("offset", [False, True])
def test_held_at_the_mle_the_others_have_theirs_and_elsewhere_less(offset):
    X, y = simulated(80, 4, seed=5)
    rng = np.random.default_rng(5)
    model = BernoulliLogistic.from_arrays(
        X,
        y,
        offset=rng.normal(size=80) if offset else None,
        frequency_weights=rng.integers(1, 4, 80),
    )
    fit = fit_newton(model)
    held = Held(model.rows.select(slice(None), np.array([0, 2])), model.design[:, [3, 1]])
    values = fit.coefficients[[3, 1]]
    found = maximum_from(held.at(values), None)
    assert found[1] == pytest.approx(fit.coefficients[[0, 2]], rel=1e-8)
    assert found[0] == pytest.approx(fit.log_likelihood, rel=1e-13)
    moved = values + np.array([0.3, -0.2])
    for start in (None, found[1], np.array([40.0, -40.0])):
        height, away = maximum_from(held.at(moved), start)
        beta = np.empty(4)
        beta[[0, 2]], beta[[3, 1]] = away, moved
        assert height == pytest.approx(model.log_likelihood(beta), rel=1e-12)
        assert model.score(beta)[[0, 2]] == pytest.approx([0, 0], abs=1e-5)
        assert height < fit.log_likelihood


def test_a_start_that_leads_nowhere_does_not_matter():
    X, y = simulated(80, 2, seed=6)
    rows = BernoulliLogistic.from_arrays(X, y).rows
    start = np.array([1e5, -1e5])
    assert maximum(rows, start) is None
    assert maximum_from(rows, start)[0] == maximum(rows).log_likelihood


def test_suprema_know_the_rank_and_whether_they_are_reached():
    # a 2 x 2 table: the supremum is that of the frequencies, whatever columns say them
    g, y = np.repeat([0.0, 1.0], 4), np.array([0.0, 1, 1, 1, 0, 0, 0, 0])
    half = 3 * math.log(0.75) + math.log(0.25)
    for columns, rank in (([g], 1), ([g, 1 - g], 2), ([g, 1 - g, 2 * g - 1], 2)):
        model = BernoulliLogistic.from_arrays(np.column_stack(columns), y)
        found, reduced = supremum(model), of_full_rank(model)
        assert (found.rank, found.separated) == (rank, True)
        expected = half if rank == 2 else 4 * math.log(0.5)
        assert found.log_likelihood == pytest.approx(expected, rel=1e-12)
        assert reduced.n_parameters == rank
        assert supremum(reduced).log_likelihood == pytest.approx(expected, rel=1e-12)
    y[4] = 1.0
    found = supremum(BernoulliLogistic.from_arrays(np.column_stack([g, 1 - g, 0 * g]), y))
    assert (found.rank, found.separated) == (2, False)
    assert found.log_likelihood == pytest.approx(2 * half, rel=1e-12)


def test_columns_that_are_nearly_dependent_are_left_to_whoever_fits_them():
    big = 2.0**60
    X = np.array([[big, big], [big + 256, big], [big + 512, big + 512], [big, big + 256]])
    model = BernoulliLogistic.from_arrays(X, [0, 1, 0, 1])
    assert of_full_rank(model) is model
    with pytest.raises(MLEDoesNotExistError, match="undecided in double precision"):
        supremum(model)


def test_rows_in_files_are_read_for_their_rank_only_where_those_drawn_leave_it_open(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 100)
    frame = shoppers(600)
    surveyed = PLACES["Parquet"](frame, tmp_path, "bought ~ income").rows.surveyed
    left = frame.index.difference(surveyed.sample_labels - 1)  # rows are numbered from 1
    frame["same"] = frame["income"]
    frame.loc[left[:9], "same"] += 1.0

    def passes(formula):
        model = PLACES["Parquet"](frame, tmp_path, formula)
        before = model.passes.number
        full = of_full_rank(model)
        return full is model, model.passes.number - before

    assert passes("bought ~ income + age") == (True, 0)
    drawn = PLACES["Parquet"](frame, tmp_path, "bought ~ income + same").rows.drawn
    assert np.linalg.matrix_rank(drawn.design) == 2  # other rows tell the columns apart
    assert passes("bought ~ income + same") == (True, 1)
    frame["same"] = frame["income"]
    full, read = passes("bought ~ income + same")
    assert not full
    assert read > 1
