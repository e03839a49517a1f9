"""The shared cases that statsmodels is held against, and its fit to convergence."""

import numpy as np
import statsmodels.api as sm

TEN = [
    "nes_logit", "lizards", "glm2_heart", "spector", "smarket", "pima_tr", "challenger", "vaso",
    "ohio", "lbw_stata",
]  # fmt: skip


def glm(case, columns=None, offset=None):
    frame = case.frame if columns is None else case.frame[columns]
    model = sm.GLM(
        case.response,
        frame,
        family=sm.families.Binomial(),
        freq_weights=case.weights,
        offset=offset,
    )
    return model.fit(tol=1e-13, tol_criterion="params", maxiter=200)


def expanded(case):
    """The case with one row an observation."""
    weights = np.ones(len(case.response), int) if case.weights is None else case.weights
    times = np.repeat(np.arange(len(weights)), weights)
    return case.frame.iloc[times].reset_index(drop=True), case.response[times], times
