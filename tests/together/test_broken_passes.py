"""What happens to a pass over files happens to the work: one sentence, and nothing half-written."""

import os
import signal
import threading

import pandas as pd
import pytest
from command_line import run
from places import ASKED, in_files, shoppers

import flatprior as fp
from flatprior.models.batches import first_pass
from flatprior.models.encoding.files import source
from flatprior.models.encoding.files.passes import Tally

FORMULA = "bought ~ income"


def small(patch):
    """Several batches, of which the first pass keeps some rows only."""
    patch.setattr(source, "BATCH_ROWS", 400)
    patch.setattr(first_pass, "SAMPLE_ROWS", 250)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    small(monkeypatch)


class Passes:
    """Counts passes that begin; in one of them something happens."""

    def __init__(self):
        self.number, self.last, self.happens = 0, None, None

    def begins(self):
        self.number += 1
        if self.number == self.last:
            self.happens()

    def break_in(self, number, happens):
        self.number, self.last, self.happens = 0, number, happens


@pytest.fixture
def passes(monkeypatch):
    counted, add = Passes(), Tally.add

    def begins(self, number=0, n_bytes=0):
        for _ in range(number):
            counted.begins()
        add(self, number, n_bytes)

    monkeypatch.setattr(Tally, "add", begins)
    return counted


def damage(path):
    """Spoil the bytes, and leave size and time what they are."""
    found, content = os.stat(path), bytearray(path.read_bytes())
    content[100:-200:7] = bytes(255 - each for each in content[100:-200:7])
    path.write_bytes(content)
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))


FAULTS = {
    "changes": (lambda path: os.utime(path, (1, 1)), "has changed since it was first read"),
    "vanishes": (lambda path: path.unlink(), "is no longer there; start again"),
    "damaged": (damage, "cannot be read as a table: .*; the file seems to be damaged"),
    "foot lost": (
        lambda path: os.truncate(path, path.stat().st_size // 2),
        "has changed since it was first read",
    ),
}
WRONG = {"Intercept": 0.0, "income": 1.0}


def influence(model):
    return fp.diagnose(model, fp.fit_newton(model), exact=True, most=5)


def flipped(model):
    """The estimate of the other outcome, which is one of the causes."""
    return -fp.fit_newton(model).coefficients


KINDS = {
    "sampling": ASKED["posterior_moments"],
    "profile": ASKED["confidence_intervals"],
    "scores": ASKED["predictive_scores"],
    "audit": lambda model: fp.audit(WRONG, model).distance,
    "leave-one-out": ASKED["exact_loo"],
    "importance": ASKED["psis_loo"],
    "fragility": ASKED["check_fragility"],
    "explanation": lambda model: fp.explain_difference(model, flipped(model)).distance,
    "influence": lambda model: influence(model).frame["Cook's distance"].tolist(),
}


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """How many passes each kind of work takes, and what it finds."""
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        for name in KINDS:
            model = in_files(shoppers(600), tmp_path_factory.mktemp("rows"), FORMULA)
            before = model.passes.number
            answer = KINDS[name](model)
            found[name] = (model.passes.number - before, answer)
    return found


@pytest.mark.parametrize(
    ("name", "fault"),
    [*(("sampling", fault) for fault in FAULTS), *((name, "damaged") for name in KINDS)],
)
def test_a_file_that_is_another_in_mid_work_ends_it_in_a_sentence(
    name, fault, passes, first, tmp_path
):
    happens, said = FAULTS[fault]
    for number in {1, first[name][0]}:
        model = in_files(shoppers(600), tmp_path, FORMULA)
        passes.break_in(number, lambda: happens(tmp_path / "2.parquet"))
        with pytest.raises(OSError, match=rf"2\.parquet' {said}") as caught:
            KINDS[name](model)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", KINDS)
def test_after_ctrl_c_in_a_pass_the_next_call_has_the_whole_answer(name, passes, first, tmp_path):
    last, expected = first[name]
    model = in_files(shoppers(600), tmp_path, FORMULA)
    passes.break_in(last, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        KINDS[name](model)
    assert passes.number == last
    assert KINDS[name](model) == pytest.approx(expected, rel=1e-12, nan_ok=True)


def compared(folder):
    """The work of comparing two models of the same files, in the same passes."""
    frame, path = shoppers(600).dropna(), str(folder / "*.parquet")
    in_files(frame, folder, FORMULA)
    formulas = "bought ~ income", "bought ~ income + age"
    models = {each: fp.BernoulliLogistic.from_parquet(path, each) for each in formulas}
    return lambda: fp.compare_models(models, leave_one_out=True).table()


@pytest.mark.parametrize("fault", ["damaged", "Ctrl-C"])
def test_of_models_that_share_their_passes_none_has_half_an_answer(fault, passes, tmp_path):
    compare, threads = compared(tmp_path), threading.active_count()
    passes.break_in(None, None)
    expected, last = compare(), passes.number
    assert last > 1
    for number in (1, last):
        compare = compared(tmp_path)
        if fault == "Ctrl-C":
            passes.break_in(number, lambda: signal.raise_signal(signal.SIGINT))
            with pytest.raises(KeyboardInterrupt):
                compare()
            pd.testing.assert_frame_equal(compare(), expected, rtol=1e-9)
        else:
            happens, said = FAULTS[fault]
            passes.break_in(number, lambda: happens(tmp_path / "2.parquet"))  # noqa: B023
            with pytest.raises(OSError, match=rf"2\.parquet' {said}"):
                compare()
        assert threading.active_count() == threads


COMMANDS = {
    "check": ("--json",),
    "fit": ("--profile", "--json"),
    "audit": ("--json", "--report"),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_what_a_command_has_written_when_it_is_broken_off_is_whole_and_named(
    name, passes, tmp_path
):
    frame, rows, table = shoppers(600), tmp_path / "rows", tmp_path / "table.csv"
    rows.mkdir()
    fp.fit_newton(in_files(frame, rows, FORMULA)).summary().to_csv(table)
    kept = set(tmp_path.iterdir())
    named = {each: tmp_path / f"made{each}" for each in ("--json", "--report")}
    options = [
        word for each in COMMANDS[name] for word in (each, named.get(each)) if word is not None
    ]
    call = (name, *((table,) if name == "audit" else ()), rows, FORMULA, *options)
    passes.break_in(None, None)
    assert run(*call).exit_code == 0
    whole = {path: path.read_text() for path in set(tmp_path.iterdir()) - kept}
    last = passes.number
    faults = {
        "flatprior: interrupted; ": (130, signal.raise_signal, signal.SIGINT),
        "flatprior: terminated; ": (143, signal.raise_signal, signal.SIGTERM),
        "2.parquet' is no longer there; start again": (2, os.unlink, rows / "2.parquet"),
    }
    for number in {1, last}:
        for said, (status, happens, what) in faults.items():
            in_files(frame, rows, FORMULA)
            for path in whole:
                path.unlink(missing_ok=True)
            passes.break_in(number, lambda happens=happens, what=what: happens(what))
            result = run(*call)
            assert result.exit_code == status, result.stderr
            *_, sentence = result.stderr.splitlines()
            assert said in sentence
            made = set(tmp_path.iterdir()) - kept
            assert made <= set(whole)
            if status != 2:
                files = ", ".join(repr(str(path)) for path in made) or "nothing"
                assert sentence == f"{said}{files} was written"
            for path in made:  # but for how long it took
                assert len(path.read_text()) == pytest.approx(len(whole[path]), abs=20)
