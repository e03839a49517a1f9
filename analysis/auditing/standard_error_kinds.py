r"""The kinds of standard error that programs print, each computed at some coefficients.

With V the inverse information at coefficients b, a program prints the root of the diagonal of V, of
V at the iterate before b (the weights of the last least-squares fit are those of the one before),
of a sandwich V M V, of V times a dispersion, or of the inverse of a penalised information. Each
kind is a root L of a covariance LL', so that the standard error of a combination a'b is ``||L'a||``
and has no cancellation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy.linalg import solve_triangular

from flatprior.analysis.inference.robust import sandwich
from flatprior.analysis.inference.sandwiches.observations import hc1_roots
from flatprior.analysis.producers.theirs import Settings
from flatprior.models import BernoulliLogistic
from flatprior.models.batches.kept import kept
from flatprior.models.common.arrays import EPSILON, Array
from flatprior.models.common.errors import FlatpriorError
from flatprior.models.covariance.roots import WhereKnown, Written
from flatprior.models.covariance.whitening import whitening, whitenings
from flatprior.models.likelihood import linear_predictor, row_terms
from flatprior.models.rows import ArrayRows, Block, merge_identical

MOST_ITERATES = 40
SETTLED = 1e-9  # of a step, in standard errors: nobody sees the next iterate
LOST = 64 * EPSILON  # times the condition of the columns: what rounding may do to a root
MOST_LOST = 1e-3  # of a standard error: a program that loses more of it is wrong
DOUBLES = 1e-6  # of a program's own standard error: it inverts what it has formed by squares
MOST_PATTERNS = 200_000  # rows that are sorted to find those that are alike
MODEL = "model"


@dataclass(frozen=True, eq=False, kw_only=True)
class Kind:
    """Standard errors of one kind.

    Attributes
    ----------
    name : str
        "model", "HC0", ...; where it is of other coefficients than the MLE the name says so.
    coefficients : ndarray (k,)
        That are printed with them.
    root : ndarray (k, r)
        Of the covariance.
    relative : float
        Error of a standard error, in units of itself.
    moved : ndarray (k,)
        Error of each of the coefficients.
    bread : ndarray (k, k) or None
        Where scores are summed, and may cancel: the root of the inverse information.
    """

    name: str
    coefficients: Array
    root: Array
    relative: float
    moved: Array
    bread: Array | None = None

    def of(self, direction: Array) -> float:
        """The standard error of a combination of the coefficients."""
        return float(np.linalg.norm(direction @ self.root))

    def error_of(self, direction: Array) -> float:
        """How wrong that may be; infinitely where it is 0 but for rounding, and says nothing."""
        found = self.of(direction)
        if self.bread is not None:
            spread = WhereKnown(Written(self.root), Written(self.bread))
            if np.isnan(spread.rooted(direction[None])).any():
                return math.inf
        return found * self.relative


@dataclass(frozen=True, eq=False, kw_only=True)
class Place:
    """Coefficients at which standard errors are computed.

    Attributes
    ----------
    coefficients : ndarray (k,)
    moved : ndarray (k,)
        How far each may be from the coefficients that are meant: half a unit of the last digit, or
        a bound on the distance from the MLE.
    reach : float
        By how much that may change a row's linear predictor.
    where : str
        Added to the names of kinds: "" at the MLE.
    doubles : bool
        Whether what is held against these is of doubles, each with its program's own rounding.
    """

    coefficients: Array
    moved: Array
    reach: float
    where: str = ""
    doubles: bool = False


class Step(NamedTuple):
    """One of an iteration whose end is what is printed."""

    start: str  # from where the iteration came
    before: Array
    after: Array
    white: Array  # (k, k), of the information before


def kinds(
    model: BernoulliLogistic,
    place: Place,
    settings: Settings,
    their_coordinates: Array | None = None,
    steps: Iterable[Step] = (),
    posterior_sd: Array | None = None,
) -> Iterator[Kind]:
    """Yield the kinds at a place, the simplest first, or first the one that a program says it has.

    Those that cannot be computed, for want of rows in memory or of digits, are left out.

    Parameters
    ----------
    model : BernoulliLogistic
    place : Place
    settings : Settings
        For its penalty, its clusters and what it calls its covariance.
    their_coordinates : ndarray (k, k), optional
        Row i is their coefficient i as a combination of the model's: a penalty is on those.
    steps : iterable of Step
        That may have been the last (`steps_to`); gone through more than once.
    posterior_sd : ndarray (k,), optional
        Standard deviations of the posterior, where they are asked for.
    """
    for make in _in_order(settings, place):
        try:
            yield from make(model, place, settings, their_coordinates, steps)
        except (FlatpriorError, np.linalg.LinAlgError, ArithmeticError):
            continue
    if posterior_sd is not None:
        yield _kind("posterior sd", place, np.diag(posterior_sd), 0.0)


_Maker = Callable[
    [BernoulliLogistic, Place, Settings, Array | None, Iterable[Step]],
    Iterator[Kind],
]


def _in_order(settings: Settings, place: Place) -> list[_Maker]:
    """The makers of kinds, that of what the program says first."""
    said = settings.covariance.lower().replace("-", "").replace("nonrobust", "")
    usual: list[_Maker] = [_of_the_model, _before, _dispersed, _robust, _clustered, _adjusted]
    if settings.penalty:
        usual.insert(1, _firth if settings.penalty == "firth" else _penalised)
    elif place.where:
        usual.append(_firth)
    first = (
        _clustered
        if "clust" in said or "crv" in said
        else _robust
        if any(word in said for word in ("hc", "robust", "sandwich", "hetero"))
        else None
    )
    return usual if first is None else [first, *(make for make in usual if make is not first)]


def _kind(name: str, place: Place, root: Array, relative: float) -> Kind:
    return Kind(
        name=f"{name}{place.where}",
        coefficients=place.coefficients,
        root=root,
        relative=relative,
        moved=place.moved,
    )


def _relative(place: Place, white: Array, times: float) -> float:
    """Error of a standard error that changes by `times` the linear predictor at the most.

    A curvature p (1 - p) changes by a factor of exp(t) at most where a predictor moves by t, hence
    V by no more and its root by half; a squared residual changes by exp(2 t).
    """
    scaled = white / np.linalg.norm(white, axis=1)[:, None]
    rounding = LOST * len(white) * float(np.linalg.cond(scaled))
    if place.doubles:
        # most programs invert the information itself, in the units of the columns
        lost = EPSILON * float(np.linalg.cond(white)) ** 2
        rounding = max(DOUBLES, min(lost, MOST_LOST), rounding)
    return rounding + math.expm1(min(times * place.reach, 500.0))


def _white(model: BernoulliLogistic, coefficients: Array) -> Array:
    found = whitening(model.rows, coefficients)
    if found is None:
        raise np.linalg.LinAlgError
    return found


def _of_the_model(model: BernoulliLogistic, place: Place, *_: object) -> Iterator[Kind]:
    white = _white(model, place.coefficients)
    yield _kind(MODEL, place, white, _relative(place, white, 0.5))


def _before(
    model: BernoulliLogistic,
    place: Place,
    settings: Settings,
    their_coordinates: Array | None,
    steps: Iterable[Step],
) -> Iterator[Kind]:
    """The information at the iterate before the one that is printed."""
    for step in steps:
        relative = _relative(replace(place, reach=0.0), step.white, 0.5)
        yield Kind(
            name=f"one iteration old ({step.start})",
            coefficients=step.after,
            root=step.white,
            relative=relative,
            moved=np.zeros(len(step.after)),
        )


def steps_to(model: BernoulliLogistic, is_theirs: Callable[[Array], bool]) -> Iterator[Step]:
    """The steps of usual iterations to coefficients (k,) that are theirs.

    In the logit model Newton's method, Fisher scoring and iterated least squares are the same
    iteration; programs begin it at zero, or with fitted values ``(y + 1/2) / 2``.
    """
    # a pass over rows in batches is dear, and serves all paths as well as one
    starts = [_starts(model)] if not model.rows.resident else ([each] for each in _starts(model))
    for some in starts:
        named = list(some)
        for (start, _), path in zip(
            named, _paths(model, [first for _, first in named]), strict=True
        ):
            for here, after, white in path:
                if is_theirs(after):
                    yield Step(start, here, after, white)


def _starts(model: BernoulliLogistic) -> Iterator[tuple[str, Array]]:
    """Where programs start."""
    yield "Newton from zero", np.zeros(model.n_parameters)
    weighted = [False, True] if _has_weights(model) else [False]
    for by_weight in weighted:
        first = _first_of_glm(model, by_weight)
        if first is not None:
            yield "iterated least squares as R's glm", first
    grouped = patterns(model)
    if grouped is None:
        return
    share = grouped.events / grouped.trials
    # R adds half an event to the events of a group, statsmodels to its share of them
    for size in (grouped.trials, np.ones_like(share)):
        first = _least_squares(grouped, (size * share + 0.5) / (size + 1))
        if first is not None:
            yield "iterated least squares of groups", first


def _has_weights(model: BernoulliLogistic) -> bool:
    """Whether rows have frequency weights, wherever they lie."""
    return model.sampling is None and model.rows.sample(1).weights is not None


def _least_squares(grouped: Patterns, fitted: Array) -> Array | None:
    """The first of ``glm`` on groups, whose fitted values begin at these."""
    curvature = fitted * (1 - fitted)
    share = grouped.events / grouped.trials
    target = np.log(fitted / (1 - fitted)) + (share - fitted) / curvature - grouped.offset
    root = np.sqrt(grouped.trials * curvature)
    scale = np.linalg.norm(grouped.design * root[:, None], axis=0)
    if not (np.isfinite(scale).all() and scale.all()):
        return None
    found, *_ = np.linalg.lstsq(grouped.design * root[:, None] / scale, target * root, rcond=None)
    return np.asarray(found / scale)


def _paths(
    model: BernoulliLogistic, starts: Sequence[Array]
) -> list[list[tuple[Array, Array, Array]]]:
    """The steps of Newton's method from some places, undamped: before, after, and the whitening.

    All of them take the same passes over the rows.
    """
    found: list[list[tuple[Array, Array, Array]]] = [[] for _ in starts]
    at = dict(enumerate(starts))
    for _ in range(MOST_ITERATES):
        places = list(at.items())
        for (i, beta), (white, score) in zip(
            places, whitenings(model.rows, [beta for _, beta in places]), strict=True
        ):
            del at[i]
            if white is None:
                continue
            pull = white.T @ score
            after = beta + white @ pull
            if not np.isfinite(after).all():
                continue
            found[i].append((beta, after, white))
            if float(np.linalg.norm(pull)) >= SETTLED:
                at[i] = after
        if not at:
            break
    return found


def _first_of_glm(model: BernoulliLogistic, by_weight: bool) -> Array | None:
    """The first least-squares fit of ``glm``: fitted values ``(w y + 1/2) / (w + 1)``."""

    def sums(block: Block) -> Array:
        weight = block.counts
        trials = weight if by_weight else np.ones_like(weight)
        fitted = (trials * (block.sign > 0) + 0.5) / (trials + 1)
        curvature = fitted * (1 - fitted)
        target = np.log(fitted / (1 - fitted)) + ((block.sign > 0) - fitted) / curvature
        if block.offset is not None:
            target = target - block.offset
        size = weight * curvature
        design = block.design
        return np.column_stack([(design.T * size) @ design, design.T @ (size * target)])

    found = model.rows.reduce(sums)
    information, right = found[:, :-1], found[:, -1]
    scale = np.sqrt(information.diagonal())
    if not (np.isfinite(found).all() and scale.all()):
        return None
    unit = information / scale / scale[:, None]
    return np.asarray(np.linalg.solve(unit, right / scale) / scale)


def _dispersed(model: BernoulliLogistic, place: Place, *_: object) -> Iterator[Kind]:
    """The model's times Pearson's dispersion, as in quasi-binomial models."""
    white = _white(model, place.coefficients)
    relative = _relative(place, white, 1.0)
    n, k = model.n_observations, model.n_parameters
    dispersion = _dispersion(model, place.coefficients)
    if dispersion > 0:
        for name, factor in (("", 1.0), (" times n / (n - k)", n / (n - k))):
            root = math.sqrt(factor * dispersion) * white
            yield _kind(f"model with dispersion{name}", place, root, relative)
    of_groups = _dispersion_of_groups(model, place.coefficients)
    if of_groups > 0:
        root = math.sqrt(of_groups) * white
        yield _kind("model with dispersion of groups", place, root, relative)


def _dispersion(model: BernoulliLogistic, beta: Array) -> float:
    """Pearson's chi-squared of observations per degree of freedom; NaN where there is none."""
    return kept(model.rows, "dispersion", lambda: _dispersion_at(model, beta), beta)


def _dispersion_at(model: BernoulliLogistic, beta: Array) -> float:

    def squares(block: Block) -> float:
        # (y - p)^2 / (p (1 - p)) is the odds against what was observed
        with np.errstate(over="ignore"):
            return float((block.counts * np.exp(-block.sign * linear_predictor(block, beta))).sum())

    free = model.n_observations - model.n_parameters
    return model.rows.reduce(squares) / free if free > 0 else math.nan


def _dispersion_of_groups(model: BernoulliLogistic, beta: Array) -> float:
    """The same of rows that differ in their outcome only."""
    grouped = patterns(model)
    if grouped is None or len(grouped.trials) <= model.n_parameters:
        return math.nan
    fitted = 1 / (1 + np.exp(-(grouped.design @ beta + grouped.offset)))
    expected = grouped.trials * fitted
    off = np.square(grouped.events - expected) / (expected * (1 - fitted))
    return float(off.sum()) / (len(off) - model.n_parameters)


def _adjusted(
    model: BernoulliLogistic,
    place: Place,
    settings: Settings,
    their_coordinates: Array | None,
    steps: Iterable[Step],
) -> Iterator[Kind]:
    """The model's times ``(n - 1) / (n - k)``, and robust ones one step old, as pyfixest."""
    n, k = model.n_observations, model.n_parameters
    if n <= k:
        return
    factor = math.sqrt((n - 1) / (n - k))
    before = list(_before(model, place, settings, their_coordinates, steps))
    for kind in (*_of_the_model(model, place), *before):
        name = f"(n - 1) / (n - k) times {kind.name}"
        yield replace(kind, name=name, root=factor * kind.root)
    for some in ([each] for each in steps) if model.rows.resident else [list(steps)]:
        roots = hc1_roots(model, [(step.before, step.white) for step in some]) if some else []
        for step, root in zip(some, roots, strict=True):
            made = {"HC1": root}
            if settings.groups is not None:
                clustered = sandwich(model, step.before, "HC0", settings.groups)
                made = {"cluster": clustered.root} | made
            relative = _relative(replace(place, reach=0.0), step.white, 2.0)
            for name, each in made.items():
                kind = _kind(f"{name}, one iteration old ({step.start})", place, each, relative)
                summed = step.white if name == "cluster" else None
                yield replace(kind, coefficients=step.after, bread=summed)


def _robust(
    model: BernoulliLogistic, place: Place, settings: Settings, *_: object
) -> Iterator[Kind]:
    white = _white(model, place.coefficients)
    relative = _relative(place, white, 2.0)

    def made(name: str, kind: str, correction: str = "none", units: str = "trials") -> Kind:
        here = place.coefficients
        root = sandwich(model, here, kind, None, correction, units, every=True).root
        found = _kind(name, place, root, relative)
        return replace(found, bread=white if units == "groups" else None)

    said = settings.covariance.upper()
    names = {kind: (kind, "none") for kind in ("HC0", "HC1")}
    names |= {"HC0 times n / (n - 1)": ("HC0", "Stata"), "HC2": ("HC2", "none")}
    names["HC3"] = ("HC3", "none")
    first = sorted(names, key=lambda name: name != said)
    every = [(name, *names[name], "trials") for name in first]
    if model.trials is not None:
        every += [(f"{name} of groups", *names[name], "groups") for name in first]
    for each in every:
        try:
            yield made(*each)
        except (FlatpriorError, ZeroDivisionError):
            continue
    dispersion = _dispersion(model, place.coefficients)
    if dispersion > 0:
        found = made("HC1 with dispersion", "HC1")
        yield replace(found, root=math.sqrt(dispersion) * found.root)
    if _has_weights(model) and model.trials is None:
        by_row = sandwich(model, place.coefficients, "HC0", np.arange(model.n_rows), "none")
        yield _kind("HC0 of rows", place, by_row.root, relative)


def _clustered(
    model: BernoulliLogistic, place: Place, settings: Settings, *_: object
) -> Iterator[Kind]:
    if settings.groups is None:
        return
    found = sandwich(model, place.coefficients, "HC0", settings.groups)
    assert found.n_clusters is not None  # noqa: S101
    white = _white(model, place.coefficients)
    relative = _relative(place, white, 2.0)
    groups = found.n_clusters
    for name, factor in (
        ("cluster", found.factor),
        ("cluster times G / (G - 1)", groups / (groups - 1)),
        ("cluster without a factor", 1.0),
    ):
        kind = _kind(name, place, found.root * math.sqrt(factor / found.factor), relative)
        yield replace(kind, bread=white)


def _penalised(
    model: BernoulliLogistic,
    place: Place,
    settings: Settings,
    their_coordinates: Array | None,
    _: object,
) -> Iterator[Kind]:
    """Of the information with a quadratic penalty added to it, and the sandwich of the two."""
    strength = settings.strength * (1 - settings.share)
    if their_coordinates is None or not strength > 0:
        return
    back = np.linalg.inv(their_coordinates)
    white = _white(model, place.coefficients)
    k = len(white)
    penalised = np.array(settings.penalised if settings.penalised else (True,) * k, dtype=float)
    # in their coordinates the information is back' H back, and H = inv(white white')
    half = np.linalg.solve(white, back)
    information = half.T @ half
    both = information + strength * np.diag(penalised)
    lower = np.linalg.cholesky(both)
    root = np.asarray(back @ solve_triangular(lower, np.eye(k), lower=True).T, dtype=float)
    relative = _relative(place, white, 0.5)
    yield _kind("penalised information", place, root, relative)
    both_sides = np.asarray(back @ np.linalg.solve(both, half.T), dtype=float)
    yield _kind("sandwich of the penalised information", place, both_sides, 3 * relative)


def _firth(model: BernoulliLogistic, place: Place, *_: object) -> Iterator[Kind]:
    """Of the information that Firth's penalty augments: each row counts ``1 + h``, h its leverage.

    The other convention, the information of the data as they are, is the model's own kind.
    """
    white = _white(model, place.coefficients)
    beta = place.coefficients

    def augmented(block: Block) -> Array:
        size = row_terms(block, beta).curvature
        columns = block.design @ white
        leverage = size * np.square(columns).sum(axis=1)
        # the rows of a weight w share its leverage: their curvature is w + h in place of w
        return np.asarray((columns.T * (size * (1 + leverage / block.counts))) @ columns)

    lower = np.linalg.cholesky(model.rows.reduce(augmented))
    root = white @ solve_triangular(lower, np.eye(len(white)), lower=True).T
    yield _kind(
        "augmented information", place, np.asarray(root, dtype=float), _relative(place, white, 1.0)
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Patterns:
    """Rows of one design and offset as one group: events of trials."""

    design: Array
    offset: Array
    trials: Array
    events: Array


def patterns(model: BernoulliLogistic) -> Patterns | None:
    """The groups of rows that differ in their outcome only; None where each is a row of its own."""
    if not isinstance(model.rows, ArrayRows):
        return None
    rows = merge_identical(model.rows)
    if rows.n_rows > MOST_PATTERNS:
        return None
    offset = np.zeros(rows.n_rows) if rows.offset is None else rows.offset
    table = np.column_stack([rows.design, offset]).astype(float)
    values, group = np.unique(table + 0.0, axis=0, return_inverse=True)
    if len(values) == model.n_observations:
        return None
    counts = np.ones(rows.n_rows) if rows.weights is None else rows.weights
    trials, events = (
        np.bincount(group.ravel(), each, len(values)).astype(float)
        for each in (counts, counts * (rows.response > 0))
    )
    return Patterns(design=values[:, :-1], offset=values[:, -1], trials=trials, events=events)
