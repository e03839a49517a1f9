from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from damaged_files import resealed
from forged_pages import rewritten
from r_values import DATA
from reports import column, item

from flatprior.analysis import (
    average_marginal_effects,
    marginal_means,
    report_facts,
    verify_report,
    write_report,
)
from flatprior.models import BernoulliLogistic, fit_newton

FORMULA = "low ~ age + lwt + C(race) + smoke"
TABLES = ("average-effects", "means-1", "contrasts-1", "means-2")


@pytest.fixture(scope="module")
def births():
    return pd.read_csv(DATA / "births.csv")


@pytest.fixture(scope="module")
def model(births):
    return BernoulliLogistic.from_formula(FORMULA, births)


@pytest.fixture(scope="module")
def facts(model, births):
    return report_facts(model=model, data=births)


@pytest.fixture(scope="module")
def page(model, births, tmp_path_factory):
    path = write_report(tmp_path_factory.mktemp("effects") / "r.html", model=model, data=births)
    return path.read_text(encoding="utf-8")


def _of_section(facts):
    (found,) = (section for section in facts["sections"] if section["id"] == "effects")
    return found["items"]


def test_every_category_has_its_means_and_their_differences(facts, model, births):
    assert [each["id"] for each in _of_section(facts)] == list(TABLES)
    fit = fit_newton(model)
    effects = average_marginal_effects(model, fit, births).table()
    means = marginal_means(model, fit, "race", births, scale="probability", over="rows")
    pairs = means.contrasts("pairwise", adjust="holm").table()
    for name, expected, shown in (
        ("average-effects", effects, "effect"),
        ("means-1", means.table(), "probability"),
        ("contrasts-1", pairs, "difference"),
        ("contrasts-1", pairs, "adjusted p"),
    ):
        table = item(facts, name)
        assert [row["name"] for row in table["rows"]] == list(map(str, expected.index))
        assert [float(cell) for cell in column(table, shown)] == pytest.approx(
            expected[shown].tolist(), rel=2e-3
        )
    # of a category of two levels the difference is an average effect
    (smoke,) = (cell for cell in effects.index if cell.startswith("smoke"))
    of_two = item(facts, "means-2")["rows"]
    difference = float(of_two[1]["cells"][0]) - float(of_two[0]["cells"][0])
    assert difference == pytest.approx(effects.loc[smoke, "effect"], abs=2e-4)


def test_without_the_data_the_report_says_what_it_lacks(model):
    (said,) = _of_section(report_facts(model=model))
    assert said["kind"] == "text"
    assert "data=..." in said["text"][0]


@pytest.mark.parametrize(
    "others",
    [
        lambda frame: frame.iloc[:-1],
        lambda frame: frame.assign(smoke=frame["smoke"].to_numpy()[::-1]),
        lambda frame: frame.assign(lwt=np.nextafter(frame["lwt"].astype(float), 0)),
        lambda frame: frame.iloc[np.r_[1, 0, 2 : len(frame)]].reset_index(drop=True),
    ],
    ids=["a row less", "another column", "rounding", "another order"],
)
def test_data_of_another_model_are_refused(others, model, births):
    with pytest.raises(ValueError, match="not those that the model was built from"):
        report_facts(model=model, data=others(births))


def test_columns_of_an_array_are_variables_themselves(model):
    plain = BernoulliLogistic.from_arrays(model.design[:, 1:], model.response, intercept=True)
    (effects,) = _of_section(report_facts(model=plain))
    assert len(effects["rows"]) == 5


def test_rows_in_files_need_no_data(facts, births, tmp_path):
    births.to_csv(tmp_path / "births.csv", index=False)
    read = BernoulliLogistic.from_parquet(tmp_path / "births.csv", FORMULA)
    of_file = report_facts(model=read)
    for name in TABLES:
        assert item(of_file, name)["rows"] == item(facts, name)["rows"]


def test_categories_for_which_there_is_no_room_are_named(model, births, monkeypatch):
    from flatprior.analysis.report.sections import effects

    monkeypatch.setattr(effects, "MOST_CATEGORIES", 1)
    found = _of_section(report_facts(model=model, data=births))
    assert [each["id"] for each in found] == list(TABLES[:3])
    assert "without means of smoke" in found[0]["notes"][-1].lower()


def _with_another_first_number(shown):
    (_, *cells), *rows = shown.cells
    return replace(shown, cells=(("0.123", *cells), *rows))


def _in_full_too(rows):
    rows[1][1] = "0.123"


@pytest.mark.parametrize("table", TABLES)
def test_a_number_that_is_changed_is_told_where_the_data_are_at_hand(
    table, page, facts, model, births, tmp_path
):
    path = tmp_path / "changed.html"
    forged = rewritten(table, _with_another_first_number, _in_full_too)(page)
    path.write_text(resealed(forged), newline="\n")
    with pytest.raises(ValueError, match=r"shows '0.123' in the table"):
        verify_report(model, path, data=births)
    holes = verify_report(model, path).attrs["not made again"]
    assert f"table {item(facts, table)['title']!r}" in holes


def test_a_table_of_effects_that_nothing_gives_is_told(page, model, births, tmp_path):
    path = tmp_path / "more.html"
    path.write_text(resealed(page.replace("means-2", "means-9")), newline="\n")
    with pytest.raises(ValueError, match="'means-9' that nothing gives"):
        verify_report(model, path, data=births)
    # nor can a report that had no data show effects of variables
    none = page.replace('"with_data": true', '"with_data": false')
    assert none != page
    path.write_text(resealed(none), newline="\n")
    with pytest.raises(ValueError, match="that nothing gives"):
        verify_report(model, path)


def test_effects_that_cannot_be_computed_say_why(births):
    frame = births.assign(heavy=births["lwt"] - births["lwt"].min())
    model = BernoulliLogistic.from_formula("low ~ sqrt(heavy) + smoke", frame)
    effects, means = _of_section(report_facts(model=model, data=frame))
    assert "derivative" in effects["rows"][0]["cells"][0]
    assert means["id"] == "means-1"
