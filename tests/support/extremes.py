"""Models of legal data that reach the ends of double precision, and every public call on them."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import flatprior.analysis as a
import flatprior.models as m


def heavy_tails(n: int = 150) -> pd.DataFrame:
    """A Cauchy column, a rare indicator, and offsets of thousands that the intercept takes back."""
    rng = np.random.default_rng(11)
    heavy = rng.standard_t(1.2, size=n)
    y = rng.random(n) < 1 / (1 + np.exp(1 - np.clip(heavy, -2, 2)))
    far = rng.random(n) < 0.1  # rows as certain as exp(-2000): their residuals underflow
    return pd.DataFrame(
        {
            "x": heavy,
            "g": rng.choice(["a", "b"], n),
            "o": 3000.0 + np.where(far, np.where(y, 2000.0, -2000.0), 0.0),
            "n": rng.integers(1, 4, n),
            "y": y.astype(int),
        }
    )


@dataclasses.dataclass
class Case:
    """A model with what is made of it, each when it is first asked for: in the caller's state."""

    offset: bool

    @cached_property
    def data(self) -> pd.DataFrame:
        return heavy_tails()

    @cached_property
    def model(self) -> m.BernoulliLogistic:
        roles = ("o", "n") if self.offset else (None, None)
        return m.BernoulliLogistic.from_formula("y ~ x + g", self.data, *roles)

    @cached_property
    def small(self) -> m.BernoulliLogistic:
        roles = ("o", "n") if self.offset else (None, None)
        return m.BernoulliLogistic.from_formula("y ~ x", self.data, *roles)

    @cached_property
    def fit(self) -> m.PointEstimate:
        return m.fit_newton(self.model)

    @cached_property
    def posterior(self) -> m.Posterior:
        return m.sample_independence(self.model, draws=300, seed=1, progress=False)

    @cached_property
    def agreement(self) -> a.Agreement:
        return a.compare_routes(self.model, self.fit, self.posterior)

    @cached_property
    def comparison(self) -> a.Comparison:
        return a.compare_models({"all": self.model, "small": self.small})

    @cached_property
    def separated(self) -> m.BernoulliLogistic:
        offset = np.linspace(-900, 900, 79) if self.offset else None
        return m.BernoulliLogistic.from_formula("HG ~ NV + PI + EH", m.load_endometrial(), offset)

    @property
    def far(self) -> np.ndarray:
        return self.fit.coefficients + 800.0


def saved(thing: Any, kind: Any) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        thing.save(Path(folder) / "thing")
        return kind.load(Path(folder) / "thing")


def page(case: Case) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = a.write_report(Path(folder) / "page.html", case.agreement, case.comparison)
        return a.read_report(path)


def wide() -> Any:
    """A correction of many slopes, one of them far from zero: some fitted odds are in the 1e9."""
    rng = np.random.default_rng(4)
    x = rng.normal(size=(400, 20)) * 10.0 ** rng.integers(-60, 60, 20)
    y = rng.random(400) < 1 / (1 + np.exp(-6 * x[:, 0] / x[:, 0].std()))
    model = m.BernoulliLogistic.from_arrays(x, y, intercept=True)
    return a.high_dimensional(model, m.fit_newton(model))


def dressed(result: Any) -> list[Any]:
    """A result in all its dresses."""
    return [
        str(result),
        result._repr_html_(),
        result.to_markdown(),
        result.to_latex(),
        result.to_typst(),
    ]


def classifier(case: Case) -> list[Any]:
    X = np.vstack([case.data["x"], case.data["g"] == "a"]).T.astype(float)
    found = m.LogisticMLE().fit(X, case.data["y"], sample_weight=case.data["n"])
    new = np.array([[-1e5, 0.0], [-1e3, 0.0], [0.0, 1.0], [1e3, 0.0], [1e5, 1.0]])
    return [
        *(found.coef_, found.intercept_, found.decision_function(new), found.predict(new)),
        *(found.predict_proba(new), found.predict_log_proba(new), found.score(X, case.data["y"])),
    ]


def numbers(case: Case) -> list[Any]:
    model, several = case.model, np.array([case.fit.coefficients, case.far, -case.far])
    return [
        *(model.log_likelihood(case.far), model.log_likelihood(several), model.score(several)),
        *(model.information(case.far), model.pointwise_log_likelihood(several), model.data_hash),
        *(model.design_matrix(case.data), model.facts, model.warnings, *dressed(model)),
        m.BernoulliLogistic.from_arrays(
            model.design, model.response, offset=model.offset, frequency_weights=model.counts
        ).n_events,
    ]


def of_draws(case: Case) -> list[Any]:
    draws = case.posterior
    return [
        *(draws.summary(), draws.summary(interval="hdi"), draws.odds_ratios(), draws.diagnostics),
        *(draws.odds_ratios(interval="hdi"), draws.warnings, *dressed(draws)),
        saved(draws, m.Posterior).draws,
    ]


Calls = Mapping[str, Callable[[Case], Any]]

MODELS: Calls = {
    "BernoulliLogistic": numbers,
    "Certificate": lambda c: [c.fit.certificate.to_dict()],
    "Existence": lambda c: [
        dressed(m.check_existence(c.separated)),
        m.check_existence(c.separated).table(),
    ],
    "Fragility": lambda c: m.check_fragility(c.model).to_dict(),
    "Limit": lambda c: m.check_existence(c.separated).limit.to_dict(),
    "LogisticMLE": classifier,
    "PointEstimate": lambda c: [
        *(c.fit.summary(), c.fit.odds_ratios(), c.fit.to_dict(), *dressed(c.fit)),
        saved(c.fit, m.PointEstimate).to_dict(),
    ],
    "Posterior": of_draws,
    "Refits": lambda c: dressed(m.refit(c.model, [c.model.counts, 2 * c.model.counts])),
    "certify": lambda c: [m.certify(c.model, c.fit.coefficients), m.certify(c.model, c.far)],
    "check_existence": lambda c: [
        m.check_existence(c.model).to_dict(),
        m.check_existence(c.separated).to_dict(),
    ],
    "check_fragility": lambda c: m.check_fragility(c.small).to_dict(),
    "fit_newton": lambda c: [m.fit_newton(c.model).to_dict(), m.fit_newton(c.small).to_dict()],
    "refit": lambda c: [
        m.refit(c.model, np.arange(3 * c.model.n_rows).reshape(3, -1) % 4),
        m.refit(c.separated, responses=[c.separated.response, 1 - c.separated.response]),
    ],
    "sample_independence": lambda c: c.posterior.draws,
    "verify": lambda c: m.verify(c.model, c.fit),
}
NO_OFFSET: Calls = {"fit_sklearn": lambda c: m.fit_sklearn(c.model).to_dict()}
WITH_PYMC: Calls = {
    "fit_map": lambda c: m.fit_map(c.model).coefficients,
    "sample_nuts": lambda c: (
        m.sample_nuts(c.model, draws=50, tune=50, chains=1, seed=1, cores=1, progress=False).draws
    ),
    "run_routes": lambda c: [r.coefficients for r in a.run_routes(c.model, routes=["newton"])],
}
ANALYSIS: Calls = {
    "Agreement": lambda c: [c.agreement.to_dict(), c.agreement.coefficients()],
    "BinnedResiduals": lambda c: str(a.binned_residuals(c.model, c.fit)),
    "CalibrationCurve": lambda c: str(a.calibration_curve(c.model, c.fit)),
    "ClassificationTable": lambda c: str(a.classification_table(c.model, c.fit)),
    "Collinearity": lambda c: [
        str(a.collinearity(c.model)),
        str(a.collinearity(c.model, c.fit).gvif),
    ],
    "Comparison": lambda c: [*dressed(c.comparison), c.comparison.to_dict()],
    "Convexity": lambda c: a.convexity(c.model, c.far),
    "CrossEntropy": lambda c: [
        str(a.binary_cross_entropy(c.model, c.fit)),
        str(a.binary_cross_entropy(c.model, c.far)),
    ],
    "Diagnostics": lambda c: a.diagnose(c.model, c.fit).table(),
    "Validation": lambda c: [
        *dressed(found := a.validate(c.small, 20, seed=1)),
        *(found.coefficient_intervals(kind) for kind in ("percentile", "BCa")),
        str(a.validate(c.small, 1, method="cross-validation", folds=3)),
    ],
    "EffectCurves": lambda c: str(a.effect_curves(c.model, c.fit, c.data)),
    "Explanation": lambda c: a.explain_difference(c.small, 2 * m.fit_newton(c.small).coefficients),
    "GoodnessOfFit": lambda c: a.goodness_of_fit(c.model, c.fit).to_dict(),
    "HypothesisTest": lambda c: str(a.wald_test(c.fit, "x")),
    "PosteriorCheck": lambda c: a.check_posterior(c.model, c.posterior).to_dict(),
    "PosteriorMoments": lambda c: a.posterior_moments(c.model, c.posterior),
    "PredictiveIndices": lambda c: str(a.predictive_indices(c.model, c.fit)),
    "ProfileCurve": lambda c: a.profile_curve(c.model, "x", points=5),
    "RobustCovariance": lambda c: str(a.robust_covariance(c.model, c.fit, "HC3")),
    "Summary": lambda c: [*dressed(a.summarise(c.model)), a.summarise(c.model).tidy()],
    "average_marginal_effects": lambda c: [
        *dressed(a.average_marginal_effects(c.model, c.fit, c.data)),
        a.average_marginal_effects(c.model, c.fit, c.data),
        a.average_marginal_effects(c.model, c.fit, c.data, by="g", slope="eydx"),
        a.average_marginal_effects(c.model, c.fit, c.data, ["x"], at="mean", slope="eyex"),
    ],
    "bernoulli_likelihood": lambda c: [
        a.bernoulli_likelihood(c.model, c.fit),
        a.bernoulli_likelihood(c.model, c.far),
    ],
    "coin": lambda c: str(a.coin(3, 5000)),
    "AnalysisOfDeviance": lambda c: [*dressed(a.anova(c.model)), a.anova(c.model).to_dict()],
    "anova": lambda c: [
        str(a.anova(c.small, c.model)),
        *(str(a.anova(c.model, test=test, type=2)) for test in ("LR", "score", "Wald")),
        str(a.anova(c.separated)),
    ],
    "confidence_intervals": lambda c: [
        a.confidence_intervals(c.model),
        a.confidence_intervals(c.separated),
    ],
    "cross_entropy_terms": lambda c: a.cross_entropy_terms(c.model, c.far),
    "drop_one": lambda c: str(a.drop_one(c.model)),
    "exact_loo": lambda c: a.exact_loo(c.model, c.fit),
    "gradient_descent": lambda c: a.gradient_descent(c.small, steps=50),
    "high_dimensional": lambda c: [*dressed(wide()), wide().to_dict()],
    "hauck_donner": lambda c: a.hauck_donner(c.model, c.fit),
    "likelihood_curve": lambda c: a.likelihood_curve(
        c.model, c.fit, "x", np.linspace(-900, 900, 5)
    ),
    "likelihood_ratio_test": lambda c: str(a.likelihood_ratio_test(c.model, c.small)),
    "marginal_means": lambda c: [
        of
        for result in (c.fit, c.posterior)
        for means in (
            a.marginal_means(c.model, result, "g", c.data),
            a.marginal_means(c.model, result, "g", c.data, "probability", "rows"),
        )
        for of in (
            *dressed(means),
            means.to_dict(),
            means.contrasts(comparison="odds ratio"),
            means.joint_tests(),
        )
    ],
    "plot_surface": lambda c: a.plot_surface(c.small) is None,
    "posterior_mode": lambda c: a.posterior_mode(c.posterior).coefficients,
    "predict": lambda c: [
        a.predict(c.model, c.fit, c.data),
        a.predict(c.model, c.posterior, c.data),
    ],
    "predictive_scores": lambda c: a.predictive_scores(c.model, c.fit),
    "product_underflow": lambda c: [
        str(a.product_underflow(c.model, c.fit, dtype)) for dtype in ("float16", "float64")
    ],
    "psis_loo": lambda c: a.psis_loo(c.model, c.posterior),
    "required_C": lambda c: a.required_C(c.model, c.fit),
    "score_test": lambda c: str(a.score_test(c.model, "x")),
    "sklearn_objective": lambda c: a.sklearn_objective(c.model, c.far),
}
REPORT: Calls = {"verify_report": lambda c: a.verify_report(c.model, page(c))}


def plain(thing: Any) -> Any:
    """A result as nested tuples of text and bytes, times left out, to be compared for equality."""
    if isinstance(thing, np.ndarray):
        return thing.shape, repr(thing.tolist()) if thing.dtype == object else thing.tobytes()
    if isinstance(thing, (pd.DataFrame, pd.Series)):
        return thing.to_csv()
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        return plain({f.name: getattr(thing, f.name) for f in dataclasses.fields(thing)})
    if isinstance(thing, Mapping):
        return tuple((str(k), plain(v)) for k, v in thing.items() if k != "seconds")
    if isinstance(thing, (list, tuple)):
        return tuple(map(plain, thing))
    return repr(thing)
