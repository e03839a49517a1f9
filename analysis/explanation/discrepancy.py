"""The coefficients in question, what the likelihood looks like there, and what is a cause.

A cause takes coefficients b with what the likelihood looks like there, and yields the ways in which
it may have led to b, with the distance that each leaves unexplained. Where a cause says that b
solves a changed problem, that problem is solved, and the distance is from its solution, in standard
errors of the model's MLE: that an equation all but holds at b is not enough
(see `flatprior.analysis.explanation.changed_problems`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lu_factor, lu_solve, solve_triangular

from flatprior.analysis.explanation.changed_problems import Terms, logit, sums
from flatprior.analysis.explanation.reference_levels import intercept_of
from flatprior.analysis.monte_carlo import root_at
from flatprior.analysis.stated_precision import half_units
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.batches.same_passes import at_once
from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.parallel import found_once
from flatprior.models.covariance.turned import TurnedRows, pieces
from flatprior.models.covariance.whitening import whitening
from flatprior.models.likelihood import row_terms
from flatprior.models.rows import Block, as_held

T = TypeVar("T")
EXPLAINED = 0.3  # of the score: what a changed problem may leave of it
EXACT = 1e-3  # standard errors: what an optimiser's tolerance may leave where a cause is certain
ROUNDED_AWAY = 0.01  # of the whole distance
ALIKE = 1e-9  # relative: numbers so near one another are equal
DIGITS_SAY = 0.1  # of half a unit of the last digit: a smaller gap is by chance
LEAST_GAP = 1e-12  # standard errors: a smaller one is by chance


@dataclass(frozen=True, kw_only=True)
class Cause:
    """One possible cause, tested.

    Attributes
    ----------
    cause : str
    detail : str
        How it would have come about, with what was estimated.
    distance : float
        What is left unexplained, in standard errors.
    coincidence : float
        About how often numbers that have nothing to do with this cause would fit so well.
    rounding : float
        What rounding of the numbers may have added to the distance.
    most : float
        Distance up to which the cause may be certain; negative where it never is.
    cure : str
        What to type or do to get the MLE.
    """

    cause: str
    detail: str
    distance: float
    coincidence: float
    rounding: float = 0.0
    most: float = EXACT
    cure: str = ""


class Ground(NamedTuple):
    """Columns in which a changed problem is solved."""

    root: Array  # (k, m), from them to the model's
    rows: TurnedRows
    start: Array  # the MLE in them, or 0 where there is none


class ByOutcome(NamedTuple):
    """Rows of outcome 0, and of outcome 1: their scores (2, k), and how many they are (2,).

    And whether the scores of single rows are numbers.
    """

    scores: Array
    rows: Array
    finite: bool

    def __add__(self, other: Any) -> ByOutcome:
        return ByOutcome(
            self.scores + other.scores, self.rows + other.rows, self.finite and other.finite
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Discrepancy:
    """The coefficients in question, and what the likelihood looks like there.

    Attributes
    ----------
    model : BernoulliLogistic
    fit : PointEstimate or None
        The MLE, where there is one.
    b : ndarray (k,)
    white : ndarray (k, k) or None
        T with T'HT the identity, H the information at b; None where that is singular.
    distance : float
        From the MLE, in the norm of the information there.
    half_units : ndarray (k,)
        What rounding may have done to each of b.
    root : ndarray (k, k) or None
        Of the covariance at the MLE.
    whitened_rows : TurnedRows or None
        In columns whitened by `root`: there coefficients are in standard errors.
    solved : dict
        Solutions (k,) of changed problems that are the same wherever b is, by the problem.
    scaling : ndarray (k, k) or None
        What leads from coefficients of columns that were scaled to b, where penalties are on these.
    untried : list of str
        What was not looked for, and why.
    """

    model: BernoulliLogistic
    fit: PointEstimate | None
    b: Array
    white: Array | None
    distance: float
    half_units: Array
    root: Array | None
    whitened_rows: TurnedRows | None
    solved: dict[object, Array | None] = field(default_factory=dict)
    scaling: Array | None = None
    untried: list[str] = field(default_factory=list)

    @classmethod
    def at(
        cls,
        model: BernoulliLogistic,
        fit: PointEstimate | None,
        given: Array,
        matrix: Array | None = None,
    ) -> Discrepancy:
        """Evaluate the rows at b, which is ``matrix @ given``."""
        b, half = given, half_units(given)
        if matrix is not None:
            b, half = matrix @ given, np.abs(matrix) @ half
        with np.errstate(all="ignore"):
            white = whitening(model.rows, b)
        distance, root, rows = math.nan, None, None
        if fit is not None:
            root = root_at(model, fit).matrix
            distance = float(np.linalg.norm(np.linalg.solve(root, b - fit.coefficients)))
            rows = TurnedRows.of(model.rows, root)
        return cls(
            model=model,
            fit=fit,
            b=b,
            white=white,
            distance=distance,
            half_units=half,
            root=root,
            whitened_rows=rows,
        )

    @property
    def mle(self) -> PointEstimate:
        """The MLE, where it is known that there is one."""
        if self.fit is None:
            raise InputError("there is no MLE")
        return self.fit

    def once(self, problem: object, solve: Callable[[], Array | None]) -> Array | None:
        """The solution (k,) of a problem in which b has no part, found once."""
        if problem not in self.solved:
            self.solved[problem] = solve()
        return self.solved[problem]

    @found_once
    def intercept(self) -> int | None:
        """Which column is the constant 1, if one is."""
        return intercept_of(self.model)

    @cached_property
    def slopes(self) -> list[int]:
        """The other columns."""
        return [j for j in range(len(self.b)) if j != self.intercept]

    @cached_property
    def units(self) -> Array:
        """One unit of each column that a penalty is on, in the model's columns, (k,)."""
        return np.ones(len(self.b)) if self.scaling is None else 1 / self.scaling.diagonal()

    def shrunk(self, b: Array, some: NDArray[np.bool_]) -> float:
        """Length of what a penalty on `some` coefficients shrinks: b without the others."""
        if self.scaling is None:
            return self.length(b * some)
        return self.length(self.scaling @ (np.linalg.solve(self.scaling, b) * some))

    @cached_property
    def telling(self) -> NDArray[np.bool_]:
        """Which coefficients say anything of a cause, (k,).

        Not those of 0: zeros are where programs start, and the MLE of many a small table. Nor those
        of few digits among others of many: 0.5 is nobody's estimate, and an odds ratio of a table.
        """
        own = np.array([half_units(np.array([value]))[0] for value in self.b])
        return np.asarray((self.b != 0) & ~((own > 0) & (self.half_units == 0)))

    @found_once
    def by_outcome(self) -> ByOutcome:
        """The scores of the rows of either outcome, whitened: one pass over the rows."""
        b = self.b
        white = np.zeros((len(b), 0)) if self.white is None else self.white

        def of_block(block: Block) -> ByOutcome:
            residual, design = row_terms(block, b).residual, cast(Any, block.design)
            event = block.sign > 0
            scores = [np.where(which, residual, 0.0) @ design for which in (~event, event)]
            finite = all(
                np.isfinite(residual[some, None] * (design[some] @ white)).all()
                for some in pieces(len(residual))
            )
            return ByOutcome(
                np.array(scores), np.bincount(event, minlength=2).astype(float), finite
            )

        found = as_held(self.model.rows).reduce(of_block)
        return found._replace(scores=found.scores @ white)

    @found_once
    def pull(self) -> Array:
        """The score, whitened, (k,)."""
        return np.asarray(self.by_outcome.scores.sum(axis=0))

    @cached_property
    def residual(self) -> Array:
        """Derivative of the log-likelihood in each row's predictor, at b, (n,): in memory alone."""
        return row_terms(as_held(self.model.arrays).block(slice(None)), self.b).residual

    def summed(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> Array:
        """The score of some rows, whitened, (k,)."""
        if self.white is None:
            return np.zeros(len(self.b))
        design: Any = as_held(self.model.arrays).block(rows).design  # type: ignore[arg-type]
        return np.asarray((self.residual[rows] @ design) @ self.white)

    def scores(self, rows: NDArray[np.intp] | slice, along: Array | None = None) -> Array:
        """Of each of these rows, in whitened columns, or `along` some directions of these."""
        if self.white is None:
            return np.zeros((len(self.residual[rows]), len(self.b)))
        white = self.white if along is None else self.white @ along
        design: Any = as_held(self.model.arrays).block(rows).design
        return np.asarray(self.residual[rows][:, None] * (design @ white))

    @property
    def measurable(self) -> bool:
        """Whether the scores of all rows are numbers."""
        return self.by_outcome.finite

    @property
    def rows(self) -> TurnedRows:
        """All rows, in columns whitened at the MLE."""
        if self.whitened_rows is None:
            raise InputError("there is no MLE")
        return self.whitened_rows

    def at_once(self, tasks: Sequence[Callable[[], T]]) -> list[T]:
        """What each gives; of rows in batches in the same passes."""
        return at_once(self.model.rows, tasks)

    def whitened(self, coefficients: Array) -> Array:
        """Coefficients in columns whitened by `root`, as the rows are."""
        if self._factored is None:
            raise InputError("there is no MLE")
        return np.asarray(lu_solve(self._factored, coefficients, check_finite=False))

    @cached_property
    def _factored(self) -> Any:
        return None if self.root is None else lu_factor(self.root)

    def unwhitened(self, coefficients: Array) -> Array:
        """The other way."""
        if self.root is None:
            raise InputError("there is no MLE")
        return np.asarray(self.root @ coefficients)

    def length(self, difference: Array) -> float:
        """Of a difference of coefficients (k,), in the norm of the information at the MLE."""
        return float(np.linalg.norm(self.whitened(difference)))

    def lengths(self, differences: Array) -> Array:
        """Of differences (m, k), in that norm, (m,)."""
        return np.asarray(np.linalg.norm(self.whitened(differences.T), axis=0))

    def rounding(self, matrix: Array | None = None) -> float:
        """What rounding may have added to the distance of ``matrix @ b`` from the MLE, at most."""
        columns = np.eye(len(self.b)) if matrix is None else matrix
        if self.root is None or not self.half_units.any():
            return 0.0
        lengths = np.linalg.norm(np.linalg.solve(self.root, columns), axis=0)
        return float(lengths @ self.half_units)

    def ground(self, columns: list[int] | None = None) -> Ground | None:
        """Columns of unit size, all or some, in which to solve; None where they are dependent."""
        if columns is None and self.root is not None:
            return Ground(self.root, self.rows, self.whitened(self.mle.coefficients))
        # on separated data the information says nothing along what diverges: weigh all alike
        white = self.root if self.root is not None else whitening(self.model.rows)
        if white is not None and columns is not None:
            white = _of_some_columns(white, columns)
        if white is None:
            return None
        start: Array = np.zeros(white.shape[1])
        if self.fit is not None:
            some = slice(None) if columns is None else columns
            start = np.asarray(
                np.linalg.solve(white[some], self.fit.coefficients[some]), dtype=float
            )
        return Ground(white, TurnedRows.of(self.model.rows, white), start)

    def gaps(
        self,
        ground: Ground,
        b: Array,
        maximum: Array,
        penalty: Array | None = None,
        terms: Callable[[Block, Array], Terms] = logit,
    ) -> tuple[float, float] | None:
        """How far b is from the solution `maximum` of a changed problem, and from the MLE.

        Without an MLE in standard errors of the changed problem, and from 0; None where its rows
        tell too little of them. `maximum` and its `penalty` (m, m) are in columns of the ground.
        """
        if self.fit is not None:
            return self.length(b - ground.root @ maximum), self.length(b - self.fit.coefficients)
        metric = sums(ground.rows, maximum, terms).information
        if penalty is not None:
            metric = metric + penalty
        try:
            upper = np.linalg.cholesky(metric).T
        except np.linalg.LinAlgError:
            return None
        point = np.linalg.lstsq(ground.root, b, rcond=None)[0]
        left, whole = upper @ (point - maximum), upper @ point
        return float(np.linalg.norm(left)), float(np.linalg.norm(whole))

    def cause(
        self,
        name: str,
        detail: str,
        distance: float,
        ways: float,
        equations: int,
        whole: float | None = None,
        *,
        cure: str = "",
        free: int = 0,
        least: int = 0,
        among: NDArray[np.bool_] | None = None,
        matrix: Array | None = None,
        most: float = EXACT,
        unmoved: bool = False,
    ) -> Cause:
        """A cause that leaves `distance` of the `whole` unexplained.

        Of its `equations`, which are of all coefficients or `among` some, as many say nothing as
        it has `free` parameters, estimated from b. Where fewer are left than `least`, as many count
        nevertheless, and it is not certain.

        An equation says something of coefficients that have moved by more than that distance, and
        of no others: that most are the MLE's own, and some number is not, has many causes. Nor do
        those that are not `telling`, or are equal to others. All count where `unmoved`: where what
        stands beside the numbers names the cause.
        """
        whole = self.distance if whole is None else whole
        if not unmoved:
            telling = self.telling if among is None else self.telling & among
            if self.fit is not None:
                gaps = np.abs(self.b - self.fit.coefficients) / self.fit.standard_errors
                telling = telling & (gaps > distance)
            equations = min(equations, _distinct(self.b[telling]))
        equations -= free
        if equations < least:
            equations, most = least, -1.0
        ratio = distance / whole if whole > 0 else 1.0
        log_chance = math.log(ways) + equations * math.log(max(ratio, 1e-300))
        chance = math.exp(min(log_chance, 0.0)) if equations > 0 else 1.0
        rounding = self.rounding(matrix)
        return self._cause(name, detail, distance, chance, whole, rounding, most, cure)

    def recoding(
        self,
        name: str,
        detail: str,
        matrix: Array,
        ways: float,
        *,
        cure: str = "",
        left: float | None = None,
        most: float = EXACT,
    ) -> Cause:
        """The cause that ``matrix @ b`` are the MLE.

        Only coefficients that the recoding changes speak for it, each by how near it brings them,
        beside how far they were; and what shrinks numbers of any size to nothing shrinks the
        evidence as much.
        """
        changed = (matrix != np.eye(len(self.b))).any(axis=1)
        shrunk = np.abs(matrix.diagonal())
        shrunk[shrunk == 0] = 1.0
        return self.restored(
            name,
            detail,
            matrix @ self.b,
            changed & (self.b != 0),
            shrunk,
            ways,
            cure=cure,
            rounding=self.rounding(matrix),
            left=left,
            most=most,
        )

    def restored(
        self,
        name: str,
        detail: str,
        restored: Array,
        telling: NDArray[np.bool_],
        slope: Array,
        ways: float,
        *,
        cure: str,
        rounding: float,
        left: float | None = None,
        most: float = EXACT,
    ) -> Cause:
        """The cause that a function of b leads to the MLE: to `restored`.

        The coefficients that are `telling` speak for it; `slope` is the function's, of each.
        """
        mle, errors = self.mle.coefficients, self.mle.standard_errors
        left = self.length(restored - mle) if left is None else left
        telling = telling & self.telling
        far = np.minimum(np.abs(slope), 1.0) * np.abs(self.b - mle) / errors
        # what is written with few digits says no more than they do
        least = np.maximum(DIGITS_SAY * np.abs(slope) * self.half_units / errors, LEAST_GAP)
        gaps = np.maximum(np.abs(restored - mle) / errors, least)
        shares = np.where(far > gaps, gaps / np.maximum(far, gaps), 1.0)
        logs: dict[float, float] = {}  # of equal numbers one speaks, the least of them
        for value, share in zip(np.abs(self.b[telling]).tolist(), shares[telling], strict=True):
            logs[value] = max(logs.get(value, -math.inf), math.log(share))
        chance = math.exp(min(math.log(ways) + sum(logs.values()), 0.0))
        return self._cause(name, detail, left, chance, self.distance, rounding, most, cure)

    def _cause(
        self,
        name: str,
        detail: str,
        distance: float,
        chance: float,
        whole: float,
        rounding: float,
        most: float,
        cure: str,
    ) -> Cause:
        if not math.isfinite(distance):  # numbers too large to say
            distance, chance = math.inf, 1.0
        if most >= 0:  # rounding excuses a distance where it is small beside what is explained
            most = max(most, min(rounding, ROUNDED_AWAY * whole))
        return Cause(
            cause=name,
            detail=detail,
            distance=distance,
            coincidence=chance,
            rounding=rounding,
            most=most,
            cure=cure,
        )


def _of_some_columns(white: Array, columns: list[int]) -> Array | None:
    """What whitens some of the columns that `white` (k, k) whitens, (k, m)."""
    factor = np.linalg.qr(np.linalg.inv(white)[:, columns])[1]
    scale = np.linalg.norm(factor, axis=0)
    if not (np.isfinite(factor).all() and scale.all()):
        return None
    found = np.zeros((len(white), len(columns)))
    found[columns] = solve_triangular(factor / scale, np.eye(len(scale))) / scale[:, None]
    return found


def _distinct(numbers: Array) -> int:
    """How many are there, equal and opposite ones counted once.

    On symmetric data equal coefficients have equal scores under any cause.
    """
    if not len(numbers):
        return 0
    sizes = np.sort(np.abs(numbers))
    return 1 + int(np.count_nonzero(np.diff(sizes) > ALIKE * sizes[1:]))
