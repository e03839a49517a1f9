import math

import pytest

from flatprior.analysis.report.verification.holding import hold, hold_notes, same_drawing

AGAIN = {
    "n": 32,
    "exists": True,
    "p": 0.0123456789,
    "bound": None,
    "message": "2 routes, p = 0.01235",
    "routes": [{"error_bound": 1e-12, "digits": [11.9, 12.0]}],
}


def held(bounds=0.3, **changed):
    hold("results", AGAIN | changed, AGAIN, bounds)


def test_values_are_held_to_their_rounding():
    held()
    held(p=0.0123456789 * (1 + 1e-13))
    # an error bound is rounding itself
    held(routes=[{"error_bound": 1.2e-12, "digits": [11.8, 12.0]}])
    with pytest.raises(ValueError, match="results routes error_bound is"):
        held(routes=[{"error_bound": 2e-12, "digits": [11.9, 12.0]}])
    held(0.9, routes=[{"error_bound": 2e-12, "digits": [11.9, 12.0]}])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"p": 0.0123456789 * (1 + 1e-4)}, "results p is 0.0123456789, not"),
        ({"p": "0.0123456789"}, "results p is"),
        ({"n": 33}, "results n is 32, not 33"),
        ({"exists": 1}, "results exists is True, not 1"),
        ({"bound": math.inf}, "results bound is None, not"),
        ({"message": "3 routes, p = 0.01235"}, "results message is"),
        ({"routes": []}, "results routes is incomplete"),
        ({"more": 1}, "results has more, which nothing gives"),
    ],
)
def test_what_differs_is_named_with_both_values(changed, said):
    with pytest.raises(ValueError, match=said):
        held(**changed)
    less = {key: value for key, value in AGAIN.items() if key != next(iter(changed))}
    if len(less) < len(AGAIN):
        with pytest.raises(ValueError, match="results is incomplete"):
            hold("results", less, AGAIN, 0.3)


def test_notes_may_stand_in_any_order_and_none_is_left_out_or_added():
    again = ["the sample is small", "2 rows were left out"]
    hold_notes("the table", again[::-1], again, 0.3)
    with pytest.raises(ValueError, match="lacks the note 'the sample is small'"):
        hold_notes("the table", again[1:], again, 0.3)
    with pytest.raises(ValueError, match="a note that nothing gives: all is well"):
        hold_notes("the table", [*again, "all is well"], again, 0.3)
    hold_notes("the table", [*again, "All is well."], again, 0.3, more="all is (well|good)")


DRAWING = (
    '<title id="a">bound 6.5e-13</title><g><path d="M 1.20 30.45" style="opacity: 0.01"/>'
    '<use href="#m1" x="2.50"/><text x="3.10" transform="rotate(-0 3.10 2)">0.01</text></g>'
)


def test_only_places_of_a_drawing_have_rounding():
    moved = DRAWING.replace("1.20", "1.21").replace("2.50", "2.51").replace("-0 3.10", "0 3.11")
    assert same_drawing(DRAWING, moved, 0.011)
    assert not same_drawing(DRAWING, DRAWING.replace("30.45", "30.47"), 0.011)
    for old, new in ((">0.01<", ">0.02<"), ("opacity: 0.01", "opacity: 0"), ("#m1", "#m2")):
        assert not same_drawing(DRAWING, DRAWING.replace(old, new), 1.0, 0.05, 0.3)
    # a bound in the words is rounding itself
    assert same_drawing(DRAWING, DRAWING.replace("6.5e-13", "6.6e-13"), 0.011, of_bounds=0.3)
    assert not same_drawing(DRAWING, DRAWING.replace("6.5e-13", "6.6e-13"), 0.011)
