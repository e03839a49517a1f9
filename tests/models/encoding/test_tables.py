"""A table is the same model however it comes."""

from functools import partial

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from generated_tables import generated_table
from multiplier import repeated

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files import source


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
        monkeypatch.setattr(source, "BATCH_ROWS", batch)
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


def test_codes_with_leading_zeros_do_not_merge(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 10)
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
