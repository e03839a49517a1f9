"""A report with everything in it, of data whose names would like to be more than text."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from flatprior.analysis import compare_models, compare_routes
from flatprior.analysis.report import writing
from flatprior.analysis.report.main_model import reported
from flatprior.analysis.report.results import results_as_data
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_spector,
    sample_independence,
)

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"
QUOTE = 'x"onload=alert(1)'
DOLLAR = "$a_{b}$ 漢 & {{ 7*7 }}"
NASTY = (SCRIPT, IMAGE, QUOTE, DOLLAR)


@cache
def data() -> pd.DataFrame:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(rng.normal(size=(120, 4)), columns=list(NASTY))
    logit = frame.to_numpy() @ np.array([0.8, -0.5, 0.3, 0.0])
    outcome = rng.random(120) < 1 / (1 + np.exp(-logit))
    frame["y<b>"] = np.where(outcome, "</td>up", "down`")
    frame["place"] = rng.choice(["</script>north", 'so"uth', "<i>west"], 120)
    frame.index = pd.Index([f"<u>{i}" for i in range(120)])
    return frame


@cache
def results():
    """An agreement and a comparison of models whose every name is markup."""
    quoted = " + ".join(f"`{name}`" for name in NASTY)
    models = {
        SCRIPT: BernoulliLogistic.from_formula(f"`y<b>` ~ {quoted} + place", data()),
        QUOTE: BernoulliLogistic.from_formula(f"`y<b>` ~ `{SCRIPT}`", data()),
    }
    model = models[SCRIPT]
    draws = {
        name: sample_independence(each, seed=1, progress=False) for name, each in models.items()
    }
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model), draws[SCRIPT])
    return agreement, compare_models(models, draws)


@cache
def students() -> BernoulliLogistic:
    return BernoulliLogistic.from_formula("grade ~ gpa + tuce + C(psi)", load_spector())


@cache
def students_agreement():
    model = students()
    draws = sample_independence(model, seed=3, progress=False)
    return compare_routes(model, fit_newton(model), fit_sklearn(model), draws)


@cache
def students_comparison():
    small = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    return compare_models({"all": students(), "gpa": small})


def facts_with(*sections, agreement=None, comparison=None, audits=(), model=None, data=None):
    """What `report_facts` gives, with these sections alone and those that a report ends with.

    The figures of the others take most of its time.
    """
    main = reported(agreement, comparison, audits, model, data)
    others = {*writing.SECTIONS, *writing.WITHOUT_MLE}.difference(sections)
    return writing.facts_of(main, results_as_data(main, ""), instead=dict.fromkeys(others))


def item(facts, name):
    found = [i for section in facts["sections"] for i in section["items"] if i.get("id") == name]
    assert len(found) == 1, name
    return found[0]


def column(table, name):
    place = table["columns"].index(name)
    return [row["cells"][place] for row in table["rows"]]


def value_of(table, name):
    return next(row["cells"][0] for row in table["rows"] if row["name"] == name)


@cache
def many_levels() -> BernoulliLogistic:
    """120 levels, each with from 4 to 11 events in 15 rows, and a number: the MLE exists."""
    rows = [(f"h{i:03d}", int(j < 4 + i % 8)) for i in range(120) for j in range(15)]
    frame = pd.DataFrame(rows, columns=["hospital", "y"])
    frame["x"] = np.random.default_rng(5).normal(size=len(frame)).round(3)
    return BernoulliLogistic.from_formula("y ~ x + hospital", frame)


@cache
def many_levels_agreement():
    model = many_levels()
    return compare_routes(model, fit_newton(model), fit_sklearn(model))
