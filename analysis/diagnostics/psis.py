"""Leave-one-out of the posterior: how well is each observation foretold by all the others?

`psis_loo` estimates the expected log predictive density (Vehtari, Gelman and Gabry 2017, "Practical
Bayesian model evaluation using leave-one-out cross-validation and WAIC", Statistics and Computing
27, 1413-1432) by importance sampling (`flatprior.analysis.diagnostics.importance`).

A leave-one-out posterior can be improper although the posterior is not: where the others can be
separated. Importance sampling prints a number all the same; here it is said that there is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from flatprior.analysis.diagnostics.importance import Sampler, in_a_pass, in_memory
from flatprior.analysis.diagnostics.summaries import labelled
from flatprior.analysis.monte_carlo import batch_means, check_draws_of, standard_error
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.rendering import Renderable, Rendered, chosen, shown_of
from flatprior.models.common.text import rows_phrase
from flatprior.models.encoding.files.passes import Passes, between
from flatprior.models.existence.fragility import held_up_by
from flatprior.models.existence.fragility_in_passes import Named
from flatprior.models.gathering import as_drawn
from flatprior.models.posterior import LARGEST_PARETO_K, LEAST_FOR_PARETO

MOST_SHOWN = 10  # rows, the hardest

# what is said of it; a report is held against these too
UNDEFINED = "elpd_loo is undefined: without {rows} the posterior is not proved to be proper"
FOUND = "elpd_loo {elpd} (SE {se}, Monte Carlo error {mcse}), p_loo {p_loo}, {bad} bad Pareto k"


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class PSISLOO(Renderable):
    """Leave-one-out predictive density of a posterior, by Pareto-smoothed importance sampling.

    Attributes
    ----------
    elpd : float
        Sum over observations of the log predictive density given all others. NaN where some
        leave-one-out posterior is improper, or not proved to be proper: there is no such number.
    se : float
        Standard error of `elpd` as an estimate for new data: sqrt(n) times the standard deviation
        (ddof 1) over observations.
    p_loo : float
        Effective number of parameters: log pointwise predictive density less `elpd`.
    mcse : float
        Monte Carlo standard error of `elpd`, by batch means over the draws.
    pointwise : ndarray (n,)
        Of one observation of each row.
    pareto_k : ndarray (n,)
        NaN where draws are repeated so often that no tail can be fitted; nothing is smoothed there.
    largest_k : float
        Pareto k above which the estimate of a row is unreliable: min(1 - 1 / log10(draws), 0.7).
    weights : ndarray (n,)
        Observations a row stands for.
    undefined_rows : tuple
        Labels of the rows without which the posterior is improper, or not proved to be proper.
    row_labels : Index or None
        The user's own index; None is 0 to n - 1.
    bad : int or None
        Observations with a Pareto k above the limit, where not all rows are kept.
    numbers : ndarray of int (m,) or None
        Of more than 1,048,576 rows that are not in memory the 1000 with the largest Pareto k are
        kept, the largest first, and what is (n,) above is (m,): their places among all rows,
        from 0.
    n_rows : int or None
        How many these are.
    passes : Passes or None
        How often rows that are not in memory were read for it, and how much.
    """

    elpd: float
    se: float
    p_loo: float
    mcse: float
    pointwise: Array
    pareto_k: Array
    largest_k: float
    weights: Array
    undefined_rows: tuple[object, ...]
    row_labels: pd.Index | None = None
    bad: int | None = None
    numbers: NDArray[np.intp] | None = None
    n_rows: int | None = None
    passes: Passes | None = None

    @property
    def looic(self) -> float:
        """-2 elpd, on the scale of AIC."""
        return -2 * self.elpd

    @property
    def n_bad(self) -> int:
        """Observations with a Pareto k above the limit, or one that cannot be computed."""
        if self.bad is not None:
            return self.bad
        return int(self.weights[~(self.pareto_k <= self.largest_k)].sum())

    @property
    def message(self) -> str:
        """The estimate with its errors, in one sentence."""
        if self.undefined_rows:
            return UNDEFINED.format(rows=rows_phrase(self.undefined_rows))
        return FOUND.format(
            elpd=f"{self.elpd:.2f}",
            se=f"{self.se:.2f}",
            mcse=f"{self.mcse:.2g}",
            p_loo=f"{self.p_loo:.2f}",
            bad=self.n_bad,
        )

    def table(self) -> pd.DataFrame:
        """One row a row of the data, or of the hardest.

        "elpd" of one observation, "Pareto k", "observations" of the row.
        """
        return pd.DataFrame(
            {
                "elpd": self.pointwise,
                "Pareto k": self.pareto_k,
                "observations": self.weights,
            },
            index=labelled(self.row_labels, len(self.weights)),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with all columns of its table or these; its hardest rows."""
        frame = self.table()
        # NaN, where k could not be computed, is the hardest of all
        hardest = np.lexsort((self.pointwise, -np.nan_to_num(self.pareto_k, nan=math.inf)))
        shown = hardest[:MOST_SHOWN]
        return Rendered.of(
            chosen(frame, columns),
            {"elpd": ".4f", "Pareto k": ".2f", "observations": ".0f"},
            self.message,
            notes=[
                shown_of(
                    len(shown),
                    self.n_rows or len(frame),
                    "row",
                    ".table()",
                    "largest Pareto k",
                    len(frame),
                ),
                f"a Pareto k above {self.largest_k:.2f} makes the elpd of a row unreliable; elpd "
                "is that of one observation of the row",
            ],
            rows=shown,
        )


@model_first
def psis_loo(model: BernoulliLogistic, posterior: Posterior, progress: bool = False) -> PSISLOO:
    """Expected log predictive density of the posterior, leaving out one observation at a time.

    Parameters
    ----------
    model : BernoulliLogistic
        Its rows may lie in memory, in files or on a cluster; there the estimates take one pass, and
        finding the rows without which the posterior is improper a few more.
    posterior : Posterior
        Draws of any route, of this model.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    PSISLOO

    Raises
    ------
    ValueError
        If the draws are of other data, or fewer than 100.
    MLEDoesNotExistError
        If the posterior itself is improper.

    Notes
    -----
    Vehtari, Simpson, Gelman, Yao and Gabry (2024), "Pareto smoothed importance sampling", JMLR 25,
    1-58. Log-likelihoods are the package's own, of single observations: a row of frequency weight w
    counts w times, and grouped data give what their single rows would.

    Examples
    --------
    >>> from flatprior.analysis import psis_loo
    >>> from flatprior.models import BernoulliLogistic, load_smarket, sample_independence
    >>> model = BernoulliLogistic.from_formula("Direction ~ Lag1 + Lag2", load_smarket())
    >>> found = psis_loo(model, sample_independence(model, seed=1, progress=False))
    >>> round(found.elpd), round(found.p_loo, 1), found.n_bad
    (-867, 3.1, 0)
    """
    check_draws_of(model, posterior)
    return importance_loo(model, posterior, progress)


def importance_loo(model: BernoulliLogistic, posterior: Posterior, progress: bool) -> PSISLOO:
    """`psis_loo` without its checks; `model` may have the rows of the draws' in another order."""
    from flatprior.models.common.progress import quiet_libraries

    with quiet_libraries():
        import arviz_stats

    chains, n_draws, k = posterior.draws.shape
    total = chains * n_draws
    if total < LEAST_FOR_PARETO:
        raise InputError(f"{total} draws are too few; leave-one-out needs {LEAST_FOR_PARETO}")
    relative = 1.0
    if chains > 1:
        ess = arviz_stats.ess(posterior.data["posterior"]["beta"], method="mean")
        relative = float(ess.to_numpy().mean()) / total
    sampler = Sampler(
        draws=posterior.draws.reshape(total, k),
        relative=relative,
        largest_k=min(1 - 1 / math.log10(total), LARGEST_PARETO_K),
    )
    before = model.passes
    unproved = _labels_of(*held_up_by(model, progress))
    whole = as_drawn(model)
    resident = whole.rows.resident
    found = in_memory(whole, sampler, progress) if resident else in_a_pass(whole, sampler)
    elpd, se, p_loo, mcse = (math.nan,) * 4
    if not unproved:
        elpd, se, p_loo = found.elpd, found.se, found.density - found.elpd
        batches = batch_means(total * found.influence.reshape(chains, n_draws, 1))
        mcse = float(standard_error(batches)[0])
    return PSISLOO(
        elpd=elpd,
        se=se,
        p_loo=p_loo,
        mcse=mcse,
        pointwise=found.pointwise,
        pareto_k=found.pareto_k,
        largest_k=sampler.largest_k,
        weights=found.weights,
        undefined_rows=unproved,
        row_labels=pd.Index(found.labels),
        bad=None if found.numbers is None else found.n_bad,
        numbers=found.numbers,
        n_rows=None if found.numbers is None else model.n_rows,
        passes=between(before, model.passes),
    )


def _labels_of(*rows: Named) -> tuple[object, ...]:
    """Labels of rows that were found in several ways, in the order of the data."""
    both = {i: label for some in rows for i, label in zip(some.numbers, some.labels, strict=True)}
    return tuple(both[i] for i in sorted(both))
