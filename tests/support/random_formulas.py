"""Formulas drawn from the grammar, and what becomes of them when somebody's hand slips."""

import numpy as np
import pandas as pd

NUMBERS = ("x", "z", "`my col`", "my.var", "k", "t")
CATEGORIES = ("a", "b", "k", "q")
CONTRASTS = (
    *(
        "contr.sum",
        "contr.helmert()",
        "contr.poly",
        "contr.diff()",
        "contr.SAS",
        "Sum",
        "Helmert()",
    ),
    *("contr.treatment('b')", "Treatment(1)", "contr.treatment(base=2)", "'contr.sum'", "Poly"),
)
NASTY = (
    *(
        "__import__('os').system('true')",
        ".__class__",
        "lambda: 1",
        "eval('1')",
        "x := 3",
        "9**9**9",
    ),
    *(
        "`",
        "'",
        '"',
        "\\",
        "#",
        ";",
        "$",
        "@",
        "%in%",
        "%%",
        "~",
        "|",
        "||",
        "&",
        "!",
        "=",
        "==",
        ",",
    ),
    *("(", ")", "[", "]", "{", "}", "\n", "\r\n", "\t", "\x00", "\ufb01", "\u202e", "\ud800", "é"),
    *(
        "1e999",
        "0x10",
        "1_000",
        "1j",
        "1L",
        "-",
        "--",
        "^",
        "**",
        "**99",
        ":",
        "/",
        "*",
        ".",
        "..",
        "0",
    ),
    *(
        "None",
        "TRUE",
        "NA",
        "Inf",
        "np.log(x)",
        "f'{x}'",
        "*x",
        "**x",
        "if x else z",
        "for x in x",
        "°",
    ),
    *(
        "_call_0_",
        "_plain_0_",
        "_rows_",
        "Intercept",
        "Q('x')",
        "s(x)",
        "(1|a)",
        "offset",
        "C",
        "I",
    ),
    *("(" * 50, "-" * 50, "x+" * 50, "I(" * 45, "(a+b)^3*" * 3, "a*b*q*" * 3, "x:" * 40),
)

SPLINE = ("df", "knots", "Boundary.knots", "lower_bound", "upper_bound")
OPTIONS = {
    "C": ("levels", "ref", "base", "contr", "contrasts"),
    "factor": ("levels",),
    "ordered": ("levels",),
    "relevel": ("ref", "reference"),
    "log": ("base",),
    "I": ("x",),
    "bs": (*SPLINE, "degree", "intercept"),
    "ns": (*SPLINE, "intercept"),
    "cr": (*SPLINE, "constraints"),
    "poly": ("degree", "raw"),
    "scale": ("center", "scale", "ddof"),
    "center": ("x",),
}
VALUES = (
    *("1", "2", "2", "3", "5", "-1", "0.5", "100", "1e9", "'b'", "'center'", "TRUE", "F", "NULL"),
    *("x", "a", "c(1, 2)", "c(2, 1)", "c(0, 9)", "c('b', 1)", "c()", "[1]", "c(TRUE)", "c(1)"),
    *("c('a', 'b', 'c')", "c('c', 'b', 'a')", "c(4, 3, 2, 1)", "I(x)", "contr.sum(2)", "Poly(x)"),
    *("contr.sum(c(1))", "contr.treatment(n=2, ref='b')", "Treatment", "contr.helmert"),
)


def rows_for_formulas(seed: int = 1, n: int = 40) -> pd.DataFrame:
    """A small table with the columns that random formulas have."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "y": rng.integers(0, 2, n),
            "x": rng.uniform(0.1, 3, n),
            "z": rng.normal(size=n),
            "my col": rng.normal(size=n),
            "my.var": rng.normal(size=n),
            "a": rng.choice(["a", "b", "c"], n),
            "b": rng.choice(["b", "v"], n),
            "k": rng.integers(1, 5, n),
            "q": pd.Categorical(rng.choice(["b", "hi"], n), ["b", "hi"], ordered=True),
            "t": rng.integers(0, 2, n).astype(bool),
        }
    )


class RandomFormulas:
    """Draws formulas, whole and spoilt, from a seed."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)

    def one_of(self, *choices: str) -> str:
        """One of some texts."""
        return choices[self.rng.integers(len(choices))]

    def number(self) -> str:
        """A constant."""
        return self.one_of("1", "2", "0.5", "10", "1e-3", "3")

    def arithmetic(self, depth: int) -> str:
        """An expression of numbers."""
        if depth == 0:
            return self.one_of(self.one_of(*NUMBERS), self.one_of(*NUMBERS), self.number())
        a, b = self.arithmetic(depth - 1), self.arithmetic(depth - 1)
        return self.one_of(
            f"{a} {self.one_of('+', '-', '*', '/')} {b}",
            f"({a}){self.one_of('^', '**')}{self.one_of('2', '3', '-1', '0.5')}",
            f"-{a}",
            f"({a} {self.one_of('>', '<=', '==', '!=')} {b})",
            f"({self.logic(depth - 1)})",
            f"{self.one_of('log', 'exp', 'sqrt', 'abs', 'log1p', 'log10', 'center', 'sin')}({a})",
        )

    def logic(self, depth: int) -> str:
        """An expression that is true or not."""
        plain = self.one_of(
            "a " + self.one_of("== 'b'", "!= 'c'", '== "a"'),
            "a %in% c('a', 'b')",
            "k %in% c(1, 3)",
            f"{self.one_of(*NUMBERS)} > {self.number()}",
            "t",
        )
        if depth == 0:
            return plain
        return self.one_of(plain, f"!({plain})", f"({plain}) {self.one_of('&', '|')} (x > 1)")

    def factor(self) -> str:
        """A column, or a function of one."""
        category, number = self.one_of(*CATEGORIES), self.one_of(*NUMBERS)
        whole = str(self.rng.integers(1, 6))
        return self.one_of(
            category,
            number,
            f"{self.one_of('C', 'factor', 'as.factor', 'ordered')}({category})",
            f"C({category}, {self.one_of(*CONTRASTS)})",
            f"relevel({category}, ref=" + self.one_of("'b')", "2)"),
            self.one_of("C(a, levels=['c', 'b', 'a'])", "factor(a, levels=c('c', 'a', 'b'))"),
            f"I({self.arithmetic(int(self.rng.integers(0, 3)))})",
            f"{{{self.arithmetic(1)}}}",
            f"I({self.logic(1)})",
            f"{self.one_of('log', 'sqrt', 'exp', 'abs')}({self.arithmetic(1)})",
            f"log({number}, {self.one_of('2', '10', 'base=3')})",
            f"poly({number}, {whole}{self.one_of('', ', raw=TRUE', ', raw=True')})",
            f"{self.one_of('bs', 'ns', 'cr', 'cs')}({number}, df={whole})",
            f"{self.one_of('bs', 'ns', 'cr')}(x, knots={self.one_of('c(1, 2)', '[1]', '1.5')})",
            f"ns(x, knots=c(1, 2), Boundary.knots=c(0, {whole}))",
            f"scale({number}{self.one_of('', ', center=FALSE', ', ddof=0')})",
        )

    def strange(self) -> str:
        """A function with options that it may have, or not."""
        function = self.one_of(*OPTIONS)
        names = OPTIONS[function if self.rng.random() < 0.8 else self.one_of(*OPTIONS)]
        kind = CATEGORIES if function in ("C", "factor", "ordered", "relevel") else NUMBERS
        first = self.one_of(*kind, *kind, "1", "'a'", "x > 1", "factor(a)")
        options = [
            f"{self.one_of(*names)}={self.one_of(*VALUES)}"
            if self.rng.random() < 0.7
            else self.one_of(*VALUES)
            for _ in range(int(self.rng.integers(1, 3)))
        ]
        return f"{function}({', '.join([first, *options])})"

    def terms(self, depth: int) -> str:
        """Terms joined by signs."""
        if depth == 0:
            return self.factor()
        a, b = self.terms(depth - 1), self.terms(int(self.rng.integers(0, depth)))
        return self.one_of(
            f"{a} + {b}",
            f"{a} + {b}",
            f"{a} - {b}",
            f"{a}:{b}",
            f"{a}*{b}",
            f"{a}/{b}",
            f"({a} + {b})^{self.one_of('1', '2', '3')}",
            f"({a})",
        )

    def whole(self) -> str:
        """A formula of the grammar."""
        terms = self.terms(int(self.rng.integers(0, 4)))
        more = self.one_of(
            *[""] * 6, " - 1", " + 0", " + offset(z)", " + offset(log(x))", " + .", "\n"
        )
        left = self.one_of(*["y ~ "] * 6, "y~", "y ~ 0 + ", "cbind(k, 9 - k) ~ ")
        return left + terms + more

    def odd(self) -> str:
        """A formula whose functions have any options."""
        return f"y ~ {self.strange()}{self.one_of('', ' + x', '*a', ' - 1')}"

    def spoilt(self) -> str:
        """A formula of the grammar after some slips."""
        text = self.whole()
        for _ in range(int(self.rng.integers(1, 3))):
            at = int(self.rng.integers(min(3, len(text)), len(text) + 1))
            to = min(len(text), at + int(self.rng.integers(1, 4)))
            text = (
                text[:at] + self.one_of(*"xzabk123+:*") + text[at + 1 :],
                text[:at] + self.one_of(*"xzabk123+:*") + text[at + 1 :],
                text[:at] + self.one_of(" + x", " - a", ":z", " ", "^2", "", "*1") + text[at:],
                text[:at] + self.one_of(*NASTY) + text[at:],
                text[:at] + self.one_of(*NASTY) + text[to:],
                text[:at] + text[to:],
                text[:to] + text[at:],
                text[:at] + text[at:to][::-1] + text[to:],
                text[:at] + self.whole()[at:to] + text[at:],
            )[self.rng.integers(9)]
        return text
