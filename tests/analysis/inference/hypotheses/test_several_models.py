"""Several models, each against the one before it."""

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis import anova
from flatprior.models import BernoulliLogistic

SAID = "model 2 and the one above it are one model"


def frame():
    rng = np.random.default_rng(2)
    found = pd.DataFrame({"x": rng.normal(size=90), "g": rng.choice(list("abc"), 90)})
    return found.assign(y=rng.integers(0, 2, 90))


@pytest.mark.parametrize("test", ["LR", "score", "Wald"])
@pytest.mark.parametrize("right", ["g + x", "0 + C(g, Sum) + I(3*x)", "x + g"])
def test_one_model_in_two_ways_has_no_test_and_is_said_to_be_one(right, test):
    rows = frame()
    models = [BernoulliLogistic.from_formula(f"y ~ {each}", rows) for each in ("x + g", right)]
    larger = BernoulliLogistic.from_formula("y ~ x * g", rows)
    found = anova(*models, test=test)
    assert np.isnan(found.table().loc["model 2", "p"])
    assert SAID in " ".join(found.notes)
    if test == "LR":
        three = anova(*models, larger)
        assert three.tests["model 3"].df == 2
        assert SAID in " ".join(three.notes)
        assert "model 3 and the one" not in " ".join(three.notes)


def test_two_models_are_not_said_to_be_one():
    rows = frame()
    small, large = (BernoulliLogistic.from_formula(f"y ~ {each}", rows) for each in ("x", "x + g"))
    assert "one model" not in " ".join(anova(small, large).notes)
