import json

import foreign_fits
import numpy as np
import pandas as pd
import pytest
from foreign_fits import audit_of, quiet, spector
from sklearn.linear_model import LogisticRegression, SGDClassifier

import flatprior as fp
from flatprior.analysis.auditing.audit import audit
from flatprior.models.batches import first_pass

MAKERS = [(package, make) for package, makers in foreign_fits.RIGHT.items() for make in makers]
WRONG = [(truth, *made) for truth, makers in foreign_fits.WRONG.items() for made in makers]


@pytest.mark.parametrize(("package", "make"), MAKERS, ids=[make.__name__ for _, make in MAKERS])
@pytest.mark.parametrize("order", ["shuffled", "sorted"])
def test_a_right_fit_passes_whoever_made_it(package, make, order):
    if not foreign_fits.available(package):
        pytest.skip(f"{package} is not installed")
    for seed in range(2):
        found = audit_of(quiet(make, foreign_fits.data(np.random.default_rng(seed), order)))
        assert found.exists
        assert found.is_mle, found.message
        assert found.error_bound < 1e-6
        assert found.passed, found.message
        assert found.cause == "agreement"
        assert found.certain
        assert not found.cure
        json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(("package", "make"), MAKERS, ids=[make.__name__ for _, make in MAKERS])
def test_a_fit_of_separated_data_does_not_pass(package, make):
    if not foreign_fits.available(package):
        pytest.skip(f"{package} is not installed")
    if make.__name__ == "logistic_mle":
        pytest.skip("refuses such data")
    try:
        fitted = quiet(make, foreign_fits.separated(np.random.default_rng(3)))
    except np.linalg.LinAlgError:
        pytest.skip("fails on such data by itself")
    found = audit_of(fitted)
    assert not found.exists
    assert not found.passed
    assert not found.is_mle
    assert "there is no maximum likelihood estimate (quasi-complete separation)" in found.verdict
    for text in (found.message, " ".join(found.rendered().notes)):
        assert text.lower().count(found.existence.message.lower()) == 1


def test_what_is_not_known_is_said_in_one_sentence():
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LinearRegression, LogisticRegression

    X, y = spector()
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    with pytest.raises(TypeError, match="audit takes fits of statsmodels"):
        audit(object(), model)
    with pytest.raises(TypeError, match=r"LogisticRegression, .* not RandomForestClassifier"):
        audit(RandomForestClassifier(), X, y)
    with pytest.raises(TypeError, match="not LinearRegression"):
        audit(LinearRegression().fit(X, y), X, y)
    with pytest.raises(ValueError, match="is not fitted"):
        audit(LogisticRegression(), X, y)
    with pytest.raises(ValueError, match="holds no data"):
        audit(LogisticRegression().fit(X, y))
    with pytest.raises(ValueError, match="pass the data that were fitted"):
        audit(LogisticRegression().fit(X, y), X[["gpa"]], y)
    with pytest.raises(ValueError, match="need the model"):
        audit({"gpa": 1.0})


@pytest.mark.parametrize("order", ["shuffled", "sorted"])
@pytest.mark.parametrize(("truth", "package", "make"), WRONG)
def test_what_is_wrong_is_named_and_nothing_else_is_certain(truth, package, make, order):
    if not foreign_fits.available(package):
        pytest.skip(f"{package} is not installed")
    made = quiet(make, foreign_fits.data(np.random.default_rng(11), order, n=250))
    found = audit(made[0][0], made[1]) if isinstance(made[0], tuple) else audit_of(made)
    assert not found.passed
    assert found.cause == truth, found.message
    assert found.cure


def test_draws_are_held_to_every_claim(tmp_path):
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + psi", fp.load_spector())
    posterior = fp.sample_independence(model, seed=1, progress=False)
    posterior.save(tmp_path / "draws.nc")
    for right in (posterior, posterior.draws, posterior.to_arviz(model), tmp_path / "draws.nc"):
        found = audit(right, model)
        assert found.passed
        assert found.posterior_check.passed
        assert found.cause == "agreement"
        json.dumps(found.to_dict(), allow_nan=False)
    flipped = audit(-posterior.draws, model)
    assert not flipped.passed
    assert flipped.cause == "response flipped"
    assert not flipped.certain  # without the density there is no proof
    assert "code the outcome the other way round" in flipped.message
    assert "code the outcome" in str(flipped)
    with pytest.raises(ValueError, match="draws need the model"):
        audit(posterior.draws)
    separated = fp.BernoulliLogistic.from_formula("HG ~ NV", fp.load_endometrial())
    none = audit(np.zeros((4, 100, 2)), separated)
    assert not none.exists
    assert "there is no maximum likelihood estimate" in none.verdict


def test_nothing_that_is_passed_goes_unheard():
    import statsmodels.formula.api as smf

    X, y = spector()
    data = fp.load_spector()
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)
    result = smf.logit("grade ~ gpa + tuce + psi", data).fit(disp=0)
    for given in ((X, 1 - y), (X[["gpa"]], y), (X,)):
        with pytest.raises(ValueError, match="holds its data"):
            audit(result, *given)
    with pytest.raises(ValueError, match="a formula needs data"):
        audit(result, "grade ~ gpa")
    with pytest.raises(ValueError, match="the model holds response, weights and offset"):
        audit(result, model, 1 - y)
    with pytest.raises(ValueError, match="the model holds"):
        audit(dict(result.params), model, sample_weight=np.ones(32))
    with pytest.raises(ValueError, match="variables are of draws"):
        audit(result, model, variables={"gpa": "x"})
    for tolerance in (np.inf, True, 2.0):
        with pytest.raises(ValueError, match="tolerance must be at most"):
            audit(result, tolerance=tolerance)


def test_pipelines_with_dependent_columns_and_tables_as_data_frames():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline, make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    X, y = spector()
    fit = make_pipeline(StandardScaler(), PolynomialFeatures(1), LogisticRegression(C=np.inf))
    found = audit(quiet(fit.fit, X, y), X, y)  # it adds a second column of ones
    assert found.existence.kind == "rank deficient"
    assert "the column that the others make up" in found.cure
    plain = Pipeline([("nothing", "passthrough"), ("fit", LogisticRegression())]).fit(X, y)
    assert audit(plain, X, y).cause == "ridge penalty"
    with pytest.raises(ValueError, match="is not fitted"):
        audit(make_pipeline(StandardScaler(), LogisticRegression()), X, y)
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    frame = pd.DataFrame({"term": ["gpa", "psi"], "estimate": ["2.826", "2.379"]})
    assert audit(frame, model).passed
    column = y.to_frame()
    assert audit(quiet(LogisticRegression().fit, X, column), X, column).cause == "ridge penalty"


@pytest.mark.parametrize(
    "given",
    [
        {"gpa": "x", "tuce": 1.0, "psi": 1.0, "Intercept": 0.0},
        {"gpa": None, "tuce": 1.0, "psi": 1.0, "Intercept": 0.0},
        {"gpa": 1j, "tuce": 1.0, "psi": 1.0, "Intercept": 0.0},
        [[1.0], [1.0, 2.0]],
        [np.inf, 1.0, 1.0, 1.0],
        [np.nan, 1.0, 1.0, 1.0],
        [1.0, 2.0],
        "",
        ".",
        "a\0b",
    ],
)
def test_what_is_no_fit_is_refused_in_one_sentence(given):
    model = fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", fp.load_spector())
    with pytest.raises(fp.FlatpriorError):
        audit(given, model)


def test_draws_of_separated_data_are_named_by_their_prior():
    """No posterior under flat priors exists there; what was sampled had a proper one."""
    x = np.linspace(-1, 1, 40)
    y = (x > 0).astype(float)
    model = fp.BernoulliLogistic.from_arrays(x[:, None], y, names=["x"])
    grid = np.linspace(-5, 60, 20_001)
    lp = model.log_likelihood(grid[:, None]) - grid**2 / (2 * 10.0**2)
    share = np.cumsum(np.exp(lp - lp.max()))
    draws = np.interp(np.random.default_rng(2).random((4, 1000)), share / share[-1], grid)
    density = model.log_likelihood(draws.reshape(-1, 1)).reshape(4, 1000) - draws**2 / 200
    stated = fp.Posterior.from_draws(model, draws[..., None], log_density=density)
    found = audit(stated, model)
    assert not found.passed
    assert not found.exists
    assert (found.cause, found.certain) == ("proper prior", True)
    assert "normal(0, 10) on x" in found.message
    alone = audit(fp.Posterior.from_draws(model, draws[..., None]), model)
    assert not alone.certain
    assert "proper prior" in alone.message
    assert "the data alone do not hold up" in alone.message
    assert "proper prior" in str(alone)


@pytest.mark.parametrize("sampled", [False, True])
def test_a_fit_that_holds_no_data_is_audited_on_rows_in_files(tmp_path, monkeypatch, sampled):
    if sampled:  # of which the first pass keeps some, in which outcomes have other shares
        monkeypatch.setattr(first_pass, "SAMPLE_ROWS", 150)
    rng = np.random.default_rng(21)
    frame = pd.DataFrame(rng.normal(size=(1500, 2)), columns=["a", "b"])
    frame["g"] = rng.choice(["r", "s"], size=1500)
    frame["y"] = (rng.random(1500) < 1 / (1 + np.exp(1.5 - frame["a"]))).astype(int)
    frame.to_parquet(tmp_path / "rows.parquet")
    model = fp.BernoulliLogistic.from_parquet(tmp_path, "y ~ a + b + g")
    memory = fp.BernoulliLogistic.from_formula("y ~ a + b + g", frame)
    X = frame[["a", "b"]].assign(**{"g[T.s]": frame["g"].eq("s") * 1.0})
    settings = {"tol": 1e-9, "max_iter": 10_000}
    for estimator, cause in (
        (LogisticRegression(C=1e-2, **settings), "ridge penalty"),
        (LogisticRegression(C=np.inf, class_weight="balanced", **settings), "class weights"),
        (LogisticRegression(C=np.inf, solver="newton-cholesky", **settings), "agreement"),
        (SGDClassifier(loss="log_loss", alpha=0.01, random_state=1), None),
    ):
        fit = estimator.fit(X, frame["y"])
        found, expected = audit(fit, model), audit(fit, memory)
        assert cause in (None, found.cause)
        assert (found.cause, found.certain, found.passed) == (
            expected.cause,
            expected.certain,
            expected.passed,
        )
        assert found.distance == pytest.approx(expected.distance, rel=1e-6, abs=1e-9)
        assert str(found.their.settings) == str(expected.their.settings)  # NaN among them
