"""The verdict on dependent columns held as codes is that on the same columns written out."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from coded_models import held_as_codes, held_sums

from flatprior.models import BernoulliLogistic, check_existence
from flatprior.models.dependence import as_held
from flatprior.models.designs.coded import Structured, as_codes


def one_hot(rng, n=400, levels=(4, 5), separated=False):
    """A model with all levels of factors beside an intercept, as codes and written out."""
    codes = [rng.integers(0, size, n) for size in levels]
    X = np.hstack([np.eye(size)[code] for size, code in zip(levels, codes, strict=True)])
    X = np.column_stack([X, rng.normal(size=n)])
    y = (rng.random(n) < 0.4).astype(float)
    if separated:
        y[codes[0] == 1] = 1.0
    dense = BernoulliLogistic.from_arrays(X, y, intercept=True)
    held = replace(dense.arrays, design=as_codes(dense.design, dense.names), at_first=None)
    return replace(dense, rows=held), dense


@pytest.mark.parametrize("separated", [False, True])
def test_the_verdict_is_that_of_the_matrix_written_out(separated):
    held, dense = one_hot(np.random.default_rng(1), separated=separated)
    one, two = check_existence(held), check_existence(dense)
    assert one.kind == two.kind == "rank deficient"
    assert one.coefficients == two.coefficients
    assert one.coefficients["x10"] == "finite"
    assert one.separated_rows == two.separated_rows
    assert one.n_separated == two.n_separated
    assert bool(one.n_separated) == separated
    for name, terms in two.dependencies.items():
        assert one.dependencies[name] == pytest.approx(terms, abs=1e-12)
    assert one.limit.names == two.limit.names == ("x10",)
    assert one.limit.coefficients == pytest.approx(two.limit.coefficients, rel=1e-9)
    assert one.limit.standard_errors == pytest.approx(two.limit.standard_errors, rel=1e-9)
    assert one.limit.log_likelihood == pytest.approx(two.limit.log_likelihood, rel=1e-12)
    assert one.message.split(";")[-1] == two.message.split(";")[-1]
    assert np.abs(dense.design @ one.direction).max() < 1e-12


def test_the_columns_left_out_are_those_of_the_matrix_written_out():
    held, dense = one_hot(np.random.default_rng(2))
    one, two = held.without_aliased(), dense.without_aliased()
    assert one.aliased.names == two.aliased.names == ("x4", "x9")
    assert held_sums(one).basis.n_levels == 5


def test_nothing_is_written_out(monkeypatch):
    held, _ = one_hot(np.random.default_rng(3))

    def refuse(self):
        raise AssertionError("written out")

    monkeypatch.setattr(type(held.rows.design), "dense", refuse)
    assert check_existence(held, signs=False).kind == "rank deficient"
    assert len(held.without_aliased().names) == 9


def test_factors_within_one_another_are_named_where_nothing_is_written_out(monkeypatch):
    n, size = 3000, 300
    school = np.resize(np.arange(size), n)
    frame = pd.DataFrame(
        {
            "y": np.random.default_rng(0).integers(0, 2, n),
            "district": [f"d{each % 20:02}" for each in school],
            "school": [f"s{each:03}" for each in school],
        }
    )
    with held_as_codes(True):
        model = BernoulliLogistic.from_formula("y ~ district + school", frame)
        reduced = BernoulliLogistic.from_formula("y ~ district + school", frame, aliased="drop")
    monkeypatch.setattr(as_held, "QUICK", 0)
    monkeypatch.setattr(Structured, "dense", None)
    found = check_existence(model)
    assert found.kind == "rank deficient"
    assert "every level of 'school' is in one level of 'district' only" in found.message
    assert "rank 300, not 319" in found.message
    assert len(found.message) < 1200
    assert list(found.dependencies) == list(reduced.aliased.names)
    assert reduced.aliased.names == tuple(f"school[T.s{each}]" for each in range(281, 300))
    of_first = {f"school[T.s{each:03}]" for each in range(0, size, 20)}
    rest = [name for name in model.names[1:] if name not in of_first]
    undetermined = [n for n, said in found.coefficients.items() if said == "undetermined"]
    assert undetermined == rest
    assert len(found.coefficients) == len(model.names)
    assert np.abs(model.rows.design @ found.direction).max() == 0
    assert check_existence(reduced).kind == "overlap"
