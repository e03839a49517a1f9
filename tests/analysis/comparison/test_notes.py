"""What is said below a comparison."""

from flatprior.analysis import compare_models
from flatprior.analysis.comparison.notes import SUPREMA, model_label
from flatprior.models import BernoulliLogistic, load_endometrial
from flatprior.models.common.text import p_value


def test_a_number_does_not_name_a_model():
    assert model_label(5) == "model 5"
    assert model_label("small") == "small"


def test_a_model_without_an_estimate_is_named_with_what_its_numbers_are():
    data = load_endometrial()
    models = {
        name: BernoulliLogistic.from_formula(formula, data)
        for name, formula in {"1": "HG ~ PI", "2": "HG ~ NV + PI"}.items()
    }
    found = compare_models(models)
    assert found.notes[:2] == (
        "there is no maximum likelihood estimate of model 2 (quasi-complete separation; "
        "diverging: NV)",
        SUPREMA,
    )
    row = found.table().loc["2"]
    assert found.message == (
        f"The smallest AIC, {found.table().loc['1', 'AIC']:.2f}, is that of model 1 (HG ~ PI), the "
        "only model with an estimate. There is no maximum likelihood estimate of model 2 (HG ~ NV "
        f"+ PI). Likelihood ratios stand, by suprema: model 2 against model 1, chi-squared(1) = "
        f"{row['LR']:.3f}, p = {p_value(row['p'])}."
    )
    assert found.message in " ".join(str(found).split())


def test_where_no_model_has_an_estimate_none_is_called_best():
    data = load_endometrial().assign(half=lambda d: (d["NV"] > 0) & (d["PI"] > 10))
    models = {
        name: BernoulliLogistic.from_formula(f"HG ~ {name}", data) for name in ("NV", "half + EH")
    }
    message = compare_models(models).message
    assert message == (
        "None of them has a maximum likelihood estimate. No likelihood ratio is of nested models: "
        "nothing tells them apart."
    )
