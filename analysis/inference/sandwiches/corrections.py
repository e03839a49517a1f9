"""Small-sample factors of robust covariances, by the names of programs."""

from __future__ import annotations

from typing import Literal

from flatprior.models.common.errors import InputError

Correction = Literal["statsmodels", "Stata", "R", "none"]
USUAL: Correction = "statsmodels"
_OF_ITS_OWN = {
    **dict.fromkeys(["HC1", "HC2", "HC3", "HC4"], "which has a factor of its own"),
    "CR2": "which adjusts each cluster by itself",
}


def check_correction(correction: str, kind: str, *, sampled: bool) -> None:
    """Raise a `ValueError` where a small-sample factor by name would be left aside.

    Examples
    --------
    >>> from flatprior.analysis.inference.sandwiches.corrections import check_correction
    >>> check_correction("Stata", "HC0", sampled=False)
    >>> try:
    ...     check_correction("Stata", "HC3", sampled=False)
    ... except ValueError as error:
    ...     print(str(error).partition(", not")[0])
    correction='Stata' is of HC0 and of clusters
    """
    if correction == USUAL:
        return
    if sampled:
        raise InputError(
            f"correction={correction!r} has no part in the covariance of sampling weights, which "
            "has the factors of its strata: leave correction out"
        )
    if isinstance(kind, str) and kind in _OF_ITS_OWN:
        raise InputError(
            f"correction={correction!r} is of HC0 and of clusters, not of {kind}, "
            f"{_OF_ITS_OWN[kind]}: leave correction out, or leave kind at its default"
        )


def factor_of(correction: str, clusters: int, n: int, k: int) -> float:
    """The small-sample factor of so many clusters."""
    if correction == "statsmodels" and n <= k:
        raise InputError(
            f"the factor of statsmodels needs more observations than coefficients, and there are "
            f"{n}: take another correction"
        )
    factor = 1.0 if correction == "none" else clusters / (clusters - 1)
    return factor * ((n - 1) / (n - k) if correction == "statsmodels" else 1.0)
