"""Categories in a formula: which of their levels is the reference, or which contrasts they have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import SCREEN, names_in, shorten
from flatprior.models.encoding.formulas.options import Arguments, bound, constant, read
from flatprior.models.encoding.formulas.spellings import not_allowed
from flatprior.models.encoding.formulas.syntax import Call, Name, Node, Text, shown
from flatprior.models.encoding.formulas.uses import Uses

CATEGORIES = ("C", "factor", "as.factor", "ordered", "relevel")
_REFERENCE = ("ref", "reference", "base")
_PATSY = "Treatment"  # which counts places from 0, where R counts from 1
# spellings of R, MASS, patsy and formulaic
_KINDS = {
    "contr.treatment": "treatment",
    "Treatment": "treatment",
    "contr.SAS": "last",
    "contr.sum": "sum",
    "Sum": "sum",
    "sum": "sum",
    "contr.helmert": "helmert",
    "Helmert": "helmert",
    "contr.poly": "poly",
    "Poly": "poly",
    "contr.diff": "diff",
    "contr.sdif": "diff",
    "Diff": "diff",
}
KINDS = "contr.treatment('b'), contr.sum, contr.helmert, contr.poly and contr.diff"
# what the coefficients are, where no level is the reference
_MEANING = {
    "sum": "differences from the mean of its levels, that of {last} left out (sum contrasts)",
    "helmert": (
        "each level less the mean of those before it, divided by its place (Helmert contrasts)"
    ),
    "poly": "polynomials in the place of its levels, {levels} (polynomial contrasts)",
    "diff": "each level less the one before it (difference contrasts)",
}
_TAGS = {"sum": "[S.", "helmert": "[H.", "poly": "[.L]", "diff": "[D."}


@dataclass(frozen=True)
class Category:
    """A column taken as categories.

    Attributes
    ----------
    column : str
        Generated name.
    name : str
        The column.
    function : str
        How it is written: ``C(x)``, ``factor(x)``.
    kind : str
        Of contrasts.
    reference : object
        What was written as the reference level.
    first : int
        The number of the first level where the reference is one.
    taken_as : {"level", "place", "number"}
        What a number as the reference is first of all: a level of that name, its place among the
        levels, as R has it, or how many levels there are.
    n_levels : int or None
        How many levels the contrasts were said to have.
    levels : tuple or None
        The levels, in an order that was written.
    """

    column: str
    name: str
    function: str
    kind: str = "treatment"
    reference: Any = None
    first: int = 1
    taken_as: str = "level"
    n_levels: int | None = None
    levels: tuple[Any, ...] | None = None

    def order(self, there: Sequence[Any]) -> list[Any]:
        """The levels of the data in the order that was written."""
        if self.levels is None:
            return list(there)
        order = []
        for level in self.levels:
            named = _named(there, level)
            if not named:
                raise _no_level(there, level, self.name)
            order += named
        left = [level for level in there if level not in order]
        if left:
            raise InputError(
                f"column {self.name!r} has the level {str(left[0])!r}, which levels= leaves out; "
                "name it, or leave out such rows"
            )
        return order

    def base(self, levels: Sequence[Any]) -> Any:
        """The reference level among those of the data, in their order; None if there is none."""
        return self._resolved(levels)[0]

    def note(self, levels: Sequence[Any]) -> str:
        """What a number as the reference was taken for, where it could be another level."""
        return self._resolved(levels)[1]

    def _resolved(self, levels: Sequence[Any]) -> tuple[Any, str]:
        """The reference level, and what there is to say of how it was found."""
        if self.kind not in ("treatment", "last"):
            return None, ""
        given = self.reference
        if given is None:
            return levels[-1 if self.kind == "last" else 0], ""
        named, placed = _named(levels, given), _placed(levels, given, self.first)
        quoted = f"{str(given)!r} in quotes is the level of that name"
        if self.taken_as == "number":
            if given == len(levels):
                other = bool(named) and named[0] != levels[0]
                said = f"{given} is taken as the number of its levels; {quoted}"
                return levels[0], said if other else ""
            if not named:
                raise _wrong_number(given, self.name, levels)
            placed = []
        found = placed + named if self.taken_as == "place" else named + placed
        if not found:
            raise _no_level(levels, given, self.name)
        said = ""
        if named and placed and named[0] != placed[0]:
            said = (
                f"{given} is taken as the place of its reference, level {placed[0]}; {quoted}"
                if self.taken_as == "place"
                else f"{given} is taken as the level of that name, not as the place of {placed[0]}"
            )
        return found[0], said

    def contrasts(self, levels: Sequence[Any]) -> Any:
        """Formulaic's contrasts."""
        from formulaic.transforms import contrasts

        if self.n_levels not in (None, len(levels)):
            raise _wrong_number(self.n_levels, self.name, levels)
        if self.kind in ("treatment", "last"):
            return contrasts.TreatmentContrasts(base=self.base(levels))
        return {
            "sum": contrasts.SumContrasts,
            "helmert": contrasts.HelmertContrasts,
            "poly": contrasts.PolyContrasts,
            "diff": contrasts.DiffContrasts,
        }[self.kind]()

    def meaning(self, levels: Sequence[Any]) -> str:
        """What the coefficients are, in words; empty where a level is the reference."""
        said = _MEANING.get(self.kind, "")
        return said.format(last=levels[-1], levels=names_in(SCREEN, [*map(str, levels)]))

    @property
    def tag(self) -> str:
        """How formulaic marks the coefficients of these contrasts."""
        return _TAGS.get(self.kind, "[T.")


def _wrong_number(given: Any, name: str, levels: Sequence[Any]) -> InputError:
    return InputError(
        f"contrasts of {given} levels do not fit column {name!r}, which has {len(levels)}; leave "
        "out the number"
    )


def _named(levels: Sequence[Any], given: Any) -> list[Any]:
    """The level that is what was written, or reads so."""
    if given in levels:
        return [levels[list(levels).index(given)]]
    alike = [level for level in levels if str(level) == str(given)]
    return alike if len(alike) == 1 else []


def _placed(levels: Sequence[Any], given: Any, first: int) -> list[Any]:
    """The level at the place that was written, where that of the first one is `first`."""
    whole = isinstance(given, int) and not isinstance(given, bool)
    return [levels[given - first]] if whole and 0 <= given - first < len(levels) else []


def _no_level(levels: Sequence[Any], given: Any, name: str) -> InputError:
    known = ", ".join(repr(str(level)) for level in levels[:8])
    return InputError(
        f"{given!r} is no level of column {name!r}; its levels are {known}"
        + (", ..." if len(levels) > 8 else "")
    )


def _is_number(given: Any) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def category(node: Call, uses: Uses) -> Category:
    """Read a call that makes categories of a column.

    Raises
    ------
    ValueError
        At anything that is not allowed.
    """
    call, arguments = shown(node), list(node.arguments)
    if not arguments or arguments[0][0] not in (None, "x"):
        raise not_allowed(call, "a column comes first, as in C(x)")
    (_, inner), rest = arguments[0], arguments[1:]
    levels, kind = None, "treatment"
    while isinstance(inner, Call) and inner.function in CATEGORIES[:4] and inner.arguments:
        nested, kind = inner, "poly" if inner.function == "ordered" else kind
        (_, inner), more = nested.arguments[0], nested.arguments[1:]
        levels = _levels(shown(nested), more) or levels
    if not isinstance(inner, Name):
        raise not_allowed(
            call, "categories are of a column: name it alone, or compute one in the data beforehand"
        )
    found = {
        "C": _of_c,
        "factor": _of_factor,
        "as.factor": _of_factor,
        "ordered": _of_factor,
        "relevel": _of_relevel,
    }[node.function](call, rest)
    if node.function == "ordered":
        kind = "poly"
    return Category(
        column=uses.add(inner.text, "factor"),
        name=inner.text,
        function=node.function,
        **{"levels": levels, "kind": kind, **found},
    )


def _levels(call: str, arguments: Arguments) -> tuple[Any, ...] | None:
    options = read(call, bound(call, arguments, ("levels",), ("levels",)))
    levels = options.get("levels")
    if levels is None:
        return None
    levels = levels if isinstance(levels, tuple) else (levels,)
    if len(set(levels)) < len(levels):
        raise not_allowed(call, "levels= names a level twice")
    return levels


def _of_factor(call: str, arguments: Arguments) -> dict[str, Any]:
    levels = _levels(call, arguments)
    return {} if levels is None else {"levels": levels}


def _of_relevel(call: str, arguments: Arguments) -> dict[str, Any]:
    options = read(call, bound(call, arguments, _REFERENCE, ("ref",)))
    if len(options) != 1:
        raise not_allowed(call, "it names one level, as in relevel(x, ref='b')")
    return {"reference": next(iter(options.values())), "taken_as": "place"}


def _of_c(call: str, arguments: Arguments) -> dict[str, Any]:
    names = ("contrasts", "contr", "levels", *_REFERENCE)
    options = bound(call, arguments, names, ("contrasts",))
    found: dict[str, Any] = {}
    coding = options.pop("contrasts", options.pop("contr", None))
    if "levels" in options:
        found = _of_factor(call, [("levels", options.pop("levels"))])
    if coding is not None:
        found |= _contrasts(call, coding)
    chosen = read(call, options)
    if chosen:
        treatment = found.get("kind", "treatment") == "treatment"
        if len(chosen) > 1 or not treatment or found.get("reference") is not None:
            raise not_allowed(call, "it names one reference level, of contr.treatment")
        found["reference"] = next(iter(chosen.values()))
        if "base" in chosen:  # which R hands on to contr.treatment
            found.setdefault("taken_as", "place")
    return found


def _contrasts(call: str, node: Node) -> dict[str, Any]:
    """What an option says of contrasts, in the words of any of the languages."""
    arguments: Iterable[tuple[str | None, Node]] = ()
    match node:
        case Name(text=spelling) | Text(value=spelling):
            pass
        case Call(function=spelling, arguments=arguments):
            pass
        case _:
            spelling = ""
    kind = _KINDS.get(spelling)
    if kind is None:
        raise InputError(
            f"the option {shorten(shown(node))} of {shorten(call, 40)} is not allowed in a "
            f"formula; contrasts are {KINDS}"
        )
    first = 0 if spelling == _PATSY else 1
    if kind == "treatment":
        arguments = list(arguments)
        of_r = spelling != _PATSY
        numbers = bool(arguments) and _is_number(constant(arguments[0][1]))
        places = ("n", "base") if of_r and numbers and arguments[0][0] is None else ("base",)
        chosen = read(call, bound(call, arguments, ("n", *_REFERENCE), places))
        n = chosen.pop("n", None)
        if len(chosen) > 1:
            raise not_allowed(call, "it names one reference level")
        found = {"kind": kind, "first": first, "taken_as": "place" if of_r else "level"}
        if places[0] == "n" and not chosen:
            return {**found, "reference": n, "taken_as": "number"}
        return {**found, "n_levels": n, "reference": next(iter(chosen.values()), None)}
    options = bound(call, arguments, ("n",), ("n",))
    n = constant(options["n"]) if options else None
    if n is not None and (isinstance(n, bool) or not isinstance(n, int)):
        raise not_allowed(call, f"contrasts are {KINDS}")
    return {"kind": kind, "n_levels": n}
