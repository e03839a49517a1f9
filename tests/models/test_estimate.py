import numpy as np
import pytest
import statsmodels.api as sm

import flatprior as fp


@pytest.fixture(scope="module")
def spector():
    data = fp.load_spector()
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    theirs = sm.Logit(data["grade"], sm.add_constant(data[["gpa", "tuce", "psi"]])).fit(disp=0)
    return model, fp.fit_newton(model), theirs


def test_names_that_people_type_give_what_statsmodels_gives(spector):
    _, fit, theirs = spector
    assert list(fit.params.index) == ["Intercept", "gpa", "tuce", "psi"]
    for name in ("params", "bse", "pvalues"):
        assert getattr(fit, name).to_numpy() == pytest.approx(getattr(theirs, name), rel=1e-6)
    assert fit.nobs == theirs.nobs
    for alpha in (0.05, 0.2):
        assert fit.conf_int(alpha).to_numpy() == pytest.approx(
            theirs.conf_int(alpha).to_numpy(), rel=1e-6
        )


def test_the_columns_of_an_interval_say_its_ends(spector):
    _, fit, _ = spector
    assert list(fit.conf_int().columns) == ["2.5%", "97.5%"]
    with pytest.raises(fp.FlatpriorError, match="alpha must lie between 0 and 1, not 95"):
        fit.conf_int(95)


def test_observations_are_counted_by_their_weights():
    weights = [3, 2, 4]
    model = fp.BernoulliLogistic.from_arrays([1.0, 2.0, 3.0], [0, 1, 0], frequency_weights=weights)
    assert fp.fit_newton(model).nobs == 9


def test_what_a_file_states_says_so_in_every_series(spector, tmp_path):
    model, fit, _ = spector
    fit.save(tmp_path / "fit.json")
    stated = fp.PointEstimate.load(tmp_path / "fit.json")
    for series in (stated.params, stated.bse, stated.pvalues):
        assert "unverified" in series.name
    again = fp.PointEstimate.load(tmp_path / "fit.json", model=model)
    assert again.params.name == "coefficient"
    assert np.array_equal(again.params, fit.params)


def test_a_wald_test_takes_the_model_first_as_every_other_test_does(spector):
    model, fit, theirs = spector
    expected = float(np.squeeze(theirs.wald_test("psi = 0", scalar=True).statistic))
    for test in (
        fp.wald_test(model, fit, "psi"),
        fp.wald_test(fit, "psi"),
        fp.wald_test(fit, "psi", model=model),
        fp.wald_test(model, fit, hypothesis="psi"),
    ):
        assert test.statistic == pytest.approx(expected, rel=1e-6)
    assert fp.wald_test(model, fit, np.eye(4)[1], 2.0).hypothesis == "gpa = 2"
