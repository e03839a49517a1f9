"""What draws, which a report does not hold, add to it: columns, notes and words."""

from __future__ import annotations

import re
import string

from flatprior.analysis.comparison.notes import OF_LEAVE_ONE_OUT
from flatprior.analysis.diagnostics.psis import FOUND, UNDEFINED
from flatprior.analysis.report.glossary import OF_LEAVE_ONE_OUT as GLOSSARY
from flatprior.analysis.report.items import PROB
from flatprior.analysis.report.sections.model import KINDS_DIFFER, NO_INTERVALS
from flatprior.analysis.report.sections.prediction import (
    UNRELIABLE,
    WITH_BAD_K,
    WITHIN_ERRORS,
)
from flatprior.models.common.intervals import percentages
from flatprior.models.common.rendering import as_notes

# what is made of draws, which a report does not hold
OF_DRAWS = ("leave-one-out", "forest", "comparison-plot", "influence-plot")
RANKED = ("formulas", "comparison-table")  # by leave-one-out, where there are draws
# what tables and figures have more where draws passed, and the notes that these give
MORE_COLUMNS = {
    "coefficients-table": tuple(f"posterior {end}" for end in percentages(PROB)),
    "influential": ("Pareto k",),
}
# what may stand in the place of a name in a sentence; of all others a number
IN_WORDS = {"whose": ".*", "rows": ".*", "observations": r"\d+ observations?"}


def pattern_of(*sentences: str) -> str:
    """What matches any of some sentences, whatever stands where they have names in braces."""
    return "|".join(
        "".join(
            re.escape(words)
            + ("" if name is None else IN_WORDS.get(name, r"(?:[-+.\de]+|nan|inf)"))
            for words, name, _, _ in string.Formatter().parse(sentence)
        )
        for sentence in sentences
    )


MORE_NOTES = {
    "influential": pattern_of(UNDEFINED, FOUND, GLOSSARY),
    "comparison": pattern_of(*OF_LEAVE_ONE_OUT),
}
MORE_WORDS = {
    "forest": pattern_of(KINDS_DIFFER),
    "comparison-plot": pattern_of(WITHIN_ERRORS),
    "influence-plot": pattern_of(WITH_BAD_K, UNRELIABLE),
}
(NO_POSTERIOR,) = as_notes([NO_INTERVALS])
