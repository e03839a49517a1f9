import json


def test_the_facts_are_json_without_data(demo):
    model, _, agreement = demo
    text = json.dumps(agreement.to_dict(), allow_nan=False)
    facts = json.loads(text)
    assert facts["verdict"] == "agree"
    assert len(facts["routes"]) == 3
    assert facts["posteriors"][0]["n_draws"] == 4000
    assert len(text) < 50_000 < model.n_rows * model.n_parameters * 8
