"""Section of the items of TRIPOD+AI that a report answers, where it does, and those it cannot.

The items are those of Collins et al. (2024), "TRIPOD+AI statement", BMJ 385, e078378, in few words.
Whether an item is answered follows from what is on the page, not from what could be there.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

import pandas as pd

from flatprior.analysis.report.items import section_of, table_of
from flatprior.analysis.report.page import Facts
from flatprior.models.common.rendering import Rendered
from flatprior.models.common.text import listing

SOURCE = "Collins et al. (2024), BMJ 385, e078378"

COLUMNS = ["asks for", "answered", "where", "what of it"]


@dataclass(frozen=True)
class Answer:
    """An item, what it asks for, which sections or tables give how much of it, and whether all.

    What is said `without` is a table, and what of it is given where that is not there.
    """

    item: str
    asks: str
    where: tuple[str, ...]
    what: str
    whole: bool = False
    without: tuple[str, str] | None = None

    def given(self, there: Container[str]) -> str:
        """How much of it is given by what is there."""
        return self.what if self.without is None or self.without[0] in there else self.without[1]


ANSWERS = (
    Answer("7", "preparation of the data", ("data",), "coding and reference levels, if any"),
    Answer(
        "10",
        "sample size",
        ("methods",),
        "observations of the rarer outcome for each coefficient; no plan of it",
    ),
    Answer("11", "missing data", ("data",), "rows left out: complete cases"),
    Answer("12b", "predictors in the analysis", ("data", "odds-ratios"), "formula and units", True),
    Answer(
        "12c",
        "type of model, building, validation",
        ("methods",),
        "type and terms; the reasons for them are left to the authors",
    ),
    Answer("12e", "measures of performance", ("scores",), "with their definitions", True),
    Answer("13", "class imbalance", ("methods",), "no correction was made", True),
    Answer(
        "15",
        "output of the model",
        ("classification",),
        "probability; classes at a cut of 0.5, without a reason for it",
    ),
    Answer(
        "18f",
        "code",
        ("reproducibility",),
        "versions, hash of the data, the command if there was one; no script",
    ),
    Answer("20a", "flow of participants", ("data",), "only how many rows were left out"),
    Answer(
        "20b",
        "characteristics",
        ("table-1", "odds-ratios"),
        "by outcome; of all how many are at each level; no dates, sites or missing values",
    ),
    Answer("21", "participants and events", ("data",), "in the one analysis", True),
    Answer(
        "22",
        "the full model",
        ("coefficients-table",),
        "every coefficient, and the intercept if there is one; of very many in the copy as CSV",
        True,
    ),
    Answer(
        "23a",
        "performance, with intervals",
        ("indices", "validation"),
        "not by subgroup",
        without=(
            "validation",
            "apparent performance only, on the rows of the fit; not by subgroup",
        ),
    ),
)
# what no analysis of the data can say
OF_AUTHORS = (
    "title and abstract (1, 2)",
    "background and objectives (3, 4)",
    "source, dates, setting, eligibility and treatments (5, 6)",
    "how outcome and predictors were defined and assessed (8, 9)",
    "clusters, updating and evaluation elsewhere (12a, 12d, 12f, 12g, 16, 20c, 23b, 24)",
    "fairness (14)",
    "ethics, funding, interests, protocol, registration and sharing (17, 18a to 18e)",
    "involvement of patients and the public (19)",
    "interpretation, limitations and use (25 to 27)",
)


def reporting_items(sections: Iterable[Facts]) -> Facts:
    """The table of items, by what is in the `sections` before it and after it."""
    titles = _titles(sections)
    rows = {
        each.item: (
            each.asks,
            "whole" if each.whole else "in part",
            _place(each, titles),
            each.given(titles),
        )
        for each in ANSWERS
        if any(name in titles for name in each.where)
    }
    table = Rendered.of(
        pd.DataFrame.from_dict(rows, orient="index", columns=COLUMNS),
        {},
        "Items that this report answers, whole or in part",
        notes=[
            f"not answered by an analysis of data, and left to the authors: {listing(OF_AUTHORS)}",
            f"items and their numbers: {SOURCE}",
        ],
    )
    return section_of(
        "tripod", "For reporting guidelines (TRIPOD+AI)", [table_of("items", table, words=True)]
    )


def _titles(sections: Iterable[Facts]) -> dict[str, str]:
    """By each section, table and figure the title of its section."""
    found = {}
    for section in sections:
        found[section["id"]] = section["title"]
        found |= {item["id"]: section["title"] for item in section["items"] if "id" in item}
    return found


def _place(answer: Answer, titles: Mapping[str, str]) -> str:
    there = dict.fromkeys(titles[name] for name in answer.where if name in titles)
    return "; ".join(there)
