"""Columns and what they are used as."""

import numpy as np

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.formulas.uses import Uses


def test_the_same_column_may_be_number_and_category(frame):
    model = BernoulliLogistic.from_formula("y ~ w + C(w)", frame)
    assert model.names == ("Intercept", "w", "C(w)[T.2]", "C(w)[T.3]")
    assert model.reference_levels == {"w": "1"}


def test_only_some_uses_keep_their_names():
    uses = Uses()
    keys = [uses.add("a"), uses.add("b", "factor"), uses.add("a", "number")]
    left = uses.only({keys[0], keys[1]})
    assert left.columns == ["a", "b"]
    assert left.generated == {keys[0]: "a", keys[1]: "b"}
    assert uses.only({keys[1]}).columns == ["b"]
    assert left.token == uses.token


def test_what_was_taken_away_again_is_not_used(frame):
    frame.loc["id3", "x"] = np.nan
    model = BernoulliLogistic.from_formula("y ~ x + z - x + log(x) - log(x)", frame)
    assert model.names == ("Intercept", "z")
    assert model.n_dropped == 0
    assert model.encoding.parsed.columns == ("z",)
