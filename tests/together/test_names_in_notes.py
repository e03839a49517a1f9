"""A note is a sentence, and its first letter a capital one: unless that is a user's name."""

import re

import numpy as np
import pandas as pd
import pytest

from flatprior import analysis, models
from flatprior.models import BernoulliLogistic, fit_newton

RNG = np.random.default_rng(3)
N = 90
FRAME = pd.DataFrame(
    {
        "zzx": RNG.normal(size=N),
        "zzg": RNG.choice(["zza", "zzb", "zzc"], N),
        "zzh": RNG.choice(["zzu", "zzv"], N),
        "zzy": RNG.integers(0, 2, N),
    }
)
FRAME["zzt"] = FRAME["zzx"] * 2
FRAME["zzs"] = ((np.arange(N) % 9 == 0) & (FRAME["zzy"] == 1)).astype(float)


def of(right, **given):
    return BernoulliLogistic.from_formula(f"zzy ~ {right}", FRAME, **given)


def results():
    """Results whose notes are of columns, terms and levels."""
    crossed, plain, tied = of("zzx*zzg + zzh"), of("zzx + zzg"), of("zzx + zzt", aliased="drop")
    separated, both = of("zzx + zzs"), of("zzg*zzh + zzx")
    fits = {model: fit_newton(model) for model in (crossed, plain, tied, both)}
    means = analysis.marginal_means(both, fits[both], ["zzg", "zzh"], FRAME)
    without = FRAME[(FRAME["zzg"] != "zza") | (FRAME["zzh"] != "zzu")]
    empty = BernoulliLogistic.from_formula("zzy ~ zzg*zzh", without, aliased="drop")
    unknown = analysis.marginal_means(empty, fit_newton(empty), ["zzg", "zzh"], without)
    yield from (
        analysis.summarise(crossed),
        analysis.summarise(tied),
        *(analysis.anova(crossed, type=kind) for kind in (1, 2)),
        *(analysis.drop_one(separated, test) for test in ("LR", "score")),
        analysis.anova(of("zzx*C(zzg, Sum)"), type=3),
        analysis.anova(plain, crossed),
        analysis.likelihood_ratio_test(crossed, "zzx"),
        analysis.average_marginal_effects(crossed, fits[crossed], FRAME, at={"zzx": 1}),
        analysis.average_marginal_effects(plain, fits[plain], FRAME, slope="eyex"),
        analysis.average_marginal_effects(empty, fit_newton(empty), without),
        means,
        means.contrasts(),
        means.joint_tests(),
        unknown,
        unknown.contrasts(),
        unknown.joint_tests("pairwise", within="zzh"),
        analysis.confidence_intervals(separated),
        analysis.collinearity(plain, fits[plain]),
        analysis.hauck_donner(plain, fits[plain]),
        models.check_existence(separated),
        models.check_fragility(plain),
        analysis.explain_difference(plain, -fits[plain].coefficients),
        analysis.compare_models({"zzone": plain, "zztwo": crossed, "zzsep": separated}),
        tied,
        fits[tied],
    )


@pytest.fixture(scope="module")
def shown():
    return [f"{type(each).__name__}: {each}" for each in results()]


def test_no_name_begins_a_note_with_another_letter(shown):
    wrong = [re.findall(r".*Zz.*", text) for text in shown]
    assert [found for found in wrong if found] == []
    assert any(re.search(r"^Of zz", text, re.MULTILINE) for text in shown)
