"""Small-sample factors by name: what they are of, and what they would be left aside by."""

import numpy as np
import pytest

from flatprior.analysis import robust_covariance
from flatprior.analysis.inference.sandwiches.corrections import factor_of
from flatprior.models import BernoulliLogistic, fit_newton, load_spector

DATA = load_spector()
MODEL = BernoulliLogistic.from_formula("grade ~ gpa + psi", DATA)
FIT = fit_newton(MODEL)
CLUSTER = np.arange(32) % 8


@pytest.mark.parametrize("correction", ["Stata", "R", "none"])
@pytest.mark.parametrize("kind", ["HC1", "HC2", "HC3", "HC4", "CR2"])
def test_a_kind_with_a_factor_of_its_own_takes_none_by_name(kind, correction):
    cluster = CLUSTER if kind == "CR2" else None
    with pytest.raises(ValueError, match=f"not of {kind}, which .*: leave correction out"):
        robust_covariance(MODEL, FIT, kind, cluster, correction=correction)
    robust_covariance(MODEL, FIT, kind, cluster)  # which is what the sentence tells to do


def test_nor_does_a_sample_that_was_drawn():
    rows = DATA.assign(w=np.arange(1.0, 33))
    model = BernoulliLogistic.from_formula("grade ~ gpa", rows, sampling_weights="w")
    with pytest.raises(ValueError, match="covariance of sampling weights"):
        robust_covariance(model, fit_newton(model), correction="R")


def test_factors_are_those_of_the_programs():
    found = {name: factor_of(name, 8, 32, 3) for name in ("statsmodels", "Stata", "R", "none")}
    with pytest.raises(ValueError, match="take another correction"):
        factor_of("statsmodels", 3, 4, 4)
    assert found == {"statsmodels": 8 / 7 * 31 / 29, "Stata": 8 / 7, "R": 8 / 7, "none": 1.0}
