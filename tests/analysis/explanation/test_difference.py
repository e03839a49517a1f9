"""Disagreements whose cause is known, made with the programs that make them."""

import json
import math
import warnings

import numpy as np
import pandas as pd
import places
import pytest
import statsmodels.api as sm
from coded_models import both, held_as_codes, survey
from disagreements import (
    CAUSES,
    ORDERS,
    cause_of,
    firth_estimate,
    none,
    numbers_without_a_cause,
    spector,
    symmetric_numbers,
)
from multiplier import repeated
from problems import simulated
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from flatprior.analysis import explain_difference
from flatprior.analysis.explanation.explained import COINCIDENCE
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    rows,
)
from flatprior.models.designs.coded import Structured

EACH = 5


@pytest.mark.parametrize("cause", CAUSES)
def test_each_cause_is_named_and_no_wrong_one_is_certain(cause):
    # benchmarks/explanations.py counts 30 of each; here 5, of which one may stay unexplained
    right = 0
    for i in range(EACH):
        rng = np.random.default_rng([7, list(CAUSES).index(cause), i])
        model, coefficients = CAUSES[cause](rng)
        found = explain_difference(model, coefficients)
        right += found.cause == cause_of(cause)
        assert found.cause == cause_of(cause) or not found.certain
        assert found.message
        assert bool(found.cure) == (found.cause != "none of these")
        assert len(found.table()) == len(found.causes)
        json.dumps(found.to_dict(), allow_nan=False)
    assert right >= EACH - 1


def test_numbers_out_of_the_air_have_no_certain_cause():
    for i in range(10):
        model, coefficients = none(np.random.default_rng([8, i]))
        found = explain_difference(model, coefficients)
        assert not found.certain
        assert found.cause in ("none of these", "predictors rescaled")


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("order", [order for order in ORDERS if order != "shuffled"])
def test_sorted_rows_lead_to_no_other_cause(cause, order):
    for i in range(repeated(1)):
        rng = np.random.default_rng([9, list(CAUSES).index(cause), i])
        model, coefficients = CAUSES[cause](rng, order)
        found = explain_difference(model, coefficients)
        assert found.cause == cause_of(cause) or not found.certain
        # at other seeds up to one of 30 is not named
        assert found.cause == cause_of(cause) or i > 0


@pytest.mark.parametrize("order", ORDERS)
def test_nothing_is_certain_of_numbers_that_have_no_cause(order):
    # of those on separated data about one in 1,000 is nearer the supremum than all that are tried
    number, near = repeated(25), []
    for i in range(number):
        model, coefficients = numbers_without_a_cause(np.random.default_rng([10, i]), order)
        found = explain_difference(model, coefficients)
        if found.certain and found.cause == "separation":
            near.append(i)
        else:
            assert not found.certain or found.cause in ("agreement", "dependent columns"), i
    assert len(near) <= number / 1000


def test_nothing_is_certain_of_round_and_equal_numbers_on_symmetric_data():
    # there equal coefficients solve every problem at once, or one more than they should
    for i in range(repeated(40)):
        model, numbers = symmetric_numbers(np.random.default_rng([11, i]))
        found = explain_difference(model, numbers)
        assert not found.certain or found.cause in ("agreement", "dependent columns"), i


@pytest.mark.parametrize("C", [0.1, 1.0, 20.0])
def test_the_penalty_is_estimated(C):
    data, model = spector()
    X = data[["gpa", "tuce", "psi"]]
    fit = LogisticRegression(C=C, tol=1e-10, max_iter=5000).fit(X, data["grade"])
    theirs = [fit.intercept_[0], *fit.coef_[0]]
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("ridge penalty", True)
    assert f"C = {C:.4g} " in found.message
    assert "intercept was not penalised" in found.message
    # liblinear penalises the intercept as well
    fit = LogisticRegression(C=C, solver="liblinear", tol=1e-10, max_iter=5000).fit(
        X, data["grade"]
    )
    found = explain_difference(model, [fit.intercept_[0], *fit.coef_[0]])
    assert found.cause == "ridge penalty"
    assert "the intercept was penalised too" in found.message


def test_there_may_be_no_difference():
    _, model = spector()
    fit = fit_newton(model)
    exact = explain_difference(model, fit.coefficients)
    assert (exact.cause, exact.certain) == ("agreement", True)
    assert explain_difference(model, fit_sklearn(model).coefficients).cause == "agreement"
    for digits, certain in ((2, False), (4, True)):
        rounded = dict(zip(model.names, fit.coefficients.round(digits), strict=True))
        found = explain_difference(model, rounded)
        assert (found.cause, found.certain) == ("agreement", certain)
        assert "in every digit given" in found.message
    off = fit.coefficients.round(4)
    off[3] += 0.0002
    assert explain_difference(model, off).cause != "agreement"


def test_printed_digits_suffice():
    # what a summary prints: four decimals
    data, model = spector()
    y, X = data["grade"], sm.add_constant(data[["gpa", "tuce", "psi"]])
    for theirs, cause in (
        (sm.Probit(y, X).fit(disp=0).params, "probit"),
        (sm.Logit(1 - y, X).fit(disp=0).params, "response flipped"),
        (sm.Logit(y, X.drop(columns="const")).fit(disp=0).params, "missing intercept"),
        (sm.Logit(y[1:], X[1:]).fit(disp=0).params, "rows dropped"),
    ):
        found = explain_difference(model, theirs.round(4))
        assert found.cause == cause
        assert found.certain == (cause != "rows dropped")  # many sets might fit


def test_the_rows_are_named_by_their_labels():
    data, _ = spector()
    data.index = [f"student {i}" for i in range(len(data))]
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    part = data.drop(["student 4", "student 20", "student 25"])
    theirs = fit_newton(BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", part))
    found = explain_difference(model, theirs.coefficients)
    assert (found.cause, found.certain) == ("rows dropped", True)
    assert "without 3 rows: rows student 4, student 20, student 25" in found.message


def test_duplicates_left_out_are_found():
    data, _ = spector()
    twice = pd.concat([data, data.iloc[[3, 8, 9, 17, 21]]], ignore_index=True)
    formula = "grade ~ gpa + tuce + psi"
    model = BernoulliLogistic.from_formula(formula, twice)
    theirs = fit_newton(BernoulliLogistic.from_formula(formula, data)).coefficients
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("rows dropped", True)
    assert "5 rows" in found.message


@pytest.mark.parametrize("size", [1e-310, 1e-30, 1e20, 1e90])
def test_numbers_of_any_size_have_an_answer(size):
    _, model = spector()
    found = explain_difference(model, [size, -size, size, size])
    assert not found.certain
    assert "nan" not in found.message


def test_weights_and_offsets_are_taken_into_account():
    X, y = simulated(150, 3, seed=6)
    rng = np.random.default_rng(2)
    weights, offset = rng.integers(1, 4, size=150), rng.normal(size=150)
    model = BernoulliLogistic.from_arrays(X, y, offset=offset, frequency_weights=weights)
    opposite = BernoulliLogistic.from_arrays(X, 1 - y, offset=offset, frequency_weights=weights)
    part = BernoulliLogistic.from_arrays(
        X[7:], y[7:], offset=offset[7:], frequency_weights=weights[7:]
    )
    for other, cause in ((opposite, "response flipped"), (part, "rows dropped")):
        found = explain_difference(model, fit_newton(other).coefficients)
        assert (found.cause, found.certain) == (cause, True)


def test_standard_errors_show_a_rescaling_by_any_factor():
    data, model = spector()
    other = data.assign(tuce=data["tuce"] * 3.217, gpa=data["gpa"] / 7.77)
    fit = fit_newton(BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", other))
    without = explain_difference(model, fit.coefficients)
    assert without.cause != "predictors rescaled"
    found = explain_difference(model, fit.coefficients, fit.standard_errors)
    assert (found.cause, found.certain) == ("predictors rescaled", True)
    assert "tuce by 3.217" in found.message


def test_zeros_and_too_few_digits_are_not_called_the_mle():
    X, y = simulated(300, 3, seed=10)
    model = BernoulliLogistic.from_arrays(X, y)
    for theirs in ([0, 0, 0], [0.0, 0.0, 0.0]):
        found = explain_difference(model, theirs)
        assert not found.certain
    fit = fit_newton(model)
    income = BernoulliLogistic.from_arrays(X * [1, 1, 1e6], y)
    printed = (fit.coefficients / [1, 1, 1e6]).round(4)
    found = explain_difference(income, printed)
    assert (found.cause, found.certain) == ("agreement", False)
    assert "too few to tell" in found.message


@pytest.mark.parametrize(
    "seeds", [range(2), pytest.param(range(2, 12), marks=pytest.mark.slow)], ids=["first", "more"]
)
def test_shrinkage_that_is_not_ridge_is_not_certain(seeds):
    for seed in seeds:
        X, y = simulated(900, 7, seed=seed)
        model = BernoulliLogistic.from_arrays(X, y)
        mle = fit_newton(model).coefficients
        assert not explain_difference(model, np.append(mle[0], 0.99 * mle[1:])).certain
        found = explain_difference(model, firth_estimate(X, y))
        assert (found.cause, found.certain) == ("Firth penalty", True)


def test_with_one_slope_ridge_is_named_but_not_certain():
    X, y = simulated(200, 2, seed=11)
    model = BernoulliLogistic.from_arrays(X, y)
    fit = LogisticRegression(C=0.1, tol=1e-10).fit(X[:, 1:], y)
    found = explain_difference(model, [fit.intercept_[0], fit.coef_[0, 0]])
    assert (found.cause, found.certain) == ("ridge penalty", False)


@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler()])
@pytest.mark.parametrize("back", [True, False])
def test_a_penalty_on_scaled_columns_is_found(scaler, back):
    data, model = spector()
    X = data[["gpa", "tuce", "psi"]].to_numpy()
    fit = LogisticRegression(tol=1e-10, max_iter=5000).fit(scaler.fit_transform(X), data["grade"])
    theirs = [fit.intercept_[0], *fit.coef_[0]]
    if back:  # what predicts the same from the columns as they are
        zero = scaler.transform(np.zeros((1, 3)))[0]
        slopes = fit.coef_[0] * (scaler.transform(np.ones((1, 3)))[0] - zero)
        theirs = [fit.intercept_[0] + fit.coef_[0] @ zero, *slopes]
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("ridge penalty", True)
    assert "C = 1 " in found.message


def test_identical_rows_leave_open_which_was_dropped():
    rng = np.random.default_rng(5)
    X = np.column_stack([np.ones(200), rng.integers(0, 2, size=(200, 3))]).astype(float)
    y = (rng.random(200) < 1 / (1 + np.exp(-X @ [-0.5, 0.7, -0.3, 0.4]))).astype(float)
    part = BernoulliLogistic.from_arrays(X[:-1], y[:-1])
    found = explain_difference(BernoulliLogistic.from_arrays(X, y), fit_newton(part).coefficients)
    assert (found.cause, found.certain) == ("rows dropped", False)
    assert "identical to them" in found.message


def test_another_scale_of_the_log_odds_is_no_rescaling_of_predictors():
    _, model = spector()
    fit = fit_newton(model)
    c = 1 / math.log(10)
    found = explain_difference(model, fit.coefficients * c, fit.standard_errors * c)
    assert not found.certain


def test_a_misplaced_decimal_is_not_certainly_a_change_of_units():
    _, model = spector()
    theirs = fit_newton(model).coefficients.copy()
    theirs[1] *= 10
    found = explain_difference(model, theirs)
    assert (found.cause, found.certain) == ("predictors rescaled", False)
    assert "a decimal or a digit of that coefficient is misplaced" in found.message


def test_names_are_shown_and_never_run():
    data, _ = spector()
    name = "gpa\x1b[31m {0.__class__} {"
    model = BernoulliLogistic.from_arrays(
        data.rename(columns={"gpa": name})[[name, "psi"]], data["grade"], intercept=True
    )
    found = explain_difference(model, {name: 1.0, "psi": 0.5})
    assert "\x1b" not in str(found)


def test_columns_far_from_zero_have_an_explanation_too():
    rng = np.random.default_rng(6)
    year = rng.integers(1990, 2021, size=400).astype(float)
    y = (rng.random(400) < 1 / (1 + np.exp((2005 - year) / 10))).astype(float)
    model = BernoulliLogistic.from_arrays(np.column_stack([year**j for j in range(4)]), y)
    found = explain_difference(model, -fit_newton(model).coefficients)
    assert (found.cause, found.certain) == ("response flipped", True)


def wrong_coefficients(X, y, mle):
    """By many causes, those of a model with an intercept first."""

    def fitted(columns, outcomes, rows=slice(None), **options):
        found = LogisticRegression(**{"C": np.inf, "tol": 1e-10, "max_iter": 10000} | options)
        found.fit(columns[rows][:, 1:], outcomes[rows])
        return np.append(found.intercept_, found.coef_)

    scaled = X.copy()
    scaled[:, 1:] = StandardScaler().fit_transform(X[:, 1:])
    rng = np.random.default_rng(3)
    return {
        "ridge": fitted(X, y, C=1.0),
        "lasso": fitted(X, y, C=0.5, l1_ratio=1.0, solver="saga", max_iter=100_000),
        "Firth": firth_estimate(X, y),
        "balanced": fitted(X, y, class_weight="balanced"),
        "both": fitted(X, y, C=1.0, class_weight="balanced"),
        "probit": sm.Probit(y, X).fit(disp=0).params,
        "flipped": -mle,
        "flipped ridge": -fitted(X, y, C=1.0),
        "scaled": fitted(scaled, y),
        "scaled ridge": fitted(scaled, y, C=0.1),
        "scaled balanced": fitted(scaled, y, class_weight="balanced"),
        "first rows": fitted(X, y, slice(40, None)),
        "lowest": fitted(X, y, X[:, 1] > np.quantile(X[:, 1], 0.15)),
        "one row": fitted(X, y, np.arange(len(y)) != 7),
        "a level": fitted(X, y, (X[:, 3] == 0) | (np.cumsum(X[:, 3]) > 400)),
        "stopped": fitted(scaled, y, tol=1e-1, max_iter=3, solver="lbfgs"),
        "nothing": mle + rng.normal(size=len(mle)) / 5,
    }


def test_factors_held_as_codes_differ_for_the_reasons_of_the_columns():
    frame = survey(300, seed=4)
    codes, columns = both("y ~ x + z + g + h", frame)
    mle = fit_newton(columns).coefficients
    causes = set()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wrong = wrong_coefficients(columns.design, columns.response, mle)
    for what, coefficients in wrong.items():
        held, written = (explain_difference(model, coefficients) for model in (codes, columns))
        assert (held.cause, held.certain) == (written.cause, written.certain), what
        assert held.distance == pytest.approx(written.distance, rel=1e-7), what
        causes.add(held.cause)
    assert len(causes) >= 8, causes


def test_no_cause_is_looked_for_in_a_matrix_of_all_levels(monkeypatch):
    frame = survey(3000, seed=4)
    with held_as_codes(True):
        model = BernoulliLogistic.from_formula("y ~ x + z + g + h", frame)
    whole = Structured.dense

    def of_few_rows(design):
        assert design.shape[0] <= 500
        return whole(design)

    b = fit_newton(model).coefficients + 0.2
    monkeypatch.setattr(Structured, "dense", of_few_rows)
    monkeypatch.setattr(rows, "BLOCK_ROWS", 500)  # a certificate far out takes block by block
    assert explain_difference(model, b).cause


def left_out(frame, model):
    part = BernoulliLogistic.from_formula(places.FORMULA, frame[~(frame["income"] > 1.2)])
    return fit_newton(part).coefficients


def penalised(frame, model):
    rows = model.arrays
    fit = LogisticRegression(C=0.3, fit_intercept=False, tol=1e-11, max_iter=9999)
    return fit.fit(rows.design, rows.response).coef_[0]


def of_the_others(frame, model):
    other = BernoulliLogistic.from_formula(
        places.FORMULA, frame.assign(bought=1 - frame["bought"]), **places.ROLES
    )
    return fit_newton(other).coefficients


def balanced(frame, model):
    rows = model.arrays
    fit = LogisticRegression(
        C=np.inf, fit_intercept=False, tol=1e-11, max_iter=9999, class_weight="balanced"
    )
    return fit.fit(rows.design, rows.response).coef_[0]


@pytest.mark.parametrize(
    ("place", "theirs", "cause", "roles"),
    [
        (places.in_files, left_out, "rows dropped", {}),
        (places.in_text, penalised, "ridge penalty", {}),
        (places.on_dask, of_the_others, "response flipped", places.ROLES),
        (places.in_files, balanced, "class weights", {}),
    ],
)
def test_rows_in_batches_are_explained_in_passes_as_they_are_in_memory(
    place, theirs, cause, roles, tmp_path, monkeypatch
):
    frame = places.shoppers(700)
    memory = places.in_memory(frame, tmp_path, places.FORMULA, **roles)
    numbers = theirs(frame, memory)
    expected = explain_difference(memory, numbers)
    assert (expected.cause, expected.certain) == (cause, True)
    assert expected.passes is None
    model = place(frame, tmp_path, places.FORMULA, **roles)
    # few rows are all at hand
    at_hand = explain_difference(model, numbers)
    assert at_hand.message == expected.message
    assert not at_hand.not_tried
    monkeypatch.setattr("flatprior.analysis.explanation.difference.as_drawn", lambda model: model)
    before = model.passes
    found = explain_difference(model, numbers)
    assert (found.cause, found.certain, found.message) == (cause, True, expected.message)
    assert found.passes == model.passes - before
    assert 10 < found.passes.number < 90
    assert f"rows were {found.passes.said} for this" in " ".join(str(found).split())
    # of 700 rows these are looked for in memory
    lacking = ["two or three rows left out"]
    lacking += ["the posterior mean of the opposite response"] if "offset" in roles else []
    assert [each.split(",")[0] for each in found.not_tried] == lacking
    assert found.to_dict()["not_tried"] == list(found.not_tried)
    ours, other = (
        result.table().drop(index="rows dropped", errors="ignore") for result in (found, expected)
    )
    assert ours.index.tolist() == other.index.tolist()
    # of those that explain nothing two ways may be equally far, but for rounding
    telling = (other["coincidence"] < COINCIDENCE).to_numpy()
    assert ours["detail"][telling].tolist() == other["detail"][telling].tolist()
    np.testing.assert_allclose(ours["distance"], other["distance"], rtol=1e-5, atol=1e-7)
    apart = np.log(ours["coincidence"] + 1e-20) - np.log(other["coincidence"] + 1e-20)
    assert np.abs(apart).max() < 1e-2


def test_numbers_without_a_cause_are_so_in_passes_too(tmp_path, monkeypatch):
    monkeypatch.setattr("flatprior.analysis.explanation.difference.as_drawn", lambda model: model)
    monkeypatch.setattr("flatprior.analysis.optimiser_paths.MOST_STEPS", 3)
    frame = places.shoppers(400)
    found = {}
    for place in (places.in_memory, places.in_files):
        model = place(frame, tmp_path, "bought ~ income + region")
        fit = fit_newton(model)
        numbers = fit.coefficients + fit.standard_errors * [2.1, -1.4, 1.9, 2.6]
        found[place] = explain_difference(model, numbers)
    memory, batches = found.values()
    assert (batches.cause, batches.message) == (memory.cause, memory.message)
    assert not batches.certain


@pytest.mark.parametrize("place", [places.in_files, places.on_dask])
def test_an_intercept_that_the_model_lacks_is_found_wherever_its_rows_lie(
    place, tmp_path, monkeypatch
):
    frame, formula = places.shoppers(700), "bought ~ 0 + income + age"
    memory = places.in_memory(frame, tmp_path, formula)
    theirs = fit_newton(places.in_memory(frame, tmp_path, "bought ~ income + age"))
    given = dict(zip(("Intercept", *memory.names), theirs.coefficients.tolist(), strict=True))
    expected = explain_difference(memory, given)
    assert (expected.cause, expected.certain) == ("missing intercept", True)
    model = place(frame, tmp_path, formula)
    monkeypatch.setattr("flatprior.analysis.explanation.difference.as_drawn", lambda model: model)
    found = explain_difference(model, given)
    assert (found.cause, found.certain, found.message) == (
        expected.cause,
        expected.certain,
        expected.message,
    )
    assert found.distance == pytest.approx(expected.distance, abs=1e-8)
