import warnings

import numpy as np
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf

from flatprior.analysis import audit
from flatprior.analysis.producers.programs.statsmodels_fit import read
from flatprior.models import load_spector

DATA = load_spector()
X, Y = sm.add_constant(DATA[["gpa", "psi"]]), DATA["grade"]
BINOMIAL = sm.families.Binomial


def test_logit_holds_its_data_and_states_its_numbers():
    result = sm.Logit(Y, X).fit(disp=0)
    their = read(result)
    assert their.producer == "statsmodels Logit"
    assert list(their.coefficients) == ["const", "gpa", "psi"]
    assert list(their.coefficients.values()) == result.params.tolist()
    assert np.array_equal(their.model.design, X.to_numpy())
    assert np.array_equal(their.model.response, Y)
    stated = {(each.term, each.quantity): each.value for each in their.stated}
    assert stated["gpa", "standard error"] == result.bse["gpa"]
    assert stated["psi", "p"] == result.pvalues["psi"]
    assert stated["psi", "high"] == result.conf_int().loc["psi", 1]
    assert stated["", "log-likelihood"] == result.llf
    assert stated["", "n"] == 32
    assert their.settings.converged


def test_offsets_weights_and_groups_of_a_glm():
    weights, offset = np.arange(32) % 3 + 1.0, np.linspace(-1, 1, 32)
    their = read(
        sm.GLM(Y, X, family=BINOMIAL(), offset=offset, freq_weights=weights).fit(cov_type="HC1")
    )
    assert np.array_equal(their.model.offset, offset)
    assert np.array_equal(their.model.frequency_weights, weights)
    assert their.settings.covariance == "HC1"
    shares = read(sm.GLM(Y / 2 + 0.25, X, family=BINOMIAL(), var_weights=4 * weights).fit())
    assert shares.model.n_rows == 64
    assert shares.model.counts.sum() == 4 * weights.sum()
    clustered = read(
        sm.Logit(Y, X).fit(disp=0, cov_type="cluster", cov_kwds={"groups": DATA["tuce"]})
    )
    assert np.array_equal(clustered.settings.groups, DATA["tuce"])


def test_log_likelihoods_of_groups_lose_their_constant():
    """Of two rows of successes and failures: the same log-likelihood as of their observations."""
    data = DATA.assign(gpa=DATA["gpa"].round())
    frame = data.groupby(["gpa", "psi"], as_index=False)["grade"].agg(s="sum", n="size")
    frame["f"] = frame["n"] - frame["s"]
    grouped = read(smf.glm("s + f ~ gpa + psi", frame, family=BINOMIAL()).fit())
    single = read(smf.glm("grade ~ gpa + psi", data, family=BINOMIAL()).fit())
    for quantity in ("log-likelihood", "AIC"):
        values = [
            next(each.value for each in their.stated if each.quantity == quantity)
            for their in (grouped, single)
        ]
        assert values[0] == pytest.approx(values[1], rel=1e-12)
    assert "which is taken off here" in grouped.notes[0]
    assert grouped.model.response_name == "s"


def test_settings_say_what_was_maximised():
    assert read(sm.Probit(Y, X).fit(disp=0)).settings.link == "probit"
    links = sm.families.links
    for link, name in ((links.Probit(), "probit"), (links.CLogLog(), "cloglog")):
        glm = sm.GLM(Y, X, family=sm.families.Binomial(link)).fit()
        assert read(glm).settings.link == name
    lasso = read(sm.Logit(Y, X).fit_regularized(alpha=[0, 1, 1], disp=0)).settings
    assert (lasso.penalty, lasso.strength, lasso.share) == ("l1", 1.0, 1.0)
    assert lasso.penalised == (0.0, 1.0, 1.0)
    lasso = read(sm.Logit(Y, X).fit_regularized(alpha=[0, 1, 4], disp=0)).settings
    assert (lasso.strength, lasso.penalised) == (4.0, (0.0, 0.25, 1.0))
    glm = sm.GLM(Y, X, family=sm.families.Binomial())
    asked = {"alpha": 0.1, "L1_wt": 0.5}
    net = read(glm.fit_regularized(maxiter=10_000, **asked), asked).settings
    assert (net.penalty, net.share, net.penalised) == ("elasticnet", 0.5, (1.0,) * 3)
    assert net.strength == pytest.approx(0.1 * len(Y))
    # what is made of a constrained fit itself has no iterations
    bound = read(glm.fit_constrained("gpa = 0.1"))
    assert bound.settings.converged is True
    assert "under constraints" in bound.notes[0]
    kept = read(glm.fit_regularized(alpha=0.1, refit=True, maxiter=10_000))
    assert "the columns that its penalty has kept" in kept.notes[0]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert read(sm.Logit(Y, X).fit(maxiter=1, disp=0)).settings.converged is False


def test_other_models_are_refused_by_name():
    with pytest.raises(TypeError, match="of statsmodels the results of Logit"):
        read(sm.OLS(Y, X).fit())
    with pytest.raises(TypeError, match="not those of GEE"):
        read(sm.GEE(Y, X, groups=np.arange(len(Y)) // 4, family=sm.families.Binomial()).fit())
    with pytest.raises(TypeError, match="family Poisson"):
        read(sm.GLM(Y, X, family=sm.families.Poisson()).fit())
    result = sm.Logit(Y, X).fit(disp=0)
    result.remove_data()
    with pytest.raises(ValueError, match="remove_data was called"):
        read(result)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"cov_type": "HC0", "cov_kwds": {"scaling_factor": 1.3}}, "scaling_factor=1.3"),
        ({"scale": 2.0}, "a scale of 2 was asked for"),
        ({"scale": "dev"}, "a scale of"),
        ({"scale": "X2"}, ""),
        ({"cov_type": "HC1"}, ""),
    ],
)
def test_a_factor_that_was_asked_for_makes_standard_errors_of_no_usual_kind(more, said):
    found = audit(sm.GLM(Y, X, family=BINOMIAL()).fit(**more))
    assert said in found.their.may_be
    assert found.passed
    of_errors = {each.consistent for each in found.numbers if each.quantity == "standard error"}
    assert of_errors == ({None} if said else {True})


def test_clusters_of_rows_with_weights_of_any_kind_are_not_judged():
    for name in ("freq_weights", "var_weights"):
        fit = sm.GLM(Y, X, family=BINOMIAL(), **{name: np.arange(32) % 3 + 1.0})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = fit.fit(cov_type="cluster", cov_kwds={"groups": DATA["tuce"]})
        assert "clusters of rows with weights" in read(result).unjudged
