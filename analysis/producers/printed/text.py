"""Tables as programs and people print them: grids of cells, and what each column is called."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

INTERVAL = "interval"  # both ends in one cell
TERM, LEVEL, IGNORED = "term", "level", ""

_NAMES = {
    "coefficient": "estimate estimates est coef coefs coefficient coefficients b beta β logodds "
    "logor logoddsratio coefestimate params parameterestimate betacoefficient",
    "standard error": "stderror stderrors stderr standarderror standarderrors se error bse "
    "robuststderr robuststandarderror secoef seb seβ sebeta robustse stderrorscoef",
    "z": "z zvalue zvalues statistic statistics t tvalue tvalues waldz zstatistic zscore zstat "
    "tstat tstatistic zratio testatistic",
    "chi-squared": "waldchisquare waldchisquared wald chisquare chisquared waldχ2 waldχ² chisq "
    "chi2 waldchi2 waldchisq χ2 χ² waldstatistic",
    "p": "p pvalue pvalues pr>|z| pr>chisq p>|z| p>|t| sig pr>|t| prob pr>chi2 significance pval "
    "p>z pr>chi probchisq",
    "odds ratio": "oddsratio oddsratios or ors pointestimate expb expβ expcoef expcoefficient "
    "expestimate aor adjustedor adjustedoddsratio crudeor expbeta",
    "low": "conflow lower low cilow lowerci lcl lowerlimit cilower lowercl lowerbound lo lcb "
    "waldlower lowerconfidencelimit lowerconf conflower confidencelow lowercilimit",
    "high": "confhigh upper high cihigh upperci ucl upperlimit ciupper uppercl upperbound hi ucb "
    "waldupper upperconfidencelimit upperconf confupper confidencehigh uppercilimit",
    INTERVAL: "ci confidenceinterval confidenceintervals confinterval waldconfidencelimits "
    "confidencelimits cis waldci profileci confint confidenceint waldconfidenceinterval "
    "profilelikelihoodconfidencelimits profileconfidencelimits",
    TERM: "term terms variable variables parameter parameters effect effects name names predictor "
    "predictors covariate covariates characteristic index unnamed0 rownames",
}
_OF_A_COLUMN = {name: what for what, names in _NAMES.items() for name in names.split()}
_OF_A_FIT = {
    name: what
    for what, names in {
        "log-likelihood": "loglikelihood loglik llf logl modelloglikelihood lnl",
        "null log-likelihood": "llnull nullloglikelihood ll0 nullloglik nullll",
        "-2 log-likelihood": "2logl 2loglikelihood 2ll 2lnl 2loglik minus2logl minus2ll",
        "deviance": "deviance residualdeviance residdeviance modeldeviance",
        "null deviance": "nulldeviance",
        "AIC": "aic akaikeinfcrit akaikeinformationcriterion akaike",
        "BIC": "bic sc sbc schwarzcriterion bayesianinformationcriterion schwarz",
        "n": "n nobs noobservations numberofobs numberofobservations observations numobs nobserv "
        "numberofobservationsused nobservations obs noofobservations",
        "LR chi-squared": "lrchi2 lrchisquared lrchisquare llr modelchi2 lrstatistic "
        "likelihoodratiochisquare likelihoodratiochi2 likelihoodratiochisquared lr lrχ2 lrχ²",
        "LR p": "prob>chi2 llrpvalue lrp lrpvalue pvaluelr llrp",
        "McFadden R2": "pseudor2 pseudorsqu pseudorsquared pseudorsq mcfadden mcfaddenr2 "
        "mcfaddensr2 r2mcfadden mcfaddenspseudor2 mcfaddenpseudor2 pseudor² mcfaddenr² prsquared",
    }.items()
    for name in names.split()
}
_RATIO = ("or", "oddsratio", "aor", "expb", "exp")
_PERCENT = re.compile(r"(\d+(?:[.,]\d+)?)\s*%")
_QUANTILES = ("0.025", "0.975", "0.05", "0.95", "0.005", "0.995", "0.1", "0.9")
_QUANTILE = re.compile(r"^[\[\]( ]*(0?[.,]\d+|\d+(?:[.,]\d+)?\s*%)[\[\]) ]*$")


@dataclass(frozen=True)
class Heading:
    """What a column holds.

    Attributes
    ----------
    what : str
        A quantity, ``interval`` for both ends in a cell, ``term``, ``level`` or "" for anything
        else.
    prob : float or None
        Confidence of an interval, where the heading says it.
    second : str
        What stands in brackets behind the number: "OR (95% CI)".
    text : str
    """

    what: str
    prob: float | None = None
    second: str = ""
    text: str = ""

    @property
    def is_number(self) -> bool:
        """Whether its cells hold numbers that are wanted."""
        return self.what not in (TERM, LEVEL, IGNORED)


@dataclass(frozen=True, eq=False)
class Grid:
    """A table: headings, and rows of as many cells, with the place of each in the source."""

    headings: tuple[Heading, ...]
    rows: list[tuple[str, list[str]]] = field(default_factory=list)
    of_ratios: bool = False  # its title says so


def normalised(text: str) -> str:
    """A heading without case, spaces and marks."""
    text = re.sub(r"<br\s*/?>|\*\*|`", " ", text)
    return re.sub(r"[^a-z0-9%|>χ²β]+", "", text.lower())


def heading(text: str) -> Heading:
    """What a heading says.

    Examples
    --------
    >>> from flatprior.analysis.producers.printed.text import heading
    >>> heading("Std. err.").what, heading("Pr(>|z|)").what, heading("97.5 %")
    ('standard error', 'p', Heading(what='high', prob=0.95, second='', text='97.5 %'))
    >>> found = heading("OR (95% CI)")
    >>> found.what, found.second, found.prob
    ('odds ratio', 'interval', 0.95)
    """
    text = text.strip()
    quantile = _QUANTILE.match(text)
    if quantile is not None:
        share = float(quantile[1].rstrip("% ").replace(",", "."))
        share = share / 100 if "%" in quantile[1] else share
        if 0 < share < 1 and share != 0.5:
            return Heading(
                "low" if share < 0.5 else "high", round(abs(2 * share - 1), 10), text=text
            )
    percent = _PERCENT.search(text)
    prob = float(percent[1].replace(",", ".")) / 100 if percent else None
    prob = prob if prob is not None and 0.5 <= prob < 1 else None
    key = normalised(text)
    for candidate in (key, normalised(_PERCENT.sub(" ", text)), re.sub(r"\d+(?=ci)", "", key)):
        if candidate in _OF_A_COLUMN:
            return Heading(_OF_A_COLUMN[candidate], prob, text=text)
    both = re.fullmatch(r"(.+?)\s*[(\[](.+)[)\]]", text) or re.fullmatch(r"(.+?),\s*(.+)", text)
    if both is not None:
        first, second = heading(both[1]), heading(both[2])
        if first.what in ("coefficient", "odds ratio") and second.what in (
            INTERVAL,
            "standard error",
        ):
            return Heading(first.what, second.prob, second.what, text)
    bare = normalised(_PERCENT.sub(" ", text))
    for ratio in _RATIO:
        for rest in (bare.removeprefix(ratio), bare.removesuffix(ratio)):
            if rest != bare and _OF_A_COLUMN.get(rest) in ("low", "high", INTERVAL):
                return Heading(f"odds ratio {_OF_A_COLUMN[rest]}", prob, text=text)
            if rest != bare and _OF_A_COLUMN.get(rest) == "standard error":
                return Heading("odds ratio SE", text=text)
    return Heading(IGNORED, text=text)


def of_a_fit(key: str) -> str | None:
    """Which number of the whole fit goes by this name."""
    key = key.strip().strip(":=").strip()
    found = _OF_A_FIT.get(normalised(key)) or _OF_A_FIT.get(
        normalised(re.sub(r"\([^)]*\)", "", key))
    )
    if found == "log-likelihood" and re.match(r"\s*[-\u2212\u2013]\s*2", key):
        return "-2 log-likelihood"
    return found


def is_heading(cells: Sequence[str]) -> bool:
    """Whether a row of cells names columns of coefficients or of odds ratios."""
    found = [heading(cell) for cell in cells]
    wanted = any(each.what in ("coefficient", "odds ratio") for each in found)
    # a term may be called b, and a number be that of a quantile
    named = any(each.what and not _QUANTILE.match(each.text) for each in found[1:])
    return wanted and named and not any(_numeric(cell) for cell in cells[1:])


def _numeric(cell: str) -> bool:
    text = cell.strip()
    if _QUANTILE.match(text) and (text.strip("0123456789., ") or text in _QUANTILES):
        return False
    text = text.strip("[]()*% ")
    return bool(re.fullmatch(r"[<>]?\s*[-+\u2212]?[\d.,]+(e[-+]?\d+)?", text))


def grids_of_cells(
    rows: Sequence[tuple[str, list[str]]],
) -> tuple[list[Grid], list[tuple[str, list[str]]]]:
    """Tables in a sheet of cells, and the rows that are of none."""
    grids: list[Grid] = []
    loose: list[tuple[str, list[str]]] = []
    title = ""
    here: Grid | None = None
    for place, cells in rows:
        filled = [cell for cell in cells if cell.strip()]
        if not filled:
            here = here if here is not None and not here.rows else None
        elif is_heading(cells):
            here = Grid(
                _with_levels(tuple(heading(cell) for cell in cells)),
                of_ratios="odds ratio" in title.lower(),
            )
            grids.append(here)
        elif here is not None and not (len(filled) == 2 and of_a_fit(filled[0])):
            here.rows.append((place, cells))
        else:
            title = filled[0] if len(filled) == 1 else title
            loose.append((place, cells))
    return [_spread(grid) for grid in grids], loose


def _with_levels(headings: tuple[Heading, ...]) -> tuple[Heading, ...]:
    """The first column as that of terms where none says so, an unnamed one beside it as levels."""
    found = list(headings)
    if not any(each.what == TERM for each in found):
        found[0] = Heading(TERM, text=found[0].text)
    at = next(i for i, each in enumerate(found) if each.what == TERM)
    for i in range(at + 1, len(found)):
        if found[i].text or found[i - 1].what == INTERVAL:
            break
        found[i] = Heading(LEVEL)
    return tuple(found)


def _spread(grid: Grid) -> Grid:
    """Where a heading of an interval stands over two columns, its two ends."""
    found = list(grid.headings)
    for i, each in enumerate(found[:-1]):
        kind, after = each.what, found[i + 1]
        if kind.endswith(INTERVAL) and after.what == IGNORED and not after.text:
            prefix = kind.removesuffix(INTERVAL)
            found[i] = Heading(f"{prefix}low", each.prob, text=each.text)
            found[i + 1] = Heading(f"{prefix}high", each.prob, text=each.text)
    return Grid(tuple(found), grid.rows, grid.of_ratios)


def cells_of_csv(text: str, delimiter: str) -> list[tuple[str, list[str]]]:
    """Rows of a file of separated values; the first below the headings is row 1."""
    found, started, number = [], False, 0
    for cells in csv.reader(io.StringIO(text), delimiter=delimiter, skipinitialspace=True):
        number += started
        stripped = [cell.strip() for cell in cells]
        started = started or is_heading(stripped)
        found.append((f"row {number}" if number else "the head", stripped))
    return found


def cells_of_markdown(text: str) -> list[tuple[str, list[str]]]:
    """Rows of pipe tables, each line beside them as a row of one cell."""
    found, started, number = [], False, 0
    for line in text.splitlines():
        bare = line.strip()
        if not bare.startswith("|"):
            found.append(("the text", [bare]))
            continue
        cells = [
            re.sub(r"\*\*|`|\\(?=[|*_])", "", cell).strip()
            for cell in re.split(r"(?<!\\)\|", bare.strip("|"))
        ]
        if all(re.fullmatch(r":?-{2,}:?", cell) for cell in cells):
            continue
        number += started
        started = started or is_heading(cells)
        found.append((f"row {number}" if number else "the head", cells))
    return found


# headings in a line of text, which spaces do not separate
_IN_A_LINE = re.compile(
    r"odds\s+ratio|point\s+estimate|coefficients?|coef\.?|estimate|"
    r"robust\s+std\.?\s+err\.?|std\.?\s+err(?:or)?\.?|standard\s+error|std\.?err\.?|\berror\b|"
    r"wald\s+chi-?square|chi-?square|z\s+value|t\s+value|\bwald\b|"
    r"pr\s*\(>\s*\|[zt]\|\)|pr\s*>\s*\|?[a-z]+\|?|p\s*>\s*\|[zt]\||\bp-?value\b|"
    r"\[?\s*\d+\s*%\s+conf\.?\s+interval\s*\]?|\d+\s*%\s+wald\s+confidence\s+limits|"
    r"confidence\s+limits|\[?0\.\d+\]?|\d+\.?\d*\s?%|\bdf\b|\bz\b|\bt\b|\bp\b|exp\(\w+\)",
    re.IGNORECASE,
)
_MARKS = re.compile(r"^(\*{1,3}|\.|\u2020)$")
_RULE = re.compile(r"^[\s=+|*-]*$")


def grids_of_text(text: str) -> tuple[list[Grid], list[str]]:
    """Tables in columns of spaces, as terminals show them, and the lines that are of none."""
    grids: list[Grid] = []
    loose: list[str] = []
    here: Grid | None = None
    title, group, number = "", "", 0
    for line in text.splitlines():
        bare = line.replace("|", " | ")
        if _RULE.match(line):
            if here is not None and here.rows and "|" not in line and "+" not in line:
                here = None
            continue
        columns = _columns_of(line)
        if columns:
            here, group, number = Grid(columns, of_ratios="odds ratio" in title.lower()), "", 0
            grids.append(here)
            continue
        row = None if here is None else _row_of(bare, here.headings)
        if here is not None and row is not None:
            number += 1
            name = f"{group}_{row[0]}" if group and line.startswith(" ") else row[0]
            here.rows.append((f"row {number}", [name, *row[1:]]))
        elif here is not None and re.fullmatch(r"\s*[\w.#]+\s*\|\s*", line):
            group = line.replace("|", "").strip()  # Stata puts levels below the name of a factor
        else:
            title = line if line.strip() else title
            loose.append(line)
    return grids, loose


def _columns_of(line: str) -> tuple[Heading, ...] | None:
    """The columns that a line of headings names; None for any other line."""
    found: list[Heading] = []
    if not re.search(r"coef|estimate|odds\s+ratio", line, re.IGNORECASE) or re.search(
        r"[:=]", line
    ):
        return None
    for match in _IN_A_LINE.finditer(line):
        each = heading(match[0])
        if each.what.endswith(INTERVAL):
            found += [Heading("low", each.prob, text=each.text), Heading("high", each.prob)]
        else:
            found.append(each)
    numbers = [each for each in found if each.is_number]
    wanted = any(each.what in ("coefficient", "odds ratio") for each in numbers)
    if len(numbers) < 2 or not wanted:
        return None
    return (Heading(TERM), *found)


def _row_of(line: str, headings: Sequence[Heading]) -> list[str] | None:
    """A line as a term and its numbers; None where it has not as many."""
    wanted = len(headings) - 1
    bare = re.sub(r"(?<=[<>])\s+(?=[\d.])", "", line.replace("|", " "))
    tokens = bare.split()
    if not tokens:
        return None
    while len(tokens) > wanted + 1 and _MARKS.match(tokens[-1]):
        tokens.pop()
    if len(tokens) < wanted + 1:
        return None
    numbers = tokens[len(tokens) - wanted :]
    if not all(_like_a_number(token) for token in numbers):
        return None
    if any(_numeric(token) for token in tokens[: len(tokens) - wanted][1:]):
        return None  # more numbers than headings
    return [" ".join(tokens[: len(tokens) - wanted]), *numbers]


def _like_a_number(token: str) -> bool:
    return bool(
        re.fullmatch(
            r"[<>]?[-+\u2212]?(\d[\d.,]*|[.,]\d+)(e[-+]?\d+)?\*{0,3}|NA|NaN|\.|[-+]?Inf|"
            r"\((base|omitted|empty)\)",
            token,
            re.IGNORECASE,
        )
    )


def facts_in(line: str) -> list[tuple[str, str]]:
    """Numbers of the whole fit in a line of text: names, and what is written.

    Examples
    --------
    >>> from flatprior.analysis.producers.printed.text import facts_in
    >>> facts_in("Logistic regression      Number of obs = 189   LR chi2(8) = 33.22")
    [('n', '189'), ('LR chi-squared', '33.22')]
    """
    found = []
    for match in re.finditer(
        r"([^:=\u2003]+?)\s*[:=]\s*([<>]?\s*[-+\u2212\u2013]?[\d.,]*\d(?:[eE][-+]?\d+)?)", line
    ):
        key = re.split(r"\s{2,}|[,;|]\s", match[1].strip().strip("*|`"))[-1]
        what = of_a_fit(re.sub(r"^[\d.,]+\s+", "", key).strip("* ")) or of_a_fit(key)
        if what is not None:
            found.append((what, match[2].strip().rstrip(",")))
    return found
