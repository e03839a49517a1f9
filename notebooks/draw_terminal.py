"""Run commands and keep what they print as the README's pictures.

``python notebooks/draw_terminal.py`` draws both, with a name (demo, check) only that one.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from click.testing import CliRunner
from rich.console import Console

from flatprior.analysis import cli
from flatprior.models import load_endometrial

HERE = Path(__file__).parent


def draw(name: str, title: str, arguments: list[str], status: int) -> None:
    """Write what ``flatprior`` prints as ``name.svg``; it must exit with `status`."""
    console = Console(record=True, width=cli.WIDTH, highlight=False, force_terminal=True)
    cli._console = lambda: console
    result = CliRunner().invoke(cli.main, arguments)
    if result.exit_code != status:
        raise SystemExit(result.output)
    (HERE / f"{name}.svg").write_text(console.export_svg(title=title, unique_id=name))
    print(f"{name}.svg written")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["demo", "check"]
    if "demo" in wanted:
        draw("demo", "flatprior demo", ["demo"], 0)
    if "check" in wanted:
        formula = "HG ~ NV + PI + EH"
        with tempfile.TemporaryDirectory() as folder:
            data = Path(folder) / "endometrial.csv"
            load_endometrial().to_csv(data, index=False)
            draw(
                "check",
                f'flatprior check endometrial.csv "{formula}"',
                ["check", str(data), formula],
                1,
            )
