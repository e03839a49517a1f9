"""The route of scikit-learn."""

import numpy as np
import pytest
from problems import simulated

from flatprior.models import BernoulliLogistic, fit_sklearn


def test_scikit_learn_refuses_an_offset_by_name():
    X, y = simulated(50, 2, seed=5)
    with pytest.raises(ValueError, match="takes no offset"):
        fit_sklearn(BernoulliLogistic.from_arrays(X, y, offset=np.ones(50)))
