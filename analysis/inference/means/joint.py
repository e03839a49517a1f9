r"""Are several contrasts 0 together? Of an estimate Wald's test, of draws where 0 lies among them.

With e the standard errors of contrasts c and T a root of their correlations, :math:`T T'`, the
statistic is :math:`|T^{+}(c / e)|^2`, without a covariance being squared. Contrasts may say the
same twice, as all pairs do: the degrees of freedom are how many are independent.

Of draws the share that lies as far from their mean as 0 does, in their own covariance, or farther.
Of a normal posterior that is the contour probability of Held (2004, "Simultaneous posterior
probability statements from Monte Carlo output", Journal of Computational and Graphical Statistics
13, 20-35), and at 0.05 its 95 % ellipsoid ends at 0.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from scipy.stats import chi2

from flatprior.analysis.inference.functionals import Functionals, OfDraws, OfEstimate
from flatprior.analysis.inference.hypotheses.linear import RANK
from flatprior.analysis.inference.hypotheses.wald import CANCELLED
from flatprior.analysis.inference.sandwiches.degrees_of_freedom import hotelling
from flatprior.analysis.inference.sandwiches.silence import silence
from flatprior.analysis.monte_carlo import batch_means, standard_error
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.errors import PrecisionError
from flatprior.models.common.text import printable

ROUNDING = 64 * EPSILON  # of each number in a sum, or of a derivative averaged over rows
LEFT = 1e-6  # standard errors: what contrasts that depend on others may differ from these


def joint_test(means: Functionals, matrix: Array, title: str) -> dict[str, float]:
    """The test that all contrasts of means are 0, of those that the data say something of.

    Parameters
    ----------
    means : OfEstimate or OfDraws
        L means.
    matrix : ndarray (p, L)
    title : str
        What an error calls the contrasts.

    Returns
    -------
    dict
        "chi-squared", "df" and "p"; with Satterthwaite's degrees of freedom Hotelling's "F", "df",
        "df error" and "p"; of draws "distance", squared, "df", "contour probability" and "mcse".
        Contrasts that are 0 whatever the coefficients have no degrees of freedom, and NaN
        for a p-value.

    Raises
    ------
    ArithmeticError
        If contrasts depend on one another, but not their values; or one is lost to cancellation, or
        has no standard error.

    Examples
    --------
    Three contrasts of three means with standard errors of 1 have two degrees of freedom.

    >>> import numpy as np
    >>> from flatprior.analysis.inference.functionals import OfEstimate
    >>> from flatprior.analysis.inference.means.joint import joint_test
    >>> from flatprior.models.covariance.roots import Written
    >>> means = OfEstimate(np.array([0.0, 0.0, 3.0]), np.eye(3), Written(np.eye(3)))
    >>> pairs = np.array([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0], [0.0, 1.0, -1.0]])
    >>> {name: round(each, 3) for name, each in joint_test(means, pairs, "pairs").items()}
    {'chi-squared': 6.0, 'df': 2, 'p': 0.05}
    """
    contrasts = means.combined(matrix)
    known = contrasts.known
    if isinstance(contrasts, OfEstimate):
        assert isinstance(means, OfEstimate)  # noqa: S101
        root = contrasts.root
        values, rooted = contrasts.values[known], root.rooted(contrasts.jacobian[known])
        if np.isnan(rooted).any():
            raise PrecisionError(silence([title]))
        # what cancels between means, and between coefficients
        size = np.abs(matrix) @ np.nan_to_num(np.abs(means.jacobian) @ root.standard_errors)
        found = _distance(values, rooted, ROUNDING * len(root.standard_errors) * size[known], title)
        if contrasts.moments is not None:
            df, f, left, p = found.df, math.nan, math.nan, math.nan
            if df:
                independent = found.rows @ contrasts.jacobian[known]
                eta = contrasts.moments.degrees_of_freedom(independent)
                f, left, p = hotelling(found.squared, df, eta)
            return {"F": f, "df": df, "df error": left, "p": p}
        p = float(chi2.sf(found.squared, found.df)) if found.df else math.nan
        return {"chi-squared": found.squared, "df": found.df, "p": p}
    assert isinstance(means, OfDraws)  # noqa: S101
    chains, n, _ = contrasts.draws.shape
    draws = contrasts.draws[..., known]
    away = draws - draws.mean(axis=(0, 1))
    rooted = away.reshape(chains * n, -1).T / math.sqrt(chains * n - 1)
    size = np.abs(matrix) @ np.nan_to_num(np.abs(means.draws).max(axis=(0, 1)))
    found = _distance(draws.mean(axis=(0, 1)), rooted, ROUNDING * size[known], title)
    farther = np.square(found.columns).sum(axis=1) * (chains * n - 1) >= found.squared
    shares = farther.reshape(chains, n, 1).astype(float)
    return {
        "distance": found.squared,
        "df": found.df,
        "contour probability": float(shares.mean()) if found.df else math.nan,
        "mcse": float(standard_error(batch_means(shares))[0]) if found.df else math.nan,
    }


class _Distance(NamedTuple):
    """How far values are from 0 in their covariance, squared.

    And what of the root's r columns goes with each of as many dimensions as it has, (r, df), and
    the combinations of the values that these dimensions are, (df, q).
    """

    squared: float
    columns: Array
    rows: Array

    @property
    def df(self) -> int:
        return int(self.columns.shape[1])


def _distance(values: Array, rooted: Array, rounding: Array, title: str) -> _Distance:
    """That of values (q,) with the covariance ``rooted @ rooted.T``, each of them rounded."""
    errors = np.linalg.norm(rooted, axis=1)
    vary = errors > rounding
    if (rounding[vary] > CANCELLED * errors[vary]).any():
        raise PrecisionError(
            f"one of {printable(title)} is lost to cancellation: centre or rescale the columns"
        )
    if not vary.any():
        return _Distance(0.0, np.zeros((rooted.shape[1], 0)), np.zeros((0, len(values))))
    z = values[vary] / errors[vary]
    left, lengths, right = np.linalg.svd(rooted[vary] / errors[vary, None], full_matrices=False)
    rank = int((lengths > RANK * lengths[0]).sum())
    along = left[:, :rank].T @ z
    if np.abs(z - left[:, :rank] @ along).max() > LEFT * max(1.0, np.abs(z).max()):
        raise PrecisionError(
            f"the covariance supports {rank} of the {len(z)} contrasts of {printable(title)} "
            "together: test fewer at a time"
        )
    white = along / lengths[:rank]
    rows = np.zeros((rank, len(values)))
    rows[:, vary] = left[:, :rank].T / errors[vary]
    return _Distance(float(white @ white), right[:rank].T, rows)
