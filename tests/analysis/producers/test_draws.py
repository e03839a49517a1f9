import warnings

import numpy as np
import pandas as pd
import pytest

from flatprior.analysis.producers.draws import is_draws, pair, read_draws
from flatprior.models import BernoulliLogistic, Posterior, load_spector, sample_independence


@pytest.fixture(scope="module")
def model():
    return BernoulliLogistic.from_formula("grade ~ gpa + C(psi)", load_spector())


@pytest.fixture(scope="module")
def drawn(model):
    return sample_independence(model, 250, seed=1, progress=False)


def dataset(drawn, **variables):
    import xarray

    beta = drawn.draws
    return xarray.Dataset(
        {
            name: (("chain", "draw", *dims), beta[..., places])
            for name, (dims, places) in variables.items()
        },
        attrs={"inference_library": "pymc"},
    )


def stan_file(draws, lp, names):
    heading = ",".join(["lp__", "divergent__", *names])
    rows = [
        ",".join([repr(at), "0", *map(repr, row)])
        for at, row in zip(lp.tolist(), draws.tolist(), strict=True)
    ]
    return "\n".join(["# method = sample (Default)", heading, *rows]) + "\n"


def multitrace(drawn):
    """What PyMC's MultiTrace offers, as far as it is used."""

    class MultiTrace:
        varnames = ("Intercept", "beta", "scale_log__")
        stat_names = frozenset({"model_logp", "diverging"})

        def get_values(self, name, combine=True, squeeze=True):
            assert (combine, squeeze) == (False, False)
            beta = drawn.draws
            return list(beta[..., 0] if name == "Intercept" else beta[..., 1:])

        def get_sampler_stats(self, name, combine=True, squeeze=True):
            lp = drawn.log_density[..., None]
            return list(lp if name == "model_logp" else np.zeros(lp.shape, dtype=bool))

    MultiTrace.__module__ = "pymc.backends.base"
    return MultiTrace()


def numpyro_mcmc(drawn):
    class MCMC:
        def get_samples(self, group_by_chain=False):
            assert group_by_chain
            return {"Intercept": drawn.draws[..., 0], "beta": drawn.draws[..., 1:]}

        def get_extra_fields(self, group_by_chain=False):
            return {"potential_energy": -drawn.log_density, "diverging": drawn.log_density > 0}

    MCMC.__module__ = "numpyro.infer.mcmc"
    return MCMC()


def cmdstan_mcmc(drawn):
    class CmdStanMCMC:
        column_names = ("lp__", "divergent__", "alpha", "beta[1]", "beta[2]")
        metadata = None

        def draws(self):
            lp = drawn.log_density[..., None]
            return np.concatenate([lp, 0 * lp, drawn.draws], axis=2).swapaxes(0, 1)

    CmdStanMCMC.__module__ = "cmdstanpy.stanfit.mcmc"
    return CmdStanMCMC()


def test_the_same_draws_are_read_from_whatever_holds_them(model, drawn, tmp_path):
    beta, lp = drawn.draws, drawn.log_density
    by_name = dataset(drawn, Intercept=((), 0), gpa=((), 1), psi=(("psi_dim",), [2]))
    by_name = by_name.assign_coords(psi_dim=["1"])
    vector = dataset(drawn, beta=(("beta_dim",), [0, 1, 2]))
    flat = beta.reshape(-1, 3)
    for chain in range(4):
        (tmp_path / f"own_{chain + 1}.csv").write_text(
            stan_file(beta[chain], lp[chain], ["alpha", "b.1", "b.2"])
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ArviZ's own, on netCDF without netCDF4
        drawn.to_arviz(model).to_netcdf(tmp_path / "arviz.nc")
    drawn.save(tmp_path / "ours.nc")
    table = pd.DataFrame(flat, columns=["b_Intercept", "b_gpa", "b_psi1"])
    table = table.assign(Intercept=0.0, lp__=lp.ravel(), **{".chain": np.repeat(range(4), 250)})
    places = {"chain": np.repeat(range(4), 250), "draw": np.tile(range(250), 4)}
    indexed = pd.DataFrame(
        flat, columns=model.names, index=pd.MultiIndex.from_frame(pd.DataFrame(places))
    )
    things = {
        "posterior": drawn,
        "variables": by_name,
        "vector": vector,
        "tree": drawn.data,
        "netCDF of ArviZ": tmp_path / "arviz.nc",
        "netCDF of ours": str(tmp_path / "ours.nc"),
        "folder of Stan": tmp_path,
        "files of Stan": sorted(tmp_path.glob("*.csv")),
        "PyMC": multitrace(drawn),
        "NumPyro": numpyro_mcmc(drawn),
        "CmdStanPy": cmdstan_mcmc(drawn),
        "brms": table,
        "ArviZ's table": indexed,
        "array": beta,
        "mapping": {
            "Intercept": beta[..., 0],
            "gpa": beta[..., 1],
            "psi[1]": beta[..., 2],
            "lp": lp,
        },
        "stacked": {"Intercept": flat[:, 0], "gpa": flat[:, 1], "psi[1]": flat[:, 2]},
    }
    for what, thing in things.items():
        assert is_draws(thing, model), what
        found = read_draws(thing, model)
        assert np.array_equal(found.draws.reshape(-1, 3), flat), what
        if found.states_density:
            assert np.array_equal(found.log_density, lp), what
        else:
            assert what in ("variables", "vector", "array", "stacked", "ArviZ's table"), what
    assert read_draws(things["CmdStanPy"], model).n_divergences == 0
    assert read_draws(beta[0], model).draws.shape == (1, 250, 3)
    assert read_draws(beta[..., ::-1], model, names=model.names[::-1]).names == model.names


def test_potential_energy_is_turned_into_a_log_density_and_that_is_said(model, drawn):
    found = read_draws(numpyro_mcmc(drawn), model)
    assert np.array_equal(found.log_density, drawn.log_density)
    assert any("potential energy" in note for note in found.notes)


def test_a_vector_without_names_is_taken_by_place_and_that_is_said(model, drawn):
    found = read_draws(dataset(drawn, b=(("i",), [0, 1, 2]), p=(("obs",), [0] * 32)), model)
    assert found.notes == (
        "no names came with b[0], b[1], b[2]: they are taken for Intercept, gpa, C(psi)[T.1], in "
        "this order",
    )
    named = dataset(drawn, b=(("i",), [2, 0, 1])).assign_coords(i=["psi[1]", "Intercept", "gpa"])
    for variables in (None, "b"):
        found = read_draws(named, model, variables)
        assert np.array_equal(found.draws, drawn.draws)
        assert found.notes == ()


@pytest.mark.parametrize(
    ("labels", "variables", "order"),
    [
        (["a", "b", "c"], ["c", "a", "b"], ["c", "a", "b"]),
        (["a", "b", "gpa"], {"Intercept": "b", "C(psi)[T.1]": "a"}, ["b", "gpa", "a"]),
        (["beta[0]", "beta[1]", "beta[2]", "z[0]"], "beta", ["beta[0]", "beta[1]", "beta[2]"]),
        (["w[1]", "w[2]", "alpha", "sigma"], None, ["alpha", "w[1]", "w[2]"]),
        (["b_Intercept", "Intercept", "b[1]", "b[2]"], None, ["b_Intercept", "b[1]", "b[2]"]),
        (["(Intercept)", "gpa", "psi1"], None, ["(Intercept)", "gpa", "psi1"]),
        (["Intercept", "gpa", "psi"], None, ["Intercept", "gpa", "psi"]),
        (["b.1", "b.2", "b.3"], {"Intercept": "b.1", "gpa": "b.2", "C(psi)[T.1]": "b.3"}, None),
    ],
)
def test_variables_are_paired_by_what_is_said_or_else_by_name(model, labels, variables, order):
    from flatprior.models.encoding.stan_csv import element

    found, _ = pair(model, [element(label) for label in labels], variables)
    assert found == (order or ["b[1]", "b[2]", "b[3]"])


def test_a_factor_of_two_levels_is_a_number_too_and_that_is_said():
    model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    order, notes = pair(model, ["Intercept", "gpa", "psi[1]"], None)
    assert order == ["Intercept", "gpa", "psi[1]"]
    assert notes == ("of two levels there is one difference: taken was psi[1] for psi",)
    with pytest.raises(ValueError, match="no draws of psi"):
        pair(model, ["Intercept", "gpa", "psi[1]", "psi[2]"], None)


@pytest.mark.parametrize(
    ("labels", "variables", "message"),
    [
        (["a", "b"], None, "no draws of Intercept.*there are a, b.*variables={'Intercept': ..."),
        (["b[1]", "b[2]", "b[3]", "c[1]", "c[2]", "c[3]"], None, "may be in b, c"),
        (["b[1]", "b[2]"], "b", "b has 2 elements; the model has 3 coefficients"),
        (["b[1]"], "z", "no vector 'z'; there are b"),
        (["x"], {"nothing": "x"}, "no coefficient nothing"),
    ],
)
def test_where_nothing_matches_one_sentence_says_what_is_there_and_what_to_type(
    model, labels, variables, message
):
    with pytest.raises(ValueError, match=message) as raised:
        pair(model, labels, variables)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("thing", "error", "message"),
    [
        ("https://example.org/draws.nc", ValueError, "on another machine.*download it"),
        ("s3://bucket/draws.zarr", ValueError, "on another machine"),
        ("trace.pkl", ValueError, "pickled object, which is never loaded"),
        ("draws.zarr", ValueError, "save the draws as netCDF"),
        ("nowhere.nc", FileNotFoundError, "no file"),
        (object(), TypeError, "draws must be a DataTree"),
    ],
)
def test_nothing_remote_or_pickled_is_loaded(model, thing, error, message):
    if isinstance(thing, str):
        assert is_draws(thing)
    with pytest.raises(error, match=message):
        read_draws(thing, model)


def test_files_that_are_no_draws_are_refused_in_one_sentence(model, tmp_path):
    import xarray

    damaged = tmp_path / "damaged.nc"
    damaged.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500))
    text = tmp_path / "text.nc"
    text.write_text("no netCDF")
    empty = tmp_path / "empty.nc"
    xarray.Dataset({"x": ("i", [1.0, 2.0])}).to_netcdf(empty, engine="h5netcdf")
    for path, message in (
        (damaged, "cannot be read"),
        (text, "no netCDF file"),
        (empty, "holds no draws"),
    ):
        with pytest.raises(ValueError, match=message) as raised:
            read_draws(path, model)
        assert "\n" not in str(raised.value)
    with pytest.raises(ValueError, match="no CSV files of CmdStan"):
        read_draws(tmp_path, model)


@pytest.mark.parametrize(
    "thing",
    [
        np.zeros(3),
        np.zeros((3, 3)),
        np.zeros((50, 4)),
        "table.csv",
        {"Intercept": 1.0, "gpa": 2.0},
        pd.DataFrame({"term": ["a"] * 20, "estimate": np.zeros(20)}),
        pd.DataFrame({"estimate": np.zeros(20), "se": np.ones(20), "z": np.zeros(20)}),
        pd.Series({"Intercept": 1.0}),
        object(),
        None,
        [],
    ],
)
def test_estimates_and_printed_tables_are_no_draws(model, thing):
    assert not is_draws(thing, model)


def test_notes_are_shown_and_come_back_from_a_file(model, drawn, tmp_path):
    found = read_draws(dataset(drawn, b=(("i",), [0, 1, 2])), model)
    found.save(tmp_path / "draws.nc")
    again = Posterior.load(tmp_path / "draws.nc")
    assert again.notes == found.notes != ()
    assert found.notes[0][1:] in " ".join(str(again).split())
