"""How few observations the MLE hangs on, against brute force over all subsets."""

import itertools

import numpy as np
import pandas as pd
import pytest
from coded_models import both, held_as_codes, survey
from generated_separation import exact_verdict
from multiplier import repeated
from problems import CASES, simulated

from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    check_existence,
    check_fragility,
)
from flatprior.models.designs.coded import Structured
from flatprior.models.existence import fragility

WHOLE = Structured.dense


def exists(X, y, kept, weights=None):
    if weights is not None:
        weights = weights[kept]
    return check_existence(
        BernoulliLogistic.from_arrays(X[kept], y[kept], frequency_weights=weights), signs=False
    ).exists


def small_alone(design):
    """The design written out, where it has few rows."""
    assert design.shape[0] < 100
    return WHOLE(design)


def small_problems():
    """Small overlapping data with ties and without."""
    rng = np.random.default_rng(8)
    found = []
    while len(found) < 30:
        n, k = int(rng.integers(7, 13)), int(rng.integers(1, 4))
        numbers = rng.integers(-2, 3, size=(n, k)) if len(found) % 2 else rng.normal(size=(n, k))
        X = np.column_stack([np.ones(n), numbers])
        y = (rng.random(n) < 0.5).astype(float)
        if np.linalg.matrix_rank(X) == k + 1 and exists(X, y, np.arange(n)):
            found.append((X, y))
    return found


def test_single_observations_are_found_exactly_and_sets_nearly():
    rows_checked = 0
    distances = []
    for X, y in small_problems():
        n = len(y)
        fragility = check_fragility(BernoulliLogistic.from_arrays(X, y))
        critical = [i for i in range(n) if not exists(X, y, np.delete(np.arange(n), i))]
        assert list(fragility.critical_rows) == critical
        assert fragility.undecided_rows == ()
        rows_checked += n
        assert not exists(X, y, np.delete(np.arange(n), fragility.smallest_set))
        assert len(fragility.smallest_set) == fragility.distance
        smallest = next(
            size
            for size in range(1 if critical else 2, n)
            for left_out in itertools.combinations(range(n), size)
            if not exists(X, y, np.delete(np.arange(n), left_out))
        )
        assert fragility.distance >= smallest
        assert fragility.exact == (fragility.distance <= 2)
        if fragility.exact:
            assert fragility.distance == smallest
        distances.append((fragility.distance, smallest))
    assert rows_checked > 250
    assert {smallest for _, smallest in distances} >= {1, 2, 3}
    # an upper bound; measured on these data: off by one in the cases that are not exact
    assert max(found - smallest for found, smallest in distances) <= 1


def test_the_set_found_is_one_whatever_the_sizes_of_rows_and_columns():
    rng = np.random.default_rng(9)
    judged = 0
    for _ in range(repeated(60)):
        n, k = int(rng.integers(4, 11)), int(rng.integers(1, 4))
        scales = 2.0 ** rng.integers(-40, 41, size=(1, k)), 2.0 ** rng.integers(-30, 31, (n, 1))
        X = rng.integers(-2, 3, size=(n, k)) * scales[0] * scales[1]
        X, y = X + 0.0, (rng.random(n) < 0.5).astype(float)
        model = BernoulliLogistic.from_arrays(X, y)
        if exact_verdict(X, y).kind != "overlap" or not check_existence(model).exists:
            continue
        found = check_fragility(model)
        left = np.delete(np.arange(n), found.smallest_set)
        assert len(left) < k or exact_verdict(X[left], y[left]).kind != "overlap"
        judged += 1
    assert judged > 20


def test_observations_that_share_a_row_go_together():
    # one event at x = 1 keeps it from being separated; it stands for two observations
    x, y = [0.0, 0.0, 1.0, 1.0], [0, 1, 0, 1]
    once = check_fragility(
        BernoulliLogistic.from_arrays(x, y, intercept=True, frequency_weights=[9, 9, 9, 1])
    )
    assert once.critical_rows == (3,)
    twice = check_fragility(
        BernoulliLogistic.from_arrays(x, y, intercept=True, frequency_weights=[9, 9, 9, 2])
    )
    assert twice.critical_rows == ()
    assert (twice.distance, twice.smallest_set, twice.exact) == (2, (3,), True)
    repeated = check_fragility(
        BernoulliLogistic.from_arrays(
            np.repeat(x, [9, 9, 9, 2]), np.repeat(y, [9, 9, 9, 2]), intercept=True
        )
    )
    assert repeated.critical_rows == ()
    assert (repeated.distance, repeated.smallest_set) == (2, (27, 28))


def test_rows_without_which_columns_are_dependent_are_critical():
    X, y = simulated(40, 2, seed=1)
    rare = np.zeros(40)
    rare[[3, 4]] = 1.0  # one of each outcome: each alone keeps its coefficient finite
    y[[3, 4]] = [0, 1]
    model = BernoulliLogistic.from_arrays(np.column_stack([X, rare]), y)
    assert check_fragility(model).critical_rows == (3, 4)


def test_rows_are_named_by_the_users_index():
    model = CASES["newton_zero_diverges"].model
    fragility = check_fragility(model)
    assert fragility.critical_rows == (2, 3)
    assert "without any one of rows 2, 3" in fragility.message
    assert fragility.fragile
    facts = fragility.to_dict()
    assert facts["critical_rows"] == [2, 3]
    assert facts["distance"] == 1


def test_large_well_mixed_data_are_not_fragile():
    X, y = simulated(3000, 5, seed=2)
    fragility = check_fragility(BernoulliLogistic.from_arrays(X, y))
    assert fragility.critical_rows == ()
    assert not fragility.fragile
    assert fragility.distance > 300
    assert "does not hang on a few observations" in fragility.message


def test_a_direction_of_two_columns_is_found():
    # removing the two rows on the wrong side separates; neither column alone shows them
    rng = np.random.default_rng(5)
    X = np.column_stack([np.ones(200), rng.normal(size=(200, 2))])
    y = (X @ [0.2, 1, -1] > 0).astype(float)
    far = np.argsort(-np.abs(X @ [0.2, 1, -1]))[:3]
    y[far] = 1 - y[far]
    fragility = check_fragility(BernoulliLogistic.from_arrays(X, y))
    assert set(fragility.smallest_set) == set(far.tolist())


def test_data_without_an_mle_are_refused():
    with pytest.raises(MLEDoesNotExistError):
        check_fragility(CASES["quasi_1d"].model)


@pytest.mark.parametrize("formula", ["y ~ x + g + s", "y ~ 0 + s + z", "y ~ z * g"])
def test_factors_held_as_codes_hang_on_the_rows_that_the_columns_do(formula):
    frame = survey(60, seed=5)
    codes, columns = both(formula, frame)
    held, written = check_fragility(codes), check_fragility(columns)
    X, y = columns.design, columns.response
    every = np.arange(len(y))
    critical = [i for i in range(len(y)) if not exists(X, y, np.delete(every, i))]
    assert list(held.critical_rows) == list(written.critical_rows) == critical
    assert held.undecided_rows == ()
    assert held.distance == written.distance
    assert not exists(X, y, np.delete(every, held.smallest_set))


def test_a_level_with_few_rows_of_an_outcome_is_the_smallest_set_of_many_rows(monkeypatch):
    rng = np.random.default_rng(6)
    n = 6000
    g = rng.integers(0, 30, n)
    frame = pd.DataFrame({"x": rng.normal(size=n), "g": np.char.add("g", g.astype(str))})
    y = (rng.random(n) < 0.4).astype(int)
    y[g == 7] = 0
    few = np.flatnonzero(g == 7)[:3]
    y[few] = 1
    frame = frame.assign(y=y)
    with held_as_codes(True):
        model = BernoulliLogistic.from_formula("y ~ x + g", frame)
    monkeypatch.setattr(fragility, "WORK", 1e5)  # no linear program would end
    monkeypatch.setattr(Structured, "dense", small_alone)
    found = check_fragility(model)
    assert found.critical_rows == ()
    assert found.smallest_set == tuple(few.tolist())
    # of each of the three alone, and of the level of one event, single rows decide
    once = np.flatnonzero(g == 8)
    frame.loc[once, "y"] = 0
    frame.loc[once[0], "y"] = 1
    with held_as_codes(True):
        model = BernoulliLogistic.from_formula("y ~ x + g", frame)
    assert check_fragility(model).critical_rows == (once[0],)
