"""Our samplers beside ``pm.sample`` on the columns as they are: one process, ratios printed.

Run ``python benchmarks/sampling_vs_peers.py`` (about a quarter of an hour; with a number, 1 to 3,
only that problem). It needs ``pip install 'flatprior[benchmark]'`` for nutpie. Every sampler makes
4 chains of 1000 draws; NUTS tunes for 1000 more. Times are wall times of the whole call on a model
that is built, compilation included; a call on the same model with few draws comes first, so that
what a machine compiles once and keeps is not counted.

- ESS/s: smallest bulk effective sample size over the coefficients, per second.
- time to 0.001: seconds to a Monte Carlo standard error of 0.001 posterior sd in every mean. Where
  one call does not reach it, its time is multiplied by (error / 0.001)^2.
- Ratios are to ``pm.sample`` with its default sampler.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable

import numpy as np
from scipy.special import expit

from flatprior.analysis import posterior_moments
from flatprior.models import BernoulliLogistic, Posterior, sample_independence, sample_nuts
from flatprior.models.common.progress import quiet_libraries
from flatprior.models.posterior import labelled_draws
from flatprior.models.provenance import provenance
from flatprior.models.routes.pymc_versions import import_pymc

PROBLEMS = ((200, 4, 0.0), (3000, 5, 0.99), (50_000, 20, 0.0))
GOAL = 1e-3


def problem(n: int, k: int, correlation: float) -> BernoulliLogistic:
    """Intercept and equally correlated normal predictors, small effects."""
    rng = np.random.default_rng(n)
    common, own = rng.normal(size=(n, 1)), rng.normal(size=(n, k - 1))
    X = math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own
    y = (rng.random(n) < expit(X @ rng.normal(size=k - 1) / math.sqrt(k))).astype(float)
    return BernoulliLogistic.from_arrays(X, y, intercept=True)


def peer(model: BernoulliLogistic, sampler: str, draws: int) -> Posterior:
    """``pm.sample`` on raw columns, as its documentation does it."""
    pm = import_pymc()
    with quiet_libraries(), pm.Model():
        beta = pm.Flat("beta", shape=model.n_parameters)
        pm.Bernoulli("y", logit_p=pm.math.dot(model.design, beta), observed=model.response)
        found = pm.sample(
            draws=draws,
            tune=draws,
            chains=4,
            random_seed=1,
            nuts_sampler=sampler,
            progressbar=False,
            quiet=True,
            compute_convergence_checks=False,
        )
    beta = found.posterior["beta"].to_numpy()
    tree = labelled_draws(model, beta, {"lp": np.zeros(beta.shape[:2])})
    return Posterior(sampler, tree, 0.0, provenance(model))


def compare(n: int, k: int, correlation: float) -> None:
    """Print one problem's table."""
    model = problem(n, k, correlation)
    title = f"n = {n}, k = {k}" + (f", correlation {correlation}" if correlation else "")
    print(f"\n{title}\n{'':28}{'seconds':>9}{'ESS':>7}{'ESS/s':>9}{'ratio':>8}", end="")
    print(f"{'mcse/sd':>10}{'time to 0.001':>15}{'ratio':>9}", flush=True)
    samplers: dict[str, Callable[[int], Posterior]] = {
        "pm.sample, raw columns": lambda draws: peer(model, "pymc", draws),
        "pm.sample, nutpie": lambda draws: peer(model, "nutpie", draws),
        "flatprior NUTS": lambda draws: sample_nuts(model, draws, draws, seed=1, progress=False),
        "flatprior independence": lambda draws: sample_independence(
            model, draws, seed=1, progress=False
        ),
    }
    base: tuple[float, float] | None = None
    for name, sample in samplers.items():
        sample(10)
        start = time.perf_counter()
        posterior = sample(1000)
        seconds = time.perf_counter() - start
        summary = posterior.summary()
        ess = float(summary["ess bulk"].min())
        error = float((summary["mcse"] / summary["sd"]).max())
        goal = seconds * max(1.0, (error / GOAL) ** 2)
        base = base or (ess / seconds, goal)
        print(
            f"{name:28}{seconds:9.2f}{ess:7.0f}{ess / seconds:9.1f}{ess / seconds / base[0]:8.1f}"
            f"{error:10.1e}{goal:15.2f}{base[1] / goal:9.0f}",
            flush=True,
        )
    start = time.perf_counter()
    moments = posterior_moments(model, posterior)
    seconds += time.perf_counter() - start
    error = float((moments.mean_error / moments.sd).max())
    goal = seconds * max(1.0, (error / GOAL) ** 2)
    ess = 1 / error**2
    print(
        f"{'  with control variates':28}{seconds:9.2f}{ess:7.0e}{ess / seconds:9.0e}"
        f"{ess / seconds / base[0]:8.0e}{error:10.1e}{goal:15.2f}{base[1] / goal:9.0f}",
        flush=True,
    )


if __name__ == "__main__":
    for size in PROBLEMS if len(sys.argv) == 1 else [PROBLEMS[int(sys.argv[1]) - 1]]:
        compare(*size)
