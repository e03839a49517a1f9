import math

from flatprior.analysis.auditing.draws.likeness import (
    LESS_LIKELY,
    NAMED,
    Likeness,
    joined,
    likeliest_first,
    named,
)


def of(said, p):
    return Likeness(cause=said, said=said, p=p)


def test_the_simpler_come_first_unless_they_are_much_less_likely():
    # as given, from the simplest on; the second is the likeliest
    found = [of("a", 0.9 / LESS_LIKELY * 0.99), of("b", 0.9), of("c", 0.5), of("d", 1e-9)]
    assert [each.said for each in likeliest_first(found)] == ["b", "c", "a", "d"]
    assert [each.said for each in likeliest_first(reversed(found))] == ["c", "b", "d", "a"]
    assert likeliest_first(()) == []


def test_as_many_are_named_as_are_read_each_with_its_p_value_where_it_has_one():
    found = [of("a", 0.25), of("b", math.nan), *(of(letter, 0.5) for letter in "cdef")]
    said = named(found)
    assert said.startswith("a (p = 0.250), b")
    assert sum(f"{each.said} " in said or f"{each.said}," in said for each in found) == NAMED


def test_causes_are_joined_without_those_that_are_none():
    assert joined("response flipped", "", "prior") == "response flipped and prior"
    assert joined("", "") == ""
