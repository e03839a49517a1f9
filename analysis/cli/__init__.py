"""The command line. Only this folder prints and exits.

Exit status: 0 the routes agree or the work is done, 1 they disagree or no MLE exists, 2 the input
is wrong (one line that says what and where) or memory does not suffice, 130 interrupted, 141 the
reader of a pipe has gone, 143 terminated (as a shell says of other programs). Results go to
standard output, progress and errors to standard error. Everything heavy is imported inside the
commands.
"""

import sys

try:
    from flatprior.analysis.cli.commands import main
except KeyboardInterrupt:  # the first tenth of a second of the command
    print("flatprior: interrupted; nothing was written", file=sys.stderr)
    sys.exit(130)

__all__ = ["main"]
