"""Sums of rows that come in batches are those of the same rows in memory, and so are fits."""

import numpy as np
import pytest
from coded_models import both, held_as_codes, held_sums, survey

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.batches import batch_rows
from flatprior.models.codes.newton import facts_of
from flatprior.models.codes.passes import Cells, SumsInBatches, sums_of
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.files import source
from flatprior.models.routes.newton import converged_mle

FORMULAS = (
    "y ~ x + z + g + h",
    "y ~ 0 + g + h + x",
    "y ~ g",
    "y ~ g * h + x",
    "y ~ x + g + h + b",
    # sum contrasts, products with numbers; without a constant, without a factor
    "y ~ x + C(s, Sum) + h",
    "y ~ x * C(s, Sum) + g:z",
    "y ~ C(s, Sum) * b + x",
    "y ~ x + z:g",
    "y ~ 0 + x:C(s, Sum) + z:h",
    "y ~ 0 + x + g:h:z + s",
)
COLUMNS = ({}, {"frequency_weights": "w", "offset": "o"})


@pytest.fixture(params=FORMULAS)
def formula(request):
    return request.param


def in_batches(tmp_path, monkeypatch, formula, frame, rows=110, codes=True, **columns):
    """The model of a file that is read so many rows at a time."""
    monkeypatch.setattr(source, "BATCH_ROWS", rows)
    path = tmp_path / f"{'codes' if codes else 'written'}.parquet"
    frame.to_parquet(path)
    with held_as_codes(codes):
        model = BernoulliLogistic.from_parquet(path, formula, **columns)
    assert isinstance(model.rows.surveyed.sample.design, Structured) == codes
    return model


@pytest.mark.parametrize("columns", COLUMNS, ids=["plain", "weights and offset"])
def test_score_and_information_are_those_of_the_rows_in_memory(
    tmp_path, monkeypatch, formula, columns
):
    frame = survey(300, seed=1)
    whole = held_sums(both(formula, frame, **columns)[0])
    sums = sums_of(in_batches(tmp_path, monkeypatch, formula, frame, **columns).rows)
    assert isinstance(sums, SumsInBatches)
    assert sums.basis.main == whole.basis.main
    beta = np.random.default_rng(2).normal(size=whole.rows.n_columns) / 2
    # where numbers are centred depends on the sample, and with it our coordinates
    score, information = sums.at(*sums.basis.coordinates(beta))
    again, expected = whole.at(*whole.basis.coordinates(beta))
    assert score.log_likelihood == pytest.approx(again.log_likelihood, rel=1e-13)
    assert (score.odds, score.slope) == pytest.approx((again.odds, again.slope), rel=1e-12)
    assert sums.basis.centre == pytest.approx(whole.basis.centre, abs=1e-12)  # all are drawn here
    for one, two in ((score, again), (information(), expected()), (sums.flat(), whole.flat())):
        for name, value in vars(two).items():
            assert getattr(one, name) == pytest.approx(value, abs=1e-10)
    assert sums.extent == pytest.approx(whole.extent, rel=1e-12)
    assert sums.rows.extent_of_offset == whole.rows.extent_of_offset
    facts = facts_of(sums)
    of_sparse = facts.rows[len(whole.basis.every) :], facts.events[len(whole.basis.every) :]
    if whole.sparse is not None:
        dense = whole.sparse.toarray()
        agree = np.sign(dense) == whole.rows.sign[:, None]
        expected = (dense != 0).sum(axis=0), agree.sum(axis=0)
        for (found,), each in zip(of_sparse, expected, strict=True):
            assert found.tolist() == each.tolist()
        sizes = np.random.default_rng(3).random(dense.shape[1])
        assert sums.fullest_row == whole.fullest_row
        assert sums.largest_in_row(sizes) >= whole.largest_in_row(sizes) * (1 - 1e-15)
        assert sums.largest_in_row(sizes) <= 3 * whole.largest_in_row(sizes)
    else:
        assert of_sparse == ((), ())
    codes = [factor.codes for factor in whole.basis.every]
    sizes = [factor.n_levels for factor in whole.basis.every]
    for each, size, rows, events in zip(codes, sizes, facts.rows, facts.events, strict=False):
        assert rows.tolist() == np.bincount(each, minlength=size)[:size].tolist()
        happened = each[frame["y"] == 1]
        assert events.tolist() == np.bincount(happened, minlength=size)[:size].tolist()
    assert not facts.has_levels_of_one_outcome


def test_a_pass_that_was_the_last_is_not_made_again(tmp_path, monkeypatch):
    sums = sums_of(in_batches(tmp_path, monkeypatch, "y ~ x + g + h", survey(300, seed=3)).rows)
    begun = []
    read = source.Source.read
    monkeypatch.setattr(source.Source, "read", lambda *given: begun.append(given) or read(*given))
    facts_of(sums)
    place = np.zeros(sums.basis.n_levels), np.zeros(len(sums.basis.columns))
    first = sums.at(*place)[0]
    second = sums.at(*place)[0]
    assert first is second
    assert len(begun) == 2


@pytest.mark.parametrize("columns", COLUMNS, ids=["plain", "weights and offset"])
def test_the_fit_is_that_in_memory_and_so_is_the_hash(tmp_path, monkeypatch, formula, columns):
    frame = survey(500, seed=4)
    frame.loc[frame.index[::50], "x"] = np.nan
    frame.loc[3, "g"] = None
    codes, written = both(formula, frame, **columns)
    model, dense = (
        in_batches(tmp_path, monkeypatch, formula, frame, 170, each, **columns)
        for each in (True, False)
    )
    fit, other, third = fit_newton(model), fit_newton(codes), fit_newton(dense)
    assert model.names == codes.names
    assert model.data_hash == codes.data_hash == written.data_hash == dense.data_hash
    for one in (other, third):
        apart = np.abs(fit.coefficients - one.coefficients)
        allowed = (fit.certificate.error_bound + one.certificate.error_bound + 1e-12) * 1.01
        assert (apart <= allowed * one.standard_errors).all()
        assert fit.standard_errors == pytest.approx(one.standard_errors, rel=1e-6)
    assert fit.converged
    assert fit.certificate.error_bound < 1e-8


def test_grouped_counts_and_columns_left_out_likewise(tmp_path, monkeypatch):
    frame = survey(400, seed=5)
    frame["same"] = 2 * frame["z"]
    formula = "cbind(events, trials - events) ~ x + z + same + g + h"
    with held_as_codes(True):
        whole = BernoulliLogistic.from_formula(formula, frame, aliased="drop")
    model = in_batches(tmp_path, monkeypatch, formula, frame, aliased="drop")
    assert model.names == whole.names
    assert model.aliased.names == ("same",)
    assert model.data_hash == whole.data_hash
    assert converged_mle(model).coefficients == pytest.approx(
        converged_mle(whole).coefficients, abs=1e-9
    )


def test_what_needs_columns_finds_them_written_out(tmp_path, monkeypatch):
    frame = survey(300, seed=6)
    model = in_batches(tmp_path, monkeypatch, "y ~ x + g + h", frame)
    whole = both("y ~ x + g + h", frame)[1]
    beta = np.full(whole.n_parameters, 0.1)
    assert model.information(beta) == pytest.approx(whole.information(beta), rel=1e-12)
    assert model.score(beta) == pytest.approx(whole.score(beta), abs=1e-10)
    assert model.rows.extent.columns == pytest.approx(whole.rows.extent.columns)
    assert model.rows.sample(50).design.shape == (50, whole.n_parameters)
    monkeypatch.setattr(batch_rows, "LARGEST_PASS", 100)
    with pytest.raises(ValueError, match="needs the design written out, 300 rows of 7 columns"):
        model.information(beta)
    assert fit_newton(model).converged


def test_cells_wait_for_rows_and_are_counted_once_there_are_enough():
    rng = np.random.default_rng(7)
    one, two = (rng.integers(0, size, 90).astype(np.int32) for size in (20, 9))
    curvature = rng.random(90)
    table = np.zeros((20, 9))
    np.add.at(table, (one, two), curvature)
    parts = [slice(start, start + 15) for start in range(0, 90, 15)]
    found = [Cells.of(one[part], two[part], (20, 9), curvature[part]) for part in parts]
    assert [each.table is None for each in found] == [True] * 6
    together = found[0] + found[1] + found[2]
    assert together.table is not None
    assert not together.place
    rest = found[3] + found[4]
    assert rest.table is None
    for order in (together + (rest + found[5]), (together + rest) + found[5]):
        assert order.counted == pytest.approx(table, abs=1e-13)
    assert found[0].counted.sum() == pytest.approx(curvature[:15].sum())
