"""Whatever an estimate states of itself, nothing but its coefficients goes into a result."""

import json
from dataclasses import replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from problems import CASES

from flatprior.analysis import (
    average_marginal_effects,
    calibration_curve,
    check_posterior,
    compare_models,
    compare_routes,
    diagnose,
    exact_loo,
    goodness_of_fit,
    hauck_donner,
    plot_draws,
    plot_posterior,
    posterior_moments,
    predict,
    predictive_scores,
    psis_loo,
    required_C,
    robust_covariance,
    summarise,
    wald_test,
    write_report,
)
from flatprior.analysis.figures.coefficients import interval_frame
from flatprior.models import (
    BernoulliLogistic,
    PointEstimate,
    fit_newton,
    fit_sklearn,
    sample_independence,
)
from flatprior.models.common.json_values import checksum
from flatprior.models.estimate import fit_of

CASE = CASES["spector"]
MODEL = CASE.model
FIT = fit_of(MODEL, fit_newton(MODEL))
FORGED = replace(
    FIT,
    covariance=FIT.covariance / 100,
    log_likelihood=-1.0,
    certificate=replace(FIT.certificate, error_bound=1e-300, digits=FIT.certificate.digits + 9),
    warnings=(),
)
DRAWS = sample_independence(MODEL, draws=200, seed=1, progress=False)


def from_a_file(tmp_path):
    """The forged estimate as a file holds it, with a checksum of what it states."""
    facts = FORGED.to_dict()
    facts |= {"checksum": checksum(facts)}
    (tmp_path / "forged.json").write_text(json.dumps(facts))
    return PointEstimate.load(tmp_path / "forged.json")


def plain(found):
    """A result as text with all its digits."""
    if isinstance(found, pd.DataFrame):
        return found.to_csv(float_format="%.17g")
    if hasattr(found, "to_dict"):
        return json.dumps(found.to_dict(), default=str)
    return repr(found)


WITH_A_MODEL = {
    "hauck_donner": lambda fit: hauck_donner(MODEL, fit).table(),
    "goodness_of_fit": lambda fit: goodness_of_fit(MODEL, fit),
    "summarise": lambda fit: summarise(MODEL, fit),
    "summarise, robust": lambda fit: summarise(MODEL, fit, robust=robust_covariance(MODEL, fit)),
    "robust_covariance": lambda fit: robust_covariance(MODEL, fit).table(),
    "diagnose": lambda fit: diagnose(MODEL, fit).table(),
    "dfbetas": lambda fit: diagnose(MODEL, fit).dfbetas,
    "exact_loo": lambda fit: exact_loo(MODEL, fit),
    "predict": lambda fit: predict(MODEL, fit, CASE.frame[:3]),
    "effects": lambda fit: average_marginal_effects(MODEL, fit).table(),
    "required_C": lambda fit: required_C(MODEL, fit),
    "wald_test": lambda fit: wald_test(fit, ["gpa", "psi"], model=MODEL),
    "check_posterior": lambda fit: check_posterior(MODEL, DRAWS, fit),
    "posterior_moments": lambda fit: posterior_moments(MODEL, DRAWS, fit),
    "compare_routes": lambda fit: compare_routes(MODEL, fit, fit, DRAWS),
    "its coefficients": lambda fit: compare_routes(MODEL, fit, fit).coefficients(),
    "its message": lambda fit: compare_routes(MODEL, fit, fit).message,
    "its MLE": lambda fit: compare_routes(MODEL, fit, fit).mle,
}


@pytest.mark.parametrize("what", WITH_A_MODEL)
def test_no_stated_number_gets_through_where_a_model_is_in_hand(what, tmp_path):
    result = WITH_A_MODEL[what]
    expected = plain(result(FIT))
    assert plain(result(FORGED)) == expected
    assert plain(result(from_a_file(tmp_path))) == expected


def test_a_wald_test_of_an_estimate_from_a_file_asks_for_the_model(tmp_path):
    loaded = from_a_file(tmp_path)
    right = wald_test(FIT, ["gpa", "psi"])
    assert right.p == pytest.approx(0.0225, abs=5e-5)
    with pytest.raises(ValueError, match=r"unverified.*model=model"):
        wald_test(loaded, ["gpa", "psi"])
    assert wald_test(loaded, ["gpa", "psi"], model=MODEL) == right
    again = PointEstimate.load(tmp_path / "forged.json", model=MODEL)
    assert wald_test(again, ["gpa", "psi"]) == right
    for function in (
        lambda: plot_posterior(DRAWS, loaded),
        lambda: interval_frame(loaded, 0.95),
    ):
        with pytest.raises(ValueError, match="unverified"):
            function()
    assert isinstance(plot_posterior(DRAWS, again), mpl.figure.Figure)
    with pytest.raises(ValueError, match="another model"):
        wald_test(FIT, "gpa", model=CASES["pima_tr"].model)


def test_standard_errors_of_an_agreement_are_those_of_its_model():
    # the same rows twice: the MLE is the same, standard errors are smaller by the root of 2
    twice = BernoulliLogistic.from_arrays(
        pd.concat([CASE.frame] * 2, ignore_index=True), np.tile(CASE.response, 2)
    )
    other = fit_newton(twice)
    for results in ((other, fit_sklearn(MODEL)), (fit_sklearn(MODEL), other), (other, other)):
        agreement = compare_routes(MODEL, *results)
        assert agreement.mle.standard_errors == pytest.approx(FIT.standard_errors, rel=1e-9)
        assert agreement.mle.log_likelihood == pytest.approx(FIT.log_likelihood, rel=1e-12)
        assert agreement.mle.provenance.n_observations == 32
        column = agreement.coefficients()["standard error"].to_numpy()
        assert column == pytest.approx(FIT.standard_errors, rel=1e-9)
        facts = agreement.to_dict()["routes"][results.index(other)]
        assert facts["standard_errors"] == pytest.approx(FIT.standard_errors, rel=1e-9)
        assert facts["aic"] == pytest.approx(FIT.aic, rel=1e-12)
        assert facts["bic"] == pytest.approx(FIT.bic, rel=1e-12)
        assert facts["stated_data_hash"] == twice.data_hash
        assert "newton states that it was computed from other data" in agreement.notes[0]
        assert "computed from other data" in " ".join(str(agreement).split())


def test_a_report_shows_no_stated_number(tmp_path):
    pages = []
    for fit in (FIT, FORGED, from_a_file(tmp_path)):
        agreement = compare_routes(MODEL, fit, fit)
        pages.append(write_report(tmp_path / "r.html", agreement).read_text())
    assert pages[0] == pages[1] == pages[2]


def test_a_robust_covariance_of_other_data_is_refused():
    flipped = BernoulliLogistic.from_arrays(CASE.frame, 1 - CASE.response)
    other = replace(robust_covariance(flipped, fit_newton(flipped)), coefficients=FIT.coefficients)
    with pytest.raises(ValueError, match="that of another model"):
        summarise(MODEL, FIT, robust=other)


def robust(kind):
    if kind == "cluster":
        return robust_covariance(MODEL, FIT, cluster=np.arange(32) % 8)
    return robust_covariance(MODEL, FIT, kind)


WITH_A_ROBUST_COVARIANCE = {
    "wald_test": lambda found: wald_test(found, ["gpa", "psi"], model=MODEL),
    "summarise": lambda found: summarise(MODEL, FIT, robust=found),
    "predict": lambda found: predict(MODEL, found, CASE.frame[:3]),
    "effects": lambda found: average_marginal_effects(MODEL, found).table(),
}


@pytest.mark.parametrize("what", WITH_A_ROBUST_COVARIANCE)
@pytest.mark.parametrize("kind", ["HC1", "HC3", "cluster"])
def test_no_number_of_a_robust_covariance_gets_through_where_a_model_is_in_hand(kind, what):
    found, result = robust(kind), WITH_A_ROBUST_COVARIANCE[what]
    forged = replace(
        found,
        root=found.root / 10,
        covariance=found.covariance / 100,
        factor=99.0,
        n_clusters=500,
    )
    assert plain(result(forged)) == plain(result(found))
    for change in (
        {"coefficients": found.coefficients + 5},
        {"coefficients": found.coefficients[:2]},
        {"kind": "HC9"},
        {"names": found.names[::-1]},
        {"data_hash": "x"},
        {"kind": "cluster", "cluster": None},
    ):
        with pytest.raises((ValueError, ArithmeticError)):
            result(replace(found, **change))


def test_what_the_optimiser_said_decides_nothing():
    far = replace(FIT, coefficients=FIT.coefficients + 5 * FIT.standard_errors, converged=True)
    assert not fit_of(MODEL, far).converged
    agreement = compare_routes(MODEL, FIT, far)
    assert agreement.verdict == "disagree"
    assert agreement.mle.coefficients.tolist() == FIT.coefficients.tolist()


def test_a_report_believes_nothing_that_an_agreement_or_a_comparison_says(tmp_path):
    agreement = compare_routes(MODEL, FIT, fit_sklearn(MODEL))
    small = BernoulliLogistic.from_arrays(CASE.frame[["const", "gpa"]], CASE.response)
    comparison = compare_models({"all": MODEL, "gpa": small})
    right = write_report(tmp_path / "r.html", agreement, comparison).read_text()
    first, *others = agreement.routes
    for change in (
        {"verdict": "disagree"},
        {"message": "all is well"},
        {"mle": replace(FIT, covariance=FIT.covariance / 100)},
        {"routes": (replace(first, distance=0.5, passed=False), *others)},
        {"routes": (replace(first, estimate=FORGED, certificate=FORGED.certificate), *others)},
    ):
        forged = replace(agreement, **change)
        assert write_report(tmp_path / "r.html", forged, comparison).read_text() == right
    table = comparison.frame.assign(AIC=[1.0, 2.0])
    for change in (
        {"frame": table},
        {"frame": comparison.frame.drop(columns="p")},
        {"n_events": 3},
        {"fits": dict.fromkeys(comparison.fits, FIT)},
        {
            "fits": {
                name: replace(fit, log_likelihood=-1.0) for name, fit in comparison.fits.items()
            }
        },
    ):
        with pytest.raises(ValueError, match=r"estimate|comparison"):
            write_report(tmp_path / "r.html", agreement, replace(comparison, **change))


def test_draws_of_other_data_are_scored_on_none():
    other = BernoulliLogistic.from_arrays(CASE.frame, 1 - CASE.response)
    for function in (predictive_scores, calibration_curve, psis_loo, posterior_moments):
        with pytest.raises(ValueError, match="the data are not those of the draws"):
            function(other, DRAWS)
    with pytest.raises(ValueError, match="the data are not those of the draws"):
        plot_draws(other, DRAWS, fit_newton(other))
    lost = replace(FIT, coefficients=np.full(4, np.nan))
    with pytest.raises(ValueError, match="not finite"):
        predictive_scores(MODEL, lost)
