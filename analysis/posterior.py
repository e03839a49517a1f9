r"""Are these draws from the flat-prior posterior? Tested against identities that hold exactly.

With score S and MLE :math:`\hat\beta`, integration by parts gives under the flat-prior posterior

.. math:: E[S(\beta)] = 0, \qquad E[(\beta - \hat\beta)'S(\beta)] = -k ,

whatever the sample size. The first sees a wrong prior, a dropped row, Laplace draws posing as
posterior draws; the second sees draws that are too wide or too narrow. No draw can have a higher
log-likelihood than the MLE, and the mode can be estimated from the draws alone. The posterior mean
is *not* the MLE: how far it lies is predicted and shown beside what was observed, but decides
nothing.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.linalg import lstsq
from scipy.optimize import minimize
from scipy.stats import f as f_distribution
from scipy.stats import t as t_distribution

from flatprior.models import (
    BernoulliLogistic,
    Certificate,
    PointEstimate,
    Posterior,
    fit_newton,
)
from flatprior.models._files import finite
from flatprior.models.likelihood import linear_predictor, row_terms
from flatprior.models.rows import Array, Block

FALSE_ALARM = 1e-3
HIGHEST_DEGREE = 6
DRAWS_PER_TERM = 8
# The stated error of the mode is this many times the largest change that the fit shows when its
# degree, its weights or its draws are varied. The change alone can fall short of the error by half.
SAFETY = 3.0
LEAST_BLOCKS = 4


@dataclass(frozen=True, eq=False)
class PosteriorCheck:
    """What the draws of one route say about themselves.

    Attributes
    ----------
    route : str
    n_draws : int
    score_p, trace_p : float
        p-values of the score and the trace test.
    trace : float
        Mean of ``(beta - mle)'S`` over the draws; its expectation is exactly ``-k``.
    highest_draw : float
        Largest log-likelihood of a draw minus that of the MLE; must not be positive.
    mode : PointEstimate
        Estimated from the draws alone.
    mode_distance, mode_error : float
        Its largest distance from the MLE, and its stated error, in standard errors.
    shift, predicted_shift : ndarray (k,)
        Posterior mean minus MLE in standard errors: observed, and predicted by theory.
    shift_mcse : ndarray (k,)
        Monte Carlo standard error of `shift`.
    false_alarm : float
        Probability that correct draws fail the score or the trace test.
    r_hat, ess, ess_tail : float
        Worst over the coefficients; effective sample sizes of the bulk and the tails.
    n_divergences : int
    passed : bool
    """

    route: str
    n_draws: int
    names: tuple[str, ...]
    score_p: float
    trace: float
    trace_p: float
    highest_draw: float
    mode: PointEstimate
    mode_distance: float
    mode_error: float
    shift: Array
    predicted_shift: Array
    shift_mcse: Array
    false_alarm: float
    r_hat: float
    ess: float
    ess_tail: float
    n_divergences: int

    @property
    def k(self) -> int:
        """Number of coefficients."""
        return len(self.names)

    @property
    def failures(self) -> tuple[str, ...]:
        """The claims that do not hold, in words; none if the draws pass."""
        threshold = self.false_alarm / 2  # two tests share the false-alarm rate (Bonferroni)
        found = []
        if not self.score_p >= threshold:
            found.append(f"the mean score is not 0 (p = {self.score_p:.1e})")
        if not self.trace_p >= threshold:
            found.append(
                f"the mean of (beta - MLE)'score is {self.trace:.2f}, not {-self.k} "
                f"(p = {self.trace_p:.1e})"
            )
        if not self.highest_draw <= 0:
            found.append(f"a draw has a log-likelihood {self.highest_draw:.1e} above the maximum")
        if not self.mode_distance <= self.mode_error:
            found.append(
                f"the mode of the draws is {self.mode_distance:.2g} standard errors from the MLE, "
                f"its stated error is {self.mode_error:.1g}"
            )
        return tuple(found)

    @property
    def passed(self) -> bool:
        """Whether every test holds."""
        return not self.failures

    def shift_table(self) -> pd.DataFrame:
        """Posterior mean minus MLE in standard errors, observed beside predicted."""
        return pd.DataFrame(
            {"observed": self.shift, "predicted": self.predicted_shift, "mcse": self.shift_mcse},
            index=pd.Index(self.names, name="name"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, ready for JSON."""
        facts: dict[str, Any] = {
            "route": self.route,
            "passed": self.passed,
            "failures": list(self.failures),
            "n_draws": self.n_draws,
            "false_alarm": self.false_alarm,
            "score_p": self.score_p,
            "trace": self.trace,
            "trace_expected": -self.k,
            "trace_p": self.trace_p,
            "highest_draw": self.highest_draw,
            "mode": self.mode.coefficients.tolist(),
            "mode_distance": self.mode_distance,
            "mode_error": self.mode_error,
            "shift": self.shift.tolist(),
            "predicted_shift": self.predicted_shift.tolist(),
            "shift_mcse": self.shift_mcse.tolist(),
            "r_hat": self.r_hat,
            "ess": self.ess,
            "ess_tail": self.ess_tail,
            "n_divergences": self.n_divergences,
        }
        plain: dict[str, Any] = finite(facts)
        return plain


def check_posterior(
    model: BernoulliLogistic,
    posterior: Posterior,
    mle: PointEstimate | None = None,
    false_alarm: float = FALSE_ALARM,
) -> PosteriorCheck:
    """Test draws against the exact identities of the flat-prior posterior.

    Parameters
    ----------
    model : BernoulliLogistic
    posterior : Posterior
    mle : PointEstimate, optional
        A certified MLE of `model`; default the Newton route's.
    false_alarm : float
        Probability that correct draws fail the score or the trace test. (The mode of the draws is
        held against its stated error, which is an estimate with a safety factor.)

    Returns
    -------
    PosteriorCheck

    Raises
    ------
    ValueError
        If the draws are of other coefficients, or too few: both tests need more batches of draws
        (one per square root of the draws of a chain) than coefficients.

    Notes
    -----
    The score test is Hotelling's T-squared on batch means of the whitened score, the trace test a
    t-test on batch means; batches of sqrt(n) consecutive draws within a chain (Flegal and Jones,
    2010, "Batch means and spectral variance estimators in Markov chain Monte Carlo", Annals of
    Statistics 38, 1034-1070).

    Examples
    --------
    >>> from flatprior.analysis import check_posterior
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_nuts
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> check_posterior(model, sample_nuts(model, seed=1, progress=False)).passed
    True
    """
    if posterior.names != model.names:
        raise ValueError(
            f"the draws are of {', '.join(posterior.names)}, the model has {', '.join(model.names)}"
        )
    if not 0 < false_alarm < 1:
        raise ValueError(f"false_alarm must lie between 0 and 1, not {false_alarm!r}")
    mle = fit_newton(model) if mle is None else mle
    identities = exact_identities(model, posterior.draws, mle)
    error = mle.standard_errors
    mode = posterior_mode(posterior)
    assert mode.stated_error is not None  # noqa: S101
    summary = posterior.summary()
    # loglik(draw) - loglik(MLE) is a difference of sums: allow the rounding of the two
    noise = 1e-12 * (1 + abs(mle.log_likelihood))
    return PosteriorCheck(
        route=posterior.route,
        n_draws=posterior.log_density.size,
        names=model.names,
        score_p=identities.score_p,
        trace=identities.trace,
        trace_p=identities.trace_p,
        highest_draw=identities.highest - mle.log_likelihood - noise,
        mode=mode,
        mode_distance=float(np.max(np.abs(mode.coefficients - mle.coefficients) / error)),
        mode_error=float(np.max(mode.stated_error / error)) + mle.certificate.error_bound,
        shift=(posterior.draws.mean(axis=(0, 1)) - mle.coefficients) / error,
        predicted_shift=predicted_mean_shift(model, mle) / error,
        shift_mcse=summary["mcse"].to_numpy() / error,
        false_alarm=false_alarm,
        r_hat=float(summary["r_hat"].max()),
        ess=float(summary["ess bulk"].min()),
        ess_tail=float(summary["ess tail"].min()),
        n_divergences=posterior.n_divergences,
    )


class Identities(NamedTuple):
    """What `exact_identities` finds."""

    score_p: float
    trace: float
    trace_p: float
    highest: float  # largest log-likelihood of a draw


def exact_identities(model: BernoulliLogistic, draws: Array, mle: PointEstimate) -> Identities:
    """Score and trace test of draws (chains, n, k), and their highest log-likelihood."""
    chains, n, k = draws.shape
    flat = draws.reshape(-1, k)
    values = model.evaluate_many(flat)
    error = mle.standard_errors
    # score in whitened coordinates, so that its covariance is near the identity
    root = np.linalg.cholesky(mle.covariance / np.outer(error, error)) * error[:, None]
    score = _batch_means((values.score @ root).reshape(chains, n, k))
    trace = np.einsum("ij,ij->i", flat - mle.coefficients, values.score)
    batches = len(score)
    if batches <= k + 1:
        raise ValueError(
            f"{chains} chains of {n} draws make {batches} batches, too few to test {k} "
            "coefficients; draw more"
        )
    return Identities(
        _hotelling_p(score),
        float(trace.mean()),
        _t_p(_batch_means((trace + k).reshape(chains, n, 1))[:, 0]),
        float(values.log_likelihood.max()),
    )


def predicted_mean_shift(model: BernoulliLogistic, mle: PointEstimate) -> Array:
    r"""First-order prediction of posterior mean minus MLE, (k,) in units of the coefficients.

    :math:`-\frac12 H^{-1} X'(D(1 - 2p) \circ v)` with :math:`v_i = x_i'H^{-1}x_i`: minus the bias
    of the MLE that Cox and Snell (1968) found. Its own error is of order n^-2.
    """

    def skewness(block: Block) -> Array:
        terms = row_terms(block, mle.coefficients)
        eta = linear_predictor(block, mle.coefficients)
        variance = np.einsum("ij,jk,ik->i", block.design, mle.covariance, block.design)
        pulled = block.design.T @ (terms.curvature * np.tanh(eta / 2) * variance)
        return np.asarray(pulled)

    return np.asarray(mle.covariance @ model.rows.reduce(skewness) / 2)


def posterior_mode(posterior: Posterior) -> PointEstimate:
    """Estimate the posterior mode from draws and the sampler's own log-density, and nothing else.

    The log-density is regressed on a polynomial in the whitened draws, weighted by the density
    itself, and the polynomial is maximised. No optimiser has seen the likelihood, so that the mode
    agrees with the MLE is evidence about both.

    Parameters
    ----------
    posterior : Posterior

    Returns
    -------
    PointEstimate
        Of route "draws", without a certificate (``error_bound`` is inf) but with `stated_error`,
        the same number of standard errors for every coefficient: three times the largest change on
        lowering the degree by one, on leaving out a chain (or a quarter of the draws), and on
        weighting by the root of the density instead. An estimate, not a bound.

    Raises
    ------
    ValueError
        If the draws are too few for a quadratic, or vary in fewer than k directions.

    Notes
    -----
    The degree is the highest up to 6 with fewer terms than an eighth of the draws.

    Examples
    --------
    >>> from flatprior.analysis import posterior_mode
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_nuts
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> posterior_mode(sample_nuts(model, seed=1, progress=False)).coefficients.round(2).tolist()
    [-9.7, 2.84]
    """
    start = time.perf_counter()
    draws, density = posterior.draws, posterior.log_density
    chains, n, k = draws.shape
    degree = next(
        (
            d
            for d in range(HIGHEST_DEGREE, 1, -1)
            if math.comb(k + d, d) * DRAWS_PER_TERM < chains * n
        ),
        None,
    )
    if degree is None:
        raise ValueError(
            f"{chains * n} draws are too few to find the mode of {k} coefficients; "
            f"draw {least_draws(k)} or more"
        )
    flat = draws.reshape(-1, k)
    centre, scale = flat.mean(axis=0), flat.std(axis=0, ddof=1)
    if not (scale > 0).all():
        raise ValueError("the draws of a coefficient are all equal")
    correlation = np.atleast_2d(np.corrcoef(flat, rowvar=False))
    try:
        root = np.linalg.cholesky(correlation) * scale[:, None]
    except np.linalg.LinAlgError:
        raise ValueError("the draws vary in fewer directions than there are coefficients") from None
    white = np.linalg.solve(root, (flat - centre).T).T

    lp = density.ravel()
    blocks = np.array_split(np.arange(len(lp)), chains if chains >= LEAST_BLOCKS else LEAST_BLOCKS)

    best, hessian, highest = _polynomial_mode(white, lp, degree)
    # below the quadratic stands the mean, the origin of the whitened draws
    lower = _polynomial_mode(white, lp, degree - 1)[0] if degree > 2 else np.zeros(k)
    others = [lower, _polynomial_mode(white, lp, degree, exponent=0.5)[0]]
    for block in blocks:
        rest = np.delete(np.arange(len(lp)), block)
        others.append(_polynomial_mode(white[rest], lp[rest], degree)[0])
    covariance = root @ np.linalg.inv(-hessian) @ root.T
    error = np.sqrt(np.diag(covariance))
    changes = [np.max(np.abs(root @ (other - best)) / error) for other in others]
    relative = SAFETY * float(max(changes))
    return PointEstimate(
        route="draws",
        names=posterior.names,
        coefficients=centre + root @ best,
        covariance=covariance,
        log_likelihood=highest,
        certificate=Certificate.refused(k),
        converged=True,
        message=f"degree {degree}, {chains * n} draws, stated error {relative:.1e} standard errors",
        n_iterations=0,
        seconds=time.perf_counter() - start,
        provenance=posterior.provenance,
        stated_error=relative * error,
    )


def least_draws(k: int) -> int:
    """Fewest draws, all chains together, from which the mode of k coefficients can be found."""
    return DRAWS_PER_TERM * math.comb(k + 2, 2) + 1


def _polynomial_mode(
    white: Array, density: Array, degree: int, exponent: float = 1.0
) -> tuple[Array, Array, float]:
    """Fit a polynomial to the log-density, each draw weighted by the density to the `exponent`.

    Returns its mode (k,), its Hessian there and its value.
    """
    from sklearn.preprocessing import PolynomialFeatures

    top = float(density.max())
    features = PolynomialFeatures(degree)
    terms = features.fit_transform(white)
    powers = features.powers_
    weight = np.exp(exponent * (density - top) / 2)  # least squares squares it
    coefficients = lstsq(weight[:, None] * terms, weight * (density - top), lapack_driver="gelsy")[
        0
    ]

    first = [_derivative(coefficients, powers, j) for j in range(white.shape[1])]
    second = [[_derivative(*part, j) for j in range(white.shape[1])] for part in first]

    def hessian(z: Any) -> Array:
        return np.array([[-_value(*part, z) for part in row] for row in second])

    def value(z: Any) -> float:
        return -_value(coefficients, powers, z)

    def gradient(z: Any) -> Array:
        return np.array([-_value(*part, z) for part in first])

    found: Any = minimize(
        value,
        white[int(density.argmax())],
        jac=gradient,
        hess=hessian,
        method="trust-exact",
        options={"gtol": 1e-10},
    )
    return found.x, -hessian(found.x), top - float(found.fun)


def _derivative(coefficients: Array, powers: Any, j: int) -> tuple[Array, Any]:
    """Coefficients and exponents of the derivative of a polynomial in variable j."""
    keep = powers[:, j] > 0
    lowered = powers[keep].copy()
    lowered[:, j] -= 1
    return coefficients[keep] * powers[keep, j], lowered


def _value(coefficients: Array, powers: Any, z: Array) -> float:
    return float(coefficients @ np.prod(z**powers, axis=1))


def _batch_means(values: Array) -> Array:
    """Means of consecutive batches of sqrt(n) draws within each chain: (batches, columns)."""
    chains, n, columns = values.shape
    length = max(1, math.isqrt(n))
    batches = n // length
    trimmed = values[:, n - batches * length :]
    return np.asarray(trimmed.reshape(chains * batches, length, columns).mean(axis=1))


def _hotelling_p(means: Array) -> float:
    """Hotelling's T-squared p-value that independent batch means (m, k) have expectation 0."""
    m, k = means.shape
    average = means.mean(axis=0)
    covariance = np.atleast_2d(np.cov(means, rowvar=False)) / m
    try:
        statistic = float(average @ np.linalg.solve(covariance, average))
    except np.linalg.LinAlgError:  # draws that do not move
        return 0.0
    return float(f_distribution.sf(statistic * (m - k) / (k * (m - 1)), k, m - k))


def _t_p(means: Array) -> float:
    """Two-sided t-test p-value that independent batch means (m,) have expectation 0."""
    m = len(means)
    spread = means.std(ddof=1) / math.sqrt(m)
    if spread == 0:
        return 0.0
    return float(2 * t_distribution.sf(abs(means.mean()) / spread, m - 1))
