import json

import numpy as np
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from flatprior.analysis.auditing.audit import audit
from flatprior.analysis.auditing.stored import audit_again, stored_audit
from flatprior.models import BernoulliLogistic, load_spector

DATA = load_spector()
MODEL = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", DATA)
X, Y = DATA[["gpa", "tuce", "psi"]], DATA["grade"]


def audits():
    yield audit(smf.logit("grade ~ gpa + tuce + psi", DATA).fit(disp=0, cov_type="HC0"), MODEL)
    yield audit(sm.Probit(Y, sm.add_constant(X)).fit(disp=0), MODEL)
    yield audit(LogisticRegression(class_weight="balanced").fit(X, Y), MODEL)
    yield audit(LogisticRegression().fit(X[:-1], Y[:-1]), X[:-1], Y[:-1])
    yield audit(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), X, Y)
    yield audit({"const": -13.02, "gpa": 2.83, "tuce": 0.0952, "psi": 2.38}, MODEL)


def test_what_is_stored_is_judged_alike_again():
    for found in audits():
        facts = json.loads(json.dumps(stored_audit(found), allow_nan=False))
        again = audit_again(found.model, facts)
        assert again.message == found.message
        assert again.passed == found.passed
        assert stored_audit(again) == stored_audit(found)


def test_what_is_changed_is_judged_otherwise():
    found = next(audits())
    facts = stored_audit(found)
    facts["fit"]["coefficients"][1] *= 1.01
    assert not audit_again(MODEL, facts).passed
    facts = stored_audit(found)
    facts["fit"]["stated"][0]["value"] *= 1.01
    assert len(audit_again(MODEL, facts).off) == 1


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("coefficients", ["1", 2, 3, 4]),
        ("coefficients", [True, 2, 3, 4]),
        ("coefficients", [1.0]),
        ("names", ["a", "a", "b", "c"]),
    ],
)
def test_damaged_facts_are_refused(part, value):
    facts = stored_audit(next(audits()))
    facts["fit"][part] = value
    with pytest.raises(ValueError, match=r"damaged|is no number|not those of the model"):
        audit_again(MODEL, facts)


def test_clusters_of_rows_are_data():
    groups = np.arange(32) % 8
    fit = sm.Logit(Y, sm.add_constant(X)).fit(
        disp=0, cov_type="cluster", cov_kwds={"groups": groups}
    )
    with pytest.raises(ValueError, match="by clusters of rows, which a report does not hold"):
        stored_audit(audit(fit))
