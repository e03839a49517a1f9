"""Are right fits of every program passed, and wrong ones told? Audits of generated data.

Right: each way of fitting the model with statsmodels, scikit-learn, glum, firthmodels, pyfixest
and PyTorch (those that are installed; tests/support/foreign_fits.py) on data with a factor, counts
and an offset, shuffled and sorted by outcome; any that does not pass is a false alarm. Wrong:
penalties, class weights, other links, other responses, rows left out, optimisers that stopped, made
with six programs; for each how often `audit` names it, as certain, and how often another one.

    python benchmarks/audits.py [--right 500] [--wrong 300] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from foreign_fits import RIGHT, WRONG, available, data

from flatprior.analysis.auditing.audit import audit
from flatprior.models.common.progress import progress_bar

ORDERS = ("shuffled", "sorted")


def main() -> None:
    """Print false alarms, and the confusion matrix of what is wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--right", type=int, default=500)
    parser.add_argument("--wrong", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    right_ones(options.right, options.seed)
    wrong_ones(options.wrong, options.seed)


def audited(fitted, model=None):
    """`audit` of what a maker returns: the fit, its data, its weights."""
    fit, *rest = fitted
    offset = rest.pop() if len(rest) == 4 else None
    weights = rest.pop() if len(rest) == 3 else None
    return audit(fit, *rest, sample_weight=weights, offset=offset)


def right_ones(number: int, seed: int) -> None:
    """Print how many right fits passed, by program."""
    makers = [(package, make) for package in RIGHT if available(package) for make in RIGHT[package]]
    print("not installed:", ", ".join(p for p in RIGHT if not available(p)) or "none")
    rows, alarms = [], []
    with progress_bar("right", number, True) as advance:
        for i in range(number):
            _, make = makers[i % len(makers)]
            rng = np.random.default_rng([seed, i])
            made = data(rng, ORDERS[i // len(makers) % 2])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fitted = make(made)
            begun = time.perf_counter()
            found = audited(fitted)
            rows.append((make.__name__, found.passed, time.perf_counter() - begun))
            if not found.passed:
                alarms.append(f"{make.__name__} {i}: {found.message}")
            advance()
    frame = pd.DataFrame(rows, columns=["fit", "passed", "seconds"])
    table = frame.groupby("fit", sort=False).agg(
        of=("passed", "size"), passed=("passed", "sum"), seconds=("seconds", "median")
    )
    print(table.round(3).to_string())
    print(f"false alarms: {len(alarms)} of {number}")
    print(*alarms, sep="\n")


def wrong_ones(number: int, seed: int) -> None:
    """Print what wrong fits are said to be."""
    makers = [(truth, make) for truth, made in WRONG.items() for p, make in made if available(p)]
    rows, wrong = [], []
    with progress_bar("wrong", number, True) as advance:
        for i in range(number):
            truth, make = makers[i % len(makers)]
            rng = np.random.default_rng([seed, 10**6, i])
            made = data(rng, ORDERS[i // len(makers) % 2])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                fitted = make(made)
            found = audited(fitted[0] if isinstance(fitted[0], tuple) else fitted)
            if len(fitted) == 2 and isinstance(fitted[0], tuple):  # with the model to judge it on
                found = audit(fitted[0][0], fitted[1])
            named = found.cause == truth
            rows.append((truth, found.cause, named, found.certain and not named, found.passed))
            if found.passed or (found.certain and not named):
                wrong.append(f"{make.__name__} {i}, {truth}: {found.message}")
            advance()
    frame = pd.DataFrame(rows, columns=["truth", "said", "named", "wrong and certain", "passed"])
    table = frame.groupby("truth", sort=False).agg(
        of=("named", "size"),
        named=("named", "sum"),
        passed=("passed", "sum"),
        wrong_and_certain=("wrong and certain", "sum"),
    )
    others = frame[~frame["named"]].groupby("truth")["said"].agg(lambda said: ", ".join(said))
    print(table.join(others.rename("else said")).fillna("").to_string())
    print(f"named rightly: {frame['named'].sum()} of {number}; passed: {frame['passed'].sum()}")
    print(*wrong, sep="\n")


if __name__ == "__main__":
    main()
