"""One coefficient has many names: which of those that programs write are of the same.

A number belongs to a coefficient by its name, never by its place among others. Names are those of
the model, or what formulaic, patsy, R, Bambi, brms, Stan and pandas make of them: ``C(g)[T.b]``,
``g[b]``, ``gb``, ``factor(g)b``, ``g_b``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from flatprior.models.common.labels import INTERCEPTS
from flatprior.models.common.text import first_of, printable

# what programs call it besides
INTERCEPT = (
    *INTERCEPTS,
    *(
        "b_Intercept",
        "Constant",
        "constant",
        "CONSTANT",
        "INTERCEPT",
        "(Constant)",
        "(const)",
        "cons",
    ),
)
_CATEGORY = re.compile(
    r"(?:C|factor|as\.factor|ordered|relevel)\(\s*([^(),]+?)\s*(?:,.*)?\)(?P<level>.*)", re.DOTALL
)
# of R: contrasts that are named in C() lose the levels' names, and number their columns
_NUMBERED = re.compile(r"C\(\s*([^(),]+?)\s*,(?P<how>.*)\)(?P<number>[0-9]+)", re.DOTALL)
_NUMBERS_OF = (("sum", "S"), ("helmert", "H"), ("treatment", "T"), ("SAS", "T"), ("base", "T"))
# of patsy, or numbered: a level whose coefficient is no difference from one, or whose name is lost
_CONTRAST = re.compile(r"[SDHP]\.|[SHT]#")
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
# what journals put between a predictor and its level: "race: black", "race, black", "race = black"
IN_PRINT = (": ", ", ", " = ", "=", " ")
# the numbers that programs and people give to two levels, the reference level's first
CODINGS = ((0.0, 1.0), (1.0, 0.0), (1.0, 2.0), (2.0, 1.0), (-1.0, 1.0), (1.0, -1.0))
TRUTH = {"true": 1.0, "false": 0.0}


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """What formulaic, Bambi, brms and statsmodels make of one coefficient's name, made one.

    Examples
    --------
    >>> from flatprior.models.common.coefficient_names import plain_name
    >>> {plain_name(name) for name in ("C(g)[T.b]", "g[b]", "C(g)[b]", "g[T.b]", "factor(g)b")}
    {'g[b]'}
    >>> {plain_name(name) for name in ("Intercept", "(Intercept)", "const", "b_Intercept")}
    {'Intercept'}
    >>> {plain_name(name) for name in ("C(g)[T.b]:h[T.d]", "g:h[b, d]")}
    {'g:h[b,d]'}
    """
    if name in INTERCEPT:
        return "Intercept"
    return _plain(_factors(name))


def _plain(factors: Sequence[tuple[str, str | None]]) -> str:
    levels = [level for _, level in factors if level is not None]
    if len(factors) < 2:
        return "".join(f"{base}[{level}]" if level is not None else base for base, level in factors)
    # an interaction: Bambi writes all levels behind all factors
    behind = f"[{','.join(levels).replace(', ', ',')}]" if levels else ""
    return ":".join(base for base, _ in factors) + behind


@lru_cache(maxsize=4096)
def _factors(name: str) -> tuple[tuple[str, str | None], ...]:
    """The factors of an interaction, each the predictor and its level, if it is a category's.

    A level keeps its blanks and signs: "New York" and "NewYork" are two.
    """
    parts = _parts(name)
    return tuple(map(_factor, parts)) if parts else ((_bare(name), None),)


def _parts(name: str) -> list[str]:
    """The text of each factor of an interaction; none where brackets or colons are no such."""
    parts, depth, begin = [], 0, 0
    for i, sign in enumerate(name):
        depth += (sign in "[(") - (sign in "])")
        if sign == ":" and depth == 0:
            parts.append(name[begin:i])
            begin = i + 1
    parts.append(name[begin:])
    return [] if depth or not all(parts) else parts


def _factor(part: str, tidy: Callable[[str], str] | None = None) -> tuple[str, str | None]:
    tidy = tidy or _bare
    part, level = part.strip(), None
    if part.endswith("]") and part.find("[") > 0:
        part, level = part[: part.index("[")], part[part.index("[") + 1 : -1]
    if (numbered := _NUMBERED.fullmatch(part)) and level is None:
        tag = next((tag for word, tag in _NUMBERS_OF if word in numbered["how"]), "")
        if tag:
            return tidy(numbered[1]), f"{tag}#{numbered['number']}"
    if category := _CATEGORY.fullmatch(part):
        part = category[1]
        level = category["level"] or level if level is None else level
    return tidy(part), None if level is None else level.removeprefix("T.")


def _bare(name: str) -> str:
    return name.replace("`", "").replace(" ", "")


def _unquoted(name: str) -> str:
    return name.replace("`", "").strip()


def joined(name: str, mark: str = "") -> str:
    """A coefficient's name with each level right behind its factor, as R and pandas have it."""
    return _joined(_factors(name), mark)


def _joined(factors: Iterable[tuple[str, str | None]], mark: str = "") -> str:
    return ":".join(base if level is None else base + mark + level for base, level in factors)


def in_brms(name: str) -> frozenset[str]:
    """What brms calls a coefficient: it leaves out what Stan's names cannot have."""
    if name in INTERCEPT:
        return frozenset({"b_Intercept"})
    plain = joined(name)
    return frozenset({"b_" + plain, "b_" + re.sub(r"[^\w:]", "", plain)})


def spellings(name: str) -> frozenset[str]:
    """Names of a category's coefficient that have no brackets; of others none.

    Examples
    --------
    >>> from flatprior.models.common.coefficient_names import spellings
    >>> sorted(spellings("C(g)[T.b]")), sorted(spellings("gb"))
    (['g_b', 'gb'], [])
    """
    if all(level is None for _, level in _factors(name)):
        return frozenset()
    return frozenset({joined(name), joined(name, "_")})


def in_print(name: str) -> frozenset[str]:
    """What tables for readers call a category's coefficient; of others nothing.

    Examples
    --------
    >>> from flatprior.models.common.coefficient_names import in_print
    >>> sorted(in_print("C(g)[T.b]"))
    ['g = b', 'g b', 'g, b', 'g: b', 'g=b']
    """
    factors = [_factor(part, _unquoted) for part in _parts(name)]
    if all(level is None for _, level in factors):
        return frozenset()
    return frozenset(_joined(factors, mark) for mark in IN_PRINT)


def _numbered(
    names: Sequence[str], labels: Sequence[str], levels: Mapping[str, Sequence[str]]
) -> dict[str, list[tuple[tuple[str, str | None], ...]]]:
    """Names of the model as R has them that numbers the columns of contrasts, as factors.

    ``C(a, contr.sum)1`` says that it is a number. ``a1``, where contrasts were set beforehand, does
    not: it is one where all numbers of the factor are there, none is a name of the model's, and
    no level is called so.
    """
    known = {_bare(base): tuple(each) for base, each in levels.items()}
    tags: dict[str, set[str]] = {}
    for base, level in (factor for name in names for factor in _factors(name)):
        if base in known and level is not None:
            tags.setdefault(base, set()).add(_contrast(level, known[base])[0])
    theirs = {joined(label) for label in labels}
    bare = set()
    for base, found in tags.items():
        count = [str(number) for number in range(1, len(known[base]) + 1)]
        own = {base + number for number in count[:-1]}
        taken = own & set(names) or set(count) & set(known[base])
        every = own <= theirs and base + count[-1] not in theirs
        if every and not taken and len(found) == 1 and found <= {"S", "H"}:
            bare.add(base)

    def ways(base: str, level: str | None) -> list[tuple[str, str | None]]:
        tag, text = ("", "") if level is None else _contrast(level, known.get(base, ()))
        if not tag:
            return [(base, level)]
        number = known[base].index(text) + (tag != "H")
        numbered = [f"{tag}#{number}", *([str(number)] if base in bare else [])]
        return [(base, each) for each in (level, *numbered)]

    return {name: list(product(*(ways(*each) for each in _factors(name))))[1:] for name in names}


def _contrast(level: str, known: Sequence[str]) -> tuple[str, str]:
    """S of sum contrasts, H of Helmert's, T of a level itself, and which; empty if nobody knows."""
    inside = level[2:] if level[:2] in ("S.", "H.") else None
    if inside in known:
        return (level[0], str(inside)) if level not in known else ("", "")
    return ("T", level) if level in known else ("", "")


def paired(
    names: Sequence[str],
    labels: Sequence[str],
    numbers: Container[str] = (),
    levels: Mapping[str, Sequence[str]] | None = None,
) -> dict[str, str]:
    """For each name the label of the same coefficient, where there is one and no doubt of it.

    The nearest kind of name first: the same text, the same after what programs put around it, a
    level right behind its factor, or behind a sign, as tables for readers have it. What one kind
    has paired is out of the question for the next, and where several fit as well, none is taken.
    Names of `numbers` are no indicators of a level. Where the `levels` of the model's categories
    are known, in their order, so is the coefficient to which R gives a number.

    Examples
    --------
    >>> from flatprior.models.common.coefficient_names import paired
    >>> paired(("C(g)[S.a]", "C(g)[S.b]"), ("g1", "g2"), levels={"g": ("a", "b", "c")})
    {'C(g)[S.a]': 'g1', 'C(g)[S.b]': 'g2'}
    >>> paired(("Intercept", "x", "C(g)[T.b]"), ("(Intercept)", "gb", "X"))
    {'Intercept': '(Intercept)', 'C(g)[T.b]': 'gb'}
    """
    found: dict[str, str] = {}
    numbered = _numbered(names, labels, levels or {})
    free_names, free_labels = list(names), list(labels)
    for kind in ("same", "plain", "spelt", "printed"):
        by_key: dict[str, list[int]] = {}
        for place, label in enumerate(free_labels):
            by_key.setdefault(_their_key(kind, label), []).append(place)
        fits = {
            name: sorted(
                {
                    place
                    for key in _our_keys(kind, name, numbers, numbered[name])
                    for place in by_key.get(key, ())
                }
            )
            for name in free_names
        }
        claims = [place for places in fits.values() for place in places]
        for name, places in fits.items():
            if len(places) == 1 and claims.count(places[0]) == 1:
                found[name] = free_labels[places[0]]
        free_names = [name for name in free_names if not fits[name]]
        taken = set(claims)
        free_labels = [label for place, label in enumerate(free_labels) if place not in taken]
    return {name: found[name] for name in names if name in found}


def _their_key(kind: str, label: str) -> str:
    if kind == "printed":
        return _unquoted(label)
    if kind != "spelt":
        return label if kind == "same" else plain_name(label)
    # a level without brackets is told from one that has them: "k1" is no "k[1]" of theirs
    return f"level {joined(label, '_')}" if spellings(label) else f"bare {_unquoted(label)}"


def _our_keys(
    kind: str,
    name: str,
    numbers: Container[str],
    numbered: Iterable[tuple[tuple[str, str | None], ...]],
) -> frozenset[str]:
    if kind == "printed":
        return in_print(name)
    if kind != "spelt":
        others = map(_plain, numbered) if kind == "plain" else ()
        return frozenset({_their_key(kind, name), *others})
    written = spellings(name)
    if written or name in numbers:
        return frozenset(f"bare {each}" for each in (*written, *map(_joined, numbered)))
    return frozenset({f"level {_unquoted(name)}"})


def nearest(name: str, labels: Sequence[str]) -> list[str]:
    """The labels that may be of a coefficient, those of the nearest kind only."""
    return (
        [label for label in labels if label == name]
        or [label for label in labels if plain_name(label) == plain_name(name)]
        or [label for label in labels if _unquoted(label) in spellings(name)]
    )


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
    coding: tuple[float, float] = (0.0, 1.0),
) -> list[OfTwoLevels]:
    """Pair what names alone do not: a number such as 0 and 1 with the category of its two levels.

    Parameters
    ----------
    names, labels : iterable of str
        Ours and theirs, of what has not been paired.
    values : callable
        Of a name the two numbers that its predictor has, the reference level's first; None where
        it has others, or text.
    coding : tuple of float
        What levels that are text are taken for, the reference level's first; `CODINGS` has all.

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
            found.append(_of_number(name, label, str(their_level), numbers, coding))
        else:
            low, high = numbers or coding
            found.append(OfTwoLevels(name, label, high - low, low, numbers is None))
    return sorted((each for each in found if each is not None), key=lambda each: each.name)


def _of_number(
    name: str,
    label: str,
    level: str,
    numbers: tuple[float, float] | None,
    coding: tuple[float, float],
) -> OfTwoLevels | None:
    """Our number x, low or high, and their difference of one level from the other."""
    if numbers is None:  # it has other values: it is no category of two levels
        return None
    low, high = sorted(numbers)
    at = as_number(level)
    if at is None:
        if (low, high) != (0, 1) or sorted(coding) != [0, 1]:
            return None
        first, second = coding
        return OfTwoLevels(name, label, second - first, first, True)
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
            ((base, level),) = factors
            if level is None or not _CONTRAST.match(level):
                found.setdefault(base, []).append((name, level))
    return found


def as_number(level: str) -> float | None:
    """The number that a level is, also 1 and 0 of true and false; None if it is text."""
    if level.lower() in TRUTH:
        return TRUTH[level.lower()]
    return float(level) if _DECIMAL.fullmatch(level) else None


def meant(missing: Sequence[str], there: Sequence[str]) -> str:
    """A remedy where names differ in case and blanks only; mostly empty.

    Examples
    --------
    >>> from flatprior.models.common.coefficient_names import meant
    >>> meant(["gpa", "x"], ["GPA", "y"])
    '; names are told apart by case: rename GPA to gpa'
    """
    folded = {plain_name(label).casefold(): label for label in there}
    pairs = {
        folded[key]: name
        for name in missing
        if (key := plain_name(name).casefold()) in folded
        and plain_name(folded[key]) != plain_name(name)
    }
    if not pairs:
        return ""
    said = first_of(f"{printable(label)} to {printable(name)}" for label, name in pairs.items())
    return f"; names are told apart by case: rename {said}"
