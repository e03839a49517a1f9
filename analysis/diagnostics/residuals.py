r"""Which observations do not fit, which move the fit, and which columns say the same.

Residuals, leverage and influence are of single observations: of a row with frequency weight w there
are w, each with these values. Pregibon (1981), "Logistic regression diagnostics", Annals of
Statistics 9, 705-724.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from flatprior.analysis.diagnostics.leave_one_out import exact_loo, others
from flatprior.analysis.diagnostics.summaries import Spread
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.batches.largest import Largest
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_whole, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import count
from flatprior.models.covariance.leverage import LARGEST_LEVERAGE, Leverages, leverages
from flatprior.models.covariance.roots import Factored, Root, Written, root_of
from flatprior.models.designs.coded import LARGEST_DENSE, LARGEST_KEPT, Structured
from flatprior.models.estimate import formed_when_asked, mle_of
from flatprior.models.likelihood import linear_predictor, row_terms
from flatprior.models.rows import Block, MappedRows, Rows, as_held, consecutive, either

MOST_SHOWN = 10
MOST_KEPT = 1000  # rows of those that are not in memory
CONDITION_THAT_MATTERS = 30.0  # Belsley, Kuh and Welsch (1980)
MOST_COLUMNS = 1000  # of which all singular values are computed
LARGEST_CONDITION = 1e14  # of the scaled columns: beyond it, no digit is sure


_SHORT = {
    "deviance residual": "deviance r.",
    "Pearson residual": "Pearson r.",
    "studentised residual": "student. r.",
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
        errors of the full fit; formed when it is asked for.
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
    """

    frame: pd.DataFrame
    dfbetas: pd.DataFrame
    exact: bool
    formula: str | None = None
    summary: pd.DataFrame | None = None
    numbers: NDArray[np.intp] | None = None
    n_rows: int | None = None

    def table(self) -> pd.DataFrame:
        """One row a row of the data, labelled as there; or the most influential of these.

        "fitted" probability of 1; "deviance residual" ``sign(y - p) sqrt(-2 log-likelihood)``;
        "Pearson residual" ``(y - p) / sqrt(p (1 - p))``; "leverage" h; "studentised residual",
        Pearson's over ``sqrt(1 - h)``; "Cook's distance", the squared length of the change of the
        coefficients without the observation, in the metric of the information, over k.
        """
        return self.frame.copy()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: all columns of its table or these, the most influential rows."""
        here = len(self.frame)
        n = here if self.n_rows is None else self.n_rows
        all_of_them = "all" if n == here else f"{here} of them, .summary the spread of all"
        shown = self.order[:MOST_SHOWN]
        gone = np.isinf(self.frame["Cook's distance"].to_numpy())
        return Rendered.of(
            chosen(self.frame, columns).rename(columns=_SHORT),
            {_SHORT.get(str(name), str(name)): "#.3g" for name in self.frame.columns},
            of_model("Residuals and influence", self.formula),
            [
                "influence from the fit without each row"
                if self.exact
                else "influence from one Newton step without each row"
                + ("; exact=True refits" if self.n_rows is None else "")
            ],
            [
                f"shown are the {len(shown)} of {count(n, 'row')} with the largest Cook's "
                f"distance: .table() has {all_of_them}, .dfbetas what each row does to each "
                "coefficient"
                if len(shown) < n
                else ".dfbetas has what each row does to each coefficient",
                "Cook's D: squared change of the coefficients without the row, in the metric of "
                "the information, over their number",
                f"without {count(int(gone.sum()), 'row')} there is no MLE, each on its own: Cook's "
                "D is inf"
                if gone.any()
                else "",
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
) -> Diagnostics:
    """Residuals, leverage and influence of each observation.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster.
    fit : PointEstimate
        Of that model.
    exact : bool
        For rows in memory: take influence from the MLE without each observation (see `exact_loo`)
        in place of one Newton step. Cook's distance is inf, and dfbetas NaN, where there is no such
        MLE.
    progress : bool
        Show a progress bar on standard error.
    most : int
        Of rows that are not in memory: how many are kept, those with the largest Cook's distance,
        which one pass finds. Of all of them the summary has the spread.

    Returns
    -------
    Diagnostics

    Raises
    ------
    ValueError
        If the fit is another model's.

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
    if exact and not model.rows.resident:
        raise InputError(
            "exact=True refits without each row, which needs the rows in memory: leave it out, and "
            "influence is from one Newton step"
        )
    fit = mle_of(model, fit)
    root = _root(model, fit.coefficients)
    if not model.rows.resident:
        return _in_a_pass(model, fit, root, most)
    block = as_held(model.arrays).block(slice(None))
    change = None
    if exact:
        refits = exact_loo(model, fit, progress=progress)
        change = fit.coefficients - refits.coefficients

    def without(i: int) -> Rows:
        return others(model, i).rows

    table, changes = _diagnosed(fit, root, block, model.row_labels, without, change)
    small = model.n_rows * model.n_parameters <= LARGEST_KEPT
    return Diagnostics(
        frame=table,
        dfbetas=changes.matrix if small else cast(pd.DataFrame, changes),
        exact=exact,
        formula=model.formula,
        summary=_spread(table, block).table(table.columns),
    )


def _diagnosed(
    fit: PointEstimate,
    root: Root,
    block: Block,
    labels: pd.Index[Any],
    without: Callable[[int], Rows],
    change: Array | None = None,
) -> tuple[pd.DataFrame, _Changes]:
    """Table of some rows of a model, and what each of them does to each coefficient.

    `without` gives all rows of the model but one observation of one of these. `change` is what it
    does where that is known from refits.
    """
    rows, columns = _measured(block, fit.coefficients, root)
    curvature, left = rows.curvature, rows.left.copy()
    moved = columns["Cook's distance"] * len(fit.names)
    held_up: dict[int, Array] = {}  # changes of coefficients without rows of a leverage of 1
    for i in np.flatnonzero(rows.leverage > LARGEST_LEVERAGE).tolist():
        row = np.asarray(block.design[[i]])
        left[i], change_of = _held_up(without(i), fit, row, float(curvature[i]))
        held_up[i] = rows.residual[i] * change_of
        known = np.isfinite(held_up[i]).all()
        moved[i] = np.square(root.unplaced(held_up[i])).sum() if known else math.inf
    columns["studentised residual"] = columns["Pearson residual"] / np.sqrt(left)
    if change is not None:
        gone = np.isnan(change).any(axis=1)
        moved = np.square(root.unplaced(change)).sum(axis=1)
        moved[gone] = math.inf
    columns["Cook's distance"] = moved / len(fit.names)
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
    pearson = block.sign * np.exp(-margin / 2)
    return rows, {
        "fitted": expit(block.sign * margin),
        "deviance residual": block.sign * np.sqrt(-2 * terms.log_likelihood),
        "Pearson residual": pearson,
        "leverage": rows.leverage,
        "studentised residual": pearson / np.sqrt(rows.left),
        "Cook's distance": np.square(rows.residual / rows.left * rows.length) / len(beta),
    }


def _spread(columns: Any, block: Block) -> Spread:
    """Spread of the columns of a table over the observations of its rows."""
    return Spread.of(np.array([columns[name] for name in columns]), block.counts)


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
            _spread(known, block.select(rest)) if len(rest) else None,
            Largest.of(columns["Cook's distance"], block, most, rest),
            Largest.of(rows.leverage, block, k + 1, these),
        )

    kept = as_held(model.rows).reduce(of_block, _Kept.joined)
    both = (kept.alone, kept.influential)
    block = consecutive(*(each.block for each in both))
    labels = pd.Index(np.concatenate([np.asarray(each.block.labels) for each in both]))

    def without(i: int) -> Rows:
        # of two rows with the same columns each has a leverage of a half, and is not asked for
        itself = np.asarray(block.design[[i]])
        return MappedRows(
            model.rows,
            lambda some: some.select((np.asarray(some.design) != itself).any(axis=1)),
        )

    table, changes = _diagnosed(fit, root, block, labels, without)
    n = len(kept.alone.numbers)
    spread = _spread(table.iloc[:n], block.select(slice(0, n))) if n else None
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


def _root(model: BernoulliLogistic, coefficients: Array | None = None) -> Root:
    root = root_of(model.rows, coefficients)
    # where it is factored it was proved to be well-conditioned
    if root is None or (isinstance(root, Written) and _condition(root) > LARGEST_CONDITION):
        raise PrecisionError(
            "the columns are dependent, or too nearly so for double precision: leave out columns "
            "that are combinations of others, or centre them"
        )
    return root


def _condition(root: Root) -> float:
    """Condition number of the whitened columns, each scaled to unit length."""
    factor = np.linalg.inv(root.matrix)  # R of the QR factorisation
    return float(np.linalg.cond(factor / np.linalg.norm(factor, axis=0)))


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class Collinearity(Renderable):
    """How nearly the columns of a design matrix are dependent.

    Attributes
    ----------
    vif : Series (k,)
        Variance inflation factor of each column, 1 / (1 - R^2) of its regression on the others;
        NaN for a constant.
    condition_number : float
        Of the design with columns scaled to unit length; beyond 30, say Belsley, Kuh and Welsch
        (1980), Regression Diagnostics, dependencies begin to matter.
    formula : str or None
    """

    vif: pd.Series[float]
    condition_number: float
    formula: str | None = None

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: the variance inflation factors."""
        much = self.condition_number > CONDITION_THAT_MATTERS
        return Rendered.of(
            chosen(pd.DataFrame({"VIF": self.vif}), columns),
            {"VIF": ".4g"},
            of_model("Collinearity", self.formula),
            [
                f"condition number of the scaled columns {self.condition_number:.4g}: "
                + ("dependencies matter" if much else "no dependency to speak of")
                + f" (limit {CONDITION_THAT_MATTERS:g})"
            ],
            [
                "VIF: factor by which the variance of a coefficient is larger than if its column "
                "were uncorrelated with the others; none for a constant"
            ],
        )


@model_first(sampling_weights=True)
def collinearity(model: BernoulliLogistic) -> Collinearity:
    """Variance inflation factors and the condition number of the design matrix.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster; two passes are made.

    Returns
    -------
    Collinearity

    Raises
    ------
    ArithmeticError
        If columns are dependent in double precision.

    Notes
    -----
    Where the design has a constant, R^2 is about the mean, else about zero. Rows count with their
    frequency weights.

    Examples
    --------
    >>> from flatprior.analysis import collinearity
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> collinearity(model).vif.round(3).tolist()
    [nan, 1.176, 1.189, 1.013]
    """
    root = _root(model)
    inverse = np.square(root.standard_errors) / 4  # of X'WX, the diagonal
    first = model.rows.sample(1).design[0].astype(float)

    def sums(block: Block) -> Array:
        weights = block.counts
        design: Any = block.design
        moved = _about(design, first)  # 0 in a constant column, exactly
        size = np.full(design.shape[1], weights.sum())  # of sampling weights no count of rows
        return np.vstack(
            [weights @ moved, weights @ _squared(moved), weights @ _squared(design), size]
        )

    total, squares, raw, n = as_held(model.rows).reduce(sums)
    constant = (squares == 0) & (raw > 0)
    about = squares - np.square(total) / n if constant.any() else raw
    vif = np.where(constant, math.nan, inverse * about)
    factors = pd.Series(vif, index=list(model.names), name="VIF")
    many = isinstance(root, Factored) and model.n_parameters > MOST_COLUMNS
    condition = _of_ends(model, root, np.sqrt(raw)) if many else _condition(root)
    return Collinearity(factors, condition, model.formula)


def _of_ends(model: BernoulliLogistic, root: Root, lengths: Array) -> float:
    """The same of many columns (of these lengths), by the two ends of their spectrum alone."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    k, rows = len(lengths), as_held(model.rows)

    def product(vector: Array) -> Array:
        beta = np.ravel(vector) / lengths
        found = rows.reduce(lambda b: (b.counts * (b.design @ beta)) @ b.design)
        return np.asarray(found / lengths)

    def solved(vector: Array) -> Array:
        return np.asarray(root.times((np.ravel(vector) * lengths)[None])[0] * lengths / 4)

    start = np.random.default_rng(0).normal(size=k)
    square = 1.0
    for apply in (product, solved):
        operator = LinearOperator((k, k), apply, dtype=float)
        square *= float(eigsh(operator, k=1, v0=start, return_eigenvectors=False)[0])
    return math.sqrt(square)


def _about(design: Any, first: Array) -> Any:
    """The design less a row of it; indicators and sparse columns as they are."""
    if isinstance(design, Structured):
        return replace(design, numbers=design.numbers - first[design.places])
    return design - first


def _squared(design: Any) -> Any:
    """The design with its entries squared."""
    if isinstance(design, Structured):
        sparse = None if design.sparse is None else design.sparse.power(2)
        return replace(design, numbers=np.square(design.numbers), sparse=sparse)
    return np.square(design)
