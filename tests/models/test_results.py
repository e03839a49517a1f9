import dataclasses
import json
import math

import numpy as np
import pytest
from problems import CASES

from flatprior.models import (
    BernoulliLogistic,
    PointEstimate,
    Posterior,
    fit_newton,
)
from flatprior.models.common.text import COUNTS
from flatprior.models.results import (
    Certificate,
    Provenance,
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
    Certificate(
        newton_decrement=1e-9,
        radius=2.5,
        error_bound=1e-8,
        digits=np.array([7.0, 8.25]),
        proves_existence=True,
        log_likelihood_error=1e-12,
        standard_errors_within=1e-10,
    ),
    Certificate(
        newton_decrement=1e-300,
        radius=math.inf,
        error_bound=math.inf,
        digits=np.zeros(3),
        proves_existence=False,
    ),
    Certificate.refused(2, proves_existence=True),
)


@pytest.mark.parametrize("certificate", CERTIFICATES)
def test_a_certificate_comes_back_from_json_as_it_was(certificate):
    facts = json.loads(json.dumps(certificate.to_dict(), allow_nan=False))
    again = Certificate.from_dict(facts)
    assert again.to_dict() == certificate.to_dict()
    assert again.error_bound == certificate.error_bound
    assert np.array_equal(again.digits, certificate.digits)
    for name in ("log_likelihood_error", "standard_errors_within"):
        del facts[name]  # earlier versions stated none
        assert getattr(Certificate.from_dict(facts), name) == math.inf


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("newton_decrement", 0),
        ("newton_decrement", "1"),
        ("radius", -1e-9),
        ("error_bound", 0.0),
        ("error_bound", True),
        ("log_likelihood_error", -1.0),
        ("standard_errors_within", 0.0),
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


def test_versions_are_those_installed_and_a_missing_one_is_said():
    found = versions_of("numpy", "no-such-package")
    assert list(found) == ["python", "flatprior", "numpy", "no-such-package"]
    assert found["numpy"] == np.__version__
    assert found["no-such-package"] == "not installed"


@pytest.mark.parametrize(
    "name",
    [
        *("newton_decrement", "radius", "error_bound"),
        *("log_likelihood_error", "standard_errors_within"),
    ],
)
@pytest.mark.parametrize("value", [0.0, -1e-12])
def test_no_certificate_states_an_error_of_nothing(name, value):
    facts = fit_newton(CASES["spector"].model).certificate.to_dict()
    assert Certificate.from_dict(facts).to_dict() == facts
    with pytest.raises(ValueError, match="its certificate is damaged"):
        Certificate.from_dict(facts | {name: value})
