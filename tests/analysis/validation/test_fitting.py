"""Fits side by side are those that they are alone, whoever does them."""

import numpy as np
import pytest
from problems import simulated
from threadpoolctl import threadpool_limits

from flatprior.analysis.validation import fitting
from flatprior.analysis.validation.fitting import Work, bootstrapped, cross_validated
from flatprior.analysis.validation.resampling import bootstrap_counts
from flatprior.models import BernoulliLogistic, fit_newton


def work_of(n=300, k=4, seed=1, model=None):
    model = model or BernoulliLogistic.from_arrays(*simulated(n, k, seed))
    return Work.of(model, fit_newton(model).coefficients, stratified=False, seed=5)


def numbers(found):
    """All numbers of a result, in one vector."""
    fitted = found.fitted
    parts = [fitted.coefficients, fitted.standard_errors, fitted.error_bounds]
    parts += [part for part in vars(found).values() if isinstance(part, np.ndarray)]
    return np.concatenate([np.ravel(part) for part in parts])


@pytest.mark.parametrize("threads", [1, 3])
def test_the_number_of_threads_changes_no_bit(threads, monkeypatch):
    monkeypatch.setattr(fitting, "MOST_AT_ONCE", 8)
    work = work_of()
    usual = numbers(bootstrapped(work, 40, False)), numbers(cross_validated(work, 10, 2, False))
    with threadpool_limits(limits=threads, user_api="blas"):
        again = numbers(bootstrapped(work, 40, False)), numbers(cross_validated(work, 10, 2, False))
    for one, two in zip(usual, again, strict=True):
        assert np.array_equal(one, two, equal_nan=True)


def test_fewer_samples_are_the_first_of_more():
    work = work_of()
    few, many = bootstrapped(work, 10, False), bootstrapped(work, 90, False)
    assert few.fitted.coefficients == pytest.approx(many.fitted.coefficients[:10], abs=1e-9)
    assert few.test == pytest.approx(many.test[:10], abs=1e-9)


def test_so_many_columns_that_each_fit_is_made_alone_have_the_same_answers(monkeypatch):
    model = BernoulliLogistic.from_arrays(*simulated(200, 3, 2))
    together, alone = work_of(model=model), work_of(model=model)
    object.__setattr__(alone, "side_by_side", None)
    one, two = (bootstrapped(work, 12, False) for work in (together, alone))
    assert one.fitted.coefficients == pytest.approx(two.fitted.coefficients, abs=1e-7)
    assert one.training == pytest.approx(two.training, abs=1e-6)
    X, y = simulated(900, 104, 3, size=0.05)
    wide = work_of(model=BernoulliLogistic.from_arrays(X, y))
    assert wide.side_by_side is None
    found = bootstrapped(wide, 2, False)
    assert found.fitted.error_bounds.max() < 1e-6


def test_each_fit_is_that_of_its_sample():
    work = work_of(n=60, k=3)
    found = bootstrapped(work, 20, False).fitted
    for i, counts in enumerate(bootstrap_counts(work.observations, work.seed, range(20))):
        keep = counts > 0
        model = BernoulliLogistic.from_arrays(
            work.model.design[keep], work.model.response[keep], frequency_weights=counts[keep]
        )
        fit = fit_newton(model)
        apart = np.abs(found.coefficients[i] - fit.coefficients) / fit.standard_errors
        assert apart.max() <= found.error_bounds[i] + fit.certificate.error_bound


def test_an_error_in_a_task_ends_all(monkeypatch):
    work, done = work_of(), []

    def task(number):
        done.append(number)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work.in_tasks(task, list(range(50)), lambda _: 1, "tasks", False)
    assert len(done) < 50
