"""Run commands and keep what they print as the README's pictures.

``python notebooks/draw_terminal.py`` draws all, with names (demo, check, audit, explain) only
those.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from click.testing import CliRunner
from rich.console import Console
from sklearn.linear_model import LogisticRegression

from flatprior.analysis.cli import auditing, commands
from flatprior.models import load_endometrial, load_spector
from flatprior.models.common.progress import WIDEST

HERE = Path(__file__).parent
# robust standard errors, and one p-value that is not of the numbers beside it
TABLE = """term,estimate,std.error,statistic,p.value
(Intercept),-13.02,5.20,-2.51,0.012
gpa,2.83,1.27,2.23,0.026
tuce,0.095,0.118,0.81,0.420
psi,2.38,0.96,2.47,0.041
"""


def draw(name: str, title: str, arguments: list[str], status: int) -> None:
    """Write what ``flatprior`` prints as ``name.svg``; it must exit with `status`."""
    console = Console(record=True, width=WIDEST, highlight=False, force_terminal=True)
    commands.result_console = auditing.result_console = lambda: console
    result = CliRunner().invoke(commands.main, arguments)
    if result.exit_code != status:
        raise SystemExit(result.output)
    (HERE / f"{name}.svg").write_text(console.export_svg(title=title, unique_id=name))
    print(f"{name}.svg written")


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["demo", "check", "audit", "explain"]
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
    if "audit" in wanted:
        formula = "grade ~ gpa + tuce + psi"
        with tempfile.TemporaryDirectory() as folder:
            data, table = Path(folder) / "spector.csv", Path(folder) / "table2.csv"
            load_spector().to_csv(data, index=False)
            table.write_text(TABLE)
            draw(
                "audit",
                f'flatprior audit table2.csv spector.csv "{formula}"',
                ["audit", str(table), str(data), formula],
                1,
            )
    if "explain" in wanted:
        spector = load_spector()
        predictors = ["gpa", "tuce", "psi"]
        formula = "grade ~ " + " + ".join(predictors)
        theirs = LogisticRegression().fit(spector[predictors], spector["grade"])
        values = [*theirs.intercept_, *theirs.coef_[0]]
        with tempfile.TemporaryDirectory() as folder:
            data, other = Path(folder) / "spector.csv", Path(folder) / "sklearn.json"
            spector.to_csv(data, index=False)
            other.write_text(json.dumps(dict(zip(["Intercept", *predictors], values, strict=True))))
            draw(
                "explain",
                f'flatprior explain spector.csv "{formula}" --coefficients sklearn.json',
                ["explain", str(data), formula, "--coefficients", str(other)],
                0,
            )
