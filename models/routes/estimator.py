"""`LogisticMLE`: the Newton route as a scikit-learn classifier, for pipelines and searches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from flatprior.models.common.arrays import Array
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError
from flatprior.models.encoding.columns.checks import check_finite, check_names, of_sensible_size
from flatprior.models.encoding.frames import is_table, one_column, to_pandas
from flatprior.models.encoding.response import Outcomes
from flatprior.models.encoding.sampling import SamplingDesign
from flatprior.models.model import BernoulliLogistic
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@own_error_state
class LogisticMLE(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Unpenalised logistic regression as a scikit-learn classifier, with a certificate.

    Unlike `sklearn.linear_model.LogisticRegression` it has no penalty and no tolerance: it fits to
    the last digits, or refuses data whose MLE does not exist.

    Parameters
    ----------
    fit_intercept : bool
        Add an intercept.

    Attributes
    ----------
    classes_ : ndarray (2,)
        The second, in sorted order as in all of scikit-learn, counts as the event; `estimate_` says
        so too. Where the other one is to count, a model is built with ``event=``.
    coef_ : ndarray (1, n_features)
    intercept_ : ndarray (1,)
    n_features_in_ : int
    feature_names_in_ : ndarray (n_features,)
        Only if `X` had names.
    n_iter_ : int
        Newton steps taken.
    estimate_ : PointEstimate
        Standard errors, log-likelihood and certificate. Its coefficients are in the order intercept
        (if any), features.

    Examples
    --------
    >>> from flatprior.models import LogisticMLE, load_spector
    >>> data = load_spector()
    >>> classifier = LogisticMLE().fit(data[["gpa", "tuce", "psi"]], data["grade"])
    >>> classifier.coef_.round(4).tolist()
    [[2.8261, 0.0952, 2.3787]]
    >>> classifier.estimate_.certificate.error_bound < 1e-10
    True
    """

    def __init__(self, *, fit_intercept: bool = True):
        self.fit_intercept = fit_intercept

    def fit(
        self, X: ArrayLike | pd.DataFrame, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> LogisticMLE:
        """Fit by maximum likelihood.

        Parameters
        ----------
        X : array_like (n, n_features)
        y : array_like (n,)
            Two classes.
        sample_weight : array_like (n,), optional
            Weight of each row's log-likelihood, not negative; a whole number equals so many copies
            of the row, and standard errors of `estimate_` are those of counts. Other weights are
            taken as sampling weights, see `BernoulliLogistic.from_formula`.

        Returns
        -------
        LogisticMLE

        Raises
        ------
        MLEDoesNotExistError
            If the MLE is not proved to exist, such as with separated classes.
        NotConvergedError
            If it exists, and the fit is not proved to be near it.
        ValueError
            If the data or weights are not usable, or there are not two classes.
        """
        if not isinstance(self.fit_intercept, bool | np.bool_):
            raise InputError(f"fit_intercept must be True or False, not {self.fit_intercept!r}")
        X, y = to_pandas(X) if is_table(X) else X, one_column(y)
        design, y = cast("tuple[Array, NDArray[Any]]", validate_data(self, X, y, dtype=np.float64))
        y = _plain(y)
        check_classification_targets(y)
        kind = type_of_target(y, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise InputError(
                f"Only binary classification is supported. The type of the target is {kind}."
            )
        self.classes_, response = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise InputError(
                "LogisticMLE needs two classes; the data contain only one class: "
                f"{self.classes_[0]}"
            )
        names = [str(name) for name in getattr(self, "feature_names_in_", ())]
        model = self._model(design, response.astype(float), names, sample_weight)
        other, event = self.classes_.tolist()
        said = (other, event) != (0, 1) or event is True
        model = replace(model, response_coding=Outcomes(other, event, said).coding)
        self.estimate_ = converged_mle(model)
        coefficients = self.estimate_.coefficients
        self.intercept_ = coefficients[:1] if self.fit_intercept else np.zeros(1)
        self.coef_ = coefficients[None, 1:] if self.fit_intercept else coefficients[None]
        self.n_iter_ = self.estimate_.n_iterations
        return self

    def _model(
        self, X: Array, response: Array, names: list[str], sample_weight: ArrayLike | None
    ) -> BernoulliLogistic:
        names = names or [f"x{j}" for j in range(X.shape[1])]
        if self.fit_intercept:
            # a feature may have any name, that of the intercept included
            const = "const"
            while const in names:
                const += "_"
            X = np.column_stack([np.ones(len(X)), X])
            names = [const, *names]
        labels = np.arange(len(X))
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
            labels = np.flatnonzero(weights > 0)
            X, response, weights = X[labels], response[labels], weights[labels]
            if len(np.unique(response)) < 2:
                raise InputError("LogisticMLE needs two classes of positive sample_weight")
        check_names(tuple(names))
        rows = ArrayRows(np.ascontiguousarray(X), response, None, weights)
        if not of_sensible_size(rows.extent.columns):
            check_finite(X, names, pd.Index(labels))
        counted = rows.weights_count  # else they say how many people a row speaks for
        return BernoulliLogistic(
            rows=rows,
            names=tuple(names),
            response_name="y",
            response_coding="",
            row_labels=pd.Index(labels),
            weights_name="sample_weight" if counted and weights is not None else None,
            sampling=None if counted else SamplingDesign(weights="sample_weight"),
        )

    def decision_function(self, X: ArrayLike | pd.DataFrame) -> Array:
        """Log-odds of ``classes_[1]``, (m,), for rows X (m, n_features)."""
        check_is_fitted(self)
        X = to_pandas(X) if is_table(X) else X
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return np.asarray(X @ self.coef_[0] + self.intercept_[0])

    def predict_proba(self, X: ArrayLike | pd.DataFrame) -> Array:
        """Probabilities of the two classes, (m, 2), for rows X (m, n_features)."""
        odds = self.decision_function(X)
        # each from its own exponential: small probabilities keep their relative accuracy
        with np.errstate(over="ignore"):
            return np.column_stack([1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds))])

    def predict_log_proba(self, X: ArrayLike | pd.DataFrame) -> Array:
        """Logarithms of `predict_proba`, finite where the probability underflows, (m, 2)."""
        odds = self.decision_function(X)
        return -np.logaddexp(0.0, np.column_stack([odds, -odds]))

    def predict(self, X: ArrayLike | pd.DataFrame) -> NDArray[Any]:
        """The more probable class of each row, (m,)."""
        event = self.decision_function(X) > 0
        return cast("NDArray[Any]", self.classes_[event.astype(int)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


def _plain(y: NDArray[Any]) -> NDArray[Any]:
    """Truth values or numbers as what they are; as objects scikit-learn knows no such type."""
    plain = np.array(y.tolist()) if y.dtype == object else y
    return plain if plain.dtype.kind in "bif" else y
