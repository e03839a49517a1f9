"""Splines, polynomials, centres and scales, and that they are kept for new rows."""

import pickle

import numpy as np
import pandas as pd
import pytest
from patsy import dmatrix

from flatprior.models import BernoulliLogistic, check_existence, fit_newton

Y = [0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1]
X = [0.3, 1.1, 1.7, 2.2, 2.9, 3.1, 4.0, 4.6, 5.5, 7.3, 6.1, 0.9]
NEW = [-1, 0.3, 3.3, 7.3, 9]


@pytest.fixture
def frame():
    return pd.DataFrame({"y": Y, "x": X})


# R 4.2.2: b <- ns(x, ...); b[1:4, ]; predict(b, NEW)
NATURAL = {
    "ns(x, df=3)": (
        [
            [0, 0, 0],
            [-0.105042998557406, 0.312705375350131, -0.196842427511238],
            [-0.123222561650476, 0.489074113549122, -0.307863386218172],
            [-0.0648166426015747, 0.565379841856022, -0.355847982630759],
        ],
        [
            [0.197979198741491, -0.534330955743164, 0.336351757001673],
            [0, 0, 0],
            [0.255530966558254, 0.515540026636328, -0.303236588067091],
            [-0.152089759248142, 0.410478812594448, 0.741610946653694],
            [-0.799790920570517, 0.513414204980644, 1.28637671558987],
        ],
    ),
    "ns(x, knots=c(2, 4), Boundary.knots=c(0.5, 6))": (
        [
            [0.0307187811029483, -0.0921563433088448, 0.0614375622058965],
            [-0.0811887789403401, 0.266007895262579, -0.177338596841719],
            [-0.0965721716696521, 0.469248982541424, -0.312832655027616],
            [-0.0127531326111923, 0.546200956275136, -0.363967304183424],
        ],
        [
            [0.230390858272112, -0.691172574816336, 0.460781716544224],
            [0.0307187811029483, -0.0921563433088448, 0.0614375622058965],
            [0.381158985712626, 0.450687815589394, -0.254687710392929],
            [-0.839285714285714, 0.567857142857143, 1.27142857142857],
            [-1.75, 0.75, 2],
        ],
    ),
    "0 + ns(x, df=4, intercept=TRUE)": (
        [],
        [
            [-1.08052129026145, -0.377500056823609, 1.01884423938415, -0.641344182560539],
            [-0.245255735793986, -0.238487406640442, 0.643659559857538, -0.405172153217096],
            [0.493061328465499, 0.380201672325242, 0.179063175587793, -0.0914304427855423],
            [0, -0.152089759248142, 0.410478812594448, 0.741610946653694],
            [0, -0.799790920570517, 0.513414204980644, 1.28637671558987],
        ],
    ),
}


@pytest.mark.parametrize("term", NATURAL)
def test_natural_splines_have_the_basis_of_r(frame, term):
    first, new = NATURAL[term]
    model = BernoulliLogistic.from_formula(f"y ~ {term}", frame)
    skip = int("Intercept" in model.names)
    if first:
        np.testing.assert_allclose(model.design[:4, skip:], first, atol=2e-15)
    found = model.design_matrix(pd.DataFrame({"x": NEW}))[:, skip:]
    np.testing.assert_allclose(found, new, rtol=1e-13, atol=2e-15)


def truncated_powers(x, knots):
    """Natural splines by another construction: the textbook's differences of truncated cubes."""
    *inner, last = knots

    def d(knot):
        return (np.maximum(x - knot, 0) ** 3 - np.maximum(x - last, 0) ** 3) / (last - knot)

    return np.column_stack([np.ones_like(x), x, *(d(knot) - d(inner[-1]) for knot in inner[:-1])])


@pytest.mark.parametrize("df", [1, 2, 4, 7])
def test_natural_splines_span_what_truncated_powers_do(df):
    rng = np.random.default_rng(df)
    x = rng.normal(size=80)
    data = pd.DataFrame({"y": rng.integers(0, 2, 80), "x": x})
    model = BernoulliLogistic.from_formula(f"y ~ ns(x, df={df})", data)
    knots = np.quantile(x, np.linspace(0, 1, df + 1))
    beyond = np.concatenate([x, [x.min() - 2, x.max() + 3]])
    other = truncated_powers(beyond, knots)
    found = model.design_matrix(pd.DataFrame({"x": beyond}))
    assert found.shape[1] == other.shape[1] == np.linalg.matrix_rank(found) == df + 1
    combined, *_ = np.linalg.lstsq(found, other, rcond=None)
    np.testing.assert_allclose(found @ combined, other, atol=1e-9 * np.abs(other).max())


# R 4.2.2: coef(glm(y ~ ..., family = binomial, control = glm.control(1e-14))), deviance
FITS = {
    "ns(x, 3)": ([-0.629610751847954, -1.82056690546297, 3.32177185676261, 0.865413205848841],
                 15.2649166257783),
    "ns(x, knots=c(2, 4))": ([-0.655240156353903, -1.77708745213951, 3.30668707156992,
                              0.857692406249613], 15.278470469556),
    "bs(x, df=4)": ([-1.30867790085555, 3.56337588191563, 1.01880918685641, -0.0204543015974243,
                     3.49895115346923], 14.5585585701592),
    "poly(x, 2) + I(a %in% c('a', 'c'))": (
        [0.700660191355183, 0.508007906790505, 0.175356931363691, -0.702345857072334],
        15.8920243385235),
    "scale(x, center=FALSE) + log10(x)": (
        [0.543883019321476, -1.4014069052532, 2.38319780184017], 15.8658233491638),
}  # fmt: skip


@pytest.mark.parametrize("terms", FITS)
def test_fits_are_those_of_r(frame, terms):
    coefficients, deviance = FITS[terms]
    frame["a"] = list("abcd") * 3
    fit = fit_newton(BernoulliLogistic.from_formula(f"y ~ {terms}", frame))
    np.testing.assert_allclose(fit.coefficients, coefficients, rtol=1e-11)
    assert -2 * fit.log_likelihood == pytest.approx(deviance, rel=1e-13)


def test_polynomials_are_those_of_r_and_raw_ones_are_numbered_alike(frame):
    model = BernoulliLogistic.from_formula("y ~ poly(x, 3)", frame)
    # R 4.2.2: predict(poly(x, 3), NEW)[1, ], at x = -1
    first = [-0.583973923118088, 1.18858545762438, -2.4661246504874]
    np.testing.assert_allclose(model.design_matrix({"x": [-1.0]})[0, 1:], first, rtol=1e-12)
    for raw in ("TRUE", "True", "T"):
        model = BernoulliLogistic.from_formula(f"y ~ poly(x, 2, raw={raw})", frame)
        assert model.names[1:] == (f"poly(x, 2, raw={raw})[1]", f"poly(x, 2, raw={raw})[2]")
        assert (model.design[:, 2] == np.square(X)).all()


@pytest.mark.parametrize("term", ["cr(x, df=3)", "cs(x, 4)", "cr(x, knots=c(2, 4))"])
def test_regression_splines_beside_an_intercept_have_full_rank(frame, term):
    beside = BernoulliLogistic.from_formula(f"y ~ {term}", frame)
    assert check_existence(beside).exists
    alone = BernoulliLogistic.from_formula(f"y ~ 0 + {term}", frame)
    assert np.linalg.matrix_rank(beside.design) == beside.n_parameters
    ones, *_ = np.linalg.lstsq(alone.design, np.ones(12), rcond=None)
    np.testing.assert_allclose(alone.design @ ones, 1)  # the constant is among its own
    if "df" not in term and "knots" in term:  # with the same knots they span the same
        assert fit_newton(alone).log_likelihood == pytest.approx(fit_newton(beside).log_likelihood)


EVERY = (
    *("center(x)", "scale(x)", "scale(x, FALSE)", "scale(x, center=1.5, scale=2)", "poly(x, 3)"),
    *("poly(x, 2, raw=TRUE)", "bs(x, df=5)", "bs(x, knots=c(2, 4), degree=2)", "ns(x, 4)"),
    *("ns(log(x), 2)", "cr(x, df=4)", "poly(center(x), 2)", "I(center(x)^2)", "bs(x)", "ns(x)"),
)


@pytest.mark.parametrize("term", EVERY)
def test_knots_centres_and_scales_are_kept_for_new_rows(frame, term):
    model = BernoulliLogistic.from_formula(f"y ~ {term}", frame)
    assert (model.design_matrix(frame) == model.design).all()
    again = model.design_matrix(frame.iloc[[5, 2]])
    np.testing.assert_allclose(again, model.design[[5, 2]], rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize(
    ("term", "needs"),
    [
        ("center(x)", True), ("scale(x)", True), ("scale(x, center=1, scale=2)", False),
        ("scale(x, center=1)", True), ("poly(x, 2)", True), ("poly(x, 2, raw=TRUE)", False),
        ("bs(x, df=5)", True), ("bs(x, knots=c(2))", True), ("ns(x, knots=c(2))", True),
        ("bs(x, knots=c(2), lower_bound=0, upper_bound=9)", False),
        ("bs(x, lower_bound=0, upper_bound=9)", False),
        ("bs(x, df=3, Boundary.knots=c(0, 9))", False),
        ("ns(x, knots=c(2, 4), Boundary.knots=c(0, 9))", False),
        ("ns(x, df=3, Boundary.knots=c(0, 9))", True),
        ("cr(x, knots=c(2, 4), lower_bound=0, upper_bound=9)", True),
        ("log(x)", False), ("I(center(x)^2)", True), ("I(x > scale(x))", True),
    ],
)  # fmt: skip
def test_in_batches_is_what_has_its_knots_and_bounds(frame, tmp_path, term, needs):
    frame.to_csv(tmp_path / "d.csv", index=False)
    formula = f"y ~ {term}"
    if needs:
        with pytest.raises(ValueError, match=r"needs all rows at once.*Boundary.knots"):
            BernoulliLogistic.from_parquet(tmp_path / "d.csv", formula)
        return
    model = BernoulliLogistic.from_parquet(tmp_path / "d.csv", formula)
    assert model.data_hash == BernoulliLogistic.from_formula(formula, frame).data_hash


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("poly(x, 0)", "degree= of 'poly.* must be a whole number from 1 to 100"),
        ("poly(x, degree=1.5)", "must be a whole number"),
        ("poly(x, 12)", "needs more than 12 different values, and there are 12; lower the degree"),
        ("poly(x, raw=2)", "raw= .* must be TRUE or FALSE"),
        ("poly(x, x)", "options are numbers"),
        ("bs(x, degree=0)", "degree= .* must be a whole number from 1"),
        ("bs(x, df=2)", "df= .* must be a whole number from 3"),
        ("bs(x, df=101)", "from 3 to 100"),
        ("bs(x, df=5, knots=c(2))", "has df and knots"),
        ("bs(x, knots=c(9))", "the knot 9 .* is not between 0.3 and 7.3"),
        ("ns(x, knots=c(0.3))", "the knot 0.3 .* is not between"),
        ("ns(x, knots=c(2, 2))", "knots= .* must be different numbers"),
        ("ns(x, knots='2')", "knots= .* must be numbers"),
        ("ns(x, knots=c('2'))", "knots= .* must be of numbers"),
        ("ns(x, df=0)", "df= .* must be a whole number from 1"),
        ("ns(x, df=3, intercept=TRUE)", "an intercept of its own beside that of the formula"),
        ("ns(x, Boundary.knots=c(1))", "must be two numbers"),
        ("ns(x, Boundary.knots=c(1, 2), lower_bound=1)", "given without lower_bound"),
        ("bs(x, lower_bound=8, upper_bound=1)", "goes from 8 to 1; .* bounds one below the other"),
        ("bs(x, lower_bound=TRUE)", "lower_bound= .* must be of numbers"),
        ("bs(x, lower_bound=1)", "is known from 1 to 7.3, and the value is outside in rows 0, 11"),
        ("0 + cr(x, df=2)", "df= .* must be a whole number from 3 without an intercept"),
        ("bs(x, knots=c())", "knots= .* must be numbers"),
        ("cr(x)", "needs df= or knots="),
        ("cr(x, df=3, constraints='none')", "must be 'center' or None"),
        ("scale(x, scale=0)", "must be TRUE, FALSE or a positive number"),
        ("scale(x, center='m')", "must be TRUE, FALSE or a number"),
        ("center(x, 2)", "it takes no options"),
        ("ns(x, 2, 3)", "its options have names"),
        ("I(ns(x, 2))", r"ns\(x, 2\)' is not allowed in a formula inside I"),
    ],
)
def test_what_no_spline_has_is_refused_in_a_sentence(frame, term, words):
    with pytest.raises(ValueError, match=words):
        BernoulliLogistic.from_formula(f"y ~ {term}", frame)


@pytest.mark.parametrize("term", ["ns(k, df=4)", "bs(k, df=5)", "bs(k, df=4, degree=2)"])
def test_values_too_much_alike_for_their_knots_are_said(frame, term):
    frame["k"] = [0, 0, 0, 0, 0, 0, 0, 1, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="one is the smallest or the largest; lower df"):
        BernoulliLogistic.from_formula(f"y ~ {term}", frame)


@pytest.mark.parametrize(
    "term",
    [
        "bs(x, df=5)",
        "bs(x, knots=[2, 4], degree=2)",
        "bs(x, df=6, lower_bound=0, upper_bound=9)",
        "cr(x, df=4, constraints='center')",
        "cr(x, knots=[2, 4], lower_bound=0, upper_bound=9)",
    ],
)
def test_splines_are_those_of_patsy(frame, term):
    theirs = np.asarray(dmatrix(f"0 + {term}", frame))
    ours = BernoulliLogistic.from_formula(f"y ~ 0 + {term}", frame)
    if "bs" in term:  # whose full basis patsy leaves as it is without an intercept
        ours = BernoulliLogistic.from_formula(f"y ~ {term}", frame)
    design = ours.design[:, ours.n_parameters - theirs.shape[1] :]
    np.testing.assert_allclose(design, theirs, atol=1e-14)


def test_what_was_learnt_can_be_sent(frame):
    formula = "y ~ ns(x, 3)*C(a, Sum) + poly(x, 2):I(a == 'b') + cr(x, df=3) + offset(log(x))"
    frame["a"] = list("abcd") * 3
    model = BernoulliLogistic.from_formula(formula, frame)
    sent = pickle.loads(pickle.dumps(model.encoding))  # noqa: S301
    assert (sent.design_matrix(frame) == model.design).all()
    assert (sent.offset(frame) == model.offset).all()


def test_beyond_the_bounds_natural_splines_are_lines_and_b_splines_unknown(frame):
    natural = BernoulliLogistic.from_formula("y ~ ns(x, 3) + cr(x, df=2)", frame)
    line = natural.design_matrix({"x": [8.0, 9.0, 10.0]})
    np.testing.assert_allclose(np.diff(line, n=2, axis=0), 0, atol=1e-13)
    b_spline = BernoulliLogistic.from_formula("y ~ bs(x, df=4)", frame)
    with pytest.raises(
        ValueError, match=r"known from 0.3 to 7.3, and the value is outside in row 1"
    ):
        b_spline.design_matrix({"x": [1.0, 8.0]})
