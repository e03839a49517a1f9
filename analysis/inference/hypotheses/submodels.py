"""Models of the same rows with some of the terms of a model, and the tests between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple, TypeVar

import numpy as np

from flatprior.analysis.inference.hypotheses.likelihood_tests import SUPREMUM
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
    chi_squared_test,
    maximal,
    of_full_rank,
    ratio,
    supremum,
)
from flatprior.models import BernoulliLogistic, PointEstimate
from flatprior.models.batches.same_passes import in_same_passes
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import require_kind
from flatprior.models.common.errors import InputError
from flatprior.models.covariance.roots import root_and_score
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.encoding.formulas.model_terms import ModelTerm
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
class Maximum:
    """The maximum of a log-likelihood, or its supremum.

    Attributes
    ----------
    log_likelihood : float
    rank : int
        Of the design.
    separated : bool
        Whether it is not reached.
    estimate : PointEstimate or None
        Of a model of its own columns, where it is reached and was asked for.
    """

    log_likelihood: float
    rank: int
    separated: bool = False
    estimate: PointEstimate | None = None

    @property
    def aic(self) -> float:
        """Akaike's criterion, of single observations."""
        return 2 * (self.rank - self.log_likelihood)


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
            if left not in self.maxima or (reached and self.maxima[left].estimate is None)
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
        if not model.n_parameters:
            return Maximum(maximal(model.rows)[0], 0)
        if reached:
            fit = converged_mle(model)
            return Maximum(fit.log_likelihood, model.n_parameters, estimate=fit)
        found = supremum(model)
        return Maximum(found.log_likelihood, found.rank, found.separated)

    def test(
        self, steps: Sequence[Step], kind: str, conditional: bool = False
    ) -> list[HypothesisTest | None]:
        """The tests of some steps; None where no data can tell the models apart.

        With `conditional` Wald tests are those of the whole model, what it says of the terms of
        the smaller model beyond those of the larger; else of the larger.
        """
        if self.robust is not None:
            return [self._robust(step, self.robust) for step in steps]
        if kind == "Wald" and conditional:
            self.fit([frozenset()], reached=True)
            return [self._conditional(step) for step in steps]
        larger, smaller = [step.larger for step in steps], [step.smaller for step in steps]
        if kind == "LR":
            self.fit([*larger, *smaller], reached=False)
            return [self._ratio(step) for step in steps]
        if kind == "score":
            self.fit(smaller, reached=True)
            self.fit(larger, reached=False)
            return self._scores(steps)
        self.fit(larger, reached=True)
        return [self._wald(step) for step in steps]

    def _df(self, step: Step) -> int:
        return self.maxima[step.larger].rank - self.maxima[step.smaller].rank

    def _ratio(self, step: Step) -> HypothesisTest | None:
        large, small = self.maxima[step.larger], self.maxima[step.smaller]
        if not self._df(step):
            return None
        statistic = ratio(large.log_likelihood, small.log_likelihood)
        text, note = f"{step.name} = 0", SUPREMUM * large.separated
        return chi_squared_test(KINDS["LR"], text, statistic, self._df(step), note)

    def _wald(self, step: Step) -> HypothesisTest | None:
        """In the larger model, whose columns are those of the model or it is that itself."""
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

    def _scores(self, steps: Sequence[Step]) -> list[HypothesisTest | None]:
        """Score tests: the score of the larger model where the smaller has its maximum."""
        told = [step for step in steps if self._df(step)]
        starts = [self._start(step) for step in told]

        work = [partial(_score_statistic, self.base, each) for each in starts]
        values, passes = in_same_passes([each.rows for each in starts], work)
        if passes is not None:
            self.passes.append(passes)
        found = {
            step: chi_squared_test(KINDS["score"], f"{step.name} = 0", value, self._df(step))
            for step, value in zip(told, values, strict=True)
        }
        return [found.get(step) for step in steps]

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
