"""What may be done to the page of a report of a model without an estimate, kind by kind."""

from __future__ import annotations

from forged_pages import FALSE, _once, _table, _without_last, cell, rewritten

# of a report of the endometrial data, whose outcomes NV separates
FORGED_WITHOUT_MLE = {
    "a verdict that is good": lambda page: page.replace(
        'class="verdict bad"', 'class="verdict good"', 1
    ).replace("✗ There is no maximum", "✓ There is a maximum", 1),
    "events of a level that separates and their copies": rewritten(
        "table-1", *cell(0, "events: mean or n", "12")
    ),
    "an odds ratio without an end, and its copies": rewritten(
        "odds-ratios", *cell(0, "97.5%", "98.25")
    ),
    "no arrow in the forest": _table("odds-ratios", r'<svg x="100%".*?</svg>', ""),
    "a limit and its copies": rewritten("limits", *cell(2, "limit", "-0.0521834")),
    "an end of an interval and its copies": rewritten("limits", *cell(1, "2.5%", "2.28411")),
    "an interval that is closed, and its copies": rewritten("limits", *cell(1, "97.5%", "9.5")),
    "where a coefficient goes, and its copies": rewritten("limits", *cell(1, "goes to", "finite")),
    "no separated rows in table and copies": rewritten("separated-rows", _without_last, list.pop),
    "a separated row less and in its copies": rewritten("separated-rows", *cell(0, "rows", "12")),
    "another separated row and in its copies": rewritten("separated-rows", *cell(0, "which", "21")),
    "a count of events and its copies": rewritten("outcomes-by-value", *cell(1, "events", "12")),
    "a likelihood ratio and its copies": rewritten("tests", *cell(1, "LR", "1.3576")),
    "a supremum in a note": _table("limits", r"(log-likelihood: -)\d+", r"\g<1>21"),
    "another remedy": _once(
        r"<p>Report the supremum,[^<]*", lambda m: "<p>Report what R prints; it is the estimate."
    ),
    "a claim more": _once(
        r"(<p>With a flat prior there is no)", lambda m: f"<p>{FALSE}.</p>{m[1]}"
    ),
    "an estimate in the methods": _once(
        r"There is no finite maximum likelihood estimate, and none is reported",
        lambda m: "The finite maximum likelihood estimate is reported",
    ),
    "no section of claims": _once(
        r'<section aria-labelledby="claims">.*?</section>\n', lambda m: ""
    ),
}
