"""The type of every array here, and how far double precision rounds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

EPSILON = float(np.finfo(float).eps)

UNIT = EPSILON / 2  # unit roundoff
SMALLEST = float(np.finfo(float).tiny)  # what a term may have lost to underflow
