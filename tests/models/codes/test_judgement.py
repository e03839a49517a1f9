"""Whatever coefficients are judged, the bound holds."""

import math

import numpy as np
import pytest
from coded_models import both, held_sums, survey
from multiplier import repeated
from problems import mp_fit

from flatprior.models import certify, fit_newton
from flatprior.models.codes import judgement
from flatprior.models.codes.judgement import evaluation_of, judged_as_held
from flatprior.models.codes.newton import fit_as_held


@pytest.mark.parametrize("shift", [0.0, 1e8])
@pytest.mark.parametrize("formula", ["y ~ x + g", "y ~ 0 + h + x + b"])
@pytest.mark.parametrize("columns", [{}, {"frequency_weights": "w", "offset": "o"}], ids=["", "wo"])
def test_no_bound_is_violated_however_far_the_coefficients_are(formula, columns, shift):
    frame, rng = survey(60, seed=1), np.random.default_rng(2)
    frame["x"] += shift
    model, written = both(formula, frame, **columns)
    rows, sums = written.rows, held_sums(model)
    start = fit_newton(written)
    beta, _ = mp_fit(
        written.design, rows.response, rows.weights, rows.offset, start=start.coefficients
    )
    most, error = start.log_likelihood, start.certificate.log_likelihood_error
    proved = 0
    for size in 10.0 ** rng.uniform(-14, 0.5, repeated(12)):
        moved = beta + size * start.standard_errors * rng.uniform(-1, 1, len(beta))
        found = judged_as_held(sums, moved)
        if found is None:
            continue
        proved += 1
        certificate = found.certificate
        # in centred columns the standard errors are what they are
        X = written.design - np.where(
            np.arange(len(beta)) == list(model.names).index("x"), frame["x"].mean(), 0.0
        )
        eta = written.design @ moved + (0 if rows.offset is None else rows.offset)
        D = (1 if rows.weights is None else rows.weights) / (np.exp(eta) + 2 + np.exp(-eta))
        slopes = np.array([name not in ("Intercept",) and "h[" not in name for name in model.names])
        se = np.sqrt(np.diag(np.linalg.inv(X.T @ (X * D[:, None]))))
        rounding = 2.0**-52 * np.abs(beta)
        distance = np.abs(moved - beta) - rounding
        assert (distance <= certificate.error_bound * se * (1 + 1e-6))[slopes].all()
        own = np.sqrt(found.covariance.diagonal())
        assert own[slopes] == pytest.approx(se[slopes], rel=1e-6)
        assert (distance <= certificate.error_bound * own * (1 + 1e-6)).all()
        assert (distance <= np.abs(moved) * 10.0**-certificate.digits * (1 + 1e-9))[
            certificate.digits > 0
        ].all()
        assert certificate.proves_existence
        assert abs(found.log_likelihood - most) <= certificate.log_likelihood_error + error
    assert proved > 3


def test_a_fit_and_its_judgement_agree():
    model, written = both("y ~ x + z + g + h", survey(800, seed=3), frequency_weights="w")
    sums = held_sums(model)
    fit = fit_as_held(sums)
    of_fit, again = evaluation_of(fit), judged_as_held(sums, fit.beta)
    assert of_fit.certificate.error_bound == fit.error_bound < 1e-10
    assert again.certificate.error_bound < 1e-10
    assert abs(of_fit.log_likelihood - again.log_likelihood) <= (
        of_fit.certificate.log_likelihood_error + again.certificate.log_likelihood_error
    )
    assert of_fit.covariance.diagonal() == pytest.approx(again.covariance.diagonal(), rel=1e-6)
    # no row is kept with the covariance
    assert of_fit.covariance.basis.design.shape[0] == 0
    for found in (of_fit, again):
        certificate = found.certificate
        assert certificate.newton_decrement * certificate.radius < 0.5
        # what they say is one thing: -log(1 - lambda R) / R, for the MLE's distance
        product = certificate.newton_decrement * certificate.radius
        assert -math.log1p(-product) / certificate.radius <= certificate.error_bound * 1.02 + 1e-300
    assert certify(model, fit.beta).error_bound == again.certificate.error_bound
    moved = fit.beta + 1e-3 * np.sqrt(again.covariance.diagonal())
    assert certify(model, moved).error_bound == pytest.approx(
        certify(written, moved).error_bound, rel=0.05
    )


def test_nothing_is_proved_far_away_or_where_the_way_is_too_long(monkeypatch):
    frame = survey(200, seed=4)
    model = both("y ~ x + g", frame)[0]
    sums, k = held_sums(model), model.n_parameters
    for beta in (np.full(k, 9.0), np.full(k, 1e200), np.full(k, -700.0)):
        assert judged_as_held(sums, beta) is None
    beta = fit_newton(model).coefficients
    assert judged_as_held(sums, beta) is not None
    frame["x"] += 1e16
    assert judged_as_held(held_sums(both("y ~ x + g", frame)[0]), beta) is None
    monkeypatch.setattr(judgement, "LARGEST_PRODUCT", 1e-20)
    assert judged_as_held(sums, beta) is None


def test_separated_rows_are_never_proved_to_overlap():
    frame, rng = survey(80, seed=5), np.random.default_rng(6)
    frame.loc[frame["g"] == "red", "y"] = 0
    model = both("y ~ x + g + h", frame)[0]
    sums, k = held_sums(model), model.n_parameters
    for size in (0.0, 0.1, 1.0, 5.0, 20.0):
        for _ in range(5):
            assert judged_as_held(sums, size * rng.normal(size=k)) is None


def test_no_bound_is_violated_where_contrasts_are_mapped():
    frame, rng = survey(120, seed=7), np.random.default_rng(8)
    model, written = both("y ~ x + C(s, contr.sum) + h", frame, frequency_weights="w")
    sums, rows = held_sums(model), written.rows
    assert sums.basis.contrasted
    start = fit_newton(written)
    beta, _ = mp_fit(written.design, rows.response, rows.weights, start=start.coefficients)
    last = fit_as_held(sums)
    assert last is not None
    ours = evaluation_of(last)
    errors = np.sqrt(ours.covariance.diagonal())
    assert errors == pytest.approx(start.standard_errors, rel=1e-6)
    apart = np.abs(last.beta - beta) / errors
    assert apart.max() <= ours.certificate.error_bound * (1 + 1e-6) + 1e-15
    for size in 10.0 ** rng.uniform(-14, -1, repeated(8)):
        moved = beta + size * errors * rng.uniform(-1, 1, len(beta))
        found = judged_as_held(sums, moved)
        if found is None and size > 1e-2:  # further than the theorem reaches
            continue
        apart = (np.abs(moved - beta) - 2.0**-52 * np.abs(beta)) / errors
        assert apart.max() <= found.certificate.error_bound * (1 + 1e-6)
