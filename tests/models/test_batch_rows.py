import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic, batch_rows, certify, fit_newton, verify
from flatprior.models.batch_rows import Source

FORMULA = "bought ~ income + C(region) + age:member + log(age)"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(batch_rows, "BATCH_ROWS", 500)


def people(n: int, seed: int = 1) -> pd.DataFrame:
    """Rows of every kind, some with missing values, a level that comes late, weights with zeros."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "income": rng.normal(size=n),
            "age": rng.uniform(18, 80, size=n),
            "region": rng.choice(["north", "east", "south"], size=n),
            "member": rng.choice(["yes", "no"], size=n),
            "count": rng.integers(0, 4, size=n),
            "base": rng.normal(size=n),
        }
    )
    frame.loc[n - 30 :, "region"] = "a late one"
    eta = -0.5 + 0.4 * frame["income"] + 0.3 * (frame["region"] == "east")
    frame["bought"] = np.where(rng.random(n) < 1 / (1 + np.exp(-eta)), "yes", "no")
    frame.loc[::97, "income"] = np.nan
    frame.loc[5::101, "bought"] = None
    return frame


def in_files(frame: pd.DataFrame, folder, kind: str) -> str:
    """Write the rows to three files; return what finds them."""
    folder.mkdir(exist_ok=True)
    for number, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        rows = frame.iloc[part]
        if kind == "csv":
            rows.to_csv(folder / f"{number}.csv", index=False)
        else:
            rows.to_parquet(folder / f"{number}.parquet", row_group_size=300)
    return str(folder / f"*.{kind}")


@pytest.mark.parametrize("kind", ["parquet", "csv"])
@pytest.mark.parametrize("roles", [{}, {"offset": "base", "frequency_weights": "count"}])
def test_the_fit_is_that_of_the_rows_in_memory(tmp_path, kind, roles):
    frame = people(4000)
    pattern = in_files(frame, tmp_path, kind)
    model = BernoulliLogistic.from_parquet(pattern, FORMULA, **roles)
    memory = BernoulliLogistic.from_formula(FORMULA, frame, **roles)
    for fact in (
        "names", "n_rows", "n_observations", "n_events", "n_dropped", "n_zero_weight", "formula",
        "response_name", "response_coding", "reference_levels",
    ):  # fmt: skip
        assert getattr(model, fact) == getattr(memory, fact), fact
    fit, expected = fit_newton(model), fit_newton(memory)
    bound = fit.certificate.error_bound + expected.certificate.error_bound
    assert bound < 1e-6
    distance = np.abs(fit.coefficients - expected.coefficients) / expected.standard_errors
    assert distance.max() <= bound
    assert fit.standard_errors == pytest.approx(expected.standard_errors, rel=1e-7)
    assert fit.log_likelihood == pytest.approx(expected.log_likelihood, rel=1e-12)
    assert (fit.aic, fit.bic) == pytest.approx((expected.aic, expected.bic), rel=1e-12)
    assert certify(model, fit.coefficients).error_bound < 1e-6
    assert verify(model, fit).proves_existence


def test_every_pass_gives_the_same_answer(tmp_path):
    model = BernoulliLogistic.from_parquet(in_files(people(2000), tmp_path, "parquet"), FORMULA)
    beta = np.linspace(-1, 1, model.n_parameters) / 10
    assert model.log_likelihood(beta) == model.log_likelihood(beta)
    assert np.array_equal(fit_newton(model).coefficients, fit_newton(model).coefficients)


@pytest.mark.parametrize("categories", [["no", "yes"], ["yes", "no"]])
def test_categories_keep_their_own_order(tmp_path, categories):
    frame = people(1500).dropna()
    for column in ("member", "bought"):
        frame[column] = pd.Categorical(frame[column], categories=[*categories, "unused"])
    frame["region"] = pd.Categorical(
        frame["region"], categories=["south", "north", "a late one", "east"], ordered=True
    )
    formula = "bought ~ region + member"
    pattern = in_files(frame, tmp_path, "parquet")
    model = BernoulliLogistic.from_parquet(pattern, formula)
    memory = BernoulliLogistic.from_formula(formula, frame)
    assert model.names == memory.names
    assert model.reference_levels == memory.reference_levels == {
        "region": "south", "member": categories[0],
    }  # fmt: skip
    assert model.response_coding == f"{categories[1]} = 1, {categories[0]} = 0"
    assert model.n_events == memory.n_events


def test_a_folder_a_pattern_and_a_partitioned_folder_are_found(tmp_path):
    frame = people(900).dropna()
    pattern = in_files(frame, tmp_path / "plain", "parquet")
    names = BernoulliLogistic.from_parquet(pattern, "bought ~ region").names
    assert BernoulliLogistic.from_parquet(tmp_path / "plain", "bought ~ region").names == names
    frame.to_parquet(tmp_path / "hive", partition_cols=["region"])
    (tmp_path / "hive" / "_SUCCESS").write_text("")
    hive = BernoulliLogistic.from_parquet(tmp_path / "hive", "bought ~ region")
    assert hive.names == names
    assert hive.n_rows == len(frame)


def test_rows_in_memory_come_from_a_folder_too(tmp_path):
    frame = people(900)
    pattern = in_files(frame, tmp_path, "csv")
    model = BernoulliLogistic.from_formula(FORMULA, pattern)
    assert model.n_rows == BernoulliLogistic.from_formula(FORMULA, frame).n_rows


def test_a_sample_of_the_rows_is_drawn_whatever_the_batches(tmp_path, monkeypatch):
    from flatprior.models import survey

    monkeypatch.setattr(survey, "SAMPLE_ROWS", 400)
    frame = people(4000).dropna()
    model = BernoulliLogistic.from_parquet(in_files(frame, tmp_path, "parquet"), "bought ~ age")
    sample = model.rows.surveyed.sample
    assert sample.n_rows == 400
    drawn = model.rows.surveyed.sample_labels
    assert len(set(drawn)) == 400
    # labels are uniform over the rows: mean within 4 standard errors (false-alarm rate 6e-5)
    assert abs(drawn.to_numpy().mean() / len(frame) - 0.5) < 4 * np.sqrt(1 / 12 / 400)


WRONG = {
    "no file": ("nothing*.csv", "y ~ x", FileNotFoundError, "no file"),
    "no column": ("*.csv", "bought ~ incom", ValueError, "did you mean 'income'"),
    "all at once": ("*.csv", "bought ~ scale(age)", ValueError, "needs all rows at once"),
    "three outcomes": ("*.csv", "region ~ age", ValueError, "'region' has 3 categories"),
    "not 0 or 1": ("*.csv", "count ~ age", ValueError, "must be 0 or 1"),
    "no logarithm": ("*.csv", "bought ~ log(base)", ValueError, "missing values .* in rows"),
    "a word": ("*.csv", "bought ~ log(region)", ValueError, "but the formula computes with it"),
    "no weights": ("*.csv", "bought ~ age", TypeError, "must name a column"),
}


@pytest.mark.parametrize("problem", WRONG)
def test_bad_input_gets_a_sentence(tmp_path, problem):
    pattern, formula, kind, message = WRONG[problem]
    in_files(people(3000), tmp_path, "csv")
    roles = {"frequency_weights": [1, 2, 3]} if problem == "no weights" else {}
    with pytest.raises(kind, match=message):
        fit_newton(BernoulliLogistic.from_parquet(tmp_path / pattern, formula, **roles))


def test_a_file_without_a_column_that_the_others_have_is_named(tmp_path):
    pattern = in_files(people(900), tmp_path, "parquet")
    people(300).drop(columns="age").to_parquet(tmp_path / "3.parquet")
    with pytest.raises(ValueError, match=r"3.parquet.*has no column 'age'"):
        BernoulliLogistic.from_parquet(pattern, FORMULA)


def test_numbers_in_one_file_and_text_in_another_are_an_error(tmp_path):
    people(300).assign(age="old").to_csv(tmp_path / "1.csv", index=False)
    people(300).to_csv(tmp_path / "2.csv", index=False)
    with pytest.raises(ValueError, match="'age' holds numbers in some batches of rows and text"):
        BernoulliLogistic.from_parquet(tmp_path, "bought ~ age")


def test_missing_values_can_be_refused(tmp_path):
    pattern = in_files(people(900), tmp_path, "csv")
    with pytest.raises(ValueError, match=r"first in row 1 \(column 'income'\)"):
        BernoulliLogistic.from_parquet(pattern, FORMULA, missing="raise")
    people(900).assign(income=np.nan).to_csv(tmp_path / "0.csv", index=False)
    for file in ("1.csv", "2.csv"):
        (tmp_path / file).unlink()
    with pytest.raises(ValueError, match="no rows are left of 900"):
        BernoulliLogistic.from_parquet(pattern, FORMULA)


def test_a_file_that_changes_between_passes_is_noticed(tmp_path):
    pattern = in_files(people(900), tmp_path, "csv")
    model = BernoulliLogistic.from_parquet(pattern, "bought ~ age")
    people(100).to_csv(tmp_path / "2.csv", index=False)
    with pytest.raises(OSError, match="has changed while it was read"):
        fit_newton(model)


def test_what_needs_the_rows_in_memory_says_so(tmp_path):
    model = BernoulliLogistic.from_parquet(in_files(people(900), tmp_path, "csv"), "bought ~ age")
    for use in (lambda: model.design, lambda: model.pointwise_log_likelihood([0, 0])):
        with pytest.raises(ValueError, match="needs the rows in memory"):
            use()


def test_row_numbers_run_through_all_files(tmp_path):
    pattern = in_files(people(900), tmp_path, "parquet")
    frames = list(Source.find(pattern).frames(("age",)))
    labels = np.concatenate([frame.index for frame in frames])
    assert np.array_equal(labels, np.arange(1, 901))
    assert max(map(len, frames)) <= 500
    assert np.array_equal(np.concatenate([f["age"] for f in frames]), people(900)["age"])


def test_ctrl_c_ends_a_pass_with_a_clean_message(tmp_path):
    frame = pd.concat([people(50_000)] * 4)
    pattern = in_files(frame, tmp_path, "csv")
    command = [
        sys.executable, "-c",
        "import flatprior.models.batch_rows as b; b.BATCH_ROWS = 100\n"
        "from flatprior.analysis.cli import main; main()",
        "fit", pattern, "bought ~ age + region",
    ]  # fmt: skip
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COV_")}
    started = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    time.sleep(4)
    started.send_signal(signal.SIGINT)
    out, err = started.communicate(timeout=60)
    assert started.returncode == 130
    assert out == ""
    assert err.strip() == "flatprior: interrupted; nothing was written"
