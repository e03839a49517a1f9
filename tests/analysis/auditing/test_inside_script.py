import importlib
import os
import sys
import threading
import types
import warnings

import numpy as np
import pytest
from audited_scripts import DATA, run_both
from processes import printed

from flatprior.analysis.auditing import inside_script
from flatprior.analysis.auditing.inside_script import (
    Arrivals,
    Channel,
    Made,
    place,
    undisturbed,
    without_ours,
)

ENVIRONMENT = """
'''Its docstring.'''
import os, pickle, sys
class Own: pass
print(sorted(globals()), __name__, __file__, __doc__, __spec__, __package__, __cached__)
print(vars(__loader__), type(__builtins__), __annotations__)
print(sys.argv, sys.path, sys.orig_argv, os.getcwd(), sys.flags, sys.excepthook)
print(sys.modules["__main__"].__dict__ is globals(), pickle.loads(pickle.dumps(Own())).__class__)
print(repr(sys.stdin.read()), sys.stdout.line_buffering, sys.getrecursionlimit(), sys.warnoptions)
import beside
print(beside.__name__, os.get_inheritable(1))
"""


def test_a_script_finds_everything_as_without_an_audit(tmp_path):
    (tmp_path / "beside.py").write_text("import __main__\nassert __main__.Own")
    both = run_both(tmp_path, ENVIRONMENT, "--json", "--", "a b", "-h")
    assert both.alone.returncode == both.audited.returncode == 0, both.alone.stderr
    assert "'--json', '--', 'a b', '-h'" in both.alone.stdout
    assert both.report == [
        "flatprior: no logistic fit of scikit-learn or statsmodels was seen",
    ]


ENDS = {
    "an error": "def f():\n    return 1 / 0\nf()",
    "an error with a cause": (
        "try:\n    1 / 0\nexcept ZeroDivisionError as error:\n    raise ValueError('€') from error"
    ),
    "no Python": "x = (\n",
    "a status": "import sys\nprint(1)\nsys.exit(3)",
    "a sentence": "import sys\nsys.exit('no')",
    "at once": "import os\nos._exit(4)",
    "a signal": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",
    "its own hook": (
        "import sys\nsys.excepthook = lambda *e: print(e[0], e[2].tb_frame.f_code.co_name)\n1 / 0"
    ),
    "a missing module": "import nothing_of_this_name",
    "at exit": "import atexit\natexit.register(print, 'bye')\n1 / 0",
    "a group": "raise ExceptionGroup('two', [ValueError(1), TypeError(2)])",
}


@pytest.mark.parametrize("code", ENDS.values(), ids=ENDS)
def test_a_script_ends_as_without_an_audit(tmp_path, code):
    both = run_both(tmp_path, code)
    assert len(both.report) == 1
    status = both.alone.returncode
    assert both.audited.returncode == (status if status >= 0 else 128 - status)


FAILS = """
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1))
model.fit(X, y)
try:
    model.fit(X, [np.nan] * len(X))
except ValueError as error:
    raise RuntimeError("second") from error
"""


def test_an_error_within_a_fit_has_its_own_traceback_and_what_was_judged_is_told(tmp_path):
    both = run_both(tmp_path, DATA + FAILS)
    assert both.alone.returncode == both.audited.returncode == 1
    assert "Input y contains NaN" in both.alone.stderr
    assert both.report == [
        "script.py:11: model.fit(X, y) of LogisticRegression: penalised, as asked: ridge [C=0.1]",
        "flatprior: 1 logistic fit, none of them other than it looks",
    ]


UNCHANGED = """
import inspect, pickle, random, sys, warnings
import sklearn.linear_model
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV, SGDClassifier
import statsmodels.api as sm
random.seed(5); np.random.seed(5)
others = {
    SGDClassifier: ["partial_fit"],
    sm.Logit: ["fit_regularized", "fit_constrained"],
    sm.Probit: ["fit_regularized"],
    sm.GLM: ["fit_regularized", "fit_constrained"],
}
for cls in (LogisticRegression, LogisticRegressionCV, *others):
    for method in (getattr(cls, name) for name in ("fit", "__init__", *others.get(cls, ()))):
        print(repr(method).split(" at ")[0], inspect.signature(method), method.__module__)
        print(hash(inspect.getsource(method)), str(method.__doc__)[:99], method.__qualname__)
        print(pickle.dumps(method))
    print(cls.__mro__, sorted(vars(cls)), cls.__module__)
def bits(values): print(*(float(value).hex() for value in np.ravel(values)))
shown = warnings.filters[:]
for _ in range(3):
    warnings.warn("shown once")
    sgd = SGDClassifier(loss="log_loss").fit(X, y)
    newton = LogisticRegression(C=np.inf, max_iter=3, tol=1e-12).fit(X, y)
    logit = sm.Logit(y, sm.add_constant(X)).fit(disp=0, method="bfgs", maxiter=2)
    glm = sm.GLM(y, X, family=sm.families.Binomial()).fit()
    lasso = sm.GLM(y, X, family=sm.families.Binomial()).fit_regularized(alpha=0.1, maxiter=1)
    sgd.partial_fit(X[:9], y[:9])
    for fit in (sgd, newton, logit, glm, lasso):
        bits(fit.params if hasattr(fit, "params") else fit.coef_)
        print("" if fit is glm or fit is lasso else hash(pickle.dumps(fit)))
        print(repr(fit).split(" at ")[0])
        print(sorted(vars(getattr(fit, "_results", fit))))
    print(clone(newton), newton.get_params(), sorted(logit._cache), sorted(glm._cache))
    print([sorted(vars(each)) for each in (glm.model, glm.model.data, logit.model.data)])
    print([sorted(getattr(each.model.data, "_cache", {})) for each in (glm, logit)])
print(warnings.filters == shown, warnings.filters)
print(random.random(), np.random.random(), random.getstate()[1][-1], np.random.get_state()[2])
print(vars(sklearn.linear_model._logistic.__loader__))
print(logit.summary().tables[1])
"""


def test_nothing_is_changed_in_a_script(tmp_path):
    both = run_both(tmp_path, DATA + UNCHANGED)
    assert both.alone.returncode == 0, both.alone.stderr
    assert "shown once" in both.alone.stderr
    assert len(both.report) == 7, both.report
    assert both.audited.returncode == 1


class Warns:
    """It warns of what calls it, as methods do."""

    def fit(self):
        """Fit nothing."""
        warnings.warn("of the caller", stacklevel=2)


def test_a_warning_is_of_the_line_that_it_would_be_of_without_the_watch():
    plain = Warns.fit

    def put(self, *args):
        plain(self, *args)

    inside_script._put(Warns, "fit", put)
    assert Warns.fit is not plain
    assert (Warns.fit.__name__, Warns.fit.__doc__) == ("fit", plain.__doc__)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Warns().fit()
        line = sys._getframe().f_lineno - 1
    assert [(each.filename, each.lineno) for each in caught] == [(__file__, line)]


def test_a_module_is_met_once_it_is_there_and_keeps_its_loader(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "met_here.py").write_text("value = 1")
    met = []
    monkeypatch.setattr(
        sys, "meta_path", [Arrivals({"met_here": lambda m: met.append(m.value)}), *sys.meta_path]
    )
    module = importlib.import_module("met_here")
    assert met == [1]
    assert module.__loader__ is module.__spec__.loader
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert importlib.util.find_spec("nothing_of_this_name") is None


def test_random_numbers_and_shown_warnings_are_left_as_they_were(monkeypatch):
    # threads that other tests have left would have them left to all threads
    monkeypatch.setattr(threading, "active_count", lambda: 1)
    before = np.random.get_state()[1:3], warnings.filters[:], warnings.filters  # noqa: NPY002
    registry = {}

    def warn():
        warnings.warn_explicit("once", UserWarning, "a file", 1, registry=registry)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        warn()
        with undisturbed():
            np.random.random(1000)  # noqa: NPY002
            with warnings.catch_warnings():
                warnings.simplefilter("always")
            warnings.warn("of ours", stacklevel=1)
        warn()
    assert [str(each.message) for each in caught] == ["once"]
    assert np.array_equal(np.random.get_state()[1], before[0][0])  # noqa: NPY002
    assert np.random.get_state()[2] == before[0][1]  # noqa: NPY002
    assert warnings.filters == before[1]


class Estimator:
    def __init__(self, C=1.0):
        self.C = C


def test_a_clone_is_as_its_original_and_what_is_set_later_counts():
    made, here = Made(), sys._getframe()
    original, later, unknown = Estimator(), Estimator(), Estimator()
    made.note(original, frozenset({"C"}), here)
    made.note(later, frozenset(), here)

    def _clone_parametrized(estimator):
        copy = Estimator()
        made.note(copy, frozenset({"C", "tol"}), sys._getframe())
        return copy

    assert made.of(_clone_parametrized(original)) == (frozenset({"C"}), True)
    assert made.of(_clone_parametrized(later)) == (frozenset(), True)
    made.change(later, frozenset({"C"}))
    assert made.of(later) == (frozenset({"C"}), True)
    made.change(unknown, frozenset({"C"}))
    assert made.of(unknown) == (frozenset(), True)
    made.note([], frozenset({"C"}), here)  # has no hash
    assert made.of([]) == (frozenset(), True)


def test_an_estimator_that_a_library_made_is_not_the_scripts():
    made, estimator = Made(), Estimator()
    code = compile("import sys\nframe = sys._getframe()", "/x/site-packages/a/b.py", "exec")
    namespace = {"__name__": "a.b"}
    exec(code, namespace)  # noqa: S102
    made.note(estimator, frozenset(), namespace["frame"])
    assert made.of(estimator) == (frozenset(), False)


def test_a_call_is_found_in_the_callers_own_code(tmp_path):
    library = types.FunctionType(
        compile(
            "def fit(x):\n    import sys\n    return place(sys._getframe())",
            "/x/site-packages/sklearn/pipeline.py",
            "exec",
        ).co_consts[0],
        {"place": place, "__name__": "sklearn.pipeline"},
    )
    line = sys._getframe().f_lineno + 1
    found = library(
        [1,
         2]
    )  # fmt: skip
    assert found == {"file": __file__, "line": line, "call": "library( [1, 2] )"}
    text = {"library": library}
    exec("\n\nfound = library(1)", text)  # noqa: S102
    assert text["found"] == {"file": "<string>", "line": 3, "call": ""}


def test_frames_of_the_audit_are_taken_out_of_every_traceback():
    def ours(then):
        then()

    ours = types.FunctionType(
        ours.__code__.replace(co_filename=inside_script.HERE), {}, "ours", None
    )

    def fail():
        raise ValueError

    def fail_again():
        try:
            ours(fail)
        except ValueError as error:
            raise TypeError from error

    def names(error):
        found, entry = [], error.__traceback__
        while entry is not None:
            found.append(entry.tb_frame.f_code.co_name)
            entry = entry.tb_next
        return found

    try:
        ours(fail_again)
    except TypeError as caught:
        error = caught
    here = sys._getframe().f_code.co_name
    assert names(error) == [here, "ours", "fail_again"]
    error.__cause__.__cause__ = error  # a circle
    without_ours(error)
    assert names(error) == [here, "fail_again"]
    assert names(error.__cause__) == ["fail_again", "fail"]


def test_the_package_is_found_whatever_the_path_says(tmp_path):
    (tmp_path / "flatprior.py").write_text("raise RuntimeError")
    code = (
        "import importlib.util, sys\n"
        "spec = importlib.util.spec_from_file_location('inside', sys.argv[1])\n"
        "inside = importlib.util.module_from_spec(spec); spec.loader.exec_module(inside)\n"
        "inside.find_flatprior(); inside.find_flatprior()\n"
        "from flatprior.models.common.text import count\n"
        "import flatprior; print(flatprior.__path__[0], count(2, 'row'))"
    )
    found = printed(code, inside_script.HERE, cwd=tmp_path)
    root = os.path.realpath(os.path.join(os.path.dirname(inside_script.HERE), "..", ".."))
    path, _, words = found.strip().partition(" ")
    assert os.path.realpath(path) == root
    assert words == "2 rows"


def test_nothing_is_written_to_a_file_that_took_the_pipes_number(tmp_path):
    received, sent = os.pipe()
    channel = Channel(sent)
    channel.send(a="€\n")
    assert os.read(received, 100) == b'{"a": "\\u20ac\\n"}\n'
    with open(tmp_path / "theirs", "wb") as file:
        os.dup2(file.fileno(), sent)
        channel.send(a=1)
        os.close(sent)
    channel.send(a=1)
    assert (tmp_path / "theirs").read_bytes() == b""
    os.close(received)
