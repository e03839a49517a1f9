"""Draws beside a model, the likelihoods that they may be of, and what is asked again and again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from flatprior.analysis.agreement.posterior_check import PosteriorCheck
from flatprior.analysis.auditing.draws.likeness import joined
from flatprior.analysis.monte_carlo import batch_length, batch_means, hotelling_p, root_at, t_p
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.codes.basis import ones_of
from flatprior.models.common.arrays import Array
from flatprior.models.covariance.roots import Root
from flatprior.models.likelihood import at_each, scores
from flatprior.models.rows import ArrayRows, merge_identical

MOST_TERMS = 10**8  # rows times draws at which scores of another problem are looked at
LEAST_LOOKED_AT = 400  # draws, however many rows
NEAR = 4.0  # standard errors within which changed draws must lie to be looked at


class Problem(NamedTuple):
    """A likelihood that draws may be of in place of the model's."""

    cause: str
    said: str
    rows: ArrayRows

    @property
    def of(self) -> str:
        """What follows on "the posterior"."""
        return f" {self.said}" if self.said else ""


def problems_of(model: BernoulliLogistic) -> list[Problem]:
    """The model's likelihood, and those of data that were read in another way."""
    rows = model.arrays
    found = [Problem("", "", rows)]
    if rows.weights is not None and (rows.weights != 1).any():
        found.append(Problem("weights ignored", "without the weights", replace(rows, weights=None)))
    if rows.offset is not None and rows.offset.any():
        found += [
            Problem(
                joined(each.cause, "offset ignored"),
                f"{each.said} and the offset" if each.said else "without the offset",
                replace(each.rows, offset=None),
            )
            for each in found
        ]
    found += [
        Problem(
            joined("response flipped", each.cause),
            " ".join(filter(None, ("of the flipped response", each.said))),
            replace(each.rows, response=1 - each.rows.response),
        )
        for each in found
    ]
    return found


def written_out(model: BernoulliLogistic) -> Array:
    """The design matrix (n, k) as floats."""
    return np.asarray(model.arrays.design, dtype=float)


def centred_coordinates(model: BernoulliLogistic) -> list[tuple[tuple[str, ...], Array]]:
    """In which others put independent priors: with the intercept at the means of the columns."""
    design = written_out(model)
    constant = ones_of(design)
    if len(constant) != 1 or design.shape[1] == 1:
        return []
    (own,) = constant
    weights = model.arrays.weights
    every = [design.mean(axis=0)]
    if weights is not None:
        every.append(weights @ design / weights.sum())
    found = []
    for means in every:
        transform = np.eye(len(means))
        transform[own] = means
        label = f"{model.names[own]} at the columns' means"
        found.append(
            (tuple(label if j == own else n for j, n in enumerate(model.names)), transform)
        )
    return found


@dataclass(frozen=True, eq=False, kw_only=True)
class Draws:
    """Draws of which it is asked what they look like."""

    model: BernoulliLogistic
    posterior: Posterior
    draws: Array  # (chains, n, k), thinned where there are many rows
    length: int  # of a batch of them
    threshold: float  # p-value below which something is excluded

    @classmethod
    def of(cls, model: BernoulliLogistic, posterior: Posterior, threshold: float) -> Draws:
        """As many of the draws as are looked at, and how long batches of them are."""
        chains, n, _ = posterior.draws.shape
        most = max(LEAST_LOOKED_AT, MOST_TERMS // model.n_rows)
        step = max(1, min(-(-chains * n // most), n // 10))
        draws = posterior.draws[:, ::step]
        found = posterior.diagnostics
        ess = float(np.nan_to_num(min(found["ess bulk"], found["ess tail"])))
        kept = draws.shape[1]
        length = batch_length(chains, kept, min(max(1.0, ess), chains * kept))
        k = model.n_parameters
        if chains * (kept // length) <= 2 * k + 4:
            length = batch_length(chains, kept)
        return cls(
            model=model, posterior=posterior, draws=draws, length=length, threshold=threshold
        )

    @property
    def k(self) -> int:
        """Coefficients."""
        return self.model.n_parameters

    @property
    def names(self) -> tuple[str, ...]:
        """Of the coefficients."""
        return self.model.names

    def score(self, rows: ArrayRows, draws: Array | None = None) -> Array:
        """Score of these rows at each of the draws, (chains, n, k)."""
        draws = self.draws if draws is None else draws
        flat = draws.reshape(-1, self.k)
        return at_each(merge_identical(rows), scores, flat).reshape(draws.shape)


@dataclass(frozen=True, eq=False, kw_only=True)
class Case(Draws):
    """Draws that fail, with what is asked of them again and again."""

    mle: PointEstimate
    check: PosteriorCheck
    root: Root

    @classmethod
    def beside(
        cls,
        model: BernoulliLogistic,
        posterior: Posterior,
        mle: PointEstimate,
        check: PosteriorCheck,
    ) -> Case:
        """With the root of the covariance at the MLE."""
        plain = Draws.of(model, posterior, check.threshold)
        return cls(**vars(plain), mle=mle, check=check, root=root_at(model, mle))

    def p(self, draws: Array, pull: Array, centre: Array | None = None) -> float:
        """p-value that `pull` (chains, n, k) is the gradient of the log-density of draws."""
        around = draws.mean(axis=(0, 1)) if centre is None else centre
        trace = np.einsum("cnk,cnk->cn", draws - around, pull) + self.k
        white = self.root.rooted(pull.reshape(-1, self.k)).reshape(pull.shape)
        p = min(
            hotelling_p(batch_means(white, self.length)),
            t_p(batch_means(trace[..., None], self.length)[:, 0]),
        )
        return float(min(1.0, 2 * np.nan_to_num(p)))

    def distance(self, draws: Array) -> float:
        """Of the mean of draws from the MLE, the largest in standard errors."""
        moved = draws.mean(axis=(0, 1)) - self.mle.coefficients
        return float(np.abs(moved / self.mle.standard_errors).max())
