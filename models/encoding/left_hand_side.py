"""What stands left of the tilde: a response, or counts of successes and failures in groups."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import shorten

_NAME = r"(?:`([^`]+)`|([^\W\d][\w.]*))"
_COUNTS = re.compile(rf"cbind\(\s*{_NAME}\s*,\s*{_NAME}\s*(?:-\s*{_NAME}\s*)?\)")


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
    total : str or None
        The column of all trials, where failures are those that are no successes.
    """

    name: str
    events: str
    others: str | None = None
    total: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it is made of."""
        return tuple(each for each in (self.events, self.others, self.total) if each is not None)

    @property
    def grouped(self) -> bool:
        """Whether it is of counts."""
        return len(self.columns) > 1


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
    if len(tokens) == 1:
        (token, kind), found = tokens[0], _COUNTS.fullmatch(tokens[0][0].strip())
        if kind == "name":
            return LeftHandSide(token, token)
        if kind == "python" and found:
            parts = found.groups()
            events, second, subtracted = (
                quoted or plain for quoted, plain in zip(parts[::2], parts[1::2], strict=True)
            )
            if subtracted in (None, events) and second != events:
                return _counts(events, second, subtracted is not None)
            raise InputError(
                f"{shorten(token)} in the formula is not of counts: write cbind(successes, "
                "failures), or cbind(successes, trials - successes)"
            )
    raise InputError(
        f"the formula {shorten(formula)} must be one response column (event= says which of its "
        "values counts as 1), or cbind(successes, failures) of grouped counts, then '~' and the "
        "predictors: 'y ~ x1 + x2'"
    )


def _counts(events: str, second: str, is_total: bool) -> LeftHandSide:
    rest = f"{second} - {events}" if is_total else second
    name = f"cbind({events}, {rest})"
    return LeftHandSide(name, events, None if is_total else second, second if is_total else None)
