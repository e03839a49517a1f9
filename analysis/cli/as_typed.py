"""Sentences of the library as they are typed: its options by their names on the command line.

The library says ``na='?'`` and ``frequency_weights``, the command line ``--na '?'`` and
``--weights``. Calls are left as they are, but for those that an option stands for; and so are names
of columns and what else stands in quotes.
"""

from __future__ import annotations

import re
import shlex

import click

FLAGS = {
    "frequency_weights": "--weights",
    "kind": "--robust",
    "prob": "--level",
}
SAME = (
    *("aliased", "cluster", "clusters", "correction", "decimal", "encoding", "event", "missing"),
    *("na", "offset", "sampling_weights", "sep", "sheet", "strata", "trials", "units"),
)
FLAGS |= {name: f"--{name.replace('_', '-')}" for name in SAME}
_QUOTED = r"(?<!\w)(?:'[^']*'|\"[^\"]*\")"
_VALUE = r"(?:'[^']*'|\"[^\"]*\"|\[[^\]]*\]|\.\.\.|-?\w[\w.]*)?"
_SAYING = re.compile(
    r"(?P<clustered>robust_covariance\([^()]*\bcluster=[^()]*\))"
    rf"|[\w.]+\((?:[^()]|\([^()]*\))*\)|{_QUOTED}"
    # where both names stand beside one another, that of the command line is enough
    rf"|(?<![\w.`])(?P<name>{'|'.join(FLAGS)})=(?P<value>{_VALUE})(?P<both>(?:, | and )(?=--))?"
    r"|(?<![\w./`-])(?<!: )(?P<alone>frequency_weights|sampling_weights)(?![\w./`-])"
)


def as_typed(sentence: str) -> str:
    """A sentence with the options of the command line in place of the library's.

    Examples
    --------
    >>> from flatprior.analysis.cli.as_typed import as_typed
    >>> as_typed("leave them out (missing='drop'), or name the sign: sep=';'")
    "leave them out (--missing drop), or name the sign: --sep ';'"
    >>> as_typed("pass them as sampling_weights, not 'frequency_weights'")
    "pass them as --sampling-weights, not 'frequency_weights'"
    """
    return _SAYING.sub(_typed, sentence)


def _typed(found: re.Match[str]) -> str:
    if found["clustered"]:
        return f"{_flag('cluster')} COLUMN"
    if found["alone"]:
        return _flag(found["alone"])
    if not found["name"]:
        return found[0]
    if found["both"]:
        return ""
    flag, value = _flag(found["name"]), found["value"]
    if value == "...":
        return f"{flag} COLUMN"
    values = [each[1:-1] for each in re.findall(r"'[^']*'|\"[^\"]*\"", value)] or [value]
    words = ("tab" if each == r"\t" else each and shlex.quote(each) for each in values)
    if value in ("''", '""'):
        return f"{flag} ''"
    return " ".join(f"{flag} {word}".rstrip() for word in words)


def _flag(name: str) -> str:
    """An option, with the command that has it where the one that was typed has not."""
    flag, context = FLAGS[name], click.get_current_context(silent=True)
    if context is None or isinstance(context.command, click.Group):
        return flag
    own = {each for parameter in context.command.params for each in parameter.opts}
    return flag if flag in own else f"flatprior fit {flag}"
