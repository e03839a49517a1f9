"""One table of tests, whatever they are of."""

import numpy as np

from flatprior.analysis.inference.hypotheses.analysis_of_deviance import of_some, table_of, told
from flatprior.analysis.maxima import HypothesisTest

DONE = HypothesisTest("likelihood ratio", "x = 0", 4.0, 1, 0.05)
NOT = HypothesisTest("Wald", "g = 0", np.nan, 2, np.nan, "there is no MLE")


def test_a_row_without_a_test_is_empty_and_a_reason_stands_once():
    found = table_of(["null model", "x", "g", "h"], [None, DONE, NOT, NOT], "Wald")
    assert found["df"].isna().tolist() == [True, False, False, False]
    assert found["p"].isna().tolist() == [True, False, True, True]
    assert told(["a", "b"], [None, DONE]) == {"b": DONE}
    assert of_some({"x": DONE, "g": NOT, "h": NOT}) == ["no Wald test of g, h: there is no MLE"]
