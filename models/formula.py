"""From a formula and a data frame to a design matrix, and the same way again for new rows.

formulaic does the encoding. It would evaluate any Python inside a formula, so every token is held
against an allow-list first: column names, numbers, the operators of Wilkinson notation, and the
functions in `FUNCTIONS`. What is not on the list is an error, never evaluated.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from flatprior.models.inputs import (
    check_finite,
    column,
    describe_dtype,
    encode_response,
    rows_phrase,
)
from flatprior.models.rows import Array

FUNCTIONS = ("C", "I", "log", "exp", "sqrt", "center", "scale", "poly", "bs")
OPERATORS = frozenset(["+", "-", ":", "*", "/", "^", "**", "~", "|"])
LARGEST_POWER = 10  # keeps (a + b)**n and x**n from being a way to exhaust the machine
LONGEST_FORMULA = 10_000
MOST_TERMS = 5_000

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.BitOr)


@dataclass(frozen=True, eq=False)
class Encoding:
    """How a formula was turned into columns.

    Attributes
    ----------
    formula : str
    names : tuple of str
        Names of the design columns.
    response_name : str
    reference_levels : dict
        Categorical predictor to its reference level.
    variables : tuple of str
        Columns of the data that the right-hand side uses.
    spec : formulaic.ModelSpec
        formulaic's record of levels, knots, centres and scales.
    levels : dict
        Categorical predictor to the levels seen.
    """

    formula: str
    names: tuple[str, ...]
    response_name: str
    reference_levels: dict[str, str]
    variables: tuple[str, ...]
    spec: Any
    levels: dict[str, tuple[Any, ...]]

    def design_matrix(self, frame: pd.DataFrame) -> Array:
        """Encode the rows of `frame` with the levels, knots, centres and scales of the model."""
        used = pd.DataFrame({name: column(frame, name) for name in self.variables})
        for name in self.variables:
            missing = used[name].isna().to_numpy()
            if missing.any():
                raise ValueError(
                    f"column {name!r} is missing in {rows_phrase(used.index[missing])}; "
                    "drop or impute these rows"
                )
            if name in self.levels:
                unseen = ~used[name].isin(self.levels[name]).to_numpy()
                if unseen.any():
                    known = ", ".join(str(level) for level in self.levels[name])
                    raise ValueError(
                        f"column {name!r} has the level {str(used[name][unseen].iloc[0])!r} in "
                        f"{rows_phrase(used.index[unseen])}, which the model has not seen; "
                        f"its levels are {known}"
                    )
            elif not _is_number(used[name]):
                raise ValueError(
                    f"column {name!r} holds {describe_dtype(used[name])}, but the model was built "
                    "with numbers"
                )
        if not self.variables:  # "y ~ 1": the rows are all that is left to count
            used = frame
        return _matrix(self.spec, used)[0]


@dataclass(frozen=True, eq=False)
class Encoded:
    """A formula applied to data."""

    design: Array
    response: Array
    labels: pd.Index[Any]
    extras: dict[str, pd.Series[Any]]
    n_dropped: int
    response_coding: str
    encoding: Encoding


def encode(
    formula: str,
    frame: pd.DataFrame,
    extras: dict[str, pd.Series[Any]],
    missing: Literal["drop", "raise"],
) -> Encoded:
    """Apply `formula` to `frame`; a row with a missing value in `extras` is incomplete too."""
    from formulaic import Formula
    from formulaic.errors import FormulaicError

    response_name, variables = check_formula(formula, frame)
    table = pd.DataFrame({name: frame[name] for name in (response_name, *variables)})
    incomplete = table.isna().any(axis=1).to_numpy()
    for series in extras.values():
        incomplete = incomplete | series.isna().to_numpy()
    if incomplete.any() and missing == "raise":
        name = next(
            str(series.name)
            for series in [*(table[c] for c in table.columns), *extras.values()]
            if series.isna().any()
        )
        raise ValueError(
            f"values are missing in {rows_phrase(table.index[incomplete])} "
            f'(column {name!r} first); complete them, or pass missing="drop"'
        )
    table = table[~incomplete]
    if table.empty:
        raise ValueError(f"no rows are left: all {len(frame)} have a missing value")
    response, coding = encode_response(table[response_name], response_name)
    try:
        right = Formula(formula).rhs
        if isinstance(right, tuple):
            raise ValueError(
                f"the formula {formula!r} has {len(right)} right-hand parts separated by '|'; "
                "a logistic regression has one"
            )
        if len(right) > MOST_TERMS:
            raise ValueError(f"the formula has {len(right)} terms; at most {MOST_TERMS} are used")
        predictors = table[list(variables)] if variables else table
        for name in variables:
            if _is_number(table[name]):
                check_finite(table[[name]].to_numpy(dtype=float), (f"{name}",), table.index)
        design, spec = _matrix(right, predictors)
    except FormulaicError as error:
        raise ValueError(f"the formula {formula!r} is not usable: {_one_line(error)}") from error
    names = tuple(spec.column_names)
    levels, references = _categories(spec, names, table, variables)
    return Encoded(
        design,
        response,
        table.index,
        {role: series[~incomplete] for role, series in extras.items()},
        int(np.count_nonzero(incomplete)),
        coding,
        Encoding(formula, names, response_name, references, variables, spec, levels),
    )


def check_formula(formula: str, frame: pd.DataFrame) -> tuple[str, tuple[str, ...]]:
    """Hold every token against the allow-list; return the response and the predictor columns.

    Raises
    ------
    ValueError
        Saying which token is not allowed, or which column does not exist.
    """
    from formulaic.errors import FormulaicError
    from formulaic.parser.algos.tokenize import tokenize

    if not isinstance(formula, str) or not formula.strip():
        raise ValueError("the formula is empty; write for example 'y ~ x1 + x2'")
    if len(formula) > LONGEST_FORMULA:
        raise ValueError(f"the formula is longer than {LONGEST_FORMULA} characters")
    try:
        tokens = [(token.token, token.kind.value) for token in tokenize(formula)]
    except FormulaicError as error:
        raise ValueError(f"the formula {formula!r} cannot be read: {_one_line(error)}") from error
    tildes = [i for i, (token, kind) in enumerate(tokens) if kind == "operator" and "~" in token]
    if len(tildes) != 1 or tildes[0] != 1 or tokens[0][1] != "name":
        raise ValueError(
            f"the formula {formula!r} must be one response column, '~', and the predictors: "
            "'y ~ x1 + x2'"
        )
    response = tokens[0][0]
    if tokens[1][0] != "~":  # formulaic glues operators together: "~-" in "y ~ -1 + x"
        tokens[1:2] = [("~", "operator"), *((sign, "operator") for sign in tokens[1][0][1:])]
    used: list[str] = []
    before = ""
    for token, kind in tokens[2:]:
        if kind == "name":
            used.append(token)
        elif kind == "python":
            used.extend(_names_in(token, formula))
        elif kind == "operator":
            if token not in OPERATORS and not set(token) <= set("+-"):
                raise ValueError(f"the operator {token!r} is not allowed in a formula")
        elif kind == "value":
            _check_number(token, before, formula)
        before = token
    for name in (response, *used):
        column(frame, name)
    predictors = tuple(dict.fromkeys(used))
    if response in predictors:
        raise ValueError(f"the response {response!r} also stands among the predictors")
    return response, predictors


def _check_number(token: str, before: str, formula: str) -> None:
    try:
        value = float(token)
    except ValueError:
        raise ValueError(
            f"{token!r} is not allowed in the formula {formula!r}; name the columns"
        ) from None
    if before in ("**", "^") and not (value.is_integer() and 1 <= value <= LARGEST_POWER):
        raise ValueError(f"the power {token} is not a whole number from 1 to {LARGEST_POWER}")


def _names_in(source: str, formula: str) -> Iterator[str]:
    """Column names used by one function call of the formula, which is checked, never run."""
    quoted: dict[str, str] = {}

    def placeholder(match: re.Match[str]) -> str:
        key = f"_quoted_{len(quoted)}_"
        quoted[key] = match.group(1)
        return key

    try:
        tree = ast.parse(re.sub(r"`([^`]*)`", placeholder, source.strip()), mode="eval")
        yield from (quoted.get(name, name) for name in _walk(tree.body))
    except (SyntaxError, MemoryError, RecursionError) as error:
        raise ValueError(f"{source!r} in the formula {formula!r} cannot be read") from error


def _walk(node: ast.expr) -> Iterator[str]:
    """Yield the names in an allowed expression; raise `ValueError` at anything else."""
    match node:
        case ast.Name(id=name):
            yield name
        case ast.Constant(value=int() | float() as value) if abs(value) < 1e300:
            pass
        case ast.UnaryOp(op=ast.UAdd() | ast.USub(), operand=operand):
            yield from _walk(operand)
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=power)):
            if not isinstance(power, int | float) or abs(power) > LARGEST_POWER:
                raise ValueError(f"the power {power!r} is larger than {LARGEST_POWER}")
            yield from _walk(left)
        case ast.BinOp(left=left, op=op, right=right) if isinstance(
            op, _ARITHMETIC
        ) and not isinstance(op, ast.Pow):
            yield from _walk(left)
            yield from _walk(right)
        case ast.Call(func=ast.Name(id=name), args=[first, *rest], keywords=keywords) if (
            name in FUNCTIONS
        ):
            yield from _walk(first)
            for argument in (*rest, *(keyword.value for keyword in keywords)):
                _check_option(argument, name)
        case _:
            raise ValueError(
                f"{ast.unparse(node)!r} is not allowed in a formula; allowed are column names, "
                f"numbers, + - : * / ^ ** ~ |, parentheses and {', '.join(FUNCTIONS)}"
            )


def _check_option(node: ast.expr, function: str) -> None:
    """Allow an option of a function: a constant, a list of constants, or a treatment contrast."""
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="contr"), attr="treatment"),
            args=args,
            keywords=keywords,
        ) if function == "C":
            for argument in (*args, *(keyword.value for keyword in keywords)):
                _check_option(argument, "contr.treatment")
        case ast.Constant():
            pass
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant()):
            pass
        case ast.List(elts=elements) | ast.Tuple(elts=elements):
            for element in elements:
                _check_option(element, function)
        case _:
            raise ValueError(
                f"the option {ast.unparse(node)!r} of {function}() is not allowed in a formula; "
                "use numbers, text or lists of them"
            )


def _matrix(what: Any, table: pd.DataFrame) -> tuple[Array, Any]:
    """Let formulaic build the design of `what` (formula or spec) from complete rows."""
    from formulaic.errors import DataMismatchWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", DataMismatchWarning)
        # log(-1) and the like are reported below, by column and row, not as a NumPy warning
        warnings.simplefilter("ignore", RuntimeWarning)
        try:
            built = what.get_model_matrix(
                table, context={"sqrt": np.sqrt}, na_action="ignore", output="pandas"
            )
        except DataMismatchWarning as warning:
            raise ValueError(f"a category is not in the model: {_one_line(warning)}") from None
    spec = built.model_spec
    design = built.to_numpy(dtype=float)
    if design.shape[0] != len(table):  # a formula without a single column
        raise ValueError("the model has no coefficient: add a column or an intercept")
    check_finite(design, tuple(spec.column_names), table.index)
    return design, spec


def _categories(
    spec: Any, names: tuple[str, ...], table: pd.DataFrame, variables: tuple[str, ...]
) -> tuple[dict[str, tuple[Any, ...]], dict[str, str]]:
    """Levels of each categorical column, and the reference level where the coding has one."""
    levels: dict[str, tuple[Any, ...]] = {}
    references: dict[str, str] = {}
    for factor, state in spec.factor_contrasts.items():
        source = str(factor)
        inside = [source] if source in variables else list(_names_in(source, spec.formula))
        for name in inside:
            levels[name] = tuple(table[name].unique().tolist())
        if any(f"{source}[T." in name for name in names):
            # formulaic leaves `base` unset where nobody chose one, which means the first level
            base = getattr(state.contrasts, "base", None)
            known = list(state.levels)
            references[inside[0]] = str(base if base in known else known[0])
    for name in variables:
        if name not in levels and not _is_number(table[name]):
            levels[name] = tuple(table[name].unique().tolist())
    return levels, references


def _is_number(series: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(series) and not isinstance(
        series.dtype, pd.CategoricalDtype
    )


def _one_line(error: BaseException) -> str:
    """Make one plain line of formulaic's message, which marks places with terminal colours."""
    text = re.sub(r"\x1b\[[0-9;]*m|[⧛⧚]|\[1;31m|\[0m", "", str(error).split("\n\n")[0])
    return " ".join(text.split())
