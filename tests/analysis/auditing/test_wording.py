import pytest
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import audit
from flatprior.analysis.auditing.wording import as_stated
from flatprior.models import BernoulliLogistic, fit_newton, load_births

FORMULA = "low ~ lwt + C(race) + smoke"


@pytest.fixture(scope="module")
def births():
    return BernoulliLogistic.from_formula(FORMULA, load_births())


def printed(model, path, digits=4):
    table = fit_newton(model).summary()[["coefficient", "standard error"]].round(digits)
    table.loc["lwt", "standard error"] += 0.0006
    table.to_csv(path)
    return path


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (1.1775, 1e-4, "1.1775"),
        (1.06, 1e-4, "1.0600"),
        (1.1775, 0.0, "1.17750"),
        (1.2e-5, 1e-6, "0.000012"),
        (1.2e-12, 1e-13, "1.2e-12"),
        (1.2e5, 1e4, "1.2e+05"),
        (0.0, 1e-3, "0.000"),
        (float("nan"), 1e-3, "-"),
    ],
)
def test_a_number_has_the_digits_it_was_printed_in(value, unit, shown):
    assert as_stated(value, unit, "#.6g") == shown


def test_a_table_of_an_audit_has_no_digit_that_its_source_has_not(births, tmp_path):
    path = printed(births, tmp_path / "printed.csv")
    rows = [line.split(",") for line in path.read_text().splitlines()[1:]]
    shown = audit(path, births).rendered()
    cells = dict(zip(shown.names, shown.cells, strict=True))
    at, beside = map(shown.columns.index, ("theirs", "their SE"))
    for name, coefficient, error in rows:
        assert float(cells[name][at]) == float(coefficient)
        assert float(cells[name][beside]) == float(error)
        assert len(cells[name][at].partition(".")[2]) <= 4
        assert len(cells[name][beside].partition(".")[2]) <= 4
    assert shown.raw["theirs"].dtype == float


def test_a_number_that_is_off_is_said_after_a_semicolon(births, tmp_path):
    found = audit(printed(births, tmp_path / "printed.csv"), births)
    assert found.verdict == (
        "a printed table: the maximum likelihood estimate in every digit printed; 1 of 5 numbers "
        "beside the coefficients is off"
    )
    assert found.finding == found.verdict.removeprefix("a printed table: ")


def test_a_distance_is_said_of_the_coefficient_it_is_of(births):
    theirs = LogisticRegression(tol=1e-10, max_iter=10_000).fit(
        births.design[:, 1:], births.response
    )
    found = audit(theirs, births)
    gaps = found.table()["difference"].abs()
    assert f"up to {gaps.max():.2g} standard errors away ({gaps.idxmax()}): ridge" in found.verdict
