"""Is a number that somebody states the one that is computed here? The rule, and its tolerances.

Both are rounded, by other threads, another BLAS or another way to the same coefficients, so that
equality asks too much. Each tolerance has a reason, and none is wider than that asks for.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike


class Closeness(NamedTuple):
    """How far what is stated may be from what is computed: two parts, which are added.

    Examples
    --------
    >>> from flatprior.models.common.closeness import FOLLOWING
    >>> FOLLOWING.holds(-13.4000000001, -13.4), FOLLOWING.holds(-13.4000001, -13.4)
    (True, False)
    """

    relative: float
    absolute: float = 0.0

    def holds(self, stated: ArrayLike, computed: ArrayLike) -> bool:
        """Whether every number stated is the one computed; NaN is NaN."""
        return bool(
            np.allclose(
                np.asarray(stated, dtype=float),
                np.asarray(computed, dtype=float),
                rtol=self.relative,
                atol=self.absolute,
                equal_nan=True,
            )
        )


# what follows from other numbers of the same file by a few operations on the same doubles, of any
# size: standard errors from a covariance, criteria from a log-likelihood
FOLLOWING = Closeness(1e-9)
# a log-likelihood at coefficients that are proved to be near the MLE: sums over rows in another
# order differ in the last digits, that of Newton's last step is an expansion, and where offsets are
# of millions another order of a predictor's sum is seen in the eighth decimal of single rows
LOG_LIKELIHOOD = Closeness(1e-9, 1e-7)
# far from the MLE, where linear predictors are of thousands and their rounding is in the exponent
# of every row, no decimal is sure; but the whole may be 1e-30, and is held all the same
FAR_LOG_LIKELIHOOD = Closeness(1e-6)
# log-likelihoods and criteria of a comparison, where they are subtracted from one another: half of
# what is let pass of their differences
COMPARED = Closeness(5e-10, 5e-10)
DIFFERENCE = 1e-9
# a covariance, divided by standard errors: its condition multiplies rounding, and Newton's last
# step takes the information before it, which it changes by 1e-6 at most (`UNCHANGED` there)
SCALED_COVARIANCE = Closeness(1e-6, 1e-6)
STANDARD_ERRORS = Closeness(1e-6)  # the same: a variance is a square, and differs by twice as much
# any other number that is computed twice by whole fits, from coefficients that differ by rounding
TWICE = 1e-6
