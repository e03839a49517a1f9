# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # A model comparison, tests by term, and the report to hand in
#
# Did the personalised system of instruction (`psi`) help the students of Spector and Mazzeo (1980),
# beyond their grade point average (`gpa`) and a pre-test (`tuce`)? And what else there is after a fit, term
# by term, on data with a factor of three levels.

# %%
import tempfile
from pathlib import Path

import numpy as np

import flatprior as fp

students = fp.load_spector()
models = {
    "gpa": fp.BernoulliLogistic.from_formula("grade ~ gpa", students),
    "gpa + tuce": fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce", students),
    "gpa + psi": fp.BernoulliLogistic.from_formula("grade ~ gpa + psi", students),
    "all": fp.BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", students),
}

# %% [markdown]
# ## The comparison
#
# Likelihood criteria and leave-one-out prediction in one table. Bayes factors are not among them: under
# a flat prior there are none.

# %%
draws = {
    name: fp.sample_independence(model, seed=1, progress=False) for name, model in models.items()
}
comparison = fp.compare_models(models, draws, leave_one_out=True)
comparison

# %%
fp.plot_comparison(comparison)

# %% [markdown]
# ## The best model

# %%
model = models["gpa + psi"]
fit = fp.fit_newton(model)
fp.summarise(model, fit, intervals="profile")

# %%
print(fp.likelihood_ratio_test(model, "psi"))
fp.average_marginal_effects(model, fit, students)

# %% [markdown]
# What each variable adds to the others, and the probability of a better grade of these students without
# `psi` and with it, with errors that do not rest on the model:

# %%
fp.drop_one(models["all"])

# %%
robust = fp.robust_covariance(model, fit, "HC3")
fp.anova(model, type=2, test="Wald", robust=robust)

# %%
means = fp.marginal_means(
    model, robust, "psi", students, scale="probability", over="rows", at={"psi": [0, 1]}
)
means

# %%
means.contrasts("reference")

# %% [markdown]
# ## How well does it predict?
#
# On the students that it was fitted to better than on others. The bootstrap says by how much; of 32
# students some samples have no maximum, which are counted.

# %%
fp.predictive_indices(model, fit)

# %%
fp.classification_table(model, fit, cut=0.4)

# %%
fp.validate(model, 500, seed=1)

# %%
fp.plot_calibration(fp.calibration_curve(model, fit))

# %%
fp.plot_influence(fp.diagnose(model, fit), fp.psis_loo(model, draws["gpa + psi"]))

# %% [markdown]
# ## Tests by term
#
# Which mothers have children of low weight? Of 189 births (Hosmer and Lemeshow 1989) the weight of the
# mother is known (`lwt`), a factor of three levels (`race`), whether she smoked and whether her uterus was
# irritable (`ui`). The names in brackets are those of R.

# %%
births = fp.load_births()
low = fp.BernoulliLogistic.from_formula("low ~ lwt + race + smoke + ui", births)
low_fit = fp.fit_newton(low)
fp.summarise(low, low_fit)

# %% [markdown]
# Does smoking do the same in all three levels? Each term added to those above it (`anova`), type I:

# %%
crossed = fp.BernoulliLogistic.from_formula("low ~ lwt + race * smoke", births)
one_by_one = fp.anova(crossed)
one_by_one

# %% [markdown]
# Each term added to all but interactions of it (`car::Anova`), type II, and the same by the score test
# (`test = "Rao"`):

# %%
type_two = fp.anova(crossed, type=2)
type_two

# %%
by_score = fp.anova(crossed, type=2, test="score")
by_score

# %% [markdown]
# The interaction adds nothing that can be told from chance. Race does, once smoking is there: smokers are
# more often white, which hides in type I what race does.
#
# Type III asks what race does on average over smoking. With treatment contrasts it would be another
# question, and is refused; contrasts that sum to zero make it this one:

# %%
try:
    fp.anova(crossed, type=3)
except fp.FlatpriorError as error:
    print(error)

# %%
summed = fp.BernoulliLogistic.from_formula("low ~ lwt + C(race, Sum) * C(smoke, Sum)", births)
type_three = fp.anova(summed, type=3)
type_three

# %% [markdown]
# Several models, each against the one before it (`anova(a, b, c)`); the third is enough:

# %%
rights = ("lwt", "lwt + race", "lwt + race + smoke", "lwt + race * smoke")
steps = fp.anova(*(fp.BernoulliLogistic.from_formula(f"low ~ {right}", births) for right in rights))
steps

# %% [markdown]
# Generalised variance inflation (`car::vif`). No term is in the way of another:

# %%
inflation = fp.collinearity(low, low_fit)
inflation

# %% [markdown]
# ## Marginal means and contrasts
#
# The mean log-odds of each level over a grid (`emmeans`): the levels of `smoke` equally often, numbers at
# their means. That goes for the 0 and 1 of `ui` too; R's grid has both values of such a number equally often,
# which here is `at={"ui": [0, 1]}`.

# %%
by_race = fp.marginal_means(low, low_fit, "race", births)
by_race

# %% [markdown]
# Every two of them (`pairs`), with Tukey's adjustment for three comparisons, which R makes unasked and which
# here is asked for, or Holm's:

# %%
tukey = by_race.contrasts("pairwise", adjust="tukey")
tukey

# %%
holm = by_race.contrasts("pairwise", "odds ratio", adjust="holm")
holm

# %% [markdown]
# Black mothers differ from white ones by both. Of others and white ones it depends on the procedure: Holm's has
# the smaller p-values, but none but Bonferroni's intervals go with it, and that one holds 1.
#
# A contrast of one's own (`contrast`), and the test that all contrasts are 0 together (`joint_tests`), of
# the model with an interaction by term, or at each level of race:

# %%
by_race.contrasts({"black and other - white": {"black": 0.5, "other": 0.5, "white": -1}})

# %%
cells = fp.marginal_means(crossed, fp.fit_newton(crossed), ["race", "smoke"], births)
cells.joint_tests()

# %%
cells.contrasts("pairwise", within="race")

# %% [markdown]
# Probabilities in place of log-odds, averaged over the mothers as they are, and their differences:

# %%
chances = fp.marginal_means(low, low_fit, "race", births, scale="probability", over="rows")
chances

# %%
apart = chances.contrasts("pairwise")
apart

# %% [markdown]
# With draws in place of the fit the same call gives the posterior: mean, standard deviation, interval, and
# `pd`, the probability of its direction. Fit and posterior say the same here.

# %%
low_draws = fp.sample_independence(low, seed=1, progress=False)
of_draws = fp.marginal_means(low, low_draws, "race", births, scale="probability", over="rows")
posterior = of_draws.contrasts("pairwise")
posterior

# %% [markdown]
# ## Average effects
#
# What smoking and a pound of weight do to the probability (`marginaleffects::avg_slopes`), in each group:

# %%
in_groups = fp.average_marginal_effects(low, low_fit, births, ["smoke", "lwt"], by="race")
in_groups

# %% [markdown]
# Smoking adds least for white mothers, whose probability is the smallest, although the model has one coefficient
# for all.
#
# With others held at values, and as an elasticity (`eyex`): the per cent by which the probability changes
# with one per cent of weight.

# %%
fp.average_marginal_effects(low, low_fit, births, ["smoke"], at={"lwt": 130, "race": "white"})

# %%
elastic = fp.average_marginal_effects(low, low_fit, births, ["lwt"], slope="eyex")
elastic

# %% [markdown]
# ## Rows that move the fit
#
# Residuals (`rstandard`, `rstudent`) and influence (`cooks.distance`), this from the fits without each row,
# where R has one step towards them. No mother decides: none moves a coefficient by half a standard error.

# %%
moved = fp.diagnose(low, low_fit, exact=True)
moved

# %% [markdown]
# ## New mothers
#
# The area under the ROC curve with DeLong's interval (`pROC::ci.auc`), and calibration. On its own rows a fit has
# a slope of 1, whatever it is worth:

# %%
fp.predictive_indices(low, low_fit)

# %% [markdown]
# For new mothers the bootstrap (`rms::validate`) takes off by how much that is too good. Cross-validation takes as
# much off the area and more off the slope: the model tells little apart, and its predictions are rather too
# extreme.

# %%
bootstrap = fp.validate(low, 1000, seed=1)
bootstrap

# %%
folds = fp.validate(low, 20, method="cross-validation", seed=1)
folds

# %% [markdown]
# Intervals of coefficients from the same samples, right to second order (`boot.ci(type = "bca")`):

# %%
bca = bootstrap.coefficient_intervals("BCa")
bca

# %% [markdown]
# ## Rows that depend on one another
#
# The data name no clinics; the mother's age stands in for them, to show the call. CR2 (`clubSandwich`) is
# for few clusters, with Satterthwaite's degrees of freedom in whatever is made of it, also in tests by term:

# %%
clustered = fp.robust_covariance(low, low_fit, "CR2", cluster=births["age"])
clustered

# %%
by_term = fp.anova(low, type=2, test="Wald", robust=clustered)
by_term

# %% [markdown]
# Two ways at once (`sandwich::vcovCL(cluster = ~ age + lwt)`):

# %%
fp.robust_covariance(low, low_fit, cluster=[births["age"], births["lwt"]], correction="R")

# %% [markdown]
# Programs differ in the factor for small samples, which is asked for by the name of the program:

# %%
for whose in ("statsmodels", "Stata", "R", "none"):
    found = fp.robust_covariance(low, low_fit, cluster=births["age"], correction=whose)
    print(f"{whose:12} factor {found.factor:.5f}, SE of lwt {found.standard_errors[1]:.5f}")

# %% [markdown]
# What the text says of these births, held against the numbers:

# %%
tests = [found.table()["p"] for found in (one_by_one, type_two, by_score)]
assert tests[0]["race"] > 0.05 > max(tests[1]["race"], tests[2]["race"])
assert min(p["race:smoke"] for p in tests) > 0.2
smokers = (births["smoke"] == "yes").groupby(births["race"]).mean()
assert smokers["white"] > max(smokers["black"], smokers["other"])
assert steps.table()["p"].iloc[2] < 0.05 < steps.table()["p"].iloc[3]
assert inflation.gvif.iloc[:, -1].max() < 1.2
assert (tukey.table()["adjusted p"] < 0.05).tolist() == [False, True, False]
assert (holm.table()["adjusted p"] < 0.05).tolist() == [False, True, True]
assert holm.table()["2.5%"].iloc[2] < 1 < holm.table()["2.5%"].iloc[1]
by_fit, by_draws = apart.table(), posterior.table()
assert np.all(abs(by_fit["difference"] - by_draws["difference"]) < 0.2 * by_draws["sd"])
assert chances.table()["probability"].idxmin() == "white"
assert in_groups.table()["effect"].loc["smoke: yes - no"].idxmin() == "white"
assert moved.dfbetas.abs().to_numpy().max() < 0.5
shrunk, cut = bootstrap.table()["corrected"], folds.table()["corrected"]
assert abs(shrunk["AUC"] - cut["AUC"]) < 0.01
assert cut["AUC"] < 0.7
assert cut["calibration slope"] < shrunk["calibration slope"] < 0.9

# %% [markdown]
# ## Many coefficients
#
# With more than one coefficient to ten observations the MLE is too far from zero, and its standard
# errors are too small. Where rows are like Gaussian ones both are known, and corrected:

# %%
rng = np.random.default_rng(1)
many = rng.normal(size=(300, 36))
outcome = rng.random(300) < 1 / (1 + np.exp(-many[:, :9].sum(axis=1) / 2))
wide = fp.BernoulliLogistic.from_arrays(many, outcome)
fp.high_dimensional(wide, fp.fit_newton(wide))

# %% [markdown]
# ## The report
#
# One HTML file with the comparison, the best model, the agreement of the routes, and the certificates;
# with the data also what each variable does to the probability.

# %%
agreement = fp.compare_routes(
    model,
    fit,
    fp.fit_sklearn(model),
    fp.fit_map(model),
    fp.sample_nuts(model, seed=1, progress=False),
)
path = Path(tempfile.mkdtemp()) / "report.html"
fp.write_report(
    path, agreement=agreement, comparison=comparison, data=students, title="Did psi help?"
)
print(f"{path.stat().st_size / 1000:.0f} kB")
print(agreement.message)

# %% [markdown]
# A referee who has the data verifies it in seconds (`flatprior verify report.html data.csv`):

# %%
fp.verify_report(model, path, models, students)
