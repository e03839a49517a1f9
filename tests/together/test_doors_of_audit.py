"""A fit is the same to `audit` and to the audit of the script that makes it."""

import math
from functools import partial

import foreign_fits
import numpy as np
import pytest
import statsmodels.api as sm
from foreign_fits import quiet
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import audit
from flatprior.analysis.auditing.watched_fits import judged

FREE = {"C": np.inf, "max_iter": 10_000}


def columns(d, levels=2):
    """Numbers, and indicators of two levels of the factor, or of all three."""
    found = d.numbers
    return found if levels == 2 else found.assign(g_a=1.0 - found["g_b"] - found["g_c"])


def logit(d, levels=2, **options):
    X = sm.add_constant(columns(d, levels))
    return quiet(sm.Logit(d.y, X).fit, disp=0, **options), None


def glm(d, levels=2, **options):
    X = sm.add_constant(columns(d, levels))
    binomial = sm.families.Binomial()
    return quiet(sm.GLM(d.y, X, family=binomial, offset=d.frame["o"]).fit, **options), None


def sklearn(d, levels=2, **options):
    X, weights = columns(d, levels), d.frame["w"]
    fit = LogisticRegression(**FREE | options)
    return quiet(fit.fit, X, d.y, sample_weight=weights), (X, d.y, weights)


def with_nan(d):
    fit, given = sklearn(d, solver="newton-cholesky", tol=1e-12)
    fit.coef_[0, 0] = np.nan
    return fit, given


def of_script(made, tolerance):
    fit, given = made
    kind = type(getattr(fit, "model", fit)).__name__
    names = ("X", "y", "sample_weight")
    return judged(
        f"{'statsmodels' if given is None else 'scikit-learn'} {kind}",
        fit,
        {} if given is None else dict(zip(names, given, strict=True)),
        frozenset(),
        True,
        True,
        tolerance,
    )


def of_fit(made, tolerance):
    fit, given = made
    if given is None:
        return audit(fit, tolerance=tolerance)
    X, y, weights = given
    return audit(fit, X, y, sample_weight=weights, tolerance=tolerance)


RIGHT = foreign_fits.data(np.random.default_rng(21), n=150)
SEPARATED = foreign_fits.separated(np.random.default_rng(22))
TIGHT = {"solver": "newton-cg", "tol": 1e-12}
FITS = {
    "right Logit": (partial(logit, RIGHT, method="newton"), "mle"),
    "right GLM": (partial(glm, RIGHT, tol=1e-12), "mle"),
    "right scikit-learn": (partial(sklearn, RIGHT, solver="newton-cholesky", tol=1e-12), "mle"),
    "stopped Logit": (partial(logit, RIGHT, method="bfgs", maxiter=5), "not the mle"),
    "stopped GLM": (partial(glm, RIGHT, maxiter=2), "not the mle"),
    "stopped scikit-learn": (partial(sklearn, RIGHT), "not the mle"),
    "separated Logit": (partial(logit, SEPARATED, method="bfgs"), "no mle"),
    "separated GLM": (partial(glm, SEPARATED), "no mle"),
    "separated scikit-learn": (partial(sklearn, SEPARATED), "no mle"),
    "a dummy too many, GLM": (partial(glm, RIGHT, 3, tol=1e-12), "its probabilities"),
    "a dummy too many, scikit-learn": (partial(sklearn, RIGHT, 3, **TIGHT), "its probabilities"),
    "a dummy too many, stopped GLM": (partial(glm, RIGHT, 3, maxiter=2), "no mle"),
    "a dummy too many, stopped scikit-learn": (partial(sklearn, RIGHT, 3, max_iter=5), "no mle"),
    "a dummy too many, separated": (partial(glm, SEPARATED, 3), "no mle"),
}


@pytest.mark.parametrize(("make", "kind"), FITS.values(), ids=FITS)
def test_both_doors_say_the_same(make, kind):
    made = make()
    script, whole = of_script(made, 1e-6), of_fit(made, 1e-6)
    assert script["kind"] == kind, script
    assert script["good"] is whole.is_mle
    assert whole.exists is (kind in ("mle", "not the mle"))
    right = "the fitted probabilities are right"
    assert (right in whole.verdict) is (kind == "its probabilities")
    assert (f"but {right}" in script["verdict"]) is (kind == "its probabilities")
    if kind == "not the mle":
        assert script["distance"] == pytest.approx(whole.distance)
        assert f"but {script['distance']:.2g} standard errors from it" in script["verdict"]
    elif kind == "mle":
        assert script["distance"] == whole.error_bound <= 1e-6
    else:
        assert script["distance"] == math.inf
        assert whole.existence.message in script["verdict"]


@pytest.mark.parametrize("name", [name for name in FITS if "stopped" in name])
def test_both_doors_hold_to_the_same_tolerance(name):
    made = FITS[name][0]()
    for tolerance in (1e-9, 1.0):
        script, whole = of_script(made, tolerance), of_fit(made, tolerance)
        assert script["good"] is whole.is_mle
        right = "the fitted probabilities are right"
        assert (f"but {right}" in script["verdict"]) is (right in whole.verdict)


def test_what_cannot_be_proved_is_not_called_wrong_by_either_door():
    made = FITS["right Logit"][0]()
    script, whole = of_script(made, 1e-19), of_fit(made, 1e-19)
    assert (script["kind"], script["good"]) == ("unproved", None)
    assert "could not be judged" in whole.verdict
    assert (whole.cause, whole.certain, whole.passed) == ("none of these", False, False)
    assert "centre and rescale columns" in whole.cure
    assert script["verdict"].removeprefix("could not be judged: ") in whole.message


def test_coefficients_that_are_not_finite_are_refused_by_both_doors():
    made = with_nan(RIGHT)
    script = of_script(made, 1e-6)
    assert (script["kind"], script["good"]) == ("not finite", False)
    with pytest.raises(ValueError, match="the coefficient of x1 is nan, not a finite number"):
        of_fit(made, 1e-6)
