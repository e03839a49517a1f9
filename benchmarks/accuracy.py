"""Correct digits of every point route against 25-digit references, and the mode of NUTS draws.

Run ``python benchmarks/accuracy.py`` (about five minutes; ``--points`` leaves the sampling out).
The references are those of ``tests/data``. For each route: the smallest number of correct
significant digits over the coefficients, and the certified bound beside the true error, both in
standard errors. For draws: the distance of the mode found from the draws alone from the MLE beside
its stated error and beside the distance of the posterior mean.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from flatprior.analysis import check_posterior
from flatprior.models import fit_map, fit_newton, fit_sklearn, sample_nuts

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from problems import OVERLAPPING, Case, digits_right

ROUTES = (fit_newton, fit_map, fit_sklearn)


def point_routes(cases: list[Case]) -> None:
    """Print digits, error and bound of each route, and the summary over cases under 1e6."""
    print(f"{'case':22}{'condition':>10}" + "".join(f"{r.__name__[4:]:>24}" for r in ROUTES))
    print(" " * 32 + "  digits    error   bound" * len(ROUTES))
    digits: dict[str, list[float]] = {route.__name__: [] for route in ROUTES}
    violated = 0
    for case in cases:
        line = f"{case.id:22}{case.condition:>10.1e}"
        for route in ROUTES:
            fit = route(case.model)
            found = digits_right(fit.coefficients, case.beta)
            error = np.max(np.abs(fit.coefficients - case.beta) / fit.standard_errors)
            violated += error > fit.certificate.error_bound
            line += f"{found:8.1f}{error:9.0e}{fit.certificate.error_bound:8.0e}"
            if case.condition < 1e6:
                digits[route.__name__].append(found)
        print(line, flush=True)
    for name, values in digits.items():
        print(
            f"{name}: smallest {min(values):.1f}, median {np.median(values):.1f} correct digits "
            f"over {len(values)} cases of condition under 1e6"
        )
    print(f"certified bounds violated: {violated}")


def modes(cases: list[Case]) -> None:
    """Print how far the mode of 4,000 NUTS draws, and their mean, are from the MLE."""
    print(f"\n{'case':22}{'n':>8}{'k':>3}{'mode':>10}{'stated':>9}{'mean':>8}{'predicted':>11}")
    for case in cases:
        model, fit = case.model, fit_newton(case.model)
        posterior = sample_nuts(model, seed=1, progress=False)
        check = check_posterior(model, posterior, fit)
        print(
            f"{case.id:22}{model.n_observations:>8}{model.n_parameters:>3}"
            f"{check.mode_distance:>10.1e}{check.mode_error:>9.1e}"
            f"{np.abs(check.shift).max():>8.3f}{np.abs(check.predicted_shift).max():>11.3f}"
            f"{'' if check.mode_distance <= check.mode_error else '  NOT WITHIN ITS ERROR'}",
            flush=True,
        )


if __name__ == "__main__":
    point_routes(OVERLAPPING)
    if "--points" not in sys.argv:
        modes([case for case in OVERLAPPING if case.id != "exact_k8_s60"])
