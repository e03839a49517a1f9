"""Rows of files larger than memory, read anew in each pass."""

from __future__ import annotations

import contextvars
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import IO, Any, Literal, TypeVar

from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.batches.blocks import Blocks, ChangedError
from flatprior.models.batches.first_pass import Survey, conclude, settled, survey
from flatprior.models.batches.roles import Roles
from flatprior.models.batches.same_passes import Request, for_all
from flatprior.models.common.errors import InputError
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.text import NO_ROWS
from flatprior.models.encoding.files.missing_words import USUAL, Meant
from flatprior.models.encoding.files.passes import Passes, Tally
from flatprior.models.encoding.files.reading import PLAIN, Found, Reading
from flatprior.models.encoding.files.source import ReadError, Source
from flatprior.models.encoding.sampling import Sample
from flatprior.models.rows import either

T = TypeVar("T")
MOST_NUMBERS = 2**25  # in a batch that is read for several


@dataclass(frozen=True, eq=False, kw_only=True)
class FilePass(Request[T]):
    """What somebody wants of a pass over files.

    Attributes
    ----------
    source : Source
    rows : int
        Of a batch: that of the survey, whatever columns are read beside its own.
    what : str
        Which pass it is.
    total : int or None
        Rows in all, where that is known.
    shown : bool
        Show a progress bar.
    told : Found or None
        Is told what is to be said of these columns.
    """

    source: Source
    rows: int
    what: str
    total: int | None
    shown: bool
    told: Found | None = None

    def sent(self) -> FilePass[T]:
        """The same, in the context of who asks, in which NumPy's error state is too."""
        run, function, combine = contextvars.copy_context().run, self.function, self.combine
        return replace(
            self,
            function=lambda *parts: run(function, *parts),
            combine=lambda one, two: run(combine, one, two),
        )

    def may_go_with(self, others: Sequence[FilePass[Any]]) -> bool:
        """Whether these are the same files, taken alike in batches of the same size."""
        every = [*others, self]
        if not all(isinstance(each, FilePass) for each in every):
            return False
        rows = {each.rows for each in every}
        return (
            len(rows) == 1
            and len(_columns(every)) * rows.pop() <= MOST_NUMBERS
            and self.source.may_be_read_with([(each.source, each.columns) for each in every])
        )

    def made(self, every: Sequence[FilePass[Any]]) -> tuple[list[Any], Passes]:
        """Read the files once."""
        of_source: dict[int, list[FilePass[Any]]] = {}
        for each in every:
            of_source.setdefault(id(each.source.tally), []).append(each)
        alone, counted, once = len(of_source) == 1, Passes(), Tally()
        if not alone:
            self.source.seen()  # an error where they have changed
            sizes = [some[0].source.size(_columns(some)) for some in of_source.values()]
            for (first, *_), size in zip(of_source.values(), sizes, strict=True):
                first.source.tally.add(1, size)
                counted += Passes(1, size)
        tally = self.source.tally if alone else once
        source = self.source.beside([each.source for each in every], tally)
        told = Found()
        asked_for_notes = any(each.told is not None for each in every)
        frames = source.read(_columns(every), self.rows, told if asked_for_notes else None)
        function, combine, of_each = for_all(every)
        answers: list[Any] | None = None
        what = f"rows, {self.what}" if alone else f"rows for {len(of_source)} models, {self.what}"
        total = max((each.total or 0 for each in every), default=0) or None
        with progress_bar(what, total, any(each.shown for each in every)) as advance:
            for number, frame in enumerate(frames):
                answers = either(combine, answers, function(frame, number))
                advance(len(frame))
        if answers is None:
            raise InputError(NO_ROWS)
        for each in every:
            if each.told is not None:
                each.told.take(told, each.columns)
        return of_each(answers), counted - once.now


def _columns(every: Sequence[FilePass[Any]]) -> tuple[str, ...]:
    """The columns that any of them asks for."""
    return tuple(dict.fromkeys(name for each in every for name in each.columns))


@dataclass(frozen=True, eq=False, kw_only=True)
class FileRows(BatchRows):
    """Rows of files, read anew in each pass.

    Attributes
    ----------
    source : Source
    progress : bool
        Show a progress bar on standard error in each pass.
    """

    source: Source
    progress: bool = False

    def _over_frames(
        self,
        function: Callable[..., T],
        combine: Callable[[T, T], T],
        columns: tuple[str, ...],
        blocks: Blocks | None = None,
    ) -> Any:
        wanted = FilePass(
            columns=columns,
            function=function,
            combine=combine,
            shared=blocks,
            source=self.source,
            rows=self.source.rows_at_once(self.surveyed.encoder.roles.columns),
            what=f"pass {self.passes.number + 1}",
            total=self.surveyed.survey.n_read,
            shown=self.progress,
        )
        try:
            return wanted.answer()
        except ChangedError as error:
            raise ChangedError(
                f"the data are not the same in each pass: files of {self.source.name!r} have "
                "changed while they were read, though their sizes and times have not; start again"
            ) from error.__cause__
        except ReadError as error:  # it was read before: no input is wrong, and none is tried
            raise OSError(str(error)) from error.__cause__

    @property
    def tally(self) -> Tally:
        """Of the passes over the files."""
        return self.source.tally

    def seen(self) -> Hashable:
        """What can be seen of the files without reading them; an `OSError` if they have changed."""
        return self.source.seen()

    @property
    def _names(self) -> tuple[str, ...]:
        return self.source.names

    @property
    def reading(self) -> Reading:
        """How the files were read, and what there is to say of it."""
        return self.source.reading

    def _as_text(self, name: str) -> BatchRows:
        if self.source.typed or name in self.source.text:
            return super()._as_text(name)
        return replace(self, source=replace(self.source, text=self.source.text | {name}))


def read_files(
    path: str | PathLike[str] | IO[Any],
    formula: str,
    offset: str | None,
    weights: str | None,
    missing: Literal["drop", "raise"],
    progress: bool,
    event: Any = None,
    trials: str | None = None,
    asked: Reading = PLAIN,
    sample: Sample | None = None,
) -> FileRows:
    """Survey the files and say how their rows are encoded."""
    source = Source.find(path, asked)
    roles = Roles.read(formula, source.heading, offset, weights, missing, event, trials, sample)
    source = replace(source, codes=roles.factors)
    told = Found()

    def survey_with(meant: Meant) -> tuple[Survey, dict[str, Counter[str]]]:
        nonlocal source, told
        source = replace(source, text=meant.text, retyped=meant.retyped)
        of_all, told = _survey(source, roles, progress)
        return of_all, told.words if source.typed else {}

    found, _, _ = settled(survey_with, roles, source.meant)
    if not source.typed:
        # what looks like numbers here and like words there, because batches are read one by one,
        # is words everywhere
        mixed = frozenset(name for name, each in found.columns.items() if len(each.kinds) > 1)
        mixed |= frozenset(() if sample is None else sample.mixed(found.units))
        if mixed:
            source = replace(source, text=mixed)
            found, told = _survey(source, roles, progress)
    reading = source.reading.noting(*told.notes(USUAL))
    source = replace(source, reading=reading)
    return FileRows(surveyed=conclude(found, roles), source=source, progress=progress)


def _survey(source: Source, roles: Roles, progress: bool) -> tuple[Survey, Found]:
    told = Found()
    wanted = FilePass(
        columns=roles.columns,
        function=lambda frame, number: survey(frame, roles, number),
        combine=Survey.merge,
        source=source,
        rows=source.rows_at_once(roles.columns),
        what="first pass",
        total=None,  # how many there are is not known yet: the bar counts without an end
        shown=progress,
        told=told,
    )
    return wanted.answer(), told
