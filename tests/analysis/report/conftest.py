"""A report with everything in it, and one of names that would like to be more than text."""

import copy
import json

import pytest
from reports import data, results, students, students_agreement, students_comparison

from flatprior.analysis import report_facts
from flatprior.analysis.report import writing
from flatprior.analysis.report.verification import page as verification_page


@pytest.fixture(scope="session")
def model():
    return students()


@pytest.fixture(scope="session")
def agreement():
    return students_agreement()


@pytest.fixture(scope="session")
def comparison():
    return students_comparison()


@pytest.fixture(scope="session")
def facts(agreement, comparison):
    return report_facts(agreement, comparison, command="flatprior agree data.csv")


@pytest.fixture(scope="session")
def nasty():
    return report_facts(*results(), data=data())


@pytest.fixture
def made_once(monkeypatch):
    """While a report is verified, its sections are made once only of the same results and data."""

    def facts_of(main, report, *, title, instead, verdict):
        has_data = getattr(main, "data", None) is not None
        results = json.dumps(report, sort_keys=True)
        left_out = tuple(sorted(section.__name__ for section in instead))
        key = (main.model.data_hash, has_data, results, title, left_out, str(verdict))
        if key not in MADE:
            MADE[key] = writing.facts_of(
                main, report, title=title, instead=instead, verdict=verdict
            )
        return copy.deepcopy(MADE[key])

    monkeypatch.setattr(verification_page, "facts_of", facts_of)


MADE = {}
