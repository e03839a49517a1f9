"""One page for a referee: what was fitted, what is proved, what the numbers mean, how to verify.

A report is made in two steps: `report_facts` collects plain values (sections of sentences, tables
and figures), and a template turns them into one HTML file that needs nothing else: no network, no
fonts, no library. All text is escaped; a content security policy allows its one script and no
connection. Times and dates are left out, so that the same results give the same bytes.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from flatprior.analysis.agreement.judged import Agreement
from flatprior.analysis.auditing.found import Audit
from flatprior.analysis.comparison.table import Comparison
from flatprior.analysis.report.first.without_mle import first_without_mle
from flatprior.analysis.report.first_screen import first_screen
from flatprior.analysis.report.items import breaks, spans
from flatprior.analysis.report.main_model import MainModel, WithoutMLE, reported
from flatprior.analysis.report.page import UNSEALED, Facts, sealed
from flatprior.analysis.report.results import results_as_data
from flatprior.analysis.report.sections.describing import data_and_variables
from flatprior.analysis.report.sections.effects import effects_of_variables
from flatprior.analysis.report.sections.making import reproducibility, sampler_diagnostics
from flatprior.analysis.report.sections.methods import methods
from flatprior.analysis.report.sections.model import (
    coefficients,
    data_and_model,
    existence_certificate,
)
from flatprior.analysis.report.sections.no_maximum import what_holds, what_to_do, why_not
from flatprior.analysis.report.sections.prediction import (
    influence,
    model_comparison,
    predictive_quality,
)
from flatprior.analysis.report.sections.reporting_items import reporting_items
from flatprior.analysis.report.sections.routes import (
    agreement_of_routes,
    audits_of_fits,
    posterior_against_mle,
)
from flatprior.analysis.report.sections.variables_and_odds import variables_and_odds_ratios
from flatprior.analysis.report.takeaway import takeaway
from flatprior.models import BernoulliLogistic
from flatprior.models.common.calls import require_likelihood
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import without_address_secrets
from flatprior.models.common.progress import progress_bar
from flatprior.models.common.text import abbreviated
from flatprior.models.common.writing import replacing, writable

Section = Callable[[Any], Facts | None]
SECTIONS: tuple[Section, ...] = (
    variables_and_odds_ratios,
    data_and_model,
    existence_certificate,
    agreement_of_routes,
    audits_of_fits,
    posterior_against_mle,
    coefficients,
    effects_of_variables,
    model_comparison,
    predictive_quality,
    sampler_diagnostics,
    influence,
)
WITHOUT_MLE: tuple[Section, ...] = (
    data_and_variables,
    why_not,
    what_holds,
    model_comparison,
    what_to_do,
    audits_of_fits,
)


@own_error_state
def write_report(
    path: str | PathLike[str],
    agreement: Agreement | None = None,
    comparison: Comparison | None = None,
    *,
    model: BernoulliLogistic | None = None,
    audits: Audit | Sequence[Audit] = (),
    data: Any = None,
    title: str = "",
    command: str = "",
    progress: bool = False,
) -> Path:
    """Write a report as one self-contained HTML file, replacing `path` in one step.

    Parameters
    ----------
    path : str or path
    agreement : Agreement, optional
        Of the routes on the main model; see `compare_routes`.
    comparison : Comparison, optional
        Of models of the same observations. Without `agreement` the best of them is the main model;
        where none has a maximum likelihood estimate, the first of the table.
    model : BernoulliLogistic, optional
        The main model, where there is neither agreement nor comparison. It is fitted; where it has
        no maximum likelihood estimate, the report says why not, what can still be claimed of each
        coefficient, and what to do next.
    audits : Audit or sequence of Audit
        Of other programs' fits of the same data; see `audit`. Without `agreement`, `comparison` and
        `model` theirs is the main model.
    data : DataFrame, mapping or path, optional
        What the main model was built from, for effects, marginal means and contrasts of its
        variables: a model whose rows are in memory has but the columns of its design. Rows in
        files are read again without it.
    title : str
        Default: the formula of the main model.
    command : str
        With which the report was made, for the section on reproducibility.
    progress : bool
        Show a progress bar on standard error.

    Returns
    -------
    Path
        Where the report is.

    Raises
    ------
    ValueError
        If there is neither agreement, comparison, model nor audit, they are not of the same
        observations (`NotComparableError`), or `data` are not those of the main model.
    OSError
        If no file can be put there.

    Notes
    -----
    Profile-likelihood intervals, leave-one-out, influence, validation by 200 bootstrap samples, and
    effects are computed for models of up to 20,000 rows; all but influence and effects of 50
    coefficients, or more where there are fewer rows; effects of 50 levels, or more where there are
    fewer rows, and the variables without are named. Of a table of more than 100 rows the page shows
    the first 40, and its copy as CSV has all. The file holds
    every figure as SVG and all results as JSON, but no data and no draws; the same results give the
    same bytes.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from flatprior.analysis import compare_routes, read_report, write_report
    >>> from flatprior.models import BernoulliLogistic, fit_newton, fit_sklearn, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_report(pathlib.Path(folder) / "report.html", agreement=agreement)
    ...     read_report(path)["agreement"]["verdict"]
    'agree'

    Where there is no estimate, there is a report all the same:

    >>> from flatprior.models import load_endometrial
    >>> separated = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_report(pathlib.Path(folder) / "report.html", model=separated)
    ...     read_report(path)["existence"]["kind"]
    'quasi-complete separation'
    """
    writable(path)
    facts = report_facts(
        agreement,
        comparison,
        model=model,
        audits=audits,
        data=data,
        title=title,
        command=command,
        progress=progress,
    )
    page = sealed(render(facts))
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")
    return Path(path)


@own_error_state
def report_facts(
    agreement: Agreement | None = None,
    comparison: Comparison | None = None,
    *,
    model: BernoulliLogistic | None = None,
    audits: Audit | Sequence[Audit] = (),
    data: Any = None,
    title: str = "",
    command: str = "",
    progress: bool = False,
) -> Facts:
    """Everything that a report says, as plain values.

    Parameters
    ----------
    agreement, comparison, model, audits, data, title, command, progress
        As for `write_report`.

    Returns
    -------
    dict
        "title"; "verdict" with "headline", "good" and "message"; "first", what a reader sees first:
        "sentence", "claims", "figures", "doubts" and the "standings" of sections;
        "sections", a list of dicts with "id", "title" and "items", each item with a "kind" ("text",
        "table" or "figure"); "data", all results as JSON has them.

    Examples
    --------
    >>> from flatprior.analysis import compare_routes, report_facts
    >>> from flatprior.models import BernoulliLogistic, fit_newton, fit_sklearn, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> facts = report_facts(compare_routes(model, fit_newton(model), fit_sklearn(model)))
    >>> facts["verdict"]["good"], facts["sections"][0]["title"]
    (True, 'Table 1 and odds ratios')
    """
    for of in (model, getattr(agreement, "model", None)):
        require_likelihood(of, "a report")
    several = (audits,) if isinstance(audits, Audit) else tuple(audits)
    main = reported(agreement, comparison, several, model, data)
    results = results_as_data(main, without_address_secrets(command))
    return facts_of(main, results, title=title, progress=progress)


def facts_of(
    main: MainModel | WithoutMLE,
    data: Facts,
    *,
    title: str = "",
    instead: Mapping[Section, Facts] | None = None,
    verdict: Facts | None = None,
    progress: bool = False,
) -> Facts:
    """What `report_facts` gives, of a main model and all results as JSON has them.

    A section in `instead` is not made, but what stands there is taken; and so is a `verdict`.
    """
    found, instead = [], {} if instead is None else instead
    sections = WITHOUT_MLE if isinstance(main, WithoutMLE) else SECTIONS
    if isinstance(main, MainModel):
        main.find_in_few_passes()
    with progress_bar("report", len(sections), progress) as advance:
        for section in sections:
            found.append(instead[section] if section in instead else section(main))
            advance()
    there = [section for section in found if section is not None]
    last = [methods(main, data), reproducibility(main, data["command"], data)]
    there += [last[0], reporting_items([*there, *last]), last[1]]
    first = first_without_mle(main) if isinstance(main, WithoutMLE) else first_screen(main)
    # of a section that has no table nothing is claimed; what is in `instead` is not made here
    given = [section for section in instead.values() if section is not None]
    claiming = {section["id"] for section in (*filter(_has_a_table, there), *given)}
    standings = {name: each for name, each in first["standings"].items() if name in claiming}
    return {
        "title": abbreviated(title or main.formula, 160),
        "verdict": takeaway(main) if verdict is None else verdict,
        "first": first | {"standings": standings},
        "sections": there,
        "data": data,
    }


def _has_a_table(section: Facts) -> bool:
    return any(item["kind"] == "table" for item in section["items"])


def render(facts: Facts) -> str:
    """Turn the facts of a report into a page."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("flatprior.analysis.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.policies["json.dumps_kwargs"] = {"sort_keys": False, "allow_nan": False}

    def part(name: str) -> str:
        loader = environment.loader
        assert loader is not None  # noqa: S101
        return loader.get_source(environment, name)[0]

    script = part("report.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    formats = {
        item["id"]: item["formats"]
        for section in facts["sections"]
        for item in section["items"]
        if item["kind"] == "table"
    }
    return environment.get_template("report.html").render(
        facts | {"formats": formats, "checksum": UNSEALED},
        style=Markup(part("report.css")),  # noqa: S704  (ours, not the user's)
        script=Markup(script),  # noqa: S704
        script_hash=digest,
        spans=spans,
        breaks=breaks,
        markup=Markup,  # of SVG: Matplotlib escapes the text in it, and a forest has none
    )
