"""Models of the same rows with some of the terms of a model, and the tests between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np

from flatprior.analysis.inference.hypotheses.likelihood_tests import of_suprema
from flatprior.analysis.inference.hypotheses.null_models import (
    Null,
    Restricted,
    null_model,
    null_of,
    restricted,
)
from flatprior.analysis.inference.hypotheses.of_model import linear_without
from flatprior.analysis.inference.hypotheses.wald import wald_test
from flatprior.analysis.inference.robust import RobustCovariance, recomputed_robust
from flatprior.analysis.maxima import (
    HypothesisTest,
    Supremum,
    chi_squared_test,
    maximal,
    of_full_rank,
    ratio,
    supremum_of,
)
from flatprior.models import BernoulliLogistic, MLEDoesNotExistError, PointEstimate
from flatprior.models.batches.same_passes import in_same_passes
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import require_kind
from flatprior.models.common.errors import FlatpriorError, InputError, PrecisionError
from flatprior.models.covariance.roots import root_and_score
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.encoding.formulas.model_terms import ModelTerm
from flatprior.models.results import NotConvergedError
from flatprior.models.routes.newton import converged_mle

KINDS = {"LR": "likelihood ratio", "score": "score", "Wald": "Wald"}
T = TypeVar("T")
Left = frozenset[str]  # names of terms


class Step(NamedTuple):
    """A test: of a model without some terms against the same without more.

    Attributes
    ----------
    name : str
        Of what is tested.
    larger, smaller : frozenset of str
        The terms that are left out.
    """

    name: str
    larger: Left
    smaller: Left


@dataclass(frozen=True)
class Maximum(Supremum):
    """The maximum of a log-likelihood, or its supremum, or why neither is known (then it is NaN).

    Attributes
    ----------
    estimate : PointEstimate or None
        Of a model of its own columns, where it is reached and was asked for.
    refused : FlatpriorError or None
        Why it is not reached, or not known.
    """

    estimate: PointEstimate | None = None
    refused: FlatpriorError | None = None

    def require(self, reached: bool) -> None:
        """Raise why it is not known, or not `reached`, where that is so."""
        if self.refused is not None and (reached or math.isnan(self.log_likelihood)):
            raise self.refused


def maximum_of(model: BernoulliLogistic, reached: bool = False) -> Maximum:
    """The maximum of a model of full rank, with the estimate if it is to be `reached`.

    Examples
    --------
    >>> from flatprior.analysis.inference.hypotheses.submodels import maximum_of
    >>> from flatprior.models import BernoulliLogistic, load_endometrial
    >>> found = maximum_of(BernoulliLogistic.from_formula("HG ~ NV + PI", load_endometrial()))
    >>> found.n_separated, str(found.refused)[:42]
    (13, 'the maximum likelihood estimate does not e')
    """
    k = model.n_parameters
    if not k:
        return Maximum(maximal(model.rows)[0], 0)
    try:
        fit = converged_mle(model)
    except MLEDoesNotExistError as error:
        try:
            found = supremum_of(error, k)
        except MLEDoesNotExistError:
            return Maximum(math.nan, k, refused=error)
        return Maximum(found.log_likelihood, found.rank, found.n_separated, refused=error)
    except (NotConvergedError, PrecisionError) as error:
        return Maximum(math.nan, k, refused=error)
    return Maximum(fit.log_likelihood, k, estimate=fit if reached else None)


class Wanted(NamedTuple):
    """A test that may not be there: what it is of, its degrees of freedom, and what finds it."""

    text: str
    df: Callable[[], int]
    find: Callable[[], HypothesisTest | None]


def each_or_why_not(kind: str, tests: Sequence[Wanted]) -> list[HypothesisTest | None]:
    """Tests, of which those that cannot be found are NaN and say why; an error if none can.

    Examples
    --------
    >>> from flatprior.analysis.inference.hypotheses.submodels import Wanted, each_or_why_not
    >>> from flatprior.analysis.maxima import chi_squared_test
    >>> from flatprior.models.common.errors import PrecisionError
    >>> def fails():
    ...     raise PrecisionError("rescale the columns")
    >>> one = Wanted("x = 0", lambda: 1, lambda: chi_squared_test("score", "x = 0", 2.0, 1))
    >>> two = Wanted("z = 0", lambda: 1, fails)
    >>> [test.message for test in each_or_why_not("score", [one, two])]
    ['score test of x = 0: chi-squared(1) = 2.0000, p = 0.157', \
'score test of z = 0: chi-squared(1) = nan, p = -; rescale the columns']
    """
    found: list[HypothesisTest | None] = []
    refused = []
    for text, df, find in tests:
        try:
            found.append(find())
        except (MLEDoesNotExistError, NotConvergedError, PrecisionError) as error:
            refused.append(error)
            nothing = HypothesisTest(KINDS[kind], text, math.nan, df(), math.nan, _why(error, kind))
            found.append(nothing if nothing.df else None)
    if refused and len(refused) == sum(test is not None for test in found):
        raise refused[0]
    return found


def _why(error: FlatpriorError, kind: str) -> str:
    """The error, and which test there is in place of this one."""
    if kind == "LR" or not isinstance(error, MLEDoesNotExistError):
        return str(error)
    where = "under the null hypothesis" if kind == "score" else "with the term"
    instead = "" if error.existence.limit is None else '; test="LR" takes suprema'
    return f"{where} {error}{instead}"


@dataclass(frozen=True, eq=False)
class Submodels:
    """A model without any of its terms; each such model is made and fitted once.

    Attributes
    ----------
    base : BernoulliLogistic
        Without columns that are combinations of others.
    terms : tuple of ModelTerm
        Without the intercept.
    robust : RobustCovariance or None
        What Wald tests of the whole model take in place of its own covariance.
    passes : list of Passes
        That were made, where rows are not in memory.
    """

    base: BernoulliLogistic
    terms: tuple[ModelTerm, ...]
    robust: RobustCovariance | None = None
    passes: list[Passes] = field(default_factory=list)
    maxima: dict[Left, Maximum] = field(default_factory=dict)
    _made: dict[Left, Restricted] = field(default_factory=dict)

    @classmethod
    def of(cls, model: BernoulliLogistic, robust: RobustCovariance | None = None) -> Submodels:
        """Those of a model from a formula."""
        if model.encoding is None:
            raise InputError(
                "a model from arrays has no terms: build it with from_formula, or test columns by "
                "their names, as in likelihood_ratio_test(model, ['x1', 'x2'])"
            )
        terms = tuple(term for term in model.encoding.model_terms if term.factors)
        if not terms:
            raise InputError("the formula has no term besides the intercept: nothing to test")
        if robust is None:
            return cls(of_full_rank(model), terms)
        require_kind(robust, RobustCovariance, "robust", "robust_covariance(model, fit)")
        return cls(model, terms, recomputed_robust(model, robust))

    def within(self, term: ModelTerm) -> Left:
        """The terms to which a term is marginal: interactions of it with more."""
        return frozenset(other.name for other in self.terms if term.is_within(other))

    def without(self, left: Left) -> Restricted:
        """The rows of the model without some terms."""
        if left not in self._made:
            base = self.base
            linear = linear_without(base, [term for term in self.terms if term.name in left])
            k = base.n_parameters
            whole = Null(np.zeros(k), np.arange(k), np.zeros((k, 0)))
            self._made[left] = (
                Restricted(base.rows, base.names, whole, None)
                if linear is None
                else null_of(base, base, linear)
            )
        return self._made[left]

    def fit(self, wanted: Iterable[Left], reached: bool) -> None:
        """Fit models; those that rows in files are read for in the same passes.

        Their maxima are to be `reached`, or suprema suffice.
        """
        new = [
            left
            for left in dict.fromkeys(wanted)
            if left not in self.maxima
            or (reached and self.maxima[left].estimate is None and not self.maxima[left].refused)
        ]
        self.maxima.update(self._of_each(new, partial(self._maximum, reached=reached)))

    def _of_each(self, sets: Sequence[Left], found: Callable[[Left], T]) -> dict[Left, T]:
        rows = [self.without(left).rows for left in sets]
        each, passes = in_same_passes(rows, [partial(found, left) for left in sets])
        if passes is not None:
            self.passes.append(passes)
        return dict(zip(sets, each, strict=True))

    def _maximum(self, left: Left, reached: bool) -> Maximum:
        made = self.without(left)
        model = self.base if made.rows is self.base.rows else null_model(self.base, made)
        return maximum_of(model, reached)

    def test(
        self, steps: Sequence[Step], kind: str, conditional: bool = False
    ) -> list[HypothesisTest | None]:
        """The tests of some steps; None where no data can tell the models apart.

        With `conditional` Wald tests are those of the whole model, what it says of the terms of
        the smaller model beyond those of the larger; else of the larger.
        """
        find = self._finder(steps, kind, conditional)
        return each_or_why_not(
            kind,
            [
                Wanted(f"{step.name} = 0", partial(self._size, step), partial(find, step))
                for step in steps
            ],
        )

    def _finder(
        self, steps: Sequence[Step], kind: str, conditional: bool
    ) -> Callable[[Step], HypothesisTest | None]:
        """What finds the test of each step, with all fits made that it takes."""
        if self.robust is not None:
            return partial(self._robust, robust=self.robust)
        if kind == "Wald" and conditional:
            self.fit([frozenset()], reached=True)
            self.maxima[frozenset()].require(reached=True)
            return self._conditional
        larger, smaller = [step.larger for step in steps], [step.smaller for step in steps]
        if kind == "LR":
            self.fit([*larger, *smaller], reached=False)
            return self._ratio
        if kind == "score":
            self.fit(smaller, reached=True)
            self.fit(larger, reached=False)
            return partial(self._score, values=self._scores(steps))
        self.fit(larger, reached=True)
        return self._wald

    def _df(self, step: Step) -> int:
        return self.maxima[step.larger].rank - self.maxima[step.smaller].rank

    def _size(self, step: Step) -> int:
        """The degrees of freedom without any fit."""
        return self._restrictions(step.smaller) - self._restrictions(step.larger)

    def _restrictions(self, left: Left) -> int:
        linear = linear_without(self.base, [term for term in self.terms if term.name in left])
        return 0 if linear is None else len(linear.values)

    def _ratio(self, step: Step) -> HypothesisTest | None:
        large, small = self.maxima[step.larger], self.maxima[step.smaller]
        if not self._df(step):
            return None
        for each in (small, large):
            each.require(reached=False)
        statistic = ratio(large.log_likelihood, small.log_likelihood)
        note = "; ".join(of_suprema(large, small, self.base.n_rows))
        return chi_squared_test(KINDS["LR"], f"{step.name} = 0", statistic, self._df(step), note)

    def _wald(self, step: Step) -> HypothesisTest | None:
        """In the larger model, whose columns are those of the model or it is that itself."""
        self.maxima[step.larger].require(reached=True)
        fit = self.maxima[step.larger].estimate
        more = step.smaller - step.larger
        own = {name for term in self.terms if term.name in more for name in term.columns}
        if fit is None or own.isdisjoint(fit.names):
            return None
        found = wald_test(fit, [name for name in fit.names if name in own])
        return replace(found, hypothesis=f"{step.name} = 0")

    def _conditional(self, step: Step) -> HypothesisTest | None:
        statistic, df = np.subtract(self._distance(step.smaller), self._distance(step.larger))
        if not df:
            return None
        text = f"{step.name} = 0"
        return chi_squared_test(KINDS["Wald"], text, max(float(statistic), 0.0), int(df))

    def _robust(self, step: Step, robust: RobustCovariance) -> HypothesisTest | None:
        """The same with a robust covariance V.

        What rows T beta say beyond rows A beta is (T - T V A' (A V A')^-1 A) beta, which with V is
        uncorrelated with A beta; of a single matrix Hotelling's distribution is known too.
        """
        tested, others = self._rows_of(step.smaller - step.larger), self._rows_of(step.larger)
        if tested is None:
            return None
        if others is not None:
            wald_test(robust, others)  # says where V has not the rank for these
            spread = robust.covariance @ others.T
            tested = tested - np.linalg.solve(others @ spread, (tested @ spread).T).T @ others
        return replace(wald_test(robust, tested), hypothesis=f"{step.name} = 0")

    def _rows_of(self, names: Left) -> Array | None:
        linear = linear_without(self.base, [term for term in self.terms if term.name in names])
        return None if linear is None else linear.matrix

    def _distance(self, left: Left) -> tuple[float, int]:
        """The Wald statistic, in the whole model, of some terms, and its degrees of freedom."""
        linear = linear_without(self.base, [term for term in self.terms if term.name in left])
        fit = self.maxima[frozenset()].estimate
        if linear is None or fit is None:
            return 0.0, 0
        names = linear.positions
        found = wald_test(
            fit, linear.matrix if names is None else [self.base.names[j] for j in names]
        )
        return found.statistic, found.df

    def _score(self, step: Step, values: Mapping[Step, float]) -> HypothesisTest | None:
        """The score of the larger model where the smaller has its maximum."""
        if not self._df(step):
            return None
        self.maxima[step.smaller].require(reached=True)
        return chi_squared_test(KINDS["score"], f"{step.name} = 0", values[step], self._df(step))

    def _scores(self, steps: Sequence[Step]) -> dict[Step, float]:
        """Score statistics, of steps whose smaller models have maxima."""
        told = [step for step in steps if self._df(step) and not self.maxima[step.smaller].refused]
        starts = [self._start(step) for step in told]
        work = [partial(_score_statistic, self.base, each) for each in starts]
        values, passes = in_same_passes([each.rows for each in starts], work)
        if passes is not None:
            self.passes.append(passes)
        return dict(zip(told, values, strict=True))

    def _start(self, step: Step) -> Restricted:
        """The larger model, with the linear predictor of the smaller as its offset."""
        large, small = self.without(step.larger), self.without(step.smaller)
        gamma = self._coefficients(step.smaller, small.rows.n_columns)
        null = replace(large.null, origin=small.null.moved(gamma))
        return replace(large, rows=restricted(self.base, null), null=null)

    def _coefficients(self, left: Left, q: int) -> Array:
        """The coefficients (q,) of a model, of which those that it left out as aliased are 0."""
        fit, found = self.maxima[left].estimate, np.zeros(q)
        if fit is not None:
            names = self.without(left).names
            place = {name: j for j, name in enumerate(names)}
            found[[place[name] for name in fit.names]] = fit.coefficients
        return found


def _score_statistic(base: BernoulliLogistic, start: Restricted) -> float:
    """The statistic where the coefficients of rows are 0."""
    model = null_model(base, start)
    root, score = root_and_score(model.rows, np.zeros(model.n_parameters))
    pull = root.rooted(score[None])[0]
    return float(pull @ pull)
