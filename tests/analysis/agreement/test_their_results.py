import numpy as np
import pytest

from flatprior.analysis import compare_routes
from flatprior.models import load_smarket


def test_fits_of_other_programs_stand_beside_our_routes(demo):
    import statsmodels.formula.api as smf
    from sklearn.linear_model import LogisticRegression

    model, results, _ = demo
    frame = load_smarket().assign(Up=lambda data: (data["Direction"] == "Up").astype(int))
    theirs = smf.logit(model.formula.replace("Direction", "Up"), frame).fit(disp=0)
    names = [name for name in model.names if name != "Intercept"]
    penalised = LogisticRegression(C=1e-3, tol=1e-9).fit(frame[names], frame["Direction"])
    agreement = compare_routes(model, results[0], theirs, penalised, dict(theirs.params))
    good = {judged.estimate.route: judged.passed for judged in agreement.routes}
    assert good == {
        "newton": True,
        "statsmodels Logit": True,
        "scikit-learn LogisticRegression": False,
        "stated coefficients": True,
    }
    (failed,) = (judged for judged in agreement.routes if not judged.passed)
    assert failed.explanation.cause == "ridge penalty"
    assert failed.explanation.message in agreement.message
    assert "ridge penalty of C = 0.001" in agreement.message
    with pytest.raises(TypeError, match="audit takes fits of"):
        compare_routes(model, results[0], object())
    small = LogisticRegression().fit(frame[names[:2]], frame["Direction"])
    with pytest.raises(ValueError, match="was fitted to Lag1, Lag2, the model has Lag1"):
        compare_routes(model, results[0], small)


def test_fits_of_the_same_data_are_not_said_to_be_of_others(demo):
    import statsmodels.api as sm
    from sklearn.linear_model import LogisticRegression

    model, results, _ = demo
    frame = load_smarket()
    names = [name for name in model.names if name != "Intercept"]
    rows = np.random.default_rng(1).permutation(len(frame))
    up = (frame["Direction"] == "Up").astype(int)
    fits = [
        LogisticRegression(C=np.inf, tol=1e-12, solver="newton-cholesky").fit(
            frame[names[::-1]], frame["Direction"]
        ),
        sm.Logit(up.to_numpy()[rows], sm.add_constant(frame[names].iloc[rows])).fit(disp=0),
    ]
    for fit in fits:
        agreement = compare_routes(model, results[0], fit)
        assert agreement.verdict == "agree"
        assert agreement.notes == ()
    # one outcome turned for another: as many events
    y = up.to_numpy().copy()
    y[[int(np.argmin(y)), int(np.argmax(y))]] = 1, 0
    other = sm.Logit(y, sm.add_constant(frame[names])).fit(disp=0)
    (note,) = compare_routes(model, results[0], other).notes
    assert note.startswith("route statsmodels Logit holds other data than the model's")
    assert "hash" not in note


def test_tables_and_dicts_of_results_are_refused_in_words(demo, tmp_path):
    model, results, _ = demo
    fit = results[0]
    path = tmp_path / "table.csv"
    rows = [f"{name},{value:.4g}" for name, value in zip(fit.names, fit.coefficients, strict=True)]
    path.write_text("\n".join(["term,estimate", *rows]))
    for given in (path, str(path)):
        with pytest.raises(ValueError, match=r"audit\(path, model\) judges them to their digits"):
            compare_routes(model, fit, given)
    fit.save(tmp_path / "fit.json")
    assert compare_routes(model, fit, tmp_path / "fit.json").verdict == "agree"
    for given in ({"a": fit}, {"a": results[3]}, {"a": fit.params.to_dict(), "b": fit}):
        with pytest.raises(TypeError, match=r"compare_routes\(model, \*results.values\(\)\)"):
            compare_routes(model, fit, given)
    # draws by name are one set, not several results
    draws = results[3].draws
    by_name = {name: draws[..., j] for j, name in enumerate(model.names)}
    assert compare_routes(model, fit, by_name).verdict == "agree"
