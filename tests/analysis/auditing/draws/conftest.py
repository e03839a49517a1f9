import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic, check_existence

COLUMNS = ["x1", "x2", "x3"]


@pytest.fixture(scope="module")
def frame():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(150, 3)) @ [[1, 0.5, 0], [0, 1, 0], [0, 0, 1]] + [0.5, 0, 1]
    eta = 0.3 + X @ [1, -0.5, 0.8]
    frame = pd.DataFrame(X, columns=COLUMNS)
    return frame.assign(
        y=(rng.random(150) < 1 / (1 + np.exp(-eta))).astype(int),
        times=rng.integers(1, 4, 150),
        known=rng.normal(size=150),
    )


@pytest.fixture(scope="module")
def model(frame):
    return BernoulliLogistic.from_formula("y ~ x1 + x2 + x3", frame)


@pytest.fixture(scope="module")
def apart():
    """Data that a column separates, beside one of no effect, and their existence."""
    rng = np.random.default_rng(4)
    x, z = rng.normal(size=(2, 60))
    X = np.column_stack([np.ones(60), x, z])
    model = BernoulliLogistic.from_arrays(X, (x > 0.2).astype(float), names=["one", "x", "z"])
    existence = check_existence(model)
    assert not existence.exists
    return model, existence
