"""Effect curves: the probability along one variable, all others held where they usually are."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.analysis.inference.averaged_rows import (
    Averaged,
    means_of_numbers,
    of_batches,
    rows_to_average,
)
from flatprior.analysis.inference.hypotheses.wald import Coefficients
from flatprior.analysis.inference.prediction import predict
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, check_whole, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import percentages
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import SCREEN, level_in_words, names_in, printable
from flatprior.models.encoding.columns.checks import column
from flatprior.models.encoding.columns.kinds import numbers
from flatprior.models.rows import Block

POINTS = 61  # of a curve
BINS = 30  # of the histogram below it
MOST_ROWS = 1_000_000  # in files, whose variables are read into memory
MOST_LEVELS = 12  # of a category, the most frequent
MIDDLE = 0.05, 0.95  # quantiles of a number between which it is said to change the probability
DECIMALS = 9  # of such a change, by which variables are ranked, and of shares of levels
Levels = Literal["reference", "commonest"]


@dataclass(frozen=True, eq=False, kw_only=True)
class EffectCurve:
    """The probability along one variable.

    Attributes
    ----------
    name : str
    values : tuple
        Numbers in increasing order, or levels.
    frame : DataFrame
        What `predict` gives of these values.
    is_number : bool
        Whether there are values in between.
    edges : ndarray (b + 1,)
        Of a number, of the bins in which its observations are counted.
    share : ndarray (b,)
        Of the observations in each bin, or with each level.
    change : float
        Between the largest and the smallest probability: of levels, and of a number from its 5% to
        its 95% quantile.
    n_levels : int
        How many levels there are; 0 of a number.
    """

    name: str
    values: tuple[Any, ...]
    frame: pd.DataFrame
    is_number: bool
    edges: Array
    share: Array
    change: float
    n_levels: int = 0


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class EffectCurves(Renderable):
    """The probability along variables, one at a time, with all others held.

    Attributes
    ----------
    curves : tuple of EffectCurve
        In the order of how much the probability changes, the largest first.
    n_variables : int
        How many there are, shown or not.
    held : dict
        Each variable to where it is held, in words, while another one changes.
    prob : float
    levels : {"reference", "commonest"}
        At which of their levels categories and booleans are held.
    formula : str or None
    note : str
        Of which rows means and shares are, where it is not all of the model's; else empty.
    """

    curves: tuple[EffectCurve, ...]
    n_variables: int
    held: dict[str, str]
    prob: float
    levels: Levels = "reference"
    formula: str | None = None
    note: str = ""

    @property
    def left_out(self) -> str:
        """How many variables are not among these, in words; empty where none is left out."""
        n = self.n_variables - len(self.curves)
        if not n:
            return ""
        return (
            f"{len(self.curves)} of {self.n_variables} variables, along which the probability "
            f"changes most; {n} left out"
        )

    def held_beside(self, name: str) -> str:
        """Where the others are held while one variable changes, in words."""
        others = [f"{each} {where}" for each, where in self.held.items() if each != name]
        return names_in(SCREEN, others) if others else ""

    def curve(self, name: str) -> EffectCurve:
        """That of one variable, or a `ValueError` where there is none."""
        for each in self.curves:
            if each.name == name:
                return each
        shown = names_in(SCREEN, [each.name for each in self.curves])
        raise InputError(f"there is no curve of {printable(name)!r}; there are those of {shown}")

    def table(self) -> pd.DataFrame:
        """One row a value of a variable: "variable", "value", "probability" and its interval."""
        ends = ["probability", *(f"probability {end}" for end in percentages(self.prob))]
        parts = [
            each.frame[ends].assign(variable=each.name, value=list(each.values)).reset_index()
            for each in self.curves
        ]
        return pd.concat(parts, ignore_index=True)[["variable", "value", *ends]]

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: the ends of each curve; its CSV has all points."""
        table = self.table()
        table["value"] = [
            f"{v:.6g}" if isinstance(v, float) else printable(v) for v in table["value"]
        ]
        names = table.pop("variable")
        frame = table.set_axis(pd.Index([printable(name) for name in names]))
        first = np.flatnonzero((names != names.shift()).to_numpy())
        last = np.append(first[1:], len(names)) - 1
        return Rendered.of(
            chosen(frame, columns),
            {str(name): ".4f" for name in frame.columns if name != "value"},
            of_model("Probability along single variables", self.formula),
            [f"the others at their means or {self.levels} levels"],
            [
                *([self.left_out] if self.left_out else []),
                "held: " + names_in(SCREEN, [f"{each} {at}" for each, at in self.held.items()]),
                self.note and f"means and shares are {self.note}",
                "shown are the first and the last value of each; .table() has all",
            ],
            rows=np.unique(np.concatenate([first, last])),
        )


@model_first(sampling_weights=True)
def effect_curves(
    model: BernoulliLogistic,
    result: Coefficients | Posterior,
    data: pd.DataFrame | Mapping[str, ArrayLike] | None = None,
    variables: Sequence[str] | None = None,
    most: int = 6,
    prob: float = 0.95,
    levels: Levels = "reference",
) -> EffectCurves:
    """Probability along single variables, all others at their means or reference levels.

    Parameters
    ----------
    model : BernoulliLogistic
    result : PointEstimate, RobustCovariance or Posterior
        Of the model; its covariance or draws give the interval at each value, see `predict`.
    data : DataFrame or mapping, optional
        What the model was built from, if by a formula from rows in memory: the model keeps the
        columns of its design only. Rows in files are read again.
    variables : sequence of str, optional
        Which; default the `most` along which the probability changes most: over the levels of a
        category, and from the 5% to the 95% quantile of a number.
    most : int
    prob : float
        Of the interval at each value, on its own.
    levels : {"reference", "commonest"}
        At which level categories and booleans are held while another variable changes: the
        reference level, or that of most observations (the first of those that tie).

    Returns
    -------
    EffectCurves

    Raises
    ------
    ValueError
        If there is no such variable or choice of levels, or rows are needed and there are none.

    Notes
    -----
    Numbers go from their smallest to their largest observed value (one that has two values only
    has these); of a category there are the twelve most frequent levels. Others are held: numbers at
    their mean (at their median where the formula compares them), categories and booleans at one of
    their `levels`, an offset at its mean. Where there is an interaction the curve is another at
    other values. With sampling weights means and shares are of the people that the rows speak for.
    A model of arrays has columns for variables, each of which is moved alone.

    Examples
    --------
    >>> from flatprior.analysis import effect_curves
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> data = load_spector()
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + C(psi)", data)
    >>> curves = effect_curves(model, fit_newton(model), data)
    >>> [(curve.name, round(curve.change, 2)) for curve in curves.curves]
    [('gpa', 0.58), ('psi', 0.46), ('tuce', 0.12)]
    >>> curves.held["psi"]
    '0'

    With categories at their commonest level:

    >>> from flatprior.models import load_births
    >>> births = load_births()
    >>> model = BernoulliLogistic.from_formula("low ~ lwt + C(race)", births)
    >>> effect_curves(model, fit_newton(model), births, levels="commonest").held["race"]
    'white'
    """
    check_whole("most", most, 1)
    check_choice("levels", levels, get_args(Levels))
    rows = _rows(model, data)
    with_formula = model.encoding is not None
    known = _of_formula(model, rows, levels) if with_formula else _of_columns(model, rows)
    for name in variables or ():
        if name not in known:
            raise InputError(
                f"there is no variable {printable(name)!r}; the variables are "
                f"{names_in(SCREEN, list(known))}"
            )
    wanted = list(known if variables is None else dict.fromkeys(variables))
    if not wanted:
        raise InputError("the model has no variable that changes from row to row")
    offset = float(rows.share @ rows.offset)
    found = _predicted(model, result, known, wanted, offset, prob)
    curves = [_curve(known[name], frame) for name, frame in zip(wanted, found, strict=True)]
    order = np.argsort([-round(each.change, DECIMALS) for each in curves], kind="stable")
    held = {name: each.where for name, each in known.items()}
    if model.rows.has_offset:
        held["offset"] = f"{offset:.4g}"
    return EffectCurves(
        curves=tuple(curves[i] for i in (order[:most] if variables is None else range(len(order)))),
        n_variables=len(known),
        held=held,
        prob=prob,
        levels=levels,
        formula=model.formula,
        note=rows.note,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Variable:
    """Where one variable goes, where it is held, and where its observations are."""

    name: str
    grid: tuple[Any, ...]
    held: Any
    where: str
    is_number: bool
    edges: Array
    share: Array
    middle: tuple[float, float] = (0.0, 0.0)
    n_levels: int = 0

    @classmethod
    def number(cls, name: str, values: Array, share: Array, held: float) -> _Variable:
        low, high = float(values.min()), float(values.max())
        if ((values == low) | (values == high)).all():  # as good as a category
            ends = [low, high]
            return cls(
                name=name,
                grid=tuple(int(each) if each.is_integer() else each for each in ends),
                held=held,
                where=f"{held:.4g}",
                is_number=False,
                edges=np.zeros(0),
                share=np.array([share[values == each].sum() for each in ends]),
                n_levels=2,
            )
        counted, edges = np.histogram(values, bins=BINS, range=(low, high), weights=share)
        order = np.argsort(values, kind="stable")
        up_to = np.cumsum(share[order])
        places = np.searchsorted(up_to, np.array(MIDDLE) * up_to[-1])
        bottom, top = values[order][np.minimum(places, len(values) - 1)].tolist()
        return cls(
            name=name,
            grid=tuple(np.linspace(low, high, POINTS).tolist()),
            held=held,
            where=f"{held:.4g}",
            is_number=True,
            edges=edges,
            share=counted,
            middle=(bottom, top),
        )

    @classmethod
    def category(
        cls, name: str, levels: Sequence[Any], values: Any, share: Array, base: str | None
    ) -> _Variable:
        """Held at the level that is called `base`, or at the commonest."""
        names = [str(level) for level in levels]
        text = [str(each) for each in np.asarray(values, dtype=object)]
        places = pd.Index(names).get_indexer(pd.Index(text, dtype=object))
        there = places >= 0
        of_each = np.bincount(places[there], share[there], minlength=len(names)).astype(float)
        first = int(np.argmax(of_each.round(DECIMALS)))  # of those that tie but for rounding
        held = levels[first if base is None else names.index(base)]
        kept = np.sort(np.argsort(-of_each, kind="stable")[:MOST_LEVELS])
        return cls(
            name=name,
            grid=tuple(levels[i] for i in kept),
            held=held,
            where=level_in_words(held),
            is_number=False,
            edges=np.zeros(0),
            share=of_each[kept],
            n_levels=len(levels),
        )


def _rows(model: BernoulliLogistic, data: Any) -> Averaged:
    """The rows of the model with their variables, wherever they lie."""
    if data is not None or not isinstance(model.rows, BatchRows):
        return rows_to_average(model, data, None, None)
    if model.n_rows > MOST_ROWS:
        raise InputError(
            f"the variables of {model.n_rows} rows are not read into memory: pass some of them as "
            f"data, {MOST_ROWS} at most"
        )
    _, averaged = of_batches(model, model.rows)

    def kept(block: Block, frame: pd.DataFrame) -> list[Averaged]:
        return [averaged(block, frame)]

    parts: list[Averaged] = model.rows.reduce_with_frames(kept, operator.add)
    return Averaged(
        frame=pd.concat([part.frame for part in parts if part.frame is not None]),
        design=parts[0].design,
        offset=np.concatenate([part.offset for part in parts]),
        share=np.concatenate([part.share for part in parts]),
    )


def _of_formula(model: BernoulliLogistic, rows: Averaged, choice: Levels) -> dict[str, _Variable]:
    encoding, frame = model.encoding, rows.frame
    assert encoding is not None  # noqa: S101
    assert frame is not None  # noqa: S101
    parsed = encoding.parsed
    levels = {parsed.generated[key]: tuple(found) for key, found in encoding.levels.items()}
    levels |= {name: (False, True) for name in encoding.booleans}
    means = means_of_numbers(model, rows)
    found = {}
    for name in parsed.predictors:
        if name in levels:
            first = encoding.reference_levels.get(name, str(levels[name][0]))
            base = first if choice == "reference" else None
            made = _Variable.category(name, levels[name], frame[name], rows.share, base)
        else:
            values = np.asarray(numbers(column(frame, name)), dtype=float)
            held = means[name] if name in means else _median(values, rows.share)
            made = _Variable.number(name, values, rows.share, held)
        found[name] = made
    return found


def _median(values: Array, share: Array) -> float:
    """The lower median, of rows that have a share of the observations each."""
    order = np.argsort(values)
    # half but for rounding of the sum
    return float(values[order][np.searchsorted(np.cumsum(share[order]), 0.5 - 1e-9)])


def _of_columns(model: BernoulliLogistic, rows: Averaged) -> dict[str, _Variable]:
    design = np.asarray(model.arrays.design[:, :])
    return {
        name: _Variable.number(name, design[:, j], rows.share, float(rows.share @ design[:, j]))
        for j, name in enumerate(model.names)
        if np.ptp(design[:, j]) > 0
    }


def _predicted(
    model: BernoulliLogistic,
    result: Coefficients | Posterior,
    known: Mapping[str, _Variable],
    wanted: Sequence[str],
    offset: float,
    prob: float,
) -> list[pd.DataFrame]:
    """Predictions along each variable: of all of them at once."""
    sizes = [len(known[name].grid) for name in wanted]
    ends = np.cumsum(sizes)
    n = int(ends[-1])
    columns = {}
    for name, variable in known.items():
        values = [variable.held] * n
        if name in wanted:
            at = wanted.index(name)
            values[ends[at] - sizes[at] : ends[at]] = variable.grid
        columns[name] = values
    if model.encoding is not None:
        new: Any = pd.DataFrame(columns)
    else:
        first = model.arrays.design[0]
        new = np.column_stack(
            [columns.get(name, np.full(n, first[j])) for j, name in enumerate(model.names)]
        )
    added = np.full(n, offset) if model.rows.has_offset else None
    table = predict(model, result, new, added, prob=prob)
    return [
        table.iloc[end - size : end].reset_index(drop=True)
        for end, size in zip(ends, sizes, strict=True)
    ]


def _curve(variable: _Variable, frame: pd.DataFrame) -> EffectCurve:
    p = frame["probability"].to_numpy()
    if variable.is_number:
        inside = np.interp(variable.middle, variable.grid, p)
        between = (np.array(variable.grid) >= variable.middle[0]) & (
            np.array(variable.grid) <= variable.middle[1]
        )
        p = np.concatenate([inside, p[between]])
    return EffectCurve(
        name=variable.name,
        values=variable.grid,
        frame=frame,
        is_number=variable.is_number,
        edges=variable.edges,
        share=variable.share,
        change=float(np.ptp(p)),
        n_levels=variable.n_levels,
    )
