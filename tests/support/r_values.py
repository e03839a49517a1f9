"""What R says of models by term: stored values, and the models that they are of."""

import functools
import json
from pathlib import Path

import numpy as np
import pandas as pd

from flatprior.models import BernoulliLogistic

DATA = Path(__file__).parents[1] / "data"
STORED = json.loads((DATA / "terms_r.json").read_text(encoding="utf-8"))  # see terms.R
OF_PACKAGES = json.loads((DATA / "packages_r.json").read_text(encoding="utf-8"))  # packages.R
NAMES = tuple(STORED["models"])


@functools.cache
def r_model(name: str) -> tuple[BernoulliLogistic, pd.DataFrame, dict]:
    """A model, the rows that it is of, and what R says of it; coefficients in R's order."""
    facts = STORED["models"][name]
    frame = pd.read_csv(DATA / facts["data"])
    model = BernoulliLogistic.from_formula(
        facts["formula"], frame, frequency_weights=facts["weights"]
    )
    return model, frame, facts


def r_table(found: dict) -> pd.DataFrame:
    """A table of R's, its rows by their names; what is missing is NaN."""
    table = pd.DataFrame(found).set_index("row")
    return table.map(lambda value: np.nan if value is None else value)
