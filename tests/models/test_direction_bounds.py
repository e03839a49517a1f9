import math
from dataclasses import replace

import mpmath
import numpy as np
import pandas as pd
import pytest
from hanging import DIGITS, Exact, hanging
from multiplier import repeated

from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    NotConvergedError,
    PointEstimate,
    certify,
    direction_bounds,
    fit_newton,
    rows as rows_module,
    verify,
)
from flatprior.models.certificate import Evaluation, evaluate
from flatprior.models.covariance.whitening import graded_whitening
from flatprior.models.iterations import iterates
from flatprior.models.likelihood import moments
from flatprior.models.routes.newton import converged_mle

# A variance is not a double, or two outcomes that should not have been hold the balance: the score
# is the rounding of 1 - 1.
BEYOND = {87, 340, 527, 619, 670, 686, 938}


def on_a_rare_level(size: float = 160.0, n: int = 400) -> pd.DataFrame:
    """A level of four rows whose offsets are `size` away from every doubt."""
    rng = np.random.default_rng(3)
    frame = pd.DataFrame({"x": rng.normal(size=n), "rare": np.arange(n) < 4, "o": 0.0})
    frame.loc[frame["rare"], "o"] = size * np.array([1, -1, 1.5, -2])
    eta = (0.3 + 0.5 * frame["x"] + frame["o"]).clip(-500, 500)
    frame["y"] = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(float)
    return frame.assign(rare=frame["rare"].astype(float))


def assert_holds(exact: Exact, mle: mpmath.matrix, beta: np.ndarray, found: Evaluation) -> None:
    """Error bound, digits and log-likelihood against the exact MLE."""
    certificate, errors = found.certificate, exact.errors(beta)
    with mpmath.workdps(DIGITS):
        maximum = exact.sums(mle)[0]
        gap = abs(mpmath.mpf(found.log_likelihood) - maximum)
        assert gap <= certificate.log_likelihood_error
        at_mle = zip(np.sqrt(np.diag(found.covariance)).tolist(), exact.errors(mle), strict=True)
        assert all(abs(se / best - 1) <= certificate.standard_errors_within for se, best in at_mle)
        for value, best, error, digits in zip(
            beta.tolist(), mle, errors, certificate.digits, strict=True
        ):
            away = abs(mpmath.mpf(value) - best)
            assert away <= certificate.error_bound * error
            assert digits == 0 or away <= abs(value) * 10 ** -mpmath.mpf(digits)


def test_no_bound_is_violated_where_a_coefficient_hangs_on_rows_of_no_information():
    by_coordinates = 0
    for seed in range(repeated(16)):
        data = hanging(seed)
        model = data.model
        try:
            fit = fit_newton(model)
        except MLEDoesNotExistError:
            continue
        assert fit.converged or seed in BEYOND
        if not fit.converged:
            continue
        exact = Exact(data)
        mle = exact.mle(fit.coefficients)
        transform = graded_whitening(model.rows, fit.coefficients)
        reach = np.abs(data.X @ transform).max(axis=0)
        rng = np.random.default_rng(seed)
        for size in (0.0, 1e-13, 1e-9, 1e-5, 1e-3, 0.03, 0.3):
            scale = np.maximum(reach, 1.0) if rng.random() < 0.7 else 1.0
            moved = transform @ (size * rng.uniform(-1, 1, size=len(mle)) / scale)
            found = evaluate(model.rows, fit.coefficients + moved)
            by_coordinates += found.by_coordinates
            if math.isfinite(found.certificate.error_bound):
                assert_holds(exact, mle, fit.coefficients + moved, found)
            else:
                assert size > 0
    assert by_coordinates >= 6


def test_every_coefficient_has_its_digits_though_a_standard_error_is_1e35():
    frame = on_a_rare_level()
    fit = fit_newton(BernoulliLogistic.from_formula("y ~ x + rare", frame, offset="o"))
    assert fit.converged
    assert fit.certificate.error_bound < 1e-11
    assert fit.certificate.digits.min() > 10
    assert fit.standard_errors.max() > 1e34
    # the two rows in the middle balance: each is of 160 without the others' exp(-80)
    assert fit.coefficients @ [1, frame["x"][:2].mean(), 1] == pytest.approx(0, abs=1e-10)


def test_the_rows_may_come_in_any_order_and_from_files_and_partitions(tmp_path):
    frame = on_a_rare_level()
    fit = fit_newton(BernoulliLogistic.from_formula("y ~ x + rare", frame, offset="o"))
    frame.iloc[::-1].to_parquet(tmp_path / "rows.parquet", index=False)
    other = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ x + rare", offset="o")
    again = fit_newton(other)
    assert again.converged
    np.testing.assert_allclose(again.coefficients, fit.coefficients, rtol=1e-10)
    assert certify(other, fit.coefficients).digits.min() > 10
    dd = pytest.importorskip("dask.dataframe")
    lazy = BernoulliLogistic.from_dask(
        dd.from_pandas(frame, npartitions=3), "y ~ x + rare", offset="o"
    )
    again = fit_newton(lazy)
    assert again.converged
    np.testing.assert_allclose(again.coefficients, fit.coefficients, rtol=1e-10)


def test_a_certificate_by_coordinates_is_verified_and_what_is_changed_is_told(tmp_path):
    model = BernoulliLogistic.from_formula("y ~ x + rare", on_a_rare_level(), offset="o")
    fit = fit_newton(model)
    fit.save(tmp_path / "fit.json")
    loaded = PointEstimate.load(tmp_path / "fit.json")
    assert verify(model, loaded).error_bound == fit.certificate.error_bound
    stated = fit.certificate
    for change in (
        {"newton_decrement": stated.newton_decrement / 10},
        {"radius": stated.radius / 10},
        {"error_bound": stated.error_bound / 1e6},
        {"error_bound": 1e-3},
        {"digits": stated.digits - 1},
        {"digits": stated.digits + 1},
        {"proves_existence": False},
    ):
        with pytest.raises(ValueError, match="fit the model again"):
            verify(model, replace(fit, certificate=replace(stated, **change)))


def test_a_coefficient_whose_variance_is_not_a_double_is_named():
    model = BernoulliLogistic.from_formula("y ~ x + rare", on_a_rare_level(800.0), offset="o")
    fit = fit_newton(model)
    assert not fit.converged
    assert fit.certificate.error_bound == math.inf
    words = " ".join(str(fit).split())
    assert "there is less information on rare than double precision holds" in words
    with pytest.raises(NotConvergedError, match="less information on rare"):
        converged_mle(model)


def test_nothing_is_proved_of_a_coefficient_that_separates_rows_of_no_information():
    frame = on_a_rare_level()
    frame.loc[frame["rare"] == 1, "y"] = 1.0
    model = BernoulliLogistic.from_formula("y ~ x + rare", frame, offset="o")
    for iterate in iterates(model.rows):
        found = certify(model, iterate.coefficients)
        assert not found.proves_existence
        assert found.error_bound == math.inf
    with pytest.raises(MLEDoesNotExistError):
        fit_newton(model)


def test_a_box_holds_by_the_theorem_computed_anew():
    boxes = 0
    for seed in range(8):
        rng = np.random.default_rng(seed)
        X = np.column_stack([np.ones(80), rng.normal(size=(80, 2))])
        y = (rng.random(80) < 1 / (1 + np.exp(-X @ [0.3, 1.0, -1.0]))).astype(float)
        model = BernoulliLogistic.from_arrays(X, y)
        fit = fit_newton(model)
        transform = graded_whitening(model.rows, fit.coefficients)
        for size in (1e-3, 0.03, 0.1, 0.2):
            beta = fit.coefficients + transform @ rng.uniform(-size, size, size=3)
            sums = direction_bounds.sums(model.rows, beta, transform)
            box = direction_bounds.box(model.rows, beta, transform, sums)
            if box is None:
                continue
            boxes += 1
            rho, Z = box.half_widths, X @ transform
            p = 1 / (1 + np.exp(-X @ beta))
            D, size_of = p * (1 - p), np.abs(Z)
            t = size_of @ rho
            M = Z.T @ (D[:, None] * Z)
            others = np.abs(M - np.diag(np.diag(M)))
            needed = np.abs(Z.T @ (y - p)) + others @ rho + size_of.T @ (D * (np.expm1(t) - t))
            assert (np.diag(M) * rho > needed).all()
            assert t.max() <= box.reach
    assert boxes >= 16


def test_a_box_is_the_same_however_the_rows_are_cut_into_blocks(monkeypatch):
    model = BernoulliLogistic.from_formula("y ~ x + rare", on_a_rare_level(), offset="o")
    fit = fit_newton(model)
    transform = graded_whitening(model.rows, fit.coefficients)

    def box_of():
        rows = replace(model.rows)
        sums = direction_bounds.sums(rows, fit.coefficients, transform)
        return direction_bounds.box(rows, fit.coefficients, transform, sums)

    whole = box_of()
    monkeypatch.setattr(rows_module, "BLOCK_ROWS", 32)
    cut = box_of()  # the rows that move furthest are in the first of 13 blocks
    assert cut.reach == pytest.approx(whole.reach, rel=0.5)
    moved = np.abs(model.design @ transform) @ cut.half_widths
    assert cut.reach >= moved.max()
    assert moved.argmax() < 32


def test_graded_columns_stay_whitened_where_columns_are_nearly_dependent():
    frame = on_a_rare_level()
    noise = np.random.default_rng(8).normal(size=len(frame))
    frame["near"] = frame["x"] + 1e-7 * noise
    model = BernoulliLogistic.from_formula("y ~ x + near + rare", frame, offset="o")
    beta = np.array([0.3, 0.5, 0.0, 0.0])
    transform = graded_whitening(model.rows, beta)
    information = moments(model.arrays.block(slice(None)), beta, transform).information
    assert np.abs(information - np.eye(4)).max() < 1e-6
