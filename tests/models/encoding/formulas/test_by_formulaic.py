"""formulaic in any number of threads."""

import numpy as np
import pandas as pd
import pytest
from coded_models import held_as_codes
from formulaic import Formula, ModelSpec

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.formulas import by_formulaic, coded

DATA = pd.DataFrame({"y": [0, 1, 0, 1], "x": [1.0, 2, 3, 5]})


@pytest.fixture
def disturbed(monkeypatch):
    """What was asked of formulaic, which other threads disturb twice."""
    asked = []

    def that_fails_twice(of):
        def get_model_matrix(self, *arguments, **keywords):
            asked.append(1)
            if len(asked) < 3:
                raise SystemError("AST constructor recursion depth mismatch (before=2, after=5)")
            return of(self, *arguments, **keywords)

        return get_model_matrix

    for kind in (Formula, ModelSpec):
        monkeypatch.setattr(kind, "get_model_matrix", that_fails_twice(kind.get_model_matrix))
    return asked


@pytest.mark.parametrize("by_us", [True, False], ids=["written out here", "by formulaic"])
def test_a_parse_that_other_threads_have_disturbed_is_made_again(disturbed, monkeypatch, by_us):
    coded._parts.cache_clear()
    with held_as_codes(by_us):
        model = BernoulliLogistic.from_formula("y ~ x", DATA)
    assert np.array_equal(model.design, [[1, 1], [1, 2], [1, 3], [1, 5]])
    assert len(disturbed) >= 3
    disturbed.clear()
    if not by_us:
        assert np.array_equal(model.design_matrix(DATA), model.design)
        assert len(disturbed) >= 3
        disturbed.clear()
    coded._parts.cache_clear()
    monkeypatch.setattr(by_formulaic, "PARSES", 1)
    with held_as_codes(by_us), pytest.raises(ValueError, match="so many threads read formulas"):
        BernoulliLogistic.from_formula("y ~ x", DATA)
