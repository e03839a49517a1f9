"""Marginal means: the log-odds or probability at each level of a variable, and their contrasts.

Over a reference grid, what R's emmeans gives (Searle, Speed and Milliken 1980, "Population marginal
means in the linear model", The American Statistician 34, 216-221): every combination of the levels
of the other categories equally often, numbers at their means. Over rows, average predictions: every
row as it is but for the levels of the mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.analysis.inference.functionals import (
    LOG,
    LOGIT,
    PLAIN,
    Functionals,
    OfDraws,
    OfEstimate,
    Scale as Shown,
    differences,
    functionals_of,
    log_odds,
    n_draws,
    of_what,
    places_of,
    turned,
)
from flatprior.analysis.inference.hypotheses.wald import Coefficients
from flatprior.analysis.inference.means.adjustments import (
    PROVED,
    Adjustment,
    adjusted,
    correlated,
    reach_of,
)
from flatprior.analysis.inference.means.cells import Cells, Over, Scale, numbers_of_cells
from flatprior.analysis.inference.means.contrasts import (
    Comparison,
    Family,
    Method,
    cell_title,
    families,
    terms,
)
from flatprior.analysis.inference.means.in_words import (
    WHOSE,
    joint_tests_in_words,
    what_is_compared,
    without_some,
)
from flatprior.analysis.inference.means.joint import joint_test
from flatprior.analysis.inference.prediction import checked_result
from flatprior.analysis.inference.sandwiches.silence import silence
from flatprior.analysis.inference.which_errors import WhichErrors, student_in_words
from flatprior.analysis.result_table import ResultTable
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.common.calls import check_choice, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import check_probability
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import first_of
from flatprior.models.posterior import Interval


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class MarginalMeans(Renderable):
    """Means of each cell, with what their contrasts need.

    Attributes
    ----------
    means : OfEstimate or OfDraws
        On the scale: their values and derivatives at an estimate, or at each draw.
    index : Index (L,)
        The levels of each cell, as text.
    scale : {"log-odds", "probability"}
    prob : float
    interval : {"eti", "hdi"}
    references : dict
        Variable to its reference level.
    formula : str or None
    notes : tuple of str
        What they are averaged over, and which other variables they depend on.
    errors : WhichErrors
        Which covariance their standard errors are from.
    """

    means: Functionals
    others: Functionals | None
    index: pd.Index[Any]
    scale: Scale
    prob: float
    interval: Interval
    references: dict[str, str]
    formula: str | None
    notes: tuple[str, ...]
    errors: WhichErrors

    def table(self) -> pd.DataFrame:
        """One row a cell.

        Of log-odds: with "standard error" ("sd" and "mcse" of draws) and interval, and the same
        transformed to probabilities. Of probabilities: with an interval that is that of their
        logit, put back, and so within 0 to 1. Where standard errors have degrees of freedom, "df",
        intervals are Student's.
        """
        if self.others is not None:
            on = log_odds(self.means, self.others)
            found = on.columns("probability", self.prob, self.interval, LOGIT)
            if isinstance(self.means, OfEstimate):
                found["standard error"] = self.means.errors
            left = {name: each for name, each in found.items() if name not in ("z", "p", "pd")}
            return pd.DataFrame(left, index=self.index)
        plain = self.means.columns("log-odds", self.prob, self.interval, PLAIN)
        back = self.means.columns("probability", self.prob, self.interval, LOGIT)
        ends = [name for name in plain if name.endswith(("%", "low", "high"))]
        beside = [name for name in ("standard error", "df", "sd") if name in plain]
        found = {"log-odds": plain["log-odds"]}
        found |= {name: plain[name] for name in beside}
        found |= {f"log-odds {name}": plain[name] for name in ends}
        found |= {"probability": back["probability"]}
        found |= {f"probability {name}": back[name] for name in ends}
        found |= {"mcse": plain["mcse"]} if "mcse" in plain else {}
        return pd.DataFrame(found, index=self.index)

    def contrasts(
        self,
        method: Method | Mapping[str, Any] | ArrayLike = "pairwise",
        comparison: Comparison = "difference",
        adjust: Adjustment = "none",
        within: str | Sequence[str] = (),
    ) -> ResultTable:
        """Differences or ratios of the means.

        Parameters
        ----------
        method : {"pairwise", "reference", "sequential", "mean"}, mapping or array_like (p, L)
            Every two means, each with that of the reference level, with the one before it, or with
            the average of all. A mapping gives contrasts by name, each a mapping of cells to
            weights, or weights for all L means; or a matrix of these.
        comparison : {"difference", "ratio", "odds ratio"}
            Differences of log-odds are log odds ratios. Ratios are of probabilities.
        adjust : {"none", "holm", "bonferroni", "tukey"}
            "adjusted p" holds for all contrasts of a family together, and so do the intervals;
            Holm's are Bonferroni's, since his procedure has none. Tukey's is for all pairs of
            means, conservative for three, or where they are independent; a note says where that
            is not proved.
        within : str or sequence of str
            Variables at each level of which the others are compared, a family each.

        Returns
        -------
        ResultTable
            One row a contrast. Of an estimate: its value, "standard error" (delta method), "z", "p"
            and the ends of the interval, ratios tested and their intervals made on the logarithm;
            of draws: posterior mean, "sd", the ends, "pd" (probability of direction) and "mcse".
            Of a covariance "CR2" also "df", Satterthwaite's degrees of freedom of each contrast, of
            which p and interval are (Student's). The notes say which covariance it is, which
            adjustment, and what the means are averaged over.

        Raises
        ------
        ValueError
            If there is nothing to compare, a contrast names no mean, a ratio is asked for whose
            logarithm is no contrast, or draws are to be adjusted, which have no p-values; or
            Tukey's is asked for of contrasts each of which has degrees of freedom of its own.

        Examples
        --------
        >>> from flatprior.analysis import marginal_means
        >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
        >>> data = load_spector()
        >>> model = BernoulliLogistic.from_formula("grade ~ gpa + C(psi)", data)
        >>> means = marginal_means(model, fit_newton(model), "psi", data)
        >>> means.contrasts("reference", "odds ratio")["odds ratio"].round(3).to_dict()
        {'1 / 0': 10.358}
        """
        check_choice("adjust", adjust, get_args(Adjustment))
        if adjust != "none" and isinstance(self.means, OfDraws):
            raise InputError('draws have no p-values to adjust; leave adjust at "none"')
        if adjust == "tukey" and method != "pairwise":
            raise InputError('Tukey\'s is for all pairs of means; for others take "holm"')
        if adjust == "tukey" and getattr(self.means, "moments", None) is not None:
            raise InputError(
                "Tukey's distribution is of one number of degrees of freedom, and with CR2 every "
                'contrast has its own; take "holm"'
            )
        means, shown = self._compared(comparison)
        found = self._families(method, comparison, within)
        parts, unproved = [], False
        for family in found:
            each = (
                means.combined(family.matrix)
                if self.others is None or comparison != "difference"
                else differences(means, self.others, family.matrix)
            )
            q = int((means.known & family.matrix.any(axis=0)).sum())
            df, known = None, 0
            if isinstance(each, OfEstimate):
                p = each.columns(comparison, self.prob, self.interval, shown)["p"]
                df, known = each.df, int(np.count_nonzero(~np.isnan(p)))  # as `adjusted` has it
            reach = reach_of(self.prob, adjust, known, q, df)
            columns = each.columns(comparison, self.prob, self.interval, shown, reach)
            if adjust != "none":
                z = columns["z"]
                columns["adjusted p"] = adjusted(columns["p"], z, adjust, max(q, 2))
                unproved |= adjust == "tukey" and q > PROVED and correlated(means, family.matrix)
            titles = pd.Index(family.titles, name="contrast")
            parts.append(pd.DataFrame(columns, index=titles))
        table, said = pd.concat(parts), ""
        if adjust != "none":
            names = list(table.columns)
            names.insert(names.index("p") + 1, names.pop(names.index("adjusted p")))
            table = table[names]
            said = f"p-values and intervals adjusted by {WHOSE[adjust]}"
            if unproved:
                said += ", which is not proved to be conservative for correlated means"
        return self._told(
            "Contrasts",
            self.errors.stated(table, said),
            what_is_compared(self.scale, method, comparison, within),
            [*of_what(means, self.errors, table), said],
        )

    def joint_tests(
        self,
        method: Literal["terms"] | Method | Mapping[str, Any] | ArrayLike = "terms",
        comparison: Comparison = "difference",
        within: str | Sequence[str] = (),
    ) -> ResultTable:
        """Tests that contrasts of the means are 0 together (ratios 1).

        Parameters
        ----------
        method : "terms", or as `contrasts` takes it
            "terms": main effects and interactions of the variables of the means, which over a grid
            are what R's emmeans calls joint tests. Else all contrasts of a family together.
        comparison : {"difference", "ratio", "odds ratio"}
            See `contrasts`: tests of ratios are of their logarithms.
        within : str or sequence of str
            Variables at each level of which there are tests of the others.

        Returns
        -------
        ResultTable
            One row a test. Of an estimate: Wald's "chi-squared", "df" and "p"; of a covariance
            "CR2" Hotelling's "F", "df", "df error" and "p", as `wald_test`. Of draws: the
            squared "distance" of 0 from their mean, in their covariance, its dimensions "df",
            "contour probability", the share of draws that are as far from their mean or farther,
            and its Monte Carlo error "mcse". A note names tests without contrasts of which the data
            say nothing. Contrasts that are 0 whatever the coefficients, but for rounding, such
            as an interaction that the model does not have, leave 0 degrees of freedom, and NaN.

        Raises
        ------
        ValueError
            As `contrasts` does, and where there are no terms.
        ArithmeticError
            If contrasts depend on one another, but not their values, or one is lost to
            cancellation.

        Examples
        --------
        >>> from flatprior.analysis import marginal_means
        >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
        >>> data = load_spector().assign(high=lambda rows: rows["tuce"] > 21)
        >>> model = BernoulliLogistic.from_formula("grade ~ gpa + high + C(psi)", data)
        >>> means = marginal_means(model, fit_newton(model), ["high", "psi"], data)
        >>> means.joint_tests()["p"].round(3).to_dict()
        {'high': 0.782, 'psi': 0.024, 'high:psi': nan}
        """
        within = (within,) if isinstance(within, str) else tuple(within)
        means, _ = self._compared(comparison)
        if isinstance(method, str) and method == "terms":
            tests = list(terms(self.index, within))
            if not tests:
                raise InputError("there is one mean only, and nothing to compare it with")
        else:
            named = f"{method} contrasts" if isinstance(method, str) else "contrasts"
            tests = [
                (f"{each.whose}: " * bool(each.whose) + named, each.matrix)
                for each in self._families(method, comparison, within)
            ]
        others = self.others if comparison == "difference" else None
        rows = [
            joint_test(
                *((means, matrix) if others is None else turned(means, others, matrix)), title
            )
            for title, matrix in tests
        ]
        index = pd.Index([title for title, _ in tests], name="test")
        table = pd.DataFrame(rows, index=index).astype({"df": int})
        less = [title for title, matrix in tests if not means.combined(matrix).known.all()]
        said = without_some(less)
        estimated = isinstance(means, OfEstimate)
        beside = [self.errors.whole or self.errors.own] if estimated else []
        return self._told(
            "Joint tests",
            self.errors.stated(table, said),
            what_is_compared(self.scale, method, comparison, within),
            [*beside, *joint_tests_in_words(table, less, n_draws(means)), said],
        )

    def _told(
        self, title: str, table: pd.DataFrame, fact: str, notes: Sequence[str]
    ) -> ResultTable:
        by = ", ".join(map(str, self.index.names))
        return ResultTable(
            frame=table,
            title=of_model(f"{title} of marginal means by {by}", self.formula),
            facts=(fact,),
            notes=(*notes, *self.notes),
            draws=n_draws(self.means),
        )

    def _compared(self, comparison: Comparison) -> tuple[Functionals, Shown]:
        """The means on the scale of which contrasts are differences, and what shows these."""
        check_choice("comparison", comparison, get_args(Comparison))
        if comparison == "difference":
            return self.means, PLAIN
        if self.others is not None:
            if comparison == "ratio":
                return self.means.on(LOG), LOG
            return log_odds(self.means, self.others), LOG
        if comparison == "ratio":
            raise InputError(
                'a ratio of log-odds says nothing: take the "odds ratio", or scale="probability"'
            )
        return self.means, LOG

    def _families(
        self,
        method: Method | Mapping[str, Any] | ArrayLike,
        comparison: Comparison,
        within: str | Sequence[str],
    ) -> list[Family]:
        if isinstance(method, str):
            check_choice("method", method, get_args(Method))
        within = (within,) if isinstance(within, str) else tuple(within)
        joined = "-" if comparison == "difference" else "/"
        found = families(self.index, self.references, method, within, joined)
        if comparison != "difference" and any(
            np.abs(each.matrix.sum(axis=1)).max() > 1e-9 for each in found
        ):
            raise InputError(f"the weights of a contrast that is a {comparison} add up to 0")
        return found

    def _in_words(self) -> list[str]:
        """What is to be said of the means: what they are over, whose errors, what is unknown."""
        unknown = [cell_title(label) for label in self.index[~self.means.known]]
        notes = list(self.notes)
        if isinstance(self.means, OfEstimate):
            notes += [self.errors.whole or self.errors.own, *student_in_words(self.means.df)]
            lost = self.means.known & np.isnan(self.means.errors)
            notes.append(silence([cell_title(label) for label in self.index[lost]]))
        if unknown:
            notes.append(
                f"the data say nothing of {first_of(unknown)}, which would need combinations that "
                "never occur"
            )
        return [note for note in notes if note]

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """The table, with what its means are averaged over."""
        table, notes = self.table(), self._in_words()
        table.index = pd.Index([cell_title(label) for label in table.index])
        what = f"Marginal means by {', '.join(map(str, self.index.names))}"
        shown = chosen(table, columns).rename(columns={"standard error": "SE"})
        formats = dict.fromkeys(shown.columns, "#.4g") | {"df": ".1f"}
        return Rendered.of(
            shown, formats, of_model(what, self.formula), (), notes, second="probability"
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything that is shown as plain values, ready for JSON."""
        table = self.table()
        table.index = pd.Index([cell_title(label) for label in table.index])
        return {
            "by": list(map(str, self.index.names)),
            "scale": self.scale,
            "means": {
                str(label): {
                    str(name): None if math.isnan(value) else float(value)
                    for name, value in row.items()
                }
                for label, row in table.iterrows()
            },
            "notes": self._in_words(),
        }


@model_first(sampling_weights=True)
def marginal_means(
    model: BernoulliLogistic,
    result: Coefficients | Posterior,
    by: str | Sequence[str],
    data: pd.DataFrame | Mapping[str, ArrayLike] | None = None,
    scale: Scale = "log-odds",
    over: Over = "grid",
    at: Mapping[str, Any] | None = None,
    prob: float = 0.95,
    interval: Interval = "eti",
    offset: float | str | ArrayLike | None = None,
    frequency_weights: str | ArrayLike | None = None,
) -> MarginalMeans:
    """Mean log-odds or probability at each level of a variable, from an estimate or from draws.

    Parameters
    ----------
    model : BernoulliLogistic
        From a formula.
    result : PointEstimate, RobustCovariance or Posterior
        Of any route.
    by : str or sequence of str
        The variables whose combinations have a mean each: categories, what is true or false, and
        numbers at the values that `at` names.
    data : DataFrame or mapping, optional
        Rows to average over, or whose means the numbers are held at; see
        `average_marginal_effects`. Needed for either where the rows of the model are in memory.
    scale : {"log-odds", "probability"}
        What is averaged: the mean of log-odds is not the log-odds of the mean probability.
    over : {"grid", "rows"}
        The reference grid, in which every combination of the levels of other categories comes
        equally often and numbers are at their means; or the rows as they are.
    at : mapping, optional
        Variables to the value that they are held at, or of the grid to several, which come equally
        often.
    prob : float
        Probability inside the intervals, or their confidence; the columns name it.
    interval : {"eti", "hdi"}
        Of draws: equal-tailed, or the shortest.
    offset : float, or str or array_like (m,), optional
        One number for every row; or those of the rows of `data`, whose mean the grid has, as that
        of R's emmeans has it.
    frequency_weights : str or array_like (m,), optional
        Of the rows of `data`.

    Returns
    -------
    MarginalMeans
        Its `table` has one row a cell, its `contrasts` compare them.

    Raises
    ------
    ValueError
        If the result is of other data, a variable is unknown or has no levels, the model is not
        from a formula, or the grid is too large.
    NotConvergedError
        If an estimate is not proved to be near the MLE.

    Notes
    -----
    Numbers are at their means over observations, each as often as its frequency weight or its
    trials say (R's emmeans counts each row once), and offsets too. A number that is 0 or 1 in all
    rows is a number too, and at its mean, where R's emmeans keeps both values, equally often:
    ``at={"psi": [0, 1]}`` says that, or ``C(psi)`` in the formula.

    NaN is what the data say nothing of: a mean that needs `aliased` columns to be other than the
    combinations of others that they were.

    Examples
    --------
    >>> from flatprior.analysis import marginal_means
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> data = load_spector()
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + C(psi)", data)
    >>> means = marginal_means(model, fit_newton(model), "psi", data, "probability", "rows")
    >>> means.table()["probability"].round(3).to_dict()
    {'0': 0.181, '1': 0.545}
    >>> means.contrasts("reference")[["difference", "standard error"]].round(3).to_dict("index")
    {'1 - 0': {'difference': 0.365, 'standard error': 0.146}}
    """
    check_probability(prob)
    check_choice("scale", scale, get_args(Scale))
    check_choice("over", over, get_args(Over))
    result = checked_result(model, result)
    if not isinstance(result, Posterior) and interval != "eti":
        raise InputError('of an estimate there is the Wald interval only: "eti"')
    if model.encoding is None:
        raise InputError(
            "marginal means are by the variables of a formula, and this model is of columns; build "
            "it with from_formula"
        )
    cells = Cells.of(model.encoding, by, at)
    places = places_of(result)
    found = numbers_of_cells(model, cells, places, scale, over, data, offset, frequency_weights)
    return MarginalMeans(
        means=functionals_of(model, result, found.numbers),
        others=functionals_of(model, result, found.complements) if found.complements else None,
        index=cells.index,
        scale=scale,
        prob=prob,
        interval=interval,
        references={
            name: model.encoding.reference_levels.get(name, str(levels[0]))
            for name, levels in cells.levels.items()
        },
        formula=model.encoding.parsed.formula,
        notes=(*found.notes, *cells.interactions(model.encoding)),
        errors=WhichErrors.of(result),
    )
