from flatprior.analysis import report_facts
from flatprior.analysis.report.sections.reporting_items import ANSWERS, OF_AUTHORS
from flatprior.models import BernoulliLogistic, load_endometrial

# TRIPOD+AI has 27 items; those in letters have so many parts
PARTS = {3: "abc", 5: "ab", 6: "abc", 8: "abc", 9: "abc", 12: "abcdefg", 18: "abcdef", 20: "abc"}
PARTS |= {23: "ab", 27: "abc"}


def items(facts):
    """The table: what stands where, by item."""
    section = next(s for s in facts["sections"] if s["id"] == "tripod")
    (table,) = section["items"]
    return {row["name"]: row["cells"] for row in table["rows"]}, table


def test_each_answer_stands_in_a_section_that_is_there(facts):
    found, table = items(facts)
    titles = {section["title"] for section in facts["sections"]}
    for _, _, where, _ in found.values():
        assert set(where.split("; ")) <= titles
    assert found["20b"][2] == "Table 1 and odds ratios"
    assert found["22"][2] == "Coefficients"
    assert found["12b"][2] == "Data and model; Table 1 and odds ratios"
    assert "left to the authors: title and abstract (1, 2)" in table["notes"][0]


def test_what_is_not_on_the_page_is_not_said_to_be_answered(facts):
    separated = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    found, _ = items(report_facts(model=separated))
    assert not {"12e", "15", "22", "23a"} & set(found)
    assert {"7", "10", "11", "20b", "21"} <= set(found)
    assert set(found) < set(items(facts)[0])


def test_no_more_is_said_to_be_answered_than_is(facts):
    found, _ = items(facts)
    (methods,) = (s for s in facts["sections"] if s["id"] == "methods")
    assert found["10"][2] == methods["title"]
    assert "of the rarer outcome for each" in methods["items"][0]["text"][0]
    # a model may have no intercept, and a report made in Python no command
    assert found["22"][3].startswith("every coefficient, and the intercept if there is one")
    assert "the command if there was one" in found["18f"][3]
    assert {name for name, cells in found.items() if cells[1] == "whole"} == {
        *("12b", "12e", "13", "21", "22")
    }
    assert {cells[1] for cells in found.values()} == {"whole", "in part"}


def parts_of(numbers):
    """Parts that "5, 12a, 18a to 18c" names."""
    for each in numbers.split(", "):
        first, _, last = each.partition(" to ")
        if first[-1].isdigit():
            for i in range(int(first), int(last or first) + 1):
                yield from (f"{i}{part}" for part in PARTS.get(i, ("",)))
        else:
            yield from (f"{first[:-1]}{chr(c)}" for c in range(ord(first[-1]), ord(each[-1]) + 1))


def test_every_item_of_the_guideline_is_answered_or_left_to_the_authors():
    every = [f"{i}{part}" for i in range(1, 28) for part in PARTS.get(i, ("",))]
    of_authors = [x for said in OF_AUTHORS for x in parts_of(said[said.index("(") + 1 : -1])]
    assert sorted([*(answer.item for answer in ANSWERS), *of_authors]) == sorted(every)
