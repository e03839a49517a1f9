"""The same table, however it is read: one model, or one sentence."""

from decimal import Decimal
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from generated_tables import generated_table
from multiplier import repeated
from scipy.sparse import csr_array

from flatprior.models import BernoulliLogistic, fit_newton, rows, verify
from flatprior.models.encoding import checks, tables

AUTO = Path(__file__).parents[2] / "data" / "question_marks.csv"


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


def test_in_batches_not_all_rows_that_are_not_finite_are_known_and_it_says_so(tmp_path):
    frame = pd.DataFrame({"x": np.arange(300) * 10.0, "y": np.arange(300) % 2})
    frame.iloc[:150].to_csv(tmp_path / "1.csv", index=False)
    frame.iloc[150:].to_csv(tmp_path / "2.csv", index=False)
    with pytest.raises(ValueError, match=r"rows \S+, .* and \d+ more; correct or drop them"):
        BernoulliLogistic.from_formula("y ~ exp(x)", frame)
    with pytest.raises(ValueError, match=r"exp\(x\).* and perhaps in others: not all rows were"):
        fit_newton(BernoulliLogistic.from_parquet(tmp_path, "y ~ exp(x)"))


def test_one_cell_that_is_no_number_stops_the_fit_and_is_named(tmp_path, monkeypatch):
    dd = pytest.importorskip("dask.dataframe")
    monkeypatch.setattr(tables, "BATCH_ROWS", 60)
    formula, frame = "high ~ horsepower + weight", pd.read_csv(AUTO)
    rows = "rows .33, 127, 331, 337, 355.; make such values missing or correct them"
    frame.index += 1
    frame.to_parquet(tmp_path / "auto.parquet")
    for build in (
        lambda: BernoulliLogistic.from_formula(formula, AUTO),
        lambda: BernoulliLogistic.from_formula(formula, frame),
        lambda: BernoulliLogistic.from_parquet(AUTO, formula),
        lambda: BernoulliLogistic.from_parquet(tmp_path, formula),
        lambda: BernoulliLogistic.from_dask(dd.from_pandas(frame, npartitions=4), formula),
    ):
        with pytest.raises(ValueError, match=rf"'horsepower' holds numbers.*'\?' in 5 {rows}"):
            build()
    meant = BernoulliLogistic.from_formula("high ~ C(horsepower) + weight", AUTO)
    assert meant.n_parameters == 141
    numbers = pd.read_csv(AUTO, na_values="?")
    fit = fit_newton(BernoulliLogistic.from_formula(formula, numbers))
    expected = [8.65507322, -0.0317060873, -0.00199173181]  # statsmodels, without the five rows
    assert fit.coefficients == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (
            ["1", "2", "3", "4", "5", "1,5"],
            r"'1,5' in 1 row \(5\).*comma of '1,5' is to be a point.*C\(x\)",
        ),
        (["1", "2", "3", "4", "5", "1,234"], "comma of '1,234' is to be left out, or a point if"),
        (["1", "2", "3", ".", "5", "."], r"'\.' in 2 rows \(3, 5\)"),
        ([1, 2, 3, 4.5, "?", 6], r"numbers in some rows and text in others: '\?' in 1 row \(4\)"),
        (["10", "20", "30", "40", "50", "60"], "all of its different values are numbers"),
        (pd.Categorical(["1", "2", "3", "4", "5", "?"]), r"'\?' in 1 row \(5\)"),
    ],
)
def test_what_spoils_a_number_is_named(cells, words):
    with pytest.raises(ValueError, match=words):
        BernoulliLogistic.from_formula("y ~ x", {"y": [0, 1, 0, 1, 1, 0], "x": cells})


def test_honest_categories_of_numbers_stay(tmp_path):
    y = [0, 1, 0, 1, 1, 0]
    for cells in (
        ["1", "2", "3", "other", "1", "2"],
        ["01234", "02345", "10001", "98101", "60601", "60601"],
        pd.Categorical(["1", "2", "3", "4", "5", "6"]),
        pd.Categorical(["1", "2", "3", "4", "5", "?"], ordered=True),
    ):
        levels = len(set(cells))
        model = BernoulliLogistic.from_formula("y ~ x", {"y": y, "x": cells})
        assert model.n_parameters == levels
    spoilt = {"y": y, "my x": ["1", "2", "3", "4", "5", "?"]}
    with pytest.raises(ValueError, match=r"write C\(`my x`\) if"):
        BernoulliLogistic.from_formula("y ~ `my x`", spoilt)
    assert BernoulliLogistic.from_formula("y ~ C(`my x`)", spoilt).n_parameters == 6


def test_a_response_of_0_and_1_with_something_else_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(tables, "BATCH_ROWS", 7)
    cells = ["0", "1"] * 10 + ["?"] + ["1", "0"] * 10 + ["?", "1"]
    path = tmp_path / "d.csv"
    path.write_text("y,x\n" + "".join(f"{y},{i}\n" for i, y in enumerate(cells)))
    for build in (
        lambda: BernoulliLogistic.from_formula("y ~ x", path),
        lambda: BernoulliLogistic.from_parquet(path, "y ~ x"),
    ):
        with pytest.raises(ValueError, match=r"response 'y' holds num.*'\?' in 2 rows \(21, 42\)"):
            build()


@pytest.mark.parametrize("ordered", [True, False])
def test_the_order_of_a_response_of_categories_is_kept(ordered):
    values = pd.Categorical(["lo", "hi", "lo", "hi"], categories=["lo", "hi"], ordered=ordered)
    x = [1.0, 2.0, 3.0, 4.0]
    for y in (values, pd.Series(values), pd.CategoricalIndex(values), pd.DataFrame({"y": values})):
        model = BernoulliLogistic.from_arrays(x, y)
        assert model.response_coding == "hi = 1, lo = 0"
        assert model.response.tolist() == [0, 1, 0, 1]
    for y in (values, pd.Series(values), pd.CategoricalIndex(values)):
        for data in ({"x": x, "y": y}, pd.DataFrame({"x": x, "y": y})):
            model = BernoulliLogistic.from_formula("y ~ x", data)
            assert model.response_coding == "hi = 1, lo = 0"


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


@pytest.mark.parametrize(
    "build",
    [
        lambda masked: BernoulliLogistic.from_arrays([masked, [1, 2], [2, 5]], [0, 1, 0]),
        lambda masked: BernoulliLogistic.from_arrays([[1, 2], [2, 5]], list(masked)),
        lambda masked: BernoulliLogistic.from_arrays([1, 2], [0, 1], offset=[0, masked[1]]),
        lambda masked: BernoulliLogistic.from_formula("y ~ x", {"y": [0, 1], "x": list(masked)}),
        lambda masked: BernoulliLogistic.from_formula(
            "y ~ x", {"y": [0, 1], "x": np.array(list(masked), dtype=object)}
        ),
        lambda masked: BernoulliLogistic.from_arrays(
            pd.DataFrame({"x": pd.Series(list(masked), dtype=object)}), [0, 1]
        ),
    ],
)
def test_masks_are_honoured_wherever_they_stand(build):
    with pytest.raises(ValueError, match="has masked values; fill or drop them"):
        build(np.ma.array([0, 1], mask=[False, True]))


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


def many(n: int) -> pd.DataFrame:
    """Rows that cross the borders of chunks, some of which do not count."""
    rng = np.random.default_rng(8)
    frame = pd.DataFrame({"x": rng.normal(size=n), "z": rng.lognormal(size=n)})
    frame["g"], frame["o"] = rng.choice(["a", "b", "c"], n), rng.normal(size=n)
    frame["w"], frame["y"] = rng.integers(0, 4, n), rng.integers(0, 2, n)
    frame.loc[::37, "x"] = np.nan
    return frame


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


def test_strands_of_rows_join_to_the_hash_of_all_wherever_they_are_cut(monkeypatch):
    monkeypatch.setattr(rows, "CHUNK_ROWS", 8)
    rng = np.random.default_rng(2)
    for _ in range(repeated(200)):
        n = int(rng.integers(1, 60))
        whole = rows.ArrayRows(rng.normal(size=(n, 2)), rng.integers(0, 2, n).astype(float))
        cuts = np.sort(rng.integers(0, n + 1, size=int(rng.integers(0, 7))))
        block, ends = whole.block(slice(None)), [0, *cuts.tolist(), n]
        strands = [
            rows.Strand.of(block.select(slice(start, stop)), start)
            for start, stop in pairwise(ends)
        ]
        while len(strands) > 1:  # neighbours join in whatever order
            j = int(rng.integers(len(strands) - 1))
            strands[j : j + 2] = [strands[j].join(strands[j + 1])]
        assert strands[0].digest() == whole.digest()


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


@pytest.mark.parametrize("what", ["values", "missing values", "rows", "levels"])
def test_a_frame_of_dask_that_is_random_in_each_pass_is_noticed(what):
    dd = pytest.importorskip("dask.dataframe")
    calm, passes = many(900)[["x", "y", "g"]].fillna({"x": 0.0}), iter(range(1000))

    def partition(number: int) -> pd.DataFrame:
        frame = calm[number * 300 : (number + 1) * 300].copy()
        if number == 1:
            now = next(passes)
            if what == "values":
                frame["x"] = frame["x"] + now
            elif what == "missing values":
                frame.loc[frame.index[: 10 * now], "x"] = np.nan
            elif what == "levels":
                frame["g"] = frame["g"].where(frame["x"] > 0, f"level {now}")
            else:
                frame = frame[: 300 - 7 * now]
        return frame

    lazy = dd.from_map(partition, range(3), meta=calm[:5])
    model = BernoulliLogistic.from_dask(lazy, "y ~ x + g")
    with pytest.raises(OSError, match="or are random; store them, and start again"):
        fit_newton(model)


def test_to_print_a_model_is_not_to_read_its_files(tmp_path, monkeypatch):
    many(300).to_parquet(tmp_path / "d.parquet")
    model = BernoulliLogistic.from_parquet(tmp_path, "y ~ x")
    with monkeypatch.context() as patched:
        patched.setattr(tables.Source, "frames", None)
        assert "found by the first pass" in str(model._repr_html_())
    fit = fit_newton(model)
    assert fit.provenance.data_hash in model._repr_html_()


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


@pytest.mark.parametrize(
    ("y", "x", "words"),
    [
        ([0, 1, 1], [1, 10**400, 3], "'x' has values that are not finite in row 1"),
        ([0, -(10**400), 1], [1, 2, 3], "'y' must be 0 or 1, but it has the values -inf, 0, 1"),
        ([0, 1, 1], [Decimal(1), Decimal(2), Decimal(3)], "holds Decimal values; it must hold num"),
        ([0, 1, 1], [b"a", b"b", b"a"], "holds bytes values; it must hold numbers, text or categ"),
    ],
)
def test_odd_objects_are_one_sentence(y, x, words):
    frame = pd.DataFrame({"y": pd.Series(y, dtype=object), "x": pd.Series(x, dtype=object)})
    with pytest.raises(ValueError, match=words):
        BernoulliLogistic.from_formula("y ~ x", frame)


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


def test_what_a_formula_cannot_compute_is_not_called_missing():
    with pytest.raises(
        ValueError, match=r"'log\(x\)' has values that are no numbers \(NaN\) in row 1"
    ):
        BernoulliLogistic.from_formula("y ~ log(x)", {"y": [0, 1, 0], "x": [1.0, -2.0, 3.0]})


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda: BernoulliLogistic.from_arrays([1, 2, 3], [0.5, 0.2, 1]), "of shares, give each"),
        (lambda: BernoulliLogistic.from_arrays([1, 2, 3], [0.5, 2, 1]), "; recode it$"),
        (lambda: BernoulliLogistic.from_arrays(csr_array(np.eye(2)), [0, 1]), r"X\.toarray\(\)"),
        (
            lambda: BernoulliLogistic.from_formula("y ~ x + offset(z)", {"y": 0, "x": [1], "z": 2}),
            r"'offset\(z\)' is not allowed in a formula; name its column beside the formula",
        ),
    ],
)
def test_the_remedy_is_one_that_works(build, words):
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


S = "a\ud800"


@pytest.mark.parametrize(
    "build",
    [
        lambda y, x: BernoulliLogistic.from_arrays(x, y, names=[S]),
        lambda y, x: BernoulliLogistic.from_arrays(x, [S, "b"] * 3),
        lambda y, x: BernoulliLogistic.from_formula(f"y ~ `{S}`", {"y": y, S: x}),
        lambda y, x: BernoulliLogistic.from_formula(
            "y ~ g", {"y": y, "g": pd.Series([S, "b", "c"] * 2, dtype=object)}
        ),
        lambda y, x: BernoulliLogistic.from_formula(
            "y ~ g", {"y": y, "g": pd.Categorical(pd.Series([S, "b", "c"] * 2, dtype=object))}
        ),
    ],
)
def test_half_a_character_is_refused_in_a_sentence(build):
    with pytest.raises(ValueError, match="a lone surrogate, which is half a character") as caught:
        build([0, 1, 0, 1, 1, 0], [1.0, 2, 3, 4, 2, 5])
    assert not isinstance(caught.value, UnicodeError)


def test_a_column_without_a_value_is_no_column_of_truth_values():
    assert checks.kind_of(pd.Series([], dtype=object)) == "numbers"


@pytest.mark.parametrize("dtype", ["bool", "boolean", "object"])
def test_the_coding_of_truth_values_is_said_whatever_stores_them(dtype, tmp_path):
    frame = pd.DataFrame({"y": pd.array([True, False] * 4, dtype=dtype), "x": range(8)})
    assert BernoulliLogistic.from_formula("y ~ x", frame).response_coding == "True = 1, False = 0"
    # an empty file, or a missing value, makes objects of them
    frame.iloc[:0].to_csv(tmp_path / "0.csv", index=False)
    frame.iloc[:5].to_csv(tmp_path / "1.csv", index=False)
    frame.iloc[5:].assign(y=[True, False, None]).to_csv(tmp_path / "2.csv", index=False)
    for build in (
        BernoulliLogistic.from_parquet,
        lambda p, f: BernoulliLogistic.from_formula(f, p),
    ):
        assert build(tmp_path, "y ~ x").response_coding == "True = 1, False = 0"
