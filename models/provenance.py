"""What a result was computed from, and whether that is this model.

That is asked of every fit, covariance, draws and file that comes back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import earlier_hash, first_of, printable
from flatprior.models.encoding.files.passes import Passes
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Provenance, versions_of

DIGITS = 12  # of a hash, which is shown to tell one from another


def provenance(model: BernoulliLogistic, *packages: str, since: Passes | None = None) -> Provenance:
    """State what `model` and which versions a result comes from.

    Of rows that are not in memory also how often they were read `since` the work on it began.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> from flatprior.models.provenance import provenance
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> provenance(model).said
    '32 observations'
    """
    passes = model.passes if since is None else cast(Passes, model.passes) - since
    return Provenance(
        formula=model.formula,
        n_observations=model.n_observations,
        data_hash=model.data_hash,
        versions=versions_of("numpy", *packages),
        n_rows=model.n_rows,
        offset=model.offset_name,
        frequency_weights=model.weights_name,
        response_coding=model.response_coding or None,
        event=model.event,
        trials=model.trials_name,
        n_groups=None if model.trials is None else model.trials.n_groups,
        sampling_weights=None if model.sampling is None else model.sampling.weights,
        clusters=None if model.sampling is None else model.sampling.clusters,
        strata=None if model.sampling is None else model.sampling.strata,
        reading=model.reading.options or None,
        aliased=None if model.aliased is None else model.aliased.names,
        passes=None if passes is None else passes.number,
        bytes_read=None if passes is None else passes.bytes,
    )


def require_belonging(
    model: BernoulliLogistic,
    whose: str,
    names: Sequence[str] | None,
    data_hash: str | None,
    remedy: str = "",
) -> None:
    """Raise a `ValueError` unless a result, called `whose`, has the columns and data of `model`.

    What is None is not asked; `remedy` ends the sentence.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> from flatprior.models.provenance import require_belonging
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> try:
    ...     require_belonging(model, "the fit", ["Intercept", "psi"], None, "fit this one")
    ... except ValueError as error:
    ...     print(error)
    the fit is of Intercept, psi, the model has Intercept, gpa: it is that of another model; fit \
this one
    """
    many = whose.split(" given")[0].endswith("draws")
    verb, they, that = ("are", "they are", "those") if many else ("is", "it is", "that")
    what_then = f"; {remedy}" if remedy else ""
    if names is not None and tuple(names) != model.names:
        raise InputError(
            f"{whose} {verb} of {first_of(map(printable, names))}, the model has "
            f"{first_of(map(printable, model.names))}: {they} {that} of another model{what_then}"
        )
    if data_hash is not None and data_hash != model.data_hash:
        raise InputError(
            earlier_hash(data_hash, f"{whose} {'have' if many else 'has'}")
            or f"the data are not those of {whose}, which {verb} {that} of another model: their "
            f"hash is {model.data_hash[:DIGITS]}..., not {printable(data_hash[:DIGITS])}..."
            f"{what_then}"
        )
