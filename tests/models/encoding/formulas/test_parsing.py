"""The language of formulas."""

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis import predict
from flatprior.models import BernoulliLogistic, fit_newton

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
        ("y ~ x +", "cannot be read: it ends where"),
        ("y ~", "no predictors"),
        ("y ~ C(g, [1, 2])", "contrasts are contr.treatment"),
        ("y ~ one", "column 'one' has one level only, 'a'"),
        ("y ~ when", "column 'when' holds datetime64"),
        ("y ~ log(g)", "column 'g' holds text, but the formula computes with it"),
        ("y ~ mixed", "column 'mixed' holds numbers in some rows and text in others"),
        ("y ~ xx", r"no column 'xx' \(did you mean 'x'\?\)"),
        ("w ~ x", "'w' must be 0 or 1, but it has the values 1, 2, 3"),
        ("y ~ x | z", "random effects are not fitted here"),
        ("y = x", "has '=' for '~'"),
        ("y ~ X", r"no column 'X' \(did you mean 'x'\?\)"),
        ("y ~ df.x", r"no column 'df.x' \(did you mean 'x'\?\)"),
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


def test_a_dot_is_every_column_without_another_role(frame):
    frame = frame[["y", "x", "g", "w", "z", "my col"]]
    model = BernoulliLogistic.from_formula("y ~ .", frame)
    assert model.names == ("Intercept", "x", "g[T.mid]", "g[T.top]", "w", "z", "my col")
    assert "'.' stands for 5 columns: x, g, w, z, my col" in model.facts
    model = BernoulliLogistic.from_formula("y ~ . - g", frame, offset="z", frequency_weights="w")
    assert model.names == ("Intercept", "x", "my col")
    assert "'.' stands for 3 columns: x, g, my col" in model.facts
    # and new rows need no more
    assert model.design_matrix({"x": [1.0], "my col": [2.0]}).tolist() == [[1.0, 1.0, 2.0]]
    roles = {"sampling_weights": "z", "clusters": "w", "strata": "g"}
    model = BernoulliLogistic.from_formula("y ~ .", frame, **roles)
    assert model.names == ("Intercept", "x", "my col")
    shares = frame.assign(share=frame["y"] / 1.0)
    model = BernoulliLogistic.from_formula("share ~ . - y - g", shares, trials="w")
    assert model.names == ("Intercept", "x", "z", "my col")
    model = BernoulliLogistic.from_formula("y ~ . + offset(log(z)) - g", frame)
    assert model.names == ("Intercept", "x", "w", "my col")
    model = BernoulliLogistic.from_formula("y ~ .^2", frame[["y", "x", "z"]])
    assert model.names == ("Intercept", "x", "z", "x:z")
    with pytest.raises(ValueError, match=r"no column that '.' could stand for"):
        BernoulliLogistic.from_formula("y ~ .", frame[["y"]])
    odd = frame.rename(columns={"x": "."})
    assert BernoulliLogistic.from_formula("y ~ `.`", odd).names == ("Intercept", ".")


def test_blanks_and_line_breaks_have_no_say(frame):
    written = """
        y ~ x
          + I(x^2)   # not a comment
          + `my col`
    """
    with pytest.raises(ValueError, match="leave out the comment"):
        BernoulliLogistic.from_formula(written, frame)
    model = BernoulliLogistic.from_formula(written.replace("# not a comment", ""), frame)
    assert model.names == ("Intercept", "x", "I(x^2)", "my col")
    assert model.formula == "y ~ x + I(x^2) + `my col`"
    assert BernoulliLogistic.from_formula("y~x+I(x ^ 2)+`my col`", frame).data_hash == (
        model.data_hash
    )


def test_an_offset_in_the_formula_is_one_beside_it(frame):
    frame["log z"] = np.log(frame["z"])
    beside = BernoulliLogistic.from_formula("y ~ x", frame, offset="log z")
    inside = BernoulliLogistic.from_formula("y ~ x + offset(log(z))", frame)
    assert inside.data_hash == beside.data_hash
    assert inside.offset_name == "log(z)"
    assert "offset: log(z)" in inside.facts
    fit = fit_newton(inside)
    new = frame.iloc[:5]
    expected = predict(beside, fit_newton(beside), new).probability
    np.testing.assert_array_equal(predict(inside, fit, new).probability, expected)
    two = BernoulliLogistic.from_formula("y ~ offset(log(z)) + x + offset(w)", frame)
    np.testing.assert_array_equal(two.offset, np.log(frame["z"]) + frame["w"])
    assert two.names == inside.names == ("Intercept", "x")
    assert two.offset_name == "log(z) + w"
    with pytest.raises(ValueError, match=r"has an offset, 'log\(z\)', and another .* offset\(b\)"):
        BernoulliLogistic.from_formula("y ~ x + offset(log(z))", frame, offset="w")
    with pytest.raises(ValueError, match=r"column 'offset\(log\(x\)\)' has"):
        BernoulliLogistic.from_formula("y ~ offset(log(x))", frame)
    frame.loc["id3", "z"] = np.nan
    assert BernoulliLogistic.from_formula("y ~ offset(z)", frame).n_dropped == 1


def test_files_and_batches_have_dots_offsets_and_comparisons(frame, tmp_path):
    frame = frame.drop(columns=["mixed", "when", "one"])
    frame["code"] = np.where(frame["x"] > 0, "01", "02")
    frame.to_csv(tmp_path / "d.csv", index=False)
    for formula in (
        "y ~ . - code + offset(log(z))",
        "y ~ x + offset(z) + offset(w)",
        "y ~ I(g == 'low') + I(code == '02') + C(g, contr.sum)",
        "y ~ ns(x, knots=0, Boundary.knots=c(-9, 9)) + poly(z, 2, raw=TRUE) + I(x > 0 & z < 3)",
    ):
        whole = BernoulliLogistic.from_formula(formula, tmp_path / "d.csv")
        batches = BernoulliLogistic.from_parquet(tmp_path / "d.csv", formula)
        assert batches.data_hash == whole.data_hash
        assert batches.facts == whole.facts
        assert batches.offset_name == whole.offset_name
        assert BernoulliLogistic.from_formula(formula, frame).data_hash == whole.data_hash
    with pytest.raises(ValueError, match="has an offset, 'z', and another"):
        BernoulliLogistic.from_parquet(tmp_path / "d.csv", "y ~ x + offset(z)", offset="w")
