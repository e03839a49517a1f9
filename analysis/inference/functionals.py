"""Functions of the coefficients: of an estimate by the delta method, or at each draw.

The same function has a value, a derivative and so a standard error at an estimate, and a
distribution over draws. What is computed from several of them, their differences or a logarithm, is
again such a function; so a table of any of them is made here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from flatprior.analysis.inference.averages import Places
from flatprior.analysis.inference.hypotheses.wald import Coefficients
from flatprior.analysis.inference.prediction import root_of_covariance
from flatprior.analysis.inference.sandwiches.degrees_of_freedom import ClusterMoments
from flatprior.analysis.inference.sandwiches.silence import silence
from flatprior.analysis.inference.which_errors import WhichErrors
from flatprior.analysis.monte_carlo import batch_means, standard_error
from flatprior.analysis.result_table import called
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.intervals import percentages, wald_reach, wald_statistics
from flatprior.models.common.text import all_alike, count
from flatprior.models.covariance.roots import Root
from flatprior.models.posterior import Interval, interval_of


class Scale(NamedTuple):
    """An increasing function, its inverse, and the derivative of the function."""

    of: Callable[[Array], Array]
    back: Callable[[Array], Array]
    slope: Callable[[Array], Array]


PLAIN = Scale(lambda x: x, lambda x: x, np.ones_like)
LOG = Scale(np.log, np.exp, np.reciprocal)
LOGIT = Scale(logit, expit, lambda p: 1 / (p * (1 - p)))  # to show; see `log_odds`


@dataclass(frozen=True, eq=False)
class OfEstimate:
    """q functions of the coefficients at an estimate.

    Attributes
    ----------
    values : ndarray (q,)
    jacobian : ndarray (q, k)
    root : Root
        Of the covariance of the coefficients.
    moments : ClusterMoments or None
        Of a covariance from few clusters: what gives degrees of freedom. Else it is normal.
    """

    values: Array
    jacobian: Array
    root: Root
    moments: ClusterMoments | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def errors(self) -> Array:
        """Standard errors (q,)."""
        return np.asarray(np.linalg.norm(self.root.rooted(self.jacobian), axis=1))

    @property
    def df(self) -> Array | None:
        """Degrees of freedom of their standard errors (q,); None where these are normal."""
        return None if self.moments is None else self.moments.each(self.jacobian)

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which have a value, (q,)."""
        return np.asarray(~np.isnan(self.values))

    def combined(self, matrix: Array) -> OfEstimate:
        """Combinations of them, rows of a matrix (p, q); what has the factor 0 may be unknown."""
        pairs = [(row[row != 0], row != 0) for row in matrix]
        values = np.array([row @ self.values[used] for row, used in pairs])
        jacobian = np.array([row @ self.jacobian[used] for row, used in pairs])
        return replace(self, values=values, jacobian=jacobian)

    @property
    def centres(self) -> Array:
        """Where they are, (q,)."""
        return self.values

    def beside(self, other: Functionals) -> OfEstimate:
        """These and others of the same estimate."""
        assert isinstance(other, OfEstimate)  # noqa: S101
        return replace(
            self,
            values=np.concatenate([self.values, other.values]),
            jacobian=np.vstack([self.jacobian, other.jacobian]),
        )

    def on(self, scale: Scale) -> OfEstimate:
        """What they are on some scale."""
        with np.errstate(all="ignore"):
            slope = scale.slope(self.values)[:, None]
            return replace(self, values=scale.of(self.values), jacobian=slope * self.jacobian)

    def columns(
        self,
        name: str,
        prob: float,
        interval: Interval,
        shown: Scale,
        reach: float | Array | None = None,
    ) -> dict[str, Array]:
        """Values, standard errors, tests and intervals of what is given on a scale, (q,) each.

        Tests are of the scale's 0, and intervals are those of the scale, put back. Where there are
        degrees of freedom, a column has them, and both are Student's.
        """
        errors, df = self.errors, self.df
        away = (wald_reach(prob, df) if reach is None else reach) * errors
        low, high = percentages(prob)
        with np.errstate(all="ignore"):
            values = shown.back(self.values)
            return {
                name: values,
                "standard error": errors / np.abs(shown.slope(values)),
                **({} if df is None else {"df": df}),
                **wald_statistics(self.values, np.where(errors > 0, errors, math.nan), df),
                low: shown.back(self.values - away),
                high: shown.back(self.values + away),
            }


@dataclass(frozen=True, eq=False)
class OfDraws:
    """q functions of the coefficients at each draw: (chains, draws, q)."""

    draws: Array

    def __len__(self) -> int:
        return int(self.draws.shape[2])

    @property
    def known(self) -> NDArray[np.bool_]:
        """Which have a value, (q,)."""
        return np.asarray(~np.isnan(self.draws).any(axis=(0, 1)))

    def combined(self, matrix: Array) -> OfDraws:
        """Combinations of them, rows of a matrix (p, q); what has the factor 0 may be unknown."""
        parts = [self.draws[..., row != 0] @ row[row != 0] for row in matrix]
        return OfDraws(np.stack(parts, axis=-1))

    @property
    def centres(self) -> Array:
        """Where they are, (q,)."""
        return np.asarray(self.draws.mean(axis=(0, 1)))

    def beside(self, other: Functionals) -> OfDraws:
        """These and others of the same draws."""
        assert isinstance(other, OfDraws)  # noqa: S101
        return OfDraws(np.concatenate([self.draws, other.draws], axis=-1))

    def on(self, scale: Scale) -> OfDraws:
        """What they are on some scale."""
        with np.errstate(all="ignore"):
            return OfDraws(scale.of(self.draws))

    def columns(
        self,
        name: str,
        prob: float,
        interval: Interval,
        shown: Scale,
        reach: float | Array | None = None,
    ) -> dict[str, Array]:
        """Means, their Monte Carlo errors, intervals and directions of draws given on a scale.

        The probability of direction is that of being on one side of the scale's 0.
        """
        with np.errstate(all="ignore"):
            values = shown.back(self.draws)
        positive = np.where(self.known, (self.draws > 0).mean(axis=(0, 1)), math.nan)
        return {
            name: values.mean(axis=(0, 1)),
            "sd": values.std(axis=(0, 1), ddof=1),
            **interval_of(values, prob, interval),
            "pd": np.maximum(positive, 1 - positive),
            "mcse": standard_error(batch_means(values)),
        }


Functionals = OfEstimate | OfDraws


def of_what(functions: Functionals, errors: WhichErrors, table: pd.DataFrame) -> list[str]:
    """What the columns of a table of functions are, beside their names."""
    if isinstance(functions, OfEstimate):
        lost = table["standard error"].isna() & table.iloc[:, 0].notna()
        said = errors.in_words(table["df"].to_numpy() if "df" in table else None)
        return [*said, silence([called(label) for label in table.index[lost]])]
    chains, n, _ = functions.draws.shape
    return [
        f"posterior mean and sd, of {count(chains * n, 'draw')}; pd: probability of direction; "
        "mcse: Monte Carlo standard error of the mean",
        all_alike(table.get("pd", ()), chains * n),
    ]


def n_draws(functions: Functionals) -> int:
    """Of how many draws these are; 0 of an estimate."""
    return 0 if isinstance(functions, OfEstimate) else math.prod(functions.draws.shape[:2])


def log_odds(probabilities: Functionals, others: Functionals) -> Functionals:
    """The log-odds of probabilities, of which 1 less them are at hand too.

    Of 1 - p of a rounded p nothing is left where p is near 1.
    """
    one = np.eye(len(probabilities))
    return probabilities.beside(others).on(LOG).combined(np.hstack([one, -one]))


def places_of(result: Coefficients | Posterior) -> Places:
    """All draws, or an estimate, whose standard error needs a derivative."""
    if isinstance(result, Posterior):
        return Places(result.draws.reshape(-1, result.draws.shape[2]), bent=False)
    return Places(result.coefficients[None], bent=True)


def functionals_of(
    model: BernoulliLogistic, result: Coefficients | Posterior, numbers: Iterable[Array]
) -> Functionals:
    """Those whose numbers at `places_of` the result these are.

    Parameters
    ----------
    model : BernoulliLogistic
    result : PointEstimate, RobustCovariance or Posterior
    numbers : iterable of ndarray (d,) or (1 + k,)
        Values at all draws; or that at the estimate and its derivative.
    """
    found = np.array(list(numbers))
    if isinstance(result, Posterior):
        return OfDraws(np.moveaxis(found.reshape(-1, *result.draws.shape[:2]), 0, -1))
    found = found.reshape(-1, 1 + len(result.coefficients))
    root, moments = root_of_covariance(model, result), getattr(result, "moments", None)
    return OfEstimate(found[:, 0], found[:, 1:], root, moments)


def differences(probabilities: Functionals, others: Functionals, matrix: Array) -> Functionals:
    """Contrasts of probabilities, rows of a matrix; of such as are near 1 from 1 less them."""
    both, rows = turned(probabilities, others, matrix)
    return both.combined(rows)


def turned(
    probabilities: Functionals, others: Functionals, matrix: Array
) -> tuple[Functionals, Array]:
    """Probabilities with 1 less each beside them, and the same contrasts of these (p, 2 q).

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.inference.functionals import OfDraws, turned
    >>> near_one = OfDraws(np.array([[[0.9, 0.8]]]))
    >>> turned(near_one, near_one, np.array([[1.0, -1.0]]))[1].tolist()
    [[0.0, 0.0, -1.0, 1.0]]
    """
    near_one = ~(probabilities.centres <= 0.5)
    zero = np.zeros_like(matrix)
    # weights such as a mean's sum to 0 but for their rounding
    rounding = EPSILON * matrix.shape[1] * np.abs(matrix).sum(axis=1)
    sums_to_zero = np.abs(matrix.sum(axis=1)) <= rounding
    of_others = sums_to_zero & np.array([bool(near_one[row != 0].all()) for row in matrix])
    rows = np.where(of_others[:, None], np.hstack([zero, -matrix]), np.hstack([matrix, zero]))
    return probabilities.beside(others), rows
