r"""What is said of combinations of coefficients of which the units of a sandwich say nothing.

A level of a factor whose rows are all in one cluster has a score of 0 in that cluster: at the MLE
the residuals of the level sum to 0, whatever the outcomes. The sandwich is then 0 there but for
rounding, which is no variance. So it is where a level has one group of counts, and each group
counts as one observation, and where all clusters have the same share of events.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from flatprior.models.common.arrays import Array
from flatprior.models.common.text import first_of, printable
from flatprior.models.covariance.roots import NOTHING, Root

MOST = 300  # coefficients, for the singular values of all
PART = 0.05  # of a variance, that is worth saying


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


def silent_shares(root: Array, bread: Root) -> Array:
    """Of the model's own variance of each coefficient, the share the units say nothing of, (k,).

    In coordinates in which the model's covariance is the identity, that of the units is 0 along
    some directions; a coefficient is a vector there, and this the share of its square along these.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.inference.sandwiches.silence import silent_shares
    >>> from flatprior.models.covariance.roots import Written
    >>> own = Written(np.array([[1.0, 0.0], [1.0, 2.0]]))
    >>> silent_shares(np.array([[0.5], [0.5]]), own).round(9).tolist()
    [0.0, 0.8]
    """
    k = len(root)
    _, lengths, along = np.linalg.svd(bread.unplaced(root.T), full_matrices=True)
    silent = along[int((lengths > NOTHING).sum()) :]
    parts = np.square(bread.placed(silent)).sum(axis=0) if len(silent) else np.zeros(k)
    return np.asarray(parts / np.square(bread.standard_errors))


def partly_silent(names: Sequence[str], shares: Array) -> str:
    """What is said of coefficients whose standard errors lack a part.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.inference.sandwiches.silence import partly_silent
    >>> partly_silent(["x", "C(f)[T.b]"], np.array([0.0, 0.8]))
    'the standard error of C(f)[T.b] (80 %) lacks a part and is too small: the scores of each unit \
sum to 0 there, as where all rows of a level are in one cluster, or clusters are no more than \
coefficients (in brackets: of its variance by the model)'
    """
    found = [
        f"{printable(name)} ({math.floor(100 * share + 0.5 * (share < 0.99))} %)"
        for name, share in zip(names, shares, strict=True)
        if share > PART
    ]
    if not found:
        return ""
    errors = "standard error" if len(found) == 1 else "standard errors"
    verbs = ("lacks", "is") if len(found) == 1 else ("lack", "are")
    return (
        f"the {errors} of {first_of(found)} {verbs[0]} a part and {verbs[1]} too small: the scores "
        "of each unit sum to 0 there, as where all rows of a level are in one cluster, or clusters "
        "are no more than coefficients (in brackets: of its variance by the model)"
    )
