import csv
import io

import pytest
from reports import item, value_of

from flatprior.analysis import report_facts


def test_seed_hash_and_versions_are_those_of_the_results(facts, model, agreement):
    table = item(facts, "provenance")
    (posterior,) = agreement.posteriors
    assert value_of(table, "seed") == f"{posterior.route} {posterior.seed}"
    assert value_of(table, "data hash (XXH3, 128 bits)") == model.data_hash
    shown = dict(each.split() for each in value_of(table, "versions").split(", "))
    assert shown == facts["data"]["versions"]


def test_a_command_is_promised_to_make_the_file_only_where_flatprior_ran_it(facts, model):
    stated = (
        "A command that was given to write_report is what its caller states, and is not checked"
    )
    repeated = "makes, with --report FILE, this very file again, byte for byte"
    assert f"{stated}; one that flatprior ran itself {repeated}" in _of_making(facts)
    alone = _of_making(report_facts(model=model))
    assert "The same results make this very file again, byte for byte" in alone
    assert "command" not in alone


def _of_making(facts):
    (section,) = (each for each in facts["sections"] if each["id"] == "reproducibility")
    texts = (each for each in section["items"] if each["kind"] == "text")
    return " ".join(said for each in texts for said in each["text"])


def test_the_table_of_a_sampler_is_its_own_summary(facts, model, agreement):
    table = item(facts, "sampler-1")
    (posterior,) = agreement.posteriors
    assert [row["name"] for row in table["rows"]] == list(model.names)
    heading, *rows = csv.reader(io.StringIO(table["formats"]["CSV"]))
    summary = posterior.summary()
    for name in ("mean", "sd", "mcse", "r_hat"):
        shown = [float(row[heading.index({"r_hat": "R-hat"}.get(name, name))]) for row in rows]
        assert shown == pytest.approx(summary[name].tolist(), rel=1e-12)
