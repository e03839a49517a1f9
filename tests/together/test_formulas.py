"""Any text at all as a formula: a model, or one sentence; and never a program.

``TEST_MULTIPLIER=34`` draws 10,000.
"""

import builtins
import os
import re
import types
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pytest
from multiplier import repeated
from random_formulas import RandomFormulas, rows_for_formulas

from flatprior.models import BernoulliLogistic
from flatprior.models.common.errors import FlatpriorError
from flatprior.models.encoding.formulas.terms import MOST_TERMS

GENERATED = re.compile(r"_(?:call|plain|number|factor|text)_\d+_[0-9a-f]{16}_|formulaic")


@contextmanager
def nothing_runs():
    """Let no text be compiled but the number that formulaic takes an intercept for."""

    def refused(*arguments, **keywords):
        raise AssertionError(f"something was to run: {arguments[:1]}")

    def modules_only(run):
        def guarded(what, *arguments, **keywords):
            assert isinstance(what, types.CodeType), what
            assert os.path.exists(what.co_filename), what
            return run(what, *arguments, **keywords)

        return guarded

    def numbers_only(source, filename, *arguments, **keywords):
        assert source in ("0", "1") or os.path.exists(filename), source
        return compiled(source, filename, *arguments, **keywords)

    compiled = builtins.compile
    with (
        patch.object(builtins, "compile", numbers_only),
        patch.object(builtins, "eval", modules_only(builtins.eval)),
        patch.object(builtins, "exec", modules_only(builtins.exec)),
        patch.object(os, "system", refused),
        patch("subprocess.Popen", refused),
    ):
        yield


def test_what_runs_is_told_from_what_does_not():
    with nothing_runs():
        for run in (builtins.eval, builtins.exec, os.system):
            with pytest.raises(AssertionError):
                run("1 + 1")


@pytest.mark.parametrize("kind", ["whole", "spoilt", "odd"])
def test_any_text_is_a_formula_or_gets_a_sentence(kind):
    frame = rows_for_formulas()
    # once before, since modules that are loaded late are compiled
    first = "y ~ C(a, Sum) + b + bs(x, df=4) + ns(z, 2) + cr(x, df=3) + poly(x, 2) + scale(z)"
    assert BernoulliLogistic.from_formula(first, frame).encoding.design_matrix(frame).any()
    draw = RandomFormulas(seed=18 + len(kind))
    taken, number = 0, repeated(100)
    for _ in range(number):
        formula = getattr(draw, kind)()
        try:
            with nothing_runs():
                model = BernoulliLogistic.from_formula(formula, frame)
        except FlatpriorError as error:
            said = str(error)
            assert said, formula
            assert said.isprintable(), formula
            assert not GENERATED.search(said), (formula, said)
            assert len(said) < 600, (formula, said)
            continue
        taken += 1
        assert np.isfinite(model.design).all(), formula
        assert len(set(model.names)) == model.n_parameters, formula
        assert not any(GENERATED.search(name) for name in model.names), formula
        parsed = model.encoding.parsed
        assert len(parsed.rewritten.split(" + ")) <= MOST_TERMS + 1, formula
        if model.trials is None:
            assert (model.encoding.design_matrix(frame) == model.design).all(), formula
    assert taken > number / (3 if kind == "whole" else 50)
