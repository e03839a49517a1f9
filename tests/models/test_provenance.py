import numpy as np
import pytest

from flatprior.models import BernoulliLogistic, fit_newton, load_spector
from flatprior.models.provenance import provenance, require_belonging


def test_it_states_data_weights_offset_and_versions_of_what_was_used():
    model = BernoulliLogistic.from_arrays(
        [0.0, 1, 2, 3], [0, 1, 0, 1], offset=np.ones(4), frequency_weights=[1, 2, 1, 0]
    )
    found = provenance(model, "scipy")
    assert (found.n_observations, found.n_rows) == (4, 3)
    assert found.data_hash == model.data_hash
    assert (found.offset, found.frequency_weights) == ("(array)", "(array)")
    assert found.versions["scipy"]
    assert {"python", "flatprior", "numpy"} <= set(found.versions)
    other = BernoulliLogistic.from_arrays([0.0, 1, 2, 3], [0, 1, 0, 0])
    assert provenance(other).data_hash != found.data_hash


@pytest.fixture(scope="module")
def model():
    return BernoulliLogistic.from_formula("grade ~ gpa", load_spector())


def test_a_result_of_the_model_passes_and_what_is_none_is_not_asked(model):
    fit = fit_newton(model)
    require_belonging(model, "the fit", fit.names, fit.provenance.data_hash)
    require_belonging(model, "the fit", list(fit.names), None)
    require_belonging(model, "the fit", None, model.data_hash)
    require_belonging(model, "the fit", None, None)


@pytest.mark.parametrize(
    ("whose", "words"),
    [
        ("the fit", ("the fit is of", "it is that of another model", "the fit, which is that")),
        ("the draws", ("the draws are of", "they are those of another", "the draws, which are")),
        ("the draws given for 'a'", ("'a' are of", "they are those of", "'a', which are those")),
    ],
)
def test_other_columns_and_other_data_are_told_with_the_remedy(model, whose, words):
    for names in (("gpa", "Intercept"), ("Intercept",), ("Intercept", "gpa", "psi")):
        with pytest.raises(ValueError, match=words[0]) as raised:
            require_belonging(model, whose, names, model.data_hash, "make it anew")
        assert words[1] in str(raised.value)
        assert str(raised.value).endswith("; make it anew")
    other = BernoulliLogistic.from_formula("grade ~ gpa", load_spector().iloc[1:])
    with pytest.raises(ValueError, match="the data are not those of") as raised:
        require_belonging(other, whose, model.names, model.data_hash)
    assert words[2] in str(raised.value)
    assert model.data_hash[:12] in str(raised.value)
    with pytest.raises(ValueError, match="another version of flatprior"):
        require_belonging(model, whose, model.names, "1:abcdef")
