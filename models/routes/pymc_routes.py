"""The PyMC routes: MAP under flat priors, and NUTS.

Both use PyMC's own `pm.Flat` and `pm.Bernoulli(logit_p=...)`, gradients and Hessians compiled by
PyTensor, and a whitening made here from the design alone; they share no likelihood, optimiser or
starting point with the Newton route. The coordinates are z with beta = T z, T from the QR
factorisation of the design: a linear change of variables keeps a flat prior flat, and raw columns
defeat both L-BFGS and NUTS.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from flatprior.models.certificate import certify, require_finite
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, check_seed, model_first
from flatprior.models.common.progress import progress_bar, status
from flatprior.models.common.text import at_most
from flatprior.models.estimate import PointEstimate, estimate
from flatprior.models.existence.check import require_mle, require_proper_posterior
from flatprior.models.gathering import rows_in_memory
from flatprior.models.model import BernoulliLogistic
from flatprior.models.posterior import Posterior, check_sampling, labelled_draws
from flatprior.models.provenance import provenance
from flatprior.models.rows import ArrayRows, merge_identical

if TYPE_CHECKING:
    import pymc

LOADING = "PyMC loads and compiles"
PACKAGES = ("pymc", "pytensor", "arviz-base", "arviz-stats")
MAX_FINISHING_STEPS = 50


@model_first(sampling_weights=True)
def fit_map(model: BernoulliLogistic, progress: bool = True) -> PointEstimate:
    """Posterior mode under flat priors by PyMC, which is the MLE.

    ``pm.find_MAP`` (L-BFGS) stops near 1e-6; Newton steps on PyMC's own compiled gradient and
    Hessian finish the work.

    Parameters
    ----------
    model : BernoulliLogistic
    progress : bool
        Say on a terminal's standard error that PyMC compiles, which takes longer than the fit.

    Returns
    -------
    PointEstimate
        Of route "map"; `before_finish` certifies what ``pm.find_MAP`` alone had reached.

    Raises
    ------
    MLEDoesNotExistError
        If the MLE is not proved to exist.
    NotConvergedError
        If it does, and PyMC ends at coefficients that are not finite.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, fit_map, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> fit = fit_map(model)
    >>> fit.certificate.error_bound < 1e-10 < fit.before_finish.error_bound
    True
    """
    since = model.passes
    require_mle(model)
    from flatprior.models.routes.pymc_versions import find_map

    start = time.perf_counter()
    with status(LOADING, progress):
        rows = rows_in_memory(model, "PyMC")
        transform = _whitening(rows)
        graph = flat_model(rows, transform)
        z, success, said, iterations = find_map(graph, np.zeros(model.n_parameters))
        reached = certify(model, require_finite(transform @ z, "pm.find_MAP"))
        with _derivatives(graph) as function:
            z, steps, decrement = _finish(function, z)
    return estimate(
        model,
        require_finite(transform @ z, "route map"),
        route="map",
        packages=PACKAGES,
        converged=success and decrement < 1e-6,
        message=(
            f"pm.find_MAP: {said.strip().lower()}, within {at_most(reached.error_bound)} standard "
            f"errors; {steps} Newton steps on PyMC's own derivatives finished it"
        ),
        n_iterations=iterations + steps,
        seconds=time.perf_counter() - start,
        since=since,
        before_finish=reached,
    )


@model_first
def sample_nuts(
    model: BernoulliLogistic,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    seed: int | None = None,
    sampler: Literal["pymc"] = "pymc",
    progress: bool = True,
    cores: int | None = None,
) -> Posterior:
    """Draws from the flat-prior posterior by PyMC's NUTS.

    Parameters
    ----------
    model : BernoulliLogistic
    draws, tune, chains : int
        Draws kept and tuning steps of each chain; number of chains.
    seed : int, optional
        Makes the draws reproducible.
    sampler : {"pymc"}
        The implementation of NUTS.
    progress : bool
        Show a progress bar on standard error, and until the first draw that PyMC compiles.
    cores : int, optional
        Chains run at a time; default PyMC's choice, at most 4.

    Returns
    -------
    Posterior
        Of route "nuts".

    Raises
    ------
    ImproperPosteriorError
        If the posterior is not proved to be proper: there would be nothing to sample from.
    ValueError
        If draws, tune or chains are not usable numbers.
    KeyboardInterrupt
        On Ctrl-C; a shortened run is never returned.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_nuts
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> posterior = sample_nuts(model, draws=200, tune=200, seed=1, progress=False)
    >>> posterior.draws.shape
    (4, 200, 4)
    """
    check_sampling(draws=draws, tune=tune, chains=chains)
    seed = check_seed(seed)
    check_choice("sampler", sampler, ("pymc",))
    since = model.passes
    require_proper_posterior(model)
    from flatprior.models.common.progress import quiet_libraries
    from flatprior.models.routes.pymc_versions import import_pymc, interruptible

    with status(LOADING, progress):
        pm = import_pymc()
    start = time.perf_counter()
    rows = merge_identical(rows_in_memory(model, "PyMC"))
    transform = _whitening(rows)
    # PyMC's own bar has a row a chain and needs more than 80 columns
    bar = progress_bar("draws", chains * (draws + tune), progress)
    waiting = status(LOADING, progress)
    with (
        quiet_libraries(),
        interruptible() as interruption,
        bar as advance,
        waiting as compiled,
    ):

        def after_each_draw(**_: Any) -> None:
            compiled()
            advance()
            interruption()

        sampled = pm.sample(
            model=flat_model(rows, transform),
            draws=draws,
            tune=tune,
            chains=chains,
            cores=cores,
            random_seed=seed,
            init="jitter+adapt_diag",
            nuts_sampler=sampler,
            progressbar=False,
            quiet=True,
            compute_convergence_checks=False,
            callback=after_each_draw,
        )
        z = np.asarray(sampled.posterior["z"].to_numpy(), dtype=float)
        stats = {
            name: np.asarray(sampled.sample_stats[name].to_numpy())
            for name in ("lp", "diverging", "tree_depth", "n_steps", "acceptance_rate")
        }
    return Posterior(
        route="nuts",
        data=labelled_draws(model, z @ transform.T, stats),
        seconds=time.perf_counter() - start,
        provenance=provenance(model, *PACKAGES, since=since),
        seed=seed,
    )


def flat_model(rows: ArrayRows, transform: Array) -> pymc.Model:
    """The PyMC model of z, with flat priors and PyMC's own Bernoulli likelihood.

    Everything that changes with the data is `pm.Data`, so that another data set of any shape
    compiles nothing anew.
    """
    from flatprior.models.common.progress import quiet_libraries
    from flatprior.models.routes.pymc_versions import import_pymc

    pm = import_pymc()
    offset = np.zeros(rows.n_rows) if rows.offset is None else rows.offset
    outcome = rows.response.astype("int64")
    with quiet_libraries(), pm.Model() as graph:
        design = pm.Data("design", rows.design @ transform)
        observed = pm.Data("observed", outcome)
        z = pm.Flat("z", shape=design.shape[1])
        eta = pm.Data("offset", offset) + design @ z
        if rows.weights is None:
            pm.Bernoulli("y", logit_p=eta, observed=observed)
        else:
            # PyMC's Bernoulli has no weights; a row that stands for w observations counts w times
            density = pm.logp(pm.Bernoulli.dist(logit_p=eta), observed)
            pm.Potential("y", pm.Data("weights", rows.weights) * density)
    return graph


def _whitening(rows: ArrayRows) -> Array:
    """T = 2 R^-1 with R from the QR of ``sqrt(w) X``: unit information at p = 1/2."""
    design = rows.design if rows.weights is None else np.sqrt(rows.weights)[:, None] * rows.design
    scale = np.abs(design).max(axis=0)
    triangle = np.asarray(np.linalg.qr(design / scale, mode="r"))
    return np.asarray(2 * np.linalg.inv(triangle) / scale[:, None])


class _Compiled(threading.local):
    """What this thread has compiled: by the data that a model has, its data and the function."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, ...], tuple[dict[str, Any], Any]] = {}


_COMPILED = _Compiled()


@contextmanager
def _derivatives(graph: pymc.Model) -> Iterator[Callable[[Array], tuple[float, Array, Array]]]:
    """PyMC's own log-density, gradient and Hessian as one function of z.

    To compile it takes longer than all else, and whatever the data, it is the same function: it is
    compiled once, and given these data for as long as it is used.
    """
    from flatprior.models.common.progress import quiet_libraries

    data = {each.name: each for each in graph.data_vars}
    names = tuple(sorted(data))
    if names not in _COMPILED.known:
        with quiet_libraries():
            function = graph.compile_fn(
                [graph.logp(), graph.dlogp(), graph.d2logp(negate_output=False)],
                inputs=graph.value_vars,
            )
        _COMPILED.known[names] = data, function
    held, function = _COMPILED.known[names]
    for name, shared in held.items():
        shared.set_value(data[name].get_value())

    def at(z: Array) -> tuple[float, Array, Array]:
        value, gradient, hessian = function({"z": z})
        if not np.isfinite(hessian).all():
            # PyMC 5's Hessian is 0 * inf = nan once a linear predictor passes 37; its gradient is
            # not, and in whitened coordinates its central differences have 1e-10 to spare
            steps = 1e-5 * np.eye(len(z))
            hessian = np.array(
                [(function({"z": z + h})[1] - function({"z": z - h})[1]) / 2e-5 for h in steps]
            )
            hessian = (hessian + hessian.T) / 2
        return float(value), gradient, hessian

    try:
        yield at
    finally:
        for shared in held.values():  # they may be large
            shared.set_value(np.zeros((0,) * shared.ndim, dtype=shared.dtype))


def _newton_step(gradient: Array, hessian: Array) -> tuple[Array, float]:
    """Full Newton step and its decrement; no step and inf where the Hessian allows none."""
    try:
        step = np.linalg.solve(-hessian, gradient)
    except np.linalg.LinAlgError:
        return np.zeros_like(gradient), np.inf
    squared = float(gradient @ step)
    # negative where the Hessian is not negative definite: that is no maximum
    return np.asarray(step), math.sqrt(squared) if 0 <= squared < math.inf else math.inf


def _finish(
    function: Callable[[Array], tuple[float, Array, Array]], z: Array
) -> tuple[Array, int, float]:
    """Newton steps until the decrement stops falling; return z, the steps and the decrement."""
    value, gradient, hessian = function(z)
    step, decrement = _newton_step(gradient, hessian)
    for count in range(MAX_FINISHING_STEPS):
        length = 1.0
        there = function(z + step)
        while there[0] < value - 1e-13 * (1 + abs(value)) and length > 1e-10:
            length /= 2
            there = function(z + length * step)
        next_step, next_decrement = _newton_step(*there[1:])
        if not np.isfinite(next_decrement) or (decrement < 1e-3 and next_decrement >= decrement):
            return z, count, decrement
        z, value, step, decrement = z + length * step, there[0], next_step, next_decrement
    return z, MAX_FINISHING_STEPS, decrement
