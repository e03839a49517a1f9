"""How a file is read: what was asked for, what was guessed, and what was found on the way."""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flatprior.models.common.calls import a_or_an
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import count, first_of, listing, printable, shorten

TABS = ("\\t", "tab", "TAB")  # what people write in a shell
NAMED_SIGNS = {"\t": "tabs", " ": "blanks"}
WORDS_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How a file is read.

    Attributes
    ----------
    sep : str or None
        The sign between the columns of text.
    decimal : str or None
        The sign before decimals in text, "." or ",".
    encoding : str or None
        Of text, as Python calls it.
    na : tuple of str or None
        Words that mean a missing value, beside an empty cell and the format's own words, or in
        place of these if an empty word is among them.
    sheet : str or int or None
        Of a workbook, by name or counted from 1.
    guessed : tuple of str
        Which of these nobody has named.
    notes : tuple of str
        Sentences on what was read, for the facts of a model.
    """

    sep: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    na: tuple[str, ...] | None = None
    sheet: str | int | None = None
    guessed: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)

    @classmethod
    def of(
        cls,
        sep: Any = None,
        decimal: Any = None,
        encoding: Any = None,
        na: Any = None,
        sheet: Any = None,
    ) -> Reading:
        r"""Check the options as people pass them.

        Raises
        ------
        ValueError, TypeError
            If one of them cannot be.

        Examples
        --------
        >>> from flatprior.models.encoding.files.reading import Reading
        >>> Reading.of(sep="tab", na="?").options
        {'sep': '\t', 'na': ['?']}
        """
        for name, value in (("sep", sep), ("decimal", decimal), ("encoding", encoding)):
            if value is not None and not isinstance(value, str):
                raise InputTypeError(f"{name} must be text, not {a_or_an(value)}")
        sep = "\t" if sep in TABS else sep
        if sep is not None and (
            len(sep) != 1 or not sep.isascii() or sep.isalnum() or sep in "\"'\r\n\0.+-_"
        ):
            raise InputError(
                f"sep={shorten(sep, 20)} cannot separate columns: it must be one sign, such as "
                "',', ';', '|' or a tab ('\\t')"
            )
        if decimal not in (None, ".", ","):
            raise InputError(f"decimal={shorten(decimal, 20)} must be '.' or ','")
        if encoding is not None:
            encoding = _encoding(encoding)
        if na is not None:
            na = (na,) if isinstance(na, str) else na
            if not isinstance(na, Iterable) or not all(isinstance(word, str) for word in na):
                raise InputTypeError("na must be a word, or several, that mean a missing value")
            na = tuple(dict.fromkeys(word.strip() for word in na)) or ("",)
        if sheet is not None and (
            not isinstance(sheet, str | int) or isinstance(sheet, bool) or sheet == 0
        ):
            raise InputTypeError("sheet must be a sheet's name, or its number counted from 1")
        return cls(sep=sep, decimal=decimal, encoding=encoding, na=na, sheet=sheet)

    @property
    def asked(self) -> tuple[str, ...]:
        """The options that were named."""
        return tuple(name for name in self.options if name not in self.guessed)

    @property
    def options(self) -> dict[str, Any]:
        """What reads the file this way again, guessed or not, as JSON has it."""
        values = {name: getattr(self, name) for name in OPTIONS}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in values.items()
            if value is not None
        }

    def words(self, usual: Iterable[str]) -> frozenset[str]:
        """All words that mean a missing value, of a format that has usual ones."""
        named = set(self.na or ())
        return frozenset(named - {""} if "" in named else named | set(usual))

    def taken_by(self, kind: str, *options: str, strict: bool = True) -> Reading:
        """The options that a format has; of others, an error where that is `strict`."""
        others = [name for name in self.asked if name not in options]
        if others and strict:
            raise InputError(
                f"{listing([f'{name}=' for name in others])} {'is' if len(others) == 1 else 'are'} "
                f"not for {kind}; leave {'it' if len(others) == 1 else 'them'} out"
            )
        dropped: dict[str, Any] = dict.fromkeys(others)
        return replace(self, **dropped)

    @property
    def as_asked(self) -> Reading:
        """The options that were named, for other files."""
        dropped: dict[str, Any] = dict.fromkeys(self.guessed)
        return replace(self, **dropped | {"guessed": (), "notes": ()})

    def noting(self, *notes: str) -> Reading:
        """The same, with more to say."""
        return replace(self, notes=(*self.notes, *(note for note in notes if note)))


OPTIONS = tuple(inspect.signature(Reading.of).parameters)
PLAIN = Reading()


def _encoding(name: str) -> str:
    """An encoding of text by its one name, UTF-8 with or without a mark alike."""
    import codecs
    import io

    try:
        io.TextIOWrapper(io.BytesIO(), encoding=name)
        known = codecs.lookup(name).name
    except (LookupError, ValueError) as error:
        raise InputError(
            f"encoding={shorten(name, 30)} is none that is known: write 'utf-8', 'latin-1', "
            "'cp1252' or 'utf-16'"
        ) from error
    return "utf-8" if known == "utf-8-sig" else known


@dataclass(eq=False)
class Found:
    """What the first reading of files finds: it is filled by the readers, and then said.

    Attributes
    ----------
    words : dict
        Column to the words that were read as missing, and in how many rows.
    own : dict
        Column to the values that the format itself has for what is missing, such as #DIV/0!.
    codes : dict
        Column to the digits with leading zeros that were read as numbers, and in how many rows.
    short : dict
        File to the rows with fewer fields than columns: how many, and the first of them.
    """

    words: dict[str, Counter[str]] = field(default_factory=dict)
    own: dict[str, Counter[str]] = field(default_factory=dict)
    codes: dict[str, Counter[str]] = field(default_factory=dict)
    short: dict[str, ShortRows] = field(default_factory=dict)

    def have(self, name: str, values: Iterable[str]) -> None:
        """Count values of a column that the format itself takes for missing ones, if any are."""
        counts = Counter(values)
        if counts:
            self.own[name] = self.own.get(name, Counter()) + counts

    def take(self, other: Found, columns: Sequence[str]) -> None:
        """Take what another found of these columns, in their order."""
        for name in columns:
            for ours, theirs in (
                (self.words, other.words),
                (self.own, other.own),
                (self.codes, other.codes),
            ):
                if name in theirs:
                    ours[name] = ours.get(name, Counter()) + theirs[name]
        self.short |= other.short

    def notes(self, usual: Iterable[str] = ()) -> tuple[str, ...]:
        """What is to be said of it; of `usual` words how they stay what they are."""
        usual = frozenset(usual)
        said = []
        for name, words in (*self.own.items(), *self.words.items()):
            stay = words is self.words.get(name) and not usual.isdisjoint(words)
            each = [f"{word!r} in {count(n, 'row')}" for word, n in words.most_common(WORDS_SHOWN)]
            said.append(
                f"{printable(name)}: {', '.join(each)} read as missing"
                + ("; na='' leaves such words what they are" if stay else "")
            )
        for name, codes in self.codes.items():
            kept = first_of(repr(code) for code in sorted(codes))
            said.append(
                f"{printable(name)}: {kept} in {count(codes.total(), 'row')} read as numbers, "
                "without the zeros in front; C() keeps such codes"
            )
        for file, rows in self.short.items():
            of = f" of {os.path.basename(file)!r}" if len(self.short) > 1 else ""
            said.append(
                f"{count(rows.number, 'row')}{of} with fewer fields than the {rows.columns} "
                f"columns, the rest missing: row{'s' if rows.number > 1 else ''} "
                f"{first_of(rows.first, rows.number)}"
            )
        return tuple(said)


@dataclass(frozen=True)
class ShortRows:
    """Rows of a file with fewer fields than it has columns.

    Attributes
    ----------
    number : int
    first : tuple of int
        The first of them, counted from 1.
    columns : int
        How many fields a row should have.
    """

    number: int
    first: tuple[int, ...]
    columns: int


def from_options(options: Mapping[str, Any] | None) -> Reading:
    """The reading of options that were stored."""
    if options is None:
        return PLAIN
    try:
        if isinstance(options, Mapping) and set(options) <= set(OPTIONS):
            return Reading.of(**options)
    except (InputError, InputTypeError) as error:
        raise InputError(f"how the data were read is stated wrongly: {error}") from error
    raise InputError("how the data were read is stated in words that are not known")
