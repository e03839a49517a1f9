"""Files are read whole or in batches, alike."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from damaged_files import damaged
from generated_tables import many
from multiplier import repeated
from written_files import WRITERS, table

from flatprior.models import BernoulliLogistic, fit_newton, verify
from flatprior.models.encoding.files import source
from flatprior.models.encoding.files.source import Source
from flatprior.models.encoding.tables import as_frame

FORMULA = "y ~ x + z + g"


@pytest.mark.parametrize("kind", WRITERS)
def test_one_table_is_one_model_in_every_format_whole_and_in_batches(tmp_path, monkeypatch, kind):
    frame = table(200)
    memory = BernoulliLogistic.from_formula(FORMULA, frame)
    path = WRITERS[kind](frame, tmp_path)
    whole = BernoulliLogistic.from_formula(FORMULA, path)
    assert whole.data_hash == memory.data_hash
    fit, expected = fit_newton(whole), fit_newton(memory)
    assert fit.coefficients.tobytes() == expected.coefficients.tobytes()
    monkeypatch.setattr(source, "BATCH_ROWS", 75)
    batches = BernoulliLogistic.from_parquet(path, FORMULA)
    assert batches.data_hash == memory.data_hash
    assert batches.reading == whole.reading
    fit = fit_newton(batches)
    bound = fit.certificate.error_bound + expected.certificate.error_bound
    distance = np.abs(fit.coefficients - expected.coefficients) / expected.standard_errors
    assert distance.max() <= bound < 1e-6


@pytest.mark.parametrize("kind", WRITERS)
def test_columns_that_nobody_uses_are_not_read(tmp_path, kind):
    path = WRITERS[kind](table(), tmp_path)
    found = Source.find(path)
    assert set(found.names) == set(table().columns)
    assert all(list(frame) == ["x", "y"] for frame in found.frames(("x", "y")))
    with pytest.raises(
        ValueError, match="no column 'q'; the columns are 'y', 'x', 'z', 'g', 'unus"
    ):
        BernoulliLogistic.from_formula("y ~ q", path)
    with pytest.raises(
        ValueError, match="no column 'q'; the columns are 'y', 'x', 'z', 'g', 'unus"
    ):
        BernoulliLogistic.from_formula("y ~ x", path, offset="q")


@pytest.mark.parametrize("kind", WRITERS)
def test_damage_to_a_file_is_one_sentence_where_it_is_seen(tmp_path, kind):
    path = WRITERS[kind](table(), tmp_path)
    content, rng = path.read_bytes(), np.random.default_rng(1)
    for _ in range(repeated(12)):
        path.write_bytes(damaged(content, rng))
        for build in (
            lambda: BernoulliLogistic.from_formula(FORMULA, path).data_hash,
            lambda: BernoulliLogistic.from_parquet(path, FORMULA).data_hash,
        ):
            assert "\n" not in said_of(build)


def said_of(build):
    try:
        build()
    except (ValueError, OSError) as error:
        return str(error)
    return ""


def test_a_folder_holds_one_kind(tmp_path):
    for kind in ("CSV", "Feather"):
        WRITERS[kind](table(), tmp_path)
    with pytest.raises(ValueError, match="holds text and Feather files; name one kind"):
        Source.find(tmp_path)
    assert Source.find(tmp_path / "*.csv").names[0] == "y"


def test_csv_is_read_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(5)
    n = 20_000
    text = [
        f"{v:.{d}g}" for v, d in zip(rng.lognormal(0, 9, n), rng.integers(15, 20, n), strict=True)
    ]
    path = tmp_path / "d.csv"
    path.write_text("y,x\n" + "".join(f"{i % 2},{value}\n" for i, value in enumerate(text)))
    exact = np.array([float(value) for value in text])
    memory = BernoulliLogistic.from_formula("y ~ x", path).design[:, 1]
    batches = BernoulliLogistic.from_parquet(path, "y ~ x").rows
    assert np.array_equal(memory, exact)
    found = np.concatenate(batches.reduce(lambda block: [block.design[:, 1]]))
    assert np.array_equal(found, exact)


def test_headings_that_mean_missing_elsewhere_are_names(tmp_path):
    (tmp_path / "d.csv").write_text("y,NA,None,null,\n0,1,2,3,4\n1,3,2,NA,3\n1,2,1,5,7\n")
    for build in (
        lambda: BernoulliLogistic.from_formula("y ~ NA + None", tmp_path / "d.csv"),
        lambda: BernoulliLogistic.from_parquet(tmp_path / "d.csv", "y ~ NA + None"),
        lambda: BernoulliLogistic.from_formula("y ~ NA + None", tmp_path),
    ):
        assert build().names == ("Intercept", "NA", "None")
    model = BernoulliLogistic.from_formula("y ~ null + `column 5`", tmp_path / "d.csv")
    assert model.n_dropped == 1


def test_an_empty_path_is_not_the_folder_one_is_in(tmp_path, monkeypatch):
    (tmp_path / "d.csv").write_text("y,x\n0,1\n1,3\n1,2\n")
    monkeypatch.chdir(tmp_path)
    for build in (BernoulliLogistic.from_formula, BernoulliLogistic.from_parquet):
        for path in ("", " "):
            arguments = {"formula": "y ~ x"} | {
                "data" if build == BernoulliLogistic.from_formula else "path": path
            }
            with pytest.raises(FileNotFoundError, match="the path of the data is empty"):
                build(**arguments)


def test_a_file_that_is_gone_is_called_gone(tmp_path):
    for number in range(2):
        frame = pd.DataFrame({"y": [0, 1, 1, 0, 1], "x": [1.0, 2, 3, 2, 2.5]})
        frame.to_parquet(tmp_path / f"{number}.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path, "y ~ x")
    (tmp_path / "1.parquet").unlink()
    with pytest.raises(FileNotFoundError, match=r"1.parquet' is no longer there; start again"):
        fit_newton(model)


@pytest.mark.parametrize("n", [100, 4096, 9001])
@pytest.mark.parametrize("roles", [{}, {"offset": "o", "frequency_weights": "w"}])
def test_the_hash_of_the_data_does_not_say_how_they_were_read(tmp_path, monkeypatch, n, roles):
    dd = pytest.importorskip("dask.dataframe")
    frame, formula = many(n), "y ~ z + exp(x) + log(z) * g + I(x ** 3) + sqrt(z)"
    memory = BernoulliLogistic.from_formula(formula, frame, **roles)
    expected = memory.data_hash
    frame.to_csv(tmp_path / "whole.csv", index=False)
    (tmp_path / "parts").mkdir()
    cuts = [0, 7, n // 3, n // 3 + 1, n]
    for j, (start, stop) in enumerate(pairwise(cuts)):
        frame[start:stop].to_parquet(tmp_path / "parts" / f"{j}.parquet", row_group_size=1000)
    for batch in (n // 7 + 1, 2048, 10**6):
        monkeypatch.setattr(source, "BATCH_ROWS", batch)
        for path in (tmp_path / "whole.csv", tmp_path / "parts"):
            model = BernoulliLogistic.from_parquet(path, formula, **roles)
            assert model.data_hash == expected
    for partitions in (1, 7):
        lazy = dd.from_pandas(frame, npartitions=partitions)
        assert BernoulliLogistic.from_dask(lazy, formula, **roles).data_hash == expected
    last = memory.row_labels[-1]
    changed = frame.assign(z=frame["z"].where(frame.index != last, np.nextafter(frame["z"], 9)))
    assert BernoulliLogistic.from_formula(formula, changed, **roles).data_hash != expected
    assert BernoulliLogistic.from_formula(formula, frame[::-1], **roles).data_hash != expected


def test_an_estimate_from_files_is_verified_on_the_rows_in_memory_and_back(tmp_path):
    frame = many(6000)
    frame.to_csv(tmp_path / "d.csv", index=False)
    models = (
        BernoulliLogistic.from_parquet(tmp_path / "d.csv", "y ~ x + g"),
        BernoulliLogistic.from_formula("y ~ x + g", tmp_path / "d.csv"),
        BernoulliLogistic.from_formula("y ~ x + g", frame),
    )
    for one in models:
        for other in models:
            assert verify(other, fit_newton(one)).proves_existence


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("y,x\n1,é\n".encode("latin-1"), r"is not text in UTF-8; .* encoding='latin-1'"),
        ("y,x\n1,2\n".encode("utf-16-le"), r"looks like text in UTF-16 .* encoding='utf-16-le'"),
        (b"y,x\n1,2,3\n0,1,3\n", "more fields than the first line, which must name every column"),
        (b"y,x\n1,2\n0,1,3\n1,1\n", "row 2 has more fields than the first line.*: 3 instead of 2$"),
        (b"y,x\n", "^the data have no rows; give some below"),
        (b"y,x\n1,1\n0,FALSE\n1,0\n0,TRUE\n", "'FALSE', 'TRUE' in 2 rows"),
    ],
)
def test_a_spoilt_file_is_one_sentence_however_it_is_read(tmp_path, content, words):
    path = tmp_path / "d.csv"
    path.write_bytes(content)
    for build in (
        lambda: BernoulliLogistic.from_formula("y ~ x", path),
        lambda: BernoulliLogistic.from_parquet(path, "y ~ x"),
    ):
        with pytest.raises(ValueError, match=words):
            build()


def test_integers_among_which_one_is_missing_do_not_merge_in_one_file_either(tmp_path):
    codes = [2**53, None, 2**53 + 1] * 10
    table = pa.table({"y": [0, 1] * 15, "x": pa.array(codes)})  # as programs other than pandas do
    pq.write_table(table, tmp_path / "d.parquet")
    models = [
        BernoulliLogistic.from_formula("y ~ C(x)", tmp_path / "d.parquet"),
        BernoulliLogistic.from_formula("y ~ C(x)", tmp_path),
        BernoulliLogistic.from_parquet(tmp_path, "y ~ C(x)"),
    ]
    for model in models:
        assert model.names == ("Intercept", "C(x)[T.9007199254740993]")
        assert model.data_hash == models[0].data_hash


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        BernoulliLogistic.from_formula("y ~ x", tmp_path / "none.csv")
    for name, content, words in (
        ("empty.csv", b"", "is empty"),
        ("headings.csv", b"y,x\n", "no rows"),
        ("twice.csv", b"y,x,x\n0,1,2\n", "'x' is repeated"),
        ("ragged.csv", b"y,x\n0,1\n1,2,3,4\n", "cannot be read as a table"),
        ("first.csv", b"y,x\n0,1,2\n1,2,3\n", "cannot be read as a table"),
        ("semicolons.csv", b"y;x\n0;1\n1\n", "seem to be separated by ';'"),
        ("junk.csv.gz", b"junk", "cannot be read as a table"),
        ("junk.zip", b"junk", "cannot be read as a table"),
        ("binary.csv", bytes(range(128, 256)), "cannot be read as a table"),
        ("not.parquet", b"PAR1junk", "cannot be read as a table"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ValueError, match=words) as caught:
            BernoulliLogistic.from_formula("y ~ x", path)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "ending", [".csv.gz", ".csv.bz2", ".csv.xz", ".csv.zst", ".parquet", ".feather"]
)
def test_bytes_that_are_damaged_lead_on(tmp_path, ending):
    frame = pd.DataFrame({"y": [0, 1] * 400, "x": np.random.default_rng(1).normal(size=800)})
    path = tmp_path / f"d{ending}"
    writers = {".parquet": frame.to_parquet, ".feather": frame.to_feather}
    if ending in writers:
        writers[ending](path)
    elif ending == ".csv.zst":
        with pa.output_stream(str(path), compression="zstd") as file:
            file.write(frame.to_csv().encode())
    else:
        frame.to_csv(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match="seems to be damaged or cut short: get it anew, or save"):
        as_frame(path)
    if ending.startswith(".csv"):
        path.write_bytes(b"y,x\n0,1\n1,2\n")
        with pytest.raises(ValueError, match=rf"it is not compressed so; take \{ending[4:]} off"):
            as_frame(path)
