"""How often every call reads a model's rows, where these lie in files.

Run ``python benchmarks/passes.py`` (about a minute), or name the calls, as ``python
benchmarks/passes.py audit diagnose``. The calls are those of ``benchmarks/everything.py``, on 5,000
rows of Parquet with 5 numbers and factors of 4 and 6 levels, which are written out; with
``--coded`` of 20 and 200 levels, which are not. The survey draws 500 of the rows, as it draws
65,536 of more.

alone    passes of the call, on a model of which nothing was asked
fitted   the same, after `fit_newton`
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from functools import cached_property
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from everything import CALLS, FORMULA, SMALLER, Case
from factors import Cell

from flatprior.models import BernoulliLogistic, fit_newton
from flatprior.models.batches import first_pass

ROWS, DRAWN = 5000, 500


class InFiles(Case):
    """The same models, of rows in files."""

    folder: str

    @cached_property
    def model(self) -> BernoulliLogistic:
        """With both factors."""
        return BernoulliLogistic.from_parquet(self.folder, FORMULA)

    @cached_property
    def smaller(self) -> BernoulliLogistic:
        """With one of them."""
        return BernoulliLogistic.from_parquet(self.folder, SMALLER)

    def anew(self) -> InFiles:
        """The same, of which nothing is known but what was asked of others."""
        case = InFiles(self.cell)
        case.folder = self.folder
        for name in ("frame", "fit", "posterior", "mistaken", "agreement"):
            if name in vars(self):
                vars(case)[name] = vars(self)[name]
        return case


def passes(case: InFiles, name: str, fitted: bool) -> int:
    """Passes of a call."""
    before, call = CALLS[name]
    before(case)  # a fit, or draws, of which passes do not count
    case = case.anew()
    models = [case.model, case.smaller] if name.startswith("compare_models") else [case.model]
    if fitted:
        case.fit, *_ = map(fit_newton, models)
    read = sum(model.passes.number for model in models)
    call(case)
    return sum(model.passes.number for model in models) - read


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("calls", nargs="*", metavar="CALL", help="names, or how they begin")
    parser.add_argument("--coded", action="store_true", help="factors of 20 and 200 levels")
    given = parser.parse_args()
    first_pass.SAMPLE_ROWS = DRAWN
    with tempfile.TemporaryDirectory() as folder:
        case = InFiles(Cell(ROWS, 5, (20, 200) if given.coded else (4, 6)))
        case.folder = folder
        case.frame.to_parquet(Path(folder) / "rows.parquet")
        print(f"{'':36}{'alone':>7}{'fitted':>8}")
        for name in CALLS:
            if given.calls and not name.startswith(tuple(given.calls)):
                continue
            try:
                found = [passes(case, name, fitted) for fitted in (False, True)]
                print(f"{name:36}{found[0]:7}{found[1]:8}", flush=True)
            except Exception as error:
                print(f"{name:36} {' '.join(str(error).split())[:80]}", flush=True)


if __name__ == "__main__":
    main()
