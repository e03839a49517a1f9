"""A report read back: the results that it holds, whether it was changed, and its formulas."""

from __future__ import annotations

import json
from os import PathLike

from flatprior.analysis.report.page import Facts, has_seal, page_of, results_in, sealed
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError


@own_error_state
def read_report(path: str | PathLike[str]) -> Facts:
    """Read the results that a report holds as JSON.

    Parameters
    ----------
    path : str or path
        Of a file written by `write_report`.

    Returns
    -------
    dict
        "estimate", "agreement", "comparison", "formula", "data_hash", "versions", "command" and
        more; what was not finite is None. They are as the file states them: see `verify_report`.

    Raises
    ------
    ValueError
        If the file is not such a report.
    FileNotFoundError
        If there is no such file.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from flatprior.analysis import compare_models, read_report, write_report
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> models = {f: BernoulliLogistic.from_formula(f"grade ~ {f}", load_spector())
    ...           for f in ("gpa", "gpa + psi")}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "report.html"
    ...     read_report(write_report(path, comparison=compare_models(models)))["formula"]
    'grade ~ gpa + psi'
    """
    try:
        return results_in(page_of(path))
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise InputError(
            f"{str(path)!r} is not a report written by flatprior: "
            + (
                "it is an estimate as --json saves it, which PointEstimate.load(path) reads and "
                "verify(model, fit) computes anew"
                if _is_estimate(page_of(path))
                else "name one that --report or write_report wrote"
            )
        ) from error


def _is_estimate(text: str) -> bool:
    """Whether a file that is no report holds what `PointEstimate.save` writes."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and {"route", "coefficients", "certificate"} <= set(found)


def require_unchanged(path: str | PathLike[str]) -> None:
    """Raise a `ValueError` if a report was changed since it was written, as its checksum says."""
    page = page_of(path)
    if has_seal(page) and sealed(page) != page:
        raise InputError("the file was changed after it was written: its checksum is another")


def formulas_of(report: Facts) -> tuple[str, dict[str, str]]:
    """Formula of the main model, and of each model of the comparison.

    Raises
    ------
    ValueError
        If some model was not built from a formula, or the report is damaged.
    """
    try:
        compared = report.get("comparison") or {}
        others = {
            name: part["provenance"]["formula"]
            for name, part in compared.get("estimates", {}).items()
        }
        others |= {name: part["formula"] for name, part in compared.get("without", {}).items()}
        formulas = [report.get("formula"), *others.values()]
    except (LookupError, TypeError, AttributeError) as error:
        raise InputError(f"the results in the report are damaged: {error!r}") from error
    if not all(isinstance(formula, str) for formula in formulas):
        raise InputError(
            "the report holds no formula of some model, which was built from arrays; verify it in "
            "Python, with verify_report"
        )
    return formulas[0], others
