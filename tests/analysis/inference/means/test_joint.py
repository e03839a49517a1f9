"""Joint tests of means against R's emmeans, Wald tests of coefficients, and draws by hand."""

import numpy as np
import pandas as pd
import pytest
from r_values import DATA, NAMES, STORED, r_model, r_table
from scipy.stats import chi2

from flatprior.analysis import marginal_means, robust_covariance, wald_test
from flatprior.analysis.inference.functionals import OfEstimate
from flatprior.analysis.inference.means.contrasts import terms
from flatprior.analysis.inference.means.joint import joint_test
from flatprior.models import BernoulliLogistic, fit_newton, load_births, sample_independence
from flatprior.models.common.errors import PrecisionError
from flatprior.models.covariance.roots import Written

OF_R = [(name, by) for name in NAMES for by in STORED["models"][name]["means"]]
BIRTHS = load_births()
FORMULA = "low ~ race * smoke + age"


@pytest.fixture(scope="module")
def crossed():
    model = BernoulliLogistic.from_formula(FORMULA, BIRTHS)
    return model, fit_newton(model)


@pytest.fixture(scope="module")
def posterior(crossed):
    return sample_independence(crossed[0], draws=400, chains=2, seed=1, progress=False)


def is_as_of_r(ours, theirs, label=None):
    """Statistic, degrees of freedom and p; R's statistic is rounded, its p-value not."""
    label = list(ours.index) if label is None else label
    theirs = theirs.loc[label]
    assert ours["df"].tolist() == theirs["df1"].tolist()
    assert ours["p"].to_numpy() == pytest.approx(theirs["p.value"].to_numpy(), rel=1e-9)
    f = (ours["chi-squared"] / ours["df"]).to_numpy()
    assert f == pytest.approx(theirs["F.ratio"].to_numpy(), abs=5.1e-4)


@pytest.mark.parametrize(("name", "by"), OF_R)
def test_over_a_grid_they_are_those_of_emmeans(name, by):
    model, frame, facts = r_model(name)
    fit, names, r = fit_newton(model), by.split(":"), facts["means"][by]
    means = marginal_means(model, fit, names, frame)
    is_as_of_r(means.joint_tests().table(), r_table(r["joint_tests"]).set_index("model term"))
    is_as_of_r(means.joint_tests("pairwise").table(), r_table(r["joint_pairs"]), ["1"])
    # differences with the reference ask the same
    is_as_of_r(means.joint_tests("reference").table(), r_table(r["joint_pairs"]), ["1"])
    if r["joint_tests_of_means"] is not None:
        means = marginal_means(model, fit, names, frame, "probability")
        theirs = r_table(r["joint_tests_of_means"]).set_index("model term")
        is_as_of_r(means.joint_tests().table(), theirs)
    if len(names) > 1:
        theirs = r_table(r["joint_tests_within"])
        theirs.index = names[1] + " " + theirs[names[1]] + ": " + names[0]
        is_as_of_r(
            marginal_means(model, fit, names, frame).joint_tests(within=names[1]).table(), theirs
        )


def test_an_interaction_is_the_wald_test_of_its_coefficients(crossed):
    model, fit = crossed
    for result in (fit, robust_covariance(model, fit, "HC3")):
        found = marginal_means(model, result, ["race", "smoke"], BIRTHS).joint_tests().table()
        expected = wald_test(model, result, [name for name in model.names if ":" in name])
        assert found.loc["race:smoke"].tolist() == pytest.approx(
            [expected.statistic, expected.df, expected.p], rel=1e-10
        )
    # and one contrast its own test
    alone = marginal_means(model, fit, "smoke", BIRTHS)
    assert alone.joint_tests()["p"].tolist() == pytest.approx(alone.contrasts()["p"], rel=1e-9)
    odds = alone.joint_tests(comparison="odds ratio").table()
    assert odds["p"].tolist() == pytest.approx(alone.contrasts()["p"], rel=1e-9)
    ratio = marginal_means(model, fit, "smoke", BIRTHS, "probability", "rows")
    assert ratio.joint_tests(comparison="ratio")["p"].tolist() == pytest.approx(
        ratio.contrasts(comparison="ratio")["p"], rel=1e-9
    )


def test_what_the_model_does_not_have_has_no_degrees_of_freedom():
    model = BernoulliLogistic.from_formula("low ~ race + smoke + age", BIRTHS)
    fit = fit_newton(model)
    found = marginal_means(model, fit, ["race", "smoke"], BIRTHS).joint_tests().table()
    assert found["df"].tolist() == [2, 1, 0]
    assert np.isnan(found.loc["race:smoke", "p"])
    names = [name for name in model.names if name.startswith("race")]
    assert found.loc["race", "chi-squared"] == pytest.approx(
        wald_test(model, fit, names).statistic, rel=1e-10
    )
    # nor has it among draws
    draws = sample_independence(model, draws=100, chains=2, seed=1, progress=False)
    found = marginal_means(model, draws, ["race", "smoke"], BIRTHS).joint_tests().table()
    assert found["df"].tolist() == [2, 1, 0]
    assert found["contour probability"].isna().tolist() == [False, False, True]


def test_neither_the_choice_of_contrasts_nor_the_coding_matters(crossed):
    model, fit = crossed
    other = BernoulliLogistic.from_formula("low ~ C(race, Sum) * smoke + I(age / 1e5)", BIRTHS)
    means = marginal_means(model, fit, "race", BIRTHS, "probability", "rows")
    expected = means.joint_tests().table().to_numpy()
    of_other = marginal_means(other, fit_newton(other), "race", BIRTHS, "probability", "rows")
    assert of_other.joint_tests().table().to_numpy() == pytest.approx(expected, rel=1e-8)
    rng = np.random.default_rng(1)
    some = rng.normal(size=(4, 3))
    own = means.joint_tests(some - some.mean(axis=1)[:, None]).table()
    assert own.index.tolist() == ["contrasts"]
    assert own.to_numpy() == pytest.approx(expected, rel=1e-9)


def test_of_draws_it_is_the_share_that_is_farther_from_their_mean(crossed, posterior):
    model, _ = crossed
    means = marginal_means(model, posterior, "race", BIRTHS, "probability", "rows")
    draws = means.means.draws
    apart = (draws[..., 1:] - draws[..., :1]).reshape(-1, 2)
    inverse = np.linalg.inv(np.cov(apart, rowvar=False))
    centre = apart.mean(axis=0)
    far = np.einsum("ij,jk,ik->i", apart - centre, inverse, apart - centre)
    found = means.joint_tests().loc["race"]
    assert found["distance"] == pytest.approx(centre @ inverse @ centre, rel=1e-9)
    assert found["contour probability"] == (far >= centre @ inverse @ centre).mean()
    assert means.joint_tests("pairwise").table().to_numpy() == pytest.approx(
        means.joint_tests().table().to_numpy(), rel=1e-9
    )


def test_of_many_rows_draws_say_what_walds_test_does():
    frame = pd.concat([BIRTHS] * 20, ignore_index=True)
    model = BernoulliLogistic.from_formula("low ~ ht + race + age", frame)
    fit = fit_newton(model)
    # a hypothesis near the estimate, so that neither is 0
    draws = sample_independence(model, draws=4000, chains=2, seed=1, progress=False)
    weights = {"some": {"black": 1, "other": -1}, "more": {"other": 1, "white": -0.45}}
    wald, share = (
        marginal_means(model, result, "race", frame).joint_tests(weights).table()
        for result in (fit, draws)
    )
    p = wald["p"].iloc[0]
    assert 0.01 < p < 0.9
    assert share["contour probability"].iloc[0] == pytest.approx(p, abs=0.06)


def test_a_test_of_normal_means_has_its_chi_squared_distribution():
    rng = np.random.default_rng(3)
    root = rng.normal(size=(4, 4))
    pairs = np.array([[1.0, -1, 0, 0], [0, 1, -1, 0], [0, 0, 1, -1], [1, 0, 0, -1]])
    p = []
    for noise in rng.normal(size=(2000, 4)):
        found = joint_test(OfEstimate(root @ noise, np.eye(4), Written(root)), pairs, "pairs")
        assert found["df"] == 3
        assert found["p"] == pytest.approx(chi2.sf(found["chi-squared"], 3), rel=1e-12)
        p.append(found["p"])
    # four binomial standard errors of each: once in 4,000 seeds
    for level in (0.05, 0.25, 0.5, 0.75):
        share = np.mean(np.array(p) < level)
        assert abs(share - level) < 4 * np.sqrt(level * (1 - level) / 2000)


def test_contrasts_of_which_the_data_say_nothing_are_left_out_and_named():
    cells = pd.read_csv(DATA / "empty_cells.csv")
    model = BernoulliLogistic.from_formula("y ~ A * B", cells, aliased="drop")
    means = marginal_means(model, fit_newton(model), ["A", "B"])
    assert means.means.known.sum() == 7
    found = means.joint_tests("pairwise").table()
    assert found["df"].tolist() == [6]
    assert "pairwise contrasts: without contrasts that the data say nothing of" in str(found)
    # all cells of a saturated model alike: nothing but the intercept
    empty = wald_test(model, fit_newton(model), list(model.names[1:]))
    assert found["chi-squared"].tolist() == pytest.approx([empty.statistic], rel=1e-8)


def test_what_cannot_be_tested_together_is_refused(crossed):
    model, fit = crossed
    means = marginal_means(model, fit, ["race", "smoke"], BIRTHS)
    with pytest.raises(ValueError, match="not by 'age'"):
        means.joint_tests(within="age")
    with pytest.raises(ValueError, match="one mean only"):
        means.joint_tests(within=["race", "smoke"])
    with pytest.raises(ValueError, match='method must be "pairwise"'):
        means.joint_tests("all")
    with pytest.raises(ValueError, match="a ratio of log-odds says nothing"):
        means.joint_tests(comparison="ratio")
    with pytest.raises(ValueError, match="has two means"):  # of levels 1 and "1"
        list(terms(pd.Index(["1", "1"], name="v"), ()))
    # two contrasts whose errors are one and the same, and whose values are not
    known = OfEstimate(np.array([1.0, 2.0]), np.array([[1.0], [1.0]]), Written(np.eye(1)))
    with pytest.raises(PrecisionError, match="supports 1 of the 2 contrasts of them together"):
        joint_test(known, np.eye(2), "them")
    lost = OfEstimate(np.ones(2), np.array([[1e13, 1.0], [1e13, 9.0]]), Written(np.eye(2)))
    with pytest.raises(PrecisionError, match="lost to cancellation"):
        joint_test(lost, np.array([[1.0, -1.0]]), "them")
