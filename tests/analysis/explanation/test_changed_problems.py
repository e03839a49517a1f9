"""Maxima of changed problems against the programs that compute them, and where there is none."""

import numpy as np
import pytest
import statsmodels.api as sm
from multiplier import repeated
from problems import CASES, simulated
from sklearn.linear_model import LogisticRegression

from flatprior.analysis.explanation.changed_problems import (
    cauchit,
    complementary_log_log,
    firth_maximum,
    log_log,
    logit,
    maximum_of,
    probit,
    sums,
    whiten,
)
from flatprior.models import BernoulliLogistic, check_existence, fit_newton
from flatprior.models.covariance.turned import TurnedRows
from flatprior.models.covariance.whitening import required_whitening
from flatprior.models.rows import Block


def whitened(model):
    """The rows in columns whitened at the MLE, the MLE there, and what leads back."""
    fit = fit_newton(model)
    root = required_whitening(model.rows, fit.coefficients)
    start = np.linalg.solve(root, fit.coefficients)
    return TurnedRows.of(model.rows, root), start, root


def test_the_probit_maximum_is_that_of_statsmodels():
    X, y = simulated(200, 4, seed=3)
    rows, start, root = whitened(BernoulliLogistic.from_arrays(X * [1, 1e6, 1e-6, 1], y))
    theirs = sm.Probit(y, X).fit(disp=0, tol=1e-12).params / [1, 1e6, 1e-6, 1]
    assert root @ maximum_of(rows, start, probit) == pytest.approx(theirs, rel=1e-8)


def test_the_penalised_maximum_is_that_of_scikit_learn():
    X, y = simulated(200, 4, seed=3)
    rows, start, root = whitened(BernoulliLogistic.from_arrays(X, y))
    theirs = LogisticRegression(C=0.2, solver="newton-cholesky", tol=1e-12).fit(X[:, 1:], y)
    penalty = 5.0 * (root.T * [0, 1, 1, 1]) @ root
    found = root @ maximum_of(rows, start, penalty=penalty)
    assert found == pytest.approx([*theirs.intercept_, *theirs.coef_[0]], rel=1e-7)


def test_some_rows_have_a_maximum_where_their_mle_exists_and_nowhere_else():
    wrong = []
    for i in range(repeated(40)):
        rng = np.random.default_rng([5, i])
        n, k = int(rng.integers(6, 40)), int(rng.integers(1, 5))
        X = np.round(rng.normal(size=(n, k)), int(rng.integers(0, 3)))
        y = (rng.random(n) < 1 / (1 + np.exp(-2 * X[:, 0]))).astype(float)
        model = BernoulliLogistic.from_arrays(X, y)
        if not check_existence(model).exists:
            continue
        rows, start, root = whitened(model)
        kept = rng.permutation(n)[: int(rng.integers(1, n))]
        found = maximum_of(rows.changed(lambda block, kept=kept: block.select(kept)), start)
        part = BernoulliLogistic.from_arrays(X[kept], y[kept])
        if (found is not None) != check_existence(part).exists:
            wrong.append(i)
        elif found is not None:
            theirs = fit_newton(part)
            gap = np.abs(root @ found - theirs.coefficients)
            assert (gap <= 1e-7 * theirs.standard_errors).all()
    assert not wrong


LINKS = [logit, probit, complementary_log_log, log_log, cauchit]


@pytest.mark.parametrize("terms", LINKS)
def test_from_however_far_the_maximum_is_found(terms):
    for seed in (3, 8, 11):
        X, y = simulated(100, 3, seed=seed)
        rows, start, _ = whitened(BernoulliLogistic.from_arrays(X, y))
        near = maximum_of(rows, start, terms)
        assert near is not None
        # it is one: of a concave function whose derivative vanishes there
        assert np.abs(sums(rows, near, terms).score).max() < 1e-9
        for away in (3.0, -3.0, 10.0, -10.0, 100.0, -100.0):
            if abs(away) > 10 and terms in (complementary_log_log, log_log):
                continue  # exp(100): its rows have no information beside one another
            with np.errstate(all="ignore"):
                found = maximum_of(rows, start + away, terms)
            assert found == pytest.approx(near, abs=1e-8), away


@pytest.mark.parametrize("terms", LINKS)
def test_terms_are_derivatives_of_one_another_with_weights_and_offsets(terms):
    rng = np.random.default_rng(2)
    eta, sign = rng.normal(size=30), rng.choice([-1.0, 1.0], size=30)
    weights = rng.integers(1, 6, size=30).astype(float)
    h = 1e-5

    def at(moved):
        # one row a block: sums are then terms of the row
        blocks = [
            Block(np.ones((1, 1)), sign[i : i + 1], eta[i : i + 1], weights[i : i + 1])
            for i in range(30)
        ]
        found = [terms(block, np.array([moved])) for block in blocks]
        return np.array([[t.log_likelihood, t.residual[0], t.curvature[0]] for t in found])

    here, slope = at(0.0), (at(h) - at(-h)) / (2 * h)
    assert here[:, 1] == pytest.approx(slope[:, 0], rel=1e-7, abs=1e-8)
    if terms is cauchit:  # whose information is the expected one
        p = np.arctan(eta) / np.pi + 0.5
        density = 1 / (np.pi * (1 + eta**2))
        assert here[:, 2] == pytest.approx(weights * density**2 / (p * (1 - p)), rel=1e-12)
    else:
        assert here[:, 2] == pytest.approx(-slope[:, 1], rel=1e-6, abs=1e-8)


@pytest.mark.parametrize(
    ("terms", "link"),
    [
        (complementary_log_log, sm.families.links.CLogLog),
        (log_log, sm.families.links.LogLog),
        (cauchit, sm.families.links.Cauchy),
    ],
)
def test_the_maximum_under_another_link_is_that_of_statsmodels(terms, link):
    X, y = simulated(200, 4, seed=3)
    rows, start, root = whitened(BernoulliLogistic.from_arrays(X * [1, 1e6, 1e-6, 1], y))
    theirs = sm.GLM(y, X, sm.families.Binomial(link())).fit(tol=1e-13, maxiter=500).params
    assert root @ maximum_of(rows, start, terms) == pytest.approx(
        theirs / [1, 1e6, 1e-6, 1], rel=1e-6
    )


def test_a_tilt_moves_the_maximum_to_where_the_score_is_it():
    X, y = simulated(150, 3, seed=3)
    rows, start, _ = whitened(BernoulliLogistic.from_arrays(X, y))
    tilt = np.array([0.5, -1.0, 2.0])
    found = maximum_of(rows, start, tilt=tilt)
    assert sums(rows, found).score == pytest.approx(tilt, abs=1e-8)
    # so far that the likelihood nowhere rises as fast as the tilt falls
    assert maximum_of(rows, start, tilt=1e4 * tilt) is None


@pytest.mark.parametrize("name", ["spector", "challenger", "lizards", "endometrial"])
def test_firths_maximum_is_that_of_brglm2(name):
    case = CASES[name]
    model = case.model
    root = required_whitening(model.rows)
    found = root @ firth_maximum(TurnedRows.of(model.rows, root), np.zeros(len(root)))
    theirs = [case.facts["firth"]["beta"][column] for column in case.frame.columns]
    assert found == pytest.approx(theirs, rel=1e-6, abs=1e-9)


def test_firths_maximum_is_found_from_afar_and_counts_observations():
    X, y = simulated(40, 3, seed=3)
    weights = np.random.default_rng(1).integers(1, 4, size=40)
    model = BernoulliLogistic.from_arrays(X, y, frequency_weights=weights)
    singly = BernoulliLogistic.from_arrays(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    rows, start, root = whitened(model)
    near = firth_maximum(rows, start)
    for away in (2.0, -2.0, 5.0):
        assert firth_maximum(rows, start + away) == pytest.approx(near, abs=1e-7)
    other, begin, back = whitened(singly)
    assert root @ near == pytest.approx(back @ firth_maximum(other, begin), rel=1e-8)


def test_information_that_rounding_made_negative_is_singular():
    """As of codes, turned, where the curvature of nearly all rows is 0."""
    assert whiten(np.diag([1.0, -1e-30])) is None
    assert whiten(np.diag([1.0, 0.0])) is None
    assert whiten(np.diag([4.0, 25.0])) == pytest.approx(np.diag([0.5, 0.2]))
