"""Existence of rows in batches is that of the same rows in memory."""

import numpy as np
import pandas as pd
import pytest
from problems import KINDS, NO_MLE, ids

from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, check_existence, fit_newton
from flatprior.models.batches import batch_rows, first_pass
from flatprior.models.encoding.files import source
from flatprior.models.existence import working_set


@pytest.fixture(autouse=True)
def small_working_sets(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 150)
    monkeypatch.setattr(batch_rows, "BLOCK_ROWS", 32)
    monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 12)
    monkeypatch.setattr(working_set, "START", 8)
    monkeypatch.setattr(working_set, "JOINING", 5)


def both(frame: pd.DataFrame, formula: str, path, **roles):
    """The verdict on rows in batches, and that on the same in memory."""
    frame.to_parquet(path / "rows.parquet", row_group_size=50)
    frame = frame.set_axis(range(1, len(frame) + 1))
    return (
        check_existence(BernoulliLogistic.from_parquet(path / "rows.parquet", formula, **roles)),
        check_existence(BernoulliLogistic.from_formula(formula, frame, **roles)),
    )


def assert_same(found, expected):
    assert found.kind == expected.kind
    assert dict(found.coefficients) == dict(expected.coefficients)
    assert found.n_separated == expected.n_separated
    assert found.separated_labels == expected.separated_labels
    assert found.message == expected.message
    assert {n: dict(d) for n, d in found.dependencies.items()} == {
        n: pytest.approx(dict(d)) for n, d in expected.dependencies.items()
    }
    assert (found.limit is None) == (expected.limit is None)
    if expected.limit is not None:
        assert found.limit.names == expected.limit.names
        assert found.limit.coefficients == pytest.approx(expected.limit.coefficients, rel=1e-6)
        assert found.limit.standard_errors == pytest.approx(
            expected.limit.standard_errors, rel=1e-6
        )
        assert found.limit.log_likelihood == pytest.approx(expected.limit.log_likelihood, abs=1e-9)


def plain(n: int = 600) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    frame = pd.DataFrame(rng.normal(size=(n, 3)), columns=["a", "b", "c"])
    frame["y"] = (rng.random(n) < 1 / (1 + np.exp(1 - frame["a"]))).astype(int)
    return frame


def rare_level(frame):
    frame["r"] = 0
    frame.loc[[100, 350, 598], ["r", "y"]] = 1
    return frame, "y ~ a + b + r"


def complete(frame):
    frame["y"] = (frame["a"] > 0.3).astype(int)
    return frame, "y ~ a"


def one_row_overlaps(frame):
    frame["y"] = (frame["a"] + frame["b"] > 0).astype(int)
    frame.loc[555, ["a", "b", "y"]] = [-0.01, -0.01, 1]
    return frame, "y ~ a + b"


def dependent(frame):
    frame["s"] = 2 * frame["a"] + frame["b"]
    return frame, "y ~ a + b + s"


def one_row_makes_the_rank(frame):
    frame["s"] = frame["a"]
    frame.loc[444, "s"] += 1
    return frame, "y ~ a + b + s"


def two_levels_with_one_outcome(frame):
    frame["g"] = np.random.default_rng(2).choice(
        list("uvwxy"), len(frame), p=[0.5, 0.3, 0.1, 0.06, 0.04]
    )
    frame.loc[frame["g"] == "x", "y"] = 0
    frame.loc[frame["g"] == "y", "y"] = 1
    return frame, "y ~ a + g"


def one_outcome(frame):
    return frame.assign(y=1), "y ~ a"


def separated_and_dependent(frame):
    frame["s"] = frame["b"] - frame["c"]
    frame["r"] = 0.0
    frame.loc[590:, "r"] = 1.0
    frame.loc[590:, "y"] = 1
    return frame, "y ~ r + b + c + s"


def other_outcome_far_away(frame):
    # nothing is learnt from the three rows: a few of the others say the same without them
    frame["a"], frame["y"] = frame["a"].abs() + 0.1, 0
    frame.loc[[441, 442, 443], ["a", "y"]] = [-50.0, 1]
    return frame, "y ~ 0 + a"


def nearly_constant(frame):
    frame["k"] = 1.0
    frame.loc[444, "k"] = 2.0
    frame["y"] = (frame["a"] > 0.3 * frame["k"]).astype(int)
    return frame, "y ~ 0 + k + a"


def large_integers_all_but_equal(frame):
    frame["s"] = 2.0**50 + np.arange(600) ** 2
    frame["t"] = frame["s"]
    frame.loc[555, "t"] += 1
    return frame, "y ~ a + s + t"


PROBLEMS = [
    lambda frame: (frame, "y ~ a + b + c"), rare_level, complete, one_row_overlaps, dependent,
    one_row_makes_the_rank, two_levels_with_one_outcome, one_outcome, separated_and_dependent,
    other_outcome_far_away, nearly_constant, large_integers_all_but_equal,
]  # fmt: skip


@pytest.mark.parametrize("problem", PROBLEMS, ids=lambda problem: problem.__name__)
def test_the_verdict_is_that_of_the_rows_in_memory(problem, tmp_path):
    frame, formula = problem(plain())
    assert_same(*both(frame, formula, tmp_path))


@pytest.mark.parametrize("case", NO_MLE, ids=ids)
def test_known_cases_without_an_mle_are_found(case, tmp_path):
    frame = case.frame.set_axis([f"x{j}" for j in range(case.frame.shape[1])], axis=1)
    formula = "y ~ 0 + " + " + ".join(frame.columns)
    frame["y"], roles = case.response, {}
    if case.weights is not None:
        frame["w"], roles = case.weights, {"frequency_weights": "w"}
    found, expected = both(frame, formula, tmp_path, **roles)
    assert found.kind == KINDS[case.kind]
    assert_same(found, expected)


def test_where_a_coefficient_goes_is_asked_of_every_row(tmp_path):
    # of signed rows (1, t) with t > 0 either coefficient can fall if the other rises; with one row
    # (0, 1) b cannot. (1, 1), found of a few rows, separates that one too: only the witness for b
    # is contradicted by it
    rng = np.random.default_rng(4)
    signed = np.column_stack([np.ones(600), rng.uniform(0.5, 2.5, size=600)])
    signed[441] = [0.0, 1.0]
    frame = pd.DataFrame({"y": rng.integers(0, 2, size=600)})
    frame[["a", "b"]] = (2 * frame[["y"]].to_numpy() - 1) * signed
    frame.to_parquet(tmp_path / "rows.parquet", row_group_size=50)
    found = check_existence(
        BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ 0 + a + b"), signs=True
    )
    assert found.kind == "complete separation"
    assert dict(found.coefficients) == {"a": "undetermined", "b": "+inf"}


@pytest.mark.slow  # in short: the twelve problems above
def test_random_designs_of_every_kind(tmp_path):
    rng = np.random.default_rng(3)
    kinds = set()
    for i in range(60):
        n, k = int(rng.integers(20, 200)), int(rng.integers(1, 4))
        frame = pd.DataFrame(rng.integers(-1, 2, size=(n, k)), columns=[f"x{j}" for j in range(k)])
        eta = frame.to_numpy() @ (6 * rng.normal(size=k)) + 2 * rng.normal()
        frame["y"] = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
        frame["w"], frame["o"] = rng.integers(1, 5, size=n), rng.normal(size=n)
        roles = {"frequency_weights": "w", "offset": "o"} if rng.random() < 0.5 else {}
        formula = "y ~ 0 + " if i >= 40 else "y ~ "
        formula += " + ".join(f"x{j}" for j in range(k))
        found, expected = both(frame, formula, tmp_path, **roles)
        kinds.add(expected.kind)
        assert found.kind == expected.kind
        assert dict(found.coefficients) == dict(expected.coefficients)
        assert found.n_separated == expected.n_separated
        assert found.message == expected.message
    assert {"overlap", "quasi-complete separation", "complete separation"} <= kinds


def test_a_fit_is_refused_with_the_rows_and_the_reason(tmp_path):
    frame, formula = rare_level(plain())
    frame.to_parquet(tmp_path / "rows.parquet")
    with pytest.raises(MLEDoesNotExistError, match=r"'r' > 0 \(3 of 600 rows: 101, 351, 599\)"):
        fit_newton(BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", formula))
