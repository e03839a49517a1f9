import numpy as np
import pandas as pd
import pytest
from foreign_fits import data

from flatprior.analysis.producers.programs.pyfixest_fit import read
from flatprior.models import BernoulliLogistic, fit_newton

DATA = data(np.random.default_rng(5), n=200).frame


class Felogit:
    """What a result of pyfixest 0.60 shows; numbers are computed here, those of a right fit."""

    def __init__(self, effects="", frame=DATA, **changed):
        whole = "y ~ x1 + x2" + (f" + C({effects})" if effects else "")
        fit = fit_newton(BernoulliLogistic.from_formula(whole, DATA))
        slopes = [name for name in fit.names if not effects or name in ("x1", "x2")]
        self.params = fit.params[slopes]
        self.errors = fit.bse[slopes]
        self._fml = "y ~ x1 + x2" + (f" | {effects}" if effects else "")
        self._fixef = effects or None
        self._data = frame
        self._N = len(DATA)
        self._has_weights = False
        self._weights_name = self._offset_name = None
        self._vcov_type_detail = "iid"
        self._clustervar = []
        self.convergence = True
        vars(self).update(changed)

    def coef(self):
        return self.params

    def se(self):
        return self.errors

    def tstat(self):
        return self.params / self.errors

    def pvalue(self):
        return pd.Series(0.5, self.params.index)


def test_absorbed_effects_are_those_that_fit_best():
    plain = read(Felogit())
    assert list(plain.coefficients) == ["Intercept", "x1", "x2"]
    their = read(Felogit("g"))
    expected = fit_newton(BernoulliLogistic.from_formula("y ~ x1 + x2 + C(g)", DATA))
    assert list(their.coefficients) == list(expected.names)
    found = np.array(list(their.coefficients.values()))
    assert np.abs((found - expected.coefficients) / expected.standard_errors).max() < 1e-9
    assert "fixed effects of g, which were absorbed" in their.notes[0]


@pytest.mark.filterwarnings("ignore")  # of its own
def test_real_results_are_read_alike():
    pyfixest = pytest.importorskip("pyfixest")
    for effects in ("", "g"):
        formula = "y ~ x1 + x2" + (f" | {effects}" if effects else "")
        real = read(pyfixest.feglm(formula, DATA, family="logit", vcov="iid"))
        ours = read(Felogit(effects))
        assert list(real.coefficients) == list(ours.coefficients)
        assert list(real.coefficients.values()) == pytest.approx(
            list(ours.coefficients.values()), rel=1e-5
        )


def test_what_cannot_be_is_refused():
    with pytest.raises(TypeError, match="of pyfixest feglm"):
        read(object())
    with pytest.raises(ValueError, match="holds no data"):
        read(Felogit(frame=None))
