"""The same rows in memory, in files and on Dask, and what is asked of a model of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from flatprior.analysis import check_posterior, posterior_moments
from flatprior.models import BernoulliLogistic, fit_newton, sample_independence

FORMULA = "bought ~ income + region + age:member"
ROLES = {"offset": "base", "frequency_weights": "count"}


def shoppers(n: int, seed: int = 1) -> pd.DataFrame:
    """Rows with a factor, an offset, weights of which some are 0, and missing values."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "income": rng.normal(size=n),
            "age": rng.uniform(18, 80, size=n),
            "region": rng.choice(["north", "east", "south"], size=n),
            "member": rng.choice(["yes", "no"], size=n),
            "count": rng.integers(0, 4, size=n),
            "base": rng.normal(size=n),
        }
    )
    eta = -0.5 + 0.4 * frame["income"] + 0.3 * (frame["region"] == "east") + frame["base"]
    frame["bought"] = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
    frame.loc[::97, "income"] = np.nan
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


# what is asked, to the numbers that come out: the same wherever the rows lie
ASKED: dict[str, Callable[[BernoulliLogistic], Any]] = {
    "fit_newton": lambda model: fit_newton(model).coefficients,
    "sample_independence": lambda model: _draws(model).draws,
    "check_posterior": _identities,
    "posterior_moments": _moments,
}
