"""One table for models of the same observations: likelihood criteria beside leave-one-out.

AIC and a likelihood ratio come from the maximum, elpd from the posterior. Under a flat prior both
speak of the same likelihood, and in large samples -2 elpd is AIC and the effective number of
parameters is k; where they are not, the sample is small for the model, and the table says so.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NoReturn

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import chi2

from flatprior.analysis.comparison.comparable import (
    NotComparableError,
    is_nested,
    same_observations,
)
from flatprior.analysis.comparison.notes import comparison_in_words, model_label, notes_on
from flatprior.analysis.diagnostics.leave_one_out import exact_loo
from flatprior.analysis.diagnostics.psis import PSISLOO, importance_loo
from flatprior.analysis.diagnostics.summaries import spread_of_sum
from flatprior.analysis.maxima import of_full_rank, ratio
from flatprior.analysis.monte_carlo import check_draws_of
from flatprior.models import (
    BernoulliLogistic,
    Existence,
    ImproperPosteriorError,
    MLEDoesNotExistError,
    PointEstimate,
    Posterior,
    check_existence,
    verify,
)
from flatprior.models.batches.batch_rows import BatchRows
from flatprior.models.batches.same_passes import in_same_passes
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.rendering import Renderable, Rendered, chosen
from flatprior.models.common.text import (
    SCREEN,
    count,
    names_in,
    observations,
    printable,
)
from flatprior.models.common.writing import finite
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.routes.newton import converged_mle

OPTIMAL = 1e-6  # largest gain in mean log score that other stacking weights could bring
MOST_UPDATES = 10_000
NO_WEIGHT = 1e-11

_FORMATS = {
    "k": "d",
    "log-lik": ".3f",
    "deviance": ".3f",
    "AIC": ".2f",
    "BIC": ".2f",
    "LR": ".3f",
    "p": "p",
    "LOO log score": ".3f",
    "elpd_loo": ".2f",
    "elpd_diff": ".2f",
    "dse": ".2f",
    "p_loo": ".2f",
    "weight": ".3f",
    "LOOIC-AIC": ".2f",
    "p_loo-k": ".2f",
}


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class Comparison(Renderable):
    """Models of the same observations, side by side.

    Attributes
    ----------
    models : dict
        Name to `BernoulliLogistic`; all on the same rows, and without columns that are combinations
        of others.
    fits : dict
        Name of each model to its `PointEstimate`.
    loo : dict
        Name to `PSISLOO`, for the models that have draws.
    seeds : dict
        Name to the seed of its draws, or None.
    n_observations, n_events : int
    notes : tuple of str
        What to keep in mind when using the numbers.
    passes : Passes or None
        How often rows that are not in memory were read for what follows from the maxima of the
        likelihoods; a pass over the files of several models counts once.
    without : dict
        Name to `Existence`, of the models that have no maximum likelihood estimate, and so no fit:
        the supremum of the likelihood takes the place of its maximum, where it is known. So are
        those of which it is undecided whether they have one.
    """

    models: Mapping[str, BernoulliLogistic]
    fits: Mapping[str, PointEstimate]
    loo: Mapping[str, PSISLOO]
    seeds: Mapping[str, int | None]
    n_observations: int
    n_events: int
    notes: tuple[str, ...]
    frame: pd.DataFrame
    passes: Passes | None = None
    without: Mapping[str, Existence] = field(default_factory=dict)

    def table(self) -> pd.DataFrame:
        """One row a model, the best first: by elpd_loo where there are draws, else by AIC.

        Those without a maximum likelihood estimate are last, and last of all those of whose
        likelihood neither maximum nor supremum is known.

        Columns: "k" coefficients, "log-likelihood", "deviance", "AIC", "BIC"; "parent" (the largest
        smaller model that is nested in it), and likelihood ratio "LR", "df" and "p" against that;
        "LOO log score" of the MLE where it was asked for; with draws "elpd_loo", "elpd_diff" to the
        best (0 or negative) with its standard error "dse", "p_loo", "bad k" (observations with a
        Pareto k above the limit), stacking "weight", and the small-sample signs "LOOIC-AIC" and
        "p_loo-k". What is undefined, or was not asked for, is NaN.
        """
        return self.frame.copy()

    def bayes_factor(self, first: str, second: str) -> NoReturn:
        """Bayes factors do not exist here.

        Raises
        ------
        NotComparableError
            Always: a flat prior has no normalising constant.
        """
        raise NotComparableError(
            f"there is no Bayes factor of {first!r} and {second!r}: a flat prior is improper, so "
            "the marginal likelihood is known up to an arbitrary constant only, another one for "
            "each model; compare elpd_loo or AIC, or state proper priors in another program"
        )

    @property
    def message(self) -> str:
        """Which model is best and by how much, and which have no estimate, in sentences."""
        return comparison_in_words(self.frame, self.models, self.loo, self.without)

    @property
    def facts(self) -> tuple[str, ...]:
        """Sentences on the data: observations, weights and events, and the offset of each model."""
        first = next(iter(self.models.values()))
        weights = next((m.weights_name for m in self.models.values() if m.weights_name), None)
        said = observations(self.n_observations, first.n_rows, weights)
        events = count(self.n_events, "event")
        lines = [f"{said}, {events}"] if weights is None else [said, events]
        offsets = {name: model.offset_name or "none" for name, model in self.models.items()}
        if len(set(offsets.values())) > 1:
            each = [f"{offset} ({model_label(name)})" for name, offset in offsets.items()]
            lines.append(f"offsets: {names_in(SCREEN, each)}")
        elif first.offset_name is not None:
            lines.append(f"offset: {first.offset_name}")
        return tuple(lines)

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table that say something, or these."""
        frame = self.frame.dropna(axis="columns", how="all")
        frame = frame if columns is None else chosen(self.frame, columns)
        return Rendered.of(
            frame.rename(columns={"log-likelihood": "log-lik"}),
            _FORMATS,
            f"Comparison of {count(len(frame), 'model')}",
            self.facts,
            (self.message, *self.notes),
            next((name for name in ("LOO log score", "elpd_loo") if name in frame), ""),
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON; what is not finite is None."""
        facts: dict[str, Any] = finite(
            {
                "n_observations": self.n_observations,
                "n_events": self.n_events,
                "n_rows": next(iter(self.models.values())).n_rows,
                "offsets": {name: model.offset_name for name, model in self.models.items()},
                "frequency_weights": {name: m.weights_name for name, m in self.models.items()},
                "models": {
                    str(name): {
                        key: value.item() if hasattr(value, "item") else value
                        for key, value in row.items()
                    }
                    for name, row in self.frame.to_dict("index").items()
                },
                "estimates": {name: fit.to_dict() for name, fit in self.fits.items()},
                "notes": list(self.notes),
            }
            # only where there are such models
            | (
                {
                    "without": {
                        name: found.to_dict() | {"formula": self.models[name].formula}
                        for name, found in self.without.items()
                    }
                }
                if self.without
                else {}
            )
        )
        return facts


@model_first
def compare_models(
    models: Mapping[str, BernoulliLogistic],
    posteriors: Mapping[str, Posterior] | None = None,
    *,
    leave_one_out: bool = False,
    progress: bool = False,
) -> Comparison:
    """Put models of the same observations side by side.

    Parameters
    ----------
    models : mapping of str to BernoulliLogistic
        At least two, by the names the table shall have. Their rows may lie in memory, in files or
        on a cluster, but all in the same way.
    posteriors : mapping of str to Posterior, optional
        Draws of some or all of them, under the same names. Without, nothing is sampled.
    leave_one_out : bool
        Also the exact leave-one-out log score of each MLE, see `exact_loo`.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Comparison

    Raises
    ------
    NotComparableError
        If rows, responses or frequency weights differ, or draws are of other data; the message
        names the first difference. Single rows and grouped counts of the same observations are
        recognised (where the columns of one model include those of every other).
    ImproperPosteriorError
        If there are draws of a model that has no maximum likelihood estimate, or of which that is
        undecided.
    ValueError
        If there are fewer than two models, or draws of a model that is not there.

    Notes
    -----
    Of a model with columns that are combinations of others these are left out, and "k" is its
    rank. Where outcomes are separated the supremum of the likelihood takes the place of its
    maximum; where that is unknown, or it is undecided whether there is a maximum, the row has no
    likelihood (`without`, and the notes say why). Nested is a model whose columns are combinations
    of another's, whatever their names (where rows are read in batches: whose names are among the
    other's). Stacking weights maximise the leave-one-out log score of the mixture of predictions
    (Yao, Vehtari, Simpson and Gelman 2018, "Using stacking to average Bayesian predictive
    distributions", Bayesian Analysis 13, 917-1007). Every log-likelihood is that of single
    Bernoulli observations, computed by this package.

    Examples
    --------
    >>> from flatprior.analysis import compare_models
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> data = load_spector()
    >>> models = {
    ...     name: BernoulliLogistic.from_formula(formula, data)
    ...     for name, formula in {"small": "grade ~ gpa", "large": "grade ~ gpa + psi"}.items()}
    >>> table = compare_models(models).table()
    >>> table.index.tolist(), table.loc["large", "parent"], f"{table.loc['large', 'p']:.4f}"
    (['large', 'small'], 'small', '0.0130')
    """
    if len(models) < 2:
        raise InputError("there is nothing to compare: pass two models or more")
    posteriors = {} if posteriors is None else posteriors
    unknown = [name for name in posteriors if name not in models]
    if unknown:
        raise InputError(f"there are draws of {unknown[0]!r}, but no such model")
    for name, posterior in posteriors.items():
        _check_draws_of(name, models[name], posterior)
    read = any(isinstance(model.rows, BatchRows) for model in models.values())
    # whether outcomes are the same is known of rows in batches when they were read for a fit
    same = same_observations(models, outcomes=not read)
    regrouped = any(same[name] is not models[name] for name in models)
    fitted, passes = in_same_passes(
        [model.rows for model in same.values()],
        [partial(_fit, model) for model in same.values()],
        lambda: None if not read else same_observations(models),
    )
    same = {name: model for name, (model, _) in zip(same, fitted, strict=True)}
    found = dict(zip(same, (each for _, each in fitted), strict=True))
    fits = {name: each for name, each in found.items() if isinstance(each, PointEstimate)}
    without = {name: each for name, each in found.items() if isinstance(each, Existence)}
    for name in posteriors:
        if name in without:
            raise ImproperPosteriorError(_named(name, without[name]))
    frame = _likelihood(same, fits, without)
    if leave_one_out:
        frame["LOO log score"] = [
            exact_loo(same[name], fits[name], progress=progress).log_score
            if name in fits
            else math.nan
            for name in same
        ]
    loo = {
        name: importance_loo(same[name], posterior, progress)
        for name, posterior in posteriors.items()
    }
    if loo:
        frame = frame.join(_predictive(loo))
        frame["LOOIC-AIC"] = -2 * frame["elpd_loo"] - frame["AIC"]
        frame["p_loo-k"] = frame["p_loo"] - frame["k"]
        frame = frame.sort_values("elpd_loo", ascending=False, kind="stable", na_position="last")
    else:
        frame = frame.sort_values("AIC", kind="stable")
        # an AIC of a supremum ranks no model among those that have an estimate
        frame = frame.loc[sorted(frame.index, key=without.__contains__)]
    notes = notes_on(models, regrouped, same, fits, loo, without)
    first = next(iter(same.values()))
    seeds = {name: posterior.seed for name, posterior in posteriors.items()}
    n, events = first.n_observations, first.n_events
    return Comparison(
        models=same,
        fits=fits,
        loo=loo,
        seeds=seeds,
        n_observations=n,
        n_events=events,
        notes=notes,
        frame=frame,
        passes=passes,
        without=without,
    )


def require_its_own(comparison: Comparison) -> None:
    """Raise a `ValueError` unless what a comparison says of likelihoods follows from its models."""
    models, fits = comparison.models, comparison.fits
    for name, fit in fits.items():
        verify(models[name], fit)
    without = {name: check_existence(models[name]) for name in comparison.without}
    told, counted = comparison.frame, (comparison.n_observations, comparison.n_events)
    first = next(iter(models.values()))
    same = (
        set(told.index) == set(models) == {*fits, *without}
        and not any(found.exists for found in without.values())
        and counted == (first.n_observations, first.n_events)
    )
    again = _likelihood(models, fits, without) if same else told
    if (
        not same
        or not set(again) <= set(told)
        or not told.loc[again.index, list(again)].equals(again)
    ):
        raise InputError("the comparison is not that of its models; make it again")


def _likelihood(
    models: Mapping[str, BernoulliLogistic],
    fits: Mapping[str, PointEstimate],
    without: Mapping[str, Existence],
) -> pd.DataFrame:
    """Columns that follow from the maxima of the likelihoods, or their suprema."""
    heights, aic, bic = {}, {}, {}
    for name, model in models.items():
        if name in fits:
            heights[name], aic[name] = fits[name].log_likelihood, fits[name].aic
            bic[name] = fits[name].bic
            continue
        heights[name] = _supremum(without[name])
        k, twice = model.n_parameters, -2 * heights[name]
        aic[name], bic[name] = 2 * k + twice, k * math.log(model.n_observations) + twice
    return pd.DataFrame(
        {
            "k": [model.n_parameters for model in models.values()],
            "log-likelihood": list(heights.values()),
            "deviance": [-2 * each for each in heights.values()],
            "AIC": list(aic.values()),
            "BIC": list(bic.values()),
        },
        index=pd.Index(list(models), name="model"),
    ).join(_ratios(models, heights))


def _supremum(existence: Existence) -> float:
    """What the log-likelihood approaches; NaN where that is not known."""
    return math.nan if existence.limit is None else existence.limit.log_likelihood


def _named(name: str, existence: Existence) -> Existence:
    """The same, of a model by its name."""
    return replace(existence, message=f"model {printable(name)!r}: {existence.message}")


def _check_draws_of(name: str, model: BernoulliLogistic, posterior: Posterior) -> None:
    try:
        check_draws_of(model, posterior)
    except ValueError as error:
        raise NotComparableError(f"the draws given for {printable(name)!r}: {error}") from error


def _fit(model: BernoulliLogistic) -> tuple[BernoulliLogistic, PointEstimate | Existence]:
    """The model, without columns that are combinations of others, and its fit, or why none."""
    try:
        return model, converged_mle(model)
    except MLEDoesNotExistError as error:
        found = error.existence
        reduced = of_full_rank(model) if found.kind == "rank deficient" else model
        if reduced is not model:
            return _fit(reduced)
        return model, found


def _ratios(models: Mapping[str, BernoulliLogistic], heights: Mapping[str, float]) -> Any:
    """Parent, likelihood ratio, degrees of freedom and p of each model."""
    rows, known = [], [name for name in models if not math.isnan(heights[name])]
    for name, model in models.items():
        k = model.n_parameters if name in known else 0
        smaller = sorted(
            (other for other in known if models[other].n_parameters < k),
            key=lambda other: -models[other].n_parameters,
        )
        parent = next((o for o in smaller if is_nested(models[o], model)), None)
        if parent is None:
            rows.append(("", math.nan, math.nan, math.nan))
            continue
        statistic = ratio(heights[name], heights[parent])
        df = k - models[parent].n_parameters
        rows.append((parent, statistic, df, float(chi2.sf(statistic, df))))
    frame = pd.DataFrame(rows, columns=["parent", "LR", "df", "p"], index=list(models))
    return frame.astype({"df": "Int64"})


def _predictive(loo: Mapping[str, PSISLOO]) -> pd.DataFrame:
    """Columns from the draws; differences and weights among the models whose elpd is defined."""
    defined = [name for name, found in loo.items() if not found.undefined_rows]
    frame = pd.DataFrame(
        {
            "elpd_loo": {name: found.elpd for name, found in loo.items()},
            "elpd_diff": math.nan,
            "dse": math.nan,
            "p_loo": {name: found.p_loo for name, found in loo.items()},
            "bad k": {name: found.n_bad for name, found in loo.items()},
            "weight": math.nan,
        }
    ).astype({"bad k": "Int64"})
    if not defined:
        return frame
    best = max(defined, key=lambda name: loo[name].elpd)
    weights = loo[best].weights
    if loo[best].numbers is not None:  # numbers of some rows are kept, and not the same of each
        for name in defined:
            frame.loc[name, "elpd_diff"] = loo[name].elpd - loo[best].elpd
        return frame
    for name in defined:
        difference = loo[name].pointwise - loo[best].pointwise
        frame.loc[name, "elpd_diff"] = float(weights @ difference)
        frame.loc[name, "dse"] = spread_of_sum(difference, weights)
    pointwise = np.column_stack([loo[name].pointwise for name in defined])
    frame.loc[defined, "weight"] = stacking_weights(pointwise, weights)
    return frame


def stacking_weights(pointwise: Array, weights: Array) -> Array:
    """Weights (m,) of the mixture of m predictions with the highest log score.

    `pointwise` (n, m) are log predictive densities, `weights` (n,) the observations of each row.
    """
    m = pointwise.shape[1]
    if m == 1:
        return np.ones(1)
    relative = np.exp(pointwise - pointwise.max(axis=1, keepdims=True))
    share = weights / weights.sum()

    def loss(mixture: Array) -> Any:
        density = relative @ mixture
        return -float(share @ np.log(density)), -(relative.T @ (share / density))

    sum_to_one: Any = {"type": "eq", "fun": lambda w: w.sum() - 1, "jac": lambda w: np.ones(m)}
    with warnings.catch_warnings():
        # SciPy 1.15 may step over a bound by a rounding error, and steps back
        warnings.filterwarnings("ignore", "Values in x were outside bounds", RuntimeWarning)
        found = minimize(
            loss,
            np.full(m, 1 / m),
            jac=True,
            bounds=[(1e-12, 1)] * m,  # an observation may be foretold by one model only
            constraints=sum_to_one,
            method="SLSQP",
            options={"ftol": 1e-13, "maxiter": 1000},
        )
    mixture = np.maximum(found.x, 1e-300)
    mixture /= mixture.sum()
    for _ in range(MOST_UPDATES):
        # of the log score at the optimum: 1 where a weight is positive, and at most 1
        gradient = relative.T @ (share / (relative @ mixture))
        if gradient.max() < 1 + OPTIMAL:
            break
        mixture *= gradient  # the EM algorithm: slow, but it always climbs
    mixture = np.where(mixture < NO_WEIGHT, 0.0, mixture)
    return np.asarray(mixture / mixture.sum())
