from types import SimpleNamespace

import pandas as pd
import pytest

from flatprior.analysis.auditing.draws.cures import make_flat, sample_it, what_to_type
from flatprior.models import BernoulliLogistic


def made_by(route, model):
    return SimpleNamespace(posterior=SimpleNamespace(route=route), model=model)


@pytest.fixture
def words():
    """A response in words, and a factor whose indicators are one term."""
    frame = pd.DataFrame({"y": ["no", "yes"] * 4, "g": list("abcabcab"), "x": range(8)})
    return BernoulliLogistic.from_formula("y ~ g + x", frame)


@pytest.mark.parametrize(
    ("route", "flat", "sampled"),
    [
        ("PyMC", "pm.Flat(", "pm.sample()"),
        ("nutpie", "pm.Flat(", "pm.sample()"),
        ("CmdStan 2.35", "leave the prior statements out", "method=sample"),
        ("NumPyro", "ImproperUniform", "MCMC(NUTS(model)"),
        ("", "prior = NULL in rstanarm", "by NUTS"),
    ],
)
def test_each_program_is_told_in_its_own_words(words, route, flat, sampled):
    assert flat in make_flat(made_by(route, words))
    assert sampled in sample_it(made_by(route, words))


def test_bambi_is_told_its_terms_and_the_level_to_model(words):
    case = made_by("bambi", words)
    assert 'for name in ("Intercept", "g", "x",)' in make_flat(case)
    said = what_to_type(case, "response flipped and offset ignored", None)
    assert "y['yes'] ~ ..." in said
    assert 'offset(z)" in the formula' in said
    assert "flat" not in said.lower()  # no prior is at fault


def test_every_cause_is_cured(words):
    case = made_by("", words)
    causes = "response flipped and weights ignored and offset ignored"
    said = what_to_type(case, causes, object()).split("; ")
    assert said[:3] == [
        "code the outcome the other way round (1 - y)",
        "pass the weights: repeat each row as often as its weight says",
        "add the offset to the linear predictor",
    ]
    assert said[3].startswith("a flat prior on every coefficient")
