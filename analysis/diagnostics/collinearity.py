"""Which columns of a design matrix say nearly the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import PrecisionError
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.covariance.roots import Factored, Root, Written, root_of
from flatprior.models.designs.coded import Structured
from flatprior.models.rows import Block, as_held

CONDITION_THAT_MATTERS = 30.0  # Belsley, Kuh and Welsch (1980)
MOST_COLUMNS = 1000  # of which all singular values are computed
LARGEST_CONDITION = 1e14  # of the scaled columns: beyond it, no digit is sure


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
    root = well_conditioned_root(model)
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


def well_conditioned_root(model: BernoulliLogistic, coefficients: Array | None = None) -> Root:
    """The root of the information, at 0 or at these coefficients.

    Raises
    ------
    ArithmeticError
        If columns are dependent in double precision.
    """
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
