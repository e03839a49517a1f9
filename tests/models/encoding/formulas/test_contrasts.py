"""Which levels are compared with which."""

from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from r_values import DATA, OF_PACKAGES, STORED

from flatprior.models import BernoulliLogistic, fit_newton

Y = [0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1]
X = [0.3, 1.1, 1.7, 2.2, 2.9, 3.1, 4.0, 4.6, 5.5, 7.3, 6.1, 0.9]


@pytest.fixture
def frame():
    return pd.DataFrame({"y": Y, "x": X, "a": list("abcd") * 3, "k": [2, 4, 6, 8] * 3})


# R 4.2.2: coef(glm(y ~ C(a, ...) + x, family = binomial, control = glm.control(1e-14)))
IN_R = {
    "C(a, contr.sum)": [
        -0.0597865348881216,
        0.402389640926617,
        0.292168686237773,
        -1.13311709032384,
    ],
    "C(a, contr.helmert)": [
        *(-0.0597865348881206, -0.0551104773444222, -0.493465417968679, 0.146186254386484),
    ],
    "C(a, contr.poly)": [
        -0.0597865348881217,
        -0.2944406035758,
        0.840948404086068,
        0.964198426726515,
    ],
    "C(a, contr.treatment(4, base=3))": [
        *(-1.19290362521196, 1.53550673125046, 1.42528577656161, 1.57167585348329),
    ],
    "C(a, contr.SAS)": [
        0.378772228271328,
        -0.0361691222328318,
        -0.146390076921677,
        -1.57167585348329,
    ],
    "relevel(a, ref='c')": [
        *(-1.19290362521196, 1.53550673125046, 1.42528577656161, 1.57167585348329),
    ],
}


@pytest.mark.parametrize("term", IN_R)
def test_coefficients_are_those_of_r(frame, term):
    fit = fit_newton(BernoulliLogistic.from_formula(f"y ~ {term} + x", frame))
    expected = [*IN_R[term], 0.124914591116614]
    np.testing.assert_allclose(fit.coefficients, expected, rtol=1e-12)
    assert -2 * fit.log_likelihood == pytest.approx(15.1071247832988, rel=1e-13)


@pytest.mark.parametrize(
    ("written", "names", "matrix"),
    [
        (
            ("contr.sum", "contr.sum()", "contr.sum(4)", "Sum", "Sum()", "sum", "'contr.sum'"),
            "[S.a] [S.b] [S.c]",
            np.vstack([np.eye(3), -np.ones(3)]),
        ),
        (
            ("contr.helmert", "contr.helmert()", "contr.helmert(4)", "Helmert"),
            "[H.b] [H.c] [H.d]",
            np.diag([1.0, 2, 3], -1)[:, :3] - np.triu(np.ones((4, 3))),
        ),
        (
            ("contr.poly", "contr.poly()", "contr.poly(4)", "Poly", "Poly()"),
            "[.L] [.Q] [.C]",
            # orthogonal polynomials of 1, 2, 3, 4 in whole numbers
            np.array([[-3, 1, -1], [-1, -1, 3], [1, -1, -3], [3, 1, 1]]) / np.sqrt([20, 4, 20]),
        ),
        (
            ("contr.diff()", "contr.sdif", "Diff"),
            "[D.b] [D.c] [D.d]",
            # a coefficient is the difference of neighbours: the inverse of that
            np.linalg.inv(np.vstack([np.full(4, 0.25), np.diff(np.eye(4), axis=0)]))[:, 1:],
        ),
        (("contr.SAS", "contr.SAS()"), "[T.a] [T.b] [T.c]", np.eye(4)[:, :3]),
        (
            ("contr.treatment", "Treatment", "Treatment()", "'Treatment'"),
            "[T.b] [T.c] [T.d]",
            np.eye(4)[:, 1:],
        ),
    ],
)
def test_contrasts_are_the_known_matrices_however_they_are_spelt(frame, written, names, matrix):
    for spelling in written:
        model = BernoulliLogistic.from_formula(f"y ~ C(a, {spelling})", frame)
        assert model.names == ("Intercept", *(f"C(a){name}" for name in names.split()))
        np.testing.assert_allclose(model.design[:4, 1:], matrix, atol=1e-15)
        assert (model.design_matrix(frame) == model.design).all()
        assert (model.design_matrix(frame.iloc[[2]]) == model.design[[2]]).all()


def orthogonal_polynomials(n):
    """Of 0, 1, ..., n - 1, by Gram and Schmidt in fractions, of length 1."""
    rows: list[list[Fraction]] = []
    for degree in range(n):
        power = [Fraction(place**degree) for place in range(n)]
        for row in rows:
            share = dot(power, row) / dot(row, row)
            power = [a - share * b for a, b in zip(power, row, strict=True)]
        rows.append(power)
    return np.array([[float(a) / float(dot(row, row)) ** 0.5 for a in row] for row in rows[1:]]).T


def dot(one, two):
    return sum(a * b for a, b in zip(one, two, strict=True))


@pytest.mark.parametrize("n_levels", [2, 3, 5, 8, 12])
def test_polynomials_are_those_of_fractions_and_of_r(n_levels):
    frame = pd.DataFrame({"y": [0, 1] * n_levels, "g": np.repeat(np.arange(n_levels), 2)})
    model = BernoulliLogistic.from_formula("y ~ ordered(g)", frame)
    found = model.design[::2, 1:]
    assert found == pytest.approx(orthogonal_polynomials(n_levels), abs=2e-14)
    theirs = np.reshape(OF_PACKAGES["polynomials"][str(n_levels)], (-1, n_levels)).T
    assert found == pytest.approx(theirs, abs=1e-13)  # R's of 12 are off by 3e-14
    tags = [".L", ".Q", ".C", *(f"^{degree}" for degree in range(4, n_levels))][: n_levels - 1]
    assert model.names[1:] == tuple(f"ordered(g)[{tag}]" for tag in tags)


def test_a_fit_with_ordered_levels_is_that_of_r():
    theirs = STORED["ordered"]
    model = BernoulliLogistic.from_formula(theirs["formula"], pd.read_csv(DATA / "grouped.csv"))
    fit = fit_newton(model)
    assert fit.coefficients == pytest.approx(np.array(theirs["coefficients"]), rel=1e-9)
    assert fit.standard_errors == pytest.approx(np.array(theirs["standard_errors"]), rel=1e-8)


REFERENCES = {
    "a": "a",
    "factor(a)": "a",
    "as.factor(a)": "a",
    "C(a, contr.treatment('c'))": "c",
    "C(a, contr.treatment(base='c'))": "c",
    "C(a, contr.treatment(base=3))": "c",  # R counts from 1
    "C(a, contr.treatment, base=3)": "c",
    "C(a, Treatment('c'))": "c",
    "C(a, Treatment(reference='c'))": "c",
    "C(a, Treatment(2))": "c",  # patsy counts from 0
    "C(a, ref='c')": "c",
    "C(a, reference='c')": "c",
    "C(a, base='c')": "c",
    "relevel(a, 'c')": "c",
    "relevel(factor(a), ref='c')": "c",
    "relevel(a, ref=3)": "c",
    "factor(a, levels=c('c', 'b', 'a', 'd'))": "c",
    "C(a, levels=['c', 'b', 'a', 'd'])": "c",
    "C(factor(a, levels=c('c', 'b', 'a', 'd')))": "c",
    "C(a, contr.SAS)": "d",
    "C(k, contr.treatment(4))": "2",  # so many levels
    "C(k, contr.treatment(6))": "6",  # which are not so many
    "C(k, contr.treatment(4, 2))": "4",
    "C(k, contr.treatment(4, base=4))": "8",
    "C(k, contr.treatment(base=2))": "4",
    "C(k, contr.treatment, base=8)": "8",  # there is no such place
    "C(k, base=2)": "4",
    "relevel(factor(k), ref=2)": "4",
    "relevel(factor(k), ref='2')": "2",
    "C(k, ref=2)": "2",  # no spelling of R's: a number that is a level is that level
    "C(k, ref=3)": "6",
    "C(k, Treatment(2))": "2",
    "C(k, Treatment(4))": "4",
    "C(k, contr.treatment('4'))": "4",
    "C(k, contr.treatment(base=1))": "2",
}


@pytest.mark.parametrize("term", REFERENCES)
def test_the_reference_is_the_one_that_was_written_and_is_stated(frame, term):
    model = BernoulliLogistic.from_formula(f"y ~ {term} + x", frame)
    column = "k" if "k" in term else "a"
    assert model.reference_levels == {column: REFERENCES[term]}
    assert f"{column}: differences from level {REFERENCES[term]}" in model.facts
    left_out = frame[column].astype(str) == REFERENCES[term]
    assert (model.design[left_out, 1:4] == 0).all()
    assert (model.design[~left_out, 1:4].sum(axis=1) == 1).all()


PLACE = "is taken as the place of its reference, level"
LEVEL = "is taken as the level of that name, not as the place of"


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("relevel(factor(k), ref=2)", f"2 {PLACE} 4; '2' in quotes is the level of that name"),
        ("C(k, contr.treatment(4, base=2))", f"2 {PLACE} 4; '2' in quotes is the level"),
        ("C(k, contr.treatment(4, base=4))", f"4 {PLACE} 8; '4' in quotes is the level"),
        ("C(k, contr.treatment(4))", "4 is taken as the number of its levels; '4' in quotes is"),
        ("C(k, ref=2)", f"2 {LEVEL} 4"),
        ("C(k, Treatment(2))", f"2 {LEVEL} 6"),
        ("C(k, base='2')", ""),
        ("C(k, ref=8)", ""),
        ("relevel(a, ref=2)", ""),
        ("C(a, contr.treatment(4))", ""),
    ],
)
def test_a_number_that_may_be_two_levels_is_said_to_be_which(frame, term, said):
    model = BernoulliLogistic.from_formula(f"y ~ x + {term}", frame)
    found = [fact for fact in model.facts if "taken as" in fact]
    assert len(found) == bool(said)
    assert all(fact.startswith(f"k: {said}") for fact in found)


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("C(a, Sum)", "a: differences from the mean of its levels, that of d left out"),
        ("C(a, Helmert)", "a: each level less the mean of those before it, divided by its place"),
        ("C(k, Poly)", "k: polynomials in the place of its levels, 2, 4, 6, 8"),
        ("ordered(k)", "k: polynomials in the place of its levels, 2, 4, 6, 8"),
        ("C(a, Diff)", "a: each level less the one before it"),
    ],
)
def test_what_the_coefficients_are_is_said(frame, term, said):
    model = BernoulliLogistic.from_formula(f"y ~ x + {term}", frame)
    assert model.reference_levels == {}
    assert any(fact.startswith(said) for fact in model.facts)
    whole = BernoulliLogistic.from_formula(f"y ~ 0 + {term}", frame)
    assert not any(fact.startswith(said[:8]) for fact in whole.facts)  # each level has its own


@pytest.mark.parametrize(
    ("term", "words"),
    [
        ("C(a, contr.treatment('z'))", "'z' is no level of column 'a'; its levels are 'a', 'b'"),
        ("C(a, contr.treatment(base=9))", "9 is no level of column 'a'"),
        ("C(a, Treatment(4))", "4 is no level of column 'a'"),
        ("C(a, levels=['a', 'b'])", "has the level 'c', which levels= leaves out"),
        ("C(a, levels=['a', 'a'])", "names a level twice"),
        ("factor(a, labels=c('u'))", "labels= is no option of it; those are levels"),
        ("C(a, [1, 2])", "contrasts are contr.treatment"),
        ("C(a, contr.none)", "contrasts are contr.treatment"),
        ("C(a, contr.sum(3))", "contrasts of 3 levels do not fit column 'a', which has 4"),
        ("C(a, contr.treatment(3))", "contrasts of 3 levels do not fit column 'a', which has 4"),
        ("C(a, contr.treatment(3, base=2))", "contrasts of 3 levels do not fit column 'a'"),
        ("C(a, contr.sum(x))", "contrasts are contr.treatment"),
        ("C(a, contr.sum, ref='b')", "it names one reference level"),
        ("C(a, ref='b', base='c')", "it names one reference level"),
        ("C(a, contr.treatment(ref='b', reference='c'))", "it names one reference level"),
        ("relevel(a)", "it names one level"),
        ("C(x + a)", "categories are of a column"),
        ("C(log(x))", "categories are of a column"),
        ("C()", "a column comes first"),
        ("factor(levels=c('a'))", "a column comes first"),
    ],
)
def test_what_cannot_be_is_refused_with_the_remedy(frame, term, words):
    with pytest.raises(ValueError, match=words):
        BernoulliLogistic.from_formula(f"y ~ {term}", frame)


def test_an_order_of_levels_of_which_no_use_is_made_is_said(frame):
    frame["my a"] = pd.Categorical(frame["a"], categories=list("dcba"), ordered=True)
    said = "levels are in order, which treatment contrasts make no use of; ordered(`my a`)"
    model = BernoulliLogistic.from_formula("y ~ `my a` + x", frame)
    assert sum(said in fact for fact in model.facts) == 1
    for asked in ("ordered(`my a`)", "C(`my a`, contr.helmert)"):
        assert not any("in order" in fact for fact in _facts(f"y ~ {asked} + x", frame))
    frame["my a"] = frame["my a"].astype(str)  # text has none
    assert not any("in order" in fact for fact in _facts("y ~ `my a` + x", frame))


def _facts(formula, frame):
    return BernoulliLogistic.from_formula(formula, frame).facts
