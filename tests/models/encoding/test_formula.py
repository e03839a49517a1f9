from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.encoding import formula as formula_module


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
    "formula",
    [
        "y ~ __import__('os').system('true')",
        "y ~ {__import__('os')}",
        "y ~ I(__import__('os'))",
        "y ~ np.log(z)",
        "y ~ x.__class__",
        "y ~ I(x.__class__)",
        "y ~ log(z, out=x.__class__)",
        "y ~ C(g, contr.helmert())",
        "y ~ C(g, contr.treatment(base=__import__('os')))",
        "y ~ I((lambda: 1)())",
        "y ~ I([x for x in (1, 2)])",
        "y ~ I(x if 1 else z)",
        "y ~ eval('x')",
        "y ~ Q('x')",
        "y ~ lag(x)",
        "y ~ hashed(g)",
        "y ~ I(f'{x}')",
        "y ~ log(*x)",
        "y ~ poly(x, **z)",
        "y ~ I(x := 3)",
        "y ~ I(9**9**9)",
        "y ~ I(x**99999)",
        "y ~ (x + z)**99",
        "y ~ .",
        "y ~ x %in% z",
        # the backtick inside quotes would move the quotes' meaning
        """y ~ C(g, "`", __import__("os").system("true"), "`")""",
        "y ~ C(g, '\\x27')",
        "y ~ I(`True`) + `",
        "y ~ I(True)",
        "y ~ 2:x",
        "y ~ x*2",
        "y ~ (x + z)**(20)",
        "y ~ (x + z + w + x:z + w:x)**10",
        "y ~ bs(x, df=100000)",
        "y ~ log(z, where=False)",
        "y ~ C(g, [1, 2], 3)",
        "y ~ I(" + "-" * 900 + "x)",
        "y ~ " + "*".join(f"I(x + {i})" for i in range(30)),
        "y ~ C(x + z)",
        "y ~ I(\ufb01)",
    ],
)
def test_nothing_but_the_allowed_language_is_evaluated(frame, formula):
    with pytest.raises(
        ValueError, match=r"not allowed|power|cannot be read|no column|nested|too many"
    ) as caught:
        BernoulliLogistic.from_formula(formula, frame)
    assert "\n" not in str(caught.value)


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


def test_reference_levels_are_stated_and_can_be_chosen(frame):
    assert BernoulliLogistic.from_formula("y ~ g", frame).reference_levels == {"g": "low"}
    chosen = BernoulliLogistic.from_formula("y ~ C(g, contr.treatment('top'))", frame)
    assert chosen.reference_levels == {"g": "top"}
    assert chosen.names == ("Intercept", "C(g)[T.low]", "C(g)[T.mid]")
    # the same model in other coordinates: same maximum
    plain = fit_newton(BernoulliLogistic.from_formula("y ~ g", frame))
    assert fit_newton(chosen).log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-13)
    assert BernoulliLogistic.from_formula("y ~ 0 + g", frame).reference_levels == {}


def test_missing_values_are_counted_or_refused(frame):
    frame.loc["id3", "x"] = np.nan
    frame.loc["id9", "g"] = None
    frame["unused"] = np.nan
    model = BernoulliLogistic.from_formula("y ~ x + g", frame)
    assert (model.n_dropped, model.n_rows) == (2, 58)
    assert "id3" not in model.row_labels
    with pytest.raises(ValueError, match=r"rows id3, id9 \(column 'x' first\)"):
        BernoulliLogistic.from_formula("y ~ x + g", frame, missing="raise")
    with pytest.raises(ValueError, match="missing must be"):
        BernoulliLogistic.from_formula("y ~ x", frame, missing="ignore")


def test_a_missing_offset_or_weight_drops_its_row_too(frame):
    frame["o"] = frame["x"].where(frame.index != "id5")
    model = BernoulliLogistic.from_formula("y ~ z", frame, offset="o", frequency_weights="w")
    assert (model.n_dropped, model.n_rows) == (1, 59)
    assert model.offset == pytest.approx(frame["o"].drop("id5"))
    assert model.frequency_weights == pytest.approx(frame["w"].drop("id5"))


def test_an_infinite_value_is_an_error_not_a_missing_value(frame):
    frame.loc["id4", "x"] = np.inf
    with pytest.raises(ValueError, match="column 'x' has values that are not finite in row id4"):
        BernoulliLogistic.from_formula("y ~ x", frame)


def test_new_rows_must_have_known_levels_and_all_columns(frame):
    model = BernoulliLogistic.from_formula("y ~ x + g", frame)
    new = pd.DataFrame({"x": [0.0, 1.0], "g": ["low", "huge"]})
    with pytest.raises(ValueError, match="column 'g' has the level 'huge' in row 1"):
        model.design_matrix(new)
    with pytest.raises(ValueError, match="no column 'g'"):
        model.design_matrix(new[["x"]])
    with pytest.raises(ValueError, match="column 'x' holds text"):
        model.design_matrix(pd.DataFrame({"x": ["a"], "g": ["low"]}))
    with pytest.raises(ValueError, match="column 'x' is missing in row 0"):
        model.design_matrix(pd.DataFrame({"x": [np.nan], "g": ["low"]}))
    with pytest.raises(TypeError, match="data frame"):
        model.design_matrix(np.ones((2, 3)))


def test_csv_parquet_and_frame_give_the_same_model(frame, tmp_path):
    frame = frame.drop(columns="mixed").reset_index(drop=True)
    frame.to_csv(tmp_path / "d.csv", index=False)
    frame.to_parquet(tmp_path / "d.parquet")
    models = [
        BernoulliLogistic.from_formula("y ~ x + g", source)
        for source in (frame, tmp_path / "d.csv", str(tmp_path / "d.parquet"))
    ]
    assert len({model.data_hash for model in models}) == 1


def test_a_column_may_carry_the_name_of_a_function(frame):
    model = BernoulliLogistic.from_formula("y ~ log", frame.rename(columns={"x": "log"}))
    assert model.names == ("Intercept", "log")


@pytest.mark.parametrize(
    ("values", "formula", "expected"),
    [
        (np.array([60, 100], dtype="int8"), "y ~ v:v2 - 1", [60 * 60.0, 100 * 100.0]),
        (np.array([1, 2], dtype="uint8"), "y ~ I(-v) - 1", [-1.0, -2.0]),
        (np.array([101, 103]), "y ~ I(v**10) - 1", [101.0**10, 103.0**10]),
        (np.array([True, False]), "y ~ I(v + v) - 1", [2.0, 0.0]),
        (np.array([True, False]), "y ~ v - 1", [1.0, 0.0]),
        (pd.array([3, 4], dtype="Int64"), "y ~ v - 1", [3.0, 4.0]),
    ],
)
def test_integers_and_booleans_are_computed_with_as_real_numbers(values, formula, expected):
    data = pd.DataFrame({"y": [0, 1], "v": values, "v2": values})
    assert BernoulliLogistic.from_formula(formula, data).design[:, 0].tolist() == expected


@pytest.mark.parametrize("dtype", ["object", "string", "str", "category"])
def test_text_that_looks_like_numbers_stays_text(dtype):
    data = pd.DataFrame({"y": [0, 1, 0], "v": pd.Series(["0", "1", "2"], dtype=dtype)})
    assert BernoulliLogistic.from_formula("y ~ v", data).names == ("Intercept", "v[T.1]", "v[T.2]")


def test_column_names_are_never_code_nor_constants(frame):
    frame = frame.rename(columns={"x": "1", "z": "True"})
    model = BernoulliLogistic.from_formula("y ~ `1` + `True` + I(`True`)", frame)
    assert model.names == ("Intercept", "1", "True", "I(True)")
    assert model.design[:, 1] == pytest.approx(frame["1"])
    assert model.design[:, 3] == pytest.approx(frame["True"])


def test_levels_are_those_of_the_rows_that_are_used(frame):
    frame["c"] = pd.Categorical(frame["g"], categories=["none", "top", "mid", "low"])
    assert BernoulliLogistic.from_formula("y ~ c", frame).names == (
        "Intercept", "c[T.mid]", "c[T.low]",
    )  # fmt: skip
    frame.loc[frame["g"] == "top", "w"] = 0
    frame.loc["id0", "x"] = 1e6
    frame.loc["id0", "w"] = 0
    model = BernoulliLogistic.from_formula("y ~ g + center(x)", frame, frequency_weights="w")
    assert "g[T.top]" not in model.names
    assert abs(model.design[:, -1]).max() < 10  # the row of weight 0 does not move the centre
    assert model.n_zero_weight >= 2


def test_the_same_column_may_be_number_and_category(frame):
    model = BernoulliLogistic.from_formula("y ~ w + C(w)", frame)
    assert model.names == ("Intercept", "w", "C(w)[T.2]", "C(w)[T.3]")
    assert model.reference_levels == {"w": "1"}


def test_series_of_other_labels_are_not_paired_by_position(frame):
    other = pd.Series(np.zeros(60))
    with pytest.raises(ValueError, match="'offset' and the data have different row labels"):
        BernoulliLogistic.from_formula("y ~ x", frame, offset=other)
    with pytest.raises(ValueError, match="different indexes"):
        BernoulliLogistic.from_formula("y ~ x", {"y": frame["y"], "x": other})


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


def test_rows_without_weight_and_rows_without_a_value_are_counted_apart():
    frame = pd.DataFrame({"y": [0, 1, 0, 1, 1, 0], "x": [1.0, 2, np.nan, 4, 5, 6]})
    frame["w"] = [1, 0, 0, 2, 1, 0]
    model = BernoulliLogistic.from_formula("y ~ x", frame, frequency_weights="w")
    # the third row lacks a value and has no weight: it is counted once
    assert (model.n_dropped, model.n_zero_weight, model.n_rows) == (1, 2, 3)


def test_a_parse_that_other_threads_have_disturbed_is_made_again(monkeypatch):
    data = pd.DataFrame({"y": [0, 1, 0, 1], "x": [1.0, 2, 3, 5]})
    model = BernoulliLogistic.from_formula("y ~ x", data)
    spec, asked = model.encoding.spec, []

    class Disturbed:
        def get_model_matrix(self, *arguments, **keywords):
            asked.append(1)
            if len(asked) < 3:
                raise SystemError("AST constructor recursion depth mismatch (before=2, after=5)")
            return spec.get_model_matrix(*arguments, **keywords)

    encoding = replace(model.encoding, spec=Disturbed())
    assert np.array_equal(encoding.design_matrix(data), model.design)
    assert len(asked) == 3
    asked.clear()
    monkeypatch.setattr(formula_module, "PARSES", 1)
    with pytest.raises(ValueError, match="AST constructor recursion"):
        replace(model.encoding, spec=Disturbed()).design_matrix(data)
