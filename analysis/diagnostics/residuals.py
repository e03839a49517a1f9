r"""Which observations do not fit, and which move the fit.

Residuals, leverage and influence are of single observations: of a row with frequency weight w there
are w, each with these values; or of groups of counts, each with all of its trials. Pregibon (1981),
"Logistic regression diagnostics", Annals of Statistics 9, 705-724; Williams (1987), "Generalized
linear model diagnostics using the deviance and single case deletions", Applied Statistics 36,
181-191.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from flatprior.analysis.diagnostics.collinearity import well_conditioned_root
from flatprior.analysis.diagnostics.exact_influence import most_moving
from flatprior.analysis.diagnostics.leave_one_out import exact_loo, others
from flatprior.analysis.diagnostics.summaries import Spread
from flatprior.models import BernoulliLogistic, PointEstimate, refit
from flatprior.models.batches.largest import Largest
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, check_whole, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import at_most, count
from flatprior.models.covariance.grouped_rows import GroupedRows, require_groups
from flatprior.models.covariance.leverage import LARGEST_LEVERAGE, Leverages, leverages
from flatprior.models.covariance.roots import Root, root_of
from flatprior.models.designs.coded import LARGEST_DENSE, LARGEST_KEPT
from flatprior.models.estimate import formed_when_asked, mle_of
from flatprior.models.likelihood import deviance_of_counts, linear_predictor, row_terms
from flatprior.models.rows import Block, MappedRows, Rows, as_held, consecutive, either

MOST_SHOWN = 10
MOST_KEPT = 1000  # rows of those that are not in memory
REFITTED = 2**22  # weights of refits without a group that are held at a time


_SHORT = {
    "deviance residual": "deviance r.",
    "Pearson residual": "Pearson r.",
    "studentised residual": "student. r.",
    "standardised deviance residual": "stand. dev. r.",
    "Cook's distance": "Cook's D",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Diagnostics(Renderable):
    """Residuals and influence of each observation.

    Attributes
    ----------
    frame : DataFrame (n, ...)
        What `table` returns.
    dfbetas : DataFrame (n, k)
        Change of each coefficient, full fit less the fit without the observation, in standard
        errors of the full fit, as statsmodels has them (R's ``dfbetas`` of a glm divides by a
        residual standard deviation without the observation as well); formed when it is asked for.
    exact : bool
        Whether influence is from refits, or from one Newton step with the downdated information.
    formula : str or None
    summary : DataFrame or None
        One row a column of the table: its "mean", "sd", "smallest", "largest" and "sum of squares"
        over all observations. That of deviance residuals is the deviance, of Pearson's his
        statistic; leverages have the sum k.
    numbers : ndarray of int (m,) or None
        Of rows that are not in memory, of which the table has but the most influential, the largest
        Cook's distance first: their places among all rows of the model, from 0.
    n_rows : int or None
        How many these are.
    rest_at_most : float or None
        Where influence is exact and the table has not all rows: no other row has a larger Cook's
        distance, but for rounding.
    units : str
        What a row of the table is: of "trials" one observation of a row of the data, of "groups" a
        group of counts.
    """

    frame: pd.DataFrame
    dfbetas: pd.DataFrame
    exact: bool
    formula: str | None = None
    summary: pd.DataFrame | None = None
    numbers: NDArray[np.intp] | None = None
    n_rows: int | None = None
    rest_at_most: float | None = None
    units: str = "trials"

    def table(self) -> pd.DataFrame:
        """One row a row of the data, labelled as there; or the most influential of these.

        "fitted" probability of 1; "deviance residual" ``sign(y - p) sqrt(-2 log-likelihood)``;
        "Pearson residual" ``(y - p) / sqrt(p (1 - p))``; "leverage" h; "studentised residual",
        Pearson's over ``sqrt(1 - h)`` (R's ``rstandard(fit, type = "pearson")``, statsmodels'
        ``resid_studentized``); "Cook's distance", the squared length of the change of the
        coefficients without the observation, in the metric of the information, over k (R's and
        statsmodels', where it is of one step); "standardised deviance residual", over
        ``sqrt(1 - h)`` (R's ``rstandard``); "rstudent", externally studentised in Williams'
        approximation, ``sign(y - p) sqrt(d^2 + h r^2)`` with d the deviance residual and r the
        studentised one (R's ``rstudent``); "DFFITS", the change of the linear predictor of the
        observation without it, in its standard error (statsmodels' ``d_linpred_scaled``, the root
        of k times Cook's distance where that is of one step. R's ``dffits`` of a glm is another:
        of deviance residuals, over a residual standard deviation without the observation).
        Of groups of s successes in n trials y is s / n, "Pearson residual"
        ``(s - n p) / sqrt(n p (1 - p))``, and the deviance residual the signed root of the group's
        part of the deviance from a probability of its own, as R has them of ``cbind(s, n - s)``.
        """
        return self.frame.copy()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: all columns of its table or these, the most influential rows."""
        here = len(self.frame)
        n = here if self.n_rows is None else self.n_rows
        row = "group" if self.units == "groups" else "row"
        all_of_them = "all" if n == here else f"{here} of them, .summary the spread of all"
        shown = self.order[:MOST_SHOWN]
        gone = np.isinf(self.frame["Cook's distance"].to_numpy())
        return Rendered.of(
            chosen(self.frame, columns).rename(columns=_SHORT),
            {_SHORT.get(str(name), str(name)): "#.3g" for name in self.frame.columns},
            of_model("Residuals and influence", self.formula),
            [
                f"influence from the fit without each {row}"
                if self.exact
                else f"influence from one Newton step without each {row}; exact=True refits"
            ],
            [
                f"shown are the {len(shown)} of {count(n, row)} with the largest Cook's "
                f"distance: .table() has {all_of_them}, .dfbetas what each {row} does to each "
                "coefficient"
                if len(shown) < n
                else f".dfbetas has what each {row} does to each coefficient",
                f"Cook's D: squared change of the coefficients without the {row}, in the metric of "
                "the information, over their number",
                f"without {count(int(gone.sum()), row)} there is no MLE, each on its own: Cook's "
                "D is inf"
                if gone.any()
                else "",
                ""
                if self.rest_at_most is None
                else f"without others than these {here} there is no MLE either"
                if math.isinf(self.rest_at_most)
                else f"no row beside these {here} has a Cook's D above "
                f"{at_most(self.rest_at_most, '.3g')}",
            ],
            rows=shown,
        )

    def most_influential(self, number: int = MOST_SHOWN) -> pd.DataFrame:
        """The rows with the largest Cook's distance, the largest first."""
        return self.frame.iloc[self.order[:number]]

    @property
    def order(self) -> np.ndarray:
        """Positions of the rows by Cook's distance, the largest first, (n,)."""
        return np.argsort(-self.frame["Cook's distance"].to_numpy(), kind="stable")


formed_when_asked(Diagnostics, "dfbetas")


@model_first
def diagnose(
    model: BernoulliLogistic,
    fit: PointEstimate,
    exact: bool = False,
    progress: bool = False,
    most: int = MOST_KEPT,
    *,
    units: Literal["trials", "groups"] = "trials",
) -> Diagnostics:
    """Residuals, leverage and influence of each observation.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster.
    fit : PointEstimate
        Of that model.
    exact : bool
        Take influence from the MLE without each observation (see `exact_loo`) in place of one
        Newton step. Cook's distance is inf, and dfbetas NaN, where there is no such MLE.
    progress : bool
        Show a progress bar on standard error.
    most : int
        Of rows that are not in memory: how many are kept, those with the largest Cook's distance,
        which one pass finds. Of all of them the summary has the spread; but not of exact Cook's
        distances, unless all are kept: `rest_at_most` bounds the others.
    units : {"trials", "groups"}
        Of grouped counts, what is looked at, and left out: every single trial, or a group with all
        of its trials, as R's ``influence.measures`` has it. Groups need the rows in memory.

    Returns
    -------
    Diagnostics

    Raises
    ------
    ValueError
        If the fit is another model's, or groups are asked for where there are none.

    Examples
    --------
    >>> from flatprior.analysis import diagnose
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> found = diagnose(model, fit_newton(model))
    >>> found.most_influential(2).index.tolist()
    [31, 23]
    """
    most = check_whole("most", most, 1)
    check_choice("units", units, ("trials", "groups"))
    fit = mle_of(model, fit)
    root = well_conditioned_root(model, fit.coefficients)
    if units == "groups":
        return _of_groups(model, fit, root, exact)
    if not model.rows.resident:
        found = _in_a_pass(model, fit, root, most)
        return _exactly(model, fit, root, found, progress) if exact else found
    block = as_held(model.arrays).block(slice(None))
    change = None
    if exact:
        refits = exact_loo(model, fit, progress=progress)
        change = fit.coefficients - refits.coefficients

    def without(i: int) -> Rows:
        return others(model, i).rows

    measured = _measured(block, fit.coefficients, root)
    table, changes = _diagnosed(fit, root, measured, model.row_labels, without, change)
    return _of_all(model, table, changes, block.counts, exact, "trials")


def _of_all(
    model: BernoulliLogistic,
    table: pd.DataFrame,
    changes: _Changes,
    counts: Array,
    exact: bool,
    units: str,
) -> Diagnostics:
    """Of all rows, or groups, of a model, of so many observations each."""
    small = len(table) * model.n_parameters <= LARGEST_KEPT
    return Diagnostics(
        frame=table,
        dfbetas=changes.matrix if small else cast(pd.DataFrame, changes),
        exact=exact,
        formula=model.formula,
        summary=_spread(table, counts).table(table.columns),
        units=units,
    )


def _of_groups(
    model: BernoulliLogistic, fit: PointEstimate, root: Root, exact: bool
) -> Diagnostics:
    """Of groups of counts, each with all of its trials."""
    require_groups(model)
    groups = GroupedRows.of(model)
    g, change = len(groups.first), None
    if exact:
        change = np.empty((g, model.n_parameters))
        at_once = max(1, REFITTED // model.n_rows)
        for start in range(0, g, at_once):
            some = np.arange(start, min(start + at_once, g))
            weights = np.where(groups.numbers == some[:, None], 0.0, model.counts)
            change[some] = fit.coefficients - refit(model, weights).coefficients

    def without(i: int) -> Rows:
        return model.arrays.select(groups.numbers != i)

    measured = _measured_groups(groups, fit.coefficients, root)
    labels = model.row_labels[groups.first]
    table, changes = _diagnosed(fit, root, measured, labels, without, change)
    return _of_all(model, table, changes, np.ones(g), exact, "groups")


def _diagnosed(
    fit: PointEstimate,
    root: Root,
    measured: tuple[Leverages, dict[str, Array]],
    labels: pd.Index[Any],
    without: Callable[[int], Rows],
    change: Array | None = None,
) -> tuple[pd.DataFrame, _Changes]:
    """Table of some rows of a model, and what each of them does to each coefficient.

    `without` gives all rows of the model but one observation of one of these. `change` is what it
    does where that is known from refits.
    """
    rows, columns = measured
    curvature, left = rows.curvature, rows.left.copy()
    moved, along = columns["Cook's distance"] * len(fit.names), columns["DFFITS"]
    held_up: dict[int, Array] = {}  # changes of coefficients without rows of a leverage of 1
    for i in np.flatnonzero(rows.leverage > LARGEST_LEVERAGE).tolist():
        row = np.asarray(rows.design[[i]])
        left[i], change_of = _held_up(without(i), fit, row, float(curvature[i]))
        with np.errstate(invalid="ignore"):  # a residual of 0, and a change without end
            held_up[i] = rows.residual[i] * change_of
        known = np.isfinite(held_up[i]).all()
        white = root.unplaced(held_up[i]) if known else np.full(len(fit.names), math.inf)
        moved[i] = np.square(white).sum()
        far = float(root.rooted(row)[0] @ white) / rows.length[i] if known else math.inf
        along[i] = math.copysign(far, rows.residual[i])
    columns |= _studentised(columns, rows.leverage, left)
    if change is not None:
        gone = np.isnan(change).any(axis=1)
        white = root.unplaced(change)
        moved = np.square(white).sum(axis=1)
        moved[gone] = math.inf
        along = np.einsum("ij,ij->i", root.rooted(np.asarray(rows.design)), white)
        along = along / np.where(rows.length > 0, rows.length, 1.0)
        along[gone] = np.copysign(math.inf, rows.residual[gone])
    columns |= {"Cook's distance": moved / len(fit.names), "DFFITS": along}
    changes = _Changes(
        errors=fit.standard_errors,
        names=fit.names,
        labels=labels,
        rows=rows,
        held_up=held_up,
        exact=change,
    )
    return pd.DataFrame(columns, index=labels), changes


def _measured(block: Block, beta: Array, root: Root) -> tuple[Leverages, dict[str, Array]]:
    """What is known of some rows from themselves: that of leverages of nearly 1 has lost digits."""
    block = block._replace(weights=None)
    margin = block.sign * linear_predictor(block, beta)
    terms = row_terms(block, beta)
    rows = leverages(block, beta, root)
    return rows, _columns(
        rows,
        fitted=expit(block.sign * margin),
        deviance=block.sign * np.sqrt(-2 * terms.log_likelihood),
        pearson=block.sign * np.exp(-margin / 2),
    )


def _measured_groups(
    groups: GroupedRows, beta: Array, root: Root
) -> tuple[Leverages, dict[str, Array]]:
    """The same of groups, each with all of its trials."""
    eta, rows = linear_predictor(groups.block, beta), groups.leverages(beta, root)
    deviance = deviance_of_counts(groups.successes, groups.failures, eta)
    return rows, _columns(
        rows,
        fitted=expit(eta),
        deviance=np.copysign(np.sqrt(deviance), rows.residual),
        pearson=rows.residual / np.sqrt(rows.curvature),
    )


def _columns(rows: Leverages, fitted: Array, deviance: Array, pearson: Array) -> dict[str, Array]:
    """What the table has of rows, influence from one Newton step without each."""
    columns = {
        "fitted": fitted,
        "deviance residual": deviance,
        "Pearson residual": pearson,
        "leverage": rows.leverage,
    }
    step = rows.residual / rows.left * rows.length
    both = _studentised(columns, rows.leverage, rows.left)
    return {
        **columns,
        "studentised residual": both["studentised residual"],
        "Cook's distance": np.square(step) / rows.design.shape[1],
        **both,
        "DFFITS": step,
    }


def _studentised(columns: dict[str, Array], leverage: Array, left: Array) -> dict[str, Array]:
    """Residuals over what their standard deviations are, with ``1 - h`` as `left` has it."""
    deviance, pearson = columns["deviance residual"], columns["Pearson residual"]
    with np.errstate(divide="ignore", invalid="ignore"):  # nothing is left of an only row
        studentised, standardised = pearson / np.sqrt(left), deviance / np.sqrt(left)
        williams = np.sqrt(np.square(deviance) + leverage * np.square(studentised))
    return {
        "studentised residual": studentised,
        "standardised deviance residual": standardised,
        "rstudent": np.copysign(williams, deviance),
    }


def _spread(columns: Any, counts: Array) -> Spread:
    """Spread of the columns of a table over the observations that its rows stand for (m,)."""
    return Spread.of(np.array([columns[name] for name in columns]), counts)


class _Kept(NamedTuple):
    """What a pass keeps: the most influential rows, those of a leverage of 1, and how many."""

    spread: Spread | None
    influential: Largest
    alone: Largest

    def joined(self, other: _Kept) -> _Kept:
        return _Kept(
            either(operator.add, self.spread, other.spread),
            self.influential + other.influential,
            self.alone + other.alone,
        )


def _in_a_pass(model: BernoulliLogistic, fit: PointEstimate, root: Root, most: int) -> Diagnostics:
    """The most influential rows, and the spread of all, of rows that are not in memory."""
    beta, k = fit.coefficients, model.n_parameters

    def of_block(block: Block) -> _Kept:
        rows, columns = _measured(block, beta, root)
        # leverages sum to k: there are no more of these than columns
        alone = rows.leverage > LARGEST_LEVERAGE
        rest, these = np.flatnonzero(~alone), np.flatnonzero(alone)
        known = {name: values[rest] for name, values in columns.items()}
        return _Kept(
            _spread(known, block.counts[rest]) if len(rest) else None,
            Largest.of(columns["Cook's distance"], block, most, rest),
            Largest.of(rows.leverage, block, k + 1, these),
        )

    kept = as_held(model.rows).reduce(of_block, _Kept.joined)
    both = (kept.alone, kept.influential)
    block = consecutive(*(each.block for each in both))
    labels = pd.Index(np.concatenate([np.asarray(each.block.labels) for each in both]))

    measured = _measured(block, beta, root)
    table, changes = _diagnosed(fit, root, measured, labels, _others_of(model, block))
    n = len(kept.alone.numbers)
    spread = _spread(table.iloc[:n], block.counts[:n]) if n else None
    found = either(operator.add, spread, kept.spread)
    assert found is not None  # noqa: S101  (there are rows)
    order = np.argsort(-table["Cook's distance"].to_numpy(), kind="stable")[:most]
    return Diagnostics(
        frame=table.iloc[order],
        dfbetas=changes.matrix.iloc[order],
        exact=False,
        formula=model.formula,
        summary=found.table(table.columns),
        numbers=np.concatenate([each.numbers for each in both])[order],
        n_rows=model.n_rows,
    )


def _exactly(
    model: BernoulliLogistic, fit: PointEstimate, root: Root, found: Diagnostics, progress: bool
) -> Diagnostics:
    """What was found of rows that are not in memory, with influence from fits without each."""
    k, most = model.n_parameters, len(found.frame)
    moving = most_moving(model, fit, root, most, progress)
    block = moving.block
    labels = pd.Index(np.asarray(block.labels))
    measured, others_of = _measured(block, fit.coefficients, root), _others_of(model, block)
    table, changes = _diagnosed(fit, root, measured, labels, others_of, moving.change)
    cook = table["Cook's distance"].to_numpy()
    order = np.argsort(-cook, kind="stable")
    summary, rest = cast(pd.DataFrame, found.summary), math.nan
    every = len(cook) == most == model.n_rows
    if every:
        summary = _spread(table, block.counts).table(table.columns)
    else:
        summary = summary.drop(index=["Cook's distance", "DFFITS"])
        rest = float(cook[order[most:]].max(initial=np.square(moving.rest) / k))
    order = order[:most]
    return replace(
        found,
        frame=table.iloc[order],
        dfbetas=changes.matrix.iloc[order],
        exact=True,
        summary=summary,
        numbers=moving.numbers[order],
        rest_at_most=None if every else rest,
    )


def _others_of(model: BernoulliLogistic, block: Block) -> Callable[[int], Rows]:
    """Rows that are not in memory, without those that are like one of a block."""

    def without(i: int) -> Rows:
        # of two rows with the same columns each has a leverage of a half, and is not asked for
        itself = np.asarray(block.design[[i]])
        return MappedRows(
            model.rows,
            lambda some: some.select((np.asarray(some.design) != itself).any(axis=1)),
        )

    return without


@dataclass(frozen=True, eq=False, kw_only=True)
class _Changes:
    """What each row does to each coefficient, formed when it is asked for."""

    errors: Array
    names: tuple[str, ...]
    labels: pd.Index[Any]
    rows: Leverages
    held_up: dict[int, Array]
    exact: Array | None

    @cached_property
    def matrix(self) -> pd.DataFrame:
        """Changes in standard errors (n, k)."""
        n, k = len(self.labels), len(self.names)
        if n * k > LARGEST_DENSE:
            raise InputError(
                f"what {n} rows do to {k} coefficients each has {8 * n * k / 1e9:.0f} GB, too many "
                "to be formed; leverages and Cook's distances do without"
            )
        change = self.exact
        if change is None:
            change = self.rows.root.placed(-self.rows.steps())
            for i, found in self.held_up.items():
                change[i] = found
        return pd.DataFrame(change / self.errors, index=self.labels, columns=list(self.names))


def _held_up(others: Rows, fit: PointEstimate, row: Array, curvature: float) -> tuple[float, Array]:
    """1 - h of a row whose leverage h is nearly 1, and the change of the coefficients without it.

    The latter over its residual; both from the information of the other rows, where nothing
    cancels.
    """
    root = root_of(others, fit.coefficients)
    if root is None:  # the others leave a direction undetermined
        return 0.0, np.full(len(fit.names), math.inf)
    left = 1 / (1 + curvature * float(np.square(root.lengths(row))[0]))
    return left, root.times(row)[0]
