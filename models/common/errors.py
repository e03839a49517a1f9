"""Every error that is ours has one root."""


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
