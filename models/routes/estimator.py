"""`LogisticMLE`: the Newton route as a scikit-learn classifier, for pipelines and searches."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from flatprior.models.common.arrays import Array
from flatprior.models.common.calls import check_choice
from flatprior.models.common.error_state import own_error_state
from flatprior.models.common.errors import InputError, PrecisionError
from flatprior.models.common.text import count, first_of, printable
from flatprior.models.dependence.as_held import sums_to_one, with_codes
from flatprior.models.designs.coded import Structured
from flatprior.models.encoding.aliased import HOLDS
from flatprior.models.encoding.arrays import design_columns
from flatprior.models.encoding.columns.checks import check_finite, check_names, of_sensible_size
from flatprior.models.encoding.frames import is_table, one_column, to_pandas
from flatprior.models.encoding.response import Outcomes
from flatprior.models.encoding.sampling import SamplingDesign
from flatprior.models.encoding.sparse_matrices import (
    all_sparse,
    check_parts,
    is_sparse_frame,
    is_sparse_matrix,
)
from flatprior.models.estimate import PointEstimate
from flatprior.models.existence.check import check_existence, require_mle
from flatprior.models.existence.limiting import Limiting, left_in_place
from flatprior.models.existence.messages import one_hot_message
from flatprior.models.model import BernoulliLogistic
from flatprior.models.results import Existence, MLEDoesNotExistError
from flatprior.models.routes.newton import converged_mle
from flatprior.models.rows import ArrayRows

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

SEPARATED = ("complete separation", "quasi-complete separation")


@own_error_state
class LogisticMLE(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Unpenalised logistic regression as a scikit-learn classifier, with a certificate.

    Unlike `sklearn.linear_model.LogisticRegression` it has no penalty and no tolerance: it fits to
    the last digits, or refuses data whose MLE does not exist. Whatever it takes, dense or sparse,
    of 32 bits or 64, it computes in double precision.

    Parameters
    ----------
    fit_intercept : bool
        Add an intercept.
    class_weight : dict, "balanced" or None
        Weights of the classes, by which those of the rows are multiplied: of a dict, in which a
        class that is missing has 1, or n / (2 n_c) for a class of n_c rows (of weights, where there
        are `sample_weight`). What is maximised is then no likelihood of the data, and coefficients
        are those of a population in which the classes are so much more frequent: where the model is
        right, the intercept moves and the others stay. The certificate is that of the weighted sum.
        Standard errors of `estimate_` are those of sampling weights (a sandwich): each row is an
        observation, also where `sample_weight` counts, and weights are taken as given.
    aliased : {"raise", "drop"}
        What to do where columns are combinations of others, such as all levels of a
        `OneHotEncoder` and the intercept: raise, or leave out those that R leaves out, the last of
        each group, and name them in `aliased_`.
    separated : {"raise", "limit"}
        What to do where the classes are separated, so that there is no MLE: raise, or fit what the
        likelihood approaches. `coef_` then has infinities, and separated rows have probabilities of
        exactly 0 and 1.

    Attributes
    ----------
    classes_ : ndarray (2,)
        The second, in sorted order as in all of scikit-learn, counts as the event; `estimate_` says
        so too. Where the other one is to count, a model is built with ``event=``.
    coef_ : ndarray (1, n_features)
        Of float32 where `X` was, as scikit-learn has it; `estimate_` has the doubles. 0 for columns
        left out, ±inf for what goes there, NaN for what separated rows do not determine.
    intercept_ : ndarray (1,)
    n_features_in_ : int
    feature_names_in_ : ndarray (n_features,)
        Only if `X` had names.
    n_iter_ : ndarray (1,)
        Newton steps taken.
    estimate_ : PointEstimate or None
        Standard errors, log-likelihood and certificate. Its coefficients are in the order intercept
        (if any), features, without those of `aliased_`. None where `existence_` is not.
    aliased_ : ndarray of str
        Names of columns that were left out. Their coefficients are no estimates: together with the
        others' they give the fitted probabilities, in which alone all choices of columns agree. Of
        rows in which these columns are not the combinations that they were, such as a level
        unknown to ``OneHotEncoder(handle_unknown="ignore")``, the data say nothing; they are
        predicted as the coefficients have it, with a warning.
    existence_ : Existence or None
        Of separated classes: which rows, where coefficients go, and of those that stay finite the
        limits with their standard errors. None where the MLE exists.

    Notes
    -----
    Where classes are separated, predictions are the limit along ``existence_.direction``: in new
    rows of which other directions that separate say the contrary, the data do not determine it.
    `decision_function` is infinite there.

    Examples
    --------
    >>> from flatprior.models import LogisticMLE, load_spector
    >>> data = load_spector()
    >>> classifier = LogisticMLE().fit(data[["gpa", "tuce", "psi"]], data["grade"])
    >>> classifier.coef_.round(4).tolist()
    [[2.8261, 0.0952, 2.3787]]
    >>> classifier.estimate_.certificate.error_bound < 1e-10
    True

    With scikit-learn's defaults, `OneHotEncoder` makes a sparse matrix of all levels:

    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import OneHotEncoder
    >>> pipeline = make_pipeline(OneHotEncoder(), LogisticMLE(aliased="drop"))
    >>> pipeline.fit(data[["psi"]], data["grade"])[-1].coef_.round(4).tolist()
    [[-1.8971, 0.0]]
    >>> pipeline[-1].aliased_.tolist()
    ['x1']
    """

    def __init__(
        self,
        *,
        fit_intercept: bool = True,
        class_weight: Mapping[Any, float] | Literal["balanced"] | None = None,
        aliased: Literal["raise", "drop"] = "raise",
        separated: Literal["raise", "limit"] = "raise",
    ):
        self.fit_intercept = fit_intercept
        self.class_weight = class_weight
        self.aliased = aliased
        self.separated = separated

    def fit(
        self, X: ArrayLike | pd.DataFrame, y: ArrayLike, sample_weight: ArrayLike | None = None
    ) -> LogisticMLE:
        """Fit by maximum likelihood.

        Parameters
        ----------
        X : array_like or sparse (n, n_features), or DataFrame
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
            If the MLE is not proved to exist, such as with separated classes, and this was not
            provided for.
        NotConvergedError
            If it exists, and the fit is not proved to be near it.
        ValueError
            If the data or weights are not usable, or there are not two classes.
        """
        if not isinstance(self.fit_intercept, bool | np.bool_):
            raise InputError(f"fit_intercept must be True or False, not {self.fit_intercept!r}")
        check_choice("aliased", self.aliased, ("raise", "drop"))
        check_choice("separated", self.separated, ("raise", "limit"))
        X, y = _taken(X), one_column(y)
        design, y = cast(
            "tuple[Any, NDArray[Any]]",
            validate_data(self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32]),
        )
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
        names = names or [f"x{j}" for j in range(design.shape[1])]
        model = self._model(design, response, names, sample_weight)
        other, event = self.classes_.tolist()
        said = (other, event) != (0, 1) or event is True
        model = replace(model, response_coding=Outcomes(other, event, said).coding)
        self._take(model, design.dtype)
        return self

    def _take(self, model: BernoulliLogistic, dtype: Any) -> None:
        """Fit a model, and keep what it says in scikit-learn's words."""
        first = int(self.fit_intercept)
        fitted, self._limit = model, None
        try:
            fitted = self._without_aliased(model)
            fit = converged_mle(fitted)
            self.estimate_: PointEstimate | None = fit
            self.existence_: Existence | None = None
            found, steps = fit.coefficients, fit.n_iterations
        except MLEDoesNotExistError as error:
            if self.separated != "limit" or error.existence.kind not in SEPARATED:
                raise MLEDoesNotExistError(self._remedied(model, error.existence)) from error
            self.estimate_, self.existence_ = None, error.existence
            beta, steps = _fit_in_place(fitted, error.existence)
            limit = Limiting.of(fitted, error.existence, beta)
            found, self._limit = limit.goes, limit
        self._left_out = fitted.aliased
        left = [] if fitted.aliased is None else list(fitted.aliased.names)
        self.aliased_ = np.array(left, dtype=object)
        coefficients = np.zeros(model.n_parameters)
        kept = np.arange(len(coefficients)) if fitted.aliased is None else fitted.aliased.kept
        coefficients[kept] = found
        if self._limit is not None:
            self._limit = self._limit.among(kept, len(coefficients))
        coefficients = _in_precision(coefficients, dtype)
        self.intercept_ = coefficients[:1] if first else np.zeros(1, coefficients.dtype)
        self.coef_: Any = coefficients[None, first:]
        self.n_iter_ = np.array([steps], dtype=np.int32)

    def _without_aliased(self, model: BernoulliLogistic) -> BernoulliLogistic:
        """The model without the columns that are to be left out; an error where they are not."""
        if self.aliased == "drop":
            return model.without_aliased()
        coded = with_codes(model.arrays.design, model.names)
        if coded is not None and sums_to_one(coded) != {}:
            # by counting, long before a fit would find it
            require_mle(replace(model, rows=replace(model.arrays, design=coded)))
        return model

    def _remedied(self, model: BernoulliLogistic, existence: Existence) -> Existence:
        """The verdict, with what may be asked of this class."""
        message = existence.message
        if existence.kind in SEPARATED:
            message += '; separated="limit" fits what the likelihood approaches'
        if existence.kind == "rank deficient":
            intercept = model.names[0] if self.fit_intercept else None
            message = one_hot_message(model, existence.dependencies, intercept) or message
            if self.separated == "raise" and _separated_without_aliased(model):
                message += (
                    "; the columns that are left separate the outcomes, "
                    'so that separated="limit" is needed besides'
                )
        return replace(existence, message=message)

    def _model(
        self, X: Any, response: NDArray[Any], names: list[str], sample_weight: ArrayLike | None
    ) -> BernoulliLogistic:
        weights = None
        if sample_weight is not None:
            weights = _check_sample_weight(
                sample_weight, X, dtype=np.float64, ensure_non_negative=True
            )
        if self.class_weight is not None:
            weights = self._of_classes(response, weights)
        labels, outcomes = np.arange(X.shape[0]), response.astype(float)
        if weights is not None and not weights.all():
            labels = np.flatnonzero(weights)
            X, outcomes, weights = X[labels], outcomes[labels], weights[labels]
            if len(np.unique(outcomes)) < 2:
                named = "sample_weight" if self.class_weight is None else "weight"
                raise InputError(f"LogisticMLE needs two classes of positive {named}")
        if self.fit_intercept:
            # a feature may have any name, that of the intercept included
            const = "const"
            while const in names:
                const += "_"
            names = [const, *names]
        check_names(tuple(names))
        rows = ArrayRows(_design(X, names), outcomes, None, weights)
        if not of_sensible_size(rows.extent.columns):
            check_finite(rows.design.astype(float, copy=False), names, pd.Index(labels))
        # else they say how many people a row speaks for
        counted = rows.weights_count and self.class_weight is None
        given = {"sample_weight": sample_weight, "class_weight": self.class_weight}
        called = " and ".join(name for name, value in given.items() if value is not None)
        return BernoulliLogistic(
            rows=rows,
            names=tuple(names),
            response_name="y",
            response_coding="",
            row_labels=pd.Index(labels),
            weights_name=called if counted and weights is not None else None,
            sampling=None if counted else SamplingDesign(weights=called),
        )

    def _of_classes(self, response: NDArray[Any], weights: Array | None) -> Array:
        """Weights of rows (n,) whose classes have weights of their own."""
        given = self.class_weight
        counts = np.bincount(response, weights, 2)
        if given == "balanced" and isinstance(given, str):
            if not counts.all():
                raise InputError("LogisticMLE needs two classes of positive sample_weight")
            of_class = counts.sum() / (2 * counts)
        elif isinstance(given, Mapping):
            classes = self.classes_.tolist()
            without = [each for each in classes if each not in given]
            if without and len(given) != 2 - len(without):
                raise InputError(
                    f"the classes {first_of(map(repr, without))} are not in class_weight, which "
                    f"has {first_of(printable(repr(key)) for key in given)}; name the classes as "
                    "they are in y"
                )
            values = [given.get(each, 1.0) for each in classes]
            try:
                of_class = np.array(values, dtype=float)
            except (TypeError, ValueError):
                of_class = np.full(2, np.nan)
        else:
            raise InputError(f'class_weight must be a dict, "balanced" or None, not {given!r}')
        if not (np.isfinite(of_class).all() and (of_class >= 0).all()):
            raise InputError(f"class_weight must have numbers that are not negative, not {given!r}")
        found: Array = of_class[response]
        if weights is not None:
            with np.errstate(over="ignore"):
                found *= weights
        if not np.isfinite(found).all():
            raise InputError("class_weight times sample_weight is no finite number; rescale one")
        return found

    def _log_odds(self, X: ArrayLike | pd.DataFrame) -> tuple[Array, Any]:
        """Log-odds in double precision, and the type that they are to have."""
        check_is_fitted(self)
        design: Any = validate_data(
            self, _taken(X), reset=False, accept_sparse="csr", dtype=[np.float64, np.float32]
        )
        kept = np.result_type(design.dtype, self.coef_.dtype)
        design = design.astype(np.float64, copy=False)
        self._warn_of_unknown(design)
        if self._limit is not None:
            return self._limit.log_odds(design), kept
        coef = _dense(self.coef_)[0].astype(float)
        return np.asarray(design @ coef + float(self.intercept_[0])), kept

    def _warn_of_unknown(self, design: Any) -> None:
        """Warn of rows in which columns left out are not the combinations that they were."""
        if self._left_out is None:
            return
        m, k = design.shape
        own, others = np.split(self._left_out.null, [len(self._left_out.null) - k])
        rest = np.abs(design @ others + own.sum(axis=0))
        size = abs(design) @ np.abs(others) + np.abs(own).sum(axis=0)
        unknown = int(np.count_nonzero((rest > HOLDS * size).any(axis=1)))
        if unknown:
            warnings.warn(
                f"in {unknown} of {count(m, 'row')} columns left out are not the combinations of "
                "others that they were in the data fitted, such as where a level is unknown: these "
                "predictions depend on which columns were left out (aliased_)",
                UserWarning,
                stacklevel=4,
            )

    def decision_function(self, X: ArrayLike | pd.DataFrame) -> Array:
        """Log-odds of ``classes_[1]``, (m,), for rows X (m, n_features)."""
        odds, kept = self._log_odds(X)
        with np.errstate(over="ignore"):
            return odds.astype(kept, copy=False)

    def predict_proba(self, X: ArrayLike | pd.DataFrame) -> Array:
        """Probabilities of the two classes, (m, 2), for rows X (m, n_features)."""
        odds, kept = self._log_odds(X)
        # each from its own exponential: small probabilities keep their relative accuracy
        with np.errstate(over="ignore"):
            found = np.column_stack([1 / (1 + np.exp(odds)), 1 / (1 + np.exp(-odds))])
        return found.astype(kept, copy=False)

    def predict_log_proba(self, X: ArrayLike | pd.DataFrame) -> Array:
        """Logarithms of `predict_proba`, finite where the probability underflows, (m, 2)."""
        odds, kept = self._log_odds(X)
        found = -np.logaddexp(0.0, np.column_stack([odds, -odds]))
        with np.errstate(over="ignore"):
            return found.astype(kept, copy=False)

    def predict(self, X: ArrayLike | pd.DataFrame) -> NDArray[Any]:
        """The more probable class of each row, (m,)."""
        event = self._log_odds(X)[0] > 0
        return cast("NDArray[Any]", self.classes_[event.astype(int)])

    def sparsify(self) -> LogisticMLE:
        """Hold `coef_` as a sparse matrix."""
        check_is_fitted(self)
        self.coef_ = sparse.csr_matrix(self.coef_)
        return self

    def densify(self) -> LogisticMLE:
        """Hold `coef_` as an array again."""
        check_is_fitted(self)
        self.coef_ = _dense(self.coef_)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.sparse = True
        return tags


def _taken(X: Any) -> Any:
    """What was given, as scikit-learn takes it, whose checks look at numbers and shapes alone."""
    if is_sparse_matrix(X) and X.ndim == 2:
        check_parts(X)
    if is_sparse_frame(X):
        return all_sparse(X)  # scikit-learn would write out the others with them
    return to_pandas(X) if is_table(X) else X


def _dense(coef: Any) -> NDArray[Any]:
    return np.asarray(coef.toarray() if is_sparse_matrix(coef) else coef)


def _design(X: Any, names: list[str]) -> Any:
    """The columns of a model, with a column of ones where there is a name more."""
    ones = len(names) > X.shape[1]
    if is_sparse_matrix(X):
        X = design_columns(X, names[1:] if ones else names)[0]
        if isinstance(X, Structured):
            return X.behind_ones() if ones else X
    return np.column_stack([np.ones(len(X), X.dtype), X]) if ones else np.ascontiguousarray(X)


def _fit_in_place(model: BernoulliLogistic, existence: Existence) -> tuple[Array, int]:
    """Coefficients (k,) of the rows that are not separated, and steps to them.

    0 where these rows do not determine one.
    """
    beta, rest = np.zeros(model.n_parameters), left_in_place(model, existence)
    if rest is None:
        return beta, 0
    fit = converged_mle(rest)
    beta[slice(None) if rest.aliased is None else rest.aliased.kept] = fit.coefficients
    return beta, fit.n_iterations


def _in_precision(values: Array, dtype: Any) -> NDArray[Any]:
    """Doubles as they are, or as floats of 32 bits where these can hold them."""
    if dtype != np.float32:
        return values
    with np.errstate(all="ignore"):
        single = values.astype(np.float32)
        apart = np.abs(single - values)
    held = (apart <= np.finfo(np.float32).eps * np.abs(values)) | ~np.isfinite(values)
    return single if held.all() else values


def _plain(y: NDArray[Any]) -> NDArray[Any]:
    """Truth values or numbers as what they are; as objects scikit-learn knows no such type."""
    plain = np.array(y.tolist()) if y.dtype == object else y
    return plain if plain.dtype.kind in "bif" else y


def _separated_without_aliased(model: BernoulliLogistic) -> bool:
    """Whether columns separate the outcomes when those that depend on them are left out."""
    try:
        return check_existence(model.without_aliased()).kind in SEPARATED
    except (PrecisionError, InputError):
        return False
