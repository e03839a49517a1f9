"""The language of formulas."""

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic


@pytest.fixture
def frame():
    rng = np.random.default_rng(1)
    n = 60
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, size=n),
            "x": rng.normal(size=n),
            "z": rng.uniform(1, 5, size=n),
            "g": rng.choice(["low", "mid", "top"], size=n),
            "my col": rng.normal(size=n),
            "w": rng.integers(1, 4, size=n),
            "one": "a",
            "when": pd.Timestamp("2026-01-01"),
            "mixed": pd.Series([1, "1"] * (n // 2), dtype=object).to_numpy(),
        },
        index=[f"id{i}" for i in range(n)],
    )


FORMULAS = {
    "y ~ x": ("Intercept", "x"),
    "y ~ x - 1": ("x",),
    "y ~ 0 + x": ("x",),
    "y ~ x*z": ("Intercept", "x", "z", "x:z"),
    "y ~ (x + z)^2": ("Intercept", "x", "z", "x:z"),
    "y ~ (x + z)**2": ("Intercept", "x", "z", "x:z"),
    "y ~ x/z": ("Intercept", "x", "x:z"),
    "y ~ log(z) + exp(x) + sqrt(z)": ("Intercept", "log(z)", "exp(x)", "sqrt(z)"),
    "y ~ I(x**2 + 1) + center(z)": ("Intercept", "I(x ** 2 + 1)", "center(z)"),
    "y ~ `my col`": ("Intercept", "my col"),
    "y ~ g": ("Intercept", "g[T.mid]", "g[T.top]"),
    "y ~ C(g)": ("Intercept", "C(g)[T.mid]", "C(g)[T.top]"),
    "y ~ C(g, contr.treatment('mid')):x": (
        "Intercept",
        "C(g)[low]:x",
        "C(g)[mid]:x",
        "C(g)[top]:x",
    ),
    "y ~ poly(x, 2)": ("Intercept", "poly(x, 2)[1]", "poly(x, 2)[2]"),
    "y ~ bs(x, df=4)": ("Intercept", *(f"bs(x, df=4)[{i}]" for i in range(1, 5))),
    "y ~ 1": ("Intercept",),
}


@pytest.mark.parametrize("formula", FORMULAS)
def test_the_allowed_language(frame, formula):
    model = BernoulliLogistic.from_formula(formula, frame)
    assert model.names == FORMULAS[formula]
    assert model.n_rows == 60
    # new rows are encoded with the knots, centres and levels of the model: the same rows, or one
    again = model.design_matrix(frame)
    assert again == pytest.approx(model.design, rel=1e-12)
    assert model.design_matrix(frame.iloc[[7]]) == pytest.approx(model.design[[7]], rel=1e-12)


@pytest.mark.parametrize(
    ("formula", "words"),
    [
        ("", "the formula is empty"),
        ("y", "must be one response column"),
        ("~ x", "must be one response column"),
        ("y ~ x ~ z", "must be one response column"),
        ("y + x ~ z", "must be one response column"),
        ("log(z) ~ x", "must be one response column"),
        ("y ~ log(", "cannot be read"),
        ("y ~ x +", "not usable"),
        ("y ~", "no predictors"),
        ("y ~ C(g, [1, 2])", "cannot be applied"),
        ("y ~ one", "column 'one' has one level only, 'a'"),
        ("y ~ when", "column 'when' holds datetime64"),
        ("y ~ log(g)", "column 'g' holds text, but the formula computes with it"),
        ("y ~ mixed", "column 'mixed' holds numbers in some rows and text in others"),
        ("y ~ xx", r"no column 'xx' \(did you mean 'x'\?\)"),
        ("w ~ x", "'w' must be 0 or 1, but it has the values 1, 2, 3"),
        ("y ~ x | z", "several right-hand parts"),
        ("y ~ y", "also stands among the predictors"),
        ("y ~ log(x)", r"column 'log\(x\)' has .*id"),
        ("y ~ 0", "no coefficient"),
        ("y ~ " + "x + " * 5000 + "x", "longer than"),
    ],
)
def test_unusable_formulas_are_explained(frame, formula, words):
    with pytest.raises(ValueError, match=words) as caught:
        BernoulliLogistic.from_formula(formula, frame)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_column_may_carry_the_name_of_a_function(frame):
    model = BernoulliLogistic.from_formula("y ~ log", frame.rename(columns={"x": "log"}))
    assert model.names == ("Intercept", "log")


def test_column_names_are_never_code_nor_constants(frame):
    frame = frame.rename(columns={"x": "1", "z": "True"})
    model = BernoulliLogistic.from_formula("y ~ `1` + `True` + I(`True`)", frame)
    assert model.names == ("Intercept", "1", "True", "I(True)")
    assert model.design[:, 1] == pytest.approx(frame["1"])
    assert model.design[:, 3] == pytest.approx(frame["True"])


@pytest.mark.parametrize("name", ['x"onload=', "it's", "a'b\"c", "<script>alert(1)</script>"])
def test_a_name_in_backticks_may_hold_quotes(name):
    frame = pd.DataFrame({"y": [0, 1, 0, 1], name: [1.0, 2.0, 3.0, 5.0], "z": list("abab")})
    model = BernoulliLogistic.from_formula(f"y ~ `{name}` + exp(`{name}`)", frame)
    assert model.names == ("Intercept", name, f"exp({name})")
    np.testing.assert_array_equal(model.design[:, 1], frame[name])
    np.testing.assert_array_equal(model.design[:, 2], np.exp(frame[name]))
    quoted = f"y ~ C(z, contr.treatment('b')) + `{name}` + \"z\""
    with pytest.raises(ValueError, match="not allowed"):
        BernoulliLogistic.from_formula(quoted, frame)


@pytest.mark.parametrize("name", ["^", "**", "+", "(", "~", ":", "0", "C(x)"])
@pytest.mark.parametrize("term", ["`{}` + x", "x:`{}`", "`{}`:x", "`{}` * x", "x + `{}` - 1"])
def test_a_column_may_be_called_like_an_operator(name, term):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"y": [0, 1] * 10, "x": rng.normal(size=20), "z": rng.normal(size=20)})
    model = BernoulliLogistic.from_formula("y ~ " + term.replace("{}", "z"), frame)
    frame = frame.rename(columns={"z": name})
    same = BernoulliLogistic.from_formula("y ~ " + term.replace("{}", name), frame)
    assert (same.design == model.design).all()
