"""Run the notebooks of this folder from top to bottom; fail at the first cell that does.

Each notebook is a script in the percent format, paired by jupytext with an .ipynb that keeps what
its cells show. ``python notebooks/execute.py`` runs every script and checks that its pair holds the
same cells; with ``--write`` it writes the pairs. Names (``1`` or ``3_no_maximum``) choose some.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent


def sources(notebook: nbformat.NotebookNode) -> list[tuple[str, str]]:
    """Type and text of every cell."""
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def main(arguments: list[str]) -> None:
    """Run the notebooks that are asked for, or all."""
    wanted = tuple(name for name in arguments if not name.startswith("-"))
    for script in sorted(HERE.glob("[0-9]_*.py")):
        if wanted and not script.name.startswith(wanted):
            continue
        start = time.perf_counter()
        notebook, pair = jupytext.read(script), script.with_suffix(".ipynb")
        write = "--write" in arguments
        if not write and sources(nbformat.read(pair, as_version=4)) != sources(notebook):
            raise SystemExit(f"{pair.name} is not what {script.name} says: run with --write")
        NotebookClient(notebook, timeout=600, kernel_name="python3").execute(cwd=HERE)
        print(f"{script.name}: {len(notebook.cells)} cells, {time.perf_counter() - start:.0f} s")
        if write:
            for i, cell in enumerate(notebook.cells):  # what differs from run to run
                cell.metadata.pop("execution", None)
                cell.id = f"cell-{i}"
            nbformat.write(notebook, pair)


if __name__ == "__main__":
    main(sys.argv[1:])
