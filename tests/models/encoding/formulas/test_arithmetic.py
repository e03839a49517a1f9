"""What a formula computes, and what it never does."""

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic, fit_newton


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
            "y2": rng.integers(0, 2, size=n).astype(bool),
            "one": "a",
            "when": pd.Timestamp("2026-01-01"),
            "mixed": pd.Series([1, "1"] * (n // 2), dtype=object).to_numpy(),
        },
        index=[f"id{i}" for i in range(n)],
    )


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
        "y ~ I(.)",
        "y ~ log(.)",
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
        "y ~ I(x & 1)",
        "y ~ I(!x + 1)",
        "y ~ I(2^x)",
        "y ~ I(x^z)",
        "y ~ I(g)'",
        "y ~ I('g')",
        "y ~ I(g < 'low')",
        "y ~ I(g + 'low')",
        "y ~ I(log(x) == 'low')",
        "y ~ I(x %in% z)",
        "y ~ I(x %in% c(1, 'a'))",
        "y ~ I(x %in% c())",
        "y ~ I(x, z)",
        "y ~ I()",
        "y ~ I(2)",
        "y ~ log(1)",
        "y ~ log(z, 1)",
        "y ~ log(z, -2)",
        "y ~ log(z, x)",
        "y ~ log(z, 2, 3)",
        "y ~ log(base=2)",
        "y ~ exp(x, 2)",
        "y ~ x[0]",
        "y ~ x$y",
        "y ~ I(x; z)",
        "y ~ I(offset(x))",
        "y ~ x*offset(z)",
        "y ~ x - offset(z)",
        "y ~ offset(z, 2)",
        "y ~ offset(1)",
        "y ~ offset(.)",
    ],
)
def test_nothing_but_the_allowed_language_is_evaluated(frame, formula):
    with pytest.raises(
        ValueError,
        match=r"not allowed|power|cannot be read|no column|nested|too many|a whole number",
    ) as caught:
        BernoulliLogistic.from_formula(formula, frame)
    assert "\n" not in str(caught.value)


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


ARITHMETIC = {
    "I(x^2)": ("I(x^2)", lambda x, z: x**2),
    "I(x^2 + 1)": ("I(x^2 + 1)", lambda x, z: x**2 + 1),
    "I((x - 1)^2)": ("I((x - 1)^2)", lambda x, z: (x - 1) ** 2),
    "I(-x^2)": ("I(-x^2)", lambda x, z: -(x**2)),
    "I(z^-1)": ("I(z^-1)", lambda x, z: 1 / z),
    "I(z**-0.5)": ("I(z ** -0.5)", lambda x, z: 1 / np.sqrt(z)),
    "I(x*z/2 - 1)": ("I(x * z / 2 - 1)", lambda x, z: x * z / 2 - 1),
    "{x**2}": ("{x ** 2}", lambda x, z: x**2),
    "I(x > 0)": ("I(x > 0)", lambda x, z: x > 0),
    "I(x>0 & !(z<2 | z>=4))": (
        "I(x > 0 & !(z < 2 | z >= 4))",
        lambda x, z: (x > 0) & (z >= 2) & (z < 4),
    ),
    "I((x > 0)*z)": ("I((x > 0) * z)", lambda x, z: np.where(x > 0, z, 0)),
    "I(w == 2)": ("I(w == 2)", lambda x, z, w: w == 2),
    "I(w != 2)": ("I(w != 2)", lambda x, z, w: w != 2),
    "I(w %in% c(1, 3))": ("I(w %in% c(1, 3))", lambda x, z, w: w != 2),
    "I(w %in% [1, 3])": ("I(w %in% [1, 3])", lambda x, z, w: w != 2),
    "I((w > 1) == TRUE)": ("I((w > 1) == TRUE)", lambda x, z, w: w > 1),
    "I(!(y2 | w > 1))": ("I(!(y2 | w > 1))", lambda x, z, y2, w: (y2 == 0) & (w <= 1)),
    'I(g == "low")': ('I(g == "low")', lambda x, z, g: g == "low"),
    "I('low' == g)": ("I('low' == g)", lambda x, z, g: g == "low"),
    "I(g != 'low')": ("I(g != 'low')", lambda x, z, g: g != "low"),
    "I(g %in% c('mid','top'))": ("I(g %in% c('mid', 'top'))", lambda x, z, g: g != "low"),
    "I((g == 'low') * x)": ("I((g == 'low') * x)", lambda x, z, g: np.where(g == "low", x, 0)),
    "log10(z)": ("log10(z)", lambda x, z: np.log(z) / np.log(10)),
    "log2(z)": ("log2(z)", lambda x, z: np.log(z) / np.log(2)),
    "log(z, 10)": ("log(z, 10)", lambda x, z: np.log(z) / np.log(10)),
    "log(z, base=3)": ("log(z, base=3)", lambda x, z: np.log(z) / np.log(3)),
    "log1p(z)": ("log1p(z)", lambda x, z: np.log(1 + z)),
    "expm1(x)": ("expm1(x)", lambda x, z: 2 * np.exp(x / 2) * np.sinh(x / 2)),
    "abs(x)": ("abs(x)", lambda x, z: np.where(x < 0, -x, x)),
    "sin(x) + cos(x)": ("sin(x)", lambda x, z: np.sin(x)),
    "log(abs(x) + 1)": ("log(abs(x) + 1)", lambda x, z: np.log(np.abs(x) + 1)),
    "I(log(z)^2)": ("I(log(z)^2)", lambda x, z: np.log(z) ** 2),
    "I(x - center(x))": ("I(x - center(x))", lambda x, z: np.full(60, x.mean())),
    "I(scale(z)^2)": ("I(scale(z)^2)", lambda x, z: (z - z.mean()) ** 2 / z.var(ddof=1)),
    "I(`my col` * 2)": ("I(my col * 2)", None),
}


@pytest.mark.parametrize("term", ARITHMETIC)
def test_arithmetic_is_that_of_r_and_names_are_as_written(frame, term):
    name, expected = ARITHMETIC[term]
    model = BernoulliLogistic.from_formula(f"y ~ {term}", frame)
    assert model.names[1] == name
    if expected is None:
        np.testing.assert_array_equal(model.design[:, 1], 2 * frame["my col"])
        return
    more = expected.__code__.co_varnames[2:]
    values = expected(*(frame[each].to_numpy() for each in ("x", "z", *more)))
    np.testing.assert_allclose(model.design[:, 1], values.astype(float), rtol=4e-15)
    assert (model.design_matrix(frame) == model.design).all()
    assert (model.design_matrix(frame.iloc[[3]]) == model.design[[3]]).all()


# R 4.2.2: coef(glm(y ~ ..., family = binomial, control = glm.control(1e-14))), deviance
IN_R = {
    "I(x^2) + log(x, base=2)": (
        [0.114170035768769, -0.0113777560316546, 0.312047393758528], 16.0721371617316),
    "I(x > 3) + abs(x - 3)": (
        [0.514821043588977, -0.769784545724068, 0.121437770642063], 15.8993532862478),
    "I(x %in% c(1.1, 2.9, 3.1, 4))": ([0, 1.09861228866811], 15.5890360459096),
    "log1p(x) + I((x - 1)^2)": (
        [-0.0122993345416358, 0.248672676781632, 0.00226441706497209], 16.2256955267807),
    "I(a == 'b' | x > 5)": ([0.287682072451781, 0.117783035656384], 16.2908301358992),
    "x + offset(log(x))": ([0.531366202486534, -0.327779030055478], 15.8662495808525),
    "x + offset(x) + offset(log(x))": ([0.531366202486534, -1.32777903005548], 15.8662495808525),
}  # fmt: skip


@pytest.mark.parametrize("terms", IN_R)
def test_fits_are_those_of_r(terms):
    x = [0.3, 1.1, 1.7, 2.2, 2.9, 3.1, 4.0, 4.6, 5.5, 7.3, 6.1, 0.9]
    data = {"y": [0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1], "x": x, "a": list("abcd") * 3}
    coefficients, deviance = IN_R[terms]
    fit = fit_newton(BernoulliLogistic.from_formula(f"y ~ {terms}", data))
    np.testing.assert_allclose(fit.coefficients, coefficients, rtol=1e-11, atol=1e-14)
    assert -2 * fit.log_likelihood == pytest.approx(deviance, rel=1e-13)


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("I(g == 'lo')", "compares column 'g' with 'lo', which no row has; its levels are 'low'"),
        ("I(x == 'low')", "column 'x' holds numbers, .* leave out the quotes"),
        ("I(g == 1)", "column 'g' holds text, but the formula computes with it"),
        ("I(x | w > 1)", "joins column 'x' by &, | or !, but it holds other numbers than 0 and 1"),
        ("I(g)", "column 'g' holds text, but the formula computes with it"),
        ("log(x)", r"column 'log\(x\)' has .*NaN.* in rows id"),
        ("I(1/(w - 1))", r"column 'I\(1 / \(w - 1\)\)' has values that are not finite in rows id"),
        ("log10(np.abs(x))", r"'np.abs\(x\)' .*; write abs\(x\) without the module"),
        ("I(x - mean(x))", r"center\(x\) is x less its mean"),
    ],
)
def test_what_columns_do_not_hold_is_said_by_column_and_row(frame, term, words):
    with pytest.raises(ValueError, match=words):
        BernoulliLogistic.from_formula(f"y ~ {term}", frame)


def test_new_rows_may_have_text_that_is_not_compared(frame):
    model = BernoulliLogistic.from_formula("y ~ I(g == 'low')", frame)
    new = pd.DataFrame({"g": ["low", "unheard of"]})
    assert model.design_matrix(new)[:, 1].tolist() == [1.0, 0.0]


def test_lists_of_what_is_allowed_are_those_of_the_place(frame):
    with pytest.raises(ValueError, match=r"terms are columns.*joined by") as caught:
        BernoulliLogistic.from_formula("y ~ nothing(x)", frame)
    assert "%in%" not in str(caught.value)
    with pytest.raises(ValueError, match=r"inside log\(\); allowed there are .*%in%") as caught:
        BernoulliLogistic.from_formula("y ~ log(nothing(x))", frame)
    assert "poly" not in str(caught.value)
