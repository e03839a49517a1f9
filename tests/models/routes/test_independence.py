from dataclasses import replace

import numpy as np
import pytest
from coded_models import both, held_as_codes, survey
from problems import CASES, OVERLAPPING, ids, simulated
from processes import printed
from scipy.stats import kstest, multivariate_t

from flatprior.analysis import check_posterior
from flatprior.models import BernoulliLogistic, sample_independence
from flatprior.models.codes.inverse import Inverse
from flatprior.models.common.errors import InputError
from flatprior.models.covariance import roots
from flatprior.models.covariance.roots import Written
from flatprior.models.encoding.files import source
from flatprior.models.routes import independence
from flatprior.models.routes.independence import _metropolis, _Proposal


def test_the_proposal_is_a_multivariate_t():
    rng = np.random.default_rng(1)
    proposal = _Proposal(np.zeros(3), Written(np.eye(3)), 5)
    z = proposal.draw(rng, 4000)
    reference = multivariate_t(shape=np.eye(3), df=5)
    assert np.ptp(proposal.log_density(z) - reference.logpdf(z)) < 1e-12
    # Kolmogorov-Smirnov on a margin at a false-alarm rate of 1e-4
    assert kstest(z[:, 1], "t", args=(5,)).pvalue > 1e-4
    moved = _Proposal(np.array([1.0, 2, 3]), Written(np.diag([2.0, 1, 1])), 5)
    assert moved.place(np.ones((4, 3))).tolist() == [[3, 3, 4]] * 4


def test_a_chain_accepts_by_the_ratio_of_weights():
    log_weight = np.log([1.0, 0.5, 0.5, 2.0, 1e-9])
    uniform = np.array([0.5, 0.4, 0.9, 1.0, 0.5])
    # accepted: 0.4 < 0.5; then 0.9 < 1; then 1 < 4; then 0.5 > 5e-10
    assert _metropolis(log_weight, np.log(uniform)).tolist() == [0, 1, 2, 3, 3]


def test_a_chain_visits_in_proportion_to_the_weights():
    # two kinds of proposals, weights 1 and 3 and equally many: 3 of 4 visits to the second
    rng = np.random.default_rng(2)
    kind = rng.integers(2, size=40000)
    visited = kind[_metropolis(np.log(1.0 + 2 * kind), np.log(rng.random(40000)))]
    # 4 standard errors of about 40000 / 3 effective draws: false-alarm rate 6e-5
    assert visited.mean() == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 * 3 / 40000))


@pytest.mark.parametrize("case", OVERLAPPING, ids=ids)
def test_the_sampler_fits_every_case(case):
    posterior = sample_independence(case.model, seed=1, progress=False)
    found = posterior.diagnostics
    assert found["efficiency"] > 0.5
    if case.id == "newton_zero_diverges":  # four rows; its tail is at the limit
        several = [sample_independence(case.model, seed=s, progress=False) for s in range(4)]
        assert max(each.diagnostics["pareto k"] for each in several) > 0.5
        return
    assert posterior.warnings == ()
    assert found["pareto k"] < 0.7
    assert found["acceptance"] > 0.5
    assert posterior.n_divergences == 0


def test_below_its_limits_it_says_so_and_names_nuts(monkeypatch):
    # proposals a third as wide as the posterior, and no pilot that would widen them
    original = independence._laplace_fit
    monkeypatch.setattr(independence, "PILOT_ROUNDS", 0)
    monkeypatch.setattr(
        independence,
        "_laplace_fit",
        lambda rows: replace(original(rows), root=Written(original(rows).root.matrix / 3)),
    )
    posterior = sample_independence(CASES["pima_tr"].model, seed=1, progress=False)
    assert posterior.diagnostics["efficiency"] < 0.1
    assert any("use sample_nuts" in warning for warning in posterior.warnings)


def test_pilot_samples_find_a_posterior_far_from_its_laplace_fit(monkeypatch):
    # two events in 40 rows: nearly separated, one sample leaves an efficiency of 0.01
    rng = np.random.default_rng(136)
    X = np.column_stack([np.ones(40), rng.normal(size=(40, 4))])
    y = np.zeros(40)
    y[rng.choice(40, 2, replace=False)] = 1
    model = BernoulliLogistic.from_arrays(X, y)
    found = sample_independence(model, draws=2000, seed=7, progress=False).diagnostics
    assert found["efficiency"] > 0.15
    assert found["pareto k"] < 0.7
    assert found["ess bulk"] > 200
    monkeypatch.setattr(independence, "PILOT_ROUNDS", 1)
    posterior = sample_independence(model, draws=2000, seed=7, progress=False)
    assert posterior.diagnostics["efficiency"] < 0.1
    assert any("efficiency is 0.0" in warning for warning in posterior.warnings)


def test_without_a_laplace_fit_it_names_the_remedy(monkeypatch):
    monkeypatch.setattr(independence, "root_of", lambda *_: None)
    with pytest.raises(ArithmeticError, match="use sample_nuts"):
        sample_independence(CASES["spector"].model, progress=False)


def test_it_loads_nothing_of_pymc():
    code = (
        "import sys, warnings; warnings.simplefilter('ignore'); from flatprior.models import *; "
        "sample_independence(BernoulliLogistic.from_formula('grade ~ gpa', load_spector()), "
        "progress=False); print(sorted({'pymc', 'pytensor'} & set(sys.modules)))"
    )
    assert printed(code).strip() == "[]"


def test_draws_do_not_depend_on_the_number_of_chains():
    X, y = simulated(50, 2, seed=3)
    model = BernoulliLogistic.from_arrays(X, y)
    two, three = (
        sample_independence(model, 20, chains, seed=4, progress=False) for chains in (2, 3)
    )
    assert np.array_equal(two.draws, three.draws[:2])


@pytest.mark.parametrize("formula", ["y ~ x + z + g + h", "y ~ 0 + g:b"])
def test_the_same_seed_has_the_same_draws_of_factors_as_codes_and_written_out(formula):
    held, written = both(formula, survey(250, seed=3), frequency_weights="w")
    one, two = (
        sample_independence(model, draws=200, chains=2, seed=4, progress=False)
        for model in (held, written)
    )
    assert one.draws == pytest.approx(two.draws, rel=1e-8, abs=1e-8)


def test_of_very_many_coefficients_the_root_is_not_written_out(monkeypatch):
    held, written = both("y ~ x + z + g + h", survey(400, seed=5))
    monkeypatch.setattr(independence, "MOST_UPPER", 3)
    monkeypatch.setattr(roots, "MOST_UPPER", 3)
    monkeypatch.setattr(Inverse, "root", None)
    monkeypatch.setattr(Inverse, "matrix", None)
    posterior = sample_independence(held, draws=1500, seed=6, progress=False)
    assert check_posterior(written, posterior).passed


def test_draws_too_large_for_memory_are_refused_with_their_size():
    model = both("y ~ x + g", survey(50, seed=7))[0]
    with pytest.raises(InputError, match=r"of 5 coefficients have 320 GB; ask for fewer"):
        sample_independence(model, draws=2 * 10**9, progress=False)


@pytest.mark.parametrize("right", ["x + g + h", "x + C(s, Sum) + h:z"])
def test_rows_of_files_with_factors_as_codes_are_drawn_as_those_in_memory(
    tmp_path, monkeypatch, right
):
    monkeypatch.setattr(source, "BATCH_ROWS", 70)
    frame = survey(500, seed=3)
    frame.to_parquet(tmp_path / "rows.parquet")
    with held_as_codes(True):
        model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", f"y ~ {right}")
    memory = both(f"y ~ {right}", frame)[0]
    one, two = (sample_independence(m, 200, seed=1, progress=False).draws for m in (model, memory))
    assert one == pytest.approx(two, abs=1e-8)
