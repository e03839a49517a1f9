"""Draws of whatever made them, as a `Posterior`: a trace, a file, a table or an array.

Whatever it is becomes columns, a number a draw, by labels such as "x" or "g[level]", and these are
paired with the coefficients by name. A vector without names is taken in the model's order only
where it alone has as many elements, and that is said. Nothing is loaded from another machine, and
nothing that would have to be unpickled.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from flatprior.models import BernoulliLogistic, Posterior
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import a_or_an
from flatprior.models.common.coefficient_names import INTERCEPT, OfTwoLevels, paired, plain_name
from flatprior.models.common.errors import InputError, InputTypeError, require_no_secrets
from flatprior.models.common.text import count, first_of, printable, shorten
from flatprior.models.encoding.stan_csv import (
    element,
    is_stan_csv,
    read_stan_files,
    stan_files,
)
from flatprior.models.external_draws import (
    CHAIN,
    DRAW,
    LEAST_DRAWS,
    LOG_DENSITY,
    OF_STAN,
    Names,
    Taken,
    checked,
    columns_of,
    group_of,
    matched,
    sampler_of,
    statistics_of,
    take_draws,
    two_levels,
)
from flatprior.models.posterior import labelled_draws, read_tree
from flatprior.models.provenance import provenance
from flatprior.models.results import FORMAT

NETCDF = (".nc", ".netcdf", ".nc4")
PICKLED = (".pkl", ".pickle", ".joblib", ".dill", ".cloudpickle", ".pt", ".pth")
LOCATION = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
# what people call the intercept where the slopes are a vector
OF_INTERCEPT = (*INTERCEPT, "alpha", "a", "b0", "beta0", "beta_0", "mu", "bias")
OF_PYMC = {
    "model_logp": "lp",
    "diverging": "diverging",
    "tree_depth": "tree_depth",
    "n_steps": "n_steps",
    "mean_tree_accept": "acceptance_rate",
    "energy": "energy",
}
OF_NUMPYRO = {
    "potential_energy": "lp",
    "diverging": "diverging",
    "num_steps": "n_steps",
    "accept_prob": "acceptance_rate",
    "energy": "energy",
}
OF_EXTRAS = {"pathfinder": "pathfinder", "optimizer_result": "the Laplace approximation"}
ELEMENT = re.compile(r"(.*?)\[(.*)\]")


class Labelled(NamedTuple):
    """Columns of draws (chains, draws) by their labels, and what is said of each draw."""

    columns: dict[str, Array]
    statistics: dict[str, Array]
    route: str
    notes: tuple[str, ...] = ()


def is_draws(thing: object, model: BernoulliLogistic | None = None) -> bool:
    """Whether a thing is a set of draws, or a file of such, as far as can be told without reading.

    Parameters
    ----------
    thing : object
    model : BernoulliLogistic, optional
        Tells draws in a data frame or an array from other tables of numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.producers.draws import is_draws
    >>> is_draws(np.zeros((4, 100, 3))), is_draws(np.zeros(3)), is_draws("draws.nc")
    (True, False, True)
    """
    if isinstance(thing, Posterior):
        return True
    if isinstance(thing, str | PathLike):
        return _is_file(str(thing))
    if isinstance(thing, list | tuple) and thing:
        return all(isinstance(each, str | PathLike) and _is_file(str(each)) for each in thing)
    package, kind = _kind(thing)
    if package == "xarray" and kind == "DataArray":
        return "draw" in getattr(thing, "dims", ())
    if package in ("xarray", "arviz", "arviz_base"):
        return _posterior_of(thing) is not None
    if (package, kind) in _OBJECTS:
        return True
    if package == "cmdstanpy":
        return hasattr(thing, "column_names") and hasattr(thing, "metadata")
    if isinstance(thing, pd.DataFrame):
        return _is_table(thing, model)
    if isinstance(thing, np.ndarray):
        wide = model is None or thing.shape[-1:] == (model.n_parameters,)
        long = thing.ndim in (2, 3) and thing.shape[-2] >= LEAST_DRAWS
        return thing.dtype.kind in "iuf" and wide and long
    return (
        isinstance(thing, Mapping)
        and bool(thing)
        and all(
            np.ndim(values) in (1, 2) and np.shape(values)[-1] >= LEAST_DRAWS
            for values in thing.values()
        )
    )


def read_draws(
    thing: Any,
    model: BernoulliLogistic,
    variables: str | Names | None = None,
    names: Sequence[str] | None = None,
) -> Posterior:
    """Draws that another program made, paired with the coefficients of a model.

    Parameters
    ----------
    thing : object
        A DataTree, InferenceData or Dataset; a MultiTrace of PyMC; the fit of CmdStanPy or the MCMC
        of NumPyro; a netCDF file; CSV files of CmdStan (one, several, or their folder); a data
        frame, a mapping, or an array (draws, k) or (chains, draws, k); or a `Posterior`.
    model : BernoulliLogistic
    variables : str, sequence of str or mapping, optional
        The vector that holds all coefficients, or for each coefficient its variable, "x" or
        "x[level]". By default they are found by name.
    names : sequence of str, optional
        Of the last axis of an array.

    Returns
    -------
    Posterior
        With `notes` on how it was read.

    Raises
    ------
    TypeError
        If it is no set of draws.
    ValueError
        If a coefficient has no draws or may have several, or draws are damaged.

    Examples
    --------
    >>> import pandas as pd
    >>> from flatprior.analysis.producers.draws import read_draws
    >>> from flatprior.models import BernoulliLogistic, load_spector, sample_independence
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> drawn = sample_independence(model, seed=1, progress=False).draws.reshape(-1, 2)
    >>> table = pd.DataFrame(drawn, columns=["beta[1]", "beta[2]"])
    >>> read_draws(table, model).notes[0]
    'no names came with beta[1], beta[2]: they are taken for Intercept, gpa, in this order'
    """
    if isinstance(thing, Posterior):
        return thing
    if isinstance(thing, str | PathLike):
        return _of_files([Path(_local(thing))], model, variables)
    if isinstance(thing, list | tuple) and thing and isinstance(thing[0], str | PathLike):
        return _of_files([Path(_local(each)) for each in thing], model, variables)
    package, kind = _kind(thing)
    if package in ("xarray", "arviz", "arviz_base") and kind != "DataArray":
        return _posterior(model, _of_arviz(thing), variables)
    if (package, kind) in _OBJECTS:
        return _posterior(model, _OBJECTS[package, kind](thing), variables)
    if package == "cmdstanpy":
        return _posterior(model, _of_cmdstanpy(thing), variables)
    if isinstance(thing, pd.DataFrame):
        return _of_table(thing, model, variables if names is None else names)
    if isinstance(thing, Mapping):
        columns = {str(name): np.asarray(values) for name, values in thing.items()}
        shapes = {values.shape for values in columns.values()}
        if len(shapes) == 1 and all(values.dtype.kind in "iuf" for values in columns.values()):
            return _posterior(model, _of_columns(columns), variables)
        given = None if variables is None or isinstance(variables, str) else variables
        return _made(model, take_draws(model, thing, given), "external", ())
    if isinstance(thing, np.ndarray) or package == "xarray":
        return _made(model, take_draws(model, thing, names), "external", ())
    raise InputTypeError(
        "draws must be a DataTree, an InferenceData, a trace, a data frame, an array or a file of "
        f"such, not {a_or_an(thing)}"
    )


def _kind(thing: object) -> tuple[str, str]:
    """The package and the name of a thing's type."""
    kind = type(thing)
    return kind.__module__.partition(".")[0], kind.__name__


def _is_file(name: str) -> bool:
    if LOCATION.match(name):
        return True
    path = Path(name)
    if path.suffix.lower() in (*NETCDF, ".zarr", *PICKLED):
        return True
    if path.is_dir():
        return any(map(is_stan_csv, path.iterdir()))
    return is_stan_csv(path)


def _local(name: str | PathLike[str]) -> str:
    """The path of a file that may be read."""
    text = str(name)
    if LOCATION.match(text):
        raise InputError(
            f"{shorten(text)} is on another machine, from which nothing is loaded: download it, "
            "and pass its path"
        )
    require_no_secrets(text)
    suffix = Path(text).suffix.lower()
    if suffix in PICKLED:
        raise InputError(
            f"{shorten(text)} is a pickled object, which is never loaded: load it yourself if you "
            "trust it, and pass the object, or save the draws as netCDF (to_netcdf)"
        )
    if suffix == ".zarr":
        raise InputError(f"{shorten(text)} is of Zarr: save the draws as netCDF (to_netcdf)")
    if not Path(text).exists():
        raise FileNotFoundError(f"no file {shorten(text)}")
    return text


def _is_table(frame: pd.DataFrame, model: BernoulliLogistic | None) -> bool:
    """Whether a data frame has a row a draw, and no row a coefficient."""
    columns = [str(name) for name in frame.columns]
    if len(frame) < LEAST_DRAWS or not columns:
        return False
    if set(columns) & {*LOG_DENSITY, *OF_STAN, ".chain", ".draw", ".iteration"}:
        return True
    if not all(dtype.kind in "iuf" for dtype in frame.dtypes):
        return False
    plain = {plain_name(name) for name in columns}
    if model is not None:
        own = {plain_name(name) for name in model.names}
        return own <= plain or (len(columns) == len(own) and all(map(ELEMENT.fullmatch, columns)))
    return any(map(ELEMENT.fullmatch, columns)) or "Intercept" in plain


def _posterior_of(thing: Any) -> Any:
    """The Dataset of draws in what ArviZ holds; None if there is none."""
    found = group_of(thing, "posterior")
    return found if found is not None and "draw" in found.dims else None


def _of_arviz(thing: Any) -> Labelled:
    posterior = _posterior_of(thing)
    if posterior is None:
        raise InputTypeError(
            f"there are no draws in {a_or_an(thing)}: it has no group posterior with the dimension "
            "draw"
        )
    if "chain" not in posterior.dims:
        posterior = posterior.expand_dims("chain")
    groups = set(thing.children) if hasattr(thing, "children") else set()
    notes = tuple(
        f"they come with a group {group!r}, as {what} of pymc-extras leaves it"
        for group, what in OF_EXTRAS.items()
        if group in groups
    )
    route = sampler_of(posterior)
    return Labelled(dict(columns_of(posterior)), statistics_of(thing), route, notes)


def _of_multitrace(trace: Any) -> Labelled:
    """A trace of PyMC from before ArviZ; variables that end in __ are transformed ones."""
    columns: dict[str, Array] = {}
    for name in trace.varnames:
        if not str(name).endswith("__"):
            values = np.asarray(trace.get_values(name, combine=False, squeeze=False))
            columns |= _elements(str(name), values)
    statistics = {}
    for theirs, ours in OF_PYMC.items():
        if theirs in trace.stat_names:
            found = np.asarray(trace.get_sampler_stats(theirs, combine=False, squeeze=False))
            shape = next(iter(columns.values())).shape
            if found.size == math.prod(shape) and found.dtype.kind in "iufb":
                statistics[ours] = found.reshape(shape)
    return Labelled(columns, statistics, "pymc")


def _of_numpyro(mcmc: Any) -> Labelled:
    columns: dict[str, Array] = {}
    for name, values in mcmc.get_samples(group_by_chain=True).items():
        columns |= _elements(str(name), np.asarray(values))
    extra = mcmc.get_extra_fields(group_by_chain=True)
    statistics = {
        ours: np.asarray(extra[theirs]) for theirs, ours in OF_NUMPYRO.items() if theirs in extra
    }
    return Labelled(columns, statistics, "numpyro")


def _of_cmdstanpy(fit: Any) -> Labelled:
    """A fit of CmdStanPy: of its sampler (draws, chains, columns), or of an approximation."""
    names = [str(name) for name in fit.column_names]
    if hasattr(fit, "draws"):
        values = np.asarray(fit.draws())
    elif hasattr(fit, "variational_sample"):
        values = np.asarray(fit.variational_sample)
    else:
        raise InputTypeError(f"{a_or_an(fit)} of CmdStanPy holds no draws: use CmdStanModel.sample")
    values = values[:, None] if values.ndim == 2 else values
    found = {name: values[:, :, i].T for i, name in enumerate(names)}
    density = "log_p__" if "log_p__" in found else "lp__"
    statistics = {ours: found[theirs] for theirs, ours in OF_STAN.items() if theirs in found}
    if density in found and np.ptp(found[density]) > 0:
        statistics["lp"] = found[density]
    return Labelled(
        {element(name): own for name, own in found.items() if not name.endswith("__")},
        statistics,
        "cmdstan",
    )


_OBJECTS = {
    ("pymc", "MultiTrace"): _of_multitrace,
    ("pymc3", "MultiTrace"): _of_multitrace,
    ("numpyro", "MCMC"): _of_numpyro,
}


def _elements(name: str, values: Array) -> dict[str, Array]:
    """Each number of a variable (chains, draws, ...) with the label of its place."""
    found = {}
    for place in np.ndindex(*values.shape[2:]):
        label = f"{name}[{', '.join(map(str, place))}]" if place else name
        found[label] = values[(slice(None), slice(None), *place)]
    return found


def _of_columns(columns: dict[str, Array]) -> Labelled:
    density = next((name for name in LOG_DENSITY if name in columns), None)
    shaped = {
        element(name): values[None] if values.ndim == 1 else values
        for name, values in columns.items()
        if name != density
    }
    statistics = {} if density is None else {"lp": np.atleast_2d(columns[density])}
    return Labelled(shaped, statistics, "external")


def _of_table(
    frame: pd.DataFrame, model: BernoulliLogistic, variables: str | Names | None
) -> Posterior:
    """A table with a row a draw: its columns are labels, those of chain and draw are not."""
    frame = frame.set_axis([element(str(name)) for name in frame.columns], axis=1)
    if isinstance(frame.index, pd.MultiIndex):  # ArviZ's to_dataframe
        own = [name for name in frame.index.names if name in (*CHAIN, *DRAW)]
        frame = frame.reset_index(own)
    left = (*CHAIN, *DRAW, *LOG_DENSITY, *OF_STAN)
    labels = [name for name in frame.columns if name in model.names or name not in left]
    order, notes = pair(model, labels, variables)
    return _made(model, take_draws(model, frame, order), "external", notes)


def _of_files(
    paths: Sequence[Path], model: BernoulliLogistic, variables: str | Names | None
) -> Posterior:
    if len(paths) == 1 and paths[0].suffix.lower() in NETCDF:
        return _of_netcdf(paths[0], model, variables)
    files = [path for each in paths for path in (stan_files(each) if each.is_dir() else [each])]
    if any(path.suffix.lower() in NETCDF for path in files):
        raise InputError("pass one netCDF file, not several: it holds all chains")
    columns, statistics, facts, notes = read_stan_files(files)
    route = "cmdstan" if facts.method == "sample" else f"cmdstan {facts.method}"
    return _posterior(model, Labelled(columns, statistics, route, notes), variables)


def _of_netcdf(path: Path, model: BernoulliLogistic, variables: str | Names | None) -> Posterior:
    """Draws in a file of ArviZ's, or of ours; it is read in a process of its own."""
    try:
        tree = read_tree(path)
    except InputError as error:
        raise InputError(f"{path.name!r} cannot be read: {error}") from error
    except OSError as error:  # of a file with our checksum that HDF5 refuses all the same
        raise InputError(f"{path.name!r} cannot be read as netCDF") from error
    if tree.attrs.get("format") == FORMAT:
        return Posterior.load(path)
    if _posterior_of(tree) is None:
        raise InputError(
            f"{path.name!r} holds no draws: it has no group posterior with the dimension draw"
        )
    return _posterior(model, _of_arviz(tree), variables)


def _posterior(
    model: BernoulliLogistic, found: Labelled, variables: str | Names | None
) -> Posterior:
    order, notes = pair(model, list(found.columns), variables)
    draws = np.stack([np.asarray(found.columns[label], dtype=float) for label in order], axis=-1)
    statistics = {
        name: np.asarray(values, dtype=bool if name == "diverging" else float)
        for name, values in found.statistics.items()
        if values.shape == draws.shape[:2]
    }
    taken = checked(model, draws, statistics)
    if found.route == "numpyro" and "lp" in taken.statistics:
        taken, said = _of_potential(model, taken)
        notes = (*notes, *said)
    return _made(model, taken, found.route, (*found.notes, *notes))


def _made(model: BernoulliLogistic, taken: Taken, route: str, notes: tuple[str, ...]) -> Posterior:
    tree = labelled_draws(model, taken.draws, taken.statistics)
    return Posterior(route, tree, math.nan, provenance(model), notes=notes)


def _of_potential(model: BernoulliLogistic, taken: Taken) -> tuple[Taken, tuple[str, ...]]:
    """The log-density from NumPyro's potential energy, which is minus that."""
    flat = taken.draws.reshape(-1, model.n_parameters)
    some = np.linspace(0, len(flat) - 1, min(len(flat), 200)).astype(int)
    stated, own = taken.statistics["lp"].ravel()[some], model.log_likelihood(flat[some])
    if float(np.std(stated + own)) >= float(np.std(stated - own)):
        return taken, ()
    statistics = taken.statistics | {"lp": -taken.statistics["lp"]}
    return Taken(taken.draws, statistics), (
        "NumPyro states the potential energy, minus which is the log-density",
    )


def pair(
    model: BernoulliLogistic,
    labels: Sequence[str],
    variables: str | Names | None,
    what: str = "draws",
) -> tuple[list[str], tuple[str, ...]]:
    """For each coefficient the label of its draws, and what is to be said of that.

    By name; elements of a vector by what they are called, "beta[x]"; and without any names a vector
    in the model's order, if it alone has as many elements (or one less, beside an intercept).

    Examples
    --------
    >>> from flatprior.analysis.producers.draws import pair
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + tuce", load_spector())
    >>> pair(model, ["alpha", "b[1]", "b[2]", "p[1]"], None)[0]
    ['alpha', 'b[1]', 'b[2]']
    """
    vectors = _vectors(labels)
    if isinstance(variables, str):
        if variables not in vectors:
            if variables in labels and model.n_parameters == 1:
                return [variables], ()
            there = first_of(map(printable, _bases(labels)))
            raise InputError(f"there is no vector {variables!r}; there are {there}")
        return _of_vector(model, variables, vectors[variables])
    if variables is not None:
        given = (
            {str(name): element(str(label)) for name, label in variables.items()}
            if isinstance(variables, Mapping)
            else [element(str(label)) for label in variables]
        )
        return matched(model, labels, given, what), ()
    try:
        return matched(model, labels, None, what), ()
    except InputError as error:
        by_name = error
    found = []
    for inner in vectors.values():
        if all(map(str.isdigit, inner)):
            continue
        beside = {label: label for label in labels if label not in inner.values()}
        known = beside | inner
        try:
            order = matched(model, list(known), None)
        except InputError:
            continue
        if set(order) & set(inner):
            found.append([known[label] for label in order])
    if len(found) == 1:
        return found[0], ()
    differences = _of_two_levels(model, labels)
    if differences:
        try:
            order = matched(model, labels, {each.name: each.label for each in differences})
        except InputError:
            pass
        else:
            taken = ", ".join(
                f"{printable(each.label)} for {printable(each.name)}" for each in differences
            )
            return order, (f"of two levels there is one difference: taken was {taken}",)
    unnamed = _in_place(model, labels, vectors)
    if len(unnamed) == 1:
        return _said(model, unnamed[0])
    if " may be " in str(by_name):
        raise by_name
    if unnamed:
        several = _bases(label for each in unnamed for label in each)
        raise InputError(
            f"the coefficients may be in {first_of(map(printable, several))}, which have no names: "
            "name the vector that holds them all, or list a variable for each, in variables="
        )
    wanted = ", ".join(f"{printable(name)!r}: ..." for name in model.names[:3])
    raise InputError(f"{by_name}, as in variables={{{wanted}}}")


def _of_two_levels(model: BernoulliLogistic, labels: Sequence[str]) -> list[OfTwoLevels]:
    """Where one side has the numbers 0 and 1, and the other a category of two levels."""
    known = paired(model.names, labels)
    ours = [name for name in model.names if name not in known]
    theirs = [label for label in labels if label not in known.values()]
    return [each for each in two_levels(model, ours, theirs) if each.same]


def _vectors(labels: Sequence[str]) -> dict[str, dict[str, str]]:
    """The vectors among labels: of each its elements' own names, and the whole labels."""
    found: dict[str, dict[str, str]] = {}
    for label in labels:
        if parts := ELEMENT.fullmatch(label):
            found.setdefault(parts[1], {})[parts[2]] = label
    return found


def _bases(labels: Any) -> list[str]:
    """Names of variables, without the places in them."""
    return list(dict.fromkeys(label.partition("[")[0] for label in labels))


def _of_vector(
    model: BernoulliLogistic, name: str, inner: Mapping[str, str]
) -> tuple[list[str], tuple[str, ...]]:
    if not all(map(str.isdigit, inner)):
        return [inner[label] for label in matched(model, list(inner), None)], ()
    if len(inner) != model.n_parameters:
        raise InputError(
            f"{printable(name)} has {count(len(inner), 'element')}; the model has "
            f"{count(model.n_parameters, 'coefficient')}, {first_of(map(printable, model.names))}"
        )
    return _said(model, list(inner.values()))


def _in_place(
    model: BernoulliLogistic, labels: Sequence[str], vectors: Mapping[str, Mapping[str, str]]
) -> list[list[str]]:
    """Vectors without names that may hold the coefficients in the model's order."""
    k = model.n_parameters
    plain = {plain_name(label) for label in labels}
    if any(plain_name(name) in plain for name in model.names if name not in INTERCEPT):
        return []  # some have names
    counted = {
        name: list(inner.values())
        for name, inner in vectors.items()
        if all(map(str.isdigit, inner))
    }
    whole = [elements for elements in counted.values() if len(elements) == k]
    if whole or k == 1 or model.names[0] not in INTERCEPT:
        return whole
    # brms's own "Intercept" is that of centred columns
    own = ["b_Intercept"] if "b_Intercept" in labels else list(OF_INTERCEPT)
    intercepts = [label for label in labels if label in own]
    slopes = [elements for elements in counted.values() if len(elements) == k - 1]
    return [[intercept, *each] for intercept in intercepts for each in slopes]


def _said(model: BernoulliLogistic, order: list[str]) -> tuple[list[str], tuple[str, ...]]:
    return order, (
        f"no names came with {first_of(map(printable, order))}: they are taken for "
        f"{first_of(map(printable, model.names))}, in this order",
    )
