# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # When the maximum likelihood estimate does not exist
#
# Where one outcome can be told from the other without error, in all rows or in some, the likelihood has
# no maximum, and a posterior under a flat prior does not exist either. Most programs print numbers all
# the same.

# %%
import numpy as np
import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import (
    confidence_intervals,
    likelihood_ratio_test,
    plot_forest,
    plot_profile,
    profile_curve,
)
from flatprior.models import (
    BernoulliLogistic,
    ImproperPosteriorError,
    MLEDoesNotExistError,
    check_existence,
    check_fragility,
    fit_newton,
    load_endometrial,
    load_spector,
    sample_nuts,
)

# %% [markdown]
# ## Endometrial cancer
#
# Of 79 patients, all 13 with neovasculation (NV) have a high grade.

# %%
patients = load_endometrial()
print(pd.crosstab(patients["NV"], patients["HG"]))
model = BernoulliLogistic.from_formula("HG ~ NV + PI + EH", patients)
state = check_existence(model)
state

# %% [markdown]
# No route returns numbers, and sampling is refused: NUTS would run, and print means of a distribution
# that does not exist.

# %%
try:
    fit_newton(model)
except MLEDoesNotExistError as error:
    print(type(error).__name__, "|", error.existence.kind)
try:
    sample_nuts(model)
except ImproperPosteriorError as error:
    print(type(error).__name__, "|", str(error)[:63], "...")

# %% [markdown]
# scikit-learn stops somewhere on the way to infinity, the later the smaller its tolerance, and says
# nothing:

# %%
for tolerance in (1e-4, 1e-6, 1e-8):
    theirs = LogisticRegression(C=np.inf, tol=tolerance, max_iter=10_000)
    theirs.fit(model.design[:, 1:], model.response)
    print(f"tolerance {tolerance:.0e}: NV = {theirs.coef_[0][0]:.2f}")

# %% [markdown]
# ## What can still be said
#
# The other coefficients have limits, and the profile likelihood of NV rises for ever but falls on the
# other side: its interval has one end.

# %%
intervals = confidence_intervals(model)
intervals

# %% mystnb={"image": {"alt": "Profile log-likelihood of NV, which never falls to the right"}}
plot_profile(profile_curve(model, "NV"))

# %% mystnb={"image": {"alt": "Profile intervals: that of NV has one end"}}
plot_forest({"profile likelihood": intervals})

# %% [markdown]
# A likelihood-ratio test needs suprema only, and these exist:

# %%
print(likelihood_ratio_test(model, "NV"))

# %% [markdown]
# ## Breast cancer, thirty measurements
#
# With 30 columns the outcomes of 569 tumours can be told apart entirely.

# %%
tumours = load_breast_cancer(as_frame=True)
wide = BernoulliLogistic.from_arrays(tumours.data, tumours.target, intercept=True)
print(check_existence(wide).kind)
print(len(check_existence(wide).separated_rows), "of", wide.n_rows, "rows separated")

# %% [markdown]
# With the first ten, the means, they overlap, and the maximum exists. How many observations does that
# hang on?

# %%
ten = BernoulliLogistic.from_arrays(tumours.data.iloc[:, :10], tumours.target, intercept=True)
print(check_existence(ten).kind)
print(check_fragility(ten).message)

# %% [markdown]
# With the 32 students of a classic it hangs on few:

# %%
students = BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector())
print(check_fragility(students).message)
