"""Formulas of categories and numbers, rows to encode by them, and formulas at random."""

from __future__ import annotations

import numpy as np
import pandas as pd

# of ours, and of formulaic where it is spelt as we do
FORMULAS = {
    "y ~ g": True,
    "y ~ 0 + g": True,
    "y ~ x + z + g + h": True,
    "y ~ g + x + h + z": True,
    "y ~ 0 + x + h + g": True,
    "y ~ g:h": True,
    "y ~ 0 + g:h": True,
    "y ~ g * h": True,
    "y ~ 0 + g * h": True,
    "y ~ g * h * b": True,
    "y ~ g + g:h + b:h + x": True,
    "y ~ x * z + g:b + h": True,
    "y ~ poly(x, 2) + g": True,
    "y ~ log(x + 10) + g + I(z**2)": False,
    "y ~ C(g) + h": True,
    "y ~ C(g, contr.treatment('green')) + C(h, contr.treatment('west'))": True,
    "y ~ C(g, contr.treatment('green')) * h": True,
    "y ~ 0 + C(g, contr.treatment('green')):h + x": True,
    "y ~ (g + h + b)**2": True,
    "y ~ C(w) + g": True,
    "y ~ C(w, levels=[4, 2, 1, 3]) + x": True,
    "y ~ g * x": True,
    "y ~ x * g + h": True,
    "y ~ g + g:x": True,
    "y ~ g:x": True,
    "y ~ 0 + x:g + h": True,
    "y ~ g:h:x + z": True,
    "y ~ x:z:g + h:x + z": True,
    "y ~ x:g:z:h": True,
    "y ~ 0 + g * h * x": True,
    "y ~ poly(x, 3):g + h": True,
    "y ~ g * poly(x, 2) * z": True,
    "y ~ g:poly(x, 2):poly(z, 2) + h": True,
    "y ~ poly(x, 2):z:x:poly(z, 2):g": True,
    "y ~ bs(x, df=4, lower_bound=-9, upper_bound=9):g + z": True,
    "y ~ 0 + bs(x, df=5, include_intercept=True, lower_bound=-9, upper_bound=9):g + h": True,
    "y ~ g * bs(x, df=5, include_intercept=True, lower_bound=-9, upper_bound=9)": True,
    "y ~ ns(x, 3) * h + g": False,
    "y ~ log(x + 10):g + I(z**2):h:z": False,
    "y ~ C(g, contr.treatment('green')) * x + C(w):z": True,
    "y ~ (g + x + h)**3": True,
    "y ~ x / g + h:z": False,
    "y ~ C(g, contr.sum) + h": True,
    "y ~ C(s, contr.sum) + h": True,
    "y ~ C(s, contr.sum) * x + h": True,
    "y ~ 0 + C(s, contr.sum) + h": True,
    "y ~ 0 + h:C(s, contr.sum) + C(g, contr.sum):x": True,
    "y ~ C(s, contr.sum):C(g, contr.sum) + poly(x, 2):C(g, contr.sum)": True,
    "y ~ C(s, contr.helmert) + h": True,
    "y ~ C(s, contr.poly) + g:x": True,
    "y ~ C(s, contr.diff) + C(w, contr.poly) + h": True,
    "y ~ C(s, contr.treatment('s2')) + C(g, contr.SAS)": False,
    "y ~ C(s, Sum) + ordered(w) + g": False,
}
NEW = pd.DataFrame(
    {
        "x": [0.5, -1.0, 2.0],
        "z": [1.0, 0.0, -1.0],
        "g": ["green", "amber", "red"],
        "h": ["west", "west", "north"],
        "b": ["yes", "no", "no"],
        "w": [4, 1, 2],
        "s": ["s3", "s0", "s9"],
    }
)


def drawn_formula(rng: np.random.Generator) -> str:
    """Four products of some of these factors, with an intercept or without."""
    factors = [
        "g",
        "h",
        "b",
        "C(w)",
        "C(s, Sum)",
        "x",
        "z",
        "poly(z, 2)",
        "C(h, contr.treatment('west'))",
    ]
    drawn = [rng.choice(factors, rng.integers(1, 4), replace=False) for _ in range(4)]
    return f"y ~ {rng.integers(0, 2)} + g + " + " + ".join(
        str(rng.choice([":", "*"])).join(each) for each in drawn
    )
