import click
import numpy as np
import pandas as pd
import pytest
from command_line import run

from flatprior.analysis import read_report
from flatprior.analysis.auditing.audit import audit
from flatprior.analysis.cli.reports import make_report, seed_for
from flatprior.models import BernoulliLogistic, fit_newton, load_endometrial, load_spector


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


@pytest.mark.parametrize("command", ["fit", "agree"])
def test_where_there_is_no_estimate_there_is_a_report_of_why_and_it_is_verified(command, tmp_path):
    data, page = tmp_path / "d.csv", tmp_path / "r.html"
    load_endometrial().to_csv(data, index=False)
    result = run(command, data, "HG ~ NV + PI + EH", "--report", page)
    assert result.exit_code == 1
    assert "does not exist (quasi-complete separation)" in result.stderr
    assert read_report(page)["existence"]["n_separated"] == 13
    result = run("verify", page, data)
    assert result.exit_code == 0, result.stderr
    said = " ".join(result.stdout.replace("│", " ").split())
    assert "what the report says of their maximum likelihood estimate was found anew" in said
    assert "error bound" not in said


def test_somebody_elses_table_of_what_has_no_estimate_is_in_the_report(tmp_path):
    data, table, page = (tmp_path / name for name in ("d.csv", "t.csv", "r.html"))
    load_endometrial().to_csv(data, index=False)
    table.write_text("term,estimate\nIntercept,4.3\nNV,18.2\nPI,-0.04\nEH,-2.9\n")
    command = ("audit", "--report", page, table, data, "HG ~ NV + PI + EH")
    assert run(*command).exit_code == 1
    (found,) = read_report(page)["audits"]
    assert "no maximum likelihood estimate" in found["found"]["verdict"]
    assert run("verify", page, data).exit_code == 0


def test_draws_of_what_has_no_posterior_are_answered_with_why(tmp_path):
    data, draws, page = (tmp_path / name for name in ("d.csv", "chain_1.csv", "r.html"))
    load_endometrial().to_csv(data, index=False)
    names = ["Intercept", "NV", "PI", "EH"]
    drawn = np.random.default_rng(1).normal([4.0, 20, 0, -3], 1, (200, 4))
    frame = pd.DataFrame(drawn, columns=names).assign(lp__=0.0)
    frame.to_csv(draws, index=False)
    source = tmp_path / "chain_*.csv"
    result = run("audit", "--report", page, source, data, "HG ~ NV + PI + EH")
    assert result.exit_code == 1, result.stderr
    assert read_report(page)["audits"] == []
    assert read_report(page)["existence"]["kind"] == "quasi-complete separation"
