r"""Why do somebody else's coefficients differ? Each possible cause is tested by its own identity.

What a program computed satisfies an equation: at a ridge estimate the score is proportional to the
coefficients, at the MLE of fewer rows it is the sum of the scores of the rows left out, and so on.
With b the coefficients in question, each cause is an equation that b fails by some distance, in
standard errors (the norm of the information matrix). A cause that leaves :math:`d` of the whole
distance :math:`d_0` between b and the MLE unexplained, tried in N ways and with q equations beyond
its free parameters, would do so by coincidence with a probability of about

.. math:: N\,(d / d_0)^q .

The cause with the smallest such number is named if it is below `COINCIDENCE` and leaves little
unexplained. It is stated as certain below `CERTAIN`, where it leaves no more than rounding or an
optimiser's tolerance would, and the number of no other cause is below its square root. That an
optimiser stopped early has no equation of its own unless it took a path that is known (Newton's
method, or L-BFGS, from zero): without one it is named only when nothing else fits, and never as
certain.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.analysis.causes import (
    Cause,
    There,
    any_units,
    flipped,
    no_intercept,
    path_from_zero,
    posterior_mean,
    probit,
    reference_level,
    rescaled,
    ridge,
)
from flatprior.analysis.codings import (
    INTERCEPTS,
    MOST_CODINGS,
    by_name,
    categories_of,
    in_order,
    named,
    with_our_intercept,
)
from flatprior.analysis.left_out import rows_dropped
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    PointEstimate,
    certify,
    fit_newton,
)
from flatprior.models._files import finite
from flatprior.models._text import first_of, printable
from flatprior.models.rows import Array

CERTAIN = 1e-6
COINCIDENCE = 0.02
LEFT = 0.25  # standard errors that a cause may leave unexplained
# and that it may where it is certain: an optimiser's tolerance, the Monte Carlo error of a mean
EXACT, NOISE = 1e-3, {"ridge penalty": 0.05, "posterior mean": 0.1}
SAME = 1e-6  # standard errors
LEAST_PENALTY = 1e-5  # on separated data: a smaller one acts as a tolerance does


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why some coefficients differ from the MLE.

    Attributes
    ----------
    cause : str
        "agreement", "ridge penalty", "stopped early", "response flipped", "missing intercept",
        "predictors rescaled", "reference level", "rows dropped", "posterior mean", "probit",
        "separation", "dependent columns" or "none of these".
    certain : bool
        Whether the numbers leave no reasonable doubt.
    message : str
        What was found, in words.
    distance : float
        Of the coefficients from the MLE, in standard errors (norm of the information); NaN where
        they cannot be compared, or there is no MLE.
    causes : tuple of Cause
        Those that were tested, each as it may best have come about, the likeliest first.
    """

    cause: str
    certain: bool
    message: str
    distance: float
    causes: tuple[Cause, ...]

    def table(self) -> pd.DataFrame:
        """One row a tested cause: what is left unexplained, and how likely by coincidence."""
        return pd.DataFrame(
            {
                "distance": [cause.distance for cause in self.causes],
                "coincidence": [cause.coincidence for cause in self.causes],
                "detail": [cause.detail for cause in self.causes],
            },
            index=pd.Index([cause.cause for cause in self.causes], name="cause"),
        )

    def __str__(self) -> str:
        title = f"{self.cause}{'' if self.certain else ' (not certain)'}"
        return f"{title}\n{textwrap.fill(printable(self.message), 80)}"

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON; what is not finite is None."""
        facts: dict[str, Any] = finite(
            {
                "cause": self.cause,
                "certain": self.certain,
                "message": self.message,
                "distance": self.distance,
                "causes": [vars(cause) for cause in self.causes],
            }
        )
        return facts


def explain_difference(
    model: BernoulliLogistic,
    coefficients: Mapping[str, float] | ArrayLike,
    standard_errors: Mapping[str, float] | ArrayLike | None = None,
) -> Explanation:
    """Say why somebody else's coefficients are not the MLE of this model.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows in memory.
    coefficients : mapping of str to float, or array_like (k,)
        By name, or in the order of ``model.names``. By name the intercept may be absent, or stand
        under another program's name for it, and the levels of a category may be others.
    standard_errors : mapping of str to float, or array_like (k,), optional
        As stated beside them; they show a rescaling of predictors by any factors.

    Returns
    -------
    Explanation
        "none of these" is an answer too.

    Raises
    ------
    ValueError
        If a coefficient is missing, unknown or not finite.

    Examples
    --------
    >>> from flatprior.analysis import explain_difference
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> theirs = {"Intercept": 13.0213, "gpa": -2.8261, "tuce": -0.0952, "psi": -2.3787}
    >>> print(explain_difference(model, theirs))
    response flipped
    these are the MLE of the opposite response: what counts as 1 here counts as 0
    there, and every coefficient has the other sign
    """
    given = named(coefficients, model.names, "coefficients")
    errors = None if standard_errors is None else named(standard_errors, model.names, "errors")
    try:
        fit = fit_newton(model)
    except MLEDoesNotExistError as error:
        return _without_mle(model, given, error)
    placed = _place(model, given)
    if isinstance(placed, Cause):  # other coefficients than the model's
        return _concluded(model, fit, None, [placed])
    if not np.isfinite(fit.certificate.error_bound):
        raise ArithmeticError(
            "nothing could be proved about the MLE itself; centre or rescale columns and offsets"
        )
    there = There.at(model, fit, placed)
    if there.distance <= SAME or _rounded(placed, fit):
        how = "to within 1e-6 standard errors" if there.distance <= SAME else "in every digit given"
        message = f"there is no difference: these are the MLE {how}"
        return Explanation("agreement", True, message, there.distance, ())
    tests = (
        ridge,
        flipped,
        no_intercept,
        rescaled,
        reference_level,
        rows_dropped,
        probit,
        path_from_zero,
        posterior_mean,
    )
    causes = [cause for test in tests for cause in test(there)]
    if errors is not None:
        causes += any_units(there, in_order(errors, model.names))
    return _concluded(model, fit, there, causes)


def _concluded(
    model: BernoulliLogistic, fit: PointEstimate, there: There | None, causes: list[Cause]
) -> Explanation:
    ranked = _best_of_each(causes)
    distance = math.nan if there is None else there.distance
    if ranked and ranked[0].coincidence < COINCIDENCE and ranked[0].distance <= LEFT:
        best = ranked[0]
        certain = (
            best.coincidence < CERTAIN
            and best.distance <= max(NOISE.get(best.cause, EXACT), _rounding(there))
            and (len(ranked) < 2 or ranked[1].coincidence > math.sqrt(best.coincidence))
        )
        message = best.detail
        if not certain:
            message += (
                f"; that leaves {best.distance:.2g} standard errors unexplained, and numbers that "
                f"have nothing to do with it would fit as well with probability "
                f"{min(best.coincidence, 1):.1g}"
            )
        return Explanation(best.cause, certain, message, distance, tuple(ranked))
    if there is None:
        message = f"none of the known causes: {ranked[0].detail}, but the values do not fit"
        return Explanation("none of these", False, message, distance, tuple(ranked))
    bound = certify(model, there.b).error_bound
    short = fit.log_likelihood - model.log_likelihood(there.b)
    start = model.log_likelihood(np.zeros(model.n_parameters))
    facts = (
        f"the score is not 0 there, the log-likelihood is {short:.4g} below its maximum, and the "
        f"coefficients are {distance:.3g} standard errors from the MLE"
    )
    if math.isfinite(bound) or short < 0.5 * (fit.log_likelihood - start):
        proved = f" (at most {bound:.3g}, proved)" if math.isfinite(bound) else ""
        message = (
            f"{facts}{proved}; no other cause fits, so an optimiser may have stopped early, or "
            "many rows been left out by a rule that is not among those tried"
        )
        return Explanation("stopped early", False, message, distance, tuple(ranked))
    return Explanation(
        "none of these", False, f"none of the known causes: {facts}", distance, tuple(ranked)
    )


def _best_of_each(causes: list[Cause]) -> list[Cause]:
    """The likeliest way in which each cause may have come about, the likeliest cause first."""

    def rank(cause: Cause) -> tuple[bool, float, float]:
        return cause.distance > LEFT, cause.coincidence, cause.distance

    found: dict[str, Cause] = {}
    for cause in sorted(causes, key=rank):
        found.setdefault(cause.cause, cause)
    return list(found.values())


def _rounding(there: There | None) -> float:
    """Upper bound on what rounding to the decimals given may have moved, in standard errors."""
    if there is None or there.fit is None or not _few_digits(there.b):
        return 0.0
    information = np.linalg.inv(there.fit.covariance)
    return float(_half_units(there.b) @ np.sqrt(np.diag(information)))


def _without_mle(
    model: BernoulliLogistic, given: dict[str, float], error: MLEDoesNotExistError
) -> Explanation:
    """There is no MLE to differ from; a penalty may still explain the numbers."""
    existence = error.existence
    placed = _place(model, given)
    if existence.kind == "rank deficient":
        message = f"the coefficients are not determined: {existence.message}"
        return Explanation("dependent columns", True, message, math.nan, ())
    ranked: list[Cause] = []
    if not isinstance(placed, Cause):
        there = There.at(model, None, placed)
        ranked = sorted(ridge(there, LEAST_PENALTY), key=lambda cause: cause.coincidence)
        if ranked and ranked[0].coincidence < CERTAIN:
            message = f"{ranked[0].detail}. Without it there is no MLE: {existence.message}"
            return Explanation("ridge penalty", True, message, math.nan, tuple(ranked))
    if existence.kind == "undecided":
        return Explanation("none of these", False, existence.message, math.nan, tuple(ranked))
    diverging = [name for name, where in existence.coefficients.items() if where != "finite"]
    stated = ", ".join(
        f"{printable(name)} = {given[name]:.6g}" for name in diverging[:5] if name in given
    )
    message = (
        f"there is no MLE to reproduce: {existence.message}. What a program prints for "
        f"{first_of(map(printable, diverging))} depends on where its tolerance let it stop"
        + (f" ({stated})" if stated else "")
    )
    return Explanation("separation", True, message, math.nan, tuple(ranked))


def _rounded(b: Array, fit: PointEstimate) -> bool:
    """Whether b are the MLE's coefficients, rounded to the decimals that b have."""
    gap = np.abs(b - fit.coefficients)
    return _few_digits(b) and bool((gap <= 1.0001 * _half_units(b)).all())


def _few_digits(b: Array) -> bool:
    """Whether the numbers are written with at most 12 significant digits."""
    mantissas = [repr(value).partition("e")[0] for value in b.tolist()]
    digits = [text.replace(".", "").strip("-").strip("0") for text in mantissas]
    return max(map(len, digits)) <= 12


def _half_units(b: Array) -> Array:
    """Half a unit of the last decimal that each number is written with."""
    return np.array([0.5 * 10.0 ** -_decimals(value) for value in b.tolist()])


def _decimals(value: float) -> int:
    """Decimals that a number is written with."""
    mantissa, _, exponent = repr(value).partition("e")
    _, _, decimals = mantissa.partition(".")
    return (0 if decimals == "0" else len(decimals)) - int(exponent or 0)


def _place(model: BernoulliLogistic, given: dict[str, float]) -> Array | Cause:
    """The coefficients in the model's order; a cause where they are not the model's."""
    known = with_our_intercept(given, model.names)
    missing = [name for name in model.names if name not in known]
    extra = [name for name in known if name not in model.names]
    if not missing and not extra:
        return in_order(known, model.names)
    intercepts = [name for name in missing if name in INTERCEPTS]
    if missing == intercepts and len(missing) == 1 and not extra:
        known[missing[0]] = 0.0
        return in_order(known, model.names)
    if not missing and len(extra) == 1 and extra[0] in INTERCEPTS:
        return _their_intercept(model, known, extra[0])
    found = _other_levels(model, known)
    if found is not None:
        return found
    what = [f"lacks {first_of(map(printable, missing))}"] if missing else []
    what += [f"has {first_of(map(printable, extra))} besides"] if extra else []
    raise ValueError(
        f"the coefficients are not those of the model: what is given {' and '.join(what)}; the "
        f"model has {', '.join(map(printable, model.names))}"
    )


def _their_intercept(model: BernoulliLogistic, known: Mapping[str, float], name: str) -> Cause:
    """They have an intercept and the model has none."""
    design = np.column_stack([np.ones(model.n_rows), model.design])
    weights = model.frequency_weights
    larger = BernoulliLogistic.from_arrays(
        design, model.response, offset=model.offset, frequency_weights=weights
    )
    b = np.array([known[name], *(known[own] for own in model.names)])
    detail = "they have an intercept, and the model has none: add one"
    try:
        there = There.at(larger, fit_newton(larger), b)
    except MLEDoesNotExistError:
        return Cause("missing intercept", detail, math.inf, 1.0)
    return there.cause(
        "missing intercept", detail, there.distance, 1, len(b), max(abs(b[0]), there.distance)
    )


def _other_levels(model: BernoulliLogistic, known: Mapping[str, float]) -> Cause | None:
    """Coefficients by the names of other levels, beside the MLE recoded."""
    try:
        mle = fit_newton(model)
    except MLEDoesNotExistError:
        return None
    intercept = next((name for name in model.names if name in INTERCEPTS), None)
    categories = categories_of(model)
    if intercept is None:
        return None
    best: Cause | None = None
    choices = itertools.product(*(category.levels for category in categories))
    for chosen in itertools.islice(choices, MOST_CODINGS):
        expected, gained, said = by_name(model, mle.coefficients, categories, chosen, known)
        if expected is None or not said:
            continue
        expected[intercept] += gained
        names = list(expected)
        gap = np.array([known[name] - expected[name] for name in names])
        moved = np.array([expected[name] for name in names])
        error = float(mle.standard_errors.min())
        left, whole = (float(np.linalg.norm(v)) / error for v in (gap, moved))
        detail = (
            f"coefficients are differences from {', '.join(said)}; the fitted probabilities are "
            "the same"
        )
        chance = MOST_CODINGS * max(left / whole if whole else 1.0, 1e-300) ** len(names)
        cause = Cause("reference level", detail, left, min(chance, 1.0))
        if best is None or cause.coincidence < best.coincidence:
            best = cause
    return best
