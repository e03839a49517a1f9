import numpy as np
from problems import CASES, draws_from

from flatprior.analysis import compare_routes
from flatprior.models import fit_newton, fit_sklearn, load_smarket
from flatprior.models.common.text import at_most
from flatprior.models.estimate import estimate

STATED = dict(route="moved", packages=(), converged=True, message="", n_iterations=0, seconds=0.0)


def test_divergences_are_told_with_the_verdict():
    model = CASES["spector"].model
    fit = fit_newton(model)
    draws = draws_from(model, model.log_likelihood, fit, seed=3)
    draws.data["sample_stats"]["diverging"][:] = True
    agreement = compare_routes(model, fit, draws)
    assert "But 4000 draws diverged" in agreement.message


def test_the_bound_in_the_message_is_that_of_the_worst_route():
    model = CASES["spector"].model
    fit = fit_newton(model)
    moved = estimate(model, fit.coefficients + 1e-5 * fit.standard_errors, **STATED)
    agreement = compare_routes(model, fit, moved, tolerance=0.01)
    bounds = [judged.certificate.error_bound for judged in agreement.routes]
    assert bounds[0] < 1e-9 < 1e-6 < bounds[1]
    assert (
        f"are each proved to lie within {at_most(bounds[1])} standard errors" in agreement.message
    )


def test_what_to_type_is_said_where_a_fit_disagrees(demo):
    from sklearn.linear_model import LogisticRegression

    model, results, _ = demo
    frame = load_smarket()
    names = [name for name in model.names if name != "Intercept"]
    penalised = LogisticRegression(C=1e-3, tol=1e-9).fit(frame[names], frame["Direction"])
    agreement = compare_routes(model, results[0], penalised)
    (failed,) = (judged for judged in agreement.routes if not judged.passed)
    assert f"to get the MLE: {failed.explanation.cure.rstrip('.')}" in agreement.message


def test_ill_conditioned_data_are_told_apart_from_disagreement():
    model = CASES["exact_k8_s60"].model
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    assert agreement.verdict == "disagree"
    assert "newton is not proved to agree" in agreement.message
    assert "too ill-conditioned" in agreement.message
    assert "sklearn disagrees" in agreement.message
    assert "it says of itself" in agreement.message


def test_the_first_sentence_of_a_disagreement_says_which_how_far_and_why():
    from sklearn.linear_model import LogisticRegression

    model = CASES["spector"].model
    fit = fit_newton(model)
    X = model.design[:, 1:]
    penalised = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(X, model.response)
    theirs = [penalised.intercept_[0], *penalised.coef_[0]]
    agreement = compare_routes(model, fit, dict(zip(model.names, theirs, strict=True)))
    away = max(abs(theirs - fit.coefficients) / fit.standard_errors)
    first = (
        f"The stated coefficients disagree: they are {away:.2g} standard errors from the maximum "
        "likelihood estimate (cause: ridge penalty)."
    )
    assert agreement.brief.startswith(first)
    assert agreement.message.startswith(first)
    assert "C = 0.5" in agreement.message
    # of what nothing is found that is said, and of an estimate that says it stopped, that
    strange = fit.coefficients + np.array([0.3, -0.2, 0.4, 0.5]) * fit.standard_errors
    said = compare_routes(model, fit, dict(zip(model.names, strange, strict=True))).brief
    assert "0.5 standard errors from the maximum likelihood estimate (no cause was found)." in said
    stopped = STATED | dict(converged=False, message="no more iterations")
    said = compare_routes(model, fit, estimate(model, strange, **stopped)).brief
    assert "(cause, as it says itself: it did not converge)." in said


def test_the_brief_is_the_beginnings_of_the_message():
    model = CASES["spector"].model
    fit = fit_newton(model)
    draws = draws_from(model, model.log_likelihood, fit, seed=3)
    agreement = compare_routes(model, fit, fit_sklearn(model), draws)
    proved, tested = agreement.brief.removesuffix(".").split(". ")
    assert agreement.message.startswith(f"{proved} (tolerance 1e-06). {tested} (R-hat")
    assert tested == "The 4000 draws of nuts pass the exact tests of the flat-prior posterior"
