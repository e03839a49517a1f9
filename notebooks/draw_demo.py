"""Run ``flatprior demo`` and keep what it prints as ``demo.svg``, the README's picture."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner
from rich.console import Console

from flatprior.analysis import cli

if __name__ == "__main__":
    console = Console(record=True, width=cli.WIDTH, highlight=False, force_terminal=True)
    cli._console = lambda: console
    result = CliRunner().invoke(cli.main, ["demo"])
    if result.exit_code:
        raise SystemExit(result.output)
    picture = Path(__file__).with_name("demo.svg")
    picture.write_text(console.export_svg(title="flatprior demo", unique_id="demo"))
    print(f"{picture} written")
