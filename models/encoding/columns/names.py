"""Names of columns that are not there, and the one that was meant."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence

from flatprior.models.common.errors import InputError
from flatprior.models.encoding.columns.text_among_numbers import is_number

SHOWN = 12
_UNNAMED = re.compile("column [0-9]+")  # what a column without a name is called
_LEVELS = re.compile(r"\(.+, .+\)")  # what pandas calls one that has names on several levels
# small letters of Cyrillic and Greek that are drawn as these Latin ones are
_DRAWN = str.maketrans("аеорсухіјѕαιορυχ", "aeopcyxijsaiopux")


def no_such_column(name: str, known: Sequence[str]) -> ValueError:
    """The error for a name that is none of those known, with the one that was meant.

    Examples
    --------
    >>> from flatprior.models.encoding.columns.names import no_such_column
    >>> print(no_such_column("Age", ["y", "age"]))
    there is no column 'Age' (did you mean 'age'?); the columns are 'y', 'age'
    """
    near, same = alike(name, known), _drawn_alike(name, known)
    hint = f" (did you mean {near!r}?)" if near else ""
    if same:
        hint = f" ({same!r} looks like it, but has other letters: {_odd(name, same)})"
    shown = ", ".join(map(repr, known[:SHOWN])) + (", ..." if len(known) > SHOWN else "")
    heading = ""
    if any(_UNNAMED.fullmatch(each) for each in known):
        heading = (
            ", where some have no name: name all in the first line, and take out what stands above"
        )
    if any(_LEVELS.fullmatch(each) for each in known):
        heading = (
            ", named by several levels each: join these, data.columns = "
            "['_'.join(map(str, name)) for name in data.columns]"
        )
    if 2 * sum(map(is_number, known)) >= len(known) > 0:
        heading = ": name them, in a file by its first line"
    return InputError(f"there is no column {name!r}{hint}; the columns are {shown}{heading}")


def alike(name: str, known: Sequence[str]) -> str:
    """The known name nearest to one that is not known, whatever their case; empty without one.

    Examples
    --------
    >>> from flatprior.models.encoding.columns.names import alike
    >>> alike("agee", ["age", "race"]), alike("weight", ["age", "race"])
    ('age', '')
    """
    folded: dict[str, str] = {}
    for each in known:
        folded.setdefault(each.casefold(), each)
    wanted = name.casefold()
    near = [wanted] if wanted in folded else difflib.get_close_matches(wanted, folded, n=1)
    # "x.values" and "df.x", as data frames have it
    parts = [part for part in wanted.split(".") if part in folded]
    return folded[(near or parts)[0]] if near or parts else ""


def _drawn_alike(name: str, known: Sequence[str]) -> str:
    """The known name that looks like one of other letters; empty without one."""
    others = (each for each in known if each.casefold() != name.casefold())
    return next((each for each in others if _drawn(each) == _drawn(name)), "")


def _drawn(name: str) -> str:
    """What a name looks like, whatever its case, and whatever its letters are."""
    letters = unicodedata.normalize("NFKC", name).casefold().translate(_DRAWN)
    return "".join(letter for letter in letters if unicodedata.category(letter) != "Cf")


def _odd(name: str, other: str) -> str:
    """What letter is in one name and not in the other."""
    odd = [letter for letter in (*name, *other) if (letter in name) != (letter in other)]
    letter = next((letter for letter in odd if not letter.isascii()), odd[0])
    called = unicodedata.name(letter, f"U+{ord(letter):04X}").lower()
    return f"{called} in {(name if letter in name else other)!r}"
