"""A report with everything in it, and one of names that would like to be more than text."""

import pytest
from reports import data, results, students, students_agreement, students_comparison

from flatprior.analysis import report_facts


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
