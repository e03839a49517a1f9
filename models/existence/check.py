"""Does the maximum likelihood estimate exist? Asked before any route reports a number.

With a flat prior the posterior is proper exactly when it does (rank k and overlap), so the sampling
routes ask the same question. Newton's certificate proves overlap, a direction verified on the data
proves the contrary, and where there is a separating direction both are used in turns: the rows that
it leaves in place are fitted again, until what remains is proved to overlap.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from flatprior.models.batches.kept import kept
from flatprior.models.common.calls import model_first
from flatprior.models.common.parallel import one_thread_each
from flatprior.models.designs.coded import Structured, as_codes
from flatprior.models.existence.cone import (
    describe,
    find_cone,
    left_in_place,
    overlap,
    statuses,
    undecided,
    with_limit,
)
from flatprior.models.existence.dependent import dependent_as_held
from flatprior.models.existence.levels import overlaps_as_held, separated_by_levels, too_large
from flatprior.models.existence.messages import SeparatedRows
from flatprior.models.existence.programs import separated_by_programs, too_much
from flatprior.models.existence.separation import NoneFound
from flatprior.models.existence.working_set import check_in_batches
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence, ImproperPosteriorError, MLEDoesNotExistError
from flatprior.models.rows import ArrayRows


@model_first(sampling_weights=True)
def check_existence(
    model: BernoulliLogistic, signs: bool = True, progress: bool = False
) -> Existence:
    """Decide whether the MLE exists and is unique, and prove it.

    Newton's certificate is tried first: at each iterate it may prove that the columns are
    independent and the outcomes overlap (`flatprior.models.certify`). Only where it does not, a
    projection on the cone of separating directions finds one, which is verified on the data before
    it is reported, or positive weights that balance the rows, which prove overlap. The search takes
    a bounded number of steps, the same on every machine; what is not proved then is "undecided".

    Parameters
    ----------
    model : BernoulliLogistic
    signs : bool
        Where coefficients do not stay finite, find out which way each goes. "+inf" and "-inf" are
        proved; "undetermined" is what goes both ways, or could not be proved to go one. This takes
        up to four projections a coefficient; without it, `coefficients` names those only that are
        known from the verdict itself.
    progress : bool
        Show progress bars on standard error, of the search and of the `signs`.

    Returns
    -------
    Existence

    Notes
    -----
    Albert and Anderson (1984), "On the existence of maximum likelihood estimates in logistic
    regression models", Biometrika 71, 1-10. Existence depends on neither offsets nor (positive)
    weights.

    Overlap is proved of the data as they are, rounding included. Dependence and separation are
    judged as for data changed in their last digits, as a change of units changes them: a sum counts
    as zero within about sixteen roundings of its terms. So 0.1 + 0.2 and 0.3, which differ in
    double precision, are one and the same; whole numbers are called dependent only where they are.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, check_existence, load_endometrial
    >>> model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    >>> state = check_existence(model)
    >>> state.kind
    'quasi-complete separation'
    >>> state.coefficients
    {'Intercept': 'finite', 'NV': '+inf', 'PI': 'finite', 'EH': 'finite'}
    >>> state.limit.coefficients.round(4).tolist()
    [4.3045, -0.0422, -2.9026]
    """
    model.require_unchanged()
    # small matrices in turn with rows: threads of BLAS would only wait for one another
    with one_thread_each():
        if isinstance(model.rows, ArrayRows):
            return _check(model, signs, progress)
        rows = model.rows
        return kept(
            rows,
            ("existence", signs),
            lambda: check_in_batches(model, rows, signs, progress),
            of=model,
        )


def _check(model: BernoulliLogistic, signs: bool, progress: bool) -> Existence:
    """The verdict on rows in memory."""
    assert isinstance(model.rows, ArrayRows)  # noqa: S101
    of_levels = separated_by_levels(model)
    if of_levels is not None:
        return of_levels
    if isinstance(model.rows.design, Structured):
        if overlaps_as_held(model.rows):
            return overlap(model)
        dependent = dependent_as_held(model, lambda less: check_existence(less, signs, progress))
        if dependent is not None:
            return dependent
        if too_much(model.rows):
            return separated_by_programs(model, signs) or too_large(model)
    cone = find_cone(model.rows, progress)
    if isinstance(cone, NoneFound):
        # columns of 0 and 1 may be counted, whatever their neighbours are rounded to
        coded = as_codes(model.design, model.names)
        counted = replace(model, rows=replace(model.rows, design=coded, at_first=None))
        return separated_by_levels(counted) or undecided(cone)
    if cone.trivial:
        return overlap(model)
    found = cone.separation
    rows = np.zeros(model.n_rows, dtype=bool) if found is None else found.rows
    positions = np.flatnonzero(rows)
    labels = tuple(model.row_labels[positions])
    status = statuses(model, cone, signs, progress)[0]
    extent = SeparatedRows(len(labels), len(rows), labels)
    existence = describe(model, cone, status, extent, signs)
    existence = replace(existence, separated_rows=tuple(positions.tolist()))
    return with_limit(existence, model.names, left_in_place(model.rows, cone), cone)


def require_mle(model: BernoulliLogistic) -> None:
    """Raise `MLEDoesNotExistError` unless the MLE is proved to exist."""
    existence = check_existence(model)
    if not existence.exists:
        raise MLEDoesNotExistError(existence)


def require_proper_posterior(model: BernoulliLogistic) -> None:
    """Raise `ImproperPosteriorError` unless the flat-prior posterior is proved to be proper."""
    existence = check_existence(model)
    if not existence.exists:
        raise ImproperPosteriorError(existence)
