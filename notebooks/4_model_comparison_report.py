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
from IPython.display import Markdown

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
# a flat prior there are none. These columns decide; `comparison` alone shows all of them, with BIC, the
# exact leave-one-out score of the MLE and stacking weights, and `comparison.table()` has all digits.

# %%
draws = {
    name: fp.sample_independence(model, seed=1, progress=False) for name, model in models.items()
}
comparison = fp.compare_models(models, draws, leave_one_out=True)
columns = ["k", "AIC", "parent", "LR", "df", "p", "elpd_loo", "elpd_diff", "dse"]
Markdown(comparison.to_markdown(columns))

# %% mystnb={"image": {"alt": "The models beside the best: elpd with standard errors, and AIC"}}
fp.plot_comparison(comparison)

# %% [markdown]
# ## The best model

# %%
model = models["gpa + psi"]
fit = fp.fit_newton(model)
fp.summarise(model, fit, intervals="profile")

# %% [markdown]
# The probability of a better grade of these students with `psi` less that without it, with errors that do
# not rest on the model:

# %%
robust = fp.robust_covariance(model, fit, "HC3")
fp.marginal_means(
    model, robust, "psi", students, scale="probability", over="rows", at={"psi": [0, 1]}
).contrasts("reference")

# %% [markdown]
# Do some of the students decide?

# %% mystnb={"image": {"alt": "Leverage against residual of each student, and Pareto k"}}
fp.plot_influence(fp.diagnose(model, fit), fp.psis_loo(model, draws["gpa + psi"]))

# %% [markdown]
# ## Tests by term
#
# Which mothers have children of low weight? Of 189 births (Hosmer and Lemeshow 1989) the weight of the
# mother is known (`lwt`), a factor of three levels (`race`), whether she smoked and whether her uterus was
# irritable (`ui`). The names in brackets are those of R.
#
# Does smoking do the same in all three levels? Each term added to those above it (`anova`, which also takes
# models, one after the other), type I:

# %%
births = fp.load_births()
crossed = fp.BernoulliLogistic.from_formula("low ~ lwt + race * smoke", births)
one_by_one = fp.anova(crossed)
one_by_one

# %% [markdown]
# Each term added to all but interactions of it (`car::Anova`), type II; `test="score"` is R's `"Rao"`.

# %%
type_two = fp.anova(crossed, type=2)
type_two

# %% [markdown]
# The interaction adds nothing that can be told from chance. Race does, once smoking is there: smokers are
# more often white, which hides in type I what race does.
#
# Type III asks what race does on average over smoking. With treatment contrasts it would be another
# question, and is refused; contrasts that sum to zero make it this one:

# %%
summed = fp.BernoulliLogistic.from_formula("low ~ lwt + C(race, Sum) * C(smoke, Sum)", births)
fp.anova(summed, type=3)

# %% [markdown]
# ## Marginal means and contrasts
#
# The mean log-odds of each level, without the interaction, over a grid (`emmeans`): the levels of `smoke`
# equally often, numbers at their means, the 0 and 1 of `ui` too.

# %%
low = fp.BernoulliLogistic.from_formula("low ~ lwt + race + smoke + ui", births)
low_fit = fp.fit_newton(low)
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
# the model with an interaction by term, or the contrasts at each level of race:

# %%
by_race.contrasts({"black and other - white": {"black": 0.5, "other": 0.5, "white": -1}})

# %%
cells = fp.marginal_means(crossed, fp.fit_newton(crossed), ["race", "smoke"], births)
cells.joint_tests()

# %%
cells.contrasts("pairwise", within="race")

# %% [markdown]
# Probabilities in place of log-odds, averaged over the mothers as they are, and their differences. With draws
# in place of the fit the same call gives the posterior, and `pd`, the probability of its direction:

# %%
chances = fp.marginal_means(low, low_fit, "race", births, scale="probability", over="rows")
apart = chances.contrasts("pairwise")
apart

# %%
low_draws = fp.sample_independence(low, seed=1, progress=False)
of_draws = fp.marginal_means(low, low_draws, "race", births, scale="probability", over="rows")
posterior = of_draws.contrasts("pairwise")
posterior

# %% [markdown]
# ## Average effects
#
# What smoking and a pound of weight do to the probability (`marginaleffects::avg_slopes`), in each group, or
# with others held at values. Smoking adds least for white mothers, whose probability is the smallest, although
# the model has one coefficient for all.

# %%
in_groups = fp.average_marginal_effects(low, low_fit, births, ["smoke", "lwt"], by="race")
in_groups

# %%
fp.average_marginal_effects(low, low_fit, births, ["smoke"], at={"lwt": 130, "race": "white"})

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
# On the fit's own rows the area under the ROC curve (`pROC::auc`) is too large, and the calibration slope is 1
# whatever the fit is worth. For new mothers the bootstrap (`rms::validate`) takes off by how much.

# %%
bootstrap = fp.validate(low, 1000, seed=1)
bootstrap

# %% [markdown]
# Intervals of coefficients from the same samples, right to second order (`boot.ci(type = "bca")`):

# %%
bootstrap.coefficient_intervals("BCa")

# %% [markdown]
# ## Rows that depend on one another
#
# The data name no clinics; the mother's age stands in for them, to show the call. CR2 (`clubSandwich`) is
# for few clusters, with Satterthwaite's degrees of freedom in whatever is made of it, also in tests by term.
# Two ways at once (`sandwich::vcovCL(cluster = ~ age + lwt)`) take the factor of a program by its name.

# %%
clustered = fp.robust_covariance(low, low_fit, "CR2", cluster=births["age"])
fp.anova(low, type=2, test="Wald", robust=clustered)

# %%
fp.robust_covariance(low, low_fit, cluster=[births["age"], births["lwt"]], correction="R")

# %% [markdown]
# What the text says of these births, held against the numbers:

# %%
tests = [found.table()["p"] for found in (one_by_one, type_two)]
assert tests[0]["race"] > 0.05 > tests[1]["race"]
assert min(p["race:smoke"] for p in tests) > 0.2
smokers = (births["smoke"] == "yes").groupby(births["race"]).mean()
assert smokers["white"] > max(smokers["black"], smokers["other"])
assert (tukey.table()["adjusted p"] < 0.05).tolist() == [False, True, False]
assert (holm.table()["adjusted p"] < 0.05).tolist() == [False, True, True]
assert holm.table()["2.5%"].iloc[2] < 1 < holm.table()["2.5%"].iloc[1]
by_fit, by_draws = apart.table(), posterior.table()
assert np.all(abs(by_fit["difference"] - by_draws["difference"]) < 0.2 * by_draws["sd"])
assert chances.table()["probability"].idxmin() == "white"
assert in_groups.table()["effect"].loc["smoke: yes - no"].idxmin() == "white"
assert moved.dfbetas.abs().to_numpy().max() < 0.5

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
