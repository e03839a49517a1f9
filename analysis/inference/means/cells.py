"""The rows that marginal means are averaged over: a reference grid, or rows of data."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.analysis.inference.averaged_rows import (
    Averaged,
    each_added,
    means_of_numbers,
    of_batches,
    require_none_beside,
    rows_to_average,
)
from flatprior.analysis.inference.averages import (
    Averages,
    OwnComplement,
    OwnLogOdds,
    OwnProbability,
    Places,
)
from flatprior.analysis.inference.derivatives import replaced
from flatprior.analysis.inference.new_rows import encoded, frame_for, left_out
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import SCREEN, count, first_of, names_in, printable
from flatprior.models.encoding.columns.checks import of_some_rows
from flatprior.models.encoding.formulas.encoding import Encoding
from flatprior.models.rows import Block

MOST_ROWS = 1_000_000  # of a reference grid
OTHER = "other"  # the key, beside its place, of 1 less a probability
OFFSET = ""  # the key of a mean that is no column's
Over = Literal["grid", "rows"]
Scale = Literal["log-odds", "probability"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Cells:
    """What means are asked for, one for each cell, and what the model's variables may be.

    Attributes
    ----------
    by : tuple of str
    cells : tuple of tuple
        Each the values of the variables `by`.
    levels : dict
        Category, or what is true or false, to its levels.
    given : dict
        Other variables to the values that they are held at.
    """

    by: tuple[str, ...]
    cells: tuple[tuple[Any, ...], ...]
    levels: dict[str, tuple[Any, ...]]
    given: dict[str, tuple[Any, ...]]

    @classmethod
    def of(cls, encoding: Encoding, by: str | Sequence[str], at: Mapping[str, Any] | None) -> Cells:
        """The cells of variables of a formula.

        Raises
        ------
        ValueError
            If there is no such variable, or one has no levels and no values were given.
        """
        parsed = encoding.parsed
        levels = {parsed.generated[key]: tuple(found) for key, found in encoding.levels.items()}
        levels |= {name: (False, True) for name in encoding.booleans}
        given = {name: _as_tuple(name, values) for name, values in (at or {}).items()}
        names = (by,) if isinstance(by, str) else tuple(by)
        for name in (*names, *given):
            if name not in parsed.predictors:
                raise InputError(
                    f"there is no variable {printable(name)!r}; the variables are "
                    f"{names_in(SCREEN, parsed.predictors)}"
                )
        if not names or len(set(names)) < len(names):
            raise InputError("name the variables whose means are wanted, each once")
        for name in names:
            if name not in levels and name not in given:
                raise InputError(
                    f"{printable(name)!r} is a number: say at which values, such as "
                    f"at={{{name!r}: [1, 2]}}"
                )
        some = [given.get(name) or levels[name] for name in names]
        return cls(
            by=names,
            cells=tuple(itertools.product(*some)),
            levels=levels,
            given={name: values for name, values in given.items() if name not in names},
        )

    @property
    def index(self) -> pd.Index[Any]:
        """The values of each cell, as text."""
        told = [tuple(map(str, cell)) for cell in self.cells]
        if len(self.by) == 1:
            return pd.Index([cell[0] for cell in told], name=self.by[0])
        return pd.MultiIndex.from_tuples(told, names=self.by)

    def interactions(self, encoding: Encoding) -> tuple[str, ...]:
        """What is to be said of variables that are in an interaction with others.

        Not of others that are held at one value that was asked for.
        """
        said = []
        asked = {name for name, values in self.given.items() if len(values) == 1}
        for name in self.by:
            sets = [
                frozenset[str]().union(*(factor.columns for factor in term.factors))
                for term in encoding.model_terms
                if len(term.factors) > 1
            ]
            beside = frozenset[str]().union(*(each for each in sets if name in each))
            others = [
                other
                for other in encoding.parsed.predictors
                if other in beside and other not in self.by and other not in asked
            ]
            if others:
                said.append(
                    f"there is an interaction of {printable(name)} with "
                    f"{names_in(SCREEN, others)}: how the means differ depends on that too, and at "
                    "other values they may differ otherwise"
                )
        return tuple(said)

    def frames(self, frame: pd.DataFrame) -> Iterator[pd.DataFrame]:
        """Rows with the variables of each cell at its values."""
        for cell in self.cells:
            changed = frame
            for name, value in zip(self.by, cell, strict=True):
                values = pd.Series([value] * len(frame), index=frame.index)
                changed = replaced(changed, name, values)
            yield changed


@dataclass(frozen=True, eq=False)
class Found:
    """The numbers of each cell at all places, over how many rows, and which these are.

    Of probabilities those of 1 less them too, which near 1 these do not give.
    """

    numbers: list[Array]
    complements: list[Array]
    notes: tuple[str, ...]

    @classmethod
    def of(cls, found: Mapping[Any, Array], cells: Cells, notes: Iterable[str]) -> Found:
        """From the numbers by what they are of."""
        places = range(len(cells.cells))
        others = [found[each, OTHER] for each in places if (each, OTHER) in found]
        return cls([found[each] for each in places], others, tuple(filter(None, notes)))


def numbers_of_cells(
    model: BernoulliLogistic,
    cells: Cells,
    places: Places,
    scale: Scale,
    over: Over,
    data: pd.DataFrame | Mapping[str, ArrayLike] | None,
    offset: Any,
    frequency_weights: str | ArrayLike | None,
) -> Found:
    """The mean log-odds or probability of each cell, at all places.

    Raises
    ------
    ValueError
        If rows are needed and there are none, or they cannot be encoded.
    """
    if over == "grid":
        base = _grid(model, cells, data, offset, frequency_weights)
        found = _numbers(model, cells, base, places, scale)
        return Found.of(found, cells, (base.note,))
    held = {name: values[0] for name, values in cells.given.items() if len(values) == 1}
    for name in cells.given.keys() - held.keys():
        raise InputError(
            f"over rows {printable(name)!r} has one value, or is among the variables whose means "
            "are wanted"
        )

    def with_held(rows: Averaged) -> Averaged:
        frame = rows.frame
        assert frame is not None  # noqa: S101
        for name, value in held.items():
            frame = replaced(frame, name, pd.Series([value] * len(frame), index=frame.index))
        if isinstance(offset, Real):
            rows = replace(rows, offset=np.full(len(frame), float(offset)))
        return replace(rows, frame=frame)

    if data is None and isinstance(model.rows, BatchRows):
        require_none_beside(None if isinstance(offset, Real) else offset, frequency_weights)
        without, averaged = of_batches(model, model.rows)

        def numbers_of(block: Block, frame: pd.DataFrame) -> dict[Any, Array]:
            with of_some_rows():
                rows = with_held(averaged(block, frame))
                return _numbers(without, cells, rows, places, scale)

        found = model.rows.reduce_with_frames(numbers_of, each_added)
        n_rows, note = model.n_rows, left_out(model)
        if model.trials is not None:
            n_rows = model.trials.n_groups
    else:
        rows = rows_to_average(model, data, _of_rows(model, data, offset), frequency_weights)
        found = _numbers(model, cells, with_held(rows), places, scale)
        n_rows, note = rows.n_rows, rows.note
    said = [f"average over {count(n_rows, 'row')}, with the levels of each mean in all of them"]
    said += [f"{printable(name)} at {printable(value)}" for name, value in held.items()]
    said += [f"offset {offset:.6g}"] if isinstance(offset, Real) else []
    return Found.of(found, cells, ("; ".join(said), note))


def _numbers(
    model: BernoulliLogistic, cells: Cells, base: Averaged, places: Places, scale: Scale
) -> dict[Any, Array]:
    """The numbers of each cell, by its place, of the share of these rows."""
    assert base.frame is not None  # noqa: S101
    found: dict[Any, Array] = {}
    for place, frame in enumerate(cells.frames(base.frame)):
        what: dict[Any, OwnProbability] = (
            {place: OwnProbability(), (place, OTHER): OwnComplement()}
            if scale == "probability"
            else {place: OwnLogOdds()}
        )
        rows = Averages.of(encoded(model, frame), base.offset, base.share, what)
        found |= (rows if scale == "probability" else rows.of_the_mean()).numbers(places)
    return found


def _grid(
    model: BernoulliLogistic,
    cells: Cells,
    data: Any,
    offset: Any,
    frequency_weights: str | ArrayLike | None,
) -> Averaged:
    """Every combination of the levels of other categories, equally often; numbers at means."""
    encoding = model.encoding
    assert encoding is not None  # noqa: S101
    others = [name for name in encoding.parsed.predictors if name not in cells.by]
    numbers = [n for n in others if n not in cells.levels and n not in cells.given]
    for name in numbers:
        if name in encoding.parsed.compared:
            raise InputError(
                f"the formula compares {printable(name)!r}, which its mean does not stand for; say "
                f"at which values it is held: at={{{name!r}: ...}}"
            )
    needs_offset = model.rows.has_offset and not isinstance(offset, Real)
    means: dict[str, float] = {}
    if numbers or needs_offset:
        means = _means(model, data, offset, frequency_weights)
    elif frequency_weights is not None or not isinstance(offset, Real | None):
        raise InputError(
            "this grid has nothing of rows that an offset or frequency_weights could change, no "
            'number at its mean: leave them out, or average over rows (over="rows")'
        )
    added = float(offset) if isinstance(offset, Real) else means.get(OFFSET, 0.0)
    values = [cells.given.get(name) or cells.levels.get(name) or (means[name],) for name in others]
    n = math.prod(map(len, values))
    if n * len(cells.cells) > MOST_ROWS:
        raise InputError(
            f"the reference grid has {n * len(cells.cells)} rows, more than {MOST_ROWS}; hold some "
            'categories at a level (at), or average over rows (over="rows")'
        )
    columns = zip(*itertools.product(*values), strict=True) if others else ()
    frame = pd.DataFrame(dict(zip(others, map(list, columns), strict=True)), index=range(n))
    said = [f"{printable(name)} at {means[name]:.6g}" for name in numbers]
    said += [
        f"{printable(name)} at {printable(found[0])}"
        if len(found) == 1
        else f"{printable(name)} averaged over {count(len(found), 'value')}"
        for name, found in zip(others, values, strict=True)
        if name not in numbers
    ]
    if model.rows.has_offset or added:
        said.append(f"offset {added:.6g}")
    return Averaged(
        frame=frame,
        design=np.zeros((n, 0)),
        offset=np.full(n, added),
        share=np.full(n, 1 / n),
        note=f"the reference grid has {first_of(said)}" if said else "",
    )


def _means(
    model: BernoulliLogistic, data: Any, offset: Any, frequency_weights: str | ArrayLike | None
) -> dict[str, float]:
    """The mean of each number and of the offset, of data or of the rows of the model."""

    def of(model: BernoulliLogistic, rows: Averaged) -> dict[str, float]:
        return means_of_numbers(model, rows) | {OFFSET: float(rows.share @ rows.offset)}

    if data is None and isinstance(model.rows, BatchRows):
        require_none_beside(None if isinstance(offset, Real) else offset, frequency_weights)
        without, averaged = of_batches(model, model.rows)
        found: dict[str, float] = model.rows.reduce_with_frames(
            lambda block, frame: of(without, averaged(block, frame)), each_added
        )
        return found
    rows = rows_to_average(model, data, _of_rows(model, data, offset), frequency_weights)
    return of(model, rows)


def _of_rows(model: BernoulliLogistic, data: Any, offset: Any) -> Any:
    """The offsets of rows: those given, or zeros where one number stands for all of them."""
    if not isinstance(offset, Real):
        return offset
    if not math.isfinite(offset):
        raise InputError(f"the offset must be finite, not {offset}")
    needed = model.rows.has_offset and data is not None
    return np.zeros(len(frame_for(model, data))) if needed else None


def _as_tuple(name: str, values: Any) -> tuple[Any, ...]:
    found = (
        tuple(values)
        if isinstance(values, Iterable) and not isinstance(values, str | bytes)
        else (values,)
    )
    if not found:
        raise InputError(f"at has no value for {printable(name)!r}")
    whole = [value for value in found if isinstance(value, Hashable)]
    twice = [value for value, number in Counter(whole).items() if number > 1]
    if twice:
        raise InputError(
            f"at has {printable(twice[0])} twice for {printable(name)!r}: name each value once"
        )
    return found
