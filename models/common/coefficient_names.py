"""One coefficient has many names: which of those that programs write are of the same.

A number belongs to a coefficient by its name, never by its place among others. Names are those of
the model, or what formulaic, patsy, R, Bambi, brms, Stan and pandas make of them: ``C(g)[T.b]``,
``g[b]``, ``gb``, ``factor(g)b``, ``g_b``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from flatprior.models.common.labels import INTERCEPTS
from flatprior.models.common.text import first_of, printable

INTERCEPT = (*INTERCEPTS, "b_Intercept")
# a factor of an interaction, whose level may hold a colon; and that level
_FACTOR = re.compile(r"(?:[^:\[\]]|\[[^\[\]]*\])+")
_LEVEL = re.compile(r"\[([^\[\]]*)\]")
_CATEGORY = re.compile(
    r"\b(?:C|factor|as\.factor|ordered|relevel)\(([^(),]+)(?:,[^()]*(?:\([^()]*\))?[^()]*)?\)"
)
TRUTH = {"true": 1.0, "false": 0.0}


def plain_name(name: str) -> str:
    """What formulaic, Bambi, brms and statsmodels make of one coefficient's name, made one.

    Examples
    --------
    >>> from flatprior.models.common.coefficient_names import plain_name
    >>> {plain_name(name) for name in ("C(g)[T.b]", "g[b]", "C(g)[b]", "g[T.b]")}
    {'g[b]'}
    >>> {plain_name(name) for name in ("Intercept", "(Intercept)", "const", "b_Intercept")}
    {'Intercept'}
    >>> {plain_name(name) for name in ("C(g)[T.b]:h[T.d]", "g:h[b, d]")}
    {'g:h[b,d]'}
    """
    if name in INTERCEPT:
        return "Intercept"
    factors = _factors(name)
    if len(factors) < 2:
        return "".join(factors)
    # an interaction: Bambi writes all levels behind all factors
    levels = [level for factor in factors for level in _LEVEL.findall(factor)]
    return ":".join(_LEVEL.sub("", factor) for factor in factors) + (
        f"[{','.join(levels)}]" if levels else ""
    )


def _factors(name: str) -> list[str]:
    """The factors of an interaction, each as "x" or "g[level]"."""
    name = _CATEGORY.sub(r"\1", name.replace("`", "").replace(" ", ""))
    name = name.replace("[T.", "[")
    found = _FACTOR.findall(name)
    return found if ":".join(found) == name else [name]


def in_r(name: str, before: str = "") -> frozenset[str]:
    """What R's formulas call a coefficient: a level stands right behind its factor."""
    if name in INTERCEPT:
        return frozenset({"(Intercept)", "b_Intercept"})
    joined = ":".join(_LEVEL.sub(r"\1", factor) for factor in _factors(name))
    # brms leaves out what Stan's names cannot have
    return frozenset({before + joined, before + re.sub(r"[^\w:]", "", joined)})


def spellings(name: str) -> frozenset[str]:
    """Names of a coefficient that put a level right behind its factor, as R and pandas do.

    Examples
    --------
    >>> from flatprior.models.common.coefficient_names import spellings
    >>> sorted(spellings("C(g)[T.b]"))
    ['g_b', 'gb']
    """
    if name in INTERCEPT:
        return in_r(name)
    dummies = ":".join(_LEVEL.sub(r"_\1", factor) for factor in _factors(name))
    return in_r(name) | {dummies}


class Labels:
    """Labels of numbers, looked up by the coefficients that they may be of."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._plain: dict[str, list[str]] = {}
        self._spelt: dict[str, list[str]] = {}
        self._exact: dict[str, list[str]] = {}
        for label in labels:
            self._exact.setdefault(label, []).append(label)
            self._plain.setdefault(plain_name(label), []).append(label)
            for spelling in spellings(label):
                self._spelt.setdefault(spelling, []).append(label)

    def of(self, name: str) -> list[str]:
        """Those that may be of the coefficient of this name, of the nearest kind only."""
        nearest = self._exact.get(name) or self._plain.get(plain_name(name))
        if nearest:
            return list(nearest)
        spelt = [self._spelt.get(spelling, []) for spelling in sorted(spellings(name))]
        return list(dict.fromkeys(label for each in spelt for label in each))


def paired(names: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """For each name the label of the same coefficient, where there is one and no doubt of it.

    Examples
    --------
    >>> from flatprior.models.common.coefficient_names import paired
    >>> paired(("Intercept", "x", "C(g)[T.b]"), ("(Intercept)", "gb", "X"))
    {'Intercept': '(Intercept)', 'C(g)[T.b]': 'gb'}
    """
    there = Labels(labels)
    found = {name: there.of(name) for name in names}
    single = {name: labels[0] for name, labels in found.items() if len(labels) == 1}
    claimed = list(single.values())
    # what another name fits better is left to it: a column "gb" beside the level b of g
    return {
        name: label for name, label in single.items() if claimed.count(label) == 1 or label == name
    }


@dataclass(frozen=True)
class OfTwoLevels:
    """A coefficient of a number on one side, and of a category of two levels on the other.

    Attributes
    ----------
    name, label : str
        Ours and theirs.
    slope, shift : float
        Ours is `slope` times theirs, and the intercept has `shift` times theirs added.
    assumed : bool
        Whether the two levels are taken for 0 and 1, since nothing says which numbers they are.
    """

    name: str
    label: str
    slope: float
    shift: float
    assumed: bool

    @property
    def same(self) -> bool:
        """Whether it is one coefficient by two names."""
        return self.slope == 1 and self.shift == 0


def of_two_levels(
    names: Iterable[str],
    labels: Iterable[str],
    values: Callable[[str], tuple[float, float] | None],
) -> list[OfTwoLevels]:
    """Pair what names alone do not: a number such as 0 and 1 with the category of its two levels.

    Parameters
    ----------
    names, labels : iterable of str
        Ours and theirs, of what has not been paired.
    values : callable
        Of a name the two numbers that its predictor has, the reference level's first; None where
        it has others, or text.

    Examples
    --------
    >>> from flatprior.models.common.coefficient_names import of_two_levels
    >>> of_two_levels(["psi"], ["C(psi)[T.2]"], lambda name: (1.0, 2.0))
    [OfTwoLevels(name='psi', label='C(psi)[T.2]', slope=1.0, shift=-1.0, assumed=False)]
    """
    ours, theirs = _by_base(names), _by_base(labels)
    found = []
    for base in ours.keys() - theirs.keys():  # as R writes it: "psi1"
        behind = {each: each.removeprefix(base) for each in theirs if each.startswith(base)}
        levels = [(each, level) for each, level in behind.items() if as_number(level) is not None]
        if len(levels) == 1 and len(theirs[levels[0][0]]) == 1:
            ((label, level),) = theirs[levels[0][0]]
            theirs[base] = [(label, levels[0][1])] if level is None else []
    for base in ours.keys() & theirs.keys():
        if len(ours[base]) != 1 or len(theirs[base]) != 1:
            continue
        ((name, level),), ((label, their_level),) = ours[base], theirs[base]
        if (level is None) == (their_level is None):
            continue
        numbers = values(name)
        if level is None:
            found.append(_ofas_number(name, label, str(their_level), numbers))
        else:
            low, high = numbers or (0.0, 1.0)
            found.append(OfTwoLevels(name, label, high - low, low, numbers is None))
    return sorted((each for each in found if each is not None), key=lambda each: each.name)


def _ofas_number(
    name: str, label: str, level: str, numbers: tuple[float, float] | None
) -> OfTwoLevels | None:
    """Our number x, low or high, and their difference of one level from the other."""
    if numbers is None:  # it has other values: it is no category of two levels
        return None
    low, high = sorted(numbers)
    at = as_number(level)
    if at is None:
        return OfTwoLevels(name, label, 1.0, 0.0, True) if (low, high) == (0, 1) else None
    if at not in (low, high):
        return None
    other = low if at == high else high
    return OfTwoLevels(name, label, 1 / (at - other), -other / (at - other), False)


def _by_base(names: Iterable[str]) -> dict[str, list[tuple[str, str | None]]]:
    """Names by the predictor that they are of, with the level; of interactions nothing."""
    found: dict[str, list[tuple[str, str | None]]] = {}
    for name in names:
        factors = _factors(name)
        if len(factors) == 1 and name not in INTERCEPT:
            levels = _LEVEL.findall(factors[0])
            base = _LEVEL.sub("", factors[0])
            found.setdefault(base, []).append((name, levels[0] if len(levels) == 1 else None))
    return found


def as_number(level: str) -> float | None:
    """The number that a level is, also 1 and 0 of true and false; None if it is text."""
    if level.lower() in TRUTH:
        return TRUTH[level.lower()]
    try:
        return float(level)
    except ValueError:
        return None


def meant(missing: Sequence[str], there: Sequence[str]) -> str:
    """A remedy where names differ in case and blanks only; mostly empty.

    Examples
    --------
    >>> from flatprior.models.common.coefficient_names import meant
    >>> meant(["gpa", "x"], ["GPA", "y"])
    '; names are told apart by case: rename GPA to gpa'
    """
    folded = {re.sub(r"\W|_", "", plain_name(label)).casefold(): label for label in there}
    pairs = {
        folded[key]: name
        for name in missing
        if (key := re.sub(r"\W|_", "", plain_name(name)).casefold()) in folded and key
    }
    if not pairs:
        return ""
    said = first_of(f"{printable(label)} to {printable(name)}" for label, name in pairs.items())
    return f"; names are told apart by case: rename {said}"
