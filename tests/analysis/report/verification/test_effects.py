"""Figures of effects, of which the reader of a report has no data."""

import re

import pytest
from damaged_files import resealed

from flatprior.analysis import verify_report, write_report
from flatprior.models import BernoulliLogistic, load_births

FORMULA = "low ~ age + lwt + race + smoke + ht + offset(shift)"


@pytest.fixture(scope="module")
def births():
    return load_births().assign(shift=0.1)


@pytest.fixture(scope="module")
def model(births):
    return BernoulliLogistic.from_formula(FORMULA, births)


@pytest.fixture(scope="module")
def page(model, births, tmp_path_factory):
    path = write_report(tmp_path_factory.mktemp("effects") / "r.html", model=model, data=births)
    holes = verify_report(model, path).attrs["not made again"]
    for i in range(1, 5):
        assert f"figure 'effect-{i}' and the numbers in its words" in holes
    return path.read_text(encoding="utf-8")


FIGURE = r'<figure id="{}">.*?</figure>\n'
FORGED = {
    "words where others are held": (r'(<figure id="effect-1">.*?held at )', r"\1all at zero, "),
    "another reference": (r'(<figure id="effect-1">.*?race )white', r"\1black"),
    "another rule": (r"categories at their commonest level", "categories at a level"),
    "another title": (r"Probability by lwt", "Probability caused by lwt"),
    "a claim in the caption": (r"With a band of 95%", "With a certain band of 95%"),
    "a claim in words": (r'(id="effect-2-alt">Probability of the event by \w+: )', r"\1caused: "),
    "one left out": (FIGURE.format("effect-3"), ""),
    "the last left out": (FIGURE.format("effect-4"), ""),
    "one twice": (r'<figure id="(effect-4)(">.*?</figure>\n)', r'<figure id="effect-5\2\g<0>'),
    "more shown than there are": (r"Shown: 4 of 5 variables", "Shown: 4 of 6 variables"),
}


@pytest.mark.parametrize("what", FORGED)
def test_what_follows_from_the_model_is_held_without_the_data(what, page, model, tmp_path):
    path = tmp_path / "forged.html"
    forged, n = re.subn(*FORGED[what], page, count=1, flags=re.DOTALL)
    assert n == 1
    path.write_text(resealed(forged), newline="\n")
    with pytest.raises(ValueError, match=r"the figure 'effect-\d'|one of its figures"):
        verify_report(model, path)


def test_one_variable_has_one_figure(page, model, tmp_path):
    shown = re.findall(r"<strong>(Probability by \w+), the others held\.</strong>", page)
    other = page.replace(shown[1], shown[0])
    assert other != page
    path = tmp_path / "forged.html"
    path.write_text(resealed(other), newline="\n")
    with pytest.raises(ValueError, match="is of no variable, or of one twice"):
        verify_report(model, path)
