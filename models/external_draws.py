"""Draws that other programs made, paired with a model's coefficients; and the way back to ArviZ.

A column of draws belongs to a coefficient by its name, unless it has none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import a_or_an
from flatprior.models.common.coefficient_names import (
    CODINGS,
    OfTwoLevels,
    as_number,
    in_brms,
    meant,
    nearest,
    of_two_levels,
    paired,
    plain_name,
)
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.labels import coordinates_of, counted
from flatprior.models.common.text import count, first_of, printable
from flatprior.models.designs.coded import Structured
from flatprior.models.model import BernoulliLogistic

LEAST_DRAWS = 10  # of a chain: ArviZ's diagnostics need as many
# columns of a table of draws that number chains and draws, as R's posterior, Stan and ArviZ do
CHAIN = (".chain", "chain", "chain__")
DRAW = (".draw", "draw", ".iteration", "iteration", "draw__")
LOG_DENSITY = ("lp__", "lp", "log_density")
# what samplers say of each draw, by ArviZ's names and by Stan's
STATISTICS = ("lp", "diverging", "tree_depth", "n_steps", "acceptance_rate", "energy")
OF_NUTPIE = {"lp": "logp", "tree_depth": "depth", "acceptance_rate": "mean_tree_accept"}
OF_STAN = {
    "divergent__": "diverging",
    "treedepth__": "tree_depth",
    "n_leapfrog__": "n_steps",
    "accept_stat__": "acceptance_rate",
    "energy__": "energy",
}
OF_ARVIZ = (
    "beta",
    "chain",
    "draw",
    "coefficient",
    "observation",
)  # what nothing else can be called
MOST_NUMBERS = 10**8  # of draws times observations, for the log-likelihood of each


@dataclass(frozen=True, eq=False)
class Taken:
    """Draws in the order of a model's coefficients, and what the sampler says of each.

    Attributes
    ----------
    draws : ndarray (chains, draws, k)
    statistics : dict of ndarray (chains, draws)
        "lp", the log-density that was sampled, among them where it is known.
    """

    draws: Array
    statistics: dict[str, Array]


Draws = ArrayLike | pd.DataFrame | Mapping[str, ArrayLike]
Names = Sequence[str] | Mapping[str, str]


def take_draws(
    model: BernoulliLogistic,
    draws: Draws,
    names: Names | None = None,
    log_density: ArrayLike | None = None,
) -> Taken:
    """Draws from an array, a data frame or a mapping; see `Posterior.from_draws`."""
    statistics: dict[str, Array] = {}
    if isinstance(draws, pd.DataFrame):
        # beside its own row, so that both are sorted alike
        beside = None if log_density is None else _numbers(log_density, "the log-densities")
        found, statistics = _of_frame(model, draws, names, beside)
        return _finite(model, Taken(_shaped(model, found), statistics))
    if isinstance(draws, Mapping):
        columns = {str(name): _numbers(values, repr(name)) for name, values in draws.items()}
        if log_density is None:
            log_density = next(
                (
                    columns[name]
                    for name in LOG_DENSITY
                    if name in columns and name not in model.names
                ),
                None,
            )
        chosen = [columns[name] for name in matched(model, list(columns), names)]
        shapes = {values.shape for values in chosen}
        if len(shapes) > 1 or len(chosen[0].shape) not in (1, 2):
            raise InputError(
                f"the draws of the coefficients have the shapes {first_of(map(str, shapes))}; each "
                "must be (draws,) or (chains, draws)"
            )
        found = np.stack(chosen, axis=-1)
    else:
        if np.ndim(np.asarray(draws, dtype=object)) == 0:
            raise InputTypeError(
                f"draws must be an array, a data frame or a mapping, not {a_or_an(draws)}; "
                "Posterior.from_arviz takes a DataTree, an InferenceData or a Dataset"
            )
        if {"chain", "draw"} <= set(getattr(draws, "dims", ())):  # an array of xarray
            draws = draws.transpose("chain", "draw", ...)  # type: ignore[union-attr]
        found, coordinates = _numbers(draws, "the draws"), coordinates_of(draws)
        if names is None and coordinates is not None and not counted(coordinates):
            names = [str(label) for label in coordinates]
        if names is not None:
            if isinstance(names, Mapping):
                raise InputError("names of the columns of an array must be a list, in their order")
            labels = [str(name) for name in names]
            if found.ndim < 2 or len(labels) != found.shape[-1]:
                raise InputError(
                    f"there are {len(labels)} names for draws of the shape {found.shape}"
                )
            order = matched(model, labels, None)
            found = found[..., [labels.index(name) for name in order]]
    found = _shaped(model, found)
    if log_density is not None:
        lp = _numbers(log_density, "the log-densities")
        if lp.size != found.shape[0] * found.shape[1] or lp.ndim > 2:
            raise InputError(
                f"the log-densities have the shape {lp.shape}; draws have {found.shape[:2]}"
            )
        statistics["lp"] = lp.reshape(found.shape[:2])
    return _finite(model, Taken(found, statistics))


def take_arviz(
    model: BernoulliLogistic, data: Any, variables: str | Names | None = None
) -> tuple[Taken, str]:
    """Draws from what ArviZ holds, and the sampler's name; see `Posterior.from_arviz`."""
    posterior = group_of(data, "posterior")
    if posterior is None:
        raise InputTypeError(
            f"draws must be a DataTree, an InferenceData or a Dataset with a posterior, not "
            f"{a_or_an(data)}; Posterior.from_draws takes arrays and data frames"
        )
    columns = dict(columns_of(posterior))
    if isinstance(variables, str):
        found = _of_vector(model, posterior, variables)
    else:
        order = matched(model, list(columns), variables)
        found = np.stack([columns[name] for name in order], axis=-1)
    return checked(model, found, statistics_of(data)), sampler_of(posterior)


def checked(model: BernoulliLogistic, draws: Array, statistics: dict[str, Array]) -> Taken:
    """Draws (chains, draws, k), or (draws, k), and what is said of each; refused if not finite."""
    return _finite(model, Taken(_shaped(model, draws), statistics))


def statistics_of(data: Any) -> dict[str, Array]:
    """What the sampler says of each draw of a DataTree or InferenceData, by ArviZ's names."""
    stats = group_of(data, "sample_stats")
    if stats is None:
        return {}
    found = {}
    for name in STATISTICS:
        for own in (name, OF_NUTPIE.get(name, name)):
            if name not in found and own in stats and set(stats[own].dims) == {"chain", "draw"}:
                found[name] = np.asarray(stats[own].transpose("chain", "draw").to_numpy())
    return found


def sampler_of(posterior: Any) -> str:
    """What made the draws of a Dataset, as its attributes say."""
    made_by = (posterior.attrs.get(what) for what in ("modeling_interface", "inference_library"))
    return str(next(filter(None, made_by), "external"))


def to_arviz(
    model: BernoulliLogistic, draws: Array, statistics: Mapping[str, Array], seed: int | None
) -> Any:
    """See `flatprior.models.Posterior.to_arviz`."""
    from flatprior.models.common.progress import quiet_libraries

    rows = model.arrays
    counts = np.ones(rows.n_rows, dtype=int) if rows.weights is None else rows.weights.astype(int)
    chains, n, k = draws.shape
    numbers = chains * n * int(counts.sum())
    if numbers > MOST_NUMBERS:
        raise InputError(
            f"the log-likelihood of each of {counts.sum()} observations at {chains * n} draws is "
            f"{numbers:.1e} numbers; thin the draws first"
        )
    response = np.repeat(rows.response, counts)
    design = np.repeat(np.asarray(rows.design, dtype=float), counts, axis=0)
    predictor = draws.reshape(-1, k) @ design.T
    if rows.offset is not None:
        predictor += np.repeat(rows.offset, counts)
    shape = (chains, n, len(response))
    log_likelihood = -np.logaddexp(0.0, (1 - 2 * response) * predictor)
    uniform = np.random.default_rng(seed).random(predictor.shape)
    replicated = (np.logaddexp(0.0, -predictor) < -np.log(uniform)).astype(np.int8)
    labels = [str(label) for label in np.repeat(np.asarray(model.row_labels, dtype=object), counts)]
    name = model.response_name
    while name in OF_ARVIZ:
        name += "_"
    groups = {
        "posterior": {"beta": draws},
        "sample_stats": dict(statistics),
        "log_likelihood": {name: log_likelihood.reshape(shape)},
        "posterior_predictive": {name: replicated.reshape(shape)},
        "observed_data": {name: response.astype(np.int8)},
    }
    dims = {"beta": ["coefficient"], name: ["observation"]}
    coords = {"coefficient": list(model.names), "observation": labels}
    with quiet_libraries():
        import arviz

        if int(arviz.__version__.split(".")[0]) >= 1:
            return arviz.from_dict(groups, dims=dims, coords=coords)
        return arviz.from_dict(**groups, dims=dims, coords=coords)  # type: ignore[arg-type]


def _numbers(values: Any, what: str) -> Array:
    """Draws as floats; whatever is no real number is refused."""
    try:
        found = np.asarray(values)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} must be an array of numbers: {error}") from error
    if np.ma.isMaskedArray(values) and np.ma.is_masked(values):
        raise InputError(f"{what} must be real numbers; some are masked")
    if found.dtype.kind not in "iuf":
        raise InputError(f"{what} must be real numbers, not {found.dtype}")
    return found.astype(float)


def _shaped(model: BernoulliLogistic, draws: Array) -> Array:
    """(chains, draws, k), a single chain where there is no axis for them."""
    k = model.n_parameters
    if draws.ndim == 1 and k == 1:
        draws = draws[:, None]
    found = draws[None] if draws.ndim == 2 else draws
    if found.ndim != 3 or found.shape[2] != k:
        raise InputError(
            f"the draws have the shape {draws.shape}; of {k} coefficients "
            f"({first_of(map(printable, model.names))}) it must be (draws, {k}) or "
            f"(chains, draws, {k})"
        )
    if found.shape[0] < 1 or found.shape[1] < LEAST_DRAWS:
        raise InputError(
            f"there are {count(found.shape[0], 'chain')}, each of {count(found.shape[1], 'draw')}; "
            f"a chain needs {LEAST_DRAWS} draws at least, and the axes are (chains, draws, "
            "coefficients)"
        )
    return np.ascontiguousarray(found, dtype=float)


def _finite(model: BernoulliLogistic, taken: Taken) -> Taken:
    bad = np.asarray(~np.isfinite(taken.draws))
    if bad.any():
        of = [model.names[j] for j in np.flatnonzero(bad.any(axis=(0, 1)))]
        raise InputError(
            f"{int(bad.sum())} draws are missing or infinite (of {first_of(map(printable, of))}): "
            "the sampler failed, or the table is damaged"
        )
    lost = int(np.count_nonzero(~np.isfinite(taken.statistics.get("lp", np.zeros(1)))))
    if lost:
        raise InputError(f"{lost} of the sampler's log-densities are missing or infinite")
    return taken


def _of_frame(
    model: BernoulliLogistic,
    frame: pd.DataFrame,
    names: Names | None,
    log_density: Array | None,
) -> tuple[Array, dict[str, Array]]:
    """Draws (chains, draws, k) of a table with a row a draw, in whatever order its rows are."""
    columns = [str(name) for name in frame.columns]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise InputError(f"the table of draws has {first_of(map(printable, twice))} twice")
    frame = frame.set_axis(columns, axis=1).set_axis(pd.RangeIndex(len(frame)), axis=0)
    own = [name for name in columns if name not in model.names]
    chain, draw, lp = (
        next((name for name in known if name in own), None) for known in (CHAIN, DRAW, LOG_DENSITY)
    )
    order = matched(model, columns, names)
    for name in (chain, draw):
        if name is not None and frame[name].isna().any():
            raise InputError(f"column {name} of the table of draws has missing values")
    if draw is not None:
        by = [draw] if chain is None else [chain, draw]
        if frame.duplicated(by).any():
            raise InputError(f"rows of the table of draws have the same {' and '.join(by)}")
        frame = frame.sort_values(by, kind="stable")
    elif chain is not None:
        frame = frame.sort_values(chain, kind="stable")
    lengths = [len(frame)] if chain is None else frame.groupby(chain, sort=False).size().tolist()
    if len(set(lengths)) > 1:
        raise InputError(
            f"the chains of the table have {first_of(map(str, lengths))} draws, not all as many"
        )

    def shaped(name: str) -> Array:
        values = frame[name]
        if name in OF_STAN and values.dtype == bool:
            values = values.astype(float)
        return _numbers(values, f"column {printable(name)} of the draws").reshape(len(lengths), -1)

    statistics = {OF_STAN[name]: shaped(name) for name in own if name in OF_STAN}
    if log_density is not None:
        if log_density.shape != (len(frame),):
            raise InputError(
                f"the log-densities have the shape {log_density.shape}; the table has {len(frame)} "
                "rows"
            )
        statistics["lp"] = log_density[frame.index.to_numpy()].reshape(len(lengths), -1)
    elif lp is not None:
        statistics["lp"] = shaped(lp)
    return np.stack([shaped(name) for name in order], axis=-1), statistics


def group_of(data: Any, name: str) -> Any:
    """A group of a DataTree or InferenceData as a Dataset; a Dataset itself is its posterior."""
    kind = type(data).__module__
    if kind.startswith("xarray") and type(data).__name__ == "Dataset":
        return data if name == "posterior" else None
    if kind.startswith("xarray") and type(data).__name__ == "DataTree":
        if name in data.children:
            return data[name].to_dataset()
        return data.to_dataset() if name == "posterior" and data.data_vars else None
    if kind.startswith("arviz") and hasattr(data, "groups"):
        return getattr(data, name) if name in data.groups() else None
    return None


def columns_of(posterior: Any) -> Iterator[tuple[str, Array]]:
    """Each number of each variable by its label, "x" or "x[level]", with its draws."""
    for name, variable in posterior.data_vars.items():
        if not {"chain", "draw"} <= set(variable.dims) or variable.dtype.kind not in "iuf":
            continue
        others = [dim for dim in variable.dims if dim not in ("chain", "draw")]
        values = np.asarray(variable.transpose("chain", "draw", *others).to_numpy())
        for place in np.ndindex(*values.shape[2:]):
            labels = [
                str(variable[dim].to_numpy()[i]) if dim in variable.coords else str(i)
                for dim, i in zip(others, place, strict=True)
            ]
            label = f"{name}[{', '.join(labels)}]" if labels else str(name)
            yield label, values[(slice(None), slice(None), *place)]


def _of_vector(model: BernoulliLogistic, posterior: Any, name: str) -> Array:
    """Draws of a vector that holds all coefficients: by its labels, or in the model's order."""
    if name not in posterior.data_vars:
        raise InputError(
            f"there is no variable {name!r}; there are {first_of(map(str, posterior.data_vars))}"
        )
    variable = posterior[name]
    others = [dim for dim in variable.dims if dim not in ("chain", "draw")]
    if len(others) != (1 if model.n_parameters > 1 or variable.ndim > 2 else 0):
        raise InputError(
            f"{name!r} has the dimensions {first_of(map(str, variable.dims))}; it must have chain, "
            "draw and one for the coefficients, or variables= must list one a coefficient"
        )
    values = np.asarray(variable.transpose("chain", "draw", *others).to_numpy(), dtype=float)
    if not others:
        return values[..., None]
    labels = variable[others[0]].to_numpy() if others[0] in variable.coords else None
    if labels is None or labels.dtype.kind in "iuf":  # counted out, which names nothing
        return values
    names = [str(label) for label in labels]
    return values[..., [names.index(each) for each in matched(model, names, None)]]


def matched(
    model: BernoulliLogistic, found: Sequence[str], names: Names | None, what: str = "draws"
) -> list[str]:
    """For each coefficient of the model the label, among those `found`, of its draws.

    `what` the labels are of, in the plural, is for the errors.
    """
    if names is not None and not isinstance(names, Mapping):
        names = list(names)
        if len(names) != model.n_parameters:
            raise InputError(
                f"there are {len(names)} names for {model.n_parameters} coefficients: "
                f"{first_of(map(printable, model.names))}"
            )
        names = dict(zip(model.names, names, strict=True))
    given = {} if names is None else {str(name): str(label) for name, label in names.items()}
    unknown = [name for name in given if name not in model.names]
    if unknown:
        raise InputError(
            f"the model has no coefficient {first_of(map(printable, unknown))}; it has "
            f"{first_of(map(printable, model.names))}"
        )
    of_brms = "b_Intercept" in found
    rest = [label for label in found if label not in given.values()]
    names_left = [name for name in model.names if name not in given]
    by_name = paired(names_left, rest, numbers_of(model), levels_of(model))
    order, missing = [], []
    for name in model.names:
        if name in given:
            likely = [label for label in found if label == given[name]]
        else:
            # first as brms writes them, whose plain "Intercept" is that of centred columns
            likely = [label for label in found if of_brms and label in in_brms(name)]
            likely = likely or ([by_name[name]] if name in by_name else nearest(name, rest))
            likely = likely if name in by_name or len(likely) != 1 or of_brms else []
        if len(likely) > 1:
            raise InputError(
                f"the {what} of {printable(name)} may be {first_of(map(printable, likely))}: "
                "name the one"
            )
        order += likely
        missing += [] if likely else [given.get(name, name)]
    if missing:
        raise InputError(
            f"there are no {what} of {first_of(map(printable, missing))}; there are "
            f"{first_of(map(printable, found))}: name those of each coefficient"
            f"{meant(missing, found)}"
        )
    if len(set(order)) < len(order):
        raise InputError(f"the same {what} are named for two coefficients")
    return order


def two_levels(
    model: BernoulliLogistic,
    names: Sequence[str],
    labels: Sequence[str],
    coding: tuple[float, float] = CODINGS[0],
) -> list[OfTwoLevels]:
    """Of names and labels that are left over, numbers paired with categories of two levels."""
    return of_two_levels(names, labels, lambda name: _two_numbers(model, name), coding)


def numbers_of(model: BernoulliLogistic) -> frozenset[str]:
    """Names of columns that are no indicators, as far as rows are at hand."""
    if not model.rows.resident:
        return frozenset()
    design = model.arrays.design
    if isinstance(design, Structured):
        indicator = np.ones(model.n_parameters, dtype=bool)
        indicator[design.places] = ((design.numbers == 0) | (design.numbers == 1)).all(axis=0)
        if design.sparse is not None:
            others = design.sparse.indices[~np.isin(design.sparse.data, (0, 1))]
            indicator[design.sparse_places[others]] = False
    else:
        indicator = ((design == 0) | (design == 1)).all(axis=0)
    return frozenset(
        name for name, is_one in zip(model.names, indicator, strict=True) if not is_one
    )


def levels_of(model: BernoulliLogistic) -> dict[str, tuple[str, ...]]:
    """The levels of each category of a formula, in their order."""
    return {} if model.encoding is None else model.encoding.levels_in_order


def _two_numbers(model: BernoulliLogistic, name: str) -> tuple[float, float] | None:
    """The two numbers that a predictor has, its reference level first; None if it has no such."""
    if model.encoding is not None and "[T." in name:
        plain = plain_name(name)
        for key, levels in model.encoding.levels.items():
            of = model.encoding.parsed.generated[key]
            for level in levels:
                if plain == plain_name(f"{of}[T.{level}]"):
                    numbers = as_number(model.reference_levels.get(of, "")), as_number(str(level))
                    return None if None in numbers else numbers  # type: ignore[return-value]
    if not model.rows.resident:
        return None
    values = np.unique(model.arrays.design[:, model.names.index(name)])
    return (float(values[0]), float(values[1])) if len(values) == 2 else None
