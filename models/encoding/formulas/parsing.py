"""A formula held against the allow-list, and written anew in generated names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pandas as pd

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import shorten
from flatprior.models.encoding.columns.checks import column
from flatprior.models.encoding.columns.kinds import predictor
from flatprior.models.encoding.formulas.arithmetic import LARGEST_POWER, call
from flatprior.models.encoding.formulas.uses import Uses
from flatprior.models.encoding.left_hand_side import LeftHandSide, left_hand_side

OPERATORS = frozenset(["+", "-", ":", "*", "/", "^", "**", "|"])
LONGEST_FORMULA = 10_000
MOST_TERMS = 4096
# text in which quotes, backticks and escapes cannot be taken for one another
_PLAIN = re.compile(r"""(?:[^`'"\\#\r\n]|`[^`\\\r\n]+`|'[^`'"\\\r\n]*'|"[^`'"\\\r\n]*")*""")


@dataclass(frozen=True, eq=False)
class Parsed:
    """A checked formula.

    Attributes
    ----------
    left : LeftHandSide
    columns : tuple of str
        Every column of the right-hand side, once.
    generated : dict
        Generated name to column.
    rewritten : str
        The right-hand side, in generated names: all that formulaic sees.
    """

    left: LeftHandSide
    columns: tuple[str, ...]
    generated: dict[str, str]
    rewritten: str

    @property
    def response(self) -> str:
        """What the response is called."""
        return self.left.name

    @property
    def factors(self) -> frozenset[str]:
        """Columns that stand in ``C(...)``: categories whatever they hold."""
        return self._used_as("_factor_")

    @property
    def plain(self) -> frozenset[str]:
        """Columns that stand alone: numbers, or categories where they hold text."""
        return self._used_as("_plain_")

    def _used_as(self, prefix: str) -> frozenset[str]:
        return frozenset(name for key, name in self.generated.items() if key.startswith(prefix))

    def original(self, name: str) -> str:
        """Put the columns' own names back into a name that formulaic has made."""
        for key, column_name in self.generated.items():
            name = name.replace(key, column_name)
        return name

    def table(
        self, frame: pd.DataFrame, levels: dict[str, tuple[Any, ...]] | None = None
    ) -> pd.DataFrame:
        """Return the columns under their generated names, as numbers or categories."""
        known = levels or {}
        series = {
            key: predictor(
                column(frame, name),
                categorical=key.startswith("_factor_") or key in known,
                levels=known.get(key),
                numbers_because=(
                    "the formula computes with it; use it alone, or as C(...)"
                    if key.startswith("_number_")
                    else "the model was built with numbers; convert it"
                    if levels is not None and key not in known
                    else None
                ),
            )
            for key, name in self.generated.items()
        }
        return pd.DataFrame(series, index=frame.index)


def parse(formula: str, frame: pd.DataFrame) -> Parsed:
    """Hold every token of `formula` against the allow-list, and write it anew.

    Raises
    ------
    ValueError
        Saying which token is not allowed, or which column does not exist.
    """
    from formulaic.errors import FormulaicError
    from formulaic.parser.algos.tokenize import tokenize

    if not isinstance(formula, str) or not formula.strip():
        raise InputError("the formula is empty; write for example 'y ~ x1 + x2'")
    if len(formula) > LONGEST_FORMULA:
        raise InputError(f"the formula is longer than {LONGEST_FORMULA} characters")
    if not _PLAIN.fullmatch(formula):
        raise InputError(
            f"the formula {shorten(formula)} cannot be read: pair the quotes and backticks, and "
            "leave out backslashes and '#'"
        )
    try:
        tokens = [(token.token, token.kind.value) for token in tokenize(formula)]
    except FormulaicError as error:
        raise InputError(
            f"the formula {shorten(formula)} cannot be read: {one_line(error)}"
        ) from error
    tildes = [i for i, (token, kind) in enumerate(tokens) if kind == "operator" and "~" in token]
    one = len(tildes) == 1 and tokens[tildes[0]][0].startswith("~")
    place = tildes[0] if one else 0  # without a single tilde nothing stands left of it
    left = left_hand_side(tokens[:place], formula)
    for name in left.columns:
        column(frame, name)
    # formulaic glues operators together: "~-" in "y ~ -1 + x"
    right = [(sign, "operator") for sign in tokens[place][0][1:]] + tokens[place + 1 :]
    if not right:
        raise InputError(f"the formula {shorten(formula)} has no predictors; write 'y ~ 1'")
    uses = Uses()
    rewritten = _rewrite(right, uses)
    for name in uses.columns:
        column(frame, name)
    for own in (left.events, left.others):
        if own in uses.columns:
            raise InputError(f"the response {own!r} also stands among the predictors")
    return Parsed(left, tuple(uses.columns), uses.generated, rewritten)


def _rewrite(tokens: list[tuple[str, str]], uses: Uses) -> str:
    """Check the tokens right of the tilde; return them in generated names."""
    parts: list[str] = []
    operands = products = 0
    before = "~"
    for token, kind in tokens:
        if before in ("**", "^"):
            operands = max(operands, 1)
            power = int(token) if kind == "value" and token.isdecimal() else 0
            if not 1 <= power <= LARGEST_POWER or operands**power > MOST_TERMS:
                raise InputError(
                    f"the power {token} is not allowed in a formula: it must be a whole number "
                    f"from 1 to {LARGEST_POWER}, of not too many terms"
                )
            parts.append(token)
        elif kind == "value":
            if token not in ("0", "1") or before not in ("~", "+", "-", "("):
                raise InputError(
                    f"{token!r} is not allowed in a formula at that place; name the columns, and "
                    "write I(2 * x) for a multiple"
                )
            parts.append(token)
        elif kind == "name":
            parts.append(uses.add(token))
        elif kind == "python":
            parts.append(call(token, uses))
        elif kind == "context" or token in OPERATORS or set(token) <= {"+", "-"}:
            products += token in ("*", "/")
            parts.append(f" {token} ")
        else:
            raise InputError(f"the operator {token!r} is not allowed in a formula")
        operands += kind in ("name", "python")
        # a column may be called "^"
        before = "" if kind in ("name", "python") else token if token in ("**", "^") else token[-1]
    if 2**products > MOST_TERMS:
        raise InputError(f"the formula multiplies {products + 1} terms, too many to expand")
    return "".join(parts)


def one_line(error: BaseException) -> str:
    """Make one plain line of formulaic's message, which marks places with terminal colours."""
    text = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]|\[1;31m|\[0m", "", str(error).split("\n\n")[0])
    return " ".join(text.split()) or type(error).__name__
