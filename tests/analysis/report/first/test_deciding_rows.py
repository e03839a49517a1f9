"""Single rows that decide whether an interval holds 0, by fits without every row."""

import numpy as np
import pytest
from scipy.stats import chi2

from flatprior.analysis import confidence_intervals, exact_loo
from flatprior.analysis.report.first import deciding_rows as module
from flatprior.analysis.report.first.deciding_rows import deciding_rows
from flatprior.analysis.report.main_model import MainModel
from flatprior.analysis.report.sections.prediction import decisions_of
from flatprior.models import BernoulliLogistic, fit_newton, load_births

BIRTHS = "low ~ age + lwt + race + smoke + ptl + ht + ui"
EDGE = chi2.ppf(0.95, 1)


def found_of(model, columns=None):
    fit = fit_newton(model)
    ends = confidence_intervals(model).table()
    columns = range(model.n_parameters) if columns is None else columns
    return deciding_rows(model, fit, exact_loo(model, fit), ends, 0.95, columns)


def drawn(seed, n=60, beta=(0.8, 0.5, 0.2)):
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, len(beta)))])
    return X, (rng.random(n) < 1 / (1 + np.exp(-X[:, 1:] @ beta))).astype(float)


def excludes(X, y, j):
    """Whether the likelihood-ratio test rejects that coefficient j is 0."""
    full = fit_newton(BernoulliLogistic.from_arrays(X, y)).log_likelihood
    rest = fit_newton(BernoulliLogistic.from_arrays(np.delete(X, j, axis=1), y)).log_likelihood
    return 2 * (full - rest) > EDGE


def by_brute_force(X, y):
    """The rows without each of which the test of a coefficient turns round, by its name."""
    every = ~np.eye(len(y), dtype=bool)
    found = {}
    for j in range(1, X.shape[1]):
        own = excludes(X, y, j)
        rows = [i for i, rest in enumerate(every) if excludes(X[rest], y[rest], j) != own]
        if rows:
            found[f"x{j}"] = rows
    return found


def test_a_row_of_the_births_decides_on_one_coefficient_and_both_intervals_are_right():
    data = load_births()
    model = BernoulliLogistic.from_formula(BIRTHS, data)
    found = found_of(model, range(1, 9))
    (only,) = found.coefficients
    assert (only.name, only.label, only.n_rows, only.at_least) == ("ptl", 93, 1, False)
    assert only.many("row") == "One row decides"
    assert only.many("observation") == "One observation decides"
    without = BernoulliLogistic.from_formula(BIRTHS, data.drop(index=93))
    for ours, of in ((only.all_rows, model), (only.without, without)):
        expected = confidence_intervals(of, names=["ptl"]).table().to_numpy()[0]
        assert ours == pytest.approx(expected, rel=1e-8)
    assert only.all_rows[1] < 0 < only.without[1]
    assert (found.also, found.not_looked_at) == ((), ())


@pytest.mark.parametrize("seed", [0, 1, 2, 3])  # there are such rows by 0 and 3
def test_the_rows_are_those_that_fits_without_every_row_find(seed):
    X, y = drawn(seed)
    expected = by_brute_force(X, y)
    names = ["x0", "x1", "x2", "x3"]
    found = found_of(BernoulliLogistic.from_arrays(X, y, names=names), range(1, 4))
    assert {each.name: each.n_rows for each in found.coefficients} == {
        name: len(rows) for name, rows in expected.items()
    }
    assert bool(expected) == (seed in (0, 3))
    for each in found.coefficients:
        assert each.label in expected[each.name]
        assert not each.at_least


def test_weights_are_repetitions():
    X, y = drawn(0, n=40)
    weights = np.random.default_rng(3).integers(1, 3, size=40)
    weighted = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    repeated = BernoulliLogistic.from_arrays(np.repeat(X, weights, 0), np.repeat(y, weights))
    one, two = (found_of(model, range(1, 4)) for model in (weighted, repeated))
    assert [each.name for each in one.coefficients] == [each.name for each in two.coefficients]
    for ours, theirs in zip(one.coefficients, two.coefficients, strict=True):
        assert ours.without == pytest.approx(theirs.without, rel=1e-6)
        assert ours.n_rows <= theirs.n_rows


def test_no_row_decides_where_all_intervals_are_far_from_the_edge():
    X, y = drawn(1, n=2000, beta=(1.0, -1.0))
    assert found_of(BernoulliLogistic.from_arrays(X, y), (1, 2)).coefficients == ()


def at_the_edge(n):
    """A slope through the origin, whose statistic is a little beyond the edge."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=n)
    u = rng.random(n)

    def model(slope):
        y = (u < 1 / (1 + np.exp(-slope * x))).astype(float)
        return BernoulliLogistic.from_arrays(x, y)

    slopes = np.linspace(0, 1, 400)
    fits = (fit_newton(model(slope)) for slope in slopes)
    beyond = (2 * (fit.log_likelihood + n * np.log(2)) > EDGE for fit in fits)
    return model(slopes[next(i for i, each in enumerate(beyond) if each)])


def test_the_one_coefficient_of_a_model_is_looked_at_and_what_is_not_counted_is_said(monkeypatch):
    model = at_the_edge(200)
    monkeypatch.setattr(module, "MOST_REFITS", 200)
    (every,) = found_of(model).coefficients
    assert every.name == "x1"
    assert every.n_rows > 2
    assert not every.at_least
    assert every.many("row") == f"{every.n_rows} rows, each alone, decide"
    assert every.all_rows[1] > 0 > every.without[1]
    monkeypatch.setattr(module, "MOST_REFITS", 2)
    (some,) = found_of(model).coefficients
    assert (some.label, some.n_rows, some.at_least) == (every.label, 2, True)
    assert some.many("row") == "At least 2 rows, each alone, decide"


def test_coefficients_near_the_edge_that_would_take_long_are_named(monkeypatch):
    monkeypatch.setattr(module, "MOST_WORK", 1)
    X, y = drawn(0)
    found = found_of(BernoulliLogistic.from_arrays(X, y), range(1, 4))
    assert len(found.not_looked_at) >= 1
    assert "x0" not in found.not_looked_at


@pytest.mark.parametrize(
    ("seed", "name", "row"), [(7, "age", 32), (8, "ptl", 150), (10, "ptl", 93)]
)
def test_of_rows_that_stand_for_several_observations_one_is_left_out(seed, name, row):
    data = load_births()
    data["w"] = np.random.default_rng(seed).integers(1, 4, len(data))
    assert data.loc[row, "w"] > 1
    model = BernoulliLogistic.from_formula(BIRTHS, data, frequency_weights="w")
    main = MainModel.of_fit(model, fit_newton(model))
    assert (main.single, main.without) == ("observation", "without one observation of row")
    found = found_of(model, range(1, 9)).coefficients
    assert (name, row) in [(each.name, each.label) for each in found]
    for each in found:
        fewer = data.assign(w=data["w"] - (data.index == each.label))
        rest = BernoulliLogistic.from_formula(BIRTHS, fewer[fewer["w"] > 0], frequency_weights="w")
        due = confidence_intervals(rest, names=[each.name]).table().to_numpy()[0]
        assert each.without == pytest.approx(due, rel=1e-8)
    said = decisions_of(main)
    assert len(said) == len(found)
    assert all("without one observation of row" in sentence for sentence in said)
