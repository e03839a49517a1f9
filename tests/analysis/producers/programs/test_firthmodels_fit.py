import pytest

from flatprior.analysis.producers.programs.firthmodels_fit import read
from flatprior.models import load_spector

firthmodels = pytest.importorskip("firthmodels")
DATA = load_spector()
X, Y = DATA[["gpa", "psi"]], DATA["grade"]


def test_its_intercept_is_the_last_of_its_errors_and_the_first_here():
    fit = firthmodels.FirthLogisticRegression().fit(X, Y)
    their = read(fit, X, Y)
    assert list(their.coefficients) == ["(Intercept)", "gpa", "psi"]
    assert list(their.coefficients.values()) == [fit.intercept_, *fit.coef_]
    errors = {e.term: e.value for e in their.stated if e.quantity == "standard error"}
    assert [errors[name] for name in their.coefficients] == fit.bse_[[2, 0, 1]].tolist()
    assert (their.settings.penalty, their.settings.strength) == ("firth", 1.0)
    plain = firthmodels.FirthLogisticRegression(penalty_weight=0).fit(X, Y)
    assert read(plain, X, Y).settings.penalty == ""


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="is not fitted"):
        read(firthmodels.FirthLogisticRegression(), X, Y)
    with pytest.raises(TypeError, match="of firthmodels"):
        read(object(), X, Y)
