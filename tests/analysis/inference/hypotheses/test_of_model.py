import numpy as np
import pandas as pd
import pytest
from every_way import every_way

from flatprior.analysis import likelihood_ratio_test, score_test, wald_test
from flatprior.models import BernoulliLogistic, fit_newton


@pytest.fixture
def frame():
    rng = np.random.default_rng(3)
    n = 400
    frame = pd.DataFrame(
        {"x": rng.normal(size=n), "g": rng.choice(list("abc"), n), "h": rng.choice(["u", "v"], n)}
    )
    eta = 0.4 * frame["x"] + 0.5 * (frame["g"] == "b") - 0.3 * (frame["h"] == "v")
    return frame.assign(y=(rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int))


def three(model, hypothesis):
    return [
        likelihood_ratio_test(model, hypothesis),
        score_test(model, hypothesis),
        wald_test(model, fit_newton(model), hypothesis),
    ]


def test_a_term_is_all_of_its_columns(frame):
    model = BernoulliLogistic.from_formula("y ~ x*C(g) + h", frame)
    for name, columns in (
        ("C(g)", ["C(g)[T.b]", "C(g)[T.c]"]),
        ("g", ["C(g)[T.b]", "C(g)[T.c]"]),
        ("g:x", ["x:C(g)[T.b]", "x:C(g)[T.c]"]),
        (["h", "x:C(g)"], ["h[T.v]", "x:C(g)[T.b]", "x:C(g)[T.c]"]),
        ({"g": 0.5, "x": 0.1}, {"C(g)[T.b]": 0.5, "C(g)[T.c]": 0.5, "x": 0.1}),
    ):
        assert three(model, name) == three(model, columns)


def test_tests_by_term_do_not_depend_on_where_rows_lie(frame, tmp_path, monkeypatch):
    expected = None
    for where, build in every_way(frame.iloc[:60], tmp_path, monkeypatch):
        if where.startswith("CSV"):  # which are read into the same rows
            continue
        found = [(each.statistic, each.df) for each in three(build("y ~ x + g*h"), "h:g")]
        expected = expected or found
        assert found == [(pytest.approx(s, rel=1e-7), df) for s, df in expected]


def test_tests_by_term_do_not_depend_on_reference_or_order_of_levels(frame):
    expected = None
    for formula in (
        "y ~ x + g*h",
        "y ~ x + C(g, contr.treatment('c'))*C(h, levels=c('v', 'u'))",
        "y ~ x + C(g, contr.sum)*h",
    ):
        model = BernoulliLogistic.from_formula(formula, frame)
        found = [(each.statistic, each.df) for each in three(model, "h:g")]
        expected = expected or found
        assert found == [(pytest.approx(s, rel=1e-7), df) for s, df in expected]
    null = BernoulliLogistic.from_formula("y ~ x + g + h", frame)
    full = BernoulliLogistic.from_formula("y ~ x + g*h", frame)
    assert likelihood_ratio_test(full, null).statistic == pytest.approx(expected[0][0], rel=1e-9)


def test_a_coefficient_comes_before_a_term_and_a_column(frame):
    model = BernoulliLogistic.from_formula("y ~ x + I(x**2) + g", frame)
    assert three(model, "x")[0].df == 1
    assert "x = 0" in three(model, "x")[0].hypothesis


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "hh",
            r"no coefficient or term 'hh' \(did you mean 'h'\?\); the coefficients are Intercept, "
            r"x, .*; the terms are C\(g\), h",
        ),
        ("G", r"\(did you mean 'g'\?\)"),
        (["h", "h[T.v]"], "named twice"),
        ({"h": [1.0, 2.0]}, "one value|real numbers"),
    ],
)
def test_what_is_no_term_is_said_with_what_was_meant(frame, name, message):
    model = BernoulliLogistic.from_formula("y ~ x + C(g) + h", frame)
    for test in (likelihood_ratio_test, score_test):
        with pytest.raises(ValueError, match=message):
            test(model, name)


def test_terms_are_known_of_a_model_not_of_a_fit_alone(frame):
    model = BernoulliLogistic.from_formula("y ~ x + g", frame)
    with pytest.raises(ValueError, match="terms are known of a model: pass it too"):
        wald_test(fit_newton(model), "g")
    assert wald_test(fit_newton(model), "g", model=model).df == 2


def test_columns_left_out_of_other_terms_stay_in_the_null_model(frame):
    # in the model without g, the column of `same` is no combination of others
    frame["same"] = np.where(frame["g"] == "a", 0.0, 1.0)
    formula = "y ~ x + g + same"
    whole = BernoulliLogistic.from_formula(formula, frame)
    less = BernoulliLogistic.from_formula(formula, frame, aliased="drop")
    assert less.terms["same"] == ()
    null = BernoulliLogistic.from_formula("y ~ x + same", frame)
    expected = likelihood_ratio_test(less, null)
    for model in (whole, less):
        found = likelihood_ratio_test(model, "g")
        assert found.df == 1
        assert found.statistic == pytest.approx(expected.statistic, rel=1e-9)
    assert score_test(less, "g").statistic == pytest.approx(
        score_test(whole, "g").statistic, rel=1e-8
    )
    assert wald_test(less, fit_newton(less), "g").df == 1
    with pytest.raises(ValueError, match="'same' was left out of the model"):
        likelihood_ratio_test(less, "same")


def test_units_of_columns_left_out_do_not_matter(frame):
    for unit in (1.0, 1e5, 1e-5):
        table = frame.assign(z=unit * frame["x"], mix=(frame["x"] + frame["x"] ** 2) / unit)
        formula = "y ~ g + poly(z, 2, raw=True) + mix"
        less = BernoulliLogistic.from_formula(formula, table, aliased="drop")
        assert less.terms["mix"] == ()
        small = BernoulliLogistic.from_formula("y ~ g + mix", table)
        expected = likelihood_ratio_test(less, small).statistic
        found = three(less, "z")
        assert [each.df for each in found] == [1, 1, 1]
        assert found[0].statistic == pytest.approx(expected, rel=1e-8)
        assert found[2].statistic == pytest.approx(found[0].statistic, rel=0.2)


def test_a_term_that_columns_left_out_take_over_cannot_be_tested(frame):
    for level in "bc":
        frame[f"is_{level}"] = (frame["g"] == level).astype(float)
    less = BernoulliLogistic.from_formula("y ~ g + is_b + is_c", frame, aliased="drop")
    for test in (likelihood_ratio_test, score_test):
        with pytest.raises(ValueError, match="cannot tell g from columns of other terms"):
            test(less, "g")
    assert likelihood_ratio_test(less, ["g[T.b]", "g[T.c]"]).df == 2
