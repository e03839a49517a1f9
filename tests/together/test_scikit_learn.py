"""`LogisticMLE` does what scikit-learn's users expect of `LogisticRegression`.

The first part asks what scikit-learn's own tests of `LogisticRegression` ask, as far as it applies
to two classes and no penalty; the second uses it where estimators are used.
"""

import copy
import pickle

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
from multiplier import repeated
from problems import simulated
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import get_scorer
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from flatprior.models import BernoulliLogistic, LogisticMLE, fit_newton
from flatprior.models.designs import parts

THREE, OUTCOMES = [[-1, 0], [0, 1], [1, 1]], [0, 1, 1]
CONTAINERS = [
    np.array,
    sparse.csr_matrix,
    sparse.csc_matrix,
    sparse.coo_matrix,
    sparse.csr_array,
    sparse.csc_array,
    sparse.coo_array,
]
SPARSE = CONTAINERS[1:]


def theirs(**options):
    return LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, **options)


def overlapping(n=300, k=4, seed=1):
    X, y = simulated(n, k + 1, seed=seed)
    return X[:, 1:], y.astype(int)


# what scikit-learn's own tests ask


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_three_rows_that_separate_are_predicted(container, fit_intercept):
    """With a penalty they have a fit; here it is the limit."""
    X = container(THREE)
    classifier = LogisticMLE(separated="limit", fit_intercept=fit_intercept).fit(X, OUTCOMES)
    assert classifier.classes_.tolist() == [0, 1]
    assert classifier.predict(X).tolist() == OUTCOMES
    probabilities = classifier.predict_proba(X)
    assert probabilities.tolist() == [[1, 0], [0, 1], [0, 1]]


@pytest.mark.parametrize("container", SPARSE)
def test_sparse_coefficients_and_sparse_rows_give_the_same(container):
    X, y = overlapping()
    classifier = LogisticMLE().fit(X, np.array(["setosa", "other"])[y])
    expected = classifier.decision_function(X)
    assert classifier.sparsify() is classifier
    assert sparse.issparse(classifier.coef_)
    assert classifier.decision_function(X) == pytest.approx(expected, rel=1e-13)
    assert classifier.decision_function(container(X)) == pytest.approx(expected, rel=1e-13)
    assert classifier.densify() is classifier
    assert classifier.densify().coef_.shape == (1, 4)
    assert classifier.decision_function(container(X)) == pytest.approx(expected, rel=1e-13)


def test_shapes_that_do_not_fit_are_refused():
    X, y = overlapping()
    with pytest.raises(ValueError, match="inconsistent number"):
        LogisticMLE().fit(X, y[:-1])
    with pytest.raises(ValueError, match="X has 12 features, but LogisticMLE is expecting 4"):
        LogisticMLE().fit(X, y).predict(np.zeros((3, 12)))


def test_coefficients_can_be_written():
    X, y = overlapping()
    classifier = LogisticMLE().fit(X, y)
    classifier.coef_[:] = 0
    classifier.intercept_[:] = 0
    assert (classifier.decision_function(X) == 0).all()
    assert (classifier.predict(X) == 0).all()  # what is as likely as not is the first class


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("container", [np.array, sparse.csr_matrix])
def test_what_is_no_number_is_refused(container, value):
    X = np.array(THREE, dtype=float)
    X[1, 1] = value
    with pytest.raises(ValueError, match="Input X contains"):
        LogisticMLE().fit(container(X), OUTCOMES)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_fit_is_that_of_logistic_regression_without_a_penalty(container, fit_intercept):
    X, y = overlapping()
    ours = LogisticMLE(fit_intercept=fit_intercept).fit(container(X), y)
    expected = theirs(fit_intercept=fit_intercept).fit(X, y)
    assert ours.coef_ == pytest.approx(expected.coef_, rel=1e-8)
    assert ours.intercept_ == pytest.approx(expected.intercept_, rel=1e-8)
    for method in ("decision_function", "predict_proba", "predict_log_proba"):
        found, there = getattr(ours, method)(container(X)), getattr(expected, method)(X)
        assert found == pytest.approx(there, rel=1e-7)
        assert found.shape == there.shape
    assert ours.score(container(X), y) == expected.score(X, y)
    assert fit_intercept or ours.intercept_.tolist() == [0.0]


def test_weights_equal_repetition_whatever_the_container():
    X, y = overlapping()
    weights = np.random.default_rng(2).integers(0, 5, size=300)
    repeated = LogisticMLE().fit(np.repeat(X, weights, 0), np.repeat(y, weights))
    for container in CONTAINERS:
        weighted = LogisticMLE().fit(container(X), y, sample_weight=weights)
        assert weighted.coef_ == pytest.approx(repeated.coef_, rel=1e-11)


def test_class_weights_equal_weights_of_rows():
    X, y = overlapping()
    by_class = LogisticMLE(class_weight={0: 1, 1: 2}).fit(X, y)
    by_row = LogisticMLE().fit(X, y, sample_weight=y + 1)
    assert by_class.coef_ == pytest.approx(by_row.coef_, rel=1e-12)
    assert by_class.coef_ == pytest.approx(theirs().fit(X, y, y + 1).coef_, rel=1e-8)
    half = LogisticMLE(class_weight={0: 0.5}).fit(X, y)  # a class that is missing has 1
    assert half.coef_ == pytest.approx(by_class.coef_, rel=1e-11)


@pytest.mark.parametrize("container", [np.array, sparse.csr_matrix])
def test_balanced_classes_are_those_of_scikit_learn(container):
    X, y = overlapping()
    counts = np.bincount(y)
    ours = LogisticMLE(class_weight="balanced").fit(container(X), y)
    by_hand = LogisticMLE(class_weight=dict(enumerate(300 / (2 * counts)))).fit(X, y)
    assert ours.coef_ == pytest.approx(by_hand.coef_, rel=1e-11)
    expected = theirs(class_weight="balanced").fit(X, y)
    assert ours.coef_ == pytest.approx(expected.coef_, rel=1e-8)
    assert ours.intercept_ == pytest.approx(expected.intercept_, rel=1e-8)


def test_classes_are_balanced_by_their_weights_where_rows_have_some():
    X, y = overlapping()
    weights = np.random.default_rng(3).integers(1, 5, size=300)
    weighted = LogisticMLE(class_weight="balanced").fit(X, y, sample_weight=weights)
    repeated = LogisticMLE(class_weight="balanced").fit(
        np.repeat(X, weights, 0), np.repeat(y, weights)
    )
    assert weighted.coef_ == pytest.approx(repeated.coef_, rel=1e-11)
    assert weighted.estimate_.provenance.n_observations == 300  # rows, whatever is counted


@pytest.mark.parametrize("class_weight", [{0: 1.0, 1: 10.0}, "balanced"])
def test_weights_that_were_passed_stay_what_they_are(class_weight):
    X, y = overlapping()
    weights = np.repeat([1.0, 2.0], 150)
    before = weights.copy()
    classifier = LogisticMLE(class_weight=class_weight).fit(X, y, sample_weight=weights)
    assert (weights == before).all()
    assert classifier.class_weight is class_weight


def test_the_number_of_iterations_has_the_shape_it_has_there():
    X, y = overlapping()
    for classifier in (LogisticMLE(), LogisticMLE(separated="limit")):
        classifier.fit(X, y)
        assert classifier.n_iter_.shape == (1,)
        assert classifier.n_iter_.dtype == np.int32
        assert classifier.n_iter_[0] >= 1


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("container", CONTAINERS)
def test_the_type_of_the_numbers_is_kept(container, fit_intercept):
    X, y = overlapping()
    single, double = X.astype(np.float32), X.astype(np.float32).astype(float)
    one = LogisticMLE(fit_intercept=fit_intercept).fit(container(single), y)
    two = LogisticMLE(fit_intercept=fit_intercept).fit(container(double), y)
    expected = theirs(fit_intercept=fit_intercept).set_params(tol=1e-4).fit(single, y)
    assert one.coef_.dtype == one.intercept_.dtype == expected.coef_.dtype == np.float32
    assert two.coef_.dtype == np.float64
    for method in ("decision_function", "predict_proba", "predict_log_proba"):
        for rows, dtype in ((single, np.float32), (double, np.float64)):
            assert getattr(one, method)(container(rows)).dtype == dtype
            if fit_intercept:  # else before 1.9 it adds an intercept of 0 in double precision
                assert getattr(expected, method)(rows).dtype == dtype
        assert getattr(two, method)(container(single)).dtype == np.float64
    # the computation is in double precision, and the numbers are the same
    assert one.estimate_.coefficients == pytest.approx(two.estimate_.coefficients, rel=1e-13)
    assert (one.coef_ == two.coef_.astype(np.float32)).all()


def test_coefficients_that_single_precision_cannot_hold_are_kept_in_double():
    X, y = overlapping()
    units = np.array([1e-20, 1.0, 1.0, 1.0], dtype=np.float32)
    small = (X * units).astype(np.float32)
    classifier = LogisticMLE().fit(small * units, y)
    assert classifier.coef_.dtype == np.float64
    assert np.isfinite(classifier.coef_).all()


@pytest.mark.parametrize("container", SPARSE[:2])
def test_sparse_matrices_may_have_indices_of_64_bits(container):
    X, y = overlapping()
    matrix = container(np.where(X > 0.5, X, 0.0))
    for attribute in ("indices", "indptr"):
        setattr(matrix, attribute, getattr(matrix, attribute).astype("int64"))
    expected = theirs().fit(matrix.toarray(), y).coef_
    assert LogisticMLE().fit(matrix, y).coef_ == pytest.approx(expected, rel=1e-8)


def test_very_large_values_are_values():
    """At which other programs freeze, or refuse them."""
    X, y = overlapping()
    units = np.array([1e31, 1e-31, 1.0, 1.0])
    classifier = LogisticMLE().fit(X * units, y)
    assert classifier.coef_ * units == pytest.approx(LogisticMLE().fit(X, y).coef_, rel=1e-10)
    assert classifier.estimate_.certificate.error_bound < 1e-6
    with pytest.raises(ValueError, match=r"'x0' is .*; rescale the column"):
        LogisticMLE().fit(X * 1e100, y)


def test_one_feature_that_separates():
    X = np.array([[0.5, 0.65, 1.1, 1.25, 0.8, 0.54, 0.95, 0.7]]).T
    y = np.array([1, 1, 0, 0, 1, 1, 0, 1])
    classifier = LogisticMLE(separated="limit").fit(X, y)
    assert classifier.coef_.tolist() == [[-np.inf]]
    assert classifier.score(X, y) == 1.0


# where estimators are used


@pytest.fixture(scope="module")
def shops():
    """Two categories, two numbers, outcomes that depend on them; held as codes when one-hot."""
    rng = np.random.default_rng(4)
    n = 6000
    frame = pd.DataFrame(
        {
            "town": [f"t{i:02d}" for i in rng.integers(0, 30, n)],
            "kind": np.array(["food", "books", "tools"])[rng.integers(0, 3, n)],
            "area": rng.normal(100, 20, n),
            "age": rng.normal(size=n),
        }
    )
    eta = 0.02 * (frame["area"] - 100) - 0.5 * (frame["kind"] == "books")
    return frame, np.where(rng.random(n) < 1 / (1 + np.exp(-eta)), "open", "closed")


def one_hot(classifier, **options):
    encoder = make_column_transformer(
        (OneHotEncoder(**options), ["town", "kind"]),
        ("passthrough", ["area", "age"]),
        sparse_threshold=1.0,
    )
    return make_pipeline(encoder, classifier)


def test_a_pipeline_with_scikit_learns_defaults_says_what_to_do(shops):
    frame, y = shops
    with pytest.raises(ValueError, match="each of these groups sum to the intercept") as caught:
        one_hot(LogisticMLE()).fit(frame, y)
    assert 'OneHotEncoder(drop="first")' in str(caught.value)
    assert 'aliased="drop"' in str(caught.value)
    small = make_pipeline(OneHotEncoder(sparse_output=False), LogisticMLE())
    with pytest.raises(ValueError, match=r"one-hot columns of a group sum to the intercept .*drop"):
        small.fit(frame[["kind"]], y)
    numbers = np.column_stack([frame["age"], -frame["age"]])
    with pytest.raises(ValueError, match="'x1' = -'x0' in every row"):
        LogisticMLE().fit(numbers, y)


def test_a_pipeline_of_levels_with_one_outcome_says_both_that_it_takes(shops):
    frame, y = shops
    rare = frame.assign(town=np.where(frame.index == frame.index[0], "Rare", frame["town"]))
    with pytest.raises(ValueError, match="sum to the intercept") as caught:
        one_hot(LogisticMLE()).fit(rare, y)
    assert str(caught.value).endswith('separated="limit" is needed besides')
    assert "separated" not in said_of(one_hot(LogisticMLE(separated="limit")), rare, y)
    assert "separated" not in said_of(one_hot(LogisticMLE()), frame, y)
    took = one_hot(LogisticMLE(aliased="drop", separated="limit")).fit(rare, y)
    assert np.isinf(took[-1].coef_).sum() == 1


def said_of(pipeline, X, y):
    with pytest.raises(ValueError, match="sum to the intercept") as caught:
        pipeline.fit(X, y)
    return str(caught.value)


def test_all_levels_give_the_probabilities_of_all_but_the_first(shops):
    frame, y = shops
    every = one_hot(LogisticMLE(aliased="drop")).fit(frame, y)
    first = one_hot(LogisticMLE(), drop="first").fit(frame, y)
    assert every[-1].aliased_.tolist() == ["x29", "x32"]
    assert every[-1].coef_[0, [29, 32]].tolist() == [0.0, 0.0]
    assert every[-1].coef_.shape == (1, 35)
    assert every.predict_proba(frame) == pytest.approx(first.predict_proba(frame), rel=1e-9)
    assert every[-1].estimate_.certificate.error_bound < 1e-6
    assert len(every[-1].estimate_.names) == 34
    formula = BernoulliLogistic.from_formula("y ~ town + kind + area + age", frame.assign(y=y))
    fit = fit_newton(formula)
    assert every[-1].estimate_.log_likelihood == pytest.approx(fit.log_likelihood, rel=1e-12)
    assert first[-1].estimate_.standard_errors[-2:] == pytest.approx(
        fit.standard_errors[-2:], rel=1e-9
    )


def test_nothing_is_written_out(shops, monkeypatch):
    from flatprior.models.designs.coded import Structured

    def refuse(self):
        raise AssertionError("written out")

    frame, y = shops
    monkeypatch.setattr(Structured, "dense", refuse)
    one_hot(LogisticMLE(aliased="drop")).fit(frame, y).predict(frame)
    with pytest.raises(ValueError, match="sum to the intercept"):
        one_hot(LogisticMLE()).fit(frame, y)


def test_a_level_that_was_never_seen_is_predicted_with_a_warning(shops):
    frame, y = shops
    pipeline = one_hot(LogisticMLE(aliased="drop"), handle_unknown="ignore").fit(frame, y)
    new = frame[:5].assign(town=["t00", "elsewhere", "t01", "nowhere", "t02"])
    with pytest.warns(UserWarning, match="in 2 of 5 rows columns left out are not"):
        found = pipeline.predict_proba(new)
    last = frame[:5].assign(town="t29")  # which the columns left out have become
    assert found[[1, 3]] == pytest.approx(pipeline.predict_proba(last)[[1, 3]], rel=1e-12)


@pytest.mark.parametrize("sparse_output", [True, False])
def test_a_level_of_one_outcome_has_its_limit(shops, sparse_output):
    frame, y = (part[: 6000 if sparse_output else 1500] for part in shops)
    before = y
    y = np.where(frame["town"] == "t07", "open", y)
    there = (frame["town"] == "t07").to_numpy()
    options = {"aliased": "drop", "separated": "limit"}
    pipeline = one_hot(LogisticMLE(**options), sparse_output=sparse_output).fit(frame, y)
    last = pipeline[-1]
    assert last.coef_[0, 7] == np.inf
    assert last.estimate_ is None
    assert last.existence_.coefficients["x7"] == "+inf"
    assert last.existence_.n_separated == there.sum()
    assert (pipeline.predict_proba(frame)[there] == [0, 1]).all()
    without = one_hot(LogisticMLE(aliased="drop")).fit(frame[~there], y[~there])
    assert pipeline.predict_proba(frame[~there]) == pytest.approx(
        without.predict_proba(frame[~there]), rel=1e-9
    )
    again = pipeline.fit(frame, before)[-1]  # nothing is left of the fit before
    assert again.existence_ is None
    assert np.isfinite(again.coef_).all()
    with pytest.raises(ValueError, match=r"'t|'x7'.*separated=\"limit\" fits"):
        one_hot(LogisticMLE(aliased="drop")).fit(frame, y)


def test_searches_cross_validation_and_calibration(shops):
    frame, y = shops[0][:1500], shops[1][:1500]
    pipeline = one_hot(LogisticMLE(aliased="drop"))
    scores = cross_val_score(pipeline, frame, y, scoring="neg_log_loss", cv=3)
    expected = cross_val_score(
        one_hot(theirs(), drop="first"), frame, y, scoring="neg_log_loss", cv=3
    )
    assert scores == pytest.approx(expected, rel=1e-9)
    grid = {"logisticmle__class_weight": [None, "balanced"]}
    search = GridSearchCV(pipeline, grid, scoring="roc_auc", cv=3).fit(frame, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    calibrated = CalibratedClassifierCV(pipeline, cv=3).fit(frame, y)
    assert calibrated.predict_proba(frame).shape == (1500, 2)
    assert cross_val_predict(pipeline, frame, y, cv=3).shape == (1500,)


def test_importances_of_columns(shops):
    frame, y = shops
    pipeline = one_hot(LogisticMLE(aliased="drop")).fit(frame, y)
    found = permutation_importance(pipeline, frame, y, n_repeats=2, random_state=0)
    assert frame.columns[int(np.argmax(found.importances_mean))] == "area"


def test_weights_reach_it_by_metadata_routing():
    X, y = overlapping()
    weights = np.random.default_rng(5).integers(1, 5, size=300)
    with sklearn.config_context(enable_metadata_routing=True):
        classifier = LogisticMLE().set_fit_request(sample_weight=True)
        pipeline = make_pipeline(StandardScaler(), classifier)
        pipeline[0].set_fit_request(sample_weight=False)
        found = cross_validate(
            pipeline,
            X,
            y,
            params={"sample_weight": weights},
            scoring=get_scorer("accuracy").set_score_request(sample_weight=True),
            cv=2,
            return_estimator=True,
        )
    plain = cross_validate(
        make_pipeline(StandardScaler(), LogisticMLE()), X, y, cv=2, return_estimator=True
    )
    for one, two in zip(found["estimator"], plain["estimator"], strict=True):
        assert (one[-1].coef_ != two[-1].coef_).all()
        assert one[-1].estimate_.provenance.n_observations > 150


@pytest.mark.parametrize(
    "options", [{}, {"aliased": "drop", "class_weight": "balanced"}, {"separated": "limit"}]
)
def test_copies_are_the_same(options, tmp_path):
    X, y = overlapping()
    X = np.column_stack([X, X[:, 0]]) if options.get("aliased") else X
    y = (X[:, 0] > 0).astype(int) if options.get("separated") else y
    classifier = LogisticMLE(**options).fit(X, y)
    joblib.dump(classifier, tmp_path / "it")
    for again in (
        pickle.loads(pickle.dumps(classifier)),  # noqa: S301
        joblib.load(tmp_path / "it"),
        copy.copy(classifier),
        copy.deepcopy(classifier),
    ):
        assert (again.predict_proba(X) == classifier.predict_proba(X)).all()
        assert again.get_params() == classifier.get_params()
    fresh = clone(classifier)
    assert fresh.get_params() == classifier.get_params()
    assert not hasattr(fresh, "coef_")


def test_frames_between_steps():
    X, y = overlapping()
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    pipeline = make_pipeline(StandardScaler(), LogisticMLE()).set_output(transform="pandas")
    last = pipeline.fit(frame, y)[-1]
    assert last.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert last.n_features_in_ == 4
    assert last.estimate_.names == ("const", "a", "b", "c", "d")
    with pytest.raises(ValueError, match="feature names should match"):
        last.predict(frame[["b", "a", "c", "d"]])


def test_frames_of_sparse_and_of_nullable_columns():
    X, y = overlapping()
    X = np.where(X > 0, np.rint(2 * X), 0.0)
    expected = LogisticMLE().fit(X, y).coef_
    names = ["a", "b", "c", "d"]
    plain = pd.DataFrame(X, columns=names)
    held = pd.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(X), columns=names)
    for frame in (held, plain.astype("Float64"), plain.astype("Int64")):
        for outcome in (y, pd.Series(y, dtype="Int64"), pd.Series(y == 1, dtype="boolean")):
            classifier = LogisticMLE().fit(frame, outcome)
            assert classifier.coef_ == pytest.approx(expected, rel=1e-12)
            assert classifier.feature_names_in_.tolist() == names
            assert (classifier.predict(frame) == classifier.predict(X_of(frame))).all()


def X_of(frame):
    return pd.DataFrame(np.asarray(frame, dtype=float), columns=frame.columns)


def test_frames_of_polars():
    pl = pytest.importorskip("polars")
    X, y = overlapping()
    frame = pl.DataFrame(dict(zip("abcd", X.T, strict=True)))
    classifier = LogisticMLE().fit(frame, pl.Series("y", y))
    assert classifier.coef_ == pytest.approx(LogisticMLE().fit(X, y).coef_, rel=1e-13)
    assert classifier.feature_names_in_.tolist() == list("abcd")
    assert (classifier.predict(frame) == classifier.predict(frame.to_pandas())).all()
    scaled = make_pipeline(StandardScaler(), LogisticMLE()).set_output(transform="polars")
    assert scaled.fit(frame, y)[-1].feature_names_in_.tolist() == list("abcd")


def test_texts_as_counts_of_words():
    rng = np.random.default_rng(6)
    words = np.array([f"w{i:02d}" for i in range(50)])
    texts = [" ".join(rng.choice(words, size=3)) for _ in range(6000)]
    y = rng.random(6000) < 0.3 + 0.2 * np.array(["w01" in text for text in texts])
    matrix = CountVectorizer().fit_transform(texts)
    found = LogisticMLE(fit_intercept=False, aliased="drop").fit(matrix, y)
    expected = theirs(fit_intercept=False).fit(matrix.toarray(), y)
    assert found.coef_ == pytest.approx(expected.coef_, rel=1e-6, abs=1e-8)
    every = LogisticMLE(aliased="drop").fit(matrix, y)  # three words each: they sum to 3 ones
    assert len(every.aliased_) == 1
    assert every.predict_proba(matrix) == pytest.approx(found.predict_proba(matrix), rel=1e-7)


@pytest.mark.parametrize("truth", [["no", "yes"], [False, True], [-1, 1], [1.0, 2.0]])
def test_classes_of_any_kind_have_their_weights(truth):
    X, y = overlapping()
    outcome = np.array(truth)[y]
    classifier = LogisticMLE(class_weight={truth[1]: 3}).fit(X, outcome)
    expected = LogisticMLE(class_weight={1: 3}).fit(X, y)
    assert (classifier.coef_ == expected.coef_).all()
    assert classifier.predict(X).dtype == outcome.dtype
    assert set(classifier.predict(X).tolist()) <= set(truth)


def test_held_as_codes_and_written_out_are_one_fit(monkeypatch):
    """Random groups, nested, rare, in any order, separated or not: probabilities are the same."""
    rng = np.random.default_rng(8)
    seen = set()
    for _ in range(repeated(20)):
        n, levels = int(rng.integers(10, 150)), rng.integers(2, 9, rng.integers(1, 4))
        columns = []
        for size in levels:
            shares = rng.dirichlet(np.full(size, rng.choice([0.3, 1.0, 5.0])))
            whole = np.eye(size)[rng.choice(size, n, p=shares)]
            columns.append(whole[:, 1:] if rng.random() < 0.3 else whole)
        columns.append(np.eye(4)[columns[0].argmax(axis=1) // 2 % 4])
        columns.append(np.where(rng.random((n, 2)) < 0.3, rng.normal(size=(n, 2)), 0.0))
        X = np.hstack(columns)
        X = X[:, rng.permutation(X.shape[1])]
        eta = X @ rng.normal(size=X.shape[1]) * rng.choice([0.5, 2.0])
        y = (rng.random(n) < 1 / (1 + np.exp(-eta))).astype(int)
        weights = rng.integers(0, 4, n) if rng.random() < 0.4 else None
        used = np.ones(n, dtype=bool) if weights is None else weights > 0
        if len(np.unique(y[used])) < 2:
            continue
        balanced = "balanced" if rng.random() < 0.3 else None
        fits = []
        for smallest in (0, 10**18):
            monkeypatch.setattr(parts, "SMALLEST", smallest)
            monkeypatch.setattr(parts, "FEW", 0)
            fit = LogisticMLE(aliased="drop", separated="limit", class_weight=balanced)
            fits.append(fit.fit(sparse.csr_array(X), y, sample_weight=weights))
        held, written = fits
        assert held.aliased_.tolist() == written.aliased_.tolist()
        assert (held.estimate_ is None) == (written.estimate_ is None)
        chances = [fit.predict_proba(X[used]) for fit in fits]
        assert chances[0] == pytest.approx(chances[1], abs=1e-8)
        if held.existence_ is not None:
            assert held.existence_.separated_rows == written.existence_.separated_rows
        seen.add(held.existence_ is None)
    assert seen == {True, False}
