"""Linear programs on sparse matrices come to the verdict of the columns written out."""

from collections import Counter

import numpy as np
import pytest
from coded_models import KINDS, both, drawn_design, held, rare_words, survey
from multiplier import repeated
from scipy.sparse import csr_array

from flatprior.models import check_existence
from flatprior.models.existence import programs
from flatprior.models.existence.levels import separated_by_levels
from flatprior.models.existence.programs import as_sparse, separated_by_programs, too_much


def combinations(seed):
    """A design, and outcomes that a combination of its sparse columns tells where it is not 0."""
    rng = np.random.default_rng(seed)
    design = drawn_design(str(rng.choice(KINDS)), seed, int(rng.integers(60, 200)))
    n, s = design.shape[0], int(rng.integers(3, 9))
    design = design.with_columns(np.setdiff1d(np.arange(design.shape[1]), design.sparse_places))
    words = rng.poisson(rng.choice([0.1, 0.4]), size=(n, s)) * 1.0
    k = design.shape[1]
    eta = words @ rng.integers(-2, 3, s)
    y = np.where(eta > 0, 1.0, np.where(eta < 0, 0.0, rng.integers(0, 2, n)))
    return design.beside(csr_array(words), np.arange(k, k + s)), y


def compare(model, written):
    """Check one verdict; its kind, and whether a program was needed."""
    expected = check_existence(written)
    if separated_by_levels(model) is not None or "separation" not in expected.kind:
        return expected.kind, False
    found = separated_by_programs(model, signs=False)
    assert found.kind == expected.kind
    assert found.separated_rows == expected.separated_rows
    assert found.separated_labels == expected.separated_labels
    finite = {name for name, status in expected.coefficients.items() if status == "finite"}
    assert {name for name, status in found.coefficients.items() if status == "finite"} == finite
    margins = (2 * written.response - 1) * (written.design @ found.direction)
    assert np.array_equal(np.flatnonzero(margins > 1e-9), found.separated_rows)
    one, two = found.limit, expected.limit
    assert one.names == two.names
    assert one.coefficients == pytest.approx(two.coefficients, rel=1e-6, abs=1e-8)
    assert one.log_likelihood == pytest.approx(two.log_likelihood, rel=1e-9, abs=1e-12)
    return expected.kind, True


def test_the_verdict_is_that_of_the_columns_written_out():
    found = Counter(compare(*held(*combinations(seed))) for seed in range(repeated(16)))
    found += Counter(compare(*held(*rare_words(seed))) for seed in range(repeated(4)))
    assert sum(number for (_, tried), number in found.items() if tried) > 5
    assert found["complete separation", True] > 0


def test_a_program_is_asked_where_writing_out_would_take_too_long(monkeypatch):
    models = (held(*combinations(seed))[0] for seed in range(20))
    model = next(model for model in models if separated_by_levels(model) is None)
    assert not too_much(model.rows)
    monkeypatch.setattr(programs, "LARGEST_WORK", 0)
    assert too_much(model.rows)
    assert "separation" in check_existence(model).kind
    monkeypatch.setattr(programs, "MOST_STEPS", 0)
    assert check_existence(model).kind == "undecided"
    written = both("y ~ x + g", survey(100, 1))[1]
    assert not too_much(written.rows)


def test_a_design_is_one_sparse_matrix():
    for kind in KINDS:
        design = drawn_design(kind, 5)
        assert np.array_equal(as_sparse(design).toarray(), design.dense())
