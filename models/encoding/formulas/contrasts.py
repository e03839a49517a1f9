"""Categories in a formula: which of their levels is the reference, or which contrasts they have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import shorten
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
    n_levels: int | None = None
    levels: tuple[Any, ...] | None = None

    def order(self, there: Sequence[Any]) -> list[Any]:
        """The levels of the data in the order that was written."""
        if self.levels is None:
            return list(there)
        order = [_level(there, level, None, self.name) for level in self.levels]
        left = [level for level in there if level not in order]
        if left:
            raise InputError(
                f"column {self.name!r} has the level {str(left[0])!r}, which levels= leaves out; "
                "name it, or leave out such rows"
            )
        return order

    def base(self, levels: Sequence[Any]) -> Any:
        """The reference level among those of the data, in their order; None if there is none."""
        if self.kind == "last":
            return levels[-1]
        if self.kind != "treatment":
            return None
        if self.reference is None:
            return levels[0]
        return _level(levels, self.reference, self.first, self.name)

    def contrasts(self, levels: Sequence[Any]) -> Any:
        """Formulaic's contrasts."""
        from formulaic.transforms import contrasts

        if self.n_levels not in (None, len(levels)):
            raise InputError(
                f"contrasts of {self.n_levels} levels do not fit column {self.name!r}, which has "
                f"{len(levels)}; leave out the number"
            )
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
        return said.format(last=levels[-1], levels=", ".join(map(str, levels)))

    @property
    def tag(self) -> str:
        """How formulaic marks the coefficients of these contrasts."""
        return _TAGS.get(self.kind, "[T.")


def _level(levels: Sequence[Any], given: Any, first: int | None, name: str) -> Any:
    """The level that was written: itself, its text, or its place where the first one is `first`."""
    if given in levels:
        return levels[list(levels).index(given)]
    alike = [level for level in levels if str(level) == str(given)]
    if len(alike) == 1:
        return alike[0]
    whole = isinstance(given, int) and not isinstance(given, bool)
    if first is not None and whole and 0 <= given - first < len(levels):
        return levels[given - first]
    known = ", ".join(repr(str(level)) for level in levels[:8])
    raise InputError(
        f"{given!r} is no level of column {name!r}; its levels are {known}"
        + (", ..." if len(levels) > 8 else "")
    )


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
    return {"reference": next(iter(options.values()))}


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
        named = any(name is not None for name, _ in arguments)  # as R's contr.treatment(n, base=)
        options = bound(call, arguments, ("n", *_REFERENCE), ("n",) if named else ("base",))
        chosen = read(call, options)
        n = chosen.pop("n", None)
        if len(chosen) > 1:
            raise not_allowed(call, "it names one reference level")
        return {
            "kind": kind,
            "n_levels": n,
            "first": first,
            "reference": next(iter(chosen.values()), None),
        }
    options = bound(call, arguments, ("n",), ("n",))
    n = constant(options["n"]) if options else None
    if n is not None and (isinstance(n, bool) or not isinstance(n, int)):
        raise not_allowed(call, f"contrasts are {KINDS}")
    return {"kind": kind, "n_levels": n}
