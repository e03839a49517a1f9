import glob
import gzip
import io
import json
import os

import numpy as np
import pandas as pd
import pytest
from command_line import run
from object_store import BUCKET, KEY_ID, SECRET, object_store
from places import FORMULA, ROLES, in_memory, shoppers

from flatprior.models import BernoulliLogistic, PointEstimate, fit_newton
from flatprior.models.common.errors import without_secrets
from flatprior.models.encoding.files import source, stores
from flatprior.models.encoding.files.stores import is_stored

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 400)
    stores._system.cache_clear()


@pytest.fixture
def s3(monkeypatch):
    """A store that `s3://` leads to."""
    with object_store() as store:
        for name, value in {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_ENDPOINT_URL": store.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }.items():
            monkeypatch.setenv(name, value)
        yield store
    stores._system.cache_clear()


@pytest.fixture
def memory():
    """The file system of fsspec that is in memory."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()


def stored(frame: pd.DataFrame, kind: str) -> dict[str, bytes]:
    """The rows in three files, and beside them what a folder of a cluster has besides."""
    made = {}
    for number, part in enumerate(np.array_split(np.arange(len(frame)), 3)):
        rows, file = frame.iloc[part], io.BytesIO()
        if kind == "parquet":
            rows.to_parquet(file, row_group_size=150)
        elif kind == "arrow":
            rows.reset_index(drop=True).to_feather(file)
        elif kind == "csv.gz":
            file.write(gzip.compress(rows.to_csv(index=False).encode()))
        elif kind == "csv":
            rows.to_csv(file, index=False)
        else:
            plain = rows.astype(object).where(rows.notna(), None).to_dict("records")
            file.write("\n".join(map(json.dumps, plain)).encode())
        made[f"year/{number}.{kind}"] = file.getvalue()
    return made | {"year/_SUCCESS": b"", "year/.part": b"x", "year/readme.md": b"x"}


def assert_same(model: BernoulliLogistic, frame: pd.DataFrame, fitted: bool = True) -> None:
    expected = in_memory(frame, None, FORMULA, **ROLES)
    assert model.data_hash == expected.data_hash
    if fitted:
        assert fit_newton(model).coefficients == pytest.approx(
            fit_newton(expected).coefficients, abs=1e-9
        )


@pytest.mark.parametrize("kind", ["parquet", "csv", "csv.gz", "arrow", "jsonl"])
@pytest.mark.parametrize("path", ["year", "year/", "year/*.{}", "**/[0-2].{}", "year/?.{}"])
def test_rows_in_a_store_are_those_in_memory(memory, kind, path):
    frame = shoppers(600)
    for key, content in stored(frame, kind).items():
        memory.pipe(f"bucket/{key}", content)
    model = BernoulliLogistic.from_parquet(f"memory://bucket/{path.format(kind)}", FORMULA, **ROLES)
    assert_same(model, frame, fitted=path == "year")  # the hash is of rows read in passes too
    assert model.passes.bytes > 0


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_store_that_speaks_s3_is_read_where_it_lies(s3, kind):
    frame = shoppers(600)
    for key, content in stored(frame, kind).items():
        s3.put(key, content)
    assert_same(BernoulliLogistic.from_parquet(f"s3://{BUCKET}/year", FORMULA, **ROLES), frame)
    one = BernoulliLogistic.from_formula(FORMULA, f"s3://{BUCKET}/year/*.{kind}", **ROLES)
    assert_same(one, frame)
    assert not any("readme" in request for request in s3.requests)


def test_partitions_by_folders_are_columns(memory):
    frame = shoppers(600)
    for region, part in frame.groupby("region"):
        file = io.BytesIO()
        part.drop(columns="region").to_parquet(file)
        memory.pipe(f"bucket/rows/region={region}/0.parquet", file.getvalue())
    model = BernoulliLogistic.from_parquet("memory://bucket/rows", FORMULA, **ROLES)
    ordered = frame.sort_values("region", kind="stable")
    assert_same(model, ordered)


def test_a_file_that_changes_or_vanishes_between_passes_ends_the_work(s3):
    for key, content in stored(shoppers(600), "parquet").items():
        s3.put(key, content)
    model = BernoulliLogistic.from_parquet(f"s3://{BUCKET}/year", FORMULA)
    s3.put("year/1.parquet", s3.objects["year/1.parquet"])
    with pytest.raises(OSError, match=r"s3://.*1.parquet' has changed since it was first read"):
        fit_newton(model)
    model = BernoulliLogistic.from_parquet(f"s3://{BUCKET}/year", FORMULA)
    del s3.objects["year/2.parquet"]
    with pytest.raises(FileNotFoundError, match=r"2.parquet' is no longer there; start again"):
        fit_newton(model)


def test_no_message_shows_credentials(s3, monkeypatch):
    for key, content in stored(shoppers(600), "parquet").items():
        s3.put(key, content)
    model = BernoulliLogistic.from_parquet(f"s3://{BUCKET}/year", FORMULA)
    s3.denies = True
    asked = (
        lambda: fit_newton(model),
        lambda: BernoulliLogistic.from_parquet(f"s3://{BUCKET}/year/*.parquet", FORMULA),
    )
    for ask in asked:
        with pytest.raises((OSError, ValueError), match="check name, network and access") as caught:
            ask()
        error = caught.value
        while error is not None:
            assert SECRET not in str(error)
            assert KEY_ID not in str(error)
            error = error.__cause__
    assert without_secrets(f"{KEY_ID} and {SECRET}") == "*** and ***"
    for path in (
        f"s3://{KEY_ID}:{SECRET}@{BUCKET}/a.csv",
        f"s3://{BUCKET}/a.csv?secret={SECRET}",
        f"abfs://c:{SECRET}@account/a.csv",
    ):
        with pytest.raises(ValueError, match="holds no credentials and no options") as caught:
            BernoulliLogistic.from_parquet(path, FORMULA)
        assert SECRET not in str(caught.value)


def test_what_is_not_there_or_not_streamed_is_said(memory):
    with pytest.raises(FileNotFoundError, match="no file 'memory://bucket/none'"):
        BernoulliLogistic.from_parquet("memory://bucket/none", FORMULA)
    frame = shoppers(60)
    file = io.BytesIO()
    frame.to_stata(file, write_index=False, version=118)
    memory.pipe("bucket/rows.dta", file.getvalue())
    with pytest.raises(ValueError, match="Stata files are read on this machine only"):
        BernoulliLogistic.from_parquet("memory://bucket/rows.dta", FORMULA)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("a.csv", ["a.csv"]),
        ("*.csv", ["a.csv", "b.csv"]),
        ("*/a.csv", ["x/a.csv"]),
        ("**/a.csv", ["a.csv", "x/a.csv", "x/y/a.csv"]),
        ("x/**", ["x/a.csv", "x/y/a.csv", "x/y/b.pq"]),
        ("x/**/b.*", ["x/y/b.pq"]),
        ("[!a].csv", ["b.csv"]),
        ("?/?/?.??", ["x/y/b.pq"]),
        ("*", ["a.csv", "b.csv"]),
    ],
)
def test_patterns_find_what_they_find_in_folders(memory, tmp_path, pattern, found):
    names = ["a.csv", "b.csv", "x/a.csv", "x/y/a.csv", "x/y/b.pq"]
    for name in names:
        memory.pipe(f"bucket/{name}", b"y,x")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("y,x")
    files = stores.stored_files(f"memory://bucket/{pattern}", (".csv",))
    assert files == [f"memory://bucket/{name}" for name in found]
    here = glob.glob(pattern, root_dir=tmp_path, recursive=True)
    assert sorted(name for name in here if (tmp_path / name).is_file()) == found


def test_paths_of_this_machine_are_not_stored():
    assert not any(map(is_stored, ["a.csv", "/a/b", "c:\\a.csv", "https://a/b", "", None, 3]))
    assert not is_stored(os.curdir)


def test_the_command_line_takes_stored_rows(s3, tmp_path):
    frame = shoppers(600)
    for key, content in stored(frame, "parquet").items():
        s3.put(key, content)
    result = run("fit", f"s3://{BUCKET}/year", "bought ~ income", "--json", tmp_path / "fit.json")
    assert result.exit_code == 0, result.stderr
    expected = fit_newton(in_memory(frame, None, "bought ~ income"))
    found = PointEstimate.load(tmp_path / "fit.json")
    assert found.coefficients == pytest.approx(expected.coefficients, abs=1e-9)
    result = run("fit", f"s3://me:{SECRET}@{BUCKET}/year", "bought ~ income")
    assert result.exit_code == 2
    assert "holds no credentials" in result.stderr
    assert SECRET not in result.stderr


def test_a_secret_that_begins_with_another_is_hidden_whole(monkeypatch):
    monkeypatch.setenv("A_TOKEN", "begins-alike")  # before the longer one in the environment
    monkeypatch.setenv("B_TOKEN", "begins-alike-and-goes-on")
    monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", "AccountName=me;Account=of-azure")
    assert without_secrets("no access with begins-alike-and-goes-on") == "no access with ***"
    assert without_secrets("in 'AccountName=me;Account=of-azure'") == "in '***'"
