"""Every error that is ours has one root, and no message repeats a secret.

Addresses carry secrets (``https://name:key@host``, signed queries), and so does what their readers
say of them. `without_secrets` takes them out: of every error that leaves a public function
(`own_error_state`), and of all that the command line says.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable

HIDDEN = "***"
SHORTEST_SECRET = 8
_OF_ENVIRONMENT = re.compile(
    r"KEY|SECRET|TOKEN|PASS|CREDENTIAL|SAS|SIGNATURE|CONNECTION_STRING", re.IGNORECASE
)
# a path as an object makes one slash of two, and a drive has one letter
_SCHEME = r"\b[A-Za-z][A-Za-z0-9+.-]+:[/\\]{1,3}"
_NO_PORT = r"(?!\d{1,5}(?:[/\\?#\s'\"]|$))"
# up to the last @, for a secret may have others, and slashes; without one it was cut off
_PAIR = re.compile(
    rf"(?P<begins>{_SCHEME})[^/\\\s'\"@:]*:(?:{_NO_PORT}\S.*@|\S+@|{_NO_PORT}[^\s'\"]+)"
)
_NAME = re.compile(rf"(?P<begins>{_SCHEME})(?P<name>[^/\\\s'\"@:]+)@")
_CONTAINER = re.compile(r"[a-z0-9$-]{3,63}")  # of Azure, which stands where others have a name
# a question mark may be any letter of a pattern, and names have number signs
_OPTIONS = re.compile(
    rf"(?P<begins>{_SCHEME}[^\s'\"]*?)(?:[?#;&]|%3F|%23|%26|%3B)"
    r"(?:[^/\s'\"]*?(?:=|%3D)|[^/.*?\[\]\s'\"]{16,}(?=(?:\.{3})?(?:[\s'\"]|$)))[^\s'\"]*",
    re.IGNORECASE,
)
_QUERY = re.compile(r"(?P<begins>\b(?:https?|s?ftp):/[^\s'\"?#]*)[?#][^\s'\"]+", re.IGNORECASE)
_NAMED = re.compile(
    r"(?P<begins>(?:\b\w*(?:secret|token|passw(?:or)?d|account_?key|access_?key|access_?signature)"
    r"|\bX-Amz-[\w-]+|[?&;]sig(?:nature)?)=)[^&;\s'\"]+",
    re.IGNORECASE,
)


def without_address_secrets(text: str) -> str:
    """A message without the names, keys and options that addresses in it carry.

    Examples
    --------
    >>> from flatprior.models.common.errors import without_address_secrets
    >>> without_address_secrets("no file 'https://me:key@host/x.csv?sig=abc'")
    "no file 'https://***@host/x.csv?***'"
    >>> without_address_secrets("s3://bucket/year=20?5/*.parquet")
    's3://bucket/year=20?5/*.parquet'
    """
    return _NAMED.sub(rf"\g<begins>{HIDDEN}", _bare(text))


def _bare(text: str) -> str:
    """The text, of each address in it no more than where it leads."""
    text = _PAIR.sub(rf"\g<begins>{HIDDEN}@", text)
    text = _NAME.sub(_without_name, text)
    for options in (_QUERY, _OPTIONS):
        text = options.sub(rf"\g<begins>?{HIDDEN}", text)
    return text


def _without_name(found: re.Match[str]) -> str:
    azure = found["begins"].lower().startswith("abfs") and _CONTAINER.fullmatch(found["name"])
    return found[0] if azure else f"{found['begins']}{HIDDEN}@"


def without_secrets(text: str) -> str:
    """The same, without the credentials that the environment holds.

    Examples
    --------
    >>> import os
    >>> from flatprior.models.common.errors import without_secrets
    >>> os.environ["AN_ACCESS_KEY"] = "do-not-show-me"
    >>> without_secrets("no access with do-not-show-me")
    'no access with ***'
    >>> del os.environ["AN_ACCESS_KEY"]
    """
    secrets = [value for name, value in os.environ.items() if _OF_ENVIRONMENT.search(name)]
    for value in sorted(secrets, key=len, reverse=True):  # one may be the beginning of another
        if len(value) >= SHORTEST_SECRET:
            text = text.replace(value, HIDDEN)
    return without_address_secrets(text)


class FlatpriorError(Exception):
    """What flatprior raises on purpose: one sentence that says what is wrong and what to do.

    Each is also what Python calls it: a `ValueError` where the input is wrong or has no answer, a
    `TypeError` where it is of the wrong kind, an `ArithmeticError` where double precision does not
    suffice.

    Examples
    --------
    >>> from flatprior.models import BernoulliLogistic, FlatpriorError
    >>> try:
    ...     BernoulliLogistic.from_arrays([[1.0], [2.0], [3.0]], [0, 1, 2])
    ... except FlatpriorError as error:
    ...     isinstance(error, ValueError)
    True
    """


class InputError(FlatpriorError, ValueError):
    """The input is wrong, or what is asked for is not in it."""


class NeedsLikelihoodError(InputError):
    """What is asked for needs a likelihood, and sampling weights make none."""


class InputTypeError(FlatpriorError, TypeError):
    """The input is of the wrong kind."""


class PrecisionError(FlatpriorError, ArithmeticError):
    """Double precision does not suffice, or what is asked for has no finite answer."""


def require_no_secrets(path: object) -> None:
    """Raise a `ValueError`, which does not repeat it, if a path is an address with secrets in it.

    Examples
    --------
    >>> from flatprior.models.common.errors import require_no_secrets
    >>> try:
    ...     require_no_secrets("s3://me:password@bucket/rows.csv")
    ... except ValueError as error:
    ...     print(error)
    an address holds no credentials and no options, because messages and reports show it; leave \
them out, and set them in the environment
    """
    name = str(path)
    if _bare(name) != name:
        raise InputError(
            "an address holds no credentials and no options, because messages and reports show "
            "it; leave them out, and set them in the environment"
        )


def concealed(error: Exception) -> Exception:
    """The error, without secrets in what it says, and in what those say of which it came.

    Examples
    --------
    >>> from flatprior.models.common.errors import concealed
    >>> str(concealed(OSError(2, "not found", "s3://me:password@bucket/rows.csv")))
    "[Errno 2] not found: 's3://***@bucket/rows.csv'"
    """
    came, place = [error], 0
    while place < len(came):
        each = came[place]
        place += 1
        _conceal(each)
        came += [
            other
            for other in (each.__cause__, each.__context__)
            if isinstance(other, Exception) and all(other is not one for one in came)
        ]
    if any(map(_tells, came[1:])):
        error.__cause__ = error.__context__ = None
    return InputError(without_secrets(str(error))) if _tells(error) else error


def _tells(error: Exception) -> bool:
    return _hidden(error)(str(error)) != str(error)


def _hidden(error: Exception) -> Callable[[str], str]:
    """Our own sentences repeat no environment, but names, which may be like what it holds."""
    return without_address_secrets if isinstance(error, FlatpriorError) else without_secrets


def _conceal(error: Exception) -> None:
    """Take secrets out of an error that shows what it was made of, as most do."""
    if not _tells(error):
        return
    hidden = _hidden(error)
    error.args = tuple(hidden(each) if isinstance(each, str) else each for each in error.args)
    for name in ("filename", "filename2", "strerror"):
        value = getattr(error, name, None)
        if isinstance(value, str):
            setattr(error, name, hidden(value))
