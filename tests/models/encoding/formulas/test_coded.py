"""A formula's factors as codes: what formulaic writes out, in names, columns and new rows."""

import numpy as np
import pandas as pd
import pytest
from coded_formulas import FORMULAS, NEW, drawn_formula
from coded_models import both, held_as_codes, survey
from formulaic import model_matrix
from multiplier import repeated

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.common.errors import FlatpriorError, InputError
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.formulas import coded


@pytest.mark.parametrize("formula", FORMULAS)
def test_all_that_a_model_says_is_what_it_says_written_out(formula):
    model, written = both(formula, survey(150, seed=1))
    assert model.names == written.names
    assert np.array_equal(model.design, written.design)
    assert model.data_hash == written.data_hash
    assert model.facts == written.facts
    assert model.reference_levels == written.reference_levels
    assert model.warnings == written.warnings
    assert repr(model) == repr(written)
    assert np.array_equal(model.design_matrix(NEW), written.design_matrix(NEW))
    assert (model.n_rows, model.n_parameters) == written.design.shape
    assert model.rows.design.shape == written.design.shape


@pytest.mark.parametrize("formula", [f for f, spelt_alike in FORMULAS.items() if spelt_alike])
def test_columns_are_those_of_formulaic(formula):
    frame = survey(150, seed=2)
    model = both(formula, frame)[0]
    theirs = model_matrix(formula.split("~")[1], frame)
    assert model.design == pytest.approx(theirs.to_numpy(dtype=float), abs=1e-12)
    assert np.asarray(model.rows.design).shape == theirs.shape


@pytest.mark.parametrize(
    "columns",
    [
        {"offset": "o"},
        {"frequency_weights": "w"},
        {"offset": "o", "frequency_weights": "w"},
    ],
    ids=["offset", "weights", "both"],
)
def test_offsets_and_weights_are_beside_it(columns):
    model, written = both("y ~ x + g * h", survey(150, seed=3), **columns)
    assert model.data_hash == written.data_hash
    assert model.facts == written.facts
    beta = np.linspace(-0.3, 0.3, model.n_parameters)
    assert model.log_likelihood(beta) == pytest.approx(written.log_likelihood(beta), rel=1e-13)


def test_grouped_counts_are_on_the_left():
    model, written = both("cbind(events, trials - events) ~ x + g + h", survey(80, seed=4))
    assert model.names == written.names
    assert model.data_hash == written.data_hash
    assert model.n_observations == written.n_observations > 80
    assert np.array_equal(model.design, written.design)


def test_categories_keep_their_order_and_rows_that_are_missing_go():
    frame = survey(150, seed=5)
    frame["g"] = pd.Categorical(frame["g"], ["red", "green", "blue", "amber", "unseen"])
    frame.loc[3, "g"] = None
    frame.loc[7, "x"] = np.nan
    model, written = both("y ~ x + g", frame)
    assert model.names == written.names
    assert model.names[1:4] != written.names[:3]
    assert model.n_dropped == written.n_dropped == 2
    assert model.data_hash == written.data_hash
    assert np.array_equal(model.design, written.design)
    # categories of new rows may stand in another order
    new = NEW.assign(g=pd.Categorical(NEW["g"], ["amber", "green", "red"]))
    assert np.array_equal(model.design_matrix(new), written.design_matrix(new))


def test_new_rows_are_told_what_is_wrong_in_the_same_words():
    model, written = both("y ~ x + g:h", survey(100, seed=6))
    for wrong in (
        NEW.assign(g="purple"),
        NEW.drop(columns="h"),
        NEW.assign(x=np.nan),
        NEW.assign(x="text"),
    ):
        said = []
        for each in (model, written):
            with pytest.raises(InputError) as error:
                each.design_matrix(wrong)
            said.append(str(error.value))
        assert said[0] == said[1]


def held(formula, frame):
    model = BernoulliLogistic.from_formula(formula, frame)
    return isinstance(model.rows.design, Structured)


@pytest.mark.parametrize("seed", range(repeated(12)))
def test_any_formula_is_what_it_is_written_out(seed):
    rng = np.random.default_rng(seed)
    frame = survey(80, seed=seed)
    formula = drawn_formula(rng)
    model, written = both(formula, frame)
    assert model.names == written.names, formula
    assert np.array_equal(model.design, written.design), formula
    assert model.data_hash == written.data_hash
    assert model.facts == written.facts
    assert model.reference_levels == written.reference_levels
    assert np.array_equal(model.design_matrix(NEW), written.design_matrix(NEW))


def test_products_with_numbers_are_not_written_out():
    n, size = 400, 40
    frame = survey(n, seed=9)
    frame["s"] = pd.Categorical.from_codes(np.arange(n) % size, [f"s{i:02}" for i in range(size)])
    with held_as_codes(True):
        design = BernoulliLogistic.from_formula("y ~ s * x + s:poly(z, 2)", frame).rows.design
    assert design.shape == (n, 1 + 1 + (size - 1) + (size - 1) + 2 * size)
    assert design.numbers.shape == (n, 2)
    assert design.sparse.shape == (n, (size - 1) + 2 * size)
    assert design.sparse.nnz <= 3 * n
    assert design.sparse.has_canonical_format
    assert design.sparse.data.all()


def test_sum_contrasts_are_known_as_those_of_a_factor():
    frame = survey(200, seed=11)
    with held_as_codes(True):
        model = BernoulliLogistic.from_formula("y ~ x + C(s, contr.sum) + C(g, Sum):x + h", frame)
    design = model.rows.design
    (factor,) = design.contrasted
    assert (factor.name, factor.columns.tolist()) == ("C(s)", [*range(2, 11), -1])
    assert [model.names[j] for j in factor.columns[:-1]] == [f"C(s)[S.s{i}]" for i in range(9)]
    # what is selected of the rows and columns is what it was
    part = design[np.arange(0, 200, 3)]
    assert np.array_equal(part.contrasted[0].codes, factor.codes[::3])
    again = design[:50].followed_by(design[50:])
    assert np.array_equal(again.contrasted[0].codes, factor.codes)
    assert np.array_equal(again.dense(), design.dense())
    k = design.shape[1]
    kept = design.with_columns(np.delete(np.arange(k), [11, 12]))
    assert kept.contrasted[0].columns.tolist() == factor.columns.tolist()
    assert design.with_columns(np.delete(np.arange(k), 3)).contrasted == ()
    ahead = design.behind_ones()
    assert ahead.contrasted[0].columns.tolist() == [*range(3, 12), -1]
    coded = design.with_indicators()
    assert coded.shape == design.shape
    level = np.asarray(coded)[:, factor.columns[:-1]]
    last = (factor.codes == 9)[:, None]
    assert np.array_equal(model.design[:, factor.columns[:-1]], np.where(last, -1.0, level))


def test_numbers_that_are_none_are_told_in_the_same_words():
    frame = survey(100, seed=10)
    for formula, x in (
        ("y ~ log(x):g + h", [-1.0]),
        ("y ~ h + g:log(x) + log(x)", [0.0]),
        ("y ~ g:x:z", [1e70]),
        ("y ~ g:exp(x) + x", [800.0]),
    ):
        said = []
        for codes in (True, False):
            with held_as_codes(codes), pytest.raises(FlatpriorError) as error:
                BernoulliLogistic.from_formula(
                    formula, frame.assign(x=np.resize([*x, *[2.0] * 99], 100), z=frame["z"] * 1e70)
                )
            said.append(str(error.value))
        assert said[0] == said[1]


def test_which_formulas_become_codes():
    frame = survey(150, seed=7)
    with held_as_codes(True):
        assert held("y ~ x + g", frame)
        assert not held("y ~ x + z", frame)  # no category
        assert held("y ~ x:g", frame)
        assert held("y ~ C(s, contr.sum)", frame)
        assert held("y ~ C(s, contr.poly) + h", frame)
        assert not held("y ~ C(s, contr.poly) + x", frame)  # no indicators
        assert not held("y ~ C(g, contr.sum) + x", frame)  # few zeros
        assert not held("y ~ C(s, contr.helmert):x + h", frame)  # rounded in another order
    with held_as_codes(False):
        assert not held("y ~ x + g", frame)
    assert not held("y ~ x + g", frame)  # too small to pay


def test_they_become_codes_where_that_is_faster(monkeypatch):
    frame = survey(150, seed=8)
    monkeypatch.setattr(coded, "FEW_INDICATORS", 7)
    monkeypatch.setattr(coded, "SMALLEST", 7 * 150)
    assert held("y ~ g + h", frame)
    assert not held("y ~ g + h", frame[:149])
    assert not held("y ~ g", frame)
    assert held("y ~ g:h", frame)


def test_a_category_of_one_level_is_told_in_the_same_words():
    frame = survey(100, seed=12).assign(b="only")
    for formula in ("y ~ g + b", "y ~ g * x + b:x", "y ~ C(s, Sum) + C(b, Sum)"):
        with held_as_codes(True), pytest.raises(InputError, match="column 'b' has one level only"):
            BernoulliLogistic.from_formula(formula, frame)


def test_too_many_columns_are_refused_in_words():
    n = 900
    frame = pd.DataFrame({"y": np.resize([0, 1], n), "x": np.arange(n) * 1.0})
    for name in "gh":
        levels = np.array([f"{name}{i}" for i in range(300)], dtype=object)
        frame[name] = np.resize(levels, n)
    with held_as_codes(True), pytest.raises(InputError, match="too many for a design matrix"):
        BernoulliLogistic.from_formula("y ~ x + g:h", frame)


@pytest.mark.parametrize(
    ("formula", "left_out"),
    [
        ("y ~ x + g * h", ("g[T.c]:h[T.r]",)),
        ("y ~ z * g * h", ("g[T.c]:h[T.r]", "z:g[T.c]:h[T.r]")),
        ("y ~ h + g:h:z + x", ("g[c]:h[r]:z",)),
    ],
)
def test_a_column_left_out_of_codes_is_the_one_left_out_of_columns(formula, left_out):
    rng, n = np.random.default_rng(0), 500
    frame = pd.DataFrame({"g": rng.choice(list("abc"), n), "h": rng.choice(list("pqr"), n)})
    frame["x"], frame["z"] = rng.normal(size=(2, n))
    frame["y"] = rng.integers(0, 2, n)
    frame.loc[(frame["g"] == "c") & (frame["h"] == "r"), "h"] = "q"  # a cell that is empty
    held, written = both(formula, frame, aliased="drop")
    assert held.aliased.names == written.aliased.names == left_out
    assert held.names == written.names
    assert held.data_hash == written.data_hash
    assert np.array_equal(held.design, written.design)
    one, two = fit_newton(held), fit_newton(written)
    assert np.allclose(one.coefficients, two.coefficients, rtol=1e-9)
    assert np.allclose(one.standard_errors, two.standard_errors, rtol=1e-6)
    new = frame[:40].drop(columns="y")
    assert np.array_equal(held.design_matrix(new), written.design_matrix(new))
    new = new.assign(g="c", h="r")
    assert np.isnan(held.design_matrix(new)).all()
    assert np.isnan(written.design_matrix(new)).all()
