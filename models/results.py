"""What the point routes return: frozen values that hold no optimiser and no data.

`PointEstimate` is their answer (`flatprior.models.posterior` has that of the samplers),
`Certificate` and `Existence` what is proved about it, `Provenance` what it was computed from.
Estimates are saved as JSON, which holds no data.
"""

from __future__ import annotations

import dataclasses
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

import numpy as np
import pandas as pd

from flatprior.models.common.arrays import Array
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import FlatpriorError, InputError
from flatprior.models.common.json_values import in_short, is_whole, number_or_inf, numbers_of
from flatprior.models.common.rendering import FORMATS, Renderable, Rendered, chosen
from flatprior.models.common.text import COUNTS, SPEAKING, at_most, observations, printable
from flatprior.models.common.writing import finite
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.encoding.files.reading import from_options

FORMAT = "flatprior/1"
PROVED = (  # rows of a certificate's table that are bounds
    "error bound −log(1 − λR)/R, in standard errors",
    "log-likelihood below its maximum, at most (with rounding)",
    "standard errors, relative to those at the MLE, within",
)

ExistenceKind = Literal[
    "overlap", "quasi-complete separation", "complete separation", "rank deficient", "undecided"
]


class MLEDoesNotExistError(FlatpriorError, ValueError):
    """The maximum likelihood estimate does not exist, or could not be proved to exist.

    Attributes
    ----------
    existence : Existence
    """

    def __init__(self, existence: Existence):
        super().__init__(existence.message)
        self.existence = existence

    def __reduce__(self) -> tuple[type, tuple[Existence]]:
        # the default would rebuild the error from its message, and a worker's error would not load
        return type(self), (self.existence,)


class NotConvergedError(FlatpriorError, ArithmeticError):
    """The MLE exists, but the fit is not proved near it: within an SE, or to six digits."""


class ImproperPosteriorError(MLEDoesNotExistError):
    """The flat-prior posterior is improper: it has no density to sample from.

    It is proper exactly when the MLE exists and is unique, hence the base class.
    """

    def __init__(self, existence: Existence):
        super().__init__(existence)
        self.args = (f"the flat-prior posterior is not proved to be proper: {existence.message}",)


class RouteUnavailableError(FlatpriorError, ValueError):
    """A route's library cannot fit this kind of model, such as scikit-learn one with an offset."""


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Limit(Renderable):
    """What a likelihood without a maximum approaches: the fit of the rows that are not separated.

    Along a separating direction the probability of what was observed goes to 1 in every separated
    row, and its log-likelihood to 0. What is left is the log-likelihood of the other rows, and the
    coefficients that stay finite are its maximum likelihood estimates (Geyer 2009, "Likelihood
    inference in exponential families and directions of recession", Electronic Journal of
    Statistics 3, 259-289: the limiting conditional model).

    Attributes
    ----------
    names : tuple of str
        The f coefficients that stay finite.
    coefficients, standard_errors : ndarray (f,)
    log_likelihood : float
        The supremum; 0 under complete separation. It and the coefficients are NaN where the rows
        left in place could not be fitted.
    error_bound : float
        No coefficient is further than this from its true limit, in standard errors (proved); inf if
        nothing could be proved.
    """

    names: tuple[str, ...]
    coefficients: Array
    standard_errors: Array
    log_likelihood: float
    error_bound: float

    def table(self) -> pd.DataFrame:
        """Limit and standard error of the coefficients that stay finite, one row each."""
        return pd.DataFrame(
            {"limit": self.coefficients, "standard error": self.standard_errors},
            index=pd.Index(self.names, name="name"),
        )

    @property
    def message(self) -> str:
        """What the log-likelihood approaches, in words."""
        if math.isnan(self.log_likelihood):
            return "the supremum of the log-likelihood could not be computed"
        every = "" if self.names or self.log_likelihood else " (every row is separated)"
        return (
            f"the log-likelihood has no maximum: its supremum is {self.log_likelihood:.6f}{every}"
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        frame = chosen(self.table(), columns).rename(columns={"standard error": "SE"})
        known = f"each limit is within {at_most(self.error_bound)} standard errors of the true one"
        return Rendered.of(
            frame if self.names else pd.DataFrame(),
            FORMATS,
            f"{self.message[:1].upper()}{self.message[1:]}",
            ["" if self.names else "No coefficient has a finite limit."],
            [
                "these coefficients stay finite, the others diverge or are not determined"
                if self.names
                else "",
                f"{known} (proved)"
                if math.isfinite(self.error_bound) and self.names
                else "nothing is proved about the distance of the limits from the true ones"
                if self.names
                else "",
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, ready for JSON; what is not finite is None."""
        facts: dict[str, Any] = finite(
            {
                "names": list(self.names),
                "coefficients": self.coefficients.tolist(),
                "standard_errors": self.standard_errors.tolist(),
                "log_likelihood": self.log_likelihood,
                "error_bound": self.error_bound,
            }
        )
        return facts


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Existence(Renderable):
    """Whether the MLE exists, and why.

    Attributes
    ----------
    kind : str
        "overlap" (it exists and is unique), "quasi-complete separation", "complete separation",
        "rank deficient" or "undecided".
    message : str
        One or two sentences: what was found, where, and what to do.
    coefficients : dict
        Name to "finite", "+inf", "-inf" or "undetermined"; a name is absent where this was not
        determined.
    direction : ndarray (k,) or None
        A separating direction d: ``s_i x_i'd >= 0`` for every row and > 0 for some; or, for a rank
        deficient design, a null vector.
    separated_rows : tuple of int or None
        Positions of all rows that some direction separates; `direction` separates each of them.
        None where rows are read in batches.
    separated_labels : tuple or None
        The same rows by the user's own index; the first 1,000 where rows are read in batches.
    n_separated : int
        How many rows are separated.
    limit : Limit or None
        What the likelihood approaches, where the MLE does not exist.
    dependencies : dict
        For a rank deficient design: the name of each superfluous column to the combination of
        others, ``{name: factor}``, that it equals.
    overlap_width : float or None
        Where undecided: an upper bound on how far the outcomes overlap, relative to the mean
        distance of a row from the hyperplane that all but separates them.
    warnings : tuple of str
        What to keep in mind although the MLE exists.
    """

    kind: ExistenceKind
    message: str
    coefficients: Mapping[str, str]
    direction: Array | None = None
    separated_rows: tuple[int, ...] | None = None
    separated_labels: tuple[object, ...] | None = None
    n_separated: int = 0
    limit: Limit | None = None
    dependencies: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    overlap_width: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def exists(self) -> bool:
        """True where the MLE is proved to exist and to be unique."""
        return self.kind == "overlap"

    def table(self) -> pd.DataFrame:
        """Where each coefficient goes, with limit and standard error of those that stay finite."""
        names = pd.Index(self.coefficients, name="name")
        frame = pd.DataFrame({"goes to": list(self.coefficients.values())}, index=names)
        if self.limit is None:
            return frame
        return frame.join(self.limit.table())

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these."""
        limit = self.limit
        known = limit is not None and not math.isnan(limit.log_likelihood)
        return Rendered.of(
            chosen(self.table(), columns).rename(columns={"standard error": "SE"}),
            FORMATS,
            f"Existence of the MLE: {self.kind}",
            [f"{self.message[:1].upper()}{self.message[1:]}."],
            [limit.message if limit is not None and known else "", *self.warnings],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, ready for JSON; what is not finite is None."""
        labels = self.separated_labels
        facts: dict[str, Any] = finite(
            {
                "kind": self.kind,
                "exists": self.exists,
                "message": self.message,
                "coefficients": dict(self.coefficients),
                "direction": None if self.direction is None else self.direction.tolist(),
                "separated_rows": (
                    None if self.separated_rows is None else list(self.separated_rows)
                ),
                "n_separated": self.n_separated,
                "separated_labels": None if labels is None else [str(label) for label in labels],
                "limit": None if self.limit is None else self.limit.to_dict(),
                "dependencies": {name: dict(terms) for name, terms in self.dependencies.items()},
                "overlap_width": self.overlap_width,
                "warnings": list(self.warnings),
            }
        )
        return facts


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Certificate(Renderable):
    """A proved bound on the distance between some coefficients and the MLE.

    Made by `flatprior.models.certify`, where the method and its assumptions are stated.

    Attributes
    ----------
    newton_decrement : float
        Upper bound on ``sqrt(g' H^-1 g)``, in standard errors (lambda).
    radius : float
        Upper bound on the largest standard error of a linear predictor, of all rows that hold any
        information to speak of (R). Where a coefficient hangs on rows that hold next to none, such
        that no linear predictor is further than R times the error bound from that at the MLE.
    error_bound : float
        No coefficient is further than this from the MLE, in standard errors; inf if nothing could
        be proved.
    digits : ndarray (k,)
        Guaranteed correct significant digits of each coefficient, at least 0.
    proves_existence : bool
        Whether these numbers prove that the MLE exists and is unique.
    log_likelihood_error : float
        The log-likelihood computed at these coefficients is no further than this from its maximum,
        rounding included; inf if nothing could be proved.
    standard_errors_within : float
        No standard error that goes with it is further than this, relatively, from that at the MLE,
        rounding included; inf if nothing could be proved, or these are not of the information (with
        sampling weights).
    """

    newton_decrement: float
    radius: float
    error_bound: float
    digits: Array
    proves_existence: bool
    log_likelihood_error: float = math.inf
    standard_errors_within: float = math.inf

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with its table of values."""
        bound, lambda_r = self.error_bound, self.newton_decrement * self.radius
        return Rendered.of_values(
            {
                "Newton decrement λ": (self.newton_decrement, ".2e"),
                "R, largest standard error of rows that inform": (
                    self.radius,
                    ".3g",
                ),
                "λR (1/2 at most)": (lambda_r, ".2e"),
                **{
                    name: (value, "bound")
                    for name, value in zip(
                        PROVED,
                        (bound, self.log_likelihood_error, self.standard_errors_within),
                        strict=True,
                    )
                },
                "certain digits of every coefficient": (
                    float(min(self.digits, default=math.nan)),
                    "floor",
                ),
            },
            f"Certificate: within {at_most(bound)} standard errors of the MLE (proved)"
            if math.isfinite(bound)
            else "Certificate: NOTHING IS PROVED about the distance from the MLE",
            notes=[
                "the certificate proves that the MLE exists and is unique"
                if self.proves_existence
                else "the certificate does not prove that the MLE exists",
                "it is computed from the coefficients and the data alone, rounding included: "
                "whoever computed them, the MLE is no further from them than the error bound"
                if math.isfinite(bound)
                else "",
            ],
            columns=columns,
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers; an infinite number is None."""
        facts: dict[str, Any] = finite(dataclasses.asdict(self) | {"digits": self.digits.tolist()})
        return facts

    @classmethod
    def refused(cls, k: int, proves_existence: bool = False) -> Certificate:
        """A certificate for k coefficients that bounds nothing."""
        return cls(
            newton_decrement=math.inf,
            radius=math.inf,
            error_bound=math.inf,
            digits=np.zeros(k),
            proves_existence=proves_existence,
        )

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Certificate:
        """The inverse of `to_dict`; a `ValueError` if the numbers cannot be a certificate's."""
        decrement, radius, bound = (
            number_or_inf(facts[name]) for name in ("newton_decrement", "radius", "error_bound")
        )
        # absent in older files
        log_likelihood_error, within = (
            number_or_inf(facts.get(name))
            for name in ("log_likelihood_error", "standard_errors_within")
        )
        numbers = (decrement, radius, bound, log_likelihood_error, within)
        digits = numbers_of(facts["digits"])
        if not min(numbers) > 0 or not isinstance(facts["proves_existence"], bool):
            raise InputError("its certificate is damaged")
        if not (np.isfinite(digits).all() and (digits >= 0).all()):
            raise InputError("the digits of its certificate are damaged")
        return cls(
            newton_decrement=decrement,
            radius=radius,
            error_bound=bound,
            digits=digits,
            proves_existence=facts["proves_existence"],
            log_likelihood_error=log_likelihood_error,
            standard_errors_within=within,
        )


@dataclass(frozen=True)
class Provenance:
    """What a result was computed from.

    Attributes
    ----------
    formula : str or None
    n_observations : int
    data_hash : str
        XXH3 hash, 128 bits, of names, design, response, offset and weights, after its version and
        a colon; the same however the rows were read.
    versions : dict
        Python, flatprior and the libraries of the route.
    n_rows : int or None
        Rows of the design matrix; None in files of versions that did not state it.
    offset, frequency_weights : str or None
        The column of each, "(array)" where it was given as numbers; None without (or not stated).
    response_coding : str or None
        Which value of the response counts as 1, in words; None where that needs no saying.
    event : str or None
        That value, where it was asked for.
    trials : str or None
        The column of the trials of a share.
    n_groups : int or None
        Groups, of grouped counts.
    sampling_weights, clusters, strata : str or None
        Likewise.
    reading : dict or None
        How the file was read (sep, decimal, encoding, na, sheet), where that needs saying.
    aliased : tuple of str or None
        Coefficients left out because their columns are combinations of others.
    passes, bytes_read : int or None
        How often rows that are not in memory were read for the result, and how many bytes of files.
    """

    formula: str | None
    n_observations: int
    data_hash: str
    versions: Mapping[str, str] = field(default_factory=dict)
    n_rows: int | None = None
    offset: str | None = None
    frequency_weights: str | None = None
    response_coding: str | None = None
    event: str | None = None
    trials: str | None = None
    n_groups: int | None = None
    sampling_weights: str | None = None
    clusters: str | None = None
    strata: str | None = None
    reading: Mapping[str, Any] | None = None
    aliased: tuple[str, ...] | None = None
    passes: int | None = None
    bytes_read: int | None = None

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Provenance:
        """The inverse of `dataclasses.asdict`."""
        n = facts["n_observations"]
        if not is_whole(n) or n < 1:
            raise InputError(f"its number of observations is {in_short(n)}")
        n_rows = facts.get("n_rows")
        if n_rows is not None and not (is_whole(n_rows) and 1 <= n_rows <= n):
            raise InputError(f"its number of rows is {in_short(n_rows)}")
        groups = facts.get("n_groups")
        if groups is not None and not (is_whole(groups) and 1 <= groups <= n):
            raise InputError(f"its number of groups is {in_short(groups)}")
        if not isinstance(facts["formula"], str | None) or not isinstance(facts["data_hash"], str):
            raise InputError("its provenance is damaged")
        columns = {
            role: None if facts.get(role) is None else str(facts[role])
            for role in (
                *("offset", "frequency_weights", "response_coding", "event", "trials"),
                *("sampling_weights", "clusters", "strata"),
            )
        }
        read = [facts.get(name) for name in ("passes", "bytes_read")]
        if not all(each is None or (is_whole(each) and each >= 0) for each in read):
            raise InputError("its provenance is damaged")
        left_out = facts.get("aliased")
        if left_out is not None and not isinstance(left_out, list | tuple):
            raise InputError("its provenance is damaged")
        return cls(
            formula=facts["formula"],
            n_observations=n,
            data_hash=facts["data_hash"],
            versions={str(name): str(number) for name, number in facts["versions"].items()},
            n_rows=n_rows,
            n_groups=groups,
            reading=from_options(facts.get("reading")).options or None,
            aliased=None if left_out is None else tuple(map(str, left_out)),
            passes=read[0],
            bytes_read=read[1],
            **columns,
        )

    @property
    def said(self) -> str:
        """Observations, weights and offset in words, as headers have them."""
        offset = "" if self.offset is None else f", offset: {printable(self.offset)}"
        weights, groups = self.frequency_weights, self.n_groups
        said = observations(
            self.n_observations, self.n_rows, weights, groups, self.sampling_weights
        )
        return said + offset

    @property
    def notes(self) -> tuple[str, ...]:
        """What to keep in mind of the weights, if there are any; and how often rows were read."""
        said = []
        if self.sampling_weights is not None:
            said.append(SPEAKING)
        elif self.frequency_weights is not None:
            said.append(COUNTS)
        if self.passes is not None:
            said.append(f"the rows were {Passes(self.passes, self.bytes_read or 0).said}")
        return tuple(said)


def versions_of(*packages: str) -> dict[str, str]:
    """Versions of Python, flatprior and `packages`, as installed."""
    names = ("flatprior", *packages)
    return {"python": platform.python_version()} | {name: _version(name) for name in names}


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
