"""Rows of every kind for a survey, and what their columns are used for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from flatprior.models.batches.roles import Roles

FORMULA = "y ~ x + g + C(code) + grade"
GRADES = ["low", "mid", "high", "never"]


def rows_of(n: int, seed: int = 1) -> pd.DataFrame:
    """Rows of every kind: numbers, text, codes, categories, weights with zeros, holes."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"x": rng.normal(size=n), "o": rng.normal(size=n)})
    frame["g"] = pd.Series(rng.choice(["north", "south", "west"], n), dtype=object)
    frame["code"] = rng.choice([1, 2, 10], n)
    frame["grade"] = pd.Categorical(rng.choice(GRADES[:3], n), GRADES)
    frame["w"] = rng.integers(0, 4, n)
    frame["y"] = rng.integers(0, 2, n)
    frame.loc[rng.random(n) < 0.1, "x"] = np.nan
    frame.loc[rng.random(n) < 0.1, "g"] = None
    return frame


def roles_of(frame: pd.DataFrame, formula: str = FORMULA, missing="drop") -> Roles:
    return Roles.read(formula, frame, "o", "w", missing)
