"""What the likelihood still says of each coefficient where it has no maximum."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from flatprior.analysis.inference.intervals import confidence_intervals
from flatprior.analysis.maxima import of_full_rank
from flatprior.models import BernoulliLogistic, Existence
from flatprior.models.common.rendering import FORMATS, Rendered
from flatprior.models.common.text import count
from flatprior.models.rows import ArrayRows

MOST_INTERVALS = 20  # profile intervals that are computed: each takes many fits


@dataclass(frozen=True, eq=False, kw_only=True)
class Limits:
    """Where each coefficient goes, and intervals that are open where it diverges.

    Attributes
    ----------
    existence : Existence
    n_left : int
        Rows that are not separated.
    intervals : DataFrame or None
        As of `confidence_intervals`, of some coefficients that the data determine, the diverging
        ones first; None where the likelihood has none.
    """

    existence: Existence
    n_left: int
    intervals: pd.DataFrame | None

    @classmethod
    def of(
        cls,
        model: BernoulliLogistic,
        existence: Existence,
        *,
        intervals: bool = True,
        progress: bool = False,
    ) -> Limits:
        """Of a model that has no MLE; the `intervals` take many fits.

        Examples
        --------
        >>> from flatprior.analysis.inference.limits import Limits
        >>> from flatprior.models import BernoulliLogistic, check_existence, load_endometrial
        >>> model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
        >>> found = Limits.of(model, check_existence(model))
        >>> found.n_left, found.intervals.loc["NV"].round(3).tolist()
        (66, [inf, 1.284, inf])
        """
        limit, ends = existence.limit, None
        known = limit is not None and not math.isnan(limit.log_likelihood)
        telling = _most_telling(existence)
        if intervals and known and telling and isinstance(model.rows, ArrayRows):
            # what the data determine has the same profile whichever dependent column is left out
            found = of_full_rank(model)
            ends = confidence_intervals(found, progress=progress, names=telling).table()
        return cls(existence=existence, n_left=model.n_rows - existence.n_separated, intervals=ends)

    def rendered(self) -> Rendered:
        """One row a coefficient, with what is to be said of the numbers."""
        existence, limit = self.existence, self.existence.limit
        frame, notes = existence.table(), []
        if limit is not None and not math.isnan(limit.log_likelihood):
            whose = f"that of {count(self.n_left, 'row')} left"
            if not self.n_left:
                whose = "every row is separated"
            elif not existence.n_separated:
                whose = "that of all rows"
            which = "supremum" if existence.n_separated else "maximum"
            notes.append(f"{which} of the log-likelihood: {limit.log_likelihood:.6f} ({whose})")
        if self.intervals is not None:
            frame = frame.join(self.intervals.drop(columns="coefficient"))
            notes.append(
                "limit, SE: of the coefficients that stay finite; percentages: profile-likelihood "
                "interval" + ", open where the coefficient diverges" * bool(existence.n_separated)
            )
            determined = len(_determined(existence))
            if len(self.intervals) < determined:
                notes.append(
                    f"intervals are those of {len(self.intervals)} of {determined} coefficients, "
                    "the diverging ones first: each takes many fits; "
                    "flatprior.analysis.confidence_intervals(model, names=...) computes others"
                )
        frame = frame.rename(columns={"standard error": "SE"})
        formats = dict.fromkeys(map(str, frame.columns), FORMATS["limit"]) | FORMATS
        return Rendered.of(frame, formats, notes=notes)


def _most_telling(existence: Existence) -> list[str]:
    """Names of the coefficients whose profiles are computed, in their order.

    Those that diverge in one direction come first: of them an interval says what no estimate does.
    """
    where, names = existence.coefficients, _determined(existence)
    ranked = sorted(names, key=lambda name: where[name] not in ("+inf", "-inf"))
    return [name for name in names if name in set(ranked[:MOST_INTERVALS])]


def _determined(existence: Existence) -> list[str]:
    """Names of the coefficients that no dependency among the columns leaves open."""
    tied = {"undetermined"} if existence.dependencies else set()
    return [name for name, way in existence.coefficients.items() if way not in tied]
