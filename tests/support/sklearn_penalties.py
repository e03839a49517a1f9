"""The share of absolute values in a penalty, as each version of scikit-learn is told of it."""

from __future__ import annotations

from typing import Any

import sklearn

# before 1.8 the penalty has a name, and l1_ratio is of the elastic net alone
NAMED = tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8)


def l1(share: float = 1.0) -> dict[str, Any]:
    """The settings of an l1 penalty, or of an elastic net of this share."""
    if not NAMED:
        return {"l1_ratio": share}
    return {"penalty": "l1"} if share == 1 else {"penalty": "elasticnet", "l1_ratio": share}
