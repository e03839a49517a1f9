"""Cells of variables: which there are, and the rows that stand for them."""

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis import marginal_means
from flatprior.analysis.inference.means.cells import Cells
from flatprior.models import BernoulliLogistic, fit_newton, load_spector


def survey(n=200):
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(
        {
            "age": rng.integers(20, 70, n).astype(float),
            "who": rng.choice(["a", "b", "c"], n),
            "self": rng.random(n) < 0.4,
            "t": rng.uniform(1, 2, n),
        }
    )
    return frame.assign(y=(rng.random(n) < 0.2 + 0.4 * frame["self"]).astype(int))


FRAME = survey()


def test_cells_are_the_products_of_levels_truths_and_given_values():
    model = BernoulliLogistic.from_formula("y ~ age + who + self", FRAME)
    cells = Cells.of(model.encoding, ["who", "self"], {"who": ("a", "c"), "age": 30})
    assert cells.cells == (("a", False), ("a", True), ("c", False), ("c", True))
    assert cells.given == {"age": (30,)}
    assert cells.index.tolist()[1] == ("a", "True")
    assert cells.index.names == ["who", "self"]
    frames = list(cells.frames(FRAME))
    assert all(
        (f["who"] == w).all() and (f["self"] == s).all()
        for f, (w, s) in zip(frames, cells.cells, strict=True)
    )
    assert FRAME["who"].nunique() == 3


def test_the_grid_has_numbers_at_their_means_and_the_offset_at_its_own():
    model = BernoulliLogistic.from_formula("y ~ age + who + self + offset(log(t))", FRAME)
    fit = fit_newton(model)
    found = marginal_means(model, fit, "who", FRAME)
    rows = pd.DataFrame({"age": FRAME["age"].mean(), "self": [False, True]})
    for level in "abc":
        eta = model.design_matrix(rows.assign(who=level)) @ fit.coefficients
        expected = eta.mean() + np.log(FRAME["t"]).mean()
        assert found.table().loc[level, "log-odds"] == pytest.approx(expected, rel=1e-12)
    none = marginal_means(model, fit, "who", FRAME, offset=0).table()["log-odds"]
    difference = found.table()["log-odds"] - none
    assert difference.to_numpy() == pytest.approx(np.full(3, np.log(FRAME["t"]).mean()), rel=1e-12)
    # nothing but levels: no rows are needed
    alone = BernoulliLogistic.from_formula("y ~ who * self", FRAME)
    assert len(marginal_means(alone, fit_newton(alone), "who").table()) == 3
    for given in ({"frequency_weights": "t"}, {"offset": "t"}):
        with pytest.raises(ValueError, match="nothing of rows that an offset or frequency_weig"):
            marginal_means(alone, fit_newton(alone), "who", FRAME, **given)
    with pytest.raises(ValueError, match="the offset must be finite"):
        marginal_means(model, fit, "who", FRAME, offset=np.inf)


def test_one_offset_for_all_rows_takes_the_place_of_theirs():
    model = BernoulliLogistic.from_formula("y ~ age + who", FRAME, offset="t")
    fit = fit_newton(model)
    found = marginal_means(model, fit, "who", FRAME, "probability", "rows", offset=0.5).table()
    eta = model.design_matrix(FRAME.assign(who="b")) @ fit.coefficients + 0.5
    expected = (1 / (1 + np.exp(-eta))).mean()
    assert found.loc["b", "probability"] == pytest.approx(expected, rel=1e-12)


def test_an_offset_that_the_model_has_not_is_said():
    model = BernoulliLogistic.from_formula("y ~ who", FRAME)
    for over in ("grid", "rows"):
        found = marginal_means(model, fit_newton(model), "who", FRAME, over=over, offset=0.5)
        assert "offset 0.5" in " ".join(found.notes)


def test_what_is_compared_is_held_where_one_says():
    model = BernoulliLogistic.from_formula("y ~ I(age > 40) + who", FRAME)
    fit = fit_newton(model)
    with pytest.raises(ValueError, match="the formula compares 'age'"):
        marginal_means(model, fit, "who", FRAME)
    found = marginal_means(model, fit, "who", at={"age": 50}).table()
    row = pd.DataFrame({"age": [50.0], "who": ["c"]})
    expected = (model.design_matrix(row) @ fit.coefficients)[0]
    assert found.loc["c", "log-odds"] == pytest.approx(expected, rel=1e-12)


def test_a_value_that_is_asked_for_twice_is_refused():
    data = load_spector()
    model = BernoulliLogistic.from_formula("grade ~ gpa + psi", data)
    with pytest.raises(ValueError, match=r"at has 3 twice for 'gpa'"):
        marginal_means(model, fit_newton(model), "gpa", data, at={"gpa": [3, 2, 3.0]})


def test_means_of_a_variable_in_an_interaction_are_said_to_depend_on_the_other():
    data = load_spector().assign(high=lambda rows: rows["tuce"] > 21)
    model = BernoulliLogistic.from_formula("grade ~ gpa*C(psi) + high", data)
    fit = fit_newton(model)

    def said(by, **options):
        return "an interaction of" in str(marginal_means(model, fit, by, data, **options))

    found = " ".join(str(marginal_means(model, fit, "psi", data)).split())
    assert "There is an interaction of psi with gpa: how the means differ depends on that" in found
    assert said("psi", over="rows")
    assert not said("high")
    assert not said("psi", at={"gpa": 3.0})
    assert not said(["gpa", "psi"], at={"gpa": [2.5, 3.5]})
    assert said("gpa", at={"gpa": [2.5, 3.5]})
    with pytest.raises(ValueError, match="holds list values"):
        marginal_means(model, fit_newton(model), "gpa", data, at={"gpa": [[3], [2]]})
