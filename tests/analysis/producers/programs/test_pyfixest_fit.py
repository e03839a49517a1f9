import inspect
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from foreign_fits import data

from flatprior.analysis.auditing.judging import judge_fit
from flatprior.analysis.producers.programs.pyfixest_fit import read
from flatprior.models import BernoulliLogistic, fit_newton

DATA = data(np.random.default_rng(5), n=200).frame


def whole_model(effects="", weights=None, offset=None):
    return BernoulliLogistic.from_formula(
        "y ~ x1 + x2" + (f" + C({effects})" if effects else ""),
        DATA,
        frequency_weights=weights,
        offset=offset,
    )


class Felogit:
    """What a result of pyfixest 0.60 shows; numbers are computed here, those of a right fit."""

    def __init__(self, effects="", frame=DATA, weights=None, offset=None, **changed):
        fit = fit_newton(whole_model(effects, weights, offset))
        slopes = [name for name in fit.names if not effects or name in ("x1", "x2")]
        self.params = fit.params[slopes]
        self.errors = fit.bse[slopes]
        self._fml = "y ~ x1 + x2" + (f" | {effects}" if effects else "")
        self._fixef = effects or None
        self._data = frame
        self._N = len(DATA)
        self._has_weights = weights is not None
        self._weights_name, self._offset_name = weights, offset
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
    expected = fit_newton(whole_model("g"))
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


@pytest.mark.parametrize("effects", ["", "g"])
@pytest.mark.parametrize(("weights", "offset"), [("w", None), (None, "o"), ("w", "o")])
def test_weights_and_an_offset_belong_to_the_model(effects, weights, offset):
    their = read(Felogit(effects, weights=weights, offset=offset))
    expected = fit_newton(whole_model(effects, weights, offset))
    assert judge_fit(their.model, their).is_mle
    assert fit_newton(their.model).coefficients == pytest.approx(expected.coefficients, rel=1e-9)
    plain = read(Felogit(effects))
    other = judge_fit(their.model, replace(their, coefficients=plain.coefficients))
    assert not other.is_mle


@pytest.mark.filterwarnings("ignore")
def test_real_results_with_weights_or_an_offset_are_the_estimate():
    pyfixest = pytest.importorskip("pyfixest")
    taken = inspect.signature(pyfixest.feglm).parameters
    given = {name: of for name, of in {"weights": "w", "offset": "o"}.items() if name in taken}
    if not given:
        pytest.skip("feglm of this version takes neither")
    fit = pyfixest.feglm("y ~ x1 + x2 | g", DATA, family="logit", vcov="iid", **given)
    their = read(fit)
    assert judge_fit(their.model, their).is_mle


@pytest.mark.parametrize("k_adj", [True, False])
def test_another_correction_for_small_samples_makes_errors_of_no_usual_kind(k_adj):
    their = read(Felogit(_vcov_type_detail="hetero", _ssc_dict={"k_adj": k_adj, "G_adj": True}))
    assert ("k_adj=False" in their.may_be) is not k_adj


def test_what_cannot_be_is_refused():
    with pytest.raises(TypeError, match="of pyfixest feglm"):
        read(object())
    with pytest.raises(ValueError, match="holds no data"):
        read(Felogit(frame=None))
