from dataclasses import replace

import numpy as np
import pytest

from flatprior.analysis.auditing.draws.priors import (
    Prior,
    PriorTerm,
    _log_density,
    prior_of_density,
    prior_of_score,
)

NAMES = ("a", "b", "c")
CENTRED = np.array([[1, 0.4, -2.0], [0, 1, 0], [0, 0, 1]])


@pytest.fixture(scope="module")
def beta():
    rng = np.random.default_rng(1)
    return rng.normal(size=(500, 3)) * [0.3, 1.0, 0.1] + [0.5, -1.0, 0.2]


def normal(x, m, s):
    return -np.square((x - m) / s) / 2


def student(x, nu, m, s):
    return -(nu + 1) / 2 * np.log1p(np.square((x - m) / s) / nu)


def laplace(x, m, s):
    return -np.abs(x - m) / s


@pytest.mark.parametrize(
    ("density", "said"),
    [
        (lambda b: 3.0 + 0 * b[:, 0], "flat"),
        (lambda b: normal(b[:, 1], 0, 2.5), "normal(0, 2.5) on b"),
        (
            lambda b: normal(b, 0, [10, 2.5, 2.5]).sum(1),
            "normal(0, 10) on a, normal(0, 2.5) on b and c",
        ),
        (lambda b: normal(b, [1, 0.5, -1], 3).sum(1), "normal(1, 3) on a, normal(0.5, 3) on b, "),
        (lambda b: student(b[:, 1:], 1, 0, 2.5).sum(1), "Cauchy(0, 2.5) on b and c"),
        (lambda b: student(b, 7, 0, 2.5).sum(1), "Student t(7, 0, 2.5) on a, b and c"),
        (lambda b: laplace(b, 0, 0.75).sum(1), "Laplace(0, 0.75) on a, b and c"),
        (
            lambda b: normal(b[:, 0], 0, 10) + student(b[:, 1:], 3, 0, 1).sum(1),
            "normal(0, 10) on a, Student t(3, 0, 1) on b and c",
        ),
        (
            lambda b: laplace(b[:, 0], 0, 1) + student(b[:, 1], 1, 0, 2),
            "Laplace(0, 1) on a, Cauchy(0, 2) on b",
        ),
        (
            lambda b: normal(b @ CENTRED.T, 0, [1.5, 2, 3]).sum(1),
            "normal(0, 1.5) on a at the means, normal(0, 2) on b, normal(0, 3) on c",
        ),
    ],
)
def test_a_prior_is_read_from_its_density_to_as_many_digits_as_it_is_written_with(
    beta, density, said
):
    others = [(("a at the means", "b", "c"), CENTRED)]
    found = prior_of_density(NAMES, beta, density(beta) - 12.5, 1e-9, others)
    assert found is not None
    assert str(found).startswith(said)
    assert found.exact
    assert found.left <= 1e-9
    assert found.flat == (said == "flat")


@pytest.mark.parametrize(
    "density",
    [
        lambda b: b[:, 0] ** 2,  # a curvature no prior has
        lambda b: -np.exp(b[:, 1]),
        lambda b: -((b[:, 0] * b[:, 1]) ** 2),
        lambda b: np.random.default_rng(2).normal(size=len(b)),
        lambda b: normal(b[:, 1], 0, 2.5) + 1e-6 * np.sin(7 * b[:, 0]),
        lambda b: -(b.sum(1) ** 2),
    ],
)
def test_what_is_no_usual_prior_is_not_called_one(beta, density):
    assert prior_of_density(NAMES, beta, density(beta), 1e-9) is None


def test_few_draws_prove_no_prior(beta):
    few = beta[:59]  # six numbers, ten draws each
    assert prior_of_density(NAMES, few, normal(few, 1, 2).sum(1), 1e-9) is None
    assert prior_of_density(NAMES, beta[:60], normal(beta[:60], 1, 2).sum(1), 1e-9) is not None


@pytest.mark.parametrize("family", ["flat", "normal", "Cauchy", "Laplace", "Student t"])
def test_slopes_and_derivatives_are_those_of_the_log_density(family):
    x, at, h = np.linspace(-3.05, 3, 40), np.array([0.3, 0.2, 1.1]), 1e-6
    freedom = {"Student t": np.exp(1.1), "Cauchy": 1.0}.get(family, np.inf)
    term = PriorTerm(name="x", family=family, location=0.3, scale=np.exp(0.2), freedom=freedom)
    value, derivatives = _log_density(family, x, at)
    above, below = (_log_density(family, x + step, at)[0] for step in (h, -h))
    assert term.slope(x) == pytest.approx((above - below) / (2 * h), abs=1e-8)
    wider, narrower = (replace(term, scale=term.scale * np.exp(step)) for step in (h, -h))
    assert term.slope_by_log_scale(x) == pytest.approx(
        (wider.slope(x) - narrower.slope(x)) / (2 * h), abs=1e-8
    )
    for i in range(2 + (family == "Student t")):
        step = np.zeros(3)
        step[i] = h
        up, down = (_log_density(family, x, at + sign * step)[0] for sign in (1, -1))
        assert derivatives[i] == pytest.approx((up - down) / (2 * h), abs=1e-8)
    assert np.isfinite(value).all()


def gaussian(sd, seed, n=4000):
    """Draws of a normal likelihood times a normal prior, and the likelihood's own score."""
    rng = np.random.default_rng(seed)
    precision, mle = np.array([[9.0, 2, 0], [2, 4, 1], [0, 1, 16]]), np.array([0.5, -1.5, 0.4])
    whole = precision + np.diag([0, sd**-2, sd**-2])
    mean = np.linalg.solve(whole, precision @ mle)
    draws = rng.multivariate_normal(mean, np.linalg.inv(whole), size=(4, n // 4))
    return draws, (mle - draws) @ precision


def test_steins_identity_tells_a_normal_prior_with_an_honest_error():
    z, p = [], []
    for seed in range(40):
        draws, score = gaussian(1.5, seed)
        found = prior_of_score(
            NAMES, np.eye(3), draws, score, draws.mean(axis=(0, 1)), "normal", 63, True, [0]
        )
        assert [term.family for term in found.terms] == ["flat", "normal", "normal"]
        z.append((found.terms[1].scale - 1.5) / found.terms[1].scale_error)
        p.append(found.p)
    # p-values are uniform: of 40 below 0.001 with probability 0.04, and the errors have sd 1
    assert min(p) > 1e-4
    assert 0.3 < np.mean(p) < 0.7
    assert 0.6 < np.std(z) < 1.5
    assert abs(np.mean(z)) < 0.8


def test_a_prior_that_it_is_not_is_rejected():
    draws, score = gaussian(0.3, 1)
    centre = draws.mean(axis=(0, 1))
    right = prior_of_score(NAMES, np.eye(3), draws, score, centre, "normal", 63, True, [0])
    wrong = prior_of_score(NAMES, np.eye(3), draws, score, centre, "Cauchy", 63, True, [0])
    assert right.p > 1e-3 > wrong.p
    assert abs(right.terms[1].scale - 0.3) < 4 * right.terms[1].scale_error
    assert str(right).startswith("normal(0, 0.")
    assert "+-" in str(right)


@pytest.mark.parametrize(
    ("scale", "error", "told"),
    [
        (2.5, 0.5, True),
        (40.0, 400.0, False),
        (1.37253e9, np.nan, False),
        (1.37253e9, np.inf, False),
        (1e3, 1.0, False),
    ],
)
def test_a_scale_whose_error_includes_infinity_is_not_told_from_flat(scale, error, told):
    wide = PriorTerm(name="b", family="normal", scale=scale, scale_error=error)
    prior = Prior(
        terms=(PriorTerm(name="a", family="flat"), wide), transform=np.eye(2), exact=False
    )
    found = prior.told(np.array([0.5, 0.5]))
    assert found.flat is not told
    assert found.terms[1] == (wide if told else PriorTerm(name="b", family="flat"))


def test_numbers_in_words_have_three_digits():
    term = PriorTerm(name="b", family="normal", scale=1234.567, scale_error=432.1)
    assert str(term) == "normal(0, 1230 (+- 400)) on b"
