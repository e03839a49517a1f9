"""`flatprior test`: what the terms of a formula add."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flatprior.analysis.cli.errors import clean_errors
from flatprior.analysis.cli.loading import check_paths
from flatprior.analysis.cli.options import json_option, model_arguments
from flatprior.analysis.cli.printing import print_model, print_warnings, result_console, show
from flatprior.analysis.cli.robust import check_robust, load_beside, robust_of, robust_options
from flatprior.models.common.errors import InputError

if TYPE_CHECKING:
    from flatprior.analysis.diagnostics.collinearity import Collinearity
    from flatprior.analysis.inference.hypotheses.analysis_of_deviance import AnalysisOfDeviance
    from flatprior.analysis.inference.robust import RobustCovariance
    from flatprior.analysis.maxima import HypothesisTest
    from flatprior.models import BernoulliLogistic, PointEstimate


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
    help="1 (default): each term added to those before it; 2 (default with a robust covariance): "
    "to all but its interactions; 3: to all others.",
)
@click.option("--drop-one", is_flag=True, help="Each term that may be left out alone, with AIC.")
@click.option("--vif", is_flag=True, help="Variance inflation of coefficients and terms in place.")
@click.option(
    "--test",
    "statistic",
    type=click.Choice(["LR", "score", "Wald"], case_sensitive=False),
    help="Likelihood ratio (default), Rao's score, or Wald (default with a robust covariance).",
)
@robust_options
@json_option
def term_tests(
    data: Any,
    formula: str,
    terms: tuple[str, ...],
    kind: str | None,
    drop_one: bool,
    vif: bool,
    statistic: Any,
    robust: str | None,
    cluster: tuple[str, ...],
    correction: str | None,
    units: str | None,
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
        check_robust(robust, cluster, correction, units)
        of_robust = bool(robust or cluster)
        if vif and statistic:
            raise InputError(
                f"--vif is of no test, and --test {statistic} has no part in it: leave one of them "
                "out"
            )
        statistic = statistic or ("Wald" if of_robust else "LR")
        kind = kind or ("2" if of_robust else "1")
        if of_robust and (vif or statistic != "Wald" or kind in ("1", "I")):
            raise InputError(
                "a robust covariance is of Wald tests in the whole model: with --robust and "
                "--cluster leave out --vif, --type 1 and --test, or take --test Wald"
            )
        model = load_beside(data, formula, cluster, **options)
        fit = fit_newton(model) if vif or of_robust or (terms and statistic == "Wald") else None
        spread = (
            None if fit is None else robust_of(data, model, fit, robust, cluster, correction, units)
        )
        numbers: Any = kind if kind.startswith("I") else int(kind)
        found: AnalysisOfDeviance | HypothesisTest | Collinearity = (
            collinearity(model, fit)
            if vif
            else _alone(model, terms, statistic, spread or fit)
            if terms
            else drop_each(model, statistic, robust=spread)
            if drop_one
            else anova(model, test=statistic, type=numbers, robust=spread)
        )
        out = result_console()
        print_model(out, model)
        shown = found.rendered()
        show(out, shown if vif else replace(shown, facts=()))
        print_warnings(out, model.warnings)
        if json_path:
            write_json(json_path, found.to_dict() | {"provenance": asdict(provenance(model))})


def _alone(
    model: BernoulliLogistic,
    terms: tuple[str, ...],
    statistic: str,
    fit: PointEstimate | RobustCovariance | None,
) -> HypothesisTest:
    """The test that all of some terms or coefficients are 0."""
    from flatprior.analysis.inference.hypotheses.likelihood_tests import (
        likelihood_ratio_test,
        score_test,
    )
    from flatprior.analysis.inference.hypotheses.wald import wald_test

    if fit is not None:
        return wald_test(model, fit, list(terms))
    return (score_test if statistic == "score" else likelihood_ratio_test)(model, list(terms))
