"""Spellings of R, patsy, statsmodels, formulaic, Bambi and brms that are not taken, and what is.

One table a place; every entry is the end of a sentence that says what to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from flatprior.models.common.errors import InputError
from flatprior.models.common.text import printable, shorten

BEFOREHAND = "compute such a column in the data beforehand, and name it"
_RANDOM = (
    "random effects are not fitted here; C(g) gives each group a coefficient of its own, and "
    "robust_covariance(..., cluster=) standard errors for groups"
)
_SMOOTH = (
    "penalised smooth terms are not fitted here; write ns(x, df=4), bs(x, df=5) or cr(x, df=4)"
)
_CATEGORY = "write C(x), and C(x, contr.treatment('b')) for another reference level"
_NUMBER = "a column of numbers is a number as it stands: write x"
_PLACE = "the data are rows and columns: name the column alone, as in 'y ~ x'"

# a sign that cannot be read, or not at that place
SIGNS = {
    "#": "leave out the comment",
    ";": "a formula is one expression; terms are joined by +",
    ",": "terms are joined by +, not by commas",
    "=": "the response stands before '~', as in 'y ~ x'; comparisons are written ==",
    "~": "a formula has one '~', between the response and the predictors",
    "$": _PLACE,
    "@": _PLACE,
    "[": _PLACE,
    "\\": "leave out the backslash",
    '"': "pair the quotes",
    "'": "pair the quotes",
    "`": "pair the backticks",
    ")": "pair the parentheses",
    "]": "pair the brackets",
    "}": "pair the braces",
    "!": "put truth values in I(...), as in I(!(x > 1))",
    "%": "of such operators only %in% is known, as in I(x %in% c(1, 2))",
    ":": "a:b joins two terms; a function stands without its package",
    ">": "comparisons stand in I(...), as in I(x > 1)",
    "<": "comparisons stand in I(...), as in I(x < 1)",
}

# signs that join no terms, with what to write; {} is the expression
TERMS = {
    "%in%": "write b:a for b %in% a, or I(a %in% c('u', 'v')) for a choice of values",
    **dict.fromkeys(("|", "||"), _RANDOM),
    "&": "write I({}) for what is true or not",
    "&&": "write I({}) with a single & for what is true or not",
    **dict.fromkeys(("==", "!=", "<", "<=", ">", ">="), "write I({})"),
}

# what to write for functions, {x} being the first argument, and their names
_INSTEAD = {
    "a name that is no word stands in backticks: `{x}`": "Q",
    "write I({x}^2)": "pow power float_power square",
    "write abs({x})": "absolute fabs",
    "write log({x})": "ln",
    "write scale({x})": "standardize standardise zscore std",
    "center(x) is x less its mean": "mean average",
    "scale(x) is x less its mean, in standard deviations": "sd var",
    _SMOOTH: "s te ti t2 lo loess pspline hsgp gp f",
    "write ns(x, df=3), or ns(x, knots=c(...), Boundary.knots=c(...)) for the same curves": (
        "rcs lsp"
    ),
    "cyclic splines are not taken; write sin and cos of the angle, or ns(x, df=4)": "cc",
    "write poly({x}, 2, raw=TRUE)": "pol",
    "write poly(x, 2)*poly(z, 2)": "polym",
    _CATEGORY: (
        "catg as.ordered scored i B bin binary dummy get_dummies hashed as.character as.logical "
        "as_factor fct as_categorical"
    ),
    _NUMBER: "as.numeric as.integer as.double int float asis",
    f"write I(x > 1) for each bound, or {BEFOREHAND}": "cut qcut findInterval cut2 ntile",
    f"write I(x > 1), which is 1 where it is true, or {BEFOREHAND}": (
        "ifelse if_else where case_when"
    ),
    "write a:b, or a*b with the effects of each": "interaction",
    "conditional likelihoods are not maximised here; write C(g), which gives each stratum a "
    "coefficient of its own": "strata stratum",
    "clusters are of the standard errors: robust_covariance(model, fit, cluster=...)": "cluster id",
    "weights stand beside the formula, as frequency_weights=": "weights weight trials",
    "write C({x}), or poly({x}, 2) for a curve": "mo mi me mm",
    "survival is not modelled here": "tt frailty Surv",
    _RANDOM: "re ranef",
    "an offset stands alone in the sum, as in 'y ~ x + offset(log(z))'": "offset",
    BEFOREHAND: (
        "pmin pmax min max median quantile round floor ceil ceiling trunc sign mod rank cumsum lag "
        "lead shift diff rolling tan tanh sinh cosh asin acos atan arctan plogis qlogis logit "
        "expit sigmoid pnorm qnorm probit boxcox factorial gamma lgamma choose nchar str len paste "
        "paste0 substr grepl is.na isna rowSums rowMeans as.Date month year weekdays replace "
        "coalesce recode sapply apply rnorm runif sample seq rep"
    ),
}
FUNCTIONS = {name: instead for instead, names in _INSTEAD.items() for name in names.split()}
MODULES = (
    "np",
    "numpy",
    "math",
    "pd",
    "pandas",
    "bambi",
    "patsy",
    "splines",
    "stats",
    "rms",
    "mgcv",
)


def not_allowed(what: str, remedy: str) -> InputError:
    """The error for a piece of a formula."""
    joint = "" if remedy[:1] in ";," else " " if remedy[:3] in ("at ", "ins") else "; "
    return InputError(f"{shorten(what)} is not allowed in a formula{joint}{printable(remedy)}")


def no_such_function(
    function: str, call: str, first: str | None, known: Iterable[str], where: str
) -> InputError:
    """The error for a function that is not known, with what to write instead.

    Examples
    --------
    >>> from flatprior.models.encoding.formulas.spellings import no_such_function
    >>> print(no_such_function("np.log", "np.log(x)", "x", ["log"], "terms are columns"))
    'np.log(x)' is not allowed in a formula; write log(x) without the module
    """
    module, _, last = function.partition(".")
    argument = first or "x"
    if module in MODULES and last in known:
        return not_allowed(call, f"write {last}{call[len(function) :]} without the module")
    instead = FUNCTIONS.get(function) or (FUNCTIONS.get(last) if module in MODULES else None)
    if instead is not None:
        return not_allowed(call, instead.format(x=argument))
    folded = {each.casefold(): each for each in known}
    if function.casefold() in folded:
        return not_allowed(call, f"write {folded[function.casefold()]}({argument})")
    return not_allowed(call, where)
