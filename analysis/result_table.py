"""A table of results that says what it is of, wherever it is shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.rendering import Renderable, Rendered, chosen, formats_of
from flatprior.models.common.text import level_in_words

_SHORT = {"standard error": "SE"}  # what is shown of the names of columns
_SHARES = {"pd": ".4f", "contour probability": "#.4g"}
_FORMATS = {
    "adjusted p": "p",
    "df": ".1f",
    "df error": ".1f",
    "mcse": "#.2g",
    "grid error": "bound.2g",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class ResultTable(Renderable):
    """Numbers of several effects, contrasts, intervals or scores, and what they are.

    It is printed whole. ``[...]``, ``in``, ``loc``, ``iloc``, ``index``, ``columns``, ``round``,
    ``len`` and the array of NumPy are those of the data frame that `table` gives, which has all
    else. Where a row has a name of several parts, `to_csv` joins them, in quotes where that would
    be ambiguous; ``.table().to_csv`` has a column for each.

    Attributes
    ----------
    frame : DataFrame
        What `table` returns.
    title : str
    facts : tuple of str
        What stands above the table: of which rows, on which scale.
    notes : tuple of str
        Below it: which standard errors, which adjustment, what is lacking.
    draws : int
        Of how many draws "pd" and "contour probability" are shares, none of which is printed as 0
        or 1: "> 0.999" says that all draws are alike, with what that bounds. `table` has the share.

    Examples
    --------
    >>> from flatprior.analysis import average_marginal_effects
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> data = load_spector()
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", data)
    >>> effects = average_marginal_effects(model, fit_newton(model), data)
    >>> effects.loc["psi", ["effect", "standard error"]].round(4).tolist()
    [0.3044, 0.0929]
    >>> print(effects.to_markdown(["effect", "p"]).splitlines()[-4])
    | gpa | 0.3989 | 1.79e-05 |
    """

    frame: pd.DataFrame
    title: str
    facts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    draws: int = 0

    def table(self) -> pd.DataFrame:
        """The numbers, all of them with all digits; the name of its columns has notes in short."""
        return self.frame.copy()

    def __getitem__(self, key: Any) -> Any:
        return self.table()[key]

    def __contains__(self, name: object) -> bool:
        return name in self.frame

    # pandas would make a frame without names of what can be iterated over
    __iter__ = None

    def __len__(self) -> int:
        return len(self.frame)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.table().to_numpy(dtype)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or name == "frame":  # of pickle and copy, before there is one
                raise AttributeError(name)
            said = f"a ResultTable has no {name!r}"
            if name in self.frame:
                said += f": its column is [{name!r}]"
            elif hasattr(pd.DataFrame, name):
                said += f", but its data frame has: .table().{name}"
            raise AttributeError(said)

    @property
    def loc(self) -> Any:
        """Of the table, by the names of rows and columns."""
        return self.table().loc

    @property
    def iloc(self) -> Any:
        """Of the table, by places."""
        return self.table().iloc

    @property
    def index(self) -> pd.Index[Any]:
        """Names of the rows."""
        return self.frame.index

    @property
    def columns(self) -> pd.Index[Any]:
        """Names of the columns."""
        return self.frame.columns

    def round(self, decimals: int | dict[Any, int] = 0) -> pd.DataFrame:
        """The table with numbers of so many decimals."""
        return self.table().round(decimals)

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """The table, or these of its columns, with what it is of."""
        shown = chosen(self.table(), columns).rename(columns=_SHORT)
        shown.index = pd.Index([called(label) for label in shown.index])
        formats = formats_of(shown.columns) | _FORMATS
        if self.draws:
            formats |= {name: f"of {self.draws} {form}" for name, form in _SHARES.items()}
        second = next((str(name) for name in shown.columns if "%" in str(name)), "")
        return Rendered.of(shown, formats, self.title, self.facts, self.notes, second=second)


def called(label: Any, *signs: str) -> str:
    """A name of several parts in one piece of text, in quotes those that it would not show.

    Nor may several parts hold what joins them, or one of the signs that join the text to others.

    Examples
    --------
    >>> from flatprior.analysis.result_table import called
    >>> called(("gpa", "0")), called(("gpa", "0, 1")), called("psi")
    ('gpa, 0', "gpa, '0, 1'", 'psi')
    """
    if not isinstance(label, tuple):
        return str(label)
    joined = (*signs, ", ") if len(label) > 1 else signs
    return ", ".join(level_in_words(part, *joined) for part in label)
