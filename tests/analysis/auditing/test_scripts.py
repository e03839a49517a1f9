import json
import math
import os
import signal

import pytest
from audited_scripts import AUDIT, DATA, run_both
from processes import started

from flatprior.analysis.auditing.scripts import INTERRUPTED, FitsOfALine, ScriptAudit, _Told

EVERYTHING = """
import warnings; warnings.simplefilter("ignore")
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy.sparse import eye
from sklearn.ensemble import StackingClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
import beside

class Mine(LogisticRegression):
    def __init__(self):
        super().__init__(C=np.inf, solver="newton-cholesky", tol=1e-12)

Mine().fit(X, y)                                                             # 22
LogisticRegression().fit(X, y)
beside.fitted(X, y)
for _ in range(3):
    for maxiter in (1, 2, 35):
        sm.Logit(y, X).fit(disp=0, method="bfgs" if maxiter < 35 else "newton", maxiter=maxiter)
make_pipeline(StandardScaler(), LogisticRegression(C=1.0)).fit(X, y)
GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=3).fit(X, y)
cross_val_score(LogisticRegression(), X, y, cv=4)
smf.glm("y ~ x", {"y": y, "x": X[:, 0]}, family=sm.families.Binomial()).fit().summary()
StackingClassifier([("a", Mine())], cv=2).fit(X, y)                          # 32
LogisticRegression(C=2.0).fit(X, rng.integers(0, 3, size=len(y)))
sm.GLM(y, X, family=sm.families.Binomial(sm.families.links.Probit())).fit()
sm.GLM(y, X).fit()
SGDClassifier().fit(X, y)
LogisticRegression(C=np.inf, max_iter=1).fit(eye(15_000, format="csr"), np.arange(15_000) % 2)
sm.Logit(y, X).fit(disp=0).llnull
sm.Logit(y, X).fit_regularized(alpha=2.0, disp=0)
sm.GLM(y, X, family=sm.families.Binomial()).fit_regularized("elastic_net", 0.1, L1_wt=0.5)
sm.GLM(y, X, family=sm.families.Binomial()).fit_constrained("x1 = x2")
for rows in (slice(60), slice(60, None)):
    SGDClassifier(loss="log_loss").partial_fit(X[rows], y[rows], classes=[0, 1])
print("done")
"""
BESIDE = """
from sklearn.linear_model import LogisticRegression
def fitted(X, y):
    return LogisticRegression(C=0.5).fit(
        X,
        y,
    )
"""


def test_every_fit_of_a_script_is_told_with_its_line_and_call(tmp_path):
    (tmp_path / "beside.py").write_text(BESIDE)
    both = run_both(tmp_path, DATA + EVERYTHING, options=("--json", "found.json"))
    assert both.alone.returncode == 0, both.alone.stderr
    assert both.audited.returncode == 1
    lines = both.report
    facts = json.loads((tmp_path / "found.json").read_text())
    told = [
        (fit["line"], fit["what"].rpartition(" ")[2], fit["kind"], fit["good"], fit["n"])
        for fit in facts["fits"]
    ]
    asked = "penalised, as asked: ridge"
    library = "penalised, as the library that made it has it: ridge"
    assert told == [
        (22, "LogisticRegression", "mle", True, 1),
        (23, "LogisticRegression", "default penalty", False, 1),
        (4, "LogisticRegression", asked, True, 1),
        (27, "Logit", "not the mle", False, 6),
        (27, "Logit", "mle", True, 3),
        (28, "LogisticRegression", asked, True, 1),
        (29, "LogisticRegression", asked, True, 7),
        (30, "LogisticRegression", "default penalty", False, 4),
        (31, "GLM", "mle", True, 1),
        (32, "LogisticRegression", "mle", True, 3),
        (32, "LogisticRegression", library, True, 1),
        (37, "LogisticRegression", "failed", None, 1),
        (38, "Logit", "mle", True, 1),
        (39, "Logit", "penalised, as asked: lasso", True, 1),
        (40, "GLM", "penalised, as asked: elastic net", True, 1),
        (41, "GLM", "mle", True, 1),
    ]
    assert {fit["file"] for fit in facts["fits"]} == {
        str(tmp_path / "script.py"),
        str(tmp_path / "beside.py"),
    }
    assert lines[1].startswith(
        "script.py:23: LogisticRegression().fit(X, y): NOT the MLE but ridge"
    )
    assert lines[2] == f"beside.py:4: LogisticRegression(C=0.5).fit( X, y, ): {asked} [C=0.5]"
    assert lines[3].startswith("script.py:27: sm.Logit(y, X).fit(disp=0")
    assert " (6 fits): NOT the MLE but " in lines[3]
    assert lines[6].endswith(f" (7 fits): {asked} [C=0.1, C=1]")
    assert "could not be judged: the design is sparse" in lines[11]
    assert lines[13].endswith("penalised, as asked: lasso [alpha=2]")
    assert lines[14].endswith("penalised, as asked: elastic net [alpha=0.1, L1_wt=0.5]")
    assert ": the MLE under 1 constraint, proved to " in lines[15]
    assert lines[16:] == [
        "flatprior: 1 fit of more than two classes: not judged",
        "flatprior: 1 fit of a binomial model with another link: not judged",
        "flatprior: 2 fits by partial_fit, which is of some rows at a time: not judged",
        "flatprior: 11 of 34 logistic fits not what they look like; 1 could not be judged",
    ]
    assert facts["verdict"] == lines[-1].removeprefix("flatprior: ")
    assert facts["passed"] is False
    assert facts["status"] == 0


ELSEWHERE = """
import atexit, os, sys, threading, warnings
warnings.simplefilter("ignore")  # Python 3.12 names the process that forks beside threads
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
import joblib
from flatprior.models import BernoulliLogistic, fit_sklearn
def fit():
    return LogisticRegression(C=0.1).fit(X, y)
atexit.register(fit)
thread = threading.Thread(target=fit); thread.start(); thread.join()
with joblib.parallel_config(backend="threading"):
    cross_val_score(LogisticRegression(C=0.2), X, y, n_jobs=2)
fit_sklearn(BernoulliLogistic.from_arrays(X, y))  # flatprior's own: a step of its work
if hasattr(os, "fork"):
    child = os.fork()
    if not child:
        fit()
        files = [open(os.devnull) for _ in range(20)]  # one may have the number of the pipe
        grandchild = os.fork()
        if grandchild:
            os.waitpid(grandchild, 0)
        for file in files:
            os.fstat(file.fileno())
        os._exit(0)
    os.waitpid(child, 0)
sys.exit(5)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_fits_in_threads_and_at_exit_are_judged_and_those_of_other_processes_named(tmp_path):
    both = run_both(tmp_path, DATA + ELSEWHERE)
    assert both.alone.returncode == both.audited.returncode == 5, both.alone.stderr
    line, workers, note, verdict = both.report
    assert line.endswith(" (2 fits): penalised, as asked: ridge [C=0.1]")
    assert workers.startswith("script.py:18: cross_val_score(LogisticRegression(C=0.2)")
    assert workers.endswith(" (5 fits): penalised, as asked: ridge [C=0.2]")
    assert note.startswith("flatprior: the script started other processes")
    assert verdict == "flatprior: 7 logistic fits, none of them other than it looks"


CLOSES = """
import os
from sklearn.linear_model import LogisticRegression
LogisticRegression().fit(X, y)
os.closerange(3, 100)
files = [open(f"theirs{i}", "wb") for i in range(20)]
LogisticRegression().fit(X, y)
print(sum(os.path.getsize(file.name) for file in files))
"""


def test_a_script_that_closes_all_files_keeps_its_own_clean(tmp_path):
    both = run_both(tmp_path, DATA + CLOSES)
    assert both.audited.stdout == "0\n", both.audited.stderr
    assert both.report[-1] == "flatprior: the only logistic fit is not what it looks like"


WAITS = """
import sys
from sklearn.linear_model import LogisticRegression
LogisticRegression(C=0.1).fit(X, y)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_is_the_scripts_and_what_was_judged_is_told(tmp_path, number):
    script = tmp_path / "script.py"
    script.write_text(DATA + WAITS)
    with started(*AUDIT, "script.py", cwd=tmp_path, stdin=-1) as process:
        assert process.stdout.readline() == "ready\n"
        if number == signal.SIGINT:  # as a terminal does it
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        _, err = process.communicate(timeout=60)
    lines = err.splitlines()
    assert lines[-1] == "flatprior: 1 logistic fit, none of them other than it looks"
    assert lines[-2].startswith("script.py:9: LogisticRegression(C=0.1)")
    assert process.returncode == 128 + number
    if number == signal.SIGINT:
        assert lines[0] == "Traceback (most recent call last):"
        assert lines[-3] == "KeyboardInterrupt"
        assert any(f'File "{script}", line {at}, in <module>' in err for at in (10, 11))
        assert "inside_script" not in err
    else:
        assert len(lines) == 2


def line(**changed):
    facts = {
        "file": "/a/b.py",
        "line": 3,
        "call": "fit(X, y)",
        "what": "statsmodels Logit",
        "kind": "mle",
        "good": True,
        "verdict": "the MLE",
        "distance": 1e-9,
    }
    return facts | changed


def test_fits_of_a_line_are_counted_and_the_worst_is_told():
    told = _Told()
    for facts in (
        line(),
        line(distance=1e-8, verdict="farther [] off", details=["C=1"]),
        line(distance=math.nan, verdict="unknown", details=["C=2"]),
        line(line=4),
        line(kind="other", verdict="of three classes"),
        line(kind="other", verdict="of three classes"),
    ):
        told.take(json.dumps({"fit": facts}))
    told.take(json.dumps({"ended": True, "workers": True}))
    first, second = told.fits.values()
    assert (first.n, first.verdict, first.details) == (3, "farther [] off", ("C=1", "C=2"))
    assert str(first).endswith(":3: fit(X, y) of Logit (3 fits): farther [C=1, C=2] off")
    assert (second.n, second.verdict) == (1, "the MLE")
    assert told.notes[0] == "2 fits of three classes: not judged"
    assert "other processes" in told.notes[1]


@pytest.mark.parametrize(
    "garbage",
    ["", "{", "[]", "1", '{"fit": 1}', '{"fit": {"file": 1}}', '{"fit": {"a": 2}}', "\ufffd" * 99],
)
def test_what_no_watch_has_written_says_nothing(garbage):
    told = _Told()
    told.take(garbage)
    assert not told.fits
    assert not told.notes


@pytest.mark.parametrize(
    ("outcomes", "status", "verdict", "passed", "ends"),
    [
        ((), 0, "no logistic fit of scikit-learn or statsmodels was seen", True, 0),
        ((True,), 3, "1 logistic fit, none of them other than it looks", True, 3),
        ((False,), 0, "the only logistic fit is not what it looks like", False, 1),
        ((False, True), 3, "1 of 2 logistic fits not what it looks like", False, 1),
        ((None,), 0, "1 logistic fit, none of them other than it looks; 1 could not be", True, 0),
        ((False, False), INTERRUPTED, "2 of 2 logistic fits not what they look like", False, 130),
    ],
)
def test_the_status_is_the_scripts_unless_a_fit_is_not_what_it_looks_like(
    outcomes, status, verdict, passed, ends
):
    fits = tuple(
        FitsOfALine(**line(line=number, good=good)) for number, good in enumerate(outcomes)
    )
    found = ScriptAudit(script="a.py", fits=fits, status=status)
    assert found.verdict.startswith(verdict)
    assert found.passed is passed
    assert found.exit_status == ends
    assert json.loads(json.dumps(found.to_dict()))["status"] == status


def test_what_steers_a_terminal_is_not_printed():
    fit = FitsOfALine(**line(call="\x1b[2J\n", file="/a\x1b.py", verdict="b\x07"))
    assert str(fit).isprintable()


def test_a_script_of_no_fits_imports_nothing_for_them(tmp_path):
    code = "import sys\nprint(sorted(n for n in sys.modules if 'sklearn' in n or 'numpy' in n))"
    both = run_both(tmp_path, code)
    assert both.audited.stdout == "[]\n"
    assert len(both.report) == 1
