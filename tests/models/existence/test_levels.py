"""Levels of one outcome: the verdict of the design written out, without writing it out."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from coded_models import both, held, held_as_codes, rare, rare_words, survey
from multiplier import repeated
from scipy.sparse import csr_array

from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, check_existence, fit_newton
from flatprior.models.designs import coded
from flatprior.models.designs.coded import Factor, Structured, as_codes
from flatprior.models.existence import levels as levels_module
from flatprior.models.existence.levels import (
    has_levels_of_one_outcome,
    overlaps_as_held,
    peel,
    separated_by_levels,
)


def compare(seed):
    """Check one verdict; its kind, how it was come by, and how many statuses are known less."""
    formula, frame = rare(seed)
    model, written = both(formula, frame)
    found, way, less = compare_models(model, written)
    if found == "overlap":
        assert overlaps_as_held(model.rows) or formula.endswith("g0:g1")
    return found, way, less


def compare_models(model, written):
    """The same of a model as it is held and written out."""
    found, expected = check_existence(model), check_existence(written)
    if expected.kind == "undecided":  # levels are counted, and decide all the same
        assert found.kind == "quasi-complete separation"
        return found.kind, "levels", 0
    assert found.kind == expected.kind
    assert found.exists == expected.exists
    assert found.separated_rows == expected.separated_rows
    assert found.separated_labels == expected.separated_labels
    assert list(found.coefficients) == list(expected.coefficients)
    less = 0
    for name, status in expected.coefficients.items():
        if found.coefficients[name] != status:
            assert found.coefficients[name] == "undetermined"
            less += 1
    assert (found.limit is None) == (expected.limit is None)
    if found.limit is not None:
        one, two = found.limit, expected.limit
        assert one.names == two.names
        bounds = one.error_bound + two.error_bound + 1e-9
        assert (np.abs(one.coefficients - two.coefficients) <= bounds * two.standard_errors).all()
        assert one.standard_errors == pytest.approx(two.standard_errors, rel=1e-6)
        assert one.log_likelihood == pytest.approx(two.log_likelihood, rel=1e-9)
    if found.direction is not None and not found.exists and "separation" in found.kind:
        sign = 2 * written.response - 1
        margins = sign * (written.design @ found.direction)
        assert np.array_equal(np.flatnonzero(margins > 1e-9), found.separated_rows)
        assert (margins >= -1e-9).all()
    if not found.exists:
        with pytest.raises(MLEDoesNotExistError):
            fit_newton(model)
    way = "levels" if separated_by_levels(model) is not None else "other"
    return found.kind, way, less


def test_the_verdict_is_that_of_the_columns_written_out():
    answers = [compare(seed) for seed in range(repeated(16))]
    kinds = Counter(kind for kind, _, _ in answers)
    assert kinds["quasi-complete separation"] > 3
    assert kinds["overlap"] > 1
    assert Counter(way for kind, way, _ in answers if "quasi" in kind)["levels"] > 3
    # what is not known of coefficients is seldom more
    assert sum(less for _, _, less in answers) <= len(answers)


@pytest.mark.slow
def test_the_verdict_is_that_of_the_columns_written_out_in_many_designs():
    kinds = Counter(compare(seed)[0] for seed in range(100, 100 + repeated(150)))
    assert len(kinds) >= 3


def test_the_verdict_with_sparse_columns_is_that_of_the_columns_written_out():
    answers = [compare_models(*held(*rare_words(seed))) for seed in range(repeated(30))]
    kinds = Counter(kind for kind, _, _ in answers)
    assert kinds["quasi-complete separation"] > 8
    assert kinds["overlap"] > 2
    assert kinds["rank deficient"] > 2
    assert Counter(way for kind, way, _ in answers if "quasi" in kind)["levels"] > 5
    assert sum(less for _, _, less in answers) <= len(answers)


def test_words_of_one_outcome_are_named_and_so_is_what_the_sign_tells():
    rng, n = np.random.default_rng(2), 5000
    words = (rng.random((n, 60)) < 0.02) * 1.0
    y = rng.integers(0, 2, n) * 1.0
    y[words[:, 7:30].any(axis=1)] = 0.0  # 23 words of no event
    signed = np.where(y == 1, 2.0, -1.0) * (rng.random(n) < 0.01)
    X = csr_array(np.column_stack([words, signed]))
    names = [f"word {j}" for j in range(60)] + ["signed"]
    model = BernoulliLogistic.from_arrays(X, y, names=names, intercept=True)
    dense = BernoulliLogistic.from_arrays(X.toarray(), y, names=names, intercept=True)
    assert isinstance(model.rows.design, Structured)
    found, expected = check_existence(model), check_existence(dense)
    assert found.kind == expected.kind == "quasi-complete separation"
    assert found.separated_rows == expected.separated_rows
    assert found.coefficients == expected.coefficients
    assert "'y' is 0 wherever 23 columns are not 0 ('word 7', 'word 8', " in found.message
    assert "told by the sign wherever 1 column is not 0 ('signed')" in found.message
    assert "; or leave these columns out, where the subject" in found.message
    assert len(found.message) < 1000
    with pytest.raises(MLEDoesNotExistError, match="wherever 23 columns"):
        fit_newton(model)


def test_levels_of_one_outcome_are_taken_away():
    frame = pd.DataFrame(
        {
            # red has events only, and blue none; south is in no other rows
            "g": ["red", "red", "blue", "blue", "green", "green", "green", "green"],
            "h": ["south", "west", "south", "west", "west", "west", "east", "east"],
            "y": [1, 1, 0, 0, 0, 1, 0, 1],
        }
    )
    model = both("y ~ g + h", frame)[0]
    design = model.rows.design
    peeled = peel(design, model.response)
    named = {
        (design.factors[f].name, design.factors[f].label(level)): (sign, stage)
        for f, level, sign, stage in peeled.levels
    }
    assert named == {("g", "red"): (1.0, 0), ("g", "blue"): (-1.0, 0)}
    assert peeled.left(design).tolist() == [False] * 4 + [True] * 4
    assert has_levels_of_one_outcome(model.rows)
    balanced = both("y ~ g", frame[4:].assign(g=["a", "a", "b", "b"]))[0]
    assert peel(balanced.rows.design, balanced.response).levels == ()
    assert not has_levels_of_one_outcome(balanced.rows)


def test_a_level_can_have_one_outcome_only_once_others_are_away():
    n = 40
    frame = pd.DataFrame({"g": np.resize(["a", "b", "c", "d"], n), "h": np.repeat(["p", "q"], 20)})
    frame["y"] = np.tile([0, 1, 1, 0, 1, 0, 0, 1], 5)
    frame.loc[frame["g"] == "a", "y"] = 1
    # h has a third level, whose rows are in "a" and without an event in "b"
    frame.loc[[0, 1], "h"] = "r"
    frame.loc[1, "y"] = 0
    model = both("y ~ g + h", frame)[0]
    peeled = peel(model.rows.design, model.response)
    stages = {(f, model.rows.design.factors[f].label(level)): s for f, level, _, s in peeled.levels}
    assert stages == {(0, "a"): 0, (1, "r"): 1}
    found, expected = check_existence(model), check_existence(both("y ~ g + h", frame)[1])
    assert "once the rows of the others are taken away" in found.message
    assert found.separated_rows == expected.separated_rows
    assert found.coefficients == expected.coefficients


def test_messages_name_levels_and_are_short():
    rng = np.random.default_rng(1)
    n = 4000
    frame = pd.DataFrame({"x": rng.normal(size=n)})
    frame["hospital"] = np.array([f"hospital {i:03d}" for i in range(200)])[np.arange(n) % 200]
    frame["y"] = (rng.random(n) < 0.4).astype(int)
    frame.loc[frame["hospital"] < "hospital 037", "y"] = 0
    frame.loc[frame["hospital"] == "hospital 199", "y"] = 1
    with held_as_codes(True):
        model = BernoulliLogistic.from_formula("y ~ x + hospital", frame)
    found = check_existence(model)
    assert found.kind == "quasi-complete separation"
    assert "0 in every row of 37 levels of 'hospital' ('hospital 000', " in found.message
    assert "1 in every row of 1 level of 'hospital' ('hospital 199')" in found.message
    assert len(found.message) < 800
    assert found.n_separated == 38 * 20
    # hospital 000, with which all are compared, goes to -inf
    for level, status in (("199", "+inf"), ("036", "undetermined"), ("100", "+inf")):
        assert found.coefficients[f"hospital[T.hospital {level}]"] == status
    assert found.coefficients["Intercept"] == "-inf"
    assert found.coefficients["x"] == "finite"
    with pytest.raises(MLEDoesNotExistError, match="37 levels of 'hospital'"):
        fit_newton(model)


def test_every_level_of_one_outcome_dependent_columns_and_numbers_are_left_to_others():
    frame = survey(200, seed=2)
    frame["y"] = (frame["g"] == "red").astype(int)
    assert separated_by_levels(both("y ~ g", frame)[0]) is None
    frame = survey(200, seed=2)
    frame["same"] = frame["g"]
    frame.loc[frame["g"] == "red", "y"] = 1
    assert separated_by_levels(both("y ~ g + same", frame)[0]) is None
    assert check_existence(both("y ~ g + same", frame)[0]).kind == "rank deficient"
    assert separated_by_levels(both("y ~ g", frame)[1]) is None
    # what is left is separated by a number
    frame["x"] = frame["y"] * 5 + frame["x"]
    frame["x"] -= frame["x"].mean()
    frame.loc[frame["x"] > 0, "y"], frame.loc[frame["x"] <= 0, "y"] = 1, 0
    frame.loc[frame["g"] == "red", "y"] = 1
    assert separated_by_levels(both("y ~ x + g", frame)[0]) is None


def test_neither_offsets_nor_weights_change_whether_rows_overlap():
    frame = survey(300, seed=3)
    frame["o"] *= 100
    frame["w"] = 10 ** np.resize(np.arange(7), len(frame))
    model = both("y ~ x + g + h", frame, offset="o", frequency_weights="w")[0]
    assert overlaps_as_held(model.rows)
    assert check_existence(model).kind == "overlap"
    frame.loc[frame["g"] == "red", "y"] = 0
    model = both("y ~ x + g + h", frame, offset="o", frequency_weights="w")[0]
    assert not overlaps_as_held(model.rows)


def test_a_design_too_large_to_be_written_out_is_undecided_or_decided_without(monkeypatch):
    frame = survey(300, seed=4)
    overlapping = both("y ~ x + g + h", frame)[0]
    frame["same"] = frame["g"]
    dependent = both("y ~ x + g + same", frame)[0]
    frame["y"] = (frame["x"] > 3).astype(int)
    separated = both("y ~ x + h", frame)[0]
    monkeypatch.setattr("flatprior.models.rows.LARGEST_DENSE", 100)
    monkeypatch.setattr(coded, "LARGEST_DENSE", 100)
    assert check_existence(overlapping).kind == "overlap"
    assert fit_newton(overlapping).converged
    assert check_existence(separated).kind == "complete separation"
    found = check_existence(dependent)
    assert found.kind == "undecided"
    assert f"300 rows of {dependent.n_parameters} columns" in found.message
    with pytest.raises(MLEDoesNotExistError, match="too large to be written out"):
        fit_newton(dependent)


def test_very_many_rounds_are_left_to_others(monkeypatch):
    monkeypatch.setattr(levels_module, "EXACT_BITS", 3)
    frame = survey(200, seed=5)
    frame.loc[frame["g"] == "red", "y"] = 1
    model = both("y ~ x + g + h", frame)[0]
    assert peel(model.rows.design, model.response) is None
    assert has_levels_of_one_outcome(model.rows)
    assert separated_by_levels(model) is None
    assert check_existence(model).kind == "quasi-complete separation"


def test_a_level_of_sum_contrasts_separates_as_it_does_written_out():
    frame = survey(300, seed=3)
    frame.loc[frame["s"] == "s3", "y"] = 1
    held, written = both("y ~ x + C(s, contr.sum) + h", frame)
    assert held.rows.design.contrasted
    one, two = check_existence(held), check_existence(written)
    assert one.kind == two.kind == "quasi-complete separation"
    assert one.coefficients == two.coefficients
    assert one.separated_rows == two.separated_rows
    assert one.message == two.message
    assert one.limit.coefficients == pytest.approx(two.limit.coefficients, abs=1e-8)


def without_constant(seed):
    """Two factors, either of which has a level without an indicator, and no column of ones."""
    rng = np.random.default_rng(seed)
    n, at, factors = int(rng.integers(10, 40)), 0, []
    for name in "fg":
        size = int(rng.integers(2, 7))
        columns = np.full(size, -1)
        columns[rng.permutation(size)[1:]] = np.arange(at, at + size - 1)
        codes = np.append(np.arange(size), rng.integers(0, size, n - size)).astype(np.int32)
        levels = (tuple(f"l{i}" for i in range(size)),)
        factors.append(Factor(rng.permutation(codes), columns, name, levels))
        at += size - 1
    design = Structured(np.zeros((n, 0)), np.zeros(0, dtype=np.intp), tuple(factors))
    return held(design, np.append([0.0, 1.0], (rng.random(n - 2) < 0.3) * 1.0))


def test_without_a_constant_no_level_takes_the_place_of_the_reference():
    f = Factor(
        np.array([0, 1, 2, 1, 1, 1, 1, 1, 2, 1, 2]), np.array([-1, 0, 1]), "f", (tuple("abc"),)
    )
    g = Factor(
        np.array([0, 1, 2, 3, 4, 2, 0, 1, 2, 1, 2]),
        np.array([2, 3, 4, 5, -1]),
        "g",
        (tuple("abcde"),),
    )
    design = Structured(np.zeros((11, 0)), np.zeros(0, dtype=np.intp), (f, g))
    model, written = held(design, np.array([0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0.0]))
    compare_models(model, written)
    # 'f' b goes to -inf and 'g' b to +inf: the row of the one alone is separated, three are left
    found = check_existence(model)
    assert found.n_separated == 8
    assert found.limit.log_likelihood == pytest.approx(-np.log(3) - 2 * np.log(1.5))


def test_verdicts_without_a_constant_are_those_of_the_columns_written_out():
    ways = Counter(compare_models(*without_constant(seed))[1] for seed in range(60))
    assert min(ways.values()) > 5


def test_where_every_level_separates_nothing_is_left_to_fit():
    # no intercept: rows without a level say nothing, of three outcomes three times log 1/2
    groups = np.zeros((12, 3))
    groups[range(9), np.repeat(range(3), 3)] = 1
    y = np.array([1, 1, 1, 0, 0, 0, 1, 1, 1, 0, 1, 0])
    codes, written = held(as_codes(groups, ("a", "b", "c")), y)
    found = check_existence(codes)
    assert found.kind == check_existence(written).kind == "quasi-complete separation"
    assert set(found.separated_rows) == set(range(9))
    assert found.limit.log_likelihood == pytest.approx(3 * np.log(0.5))
