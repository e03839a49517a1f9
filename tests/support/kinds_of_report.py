"""A report of every kind, small and quickly made: what the page may look like at all."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from reports import data, results

from flatprior.analysis import audit, compare_models, compare_routes, write_report
from flatprior.analysis.report import main_model
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_births,
    load_endometrial,
    sample_independence,
)

BIRTHS = "low ~ lwt + C(race) + smoke"
ENDOMETRIAL = "HG ~ NV + PI + EH"
ROWS = 20_400  # of a file: more than those of which leave-one-out and the like are computed


@cache
def _births() -> BernoulliLogistic:
    return BernoulliLogistic.from_formula(BIRTHS, load_births())


def agree(path: Path) -> Path:
    """Two optimisers and a sampler that agree."""
    model = _births()
    draws = sample_independence(model, draws=1000, seed=2, progress=False)
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model), draws)
    return write_report(path, agreement, data=load_births(), command="flatprior agree births.csv")


def disagreement(path: Path) -> Path:
    """Scikit-learn's estimate under its default penalty, held against the MLE and explained."""
    from sklearn.linear_model import LogisticRegression

    model = _births()
    design = model.arrays.design[:, 1:]
    penalised = LogisticRegression(max_iter=10_000, tol=1e-10).fit(design, model.response)
    coefficients = dict(
        zip(model.names, [penalised.intercept_[0], *penalised.coef_[0]], strict=True)
    )
    agreement = compare_routes(model, fit_newton(model), coefficients)
    return write_report(path, agreement, data=load_births())


def separated(path: Path) -> Path:
    """Quasi-complete separation by NV."""
    return write_report(path, model=BernoulliLogistic.from_formula(ENDOMETRIAL, load_endometrial()))


def rank_deficient(path: Path) -> Path:
    """An indicator that the factor has already."""
    births = load_births()
    births["other_race"] = (births["race"] == "other").astype(int)
    model = BernoulliLogistic.from_formula(f"{BIRTHS} + other_race", births)
    return write_report(path, model=model)


def comparison(path: Path) -> Path:
    """Three models, the first without an MLE."""
    formulas = (ENDOMETRIAL, "HG ~ PI + EH", "HG ~ EH")
    models = {each: BernoulliLogistic.from_formula(each, load_endometrial()) for each in formulas}
    return write_report(path, comparison=compare_models(models), data=load_endometrial())


def audited(path: Path) -> Path:
    """A fit of statsmodels, and a printed table with a standard error that is not right."""
    import statsmodels.formula.api as smf

    births, model = load_births(), _births()
    theirs = smf.logit(BIRTHS, births).fit(disp=0)
    table = pd.DataFrame({"coef": theirs.params, "std err": theirs.bse, "z": theirs.tvalues})
    table.loc["lwt", "std err"] *= 1.1
    printed = io.StringIO()
    table.round(4).to_csv(printed)
    file = path.with_name("printed.csv")
    file.write_text(printed.getvalue())
    return write_report(path, audits=[audit(theirs, model), audit(file, model)], data=births)


def rows_in_files(path: Path) -> Path:
    """Rows of a Parquet file, too many for what needs a refit for each."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"age": rng.normal(50, 12, ROWS).round(1), "dose": rng.random(ROWS)})
    frame["arm"] = rng.choice(["placebo", "low", "high"], ROWS)
    predictor = 0.03 * (frame["age"] - 50) + 0.4 * frame["dose"] - 0.7 * (frame["arm"] == "high")
    frame["died"] = (rng.random(ROWS) < 1 / (1 + np.exp(1 - predictor))).astype(int)
    file = path.with_name("rows.parquet")
    frame.to_parquet(file)
    return write_report(
        path, model=BernoulliLogistic.from_parquet(file, "died ~ age + dose + C(arm)")
    )


def long_names(path: Path) -> Path:
    """Names of columns and levels that are sentences, or one word of any length."""
    rng = np.random.default_rng(6)
    n = 150
    words = "the patient's systolic blood pressure in mm Hg, mean of three readings while seated"
    one_word = "serumlactatedehydrogenaseconcentration" * 3
    frame = pd.DataFrame({words: rng.normal(130, 15, n), one_word: rng.normal(size=n)})
    levels = [
        f"{each} of the university hospital, in the north wing, with or without an appointment"
        for each in ("a regular ward", "intensive care", "the day clinic")
    ]
    clinic = "where the patient was seen first, according to the records of the admitting physician"
    frame[clinic] = rng.choice([*levels, "x" * 90], n)
    outcome = "readmission within thirty days after discharge for whatever cause (linked registers)"
    predictor = 0.02 * (frame[words] - 130) + 0.5 * frame[one_word] + (frame[clinic] == levels[0])
    frame[outcome] = (rng.random(n) < 1 / (1 + np.exp(-predictor))).astype(int)
    formula = " + ".join(f"`{each}`" for each in (words, one_word, clinic))
    model = BernoulliLogistic.from_formula(f"`{outcome}` ~ {formula}", frame)
    return write_report(
        path, compare_routes(model, fit_newton(model), fit_sklearn(model)), data=frame
    )


def many_coefficients(path: Path) -> Path:
    """An intercept and 40 numbers."""
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(rng.normal(size=(250, 40)), columns=[f"marker_{i + 1}" for i in range(40)])
    predictor = frame.iloc[:, :8].sum(axis=1) / 4
    frame["y"] = (rng.random(250) < 1 / (1 + np.exp(-predictor))).astype(int)
    model = BernoulliLogistic.from_formula("y ~ " + " + ".join(frame.columns[:-1]), frame)
    return write_report(path, model=model, data=frame)


def many_levels(path: Path) -> Path:
    """A factor of 60 levels, in counted rows."""
    frame = pd.DataFrame(
        [(f"hospital {i + 1}", y, 4 + (i + 3 * y) % 7) for i in range(60) for y in (0, 1)],
        columns=["site", "y", "patients"],
    )
    model = BernoulliLogistic.from_formula("y ~ site", frame, frequency_weights="patients")
    return write_report(path, model=model, data=frame)


def markup(path: Path) -> Path:
    """Everything at once, of data whose names are markup."""
    return write_report(path, *results(), data=data())


KINDS: dict[str, Callable[[Path], Path]] = {
    each.__name__: each
    for each in (
        agree,
        disagreement,
        separated,
        rank_deficient,
        comparison,
        audited,
        rows_in_files,
        long_names,
        many_coefficients,
        many_levels,
        markup,
    )
}


def written_in(folder: Path, kind: str) -> Path:
    """The report of a kind, in a folder; with few bootstrap samples, whose number is a word."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(main_model, "RESAMPLES", 10)
        return KINDS[kind](folder / f"{kind}.html")
