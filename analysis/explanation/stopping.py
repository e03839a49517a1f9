"""An optimiser that stopped early: on a path that is known, or where its rule lets it stop."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from flatprior.analysis.explanation.discrepancy import Cause, Discrepancy
from flatprior.analysis.explanation.scalings import location
from flatprior.analysis.optimiser_paths import (
    descent_path,
    lbfgs_path,
    newton_path,
    scoring_path,
)
from flatprior.models.common.arrays import Array
from flatprior.models.common.text import count

USUAL_TOLERANCE = 1e-4  # of the gradient of the mean log-likelihood: scikit-learn's
SUM_ROUNDING = 1e-12  # relative, of a log-likelihood
RATES = (1.0, 0.5, 0.1)  # of gradient descent on standardised columns
RAW_RATES = (0.1, 0.01, 0.001)
NUMBERS_TRIED = 2000

CURE = (
    "let it run on: a smaller tolerance and more iterations (in scikit-learn tol=1e-10, "
    "max_iter=10000, or solver='newton-cholesky'), on standardised columns, and heed its warning"
)


def path_from_zero(case: Discrepancy) -> Iterator[Cause]:
    """Iterates of Newton's method and of L-BFGS from zero."""
    model, mean = case.model, 1.0 / case.model.n_observations
    least = _beyond(case)
    newton, lbfgs, of_the_mean, scoring = case.at_once(
        [
            lambda: newton_path(model),
            lambda: lbfgs_path(model, 1.0, least=least),
            lambda: lbfgs_path(model, mean, least=least),
            lambda: scoring_path(model),
        ]
    )
    paths = {
        "Newton's method (iteratively reweighted least squares)": newton,
        "L-BFGS": lbfgs,
        "L-BFGS (as in scikit-learn)": of_the_mean,
    }
    yield from _on_a_path(case, paths, "from zero")
    first = "from fitted probabilities of 1/4 and 3/4"
    glm = "iteratively reweighted least squares (as in R's glm)"
    yield from _on_a_path(case, {glm: scoring}, first)


def _beyond(case: Discrepancy) -> float:
    """A log-likelihood above that of b, by more than rounding of b and of the sum.

    What goes up, as L-BFGS does, is past b there. Numbers as far as their rounding is long have a
    log-likelihood that differs by less than that times the score, and by its square.
    """
    height, rounding = case.model.log_likelihood(case.b), case.rounding()
    slack = rounding * (float(np.linalg.norm(case.pull)) + rounding)
    return float(height + slack + SUM_ROUNDING * abs(height))


def descent(case: Discrepancy) -> Iterator[Cause]:
    """Iterates of gradient descent from zero, as far up as b is; of L-BFGS on scaled columns."""
    model, least = case.model, case.model.log_likelihood(case.b)
    if not least > model.log_likelihood(np.zeros(model.n_parameters)):
        return
    tasks = {
        f"gradient descent with a learning rate of {rate:g}": partial(
            descent_path, model, rate, least
        )
        for rate in RAW_RATES
    }
    back = _standardised(case)
    if back is not None:
        for rate in RATES:
            text = f"gradient descent with a learning rate of {rate:g}, on standardised columns,"
            tasks[text] = partial(descent_path, model, rate, least, back)
        mean = 1.0 / model.n_observations
        tasks["L-BFGS, on standardised columns,"] = partial(
            lbfgs_path, model, mean, back, _beyond(case)
        )
    paths = dict(zip(tasks, case.at_once([*tasks.values()]), strict=True))
    yield from _on_a_path(case, paths, "from zero")


def _standardised(case: Discrepancy) -> Array | None:
    """What leads back from the coefficients of standardised columns, (k, k)."""
    model, intercept = case.model, case.intercept
    if intercept is None:
        return None
    center, scale = (part.copy() for part in location(model))
    scale[scale == 0] = 1.0
    center[intercept] = 0.0
    back = np.diag(1 / scale)
    back[intercept] -= center / scale
    return back


def _on_a_path(case: Discrepancy, paths: dict[str, list[Array]], start: str) -> Iterator[Cause]:
    ways = sum(len(path) for path in paths.values())
    # paths begin at 0: numbers of no size are near one
    whole = min(case.distance, case.length(case.b))
    for text, path in paths.items():
        if not path:
            continue
        gaps = case.lengths(case.b - np.array(path))
        steps = int(np.argmin(gaps))
        after = count(steps + 1, "iteration")
        detail = f"{text} {start} passes here after {after}: it stopped early"
        free = 1 if steps == 0 else 0  # a first step often has a length of 1, whatever the data
        yield case.cause(
            "stopped early", detail, gaps[steps], ways, len(case.b), whole, cure=CURE, free=free
        )


def mean_gradient(case: Discrepancy) -> float:
    """The largest component of the gradient of the mean log-likelihood."""
    return float(np.abs(case.model.score(case.b)).max()) / case.model.n_observations


def small_gradient(case: Discrepancy) -> Iterator[Cause]:
    """A gradient that a usual rule takes for 0, and that few numbers as far away have.

    Where columns differ in scale, an optimiser leaves the directions in which the gradient says
    little; numbers of another origin lie in any direction. Never certain.
    """
    size = mean_gradient(case)
    if not size <= USUAL_TOLERANCE or case.root is None:
        return
    rng = np.random.default_rng(0)
    turned = rng.normal(size=(NUMBERS_TRIED, len(case.b)))
    turned *= case.distance / np.linalg.norm(turned, axis=1, keepdims=True)
    gradients = np.linalg.solve(case.root.T, turned.T) / case.model.n_observations
    share = (np.count_nonzero(np.abs(gradients).max(axis=0) <= size) + 1) / (NUMBERS_TRIED + 1)
    detail = (
        f"no component of the gradient of the mean log-likelihood is above {size:.2g}, where usual "
        "rules let an optimiser stop, and of numbers as far from the MLE in any direction "
        f"{share:.2g} have one so small: it may have stopped early"
    )
    yield Cause(
        cause="stopped early", detail=detail, distance=0.0, coincidence=share, most=-1.0, cure=CURE
    )
