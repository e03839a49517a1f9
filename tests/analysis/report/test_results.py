from dataclasses import replace

from reports import item

from flatprior.analysis import report_facts
from flatprior.analysis.report.results import timeless
from flatprior.models import certify
from flatprior.models.common.text import at_most


def test_the_certificate_is_computed_anew(model, agreement):
    own = agreement.mle
    boasting = replace(own, certificate=replace(own.certificate, error_bound=1e-30))
    facts = report_facts(replace(agreement, mle=boasting))
    table = item(facts, "certificate")
    bound = certify(model, own.coefficients).error_bound
    assert f"{at_most(bound)}" in [row["cells"][0] for row in table["rows"]]
    assert facts["data"]["estimate"]["certificate"]["error_bound"] == bound


def test_times_and_covariances_are_left_out_wherever_they_stand():
    facts = {"seconds": 1.5, "covariance": [[1.0]], "routes": [{"seconds": 2.0, "n": 3}]}
    assert timeless(facts) == {"seconds": None, "routes": [{"seconds": None, "n": 3}]}
