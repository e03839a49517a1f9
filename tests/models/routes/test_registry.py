from importlib.util import find_spec

import pytest

import flatprior as fp
from flatprior.models.routes.registry import LABELS, ROUTES, USUAL, Route, routes_named


@pytest.fixture(scope="module")
def model():
    return fp.BernoulliLogistic.from_formula("grade ~ gpa", fp.load_spector())


def test_the_registry_names_the_routes_that_there_are():
    assert USUAL == ("newton", "sklearn", "map", "nuts")
    assert list(LABELS) == [*USUAL, "independence"]
    assert len(set(LABELS.values())) == len(ROUTES)


@pytest.mark.parametrize("route", [r for r in ROUTES if r.name not in ("map", "nuts")])
def test_a_route_states_its_own_name(route, model):
    result = route.run(model, draws=200, chains=4, seed=1, progress=False, tune=5)
    assert result.route == route.name


def test_a_route_is_given_the_settings_that_it_takes(model):
    route = next(route for route in ROUTES if route.name == "independence")
    posterior = route.run(model, draws=150, chains=3, seed=1, progress=False, tune=5)
    assert posterior.draws.shape == (3, 150, 2)


def test_one_line_more_is_a_route_that_everything_knows(model, monkeypatch):
    """`run_routes` and the options of the command line read the registry, and nothing else."""
    from click.testing import CliRunner

    from flatprior.analysis.cli import commands
    from flatprior.models.routes import registry

    more = Route("again", "Newton again", "newton:fit_newton", on_request="Newton once more.")
    monkeypatch.setattr(registry, "ROUTES", (*ROUTES, more))
    monkeypatch.setattr(registry, "LABELS", {**LABELS, "again": more.label})
    (result,) = fp.run_routes(model, routes=("again",))
    assert result.converged
    monkeypatch.setattr(commands, "ROUTES", (*ROUTES, more))

    @commands.on_request
    def command(**options):
        return commands.routes_asked(options)

    given = {"independence": False, "again": True}
    assert [route.name for route in command(**given)] == [*USUAL, "again"]
    assert "--independence" in CliRunner().invoke(commands.main, ["agree", "--help"]).output


def test_an_unknown_route_is_named_beside_the_known(model):
    with pytest.raises(fp.FlatpriorError, match="no route 'nonsense'; the routes are newton, skl"):
        routes_named(("newton", "nonsense"))
    with pytest.raises(ValueError, match="no route 'nonsense'"):
        fp.run_routes(model, routes=("nonsense",))


def test_a_route_whose_package_is_missing_says_so_and_the_others_run(model, monkeypatch):
    from flatprior.models.routes import registry

    def without_pymc(name):
        return None if name == "pymc" else find_spec(name)

    monkeypatch.setattr(registry, "find_spec", without_pymc)
    results = fp.run_routes(model, routes=("newton", "sklearn", "map", "nuts"), seed=1)
    assert [result.route for result in results] == ["newton", "sklearn", "map", "nuts"]
    assert [type(result).__name__ for result in results[2:]] == ["Unavailable"] * 2
    assert "needs pymc, which is not installed" in results[3].reason
    assert fp.compare_routes(model, *results).verdict == "agree"
