"""What a formula computes, and what it never does."""

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic


@pytest.fixture
def frame():
    rng = np.random.default_rng(1)
    n = 60
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, size=n),
            "x": rng.normal(size=n),
            "z": rng.uniform(1, 5, size=n),
            "g": rng.choice(["low", "mid", "top"], size=n),
            "my col": rng.normal(size=n),
            "w": rng.integers(1, 4, size=n),
            "one": "a",
            "when": pd.Timestamp("2026-01-01"),
            "mixed": pd.Series([1, "1"] * (n // 2), dtype=object).to_numpy(),
        },
        index=[f"id{i}" for i in range(n)],
    )


@pytest.mark.parametrize(
    "formula",
    [
        "y ~ __import__('os').system('true')",
        "y ~ {__import__('os')}",
        "y ~ I(__import__('os'))",
        "y ~ np.log(z)",
        "y ~ x.__class__",
        "y ~ I(x.__class__)",
        "y ~ log(z, out=x.__class__)",
        "y ~ C(g, contr.helmert())",
        "y ~ C(g, contr.treatment(base=__import__('os')))",
        "y ~ I((lambda: 1)())",
        "y ~ I([x for x in (1, 2)])",
        "y ~ I(x if 1 else z)",
        "y ~ eval('x')",
        "y ~ Q('x')",
        "y ~ lag(x)",
        "y ~ hashed(g)",
        "y ~ I(f'{x}')",
        "y ~ log(*x)",
        "y ~ poly(x, **z)",
        "y ~ I(x := 3)",
        "y ~ I(9**9**9)",
        "y ~ I(x**99999)",
        "y ~ (x + z)**99",
        "y ~ .",
        "y ~ x %in% z",
        # the backtick inside quotes would move the quotes' meaning
        """y ~ C(g, "`", __import__("os").system("true"), "`")""",
        "y ~ C(g, '\\x27')",
        "y ~ I(`True`) + `",
        "y ~ I(True)",
        "y ~ 2:x",
        "y ~ x*2",
        "y ~ (x + z)**(20)",
        "y ~ (x + z + w + x:z + w:x)**10",
        "y ~ bs(x, df=100000)",
        "y ~ log(z, where=False)",
        "y ~ C(g, [1, 2], 3)",
        "y ~ I(" + "-" * 900 + "x)",
        "y ~ " + "*".join(f"I(x + {i})" for i in range(30)),
        "y ~ C(x + z)",
        "y ~ I(\ufb01)",
    ],
)
def test_nothing_but_the_allowed_language_is_evaluated(frame, formula):
    with pytest.raises(
        ValueError, match=r"not allowed|power|cannot be read|no column|nested|too many"
    ) as caught:
        BernoulliLogistic.from_formula(formula, frame)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "formula", "expected"),
    [
        (np.array([60, 100], dtype="int8"), "y ~ v:v2 - 1", [60 * 60.0, 100 * 100.0]),
        (np.array([1, 2], dtype="uint8"), "y ~ I(-v) - 1", [-1.0, -2.0]),
        (np.array([101, 103]), "y ~ I(v**10) - 1", [101.0**10, 103.0**10]),
        (np.array([True, False]), "y ~ I(v + v) - 1", [2.0, 0.0]),
        (np.array([True, False]), "y ~ v - 1", [1.0, 0.0]),
        (pd.array([3, 4], dtype="Int64"), "y ~ v - 1", [3.0, 4.0]),
    ],
)
def test_integers_and_booleans_are_computed_with_as_real_numbers(values, formula, expected):
    data = pd.DataFrame({"y": [0, 1], "v": values, "v2": values})
    assert BernoulliLogistic.from_formula(formula, data).design[:, 0].tolist() == expected
