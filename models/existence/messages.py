"""Sentences a person can act on: which predictor, which rows, what to do."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flatprior.models.common.arrays import Array
from flatprior.models.common.text import ROWS_NAMED, count, first_of, whole
from flatprior.models.dependence.among_codes import nestings
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.aliased import TERMS_SHOWN, combination
from flatprior.models.model import BernoulliLogistic
from flatprior.models.rows import ArrayRows

ELSEWHERE = "use a bias-reduced (Firth) or penalised fit, or a proper prior"
ALLOWED = "where the subject allows it"  # what separates may be the strongest predictor
NEAR = 1e-9  # to a factor of 1 in a combination of columns
MOST_UNMERGED = 2  # levels: of these merging leaves a constant
SHOWN = 3  # groups of one-hot columns that are named


@dataclass(frozen=True, eq=False)
class SeparatedRows:
    """How many rows of how many are separated, and the labels of the first."""

    n: int
    n_rows: int
    labels: Sequence[object]

    @property
    def all(self) -> bool:
        """Whether separation is complete."""
        return self.n == self.n_rows


def separation_message(
    model: BernoulliLogistic,
    direction: Array,
    rows: np.ndarray,
    coefficients: Mapping[str, str],
    extent: SeparatedRows,
) -> str:
    """Say what separates which rows, what that does to the coefficients, and what to do.

    Parameters
    ----------
    model : BernoulliLogistic
    direction : ndarray (k,)
    rows : ndarray of bool (n,)
        The separated rows.
    coefficients : dict
        Name to "finite", "+inf", "-inf" or "undetermined".
    extent : SeparatedRows
        The separated rows of all, of which the model's may be a part.
    """
    kind = "complete" if extent.all else "quasi-complete"
    where = (
        f"all {count(extent.n_rows, 'row')}"
        if extent.all
        else f"{whole(extent.n)} of {whole(extent.n_rows)} rows: "
        f"{first_of(extent.labels, extent.n)}"
    )
    infinite = [
        f"{name!r} to {'+' if status == '+inf' else '-'}infinity"
        for name, status in coefficients.items()
        if status in ("+inf", "-inf")
    ]
    going = f"; diverging coefficients: {first_of(infinite)}" if infinite else ""
    why, remedy = _cause(model, direction, rows)
    return (
        f"the maximum likelihood estimate does not exist ({kind} separation): {why} ({where})"
        f"{going}; {remedy}"
    )


def unknown_message(model: BernoulliLogistic, known: Container[int]) -> str:
    """Name the coefficients of which it was asked where they go, and not found out."""
    names = [repr(name) for j, name in enumerate(model.names) if j not in known]
    go = "goes" if len(names) == 1 else "go"
    return f"; which way {first_of(names)} {go} was not found out: the search was given up"


def _cause(model: BernoulliLogistic, direction: Array, rows: np.ndarray) -> tuple[str, str]:
    """What separates the outcomes, and what to do about it."""
    response = repr(model.response_name)
    if model.event is not None:  # else 0 would be taken for the value that the data have
        response += f" ({model.response_coding})"
    if model.response.min() == model.response.max():
        only = f"the response {response} is {model.response[0]:.0f} in every row"
        if not rows.all():
            only += f", which separates by {_names(model, direction)}"
        return only, "collect rows with the other outcome"
    involved, design = np.flatnonzero(direction).tolist(), model.arrays.design
    constant = [j for j in involved if np.ptp(design[:, j]) == 0]
    moving = [j for j in involved if j not in constant]
    if len(moving) != 1:
        return f"a combination of {_names(model, direction)} separates the outcomes", (
            f"{ELSEWHERE}; or drop or merge some of these predictors {ALLOWED}"
        )
    j = moving[0]
    name, column = repr(model.names[j]), design[:, j]
    remedy = _remedy(model, model.names[j])
    threshold = sum(-direction[c] * design[:1, c].item() for c in constant) / direction[j]
    if not rows.all():  # the rows that are not separated lie on it
        on = column[~rows]
        threshold = float(on[np.argmin(np.abs(on - threshold))])
    threshold += 0.0  # -0.0 is 0
    shown = _shortest(threshold, column)
    above, below = (1, 0) if direction[j] > 0 else (0, 1)
    sides = [
        f"{outcome} where {name} {comparison} {shown}"
        for outcome, comparison, on_it in (
            (above, ">", column[rows] > threshold),
            (below, "<", column[rows] < threshold),
        )
        if on_it.any()
    ]
    return f"{response} is {' and '.join(sides)}", remedy


def _remedy(model: BernoulliLogistic, name: str) -> str:
    """What to do about one column: levels can be merged where it is one of three or more."""
    terms = () if model.encoding is None else model.encoding.model_terms
    for term in terms:
        if name in term.columns and len(term.factors) == 1:
            (factor,) = term.factors
            if len(factor.levels) > MOST_UNMERGED:
                whole = repr(min(factor.columns) if len(factor.columns) == 1 else term.name)
                return f"{ELSEWHERE}; or merge sparse levels of {whole}, or drop it, {ALLOWED}"
    return f"{ELSEWHERE}; or drop {name!r} {ALLOWED}"


def _names(model: BernoulliLogistic, direction: Array) -> str:
    return first_of(repr(model.names[j]) for j in np.flatnonzero(direction))


def _shortest(threshold: float, column: Array) -> str:
    """Write a threshold with the fewest digits that leave every value on its side of it."""
    sides = np.sign(column - threshold)
    for digits in range(1, 17):
        text = f"{threshold:.{digits}g}"
        if (np.sign(column - float(text)) == sides).all():
            return f"{float(text):.{max(digits, 6)}g}"
    return repr(threshold)


def _nesting(found: tuple[str, str, str]) -> str:
    kind, one, other = found
    if kind == "nested":
        return f"every level of {one!r} is in one level of {other!r} only: "
    return f"levels of {one!r} and {other!r} fall into parts without a row in common: "


def dependence_message(
    model: BernoulliLogistic, dependencies: Mapping[str, Mapping[str, float]], extent: SeparatedRows
) -> str:
    """Say which columns are combinations of which, and what to do.

    Of a model in which rows are separated as well there is no maximum, whichever column is left
    out.
    """
    k, m = model.n_parameters, len(dependencies)
    equations = [f"{name!r} = {combination(terms)}" for name, terms in dependencies.items()]
    said = f"{first_of(equations)} in every row"
    if m > ROWS_NAMED or (m > 1 and max(map(len, dependencies.values())) > TERMS_SHOWN):
        said = f"{m} columns are combinations of others in every row, such as {equations[0]}"
    if isinstance(model.rows, ArrayRows) and isinstance(model.rows.design, Structured):
        said = "".join(map(_nesting, nestings(model.rows.design))) + said
    them = "it" if m == 1 else "them"
    remedy = f'drop {them}, or let the model leave {them} out (aliased="drop", --aliased drop)'
    if extent.n:
        rows = f"{whole(extent.n)} of {count(extent.n_rows, 'row')}"
        return (
            f"the maximum likelihood estimate does not exist (separation of {rows}), and the "
            f"design has rank {k - m}, not {k}, because {said}; {remedy}: what is left stays "
            "separated"
        )
    return (
        f"the maximum likelihood estimate is not unique: the design has rank {k - m}, not {k}, "
        f"because {said}; {remedy}"
    )


def one_hot_message(
    model: BernoulliLogistic, dependencies: Mapping[str, Mapping[str, float]], intercept: str | None
) -> str | None:
    """Say that indicators of all levels sum to the intercept; None where this is not all.

    `intercept` is the name of the column of ones that the caller has not passed.
    """
    groups, every = [], True
    for name, terms in dependencies.items():
        groups.append([*(other for other, factor in terms.items() if abs(factor + 1) < NEAR), name])
        ones = [other for other, factor in terms.items() if abs(factor - 1) < NEAR]
        every &= ones == [intercept] or (intercept is None and bool(ones))
        every &= len(terms) == len(ones) + len(groups[-1]) - 1 and len(groups[-1]) > 1
    places = [model.names.index(name) for name in dependencies]
    if not every or not all(np.isin(model.design[:, j], (0.0, 1.0)).all() for j in places):
        return None
    named = "; ".join(
        f"{len(group)} from {group[0]!r} to {group[-1]!r}" for group in groups[:SHOWN]
    )
    if len(groups) > SHOWN:
        named += f" and {len(groups) - SHOWN} more groups"
    many = len(groups) > 1
    one = "the intercept" if intercept is not None else "what another group's do"
    return (
        "the maximum likelihood estimate is not unique: the one-hot columns of "
        f"{'each of these groups' if many else 'a group'} sum to {one} in every row ({named}); "
        'leave one of each out, with OneHotEncoder(drop="first") or with aliased="drop"'
    )
