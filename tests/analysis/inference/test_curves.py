"""Effect curves, held against predictions of rows written out by hand."""

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis import effect_curves, predict, robust_covariance
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    load_births,
    load_spector,
    sample_independence,
)

FORMULA = "low ~ age + lwt + C(race) + smoke + ht"


@pytest.fixture(scope="module")
def births():
    return load_births()


@pytest.fixture(scope="module")
def model(births):
    return BernoulliLogistic.from_formula(FORMULA, births)


@pytest.fixture(scope="module")
def curves(model, births):
    return effect_curves(model, fit_newton(model), births, most=3)


def test_a_number_moves_and_the_others_are_at_means_and_reference_levels(curves, model, births):
    curve = curves.curve("lwt")
    assert curve.values[0] == births["lwt"].min()
    assert curve.values[-1] == births["lwt"].max()
    rows = pd.DataFrame({"lwt": list(curve.values)}).assign(
        age=births["age"].mean(), race="black", smoke="no", ht=births["ht"].mean()
    )
    due = predict(model, fit_newton(model), rows)
    columns = ["probability", "probability 2.5%", "probability 97.5%"]
    assert curve.frame[columns].to_numpy() == pytest.approx(due[columns].to_numpy(), rel=1e-12)
    assert curve.share.sum() == pytest.approx(1)
    assert curve.share[:3].sum() == pytest.approx((births["lwt"] < curve.edges[3]).mean())


def test_categories_are_held_at_their_commonest_level_where_that_is_asked_for(model, births):
    fit = fit_newton(model)
    found = effect_curves(model, fit, births, ["lwt"], levels="commonest")
    assert found.held["race"] == "white"
    assert found.held["smoke"] == "no"
    rows = pd.DataFrame({"lwt": list(found.curve("lwt").values)}).assign(
        age=births["age"].mean(), race="white", smoke="no", ht=births["ht"].mean()
    )
    due = predict(model, fit, rows)["probability"]
    assert found.curve("lwt").frame["probability"].tolist() == pytest.approx(due.tolist())
    assert "at their means or commonest levels" in found.rendered().facts[0]
    with pytest.raises(ValueError, match='levels must be "reference" or "commonest"'):
        effect_curves(model, fit, births, levels="largest")


def test_of_levels_that_are_as_common_the_first_is_held_and_weights_count():
    data = load_spector().assign(third=np.tile(["c", "b", "a", "d"], 8))
    data["w"] = np.where(data["third"] == "d", 3, np.where(data["third"] == "b", 3, 1))
    data["many"] = data["tuce"] > 19
    formula = "grade ~ gpa + third + many"
    for weights, due in ((None, "a"), ("w", "b")):
        model = BernoulliLogistic.from_formula(formula, data, frequency_weights=weights)
        found = effect_curves(model, fit_newton(model), data, ["gpa"], levels="commonest")
        assert found.held["third"] == due
        assert found.held["many"] == "True"
        assert effect_curves(model, fit_newton(model), data, ["gpa"]).held["many"] == "False"


def test_levels_are_those_of_the_category_with_their_shares(model, births):
    curves = effect_curves(model, fit_newton(model), births)
    curve = curves.curve("race")
    assert curve.values == ("black", "other", "white")
    expected = births["race"].value_counts(normalize=True)[list(curve.values)]
    assert curve.share == pytest.approx(expected.to_numpy())
    two = curves.curve("ht")  # a number with two values
    assert two.values == (0, 1)
    assert not two.is_number


def test_those_along_which_the_probability_changes_most_are_taken_and_counted(
    curves, model, births
):
    every = effect_curves(model, fit_newton(model), births, most=9)
    changes = [curve.change for curve in every.curves]
    assert changes == sorted(changes, reverse=True)
    assert [each.name for each in curves.curves] == [each.name for each in every.curves[:3]]
    assert "3 of 5 variables" in curves.left_out
    assert "2 left out" in curves.left_out
    assert every.left_out == ""
    asked = effect_curves(model, fit_newton(model), births, ["smoke", "age"])
    assert [each.name for each in asked.curves] == ["smoke", "age"]
    lwt = every.curve("lwt")
    low, high = np.quantile(births["lwt"], [0.05, 0.95], method="inverted_cdf")
    ends = predict(
        model,
        fit_newton(model),
        pd.DataFrame({"lwt": [low, high], "age": births["age"].mean(), "race": "black"}).assign(
            smoke="no", ht=births["ht"].mean()
        ),
    )["probability"]
    assert lwt.change == pytest.approx(abs(ends.iloc[0] - ends.iloc[1]), abs=1e-4)


def test_weights_offsets_files_and_other_covariances_count(tmp_path):
    data = load_spector()
    rng = np.random.default_rng(2)
    data = data.assign(w=rng.integers(1, 4, 32), o=rng.normal(size=32).round(2))
    options = {"frequency_weights": "w", "offset": "o"}
    model = BernoulliLogistic.from_formula("grade ~ gpa + tuce", data, **options)
    fit = fit_newton(model)
    found = effect_curves(model, fit, data)
    mean = np.average(data["tuce"], weights=data["w"])
    assert found.held["tuce"] == f"{mean:.4g}"
    offset = np.average(data["o"], weights=data["w"])
    rows = pd.DataFrame({"gpa": list(found.curve("gpa").values), "tuce": mean})
    due = predict(model, fit, rows, np.full(len(rows), offset))["probability"]
    assert found.curve("gpa").frame["probability"].tolist() == pytest.approx(due.tolist())
    data.to_csv(tmp_path / "d.csv", index=False)
    elsewhere = BernoulliLogistic.from_parquet(tmp_path / "d.csv", "grade ~ gpa + tuce", **options)
    there = effect_curves(elsewhere, fit_newton(elsewhere)).table()
    numbers = there.columns[1:]
    assert there[numbers].to_numpy() == pytest.approx(found.table()[numbers].to_numpy(), rel=1e-9)
    plain = BernoulliLogistic.from_formula("grade ~ gpa + tuce", data)
    fit = fit_newton(plain)
    own = effect_curves(plain, fit, data).curve("gpa").frame
    robust = effect_curves(plain, robust_covariance(plain, fit), data).curve("gpa").frame
    assert robust["probability"].tolist() == own["probability"].tolist()
    assert robust["probability 2.5%"].tolist() != own["probability 2.5%"].tolist()
    draws = sample_independence(plain, draws=300, seed=1, progress=False)
    assert len(effect_curves(plain, draws, data).curves) == 2


def test_with_sampling_weights_means_and_shares_are_of_the_people(births):
    people = births.assign(w=np.linspace(0.5, 20.5, len(births)).round(1))
    formula = "low ~ lwt + race"
    model = BernoulliLogistic.from_formula(formula, people, sampling_weights="w")
    fit = fit_newton(model)
    found = effect_curves(model, fit, people)
    mean = np.average(people["lwt"], weights=people["w"])
    assert found.held["lwt"] == f"{mean:.4g}"
    race = found.curve("race")
    shares = people.groupby("race")["w"].sum()[list(race.values)] / people["w"].sum()
    assert race.share.tolist() == pytest.approx(shares.tolist())
    due = predict(model, fit, pd.DataFrame({"lwt": mean, "race": list(race.values)}))
    ends = ["probability", "probability 2.5%", "probability 97.5%"]
    assert race.frame[ends].to_numpy() == pytest.approx(due[ends].to_numpy(), rel=1e-12)
    # each row as often as its weight, were these counts: the same curve, and no such intervals
    counts = people.assign(w=(10 * people["w"]).round().astype(int))
    counted = BernoulliLogistic.from_formula(formula, counts, frequency_weights="w")
    other = effect_curves(counted, fit_newton(counted), counts).curve("race").frame
    assert race.frame["probability"].to_numpy() == pytest.approx(other["probability"], rel=1e-8)
    wide, narrow = (each[ends[2]] - each[ends[1]] for each in (race.frame, other))
    assert (wide > 5 * narrow).all()


def test_of_other_rows_it_is_said_which_they_are(births):
    model = BernoulliLogistic.from_formula("low ~ lwt", births.assign(w=2), frequency_weights="w")
    found = effect_curves(model, fit_newton(model), births[:50])
    assert found.note == "over 50 of the model's 189 rows, each counted once, not by its weight"
    assert f"Means and shares are {found.note}." in found.rendered().notes


def test_a_model_of_arrays_moves_its_columns():
    data = load_spector()
    model = BernoulliLogistic.from_arrays(data[["gpa", "psi"]], data["grade"], intercept=True)
    found = effect_curves(model, fit_newton(model))
    assert {each.name for each in found.curves} == {"gpa", "psi"}
    assert found.curve("psi").values == (0, 1)


def test_what_cannot_be_drawn_is_told(model, births):
    fit = fit_newton(model)
    with pytest.raises(ValueError, match="pass data"):
        effect_curves(model, fit)
    with pytest.raises(ValueError, match="no variable 'income'; the variables are age"):
        effect_curves(model, fit, births, ["income"])
    with pytest.raises(ValueError, match="no curve of 'x'; there are those of"):
        effect_curves(model, fit, births).curve("x")
    constant = BernoulliLogistic.from_formula("low ~ 1", births)
    with pytest.raises(ValueError, match="no variable"):
        effect_curves(constant, fit_newton(constant), births)


@pytest.mark.parametrize("kind", ["frequency_weights", "sampling_weights"])
def test_a_number_that_is_compared_is_held_at_the_median_of_the_observations(kind):
    # not of the rows: the same as where every observation has a row of its own
    data = load_spector()
    data["w"] = np.where(data["tuce"] > data["tuce"].median(), 50, 1)
    formula = "grade ~ gpa + I(tuce > 22)"
    model = BernoulliLogistic.from_formula(formula, data, **{kind: "w"})
    found = effect_curves(model, fit_newton(model), data, ["gpa"])
    every = np.sort(np.repeat(data["tuce"], data["w"]))
    assert found.held["tuce"] == f"{every[(len(every) - 1) // 2]:.4g}"
    assert found.held["tuce"] != f"{data['tuce'].median():.4g}"
