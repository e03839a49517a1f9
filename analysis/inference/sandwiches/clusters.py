r"""Meats of clusters: of one way, of two ways, and with the adjustment of Bell and McCaffrey.

Everything is in columns that whiten the information, in which the bread is the identity.

**Two ways** (Cameron, Gelbach and Miller 2011): the meat is that of the first way plus that of the
second less that of both at once, each with its own factor. The difference need not be positive
semidefinite; what is negative in it is then set to 0, as they propose. Here that is done in
whitened columns, so that it does not depend on the units of the columns.

**CR2** (Bell and McCaffrey 2002; McCaffrey and Bell 2006 for generalised linear models): the
residuals of a cluster are multiplied by a matrix A such that the sandwich is unbiased where the
model is right. With :math:`\Theta` the variances of the responses, H the hat matrix of a cluster
whose rows have been divided by their standard deviations, it is

.. math:: A = \Theta^{1/2}\,\bigl(\Theta (I - H) \Theta\bigr)^{+1/2}\,\Theta^{1/2},

the symmetric root of Pustejovsky and Tipton (2018), "Small-sample methods for cluster-robust
variance estimation and hypothesis testing in fixed effects models", Journal of Business & Economic
Statistics 36, 672-683, as ``clubSandwich::vcovCR`` takes it of a glm. A row of frequency weight w
is w observations, whose residuals A moves alike: it stands for their sum over the root of w.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.analysis.inference.sandwiches.degrees_of_freedom import LARGEST, ClusterMoments
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError, InputTypeError, PrecisionError
from flatprior.models.covariance.grouped_rows import GroupedRows
from flatprior.models.covariance.leverage import LARGEST_LEVERAGE
from flatprior.models.covariance.roots import Factored, Root
from flatprior.models.covariance.sandwich import Meat, meat_of_clusters
from flatprior.models.encoding.columns.checks import numbers_of_clusters
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import ArrayRows, Block, as_held

Clusters = str | ArrayLike | Sequence[ArrayLike] | pd.DataFrame
Named = np.ndarray | str
ROUNDING = 1e-10  # of the largest eigenvalue of a meat: a negative one that small is rounding
LARGEST_CLUSTER = 4096  # rows: CR2 takes the root of a matrix of that size
SMALLEST_SHARE = 1e-100  # of the largest variance in a cluster
DEPARTURE = 1e-6  # of what a root of a matrix makes of it from the identity


@dataclass(frozen=True, eq=False)
class Way:
    """Rows with the number of the cluster that each belongs to.

    Attributes
    ----------
    rows : ArrayRows or BatchRows
    n_clusters : int
    named : ndarray (n,) or str
        The numbers, or the column that names the clusters.
    """

    rows: ArrayRows | BatchRows
    n_clusters: int
    named: Named


def ways_of(model: BernoulliLogistic, cluster: Any) -> tuple[Way, ...]:
    """One way of clustering, or two, as they were given.

    Raises
    ------
    ValueError
        If a cluster is missing, there is one only, or there are more than two ways.
    """
    given = _each_way(cluster, model.rows.resident)
    if not 1 <= len(given) <= 2:
        raise InputError(f"clusters are of one way or of two, and there are {len(given)}")
    ways = tuple(_way(model, each) for each in given)
    for way in ways:
        if way.n_clusters < 2:
            raise InputError(
                "there is one cluster only; a clustered covariance needs several: name those"
            )
    return ways


def _each_way(cluster: Any, resident: bool) -> list[Any]:
    """What was given for each way."""
    if isinstance(cluster, pd.DataFrame):
        return [cluster[name] for name in cluster.columns]
    if isinstance(cluster, np.ndarray) and cluster.ndim == 2:
        return list(cluster.T)
    if isinstance(cluster, (list, tuple)) and len(cluster):
        of_columns = not resident and all(isinstance(each, str) for each in cluster)
        if of_columns or all(hasattr(each, "__len__") and not _is_text(each) for each in cluster):
            return list(cluster)
    return [cluster]


def _is_text(value: object) -> bool:
    return isinstance(value, (str, bytes))


def _way(model: BernoulliLogistic, cluster: str | ArrayLike | pd.Series[Any]) -> Way:
    """The rows with their clusters numbered 0, 1, ..."""
    rows = model.rows
    if not isinstance(rows, ArrayRows):
        if not isinstance(cluster, str):
            raise InputTypeError("cluster must name a column where rows are read in batches")
        grouped = rows.group(cluster)
        assert grouped.grouped is not None  # noqa: S101
        groups = len(grouped.grouped.number)
        if grouped.reduce(lambda block: int(np.count_nonzero(_numbers(block) < 0))):
            raise InputError(f"the cluster {cluster!r} is missing in some rows; complete it")
        return Way(grouped, groups, cluster)
    n_groups = None if model.trials is None else model.trials.n_groups
    found = numbers_of_clusters(cluster, "cluster", model.row_labels, n_groups)
    return _numbered(rows, *found)


def _numbered(rows: ArrayRows, codes: NDArray[Any], n_clusters: int) -> Way:
    own = ArrayRows(rows.design, rows.response, rows.offset, rows.weights, codes)
    return Way(own, n_clusters, codes)


def both_at_once(model: BernoulliLogistic, ways: tuple[Way, ...]) -> Way:
    """The clusters of rows that are in one of the first way and in one of the second."""
    rows = model.rows
    if isinstance(rows, ArrayRows):
        one, two = (np.asarray(way.named) for way in ways)
        codes, pairs = pd.factorize(one * np.intp(ways[1].n_clusters) + two)
        return _numbered(rows, codes, len(pairs))
    names = [cast(str, way.named) for way in ways]
    grouped = rows.group(*names)
    assert grouped.grouped is not None  # noqa: S101
    return Way(grouped, len(grouped.grouped.number), " and ".join(names))


def _numbers(block: Block) -> np.ndarray:
    assert block.groups is not None  # noqa: S101
    return block.groups


def meat_of_way(way: Way, beta: Array, bread: Root) -> Array | Meat:
    """The meat of clusters: R (r, k) with R'R that in whitened columns, or its parts."""
    rows = way.rows
    if isinstance(bread, Factored) and isinstance(rows, ArrayRows):
        residual = row_terms(as_held(rows).block(slice(None)), beta).residual
        assert rows.groups is not None  # noqa: S101
        return meat_of_clusters(rows, bread, residual, rows.groups, way.n_clusters)
    return _written(way, beta, bread.matrix)


def _written(way: Way, beta: Array, white: Array) -> Array:
    """R (r, k), r at most k, of the scores of clusters in columns that are written out."""
    n_clusters = way.n_clusters  # all that a cluster of computers is sent

    def by_cluster(block: Block) -> Array:
        score = row_terms(block, beta).residual[:, None] * (block.design @ white)
        total = np.zeros((n_clusters, white.shape[1]))
        np.add.at(total, _numbers(block), score)
        return total

    return np.asarray(np.linalg.qr(way.rows.reduce(by_cluster), mode="r"))


def meat_of_two_ways(
    ways: Sequence[Way], factors: Sequence[float], beta: Array, bread: Root
) -> tuple[Array, int]:
    """R (k, k) of the first way plus the second less both, and what was negative in it.

    `ways` are these three, each with its factor; the number is that of the eigenvalues.
    """
    white = bread.matrix
    roots = [_written(way, beta, white) for way in ways]
    signs = (1.0, 1.0, -1.0)
    parts = zip(signs, factors, roots, strict=True)
    square = sum((sign * factor * (root.T @ root) for sign, factor, root in parts), 0.0)
    values, vectors = np.linalg.eigh(square)
    below = int((values < -ROUNDING * np.abs(values).max(initial=0.0)).sum())
    return np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T, below


def adjusted_meat(
    model: BernoulliLogistic, way: Way, beta: Array, bread: Root, by_group: bool
) -> tuple[Array, ClusterMoments | None]:
    """R (r, k) of clusters whose residuals are adjusted: CR2, and what the model says of it.

    The latter is None where it would be too large.

    Raises
    ------
    ValueError
        If rows are not in memory, a cluster is too large, or a group of counts is in two clusters.
    ArithmeticError
        If the root of a matrix is lost to rounding.
    """
    rows = way.rows
    if not isinstance(rows, ArrayRows):
        raise InputError(
            "CR2 takes all rows of a cluster at once, and those of the model are read in batches: "
            "leave kind at its default, or bring the rows into memory"
        )
    numbers, z, theta, pull, residual = _of_units(model, way, beta, bread, by_group)
    g, k = way.n_clusters, z.shape[1]
    scores, deviations = np.zeros((g, k)), np.sqrt(theta)[:, None]
    moments = None
    if g * k**2 <= LARGEST:
        moments = ClusterMoments(np.zeros((g, k, k)), np.zeros((g, k, k)), bread.matrix)
    for cluster, some in _clusters(numbers):
        if len(some) > LARGEST_CLUSTER:
            raise InputError(
                f"CR2 takes the root of a matrix of the rows of a cluster, and one has {len(some)} "
                f"(more than {LARGEST_CLUSTER}): leave kind at its default"
            )
        adjusted, space = adjustment(z[some], theta[some])
        moved = adjusted @ pull[some]
        scores[cluster] = residual[some] @ moved
        if moments is not None:
            kept = space.T @ (deviations[some] * pull[some])
            moments.own[cluster] = kept.T @ kept
            moments.along[cluster] = (deviations[some] * moved).T @ z[some]
    return np.asarray(np.linalg.qr(scores, mode="r")), moments


def _of_units(
    model: BernoulliLogistic, way: Way, beta: Array, bread: Root, by_group: bool
) -> tuple[NDArray[Any], Array, Array, Array, Array]:
    """Of each unit (m,): cluster, row of the root of the hat matrix (m, k), variance of its
    response, what its residual is multiplied by in the score (m, k), and that residual.
    """  # noqa: D205
    numbers: NDArray[Any] = np.asarray(way.named)
    if by_group:
        groups = GroupedRows.of(model)
        if (numbers != numbers[groups.first][groups.numbers]).any():
            raise InputError("the trials of a group are in one cluster, and those of some are not")
        single = groups.leverages(beta, bread)
        n = groups.successes + groups.failures
        white = np.asarray(groups.block.design @ bread.matrix)
        z, theta = np.sqrt(single.curvature)[:, None] * white, single.curvature / np.square(n)
        return numbers[groups.first], z, theta, n[:, None] * white, single.residual / n
    block = as_held(model.arrays).block(slice(None))
    terms, root = row_terms(block._replace(weights=None), beta), np.sqrt(block.counts)
    white = root[:, None] * (block.design @ bread.matrix)
    z = np.sqrt(terms.curvature)[:, None] * white
    return numbers, z, terms.curvature, white, root * terms.residual


def _clusters(numbers: NDArray[Any]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Each cluster with the places of its units."""
    order = np.argsort(numbers, kind="stable")
    starts = np.flatnonzero(np.diff(numbers[order], prepend=-1))
    for some in np.split(order, starts[1:]):
        yield int(numbers[some[0]]), some


def adjustment(z: Array, theta: Array) -> tuple[Array, Array]:
    """A (m, m), symmetric, of a cluster the hat matrix of whose rows is ``z z'``.

    Where ``I - z z'`` is singular, as where a column is of one cluster alone, the root is that of
    the Moore-Penrose inverse. Beside A an orthonormal basis (m, s) of the space that it leaves.

    Examples
    --------
    Of one row it divides by the root of 1 - h.

    >>> import numpy as np
    >>> from flatprior.analysis.inference.sandwiches.clusters import adjustment
    >>> adjustment(np.array([[0.6]]), np.array([0.2]))[0].round(12).tolist()
    [[1.25]]
    """
    m = len(theta)
    inner = np.eye(m) - z @ z.T
    outside, lengths, _ = np.linalg.svd(z, full_matrices=False)
    lost = outside[:, np.square(lengths) > LARGEST_LEVERAGE]
    space = np.eye(m)
    scaled = theta / theta.max()
    if not scaled.min() > SMALLEST_SHARE:
        raise PrecisionError(_ROOT_LOST)
    if lost.size:
        space = np.linalg.qr(lost / scaled[:, None], mode="complete")[0][:, lost.shape[1] :]
    found = space.T @ (scaled[:, None] * inner * scaled) @ space
    values, vectors = np.linalg.eigh(found)
    if (values <= 0).any():
        raise PrecisionError(_ROOT_LOST)
    vectors = space @ vectors
    half = vectors / np.sqrt(values) @ vectors.T
    moved = half * scaled
    departure = np.abs(moved @ inner @ moved.T - space @ space.T).max(initial=0.0)
    if not departure <= DEPARTURE:
        raise PrecisionError(_ROOT_LOST)
    root = np.sqrt(scaled)
    return np.asarray(root[:, None] * half * root), space


_ROOT_LOST = (
    "CR2 takes the root of a matrix that has lost its digits: fitted probabilities in a cluster "
    "are of too many sizes; leave kind at its default"
)
