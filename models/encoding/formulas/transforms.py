"""Functions of a formula that learn from the rows: centres, scales, polynomials, splines.

What is learnt, knots and bounds above all, lies in a state, and new rows are treated by it.
Centres, scales, orthogonal polynomials, B-splines and cubic regression splines are formulaic's;
natural splines have R's basis.
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

    def columns(self, values: Array, state: dict[str, Any], labels: pd.Index[Any]) -> Any:
        """The columns of values (n,), by their fields; an empty state is filled.

        Raises
        ------
        ValueError
            If they cannot be had from these values.
        """
        if not np.isfinite(values).all():  # which is reported by column and row
            return {1: np.full(len(values), np.nan)}
        if self.function in ("bs", "ns", "cr"):
            low, high = self._bounds(values, state)
            if self.function == "bs":
                self._check_within(values, low, high, labels)
        if self.function == "poly" and not state and not self.options["raw"]:
            distinct = len(np.unique(values))
            if distinct <= self.options["degree"]:
                raise InputError(
                    f"{shorten(self.call)} needs more than {self.options['degree']} different "
                    f"values, and there are {distinct}; lower the degree"
                )
        learns = not state
        found = _COLUMNS[self.function](values, state, self.options)
        if learns and self.function in ("bs", "ns"):
            degree = self.options.get("degree", CUBIC)
            inner = state["knots"][degree + 1 : -degree - 1]
            if inner and not low < min(inner) <= max(inner) < high:
                raise InputError(
                    f"{shorten(self.call)} has knots at the quantiles of its column, and so many "
                    "values are alike that one is the smallest or the largest; lower df, or give "
                    "knots="
                )
        return found

    def _bounds(self, values: Array, state: dict[str, Any]) -> tuple[float, float]:
        """The outer knots: those of the state, those that were written, or those of the values."""
        if state:
            return state["lower_bound"], state["upper_bound"]
        low, high = self.options["lower_bound"], self.options["upper_bound"]
        low, high = values.min() if low is None else low, values.max() if high is None else high
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


def _center(values: Array, state: dict[str, Any], options: dict[str, Any]) -> dict[int, Array]:
    from formulaic.transforms import center

    return {1: center(values, _state=state)}


def _scale(values: Array, state: dict[str, Any], options: dict[str, Any]) -> dict[int, Array]:
    from formulaic.transforms import scale

    return {1: scale(values, **options, _state=state)}


def _poly(values: Array, state: dict[str, Any], options: dict[str, Any]) -> dict[int, Array]:
    from formulaic.transforms import poly

    degree = options["degree"]
    if options["raw"]:
        state["raw"] = True
        return {power: values**power for power in range(1, degree + 1)}
    found = np.asarray(poly(values, degree=degree, _state=state))
    return {power: found[:, power - 1] for power in range(1, degree + 1)}


def _b_splines(values: Array, state: dict[str, Any], options: dict[str, Any]) -> Any:
    from formulaic.transforms import basis_spline

    return basis_spline(
        values,
        df=options["df"],
        knots=options["knots"],
        degree=options["degree"],
        include_intercept=options["intercept"],
        lower_bound=options["lower_bound"],
        upper_bound=options["upper_bound"],
        _state=state,
    )


def _regression_splines(
    values: Array, state: dict[str, Any], options: dict[str, Any]
) -> dict[int, Array]:
    from formulaic.transforms import natural_cubic_spline

    found = natural_cubic_spline(
        values,
        df=options["df"],
        knots=options["knots"],
        lower_bound=options["lower_bound"],
        upper_bound=options["upper_bound"],
        constraints=options["constraints"],
        _state=state,
    )
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

    if not state:
        low, high = options["lower_bound"], options["upper_bound"]
        low, high = values.min() if low is None else low, values.max() if high is None else high
        knots = options["knots"]
        if knots is None:
            df = options["df"]
            inner = 0 if df is None else df - 1 - options["intercept"]
            within = values[(values >= low) & (values <= high)]
            knots = np.quantile(within, np.arange(1, inner + 1) / (inner + 1)) if inner else ()
        state["lower_bound"], state["upper_bound"] = float(low), float(high)
        state["knots"] = [float(k) for k in (*[low] * 4, *knots, *[high] * 4)]
        state["reflections"] = _elimination(state["knots"], options["intercept"])
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


_COLUMNS: dict[str, Callable[[Array, dict[str, Any], dict[str, Any]], Any]] = {
    "center": _center,
    "scale": _scale,
    "poly": _poly,
    "bs": _b_splines,
    "ns": _natural_splines,
    "cr": _regression_splines,
}
TRANSFORMS = {name: _transform(name) for name in OPTIONS}
TRANSFORMS |= {other: TRANSFORMS[name] for other, name in ALIASES.items()}
