"""The same table, however it is read: files to their last bit, names and codes as they stand."""

from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from generated_tables import generated_table, many
from multiplier import repeated

from flatprior.models import BernoulliLogistic, fit_newton, verify
from flatprior.models.encoding import tables


def described(build):
    """What a model is, to the last bit; or the sentence that refuses it."""
    try:
        model = build()
    except (ValueError, TypeError) as error:
        return str(error)
    blocks = model.rows.reduce(lambda block: [block[:4]])
    parts = [
        None if p[0] is None else np.concatenate(p).tobytes() for p in zip(*blocks, strict=True)
    ]
    return (
        model.names, model.n_rows, model.n_dropped, model.n_zero_weight, model.n_observations,
        model.n_events, model.response_coding, model.reference_levels, model.data_hash, *parts,
    )  # fmt: skip


def read_in_every_way(table, folder, monkeypatch):
    """Each way to read the CSV file, and each way to take the frame that pandas makes of it."""
    whole = table.write(folder / "whole.csv")
    (folder / "parts").mkdir()
    table.write(folder / "parts" / "0.csv", slice(0, 50))
    table.write(folder / "parts" / "1.csv", slice(50, None))
    from_file = [
        described(partial(BernoulliLogistic.from_formula, table.formula, path, **table.roles))
        for path in (whole, folder / "parts")
    ]
    for batch in (1000, 37):
        monkeypatch.setattr(tables, "BATCH_ROWS", batch)
        from_file += [
            described(partial(BernoulliLogistic.from_parquet, path, table.formula, **table.roles))
            for path in (whole, folder / "parts")
        ]
    frame = pd.read_csv(whole, skipinitialspace=True)
    frame.columns = list(table.columns)
    frame.index += 1
    for name in frame:
        if frame[name].dtype == object and frame[name].dropna().map(type).eq(bool).all():
            frame[name] = frame[name].astype("boolean")  # Dask would make text of it
        elif name in table.categories and not pd.api.types.is_numeric_dtype(frame[name]):
            frame[name] = pd.Categorical(frame[name], ordered=table.categories[name])
    frame.to_parquet(folder / "whole.parquet", row_group_size=30)
    in_memory = [
        described(lambda: BernoulliLogistic.from_formula(table.formula, frame, **table.roles)),
        described(
            lambda: BernoulliLogistic.from_parquet(
                folder / "whole.parquet", table.formula, **table.roles
            )
        ),
    ]
    dd = pytest.importorskip("dask.dataframe")
    in_memory.append(
        described(
            lambda: BernoulliLogistic.from_dask(
                dd.from_pandas(frame, npartitions=3), table.formula, **table.roles
            )
        )
    )
    return from_file, in_memory


NOT_ALL = ", and perhaps in others: not all rows were looked at"


def test_a_table_is_the_same_model_or_the_same_sentence_however_it_is_read(tmp_path, monkeypatch):
    for seed in range(repeated(5)):
        table = generated_table(seed)
        (tmp_path / str(seed)).mkdir()
        for ways in read_in_every_way(table, tmp_path / str(seed), monkeypatch):
            # what a formula makes of numbers is seen where they are encoded, a part at a time
            whole, *parts = [str(way).replace(NOT_ALL, "").split(" in row") for way in ways]
            assert all(
                part == whole or (NOT_ALL in str(way) and part[0] == whole[0])
                for part, way in zip(parts, ways[1:], strict=True)
            ), (seed, table.formula, table.kinds)
            assert NOT_ALL not in str(ways[0])
            assert "\n" not in ways[0]


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


def test_codes_with_leading_zeros_do_not_merge(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "BATCH_ROWS", 10)
    codes = ["1", "2", "10"] * 10 + ["01", "2", "1"] * 5
    (tmp_path / "d.csv").write_text(
        "y,x\n" + "".join(f"{i % 2},{code}\n" for i, code in enumerate(codes))
    )
    for build in (
        lambda formula: BernoulliLogistic.from_formula(formula, tmp_path / "d.csv"),
        lambda formula: BernoulliLogistic.from_formula(formula, tmp_path),
        lambda formula: BernoulliLogistic.from_parquet(tmp_path / "d.csv", formula),
    ):
        categories = build("y ~ C(x)")
        assert categories.reference_levels == {"x": "01"}
        assert categories.names[1:] == ("C(x)[T.1]", "C(x)[T.10]", "C(x)[T.2]")
        assert build("y ~ x").names == ("Intercept", "x")  # as a number 01 is 1


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
        monkeypatch.setattr(tables, "BATCH_ROWS", batch)
        for path in (tmp_path / "whole.csv", tmp_path / "parts"):
            model = BernoulliLogistic.from_parquet(path, formula, **roles)
            assert model.data_hash == expected
    for partitions in (1, 5, 23):
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
        ("y,x\n1,é\n".encode("latin-1"), r"is not text in UTF-8; save it with that encoding$"),
        ("y,x\n1,2\n".encode("utf-16"), r"is not text in UTF-8; save it with that encoding$"),
        (b"y,x\n1,2,3\n0,1,3\n", "more fields than the first line, which must name every column$"),
        (b"y,x\n", "^the data have no rows$"),
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


def test_columns_with_names_of_two_levels_are_pairs_in_a_formula(tmp_path):
    dd = pytest.importorskip("dask.dataframe")
    frame = pd.DataFrame({("a", "y"): [0, 1, 0, 1], ("a", "x"): [1.0, 2.0, 3.0, 0.0]})
    frame.to_parquet(tmp_path / "d.parquet")
    formula = "`('a', 'y')` ~ `('a', 'x')`"
    models = [
        BernoulliLogistic.from_formula(formula, frame),
        BernoulliLogistic.from_parquet(tmp_path, formula),
        BernoulliLogistic.from_dask(dd.from_pandas(frame, npartitions=2), formula),
    ]
    assert len({model.data_hash for model in models}) == 1


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


def test_truth_values_and_numbers_in_one_column_are_refused_however_they_are_read(tmp_path):
    for name, x in (("a", [1, 0] * 5), ("b", [True, False] * 5)):
        pq.write_table(pa.table({"y": [0, 1] * 5, "x": x}), tmp_path / f"{name}.parquet")
    mixed = pd.DataFrame({"y": [0, 1, 1], "x": pd.Series([1, True, False], dtype=object)})
    for build in (
        lambda: BernoulliLogistic.from_formula("y ~ x", tmp_path),
        lambda: BernoulliLogistic.from_formula("y ~ C(x)", tmp_path),
        lambda: BernoulliLogistic.from_formula("x ~ y", tmp_path),
        lambda: BernoulliLogistic.from_parquet(tmp_path, "y ~ x"),
        lambda: BernoulliLogistic.from_formula("y ~ x", mixed),
        lambda: BernoulliLogistic.from_formula("x ~ y", mixed),
    ):
        with pytest.raises(ValueError, match="'x' holds booleans in some rows and numbers in"):
            build()


def test_files_that_are_no_tables_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file"):
        BernoulliLogistic.from_formula("y ~ x", tmp_path / "none.csv")
    for name, content, words in (
        ("empty.csv", b"", "is empty"),
        ("headings.csv", b"y,x\n", "no rows"),
        ("twice.csv", b"y,x,x\n0,1,2\n", "'x' is repeated"),
        ("ragged.csv", b"y,x\n0,1\n1,2,3,4\n", "cannot be read as a table"),
        ("first.csv", b"y,x\n0,1,2\n1,2,3\n", "cannot be read as a table"),
        ("semicolons.csv", b"y;x\n0;1\n", "separate columns by ','"),
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
