"""Which columns of a design matrix say nearly the same."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import PrecisionError
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.writing import finite
from flatprior.models.covariance.roots import Factored, Root, Written, root_of
from flatprior.models.designs.coded import Structured
from flatprior.models.estimate import mle_of
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block, as_held

CONDITION_THAT_MATTERS = 30.0  # Belsley, Kuh and Welsch (1980)
MOST_COLUMNS = 1000  # of which all singular values are computed
MOST_OF_TERM = 100  # columns of a term whose products are summed
PER_COLUMN = "GVIF^(1/(2 df))"
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
    gvif : DataFrame or None
        Of a model from a formula, one row a term: "df" columns, "GVIF", their generalised variance
        inflation factor (Fox and Monette 1992), which does not depend on how a factor is coded, and
        "GVIF^(1/(2 df))", of the size of a standard error, as R's car has them; NaN for a term of
        a constant column and of more than 100.
    """

    vif: pd.Series[float]
    condition_number: float
    formula: str | None = None
    gvif: pd.DataFrame | None = None
    of_fit: bool = False

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: those of terms where one has several columns, else of columns."""
        much = self.condition_number > CONDITION_THAT_MATTERS
        gvif, several = self.gvif, False
        if gvif is not None:
            several = bool(((gvif["df"] > 1) & gvif["GVIF"].notna()).any())
        table = gvif if gvif is not None and several else pd.DataFrame({"VIF": self.vif})
        return Rendered.of(
            chosen(table, columns),
            {"VIF": "#.4g", "GVIF": "#.4g", PER_COLUMN: "#.4g"},
            of_model("Collinearity", self.formula),
            [
                f"condition number of the scaled columns {self.condition_number:.4g}: "
                + ("dependencies matter" if much else "no dependency to speak of")
                + f" (limit {CONDITION_THAT_MATTERS:g})",
            ],
            [
                "GVIF: generalised variance inflation of a term (Fox and Monette), with one df "
                "that of its coefficient; its root of 2 df is of the size of a standard error"
                if several
                else "VIF: factor by which the variance of a coefficient is larger than if its "
                "column were uncorrelated with the others; none for a constant",
                "in the covariance of the fit, as in R's car"
                if self.of_fit
                else "in the columns alone, as if all rows had one variance, and not in the "
                "covariance of a fit",
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON; what is not finite is None."""
        facts: dict[str, Any] = finite(
            {
                "formula": self.formula,
                "condition_number": self.condition_number,
                "vif": self.vif.to_dict(),
                "terms": None if self.gvif is None else self.gvif.to_dict("index"),
            }
        )
        return facts


@model_first(sampling_weights=True)
def collinearity(model: BernoulliLogistic, fit: PointEstimate | None = None) -> Collinearity:
    """Variance inflation factors and the condition number of the design matrix.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster.
    fit : PointEstimate, optional
        Then rows count with the weights p (1 - p) of this fit too, in all numbers, and the factors
        are those of its covariance, about weighted means; of single columns statsmodels has the
        others, of terms R's car has these (``vif`` of a glm).

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
    frequency weights. Without a `fit` these are properties of the design, as in Fox and Monette
    (1992), "Generalized collinearity diagnostics", Journal of the American Statistical Association
    87, 178-183.

    Examples
    --------
    >>> from flatprior.analysis import collinearity
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> collinearity(model).vif.round(3).tolist()
    [nan, 1.176, 1.189, 1.013]
    >>> curved = BernoulliLogistic.from_formula("grade ~ poly(gpa, 2) + psi", load_spector())
    >>> collinearity(curved).gvif["df"].to_dict()
    {'Intercept': 1, 'poly(gpa, 2)': 2, 'psi': 1}
    """
    beta = None if fit is None else mle_of(model, fit).coefficients
    root = well_conditioned_root(model, beta)
    inverse = np.square(root.standard_errors)  # of X'WX, the diagonal
    first = model.rows.sample(1).design[0].astype(float)
    weights_of = partial(_weights, coefficients=beta)

    def sums(block: Block) -> Array:
        weights = weights_of(block)
        design: Any = block.design
        moved = _about(design, first)  # 0 in a constant column, exactly
        size = np.full(design.shape[1], weights.sum())
        return np.vstack(
            [weights @ moved, weights @ _squared(moved), weights @ _squared(design), size]
        )

    total, squares, raw, n = as_held(model.rows).reduce(sums)
    constant = (squares == 0) & (raw > 0)
    about = squares - np.square(total) / n if constant.any() else raw
    vif = np.where(constant, math.nan, inverse * about)
    factors = pd.Series(vif, index=list(model.names), name="VIF")
    many = isinstance(root, Factored) and model.n_parameters > MOST_COLUMNS
    condition = _of_ends(model, root, np.sqrt(raw), weights_of) if many else _condition(root)
    terms = {} if model.terms is None else model.terms
    generalised = _generalised(model, root, terms, vif, constant, weights_of) if terms else None
    return Collinearity(factors, condition, model.formula, generalised, fit is not None)


def _generalised(
    model: BernoulliLogistic,
    root: Root,
    terms: Mapping[str, tuple[str, ...]],
    vif: Array,
    constant: Any,
    weights_of: Callable[[Block], Array],
) -> pd.DataFrame:
    """The generalised variance inflation factor of each term that has columns.

    It is det(V) det(S) of the columns of the term: V of their inverse, S of their own sums of
    products about the mean. With the variance inflation of each column taken out of both,
    determinants of correlations are left.
    """
    place = {name: j for j, name in enumerate(model.names)}
    columns = {name: [place[each] for each in own] for name, own in terms.items() if own}
    several = [
        own
        for own in columns.values()
        if 1 < len(own) <= MOST_OF_TERM and np.isfinite(vif[own]).all()
    ]
    products = _products(model, several, bool(constant.any()), weights_of) if several else []
    found = {name: math.nan for name in columns}
    for name, own in columns.items():
        if len(own) == 1:
            found[name] = float(vif[own[0]])
    for own, inner in zip(several, products, strict=True):
        rows = np.zeros((len(own), len(vif)))
        rows[np.arange(len(own)), own] = 1.0
        rooted = root.rooted(rows)
        logs = [np.linalg.slogdet(_correlation(each))[1] for each in (rooted @ rooted.T, inner)]
        name = next(each for each, its in columns.items() if its is own)
        found[name] = float(np.exp(np.log(vif[own]).sum() + sum(logs)))
    df = pd.Series({name: len(own) for name, own in columns.items()})
    values = pd.Series(found)
    return pd.DataFrame({"df": df, "GVIF": values, PER_COLUMN: values ** (1 / (2 * df))})


def _weights(block: Block, coefficients: Array | None) -> Array:
    """The weights of rows in the information at coefficients, or where all are 0."""
    return block.counts / 4 if coefficients is None else row_terms(block, coefficients).curvature


def _products(
    model: BernoulliLogistic,
    sets: list[list[int]],
    centred: bool,
    weights_of: Callable[[Block], Array],
) -> list[Array]:
    """Sums of products of the columns of each set, about their means where `centred`."""
    first = model.rows.sample(1).design[0].astype(float)

    def sums(block: Block) -> Array:
        weights = weights_of(block)
        found = [np.array([weights.sum()])]
        for own in sets:
            design: Any = block.with_columns(np.array(own)).design
            part = design.dense() if isinstance(design, Structured) else np.asarray(design)
            part = part - first[own]
            found += [weights @ part, ((part * weights[:, None]).T @ part).ravel()]
        return np.concatenate(found)

    total = as_held(model.rows).reduce(sums)
    n, at, products = total[0], 1, []
    for own in sets:
        q = len(own)
        sums_of, inner = total[at : at + q], total[at + q : at + q + q * q].reshape(q, q)
        if not centred:
            moved = np.outer(sums_of, first[own])
            inner = inner + moved + moved.T + n * np.outer(first[own], first[own])
        products.append(inner - np.outer(sums_of, sums_of) / n if centred else inner)
        at += q + q * q
    return products


def _correlation(matrix: Array) -> Array:
    size = np.sqrt(np.diag(matrix))
    return np.asarray(matrix / np.outer(size, size))


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


def _of_ends(
    model: BernoulliLogistic,
    root: Root,
    lengths: Array,
    weights_of: Callable[[Block], Array],
) -> float:
    """The same of many columns (of these lengths), by the two ends of their spectrum alone."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    k, rows = len(lengths), as_held(model.rows)

    def product(vector: Array) -> Array:
        beta = np.ravel(vector) / lengths
        found = rows.reduce(lambda b: (weights_of(b) * (b.design @ beta)) @ b.design)
        return np.asarray(found / lengths)

    def solved(vector: Array) -> Array:
        return np.asarray(root.times((np.ravel(vector) * lengths)[None])[0] * lengths)

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
