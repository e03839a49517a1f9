r"""What is said of combinations of coefficients of which the units of a sandwich say nothing.

A level of a factor whose rows are all in one cluster has a score of 0 in that cluster: at the MLE
the residuals of the level sum to 0, whatever the outcomes. The sandwich is then 0 there but for
rounding, which is no variance. So it is where a level has one group of counts, and each group
counts as one observation, and where all clusters have the same share of events.
"""

from __future__ import annotations

from collections.abc import Iterable

from flatprior.models.common.text import first_of, printable


def silence(names: Iterable[object]) -> str:
    """What is said of coefficients, or functions of them, that have no standard error.

    Examples
    --------
    >>> from flatprior.analysis.inference.sandwiches.silence import silence
    >>> silence(["C(f)[b]"])
    'no standard error of C(f)[b]: the scores of each unit sum to 0 there, as where all rows of a \
level are in one cluster, and say nothing of a variance'
    >>> silence([])
    ''
    """
    named = first_of([printable(name) for name in names])
    if not named:
        return ""
    return (
        f"no standard error of {named}: the scores of each unit sum to 0 there, as where all rows "
        "of a level are in one cluster, and say nothing of a variance"
    )
