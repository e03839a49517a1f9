# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # From likelihood to cross-entropy
#
# Will the S&P 500 go up tomorrow? A logistic regression gives each day a probability $p$ of going up.
# How good are these probabilities? Statistics answers with the likelihood, machine learning with the
# cross-entropy, and both say the same. This notebook walks from the one to the other.

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

from flatprior.analysis import (
    bernoulli_likelihood,
    binary_cross_entropy,
    coin,
    convexity,
    cross_entropy_terms,
    gradient_descent,
    likelihood_curve,
    likelihood_ratio_test,
    plot_surface,
    product_underflow,
    required_C,
    sklearn_objective,
)
from flatprior.models import BernoulliLogistic, certify, check_existence, fit_newton, load_smarket

days = load_smarket()
model = BernoulliLogistic.from_formula("Direction ~ Lag1 + Lag2 + Volume", days)
model

# %% [markdown]
# ## Probability and likelihood are not the same
#
# A fair coin lands heads eight times. That has *probability* $0.5^8 = 0.39\%$: the coin is given, and
# the probabilities of all that might have happened sum to 1.

# %%
eight = coin(heads=8, tosses=8)
print(f"probability of eight heads: {eight.likelihood(0.5):.2%}")
eight.probabilities(0.5).to_frame().T.round(4)

# %% [markdown]
# Now the heads are given, and the coin is in question. The same formula, read as a function of $p$, is
# the *likelihood*: $p^8$. It is highest at $p = 1$, and it need not integrate to 1.

# %%
values = np.array([0.5, 0.7, 0.9, 1.0])
print(pd.Series(eight.likelihood(values), index=values).round(4).to_dict())
print(f"maximum at p = {eight.maximiser}; area under it: {eight.area:.4f} = 1/9")

# %% [markdown]
# A coin that has only ever landed heads also shows what can go wrong: the log odds of $p = 1$ are
# infinite, so a logistic regression on these tosses has no maximum likelihood estimate.

# %%
print(check_existence(BernoulliLogistic.from_arrays(np.ones((8, 1)), [1] * 8)).message)

# %% [markdown]
# ## The likelihood is a product, and a computer cannot hold it
#
# For one day the likelihood is $p^y (1 - p)^{1 - y}$: $p$ if the index rose, $1 - p$ if it fell. Days
# are independent given the predictors, so the likelihood of all is the product.

# %%
fit = fit_newton(model)
factors = bernoulli_likelihood(model, fit)
print("the first days:", factors[:5].round(3))
print("product of the first 50:", factors[:50].prod())
print("product of all 1250:   ", factors.prod())

# %% [markdown]
# Zero: the product has underflown. After how many days?

# %%
for dtype in ("float32", "float64"):
    print(product_underflow(model, fit, dtype))

# %% [markdown]
# ## The logarithm is a sum, and has the same maximum
#
# The logarithm increases, so whatever maximises the likelihood maximises its logarithm. With 50 days
# both can be computed, and agree on the best value; with all 1,250 only one of them can.

# %%
grid = np.linspace(-0.4, 0.3, 141)
few = likelihood_curve(model, fit, "Lag1", grid, rows=50)
every = likelihood_curve(model, fit, "Lag1", grid)
print("50 days, maximum of the likelihood at    ", few["likelihood"].idxmax().round(3))
print("50 days, maximum of the log-likelihood at", few["log-likelihood"].idxmax().round(3))
print("1250 days, largest likelihood:            ", every["likelihood"].max())
print("1250 days, maximum of the log-likelihood at", every["log-likelihood"].idxmax().round(3))
print("MLE:                                        ", fit.coefficients[1].round(4))

# %% [markdown]
# ## Minus, divided by n: binary cross-entropy
#
# Optimisers minimise, so take the *negative* log-likelihood; its mean does not grow with the data. That
# is the binary cross-entropy, scikit-learn's `log_loss`.

# %%
entropy = binary_cross_entropy(model, fit)
print("log-likelihood:          ", entropy.log_likelihood)
print("negative log-likelihood: ", entropy.negative_log_likelihood)
print("binary cross-entropy:    ", entropy.mean)
print("scikit-learn's log_loss: ", entropy.log_loss)
print("a fair coin, log 2:      ", np.log(2))

# %% [markdown]
# The formula $-y \log p - (1 - y) \log(1 - p)$ looks like two terms. In each row only one is active.

# %%
cross_entropy_terms(model, fit).head(4).round(4)

# %% [markdown]
# Where a prediction is certain and wrong, the two part: `log_loss` clips probabilities at the spacing
# of its floating-point numbers, so no day can cost more than 36.04 (15.94 in float32).

# %%
print(binary_cross_entropy(model, [60.0, 0.0, 0.0, 0.0]))

# %% [markdown]
# ## One valley
#
# The Hessian of the cross-entropy is the information matrix over $n$: a sum of squares, so it never
# curves down. There is one minimum, and every way down leads there.

# %%
print(convexity(model, fit))

# %% mystnb={"image": {"alt": "Contours of the log-likelihood of Lag1 and Volume: one hill"}}
plot_surface(model, ("Lag1", "Volume"))

# %% [markdown]
# ## A one-unit neural network
#
# A sigmoid unit trained on cross-entropy by gradient descent *is* this logistic regression. Its end is
# not a matter of taste: a certificate says how far it is from the one minimum.

# %%
print(gradient_descent(model))

# %% [markdown]
# ## What scikit-learn minimises by default is something else
#
# `LogisticRegression()` minimises cross-entropy *plus a penalty* $\|w\|^2 / (2Cn)$ with $C = 1$. It has
# a lower sum and a higher cross-entropy than the MLE.

# %%
default = LogisticRegression().fit(model.design[:, 1:], model.response)
theirs = [default.intercept_[0], *default.coef_[0]]
for name, coefficients in (("MLE", fit), ("scikit-learn", theirs)):
    part = sklearn_objective(model, coefficients)
    print(f"{name:12} {part.cross_entropy:.9f} + {part.penalty:.9f} = {part.total:.9f}")

# %% [markdown]
# How large must $C$ be for the two to meet?

# %%
C = required_C(model, fit, tolerance=1e-6)
print(f"C = {C:.3g}")
close = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-12)
close.fit(model.design[:, 1:], model.response)
found = [close.intercept_[0], *close.coef_[0]]
print(f"C = 1:    within {certify(model, theirs).error_bound:.1e} standard errors of the MLE")
print(f"that C:   within {certify(model, found).error_bound:.1e}")

# %% [markdown]
# ## What a reader should conclude
#
# Likelihood and cross-entropy are one measure, and here it says that nothing was found: 0.6911 a day, where
# a fair coin has 0.6931. Chance gives three predictors as large a gain over a constant one time in three:

# %%
print(likelihood_ratio_test(model, ["Lag1", "Lag2", "Volume"]))
