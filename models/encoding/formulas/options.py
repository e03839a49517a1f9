"""Constants in a formula: the options of its functions, and the values that columns are held to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import shorten
from flatprior.models.encoding.formulas.spellings import not_allowed
from flatprior.models.encoding.formulas.syntax import Call, Name, Node, Number, Signed, Text, shown

TRUTHS = {"TRUE": True, "True": True, "FALSE": False, "False": False}
_SHORT_TRUTHS = {**TRUTHS, "T": True, "F": False, "true": True, "false": False}
_NOTHING = ("None", "NULL")
LISTS = ("c", "[")
LONGEST_LIST = 100
NO_CONSTANT = object()

Arguments = Iterable[tuple[str | None, Node]]


def constant(node: Node) -> Any:
    """A number, text, truth value or None; `NO_CONSTANT` for anything else.

    Examples
    --------
    >>> from flatprior.models.encoding.formulas.options import constant
    >>> from flatprior.models.encoding.formulas.syntax import tokens, tree
    >>> [constant(tree(tokens(text), text)) for text in ("-1.5", "TRUE", "'b'", "NULL")]
    [-1.5, True, 'b', None]
    """
    match node:
        case Number(value=value) | Text(value=value):
            return value
        case Name(text=text, quoted=False) if text in _SHORT_TRUTHS:
            return _SHORT_TRUTHS[text]
        case Name(text=text, quoted=False) if text in _NOTHING:
            return None
        case Signed(sign="+" | "-" as sign, operand=Number(value=value)):
            return -value if sign == "-" else value
    return NO_CONSTANT


def constants(node: Node) -> tuple[Any, ...]:
    """The numbers, truth values or texts of a list, ``c(...)`` or ``[...]``."""
    assert isinstance(node, Call)  # noqa: S101
    values = [constant(value) for name, value in node.arguments if name is None]
    if len(values) != len(node.arguments) or any(v is NO_CONSTANT or v is None for v in values):
        raise not_allowed(shown(node), "a list in a formula holds numbers or text")
    if len(values) > LONGEST_LIST:
        raise not_allowed(shown(node), f"a list in a formula holds at most {LONGEST_LIST} values")
    return tuple(values)


def bound(
    call: str, arguments: Arguments, names: Iterable[str], places: Iterable[str] = ()
) -> dict[str, Node]:
    """The options of a call by name: those without one take their names from `places`, in order.

    Raises
    ------
    ValueError
        If there are too many, or one is not known or given twice.
    """
    known, in_order, found = tuple(names), list(places), {}
    for name, value in arguments:
        if name is None:
            if not in_order:
                raise not_allowed(
                    call, "its options have names" if known else "it takes no options"
                )
            name = in_order.pop(0)
        elif name not in known:
            raise not_allowed(
                call,
                f"{name}= is no option of it; "
                + (f"those are {', '.join(known)}" if known else "it takes none"),
            )
        if name in found:
            raise not_allowed(call, f"{name}= is given twice")
        found[name] = value
    return found


def read(call: str, options: Mapping[str, Node]) -> dict[str, Any]:
    """The values of options: constants, and tuples of them."""
    found = {}
    for name, node in options.items():
        is_list = isinstance(node, Call) and node.function in LISTS
        value = constants(node) if is_list else constant(node)
        if value is NO_CONSTANT:
            raise InputError(
                f"the option {shorten(f'{name}={shown(node)}')} of {shorten(call, 40)} is not "
                "allowed in a formula; options are numbers, text, TRUE or FALSE, or lists: c(1, 2)"
            )
        found[name] = value
    return found
