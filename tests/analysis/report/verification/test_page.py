import pytest
from damaged_files import resealed
from forged_pages import FORGED, FORGED_WITH_DRAWS
from forged_without_mle import FORGED_WITHOUT_MLE

from flatprior.analysis import verify_report


@pytest.mark.usefixtures("made_once")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("one answer; draws", "no answer; draws"),
        ("are each proved to lie", "are all proved to lie"),
        (": the maximum likelihood estimate exists", ": the estimate exists"),
        (
            '<section aria-labelledby="existence">',
            '<p>p = 0.03</p><section aria-labelledby="existence">',
        ),
        ("Made by flatprior.", "Made by nobody."),
        # between comments, one of which begins and one ends as what stands for a table
        ("</main>\n", "<!-- --><p>p=0.03</p><!-- -->\n</main>\n"),
        ("<dd>0.374</dd>", "<dd>0.574</dd>"),
        ('standing look">! look here', 'standing good">✓ passed'),
        ("look here: small sample", "look here: nothing"),
        ("to be too extreme: ", "to be right: "),
        ("One row decides whether", "No row decides whether"),
        (" by the bootstrap", " by the model"),
        ("Most influential rows (Cook&#39;s distance): ", "Most influential rows: none, "),
        ('"sentence">Routes newton and sklearn', '"sentence">Routes newton and nuts'),
        ("draws of independence pass the exact tests of the flat-prior posterior.</p>", "</p>"),
        (
            "<strong>passed</strong>: nothing wrong",
            "<strong>passed</strong>: proved, nothing wrong",
        ),
    ],
)
def test_words_that_are_changed_on_the_page_are_told(old, new, both, comparison, model, tmp_path):
    page, _ = both
    assert old in page
    path = tmp_path / "changed.html"
    path.write_text(resealed(page.replace(old, new, 1)), newline="\n")
    with pytest.raises(ValueError, match=r"of the page|the page"):
        verify_report(model, path, dict(comparison.models))


@pytest.mark.parametrize("what", [*FORGED, *FORGED_WITH_DRAWS])
def test_whatever_is_done_to_a_page_is_told(what, both, comparison, model, tmp_path, made_once):
    page, path = both[0], tmp_path / "forged.html"
    path.write_text(resealed((FORGED | FORGED_WITH_DRAWS)[what](page)), newline="\n")
    with pytest.raises(
        ValueError, match=r"report|page|table|figure|results|draws|nothing gives|is 0"
    ):
        verify_report(model, path, dict(comparison.models))


@pytest.mark.parametrize("what", FORGED_WITHOUT_MLE)
def test_whatever_is_done_to_a_page_without_an_estimate_is_told(
    what, without_mle, separated, tmp_path, made_once
):
    page, path = without_mle[0], tmp_path / "forged.html"
    forged = FORGED_WITHOUT_MLE[what](page)
    assert forged != page
    path.write_text(resealed(forged), newline="\n")
    with pytest.raises(ValueError, match=r"page|table|there is"):
        verify_report(separated, path)
