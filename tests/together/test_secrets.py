"""No door repeats what an address was opened with: neither the library nor the command line."""

import traceback
from pathlib import Path

import pytest
from addresses import ADDRESSES, SECRET
from command_line import run

import flatprior as fp


def doors(folder):
    """Every call that takes a path, as functions of one."""
    data = fp.load_spector()
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa", data)
    fit, draws = fp.fit_newton(model), fp.sample_independence(model, seed=1, progress=False)
    agreement = fp.compare_routes(model, fit, fp.fit_sklearn(model))
    return (
        lambda address: fp.BernoulliLogistic.from_parquet(address, "grade ~ gpa"),
        lambda address: fp.BernoulliLogistic.from_formula("grade ~ gpa", address),
        lambda address: fp.BernoulliLogistic.from_formula(address, data),
        lambda address: fp.BernoulliLogistic.from_formula("grade ~ gpa", data, offset=address),
        lambda address: fp.predict(model, fit, address),
        lambda address: fp.average_marginal_effects(model, fit, address),
        lambda address: fp.audit(address, model),
        lambda address: fp.audit([address], model),
        lambda address: fp.audit(Path(address), model),
        lambda address: fp.explain_difference(model, address),
        lambda address: fp.PointEstimate.load(address),
        lambda address: fp.Posterior.load(address),
        lambda address: fp.read_report(address),
        lambda address: fp.verify_report(model, address),
        lambda address: fp.write_report(address, agreement),
        fit.save,
        draws.save,
    )


@pytest.fixture(scope="module")
def every_door(tmp_path_factory):
    return doors(tmp_path_factory.mktemp("doors"))


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_library_repeats_no_secret_of_an_address(every_door, address, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place, door in enumerate(every_door):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is
            door(address)
        shown = "".join(traceback.format_exception(caught.value, limit=0))
        assert SECRET not in shown, (place, shown)
    assert not any(tmp_path.iterdir())


CALLS = (
    ("fit", "{}", "grade ~ gpa"),
    ("fit", "grade ~ gpa", "{}"),
    ("check", "{}", "grade ~ gpa", "--missing", "{}"),
    ("agree", "data.csv", "{}"),
    ("compare", "{}", "grade ~ gpa", "grade ~ psi"),
    ("explain", "data.csv", "grade ~ gpa", "{}"),
    ("explain", "{}", "grade ~ gpa", "fit.json"),
    ("audit", "{}", "data.csv", "grade ~ gpa"),
    ("audit", "{}"),
    ("verify", "{}", "data.csv"),
    ("fit", "data.csv", "grade ~ gpa", "--json", "{}"),
    ("fit", "data.csv", "grade ~ gpa", "--report", "{}"),
    ("fit", "data.csv", "grade ~ gpa", "--offset", "{}"),
    ("fit", "data.csv", "grade ~ gpa", "--event", "{}"),
    ("{}",),
    ("fit", "data.csv", "grade ~ gpa", "--{}"),
)


@pytest.mark.parametrize("call", CALLS, ids=" ".join)
def test_the_command_line_repeats_no_secret_of_an_address(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    fp.load_spector().to_csv("data.csv", index=False)
    Path("fit.json").write_text('{"Intercept": 1.0, "gpa": 1.0}')
    there = set(tmp_path.iterdir())
    for address in ADDRESSES:
        result = run(*(word.replace("{}", address) for word in call))
        assert result.exit_code == 2
        assert result.stderr.startswith("flatprior: ")
        assert result.stderr.count("\n") == 1
        assert SECRET not in result.output + result.stderr
    assert set(tmp_path.iterdir()) == there


def test_a_script_that_is_not_there_is_not_shown_with_secrets():
    result = run("audit", f"https://me:{SECRET}@host/script.py")
    assert result.exit_code == 2
    assert SECRET not in result.stderr
    assert "https://***@host/script.py" in result.stderr


def test_a_report_does_not_repeat_those_of_its_command():
    data = fp.load_spector()
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa", data)
    agreement = fp.compare_routes(model, fp.fit_newton(model), fp.fit_sklearn(model))
    command = "\n".join(f"flatprior fit {address} 'grade ~ gpa'" for address in ADDRESSES)
    facts = fp.report_facts(agreement, command=command)
    assert "flatprior fit https://***@host" in str(facts)
    assert SECRET not in str(facts)
