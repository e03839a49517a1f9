"""`flatprior test`: what the terms of a formula add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flatprior.analysis.cli.errors import clean_errors
from flatprior.analysis.cli.loading import check_paths, load_model, reads_in_batches
from flatprior.analysis.cli.options import json_option, model_arguments
from flatprior.analysis.cli.printing import print_model, print_warnings, result_console, show
from flatprior.models.common.errors import InputError

if TYPE_CHECKING:
    from flatprior.analysis.diagnostics.collinearity import Collinearity
    from flatprior.analysis.inference.hypotheses.anova import AnalysisOfDeviance
    from flatprior.analysis.maxima import HypothesisTest
    from flatprior.models import BernoulliLogistic


@click.command("test")
@model_arguments
@click.option(
    "--by",
    "terms",
    metavar="TERM",
    multiple=True,
    help="Test this term or coefficient alone; several times for several together.",
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(["1", "2", "3", "I", "II", "III"]),
    help="1 (default): each term added to those before it; 2: to all but its interactions; 3: to "
    "all others.",
)
@click.option("--drop-one", is_flag=True, help="Each term that may be left out alone, with AIC.")
@click.option("--vif", is_flag=True, help="Variance inflation of coefficients and terms in place.")
@click.option(
    "--test",
    "statistic",
    type=click.Choice(["LR", "score", "Wald"], case_sensitive=False),
    default="LR",
    show_default=True,
    help="Likelihood ratio, Rao's score or Wald.",
)
@json_option
def term_tests(
    data: Any,
    formula: str,
    terms: tuple[str, ...],
    kind: str | None,
    drop_one: bool,
    vif: bool,
    statistic: Any,
    json_path: str | None,
    **options: Any,
) -> None:
    """Test terms of the formula: analysis of deviance, single terms, types I to III."""
    with clean_errors():
        from dataclasses import asdict, replace

        from flatprior.analysis.diagnostics.collinearity import collinearity
        from flatprior.analysis.inference.hypotheses.anova import anova, drop_one as drop_each
        from flatprior.models import fit_newton
        from flatprior.models.common.writing import write_json
        from flatprior.models.provenance import provenance

        check_paths(data, json=json_path)
        if sum((bool(terms), kind is not None, drop_one, vif)) > 1:
            raise InputError(
                "--by, --type, --drop-one and --vif ask for different things: take one"
            )
        model = load_model(data, formula, in_batches=reads_in_batches(data), **options)
        numbers: Any = kind if kind and kind.startswith("I") else int(kind or 1)
        found: AnalysisOfDeviance | HypothesisTest | Collinearity = (
            collinearity(model, fit_newton(model))
            if vif
            else _alone(model, terms, statistic)
            if terms
            else drop_each(model, statistic)
            if drop_one
            else anova(model, test=statistic, type=numbers)
        )
        out = result_console()
        print_model(out, model)
        shown = found.rendered()
        show(out, shown if vif else replace(shown, facts=()))
        print_warnings(out, model.warnings)
        if json_path:
            write_json(json_path, found.to_dict() | {"provenance": asdict(provenance(model))})


def _alone(model: BernoulliLogistic, terms: tuple[str, ...], statistic: str) -> HypothesisTest:
    """The test that all of some terms or coefficients are 0."""
    from flatprior.analysis.inference.hypotheses.likelihood_tests import (
        likelihood_ratio_test,
        score_test,
    )
    from flatprior.analysis.inference.hypotheses.wald import wald_test
    from flatprior.models import fit_newton

    if statistic == "Wald":
        return wald_test(model, fit_newton(model), list(terms))
    return (score_test if statistic == "score" else likelihood_ratio_test)(model, list(terms))
