"""All results of a report, as the JSON in it has them."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from typing import Any

from pandas.api.types import is_integer_dtype

from flatprior.analysis.auditing.stored import stored_audit
from flatprior.analysis.report.main_model import MainModel, Reported, WithoutMLE
from flatprior.analysis.report.page import FORMAT, Facts
from flatprior.analysis.report.stored import plain
from flatprior.models import BernoulliLogistic
from flatprior.models.common.writing import finite
from flatprior.models.results import versions_of
from flatprior.models.rows import ArrayRows

PACKAGES = ("numpy", "scipy", "scikit-learn", "pymc", "arviz", "matplotlib")


def results_as_data(main: Reported, command: str) -> Facts:
    """All results as JSON has them; times left out, which no two runs share."""
    agreement, comparison = main.agreement, main.comparison
    facts: Facts = finite(
        timeless(
            {
                "format": FORMAT,
                "command": command,
                **described(main.model),
                "with_data": isinstance(main, MainModel) and main.frame is not None,
                "data_hash": main.model.data_hash,
                "versions": versions_of(*PACKAGES),
                "machine": machine(),
                "seeds": _seeds(main),
                "draws_of": [posterior.provenance.data_hash for posterior in main.posteriors],
                "estimate": main.fit.to_dict() if isinstance(main, MainModel) else None,
                # only where there is no estimate
                **({"existence": main.existence.to_dict()} if isinstance(main, WithoutMLE) else {}),
                "agreement": None if agreement is None else agreement.to_dict(),
                "comparison": None if comparison is None else comparison.to_dict(),
                "audits": [stored_audit(audit) for audit in main.audits],
                # `named_departures` follow from the rest
                "checks": []
                if agreement is None
                else [plain(check, ("departures",)) for check in agreement.posterior_checks],
            }
        )
    )
    return facts


def described(model: BernoulliLogistic) -> Facts:
    """What a model is, as the results of a report say it."""
    return {
        "formula": model.formula,
        "names": list(model.names),
        "n_observations": model.n_observations,
        "n_rows": model.n_rows,
        "offset": model.offset_name,
        "frequency_weights": model.weights_name,
        "response_coding": model.response_coding or None,
        "event": model.event,
        "trials": model.trials_name,
        "n_groups": None if model.trials is None else model.trials.n_groups,
        "reading": model.reading.options or None,
        "aliased": None if model.aliased is None else list(model.aliased.names),
        "n_events": model.n_events,
        "n_dropped": model.n_dropped,
        "in_memory": isinstance(model.rows, ArrayRows),
        "first_row": numbered_from(model),
    }


def numbered_from(model: BernoulliLogistic) -> int | None:
    """The number of the first row, where rows have numbers: of a file from 1, of a frame from 0."""
    labels = model.row_labels
    return int(labels[0]) if len(labels) and is_integer_dtype(labels.dtype) else None


def machine() -> str:
    """System, processor and the kernels of linear algebra on which rounding depends."""
    from threadpoolctl import threadpool_info

    kernels = {str(found.get("architecture")) for found in threadpool_info()} - {"None"}
    return " ".join([platform.system(), platform.machine(), *sorted(kernels)])


def _seeds(main: Reported) -> dict[str, int | None]:
    """Seeds of the draws, by route, and of the draws of the comparison, by model."""
    routes = [posterior.route for posterior in main.posteriors]
    found = {
        route if routes.count(route) == 1 else f"{route} {i + 1}": posterior.seed
        for i, (route, posterior) in enumerate(zip(routes, main.posteriors, strict=True))
    }
    compared = {} if main.comparison is None else main.comparison.seeds
    return found | {f"model {name}": seed for name, seed in compared.items()}


def timeless(facts: Any) -> Any:
    """Without times, and without covariances: k^2 numbers for every route."""
    if isinstance(facts, Mapping):
        return {
            str(key): None if key == "seconds" else timeless(value)
            for key, value in facts.items()
            if key != "covariance"
        }
    return [timeless(value) for value in facts] if isinstance(facts, list) else facts
