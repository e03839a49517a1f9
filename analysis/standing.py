"""What are coefficients to the maximum likelihood estimate: it, another point, or can nobody say?

Asked in the order of cost: a certificate of the coefficients proves at once that they are the
estimate; where it does not, Newton's method goes to the estimate, and its own certificate says how
near that is; where there is none, it is asked why. Columns that depend on others leave the fitted
probabilities an estimate, which is that of the other columns.
"""

from __future__ import annotations

import math
from functools import cached_property
from typing import Literal

import numpy as np

from flatprior.analysis.producers.their_data import model_of
from flatprior.models import (
    BernoulliLogistic,
    Certificate,
    Existence,
    MLEDoesNotExistError,
    NotConvergedError,
    PointEstimate,
    certify,
    check_existence,
)
from flatprior.models.common.arrays import Array
from flatprior.models.likelihood import moments
from flatprior.models.routes.newton import newton_of

Kind = Literal[
    "not finite", "the estimate", "its probabilities", "another point", "no estimate", "unproved"
]
ALL_BUT_ZERO = 1e-12  # of an eigenvalue of columns of length 1: their combination may be 0
UNPROVED = "nothing can be proved of these data to that precision; centre and rescale columns"


class Standing:
    """What coefficients are to the estimate of a model, each part of it found when it is asked for.

    Parameters
    ----------
    model : BernoulliLogistic
    coefficients : ndarray (k,)
        In the order of its names.
    tolerance : float
        Standard errors up to which they are the estimate.
    existence : Existence, optional
        Where that is known already.

    Examples
    --------
    >>> import numpy as np
    >>> from flatprior.analysis.standing import Standing
    >>> from flatprior.models import BernoulliLogistic, fit_newton, load_spector
    >>> model = BernoulliLogistic.from_formula("grade ~ gpa + psi", load_spector())
    >>> b = fit_newton(model).coefficients
    >>> Standing(model, b, 1e-6).kind, Standing(model, 1.1 * b, 1e-6).kind
    ('the estimate', 'another point')
    >>> again = np.column_stack([model.design, model.design[:, 2]])  # the last column, once more
    >>> model = BernoulliLogistic.from_arrays(again, model.response)
    >>> Standing(model, np.append(b, 0.0), 1e-6).kind
    'its probabilities'
    """

    def __init__(
        self,
        model: BernoulliLogistic,
        coefficients: Array,
        tolerance: float,
        existence: Existence | None = None,
    ) -> None:
        self.model = model
        self.coefficients = coefficients
        self.tolerance = tolerance
        if existence is not None:
            self.existence = existence

    @cached_property
    def kind(self) -> Kind:
        """What they are.

        "the estimate" and "another point" (to the tolerance; both proved), "its probabilities"
        (columns depend on others, and in the rest it is the estimate), "no estimate" (there is
        none), "not finite", or "unproved".
        """
        if not np.isfinite(self.coefficients).all():
            return "not finite"
        if self._at_once:
            return "the estimate"
        if self.determined is not None:
            right = self.determined.kind == "the estimate"
            return "its probabilities" if right else "no estimate"
        if self._newton is None:
            return "no estimate" if self.distance == math.inf else "unproved"
        error = self._newton.certificate.error_bound
        if self.distance + error <= self.tolerance:
            return "the estimate"
        return "another point" if self.distance - error > self.tolerance else "unproved"

    @cached_property
    def bound(self) -> float:
        """Standard errors within which they are proved to be of the estimate; inf if none."""
        if self._at_once or self._newton is None:
            return self.certificate.error_bound
        beside = self.distance + self._newton.certificate.error_bound
        return min(self.certificate.error_bound, beside)

    @cached_property
    def distance(self) -> float:
        """Of one of them, at most, from the estimate, in standard errors.

        NaN where that is not known, inf where there is no estimate.
        """
        fit = self._newton
        if fit is not None:
            return float(np.max(np.abs(self.coefficients - fit.coefficients) / fit.standard_errors))
        there = self.existence.exists or self.existence.kind == "undecided"
        return math.nan if there else math.inf

    @property
    def obstacle(self) -> str:
        """Why nothing is proved, for people."""
        undecided = self._newton is None and not self.existence.exists
        return self.existence.message if undecided else UNPROVED

    @cached_property
    def certificate(self) -> Certificate:
        """Of these coefficients."""
        return certify(self.model, self.coefficients)

    @cached_property
    def existence(self) -> Existence:
        """Does the estimate exist?"""
        return check_existence(self.model)

    @property
    def mle(self) -> PointEstimate | None:
        """The estimate, where there is one and it could be found."""
        fit = self._newton
        return fit if fit is not None and fit.converged else None

    @cached_property
    def determined(self) -> Standing | None:
        """The same of the columns that do not depend on others; None where none does."""
        if self._newton is not None or not self.existence.dependencies:
            return None
        beside = self.existence.dependencies
        names = self.model.names
        kept = [j for j, name in enumerate(names) if name not in beside]
        values = dict(zip(names, self.coefficients.tolist(), strict=True))
        model = model_of(
            self.model.design[:, kept],
            self.model.response,
            [names[j] for j in kept],
            offset=self.model.offset,
            weights=self.model.frequency_weights,
            labels=self.model.row_labels,
            response_name=self.model.response_name,
        )
        gathered = [
            values[name]
            + sum(values[each] * parts.get(name, 0.0) for each, parts in beside.items())
            for name in model.names
        ]
        return Standing(model, np.array(gathered), self.tolerance)

    @cached_property
    def _at_once(self) -> bool:
        """Whether the certificate alone proves it, which is not asked where it is in vain."""
        return not self._left > self.tolerance and self.certificate.error_bound <= self.tolerance

    @cached_property
    def _left(self) -> float:
        """Length of the next Newton step in standard errors, about; NaN where there is none."""
        score, information = self._derivatives
        try:
            step = np.linalg.solve(information, score)
        except np.linalg.LinAlgError:
            return math.nan
        return math.sqrt(max(float(score @ step), 0.0))

    @cached_property
    def _derivatives(self) -> tuple[Array, Array]:
        """Score and information there."""
        here = self.model.rows.reduce(lambda block: moments(block, self.coefficients))
        assert here.information is not None  # noqa: S101
        return here.score, here.information

    @property
    def _seems_dependent(self) -> bool:
        """Whether the columns look as if Newton's method would end nowhere. It proves nothing."""
        information = self._derivatives[1]
        scale = np.sqrt(np.diag(information))
        if not (scale > 0).all():
            return True
        return not np.linalg.eigvalsh(information / np.outer(scale, scale))[0] > ALL_BUT_ZERO

    @cached_property
    def _newton(self) -> PointEstimate | None:
        """Where Newton's method ends, converged or not; None where there is nothing to go to."""
        known = "existence" in vars(self) or self._seems_dependent
        if known and not self.existence.exists:
            return None
        try:
            return newton_of(self.model)
        except MLEDoesNotExistError as error:
            self.existence = error.existence
            return None
        except NotConvergedError:
            return None
