"""Does the audit of draws tell what is no posterior, and leave alone what is?

Right draws first: of how many sets does one fail, with and without the log-density, beside the
probability that is promised? Then draws that are none: the Laplace approximation, variational
inference and pathfinder (PyMC and pymc-extras, where they are installed), posteriors under priors,
of the flipped response, without weights or offset. Printed for each number of rows: how many of
how many were told, and of how many the cause was named first. Coefficients are 4, draws 4,000.

    python benchmarks/foreign_draws.py [--right 100] [--each 20] [--fits 8] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from prior_draws import independence

from flatprior.analysis.auditing.draws.judged import DrawsAudit, judge_draws
from flatprior.analysis.producers.draws import read_draws
from flatprior.models import (
    BernoulliLogistic,
    Posterior,
    check_existence,
    fit_newton,
    sample_independence,
    sample_nuts,
)
from flatprior.models.common.progress import progress_bar

ROWS = (50, 500, 5000)
SLOPES = np.array([1.0, -0.5, 0.8])
FALSE_ALARM = 1e-3
NORMAL = ("normal approximation", "normal distribution", "resampled")


def problem(n: int, rng: np.random.Generator, **keywords: object) -> BernoulliLogistic:
    """A model of n rows with an MLE: correlated columns, an intercept."""
    while True:
        X = rng.normal(size=(n, 3)) @ [[1, 0.5, 0.2], [0, 1, 0.4], [0, 0, 1]]
        y = rng.random(n) < 1 / (1 + np.exp(-0.3 - X @ SLOPES))
        frame = pd.DataFrame(X, columns=["x1", "x2", "x3"]).assign(y=y.astype(int))
        frame["times"], frame["known"] = rng.integers(1, 4, n), rng.normal(size=n)
        model = BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame, **keywords)
        if check_existence(model).exists:
            return model


def right(n: int, rng: np.random.Generator) -> tuple[BernoulliLogistic, Posterior]:
    """An independence sampler's."""
    model = problem(n, rng)
    return model, sample_independence(model, seed=int(rng.integers(2**31)), progress=False)


def nuts(n: int, rng: np.random.Generator) -> tuple[BernoulliLogistic, Posterior]:
    """The draws of NUTS."""
    model = problem(n, rng)
    return model, sample_nuts(model, seed=int(rng.integers(2**31)), progress=False)


def laplace(n: int, rng: np.random.Generator) -> tuple[BernoulliLogistic, Posterior]:
    """A normal distribution at the MLE, with the inverse information."""
    model = problem(n, rng)
    fit = fit_newton(model)
    draws = rng.multivariate_normal(fit.coefficients, fit.covariance, size=(1, 4000))
    return model, Posterior.from_draws(model, draws)


def _pymc_model(model: BernoulliLogistic) -> object:
    import pymc as pm

    with pm.Model() as theirs:
        beta = pm.Flat("beta", shape=model.n_parameters)
        pm.Bernoulli("y", logit_p=model.design @ beta, observed=model.response)
    return theirs


def advi(n: int, rng: np.random.Generator, method: str = "advi") -> tuple:
    """PyMC's mean-field variational inference, as pm.fit() does it."""
    import pymc as pm

    model, seed = problem(n, rng), int(rng.integers(2**31))
    with _pymc_model(model):
        found = pm.fit(method=method, random_seed=seed, progressbar=False)
        return model, read_draws(found.sample(4000, random_seed=seed), model)


def full_rank(n: int, rng: np.random.Generator) -> tuple:
    """The same with a full covariance."""
    return advi(n, rng, "fullrank_advi")


def pathfinder(n: int, rng: np.random.Generator) -> tuple:
    """Pathfinder of pymc-extras."""
    import pymc_extras

    model = problem(n, rng)
    with _pymc_model(model):
        found = pymc_extras.fit(
            method="pathfinder",
            num_draws=4000,
            random_seed=int(rng.integers(2**31)),
            progressbar=False,
        )
    return model, read_draws(found, model)


def prior(scale: float) -> Callable:
    """A normal prior on the slopes."""
    sd = np.array([np.inf, scale, scale, scale])

    def make(n: int, rng: np.random.Generator) -> tuple[BernoulliLogistic, Posterior]:
        model = problem(n, rng)
        draws, lp = independence(
            model, lambda b: -np.square(b / sd).sum(axis=-1) / 2, int(rng.integers(2**31))
        )
        return model, Posterior.from_draws(model, draws, log_density=lp)

    return make


def other(**keywords: object) -> Callable:
    """Right draws of another reading of the data."""

    def make(n: int, rng: np.random.Generator) -> tuple[BernoulliLogistic, Posterior]:
        model = problem(n, rng, **keywords)
        rows = model.arrays
        if keywords:
            theirs = BernoulliLogistic.from_arrays(model.design, model.response, names=model.names)
        else:
            theirs = BernoulliLogistic.from_arrays(
                model.design, 1 - rows.response, names=model.names
            )
        drawn = sample_independence(theirs, seed=int(rng.integers(2**31)), progress=False)
        return model, Posterior.from_draws(model, drawn.draws, log_density=drawn.log_density)

    return make


def without_density(model: BernoulliLogistic, posterior: Posterior) -> Posterior:
    """The same draws alone."""
    return Posterior.from_draws(model, posterior.draws, route=posterior.route)


WRONG = {
    "Laplace": (laplace, NORMAL),
    "ADVI": (advi, NORMAL),
    "full-rank ADVI": (full_rank, NORMAL),
    "pathfinder": (pathfinder, NORMAL),
    "normal(0, 2.5) on slopes": (prior(2.5), ("prior",)),
    "normal(0, 1) on slopes": (prior(1.0), ("prior",)),
    "flipped response": (other(), ("response flipped",)),
    "weights ignored": (other(frequency_weights="times"), ("weights ignored",)),
    "offset ignored": (other(offset="known"), ("offset ignored",)),
}
SLOW = ("ADVI", "full-rank ADVI", "pathfinder")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--right", type=int, default=100)
    parser.add_argument("--nuts", type=int, default=5)
    parser.add_argument("--each", type=int, default=20)
    parser.add_argument("--fits", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    if not options.only:
        _right(options)
    print("\n| draws | rows | log-density | told | cause named | wrong and certain |")
    print("|---|---|---|---|---|---|", flush=True)
    for number, (name, (make, causes)) in enumerate(WRONG.items()):
        if options.only and options.only != name:
            continue
        for n in ROWS:
            _wrong(name, make, causes, n, options, number)


def _right(options: argparse.Namespace) -> None:
    start, rows = time.perf_counter(), []
    for maker, times in ((right, options.right), (nuts, options.nuts)):
        for n in ROWS:
            with progress_bar(f"{maker.__name__} {n}", times, True) as advance:
                for i in range(times):
                    model, posterior = maker(n, np.random.default_rng([options.seed, n, i]))
                    for stated in (True, False):
                        drawn = posterior if stated else without_density(model, posterior)
                        found = judge_draws(model, drawn, false_alarm=FALSE_ALARM)
                        rows.append((maker.__doc__, n, stated, not found.passed))
                        if not found.passed:
                            print(found.verdict)
                    advance()
    table = pd.DataFrame(rows, columns=["sampler", "rows", "density", "failed"])
    print(table.groupby(["sampler", "rows", "density"])["failed"].agg(["sum", "count"]))
    print(
        f"right draws: {table['failed'].sum()} of {len(table)} failed; each fails with probability "
        f"{FALSE_ALARM} at most ({time.perf_counter() - start:.0f} s)"
    )


def _wrong(
    name: str,
    make: Callable,
    causes: tuple[str, ...],
    n: int,
    options: argparse.Namespace,
    number: int,
) -> None:
    found: dict[bool, list[DrawsAudit]] = {True: [], False: []}
    times = options.fits if name in SLOW else options.each
    with progress_bar(f"{name} {n}", times, True) as advance:
        for i in range(times):
            try:
                model, posterior = make(n, np.random.default_rng([options.seed, number, n, i]))
            except ImportError as error:
                print(f"| {name} | not installed: {error} |")
                return
            if posterior.states_density:
                found[True].append(judge_draws(model, posterior, false_alarm=FALSE_ALARM))
            alone = without_density(model, posterior)
            found[False].append(judge_draws(model, alone, false_alarm=FALSE_ALARM))
            advance()
    for stated, audits in found.items():
        if audits:
            told = sum(not audit.passed for audit in audits)
            named = sum(audit.cause in causes for audit in audits)
            wrong = sum(audit.certain and audit.cause not in causes for audit in audits)
            print(
                f"| {name} | {n:,} | {'yes' if stated else 'no'} | {told} of {len(audits)} | "
                f"{named} | {wrong} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
