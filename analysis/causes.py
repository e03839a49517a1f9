"""What other programs do to coefficients, each by the equation that they then satisfy.

Every function here takes coefficients b with what the likelihood looks like there, and yields the
ways in which one cause may have led to b, with the distance that each leaves unexplained.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_ndtr

from flatprior.analysis.codings import MOST_CODINGS, recodings
from flatprior.analysis.moments import posterior_moments
from flatprior.models import BernoulliLogistic, PointEstimate, sample_independence
from flatprior.models._text import count, first_of, printable
from flatprior.models.certificate import whitening
from flatprior.models.likelihood import linear_predictor, row_terms
from flatprior.models.rows import Array, ArrayRows

EXPLAINED = 0.3  # of the score: what a penalty may leave of it
MOST_DIMENSIONS = 50  # beyond it the posterior mean is not sampled

UNITS = (
    *(10.0**power for power in range(-9, 10) if power),
    *(
        unit**way
        for unit in (12, 7, 24, 60, 365.25, 2.54, 0.45359237, 1.609344, 2)
        for way in (1, -1)
    ),
)


@dataclass(frozen=True)
class Cause:
    """One possible cause, tested.

    Attributes
    ----------
    cause : str
    detail : str
        How it would have come about, with what was estimated.
    distance : float
        What is left unexplained, in standard errors.
    coincidence : float
        About how often numbers that have nothing to do with this cause would fit so well.
    """

    cause: str
    detail: str
    distance: float
    coincidence: float


@dataclass(frozen=True, eq=False)
class There:
    """The coefficients in question, and what the likelihood looks like there.

    Attributes
    ----------
    model : BernoulliLogistic
    fit : PointEstimate or None
        The MLE, where there is one.
    b : ndarray (k,)
    white : ndarray (k, k)
        T with T'HT the identity, H the information at b.
    scores : ndarray (n, k)
        Of each row, in whitened columns.
    distance : float
        From the MLE, in the norm of the information there.
    """

    model: BernoulliLogistic
    fit: PointEstimate | None
    b: Array
    white: Array | None
    scores: Array
    distance: float

    @classmethod
    def at(cls, model: BernoulliLogistic, fit: PointEstimate | None, b: Array) -> There:
        """Evaluate the rows at b."""
        white = whitening(model.rows, b)
        residual = row_terms(model.arrays.block(slice(None)), b).residual
        scores = np.zeros((model.n_rows, model.n_parameters))
        if white is not None:
            scores = residual[:, None] * (model.design @ white)
        there = cls(model, fit, b, white, scores, math.nan)
        if fit is None:
            return there
        return cls(model, fit, b, white, scores, there.length(b - fit.coefficients))

    @property
    def mle(self) -> PointEstimate:
        """The MLE, where it is known that there is one."""
        if self.fit is None:
            raise ValueError("there is no MLE")
        return self.fit

    @property
    def intercept(self) -> int | None:
        """Which column is constant, if one is."""
        design = self.model.design
        constant = [j for j in range(design.shape[1]) if design[0, j] and np.ptp(design[:, j]) == 0]
        return constant[0] if constant else None

    @property
    def slopes(self) -> list[int]:
        """The other columns."""
        return [j for j in range(len(self.b)) if j != self.intercept]

    @property
    def pull(self) -> Array:
        """The score, whitened, (k,)."""
        return np.asarray(self.scores.sum(axis=0))

    @property
    def score(self) -> Array:
        """The score at b, (k,)."""
        return self.model.score(self.b)

    def length(self, difference: Array) -> float:
        """Of a difference of coefficients (k,), in the norm of the information at the MLE."""
        error = self.mle.standard_errors
        unit = self.mle.covariance / np.outer(error, error)
        return float(np.linalg.norm(np.linalg.solve(np.linalg.cholesky(unit), difference / error)))

    def cause(
        self,
        name: str,
        detail: str,
        distance: float,
        ways: float,
        equations: int,
        whole: float | None = None,
    ) -> Cause:
        """A cause that leaves `distance` of the `whole` unexplained."""
        whole = self.distance if whole is None else whole
        ratio = distance / whole if whole > 0 else 1.0
        log_chance = math.log(ways) + equations * math.log(max(ratio, 1e-300))
        chance = math.exp(min(log_chance, 0.0)) if equations > 0 else 1.0
        return Cause(name, detail, distance, chance)


def ridge(there: There, least: float = 0.0) -> Iterator[Cause]:
    """S(b) = P b / C, P diagonal: 1, or the variance of predictors that were standardised."""
    k, slopes, intercept = len(there.b), there.slopes, there.intercept
    center, scale = location(there.model)
    scale = np.where(scale > 0, scale, 1.0)
    plain = np.zeros(k)
    plain[slopes] = 1.0
    raw = there.b / np.where(plain > 0, scale, 1.0)
    if intercept is not None:
        constant = there.model.design[0, intercept]
        raw[intercept] -= (raw[slopes] @ center[slopes]) / constant
    whose = "; the intercept was not penalised" if intercept is not None else ""
    variants = [
        (there, plain, whose),
        (there, plain * scale**2, f", on standardised columns{whose}"),
    ]
    if intercept is not None:
        variants.append((there, np.ones(k), "; the intercept was penalised too"))
        moved = There.at(there.model, there.fit, raw)
        text = ", on standardised columns, whose coefficients these are" + whose
        variants.append((moved, plain * scale**2, text))
    for place, penalty, text in variants:
        # on separated data the information says nothing along what diverges: weigh all alike
        white = place.white if there.fit is not None else whitening(place.model.rows)
        if white is None:
            continue
        pull, shrink = white.T @ place.score, white.T @ (penalty * place.b)
        strength = float(pull @ shrink) / float(shrink @ shrink) if shrink.any() else 0.0
        if strength <= least:
            continue
        left = float(np.linalg.norm(pull - strength * shrink))
        detail = (
            "the score is proportional to the coefficients, as at the maximum of a likelihood "
            f"with a ridge penalty of C = {1 / strength:.4g} (lambda = {strength:.4g}){text}"
        )
        whole = float(np.linalg.norm(pull))
        if left > EXPLAINED * whole:
            continue
        if place is not there and there.fit is not None:  # standardising explains a part as well
            whole = max(whole, there.distance)
        yield there.cause("ridge penalty", detail, left, len(variants), k - 1, whole)


def flipped(there: There) -> Iterator[Cause]:
    """The score at b of the opposite outcomes is 0."""
    if there.white is None:
        return
    detail = (
        "these are the MLE of the opposite response: what counts as 1 here counts as 0 there, and "
        "every coefficient has the other sign"
    )
    block = there.model.arrays.block(slice(None))
    opposite = row_terms(block._replace(sign=-block.sign), there.b).residual
    left = float(np.linalg.norm(there.white.T @ (opposite @ block.design)))
    whole = float(np.linalg.norm(there.pull))
    yield there.cause("response flipped", detail, left, 1, len(there.b), whole)


def no_intercept(there: There) -> Iterator[Cause]:
    """The score at b is 0 but for the intercept, which is 0 itself."""
    model, j = there.model, there.intercept
    if j is None or there.b[j] != 0 or there.white is None or not there.slopes:
        return
    rows, others = model.arrays, there.slopes
    white = whitening(
        ArrayRows(
            np.ascontiguousarray(model.design[:, others]), rows.response, rows.offset, rows.weights
        ),
        there.b[others],
    )
    if white is None:
        return
    name = printable(model.names[j])
    detail = f"the intercept {name} was left out: the other coefficients are the MLE without it"
    left = float(np.linalg.norm(white.T @ there.score[others]))
    whole = float(np.linalg.norm(there.pull))
    yield there.cause("missing intercept", detail, left, 1, len(others), whole)


def location(model: BernoulliLogistic) -> tuple[Array, Array]:
    """Mean and standard deviation (ddof 0) of each column."""
    weights = model.frequency_weights
    center = np.average(model.design, axis=0, weights=weights)
    variance = np.average(np.square(model.design - center), axis=0, weights=weights)
    variance[np.ptp(model.design, axis=0) == 0] = 0.0
    return center, np.sqrt(variance)


def rescaled(there: There) -> Iterator[Cause]:
    """Each slope times 1 or the scale of its column; the intercept moved with the centres."""
    slopes, intercept, mle = there.slopes, there.intercept, there.mle.coefficients
    if not slopes:
        return
    model = there.model
    center, deviation = location(model)
    n = model.n_observations
    low, high = model.design.min(axis=0), model.design.max(axis=0)
    sample = deviation * math.sqrt(n / (n - 1)) if n > 1 else deviation
    families = {
        "divided by their standard deviations": (deviation, center),
        "divided by their standard deviations (ddof 1)": (sample, center),
        "divided by two standard deviations": (2 * sample, center),
        "scaled to the range from 0 to 1": (high - low, low),
        "divided by their largest values": (np.abs(model.design).max(axis=0), None),
        "centred": (np.ones_like(mle), center),
    }
    error = there.mle.standard_errors
    ways = 2 * len(families) * 2.0 ** len(slopes)
    for text, (scale, origin) in families.items():
        for centred in (True, False) if text != "centred" else (True,):
            if centred and (origin is None or intercept is None):
                continue
            scaled = [
                j
                for j in slopes
                if abs(there.b[j] - mle[j] * scale[j]) / (error[j] * max(scale[j], 1e-300))
                < abs(there.b[j] - mle[j]) / error[j]
                or (text == "centred" and center[j])
            ]
            if not scaled:
                continue
            expected = mle.copy()
            expected[scaled] *= scale[scaled]
            if centred and origin is not None and intercept is not None:
                expected[intercept] += (mle[scaled] @ origin[scaled]) / model.design[0, intercept]
            which = "" if len(scaled) == len(slopes) else _names_of(model, scaled)
            also = " and centred" if centred and text != "centred" and origin is center else ""
            detail = (
                f"the predictors{which} were {text}{also}; the fitted probabilities are the same"
            )
            # a scaled coefficient is as uncertain as its scale is large
            unit = np.ones_like(mle)
            unit[scaled] = scale[scaled]
            left = there.length((there.b - expected) / unit)
            whole = there.length((there.b - mle) / unit)
            yield there.cause("predictors rescaled", detail, left, ways, len(mle), whole)
    yield from _other_units(there)


def _names_of(model: BernoulliLogistic, columns: list[int]) -> str:
    return f" {first_of(printable(model.names[j]) for j in columns)}"


def _other_units(there: There) -> Iterator[Cause]:
    """Some slopes times a factor between common units, all else the same."""
    mle, units = there.mle.coefficients, np.array(UNITS)
    expected, factors = mle.copy(), {}
    for j in there.slopes:
        options = np.append(units, 1.0)
        gaps = np.abs(there.b[j] / options - mle[j])
        best = options[gaps.argmin()]
        # a factor is believed where it explains what chance would not, and the sign is right
        if best != 1 and gaps.min() < 0.05 * abs(there.b[j] - mle[j]) / max(best, 1.0):
            expected[j], factors[j] = mle[j] * best, best
    if not factors:
        return
    text = first_of(
        f"{printable(there.model.names[j])} by {1 / factor:.6g}" for j, factor in factors.items()
    )
    unit = np.ones_like(mle)
    unit[list(factors)] = list(factors.values())
    yield there.cause(
        "predictors rescaled",
        f"predictors were multiplied by a factor: {text}; the fitted probabilities are the same",
        there.length((there.b - expected) / unit),
        float(len(UNITS)) ** len(factors),
        len(mle),
        there.length((there.b - mle) / unit),
    )


def any_units(there: There, errors: Array) -> list[Cause]:
    """Coefficients over their standard errors are those of the MLE, whatever the units."""
    slopes, mle = there.slopes, there.mle
    if not slopes or not (errors > 0).all():
        return []
    z = mle.coefficients / mle.standard_errors
    left = float(np.linalg.norm((there.b / errors - z)[slopes]))
    factors = there.b[slopes] / mle.coefficients[slopes]
    if (factors <= 0).any():
        return []
    text = first_of(
        f"{printable(there.model.names[j])} by {1 / factor:.6g}"
        for j, factor in zip(slopes, factors, strict=True)
        if abs(factor - 1) > 1e-6
    )
    detail = f"predictors were multiplied by a factor ({text}): their z values are the MLE's"
    return [there.cause("predictors rescaled", detail, left, 1, len(slopes))]


def reference_level(there: There) -> Iterator[Cause]:
    """The coefficients of a category as differences from another level, in its place."""
    for detail, expected in recodings(there.model, there.mle.coefficients):
        left = there.length(there.b - expected)
        yield there.cause("reference level", detail, left, MOST_CODINGS, len(there.b))


def probit(there: There) -> Iterator[Cause]:
    """The probit score at b, in the norm of the probit information."""
    block = there.model.arrays.block(slice(None))
    margin = block.sign * linear_predictor(block, there.b)
    # d log Phi(m) / dm = phi / Phi
    ratio = np.exp(-np.square(margin) / 2 - 0.5 * math.log(2 * math.pi) - log_ndtr(margin))
    weights = 1.0 if block.weights is None else block.weights
    pull = (weights * block.sign * ratio) @ block.design
    curvature = weights * ratio * (ratio + margin)
    lower = _root(block.design, curvature)
    if lower is None:
        return
    left = float(np.linalg.norm(lower @ pull))
    detail = "these maximise the probit likelihood, P(y = 1) = Phi(x'beta), in place of the logit"
    yield there.cause("probit", detail, left, 1, len(there.b))


def _root(design: Array, curvature: Array) -> Array | None:
    """A matrix that whitens a score with information ``X' diag(curvature) X``."""
    scale = np.sqrt(curvature @ np.square(design))
    if not (np.isfinite(scale).all() and scale.all()):
        return None
    unit = design / scale
    try:
        return np.asarray(
            np.linalg.inv(np.linalg.cholesky(unit.T @ (curvature[:, None] * unit))) / scale
        )
    except np.linalg.LinAlgError:
        return None


def path_from_zero(there: There) -> Iterator[Cause]:
    """Iterates of Newton's method and of L-BFGS from zero."""
    model, k = there.model, len(there.b)
    paths = {
        "Newton's method (iteratively reweighted least squares)": _newton_path(model),
        "L-BFGS": _lbfgs_path(model, 1.0),
        "L-BFGS (as in scikit-learn)": _lbfgs_path(model, 1.0 / model.n_observations),
    }
    ways = sum(len(path) for path in paths.values())
    for text, path in paths.items():
        gaps = [there.length(there.b - point) for point in path]
        steps = int(np.argmin(gaps))
        detail = f"{text} from zero passes here after {count(steps, 'iteration')}: it stopped early"
        yield there.cause("stopped early", detail, gaps[steps], ways, k)


def _lbfgs_path(model: BernoulliLogistic, scale: float) -> list[Array]:
    """Iterates of L-BFGS from zero on `scale` times the negative log-likelihood."""
    zero = np.zeros(model.n_parameters)
    path = [zero]

    def loss(beta: Array) -> Any:
        return -scale * model.log_likelihood(beta), -scale * model.score(beta)

    with np.errstate(all="ignore"):
        minimize(
            loss,
            zero,
            jac=True,
            method="L-BFGS-B",
            callback=lambda beta: path.append(np.array(beta)),
            options={"maxiter": 200, "ftol": 1e-14, "gtol": 1e-12, "maxls": 50},
        )
    return path


def _newton_path(model: BernoulliLogistic) -> list[Array]:
    """Undamped Newton steps from zero, as far as they go."""
    beta = np.zeros(model.n_parameters)
    path = [beta]
    for _ in range(25):
        white = whitening(model.rows, beta)
        if white is None:
            break
        step = white @ (white.T @ model.score(beta))
        beta = beta + step
        if not np.isfinite(beta).all():
            break
        path.append(beta)
    return path


def posterior_mean(there: There) -> Iterator[Cause]:
    """The mean of the flat-prior posterior, by control variates."""
    model = there.model
    if model.n_parameters > MOST_DIMENSIONS:
        return
    posterior = sample_independence(model, draws=2000, seed=1, progress=False)
    moments = posterior_moments(model, posterior)
    mle = there.mle
    left = there.length(there.b - moments.mean)
    shift = np.max(np.abs(moments.mean - mle.coefficients) / mle.standard_errors)
    detail = (
        "these are near the mean of the flat-prior posterior, which is not its mode: it is shifted "
        f"from the MLE by up to {shift:.2g} standard errors"
    )
    yield there.cause("posterior mean", detail, left, 1, len(there.b))
