"""What an analysis of deviance is: tests of terms, or of models, in one table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from flatprior.analysis.inference.hypotheses.likelihood_tests import SUPREMUM
from flatprior.analysis.inference.hypotheses.submodels import KINDS
from flatprior.analysis.maxima import HypothesisTest
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import first_of, printable
from flatprior.models.common.writing import finite

Kind = Literal["LR", "score", "Wald"]
SUPREMA = "the outcomes are separated in some of the models: their likelihoods have suprema only"
_FORMATS = {
    "deviance": ".3f",
    "AIC": ".2f",
    "LR": ".4f",
    "score": ".4f",
    "Wald": ".4f",
    "F": ".4f",
    "p": "p",
} | {"df error": ".2f"}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class AnalysisOfDeviance(Renderable):
    """Tests of terms, or of models each against the one before it.

    Attributes
    ----------
    title : str
    test : {"LR", "score", "Wald"}
    tests : dict
        What was tested to its `HypothesisTest`; not what no data can tell.
    frame : DataFrame
    formula : str or None
        Of a single model.
    notes : tuple of str
        What to keep in mind of the numbers.
    facts : tuple of str
    """

    title: str
    test: str
    tests: Mapping[str, HypothesisTest]
    frame: pd.DataFrame
    formula: str | None
    notes: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()

    def table(self) -> pd.DataFrame:
        """One row a term or model.

        Columns: "df" (a difference of ranks), the statistic by the name of the test ("LR", "score"
        or "Wald") and "p"; with "CR2" Wald's statistic is "F" of "df" and "df error". But for Wald
        and types II and III "deviance", -2 times the maximal log-likelihood of single observations,
        and "AIC". These are of the model up to that term (type I), without it (`drop_one`), or of
        the model itself. What is undefined is NaN.
        """
        return self.frame.copy()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: the table."""
        return Rendered.of(
            chosen(self.frame, columns),
            _FORMATS,
            of_model(self.title, self.formula),
            self.facts,
            self.notes,
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON; what is not finite is None."""
        frame = self.frame.astype(object).where(self.frame.notna(), None)
        rows = [
            {"name": str(name), **row}
            for name, row in zip(frame.index, frame.to_dict("records"), strict=True)
        ]
        found: dict[str, Any] = finite(
            {
                "title": self.title,
                "test": self.test,
                "formula": self.formula,
                "rows": rows,
                "notes": list(self.notes),
            }
        )
        return found


def table_of(
    names: Sequence[str], tests: Sequence[HypothesisTest | None], kind: str
) -> pd.DataFrame:
    """Degrees of freedom, statistic and p of some tests."""
    second = [None if t is None else t.df_error for t in tests]
    referred = [each for each in second if each is not None]
    return pd.DataFrame(
        {
            "df": pd.array([None if t is None else t.df for t in tests], dtype="Int64"),
            **({"df error": pd.array(second, dtype="Float64")} if referred else {}),
            ("F" if referred else kind): [np.nan if t is None else t.statistic for t in tests],
            "p": [np.nan if t is None else t.p for t in tests],
        },
        index=pd.Index(names),
    )


def told(names: Sequence[str], tests: Sequence[HypothesisTest | None]) -> dict[str, HypothesisTest]:
    """The tests that there are, by name."""
    return {name: t for name, t in zip(names, tests, strict=True) if t is not None}


def of_some(tests: Mapping[str, HypothesisTest | None]) -> list[str]:
    """What is to be said of some of the tests alone."""
    alike: dict[tuple[str, str], list[str]] = {}
    for name, test in tests.items():
        if test is None:
            continue
        if math.isnan(test.p):
            alike.setdefault((f"no {test.kind} test of ", test.note), []).append(printable(name))
        elif test.kind == KINDS["LR"] and test.note not in ("", SUPREMUM):
            alike.setdefault(("of ", test.note), []).append(printable(name))
    return [f"{begins}{first_of(names)}: {note}" for (begins, note), names in alike.items()]
