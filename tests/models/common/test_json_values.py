"""Values from JSON are checked: whatever a file holds, it is a number or an error in words."""

import copy
import json
import math

import numpy as np
import pytest
from damaged_files import numbers_in

from flatprior.models.common.errors import InputError
from flatprior.models.common.json_values import (
    checksum,
    in_short,
    is_whole,
    no_constant,
    number_or_inf,
    numbers_of,
)

FACTS = {
    "names": ["a", "漢"],
    "values": [1.5, -2, 0.1, 1e300, None, True],
    "deeper": {"n": 32, "one": [[1, 2], [3, 4.25]], "": {"x": 0}},
}


def shuffled(part):
    """The same values, the keys of every dictionary in another order."""
    if isinstance(part, dict):
        return {key: shuffled(part[key]) for key in reversed(list(part))}
    return [shuffled(each) for each in part] if isinstance(part, list) else part


def test_a_checksum_knows_neither_the_order_of_keys_nor_the_spelling_of_numbers():
    expected = checksum(FACTS)
    assert len(expected) == 64
    assert checksum(shuffled(FACTS)) == expected
    assert checksum(json.loads(json.dumps(FACTS, indent=3))) == expected
    spelt = json.dumps(FACTS).replace("32", "32.0").replace("1.5", "15e-1").replace("0.1", "0.10")
    assert checksum(json.loads(spelt)) == expected
    assert checksum({**FACTS, "names": ("a", "漢")}) == expected


def test_a_checksum_sees_every_number_key_and_order_of_a_list():
    seen = {checksum(FACTS)}
    paths = list(numbers_in(FACTS))
    assert len(paths) == 10
    for path in paths:
        changed = copy.deepcopy(FACTS)
        part = changed
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = math.nextafter(part[path[-1]], math.inf)
        seen.add(checksum(changed))
    for other in (
        {**FACTS, "names": ["漢", "a"]},
        {**FACTS, "values": [1.5, -2, 0.1, 1e300, None, 1]},  # True is no number
        {**FACTS, "values": [1.5, -2, 0.1, 1e300, 0, True]},
        {**FACTS, "more": None},
        {"facts": FACTS},
    ):
        seen.add(checksum(other))
    assert len(seen) == 1 + 10 + 5
    # whole numbers past the range where doubles tell them apart are not made doubles
    assert checksum([2**53]) != checksum([2**53 + 1])
    assert len(checksum(["\ud800"])) == 64


def test_lists_of_numbers_are_arrays_and_null_is_nan():
    for values in ([], [1, 2.5], [[1, 2], [3, 4]], [[[1.0]]], 3):
        found = numbers_of(values)
        assert found.dtype == float
        assert found.tolist() == values
    assert np.array_equal(numbers_of([1, None]), [1.0, math.nan], equal_nan=True)


@pytest.mark.parametrize(
    "value",
    [
        "1", ["1"], [True], [[1, False]], {"a": 1}, [{}], [[[[1.0]]]], [[1], [1, 2]], [10**400],
    ],
)  # fmt: skip
def test_what_is_no_array_of_numbers_is_an_error(value):
    with pytest.raises((ValueError, OverflowError)):
        numbers_of(value)


@pytest.mark.parametrize("value", ["one", {"a": 1}, [[True]], "\x1b[31m" * 20])
def test_the_error_says_what_is_there_in_one_short_line(value):
    with pytest.raises(InputError, match=r"there is .* where a number must be") as caught:
        numbers_of(value)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 80


def test_whole_numbers_are_integers_of_a_size_that_counts_have():
    assert all(map(is_whole, [0, -1, 1, 2**63 - 1]))
    assert not any(map(is_whole, [True, False, 1.0, "1", None, 2**63, 10**400]))


def test_numbers_too_long_to_print_are_told_by_their_bits():
    assert in_short(2**128) == "a number of 129 bits"
    assert in_short(10**5000).startswith("a number of 16610 bits")  # Python will not print it
    assert in_short(12) == "12"
    assert in_short("x" * 100) == "'" + "x" * 36 + "..."


def test_constants_that_json_has_not_are_refused_and_null_is_infinite():
    for text in ("NaN", "[Infinity]", '{"a": -Infinity}'):
        with pytest.raises(InputError, match="which is not JSON"):
            json.loads(text, parse_constant=no_constant)
    assert number_or_inf(None) == math.inf
    assert number_or_inf(2) == 2.0
    with pytest.raises(InputError):
        number_or_inf("2")
