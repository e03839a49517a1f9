import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from coded_models import both, survey
from problems import CASES

import flatprior as fp
from flatprior.models import (
    Certificate,
    PointEstimate,
    estimate as estimate_module,
    fit_newton,
    verify,
)
from flatprior.models.codes.inverse import Inverse
from flatprior.models.common.errors import InputError
from flatprior.models.estimate import changed, fit_of, is_near
from flatprior.models.evaluation import Diagonal


@pytest.fixture(scope="module")
def spector():
    data = fp.load_spector()
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    theirs = sm.Logit(data["grade"], sm.add_constant(data[["gpa", "tuce", "psi"]])).fit(disp=0)
    return model, fp.fit_newton(model), theirs


def test_names_that_people_type_give_what_statsmodels_gives(spector):
    _, fit, theirs = spector
    assert list(fit.params.index) == ["Intercept", "gpa", "tuce", "psi"]
    for name in ("params", "bse", "pvalues"):
        assert getattr(fit, name).to_numpy() == pytest.approx(getattr(theirs, name), rel=1e-6)
    assert fit.nobs == theirs.nobs
    for alpha in (0.05, 0.2):
        assert fit.conf_int(alpha).to_numpy() == pytest.approx(
            theirs.conf_int(alpha).to_numpy(), rel=1e-6
        )


def test_the_columns_of_an_interval_say_its_ends(spector):
    _, fit, _ = spector
    assert list(fit.conf_int().columns) == ["2.5%", "97.5%"]
    for alpha in (95, 0.0, "0.05", None, np.array([0.05, 0.1])):
        with pytest.raises(fp.FlatpriorError, match="alpha must lie between 0 and 1, not"):
            fit.conf_int(alpha)


def test_observations_are_counted_by_their_weights():
    weights = [3, 2, 4]
    model = fp.BernoulliLogistic.from_arrays([1.0, 2.0, 3.0], [0, 1, 0], frequency_weights=weights)
    assert fp.fit_newton(model).nobs == 9


def test_what_a_file_states_says_so_in_every_series(spector, tmp_path):
    model, fit, _ = spector
    fit.save(tmp_path / "fit.json")
    stated = fp.PointEstimate.load(tmp_path / "fit.json")
    for series in (stated.params, stated.bse, stated.pvalues):
        assert "unverified" in series.name
    again = fp.PointEstimate.load(tmp_path / "fit.json", model=model)
    assert again.params.name == "coefficient"
    assert np.array_equal(again.params, fit.params)


def test_a_wald_test_takes_the_model_first_as_every_other_test_does(spector):
    model, fit, theirs = spector
    expected = float(np.squeeze(theirs.wald_test("psi = 0", scalar=True).statistic))
    for test in (
        fp.wald_test(model, fit, "psi"),
        fp.wald_test(fit, "psi"),
        fp.wald_test(fit, "psi", model=model),
        fp.wald_test(model, fit, hypothesis="psi"),
    ):
        assert test.statistic == pytest.approx(expected, rel=1e-6)
    assert fp.wald_test(model, fit, np.eye(4)[1], 2.0).hypothesis == "gpa = 2"


def test_an_estimate_survives_disk_exactly(tmp_path):
    fit = fit_newton(CASES["spector"].model)
    fit.save(tmp_path / "fit.json")
    loaded = PointEstimate.load(tmp_path / "fit.json")
    assert loaded.to_dict() == fit.to_dict()
    assert np.array_equal(loaded.covariance, fit.covariance)


def test_the_file_holds_hash_and_versions_but_no_data(tmp_path):
    case = CASES["spector"]
    fit = fit_newton(case.model)
    fit.save(tmp_path / "fit.json")
    facts = json.loads((tmp_path / "fit.json").read_text())
    assert facts["provenance"]["data_hash"] == case.model.data_hash
    assert {"python", "flatprior", "numpy"} <= set(facts["provenance"]["versions"])
    assert all(
        len(value) != len(case.response) for value in facts.values() if isinstance(value, list)
    )


def test_an_infinite_bound_survives_disk(tmp_path):
    from flatprior.models.estimate import estimate

    model = CASES["spector"].model
    far = estimate(
        model,
        np.zeros(4) + 50,
        route="x",
        packages=(),
        converged=False,
        message="far away",
        n_iterations=0,
        seconds=0.0,
    )
    assert far.certificate.error_bound == np.inf
    far.save(tmp_path / "far.json")
    loaded = PointEstimate.load(tmp_path / "far.json")
    assert loaded.certificate.error_bound == np.inf
    assert np.array_equal(loaded.covariance, far.covariance, equal_nan=True)


def test_odds_ratios_are_the_coefficients_transformed():
    fit = fit_newton(CASES["lbw_stata"].model)
    table, summary = fit.odds_ratios(0.9), fit.summary(0.9)
    assert list(table.columns) == ["odds ratio", "5%", "95%"]
    assert table["odds ratio"].to_numpy() == pytest.approx(np.exp(fit.coefficients), rel=1e-15)
    assert np.log(table["95%"]).to_numpy() == pytest.approx(summary["95%"], rel=1e-13)
    for prob in ("a", "0.9", None, 1j, [0.9], True, float("nan")):
        with pytest.raises(ValueError, match="prob must lie between"):
            fit.summary(prob=prob)
    with pytest.raises(ValueError, match="prob must lie between"):
        fit.odds_ratios(2)


def test_an_estimate_saved_before_rows_offset_and_weights_were_named_still_loads(tmp_path):
    case = CASES["spector"]
    fit = fit_newton(case.model)
    facts = fit.to_dict()
    for name in ("n_rows", "offset", "frequency_weights"):
        del facts["provenance"][name]
    del facts["certificate"]["log_likelihood_error"]
    (tmp_path / "old.json").write_text(json.dumps(facts))
    loaded = PointEstimate.load(tmp_path / "old.json")
    assert loaded.provenance.n_rows is None
    assert loaded.certificate.log_likelihood_error == np.inf
    assert "its maximum" not in str(loaded)
    assert verify(case.model, loaded).proves_existence


def saved(tmp_path):
    fit = fit_newton(CASES["spector"].model)
    fit.save(tmp_path / "fit.json")
    return fit, json.loads((tmp_path / "fit.json").read_text())


DAMAGED = {
    "an integer of 309 digits": ("coefficients", 0, 10**308 * 17),
    "a larger one": ("log_likelihood", 10**4000),
    "no observations": ("provenance", "n_observations", 0),
    "fewer than none": ("provenance", "n_observations", -32),
    "half an observation": ("provenance", "n_observations", 1.5),
    "true observations": ("provenance", "n_observations", True),
    "text for a number": ("coefficients", 1, "1.5"),
    "a truth for a number": ("covariance", 1, 1, True),
    "lists in lists": ("coefficients", [[[[[1.0]]]]]),
    "very many names": ("names", ["x"] * 200_000),
    "one name twice": ("names", 1, "const"),
    "no names": ("names", []),
    "negative variances": ("covariance", 2, 2, -1.0),
    "half a covariance": ("covariance", 2, 2, None),
    "standard errors of another covariance": ("standard_errors", 0, 1e-3),
    "another AIC": ("aic", 0.0),
    "another BIC": ("bic", 0.0),
    "times before the beginning": ("seconds", -1.0),
    "junk for a certificate": ("certificate", {"digits": {}}),
    "junk for digits": ("certificate", "digits", "13"),
    "a list for everything": ("provenance", []),
    "junk for versions": ("provenance", "versions", 3),
    "iterations without an end": ("n_iterations", 2**80),
    "one warning": ("warnings", "none"),
    "an unknown format": ("format", 10**400),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_a_damaged_estimate_is_refused_in_one_sentence(what, tmp_path):
    _, facts = saved(tmp_path)
    *path, key, value = DAMAGED[what]
    part = facts
    for step in path:
        part = part[step]
    part[key] = value
    del facts["checksum"]
    with_integers = json.dumps(facts)
    (tmp_path / "fit.json").write_text(with_integers)
    with pytest.raises(ValueError, match="is not an estimate saved by flatprior") as caught:
        PointEstimate.load(tmp_path / "fit.json")
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def test_an_estimate_that_was_changed_by_hand_is_told_by_its_checksum(tmp_path):
    fit, facts = saved(tmp_path)
    facts["seconds"] += 1
    (tmp_path / "fit.json").write_text(json.dumps(facts))
    with pytest.raises(ValueError, match="changed or damaged after it was written"):
        PointEstimate.load(tmp_path / "fit.json")
    # what another program writes of the same numbers is the same estimate
    _, facts = saved(tmp_path)
    facts["n_iterations"] = float(facts["n_iterations"])
    backwards = dict(reversed(facts.items()))
    backwards["n_iterations"] = int(backwards["n_iterations"])
    (tmp_path / "fit.json").write_text(json.dumps(backwards))
    assert PointEstimate.load(tmp_path / "fit.json").to_dict()["aic"] == fit.aic


def test_an_estimate_from_a_file_says_so_in_its_first_line(tmp_path):
    fit, _ = saved(tmp_path)
    model = CASES["spector"].model
    loaded = PointEstimate.load(tmp_path / "fit.json")
    first, second, *_ = str(loaded).splitlines()
    assert first == "As stated in fit.json, unverified: standard errors and all else"
    assert second.startswith("Route newton")
    assert "(stated)" in str(loaded)
    assert "(proved)" not in str(loaded)
    for shown in (loaded.summary(), loaded.odds_ratios(), replace(loaded, route="x").summary()):
        assert str(shown).splitlines()[0].startswith("as stated in fit.json, unverified")
    again = PointEstimate.load(tmp_path / "fit.json", model=model)
    assert str(again).splitlines()[0].startswith("Route newton")
    assert str(again.summary()) == str(fit_of(model, fit).summary())
    assert again.read_from is None
    other = CASES["pima_tr"].model
    with pytest.raises(ValueError, match="another model"):
        PointEstimate.load(tmp_path / "fit.json", model=other)
    loaded.save(tmp_path / "again.json")
    assert PointEstimate.load(tmp_path / "again.json").read_from == "again.json"


def test_far_off_in_standard_errors_every_coefficient_must_have_its_digits():
    def certificate(bound, *digits):
        return Certificate(
            newton_decrement=bound / 2,
            radius=0.1,
            error_bound=bound,
            digits=np.array(digits),
            proves_existence=True,
        )

    assert is_near(certificate(0.5, 0.0, 0.0))
    assert is_near(certificate(3.0, 8.0, 7.0))
    assert not is_near(certificate(3.0, 8.0, 2.0))
    assert not is_near(certificate(np.inf, 8.0, 8.0))


def test_a_covariance_of_codes_is_formed_when_it_is_asked_for(monkeypatch):
    model, written = both("y ~ x + z + g + h", survey(600, seed=1))
    fit, whole = fit_newton(model), fit_newton(written)
    held = vars(fit)["covariance"]
    assert isinstance(held, Inverse)
    with monkeypatch.context() as patch:
        patch.setattr(Inverse, "matrix", property(lambda self: pytest.fail("it was formed")))
        assert fit.standard_errors == pytest.approx(whole.standard_errors, rel=1e-6)
        assert len(fit.summary()) == model.n_parameters
        assert "z" in str(fit)
        assert changed(fit, message="again").standard_errors.shape == (model.n_parameters,)
    scale = np.outer(whole.standard_errors, whole.standard_errors)
    assert isinstance(fit.covariance, np.ndarray)
    assert fit.covariance / scale == pytest.approx(whole.covariance / scale, abs=2e-6)
    assert fit.covariance is fit.covariance
    # no row of the data is kept with it
    assert held.basis.design.shape == (0, model.n_parameters)
    again = fit_of(model, fit)
    assert again.standard_errors == pytest.approx(fit.standard_errors, rel=1e-6)


def test_a_file_of_many_coefficients_holds_standard_errors_alone(tmp_path, monkeypatch):
    model, _ = both("y ~ x + g + h", survey(400, seed=2))
    fit = fit_newton(model)
    fit.save(tmp_path / "whole.json")
    k = model.n_parameters
    assert np.array_equal(PointEstimate.load(tmp_path / "whole.json").covariance, fit.covariance)
    monkeypatch.setattr(estimate_module, "MOST_STORED", k - 1)
    fit.save(tmp_path / "many.json")
    assert json.loads((tmp_path / "many.json").read_text())["covariance"] is None
    loaded = PointEstimate.load(tmp_path / "many.json")
    assert isinstance(vars(loaded)["covariance"], Diagonal)
    assert loaded.standard_errors == pytest.approx(fit.standard_errors, rel=1e-15)
    assert len(loaded.summary()) == k
    with pytest.raises(InputError, match=f"the covariance of {k} coefficients was not saved"):
        _ = loaded.covariance
    # saved and read once more it is the same
    loaded.save(tmp_path / "again.json")
    again = PointEstimate.load(tmp_path / "again.json")
    assert again.standard_errors == pytest.approx(fit.standard_errors, rel=1e-14)
    # with its model it is computed
    computed = PointEstimate.load(tmp_path / "many.json", model=model)
    assert computed.covariance == pytest.approx(fit.covariance, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("change", [-1.0, 2.0, None, "text"])
def test_standard_errors_that_stand_alone_are_checked(change, tmp_path, monkeypatch):
    model, _ = both("y ~ x + g", survey(300, seed=3))
    monkeypatch.setattr(estimate_module, "MOST_STORED", 2)
    facts = fit_newton(model).to_dict()
    errors = facts["standard_errors"]
    for wrong in (
        [change, *errors[1:]] if change != 2.0 else errors[1:],
        None,
        [errors] * len(errors),
    ):
        (tmp_path / "damaged.json").write_text(json.dumps(facts | {"standard_errors": wrong}))
        with pytest.raises(InputError):
            PointEstimate.load(tmp_path / "damaged.json")
    # few coefficients have a covariance
    monkeypatch.setattr(estimate_module, "MOST_STORED", 1000)
    (tmp_path / "damaged.json").write_text(json.dumps(facts))
    with pytest.raises(InputError):
        PointEstimate.load(tmp_path / "damaged.json")


def test_an_estimate_of_a_thousand_levels_survives_disk(tmp_path):
    rng = np.random.default_rng(4)
    n, levels = 8000, 1001
    frame = pd.DataFrame(
        {
            "y": np.arange(n) // levels % 2,
            "x": rng.normal(size=n),
            "g": np.array([f"l{i:04d}" for i in range(levels)], dtype=object)[
                np.arange(n) % levels
            ],
        }
    )
    model = fp.BernoulliLogistic.from_formula("y ~ x + g", frame)
    fit = fit_newton(model)
    assert fit.certificate.error_bound < 1e-8
    assert len(fit.names) == 1002 > estimate_module.MOST_STORED
    fit.save(tmp_path / "fit.json")
    assert (tmp_path / "fit.json").stat().st_size < 1_000_000
    loaded = PointEstimate.load(tmp_path / "fit.json")
    assert np.array_equal(loaded.coefficients, fit.coefficients)
    assert loaded.standard_errors == pytest.approx(fit.standard_errors, rel=1e-15)
    assert verify(model, loaded).error_bound < 1e-8
