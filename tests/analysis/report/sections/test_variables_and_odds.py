import numpy as np
import pandas as pd
from reports import item

from flatprior.analysis import report_facts
from flatprior.analysis.report.writing import render
from flatprior.models import BernoulliLogistic, load_births


def test_table_1_and_the_odds_ratios_come_before_all_else_and_once():
    model = BernoulliLogistic.from_formula("low ~ age + race", load_births())
    facts = report_facts(model=model)
    section = facts["sections"][0]
    assert section["title"] == "Table 1 and odds ratios"
    assert [each["id"] for each in section["items"]] == ["table-1", "odds-ratios"]
    assert (
        item(facts, "odds-ratios")["title"] == "Odds ratios with 95% profile-likelihood intervals"
    )
    page = render(facts)
    assert page.count('id="odds-ratios"') == page.count('id="table-1"') == 1
    at = [page.index(f'id="{each}"') for each in ("verdict", "key-figures", "sections", "doubts")]
    assert [*at, page.index('id="table-1"')] == sorted([*at, page.index('id="table-1"')])


def test_of_many_coefficients_the_doubts_still_come_first():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(rng.normal(size=(900, 40)), columns=[f"x{i}" for i in range(40)])
    y = (rng.random(900) < 1 / (1 + np.exp(-frame["x0"]))).astype(float)
    page = render(report_facts(model=BernoulliLogistic.from_arrays(frame, y, intercept=True)))
    assert page.index('id="doubts"') < page.index('id="odds-ratios"')


def test_counts_of_millions_have_the_width_of_the_page():
    births = load_births()
    for times, beside in ((1, True), (6000, False)):
        births["times"] = times
        model = BernoulliLogistic.from_formula(
            "low ~ lwt + race", births, frequency_weights="times"
        )
        section = report_facts(model=model)["sections"][0]
        assert section["title"] == "Table 1 and odds ratios"
        assert section["pair"] is beside
