"""`LogisticMLE` against scikit-learn's own checks, and against the Newton route."""

import pickle
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
from problems import CASES, simulated
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from flatprior.models import (
    BernoulliLogistic,
    LogisticMLE,
    MLEDoesNotExistError,
    PointEstimate,
    fit_newton,
    load_spector,
)
from flatprior.models.designs.coded import Structured

SEPARATED = "the data of this check are separated: they have no MLE and are refused"
DEPENDENT = "this check has more features than rows: the MLE is not unique and is refused"
REFUSED = dict.fromkeys(
    [
        "check_classifiers_classes",
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_estimators_fit_returns_self",
        "check_estimators_overwrite_params",
        "check_estimators_pickle",
        "check_f_contiguous_array_estimator",
        "check_fit2d_1feature",
        "check_fit2d_predict1d",
        "check_methods_sample_order_invariance",
        "check_methods_subset_invariance",
        "check_pipeline_consistency",
        "check_positive_only_tag_during_fit",
        "check_readonly_memmap_input",
        "check_sample_weights_not_overwritten",
        "check_sample_weights_shape",
    ],
    SEPARATED,
) | dict.fromkeys(
    [
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    ],
    DEPENDENT,
)
NOT_CENTRED = {
    "check_class_weight_classifiers": "LogisticRegression without an intercept fails it, too"
}
TAKES_ALL = {"aliased": "drop", "separated": "limit"}
if tuple(map(int, version("scikit-learn").split(".")[:2])) < (1, 7):
    # they make two classes of three otherwise, the middle against the outer ones, which overlap
    for check in (
        "check_dict_unchanged",
        "check_dont_overwrite_parameters",
        "check_f_contiguous_array_estimator",
        "check_fit2d_predict1d",
        "check_methods_subset_invariance",
    ):
        del REFUSED[check]
    TWO_PROBLEMS = dict.fromkeys(
        [
            "check_sample_weight_equivalence_on_dense_data",
            "check_sample_weight_equivalence_on_sparse_data",
        ],
        "the two fits of this check have other classes in common",
    )
else:
    TWO_PROBLEMS = {}


def expected_failures(estimator):
    if estimator.separated == "raise":
        return REFUSED
    return TWO_PROBLEMS | ({} if estimator.fit_intercept else NOT_CENTRED)


@parametrize_with_checks(
    [
        LogisticMLE(),
        LogisticMLE(**TAKES_ALL),
        LogisticMLE(**TAKES_ALL, fit_intercept=False, class_weight="balanced"),
    ],
    expected_failed_checks=expected_failures,
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore:in .* columns left out are not:UserWarning")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


def test_the_fit_is_that_of_the_newton_route_with_names():
    data = load_spector()
    classifier = LogisticMLE().fit(data[["gpa", "tuce", "psi"]], data["grade"])
    fit = fit_newton(BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data))
    assert np.append(classifier.intercept_, classifier.coef_) == pytest.approx(
        fit.coefficients, rel=1e-13
    )
    assert classifier.estimate_.names == ("const", "gpa", "tuce", "psi")
    assert classifier.feature_names_in_.tolist() == ["gpa", "tuce", "psi"]
    assert classifier.estimate_.certificate.error_bound < 1e-10


def test_a_feature_may_be_called_const():
    data = load_spector().rename(columns={"gpa": "const"})
    names = LogisticMLE().fit(data[["const", "psi"]], data["grade"]).estimate_.names
    assert names == ("const_", "const", "psi")


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_predictions_equal_scikit_learns(fit_intercept):
    X, y = simulated(300, 5, seed=2)
    X = X[:, 1:]
    words = np.array(["no", "yes"])[y.astype(int)]
    ours = LogisticMLE(fit_intercept=fit_intercept).fit(X, words)
    theirs = LogisticRegression(
        C=np.inf, solver="newton-cholesky", tol=1e-12, fit_intercept=fit_intercept
    ).fit(X, words)
    assert ours.classes_.tolist() == ["no", "yes"]
    assert ours.coef_.shape == theirs.coef_.shape
    assert ours.intercept_.shape == (1,)
    assert ours.coef_ == pytest.approx(theirs.coef_, rel=1e-8)
    assert ours.predict_proba(X) == pytest.approx(theirs.predict_proba(X), rel=1e-8)
    assert ours.predict_log_proba(X) == pytest.approx(theirs.predict_log_proba(X), rel=1e-8)
    assert (ours.predict(X) == theirs.predict(X)).all()
    assert ours.score(X, words) == theirs.score(X, words)


def test_probabilities_keep_their_relative_accuracy():
    X, y = simulated(300, 2, seed=3)
    classifier = LogisticMLE(fit_intercept=False).fit(X, y)
    far = np.array([[0.0, 700 / classifier.coef_[0, 1]], [0.0, -900 / classifier.coef_[0, 1]]])
    assert classifier.predict_proba(far)[0, 0] == pytest.approx(np.exp(-700), rel=1e-10)
    assert classifier.predict_log_proba(far)[1] == pytest.approx([0, -900], rel=1e-12)


def test_weights_equal_repetition():
    X, y = simulated(80, 4, seed=4)
    weights = np.random.default_rng(4).integers(0, 4, size=80)
    weighted = LogisticMLE(fit_intercept=False).fit(X, y, sample_weight=weights)
    repeated = LogisticMLE(fit_intercept=False).fit(np.repeat(X, weights, 0), np.repeat(y, weights))
    assert weighted.coef_ == pytest.approx(repeated.coef_, rel=1e-12)
    assert weighted.estimate_.standard_errors == pytest.approx(
        repeated.estimate_.standard_errors, rel=1e-12
    )


@pytest.mark.parametrize("size", [1e-300, 1e-20, 1 / 80, 0.5, 1e16, 1e200])
def test_weights_that_are_no_counts_leave_the_rows_as_observations(size, tmp_path):
    """They say how many people a row speaks for, whatever their unit: errors are of the rows."""
    X, y = simulated(80, 4, seed=4)
    weights = np.random.default_rng(4).integers(1, 4, size=80)
    fit = LogisticMLE(fit_intercept=False).fit(X, y, sample_weight=size * weights).estimate_
    model = BernoulliLogistic.from_arrays(X, y, sampling_weights=weights)
    assert fit.provenance.n_observations == 80
    assert fit.coefficients == pytest.approx(fit_newton(model).coefficients, rel=1e-10)
    assert fit.standard_errors == pytest.approx(fit_newton(model).standard_errors, rel=1e-10)
    fit.save(tmp_path / "fit.json")
    found = PointEstimate.load(tmp_path / "fit.json")
    assert found.standard_errors == pytest.approx(fit.standard_errors, rel=1e-14)
    with pytest.raises(ValueError, match="BIC needs a likelihood"):
        _ = found.bic


def test_a_feature_name_that_is_no_text_is_refused():
    X, y = simulated(80, 2, seed=4)
    frame = pd.DataFrame(X, columns=pd.Index(["a\ud800", "b"], dtype=object))
    with pytest.raises(ValueError, match="lone surrogate"):
        LogisticMLE(fit_intercept=False).fit(frame, y)


def test_separated_classes_are_refused_with_their_reason():
    case = CASES["complete_1d"]
    with pytest.raises(MLEDoesNotExistError, match="complete separation") as caught:
        LogisticMLE(fit_intercept=False).fit(case.frame, case.response)
    assert caught.value.existence.coefficients == {"x0": "-inf", "x1": "+inf"}


def test_one_class_is_refused():
    with pytest.raises(ValueError, match="only one class: a"):
        LogisticMLE().fit([[1.0], [2.0]], ["a", "a"])
    with pytest.raises(ValueError, match="two classes of positive sample_weight"):
        LogisticMLE().fit([[1.0], [2.0], [3.0]], [0, 1, 1], sample_weight=[0, 1, 1])


def test_it_works_in_pipelines_and_survives_pickling():
    X, y = simulated(300, 4, seed=5)
    pipeline = make_pipeline(StandardScaler(), LogisticMLE())
    assert np.isfinite(cross_val_score(pipeline, X[:, 1:], y, scoring="neg_log_loss")).all()
    classifier = LogisticMLE(fit_intercept=False).fit(X, y)
    again = pickle.loads(pickle.dumps(classifier))  # noqa: S301
    assert (again.predict_proba(X) == classifier.predict_proba(X)).all()


@pytest.mark.parametrize("value", ["no", 0, None])
def test_what_is_neither_true_nor_false_is_not_taken_for_either(value):
    X, y = simulated(80, 2, seed=4)
    with pytest.raises(ValueError, match="fit_intercept must be True or False"):
        LogisticMLE(fit_intercept=value).fit(X, y)


def test_a_negative_weight_is_refused_and_not_left_out():
    X, y = simulated(40, 2, seed=3)
    weights = np.ones(40)
    LogisticMLE().fit(X[:, 1:], y, sample_weight=np.where(np.arange(40) == 7, 0.0, weights))
    weights[7] = -1.0
    with pytest.raises(ValueError, match=r"[Nn]egative values"):
        LogisticMLE().fit(X[:, 1:], y, sample_weight=weights)


@pytest.mark.parametrize(
    ("classes", "coding"),
    [([0, 1], ""), ([False, True], "True = 1, False = 0"), (["a", "b"], "b = 1, a = 0"),
     ([1, 2], "2 = 1, 1 = 0")],
)  # fmt: skip
def test_the_coding_of_the_classes_is_said(classes, coding):
    X = np.arange(6.0)[:, None]
    for dtype in (None, object):
        y = np.array([classes[i] for i in (0, 1, 0, 1, 0, 1)], dtype=dtype)
        fit = LogisticMLE().fit(X, y)
        assert fit.classes_.tolist() == classes
        assert (fit.estimate_.provenance.response_coding or "") == coding
        assert fit.predict(X[:2]).dtype.kind == np.array(classes).dtype.kind or dtype is object


def test_class_weights_make_no_counts():
    """Weights of 1 and 3 would be counts; standard errors are those of rows that were drawn."""
    X, y = simulated(200, 3, seed=6)
    weights = np.where(y == 1, 3.0, 1.0)
    fit = LogisticMLE(fit_intercept=False, class_weight={1: 3}).fit(X, y).estimate_
    model = BernoulliLogistic.from_arrays(X, y, sampling_weights=weights)
    expected = fit_newton(model)
    assert fit.coefficients == pytest.approx(expected.coefficients, rel=1e-12)
    assert fit.standard_errors == pytest.approx(expected.standard_errors, rel=1e-10)
    assert fit.provenance.n_observations == 200
    assert fit.certificate.error_bound < 1e-8
    with pytest.raises(ValueError, match="BIC needs a likelihood"):
        _ = fit.bic


def test_repeated_rows_and_class_weights_are_rows():
    X, y = simulated(200, 3, seed=6)
    counts = np.random.default_rng(6).integers(1, 4, size=200)
    whole = LogisticMLE(fit_intercept=False, class_weight={1: 2})
    one = whole.fit(X, y, sample_weight=counts).estimate_
    two = whole.fit(np.repeat(X, counts, 0), np.repeat(y, counts)).estimate_
    assert one.coefficients == pytest.approx(two.coefficients, rel=1e-11)
    assert (one.standard_errors > two.standard_errors).all()  # fewer observations


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("even", 'must be a dict, "balanced" or None'),
        (3, 'must be a dict, "balanced" or None'),
        ({1: -1.0}, "not negative"),
        ({1: np.nan}, "not negative"),
        ({1: np.inf}, "not negative"),
        ({1: None}, "must have numbers"),
        ({1: "much"}, "must have numbers"),
        ({0: 1, 2: 3}, "the classes 1 are not in class_weight, which has 0, 2"),
        ({0: 0.0}, "two classes of positive weight"),
    ],
)
def test_class_weights_that_are_none_are_refused(given, message):
    X, y = simulated(80, 2, seed=4)
    with pytest.raises(ValueError, match=message):
        LogisticMLE(class_weight=given).fit(X[:, 1:], y.astype(int))


@pytest.mark.parametrize(
    "options", [{"aliased": "leave"}, {"separated": "drop"}, {"aliased": None}]
)
def test_choices_are_checked(options):
    X, y = simulated(80, 2, seed=4)
    with pytest.raises(ValueError, match=r"must be \"raise\" or"):
        LogisticMLE(**options).fit(X[:, 1:], y)


def test_separated_classes_have_their_limit():
    case = CASES["complete_1d"]
    classifier = LogisticMLE(fit_intercept=False, separated="limit").fit(case.frame, case.response)
    assert classifier.estimate_ is None
    assert classifier.existence_.kind == "complete separation"
    assert classifier.coef_.tolist() == [[-np.inf, np.inf]]
    assert classifier.n_iter_.tolist() == [0]
    assert (classifier.predict_proba(case.frame).max(axis=1) == 1).all()
    assert (classifier.predict(case.frame) == case.response).all()
    with pytest.raises(MLEDoesNotExistError, match='separated="limit" fits what the likelihood'):
        LogisticMLE(fit_intercept=False).fit(case.frame, case.response)


def test_what_separated_rows_do_not_determine_is_no_number():
    """Both outcomes far apart in the plane: many lines part them."""
    rng = np.random.default_rng(7)
    y = np.repeat([0, 1], 20)
    X = rng.normal(size=(40, 2)) + 10 * y[:, None]
    classifier = LogisticMLE(separated="limit").fit(X, y)
    status = [classifier.existence_.coefficients[name] for name in ("x0", "x1")]
    for found, goes in zip(classifier.coef_[0], status, strict=True):
        assert np.isnan(found) if goes == "undetermined" else np.isinf(found)
    assert not np.isnan(classifier.predict_proba(rng.normal(size=(50, 2)) * 20)).any()


def test_columns_left_out_and_a_limit_together():
    rng = np.random.default_rng(8)
    group = rng.integers(0, 4, 300)
    X = np.column_stack([np.eye(4)[group], rng.normal(size=300)])
    y = np.where(group == 2, 1, rng.random(300) < 0.4).astype(int)
    classifier = LogisticMLE(aliased="drop", separated="limit").fit(X, y)
    assert classifier.aliased_.tolist() == ["x3"]
    assert classifier.coef_[0, 2:4].tolist() == [np.inf, 0.0]
    rest = LogisticMLE(aliased="drop").fit(X[group != 2], y[group != 2])
    assert rest.aliased_.tolist() == ["x2", "x3"]  # no row has the first of them
    assert classifier.predict_proba(X)[group != 2] == pytest.approx(
        rest.predict_proba(X[group != 2]), rel=1e-9
    )
    assert (classifier.predict_proba(X)[group == 2] == [0, 1]).all()


def test_products_of_weights_beyond_every_double_are_refused():
    X, y = simulated(80, 2, seed=4)
    with pytest.raises(ValueError, match="no finite number; rescale one"):
        LogisticMLE(class_weight={1: 1e200}).fit(X[:, 1:], y, sample_weight=np.full(80, 1e200))


@pytest.mark.parametrize("kind", ["csr_array", "csc_matrix"])
@pytest.mark.parametrize("damage", ["an index beyond", "a negative index", "pointers beyond"])
def test_damaged_sparse_matrices_are_refused_before_scipy_reads_beyond_them(kind, damage):
    X, y = simulated(80, 4, seed=4)
    fitted = LogisticMLE().fit(sparse.csr_array(X[:, 1:]), y)
    damaged = getattr(sparse, kind)(X[:, 1:])
    if damage == "pointers beyond":
        damaged.indptr[-1] += 10**6
    else:
        damaged.indices[0] = 10**6 if damage == "an index beyond" else -1
    for call in (
        lambda: LogisticMLE().fit(damaged, y),
        lambda: fitted.predict(damaged),
        lambda: fitted.predict_proba(damaged),
        lambda: fitted.decision_function(damaged),
    ):
        with pytest.raises(ValueError, match=r"X is no valid sparse matrix: .*; build it anew"):
            call()


def test_a_frame_with_some_sparse_columns_is_taken_as_it_is_written_out():
    rng = np.random.default_rng(5)
    n = 6000
    frame = pd.get_dummies(pd.Series(rng.integers(0, 60, n)), sparse=True, dtype=float)
    frame = frame.drop(columns=0).add_prefix("g")
    frame.insert(0, "x", rng.normal(size=n))
    word = (rng.random(n) < 0.01).astype(float)
    frame["word"] = pd.arrays.SparseArray(word, fill_value=0)
    frame["other"] = pd.arrays.SparseArray(1 - word[::-1], fill_value=1)
    y = (rng.random(n) < 0.4).astype(int)
    dense = pd.DataFrame({name: np.asarray(frame[name]) for name in frame})
    model = LogisticMLE().fit(frame, y)  # scikit-learn warns of frames that it writes out
    plain = LogisticMLE().fit(dense, y)
    assert model.estimate_.provenance.data_hash == plain.estimate_.provenance.data_hash
    assert list(model.feature_names_in_) == list(frame.columns)
    assert model.coef_ == pytest.approx(plain.coef_, rel=1e-9, abs=1e-9)
    assert model.predict_proba(frame.iloc[:50]) == pytest.approx(
        plain.predict_proba(dense.iloc[:50]), rel=1e-9
    )
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.iloc[:, ::-1])
    gap = pd.arrays.SparseArray(np.where(np.arange(n) == 4, np.nan, 1.0), fill_value=1.0)
    with pytest.raises(ValueError, match="NaN"):
        LogisticMLE().fit(frame.assign(gap=gap), y)


def test_none_of_a_frame_with_sparse_columns_is_written_out(monkeypatch):
    rng = np.random.default_rng(6)
    n = 6000
    frame = pd.get_dummies(pd.Series(rng.integers(0, 60, n)), sparse=True, dtype=float)
    frame.insert(0, "x", rng.normal(size=n))
    frame = frame.drop(columns=0).rename(columns=str)
    y = (rng.random(n) < 0.4).astype(int)
    held = []
    original = LogisticMLE._take

    def take(self, model, dtype):
        held.append(model)
        original(self, model, dtype)

    monkeypatch.setattr(LogisticMLE, "_take", take)
    LogisticMLE().fit(frame, y)
    assert isinstance(held[0].rows.design, Structured)
