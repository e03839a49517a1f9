"""What the point routes return: frozen values that hold no optimiser and no data.

`PointEstimate` is their answer (`flatprior.models.posterior` has that of the samplers),
`Certificate` and `Existence` what is proved about it, `Provenance` what it was computed from.
Estimates are saved as JSON, which holds no data.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import numbers
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeGuard

import numpy as np
import pandas as pd
from scipy.special import log_ndtr, ndtr, ndtri

from flatprior.models._error_state import own_error_state
from flatprior.models._files import check_file_name, finite, write_json
from flatprior.models._text import COUNTS, observations, printable
from flatprior.models.rendering import Renderable, Rendered, certain, p_value
from flatprior.models.rows import Array

if TYPE_CHECKING:
    from flatprior.models.model import BernoulliLogistic

FORMAT = "flatprior/1"
_FORMATS = {"coefficient": "#.6g", "SE": "#.4g", "z": ".2f", "p": "p", "digits": "floor"}

ExistenceKind = Literal[
    "overlap", "quasi-complete separation", "complete separation", "rank deficient", "undecided"
]


class MLEDoesNotExistError(ValueError):
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


class NotConvergedError(ArithmeticError):
    """The MLE exists, but the fit is not proved near it: within an SE, or to six digits."""


class ImproperPosteriorError(MLEDoesNotExistError):
    """The flat-prior posterior is improper: it has no density to sample from.

    It is proper exactly when the MLE exists and is unique, hence the base class.
    """

    def __init__(self, existence: Existence):
        super().__init__(existence)
        self.args = (f"the flat-prior posterior is not proved to be proper: {existence.message}",)


class RouteUnavailableError(ValueError):
    """A route's library cannot fit this kind of model, such as scikit-learn one with an offset."""


@dataclass(frozen=True, eq=False)
@own_error_state
class Limit:
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


@dataclass(frozen=True, eq=False, repr=False)
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
        known = {"limit": self.limit.coefficients, "standard error": self.limit.standard_errors}
        return frame.join(pd.DataFrame(known, index=list(self.limit.names)))

    def _rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        frame = self.table()
        frame = frame if columns is None else frame[list(columns)]
        message = f"{self.message[:1].upper()}{self.message[1:]}."
        title = f"Existence of the MLE: {self.kind}"
        return Rendered.of(frame, {}, title, [message], self.warnings)

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


@dataclass(frozen=True, eq=False)
@own_error_state
class Certificate:
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
    """

    newton_decrement: float
    radius: float
    error_bound: float
    digits: Array
    proves_existence: bool
    log_likelihood_error: float = math.inf

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain numbers; an infinite number is None."""
        facts: dict[str, Any] = finite(dataclasses.asdict(self) | {"digits": self.digits.tolist()})
        return facts

    @classmethod
    def refused(cls, k: int, proves_existence: bool = False) -> Certificate:
        """A certificate for k coefficients that bounds nothing."""
        return cls(math.inf, math.inf, math.inf, np.zeros(k), proves_existence)

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Certificate:
        """The inverse of `to_dict`; a `ValueError` if the numbers cannot be a certificate's."""
        decrement, radius, bound = (
            _number(facts[name]) for name in ("newton_decrement", "radius", "error_bound")
        )
        log_likelihood_error = _number(facts.get("log_likelihood_error"))  # absent in older files
        numbers = (decrement, radius, bound, log_likelihood_error)
        digits = numbers_of(facts["digits"])
        if not min(numbers) > 0 or not isinstance(facts["proves_existence"], bool):
            raise ValueError("its certificate is damaged")
        if not (np.isfinite(digits).all() and (digits >= 0).all()):
            raise ValueError("the digits of its certificate are damaged")
        return cls(
            decrement, radius, bound, digits, facts["proves_existence"], log_likelihood_error
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
    """

    formula: str | None
    n_observations: int
    data_hash: str
    versions: Mapping[str, str] = field(default_factory=dict)
    n_rows: int | None = None
    offset: str | None = None
    frequency_weights: str | None = None

    @classmethod
    def from_dict(cls, facts: Mapping[str, Any]) -> Provenance:
        """The inverse of `dataclasses.asdict`."""
        n = facts["n_observations"]
        if not _whole(n) or n < 1:
            raise ValueError(f"its number of observations is {_short(n)}")
        n_rows = facts.get("n_rows")
        if n_rows is not None and not (_whole(n_rows) and 1 <= n_rows <= n):
            raise ValueError(f"its number of rows is {_short(n_rows)}")
        if not isinstance(facts["formula"], str | None) or not isinstance(facts["data_hash"], str):
            raise ValueError("its provenance is damaged")
        return cls(
            facts["formula"],
            n,
            facts["data_hash"],
            {str(name): str(number) for name, number in facts["versions"].items()},
            n_rows,
            *(
                None if facts.get(role) is None else str(facts[role])
                for role in ("offset", "frequency_weights")
            ),
        )

    @property
    def said(self) -> str:
        """Observations, weights and offset in words, as headers have them."""
        offset = "" if self.offset is None else f", offset: {printable(self.offset)}"
        return observations(self.n_observations, self.n_rows, self.frequency_weights) + offset

    @property
    def notes(self) -> tuple[str, ...]:
        """What to keep in mind of the weights, if there are any."""
        return () if self.frequency_weights is None else (COUNTS,)


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


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class PointEstimate(Renderable):
    """Coefficients from one route, with their certificate.

    Covariance, log-likelihood and certificate are computed by flatprior from the coefficients
    alone; nothing the route's own library says about them is passed on.

    Attributes
    ----------
    route : str
        "newton", "map", "sklearn" or "draws".
    names : tuple of str
    coefficients : ndarray (k,)
        On the log-odds scale, per unit of their column.
    covariance : ndarray (k, k)
        Inverse of the information at `coefficients`.
    log_likelihood : float
        Natural logarithm.
    certificate : Certificate
    converged : bool
        What the optimiser said of itself.
    message : str
        How the optimiser ended, in words.
    n_iterations : int
    seconds : float
        Wall time of the route.
    provenance : Provenance
    before_finish : Certificate or None
        For the MAP route: what ``pm.find_MAP`` alone had reached.
    stated_error : ndarray (k,) or None
        For the route "draws": the estimated error of each coefficient, in its own units.
    warnings : tuple of str
        What to keep in mind when using these numbers.
    read_from : str or None
        Name of the file that states all this, for an estimate that was read from one and not
        computed again; None for one that was computed here. See `load`.
    """

    route: str
    names: tuple[str, ...]
    coefficients: Array
    covariance: Array
    log_likelihood: float
    certificate: Certificate
    converged: bool
    message: str
    n_iterations: int
    seconds: float
    provenance: Provenance
    before_finish: Certificate | None = None
    stated_error: Array | None = None
    warnings: tuple[str, ...] = ()
    read_from: str | None = None

    @property
    def unverified(self) -> str:
        """What to say in front of an estimate that was read from a file; empty for others."""
        if self.read_from is None:
            return ""
        return f"as stated in {printable(self.read_from)}, unverified"

    @property
    def standard_errors(self) -> Array:
        """Square roots of the diagonal of `covariance`, (k,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def aic(self) -> float:
        """Akaike's criterion: -2 log-likelihood + 2 k."""
        return 2 * len(self.names) - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion: -2 log-likelihood + k log n, n the number of observations."""
        n = self.provenance.n_observations
        return len(self.names) * math.log(n) - 2 * self.log_likelihood

    @property
    def criteria(self) -> str:
        """Log-likelihood, AIC and BIC in words, with no digit that is not certain."""
        error = self.certificate.log_likelihood_error
        return (
            f"log-likelihood {certain(self.log_likelihood, error, 6)}, "
            f"AIC {certain(self.aic, 2 * error, 4)}, BIC {certain(self.bic, 2 * error, 4)}"
        )

    def summary(self, prob: float = 0.95) -> pd.DataFrame:
        """Coefficients with Wald tests and intervals, one row a coefficient.

        Parameters
        ----------
        prob : float
            Coverage of the Wald interval, between 0 and 1.

        Returns
        -------
        DataFrame
            Of an estimate that was read from a file, the columns have that as their name, which
            stands in the first line of what is printed.

        Raises
        ------
        ValueError
            If `prob` does not lie between 0 and 1.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
        >>> model = BernoulliLogistic.from_formula("grade ~ psi", load_spector())
        >>> list(fit_newton(model).summary(prob=0.9).columns)
        ['coefficient', 'standard error', 'z', 'p', '5%', '95%', 'digits']
        """
        check_probability(prob)
        low, high = percentages(prob)
        quantile = float(ndtri(0.5 + prob / 2))
        error = self.standard_errors
        z = self.coefficients / error
        frame = pd.DataFrame(
            {
                "coefficient": self.coefficients,
                "standard error": error,
                "z": z,
                "p": 2 * ndtr(-np.abs(z)),
                low: self.coefficients - quantile * error,
                high: self.coefficients + quantile * error,
                "digits": self.certificate.digits,
            },
            index=pd.Index(self.names, name="name"),
        )
        return frame.rename_axis(columns=self.unverified or None)

    @property
    def p_text(self) -> list[str]:
        """The Wald p-values in three digits, also where they are below the range of doubles."""
        with np.errstate(all="ignore"):
            z = np.abs(self.coefficients / self.standard_errors)
            logs = math.log(2) + log_ndtr(-z)
        return [p_value(p, log_p) for p, log_p in zip(2 * ndtr(-z), logs, strict=True)]

    def odds_ratios(self, prob: float = 0.95) -> pd.DataFrame:
        """Odds ratios ``exp(beta)`` with the Wald interval transformed, one row a coefficient.

        Parameters
        ----------
        prob : float
            Confidence of the interval, between 0 and 1; the columns name it.

        Raises
        ------
        ValueError
            If `prob` does not lie between 0 and 1.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
        >>> model = BernoulliLogistic.from_formula("grade ~ psi", load_spector())
        >>> fit_newton(model).odds_ratios().loc["psi"].round(2).tolist()
        [6.67, 1.31, 34.03]
        """
        table = self.summary(prob)[["coefficient", *percentages(prob)]]
        with np.errstate(over="ignore"):
            return pd.DataFrame(np.exp(table)).rename(columns={"coefficient": "odds ratio"})

    def _rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        frame = self.summary()
        frame = frame if columns is None else frame[list(columns)]
        bound = self.certificate.error_bound
        error = self.certificate.log_likelihood_error
        also = f", the log-likelihood within {error:.1e} of its maximum" if error < math.inf else ""
        title = f"Route {self.route}: {self.provenance.formula or 'Bernoulli-logistic regression'}"
        title = title if self.converged else f"NOT CONVERGED, these are not the MLE. {title}"
        said = self.unverified
        return Rendered.of(
            frame.rename(columns={"standard error": "SE"}),
            {name: "#.4g" for name in frame.columns} | _FORMATS,
            f"{said[:1].upper()}{said[1:]}: standard errors and all else" if said else title,
            [*([title] if said else []), self.provenance.said, self.criteria],
            [
                f"each coefficient is within {bound:.1e} standard errors of the MLE{also} "
                f"({'stated' if said else 'proved'}), digits: its certain ones"
                if math.isfinite(bound)
                else "nothing is proved about the distance of the coefficients from the MLE",
                self.message,
                *self.warnings,
                *self.provenance.notes,
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, ready for JSON; what is not finite is None."""
        before, stated = self.before_finish, self.stated_error
        facts: dict[str, Any] = finite(
            {
                "format": FORMAT,
                "route": self.route,
                "names": list(self.names),
                "coefficients": self.coefficients.tolist(),
                "standard_errors": self.standard_errors.tolist(),
                "covariance": self.covariance.tolist(),
                "log_likelihood": self.log_likelihood,
                "aic": self.aic,
                "bic": self.bic,
                "certificate": self.certificate.to_dict(),
                "converged": self.converged,
                "message": self.message,
                "n_iterations": self.n_iterations,
                "seconds": self.seconds,
                "provenance": dataclasses.asdict(self.provenance),
                "before_finish": None if before is None else before.to_dict(),
                "stated_error": None if stated is None else stated.tolist(),
                "warnings": list(self.warnings),
            }
        )
        return facts

    def save(self, path: str | PathLike[str]) -> None:
        """Write the estimate as JSON, replacing `path` in one step.

        See Also
        --------
        flatprior.models.verify : check a loaded estimate against the data.
        """
        facts = self.to_dict()
        write_json(path, facts | {"checksum": checksum(facts)})

    @classmethod
    def load(
        cls, path: str | PathLike[str], *, model: BernoulliLogistic | None = None
    ) -> PointEstimate:
        """Read an estimate written by `save`.

        Parameters
        ----------
        path : str or path
        model : BernoulliLogistic, optional
            Built from the data again: of the file only the coefficients are taken, and everything
            else is computed anew.

        Returns
        -------
        PointEstimate
            Without `model` its numbers are as the file states them. It says so wherever it is
            printed, and functions that are given no model refuse it.

        Raises
        ------
        ValueError
            If the file is not such an estimate, was changed since it was written, or is one of
            other data than the model's.
        """
        check_file_name(path)
        try:
            text = Path(path).read_text(encoding="utf-8")
            facts = json.loads(text, parse_constant=_no_constant)
            if facts["format"] != FORMAT:
                raise ValueError(f"its format is {_short(facts['format'])}")
            if "checksum" in facts and facts.pop("checksum") != checksum(facts):
                raise ValueError(
                    "it was changed or damaged after it was written, its checksum is another; take "
                    "the original, or fit the model again"
                )
            found = dataclasses.replace(cls._checked(facts), read_from=Path(path).name)
        except UnicodeError as error:
            raise ValueError(
                f"{str(path)!r} is not an estimate saved by flatprior ({FORMAT}): it is not text "
                "in UTF-8"
            ) from error
        except KeyError as error:
            raise ValueError(
                f"{str(path)!r} is not an estimate saved by flatprior ({FORMAT}): it lacks {error}"
            ) from error
        # a damaged file can fail anywhere, and must fail with one sentence
        except (
            *(LookupError, TypeError, ValueError, AttributeError, RecursionError),
            *(OverflowError, MemoryError),
        ) as error:
            raise ValueError(
                f"{str(path)!r} is not an estimate saved by flatprior ({FORMAT}): {error}"
            ) from error
        if model is None:
            return found
        from flatprior.models.belonging import fit_of

        return fit_of(model, found)

    @classmethod
    def _checked(cls, facts: Mapping[str, Any]) -> PointEstimate:
        names = facts["names"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise ValueError("its names are not text")
        k = len(names)
        if not k or len(set(names)) < k:
            raise ValueError("it has no names, or one name twice")
        for key, kind in (("route", str), ("message", str), ("converged", bool)):
            if not isinstance(facts[key], kind):
                raise ValueError(f"its {key} is not of type {kind.__name__}")
        coefficients = numbers_of(facts["coefficients"])
        covariance = numbers_of(facts["covariance"])
        stated, before = facts["stated_error"], facts["before_finish"]
        certificate = Certificate.from_dict(facts["certificate"])
        stated_error = None if stated is None else numbers_of(stated)
        if not (
            coefficients.shape == certificate.digits.shape == (k,)
            and covariance.shape == (k, k)
            and np.isfinite(coefficients).all()
            and (stated_error is None or stated_error.shape == (k,))
        ):
            raise ValueError(f"its arrays do not fit {k} finite coefficients")
        known = np.isfinite(covariance)
        if not (known.all() or np.isnan(covariance).all()) or (np.diag(covariance) < 0).any():
            raise ValueError("its covariance is damaged")
        n_iterations, seconds = facts["n_iterations"], numbers_of([facts["seconds"]])[0]
        if not _whole(n_iterations) or n_iterations < 0 or not seconds >= 0:
            raise ValueError("its number of iterations or its time is damaged")
        if not isinstance(facts["warnings"], list):
            raise ValueError("its warnings are no list")
        log_likelihood = facts["log_likelihood"]
        found = cls(
            route=facts["route"],
            names=tuple(names),
            coefficients=coefficients,
            covariance=covariance,
            log_likelihood=-_number(None)
            if log_likelihood is None
            else float(numbers_of([log_likelihood])[0]),
            certificate=certificate,
            converged=facts["converged"],
            message=facts["message"],
            n_iterations=n_iterations,
            seconds=float(seconds),
            provenance=Provenance.from_dict(facts["provenance"]),
            before_finish=None if before is None else Certificate.from_dict(before),
            stated_error=stated_error,
            warnings=tuple(str(warning) for warning in facts["warnings"]),
        )
        again = found.to_dict()
        for key in ("standard_errors", "aic", "bic"):  # these follow from the others
            stated, follows = (np.ravel(numbers_of([part[key]])) for part in (facts, again))
            if stated.shape != follows.shape or not np.allclose(
                stated, follows, rtol=1e-9, atol=0.0, equal_nan=True
            ):
                raise ValueError(f"its {key.replace('_', ' ')} contradict its other numbers")
        return found


def check_probability(prob: Any) -> None:
    """Raise a `ValueError` unless `prob` is a number between 0 and 1."""
    if not isinstance(prob, numbers.Real) or not 0 < float(prob) < 1:
        raise ValueError(f"prob must lie between 0 and 1, not {prob!r}")


def percentages(prob: float) -> tuple[str, str]:
    """Names of the ends of an equal-tailed interval: 0.95 is "2.5%" and "97.5%"."""
    return f"{50 * (1 - prob):.12g}%", f"{50 * (1 + prob):.12g}%"


def checksum(facts: Any) -> str:
    """SHA-256 of plain values, whatever the order of their keys and the spelling of numbers.

    It tells a change by accident or by hand, not one by somebody who makes a new checksum: nothing
    is believed because of it.
    """

    def plain(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {str(key): plain(value) for key, value in part.items()}
        if isinstance(part, list | tuple):
            return [plain(value) for value in part]
        if isinstance(part, int) and not isinstance(part, bool) and abs(part) < 2**53:
            return float(part)
        return part

    text = json.dumps(plain(facts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", errors="backslashreplace")).hexdigest()


def numbers_of(value: Any) -> Array:
    """An array of lists of numbers from JSON, null as NaN; a `ValueError` for anything else."""

    def check(part: Any, depth: int) -> None:
        if isinstance(part, list):
            if depth > 2:
                raise ValueError("its arrays are too deep")
            for each in part:
                check(each, depth + 1)
        elif isinstance(part, bool) or not isinstance(part, int | float | None):
            raise ValueError(f"there is {_short(part)} where a number must be")

    check(value, 0)
    return np.array(value, dtype=float)


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value < 2**63


def _short(value: object) -> str:
    text = f"a number of {value.bit_length()} bits" if _huge(value) else repr(value)
    return printable(text if len(text) <= 40 else f"{text[:37]}...")


def _huge(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and value.bit_length() > 128


def _no_constant(name: str) -> float:
    raise ValueError(f"it holds {name}, which is not JSON")


def _number(value: float | None) -> float:
    return math.inf if value is None else float(numbers_of([value])[0])
