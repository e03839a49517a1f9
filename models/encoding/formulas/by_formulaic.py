"""formulaic, called from any number of threads."""

from __future__ import annotations

from typing import Any

import pandas as pd

from flatprior.models.common.errors import InputError

PARSES = 5  # of one formula, where threads get into one another's way


def built(what: Any, table: pd.DataFrame, context: dict[str, Any] | None = None) -> Any:
    """What formulaic makes of the table, in any number of threads.

    It parses the number 1 by Python, and CPython 3.11 counts how deep a syntax tree is for all
    threads together: where several parse at once it may find the count wrong, and raise a
    SystemError. To parse again is all that is needed.
    """
    for attempt in range(PARSES):
        try:
            return what.get_model_matrix(
                table, context=context or {}, na_action="ignore", output="pandas"
            )
        except SystemError as error:
            if attempt == PARSES - 1:
                raise InputError(
                    "the formula cannot be read while so many threads read formulas; try again"
                ) from error
    raise AssertionError
