"""The drawing of the floors: it is of the code as it is, and says all that there is to say."""

import importlib.util
import xml.etree.ElementTree as ET
from itertools import combinations, pairwise
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[1] / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("drawing", DOCS / "draw_architecture.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def text(script):
    return script.draw()


@pytest.fixture(scope="module")
def drawing(text):
    return ET.fromstring(text)  # noqa: S314


def closure(arrows):
    """Every arrow that follows from these."""
    found = set(arrows)
    while more := {(a, d) for a, b in found for c, d in found if b == c} - found:
        found |= more
    return found


def test_the_drawing_is_of_the_code_as_it_is(script, text):
    if script.TARGET.read_text(encoding="utf-8") != text:
        pytest.fail("the code has changed: run python docs/draw_architecture.py")


def named_boxes(drawing):
    """The groups of a box and what is written in it; the others are arrows."""
    return [group for group in drawing.iter(f"{SVG}g") if names_in(group)]


def names_in(box):
    """The lines of the name in a box."""
    return [line.text for line in box.iter(f"{SVG}text") if line.get("class") == "name"]


def test_every_name_fits_its_box(script, drawing):
    for box in named_boxes(drawing):
        room = float(box.find(f"{SVG}rect").get("width")) - 2 * script.PADDING
        assert max(map(len, names_in(box))) * script.BOLD <= room, names_in(box)


def test_every_file_and_folder_is_a_box_and_none_lies_on_another(script, drawing):
    boxes = [r for r in drawing.iter(f"{SVG}rect") if r.get("class") in ("file", "folder")]
    named = ["".join(names_in(box)).rstrip("/") for box in named_boxes(drawing)]
    floors = script.layers().FLOORS.values()
    assert sorted(named) == sorted(name for floor in floors for names in floor for name in names)
    assert len(boxes) == len(named)
    sides = [[float(box.get(side)) for side in ("x", "y", "width", "height")] for box in boxes]
    for (x, y, width, height), (left, top, wide, high) in combinations(sides, 2):
        assert x + width < left or left + wide < x or y + height < top or top + high < y
    assert min(side[0] for side in sides) > 0
    assert max(side[0] + side[2] for side in sides) < script.WIDTH


def test_the_arrows_drawn_say_all_imports_and_no_more(script, drawing):
    house = script.layers()
    there = set()
    for ends in house.arrows():
        (package, height, one), (other_package, depth, other) = map(house.floor_of, ends)
        if package == other_package and one != other and min(height, depth) >= 0:
            there.add((one, other))
    groups = [group.find(f"{SVG}title").text for group in drawing.iter(f"{SVG}g")]
    drawn = {tuple(told.split(" imports ")) for told in groups if " imports " in told}
    assert closure(drawn) == closure(there)
    for arrow in drawn:  # and none of them could be spared
        assert arrow not in closure(drawn - {arrow})


def test_a_reader_who_does_not_see_it_is_told_the_floors(script, drawing):
    assert drawing.get("role") == "img"
    title, told = (drawing.find(f"{SVG}{tag}") for tag in ("title", "desc"))
    assert drawing.get("aria-labelledby").split() == [title.get("id"), told.get("id")]
    for floors in script.layers().FLOORS.values():
        for names in floors:
            assert ", ".join(names) in told.text


def test_it_has_a_dark_theme_and_needs_nothing_else(text):
    assert "prefers-color-scheme: dark" in text
    assert text.count("http") == 1  # the name space
    assert "<script" not in text


def test_centres_are_as_near_as_they_can_be(script):
    # against a search: three boxes, the wanted centres of two in the way of one another
    widths, wanted = [100.0, 60.0, 80.0], [300.0, 290.0, 520.0]
    found = script.spread(wanted, widths)
    gaps = [(a + b) / 2 + script.SEPARATION for a, b in pairwise(widths)]
    assert all(b - a >= gap - 1e-5 for (a, b), gap in zip(pairwise(found), gaps, strict=True))

    def cost(centres):
        return sum((a - b) ** 2 for a, b in zip(centres, wanted, strict=True))

    best = min(
        cost([x, max(x + gaps[0], 290), max(520, x + gaps[0] + gaps[1])])
        for x in (200 + step / 100 for step in range(15_000))
    )
    assert cost(found) == pytest.approx(best, rel=1e-4)
