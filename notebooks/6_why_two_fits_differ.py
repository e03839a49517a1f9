# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Why do my two fits differ?
#
# The same data, the same model, two programs, two answers. `explain_difference` takes somebody else's
# coefficients and says what they are. Each cause is a problem that the numbers solve or not.

# %%
import warnings

import numpy as np
import statsmodels.api as sm
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import audit, explain_difference, plot_posterior, plot_surface
from flatprior.models import BernoulliLogistic, fit_newton, load_spector, sample_independence

students = load_spector()
X, y = students[["gpa", "tuce", "psi"]], students["grade"]
model = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", students)
fit = fit_newton(model)
fit

# %% [markdown]
# ## scikit-learn, as it comes

# %%
default = LogisticRegression().fit(X, y)
print(explain_difference(model, [*default.intercept_, *default.coef_[0]]))

# %% [markdown]
# ## Without the penalty, but stopped early

# %%
warnings.simplefilter("ignore", ConvergenceWarning)  # it does warn; many never see it
early = LogisticRegression(C=np.inf, max_iter=12).fit(X, y)
print(explain_difference(model, [*early.intercept_, *early.coef_[0]]))

# %% mystnb={"image": {"alt": "Twelve steps of L-BFGS on the likelihood's contours, far from the MLE"}}
paths = [LogisticRegression(C=np.inf, max_iter=n).fit(X, y) for n in range(1, 13)]
steps = [[0.0] * 4, *([*stop.intercept_, *stop.coef_[0]] for stop in paths)]
plot_surface(model, ("gpa", "psi"), {"L-BFGS": steps})

# %% [markdown]
# ## statsmodels, which adds no intercept by itself

# %%
no_constant = sm.Logit(y, X).fit(disp=False)
print(explain_difference(model, dict(no_constant.params)))

# %% [markdown]
# ## The other outcome counted as 1

# %%
flipped = sm.Logit(1 - y, sm.add_constant(X)).fit(disp=False)
print(explain_difference(model, flipped.params.to_numpy()))

# %% [markdown]
# ## Grade points in per cent

# %%
scaled = sm.Logit(y, sm.add_constant(X.assign(gpa=X["gpa"] * 100))).fit(disp=False)
print(explain_difference(model, scaled.params.to_numpy()))

# %% [markdown]
# ## Two students left out
#
# Which, is found too.

# %%
fewer = sm.Logit(y.drop([4, 27]), sm.add_constant(X.drop([4, 27]))).fit(disp=False)
print(explain_difference(model, fewer.params.to_numpy()))

# %% [markdown]
# ## Probit in place of logit

# %%
probit = sm.Probit(y, sm.add_constant(X)).fit(disp=False)
print(explain_difference(model, probit.params.to_numpy()))

# %% [markdown]
# ## The mean of the posterior in place of its mode

# %%
draws = sample_independence(model, seed=1, progress=False)
print(explain_difference(model, draws.draws.mean(axis=(0, 1))))

# %% mystnb={"image": {"alt": "Posterior densities of gpa and psi: the mean lies right of the MLE"}}
plot_posterior(draws, fit, names=["gpa", "psi"])

# %% [markdown]
# ## And numbers that are none of these

# %%
print(explain_difference(model, [1.0, -2.0, 0.5, 0.1]))

# %% [markdown]
# ## The fit itself, with everything that it states
#
# `audit` takes the object, its draws or a printed table. It says whether the maximum exists, whether this
# is it, why not and what to type, and which of the numbers beside it is right, by which convention.

# %%
audit(default, X, y)

# %%
audit(no_constant, model)

# %%
robust = sm.Logit(y, sm.add_constant(X)).fit(disp=False, cov_type="HC1")
print(audit(robust).verdict)

# %% [markdown]
# What statsmodels calls HC1 here is HC0. And of the draws, with the response flipped:

# %%
audit(-draws.draws, model)
