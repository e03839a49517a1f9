"""What may be done to the page of a report by somebody who makes a new checksum, kind by kind."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import escape

from damaged_files import embedded_in

from flatprior.analysis.report.page import Page, Table
from flatprior.models.common.rendering import Rendered
from flatprior.models.results import versions_of

FALSE = "These estimates are causal effects"


def _once(pattern: str, new: Callable[[re.Match[str]], str]) -> Callable[[str], str]:
    def forged(page: str) -> str:
        changed, n = re.subn(pattern, new, page, count=1, flags=re.DOTALL)
        assert n == 1, pattern
        return changed

    return forged


def _table(name: str, old: str, new: str) -> Callable[[str], str]:
    """Replace something, for the first time, in a table."""
    whole = rf'<div class="table[^>]*id="{name}">\n.*?role="status"></span></p>\n</div>\n'

    def inner(match: re.Match[str]) -> str:
        changed, n = re.subn(old, lambda m: m.expand(new), match[0], count=1, flags=re.DOTALL)
        assert n == 1, (name, old)
        return changed

    return _once(whole, inner)


def _twice(whole: str, old: str, new: str) -> Callable[[str], str]:
    """A forged copy of some part in front of the true one."""
    return _once(whole, lambda m: re.sub(old, new, m[0], count=1, flags=re.DOTALL) + m[0])


def _of_another_version(change: Callable[[str], str]) -> Callable[[str], str]:
    """A page that says to be of another version, whose style and script are not known here."""
    return lambda page: change(page.replace(versions_of()["flatprior"], "0.0.0"))


def rewritten(
    name: str, change: Callable[[Table], Table], in_full: Callable[[list], None] = lambda rows: None
) -> Callable[[str], str]:
    """A table changed with its copies; `in_full` changes the rows of the one with all digits."""

    def forged(page: str) -> str:
        old = Page.of(page).tables[name]
        new = change(old)
        rows = list(csv.reader(io.StringIO(old.formats["CSV"])))
        in_full(rows)
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        shown = Rendered(
            title=new.title,
            facts=new.facts,
            columns=new.columns,
            names=new.names,
            cells=new.cells,
            notes=new.notes,
        )
        page = _once(TABLE.format(name), lambda m: _markup(m[0], old, new))(page)
        pattern = r'<script type="application/json" id="flatprior-tables">(.*?)</script>'
        formats = json.loads(re.search(pattern, page, re.DOTALL)[1])
        formats[name] = {
            "CSV": text.getvalue(),
            "Markdown": shown.markdown(),
            "LaTeX": shown.latex(),
        }
        return embedded_in(page, formats, "flatprior-tables")

    return forged


def _markup(item: str, old: Table, new: Table) -> str:
    text = lambda value: escape(value).replace("&quot;", "&#34;").replace("&#x27;", "&#39;")  # noqa: E731
    facts = "".join(f'<span class="fact">{text(fact)}</span>' for fact in new.facts)
    left = [' class="word"' if j in new.words else "" for j in range(len(new.columns))]
    head = "".join(
        f'<th scope="col"{place}>{text(column)}</th>'
        for column, place in zip(new.columns, left, strict=True)
    )
    kinds = [f' class="{kind}"' if kind else "" for kind in new.kinds]
    axis, *drawn = [f'class="drawn">{part}' for part in new.drawn] or [""]
    drawn = [f"<td {part}</td>" for part in drawn] or [""] * len(new.names)
    head += f'<th scope="col" {axis}</th>' if axis else ""
    rows = "".join(
        f'<tr{kind}><th scope="row">{text(each)}</th>'
        + "".join(f"<td{p}>{text(cell)}</td>" for cell, p in zip(cells, left, strict=False))
        + f"{beside}</tr>\n"
        for each, cells, kind, beside in zip(new.names, new.cells, kinds, drawn, strict=False)
    )
    notes = "".join(f'<p class="note">{text(note)}</p>\n' for note in new.notes)
    for pattern, part in (
        (r"<caption>.*?</caption>", f"<caption>{text(new.title)}{facts}</caption>"),
        (r"<thead>.*?</thead>", f"<thead><tr><td></td>{head}</tr></thead>"),
        (r"<tbody>.*?</tbody>", f"<tbody>\n{rows}</tbody>"),
        (
            r'</div>\n(<p class="note">.*?</p>\n)*<p class="copy">',
            f'</div>\n{notes}<p class="copy">',
        ),
    ):
        item = re.sub(pattern, lambda m, part=part: part, item, count=1, flags=re.DOTALL)
    return item.replace(text(old.title), text(new.title))


def _note(table: Table) -> Table:
    return replace(table, notes=(*table.notes, f"{FALSE}."))


def cell(i: int, column: str, value: str):
    def change(table: Table) -> Table:
        cells = [list(row) for row in table.cells]
        cells[i][table.columns.index(column)] = value
        return replace(table, cells=tuple(map(tuple, cells)))

    def in_full(rows: list) -> None:
        rows[i + 1][rows[0].index(column)] = value

    return change, in_full


def _more(column: str):
    def change(table: Table) -> Table:
        cells = tuple((*row, "0.01") for row in table.cells)
        return replace(table, columns=(*table.columns, column), cells=cells)

    def in_full(rows: list) -> None:
        for i, row in enumerate(rows):
            row.append("0.01" if i else column)

    return change, in_full


def _swapped(table: Table) -> Table:
    return replace(table, names=(table.names[1], table.names[0], *table.names[2:]))


def _swap(rows: list) -> None:
    rows[1][0], rows[2][0] = rows[2][0], rows[1][0]


def _reversed(table: Table) -> Table:
    return replace(table, names=table.names[::-1], cells=table.cells[::-1])


def _reverse(rows: list) -> None:
    rows[1:] = rows[:0:-1]


def _without_last(table: Table) -> Table:
    return replace(table, names=table.names[:-1], cells=table.cells[:-1])


def _moved_to_the_end(page: str, name: str) -> str:
    """A table in the last section instead of its own."""
    item = re.search(TABLE.format(name), page, re.DOTALL)[0]
    rest = page.replace(item, "")
    at = rest.rindex('<div class="columns">')
    return rest[:at] + item + rest[at:]


TABLE = r'<div class="table[^>]*id="{}">\n.*?role="status"></span></p>\n</div>\n'
_FIGURE = r'<figure id="{}">\n.*?</figure>\n'
_ROW = r'(<tr><th scope="row">[^<]*</th>)(<td>[^<]*</td>)'

# of every report
FORGED = {
    "a number and its copies": rewritten("coefficients-table", *cell(1, "coefficient", "2.827")),
    "a p-value and its copies": rewritten("coefficients-table", *cell(1, "p", "0.0253")),
    "events of a level and their copies": rewritten("table-1", *cell(3, "events: mean or n", "4")),
    "a share of events and its copies": rewritten("table-1", *cell(4, "events: SD or %", "67.1")),
    "a mean among events and its copies": rewritten(
        "table-1", *cell(0, "events: mean or n", "3.633")
    ),
    "an odds ratio and its copies": rewritten("odds-ratios", *cell(4, "odds ratio", "10.99")),
    "an end of an odds ratio and its copies": rewritten("odds-ratios", *cell(4, "2.5%", "1.02")),
    "observations beside an odds ratio and their copies": rewritten(
        "odds-ratios", *cell(4, "n", "15")
    ),
    "another reference and its copies": rewritten(
        "odds-ratios", *cell(3, "odds ratio", "left out")
    ),
    "another unit": rewritten(
        "odds-ratios",
        lambda table: replace(table, names=("gpa, per 10", *table.names[1:])),
    ),
    "a dot of the forest elsewhere": _table("odds-ratios", r'circle cx="\d', 'circle cx="'),
    "a longer line of the forest": _table(
        "odds-ratios", r'(<line )(x1="[\d.]+%")( y1="50%")', r'\1x1="50.00%"\3'
    ),
    "no arrow, or one more": _table(
        "odds-ratios", r"(<circle cx=)", r'<svg x="100%" y="50%"><path d="M0 0l-8-4v8z"/></svg>\1'
    ),
    "a line at 1 that is none": _table("odds-ratios", 'class="one" x1="', 'class="one" x1="9'),
    "another label of the axis": _table("odds-ratios", r'(y="75%">)1<', r"\g<1>2<"),
    "a drawing less": _table("odds-ratios", r'<td class="drawn">.*?</td>', ""),
    "two drawings exchanged": rewritten(
        "odds-ratios",
        lambda table: replace(
            table, drawn=(table.drawn[0], table.drawn[2], table.drawn[1], *table.drawn[3:])
        ),
    ),
    "words in the forest": _table("odds-ratios", r"(<circle )", rf"<text>{FALSE}</text>\1"),
    "what runs in the forest": _table("odds-ratios", r"<circle ", '<circle onclick="alert(1)" '),
    "an axis beside another table": _table(
        "table-1", r"</tr>", '<td class="drawn"><svg aria-hidden="true"></svg></td></tr>'
    ),
    "a level as a group": rewritten(
        "table-1", lambda table: replace(table, kinds=("", "", "group", "group", "level"))
    ),
    "a row as one of a group": rewritten(
        "table-1",
        lambda table: replace(table, kinds=("group", "level", "group", "level", "level")),
    ),
    "a kind of row that there is not": _table("table-1", 'class="level"', 'class="proved"'),
    "a column and its copies": rewritten("coefficients-table", *_more("true p")),
    "a column twice and its copies": rewritten("coefficients-table", *_more("p")),
    "two names and their copies": rewritten("coefficients-table", _swapped, _swap),
    "a row less and in its copies": rewritten("coefficients-table", _without_last, list.pop),
    "a row of a certificate less": rewritten("certificate", _without_last, list.pop),
    "a note and its copies": rewritten("coefficients-table", _note),
    "a note of influence": rewritten("influential", _note),
    "a note of the routes": rewritten("routes", _note),
    "a note of a comparison": rewritten("comparison-table", _note),
    "a title and its copies": rewritten(
        "coefficients-table", lambda table: replace(table, title=f"{table.title}, causal")
    ),
    "another seed in the provenance": rewritten("provenance", *cell(1, "value", "independence 4")),
    "a fact and its copies": rewritten(
        "influential", lambda table: replace(table, facts=(*table.facts, FALSE))
    ),
    "a sentence in a table": _table(
        "coefficients-table", r'<p class="copy">', rf"<p>{FALSE}</p>\g<0>"
    ),
    "a sentence in a caption": _table("coefficients-table", "</caption>", rf"{FALSE}\g<0>"),
    "a row of another class": _table(
        "coefficients-table", "</tbody>", r'<tr class="x"><th>income</th><td>9</td></tr>\n\g<0>'
    ),
    "a cell of another class": _table("coefficients-table", _ROW, r'\1<td class="x">9</td>\2'),
    "a row that is not shown": _table("coefficients-table", "<tr><th", "<tr hidden><th"),
    "a table that is not shown": _table("certificate", "<table>", "<table hidden>"),
    "cells that are not shown": _table("coefficients-table", "<tbody>", '<tbody style="color:#0">'),
    "a table twice, the first one forged": _twice(
        TABLE.format("coefficients-table"), _ROW, r"\1<td>9.999</td>"
    ),
    "a comment in a cell": _table("coefficients-table", r"(<td>[-\d]+)(\.)", r"\1<!-- -->9\2"),
    "a column twice": _table(
        "routes",
        r'(<th scope="col" class="word">agrees</th>)(.*?)(</tr>)(.*?)(</tr>)',
        r'\1\2\1\3\4<td class="word">yes</td>\5',
    ),
    "a note": _table(
        "coefficients-table", r'<p class="copy">', rf'<p class="note">{FALSE}</p>\n\g<0>'
    ),
    "a figure twice": _twice(
        _FIGURE.format("calibration"), "</svg>", f"<text>{FALSE}</text></svg>"
    ),
    "a sentence in a figure": _once(
        r'(<figure id="calibration">.*?)(</figure>)', lambda m: f"{m[1]}<p>{FALSE}</p>{m[2]}"
    ),
    "another caption of a figure": _once(
        r'(<figure id="forest">.*?<figcaption>)(.*?)(</figcaption>)',
        lambda m: f"{m[1]}<strong>{FALSE}.</strong>{m[3]}",
    ),
    "another place of a binned residual": _once(
        r'(<figure id="binned-residuals">.*?<use [^>]*\by=")(\d+)',
        lambda m: f"{m[1]}{int(m[2]) + 9}",
    ),
    "another count of bins outside": _once(
        r'(id="binned-residuals-alt">[^<]*; )\d+', lambda m: f"{m[1]}7"
    ),
    "no binned residuals": _once(_FIGURE.format("binned-residuals"), lambda m: ""),
    "a sentence in a text": _once(r'<div class="text"><p>', lambda m: f"{m[0]}{FALSE}. "),
    "a claim more in the methods": _once(
        r"(<p>Proved from coefficients and data alone)", lambda m: f"{m[1]}, causes included"
    ),
    "another number of events in the methods": _once(
        r"(The analysis is of 32 observations with )11", lambda m: f"{m[1]}12"
    ),
    "what is not proved, left out of the methods": _once(
        r" Not proved, by this or any computation[^<]*", lambda m: ""
    ),
    "no row left out, where some were": _once("no row left out", lambda m: "3 rows left out"),
    "another row that moves the estimate most": _once(
        r"(Most influential rows \(Cook&#39;s distance\): )\d+", lambda m: f"{m[1]}5"
    ),
    "what an influential row changes": _once(
        r"(without it \w+ changes by [-+]\d\.)(\d)", lambda m: f"{m[1]}{(int(m[2]) + 1) % 10}"
    ),
    "a doubt less": _once(r"<li>Small sample:.*?</li>\n", lambda m: ""),
    "a better standing": _once(
        r'<span class="standing look">! look here',
        lambda m: '<span class="standing good">✓ proved',
    ),
    "odds ratios elsewhere on the page": lambda page: _moved_to_the_end(page, "odds-ratios"),
    "another element with the results' name": _once(
        "<main", lambda m: f'<div id="flatprior-report">{{}}</div>{m[0]}'
    ),
    "another script of data": _once(
        '<script type="application/json" id="flatprior-report">',
        lambda m: f'<script type="application/json" id="more">{{}}</script>\n{m[0]}',
    ),
    "results twice": _once(
        r'<script type="application/json" id="flatprior-report">.*?</script>\n', lambda m: 2 * m[0]
    ),
    "a name twice in the results": _once(
        r'(id="flatprior-report">\{)', lambda m: f'{m[1]}"estimate": {{}}, '
    ),
    "a name more in the results": _once(
        r'(id="flatprior-report">\{)', lambda m: f'{m[1]}"effect": "causal", '
    ),
    "a version more": _once(r'("versions": \{)', lambda m: f'{m[1]}"truth": "1.0", '),
    "an attribute of a script of data": _once(
        '<script type="application/json" id="flatprior-tables"', lambda m: f'{m[0]} class="x"'
    ),
    "a copy of a table that is none": _once(
        r'(id="flatprior-tables">\{)', lambda m: f'{m[1]}"more": {{"CSV": "a\\n"}}, '
    ),
    "a copy in another format": _once(
        r'(id="flatprior-tables">\{"[^"]*": \{)', lambda m: f'{m[1]}"Text": "{FALSE}", '
    ),
    "the policy of scripts": _once("default-src 'none'", lambda m: "default-src *"),
    "the script": _once(r"<script>", lambda m: f"{m[0]}alert(1);"),
    "another script": _once(r"</body>", lambda m: f"<script>alert(1)</script>{m[0]}"),
    "the style": _once(r"<style>", lambda m: f"{m[0]}td {{ visibility: hidden }}"),
    "the colour of the verdict": _once(r'class="verdict good"', lambda m: 'class="verdict bad"'),
    "a comment": _once(r"<h1>", lambda m: f"<!-- {FALSE} -->{m[0]}"),
    "what opens a comment": _once(
        r'<section aria-labelledby="existence">', lambda m: f"<!--{m[0]}"
    ),
    "a sentence above the verdict, of another version": _of_another_version(
        _once("<main", lambda m: f"<p>{FALSE}</p>{m[0]}")
    ),
    "a sentence in the footer, of another version": _of_another_version(
        _once(r"<footer><p>", lambda m: f"{m[0]}{FALSE}. ")
    ),
    "a second main part, of another version": _of_another_version(
        _once("</main>", lambda m: f"</main><main><h2>{FALSE}</h2></main>")
    ),
    "a script more, of another version": _of_another_version(
        _once("</body>", lambda m: f"<script>alert(1)</script>{m[0]}")
    ),
    "the policy of scripts, of another version": _of_another_version(
        _once("default-src 'none'", lambda m: "default-src *")
    ),
    "sentences that stand in another section": _once(
        r'(<div class="text"><p>Of [^<]*: the maximum[^\n]*\n)(.*?<div class="items">\n)',
        lambda m: m[2] + m[1],
    ),
    "a sentence behind the end": lambda page: f"{page}{FALSE}",
    "an element behind the end": lambda page: f"{page}<p>{FALSE}</p>\n",
    "a sentence in the footer": _once(r"<footer><p>", lambda m: f"{m[0]}{FALSE}. "),
    "a title of the window": _once(r"<title>", lambda m: f"{m[0]}{FALSE} "),
}

# of reports with draws, some of which is not made again
FORGED_WITH_DRAWS = {
    "a column": _table(
        "coefficients-table",
        r"(<thead><tr>.*?)(</tr>)",
        r'\1<th scope="col">true p</th>\2',
    ),
    "a figure of draws more": _twice(
        _FIGURE.format("density-1"), 'id="density-1"', 'id="density-9"'
    ),
    "no traces of chains": _once(_FIGURE.format("chains-1"), lambda m: ""),
    "no forest plot": _once(_FIGURE.format("forest"), lambda m: ""),
    "no plot of influence": _once(_FIGURE.format("influence-plot"), lambda m: ""),
    "a table of draws more": _twice(TABLE.format("sampler-1"), "sampler-1", "sampler-9"),
    "a sentence in a figure of draws": _once(
        r'(<figure id="density-1">.*?)(</figure>)', lambda m: f"{m[1]}<p>{FALSE}</p>{m[2]}"
    ),
    "another caption of a figure of draws": _once(
        r'(<figure id="density-1">.*?<figcaption>)(.*?)(</figcaption>)',
        lambda m: f"{m[1]}<strong>{FALSE}.</strong>{m[3]}",
    ),
    "markup in a figure of draws": _once(
        r'(<figure id="density-1">.*?)(</svg>)',
        lambda m: f"{m[1]}<foreignObject><p>{FALSE}</p></foreignObject>{m[2]}",
    ),
    **{
        f"no figure {name}": _once(_FIGURE.format(name), lambda m: "")
        for name in (
            *("density-1", "draws-1", "chains-1"),
            *("forest", "influence-plot", "comparison-plot"),
        )
    },
    "draws of other data, and without their figures": lambda page: re.sub(
        _FIGURE.format("density-1"), "", page, count=1, flags=re.DOTALL
    ).replace('"draws_of": ["', '"draws_of": ["0', 1),
    "nothing on what the draws are of": _once(r'("draws_of": \[)[^\]]*', lambda m: m[1]),
    "no sentence on the comparison": _once(r'<p class="compared">.*?</p>\n', lambda m: ""),
    "two sentences on the comparison": _once(
        r'<p class="compared">.*?</p>\n', lambda m: f"{m[0]}{m[0]}"
    ),
    "another caption of the chains": _once(
        r'(<figure id="chains-1">.*?Of chains that have mixed )', lambda m: f"{m[1]}or not "
    ),
    "another R-hat of the chains": _once(
        r'(id="chains-1-alt">[^<]*R-hat is )1', lambda m: f"{m[1]}0"
    ),
    "chains that nobody ran": _twice(_FIGURE.format("chains-1"), 'id="chains-1"', 'id="chains-9"'),
    "a row of a table of draws": _table(
        "sampler-1", r'<th scope="row">[^<]*', '<th scope="row">income'
    ),
    "a group in a table of draws": _table(
        "sampler-1", r'<tr><th scope="row">', r'<tr class="group"><th scope="row">'
    ),
    "a note of a table of draws": _table(
        "sampler-1", r'<p class="copy">', rf'<p class="note">{FALSE}</p>\n\g<0>'
    ),
    "a fact of a table of draws": _table(
        "sampler-1", r"</caption>", rf'<span class="fact">{FALSE}</span>\g<0>'
    ),
    "another seed of draws": _table("sampler-1", r"seed \d+", "seed 99"),
    "another title of a table of draws": _table("sampler-1", r"<caption>", rf"\g<0>{FALSE} "),
    "another column of a table of draws": _table("sampler-1", ">R-hat<", ">truth<"),
    "a title of draws and its copies": rewritten(
        "sampler-1", lambda table: replace(table, title=f"{table.title}, and so it is")
    ),
    "a note of draws and its copies": rewritten("sampler-1", _note),
    "a fact of draws and its copies": rewritten(
        "sampler-1", lambda table: replace(table, facts=(*table.facts, FALSE))
    ),
    "a column of draws and its copies": rewritten("sampler-1", *_more("truth")),
    "two names of draws and their copies": rewritten("sampler-1", _swapped, _swap),
    "a seed of draws and its copies": rewritten(
        "sampler-1",
        lambda table: replace(table, facts=(table.facts[0] + "4", *table.facts[1:])),
    ),
    "what runs in a figure of draws": _once(
        r'(<figure id="density-1">.*?)<g ', lambda m: f'{m[1]}<g onclick="alert(1)" '
    ),
    "what leads elsewhere from a figure of draws": _once(
        r'(<figure id="density-1">.*?)</svg>',
        lambda m: f'{m[1]}<use xlink:href="https://example.org/#a"/></svg>',
    ),
    "rows in another order and in the copies": rewritten("certificate", _reversed, _reverse),
    "coefficients in another order and in the copies": rewritten(
        "coefficients-table", _reversed, _reverse
    ),
    "a name more in the comparison": _once(
        r'("comparison": \{)', lambda m: f'{m[1]}"effect": "causal", '
    ),
    "a name more in the tests of draws": _once(
        r'("checks": \[\{)', lambda m: f'{m[1]}"effect": "causal", '
    ),
    "a truth for a number": _once(r'"n_dropped": 0', lambda m: '"n_dropped": false'),
    "a number of a message": _once(
        r'("agreement": \{.*?standard errors away \([^)]*\), where theory predicts 0\.)(\d)',
        lambda m: f"{m[1]}{(int(m[2]) + 1) % 10}",
    ),
    "a note of claims and its copies": rewritten("claims-1", _note),
    "a claim less and in its copies": rewritten("claims-1", _without_last, list.pop),
    "a mean of draws and its copies": rewritten("sampler-1", *cell(1, "mean", "2.9")),
    "another version of numpy, and a style": lambda page: re.sub(
        r'("numpy": ")[^"]*', r"\g<1>1.0", page, count=1
    ).replace("<style>", "<style>td { visibility: hidden }"),
}
