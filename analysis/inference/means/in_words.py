"""What contrasts and joint tests of means are, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from flatprior.analysis.inference.means.cells import Scale
from flatprior.analysis.inference.means.contrasts import Comparison
from flatprior.models.common.text import first_of, printable, share

_HOW = {
    "terms": "by main effects and interactions",
    "pairwise": "pairwise",
    "reference": "each with the reference level",
    "sequential": "each with the level before it",
    "mean": "each with the average of all",
}
_TESTS = {
    "chi-squared": "Wald's",
    "F": "Hotelling's",
    "distance": "distance: of 0 from the mean of draws, in their covariance, squared; contour "
    "probability: the share of draws as far from their mean or farther",
}
WHOSE = {
    "holm": "Holm's procedure (intervals by Bonferroni's)",
    "bonferroni": "Bonferroni's inequality",
    "tukey": "Tukey's distribution",
}


def what_is_compared(
    scale: Scale, method: Any, comparison: Comparison, within: str | Sequence[str]
) -> str:
    """What is compared with what, and on which scale.

    Examples
    --------
    >>> from flatprior.analysis.inference.means.in_words import what_is_compared
    >>> what_is_compared("log-odds", "pairwise", "difference", "group")
    'differences of log-odds, pairwise, at each level of group'
    """
    of = {"log-odds": "log-odds", "probability": "probabilities"}[scale]
    what = "odds ratios" if comparison == "odds ratio" else f"{comparison}s of {of}"
    how = _HOW.get(method, "") if isinstance(method, str) else ""
    inside = (within,) if isinstance(within, str) else tuple(within)
    where = f"at each level of {', '.join(map(str, inside))}" if inside else ""
    log = "" if comparison == "difference" else "tested on the logarithm"
    return ", ".join(filter(None, [what, how, where, log]))


def without_some(less: Sequence[str]) -> str:
    """That tests are without the contrasts of which the data say nothing; empty of no test."""
    without = "without contrasts that the data say nothing of"
    return f"of {first_of(map(printable, less))}: {without}" if less else ""


def joint_tests_in_words(table: pd.DataFrame, less: Sequence[str], n_draws: int) -> list[str]:
    """Which tests these are, and what is to be known of those with 0 in a column.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.analysis.inference.means.in_words import joint_tests_in_words
    >>> table = pd.DataFrame({"chi-squared": [3.0, 0.0], "df": [1, 0]}, index=["a", "a:b"])
    >>> joint_tests_in_words(table, [], 0)[1]
    'no test of a:b: its contrasts are 0 whatever the coefficients are (0 degrees of freedom)'
    """
    kind = str(table.columns[0])
    notes = [_TESTS[kind] if n_draws else f"the tests are {_TESTS[kind]}"]
    empty = [str(title) for title in table.index[table["df"] == 0] if title not in less]
    if empty:
        whose = "its" if len(empty) == 1 else "their"
        notes.append(
            f"no test of {first_of(map(printable, empty))}: {whose} contrasts are 0 whatever the "
            "coefficients are (0 degrees of freedom)"
        )
    if n_draws and (table["contour probability"] == 0).any():
        notes.append(
            f"a contour probability {share(0.0, n_draws)} is a bound, 95 % certain were the "
            f"{n_draws} draws independent: none is as far, and the mcse, which is 0 then, says "
            "nothing"
        )
    return notes
