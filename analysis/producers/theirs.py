"""What another program's fit says, in one form whichever program it is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice

# what a number may be of: of a coefficient ...
OF_A_TERM = (
    "coefficient",
    "standard error",
    "z",
    "chi-squared",  # Wald's, z squared
    "p",
    "low",
    "high",
    "odds ratio",
    "odds ratio SE",  # by the delta method
    "odds ratio low",
    "odds ratio high",
)
# ... of these, what follows from a standard error ...
OF_AN_ERROR = (
    *("standard error", "z", "chi-squared", "p", "low", "high"),
    *("odds ratio SE", "odds ratio low", "odds ratio high"),
)
# ... or of the whole fit
OF_THE_FIT = (
    "log-likelihood",
    "null log-likelihood",
    "-2 log-likelihood",
    "deviance",
    "null deviance",
    "AIC",
    "BIC",
    "n",
    "LR chi-squared",
    "LR p",
    "McFadden R2",
)


@dataclass(frozen=True, kw_only=True)
class Stated:
    """One number that somebody states beside the coefficients.

    Attributes
    ----------
    term : str
        The coefficient as they call it; empty for a number of the whole fit.
    quantity : str
        One of `OF_A_TERM` or `OF_THE_FIT`.
    value : float
        May be infinite, or NaN where they state it as not available.
    unit : float
        Of the last digit that is written; 0 for a double as it was computed.
    written : str
        As it was printed; empty for a double.
    prob : float
        Of an end of an interval, its confidence.
    below : bool
        Whether it is written as an upper limit, such as "<0.001".
    """

    term: str
    quantity: str
    value: float
    unit: float = 0.0
    written: str = ""
    prob: float = 0.95
    below: bool = False

    def __post_init__(self) -> None:
        """Refuse a quantity that nobody would judge."""
        check_choice("quantity", self.quantity, OF_A_TERM if self.term else OF_THE_FIT)


# of BFGS, by which statsmodels' Logit finds the constant that its llnull is of
NULL_TOLERANCE = 1e-5


def log_unit(ratio: float, unit: float) -> float:
    """The unit of the logarithm of an odds ratio that is rounded to `unit`.

    Half of it is what rounding may have done: more below the ratio than above.

    Examples
    --------
    >>> from flatprior.analysis.producers.theirs import log_unit
    >>> round(log_unit(1.38, 0.01), 6), log_unit(2.5, 0.0)
    (0.00726, 0.0)
    """
    return -2 * math.log1p(-unit / (2 * ratio))


@dataclass(frozen=True, eq=False, kw_only=True)
class Settings:
    """What a program says that it did. What it does not say is as it is in maximum likelihood.

    Attributes
    ----------
    penalty : str
        "", "l2", "l1", "elasticnet", "firth", or the program's own word for another.
    strength : float
        lambda of ``lambda (share sum|b| + (1 - share) sum(b^2) / 2)``, which is subtracted from the
        log-likelihood of all observations; 1 / C in scikit-learn.
    share : float
        Of the absolute values in an elastic net, as ``l1_ratio``.
    penalised : tuple of float
        Which share of that strength is on each coefficient, in their order; empty where none is.
    class_weights : mapping of float to float or None
        What rows of outcomes 0 and 1 were weighted with.
    link : str
        "logit", "probit", "cloglog", "cauchit", or the program's own word.
    covariance : str
        As the program calls its kind, such as "nonrobust" or "HC1".
    groups : ndarray (n,) or None
        Clusters of the rows, where the covariance is by them.
    tolerance : float
        Where the program stops when no component of the gradient of the mean log-likelihood is
        larger: that size; else NaN.
    null_tolerance : float
        The same of its own fit of a constant; 0 where that is exact.
    converged : bool or None
        What it says of itself.
    method : str
        The optimiser, as the program calls it.
    default : str
        Whose default the penalty is, where nobody asked for it: "scikit-learn's"; else empty.
    """

    penalty: str = ""
    strength: float = 0.0
    share: float = 0.0
    penalised: tuple[float, ...] = ()
    class_weights: Mapping[float, float] | None = None
    link: str = "logit"
    covariance: str = ""
    groups: Array | None = None
    tolerance: float = math.nan
    null_tolerance: float = 0.0
    converged: bool | None = None
    method: str = ""
    default: str = ""


@dataclass(frozen=True, eq=False, kw_only=True)
class TheirFit:
    """A point estimate of another program, with all that it states.

    Attributes
    ----------
    producer : str
        "statsmodels Logit", "scikit-learn LogisticRegression", "a printed table", ...
    version : str
        Of the program, where it is known.
    coefficients : dict of str to float
        On the log-odds scale, by their names, in their order.
    units : dict of str to float
        Of the last digit of each that is written; empty for doubles.
    model : BernoulliLogistic or None
        Of the data that the object holds or that were passed with it, in the columns in which the
        program saw them.
    covariance : ndarray (k, k) or None
    stated : tuple of Stated
        The coefficients are not among these.
    settings : Settings
    cure : dict of str to str
        What to type instead, by cause: a cause is one of `explain_difference`'s. Under "" what
        gets the maximum likelihood estimate whatever the cause.
    notes : tuple of str
        What was found beside: rows that were left out, columns that were transformed.
    unjudged : str
        Why standard errors, and what follows from them, cannot be judged; mostly empty.
    may_be : str
        Of what kind they may be that is not computed here, where the program keeps no trace of it:
        those that are of no other kind are not judged either. Mostly empty.
    as_passed : tuple of names (p,) and ndarray (p, k), or None
        Where a pipeline transformed the columns that it was passed: what these are called, and what
        turns its coefficients into theirs.
    """

    producer: str
    version: str = ""
    coefficients: dict[str, float]
    units: dict[str, float] = field(default_factory=dict)
    model: BernoulliLogistic | None = None
    covariance: Array | None = None
    stated: tuple[Stated, ...] = ()
    settings: Settings = Settings()
    cure: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unjudged: str = ""
    may_be: str = ""
    as_passed: tuple[tuple[str, ...], Array] | None = None
