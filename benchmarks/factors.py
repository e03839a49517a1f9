"""From a data frame with factors to coefficients, standard errors and certificate, beside peers.

Run ``python benchmarks/factors.py`` (about half an hour), or name the cells, as ``python
benchmarks/factors.py small wide``; ``--stages`` says where flatprior's own time goes instead. Each
cell is a data frame in memory, of numbers and of factors whose levels are categoricals or, where it
says so, text, or a sparse matrix: of counts of words (``n-grams``), or of the indicators of factors
(``one-hot-sparse``, which is ``one-hot`` as people pass it after an encoder; both are like the data
of statsmodels' issue 7935). Every level and word that is there has both outcomes, so that the
estimate exists. Every program starts from that, and whatever it needs, indicators or categories, is
in its time. Programs take turns in one process, after a first fit of each, in which they compile
what they compile; the figures are medians.

wall, CPU  seconds of a fit; in brackets, how many times flatprior's
score      largest entry of the score, the reference levels' too, by its own standard error: what is
           left of the way to the maximum, computed here for all from the probabilities of the rows
memory     peak of the process during a first fit, beyond what it has with the frame, in a process
           of its own for each program (Linux; what a compiler takes at the first fit is in it)
standard errors  of all coefficients, of the numbers only, or none

flatprior's certificate is in its time, and no other computes one. scikit-learn's solvers are each
given tighter tolerances until one leaves a score of less than 0.001, and the fastest of those that
do is timed; so is glum. The dense programs take part where the matrix is below 1 GB. Whoever takes
longer than ``--patience`` seconds is stopped as soon as it comes back to Python, and said to be, as
is everyone else who has no line of figures.
"""

from __future__ import annotations

import argparse
import cProfile
import ctypes
import gc
import os
import pstats
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import expit

from flatprior.models import BernoulliLogistic, fit_newton

Array = np.ndarray

LARGEST_DENSE = 10**9  # bytes
MOST_SQUARE = 3000  # columns of a dense Hessian that is formed for nothing but a fit
CLOSE = 1e-3  # standard errors of the score
TOLERANCES = (1e-4, 1e-6, 1e-8)


@dataclass(frozen=True, eq=False)
class Counts:
    """A sparse matrix by rows, without a constant, and outcomes."""

    X: sparse.csr_array
    y: Array


Data = pd.DataFrame | Counts
Fit = Callable[[Data], Callable[[], Array]]  # the answer gives the rows' probabilities


@dataclass(frozen=True)
class Words:
    """Counts of words: rows, columns, and the share that is not 0."""

    n: int
    words: int
    density: float

    @property
    def columns(self) -> int:
        """Of the design, intercept included."""
        return 1 + self.words

    def __str__(self) -> str:
        return f"{self.n:,} x {self.words:,} counts, {self.density:.1%} not 0, as a CSR matrix"

    def frame(self) -> Counts:
        """Independent counts with effects; about a third are events."""
        rng = np.random.default_rng(1)
        shape = (self.n, self.words)
        X = sparse.random_array(shape, density=self.density, format="csr", rng=rng)
        X.data = rng.integers(1, 4, X.nnz) * 1.0
        eta = X @ rng.normal(scale=0.5, size=self.words) - 0.8
        y = (rng.random(self.n) < expit(eta)).astype(int)
        by_word = X.tocsc()
        return Counts(X, with_both_outcomes(y, np.split(by_word.indices, by_word.indptr[1:-1])))


@dataclass(frozen=True)
class Cell:
    """Rows, numbers, levels of each factor, and as what: categoricals, text or a CSR matrix."""

    n: int
    numbers: int
    levels: tuple[int, ...]
    held: str = "categoricals"

    @property
    def columns(self) -> int:
        """Of the design, intercept included."""
        return 1 + self.numbers + sum(self.levels) - len(self.levels)

    def __str__(self) -> str:
        sizes = " + ".join(f"{size:,}" for size in (self.numbers, *self.levels))
        return f"{self.n:,} x ({sizes}), levels as {self.held}"

    def frame(self) -> Data:
        """Independent numbers and levels with effects; about a third are events."""
        rng = np.random.default_rng(1)
        X = rng.normal(size=(self.n, self.numbers))
        eta = X @ (rng.normal(size=self.numbers) / np.sqrt(4 * self.numbers)) - 0.8
        codes = [rng.integers(0, size, self.n) for size in self.levels]
        for size, code in zip(self.levels, codes, strict=True):
            eta += rng.normal(scale=0.4, size=size)[code]
        y = (rng.random(self.n) < expit(eta)).astype(int)
        y = with_both_outcomes(y, [rows for code in codes for rows in by_level(code)])
        if self.held == "CSR":
            ones = np.ones(self.n), np.arange(self.n)
            coded = zip(codes, self.levels, strict=True)
            of_levels = [
                sparse.csr_array((ones[0], (ones[1], code)), shape=(self.n, size))[:, 1:]
                for code, size in coded
            ]
            return Counts(sparse.hstack([sparse.csr_array(X), *of_levels], format="csr"), y)
        frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(self.numbers)])
        for j, (size, code) in enumerate(zip(self.levels, codes, strict=True)):
            names = [f"L{level:05d}" for level in range(size)]
            frame[f"f{j}"] = pd.Categorical.from_codes(code, names)
            if self.held == "text":
                frame[f"f{j}"] = frame[f"f{j}"].astype(object)
        return frame.assign(y=y)


CELLS = {
    "small": Cell(10**5, 5, (20, 200)),
    "small-text": Cell(10**5, 5, (20, 200), "text"),
    "one-hot": Cell(30_000, 1, (1200, 300)),
    "one-hot-sparse": Cell(30_000, 1, (1200, 300), "CSR"),
    "thousand": Cell(10**6, 10, (1000,)),
    "wide": Cell(10**6, 10, (10_000,)),
    "two-wide": Cell(10**6, 10, (10_000, 500)),
    "n-grams": Words(10**5, 5000, 0.001),
}


def by_level(codes: Array) -> list[Array]:
    """Rows of each level that has any."""
    order = np.argsort(codes, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)


def with_both_outcomes(y: Array, groups: list[Array]) -> Array:
    """Change outcomes, each once at most, until there are both among the rows of each group."""
    y, changed, lone = y.copy(), np.zeros(len(y), dtype=bool), True
    while lone:
        lone = False
        for rows in groups:
            if len(rows) and y[rows].min() == y[rows].max():
                free = rows[~changed[rows]]
                if not len(free) or len(rows) == 1:
                    raise ValueError(f"a level of {len(rows)} rows cannot be given both outcomes")
                y[free[0]], changed[free[0]], lone = 1 - y[free[0]], True, True
    return y


def names(frame: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Numbers and factors of a frame."""
    columns = [name for name in frame.columns if name != "y"]
    return [n for n in columns if n[0] == "x"], [n for n in columns if n[0] == "f"]


def ours(frame: Data) -> Callable[[], Array]:
    """flatprior, with its certificate."""
    if isinstance(frame, Counts):
        model = BernoulliLogistic.from_arrays(frame.X, frame.y, intercept=True)
    else:
        numbers, factors = names(frame)
        model = BernoulliLogistic.from_formula("y ~ " + " + ".join([*numbers, *factors]), frame)
    fit = fit_newton(model)
    if not (np.isfinite(fit.standard_errors).all() and fit.certificate.error_bound < CLOSE):
        raise ValueError(f"nothing is proved: {fit.certificate.error_bound}")
    return lambda: expit(model.rows.design.predictor(fit.coefficients))


def with_glum(tolerance: float, errors: bool) -> Fit:
    """One of the fits of glum, on a frame of categoricals."""

    def fit(frame: Data) -> Callable[[], Array]:
        import glum

        if isinstance(frame, Counts):
            X, y = sparse.csc_matrix(frame.X), frame.y
        else:
            X, y = frame.drop(columns="y"), frame["y"]
            X = X.astype(dict.fromkeys(names(frame)[1], "category"))
        regressor = glum.GeneralizedLinearRegressor(
            family="binomial", alpha=0, drop_first=True, gradient_tol=tolerance, max_iter=1000
        )
        regressor.fit(X, y)
        if errors:
            regressor.covariance_matrix(
                X, y, robust=False, expected_information=True, dispersion=1.0
            )
        return lambda: regressor.predict(X)

    return fit


def scikit_learn(solver: str, tolerance: float) -> Fit:
    """scikit-learn on sparse indicators."""

    def fit(frame: Data) -> Callable[[], Array]:
        from sklearn.linear_model import LogisticRegression
        from sklearn.preprocessing import OneHotEncoder

        if isinstance(frame, Counts):
            X, y = frame.X, frame.y
        else:
            numbers, factors = names(frame)
            indicators = OneHotEncoder(drop="first").fit_transform(frame[factors])
            parts = [sparse.csr_array(frame[numbers].to_numpy()), indicators]
            X, y = sparse.hstack(parts, format="csr"), frame["y"]
        classifier = LogisticRegression(C=np.inf, solver=solver, tol=tolerance, max_iter=10_000)
        classifier.fit(X, y)
        return lambda: classifier.predict_proba(X)[:, 1]

    return fit


def dense(frame: Data) -> Array:
    """Numbers and indicators without those of the first levels."""
    if isinstance(frame, Counts):
        return frame.X.toarray()
    return pd.get_dummies(frame.drop(columns="y"), drop_first=True, dtype=float).to_numpy()


def with_statsmodels(frame: Data) -> Callable[[], Array]:
    """Logit of statsmodels, dense."""
    import statsmodels.api as sm

    X = sm.add_constant(dense(frame))
    fit = sm.Logit(outcomes(frame), X).fit(method="newton", tol=1e-8, disp=0)
    assert np.isfinite(fit.bse).all()  # noqa: S101
    return lambda: fit.predict()


def with_firthmodels(frame: Data) -> Callable[[], Array]:
    """Newton of firthmodels without its penalty, dense."""
    from firthmodels import FirthLogisticRegression

    X = dense(frame)
    fit = FirthLogisticRegression(penalty_weight=0, gtol=1e-6, xtol=1e-6)
    fit.fit(X, outcomes(frame))
    assert np.isfinite(fit.bse_).all()  # noqa: S101
    return lambda: fit.predict_proba(X)[:, 1]


def with_pyfixest(frame: Data) -> Callable[[], Array]:
    """The feglm of pyfixest, whose levels have no coefficients of their own."""
    import pyfixest

    if isinstance(frame, Counts):
        raise TypeError("it takes data frames, no sparse matrix")
    numbers, factors = names(frame)
    formula = f"y ~ {' + '.join(numbers)} | {' + '.join(factors)}"
    fit = pyfixest.feglm(formula, frame, family="logit", vcov="iid", fixef_rm="none")
    assert np.isfinite(fit.se()).all()  # noqa: S101
    return lambda: np.asarray(fit.predict(type="response"))


@dataclass(frozen=True)
class Program:
    """A program: ways to fit, the fastest that comes close being taken, and what is to be said."""

    ways: dict[str, Fit]
    errors: str = "none"
    module: str = "flatprior"
    dense: bool = False


def programs(cell: Cell | Words) -> dict[str, Program]:
    """Who takes part."""
    glums = {f"tol {t:g}": with_glum(t, errors=False) for t in TOLERANCES}
    with_errors = {f"tol {t:g}": with_glum(t, errors=True) for t in TOLERANCES}
    solvers = ["lbfgs", "newton-cg", *(["newton-cholesky"] * (cell.columns <= MOST_SQUARE))]
    solved = {f"{s} {t:g}": scikit_learn(s, t) for s in solvers for t in TOLERANCES}
    return {
        "flatprior": Program({"": ours}, "all"),
        "glum": Program(glums, "none", "glum"),
        "glum, covariance": Program(with_errors, "all", "glum"),
        "scikit-learn, sparse": Program(solved, "none", "sklearn"),
        "pyfixest": Program({"": with_pyfixest}, "numbers", "pyfixest"),
        "statsmodels": Program({"": with_statsmodels}, "all", "statsmodels", dense=True),
        "firthmodels": Program({"": with_firthmodels}, "all", "firthmodels", dense=True),
    }


def outcomes(frame: Data) -> Array:
    """0 and 1."""
    return frame.y if isinstance(frame, Counts) else frame["y"].to_numpy()


def held(frame: Data) -> int:
    """Bytes."""
    if isinstance(frame, Counts):
        return sum(part.nbytes for part in (frame.X.data, frame.X.indices, frame.X.indptr))
    return int(frame.memory_usage(deep=False).sum())


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Stop what takes longer, as soon as it comes back to Python."""

    def stop(number: int, at: FrameType | None) -> None:
        raise TimeoutError(f"stopped after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def score(frame: Data, probability: Array) -> float:
    """Largest entry of the score by its standard error, over numbers and all levels."""
    y = outcomes(frame)
    residual, weight = y - probability, probability * (1 - probability)
    if isinstance(frame, Counts):
        of_words = np.abs(frame.X.T @ residual) / np.sqrt(frame.X.power(2).T @ weight)
        return float(max(of_words.max(), abs(residual.sum()) / np.sqrt(weight.sum())))
    numbers, factors = names(frame)
    X = frame[numbers].to_numpy()
    found = [np.abs(X.T @ residual) / np.sqrt(np.square(X).T @ weight)]
    for name in factors:
        code, levels = pd.factorize(frame[name])
        sums = [np.bincount(code, each, len(levels)) for each in (residual, weight)]
        found.append(np.abs(sums[0]) / np.sqrt(sums[1]))
    return float(np.concatenate(found).max())


@dataclass(frozen=True)
class Turn:
    """A fit: seconds on the clock and of the processor, and the score that it leaves."""

    wall: float
    cpu: float
    score: float


def turn(fit: Fit, frame: Data, patience: float) -> Turn:
    """Fit once."""
    gc.collect()
    with within(patience):
        wall, cpu = time.perf_counter(), time.process_time()
        probability = fit(frame)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Turn(wall, cpu, score(frame, probability()))


def best(program: Program, frame: Data, patience: float) -> tuple[str, Turn] | str:
    """The fastest way that comes close, by a first fit of each; or why there is none."""
    found: dict[str, Turn] = {}
    told: list[str] = []
    done: set[str] = set()  # solvers of which looser tolerances came close, or were too slow
    limit = patience
    for way, fit in program.ways.items():
        solver = way.rpartition(" ")[0]
        if solver in done:
            continue
        try:
            first = turn(fit, frame, limit)
        except ImportError:
            return "not installed"
        except Exception as error:  # whatever a program says
            said = f"{type(error).__name__}: {' '.join(str(error).split())[:90]}"
            told.append(": ".join(filter(None, (way, said))))
            done.add(solver)
            continue
        if first.score < CLOSE:
            found[way] = first
            done.add(solver)
            limit = min(limit, max(2.0, 3 * first.wall))  # slower ones need not be known
        else:
            told.append(f"{way}: {first.wall:.1f} s, score {first.score:.1e}")
    if not found:
        return "no way came close; " + "; ".join(told)
    way = min(found, key=lambda name: found[name].cpu)
    return way, found[way]


def memory(name: str) -> int:
    """A line of /proc/self/status, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def print_peak(cell: Cell | Words, program: Program, way: str) -> None:
    """Print how much memory a first fit takes, in this process."""
    __import__(program.module)
    frame = cell.frame()
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = memory("VmRSS")
    program.ways[way](frame)
    print(memory("VmHWM") - before)


def peak(cell: str, name: str, way: str) -> float:
    """The same of a process of its own."""
    command = [sys.executable, __file__, cell, "--peak-of", name, "--way", way]
    said = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    return float(said.stdout.split()[-1]) if said.returncode == 0 else np.nan


def compare(name: str, turns: int, patience: float, only: list[str]) -> None:
    """Print one cell's table."""
    cell = CELLS[name]
    frame = cell.frame()
    size = held(frame)
    print(
        f"\n{name}: {cell}; k = {cell.columns:,}, {outcomes(frame).mean():.0%} events, "
        f"{size / 1e6:,.0f} MB of data; load {os.getloadavg()[0]:.1f} of {os.cpu_count()} cores"
    )
    entrants = {k: v for k, v in programs(cell).items() if not only or k in only}
    chosen: dict[str, str] = {}
    for entrant, program in entrants.items():
        if program.dense and 8 * cell.n * cell.columns > LARGEST_DENSE:
            print(f"{entrant:22} the matrix would have {8e-9 * cell.n * cell.columns:.1f} GB")
            continue
        answer = best(program, frame, patience)
        if isinstance(answer, str):
            print(f"{entrant:22} {answer}", flush=True)
        else:
            chosen[entrant] = answer[0]
    found: dict[str, list[Turn]] = {entrant: [] for entrant in chosen}
    for _ in range(turns):
        for entrant, way in chosen.items():
            if sum(each.wall for each in found[entrant]) < patience:  # once will do if it is long
                found[entrant].append(turn(entrants[entrant].ways[way], frame, 10 * patience))
    del frame
    figures = {
        e: [float(np.median([getattr(t, what) for t in ts])) for what in ("wall", "cpu", "score")]
        for e, ts in found.items()
    }
    base = figures.get("flatprior", [np.nan] * 3)
    print(
        f"{'':22}{'wall':>8}{'':9}{'CPU':>7}{'':9}{'score':>10}{'memory':>11}  standard errors, way"
    )
    for entrant, (wall, cpu, left) in figures.items():
        way = chosen[entrant]
        print(
            f"{entrant:22}{wall:8.3f} ({wall / base[0]:5.1f}) {cpu:7.3f} ({cpu / base[1]:5.1f}) "
            f"{left:10.1e}{peak(name, entrant, way) / 1e6:8,.0f} MB  "
            f"{entrants[entrant].errors}{', ' if way else ''}{way}",
            flush=True,
        )
    print(f"load {os.getloadavg()[0]:.1f} at the end; medians of {turns}")


STAGES = {  # functions by file and name; cumulative time of each
    "from_formula": ("models/model.py", "from_formula"),
    "  rules and summary of columns": ("formulas/encoding.py", "_rules"),
    "  complete cases, copy": ("frame.py", "__getitem__"),
    "  table of generated names": ("formulas/parsing.py", "table"),
    "  columns of numbers": ("formulas/encoding.py", "_matrix"),
    "from_arrays": ("models/model.py", "from_arrays"),
    "  response": ("encoding/response.py", "of"),
    "  hash": ("models/provenance.py", ""),
    "fit_newton": ("routes/newton.py", "fit_newton"),
    "  passes: score": ("codes/sums.py", "at"),
    "  passes: information": ("codes/sums.py", "information"),
    "  conjugate gradients": ("codes/descent.py", "descended"),
    "  inverse (Schur, Cholesky)": ("codes/inverse.py", "of"),
    "  bound": ("codes/newton.py", "bound_at"),
    "  standard errors": ("codes/inverse.py", "standard_errors"),
}


def stages(name: str, lines: int) -> None:
    """Print where flatprior's time goes, on one thread of Python."""
    frame = CELLS[name].frame()
    ours(frame)
    profile = cProfile.Profile()
    start = time.perf_counter()
    profile.runcall(ours, frame)
    total = time.perf_counter() - start
    print(f"\n{name}: {CELLS[name]}; {total:.3f} s; load {os.getloadavg()[0]:.1f}")
    table = pstats.Stats(profile)
    for stage, (file, function) in STAGES.items():
        seconds, calls = 0.0, 0
        for (path, _, called), (_, n_calls, _, cumulative, _) in table.stats.items():
            if path.endswith(file) and called == function:
                seconds, calls = seconds + cumulative, calls + n_calls
        if calls:
            print(f"{stage:34}{1e3 * seconds:9.1f} ms {seconds / total:6.0%} {calls:6} calls")
    table.sort_stats("tottime").print_stats(lines)


def main() -> None:
    """Cells by name."""
    parser = argparse.ArgumentParser()
    parser.add_argument("cells", nargs="*", help=", ".join(CELLS))
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--patience", type=float, default=60.0, help="seconds for one fit")
    parser.add_argument("--only", action="append", default=[], help="programs")
    parser.add_argument("--stages", type=int, nargs="?", const=12, help="lines of the profile")
    parser.add_argument("--peak-of", help="print the memory of one program's first fit")
    parser.add_argument("--way", default="")
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # of programs that do not reach their tolerance
    for name in given.cells or CELLS:
        if given.peak_of:
            print_peak(CELLS[name], programs(CELLS[name])[given.peak_of], given.way)
        elif given.stages:
            stages(name, given.stages)
        else:
            compare(name, given.turns, given.patience, given.only)


if __name__ == "__main__":
    main()
