"""Coefficients by other names: the intercept's, and those of categories with other references."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from flatprior.models import BernoulliLogistic
from flatprior.models.batches.kept import kept
from flatprior.models.common.arrays import Array
from flatprior.models.common.coefficient_names import (
    CODINGS,
    OfTwoLevels,
    meant,
    paired,
    plain_name,
)
from flatprior.models.common.errors import InputError
from flatprior.models.common.labels import INTERCEPTS
from flatprior.models.common.text import SCREEN, first_of, names_in, printable
from flatprior.models.external_draws import levels_of, numbers_of, two_levels
from flatprior.models.rows import are_all, as_held

MOST_CODINGS = 1000


@dataclass(frozen=True, eq=False, kw_only=True)
class Placed:
    """Coefficients in the order of the model.

    Attributes
    ----------
    given : ndarray (m,)
        As they were given, in the order of the model; 0 for an intercept that was not. What they
        have besides comes last.
    matrix : ndarray (k, m)
        What turns them into coefficients of the model's own coding.
    recoded : str
        How their coding differs; mostly empty.
    left_in : str
        The categories with a coefficient for every level, where that is one too many.
    left_out : tuple of str
        Coefficients of theirs of columns that the model leaves out, combinations of others.
    without_intercept : bool
        Whether none was given.
    their_intercept : float
        Where the model has none.
    assumed : bool
        Whether numbers of two levels were taken for a category's, or the reverse, by a coding that
        nothing says.
    """

    given: Array
    matrix: Array
    recoded: str = ""
    left_in: str = ""
    left_out: tuple[str, ...] = ()
    without_intercept: bool = False
    their_intercept: float = 0.0
    assumed: bool = False


def place(
    model: BernoulliLogistic,
    given: Mapping[str, float],
    coding: tuple[float, float] | None = None,
) -> Placed:
    """Put the numbers into the order of the model, by name.

    `coding` is what two levels are taken for where one side has numbers and nothing says which; by
    default that of `CODINGS` under which the numbers are likeliest.

    Raises
    ------
    ValueError
        If a coefficient is missing or unknown.
    """
    if coding is None:
        placed = place(model, given, CODINGS[0])
        return place(model, given, coding_of(model, given)) if placed.assumed else placed
    ours = our_names(model, list(given))
    left = {ours.get(label, label): value for label, value in given.items()}
    names, k = model.names, len(model.names)
    found, matrix, said = np.full(k, math.nan), np.eye(k), []
    beside = _left_out(model, left)
    if beside is not None:
        found[beside.absent] = 0.0
        values = [left.pop(label) for label in beside.labels]
        if values:
            said.append(
                f"those of other columns too, of {first_of(map(printable, beside.labels))}, which "
                "the model leaves out as combinations of others: one choice of many that fit alike"
            )
    rest, assumed = [n for n in names if n not in left], False
    for each in two_levels(model, rest, _besides(left, names), coding):
        if each.shift and intercept_of(model) is None:
            continue
        left[each.name] = left.pop(each.label)
        if not each.same:
            matrix = _of_two_levels(model, each) @ matrix
        if not each.same or each.assumed:
            said.append(f"those of {printable(each.label)} in place of {printable(each.name)}")
        if each.assumed:
            assumed = True
            said[-1] += f", its levels taken for {coding[0]:g} and {coding[1]:g}"
    whole: list[tuple[Category, float]] = []  # with the number of the reference level
    for category in categories_of(model):
        slots = sorted(category.columns.values())
        if all(names[j] in left for j in slots):  # by the model's own names
            extra = _labels_of(category, left, names).get(category.reference)
            if extra is not None:
                whole.append((category, left.pop(extra)))
            continue
        of_levels = _labels_of(category, left, names)
        levels = {level: of_levels.get(level) for level in category.levels}
        absent = [level for level, name in levels.items() if name is None]
        if not absent:
            for level, slot in category.columns.items():
                found[slot] = left.pop(str(levels[level]))
            whole.append((category, left.pop(str(levels[category.reference]))))
            continue
        if len(absent) != 1:
            continue
        order = [level for level in category.levels if level != absent[0]]
        for slot, level in zip(slots, order, strict=True):
            found[slot] = left.pop(str(levels[level]))
        if absent[0] != category.reference:
            matrix = category.matrix(absent[0], model) @ matrix
            said.append(category.in_words(absent[0]))
    for j, name in enumerate(names):
        if name in left and math.isnan(found[j]):
            found[j] = left.pop(name)
    absent_intercept = [j for j, name in enumerate(names) if name in INTERCEPTS]
    without = len(absent_intercept) == 1 and math.isnan(found[absent_intercept[0]])
    if without:
        found[absent_intercept[0]] = 0.0
    theirs = [name for name in left if name in INTERCEPTS]
    their_intercept = left.pop(theirs[0]) if theirs and not absent_intercept else 0.0
    without_all = without and bool(whole)  # a coefficient a level in place of the intercept
    if beside is not None and beside.labels:
        matrix = np.hstack([matrix, beside.columns])
        found = np.append(found, values)
    if whole:
        matrix = np.hstack([matrix, *(_of_reference(model, category) for category, _ in whole)])
        found = np.append(found, [value for _, value in whole])
    of = [repr(printable(category.name.rstrip("_.[:"))) for category, _ in whole]
    if without_all:
        said.append(f"one for every level of {of[0]}, without an intercept")
    missing = [name for j, name in enumerate(names) if math.isnan(found[j])]
    if missing or left:
        what = [f"lacks {first_of(map(printable, missing))}"] if missing else []
        what += [f"has {first_of(map(printable, left))} besides"] if left else []
        raise InputError(
            f"the coefficients are not those of the model: what is given {' and '.join(what)}; the "
            f"model has {names_in(SCREEN, names)}{meant(missing, list(left))}"
        )
    return Placed(
        given=found,
        matrix=matrix,
        recoded=names_in(SCREEN, said),
        left_in=" and of ".join(of[1:] if without_all else of),
        left_out=() if beside is None else beside.labels,
        without_intercept=without and not without_all,
        their_intercept=their_intercept,
        assumed=assumed,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _LeftOut:
    """What is given of columns that the model leaves out, as combinations of its own.

    `labels` are theirs, `columns` (k, m) what each adds to the model's coefficients, and `absent`
    the places of the model's own that they leave out in their stead: these are 0.
    """

    labels: tuple[str, ...]
    columns: Array
    absent: NDArray[np.intp]


def _left_out(model: BernoulliLogistic, given: Mapping[str, float]) -> _LeftOut | None:
    beside, names = model.aliased, model.names
    found = {} if beside is None else paired(beside.names, _besides(given, names))
    if beside is None or not found:
        return None
    every = beside.coefficients(np.eye(len(beside.columns)))
    columns = every[:, [beside.columns.index(name) for name in found]]
    there = [j for j, name in enumerate(names) if name in given]
    known = np.hstack([np.eye(len(names))[:, there], columns])
    spanned = np.linalg.matrix_rank(known) == len(names)
    absent = np.setdiff1d(np.arange(len(names)), there) if spanned else np.arange(0)
    return _LeftOut(labels=tuple(found.values()), columns=columns, absent=absent)


def as_left_out(model: BernoulliLogistic, given: Mapping[str, float]) -> dict[str, float]:
    """The numbers without those that say nothing of columns that are left out.

    Of a model that leaves out columns itself; of another they are as they were given. NA (NaN) says
    nothing, nor does a number of a column of zeros, or 0 where all others are 0 or NA too. They
    stay where the rest does not make up the model without them.
    """
    if model.aliased is None:
        return dict(given)
    known = {label: value for label, value in given.items() if not math.isnan(value)}
    beside = _left_out(model, known)
    if beside is not None:
        works = beside.columns.T != 0
        idle = {label for label, each in zip(beside.labels, works, strict=True) if not each.any()}
        if not any(known[label] for label in beside.labels if label not in idle):
            idle = set(beside.labels)
        known = {label: value for label, value in known.items() if label not in idle}
    try:
        place(model, known)
    except InputError:
        return dict(given)
    return known


def coding_of(model: BernoulliLogistic, given: Mapping[str, float]) -> tuple[float, float]:
    """What two levels are taken for: the coding under which the coefficients are likeliest."""
    first = CODINGS[0]
    try:
        assumed = place(model, given, first).assumed
    except InputError:
        return first
    if not assumed:
        return first

    def likelihood(coding: tuple[float, float]) -> float:
        try:
            placed = place(model, given, coding)
        except InputError:
            return -math.inf
        if len(placed.given) != placed.matrix.shape[1] or not np.isfinite(placed.given).all():
            return -math.inf
        return float(model.log_likelihood(placed.matrix @ placed.given))

    return max(CODINGS, key=likelihood)


def _of_reference(model: BernoulliLogistic, category: Category) -> Array:
    """What a coefficient of the reference level adds to those of the model, (k, 1)."""
    column = np.zeros((model.n_parameters, 1))
    column[list(category.columns.values())] = -1.0
    column[intercept_of(model)] = 1.0
    return column


def our_names(model: BernoulliLogistic, labels: Sequence[str]) -> dict[str, str]:
    """The model's name of each coefficient that is its own by another name."""
    known = paired(model.names, labels, numbers_of(model), levels_of(model))
    found = {label: name for name, label in known.items()}
    rest = [name for name in model.names if name not in found.values()]
    beside = two_levels(model, rest, [label for label in labels if label not in found])
    return found | {each.label: each.name for each in beside if each.same and not each.assumed}


def _besides(given: Mapping[str, float], names: tuple[str, ...]) -> list[str]:
    return [name for name in given if name not in names]


def _of_two_levels(model: BernoulliLogistic, each: OfTwoLevels) -> Array:
    """(k, k): from theirs, of a category in place of a number or the reverse, to the model's."""
    matrix = np.eye(model.n_parameters)
    j = model.names.index(each.name)
    matrix[j, j] = each.slope
    if each.shift:
        matrix[intercept_of(model), j] += each.shift
    return matrix


@dataclass(frozen=True)
class Category:
    """Indicator columns of one category, one for each level but the reference."""

    name: str
    reference: str
    levels: tuple[str, ...]  # all, in their order
    columns: dict[str, int]  # level to column
    by_name: bool = False  # whether its levels were read off the names of indicators

    def matrix(self, reference: str, model: BernoulliLogistic) -> Array:
        """(k, k): from differences from `reference`, in the order of the levels, to the model's."""
        matrix = np.eye(model.n_parameters)
        slots = sorted(self.columns.values())
        order = [level for level in self.levels if level != reference]
        place = {level: slot for level, slot in zip(order, slots, strict=True)}
        matrix[slots] = 0.0
        for level, j in self.columns.items():
            if level != reference:
                matrix[j, place[level]] += 1.0
            if self.reference != reference:
                matrix[j, place[self.reference]] -= 1.0
        if self.reference != reference:
            matrix[intercept_of(model), place[self.reference]] += 1.0
        return matrix

    def in_words(self, reference: str) -> str:
        """What coefficients are differences from."""
        instead = f" in place of {printable(self.reference)!r}" if self.reference else ""
        return (
            f"differences from level {printable(reference)!r} of {printable(self.name)!r}{instead}"
        )


def intercept_of(model: BernoulliLogistic) -> int | None:
    """The column of ones, if there is one."""

    def find() -> int | None:
        ones, rows = np.ones(model.n_parameters), as_held(model.rows)
        every = rows.reduce(lambda block: are_all(block.design, ones), np.logical_and)
        return int(every.argmax()) if every.any() else None

    return kept(model.rows, "intercept", find, in_memory=True)  # many recodings ask for it


def categories_of(model: BernoulliLogistic) -> list[Category]:
    """The categories that enter as indicators and nowhere else, beside an intercept."""
    if intercept_of(model) is None:
        return []
    if model.encoding is None:
        return _indicator_groups(model)
    found = []
    places = {plain_name(name): j for j, name in enumerate(model.names) if "[T." in name}
    for key, levels in model.encoding.levels.items():
        name = model.encoding.parsed.generated[key]
        reference = model.reference_levels.get(name)
        named = {str(level): plain_name(f"{name}[T.{level}]") for level in levels}
        columns = {level: places[plain] for level, plain in named.items() if plain in places}
        elsewhere = [
            column
            for j, column in enumerate(model.names)
            if j not in columns.values() and (f"{name}[" in column or f"({name})[" in column)
        ]
        if reference is not None and len(columns) == len(levels) - 1 and not elsewhere:
            found.append(Category(name, reference, tuple(map(str, levels)), columns))
    return found


def _indicator_groups(model: BernoulliLogistic) -> list[Category]:
    """Indicator columns that never meet in a row and share the beginning of their names."""
    design = model.arrays.design
    groups: dict[str, list[int]] = {}
    for j, name in enumerate(model.names):
        values = np.unique(design[:, j])
        if len(values) == 2 and values[0] == 0 and values[1] == 1:
            groups.setdefault(_stem(name), []).append(j)
    found = []
    for stem, columns in groups.items():
        total = design @ np.isin(np.arange(len(model.names)), columns).astype(float)
        if stem and total.max() == 1 and total.min() == 0:
            levels = {model.names[j][len(stem) :]: j for j in columns}
            found.append(Category(stem, "", ("", *levels), levels, by_name=True))
    return found


def _stem(name: str) -> str:
    """What stands before the level in the name of an indicator: "race_" of "race_black"."""
    for mark in ("[T.", "[", "_", ".", ":"):
        if mark in name[1:]:
            return name[: name.rindex(mark) + len(mark)]
    return ""


def recodings(model: BernoulliLogistic) -> Iterator[tuple[str, Array]]:
    """Other reference levels, with what turns their coefficients, by position, into the model's."""
    categories = categories_of(model)
    choices = itertools.product(*(category.levels for category in categories))
    for chosen in itertools.islice(choices, MOST_CODINGS):
        matrix: Array = np.eye(model.n_parameters)
        said: list[str] = []
        for category, reference in zip(categories, chosen, strict=True):
            if reference != category.reference:
                other = category.matrix(reference, model)
                matrix = np.asarray(csr_array(other) @ matrix) if said else other  # mostly 0
                said.append(category.in_words(reference))
        if said:
            yield names_in(SCREEN, said), matrix


def _labels_of(
    category: Category, left: Mapping[str, float], names: Sequence[str]
) -> dict[str, str]:
    """The label of each level's indicator among what is left, where one alone can be it."""
    own = [names[j] for j in category.columns.values()]
    free = [label for label in left if label not in names or label in own]
    indicators = category.by_name  # of arrays the columns' own names, which hold the level
    wanted = {
        level: (names[category.columns[level]] if indicators else f"{category.name}[{level}]")
        for level in category.levels
        if level in category.columns or not indicators
    }
    found = paired(list(wanted.values()), free)
    labels = {level: found[name] for level, name in wanted.items() if name in found}
    if indicators:  # the level that the columns of the model leave out has no name there
        stem = category.name.rstrip("_.[:")
        others = [
            label
            for label in free
            if label not in labels.values()
            and ":" not in label
            and (label.startswith(category.name) or plain_name(label).startswith(f"{stem}["))
        ]
        if len(others) == 1:
            labels[category.reference] = others[0]
    return labels
