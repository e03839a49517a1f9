# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # A model comparison, and the report to hand in
#
# Did the personalised system of instruction (`psi`) help the students of Spector and Mazzeo (1980),
# beyond their grade point average (`gpa`) and a pre-test (`tuce`)?

# %%
import tempfile
from pathlib import Path

import numpy as np

from flatprior.analysis import (
    anova,
    average_marginal_effects,
    calibration_curve,
    classification_table,
    compare_models,
    compare_routes,
    diagnose,
    drop_one,
    high_dimensional,
    likelihood_ratio_test,
    marginal_means,
    plot_calibration,
    plot_comparison,
    plot_influence,
    predictive_indices,
    psis_loo,
    robust_covariance,
    summarise,
    validate,
    verify_report,
    write_report,
)
from flatprior.models import (
    BernoulliLogistic,
    fit_map,
    fit_newton,
    fit_sklearn,
    load_spector,
    sample_independence,
    sample_nuts,
)

students = load_spector()
models = {
    "gpa": BernoulliLogistic.from_formula("grade ~ gpa", students),
    "gpa + tuce": BernoulliLogistic.from_formula("grade ~ gpa + tuce", students),
    "gpa + psi": BernoulliLogistic.from_formula("grade ~ gpa + psi", students),
    "all": BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", students),
}

# %% [markdown]
# ## The comparison
#
# Likelihood criteria and leave-one-out prediction in one table. Bayes factors are not among them: under
# a flat prior there are none.

# %%
draws = {name: sample_independence(model, seed=1, progress=False) for name, model in models.items()}
comparison = compare_models(models, draws, leave_one_out=True)
comparison

# %%
plot_comparison(comparison)

# %% [markdown]
# ## The best model

# %%
model = models["gpa + psi"]
fit = fit_newton(model)
summarise(model, fit, intervals="profile")

# %%
print(likelihood_ratio_test(model, "psi"))
average_marginal_effects(model, fit, students)

# %% [markdown]
# What each variable adds to the others, and the probability of a better grade of these students without
# `psi` and with it, with errors that do not rest on the model:

# %%
drop_one(models["all"])

# %%
robust = robust_covariance(model, fit, "HC3")
anova(model, type=2, test="Wald", robust=robust)

# %%
means = marginal_means(
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
predictive_indices(model, fit)

# %%
classification_table(model, fit, cut=0.4)

# %%
validate(model, 500, seed=1)

# %%
plot_calibration(calibration_curve(model, fit))

# %%
plot_influence(diagnose(model, fit), psis_loo(model, draws["gpa + psi"]))

# %% [markdown]
# ## Many coefficients
#
# With more than one coefficient to ten observations the MLE is too far from zero, and its standard
# errors are too small. Where rows are like Gaussian ones both are known, and corrected:

# %%
rng = np.random.default_rng(1)
many = rng.normal(size=(300, 36))
outcome = rng.random(300) < 1 / (1 + np.exp(-many[:, :9].sum(axis=1) / 2))
wide = BernoulliLogistic.from_arrays(many, outcome)
high_dimensional(wide, fit_newton(wide))

# %% [markdown]
# ## The report
#
# One HTML file with the comparison, the best model, the agreement of the routes, and the certificates;
# with the data also what each variable does to the probability.

# %%
agreement = compare_routes(
    model,
    fit,
    fit_sklearn(model),
    fit_map(model),
    sample_nuts(model, seed=1, progress=False),
)
path = Path(tempfile.mkdtemp()) / "report.html"
write_report(path, agreement=agreement, comparison=comparison, data=students, title="Did psi help?")
print(f"{path.stat().st_size / 1000:.0f} kB")
print(agreement.message)

# %% [markdown]
# A referee who has the data verifies it in seconds (`flatprior verify report.html data.csv`):

# %%
verify_report(model, path, models, students)
