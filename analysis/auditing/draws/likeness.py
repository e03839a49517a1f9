"""What draws may be from, and in which order that is said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flatprior.analysis.auditing.draws.priors import Prior
from flatprior.models.common.text import listing, p_value

LESS_LIKELY = 20.0  # ratio of p-values from which the larger speaks before the simpler
NAMED = 3  # explanations that a verdict names


@dataclass(frozen=True, eq=False, kw_only=True)
class Likeness:
    """What draws may be from.

    Attributes
    ----------
    cause : str
        "prior", "response flipped", "weights ignored", "offset ignored", "another response",
        "other columns", "coefficients exchanged", "mirrored", "odds ratios", "normal
        approximation", "normal distribution", "resampled" or "unknown density"; several are joined
        by " and ".
    said : str
        In words.
    p : float
        p-value of the identities that draws of this kind satisfy.
    by_density : bool
        Whether the log-density that came with the draws is this one's, to rounding.
    prior : Prior or None
    cure : str
        What to type, where that is known.
    """

    cause: str
    said: str
    p: float
    by_density: bool = False
    prior: Prior | None = None
    cure: str = ""

    def __str__(self) -> str:
        """In words, with the p-value."""
        if math.isnan(self.p):
            return self.said
        return f"{self.said} (p = {p_value(self.p)})"


def joined(*causes: str) -> str:
    """Several causes as one."""
    return " and ".join(filter(None, causes))


def likeliest_first(found: Iterable[Likeness]) -> list[Likeness]:
    """The likeliest before the others; of those that are about as likely the simpler come first.

    They are given from the simplest on, and the order among those is kept.
    """
    found = list(found)
    highest = max((each.p for each in found), default=0.0)
    return sorted(found, key=lambda each: each.p < highest / LESS_LIKELY)


def named(found: Sequence[Likeness]) -> str:
    """The first of them, in words."""
    return listing([str(each) for each in found[:NAMED]], "or")
