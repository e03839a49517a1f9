"""The same rows in memory, in files and on Dask, and what is asked of a model of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis import (
    audit,
    average_marginal_effects,
    binary_cross_entropy,
    calibration_curve,
    check_posterior,
    classification_table,
    collinearity,
    confidence_intervals,
    convexity,
    diagnose,
    exact_loo,
    explain_difference,
    goodness_of_fit,
    gradient_descent,
    hauck_donner,
    likelihood_curve,
    likelihood_ratio_test,
    posterior_moments,
    predict,
    predictive_indices,
    predictive_scores,
    product_underflow,
    profile_curve,
    psis_loo,
    required_C,
    robust_covariance,
    score_test,
    sklearn_objective,
    summarise,
    wald_test,
)
from flatprior.models import (
    BernoulliLogistic,
    check_fragility,
    fit_newton,
    sample_independence,
)

FORMULA = "bought ~ income + region + age:member"
ROLES = {"offset": "base", "frequency_weights": "count"}


def customers(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Two numbers, two factors, counts of which some are 0, and a number for an offset."""
    return pd.DataFrame(
        {
            "income": rng.normal(size=n),
            "age": rng.uniform(18, 80, size=n),
            "region": rng.choice(["north", "east", "south"], size=n),
            "member": rng.choice(["yes", "no"], size=n),
            "count": rng.integers(0, 4, size=n),
            "base": rng.normal(size=n),
        }
    )


def shoppers(n: int, seed: int = 1) -> pd.DataFrame:
    """Rows with a factor, an offset, weights of which some are 0, and missing values."""
    rng = np.random.default_rng(seed)
    frame = customers(n, rng)
    eta = -0.5 + 0.4 * frame["income"] + 0.3 * (frame["region"] == "east") + frame["base"]
    frame["bought"] = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    frame.loc[::97, "income"] = np.nan
    return frame


def hanging(n: int, seed: int = 3) -> pd.DataFrame:
    """The same with levels of few rows, two of them of one outcome but for a row, and an outlier.

    So there are rows without which the MLE is far away, and two without which there is none.
    """
    frame, rows = shoppers(n, seed), np.arange(n)
    frame["group"] = np.where(rows % (n // 4) == 7, "few", "common")
    frame.loc[frame["group"] == "few", "count"] = 2
    for level, places in (("odd", rows % (n // 5) == 3), ("late", rows > n - 7)):
        frame.loc[places, ["group", "income", "count"]] = level, 0.5, 1
        frame.loc[places, "bought"] = 0
        frame.loc[rows[places][1], "bought"] = 1
    frame.loc[5, "income"] = 12.0
    return frame


def in_memory(frame: pd.DataFrame, folder: Path, formula: str, **roles: Any) -> BernoulliLogistic:
    return BernoulliLogistic.from_formula(formula, frame, **roles)


def in_files(frame: pd.DataFrame, folder: Path, formula: str, **roles: Any) -> BernoulliLogistic:
    """Three Parquet files of row groups of 300."""
    for number, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        frame.iloc[part].to_parquet(folder / f"{number}.parquet", row_group_size=300)
    return BernoulliLogistic.from_parquet(str(folder / "*.parquet"), formula, **roles)


def in_text(frame: pd.DataFrame, folder: Path, formula: str, **roles: Any) -> BernoulliLogistic:
    frame.to_csv(folder / "rows.csv", index=False)
    return BernoulliLogistic.from_parquet(folder / "rows.csv", formula, **roles)


def on_dask(frame: pd.DataFrame, folder: Path, formula: str, **roles: Any) -> BernoulliLogistic:
    """Partitions of 250 rows, on the client that is active, or on this process's threads."""
    from dask import dataframe

    parts = -(-len(frame) // 250)
    lazy = dataframe.from_map(lambda i: frame.iloc[250 * i : 250 * (i + 1)], range(parts))
    return BernoulliLogistic.from_dask(lazy, formula, **roles)


PLACES: dict[str, Callable[..., BernoulliLogistic]] = {
    "memory": in_memory, "Parquet": in_files, "CSV": in_text, "Dask": on_dask,
}  # fmt: skip


def _draws(model: BernoulliLogistic) -> Any:
    return sample_independence(model, draws=250, seed=1, progress=False)


def _identities(model: BernoulliLogistic) -> list[float]:
    found = check_posterior(model, _draws(model))
    return [found.score_p, found.trace, found.trace_p, *found.shift, *found.predicted_shift]


def _moments(model: BernoulliLogistic) -> np.ndarray:
    found = posterior_moments(model, _draws(model))
    return np.concatenate([found.mean, found.mean_error, found.sd, found.sd_error])


def _scores(model: BernoulliLogistic) -> np.ndarray:
    """Of a fit and of draws: among so few rows every prediction has a bin of its own."""
    fit = predictive_scores(model, fit_newton(model))
    draws = predictive_scores(model, _draws(model))
    return np.vstack([fit.table(), draws.table()])


def _indices(model: BernoulliLogistic) -> np.ndarray:
    found = predictive_indices(model, fit_newton(model)).table()
    draws = predictive_indices(model, _draws(model)).table()
    assert found["error bound"].max() < 1e-6
    cells = [
        classification_table(model, judged, cut).table().to_numpy()[:, :3]
        for judged in (fit_newton(model), _draws(model))
        for cut in (0.2, 0.5)
    ]
    tables = (found.drop(columns="error bound"), draws.drop(columns="error bound"), *cells)
    return np.concatenate([np.ravel(table) for table in tables])


def _calibration(model: BernoulliLogistic) -> np.ndarray:
    curves = [
        calibration_curve(model, judged, simulations=20)
        for judged in (fit_newton(model), _draws(model))
    ]
    parts = [[c.brier, c.miscalibration, c.discrimination, c.outside] for c in curves]
    return np.concatenate([np.ravel(parts), *(np.ravel(c.table()) for c in curves)])


def _influence(model: BernoulliLogistic) -> np.ndarray:
    found = diagnose(model, fit_newton(model), most=20)
    summary = found.summary
    assert summary is not None
    numbers = found.order if found.numbers is None else found.numbers
    dfbetas = found.dfbetas.iloc[found.order[:20]]
    tables = (numbers[:20], found.most_influential(20), dfbetas, summary)
    return np.concatenate([np.ravel(table) for table in tables])


def _exact_influence(model: BernoulliLogistic) -> np.ndarray:
    found = diagnose(model, fit_newton(model), exact=True, most=20)
    numbers = found.order if found.numbers is None else found.numbers
    dfbetas = found.dfbetas.iloc[found.order[:20]]
    return np.concatenate([numbers[:20], np.ravel(found.most_influential(20)), np.ravel(dfbetas)])


def _left_out(model: BernoulliLogistic) -> np.ndarray:
    """Exact leave-one-out; of rows that are not in memory those are kept that there are."""
    found = exact_loo(model)
    assert found.error_bound < 1e-6
    order = slice(None) if found.numbers is None else np.argsort(found.numbers)
    sums = [found.log_score, found.se, found.n_refits]
    rows = (found.pointwise, found.weights, found.coefficients.T)
    return np.concatenate([sums, *(np.ravel(each[..., order]) for each in rows)])


def _importance(model: BernoulliLogistic) -> np.ndarray:
    found = psis_loo(model, _draws(model))
    sums = [found.elpd, found.se, found.p_loo, found.mcse, found.n_bad, found.largest_k]
    return np.concatenate([sums, found.pointwise, found.pareto_k, found.weights])


def _fragility(model: BernoulliLogistic) -> list[float]:
    found = check_fragility(model)
    return [found.distance, found.exact, *found.critical_rows, *found.smallest_set]


def _goodness(model: BernoulliLogistic) -> list[float]:
    found = goodness_of_fit(model, fit_newton(model))
    return [*found.table().to_numpy().ravel()]


def _collinearity(model: BernoulliLogistic) -> list[float]:
    found = collinearity(model)
    return [found.condition_number, *found.vif]


def _descent(model: BernoulliLogistic) -> np.ndarray:
    return gradient_descent(model, steps=3).path[-1]


def _entropy(model: BernoulliLogistic) -> list[float]:
    fit = fit_newton(model)
    found, product = binary_cross_entropy(model, fit), product_underflow(model, fit)
    grid = np.linspace(0.2, 0.5, 3)
    curves = [likelihood_curve(model, fit, "income", grid, rows) for rows in (None, 450)]
    return [
        *(found.mean, found.log_loss, found.clipped, found.log_loss_float32),
        *(product.n_factors or 0, product.last, product.log_likelihood),
        *(number for curve in curves for number in curve.to_numpy().ravel()),
        *convexity(model, fit).eigenvalues,
        *sklearn_objective(model, fit),
        required_C(model, fit),
    ]


def _curve(model: BernoulliLogistic) -> list[float]:
    found = profile_curve(model, "income", points=9)
    return [*found.frame.index, *found.frame["profile"], found.low, found.high]


def _tests(model: BernoulliLogistic) -> list[float]:
    two, half = ["income", "region[T.north]"], {"income": 0.5}
    fit = fit_newton(model)
    found = [wald_test(model, fit, two), wald_test(model, fit, half)]
    for test in (likelihood_ratio_test, score_test):
        found += [test(model, two), test(model, half), test(model, np.ones(model.n_parameters))]
    return [number for each in found for number in (each.statistic, each.df, each.p)]


def _robust(model: BernoulliLogistic) -> np.ndarray:
    fit = fit_newton(model)
    kinds = ("HC0", "HC1", "HC2", "HC3", "HC4")
    return np.array([robust_covariance(model, fit, kind).covariance for kind in kinds])


def _effects(model: BernoulliLogistic) -> np.ndarray:
    # of rows in memory the variables of a formula are not held: the data are passed again
    data = shoppers(1000) if model.rows.resident else None
    results = (fit_newton(model), _draws(model))
    tables = [
        average_marginal_effects(model, result, data, at=at).table()
        for result in results
        for at in (None, "mean")
    ]
    return np.concatenate([table.to_numpy(float).ravel() for table in tables])


def _predicted(model: BernoulliLogistic) -> np.ndarray:
    results = (fit_newton(model), _draws(model))
    new = shoppers(40, seed=2)
    tables = [predict(model, result, new, missing="drop") for result in results]
    return np.concatenate([table.to_numpy(float).ravel() for table in tables])


@cache
def _to_audit() -> tuple[Any, ...]:
    """What others may have made of the rows: right, printed, wrong; draws, and draws moved."""
    held = BernoulliLogistic.from_formula(FORMULA, shoppers(1000), **ROLES)
    fit = fit_newton(held)
    table = fit.summary().round(4).rename_axis("name").reset_index()
    off = dict(zip(held.names, 1.02 * fit.coefficients, strict=True))
    robust = robust_covariance(held, fit).table().round(4).reset_index()
    draws = _draws(held)
    return fit, table, off, robust, draws, draws.draws + 0.2 * fit.standard_errors


def _audited(model: BernoulliLogistic) -> list[float]:
    found = [audit(each, model) for each in _to_audit()]
    assert [each.passed for each in found] == [True, True, False, True, True, False]
    judged = [[bool(number.consistent) for number in each.numbers] for each in found[:4]]
    return [*(each.distance for each in found[1:4]), *map(len, judged), *map(sum, judged)]


def _explained(model: BernoulliLogistic) -> list[float]:
    fit = fit_newton(model)
    found = [explain_difference(model, b) for b in (-fit.coefficients, 1.01 * fit.coefficients)]
    assert not found[1].certain
    return [each.distance for each in found] + [len(found[0].cause), found[0].certain]


def _summary(model: BernoulliLogistic) -> np.ndarray:
    found = summarise(model)
    assert found.goodness is not None
    numbers = [*found.goodness.to_dict().values()][:8]
    assert found.against_null is not None
    return np.array([*found.frame.to_numpy(float).ravel(), *numbers, found.against_null.statistic])


# what is asked, to the numbers that come out: the same wherever the rows lie
ASKED: dict[str, Callable[[BernoulliLogistic], Any]] = {
    "fit_newton": lambda model: fit_newton(model).coefficients,
    "sample_independence": lambda model: _draws(model).draws,
    "check_posterior": _identities,
    "posterior_moments": _moments,
    "predictive_scores": _scores,
    "predictive_indices": _indices,
    "calibration_curve": _calibration,
    "diagnose": _influence,
    "exact influence": _exact_influence,
    "exact_loo": _left_out,
    "psis_loo": _importance,
    "check_fragility": _fragility,
    "goodness_of_fit": _goodness,
    "collinearity": _collinearity,
    "hauck_donner": lambda model: hauck_donner(model, fit_newton(model)).table().astype(float),
    "gradient_descent": _descent,
    "cross_entropy": _entropy,
    "confidence_intervals": lambda model: confidence_intervals(model).table().to_numpy(),
    "profile_curve": _curve,
    "hypothesis tests": _tests,
    "robust_covariance": _robust,
    "summarise": _summary,
    "average_marginal_effects": _effects,
    "predict": _predicted,
    "audit": _audited,
    "explain_difference": _explained,
}
