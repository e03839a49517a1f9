"""Is this PyMC model the flat-prior model of these data? Asked of its density, not of its draws.

The log-density of a model with flat priors is the log-likelihood and a constant. Both are analytic
functions of the coefficients: where they differ by anything else, they do so at random points, with
certainty but for those chosen by chance to be where they do not. So a few random points within the
reach of the posterior answer the question, and the parts of the density, one a variable, say which
of them is not flat.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from flatprior.analysis.monte_carlo import root_at
from flatprior.analysis.producers.draws import pair
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import a_or_an, check_seed, check_whole, model_first
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.progress import quiet_libraries
from flatprior.models.common.rendering import Renderable, Rendered, chosen, of_model
from flatprior.models.common.text import at_most, count, listing, printable
from flatprior.models.common.writing import finite
from flatprior.models.external_draws import Names, matched
from flatprior.models.routes.newton import converged_mle

REACH = 2.0  # standard errors that the points are from the MLE, about
# of a log-density, in nats: beyond what the order of a sum's terms makes of it
TOLERANCE, RELATIVE = 1e-8, 1e-11
AS_PENALTY = {
    "Normal": "a ridge penalty: scikit-learn's C = {square:.4g}",
    "Laplace": "a lasso penalty: scikit-learn's C = {scale:.4g}",
}


class Prior(NamedTuple):
    """The density of a free variable in words, and the penalty that it is, if it is a usual one."""

    said: str
    penalty: str = ""

    def __str__(self) -> str:
        return f"{self.said}, {self.penalty}" if self.penalty else self.said


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
@own_error_state
class PymcCheck(Renderable):
    """Whether a PyMC model is the flat-prior model, and if not, which variable is why.

    Attributes
    ----------
    names : tuple of str (k,)
    density_error : float
        Largest difference, in nats, between its log-density and the log-likelihood at the points,
        apart from a constant.
    gradient_error : float
        Largest difference of the gradients, in whitened coefficients.
    likelihood_error : float
        As `density_error`, of what is observed alone, without priors.
    tolerance : float
        What rounding may make of these.
    parts : dict of float
        By how much, in nats, the density of each free variable changes over the points; 0 where it
        is flat.
    priors : dict of Prior
        What the density of each free variable is: `said`, and the `penalty` that it amounts to.
    others : tuple of str
        Free variables that are no coefficients of the model.
    restricted : tuple of str
        Coefficients that cannot be any number; then nothing else is compared.
    shift : ndarray (k,)
        How far, in standard errors and to first order, the mode is from the MLE.
    n_points : int
    formula : str or None
    notes : tuple of str
        How variables without names were taken.
    """

    names: tuple[str, ...]
    density_error: float
    gradient_error: float
    likelihood_error: float
    tolerance: float
    parts: dict[str, float]
    priors: dict[str, Prior]
    others: tuple[str, ...]
    restricted: tuple[str, ...] = ()
    shift: Array
    n_points: int
    formula: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it is the flat-prior model of these data."""
        return not self.others and max(self.density_error, self.gradient_error) <= self.tolerance

    @property
    def message(self) -> str:
        """The verdict in a few sentences."""
        if self.passed:
            return (
                "this is the flat-prior model of these data: at "
                f"{self.n_points} random points its log-density is the log-likelihood to within "
                f"{at_most(self.density_error, '.0e')}, and its gradient the score to within "
                f"{at_most(self.gradient_error, '.0e')}"
            )
        said = []
        if self.others:
            said.append(
                f"{listing([printable(name) for name in self.others])} "
                f"{'is a parameter' if len(self.others) == 1 else 'are parameters'} that the "
                "flat-prior model does not have"
            )
        if self.restricted:
            said.append(
                f"{listing([printable(name) for name in self.restricted])} cannot be any number: "
                + "; ".join(str(self.priors[name]) for name in self.restricted)
            )
        for name, change in self.parts.items():
            if name in self.restricted:
                continue
            if change > self.tolerance and name not in self.others:
                said.append(f"{printable(name)} has a prior, {self.priors[name]}")
        if self.likelihood_error > self.tolerance:
            said.append(
                "what is observed has another likelihood (other rows, another response, link, "
                f"offset or weights): it differs by up to {self.likelihood_error:.2g}"
            )
        if not said:
            said.append(f"its gradient differs from the score by up to {self.gradient_error:.1e}")
        worst = int(np.argmax(np.abs(np.nan_to_num(self.shift))))
        moved = (
            f". Its mode is about {abs(self.shift[worst]):.2g} standard errors from the MLE "
            f"({printable(self.names[worst])})"
            if math.isfinite(self.shift[worst]) and not self.others
            else ""
        )
        return f"this is not the flat-prior model of these data: {'; '.join(said)}{moved}"

    def table(self) -> pd.DataFrame:
        """One row a free variable: its "prior", how much that "changes", whether it is "flat"."""
        return pd.DataFrame(
            {
                "prior": [prior.said for prior in self.priors.values()],
                "changes": list(self.parts.values()),
                "flat": [
                    "no coefficient"
                    if name in self.others
                    else "yes"
                    if x <= self.tolerance
                    else "NO"
                    for name, x in self.parts.items()
                ],
            },
            index=pd.Index(list(self.parts), name="variable"),
        )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this: its variables, and the verdict."""
        return Rendered.of(
            chosen(self.table(), columns),
            {"changes": ".3g"},
            of_model(f"PyMC model {'passes' if self.passed else 'DOES NOT PASS'}", self.formula),
            notes=[
                self.message,
                f"changes: of the variable's own log-density, in nats, over {self.n_points} points "
                f"within the reach of the posterior; up to {self.tolerance:.0e} is rounding"
                if self.n_points
                else "",
                *self.notes,
            ],
        )

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain values, ready for JSON."""
        facts: dict[str, Any] = {
            "passed": self.passed,
            "message": self.message,
            "density_error": self.density_error,
            "gradient_error": self.gradient_error,
            "likelihood_error": self.likelihood_error,
            "tolerance": self.tolerance,
            "parts": dict(self.parts),
            "priors": {name: prior._asdict() for name, prior in self.priors.items()},
            "others": list(self.others),
            "shift": dict(zip(self.names, self.shift.tolist(), strict=True)),
            "restricted": list(self.restricted),
            "n_points": self.n_points,
            "notes": list(self.notes),
        }
        plain: dict[str, Any] = finite(facts)
        return plain


@model_first
def check_pymc(
    model: BernoulliLogistic,
    pymc_model: Any,
    variables: str | Names | None = None,
    points: int = 8,
    seed: int | None = 0,
) -> PymcCheck:
    """Is a PyMC (or Bambi) model the flat-prior model of these data?

    Parameters
    ----------
    model : BernoulliLogistic
    pymc_model : pymc.Model or bambi.Model
        A Bambi model must have been built. Nothing of it is sampled or changed.
    variables : str, sequence of str or mapping, optional
        The vector that holds all coefficients, or for each coefficient its variable, as in
        `Posterior.from_arviz`; by default they are found by name, or taken from a single vector of
        as many elements in the order of the model, which is noted.
    points : int
        Random points, within some two standard errors of the MLE, at which densities and gradients
        are compared.
    seed : int or None
        Of these points.

    Returns
    -------
    PymcCheck

    Raises
    ------
    TypeError
        If `pymc_model` is none.
    ValueError
        If a coefficient has no variable or may have several.
    MLEDoesNotExistError
        If there is no MLE to stand at.

    Notes
    -----
    Of a Bambi model whose predictors are centred the intercept is that of centred predictors, as
    Bambi's own; it is taken for what it is.

    Examples
    --------
    >>> import pymc as pm
    >>> from flatprior.analysis import check_pymc
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> with pm.Model() as theirs:
    ...     beta = pm.Normal("beta", 0, 2.5, shape=2)
    ...     y = pm.Bernoulli("y", logit_p=model.design @ beta, observed=model.response)
    >>> found = check_pymc(model, theirs, variables="beta")
    >>> found.passed, str(found.priors["beta"])
    (False, "Normal(0, 2.5), a ridge penalty: scikit-learn's C = 6.25")
    """
    check_whole("points", points, 2)
    seed = check_seed(seed)
    graph, centred = _graph(pymc_model)
    with quiet_libraries():
        start = {name: np.asarray(value) for name, value in graph.initial_point().items()}
        places, others, notes = _places(model, graph, start, variables)
    mle = converged_mle(model)
    restricted = tuple(
        name
        for name in dict.fromkeys(name for name, _ in places)
        if graph.rvs_to_values[graph[name]].name != name  # PyMC names what it transforms otherwise
    )
    if restricted:
        return replace(_refused(model, graph, others, restricted), notes=notes)
    root = root_at(model, mle).matrix
    around = np.random.default_rng(seed).normal(size=(points, model.n_parameters))
    beta = np.vstack([mle.coefficients, mle.coefficients + REACH * around @ root.T])
    constant = _constant(model)
    means = _means(model, constant) if centred else np.zeros(model.n_parameters)
    evaluate = _evaluator(graph, places, start)
    parts, gradients = [], []
    for place in beta:
        # an intercept of centred predictors is that of the others at their means
        own = place + np.where(constant, means @ place, 0.0)
        part, gradient = evaluate(own)
        parts.append(part)
        # by the chain rule: each coefficient moves the intercept by its column's mean
        gradients.append(gradient + means * gradient[constant].sum())
    found = _judged(model, graph, places, others, beta, np.array(parts), np.array(gradients), root)
    return replace(found, notes=notes)


def _judged(
    model: BernoulliLogistic,
    graph: Any,
    places: list[tuple[str, int | None]],
    others: tuple[str, ...],
    beta: Array,
    parts: Array,
    gradients: Array,
    root: Array,
) -> PymcCheck:
    """What the parts of the log-density (points, variables) and its gradients (points, k) say."""
    log_likelihood = model.log_likelihood(beta)
    free = [variable.name for variable in graph.free_RVs]
    n_free = len(free)
    tolerance = TOLERANCE + RELATIVE * float(np.abs(log_likelihood).max()) * model.n_parameters
    scores = np.array([model.score(place) for place in beta])
    difference = gradients - scores
    errors = np.linalg.norm(root, axis=1)
    with np.errstate(invalid="ignore"):
        return PymcCheck(
            names=model.names,
            density_error=_range(parts.sum(axis=1) - log_likelihood),
            gradient_error=_largest(difference @ root),
            likelihood_error=_range(parts[:, n_free:].sum(axis=1) - log_likelihood),
            tolerance=tolerance,
            parts={name: _range(parts[:, i]) for i, name in enumerate(free)},
            priors={variable.name: _prior(variable) for variable in graph.free_RVs},
            others=others,
            shift=np.asarray(root @ (root.T @ difference[0]) / errors),
            n_points=len(beta),
            formula=model.formula,
        )


def _refused(
    model: BernoulliLogistic, graph: Any, others: tuple[str, ...], restricted: tuple[str, ...]
) -> PymcCheck:
    """Of a model some of whose coefficients cannot be any number: there is nothing to compare."""
    free = [str(variable.name) for variable in graph.free_RVs]
    return PymcCheck(
        names=model.names,
        density_error=math.inf,
        gradient_error=math.inf,
        likelihood_error=math.nan,
        tolerance=TOLERANCE,
        parts={name: math.inf if name in restricted else math.nan for name in free},
        priors={variable.name: _prior(variable) for variable in graph.free_RVs},
        others=others,
        restricted=restricted,
        shift=np.full(model.n_parameters, math.nan),
        n_points=0,
        formula=model.formula,
    )


def _range(values: Array) -> float:
    """Largest minus smallest; infinite where one is not finite."""
    return float(np.ptp(values)) if np.isfinite(values).all() else math.inf


def _largest(values: Array) -> float:
    return float(np.abs(values).max()) if np.isfinite(values).all() else math.inf


def _graph(pymc_model: Any) -> tuple[Any, bool]:
    """The PyMC model, and whether its intercept is that of centred predictors."""
    kind = type(pymc_model)
    if kind.__module__.partition(".")[0] == "bambi" and hasattr(pymc_model, "backend"):
        if pymc_model.backend is None:
            raise InputError("the Bambi model has not been built: call its build() first")
        return pymc_model.backend.model, bool(getattr(pymc_model, "center_predictors", False))
    if kind.__module__.partition(".")[0] == "pymc" and hasattr(pymc_model, "free_RVs"):
        return pymc_model, False
    raise InputTypeError(f"the model must be one of PyMC or Bambi, not {a_or_an(pymc_model)}")


def _places(
    model: BernoulliLogistic, graph: Any, start: dict[str, Array], variables: str | Names | None
) -> tuple[list[tuple[str, int | None]], tuple[str, ...], tuple[str, ...]]:
    """For each coefficient its free variable and place in it; what is left over; what to say."""
    found: dict[str, tuple[str, int | None]] = {}
    for variable in graph.free_RVs:
        value = graph.rvs_to_values[variable]
        shape = start[value.name].shape
        if len(shape) > 1:
            continue
        labels = _labels(graph, variable.name, shape)
        if variables == variable.name and shape:
            names = [label.removeprefix(f"{variable.name}[")[:-1] for label in labels]
            if len(names) != model.n_parameters:
                raise InputError(
                    f"{printable(variable.name)} has {len(names)} elements; the model has "
                    f"{count(model.n_parameters, 'coefficient')}"
                )
            counted = names == [str(i) for i in range(len(names))]
            at = range(len(names)) if counted else map(names.index, matched(model, names, None))
            return [(variable.name, i) for i in at], _left(graph, {variable.name}), ()
        for i, label in enumerate(labels):
            found[label] = (variable.name, i if shape else None)
    if isinstance(variables, str):
        names = [str(variable.name) for variable in graph.free_RVs]
        raise InputError(
            f"there is no free vector {variables!r}; there are {listing(names)}"
            if names
            else f"there is no free vector {variables!r}, nor any other free variable"
        )
    if variables is None:
        order, notes = pair(model, list(found), None, "variables")
    else:
        order, notes = matched(model, list(found), variables, "variables"), ()
    places = [found[label] for label in order]
    return places, _left(graph, {name for name, _ in places}), notes


def _labels(graph: Any, name: str, shape: tuple[int, ...]) -> list[str]:
    if not shape:
        return [name]
    dims = graph.named_vars_to_dims.get(name)
    coords = None if not dims else graph.coords.get(dims[0])
    return [f"{name}[{i if coords is None else coords[i]}]" for i in range(shape[0])]


def _left(graph: Any, used: set[str]) -> tuple[str, ...]:
    return tuple(str(v.name) for v in graph.free_RVs if v.name not in used)


def _evaluator(
    graph: Any, places: list[tuple[str, int | None]], start: dict[str, Array]
) -> Callable[[Array], tuple[Array, Array]]:
    """Parts of the log-density, free variables first, and gradient at coefficients (k,)."""
    values = {variable.name: graph.rvs_to_values[variable] for variable in graph.free_RVs}
    used = list(dict.fromkeys(name for name, _ in places))
    with quiet_libraries():
        factors = graph.logp(
            vars=[*graph.free_RVs, *graph.observed_RVs, *graph.potentials], sum=False
        )
        gradient = graph.dlogp(vars=[graph[name] for name in used])
        function = graph.compile_fn(
            [factor.sum() for factor in factors] + [gradient],
            inputs=graph.value_vars,
            on_unused_input="ignore",
        )
    lengths = [start[values[name].name].size for name in used]
    begins = dict(zip(used, np.cumsum([0, *lengths[:-1]]).tolist(), strict=True))
    where = [begins[name] + (i or 0) for name, i in places]

    def at(beta: Array) -> tuple[Array, Array]:
        point = {name: value.copy() for name, value in start.items()}
        for value, (name, i) in zip(beta, places, strict=True):
            if i is None:
                point[name] = np.asarray(value, dtype=float)
            else:
                point[name][i] = value
        with quiet_libraries():
            *parts, slope = function(point)
        return np.array(parts, dtype=float), np.asarray(slope, dtype=float)[where]

    return at


def _prior(variable: Any) -> Prior:
    """The distribution of a free variable in words, and the penalty that it amounts to."""
    operator = variable.owner.op
    name = str((getattr(operator, "_print_name", None) or (type(operator).__name__,))[0])
    if name == "Flat":
        return Prior("flat")
    parameters = []
    for parameter in operator.dist_params(variable.owner):
        values = np.zeros(0) if _is_random(parameter) else np.unique(parameter.eval())
        if values.size != 1:  # it depends on other variables, or is a vector of several numbers
            return Prior(name)
        parameters.append(float(values[0]))
    said = f"{name}({', '.join(f'{value:.6g}' for value in parameters)})"
    if name not in AS_PENALTY or len(parameters) != 2 or parameters[0] != 0:
        return Prior(said)
    scale = parameters[1]
    return Prior(said, AS_PENALTY[name].format(scale=scale, square=scale * scale))


def _is_random(variable: Any) -> bool:
    """Whether a variable depends on a random one."""
    waiting, seen = [variable], set()
    while waiting:
        owner = waiting.pop().owner
        if owner is not None and owner not in seen:
            seen.add(owner)
            if hasattr(owner.op, "dist_params"):
                return True
            waiting += owner.inputs
    return False


def _constant(model: BernoulliLogistic) -> Any:
    """Which column is that of the intercept, (k,)."""
    design = model.arrays.design
    return np.array([bool((design[:, j] == 1).all()) for j in range(model.n_parameters)])


def _means(model: BernoulliLogistic, constant: Array) -> Array:
    """Means of the columns but the intercept's, where there is one, (k,)."""
    if not constant.any():
        return np.zeros(model.n_parameters)
    return np.where(constant, 0.0, np.asarray(model.arrays.design, dtype=float).mean(axis=0))
