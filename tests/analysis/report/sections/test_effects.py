import functools
import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from damaged_files import embedded_in, resealed
from forged_pages import TABLE, rewritten
from reports import column, facts_with, item

from flatprior import analysis
from flatprior.analysis import (
    average_marginal_effects,
    drop_one,
    marginal_means,
    report_facts,
    summarise,
    verify_report,
    write_report,
)
from flatprior.analysis.report.main_model import reported
from flatprior.analysis.report.page import sealed
from flatprior.analysis.report.sections import effects
from flatprior.analysis.report.verification import tables
from flatprior.analysis.report.writing import render
from flatprior.models import BernoulliLogistic, fit_newton, load_births, load_spector

FORMULA = "low ~ age + lwt + C(race) + smoke"
TABLES = ("average-effects", "means-1", "contrasts-1", "means-2")
FIGURES = tuple(f"effect-{i}" for i in range(1, 5))  # of four variables


@pytest.fixture(scope="module")
def births():
    return load_births()


@pytest.fixture(scope="module")
def model(births):
    return BernoulliLogistic.from_formula(FORMULA, births)


@pytest.fixture(scope="module")
def facts(model, births):
    return report_facts(model=model, data=births)


@pytest.fixture(scope="module")
def page(facts):
    return sealed(render(facts))  # as `write_report` does


def effects_in(**given):
    return facts_with(effects.effects_of_variables, **given)


def _of_section(facts):
    (found,) = (section for section in facts["sections"] if section["id"] == "effects")
    return found["items"]


def test_every_category_has_its_means_and_their_differences(facts, model, births):
    assert {each["id"] for each in _of_section(facts)} == {*TABLES, *FIGURES}
    fit = fit_newton(model)
    effects = average_marginal_effects(model, fit, births).table()
    means = marginal_means(model, fit, "race", births, scale="probability", over="rows")
    pairs = means.contrasts("pairwise", adjust="holm").table()
    # the report takes the reference from others everywhere, as the effects do
    signs = pd.Series(-1.0, index=pairs.columns).where(pairs.columns == "difference", 1.0)
    pairs = (pairs * signs).rename(lambda name: " - ".join(name.split(" - ")[::-1]))
    sd = float(f"{births['lwt'].std():.3g}")
    slopes = {"age, per 1": 1.0, "age, per 5.3 (1 SD)": 5.3}
    slopes |= {"lwt, per 1": 1.0, f"lwt, per {sd} (1 SD)": sd}
    levels = effects.drop(["age", "lwt"])
    effects = pd.concat(
        [pd.DataFrame({k: effects.loc[k[:3]] * unit for k, unit in slopes.items()}).T, levels]
    )
    for name, expected, shown in (
        ("average-effects", effects, "effect"),
        ("average-effects", effects, "SE"),
        ("means-1", means.table(), "probability"),
        ("contrasts-1", pairs, "difference"),
        ("contrasts-1", pairs, "adjusted p"),
    ):
        table = item(facts, name)
        assert [row["name"] for row in table["rows"]] == list(map(str, expected.index))
        assert [float(cell) for cell in column(table, shown)] == pytest.approx(
            expected[{"SE": "standard error"}.get(shown, shown)].tolist(), rel=2e-3
        )
    # of a category of two levels the difference is an average effect
    (smoke,) = (cell for cell in effects.index if cell.startswith("smoke"))
    of_two = item(facts, "means-2")["rows"]
    difference = float(of_two[1]["cells"][0]) - float(of_two[0]["cells"][0])
    assert difference == pytest.approx(effects.loc[smoke, "effect"], abs=2e-4)


def test_numbers_of_0_and_1_are_compared_as_levels_are(births):
    model = BernoulliLogistic.from_formula("low ~ lwt + ht + ui + ptl", births)
    table = item(effects_in(model=model, data=births), "average-effects")
    levels = BernoulliLogistic.from_formula("low ~ lwt + C(ht) + C(ui) + ptl", births)
    expected = average_marginal_effects(levels, fit_newton(levels), births).table()
    shown = dict(zip((row["name"] for row in table["rows"]), column(table, "effect"), strict=True))
    assert "ptl, per 1" in shown
    for name in ("ht: 1 - 0", "ui: 1 - 0"):
        assert float(shown[name]) == pytest.approx(expected.loc[name, "effect"], rel=2e-3)
    plain = BernoulliLogistic.from_arrays(
        births[["lwt", "ht", "ui", "ptl"]], births["low"], intercept=True
    )
    of_columns = item(effects_in(model=plain), "average-effects")
    assert [row["cells"] for row in of_columns["rows"]] == [row["cells"] for row in table["rows"]]


def test_tables_say_whether_p_values_are_adjusted_and_what_is_averaged(facts):
    effects, contrasts, means = (
        item(facts, name) for name in ("average-effects", "contrasts-1", "means-1")
    )
    assert "not adjusted for their number; those of differences" in " ".join(effects["notes"])
    assert "adjusted p and intervals are for all 3 together" in contrasts["facts"][1]
    assert "averaged over the rows as observed, with race set to" in means["facts"][0]
    assert "intervals are normal on the log-odds, and put back" in means["facts"][1]
    for row in means["rows"]:
        p, error, *ends = (float(cell) for cell in row["cells"])
        width = 1.95996 * error / (p * (1 - p))
        there = [1 / (1 + np.exp(sign * width) * (1 - p) / p) for sign in (1, -1)]
        assert ends == pytest.approx(there, abs=3e-4)
    for row in contrasts["rows"]:
        if row["name"].endswith("black"):
            same = next(r for r in effects["rows"] if r["name"] == f"race: {row['name']}")
            assert row["cells"][:4] == same["cells"][:4]  # difference, SE, z and p
    assert "the others held at" in item(facts, "effect-1")["how"]


@pytest.mark.parametrize(
    ("formula", "of_levels", "of_numbers"),
    [
        ("low ~ age", "", "Of numbers: the slope"),
        ("low ~ smoke", "Of levels, and of numbers", ""),
        ("low ~ age + smoke", "Of levels, and of numbers", "of other numbers: the slope"),
    ],
)
def test_what_an_effect_is_of_is_said_of_the_kinds_there_are(
    births, formula, of_levels, of_numbers
):
    model = BernoulliLogistic.from_formula(formula, births)
    said = item(effects_in(model=model, data=births), "average-effects")["notes"][0]
    assert said.startswith(of_levels or of_numbers)
    assert of_numbers in said
    assert ("levels" in said) == bool(of_levels)
    assert ("slope" in said) == bool(of_numbers)


def test_without_the_data_the_report_says_what_it_lacks(model):
    (said,) = _of_section(effects_in(model=model))
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
    table, *figures = _of_section(effects_in(model=plain))
    assert len([row for row in table["rows"] if "1 SD" not in row["name"]]) == 5
    assert [each["id"] for each in figures] == list(FIGURES)
    assert "Shown: 4 of 5 variables" in figures[0]["how"]


def test_rows_in_files_need_no_data(facts, births, tmp_path):
    births.to_csv(tmp_path / "births.csv", index=False)
    read = BernoulliLogistic.from_parquet(tmp_path / "births.csv", FORMULA)
    of_file = effects_in(model=read)
    for name in TABLES:
        assert item(of_file, name)["rows"] == item(facts, name)["rows"]
    for name in FIGURES:
        assert item(of_file, name)["alternative"] == item(facts, name)["alternative"]


def test_categories_for_which_there_is_no_room_are_named(model, births, monkeypatch):
    monkeypatch.setattr(effects, "MOST_CATEGORIES", 1)
    found = _of_section(effects_in(model=model, data=births))
    assert {each["id"] for each in found} == {*TABLES[:3], *FIGURES}
    (table,) = (each for each in found if each["id"] == "average-effects")
    assert table["notes"][-1] == (
        "Without means of smoke: those of 1 others are shown; "
        "marginal_means(model, fit, name, data) computes them."
    )


def test_levels_are_bounded_by_the_rows_that_they_are_encoded_in(births, monkeypatch):
    frame = births.assign(clinic=np.arange(len(births)) % 15, year=np.arange(len(births)) % 4)
    model = BernoulliLogistic.from_formula("low ~ age + C(clinic) + smoke + C(year)", frame)
    monkeypatch.setattr(effects, "MOST_ENCODED", 7 * len(births))
    facts = effects_in(model=model, data=frame)
    found = item(facts, "average-effects")
    names = [row["name"].split(":")[0] for row in found["rows"]]
    assert names == ["age, per 1", "age, per 5.3 (1 SD)", "smoke", *["year"] * 3]
    said = " ".join(found["notes"])
    assert "Without effects of clinic: 189 rows with each of their levels are more than" in said
    assert "Without means of clinic: more than 12 levels" in said
    # smoke and year together have 6 levels, of 7
    assert [each["id"] for each in _of_section(facts) if "means" in each["id"]] == [
        "means-1",
        "means-2",
    ]
    monkeypatch.setattr(effects, "MOST_ENCODED", 5 * len(births))
    facts = effects_in(model=model, data=frame)
    assert "Without effects of year, clinic" in " ".join(item(facts, "average-effects")["notes"])
    assert "by smoke" in item(facts, "means-1")["title"]
    assert not any(each["id"] == "means-2" for each in _of_section(facts))
    alone = BernoulliLogistic.from_formula("low ~ C(clinic)", frame)
    facts = effects_in(model=alone, data=frame)
    assert "see below why" in item(facts, "average-effects")["rows"][0]["cells"][0]


def test_means_are_computed_once_and_so_is_what_is_shown(model, births, monkeypatch):
    called = []
    for name in ("marginal_means", "_plan"):
        own = getattr(effects, name)

        def counted(*given, _own=own, _name=name, **options):
            called.append(_name)
            return _own(*given, **options)

        monkeypatch.setattr(effects, name, counted)
    effects.effects_of_variables(reported(None, None, model=model, data=births))
    assert sorted(called) == ["_plan", "marginal_means", "marginal_means"]


def test_a_fault_of_the_program_is_no_fact_of_the_data(model, births, monkeypatch):
    def broken(*_, **__):
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr(effects, "average_marginal_effects", broken)
    with pytest.raises(ValueError, match="broadcast"):
        report_facts(model=model, data=births)


def test_a_report_that_does_not_say_whether_it_had_data_had_none(model, tmp_path):
    path = write_report(tmp_path / "r.html", model=model)
    text = path.read_text(encoding="utf-8")
    older = re.sub(r'"with_data": false, ?', "", text)
    assert older != text
    path.write_text(resealed(older), newline="\n")
    assert list(verify_report(model, path).index) == ["reported"]


def _with_another_first_number(shown):
    (_, *cells), *rows = shown.cells
    return replace(shown, cells=(("0.123", *cells), *rows))


def _in_full_too(rows):
    rows[1][1] = "0.123"


@pytest.mark.usefixtures("made_once")
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


def _without(page, name):
    page = re.sub(TABLE.format(name), "", page, count=1, flags=re.DOTALL)
    pattern = r'(<script type="application/json" id="flatprior-tables">)(.*?)(</script>)'
    copies = json.loads(re.search(pattern, page, re.DOTALL)[2])
    del copies[name]
    return embedded_in(page, copies, "flatprior-tables")


def _with_other_places(page):
    one, two = (
        re.search(TABLE.format(name), page, re.DOTALL)[0] for name in ("means-1", "certificate")
    )
    return page.replace(one, "").replace(two, one + two)


FORGED = {
    "another name": lambda page: page.replace("means-2", "means-9"),
    "another title": lambda page: page.replace("Average effects of variables", "Coefficients"),
    "one left out": lambda page: _without(page, "contrasts-1"),
    "all left out": lambda page: functools.reduce(_without, TABLES, page),
    "moved": _with_other_places,
    "no word of data": lambda page: page.replace('"with_data": true, ', ""),
    "no data": lambda page: page.replace('"with_data": true', '"with_data": false'),
}


@pytest.mark.usefixtures("made_once")
@pytest.mark.parametrize("forged", FORGED)
def test_other_tables_of_effects_are_told_with_the_data_and_without(
    forged, page, model, births, tmp_path
):
    path, changed = tmp_path / "forged.html", FORGED[forged](page)
    assert changed != page
    path.write_text(resealed(changed), newline="\n")
    for data in (births, None) if forged != "moved" else (births,):
        with pytest.raises(ValueError, match=r"nothing gives|table|words"):
            verify_report(model, path, data=data)


def test_of_columns_and_of_no_estimate_no_report_has_data(model, tmp_path):
    plain = BernoulliLogistic.from_arrays(model.design[:, 1:], model.response, intercept=True)
    path = write_report(tmp_path / "r.html", model=plain, data=model.design)
    text = path.read_text(encoding="utf-8").replace('"with_data": false', '"with_data": true')
    path.write_text(resealed(text), newline="\n")
    with pytest.raises(ValueError, match="no report has the data"):
        verify_report(plain, path)


def test_a_wald_test_that_is_misled_is_told_beside_effects_which_overstate_what_it_hides(facts):
    said = " ".join(item(facts, "average-effects")["notes"])
    assert "not as a sample of a population" in said
    assert "misled" not in said
    data = pd.DataFrame({"x": ["a"] * 80 + ["b"] * 20, "y": [0, 1] * 40 + [1] * 19 + [0]})
    model = BernoulliLogistic.from_formula("y ~ x", data)
    table = item(effects_in(model=model, data=data), "average-effects")
    assert "The Wald test of x[T.b] is misled (Hauck-Donner effect)" in " ".join(table["notes"])
    # p of the coefficient is too large, and that of its effect too small
    fit = fit_newton(model)
    likelihood_ratio = drop_one(model).table().loc["x", "p"]
    coefficient = summarise(model, fit).table().loc["x[T.b]", "p"]
    assert float(table["rows"][0]["cells"][3]) < likelihood_ratio / 1000
    assert coefficient > 50 * likelihood_ratio


def test_of_the_intercept_alone_nothing_is_said_to_be_misled():
    data = load_spector()  # whose intercept is
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    assert summarise(model, fit_newton(model)).table()["hauck-donner"]["Intercept"]
    table = item(effects_in(model=model, data=data), "average-effects")
    assert "misled" not in " ".join(table["notes"])


def test_of_many_rows_the_calls_that_give_effects_are_named_and_run(births, tmp_path, monkeypatch):
    monkeypatch.setattr(effects, "MOST_ROWS", 100)
    births.to_csv(tmp_path / "b.csv", index=False)
    columns = births[["lwt", "ht"]]
    for model in (
        BernoulliLogistic.from_formula("low ~ lwt + C(race)", births),
        BernoulliLogistic.from_parquet(tmp_path / "b.csv", "low ~ lwt + C(race)"),
        BernoulliLogistic.from_arrays(columns, births["low"], intercept=True),
    ):
        (said,) = _of_section(effects_in(model=model, data=births))
        calls = re.findall(r"(\w+)\(model, fit([^)]*)\)", said["text"][0])
        assert len(calls) == (2 if model.encoding is None else 3)
        known = {"name": "race", "data": births}
        for name, given in calls:
            further = [known[each] for each in given.split(", ")[1:]]
            getattr(analysis, name)(model, fit_newton(model), *further)


@pytest.mark.usefixtures("made_once")
def test_small_p_values_have_their_digits(page, model, births, tmp_path):
    path = tmp_path / "p.html"

    def of_one(rows):
        (at,) = (i for i, name in enumerate(rows[0]) if name == "p")
        rows[1][at] = "1.234e-10"

    def shown(table):
        (at,) = (i for i, name in enumerate(table.columns) if name == "p")
        cells = [list(row) for row in table.cells]
        cells[0][at] = "1.23e-10"
        return replace(table, cells=tuple(map(tuple, cells)))

    forged = rewritten("average-effects", shown, of_one)(page)
    path.write_text(resealed(forged), newline="\n")
    with pytest.raises(ValueError, match="'p'"):
        verify_report(model, path, data=births)


def test_what_is_zero_but_for_rounding_has_any_rounding():
    absolute = functools.partial(tables._same_value, columns=("apparent",), bounds=0.3)
    assert absolute("8.67e-17", "-2.1e-17", "apparent", table="validation")
    assert not absolute("8.67e-5", "-2.1e-17", "apparent", table="validation")
    assert not absolute("8.67e-17", "-2.1e-17", "apparent", table="coefficients-table")
    p = functools.partial(tables._same_value, table="average-effects", bounds=0.3)
    assert not p("2e-11", "1e-11", "p", ("z", "p"))
    assert tables._same_value("2e-11", "1e-11", "p", ("LR", "p"), "terms", 0.3)


def test_variables_that_are_compared_leave_the_effects_of_others(births):
    model = BernoulliLogistic.from_formula("low ~ I(age > 25) + lwt", births)
    table = item(effects_in(model=model, data=births), "average-effects")
    assert [row["name"] for row in table["rows"]] == ["lwt, per 1", "lwt, per 30.6 (1 SD)"]
    assert table["notes"][-1] == (
        "Without effects of age: the formula compares them, and they have no slope."
    )


def test_trials_in_an_array_are_asked_for_as_a_column():
    counts = pd.DataFrame({"share": [0.5, 0.25, 0.75], "g": ["a", "b", "c"]})
    model = BernoulliLogistic.from_formula("share ~ 1 + g", counts, trials=[4, 4, 8])
    with pytest.raises(ValueError, match="make them a column"):
        report_facts(model=model, data=counts)


def test_effects_that_cannot_be_computed_say_why(births):
    frame = births.assign(heavy=births["lwt"] - births["lwt"].min())
    model = BernoulliLogistic.from_formula("low ~ sqrt(heavy) + smoke", frame)
    facts = effects_in(model=model, data=frame)
    assert "derivative" in item(facts, "average-effects")["rows"][0]["cells"][0]
    assert item(facts, "means-1")["rows"]
