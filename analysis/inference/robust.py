"""Covariances that hold although the model does not: HC0 to HC4, and clustered."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, cast, get_args

import numpy as np
import pandas as pd

from flatprior.analysis.inference.sandwiches.clusters import (
    Clusters,
    Named,
    adjusted_meat,
    both_at_once,
    meat_of_two_ways,
    meat_of_way,
    ways_of,
)
from flatprior.analysis.inference.sandwiches.corrections import (
    Correction,
    check_correction,
    factor_of,
)
from flatprior.analysis.inference.sandwiches.degrees_of_freedom import ClusterMoments
from flatprior.analysis.inference.sandwiches.observations import (
    DIVIDED,
    lost,
    meat_of_groups,
    meats_of_rows,
)
from flatprior.analysis.inference.sandwiches.silence import (
    MOST,
    partly_silent,
    silence,
    silent_shares,
)
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.batches.kept import kept
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import wald_interval
from flatprior.models.common.json_values import in_short
from flatprior.models.common.rendering import Renderable, Rendered, chosen, formats_of, of_model
from flatprior.models.common.text import count
from flatprior.models.covariance.grouped_rows import groups_of_rows, require_groups
from flatprior.models.covariance.roots import (
    Factored,
    Root,
    WhereKnown,
    Written,
    required_root,
)
from flatprior.models.covariance.sampling import required_sampling_root
from flatprior.models.covariance.sandwich import Formed, Meat, Sandwich
from flatprior.models.estimate import formed_when_asked, mle_of, near_coefficients
from flatprior.models.provenance import require_belonging

Kind = Literal["HC0", "HC1", "HC2", "HC3", "HC4", "CR2"]
Units = Literal["trials", "groups"]
SAMPLING = "sampling"
GROUPS = "groups"


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class RobustCovariance(Renderable):
    """A sandwich covariance of the coefficients.

    Attributes
    ----------
    kind : str
        "HC0", "HC1", "HC2", "HC3", "HC4", "cluster", "CR2" or "sampling".
    names : tuple of str
    coefficients : ndarray (k,)
    covariance : ndarray (k, k)
        With `factor` in it.
    root : ndarray (k, r)
        L with LL' the covariance, r its rank at most; nothing has cancelled in it. Where factors of
        many levels are held as codes both are formed when they are asked for. Where the units say
        nothing both are 0 but for rounding.
    factor : float
        The small-sample factor: 1 but for "HC1", "cluster" and where a `correction` says so; NaN of
        two ways of clustering, of which each has its own.
    n_clusters : int or None
        Of two ways the smaller number.
    data_hash : str
        Of the data they are from.
    cluster : ndarray (n,), str, tuple of two, or None
        The number of each row's cluster, or the column that names them.
    formula : str or None
    correction : str
        Whose small-sample factor it is.
    units : str or None
        Of grouped counts what counted as one observation, "trials" or "groups".
    n_units : int or None
        How many of them there are.
    clusters_by_way : tuple of int
        Of two ways of clustering: how many clusters the first has, the second, and both at once.
    factors : tuple of float
        The small-sample factor of each of these.
    n_negative : int
        Of two ways: eigenvalues of the meat that were negative and were set to 0.
    df : ndarray (k,) or None
        Of "CR2": degrees of freedom of each standard error (Satterthwaite), with which intervals,
        p-values and Wald tests are Student's and Hotelling's. None of other kinds, which are
        normal, and of more than 8 million clusters times squared coefficients.
    moments : ClusterMoments or None
        What gives them of any combination of coefficients.
    bread : Root or None
        Of clusters and groups the root of the inverse information on either side of the meat.
    """

    kind: str
    names: tuple[str, ...]
    coefficients: Array
    covariance: Array
    root: Array
    factor: float
    n_clusters: int | None = None
    data_hash: str = ""
    cluster: Named | tuple[Named, ...] | None = None
    formula: str | None = None
    correction: str = "statsmodels"
    units: str | None = None
    n_units: int | None = None
    clusters_by_way: tuple[int, ...] = ()
    factors: tuple[float, ...] = ()
    n_negative: int = 0
    df: Array | None = None
    moments: ClusterMoments | None = None
    bread: Root | None = None

    @property
    def said(self) -> str:
        """Kind and units in words: "HC0", "HC0 of 12 groups", "by 7 clusters"."""
        if self.clusters_by_way:
            one, two, both = self.clusters_by_way
            return f"by {one} and {count(two, 'cluster')}, {both} together"
        if self.n_clusters is not None:
            of = f"{self.kind} " if self.kind == "CR2" else ""
            return f"{of}by {count(self.n_clusters, 'cluster')}"
        if self.units is None or self.n_units is None:
            return self.kind
        group = "group" if self.units == GROUPS else "single trial"
        return f"{self.kind} of {count(self.n_units, group)}"

    @property
    def factor_in_words(self) -> str:
        """The small-sample factor, and whose it is: "small-sample factor 1.14286 (statsmodels)"."""
        named = self.kind in ("cluster", "HC0") and (self.factor != 1 or bool(self.factors))
        whose = f" ({self.correction})" if named else ""
        if not self.factors:
            return f"small-sample factor {self.factor:.6g}{whose}"
        one, two, both = (f"{factor:.6g}" for factor in self.factors)
        negative = ""
        if self.n_negative:
            each = count(self.n_negative, "negative eigenvalue")
            negative = f"; {each} of the difference set to 0"
        return f"small-sample factors {one} and {two}, together {both}{whose}{negative}"

    @property
    def spread(self) -> Root:
        """The root of the covariance, written out or not."""
        held = vars(self)["root"]
        own: Root = held if isinstance(held, Sandwich) else Written(held)
        return own if self.bread is None else WhereKnown(own, self.bread)

    @property
    def standard_errors(self) -> Array:
        """Square roots of the diagonal of `covariance`, (k,); NaN where units say nothing."""
        return self.spread.standard_errors

    @property
    def warnings(self) -> tuple[str, ...]:
        """Of which coefficients the units say nothing, or nothing of a part."""
        lost = np.isnan(self.standard_errors)
        names = np.array(self.names, dtype=object)
        held, shares = vars(self)["root"], np.zeros(len(lost))
        small = len(lost) <= MOST and isinstance(held, np.ndarray) and not self.clusters_by_way
        if small and self.bread is not None:
            shares = silent_shares(held, self.bread)
        said = (silence(names[lost]), partly_silent(list(names[~lost]), shares[~lost]))
        return tuple(filter(None, said))

    def table(self, prob: float = 0.95) -> pd.DataFrame:
        """Coefficients, robust standard errors and Wald intervals, one row a coefficient.

        Of "CR2" also "df", the degrees of freedom of Student's t, of which the intervals are.
        """
        return pd.DataFrame(
            {
                "coefficient": self.coefficients,
                "standard error": self.standard_errors,
                **({} if self.df is None else {"df": self.df}),
                **wald_interval(self.coefficients, self.standard_errors, prob, self.df),
            },
            index=pd.Index(self.names, name="name"),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        frame = chosen(self.table(), columns).rename(columns={"standard error": "SE"})
        return Rendered.of(
            frame,
            formats_of(frame.columns) | {"df": ".1f"},
            of_model("Robust covariance", self.formula),
            [f"{self.said}, {self.factor_in_words}"],
            [
                "standard errors and Wald intervals hold of many units, although the model may not",
                "" if self.df is None else "intervals are Student's, with Satterthwaite's df",
                *self.warnings,
            ],
        )


formed_when_asked(RobustCovariance, "root", "covariance")


@model_first(sampling_weights=True)
def robust_covariance(
    model: BernoulliLogistic,
    fit: PointEstimate,
    kind: Kind = "HC0",
    cluster: Clusters | None = None,
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
    kind : {"HC0", "HC1", "HC2", "HC3", "HC4", "CR2"}
        M is the sum over observations of :math:`r^2 xx'`, r the residual; "HC1" multiplies it by
        n / (n - k), "HC2" and "HC3" divide each term by 1 - h and its square, h the leverage, and
        "HC4" by its power of min(4, n h / k). Only "HC0" and "CR2" go with `cluster`: the latter
        divides by a root of what corresponds to 1 - h of a cluster, as R's ``clubSandwich`` does,
        so that the covariance is unbiased where the model is right; it needs the rows in memory.
        Its table, and whatever is made of it (`summarise`, `wald_test`, `predict`,
        `marginal_means`, `average_marginal_effects`), then refer to Student's t and Hotelling's
        distribution with Satterthwaite's degrees of freedom, as ``coef_test`` and ``Wald_test`` do
        there; of what is no linear combination of coefficients those of its derivative. A
        model with sampling weights has one covariance, that of the units that were drawn, and takes
        none of these.
    cluster : array_like (n,), Series, str, or two of them, optional
        Which cluster each row belongs to; M is then the sum over clusters of the outer products of
        their scores, times a factor. A series is matched by its index. Where rows are read in
        batches, the name of a column. Two, in a list or as the columns of a frame, are two ways of
        clustering (firms and years): the M of the first plus that of the second less that of the
        clusters in which both are the same.
    correction : {"statsmodels", "Stata", "R", "none"}
        Whose factor for small samples, of "HC0" and of clusters: with G clusters that of
        statsmodels is G / (G - 1) (n - 1) / (n - k), and G / (G - 1) that of Stata's ``logit`` and
        of R's ``sandwich::vcovCL``; without clusters that of Stata's ``vce(robust)`` is
        n / (n - 1), and 1 for the others ("HC0" of R's ``vcovHC``). Of two ways of clustering each
        has its own, and so have both together. It is stated in `factor`. The other kinds have their
        own, and take none by name.
    units : {"trials", "groups"}
        Of grouped counts, what is one observation in all of the above: every single trial, as if
        each had a row, or a group with all of its trials, as R's ``sandwich``, statsmodels' ``GLM``
        and Stata's ``glm`` with groups have it. The trials of a group may then depend on one
        another. Groups need the rows in memory.

    Returns
    -------
    RobustCovariance
        Standard errors are NaN where clusters or groups say nothing, as of a level in one of them.

    Raises
    ------
    ValueError
        If the fit is another model's, or a cluster is missing, or there is one only.
    ArithmeticError
        If columns are dependent in double precision, or, for "HC2", "HC3" and "HC4", a row has a
        leverage above 1 - 1e-8.

    Notes
    -----
    White (1980), "A heteroskedasticity-consistent covariance matrix estimator and a direct test for
    heteroskedasticity", Econometrica 48, 817-838; MacKinnon and White (1985), Journal of
    Econometrics 29, 305-325 (HC1 to HC3); Cribari-Neto (2004), "Asymptotic inference under
    heteroskedasticity of unknown form", Computational Statistics & Data Analysis 45, 215-233 (HC4);
    Liang and Zeger (1986), "Longitudinal data analysis using generalized linear models", Biometrika
    73, 13-22 (clusters); Cameron, Gelbach and Miller (2011), "Robust inference with multiway
    clustering", Journal of Business & Economic Statistics 29, 238-249; Bell and McCaffrey (2002),
    "Bias reduction in standard errors for linear regression with multi-stage samples", Survey
    Methodology 28, 169-181 (CR2). A frequency weight counts
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
    check_correction(correction, kind, sampled=model.sampling is not None)
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
    clustered, sampled = stated.kind in ("cluster", "CR2"), stated.kind == SAMPLING
    if sampled != (model.sampling is not None):
        raise InputError("the robust covariance is of sampling weights, or the model: make it anew")
    if clustered and stated.cluster is None:
        raise InputError(
            "the robust covariance does not hold the clusters that it is from; make it again"
        )
    kind = "HC0" if stated.kind == "cluster" or sampled else stated.kind
    cluster, units = stated.cluster if clustered else None, stated.units or "trials"
    return sandwich(model, beta, kind, cluster, stated.correction, units)


def sandwich(
    model: BernoulliLogistic,
    beta: Array,
    kind: str,
    cluster: Clusters | None,
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

    asked = (kind, *(cluster if isinstance(cluster, tuple) else (cluster,)), correction, units)
    if all(each is None or isinstance(each, str) for each in asked):
        return kept(model.rows, asked, find, beta, of=model)
    return find()


def _sandwich(
    model: BernoulliLogistic,
    beta: Array,
    kind: str,
    cluster: Clusters | None,
    correction: str,
    units: str,
    every: bool,
) -> RobustCovariance:
    if not isinstance(kind, str) or kind not in get_args(Kind):
        raise InputError(f"kind must be one of {', '.join(get_args(Kind))}, not {in_short(kind)}")
    n, k = model.n_observations, model.n_parameters
    by_group = units == GROUPS
    if by_group:
        require_groups(model)
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
        cluster: Named | tuple[Named, ...] | None = None,
        **more: Any,
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
            bread=bread if cluster is not None or by_group else None,  # where scores are summed
            **more,
        )

    if cluster is not None:
        if kind not in ("HC0", "CR2"):
            raise InputError(
                f"{kind} does not go with cluster; leave kind at its default, or take CR2"
            )
        ways = ways_of(model, cluster)
        if kind == "CR2":
            if len(ways) > 1:
                raise InputError(
                    "CR2 is of one way of clustering, and there are two: leave kind at its default"
                )
            (way,) = ways
            adjusted, moments = adjusted_meat(model, way, beta, bread, by_group)
            df = None if moments is None else moments.each()
            ends = (way.n_clusters, way.named)
            return made("CR2", adjusted, 1.0, *ends, df=df, moments=moments)
        if len(ways) == 1:
            (way,) = ways
            factor = factor_of(correction, way.n_clusters, n, k)
            meat = meat_of_way(way, beta, bread)
            return made("cluster", meat, factor, way.n_clusters, way.named)
        every_way = (*ways, both_at_once(model, ways))
        sizes = tuple(way.n_clusters for way in every_way)
        factors = tuple(factor_of(correction, size, n, k) for size in sizes)
        meat, n_negative = meat_of_two_ways(every_way, factors, beta, bread)
        found = made(
            "cluster",
            meat,
            1.0,  # they are in the meat
            min(sizes),
            tuple(way.named for way in ways),
            clusters_by_way=sizes,
            factors=factors,
            n_negative=n_negative,
        )
        return replace(found, factor=math.nan)
    if kind == "CR2":
        raise InputError("CR2 is of clusters: give cluster=, or take HC2, of single observations")

    of = kind if kind in DIVIDED else "HC0"
    factor = n / (n - k) if kind == "HC1" else 1.0
    factor *= n / (n - 1) if kind == "HC0" and correction == "Stata" else 1.0
    if not math.isfinite(factor) or factor < 0:
        raise InputError(f"HC1 needs more observations than coefficients, and there are {n}")
    if by_group:
        return made(kind, meat_of_groups(model, beta, bread, kind), factor)
    kinds = ("HC0", "HC2", "HC3")
    if every and of in kinds and not model.rows.resident:
        meats = kept(model.rows, "meats", lambda: meats_of_rows(model, beta, bread, kinds), beta)
    else:
        meats = meats_of_rows(model, beta, bread, (of,))
    of_rows = meats[of]
    if of_rows is None:
        raise lost(kind, "row")
    return made(kind, of_rows, factor)


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
    found = required_sampling_root(model.rows, design, beta)
    return RobustCovariance(
        kind=SAMPLING,
        names=model.names,
        coefficients=beta,
        covariance=found.matrix @ found.matrix.T,
        root=found.matrix,
        bread=found.bread,
        factor=1.0,
        n_clusters=None if design.clusters is None else design.n_units(model.n_rows),
        data_hash=model.data_hash,
        formula=model.formula,
    )
