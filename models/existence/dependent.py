"""Columns that are combinations of others, where factors are held as codes: nothing is written out.

What the likelihood says is then what it says of the columns that are independent, whose number is
the rank; only the coefficients with a part in a combination are not determined by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from flatprior.models.codes.judgement import evaluation_of
from flatprior.models.codes.newton import fit_as_held
from flatprior.models.codes.passes import sums_of
from flatprior.models.dependence.as_held import columns_as_held
from flatprior.models.designs.coded import Structured
from flatprior.models.existence.messages import SeparatedRows, dependence_message
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence, Limit


def dependent_as_held(
    model: BernoulliLogistic, check: Callable[[BernoulliLogistic], Existence]
) -> Existence | None:
    """The verdict where columns are combinations of others; None where this is not seen.

    Parameters
    ----------
    model : BernoulliLogistic
    check : callable
        The verdict on the model without these columns.
    """
    design = model.arrays.design
    columns = columns_as_held(design) if isinstance(design, Structured) else None
    if columns is None or not columns.null.size or not len(columns.kept):
        return None
    reduced = model.without_aliased()
    assert reduced.aliased is not None  # noqa: S101
    below = check(reduced)
    involved = np.asarray(columns.null.any(axis=1))
    tied = {name for name, has_part in zip(model.names, involved, strict=True) if has_part}
    status = {
        name: "undetermined" if name in tied else below.coefficients.get(name)
        for name in model.names
    }
    dependencies = {name: reduced.aliased.terms(name) for name in reduced.aliased.names}
    direction = columns.null[:, 0]
    limit = fit_of(reduced) if below.exists else below.limit
    return replace(
        below,
        kind="rank deficient",
        message=dependence_message(
            model, dependencies, SeparatedRows(below.n_separated, model.n_rows, ())
        ),
        coefficients={name: where for name, where in status.items() if where is not None},
        direction=direction / np.abs(direction).max(),
        separated_rows=below.separated_rows or (),
        separated_labels=below.separated_labels or (),
        limit=None if limit is None else without(limit, tied),
        dependencies=dependencies,
        overlap_width=None,
        warnings=(),
    )


def fit_of(model: BernoulliLogistic) -> Limit | None:
    """The MLE of all columns; None where it is not proved without writing them out."""
    sums = sums_of(model.rows)
    last = None if sums is None else fit_as_held(sums)
    if last is None:
        return None
    found = evaluation_of(last)
    return Limit(
        names=model.names,
        coefficients=last.beta,
        standard_errors=np.sqrt(found.covariance.diagonal()),
        log_likelihood=found.log_likelihood,
        error_bound=found.certificate.error_bound,
    )


def without(limit: Limit, names: set[str]) -> Limit:
    """The limit with the other coefficients only."""
    kept = [j for j, name in enumerate(limit.names) if name not in names]
    return replace(
        limit,
        names=tuple(limit.names[j] for j in kept),
        coefficients=limit.coefficients[kept],
        standard_errors=limit.standard_errors[kept],
    )
