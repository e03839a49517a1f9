"""Which covariance the standard errors of a table are from, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from flatprior.analysis.inference.robust import RobustCovariance
from flatprior.models.common.arrays import Array


@dataclass(frozen=True)
class WhichErrors:
    """What is said of standard errors that are not the model's own; empty of those.

    Attributes
    ----------
    short : str
        For the heading of a table, which is narrow: "SE: HC3".
    whole : str
        With the small-sample factor: "standard errors are HC3, small-sample factor 1".
    """

    short: str = ""
    whole: str = ""

    @classmethod
    def of(cls, result: object) -> WhichErrors:
        """Those of a robust covariance; of other results there is nothing to say.

        Examples
        --------
        >>> from flatprior.analysis import robust_covariance
        >>> from flatprior.analysis.inference.which_errors import WhichErrors
        >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
        >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
        >>> WhichErrors.of(robust_covariance(model, fit_newton(model), "HC3")).whole
        'standard errors are HC3, small-sample factor 1'
        """
        if not isinstance(result, RobustCovariance):
            return cls()
        whole = f"standard errors are {result.said}, {result.factor_in_words}"
        if result.kind == "CR2" and result.moments is None:
            whole += "; p-values and intervals are normal: the clusters are too many"
        return cls(f"SE: {result.said}", whole)

    def stated(self, table: pd.DataFrame, *notes: str) -> pd.DataFrame:
        """The table with notes, and this, as the name of its columns, and in its `attrs`."""
        if self.whole:
            table.attrs["standard errors"] = self.whole
        table.columns.name = "; ".join(filter(None, (*notes, self.short))) or None
        return table


def student_in_words(df: Array | None) -> list[str]:
    """What p-values and intervals are of, with these degrees of freedom; nothing of normal ones."""
    if df is None:
        return []
    known = df[np.isfinite(df)]
    few = f"{known.min():.1f} to {known.max():.1f}" if known.size else "no known"
    return [
        f"p-values and intervals are of Student's t, with {few} degrees of freedom (Satterthwaite)"
    ]
