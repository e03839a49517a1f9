"""`PointEstimate`, the answer of every point route, and how one is judged against a model.

What an estimate says of itself is not used where a model is in hand: coefficients are believed,
everything else is computed again from them.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy.special import log_ndtr, ndtr

from flatprior.models.certificate import checked_coefficients, judged
from flatprior.models.codes.inverse import Inverse
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import NO_LIKELIHOOD, a_or_an
from flatprior.models.common.closeness import FOLLOWING
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, InputTypeError, NeedsLikelihoodError
from flatprior.models.common.intervals import (
    check_probability,
    percentages,
    wald_interval,
    wald_statistics,
)
from flatprior.models.common.json_values import (
    checksum,
    in_short,
    is_whole,
    no_constant,
    number_or_inf,
    numbers_of,
)
from flatprior.models.common.rendering import (
    Renderable,
    Rendered,
    chosen,
    formats_of,
)
from flatprior.models.common.text import SMALLEST_P, at_most, certain, count, p_value, printable
from flatprior.models.common.writing import check_file_name, finite, write_json
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.evaluation import Diagonal, Evaluation, Variances
from flatprior.models.model import BernoulliLogistic
from flatprior.models.provenance import provenance, require_belonging
from flatprior.models.results import (
    FORMAT,
    Certificate,
    NotConvergedError,
    Provenance,
)

# What follows from a fit is about the MLE if it is within a standard error of it, or where weights
# count more observations than there are digits, if every coefficient has digits that are certain.
NEARBY, ENOUGH_DIGITS = 1.0, 6.0
NO_SANDWICH = (
    "no standard errors are known, since the scores of the units that were drawn do not vary (or "
    "columns are nearly dependent); bounds are in standard errors of the weighted information"
)
MOST_STORED = 1000  # coefficients whose covariance is written to files
NOT_SAVED = (
    "was not saved; fit the model again, or load the estimate with PointEstimate.load(path, "
    "model=model)"
)


class FormedWhenAsked:
    """A field that holds a matrix, or what has it as `matrix`, and is read as a matrix."""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        held = instance.__dict__[self.name]
        return held if isinstance(held, np.ndarray | pd.DataFrame) else held.matrix

    def __set__(self, instance: Any, value: Any) -> None:
        instance.__dict__[self.name] = value


def formed_when_asked(kind: type, *names: str) -> None:
    """Make fields of a dataclass `FormedWhenAsked`."""
    for name in names:
        field = FormedWhenAsked()
        field.__set_name__(kind, name)
        setattr(kind, name, field)


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
        Inverse of the information at `coefficients`. Where factors of many levels are held as codes
        it is formed when it is asked for: 8 k^2 bytes, which is 0.8 GB for 10,000 levels.
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
    facts : tuple of str
        On the data, see `BernoulliLogistic.facts`; empty for an estimate that was read from a file,
        which does not hold them.
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
    facts: tuple[str, ...] = ()

    @property
    def unverified(self) -> str:
        """What to say in front of an estimate that was read from a file; empty for others."""
        if self.read_from is None:
            return ""
        return f"as stated in {printable(self.read_from)}, unverified"

    @property
    def standard_errors(self) -> Array:
        """Square roots of the diagonal of `covariance`, (k,)."""
        held: Array | Inverse | Diagonal = self.__dict__["covariance"]
        return np.sqrt(held.diagonal())

    @property
    def params(self) -> pd.Series[float]:
        """The coefficients by name, as statsmodels calls them."""
        return self._by_name(self.coefficients, "coefficient")

    @property
    def bse(self) -> pd.Series[float]:
        """The standard errors by name, as statsmodels calls them."""
        return self._by_name(self.standard_errors, "standard error")

    @property
    def pvalues(self) -> pd.Series[float]:
        """The p-values of the Wald tests that each coefficient is 0, by name."""
        return self._by_name(self.summary()["p"].to_numpy(), "p")

    @property
    def nobs(self) -> int:
        """Number of observations, a row of frequency weight w counted w times."""
        return self.provenance.n_observations

    def conf_int(self, alpha: float = 0.05) -> pd.DataFrame:
        """Wald intervals of confidence ``1 - alpha``, one row a coefficient.

        Parameters
        ----------
        alpha : float
            Between 0 and 1. `summary` and all else here takes ``prob``, which is 1 - alpha.

        Raises
        ------
        ValueError
            If `alpha` does not lie between 0 and 1.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
        >>> fit = fit_newton(BernoulliLogistic.from_formula("grade ~ psi", load_spector()))
        >>> fit.conf_int().loc["psi"].round(3).tolist()
        [0.267, 3.527]
        """
        check_probability(alpha, "alpha")
        return self.summary(1 - alpha).iloc[:, 4:6]

    def _by_name(self, values: Array, what: str) -> pd.Series[float]:
        return pd.Series(values, pd.Index(self.names, name="name"), name=self.unverified or what)

    @property
    def aic(self) -> float:
        """Akaike's criterion: -2 log-likelihood + 2 k.

        Raises
        ------
        ValueError
            With sampling weights.
        """
        self._require_likelihood("AIC")
        return self._criterion(2.0)

    @property
    def bic(self) -> float:
        """Schwarz's criterion: -2 log-likelihood + k log n, n the number of observations.

        Raises
        ------
        ValueError
            With sampling weights.
        """
        self._require_likelihood("BIC")
        return self._criterion(math.log(self.provenance.n_observations))

    def _criterion(self, each: float) -> float:
        """What a criterion is that takes so much for each coefficient; NaN where there is none."""
        if self.provenance.sampling_weights is not None:
            return math.nan
        return each * len(self.names) - 2 * self.log_likelihood

    def _require_likelihood(self, what: str) -> None:
        if self.provenance.sampling_weights is not None:
            raise NeedsLikelihoodError(f"{what} {NO_LIKELIHOOD}")

    @property
    def criteria(self) -> str:
        """Log-likelihood, AIC and BIC in words, with no digit that is not certain."""
        error = self.certificate.log_likelihood_error
        if self.provenance.sampling_weights is not None:
            return f"pseudo-log-likelihood {certain(self.log_likelihood, error, 6)}"
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
        error = self.standard_errors
        frame = pd.DataFrame(
            {
                "coefficient": self.coefficients,
                "standard error": error,
                **wald_statistics(self.coefficients, error),
                **wald_interval(self.coefficients, error, prob),
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

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its summary or these."""
        frame = chosen(self.summary(), columns).rename(columns={"standard error": "SE"})
        if "p" in frame:  # below the range of doubles in words, in the copies too
            frame["p"] = [
                said if p < SMALLEST_P else p
                for p, said in zip(frame["p"], self.p_text, strict=True)
            ]
        title = f"Route {self.route}: {self.provenance.formula or 'Bernoulli-logistic regression'}"
        title = title if self.converged else f"NOT CONVERGED, these are not the MLE. {title}"
        said = self.unverified
        top = f"{said[:1].upper()}{said[1:]}: standard errors and all else" if said else title
        facts = [*([title] if said else []), *self._of_data(), self.criteria]
        after = [
            "" if self.converged else "centre or rescale columns and offsets",
            self.message,
            *self.warnings,
            *self.provenance.notes,
        ]
        formats = formats_of(frame.columns)
        found = Rendered.of(frame, formats, top, facts, [self._proved(), *after])
        if columns is not None:
            return found
        notes = [self._proved(narrow=True), *after]
        frame = frame.drop(columns="digits")
        return replace(found, narrower=Rendered.of(frame, formats, top, facts, notes))

    def _of_data(self) -> tuple[str, ...]:
        """Sentences on the data: all that were known when it was computed."""
        if not self.facts:
            return (self.provenance.said,)
        first, *others = self.facts
        return (f"{first}, {count(len(self.names), 'coefficient')}", *others)

    def _proved(self, narrow: bool = False) -> str:
        """What is proved of the coefficients, or stated by a file, in words.

        In a `narrow` table, which has no column of them, the digits that all have.
        """
        bound, error = (
            self.certificate.error_bound,
            self.certificate.log_likelihood_error,
        )
        if not math.isfinite(bound):
            return "nothing is proved about the distance of the coefficients from the MLE"
        there = "the MLE exists and is unique; " if self.certificate.proves_existence else ""
        maximum = f", the log-likelihood within {at_most(error)} of its maximum"
        also = maximum if error < math.inf else ""
        least = np.floor(min(self.certificate.digits, default=0.0))
        digits = (
            f"certain digits of each: {least:g} or more" if narrow else "digits: its certain ones"
        )
        return (
            f"{there}each coefficient is within {at_most(bound)} standard errors of the MLE{also} "
            f"({'stated' if self.unverified else 'proved'}); {digits}"
        )

    def _stored_covariance(self) -> list[Any] | None:
        """The covariance as a file holds it: None where it is that of very many coefficients."""
        return self.covariance.tolist() if len(self.names) <= MOST_STORED else None

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
                "covariance": self._stored_covariance(),
                "log_likelihood": self.log_likelihood,
                "aic": self._criterion(2.0),
                "bic": self._criterion(math.log(self.provenance.n_observations)),
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
            if not Path(path).exists():
                raise FileNotFoundError(f"there is no file {str(path)!r}; save writes one")
            text = Path(path).read_text(encoding="utf-8")
            facts = json.loads(text, parse_constant=no_constant)
            if facts["format"] != FORMAT:
                raise InputError(
                    f"its format is {in_short(facts['format'])}; name a file that save or --json "
                    "wrote"
                )
            if "checksum" in facts and facts.pop("checksum") != checksum(facts):
                raise InputError(
                    "it was changed or damaged after it was written, its checksum is another; take "
                    "the original, or fit the model again"
                )
            found = changed(cls._checked(facts), read_from=Path(path).name)
        except UnicodeError as error:
            raise InputError(
                f"{str(path)!r} is not an estimate saved by flatprior ({FORMAT}): it is not text "
                "in UTF-8"
            ) from error
        except KeyError as error:
            raise InputError(
                f"{str(path)!r} is not an estimate saved by flatprior ({FORMAT}): it lacks {error}"
            ) from error
        # a damaged file can fail anywhere, and must fail with one sentence
        except (
            *(LookupError, TypeError, ValueError, AttributeError, RecursionError),
            *(OverflowError, MemoryError),
        ) as error:
            raise InputError(
                f"{str(path)!r} is not an estimate saved by flatprior ({FORMAT}): {error}"
            ) from error
        if model is None:
            return found

        return fit_of(model, found)

    @classmethod
    def _checked(cls, facts: Mapping[str, Any]) -> PointEstimate:
        names = facts["names"]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError("its names are not text")
        k = len(names)
        if not k or len(set(names)) < k:
            raise InputError("it has no names, or one name twice")
        for key, kind in (("route", str), ("message", str), ("converged", bool)):
            if not isinstance(facts[key], kind):
                raise InputError(f"its {key} is not of type {kind.__name__}")
        coefficients = numbers_of(facts["coefficients"])
        covariance: Any
        if facts["covariance"] is None and k > MOST_STORED:
            covariance = Diagonal(np.square(numbers_of(facts["standard_errors"])), NOT_SAVED)
        else:
            covariance = numbers_of(facts["covariance"])
        stated, before = facts["stated_error"], facts["before_finish"]
        certificate = Certificate.from_dict(facts["certificate"])
        stated_error = None if stated is None else numbers_of(stated)
        if not (
            coefficients.shape == certificate.digits.shape == (k,)
            and covariance.diagonal().shape == (k,)
            and np.isfinite(coefficients).all()
            and (stated_error is None or stated_error.shape == (k,))
        ):
            raise InputError(f"its arrays do not fit {k} finite coefficients")
        entries = covariance.diagonal() if isinstance(covariance, Diagonal) else covariance
        known = np.isfinite(entries)
        if not ((known.all() or np.isnan(entries).all()) and not (covariance.diagonal() < 0).any()):
            raise InputError("its covariance is damaged")
        n_iterations, seconds = facts["n_iterations"], numbers_of([facts["seconds"]])[0]
        if not is_whole(n_iterations) or n_iterations < 0 or not seconds >= 0:
            raise InputError("its number of iterations or its time is damaged")
        if not isinstance(facts["warnings"], list):
            raise InputError("its warnings are no list")
        log_likelihood = facts["log_likelihood"]
        found = cls(
            route=facts["route"],
            names=tuple(names),
            coefficients=coefficients,
            covariance=covariance,
            log_likelihood=-number_or_inf(None)
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
            if stated.shape != follows.shape or not FOLLOWING.holds(stated, follows):
                raise InputError(f"its {key.replace('_', ' ')} contradict its other numbers")
        return found


formed_when_asked(PointEstimate, "covariance")


def estimate(
    model: BernoulliLogistic,
    coefficients: Array,
    *,
    route: str,
    packages: tuple[str, ...],
    converged: bool,
    message: str,
    n_iterations: int,
    seconds: float,
    before_finish: Certificate | None = None,
    evaluation: Evaluation | None = None,
    since: Passes | None = None,
) -> PointEstimate:
    """Make a route's coefficients a `PointEstimate`: the same judgement for every route.

    An `evaluation` of the coefficients, where the route has made one, saves another. Of rows that
    are not in memory it says how often they were read `since` the route began.
    """
    found = judged(model, coefficients, evaluation)
    return PointEstimate(
        route=route,
        names=model.names,
        coefficients=coefficients,
        covariance=cast(Array, found.covariance),
        log_likelihood=found.log_likelihood,
        certificate=found.certificate,
        converged=converged,
        message=message,
        n_iterations=n_iterations,
        seconds=seconds,
        provenance=provenance(model, *packages, since=since),
        before_finish=before_finish,
        warnings=_warnings(model, found.covariance),
        facts=model.facts,
    )


def _warnings(model: BernoulliLogistic, covariance: Variances) -> tuple[str, ...]:
    """Of the model, and that a sample says nothing of standard errors, where it does not."""
    if model.sampling is None or not np.isnan(covariance.diagonal()).any():
        return model.warnings
    return (*model.warnings, NO_SANDWICH)


def changed(estimate: PointEstimate, **changes: Any) -> PointEstimate:
    """The same but for some fields, as `dataclasses.replace`; no covariance is formed for it."""
    held = vars(estimate)
    return type(estimate)(**{each.name: held[each.name] for each in fields(estimate)} | changes)


def is_near(certificate: Certificate) -> bool:
    """Whether coefficients are proved to be near enough to the MLE to stand for it."""
    return bool(
        certificate.error_bound <= NEARBY
        or (math.isfinite(certificate.error_bound) and certificate.digits.min() >= ENOUGH_DIGITS)
    )


def require_converged(fit: PointEstimate) -> PointEstimate:
    """Return the fit, or raise `NotConvergedError` where it may be far from the MLE."""
    if not is_near(fit.certificate):
        raise NotConvergedError(
            f"the fit by route {fit.route} is not proved to be near the MLE, which exists "
            f"({fit.message}): centre and rescale columns and offsets"
        )
    return fit


def require_fit_of(model: BernoulliLogistic, fit: PointEstimate) -> None:
    """Raise a `ValueError` unless `fit` is one of these very data and columns."""
    if not isinstance(fit, PointEstimate):
        raise InputTypeError(
            f"a fit must be a PointEstimate, such as fit_newton(model) gives, not {a_or_an(fit)}: "
            "certify(model, coefficients) says of coefficients alone how far they are from the MLE"
        )
    require_belonging(model, "the fit", fit.names, fit.provenance.data_hash, "fit this one")


def require_computed(fit: PointEstimate) -> None:
    """Raise a `ValueError` for an estimate from a file: there is no model to compute it on."""
    if fit.read_from is not None:
        raise InputError(
            f"the standard errors are {fit.unverified}: build the model from the data again and "
            "pass model=model, or load the estimate with PointEstimate.load(path, model=model)"
        )


def fit_of(model: BernoulliLogistic, fit: PointEstimate) -> PointEstimate:
    """The coefficients of a fit of `model`, with everything else computed anew.

    Raises
    ------
    ValueError
        If the fit is another model's.
    """
    require_fit_of(model, fit)
    return recomputed(model, fit)


def mle_of(model: BernoulliLogistic, fit: PointEstimate) -> PointEstimate:
    """`fit_of`, for whatever follows from the MLE.

    Raises
    ------
    ValueError
        If the fit is another model's.
    NotConvergedError
        If it is not proved to be near the MLE.
    """
    return require_converged(fit_of(model, fit))


def near_coefficients(model: BernoulliLogistic, stated: Array, whose: str) -> Array:
    """The coefficients (k,) of something that says that it is of the MLE of `model`.

    Raises
    ------
    ValueError
        If they are not k finite numbers.
    NotConvergedError
        If they are not proved to be near the MLE.
    """
    beta = checked_coefficients(model, stated)
    if not is_near(judged(model, beta).certificate):
        raise NotConvergedError(
            f"the coefficients of {whose} are not proved to be near the MLE of the model: make it "
            "anew, of a fit of this model"
        )
    return beta


def recomputed(model: BernoulliLogistic, stated: PointEstimate) -> PointEstimate:
    """An estimate of which only the coefficients are believed: the rest is computed on `model`.

    Route, message, iterations, time, passes and versions stay: they are its history. Where nothing
    is proved of the coefficients, `converged` is False, whatever it was.
    """
    beta = checked_coefficients(model, stated.coefficients)
    found, before = judged(model, beta), stated.provenance
    anew: dict[str, Any] = {
        "names": model.names,
        "coefficients": beta,
        "covariance": found.covariance,
        "log_likelihood": found.log_likelihood,
        "certificate": found.certificate,
        "converged": bool(stated.converged) and is_near(found.certificate),
        "provenance": replace(
            provenance(model),
            versions=before.versions,
            passes=before.passes,
            bytes_read=before.bytes_read,
        ),
        # a file may say anything about what was before
        "before_finish": None if stated.read_from is not None else stated.before_finish,
        "stated_error": None,
        "warnings": _warnings(model, found.covariance),
        "read_from": None,
        "facts": model.facts,
    }
    kept = [each.name for each in fields(PointEstimate) if each.name not in anew]
    # not `replace`: that of a subclass may say anything of the standard errors
    return PointEstimate(**{name: getattr(stated, name) for name in kept}, **anew)
