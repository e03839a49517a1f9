"""Frequency weights are whole numbers."""

import pandas as pd
import pytest

from flatprior.models.encoding.weights import whole_weights


def test_weights_are_counted_exactly_or_refused():
    for past, values in (
        (True, [2.0**52, 2.0**52]),
        (False, [2.0**52, 2.0**52 - 1]),
        (False, [0.0, 3.0]),
    ):
        series = pd.Series(values, name="w")
        if past:
            with pytest.raises(ValueError, match=r"'w' sums to 2.53 or more, past exact counting"):
                whole_weights(series)
        else:
            assert whole_weights(series).sum() == sum(map(int, values))
