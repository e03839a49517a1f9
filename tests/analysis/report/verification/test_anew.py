import copy
import re
from dataclasses import replace

import numpy as np
import pytest
from problems import as_posterior

from flatprior.analysis import (
    compare_models,
    compare_routes,
    read_report,
    verify_report,
    write_report,
)
from flatprior.analysis.agreement.sampled_density import density_tolerances
from flatprior.analysis.report.verification.reading import formulas_of
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    load_endometrial,
    load_spector,
    sample_independence,
)


def test_a_far_estimate_cannot_pass_by_claiming_no_bound(agreement, model, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", agreement))
    far = np.array(found["estimate"]["coefficients"]) + 2.0
    for part in (found["estimate"], *found["agreement"]["routes"]):
        part["coefficients"] = far.tolist()
        part["log_likelihood"] = model.log_likelihood(far)
        information = model.information(far)
        part["standard_errors"] = np.sqrt(np.diag(np.linalg.inv(information))).tolist()
        part["certificate"]["error_bound"] = None
        part["certificate"]["digits"] = [0.0] * 4
    with pytest.raises(ValueError, match="nothing is proved"):
        verify_report(model, found)


def test_a_report_of_a_disagreement_is_verified_too(model, tmp_path):
    other = fit_newton(BernoulliLogistic.from_formula(model.formula, load_spector().iloc[2:]))
    agreement = compare_routes(model, fit_newton(model), replace(other, route="other"))
    found = read_report(write_report(tmp_path / "r.html", agreement))
    assert found["agreement"]["verdict"] == "disagree"
    assert verify_report(model, found).index.tolist() == ["newton", "other", "reported"]
    assert len(verify_report(model, tmp_path / "r.html")) == 3
    # it says of which data it was, and shows what its coefficients are on these
    told = found["agreement"]["routes"][1]
    assert told["stated_data_hash"] == other.provenance.data_hash != model.data_hash
    assert told["log_likelihood"] == pytest.approx(model.log_likelihood(other.coefficients))
    assert "other states that it was computed from other data" in " ".join(
        (tmp_path / "r.html").read_text().split()
    ).replace("Other states", "other states")


def test_the_models_of_a_comparison_are_verified_too(comparison, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", comparison=comparison))
    formula, others = formulas_of(found)
    assert formula == "grade ~ gpa + tuce + C(psi)"
    assert others == {"all": formula, "gpa": "grade ~ gpa"}
    models = dict(comparison.models)
    assert verify_report(models["all"], found, models).index.tolist() == [
        "reported",
        "model all",
        "model gpa",
    ]
    found["comparison"]["estimates"]["gpa"]["log_likelihood"] += 1
    with pytest.raises(ValueError, match="log-likelihood"):
        verify_report(models["all"], found, models)


def test_a_report_with_a_fit_of_other_data_of_which_nothing_is_proved_is_verified(model, tmp_path):
    fit = fit_newton(BernoulliLogistic.from_formula(model.formula, load_spector().iloc[:-2]))
    assert fit.converged
    agreement = compare_routes(model, fit_newton(model), fit)
    assert agreement.routes[1].certificate.error_bound == np.inf
    verify_report(model, write_report(tmp_path / "r.html", agreement))


def test_a_report_of_draws_in_single_precision_is_verified(model, tmp_path):
    draws = sample_independence(model, seed=4, progress=False)
    beta = draws.draws.astype(np.float32)
    # with a constant, which means nothing but leaves fewer digits
    lp = (model.log_likelihood(beta.astype(float).reshape(-1, 4)) + 500).astype(np.float32)
    agreement = compare_routes(
        model, fit_newton(model), as_posterior(model, beta, lp.reshape(beta.shape[:2]))
    )
    check = agreement.posterior_check
    assert check.passed
    doubles, _ = density_tolerances(model, fit_newton(model).log_likelihood, 0.0)
    assert check.density_error > doubles  # which would be another density, stated in doubles
    path = write_report(tmp_path / "r.html", agreement)
    assert len(verify_report(model, path)) == 2
    found = read_report(path)
    found["checks"][0]["density_tolerance"] *= 3
    with pytest.raises(ValueError, match="density_tolerance"):
        verify_report(model, found)


def test_a_comparison_in_which_a_model_has_no_estimate_is_reported_and_verified(tmp_path):
    data = load_endometrial()
    models = {
        name: BernoulliLogistic.from_formula(formula, data)
        for name, formula in {"large": "HG ~ NV + PI", "small": "HG ~ PI"}.items()
    }
    comparison = compare_models(models)
    path = write_report(tmp_path / "r.html", comparison=comparison)
    found = read_report(path)
    assert found["formula"] == "HG ~ PI"  # of which there is an estimate
    assert formulas_of(found)[1] == {"small": "HG ~ PI", "large": "HG ~ NV + PI"}
    table = verify_report(models["small"], path, models)
    assert table.index.tolist() == ["reported", "model small"]
    assert "no maximum likelihood estimate of large" in path.read_text(encoding="utf-8")
    for where, value in (
        (("models", "large", "log-likelihood"), -30.0),
        (("models", "large", "AIC"), 50.0),
        (("without", "large", "limit", "log_likelihood"), -30.0),
        (("without", "large", "kind"), "overlap"),
    ):
        forged = copy.deepcopy(found)
        part = forged["comparison"]
        for key in where[:-1]:
            part = part[key]
        part[where[-1]] = value
        with pytest.raises(ValueError, match=f"comparison.*{re.escape(where[-1])}"):
            verify_report(models["small"], forged, models)


def test_a_comparison_in_which_no_model_has_an_estimate_is_a_report_of_suprema(tmp_path):
    data = load_endometrial()
    models = {
        name: BernoulliLogistic.from_formula(formula, data)
        for name, formula in {"small": "HG ~ NV", "large": "HG ~ NV + PI"}.items()
    }
    comparison = compare_models(models)
    assert not comparison.fits
    path = write_report(tmp_path / "r.html", comparison=comparison)
    page, found = path.read_text(encoding="utf-8"), read_report(path)
    assert found["estimate"] is None
    assert found["existence"]["kind"] == "quasi-complete separation"
    assert "2 models compared by suprema" in page
    assert page.count("the maximum likelihood estimate does not exist") >= 2  # of each, why
    heights = comparison.table()["log-likelihood"]
    ratio = 2 * (heights["large"] - heights["small"])
    assert f"large against small, chi-squared(1) = {ratio:.3f}, p = " in page
    main = comparison.models[comparison.table().index[0]]
    table = verify_report(main, path, models)
    assert table.empty
    assert not any("comparison" in said for said in table.attrs["not made again"])
    alone = verify_report(main, path).attrs["not made again"]
    assert "the comparison: pass its models as others" in alone
    forged = copy.deepcopy(found)
    forged["comparison"]["models"]["large"]["LR"] += 1
    with pytest.raises(ValueError, match="comparison models"):
        verify_report(main, forged, models)
    forged = copy.deepcopy(found)
    forged["comparison"]["estimates"] = {"small": {}}
    with pytest.raises(ValueError, match="one that has an estimate"):
        verify_report(main, forged, models)
