"""Scikit-learn's commonest pipeline, one-hot columns and a fit, with `LogisticMLE` and without.

Run ``python benchmarks/pipelines.py``, or name cells of `factors.py`, as ``python
benchmarks/pipelines.py small wide``. Every pipeline starts from the data frame, `OneHotEncoder` and
numbers side by side in a sparse matrix; they take turns in one process, and figures are medians.

wall, CPU  seconds of a fit of the pipeline; in brackets, how many times those with `LogisticMLE`
score      largest entry of the score by its standard error: what is left of the way to the maximum

`LogisticMLE` also computes standard errors of all coefficients and its certificate; `Logistic
Regression` computes neither. Its default tolerance stops where the score says.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from statistics import median

import numpy as np
import pandas as pd
from factors import CELLS, MOST_SQUARE, Array, Cell, Fit, names, turn
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from flatprior.models import LogisticMLE


def fit_of(classifier: object, drop: str | None) -> Fit:
    """The pipeline that ends in a classifier."""

    def fit(frame: pd.DataFrame) -> Callable[[], Array]:
        numbers, factors = names(frame)
        encoder = make_column_transformer(
            (OneHotEncoder(drop=drop), factors), ("passthrough", numbers), sparse_threshold=1.0
        )
        pipeline = make_pipeline(encoder, classifier).fit(frame, frame["y"])
        return lambda: pipeline.predict_proba(frame)[:, 1]

    return fit


def pipelines(cell: Cell) -> dict[str, Fit]:
    """Who takes part."""

    def theirs(solver: str, tolerance: float) -> LogisticRegression:
        return LogisticRegression(C=np.inf, solver=solver, tol=tolerance, max_iter=10_000)

    found = {
        "LogisticMLE, all but the first level": fit_of(LogisticMLE(), "first"),
        'LogisticMLE(aliased="drop"), all levels': fit_of(LogisticMLE(aliased="drop"), None),
        "lbfgs, its default tolerance, all levels": fit_of(theirs("lbfgs", 1e-4), None),
        "lbfgs 1e-6": fit_of(theirs("lbfgs", 1e-6), "first"),
        "newton-cg 1e-6": fit_of(theirs("newton-cg", 1e-6), "first"),
    }
    if cell.columns <= MOST_SQUARE:
        found["newton-cholesky 1e-4"] = fit_of(theirs("newton-cholesky", 1e-4), "first")
    return found


def main() -> None:
    """Measure, and print a table for each cell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cells", nargs="*", default=["small", "thousand"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--patience", type=float, default=60.0)
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in asked.cells:
        cell = CELLS[name]
        frame, fits = cell.frame(), pipelines(cell)
        turns = {who: [turn(fit, frame, asked.patience)] for who, fit in fits.items()}  # to warm up
        for who in turns:
            turns[who].clear()
        for _ in range(asked.repeats):
            for who, fit in fits.items():
                turns[who].append(turn(fit, frame, asked.patience))
        print(f"\n{cell}")
        ours = None
        for who, found in turns.items():
            wall, cpu = median(t.wall for t in found), median(t.cpu for t in found)
            ours = ours or (wall, cpu)
            print(
                f"  {who:42s} {wall:8.3f} ({wall / ours[0]:4.1f}) {cpu:8.3f} ({cpu / ours[1]:4.1f})"
                f"   score {found[0].score:.1e}"
            )


if __name__ == "__main__":
    main()
