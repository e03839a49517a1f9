"""Labels of coefficients that come in are paired with the model's names."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from problems import CASES

from flatprior.models import certify, fit_newton

MODEL = CASES["lbw_stata"].model
FIT = fit_newton(MODEL)
SERIES = pd.Series(FIT.coefficients, index=list(MODEL.names))


@pytest.mark.parametrize("seed", range(3))
def test_another_order_gives_the_same_answer(seed):
    shuffled = SERIES.sample(frac=1, random_state=seed)
    expected = certify(MODEL, FIT.coefficients).to_dict()
    for given in (shuffled, shuffled.to_dict(), SERIES[::-1].to_dict()):
        assert certify(MODEL, given).to_dict() == expected
        assert MODEL.log_likelihood(pd.Series(given)) == MODEL.log_likelihood(FIT.coefficients)
        assert np.array_equal(MODEL.score(pd.Series(given)), MODEL.score(FIT.coefficients))
    several = pd.DataFrame([shuffled, 2 * shuffled])
    by_position = MODEL.log_likelihood(np.array([FIT.coefficients, 2 * FIT.coefficients]))
    assert MODEL.log_likelihood(several) == pytest.approx(by_position, rel=1e-12)


def test_an_array_of_xarray_is_paired_by_its_coordinates():
    expected = certify(MODEL, FIT.coefficients).to_dict()
    found = xr.DataArray(SERIES[::-1], dims="name", coords={"name": list(SERIES[::-1].index)})
    assert certify(MODEL, found).to_dict() == expected
    assert np.array_equal(MODEL.score(found), MODEL.score(FIT.coefficients))
    counted = np.arange(len(SERIES))
    for plain in (xr.DataArray(FIT.coefficients), xr.DataArray(SERIES, {"beta_dim_0": counted})):
        assert certify(MODEL, plain).to_dict() == expected
    with pytest.raises(ValueError, match="are missing; the model has"):
        certify(MODEL, xr.DataArray(SERIES[::-1], {"beta_dim_0": counted[::-1]}))


def test_what_is_masked_is_no_number():
    masked = np.ma.masked_array(FIT.coefficients, FIT.coefficients == FIT.coefficients[0])
    with pytest.raises(ValueError, match="some are masked"):
        certify(MODEL, masked)
    whole = np.ma.masked_array(FIT.coefficients)
    assert certify(MODEL, whole).to_dict() == certify(MODEL, FIT.coefficients).to_dict()


def test_what_has_no_labels_of_its_own_is_paired_by_position():
    expected = certify(MODEL, FIT.coefficients).to_dict()
    for given in (
        FIT.coefficients.tolist(),
        tuple(FIT.coefficients),
        pd.Series(FIT.coefficients),
        FIT.coefficients.astype(object),
    ):
        assert certify(MODEL, given).to_dict() == expected
    zeros = certify(MODEL, np.zeros(9, dtype=int)).to_dict()
    assert certify(MODEL, pd.Series(np.zeros(9, dtype="int8"))).to_dict() == zeros


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (SERIES.rename({"smoke": "smoking"}), "smoke is missing"),
        (pd.concat([SERIES, pd.Series({"extra": 1.0})]), "extra is unknown"),
        (pd.concat([SERIES, SERIES[["smoke"]]]), "smoke is there twice"),
        (SERIES.drop(["smoke", "ht"]), "smoke, ht are missing"),
        (SERIES.drop("smoke").to_dict(), "smoke is missing"),
        (pd.Series(FIT.coefficients, index=range(1, 10)), "are missing"),
        (FIT.coefficients + 0j, "real numbers, not complex128"),
        (FIT.coefficients > 0, "real numbers, not bool"),
        ([str(value) for value in FIT.coefficients], "real numbers, not <U"),
        (pd.Series(["a"] * 9, index=list(MODEL.names)), "there is a str among them"),
        (np.array([None] * 9), "not finite"),
        ([10**400] * 9, "must be real numbers"),
        ([[1.0], [1.0, 2.0]], "one real number each"),
        ([np.nan] * 9, "not finite"),
        ([1.0], "shape"),
    ],
)
def test_what_cannot_be_paired_is_named(given, words):
    with pytest.raises(ValueError, match=words):
        certify(MODEL, given)


@pytest.mark.parametrize("labels", [pd.RangeIndex(0, 18, 2), pd.RangeIndex(1, 10)])
def test_numbers_that_count_otherwise_than_pandas_are_labels(labels):
    with pytest.raises(ValueError, match="of the coefficients"):
        certify(MODEL, pd.Series(FIT.coefficients, index=labels))
