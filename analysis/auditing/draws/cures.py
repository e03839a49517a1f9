"""What to type to get draws from the flat-prior posterior, in the program that made these."""

from __future__ import annotations

from flatprior.analysis.agreement.posterior_check import PosteriorCheck
from flatprior.analysis.auditing.draws.case import Case, Draws
from flatprior.analysis.auditing.draws.likeness import Likeness
from flatprior.analysis.auditing.draws.priors import Prior
from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.common.coefficient_names import plain_name
from flatprior.models.common.text import printable


def cure_of(check: PosteriorCheck, found: tuple[Likeness, ...], posterior: Posterior) -> str:
    """What to type."""
    if found:
        return found[0].cure
    diagnostics = check.diagnostics
    if diagnostics.get("divergences", 0) > 0:
        return _of_program(
            posterior.route,
            "pm.sample(tune=4000, target_accept=0.95)",
            "adapt_delta=0.95 and more warm-up",
        )
    if not check.mixed:
        return _of_program(
            posterior.route,
            'pm.sample(draws=4000, tune=4000, chains=4, init="adapt_diag")',
            "more draws and more warm-up, in four chains",
        )
    return ""


def _of_program(route: str, pymc: str, else_: str) -> str:
    name = route.lower()
    if name in ("pymc", "nutpie"):
        return pymc
    if name == "bambi":
        return pymc.replace("pm.sample(", "model.fit(")
    return else_


def what_to_type(case: Draws, causes: str, prior: Prior | None) -> str:
    """In the program that made the draws, where that is known."""
    route = case.posterior.route.lower()
    said = []
    if "response flipped" in causes:
        event = _event(case.model)
        said.append(
            f"model the other level: \"{case.model.response_name}['{event}'] ~ ...\" names it"
            if route == "bambi" and event
            else "code the outcome the other way round (1 - y)"
        )
    if "weights ignored" in causes:
        said.append(
            "pass the weights: "
            + _typed(
                route,
                pymc='pm.Potential("y", (weights * pm.logp(pm.Bernoulli.dist(logit_p=eta), y)'
                ".sum()))",
                bambi="repeat each row as often as its weight says",
                stan="target += weights[n] * bernoulli_logit_lpmf(y[n] | eta[n])",
                numpyro="with numpyro.handlers.scale(scale=weights)",
                other="repeat each row as often as its weight says",
            )
        )
    if "offset ignored" in causes:
        said.append(
            "add the offset to the linear predictor"
            + (': "... + offset(z)" in the formula' if route == "bambi" else "")
        )
    if prior is not None:
        said.append(make_flat(case))
    return "; ".join(said)


def make_flat(case: Draws) -> str:
    """How priors are made flat, in the program that made the draws."""
    route = case.posterior.route.lower()
    return _typed(
        route,
        pymc='pm.Flat("...") in place of each prior',
        bambi=_for_bambi(case.model),
        stan="leave the prior statements out of the model block (a real without one is flat)",
        numpyro="dist.ImproperUniform(dist.constraints.real, (), ()) for each prior",
        other='a flat prior on every coefficient (pm.Flat; bmb.Prior("Flat") with '
        "auto_scale=False; prior = NULL in rstanarm)",
    )


def sample_it(case: Case) -> str:
    """How the posterior itself is sampled, not an approximation."""
    return "sample the posterior: " + _typed(
        case.posterior.route.lower(),
        pymc="pm.sample(), not pm.fit() or an approximation",
        bambi='model.fit(inference_method="pymc")',
        stan="method=sample",
        numpyro="MCMC(NUTS(model), ...), not SVI",
        other="by NUTS, not by an approximation",
    )


def _for_bambi(model: BernoulliLogistic) -> str:
    terms = dict.fromkeys(plain_name(name).partition("[")[0] for name in model.names)
    listed = ", ".join(f'"{printable(term)}"' for term in terms)
    return (
        f'bmb.Model(..., priors={{name: bmb.Prior("Flat") for name in ({listed},)}}, '
        "auto_scale=False)"
    )


def _typed(route: str, *, pymc: str, bambi: str, stan: str, numpyro: str, other: str) -> str:
    known = {"pymc": pymc, "nutpie": pymc, "bambi": bambi, "cmdstan": stan, "numpyro": numpyro}
    return known.get(route.partition(" ")[0], other)


def _event(model: BernoulliLogistic) -> str:
    """The level that the model counts as 1, where it is a word."""
    level, found, _ = model.response_coding.partition(" = 1")
    return printable(level) if found and level != "True" else ""
