"""Tests, intervals, leave-one-out, scores: of rows in files beside the same in memory.

Run ``python benchmarks/files_and_memory.py [ROWS]`` (default: a million rows of Parquet as
``agree_on_files.py`` writes them, eight numbers and a category of ten levels; some ten minutes).
For each function: seconds and passes in files, seconds in memory, and the largest difference,
relative to the largest number. The area under the ROC curve is held against scikit-learn's, and the
calibration curve against the one in memory in units of its stated grid error.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from agree_on_files import FORMULA, NUMBERS, peak, write
from sklearn.metrics import roc_auc_score

from flatprior.analysis import (
    calibration_curve,
    confidence_intervals,
    exact_loo,
    likelihood_ratio_test,
    predictive_scores,
    score_test,
)
from flatprior.models import BernoulliLogistic, check_fragility, fit_newton

NESTED = f"y ~ {' + '.join(NUMBERS[:-1])}"


def fragility(model: BernoulliLogistic) -> list[float]:
    """How few observations stand between the data and a separation, and the first of these rows."""
    found = check_fragility(model)
    return [found.distance, len(found.critical_rows), *found.smallest_set[:1000]]


def leave_one_out(model: BernoulliLogistic) -> list[float]:
    """Log score and its standard error."""
    found = exact_loo(model)
    return [found.log_score, found.se]


FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "fit_newton": lambda built: fit_newton(built(FORMULA)).coefficients,
    "profile intervals, all coefficients": lambda built: confidence_intervals(built(FORMULA)),
    "likelihood_ratio_test, two models": lambda built: (
        likelihood_ratio_test(built(NESTED), built(FORMULA)).statistic
    ),
    "likelihood_ratio_test, a name": lambda built: (
        likelihood_ratio_test(built(FORMULA), "x4").statistic
    ),
    "score_test, a name": lambda built: score_test(built(FORMULA), "x4").statistic,
    "exact_loo": lambda built: leave_one_out(built(FORMULA)),
    "check_fragility": lambda built: fragility(built(FORMULA)),
}


def main() -> None:
    """Print the table."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 10**6
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "rows"
        write(folder, n)
        for name, function in FUNCTIONS.items():
            found, seconds, passes = of_files(function, folder)
            start = time.perf_counter()
            expected = function(lambda formula: BernoulliLogistic.from_formula(formula, folder))
            ours, theirs = (np.asarray(each, dtype=float) for each in (found, expected))
            print(
                f"{name}: {seconds:.1f} s and {passes} passes, the survey one of them; in memory "
                f"{time.perf_counter() - start:.1f} s; largest difference "
                f"{np.abs(ours - theirs).max() / np.abs(theirs).max():.1e}",
                flush=True,
            )
        compare_scores(folder)
    print(f"peak {peak():.0f} MB, with the rows in memory")


def of_files(function: Callable[[Any], Any], folder: Path) -> tuple[Any, float, int]:
    """What a function gives of rows in files, seconds and passes."""
    models: list[BernoulliLogistic] = []

    def built(formula: str) -> BernoulliLogistic:
        models.append(BernoulliLogistic.from_parquet(folder, formula))
        return models[-1]

    start = time.perf_counter()
    found = function(built)
    seconds = time.perf_counter() - start
    return found, seconds, max(each.passes.number for each in models if each.passes is not None)


def compare_scores(folder: Path) -> None:
    """Print scores and calibration."""
    model = BernoulliLogistic.from_parquet(folder, FORMULA)
    memory = BernoulliLogistic.from_formula(FORMULA, folder)
    fit = fit_newton(memory)
    scores, of_memory = (predictive_scores(each, fit).table() for each in (model, memory))
    print(pd.concat([scores, of_memory], keys=["files", "memory"]).to_string())
    area = roc_auc_score(memory.response, memory.design @ fit.coefficients)
    print(f"scikit-learn's area under the ROC curve: {area:.12f}")
    curve, expected = (calibration_curve(each, fit) for each in (model, memory))
    print(
        f"calibration in files: {len(curve.frame)} steps, stated grid error {curve.grid_error:.1e};"
        f" Brier score {curve.brier - expected.brier:.1e}, miscalibration "
        f"{curve.miscalibration - expected.miscalibration:.1e}, discrimination "
        f"{curve.discrimination - expected.discrimination:.1e} from those in memory"
    )


if __name__ == "__main__":
    main()
