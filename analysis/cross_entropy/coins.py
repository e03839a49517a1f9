"""Probability against likelihood, with a coin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binom

from flatprior.models.common.arrays import Array
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.rendering import Renderable, Rendered


@dataclass(frozen=True, repr=False)
@own_error_state
class Coin(Renderable):
    """Heads in a number of tosses: what is a probability, and what a likelihood.

    Attributes
    ----------
    heads, tosses : int
    """

    heads: int
    tosses: int

    def __post_init__(self) -> None:
        """Refuse what cannot be counted."""
        whole = all(isinstance(number, (int, np.integer)) for number in (self.heads, self.tosses))
        if not whole or not 0 <= self.heads <= self.tosses or self.tosses < 1:
            raise InputError(
                f"{self.heads} heads in {self.tosses} tosses cannot be: both are whole numbers, "
                "with at least one toss and no more heads than tosses"
            )

    def likelihood(self, p: ArrayLike) -> Array:
        """Likelihood of each `p`, (m,): the probability of these heads under it."""
        return np.asarray(binom.pmf(self.heads, self.tosses, _probability(p)))

    def probabilities(self, p: float = 0.5) -> pd.Series[float]:
        """Probability of each number of heads for one `p`: they sum to 1."""
        heads = np.arange(self.tosses + 1)
        values = binom.pmf(heads, self.tosses, _probability(p))
        return pd.Series(values, index=pd.Index(heads, name="heads"), name="probability")

    @property
    def maximiser(self) -> float:
        """The p under which these heads are the most probable: their share."""
        return self.heads / self.tosses

    @property
    def log_likelihood(self) -> float:
        """At the maximiser."""
        return float(binom.logpmf(self.heads, self.tosses, self.maximiser))

    @property
    def area(self) -> float:
        """Area under the likelihood, over p from 0 to 1: a Beta function, and not 1."""
        return 1 / (self.tosses + 1)

    @property
    def message(self) -> str:
        """Probability and likelihood, in one sentence."""
        fair = float(self.likelihood(0.5))
        return (
            f"{self.heads} heads in {self.tosses} tosses: "
            f"probability {fair:.4g} if the coin is fair; the likelihood is highest at p = "
            f"{self.maximiser:.4g}, and its area is {self.area:.4g}, not 1"
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """The sentence; its CSV has the numbers."""
        return Rendered.of_values(
            {
                "heads": (self.heads, ",d"),
                "tosses": (self.tosses, ",d"),
                "probability if p = 1/2": (float(self.likelihood(0.5)), ".4g"),
                "most likely p": (self.maximiser, ".4g"),
                "log-likelihood there": (self.log_likelihood, ".6g"),
                "area under the likelihood": (self.area, ".4g"),
            },
            self.message,
            columns=columns,
            in_words=True,
        )


@own_error_state
def coin(heads: int = 8, tosses: int = 8) -> Coin:
    """Probability against likelihood, with a coin.

    For a fair coin eight heads in eight tosses have *probability* 1/256 = 0.39%: p is given, the
    data vary, and the probabilities of all that could happen sum to 1. Once they have happened, the
    same formula read as a function of p is the *likelihood*: it has a maximum, at p = 1, but it
    does not integrate to 1.

    Parameters
    ----------
    heads, tosses : int

    Returns
    -------
    Coin

    Raises
    ------
    ValueError
        If there are more heads than tosses, or they are not whole numbers.

    Examples
    --------
    >>> from flatprior.analysis import coin
    >>> eight = coin(8, 8)
    >>> f"{eight.likelihood(0.5):.2%}", eight.maximiser, round(eight.area, 12) == round(1 / 9, 12)
    ('0.39%', 1.0, True)
    >>> round(float(eight.probabilities(0.5).sum()), 12)
    1.0
    """
    return Coin(heads, tosses)


def _probability(p: ArrayLike) -> Array:
    values = np.asarray(p, dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise InputError("p must be probabilities from 0 to 1")
    return values
