"""Functions of a formula that learn from the rows: centres, scales, polynomials, splines.

What is learnt, knots and bounds above all, lies in a state, and all rows are treated by it. It is
learnt from the different values of a column and how often each occurs, so that it is the same to
the last bit for rows in any order, and for a row of frequency weight 3 as for three rows. B-splines
and cubic regression splines are formulaic's; natural splines have R's basis.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import rows_phrase, shorten
from flatprior.models.encoding.formulas.options import Arguments, bound, read

MOST_COLUMNS = 100
CUBIC = 3
LINE = 2  # columns of a cubic regression spline without a knot inside
UNSAID = "as the intercept needs it"
_BOUNDS = ("lower_bound", "upper_bound")
_SPLINE = ("df", "knots", *_BOUNDS, "Boundary.knots")
# options by name, and those that may stand without one in this order
OPTIONS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "center": ((), ()),
    "scale": (("center", "scale", "ddof"), ("center", "scale")),
    "poly": (("degree", "raw"), ("degree",)),
    "bs": ((*_SPLINE, "degree", "include_intercept", "intercept"), ("df",)),
    "ns": ((*_SPLINE, "intercept"), ("df",)),
    "cr": ((*_SPLINE, "constraints"), ("df",)),
}
ALIASES = {"cs": "cr"}


@dataclass(frozen=True, eq=False)
class Seen:
    """The values that a transform learns from.

    Attributes
    ----------
    values : ndarray (d,)
        The different ones in their order.
    counts : ndarray (d,)
        How often each occurs.
    """

    values: Array
    counts: Array

    @classmethod
    def of(cls, values: Array, counts: Array | None = None) -> Seen:
        """From the values (n,) of rows, which count as often as `counts` (n,) says, or once.

        Examples
        --------
        >>> import numpy as np
        >>> from flatprior.models.encoding.formulas.transforms import Seen
        >>> seen = Seen.of(np.array([2.0, 1.0, 2.0]), np.array([1.0, 5.0, 2.0]))
        >>> seen.counts.tolist(), seen.mean(seen.values), seen.quantiles([0.75])
        ([5.0, 3.0], 1.375, [2.0])
        """
        different, place = np.unique(values, return_inverse=True)
        return cls(different, np.bincount(place.reshape(-1), counts).astype(float))

    def between(self, low: float, high: float) -> Seen:
        """Those that are not outside the bounds."""
        inside = (self.values >= low) & (self.values <= high)
        return Seen(self.values[inside], self.counts[inside])

    @property
    def number(self) -> float:
        """How many there are, repeated ones repeatedly."""
        return float(self.counts.sum())

    def mean(self, of: Array) -> float:
        """The mean of what belongs to each value, (d,)."""
        first = float((self.counts * of).sum()) / self.number
        return first + float((self.counts * (of - first)).sum()) / self.number

    def quantiles(self, shares: Any) -> list[float]:
        """Quantiles as NumPy and R have them, between two neighbours in proportion."""
        at = (self.number - 1) * np.asarray(shares, dtype=float)
        ends = np.cumsum(self.counts)
        below, above = (
            self.values[np.searchsorted(ends, place, side="right")]
            for place in (np.floor(at), np.minimum(np.floor(at) + 1, self.number - 1))
        )
        part, step = at - np.floor(at), above - below
        found = np.where(part < 0.5, below + step * part, above - step * (1 - part))
        return [float(each) for each in found]


@dataclass(frozen=True, eq=False)
class Transform:
    """A function that learns from the rows.

    Attributes
    ----------
    function : str
    call : str
        The call as it was written, for messages.
    options : dict
    """

    function: str
    call: str
    options: dict[str, Any]

    @property
    def needs_all_rows(self) -> bool:
        """Whether it learns something of all rows: what its options leave open."""
        given = self.options
        if self.function == "poly":
            return not given["raw"]
        if self.function == "scale":
            return given["center"] is True or given["scale"] is True
        if self.function in ("bs", "ns"):
            placed = given["knots"] is not None or not self._inner
            return not placed or given["lower_bound"] is None or given["upper_bound"] is None
        return True

    @property
    def centred(self) -> bool:
        """Whether its columns are 0 on average over the rows: a matter of its options."""
        return {
            "center": True,
            "scale": self.options.get("center") is True,
            "poly": not self.options.get("raw", False),
        }.get(self.function, False)

    def beside(self, intercept: bool) -> Transform:
        """The transform in a formula with an intercept or without."""
        if intercept and self.function == "ns" and self.options["intercept"]:
            raise InputError(
                f"{shorten(self.call)} has an intercept of its own beside that of the formula; "
                "leave out intercept=TRUE, or write 0 + in front"
            )
        if self.options.get("constraints") != UNSAID:
            return self
        centred = "center" if intercept else None
        if centred is None and self.options["df"] == LINE:
            raise _wrong(self.call, "df", f"a whole number from {LINE + 1} without an intercept")
        return replace(self, options={**self.options, "constraints": centred})

    @property
    def _inner(self) -> int:
        """How many knots inside `df` asks for."""
        return 0 if self.options["df"] is None else int(self.options["df"]) - self._fewest

    @property
    def _fewest(self) -> int:
        """Columns without a knot inside."""
        degree = self.options.get("degree", 1)
        return int(degree) + bool(self.options.get("intercept"))

    def learn(self, seen: Seen) -> dict[str, Any]:
        """The state, from values of which there is one at least.

        Raises
        ------
        ValueError
            If it cannot be had from these values.
        """
        if self.function == "poly" and not self.options["raw"]:
            distinct = len(seen.values)
            if distinct <= self.options["degree"]:
                raise InputError(
                    f"{shorten(self.call)} needs more than {self.options['degree']} different "
                    f"values, and there are {distinct}; lower the degree"
                )
        if self.function not in ("bs", "ns", "cr"):
            return _LEARNT[self.function](seen, self.options)
        low, high = self._bounds(seen.values)
        options = {**self.options, "lower_bound": low, "upper_bound": high}
        if self.function == "cr":
            return _regression_state(seen, options)
        degree = int(options.get("degree", CUBIC))
        inner = options["knots"]
        if inner is None:
            shares = np.linspace(0, 1, self._inner + 2)[1:-1]
            inner = seen.between(low, high).quantiles(shares) if self._inner else []
            if inner and not low < min(inner) <= max(inner) < high:
                raise InputError(
                    f"{shorten(self.call)} has knots at the quantiles of its column, and so many "
                    "values are alike that one is the smallest or the largest; lower df, or give "
                    "knots="
                )
        edge = degree + 1
        knots = [float(knot) for knot in (*[low] * edge, *inner, *[high] * edge)]
        state = {"lower_bound": low, "upper_bound": high, "knots": knots}
        if self.function == "ns":
            state["reflections"] = _elimination(knots, options["intercept"])
        return state

    def columns(self, values: Array, state: dict[str, Any], labels: pd.Index[Any]) -> Any:
        """The columns of values (n,), by their fields.

        Raises
        ------
        ValueError
            If they cannot be had from these values.
        """
        if not np.isfinite(values).all():  # which is reported by column and row
            return {1: np.full(len(values), np.nan)}
        if self.function == "bs":
            self._check_within(values, state["lower_bound"], state["upper_bound"], labels)
        return _COLUMNS[self.function](values, state, self.options)

    def _bounds(self, values: Array) -> tuple[float, float]:
        """The outer knots: those that were written, or those of the values."""
        low, high = self.options["lower_bound"], self.options["upper_bound"]
        low, high = values[0] if low is None else low, values[-1] if high is None else high
        if not low < high:
            raise InputError(
                f"{shorten(self.call)} goes from {low:g} to {high:g}; it needs different values, "
                "and bounds one below the other"
            )
        outside = [knot for knot in self.options["knots"] or () if not low < knot < high]
        if outside:
            raise InputError(
                f"the knot {outside[0]:g} of {shorten(self.call)} is not between {low:g} and "
                f"{high:g}; knots stand inside the values"
            )
        return float(low), float(high)

    def _check_within(self, values: Array, low: float, high: float, labels: pd.Index[Any]) -> None:
        outside = (values < low) | (values > high)
        if outside.any():
            raise InputError(
                f"{shorten(self.call)} is known from {low:g} to {high:g}, and the value is outside "
                f"in {rows_phrase(labels[outside])}; leave such rows out, or build the model with "
                "lower_bound= and upper_bound=, or with ns(), whose curves go on as lines"
            )


def _transform(function: str) -> Callable[[str, Arguments], Transform]:
    names, places = OPTIONS[function]
    defaults: dict[str, Any] = {
        "center": {},
        "scale": {"center": True, "scale": True, "ddof": 1},
        "poly": {"degree": 1, "raw": False},
    }.get(function, dict.fromkeys((*names, "intercept"), None))

    def made(call: str, arguments: Arguments) -> Transform:
        given = read(call, bound(call, arguments, names, places))
        if function in ("bs", "ns", "cr"):
            given = _spline_options(function, call, given)
        options = defaults | given
        if function == "poly":
            options["degree"] = _whole(call, "degree", options["degree"], 1)
            options["raw"] = _truth(call, "raw", options["raw"])
        if function == "scale":
            for name in ("center", "scale"):
                if not isinstance(options[name], int | float):
                    raise _wrong(call, name, "TRUE, FALSE or a number")
            if options["scale"] is not True and options["scale"] is not False:
                _positive(call, options["scale"])
            options["ddof"] = _whole(call, "ddof", options["ddof"], 0)
        return Transform(function, call, options)

    return made


def _spline_options(function: str, call: str, given: dict[str, Any]) -> dict[str, Any]:
    """Check the options of a spline, and give each its one name."""
    given = dict(given)
    if "Boundary.knots" in given:
        if set(given) & set(_BOUNDS):
            raise _wrong(call, "Boundary.knots", "given without lower_bound and upper_bound")
        bounds = given.pop("Boundary.knots")
        if not isinstance(bounds, tuple) or len(bounds) != 2:
            raise _wrong(call, "Boundary.knots", "two numbers, c(lower, upper)")
        bounds = sorted(_real(call, "Boundary.knots", bound) for bound in bounds)
        given["lower_bound"], given["upper_bound"] = bounds
    if "include_intercept" in given:
        given["intercept"] = given.pop("include_intercept")
    for name in _BOUNDS:
        if given.get(name) is not None:
            given[name] = _real(call, name, given[name])
    given["intercept"] = _truth(call, "intercept", given.get("intercept", False))
    if given.setdefault("constraints", UNSAID) not in ("center", None, UNSAID):
        raise _wrong(call, "constraints", "'center' or None")
    if function == "bs":
        given["degree"] = _whole(call, "degree", given.get("degree", CUBIC), 1)
    knots = given.get("knots")
    if knots is not None:
        knots = (knots,) if isinstance(knots, int | float) else knots
        if not isinstance(knots, tuple) or not knots:
            raise _wrong(call, "knots", "numbers, c(1, 2)")
        given["knots"] = tuple(sorted(_real(call, "knots", knot) for knot in knots))
        if function != "bs" and len(set(given["knots"])) < len(knots):
            raise _wrong(call, "knots", "different numbers")
        if given.get("df") is not None:
            raise InputError(f"{shorten(call)} has df and knots; give one of them")
    elif given.get("df") is not None:
        fewest = {"bs": given.get("degree", 0), "ns": 1, "cr": 2}[function] + given["intercept"]
        given["df"] = _whole(call, "df", given["df"], fewest)
    elif function == "cr":
        raise InputError(f"{shorten(call)} needs df= or knots=")
    return given


def _wrong(call: str, option: str, what: str) -> InputError:
    return InputError(f"the option {option}= of {shorten(call)} must be {what}")


def _whole(call: str, option: str, value: Any, least: int) -> int:
    whole = isinstance(value, int | float) and not isinstance(value, bool) and value == int(value)
    if not whole or not least <= value <= MOST_COLUMNS:
        raise _wrong(call, option, f"a whole number from {least} to {MOST_COLUMNS}")
    return int(value)


def _real(call: str, option: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(call, option, "of numbers")
    return float(value)


def _truth(call: str, option: str, value: Any) -> bool:
    if not isinstance(value, bool) and value not in (0, 1):
        raise _wrong(call, option, "TRUE or FALSE")
    return bool(value)


def _positive(call: str, value: float) -> None:
    if not value > 0:
        raise _wrong(call, "scale", "TRUE, FALSE or a positive number")


def _shift(seen: Seen, options: dict[str, Any]) -> dict[str, Any]:
    """Centre and scale, each None where there is none."""
    centre, scale = options.get("center", True), options.get("scale", False)
    if isinstance(centre, bool):
        centre = seen.mean(seen.values) if centre else None
    if isinstance(scale, bool):
        rest = seen.values - (centre or 0.0)
        squares = float((seen.counts * rest**2).sum())
        scale = (
            float(np.sqrt(squares / np.float64(seen.number - options["ddof"]))) if scale else None
        )
    return {"center": centre, "scale": scale}


def _shifted(values: Array, state: dict[str, Any], options: dict[str, Any]) -> dict[int, Array]:
    values = values if state["center"] is None else values - state["center"]
    return {1: values if state["scale"] is None else values / np.float64(state["scale"])}


def _polynomials(seen: Seen, options: dict[str, Any]) -> dict[str, Any]:
    """The recurrence of polynomials that are orthogonal over the rows, as R's ``poly`` has it."""
    if options["raw"]:
        return {}
    centres: list[float] = []
    squares = [seen.number]
    for degree in range(1, options["degree"] + 1):
        last = _recurrence(seen.values, centres, squares)[-1]
        centres.append(float((seen.counts * seen.values * last**2).sum()) / squares[-1])
        last = _recurrence(seen.values, centres, squares)[degree]
        squares.append(float((seen.counts * last**2).sum()))
    return {"centres": centres, "squares": squares}


def _recurrence(values: Array, centres: list[float], squares: list[float]) -> list[Array]:
    """The polynomials, from that of degree 0, each with 1 before its highest power."""
    found = [np.ones_like(values)]
    for degree, centre in enumerate(centres):
        following = (values - centre) * found[-1]
        if degree:
            following = following - squares[degree] / squares[degree - 1] * found[-2]
        found.append(following)
    return found


def _poly(values: Array, state: dict[str, Any], options: dict[str, Any]) -> dict[int, Array]:
    if options["raw"]:
        return {power: values**power for power in range(1, options["degree"] + 1)}
    found = _recurrence(values, state["centres"], state["squares"])
    return {
        degree: found[degree] / np.sqrt(state["squares"][degree]) for degree in range(1, len(found))
    }


def _b_splines(values: Array, state: dict[str, Any], options: dict[str, Any]) -> Any:
    from formulaic.transforms import basis_spline

    return basis_spline(
        values, degree=options["degree"], include_intercept=options["intercept"], _state=state
    )


def _regression_state(seen: Seen, options: dict[str, Any]) -> dict[str, Any]:
    """Knots at quantiles of the different values, and what centres the columns over the rows."""
    from formulaic.transforms import natural_cubic_spline

    names = ("df", "knots", "lower_bound", "upper_bound", "constraints")
    state: dict[str, Any] = {}
    natural_cubic_spline(seen.values, **{name: options[name] for name in names}, _state=state)
    if options["constraints"] is not None:
        free = natural_cubic_spline(seen.values, _state={**state, "constraints": None})
        state["constraints"] = np.array([[seen.mean(np.asarray(c)) for c in free.values()]])
    return state


def _regression_splines(
    values: Array, state: dict[str, Any], options: dict[str, Any]
) -> dict[int, Array]:
    from formulaic.transforms import natural_cubic_spline

    found = natural_cubic_spline(values, _state=state)
    return {field: np.asarray(column) for field, column in found.items()}


def _natural_splines(
    values: Array, state: dict[str, Any], options: dict[str, Any]
) -> dict[int, Array]:
    """Natural cubic splines (n, df) in the basis of R's ``splines::ns``.

    B-splines whose combinations have no second derivative at the outer knots: two conditions,
    eliminated by Householder reflections as LINPACK and LAPACK make them. Beyond the outer knots
    they go on as lines.
    """
    from scipy.interpolate import BSpline

    knots = np.array(state["knots"])
    low, high = knots[0], knots[-1]
    spline = BSpline(knots, np.eye(len(knots) - CUBIC - 1), CUBIC)
    basis = spline(np.clip(values, low, high))
    for edge, beyond in ((low, values < low), (high, values > high)):
        if beyond.any():
            basis[beyond] += (values[beyond] - edge)[:, None] * spline(edge, nu=1)
    skipped = 0 if options["intercept"] else 1
    found = basis[:, skipped:] @ state["reflections"]
    return {j + 1: np.ascontiguousarray(found[:, j]) for j in range(found.shape[1])}


def _elimination(knots: list[float], intercept: bool) -> Array:
    """Combinations of B-splines without a second derivative at the outer knots, orthonormal."""
    from scipy.interpolate import BSpline
    from scipy.linalg import qr

    spline = BSpline(np.array(knots), np.eye(len(knots) - CUBIC - 1), CUBIC)
    curvature = np.array([spline(knots[0], nu=2), spline(knots[-1], nu=2)])
    reflections = qr(curvature[:, 0 if intercept else 1 :].T)[0]
    return np.asarray(reflections[:, 2:])


_LEARNT: dict[str, Callable[[Seen, dict[str, Any]], dict[str, Any]]] = {
    "center": _shift,
    "scale": _shift,
    "poly": _polynomials,
}
_COLUMNS: dict[str, Callable[[Array, dict[str, Any], dict[str, Any]], Any]] = {
    "center": _shifted,
    "scale": _shifted,
    "poly": _poly,
    "bs": _b_splines,
    "ns": _natural_splines,
    "cr": _regression_splines,
}
TRANSFORMS = {name: _transform(name) for name in OPTIONS}
TRANSFORMS |= {other: TRANSFORMS[name] for other, name in ALIASES.items()}
