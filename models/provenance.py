"""What a result was computed from, stated of a model."""

from __future__ import annotations

from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Provenance, versions_of


def provenance(model: BernoulliLogistic, *packages: str) -> Provenance:
    """State what `model` and which versions a result comes from.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, load_spector
    >>> from flatprior.models.provenance import provenance
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    >>> provenance(model).said
    '32 observations'
    """
    return Provenance(
        formula=model.formula,
        n_observations=model.n_observations,
        data_hash=model.data_hash,
        versions=versions_of("numpy", *packages),
        n_rows=model.n_rows,
        offset=model.offset_name,
        frequency_weights=model.weights_name,
    )
