"""Intervals for the coefficients, also where some of them have no finite estimate."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from flatprior.analysis.inference.profiles_in_passes import SEEN, SOLVED, Profiles
from flatprior.analysis.inference.which_errors import WhichErrors
from flatprior.analysis.maxima import Held, maximum_from
from flatprior.analysis.result_table import ResultTable
from flatprior.models import (
    BernoulliLogistic,
    MLEDoesNotExistError,
    check_existence,
)
from flatprior.models.codes.newton import fit_as_held
from flatprior.models.codes.passes import sums_of
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.calls import check_choice, check_sequence, check_whole, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.common.intervals import check_probability, in_percent, percentages, wald_reach
from flatprior.models.common.json_values import in_short
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.rendering import (
    Renderable,
    Rendered,
    chosen,
    of_model,
    shown_of,
    spread_out,
)
from flatprior.models.common.text import SCREEN, names_in
from flatprior.models.existence.cone import PATIENCE, overlaps, recession_cone
from flatprior.models.existence.separation import NoneFound
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows

LARGEST_DOUBLINGS = 200
FARTHEST = 1e3  # of a row's linear predictor: the first step to an end moves none further
FELT = 1e-6  # of the drop: what is left of the equation would be seen in the digits
SMALLEST = float(np.finfo(float).tiny)


@model_first
def confidence_intervals(
    model: BernoulliLogistic,
    prob: float = 0.95,
    method: Literal["profile", "wald"] = "profile",
    progress: bool = False,
    names: Sequence[str] | None = None,
) -> ResultTable:
    """Confidence intervals, with an infinite end for a coefficient that has no finite estimate.

    Parameters
    ----------
    model : BernoulliLogistic
    prob : float
        Confidence, between 0 and 1.
    method : {"profile", "wald"}
        "profile" inverts the likelihood-ratio test: the values at which the log-likelihood,
        maximised over all other coefficients, is within half a chi-squared quantile (one degree of
        freedom) of its supremum. "wald" is the estimate plus and minus a multiple of its standard
        error.
    progress : bool
        Show a progress bar on standard error.
    names : sequence of str, optional
        Of the coefficients whose intervals are wanted: a profile takes many fits. By default all.

    Returns
    -------
    ResultTable
        One row a coefficient; columns "coefficient" (inf or -inf where it diverges, NaN where it is
        undetermined) and the two ends, named by their percentages.

    Raises
    ------
    MLEDoesNotExistError
        If columns are dependent or it is undecided whether the MLE exists; with "wald", also if the
        outcomes are separated.
    ValueError
        If `prob` or `method` is not usable, or the model has no coefficient of such a name; with
        "profile", if outcomes are separated in rows that are read in batches.

    Notes
    -----
    Venzon and Moolgavkar (1988), "A method for computing profile-likelihood-based confidence
    intervals", Applied Statistics 37, 87-94. Each end solves its equation to ten digits. Where the
    outcomes are separated the supremum of the log-likelihood takes the place of its maximum: the
    interval of a coefficient that goes to infinity is open on that side, and its other end is what
    the data say. Chi-squared quantiles are the usual large-sample approximation.

    Of rows in files and on Dask all ends are looked for at once: each pass, of a handful as a rule,
    serves every one of them.

    Examples
    --------
    >>> from flatprior.analysis import confidence_intervals
    >>> from flatprior.models import BernoulliLogistic, load_endometrial
    >>> model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    >>> confidence_intervals(model).loc["NV"].round(4).tolist()
    [inf, 1.2841, inf]
    """
    check_probability(prob)
    wanted = model.names if names is None else check_sequence("names", names, "coefficients")
    for name in wanted:
        _position(model, name)
    check_choice("method", method, ("profile", "wald"))
    if method == "wald":
        fit, beside = converged_mle(model), ["standard error", "z", "p", "digits"]
        table = fit.summary(prob).drop(columns=beside).loc[list(wanted)]
        return _told(model, "Wald", table, WhichErrors.of(fit).own)
    chosen = [_position(model, name) for name in wanted]
    drop = wald_reach(prob) ** 2 / 2
    with progress_bar("intervals", len(chosen), progress) as advance:
        in_memory = isinstance(model.rows, ArrayRows)
        found = (_one_by_one if in_memory else _in_passes)(model, chosen, drop, advance)
    low, high = percentages(prob)
    table = pd.DataFrame(
        {"coefficient": found.centre[chosen], low: found.ends[:, 0], high: found.ends[:, 1]},
        index=pd.Index(wanted, name="name"),
    )
    inverted = "inverting the likelihood-ratio test (chi-squared, 1 degree of freedom)"
    return _told(model, "Profile-likelihood", table, inverted)


def _told(model: BernoulliLogistic, kind: str, table: pd.DataFrame, how: str) -> ResultTable:
    """The intervals, with what they are and where they are open."""
    centre = table["coefficient"]
    diverging, unsaid = np.isinf(centre), centre.isna()
    return ResultTable(
        frame=table,
        title=of_model(f"{kind} intervals of coefficients", model.formula),
        facts=(how,),
        notes=(
            "outcomes are separated: the interval of a coefficient that diverges is open"
            if diverging.any()
            else "",
            "of a coefficient without a value the data say nothing" if unsaid.any() else "",
        ),
    )


class _Intervals(NamedTuple):
    """The centre of each coefficient (k,), and the ends (d, 2) of those that were asked for."""

    centre: Array
    ends: Array


def _one_by_one(
    model: BernoulliLogistic, chosen: Sequence[int], drop: float, advance: Callable[[], None]
) -> _Intervals:
    """The intervals, each of as many fits as it takes."""
    centre, scale, supremum = _centre(model)
    ends = np.empty((len(chosen), 2))
    for i, j in enumerate(chosen):
        if math.isnan(centre[j]):
            ends[i] = -math.inf, math.inf
        else:
            step = _first_step(model, j, scale[j])
            ends[i] = _interval(_profile(model, j), centre[j], step, supremum - drop, drop)
        advance()
    return _Intervals(centre, ends)


def _in_passes(
    model: BernoulliLogistic, chosen: Sequence[int], drop: float, advance: Callable[[], None]
) -> _Intervals:
    """The intervals, all of them in the same passes over the rows."""
    profiles = Profiles.of(model)
    ends = profiles.ends(chosen, drop, advance)
    return _Intervals(profiles.mle.coefficients, ends)


def _position(model: BernoulliLogistic, name: str) -> int:
    if not isinstance(name, str) or name not in model.names:
        raise InputError(
            f"the model has no coefficient {in_short(name)}; it has {names_in(SCREEN, model.names)}"
        )
    return model.names.index(name)


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class ProfileCurve(Renderable):
    """The log-likelihood as a function of one coefficient, maximised over all others.

    Attributes
    ----------
    name : str
    frame : DataFrame
        What `table` returns.
    estimate, low, high : float
        MLE and ends of the profile-likelihood interval; infinite where there are none.
    standard_error : float
        NaN where the coefficient has no finite estimate.
    drop : float
        By how much the log-likelihood falls to the ends of the interval.
    prob : float
        Confidence of the interval.
    formula : str or None
    """

    name: str
    frame: pd.DataFrame
    estimate: float
    low: float
    high: float
    standard_error: float
    drop: float
    prob: float
    formula: str | None = None

    def table(self) -> pd.DataFrame:
        """Indexed by values of the coefficient.

        "profile", log-likelihood minus its supremum (NaN where the others could not be fitted), and
        "quadratic", the parabola behind the Wald interval (NaN where the coefficient has no finite
        estimate).
        """
        return self.frame.copy()

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these; a dozen of its points."""
        frame = self.frame.set_axis(pd.RangeIndex(1, len(self.frame) + 1))
        frame.insert(0, "value", self.frame.index)
        shown = spread_out(len(frame))
        low, high, centre = (
            f"{end:#.6g}" if math.isfinite(end) else f"{end:+}"
            for end in (self.low, self.high, self.estimate)
        )
        return Rendered.of(
            chosen(frame, columns),
            {"value": "#.5g", "profile": ".4f", "quadratic": ".4f"},
            of_model(f"Profile likelihood of {self.name}", self.formula),
            [f"{in_percent(self.prob)} interval from {low} to {high}, estimate {centre}"],
            [
                f"profile: log-likelihood less its supremum, the other coefficients fitted anew; "
                f"the interval ends where it is {-self.drop:.4f}",
                "quadratic: the parabola behind the Wald interval"
                if math.isfinite(self.standard_error)
                else "there is no parabola: the coefficient has no finite estimate",
                shown_of(len(shown), len(frame), "point", ".table()"),
            ],
            rows=shown,
        )


@model_first
def profile_curve(
    model: BernoulliLogistic, name: str, prob: float = 0.95, points: int = 61
) -> ProfileCurve:
    """Profile log-likelihood of one coefficient, over a little more than its interval.

    Parameters
    ----------
    model : BernoulliLogistic
    name : str
        Of the coefficient.
    prob : float
        Confidence of the interval.
    points : int
        At which the profile is computed.

    Returns
    -------
    ProfileCurve

    Raises
    ------
    MLEDoesNotExistError
        If columns are dependent or it is undecided whether the MLE exists.
    ValueError
        If the model has no such coefficient, nothing at all is known about it, or there are fewer
        than three points.

    Examples
    --------
    >>> from flatprior.analysis import profile_curve
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> curve = profile_curve(model, "gpa", points=5)
    >>> f"{curve.low:.3f} {curve.high:.3f}"
    '0.639 5.757'
    """
    check_probability(prob)
    j = _position(model, name)
    check_whole("points", points, 3)
    drop = wald_reach(prob) ** 2 / 2
    here = (_by_fits if isinstance(model.rows, ArrayRows) else _by_passes)(model, j, drop)
    centre, scale, low, high = here.centre, here.scale, here.low, here.high
    finite_end = low if math.isfinite(low) else high
    reach = (high - low) / 4 if math.isfinite(high - low) else max(abs(finite_end), scale)
    grid = np.linspace(
        low - reach if math.isfinite(low) else high - 4 * reach,
        high + reach if math.isfinite(high) else low + 4 * reach,
        points,
    )

    exists = math.isfinite(centre)
    table = pd.DataFrame(
        {
            "profile": here.falls(grid),
            "quadratic": -np.square((grid - centre) / scale) / 2 if exists else math.nan,
        },
        index=pd.Index(grid, name=name),
    )
    return ProfileCurve(
        name=name,
        frame=table,
        estimate=centre,
        low=low,
        high=high,
        standard_error=scale if exists else math.nan,
        drop=drop,
        prob=prob,
        formula=model.formula,
    )


class _Profile(NamedTuple):
    """Centre and scale of a coefficient, the ends of its interval, and how its profile falls."""

    centre: float
    scale: float
    low: float
    high: float
    falls: Callable[[Array], list[float]]


def _by_fits(model: BernoulliLogistic, j: int, drop: float) -> _Profile:
    """A profile of which every point is a fit."""
    centres, scales, supremum = _centre(model)
    centre, scale = float(centres[j]), float(scales[j])
    if math.isnan(centre):
        raise InputError(
            f"nothing is known about {model.names[j]!r}: its likelihood has no maximum either way"
        )
    profile = _profile(model, j)
    low, high = _interval(profile, centre, _first_step(model, j, scale), supremum - drop, drop)

    def fall(value: float) -> float:
        try:
            return profile(value) - supremum
        except ArithmeticError:
            return math.nan

    def falls(grid: Array) -> list[float]:
        # outwards from the middle: each fit starts at its neighbour's
        outwards = sorted(grid, key=lambda value: abs(value - grid.mean()))
        fallen = {value: fall(value) for value in outwards}
        return [fallen[value] for value in grid]

    return _Profile(centre, scale, low, high, falls)


def _by_passes(model: BernoulliLogistic, j: int, drop: float) -> _Profile:
    """A profile of which all points take the same passes over the rows."""
    profiles = Profiles.of(model)
    fit = profiles.mle
    low, high = profiles.ends([j], drop)[0]

    def falls(grid: Array) -> list[float]:
        reached = profiles.points(j, grid, drop)
        return [each - fit.log_likelihood for each in reached]

    centre, scale = float(fit.coefficients[j]), float(fit.standard_errors[j])
    return _Profile(centre, scale, float(low), float(high), falls)


def _interval(
    profile: Callable[[float], float], centre: float, step: float, target: float, drop: float
) -> tuple[float, float]:
    """Where the profile falls to `target` on either side; an infinite end where it never does."""
    low, high = (
        way * math.inf
        if centre == way * math.inf
        else _end(profile, target, centre, way * step, drop)
        for way in (-1.0, 1.0)
    )
    return low, high


def _first_step(model: BernoulliLogistic, j: int, scale: float) -> float:
    """How far from the centre an end is looked for first: a standard error as a rule.

    Where hardly a row has any information left a standard error is of any size, and nothing can be
    fitted so far out.
    """
    largest = float(np.abs(model.arrays.design[:, j]).max())
    return min(scale, FARTHEST / max(largest, SMALLEST))


def _centre(model: BernoulliLogistic) -> tuple[Array, Array, float]:
    """Estimates (inf, -inf and NaN for those that are not finite), scales, and the supremum."""
    existence = check_existence(model)
    if existence.kind in ("rank deficient", "undecided"):
        raise MLEDoesNotExistError(existence)
    if existence.exists:
        fit = converged_mle(model)
        return fit.coefficients, fit.standard_errors, fit.log_likelihood
    limit = existence.limit
    assert limit is not None  # noqa: S101
    if math.isnan(limit.log_likelihood):
        raise PrecisionError(existence.message)
    values = {"+inf": math.inf, "-inf": -math.inf}
    centre = np.array(
        [values.get(existence.coefficients.get(n, ""), math.nan) for n in model.names]
    )
    scale = 1 / np.abs(model.design).max(axis=0)
    shown = [model.names.index(name) for name in limit.names]
    centre[shown], scale[shown] = limit.coefficients, limit.standard_errors
    return centre, scale, limit.log_likelihood


def _profile(model: BernoulliLogistic, j: int) -> Callable[[float], float]:
    """Log-likelihood as a function of coefficient j, maximised over the others.

    Rows that the other columns alone can separate contribute nothing to the supremum, whatever the
    coefficient; on the rest the maximum exists for every value of it.
    """
    rows = model.arrays
    columns = np.delete(np.arange(model.n_parameters), j)
    left = np.ones(model.n_rows, dtype=bool)
    others = rows.select(slice(None), columns)
    if len(columns) and not _overlap(others):
        cone = recession_cone(np.asarray(others.design, dtype=float), rows.sign)
        if isinstance(cone, NoneFound):
            raise PrecisionError(
                f"no profile of {model.names[j]!r}: without it, separation of the outcomes is "
                "undecided in double precision"
            )
        columns = columns[cone.rest.kept]
        if cone.separation is not None:
            left = ~cone.separation.rows
    held = Held(rows.select(left, columns), rows.design[:, j][left, None])
    fitted: dict[float, Array] = {}

    def profile(value: float) -> float:
        # the nearest fit so far is the better start, unless nothing is near
        near = min(fitted, key=lambda other: abs(other - value), default=None)
        start = None if near is None else fitted[near]
        found = maximum_from(held.at(np.array([value])), start)
        if found is None:
            raise PrecisionError(
                f"no maximum was found with {model.names[j]!r} held at {value:.6g}; rescale the "
                "columns"
            )
        log_likelihood, fitted[value] = found
        return log_likelihood

    return profile


def _overlap(rows: ArrayRows) -> bool:
    """Whether no column of these rows separates their outcomes, whatever the offset."""
    coded = sums_of(replace(rows, offset=None))
    if coded is not None and fit_as_held(coded) is not None:
        return True
    return overlaps(ArrayRows(np.asarray(rows.design), rows.response), PATIENCE)


def _end(
    profile: Callable[[float], float], target: float, centre: float, step: float, drop: float
) -> float:
    """Where the profile falls to `target`, on the side of `centre` that `step` points to."""
    inside = centre
    if math.isinf(centre):  # the profile rises for ever that way: walk until it is high enough
        inside = 0.0
        for doubling in range(LARGEST_DOUBLINGS):
            if profile(inside) > target:
                break
            inside = -step * 2.0**doubling
    outside = _outside(profile, target, inside, step)

    def beyond(value: float) -> float:
        fallen = profile(value) - target
        return fallen if abs(fallen) > SOLVED * drop else 0.0

    # the end decides how exactly it is found, not a standard error, which may be of another size
    end = float(brentq(beyond, inside, outside, xtol=SMALLEST, rtol=1e-13, maxiter=2000))
    rounding = 64 * EPSILON * abs(target)  # of a log-likelihood; steps of that size are no fault
    if not abs(beyond(end)) <= max(FELT * drop, min(rounding, SEEN * drop)):
        raise PrecisionError(
            "double precision does not tell where the profile of the log-likelihood falls to the "
            "end of the interval; centre and rescale columns and offsets"
        )
    return end


def _outside(profile: Callable[[float], float], target: float, inside: float, step: float) -> float:
    """A value beyond the end, not so far out that the other coefficients cannot be fitted."""
    reached, shrunk = inside, False
    for _ in range(LARGEST_DOUBLINGS):
        outside = reached + step
        try:
            if profile(outside) < target:
                return outside
        except ArithmeticError:  # a Wald standard error may say nothing about the other end
            step, shrunk = step / 4, True
            if reached + step == reached:
                raise
            continue
        reached, step = outside, step if shrunk else 2 * step
    raise PrecisionError("the profile of the log-likelihood does not fall")
