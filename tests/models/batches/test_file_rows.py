import os
import re
import signal
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from generated_tables import many
from places import customers
from processes import started

from flatprior.analysis import predict, robust_covariance
from flatprior.models import BernoulliLogistic, certify, fit_newton, verify
from flatprior.models.batches import first_pass
from flatprior.models.encoding.files import source
from flatprior.models.encoding.files.source import Source

FORMULA = "bought ~ income + C(region) + age:member + log(age)"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 500)


def people(n: int, seed: int = 1) -> pd.DataFrame:
    """Rows of every kind, some with missing values, a level that comes late, weights with zeros."""
    rng = np.random.default_rng(seed)
    frame = customers(n, rng)
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
    frame = people(2400)
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


WRONG = {
    "no file": ("nothing*.csv", "y ~ x", FileNotFoundError, "no file"),
    "no column": ("*.csv", "bought ~ incom", ValueError, "did you mean 'income'"),
    "all at once": ("*.csv", "bought ~ scale(age)", ValueError, "needs all rows at once"),
    "three outcomes": ("*.csv", "region ~ age", ValueError, "'region' has 4 categories"),
    "not 0 or 1": ("*.csv", "count ~ age", ValueError, "must be 0 or 1"),
    "no logarithm": ("*.csv", "bought ~ log(base)", ValueError, r"are no numbers \(NaN\) in rows"),
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
    with pytest.raises(ValueError, match="'age' holds numbers in some rows and text in others"):
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
    with pytest.raises(OSError, match="has changed since it was first read"):
        fit_newton(model)


def test_other_content_is_noticed_though_size_and_time_of_the_file_are_the_same(tmp_path):
    path = tmp_path / "rows.csv"
    people(900).drop(columns="age").assign(age=np.arange(900) % 9).to_csv(path, index=False)
    before = path.stat()
    model = BernoulliLogistic.from_parquet(path, "bought ~ age")
    lines = path.read_text().splitlines()
    lines[700] = lines[700][:-1] + str((int(lines[700][-1]) + 1) % 9)
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(OSError, match=r"rows.csv' has changed since it was first read"):
        fit_newton(model)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    with pytest.raises(OSError, match=r"not the same in each pass: files of '.*rows\.csv' have"):
        fit_newton(model)


def test_what_needs_the_rows_in_memory_says_so(tmp_path):
    model = BernoulliLogistic.from_parquet(in_files(people(900), tmp_path, "csv"), "bought ~ age")
    for use in (lambda: model.design, lambda: model.pointwise_log_likelihood([0, 0])):
        with pytest.raises(ValueError, match="needs the rows in memory"):
            use()


def assert_same(pattern, formula: str, **roles) -> None:
    """The model of the files is the model of their rows in memory."""
    model = BernoulliLogistic.from_parquet(pattern, formula, **roles)
    memory = BernoulliLogistic.from_formula(formula, pattern, **roles)
    assert model.names == memory.names
    assert model.response_coding == memory.response_coding
    assert model.reference_levels == memory.reference_levels
    assert (model.n_rows, model.n_events) == (memory.n_rows, memory.n_events)
    fit, expected = fit_newton(model), fit_newton(memory)
    assert fit.coefficients == pytest.approx(expected.coefficients, rel=1e-7, abs=1e-9)


def test_categories_that_differ_between_files_are_sorted(tmp_path):
    frame = people(900).dropna()
    for number, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        rows = frame.iloc[part].sort_values("bought", ascending=number == 1)
        table = pa.table(
            {
                "bought": pa.array(rows["bought"].tolist()).dictionary_encode(),
                "member": pa.array(rows["member"].tolist()[::-1]).dictionary_encode(),
                "age": rows["age"].to_numpy(),
            }
        )
        pq.write_table(table, tmp_path / f"{number}.parquet")
    assert_same(tmp_path, "bought ~ age + member")


def test_categories_in_one_file_and_text_in_another_are_sorted(tmp_path):
    frame = people(600).dropna()
    first = frame.iloc[:300].copy()
    first["bought"] = pd.Categorical(first["bought"], categories=["yes", "no"])
    first["member"] = pd.Categorical(first["member"], categories=["yes", "no"])
    first.to_parquet(tmp_path / "0.parquet")
    frame.iloc[300:].assign(member="perhaps").to_parquet(tmp_path / "1.parquet")
    assert_same(tmp_path, "bought ~ age + member")


@pytest.mark.parametrize(
    ("formula", "roles"),
    [
        ("bought ~ kind:age + C(kind)", {}),
        ("bought ~ age:I(kind ** 2) + C(kind)", {}),
        ("bought ~ C(kind)", {"offset": "kind"}),
        ("bought ~ C(kind)", {"frequency_weights": "kind"}),
    ],
)
def test_a_column_can_be_a_number_and_categories(tmp_path, formula, roles):
    frame = people(900).assign(kind=1 + np.arange(900) % 4)
    assert_same(in_files(frame, tmp_path, "parquet"), formula, **roles)


def test_numbers_with_a_word_among_them_are_categories_in_every_batch(tmp_path):
    frame = people(1500).assign(zip=[str(i % 5) for i in range(1500)])
    frame.loc[1400::7, "zip"] = "A7"
    frame.to_csv(tmp_path / "0.csv", index=False)
    assert_same(tmp_path / "0.csv", "bought ~ C(zip)")
    with pytest.raises(ValueError, match="'zip' holds numbers in some rows and text in others"):
        BernoulliLogistic.from_parquet(tmp_path / "0.csv", "bought ~ zip")


@pytest.mark.parametrize("name", ["drawn", "self", "index", "column 1", "<b>x</b>"])
def test_columns_may_have_any_name(tmp_path, name):
    frame = people(600).rename(columns={"age": name})
    assert_same(in_files(frame, tmp_path, "parquet"), f"bought ~ `{name}` + C(region)")


def test_what_pandas_kept_as_an_index_is_a_column(tmp_path):
    people(300).set_index("age").to_parquet(tmp_path / "0.parquet")
    assert BernoulliLogistic.from_parquet(tmp_path, "bought ~ age").n_rows > 200


def test_hidden_folders_are_passed_over_and_compressed_files_are_not(tmp_path):
    people(300).to_csv(tmp_path / "a.csv", index=False)
    people(300, seed=2).to_csv(tmp_path / "b.csv.gz", index=False)
    for hidden in (".ipynb_checkpoints", "_temporary"):
        (tmp_path / hidden).mkdir()
        people(300).to_csv(tmp_path / hidden / "a.csv", index=False)
    model = BernoulliLogistic.from_parquet(tmp_path, "bought ~ age")
    assert model.n_rows + model.n_dropped == 600


def test_rows_are_called_by_their_numbers_in_the_files(tmp_path):
    frame = people(900).dropna()
    frame.index = range(1, len(frame) + 1)
    frame.loc[700, "age"] = np.inf
    with pytest.raises(ValueError, match="row 700"):
        BernoulliLogistic.from_parquet(in_files(frame, tmp_path, "csv"), "bought ~ region + age")


def test_a_late_outcome_that_is_neither_0_nor_1_is_noticed_at_once(tmp_path):
    frame = people(1200).assign(bought=0)
    frame.loc[::2, "bought"] = 1
    frame.loc[1100:, "bought"] *= 2
    with pytest.raises(ValueError, match="must be 0 or 1, but it has the values 0, 1, 2"):
        BernoulliLogistic.from_parquet(in_files(frame, tmp_path, "parquet"), "bought ~ age")


def test_a_batch_may_be_tiny_where_the_whole_is_not(tmp_path):
    frame = people(900).sort_values("base").assign(base=lambda f: np.minimum(600 * f["base"], 1))
    assert_same(in_files(frame.iloc[250:], tmp_path, "parquet"), "bought ~ exp(base)")


def test_rows_may_be_tiny_where_the_column_is_not(tmp_path, monkeypatch):
    """As p-values are: one row that is looked at, a batch, new rows; and nobody else's number."""
    monkeypatch.setattr(source, "FEWEST_ROWS", 100)
    monkeypatch.setattr(source, "BATCH_ROWS", 100)
    rng = np.random.default_rng(1)
    frame = pd.DataFrame({"x": rng.normal(size=1000), "y": rng.integers(0, 2, size=1000)})
    frame.loc[:849, "x"] *= 1e-200
    frame.to_parquet(tmp_path / "rows.parquet")
    held = fit_newton(BernoulliLogistic.from_formula("y ~ x", frame))
    model = BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ x")
    assert fit_newton(model).coefficients == pytest.approx(held.coefficients, rel=1e-12)
    told = predict(model, held, frame.iloc[:2])["log-odds"]
    assert told.to_numpy() == pytest.approx(held.coefficients[0], rel=1e-12)
    for scale in (1e-170, 1e170):
        frame.assign(x=frame["x"] * scale).to_parquet(tmp_path / "rows.parquet")
        largest = f"{frame['x'].abs().max() * scale:.1g}"
        for rows in (2**16, 50):  # also where the sample does not have the largest
            monkeypatch.setattr(first_pass, "SAMPLE_ROWS", rows)
            with pytest.raises(ValueError, match="squares double precision holds") as caught:
                fit_newton(BernoulliLogistic.from_parquet(tmp_path / "rows.parquet", "y ~ x"))
            found = re.search(r"column 'x' is (\S+?)(,| or more)", str(caught.value))
            assert float(found[1]) <= float(largest)
            assert found[1] == largest or found[2] == " or more"


def test_weights_past_exact_counting_are_refused(tmp_path):
    frame = people(900).assign(count=2**44)
    with pytest.raises(ValueError, match="sums to 2\\^53 or more"):
        BernoulliLogistic.from_parquet(
            in_files(frame, tmp_path, "parquet"), "bought ~ age", frequency_weights="count"
        )


def test_a_file_that_is_replaced_by_one_with_as_many_rows_is_noticed(tmp_path):
    pattern = in_files(people(900), tmp_path, "parquet")
    model = BernoulliLogistic.from_parquet(pattern, "bought ~ age")
    people(300, seed=9).assign(age=lambda f: 2 * f["age"] + 1).to_parquet(tmp_path / "1.parquet")
    with pytest.raises(OSError, match=r"1.parquet' has changed"):
        fit_newton(model)


def test_options_are_not_taken_for_functions(tmp_path):
    frame = people(600).dropna().replace({"member": {"yes": "poly(2)"}})
    assert_same(in_files(frame, tmp_path, "csv"), "bought ~ C(member, contr.treatment('poly(2)'))")


def test_a_missing_value_changes_no_other(tmp_path):
    frame = people(1500)
    frame["flag"] = (frame["base"] > 0).astype("boolean")
    frame["id"] = pd.array(2**53 + np.arange(1500) % 3, dtype="Int64")
    frame.loc[[700, 701], "flag"] = pd.NA
    frame.loc[1200, "id"] = pd.NA
    frame.to_parquet(tmp_path / "0.parquet")
    assert_same(tmp_path / "0.parquet", "bought ~ flag + C(id)")
    assert_same(tmp_path / "0.parquet", "flag ~ age")


def test_clusters_in_text_files_are_compared_by_value(tmp_path):
    frame = people(1200).assign(firm=np.arange(1200) % 40 * 1.0)
    first = frame.iloc[:600].astype({"firm": int})
    first.to_csv(tmp_path / "a.csv", index=False)
    frame.iloc[600:].to_csv(tmp_path / "b.csv", index=False)  # 1 there is 1.0 here
    model = BernoulliLogistic.from_parquet(tmp_path, "bought ~ age")
    fit = fit_newton(model)
    assert robust_covariance(model, fit, cluster="firm").n_clusters == 40
    frame.assign(firm=[f"{i % 40}" if i < 900 else f"A{i % 7}" for i in range(1200)]).to_csv(
        tmp_path / "c.csv", index=False
    )
    model = BernoulliLogistic.from_parquet(tmp_path / "c.csv", "bought ~ age")
    assert robust_covariance(model, fit_newton(model), cluster="firm").n_clusters == 47


def test_a_column_beside_those_of_the_formula_leaves_the_batches_what_they_were(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(source, "BATCH_NUMBERS", 320)
    monkeypatch.setattr(source, "FEWEST_ROWS", 8)
    frame = people(400).assign(firm=np.arange(400) % 40)
    frame.to_parquet(tmp_path / "a.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path, "bought ~ age")
    memory = BernoulliLogistic.from_formula("bought ~ age", frame)
    found, expected = (
        robust_covariance(each, fit_newton(each), cluster=cluster).covariance
        for each, cluster in ((model, "firm"), (memory, frame["firm"]))
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_lists_are_refused_in_a_sentence(tmp_path):
    people(300).assign(lists=[[1, 2]] * 300).to_parquet(tmp_path / "0.parquet")
    with pytest.raises(ValueError, match="'lists' holds lists or the like"):
        BernoulliLogistic.from_parquet(tmp_path, "bought ~ lists")
    with pytest.raises(ValueError, match="'lists' holds"):
        BernoulliLogistic.from_parquet(tmp_path, "bought ~ age", offset="lists")


def test_files_without_a_row_are_refused(tmp_path):
    people(10).iloc[:0].to_parquet(tmp_path / "0.parquet")
    for build in (
        lambda: BernoulliLogistic.from_parquet(tmp_path, "bought ~ age"),
        lambda: BernoulliLogistic.from_formula("bought ~ age", tmp_path),
    ):
        with pytest.raises(ValueError, match="the data have no rows"):
            build()


def test_row_numbers_run_through_all_files(tmp_path):
    pattern = in_files(people(900), tmp_path, "parquet")
    frames = list(Source.find(pattern).frames(("age",)))
    labels = np.concatenate([frame.index for frame in frames])
    assert np.array_equal(labels, np.arange(1, 901))
    assert max(map(len, frames)) <= 500
    assert np.array_equal(np.concatenate([f["age"] for f in frames]), people(900)["age"])


CODE = """
import pathlib, signal, sys, time
import flatprior.models.encoding.files.source as files
from flatprior.analysis.cli import main

original, begun = files._guarded, pathlib.Path(sys.argv.pop())

def told(items, name):
    begun.touch()
    for item in original(items, name):
        time.sleep(0.05)  # of a thousand batches: the signal comes within this pass
        yield item

files.BATCH_ROWS, files._guarded = 100, told
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in the background of a shell
main()
"""


def test_ctrl_c_ends_a_pass_with_a_clean_message(tmp_path):
    pattern = in_files(pd.concat([people(50_000)] * 2), tmp_path, "csv")
    begun = tmp_path / "begun"
    command = (sys.executable, "-c", CODE, "fit", pattern, "bought ~ age + region", begun)
    with started(*command) as process:
        waited = time.monotonic() + 60
        while not begun.exists() and time.monotonic() < waited:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == ""
    assert err.strip() == "flatprior: interrupted; nothing was written"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_file_that_changes_between_passes_is_noticed_though_size_and_time_are_the_same(
    tmp_path, kind
):
    import os

    frame, path = many(300)[["x", "y", "g"]], tmp_path / f"d.{kind}"

    def write(frame: pd.DataFrame) -> None:
        if kind == "csv":
            frame.to_csv(path, index=False)
        else:
            frame.to_parquet(path, compression=None, use_dictionary=False)

    for change in ({"x": frame["x"][::-1].to_numpy()}, {"g": frame["g"][::-1].to_numpy()}):
        write(frame)
        model = BernoulliLogistic.from_parquet(path, "y ~ x + g")
        found = os.stat(path)
        write(frame.assign(**change))
        assert os.stat(path).st_size == found.st_size
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
        with pytest.raises(
            OSError, match=r"not the same in each pass.*changed while they were read"
        ):
            fit_newton(model)


def test_to_print_a_model_is_not_to_read_its_files(tmp_path, monkeypatch):
    many(300).to_parquet(tmp_path / "d.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path, "y ~ x")
    with monkeypatch.context() as patched:
        patched.setattr(Source, "read", None)
        assert "found by the first pass" in str(model._repr_html_())
    fit = fit_newton(model)
    assert fit.provenance.data_hash in model._repr_html_()
