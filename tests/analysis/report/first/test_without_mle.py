import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy.stats import chi2

from flatprior.analysis import report_facts, verify_report, write_report
from flatprior.analysis.report.page import sealed
from flatprior.analysis.report.writing import render
from flatprior.models import BernoulliLogistic, load_births, load_endometrial

FRAME = load_endometrial()


@pytest.fixture(scope="module")
def model():
    return BernoulliLogistic.from_formula("HG ~ NV + PI + EH", FRAME)


@pytest.fixture(scope="module")
def separated(model):
    return report_facts(model=model)


@pytest.fixture(scope="module")
def dependent():
    births = load_births().assign(other=lambda d: (d["race"] == "other").astype(int))
    formula = "low ~ lwt + C(race) + smoke + other"
    return report_facts(model=BernoulliLogistic.from_formula(formula, births))


def shown(facts):
    return {each["name"]: each for each in facts["first"]["figures"]}


def test_key_figures_are_suprema_that_the_rows_left_have(separated):
    """Statsmodels fits the rows that are not separated, and a constant."""
    left = FRAME[FRAME["NV"] == 0]
    supremum = sm.Logit(left["HG"], sm.add_constant(left[["PI", "EH"]])).fit(disp=0).llf
    null = sm.Logit(FRAME["HG"], np.ones(len(FRAME))).fit(disp=0).llf
    found = shown(separated)
    figure = found["Supremum of log-likelihood"]
    assert (figure["value"], figure["detail"]) == (f"{supremum:.2f}", f"of a constant {null:.2f}")
    ratio = 2 * (supremum - null)
    p = float(found["All slopes 0?"]["value"].removeprefix("p = "))
    assert p == pytest.approx(chi2.sf(ratio, 3), rel=5e-3)
    assert found["All slopes 0?"]["detail"].endswith(f"chi-squared(3) = {ratio:.2f}")
    assert found["Odds ratio, NV"]["value"] == "at least 3.61"
    assert found["Separated rows"]["value"] == "13"


def test_of_dependent_columns_the_rank_counts(dependent):
    births = load_births()
    model = BernoulliLogistic.from_formula("low ~ lwt + C(race) + smoke", births)
    fit = sm.Logit(model.response, model.design).fit(disp=0)
    found = shown(dependent)
    assert found["Maximum of log-likelihood"]["value"] == f"{fit.llf:.2f}"
    assert found["All slopes 0?"]["detail"].endswith(f"chi-squared(4) = {fit.llr:.2f}")
    assert found["Coefficients"]["detail"].startswith("of rank 5; ")
    said = " ".join(each["text"] for each in dependent["first"]["doubts"])
    assert "C(race)[T.other], other depend on which column it left out" in said


def test_sections_stand_and_doubts_lead_to_them(separated, dependent):
    for facts in (separated, dependent):
        ids = {section["id"] for section in facts["sections"]}
        assert {each["section"] for each in facts["first"]["doubts"]} <= ids
        assert set(facts["first"]["standings"]) == {"data", "existence", "claims"}
        assert facts["first"]["standings"]["existence"]["kind"] == "failed"
    named = [each["name"] for each in separated["first"]["claims"]]
    assert named == ["What can still be claimed", "Next"]
    page = render(separated)
    box = page[page.index('class="verdict') : page.index('id="key-figures"')]
    assert "NV = 1 occurs only among HG = 1" in box
    assert "infinity" not in box


def test_the_first_screen_is_made_again_when_a_report_is_verified(model, tmp_path):
    path = write_report(tmp_path / "report.html", model=model)
    verify_report(model, path)
    page = path.read_text(encoding="utf-8")
    for old, new in (
        ("at least 3.61 (95%", "at least 7.61 (95%"),
        ("<dd>13<", "<dd>3<"),
        ("✗ no: quasi-complete separation", "✓ proved"),
    ):
        assert old in page
        path.write_text(sealed(page.replace(old, new)), encoding="utf-8", newline="\n")
        with pytest.raises(ValueError, match="other words"):
            verify_report(model, path)


def test_a_sample_that_is_large_is_not_called_small():
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=400), "rare": (np.arange(400) < 5).astype(int)})
    frame["y"] = ((rng.random(400) < 0.5) | (frame["rare"] == 1)).astype(int)
    facts = report_facts(model=BernoulliLogistic.from_formula("y ~ x + rare", frame))
    assert facts["first"]["sentence"].startswith("rare = 1 occurs only among y = 1")
    assert "small sample" not in [each["short"] for each in facts["first"]["doubts"]]
