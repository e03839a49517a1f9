"""What is known of a column: the same of all rows as of batches that are merged."""

from decimal import Decimal
from functools import reduce
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from multiplier import repeated

from flatprior.models.encoding.columns import summary
from flatprior.models.encoding.columns.summary import Summary

COLUMNS = {
    "numbers": [0.5, 1.5, None, 2.5, 0.5, 1.5],
    "zeros and ones": [0, 1, 1, 0, 2, 1],
    "text": ["a", "b", None, "a", "c", "b"],
    "numbers as text": ["1", "2", "?", "3", "4", "5"],
    "truths": [True, False, True, True, False, True],
    "decimals": [Decimal("0.5"), Decimal("1.5"), Decimal("0.5"), None, Decimal(1), Decimal(2)],
    "categories": pd.Categorical(["a", "b", "b", None, "a", "b"], ["b", "c", "a"]),
}


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("use", [{}, {"factor": True}, {"response": True}])
def test_batches_say_what_the_whole_says_wherever_they_are_cut(name, use):
    rng = np.random.default_rng(1)
    for _ in range(repeated(5)):
        series = pd.Series(COLUMNS[name], name="z").repeat(3)
        series = series.iloc[rng.permutation(len(series))].set_axis(range(len(series)))
        counting = series.notna().to_numpy() & (rng.random(len(series)) < 0.8)
        whole = Summary.of(series, counting, **use)
        cuts = [0, *sorted(rng.integers(0, 19, size=3)), 18]
        parts = [Summary.of(series.iloc[a:b], counting[a:b], **use) for a, b in pairwise(cuts)]
        assert comparable(reduce(Summary.merge, parts)) == comparable(whole)
        assert whole.n_rows == counting.sum()
        if whole.levels:
            counted = series[counting].value_counts()
            assert whole.levels == counted[counted > 0].to_dict()
            assert (
                whole.ordered
                == [level for level in COLUMNS[name].categories if level in whole.levels]
                if name == "categories"
                else sorted(whole.levels)
            )


def comparable(found):
    tokens = found.tokens and (set(found.tokens.values), found.tokens.rows, found.tokens.odd)
    return {**vars(found), "tokens": tokens}


def test_text_among_numbers_is_seen_in_rows_that_do_not_count():
    series = pd.Series(["1", "2", "Total", "3"], index=list("abcd"), name="z")
    found = Summary.of(series, np.array([True, True, False, True]))
    assert found.levels == {"1": 1, "2": 1, "3": 1}
    assert set(found.tokens.values) == {"1", "2", "3", "Total"}
    assert (found.tokens.rows, found.tokens.odd.labels) == (4, ("c",))


def test_a_column_without_a_value_says_nothing():
    for dtype in (float, object, "category", "str"):
        found = Summary.of(pd.Series([None, None], dtype=dtype, name="z"), np.zeros(2, bool))
        assert (found.kinds, found.n_rows, found.levels) == (frozenset(), 0, {})


def test_of_too_many_numbers_in_text_enough_are_held_and_words_are_refused(monkeypatch):
    monkeypatch.setattr(summary, "MOST_LEVELS", 5)
    every = np.ones(20, dtype=bool)
    numbers = Summary.of(pd.Series(map(str, range(20)), name="z"), every).capped()
    assert len(numbers.levels) == len(numbers.tokens.values) == 6
    assert (numbers.n_rows, numbers.tokens.rows) == (20, 20)
    words = Summary.of(pd.Series([f"l{i}" for i in range(20)], name="z"), every)
    with pytest.raises(ValueError, match="column 'z' has more than 5 levels"):
        words.capped()


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_levels_are_those_of_rows_that_count_in_the_order_of_their_coming(dtype):
    series = pd.Series(["c", None, "a", "b", "a", "c", "1"], dtype=dtype, name="z")
    found = Summary.of(series, np.array([False, False, True, True, True, True, False]))
    assert list(found.levels.items()) == [("a", 2), ("b", 1), ("c", 1)]
    assert found.n_rows == 4
    assert found.tokens.values == ("c", "a", "b", "1")
    assert (found.tokens.rows, found.tokens.odd.rows) == (6, 5)
    assert found.tokens.odd.labels == (0, 2, 3, 4, 5)
    assert found.order == (("1", "a", "b", "c") if dtype == "category" else None)
