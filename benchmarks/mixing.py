"""Are chains that have not mixed told, and are those that have left alone?

Run ``python benchmarks/mixing.py`` (about twenty minutes on one quiet core; ``--unmixed``,
``--independence`` and ``--nuts`` say how many runs). Models have 2 to 6 coefficients and 50 to
2,000 rows; one in four is nearly separated.

Unmixed: ten kinds of chains, made from honest ones, whose log-density is filled in from the model;
told is a verdict of "disagree". Honest: draws of both samplers; every claim of `check_posterior`
that fails is a false alarm, but for "too few to judge", which is counted apart.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from scipy.stats import binomtest

from flatprior.analysis import PosteriorCheck, check_posterior, compare_routes
from flatprior.models import (
    BernoulliLogistic,
    Posterior,
    fit_newton,
    sample_independence,
    sample_nuts,
)

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from unmixed_chains import KINDS, small_models, unmixed

NOMINAL = (0.05, 0.01, 0.001)
TESTS = {
    "R-hat": "R-hat",
    "the chains": "chains",
    "the mean score": "score",
    "the mean of": "trace",
}
SIZES = (100, 250, 500, 1000)  # draws of each of four chains


def told(runs: int, draws: int, first: int) -> None:
    """Print how many of `runs` unmixed runs of each kind are told, and by which claims."""
    claims = ("still", "copied", "R-hat", "chains", "too few")
    print(f"\n{'unmixed':36}{'runs':>6}{'told':>6}" + "".join(f"{name:>9}" for name in claims))
    total = 0
    for kind in KINDS:
        found, by = 0, [0] * len(claims)
        for seed, model in small_models(runs, first):
            posterior = unmixed(kind, model, seed, draws)
            agreement = compare_routes(model, fit_newton(model), posterior)
            (check,) = agreement.posterior_checks
            found += agreement.verdict == "disagree"
            failed = [not claim.holds for claim in check.mixing.claims(check.threshold)]
            by = [before + now for before, now in zip(by, failed, strict=True)]
        total += found
        print(f"{kind:36}{runs:6d}{found:6d}" + "".join(f"{n:9d}" for n in by), flush=True)
    print(f"{'together':36}{runs * len(KINDS):6d}{total:6d}")


Sampler = Callable[[BernoulliLogistic, int, int], Posterior]


def independence(model: BernoulliLogistic, draws: int, seed: int) -> Posterior:
    """Draws by independence sampling."""
    return sample_independence(model, draws, seed=seed, progress=False)


def nuts(model: BernoulliLogistic, draws: int, seed: int) -> Posterior:
    """Draws by NUTS."""
    return sample_nuts(model, draws, 500, seed=seed, progress=False, cores=1)


def alarms(sampler: Sampler, runs: int, first: int) -> None:
    """Print the false alarms of `runs` honest runs at each nominal rate."""
    start, counted, judged = time.perf_counter(), Counter[float](), 0
    too_few, exact, by_test = Counter[int](), Counter[str](), Counter[str]()
    for i, (seed, model) in enumerate(small_models(runs, first)):
        draws = SIZES[i % len(SIZES)]
        check = check_posterior(model, sampler(model, draws, seed), false_alarm=NOMINAL[0])
        if check.mixing.undecided(0.0):
            too_few[draws] += 1
            continue
        judged += 1
        p_values, failed = _parted(check)
        exact.update(failed)
        by_test.update(name for name, p in p_values.items() if p < NOMINAL[0] / len(p_values))
        for rate in NOMINAL:
            counted[rate] += bool(failed) or min(p_values.values()) < rate / len(p_values)
        if sys.stderr.isatty() or not (i + 1) % 50:
            print(f"{i + 1} of {runs}: {dict(counted)}", file=sys.stderr, flush=True)
    few = ", ".join(f"{n} of 4 x {draws}" for draws, n in sorted(too_few.items())) or "none"
    print(f"\n{sampler.__name__}: {runs} honest runs, {time.perf_counter() - start:.0f} s")
    print(f"too few to judge: {few}; judged: {judged}")
    print(f"{'nominal':>8}{'alarms':>8}{'rate':>9}   95% interval      nominal + 2 errors")
    for rate in NOMINAL:
        interval = binomtest(counted[rate], judged).proportion_ci()
        limit = rate + 2 * math.sqrt(rate * (1 - rate) / judged)
        print(
            f"{rate:8.3f}{counted[rate]:8d}{counted[rate] / judged:9.4f}   "
            f"{interval.low:.4f} - {interval.high:.4f}   {limit:.4f}"
        )
    print(f"at {NOMINAL[0]}, by test: {dict(by_test)}; without a p-value: {dict(exact) or 'none'}")


def _parted(check: PosteriorCheck) -> tuple[dict[str, float], list[str]]:
    """P-values of the tests by name, and the other claims that do not hold."""
    p_values: dict[str, float] = {}
    failed = []
    for claim in check.claims:
        name = next((TESTS[start] for start in TESTS if claim.statement.startswith(start)), None)
        if name is not None:
            p_values[name] = claim.p
        elif not claim.holds:
            failed.append(claim.statement)
    if len(p_values) != check.n_tests:
        raise RuntimeError("a test is not counted")
    return p_values, failed


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--unmixed", type=int, default=20, help="runs of each of ten kinds")
    parser.add_argument("--draws", type=int, default=1000, help="of each of their four chains")
    parser.add_argument("--independence", type=int, default=500, help="honest runs")
    parser.add_argument("--nuts", type=int, default=500, help="honest runs")
    parser.add_argument("--first", type=int, default=1000, help="seed of the first model")
    chosen = parser.parse_args()
    if chosen.unmixed:
        told(chosen.unmixed, chosen.draws, chosen.first)
    for sampler, runs in ((independence, chosen.independence), (nuts, chosen.nuts)):
        if runs:
            alarms(sampler, runs, chosen.first)
