"""Tables in JSON: records, columns, or numbers by name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flatprior.analysis.producers.printed.numbers import as_cell
from flatprior.analysis.producers.printed.quantities import Read, of_cells
from flatprior.analysis.producers.printed.text import TERM, heading, of_a_fit
from flatprior.models.common.errors import InputError
from flatprior.models.common.text import printable, shorten


class _Text(str):
    """A number of a JSON file as it is written there."""

    __slots__ = ()


def facts_of(text: str, name: str) -> Any:
    """What a JSON file holds, its numbers as they are written."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise InputError(f"{name} has a name twice in one place; name each number once")
        return found

    try:
        return json.loads(
            text, parse_float=_Text, parse_int=_Text, parse_constant=_Text, object_pairs_hook=once
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{name} is not JSON: {error}") from None


def of_json(facts: Any, name: str) -> Read:
    """Records, columns, or numbers by name under the name of what they are."""
    loose: list[tuple[str, list[str]]] = []
    if isinstance(facts, list):
        return of_cells(_cells_of_records(facts, name), name)
    if not isinstance(facts, dict):
        raise InputError(f"{name} holds no table; write records with a term and an estimate each")
    if str(facts.get("format", "")).startswith("flatprior/"):
        raise InputError(
            f"{name} is an estimate that flatprior saved: load it with PointEstimate.load"
        )
    records: list[dict[str, Any]] | None = None
    by_name: dict[str, dict[str, Any]] = {}
    columns: dict[str, list[Any]] = {}
    for key, value in facts.items():
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            records = value
        elif isinstance(value, list):
            columns[key] = value
        elif isinstance(value, dict):
            by_name[key] = value
        else:
            loose.append((f"{shorten(key, 40)}", [str(key), as_cell(value)]))
    if records is None and columns:
        records = _records_of_columns(columns, name)
    if records is None and by_name:
        inner = {str(key) for values in by_name.values() for key in values}
        known = [key for key in by_name if heading(key).is_number]
        inside = sum(heading(key).is_number for key in inner)
        # either may have a term called b
        if known and len(known) * len(inner) > inside * len(by_name):
            terms = dict.fromkeys(term for key in known for term in by_name[key])
            records = [
                {"term": term, **{key: by_name[key].get(term) for key in known}} for term in terms
            ]
        else:
            records = [{"term": term, **values} for term, values in by_name.items()]
    if records is None:
        numbers = [(place, cells) for place, cells in loose if of_a_fit(cells[0]) is None]
        records = [{"term": cells[0], "estimate": cells[1]} for _, cells in numbers]
        loose = [each for each in loose if of_a_fit(each[1][0]) is not None]
    return of_cells(_cells_of_records(records, name), name, loose)


def _records_of_columns(columns: dict[str, list[Any]], name: str) -> list[dict[str, Any]]:
    if set(columns) >= {"columns", "data"}:  # as pandas writes tables split into their parts
        index = columns.get("index", [])
        return [
            {
                **({"term": index[i]} if i < len(index) else {}),
                **dict(zip(map(str, columns["columns"]), row, strict=False)),
            }
            for i, row in enumerate(columns["data"])
            if isinstance(row, list)
        ]
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise InputError(f"{name} has columns of different lengths; give each term every number")
    return [
        dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)
    ]


def _cells_of_records(records: Sequence[Any], name: str) -> list[tuple[str, list[str]]]:
    if not all(isinstance(each, Mapping) for each in records):
        raise InputError(f"{name} holds no table; write records with a term and an estimate each")
    headings = list(dict.fromkeys(str(key) for each in records for key in each))
    headings.sort(key=lambda key: heading(key).what != TERM)
    rows = [("the head", headings)]
    for number, each in enumerate(records, 1):
        for key in headings:
            if isinstance(each.get(key), dict | list):
                raise InputError(
                    f"{name}, row {number}, column {shorten(printable(key), 40)} is no number but "
                    "several; write records with a term and an estimate each"
                )
        rows.append((f"row {number}", [as_cell(each.get(key)) for key in headings]))
    return rows
