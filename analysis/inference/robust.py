"""Covariances that hold although the model does not: HC0 to HC3, and clustered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, InputTypeError, PrecisionError
from flatprior.models.common.intervals import wald_interval
from flatprior.models.common.json_values import in_short
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import count
from flatprior.models.covariance.leverage import LARGEST_LEVERAGE, leverages
from flatprior.models.covariance.whitening import required_whitening
from flatprior.models.encoding.columns.checks import as_series
from flatprior.models.estimate import mle_of, near_coefficients
from flatprior.models.likelihood import row_terms, stack_factors
from flatprior.models.provenance import require_belonging
from flatprior.models.results import FORMATS
from flatprior.models.rows import ArrayRows, Block

Kind = Literal["HC0", "HC1", "HC2", "HC3"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class RobustCovariance(Renderable):
    """A sandwich covariance of the coefficients.

    Attributes
    ----------
    kind : str
        "HC0", "HC1", "HC2", "HC3" or "cluster".
    names : tuple of str
    coefficients : ndarray (k,)
    covariance : ndarray (k, k)
        With `factor` in it.
    root : ndarray (k, r)
        L with LL' the covariance, r its rank at most; nothing has cancelled in it.
    factor : float
        The small-sample factor: 1 but for "HC1" and "cluster".
    n_clusters : int or None
    data_hash : str
        Of the data they are from.
    cluster : ndarray (n,), str or None
        The number of each row's cluster, or the column that names them.
    formula : str or None
    """

    kind: str
    names: tuple[str, ...]
    coefficients: Array
    covariance: Array
    root: Array
    factor: float
    n_clusters: int | None = None
    data_hash: str = ""
    cluster: np.ndarray | str | None = None
    formula: str | None = None

    @property
    def standard_errors(self) -> Array:
        """Square roots of the diagonal of `covariance`, (k,)."""
        return np.asarray(np.linalg.norm(self.root, axis=1))

    def table(self, prob: float = 0.95) -> pd.DataFrame:
        """Coefficients, robust standard errors and Wald intervals, one row a coefficient."""
        return pd.DataFrame(
            {
                "coefficient": self.coefficients,
                "standard error": self.standard_errors,
                **wald_interval(self.coefficients, self.standard_errors, prob),
            },
            index=pd.Index(self.names, name="name"),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        whose = "" if self.n_clusters is None else f", {count(self.n_clusters, 'cluster')}"
        frame = chosen(self.table(), columns).rename(columns={"standard error": "SE"})
        return Rendered.of(
            frame,
            {name: "#.4g" for name in frame.columns} | FORMATS,
            of_model("Robust covariance", self.formula),
            [f"{self.kind}{whose}, small-sample factor {self.factor:.6g}"],
            ["standard errors and Wald intervals hold although the model may not"],
        )


@model_first
def robust_covariance(
    model: BernoulliLogistic,
    fit: PointEstimate,
    kind: Kind = "HC0",
    cluster: str | ArrayLike | pd.Series[Any] | None = None,
) -> RobustCovariance:
    r"""Sandwich covariance :math:`V M V` of the coefficients, V the inverse information.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster; one pass is made, two with `cluster`.
    fit : PointEstimate
        Of the model's MLE.
    kind : {"HC0", "HC1", "HC2", "HC3"}
        M is the sum over observations of :math:`r^2 xx'`, r the residual; "HC1" multiplies it by
        n / (n - k), "HC2" and "HC3" divide each term by 1 - h and its square, h the leverage.
        Only "HC0" goes with `cluster`.
    cluster : array_like (n,), Series, or str, optional
        Which cluster each row belongs to; M is then the sum over clusters of the outer products of
        their scores, times G / (G - 1) (n - 1) / (n - k) for G clusters. A series is matched by its
        index. Where rows are read in batches, the name of a column.

    Returns
    -------
    RobustCovariance

    Raises
    ------
    ValueError
        If the fit is another model's, or a cluster is missing, or there is one only.
    ArithmeticError
        If columns are dependent in double precision, or, for "HC2" and "HC3", a row has a leverage
        above 1 - 1e-8.

    Notes
    -----
    White (1980), "A heteroskedasticity-consistent covariance matrix estimator and a direct test for
    heteroskedasticity", Econometrica 48, 817-838; MacKinnon and White (1985), Journal of
    Econometrics 29, 305-325 (HC1 to HC3); Liang and Zeger (1986), "Longitudinal data analysis using
    generalized linear models", Biometrika 73, 13-22 (clusters). A frequency weight counts
    observations, each with its own residual. Where the model is wrong, the coefficients are those
    of the Bernoulli-logistic model nearest to the truth.

    Examples
    --------
    >>> from flatprior.analysis import robust_covariance
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> robust_covariance(model, fit_newton(model)).standard_errors.round(4).tolist()
    [5.1976, 1.2675, 0.1179, 0.9644]
    """
    return sandwich(model, mle_of(model, fit).coefficients, kind, cluster)


def recomputed_robust(model: BernoulliLogistic, stated: RobustCovariance) -> RobustCovariance:
    """A covariance of which only kind, coefficients and clusters are believed.

    Raises
    ------
    ValueError
        If it is of other data or columns, or says nothing of the clusters that it is from.
    NotConvergedError
        If its coefficients are not proved to be near the MLE.
    """
    require_belonging(
        model, "the robust covariance", stated.names, stated.data_hash, "make it of this one"
    )
    beta = near_coefficients(model, stated.coefficients, "the robust covariance")
    clustered = stated.kind == "cluster"
    if clustered and stated.cluster is None:
        raise InputError(
            "the robust covariance does not hold the clusters that it is from; make it again"
        )
    kind = "HC0" if clustered else stated.kind
    return sandwich(model, beta, kind, stated.cluster if clustered else None)


def sandwich(
    model: BernoulliLogistic,
    beta: Array,
    kind: str,
    cluster: str | ArrayLike | pd.Series[Any] | None,
) -> RobustCovariance:
    """`robust_covariance` at any coefficients (k,), whether or not they are the MLE."""
    if not isinstance(kind, str) or kind not in get_args(Kind):
        raise InputError(f"kind must be one of {', '.join(get_args(Kind))}, not {in_short(kind)}")
    n, k = model.n_observations, model.n_parameters
    # sums in whitened columns, and QR in place of products: columns far from zero cost no digits
    white = required_whitening(model.rows, beta)

    def made(
        kind: str,
        meat: Array,
        factor: float,
        groups: int | None = None,
        cluster: np.ndarray | str | None = None,
    ) -> RobustCovariance:
        root = math.sqrt(factor) * (white @ meat.T)
        covariance = root @ root.T
        return RobustCovariance(
            kind=kind,
            names=model.names,
            coefficients=beta,
            covariance=covariance,
            root=root,
            factor=factor,
            n_clusters=groups,
            data_hash=model.data_hash,
            cluster=cluster,
            formula=model.formula,
        )

    if cluster is not None:
        if kind != "HC0":
            raise InputError(f"{kind} does not go with cluster; leave kind at its default")
        rows, groups = _grouped(model, cluster)
        if groups < 2:
            raise InputError("there is one cluster only; a clustered covariance needs several")

        def by_group(block: Block) -> Array:
            score = row_terms(block, beta).residual[:, None] * (block.design @ white)
            assert block.groups is not None  # noqa: S101
            total = np.zeros((groups, k))
            np.add.at(total, block.groups, score)
            return total

        factor = groups / (groups - 1) * (n - 1) / (n - k)
        meat = np.asarray(np.linalg.qr(rows.reduce(by_group), mode="r"))
        named = cluster if isinstance(cluster, str) else cast(ArrayRows, rows).groups
        return made("cluster", meat, factor, groups, named)

    def factors(block: Block) -> Array:
        single = leverages(block, beta, white)
        size = block.counts * np.square(single.residual)
        if kind in ("HC2", "HC3"):
            if (single.leverage > LARGEST_LEVERAGE).any():
                raise PrecisionError(
                    f"{kind} divides by 1 - h, of which double precision has lost half of the "
                    "digits: a row has a leverage h above 1 - 1e-8, and a coefficient hangs on it "
                    "alone (diagnose shows which); take HC0 or HC1, or leave the row out"
                )
            size /= single.left ** (1 if kind == "HC2" else 2)
        return np.asarray(np.linalg.qr(np.sqrt(size)[:, None] * single.white, mode="r"))

    factor = n / (n - k) if kind == "HC1" else 1.0
    if not math.isfinite(factor) or factor < 0:
        raise InputError(f"HC1 needs more observations than coefficients, and there are {n}")
    return made(kind, model.rows.reduce(factors, stack_factors), factor)


def _grouped(
    model: BernoulliLogistic, cluster: str | ArrayLike | pd.Series[Any]
) -> tuple[ArrayRows | BatchRows, int]:
    """The rows with their groups numbered 0, 1, ..., and how many groups there are."""
    rows = model.rows
    if not isinstance(rows, ArrayRows):
        if not isinstance(cluster, str):
            raise InputTypeError("cluster must name a column where rows are read in batches")
        grouped = rows.group(cluster)
        assert grouped.grouped is not None  # noqa: S101
        groups = len(grouped.grouped[1])
        if grouped.reduce(lambda block: int(np.count_nonzero(_of(block) < 0))):
            raise InputError(f"the cluster {cluster!r} is missing in some rows; complete it")
        return grouped, groups
    if isinstance(cluster, str):
        raise InputTypeError("cluster must be one value a row, as an array or series")
    if isinstance(cluster, pd.Series) and not cluster.index.equals(model.row_labels):
        lacking = ~model.row_labels.isin(cluster.index)
        if lacking.any() or not cluster.index.is_unique:
            raise InputError(
                "the index of cluster does not match the rows of the model; pass an array"
            )
        cluster = cluster.loc[model.row_labels]
    series = as_series(cluster, "cluster", model.row_labels)
    if series.isna().any():
        raise InputError(f"cluster is missing in {count(int(series.isna().sum()), 'row')}")
    codes, values = pd.factorize(series)
    return ArrayRows(rows.design, rows.response, rows.offset, rows.weights, codes), len(values)


def _of(block: Block) -> np.ndarray:
    assert block.groups is not None  # noqa: S101
    return block.groups
