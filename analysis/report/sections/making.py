"""Sections on how the results were made: samplers, seeds, versions, command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from flatprior.analysis.agreement.posterior_check import PosteriorCheck
from flatprior.analysis.figures.chains import MOST_DRAWN, fewest_effective, plot_chains, step_of
from flatprior.analysis.report.glossary import terms
from flatprior.analysis.report.items import PROB, figure_of, section_of, table_of, text_of
from flatprior.analysis.report.main_model import MainModel, Reported
from flatprior.analysis.report.page import Facts
from flatprior.models.common.rendering import Rendered
from flatprior.models.common.text import count, printable
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.rows import ArrayRows

R_HAT = {"r_hat": "R-hat"}  # as everything else calls it
FORMATS_OF_SAMPLER = {
    "mean": "#.5g",
    "sd": "#.4g",
    "mcse": ".1e",
    "ess bulk": ".0f",
    "ess tail": ".0f",
    "R-hat": ".4f",
}
OF_SAMPLER = tuple(FORMATS_OF_SAMPLER)


def sampling_in_words(chains: int, n: int, seed: int | None) -> str:
    """How many draws there are, and with which seed, in words."""
    said = f"{count(chains, 'chain')} of {count(n, 'draw')}"
    return said if seed is None else f"{said}, seed {seed}"


def diagnostics_in_words(diagnostics: Mapping[str, float]) -> str:
    """What a sampler says of itself, in a line.

    Examples
    --------
    >>> from flatprior.analysis.report.sections.making import diagnostics_in_words
    >>> diagnostics_in_words({"r_hat": 1.0012, "ess bulk": 1591.2})
    'R-hat 1.001, ess bulk 1591'
    """
    return ", ".join(f"{R_HAT.get(name, name)} {value:.4g}" for name, value in diagnostics.items())


def sampler_notes(diagnostics: Mapping[str, float], warnings: Sequence[str]) -> list[str]:
    """What to mend before draws are relied on, and what the words of their table mean."""
    beside = [name for name in diagnostics if R_HAT.get(name, name) not in OF_SAMPLER]
    return [*warnings, *terms([*OF_SAMPLER, *beside])]


def sampler_diagnostics(main: MainModel) -> Facts | None:
    """How well each sampler did."""
    items: list[Facts | None] = []
    checks = () if main.agreement is None else main.agreement.posterior_checks
    for i, (posterior, check) in enumerate(zip(main.posteriors, checks, strict=True)):
        chains, n, _ = posterior.draws.shape
        frame = posterior.summary(PROB).rename(columns=R_HAT)[list(OF_SAMPLER)]
        found = diagnostics_in_words(posterior.diagnostics)
        items.append(
            table_of(
                f"sampler-{i + 1}",
                Rendered.of(
                    frame,
                    FORMATS_OF_SAMPLER,
                    f"Draws of {posterior.route}",
                    [sampling_in_words(chains, n, posterior.seed), found],
                    sampler_notes(posterior.diagnostics, posterior.warnings),
                ),
            )
        )
        names = [posterior.names[j] for j in fewest_effective(frame)]
        figure = plot_chains(posterior, names)
        items.append(figure_of(f"chains-{i + 1}", figure, *chains_words(check)))
    return section_of("sampling", "Sampler diagnostics", items) if items else None


def chains_words(check: PosteriorCheck) -> tuple[str, str, str]:
    """Title, caption and alternative of the figure of chains, by what a report holds of them."""
    k, every = check.k, step_of(check.mixing.n_draws)
    which = (
        f"the {MOST_DRAWN} of {count(k, 'coefficient')} with the fewest effective draws"
        if k > MOST_DRAWN
        else count(k, "coefficient")
    )
    thin = "" if every == 1 else f", one draw in {every}"
    return (
        f"Traces and ranks ({check.route})",
        f"Left the traces of {which}{thin}; right how often draws of each chain have a rank among "
        "those of all. Of chains that have mixed the traces lie over one another, and the ranks "
        "near the dashed line.",
        f"Traces and ranks of {which} in {count(check.mixing.n_chains, 'chain')} of "
        f"{count(check.mixing.n_draws, 'draw')}; the largest R-hat is "
        f"{check.diagnostics['r_hat']:.4f}.",
    )


def _reads(main: Reported) -> dict[str, str]:
    """How often the rows were read for each point estimate, as it states it."""
    judged = () if main.agreement is None else main.agreement.routes
    found = [(each.estimate.route, each.estimate.provenance) for each in judged]
    if not found and isinstance(main, MainModel):
        found = [(main.fit.route, main.fit.provenance)]
    return {
        route: Passes(origin.passes, origin.bytes_read or 0).said
        for route, origin in found
        if origin.passes is not None
    }


def reproducibility(main: Reported, command: str, data: Facts) -> Facts:
    """Command, seeds, versions, hash, and all results as JSON."""
    facts = {
        "command": printable(command) or "(none: made in Python)",
        "seed": ", ".join(
            f"{route} {'none' if seed is None else seed}" for route, seed in data["seeds"].items()
        )
        or "none needed",
        "data hash (XXH3, 128 bits)": main.model.data_hash,
        "versions": ", ".join(f"{name} {number}" for name, number in data["versions"].items()),
        "machine": data["machine"],
    }
    rows = main.model.rows
    if not isinstance(rows, ArrayRows):
        facts["rows"] = (
            f"read in batches {'from files' if rows.at_hand else 'on a cluster'}"
            + "".join(f"; for {name} {said}" for name, said in _reads(main).items())
        )
    again = (
        "A command that was given to write_report is what its caller states, and is not checked; "
        "one that flatprior ran itself makes, with --report FILE,"
        if command
        else "The same results make"
    )
    return section_of(
        "reproducibility",
        "Reproducibility",
        [
            table_of(
                "provenance",
                Rendered.of(pd.DataFrame({"value": facts}), {}, "What was computed"),
                words=True,
            ),
            text_of(
                "To verify: flatprior verify REPORT DATA checks DATA by their hash, computes every "
                "number anew from the coefficients, and holds the results in this file and the "
                "page itself against them; what comes from the draws, which the file does not "
                "hold, it lists instead.",
                f"{again} this very file again, byte for byte, on the same machine and versions.",
            ),
            {"kind": "data", "id": "data-json"},
        ],
    )
