"""A report read back, and held against the data."""

import json

import pytest

from flatprior.analysis import (
    compare_models,
    compare_routes,
    read_report,
    verify_report,
    write_report,
)
from flatprior.analysis.verification import formulas_of
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_spector,
    sample_independence,
)


@pytest.fixture(scope="module")
def model():
    return BernoulliLogistic.from_formula("grade ~ gpa + tuce + C(psi)", load_spector())


@pytest.fixture(scope="module")
def agreement(model):
    draws = sample_independence(model, seed=3, progress=False)
    return compare_routes(model, fit_newton(model), fit_sklearn(model), draws)


@pytest.fixture(scope="module")
def comparison(model):
    return compare_models(
        {"all": model, "gpa": BernoulliLogistic.from_formula("grade ~ gpa", load_spector())}
    )


def test_a_report_is_read_back_and_verified(agreement, comparison, model, tmp_path):
    path = write_report(tmp_path / "r.html", agreement, comparison, command="x & <y>")
    found = read_report(path)
    assert found["command"] == "x & <y>"
    assert found["data_hash"] == model.data_hash
    assert found["seeds"] == {"independence": 3}
    assert found["comparison"]["models"]["all"]["AIC"] == comparison.table().loc["all", "AIC"]
    table = verify_report(model, found)

    assert table.index.tolist() == ["newton", "sklearn", "reported"]
    assert (table["error bound"] <= 1e-10).all()


def test_verification_fails_where_data_or_numbers_differ(agreement, model, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", agreement))
    other = BernoulliLogistic.from_formula(model.formula, load_spector().iloc[1:])
    with pytest.raises(ValueError, match="data are not those"):
        verify_report(other, found)
    moved = json.loads(json.dumps(found))
    moved["agreement"]["routes"][1]["coefficients"][0] += 1e-3
    with pytest.raises(ValueError, match="fit the model again"):
        verify_report(model, moved)
    del moved["estimate"]
    with pytest.raises(ValueError, match="damaged"):
        verify_report(model, moved)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        '<script id="flatprior-report">{}</script>',
        "{",
        '<script id="flatprior-report">[',
    ],
)
def test_other_files_are_refused(text, tmp_path):
    (tmp_path / "r.html").write_text(text)
    with pytest.raises(ValueError, match="not a report written by flatprior"):
        read_report(tmp_path / "r.html")


def test_the_models_of_a_comparison_are_verified_too(comparison, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", comparison=comparison))
    formula, others = formulas_of(found)
    assert formula == "grade ~ gpa + tuce + C(psi)"
    assert others == {"all": formula, "gpa": "grade ~ gpa"}
    models = dict(comparison.models)
    assert verify_report(models["all"], found, models).index.tolist() == [
        "reported",
        "model all",
        "model gpa",
    ]
    found["comparison"]["estimates"]["gpa"]["log_likelihood"] += 1
    with pytest.raises(ValueError, match="log-likelihood"):
        verify_report(models["all"], found, models)


def test_models_from_arrays_have_no_formula(tmp_path):
    model = BernoulliLogistic.from_arrays([1, 2, 3, 4], [0, 1, 0, 1], intercept=True)
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    found = read_report(write_report(tmp_path / "r.html", agreement))
    with pytest.raises(ValueError, match="built from arrays"):
        formulas_of(found)
    assert len(verify_report(model, found)) == 3
