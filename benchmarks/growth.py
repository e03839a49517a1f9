"""How time and memory of a fit grow with rows, numbers and levels.

Run ``python benchmarks/growth.py`` (about three minutes): from a data frame in memory, of numbers
and of factors as categoricals, to coefficients, standard errors of all and the certificate. One
size grows at a time, the others stay at 10^5 rows, 5 numbers and a factor of 1,000 levels; a second
factor, where there is one, stands beside that of 1,000. Writes ``docs/growth.svg``;
``--table`` takes its figures from a file that an earlier run has written with ``--keep``.

wall, CPU  seconds of a fit, the model made, medians of ``--turns``; drawn is CPU, on which other
           work of the machine has no influence
memory     peak of the process during a first fit, beyond what it has with the frame, in a process
           of its own (Linux)
power      of the size, by which CPU time grows from one line to the next: 1 is in proportion
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from factors import CELLS, Cell, ours, print_peak, programs, turn

BASE = Cell(10**5, 5, (1000,))
GROWN = {
    "rows": (10_000, 31_623, 100_000, 316_228, 1_000_000),
    "numbers": (5, 10, 20, 40, 80),
    "levels": (30, 100, 300, 1000, 3000),
    "levels of a second factor": (30, 100, 300, 1000),
}
PATIENCE = 600.0  # seconds
COLOURS = ("#4477aa", "#ee6677")

Table = dict[str, list[tuple[int, float, float]]]  # size, seconds, bytes


def cell(what: str, size: int) -> Cell:
    """The data frame in which one size is another."""
    if what == "rows":
        return replace(BASE, n=size)
    if what == "numbers":
        return replace(BASE, numbers=size)
    if what == "levels":
        return replace(BASE, levels=(size,))
    return replace(BASE, levels=(*BASE.levels, size))


def peak(what: str, size: int) -> float:
    """Bytes that a first fit takes, in a process of its own."""
    command = [sys.executable, __file__, "--peak-of", what, str(size)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603
    return float(said.stdout.split()[-1])


def measured(turns: int) -> Table:
    """Fit at every size, and print what it takes."""
    found: Table = {}
    for what, sizes in GROWN.items():
        print(f"\n{what:>26}{'wall':>10}{'CPU':>10}{'power':>8}{'memory':>12}")
        found[what] = []
        for size in sizes:
            frame = cell(what, size).frame()
            turn(ours, frame, PATIENCE)  # what is loaded and allocated once is not counted
            found_turns = [turn(ours, frame, PATIENCE) for _ in range(turns)]
            wall, seconds = (
                float(np.median([getattr(each, which) for each in found_turns]))
                for which in ("wall", "cpu")
            )
            before = found[what][-1] if found[what] else None
            power = "" if before is None else f"{exponent(before, (size, seconds)):.2f}"
            found[what].append((size, seconds, peak(what, size)))
            taken = f"{found[what][-1][2] / 1e6:9,.0f} MB"
            print(f"{size:26,}{wall:9.3f}s{seconds:9.3f}s{power:>8}{taken}", flush=True)
    return found


def exponent(one: tuple[float, ...], two: tuple[float, ...]) -> float:
    """The power of the size by which the time grows from one to two."""
    return float(np.log(two[1] / one[1]) / np.log(two[0] / one[0]))


def picture(table: Table, path: Path) -> None:
    """Draw time and memory against each size."""
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "flatprior", "font.size": 9})
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(2, len(table), figsize=(9, 4.4), sharey="row", layout="constrained")
    for column, (what, lines) in zip(axes.T, table.items(), strict=True):
        sizes, seconds, memory = np.array(lines).T
        for axis, values, colour in zip(column, (seconds, memory / 1e6), COLOURS, strict=True):
            axis.plot(sizes, values, "o-", color=colour, markersize=4, linewidth=1.4)
            # in proportion to the size, from the last point down
            axis.plot(sizes, values[-1] * sizes / sizes[-1], ":", color="#bbbbbb", linewidth=1.2)
            axis.set_xscale("log")
            axis.set_yscale("log")
            axis.spines[["top", "right"]].set_visible(False)
            axis.set_xticks(sizes, [f"{size:,.0f}" for size in sizes], fontsize=7, rotation=40)
            axis.minorticks_off()
        column[1].set_xlabel(what)
    for row, part, ticks in zip(
        axes, (1, 2), ((0.01, 0.03, 0.1, 0.3, 1), (10, 30, 100, 300)), strict=True
    ):
        values = np.array([line[part] for lines in table.values() for line in lines])
        values = values / (1, 1e6)[part - 1]
        row[0].set_ylim(values.min() / 1.5, values.max() * 1.5)
        shown = [tick for tick in ticks if values.min() / 1.5 < tick < values.max() * 1.5]
        row[0].set_yticks(shown, [f"{tick:g}" for tick in shown])
        row[0].minorticks_off()
    axes[0, 0].set_ylabel("seconds (CPU)")
    axes[1, 0].set_ylabel("MB")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="file that the figures are written to")
    parser.add_argument("--table", type=Path, help="file of figures to draw in place of a run")
    parser.add_argument("--peak-of", nargs=2, help="print the memory of a first fit")
    given = parser.parse_args()
    if given.peak_of:
        what, size = given.peak_of
        print_peak(cell(what, int(size)), programs(CELLS["small"])["flatprior"], "")
        return
    table = json.loads(given.table.read_text()) if given.table else measured(given.turns)
    if given.keep:
        given.keep.write_text(json.dumps(table))
    picture(table, Path(__file__).parents[1] / "docs" / "growth.svg")


if __name__ == "__main__":
    main()
