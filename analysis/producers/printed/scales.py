"""Whether a column is on the scale of coefficients or of odds ratios."""

from __future__ import annotations

import math
from statistics import median

from flatprior.analysis.producers.printed.numbers import Written


def on_their_scales(
    found: dict[str, dict[str, Written]], of_ratios: bool
) -> dict[str, dict[str, Written]]:
    """Say of each column whether it is on the scale of coefficients or of odds ratios.

    broom's ``exponentiate=TRUE`` changes estimates and intervals and neither their names nor the
    standard errors; a column of intervals beside both is of what lies within it.
    """
    rename: dict[str, str] = {}
    there = {what for numbers in found.values() for what in numbers}
    named = "odds ratio" in there or "coefficient" not in there
    if not named and (of_ratios or _exponentiated(found)):
        rename["coefficient"] = "odds ratio"
    ratios_only = "coefficient" in rename or ("odds ratio" in there and "coefficient" not in there)
    plain = "coefficient" in rename or ("odds ratio" in there and _within(found))
    if plain:
        rename |= {"low": "odds ratio low", "high": "odds ratio high"}
    if ratios_only and "coefficient" not in rename:
        # of the ratio as Stata's, or of its logarithm: the data tell, where few digits do not
        rename["standard error"] = "odds ratio SE"
    return {
        term: {rename.get(what, what): number for what, number in numbers.items()}
        for term, numbers in found.items()
    }


def _values(found: dict[str, dict[str, Written]], *names: str) -> list[tuple[float, ...]]:
    """The rows that have all of these numbers."""
    rows = [
        tuple(numbers[name].value for name in names)
        for numbers in found.values()
        if all(name in numbers for name in names)
    ]
    return [row for row in rows if all(map(math.isfinite, row))]


def _exponentiated(found: dict[str, dict[str, Written]]) -> bool:
    """Whether the estimates are odds ratios, by what stands beside them."""
    estimates = _values(found, "coefficient")
    if not estimates or min(estimates)[0] < 0:
        return False  # an odds ratio may be printed as 0.00
    rows = [row for row in _values(found, "coefficient", "standard error", "z") if min(row[:2]) > 0]
    if rows:
        # half a unit of each is no matter: one of the two is out by a lot
        as_it_is = median(abs(b / s - z) / (1 + abs(z)) for b, s, z in rows)
        return median(abs(math.log(b) / s - z) / (1 + abs(z)) for b, s, z in rows) < as_it_is
    ends = [
        row
        for row in _values(found, "low", "coefficient", "high")
        if row[1] > 0 and row[0] < row[2]
    ]
    if not ends or min(ends)[0] < 0:
        return False
    ends = [row for row in ends if row[0] > 0]
    plain = [abs((low + high) / 2 - b) / (high - low) for low, b, high in ends]
    logs = [
        abs(math.log(low * high) / 2 - math.log(b)) / math.log(high / low) for low, b, high in ends
    ]
    return bool(ends) and median(logs) < median(plain)


def _within(found: dict[str, dict[str, Written]]) -> bool:
    """Whether intervals are about the odds ratios rather than their logarithms."""
    rows = [row for row in _values(found, "low", "high", "odds ratio") if row[2] > 0]
    ratios = sum(low <= ratio <= high for low, high, ratio in rows)
    return ratios >= sum(low <= math.log(ratio) <= high for low, high, ratio in rows)
