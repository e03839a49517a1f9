r"""How far any coefficients are from the MLE: a bound that is proved, whoever computed them.

Theorem. Let g and H be score and information at :math:`\beta`,
:math:`\lambda = \sqrt{g'H^{-1}g}` the Newton decrement and
:math:`R = \max_i \sqrt{x_i'H^{-1}x_i}`. If :math:`\lambda R < 1`, the MLE exists, is unique, and

.. math:: |\hat\beta_j - \beta_j| \le \rho\,\mathrm{se}_j, \qquad
          \rho = -\log(1 - \lambda R)/R, \quad \mathrm{se}_j = \sqrt{(H^{-1})_{jj}} .

Proof. The logistic loss satisfies :math:`|f'''| \le f''`. Along a direction of unit H-norm the
negative log-likelihood has :math:`f'(0) \ge -\lambda` and :math:`f''(t) \ge e^{-Rt}`, so
:math:`f'(t) \ge -\lambda + (1 - e^{-Rt})/R`, which is positive for :math:`t > \rho`;
and, convex, it falls by :math:`\lambda\rho` at most on the way to its minimum: so far may the
log-likelihood at :math:`\beta` be below its maximum.

Rows with a larger standard error than some R may be left out, if they hold little of the
information: when their share of it, :math:`\varepsilon = \sum D_i x_i'H^{-1}x_i`, is taken from the
curvature the theorem holds with that R and :math:`\lambda / (1 - \varepsilon)`. And where a
coefficient hangs on such rows, every direction gets a distance of its own
(`flatprior.models.direction_bounds`).

Floating point. The bound is evaluated in whitened columns Z = X T with T from the information, or
where its condition forbids that from a QR factorisation of :math:`D^{1/2}X`, so that Z'DZ is the
identity up to a measured :math:`\delta`; neither T nor the inverse of H needs to be accurate. The
rounding of the linear predictor, of Z, of the residuals and of every sum is bounded and added.
"Proved" means: first-order rounding terms included, ``exp`` and what is built on it correct to 4
units in the last place.

That takes two passes over the rows. `after_last_step` needs none beyond the one that Newton's
method has made: with :math:`X'r` and :math:`X'DX` formed in the columns as they are, rounding is
bounded by the Cauchy-Schwarz inequality from sums that are there already, and the distance that a
Newton step leaves by :math:`(e^{R\rho} - 1 - R\rho)/R`, because the information changes by no
more than a factor :math:`e^{Rt}` over a distance t. Its R is a bound on the largest, not that
itself.
"""

from __future__ import annotations

import functools
import math
import operator
from dataclasses import dataclass, replace

import numpy as np

from flatprior.models import direction_bounds
from flatprior.models.batches.kept import kept
from flatprior.models.codes.judgement import judged_as_held
from flatprior.models.codes.passes import sums_of
from flatprior.models.common.arrays import SMALLEST, UNIT, Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.errors import InputError
from flatprior.models.common.labels import Labelled, in_order
from flatprior.models.common.text import SCREEN, names_in
from flatprior.models.covariance.sampling import sampling_root
from flatprior.models.covariance.whitening import (
    graded_whitening,
    whitening,
    whitening_by_information,
)
from flatprior.models.direction_bounds import ROW_ULPS, SLACK, predictor_error, whitened_columns
from flatprior.models.evaluation import Diagonal, Evaluation, certain_digits, relative_error
from flatprior.models.likelihood import (
    Moments,
    linear_predictor,
    row_terms,
    total_log_likelihood,
)
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Certificate, NotConvergedError
from flatprior.models.rows import PIECE_ROWS, Block, Rows, added

# The theorem needs lambda R < 1. Half of that keeps a distance to separated data, on which
# lambda R >= 1 exactly and rounding could bring it below.
LARGEST_PRODUCT = 0.5
MILD_DEPARTURE = 1e-6  # the same, measured, of which the square is nothing
LARGEST_DEPARTURE = 0.5  # of the whitened information from the identity: beyond it, no statement
# standard errors; where less is left, or rows have more, directions get distances of their own
SHORT, LARGE_RADIUS = 0.01, 1e8
GOOD_ENOUGH = 1e-7  # standard errors; a larger bound is computed anew, more tightly


@model_first(sampling_weights=True)
def certify(model: BernoulliLogistic, coefficients: Labelled) -> Certificate:
    """Bound the distance between `coefficients` and the MLE of `model`.

    The bound needs the coefficients only, so it judges any program's answer.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : array_like (k,), Series or mapping
        In the order of ``model.names``; labels are paired with these names, in whatever order.

    Returns
    -------
    Certificate
        With ``error_bound`` inf where nothing can be proved: too far away, no MLE, or a design too
        ill-conditioned for double precision.

    Raises
    ------
    ValueError
        If `coefficients` is not k finite real numbers, or a label is missing, unknown or there
        twice.

    Notes
    -----
    First-order rounding terms are included, and ``exp`` is assumed correct to 4 units in the last
    place; see the module's docstring for the theorem. The bound is in exact standard errors. A
    fit's own certificate may be of its last Newton step, which needs no further pass over the rows:
    both bounds are proved, and that one is as a rule the looser. The standard errors an estimate
    reports have a rounding error of their own, seen up to 2e-3 relative at a condition number of
    1e12. The inequality on the third derivative is the generalised self-concordance of Bach (2010),
    "Self-concordant analysis for logistic regression", Electronic Journal of Statistics 4, 384-414.

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
    model.require_unchanged()
    return judged(model, checked_coefficients(model, coefficients)).certificate


def checked_coefficients(model: BernoulliLogistic, coefficients: Labelled) -> Array:
    """Turn `coefficients` into an array (k,), or raise a `ValueError` that says what is wrong."""
    beta = in_order(model.names, coefficients)
    if beta.shape != (model.n_parameters,):
        raise InputError(
            f"coefficients have shape {beta.shape}; the model has {model.n_parameters}: "
            f"{names_in(SCREEN, model.names)}"
        )
    if not np.isfinite(beta).all():
        bad = [model.names[j] for j in np.flatnonzero(~np.isfinite(beta))]
        raise InputError(f"coefficients are not finite: {names_in(SCREEN, bad)}")
    return beta


def require_finite(coefficients: Array, whose: str) -> Array:
    """Return what a library found, or raise `NotConvergedError` where it left the numbers."""
    if not np.isfinite(coefficients).all():
        raise NotConvergedError(
            f"{whose} ended at coefficients that are not finite, although the MLE exists: centre "
            "and rescale columns and offsets"
        )
    return coefficients


@dataclass(frozen=True, eq=False, kw_only=True)
class _Sums:
    """What the certificate needs of the rows, in columns Z = X T; they add over rows."""

    log_likelihood: float
    score: Array  # Z'r
    score_rounding: Array  # bound on its error from Z, from the residuals and from the sums
    information: Array  # Z'DZ
    residual_rounding: float  # sum D expm1(e)^2, e the error of the linear predictor
    column_rounding: float  # squared Frobenius norm of the error of sqrt(D) Z
    curvature_rounding: float  # largest relative error of a row's curvature
    largest_row: float  # largest ||Z_i||, error included
    log_likelihood_rounding: float  # bound on its error from the linear predictors

    def __add__(self, other: _Sums) -> _Sums:
        return added(self, other, largest=("curvature_rounding", "largest_row"))


def _sums(block: Block, beta: Array, transform: Array, longest_sum: int) -> _Sums:
    columns, column_error = whitened_columns(block, transform)
    eta_error = np.expm1(predictor_error(block, beta))
    terms = row_terms(block, beta)
    residual = np.abs(terms.residual)
    root = np.sqrt(terms.curvature)[:, None]
    whitened = root * columns
    return _Sums(
        log_likelihood=float(terms.log_likelihood.sum()),
        score=columns.T @ terms.residual,
        score_rounding=column_error.T @ residual
        + (longest_sum * UNIT + ROW_ULPS) * (np.abs(columns).T @ residual),
        information=whitened.T @ whitened,
        # the derivative of a residual with respect to the linear predictor is its curvature
        residual_rounding=float(terms.curvature @ np.square(eta_error)),
        column_rounding=float(np.square(root * column_error).sum()),
        curvature_rounding=float(eta_error.max()) + ROW_ULPS,
        largest_row=float(
            (np.linalg.norm(columns, axis=1) + np.linalg.norm(column_error, axis=1)).max()
        ),
        log_likelihood_rounding=float(eta_error @ residual),
    )


def evaluate(rows: Rows, beta: Array) -> Evaluation:
    """Certificate, covariance and log-likelihood at coefficients (k,): two passes over the rows.

    One, where factors are held as codes and that suffices; none, where they were found before.
    """
    return kept(rows, "evaluation", lambda: _evaluate(rows, beta), beta)


def _evaluate(rows: Rows, beta: Array) -> Evaluation:
    coded = sums_of(rows)
    found = None if coded is None else judged_as_held(coded, beta)
    if coded is not None and found is not None:
        near = found.certificate.error_bound < SHORT
        if near or coded.rows.too_large_to_write_out:
            return found
    if coded is not None and coded.rows.too_large_to_write_out:
        unknown = Diagonal(np.full(len(beta), np.nan), "is not known at these coefficients")
        log_likelihood = coded.log_likelihood(beta)
        return Evaluation(Certificate.refused(len(beta)), unknown, log_likelihood)
    return evaluate_written_out(rows, beta)


def evaluate_written_out(rows: Rows, beta: Array) -> Evaluation:
    """`evaluate`, with no factor held as codes."""
    with np.errstate(over="ignore", invalid="ignore"):  # an overflow makes the bound infinite
        for whitened_by in (whitening_by_information, whitening):  # the second is slow
            transform = whitened_by(rows, beta)
            found = None if transform is None else _in_columns(rows, beta, transform)
            if found is not None:
                return found
        log_likelihood = total_log_likelihood(rows, beta)
    k = len(beta)
    return Evaluation(Certificate.refused(k), np.full((k, k), np.nan), log_likelihood)


def _in_columns(rows: Rows, beta: Array, transform: Array) -> Evaluation | None:
    """What is found in columns X T, where these are near enough to orthonormal ones."""
    longest = rows.longest_sum  # taken here: a cluster is sent this number, not the rows

    def of_block(block: Block) -> _Sums:
        pieces = block.split(PIECE_ROWS)
        return functools.reduce(
            operator.add, (_sums(piece, beta, transform, longest) for piece in pieces)
        )

    return _judge(beta, transform, rows.reduce(of_block), rows)


POWERS = 1000  # of two, that a standard error of a linear predictor may have


def after_last_step(
    rows: Rows, origin: Array, beta: Array, here: Moments, white: Array
) -> Evaluation | None:
    """Certificate and covariance at `beta`, one Newton step from `origin`, without a pass.

    Parameters
    ----------
    rows : Rows
    origin, beta : ndarray (k,)
    here : Moments
        At `origin`, in the columns as they are, with the information.
    white : ndarray (k, k)
        What makes that information the identity, about.

    Returns
    -------
    Evaluation or None
        With the covariance at `origin`, in whose standard errors the bound is; those at `beta`
        differ by less than R times the step. None where this proves too little: then `evaluate`.
    """
    information = here.information
    assert information is not None  # noqa: S101
    k = len(beta)
    with np.errstate(over="ignore", invalid="ignore"):
        extent = rows.extent
        # Of a linear predictor: k products, k - 1 sums and the offset, none larger than the extents
        # allow. A residual or curvature is a function of it whose logarithm changes no faster.
        eta_error = np.expm1(
            (k + 2) * UNIT * float(extent.columns @ np.abs(origin) + extent.offset)
        )
        row_error = eta_error + ROW_ULPS  # of a residual or curvature, relative
        sum_error = (rows.longest_sum + 16) * UNIT  # of a sum of products, relative to their sizes
        # Rounding errors of sums come entry by entry, relative to sums of absolute values: by
        # Cauchy-Schwarz those of entry i, j are at most sqrt(H_ii H_jj), whose whitened length is
        # no larger than that of |T|' size.
        size = np.sqrt(information.diagonal())
        positive = np.abs(white)
        spread = SLACK * _length(positive.T.dot(size))
        beyond = white.T.dot(information).dot(white)
        beyond.flat[:: k + 1] -= 1.0
        measured = _length(beyond.ravel())
        if not measured < MILD_DEPARTURE:
            return None
        delta = measured + (row_error + sum_error + 4 * k * UNIT) * spread**2
        if not delta < LARGEST_DEPARTURE:
            return None
        shrink = math.sqrt(1 - delta)
        pull = _length(white.T.dot(here.score))
        # the first two by Cauchy-Schwarz: sum |x r| <= sqrt(sum D x^2) sqrt(sum r^2 / D), in which
        # r^2 / D is a row's odds of what was not observed: `here.odds` is their sum
        rounding = (
            SLACK * math.sqrt(here.odds) * (row_error + sum_error * spread / shrink)
            + SLACK * math.sqrt(rows.n_rows * SMALLEST)
            + 4 * k * UNIT * spread * pull
        )
        decrement = pull / shrink + rounding
        # of ||x||_{1/H}, with x no larger than the extent in any entry
        by_entry = _length(positive.T.dot(extent.columns))
        scaled = positive * size[:, None]
        by_length = math.sqrt(float(scaled.sum(axis=0).max() * scaled.sum(axis=1).max()))
        by_length *= _length(extent.columns / size)
        radius = SLACK * min(by_entry, by_length) / shrink
        if not decrement * radius <= LARGEST_PRODUCT:
            return None
        # The MLE is within rho of the origin. On the segment to it the information changes by no
        # more than a factor exp(R t), so that what the Newton step leaves, the integral of that
        # change along the way, is (exp(R rho) - 1 - R rho) / R: of second order in rho.
        rho = -math.log1p(-decrement * radius) / radius
        remainder = _remainder(radius, rho)
        # of the step itself, and of adding it
        remainder += float(rounding + 2 * delta * decrement + SLACK * UNIT * size @ np.abs(beta))
        if not remainder < GOOD_ENOUGH:
            return None
        # the inverse of what is near the identity, to second order
        covariance = (white - white.dot(beyond)).dot(white.T)
        covariance = (covariance + covariance.T) / 2
        errors = np.sqrt(covariance.diagonal()) * SLACK
        digits = certain_digits(remainder * errors, beta)
    log_likelihood = here.log_likelihood + float(here.score @ (beta - origin)) / 2
    left = math.expm1(radius * remainder) / radius
    certificate = Certificate(
        newton_decrement=left,
        radius=radius * math.exp(radius * rho / 2),
        error_bound=remainder,
        digits=digits,
        proves_existence=True,
        # the expansion about the origin leaves less than 2 rho times what the step leaves: its
        # third-order term a third of that, what H d differs from the score half, the score's own
        # rounding once; and the residuals sum to less than the log-likelihood
        log_likelihood_error=float(
            SLACK * (2 * rho + left) * remainder
            + SLACK * abs(here.log_likelihood) * (eta_error + 2 * ROW_ULPS + sum_error)
            + rows.n_rows * SMALLEST
        ),
        # what a second-order inverse leaves, and what the information changes by up to the MLE
        standard_errors_within=relative_error(
            _of_variances(k, delta, delta - measured + delta * delta), SLACK * radius * rho
        ),
    )
    return Evaluation(certificate, covariance, log_likelihood)


def _covariance(transform: Array, information: Array) -> Array:
    """Of the coefficients, from the information in the columns X T."""
    covariance = transform @ np.linalg.solve(information, transform.T)
    return np.asarray((covariance + covariance.T) / 2)


def _of_variances(k: int, delta: float, rounding: float) -> float:
    r"""Relative error of variances whose inverse information, whitened, is that far off.

    With T'HT = I + E, :math:`\|E\| \le \delta`, a variance is at least
    :math:`\|t_j\|^2 / (1 + \delta)`, and an information that is off by `rounding` makes it wrong by
    :math:`\|t_j\|^2 / (1 - \delta)^2` times that; so does its own arithmetic by k^2 roundings.
    """
    return SLACK * (rounding + 16 * k * k * UNIT) * (1 + delta) / (1 - delta) ** 2


def _length(vector: Array) -> float:
    return math.sqrt(float(vector.dot(vector)))


def _remainder(radius: float, rho: float) -> float:
    """What a Newton step leaves of a distance `rho`: ``(exp(R rho) - 1 - R rho) / R``."""
    t = radius * rho
    return (t * t / 2 * math.exp(t)) / radius  # an upper bound, without cancellation


def _judge(beta: Array, transform: Array, sums: _Sums, rows: Rows) -> Evaluation | None:
    """The theorem, with rounding; None where the columns could not be whitened."""
    k = len(beta)
    if not np.isfinite(sums.information).all() or not math.isfinite(sums.column_rounding):
        return None
    measured = float(np.linalg.norm(sums.information - np.eye(k), 2))
    column_error = math.sqrt(sums.column_rounding)
    gram_rounding = column_error * (2 * math.sqrt(1 + measured) + column_error) + (
        sums.curvature_rounding + rows.longest_sum * UNIT * k
    ) * (1 + measured)
    delta = measured + gram_rounding  # bounds ||Z'DZ - I||_2; below 1 it proves rank k
    if not delta < LARGEST_DEPARTURE:
        return None
    shrink = math.sqrt(1 - delta)
    score_rounding = float(np.linalg.norm(sums.score_rounding)) + math.sqrt(
        (1 + delta) * (sums.residual_rounding + rows.n_rows * SMALLEST)
    )
    decrement = (float(np.linalg.norm(sums.score)) + score_rounding) / shrink
    radius, change = sums.largest_row / shrink, None
    if decrement * radius > LARGEST_PRODUCT:
        decrement, radius, change = _of_rows_that_inform(
            rows, beta, transform, decrement, sums, shrink
        )
    product = decrement * radius
    if decrement < SHORT and not (product <= LARGEST_PRODUCT and radius < LARGE_RADIUS):
        found = _by_coordinates(rows, beta)
        if found is not None:
            return found
    covariance = _covariance(transform, sums.information)
    log_likelihood_error = within = math.inf
    if product <= LARGEST_PRODUCT:
        bound = -math.log1p(-product) / radius
        largest_se = np.linalg.norm(transform, axis=1) / shrink
        digits = certain_digits(bound * largest_se, beta)
        proved = True
        log_likelihood_error = SLACK * (
            decrement * bound
            + sums.log_likelihood_rounding
            + abs(sums.log_likelihood) * (2 * ROW_ULPS + rows.longest_sum * UNIT)
            + rows.n_rows * SMALLEST
        )
        within = relative_error(
            _of_variances(k, delta, gram_rounding), radius * bound if change is None else change
        )
    else:
        bound, digits = math.inf, np.zeros(k)
        step = np.asarray(np.linalg.solve(sums.information, sums.score), dtype=float)
        size = float(np.linalg.norm(step))
        defect = (
            float(np.linalg.norm(sums.score - sums.information @ step))
            + score_rounding
            + (gram_rounding + 2 * k * UNIT) * size
        )
        proved = _proves_overlap(rows, beta, transform, step, defect / (1 - delta))
    certificate = Certificate(
        newton_decrement=decrement,
        radius=radius,
        error_bound=bound,
        digits=digits,
        proves_existence=proved,
        log_likelihood_error=log_likelihood_error,
        standard_errors_within=within,
    )
    return Evaluation(certificate, covariance, sums.log_likelihood)


def _of_rows_that_inform(
    rows: Rows, beta: Array, transform: Array, decrement: float, sums: _Sums, shrink: float
) -> tuple[float, float, float]:
    """Decrement and radius for the theorem, from the rows that hold the information.

    And by what factor, its logarithm, the information may change up to the MLE.

    Leave out the rows whose whitened columns are longer than R: what they have of the information
    is at most ``eps = sum D_i ||z_i||^2``, and the curvature of the others alone gives ``f''(t) >=
    (1 - eps) exp(-R t)``. So the theorem holds with R, and with the decrement divided by 1 - eps. A
    row at a linear predictor of a thousand has a standard error of any size and no information; all
    powers of two are tried for R. What is left out can grow as well, each row by its own length.
    """

    def shares(block: Block) -> Array:
        found = np.zeros(POWERS)
        for piece in block.split(PIECE_ROWS):
            columns, column_error = whitened_columns(piece, transform)
            length = np.linalg.norm(columns, axis=1) + np.linalg.norm(column_error, axis=1)
            # underflow may have taken all that there was of a curvature
            curvature = np.maximum(row_terms(piece, beta).curvature, SMALLEST)
            share = curvature * np.exp(predictor_error(piece, beta)) * np.square(length)
            power = np.clip(np.frexp(length)[1], 0, POWERS - 1)
            found += np.bincount(power, share, POWERS)
        return found

    found = rows.reduce(shares)
    longer = np.cumsum(found[::-1])[::-1]
    left_out = SLACK * np.append(longer[1:], 0.0) / shrink**2
    radius = np.ldexp(1.0, np.arange(POWERS)) / shrink
    radius[-1] = sums.largest_row / shrink
    # what underflow may have taken of the score
    decrement += rows.n_rows * SMALLEST * sums.largest_row / shrink
    proved = np.where(left_out < LARGEST_DEPARTURE, decrement / (1 - left_out), math.inf)
    best = int(np.argmin(proved * radius))
    t = float(proved[best] * radius[best])
    if not t <= LARGEST_PRODUCT:
        return float(proved[best]), float(radius[best]), math.inf
    there = found[best + 1 :] > 0
    t = -math.log1p(-t)
    grown = np.exp(radius[best + 1 :][there] * t / radius[best]) @ found[best + 1 :][there]
    most = math.exp(t) + SLACK * float(grown) / shrink**2
    change = max(math.log(most), t - math.log1p(-float(left_out[best])))
    return float(proved[best]), float(radius[best]), change


def _by_coordinates(rows: Rows, beta: Array) -> Evaluation | None:
    """Certificate and covariance from distances of the directions' own; None if these fail too."""
    transform = graded_whitening(rows, beta)
    if transform is None:
        return None
    sums = direction_bounds.sums(rows, beta, transform)
    rounding = SLACK * float(np.linalg.norm(sums.information_error))
    delta = SLACK * float(np.linalg.norm(sums.information - np.eye(len(beta)))) + rounding
    if not delta < LARGEST_DEPARTURE:
        return None
    box = direction_bounds.box(rows, beta, transform, sums)
    if box is None:
        return None
    errors = SLACK * (np.abs(transform) @ box.half_widths)
    least_se = np.linalg.norm(transform, axis=1) / math.sqrt(1 + delta)
    # A decrement and a radius that give this bound. The radius says what it says elsewhere: no
    # linear predictor changes by more than R times the bound on the way to the MLE.
    bound = max(
        float((errors / least_se).max()),
        1.5 * _length(box.gradient) / math.sqrt(1 - delta),
    )
    radius = 2.0 ** math.ceil(math.log2(box.reach / bound))
    decrement = -math.expm1(-radius * bound) / radius
    if not decrement * radius <= LARGEST_PRODUCT:
        return None
    digits = certain_digits(errors, beta)
    below = float(box.gradient @ box.half_widths)
    certificate = Certificate(
        newton_decrement=decrement,
        radius=radius,
        error_bound=bound,
        digits=digits,
        proves_existence=True,
        log_likelihood_error=SLACK * (below + sums.log_likelihood_error),
        # no row's curvature changes by more than its linear predictor does
        standard_errors_within=relative_error(_of_variances(len(beta), delta, rounding), box.reach),
    )
    covariance = _covariance(transform, sums.information)
    return Evaluation(certificate, covariance, sums.log_likelihood, by_coordinates=True)


def _proves_overlap(rows: Rows, beta: Array, transform: Array, step: Array, slack: float) -> bool:
    r"""Whether a Newton step proves that no direction separates the outcomes.

    Let d solve ``H d = score`` and :math:`v_i = w_i (1 - \pi_i)(1 - s_i \pi_i x_i'd)` with
    :math:`\pi_i` the fitted probability of what was observed. Then
    :math:`\sum v_i s_i x_i = \text{score} - Hd = 0`, so all :math:`v_i > 0` is Stiemke's
    alternative to separation, and separated data have ``max s_i pi_i x_i'd >= 1`` everywhere. The
    computed step, in whitened coordinates, leaves a remainder of norm at most
    ``slack (1 - delta)``; correcting v for it costs ``pi_i ||z_i|| slack``.
    """

    def criterion(block: Block) -> float:
        columns, column_error = whitened_columns(block, transform)
        eta = linear_predictor(block, beta)
        fitted = np.minimum(
            1.0,
            np.exp(predictor_error(block, beta)) * (1 + ROW_ULPS) / (1 + np.exp(-block.sign * eta)),
        )
        along = block.sign * (columns @ step)
        along = along + column_error @ np.abs(step)
        along = along + (len(beta) + 1) * UNIT * (np.abs(columns) @ np.abs(step))
        length = np.linalg.norm(columns, axis=1) + np.linalg.norm(column_error, axis=1)
        return float(np.max(fitted * (np.maximum(along, 0.0) + length * slack)))

    return rows.reduce(criterion, max) <= LARGEST_PRODUCT


def judged(
    model: BernoulliLogistic, coefficients: Array, evaluation: Evaluation | None = None
) -> Evaluation:
    """Covariance, log-likelihood and certificate of some coefficients.

    With sampling weights the covariance is that of the units that were drawn, and the bound of the
    certificate is in these standard errors; where it is NaN, in those of the weighted information.
    Its digits follow from that bound: they are proved, and may be fewer than those of the
    information where the two standard errors differ by other factors from column to column.
    """
    found = evaluate(model.rows, coefficients) if evaluation is None else evaluation
    if model.sampling is None:
        return found
    found = replace(found, certificate=replace(found.certificate, standard_errors_within=math.inf))
    root, k = sampling_root(model.rows, model.sampling, coefficients), len(coefficients)
    if root is None:
        return replace(found, covariance=np.full((k, k), np.nan))
    error = root.standard_errors
    with np.errstate(all="ignore"):
        units = np.max(np.sqrt(found.covariance.diagonal()) / error)
    if not np.isfinite(units) or not units > 0:
        return replace(found, covariance=np.full((k, k), np.nan))
    proved = found.certificate
    certificate = replace(
        proved,
        newton_decrement=proved.newton_decrement * float(units),
        radius=proved.radius / float(units),
        error_bound=proved.error_bound * float(units),
        digits=certain_digits(proved.error_bound * float(units) * error, coefficients),
    )
    return replace(found, covariance=root.matrix @ root.matrix.T, certificate=certificate)
