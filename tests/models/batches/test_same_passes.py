import numpy as np
import pytest
from places import PLACES, shoppers

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.batches import same_passes
from flatprior.models.batches.same_passes import in_same_passes

FORMULAS = ("bought ~ income", "bought ~ region + age", "bought ~ income + region", "bought ~ age")


def in_files(folder):
    first = PLACES["Parquet"](shoppers(900), folder, FORMULAS[0])
    name = str(folder / "*.parquet")
    return [first, *(BernoulliLogistic.from_parquet(name, each) for each in FORMULAS[1:])]


def fits(models):
    rows = [model.rows for model in models]
    return in_same_passes(rows, [lambda m=model: fit_newton(m) for model in models])


def test_fits_of_the_same_files_take_as_many_passes_as_the_longest_and_are_the_same(tmp_path):
    alone = [fit_newton(model) for model in in_files(tmp_path)]
    found, passes = fits(in_files(tmp_path))
    assert passes.number == max(fit.provenance.passes for fit in alone)
    for one, two in zip(found, alone, strict=True):
        np.testing.assert_array_equal(one.coefficients, two.coefficients)
        np.testing.assert_array_equal(one.covariance, two.covariance)
        assert one.provenance.passes == two.provenance.passes


def test_no_more_than_so_many_are_read_for_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(same_passes, "MOST", 2)
    models = in_files(tmp_path)
    found, passes = fits(models)
    each = [fit.provenance.passes for fit in found]
    assert passes.number == max(each[:2]) + max(each[2:])


def test_rows_in_memory_on_dask_and_of_one_model_are_gone_through_one_by_one(tmp_path):
    memory = PLACES["memory"](shoppers(300), None, FORMULAS[0])
    assert fits([memory, memory])[1] is None
    lazy = [PLACES["Dask"](shoppers(300), None, each) for each in FORMULAS[:2]]
    found, passes = fits([*lazy, memory])
    assert passes.number == sum(fit.provenance.passes for fit in found[:2])
    (read, *_) = in_files(tmp_path)
    found, passes = fits([read, read])
    assert passes.number == sum(fit.provenance.passes for fit in found)


def test_the_first_error_in_order_is_raised_behind_that_of_what_comes_then(tmp_path):
    models = in_files(tmp_path)[:2]

    def fails(number):
        raise ValueError(f"error {number}")

    tasks = [lambda n=number: fails(n) for number in range(2)]
    rows = [model.rows for model in models]
    with pytest.raises(ValueError, match="error 0"):
        in_same_passes(rows, tasks)
    with pytest.raises(ValueError, match="error 7"):
        in_same_passes(rows, tasks, lambda: fails(7))
