"""Which outcome counts as 1, and what is no response."""

import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic
from flatprior.models.encoding.files import source


def test_a_response_of_0_and_1_with_something_else_names_it(tmp_path, monkeypatch):
    monkeypatch.setattr(source, "BATCH_ROWS", 7)
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
