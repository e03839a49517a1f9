import numpy as np
import pytest

from flatprior.models.encoding.stan_csv import (
    is_stan_csv,
    read_stan_csv,
    read_stan_files,
    stan_files,
)

# as CmdStan writes it, but for most of the configuration
HEAD = """# stan_version_major = 2
# stan_version_minor = 37
# stan_version_patch = 0
# model = logistic_model
# method = sample (Default)
#   sample
#     num_samples = {samples}
#     num_warmup = {warm_up}
#     save_warmup = {save}
#     thin = {thin} (Default)
# id = {chain}
lp__,accept_stat__,stepsize__,treedepth__,n_leapfrog__,divergent__,energy__,alpha,beta.1,beta.2
"""
ADAPTED = """# Adaptation terminated
# Step size = 0.9
# Diagonal elements of inverse mass matrix:
# 0.1, 0.2, 0.3
"""
TAIL = """#
#  Elapsed Time: 0.01 seconds (Warm-up)
#                0.01 seconds (Sampling)
#                0.02 seconds (Total)
#
"""


def lines(values):
    return "".join(f"{-a},0.9,0.8,2,3,{int(a > 8)},7,{a},{a + 1},{a + 2}\n" for a in values)


def file(values, before=(), samples=None, save="false", thin=1, chain=1, warm_up=None):
    head = HEAD.format(
        samples=len(values) * thin if samples is None else samples,
        warm_up=len(before) * thin if warm_up is None else warm_up,
        save=save,
        thin=thin,
        chain=chain,
    )
    return head + lines(before) + ADAPTED + lines(values) + TAIL


def test_columns_are_named_and_statistics_are_apart():
    found = read_stan_csv(file(range(10)))
    assert list(found.columns) == ["alpha", "beta[1]", "beta[2]"]
    assert found.columns["beta[2]"].tolist() == [a + 2 for a in range(10)]
    assert found.statistics["lp"].tolist() == [-a for a in range(10)]
    assert found.statistics["diverging"].tolist() == [False] * 9 + [True]
    assert (found.statistics["tree_depth"] == 2).all()
    assert (found.program, found.version, found.method) == ("logistic", "2.37.0", "sample")
    assert (found.warm_up, found.missing, found.thin) == (0, 0, 1)


@pytest.mark.parametrize("save", ["true", "1"])
@pytest.mark.parametrize("thin", [1, 3])
def test_the_warm_up_is_left_out_where_it_was_saved(save, thin):
    found = read_stan_csv(file(range(100, 120), before=range(7), save=save, thin=thin))
    assert found.columns["alpha"].tolist() == list(range(100, 120))
    assert found.warm_up == 7
    without = file(range(100, 120), before=range(7), save=save, thin=thin).replace(ADAPTED, "")
    assert read_stan_csv(without).columns["alpha"].tolist() == list(range(100, 120))


def test_a_run_that_was_stopped_says_what_is_missing():
    assert read_stan_csv(file(range(6), samples=10)).missing == 4


def test_an_approximation_says_what_it_is_and_its_own_density():
    text = "# method = variational\nlp__,log_p__,log_g__,a\n0,0,0,5\n0,-3,-2,1\n0,-4,-2,2\n"
    found = read_stan_csv(text)
    assert found.method == "variational"
    assert found.columns["a"].tolist() == [1, 2]  # the first line is the mean
    assert found.statistics["lp"].tolist() == [-3, -4]
    found = read_stan_csv("# method = pathfinder\nlp_approx__,lp__,a\n-9,-3,1\n-8,-4,2\n")
    assert found.statistics["lp"].tolist() == [-3, -4]
    found = read_stan_csv("# method = laplace\nlog_p__,log_q__,a\n-3,-9,1\n-4,-9,2\n")
    assert found.statistics["lp"].tolist() == [-3, -4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no lp__ in its heading"),
        ("a,b\n1,2\n", "no lp__ in its heading"),
        ("lp__,a\n", "no draws"),
        ("lp__,a,a\n1,2,3\n", "a name twice"),
        ("lp__,a\n1,2\n3\n", "line 3 of the file has 1 number, not 2"),
        ("lp__,a\n1,2\n3,4x\n", "line 3 of the file has '4x'"),
        (
            "# method = optimize\nlp__,a\n1,2\n",
            "'optimize', which makes no draws: run method=sample",
        ),
        ("# method = sample\nlp__,a\n1,__import__('os')\n", "in place of a number"),
    ],
)
def test_what_is_damaged_is_refused_in_one_sentence(text, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")) as raised:
        read_stan_csv(text)
    assert "\n" not in str(raised.value)


def test_the_files_of_a_folder_are_the_chains_of_one_run(tmp_path):
    for chain in (2, 10, 1):
        (tmp_path / f"logistic-20260102_{chain}.csv").write_text(
            file(range(chain, chain + 5), chain=chain)
        )
    (tmp_path / "data.csv").write_text("y,x\n0,1\n")
    paths = stan_files(tmp_path)
    assert [path.stem[-2:] for path in paths] == ["_1", "_2", "10"]
    columns, statistics, facts, notes = read_stan_files(paths)
    assert columns["alpha"][:, 0].tolist() == [1, 2, 10]
    assert statistics["lp"].shape == (3, 5)
    assert (facts.n, notes) == (5, ())
    (tmp_path / "other_1.csv").write_text(file(range(5)))
    with pytest.raises(ValueError, match="several runs"):
        stan_files(tmp_path)


def test_chains_that_do_not_belong_together_are_refused(tmp_path):
    first, second = tmp_path / "a_1.csv", tmp_path / "a_2.csv"
    first.write_text(file(range(20)))
    second.write_text(file(range(19), samples=20))
    with pytest.raises(ValueError, match="has 19 draws"):
        read_stan_files([first, second])
    second.write_text(file(range(20)).replace("alpha", "gamma"))
    with pytest.raises(ValueError, match="other variables"):
        read_stan_files([first, second])
    second.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="is no text"):
        read_stan_files([first, second])


def test_only_files_with_stans_heading_are_taken_for_such(tmp_path):
    path = tmp_path / "x.csv"
    for text, answer in (
        (file(range(3)), True),
        ("term,estimate\nx,1\n", False),
        ("# a comment\n" * 1000 + "lp__,a\n", False),
        ("", False),
    ):
        path.write_text(text)
        assert is_stan_csv(path) is answer
    assert not is_stan_csv(tmp_path)
    assert not is_stan_csv(tmp_path / "none.csv")


def test_numbers_are_read_to_the_last_bit():
    values = np.random.default_rng(1).normal(size=50) * 10.0 ** np.arange(-25, 25)
    text = "lp__,a\n" + "".join(f"0,{value!r}\n" for value in values.tolist())
    assert np.array_equal(read_stan_csv(text).columns["a"], values)
