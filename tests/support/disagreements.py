"""Coefficients that differ from the MLE for a known reason, made with the programs that make them.

Each function takes a random generator and the order in which the rows are stored, and returns the
model, the coefficients by name, and nothing else: what was done to them is the name of the cause in
`CAUSES`, up to a bracket (`cause_of`). `numbers_without_a_cause` are vectors that nothing was done
to: no cause of theirs is certain, on whatever model.
"""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn_penalties import l1

from flatprior.analysis.monte_carlo import predicted_mean_shift
from flatprior.models import (
    BernoulliLogistic,
    check_existence,
    fit_newton,
    load_spector,
    sample_independence,
)

Disagreement = tuple[BernoulliLogistic, Mapping[str, float]]

ORDERS = {"shuffled": None, "sorted by outcome": "y", "sorted by a predictor": "one"}


def stored(frame: pd.DataFrame, order: str) -> pd.DataFrame:
    """The rows in one of `ORDERS`."""
    by = ORDERS[order]
    return frame if by is None else frame.sort_values(by, kind="stable", ignore_index=True)


def survey(rng: np.random.Generator, n: int | None = None) -> pd.DataFrame:
    """Two to four numbers of different scale, an indicator, three groups and outcomes."""
    n = int(np.exp(rng.uniform(np.log(80), np.log(2000)))) if n is None else n
    frame = pd.DataFrame({"one": rng.normal(size=n)})
    for name in ("two", "three", "four")[: rng.integers(1, 4)]:
        size = 10.0 ** rng.integers(-1, 3)
        shift = rng.normal()
        frame[name] = size * (shift + rng.normal(size=n) + 0.5 * frame["one"])
    frame["flag"] = (rng.random(n) < 0.4).astype(float)
    frame["group"] = rng.choice(["a", "b", "c"], n)
    eta = rng.normal(0, 0.5) + rng.normal(0, 1.0) * frame["flag"] + 0.5 * (frame["group"] == "b")
    for name in numeric(frame):
        eta += rng.normal(0, 0.7) * (frame[name] - frame[name].mean()) / frame[name].std()
    frame["y"] = (rng.random(n) < expit(eta)).astype(int)
    return frame


def numeric(frame: pd.DataFrame) -> list[str]:
    return [name for name in ("one", "two", "three", "four") if name in frame]


def formula(frame: pd.DataFrame, category: bool = False) -> str:
    return f"y ~ {' + '.join([*numeric(frame), 'flag'])}{' + group' if category else ''}"


def plain(
    rng: np.random.Generator, order: str, n: int | None = None
) -> tuple[pd.DataFrame, BernoulliLogistic]:
    while True:
        frame = stored(survey(rng, n), order)
        model = BernoulliLogistic.from_formula(formula(frame), frame)
        if check_existence(model).exists:
            return frame, model


def columns(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[[*numeric(frame), "flag"]]


def scikit(frame: pd.DataFrame, estimator: LogisticRegression, *steps: object) -> dict[str, float]:
    """Fit scikit-learn on the columns of `plain`, after `steps`; its coefficients by name."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pipeline = make_pipeline(*steps, estimator).fit(columns(frame), frame["y"])
    fitted = pipeline[-1]
    values = dict(zip(columns(frame), fitted.coef_[0].tolist(), strict=True))
    return {"Intercept": float(fitted.intercept_[0]), **values}


def unpenalised(**options: object) -> LogisticRegression:
    return LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, **options)


def ridge(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    frame, model = plain(rng, order)
    strength = 10.0 ** rng.uniform(-2, 1)
    steps = [StandardScaler()] if rng.random() < 0.4 else []
    tight = {} if rng.random() < 0.5 else {"tol": 1e-8, "max_iter": 1000}
    if not steps:  # with raw columns lbfgs at its default tolerance is another disagreement
        tight = {"tol": 1e-8, "max_iter": 5000}
    return model, scikit(frame, LogisticRegression(C=strength, **tight), *steps)


def stopped_early(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """Iterates that are still a thousandth of a standard error or more from the MLE."""
    while True:
        model, found = unfinished(rng, order)
        fit = fit_newton(model)
        gap = np.array([found[name] for name in model.names]) - fit.coefficients
        if np.abs(gap / fit.standard_errors).max() > 1e-3:
            return model, found


def unfinished(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    frame, model = plain(rng, order)
    way = rng.integers(0, 3)
    if way == 0:  # scikit-learn's default solver on raw columns, a few iterations
        steps = int(rng.integers(3, 12))
        return model, scikit(frame, LogisticRegression(C=np.inf, max_iter=steps))
    if way == 1:  # Newton's method, two or three steps
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            fit = smf.logit(formula(frame), frame).fit(
                disp=0, maxiter=int(rng.integers(2, 4)), warn_convergence=False
            )
        return model, fit.params.to_dict()
    # gradient descent on standardised columns, mapped back
    X = columns(frame).to_numpy()
    center, scale = X.mean(axis=0), X.std(axis=0)
    Z = np.column_stack([np.ones(len(X)), (X - center) / scale])
    beta = np.zeros(Z.shape[1])
    for _ in range(int(rng.integers(20, 80))):
        beta += 1.0 * Z.T @ (frame["y"] - expit(Z @ beta)) / len(Z)
    slopes = beta[1:] / scale
    values = [beta[0] - slopes @ center, *slopes]
    return model, dict(zip(model.names, values, strict=True))


def flipped(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    frame, model = plain(rng, order)
    other = frame.assign(y=1 - frame["y"])
    return model, smf.logit(formula(frame), other).fit(disp=0).params.to_dict()


def missing_intercept(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    frame, model = plain(rng, order)
    if rng.random() < 0.5:  # scikit-learn states an intercept of 0
        return model, scikit(frame, unpenalised(fit_intercept=False)) | {"Intercept": 0.0}
    return model, sm.Logit(frame["y"], columns(frame)).fit(disp=0).params.to_dict()


def rescaled(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    frame, model = plain(rng, order)
    way = rng.integers(0, 4)
    if way == 0:
        return model, scikit(frame, unpenalised(), StandardScaler())
    if way == 1:
        return model, scikit(frame, unpenalised(), MinMaxScaler())
    if way == 2:  # Gelman: numbers by two standard deviations, indicators as they are
        other = frame.copy()
        for name in numeric(frame):
            other[name] = (frame[name] - frame[name].mean()) / (2 * frame[name].std())
    else:  # other units
        other = frame.copy()
        for name in rng.choice(numeric(frame), rng.integers(1, 3), replace=False):
            other[name] = frame[name] * rng.choice([1000, 0.01, 2.54, 12, 1 / 0.45359237])
    return model, smf.logit(formula(frame), other).fit(disp=0, maxiter=100).params.to_dict()


def reference_level(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    while True:
        frame = stored(survey(rng), order)
        model = BernoulliLogistic.from_formula(formula(frame, category=True), frame)
        if check_existence(model).exists:
            break
    level = rng.choice(["b", "c"])
    if rng.random() < 0.5:  # R's relevel, statsmodels' Treatment: the names say it
        other = formula(frame) + f" + C(group, Treatment('{level}'))"
        fit = smf.logit(other, frame).fit(disp=0)
        return model, {
            name.replace(f"C(group, Treatment('{level}'))", "group"): value
            for name, value in fit.params.items()
        }
    # another program's order of levels: the coefficients come without names
    order = pd.Categorical(frame["group"], [level, *(g for g in "abc" if g != level)])
    fit = smf.logit(formula(frame, category=True), frame.assign(group=order)).fit(disp=0)
    numbers = [name for name in fit.params.index if "group" not in name]
    levels = [name for name in fit.params.index if "group" in name]
    ours = [name for name in model.names if "group" not in name]
    found = {name: fit.params[name] for name in numbers}
    assert set(ours) == set(numbers)
    return model, found | dict(
        zip([n for n in model.names if "group" in n], fit.params[levels], strict=True)
    )


def rows_dropped(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    while True:
        frame, model = plain(rng, order)
        way = rng.integers(0, 5)
        kept = np.ones(len(frame), dtype=bool)
        if way == 0:  # one or two rows
            kept[rng.choice(len(frame), rng.integers(1, 3), replace=False)] = False
        elif way == 1:  # the first or the last
            some = int(rng.integers(1, len(frame) // 5))
            kept[slice(None, some) if rng.random() < 0.5 else slice(-some, None)] = False
        elif way == 2:  # a filter
            column = frame[rng.choice(numeric(frame))]
            kept = (column < column.quantile(rng.uniform(0.6, 0.98))).to_numpy()
        elif way == 3:  # outliers
            column = frame[rng.choice(numeric(frame))]
            kept = (
                (column - column.mean()).abs() < rng.uniform(1.5, 2.5) * column.std()
            ).to_numpy()
        else:  # a training set
            from sklearn.model_selection import train_test_split

            train, _ = train_test_split(
                np.arange(len(frame)), test_size=0.25, random_state=int(rng.choice([0, 42]))
            )
            kept[:] = False
            kept[train] = True
        part = frame[kept]
        smaller = BernoulliLogistic.from_formula(formula(frame), part)
        if not kept.all() and check_existence(smaller).exists:
            break
    fit = smf.logit(formula(frame), part).fit(disp=0, maxiter=100, tol=1e-10)
    return model, fit.params.to_dict()


def posterior_mean(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """From few rows: with many the mean is the mode, but for the noise of the draws."""
    _, model = plain(rng, order, int(rng.integers(40, 120)))
    posterior = sample_independence(
        model, draws=2500, seed=int(rng.integers(10**6)), progress=False
    )
    return model, dict(zip(model.names, posterior.draws.mean(axis=(0, 1)), strict=True))


def probit(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    frame, model = plain(rng, order)
    return model, smf.probit(formula(frame), frame).fit(disp=0, maxiter=100).params.to_dict()


def separation(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    while True:
        frame = survey(rng, int(rng.integers(40, 200)))
        if rng.random() < 0.5:
            frame.loc[frame["flag"] == 1, "y"] = 1
        else:
            frame["y"] = (frame["one"] + 0.3 * frame["flag"] > 0.2).astype(int)
        frame = stored(frame, order)
        model = BernoulliLogistic.from_formula(formula(frame), frame)
        if check_existence(model).kind in ("complete separation", "quasi-complete separation"):
            break
    if rng.random() < 0.5:
        return model, scikit(
            frame, LogisticRegression(C=np.inf, max_iter=int(rng.integers(50, 500)))
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = smf.glm(formula(frame), frame, family=sm.families.Binomial()).fit(
            maxiter=int(rng.integers(8, 25))
        )
    return model, fit.params.to_dict()


def apart(model: BernoulliLogistic, found: Mapping[str, float], least: float = 1e-2) -> bool:
    """Whether some coefficient is further from the MLE than `least` standard errors."""
    fit = fit_newton(model)
    gap = np.array([found.get(name, 0.0) for name in model.names]) - fit.coefficients
    return bool(np.abs(gap / fit.standard_errors).max() > least)


def lasso(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """With two slopes or more that are not 0: of one, every penalty says the same."""
    while True:
        frame, model = plain(rng, order)
        options = {"C": 10.0 ** rng.uniform(-1.5, 0.5), "tol": 1e-9} | l1()
        if rng.random() < 0.5:  # which penalises the intercept
            estimator = LogisticRegression(solver="liblinear", max_iter=5000, **options)
        else:
            estimator = LogisticRegression(solver="saga", max_iter=20000, **options)
        found = scikit(frame, estimator, StandardScaler())
        if sum(found[name] != 0 for name in columns(frame)) > 1 and apart(model, found):
            return model, found


def elastic_net(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """With three slopes or more that are not 0, for the two parameters."""
    while True:
        frame, model = plain(rng, order, int(rng.integers(80, 800)))
        estimator = LogisticRegression(
            C=10.0 ** rng.uniform(-1.5, 0.0),
            **l1(rng.uniform(0.2, 0.8)),
            solver="saga",
            max_iter=20000,
            tol=1e-9,
        )
        found = scikit(frame, estimator, StandardScaler())
        if sum(found[name] != 0 for name in columns(frame)) > 2 and apart(model, found):
            return model, found


def firth_estimate(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Firth's bias-reduced estimate: the score plus half the gradient of log det H is 0."""
    beta = np.zeros(X.shape[1])
    for _ in range(500):
        p = expit(X @ beta)
        w = p * (1 - p)
        V = np.linalg.inv(X.T @ (w[:, None] * X))
        leverage = w * np.einsum("ij,jk,ik->i", X, V, X)
        step = V @ (X.T @ (y - p + leverage * (0.5 - p)))
        beta = beta + step
        if np.abs(step).max() < 1e-12 * np.abs(beta).max():
            break
    return beta


def firth(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """By firthmodels where it is installed."""
    frame, model = plain(rng, order)
    try:
        from firthmodels import FirthLogisticRegression
    except ImportError:
        values = firth_estimate(model.design, model.response)
        return model, dict(zip(model.names, values.tolist(), strict=True))
    tight = {"gtol": 1e-8, "xtol": 1e-8, "max_iter": 500, "backend": "numpy"}
    fit = FirthLogisticRegression(**tight).fit(columns(frame).to_numpy(), frame["y"])
    values = [float(fit.intercept_), *fit.coef_.tolist()]
    return model, dict(zip(model.names, values, strict=True))


def log_f(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """By data augmentation, as Greenland and Mansournia recommend."""
    while True:
        frame, model = plain(rng, order, int(rng.integers(60, 400)))
        X, m = sm.add_constant(columns(frame)).to_numpy(), int(rng.integers(1, 6))
        unit = np.eye(X.shape[1])[1:]
        weights = np.concatenate([np.ones(len(X)), np.full(2 * len(unit), m / 2)])
        y = np.concatenate([frame["y"], np.ones(len(unit)), np.zeros(len(unit))])
        fit = sm.GLM(
            y, np.vstack([X, unit, unit]), sm.families.Binomial(), freq_weights=weights
        ).fit(tol=1e-12, maxiter=200)
        found = dict(zip(model.names, fit.params.tolist(), strict=True))
        if apart(model, found):
            return model, found


def class_weights(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    while True:
        frame, model = plain(rng, order)
        if abs(frame["y"].mean() - 0.5) > 0.03:
            break
    way = rng.integers(0, 3)
    if way == 0:
        return model, scikit(frame, unpenalised(class_weight="balanced"))
    if way == 1:
        ratio = float(rng.choice([0.2, 0.5, 2, 3, 5, 10]))
        return model, scikit(frame, unpenalised(class_weight={0: 1.0, 1: ratio}))
    tight = {"tol": 1e-8, "max_iter": 5000}  # and with scikit-learn's default penalty
    return model, scikit(frame, LogisticRegression(class_weight="balanced", **tight))


def exponentiated(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    frame, model = plain(rng, order)
    found = smf.logit(formula(frame), frame).fit(disp=0, tol=1e-12).params
    some = [list(found.index), list(columns(frame)), numeric(frame)][rng.integers(0, 3)]
    return model, {**found.to_dict(), **np.exp(found[some]).to_dict()}


def permuted(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """Two exchanged, all moved on by one, or the intercept last."""
    while True:
        frame, model = plain(rng, order)
        fit = smf.logit(formula(frame), frame).fit(disp=0, tol=1e-12)
        values, names, way = fit.params.tolist(), list(fit.params.index), rng.integers(0, 3)
        if way == 0:
            i, j = 1 + rng.choice(len(values) - 1, 2, replace=False)
            values[i], values[j] = values[j], values[i]
        elif way == 1:
            values = [values[0], *values[2:], values[1]]
        else:
            values = [*values[1:], values[0]]
        found = dict(zip(names, values, strict=True))
        if apart(model, found, 0.1):
            return model, found


def weights_ignored(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    frame = stored(survey(rng).assign(times=0), order)
    while True:
        frame["times"] = rng.integers(1, 6, len(frame))
        model = BernoulliLogistic.from_formula(
            formula(frame), frame, frequency_weights=frame["times"].to_numpy()
        )
        if check_existence(model).exists:
            return model, smf.logit(formula(frame), frame).fit(disp=0, tol=1e-12).params.to_dict()


def offset_ignored(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    while True:
        frame = stored(survey(rng), order)
        frame["known"] = rng.normal(0, 1, len(frame)) + 0.3 * frame["one"]
        known = frame["known"].to_numpy()
        frame["y"] = (rng.random(len(frame)) < expit(known + 0.5 * frame["flag"] - 0.3)).astype(int)
        model = BernoulliLogistic.from_formula(formula(frame), frame, offset=known)
        if check_existence(model).exists:
            break
    offset = None if rng.random() < 0.5 else -known
    fit = smf.glm(formula(frame), frame, family=sm.families.Binomial(), offset=offset)
    return model, fit.fit(tol=1e-12).params.to_dict()


def dummy_left_in(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """All three indicators beside the intercept, as pinv or any other split leaves them."""
    while True:
        frame = stored(survey(rng), order)
        model = BernoulliLogistic.from_formula(formula(frame, category=True), frame)
        if check_existence(model).exists:
            break
    indicators = pd.get_dummies(frame["group"], prefix="group", dtype=float)
    X = sm.add_constant(columns(frame).join(indicators))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = sm.GLM(frame["y"], X, sm.families.Binomial()).fit(tol=1e-12).params
    moved = rng.choice([0.0, rng.normal(0, 2)])
    found["const"] += moved
    found[indicators.columns] -= moved
    return model, found.to_dict()


def another_link(link: object) -> Callable[..., Disagreement]:
    """By statsmodels' GLM."""

    def make(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
        frame, model = plain(rng, order)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            glm = smf.glm(formula(frame), frame, family=sm.families.Binomial(link()))
            return model, glm.fit(tol=1e-12, maxiter=500).params.to_dict()

    return make


def complementary_log_log(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """Or the log-log link, its mirror image."""
    links = sm.families.links
    return another_link(links.CLogLog if rng.random() < 0.7 else links.LogLog)(rng, order)


def posterior_mean_under(
    X: np.ndarray, y: np.ndarray, precision: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Mean of 20,000 draws of an independence sampler under normal priors about 0."""

    def height(beta: np.ndarray) -> np.ndarray:
        eta = X @ beta.T
        likelihood = y @ eta - np.logaddexp(0, eta).sum(axis=0)
        return likelihood - 0.5 * np.square(beta) @ precision

    beta = np.zeros(X.shape[1])
    for _ in range(100):
        p = expit(X @ beta)
        information = (X.T * (p * (1 - p))) @ X + np.diag(precision)
        step = np.linalg.solve(information, X.T @ (y - p) - precision * beta)
        beta = beta + step * min(1.0, 2 / np.abs(step / np.sqrt(1 / np.diag(information))).max())
    proposal = stats.multivariate_t(beta, np.linalg.inv(information), df=6, seed=rng)
    draws = proposal.rvs(20_000)
    ratios = height(draws) - proposal.logpdf(draws)
    accepted, uniform, here = np.empty(len(draws), dtype=int), np.log(rng.random(len(draws))), 0
    for i in range(len(draws)):
        if uniform[i] < ratios[i] - ratios[here]:
            here = i
        accepted[i] = here
    return draws[accepted].mean(axis=0)


def proper_prior(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """From few rows, under a prior that says something beside them."""
    while True:
        _, model = plain(rng, order, int(rng.integers(40, 150)))
        X, way = model.design, rng.integers(0, 2)
        scale = np.append(0.0, np.ones(X.shape[1] - 1) if way == 0 else X[:, 1:].std(axis=0))
        precision = np.square(scale / 10.0 ** rng.uniform(-0.7, 0.4))
        fit = fit_newton(model)
        shift = predicted_mean_shift(model, fit)
        found = posterior_mean_under(X, model.response, precision, rng)
        gap = (found - fit.coefficients - shift) / fit.standard_errors
        if np.abs(gap).max() > 0.3 and np.abs(shift / fit.standard_errors).max() < 1:
            return model, dict(zip(model.names, found.tolist(), strict=True))


def flipped_mean(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """Draws of a program that models the other level."""
    model, found = posterior_mean(rng, order)
    return model, {name: -value for name, value in found.items()}


def none(rng: np.random.Generator, order: str = "shuffled") -> Disagreement:
    """Coefficients of another model altogether, or numbers out of the air."""
    frame, model = plain(rng, order)
    if rng.random() < 0.5:
        other = survey(rng, len(frame)).drop(columns=["y"]).reindex(columns=frame.columns[:-1])
        other = other.fillna(0.0).assign(y=rng.permutation(frame["y"]))
        other[numeric(frame)] += rng.normal(size=(len(frame), len(numeric(frame))))
        fit = sm.Logit(other["y"], sm.add_constant(columns(other))).fit(disp=0)
        return model, dict(zip(model.names, fit.params, strict=True))
    fit = smf.logit(formula(frame), frame).fit(disp=0)
    noise = rng.normal(size=len(fit.params)) * 10.0 ** rng.uniform(-0.5, 1.5)
    return model, (fit.params + noise * fit.bse).to_dict()


CAUSES: dict[str, Callable[..., Disagreement]] = {
    "ridge penalty": ridge,
    "stopped early": stopped_early,
    "response flipped": flipped,
    "missing intercept": missing_intercept,
    "predictors rescaled": rescaled,
    "reference level": reference_level,
    "rows dropped": rows_dropped,
    "posterior mean": posterior_mean,
    "probit": probit,
    "separation": separation,
    "lasso penalty": lasso,
    "elastic net": elastic_net,
    "Firth penalty": firth,
    "log-F penalty": log_f,
    "class weights": class_weights,
    "exponentiated": exponentiated,
    "permuted": permuted,
    "weights ignored": weights_ignored,
    "offset ignored": offset_ignored,
    "dummy left in": dummy_left_in,
    "complementary log-log": complementary_log_log,
    "cauchit": another_link(sm.families.links.Cauchy),
    "proper prior": proper_prior,
    "response flipped (posterior mean)": flipped_mean,
}


def cause_of(truth: str) -> str:
    """What `explain_difference` calls a cause of `CAUSES`."""
    return truth.partition(" (")[0]


def any_model(rng: np.random.Generator, order: str) -> BernoulliLogistic:
    """Few rows or many, one column or several, with weights, offsets, constants, rare levels."""
    n = int(np.exp(rng.uniform(np.log(4), np.log(400))))
    k = int(rng.integers(1, 6))
    kinds = rng.choice(["normal", "lognormal", "count", "indicator", "rare", "constant"], k)
    makers = {
        "normal": lambda: 10.0 ** rng.integers(-3, 4) * (rng.normal() + rng.normal(size=n)),
        "lognormal": lambda: np.exp(1.5 * rng.normal(size=n)),
        "count": lambda: rng.poisson(2, n).astype(float),
        "indicator": lambda: (rng.random(n) < 0.4).astype(float),
        "rare": lambda: (rng.random(n) < 3 / n).astype(float),
        "constant": lambda: np.full(n, float(rng.integers(1, 4))),
    }
    frame = pd.DataFrame({f"x{j}": makers[kind]() for j, kind in enumerate(kinds)})
    frame = frame.rename(columns={"x0": "one"})
    scale = frame.std(ddof=0).replace(0.0, 1.0)
    eta = rng.normal() + ((frame - frame.mean()) / scale) @ rng.normal(0, 0.7, k)
    frame["offset"] = rng.normal(0, 2, n)
    frame["weight"] = rng.integers(1, 5, n)
    frame["y"] = (rng.random(n) < expit(eta)).astype(float)
    frame = stored(frame, order)
    options = {}
    if rng.random() < 0.25:
        options["offset"] = frame["offset"].to_numpy()
    if rng.random() < 0.25:
        options["frequency_weights"] = frame["weight"].to_numpy()
    return BernoulliLogistic.from_arrays(
        frame.drop(columns=["y", "offset", "weight"]),
        frame["y"].to_numpy(),
        intercept=bool(rng.random() < 0.7) and "constant" not in kinds,
        **options,
    )


def numbers_without_a_cause(rng: np.random.Generator, order: str) -> Disagreement:
    """A vector of any kind and size, whole or rounded, on any model or on one of `plain`."""
    model = any_model(rng, order) if rng.random() < 0.7 else plain(rng, order, 150)[1]
    k = model.n_parameters
    if check_existence(model).exists:
        fit = fit_newton(model)
        mle, errors = fit.coefficients, fit.standard_errors
    else:
        mle, errors = np.zeros(k), 1 / (np.abs(model.design).max(axis=0) + 1e-3)
    size = 10.0 ** rng.choice([-2, -1, 0, 1, 2, 3, 6])
    center = rng.choice([0.0, 1.0]) * mle
    way = rng.integers(0, 8)
    one = np.eye(k)[rng.integers(0, k)]
    if way <= 2:
        values = center + size * errors * rng.normal(size=k)
    elif way == 3:  # of many sizes
        values = center + errors * rng.normal(size=k) * 10.0 ** rng.uniform(-3, 6, k)
    elif way == 4:
        values = np.round(rng.normal(0, min(size, 1000.0), k))
    elif way == 5:  # all 0, or but for one
        values = one * rng.choice([0.0, 1.0, -1.0, size, -size])
    elif way == 6:  # all as they should be but for one
        values = mle + one * errors * rng.normal() * size
    else:
        values = mle * 10.0 ** rng.uniform(-3, 3)
    if rng.random() < 0.4:
        values = np.round(values, int(rng.integers(0, 5)))
    elif rng.random() < 0.2:
        values = np.array([float(f"{value:.3g}") for value in values])
    return model, dict(zip(model.names, values.tolist(), strict=True))


def spector():
    """A small data set, and the model of it that most explanations are asked about."""
    data = load_spector()
    return data, BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", data)


def symmetric_numbers(rng: np.random.Generator) -> tuple[BernoulliLogistic, list[float]]:
    """Round and equal numbers on a factorial design, whose cells often have equal counts."""
    d = int(rng.integers(1, 4))
    low = float(rng.choice([-1.0, 0.0]))
    cells = np.array(list(itertools.product([low, 1.0], repeat=d)))
    X, y = np.repeat(cells, 2, axis=0), np.tile([0.0, 1.0], len(cells))
    counts = rng.integers(1, 9, size=(len(cells), 2))
    if rng.random() < 0.5:  # by the number of factors that are on: no factor differs from another
        counts = counts[np.unique(cells.sum(axis=1), return_inverse=True)[1]]
    if d > 1 and rng.random() < 0.3:
        X = np.column_stack([X, X[:, 0] * X[:, 1]])
    intercept = bool(rng.random() < 0.8)
    if rng.random() < 0.5:
        weights = counts.ravel()
        model = BernoulliLogistic.from_arrays(X, y, intercept=intercept, frequency_weights=weights)
    else:
        times = np.repeat(np.arange(len(X)), counts.ravel())
        model = BernoulliLogistic.from_arrays(X[times], y[times], intercept=intercept)
    numbers = rng.choice(
        [-2, -1, -0.5, 0, 0.5, 1, 2, 0.1, 0.3, *rng.normal(size=3)], len(model.names)
    )
    if rng.random() < 0.4:
        numbers[-d:] = numbers[-1]
    return model, numbers.tolist()
