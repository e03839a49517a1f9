"""What an estimate states is not believed: it is computed again, and a change is told."""

import json
from dataclasses import fields, replace

import numpy as np
import pytest
from coded_models import both, survey
from damaged_files import at, numbers_in, reseal_estimate, with_another_number, write
from multiplier import repeated
from problems import CASES, simulated

from flatprior.analysis import predict
from flatprior.models import (
    BernoulliLogistic,
    PointEstimate,
    certify,
    estimate as estimate_module,
    fit_newton,
    fit_sklearn,
    load_spector,
    verify,
)
from flatprior.models.certificate import evaluate
from flatprior.models.codes.inverse import Inverse
from flatprior.models.estimate import fit_of, recomputed, require_computed
from flatprior.models.evaluation import Diagonal

# of its own course a route may say anything: it does not follow from coefficients and data
HISTORY = ("n_iterations", "seconds", "before_finish")


def forged(fit):
    """What a file could state: standard errors a tenth of what they are, a higher likelihood."""
    return replace(
        fit,
        covariance=fit.covariance / 100,
        log_likelihood=-1.0,
        certificate=replace(fit.certificate, error_bound=1e-300, digits=fit.certificate.digits + 9),
        converged=True,
        warnings=(),
    )


@pytest.mark.parametrize("name", ["spector", "lbw_stata", "ohio", "exact_k8_s60"])
def test_only_coefficients_are_believed(name):
    model = CASES[name].model
    fit = fit_newton(model)
    found, again = fit_of(model, forged(fit)), evaluate(model.rows, fit.coefficients)
    assert np.array_equal(found.coefficients, fit.coefficients)
    assert np.array_equal(found.covariance, again.covariance, equal_nan=True)
    assert found.log_likelihood == again.log_likelihood
    assert found.certificate.to_dict() == certify(model, fit.coefficients).to_dict()
    assert found.converged == np.isfinite(again.certificate.error_bound)
    assert found.warnings == model.warnings
    assert found.provenance.n_observations == model.n_observations


def test_an_estimate_of_other_data_is_computed_on_these():
    case = CASES["spector"]
    twice = BernoulliLogistic.from_arrays(
        case.frame, case.response, frequency_weights=np.full(len(case.response), 2)
    )
    fit = fit_newton(twice)
    with pytest.raises(ValueError, match="another model"):
        fit_of(case.model, fit)
    found = recomputed(case.model, fit)
    assert found.standard_errors == pytest.approx(fit.standard_errors * np.sqrt(2), rel=1e-9)
    assert found.provenance.data_hash == case.model.data_hash
    assert found.provenance.n_observations == 32


def saved(tmp_path):
    """Estimates of several routes and cases as files hold them, each with its model."""
    X, y = simulated(20_000, 3, seed=1)  # its certificate is of the last step
    models = [CASES[name].model for name in ("spector", "lbw_stata", "challenger")]
    models.append(BernoulliLogistic.from_arrays(X, y))
    for i, model in enumerate(models):
        for fit in (fit_newton, fit_sklearn)[: 2 if i < 3 else 1]:
            path = tmp_path / "fit.json"
            fit(model).save(path)
            assert verify(model, PointEstimate.load(path)).proves_existence
            yield model, json.loads(path.read_text())


def test_every_number_that_is_changed_in_a_saved_estimate_is_told(tmp_path):
    rng = np.random.default_rng(1)
    estimates = list(saved(tmp_path))
    for _ in range(repeated(30)):
        model, facts = estimates[rng.integers(len(estimates))]
        paths = list(numbers_in(facts))
        path = paths[rng.integers(len(paths))]
        changed = with_another_number(facts, path, rng)
        with pytest.raises(ValueError, match="changed or damaged after it was written"):
            PointEstimate.load(write(tmp_path / "g.json", changed))
        if path[0] in HISTORY:
            continue
        if path[:2] in (("certificate", "radius"), ("certificate", "digits")) and (
            at(changed, path) > at(facts, path)
            if path[1] == "radius"
            else abs(at(changed, path) - at(facts, path)) <= 0.2
        ):
            continue  # a larger radius is one too, and digits are as uncertain as standard errors
        if path[:2] == ("certificate", "log_likelihood_error") and at(changed, path) < 1e-7:
            continue  # itself of the size of rounding, which another machine's differs from
        if path[:2] == ("certificate", "standard_errors_within") and at(changed, path) < 1e-6:
            continue  # likewise
        write(tmp_path / "g.json", reseal_estimate(changed))
        with pytest.raises(ValueError):  # noqa: PT011  (each says what it is)
            verify(model, PointEstimate.load(tmp_path / "g.json"))


@pytest.mark.parametrize("size", [0.2, 0.01, 1e-4])
def test_a_covariance_that_is_a_little_wrong_is_told(size):
    model = CASES["spector"].model
    fit = fit_newton(model)
    with pytest.raises(ValueError, match="the covariance that the estimate states"):
        verify(model, replace(fit, covariance=fit.covariance * (1 + size)))
    one = fit.covariance.copy()
    one[0, 1] = one[1, 0] = one[0, 1] * (1 + size)  # no standard error is another
    with pytest.raises(ValueError, match="the covariance that the estimate states"):
        verify(model, replace(fit, covariance=one))


def test_each_part_of_a_certificate_is_held_against_the_others():
    model = CASES["spector"].model
    fit = fit_newton(model)
    stated = fit.certificate
    for change in (
        {"newton_decrement": stated.newton_decrement / 10},
        {"newton_decrement": stated.newton_decrement * 10},
        {"radius": stated.radius / 10},
        {"error_bound": 1e-99},
        {"error_bound": 1e-3},
        {"error_bound": np.inf},
        {"digits": stated.digits - 1},
        {"digits": stated.digits + 0.5},
        {"proves_existence": False},
        {"log_likelihood_error": stated.log_likelihood_error / 1e6},
        {"log_likelihood_error": 1e-3},
        {"standard_errors_within": 1e-20},
        {"standard_errors_within": 1e-3},
    ):
        with pytest.raises(ValueError, match="fit the model again"):
            verify(model, replace(fit, certificate=replace(stated, **change)))
    with pytest.raises(ValueError, match="states 33 observations, the model has 32"):
        verify(model, replace(fit, provenance=replace(fit.provenance, n_observations=33)))


def test_an_estimate_from_a_file_needs_its_model(tmp_path):
    model = CASES["spector"].model
    fit_newton(model).save(tmp_path / "fit.json")
    loaded = PointEstimate.load(tmp_path / "fit.json")
    with pytest.raises(ValueError, match=r"as stated in fit.json, unverified.*model=model"):
        require_computed(replace(loaded, route="other"))
    require_computed(fit_of(model, loaded))
    require_computed(PointEstimate.load(tmp_path / "fit.json", model=model))


@pytest.mark.parametrize("stated", ["0f" * 16, "ab" * 32])  # XXH3 of old, and SHA-256 before
def test_a_hash_of_an_earlier_version_is_called_that_and_the_data_are_not_accused(stated):
    model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    fit = fit_newton(model)
    old = replace(fit, provenance=replace(fit.provenance, data_hash=stated))
    said = rf"has a data hash of another version of flatprior \({stated[:12]}\.\.\.\).*make it anew"
    with pytest.raises(ValueError, match=f"the estimate {said}"):
        verify(model, old)
    with pytest.raises(ValueError, match=f"the estimate {said}"):
        predict(model, old, load_spector())
    other = BernoulliLogistic.from_formula("grade ~ gpa", load_spector()[1:])
    with pytest.raises(ValueError, match=r"the data are not those.*hash is 3:"):
        verify(other, fit)


def test_what_a_subclass_says_of_standard_errors_is_not_used():
    model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    fit = fit_newton(model)

    class Better(type(fit)):
        standard_errors = property(lambda self: np.full(2, 1e-6))

    better = Better(**{each.name: getattr(fit, each.name) for each in fields(fit)})
    assert np.allclose(recomputed(model, better).standard_errors, fit.standard_errors)


def test_a_bound_of_less_than_rounding_is_told_by_the_digits_of_any_coefficient():
    # two tables of one log odds ratio, 0: of the slope no digit is certain, whatever is stated
    X = np.column_stack([np.ones(8), np.tile([-1.0, 1.0], 4)])
    model = BernoulliLogistic.from_arrays(X, [1, 1, 0, 0, 0, 0, 0, 0])
    fit = fit_newton(model)
    stated = fit.certificate
    assert stated.digits[1] == 0
    tight = replace(
        stated,
        newton_decrement=stated.newton_decrement / 1e3,
        error_bound=stated.error_bound / 1e3,
        digits=stated.digits + np.array([3.0, 0.0]),
    )
    with pytest.raises(ValueError, match=r"states an error bound of .* its coefficients give"):
        verify(model, replace(fit, certificate=tight))


@pytest.mark.parametrize("columns", [{}, {"frequency_weights": "w", "offset": "o"}], ids=["", "wo"])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_an_estimate_of_codes_stands_and_a_change_of_it_is_told(columns, shift, tmp_path):
    frame = survey(500, seed=1)
    frame["x"] += shift
    model, written = both("y ~ x + z + g + h", frame, **columns)
    fit = fit_newton(model)
    for judge in (model, written) if not shift else (model,):  # whichever way the design is held
        assert verify(judge, fit).proves_existence
        assert verify(judge, fit_newton(written)).proves_existence
    fit.save(tmp_path / "fit.json")
    assert verify(model, PointEstimate.load(tmp_path / "fit.json")).proves_existence
    with pytest.raises(ValueError, match="log-likelihood"):
        verify(model, replace(fit, log_likelihood=fit.log_likelihood + 0.1))
    with pytest.raises(ValueError, match="covariance"):
        verify(model, replace(fit, covariance=fit.covariance * 1.01))
    moved = fit.coefficients + fit.standard_errors / 100
    with pytest.raises(ValueError, match=r"log-likelihood|error bound"):
        verify(model, replace(fit, coefficients=moved))


def test_a_fit_of_columns_written_out_is_believed_where_they_are_codes_and_more_or_less_is_proved():
    for n, shift in ((20_000, 0.0), (300, 1e5)):
        frame = survey(n, seed=3)
        frame["x"] += shift
        model, written = both("y ~ x + z + g + h", frame)
        stated = fit_newton(written)
        here, there = certify(model, stated.coefficients), stated.certificate
        assert max(here.error_bound, there.error_bound) > 2 * min(
            here.error_bound, there.error_bound
        )
        assert verify(model, stated).proves_existence
        with pytest.raises(ValueError, match="error bound"):
            verify(model, replace(stated, certificate=replace(there, error_bound=1e-6)))


def test_variances_alone_are_held_against_those_that_follow(tmp_path, monkeypatch):
    model, _ = both("y ~ x + g + h", survey(400, seed=2))
    monkeypatch.setattr(estimate_module, "MOST_STORED", 3)
    fit = fit_newton(model)
    fit.save(tmp_path / "fit.json")
    with monkeypatch.context() as patch:
        patch.setattr(Inverse, "matrix", property(lambda self: pytest.fail("it was formed")))
        loaded = PointEstimate.load(tmp_path / "fit.json")
        assert verify(model, loaded).proves_existence
        assert verify(model, fit).proves_existence
        variances = fit.standard_errors**2
        variances[2] *= 1.01
        wrong = replace(loaded, covariance=Diagonal(variances, "was not saved"))
        with pytest.raises(ValueError, match="covariance"):
            verify(model, wrong)


@pytest.mark.parametrize("mean", [0.0, 1e3, 1e4, 1e5])
def test_a_fit_of_codes_is_verified_on_columns_far_from_zero(mean):
    frame = survey(400, seed=41)
    frame["x"] = mean + np.random.default_rng(42).normal(size=400)
    held, written = both("y ~ x + z + g + h", frame)
    for fitted, other in ((held, written), (written, held)):
        fit = fit_newton(fitted)
        assert verify(other, fit).proves_existence
        better = replace(fit.certificate, error_bound=fit.certificate.error_bound / 100)
        with pytest.raises(ValueError, match=r"states|contradict"):
            verify(other, replace(fit, certificate=better))
