"""Draws that other programs made, from their files and live, read, judged and handed back."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from prior_draws import independence

from flatprior.analysis import check_posterior
from flatprior.analysis.auditing.draws.judged import judge_draws
from flatprior.analysis.producers.draws import is_draws, read_draws
from flatprior.models import BernoulliLogistic, Posterior, load_spector, sample_independence
from flatprior.models.routes.pymc_versions import import_pymc

DATA = Path(__file__).parents[1] / "data"
# real output, recorded on Python 3.13, ArviZ 1.3: PyMC 6.4 by nutpie, Bambi 0.21 by PyMC, NumPyro
# 0.22; of each 4 chains of 400 draws, with the log-density and divergences alone of its statistics;
# and whole files of CmdStan 2.35
RECORDED = DATA / "draws"
DENSITY = "the density that was sampled is the likelihood"


@pytest.fixture(scope="module")
def own():
    """40 patients, four predictors, no intercept, and a response in words."""
    return BernoulliLogistic.from_formula(
        "Dx ~ 0 + A + B + C + D", pd.read_csv(DATA / "own_model.csv")
    )


def spector(formula="grade ~ gpa + tuce + C(psi)"):
    return BernoulliLogistic.from_formula(formula, load_spector())


def as_arviz_reads(path):
    """An InferenceData before ArviZ 1, a DataTree since."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import arviz

        return arviz.from_netcdf(path)


def both_ways(name, model):
    """The draws of a recorded file, by its path and by what ArviZ makes of it."""
    for thing in (RECORDED / name, as_arviz_reads(RECORDED / name)):
        assert is_draws(thing, model)
        yield read_draws(thing, model)


def test_a_users_own_flat_model_passes_and_bambis_of_the_other_level_is_said_to_be_that(own):
    for posterior in both_ways("pymc_own.nc", own):
        found = judge_draws(own, posterior)
        assert found.passed
        assert found.check.table().loc[DENSITY, "holds"] == "yes"
        # right posterior means, known to 0.001
        right = [1.9105, -1.5489, 0.1216, -0.5074]
        assert posterior.draws.mean(axis=(0, 1)) == pytest.approx(right, abs=0.1)
    for posterior in both_ways("bambi_flipped.nc", own):
        found = judge_draws(own, posterior)
        assert not found.passed
        assert found.check.table().loc[DENSITY, "holds"] == "NO"
        assert (found.cause, found.certain) == ("response flipped", True)
        assert "flipped response under flat priors" in found.verdict
        assert "Dx['pos'] ~" in found.cure
        without = judge_draws(own, Posterior.from_draws(own, posterior.draws))
        assert (without.cause, without.certain) == ("response flipped", False)
    other = BernoulliLogistic.from_formula(
        "other ~ 0 + A + B + C + D",
        pd.read_csv(DATA / "own_model.csv").assign(other=lambda t: (t["Dx"] == "neg").astype(int)),
    )
    assert judge_draws(other, read_draws(RECORDED / "bambi_flipped.nc", other)).passed


def test_bambis_flat_priors_pass_and_its_default_ones_are_read_from_the_density():
    model = spector()
    for posterior in both_ways("bambi_flat.nc", model):
        assert posterior.route == "bambi"
        assert judge_draws(model, posterior).passed
    for posterior in both_ways("bambi_default.nc", model):
        found = judge_draws(model, posterior)
        assert (found.cause, found.certain) == ("prior", True)
        terms = found.likenesses[0].prior.terms
        assert [term.family for term in terms] == ["normal"] * 4
        assert terms[0].name == "Intercept at the columns' means"
        sds = model.design.std(axis=0)
        # as Bambi's documentation gives them
        scales = [1.5, 1 / sds[1], 1 / sds[2], 1.0]
        assert [term.scale for term in terms] == pytest.approx(scales, rel=1e-6)
        assert "1 over the standard deviation of the column" in found.verdict
        assert '"psi"' in found.cure
        assert "auto_scale=False" in found.cure
        # without the density it is no proof, but the same prior within its error
        without = judge_draws(model, Posterior.from_draws(model, posterior.draws))
        assert (without.cause, without.certain) == ("prior", False)
        for term, scale in zip(without.likenesses[0].prior.terms, scales, strict=True):
            assert abs(term.scale - scale) < 4.5 * term.scale_error


def test_numpyros_single_precision_and_potential_energy_are_understood():
    model = spector("grade ~ gpa + tuce + psi")
    for posterior in both_ways("numpyro_flat.nc", model):
        assert posterior.route == "numpyro"
        assert posterior.notes[0].startswith("no names came with beta[0]")
        found = judge_draws(model, posterior)
        assert found.passed
        assert found.check.density_source == "stated"
        assert found.check.density_rounding > 0
        assert found.divergences == 0


def stan_model():
    return spector("grade ~ gpa + tuce + psi")


def test_the_chains_of_cmdstan_pass_in_whichever_way_they_are_given():
    model, folder = stan_model(), RECORDED / "cmdstan"
    for thing in (folder, str(folder), sorted(folder.iterdir())):
        assert is_draws(thing, model)
        posterior = read_draws(thing, model)
        assert posterior.draws.shape == (4, 400, 4)
        found = judge_draws(model, posterior)
        assert found.passed
        assert found.check.density_source == "stated"
        assert found.check.density_rounding > 0  # it writes six digits
        assert found.divergences == 0
    single = read_draws(folder / "logistic_2.csv", model)
    assert np.array_equal(single.draws[0], posterior.draws[1])


@pytest.mark.parametrize(
    ("name", "cause", "said"),
    [
        ("laplace", "normal approximation", "normal approximation at the MLE"),
        ("variational", "normal approximation", "mean-field"),
        ("pathfinder", "resampled", "importance resampling"),
    ],
)
def test_approximations_of_cmdstan_are_told(name, cause, said):
    model = stan_model()
    posterior = read_draws(RECORDED / f"cmdstan_{name}.csv", model)
    assert posterior.draws.shape == (1, 600, 4)
    assert any("the files say that they are of" in note for note in posterior.notes)
    found = judge_draws(model, posterior)
    assert not found.passed
    assert not found.certain
    assert found.cause == cause
    assert said in found.verdict
    assert "method=sample" in found.cure
    density = found.check.table()["holds"]
    assert density[density.index.str.startswith(DENSITY)].tolist() == ["yes"]


def test_the_warm_up_of_cmdstan_is_left_out_and_an_optimiser_makes_no_draws():
    model = stan_model()
    posterior = read_draws(RECORDED / "cmdstan_warm_up.csv", model)
    assert posterior.draws.shape == (1, 30, 4)
    assert posterior.notes[:2] == (
        "the first 100 lines of each file are of the warm-up and left out",
        "CmdStan kept one draw in 2",
    )
    with pytest.raises(ValueError, match="'optimize', which makes no draws"):
        read_draws(RECORDED / "cmdstan_optimize.csv", model)


def test_what_cmdstanpy_makes_of_these_files_is_read_too():
    cmdstanpy = pytest.importorskip("cmdstanpy")
    model = stan_model()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = cmdstanpy.from_csv([str(path) for path in sorted((RECORDED / "cmdstan").iterdir())])
        approximation = cmdstanpy.from_csv(str(RECORDED / "cmdstan_pathfinder.csv"))
    assert is_draws(fit, model)
    posterior, same = read_draws(fit, model), read_draws(RECORDED / "cmdstan", model)
    assert np.array_equal(posterior.draws, same.draws)
    assert np.array_equal(posterior.log_density, same.log_density)
    assert posterior.n_divergences == 0
    assert read_draws(approximation, model).draws.shape == (1, 600, 4)


def test_held_out_density_and_comparison_with_a_proper_prior():
    frame = pd.read_csv(DATA / "held_out_density.csv")
    train, held_out = frame[:200], frame[200:]
    model = BernoulliLogistic.from_formula("y ~ x + g", train)
    flat = sample_independence(model, draws=5000, seed=1, progress=False)
    eta = flat.draws.reshape(-1, 4) @ model.design_matrix(held_out).T
    densities = -np.logaddexp(0.0, (1 - 2 * held_out["y"].to_numpy()) * eta)
    # 80,000 draws of another program give -34.095
    assert np.log(np.exp(densities).mean(axis=0)).sum() == pytest.approx(-34.095, abs=0.05)
    draws, lp = independence(model, lambda b: -np.square(b / 0.3).sum(axis=-1) / 2)
    proper = Posterior.from_draws(model, draws, log_density=lp)
    assert not check_posterior(model, proper).passed
    trees = {
        "flat": sample_independence(model, seed=1, progress=False).to_arviz(model),
        "proper": proper.to_arviz(model),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ's own
        import arviz

        table = arviz.compare(trees)
        loo = {name: arviz.loo(tree) for name, tree in trees.items()}
    elpd = "elpd_loo" if "elpd_loo" in table else "elpd"
    assert set(table.index) == {"flat", "proper"}
    for name in trees:
        stated = getattr(loo[name], "elpd_loo", None) or loo[name].elpd
        # ArviZ 1 gives three digits in its table
        assert float(table.loc[name, elpd]) == pytest.approx(float(stated), abs=0.5)


@pytest.mark.slow
def test_traces_of_pymc_are_read_in_whichever_form_they_come(own):
    # of the recorded file above the reading is tested in a second
    pm = import_pymc()
    frame = pd.read_csv(DATA / "own_model.csv")
    with pm.Model(coords={"name": list("ABCD")}):
        beta = pm.Flat("beta", dims="name")
        pm.Bernoulli(
            "Dx",
            logit_p=frame[list("ABCD")].to_numpy() @ beta,
            observed=(frame["Dx"] == "pos").to_numpy().astype(int),
        )
        keywords = {
            "draws": 300,
            "tune": 700,
            "chains": 4,
            "cores": 1,
            "random_seed": 2,
            "progressbar": False,
            "nuts_sampler": "pymc",
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = pm.sample(**keywords)
            trace = pm.sample(**keywords, return_inferencedata=False)
    for thing in (tree, trace):
        assert is_draws(thing, own)
        posterior = read_draws(thing, own)
        assert posterior.route == "pymc"
        assert judge_draws(own, posterior).passed
        assert posterior.states_density
    assert np.array_equal(read_draws(tree, own).draws, read_draws(trace, own).draws)


@pytest.mark.slow
def test_numpyro_is_read_live():
    # its recorded draws are read above
    numpyro = pytest.importorskip("numpyro")
    jax = pytest.importorskip("jax")
    model = spector("grade ~ gpa + tuce + psi")

    def theirs(X, y):
        real = numpyro.distributions.constraints.real
        beta = numpyro.sample("b", numpyro.distributions.ImproperUniform(real, (), (4,)))
        numpyro.sample("y", numpyro.distributions.Bernoulli(logits=X @ beta), obs=y)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kernel = numpyro.infer.NUTS(theirs, dense_mass=True, target_accept_prob=0.95)
        mcmc = numpyro.infer.MCMC(
            kernel, num_warmup=1000, num_samples=1000, num_chains=1, progress_bar=False
        )
        fields = ("potential_energy", "diverging")
        mcmc.run(jax.random.PRNGKey(1), model.design, model.response, extra_fields=fields)
    assert is_draws(mcmc, model)
    posterior = read_draws(mcmc, model)
    assert judge_draws(model, posterior).passed
    assert posterior.states_density
