import copy

import pytest

from flatprior.analysis import read_report, verify_report, write_report
from flatprior.analysis.report import writing as report
from flatprior.analysis.report.verification import page as verification_page
from flatprior.models import BernoulliLogistic, load_endometrial


@pytest.fixture(scope="session")
def both(agreement, comparison, model, tmp_path_factory):
    """A report with everything in it, as a page and as its results."""
    path = write_report(tmp_path_factory.mktemp("both") / "r.html", agreement, comparison)
    assert len(verify_report(model, path, dict(comparison.models))) == 5
    return path.read_text(), read_report(path)


@pytest.fixture(scope="session")
def separated():
    return BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())


@pytest.fixture(scope="session")
def without_mle(separated, tmp_path_factory):
    """A report of a model without a maximum, as a page and as its results."""
    path = write_report(tmp_path_factory.mktemp("without") / "r.html", model=separated)
    assert verify_report(separated, path).empty
    return path.read_text(), read_report(path)


@pytest.fixture
def made_once(monkeypatch):
    """The sections of that report, which a change of the file does not change, made once only."""

    def facts_of(main, *given, **options):
        whose = main.model.data_hash
        if whose not in MADE:
            MADE[whose] = report.facts_of(main, *given, **options)
        return copy.deepcopy(MADE[whose])

    monkeypatch.setattr(verification_page, "facts_of", facts_of)


MADE = {}
