"""A PyTorch module of one linear unit: trained on `BCEWithLogitsLoss` it is this model."""

from __future__ import annotations

from typing import Any

import numpy as np

from flatprior.analysis.producers.their_data import (
    dense,
    labels_of,
    model_of,
    names_of,
    with_intercept,
)
from flatprior.analysis.producers.theirs import Settings, TheirFit
from flatprior.models.common.errors import InputError, InputTypeError
from flatprior.models.common.text import SCREEN, names_in
from flatprior.models.results import versions_of

MODULE = "torch"
SINGLE = "the parameters are of single precision, which has 7 digits"


def read(module: Any, X: Any, y: Any) -> TheirFit:
    """What the weights of the one unit say of the data that it was trained on.

    Parameters
    ----------
    module : torch.nn.Module
        Whose only parameters are a weight (1, k) and, if there is one, a bias (1,).
    X, y : array_like or tensor (n, k), (n,)
    """
    parameters = {name: value for name, value in module.named_parameters()}
    weights = [v for v in parameters.values() if v.ndim == 2 and v.shape[0] == 1]
    biases = [v for v in parameters.values() if v.ndim == 1 and v.shape[0] == 1]
    if len(weights) != 1 or len(biases) > 1 or len(weights) + len(biases) != len(parameters):
        shapes = [f"{name} {tuple(v.shape)}" for name, v in parameters.items()]
        raise InputTypeError(
            f"this {type(module).__name__} is not one linear unit: its parameters are "
            f"{names_in(SCREEN, shapes) or 'none'}; "
            "a Bernoulli-logistic model is torch.nn.Linear(k, 1)"
        )
    coefficients = _numbers(weights[0])[0]
    design = dense(_numbers(X) if hasattr(X, "detach") else X)
    if design.shape[1] != len(coefficients):
        raise InputError(
            f"the unit has {len(coefficients)} weights, the data {design.shape[1]} columns: pass "
            "what it was trained on"
        )
    names = names_of(X, len(coefficients))
    if biases:
        design, names = with_intercept(design, names)
        coefficients = np.concatenate([_numbers(biases[0]), coefficients])
    response = np.ravel(_numbers(y) if hasattr(y, "detach") else np.asarray(y, dtype=float))
    model = model_of(design, response, names, labels=labels_of(X))
    single = "float32" in str(weights[0].dtype)
    return TheirFit(
        producer="PyTorch linear unit",
        version=versions_of("torch")["torch"],
        coefficients=dict(zip(names, coefficients.tolist(), strict=True)),
        units={
            name: float(np.spacing(np.float32(abs(value))))
            for name, value in zip(names, coefficients.tolist(), strict=True)
        }
        if single
        else {},
        model=model,
        settings=Settings(method="gradient descent"),
        cure={
            "": "torch.optim.LBFGS(module.parameters(), line_search_fn='strong_wolfe', "
            "tolerance_grad=1e-12, max_iter=1000) in double precision, on BCEWithLogitsLoss, "
            "without weight_decay, on all rows at once",
        },
        notes=(SINGLE,) if single else (),
    )


def _numbers(tensor: Any) -> Any:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=float)
