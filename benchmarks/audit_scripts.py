"""What `flatprior audit script.py` costs, and whether it changes anything: scripts of 100 fits.

Each script is run by Python and by `flatprior audit`, in turn, in pairs; a ratio is the median over
pairs of the quotient of their times. Every script prints its coefficients bit for bit, and what
both wrote is compared byte for byte. The time of `flatprior audit` includes that of starting it.

    python benchmarks/audit_scripts.py [PAIRS]
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAD = """
import warnings
import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
warnings.simplefilter("ignore")
rng = np.random.default_rng(1)

def data(n, k):
    X = rng.normal(size=(n, k))
    return X, (rng.random(n) < 1 / (1 + np.exp(-X[:, 0]))).astype(int)

def show(values):
    print(*(float(value).hex() for value in np.ravel(values)))
"""
SCRIPTS = {
    "statsmodels Logit, 100 of 300 x 4": """
for _ in range(100):
    X, y = data(300, 4)
    show(sm.Logit(y, sm.add_constant(X)).fit(disp=0).params)
""",
    "statsmodels GLM, 100 of 2000 x 8": """
for _ in range(100):
    X, y = data(2000, 8)
    show(sm.GLM(y, sm.add_constant(X), family=sm.families.Binomial()).fit().params)
""",
    "scikit-learn, not penalised, 100 of 300 x 4": """
for _ in range(100):
    X, y = data(300, 4)
    show(LogisticRegression(C=np.inf).fit(X, y).coef_)
""",
    "scikit-learn, defaults, 100 of 300 x 4": """
for _ in range(100):
    X, y = data(300, 4)
    show(LogisticRegression().fit(X, y).coef_)
""",
    "scikit-learn, not penalised, 100 of 20000 x 20": """
for _ in range(100):
    X, y = data(20_000, 20)
    show(LogisticRegression(C=np.inf).fit(X, y).coef_)
""",
    "scikit-learn, of the same 20000 x 20 data, 100 strengths": """
X, y = data(20_000, 20)
for C in np.logspace(-3, 3, 100):
    show(LogisticRegression(C=C).fit(X, y).coef_)
""",
    "statsmodels Logit, of the same 20000 x 20 data, 100 subsets": """
X, y = data(20_000, 20)
for i in range(100):
    show(sm.Logit(y, np.delete(X, i % 20, axis=1)).fit(disp=0).params)
""",
    "stochastic gradient, global random numbers, 100 of 300 x 4": """
np.random.seed(3)
for _ in range(100):
    X, y = data(300, 4)
    show(SGDClassifier(loss="log_loss").fit(X, y).coef_)
""",
    "grid search, 101 fits of 1000 x 10": """
X, y = data(1000, 10)
search = GridSearchCV(LogisticRegression(), {"C": np.logspace(-3, 3, 20)}, cv=5).fit(X, y)
show(search.cv_results_["mean_test_score"])
show(search.best_estimator_.coef_)
""",
    "statsmodels GLM, a dummy too many, 100 of 300 x 5": """
for _ in range(100):
    X, y = data(300, 1)
    level = np.eye(3)[rng.integers(0, 3, 300)]
    X = np.column_stack([np.ones(300), X, level])
    show(sm.GLM(y, X, family=sm.families.Binomial()).fit().params)
""",
    "statsmodels, fit_regularized, 100 of 300 x 4": """
for _ in range(50):
    X, y = data(300, 4)
    show(sm.Logit(y, X).fit_regularized(alpha=1.0, disp=0).params)
    show(sm.GLM(y, X, family=sm.families.Binomial()).fit_regularized(alpha=0.01).params)
""",
    "separated, 100 of 100 x 3": """
for _ in range(100):
    X, _ = data(100, 3)
    show(LogisticRegression(C=np.inf).fit(X, X[:, 0] > 0).coef_)
""",
}


def timed(*command: str) -> tuple[float, bytes]:
    """Seconds, and what was written to standard output."""
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr.decode())
    return time.perf_counter() - start, done.stdout


def main() -> None:
    """Print a line for each script."""
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    changed = 0
    print(f"{'script':62}{'alone':>8}{'audit':>8}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as folder:
        for name, body in SCRIPTS.items():
            script = str(Path(folder) / "script.py")
            Path(script).write_text(HEAD + body)
            audited = [sys.executable, "-m", "flatprior", "audit", script]
            alone, beside = [], []
            for _ in range(pairs):
                seconds, said = timed(sys.executable, script)
                alone.append(seconds)
                seconds, same = timed(*audited)
                beside.append(seconds)
                changed += said != same or not said
            ratio = statistics.median(b / a for a, b in zip(alone, beside, strict=True))
            print(
                f"{name:62}{statistics.median(alone):8.2f}{statistics.median(beside):8.2f}"
                f"{ratio:8.2f}",
                flush=True,
            )
    print(f"changed results: {changed}")


if __name__ == "__main__":
    main()
