"""Maximal log-likelihoods under a hypothesis, and what twice their difference says."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.stats import chi2, f as f_distribution

from flatprior.models import BernoulliLogistic, MLEDoesNotExistError
from flatprior.models.codes.newton import fit_as_held
from flatprior.models.codes.passes import sums_of
from flatprior.models.common.arrays import Array
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import FlatpriorError, PrecisionError
from flatprior.models.common.rendering import Renderable, Rendered
from flatprior.models.common.text import SMALLEST_P, p_value, printable
from flatprior.models.covariance.roots import Factored, root_of
from flatprior.models.iterations import maximum
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows, MappedRows, Rows

SURELY = 1e10  # of a condition: columns below it are independent


@dataclass(frozen=True, repr=False)
@own_error_state
class HypothesisTest(Renderable):
    """Result of a test.

    Attributes
    ----------
    kind : str
        "Wald", "likelihood ratio" or "score".
    hypothesis : str
        The null hypothesis in words.
    statistic : float
    df : int
        Degrees of freedom of the chi-squared distribution it is referred to.
    p : float
    note : str
        What to keep in mind; mostly empty.
    df_error : float or None
        Of a statistic that is referred to Fisher's F-distribution: its second degrees of freedom.
    """

    kind: str
    hypothesis: str
    statistic: float
    df: int
    p: float
    note: str = ""
    df_error: float | None = None

    @property
    def message(self) -> str:
        """The test in one sentence, as a manuscript quotes it."""
        note = f"; {self.note}" if self.note else ""
        return (
            f"{self.kind} test of {printable(self.hypothesis)}: {self.referred_to} = "
            f"{self.statistic:.4f}, p = {self.p_text}{note}"
        )

    @property
    def p_text(self) -> str:
        """P in three digits; below the range of doubles, where it is 0, by its logarithm."""
        if self.df_error is not None:
            return p_value(
                self.p, float(f_distribution.logsf(self.statistic, self.df, self.df_error))
            )
        return p_value(self.p, log_chi_squared_tail(self.statistic, self.df))

    @property
    def referred_to(self) -> str:
        """The distribution that the statistic is referred to, with its degrees of freedom."""
        if self.df_error is None:
            return f"chi-squared({self.df})"
        return f"F({self.df}, {self.df_error:.2f})"

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """The sentence; its CSV has the numbers."""
        return Rendered.of_values(
            {
                "test": (self.kind, ""),
                "hypothesis": (self.hypothesis, ""),
                "chi-squared" if self.df_error is None else "F": (self.statistic, ".4f"),
                "df": (self.df, "d"),
                **({} if self.df_error is None else {"df error": (self.df_error, ".2f")}),
                "p": (self.p_text if self.p < SMALLEST_P else self.p, "p"),
                "note": (self.note, ""),
            },
            self.message,
            columns=columns,
            in_words=True,
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON."""
        facts = dataclasses.asdict(self)
        if self.df_error is None:
            del facts["df_error"]
        return facts


def ratio(full: float, lower: float) -> float:
    """Twice a difference of log-likelihoods that is 0 at the least, but for rounding.

    Raises
    ------
    ArithmeticError
        If the smaller model is the likelier.
    """
    if lower - full > 1e-9 * (1 + abs(full)):
        raise PrecisionError(
            f"the log-likelihood of the null model, {lower:.6g}, is above that of the larger, "
            f"{full:.6g}: it is not nested in double precision; centre or rescale the columns"
        )
    return max(2 * (full - lower), 0.0)


def chi_squared_test(
    kind: str, text: str, statistic: float, df: int, note: str = ""
) -> HypothesisTest:
    """Refer a statistic to its chi-squared distribution."""
    return HypothesisTest(kind, text, statistic, df, float(chi2.sf(statistic, df)), note)


def log_chi_squared_tail(statistic: float, df: int) -> float:
    """Logarithm of the probability beyond `statistic`, also where that is below every double.

    There the continued fraction of the incomplete gamma function (Abramowitz and Stegun 1964,
    Handbook of Mathematical Functions, 6.5.31) converges in a few steps.
    """
    a, x = df / 2, statistic / 2
    if not x > a + 100:
        return float(chi2.logsf(statistic, df))
    value = 0.0
    for i in range(200, 0, -1):
        value = i * (a - i) / (x + 2 * i + 1 - a + value)
    return a * math.log(x) - x - math.lgamma(a) - math.log(x + 1 - a + value)


@dataclass(frozen=True, eq=False)
class FewerColumns(MappedRows):
    """Mapped rows with fewer columns."""

    columns: int = 0

    @property
    def n_columns(self) -> int:
        """Number of columns left."""
        return self.columns


@dataclass(frozen=True, eq=False)
class Held:
    """Rows of a model some of whose coefficients are held: to the others they are offsets.

    Attributes
    ----------
    rows : ArrayRows
        With the columns of the others, and the offset of the model.
    columns : ndarray (n, d)
        Those whose coefficients are held.
    """

    rows: ArrayRows
    columns: Array

    def at(self, values: Array) -> ArrayRows:
        """The rows with the coefficients held at `values` (d,)."""
        added = self.columns @ values
        offset = added if self.rows.offset is None else self.rows.offset + added
        return replace(self.rows, offset=offset)


def maximum_from(rows: Rows, start: Array | None) -> tuple[float, Array] | None:
    """The maximal log-likelihood and where it is, or None where it is not found.

    From a fit that is near as a rule, or else from where any fit starts; where factors are held as
    codes always from there.
    """
    coded = sums_of(rows)
    held = None if coded is None else fit_as_held(coded)
    if held is not None:
        return held.log_likelihood, held.beta
    found = None if start is None else maximum(rows, start)
    found = maximum(rows) if found is None else found
    return None if found is None else (found.log_likelihood, found.coefficients)


def maximal(rows: Rows) -> tuple[float, Array]:
    """Maximal log-likelihood of rows that have one, and where."""
    last = maximum_from(rows, None)
    if last is None:
        raise PrecisionError(
            "no maximum of the log-likelihood under the hypothesis was found; rescale the columns"
        )
    return last


def of_full_rank(model: BernoulliLogistic) -> BernoulliLogistic:
    """The same model without columns that are combinations of others.

    It has the same likelihood at every point that the data can tell from others.
    """
    if not model.n_parameters:
        return model
    # columns that are independent in some rows are so in all: those drawn are in memory
    some = () if isinstance(model.rows, ArrayRows) else (model.rows.drawn,)
    if any(_surely_independent(rows) for rows in (*some, model.rows)):
        return model
    try:
        return model.without_aliased()
    except FlatpriorError:  # undecided, or all columns are 0: whoever fits it says so
        return model


def _surely_independent(rows: Rows) -> bool:
    """Whether no column is a combination of others, nor nearly so."""
    root = root_of(rows)
    if root is None or isinstance(root, Factored):  # which it is not of nearly dependent columns
        return root is not None
    lengths = np.linalg.norm(root.matrix, axis=1)
    return bool(np.linalg.cond(root.matrix / lengths[:, None]) <= SURELY)


@dataclass(frozen=True)
class Supremum:
    """The supremum of a log-likelihood.

    Attributes
    ----------
    log_likelihood : float
    rank : int
        Of the design.
    n_separated : int
        Rows that are separated; where there are any it is not reached.
    """

    log_likelihood: float
    rank: int
    n_separated: int = 0

    @property
    def separated(self) -> bool:
        """Whether it is not reached."""
        return self.n_separated > 0

    @property
    def aic(self) -> float:
        """Akaike's criterion, of single observations."""
        return 2 * (self.rank - self.log_likelihood)


def supremum(model: BernoulliLogistic) -> Supremum:
    """Supremum of the log-likelihood of a model, whether its MLE exists or not.

    Raises
    ------
    MLEDoesNotExistError
        If existence is undecided, or the supremum could not be computed; the message says why.
    """
    k = model.n_parameters
    if not k:
        return Supremum(maximal(model.rows)[0], 0)
    try:
        return Supremum(converged_mle(model).log_likelihood, k)
    except MLEDoesNotExistError as error:
        return supremum_of(error, k)


def supremum_of(error: MLEDoesNotExistError, k: int) -> Supremum:
    """What the error that a model of k columns has no MLE knows of its supremum; else it is raised.

    Examples
    --------
    >>> from flatprior.analysis.maxima import supremum_of
    >>> from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, fit_newton
    >>> model = BernoulliLogistic.from_arrays([[1.0], [2.0], [3.0]], [0, 1, 1], intercept=True)
    >>> try:
    ...     fit_newton(model)
    ... except MLEDoesNotExistError as error:
    ...     print(supremum_of(error, 2))
    Supremum(log_likelihood=0.0, rank=2, n_separated=3)
    """
    found = error.existence
    if found.limit is None or math.isnan(found.limit.log_likelihood):
        raise error
    rank = k - len(found.dependencies)
    return Supremum(found.limit.log_likelihood, rank, found.n_separated)
