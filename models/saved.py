"""A saved estimate held against the data: every number in it that follows from them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from flatprior.models.certificate import (
    GOOD_ENOUGH,
    LARGEST_PRODUCT,
    checked_coefficients,
    evaluate_written_out,
    judged,
)
from flatprior.models.codes.inverse import Inverse
from flatprior.models.codes.judgement import judged_as_held
from flatprior.models.codes.passes import sums_of
from flatprior.models.common.calls import model_first, require_kind
from flatprior.models.common.closeness import (
    FAR_LOG_LIKELIHOOD,
    LOG_LIKELIHOOD,
    SCALED_COVARIANCE,
)
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import at_most
from flatprior.models.designs.coded import as_codes
from flatprior.models.estimate import PointEstimate, recomputed
from flatprior.models.evaluation import Evaluation, certain_digits, formed
from flatprior.models.model import BernoulliLogistic
from flatprior.models.provenance import require_belonging
from flatprior.models.results import Certificate
from flatprior.models.routes.newton import fit_newton
from flatprior.models.rows import ArrayRows

WELL_CONDITIONED = 1e-9  # standard errors; a bound above it is that of rounding
GOOD_ENOUGH_ERRORS = 1e-6  # relative; those before the last step may differ by as much
WELL_KNOWN = 1e-6  # standard errors; then the log-likelihood is known to all its digits


def sharpest(model: BernoulliLogistic, estimates: Sequence[PointEstimate]) -> PointEstimate:
    """The estimate that stands for the MLE: of those computed anew the one with the smallest bound.

    Newton's joins them where none is known well: coefficients that are proved to be within a
    standard error of the MLE are not it, and draws may well be likelier than they are.

    Raises
    ------
    MLEDoesNotExistError
        If there is no MLE to stand for.
    """
    if not any(each.certificate.error_bound <= WELL_KNOWN for each in estimates):
        estimates = [recomputed(model, fit_newton(model)), *estimates]
    return min(estimates, key=lambda each: each.certificate.error_bound)


@model_first(sampling_weights=True)
def verify(model: BernoulliLogistic, estimate: PointEstimate) -> Certificate:
    """Check a saved estimate against the data: every number in it that follows from them.

    Parameters
    ----------
    model : BernoulliLogistic
        Built from the data again.
    estimate : PointEstimate
        For example from `PointEstimate.load`.

    Returns
    -------
    Certificate
        Computed anew. Its ``error_bound`` is inf where the estimate never claimed to have one.

    Raises
    ------
    ValueError
        If names, data or number of observations are not those the estimate was computed from, or
        its log-likelihood, covariance or certificate do not stand. How long a route took, in how
        many iterations, and what ``pm.find_MAP`` had reached cannot be computed from coefficients.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector, verify
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> verify(model, fit_newton(model)).proves_existence
    True
    """
    require_kind(estimate, PointEstimate, "the estimate", "fit_newton(model)")
    require_belonging(model, "the estimate", estimate.names, estimate.provenance.data_hash)
    if estimate.provenance.n_observations != model.n_observations:
        raise InputError(
            f"the estimate states {estimate.provenance.n_observations} observations, the model has "
            f"{model.n_observations}"
        )
    if estimate.provenance.n_rows not in (None, model.n_rows):
        raise InputError(
            f"the estimate states {estimate.provenance.n_rows} rows, the model has {model.n_rows}"
        )
    beta = checked_coefficients(model, estimate.coefficients)
    found = judged(model, beta)
    proved = found.certificate.error_bound <= WELL_KNOWN
    # of many coefficients a file holds the variances only, and no more need be formed
    variances, whole = (
        found.covariance.diagonal(),
        isinstance(vars(estimate)["covariance"], np.ndarray),
    )
    errors = np.sqrt(variances)
    scale = np.outer(errors, errors) if whole else variances
    stated = estimate.covariance if whole else np.square(estimate.standard_errors)
    again = formed(found.covariance) if whole else variances
    closely = LOG_LIKELIHOOD if proved else FAR_LOG_LIKELIHOOD
    for what, holds in (
        ("log-likelihood", closely.holds(estimate.log_likelihood, found.log_likelihood)),
        (
            "covariance",
            SCALED_COVARIANCE.holds(stated / scale, again / scale),
        ),
    ):
        if not holds:
            raise InputError(
                f"the {what} that the estimate states is not that of its coefficients; "
                "fit the model again"
            )
    said = contradiction(estimate, found)
    if said and isinstance(found.covariance, Inverse) and not model.arrays.too_large_to_write_out:
        # made where factors are written out: what is proved there is a little more, or less
        found = judged(model, beta, evaluate_written_out(model.rows, beta))
        said = contradiction(estimate, found)
    if said and isinstance(model.rows, ArrayRows) and isinstance(model.rows.design, np.ndarray):
        # made where factors are codes, of columns that are centred there: more is proved of them
        codes = as_codes(model.rows.design.astype(float, copy=False), model.names)
        sums = sums_of(replace(model.rows, design=codes))
        centred = None if sums is None else judged_as_held(sums, beta)
        if centred is not None:
            found = judged(model, beta, centred)
            said = contradiction(estimate, found)
    if said:
        raise InputError(f"{said}; fit the model again")
    return found.certificate


def contradiction(estimate: PointEstimate, found: Evaluation) -> str:
    """What the certificate that an estimate states has against itself, or against another.

    That of a fit may be of its last step (`after_last_step`): then it is less tight than the one
    found, but no looser than `GOOD_ENOUGH`. Another machine's BLAS adds in another order, which
    moves the rounding terms a little.
    """
    stated, now = estimate.certificate, found.certificate
    bound = stated.error_bound
    if now.error_bound > 2 * bound + 1e-9 or (now.digits < stated.digits - 1).any():
        return (
            f"the estimate states an error bound of {at_most(bound)} standard errors, its "
            f"coefficients give {at_most(now.error_bound)}"
        )
    near = now.newton_decrement * now.radius > LARGEST_PRODUCT / 2  # rounding may decide
    if not near and bound > max(GOOD_ENOUGH, 2 * now.error_bound + 1e-9):
        return (
            f"the estimate states an error bound of {at_most(bound)} standard errors, but one of "
            f"{at_most(now.error_bound)} is proved of its coefficients"
        )
    error, size = now.log_likelihood_error, 1e-15 * (1 + abs(found.log_likelihood))
    # a file of an earlier version states none
    if error > 4 * stated.log_likelihood_error + size or (
        math.isfinite(stated.log_likelihood_error)
        and stated.log_likelihood_error > max(4 * error, GOOD_ENOUGH) + size
    ):
        return (
            f"the estimate states an error of {at_most(stated.log_likelihood_error)} of its "
            f"log-likelihood, it is {at_most(error)}"
        )
    within, again = stated.standard_errors_within, now.standard_errors_within
    if again > 16 * within + 1e-15 or max(4 * again, GOOD_ENOUGH_ERRORS) < within < math.inf:
        return (
            f"the estimate states that its standard errors are within a relative {at_most(within)} "
            f"of those at the MLE, it is {at_most(again)}"
        )
    if within + again < math.inf:
        ratio = estimate.standard_errors / np.sqrt(found.covariance.diagonal())
        if not (np.abs(ratio - 1) <= 1.01 * (within + again)).all():
            return "the standard errors are not as near to those at the MLE as the estimate states"
    if stated.proves_existence is not now.proves_existence and not near:
        return (
            "the estimate says that its numbers "
            f"{'prove' if stated.proves_existence else 'do not prove'} that the MLE exists"
        )
    if not math.isfinite(bound):
        return "" if not stated.digits.any() else "digits are stated, but no error bound"
    radius = stated.radius
    # distances of the directions' own make a radius that is a power of two: rounding may decide
    least = now.radius / 2 if found.by_coordinates else now.radius
    if not radius >= least * (1 - 1e-6):
        return f"the radius {radius:.4g} in its certificate is too small, it is {now.radius:.4g}"
    t = radius * bound
    least, most = (-math.expm1(-t) / radius, math.expm1(min(t, 1.0)) / radius)
    errors = np.sqrt(found.covariance.diagonal())
    digits = certain_digits(bound * errors, estimate.coefficients)
    # what the columns depart from being orthonormal is in the digits, but not in these errors
    loose = 0.01 if now.error_bound < WELL_CONDITIONED else 0.2
    if found.by_coordinates:
        digits, loose = now.digits, 0.5
    if not least * (1 - 1e-6) <= stated.newton_decrement <= most * (1 + 1e-6):
        return "Newton decrement, radius and error bound of its certificate contradict one another"
    if not (np.abs(stated.digits - digits) <= loose).all():
        return "the digits of its certificate contradict its error bound"
    return ""
