r"""How far any coefficients are from the MLE: a bound that is proved, whoever computed them.

Theorem. Let g and H be score and information at :math:`\beta`,
:math:`\lambda = \sqrt{g'H^{-1}g}` the Newton decrement and
:math:`R = \max_i \sqrt{x_i'H^{-1}x_i}`. If :math:`\lambda R < 1`, the MLE exists, is unique, and

.. math:: |\hat\beta_j - \beta_j| \le \rho\,\mathrm{se}_j, \qquad
          \rho = -\log(1 - \lambda R)/R, \quad \mathrm{se}_j = \sqrt{(H^{-1})_{jj}} .

Proof. The logistic loss satisfies :math:`|f'''| \le f''`. Along a direction of unit H-norm the
negative log-likelihood has :math:`f'(0) \ge -\lambda` and :math:`f''(t) \ge e^{-Rt}`, so
:math:`f'(t) \ge -\lambda + (1 - e^{-Rt})/R`, which is positive for :math:`t > \rho`.

Floating point. The bound is evaluated in whitened columns Z = X T with T from a QR factorisation of
:math:`D^{1/2}X`, so that Z'DZ is the identity up to a measured :math:`\delta`; neither T nor the
inverse of H needs to be accurate. The rounding of the linear predictor, of Z, of the residuals and
of every sum is bounded and added. "Proved" means: first-order rounding terms included, ``exp`` and
what is built on it correct to 4 units in the last place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_triangular

from flatprior.models.likelihood import (
    linear_predictor,
    row_terms,
    stack_factors,
    triangular_factor,
)
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Certificate, PointEstimate, Provenance, versions_of
from flatprior.models.rows import Array, Block, Rows

UNIT = float(np.finfo(float).eps) / 2  # unit roundoff
ROW_ULPS = 8 * UNIT  # relative error of one residual or curvature beside that of its margin

# The theorem needs lambda R < 1. Half of that keeps a distance to separated data, on which
# lambda R >= 1 exactly and rounding could bring it below.
LARGEST_PRODUCT = 0.5
LARGEST_DEPARTURE = 0.5  # of the whitened information from the identity: beyond it, no statement


def certify(model: BernoulliLogistic, coefficients: ArrayLike) -> Certificate:
    """Bound the distance between `coefficients` and the MLE of `model`.

    The bound needs the coefficients only, so it judges any program's answer.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : array_like (k,)
        In the order of ``model.names``.

    Returns
    -------
    Certificate
        With ``error_bound`` inf where nothing can be proved: too far away, no MLE, or a design too
        ill-conditioned for double precision.

    Raises
    ------
    ValueError
        If `coefficients` is not k finite numbers.

    Notes
    -----
    First-order rounding terms are included, and ``exp`` is assumed correct to 4 units in the last
    place; see the module's docstring for the theorem. The inequality on the third derivative is the
    generalised self-concordance of Bach (2010), "Self-concordant analysis for logistic regression",
    Electronic Journal of Statistics 4, 384-414.

    Examples
    --------
    A 2x2 table, 3 of 4 against 1 of 4, whose MLE is known: (-log 3, 2 log 3).

    >>> import numpy as np
    >>> from flatprior.models import BernoulliLogistic, certify
    >>> x, y = [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 0, 1, 1, 1]
    >>> model = BernoulliLogistic.from_arrays(x, y, intercept=True)
    >>> certify(model, [-np.log(3), 2 * np.log(3)]).error_bound < 1e-13
    True
    >>> certify(model, [-1.1, 2.2]).error_bound < 0.01
    True
    >>> certify(model, [0.0, 9.0]).error_bound
    inf
    """
    return evaluate(model, checked_coefficients(model, coefficients)).certificate


def verify(model: BernoulliLogistic, estimate: PointEstimate) -> Certificate:
    """Check a saved estimate against the data: same data, and coefficients that are the MLE.

    Parameters
    ----------
    model : BernoulliLogistic
        Built from the data again.
    estimate : PointEstimate
        For example from `PointEstimate.load`.

    Returns
    -------
    Certificate
        Computed anew.

    Raises
    ------
    ValueError
        If names or data are not those the estimate was computed from, or its stored
        log-likelihood or error bound does not stand.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> from flatprior.models.certificate import verify
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> verify(model, fit_newton(model)).proves_existence
    True
    """
    if estimate.names != model.names:
        raise ValueError(
            f"the estimate has coefficients {', '.join(estimate.names)}, "
            f"the model {', '.join(model.names)}"
        )
    if estimate.provenance.data_hash != model.data_hash:
        raise ValueError(
            "the data are not those the estimate was computed from: their SHA-256 is "
            f"{model.data_hash[:12]}..., the estimate's {estimate.provenance.data_hash[:12]}..."
        )
    certificate = certify(model, estimate.coefficients)
    log_likelihood = model.log_likelihood(estimate.coefficients)
    if not math.isclose(log_likelihood, estimate.log_likelihood, rel_tol=1e-9, abs_tol=1e-9):
        raise ValueError(
            f"the estimate states a log-likelihood of {estimate.log_likelihood!r}, "
            f"its coefficients give {log_likelihood!r}"
        )
    # another machine's BLAS adds in another order, which moves the rounding terms a little
    if certificate.error_bound > 2 * estimate.certificate.error_bound + 1e-9:
        raise ValueError(
            f"the estimate states an error bound of {estimate.certificate.error_bound:.1e} "
            f"standard errors, its coefficients give {certificate.error_bound:.1e}"
        )
    return certificate


def checked_coefficients(model: BernoulliLogistic, coefficients: ArrayLike) -> Array:
    """Turn `coefficients` into an array (k,), or raise a `ValueError` that says what is wrong."""
    beta = np.asarray(coefficients, dtype=float)
    if beta.shape != (model.n_parameters,):
        raise ValueError(
            f"coefficients have shape {beta.shape}; the model has {model.n_parameters}: "
            f"{', '.join(model.names)}"
        )
    if not np.isfinite(beta).all():
        bad = [model.names[j] for j in np.flatnonzero(~np.isfinite(beta))]
        raise ValueError(f"coefficients are not finite: {', '.join(bad)}")
    return beta


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What `evaluate` finds at some coefficients."""

    certificate: Certificate
    covariance: Array
    log_likelihood: float


def estimate(
    model: BernoulliLogistic,
    coefficients: Array,
    *,
    route: str,
    packages: tuple[str, ...],
    converged: bool,
    message: str,
    n_iterations: int,
    seconds: float,
    before_finish: Certificate | None = None,
) -> PointEstimate:
    """Make a route's coefficients a `PointEstimate`: the same judgement for every route."""
    found = evaluate(model, coefficients)
    return PointEstimate(
        route=route,
        names=model.names,
        coefficients=coefficients,
        covariance=found.covariance,
        log_likelihood=found.log_likelihood,
        certificate=found.certificate,
        converged=converged,
        message=message,
        n_iterations=n_iterations,
        seconds=seconds,
        provenance=provenance(model, *packages),
        before_finish=before_finish,
    )


def provenance(model: BernoulliLogistic, *packages: str) -> Provenance:
    """State what `model` and which versions a result comes from."""
    return Provenance(
        model.formula, model.n_observations, model.data_hash, versions_of("numpy", *packages)
    )


def whitening(rows: Rows, coefficients: Array | None = None) -> Array | None:
    """T (k, k) such that the columns of X T are orthonormal in the weights D, or None.

    D is the curvature at `coefficients`, or ``w / 4`` without them. None means that the columns of
    ``sqrt(D) X`` are dependent in double precision.
    """
    factor = rows.reduce(lambda block: triangular_factor(block, coefficients), stack_factors)
    if factor.shape[0] < factor.shape[1] or not np.isfinite(factor).all():
        return None
    scale = np.linalg.norm(factor, axis=0)
    if not scale.all():
        return None
    factor = factor / scale  # columns of unit length: the inverse does not depend on their units
    if np.linalg.cond(factor) > 1 / UNIT:
        return None
    return np.asarray(solve_triangular(factor, np.eye(len(scale))) / scale[:, None])


@dataclass(frozen=True, eq=False)
class _Sums:
    """What the certificate needs of the rows, in columns Z = X T; each field adds over rows."""

    log_likelihood: float
    score: Array  # Z'r
    score_rounding: Array  # bound on its error from Z and from the sums
    information: Array  # Z'DZ
    residual_rounding: float  # sum w exp(-m) (error of the residual)^2
    column_rounding: float  # squared Frobenius norm of the error of sqrt(D) Z
    curvature_rounding: float  # largest relative error of a row's curvature
    largest_row: float  # largest ||Z_i||, error included

    def __add__(self, other: _Sums) -> _Sums:
        return _Sums(
            self.log_likelihood + other.log_likelihood,
            self.score + other.score,
            self.score_rounding + other.score_rounding,
            self.information + other.information,
            self.residual_rounding + other.residual_rounding,
            self.column_rounding + other.column_rounding,
            max(self.curvature_rounding, other.curvature_rounding),
            max(self.largest_row, other.largest_row),
        )


def _sums(block: Block, beta: Array, transform: Array, longest_sum: int) -> _Sums:
    k = len(beta)
    size = np.abs(block.design)
    columns = block.design @ transform
    column_error = (k + 1) * UNIT * (size @ np.abs(transform))
    eta_error = (k + 2) * UNIT * (size @ np.abs(beta))
    if block.offset is not None:
        eta_error = eta_error + (k + 2) * UNIT * np.abs(block.offset)
    terms = row_terms(block, beta)
    residual = np.abs(terms.residual)
    root = np.sqrt(terms.curvature)[:, None]
    # exp(-m) w (relative error)^2 is (residual error)^2 / curvature
    row_error = np.expm1(eta_error) + ROW_ULPS
    odds = np.exp(-block.sign * linear_predictor(block, beta))
    if block.weights is not None:
        odds = odds * block.weights
    whitened = root * columns
    return _Sums(
        float(terms.log_likelihood.sum()),
        columns.T @ terms.residual,
        column_error.T @ residual + longest_sum * UNIT * (np.abs(columns).T @ residual),
        whitened.T @ whitened,
        float(odds @ np.square(row_error)),
        float(np.square(root * column_error).sum()),
        float(row_error.max()),
        float((np.linalg.norm(columns, axis=1) + np.linalg.norm(column_error, axis=1)).max()),
    )


def evaluate(model: BernoulliLogistic, beta: Array) -> Evaluation:
    """Certificate, covariance and log-likelihood at coefficients (k,): two passes over the rows."""
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow makes the bound infinite
        transform = whitening(model.rows, beta)
        if transform is not None:
            sums = model.rows.reduce(
                lambda block: _sums(block, beta, transform, model.rows.longest_sum)
            )
            found = _judge(beta, transform, sums, model.rows)
            if found is not None:
                return found
    k = len(beta)
    refused = Certificate(math.inf, math.inf, math.inf, np.zeros(k), False)
    return Evaluation(refused, np.full((k, k), np.nan), model.log_likelihood(beta))


def _judge(beta: Array, transform: Array, sums: _Sums, rows: Rows) -> Evaluation | None:
    """The theorem, with rounding; None where the columns could not be whitened."""
    k = len(beta)
    if not np.isfinite(sums.information).all() or not math.isfinite(sums.column_rounding):
        return None
    delta = _departure(
        sums.information, sums.column_rounding, sums.curvature_rounding, rows.longest_sum
    )
    if not delta < LARGEST_DEPARTURE:
        return None
    shrink = math.sqrt(1 - delta)
    decrement = (
        float(np.linalg.norm(sums.score))
        + float(np.linalg.norm(sums.score_rounding))
        + math.sqrt((1 + delta) * sums.residual_rounding)
    ) / shrink
    radius = sums.largest_row / shrink
    covariance = transform @ np.linalg.solve(sums.information, transform.T)
    covariance = (covariance + covariance.T) / 2
    product = decrement * radius
    if product <= LARGEST_PRODUCT:
        bound = -math.log1p(-product) / radius
        largest_se = np.linalg.norm(transform, axis=1) / shrink
        with np.errstate(divide="ignore"):  # a coefficient of exactly 0 has no relative digits
            digits = -np.log10(bound * largest_se / np.abs(beta))
        digits = np.maximum(digits, 0.0)
        proved = True
    else:
        bound, digits = math.inf, np.zeros(k)
        step = transform @ np.linalg.solve(sums.information, sums.score)
        proved = proves_overlap(rows, beta, step)
    certificate = Certificate(decrement, radius, bound, digits, proved)
    return Evaluation(certificate, covariance, sums.log_likelihood)


def _departure(
    gram: Array, column_rounding: float, curvature_rounding: float, longest_sum: int
) -> float:
    """Bound ``||Z'DZ - I||_2`` from the computed ``Z'DZ`` and the rounding that went into it."""
    k = len(gram)
    measured = float(np.linalg.norm(gram - np.eye(k), 2))
    column_error = math.sqrt(column_rounding)
    return (
        measured
        + column_error * (2 * math.sqrt(1 + measured) + column_error)
        + (curvature_rounding + longest_sum * UNIT * k) * (1 + measured)
    )


def proves_full_rank(rows: Rows) -> bool:
    """Whether the columns of the design are linearly independent, rounding included."""
    transform = whitening(rows)
    if transform is None:
        return False
    k = len(transform)

    def gram(block: Block) -> tuple[Array, float]:
        root = np.sqrt(0.25 if block.weights is None else block.weights / 4)
        root = np.broadcast_to(root, block.sign.shape)[:, None]
        whitened = root * (block.design @ transform)
        error = (k + 1) * UNIT * root * (np.abs(block.design) @ np.abs(transform))
        return whitened.T @ whitened, float(np.square(error).sum())

    total, rounding = rows.reduce(gram, lambda a, b: (a[0] + b[0], a[1] + b[1]))
    return _departure(total, rounding, ROW_ULPS, rows.longest_sum) < LARGEST_DEPARTURE


def proves_overlap(rows: Rows, beta: Array, step: Array) -> bool:
    r"""Whether a Newton step proves that no direction separates the data.

    Let d solve ``H d = score`` and :math:`v_i = w_i (1 - \pi_i)(1 - s_i \pi_i x_i'd)` with
    :math:`\pi_i` the fitted probability of what was observed. Then
    :math:`\sum v_i s_i x_i = \text{score} - Hd = 0`, so all :math:`v_i > 0` is Stiemke's
    alternative to separation. On separated data ``max s_i pi_i x_i'd`` is at least 1 everywhere;
    asking for 1/2 leaves room for rounding.
    """

    def criterion(block: Block) -> float:
        fitted = 1 / (1 + np.exp(-block.sign * linear_predictor(block, beta)))
        return float(np.max(block.sign * fitted * (block.design @ step)))

    with np.errstate(over="ignore", invalid="ignore"):
        return rows.reduce(criterion, max) <= 0.5
