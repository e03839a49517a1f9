"""Sentences of the library, in the options of the command line."""

import click
import pytest

from flatprior.analysis.cli.as_typed import FLAGS, as_typed
from flatprior.analysis.cli.commands import main


@pytest.mark.parametrize(
    ("sentence", "typed"),
    [
        ("make such values missing (na='?') or", "make such values missing (--na '?') or"),
        ("(na='5 mg', --na '5 mg')", "(--na '5 mg')"),
        ("(na=['?', '*', 'k.A.'])", "(--na '?' --na '*' --na k.A.)"),
        ("na='' leaves such words what they are", "--na '' leaves such words what they are"),
        ("name sep=, decimal= or encoding=", "name --sep, --decimal or --encoding"),
        (r"a tab: sep='\t'", "a tab: --sep tab"),
        ('drop it (aliased="drop", --aliased drop)', "drop it (--aliased drop)"),
        ("frequency_weights are counts", "--weights are counts"),
        ("(sampling_weights takes those)", "(--sampling-weights takes those)"),
        (
            "robust_covariance(model, fit, cluster=...) takes them",
            "--cluster COLUMN takes them",
        ),
        ("offset=t, or trials=n", "--offset t, or --trials n"),
    ],
)
def test_options_of_the_library_have_their_flags(sentence, typed):
    assert as_typed(sentence) == typed


@pytest.mark.parametrize(
    "sentence",
    [
        "GLM(y, X, offset=o) of statsmodels, in R glm(y ~ x, offset = log(t))",
        "the formula 'y ~ C(x, na=1)' and \"sep=';'\" are somebody's own words",
        "there is no column 'frequency_weights'; the file is /home/sampling_weights.csv",
        "offset: sampling_weights",
        "the option degree= of 'poly(x, 0)' must be a whole number",
        "it's what a file's frequency weights are",
        "write --na '?'",
    ],
)
def test_other_peoples_words_stay(sentence):
    assert as_typed(sentence) == sentence


def test_every_flag_is_one_of_the_command_that_fits():
    options = {each for parameter in main.commands["fit"].params for each in parameter.opts}
    assert set(FLAGS.values()) <= options


def test_what_a_command_has_not_is_of_the_one_that_has_it():
    with click.Context(main.commands["check"]):
        assert as_typed("na='?', cluster=g") == "--na '?', flatprior fit --cluster g"
    with click.Context(main.commands["fit"]):
        assert as_typed("na='?', cluster=g") == "--na '?', --cluster g"
