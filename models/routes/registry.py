"""The routes, one line each: what `run_routes`, the command line and the report know of them.

A further route is a file in this folder and a line here.
"""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from flatprior.models.common.errors import InputError

if TYPE_CHECKING:
    from flatprior.models.estimate import PointEstimate
    from flatprior.models.model import BernoulliLogistic
    from flatprior.models.posterior import Posterior


@dataclass(frozen=True)
class Route:
    """One way from a model to a point estimate or to draws.

    Attributes
    ----------
    name : str
        As results state it.
    label : str
        As people read it.
    where : str
        "module:function" in this folder, imported when the route runs. The function takes the model
        and, of the settings that `run` is given, those that are among its parameters.
    on_request : str
        Not empty where the route runs only when it is asked for: what the option of the command
        line says of it.
    at_start : str
        What to tell who waits.
    needs : str
        The package, as it is imported, without which the route cannot run; empty where NumPy does.
    samples : bool
        Whether what comes of it is draws.
    """

    name: str
    label: str
    where: str
    on_request: str = ""
    at_start: str = ""
    needs: str = ""
    samples: bool = False

    def run(self, model: BernoulliLogistic, **settings: Any) -> PointEstimate | Posterior:
        """Fit or sample `model`.

        Raises
        ------
        RouteUnavailableError
            If the package that it needs is not installed, or cannot fit this kind of model.
        """
        if self.needs and find_spec(self.needs) is None:
            from flatprior.models.results import RouteUnavailableError

            raise RouteUnavailableError(f"{self.label} needs {self.needs}, which is not installed")
        module, function = self.where.split(":")
        found = getattr(import_module(f"flatprior.models.routes.{module}"), function)
        taken = inspect.signature(found).parameters
        result: PointEstimate | Posterior = found(
            model, **{name: value for name, value in settings.items() if name in taken}
        )
        return result


ROUTES = (
    Route("newton", "NumPy Newton optimiser", "newton:fit_newton"),
    Route("sklearn", "scikit-learn, no penalty", "sklearn_route:fit_sklearn", needs="sklearn"),
    Route(
        *("map", "PyMC MAP, flat priors", "pymc_routes:fit_map"),
        at_start="the first run on a machine compiles for a minute",
        needs="pymc",
    ),
    Route("nuts", "PyMC NUTS sampling", "pymc_routes:sample_nuts", needs="pymc", samples=True),
    Route(
        *("independence", "independence sampling", "independence:sample_independence"),
        on_request="A fifth route: independence sampling, without PyMC (of many files: always).",
        samples=True,
    ),
)
LABELS = {route.name: route.label for route in ROUTES}
USUAL = tuple(route.name for route in ROUTES if not route.on_request)


def routes_named(names: tuple[str, ...]) -> tuple[Route, ...]:
    """The routes of these names, in their order.

    Raises
    ------
    ValueError
        If there is none of some name.
    """
    unknown = [name for name in names if name not in tuple(LABELS)]
    if unknown:
        raise InputError(f"there is no route {unknown[0]!r}; the routes are {', '.join(LABELS)}")
    return tuple(next(route for route in ROUTES if route.name == name) for name in names)
