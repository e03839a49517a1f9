"""Fits of other programs on generated data: right ones, and such as are not what they look like."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn_penalties import l1

import flatprior as fp
from flatprior.analysis.auditing.audit import audit

SLOPES = ("x1", "x2")


@dataclass(frozen=True, eq=False)
class Data:
    """A data frame with numbers, a factor g of three levels, counts w and an offset o."""

    frame: pd.DataFrame

    @property
    def y(self) -> pd.Series:
        return self.frame["y"]

    @property
    def numbers(self) -> pd.DataFrame:
        """What programs without formulas are given: the factor as indicators, without a level."""
        dummies = pd.get_dummies(self.frame["g"], prefix="g", drop_first=True, dtype=float)
        return pd.concat([self.frame[list(SLOPES)], dummies], axis=1)


def data(rng: np.random.Generator, order: str = "shuffled", n: int | None = None) -> Data:
    """Rows in which all four kinds of coefficient tell something."""
    n = int(rng.integers(80, 400)) if n is None else n
    x1, x2 = rng.normal(size=n), rng.normal(loc=2.0, scale=3.0, size=n)
    g = rng.choice(["a", "b", "c"], size=n)
    offset = rng.normal(scale=0.5, size=n)
    predictor = 0.3 + 0.8 * x1 - 0.2 * x2 + 0.6 * (g == "b") - 0.4 * (g == "c") + offset
    y = (rng.random(n) < 1 / (1 + np.exp(-predictor))).astype(int)
    frame = pd.DataFrame(
        {"y": y, "x1": x1, "x2": x2, "g": g, "w": rng.integers(1, 5, size=n), "o": offset}
    )
    if order == "sorted":
        frame = frame.sort_values("y", kind="stable", ignore_index=True)
    return Data(frame)


def separated(rng: np.random.Generator) -> Data:
    """The same with a level of g that has one outcome alone."""
    found = data(rng).frame
    found.loc[found["g"] == "c", "y"] = 1
    return Data(found)


def logit(d: Data) -> tuple[Any, ...]:
    import statsmodels.api as sm

    return (sm.Logit(d.y, sm.add_constant(d.numbers)).fit(disp=0),)


def logit_formula(d: Data) -> tuple[Any, ...]:
    import statsmodels.formula.api as smf

    return (smf.logit("y ~ x1 + x2 + C(g)", d.frame).fit(disp=0, cov_type="HC1"),)


def glm(d: Data) -> tuple[Any, ...]:
    import statsmodels.api as sm

    binomial = sm.families.Binomial()
    return (sm.GLM(d.y, sm.add_constant(d.numbers), family=binomial, offset=d.frame["o"]).fit(),)


def glm_formula(d: Data) -> tuple[Any, ...]:
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    weights = {"freq_weights": d.frame["w"].to_numpy()}
    binomial = sm.families.Binomial()
    return (smf.glm("y ~ x1 + x2 + g", d.frame, family=binomial, **weights).fit(),)


def glm_shares(d: Data) -> tuple[Any, ...]:
    """Groups of successes and failures."""
    import statsmodels.api as sm
    import statsmodels.formula.api as smf

    frame = d.frame.assign(x1=d.frame["x1"].round())
    groups = frame.groupby(["x1", "g"], as_index=False)["y"].agg(s="sum", n="size")
    groups["f"] = groups["n"] - groups["s"]
    return (smf.glm("s + f ~ x1 + g", groups, family=sm.families.Binomial()).fit(),)


def sklearn(d: Data) -> tuple[Any, ...]:
    from sklearn.linear_model import LogisticRegression

    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    weights = d.frame["w"]
    return fit.fit(d.numbers, d.y, sample_weight=weights), d.numbers, d.y, weights


def sklearn_pipeline(d: Data) -> tuple[Any, ...]:
    from sklearn.compose import make_column_transformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (StandardScaler(), list(SLOPES)), (OneHotEncoder(drop="first"), ["g"])
    )
    last = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    X, y = d.frame[[*SLOPES, "g"]], d.y.map({0: "no", 1: "yes"})
    return make_pipeline(columns, last).fit(X, y), X, y


def sklearn_sparse(d: Data) -> tuple[Any, ...]:
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    X = csr_matrix(d.numbers.to_numpy())
    fit = LogisticRegression(C=np.inf, solver="newton-cg", tol=1e-11, max_iter=1000)
    return fit.fit(X, d.y), X, d.y


def sklearn_search(d: Data) -> tuple[Any, ...]:
    """A search that has one strength to choose from, which is next to none."""
    from sklearn.linear_model import LogisticRegressionCV

    fit = LogisticRegressionCV(Cs=[1e13], cv=2, solver="newton-cholesky", tol=1e-11)
    weights = d.frame["w"]
    return fit.fit(d.numbers, d.y, sample_weight=weights), d.numbers, d.y, weights


def sklearn_descent(d: Data) -> tuple[Any, ...]:
    """A stochastic gradient that begins at the estimate, in steps too small to leave it."""
    from sklearn.linear_model import SGDClassifier

    at, X, y, weights = sklearn(d)
    fit = SGDClassifier(
        **{"loss": "log_loss", "penalty": None, "random_state": 1, "max_iter": 1, "tol": None},
        **{"learning_rate": "constant", "eta0": 1e-13},
    )
    start = {"coef_init": at.coef_, "intercept_init": at.intercept_}
    return fit.fit(X, y, sample_weight=weights, **start), X, y, weights


def logistic_mle(d: Data) -> tuple[Any, ...]:
    from flatprior.models import LogisticMLE

    return LogisticMLE().fit(d.numbers, d.y), d.numbers, d.y


def glum(d: Data) -> tuple[Any, ...]:
    from glum import GeneralizedLinearRegressor

    fit = GeneralizedLinearRegressor(family="binomial", alpha=0, gradient_tol=1e-12)
    return fit.fit(d.numbers, d.y), d.numbers, d.y


def glum_weighted(d: Data) -> tuple[Any, ...]:
    from glum import GeneralizedLinearRegressor

    fit = GeneralizedLinearRegressor(family="binomial", alpha=0, gradient_tol=1e-12)
    weights, offset = d.frame["w"].to_numpy(dtype=float), d.frame["o"].to_numpy()
    made = fit.fit(d.numbers, d.y, sample_weight=weights, offset=offset)
    return made, d.numbers, d.y, weights, offset


def firthmodels(d: Data) -> tuple[Any, ...]:
    from firthmodels import FirthLogisticRegression

    fit = FirthLogisticRegression(penalty_weight=0, gtol=1e-10, xtol=1e-10, max_iter=100)
    return fit.fit(d.numbers, d.y), d.numbers, d.y


def pyfixest(d: Data) -> tuple[Any, ...]:
    import pyfixest

    return (pyfixest.feglm("y ~ x1 + x2 + C(g)", d.frame, family="logit", vcov="iid"),)


def pyfixest_effects(d: Data) -> tuple[Any, ...]:
    import pyfixest

    fit = pyfixest.feglm(
        "y ~ x1 + x2 | g", d.frame, family="logit", vcov="hetero", iwls_tol=1e-12, fixef_tol=1e-12
    )
    return (fit,)


def torch(d: Data) -> tuple[Any, ...]:
    import torch

    X = torch.tensor(d.numbers.to_numpy())
    y = torch.tensor(d.y.to_numpy(dtype=float))
    torch.manual_seed(1)
    unit = torch.nn.Linear(X.shape[1], 1, dtype=torch.float64)
    optimiser = torch.optim.LBFGS(
        unit.parameters(),
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-13,
        tolerance_change=1e-16,
        max_iter=2000,
    )

    def closure() -> Any:
        optimiser.zero_grad()
        loss = torch.nn.BCEWithLogitsLoss()(unit(X)[:, 0], y)
        loss.backward()
        return loss

    optimiser.step(closure)
    return unit, X, y


RIGHT = {
    "statsmodels": (logit, logit_formula, glm, glm_formula, glm_shares),
    "scikit-learn": (
        *(sklearn, sklearn_pipeline, sklearn_sparse, sklearn_search, sklearn_descent),
        logistic_mle,
    ),
    "glum": (glum, glum_weighted),
    "firthmodels": (firthmodels,),
    "pyfixest": (pyfixest, pyfixest_effects),
    "torch": (torch,),
}


def _sklearn(**settings: Any) -> Callable[[Data], tuple[Any, ...]]:
    from sklearn.linear_model import LogisticRegression

    def make(d: Data) -> tuple[Any, ...]:
        made = LogisticRegression(**{"tol": 1e-8, "max_iter": 10_000} | settings)
        return made.fit(d.numbers, d.y), d.numbers, d.y

    return make


def _sklearn_search(d: Data) -> tuple[Any, ...]:
    from sklearn.linear_model import LogisticRegressionCV

    fit = LogisticRegressionCV(Cs=5, cv=3, tol=1e-8, max_iter=10_000)
    return fit.fit(d.numbers, d.y), d.numbers, d.y


def _statsmodels(link: str) -> Callable[[Data], tuple[Any, ...]]:
    def make(d: Data) -> tuple[Any, ...]:
        import statsmodels.formula.api as smf
        from statsmodels.genmod.families import Binomial, links

        return (smf.glm("y ~ x1 + x2 + g", d.frame, family=Binomial(getattr(links, link)())).fit(),)

    return make


def _on_the_model(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Data], Any]:
    """A fit of statsmodels to changed data, to be judged on the model of the data as they are."""

    def make(d: Data) -> Any:
        import statsmodels.formula.api as smf

        from flatprior.models import BernoulliLogistic

        fit = smf.logit("y ~ x1 + x2 + g", change(d.frame)).fit(disp=0)
        return (fit,), BernoulliLogistic.from_formula("y ~ x1 + x2 + g", d.frame)

    return make


def _glum(**settings: Any) -> Callable[[Data], tuple[Any, ...]]:
    def make(d: Data) -> tuple[Any, ...]:
        from glum import GeneralizedLinearRegressor

        given = {"family": "binomial", "gradient_tol": 1e-10} | settings
        return GeneralizedLinearRegressor(**given).fit(d.numbers, d.y), d.numbers, d.y

    return make


def _firth(d: Data) -> tuple[Any, ...]:
    from firthmodels import FirthLogisticRegression

    fit = FirthLogisticRegression(gtol=1e-9, xtol=1e-9, max_iter=200)
    return fit.fit(d.numbers, d.y), d.numbers, d.y


def _gradient_descent(d: Data) -> tuple[Any, ...]:
    """A unit of PyTorch after a few steps of gradient descent."""
    import torch

    X, y = torch.tensor(d.numbers.to_numpy()), torch.tensor(d.y.to_numpy(dtype=float))
    unit = torch.nn.Linear(X.shape[1], 1, dtype=torch.float64)
    torch.nn.init.zeros_(unit.weight)
    torch.nn.init.zeros_(unit.bias)
    optimiser = torch.optim.SGD(unit.parameters(), lr=0.1)
    for _ in range(30):
        optimiser.zero_grad()
        torch.nn.BCEWithLogitsLoss()(unit(X)[:, 0], y).backward()
        optimiser.step()
    return unit, X, y


def _flipped_in_pyfixest(d: Data) -> Any:
    import pyfixest

    from flatprior.models import BernoulliLogistic

    opposite = d.frame.assign(y=1 - d.frame["y"])
    fit = pyfixest.feglm("y ~ x1 + x2 + C(g)", opposite, family="logit")
    return (fit,), BernoulliLogistic.from_formula("y ~ x1 + x2 + C(g)", d.frame)


# by what `audit` should say: the program, and how it is made
WRONG = {
    "ridge penalty": (
        ("scikit-learn", _sklearn()),
        ("scikit-learn", _sklearn(C=0.1, solver="liblinear", tol=1e-10)),
        ("scikit-learn", _sklearn_search),
        ("glum", _glum(alpha=0.05)),
    ),
    "lasso penalty": (
        ("scikit-learn", _sklearn(C=0.2, solver="saga", **l1())),
        ("glum", _glum(alpha=0.02, l1_ratio=1.0)),
    ),
    "elastic net": (("glum", _glum(alpha=0.05, l1_ratio=0.5)),),
    "class weights": (
        ("scikit-learn", _sklearn(C=np.inf, class_weight="balanced", solver="newton-cg")),
        ("scikit-learn", _sklearn(C=np.inf, class_weight={0: 1, 1: 4}, solver="newton-cg")),
    ),
    "Firth penalty": (("firthmodels", _firth),),
    "probit": (("statsmodels", _statsmodels("Probit")),),
    "complementary log-log": (("statsmodels", _statsmodels("CLogLog")),),
    "cauchit": (("statsmodels", _statsmodels("Cauchy")),),
    "response flipped": (
        ("statsmodels", _on_the_model(lambda f: f.assign(y=1 - f["y"]))),
        ("pyfixest", _flipped_in_pyfixest),
    ),
    "rows dropped": (("statsmodels", _on_the_model(lambda f: f[f["x1"] < 1.2])),),
    "stopped early": (
        ("scikit-learn", _sklearn(C=np.inf, tol=1e-4)),
        ("scikit-learn", _sklearn(C=np.inf, max_iter=3)),
        ("glum", _glum(alpha=0, gradient_tol=1e-3)),
        ("torch", _gradient_descent),
    ),
}
PACKAGES = {"scikit-learn": "sklearn"}


def available(package: str) -> bool:
    """Whether a program is installed, and can be imported."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(PACKAGES.get(package, package))
    except ImportError:
        return False
    return True


def quiet(make, *args, **kwargs):
    """Programs warn of what they are asked to do here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(*args, **kwargs)


def audit_of(fitted):
    """`audit` of what a maker returns: the fit, its data, its weights."""
    fit, *rest = fitted
    offset = rest.pop() if len(rest) == 4 else None
    weights = rest.pop() if len(rest) == 3 else None
    return audit(fit, *rest, sample_weight=weights, offset=offset)


def spector():
    data = fp.load_spector()
    return data[["gpa", "tuce", "psi"]], data["grade"]
