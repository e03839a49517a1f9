import json
import math
from decimal import Decimal

import numpy as np

from flatprior.analysis.agreement.judged import _to_unit


def test_the_facts_are_json_without_data(demo):
    model, _, agreement = demo
    text = json.dumps(agreement.to_dict(), allow_nan=False)
    facts = json.loads(text)
    assert facts["verdict"] == "agree"
    assert len(facts["routes"]) == 3
    assert facts["posteriors"][0]["n_draws"] == 4000
    assert len(text) < 50_000 < model.n_rows * model.n_parameters * 8


def test_coefficients_in_words_have_no_digits_that_are_not_known(demo):
    _, _, agreement = demo
    values, shown = agreement.coefficients(), agreement.coefficients_in_words()
    check, errors = agreement.posterior_checks[0], agreement.mle.standard_errors
    known = {f"{check.route} mean": check.shift_mcse, f"{check.route} mode": check.mode_error}
    for column in values.columns[:-1]:
        unit = np.maximum(1e-8, known.get(column, 0.0) / 10) * errors
        for text, value, least in zip(shown[column], values[column], unit, strict=True):
            off = abs(float(text) - value)
            last = 10.0 ** Decimal(text).as_tuple().exponent
            assert off <= last / 2 * 1.001, (column, text, value)
            # the last place is that of the unit or a neighbour
            assert 0.099 * least < last < 10.1 * least, (column, text, value)


def test_of_0_and_of_nothing_known_there_is_text():
    assert _to_unit(0.0, 1e-8) == "0.00000000"
    assert _to_unit(12.5, math.inf) == "1e+01"
    assert _to_unit(12.5, 0.5) == "12"
    assert _to_unit(math.nan, 0.5) == "-"
