from dataclasses import replace

import numpy as np
import pytest
from places import shoppers
from reports import column, item

from flatprior.analysis import (
    NotComparableError,
    audit,
    compare_models,
    compare_routes,
    report_facts,
    verify_report,
)
from flatprior.analysis.report import main_model
from flatprior.analysis.report.main_model import (
    OF_ALL_ROWS,
    MainModel,
    WithoutMLE,
    formula_of,
    refits_left_out,
    reported,
)
from flatprior.models import BernoulliLogistic, fit_newton, load_endometrial, load_spector
from flatprior.models.batches import first_pass


@pytest.mark.parametrize(
    ("n", "k", "left_out"), [(200, 60, False), (3000, 60, False), (20000, 51, True)]
)
def test_what_is_cheap_is_not_left_out(n, k, left_out):
    rng = np.random.default_rng(1)
    names = [f"x{i}" for i in range(k)]
    model = BernoulliLogistic.from_arrays(
        rng.normal(size=(n, k)), rng.integers(2, size=n), names=names
    )
    assert bool(refits_left_out(model)) == left_out


def test_names_of_columns_are_cut_to_a_screen():
    rng = np.random.default_rng(1)
    names = [f"column_{i}" for i in range(400)]
    model = BernoulliLogistic.from_arrays(
        rng.normal(size=(500, 400)), rng.integers(2, size=500), names=names
    )
    assert len(formula_of(model)) < 700
    assert formula_of(model).endswith(" more")


def test_agreement_and_comparison_must_be_of_the_same_observations(agreement):
    fewer = load_spector().iloc[:30]
    other = compare_models(
        {f: BernoulliLogistic.from_formula(f, fewer) for f in ("grade ~ gpa", "grade ~ tuce")}
    )
    with pytest.raises(NotComparableError, match="30"):
        report_facts(agreement, other)


def test_a_log_likelihood_is_of_the_data_of_the_report(model):
    other = BernoulliLogistic.from_formula(model.formula, load_spector().iloc[3:])
    theirs = fit_newton(other)
    facts = report_facts(compare_routes(model, fit_newton(model), replace(theirs, route="theirs")))
    shown = [float(cell) for cell in column(item(facts, "routes"), "log-likelihood")]
    assert shown[1] == pytest.approx(model.log_likelihood(theirs.coefficients), abs=1e-6)
    assert verify_report(model, facts["data"]).index.tolist() == ["newton", "theirs", "reported"]


def test_a_model_is_reported_by_its_fit_or_by_why_there_is_none(model, agreement):
    main = reported(None, None, (), model)
    assert isinstance(main, MainModel)
    np.testing.assert_array_equal(main.fit.coefficients, fit_newton(model).coefficients)
    separated = BernoulliLogistic.from_formula("HG ~ NV + PI", load_endometrial())
    main = reported(None, None, (audit({"Intercept": 1, "NV": 18, "PI": 0}, separated),))
    assert isinstance(main, WithoutMLE)
    assert main.existence.kind == "quasi-complete separation"
    assert not main.audits[0].passed
    with pytest.raises(ValueError, match="leave model out"):
        reported(agreement, None, (), model)


@pytest.fixture
def in_passes(tmp_path, monkeypatch):
    """A model of rows in files, more than those that the first pass keeps."""
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 3000)
    shoppers(40_000).to_parquet(tmp_path / "rows.parquet")
    return BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "bought ~ income + region")


def test_what_sections_ask_of_files_is_found_in_few_passes(in_passes):
    model = in_passes
    main = reported(None, None, model=model)
    alone = reported(None, None, model=model)
    before = model.passes
    for name in OF_ALL_ROWS:
        getattr(alone, name)
    one_by_one = model.passes - before
    main.find_in_few_passes()
    together = model.passes - before - one_by_one
    assert together.number <= 4 < 10 <= one_by_one.number
    of_both = [
        [each.scores, each.indices.table(), each.summary.table(), each.classification.table()]
        for each in (main, alone)
    ]
    for ours, theirs in zip(*of_both, strict=True):
        np.testing.assert_allclose(
            ours.to_numpy(float), theirs.to_numpy(float), rtol=1e-9, atol=1e-9
        )
    before = model.passes.number
    assert main.column_sums.counts.sum() == model.n_observations
    assert main.collinearity.to_dict() == alone.collinearity.to_dict()
    assert model.passes.number == before


def test_what_cannot_be_found_is_an_error_of_its_section_alone(in_passes, monkeypatch):
    main = reported(None, None, model=in_passes)

    def fails(*_):
        raise ArithmeticError("too nearly dependent")

    monkeypatch.setattr(main_model, "collinearity", fails)
    main.find_in_few_passes()
    assert main.summary.goodness is not None
    with pytest.raises(ArithmeticError, match="too nearly"):
        _ = main.collinearity
