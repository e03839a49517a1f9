import pytest

from flatprior.analysis import read_report, verify_report, write_report
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
