"""The routes run on one model, one after the other; what cannot run is said, not hidden."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from flatprior.analysis.agreement.judged import Result, Unavailable
from flatprior.analysis.agreement.mode import least_draws
from flatprior.models import BernoulliLogistic
from flatprior.models.common.calls import a_or_an, check_seed, model_first
from flatprior.models.common.errors import InputError, InputTypeError, NeedsLikelihoodError
from flatprior.models.posterior import check_sampling
from flatprior.models.results import RouteUnavailableError
from flatprior.models.routes.registry import USUAL, routes_named

MOST_UNASKED = 20_000  # draws of a chain that routes take where no number is said


@model_first(sampling_weights=True)
def run_routes(
    model: BernoulliLogistic,
    *,
    routes: Sequence[str] = USUAL,
    draws: int | None = None,
    tune: int = 1000,
    chains: int = 4,
    seed: int | None = None,
    progress: bool = False,
    on_start: Callable[[str], None] | None = None,
) -> tuple[Result, ...]:
    """Fit `model` by several routes: Newton, scikit-learn, PyMC's MAP and PyMC's NUTS.

    Parameters
    ----------
    model : BernoulliLogistic
    routes : sequence of str
        Which routes, of "newton", "sklearn", "map", "nuts" and, on request, "independence"
        (`flatprior.models.routes.registry`).
    draws : int, optional
        Draws of each chain; default 1000, or more where the tests of k coefficients need them. Of
        more than 20,000 (four chains of 140 coefficients or more) sampling routes run only when
        this says so.
    tune, chains, seed
        For the sampling routes, see `flatprior.models.sample_nuts`.
    progress : bool
        Show a progress bar while sampling.
    on_start : callable, optional
        Called with the name of each route as it starts.

    Returns
    -------
    tuple
        Of `PointEstimate`, `Posterior`, and `Unavailable` for a route that cannot run on this model
        (scikit-learn takes no offset), or would take hours of which nothing was said.

    Raises
    ------
    MLEDoesNotExistError
        If the MLE is not proved to exist; no other route is tried.
    ValueError
        If `draws`, `tune` or `chains` are not usable, `draws` too few to be tested, or a route is
        not known.

    Examples
    --------
    >>> from flatprior.analysis import compare_routes, run_routes
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
    >>> compare_routes(model, *run_routes(model, seed=1)).verdict
    'agree'
    """
    check_sampling(draws=1000 if draws is None else draws, tune=tune, chains=chains)
    seed = check_seed(seed)
    least = math.ceil(least_draws(model.n_parameters) / chains)
    if draws is not None and draws < least:
        raise InputError(
            f"{draws} draws a chain are too few to test {model.n_parameters} coefficients; "
            f"ask for {least} or more"
        )
    settings: dict[str, Any] = {
        "draws": max(1000, least) if draws is None else draws,
        "tune": tune,
        "chains": chains,
        "seed": seed,
        "progress": progress,
    }
    if isinstance(routes, str) or not isinstance(routes, Iterable):
        raise InputTypeError(
            f"routes are a sequence of names, such as {list(USUAL[:2])}, not {a_or_an(routes)}"
        )
    results: list[Result] = []
    for route in routes_named(tuple(routes)):
        if draws is None and least > MOST_UNASKED and route.samples:
            results.append(
                Unavailable(
                    route.name,
                    f"the tests of {model.n_parameters} coefficients need {least} draws a chain, "
                    f"which are taken when they are asked for (draws={least}, --draws {least})",
                )
            )
            continue
        if on_start is not None:
            on_start(route.name)
        try:
            results.append(route.run(model, **settings))
        except (RouteUnavailableError, NeedsLikelihoodError) as error:
            results.append(Unavailable(route.name, str(error)))
    return tuple(results)
