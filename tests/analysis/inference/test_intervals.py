"""Intervals against closed forms, an independent optimiser, published numbers and invariance."""

import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from problems import CASES, DATA, simulated
from scipy.optimize import brentq
from scipy.special import ndtri

from flatprior.analysis import confidence_intervals
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    fit_newton,
    load_endometrial,
    load_spector,
)


def drop(prob):
    return ndtri(0.5 + prob / 2) ** 2 / 2


@pytest.mark.parametrize("prob", [0.8, 0.95, 0.999])
def test_all_events_leave_a_lower_end_in_closed_form(prob):
    # loglik = -n log(1 + exp(-b)), supremum 0
    n = 12
    table = confidence_intervals(
        BernoulliLogistic.from_arrays(np.ones(n), np.ones(n)), prob
    ).table()
    assert list(table.columns) == ["coefficient", f"{50 - 50 * prob:g}%", f"{50 + 50 * prob:g}%"]
    estimate, low, high = table.iloc[0]
    assert (estimate, high) == (math.inf, math.inf)
    assert low == pytest.approx(-math.log(math.expm1(drop(prob) / n)), rel=1e-11)
    mirrored = confidence_intervals(
        BernoulliLogistic.from_arrays(np.ones(n), np.zeros(n)), prob
    ).table()
    assert mirrored.iloc[0].tolist() == pytest.approx([-math.inf, -math.inf, -low], rel=1e-11)


def test_an_empty_cell_in_a_table_agrees_with_its_profile():
    # 7 of 12 events without exposure, 5 of 5 with: the slope goes to infinity
    x = np.repeat([0.0, 0.0, 1.0], [7, 5, 5])
    y = np.repeat([1.0, 0.0, 1.0], [7, 5, 5])
    table = confidence_intervals(BernoulliLogistic.from_arrays(x, y, intercept=True)).table()

    def profile(slope):
        """Maximise over the intercept by its score equation, with scipy alone."""

        def score(a):
            return 7 - 12 / (1 + math.exp(-a)) + 5 - 5 / (1 + math.exp(-a - slope))

        a = brentq(score, -30, 30, xtol=1e-14)
        return (
            7 * -math.log1p(math.exp(-a))
            + 5 * -math.log1p(math.exp(a))
            + 5 * -math.log1p(math.exp(-a - slope))
        )

    supremum = 7 * math.log(7 / 12) + 5 * math.log(5 / 12)
    low = brentq(lambda slope: profile(slope) - supremum + drop(0.95), -5, 5, xtol=1e-13)
    assert table.loc["x1", "2.5%"] == pytest.approx(low, rel=1e-9)
    assert table.loc["x1", "97.5%"] == math.inf
    assert table.loc["const", "coefficient"] == pytest.approx(math.log(7 / 5), rel=1e-13)


@pytest.mark.parametrize("case", ["spector", "lbw_stata", "challenger", "glm2_heart"])
def test_at_each_end_a_refit_with_the_coefficient_held_is_as_unlikely_as_it_should_be(case):
    case = CASES[case]
    X, y, weights = case.frame.to_numpy(dtype=float), case.response, case.weights
    fit = fit_newton(case.model)
    table = confidence_intervals(case.model, 0.9).table()
    for j in range(min(X.shape[1], 3)):
        for end in table.iloc[j, 1:]:
            held = sm.GLM(
                y,
                np.delete(X, j, axis=1),
                family=sm.families.Binomial(),
                offset=end * X[:, j],
                freq_weights=weights,
            ).fit(tol=1e-14)
            assert fit.log_likelihood - held.llf == pytest.approx(drop(0.9), rel=1e-8)


def test_intervals_of_separated_data_are_those_of_huge_but_finite_stand_ins():
    # the supremum over the others is approached with the diverging coefficient held at 40
    data = load_endometrial()
    table = confidence_intervals(BernoulliLogistic.from_formula("HG ~ NV + PI + EH", data)).table()
    assert table.loc["NV", "97.5%"] == math.inf
    rest = BernoulliLogistic.from_formula("HG ~ PI + EH", data, offset=40.0 * data["NV"])
    held = confidence_intervals(rest).table()
    for name in ("PI", "EH", "Intercept"):
        assert table.loc[name].to_numpy() == pytest.approx(held.loc[name].to_numpy(), rel=1e-9)


def test_undetermined_coefficients_have_no_ends():
    table = confidence_intervals(CASES["constant_y"].model).table()
    low, high = table.loc["x1", ["2.5%", "97.5%"]]
    assert (low, high) == (-math.inf, math.inf)
    assert math.isnan(table.loc["x1", "coefficient"])
    assert math.isfinite(table.loc["x0", "2.5%"])


def test_intervals_follow_units_offsets_and_weights():
    X, y = simulated(60, 3, seed=7)
    plain = confidence_intervals(BernoulliLogistic.from_arrays(X, y)).table()
    scaled = confidence_intervals(BernoulliLogistic.from_arrays(X * [1, 1e6, 1], y)).table()
    assert scaled.iloc[1].to_numpy() * 1e6 == pytest.approx(plain.iloc[1].to_numpy(), rel=1e-9)
    moved = confidence_intervals(
        BernoulliLogistic.from_arrays(X, y, offset=np.full(60, 3.0))
    ).table()
    assert moved.iloc[0].to_numpy() + 3 == pytest.approx(plain.iloc[0].to_numpy(), rel=1e-9)
    twice = BernoulliLogistic.from_arrays(np.vstack([X, X]), np.append(y, y))
    weighted = BernoulliLogistic.from_arrays(X, y, frequency_weights=np.full(60, 2))
    assert confidence_intervals(weighted).table().to_numpy() == pytest.approx(
        confidence_intervals(twice).table().to_numpy(), rel=1e-9
    )


def test_wald_intervals_are_those_of_the_summary():
    model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    table = confidence_intervals(model, 0.9, method="wald").table()
    assert list(table.columns) == ["coefficient", "5%", "95%"]
    fit = fit_newton(model)
    assert table["95%"].to_numpy() == pytest.approx(
        fit.coefficients + ndtri(0.95) * fit.standard_errors, rel=1e-14
    )
    with pytest.raises(MLEDoesNotExistError):
        confidence_intervals(CASES["quasi_1d"].model, method="wald")


def test_what_has_no_intervals_is_refused():
    with pytest.raises(MLEDoesNotExistError, match="rank 3, not 4"):
        confidence_intervals(CASES["dup_col"].model)
    with pytest.raises(ValueError, match="prob must lie between 0 and 1"):
        confidence_intervals(CASES["quasi_1d"].model, prob=95)
    with pytest.raises(ValueError, match='method must be "profile" or "wald"'):
        confidence_intervals(CASES["quasi_1d"].model, method="score")


def direct_roots(X, y, weights, j):
    """Ends by Brent's method on refits of statsmodels, without any code of ours."""
    full = sm.GLM(y, X, sm.families.Binomial(), freq_weights=weights)
    fit = full.fit(tol=1e-13, tol_criterion="params")

    def gap(value):
        held = sm.GLM(
            y,
            np.delete(X, j, axis=1),
            family=sm.families.Binomial(),
            offset=value * X[:, j],
            freq_weights=weights,
        )
        return fit.llf - held.fit(tol=1e-13, tol_criterion="params").llf - drop(0.95)

    centre, error = fit.params[j], fit.bse[j]
    return [
        brentq(gap, *sorted((centre + way * 0.5 * error, centre + way * 6 * error)), xtol=1e-13)
        for way in (-1, 1)
    ]


def test_intervals_of_the_budworm_data_are_the_published_ones():
    # Venables and Ripley, MASS: budworm.lg0; the digits that R prints beyond these are those of its
    # interpolation between points of the profile, 8e-5 from the roots
    dead = np.array([1, 4, 9, 13, 18, 20, 0, 2, 6, 10, 12, 16])
    male = np.repeat([1.0, 0.0], 6)
    cells = np.column_stack([1 - male, male, np.tile(np.arange(6.0), 2)])
    X, y = np.repeat(cells, 2, axis=0), np.tile([1, 0], 12)
    weights = np.column_stack([dead, 20 - dead]).ravel()
    keep = weights > 0
    X, y, weights = X[keep], y[keep], weights[keep]
    model = BernoulliLogistic.from_arrays(
        X, y, names=["sexF", "sexM", "ldose"], frequency_weights=weights
    )
    ends = confidence_intervals(model)[["2.5%", "97.5%"]].to_numpy()
    published = [[-4.4581438, -2.613610], [-3.1728745, -1.655117], [0.8228708, 1.339058]]
    assert ends == pytest.approx(np.array(published), abs=1e-4)
    for j in range(3):
        assert ends[j] == pytest.approx(direct_roots(X, y, weights, j), rel=1e-8)


def test_intervals_of_fibrinogen_are_the_published_ones():
    # Collett's erythrocyte sedimentation rates; Hothorn and Everitt, HSAUR3: (0.339, 3.998)
    data = pd.read_csv(DATA / "plasma.csv")
    model = BernoulliLogistic.from_formula("esr ~ fibrinogen", data)
    ends = confidence_intervals(model).loc["fibrinogen", ["2.5%", "97.5%"]].to_numpy()
    assert [f"{end:.3f}" for end in ends] == ["0.339", "3.998"]
    assert [f"{end:.3g}" for end in np.exp(ends)] == ["1.4", "54.5"]
    X = sm.add_constant(data[["fibrinogen"]]).to_numpy()
    roots = direct_roots(X, data["esr"].to_numpy(), None, 1)
    assert ends == pytest.approx(roots, rel=1e-8)


def test_many_rows_have_intervals_too():
    X, y = simulated(20_000, 3, seed=11)
    table = confidence_intervals(BernoulliLogistic.from_arrays(X, y)).table()
    wald = confidence_intervals(BernoulliLogistic.from_arrays(X, y), method="wald").table()
    assert table.to_numpy() == pytest.approx(wald.to_numpy(), abs=2e-3)


def test_intervals_of_named_coefficients_are_those_of_all():
    model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    whole = confidence_intervals(model).table()
    some = confidence_intervals(model, names=["EH", "NV"]).table()
    pd.testing.assert_frame_equal(some, whole.loc[["EH", "NV"]])
    with pytest.raises(ValueError, match="no coefficient 'z'; it has Intercept, NV, PI, EH"):
        confidence_intervals(model, names=["z"])


def test_a_supremum_that_could_not_be_computed_gives_no_interval():
    model = BernoulliLogistic.from_arrays(
        [[1, 0], [1, 0], [1, 1]], [0, 1, 1], offset=[2000.0, 0, 0]
    )
    with pytest.raises(ArithmeticError, match="the offsets leave no curvature"):
        confidence_intervals(model)


def test_an_end_is_found_on_its_own_scale_not_on_that_of_the_standard_error():
    # nearly every outcome is certain from the offset: a standard error of 1e11 and ends at 100; and
    # one value of 1e17 in a column, which alone decides an end near 0
    rng = np.random.default_rng([4, 1])
    x, y = rng.normal(size=40), (rng.random(40) < 0.5).astype(float)
    X = np.column_stack([np.ones(40), x])
    X[7, 1], y[7] = 1e15, 1.0
    offset = 60.0 * (2 * y - 1) + np.linspace(-5, 5, 40)
    for design, beside in ((X, None), (np.column_stack([np.ones(40), x]), offset)):
        model = BernoulliLogistic.from_arrays(design, y, offset=beside)
        top = fit_newton(model).log_likelihood
        for end in confidence_intervals(model, names=["x2"]).iloc[0].tolist()[1:]:
            if math.isfinite(end):
                held = end * design[:, 1] + (0.0 if beside is None else beside)
                rest = BernoulliLogistic.from_arrays(design[:, :1], y, offset=held)
                fallen = top - fit_newton(rest).log_likelihood
                assert fallen == pytest.approx(drop(0.95), rel=1e-6)
