"""Does the maximum likelihood estimate exist? Asked before any route reports a number.

With a flat prior the posterior is proper exactly when it does (rank k and overlap), so the sampling
routes ask the same question. Newton's certificate proves overlap, a direction verified on the data
proves the contrary, and where there is a separating direction both are used in turns: the rows that
it leaves in place are fitted again, until what remains is proved to overlap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from flatprior.models._progress import progress_bar
from flatprior.models.certificate import LARGEST_PRODUCT, evaluate
from flatprior.models.iterations import Iterate, iterates
from flatprior.models.likelihood import linear_predictor
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import (
    Existence,
    ExistenceKind,
    ImproperPosteriorError,
    Limit,
    MLEDoesNotExistError,
)
from flatprior.models.rows import Array, ArrayRows, Block, MappedRows, Rows
from flatprior.models.separation import (
    Columns,
    NoneFound,
    Overlap,
    Separation,
    coefficient_signs,
    find_separation,
    independent_columns,
    margins,
    overlap_width,
    separated,
)
from flatprior.models.witness import dependence_message, separation_message

# Overlap is proved at iteration 0 to 9 on all real data seen. After this many the linear program is
# asked; if it finds nothing either, Newton's method goes on.
PATIENCE = 10


def check_existence(
    model: BernoulliLogistic, signs: bool = True, progress: bool = False
) -> Existence:
    """Decide whether the MLE exists and is unique, and prove it.

    Newton's certificate is tried first: at each iterate it may prove that the columns are
    independent and the outcomes overlap (`flatprior.models.certify`). Only where it does not, a
    linear program looks for a separating direction, which is verified on the data before it is
    reported, or for positive weights that balance the rows, which prove overlap.

    Parameters
    ----------
    model : BernoulliLogistic
    signs : bool
        Where coefficients do not stay finite, find out which way each goes. This takes up to two
        linear programs a coefficient; without it, `coefficients` names those only that are known
        from the verdict itself.
    progress : bool
        Show a progress bar on standard error while `signs` are computed.

    Returns
    -------
    Existence

    Notes
    -----
    Albert and Anderson (1984), "On the existence of maximum likelihood estimates in logistic
    regression models", Biometrika 71, 1-10. Existence depends on neither offsets nor (positive)
    weights.

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
    plain = MappedRows(model.rows, _without_offset_and_weights)
    sign = 2 * model.response - 1
    cone: Cone | NoneFound | None = None
    iterate = None
    for iteration, iterate in enumerate(iterates(plain)):
        if iteration == PATIENCE:
            cone = recession_cone(model.design, sign)
            if isinstance(cone, Cone):
                break
        if _proves_overlap(plain, iterate):
            return _overlap(model)
    if cone is None:
        cone = recession_cone(model.design, sign)
    if isinstance(cone, NoneFound):
        # Newton's last step, too, all but separates what is all but separated
        last = math.inf if iterate is None else overlap_width(model.design, sign, iterate.step)
        return _undecided(min(cone.width, last))
    if cone.trivial:
        return _overlap(model)
    with progress_bar("coefficients", model.n_parameters, progress) as on_step:
        return _describe(model, cone, signs, on_step)


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


def _without_offset_and_weights(block: Block) -> Block:
    # without them the iterates are tamer and prove more
    return block._replace(offset=None, weights=None)


def _proves_overlap(rows: Rows, iterate: Iterate) -> bool:
    """Whether an iterate proves that the MLE exists; the proof is tried where it may succeed."""

    def criterion(block: Block) -> float:
        with np.errstate(over="ignore"):
            margin = block.sign * linear_predictor(block, iterate.coefficients)
            fitted = 1 / (1 + np.exp(-margin))
        return float(np.max(fitted * block.sign * (block.design @ iterate.step)))

    return (
        rows.reduce(criterion, max) <= LARGEST_PRODUCT
        and evaluate(rows, iterate.coefficients).certificate.proves_existence
    )


def overlaps(rows: Rows) -> bool:
    """Whether Newton's method, on its own, proves that the MLE of these rows exists."""
    return any(_proves_overlap(rows, iterate) for iterate in iterates(rows))


@dataclass(frozen=True, eq=False)
class Cone:
    """The directions in which the log-likelihood never falls, and what they leave in place.

    Attributes
    ----------
    columns : Columns
        Independent columns of the whole design, and null vectors.
    separation : Separation or None
        A direction, with zeros outside the kept columns, and all rows that can be separated; None
        if none can.
    rest : Columns
        Independent columns of the rows that are not separated, and null vectors.
    """

    columns: Columns
    separation: Separation | None
    rest: Columns

    @property
    def trivial(self) -> bool:
        """Whether there is no such direction but 0: the outcomes overlap, the rank is full."""
        return self.separation is None and not self.columns.null.size


def recession_cone(design: Array, sign: Array) -> Cone | NoneFound:
    """Find the largest set of rows that a direction separates, and prove it the largest.

    For data that Newton's method alone did not prove to overlap. Rows are peeled off: a direction
    separates some; the others either overlap, in the columns that are independent on them, or have
    a direction of their own, which then is added.
    """
    k = design.shape[1]
    columns = independent_columns(design)
    kept, direction = columns.kept, np.zeros(k)
    left, peeled = np.ones(len(design), dtype=bool), columns
    while left.any():
        part = design[np.ix_(left, peeled.kept)]
        if not len(peeled.kept):  # what is left are rows of zeros
            break
        untried = len(peeled.kept) < k or not left.all()
        if untried and overlaps(ArrayRows(part, (1 + sign[left]) / 2)):
            break
        found = find_separation(part, sign[left])
        if isinstance(found, NoneFound):
            return found
        if isinstance(found, Overlap):
            break
        further = np.zeros(k)
        further[peeled.kept] = found.direction
        direction = _add(design, sign, direction, further, ~left)
        left[np.flatnonzero(left)[found.rows]] = False
        peeled = independent_columns(design[np.ix_(left, kept)])
        peeled = Columns(kept[peeled.kept], peeled.null)
    rest = independent_columns(design[left])
    if left.all():
        return Cone(columns, None, rest)
    rows = separated(design, sign, direction)
    if rows is None or (rows == left).any():
        return NoneFound(0.0)
    return Cone(columns, Separation(direction / np.abs(direction).max(), rows), rest)


def _add(design: Array, sign: Array, first: Array, second: Array, rows: np.ndarray) -> Array:
    """``t first + second`` with t large enough that the `rows` that `first` separates remain so."""
    if not rows.any():
        return second
    gained, lost = (margins(design[rows], sign[rows], d)[0] for d in (first, second))
    return max(1.0, 2 * float(np.max(-lost / gained))) * first + second


def _overlap(model: BernoulliLogistic) -> Existence:
    return Existence(
        "overlap",
        "the maximum likelihood estimate exists and is unique, and the flat-prior posterior is "
        "proper (proved: the outcomes overlap)",
        dict.fromkeys(model.names, "finite"),
        warnings=model.warnings,
    )


def _undecided(width: float) -> Existence:
    how = f" (they overlap by at most {width:.1e} of their spread)" if math.isfinite(width) else ""
    return Existence(
        "undecided",
        "it is undecided in double precision whether the maximum likelihood estimate exists: "
        f"neither overlap nor separation of the outcomes could be verified{how}; rescale or centre "
        "the columns, or drop nearly collinear ones",
        {},
        overlap_width=float(width),
    )


def _describe(
    model: BernoulliLogistic,
    cone: Cone,
    signs: bool,
    on_step: Callable[[], None],
) -> Existence:
    """Say in names and numbers what the cone means for the coefficients."""
    fixed = np.logical_not(cone.rest.null.any(axis=1))
    status = dict.fromkeys(np.flatnonzero(fixed).tolist(), "finite")
    status |= dict.fromkeys(np.flatnonzero(cone.columns.null.any(axis=1)).tolist(), "undetermined")
    found = cone.separation
    if found is not None and (signs or cone.rest.null.shape[1] == 1):
        status |= _signs(model, cone, found, on_step)
    coefficients = {model.names[j]: status[j] for j in sorted(status)}
    rows = np.zeros(model.n_rows, dtype=bool) if found is None else found.rows
    positions = np.flatnonzero(rows)
    if len(cone.columns.kept) < model.n_parameters:
        kind: ExistenceKind = "rank deficient"
        dependencies = _dependencies(model, cone.columns)
        message = dependence_message(model, dependencies)
        direction = cone.columns.null[:, 0]
    else:
        assert found is not None  # noqa: S101
        kind = "complete separation" if rows.all() else "quasi-complete separation"
        dependencies = {}
        message = separation_message(model, found.direction, rows, coefficients)
        direction = found.direction
    return Existence(
        kind,
        message,
        coefficients,
        direction=direction / np.abs(direction).max(),
        separated_rows=tuple(positions.tolist()),
        separated_labels=tuple(model.row_labels[positions]),
        limit=_limit(model, cone, fixed),
        dependencies=dependencies,
    )


def _signs(
    model: BernoulliLogistic,
    cone: Cone,
    found: Separation,
    on_step: Callable[[], None],
) -> dict[int, str]:
    """Signs of the coefficients that no dependency among the columns leaves undetermined."""
    kept = cone.columns.kept
    null = cone.rest.null if len(kept) == model.n_parameters else None
    if null is None:
        left = model.design[np.ix_(~found.rows, kept)]
        null = independent_columns(left).null
    signs = coefficient_signs(
        model.design[:, kept],
        2 * model.response - 1,
        Separation(found.direction[kept], found.rows),
        null,
        on_step,
    )
    alone = np.logical_not(cone.columns.null.any(axis=1))
    return {int(kept[j]): sign for j, sign in signs.items() if alone[kept[j]]}


def _limit(model: BernoulliLogistic, cone: Cone, fixed: np.ndarray) -> Limit:
    """Fit the rows that are not separated, in columns that are independent on them."""
    rows, columns = model.arrays, cone.rest.kept
    left = np.ones(model.n_rows, bool) if cone.separation is None else ~cone.separation.rows
    if not left.any():
        return Limit((), np.zeros(0), np.zeros(0), 0.0, 0.0)
    part = ArrayRows(
        rows.design[np.ix_(left, columns)],
        rows.response[left],
        None if rows.offset is None else rows.offset[left],
        None if rows.weights is None else rows.weights[left],
    )
    if not len(columns):  # rows of zeros: their probability is that of the offset
        margin = (2 * part.response - 1) * (0.0 if part.offset is None else part.offset)
        weights = 1.0 if part.weights is None else part.weights
        total = float(np.sum(-weights * np.logaddexp(0.0, -margin)))
        return Limit((), np.zeros(0), np.zeros(0), total, 0.0)
    *_, last = iterates(part)
    found = evaluate(part, last.coefficients)
    shown = np.flatnonzero(fixed[columns])
    return Limit(
        tuple(model.names[columns[j]] for j in shown),
        last.coefficients[shown],
        np.sqrt(np.diag(found.covariance))[shown],
        found.log_likelihood,
        found.certificate.error_bound,
    )


def _dependencies(model: BernoulliLogistic, columns: Columns) -> dict[str, dict[str, float]]:
    """Each superfluous column as a combination of others."""
    left = np.setdiff1d(np.arange(model.n_parameters), columns.kept)
    return {
        model.names[j]: {
            model.names[i]: float(-columns.null[i, c])
            for i in np.flatnonzero(columns.null[:, c])
            if i != j
        }
        for c, j in enumerate(left)
    }
