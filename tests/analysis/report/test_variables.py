import math

import numpy as np
import pytest

from flatprior.analysis.report.column_sums import ColumnSums
from flatprior.analysis.report.variables import variables_of
from flatprior.models import BernoulliLogistic, load_spector

FRAME = load_spector().assign(
    third=list("abcb") * 8, true=[True, True, False, True] * 8, half=np.arange(32.0) // 16
)


def found_in(formula, data=FRAME, **options):
    model = BernoulliLogistic.from_formula(formula, data, **options)
    return {each.name: each for each in variables_of(model, ColumnSums.of(model.rows))}


@pytest.mark.parametrize(
    ("formula", "kinds"),
    [
        ("grade ~ gpa + psi", {"Intercept": "constant", "gpa": "number", "psi": "pair"}),
        ("grade ~ third - 1", {"third": "odds"}),
        ("grade ~ third + C(psi) - 1", {"third": "odds", "C(psi)": "levels"}),
        ("grade ~ log(gpa) + tuce - 1", {"log(gpa)": "number", "tuce": "number"}),
        ("grade ~ gpa + I(gpa^2) - 1", {"gpa": "several", "I(gpa^2)": "several"}),
        ("grade ~ poly(gpa, 2) - 1", {"poly(gpa, 2)": "several"}),
        ("grade ~ C(third, contr.sum)", {"Intercept": "constant", "C(third)": "several"}),
        ("grade ~ third:gpa - 1", {"third:gpa": "product"}),
    ],
)
def test_what_has_an_odds_ratio_of_one_level_is_told_from_what_has_not(formula, kinds):
    assert {name: each.kind for name, each in found_in(formula).items()} == kinds


@pytest.mark.parametrize(
    ("formula", "reference"),
    [
        ("grade ~ third", "a"),
        ("grade ~ C(third, contr.treatment('b'))", "b"),
        ("grade ~ relevel(third, 'c')", "c"),
        ("grade ~ C(third, contr.SAS)", "c"),
        ("grade ~ third - 1", None),
    ],
)
def test_each_level_has_its_column_and_its_observations(formula, reference):
    model = BernoulliLogistic.from_formula(formula, FRAME)
    variable = variables_of(model, ColumnSums.of(model.rows))[-1]
    counted = FRAME.groupby("third")["grade"].agg(["size", "sum"])
    assert [level.name for level in variable.levels] == list("abc")
    assert [level.name for level in variable.levels if level.is_reference] == [
        name for name in "abc" if name == reference
    ]
    for level in variable.levels:
        assert (level.n, level.events) == tuple(counted.loc[level.name])
        if level.column is None:
            assert level.name == reference
        else:
            assert f".{level.name}]" in model.names[level.column].replace("[", "[.")


def test_true_and_false_and_numbers_of_two_values_have_two_levels():
    found = found_in("grade ~ true + half")
    counted = FRAME.groupby("true")["grade"].agg(["size", "sum"])
    assert [(each.name, each.n, each.events) for each in found["true"].levels] == [
        (str(level), *row) for level, row in zip(counted.index, counted.to_numpy(), strict=True)
    ]
    assert [each.name for each in found["half"].levels] == ["0", "1"]


def test_weights_and_trials_are_counted():
    weights = 1 + np.arange(32) // 8
    found = found_in("grade ~ third", FRAME.assign(w=weights), frequency_weights="w")
    counted = (FRAME["grade"] * weights).groupby(FRAME["third"]).sum()
    assert [level.events for level in found["third"].levels] == counted.tolist()
    groups = FRAME.assign(s=np.arange(32) % 5, f=np.arange(32) % 3)
    found = found_in("cbind(s, f) ~ third", groups)
    sums = groups.groupby("third")[["s", "f"]].sum()
    assert [level.events for level in found["third"].levels] == sums["s"].tolist()
    assert [level.n for level in found["third"].levels] == sums.sum(axis=1).tolist()


def test_variables_of_products_are_said_to_be_crossed():
    found = found_in("grade ~ gpa + tuce + third*psi")
    assert {name for name, each in found.items() if each.crossed} == {"third", "psi"}
    assert [level.name for level in found["third:psi"].levels] == [
        "third[T.b]:psi",
        "third[T.c]:psi",
    ]


def test_of_levels_that_were_left_out_nothing_is_made_up():
    frame = FRAME.assign(same=np.where(FRAME["third"] == "b", "yes", "no"))
    found = found_in("grade ~ same + third", frame, aliased="drop")
    assert [level.n for level in found["same"].levels] == [16, 16]
    known = {level.name: level.n for level in found["third"].levels}
    assert sum(map(math.isnan, known.values())) == 2
    assert 8 in known.values()


def test_columns_of_arrays_are_numbers_levels_or_constants():
    X = np.column_stack([FRAME["gpa"], FRAME["psi"]])
    model = BernoulliLogistic.from_arrays(X, FRAME["grade"], ["gpa", "psi"], intercept=True)
    found = variables_of(model, ColumnSums.of(model.rows))
    assert [each.kind for each in found] == ["constant", "number", "pair"]
    assert [(level.n, level.events) for level in found[2].levels] == [(18, 3), (14, 8)]
