"""Tables of coefficients as programs write them: cells of text, and the layouts of producers."""

import csv
import io
import json
from dataclasses import dataclass, replace

from problems import simulated
from stated_numbers import as_printed, covariance, newton, of_fit, of_terms

from flatprior.analysis.producers.printed.table import read_table

WALD = ("coefficient", "standard error", "z", "p", "low", "high")
RATIOS = ("odds ratio", "standard error", "z", "p", "odds ratio low", "odds ratio high")
DELTA = ("odds ratio", "odds ratio SE", "z", "p", "odds ratio low", "odds ratio high")


@dataclass(frozen=True)
class Printed:
    """Texts of numbers, by term and quantity, and those of the whole fit."""

    names: tuple[str, ...]
    cells: dict[tuple[str, str], str]
    fit: dict[str, str]

    def changed(self, key, text):
        """With another text in one place: a term and quantity, or a quantity of the fit."""
        if isinstance(key, tuple):
            return replace(self, cells={**self.cells, key: text})
        return replace(self, fit={**self.fit, key: text})


def printed(names, terms, fit, digits, significant=False, truncated=False, quantities=None):
    """The numbers as text, each column with so many digits: a number, or one for each quantity."""

    def text(what, value):
        if what == "n":
            return str(int(value))
        places = digits[what] if isinstance(digits, dict) else digits
        return as_printed(value, places, significant and value != 0, truncated)[0]

    cells = {
        (name, what): text(what, value)
        for name, numbers in zip(names, terms, strict=True)
        for what, value in numbers.items()
        if quantities is None or what in quantities
    }
    return Printed(tuple(names), cells, {what: text(what, value) for what, value in fit.items()})


def _separated(rows, delimiter=","):
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _rows(table, columns):
    return [[name, *(table.cells[name, what] for what in columns)] for name in table.names]


def broom(table):
    """R: write.csv(broom::tidy(fit, conf.int = TRUE))."""
    head = ["term", "estimate", "std.error", "statistic", "p.value", "conf.low", "conf.high"]
    return _separated([head, *_rows(table, WALD)]), ".csv"


def broom_exponentiated(table):
    """The same with exponentiate = TRUE, tab-separated."""
    head = ["term", "estimate", "std.error", "statistic", "p.value", "conf.low", "conf.high"]
    return _separated([head, *_rows(table, RATIOS)], "\t"), ".tsv"


def statsmodels_csv(table):
    """summary().as_csv()."""
    lines = [
        "                     Logit Regression Results                    ",
        f"Dep. Variable:  ,y           ,  No. Observations:  ,    {table.fit['n']}   ",
        f"Method:         ,MLE         ,  Pseudo R-squ.:     ,{table.fit['McFadden R2']}   ",
        f"Time:           ,17:07:08    ,  Log-Likelihood:    , {table.fit['log-likelihood']} ",
        f"converged:      ,True        ,  LL-Null:           , {table.fit['null log-likelihood']} ",
        f"Covariance Type:,nonrobust   ,  LLR p-value:       ,{table.fit['LR p']}",
        "     ,   coef   , std err ,    z    ,P>|z| ,  [0.025 ,  0.975] ",
        *(",  ".join(row) for row in _rows(table, WALD)),
    ]
    return "\n".join(lines), ".csv"


def statsmodels_text(table):
    """summary().as_text()."""
    width = max(map(len, table.names)) + 4
    line = "=" * 78
    rows = [
        row[0].ljust(width) + "".join(f"  {cell:>12}" for cell in row[1:])
        for row in _rows(table, WALD)
    ]
    heads = ("coef", "std err", "z", "P>|z|", "[0.025", "0.975]")
    facts = table.fit
    lines = [
        "Logit Regression Results".center(78),
        line,
        f"Dep. Variable:                      y   No. Observations:   {facts['n'].rjust(17)}",
        f"Model:                          Logit   Log-Likelihood:    {facts['log-likelihood']}",
        f"Covariance Type:            nonrobust   LLR p-value:       {facts['LR p']}",
        line,
        " " * width + "".join(f"  {head:>12}" for head in heads),
        "-" * 78,
        *rows,
        line,
    ]
    return "\n".join(lines), ".txt"


def stata(table, columns=WALD, first="Coefficient"):
    """logit y x, and logistic y x."""
    heads = (first, "Std. err.", "z", "P>|z|", "[95% conf. interval]")
    rows = [
        f"{row[0]:>12} | " + "".join(f"  {cell:>12}" for cell in row[1:])
        for row in _rows(table, columns)
    ]
    facts = table.fit
    lines = [
        f"Logistic regression                     Number of obs = {facts['n']:>6}",
        f"                                        LR chi2(3)    = {facts['LR chi-squared']:>6}",
        f"Log likelihood = {facts['log-likelihood']}               Pseudo R2     = "
        f"{facts['McFadden R2']:>6}",
        "",
        "-" * 78,
        f"{'y':>12} |" + "".join(f"  {head:>12}" for head in heads),
        "-" * 13 + "+" + "-" * 64,
        *rows,
        "-" * 78,
    ]
    return "\n".join(lines), ".txt"


def stata_ratios(table):
    """logistic y x."""
    return stata(table, DELTA, "Odds ratio")


def sas(table):
    """The tables of proc logistic, as ODS writes them to CSV."""
    facts = table.fit
    rows = [
        ["Criterion", "Intercept Only", "Intercept and Covariates"],
        ["AIC", "1.5", facts["AIC"]],
        ["SC", "2.5", facts["BIC"]],
        ["-2 Log L", facts["null deviance"], facts["-2 log-likelihood"]],
        [],
        ["Parameter", "DF", "Estimate", "Standard<br>Error", "Wald<br>Chi-Square", "Pr > ChiSq"],
        *(
            [row[0], "1", *row[1:]]
            for row in _rows(table, ("coefficient", "standard error", "chi-squared", "p"))
        ),
        [],
        ["Effect", "Point Estimate", "95% Wald<br>Confidence Limits", ""],
        *_rows(table, ("odds ratio", "odds ratio low", "odds ratio high")),
    ]
    return _separated(rows), ".csv"


def markdown(table):
    """A pipe table of whatever columns there are, and a line of facts."""
    columns = [what for what in _titles if all((name, what) in table.cells for name in table.names)]
    heads = [_titles[what] for what in columns]
    lines = [
        "| | " + " | ".join(heads) + " |",
        "|:---|" + "---:|" * len(columns),
        *("| " + " | ".join(row) + " |" for row in _rows(table, columns)),
        "",
        ", ".join(f"{_facts[what]}: {text}" for what, text in table.fit.items()),
    ]
    return "\n".join(lines), ".md"


_titles = {
    "coefficient": "Coef.",
    "standard error": "SE",
    "z": "z",
    "chi-squared": "Wald",
    "p": "p-value",
    "low": "2.5%",
    "high": "97.5%",
    "odds ratio": "Odds Ratio",
    "odds ratio low": "OR 2.5%",
    "odds ratio high": "OR 97.5%",
}
_titles = {**_titles, "odds ratio low": "OR lower 95%", "odds ratio high": "OR upper 95%"}
_facts = {
    "log-likelihood": "Log-Likelihood",
    "null log-likelihood": "LL-Null",
    "-2 log-likelihood": "-2 Log L",
    "deviance": "Deviance",
    "null deviance": "Null deviance",
    "AIC": "AIC",
    "BIC": "BIC",
    "n": "Observations",
    "LR chi-squared": "LR chi2",
    "LR p": "Prob > chi2",
    "McFadden R2": "Pseudo R2",
}


def paper(table):
    """What a journal prints: odds ratios with their intervals in one cell."""
    cells = table.cells
    rows = [
        f"| {name} | {cells[name, 'odds ratio']} ({cells[name, 'odds ratio low']}, "
        f"{cells[name, 'odds ratio high']}) | {cells[name, 'p']} |"
        for name in table.names
    ]
    lines = ["Table 2", "", "| Characteristic | OR (95% CI) | p-value |", "|---|---|---|", *rows]
    return "\n".join([*lines, "", f"N = {table.fit['n']}"]), ".md"


def records(table):
    """JSON: a record a term, with the numbers of the fit in a row."""
    columns = [what for what in _titles if (table.names[0], what) in table.cells]
    keys = {what: _titles[what].lower().replace(" ", "_") for what in columns}
    terms = ",\n".join(
        "{"
        + ", ".join(
            [
                f'"term": {json.dumps(name)}',
                *(f'"{keys[what]}": {_number(table.cells[name, what])}' for what in columns),
            ]
        )
        + "}"
        for name in table.names
    )
    facts = ", ".join(f'"{_facts[what]}": {_number(text)}' for what, text in table.fit.items())
    return f'{{"terms": [{terms}]{", " if facts else ""}{facts}}}', ".json"


def _number(text):
    """JSON has no limits, and no numbers that begin with a point."""
    return text if text.lstrip("-")[0].isdigit() else json.dumps(text)


def german(table):
    """Semicolons, decimal commas, the interval in one cell, and the sign U+2212."""

    def comma(text):
        return text.replace(".", ",").replace("-", "\u2212")

    rows = [["Variable", "b", "SE", "z", "p", "95% CI"]]
    for name in table.names:
        own = {what: comma(table.cells[name, what]) for what in WALD}
        rows.append([name, *(own[what] for what in WALD[:4]), f"[{own['low']}; {own['high']}]"])
    facts = ("log-likelihood", "AIC", "n")
    rows += [[_facts[what], comma(table.fit[what]), "", "", "", ""] for what in facts]
    return _separated(rows, ";"), ".csv"


# each layout, and which numbers it shows
OF_A_FIT = {
    broom: (),
    broom_exponentiated: (),
    statsmodels_csv: ("n", "McFadden R2", "log-likelihood", "null log-likelihood", "LR p"),
    statsmodels_text: ("n", "log-likelihood", "LR p"),
    stata: ("n", "LR chi-squared", "log-likelihood", "McFadden R2"),
    stata_ratios: ("n", "LR chi-squared", "log-likelihood", "McFadden R2"),
    sas: ("AIC", "BIC", "-2 log-likelihood", "null deviance"),
    markdown: tuple(_facts),
    paper: ("n",),
    records: tuple(_facts),
    german: ("log-likelihood", "AIC", "n"),
}
OF_A_TERM = {
    broom: WALD,
    broom_exponentiated: RATIOS,
    statsmodels_csv: WALD,
    statsmodels_text: WALD,
    stata: WALD,
    stata_ratios: DELTA,
    sas: (
        "coefficient", "standard error", "chi-squared", "p",
        "odds ratio", "odds ratio low", "odds ratio high",
    ),
    markdown: tuple(_titles),
    paper: ("odds ratio", "odds ratio low", "odds ratio high", "p"),
    records: tuple(_titles),
    german: WALD,
}  # fmt: skip

NAMES = ("const", "age", "smoke")


def example(digits=4, significant=False):
    """A fit of these names, as a table has it."""
    X, y = simulated(80, 3, seed=3)
    beta = newton(X, y)[-1]
    terms = of_terms(beta, covariance(X, y, beta))
    return printed(NAMES, terms, of_fit(X, y, beta), digits, significant)


def read_text(folder, text, ending=".csv"):
    """What is read of a file of this text."""
    path = folder / f"table{ending}"
    path.write_text(text, encoding="utf-8")
    return read_table(path)
