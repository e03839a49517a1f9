import json
import math
import pickle

import numpy as np
import pytest
from designs import generated, unimodular
from problems import CASES, KINDS, NO_MLE, OVERLAPPING, ids, simulated
from scipy.optimize import linprog

from flatprior.models import (
    BernoulliLogistic,
    ImproperPosteriorError,
    MLEDoesNotExistError,
    check_existence,
    fit_newton,
    load_endometrial,
    sample_nuts,
)
from flatprior.models.common.text import at_most


@pytest.mark.parametrize("case", OVERLAPPING, ids=ids)
def test_overlapping_cases_exist(case):
    assert check_existence(case.model).kind == "overlap"


@pytest.mark.parametrize("case", NO_MLE, ids=ids)
def test_the_kind_and_a_verified_witness_are_reported(case):
    model = case.model
    existence = check_existence(model)
    assert not existence.exists
    assert existence.kind == KINDS[case.kind]
    margins = (2 * model.response - 1) * (model.design @ existence.direction)
    if existence.kind == "rank deficient":
        assert margins == pytest.approx(np.zeros(model.n_rows), abs=1e-12)
    else:
        assert (margins >= -1e-12).all()
        assert set(np.flatnonzero(margins > 1e-9)) == set(existence.separated_rows)
        if "separated_rows" in case.facts:
            assert len(existence.separated_rows) == case.facts["separated_rows"]


@pytest.mark.parametrize("case", [c for c in NO_MLE if c.facts["infinite"]], ids=ids)
def test_coefficient_signs_and_limits_equal_the_reference(case):
    existence = check_existence(case.model)
    status = {name: "finite" for name in case.frame.columns} | case.facts["infinite"]
    assert existence.coefficients == status
    limit = existence.limit
    assert set(limit.names) == {name for name, value in status.items() if value == "finite"}
    assert limit.error_bound < 1e-10
    if "limit" not in case.facts:  # the small made-up cases: no coefficient stays finite
        assert limit.names == ()
        return
    reference = case.facts["limit"]
    for what, found in (("beta", limit.coefficients), ("se", limit.standard_errors)):
        expected = np.array([float(reference[what][name]) for name in limit.names])
        assert found == pytest.approx(expected, rel=1e-11)
    assert limit.log_likelihood == pytest.approx(float(reference["loglik_sup"]), rel=1e-13)


def test_the_supremum_of_small_cases_is_that_of_the_rows_left():
    # two rows at x = 3, one with each outcome
    assert check_existence(CASES["quasi_1d"].model).limit.log_likelihood == pytest.approx(
        2 * math.log(0.5), rel=1e-15
    )
    for case in ("complete_1d", "constant_y", "zero_weight_hides_separation"):
        assert check_existence(CASES[case].model).limit.log_likelihood == 0


def recombined(case, rng, change):
    """The case with its rows permuted and its columns rescaled or recombined."""
    k = case.frame.shape[1]
    X = case.frame.to_numpy(dtype=float)
    if change == "scaled":
        matrix = np.diag(10.0 ** rng.integers(-8, 9, size=k))
    else:
        # columns of one size first: the sum of a column of 1e8 and one of 1e-8 holds only the one
        size = np.exp2(np.round(np.log2(np.abs(X).max(axis=0))))
        matrix = np.diag(1 / size) @ unimodular(rng, k)[0]
    order = rng.permutation(len(X))
    weights = None if case.weights is None else case.weights[order]
    model = BernoulliLogistic.from_arrays(
        (X @ matrix)[order], case.response[order], case.frame.columns, frequency_weights=weights
    )
    return model, matrix, order


@pytest.mark.parametrize("case", CASES.values(), ids=ids)
@pytest.mark.parametrize("change", ["scaled", "recombined"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_verdict_survives_units_order_and_recombination(case, change, seed):
    model, matrix, order = recombined(case, np.random.default_rng(seed), change)
    plain, found = check_existence(case.model), check_existence(model)
    assert found.kind == plain.kind
    if plain.separated_rows:
        positions = np.flatnonzero(case.weights > 0) if case.weights is not None else None
        kept = np.arange(len(order)) if positions is None else positions
        moved = order[order >= 0] if positions is None else order[np.isin(order, positions)]
        assert {int(moved[i]) for i in found.separated_rows} == {
            int(kept[i]) for i in plain.separated_rows
        }
        assert found.limit.log_likelihood == pytest.approx(plain.limit.log_likelihood, rel=1e-10)
    if change == "scaled":
        assert found.coefficients == plain.coefficients
        finite = (
            [case.frame.columns.get_loc(name) for name in plain.limit.names]
            if (plain.limit)
            else []
        )
        if finite:
            factor = np.diag(matrix)[finite]
            assert found.limit.coefficients * factor == pytest.approx(
                plain.limit.coefficients, rel=1e-9
            )


DESIGNS = 600  # benchmarks/existence.py runs 2,000


@pytest.fixture(scope="module")
def verdicts():
    """The verdicts on designs of known status."""
    return [(design, check_existence(design.model)) for design in generated(2026, DESIGNS)]


def test_no_verdict_on_generated_designs_is_wrong(verdicts):
    wrong = [
        (i, design.kind, found.kind)
        for i, (design, found) in enumerate(verdicts)
        if found.kind not in (design.kind, "undecided")
    ]
    assert wrong == []


def test_undecided_are_only_overlaps_too_narrow_for_double_precision(verdicts):
    undecided = [(d, found) for d, found in verdicts if found.kind == "undecided"]
    assert 0 < len(undecided) < 0.01 * DESIGNS  # they occur, so that the claims below say something
    for design, found in undecided:
        assert design.kind == "overlap"
        assert design.width < 1e-9
        assert found.overlap_width < 1e-9
        assert f"overlap by at most {at_most(found.overlap_width)}" in found.message


def test_rows_and_signs_of_generated_designs_are_those_built_in(verdicts):
    known = [(d, found) for d, found in verdicts if d.kind.startswith("quasi")]
    assert len(known) > DESIGNS / 4
    for design, found in known:
        assert list(found.separated_rows) == np.flatnonzero(design.separated).tolist()
        assert len(found.coefficients) == design.X.shape[1]
        if design.direction is not None:
            ways = np.sign(design.direction)
            expected = [{0: "finite", 1: "+inf", -1: "-inf"}[way] for way in ways]
            assert list(found.coefficients.values()) == expected
        assert found.limit.error_bound < 1e-8


def test_signs_equal_those_of_plain_linear_programs(verdicts):
    """An independent oracle: two primal linear programs a coefficient on the rows as they are."""
    compared = 0
    for design, found in verdicts:
        if design.kind != "complete separation" or len(design.y) > 60 or compared > 150:
            continue
        X = design.X / np.abs(design.X).max(axis=0)
        signed = (2 * design.y - 1)[:, None] * X
        for j, status in enumerate(found.coefficients.values()):
            ends = [
                way
                * linprog(
                    way * np.eye(X.shape[1])[j],
                    A_ub=-signed,
                    b_ub=np.zeros(len(X)),
                    bounds=[(-1, 1)] * X.shape[1],
                ).fun
                for way in (1, -1)
            ]
            low, high = (round(end, 6) for end in ends)
            if 0 < max(abs(low), abs(high)) < 1e-3 or 0 < min(abs(low), abs(high)) < 1e-3:
                continue  # too close for the oracle
            expected = "undetermined" if low < 0 < high else "+inf" if high > 0 else "-inf"
            assert status == expected
            compared += 1
    assert compared > 100


def test_signs_are_left_out_when_not_asked_for():
    rng = np.random.default_rng(3)
    X = np.column_stack([np.ones(40), rng.normal(size=(40, 2))])
    model = BernoulliLogistic.from_arrays(X, X @ [0.1, 1, -1] > 0)
    assert check_existence(model, signs=False).coefficients == {}
    assert len(check_existence(model).coefficients) == 3
    one = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    assert check_existence(one, signs=False).coefficients["NV"] == "+inf"  # no program is needed


def test_dependent_columns_are_named_with_their_combination():
    rng = np.random.default_rng(4)
    names = ["const", "a", "b", "c"]
    X = rng.integers(-3, 4, size=(50, 2)).astype(float)
    X = np.column_stack([np.ones(50), X, 2 * X[:, 0] - X[:, 1]])
    model = BernoulliLogistic.from_arrays(X, rng.random(50) < 0.5, names)
    existence = check_existence(model)
    assert existence.kind == "rank deficient"
    assert existence.coefficients == {
        "const": "finite", "a": "undetermined", "b": "undetermined", "c": "undetermined",
    }  # fmt: skip
    ((left, terms),) = existence.dependencies.items()
    combination = sum(factor * X[:, names.index(name)] for name, factor in terms.items())
    assert combination == pytest.approx(X[:, names.index(left)], abs=1e-12)
    # what does not depend on the choice of columns is that of the fit without one of them
    rest = fit_newton(BernoulliLogistic.from_arrays(X[:, :3], model.response))
    assert existence.limit.coefficients == pytest.approx(rest.coefficients[:1], rel=1e-12)
    assert existence.limit.standard_errors == pytest.approx(rest.standard_errors[:1], rel=1e-12)
    assert existence.limit.log_likelihood == pytest.approx(rest.log_likelihood, rel=1e-14)


def test_a_limit_respects_offsets_and_weights():
    base = load_endometrial()
    offset = np.linspace(-1, 1, len(base))
    weights = np.arange(len(base)) % 3 + 1
    existence = check_existence(
        BernoulliLogistic.from_formula(
            "HG ~ NV + PI + EH", base, offset=offset, frequency_weights=weights
        )
    )
    left = (base["NV"] == 0).to_numpy()
    fit = fit_newton(
        BernoulliLogistic.from_formula(
            "HG ~ PI + EH", base[left], offset=offset[left], frequency_weights=weights[left]
        )
    )
    assert existence.limit.coefficients == pytest.approx(fit.coefficients, rel=1e-12)
    assert existence.limit.standard_errors == pytest.approx(fit.standard_errors, rel=1e-12)
    assert existence.limit.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-14)


def test_more_than_one_coefficient_to_ten_observations_is_warned_of():
    X, y = simulated(100, 10, seed=1)
    model = BernoulliLogistic.from_arrays(X, y)
    assert fit_newton(model).warnings == check_existence(model).warnings == ()
    crowded = BernoulliLogistic.from_arrays(X[:99], y[:99])
    (warning,) = fit_newton(crowded).warnings
    assert "10 coefficients on 99 observations" in warning
    assert "PNAS" in warning
    assert check_existence(crowded).warnings == (warning,)
    # what counts are observations, not rows
    grouped = BernoulliLogistic.from_arrays(X[:99], y[:99], frequency_weights=np.full(99, 2))
    assert check_existence(grouped).warnings == ()


def test_the_table_and_the_facts_say_the_same():
    existence = check_existence(CASES["endometrial"].model)
    table = existence.table()
    assert table.loc["NV", "goes to"] == "+inf"
    assert math.isnan(table.loc["NV", "limit"])
    assert table.loc["PI", "limit"] == existence.limit.coefficients[1]
    facts = json.loads(json.dumps(existence.to_dict(), allow_nan=False))
    assert facts["limit"]["coefficients"] == existence.limit.coefficients.tolist()
    assert facts["separated_rows"] == list(existence.separated_rows)
    overlap = check_existence(CASES["spector"].model)
    assert set(overlap.table()["goes to"]) == {"finite"}
    json.dumps(overlap.to_dict(), allow_nan=False)


def test_both_errors_are_value_errors_that_carry_the_diagnosis():
    model = CASES["complete_1d"].model
    with pytest.raises(MLEDoesNotExistError) as caught:
        fit_newton(model)
    assert caught.value.existence.kind == "complete separation"
    with pytest.raises(ImproperPosteriorError, match="posterior is not proved to be proper") as bad:
        sample_nuts(model, progress=False)
    assert isinstance(bad.value, MLEDoesNotExistError)
    assert isinstance(bad.value, ValueError)
    again = pickle.loads(pickle.dumps(bad.value))  # noqa: S301
    assert str(again) == str(bad.value)


def test_a_limit_that_cannot_be_fitted_is_unknown_and_said_to_be():
    # row 3 is separated by x2; an offset of 2,000 leaves the other two no curvature
    model = BernoulliLogistic.from_arrays(
        [[1, 0], [1, 0], [1, 1]], [0, 1, 1], offset=[2000.0, 0, 0]
    )
    found = check_existence(model)
    assert found.kind == "quasi-complete separation"
    assert found.separated_rows == (2,)
    assert found.coefficients == {"x1": "finite", "x2": "+inf"}
    assert found.limit.names == ("x1",)
    assert np.isnan(found.limit.coefficients).all()
    assert math.isnan(found.limit.log_likelihood)
    assert found.limit.error_bound == math.inf
    assert "what the likelihood approaches could not be computed: the offsets" in found.message
    assert found.to_dict()["limit"]["log_likelihood"] is None
    with pytest.raises(MLEDoesNotExistError):
        fit_newton(model)


@pytest.mark.parametrize("seed", [481, 879])
def test_a_level_of_one_outcome_is_counted_where_rounding_leaves_the_columns_undecided(seed):
    rng, n = np.random.default_rng(seed), 170
    first = rng.integers(0, 8, n)
    second = rng.choice(7, n, p=[0.02, 0.3, 0.25, 0.2, 0.01, 0.15, 0.07])
    x, y = rng.normal(size=n), rng.integers(0, 2, n)
    y[second == 0] = 0  # the reference level
    dummies = [first == level for level in range(1, 8)] + [second == k for k in range(1, 7)]
    model = BernoulliLogistic.from_arrays(
        np.column_stack([np.ones(n), x, *dummies]).astype(float), y
    )
    state = check_existence(model)
    assert state.kind == "quasi-complete separation"
    assert set(np.flatnonzero(second == 0)) <= set(state.separated_rows)
    # to the rounding of the search, where another machine's finds it after all
    assert (model.arrays.sign * (model.design @ state.direction) >= -1e-12).all()
    assert state.coefficients["x2"] == "finite"
