"""What is doubted, and what it rests on."""

import numpy as np
import pytest

from flatprior.analysis import validate
from flatprior.analysis.report.first import doubts as module
from flatprior.analysis.report.first.doubts import (
    Index,
    bootstrapped,
    doubts_of,
    left_out_slope,
    skill_of,
)
from flatprior.analysis.report.first_screen import first_screen
from flatprior.analysis.report.main_model import reported
from flatprior.models import BernoulliLogistic, load_births

BIRTHS = "low ~ age + lwt + race + smoke + ptl + ht + ui"


def main_of(model):
    return reported(None, None, model=model)


def said_of(main, section):
    return [each.text for each in doubts_of(main) if each.section == section]


def grouped(seed, groups, n=200, spread=0.0):
    """Indicators of groups, and outcomes whose log-odds differ by that much between them."""
    rng = np.random.default_rng(seed)
    group = rng.integers(groups, size=n)
    odds = np.exp(spread * rng.normal(size=groups))[group]
    X = (group[:, None] == np.arange(groups)).astype(float)
    return X, (rng.random(n) < odds / (1 + odds)).astype(float)


@pytest.fixture(scope="module")
def births():
    return main_of(BernoulliLogistic.from_formula(BIRTHS, load_births()))


def test_a_row_that_decides_is_doubted_with_both_intervals(births):
    said = said_of(births, "influence")
    assert said == [
        "One row decides whether the interval of ptl holds 1: odds ratio 1.719 (0.8815 to 3.478); "
        "without row 93 it is 2.299 (1.116 to 4.985)."
    ]
    stand = first_screen(births)["standings"]["influence"]
    assert stand == {"kind": "look", "said": "look here: single rows decide"}


def test_a_skill_whose_interval_holds_0_is_not_shown_to_be_one(births):
    skill, error, low, high = skill_of(births)
    assert low < 0 < skill < high
    assert high - skill == pytest.approx(1.959964 * error, rel=1e-6)
    said = said_of(births, "prediction")[0]
    assert said.startswith("Its probabilities are not shown to be nearer to the outcomes")
    assert f"Brier skill {skill:.3f} ({low:.3f} to {high:.3f})" in said


def test_predictions_are_called_too_extreme_by_the_bootstrap_and_both_slopes_are_said(births):
    slope = bootstrapped(births, "calibration slope")
    table = validate(births.model, 200).table().loc["calibration slope"]
    assert slope == pytest.approx((table["corrected"], table["2.5%"], table["97.5%"]), rel=1e-9)
    (said,) = [each for each in said_of(births, "prediction") if "extreme" in each]
    assert f"calibration slope {slope.value:.3f} by the bootstrap" in said
    assert "which holds 1" in said
    assert "0.641 (0.311 to 0.971) by leave-one-out" in said


def test_a_small_sample_counts_coefficients_beside_the_intercept(births):
    (said,) = [each for each in said_of(births, "coefficients") if "Small sample" in each]
    assert "59 of the rarer outcome for 8 coefficients beside the intercept" in said
    (events,) = [each for each in first_screen(births)["figures"] if each["name"] == "Coefficients"]
    assert events["detail"] == "7.4 of the rarer outcome for each beside the intercept"


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_nothing_is_concluded_from_the_order_of_group_means_without_an_observation(seed):
    X, y = grouped(seed, 6)
    main = main_of(BernoulliLogistic.from_arrays(X, y))
    assert main.of_groups
    assert main.leaves_out
    assert left_out_slope(main) is None
    assert main.curve.outside == 0
    said = " ".join(said_of(main, "prediction"))
    assert "leave-one-out" not in said
    assert "Miscalibrated" not in said
    names = [each["name"] for each in first_screen(main)["figures"]]
    assert "Calibration in the large" not in names
    (area,) = [each for each in first_screen(main)["figures"] if each["name"] == "AUC"]
    assert area["value"] == f"{bootstrapped(main, 'AUC').value:.3f}"
    assert first_screen(main)["predicted"].startswith("Brier skill: each observation")


def test_means_of_groups_are_told_from_other_models_however_they_are_written():
    X, y = grouped(1, 3)
    rng = np.random.default_rng(0)
    both = rng.integers(2, size=200)
    reference = np.column_stack([np.ones(200), X[:, 1:]])
    additive = np.column_stack([reference, both])
    crossed = np.column_stack([additive, X[:, 1:] * both[:, None]])
    of_groups = {
        name: main_of(BernoulliLogistic.from_arrays(each, y)).of_groups
        for name, each in {
            "levels": X,
            "reference": reference,
            "constant": np.ones((200, 1)),
            "additive": additive,
            "crossed": crossed,
            "number": np.column_stack([np.ones(200), rng.normal(size=200)]),
        }.items()
    }
    assert of_groups == {
        **{"levels": True, "reference": True, "constant": True},
        **{"additive": False, "crossed": True, "number": False},
    }


def test_of_a_constant_nothing_is_doubted():
    y = np.repeat([0.0, 1.0], [60, 40])
    main = main_of(BernoulliLogistic.from_arrays(np.ones((100, 1)), y))
    assert doubts_of(main) == []
    skill, error, *_ = skill_of(main)
    assert abs(skill) < 1e-12
    assert error < 1e-9


def test_a_slope_that_the_samples_do_not_tell_is_not_shown():
    # predictions of two groups that are hardly apart: slopes of the samples have no mean
    x = np.tile([0.0, 1.0], 100)
    y = np.tile([0.0, 0.0, 1.0, 1.0], 50)
    y[0] = 1
    main = main_of(BernoulliLogistic.from_arrays(x, y, intercept=True))
    assert bootstrapped(main, "calibration slope") is None
    assert "Calibration slope" not in [each["name"] for each in first_screen(main)["figures"]]


def of_nothing(n, k, seed):
    """Columns that tell nothing of the outcomes."""
    X = np.random.default_rng(seed).normal(size=(n, k))
    return main_of(BernoulliLogistic.from_arrays(X, np.tile([0.0, 1.0], n // 2), intercept=True))


@pytest.mark.parametrize("seed", [1, 2])  # the interval of the slope is below 0 by the first
def test_a_slope_below_0_is_no_extreme_one_but_ranks_the_wrong_way_round(seed):
    main = of_nothing(200, 6, seed)
    _, low, high = left_out_slope(main)
    assert low < 0
    assert (high < 0) == (seed == 1)
    (said,) = [each for each in said_of(main, "prediction") if "calibration slope" in each]
    assert ("ranks the wrong way round: calibration slope -" in said) == (high < 0)
    assert ("too extreme" in said) == (high > 0)
    stand = first_screen(main)["standings"]["prediction"]["said"]
    assert ("ranks the wrong way round" in stand) == (high < 0)
    assert ("too extreme" in stand) == (high > 0)


def test_a_slope_of_the_bootstrap_below_0_ranks_the_wrong_way_round_too(births, monkeypatch):
    monkeypatch.setattr(module, "bootstrapped", lambda main, name: Index(-0.4, -0.7, -0.1))
    (said,) = [each for each in said_of(births, "prediction") if "calibration slope" in each]
    assert said.startswith("Expect predictions of new observations to rank the wrong way round: ")


def test_an_area_whose_interval_holds_a_half_shows_no_order(births):
    main = of_nothing(200, 6, 2)
    _, low, high = module.area_of(main)
    assert low < 0.5 < high
    (said,) = [each for each in said_of(main, "prediction") if "AUC" in each]
    assert said.startswith("It is not shown to rank events above others: AUC 0.506 (0.425 to ")
    assert module.area_of(births).low > 0.5
    assert "AUC" not in " ".join(said_of(births, "prediction"))


def test_an_area_below_a_half_ranks_the_wrong_way_round(births, monkeypatch):
    monkeypatch.setattr(module, "area_of", lambda main: Index(0.4, 0.3, 0.49))
    (said,) = [each for each in said_of(births, "prediction") if "AUC" in each]
    assert said.startswith("It ranks the wrong way round: AUC 0.400 (0.300 to 0.490)")
