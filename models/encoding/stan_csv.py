"""Draws in the CSV files that CmdStan writes, read from their text alone.

A file begins with comments that state the configuration, then comes a heading, then a line a draw,
and between or after them comments again: where the adaptation ended, and how long it all took. A
vector's elements are ``beta.1``, ``beta.2`` in the heading, a matrix's ``Sigma.2.1``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import count, first_of, printable, shorten

LOOKED_AT = 200  # lines in which the heading of a file of Stan's must be
# the log-density of the model at each draw: where an approximation was drawn from, lp__ is not it
DENSITIES = ("log_p__", "lp__")
OF_A_DRAW = {
    "divergent__": "diverging",
    "treedepth__": "tree_depth",
    "n_leapfrog__": "n_steps",
    "accept_stat__": "acceptance_rate",
    "energy__": "energy",
}
APPROXIMATIONS = {
    "variational": "variational inference (ADVI)",
    "laplace": "a Laplace approximation",
    "pathfinder": "pathfinder",
}
_SETTING = re.compile(r"#\s*(\w+) = (.*?)(?: \(Default\))?\s*")
_ELEMENT = re.compile(r"(.*?)((?:\.\d+)+)")
_CHAIN = re.compile(r"(.*?)[-_.]?(\d+)")


@dataclass(frozen=True, eq=False, kw_only=True)
class StanDraws:
    """What one file holds, a chain.

    Attributes
    ----------
    columns : dict of ndarray (draws,)
        Of the model's variables, by names such as ``alpha`` and ``beta[1]``; without warm-up.
    statistics : dict of ndarray (draws,)
        What the sampler says of each draw by ArviZ's names, "lp" among them.
    method : str
        "sample", "variational", "laplace" or "pathfinder".
    program, version : str
        Name of the Stan program, and Stan's version.
    warm_up : int
        Draws of the warm-up that were in the file and are left out.
    thin : int
    missing : int
        Draws that the file should have and has not.
    """

    columns: dict[str, Array]
    statistics: dict[str, Array]
    method: str
    program: str
    version: str
    warm_up: int
    thin: int
    missing: int

    @property
    def n(self) -> int:
        """Number of draws."""
        return len(next(iter(self.columns.values())))


def is_stan_csv(path: Path) -> bool:
    """Whether a file looks like one of CmdStan's: comments first, then a heading with its names."""
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    with path.open(encoding="utf-8", errors="replace") as lines:
        for _ in range(LOOKED_AT):
            line = lines.readline(1_000_000)
            if not line.startswith("#"):
                names = line.strip().split(",")
                return any(name in names for name in (*DENSITIES, "lp_approx__"))
    return False


def read_stan_csv(text: str, what: str = "the file") -> StanDraws:
    """Read the text of one file.

    Parameters
    ----------
    text : str
    what : str
        What it is called in messages.

    Raises
    ------
    ValueError
        If it has no heading or no draws, if a line is damaged, or if it is of an optimiser.

    Examples
    --------
    >>> from flatprior.models.encoding.stan_csv import read_stan_csv
    >>> lines = "# method = sample", "lp__,divergent__,a,b.1", "-1.5,0,0.3,2", "-2,1,0.1,1"
    >>> found = read_stan_csv(chr(10).join(lines))
    >>> list(found.columns), found.statistics["diverging"].tolist()
    (['a', 'b[1]'], [False, True])
    """
    settings: dict[str, str] = {}
    heading: list[str] = []
    rows: list[str] = []
    numbers: list[int] = []  # of the lines in which the rows are
    adapted = 0  # rows before the adaptation was said to end
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("#"):
            if not heading and (found := _SETTING.fullmatch(line)):
                settings.setdefault(found[1], found[2])
            elif line.startswith("# Adaptation terminated"):
                adapted = len(rows)
        elif not heading and line.strip():
            heading = [name.strip() for name in line.split(",")]
        elif line.strip():
            rows.append(line)
            numbers.append(number)
    if not any(name in heading for name in (*DENSITIES, "lp_approx__")):
        raise InputError(f"{what} is no file of CmdStan: there is no lp__ in its heading")
    if len(set(heading)) < len(heading):
        raise InputError(f"the heading of {what} has a name twice")
    method = settings.get("method", "sample")
    if method not in ("sample", *APPROXIMATIONS):
        raise InputError(
            f"{what} is of method {shorten(method, 30)}, which makes no draws: run method=sample, "
            "or pass its estimate as a mapping"
        )
    values = _values(rows, numbers, len(heading), what)
    warm_up = _warm_up(settings, adapted, len(values))
    first = warm_up + (method == "variational")  # whose first line is the mean
    values = values[first:]
    if not len(values):
        raise InputError(f"there are no draws in {what}: the run has failed or not begun")
    column = dict(zip(heading, values.T, strict=True))
    statistics = {
        ours: column[theirs] > 0 if ours == "diverging" else column[theirs]
        for theirs, ours in OF_A_DRAW.items()
        if theirs in column
    }
    density = next((name for name in DENSITIES if name in column), None)
    if density is not None and not (method == "variational" and density == "lp__"):
        statistics["lp"] = column[density]
    thin = max(1, _whole(settings.get("thin"), 1))
    wanted = -(-_whole(settings.get("num_samples"), 0) // thin) if method == "sample" else 0
    return StanDraws(
        columns={element(name): own for name, own in column.items() if not name.endswith("__")},
        statistics=statistics,
        method=method,
        program=printable(settings.get("model", "")).removesuffix("_model"),
        version=".".join(
            printable(settings[part])
            for part in ("stan_version_major", "stan_version_minor", "stan_version_patch")
            if part in settings
        ),
        warm_up=warm_up,
        thin=thin,
        missing=max(0, wanted - len(values)),
    )


def read_stan_files(
    paths: Sequence[Path],
) -> tuple[dict[str, Array], dict[str, Array], StanDraws, tuple[str, ...]]:
    """Chains of one run, a file each.

    Returns columns and statistics (chains, draws), the first chain's facts, and notes.
    """
    chains = [read_stan_csv(_text(path), repr(path.name)) for path in paths]
    first = chains[0]
    for path, chain in zip(paths, chains, strict=True):
        name = repr(path.name)
        if list(chain.columns) != list(first.columns) or chain.method != first.method:
            raise InputError(
                f"{name} has other variables or another method than {paths[0].name!r}: pass the "
                "files of one run"
            )
        if chain.n != first.n:
            raise InputError(
                f"{name} has {count(chain.n, 'draw')}, {paths[0].name!r} has {first.n}: a chain "
                "has not finished; pass the others"
            )
    statistics = [name for name in first.statistics if all(name in c.statistics for c in chains)]
    return (
        {name: np.stack([chain.columns[name] for chain in chains]) for name in first.columns},
        {name: np.stack([chain.statistics[name] for chain in chains]) for name in statistics},
        first,
        tuple(_notes(first, len(chains))),
    )


def stan_files(folder: Path) -> list[Path]:
    """The files of the one run in a folder, in the order of their chains."""
    found = [path for path in sorted(folder.iterdir()) if is_stan_csv(path)]
    runs: dict[str, list[Path]] = {}
    for path in found:
        matched = _CHAIN.fullmatch(path.stem)
        runs.setdefault(matched[1] if matched else path.stem, []).append(path)
    if not found:
        raise InputError(f"there are no CSV files of CmdStan in the folder {folder.name!r}")
    if len(runs) > 1:
        raise InputError(
            f"the folder {folder.name!r} holds several runs ({first_of(map(printable, runs))}): "
            "pass the list of the files of one"
        )

    def of_chain(path: Path) -> tuple[int, str]:
        matched = _CHAIN.fullmatch(path.stem)
        return (int(matched[2]) if matched else 0, path.name)

    return sorted(found, key=of_chain)


def element(name: str) -> str:
    """``beta.1`` as ``beta[1]``, and ``Sigma.2.1`` as ``Sigma[2, 1]``.

    Examples
    --------
    >>> from flatprior.models.encoding.stan_csv import element
    >>> [element(name) for name in ("alpha", "beta.1", "Sigma.2.1", "beta[1]")]
    ['alpha', 'beta[1]', 'Sigma[2, 1]', 'beta[1]']
    """
    found = _ELEMENT.fullmatch(name)
    return name if not found else f"{found[1]}[{', '.join(found[2][1:].split('.'))}]"


def _notes(facts: StanDraws, chains: int) -> list[str]:
    said = []
    if facts.warm_up:
        said.append(f"the first {facts.warm_up} lines of each file are of the warm-up and left out")
    if facts.thin > 1:
        said.append(f"CmdStan kept one draw in {facts.thin}")
    if facts.missing:
        said.append(f"{count(facts.missing, 'draw')} of each chain are missing: it was stopped")
    if facts.method in APPROXIMATIONS:
        said.append(f"the files say that they are of {APPROXIMATIONS[facts.method]}")
    return said


def _warm_up(settings: Mapping[str, str], adapted: int, n: int) -> int:
    """How many of the rows are of the warm-up."""
    if settings.get("save_warmup", "0").lower() not in ("1", "true"):
        return 0
    stated = -(-_whole(settings.get("num_warmup"), 1000) // max(1, _whole(settings.get("thin"), 1)))
    # before the adaptation ended, where it says so; without adaptation as many as are stated
    return adapted if 0 < adapted < n else min(stated, n)


def _values(rows: list[str], numbers: list[int], width: int, what: str) -> Array:
    try:
        found = (
            np.loadtxt(rows, delimiter=",", ndmin=2, comments=None)
            if rows
            else np.zeros((0, width))
        )
    except ValueError:
        found = np.zeros((0, 0))
    if found.shape == (len(rows), width):
        return np.asarray(found, dtype=float)
    for number, row in zip(numbers, rows, strict=True):
        fields = row.split(",")
        if len(fields) != width:
            raise InputError(
                f"line {number} of {what} has {count(len(fields), 'number')}, not {width}: the "
                "file is damaged, or the run was stopped in that line"
            )
        for field in fields:
            try:
                float(field)
            except ValueError:
                raise InputError(
                    f"line {number} of {what} has {shorten(field, 30)} in place of a number"
                ) from None
    raise InputError(f"{what} cannot be read as numbers")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path.name!r} is no text: {error.reason}") from error


def _whole(text: str | None, default: int) -> int:
    return int(text) if text is not None and text.isascii() and text.isdigit() else default
