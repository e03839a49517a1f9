"""What runs in a script's own process: the script, as Python runs it, and an eye on its fits.

``python inside_script.py CHANNEL TOLERANCE SCRIPT [ARGUMENTS]`` is ``python SCRIPT [ARGUMENTS]``,
but that every logistic fit of scikit-learn and statsmodels is judged as it ends, and told through
the pipe CHANNEL, a line of JSON each. Nothing but the standard library is imported before the first
fit. The script's own output, results, random numbers and warnings stay as they were.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.util
import linecache
import os
import sys
import threading
import types
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, SourceFileLoader
from typing import Any, NoReturn

LIBRARIES = ("sklearn", "statsmodels", "joblib", "flatprior")
NOT_THEIRS = ("statsmodels", "flatprior")  # a fit that these call is a step of theirs
LONGEST_CALL = 200  # characters
HERE = __file__
# frames of such a file are not counted when a warning looks for the line that it is of
UNSEEN = "<flatprior audit, passed over as importlib._bootstrap is>"
STANDARD = os.path.dirname(os.__file__)


class Channel:
    """The pipe to who asked, until the script or the system closes it."""

    def __init__(self, handle: int) -> None:
        if sys.platform == "win32":
            import msvcrt

            handle = msvcrt.open_osfhandle(handle, os.O_WRONLY)
        os.set_inheritable(handle, False)
        self._handle = handle
        self._was = self._identity()
        self._lock = threading.Lock()
        self.process = os.getpid()
        self.forked = False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_parent=self._note_fork, after_in_child=self._close)

    def send(self, **facts: Any) -> None:
        """Write one line; nothing where the pipe is no longer ours."""
        import json

        line = (json.dumps(facts) + "\n").encode()
        with self._lock:
            try:
                if self._identity() == self._was:  # a script may close all files and open others
                    while line:
                        line = line[os.write(self._handle, line) :]
            except OSError:
                return

    def _identity(self) -> tuple[int, int]:
        found = os.fstat(self._handle)
        return found.st_dev, found.st_ino

    def _note_fork(self) -> None:
        self.forked = True

    def _close(self) -> None:
        """Leave the pipe to the process that was asked about: this is a fork of it."""
        with suppress(OSError):
            if self._identity() == self._was:
                os.close(self._handle)
        self._handle = -1


class Made:
    """What estimators were asked for: the parameters that somebody named, and who made them."""

    def __init__(self) -> None:
        self._asked: weakref.WeakKeyDictionary[Any, tuple[frozenset[str], bool]] = (
            weakref.WeakKeyDictionary()
        )

    def note(self, estimator: Any, named: frozenset[str], caller: types.FrameType) -> None:
        """Remember an estimator that was made; a clone is as its original."""
        asked = named, is_own(caller)
        if caller.f_code.co_name == "_clone_parametrized":
            asked = self.of(caller.f_locals.get("estimator"))
        with suppress(TypeError):
            self._asked[estimator] = asked

    def change(self, estimator: Any, named: frozenset[str]) -> None:
        """Remember that parameters of one of these estimators were set later."""
        with suppress(KeyError, TypeError):
            before, own = self._asked[estimator]
            self._asked[estimator] = before | named, own

    def of(self, estimator: Any) -> tuple[frozenset[str], bool]:
        """Names of the parameters that somebody gave, and whether the script made it."""
        try:
            return self._asked[estimator]
        except (KeyError, TypeError):  # read from a file, copied, or without a hash
            return frozenset(), True


class Watch:
    """Judges fits as they end."""

    def __init__(self, channel: Channel, tolerance: float) -> None:
        self.made = Made()
        self._channel = channel
        self._tolerance = tolerance
        self._judging = threading.RLock()
        self._seen: set[tuple[str, int, str]] = set()
        self._busy = threading.local()

    def judge(self, what: str, fitted: Any, data: dict[str, Any], caller: types.FrameType) -> None:
        """Judge one fit, and tell; a failure of ours is told too, and is none of the script's."""
        if (
            getattr(self._busy, "now", False)
            or os.getpid() != self._channel.process
            or package_of(caller) in NOT_THEIRS
        ):
            return
        self._busy.now = True
        try:
            with self._judging, undisturbed():
                where = place(caller)
                spot = where["file"], where["line"], what
                try:
                    find_flatprior()
                    from flatprior.analysis.auditing.watched_fits import judged

                    found = judged(
                        *(what, fitted, data, *self.made.of(fitted)),
                        first=spot not in self._seen,
                        tolerance=self._tolerance,
                    )
                except Exception as error:
                    found = {"kind": "failed", "good": None, "verdict": _words(error)}
                if found is not None:
                    self._seen.add(spot)
                    self._channel.send(fit=where | {"what": what} | found)
        finally:
            self._busy.now = False

    def wrap_fit(
        self, owner: type, what: str, names: tuple[str, ...] = (), method: str = "fit"
    ) -> None:
        """Judge what a method of `owner` returns; `names` are the arguments that are looked at."""
        fit = vars(owner)[method]

        def watched(self: Any, *args: Any, **kwargs: Any) -> Any:
            result = fit(self, *args, **kwargs)
            data = {name: kwargs.get(name) for name in names} | dict(zip(names, args, strict=False))
            watch.judge(what, result, data, sys._getframe(1))
            return result

        watch = self
        _put(owner, method, watched)

    def wrap_init(self, owner: type) -> None:
        """Note which parameters were given to ``owner``."""
        init = vars(owner)["__init__"]
        positions = init.__code__.co_varnames[1 : init.__code__.co_argcount]

        def made(self: Any, *args: Any, **kwargs: Any) -> None:
            init(self, *args, **kwargs)
            watch.made.note(self, frozenset(kwargs).union(positions[: len(args)]), sys._getframe(1))

        watch = self
        _put(owner, "__init__", made)

    def wrap_set_params(self, owner: type) -> None:
        """Note which parameters were set later, by a search for example."""
        set_params = vars(owner)["set_params"]

        def changed(self: Any, **params: Any) -> Any:
            result = set_params(self, **params)
            watch.made.change(self, frozenset(params))
            return result

        watch = self
        _put(owner, "set_params", changed)


def _put(owner: type, name: str, ours: Callable[..., Any]) -> None:
    """Put a function in the place of a method, which it calls and looks like."""
    assert isinstance(ours, types.FunctionType)  # noqa: S101
    ours.__code__ = ours.__code__.replace(co_filename=UNSEEN)
    setattr(owner, name, functools.wraps(vars(owner)[name])(ours))


def _is_ours(frame: types.FrameType) -> bool:
    return frame.f_code.co_filename in (HERE, UNSEEN)


def find_flatprior() -> None:
    """Import the package that this file is of, whatever the script's path finds by its name."""
    if "flatprior" in sys.modules:
        return
    root = os.path.abspath(os.path.join(os.path.dirname(HERE), "..", ".."))
    spec = importlib.util.spec_from_file_location(
        "flatprior", os.path.join(root, "__init__.py"), submodule_search_locations=[root]
    )
    assert spec is not None and spec.loader is not None  # noqa: S101, PT018
    sys.modules["flatprior"] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)


def _words(error: Exception) -> str:
    said = str(error)
    if not said or not type(error).__module__.startswith("flatprior."):
        said = f"{type(error).__name__}{': ' if said else ''}{said}"
    return f"could not be judged: {said}"


def package_of(frame: types.FrameType) -> str:
    """The package whose code a frame runs."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


@functools.cache
def _of_a_library(file: str) -> bool:
    parts = file.replace(os.sep, "/").split("/")
    return (
        file in (HERE, UNSEEN)
        or file.startswith(("<frozen ", STANDARD + os.sep))
        or "site-packages" in parts
        or "dist-packages" in parts
    )


def is_own(frame: types.FrameType) -> bool:
    """Whether a frame runs code of the script, or of a module beside it."""
    return frame.f_code.co_filename == _script or not (
        package_of(frame) in LIBRARIES or _of_a_library(frame.f_code.co_filename)
    )


_script = ""


def _own(frame: types.FrameType | None) -> types.FrameType | None:
    """The innermost frame of the script's code that a frame was called from."""
    while frame is not None and not is_own(frame):
        frame = frame.f_back
    return frame


def place(caller: types.FrameType) -> dict[str, Any]:
    """File, line and text of the call, in the script's code, that a frame belongs to."""
    frame = _own(caller)
    if frame is None:  # a library's thread, for which the script waits
        waiting = threading.main_thread().ident
        frame = _own(sys._current_frames().get(waiting or 0)) or caller
    code = frame.f_code
    line, text = _call(code, frame.f_lasti, frame.f_lineno)
    return {"file": code.co_filename, "line": line, "call": text}


@functools.lru_cache(1000)
def _call(code: types.CodeType, instruction: int, number: int) -> tuple[int, str]:
    """Line and text of the expression that an instruction is of."""
    lines = linecache.getlines(code.co_filename)
    position = list(code.co_positions())[instruction // 2]
    first, last, left, right = position
    if None in position or not 0 < (first or 0) <= (last or 0) <= len(lines):
        return number, lines[number - 1].strip() if 0 < number <= len(lines) else ""
    assert first is not None and last is not None  # noqa: S101, PT018
    parts = [line.encode() for line in lines[first - 1 : last]]  # columns count bytes
    parts[-1] = parts[-1][:right]
    parts[0] = parts[0][left:]
    text = " ".join(b" ".join(parts).decode(errors="replace").split())
    return first, text[:LONGEST_CALL]


@contextmanager
def undisturbed() -> Iterator[None]:
    """Leave the script its random numbers and its warnings, those already shown included.

    Whoever changes filters makes Python forget which warnings it has shown; ours are put back, so
    there is nothing to forget.
    """
    if threading.active_count() > 1:  # these belong to all threads: another would be disturbed
        yield
        return
    numpy, random = sys.modules.get("numpy"), sys.modules.get("random")
    states = (
        numpy and numpy.random.get_state(legacy=False),
        random and random.getstate(),
    )
    forget = warnings._filters_mutated  # type: ignore[attr-defined]
    warnings._filters_mutated = lambda: None  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        warnings._filters_mutated = forget  # type: ignore[attr-defined]
        if numpy:
            numpy.random.set_state(states[0])
        if random:
            random.setstate(states[1])


class Arrivals(importlib.abc.MetaPathFinder):
    """Calls a function with each of some modules, as soon as it has been imported."""

    def __init__(self, at: dict[str, Callable[[types.ModuleType], None]]) -> None:
        self._at = at

    def find_spec(
        self, name: str, path: Any = None, target: types.ModuleType | None = None
    ) -> ModuleSpec | None:
        """What the other finders find, with the function to call afterwards."""
        if name not in self._at:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Then(spec.loader, self._at[name])
                return spec
        return None


class _Then(importlib.abc.Loader):
    """Loads a module as its own loader does, and calls a function with it."""

    def __init__(self, loader: Any, then: Callable[[types.ModuleType], None]) -> None:
        self._loader = loader
        self._then = then

    def create_module(self, spec: ModuleSpec) -> types.ModuleType | None:
        """As its own loader."""
        created: types.ModuleType | None = self._loader.create_module(spec)
        return created

    def exec_module(self, module: types.ModuleType) -> None:
        """As its own loader, which is what the module then has."""
        assert module.__spec__ is not None  # noqa: S101
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._then(module)


def hooks(watch: Watch) -> dict[str, Callable[[types.ModuleType], None]]:
    """What to do with each module that defines a fit."""

    def estimators(module: types.ModuleType) -> None:
        for name in ("LogisticRegression", "LogisticRegressionCV"):
            watch.wrap_init(getattr(module, name))
            watch.wrap_fit(
                getattr(module, name), f"scikit-learn {name}", ("X", "y", "sample_weight")
            )

    def descent(module: types.ModuleType) -> None:
        watch.wrap_init(module.SGDClassifier)
        watch.wrap_fit(
            module.BaseSGDClassifier,
            "scikit-learn SGDClassifier",
            ("X", "y", "coef_init", "intercept_init", "sample_weight"),
        )
        watch.wrap_fit(module.BaseSGDClassifier, "scikit-learn SGDClassifier", method="partial_fit")

    def discrete(module: types.ModuleType) -> None:
        for name in ("Logit", "Probit"):
            watch.wrap_fit(getattr(module, name), f"statsmodels {name}")
        for method in ("fit_regularized", "fit_constrained"):
            watch.wrap_fit(module.BinaryModel, "statsmodels Logit", method=method)

    def generalised(module: types.ModuleType) -> None:
        watch.wrap_fit(module.GLM, "statsmodels GLM")
        watch.wrap_fit(module.GLM, "statsmodels GLM", method="fit_constrained")
        watch.wrap_fit(
            module.GLM,
            "statsmodels GLM",
            ("method", "alpha", "start_params", "refit", "opt_method", "L1_wt"),
            method="fit_regularized",
        )

    return {
        "sklearn.base": lambda module: watch.wrap_set_params(module.BaseEstimator),
        "sklearn.linear_model._logistic": estimators,
        "sklearn.linear_model._stochastic_gradient": descent,
        "statsmodels.discrete.discrete_model": discrete,
        "statsmodels.genmod.generalized_linear_model": generalised,
    }


def without_ours(error: BaseException | None, seen: set[int] | None = None) -> None:
    """Take our frames out of the tracebacks of an error and of those that it came of."""
    seen = set() if seen is None else seen
    if error is None or id(error) in seen:
        return
    seen.add(id(error))
    entry = error.__traceback__
    while entry is not None and _is_ours(entry.tb_frame):
        entry = entry.tb_next
    error.__traceback__ = entry
    while entry is not None:
        while entry.tb_next and _is_ours(entry.tb_next.tb_frame):
            entry.tb_next = entry.tb_next.tb_next
        entry = entry.tb_next
    without_ours(error.__cause__, seen)
    without_ours(error.__context__, seen)


def _workers_were_started(channel: Channel) -> bool:
    """Whether fits may have been made in other processes, where nobody watches."""
    loky = sys.modules.get("joblib.externals.loky.reusable_executor")
    return (
        channel.forked
        or getattr(loky, "_executor", None) is not None
        or any(name.startswith("multiprocessing.popen_") for name in sys.modules)
    )


def main() -> None:
    """Run the script of the command line, and watch it."""
    handle, tolerance, script, *arguments = sys.argv[1:]
    channel = Channel(int(handle))
    watch = Watch(channel, float(tolerance))
    at = hooks(watch)
    for name in [name for name in at if name in sys.modules]:  # by a .pth file
        at.pop(name)(sys.modules[name])
    sys.meta_path.insert(0, Arrivals(at))
    try:
        run(script, arguments)
    except BaseException as error:
        _raise_as_its_own(error)
    finally:
        channel.send(ended=True, workers=_workers_were_started(channel))


def run(script: str, arguments: list[str]) -> None:
    """Run a script in a module ``__main__`` of its own, as Python itself does."""
    global _script
    path = _script = os.path.abspath(script)
    sys.argv[:] = [script, *arguments]
    sys.orig_argv[:] = [sys.executable, script, *arguments]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(script))
    module = types.ModuleType("__main__")
    vars(module).update(
        __file__=path,
        __loader__=SourceFileLoader("__main__", path),
        __builtins__=sys.modules["builtins"],
        __cached__=None,
        __annotations__={},
    )
    sys.modules["__main__"] = module
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True)
    exec(code, vars(module))  # noqa: S102


def _raise_as_its_own(error: BaseException) -> NoReturn:
    """Let the script end with an error as if nobody had called it."""
    hook = sys.excepthook

    def shown(kind: type[BaseException], error: BaseException, _: Any) -> None:
        without_ours(error)
        hook(kind, error, error.__traceback__)

    sys.excepthook = shown
    raise error


if __name__ == "__main__":
    main()
