r"""Which observations do not fit, which move the fit, and which columns say the same.

Residuals, leverage and influence are of single observations: of a row with frequency weight w there
are w, each with these values. Pregibon (1981), "Logistic regression diagnostics", Annals of
Statistics 9, 705-724.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy.special import expit

from flatprior.analysis.diagnostics.leave_one_out import exact_loo, others
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import count
from flatprior.models.covariance.leverage import LARGEST_LEVERAGE, Leverages, leverages
from flatprior.models.covariance.roots import Factored, Root, Written, root_of
from flatprior.models.designs.coded import LARGEST_DENSE, LARGEST_KEPT, Structured
from flatprior.models.estimate import formed_when_asked, mle_of
from flatprior.models.likelihood import linear_predictor, row_terms
from flatprior.models.rows import Block, as_held

MOST_SHOWN = 10
CONDITION_THAT_MATTERS = 30.0  # Belsley, Kuh and Welsch (1980)
MOST_COLUMNS = 1000  # of which all singular values are computed
LARGEST_CONDITION = 1e14  # of the scaled columns: beyond it, no digit is sure


_SHORT = {
    "deviance residual": "deviance r.",
    "Pearson residual": "Pearson r.",
    "studentised residual": "student. r.",
    "Cook's distance": "Cook's D",
}


@dataclass(frozen=True, eq=False, repr=False)
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
    """

    frame: pd.DataFrame
    dfbetas: pd.DataFrame
    exact: bool
    formula: str | None = None

    def table(self) -> pd.DataFrame:
        """One row a row of the data, labelled as there.

        "fitted" probability of 1; "deviance residual" ``sign(y - p) sqrt(-2 log-likelihood)``;
        "Pearson residual" ``(y - p) / sqrt(p (1 - p))``; "leverage" h; "studentised residual",
        Pearson's over ``sqrt(1 - h)``; "Cook's distance", the squared length of the change of the
        coefficients without the observation, in the metric of the information, over k.
        """
        return self.frame.copy()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: all columns of its table or these, the most influential rows."""
        n = len(self.frame)
        shown = self.order[:MOST_SHOWN]
        gone = np.isinf(self.frame["Cook's distance"].to_numpy())
        return Rendered.of(
            chosen(self.frame, columns).rename(columns=_SHORT),
            {_SHORT.get(str(name), str(name)): "#.3g" for name in self.frame.columns},
            of_model("Residuals and influence", self.formula),
            [
                "influence from the fit without each row"
                if self.exact
                else "influence from one Newton step without each row; exact=True refits"
            ],
            [
                f"shown are the {len(shown)} of {count(n, 'row')} with the largest Cook's "
                "distance: .table() has all, .dfbetas what each row does to each coefficient"
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
    model: BernoulliLogistic, fit: PointEstimate, exact: bool = False, progress: bool = False
) -> Diagnostics:
    """Residuals, leverage and influence of each observation.

    Parameters
    ----------
    model : BernoulliLogistic
    fit : PointEstimate
        Of that model.
    exact : bool
        Take influence from the MLE without each observation (see `exact_loo`) in place of one
        Newton step. Cook's distance is inf, and dfbetas NaN, where there is no such MLE.
    progress : bool
        Show a progress bar on standard error.

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
    fit = mle_of(model, fit)
    block = as_held(model.arrays).block(slice(None))._replace(weights=None)
    margin = block.sign * linear_predictor(block, fit.coefficients)
    terms = row_terms(block, fit.coefficients)
    root = _root(model, fit.coefficients)
    rows = leverages(block, fit.coefficients, root)
    left, moved = rows.left.copy(), np.square(rows.residual / rows.left * rows.length)
    held_up: dict[int, Array] = {}  # changes of coefficients without rows of a leverage of 1
    for i in np.flatnonzero(rows.leverage > LARGEST_LEVERAGE).tolist():
        left[i], change_of = _held_up(model, fit, i, float(terms.curvature[i]))
        held_up[i] = terms.residual[i] * change_of
        known = np.isfinite(held_up[i]).all()
        moved[i] = np.square(root.unplaced(held_up[i])).sum() if known else math.inf
    pearson = block.sign * np.exp(-margin / 2)

    change = None
    if exact:
        without = exact_loo(model, fit, progress=progress)
        change = fit.coefficients - without.coefficients
        gone = np.isnan(change).any(axis=1)
        moved = np.square(root.unplaced(change)).sum(axis=1)
        moved[gone] = math.inf
    table = pd.DataFrame(
        {
            "fitted": expit(block.sign * margin),
            "deviance residual": block.sign * np.sqrt(-2 * terms.log_likelihood),
            "Pearson residual": pearson,
            "leverage": rows.leverage,
            "studentised residual": pearson / np.sqrt(left),
            "Cook's distance": moved / model.n_parameters,
        },
        index=model.row_labels,
    )
    changes = _Changes(
        errors=fit.standard_errors,
        names=model.names,
        labels=model.row_labels,
        rows=rows,
        held_up=held_up,
        exact=change,
    )
    small = model.n_rows * model.n_parameters <= LARGEST_KEPT
    dfbetas = changes.matrix if small else cast(pd.DataFrame, changes)
    return Diagnostics(table, dfbetas, exact, model.formula)


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


def _held_up(
    model: BernoulliLogistic, fit: PointEstimate, i: int, curvature: float
) -> tuple[float, Array]:
    """1 - h of a row whose leverage h is nearly 1, and the change of the coefficients without it.

    The latter over its residual; both from the information of the other rows, where nothing
    cancels.
    """
    root = root_of(others(model, i).rows, fit.coefficients)
    if root is None:  # the others leave a direction undetermined
        return 0.0, np.full(len(fit.names), math.inf)
    row = np.asarray(model.arrays.design[[i]])
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
