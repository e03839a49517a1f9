"""The page of a report, made anew and held against the one in the file."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

from flatprior.analysis.report.main_model import MainModel, WithoutMLE, needs_data
from flatprior.analysis.report.page import Facts, Page, Table, alike
from flatprior.analysis.report.sections.curves import figures_of_effects
from flatprior.analysis.report.sections.effects import (
    EFFECTS,
    effects_of_variables,
    tables_of_effects,
)
from flatprior.analysis.report.sections.making import sampler_diagnostics
from flatprior.analysis.report.sections.model import existence_certificate
from flatprior.analysis.report.sections.prediction import model_comparison
from flatprior.analysis.report.verification.anew import Anew
from flatprior.analysis.report.verification.figures import figures_held
from flatprior.analysis.report.verification.holding import OF_BOUNDS, OF_BOUNDS_ELSEWHERE, require
from flatprior.analysis.report.verification.of_draws import OF_DRAWS
from flatprior.analysis.report.verification.tables import tables_held
from flatprior.analysis.report.writing import Section, facts_of, render
from flatprior.models.common.closeness import TWICE
from flatprior.models.common.errors import InputError
from flatprior.models.results import versions_of

# what a page has of its version alone; whatever else is on it is held
_OF_A_VERSION = re.compile(
    r"(<style>).*?(</style>)|(<script>).*?(</script>)|(script-src 'sha256-)[^']*(')", re.DOTALL
)
_EMPTY = r"\1\2\3\4\5\6"
_COMPARED = re.compile(r'<p class="compared">[^<]*</p>\n')
# what is said of the comparison beside its section: doubts, what stands without, its standing
_BESIDE = re.compile(
    r'<li class="compared">[^<]*<a [^<]*</a></li>\n|<li>Nothing in what was looked at[^<]*</li>\n'
    r'|(?<=">Model comparison) <span class="standing[^<]*</span>'
    r'|(?<=">Model comparison</a>) <span class="standing[^<]*</span>'
)


def page_held(found: Anew, report: Facts, text: str, data: Any, elsewhere: bool) -> list[str]:
    """Make the page anew and hold it against the one in the file; say what was not made.

    What needs the variables of the model is made where `data` are at hand.
    """
    try:
        page = Page.of(text)
    except (ValueError, AssertionError, IndexError, RecursionError) as error:
        raise InputError(f"the page of the report is damaged: {error}") from error
    unverified = report["comparison"] is not None and found.comparison is None
    free: tuple[str, ...] = OF_DRAWS if found.with_draws else ()
    free = ("formulas", "comparison-table", *OF_DRAWS) if unverified else free
    data = _data_due(found, report, data)
    due = tables_of_effects(found.model) if _had_data(report) and data is None else {}
    require(
        all(
            name in page.tables and page.tables[name].title == title for name, title in due.items()
        ),
        "the page lacks a table of effects, or one has another title",
    )
    free += (*due, *(figures_of_effects(found.model) if due else ()))
    # without an agreement the verdict is of the comparison: by leave-one-out, where it has draws
    spoken = report["agreement"] is not None or not (found.with_draws or unverified)
    again = _made_again(found, report, page.title, data, unverified, spoken)
    bounds = OF_BOUNDS_ELSEWHERE if elsewhere else OF_BOUNDS
    holes = tables_held(found, report, page, again, bounds, free)
    holes += figures_held(found, report, page, again, bounds, free, elsewhere)
    require(
        len(page.texts) == len(again.texts)
        and all(alike(*pair, TWICE, bounds) for pair in zip(page.texts, again.texts, strict=True)),
        "the sentences of the page are not those of these results",
    )
    rest, made = page.between(again), again.between(page)
    if found.agreement is not None and (unverified or _by_draws(report)):
        # which model is the best, by leave-one-out on draws or of models that are not here
        parts = [_COMPARED.subn("", part) for part in (rest, made)]
        require(parts[0][1] == 1, "the page lacks the sentence on the comparison")
        (rest, _), (made, _) = parts
        holes.append("the sentence on the comparison at the top of the page")
    if unverified or _by_draws(report):
        rest, made = (_BESIDE.sub("", part) for part in (rest, made))
        holes.append("what is said of the comparison at the top of the page")
    if not spoken:
        holes.append("the verdict, which follows from leave-one-out")
        rest, made = (part.split("</section>", 1)[-1] for part in (rest, made))
    if not _same_version(report):  # then style and script are not those of this one
        holes.append(
            "style and script of the page, which are those of another version, and may hide or "
            "change what it shows"
        )
        rest, made = (_OF_A_VERSION.sub(_EMPTY, part) for part in (rest, made))
    require(alike(rest, made, TWICE, bounds), "the page has other words than these results give")
    return holes


def _by_draws(report: Facts) -> bool:
    """Whether models are compared by leave-one-out on draws, which a report does not hold."""
    told = report["comparison"]
    return told is not None and any("elpd_loo" in row for row in told["models"].values())


def _had_data(report: Facts) -> bool:
    """Whether a report had the data; one that does not say so, which is older, had none."""
    had = report.get("with_data", False)
    require(isinstance(had, bool), "whether it had the data is damaged")
    return bool(had)


def _data_due(found: Anew, report: Facts, data: Any) -> Any:
    """The data, where the report had them."""
    had = _had_data(report)
    possible = found.fit is not None and needs_data(found.model)
    require(possible or not had, "of such a model no report has the data")
    return data if had else None


def _made_again(
    found: Anew, report: Facts, title: str, data: Any, unverified: bool, spoken: bool
) -> Page:
    """The page of these results; empty is what needs draws, models or data that are not here."""
    main: MainModel | WithoutMLE
    if found.fit is None:
        assert found.existence is not None  # noqa: S101
        main = WithoutMLE(
            model=found.model,
            audits=found.audits,
            existence=found.existence,
            comparison=found.comparison,
        )
    else:
        main = MainModel.without_draws(
            found.model, found.fit, found.agreement, found.comparison, found.audits, data
        )
    instead: dict[Section, Facts] = {}
    if found.checks:
        instead[sampler_diagnostics] = _empty("sampling", "Sampler diagnostics")
    if _had_data(report) and data is None:
        instead[effects_of_variables] = _empty("effects", EFFECTS)
    if unverified:
        instead[model_comparison] = _empty("comparison", "Model comparison")
        if isinstance(main, MainModel):
            instead[existence_certificate] = existence_certificate(main, several=True)
    verdict = None if spoken else {"headline": "", "good": True, "message": "", "notes": []}
    facts = facts_of(main, report, title=title, instead=instead, verdict=verdict)
    again = Page.of(render(facts | {"data": report}))
    if found.fit is not None:
        again.tables["certificate"] = _with_digits(
            again.tables["certificate"], report["estimate"]["certificate"]["digits"]
        )
    return again


def _empty(name: str, title: str) -> Facts:
    """A section in which nothing stands."""
    return {"id": name, "title": title, "items": []}


def _with_digits(certificate: Table, digits: list[float]) -> Table:
    """The table with the certain digits as the results of the report have them.

    These are held against the data already; rounding may decide what their whole number is.
    """
    whole = str(math.floor(min(digits)))
    copy = certificate.formats["CSV"].rsplit(",", 1)[0]
    cells = certificate.cells
    if len(cells) == len(certificate.in_full()[1]):  # else the last row is not shown
        cells = (*cells[:-1], (whole,))
    return replace(
        certificate,
        cells=cells,
        formats=certificate.formats | {"CSV": f"{copy},{whole}\n"},
    )


def _same_version(report: Facts) -> bool:
    return bool(report["versions"].get("flatprior") == versions_of()["flatprior"])
