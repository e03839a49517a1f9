import os
import threading
import time

import numpy as np
import pytest
from problems import simulated
from processes import printed
from threadpoolctl import threadpool_info, threadpool_limits

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.common.parallel import found_once, one_thread_each, parallel_map
from flatprior.models.rows import PARALLEL


def blas_threads() -> list[int]:
    return [
        library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"
    ]


def test_answers_come_in_the_order_of_the_items():
    with threadpool_limits(2, user_api="blas"):
        assert parallel_map(lambda i: i * i, range(1000)) == [i * i for i in range(1000)]
        assert parallel_map(str, []) == []


@pytest.mark.parametrize("wrong", [0, 1, 2, 3, 50])  # in the first thread or in the second
def test_an_exception_ends_the_work_and_blas_gets_its_threads_back(wrong):
    done = []

    def work(i: int) -> None:
        if i == wrong:
            raise RuntimeError(f"block {i}")
        time.sleep(0.001)
        done.append(i)

    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with pytest.raises(RuntimeError, match=f"block {wrong}"):
            parallel_map(work, range(2000))
        assert blas_threads() == before
    assert len(done) < 1000


def test_blas_has_one_thread_inside_and_its_own_number_after():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with one_thread_each() as allowed, one_thread_each() as again:
            assert allowed == again == max(before)
            assert set(blas_threads()) == {1}
        assert blas_threads() == before


def test_blas_can_be_left_alone():
    with threadpool_limits(2, user_api="blas"):
        before = blas_threads()
        with one_thread_each.left_alone():
            with one_thread_each() as allowed:
                assert allowed == 1
                assert blas_threads() == before
            assert len(set(parallel_map(lambda _: threading.get_ident(), range(50)))) == 1
        with one_thread_each() as allowed, one_thread_each.left_alone():
            assert allowed == max(before)
            assert set(blas_threads()) == {1}
        assert blas_threads() == before


@pytest.mark.parametrize("first_leaves_first", [True, False])
def test_threads_that_overlap_leave_blas_as_it_was(first_leaves_first):
    before = blas_threads()
    both_inside, one_left = threading.Barrier(2, timeout=30), threading.Barrier(2, timeout=30)
    first_inside = threading.Event()

    def work(first: bool) -> None:
        if not first:
            first_inside.wait(30)
        with one_thread_each():
            first_inside.set()
            both_inside.wait()
            if first != first_leaves_first:
                one_left.wait()
        if first == first_leaves_first:
            one_left.wait()

    threads = [threading.Thread(target=work, args=(first,)) for first in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert blas_threads() == before
    with one_thread_each():
        assert set(blas_threads()) == {1}


def test_the_callers_floating_point_errors_are_the_threads():
    with threadpool_limits(2, user_api="blas"):
        with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
            parallel_map(lambda i: np.ones(2) / np.zeros(2), range(4))
        with np.errstate(divide="ignore"):
            assert np.isinf(parallel_map(lambda i: np.ones(2) / np.zeros(2), range(4))).all()


CODE = """
import numpy as np
from problems import simulated
from flatprior.models import BernoulliLogistic, fit_newton
X, y = simulated(300_000, 4, seed=3)
fit = fit_newton(BernoulliLogistic.from_arrays(X, y))
print(fit.coefficients.tobytes().hex(), fit.covariance.tobytes().hex(), fit.log_likelihood)
"""


def test_the_number_of_threads_does_not_change_a_bit():
    assert PARALLEL <= 300_000 * 4
    answers = set()
    for threads in ("1", "2"):
        environment = os.environ | {
            "OPENBLAS_NUM_THREADS": threads,
            "PYTHONPATH": os.path.join(os.path.dirname(__file__), "..", "..", "support"),
        }
        answers.add(printed(CODE, env=environment))
    assert len(answers) == 1


def test_fits_in_several_threads_do_not_disturb_one_another():
    X, y = simulated(300_000, 4, seed=4)
    model = BernoulliLogistic.from_arrays(X, y, copy=False)
    alone = fit_newton(model).coefficients
    found: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: found.append(fit_newton(model).coefficients))
        for _ in range(3)
    ]
    before = blas_threads()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(np.array_equal(coefficients, alone) for coefficients in found)
    assert len(found) == 3
    assert blas_threads() == before


def test_what_is_found_once_is_found_by_two_threads_side_by_side():
    both = threading.Barrier(2, timeout=30)

    class Slow:
        @found_once
        def number(self):
            both.wait()  # until the other object's is being found, too
            return object()

    one, two = Slow(), Slow()
    thread = threading.Thread(target=lambda: two.number)
    thread.start()
    found = one.number
    thread.join()
    assert one.number is found
    assert two.number is not found
