# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Ten million rows from Parquet
#
# The log-likelihood is a sum over rows. So an exact fit needs a few passes over them, wherever they
# lie, and no more memory than a batch.

# %%
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit

from flatprior.analysis import calibration_curve, plot_calibration, robust_covariance
from flatprior.models import BernoulliLogistic, check_existence, fit_newton

# %% [markdown]
# ## Ten files of a million rows
#
# Drawn from a known model, so that the answer can be held against the truth.

# %%
truth = {"Intercept": -1.0, "price": -0.5, "age": 0.02, "shop[T.east]": 0.3, "shop[T.west]": -0.2}
folder = Path(tempfile.mkdtemp())
shops = np.array(["centre", "east", "west"])
for part in range(10):
    rng = np.random.default_rng(part)
    price, age = rng.normal(size=1_000_000), rng.uniform(18, 80, 1_000_000)
    place = rng.integers(0, 3, 1_000_000)
    logit = -1.0 - 0.5 * price + 0.02 * age + np.array([0.0, 0.3, -0.2])[place]
    bought = rng.random(1_000_000) < expit(logit)
    frame = pd.DataFrame({"bought": bought, "price": price, "age": age, "shop": shops[place]})
    frame.to_parquet(folder / f"part_{part}.parquet")
size = sum(path.stat().st_size for path in folder.glob("*.parquet"))
print(f"{size / 1e6:.0f} MB in {len(list(folder.glob('*.parquet')))} files")

# %% [markdown]
# ## The fit
#
# One pass finds the levels of `shop` and counts the rows; Newton's method starts at the fit of a
# sample, so that few more are needed.

# %%
start = time.perf_counter()
model = BernoulliLogistic.from_parquet(folder / "*.parquet", "bought ~ price + age + shop")
fit = fit_newton(model)
print(f"{time.perf_counter() - start:.0f} seconds for {model.n_observations:,} observations")
print(
    f"peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB"
)
fit

# %% [markdown]
# The certificate is as sharp as for small data, and existence is proved for all ten million rows:

# %%
print(check_existence(model).message)
print(f"within {fit.certificate.error_bound:.1e} standard errors of the MLE")

# %% [markdown]
# The true coefficients are where the standard errors say:

# %%
table = pd.DataFrame({"truth": truth, "MLE": dict(zip(fit.names, fit.coefficients, strict=True))})
table["standard errors away"] = (table["MLE"] - table["truth"]) / fit.standard_errors
table.round(5)

# %% [markdown]
# Robust standard errors take one more pass. And events are as frequent as predicted:

# %%
robust = robust_covariance(model, fit, "HC0")
print(pd.Series(robust.standard_errors / fit.standard_errors, index=fit.names).round(4).to_dict())

# %% mystnb={"image": {"alt": "Calibration curve of ten million rows, on the diagonal"}}
plot_calibration(calibration_curve(model, fit))
