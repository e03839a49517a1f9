"""The Newton route: the MLE in NumPy, by damped Newton steps."""

from __future__ import annotations

import time
from contextlib import nullcontext

from flatprior.models.batches.kept import kept
from flatprior.models.certificate import GOOD_ENOUGH, after_last_step, evaluate
from flatprior.models.codes.judgement import evaluation_of
from flatprior.models.codes.newton import fit_as_held
from flatprior.models.codes.passes import sums_of
from flatprior.models.common.calls import model_first
from flatprior.models.common.parallel import one_thread_each
from flatprior.models.common.text import SCREEN, names_in
from flatprior.models.dependence.as_held import columns_as_held
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.estimate import (
    PointEstimate,
    changed,
    estimate,
    is_near,
    require_converged,
)
from flatprior.models.existence.check import require_mle
from flatprior.models.existence.levels import has_levels_of_one_outcome
from flatprior.models.iterations import Iterate, Stationary, iterates, last_step_of
from flatprior.models.likelihood import moments
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import NotConvergedError
from flatprior.models.rows import PARALLEL, ArrayRows, Rows, merge_identical

# iterates without an end before it is asked whether there is an MLE to go to
PATIENCE, PATIENCE_IN_BATCHES = 30, 8
MANY_TO_MERGE = 2**18  # numbers in the design, from which it may pay to merge identical rows
MOST_DISTINCT = 1 / 8  # of the rows, for which it does
PASSABLE = 1e-4  # standard errors of a bound that is rounding alone
LEAST_INFORMATION = 1e-280  # on a coefficient; its inverse, the variance, should be a double


@model_first(sampling_weights=True)
def fit_newton(model: BernoulliLogistic) -> PointEstimate:
    """Maximum likelihood by damped Newton steps.

    Parameters
    ----------
    model : BernoulliLogistic

    Returns
    -------
    PointEstimate
        Of route "newton". Its standard errors are those at the final coefficients, or where there
        are many rows, of the step before (within a relative 5e-7 of them, 4e-8 as seen; 1e-9 where
        factors are held as codes). How far they may be from those at the MLE itself, rounding
        included, the certificate says (``standard_errors_within``). Where the MLE exists but
        rounding or extreme offsets keep the iteration from it, `converged` is False and the
        certificate says how little is proved.

    Raises
    ------
    MLEDoesNotExistError
        If the MLE is not proved to exist.
    NotConvergedError
        If it does, and double precision does not let the iteration begin.

    Notes
    -----
    Iterations, damping and stopping rule are in `flatprior.models.iterations`.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> fit = fit_newton(BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector()))
    >>> fit.coefficients.round(4).tolist()
    [-13.0213, 2.8261, 0.0952, 2.3787]
    >>> fit.certificate.error_bound < 1e-10
    True
    """
    model.require_unchanged()
    large = model.n_rows * model.n_parameters >= PARALLEL
    with one_thread_each() if large else nullcontext():
        return kept(model.rows, "fit", lambda: _fit(model), of=model, anew=True)


def newton_of(model: BernoulliLogistic) -> PointEstimate:
    """`fit_newton`; where rows in batches were read for it before, what was found then."""
    return kept(model.rows, "fit", lambda: fit_newton(model), of=model)


def converged_mle(model: BernoulliLogistic) -> PointEstimate:
    """`fit_newton` for whatever follows from the MLE: never a fit that did not converge.

    Raises
    ------
    MLEDoesNotExistError
        If the MLE is not proved to exist.
    NotConvergedError
        If the fit is not proved to be near it.
    """
    return require_converged(newton_of(model))


def _fit(model: BernoulliLogistic) -> PointEstimate:
    start, since = time.perf_counter(), model.passes
    found = _with_codes(model, start, since)
    if found is not None:
        return found
    patience = PATIENCE if model.rows.resident else PATIENCE_IN_BATCHES
    rows = _merged(model)
    visited: list[Iterate] = []
    for iterate in iterates(rows):
        visited.append(iterate)
        if len(visited) == patience:
            require_mle(model)
    if not visited:
        require_mle(model)
        raise NotConvergedError(
            "Newton's method cannot start: "
            + (
                "the offsets leave no curvature in double precision; subtract a constant from them "
                "or rescale them"
                if model.rows.has_offset
                else "the columns are linearly dependent in double precision, or too nearly so; "
                "leave out columns that are combinations of others, or centre and rescale them"
            )
        )
    last, steps = visited[-1], len(visited) - 1
    kept(model.rows, "last iterate", lambda: last, anew=True)
    taken, evaluation = last_step_of(last), None
    if taken is not None:
        evaluation = after_last_step(
            rows, taken.origin, last.coefficients, taken.moments, taken.white
        )
    if evaluation is None and rows is not model.rows:
        evaluation = evaluate(rows, last.coefficients)
    fit = estimate(
        model,
        last.coefficients,
        route="newton",
        packages=("scipy",),
        converged=isinstance(last, Stationary),
        message=(
            f"the last of {steps + 1} Newton steps was {last.decrement:.1e} standard errors long"
            if taken is not None
            else f"Newton decrement {last.decrement:.1e} after {steps} iterations"
            if isinstance(last, Stationary)
            else f"stopped after {steps} iterations with Newton decrement {last.decrement:.1e}"
        ),
        n_iterations=steps + (taken is not None),
        seconds=time.perf_counter() - start,
        since=since,
        evaluation=evaluation,
    )
    if not fit.certificate.proves_existence:
        require_mle(model)
    if fit.converged and not is_near(fit.certificate):
        # nothing improves on these coefficients that double precision could see, far from the MLE
        fit = changed(fit, converged=False)
    if not fit.converged:
        hanging = _hanging(model, fit)
        if hanging:
            what = f"less information on {names_in(SCREEN, hanging)} than double precision holds"
            return changed(fit, message=f"{fit.message}, where there is {what}")
    return fit


def _merged(model: BernoulliLogistic) -> Rows:
    """The rows of a model, or where many of them are few different ones, these with their counts.

    Sums of counts are exact, so that the likelihood is the same, and what is proved of it, too.
    """
    rows = model.rows
    many = isinstance(rows, ArrayRows) and rows.n_rows * rows.n_columns >= MANY_TO_MERGE
    if many and isinstance(rows, ArrayRows) and rows.weights_count:
        return merge_identical(rows, MOST_DISTINCT)
    return rows


def _with_codes(
    model: BernoulliLogistic, start: float, since: Passes | None
) -> PointEstimate | None:
    """The MLE where factors are held as codes; None where this way does not prove it."""
    sums = sums_of(model.rows)
    if sums is None:
        _require_independent(model)
        return None
    if has_levels_of_one_outcome(model.rows):
        require_mle(model)
    found = fit_as_held(sums)
    if found is None:
        if sums.rows.too_large_to_write_out:
            require_mle(model)
        _require_independent(model)
        return None
    # weights of 1e12 and more leave rounding bounds that two passes improve on
    tight = found.error_bound < max(GOOD_ENOUGH, min(4 * found.bound.rounding, PASSABLE))
    return estimate(
        model,
        found.beta,
        route="newton",
        packages=("scipy",),
        converged=True,
        message=(
            f"the last of {found.n_iterations} Newton steps was {found.bound.decrement:.1e} "
            "standard errors long"
        ),
        n_iterations=found.n_iterations,
        seconds=time.perf_counter() - start,
        since=since,
        evaluation=evaluation_of(found) if tight else None,
    )


def _require_independent(model: BernoulliLogistic) -> None:
    """An error where columns held as codes depend on others; written out it would take long."""
    design = model.rows.design if isinstance(model.rows, ArrayRows) else None
    columns = columns_as_held(design) if isinstance(design, Structured) else None
    if columns is not None and columns.null.size:
        require_mle(model)


def _hanging(model: BernoulliLogistic, fit: PointEstimate) -> list[str]:
    """Names of coefficients whose variance is, or all but is, beyond the largest double."""
    here = model.rows.reduce(lambda block: moments(block, fit.coefficients))
    assert here.information is not None  # noqa: S101
    held = here.information.diagonal() > LEAST_INFORMATION
    return [name for name, enough in zip(model.names, held, strict=True) if not enough]
