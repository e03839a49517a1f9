"""Every public call on a model whose factors are held as codes, and on the same written out.

The calls are those of `extremes`, in which every public name must be: a new one is tried here too.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from coded_models import held_as_codes, survey
from extremes import ANALYSIS, MODELS, NO_OFFSET, WITH_PYMC, Case

import flatprior.models as m
from flatprior.models.designs.coded import Structured
from flatprior.models.rows import ArrayRows

FORMULA, SMALL = "y ~ x + z + g + h", "y ~ x + g"
# what is random in another way, or is about something else than a model with factors
APART = {
    "LogisticMLE": "takes a matrix",
    "coin": "takes no model",
    "Existence": "of separated data: see tests/models/existence/test_levels.py",
    "Limit": "likewise",
}
NUMBER = re.compile(r"-?\d+\.?\d*(?:[eE][-+]?\d+)?|\binf\b|\bnan\b")
# what stops where rounding says, or says how it came about: digits, bounds, seconds
HISTORY = re.compile(
    r"digits|bound|certificate|seconds|message|iterations|decrement|radius|hash|error|p_value|"
    r"stopped|_at$|formula|widths|row_labels|provenance|mcse|r_hat|ess|claims"
)


class Held(Case):
    """A case of the factors of a survey, as codes or written out."""

    def __init__(self, codes: bool) -> None:
        super().__init__(offset=False)
        self.codes = codes

    def made(self, formula: str) -> m.BernoulliLogistic:
        with held_as_codes(self.codes):
            found = m.BernoulliLogistic.from_formula(formula, self.data)
        assert isinstance(found.rows, ArrayRows)
        assert isinstance(found.rows.design, Structured) == self.codes
        return found


@cache
def case(codes: bool) -> Held:
    found = Held(codes)
    attributes: dict[str, Any] = {
        "data": survey(260, seed=31),
        "small": None,
    }
    vars(found).update(attributes)
    vars(found)["model"] = found.made(FORMULA)
    vars(found)["small"] = found.made(SMALL)
    vars(found)["separated"] = found.model
    return found


def numbers(thing: Any, path: str = "") -> Any:
    """The numbers of a result, in order, without those that are history."""
    if HISTORY.search(path.rpartition("/")[2]):
        return
    if isinstance(thing, pd.DataFrame | pd.Series):
        frame = thing.to_frame() if isinstance(thing, pd.Series) else thing
        for name in frame.columns:
            yield from numbers(frame[name].to_numpy(), f"{path}/{name}")
    elif isinstance(thing, np.ndarray):
        if thing.dtype.kind in "fiub":
            yield path, np.asarray(thing, dtype=float).ravel()
        else:
            for each in thing.ravel().tolist():
                yield from numbers(each, path)
    elif isinstance(thing, bool | int | float | np.number):
        yield path, np.array([float(thing)])
    elif isinstance(thing, str):
        pass  # texts are of numbers that are compared as such
    elif hasattr(thing, "summary") and hasattr(thing, "draws"):
        yield f"{path}/draws", thing.draws.ravel()
    elif dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        for field in dataclasses.fields(thing):
            yield from numbers(getattr(thing, field.name), f"{path}/{field.name}")
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from numbers(value, f"{path}/{key}")
    elif isinstance(thing, list | tuple):
        for value in thing:
            yield from numbers(value, path)


CALLS = MODELS | NO_OFFSET | ANALYSIS | {k: v for k, v in WITH_PYMC.items() if k == "run_routes"}


@pytest.mark.parametrize("name", sorted(set(CALLS) - set(APART)))
def test_every_call_has_the_answers_of_the_columns_written_out(name):
    one, two = ([*numbers(CALLS[name](case(codes)))] for codes in (True, False))
    assert [path for path, _ in one] == [path for path, _ in two]
    for (path, held), (_, written) in zip(one, two, strict=True):
        size = np.abs(written[np.isfinite(written)]).max(initial=1e-8)
        assert held == pytest.approx(written, rel=1e-5, abs=1e-6 * size, nan_ok=True), (name, path)
