import numpy as np
import pandas as pd
import pytest
from coded_models import held_as_codes
from every_way import every_way
from multiplier import repeated
from random_formulas import RandomFormulas, rows_for_formulas

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.formulas.model_terms import term_called


@pytest.fixture
def frame():
    rng = np.random.default_rng(0)
    n = 210
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "x": rng.normal(size=n).round(3),
            "z": rng.normal(size=n).round(3),
            "g": rng.choice(list("abc"), n),
            "h": rng.choice(["u", "v"], n),
        }
    )


def test_terms_are_known_wherever_rows_lie(frame, tmp_path, monkeypatch):
    expected = {
        "Intercept": ("Intercept",),
        "x": ("x",),
        "C(g)": ("C(g)[S.a]", "C(g)[S.b]"),
        "poly(z, 2, raw=True)": ("poly(z, 2, raw=True)[1]", "poly(z, 2, raw=True)[2]"),
        "h": ("h[T.v]",),
        "x:h": ("x:h[T.v]",),
    }
    for _, build in every_way(frame, tmp_path, monkeypatch):
        # the formula's order is by degree, as that of the columns
        model = build("y ~ x*h - h + C(g, contr.sum) + poly(z, 2, raw=True) + h")
        assert model.terms == expected
        assert list(model.terms) == list(expected)


def test_terms_of_arrays_are_unknown():
    assert BernoulliLogistic.from_arrays([[1.0], [2.0]], [0, 1]).terms is None


@pytest.mark.parametrize("codes", [False, True])
def test_every_column_is_of_one_term_in_order(codes):
    table, drawn = rows_for_formulas(), RandomFormulas(2)
    built = 0
    for _ in range(repeated(40)):
        try:
            with held_as_codes(codes):
                model = BernoulliLogistic.from_formula(drawn.whole(), table)
        except (ValueError, TypeError):
            continue
        built += 1
        terms = model.terms
        assert [name for own in terms.values() for name in own] == list(model.names)
        assert len(terms) == len(model.encoding.parsed.terms) + model.encoding.parsed.intercept
    assert built > 5


@pytest.mark.parametrize("codes", [False, True])
@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("y ~ g*h", {"Intercept": 1, "g": 2, "h": 1, "g:h": 2}),
        ("y ~ 0 + g + h", {"g": 3, "h": 1}),
        ("y ~ g:h", {"Intercept": 1, "g:h": 5}),
        ("y ~ x + g:x", {"Intercept": 1, "x": 1, "g:x": 2}),
        ("y ~ h/x", {"Intercept": 1, "h": 1, "h:x": 2}),
    ],
)
def test_terms_have_the_columns_of_their_degrees_of_freedom(frame, codes, formula, expected):
    with held_as_codes(codes):
        model = BernoulliLogistic.from_formula(formula, frame)
    assert {name: len(own) for name, own in model.terms.items()} == expected


def test_columns_that_are_left_out_are_in_no_term(frame, tmp_path, monkeypatch):
    frame["twice"] = 2 * frame["x"]
    frame["same"] = np.where(frame["g"] == "a", "p", "q")
    for _, build in every_way(frame, tmp_path, monkeypatch):
        model = build("y ~ x + twice + g + same", aliased="drop")
        assert model.terms == {
            "Intercept": ("Intercept",),
            "x": ("x",),
            "twice": (),
            "g": ("g[T.b]", "g[T.c]"),
            "same": (),
        }


def test_a_term_is_called_by_its_factors_in_any_order(frame):
    model = BernoulliLogistic.from_formula("y ~ x*C(g) + poly(z, 2, raw=TRUE):C(g)", frame)
    terms = model.encoding.model_terms

    def called(name):
        found = term_called(terms, name)
        return found and found.name

    assert called("C(g)") == called("g") == called("C(g, contr.sum)") == "C(g)"
    assert called("C(g):x") == called("g:x") == called("x : g") == "x:C(g)"
    assert called("z:g") == called("g:poly(z,2,raw=TRUE)") == terms[-1].name
    assert called("z") is None
    assert called("g:g") is called("x:") is called(":") is called("") is None


def test_a_name_that_several_terms_have_is_refused(frame):
    model = BernoulliLogistic.from_formula("y ~ sin(x) + cos(x)", frame)
    with pytest.raises(ValueError, match=r"'x' stands in the terms sin\(x\) and cos\(x\): name"):
        term_called(model.encoding.model_terms, "x")


def test_a_column_called_like_a_call_keeps_the_term_of_the_call_apart(frame):
    table = frame.assign(**{"C(g)": frame["x"]})
    model = BernoulliLogistic.from_formula("y ~ `C(g)` + C(g)", table)
    assert list(model.terms.values()) == [
        ("Intercept",),
        ("C(g)",),
        ("C(g)[T.b]", "C(g)[T.c]"),
    ]


def test_contrasts_of_factors_are_known_also_where_levels_have_columns(frame):
    for formula, expected in (
        ("y ~ C(g, Sum)*h", ["sum", "treatment", "sum", "treatment"]),
        ("y ~ 0 + g + x:h", ["levels", "", "levels"]),
    ):
        for codes in (False, True):
            with held_as_codes(codes):
                model = BernoulliLogistic.from_formula(formula, frame)
            kinds = [each.contrasts for t in model.encoding.model_terms for each in t.factors]
            assert kinds == expected, formula


@pytest.mark.parametrize(
    ("call", "centred"),
    [
        ("center(raw)", True),
        ("poly(raw, 2, raw=TRUE)", False),
        ("raw", False),
        ("scale(raw)", True),
    ],
)
def test_whether_numbers_are_centred_is_a_matter_of_their_call(frame, call, centred):
    rows = frame.assign(raw=np.arange(len(frame), dtype=float))
    model = BernoulliLogistic.from_formula(f"y ~ {call}", rows)
    (factor,) = model.encoding.model_terms[-1].factors
    assert factor.centred == centred
    if centred:
        assert np.abs(model.design[:, 1:].mean(axis=0)).max() < 1e-12
