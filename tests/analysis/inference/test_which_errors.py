"""One hypothesis has one p-value, whatever it is asked of; and which covariance it is, is said."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm, t as student

from flatprior.analysis import (
    average_marginal_effects,
    marginal_means,
    predict,
    robust_covariance,
    summarise,
    wald_test,
)
from flatprior.analysis.inference.which_errors import WhichErrors, student_in_words
from flatprior.models import BernoulliLogistic, fit_newton, load_births

FRAME = load_births().assign(group=lambda rows: rows["age"] % 9)
ONE = BernoulliLogistic.from_formula("low ~ race", FRAME)
FIT = fit_newton(ONE)
CR2 = robust_covariance(ONE, FIT, "CR2", cluster=FRAME["group"])
LEVELS = ["black", "other", "white"]
OF_LEVELS = np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0, 1.0]])
MANY = BernoulliLogistic.from_formula("low ~ race*smoke + lwt", FRAME)
MANY_FIT = fit_newton(MANY)
MANY_CR2 = robust_covariance(MANY, MANY_FIT, "CR2", cluster=FRAME["group"])


def test_means_of_one_factor_are_combinations_that_wald_test_judges_the_same():
    means = marginal_means(ONE, CR2, "race")
    table, single = (
        means.table(),
        means.contrasts(dict(zip(LEVELS, np.eye(3), strict=True))).table(),
    )
    predicted = predict(ONE, CR2, {"race": LEVELS})
    for level, row in zip(LEVELS, OF_LEVELS, strict=True):
        test = wald_test(ONE, CR2, row)
        own, found = table.loc[level], single.loc[level]
        assert own["df"] == found["df"] == pytest.approx(test.df_error, rel=1e-10)
        assert found["z"] ** 2 == pytest.approx(test.statistic, rel=1e-10)
        assert found["p"] == pytest.approx(test.p, rel=1e-9)
        reach = student(test.df_error).ppf(0.975) * own["standard error"]
        ends = np.array([own["log-odds"] - reach, own["log-odds"] + reach])
        assert own[["log-odds 2.5%", "log-odds 97.5%"]].to_list() == pytest.approx(ends)
        assert own[["probability 2.5%", "probability 97.5%"]].to_list() == pytest.approx(
            expit(ends)
        )
    for name in table:
        assert predicted[name].to_numpy() == pytest.approx(table[name].to_numpy(), rel=1e-9)
    as_probability = marginal_means(ONE, CR2, "race", scale="probability").table()
    for name in ("probability 2.5%", "probability 97.5%"):
        assert as_probability[name.split()[1]].to_numpy() == pytest.approx(table[name].to_numpy())


def test_a_contrast_with_the_reference_is_the_coefficient_in_a_summary():
    summary = summarise(ONE, FIT, robust=CR2).table()
    means = marginal_means(ONE, CR2, "race")
    contrasts = means.contrasts("reference").table()
    columns = ["standard error", "z", "p", "2.5%", "97.5%"]
    theirs = summary.iloc[1:][columns].to_numpy()
    assert contrasts[columns].to_numpy() == pytest.approx(theirs, rel=1e-9)
    assert contrasts["df"].to_numpy() == pytest.approx(CR2.df[1:], rel=1e-10)
    ratios = means.contrasts("reference", "odds ratio").table()
    assert ratios["97.5%"].to_numpy() == pytest.approx(np.exp(theirs[:, 4]), rel=1e-9)
    assert ratios["p"].to_numpy() == pytest.approx(theirs[:, 2], rel=1e-9)


def test_adjusted_p_values_and_intervals_are_of_students():
    means = marginal_means(ONE, CR2, "race")
    plain = means.contrasts("pairwise").table()
    found = means.contrasts("pairwise", adjust="bonferroni").table()
    assert found["adjusted p"].to_numpy() == pytest.approx(np.minimum(3 * plain["p"], 1))
    reach = student(plain["df"]).ppf(1 - 0.025 / 3) * plain["standard error"]
    assert found["97.5%"].to_numpy() == pytest.approx(plain["difference"] + reach)
    holm = means.contrasts("pairwise", adjust="holm").table()
    assert holm["adjusted p"].min() == pytest.approx(3 * plain["p"].min())
    with pytest.raises(ValueError, match="with CR2 every contrast has its own"):
        means.contrasts("pairwise", adjust="tukey")


def test_joint_tests_are_hotellings():
    test = wald_test(ONE, CR2, "race")
    means = marginal_means(ONE, CR2, "race")
    for found in (means.joint_tests().loc["race"], means.joint_tests("pairwise").iloc[0]):
        ours = found[["F", "df", "df error", "p"]].to_list()
        theirs = [test.statistic, test.df, test.df_error, test.p]
        assert ours == pytest.approx(theirs, rel=1e-8)
    model = BernoulliLogistic.from_formula("low ~ race + smoke", FRAME)
    robust = robust_covariance(model, fit_newton(model), "CR2", cluster=FRAME["group"])
    none = marginal_means(model, robust, ["race", "smoke"]).joint_tests().table()
    assert none.loc["race:smoke", "df"] == 0
    assert none.loc["race:smoke", ["F", "df error", "p"]].isna().all()
    test = wald_test(model, robust, "smoke")
    assert none.loc["smoke", "df error"] == pytest.approx(test.df_error, rel=1e-9)


def test_effects_are_students_with_the_degrees_of_freedom_of_their_derivatives():
    found = average_marginal_effects(ONE, CR2, FRAME).table()
    p = expit(OF_LEVELS @ FIT.coefficients)
    slopes = (p * (1 - p))[:, None] * OF_LEVELS
    for i, level in enumerate(LEVELS[1:], 1):
        own = found.loc[f"race: {level} - black"]
        df = CR2.moments.degrees_of_freedom((slopes[i] - slopes[0])[None])
        assert own["df"] == pytest.approx(df, rel=1e-9)
        assert own["p"] == pytest.approx(2 * student(df).sf(abs(own["z"])), rel=1e-9)
        reach = student(df).ppf(0.975) * own["standard error"]
        assert own["97.5%"] == pytest.approx(own["effect"] + reach)


def test_rows_of_predictions_have_degrees_of_freedom_of_their_own():
    found = predict(MANY, MANY_CR2, FRAME)
    design = np.asarray(MANY.design_matrix(FRAME))
    some = range(0, len(FRAME), 23)
    theirs = [MANY_CR2.moments.degrees_of_freedom(design[i : i + 1]) for i in some]
    assert found["df"].to_numpy()[some] == pytest.approx(theirs, rel=1e-9)
    reach = student(found["df"]).ppf(0.975) * found["standard error"]
    assert found["log-odds 97.5%"].to_numpy() == pytest.approx(found["log-odds"] + reach)


def test_blocks_of_combinations_give_what_all_at_once_give(monkeypatch):
    design = np.asarray(MANY.design_matrix(FRAME))
    whole = MANY_CR2.moments.each(design)
    monkeypatch.setattr("flatprior.analysis.inference.sandwiches.degrees_of_freedom.AT_ONCE", 3000)
    assert MANY_CR2.moments.each(design) == pytest.approx(whole, rel=1e-12)
    assert MANY_CR2.moments.each(np.zeros((1, 7))).tolist() == [np.inf]
    assert np.isnan(MANY_CR2.moments.each(np.full((1, 7), np.nan))).all()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"kind": "HC3"}, "HC3"),
        ({"cluster": FRAME["group"]}, "by 9 clusters"),
        ({"kind": "CR2", "cluster": FRAME["group"]}, "CR2 by 9 clusters"),
    ],
)
def test_every_output_says_which_covariance_it_is_of(options, said):
    robust = robust_covariance(ONE, FIT, **options)
    whole = f"standard errors are {robust.said}, {robust.factor_in_words}"
    means = marginal_means(ONE, robust, "race")
    in_a_note = f"S{whole[1:]}"
    assert in_a_note in " ".join(str(summarise(ONE, FIT, robust=robust)).split())
    assert in_a_note in " ".join(str(means).split())
    assert whole in means.to_dict()["notes"]
    assert wald_test(ONE, robust, "race").note == whole
    assert whole in wald_test(robust, list(ONE.names[1:])).message
    shown = (
        means.contrasts(),
        means.contrasts(adjust="holm"),
        means.joint_tests(),
        average_marginal_effects(ONE, robust, FRAME),
    )
    for each in shown:
        assert in_a_note in " ".join(str(each).split())
    for each in (*shown[:2], shown[3]):
        of = "of Student's t, with" if "CR2" in said else "p-values and intervals are normal"
        assert of in " ".join(str(each).split())
        assert ("the column z is this t" in " ".join(str(each).split())) == ("CR2" in said)
    assert "the column z" not in " ".join(str(means).split())
    summary = " ".join(str(summarise(ONE, FIT, robust=robust)).split())
    assert ("the column z is this t" in summary) == ("CR2" in said)
    for table in (
        *(each.table() for each in shown),
        predict(ONE, robust, FRAME),
    ):
        assert table.attrs["standard errors"] == whole
        assert table.columns.name.endswith(f"SE: {said}")
    if "CR2" in said:
        assert "of Student's t, with" in " ".join(str(means).split())


def test_of_the_models_own_covariance_nothing_is_said_and_all_is_normal():
    means = marginal_means(ONE, FIT, "race")
    shown = means.contrasts("reference")
    assert "Standard errors are the model's own" in str(shown)
    contrasts = shown.table()
    assert contrasts.columns.name is None
    assert not contrasts.attrs
    assert "df" not in contrasts
    assert contrasts["p"].to_numpy() == pytest.approx(2 * norm.sf(np.abs(contrasts["z"])))
    assert WhichErrors.of(FIT) == WhichErrors()
    assert "standard errors" not in str(wald_test(ONE, FIT, "race"))
    assert student_in_words(None) == []


def test_clusters_too_many_for_degrees_of_freedom_are_normal_and_said_to_be(monkeypatch):
    monkeypatch.setattr("flatprior.analysis.inference.sandwiches.clusters.LARGEST", 10)
    robust = robust_covariance(ONE, FIT, "CR2", cluster=FRAME["group"] * 10)
    assert robust.moments is None
    contrasts = marginal_means(ONE, robust, "race").contrasts().table()
    assert "df" not in contrasts
    assert "are normal: the clusters are too many" in contrasts.attrs["standard errors"]
