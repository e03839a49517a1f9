"""The command line, run as people run it."""

from __future__ import annotations

import sys
from pathlib import Path

from click.testing import CliRunner

from flatprior.analysis.cli.commands import main

FLATPRIOR = Path(sys.executable).with_name("flatprior")


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])
