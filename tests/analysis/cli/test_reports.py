import click

from flatprior.analysis import read_report
from flatprior.analysis.auditing.audit import audit
from flatprior.analysis.cli.reports import make_report, seed_for
from flatprior.models import BernoulliLogistic, fit_newton, load_spector


def test_a_seed_is_drawn_only_for_a_report():
    assert seed_for(7, "report.html") == 7
    assert seed_for(None, None) is None
    seeds = {seed_for(None, "report.html") for _ in range(20)}
    assert len(seeds) > 1
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_a_report_names_the_command_that_makes_it_again_without_its_files(tmp_path, capsys):
    model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    found = audit(fit_newton(model), model)
    path = tmp_path / "report.html"
    for seed, said in ((None, "flatprior audit 'a b' d"), (3, "flatprior audit --seed 3 'a b' d")):
        with click.Context(click.Command("audit")) as context:
            context.meta["flatprior.arguments"] = [
                *("audit", "--report", str(path), "a b", "--json=x", "d")
            ]
            make_report(str(path), seed, audits=found)
        assert read_report(path)["command"] == said
    assert f"written to {path}" in capsys.readouterr().err
