"""Which covariance the standard errors of a table are from, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from flatprior.analysis.inference.robust import RobustCovariance
from flatprior.models import PointEstimate
from flatprior.models.common.arrays import Array

_NORMAL = "p-values and intervals are normal"
T_UNDER_Z = "; the column z is this t"
_OF_A_SAMPLE = "standard errors are those of the units that were drawn"


@dataclass(frozen=True)
class WhichErrors:
    """What is said of standard errors; of the model's own less.

    Attributes
    ----------
    short : str
        For the heading of a table, which is narrow: "SE: HC3".
    whole : str
        With the small-sample factor: "standard errors are HC3, small-sample factor 1".
    own : str
        Where these are empty: whose they are.
    """

    short: str = ""
    whole: str = ""
    own: str = "standard errors are the model's own (inverse information)"

    @classmethod
    def of(cls, result: object) -> WhichErrors:
        """Those of an estimate, or of a robust covariance.

        Examples
        --------
        >>> from flatprior.analysis import robust_covariance
        >>> from flatprior.analysis.inference.which_errors import WhichErrors
        >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
        >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
        >>> WhichErrors.of(robust_covariance(model, fit_newton(model), "HC3")).whole
        'standard errors are HC3, small-sample factor 1'
        """
        if not isinstance(result, PointEstimate | RobustCovariance):
            return cls(own="standard errors are from the covariance that was passed")
        if isinstance(result, PointEstimate):
            sampled = result.provenance.sampling_weights is not None
            return cls(own=_OF_A_SAMPLE) if sampled else cls()
        whole = f"standard errors are {result.said}, {result.factor_in_words}"
        if result.kind == "CR2" and result.moments is None:
            whole += f"; {_NORMAL}: the clusters are too many"
        return cls(f"SE: {result.said}", whole)

    def in_words(self, df: Array | None = None) -> list[str]:
        """Which standard errors, and what p-values and intervals are of."""
        said = self.whole or self.own
        if df is not None:
            return [said, *student_in_words(df, T_UNDER_Z)]
        return [said if _NORMAL in said else f"{said}; {_NORMAL}"]

    def stated(self, table: pd.DataFrame, *notes: str) -> pd.DataFrame:
        """The table with notes, and this, as the name of its columns, and in its `attrs`."""
        if self.whole:
            table.attrs["standard errors"] = self.whole
        table.columns.name = "; ".join(filter(None, (*notes, self.short))) or None
        return table


def student_in_words(df: Array | None, statistic: str = "") -> list[str]:
    """What p-values and intervals are of, with these degrees of freedom; nothing of normal ones.

    And where their statistic is, if the table has it.
    """
    if df is None:
        return []
    known = df[np.isfinite(df)]
    few = f"{known.min():.1f} to {known.max():.1f}" if known.size else "no known"
    return [
        f"p-values and intervals are of Student's t, with {few} degrees of freedom (Satterthwaite)"
        + statistic
    ]
