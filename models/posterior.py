"""Draws from the flat-prior posterior: one type for every sampler, and the summaries people use.

Draws are saved as netCDF, which holds no data of the model and is no pickle.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from flatprior.models.batches.kept import kept
from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice, check_whole, require_likelihood
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.common.intervals import check_probability, in_percent, percentages
from flatprior.models.common.json_values import in_short
from flatprior.models.common.rendering import Renderable, Rendered, chosen
from flatprior.models.common.text import all_alike, count
from flatprior.models.common.writing import check_file_name, replacing
from flatprior.models.external_draws import (
    LEAST_DRAWS,
    Draws,
    Names,
    Taken,
    take_arviz,
    take_draws,
    to_arviz,
)
from flatprior.models.likelihood import at_each, heights_and_scores
from flatprior.models.model import BernoulliLogistic
from flatprior.models.provenance import provenance, require_belonging
from flatprior.models.results import FORMAT, Provenance
from flatprior.models.rows import Rows, as_held, merge_identical

if TYPE_CHECKING:
    from xarray import DataTree

LARGEST_R_HAT = 1.01
_FORMATS = {"mcse": ".1e", "ess bulk": ".0f", "ess tail": ".0f", "r_hat": ".3f"}
# of an independence sampler: below this efficiency its chains hardly move, and beyond this Pareto k
# the variance of the weights cannot be judged from the weights
LEAST_EFFICIENCY = 0.1
LARGEST_PARETO_K = 0.7
LEAST_FOR_PARETO = 100  # weights, below which their tail has no shape
LONGEST_READ = 60.0  # seconds for a file without a checksum, which may be damaged in any way
_HDF5 = b"\x89HDF\r\n\x1a\n"
_SEAL = re.compile(rb"\nflatprior sha256 ([0-9a-f]{64})\n\Z")
# in a process of its own, because HDF5 may never come back from a damaged file
_REWRITE = """
import sys, xarray
with xarray.open_datatree(sys.argv[1], engine="h5netcdf") as tree:
    groups = {"/": tree.to_dataset()}
    for name in ("posterior", "sample_stats"):  # others are large, and not needed
        if name in tree.children:
            groups[name] = tree[name].to_dataset()
    kept = xarray.DataTree.from_dict({name: group.load() for name, group in groups.items()})
    kept.to_netcdf(sys.argv[2], engine="h5netcdf")
"""

Interval = Literal["eti", "hdi"]


@dataclass(frozen=True, eq=False, repr=False)
@own_error_state
class Posterior(Renderable):
    """Draws from the flat-prior posterior by one route.

    Attributes
    ----------
    route : str
        "nuts" or "independence".
    data : xarray.DataTree
        Group "posterior" holds "beta" (chain, draw, coefficient); group "sample_stats" the
        sampler's own log-density "lp" and what else it says of each draw, each (chain, draw).
    seconds : float
        Wall time of the route.
    provenance : Provenance
    seed : int or None
        With which the same draws come again on the same machine; None if none was given.
    unchecked : bool
        Whether the draws were read from a file without a checksum.
    notes : tuple of str
        How other programs' draws were read, where it needs saying.
    """

    route: str
    data: DataTree
    seconds: float
    provenance: Provenance
    seed: int | None = None
    unchecked: bool = False
    notes: tuple[str, ...] = ()

    @classmethod
    def from_draws(
        cls,
        model: BernoulliLogistic,
        draws: Draws,
        names: Names | None = None,
        log_density: ArrayLike | None = None,
        route: str = "external",
    ) -> Posterior:
        """Draws that another program made, to be judged as those of any route.

        Parameters
        ----------
        model : BernoulliLogistic
            Whose posterior they are said to be of.
        draws : array_like (draws, k) or (chains, draws, k), DataFrame, or mapping
            A data frame has a row a draw and a column a coefficient; columns that number chains and
            draws (".chain", "chain", ".draw", "draw", ...) are used as such, ``lp__`` or ``lp`` is
            the log-density, and further ones are left alone. A mapping has (draws,) or (chains,
            draws) a coefficient.
        names : sequence of str or mapping, optional
            Of an array the names of its last axis, in its order; else, for each coefficient of the
            model (in its order, or by its name), that of its draws. By default an array is in the
            model's order, and columns are found by name ("Intercept" is "const" is "b_Intercept",
            "C(g)[T.b]" is "g[b]").
        log_density : array_like (draws,) or (chains, draws), optional
            The sampler's own log-density, up to a constant; of a data frame one a row. Without
            one, `check_posterior` says that it cannot hold it against the likelihood.
        route : str
            What the draws are called.

        Returns
        -------
        Posterior

        Raises
        ------
        ValueError
            If a coefficient has no draws or may have several, shapes do not fit, numbers are
            missing or infinite, or a chain has fewer than ten draws.

        Examples
        --------
        >>> import numpy as np
        >>> from flatprior.analysis import check_posterior
        >>> from flatprior.models import BernoulliLogistic, Posterior, fit_newton, load_spector
        >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
        >>> fit, rng = fit_newton(model), np.random.default_rng(1)
        >>> normal = rng.multivariate_normal(fit.coefficients, fit.covariance, size=(4, 1000))
        >>> check = check_posterior(model, Posterior.from_draws(model, normal, route="Laplace"))
        >>> check.passed, check.failures[0][:25]
        (False, 'the mean score is not 0 (')
        """
        require_likelihood(model, "a posterior")
        return cls._taken(model, take_draws(model, draws, names, log_density), route)

    @classmethod
    def from_arviz(
        cls,
        model: BernoulliLogistic,
        data: Any,
        variables: str | Names | None = None,
        route: str | None = None,
    ) -> Posterior:
        """Draws of a PyMC, Bambi, NumPyro or Stan model, as ArviZ holds them.

        Parameters
        ----------
        model : BernoulliLogistic
            Whose posterior they are said to be of.
        data : DataTree, InferenceData or Dataset
            With the group "posterior"; "lp" of "sample_stats" is the sampler's log-density.
        variables : str, sequence of str or mapping, optional
            Name of the vector that holds all coefficients (by its labels, or in the model's order
            where it has none); or, for each coefficient of the model, in its order or by its name,
            that of its variable, "x" or "x[level]". By default they are found by name.
        route : str, optional
            What the draws are called; default the library that made them, if it is stated.

        Returns
        -------
        Posterior

        Raises
        ------
        TypeError
            If `data` is something else.
        ValueError
            As for `from_draws`.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic, Posterior, load_spector
        >>> from flatprior.models import sample_independence
        >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
        >>> posterior = sample_independence(model, seed=1, progress=False)
        >>> again = Posterior.from_arviz(model, posterior.to_arviz(model), variables="beta")
        >>> bool((again.draws == posterior.draws).all())
        True
        """
        require_likelihood(model, "a posterior")
        taken, sampler = take_arviz(model, data, variables)
        return cls._taken(model, taken, sampler if route is None else route)

    @classmethod
    def _taken(cls, model: BernoulliLogistic, taken: Taken, route: str) -> Posterior:
        tree = labelled_draws(model, taken.draws, taken.statistics)
        return cls(route, tree, math.nan, provenance(model))

    def to_arviz(self, model: BernoulliLogistic, seed: int | None = None) -> Any:
        """These draws as ArviZ's functions and plots take them.

        Parameters
        ----------
        model : BernoulliLogistic
            Of which the draws are.
        seed : int, optional
            Of the replicated outcomes.

        Returns
        -------
        DataTree or InferenceData
            Whichever the installed ArviZ works with (1 or later; before), with the groups
            posterior, sample_stats, log_likelihood (of each observation), posterior_predictive and
            observed_data.

        Raises
        ------
        ValueError
            If the draws are of other coefficients or data, or the log-likelihoods would not fit
            in memory.
        """
        require_belonging(model, "the draws", self.names, self.provenance.data_hash)
        stats = self.data["sample_stats"]
        return to_arviz(
            model, self.draws, {str(name): stats[name].to_numpy() for name in stats}, seed
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the coefficients."""
        return tuple(str(name) for name in self.data["posterior"]["coefficient"].to_numpy())

    @property
    def draws(self) -> Array:
        """The draws of beta as an array (chains, draws, k)."""
        return np.asarray(self.data["posterior"]["beta"].to_numpy(), dtype=float)

    @property
    def states_density(self) -> bool:
        """Whether the sampler's own log-density came with the draws."""
        return "lp" in self.data["sample_stats"]

    @property
    def log_density(self) -> Array:
        """The sampler's own log-density at each draw, up to a constant, (chains, draws).

        Raises
        ------
        ValueError
            If none came with the draws.
        """
        if not self.states_density:
            raise InputError(
                "no log-density of the sampler came with these draws: pass log_density= to "
                "Posterior.from_draws"
            )
        return np.asarray(self.data["sample_stats"]["lp"].to_numpy(), dtype=float)

    @property
    def n_divergences(self) -> int:
        """Number of draws whose trajectory diverged; 0 for a sampler without trajectories."""
        stats = self.data["sample_stats"]
        return int(stats["diverging"].to_numpy().sum()) if "diverging" in stats else 0

    @cached_property
    def _convergence(self) -> pd.DataFrame:
        from flatprior.models.common.progress import quiet_libraries

        # draws that do not move have no R-hat, which is said by the warnings
        with quiet_libraries(), np.errstate(all="ignore"):
            import arviz_stats

            beta = self.data["posterior"]["beta"]
            return pd.DataFrame(
                {
                    "mcse": arviz_stats.mcse(beta, method="mean").to_numpy(),
                    "ess bulk": arviz_stats.ess(beta, method="bulk").to_numpy(),
                    "ess tail": arviz_stats.ess(beta, method="tail").to_numpy(),
                    "r_hat": arviz_stats.rhat(beta).to_numpy(),
                },
                index=pd.Index(self.names, name="name"),
            )

    @cached_property
    def diagnostics(self) -> dict[str, float]:
        """How well the sampler did, by name.

        "r_hat" (largest), "ess bulk" and "ess tail" (smallest over the coefficients;
        rank-normalised, Vehtari et al. 2021, "Rank-normalization, folding, and localization",
        Bayesian Analysis 16, 667-718); of NUTS "divergences", of an independence sampler
        "acceptance" (share of accepted proposals), "efficiency" (effective size of the importance
        weights, relative to their number) and "pareto k" (tail shape of the weights; Vehtari et al.
        2024, "Pareto smoothed importance sampling", JMLR 25, 1-58).
        """
        from arviz_stats.base import array_stats

        found = {
            # of arrays: a data frame passes over coefficients that have none
            "r_hat": float(self._convergence["r_hat"].to_numpy().max()),
            "ess bulk": float(self._convergence["ess bulk"].to_numpy().min()),
            "ess tail": float(self._convergence["ess tail"].to_numpy().min()),
        }
        stats = self.data["sample_stats"]
        if "diverging" in stats:
            found["divergences"] = self.n_divergences
        if "log_weight" in stats:
            log_weight = stats["log_weight"].to_numpy().ravel()
            weight = np.exp(log_weight - log_weight.max())
            enough = len(weight) >= LEAST_FOR_PARETO
            found |= {
                "acceptance": float(stats["accepted"].to_numpy().mean()),
                "efficiency": float(weight.sum() ** 2 / (len(weight) * (weight**2).sum())),
                # minus, as for LOO
                "pareto k": float(array_stats.psislw(-log_weight)[1]) if enough else math.nan,
            }
        return found

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to mend before relying on these draws; empty if nothing."""
        found = self.diagnostics
        said = []
        if self.unchecked:
            said.append(
                "the file had no checksum: whether these are the draws that were written cannot be "
                "told; save them again"
            )
        if self.n_divergences:
            said.append(f"{count(self.n_divergences, 'draw')} diverged: sample with more tuning")
        if math.isnan(found["r_hat"]) and self.draws.shape[0] > 1:  # of a single chain it is NaN
            said.append(
                "R-hat has no value: there is a coefficient that does not move; sample anew"
            )
        if found["r_hat"] > LARGEST_R_HAT:
            said.append(f"R-hat is {found['r_hat']:.3f}, above {LARGEST_R_HAT}: sample longer")
        low = [
            f"{name} is {value:.2g}, {side} the limit {limit:g}"
            for name, value, limit, side in (
                ("efficiency", found.get("efficiency", 1.0), LEAST_EFFICIENCY, "below"),
                ("Pareto k", found.get("pareto k", 0.0), LARGEST_PARETO_K, "above"),
            )
            if (value < limit if side == "below" else value > limit)
        ]
        if low:
            said.append(
                f"the independence sampler does not fit this posterior ({', '.join(low)}): use "
                "sample_nuts"
            )
        return tuple(said)

    def summary(self, prob: float = 0.95, interval: Interval = "eti") -> pd.DataFrame:
        """Mean, sd, interval and diagnostics, one row a coefficient, on the log-odds scale.

        Parameters
        ----------
        prob : float
            Probability inside the interval; the columns name it.
        interval : {"eti", "hdi"}
            Equal-tailed, or the shortest (highest density).

        Returns
        -------
        DataFrame
            Columns: mean, sd, interval ends, "pd" (probability of direction: that the coefficient
            has the sign of its median), "mcse" (Monte Carlo standard error of the mean),
            "ess bulk", "ess tail" and "r_hat" (rank-normalised, Vehtari et al. 2021).

        Raises
        ------
        ValueError
            If prob is not between 0 and 1, or the interval unknown.

        Examples
        --------
        >>> from flatprior.models import BernoulliLogistic, load_spector, sample_independence
        >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
        >>> posterior = sample_independence(model, seed=1, progress=False)
        >>> list(posterior.summary(prob=0.9, interval="hdi").columns)[:5]
        ['mean', 'sd', '90% HDI low', '90% HDI high', 'pd']
        """
        draws = self.draws
        return pd.DataFrame(
            {
                "mean": draws.mean(axis=(0, 1)),
                "sd": draws.std(axis=(0, 1), ddof=1),
                **interval_of(draws, prob, interval),
                "pd": _direction(draws),
            },
            index=pd.Index(self.names, name="name"),
        ).join(self._convergence)

    def odds_ratios(self, prob: float = 0.95, interval: Interval = "eti") -> pd.DataFrame:
        """Odds ratios ``exp(beta)`` with intervals, one row a coefficient.

        The point is the median: the mean of an odds ratio can be infinite under a flat prior.

        Parameters
        ----------
        prob, interval
            As in `summary`; "hdi" is the shortest interval of the odds ratio itself, not that of
            the coefficient, exponentiated.

        Returns
        -------
        DataFrame
            Columns: "odds ratio" (median), interval ends, "pd" (probability that the odds ratio is
            on the same side of 1 as its median).
        """
        largest = self.draws.max(axis=(0, 1))
        with np.errstate(over="ignore"):  # an odds ratio may well be infinite in doubles
            if interval == "hdi":
                # relative to the largest: no infinite draws, whose differences mean nothing
                ends = interval_of(np.exp(self.draws - largest), prob, interval)
                with np.errstate(divide="ignore"):  # an end of 0 has the logarithm -inf
                    ends = {name: np.exp(np.log(end) + largest) for name, end in ends.items()}
            else:
                ends = interval_of(self.draws, prob, interval)
                ends = {name: np.exp(values) for name, values in ends.items()}
            return pd.DataFrame(
                {
                    "odds ratio": np.exp(np.median(self.draws, axis=(0, 1))),
                    **ends,
                    "pd": _direction(self.draws),
                },
                index=pd.Index(self.names, name="name"),
            )

    def rendered(self, columns: Sequence[str] | None = None) -> Rendered:
        """What is shown of this, with the usual columns of its summary or these."""
        frame = self.summary()
        frame = frame.drop(columns="ess tail") if columns is None else chosen(frame, columns)
        chains, n, _ = self.draws.shape
        found = ", ".join(
            f"{name} {value:.0f}" if value >= 100 else f"{name} {value:.3g}"
            for name, value in self.diagnostics.items()
        )
        return Rendered.of(
            frame,
            {name: "#.4g" for name in frame.columns} | _FORMATS | {"pd": f"of {chains * n} .3f"},
            f"Route {self.route}: {self.provenance.formula or 'flat-prior posterior'}",
            [
                f"{self.provenance.said}, {count(chains, 'chain')} of {count(n, 'draw')}",
                found,
            ],
            (
                all_alike(frame.get("pd", ()), chains * n),
                *self.warnings,
                *self.notes,
                *self.provenance.notes,
            ),
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write the draws and their provenance as netCDF, replacing `path` in one step.

        A checksum of all that stands behind the end of the netCDF data, where readers do not look.
        """
        tree = self.data.copy()
        tree.attrs = {
            "format": FORMAT,
            "route": self.route,
            "seconds": self.seconds,
            "provenance": json.dumps(dataclasses.asdict(self.provenance)),
            "seed": json.dumps(self.seed),
        }
        if self.notes:
            tree.attrs["notes"] = json.dumps(self.notes)
        tree.attrs["checksum"] = _checksum(tree)
        # in memory first: on a full disk HDF5 takes the process with it
        content = io.BytesIO()
        tree.to_netcdf(content, engine="h5netcdf")
        digest = hashlib.sha256(content.getbuffer()).hexdigest()
        content.seek(0, io.SEEK_END)
        content.write(f"\nflatprior sha256 {digest}\n".encode())
        content.seek(0)
        # a view of the whole would outlive it in the error of a full disk
        with replacing(path) as temporary, temporary.open("wb") as file:
            shutil.copyfileobj(content, file)

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Posterior:
        """Read draws written by `save`.

        A file without a checksum, of an earlier version or another program, is read too, in a
        process of its own for a minute at most; `warnings` then say so.

        Raises
        ------
        ValueError
            If the file does not hold such draws, or was changed since it was written.
        """
        check_file_name(path)
        if not Path(path).is_file():
            raise FileNotFoundError(f"no file {str(path)!r}")
        try:
            data = read_tree(Path(path))
            stated = data.attrs.pop("checksum", None)
            if stated is not None and stated != _checksum(data):
                raise InputError("the draws are not those that were written: take the original")
            if data.attrs["format"] != FORMAT:
                raise InputError(f"its format is {data.attrs['format']!r}")
            beta, stats = data["posterior"]["beta"], data["sample_stats"]
            if beta.dims != ("chain", "draw", "coefficient"):
                raise InputError(f"beta has the dimensions {beta.dims}")
            if "coefficient" not in beta.coords or min(beta.shape) < 1:
                raise InputError("its draws have no names, or there are none")
            if "log_weight" in stats and not np.isfinite(stats["log_weight"]).all():
                raise InputError("its weights are not finite")
            for name in (*(("accepted",) if "log_weight" in stats else ()), *stats):
                if stats[name].dims != ("chain", "draw") or stats[name].shape != beta.shape[:2]:
                    raise InputError(f"{name} does not fit the draws of beta")
            if not (
                np.isfinite(beta).all() and ("lp" not in stats or np.isfinite(stats["lp"]).all())
            ):
                raise InputError("its draws are not finite")
            return cls(
                route=str(data.attrs["route"]),
                data=data,
                seconds=float(data.attrs["seconds"]),
                provenance=Provenance.from_dict(json.loads(data.attrs["provenance"])),
                seed=_seed(json.loads(data.attrs.get("seed", "null"))),
                unchecked=stated is None,
                notes=_notes(json.loads(data.attrs.get("notes", "[]"))),
            )
        except Exception as error:  # a damaged file can fail anywhere in HDF5 and xarray
            raise InputError(
                f"{str(path)!r} does not hold draws saved by flatprior ({FORMAT}): "
                f"{' '.join(str(error).split())}"
            ) from error


def read_tree(path: Path) -> DataTree:
    """Draws and their statistics in a netCDF file.

    HDF5 sees it in this process only where the bytes are those that `Posterior.save` wrote.
    """
    import xarray

    content = path.read_bytes()
    if not content.startswith(_HDF5):
        raise InputError("it is no netCDF file of the HDF5 kind")
    seal = _SEAL.search(content[-100:])
    if seal is None:
        return _read_apart(path)
    end = len(content) - len(seal[0])
    if hashlib.sha256(content[:end]).hexdigest().encode() != seal[1]:
        raise InputError("it was changed or damaged after it was written: take the original")
    with xarray.open_datatree(path, engine="h5netcdf") as tree:
        return tree.load().copy()


def _read_apart(path: Path) -> DataTree:
    """Have another process read a file that may be damaged and write it anew."""
    import xarray

    with tempfile.TemporaryDirectory() as folder:
        anew = Path(folder) / "anew.nc"
        try:
            done = subprocess.run(  # noqa: S603  (our own interpreter, our own code)
                [sys.executable, "-c", _REWRITE, str(path.resolve()), str(anew)],
                capture_output=True,
                timeout=LONGEST_READ,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InputError(
                f"it has no checksum, and was not read within {LONGEST_READ:.0f} seconds"
            ) from None
        if done.returncode or not anew.is_file():
            words = done.stderr.decode(errors="replace").strip().splitlines()
            raise InputError(words[-1] if words else "HDF5 cannot read it")
        with xarray.open_datatree(anew, engine="h5netcdf") as tree:
            return tree.load().copy()


def _checksum(tree: Any) -> str:
    """SHA-256 of every value and name in a tree, and of its own attributes but the checksum."""
    digest = hashlib.sha256()

    def add(*parts: object) -> None:
        for part in parts:
            text = part if isinstance(part, bytes) else str(part).encode(errors="backslashreplace")
            digest.update(f"{len(text)}:".encode())
            digest.update(text)

    for key in sorted(tree.attrs):
        if key != "checksum":
            add(key, tree.attrs[key])
    for group in sorted(tree.children):
        part = tree[group]
        for name in sorted(map(str, part.variables)):
            values = np.asarray(part.variables[name].to_numpy())
            add(group, name, *part.variables[name].dims, values.shape)
            if values.dtype.kind in "biuf":
                add(np.ascontiguousarray(values, dtype=float).tobytes())
            else:
                add(*values.ravel().tolist())
    return digest.hexdigest()


def _seed(value: object) -> int | None:
    if not (value is None or (isinstance(value, int) and not isinstance(value, bool))):
        raise InputError(f"its seed is {value!r}")
    return value


def _notes(value: object) -> tuple[str, ...]:
    if not (isinstance(value, list) and all(isinstance(each, str) for each in value)):
        raise InputError(f"its notes are {in_short(value)}")
    return tuple(value)


def interval_of(draws: Array, prob: float, interval: Interval) -> dict[str, Array]:
    """Ends of the interval of each column of draws (chains, draws, ...), named after it."""
    check_probability(prob)
    check_choice("interval", interval, get_args(Interval))
    if interval == "eti":
        ends = np.quantile(draws, [(1 - prob) / 2, (1 + prob) / 2], axis=(0, 1))
        return dict(zip(percentages(prob), ends, strict=True))
    from arviz_stats.base import array_stats

    ends = np.moveaxis(array_stats.hdi(draws, prob, axis=(0, 1)), -1, 0)
    name = f"{in_percent(prob)} HDI"
    return {f"{name} low": ends[0], f"{name} high": ends[1]}


def _direction(draws: Array) -> Array:
    positive = (draws > 0).mean(axis=(0, 1))
    return np.asarray(np.maximum(positive, 1 - positive))


def check_sampling(*, draws: int, tune: int, chains: int) -> None:
    """Raise a `ValueError` that names the first of these numbers that cannot be sampled with."""
    for name, value, least in (
        ("draws", draws, LEAST_DRAWS),
        ("tune", tune, 0),
        ("chains", chains, 1),
    ):
        check_whole(name, value, least)


def labelled_draws(model: BernoulliLogistic, beta: Array, stats: dict[str, Array]) -> Any:
    """DataTree of draws (chains, draws, k) labelled with the model's names."""
    from flatprior.models.common.progress import quiet_libraries

    with quiet_libraries():
        import arviz_base

        return arviz_base.from_dict(
            {"posterior": {"beta": beta}, "sample_stats": stats},
            dims={"beta": ["coefficient"]},
            coords={"coefficient": list(model.names)},
        )


def at_draws(rows: Rows, coefficients: Array, known: Array | None = None) -> Array:
    """Log-likelihood and score of rows at draws, of which sampler, tests and moments share a pass.

    Parameters
    ----------
    rows : Rows
    coefficients : ndarray (d, k)
    known : ndarray (d, 1 + k), optional
        Those already found, to be kept.

    Returns
    -------
    ndarray (d, 1 + k)
        Log-likelihoods, then scores.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> from flatprior.models.posterior import at_draws
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> at_draws(model.rows, np.zeros((1, 2))).round(4).tolist()
    [[-22.1807, -5.0, -12.115]]
    """
    return kept(
        rows,
        "at draws",
        lambda: (
            at_each(as_held(merge_identical(rows)), heights_and_scores, coefficients)
            if known is None
            else known
        ),
        at=coefficients,
        anew=known is not None,
    )
