import pytest

from flatprior.analysis import compare_routes, read_report, verify_report, write_report
from flatprior.analysis.report.verification.reading import formulas_of
from flatprior.models import BernoulliLogistic, fit_newton, fit_sklearn


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


def test_models_from_arrays_have_no_formula(tmp_path):
    model = BernoulliLogistic.from_arrays([1, 2, 3, 4], [0, 1, 0, 1], intercept=True)
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    found = read_report(write_report(tmp_path / "r.html", agreement))
    with pytest.raises(ValueError, match="built from arrays"):
        formulas_of(found)
    for damaged in ([1], {"estimates": {"a": 3}}):
        with pytest.raises(ValueError, match="damaged"):
            formulas_of({"formula": "y ~ x", "comparison": damaged})
    with pytest.raises(FileNotFoundError, match="no file"):
        read_report(tmp_path / "none.html")
    assert len(verify_report(model, found)) == 3
