"""What a hypothesis is: names, a mapping or a matrix, as linear equations in the coefficients.

A name is that of a coefficient, or else of a term of the formula, all of whose columns it stands
for: that the term has no part in the model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import a_or_an
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import first_of, printable
from flatprior.models.designs.coded import LARGEST_DENSE
from flatprior.models.encoding.aliased import Aliased
from flatprior.models.encoding.columns.names import alike
from flatprior.models.encoding.formulas.model_terms import ModelTerm, term_called

Contrasts = Sequence[str] | Mapping[str, float] | ArrayLike
RANK = 1e-7  # of a combination, what the others leave of it: the square is lost in rounding
STATEMENTS_SHOWN, NAMES_SHOWN = 12, 24


@dataclass(frozen=True, eq=False)
class Linear:
    """The hypothesis ``matrix @ beta = values``, of k coefficients.

    Attributes
    ----------
    given : ndarray (q, k) or None
        The matrix; None where single coefficients are held.
    positions : ndarray (q,) or None
        Which these are.
    values : ndarray (q,)
    text : str
    k : int
    terms : tuple of ModelTerm
        Those that were named.
    """

    given: Array | None
    positions: NDArray[np.intp] | None
    values: Array
    text: str
    k: int
    terms: tuple[ModelTerm, ...] = ()

    @property
    def matrix(self) -> Array:
        """The matrix (q, k)."""
        if self.given is not None:
            return self.given
        assert self.positions is not None  # noqa: S101
        q = len(self.positions)
        if q * self.k > LARGEST_DENSE:
            raise InputError(
                f"a hypothesis of {q} of {self.k} coefficients is a matrix of "
                f"{8 * q * self.k / 1e9:.0f} GB; test fewer at a time"
            )
        found = np.zeros((q, self.k))
        found[np.arange(q), self.positions] = 1.0
        return found


def linear_of(
    names: tuple[str, ...],
    hypothesis: Contrasts | str,
    value: ArrayLike | None,
    aliased: Aliased | tuple[str, ...] | None = None,
    terms: Sequence[ModelTerm] | None = (),
) -> Linear:
    """The hypothesis in numbers; of columns that are `aliased` there is nothing to test.

    Names may be those of `terms` too; these are None where there is a formula, but nobody knows
    what it became.
    """
    k = len(names)
    named: tuple[ModelTerm, ...] = ()
    if isinstance(hypothesis, Mapping):
        if value is not None:
            raise InputError("the mapping gives the values already; leave value out")
        chosen = list(hypothesis)
        given: Array = _held(list(hypothesis.values()))
    elif isinstance(hypothesis, str):
        chosen, given = [hypothesis], np.zeros(1)
    else:
        try:
            chosen, given = list(_by_position(names, hypothesis, aliased)), np.zeros(0)
        except TypeError:
            raise InputTypeError(
                "a hypothesis is names, a matrix of numbers (q, k) or, of likelihood_ratio_test, a "
                f"nested model, not {a_or_an(hypothesis)}"
            ) from None
    if chosen and all(isinstance(name, str) for name in chosen):
        if isinstance(hypothesis, Mapping) and given.shape != (len(chosen),):
            raise InputError("a mapping gives each coefficient or term one value")
        known = set(names)
        of_terms = {
            name: _term(names, name, aliased, terms) for name in chosen if name not in known
        }
        of_each = [
            [each for each in of_terms[name].columns if each in known]
            if name in of_terms
            else [name]
            for name in chosen
        ]
        named = tuple(of_terms.values())
        if isinstance(hypothesis, Mapping):
            given = np.repeat(given, [len(each) for each in of_each])
        chosen = [name for each in of_each for name in each]
        if len(set(chosen)) < len(chosen):
            raise InputError("a coefficient is named twice in the hypothesis")
        place = {name: j for j, name in enumerate(names)}
        positions: NDArray[np.intp] | None = np.array([place[name] for name in chosen])
        q, matrix = len(chosen), None
    else:
        try:
            matrix = np.atleast_2d(np.array(chosen, dtype=float))
        except (TypeError, ValueError) as error:
            raise InputError("a hypothesis is names, or a matrix of numbers (q, k)") from error
        if matrix.ndim != 2 or matrix.shape[1] != k or not np.isfinite(matrix).all():
            without = ""
            if aliased is not None:
                left = aliased.names if isinstance(aliased, Aliased) else aliased
                without = f", without {first_of(map(printable, left))}, which the model left out"
            raise InputError(
                f"the matrix of a hypothesis must be finite, of shape (q, {k}){without}; "
                f"this one has shape {matrix.shape}"
            )
        lengths = np.linalg.norm(matrix, axis=1)
        if not lengths.all() or np.linalg.matrix_rank(matrix / lengths[:, None]) < len(matrix):
            raise InputError("the rows of the hypothesis are linearly dependent; leave one out")
        q, positions = len(matrix), _single(matrix)
    if not isinstance(hypothesis, Mapping):
        given = np.zeros(q) if value is None else _held(value)
        if given.ndim and given.shape != (q,):
            raise InputError(f"value has shape {given.shape}; the hypothesis has {q} rows")
        given = np.broadcast_to(given, (q,)).astype(float)
    if not np.isfinite(given).all():
        raise InputError("the values of a hypothesis must be finite")
    text = _in_words(names, matrix, positions, given)
    return Linear(None if positions is not None else matrix, positions, given, text, k, named)


def _term(
    names: tuple[str, ...],
    name: str,
    aliased: Aliased | tuple[str, ...] | None,
    terms: Sequence[ModelTerm] | None,
) -> ModelTerm:
    """The term of a name that is no coefficient's."""
    _check_left_out(name, aliased)
    term = term_called(terms or (), name)
    if term is None:
        raise _unknown(names, name, terms)
    if set(names).isdisjoint(term.columns):
        raise InputError(
            f"every column of {printable(term.name)!r} was left out of the model, a combination of "
            "others in every row: no data tell its coefficients apart"
        )
    return term


def _unknown(names: tuple[str, ...], name: str, terms: Sequence[ModelTerm] | None) -> InputError:
    """The error for a name that is none, with the one that was meant."""
    called = [term.name for term in terms or () if term.columns != (term.name,)]
    single = [term.factors[0] for term in terms or () if len(term.factors) == 1]
    columns = [column for each in single if len(each.columns) == 1 for column in each.columns]
    near = alike(name, [*called, *columns, *names])
    hint = f" (did you mean {printable(near)!r}?)" if near else ""
    behind = f"; the terms are {first_of(map(printable, called), most=NAMES_SHOWN)}"
    if not called:
        behind = "; terms are known of a model: pass it too" if terms is None else ""
    return InputError(
        f"there is no coefficient {'or term ' if called else ''}{printable(name)!r}{hint}; the "
        f"coefficients are {first_of(map(printable, names), most=NAMES_SHOWN)}{behind}"
    )


def _single(matrix: Array) -> NDArray[np.intp] | None:
    """Positions of the coefficients that a matrix (q, k) holds, if these are single ones."""
    places = (matrix != 0).argmax(axis=1)
    ones = matrix[np.arange(len(matrix)), places] == 1
    return places if ones.all() and np.count_nonzero(matrix) == len(matrix) else None


def _held(values: object) -> Array:
    """What coefficients are held at, as floats."""
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError("the values of a hypothesis must be real numbers") from error


def _check_left_out(name: object, aliased: Aliased | tuple[str, ...] | None) -> None:
    """Raise a `ValueError` for a coefficient that the model left out, with what to test instead."""
    left = aliased.names if isinstance(aliased, Aliased) else aliased or ()
    if not isinstance(name, str) or name not in left:
        return
    why, instead = "a combination of others in every row", "the columns that it is made of"
    if isinstance(aliased, Aliased):
        why = f"{printable(aliased.equation(name))} in every row"
        instead = first_of(map(printable, aliased.terms(name)))
    instead = f"test {instead}" if instead else "leave it out of the hypothesis"
    raise InputError(
        f"{printable(name)!r} was left out of the model ({why}), and no data tell its coefficient "
        f"apart: {instead}"
    )


def _by_position(
    names: tuple[str, ...], hypothesis: object, aliased: Aliased | tuple[str, ...] | None
) -> Any:
    """A matrix with labels in the order of the coefficients; anything else as it is."""
    if not isinstance(hypothesis, pd.DataFrame | pd.Series):
        return hypothesis
    labels = hypothesis.columns if isinstance(hypothesis, pd.DataFrame) else hypothesis.index
    if isinstance(hypothesis, pd.Series) and not pd.api.types.is_numeric_dtype(hypothesis.dtype):
        return hypothesis  # of names
    if sorted(map(str, labels)) != sorted(names):
        for label in labels:
            _check_left_out(label, aliased)
        raise InputError(
            "the labels of the matrix are not the names of the coefficients: "
            f"{first_of(map(printable, names), most=NAMES_SHOWN)}"
        )
    place = {str(label): j for j, label in enumerate(labels)}
    return hypothesis.to_numpy(dtype=float)[..., [place[name] for name in names]]


def _in_words(
    names: tuple[str, ...],
    matrix: Array | None,
    positions: NDArray[np.intp] | None,
    values: Array,
) -> str:
    """The hypothesis, as far as a few lines go."""
    statements = []
    for i, held in enumerate(values[:STATEMENTS_SHOWN]):
        terms = "" if positions is None else names[positions[i]]
        if matrix is not None and positions is None:
            for j in np.flatnonzero(matrix[i]):
                factor = matrix[i, j]
                sign = (" - " if terms else "-") if factor < 0 else (" + " if terms else "")
                size = "" if abs(factor) == 1 else f"{abs(factor):.6g} "
                terms += f"{sign}{size}{names[j]}"
        statements.append(f"{terms} = {held:.6g}")
    return first_of(statements, len(values), STATEMENTS_SHOWN)
