import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from flatprior.analysis import (
    high_dimensional,
    likelihood_ratio_test,
    score_test,
)
from flatprior.analysis.inference.high_dimension.state_evolution import of_signal
from flatprior.models import BernoulliLogistic, fit_newton

N, K = 400, 40


def rows(n=N, k=K, gamma=2.0, intercept=0.5, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, k))
    beta = np.where(np.arange(k) < k // 2, gamma / (k // 2) ** 0.5, 0.0)
    y = rng.random(n) < 1 / (1 + np.exp(-intercept - x @ beta))
    return x, y.astype(float)


def of(x, y, intercept=True, **named):
    model = BernoulliLogistic.from_arrays(x, y, intercept=intercept)
    return high_dimensional(model, fit_newton(model), **named)


def test_numbers_are_those_of_the_equations():
    x, y = rows()
    model = BernoulliLogistic.from_arrays(x, y, intercept=True)
    fit = fit_newton(model)
    found = high_dimensional(model, fit)
    # signal and intercept that it finds are put into the equations the other way round
    center = found.corrected[0] + x.mean(axis=0) @ found.corrected[1:]
    there = of_signal(K / N, found.signal_strength, center)
    assert found.bias_factor == pytest.approx(there.alpha, rel=1e-7)
    assert there.iota == pytest.approx((model.design @ fit.coefficients).mean(), rel=1e-7)
    assert found.likelihood_ratio_factor == pytest.approx(K / N * there.sigma**2 / there.lambda_)
    assert found.corrected[1:] == pytest.approx(fit.coefficients[1:] / there.alpha, rel=1e-7)
    inverse = np.linalg.inv(np.cov(x.T) * (N - 1) / (N - K))  # residual variances of columns
    errors = there.sigma / there.alpha * np.sqrt(np.diag(inverse) / N)
    assert found.standard_errors[1:] == pytest.approx(errors, rel=1e-6)
    assert np.isnan(found.standard_errors[0])
    assert found.residual < 1e-12
    table = found.table()
    assert table["z"].to_numpy()[1:] == pytest.approx(found.corrected[1:] / errors, rel=1e-6)
    assert table["97.5%"].iloc[1] == pytest.approx(
        found.corrected[1] + 1.959964 * errors[0], rel=1e-6
    )


def test_slopes_that_are_0_have_uniform_p_values_and_likelihood_ratios_of_chi_squared():
    # kappa 0.2: by the classical ones a tenth of the slopes of 0 are below 0.05, and more
    p, classical, ratios = [], [], []
    for seed in range(8):
        x, y = rows(300, 60, 5**0.5, 0.0, seed)
        model = BernoulliLogistic.from_arrays(x, y, intercept=True)
        fit = fit_newton(model)
        found = high_dimensional(model, fit)
        p += found.table()["p"].tolist()[31:]
        classical += fit.pvalues[31:].tolist()
        ratios += [
            found.rescaled(likelihood_ratio_test(model, name)).p for name in model.names[58:]
        ]
    assert np.mean(np.array(classical) < 0.05) > 0.09
    assert kstest(p, "uniform").pvalue > 1e-3  # false alarms in 1 of 1,000 runs
    assert kstest(ratios, "uniform").pvalue > 1e-3


def test_a_signal_that_is_known_is_taken():
    found = of(*rows(), signal_strength=2.0)
    assert found.signal_strength == 2.0
    assert not found.signal_is_estimated
    assert "given" in str(found)
    assert of(*rows(), signal_strength=0).bias_factor < found.bias_factor


def test_units_and_origins_of_columns_do_not_matter():
    x, y = rows()
    factor, origin = 10.0 ** (np.arange(K) % 7 - 3), np.linspace(-3, 3, K)
    one, two = of(x, y), of((x + origin) * factor, y)
    assert two.signal_strength == pytest.approx(one.signal_strength, rel=1e-8)
    assert two.corrected[1:] * factor == pytest.approx(one.corrected[1:], rel=1e-8)
    assert two.table()["z"].to_numpy()[1:] == pytest.approx(one.table()["z"].to_numpy()[1:], 1e-8)
    assert two.corrected[0] + origin @ one.corrected[1:] == pytest.approx(one.corrected[0])


def test_the_order_of_rows_and_the_side_of_the_response_do_not_matter():
    x, y = rows()
    one, two, three = of(x, y), of(x[::-1], y[::-1]), of(x, 1 - y)
    assert two.corrected == pytest.approx(one.corrected, rel=1e-8)
    assert three.corrected == pytest.approx(-one.corrected, rel=1e-8)
    assert three.standard_errors[1:] == pytest.approx(one.standard_errors[1:], rel=1e-8)


def test_without_an_intercept_there_are_three_equations():
    x, y = rows(intercept=0.0)
    found = of(x, y, intercept=False)
    there = of_signal(K / N, found.signal_strength)
    assert found.bias_factor == pytest.approx(there.alpha, rel=1e-7)
    assert np.isfinite(found.standard_errors).all()
    assert "intercept" not in str(found)


def test_rows_in_files_have_the_same(tmp_path):
    x, y = rows()
    frame = pd.DataFrame(x, columns=[f"x{j}" for j in range(K)]).assign(y=y.astype(int))
    frame.to_parquet(tmp_path / "rows.parquet")
    formula = "y ~ " + " + ".join(frame.columns[:-1])
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", formula)
    assert not model.rows.resident
    found = high_dimensional(model, fit_newton(model))
    assert found.corrected == pytest.approx(of(x, y).corrected, rel=1e-8)


def test_the_warning_of_many_coefficients_leads_to_it():
    model = BernoulliLogistic.from_arrays(*rows(), intercept=True)
    assert model.warnings[-1].endswith("Gaussian ones high_dimensional(model, fit) corrects both")
    few = BernoulliLogistic.from_arrays(*rows(40, 8, 0.5), intercept=True)
    assert few.warnings[-1].endswith("14516-14525)")  # where it would refuse


def test_what_is_beyond_the_phase_transition_is_refused():
    with pytest.raises(ValueError, match=r"no MLE where the signal strength is 9\.89.*10 is given"):
        of(*rows(), signal_strength=10)
    with pytest.raises(ValueError, match="standard deviation, finite"):
        of(*rows(), signal_strength=float("nan"))
    with pytest.raises(ValueError, match="standard deviation, finite"):
        of(*rows(), signal_strength="2")
    with pytest.raises(ValueError, match="standard deviation, finite"):
        of(*rows(), signal_strength=True)


def refused(match, x, y, intercept=True, **named):
    model = BernoulliLogistic.from_arrays(x, y, intercept=intercept, **named)
    with pytest.raises(ValueError, match=match):
        high_dimensional(model, fit_newton(model))


def test_what_the_theory_does_not_cover_is_refused():
    x, y = rows()
    refused("no offset", x, y, offset=np.linspace(0, 1, N))
    refused("weights", x, y, frequency_weights=np.arange(N) % 2 + 1)
    refused("10 slopes at the least, and there are 9", x[:, :9], y)
    refused("10 slopes at the least, and there are 0", x[:, :0], y)
    refused("columns of mean 0", x + 0.3, y, intercept=False)
    long = x * np.where(np.arange(N) % 2, 1.0, 0.25)[:, None]  # no column has a long tail
    refused("leverages of rows spread", long, y)
    rare = x.copy()
    rare[:, 5] = np.arange(N) % 40 == 0
    refused("variance of x6 is from fewer than 20 rows", rare, y)


def test_a_factor_of_many_levels_is_refused():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"g": rng.choice([f"g{i}" for i in range(40)], N), "x": rng.normal(size=N)}
    )
    frame["y"] = frame.groupby("g").cumcount() % 2  # no level is separated
    model = BernoulliLogistic.from_formula("y ~ g + x", frame)
    with pytest.raises(ValueError, match="join rare levels"):
        high_dimensional(model, fit_newton(model))


def test_other_tests_are_not_rescaled():
    x, y = rows()
    model = BernoulliLogistic.from_arrays(x, y, intercept=True)
    found = high_dimensional(model, fit_newton(model))
    test = likelihood_ratio_test(model, ["x40"])
    assert found.rescaled(test).statistic == test.statistic / found.likelihood_ratio_factor
    assert "divided by" in found.rescaled(test).note
    with pytest.raises(ValueError, match="score test is not rescaled"):
        found.rescaled(score_test(model, "x40"))
    with pytest.raises(ValueError, match="not of 20 of 40"):
        found.rescaled(likelihood_ratio_test(model, list(model.names[21:])))
    with pytest.raises(TypeError, match="likelihood_ratio_test"):
        found.rescaled(3.0)


def test_it_says_what_it_assumes():
    found = of(*rows())
    text = " ".join(str(found).split())
    for said in ("40 slopes on 400 observations (0.1)", "estimated by SLOE", "Gaussian", "chi-squ"):
        assert said in text
    facts = found.to_dict()
    assert facts["coefficients"]["const"]["standard error"] is None
    assert facts["bias_factor"] == found.bias_factor
