"""Draw the top of the demo's report as the README's picture, with Debian's chromium.

``python notebooks/draw_report.py`` writes ``report.png`` beside this file.
"""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from click.testing import CliRunner

from flatprior.analysis.cli.commands import main

HERE = Path(__file__).parent
WIDTH, HEIGHT = 1240, 1860

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "demo.html"
        result = CliRunner().invoke(main, ["demo", "--report", str(page)])
        if result.exit_code:
            raise SystemExit(result.output)
        subprocess.run(
            [
                *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                f"--user-data-dir={folder}/profile",
                f"--window-size={WIDTH},{HEIGHT}",
                f"--screenshot={HERE / 'report.png'}",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
        )
    print("report.png written")
