"""Function calls and arithmetic of a formula: the only text that formulaic evaluates, written anew.

Nothing of the user's reaches it but what is allowed here, token by token.
"""

from __future__ import annotations

import ast
import re
import unicodedata
from typing import Literal

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import shorten
from flatprior.models.encoding.formulas.uses import Uses

# the functions of the language: options by name, and how many may stand without one
OPTIONS: dict[str, tuple[str, ...]] = {
    "C": ("contrasts", "levels"),
    "I": (),
    "log": (),
    "exp": (),
    "sqrt": (),
    "center": (),
    "scale": ("center", "scale", "ddof"),
    "poly": ("degree", "raw"),
    "bs": ("df", "knots", "degree", "include_intercept", "lower_bound", "upper_bound"),
}
UNNAMED = {"C": 1, "poly": 1, "bs": 1}
# what keeps a formula from being a way to exhaust the machine
LARGEST_POWER = 10
LARGEST_OPTION = 100
DEEPEST_NESTING = 40
_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.BitOr)


def call(source: str, uses: Uses) -> str:
    """Check one function call of the formula and write it anew; it is never run here."""
    quoted: dict[str, str] = {}

    def placeholder(match: re.Match[str]) -> str:
        key = f"_quoted_{len(quoted)}_"
        quoted[key] = match.group(1)
        return key

    text = re.sub(r"`([^`]*)`", placeholder, source.strip())
    if unicodedata.normalize("NFKC", text) != text or "_quoted_" in re.sub(r"`[^`]*`", "", source):
        raise InputError(f"{shorten(source)} is not allowed in a formula; put the names in `...`")
    try:
        tree = ast.parse(text, mode="eval").body
        if not isinstance(tree, ast.Call):
            raise _refusal(tree)
        return ast.unparse(_checked(tree, uses, quoted))
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise InputError(f"{shorten(source)} in the formula cannot be read") from error


def _checked(
    node: ast.expr,
    uses: Uses,
    quoted: dict[str, str],
    kind: Literal["factor", "number"] = "number",
    depth: int = 0,
) -> ast.expr:
    """Return an allowed expression in generated names; raise `ValueError` at anything else."""
    if depth > DEEPEST_NESTING:
        raise InputError("the formula is nested too deeply")

    def below(part: ast.expr, kind: Literal["factor", "number"] = "number") -> ast.expr:
        return _checked(part, uses, quoted, kind, depth + 1)

    match node:
        case ast.Name(id=name):
            return ast.Name(id=uses.add(quoted.get(name, name), kind))
        case ast.Constant(value=int() | float() as value) if (
            not isinstance(value, bool) and abs(value) < 1e300
        ):
            return node
        case ast.UnaryOp(op=ast.UAdd() | ast.USub() as sign, operand=operand):
            return ast.UnaryOp(op=sign, operand=below(operand))
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=int() | float() as power)):
            if abs(power) > LARGEST_POWER:
                raise InputError(f"the power {power!r} is larger than {LARGEST_POWER}")
            return ast.BinOp(left=below(left), op=ast.Pow(), right=ast.Constant(value=power))
        case ast.BinOp(left=left, op=op, right=right) if isinstance(op, _ARITHMETIC):
            return ast.BinOp(left=below(left), op=op, right=below(right))
        case ast.Call(func=ast.Name(id=name), args=[first, *rest], keywords=keywords) if (
            name in OPTIONS
            and len(rest) <= UNNAMED.get(name, 0)
            and all(keyword.arg in OPTIONS[name] for keyword in keywords)
            and not (name == "C" and not isinstance(first, ast.Name))
        ):
            for option in (*rest, *(keyword.value for keyword in keywords)):
                _check_option(option, name)
            return ast.Call(
                func=ast.Name(id=name),
                args=[below(first, "factor" if name == "C" else "number"), *rest],
                keywords=keywords,
            )
        case _:
            raise _refusal(node)


def _refusal(node: ast.expr) -> ValueError:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "offset":
        return InputError(
            f"{shorten(ast.unparse(node))} is not allowed in a formula; name its column beside the "
            "formula, as the offset"
        )
    return InputError(
        f"{shorten(ast.unparse(node))} is not allowed in a formula; allowed are column names, "
        f"numbers, + - : * / ^ ** ~, parentheses and {', '.join(OPTIONS)}"
    )


def _check_option(node: ast.expr, function: str, depth: int = 0) -> None:
    """Allow an option of a function: a constant, a list of constants, or a treatment contrast."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="contr"), attr="treatment"),
            args=args,
            keywords=keywords,
        ) if (
            function == "C"
            and len(args) + len(keywords) == 1
            and all(keyword.arg == "base" for keyword in keywords)
        ):
            _check_option((*args, *(keyword.value for keyword in keywords))[0], "", depth + 1)
        case ast.Constant(value=str() | None):
            pass
        case ast.Constant(value=int() | float() as value) if (
            function in ("C", "") or isinstance(value, float) or abs(value) <= LARGEST_OPTION
        ):
            pass
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float())):
            pass
        case ast.List(elts=elements) if depth == 0 and len(elements) <= LARGEST_OPTION:
            for element in elements:
                _check_option(element, "", depth + 1)
        case _:
            raise InputError(
                f"the option {shorten(ast.unparse(node))} of {function}() is not allowed in a "
                f"formula; use text, lists, or numbers up to {LARGEST_OPTION}"
            )
