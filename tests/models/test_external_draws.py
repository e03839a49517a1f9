import warnings

import numpy as np
import pandas as pd
import pytest
from coded_models import both, survey
from problems import CASES

from flatprior.analysis import check_posterior, psis_loo
from flatprior.models import BernoulliLogistic, Posterior, load_spector, sample_independence
from flatprior.models.common.coefficient_names import plain_name
from flatprior.models.external_draws import numbers_of


@pytest.fixture(scope="module")
def model():
    return BernoulliLogistic.from_formula("grade ~ gpa + C(psi)", load_spector())


@pytest.fixture(scope="module")
def posterior(model):
    return sample_independence(model, 250, seed=1, progress=False)


def table(posterior, names=("Intercept", "gpa", "C(psi)[T.1]")):
    chains, n, k = posterior.draws.shape
    frame = pd.DataFrame(posterior.draws.reshape(-1, k), columns=list(names))
    frame[".chain"] = np.repeat(np.arange(chains), n)
    frame[".draw"] = np.arange(chains * n)
    return frame.assign(lp__=posterior.log_density.ravel())


@pytest.mark.parametrize(
    "names",
    [
        ("Intercept", "gpa", "C(psi)[T.1]"),
        ("b_Intercept", "gpa", "psi[1]"),
        ("(Intercept)", "gpa", "C(psi)[1]"),
    ],
)
def test_columns_are_found_by_name_and_rows_by_chain_and_draw(model, posterior, names):
    frame = table(posterior, names).sample(frac=1, random_state=0)
    frame = frame[frame.columns[::-1]].assign(lprior=0.0)
    found = Posterior.from_draws(model, frame)
    assert np.array_equal(found.draws, posterior.draws)
    assert np.array_equal(found.log_density, posterior.log_density)


def test_arrays_mappings_and_tables_are_the_same_draws(model, posterior):
    beta, lp = posterior.draws, posterior.log_density
    order = [2, 0, 1]
    names = [model.names[j] for j in order]
    for found in (
        Posterior.from_draws(model, beta, log_density=lp),
        Posterior.from_draws(model, beta[..., order], names=names, log_density=lp.ravel()),
        Posterior.from_draws(
            model, {name: beta[..., j] for j, name in enumerate(model.names)} | {"lp": lp}
        ),
        Posterior.from_draws(
            model,
            {f"b{j}": beta[..., j] for j in range(3)},
            names=["b0", "b1", "b2"],
            log_density=lp,
        ),
        Posterior.from_draws(
            model,
            {"b": beta[..., 1], "Intercept": beta[..., 0], "psi[1]": beta[..., 2]},
            names={"gpa": "b"},
            log_density=lp,
        ),
    ):
        assert np.array_equal(found.draws, beta)
        assert np.array_equal(found.log_density, lp)
    single = Posterior.from_draws(model, beta.reshape(-1, 3))
    assert single.draws.shape == (1, 1000, 3)


def test_without_a_log_density_its_claims_are_not_available_and_never_assumed(
    model, posterior, tmp_path
):
    found = Posterior.from_draws(model, posterior.draws)
    with pytest.raises(ValueError, match="no log-density of the sampler came"):
        found.log_density  # noqa: B018
    check = check_posterior(model, found)
    answers = check.table()["holds"]
    assert answers["the density that was sampled is the likelihood"] == "not available"
    assert answers["the mode of the draws is the MLE"] == "not available"
    assert (answers == "yes").sum() == len(answers) - 2
    assert check.passed
    assert "divergences unknown" in str(check)
    stated = {claim["statement"]: claim["holds"] for claim in check.to_dict()["claims"]}
    assert stated["the density that was sampled is the likelihood"] is None
    found.save(tmp_path / "draws.nc")
    again = Posterior.load(tmp_path / "draws.nc")
    assert not again.states_density
    assert np.array_equal(again.draws, found.draws)


def test_wrong_draws_fail_without_a_log_density_too(model, posterior):
    check = check_posterior(model, Posterior.from_draws(model, 0.7 * posterior.draws))
    assert not check.passed
    assert any("score" in failure for failure in check.failures)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop(columns="gpa"), "no draws of gpa"),
        (lambda t: t.assign(**{"psi[1]": 0.0, "psi[T.1]": 0.0}).drop(columns="C(psi)[T.1]"), "may"),
        (lambda t: t.assign(gpa=t["gpa"].where(t.index != 7)), "1 draws are missing or infinite"),
        (lambda t: t.assign(gpa="a"), "column gpa of the draws must be real numbers"),
        (lambda t: t.iloc[:-1], "not all as many"),
        (lambda t: t.assign(**{".draw": 0}), "the same .chain and .draw"),
        (lambda t: t.assign(lp__=np.nan), "1000 of the sampler's log-densities"),
        (lambda t: pd.concat([t, t["gpa"]], axis=1), "gpa twice"),
    ],
)
def test_a_table_that_is_not_right_is_refused_in_one_sentence(model, posterior, change, message):
    with pytest.raises(ValueError, match=message) as raised:
        Posterior.from_draws(model, change(table(posterior)))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("draws", "keywords", "message"),
    [
        (np.zeros((100, 2)), {}, r"the shape \(100, 2\)"),
        (np.zeros((100, 4, 3)), {}, "a chain needs 10 draws"),
        (np.zeros((1, 100, 3)), {"names": ["a", "b"]}, "2 names for draws"),
        (np.zeros((1, 100, 3)), {"names": ["a", "gpa", "Intercept"]}, "no draws of C"),
        (np.zeros((1, 100, 3)), {"log_density": np.zeros(99)}, r"log-densities have the shape"),
        (np.array([["a"] * 3] * 20), {}, "must be real numbers"),
        (object(), {}, "not an object; Posterior.from_arviz takes"),
        ({"a": [0.0] * 20}, {"names": {"x9": "a"}}, "no coefficient x9"),
    ],
)
def test_arrays_that_do_not_fit_are_refused_in_one_sentence(model, draws, keywords, message):
    with pytest.raises((ValueError, TypeError), match=message):
        Posterior.from_draws(model, draws, **keywords)


def test_arviz_takes_the_way_back_and_we_take_it_again(model, posterior):
    data = posterior.to_arviz(model, seed=1)
    found = Posterior.from_arviz(model, data, variables="beta")
    assert np.array_equal(found.draws, posterior.draws)
    assert np.array_equal(found.log_density, posterior.log_density)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ's own
        import arviz

        summary = arviz.summary(data)
        loo = arviz.loo(data)
    assert [name.removeprefix("beta[").removesuffix("]") for name in summary.index][:2] == [
        "Intercept",
        "gpa",
    ]
    elpd = float(getattr(loo, "elpd_loo", None) or loo.elpd)
    # the tail that is smoothed depends on the efficiency that ArviZ estimates
    assert elpd == pytest.approx(psis_loo(model, posterior).elpd, abs=0.01)


def test_the_log_likelihood_is_of_each_observation_with_weights_and_offset():
    X, y = np.array([0.0, 1, 2, 3, 4, 5]), np.array([0, 1, 0, 1, 0, 1])
    weights, offset = np.array([2, 1, 3, 1, 1, 2]), np.linspace(-1, 1, 6)
    model = BernoulliLogistic.from_arrays(
        X, y, intercept=True, offset=offset, frequency_weights=weights
    )
    draws = sample_independence(model, 50, seed=2, progress=False)
    data = draws.to_arviz(model, seed=3)
    groups = {name: data[name] for name in ("log_likelihood", "posterior_predictive")}
    terms = groups["log_likelihood"]["y"].to_numpy()
    assert terms.shape == (4, 50, 10)
    assert terms.sum(axis=2) == pytest.approx(
        model.log_likelihood(draws.draws.reshape(-1, 2)).reshape(4, 50), rel=1e-12
    )
    replicated = groups["posterior_predictive"]["y"].to_numpy()
    assert set(np.unique(replicated)) == {0, 1}
    # the MLE of a model with an intercept fits the number of events; the posterior nearly so
    assert abs(replicated.sum(axis=2).mean() - weights @ y) < 1.5
    other = CASES["spector"].model
    with pytest.raises(ValueError, match="another model"):
        draws.to_arviz(other)


def test_variables_of_a_posterior_are_found_as_bambi_and_pymc_name_them(model, posterior):
    import arviz_base

    beta = posterior.draws
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        bambi = arviz_base.from_dict(
            {
                "posterior": {
                    "gpa": beta[..., 1],
                    "Intercept": beta[..., 0],
                    "psi": beta[..., 2:],
                    "mu": beta[..., :1],
                },
                "sample_stats": {"lp": posterior.log_density},
            },
            dims={"psi": ["psi_dim"], "mu": ["obs"]},
            coords={"psi_dim": ["1"]},
        )
        pymc = arviz_base.from_dict({"posterior": {"coef": beta, "other": beta[..., :2]}})
        labelled = arviz_base.from_dict(
            {"posterior": {"coef": beta[..., ::-1]}},
            dims={"coef": ["term"]},
            coords={"term": list(model.names[::-1])},
        )
    for found in (
        Posterior.from_arviz(model, bambi),
        Posterior.from_arviz(model, bambi["posterior"].to_dataset()),
        Posterior.from_arviz(model, bambi, variables=["Intercept", "gpa", "psi[1]"]),
        Posterior.from_arviz(model, pymc, variables="coef"),
        Posterior.from_arviz(model, labelled, variables="coef"),
        Posterior.from_arviz(model, pymc, variables=["coef[0]", "coef[1]", "coef[2]"]),
    ):
        assert np.array_equal(found.draws, beta)
    assert Posterior.from_arviz(model, bambi).states_density
    for data, variables, message in (
        (pymc, None, "no draws of Intercept"),
        (pymc, "other", r"\(4, 250, 2\)"),
        (pymc, "nothing", "there is no variable 'nothing'; there are"),
        (bambi, "gpa", "has the dimensions chain, draw"),
        (posterior, None, "must be a DataTree, an InferenceData or a Dataset"),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            Posterior.from_arviz(model, data, variables)


def test_names_of_different_coefficients_stay_different():
    names = ["x", "C(x)[T.1]", "x[T.2]", "x:z", "log(x)", "C(x):z", "I(x)", "Intercept"]
    assert len({plain_name(name) for name in names}) == len(names) - 1
    assert plain_name("C(x):z") == plain_name("x:z")


def test_a_log_density_beside_a_table_is_sorted_with_its_rows(model, posterior):
    frame = table(posterior).rename(columns={"lp__": "mine"}).sample(frac=1, random_state=1)
    found = Posterior.from_draws(model, frame, log_density=frame["mine"])
    assert np.array_equal(found.draws, posterior.draws)
    assert np.array_equal(found.log_density, posterior.log_density)
    with pytest.raises(ValueError, match="the table has 1000 rows"):
        Posterior.from_draws(model, frame, log_density=posterior.log_density)
    with pytest.raises(ValueError, match="chain of the table of draws has missing values"):
        Posterior.from_draws(model, frame.assign(**{".chain": np.nan}))


def test_arrays_of_xarray_are_paired_by_their_coordinates_and_masked_draws_are_refused(
    model, posterior
):
    labelled = posterior.data["posterior"]["beta"]
    for given in (
        labelled,
        labelled[..., ::-1],
        labelled.transpose("draw", "chain", "coefficient"),
        labelled.transpose("coefficient", "draw", "chain"),
    ):
        assert np.array_equal(Posterior.from_draws(model, given).draws, posterior.draws)
    other = labelled.assign_coords(coefficient=["Intercept", "gpa", "tuce"])
    with pytest.raises(ValueError, match="there are no draws of C"):
        Posterior.from_draws(model, other)
    masked = np.ma.masked_array(posterior.draws, mask=posterior.draws > 3)
    with pytest.raises(ValueError, match="some are masked"):
        Posterior.from_draws(model, masked)


@pytest.mark.parametrize("name", ["beta", "chain", "observation"])
def test_a_response_may_be_called_what_arviz_calls_something_else(name):
    model = BernoulliLogistic.from_formula(
        f"{name} ~ gpa", load_spector().rename(columns={"grade": name})
    )
    draws = sample_independence(model, 20, seed=1, progress=False)
    data = draws.to_arviz(model)
    assert data["log_likelihood"][f"{name}_"].shape == (4, 20, 32)
    assert np.array_equal(Posterior.from_arviz(model, data, "beta").draws, draws.draws)


def test_numbers_are_the_same_columns_whether_factors_are_codes_or_not():
    codes, columns = both("y ~ x + z + g + b", survey(200, seed=6))
    assert numbers_of(codes) == numbers_of(columns) == {"x", "z"}
