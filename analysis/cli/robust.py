"""Robust covariances on the command line: `--robust HC3`, `--cluster COLUMN`, and whose factor."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import click

from flatprior.analysis.cli.errors import F
from flatprior.analysis.cli.loading import load_model, reads_in_batches
from flatprior.models.common.errors import InputError

if TYPE_CHECKING:
    from flatprior.analysis.inference.robust import RobustCovariance
    from flatprior.models import BernoulliLogistic, PointEstimate

_OPTIONS = (
    click.option(
        "--robust",
        type=click.Choice(["HC0", "HC1", "HC2", "HC3", "HC4", "CR2"], case_sensitive=False),
        help="Robust standard errors of this kind; CR2 goes with --cluster.",
    ),
    click.option(
        "--cluster",
        metavar="COLUMN",
        multiple=True,
        help="Standard errors clustered by a column; given twice, by two ways at once.",
    ),
    click.option(
        "--correction",
        type=click.Choice(["statsmodels", "Stata", "R", "none"], case_sensitive=False),
        show_default="statsmodels",
        help="Whose small-sample factor standard errors of HC0 and of clusters have.",
    ),
    click.option(
        "--units",
        type=click.Choice(["trials", "groups"]),
        show_default="trials",
        help="Of grouped counts: what is one observation to robust standard errors.",
    ),
)


def robust_options(command: F) -> F:
    """Add the options that ask for a robust covariance."""
    for decorate in reversed(_OPTIONS):
        command = decorate(command)
    return command


def check_robust(
    robust: str | None, cluster: tuple[str, ...], correction: str | None, units: str | None
) -> None:
    """Raise a `ValueError` for options that do not go together."""
    if robust and cluster and robust.upper() not in ("HC0", "CR2"):
        raise InputError(f"--robust {robust} does not go with --cluster; leave one of them out")
    if robust and robust.upper() == "CR2" and not cluster:
        raise InputError("--robust CR2 is of clusters: add --cluster COLUMN")
    if units and not (robust or cluster):
        raise InputError(f"--units {units} are of robust standard errors: add --robust HC0")
    if correction and not (robust or cluster):
        raise InputError(
            f"--correction {correction} is the factor of robust standard errors: add --robust HC0 "
            "or --cluster COLUMN, or leave it out"
        )
    if correction and robust and robust.upper() != "HC0":
        raise InputError(
            f"--correction {correction} is of HC0 and of clusters, and --robust {robust} has a "
            "factor of its own: leave one of them out"
        )


def load_beside(
    data: Any, formula: str, cluster: tuple[str, ...], **options: Any
) -> BernoulliLogistic:
    """The model; columns of clusters are no predictors because a formula says "all others"."""
    in_batches = reads_in_batches(data)
    model = load_model(data, formula, in_batches=in_batches, **options)
    taken = [each for each in cluster if _taken_by_a_dot(model, formula, each)]
    if not taken:
        return model
    formula += "".join(f" - `{each}`" for each in taken)
    return load_model(data, formula, in_batches=in_batches, **options)


def _taken_by_a_dot(model: BernoulliLogistic, formula: str, cluster: str) -> bool:
    used = model.encoding is not None and cluster in model.encoding.parsed.columns
    named = re.search(rf"(?<![\w.]){re.escape(cluster)}(?![\w.])", formula)
    return used and named is None


def robust_of(
    data: Any,
    model: BernoulliLogistic,
    estimate: PointEstimate,
    robust: str | None,
    cluster: tuple[str, ...],
    correction: Any,
    units: Any,
) -> RobustCovariance | None:
    """The covariance that was asked for; None where none was."""
    from flatprior.analysis.inference.robust import robust_covariance
    from flatprior.models.encoding.columns.checks import column
    from flatprior.models.encoding.tables import as_frame

    if not robust and not cluster:
        return None
    by: list[Any] = list(cluster)
    if cluster and model.rows.resident:
        frame = as_frame(data, (), cluster, model.reading)
        by = [column(frame, each) for each in cluster]
    groups: Any = None if not by else by[0] if len(by) == 1 else tuple(by)
    kind: Any = (robust or "HC0").upper()
    return robust_covariance(
        model,
        estimate,
        kind,
        groups,
        correction=correction or "statsmodels",
        units=units or "trials",
    )
