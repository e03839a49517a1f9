"""Knots, centres and scales: from the rows that R shows them, each as often as it occurs."""

import numpy as np
import pandas as pd
import pytest

from flatprior.models import BernoulliLogistic, fit_newton

TERMS = (
    "center(x)",
    "scale(x)",
    "scale(x, center=FALSE, ddof=0)",
    "poly(x, 3)",
    "ns(x, df=4)",
    "bs(x, df=6)",
    "cr(x, df=5)",
    "0 + cr(x, df=4)",
    "0 + ns(x, df=4, intercept=TRUE)",
    "I(center(log(x))^2)",
    "scale(x) : ns(z, df=2) + offset(center(z))",
)


def weighted(n=60, seed=5):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"y": rng.integers(0, 2, n), "x": rng.lognormal(size=n).round(2) + 0.01})
    frame["z"], frame["w"] = rng.normal(size=n), rng.integers(0, 6, n)
    frame.loc[frame["w"] == 0, "x"] = 1e6  # no row at all
    return frame


def design(model):
    return np.asarray(model.design)


@pytest.mark.parametrize("term", TERMS)
def test_a_weighted_row_is_as_many_rows_to_the_last_bit(term):
    frame = weighted()
    rows = frame.loc[frame.index.repeat(frame["w"])].reset_index(drop=True)
    formula = f"y ~ {term}"
    counted = BernoulliLogistic.from_formula(formula, frame, frequency_weights="w")
    repeated = BernoulliLogistic.from_formula(formula, rows)
    times = frame.loc[frame["w"] > 0, "w"].to_numpy()
    assert np.array_equal(np.repeat(design(counted), times, axis=0), design(repeated))
    columns = np.repeat(design(counted), times, axis=0), repeated.design
    one, other = (BernoulliLogistic.from_arrays(each, rows["y"]) for each in columns)
    assert one.data_hash == other.data_hash
    one, other = fit_newton(counted), fit_newton(repeated)
    np.testing.assert_allclose(one.coefficients, other.coefficients, rtol=1e-9, atol=1e-11)
    new = pd.DataFrame({"x": [0.3, 1.0], "z": [0.0, 0.5]})
    assert np.array_equal(counted.encoding.design_matrix(new), repeated.encoding.design_matrix(new))


@pytest.mark.parametrize("term", TERMS)
def test_the_order_of_rows_plays_no_part(term):
    frame = weighted()
    frame = frame[frame["w"] > 0]
    moved = frame.sample(frac=1, random_state=3)
    one, other = (BernoulliLogistic.from_formula(f"y ~ {term}", each) for each in (frame, moved))
    order = pd.Index(frame.index).get_indexer(moved.index)
    assert np.array_equal(design(one)[order], design(other))


X = [0.3, 1.1, 1.7, 2.2, 2.9, 3.1, 4.0, 4.6, 5.5, 7.3, 6.1, 0.9, 9.5, -2, np.nan]
# R 4.2.2: rows 2 and 10 of model.frame(y ~ term + z, d)[[2]], y missing in the rows of 9.5 and -2,
# z in the first; of poly without the row in which x is missing, at which R stops
OF_R = {
    "scale(x)": [[-0.744865977237579], [1.288290212203360]],
    "ns(x, df=3)": [
        [-0.114303334702718, 0.546746808456010, -0.327761830200068],
        [0.336404614181583, 0.341192375572259, 0.298618960837520],
    ],
    "bs(x, df=4)": [
        [0.5924101172022684, 0.307665330812855, 0.0450525519848771, 0.0],
        [0.0123867965682711, 0.147558796881467, 0.5505432549799393, 0.289511151570323],
    ],
    "poly(x, 2)": [
        [-0.206588651867591, -0.0373944747228123],
        [0.357307416752123, 0.0844538052446014],
    ],
}


@pytest.mark.parametrize("term", OF_R)
def test_rows_without_a_response_are_seen_as_in_r_and_said(term):
    y = [0, 1, 0, 1, 1, 0, 1, 0, 1, 1, 0, 1, None, None, 1]
    frame = pd.DataFrame({"y": y, "x": X, "z": [np.nan, *range(1, 15)]})
    model = BernoulliLogistic.from_formula(f"y ~ {term} + z", frame)
    assert (model.n_rows, model.n_dropped) == (11, 4)
    found = design(model)[[0, 8], 1:-1]
    np.testing.assert_allclose(found, OF_R[term], rtol=1e-12, atol=1e-14)
    assert f"{term}: learnt from 14 rows, of which 3 are left out" in model.facts
    whole = BernoulliLogistic.from_formula(f"y ~ {term}", frame[frame["y"].notna()][:12])
    assert not any("learnt" in fact for fact in whole.facts)


def test_what_a_row_left_out_has_is_no_error_and_its_weight_counts():
    frame = weighted().assign(y=lambda d: d["y"].astype(float))
    frame.loc[1, "w"] = 3
    frame.loc[[1, 2], "y"] = np.nan
    frame.loc[2, ["x", "w"]] = [np.inf, 2]
    rows = frame.loc[frame.index.repeat(frame["w"])].reset_index(drop=True)
    models = [
        BernoulliLogistic.from_formula("y ~ ns(x, df=3) + poly(x, 2)", each, frequency_weights=w)
        for each, w in ((frame, "w"), (rows, None))
    ]
    new = pd.DataFrame({"x": [0.3, 1.0]})
    one, other = (model.encoding.design_matrix(new) for model in models)
    assert np.array_equal(one, other)
    # whose weight nobody knows is no row
    unknown = frame.assign(w=frame["w"].where(frame.index != 5))
    without = BernoulliLogistic.from_formula("y ~ center(x)", unknown, frequency_weights="w")
    known = BernoulliLogistic.from_formula(
        "y ~ center(x)", frame.drop(index=5), frequency_weights="w"
    )
    assert np.array_equal(without.encoding.design_matrix(new), known.encoding.design_matrix(new))


def test_rows_of_counts_are_one_row_each_and_those_without_trials_none():
    frame = pd.DataFrame(
        {"s": [1, 2, 0, 5, 0], "f": [3, 1, 4, 0, 0], "x": [1.0, 2.0, 4.0, 7.0, 90.0]}
    )
    model = BernoulliLogistic.from_formula("cbind(s, f) ~ center(x)", frame)
    assert model.encoding.design_matrix(pd.DataFrame({"x": [3.5]})).tolist() == [[1.0, 0.0]]
