"""What a reader looks for first: Table 1 beside the odds ratios, in the order of the formula."""

from __future__ import annotations

import pandas as pd

from flatprior.analysis.report.items import PROB, section_of
from flatprior.analysis.report.main_model import MainModel
from flatprior.analysis.report.page import Facts
from flatprior.analysis.report.sections.describing import table_1
from flatprior.analysis.report.sections.odds_ratios import odds_ratios
from flatprior.models.common.intervals import percentages

TITLE = "Table 1 and odds ratios"
WIDE = 1_000_000  # observations, whose numbers leave no room beside one another


def variables_and_odds_ratios(main: MainModel) -> Facts:
    """Who was observed, and what each variable does to the odds; side by side where there is room.

    Examples
    --------
    >>> from flatprior.analysis.report.main_model import reported
    >>> from flatprior.analysis.report.sections.variables_and_odds import variables_and_odds_ratios
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> section = variables_and_odds_ratios(reported(None, None, model=model))
    >>> [item["id"] for item in section["items"]]
    ['table-1', 'odds-ratios']
    """
    items = [*table_1(main), odds_ratios(main, *_intervals(main))]
    beside = [item | {"wide": True} if item["kind"] == "table" else item for item in items]
    return section_of("variables", TITLE, beside) | {"pair": main.model.n_observations < WIDE}


def _intervals(main: MainModel) -> tuple[pd.DataFrame, str]:
    """The intervals that hold in smaller samples too, where they were computed; and their kind."""
    if main.profile is not None:
        return main.profile, "profile-likelihood"
    return main.fit.summary(PROB)[["coefficient", *percentages(PROB)]], "Wald"
