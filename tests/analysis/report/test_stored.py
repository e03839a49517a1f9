"""What was measured on draws, in full as plain values, and back."""

import copy
import dataclasses
import json
import math

import numpy as np
import pytest
from damaged_files import at, numbers_in

from flatprior.analysis.agreement.departures import Sight
from flatprior.analysis.agreement.posterior_check import PosteriorCheck
from flatprior.analysis.report.stored import plain, rebuilt
from flatprior.models.common.arrays import Array

LEFT_OUT = ("departures",)


@dataclasses.dataclass(frozen=True)
class Numbers:
    """Every kind of number that there is."""

    values: Array
    one: float
    n: int
    text: str
    true: bool
    maybe: float | None
    pairs: tuple[float, ...]
    by_name: dict[str, float]


def stored(check: PosteriorCheck):
    return json.loads(json.dumps(plain(check, LEFT_OUT), allow_nan=False))


def again(check: PosteriorCheck, part) -> PosteriorCheck:
    known = {"names": check.names, "departures": check.departures}
    return rebuilt(PosteriorCheck, part, known)


@pytest.fixture(scope="session")
def check(agreement):
    return agreement.posterior_check


def test_what_was_found_on_draws_comes_back_to_the_last_bit_and_concludes_the_same(check):
    part = stored(check)
    found = again(check, part)
    assert stored(found) == part
    for field in dataclasses.fields(check):
        value = getattr(check, field.name)
        if isinstance(value, np.ndarray):
            assert np.array_equal(getattr(found, field.name), value, equal_nan=True)
        elif isinstance(value, float):
            assert repr(getattr(found, field.name)) == repr(value)
    assert np.array_equal(found.mode.coefficients, check.mode.coefficients)
    assert (found.passed, found.failures) == (check.passed, check.failures)
    assert repr(found.claims) == repr(check.claims)  # a claim without a test has p = NaN
    assert rebuilt(Sight, part["sight"], {}).shift(1e-3) == check.sight.shift(1e-3)


def test_nothing_is_proved_of_a_mode_that_came_from_a_file(check):
    mode = again(check, stored(check)).mode
    assert mode.certificate.error_bound == math.inf
    assert not mode.certificate.proves_existence
    assert np.isnan(mode.covariance).all()
    assert math.isnan(mode.log_likelihood)
    part = stored(check)
    part["mode"] = part["mode"][:-1]
    with pytest.raises(ValueError, match="the mode of the draws is damaged"):
        again(check, part)


def test_numbers_that_json_has_not_are_text_and_numbers_again():
    values = np.array([[1.5, math.inf], [-math.inf, math.nan]])
    first = Numbers(values, -math.inf, 3, "inf", True, None, (math.nan, 0.1), {"a": math.inf})
    part = plain(first)
    assert part["values"] == [[1.5, "inf"], ["-inf", "nan"]]
    assert (part["one"], part["text"], part["true"]) == ("-inf", "inf", True)
    found = rebuilt(Numbers, json.loads(json.dumps(part, allow_nan=False)), {})
    assert np.array_equal(found.values, values, equal_nan=True)
    assert (found.one, found.n, found.text, found.true) == (-math.inf, 3, "inf", True)
    assert (found.maybe, found.by_name) == (None, {"a": math.inf})
    assert math.isnan(found.pairs[0])
    assert plain(np.float64(2.5)) == 2.5
    assert plain(np.int64(2)) == 2
    assert type(plain(np.int64(2))) is int


def test_what_is_known_is_taken_from_there_at_any_depth_whatever_is_stored(check):
    part = stored(check)
    part["sight"]["trace_error"] = -1.0
    known = {"names": check.names, "departures": check.departures, "trace_error": 0.25}
    assert rebuilt(PosteriorCheck, part, known).sight.trace_error == 0.25


@pytest.mark.parametrize("wrong", ["1", "infinity", True, {}, {"a": 1}], ids=repr)
def test_no_number_can_be_of_another_kind(wrong, check):
    part = stored(check)
    paths = list(numbers_in(part))
    assert len(paths) > 20
    for path in paths:
        changed = copy.deepcopy(part)
        at(changed, path[:-1])[path[-1]] = wrong
        with pytest.raises(ValueError, match="of the tests of draws is damaged"):
            again(check, changed)


def test_neither_can_a_word_or_a_truth(check):
    for name, wrong in (("route", 1), ("density_source", "hearsay"), ("n_draws", 2.0)):
        with pytest.raises(ValueError, match=f"{name} of the tests of draws is damaged"):
            again(check, stored(check) | {name: wrong})
    part = plain(Numbers(np.zeros(1), 0.0, 1, "a", True, None, (), {}))
    for name, wrong in (("true", 1), ("n", True), ("text", None), ("pairs", "ab")):
        with pytest.raises(ValueError, match=f"{name} of the tests of draws is damaged"):
            rebuilt(Numbers, part | {name: wrong}, {})
