import pickle

import numpy as np
import pytest
from problems import CASES, NO_MLE, OVERLAPPING, ids, simulated

from flatprior.models import (
    BernoulliLogistic,
    ImproperPosteriorError,
    MLEDoesNotExistError,
    check_existence,
    fit_newton,
    load_endometrial,
    sample_nuts,
)

KINDS = {
    "quasi": "quasi-complete separation",
    "complete": "complete separation",
    "overlap+rank_deficient": "rank deficient",
}


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


@pytest.mark.parametrize("case", NO_MLE, ids=ids)
@pytest.mark.parametrize("seed", [1, 2])
def test_the_verdict_survives_units_order_and_recombination(case, seed):
    rng = np.random.default_rng(seed)
    k = case.frame.shape[1]
    order = rng.permutation(len(case.response))
    scale = 10.0 ** rng.integers(-8, 9, size=k)
    weights = None if case.weights is None else case.weights[order]
    for X in (
        case.frame.to_numpy(dtype=float) * scale,
        case.frame.to_numpy(dtype=float) @ np.triu(np.ones((k, k))),
    ):
        model = BernoulliLogistic.from_arrays(
            X[order], case.response[order], frequency_weights=weights
        )
        assert check_existence(model).kind == KINDS[case.kind]


def test_messages_name_predictor_rows_and_remedy():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    message = check_existence(model).message
    assert "'NV' separates the outcomes in 13 of 79 rows (rows 21, 22, 23, 24, 25 and 8 more)" in (
        message
    )
    assert "merge sparse levels" in message
    dependent = check_existence(CASES["dup_col"].model)
    assert "'x1', 'x3' are linearly dependent" in dependent.message


def test_an_overlap_narrower_than_a_solvers_tolerance_is_proved():
    # three rows overlap by 1e-10: a linear program's tolerance of 1e-9 would call them separated
    x = np.array([-1.0, -0.5, 1e-10, 0.0, 0.5, 1.0])
    y = np.array([0, 0, 0, 1, 1, 1])
    assert check_existence(BernoulliLogistic.from_arrays(x, y, intercept=True)).kind == "overlap"


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


def test_a_column_of_zeros_is_named():
    X, y = simulated(40, 2, seed=1)
    model = BernoulliLogistic.from_arrays(np.column_stack([X, np.zeros(40)]), y, list("abc"))
    assert "column 'c' is zero in every row" in check_existence(model).message
