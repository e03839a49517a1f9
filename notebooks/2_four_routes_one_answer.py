# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Four routes, one answer
#
# Will the S&P 500 go up tomorrow? There are at least four ways to fit
# $P(y = 1 \mid x) = \sigma(x'\beta)$:
#
# 1. maximise the likelihood with Newton's method (NumPy),
# 2. ask scikit-learn, without its penalty,
# 3. find the posterior mode under a flat prior (PyMC's MAP),
# 4. sample that posterior (PyMC's NUTS).
#
# With a flat prior the posterior density *is* the likelihood. So all four must give one answer,
# although they share no code. Here they do, and it is proved.

# %%
import pandas as pd

from flatprior.analysis import (
    check_posterior,
    compare_routes,
    likelihood_ratio_test,
    plot_agreement,
    plot_draws,
    plot_forest,
    plot_posterior,
    posterior_mode,
    posterior_moments,
    predict,
    validate,
)
from flatprior.models import (
    BernoulliLogistic,
    certify,
    fit_map,
    fit_newton,
    fit_sklearn,
    load_smarket,
    sample_independence,
    sample_nuts,
)

days = load_smarket()
model = BernoulliLogistic.from_formula(
    "Direction ~ Lag1 + Lag2 + Lag3 + Lag4 + Lag5 + Volume", days
)
model

# %% [markdown]
# ## Three optimisers
#
# Each estimate carries a certificate. With gradient $g$ and information $H$ where the optimiser
# stopped, $\lambda = \sqrt{g'H^{-1}g}$ and $R = \max_i \sqrt{x_i'H^{-1}x_i}$: if $\lambda R < 1$, the
# maximum exists, is unique, and no coefficient is further from it than $-\log(1 - \lambda R) / R$
# standard errors. The bound needs the coefficients and the data, not the optimiser's opinion of itself.

# %%
newton, sklearn, pymc_map = fit_newton(model), fit_sklearn(model), fit_map(model)
newton

# %%
for fit in (newton, sklearn, pymc_map):
    print(f"{fit.route:8} within {fit.certificate.error_bound:.1e} standard errors of the MLE")
print(f"pm.find_MAP alone: {pymc_map.before_finish.error_bound:.1e}")

# %% [markdown]
# It judges anybody's numbers, for example those that a textbook prints to five decimals.

# %%
printed = [-0.12600, -0.07307, -0.04230, 0.01109, 0.00936, 0.01031, 0.13544]
print(f"textbook: within {certify(model, printed).error_bound:.1e} standard errors")

# %% [markdown]
# ## A sampler
#
# NUTS knows nothing of maxima. Its draws are tested against identities that hold exactly under a flat
# prior: the score averages to zero, and $(\beta - \hat\beta)'S(\beta)$ to $-k$.

# %%
nuts = sample_nuts(model, seed=1, progress=False)
for claim in check_posterior(model, nuts, newton).claims:
    print("holds" if claim.holds else "FAILS", "|", claim.statement)

# %% mystnb={"image": {"alt": "Posterior densities of the coefficients, with MLE, mode and mean"}}
plot_posterior(nuts, newton, posterior_mode(nuts))

# %% [markdown]
# The green triangle is the mode, found from the draws alone: a polynomial is fitted to the sampler's
# own log-density, and no optimiser has seen the likelihood. The *mean* is not the mode, and by how much
# it differs is known beforehand. No draw may lie above the maximum:

# %% mystnb={"image": {"alt": "Log-density of the draws: none above the maximum, as chi-squared"}}
plot_draws(model, nuts, newton)

# %% [markdown]
# ## More digits from the same draws
#
# Under a flat prior the score averages to zero, and so does every polynomial's image under a known
# operator. Subtracting what imitates a coefficient best removes nearly all of its chance variation.

# %%
independence = sample_independence(model, seed=1, progress=False)
posterior_moments(model, independence).table()[["mean", "mcse", "plain mean", "plain mcse"]]

# %% [markdown]
# ## The verdict

# %%
agreement = compare_routes(model, newton, sklearn, pymc_map, nuts, independence)
agreement

# %% mystnb={"image": {"alt": "Distance of each route from the best, with its error bound"}}
plot_agreement(agreement)

# %% mystnb={"image": {"alt": "Intervals of each coefficient: Wald's, and those of both samplers"}}
plot_forest({"Wald": newton, "NUTS": nuts, "independence": independence})

# %% [markdown]
# ## Tomorrow
#
# After a day on which the index rose by half a percent, not much can be said:

# %%
tomorrow = {"Lag1": 0.5, "Lag2": 0.0, "Lag3": 0.0, "Lag4": 0.0, "Lag5": 0.0, "Volume": 1.2}
predict(model, newton, pd.DataFrame([tomorrow])).round(3)

# %% [markdown]
# ## What a reader should conclude
#
# The routes agree, and still nothing was found: that the answer is right does not make the
# model good. Against a constant probability the six predictors have a likelihood ratio as large as chance
# gives, and on days that it has not seen the model ranks ups and downs no better than a coin.

# %%
print(likelihood_ratio_test(model, ["Lag1", "Lag2", "Lag3", "Lag4", "Lag5", "Volume"]))
validate(model, 200, seed=1).table().loc[["AUC", "Brier", "calibration slope"]].round(4)

# %% [markdown]
# ## What a disagreement looks like
#
# Flip one of the 1,250 responses before one route, and the verdict names that route.

# %%
flipped = days.copy()
flipped.loc[0, "Direction"] = "Down"
other = fit_sklearn(BernoulliLogistic.from_formula(model.formula, flipped))
print(compare_routes(model, newton, other).message)
