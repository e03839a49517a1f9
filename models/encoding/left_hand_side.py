"""What stands left of the tilde: a response, or counts of successes and failures in groups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import shorten

_NAME = r"(?:`([^`]+)`|([^\W\d][\w.]*))"
_COUNTS = re.compile(
    rf"cbind\(\s*{_NAME}\s*,\s*(?:{_NAME}|([0-9]{{1,15}}))\s*(?:-\s*{_NAME}\s*)?\)"
)


@dataclass(frozen=True)
class LeftHandSide:
    """The response of a formula.

    Attributes
    ----------
    name : str
        What the response is called.
    events : str
        The column of the response; of grouped counts, that of the successes.
    others : str or None
        The column of the failures, where they have one.
    total : str, int or None
        The column of all trials, or their number, where failures are those that are no successes.
    """

    name: str
    events: str
    others: str | None = None
    total: str | int | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        named = (self.events, self.others, self.total)
        return tuple(each for each in named if isinstance(each, str))

    @property
    def grouped(self) -> bool:
        """Whether it is of counts."""
        return (self.others, self.total) != (None, None)


def left_hand_side(tokens: Sequence[tuple[str, str]], formula: str) -> LeftHandSide:
    """Read what stands left of the tilde, as formulaic's tokens and their kinds.

    Raises
    ------
    ValueError
        If it is neither a column nor ``cbind(successes, failures)``.

    Examples
    --------
    >>> from flatprior.models.encoding.left_hand_side import left_hand_side
    >>> left_hand_side([("cbind(s, n - s)", "python")], "cbind(s, n - s) ~ x")
    LeftHandSide(name='cbind(s, n - s)', events='s', others=None, total='n')
    """
    token, kind = tokens[0] if len(tokens) == 1 else ("", "")
    if kind == "name":
        return LeftHandSide(token, token)
    if kind == "python" and token.startswith("cbind("):
        return _counts(token)
    raise InputError(
        f"the formula {shorten(formula)} must be one response column (event= says which of its "
        "values counts as 1), or cbind(successes, failures) of grouped counts, then '~' and the "
        "predictors: 'y ~ x1 + x2'"
    )


def _counts(token: str) -> LeftHandSide:
    found = _COUNTS.fullmatch(token.strip())
    if found:
        quoted, plain, *second, number, less_quoted, less = found.groups()
        events, column, less = quoted or plain, second[0] or second[1], less_quoted or less
        if less == events and column != events:
            total = int(number) if column is None else column
            return LeftHandSide(f"cbind({events}, {total} - {events})", events, total=total)
        if less is None and column not in (None, events):
            return LeftHandSide(f"cbind({events}, {column})", events, column)
    raise InputError(
        f"{shorten(token)} in the formula is not of counts: write cbind(successes, failures), or "
        "cbind(successes, trials - successes)"
    )
