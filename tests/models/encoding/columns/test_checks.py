"""What is wrong with a table is one sentence, with the remedy."""

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic, fit_newton


def test_in_batches_not_all_rows_that_are_not_finite_are_known_and_it_says_so(tmp_path):
    frame = pd.DataFrame({"x": np.arange(300) * 10.0, "y": np.arange(300) % 2})
    frame.iloc[:150].to_csv(tmp_path / "1.csv", index=False)
    frame.iloc[150:].to_csv(tmp_path / "2.csv", index=False)
    with pytest.raises(ValueError, match=r"rows \S+, .* and \d+ more; correct or drop them"):
        BernoulliLogistic.from_formula("y ~ exp(x)", frame)
    with pytest.raises(ValueError, match=r"exp\(x\).* and perhaps in others: not all rows were"):
        fit_newton(BernoulliLogistic.from_parquet(tmp_path, "y ~ exp(x)"))


@pytest.mark.parametrize(
    "build",
    [
        lambda masked: BernoulliLogistic.from_arrays([masked, [1, 2], [2, 5]], [0, 1, 0]),
        lambda masked: BernoulliLogistic.from_arrays([[1, 2], [2, 5]], list(masked)),
        lambda masked: BernoulliLogistic.from_arrays([1, 2], [0, 1], offset=[0, masked[1]]),
        lambda masked: BernoulliLogistic.from_formula("y ~ x", {"y": [0, 1], "x": list(masked)}),
        lambda masked: BernoulliLogistic.from_formula(
            "y ~ x", {"y": [0, 1], "x": np.array(list(masked), dtype=object)}
        ),
        lambda masked: BernoulliLogistic.from_arrays(
            pd.DataFrame({"x": pd.Series(list(masked), dtype=object)}), [0, 1]
        ),
    ],
)
def test_masks_are_honoured_wherever_they_stand(build):
    with pytest.raises(ValueError, match="has masked values; fill or drop them"):
        build(np.ma.array([0, 1], mask=[False, True]))


@pytest.mark.parametrize(
    ("y", "x", "words"),
    [
        ([0, 1, 1], [1, 10**400, 3], "'x' has values that are not finite in row 1"),
        ([0, -(10**400), 1], [1, 2, 3], "'y' must be 0 or 1, but it has the values -inf, 0, 1"),
        ([0, 1, 1], [1j, 2j, 3j], "holds complex values; it must hold numbers, text or"),
        ([0, 1, 1], [b"a", b"b", b"a"], "holds bytes values; it must hold numbers, text or categ"),
    ],
)
def test_odd_objects_are_one_sentence(y, x, words):
    frame = pd.DataFrame({"y": pd.Series(y, dtype=object), "x": pd.Series(x, dtype=object)})
    with pytest.raises(ValueError, match=words):
        BernoulliLogistic.from_formula("y ~ x", frame)


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (
            lambda: BernoulliLogistic.from_arrays([1, 2, 3], [0.5, 0.2, 1]),
            "name their trials",
        ),
        (lambda: BernoulliLogistic.from_arrays([1, 2, 3], [0.5, 2, 1]), "; recode it$"),
    ],
)
def test_the_remedy_is_one_that_works(build, words):
    with pytest.raises(ValueError, match=words):
        build()


S = "a\ud800"


@pytest.mark.parametrize(
    "build",
    [
        lambda y, x: BernoulliLogistic.from_arrays(x, y, names=[S]),
        lambda y, x: BernoulliLogistic.from_arrays(x, [S, "b"] * 3),
        lambda y, x: BernoulliLogistic.from_formula(f"y ~ `{S}`", {"y": y, S: x}),
        lambda y, x: BernoulliLogistic.from_formula(
            "y ~ g", {"y": y, "g": pd.Series([S, "b", "c"] * 2, dtype=object)}
        ),
        lambda y, x: BernoulliLogistic.from_formula(
            "y ~ g", {"y": y, "g": pd.Categorical(pd.Series([S, "b", "c"] * 2, dtype=object))}
        ),
    ],
)
def test_half_a_character_is_refused_in_a_sentence(build):
    with pytest.raises(ValueError, match="a lone surrogate, which is half a character") as caught:
        build([0, 1, 0, 1, 1, 0], [1.0, 2, 3, 4, 2, 5])
    assert not isinstance(caught.value, UnicodeError)


def test_new_rows_may_be_tiny():
    frame = pd.DataFrame({"x": np.linspace(-1, 1, 20), "y": [0, 1] * 10})
    model = BernoulliLogistic.from_formula("y ~ I(x * x * x)", frame)
    found = model.design_matrix(pd.DataFrame({"x": [1e-50, 0.0]}))
    assert found == pytest.approx(np.array([[1.0, 1e-150], [1.0, 0.0]]), rel=1e-12, abs=0)
