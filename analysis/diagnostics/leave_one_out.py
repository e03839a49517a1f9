r"""Leave-one-out prediction: how well is each observation foretold by all the others?

`psis_loo` estimates the expected log predictive density of the posterior (Vehtari, Gelman and Gabry
2017, "Practical Bayesian model evaluation using leave-one-out cross-validation and WAIC",
Statistics and Computing 27, 1413-1432). `exact_loo` computes the same score of the MLE by refitting
without each observation, at a fraction of the price: the first step takes no more than its leverage
(`flatprior.models.covariance.leverage`), the same downdated information serves for the steps after
it, and the theorem of `flatprior.models.certificate` says beforehand how far they lead.

A leave-one-out posterior can be improper although the posterior is not: where the others can be
separated. Importance sampling prints a number all the same; here it is said that there is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import logsumexp

from flatprior.analysis.monte_carlo import batch_means, check_draws_of, standard_error
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    PointEstimate,
    Posterior,
)
from flatprior.models.certificate import evaluate
from flatprior.models.common.arrays import UNIT, Array
from flatprior.models.common.calls import check_positive, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.common.parallel import parallel_map
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.rendering import Renderable, Rendered, chosen, shown_of
from flatprior.models.common.text import rows_phrase
from flatprior.models.covariance.leverage import Leverages, leverages
from flatprior.models.covariance.roots import Root, required_root, root_of
from flatprior.models.estimate import mle_of
from flatprior.models.existence.fragility import critical_rows
from flatprior.models.likelihood import RowTerms, at_each, row_terms, scores
from flatprior.models.posterior import LARGEST_PARETO_K, LEAST_FOR_PARETO
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import PARALLEL, ArrayRows, Block, as_held

MOST_SHOWN = 10  # rows, the hardest
MOST_TERMS = 2**27  # of a step for every row; more take seconds
ENOUGH = 0.02  # of the standard error: error of the log score that is enough then
PIECE = 2**11  # rows that are written out at a time
SAME = 1e-13  # in log-likelihood, over all draws
ROWS_AT_ONCE = 256  # with 4000 draws: 8 MB
FITS_AT_ONCE = 256  # whose scores one thread sums
NEAR = 0.1  # of lambda R: from there chord steps shrink the error at least eightfold
DECIDED_BY_REFIT = 0.5  # leverage; without such a row the information is half of itself somewhere
NEGLIGIBLE = 1e-14  # error of one log score, beside which rounding is the larger

# what is said of it; a report is held against these too
UNDEFINED = "elpd_loo is undefined: without {rows} the posterior is not proved to be proper"
FOUND = "elpd_loo {elpd} (SE {se}, Monte Carlo error {mcse}), p_loo {p_loo}, {bad} bad Pareto k"


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class PSISLOO(Renderable):
    """Leave-one-out predictive density of a posterior, by Pareto-smoothed importance sampling.

    Attributes
    ----------
    elpd : float
        Sum over observations of the log predictive density given all others. NaN where some
        leave-one-out posterior is improper, or not proved to be proper: there is no such number.
    se : float
        Standard error of `elpd` as an estimate for new data: sqrt(n) times the standard deviation
        (ddof 1) over observations.
    p_loo : float
        Effective number of parameters: log pointwise predictive density less `elpd`.
    mcse : float
        Monte Carlo standard error of `elpd`, by batch means over the draws.
    pointwise : ndarray (n,)
        Of one observation of each row.
    pareto_k : ndarray (n,)
    largest_k : float
        Pareto k above which the estimate of a row is unreliable: min(1 - 1 / log10(draws), 0.7).
    weights : ndarray (n,)
        Observations a row stands for.
    undefined_rows : tuple
        Labels of the rows without which the posterior is improper, or not proved to be proper.
    row_labels : Index or None
        The user's own index; None is 0 to n - 1.
    """

    elpd: float
    se: float
    p_loo: float
    mcse: float
    pointwise: Array
    pareto_k: Array
    largest_k: float
    weights: Array
    undefined_rows: tuple[object, ...]
    row_labels: pd.Index | None = None

    @property
    def looic(self) -> float:
        """-2 elpd, on the scale of AIC."""
        return -2 * self.elpd

    @property
    def n_bad(self) -> int:
        """Observations with a Pareto k above the limit, or one that cannot be computed."""
        return int(self.weights[~(self.pareto_k <= self.largest_k)].sum())

    @property
    def message(self) -> str:
        """The estimate with its errors, in one sentence."""
        if self.undefined_rows:
            return UNDEFINED.format(rows=rows_phrase(self.undefined_rows))
        return FOUND.format(
            elpd=f"{self.elpd:.2f}",
            se=f"{self.se:.2f}",
            mcse=f"{self.mcse:.2g}",
            p_loo=f"{self.p_loo:.2f}",
            bad=self.n_bad,
        )

    def table(self) -> pd.DataFrame:
        """One row a row of the data: "elpd" of one observation, "Pareto k", "observations"."""
        return pd.DataFrame(
            {
                "elpd": self.pointwise,
                "Pareto k": self.pareto_k,
                "observations": self.weights,
            },
            index=_labelled(self.row_labels, len(self.weights)),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these; its hardest rows."""
        frame = self.table()
        # NaN, where k could not be computed, is the hardest of all
        hardest = np.lexsort((self.pointwise, -np.nan_to_num(self.pareto_k, nan=math.inf)))
        shown = hardest[:MOST_SHOWN]
        return Rendered.of(
            chosen(frame, columns),
            {"elpd": ".4f", "Pareto k": ".2f", "observations": ".0f"},
            self.message,
            notes=[
                shown_of(len(shown), len(frame), "row", ".table()", "largest Pareto k"),
                f"a Pareto k above {self.largest_k:.2f} makes the elpd of a row unreliable; elpd "
                "is that of one observation of the row",
            ],
            rows=shown,
        )


@model_first
def psis_loo(model: BernoulliLogistic, posterior: Posterior, progress: bool = False) -> PSISLOO:
    """Expected log predictive density of the posterior, leaving out one observation at a time.

    Parameters
    ----------
    model : BernoulliLogistic
    posterior : Posterior
        Draws of any route, of this model.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    PSISLOO

    Raises
    ------
    ValueError
        If the draws are of other data, or fewer than 100.
    MLEDoesNotExistError
        If the posterior itself is improper.

    Notes
    -----
    Vehtari, Simpson, Gelman, Yao and Gabry (2024), "Pareto smoothed importance sampling", JMLR 25,
    1-58. Log-likelihoods are the package's own, of single observations: a row of frequency weight w
    counts w times, and grouped data give what their single rows would.

    Examples
    --------
    >>> from flatprior.analysis import psis_loo
    >>> from flatprior.models import BernoulliLogistic, load_smarket, sample_independence
    >>> model = BernoulliLogistic.from_formula("Direction ~ Lag1 + Lag2", load_smarket())
    >>> found = psis_loo(model, sample_independence(model, seed=1, progress=False))
    >>> round(found.elpd), round(found.p_loo, 1), found.n_bad
    (-867, 3.1, 0)
    """
    check_draws_of(model, posterior)
    return importance_loo(model, posterior, progress)


def importance_loo(model: BernoulliLogistic, posterior: Posterior, progress: bool) -> PSISLOO:
    """`psis_loo` without its checks; `model` may have the rows of the draws' in another order."""
    from flatprior.models.common.quiet import quiet_libraries

    with quiet_libraries():
        import arviz_stats
        from arviz_stats.base import array_stats

    chains, n_draws, k = posterior.draws.shape
    total = chains * n_draws
    if total < LEAST_FOR_PARETO:
        raise InputError(f"{total} draws are too few; leave-one-out needs {LEAST_FOR_PARETO}")
    relative = 1.0
    if chains > 1:
        ess = arviz_stats.ess(posterior.data["posterior"]["beta"], method="mean")
        relative = float(ess.to_numpy().mean()) / total
    draws = posterior.draws.reshape(total, k)
    elpd, density, pareto = (np.empty(model.n_rows) for _ in range(3))
    weights = model.counts
    influence = np.zeros(total)
    critical = critical_rows(model, progress)
    with progress_bar("rows", model.n_rows, progress) as advance:
        for start in range(0, model.n_rows, ROWS_AT_ONCE):
            part = slice(start, start + ROWS_AT_ONCE)
            block = _singly(as_held(model.arrays).block(part))
            terms = row_terms(block, draws.T).log_likelihood
            log_weights, pareto[part] = np.full(terms.shape, -math.log(total)), 0.0
            # a row that is certain in every draw has equal weights, and they no tail to fit
            told = np.ptp(terms, axis=1) > SAME
            if told.any():
                smoothed, shape = array_stats.psislw(terms[told], r_eff=relative, axis=-1)
                log_weights[told], pareto[part][told] = smoothed, shape
            elpd[part] = logsumexp(log_weights + terms, axis=1)
            density[part] = logsumexp(terms, axis=1) - math.log(total)
            influence += weights[part] @ np.exp(log_weights)
            advance(len(terms))
    undefined = sorted({*critical[0], *critical[1]})
    whole = float(weights @ elpd)
    return PSISLOO(
        elpd=math.nan if undefined else whole,
        se=math.nan if undefined else spread_of_sum(elpd, weights),
        p_loo=math.nan if undefined else float(weights @ density) - whole,
        mcse=math.nan
        if undefined
        else float(standard_error(batch_means(total * influence.reshape(chains, n_draws, 1)))[0]),
        pointwise=elpd,
        pareto_k=pareto,
        largest_k=min(1 - 1 / math.log10(total), LARGEST_PARETO_K),
        weights=weights,
        undefined_rows=tuple(model.row_labels[undefined]),
        row_labels=model.row_labels,
    )


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class ExactLOO(Renderable):
    """Leave-one-out log score of the MLE, each observation predicted by the fit of all others.

    Attributes
    ----------
    log_score : float
        Sum over observations of the log probability of the outcome. -inf where some fit does not
        exist: then the others can be separated, and give the outcome probability 0.
    se : float
        Standard error as an estimate for new data.
    pointwise : ndarray (n,)
        Of one observation of each row.
    coefficients : ndarray (n, k)
        MLE without one observation of each row; NaN where there is none.
    error_bound : float
        `log_score` is no further than this from the true one, rounding included to first order.
    weights : ndarray (n,)
        Observations a row stands for.
    without_mle : tuple
        Labels of the rows without which the MLE does not exist.
    n_refits : int
        Rows that were refitted on their own, because the MLE without them is far away.
    row_labels : Index or None
        The user's own index; None is 0 to n - 1.
    """

    log_score: float
    se: float
    pointwise: Array
    coefficients: Array
    error_bound: float
    weights: Array
    without_mle: tuple[object, ...]
    n_refits: int
    row_labels: pd.Index | None = None

    @property
    def message(self) -> str:
        """The log score with its errors, in one sentence."""
        if self.without_mle:
            return (
                "the leave-one-out log score is -inf: without "
                f"{rows_phrase(self.without_mle)} the MLE does not exist"
            )
        return (
            f"leave-one-out log score {self.log_score:.4f} (SE {self.se:.2f}; "
            f"error bound {self.error_bound:.1e})"
        )

    def table(self) -> pd.DataFrame:
        """One row a row of the data: "log score" of one observation, its "probability", count."""
        return pd.DataFrame(
            {
                "log score": self.pointwise,
                "probability": np.exp(self.pointwise),
                "observations": self.weights,
            },
            index=_labelled(self.row_labels, len(self.weights)),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these; its hardest rows."""
        frame = self.table()
        shown = np.argsort(self.pointwise, kind="stable")[:MOST_SHOWN]
        return Rendered.of(
            chosen(frame, columns),
            {"log score": ".4f", "probability": "#.3g", "observations": ".0f"},
            self.message,
            notes=[
                shown_of(len(shown), len(frame), "row", ".table()", "lowest log score"),
                "probability: that of the observed outcome, by the fit of all other observations",
            ],
            rows=shown,
        )


@model_first
def exact_loo(
    model: BernoulliLogistic,
    fit: PointEstimate | None = None,
    tolerance: float | None = None,
    progress: bool = False,
) -> ExactLOO:
    """Log score of the MLE when each observation is predicted by the fit of all others.

    Parameters
    ----------
    model : BernoulliLogistic
    fit : PointEstimate, optional
        The MLE of all rows, where it is at hand.
    tolerance : float, optional
        Error that may be left in the log score of a row (proved). By default 1e-14, beside which
        rounding is the larger; but each step after the first, which needs no more than the fit of
        all rows, takes as many terms for a row as there are rows, and beyond some 10,000 rows those
        with the largest errors alone take further steps, until the log score of all is within a
        fiftieth of its standard error.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    ExactLOO

    Raises
    ------
    MLEDoesNotExistError
        If the MLE of all rows does not exist.
    ValueError
        If the fit is another model's, or the tolerance not positive.
    ArithmeticError
        If it is undecided whether an MLE exists without some row, or it cannot be computed.

    Notes
    -----
    Rows for which the downdated Newton step is long (lambda R > 0.1) are refitted on their own.
    For the others each step with the downdated information shrinks a proved bound of the error by
    :math:`e^{RD} - 1`, D the distance from the MLE of all rows.

    Examples
    --------
    >>> from flatprior.analysis import exact_loo
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> print(exact_loo(model).message)
    leave-one-out log score -17.4022 (SE 4.60; error bound 1.5e-11)
    """
    if tolerance is not None:
        check_positive("tolerance", tolerance)
    fit = converged_mle(model) if fit is None else mle_of(model, fit)
    weights = model.counts
    near = _near(model, fit.coefficients)
    coefficients, bound = _after_a_step(near, fit.coefficients), near.bound
    held, most, enough = as_held(model.arrays), tolerance or NEGLIGIBLE, 0.0
    if tolerance is None and model.n_rows**2 > MOST_TERMS:
        enough = ENOUGH * spread_of_sum(_of_rows(held, coefficients)[0], weights)

    def unsettled() -> NDArray[np.intp]:
        """Rows whose error is above the tolerance; the largest of them, if a sum is enough."""
        error = np.where(near.far, 0.0, bound * near.reach)
        largest = np.argsort(-weights * error, kind="stable")
        left = np.cumsum((weights * error)[largest][::-1])[::-1]  # of each and all smaller ones
        return np.sort(largest[(left > enough) & (error[largest] > most)])

    with progress_bar("rows left out", model.n_rows, progress) as advance:
        active = unsettled()
        advance(int((~near.far).sum()) - len(active))
        while len(active):
            parts = np.array_split(active, math.ceil(len(active) / FITS_AT_ONCE))
            together = len(active) * model.n_rows >= PARALLEL
            steps = (parallel_map if together else map)(
                lambda rows: _chord(model, near, rows, coefficients[rows]), parts
            )
            for rows, (step, length) in zip(parts, steps, strict=True):
                coefficients[rows] += step
                rate = near.shrinking[rows]
                # of a contraction, the error after a step is bounded by the step as well
                bound[rows] = rate * np.minimum(bound[rows], length / (1 - rate))
            before, active = len(active), unsettled()
            advance(max(before - len(active), 0))
        # what rounding leaves of the score, as at the fit of all rows
        floor = evaluate(model.rows, fit.coefficients).certificate.error_bound
        error = (bound + 2 * floor) * near.reach
        gone = []
        for i in np.flatnonzero(near.far).tolist():
            refit = _without(model, i)
            if refit is None:
                gone.append(i)
                coefficients[i], error[i] = math.nan, 0.0
            else:
                coefficients[i] = refit.coefficients
                error[i] = refit.certificate.error_bound * _reach(model, i, refit)
            advance()
    pointwise, size = _of_rows(held, coefficients)
    error += (model.n_parameters + 2) * UNIT * size
    error += 8 * UNIT * np.abs(pointwise)
    error[gone], pointwise[gone] = 0.0, -math.inf
    return ExactLOO(
        log_score=-math.inf if gone else float(weights @ pointwise),
        se=math.nan if gone else spread_of_sum(pointwise, weights),
        pointwise=pointwise,
        coefficients=coefficients,
        error_bound=float(weights @ error),
        weights=weights,
        without_mle=tuple(model.row_labels[gone]),
        n_refits=int(near.far.sum()),
        row_labels=model.row_labels,
    )


def _labelled(labels: pd.Index | None, n: int) -> pd.Index:
    return pd.RangeIndex(n) if labels is None else labels


def _reach(model: BernoulliLogistic, i: int, refit: PointEstimate) -> float:
    """Standard error of the linear predictor of row i, without it."""
    root = root_of(others(model, i).rows, refit.coefficients)
    row = np.asarray(model.arrays.design[[i]])
    return math.inf if root is None else float(root.lengths(row)[0])


class _Near(NamedTuple):
    """The first step without each observation, in whitened columns, and how far it can be off.

    Norms are those of the information without the observation, at the MLE of all rows.
    """

    root: Root
    rows: Leverages
    pull: Array  # (k,): what the fit has left of the score, in whitened columns
    bound: Array  # (n,): of the error after the step
    shrinking: Array  # (n,): factor of the bound by a further step
    reach: Array  # (n,): standard error of the row's linear predictor without it
    far: NDArray[np.bool_]  # (n,): whether the step is too long for any of this


def _near(model: BernoulliLogistic, beta: Array) -> _Near:
    whitens = required_root(model.rows, beta)
    rows = leverages(as_held(model.arrays).block(slice(None)), beta, whitens)
    root = np.sqrt(rows.left)
    reach, radius = rows.length / root, rows.length.max() / root
    pull = whitens.rooted(model.score(beta)[None])[0]  # 0 at the MLE, but for what the fit has left
    decrement = np.abs(rows.residual) * reach + np.linalg.norm(pull) / root
    product = decrement * radius
    far = (product > NEAR) | (rows.leverage > DECIDED_BY_REFIT)
    distance = -np.log1p(-np.minimum(product, NEAR)) / radius
    expanded = np.expm1(radius * distance)
    bound = (expanded - radius * distance) / radius
    shrinking = np.expm1(radius * (distance + bound))
    return _Near(
        root=whitens,
        rows=rows,
        pull=pull,
        bound=bound,
        shrinking=shrinking,
        reach=reach,
        far=far,
    )


def _after_a_step(near: _Near, beta: Array) -> Array:
    """Coefficients (n, k) after the first step without each observation; `beta` where it is far."""
    found = np.empty((len(near.far), len(beta)))
    for start in range(0, len(found), PIECE):
        part = slice(start, start + PIECE)
        step = near.rows.steps(near.pull, part)
        step[near.far[part]] = 0.0
        found[part] = beta + near.root.placed(step)
    return found


def _of_rows(rows: ArrayRows, coefficients: Array) -> tuple[Array, Array]:
    """Log score (n,) of one observation of each row at its own coefficients (n, k).

    And the sum of absolute values (n,) of the terms of its linear predictor.
    """
    score, size = np.empty((2, rows.n_rows))
    for start in range(0, rows.n_rows, PIECE):
        part = slice(start, start + PIECE)
        block = _singly(rows.block(part))
        block = block._replace(design=np.asarray(block.design, dtype=float))
        score[part] = _each_at_its_own(block, coefficients[part]).log_likelihood
        size[part] = np.einsum("ij,ij->i", np.abs(block.design), np.abs(coefficients[part]))
        size[part] += 0 if block.offset is None else np.abs(block.offset)
    return score, size


def _chord(
    model: BernoulliLogistic, near: _Near, rows: NDArray[np.intp], coefficients: Array
) -> tuple[Array, Array]:
    """The step from `coefficients` (m, k) with the downdated information, and its length there."""
    terms = _each_at_its_own(_singly(model.arrays.block(rows)), coefficients)
    pull = near.root.rooted(at_each(as_held(model.rows), scores, coefficients))
    pull -= terms.residual[:, None] * near.rows.white(rows)
    step = near.rows.solved(rows, pull)
    length = np.sqrt(np.maximum(np.einsum("ij,ij->i", pull, step), 0.0))
    return near.root.placed(step), length


def others(model: BernoulliLogistic, i: int) -> BernoulliLogistic:
    """The model without one observation of row i."""
    weights = model.counts.copy()
    weights[i] -= 1
    keep = weights > 0
    left = model.arrays.select(keep)
    if left.weights is not None:
        left = replace(left, weights=weights[keep])
    return replace(model, rows=left, row_labels=model.row_labels[keep])


def _without(model: BernoulliLogistic, i: int) -> PointEstimate | None:
    """MLE without one observation of row i; None where it does not exist."""
    try:
        return converged_mle(others(model, i))
    except MLEDoesNotExistError as error:
        if error.existence.kind == "undecided":
            raise PrecisionError(
                f"without row {model.row_labels[i]} it is undecided whether the MLE exists"
            ) from error
        return None


def spread_of_sum(values: Array, weights: Array) -> float:
    """Standard error of the sum over observations: sqrt(n) times their sd, ddof 1."""
    n = weights.sum()
    if n < 2:
        return math.nan
    mean = weights @ values / n
    return float(math.sqrt(n / (n - 1) * (weights @ np.square(values - mean))))


def _each_at_its_own(block: Block, coefficients: Array) -> RowTerms:
    """Terms of each of m rows at its own coefficients (m, k)."""
    eta = np.einsum("ij,ij->i", block.design, coefficients)
    offset = eta if block.offset is None else eta + block.offset
    return row_terms(block._replace(design=np.zeros((len(eta), 0)), offset=offset), np.zeros(0))


def _singly(block: Block) -> Block:
    """The rows as if each stood for one observation."""
    return block._replace(weights=None)
