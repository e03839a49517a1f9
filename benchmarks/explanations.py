"""Does `explain_difference` name the right cause? A confusion matrix on generated disagreements.

Every cause, 30 disagreements each, made with scikit-learn, statsmodels, firthmodels where it is
installed, and samplers (see tests/support/disagreements.py), with the rows shuffled, sorted by
outcome and sorted by a predictor; and vectors that have no cause: other models' coefficients, and
numbers of every kind and size on models of every kind. Printed for each order: how often each cause
was named, how often it was stated as certain, how often another was; and every wrong one that was.

    python benchmarks/explanations.py [--each 30] [--random 500] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from disagreements import CAUSES, ORDERS, cause_of, none, numbers_without_a_cause

from flatprior.analysis import explain_difference
from flatprior.models.common.progress import progress_bar

UNEXPLAINED = {"none of these": none, "random vectors": numbers_without_a_cause}
# what is so whatever the numbers are
OF_THE_DATA = ("agreement", "dependent columns")


def main() -> None:
    """Print the confusion matrices."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=30)
    parser.add_argument("--random", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    makers = {**CAUSES, **UNEXPLAINED}
    times = dict.fromkeys(makers, options.each)
    times["random vectors"] = -(-options.random // len(ORDERS))
    wrong: list[str] = []
    for order in ORDERS:
        start, spent, rows = time.perf_counter(), 0.0, []
        with progress_bar(order, sum(times.values()), True) as advance:
            for number, (truth, make) in enumerate(makers.items()):
                for i in range(times[truth]):
                    rng = np.random.default_rng([options.seed, number, i])
                    model, coefficients = make(rng, order)
                    begun = time.process_time()
                    found = explain_difference(model, coefficients)
                    spent += time.process_time() - begun
                    of_data = truth in UNEXPLAINED and found.cause in OF_THE_DATA
                    right = found.cause == cause_of(truth) or of_data
                    rows.append((truth, found.cause, found.certain, found.certain and not right))
                    if found.certain and not right:
                        wrong.append(f"{order}, {truth} {i}: {found}")
                    advance()
        frame = pd.DataFrame(rows, columns=["truth", "named", "certain", "wrong"])
        print(f"\n{order}\n{_table(frame).to_string()}", flush=True)
        right = frame[
            frame["truth"].isin(CAUSES) & (frame["truth"].map(cause_of) == frame["named"])
        ]
        print(
            f"named rightly: {len(right)} of {options.each * len(CAUSES)}, of these certain: "
            f"{right['certain'].sum()}; {spent:.0f} s for {len(frame)} explanations, "
            f"{time.perf_counter() - start:.0f} s in all"
        )
    print(f"\nwrong causes stated as certain: {len(wrong)}")
    print(*wrong, sep="\n")


def _table(frame: pd.DataFrame) -> pd.DataFrame:
    """A row a cause: how often it was named, how often that was certain, and what was else."""
    rows = {}
    for truth, group in frame.groupby("truth", sort=False):
        same = group["named"] == cause_of(str(truth))
        others = group["named"][~same].value_counts()
        rows[truth] = {
            "of": len(group),
            "named": same.sum(),
            "certain": (same & group["certain"]).sum(),
            "wrong and certain": group["wrong"].sum(),
            "else named": ", ".join(f"{name} {times}" for name, times in others.items()),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


if __name__ == "__main__":
    main()
