"""Bernoulli-logistic regression by several routes, and the check that they agree.

Every public name of `flatprior.models` and `flatprior.analysis` is here too, and is imported when
it is first used: ``import flatprior as fp``, then ``fp.BernoulliLogistic``, ``fp.fit_newton``.
"""

from importlib import import_module

_PARTS = ("models", "analysis")


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("flatprior")
    if name in _PARTS:
        return import_module(f"flatprior.{name}")
    if name == "__all__":
        return sorted(n for part in _PARTS for n in import_module(f"flatprior.{part}").__all__)
    for part in _PARTS:
        module = import_module(f"flatprior.{part}")
        if name in module.__all__:
            return getattr(module, name)
    raise AttributeError(f"module 'flatprior' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*_PARTS, "__version__", *__getattr__("__all__")]
