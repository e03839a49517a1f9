import json
import warnings

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from problems import DATA, simulated
from stated_numbers import CALLED, covariance, firth, glm_path, newton

from flatprior.analysis import audit
from flatprior.analysis.auditing.standard_error_kinds import Place, kinds, patterns, steps_to
from flatprior.analysis.producers.theirs import Settings
from flatprior.models import BernoulliLogistic, fit_newton


def problem(n=100):
    X, y = simulated(n, 4, seed=6)
    return X, y, BernoulliLogistic.from_arrays(X, y)


def at(coefficients, where=""):
    return Place(
        coefficients=coefficients, moved=np.zeros(len(coefficients)), reach=0.0, where=where
    )


def errors(kind):
    return np.linalg.norm(kind.root, axis=1)


def test_each_kind_is_its_formula_and_the_simplest_come_first():
    X, y, model = problem()
    groups = np.arange(100) % 11
    beta = newton(X, y)[-1]
    found = {kind.name: kind for kind in kinds(model, at(beta), Settings(groups=groups))}
    assert next(iter(found)) == "model"
    for kind, called in CALLED.items():
        expected = np.sqrt(np.diag(covariance(X, y, beta, kind, groups)))
        assert errors(found[called]) == pytest.approx(expected, rel=1e-11)
        assert found[called].relative < 1e-10
        direction = np.array([1.0, -2, 0, 3])
        variance = direction @ covariance(X, y, beta, kind, groups) @ direction
        assert found[called].of(direction) == pytest.approx(np.sqrt(variance), rel=1e-10)


@pytest.mark.parametrize(
    ("said", "first"),
    [
        ("HC3", "HC3"),
        ("hc1", "HC1"),
        ("cluster", "cluster"),
        ("CRV1", "cluster"),
        ("nonrobust", "model"),
        ("non-robust", "model"),
    ],
)
def test_what_a_program_says_of_itself_is_tried_first(said, first):
    X, y, model = problem()
    settings = Settings(covariance=said, groups=np.arange(100) % 11)
    assert next(kinds(model, at(newton(X, y)[-1]), settings)).name == first


def test_rounded_coefficients_say_how_far_a_standard_error_may_be_off():
    X, y, model = problem()
    beta = newton(X, y)[-1]
    half = np.full(4, 5e-3)
    place = Place(coefficients=beta.round(2), moved=half, reach=float((np.abs(X) @ half).max()))
    for kind in kinds(model, place, Settings()):
        name = {called: ours for ours, called in CALLED.items()}.get(kind.name)
        if name is not None:
            truth = np.sqrt(np.diag(covariance(X, y, beta, name)))
            assert (np.abs(errors(kind) - truth) <= kind.relative * errors(kind)).all()


def test_iterates_before_the_printed_one_are_those_of_programs():
    X, y, model = problem()
    for path, start in ((newton(X, y), "Newton from zero"), (glm_path(X, y), "R's glm")):
        i = 3 if start == "Newton from zero" else 2
        stopped = path[i]

        def is_theirs(beta, stopped=stopped):
            return bool(np.abs(beta - stopped).max() < 1e-9)

        steps = list(steps_to(model, is_theirs))
        place = at(stopped, ", at their coefficients")
        found = [
            kind
            for kind in kinds(model, place, Settings(), steps=steps)
            if kind.name.startswith("one iteration old")
        ]
        assert len(found) == 1
        assert start in found[0].name
        expected = np.sqrt(np.diag(covariance(X, y, path[i - 1])))
        assert errors(found[0]) == pytest.approx(expected, rel=1e-10)


def test_a_quadratic_penalty_is_on_their_coordinates():
    X, _, model = problem()
    beta = np.array([0.2, 0.1, -0.3, 0.4])
    scale = np.array([2.0, 1.0, 3.0, 0.5])  # their coefficient is so many times the model's
    settings = Settings(penalty="l2", strength=0.7, penalised=(True, True, False, True))
    found = {
        kind.name: kind
        for kind in kinds(model, at(beta, ", at their coefficients"), settings, np.diag(scale))
    }
    Z = X / scale
    p = 1 / (1 + np.exp(-X @ beta))
    information = (Z.T * (p * (1 - p))) @ Z
    both = np.linalg.inv(information + 0.7 * np.diag([1, 1, 0, 1]))
    for name, theirs in (
        ("penalised information", both),
        ("sandwich of the penalised information", both @ information @ both),
    ):
        kind = found[f"{name}, at their coefficients"]
        ours = [kind.of(row) for row in np.diag(scale)]
        assert ours == pytest.approx(np.sqrt(np.diag(theirs)), rel=1e-11)
    assert list(found)[1] == "penalised information, at their coefficients"


def test_firth_fits_have_two_kinds_of_standard_error():
    X, y, model = problem(60)
    beta = firth(X, y)
    found = {
        kind.name: errors(kind)
        for kind in kinds(model, at(beta, ", at their coefficients"), Settings(penalty="firth"))
    }
    original = np.sqrt(np.diag(covariance(X, y, beta)))
    augmented = np.sqrt(np.diag(covariance(X, y, beta, "augmented")))
    assert found["model, at their coefficients"] == pytest.approx(original, rel=1e-10)
    assert found["augmented information, at their coefficients"] == pytest.approx(
        augmented, rel=1e-10
    )
    assert (augmented < original).all()


def test_weighted_rows_are_augmented_as_the_observations_that_they_count():
    X, y, _ = problem(40)
    weights = np.random.default_rng(0).integers(1, 4, 40)
    by_weight = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    one_by_one = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    beta = fit_newton(by_weight).coefficients
    ours, theirs = (
        {kind.name: errors(kind) for kind in kinds(each, at(beta), Settings(penalty="firth"))}
        for each in (by_weight, one_by_one)
    )
    assert set(theirs) <= set(ours)
    for name, value in theirs.items():
        if "of groups" not in name:
            assert ours[name] == pytest.approx(value, rel=1e-10)
    assert "HC0 of rows" in ours


def test_kinds_that_cannot_be_computed_are_left_out():
    X = np.column_stack([np.ones(4), [0.0, 0, 0, 1]])
    y = np.array([0.0, 1, 0, 1])
    model = BernoulliLogistic.from_arrays(X, y)
    named = [kind.name for kind in kinds(model, at(np.array([0.0, 3.0])), Settings())]
    assert "model" in named
    assert "HC3" not in named  # a row has a leverage of 1
    assert "cluster" not in named


def test_posterior_sds_are_tried_where_they_are_given():
    X, y, model = problem()
    sd = np.array([0.3, 0.4, 0.5, 0.6])
    *_, last = kinds(model, at(newton(X, y)[-1]), Settings(), posterior_sd=sd)
    assert last.name == "posterior sd"
    assert errors(last) == pytest.approx(sd)


def test_patterns_are_rows_that_differ_in_their_outcome_only():
    X = np.array([[1.0, 0], [1, 0], [1, 1], [1, 1], [1, 2]])
    y = np.array([0.0, 1, 1, 1, 0])
    found = patterns(BernoulliLogistic.from_arrays(X, y, frequency_weights=[2, 3, 1, 1, 1]))
    assert found.design.tolist() == [[1, 0], [1, 1], [1, 2]]
    assert found.trials.tolist() == [5, 2, 1]
    assert found.events.tolist() == [3, 2, 0]
    assert (
        patterns(BernoulliLogistic.from_arrays(np.arange(4.0)[:, None] + 1, [0, 1, 0, 1])) is None
    )


def test_doubles_are_as_exact_as_the_inverse_of_an_information_in_the_columns_own_units():
    X, y, _ = problem()
    far = X * [1.0, 1e4, 1.0, 1.0] + [0.0, 3e4, 0.0, 0.0]
    relative = {}
    for design in (X, far):
        model = BernoulliLogistic.from_arrays(design, y)
        beta = fit_newton(model).coefficients
        for doubles in (True, False):
            place = Place(coefficients=beta, moved=np.zeros(4), reach=0.0, doubles=doubles)
            kind = next(kinds(model, place, Settings()))
            relative[design is far, doubles] = kind.relative
        V = covariance(design, y, beta)
        assert np.sqrt(np.diag(V)) == pytest.approx(errors(kind), rel=relative[design is far, True])
    assert relative[False, True] == 1e-6
    assert 1e-6 < relative[True, True] <= 1e-3
    assert relative[True, False] < 1e-9


def test_robust_errors_of_groups_are_a_kind_of_grouped_counts():
    """As R's `sandwich` has them, of a model whose rows are two for each group."""
    stored = json.loads((DATA / "grouped.json").read_text())
    frame = pd.read_csv(DATA / "grouped.csv")
    model = BernoulliLogistic.from_formula("cbind(dead, n - dead) ~ dose + sex", frame)
    found = {
        kind.name: errors(kind)
        for kind in kinds(model, at(fit_newton(model).coefficients), Settings())
    }
    names = {"HC0": "HC0", "Stata": "HC0 times n / (n - 1)", "HC3": "HC3"}
    for key, name in names.items():
        intercept, male, dose = stored[key]
        ours = dict(zip(model.names, found[f"{name} of groups"], strict=True))
        assert ours == pytest.approx(
            {"Intercept": intercept, "dose": dose, "sex[T.M]": male}, rel=1e-8
        )
    assert "HC0 of rows" not in found  # halves of groups are nobody's observations


@pytest.mark.parametrize("seed", [2, None])
def test_a_clustered_standard_error_that_is_rounding_is_not_judged(seed):
    y = np.arange(36) % 2
    if seed is not None:  # else every cluster has a score of exactly 0
        y[:32] = np.random.default_rng(seed).integers(0, 2, 32)
    data = pd.DataFrame({"f": ["a"] * 32 + ["b"] * 4, "y": y})
    clusters = np.append(np.arange(32) // 4, [99] * 4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = smf.logit("y ~ 0 + C(f)", data).fit(
            disp=0, cov_type="cluster", cov_kwds={"groups": clusters}
        )
        found = audit(fit)
    assert found.passed
    printed = found.printed.set_index(["term", "quantity"])["consistent"]
    assert pd.isna(printed["C(f)[b]", "standard error"])
    if seed is not None:
        assert printed["C(f)[a]", "standard error"]
