import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from flatprior.analysis import average_marginal_effects
from flatprior.analysis.inference import averages, derivatives
from flatprior.analysis.inference.averages import with_constant
from flatprior.models import BernoulliLogistic, fit_newton, sample_independence
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.files import source
from flatprior.models.encoding.formulas import coded

FORMULAS = (
    "y ~ kind + x + place + z",
    "y ~ C(kind, contr.sum) + x * place + z",
    "y ~ kind:x + place * kind + log(z)",
    "y ~ 0 + place + x:z + I(z^2) + told:kind",
    "y ~ kind + poly(x, 2, raw=True) + told + scale(z)",
)


def table(n=300):
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.uniform(1, 3, n)})
    frame["place"] = [f"p{i % 5}" for i in range(n)]
    frame["kind"] = rng.choice(["a", "b", "c"], n)
    frame["told"] = rng.random(n) < 0.5
    return frame.assign(y=(rng.random(n) < expit(frame["x"] / 2)).astype(int))


def pairs_of_designs(model, frame):
    """Of each effect the designs that it is a difference of, written out, and what divides it."""
    for name in model.encoding.parsed.predictors:
        if frame[name].dtype.kind == "f":
            h = 1e-5
            ends = frame[name] + h, frame[name] - h
            yield *(model.design_matrix(frame.assign(**{name: end})) for end in ends), 2 * h
        else:
            every = [
                model.design_matrix(frame.assign(**{name: level}))
                for level in sorted(frame[name].unique().tolist())
            ]
            yield from ((other, every[0], 1.0) for other in every[1:])


def effects_at(pairs, beta):
    return np.array([(expit(a @ beta) - expit(b @ beta)).mean() / by for a, b, by in pairs])


@pytest.mark.parametrize("as_codes", [False, True])
@pytest.mark.parametrize("formula", FORMULAS)
def test_effects_and_their_errors_are_those_of_designs_written_out(monkeypatch, formula, as_codes):
    if as_codes:
        monkeypatch.setattr(coded, "SMALLEST", 1)
        monkeypatch.setattr(coded, "FEW_INDICATORS", 1)
    frame = table()
    model = BernoulliLogistic.from_formula(formula, frame)
    assert isinstance(model.rows.design, Structured) == as_codes
    fit = fit_newton(model)
    found = average_marginal_effects(model, fit, frame).table()
    # in the order of the formula
    order = dict.fromkeys(name.split(":")[0] for name in found.index)
    assert list(order) == list(model.encoding.parsed.predictors)
    pairs, beta, se = list(pairs_of_designs(model, frame)), fit.coefficients, fit.standard_errors
    np.testing.assert_allclose(found["effect"], effects_at(pairs, beta), rtol=1e-6, atol=1e-9)
    steps = 1e-3 * np.diag(se)
    moved = [effects_at(pairs, beta + step) - effects_at(pairs, beta - step) for step in steps]
    jacobian = np.array(moved).T / (2e-3 * se)
    errors = np.sqrt(np.diag(jacobian @ fit.covariance @ jacobian.T))
    np.testing.assert_allclose(found["standard error"], errors, rtol=2e-5)


def test_of_draws_they_are_the_same_in_pieces_of_rows_and_of_draws(monkeypatch):
    frame = table()
    model = BernoulliLogistic.from_formula(FORMULAS[1], frame)
    draws = sample_independence(model, draws=100, seed=1, progress=False)
    whole = average_marginal_effects(model, draws, frame).table()
    monkeypatch.setattr(averages, "BLOCK_ROWS", 60)
    monkeypatch.setattr(averages, "NUMBERS_AT_ONCE", 600)
    pieces = average_marginal_effects(model, draws, frame).table()
    pd.testing.assert_frame_equal(pieces, whole, rtol=1e-10)
    pairs = list(pairs_of_designs(model, frame))
    of_draws = [effects_at(pairs, beta) for beta in draws.draws.reshape(-1, draws.draws.shape[2])]
    np.testing.assert_allclose(whole["effect"], np.mean(of_draws, axis=0), rtol=1e-6)


def test_rows_in_files_are_encoded_once_in_a_pass(tmp_path, monkeypatch):
    frame = table(900)
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=300)
    monkeypatch.setattr(source, "BATCH_ROWS", 300)
    monkeypatch.setattr(source, "FEWEST_ROWS", 300)
    sizes = []
    encoded = derivatives.encoded
    monkeypatch.setattr(derivatives, "encoded", lambda m, f: sizes.append(len(f)) or encoded(m, f))
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ kind + x + place + z")
    fit = fit_newton(model)
    average_marginal_effects(model, fit)  # the covariance is known then
    before, sizes[:] = model.passes, []
    average_marginal_effects(model, fit)
    assert (model.passes - before).number == 1
    # a row for each level, and two for each number, of each of three batches
    assert len(sizes) == 3 * (2 + 2 * 2)
    assert max(sizes) == 5
    # of a product, whose derivative is another number in each row, the batch twice
    sizes.clear()
    product = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ x:z")
    average_marginal_effects(product, fit_newton(product), variables=["x"])
    assert sizes == [300] * 6


def test_columns_that_are_sparse_have_no_constant_of_their_own(monkeypatch):
    monkeypatch.setattr(coded, "SMALLEST", 1)
    monkeypatch.setattr(coded, "FEW_INDICATORS", 1)
    frame = table()
    model = BernoulliLogistic.from_formula("y ~ place:x + kind", frame)
    design = model.rows.design
    assert isinstance(design, Structured)
    # rows that differ in a sparse column, and rows that differ in none
    assert with_constant(design, design[[0, 1]], 1) is None
    same = with_constant(design, design[[0, 0]], 1)
    np.testing.assert_array_equal(np.asarray(same), np.asarray(design))
