from prior_draws import flat, independence

from flatprior.analysis.auditing.draws.judged import judge_draws
from flatprior.models import BernoulliLogistic, Posterior


def test_weights_and_offset_that_were_ignored_are_told(frame):
    keywords = {"frequency_weights": "times", "offset": "known"}
    model = BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame, **keywords)
    for ignored in ("frequency_weights", "offset"):
        rest = {key: value for key, value in keywords.items() if key != ignored}
        other = BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame, **rest)
        draws, lp = independence(other, flat)
        cause = "offset ignored" if ignored == "offset" else "weights ignored"
        for density in (lp, None):
            found = judge_draws(model, Posterior.from_draws(model, draws, log_density=density))
            assert found.cause == cause
            assert found.certain == (density is not None)
