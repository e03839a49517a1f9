"""What the headings of tables mean that are not everybody's words, a line each."""

from __future__ import annotations

from collections.abc import Iterable

TERMS = {
    "mcse": "Monte Carlo standard error of the mean, from the finite number of draws",
    "ess bulk": "how many independent draws would tell as much of the middle of the distribution",
    "ess tail": "the same of its tails",
    "R-hat": "spread of all chains together over that within each, near 1 where they have mixed",
    "divergences": "trajectories of the sampler that broke off; there should be none",
    "acceptance": "share of proposed draws that were taken",
    "efficiency": "effective number of importance weights over their number",
    "pareto k": "how heavy the tail of the importance weights is; from about 0.7 on few "
    "draws count for most",
    "deviance residual": "signed root of what the observation adds to the deviance",
    "Pearson residual": "observed less fitted, in standard deviations of the outcome",
    "leverage": "how much an observation pulls its own fit, from 0 to 1",
    "studentised residual": "Pearson's over sqrt(1 - leverage)",
    "standardised deviance residual": "deviance residual over sqrt(1 - leverage)",
    "Cook's distance": "squared change of all coefficients without the "
    "observation, by one Newton step, in their covariance, for each coefficient",
    "rstudent": "deviance and studentised residual in one, close to the residual from "
    "the fit without the observation (Williams)",
    "DFFITS": "change of its own linear predictor without the observation, by one Newton step, in "
    "standard errors",
    "LOO log score": "sum of the log-probabilities of each observation in the fit of all others",
    "elpd_loo": "sum of the log-probabilities of each observation under the posterior of "
    "all others",
    "elpd_diff": "difference to the best model",
    "dse": "standard error of that difference",
    "p_loo": "effective number of coefficients",
    "bad k": "observations whose Pareto k is too large for elpd_loo to be relied on",
    "weight": "of the model in the best mixture of predictions (stacking)",
    "LOOIC-AIC": "-2 elpd_loo less AIC, near 0 in large samples",
    "p_loo-k": "p_loo less the number of coefficients, near 0 in large samples",
}
OF_LEAVE_ONE_OUT = (
    '"Pareto k": how heavy the tail is of the weights that turn draws into draws without the '
    "observation, unreliable where it is too large; elpd_loo: sum of the log-probabilities of each "
    "observation under the posterior of all others; p_loo: effective number of coefficients"
)


def terms(headings: Iterable[str]) -> list[str]:
    """What those of some headings mean that are explained, in their order.

    Examples
    --------
    >>> from flatprior.analysis.report.glossary import terms
    >>> terms(["mean", "R-hat"])
    ['"R-hat": spread of all chains together over that within each, near 1 where they have mixed']
    """
    return [f'"{name}": {TERMS[name]}' for name in headings if name in TERMS]
