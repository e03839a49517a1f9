"""Covariances that hold although the model does not: HC0 to HC3, and clustered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.batches.kept import kept
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, InputTypeError, PrecisionError
from flatprior.models.common.intervals import wald_interval
from flatprior.models.common.json_values import in_short
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import count
from flatprior.models.covariance.grouped_rows import groups_of_rows
from flatprior.models.covariance.leverage import LARGEST_LEVERAGE, leverages
from flatprior.models.covariance.roots import Factored, Root, Written, required_root
from flatprior.models.covariance.sampling import required_sampling_root
from flatprior.models.covariance.sandwich import (
    Formed,
    Meat,
    Sandwich,
    meat_of_block,
    meat_of_clusters,
)
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.columns.checks import as_series
from flatprior.models.estimate import formed_when_asked, mle_of, near_coefficients
from flatprior.models.likelihood import row_terms, stack_factors
from flatprior.models.provenance import require_belonging
from flatprior.models.results import FORMATS
from flatprior.models.rows import ArrayRows, Block, as_held

Kind = Literal["HC0", "HC1", "HC2", "HC3"]
Units = Literal["trials", "groups"]
SAMPLING = "sampling"
GROUPS = "groups"
Correction = Literal["statsmodels", "Stata", "R", "none"]


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class RobustCovariance(Renderable):
    """A sandwich covariance of the coefficients.

    Attributes
    ----------
    kind : str
        "HC0", "HC1", "HC2", "HC3", "cluster" or "sampling".
    names : tuple of str
    coefficients : ndarray (k,)
    covariance : ndarray (k, k)
        With `factor` in it.
    root : ndarray (k, r)
        L with LL' the covariance, r its rank at most; nothing has cancelled in it. Where factors of
        many levels are held as codes both are formed when they are asked for.
    factor : float
        The small-sample factor: 1 but for "HC1", "cluster" and where a `correction` says so.
    n_clusters : int or None
    data_hash : str
        Of the data they are from.
    cluster : ndarray (n,), str or None
        The number of each row's cluster, or the column that names them.
    formula : str or None
    correction : str
        Whose small-sample factor it is.
    units : str or None
        Of grouped counts what counted as one observation, "trials" or "groups".
    n_units : int or None
        How many of them there are.
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
    correction: str = "statsmodels"
    units: str | None = None
    n_units: int | None = None

    @property
    def said(self) -> str:
        """Kind and units in words: "HC0", "HC0 of 12 groups", "by 7 clusters"."""
        if self.n_clusters is not None:
            return f"by {count(self.n_clusters, 'cluster')}"
        if self.units is None or self.n_units is None:
            return self.kind
        group = "group" if self.units == GROUPS else "single trial"
        return f"{self.kind} of {count(self.n_units, group)}"

    @property
    def spread(self) -> Root:
        """The root of the covariance, written out or not."""
        held = vars(self)["root"]
        return held if isinstance(held, Sandwich) else Written(held)

    @property
    def standard_errors(self) -> Array:
        """Square roots of the diagonal of `covariance`, (k,)."""
        return self.spread.standard_errors

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
        frame = chosen(self.table(), columns).rename(columns={"standard error": "SE"})
        return Rendered.of(
            frame,
            {name: "#.4g" for name in frame.columns} | FORMATS,
            of_model("Robust covariance", self.formula),
            [f"{self.said}, small-sample factor {self.factor:.6g}"],
            ["standard errors and Wald intervals hold although the model may not"],
        )


formed_when_asked(RobustCovariance, "root", "covariance")


@model_first(sampling_weights=True)
def robust_covariance(
    model: BernoulliLogistic,
    fit: PointEstimate,
    kind: Kind = "HC0",
    cluster: str | ArrayLike | pd.Series[Any] | None = None,
    *,
    correction: Correction = "statsmodels",
    units: Units = "trials",
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
        Only "HC0" goes with `cluster`. A model with sampling weights has one covariance, that of
        the units that were drawn, and takes neither.
    cluster : array_like (n,), Series, or str, optional
        Which cluster each row belongs to; M is then the sum over clusters of the outer products of
        their scores, times a factor. A series is matched by its index. Where rows are read in
        batches, the name of a column.
    correction : {"statsmodels", "Stata", "R", "none"}
        Whose factor for small samples, of "HC0" and of clusters: with G clusters that of
        statsmodels is G / (G - 1) (n - 1) / (n - k), and G / (G - 1) that of Stata's ``logit`` and
        of R's ``sandwich::vcovCL``; without clusters that of Stata's ``vce(robust)`` is
        n / (n - 1), and 1 for the others ("HC0" of R's ``vcovHC``). It is stated in `factor`.
    units : {"trials", "groups"}
        Of grouped counts, what is one observation in all of the above: every single trial, as if
        each had a row, or a group with all of its trials, as R's ``sandwich``, statsmodels' ``GLM``
        and Stata's ``glm`` with groups have it. The trials of a group may then depend on one
        another. Groups need the rows in memory.

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
    check_choice("correction", correction, get_args(Correction))
    check_choice("units", units, get_args(Units))
    return sandwich(model, mle_of(model, fit).coefficients, kind, cluster, correction, units)


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
    clustered, sampled = stated.kind == "cluster", stated.kind == SAMPLING
    if sampled != (model.sampling is not None):
        raise InputError("the robust covariance is of sampling weights, or the model: make it anew")
    if clustered and stated.cluster is None:
        raise InputError(
            "the robust covariance does not hold the clusters that it is from; make it again"
        )
    kind = "HC0" if clustered or sampled else stated.kind
    cluster, units = stated.cluster if clustered else None, stated.units or "trials"
    return sandwich(model, beta, kind, cluster, stated.correction, units)


def sandwich(
    model: BernoulliLogistic,
    beta: Array,
    kind: str,
    cluster: str | ArrayLike | pd.Series[Any] | None,
    correction: str = "statsmodels",
    units: str = "trials",
    *,
    every: bool = False,
) -> RobustCovariance:
    """`robust_covariance` at any coefficients (k,), whether or not they are the MLE.

    Where `every` kind of single observations is asked for, one after the other, rows in batches are
    read once for all of them.
    """

    def find() -> RobustCovariance:
        return _sandwich(model, beta, kind, cluster, correction, units, every)

    asked = (kind, "" if cluster is None else cluster, correction, units)
    if all(isinstance(each, str) for each in asked):
        return kept(model.rows, asked, find, beta, of=model)
    return find()


def _sandwich(
    model: BernoulliLogistic,
    beta: Array,
    kind: str,
    cluster: str | ArrayLike | pd.Series[Any] | None,
    correction: str,
    units: str,
    every: bool,
) -> RobustCovariance:
    if not isinstance(kind, str) or kind not in get_args(Kind):
        raise InputError(f"kind must be one of {', '.join(get_args(Kind))}, not {in_short(kind)}")
    n, k = model.n_observations, model.n_parameters
    by_group = units == GROUPS
    if by_group and model.trials is None:
        raise InputError(
            'units="groups" are of grouped counts, and each row here is an observation: leave '
            "units at its default, or give cluster= what says which rows belong together"
        )
    if model.sampling is not None:
        return _of_a_sample(model, beta, kind, cluster)
    if by_group:
        groups_of_rows(model)  # before the work, should they not be told apart
        assert model.trials is not None  # noqa: S101
        n = model.trials.n_groups
    # sums in whitened columns, and QR in place of products: columns far from zero cost no digits
    bread = required_root(model.rows, beta)

    def made(
        kind: str,
        meat: Array | Meat,
        factor: float,
        groups: int | None = None,
        cluster: np.ndarray | str | None = None,
    ) -> RobustCovariance:
        if isinstance(meat, np.ndarray):
            root: Any = math.sqrt(factor) * (bread.matrix @ meat.T)
            covariance = root @ root.T
        else:
            assert isinstance(bread, Factored)  # noqa: S101
            root = Sandwich(bread, meat, factor)
            covariance = Formed(root)
        return RobustCovariance(
            kind=kind,
            names=model.names,
            coefficients=beta,
            covariance=cast(Array, covariance),
            root=root,
            factor=factor,
            n_clusters=groups,
            data_hash=model.data_hash,
            cluster=cluster,
            formula=model.formula,
            correction=correction,
            units=None if model.trials is None else units,
            n_units=None if model.trials is None else n,
        )

    if cluster is not None:
        if kind != "HC0":
            raise InputError(f"{kind} does not go with cluster; leave kind at its default")
        rows, groups = _grouped(model, cluster)
        if groups < 2:
            raise InputError(
                "there is one cluster only; a clustered covariance needs several: name those"
            )

        named = cluster if isinstance(cluster, str) else cast(ArrayRows, rows).groups
        factor = 1.0 if correction == "none" else groups / (groups - 1)
        factor *= (n - 1) / (n - k) if correction == "statsmodels" else 1.0
        if isinstance(bread, Factored) and isinstance(rows, ArrayRows):
            whole = as_held(rows).block(slice(None))
            residual = row_terms(whole, beta).residual
            assert rows.groups is not None  # noqa: S101
            of_clusters = meat_of_clusters(rows, bread, residual, rows.groups, groups)
            return made("cluster", of_clusters, factor, groups, named)
        white = bread.matrix

        def by_cluster(block: Block) -> Array:
            score = row_terms(block, beta).residual[:, None] * (block.design @ white)
            assert block.groups is not None  # noqa: S101
            total = np.zeros((groups, k))
            np.add.at(total, block.groups, score)
            return total

        meat = np.asarray(np.linalg.qr(rows.reduce(by_cluster), mode="r"))
        return made("cluster", meat, factor, groups, named)

    of = kind if kind in ("HC2", "HC3") else "HC0"
    factor = n / (n - k) if kind == "HC1" else 1.0
    factor *= n / (n - 1) if kind == "HC0" and correction == "Stata" else 1.0
    if not math.isfinite(factor) or factor < 0:
        raise InputError(f"HC1 needs more observations than coefficients, and there are {n}")
    if by_group:
        return made(kind, _of_groups(model, beta, bread, kind), factor)
    if every and not model.rows.resident:
        kinds = ("HC0", "HC2", "HC3")
        meats = kept(model.rows, "meats", lambda: _meats(model, beta, bread, kinds), beta)
    else:
        meats = _meats(model, beta, bread, (of,))
    found = meats[of]
    if found is None:
        raise _lost(kind, "row")
    return made(kind, found, factor)


def _meats(
    model: BernoulliLogistic, beta: Array, bread: Root, kinds: tuple[str, ...]
) -> dict[str, Array | Meat | None]:
    """The meats of single observations; None of a kind that divides by next to nothing."""

    def meat(block: Block, kind: str) -> Array | Meat | None:
        if kind == "HC0":
            residual = row_terms(block._replace(weights=None), beta).residual
            size = block.counts * np.square(residual)
        else:
            single = leverages(block, beta, bread)
            if (single.leverage > LARGEST_LEVERAGE).any():
                return None
            power = 1 if kind == "HC2" else 2
            size = np.asarray(block.counts * np.square(single.residual) / single.left**power)
        if isinstance(bread, Factored):
            return meat_of_block(block, bread, size)
        white = np.sqrt(size)[:, None] * (block.design @ bread.matrix)
        return np.asarray(np.linalg.qr(white, mode="r"))

    def both(one: Any, two: Any) -> Any:
        if one is None or two is None:
            return None
        return stack_factors(one, two) if isinstance(one, np.ndarray) else one + two

    def together(one: list[Any], two: list[Any]) -> list[Any]:
        return [both(*pair) for pair in zip(one, two, strict=True)]

    rows = as_held(model.rows) if isinstance(bread, Factored) else model.rows
    found = rows.reduce(lambda block: [meat(block, kind) for kind in kinds], together)
    return dict(zip(kinds, found, strict=True))


def hc1_roots(model: BernoulliLogistic, places: Sequence[tuple[Array, Array]]) -> list[Array]:
    """Roots (k, r) of HC1 at several coefficients, each with what whitens there: one pass."""

    def meat(block: Block, beta: Array, white: Array) -> Array:
        size = np.sqrt(block.counts) * row_terms(block._replace(weights=None), beta).residual
        return np.asarray(np.linalg.qr(size[:, None] * (block.design @ white), mode="r"))

    def together(one: list[Array], two: list[Array]) -> list[Array]:
        return [stack_factors(*pair) for pair in zip(one, two, strict=True)]

    n, k = model.n_observations, model.n_parameters
    meats = model.rows.reduce(lambda block: [meat(block, *at) for at in places], together)
    pairs = zip(places, meats, strict=True)
    return [math.sqrt(n / (n - k)) * (white @ found.T) for (_, white), found in pairs]


def _lost(kind: str, what: str) -> PrecisionError:
    return PrecisionError(
        f"{kind} divides by 1 - h, of which double precision has lost half of the digits: a {what} "
        "has a leverage h above 1 - 1e-8, and a coefficient hangs on it alone (diagnose shows "
        f"which); take HC0 or HC1, or leave the {what} out"
    )


def _of_groups(model: BernoulliLogistic, beta: Array, bread: Root, kind: str) -> Array | Meat:
    """Scores of groups in whitened columns, (groups, k), as HC0, HC2 or HC3 weigh them."""
    group = groups_of_rows(model)
    rows = as_held(model.arrays)
    block = rows.block(slice(None))
    single = leverages(block, beta, bread)
    count_of, first = np.bincount(group), np.unique(group, return_index=True)[1]
    if len(count_of) <= len(beta):
        raise InputError(
            f"{count(len(count_of), 'group')} have no more residuals than there are coefficients "
            f"({len(beta)}), and nothing is known of the variance between them: leave units at its "
            "default"
        )
    score = np.bincount(group, block.counts * single.residual)
    leverage = np.bincount(group, block.counts * single.leverage)
    if kind in ("HC2", "HC3"):
        if (leverage > LARGEST_LEVERAGE).any():
            raise _lost(kind, "group")
        score = score / (1 - leverage) ** (0.5 if kind == "HC2" else 1)
    if isinstance(bread, Factored):
        own = rows.select(first)
        every: NDArray[Any] = np.arange(len(first))
        return meat_of_clusters(own, bread, np.asarray(score, dtype=float), every, len(first))
    return np.asarray(np.linalg.qr(score[:, None] * single.white(first), mode="r"))


def _of_a_sample(
    model: BernoulliLogistic, beta: Array, kind: str, cluster: object
) -> RobustCovariance:
    """That of the units that were drawn."""
    design = model.sampling
    assert design is not None  # noqa: S101
    if kind not in ("HC0", SAMPLING) or cluster is not None:
        raise InputError(
            "a model with sampling weights has one robust covariance, that of the units that were "
            "drawn: leave kind at its default, and name clusters where the model is built"
        )
    root = required_sampling_root(model.rows, design, beta)
    return RobustCovariance(
        kind=SAMPLING,
        names=model.names,
        coefficients=beta,
        covariance=root @ root.T,
        root=root,
        factor=1.0,
        n_clusters=None if design.clusters is None else design.n_units(model.n_rows),
        data_hash=model.data_hash,
        formula=model.formula,
    )


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
        groups = len(grouped.grouped.number)
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
        n = count(int(series.isna().sum()), "row")
        raise InputError(f"cluster is missing in {n}; give each row one")
    codes, values = pd.factorize(series)
    return ArrayRows(rows.design, rows.response, rows.offset, rows.weights, codes), len(values)


def _of(block: Block) -> np.ndarray:
    assert block.groups is not None  # noqa: S101
    return block.groups
