"""The bundled data are those of their references, to the published coefficients."""

from importlib.resources import files

import numpy as np
import pytest
from problems import CASES

from flatprior.models import (
    BernoulliLogistic,
    check_existence,
    fit_newton,
    load_births,
    load_endometrial,
    load_smarket,
    load_spector,
)


def test_smarket_gives_the_coefficients_of_the_book():
    # James, Witten, Hastie and Tibshirani, section 4.6.2, as printed by R's summary(glm)
    formula = "Direction ~ Lag1 + Lag2 + Lag3 + Lag4 + Lag5 + Volume"
    data = load_smarket()
    assert data.shape == (1250, 7)
    fit = fit_newton(BernoulliLogistic.from_formula(formula, data))
    printed = [-0.126000, -0.073074, -0.042301, 0.011085, 0.009359, 0.010313, 0.135441]
    assert fit.coefficients == pytest.approx(printed, abs=5.1e-7)


def test_spector_gives_the_coefficients_of_the_textbooks():
    # Spector and Mazzeo (1980); Greene, Econometric Analysis, the logit column
    fit = fit_newton(BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector()))
    assert fit.coefficients == pytest.approx([-13.021, 2.826, 0.095, 2.379], abs=5.1e-4)
    assert fit.coefficients == pytest.approx(CASES["spector"].beta, rel=1e-10)


def test_endometrial_is_separated_by_neovasculation_alone():
    # Heinze and Schemper (2002): 13 patients with NV = 1, all of grade 1
    data = load_endometrial()
    assert data.loc[data["NV"] == 1, "HG"].tolist() == [1] * 13
    found = check_existence(BernoulliLogistic.from_formula("HG ~ NV + PI + EH", data))
    assert found.coefficients == {
        "Intercept": "finite", "NV": "+inf", "PI": "finite", "EH": "finite"
    }  # fmt: skip


def test_births_are_those_of_the_textbook_and_of_stata():
    data = load_births()
    formula = "low ~ age + lwt + C(race, contr.treatment('white')) + smoke + ptl + ht + ui"
    fit = fit_newton(BernoulliLogistic.from_formula(formula, data))
    # Stata's manual, `logistic low age lwt i.race smoke ptl ht ui`: odds ratios
    printed = [0.9732636, 0.9849634, 3.534767, 2.368079, 2.517698, 1.719161, 6.249602, 2.1351]
    assert np.exp(fit.coefficients[1:]) == pytest.approx(printed, rel=2e-6)
    assert fit.coefficients == pytest.approx(CASES["lbw_stata"].beta, rel=1e-10)


@pytest.mark.parametrize("load", [load_smarket, load_endometrial, load_spector, load_births])
def test_each_call_gives_a_frame_of_its_own_without_a_missing_value(load):
    first = load()
    assert first.notna().to_numpy().all()
    assert first.index[0] == 0
    first.iloc[:, 0] = 0
    assert not first.equals(load())
    name = load.__name__.removeprefix("load_")
    file = files("flatprior.models") / "data" / f"{name}.csv"
    assert len(load()) == file.read_text().strip().count("\n")
