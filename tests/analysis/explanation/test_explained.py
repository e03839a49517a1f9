"""What is said of a difference: how sure it is, what to do, in every form."""

import json

import numpy as np
from disagreements import spector

from flatprior.analysis import Explanation, explain_difference
from flatprior.analysis.explanation.discrepancy import Cause
from flatprior.analysis.explanation.explained import fits, is_certain, rivals
from flatprior.models import fit_newton


def test_of_two_causes_that_fit_about_as_well_neither_is_certain():
    def cause(name, coincidence):
        return Cause(cause=name, detail="", distance=0.0, coincidence=coincidence)

    best = cause("ridge penalty", 1e-9)
    assert is_certain([best])
    assert is_certain([best, cause("rescaled", 1e-4)])
    assert not is_certain([best, cause("rescaled", 1e-5)])
    assert not is_certain([cause("ridge penalty", 1e-5)])


def test_what_fits_is_likely_and_leaves_little():
    def cause(distance, coincidence, rounding=0.0):
        return Cause(
            cause="a", detail="", distance=distance, coincidence=coincidence, rounding=rounding
        )

    assert fits(cause(0.1, 0.01))
    assert not fits(cause(0.1, 0.1))
    assert not fits(cause(0.5, 1e-9))
    assert fits(cause(0.5, 1e-9, rounding=0.6))
    assert rivals(cause(0.1, 1e-5), cause(0.1, 1e-9))
    assert not rivals(cause(0.1, 1e-4), cause(0.1, 1e-9))


def test_the_cure_is_in_every_form():
    _, model = spector()
    found = explain_difference(model, -fit_newton(model).coefficients)
    assert found.cure
    assert "To get the MLE: let the same outcome count as 1" in str(found)
    assert "the same outcome count as 1" in found._repr_html_()
    facts = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert facts["cure"] == found.cure
    assert facts["causes"][0]["cure"] == found.cure
    nothing = Explanation(cause="none of these", certain=False, message="", distance=np.nan)
    assert "to get" not in str(nothing).lower()
