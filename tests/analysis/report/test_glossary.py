from flatprior.analysis import diagnose
from flatprior.analysis.report.glossary import TERMS, terms
from flatprior.analysis.report.sections.making import OF_SAMPLER
from flatprior.analysis.report.sections.prediction import AFTER_SAMPLING
from flatprior.models import BernoulliLogistic, fit_newton, load_spector, sample_independence

PLAIN = {"mean", "sd", "fitted"}


def test_every_heading_that_is_no_plain_word_is_explained_and_only_those_shown():
    model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    residuals = [*map(str, diagnose(model, fit_newton(model)).table().columns)]
    draws = sample_independence(model, draws=100, seed=1, progress=False)
    beside = [name for name in draws.diagnostics if name != "r_hat"]
    for headings in (residuals, [*OF_SAMPLER, *beside], AFTER_SAMPLING):
        assert set(headings) - PLAIN <= set(TERMS)
        said = terms(headings)
        assert [line.split('"')[1] for line in said] == [x for x in headings if x not in PLAIN]
