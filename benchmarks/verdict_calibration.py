"""How often is the verdict of `compare_routes` wrong? False alarms, and injected faults detected.

Run ``python benchmarks/verdict_calibration.py`` (about an hour on one core; ``--data-sets`` and
``--faulty`` make it shorter). It needs ``pip install 'flatprior[benchmark]'`` for the picture,
``verdict_calibration.svg`` beside this file.

False alarms: data sets of many sizes, imbalances and correlations, each fitted by Newton,
scikit-learn and two sets of draws (independence sampling twice; on the first ``--nuts`` data sets,
NUTS and independence sampling). Every verdict but "agree" is a false alarm; where effective draws
are too few to be judged, which the sampler itself warns of, the data set is counted apart. Faults:
draws of a density that is not the likelihood, or a penalised fit, among correct routes; a verdict
of "disagree" is a detection, and each claim's own share is counted at the threshold of the verdict.
Chains that have not mixed are the matter of ``mixing.py``.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy.special import expit
from scipy.stats import kstest
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import Agreement, compare_routes
from flatprior.models import (
    BernoulliLogistic,
    PointEstimate,
    Posterior,
    check_existence,
    fit_newton,
    fit_sklearn,
    sample_independence,
    sample_nuts,
)
from flatprior.models.estimate import estimate

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from problems import as_posterior, draws_from

DRAWS = 500
NOMINAL = (0.05, 0.01, 0.001)
SIZES = (100, 1000, 10000)
CLAIMS = ("mixing", "score", "trace", "agreement", "density", "maximum", "mode")


def data_set(rng: np.random.Generator, n: int, k: int, rate: float, correlation: float):
    """Model with intercept, about `rate` events, and equally correlated normal predictors."""
    common = rng.normal(size=(n, 1))
    own = rng.normal(size=(n, k - 1))
    X = math.sqrt(correlation) * common + math.sqrt(1 - correlation) * own
    slopes = rng.normal(size=k - 1) / math.sqrt(k)
    eta = X @ slopes
    y = (rng.random(n) < expit(eta - eta.mean() + math.log(rate / (1 - rate)))).astype(float)
    return BernoulliLogistic.from_arrays(X, y, intercept=True)


def data_sets(count: int, skipped: Counter[str]) -> Iterator[tuple[int, BernoulliLogistic]]:
    """Yield data sets with an MLE, over a range of sizes, imbalances and correlations."""
    seed = 0
    while count:
        rng = np.random.default_rng([2026, seed])
        n = int(rng.choice([40, 100, 300, 1000, 3000]))
        k = int(rng.integers(2, 9))
        model = data_set(rng, n, k, rng.choice([0.05, 0.2, 0.5]), rng.choice([0, 0.5, 0.9, 0.99]))
        existence = check_existence(model, signs=False)
        if existence.exists:
            count -= 1
            yield seed, model
        else:
            skipped[existence.kind] += 1
        seed += 1


def false_alarms(count: int, nuts: int) -> None:
    """Print the rate of false alarms at each nominal rate, and what raised them."""
    start = time.perf_counter()
    skipped: Counter[str] = Counter()
    p_values: dict[str, list[float]] = {"score": [], "trace": [], "agreement": []}
    mixing: list[float] = []  # by Bonferroni's inequality, so not uniform
    alarms, exact, unjudged = Counter[float](), Counter[str](), 0
    for done, (seed, model) in enumerate(data_sets(count, skipped)):
        first = (
            sample_nuts(model, DRAWS, DRAWS, seed=seed, progress=False, cores=1)
            if done < nuts
            else sample_independence(model, DRAWS, seed=seed, progress=False)
        )
        second = sample_independence(model, DRAWS, seed=10**6 + seed, progress=False)
        routes = fit_newton(model), fit_sklearn(model), first, second
        agreement = compare_routes(model, *routes, false_alarm=NOMINAL[0])
        failures = [why for check in agreement.posterior_checks for why in check.failures]
        if any("too few to judge mixing" in why for why in failures):
            unjudged += 1  # the sampler does not suit the posterior: nothing is said of the draws
            continue
        one, two = agreement.posterior_checks
        (same,) = (check.agreement_p for check in (one, two) if check.agreement_p is not None)
        tests = [one.score_p, one.trace_p, two.score_p, two.trace_p, same]
        tests += [*one.mixing.p_values, *two.mixing.p_values]
        mixing += [*one.mixing.p_values, *two.mixing.p_values]
        p_values["score"] += [one.score_p, two.score_p]
        p_values["trace"] += [one.trace_p, two.trace_p]
        p_values["agreement"].append(same)
        failed = [claim for claim, holds in untested(agreement) if not holds]
        exact.update(failed)
        alarms[NOMINAL[0]] += agreement.verdict == "disagree"
        for rate in NOMINAL[1:]:  # as compare_routes would with this rate
            alarms[rate] += bool(failed) or min(tests) < rate / len(tests)
        if sys.stderr.isatty():
            print(f"\r{done + 1} of {count}", end="", file=sys.stderr)
    print(
        f"\nfalse alarms on {count} data sets, NUTS among the routes on {min(nuts, count)}; "
        f"{time.perf_counter() - start:.0f} s; left out: "
        + ", ".join(f"{number} {kind}" for kind, number in skipped.items())
    )
    print(f"draws too few to be judged on {unjudged}, which are not among the others")
    judged = count - unjudged
    print(f"{'nominal':>8}{'alarms':>8}{'rate':>9}{'limit':>9}   (nominal + 2 binomial errors)")
    for rate in NOMINAL:
        limit = rate + 2 * math.sqrt(rate * (1 - rate) / judged)
        share = alarms[rate] / judged
        verdict = "" if share <= limit else "  ABOVE"
        print(f"{rate:8.3f}{alarms[rate]:8d}{share:9.4f}{limit:9.4f}{verdict}")
    print("without a p-value:", dict(exact) or "none failed")
    for name, values in p_values.items():
        print(f"{name} p-values uniform: Kolmogorov-Smirnov p = {kstest(values, 'uniform')[1]:.3f}")
    for rate in NOMINAL:
        share = sum(p < rate for p in mixing) / len(mixing)
        print(f"p-values of mixing below {rate:g}: {share:.4f}")


def untested(agreement: Agreement) -> list[tuple[str, bool]]:
    """Names of the claims that have no false-alarm rate, and whether they hold."""
    claims = [(judged.estimate.route, judged.passed) for judged in agreement.routes]
    for check in agreement.posterior_checks:
        # the tests of mixing are judged with the other p-values
        claims += [
            (claim.statement, claim.holds)
            for claim in check.mixing.claims(check.threshold)
            if claim.p in (0.0, 1.0)
        ]
        claims += zip(CLAIMS[-3:], (claim.holds for claim in check.claims[-3:]), strict=True)
    return claims


Fault = Callable[[BernoulliLogistic, PointEstimate, int], Posterior | PointEstimate]


def prior(sd: float) -> Fault:
    """Draws under independent normal priors."""

    def draw(model: BernoulliLogistic, fit: PointEstimate, seed: int) -> Posterior:
        def density(beta: np.ndarray) -> np.ndarray:
            return model.log_likelihood(beta) - np.square(beta).sum(axis=1) / (2 * sd**2)

        return draws_from(model, density, fit, seed, (4, DRAWS))

    return draw


def temperature(degree: float) -> Fault:
    """Draws of the likelihood to the power 1 / degree."""

    def draw(model: BernoulliLogistic, fit: PointEstimate, seed: int) -> Posterior:
        return draws_from(
            model, lambda beta: model.log_likelihood(beta) / degree, fit, seed, (4, DRAWS)
        )

    return draw


def flipped(count: int) -> Fault:
    """Draws of the model with some responses flipped."""

    def draw(model: BernoulliLogistic, fit: PointEstimate, seed: int) -> Posterior:
        response = model.response.copy()
        rows = np.random.default_rng(seed).choice(len(response), count, replace=False)
        response[rows] = 1 - response[rows]
        other = BernoulliLogistic.from_arrays(model.design, response, names=model.names)
        return draws_from(other, other.log_likelihood, fit_newton(other), seed, (4, DRAWS))

    return draw


def laplace(model: BernoulliLogistic, fit: PointEstimate, seed: int) -> Posterior:
    """Draws of the normal distribution at the MLE."""
    rng = np.random.default_rng(seed)
    beta = rng.multivariate_normal(fit.coefficients, fit.covariance, size=(4, DRAWS))
    white = beta - fit.coefficients
    lp = -np.einsum("cnj,jk,cnk->cn", white, np.linalg.inv(fit.covariance), white) / 2
    return as_posterior(model, beta, lp)


def penalised(C: float) -> Fault:
    """scikit-learn with a penalty, the intercept free of it."""

    def fit(model: BernoulliLogistic, _: PointEstimate, __: int) -> PointEstimate:
        other = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12)
        other.fit(model.design[:, 1:], model.response)
        beta = np.append(other.intercept_, other.coef_)
        stated = dict(converged=True, message="", n_iterations=0, seconds=0.0)
        return estimate(model, beta, route=f"C={C:g}", packages=(), **stated)

    return fit


FAULTS: dict[str, Fault] = {
    **{f"prior sd {sd:g}": prior(sd) for sd in (1, 2.5, 10)},
    **{f"temperature {degree:g}": temperature(degree) for degree in (1.02, 1.05, 1.1)},
    **{f"flipped rows {count}": flipped(count) for count in (1, 2, 5)},
    "Laplace draws": laplace,
    **{f"scikit-learn C = {C:g}": penalised(C) for C in (1, 10, 100)},
}


def detection(count: int) -> dict[str, np.ndarray]:
    """Print the detection rates; return them by fault: (sizes, claims and verdict), in percent."""
    start = time.perf_counter()
    print(f"\nfaults detected, % of {count} data sets of k = 4 (false-alarm rate 0.001)")
    print(f"{'fault':22}{'n':>7}" + "".join(f"{claim:>10}" for claim in CLAIMS) + "   verdict")
    rates = {}
    for name, fault in FAULTS.items():
        rates[name] = np.zeros((len(SIZES), len(CLAIMS) + 1))
        for i, n in enumerate(SIZES):
            for seed in range(count):
                rng = np.random.default_rng([n, seed])
                model = data_set(rng, n, 4, 0.4, 0.5)
                fit = fit_newton(model)
                wrong = fault(model, fit, seed)
                right = sample_independence(model, DRAWS, seed=seed, progress=False)
                agreement = compare_routes(model, fit, right, wrong)
                found = [False] * len(CLAIMS)
                if isinstance(wrong, Posterior):
                    check = agreement.posterior_checks[1]
                    claims = [not claim.holds for claim in check.claims]
                    own = claims[len(check.mixing.claims(check.threshold)) :]
                    found = [not check.mixed, *own]
                    if len(found) < len(CLAIMS):  # it was not compared with the others
                        found.insert(3, False)
                rates[name][i] += [*found, agreement.verdict == "disagree"]
            rates[name][i] *= 100 / count
            shown = "".join(f"{rate:10.0f}" for rate in rates[name][i])
            print(f"{name:22}{n:7d}{shown}", flush=True)
    print(f"{time.perf_counter() - start:.0f} s")
    return rates


def picture(rates: dict[str, np.ndarray], path: Path) -> None:
    """Draw the detection rates: what the draws alone show, and the verdict."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "flatprior", "font.size": 9})
    import matplotlib.pyplot as plt

    draws_alone = {name: rate for name, rate in rates.items() if "scikit" not in name}
    figure, axes = plt.subplots(1, len(SIZES), figsize=(9, 4.2), sharey=True, layout="constrained")
    places = np.arange(len(draws_alone))
    for i, (axis, n) in enumerate(zip(axes, SIZES, strict=True)):
        table = np.array([rate[i] for rate in draws_alone.values()])
        for claim, colour, shift in (("score", "#4477aa", -0.25), ("trace", "#ee6677", 0.0)):
            axis.barh(
                places + shift, table[:, CLAIMS.index(claim)], 0.24, color=colour,
                label=f"{claim} test (draws alone)",
            )  # fmt: skip
        axis.barh(places + 0.25, table[:, -1], 0.24, color="#bbbbbb", label="verdict")
        axis.set_title(f"n = {n:,}")
        axis.set_xlim(0, 100)
        axis.set_xlabel("detected, % of data sets")
        axis.set_yticks(places, list(draws_alone))
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].invert_yaxis()
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-sets", type=int, default=1200, help="for the false alarms")
    parser.add_argument("--nuts", type=int, default=200, help="of them with NUTS among the routes")
    parser.add_argument("--faulty", type=int, default=100, help="data sets for each fault and size")
    chosen = parser.parse_args()
    if chosen.data_sets:
        false_alarms(chosen.data_sets, chosen.nuts)
    if chosen.faulty:
        picture(detection(chosen.faulty), Path(__file__).with_suffix(".svg"))
