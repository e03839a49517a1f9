# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     name: python3
# ---

# %% [markdown]
# # Auditing a colleague's script and table
#
# A colleague sends a script, a table made from it for the paper, and the data: 189 births, of which 59 of
# low weight. Is the model what the paper says it is, "a logistic regression"? And are the numbers right?

# %%
import subprocess
import sys
import tempfile
from pathlib import Path

from flatprior.analysis import audit, explain_difference, plot_forest
from flatprior.models import BernoulliLogistic, fit_newton, load_births

births = load_births()
folder = Path(tempfile.mkdtemp())
births.to_csv(folder / "births.csv", index=False)

# %% [markdown]
# ## The script
#
# It is run as it stands, in a process of its own; every logistic fit that it makes is judged.

# %%
(folder / "analysis.py").write_text("""\
import pandas as pd
import statsmodels.formula.api as smf
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

births = pd.read_csv("births.csv")
X, y = births[["age", "lwt", "ht", "ui"]], births["low"]
scaled = make_pipeline(StandardScaler(), LogisticRegression())
scaled.fit(X, y)
full = smf.logit("low ~ age + lwt + C(race) + C(smoke) + ht + ui", births).fit(disp=0)
chosen = LogisticRegression(C=0.1).fit(X, y)
""")
ran = subprocess.run(
    [sys.executable, "-m", "flatprior", "audit", "analysis.py"],
    cwd=folder,
    capture_output=True,
    text=True,
)
print(ran.stderr)
print("exit status", ran.returncode)

# %% [markdown]
# The pipeline is penalised, which nothing in the script says: `LogisticRegression()` is ridge regression. The
# fit of statsmodels is the maximum likelihood estimate. The last one is penalised too, but says so.
#
# ## The table
#
# Table 2 of the draft, as it is printed there.

# %%
(folder / "table2.csv").write_text("""\
term,OR,2.5%,97.5%,p
age,0.98,0.92,1.05,0.605
lwt,0.984,0.971,0.997,0.018
raceblack,3.60,1.28,10.10,0.015
raceother,2.47,1.05,5.78,0.038
smokeyes,2.79,1.29,6.05,0.019
ht,6.40,1.66,24.69,0.007
ui,2.45,1.02,5.90,0.046
""")
model = BernoulliLogistic.from_formula(
    "low ~ age + lwt + C(race, ref='white') + smoke + ht + ui", births
)
found = audit(folder / "table2.csv", model)
print(found.verdict)

# %% [markdown]
# Each number is held against what the data give, with as many digits as are printed. Which one is off, and
# what should stand there?

# %%
table = found.printed
table.loc[~table["consistent"], ["term", "quantity", "stated", "proved"]]

# %% [markdown]
# An odds ratio of 2.79 with an interval from 1.29 to 6.05 has not p = 0.019 but 0.009: the zero was lost.
#
# ## Numbers from a reply
#
# "In my version the odds ratio of smoking is 2.72." Coefficients by e-mail, no script; what did the
# colleague do?

# %%
reply = {
    "Intercept": 0.553928,
    "age": -0.019471,
    "lwt": -0.01671,
    "raceblack": 1.266065,
    "raceother": 0.900024,
    "smokeyes": 0.99892,
    "ht": 1.852383,
    "ui": 0.871591,
}
print(explain_difference(model, reply))

# %% [markdown]
# Two births were left out, and which ones is found from the numbers alone. What they change:

# %% mystnb={"image": {"alt": "Odds ratios and intervals of 189 and of 187 births: hardly apart"}}
fewer = BernoulliLogistic.from_formula(model.formula, births.drop([10, 100]))
plot_forest({"189 births": fit_newton(model), "187 births": fit_newton(fewer)}, odds_ratios=True)

# %% [markdown]
# ## What to write back
#
# 1. The table is the maximum likelihood fit; one p-value is mistyped: 0.009, not 0.019.
# 2. The pipeline is not that model. For the maximum write `LogisticRegression(C=np.inf)`; if ridge is meant,
#    write `C=1.0` and say so in the paper.
# 3. The reply is of 187 births. Which two were left out, and why, belongs into the paper.
