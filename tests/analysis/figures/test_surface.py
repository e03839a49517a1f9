"""The surface of the log-likelihood, read back."""

import numpy as np
import pytest
from scipy.stats import chi2

from flatprior.analysis import plot_surface
from flatprior.models import BernoulliLogistic, fit_newton, load_smarket, load_spector


@pytest.mark.parametrize("names", [("Intercept", "gpa"), ("gpa", "psi")])
def test_a_surface_has_its_top_at_the_mle_and_paths_that_end_there(model, fit, names):
    ax = plot_surface(model, names).axes[0]
    j = [fit.names.index(name) for name in names]
    np.testing.assert_allclose(ax.get_lines()[-1].get_xydata()[0], fit.coefficients[j])
    for found in ax.get_lines()[:-1]:
        path = found.get_xydata()
        np.testing.assert_array_equal(path[0], 0)
        if "gradient" not in found.get_label():
            np.testing.assert_allclose(path[-1], fit.coefficients[j], rtol=1e-4)


def test_contours_of_a_surface_are_likelihood_ratio_regions():
    data = load_spector()
    two = BernoulliLogistic.from_formula("grade ~ gpa", data)
    mle = fit_newton(two)
    ax = plot_surface(two, paths={}).axes[0]
    inner = ax.collections[-1]
    for level, p in zip(inner.levels, (0.999, 0.99, 0.9, 0.5), strict=True):
        assert level == pytest.approx(-chi2.ppf(p, 2) / 2)
    for path, level in zip(inner.get_paths(), inner.levels, strict=True):
        points = path.vertices[:: max(1, len(path.vertices) // 40)]
        height = two.log_likelihood(points) - mle.log_likelihood
        np.testing.assert_allclose(height, level, atol=0.06 * abs(level) + 0.03)


def test_a_surface_in_either_order_of_names_is_of_the_same_function():
    two = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    mle = fit_newton(two)
    ax = plot_surface(two, ("gpa", "Intercept"), paths={}).axes[0]
    for path, level in zip(ax.collections[-1].get_paths(), ax.collections[-1].levels, strict=True):
        points = path.vertices[:: max(1, len(path.vertices) // 40)][:, ::-1]
        height = two.log_likelihood(points) - mle.log_likelihood
        np.testing.assert_allclose(height, level, atol=0.06 * abs(level) + 0.03)


def test_a_surface_needs_two_known_coefficients(model):
    with pytest.raises(ValueError, match="two coefficients"):
        plot_surface(BernoulliLogistic.from_arrays([[1.0], [1.0]], [0, 1]))
    with pytest.raises(ValueError, match="no coefficient 'age'"):
        plot_surface(model, ("gpa", "age"))


def test_contour_labels_stand_on_their_contours():
    two = BernoulliLogistic.from_formula("Direction ~ Lag1", load_smarket())
    mle = fit_newton(two)
    ax = plot_surface(two, paths={}).axes[0]
    named = {text.get_text(): text.get_position() for text in ax.texts}
    assert {"50%", "90%", "99%"} <= set(named)
    for name, point in named.items():
        drop = 2 * (mle.log_likelihood - two.log_likelihood(point))
        assert chi2.cdf(drop, 2) == pytest.approx(float(name.rstrip("%")) / 100, abs=0.02)


def test_a_surface_refuses_one_coefficient_twice_and_says_what_did_not_arrive(model):
    with pytest.raises(ValueError, match="twice"):
        plot_surface(model, ("gpa", "gpa"))
    ax = plot_surface(model, paths={"short": [[0.0] * 4, [1.0] * 4]}).axes[0]
    assert ax.get_lines()[0].get_label() == "short (1 step, not there)"


def test_a_surface_of_rows_in_files_is_of_two_coefficients_and_few_passes(tmp_path):
    load_spector().to_parquet(tmp_path / "rows.parquet")
    two, three = (
        BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", formula)
        for formula in ("grade ~ gpa", "grade ~ gpa + psi")
    )
    ax = plot_surface(two).axes[0]
    here = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    found, expected = (
        np.vstack(
            [p.vertices for p in plot_surface(m, paths={}).axes[0].collections[-1].get_paths()]
        )
        for m in (two, here)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert [found.get_label().split(" (")[0] for found in ax.get_lines()] == [
        *("L-BFGS", "Newton", "MLE")
    ]
    np.testing.assert_allclose(
        ax.get_lines()[-1].get_xydata()[0], fit_newton(two).coefficients, rtol=1e-12
    )
    assert two.rows.passes.number < 100
    with pytest.raises(ValueError, match="maximised over the others at 1681 points"):
        plot_surface(three)
