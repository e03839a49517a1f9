"""Does `explain_difference` name the right cause? A confusion matrix on generated disagreements.

Ten causes, 30 disagreements each, made with scikit-learn, statsmodels and our own sampler (see
tests/support/disagreements.py), and 30 coefficient vectors that have no known cause. Printed: how
often each cause was named, how often it was stated as certain, and every wrong one that was.

    python benchmarks/explanations.py [--each 30] [--seed 1]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))

from disagreements import CAUSES, none

from flatprior.analysis import explain_difference
from flatprior.models._progress import progress_bar


def main() -> None:
    """Print the confusion matrix."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows, wrong = [], []
    makers = {**CAUSES, "none of these": none}
    start = time.perf_counter()
    with progress_bar("disagreements", options.each * len(makers), True) as advance:
        for number, (truth, make) in enumerate(makers.items()):
            for i in range(options.each):
                rng = np.random.default_rng([options.seed, number, i])
                model, coefficients = make(rng)
                found = explain_difference(model, coefficients)
                rows.append((truth, found.cause, found.certain))
                if found.certain and found.cause != truth:
                    wrong.append(f"{truth} {i}: {found}")
                advance()
    frame = pd.DataFrame(rows, columns=["truth", "named", "certain"])
    order = [*makers, "agreement"]
    table = pd.crosstab(frame["truth"], frame["named"]).reindex(list(makers))
    table = table.reindex(columns=[name for name in order if name in table]).fillna(0).astype(int)
    right = frame[frame["truth"] == frame["named"]]
    table["certain"] = right.groupby("truth")["certain"].sum().reindex(list(makers)).fillna(0)
    print(table.astype(int).to_string(line_width=100))
    correct = right.groupby("truth").size().reindex(list(CAUSES)).fillna(0).astype(int)
    print(f"\nworst cause: {correct.idxmin()}, {correct.min()} of {options.each}")
    print(f"wrong causes stated as certain: {len(wrong)}")
    print(*wrong, sep="\n")
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
