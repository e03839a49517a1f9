"""Idioms of R, patsy, statsmodels, formulaic, Bambi and brms: what each gives, or leads to."""

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic
from flatprior.models.common.errors import InputError
from flatprior.models.encoding.formulas.arithmetic import FUNCTIONS as ARITHMETIC
from flatprior.models.encoding.formulas.contrasts import CATEGORIES
from flatprior.models.encoding.formulas.parsing import KNOWN
from flatprior.models.encoding.formulas.spellings import FUNCTIONS, SIGNS, TERMS
from flatprior.models.encoding.formulas.transforms import TRANSFORMS


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    n = 150
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "x": rng.uniform(0.1, 3, n),
            "z": rng.normal(size=n),
            "a": rng.choice(["a", "b", "c"], n),
            "b": rng.choice(["u", "v"], n),
            "k": rng.integers(1, 5, n),
            "e": rng.uniform(1, 2, n),
            "my.var": rng.normal(size=n),
            "Age": rng.normal(size=n),
        }
    )


TAKEN = {
    "cbind(y, 1 - y) ~ x": "x",
    "y ~ .": "x; z; a[T.b]; a[T.c]; b[T.v]; k; e; my.var; Age",
    "y ~ . - x": "z; a[T.b]; a[T.c]; b[T.v]; k; e; my.var; Age",
    "y ~ . + I(x^2)": "x; z; a[T.b]; a[T.c]; b[T.v]; k; e; my.var; Age; I(x^2)",
    "y ~ .^2": "45 coefficients",
    "y ~ x + offset(z)": "x",
    "y ~ x + offset(log(e))": "x",
    "y ~ factor(k)": "factor(k)[T.2]; factor(k)[T.3]; factor(k)[T.4]",
    "y ~ as.factor(k)": "as.factor(k)[T.2]; as.factor(k)[T.3]; as.factor(k)[T.4]",
    "y ~ x + factor(a, levels=c('c','a','b'))": "x; factor(a)[T.a]; factor(a)[T.b]",
    "y ~ relevel(a, ref='b')": "relevel(a)[T.a]; relevel(a)[T.c]",
    "y ~ relevel(factor(a), 'b')": "relevel(a)[T.a]; relevel(a)[T.c]",
    "y ~ C(a, contr.treatment)": "C(a)[T.b]; C(a)[T.c]",
    'y ~ C(a, contr.treatment("b"))': "C(a)[T.a]; C(a)[T.c]",
    'y ~ C(a, contr.treatment(base="b"))': "C(a)[T.a]; C(a)[T.c]",
    "y ~ C(a, contr.treatment(base=2))": "C(a)[T.a]; C(a)[T.c]",
    "y ~ C(a, contr.sum)": "C(a)[S.a]; C(a)[S.b]",
    "y ~ C(a, contr.helmert)": "C(a)[H.b]; C(a)[H.c]",
    "y ~ C(k, contr.poly)": "C(k)[.L]; C(k)[.Q]; C(k)[.C]",
    "y ~ C(a, sum)": "C(a)[S.a]; C(a)[S.b]",
    "y ~ C(a, Sum)": "C(a)[S.a]; C(a)[S.b]",
    'y ~ C(a, Treatment("b"))': "C(a)[T.a]; C(a)[T.c]",
    'y ~ C(a, Treatment(reference="b"))': "C(a)[T.a]; C(a)[T.c]",
    "y ~ C(a, Treatment(1))": "C(a)[T.a]; C(a)[T.c]",
    "y ~ C(a, Treatment)": "C(a)[T.b]; C(a)[T.c]",
    "y ~ C(a, Helmert)": "C(a)[H.b]; C(a)[H.c]",
    "y ~ C(a, Poly)": "C(a)[.L]; C(a)[.Q]",
    "y ~ C(a, Diff)": "C(a)[D.b]; C(a)[D.c]",
    "y ~ C(a, contr.sum())": "C(a)[S.a]; C(a)[S.b]",
    "y ~ C(a, contr.helmert())": "C(a)[H.b]; C(a)[H.c]",
    "y ~ C(k, contr.poly())": "C(k)[.L]; C(k)[.Q]; C(k)[.C]",
    "y ~ C(a, contr.SAS())": "C(a)[T.a]; C(a)[T.b]",
    "y ~ C(a, contr.diff())": "C(a)[D.b]; C(a)[D.c]",
    'y ~ C(a, levels=["c","a","b"])': "C(a)[T.a]; C(a)[T.b]",
    'y ~ C(a, reference="b")': "C(a)[T.a]; C(a)[T.c]",
    'y ~ C(a, ref="b")': "C(a)[T.a]; C(a)[T.c]",
    'y ~ C(a, base="b")': "C(a)[T.a]; C(a)[T.c]",
    "y ~ ns(x, 3)": "ns(x, 3)[1]; ns(x, 3)[2]; ns(x, 3)[3]",
    "y ~ ns(x, df=3)": "ns(x, df=3)[1]; ns(x, df=3)[2]; ns(x, df=3)[3]",
    "y ~ ns(x, knots=c(1,2))": "4 coefficients",
    "y ~ cr(x, df=3)": "cr(x, df=3)[1]; cr(x, df=3)[2]; cr(x, df=3)[3]",
    "y ~ cs(x, df=3)": "cs(x, df=3)[1]; cs(x, df=3)[2]; cs(x, df=3)[3]",
    "y ~ bs(x, df=5)": "6 coefficients",
    "y ~ bs(x, knots=[1,2])": "6 coefficients",
    "y ~ bs(x, knots=c(1,2))": "6 coefficients",
    "y ~ bs(x, 5)": "bs(x, 5)[1]; bs(x, 5)[2]; bs(x, 5)[3]; bs(x, 5)[4]; bs(x, 5)[5]",
    "y ~ poly(x, 2)": "poly(x, 2)[1]; poly(x, 2)[2]",
    "y ~ poly(x, degree=2)": "poly(x, degree=2)[1]; poly(x, degree=2)[2]",
    "y ~ poly(x, 2, raw=TRUE)": "poly(x, 2, raw=TRUE)[1]; poly(x, 2, raw=TRUE)[2]",
    "y ~ poly(x, 2, raw=True)": "poly(x, 2, raw=True)[1]; poly(x, 2, raw=True)[2]",
    "y ~ I(x^2)": "I(x^2)",
    "y ~ I(x**2)": "I(x ** 2)",
    "y ~ I(x > 3)": "I(x > 3)",
    "y ~ I(x > 1)": "I(x > 1)",
    "y ~ I(x == 1)": "I(x == 1)",
    'y ~ I(a == "b")': 'I(a == "b")',
    'y ~ I(a %in% c("a","b"))': 'I(a %in% c("a", "b"))',
    "y ~ log10(x)": "log10(x)",
    "y ~ log2(x)": "log2(x)",
    "y ~ log1p(x)": "log1p(x)",
    "y ~ abs(z)": "abs(z)",
    "y ~ exp(z)": "exp(z)",
    "y ~ sqrt(x)": "sqrt(x)",
    "y ~ log(x)": "log(x)",
    "y ~ log(x + 1)": "log(x + 1)",
    "y ~ sin(x)": "sin(x)",
    "y ~ scale(x)": "scale(x)",
    "y ~ scale(x, center=TRUE)": "scale(x, center=TRUE)",
    "y ~ center(x)": "center(x)",
    "y ~ I(1/x)": "I(1 / x)",
    "y ~ I(x*z)": "I(x * z)",
    "y ~ I(x/2)": "I(x / 2)",
    "y ~ x:z": "x:z",
    "y ~ x*z": "x; z; x:z",
    "y ~ a*b": "a[T.b]; a[T.c]; b[T.v]; a[T.b]:b[T.v]; a[T.c]:b[T.v]",
    "y ~ a/b": "a[T.b]; a[T.c]; a[a]:b[T.v]; a[b]:b[T.v]; a[c]:b[T.v]",
    "y ~ (x+z)^2": "x; z; x:z",
    "y ~ (x+z)**2": "x; z; x:z",
    "y ~ a*x - a": "x; a[T.b]:x; a[T.c]:x",
    "y ~ x - 1": "-1; x",
    "y ~ 0 + x": "-1; x",
    "y ~ x + 0": "-1; x",
    "y ~ -1 + a": "-1; a[a]; a[b]; a[c]",
    "y ~ 1": "",
    "y ~ x + my.var": "x; my.var",
    "y ~ x + `my.var`": "x; my.var",
    "y ~ x + + z": "x; z",
    "y ~ x^2": "x",
    "y ~ x**2": "x",
    "y ~ {x**2}": "{x ** 2}",
    "y ~ a + C(a)": "a[T.b]; a[T.c]; C(a)[T.b]; C(a)[T.c]",
    "y ~ a:b - 1": "-1; a[a]:b[u]; a[b]:b[u]; a[c]:b[u]; a[a]:b[v]; a[b]:b[v]; a[c]:b[v]",
    "y ~ x + x": "x",
    "y ~ log(x, 10)": "log(x, 10)",
    "y ~ log(x, base=2)": "log(x, base=2)",
    "y ~ I(log(x)^2)": "I(log(x)^2)",
    "y ~ sqrt(x)*a": "sqrt(x); a[T.b]; a[T.c]; sqrt(x):a[T.b]; sqrt(x):a[T.c]",
    "y ~ x*a + I(x^2):b": "x; a[T.b]; a[T.c]; x:a[T.b]; x:a[T.c]; I(x^2):b[u]; I(x^2):b[v]",
    "y ~ poly(x, 3, raw=TRUE) + ns(z, 2)": "6 coefficients",
    "y ~ I((x - 1)^2)": "I((x - 1)^2)",
    "y ~ exp(-x)": "exp(-x)",
    "y ~ x + a:x": "x; a[T.b]:x; a[T.c]:x",
    "y ~ C(k)": "C(k)[T.2]; C(k)[T.3]; C(k)[T.4]",
    "y ~ C(k, Treatment(2))": "C(k)[T.1]; C(k)[T.3]; C(k)[T.4]",
    "y ~ C(k, contr.treatment(3))": "C(k)[T.1]; C(k)[T.2]; C(k)[T.4]",
    "y ~ I(x)^2": "I(x)",
    "y ~ x - x": "",
    "y ~ C(a, contr.treatment, base=2)": "C(a)[T.a]; C(a)[T.c]",
    "y ~ I(x^2 + z^2)^2": "I(x^2 + z^2)",
    "y ~ ordered(k)": "ordered(k)[.L]; ordered(k)[.Q]; ordered(k)[.C]",
    "y ~ C(k, contr.treatment(4, base=2))": "C(k)[T.1]; C(k)[T.3]; C(k)[T.4]",
    "y ~ poly(x, 2)^2": "poly(x, 2)[1]; poly(x, 2)[2]",
    "y ~ factor(a)*factor(b)": "6 coefficients",
    "y ~ C(a, Sum) - 1": "-1; C(a)[a]; C(a)[b]; C(a)[c]",
    "y ~ 0 + C(a, Sum)": "-1; C(a)[a]; C(a)[b]; C(a)[c]",
    "y ~ log(x, 2.5)": "log(x, 2.5)",
    "y ~ I(x)": "I(x)",
}


REFUSED = {
    'y ~ i(a, ref="b")': "write C(x), and C(x, contr.treatment('b')) for another reference ",
    "y ~ cc(x, df=3)": "cyclic splines are not taken; write sin and cos of the angle, or ns",
    "y ~ (x > 1)": "write I(x > 1)",
    "y ~ a %in% b": "write b:a for b %in% a, or I(a %in% c('u', 'v')) for a choice of value",
    "y ~ x %in% a": "write b:a for b %in% a, or I(a %in% c('u', 'v')) for a choice of value",
    "y ~ np.log(x)": "write log(x) without the module",
    "y ~ numpy.log(x)": "write log(x) without the module",
    "y ~ np.sqrt(x)": "write sqrt(x) without the module",
    "y ~ standardize(x)": "write scale(x)",
    "y ~ x | a": "random effects are not fitted here; C(g) gives each group a coefficient o",
    "y ~ x + (1|a)": "random effects are not fitted here; C(g) gives each group a coefficie",
    "y ~ x + (x|a)": "random effects are not fitted here; C(g) gives each group a coefficie",
    "y ~ s(x)": "penalised smooth terms are not fitted here; write ns(x, df=4), bs(x, df=5)",
    'y ~ x + Q("my.var")': "a name that is no word stands in backticks: `my.var`",
    "y ~ x + Q('my.var')": "a name that is no word stands in backticks: `my.var`",
    'y ~ x + "my.var"': "a column's name stands in backticks: `my.var`",
    "y ~ age": "there is no column 'age' (did you mean 'Age'?)",
    "y ~ AGE": "there is no column 'AGE' (did you mean 'Age'?)",
    "y ~ X": "there is no column 'X' (did you mean 'x'?)",
    "y ~ xx": "there is no column 'xx' (did you mean 'x'?)",
    "y = x": "the formula 'y = x' has '=' for '~'; write 'y ~ x'",
    "y ~ x ~ z": "must be one response column",
    "~ x": "must be one response column",
    "x": "must be one response column",
    "y ~": "the formula 'y ~' has no predictors; write 'y ~ 1'",
    "y ~ x +": "the formula 'y ~ x +' cannot be read: it ends where a name, a number or a '",
    "y ~ x, z": "terms are joined by +, not by commas",
    "y ~ x; z": "a formula is one expression; terms are joined by +",
    "y ~ pow(x, 2)": "write I(x^2)",
    "y ~ x**20": "the power '20' is not allowed in a formula: it must be a whole number fro",
    "y ~ cut(x, 3)": "write I(x > 1) for each bound, or compute such a column in the data b",
    "y ~ cut(x, c(0,1,2))": "write I(x > 1) for each bound, or compute such a column in the",
    "y ~ ifelse(x > 1, 1, 0)": "write I(x > 1), which is 1 where it is true, or compute suc",
    "y ~ pmin(x, 2)": "compute such a column in the data beforehand, and name it",
    "y ~ round(x)": "compute such a column in the data beforehand, and name it",
    "y ~ as.numeric(k)": "a column of numbers is a number as it stands: write x",
    "y ~ as.integer(k)": "a column of numbers is a number as it stands: write x",
    "y ~ strata(a) + x": "conditional likelihoods are not maximised here; write C(g), which",
    "y ~ interaction(a, b)": "write a:b, or a*b with the effects of each",
    "y ~ lag(x)": "compute such a column in the data beforehand, and name it",
    "y ~ hashed(a)": "write C(x), and C(x, contr.treatment('b')) for another reference leve",
    "y ~ te(x, z)": "penalised smooth terms are not fitted here; write ns(x, df=4), bs(x, d",
    "y ~ mo(k)": "write C(k), or poly(k, 2) for a curve",
    "y ~ hsgp(x, m=10)": "penalised smooth terms are not fitted here; write ns(x, df=4), bs",
    "y ~ rcs(x, 4)": "write ns(x, df=3), or ns(x, knots=c(...), Boundary.knots=c(...)) for ",
    "y ~ np.power(x, 2)": "write I(x^2)",
    "y ~ x + TRUE": "there is no column 'TRUE'",
    "y ~ x.values": "there is no column 'x.values' (did you mean 'x'?)",
    "y ~ __import__('os')": "terms are columns, and the functions C, factor",
    "y ~ I(__import__('os').system('id'))": "a sign such as '+' is missing before it, or a ",
    "y ~ x # comment": "leave out the comment",
    "y ~ α": "there is no column 'α'",
    "y ~ binary(a, 'b')": "write C(x), and C(x, contr.treatment('b')) for another reference",
    "y ~ bin(x > 1)": "write C(x), and C(x, contr.treatment('b')) for another reference lev",
    "y ~ I(x - mean(x))": "center(x) is x less its mean",
    "y ~ (x - mean(x))": "center(x) is x less its mean",
    "y ~ plogis(x)": "compute such a column in the data beforehand, and name it",
    "y ~ poly(x, z)": "options are numbers, text, TRUE or FALSE, or lists: c(1, 2)",
    "y ~ Age + log(age)": "there is no column 'age' (did you mean 'Age'?)",
    "y ~ df$x": "name the column alone, as in 'y ~ x'",
    "y ~ data['x']": "name the column alone, as in 'y ~ x'",
    "y ~ x && z": "write I(x && z) with a single & for what is true or not",
    "y ~ x -> y": "comparisons stand in I(...), as in I(x > 1)",
    "y ~ 1 + x + (1 + x | a)": "random effects are not fitted here; C(g) gives each group a",
    "y ~ x + (1 || a)": "random effects are not fitted here; C(g) gives each group a coeffi",
    "y ~ B(a)": "write C(x), and C(x, contr.treatment('b')) for another reference level",
    "y ~ x + weights(z)": "weights stand beside the formula, as frequency_weights=",
    "y ~ x + cluster(a)": "clusters are of the standard errors: robust_covariance(model, fi",
    "y ~ Log(x)": "write log(x)",
    "y ~ sqrt(np.abs(x))": "write abs(x) without the module",
    "y ~ x + 2": "0, 1 and -1 say whether there is an intercept, and stand in the outermost",
    "y ~ 2*x": "0, 1 and -1 say whether there is an intercept, and stand in the outermost s",
    "y ~ x^1.5": "the power '1.5' is not allowed in a formula: it must be a whole number fr",
    "y ~ f(x)": "penalised smooth terms are not fitted here; write ns(x, df=4), bs(x, df=5)",
    "y ~ hsgp(x)": "penalised smooth terms are not fitted here; write ns(x, df=4), bs(x, df",
    "y ~ splines::ns(x, 3)": "a:b joins two terms; a function stands without its package",
    "y ~ splines.ns(x, 3)": "write ns(x, 3) without the module",
    "y <- x": "must be one response column",
    "y ~ x # c": "leave out the comment",
    "y ~ x\\ + z": "leave out the backslash",
    "y ~ 'x'": "a column's name stands in backticks: `x`",
    'y ~ Q("Age")': "a name that is no word stands in backticks: `Age`",
    "y ~ ln(x)": "write log(x)",
    "y ~ factor(k, levels=4:1)": "options are numbers, text, TRUE or FALSE, or lists: c(1, ",
    "y ~ as.character(k)": "write C(x), and C(x, contr.treatment('b')) for another referenc",
    "Y ~ x": "there is no column 'Y' (did you mean 'y'?)",
    "y ~ x + NA": "there is no column 'NA' (did you mean 'a'?)",
    "y ~ x:2": "0, 1 and -1 say whether there is an intercept, and stand in the outermost s",
    "y ~ I('x')": "a column's name stands in backticks: `x`",
    "y ~ x + Intercept": "there is no column 'Intercept'",
}


@pytest.mark.parametrize("formula", TAKEN)
def test_what_is_taken_has_the_columns_that_were_meant(frame, formula):
    model = BernoulliLogistic.from_formula(formula, frame)
    if TAKEN[formula].endswith("coefficients"):
        assert f"{model.n_parameters} coefficients" == TAKEN[formula]
        return
    names = model.names[1:] if model.names[0] == "Intercept" else ("-1", *model.names)
    assert "; ".join(names) == TAKEN[formula]
    assert (model.design_matrix(frame) == model.design).all()


@pytest.mark.parametrize("formula", REFUSED)
def test_what_is_not_taken_leads_to_what_is(frame, formula):
    with pytest.raises(InputError) as caught:
        BernoulliLogistic.from_formula(formula, frame)
    message = str(caught.value)
    assert REFUSED[formula] in message
    assert "\n" not in message
    assert "formulaic" not in message


WRITTEN = {
    **{"Q": "`x`", "power": "I(x^2)", "fabs": "abs(x)", "ln": "log(x)", "std": "scale(x)"},
    **{"mean": "center(x)", "sd": "scale(x)", "s": "ns(x, df=4)", "lo": "bs(x, df=5)"},
    **{"te": "cr(x, df=4)", "rcs": "ns(x, df=3)", "pol": "poly(x, 2, raw=TRUE)"},
    **{"polym": "poly(x, 2)*poly(z, 2)", "mo": "poly(x, 2)", "cut": "I(x > 1)"},
    **{"ifelse": "I(x > 1)", "interaction": "a*b", "cc": "ns(x, df=4)"},
}


def test_no_function_is_both_taken_and_refused():
    assert set(FUNCTIONS) & set(KNOWN) == {"offset"}  # which is taken alone, and refused within
    for table in (FUNCTIONS, SIGNS, TERMS):
        assert all(sentence and "\n" not in sentence for sentence in table.values())


@pytest.mark.parametrize("function", FUNCTIONS)
def test_what_a_refusal_says_to_write_is_taken(frame, function):
    with pytest.raises(ValueError, match="is not allowed in a formula") as caught:
        BernoulliLogistic.from_formula(f"y ~ x*{function}(x)", frame)
    said = str(caught.value).partition("; ")[2]
    assert said
    if function in WRITTEN:
        assert WRITTEN[function] in said
        BernoulliLogistic.from_formula(f"y ~ {WRITTEN[function]}", frame)


def test_every_function_is_found_by_any_case_and_without_its_module(frame):
    for function in {*ARITHMETIC, *TRANSFORMS, *CATEGORIES}:
        for written, words in (
            (f"np.{function}(x)", f"write {function}(x) without the module"),
            (f"{function.swapcase()}(x)", f"write {function}(x)"),
        ):
            with pytest.raises(ValueError, match="is not allowed") as caught:
                BernoulliLogistic.from_formula(f"y ~ {written}", frame)
            assert words in str(caught.value)


@pytest.mark.parametrize(
    "term",
    [
        "`{}` > 1",
        "nothing(`{}`)",
        "np.log(`{}`)",
        "np.power(`{}`, 2)",
        "`{}`:2",
        "(1 | `{}`)",
        "`{}`^x",
    ],
)
def test_names_steer_no_terminal(frame, term):
    name = "x\x1b[31m\u202e"
    with pytest.raises(InputError) as caught:
        BernoulliLogistic.from_formula("y ~ " + term.format(name), frame.assign(**{name: 1.0}))
    assert str(caught.value).isprintable()
    model = BernoulliLogistic.from_formula(f"y ~ `{name}`^2", frame.rename(columns={"x": name}))
    assert model.encoding.facts[0].isprintable()
