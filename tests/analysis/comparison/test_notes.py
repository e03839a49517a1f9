"""What is said below a comparison."""

from flatprior.analysis import compare_models
from flatprior.analysis.comparison.notes import model_label
from flatprior.models import BernoulliLogistic, load_endometrial


def test_a_number_does_not_name_a_model():
    assert model_label(5) == "model 5"
    assert model_label("small") == "small"


def test_a_model_without_an_estimate_is_named_with_what_its_numbers_are():
    data = load_endometrial()
    models = {
        name: BernoulliLogistic.from_formula(formula, data)
        for name, formula in {"1": "HG ~ PI", "2": "HG ~ NV + PI"}.items()
    }
    (note,) = compare_models(models).notes[:1]
    assert note.startswith("model 2 has no maximum likelihood estimate (quasi-complete separation)")
    assert "likelihood ratios stand" in note
