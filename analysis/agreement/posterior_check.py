r"""Are these draws from the flat-prior posterior? Tested against identities that hold exactly.

With score S and MLE :math:`\hat\beta`, integration by parts gives under the flat-prior posterior

.. math:: E[S(\beta)] = 0, \qquad E[(\beta - \hat\beta)'S(\beta)] = -k ,

whatever the sample size. The first sees a wrong prior, a dropped row, Laplace draws posing as
posterior draws; the second sees draws that are too wide or too narrow. The density that the
sampler itself reports must be the likelihood times a constant, no draw can have a higher
log-likelihood than the MLE, the mode estimated from the draws alone must be the MLE, and two
samplers must agree. The posterior mean is *not* the MLE: how far it lies is predicted and shown
beside what was observed, but decides nothing.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from flatprior.analysis.agreement.departures import Departure, Sight, named_departures
from flatprior.analysis.agreement.identities import agreement_p, batches_of, exact_identities
from flatprior.analysis.agreement.mixing import Claim, Mixing
from flatprior.analysis.agreement.mode import mode_or_none, no_mode
from flatprior.analysis.agreement.sampled_density import (
    density_tolerances,
    is_own,
    is_single,
    noise_of,
    rounding_of,
    trend_of,
    with_density,
)
from flatprior.analysis.monte_carlo import (
    check_draws,
    predicted_mean_shift,
    require_draws,
    root_at,
    whitened,
)
from flatprior.models import BernoulliLogistic, PointEstimate, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.rendering import Renderable, Rendered, chosen
from flatprior.models.common.text import at_most, count, listing, p_value, percent, printable
from flatprior.models.common.writing import finite
from flatprior.models.covariance.roots import upper
from flatprior.models.estimate import fit_of, is_near
from flatprior.models.routes.newton import converged_mle

FALSE_ALARM = 1e-3
LARGEST_MODE_ERROR = 0.1  # standard errors: a mode that is told no better is no evidence
DensitySource = Literal["stated", "the model's own", "missing"]
OWN_TESTS = 2  # of the score and the trace
UNTOLD = 3.0  # stated errors by which a mode that is not told may differ
UNNAMED = "external"  # the route of draws that do not say what made them


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class PosteriorCheck(Renderable):
    """What the draws of one route say about themselves.

    Attributes
    ----------
    route : str
    n_draws : int
    mixing : Mixing
        Whether the chains have mixed: without that the other claims are no evidence.
    score_p, trace_p : float
        p-values of the score and the trace test.
    trace : float
        Mean of ``(beta - mle)'S`` over the draws; its expectation is exactly ``-k``.
    other : str or None
        Route of the other draws that these are compared with.
    agreement_p : float or None
        p-value that both sets of draws have the same means and the same spread.
    density_error : float
        Largest difference, in nats, between the sampler's own log-density and the log-likelihood,
        apart from a constant.
    density_rounding : float
        What rounding may have done to it, where draws or log-densities are stated in single
        precision or with few digits; 0 for doubles.
    density_tolerance : float
        How much of it is let pass: 1e-6 for doubles, more where rounding makes more.
    density_trend, density_trend_tolerance : float
        Where there is rounding: how much of the difference, in nats, follows the draws (linearly,
        or with their squared length), which rounding does by chance only; and by how much it may.
    density_source : {"stated", "the model's own", "missing"}
        "the model's own": equal to the log-likelihood to the last bit at every draw that was looked
        at, as that of `sample_independence` is by construction; then it is no evidence about what
        was sampled.
    sight : Sight
        The smallest departures that the score and the trace test would have told with these draws.
    departures : tuple of Departure
        Distributions that draws are often from by mistake, and whether the tests would have told.
    highest_draw : float
        Largest log-likelihood of a draw minus that of the MLE; must not be positive.
    mode : PointEstimate
        Estimated from the draws alone.
    mode_distance, mode_error : float
        Its largest distance from the MLE, and its stated error, in standard errors. Where the
        stated error is above 0.1, the mode is not told (`mode_told` is False): then only a distance
        of three stated errors counts against the draws.
    shift, predicted_shift : ndarray (k,)
        Posterior mean minus MLE in standard errors: observed, and predicted by theory.
    shift_mcse : ndarray (k,)
        Monte Carlo standard error of `shift`.
    false_alarm : float
        Probability that correct draws fail one of the tests with a p-value.
    diagnostics : dict
        Of the sampler, see `flatprior.models.Posterior.diagnostics`.
    warnings : tuple of str
        What to mend before relying on these draws, even if they pass.
    passed : bool
    """

    route: str
    n_draws: int
    names: tuple[str, ...]
    mixing: Mixing
    score_p: float
    trace: float
    trace_p: float
    other: str | None
    agreement_p: float | None
    density_error: float
    density_tolerance: float
    density_rounding: float
    density_trend: float
    density_trend_tolerance: float
    density_source: DensitySource
    sight: Sight
    departures: tuple[Departure, ...]
    highest_draw: float
    mode: PointEstimate
    mode_distance: float
    mode_error: float
    shift: Array
    predicted_shift: Array
    shift_mcse: Array
    false_alarm: float
    diagnostics: Mapping[str, float]
    warnings: tuple[str, ...]

    @property
    def k(self) -> int:
        """Number of coefficients."""
        return len(self.names)

    @property
    def threshold(self) -> float:
        """The p-value below which a test fails: the tests share the false-alarm rate equally.

        By Bonferroni's inequality correct draws then fail one with at most that probability.
        """
        return self.false_alarm / self.n_tests

    @property
    def n_tests(self) -> int:
        """Number of tests with a p-value."""
        return OWN_TESTS + self.mixing.n_tests + (self.agreement_p is not None)

    @property
    def claims(self) -> tuple[Claim, ...]:
        """Everything that is claimed of the draws: mixing, tests, and what chance cannot break."""

        def tested(statement: str, p: float, failure: str) -> Claim:
            return Claim(statement, p, p >= self.threshold, f"{failure} (p = {p_value(p)})")

        found = [
            *self.mixing.claims(self.threshold),
            tested("the mean score is 0", self.score_p, "the mean score is not 0"),
            tested(
                f"the mean of (beta - MLE)'score is {-self.k}",
                self.trace_p,
                f"the mean of (beta - MLE)'score is {self.trace:.2f}, not {-self.k}",
            ),
        ]
        if self.agreement_p is not None:
            others = "the others" if self.other == UNNAMED else f"the draws of {self.other}"
            same = f"means and spread are those of {others}"
            found.append(tested(same, self.agreement_p, same.replace(" are ", " are not ", 1)))
        of_density: tuple[Claim, ...] = (
            Claim.exact(
                "the density that was sampled is the likelihood"
                + (
                    f", within {at_most(self.density_rounding, '.0e')} for the digits it is stated "
                    "with"
                    if self.density_rounding
                    else ""
                ),
                self.density_error <= self.density_tolerance
                and self.density_trend <= self.density_trend_tolerance,
                f"the density that was sampled is not the likelihood: their logarithms differ by "
                f"up to {self.density_error:.1e}",
            ),
            Claim(
                "the mode of the draws is the MLE"
                if self.mode_told or self.density_source == "missing"
                else f"the mode of the draws, known to {at_most(self.mode_error, '.2g')} SE, may "
                "be the MLE",
                math.nan,
                self.mode_distance <= self.mode_error * (1 if self.mode_told else UNTOLD),
                f"the mode of the draws is {self.mode_distance:.2g} standard errors from the MLE, "
                f"its stated error is {self.mode_error:.1g}",
            ),
        )
        if self.density_source == "missing":
            of_density = tuple(claim.unavailable() for claim in of_density)
        density, mode = of_density
        highest = Claim.exact(
            "no draw is more likely than the MLE",
            self.highest_draw <= 0,
            f"a draw has a log-likelihood {self.highest_draw:.1e} above the maximum",
        )
        return (*found, density, highest, mode)

    @property
    def scope(self) -> tuple[str, ...]:
        """What it means that the draws pass, and what it does not exclude, in sentences."""
        shift, spread = self.sight.shift(self.threshold), self.sight.spread(self.threshold)
        said = []
        if self.density_source != "stated":
            said.append(
                "No log-density of the sampler came with them, so score and trace alone speak for "
                "what was sampled"
                if self.density_source == "missing"
                else "Their log-density is the model's own to the last bit (by construction, where "
                "sample_independence made them), so score and trace alone speak for what was "
                "sampled"
            )
        said.append(
            f"The tests of score and trace tell, nine times in ten, a shift of {shift:.2g} "
            f"standard errors or a variance {percent(spread)} off"
            if math.isfinite(shift)
            else "The draws are too few for the score test to tell any shift"
        )
        hidden = [each.name for each in self.departures if not each.told(self.threshold)]
        if hidden and self.density_source != "stated":
            said.append(
                f"A pass does not exclude, with these data and {count(self.n_draws, 'draw')}, "
                f"{listing(hidden, 'or')}"
            )
        if self.mixing.n_chains == 1:
            said.append(
                "It is a single chain, compared with itself half by half: whether another start "
                "ends elsewhere was not seen"
            )
        return tuple(said)

    @property
    def mode_told(self) -> bool:
        """Whether the draws tell the mode well enough for it to be held against the MLE."""
        return self.mode_error <= LARGEST_MODE_ERROR

    @property
    def mixed(self) -> bool:
        """Whether every claim about mixing holds."""
        return all(claim.holds for claim in self.mixing.claims(self.threshold))

    @property
    def failures(self) -> tuple[str, ...]:
        """The claims that do not hold, in words; none if the draws pass."""
        return tuple(claim.failure for claim in self.claims if not claim.holds)

    @property
    def passed(self) -> bool:
        """Whether every claim holds."""
        return not self.failures

    def table(self) -> pd.DataFrame:
        """One row a claim: "p", NaN where chance cannot break it, and whether it "holds".

        That is "yes", "NO", or "not available" for what needs the sampler's log-density.
        """
        return pd.DataFrame(
            {
                "p": [claim.p if 0 < claim.p < 1 else math.nan for claim in self.claims],
                "holds": [claim.answer for claim in self.claims],
            },
            index=[claim.statement for claim in self.claims],
        )

    @property
    def sampler(self) -> str:
        """What the sampler's own diagnostics say, in one line."""
        found = self.diagnostics
        own = (
            f"acceptance {found['acceptance']:.2f}, efficiency {found['efficiency']:.2f}, "
            f"Pareto k {found['pareto k']:.2f}"
            if "acceptance" in found
            else f"{found['divergences']:.0f} divergences"
            if "divergences" in found
            else "divergences unknown"
        )
        bulk, tail = (found.get(f"ess {part}", math.nan) for part in ("bulk", "tail"))
        return (
            f"{count(self.n_draws, 'draw')}, {own}, R-hat {float(self.mixing.r_hat.max()):.3f}, "
            f"ESS {bulk:.0f} (bulk), {tail:.0f} (tail)"
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: every claim, what a pass covers, and what it does not."""
        n = len(self.failures)
        title = "These draws" if self.route == UNNAMED else f"Draws of {self.route}"
        return Rendered.of(
            chosen(self.table(), columns),
            {"p": "p"},
            f"{title}: they pass as draws from the flat-prior posterior"
            if self.passed
            else f"{title}: {n} of {count(len(self.claims), 'claim')} FAIL",
            [self.sampler],
            [
                f"a test fails below p = {self.threshold:.1e}; correct draws fail one with "
                f"probability {at_most(self.false_alarm)} at most",
                *self.failures,
                f"mean of (beta - MLE)'score: {self.trace:.4f}, expected {-self.k}; "
                + (
                    ""
                    if self.density_source == "missing"
                    else f"mode of the draws: {self.mode_distance:.1e} standard errors from the "
                    f"MLE, stated error {at_most(self.mode_error)}; "
                )
                + f"highest draw: {abs(self.highest_draw):.3g} in "
                f"log-likelihood {'above' if self.highest_draw > 0 else 'below'} the MLE",
                *self.scope,
                *self.warnings,
            ],
        )

    def shift_table(self) -> pd.DataFrame:
        """Posterior mean minus MLE in standard errors, observed beside predicted."""
        return pd.DataFrame(
            {"observed": self.shift, "predicted": self.predicted_shift, "mcse": self.shift_mcse},
            index=pd.Index(self.names, name="name"),
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain lists and numbers, ready for JSON."""
        facts: dict[str, Any] = {
            "route": self.route,
            "passed": self.passed,
            "failures": list(self.failures),
            "n_draws": self.n_draws,
            "claims": [
                {
                    "statement": claim.statement,
                    "p": claim.p,
                    "holds": claim.holds if claim.available else None,
                }
                for claim in self.claims
            ],
            "mixed": self.mixed,
            "mixing": self.mixing.to_dict(self.threshold),
            "false_alarm": self.false_alarm,
            "score_p": self.score_p,
            "trace": self.trace,
            "trace_expected": -self.k,
            "trace_p": self.trace_p,
            "other": self.other,
            "agreement_p": self.agreement_p,
            "threshold": self.threshold,
            "density_error": self.density_error,
            "density_rounding": self.density_rounding,
            "density_tolerance": self.density_tolerance,
            "density_trend": self.density_trend,
            "density_trend_tolerance": self.density_trend_tolerance,
            "density_source": self.density_source,
            "told_shift": self.sight.shift(self.threshold),
            "told_spread": self.sight.spread(self.threshold),
            "departures": {each.name: each.told(self.threshold) for each in self.departures},
            "scope": list(self.scope),
            "highest_draw": self.highest_draw,
            "mode": self.mode.coefficients.tolist(),
            "mode_distance": self.mode_distance,
            "mode_error": self.mode_error,
            "mode_told": self.mode_told,
            "shift": self.shift.tolist(),
            "predicted_shift": self.predicted_shift.tolist(),
            "shift_mcse": self.shift_mcse.tolist(),
            "diagnostics": dict(self.diagnostics),
            "warnings": list(self.warnings),
        }
        plain: dict[str, Any] = finite(facts)
        return plain


@model_first
def check_posterior(
    model: BernoulliLogistic,
    posterior: Posterior,
    mle: PointEstimate | None = None,
    false_alarm: float = FALSE_ALARM,
    other: Posterior | None = None,
) -> PosteriorCheck:
    """Test draws against the exact identities of the flat-prior posterior.

    Parameters
    ----------
    model : BernoulliLogistic
    posterior : Posterior
    mle : PointEstimate, optional
        A certified MLE of `model`; default the Newton route's, which also stands for one that is
        not proved to be near the MLE.
    false_alarm : float
        Probability that correct draws fail the test of R-hat, of the chains, of the score, of the
        trace or the agreement test, all together. (The mode of the draws is held against its
        stated error, which is an estimate with a safety factor. Draws that are too few to judge
        whether the chains have mixed do not pass either, and are said to be too few.)
    other : Posterior, optional
        Draws of another route: the means of the coefficients and the spread must be the same
        within Monte Carlo error.

    Returns
    -------
    PosteriorCheck

    Raises
    ------
    ValueError
        If the draws are of other coefficients, not finite, or too few: the tests need more batches
        of draws (the square root of the number of draws) than coefficients.

    Notes
    -----
    The score test is Hotelling's T-squared on batch means of the whitened score, the trace test a
    t-test on batch means (`flatprior.analysis.monte_carlo`). Two sets of draws are compared by
    Hotelling's T-squared for unequal covariances, on the whitened draws and their squared length.

    Examples
    --------
    >>> from flatprior.analysis import check_posterior
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_independence
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> check_posterior(model, sample_independence(model, seed=1, progress=False)).passed
    True
    """
    if not 0 < false_alarm < 1:
        raise InputError(f"false_alarm must lie between 0 and 1, not {false_alarm!r}")
    posterior = as_drawn(posterior)
    other = None if other is None else as_drawn(other)
    stated = posterior.states_density
    posterior = posterior if stated else with_density(model, posterior)
    for draws in (posterior, other):
        if draws is not None:
            check_draws(model, draws)
    if mle is not None:
        mle = fit_of(model, mle)
    if mle is None or not is_near(mle.certificate):
        mle = converged_mle(model)
    error = mle.standard_errors
    length = batches_of(posterior)
    root = upper(root_at(model, mle))
    white = whitened(posterior.draws, mle, root)
    identities = exact_identities(model, posterior.draws, mle, length, root)
    log_likelihood = identities.log_likelihood
    missing = "no log-density came with them"
    mode = mode_or_none(posterior) if stated else no_mode(posterior, missing)
    assert mode.stated_error is not None  # noqa: S101
    noise = noise_of(mle.log_likelihood)
    departure = posterior.log_density - log_likelihood
    rounding = rounding_of(posterior, identities.score)
    trend = trend_of(departure, white, rounding) if rounding else (0.0, math.inf)
    doubles, single = density_tolerances(model, mle.log_likelihood, rounding)
    own = is_own(model, posterior, log_likelihood)
    shift = predicted_mean_shift(model, mle, root)
    return PosteriorCheck(
        route=posterior.route,
        n_draws=posterior.log_density.size,
        names=model.names,
        mixing=Mixing.of(posterior, white),
        score_p=identities.score_p,
        trace=identities.trace,
        trace_p=identities.trace_p,
        other=None if other is None else other.route,
        agreement_p=None if other is None else agreement_p(model, posterior, other, mle),
        density_error=float(np.ptp(departure)) / 2,
        density_tolerance=single if is_single(posterior.log_density) else doubles,
        density_rounding=rounding,
        density_trend=trend[0],
        density_trend_tolerance=trend[1],
        density_source="missing" if not stated else "the model's own" if own else "stated",
        sight=identities.sight,
        departures=named_departures(model, mle, root, shift, identities.sight),
        highest_draw=float(log_likelihood.max()) - mle.log_likelihood - noise,
        mode=mode,
        mode_distance=float(np.max(np.abs(mode.coefficients - mle.coefficients) / error)),
        mode_error=float(np.max(mode.stated_error / error)) + mle.certificate.error_bound,
        shift=(posterior.draws.mean(axis=(0, 1)) - mle.coefficients) / error,
        predicted_shift=shift / error,
        shift_mcse=posterior.summary()["mcse"].to_numpy() / error,
        false_alarm=false_alarm,
        diagnostics=posterior.diagnostics,
        warnings=posterior.warnings,
    )


def as_drawn(posterior: Posterior) -> Posterior:
    """The same draws with nothing remembered of them: what was, may be of draws before a change."""
    require_draws(posterior)
    return Posterior(
        **{each.name: getattr(posterior, each.name) for each in dataclasses.fields(Posterior)}
    )


def draws_of(route: str) -> str:
    """What draws are called in a sentence.

    Examples
    --------
    >>> from flatprior.analysis.agreement.posterior_check import draws_of
    >>> draws_of("nuts"), draws_of("external")
    ('the draws of nuts', 'these draws')
    """
    return "these draws" if route == UNNAMED else f"the draws of {printable(route)}"
