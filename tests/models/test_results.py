import dataclasses
import json
import math

import numpy as np
import pytest

from flatprior.models import (
    BernoulliLogistic,
    Certificate,
    PointEstimate,
    Posterior,
    fit_newton,
)
from flatprior.models.common.text import COUNTS
from flatprior.models.results import (
    Certificate,
    Provenance,
    check_probability,
    percentages,
    versions_of,
)


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": "other/9"}', "\x80\x04junk"])
def test_other_files_are_refused_in_words(tmp_path, content):
    path = tmp_path / "file"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ValueError, match="is not an estimate saved by flatprior"):
        PointEstimate.load(path)
    with pytest.raises(ValueError, match="does not hold draws saved by flatprior"):
        Posterior.load(path)


CERTIFICATES = (
    Certificate(1e-9, 2.5, 1e-8, np.array([7.0, 8.25]), True, 1e-12),
    Certificate(1e-300, math.inf, math.inf, np.zeros(3), False),
    Certificate.refused(2, proves_existence=True),
)


@pytest.mark.parametrize("certificate", CERTIFICATES)
def test_a_certificate_comes_back_from_json_as_it_was(certificate):
    facts = json.loads(json.dumps(certificate.to_dict(), allow_nan=False))
    again = Certificate.from_dict(facts)
    assert again.to_dict() == certificate.to_dict()
    assert again.error_bound == certificate.error_bound
    assert np.array_equal(again.digits, certificate.digits)
    del facts["log_likelihood_error"]  # earlier versions stated none
    assert Certificate.from_dict(facts).log_likelihood_error == math.inf


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("newton_decrement", 0),
        ("newton_decrement", "1"),
        ("radius", -1e-9),
        ("error_bound", 0.0),
        ("error_bound", True),
        ("log_likelihood_error", -1.0),
        ("proves_existence", 1),
        ("digits", [1.0, None]),
        ("digits", [-0.5]),
        ("digits", "7"),
    ],
)
def test_no_other_numbers_are_a_certificate(name, value):
    facts = CERTIFICATES[0].to_dict() | {name: value}
    with pytest.raises(ValueError, match=r"certificate|where a number must be"):
        Certificate.from_dict(facts)


def test_a_provenance_comes_back_and_counts_that_cannot_be_are_refused():
    model = BernoulliLogistic.from_arrays(
        [1.0, 2.0, 3.0], [0, 1, 0], offset=[0.1, 0, 0], frequency_weights=[2, 1, 1]
    )
    first = fit_newton(model).provenance
    facts = json.loads(json.dumps(dataclasses.asdict(first)))
    assert Provenance.from_dict(facts) == first
    assert first.said == "4 observations in 3 rows (frequency weights: (array)), offset: (array)"
    assert first.notes == (COUNTS,)
    assert Provenance.from_dict(facts | {"frequency_weights": None}).notes == ()
    for name, value in (
        ("n_observations", 0), ("n_observations", 4.0), ("n_observations", True),
        ("n_rows", 0), ("n_rows", 5), ("formula", 1), ("data_hash", None),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=r"^its "):
            Provenance.from_dict(facts | {name: value})


def test_the_ends_of_an_interval_are_named_without_rounding():
    assert percentages(0.95) == ("2.5%", "97.5%")
    assert percentages(0.9) == ("5%", "95%")
    assert percentages(0.999) == ("0.05%", "99.95%")
    for prob in (0.0, 1.0, -1, 2, math.nan, "0.5", None, 1j):
        with pytest.raises(ValueError, match="prob must lie between 0 and 1"):
            check_probability(prob)
    check_probability(np.float32(0.5))


def test_versions_are_those_installed_and_a_missing_one_is_said():
    found = versions_of("numpy", "no-such-package")
    assert list(found) == ["python", "flatprior", "numpy", "no-such-package"]
    assert found["numpy"] == np.__version__
    assert found["no-such-package"] == "not installed"
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


@pytest.mark.parametrize(
    "name", ["newton_decrement", "radius", "error_bound", "log_likelihood_error"]
)
@pytest.mark.parametrize("value", [0.0, -1e-12])
def test_no_certificate_states_an_error_of_nothing(name, value):
    facts = fit_newton(CASES["spector"].model).certificate.to_dict()
    assert Certificate.from_dict(facts).to_dict() == facts
    with pytest.raises(ValueError, match="its certificate is damaged"):
        Certificate.from_dict(facts | {name: value})
