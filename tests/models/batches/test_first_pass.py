"""What one pass over rows in batches must know, wherever the batches are cut."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from every_way import every_way
from multiplier import repeated
from surveyed_rows import GRADES, roles_of, rows_of

from flatprior.models import BernoulliLogistic
from flatprior.models.batches import first_pass
from flatprior.models.batches.first_pass import conclude, content_digest, survey
from flatprior.models.encoding.columns import summary
from flatprior.models.encoding.files import source


def facts(found):
    """What is known of the rows, without the places where they were cut."""
    return (
        found.n_read, found.n_dropped, found.n_zero_weight, found.n_rows, found.n_observations,
        found.outcomes, {name: replace(each, tokens=None) for name, each in found.columns.items()},
        sum(found.lengths), sorted(found.sample.index),
    )  # fmt: skip


def test_the_survey_of_batches_is_that_of_the_whole_wherever_they_are_cut():
    rng = np.random.default_rng(3)
    for seed in range(repeated(4)):
        frame = rows_of(200, seed)
        roles = roles_of(frame)
        whole = survey(frame, roles, 0)
        cuts = [0, *sorted(rng.integers(0, 201, size=5)), 200]
        parts = [survey(frame[a:b], roles, i) for i, (a, b) in enumerate(pairwise(cuts))]
        while len(parts) > 1:  # neighbours merge in whatever order
            j = int(rng.integers(len(parts) - 1))
            parts[j : j + 2] = [parts[j].merge(parts[j + 1])]
        assert facts(parts[0]) == facts(whole)
        one, other = conclude(parts[0], roles), conclude(whole, roles)
        assert one.encoder.encoding.names == other.encoder.encoding.names
        assert (one.encoder.outcomes, one.n_events) == (other.encoder.outcomes, other.n_events)


def test_what_is_counted_is_what_a_plain_count_gives():
    frame = rows_of(500)
    found = survey(frame, roles_of(frame), 0)
    complete = frame.dropna()
    left = complete[complete["w"] > 0]
    assert found.n_read == 500
    assert found.n_dropped == 500 - len(complete) > 0
    assert found.n_zero_weight == len(complete) - len(left) > 0
    assert found.n_rows == len(left)
    assert found.n_observations == left["w"].sum()
    assert found.outcomes == left.groupby("y")["w"].sum().to_dict()
    columns = found.columns
    assert {name for name in columns if columns[name].levels} == {"g", "code", "grade"}
    assert columns["g"].ordered == ["north", "south", "west"]
    assert columns["code"].ordered == [1, 2, 10]
    # its own order, without what nobody has
    assert columns["grade"].ordered == ["low", "mid", "high"]
    for name in ("g", "code", "grade"):  # a witness has every level
        assert set(found.witnesses[name]) == set(columns[name].levels)
        assert columns[name].levels == left[name].value_counts().loc[lambda n: n > 0].to_dict()
    assert len(found.witnesses) <= 3 + 3 + 3


def test_a_late_level_is_known_and_where_orders_differ_levels_are_sorted():
    frame = rows_of(300)
    roles = roles_of(frame)
    first = frame[:200]
    last = frame[200:].assign(g="east")
    last["grade"] = pd.Categorical(last["grade"].astype(object), GRADES[::-1])
    merged = survey(first, roles, 0).merge(survey(last, roles, 1))
    assert merged.columns["g"].ordered == ["east", "north", "south", "west"]
    assert merged.columns["grade"].order == ()
    assert merged.columns["grade"].ordered == ["high", "low", "mid"]
    assert "east" in set(merged.witnesses["g"])
    mixed = survey(last.assign(code=pd.Categorical(["a"] * 100)), roles, 1)
    with pytest.raises(ValueError, match="'code' has text and numbers among its categories"):
        _ = survey(first, roles, 0).merge(mixed).columns["code"].ordered


def test_the_digest_sees_any_change_and_no_storage():
    frame = rows_of(60).dropna().assign(x=lambda rows: rows["x"].round(1))
    roles = roles_of(frame)
    expected = content_digest(frame, roles)
    stored = frame.assign(
        g=frame["g"].astype("category"),
        grade=frame["grade"].astype(object),
        w=frame["w"].astype("int8"),
        y=frame["y"].astype(float),
        more=1,
    )
    assert content_digest(stored[list(stored)[::-1]], roles) == expected
    assert content_digest(frame.set_axis(range(len(frame))), roles) == expected
    zero = frame.assign(o=0.0)
    assert content_digest(zero, roles) == content_digest(zero.assign(o=-0.0), roles)
    seen = {expected, content_digest(frame[::-1], roles), content_digest(frame[1:], roles)}
    for name in roles.columns:
        swapped = frame[name].copy()
        # late rows: the different values keep the order in which they come
        i, j = -1, int(np.flatnonzero(frame[name] != frame[name].iloc[-1])[-1])
        swapped.iloc[[i, j]] = frame[name].iloc[[j, i]].to_numpy()
        seen.add(content_digest(frame.assign(**{name: swapped}), roles))
    nudged = frame["x"].copy()
    nudged.iloc[7] = np.nextafter(nudged.iloc[7], 9.0)
    seen.add(content_digest(frame.assign(x=nudged), roles))
    assert len(seen) == 3 + len(roles.columns) + 1


def test_a_sample_is_that_of_the_smallest_draws_in_whatever_order_surveys_merge(monkeypatch):
    frame = rows_of(600).dropna()
    roles = roles_of(frame)
    whole = [survey(frame[i : i + 50], roles, i) for i in range(0, 400, 50)]
    drawn = np.concatenate([part.drawn for part in whole])
    labels = np.concatenate([part.sample.index for part in whole])
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 20)
    expected = set(labels[np.argsort(drawn)[:20]])
    forward, backward = whole[0], whole[-1]
    for part in whole[1:]:
        forward = forward.merge(part)
    for part in whole[-2::-1]:
        backward = backward.merge(part)
    assert set(forward.sample.index) == set(backward.sample.index) == expected
    assert len(forward.sample) == 20


def test_too_many_levels_are_refused_by_name_unless_they_may_be_numbers(monkeypatch):
    monkeypatch.setattr(summary, "MOST_LEVELS", 5)
    frame = rows_of(40).dropna().assign(w=1)
    words = frame.assign(g=[f"l{i}" for i in range(len(frame))])
    with pytest.raises(ValueError, match="column 'g' has more than 5 levels"):
        survey(words, roles_of(frame), 0)
    numbers = frame.assign(g=[str(i) for i in range(len(frame))])
    found = survey(numbers, roles_of(frame), 0)
    assert len(found.columns["g"].levels) == 6  # enough to say that they are too many
    # six words in two batches of three
    three = [frame[i : i + 3].assign(g=[f"{i}a", f"{i}b", f"{i}c"]) for i in (0, 3)]
    first, second = (survey(part, roles_of(frame), i) for i, part in enumerate(three))
    with pytest.raises(ValueError, match="column 'g' has more than 5 levels"):
        first.merge(second)


def test_nothing_left_is_said_with_what_became_of_the_rows():
    frame = rows_of(30)
    roles = roles_of(frame)
    with pytest.raises(ValueError, match="the data have no rows"):
        conclude(survey(frame[:0], roles, 0), roles)
    empty = frame.assign(x=[np.nan] * 10 + [1.0] * 20, g="west", w=0)
    with pytest.raises(
        ValueError, match="no rows are left of 30: 10 have a missing value, 20 have w"
    ):
        conclude(survey(empty, roles, 0), roles)


NUMBERS = [f"{i % 13 - 6}.5" for i in range(28)]  # four batches of seven
WITH_WORDS = {
    "in the first batch alone": ["?"] * 7 + NUMBERS[7:],
    "in a late batch": [*NUMBERS[:26], "?", NUMBERS[27]],
    "words elsewhere": ["?", *NUMBERS[1:20], *["abc"] * 8],
    "words first": [*["abc"] * 9, *NUMBERS[9:21], *["?"] * 7],
    "truths": ["?"] * 7 + ["TRUE", "FALSE", "TRUE"] * 7,
    "truths among numbers": ["?", *["TRUE", "FALSE"] * 9, *["1", "0", "0"] * 3],
    "groups": ["?"] * 3 + ["a", "b", "b", "a", "b", "c"] * 4 + ["a"],
    "nothing else": ["?"] * 28,
}


@pytest.mark.parametrize("name", WITH_WORDS)
def test_text_without_its_words_is_judged_as_a_whole_wherever_it_is_cut(
    name, tmp_path, monkeypatch
):
    """Numbers are numbers, also in batches without such a word; unless there are others."""
    frame = pd.DataFrame({"y": [0, 1] * 14, "x": np.arange(28.0) % 11, "w": 1.5})
    frame["z"] = pd.Series(WITH_WORDS[name], dtype=object)
    cases = [
        ("y ~ x + z", {}), ("y ~ C(z)", {}), ("y ~ log(z + 10)", {}), ("y ~ x", {"offset": "z"}),
        ("y ~ x", {"sampling_weights": "w", "strata": "z"}), ("z ~ x", {}),
    ]  # fmt: skip
    ways = [build for _, build in every_way(frame, tmp_path, monkeypatch)]
    taken = 0
    for formula, roles in cases:
        found = []
        for build in ways:
            try:
                model = build(formula, na="?", **roles)
                found.append((model.data_hash, model.names, model.facts))
            except ValueError as error:
                found.append(str(error))
        if (name, roles.get("strata")) != ("truths among numbers", "z"):
            assert all(each == found[0] for each in found), found
        taken += not isinstance(found[0], str)
    assert taken or name == "nothing else"


def test_numbers_with_more_values_than_there_may_be_levels_are_numbers_all_the_same(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(summary, "MOST_LEVELS", 20)
    monkeypatch.setattr(source, "BATCH_ROWS", 30)
    z = [f"{i}.25" for i in range(90)]
    frame = pd.DataFrame({"y": [0, 1, 1] * 30, "z": [*z[:89], "?"]})
    frame.to_parquet(tmp_path / "t.parquet")
    for formula in ("y ~ z", "y ~ log(z + 1)"):
        model = BernoulliLogistic.from_parquet(tmp_path / "t.parquet", formula, na="?")
        assert model.data_hash == BernoulliLogistic.from_formula(formula, frame, na="?").data_hash
    with pytest.raises(ValueError, match="more than 20 levels"):
        BernoulliLogistic.from_parquet(tmp_path / "t.parquet", "y ~ C(z)")
