"""Numbers that programs state of a logistic fit, from formulas, and how they are printed.

Shares no code with the package: covariances are written out with NumPy, p-values are SciPy's.
"""

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Context, Decimal

import numpy as np
from scipy import stats

from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit


def newton(X, y, steps=50, beta=None):
    """The iterates of Newton's method from zero, undamped: the last is the MLE."""
    path = [np.zeros(X.shape[1]) if beta is None else beta]
    for _ in range(steps):
        p = 1 / (1 + np.exp(-X @ path[-1]))
        path.append(path[-1] + np.linalg.solve((X.T * (p * (1 - p))) @ X, X.T @ (y - p)))
    return path


def glm_path(X, y, steps=50):
    """The iterates of R's glm, which begins with fitted values (y + 1/2) / 2."""
    p = (y + 0.5) / 2
    path = []
    for _ in range(steps):
        w = p * (1 - p)
        target = np.log(p / (1 - p)) + (y - p) / w
        path.append(np.linalg.solve((X.T * w) @ X, X.T @ (w * target)))
        p = 1 / (1 + np.exp(-X @ path[-1]))
    return path


def firth(X, y, steps=200):
    """The maximum of the likelihood with Firth's penalty, half the log determinant."""
    beta = np.zeros(X.shape[1])
    for _ in range(steps):
        p = 1 / (1 + np.exp(-X @ beta))
        V = np.linalg.inv((X.T * (p * (1 - p))) @ X)
        h = p * (1 - p) * np.einsum("ij,jk,ik->i", X, V, X)
        beta = beta + V @ (X.T @ (y - p + h * (0.5 - p)))
    return beta


def covariance(X, y, beta, kind="model", groups=None):
    """Of one kind, at these coefficients."""
    n, k = X.shape
    p = 1 / (1 + np.exp(-X @ beta))
    w = p * (1 - p)
    V = np.linalg.inv((X.T * w) @ X)
    r = y - p
    h = w * np.einsum("ij,jk,ik->i", X, V, X)
    phi = (r**2 / w).sum() / (n - k)

    def sandwich(weights, factor=1.0):
        return factor * V @ ((X.T * weights) @ X) @ V

    if kind == "model":
        return V
    if kind == "dispersion":
        return phi * V
    if kind == "glum":
        return phi * n / (n - k) * V
    if kind == "augmented":
        return np.linalg.inv((X.T * (w * (1 + h))) @ X)
    if kind.startswith("cluster"):
        G = len(np.unique(groups))
        scores = np.array([(X * r[:, None])[groups == g].sum(axis=0) for g in np.unique(groups)])
        factor = {"cluster": G / (G - 1) * (n - 1) / (n - k), "cluster Stata": G / (G - 1)}[kind]
        return factor * V @ (scores.T @ scores) @ V
    return {
        "HC0": lambda: sandwich(r**2),
        "HC1": lambda: sandwich(r**2, n / (n - k)),
        "Stata robust": lambda: sandwich(r**2, n / (n - 1)),
        "HC2": lambda: sandwich(r**2 / (1 - h)),
        "HC3": lambda: sandwich(r**2 / (1 - h) ** 2),
        "HC1 dispersion": lambda: sandwich(r**2, phi * n / (n - k)),
    }[kind]()


# what `judge_numbers` calls each kind
CALLED = {
    "model": "model",
    "dispersion": "model with dispersion",
    "glum": "model with dispersion times n / (n - k)",
    "HC0": "HC0",
    "HC1": "HC1",
    "Stata robust": "HC0 times n / (n - 1)",
    "HC2": "HC2",
    "HC3": "HC3",
    "HC1 dispersion": "HC1 with dispersion",
    "cluster": "cluster",
    "cluster Stata": "cluster times G / (G - 1)",
}


def of_terms(beta, V, free=None, level=0.95):
    """Every number of every coefficient: a dictionary a coefficient."""
    se = np.sqrt(np.diag(V))
    z = beta / se
    law = stats.norm if free is None else stats.t(free)
    reach = law.ppf(0.5 + level / 2)
    return [
        {
            "coefficient": b,
            "standard error": s,
            "z": t,
            "chi-squared": t**2,
            "p": 2 * law.sf(abs(t)),
            "low": b - reach * s,
            "high": b + reach * s,
            "odds ratio": np.exp(b),
            "odds ratio SE": np.exp(b) * s,
            "odds ratio low": np.exp(b - reach * s),
            "odds ratio high": np.exp(b + reach * s),
        }
        for b, s, t in zip(beta, se, z, strict=True)
    ]


def of_fit(X, y, beta):
    """Every number of the whole fit."""
    n, k = X.shape
    eta = X @ beta
    ll = -np.logaddexp(0, np.where(y > 0, -eta, eta)).sum()
    m = y.mean()
    null = n * (m * np.log(m) + (1 - m) * np.log(1 - m))
    return {
        "log-likelihood": ll,
        "null log-likelihood": null,
        "-2 log-likelihood": -2 * ll,
        "deviance": -2 * ll,
        "null deviance": -2 * null,
        "AIC": -2 * ll + 2 * k,
        "BIC": -2 * ll + k * np.log(n),
        "n": n,
        "LR chi-squared": 2 * (ll - null),
        "LR p": stats.chi2.sf(2 * (ll - null), k - 1),
        "McFadden R2": 1 - ll / null,
    }


def as_printed(value, digits, significant=False, truncated=False):
    """The number as text, and the unit of its last digit."""
    if np.isinf(value):
        return ("Inf" if value > 0 else "-Inf"), 0.0
    exact = Decimal(float(value))
    places = digits
    if significant and value:
        places = digits - 1 - exact.adjusted()
    unit = Decimal(1).scaleb(-places)
    rounding = ROUND_DOWN if truncated else ROUND_HALF_EVEN
    text = exact.quantize(unit, rounding, Context(prec=400))
    return f"{text:f}" if places >= 0 else f"{int(text)}", float(unit)


def their_fit(
    names,
    terms,
    fit,
    digits=None,
    quantities=("standard error", "z", "p", "low", "high"),
    significant=False,
    truncated=False,
    **settings,
):
    """A fit that states these; doubles where `digits` is None."""
    coefficients, units, stated = {}, {}, []

    def put(term, quantity, value):
        if digits is None or quantity == "n":
            return Stated(
                term=term,
                quantity=quantity,
                value=float(value),
                unit=0.0 if digits is None else 1.0,
            )
        text, unit = as_printed(value, digits, significant, truncated)
        return Stated(term=term, quantity=quantity, value=float(text), unit=unit, written=text)

    for name, found in zip(names, terms, strict=True):
        own = put(name, "coefficient", found["coefficient"])
        coefficients[name] = own.value
        if digits is not None:
            units[name] = own.unit
        stated += [put(name, quantity, found[quantity]) for quantity in quantities]
    stated += [put("", quantity, value) for quantity, value in fit.items()]
    return TheirFit(
        producer="a printed table",
        coefficients=coefficients,
        units=units,
        stated=tuple(stated),
        settings=Settings(**settings),
    )
