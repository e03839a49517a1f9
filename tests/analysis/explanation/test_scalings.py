"""What shrinks, saturates or vanishes for reasons of its own is no evidence of a cause."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from coded_models import both, survey
from disagreements import rescaled
from multiplier import repeated
from problems import simulated
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn_penalties import l1

from flatprior.analysis import explain_difference
from flatprior.analysis.explanation.discrepancy import Discrepancy
from flatprior.analysis.explanation.other_data import another_link
from flatprior.analysis.explanation.penalties import firth
from flatprior.analysis.explanation.scalings import SCALERS, location, readings, scaled_columns
from flatprior.models import BernoulliLogistic, fit_newton, load_spector


def spector():
    return BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())


def without_effect():
    """Balanced data on a large scale, whose MLE is near 0."""
    x = np.repeat(np.linspace(-1e6, 1e6, 40), 2)
    y = np.tile([0.0, 1.0], 40)
    y[0] = 1.0
    return BernoulliLogistic.from_arrays(np.column_stack([np.ones(80), x]), y)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_a_scaling_that_makes_anything_small_is_not_certain(size):
    model = without_effect()
    for i in range(repeated(5)):
        b = size * np.random.default_rng([1, i]).normal(size=2)
        assert not explain_difference(model, b).certain


def test_one_coefficient_that_is_another_is_not_certainly_rescaled():
    # some unit of the 36 brings most numbers near; that the others are the MLE's says nothing
    model = spector()
    fit = fit_newton(model)
    for i in range(repeated(12)):
        rng = np.random.default_rng([2, i])
        b = fit.coefficients.copy()
        b[rng.integers(0, 4)] *= 10.0 ** rng.uniform(-6, 6)
        assert not explain_difference(model, b).certain
    for j in (1, 2):
        b = fit.coefficients.copy()
        b[j] = 1000 * (b[j] + 1e-4 * fit.standard_errors[j])
        assert not explain_difference(model, b).certain


def test_printed_digits_suffice_for_one_predictor_in_other_units():
    fit = fit_newton(spector())
    for j, factor in ((1, 1000.0), (2, 100.0), (2, 365.25)):
        b = fit.coefficients.copy()
        b[j] *= factor
        found = explain_difference(spector(), b.round(4))
        assert found.cause == "predictors rescaled"
        assert f"by {1 / factor:.6g}" in found.message


def test_standard_errors_rounded_do_not_make_another_scale_a_rescaling():
    fit = fit_newton(spector())
    c = 1 / np.log(10)
    found = explain_difference(spector(), fit.coefficients * c, (fit.standard_errors * c).round(4))
    assert found.cause != "predictors rescaled" or not found.certain


def test_recoded_numbers_keep_the_rounding_that_they_were_given_with():
    rng = np.random.default_rng(6)
    group = rng.choice(["a", "b", "c"], 300)
    y = (rng.random(300) < 0.3 + 0.4 * (group == "b")).astype(int)
    x = rng.normal(size=300)
    data = pd.DataFrame({"y": y, "group": group, "x": x})
    model = BernoulliLogistic.from_formula("y ~ group + x", data)
    other = data.assign(group=pd.Categorical(group, ["c", "a", "b"]))
    theirs = fit_newton(BernoulliLogistic.from_formula("y ~ group + x", other))
    named = dict(zip(theirs.names, theirs.coefficients.round(3).tolist(), strict=True))
    found = explain_difference(model, named)
    assert found.cause == "reference level"
    assert found.causes[0].rounding > 0


@pytest.mark.parametrize("single", [np.float32, np.float16])
def test_numbers_of_less_precision_are_numbers(single):
    fit = fit_newton(spector())
    found = explain_difference(spector(), (-fit.coefficients).astype(single))
    assert found.cause == "response flipped"


@pytest.mark.parametrize("offset", [False, True])
def test_opposite_outcomes_far_out_are_not_certain(offset):
    X, y = simulated(60, 3, seed=2)
    order = np.argsort(y)
    options = {"offset": np.linspace(-2, 2, 60)} if offset else {}
    model = BernoulliLogistic.from_arrays(X[order], y[order], **options)
    errors = fit_newton(model).standard_errors
    for i in range(repeated(10)):
        rng = np.random.default_rng([3, i])
        b = rng.normal(size=3) * errors * 10.0 ** rng.uniform(0, 8)
        assert not explain_difference(model, b).certain


@pytest.mark.parametrize("seed", [9, 28])
def test_a_penalty_that_explains_nothing_beside_a_scaling_is_no_cause(seed):
    # what an optimiser's tolerance leaves is proportional to the coefficients now and then, and
    # then a penalty of 1e-10 fits even better than none
    found = explain_difference(*rescaled(np.random.default_rng([2, 4, seed])))
    assert found.cause == "predictors rescaled"
    assert found.certain
    assert "ridge penalty" not in found.table().index


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_penalty_on_scaled_columns_that_moves_coefficients_is_found(seed):
    X, y = simulated(300, 3, seed)
    X[:, 1] *= 100.0
    model = BernoulliLogistic.from_arrays(X, y)
    scale = X[:, 1:].std(axis=0)
    Z = (X[:, 1:] - X[:, 1:].mean(axis=0)) / scale
    penalised = LogisticRegression(C=0.1, tol=1e-10, max_iter=1000).fit(Z, y)
    found = explain_difference(model, [*penalised.intercept_, *penalised.coef_[0]])
    assert found.cause == "ridge penalty"


def test_numbers_of_no_size_are_no_sign_of_a_large_penalty():
    x1 = [5.1, 5.1, 5, 5, 4.9, 4.5, 5, 5, 5.1, 4.9, 4.9, 5]
    x2 = [5, 5, 4.9, 4.8, 5.1, 4.9, 5, 5.1, 4.9, 5.1, 5.1, 5.1]
    X = np.column_stack([np.ones(12), x1, x2])
    model = BernoulliLogistic.from_arrays(X, np.repeat([0.0, 1.0], 6))
    rng = np.random.default_rng(2)
    rounding = [[-3.67171753e-15, 3.14718645e-16, 4.19624860e-16]]
    for b in [*rounding, *(rng.normal(size=(repeated(10), 3)) * 1e-15)]:
        found = explain_difference(model, b)
        assert not found.certain, (b, found)


def test_mean_and_spread_of_columns_count_observations_not_rows():
    X, y = simulated(50, 3, seed=2)
    weights = np.random.default_rng(2).integers(1, 9, size=50)
    grouped = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    center, deviation = location(grouped)
    singly = np.repeat(X, weights, axis=0)
    assert center == pytest.approx(singly.mean(axis=0), rel=1e-12)
    assert deviation == pytest.approx(singly.std(axis=0), rel=1e-12)
    assert deviation[0] == 0


def test_numbers_are_as_far_from_the_mle_in_columns_that_were_scaled_as_in_the_models():
    X, y = simulated(150, 4, seed=3)
    model = BernoulliLogistic.from_arrays(X * [1.0, 30.0, 0.2, 1.0] + [0, 5, 0, 2], y)
    fit = fit_newton(model)
    case = Discrepancy.at(model, fit, np.array([0.3, 0.5, -0.2, 0.4]))
    tried = 0
    for reading in readings(case):
        scaled = scaled_columns(case, reading)
        assert scaled.distance == pytest.approx(
            case.length(reading.matrix @ case.b - fit.coefficients)
        )
        tried += reading.text.endswith(SCALERS)
    assert tried == 2


def test_another_cause_is_found_in_columns_that_were_scaled():
    X, y = simulated(250, 4, seed=3)
    X = X * [1.0, 30.0, 0.2, 1.0] + [0, 5, 0, 2]
    model = BernoulliLogistic.from_arrays(X, y)
    Z = StandardScaler().fit_transform(X[:, 1:])
    for estimator, cause in (
        (LogisticRegression(C=0.1, solver="liblinear", **l1()), "lasso penalty"),
        (LogisticRegression(C=np.inf, class_weight={0: 1, 1: 4}), "class weights"),
    ):
        fit = estimator.set_params(tol=1e-10, max_iter=5000, random_state=1).fit(Z, y)
        found = explain_difference(model, [*fit.intercept_, *fit.coef_[0]])
        assert (found.cause, found.certain) == (cause, True)
        assert "beside that, the predictors were divided by their standard" in found.message
        assert "scaler" in found.cure


def test_solutions_in_which_the_numbers_have_no_part_are_found_once():
    """Of other links and Firth's penalty, in columns that are scaled as in the model's own."""
    X, y = simulated(150, 4, seed=3)
    model = BernoulliLogistic.from_arrays(X * [1, 1e4, 1e-3, 1] + [0, 5e4, 0, 2], y)
    fit = fit_newton(model)
    case = Discrepancy.at(model, fit, 1.1 * fit.coefficients)
    plain = [*another_link(case), *firth(case)]
    assert len(case.solved) == 5
    for reading in readings(case):
        if not reading.text.endswith(SCALERS):
            continue
        scaled = scaled_columns(case, reading)
        shared = [*another_link(scaled), *firth(scaled)]
        assert len(scaled.solved) == 5
        anew = replace(scaled, solved={})
        alone = [*another_link(anew), *firth(anew)]
        for one, other, first in zip(shared, alone, plain, strict=True):
            assert one.cause == other.cause == first.cause
            assert one.distance == pytest.approx(other.distance, rel=1e-7)


def by_newton(design, y, penalty, weights):
    """Maximum of a weighted likelihood less ``b'P b / 2``."""
    b = np.zeros(design.shape[1])
    for _ in range(50):
        p = 1 / (1 + np.exp(-design @ b))
        score = design.T @ (weights * (y - p)) - penalty @ b
        b = b + np.linalg.solve((design.T * (weights * p * (1 - p))) @ design + penalty, score)
    return b


def ridge_on_all(scaled, y, weights):
    """As liblinear, which penalises the intercept too."""
    return by_newton(scaled, y, 20 * np.eye(scaled.shape[1]), weights)


def ridge_on_slopes(scaled, y, weights):
    return by_newton(scaled, y, np.diag([0.0] + [1.0] * (scaled.shape[1] - 1)), weights)


def log_f_prior(scaled, y, weights):
    """Two observations of each outcome at one unit of each scaled predictor."""
    units = np.eye(scaled.shape[1])[1:]
    rows, m = np.vstack([scaled, units, units]), len(units)
    outcomes = np.concatenate([y, np.ones(m), np.zeros(m)])
    added = np.concatenate([weights, np.full(2 * m, 2.0)])
    return by_newton(rows, outcomes, np.zeros((m + 1, m + 1)), added)


@pytest.mark.parametrize(
    ("program", "cause", "said"),
    [
        (ridge_on_all, "ridge penalty", "C = 0.05"),
        (log_f_prior, "log-F penalty", "log-F(4, 4)"),
    ],
)
def test_penalties_on_scaled_columns_need_no_columns_of_codes(program, cause, said):
    frame = survey(300, seed=4)
    eta = 2 * frame["z"] + frame["x"] - 3 - 2 * (frame["g"] == "red")  # large, where ridge differs
    frame["y"] = (np.random.default_rng(5).random(300) < 1 / (1 + np.exp(-eta))).astype(int)
    codes, columns = both("y ~ x + z + g + h", frame)
    scaled, y = columns.design.copy(), columns.response
    scaled[:, 1:] = StandardScaler().fit_transform(scaled[:, 1:])
    b = program(scaled, y, np.ones(len(y)))
    held, written = (explain_difference(model, b) for model in (codes, columns))
    assert (held.cause, held.certain) == (written.cause, written.certain) == (cause, True)
    assert said in held.message
    assert "beside that, the predictors were divided by their standard" in held.message
    if program is ridge_on_all:  # and with weights of the outcomes
        b = program(scaled, y, np.where(y == 1, 0.5 / y.mean(), 0.5 / (1 - y.mean())))
        held = explain_difference(codes, b)
        assert (held.cause, held.certain) == ("class weights", True)
        assert "intercept was penalised too" in held.message


NAMES = {ridge_on_slopes: "ridge penalty", log_f_prior: "log-F penalty"}


@pytest.mark.parametrize("seed", range(4, 7))
@pytest.mark.parametrize("program", [ridge_on_slopes, log_f_prior])
def test_weak_effects_tell_a_log_f_prior_on_scaled_columns_from_a_ridge_penalty(program, seed):
    # near 0 either pulls by a multiple of the coefficient: in all digits they are apart, in few not
    _, columns = both("y ~ x + z + g + h", survey(300, seed=seed))
    scaled, y = columns.design.copy(), columns.response
    scaled[:, 1:] = StandardScaler().fit_transform(scaled[:, 1:])
    b = program(scaled, y, np.ones(len(y)))
    found = explain_difference(columns, b)
    assert (found.cause, found.certain) == (NAMES[program], True)
    rounded = explain_difference(columns, b.round(3))
    assert rounded.cause == NAMES[program] or not rounded.certain
