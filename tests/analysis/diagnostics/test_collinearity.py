"""Variance inflation and condition numbers against statsmodels and NumPy."""

import math

import numpy as np
import pandas as pd
import pytest
from coded_models import both
from every_way import every_way
from peers import expanded
from problems import CASES
from r_values import NAMES, r_model, r_table
from statsmodels.stats.outliers_influence import variance_inflation_factor

from flatprior.analysis import collinearity
from flatprior.models import BernoulliLogistic, fit_newton


@pytest.mark.parametrize("name", ["lbw_stata", "pima_tr", "smarket", "fertility"])
def test_variance_inflation_is_that_of_statsmodels(name):
    case = CASES[name]
    frame, _, _ = expanded(case)
    found = collinearity(case.model)
    X = frame.to_numpy(dtype=float)
    for j, column in enumerate(frame):
        if column == "const":
            assert math.isnan(found.vif[column])
        else:
            assert found.vif[column] == pytest.approx(variance_inflation_factor(X, j), rel=1e-8)
    scaled = X / np.linalg.norm(X, axis=0)
    assert found.condition_number == pytest.approx(np.linalg.cond(scaled), rel=1e-9)


def test_without_a_constant_variance_inflation_is_about_zero():
    X = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [1.0, 1.0]])
    found = collinearity(BernoulliLogistic.from_arrays(X, [0, 1, 0, 1]))
    r2 = (X[:, 0] @ X[:, 1]) ** 2 / (X[:, 0] @ X[:, 0]) / (X[:, 1] @ X[:, 1])
    assert found.vif.to_numpy() == pytest.approx([1 / (1 - r2)] * 2, rel=1e-12)


def test_rows_in_batches_have_the_same_collinearity(tmp_path):
    frame = CASES["ohio"].frame.assign(y=CASES["ohio"].response)
    frame.to_parquet(tmp_path / "ohio.parquet", row_group_size=300)
    formula = "y ~ age + smoke + age_smoke"
    batches = collinearity(BernoulliLogistic.from_parquet(tmp_path / "ohio.parquet", formula))
    memory = collinearity(BernoulliLogistic.from_formula(formula, frame))
    assert batches.vif.to_numpy() == pytest.approx(memory.vif.to_numpy(), rel=1e-10, nan_ok=True)
    assert batches.condition_number == pytest.approx(memory.condition_number, rel=1e-10)


@pytest.fixture
def grouped():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"g": rng.choice(list("abcd"), 150), "h": rng.choice(["u", "v"], 150)})
    frame["x"] = rng.normal(size=150) + (frame["g"] == "b") + 100.0
    return frame.assign(y=rng.integers(0, 2, 150), n=rng.integers(1, 5, 150))


def test_generalised_variance_inflation_is_a_ratio_of_determinants(grouped, tmp_path, monkeypatch):
    # Fox and Monette: det(R11) det(R22) / det(R), of the correlations of the columns
    for formula in ("y ~ g + x + h", "y ~ C(g, contr.helmert) + x*h", "y ~ h:g + poly(x, 3)"):
        for how, build in every_way(grouped, tmp_path, monkeypatch):
            if how.startswith("CSV"):  # which are read into the same rows
                continue
            model = build(formula)
            found = collinearity(model).gvif
            if how == "frame":
                design = pd.DataFrame(model.design, columns=model.names).iloc[:, 1:]
                R = design.corr()
                for name, own in list(model.terms.items())[1:]:
                    own, rest = list(own), [each for each in design if each not in own]
                    parts = (R.loc[own, own], R.loc[rest, rest], R)
                    one, two, whole = (np.linalg.det(part) for part in parts)
                    assert found.loc[name, "GVIF"] == pytest.approx(one * two / whole, rel=1e-6)
                expected = found
            else:
                assert found["GVIF"].to_numpy() == pytest.approx(
                    expected["GVIF"].to_numpy(), rel=1e-8, nan_ok=True
                )
            if "poly" in formula:  # which needs all rows at once
                break
    assert math.isnan(found.loc["Intercept", "GVIF"])


def test_generalised_variance_inflation_depends_on_no_coding(grouped):
    tables = [
        collinearity(BernoulliLogistic.from_formula(formula, grouped, frequency_weights="n")).gvif
        for formula in ("y ~ g + x", "y ~ C(g, contr.treatment('c')) + x", "y ~ C(g, Sum) + x")
    ]
    for table in tables[1:]:
        assert table.to_numpy() == pytest.approx(tables[0].to_numpy(), rel=1e-8, nan_ok=True)
    assert tables[0].loc["g", "GVIF"] == pytest.approx(tables[0].loc["x", "GVIF"], rel=1e-8)
    assert tables[0].loc["g", "GVIF^(1/(2 df))"] == tables[0].loc["g", "GVIF"] ** (1 / 6)
    rows = grouped.loc[grouped.index.repeat(grouped["n"])]
    repeated = collinearity(BernoulliLogistic.from_formula("y ~ g + x", rows))
    assert repeated.gvif.to_numpy() == pytest.approx(tables[0].to_numpy(), rel=1e-8, nan_ok=True)
    shown = repeated.rendered()
    assert shown.names == tuple(repeated.gvif.index)
    assert "GVIF" in shown.columns
    assert "the columns alone" in shown.notes[-1]


@pytest.mark.parametrize("name", NAMES)
def test_of_a_fit_generalised_inflation_is_that_of_car(name):
    model, _, facts = r_model(name)
    theirs, found = r_table(facts["vif"]), collinearity(model, fit_newton(model)).gvif
    found = found.drop("Intercept")
    assert found["df"].tolist() == theirs["Df"].tolist()
    for column in ("GVIF", "GVIF^(1/(2 df))"):
        expected = theirs[column.replace(" df", "*Df")].to_numpy()
        assert found[column].to_numpy() == pytest.approx(expected, rel=1e-6)


def test_factors_as_codes_have_the_same_generalised_inflation(grouped):
    one, two = (collinearity(each).gvif for each in both("y ~ g*h + x", grouped))
    assert one.to_numpy() == pytest.approx(two.to_numpy(), rel=1e-8, nan_ok=True)


def test_a_term_with_a_constant_column_has_no_generalised_inflation(grouped):
    table = grouped.assign(sign=np.where(grouped["h"] == "u", -1.0, 1.0))
    model = BernoulliLogistic.from_formula("y ~ 0 + poly(sign, 2, raw=True) + x", table)
    found = collinearity(model).gvif
    assert math.isnan(found["GVIF"].iloc[0])
    assert found["GVIF"].iloc[1] == pytest.approx(collinearity(model).vif["x"])


def test_models_from_arrays_have_no_generalised_inflation():
    assert collinearity(CASES["pima_tr"].model).gvif is None


def test_dependent_columns_are_refused():
    with pytest.raises(ArithmeticError, match="dependent"):
        collinearity(CASES["dup_col"].model)
