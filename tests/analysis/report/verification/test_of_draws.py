import re

import pytest
from reports import students

from flatprior.analysis import compare_models, read_report, verify_report, write_report
from flatprior.analysis.report.verification.of_draws import pattern_of
from flatprior.models import BernoulliLogistic, load_spector, sample_independence


def test_sentences_of_draws_are_known_by_their_words_alone():
    pattern = pattern_of("{observations} of {whose} above {limit}: beware")
    assert re.fullmatch(pattern, "3 observations of model 5 above 0.70: beware")
    for other in (
        "no observations of model 5 above 0.70: beware",
        "3 observations of model 5 above none: beware",
        "3 observations of model 5 above 0.70: good",
    ):
        assert not re.fullmatch(pattern, other)


def test_a_report_of_a_comparison_with_draws_is_verified(tmp_path):
    best = students()
    models = {"all": best, "gpa": BernoulliLogistic.from_formula("grade ~ gpa", load_spector())}
    draws = {
        name: sample_independence(each, draws=300, seed=1, progress=False)
        for name, each in models.items()
    }
    comparison = compare_models(models, draws)
    assert any(note.startswith("the sample is small for") for note in comparison.notes)
    path = write_report(tmp_path / "r.html", comparison=comparison)
    main = comparison.models[comparison.table().index[0]]
    assert len(verify_report(main, path, dict(comparison.models))) == 3
    found = read_report(path)
    found["comparison"]["notes"].append("the sample is large for all")
    with pytest.raises(ValueError, match="a note that nothing gives"):
        verify_report(main, found, dict(comparison.models))
