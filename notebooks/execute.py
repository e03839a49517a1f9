"""Run every notebook of this folder from top to bottom; fail at the first cell that does.

``python notebooks/execute.py --write`` also stores what the cells print.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

if __name__ == "__main__":
    for path in sorted(Path(__file__).parent.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        NotebookClient(notebook, timeout=600, kernel_name="python3").execute(cwd=path.parent)
        print(f"{path.name}: {len(notebook.cells)} cells ran")
        if "--write" in sys.argv:
            for cell in notebook.cells:  # times and counters differ from run to run
                cell.metadata.pop("execution", None)
            nbformat.write(notebook, path)
