"""From a formula and a data frame to a design matrix, and the same way again for new rows.

formulaic does the encoding. It would evaluate any Python inside a formula, so no text of the user's
ever reaches it: every token is held against an allow-list (column names, numbers, the operators of
Wilkinson notation, the functions in `OPTIONS`), and what formulaic gets is a formula written anew
from the checked parts, in which the columns have generated names.
"""

from __future__ import annotations

import ast
import re
import secrets
import unicodedata
import warnings
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from flatprior.models.common.arrays import Array
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import rows_phrase, shorten
from flatprior.models.encoding.arrays import Encoded, positive_weights
from flatprior.models.encoding.checks import (
    check_finite,
    check_names,
    column,
    encode_response,
    numbers,
    predictor,
)

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
OPERATORS = frozenset(["+", "-", ":", "*", "/", "^", "**", "|"])

# what keeps a formula from being a way to exhaust the machine
LARGEST_POWER = 10
LARGEST_OPTION = 100
LONGEST_FORMULA = 10_000
DEEPEST_NESTING = 40
PARSES = 5  # of one formula, where threads get into one another's way
MOST_TERMS = 4096
LARGEST_DESIGN = 2**30  # numbers in the design matrix

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.BitOr)
# text in which quotes, backticks and escapes cannot be taken for one another
_PLAIN = re.compile(r"""(?:[^`'"\\#\r\n]|`[^`\\\r\n]+`|'[^`'"\\\r\n]*'|"[^`'"\\\r\n]*")*""")


@dataclass
class Uses:
    """The columns that a formula uses, collected while it is read.

    Attributes
    ----------
    columns : list of str
        In the order of their first use; a column's place is the number in its generated name.
    generated : dict
        Generated name to column: ``_factor_3_<token>_`` inside ``C()``, ``_number_3_<token>_``
        inside another function, ``_plain_3_<token>_`` where it stands alone.
    token : str
        Random, so that no level of the user's data can be taken for a generated name.
    """

    columns: list[str] = field(default_factory=list)
    generated: dict[str, str] = field(default_factory=dict)
    token: str = field(default_factory=lambda: secrets.token_hex(8))

    def add(self, name: str, kind: Literal["plain", "factor", "number"] = "plain") -> str:
        """Note the use of a column; return its generated name."""
        if name not in self.columns:
            self.columns.append(name)
        key = f"_{kind}_{self.columns.index(name)}_{self.token}_"
        self.generated[key] = name
        return key


@dataclass(frozen=True, eq=False)
class Parsed:
    """A checked formula.

    Attributes
    ----------
    response : str
    columns : tuple of str
        Every column of the right-hand side, once.
    generated : dict
        Generated name to column.
    rewritten : str
        The right-hand side, in generated names: all that formulaic sees.
    """

    response: str
    columns: tuple[str, ...]
    generated: dict[str, str]
    rewritten: str

    @property
    def factors(self) -> frozenset[str]:
        """Columns that stand in ``C(...)``: categories whatever they hold."""
        return self._used_as("_factor_")

    @property
    def plain(self) -> frozenset[str]:
        """Columns that stand alone: numbers, or categories where they hold text."""
        return self._used_as("_plain_")

    def _used_as(self, prefix: str) -> frozenset[str]:
        return frozenset(name for key, name in self.generated.items() if key.startswith(prefix))

    def original(self, name: str) -> str:
        """Put the columns' own names back into a name that formulaic has made."""
        for key, column_name in self.generated.items():
            name = name.replace(key, column_name)
        return name

    def table(
        self, frame: pd.DataFrame, levels: dict[str, tuple[Any, ...]] | None = None
    ) -> pd.DataFrame:
        """Return the columns under their generated names, as numbers or categories."""
        known = levels or {}
        series = {
            key: predictor(
                column(frame, name),
                categorical=key.startswith("_factor_") or key in known,
                levels=known.get(key),
                numbers_because=(
                    "the formula computes with it; use it alone, or as C(...)"
                    if key.startswith("_number_")
                    else "the model was built with numbers; convert it"
                    if levels is not None and key not in known
                    else None
                ),
            )
            for key, name in self.generated.items()
        }
        return pd.DataFrame(series, index=frame.index)


@dataclass(frozen=True, eq=False, kw_only=True)
class Encoding:
    """How a formula was turned into columns.

    Attributes
    ----------
    parsed : Parsed
    names : tuple of str
        Names of the design columns.
    reference_levels : dict
        Categorical predictor to its reference level.
    spec : formulaic.ModelSpec
        formulaic's record of levels, knots, centres and scales.
    levels : dict
        Generated name of a categorical variable to the levels seen.
    """

    parsed: Parsed
    names: tuple[str, ...]
    reference_levels: dict[str, str]
    spec: Any
    levels: dict[str, tuple[Any, ...]]

    def design_matrix(self, frame: pd.DataFrame) -> Array:
        """Encode the rows of `frame` with the levels, knots, centres and scales of the model."""
        for name in self.parsed.columns:
            missing = column(frame, name).isna().to_numpy()
            if missing.any():
                raise InputError(
                    f"column {name!r} is missing in {rows_phrase(frame.index[missing])}; impute "
                    f"it, or leave such rows out: data.dropna(subset={list(self.parsed.columns)!r})"
                )
        return _matrix(self.spec, self.parsed.table(frame, self.levels), self.parsed, False)[0]


def encode(
    formula: str,
    frame: pd.DataFrame,
    offset: pd.Series[Any] | None,
    weights: pd.Series[Any] | None,
    missing: Literal["drop", "raise"],
) -> tuple[Encoded, Encoding]:
    """Apply `formula` to `frame`, and say how it was turned into columns.

    A row is incomplete if any value that the model uses is missing, offset and weight included.
    Rows of weight 0 go before levels, centres and knots are taken from the data.
    """
    parsed = parse(formula, frame)
    used = [frame[name] for name in (parsed.response, *parsed.columns)]
    used += [series for series in (offset, weights) if series is not None]
    keep = np.logical_and.reduce([series.notna().to_numpy() for series in used])
    n_dropped = int(np.count_nonzero(~keep))
    if n_dropped and missing == "raise":
        name = next(series.name for series in used if series.isna().any())
        raise InputError(
            f"values are missing in {rows_phrase(frame.index[~keep])} "
            f'(column {str(name)!r} first); complete them, or pass missing="drop"'
        )
    n_zero, weight_values = 0, None
    if weights is not None:
        weight_values, keep, n_zero = positive_weights(weights, keep)
    if not keep.any():
        raise InputError(
            f"no rows are left of {len(frame)}: {n_dropped} have a missing value"
            + (f", {n_zero} have weight 0" if n_zero else "")
        )
    kept = frame[keep]
    offset_values = None if offset is None else numbers(offset[keep])
    response, coding = encode_response(kept[parsed.response], parsed.response)
    table = parsed.table(kept)
    levels = _levels(parsed, table)
    design, spec = _matrix(_right_hand_side(parsed, formula), table, parsed)
    names = _names(spec, parsed)
    check_names(names)
    encoded = Encoded(
        design=design,
        response=response,
        offset=offset_values,
        weights=weight_values,
        labels=kept.index,
        names=names,
        response_name=parsed.response,
        response_coding=coding,
        n_dropped=n_dropped,
        n_zero_weight=n_zero,
    )
    return encoded, Encoding(
        parsed=parsed,
        names=names,
        reference_levels=_references(spec, parsed),
        spec=spec,
        levels=levels,
    )


def parse(formula: str, frame: pd.DataFrame) -> Parsed:
    """Hold every token of `formula` against the allow-list, and write it anew.

    Raises
    ------
    ValueError
        Saying which token is not allowed, or which column does not exist.
    """
    from formulaic.errors import FormulaicError
    from formulaic.parser.algos.tokenize import tokenize

    if not isinstance(formula, str) or not formula.strip():
        raise InputError("the formula is empty; write for example 'y ~ x1 + x2'")
    if len(formula) > LONGEST_FORMULA:
        raise InputError(f"the formula is longer than {LONGEST_FORMULA} characters")
    if not _PLAIN.fullmatch(formula):
        raise InputError(
            f"the formula {shorten(formula)} cannot be read: pair the quotes and backticks, and "
            "leave out backslashes and '#'"
        )
    try:
        tokens = [(token.token, token.kind.value) for token in tokenize(formula)]
    except FormulaicError as error:
        raise InputError(
            f"the formula {shorten(formula)} cannot be read: {_one_line(error)}"
        ) from error
    tildes = [i for i, (token, kind) in enumerate(tokens) if kind == "operator" and "~" in token]
    if tildes != [1] or not tokens[1][0].startswith("~") or tokens[0][1] != "name":
        raise InputError(
            f"the formula {shorten(formula)} must be one response column, '~', and the "
            "predictors: 'y ~ x1 + x2'"
        )
    response = tokens[0][0]
    column(frame, response)
    # formulaic glues operators together: "~-" in "y ~ -1 + x"
    right = [(sign, "operator") for sign in tokens[1][0][1:]] + tokens[2:]
    if not right:
        raise InputError(f"the formula {shorten(formula)} has no predictors; write 'y ~ 1'")
    uses = Uses()
    rewritten = _rewrite(right, uses)
    for name in uses.columns:
        column(frame, name)
    if response in uses.columns:
        raise InputError(f"the response {response!r} also stands among the predictors")
    return Parsed(response, tuple(uses.columns), uses.generated, rewritten)


def _rewrite(tokens: list[tuple[str, str]], uses: Uses) -> str:
    """Check the tokens right of the tilde; return them in generated names."""
    parts: list[str] = []
    operands = products = 0
    before = "~"
    for token, kind in tokens:
        if before in ("**", "^"):
            operands = max(operands, 1)
            power = int(token) if kind == "value" and token.isdecimal() else 0
            if not 1 <= power <= LARGEST_POWER or operands**power > MOST_TERMS:
                raise InputError(
                    f"the power {token} is not allowed in a formula: it must be a whole number "
                    f"from 1 to {LARGEST_POWER}, of not too many terms"
                )
            parts.append(token)
        elif kind == "value":
            if token not in ("0", "1") or before not in ("~", "+", "-", "("):
                raise InputError(
                    f"{token!r} is not allowed in a formula at that place; name the columns, and "
                    "write I(2 * x) for a multiple"
                )
            parts.append(token)
        elif kind == "name":
            parts.append(uses.add(token))
        elif kind == "python":
            parts.append(_call(token, uses))
        elif kind == "context" or token in OPERATORS or set(token) <= {"+", "-"}:
            products += token in ("*", "/")
            parts.append(f" {token} ")
        else:
            raise InputError(f"the operator {token!r} is not allowed in a formula")
        operands += kind in ("name", "python")
        # a column may be called "^"
        before = "" if kind in ("name", "python") else token if token in ("**", "^") else token[-1]
    if 2**products > MOST_TERMS:
        raise InputError(f"the formula multiplies {products + 1} terms, too many to expand")
    return "".join(parts)


def _call(source: str, uses: Uses) -> str:
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


def _right_hand_side(parsed: Parsed, formula: str) -> Any:
    """Let formulaic parse the rewritten right-hand side."""
    from formulaic import Formula, SimpleFormula
    from formulaic.errors import FormulaicError

    try:
        right = Formula(parsed.rewritten)
    except FormulaicError as error:
        raise InputError(
            f"the formula {shorten(formula)} is not usable: {parsed.original(_one_line(error))}"
        ) from error
    if not isinstance(right, SimpleFormula):
        raise InputError(
            f"the formula {shorten(formula)} has several right-hand parts separated by '|'; "
            "a logistic regression has one"
        )
    if len(right) > MOST_TERMS:
        raise InputError(f"the formula has {len(right)} terms; at most {MOST_TERMS} are used")
    return right


def _matrix(
    what: Any, table: pd.DataFrame, parsed: Parsed, whole: bool = True
) -> tuple[Array, Any]:
    """Let formulaic build the design of `what` (formula or spec) from complete rows.

    They are the `whole` data, or new or part of them.
    """
    from formulaic.errors import DataMismatchWarning

    if not table.shape[1]:  # "y ~ 1": the rows are all that is left to count
        table = pd.DataFrame({"_rows_": np.ones(len(table))}, index=table.index)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DataMismatchWarning)
        # log(-1) and the like are reported below, by column and row, not as a NumPy warning
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            built = _built(what, table)
        # formulaic evaluates checked functions of the user's numbers: whatever goes wrong there is
        # a matter of the input (a knot out of bounds, a degree too high, a level that is none)
        except (Exception, Warning) as error:
            raise InputError(
                f"the formula cannot be applied to the data: {parsed.original(_one_line(error))}"
            ) from error
    spec = built.model_spec
    design = built.to_numpy(dtype=float)
    if design.shape[0] != len(table) or not design.shape[1]:  # a formula without a single column
        raise InputError("the model has no coefficient: add a column or an intercept")
    names = tuple(parsed.original(str(name)) for name in spec.column_names)
    check_finite(design, names, table.index, whole, "no numbers")
    return design, spec


def _built(what: Any, table: pd.DataFrame) -> Any:
    """What formulaic makes of the table, in any number of threads.

    CPython 3.11 counts how deep a syntax tree is for all threads together: where several parse at
    once it may find the count wrong, and raise a SystemError. To parse again is all that is needed.
    """
    for attempt in range(PARSES):
        try:
            return what.get_model_matrix(
                table, context={"sqrt": np.sqrt}, na_action="ignore", output="pandas"
            )
        except SystemError:
            if attempt == PARSES - 1:
                raise
    raise AssertionError


def _levels(parsed: Parsed, table: pd.DataFrame) -> dict[str, tuple[Any, ...]]:
    """Levels of each categorical column; a single one, or far too many, is an error."""
    levels: dict[str, tuple[Any, ...]] = {}
    for key in table.columns:
        if not isinstance(table[key].dtype, pd.CategoricalDtype):
            continue
        known = tuple(table[key].cat.categories)
        name = parsed.generated[key]
        if len(known) == 1:
            raise InputError(f"column {name!r} has one level only, {str(known[0])!r}; leave it out")
        if len(known) * len(table) > LARGEST_DESIGN:
            raise InputError(
                f"column {name!r} has {len(known)} levels in {len(table)} rows, too many for a "
                "design matrix; merge levels, or use the column as a number"
            )
        levels[key] = known
    return levels


def _names(spec: Any, parsed: Parsed) -> tuple[str, ...]:
    """Names of the design columns; ``C(x, ...)`` is written ``C(x)``, its options left out."""
    long_and_short = {
        str(factor): f"C({key})"
        for factor in spec.factor_contrasts
        for key in parsed.generated
        if str(factor).startswith(f"C({key}")
    }
    names = []
    for name in map(str, spec.column_names):
        for long, short in long_and_short.items():
            name = name.replace(long, short)
        names.append(parsed.original(name))
    return tuple(names)


def _references(spec: Any, parsed: Parsed) -> dict[str, str]:
    """Reference level of each categorical predictor whose coding has one, in column order."""
    columns = [str(name) for name in spec.column_names]
    references: dict[str, str] = {}
    found = []
    for factor, state in spec.factor_contrasts.items():
        # formulaic collects factors in a set, whose order changes from process to process
        place = next((j for j, name in enumerate(columns) if f"{factor}[T." in name), None)
        if place is not None:
            found.append((place, str(factor), state))
    for _, source, state in sorted(found, key=lambda each: each[:2]):
        # formulaic leaves `base` unset where nobody chose one, which means the first level
        base = getattr(state.contrasts, "base", None)
        known = list(state.levels)
        name = next(name for key, name in parsed.generated.items() if key in source)
        references.setdefault(name, str(base if base in known else known[0]))
    return references


def _one_line(error: BaseException) -> str:
    """Make one plain line of formulaic's message, which marks places with terminal colours."""
    text = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]|\[1;31m|\[0m", "", str(error).split("\n\n")[0])
    return " ".join(text.split()) or type(error).__name__
