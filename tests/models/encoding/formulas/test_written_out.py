"""Designs that are written out are formulaic's to the last bit, and need no formulaic."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from coded_formulas import FORMULAS, NEW, drawn_formula
from coded_models import held_as_codes, survey
from formulaic import ModelSpec
from multiplier import repeated

from flatprior.models import BernoulliLogistic
from flatprior.models.common.errors import FlatpriorError
from flatprior.models.encoding.formulas import coded
from flatprior.models.encoding.formulas.written_out import WrittenOut

OF_NUMBERS = (
    "y ~ 1",
    "y ~ x",
    "y ~ 0 + x + z",
    "y ~ x * z + I(z**2)",
    "y ~ x:z + log(x + 10) + w",
    "y ~ 0 + poly(x, 2):z",
    "y ~ poly(x, 2):z:x:poly(z, 2) + poly(x, 2)",
    "y ~ 0 + bs(x, df=5, include_intercept=True, lower_bound=-9, upper_bound=9)",
)
# of contrasts whose products are rounded
LEFT_TO_FORMULAIC = "y ~ C(s, contr.helmert):g + x"


def written(formula, frame):
    """The model as it is made, and as formulaic makes it."""
    with held_as_codes(False):
        theirs = BernoulliLogistic.from_formula(formula, frame)
    assert isinstance(theirs.encoding.spec, ModelSpec)
    return BernoulliLogistic.from_formula(formula, frame), theirs


def require_same(formula, frame):
    ours, theirs = written(formula, frame)
    assert isinstance(ours.encoding.spec, WrittenOut), formula
    assert ours.names == theirs.names, formula
    assert np.array_equal(ours.design, theirs.design), formula  # zeros may have other signs
    assert ours.design.flags.f_contiguous == theirs.design.flags.f_contiguous
    assert ours.data_hash == theirs.data_hash
    assert ours.facts == theirs.facts
    assert ours.reference_levels == theirs.reference_levels
    assert ours.encoding.terms == theirs.encoding.terms
    assert ours.warnings == theirs.warnings
    assert repr(ours) == repr(theirs)
    assert np.array_equal(ours.design_matrix(NEW), theirs.design_matrix(NEW))


@pytest.mark.parametrize("formula", [*FORMULAS, *OF_NUMBERS])
def test_the_design_is_formulaics_to_the_last_bit(formula):
    require_same(formula, survey(150, seed=1))


@pytest.mark.parametrize("seed", range(repeated(12)))
def test_so_is_that_of_any_formula(seed):
    require_same(drawn_formula(np.random.default_rng([1, seed])), survey(80, seed=seed))


def test_further_rows_need_no_formulaic(monkeypatch):
    frame = survey(150, seed=2)
    model, theirs = written("y ~ g * x + poly(z, 2) + h", frame)
    held = written(LEFT_TO_FORMULAIC, frame)[0]
    expected = theirs.design_matrix(NEW)

    def not_asked(*arguments, **keywords):
        raise AssertionError

    monkeypatch.setattr(ModelSpec, "get_model_matrix", not_asked)
    assert np.array_equal(model.design_matrix(NEW), expected)
    assert isinstance(held.encoding.spec, ModelSpec)
    with pytest.raises(AssertionError):  # this would be it
        held.design_matrix(NEW)


def test_many_cells_are_left_to_formulaic(monkeypatch):
    frame = survey(150, seed=3)
    monkeypatch.setattr(coded, "MOST_WRITTEN", 3)
    assert isinstance(BernoulliLogistic.from_formula("y ~ g", frame).encoding.spec, ModelSpec)
    assert isinstance(BernoulliLogistic.from_formula("y ~ b", frame).encoding.spec, WrittenOut)


@pytest.mark.parametrize(
    ("formula", "x"),
    [
        ("y ~ log(x):g + h", -1.0),
        ("y ~ h + g:log(x) + log(x)", 0.0),
        ("y ~ g:x:z", 1e170),
        ("y ~ z + exp(x)", 800.0),
        ("y ~ x:z:x", 1e170),
    ],
)
def test_numbers_that_are_none_are_told_in_the_same_words(formula, x):
    frame = survey(100, seed=10)
    frame = frame.assign(x=np.resize([x, *[2.0] * 99], 100), z=frame["z"] * 1e160)
    said = []
    for by in (nullcontext(), held_as_codes(False)):
        with by, pytest.raises(FlatpriorError) as error:
            BernoulliLogistic.from_formula(formula, frame)
        said.append(str(error.value))
    assert said[0] == said[1]


@pytest.mark.parametrize("formula", ["y ~ 0", "y ~ -1"])
def test_a_formula_without_a_column_is_told(formula):
    with pytest.raises(FlatpriorError, match="the model has no coefficient"):
        BernoulliLogistic.from_formula(formula, pd.DataFrame({"y": [0, 1], "x": [1.0, 2.0]}))
