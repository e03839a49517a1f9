"""How the command line ends: one line for every error, and the exit status it has."""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
LEAST_MEMORY = 2**30  # bytes of addresses
A_MOMENT = 0.01  # seconds, in which a destructor ends


class OneLineErrors(click.Group):
    """A group whose usage errors are one line too, like every other."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run the command; exit with its status."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):  # for names the terminal has no letters for
                stream.reconfigure(errors="replace")
        _written().clear()
        try:
            with _noting_interrupts():
                status = self._run(*args, **kwargs)
        except (ReaderGone, BrokenPipeError):
            _forget_output()
            sys.exit(141)
        sys.exit(status)

    def _run(self, *args: Any, **kwargs: Any) -> int:
        """Run the command; return its status where it has not ended."""
        try:
            with clean_errors():
                status = super().main(*args, **{**kwargs, "standalone_mode": False})
                if sys.stdout is not None:  # it was closed by who called
                    sys.stdout.flush()
        except click.UsageError as error:
            if isinstance(error, click.exceptions.NoArgsIsHelpError):
                error.show()
                return 2
            return fail(_with_remedy(error), 2)
        except click.Abort:
            return _interrupted()
        return status if isinstance(status, int) else 0

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with a whole sentence, which click would cut at one line."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, command.get_short_help_str(limit=sys.maxsize))
                    for name, command in commands
                    if command is not None
                ]
            )

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **more: Any) -> Any:
        """Keep what was typed, for the report."""
        given = list(args)
        with clean_errors():
            context = super().make_context(info_name, args, *rest, **more)
        context.meta["flatprior.arguments"] = given
        return context

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, before click makes something else of its errors."""
        with clean_errors():
            _check_memory()
            return super().invoke(ctx)


def _with_remedy(error: click.UsageError) -> str:
    """What click says of a call, and what it does not: what to type."""
    whole, of = error.format_message(), getattr(error, "param", None)
    message = whole.rstrip(".")
    if "unexpected extra argument" in message:
        return f"{message}; a formula is one argument, in quotes: 'y ~ x1 + x2'"
    if isinstance(error, click.MissingParameter) and isinstance(of, click.Option):
        return f"{message}; give {of.opts[0]} {of.metavar}, {of.help}".rstrip(".")
    if isinstance(error, click.MissingParameter) and error.ctx is not None:
        arguments = [each for each in error.ctx.command.params if isinstance(each, click.Argument)]
        named = (each.make_metavar(error.ctx) for each in arguments)
        usage = " ".join((error.ctx.command_path, *named))
        return f"{message}; give what it takes: {usage} (--help says more)"
    if isinstance(error, click.BadOptionUsage):
        return f"{message}; give one behind it"
    if isinstance(error, click.NoSuchOption) or "No such" in message:
        return whole if "Did you mean" in message else f"{message}; see --help for those there are"
    if isinstance(error, click.BadParameter) and "is not a valid" in message:
        return f"{message}; give a number"
    return whole


class ReaderGone(Exception):
    """The reader of a pipe has gone: not our failure, and nothing to say."""


_noted: list[int] = []  # the signals by which the end was asked for


@contextmanager
def _noting_interrupts() -> Iterator[None]:
    """Remember Ctrl-C: an import that it breaks may end in any other error.

    SIGTERM, which schedulers of jobs and containers send, ends the work in the same way.
    """

    def note(number: int, _: object) -> None:
        _noted.append(number)
        if number != signal.SIGINT and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
            signal.raise_signal(signal.SIGINT)  # for who handles it just now, such as PyMC's chains
            return
        raise KeyboardInterrupt

    def again(ignored: Any) -> None:
        """What came within a destructor, out of which nothing is raised, comes again."""
        if not isinstance(ignored.exc_value, KeyboardInterrupt) or not _noted:
            told(ignored)
        elif hasattr(signal, "pthread_kill"):
            threading.Timer(A_MOMENT, once_more).start()

    def once_more() -> None:
        if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            signal.pthread_kill(main.ident or 0, signal.SIGINT)

    _noted.clear()
    usual: dict[int, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
    }
    main, told = threading.main_thread(), sys.unraisablehook
    if threading.current_thread() is not main:  # only it may handle signals
        usual = {}
    usual = {
        number: before for number, before in usual.items() if signal.getsignal(number) is before
    }
    for number in usual:
        signal.signal(number, note)
    sys.unraisablehook = again
    try:
        yield
    finally:
        sys.unraisablehook = told
        for number, before in usual.items():
            signal.signal(number, before)


def _written() -> list[str]:
    """Files that were written, whether or not what writes them has been imported."""
    module = sys.modules.get("flatprior.models.common.writing")
    return getattr(module, "written", [])


def _interrupted() -> NoReturn:
    """Say what Ctrl-C has left behind. Imports nothing: it may have come within an import."""
    files = ", ".join(repr(path) for path in _written())
    by = _noted[0] if _noted else signal.SIGINT
    how = "interrupted" if by == signal.SIGINT else "terminated"
    print(f"flatprior: {how}; {files or 'nothing'} was written", file=sys.stderr, flush=True)
    sys.exit(128 + by)


def _forget_output() -> None:
    """Send what is still to come nowhere: Python would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
        except (AttributeError, OSError, ValueError):
            continue  # closed, or no file


@contextmanager
def clean_errors() -> Iterator[None]:
    """Turn every expected failure into one line on standard error and an exit status.

    Nothing is imported before the work begins, nor for what may have come within an import.
    """
    try:
        yield
    except KeyboardInterrupt:
        _interrupted()
    except click.exceptions.Exit:  # a RuntimeError, by which click ends: --help
        raise
    except BrokenPipeError as error:
        raise ReaderGone from error
    except Exception as error:
        if _noted:
            _interrupted()
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise ReaderGone from error
        if _lacks_memory(error):
            print("flatprior: not enough memory", file=sys.stderr, flush=True)
            sys.exit(2)
        results = sys.modules.get("flatprior.models.results")
        no_mle = getattr(results, "MLEDoesNotExistError", None)
        if no_mle is not None and isinstance(error, no_mle):
            fail(f"{error} (flatprior check says more)", 1)
        if isinstance(error, OSError) and error.strerror:
            named = "" if error.filename is None else f"{str(error.filename)!r}: "
            then = "; name one that is there" if isinstance(error, FileNotFoundError) else ""
            fail(f"{named}{error.strerror[0].lower()}{error.strerror[1:]}{then}", 2)
        if isinstance(error, (ValueError, OSError)):
            fail(str(error), 2)
        if isinstance(error, (ArithmeticError, RuntimeError)) and not isinstance(
            error, click.Abort
        ):
            fail(f"no result: {error}", 1)  # ours, and PyMC's when sampling breaks down
        raise


def _check_memory() -> None:
    """Stop where ``ulimit -v`` leaves too little: OpenBLAS would wait for more without an end."""
    try:
        import resource
    except ImportError:  # not on Windows, which has no such limit
        return
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    if most != resource.RLIM_INFINITY and most < LEAST_MEMORY:
        print(
            f"flatprior: not enough memory: this process may address {most // 2**20} MiB (ulimit "
            f"-v), and {LEAST_MEMORY // 2**20} are needed",
            file=sys.stderr,
            flush=True,
        )
        sys.exit(2)


def _lacks_memory(error: BaseException) -> bool:
    """Whether memory ran out, by whatever name: in an import or a thread it is seldom its own."""
    cause: BaseException | None = error
    while cause is not None:
        said = str(cause).lower()
        if isinstance(cause, MemoryError) or any(
            words in said
            for words in (
                *("cannot allocate memory", "out of memory", "failed to map segment"),
                *("can't start new thread", "unable to allocate", "virtual memory exhausted"),
            )
        ):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def fail(message: str, status: int) -> NoReturn:
    """Print one line and exit."""
    from flatprior.analysis.cli.as_typed import as_typed
    from flatprior.models.common.errors import without_address_secrets
    from flatprior.models.common.text import printable

    said = without_address_secrets(message)
    print(f"flatprior: {as_typed(printable(said))}", file=sys.stderr, flush=True)
    sys.exit(status)
