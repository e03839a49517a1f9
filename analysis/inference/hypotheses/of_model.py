"""A hypothesis on the coefficients of a model, whose terms and aliased columns are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from flatprior.analysis.inference.hypotheses.linear import RANK, Contrasts, Linear, linear_of
from flatprior.analysis.inference.hypotheses.null_models import echelon, of_usual_size, solutions
from flatprior.models import BernoulliLogistic
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import first_of, printable
from flatprior.models.encoding.aliased import Aliased
from flatprior.models.encoding.formulas.model_terms import ModelTerm

ZERO_SUM = ("sum", "helmert", "poly", "diff")  # contrasts: over the levels each sums to 0


def linear_of_model(
    model: BernoulliLogistic, hypothesis: Contrasts | str, value: ArrayLike | None = None
) -> Linear:
    """The hypothesis in numbers, where names may be those of terms.

    That a term has no part in a model leaves to the others all of their columns, also those that
    were left out because they are combinations of columns of this term.

    Examples
    --------
    >>> from flatprior.analysis.inference.hypotheses.of_model import linear_of_model
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + poly(tuce, 2)", load_spector())
    >>> linear_of_model(model, "tuce").text
    'poly(tuce, 2)[1] = 0, poly(tuce, 2)[2] = 0'
    """
    terms = () if model.encoding is None else model.encoding.model_terms
    linear = linear_of(model.names, hypothesis, value, model.aliased, terms)
    if model.aliased is None or not linear.terms:
        return linear
    found = _that_others_do_not_have(linear, model, model.aliased)
    if found is None:
        raise InputError(
            f"the data cannot tell {first_of(printable(term.name) for term in linear.terms)} from "
            "columns of other terms that were left out: in every row each is a combination of the "
            "others"
        )
    return found


def linear_without(model: BernoulliLogistic, terms: Sequence[ModelTerm]) -> Linear | None:
    """The hypothesis that some terms have no part in the model; None where no data can tell."""
    own = {name for term in terms for name in term.columns}
    positions = np.array([j for j, name in enumerate(model.names) if name in own], dtype=np.intp)
    if not len(positions):
        return None
    text = first_of(f"{term.name} = 0" for term in terms)
    zeros = np.zeros(len(positions))
    linear = Linear(None, positions, zeros, text, len(model.names), tuple(terms))
    if model.aliased is None:
        return linear
    return _that_others_do_not_have(linear, model, model.aliased)


def where_tested(model: BernoulliLogistic, linear: Linear) -> str:
    """Where the effect of a term is tested that is a part of an interaction; mostly empty.

    With treatment contrasts that all of its own coefficients are 0 is a statement on the reference
    level of the others, and of a number on 0; with contrasts that sum to zero it is one on their
    mean.
    """
    if model.encoding is None or linear.positions is None or linear.values.any():
        return ""
    held, terms = {model.names[j] for j in linear.positions}, model.encoding.model_terms
    known = set(model.names)
    said: dict[str, None] = {}
    for term in terms:
        own = known.intersection(term.columns)
        if not own or not own <= held:
            continue
        for other in terms:
            if not term.is_within(other) or known.intersection(other.columns) <= held:
                continue
            for factor in other.factors:
                if factor.name not in term.of and factor.contrasts not in ZERO_SUM:
                    level = "the reference level of " if factor.contrasts else ""
                    zero = "" if factor.contrasts else " = 0"
                    said[
                        f"{printable(term.name)} is tested at {level}{printable(factor.name)}{zero}"
                    ] = None
    if not said:
        return ""
    return (
        f"{first_of(said)}, since an interaction of these is in the model: test that too, or take "
        "anova(model, type=2)"
    )


def _that_others_do_not_have(
    linear: Linear, model: BernoulliLogistic, aliased: Aliased
) -> Linear | None:
    """The hypothesis on what of some terms is in the span of no column of others."""
    assert linear.positions is not None  # noqa: S101
    own = {model.names[j] for j in linear.positions}.union(*(term.columns for term in linear.terms))
    others = [i for i, name in enumerate(aliased.names) if name not in own]
    ties = aliased.null[aliased.kept][linear.positions][:, others]
    if not ties.any():
        return linear
    q = len(linear.positions)
    size = model.rows.extent.columns[linear.positions]
    ties = of_usual_size(ties.T, 1 / size)
    rank = int(np.linalg.matrix_rank(ties * size, tol=RANK))
    if rank == q:
        return None
    reduced, pivots = echelon(ties, 1 / size, rank)
    ways = solutions(reduced, pivots, np.delete(np.arange(q), pivots)).T
    matrix = np.zeros((q - rank, linear.k))
    matrix[:, linear.positions] = ways
    return replace(linear, given=matrix, positions=None, values=ways @ linear.values)
