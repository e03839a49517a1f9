"""A page: its seal, the results in it, and what it shows, read back."""

import pytest

from flatprior.analysis import read_report
from flatprior.analysis.report.page import alike


def test_counts_seeds_and_names_have_no_rounding():
    assert alike("p = 0.0512", "p = 0.05120000001", 1e-6)
    assert not alike("seed 123456789", "seed 123456790", 1e-6)
    assert not alike("# is 1", "1 is #", 1e-6)
    assert not alike("#", "1", 1e-6)
    assert not alike("12000001 observations", "12000000 observations", 1e-6)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<html>",
        '<script id="flatprior-report">{}</script>',
        "{",
        '<script id="flatprior-report">[',
    ],
)
def test_other_files_are_refused(text, tmp_path):
    (tmp_path / "r.html").write_text(text)
    with pytest.raises(ValueError, match="not a report written by flatprior"):
        read_report(tmp_path / "r.html")
