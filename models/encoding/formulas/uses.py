"""The columns that a formula uses, under names that nothing in the data can be taken for."""

from __future__ import annotations

import secrets
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Literal


@dataclass
class Uses:
    """The columns that a formula uses, collected while it is read.

    Attributes
    ----------
    columns : list of str
        In the order of their first use; a column's place is the number in its generated name.
    generated : dict
        Generated name to column: ``_factor_3_<token>_`` inside ``C()``, ``_number_3_<token>_``
        inside another function, ``_text_3_<token>_`` where that compares it with text, and
        ``_plain_3_<token>_`` where it stands alone.
    token : str
        Random, so that no level of the user's data can be taken for a generated name.
    """

    columns: list[str] = field(default_factory=list)
    generated: dict[str, str] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def add(self, name: str, kind: Literal["plain", "factor", "number", "text"] = "plain") -> str:
        """Note the use of a column; return its generated name."""
        if name not in self.columns:
            self.columns.append(name)
        key = f"_{kind}_{self.columns.index(name)}_{self.token}_"
        self.generated[key] = name
        return key

    def only(self, keys: Container[str]) -> Uses:
        """The uses of these generated names, and no others."""
        generated = {key: name for key, name in self.generated.items() if key in keys}
        columns = [name for name in self.columns if name in generated.values()]
        return Uses(columns, generated, self.token)
