"""Which columns a model of rows in batches uses, and for what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import printable, rows_phrase
from flatprior.models.encoding.column_rules import Uses
from flatprior.models.encoding.columns.checks import column
from flatprior.models.encoding.columns.kinds import is_real
from flatprior.models.encoding.formulas.encoding import check_one_offset
from flatprior.models.encoding.formulas.parsing import Parsed, parse
from flatprior.models.encoding.grouped import Counts, check_alone, counts_of_columns
from flatprior.models.encoding.sampling import Sample, speaking_weights
from flatprior.models.encoding.weights import positive_weights, whole_weights


@dataclass(frozen=True, eq=False, kw_only=True)
class Roles:
    """Which columns a model uses, and for what.

    Attributes
    ----------
    formula : str
    parsed : Parsed
    offset, weights : str or None
        Names of columns.
    missing : {"drop", "raise"}
    event : object
        The value of the response that counts as 1, where one was asked for.
    trials : str or None
        Column of the trials of a share.
    sample : Sample or None
        Columns that say how rows were drawn.
    """

    formula: str
    parsed: Parsed
    offset: str | None
    weights: str | None
    missing: Literal["drop", "raise"]
    event: Any = None
    trials: str | None = None
    sample: Sample | None = None

    @classmethod
    def read(
        cls,
        formula: str,
        frame: pd.DataFrame,
        offset: str | None,
        weights: str | None,
        missing: Literal["drop", "raise"],
        event: Any = None,
        trials: str | None = None,
        sample: Sample | None = None,
    ) -> Roles:
        """Check the formula against the columns of `frame`, whose rows are not looked at."""
        check_choice("missing", missing, ("drop", "raise"))
        named: dict[str, Any] = {"offset": offset, "frequency_weights": weights, "trials": trials}
        named |= {} if sample is None else sample.roles
        parsed = parse(formula, frame, [name for name in named.values() if isinstance(name, str)])
        check_one_offset(parsed, offset is not None)
        check_alone(parsed.left, trials, weights, event, sample)
        for role, name in named.items():
            if name is not None and not isinstance(name, str):
                raise InputTypeError(f"{role} must name a column where rows are read in batches")
            if name is not None:
                column(frame, name)
        if parsed.needs_all_rows:
            raise InputError(
                f"{printable(parsed.needs_all_rows)} in the formula needs all rows at once, and "
                "these are read in batches; give its knots and bounds, as in ns(x, knots=c(1, 2), "
                "Boundary.knots=c(0, 3)), write the numbers out, as in I((x - 1.5) / 2), or load "
                "the data with from_formula"
            )
        return cls(
            formula=parsed.formula,
            parsed=parsed,
            offset=offset,
            weights=weights,
            missing=missing,
            event=event,
            trials=trials,
            sample=sample,
        )

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column the model uses, once."""
        return tuple(dict.fromkeys((*self.held_to_rules, *self.drawn_by)))

    @property
    def held_to_rules(self) -> tuple[str, ...]:
        """Columns of which it matters what they hold."""
        names = (*self.parsed.left.columns, *self.parsed.columns, *self.numeric)
        return tuple(dict.fromkeys(names))

    @property
    def drawn_by(self) -> tuple[str, ...]:
        """The columns of clusters and strata."""
        roles = {} if self.sample is None else self.sample.roles
        return tuple(str(roles[role]) for role in ("clusters", "strata") if roles.get(role))

    @property
    def weighed(self) -> tuple[str, Callable[[pd.Series[Any]], Array]] | None:
        """The column of weights of whatever kind, and what reads it."""
        if self.sample is not None:
            return str(self.sample.weights), partial(speaking_weights, whole=False)
        return None if self.weights is None else (self.weights, whole_weights)

    @property
    def has_offset(self) -> bool:
        """Whether rows have an offset, in the formula or beside it."""
        return self.offset is not None or self.parsed.offset is not None

    @property
    def factors(self) -> frozenset[str]:
        """Columns that the formula takes for categories whatever they hold."""
        return self.parsed.factors

    @property
    def uses(self) -> Uses:
        """What the columns are used for."""
        response = "" if self.counted else self.parsed.left.events
        return Uses.of(self.parsed.generated, response, self.numeric)

    @property
    def counted(self) -> bool:
        """Whether the response is of grouped counts."""
        return self.parsed.left.grouped or self.trials is not None

    @property
    def numeric(self) -> tuple[str, ...]:
        """Columns that must be numbers, but for predictors."""
        counts = self.parsed.left.columns if self.counted else ()
        weights = None if self.weighed is None else self.weighed[0]
        names = (self.offset, weights, self.trials, *counts)
        return tuple(name for name in names if name is not None)

    def counts(self, rows: pd.DataFrame) -> Counts | None:
        """Successes and failures of complete rows, where the response is of grouped counts."""
        if not self.counted:
            return None
        trials = None if self.trials is None else rows[self.trials]
        return counts_of_columns(self.parsed.left, rows, trials)

    def places(self, rows: pd.DataFrame) -> NDArray[np.intp]:
        """Place of each row of the model among complete rows: each once, but for groups."""
        counts = self.counts(rows)
        return np.arange(len(rows)) if counts is None else counts.cells.group

    def present(self, frame: pd.DataFrame) -> NDArray[np.bool_]:
        """Which rows have a value in every column that the model uses."""
        return np.asarray(frame[list(self.columns)].notna().to_numpy().all(axis=1))

    def complete(self, frame: pd.DataFrame) -> tuple[NDArray[np.bool_], int, int]:
        """Which rows count, how many have a missing value, and how many weigh nothing."""
        frame, keep = frame[list(self.columns)], self.present(frame)
        dropped = int(np.count_nonzero(~keep))
        if dropped and self.missing == "raise":
            first = frame[~keep].iloc[0]
            raise InputError(
                f"values are missing, first in {rows_phrase([first.name])} "
                f"(column {first.index[first.isna()][0]!r}); complete them, or leave such rows "
                'out (missing="drop" does, but for arrays)'
            )
        zero = 0
        if self.weighed is not None and is_real(frame[self.weighed[0]]):  # text has its own error
            _, keep, zero = positive_weights(frame[self.weighed[0]], keep, self.weighed[1])
        elif self.counted and all(is_real(frame[name]) for name in self.numeric):
            counts = self.counts(frame[keep])
            assert counts is not None  # noqa: S101
            keep[keep] = counts.some
            zero = int(np.count_nonzero(~counts.some))
        return keep, dropped, zero
