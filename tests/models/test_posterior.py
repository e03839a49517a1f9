import sys

import numpy as np
import pytest
from closed_form import Saturated
from damaged_files import damaged
from multiplier import repeated
from problems import CASES, as_posterior, simulated
from scipy.stats import beta as beta_distribution, norm

from flatprior.analysis import check_posterior, posterior_moments
from flatprior.models import (
    BernoulliLogistic,
    PointEstimate,
    Posterior,
    fit_newton,
    load_smarket,
    sample_independence,
    sample_nuts,
)
from flatprior.models.posterior import at_draws, interval_of


@pytest.fixture(scope="module")
def normal():
    """Draws from two normal distributions, posing as a posterior."""
    rng = np.random.default_rng(1)
    model = Saturated(np.eye(2), np.array([5, 5]), np.array([5, 5])).model
    draws = rng.normal([1.0, -3.0], [1.0, 0.5], size=(4, 5000, 2))
    return as_posterior(model, draws, norm.logpdf(draws).sum(axis=2))


def test_summary_is_that_of_the_distribution(normal):
    # 20,000 independent draws: 5 standard errors of a mean or quantile, false-alarm rate 1e-5
    table = normal.summary(prob=0.9)
    assert list(table.columns) == [
        "mean", "sd", "5%", "95%", "pd", "mcse", "ess bulk", "ess tail", "r_hat",
    ]  # fmt: skip
    assert table["mean"].to_numpy() == pytest.approx([1, -3], abs=0.04)
    assert table["sd"].to_numpy() == pytest.approx([1, 0.5], rel=0.03)
    assert table["5%"].to_numpy() == pytest.approx([1 - 1.645, -3 - 0.822], abs=0.08)
    assert table["pd"].to_numpy() == pytest.approx([norm.cdf(1), 1], abs=0.015)


def test_that_all_draws_are_on_one_side_is_no_certainty(normal):
    shown = normal.rendered(["pd"])
    assert (normal.draws[..., 1] < 0).all()
    assert shown.cells[1] == (">0.999",)
    assert "Where pd has >, all 20,000 draws are on one side" in shown.notes[0]
    assert "on one side" not in " ".join(normal.rendered(["mean"]).notes)


def test_the_shortest_interval_is_shorter_and_holds_its_probability():
    rng = np.random.default_rng(2)
    draws = rng.gamma(2.0, size=(4, 5000, 1))
    eti, hdi = (np.ravel(list(interval_of(draws, 0.9, kind).values())) for kind in ("eti", "hdi"))
    assert hdi[1] - hdi[0] < eti[1] - eti[0]
    for low, high in (eti, hdi):
        assert ((draws > low) & (draws < high)).mean() == pytest.approx(0.9, abs=1e-3)
    assert list(interval_of(draws, 0.9, "hdi")) == ["90% HDI low", "90% HDI high"]
    # the ends of the shortest interval of a gamma(2) distribution
    assert hdi == pytest.approx([0.0837, 3.932], abs=0.15)


def test_odds_ratios_are_the_coefficients_exponentiated(normal):
    table, ratios = normal.summary(prob=0.9), normal.odds_ratios(prob=0.9)
    for end in ("5%", "95%"):
        assert np.log(ratios[end]).to_numpy() == pytest.approx(table[end].to_numpy(), abs=1e-3)
    medians = np.median(normal.draws, axis=(0, 1))
    assert ratios["odds ratio"].to_numpy() == pytest.approx(np.exp(medians), rel=1e-12)
    assert ratios["pd"].equals(table["pd"])
    # the shortest interval of the ratio is not that of the coefficient, exponentiated
    shortest = normal.odds_ratios(prob=0.9, interval="hdi")
    assert shortest["90% HDI high"].iloc[0] < ratios["95%"].iloc[0]


def test_odds_ratios_too_large_for_a_double_are_infinite_and_never_nan():
    X, y = simulated(100, 3, seed=1)
    model = BernoulliLogistic.from_arrays(X * [1, 1e-8, 1e8], y)
    posterior = sample_independence(model, draws=200, seed=1, progress=False)
    for interval in ("eti", "hdi"):
        ratios = posterior.odds_ratios(interval=interval)
        assert ratios.notna().all().all()
        assert np.isinf(ratios["odds ratio"].iloc[1])


@pytest.mark.parametrize(("chains", "draws"), [(1, 10), (4, 10), (50, 20), (1, 500)])
def test_few_draws_and_single_chains_have_a_summary(chains, draws):
    model = CASES["spector"].model
    posterior = sample_independence(model, draws, chains, seed=2, progress=False)
    assert posterior.summary().shape == (4, 9)
    if chains == 1:
        assert posterior.warnings == ()  # R-hat needs two chains: of one nothing is said


def test_intervals_of_a_real_posterior_are_those_of_the_closed_form():
    a, c = np.array([12, 5]), np.array([7, 16])
    model = Saturated(np.eye(2), a, c).model
    posterior = sample_independence(model, draws=5000, seed=3, progress=False)
    table = posterior.odds_ratios(prob=0.5)
    p = beta_distribution.ppf([[0.25], [0.75]], a, c)
    exact = p / (1 - p)
    # quartiles of about 10,000 effective draws: standard error 1.5% of the odds ratio at most
    assert pytest.approx(exact, rel=0.07) == table[["25%", "75%"]].to_numpy().T


def test_draws_that_do_not_mix_or_diverge_are_warned_of(normal):
    stuck = normal.draws + 5 * np.arange(4)[:, None, None]
    posterior = as_posterior(CASES["hl_chdage55"].model, stuck, normal.log_density)
    posterior.data["sample_stats"]["diverging"][0, :3] = True
    said = posterior.warnings
    assert any("3 draws diverged" in warning for warning in said)
    assert any("R-hat is" in warning for warning in said)
    assert normal.warnings == ()


def test_printed_draws_fit_the_terminal_and_say_what_is_wrong(normal):
    posterior = sample_independence(CASES["pima_tr"].model, draws=100, seed=4, progress=False)
    shown = str(posterior)
    assert "Route independence" in shown
    assert "200 observations, 4 chains of 100 draws" in shown
    assert "acceptance 0.6" in shown
    stuck = normal.draws + 5 * np.arange(4)[:, None, None]
    wrong = str(as_posterior(CASES["hl_chdage55"].model, stuck, normal.log_density))
    assert "above 1.01: sample longer" in wrong
    assert max(map(len, [*shown.splitlines(), *wrong.splitlines()])) <= 80


def test_independence_draws_are_saved_and_read_with_their_diagnostics(tmp_path):
    posterior = sample_independence(CASES["spector"].model, draws=100, seed=4, progress=False)
    posterior.save(tmp_path / "draws.nc")
    again = Posterior.load(tmp_path / "draws.nc")
    assert np.array_equal(again.draws, posterior.draws)
    assert again.diagnostics == posterior.diagnostics
    assert again.route == "independence"
    assert again.seed == 4
    assert again.data["sample_stats"]["accepted"].dtype == bool


@pytest.mark.parametrize("damage", ["names", "accepted", "weights"])
def test_files_that_would_fail_later_are_refused(tmp_path, damage):
    posterior = sample_independence(CASES["spector"].model, draws=100, seed=4, progress=False)
    tree = posterior.data
    if damage == "names":
        tree["posterior"] = tree["posterior"].to_dataset().drop_vars("coefficient")
    elif damage == "accepted":
        tree["sample_stats"] = tree["sample_stats"].to_dataset().drop_vars("accepted")
    else:
        tree["sample_stats"]["log_weight"][0, 0] = np.nan
    posterior.save(tmp_path / "draws.nc")
    with pytest.raises(ValueError, match="does not hold draws saved by flatprior"):
        Posterior.load(tmp_path / "draws.nc")


@pytest.mark.parametrize(
    ("options", "words"),
    [({"prob": 1.0}, "prob must lie between 0 and 1"), ({"interval": "hpd"}, 'must be "eti" or')],
)
def test_unusable_options_are_named(normal, options, words):
    for method in (normal.summary, normal.odds_ratios):
        with pytest.raises(ValueError, match=words):
            method(**options)


@pytest.fixture
def draws(tmp_path):
    posterior = sample_independence(CASES["spector"].model, draws=50, seed=4, progress=False)
    posterior.save(tmp_path / "draws.nc")
    return posterior, tmp_path / "draws.nc"


def unsealed(path, checksum=False):
    """The same file as an earlier version wrote it: with no checksum."""
    import xarray

    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        tree = tree.load().copy()
    if not checksum:
        del tree.attrs["checksum"]
    tree.to_netcdf(path, engine="h5netcdf")


def test_draws_that_were_changed_in_the_file_are_told(draws):
    posterior, path = draws
    good = path.read_bytes()
    rng = np.random.default_rng(1)
    number, same = repeated(60), 0
    for _ in range(number):
        content = damaged(good, rng)
        if b"flatprior sha256" not in content[-100:]:
            continue  # read by another process: see below
        path.write_bytes(content)
        found, said = None, ""
        try:
            found = Posterior.load(path)
        except ValueError as error:
            said = str(error)
        if found is None:
            assert "damaged after it was written" in said or "not hold draws" in said
        else:  # a byte that says nothing was changed
            assert (found.draws == posterior.draws).all()
            assert (found.log_density == posterior.log_density).all()
            same += 1
    assert same <= number / 100


def test_a_file_without_the_seal_at_its_end_is_held_against_the_checksum_in_it(draws):
    posterior, path = draws
    unsealed(path, checksum=True)  # written again by another program
    assert np.array_equal(Posterior.load(path).draws, posterior.draws)
    assert not Posterior.load(path).unchecked
    import xarray

    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        tree = tree.load().copy()
    tree["posterior"]["beta"][0, 0, 0] += 1e-9
    tree.to_netcdf(path, engine="h5netcdf")
    with pytest.raises(ValueError, match="the draws are not those that were written"):
        Posterior.load(path)


def test_a_file_of_an_earlier_version_is_read_and_says_that_nobody_can_tell(draws):
    posterior, path = draws
    unsealed(path)
    found = Posterior.load(path)
    assert np.array_equal(found.draws, posterior.draws)
    assert found.warnings[0].startswith("the file had no checksum")
    found.save(path)
    assert not any("checksum" in said for said in Posterior.load(path).warnings)


def test_a_file_that_hdf5_never_finishes_with_is_given_up(draws, monkeypatch):
    from flatprior.models import posterior as module

    _, path = draws
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match="does not hold draws saved by flatprior"):
        Posterior.load(path)
    monkeypatch.setattr(module, "_REWRITE", "while True: pass")
    monkeypatch.setattr(module, "LONGEST_READ", 0.5)
    with pytest.raises(ValueError, match="was not read within"):
        Posterior.load(path)


def test_other_readers_open_the_file_as_before(draws):
    import xarray

    posterior, path = draws
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        assert np.array_equal(tree["posterior"]["beta"].to_numpy(), posterior.draws)
    with xarray.open_dataset(path, engine="h5netcdf", group="sample_stats") as group:
        assert np.array_equal(group["lp"].to_numpy(), posterior.log_density)


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_full_disk_is_an_error_and_leaves_no_file(tmp_path):
    import resource
    import signal

    posterior = sample_independence(CASES["spector"].model, draws=200, seed=1, progress=False)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            posterior.save(tmp_path / "draws.nc")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a" * 250, "\N{CJK UNIFIED IDEOGRAPH-540D}" * 80])
def test_a_name_may_be_as_long_as_the_file_system_allows(name, tmp_path):
    fit = fit_newton(CASES["spector"].model)
    fit.save(tmp_path / name)
    assert (PointEstimate.load(tmp_path / name).coefficients == fit.coefficients).all()


@pytest.mark.parametrize("name", ["a\ud800.json", "a\0.json"])
def test_what_no_file_can_be_called_is_refused_in_a_sentence(name):
    fit = fit_newton(CASES["spector"].model)
    for do in (fit.save, PointEstimate.load, Posterior.load):
        with pytest.raises(OSError, match="is no name that a file can have"):
            do(name)


@pytest.fixture(scope="module")
def posterior():
    return sample_nuts(
        CASES["spector"].model, draws=100, tune=200, chains=2, seed=1, progress=False
    )


def test_draws_survive_disk_exactly_with_labels(tmp_path, posterior):
    posterior.save(tmp_path / "draws.nc")
    loaded = Posterior.load(tmp_path / "draws.nc")
    assert np.array_equal(loaded.draws, posterior.draws)
    assert np.array_equal(loaded.log_density, posterior.log_density)
    assert loaded.names == posterior.names == ("const", "gpa", "tuce", "psi")
    assert loaded.provenance == posterior.provenance
    assert loaded.data["posterior"]["beta"].dims == ("chain", "draw", "coefficient")


def test_summaries_name_their_probability(posterior):
    fit = fit_newton(CASES["spector"].model)
    assert list(fit.summary(prob=0.9).columns[4:6]) == ["5%", "95%"]
    table = posterior.summary(prob=0.8)
    assert list(table.columns) == [
        "mean", "sd", "10%", "90%", "pd", "mcse", "ess bulk", "ess tail", "r_hat",
    ]  # fmt: skip
    assert (table["10%"] < table["mean"]).all()
    assert max(len(line) for line in str(fit).splitlines()[1:-1]) <= 80


SMARKET = "Direction ~ Lag1 + Lag2"


@pytest.fixture
def both(tmp_path):
    load_smarket().to_parquet(tmp_path / "smarket.parquet")
    formula = BernoulliLogistic.from_formula(SMARKET, load_smarket())
    return formula, BernoulliLogistic.from_parquet(tmp_path, SMARKET)


def test_draws_their_tests_and_moments_share_a_pass(both):
    memory, files = both
    found = []
    for model in both:
        mle = fit_newton(model)
        drawn = sample_independence(model, draws=200, seed=3, progress=False)
        before = 0 if model.passes is None else model.passes.number
        flat = drawn.draws.reshape(-1, model.n_parameters)
        values = at_draws(model.rows, flat)
        check = check_posterior(model, drawn, mle)
        checked = 0 if model.passes is None else model.passes.number
        moments = posterior_moments(model, drawn, mle)
        after = 0 if model.passes is None else model.passes.number
        read = checked - before, after - checked
        found.append((drawn, values, check, moments, read))
    (drawn, values, check, moments, _), (theirs, kept, again, same, read) = found
    assert theirs.draws == pytest.approx(drawn.draws, rel=1e-9)
    assert kept == pytest.approx(values, rel=1e-9, abs=1e-7)
    # of every draw, the repeated ones too, as they are found anew by the model's own functions
    flat = theirs.draws.reshape(-1, 3)
    assert kept[:, 0] == pytest.approx(memory.log_likelihood(flat), rel=1e-13)
    assert kept[::100, 1:] == pytest.approx(
        np.array([memory.score(each) for each in flat[::100]]), abs=1e-9
    )
    assert (again.score_p, again.trace) == pytest.approx((check.score_p, check.trace), rel=1e-6)
    assert same.mean == pytest.approx(moments.mean, rel=1e-9)
    assert same.sd == pytest.approx(moments.sd, rel=1e-7)
    before = files.passes.number
    at_draws(files.rows, flat)
    assert files.passes.number == before
    assert read == (3, 1)  # the certificate's two, first-order theory's; the twins of the draws


def test_draws_that_are_not_the_samplers_are_read_for(both):
    _, files = both
    drawn = sample_independence(files, draws=50, seed=1, progress=False)
    before = files.passes.number
    moved = drawn.draws.reshape(-1, 3) + 1e-9
    assert at_draws(files.rows, moved)[:, 0] == pytest.approx(
        at_draws(files.rows, drawn.draws.reshape(-1, 3))[:, 0], rel=1e-9
    )
    assert files.passes.number == before + 1


def test_files_that_have_changed_are_not_answered_for(both, tmp_path):
    _, files = both
    drawn = sample_independence(files, draws=50, seed=1, progress=False)
    load_smarket().iloc[1:].to_parquet(tmp_path / "smarket.parquet")
    with pytest.raises(OSError, match="changed"):
        at_draws(files.rows, drawn.draws.reshape(-1, 3))
