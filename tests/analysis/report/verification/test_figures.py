import re

import pytest
from damaged_files import resealed

from flatprior.analysis import verify_report


@pytest.mark.usefixtures("made_once")
def test_a_figure_that_is_changed_is_told(both, comparison, model, tmp_path):
    page, _ = both
    at = page.index('<figure id="agreement-plot">')
    number = re.compile(r"\d+\.\d\d").search(page, at)
    changed = page[: number.start()] + "77.77" + page[number.end() :]
    path = tmp_path / "changed.html"
    path.write_text(resealed(changed), newline="\n")
    with pytest.raises(ValueError, match="figure 'agreement-plot'"):
        verify_report(model, path, dict(comparison.models))


@pytest.mark.usefixtures("made_once")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        (">1e-12<", ">1e-13<"),  # a label of the axis
        ("tolerance 1e-06", "tolerance 1e-03"),
        ("stroke-opacity: 0.25", "stroke-opacity: 0"),
    ],
)
def test_labels_and_looks_of_a_figure_have_no_rounding(old, new, both, comparison, model, tmp_path):
    page, _ = both
    at = page.index(old, page.index('<figure id="agreement-plot">'))
    path = tmp_path / "changed.html"
    path.write_text(resealed(page[:at] + new + page[at + len(old) :]), newline="\n")
    with pytest.raises(ValueError, match="figure 'agreement-plot'"):
        verify_report(model, path, dict(comparison.models))


@pytest.mark.usefixtures("made_once")
@pytest.mark.parametrize("name", ["density-1", "draws-1"])
def test_a_figure_of_draws_that_is_not_there_is_told(name, both, comparison, model, tmp_path):
    page, _ = both
    changed, n = re.subn(rf'<figure id="{name}">\n.*?</figure>\n', "", page, flags=re.DOTALL)
    assert n == 1
    path = tmp_path / "changed.html"
    path.write_text(resealed(changed), newline="\n")
    with pytest.raises(ValueError, match=f"lacks the figure '{name}'"):
        verify_report(model, path, dict(comparison.models))
