r"""Is a fit what the program's own settings say that it is? Their equation is held at the numbers.

A program that says what it maximised (a penalty, weights of the classes, another link) is asked
whether it did: with r the gradient at b of what it says, and H minus its second derivative, the
maximum is about :math:`\sqrt{r' H^{-1} r}` away, in units in which the log-likelihood falls by 1/2
from its maximum, where the objective is all but quadratic over that distance. A lasso's gradient
at a coefficient of 0 is what the penalty cannot hold.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from flatprior.analysis.explanation.changed_problems import jeffreys, logit, probit, whiten
from flatprior.analysis.producers.theirs import Settings
from flatprior.models import BernoulliLogistic
from flatprior.models.common.arrays import Array
from flatprior.models.rows import Block, Rows

LINKS = {"logit": logit, "probit": probit}
NEAR = 0.5  # of decrement times radius: below 1 there is one maximum, and it is near
NAMES = {
    "l2": "ridge penalty",
    "l1": "lasso penalty",
    "elasticnet": "elastic net",
    "firth": "Firth penalty",
}


@dataclass(frozen=True, kw_only=True)
class AsAsked:
    """How far coefficients are from what the settings of a program say.

    Attributes
    ----------
    cause : str
        Which of `explain_difference`'s causes the settings amount to; empty where they are those of
        maximum likelihood.
    words : str
        What the settings say, for people.
    distance : float
        From the maximum of what they say; inf where nothing can be said.
    gradient : float
        Largest component of the gradient of the mean of it.
    """

    cause: str
    words: str
    distance: float
    gradient: float


def as_asked(model: BernoulliLogistic, b: Array, settings: Settings) -> AsAsked | None:
    """Hold the coefficients to the settings; None where nothing is known of such ones.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from flatprior.analysis.auditing.as_asked import as_asked
    >>> from flatprior.analysis.producers.registry import read
    >>> from flatprior.models import load_spector
    >>> data = load_spector()
    >>> X, y = data[["gpa", "psi"]], data["grade"]
    >>> their = read(LogisticRegression(tol=1e-9).fit(X, y), X, y)
    >>> found = as_asked(their.model, np.array(list(their.coefficients.values())), their.settings)
    >>> found.cause, found.words, found.distance < 1e-6
    ('ridge penalty', "an l2 penalty of C = 1, which is scikit-learn's default", True)
    """
    if settings.link not in LINKS or settings.penalty not in ("", *NAMES):
        return None
    link = LINKS[settings.link]

    def sums(block: Block) -> Array:
        with np.errstate(all="ignore"):
            block = _weighted(block, settings)
            terms = link(block, b)
            information = (block.design.T * terms.curvature) @ block.design
            return np.vstack([information, terms.residual @ block.design])

    rows = model.rows
    found = rows.reduce(sums)
    information, pull = found[:-1], found[-1]
    with np.errstate(all="ignore"):
        if settings.penalty == "firth":
            white = whiten(information)
            if white is None:
                pull = np.full(len(b), math.nan)
            else:
                pull = pull + settings.strength * rows.reduce(
                    lambda block: _jeffreys(_weighted(block, settings), b, link, white)
                )
        elif settings.penalty:
            pull, information = _penalised(pull, information, b, settings)
        distance = _distance(rows, information, pull)
    total = rows.reduce(lambda block: float(np.sum(_weighted(block, settings).counts)))
    return AsAsked(
        cause=_cause(settings),
        words=_words(settings),
        distance=distance,
        gradient=float(np.abs(pull).max()) / total,
    )


def _weighted(block: Block, settings: Settings) -> Block:
    if settings.class_weights is None:
        return block
    of_class = np.where(block.sign > 0, settings.class_weights[1.0], settings.class_weights[0.0])
    return block._replace(weights=block.counts * of_class)


def _penalised(
    pull: Array, information: Array, b: Array, settings: Settings
) -> tuple[Array, Array]:
    """Gradient, as small as the absolute values allow, and curvature."""
    at_work = np.array(settings.penalised, dtype=float)
    ridge = settings.strength * (1 - settings.share) * at_work
    bound = settings.strength * settings.share * at_work
    pull = pull - ridge * b
    held = np.sign(pull) * np.maximum(np.abs(pull) - bound, 0.0)
    pull = np.where(b == 0, held, pull - bound * np.sign(b))
    information = information + np.diag(ridge)
    # a coefficient that the penalty holds at 0 does not move
    fixed = (b == 0) & (bound > 0) & (held == 0)
    information[fixed] = 0.0
    information[:, fixed] = 0.0
    information[fixed, fixed] = 1.0
    return pull, information


def _jeffreys(block: Block, b: Array, link: Any, white: Array) -> Array:
    """The pull of Jeffreys' prior in some rows, (k,)."""
    with np.errstate(all="ignore"):
        return np.asarray(jeffreys(block, b, link(block, b).curvature, white) @ block.design)


def _distance(rows: Rows, information: Array, pull: Array) -> float:
    if not (np.isfinite(information).all() and np.isfinite(pull).all()):
        return math.inf
    scale = np.sqrt(np.diag(information))
    if not (scale > 0).all():
        return math.inf
    try:
        upper = np.linalg.cholesky(information / np.outer(scale, scale)).T
    except np.linalg.LinAlgError:
        return math.inf
    step = np.linalg.solve(upper.T, pull / scale)
    decrement = float(np.linalg.norm(step))

    def longest(block: Block) -> float:
        white = np.linalg.solve(upper.T, (block.design / scale).T)
        return float(np.linalg.norm(white, axis=0).max())

    radius = rows.reduce(longest, max)
    return decrement if decrement * radius <= NEAR else math.inf


def _cause(settings: Settings) -> str:
    if settings.penalty:
        return NAMES[settings.penalty]
    if settings.class_weights is not None and len(set(settings.class_weights.values())) > 1:
        return "class weights"
    return "" if settings.link == "logit" else settings.link


def _words(settings: Settings) -> str:
    said = []
    if settings.link != "logit":
        said.append(f"the {settings.link} link")
    if settings.penalty == "firth":
        said.append("Firth's penalty, Jeffreys' prior")
    elif settings.penalty:
        kind = {"l2": "an l2 penalty", "l1": "an l1 penalty"}.get(
            settings.penalty, f"an elastic net with l1_ratio = {settings.share:.4g}"
        )
        least = min((share for share in settings.penalised if share), default=1.0)
        to = "" if least == 1 else f" to {1 / (least * settings.strength):.4g}"
        also = ", of the intercept too" if all(settings.penalised) else ""
        default = f", which is {settings.default} default" if settings.default else ""
        said.append(f"{kind} of C = {1 / settings.strength:.4g}{to}{also}{default}")
    if settings.class_weights is not None:
        no, yes = settings.class_weights[0.0], settings.class_weights[1.0]
        said.append(f"class weights {no:.4g} and {yes:.4g}")
    return ", ".join(said)
