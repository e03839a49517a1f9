"""Which outcome counts as 1, and what is no response."""

import numpy as np
import pandas as pd
import pytest
from every_way import every_way

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files import source
from flatprior.models.encoding.response import outcomes_of


def test_a_response_of_0_and_1_with_something_else_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 7)
    cells = ["0", "1"] * 10 + ["?"] + ["1", "0"] * 10 + ["?", "1"]
    path = tmp_path / "d.csv"
    path.write_text("y,x\n" + "".join(f"{y},{i}\n" for i, y in enumerate(cells)))
    for build in (
        lambda: BernoulliLogistic.from_formula("y ~ x", path),
        lambda: BernoulliLogistic.from_parquet(path, "y ~ x"),
    ):
        with pytest.raises(ValueError, match=r"response 'y' holds num.*'\?' in 2 rows \(21, 42\)"):
            build()


@pytest.mark.parametrize("ordered", [True, False])
def test_the_order_of_a_response_of_categories_is_kept(ordered):
    values = pd.Categorical(["lo", "hi", "lo", "hi"], categories=["lo", "hi"], ordered=ordered)
    x = [1.0, 2.0, 3.0, 4.0]
    for y in (values, pd.Series(values), pd.CategoricalIndex(values), pd.DataFrame({"y": values})):
        model = BernoulliLogistic.from_arrays(x, y)
        assert model.response_coding == "hi = 1, lo = 0"
        assert model.response.tolist() == [0, 1, 0, 1]
    for y in (values, pd.Series(values), pd.CategoricalIndex(values)):
        for data in ({"x": x, "y": y}, pd.DataFrame({"x": x, "y": y})):
            model = BernoulliLogistic.from_formula("y ~ x", data)
            assert model.response_coding == "hi = 1, lo = 0"


@pytest.mark.parametrize("dtype", ["bool", "boolean", "object"])
def test_the_coding_of_truth_values_is_said_whatever_stores_them(dtype, tmp_path):
    frame = pd.DataFrame({"y": pd.array([True, False] * 4, dtype=dtype), "x": range(8)})
    assert BernoulliLogistic.from_formula("y ~ x", frame).response_coding == "True = 1, False = 0"
    # an empty file, or a missing value, makes objects of them
    frame.iloc[:0].to_csv(tmp_path / "0.csv", index=False)
    frame.iloc[:5].to_csv(tmp_path / "1.csv", index=False)
    frame.iloc[5:].assign(y=[True, False, None]).to_csv(tmp_path / "2.csv", index=False)
    for build in (
        BernoulliLogistic.from_parquet,
        lambda p, f: BernoulliLogistic.from_formula(f, p),
    ):
        assert build(tmp_path, "y ~ x").response_coding == "True = 1, False = 0"


# a response of two values (0 and 1 of them), the event that is asked for, what it is said to be
CODED = {
    "numbers 0 and 1": ([0, 1], None, ""),
    "0 and 1, and 1 is asked for": ([0, 1], 1, "1 = 1, 0 = 0"),
    "0 is the event": ([1, 0], "0", "0 = 1, 1 = 0"),
    "the larger number": ([1, 2], None, "2 = 1, 1 = 0"),
    "the smaller number": ([2.0, 1.0], 1, "1 = 1, 2 = 0"),
    "minus one": ([-1, 1], None, "1 = 1, -1 = 0"),
    "minus one is the event": ([1, -1], "-1", "-1 = 1, 1 = 0"),
    "a zero and another": ([0, 2], "2.0", "2 = 1, 0 = 0"),
    "fractions, by name": ([0.5, 0.25], 0.25, "0.25 = 1, 0.5 = 0"),
    "truth values": ([False, True], None, "True = 1, False = 0"),
    "FALSE is the event": ([True, False], "FALSE", "False = 1, True = 0"),
    "words": (["bad", "good"], None, "good = 1, bad = 0"),
    "the first word": (["good", "bad"], "bad", "bad = 1, good = 0"),
    "yes": (["no", "yes"], "yes", "yes = 1, no = 0"),
    "case": (["control", "case"], "case", "case = 1, control = 0"),
}


@pytest.mark.parametrize("name", CODED)
def test_the_event_is_what_was_asked_for_however_the_rows_come(name, tmp_path, monkeypatch):
    values, event, coding = CODED[name]
    ones = np.random.default_rng(1).integers(0, 2, size=30)
    frame = pd.DataFrame({"y": [values[i] for i in ones], "x": np.arange(30.0)})
    hashes = set()
    for way, build in every_way(frame, tmp_path, monkeypatch):
        model = build("y ~ x", event=event)
        blocks = model.rows.reduce(lambda block: [block.sign > 0])
        assert np.concatenate(blocks).tolist() == ones.astype(bool).tolist(), way
        assert model.response_coding == coding, way
        assert model.n_events == ones.sum(), way
        assert model.event == (None if event is None else coding.partition(" = 1")[0]), way
        assert f"events{f' ({coding})' if coding else ''}" in model.facts[0]
        again = build("y ~ x", event=model.event)  # as a report states it: in words
        assert again.data_hash == model.data_hash
        hashes.add(model.data_hash)
    assert len(hashes) == 1
    arrays = BernoulliLogistic.from_arrays(frame[["x"]], frame["y"], intercept=True, event=event)
    assert arrays.response.tolist() == ones.tolist()
    assert (arrays.response_coding, arrays.event) == (coding, model.event)
    other = 1 - ones[0]
    opposite = BernoulliLogistic.from_formula("y ~ x", frame, event=values[0])
    assert opposite.response[0] == other
    assert opposite.data_hash != model.data_hash


NO_EVENT = {
    "another word": (["good", "bad"], "Bad", r"'Bad' is no value of .* 'y', which has 'bad' and"),
    "another number": ([0, 1], 2, "'2' is no value of the response 'y', which has '0' and '1'"),
    "a word of numbers": ([1, 2], "yes", "'yes' is no value of .* which has '1' and '2'"),
    "a list": (["good", "bad"], ["bad"], r"the event \"\['bad'\]\" is no value of"),
    "of three": (["a", "b", "c"], "a", "has 3 categories"),
    "of three numbers": ([1, 2, 3], 1, "must be 0 or 1, but it has the values 1, 2, 3"),
    "of one": (["a", "a"], "a", "has 1 category"),
    "of one number": ([2, 2], 2, "it has the values 2 "),
    "fractions": ([0.25, 0.5], None, "must be 0 or 1, but it has the values 0.25, 0.5"),
}


@pytest.mark.parametrize("name", NO_EVENT)
def test_an_event_that_is_none_is_one_sentence_however_the_rows_come(name, tmp_path, monkeypatch):
    values, event, words = NO_EVENT[name]
    frame = pd.DataFrame({"y": values * 10, "x": range(10 * len(values))})
    said = set()
    for _, build in every_way(frame, tmp_path, monkeypatch):
        with pytest.raises(ValueError, match=words) as caught:
            build("y ~ x", event=event)
        said.add(str(caught.value))
    assert len(said) == 1


def test_a_level_that_is_named_exactly_is_the_event():
    x = [1.0, 2.0, 3.0, 4.0]
    model = BernoulliLogistic.from_arrays(x, ["1", "1.0", "1", "1.0"], event="1")
    assert model.response.tolist() == [1, 0, 1, 0]
    model = BernoulliLogistic.from_arrays(x, pd.Categorical([2, 1, 2, 1], [2, 1]))
    assert (model.response_coding, model.response.tolist()) == ("1 = 1, 2 = 0", [0, 1, 0, 1])
    assert BernoulliLogistic.from_arrays(x, [1, 1, 1, 1], event=1).n_events == 4
    assert BernoulliLogistic.from_arrays(x, [1, 1, 1, 1], event=0).n_events == 0


def test_an_event_that_may_be_either_level_is_refused():
    for levels in (["1", "1.0"], ["01", "1"]):
        assert outcomes_of("y", levels, levels[0]).event == levels[0]
        with pytest.raises(ValueError, match="name one of them"):
            outcomes_of("y", levels, 1)
