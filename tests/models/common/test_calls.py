import inspect
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

import flatprior as fp
from flatprior.models.common.calls import (
    a_or_an,
    check_choice,
    check_flag,
    check_positive,
    check_seed,
    check_sequence,
    check_whole,
    model_first,
)
from flatprior.models.common.error_state import OWN


@pytest.fixture(scope="module")
def spector():
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + psi", fp.load_spector())
    return model, fp.fit_newton(model)


def test_a_call_without_its_model_says_how_to_call(spector):
    model, fit = spector
    for call, words in (
        (lambda: fp.summarise(fit), r"summarise\(model, fit\)"),
        (lambda: fp.fit_newton(fit), r"fit_newton\(model\)"),
        (lambda: fp.certify(fit.params, model), r"not a Series: certify\(model, coefficients\)"),
        (lambda: fp.predict(fit, {"gpa": 1}), r"predict\(model, result, data\)"),
        (lambda: fp.compare_routes(fit, fit), r"compare_routes\(model, \*results\)"),
        (lambda: fp.compare_models({"a": fit, "b": fit}), "models by name"),
        (lambda: fp.compare_models([model, model]), "models by name"),
        (lambda: fp.compare_models(model, model), "models by name.*not a BernoulliLogistic"),
        (lambda: fp.compare_models(pd.Series({"a": model})), "models by name.*not a Series"),
        (lambda: fp.wald_test(fit, model, "gpa"), r"first: wald_test\(model, fit, hypothesis\)"),
        (lambda: fp.wald_test(), r"'fit': wald_test\(model, fit, hypothesis\)"),
        (lambda: fp.wald_test(model, fit), r"'hypothesis': wald_test\(model, fit, hypothesis\)"),
        (lambda: fp.check_existence(3), "not an int: check_existence"),
    ):
        with pytest.raises(fp.FlatpriorError, match=words) as found:
            call()
        assert isinstance(found.value, TypeError)


def test_a_model_of_data_says_how_it_is_built(spector):
    data = fp.load_spector()
    for given in ((data[["gpa"]], data["grade"]), ("grade ~ gpa", data), (spector[0],)):
        with pytest.raises(
            fp.FlatpriorError, match=r"from_formula\(formula, data\) or by"
        ) as found:
            fp.BernoulliLogistic(*given)
        assert isinstance(found.value, TypeError)


def test_a_model_by_keyword_is_looked_at_too(spector):
    model, fit = spector
    assert fp.summarise(model=model, fit=fit).fit.names == fit.names
    with pytest.raises(TypeError, match="takes a BernoulliLogistic first"):
        fp.summarise(model=fit)


def test_something_else_in_place_of_a_result_says_what_is_wanted(spector):
    model, fit = spector
    draws = fp.sample_independence(model, draws=200, seed=1, progress=False)
    for call, words in (
        (lambda: fp.goodness_of_fit(model, fit.params), "must be a PointEstimate.*certify"),
        (lambda: fp.diagnose(model, {"gpa": 1.0}), "must be a PointEstimate.*not a dict"),
        (lambda: fp.check_posterior(model, fit), "must be a Posterior.*not a PointEstimate"),
        (lambda: fp.psis_loo(model, draws.draws), "must be a Posterior.*not an ndarray"),
        (lambda: fp.compare_routes(model, fit, model), "nothing is known of a BernoulliLogistic"),
        (lambda: fp.check_posterior(model, draws, fit.params), "PointEstimate.*not a Series"),
        (lambda: fp.posterior_mode(fit), "must be a Posterior.*not a PointEstimate"),
        (lambda: fp.verify(model, {"gpa": 1.0}), "must be a PointEstimate.*not a dict"),
        (lambda: fp.predict(model, fit.params, {"gpa": [1]}), "a PointEstimate or.*not a Series"),
        (lambda: fp.average_marginal_effects(model, 3), "a PointEstimate or.*not an int"),
        (lambda: fp.wald_test(fit.params, "gpa"), "a PointEstimate or.*not a Series"),
        (lambda: fp.summarise(model, fit, robust="HC3"), "must be a RobustCovariance.*not a str"),
        (lambda: fp.likelihood_ratio_test(model, fit), "hypothesis is names.*not a PointEst"),
        (lambda: fp.score_test(model, 3), "hypothesis is names.*not an int"),
        (lambda: fp.run_routes(model, routes="newton"), "sequence of names.*not a str"),
        (lambda: fp.run_routes(model, routes=None), "sequence of names.*not a NoneType"),
        (lambda: fp.plot_forest(fit), "results by name.*not a PointEstimate"),
        (lambda: fp.plot_forest({"Wald": fit.certificate}), "not a Certificate"),
        (lambda: fp.plot_agreement(fit), "must be an Agreement.*not a PointEstimate"),
        (lambda: fp.plot_comparison({"a": model}), "must be a Comparison.*not a dict"),
        (lambda: fp.plot_calibration(model), "must be a CalibrationCurve.*not a Bern"),
        (lambda: fp.plot_influence(fit), "must be a Diagnostics.*not a PointEstimate"),
        (lambda: fp.plot_influence(fp.diagnose(model, fit), draws), "loo must be a PSISLOO"),
        (lambda: fp.plot_profile(model), "must be a ProfileCurve.*not a Bernoulli"),
        (lambda: fp.plot_posterior(fit, draws), "must be a Posterior.*not a PointEstimate"),
        (lambda: fp.plot_posterior(draws, draws), "mle must be a PointEstimate"),
        (lambda: fp.plot_posterior(draws, fit, draws), "mode must be a PointEstimate"),
        (lambda: fp.report_facts(fit), "must be an Agreement.*not a PointEstimate"),
        (lambda: fp.report_facts(comparison=fit), "must be a Comparison.*not a PointEst"),
    ):
        with pytest.raises(fp.FlatpriorError, match=words) as found:
            call()
        assert isinstance(found.value, TypeError)


def test_a_message_is_one_line_whatever_it_quotes_and_no_array_is_asked_for_its_truth(spector):
    model, fit = spector
    for given in (fit, model, fit.params, np.zeros(3), [0.1], {"a": fit}):
        for call in (
            lambda given=given: fp.summarise(model, fit, prob=given),
            lambda given=given: fp.summarise(model, fit, intervals=given),
            lambda given=given: fp.sample_independence(model, draws=given),
            lambda given=given: fp.robust_covariance(model, fit, given),
            lambda given=given: fp.profile_curve(model, given),
            lambda given=given: fp.exact_loo(model, fit, tolerance=given),
            lambda given=given: fp.sklearn_objective(model, fit, given),
            lambda given=given: fp.plot_surface(model, given),
        ):
            with pytest.raises(fp.FlatpriorError) as found:
                call()
            assert "\n" not in str(found.value)
            assert len(str(found.value)) < 160


def test_values_of_a_hypothesis_that_are_no_numbers_are_refused(spector):
    model, fit = spector
    for call in (
        lambda: fp.likelihood_ratio_test(model, {"gpa": "much"}),
        lambda: fp.score_test(model, "gpa", "much"),
        lambda: fp.wald_test(model, fit, "gpa", {"gpa": 1.0}),
    ):
        with pytest.raises(fp.FlatpriorError, match="values of a hypothesis must be real numbers"):
            call()


def test_the_fit_of_another_model_is_refused(spector):
    model, _ = spector
    other = fp.fit_newton(
        fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce", fp.load_spector())
    )
    draws = fp.sample_independence(model, draws=200, seed=1, progress=False)
    for call in (fp.check_posterior, fp.posterior_moments):
        with pytest.raises(fp.FlatpriorError, match="that of another model"):
            call(model, draws, other)


def test_coefficients_by_name_are_taken_in_any_order(spector):
    model, fit = spector
    backwards = fit.params.iloc[::-1]
    assert fp.certify(model, backwards).error_bound < 1e-10
    assert fp.certify(model, backwards.to_dict()).error_bound < 1e-10
    likelihoods = [
        fp.bernoulli_likelihood(model, given) for given in (fit, fit.params, backwards.to_dict())
    ]
    assert len({str(value) for value in likelihoods}) == 1


def test_the_article_of_a_type():
    assert [a_or_an(thing) for thing in (1, 1.5, {})] == ["an int", "a float", "a dict"]


def functions_of_models():
    """Every public function whose first argument is a model, or models."""
    for name in dir(fp):
        function = getattr(fp, name)
        if inspect.isfunction(function):
            first = next(iter(inspect.signature(function).parameters), "")
            if first in ("model", "models"):
                yield function


@pytest.mark.parametrize("function", list(functions_of_models()), ids=lambda each: each.__name__)
def test_every_public_function_of_a_model_refuses_something_else_first(function):
    with pytest.raises(TypeError, match=rf"^{function.__name__} takes (a Bernoulli|models by)"):
        function(3)


def test_there_are_such_functions_and_their_signatures_are_seen():
    found = {function.__name__: function for function in functions_of_models()}
    assert len(found) > 30
    seen = inspect.signature(found["certify"])
    assert list(seen.parameters) == ["model", "coefficients"]
    assert seen.parameters["model"].annotation == "BernoulliLogistic"
    assert seen.return_annotation == "Certificate"


def test_what_is_checked_runs_in_numpys_default_error_state():
    @model_first
    def state(model):
        return np.geterr(), float(np.exp(-1000.0))

    model = SimpleNamespace(rows=None, n_observations=1)
    with np.errstate(all="raise"):
        outside = np.geterr()
        assert state(model) == (OWN, 0.0)
        assert np.geterr() == outside


def test_what_is_checked_keeps_its_name_and_its_signature():
    @model_first
    def judge(model, fit, prob=0.5):
        """Judge."""

    assert (judge.__name__, judge.__doc__) == ("judge", "Judge.")
    assert list(inspect.signature(judge).parameters) == ["model", "fit", "prob"]
    with pytest.raises(TypeError, match=r"judge takes .*: judge\(model, fit\)"):
        judge(1, 2)


@pytest.mark.parametrize("value", ["a", "", None, 1, 1.5, ("a", "b")])
def test_a_choice_that_there_is_not_is_told_those_that_there_are(value):
    for choices, words in (
        (("x",), '"x"'),
        (("x", "y"), '"x" or "y"'),
        (("x", "y", "z"), '"x", "y" or "z"'),
    ):
        with pytest.raises(ValueError, match="must be") as found:
            check_choice("way", value, choices)
        assert str(found.value) == f"way must be {words}, not {value!r}"
        for choice in choices:
            check_choice("way", choice, choices)


def test_what_must_be_positive_is_a_number_above_zero():
    assert check_positive("C", 1) == 1.0
    assert check_positive("C", np.float32(0.5)) == 0.5
    for value in (0, -1.0, np.nan, -np.inf):
        with pytest.raises(ValueError, match=r"C must be positive, not"):
            check_positive("C", value)


@pytest.mark.parametrize("value", ["no", 1, None, [], np.ones(2), pd.NA])
def test_a_flag_is_a_truth_value_and_nothing_that_has_one(value):
    with pytest.raises(TypeError, match="intercept must be True or False, not "):
        check_flag("intercept", value)
    assert [check_flag("intercept", known) for known in (True, np.False_)] == [True, False]


@pytest.mark.parametrize("value", [1, -1, 2.5, "3", True, None, [3], np.ones(3), pd.NA, 10**400])
def test_a_whole_number_is_within_its_bounds(value):
    with pytest.raises(ValueError, match=r"points must be .*, not "):
        check_whole("points", value, 3)
    assert check_whole("points", np.int64(3), 3) == 3


def test_a_seed_is_a_whole_number_or_none():
    assert check_seed(None) is None
    assert check_seed(np.uint32(7)) == 7
    for value in (-1, 1.5, "one", [1], True):
        with pytest.raises(ValueError, match="seed must be a whole number of at least 0"):
            check_seed(value)


@pytest.mark.parametrize("value", ["ab", b"ab", 5, {"a"}, None])
def test_a_list_of_names_is_no_text_and_no_set(value):
    with pytest.raises(TypeError, match="names must be a list of text, not "):
        check_sequence("names", value, "text")
    assert check_sequence("names", (name for name in "ab"), "text") == ("a", "b")
