import json

import pytest
from written_tables import read_text


@pytest.mark.parametrize(
    "facts",
    [
        [{"term": "a", "estimate": 0.25, "std.error": 0.1}, {"term": "b", "estimate": 1.5}],
        {"term": ["a", "b"], "estimate": [0.25, 1.5], "std.error": [0.1, None]},
        {"coefficients": {"a": 0.25, "b": 1.5}, "standard_errors": {"a": 0.1}},
        {"a": {"coef": 0.25, "se": 0.1}, "b": {"coef": 1.5}},
        {"columns": ["coef", "se"], "index": ["a", "b"], "data": [[0.25, 0.1], [1.5, None]]},
    ],
)
def test_json_of_any_layout_is_read_with_its_digits(tmp_path, facts):
    if isinstance(facts, dict) and "columns" not in facts:
        facts = {**facts, "aic": 12.5}
    fit = read_text(tmp_path, json.dumps(facts), ".json")
    assert fit.coefficients == {"a": 0.25, "b": 1.5}
    assert fit.units == {"a": pytest.approx(0.01), "b": pytest.approx(0.1)}
    assert [(each.term, each.quantity, each.value) for each in fit.stated[:1]] == [
        ("a", "standard error", 0.1)
    ]
    if isinstance(facts, dict) and "aic" in facts:
        assert fit.stated[-1].quantity == "AIC"


def test_numbers_by_name_alone_are_coefficients(tmp_path):
    fit = read_text(tmp_path, '{"const": -1.20, "x": 0.123456789012345, "n": 32}', ".json")
    assert fit.coefficients == {"const": -1.2, "x": 0.123456789012345}
    assert fit.units == {}
    assert fit.stated[0].quantity == "n"
