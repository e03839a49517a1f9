"""What is said of a difference: the likeliest cause, how sure it is, and what to do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from flatprior.analysis.explanation.discrepancy import Cause
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.rendering import Renderable, Rendered, chosen
from flatprior.models.common.writing import finite
from flatprior.models.encoding.files.passes import Passes

CERTAIN = 1e-6
COINCIDENCE = 0.02
LEFT = 0.25  # standard errors that a cause may leave unexplained, or what rounding may have added


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Explanation(Renderable):
    """Why some coefficients differ from the MLE.

    Attributes
    ----------
    cause : str
        "agreement", "ridge penalty", "lasso penalty", "elastic net", "Firth penalty",
        "log-F penalty", "class weights", "stopped early", "response flipped",
        "missing intercept", "weights ignored", "offset ignored", "predictors rescaled",
        "reference level", "dummy left in", "exponentiated", "permuted", "rows dropped",
        "posterior mean", "proper prior", "probit", "complementary log-log", "cauchit",
        "separation", "dependent columns" or "none of these".
    certain : bool
        Whether the numbers leave no reasonable doubt.
    message : str
        What was found, in words.
    distance : float
        Of the coefficients from the MLE, in standard errors (norm of the information); NaN where
        they cannot be compared, or there is no MLE.
    causes : tuple of Cause
        Those that were tested, each as it may best have come about, the likeliest first.
    cure : str
        What to type or do to get the MLE; empty where there is nothing to cure, or no cause.
    not_tried : tuple of str
        What was not looked for, and why: of rows in batches what would take too many passes.
    passes : Passes or None
        How often rows that are not in memory were read for this; None of those that are.
    """

    cause: str
    certain: bool
    message: str
    distance: float
    causes: tuple[Cause, ...] = ()
    cure: str = ""
    not_tried: tuple[str, ...] = ()
    passes: Passes | None = None

    def table(self) -> pd.DataFrame:
        """One row a tested cause: what is left unexplained, and how likely by coincidence."""
        return pd.DataFrame(
            {
                "distance": [cause.distance for cause in self.causes],
                "coincidence": [cause.coincidence for cause in self.causes],
                "detail": [cause.detail for cause in self.causes],
            },
            index=pd.Index([cause.cause for cause in self.causes], name="cause"),
        )

    @property
    def title(self) -> str:
        """The cause, and whether it is certain."""
        return f"{self.cause}{'' if self.certain else ' (not certain)'}"

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: cause, message, and what each cause leaves unexplained.

        Details of the causes, which are long, only where they are asked for.
        """
        frame = self.table()
        asked = ["distance", "coincidence"] if columns is None else columns
        return Rendered.of(
            chosen(frame, asked) if self.causes else pd.DataFrame(),
            {"distance": ".1e", "coincidence": "p.1e"},
            self.title,
            [self.message],
            [
                "distance: what the cause leaves unexplained, in standard errors; coincidence: "
                "how often numbers that have nothing to do with it would fit as well"
                if self.causes
                else "",
                f"to get the MLE: {self.cure}" if self.cure else "",
                *(f"not looked for: {each}" for each in self.not_tried),
                f"the rows were {self.passes.said} for this"
                if self.passes is not None and self.passes.number
                else "",
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON; what is not finite is None."""
        facts: dict[str, Any] = finite(
            {
                "cause": self.cause,
                "certain": self.certain,
                "message": self.message,
                "cure": self.cure,
                "distance": self.distance,
                "causes": [vars(cause) for cause in self.causes],
                "not_tried": list(self.not_tried),
                "passes": None if self.passes is None else self.passes.number,
                "bytes_read": None if self.passes is None else self.passes.bytes,
            }
        )
        return facts


def fits(cause: Cause) -> bool:
    """Whether a cause explains the numbers better than chance would, and nearly all of them."""
    return cause.coincidence < COINCIDENCE and cause.distance <= max(LEFT, cause.rounding)


def is_certain(ranked: list[Cause]) -> bool:
    """Whether the first leaves no reasonable doubt, and no other explains nearly as much."""
    best = ranked[0]
    return (
        best.coincidence < CERTAIN
        and best.distance <= best.most
        and not any(rivals(cause, best) for cause in ranked[1:2])
    )


def rivals(cause: Cause, best: Cause) -> bool:
    """Whether another cause explains the numbers nearly as well."""
    return cause.coincidence <= math.sqrt(best.coincidence)


def best_of_each(causes: list[Cause]) -> list[Cause]:
    """The likeliest way in which each cause may have come about, the likeliest cause first."""

    def rank(cause: Cause) -> tuple[bool, float, float]:
        return not fits(cause), cause.coincidence, cause.distance

    found: dict[str, Cause] = {}
    for cause in sorted(causes, key=rank):
        found.setdefault(cause.cause, cause)
    return list(found.values())
