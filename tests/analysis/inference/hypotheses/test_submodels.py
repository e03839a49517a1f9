import math

import numpy as np
import pandas as pd
import pytest
from every_way import every_way

from flatprior.analysis import likelihood_ratio_test, score_test, wald_test
from flatprior.analysis.inference.hypotheses import submodels
from flatprior.analysis.inference.hypotheses.submodels import Left, Step, Submodels
from flatprior.models import BernoulliLogistic, NotConvergedError, fit_newton


@pytest.fixture
def frame():
    rng = np.random.default_rng(7)
    n = 80
    frame = pd.DataFrame({"x": rng.normal(size=n), "g": rng.choice(list("abc"), n)})
    frame["z"] = rng.normal(size=n)
    return frame.assign(y=rng.integers(0, 2, n))


def test_a_model_without_terms_has_the_maximum_of_its_own_formula(frame):
    found = Submodels.of(BernoulliLogistic.from_formula("y ~ x*g + z", frame))
    sets = {
        Left(): "x*g + z",
        Left({"x:g"}): "x + g + z",
        Left({"x:g", "g"}): "x + z",
        Left({"x", "g", "z", "x:g"}): "1",
    }
    found.fit(sets, reached=True)
    for left, right in sets.items():
        fit = fit_newton(BernoulliLogistic.from_formula(f"y ~ {right}", frame))
        maximum = found.maxima[left]
        assert maximum.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)
        assert maximum.rank == len(fit.names)
        assert maximum.aic == pytest.approx(2 * len(fit.names) - 2 * fit.log_likelihood)
        assert maximum.estimate.names == fit.names
        assert maximum.estimate.coefficients == pytest.approx(fit.coefficients, rel=1e-7)


def test_each_model_is_fitted_once(frame, monkeypatch):
    fitted = []

    def counted(model, converged_mle=submodels.converged_mle):
        fitted.append(model.names)
        return converged_mle(model)

    monkeypatch.setattr(submodels, "converged_mle", counted)
    found = Submodels.of(BernoulliLogistic.from_formula("y ~ x + z", frame))
    steps = [
        Step("z", Left({"x"}), Left({"x", "z"})),
        Step("x", Left(), Left({"x"})),
        Step("x", Left({"z"}), Left({"x", "z"})),
    ]
    first, again = found.test(steps, "LR"), found.test(steps, "LR")
    assert first == again
    assert sorted(fitted) == sorted(
        [("Intercept",), ("Intercept", "z"), ("Intercept", "x", "z"), ("Intercept", "x")]
    )


def test_terms_are_within_interactions_of_them(frame):
    found = Submodels.of(BernoulliLogistic.from_formula("y ~ x*g + z:g", frame))
    within = {term.name: found.within(term) for term in found.terms}
    assert within == {"x": {"x:g"}, "g": {"x:g", "z:g"}, "x:g": set(), "z:g": set()}


@pytest.mark.parametrize("kind", ["LR", "score", "Wald"])
def test_tests_of_steps_are_those_of_the_two_models(frame, kind):
    found = Submodels.of(BernoulliLogistic.from_formula("y ~ x + g + z", frame))
    (step,) = found.test([Step("g", Left({"z"}), Left({"z", "g"}))], kind)
    model = BernoulliLogistic.from_formula("y ~ x + g", frame)
    alone = {
        "LR": lambda: likelihood_ratio_test(model, "g"),
        "score": lambda: score_test(model, "g"),
        "Wald": lambda: wald_test(model, fit_newton(model), "g"),
    }[kind]()
    assert (step.df, step.kind, step.hypothesis) == (alone.df, alone.kind, "g = 0")
    assert step.statistic == pytest.approx(alone.statistic, rel=1e-8)


def test_a_fit_that_fails_leaves_out_the_tests_that_need_it(frame, monkeypatch):
    def without_x(model, converged_mle=submodels.converged_mle):
        if "x" not in model.names:
            raise NotConvergedError("not proved to be near")
        return converged_mle(model)

    model = BernoulliLogistic.from_formula("y ~ x + z", frame)
    steps = [Step(name, Left(), Left({name})) for name in ("x", "z")]
    for kind in ("LR", "score"):
        expected = Submodels.of(model).test(steps, kind)
        with monkeypatch.context() as patched:
            patched.setattr(submodels, "converged_mle", without_x)
            x, z = Submodels.of(model).test(steps, kind)
            with pytest.raises(NotConvergedError, match="not proved to be near"):
                Submodels.of(model).test(steps[:1], kind)
        assert z == expected[1]
        assert math.isnan(x.statistic + x.p)
        assert (x.df, x.kind, x.note) == (1, expected[0].kind, "not proved to be near")


def test_models_of_the_same_files_are_fitted_in_the_same_passes(frame, tmp_path, monkeypatch):
    passes = {}
    for right in ("x", "x + g + z"):
        for where, build in every_way(frame, tmp_path, monkeypatch):
            found = Submodels.of(build(f"y ~ {right}"))
            assert not found.passes
            sets = [Left({term.name}) for term in found.terms]
            found.fit(sets, reached=False)
            assert bool(found.passes) == (where in ("CSV in batches", "in batches", "Dask"))
            passes[where, right] = sum(each.number for each in found.passes)
    for where in ("in batches", "Dask"):
        assert passes[where, "x + g + z"] < 2 * passes[where, "x"]
