"""What the commands read: data, formulas, coefficients."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import click

from flatprior.models.common.errors import InputError, require_no_secrets

if TYPE_CHECKING:
    from flatprior.models import BernoulliLogistic
    from flatprior.models.encoding.files.reading import Reading


LARGEST_FILE = 2**28  # bytes that are read into memory at once


def load_models(
    data: Any,
    formulas: tuple[str, ...],
    offset: str | None,
    weights: str | None,
    common_rows: bool,
    in_batches: bool,
    event: str | None = None,
    trials: str | None = None,
    aliased: Any = "raise",
    **reading: Any,
) -> dict[str, BernoulliLogistic]:
    """Models 1, 2, ... of the data; with `common_rows`, of the rows complete for all of them."""
    from flatprior.models import BernoulliLogistic
    from flatprior.models.batches.same_passes import all_of, side_by_side
    from flatprior.models.common.text import count
    from flatprior.models.encoding.columns.checks import column
    from flatprior.models.encoding.files.reading import Reading
    from flatprior.models.encoding.files.source import Source
    from flatprior.models.encoding.formulas.parsing import parse
    from flatprior.models.encoding.tables import read

    names = [str(i + 1) for i in range(len(formulas))]
    if in_batches:
        if common_rows:
            raise InputError(
                "--common-rows needs data that fit into memory: leave it out, or name less data"
            )
        # the first pass as well is one for all
        found, _ = side_by_side(
            [
                partial(
                    load_model,
                    *(data, formula, offset, weights, "drop", event, trials, aliased),
                    in_batches=True,
                    **reading,
                )
                for formula in formulas
            ]
        )
        return dict(zip(names, all_of(found), strict=True))
    source = Source.find(data, Reading.of(**_asked(reading)))
    apart = [name for name in (offset, weights, trials) if name is not None]
    parsed = [parse(formula, source.heading, apart) for formula in formulas]
    used = {name for each in parsed for name in (*each.left.columns, *each.columns)}
    used |= {str(column(source.heading, name).name) for name in apart}
    columns = tuple(name for name in source.names if name in used)
    # what is a category for one formula may be a number for another
    kinds = dict.fromkeys(each.factors for each in parsed)
    tables = {factors: read(source, columns, factors) for factors in kinds}
    if common_rows:
        complete = next(iter(tables.values())).frame.notna().all(axis=1)
        left_out = int((~complete).sum())
        if left_out:
            click.echo(
                f"{count(left_out, 'row')} left out of every model: a value is missing", err=True
            )
            tables = {
                factors: replace(table, frame=table.frame[complete])
                for factors, table in tables.items()
            }
    models = [
        BernoulliLogistic.from_formula(
            formula,
            cast(Any, tables[each.factors]),
            offset=offset,
            frequency_weights=weights,
            event=event,
            trials=trials,
            aliased=aliased,
        )
        for formula, each in zip(formulas, parsed, strict=True)
    ]
    return dict(zip(names, models, strict=True))


def _asked(reading: dict[str, Any]) -> dict[str, Any]:
    """How data are to be read, as the library has it: an option that was not given is None."""
    return {name: None if value == () else value for name, value in reading.items()}


def reading_as_stored(
    data: Any, stored: Any, given: dict[str, Any]
) -> tuple[dict[str, Any], Reading | None]:
    """How a report says that its data were read; what is `given` instead goes before.

    Data in a format that has not all these options are read without them: then the second is what
    the report says, which follows from other files than these.
    """
    from flatprior.models.encoding.files.reading import from_options
    from flatprior.models.encoding.files.source import Source

    said = from_options(stored)
    asked = {name: value for name, value in _asked(given).items() if value is not None}
    options = from_options({**said.options, **asked})
    taken = Source.find(data, options, strict=False).reading.as_asked.options
    return taken, said if set(options.options) - set(taken) else None


def read_json(path: str) -> Any:
    """What a JSON file holds; no name may stand in it twice."""
    import json

    from flatprior.analysis.report.page import once

    require_no_secrets(path)
    with open(path, encoding="utf-8-sig") as file:  # some editors write a mark in front
        try:
            return json.load(file, object_pairs_hook=once)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{path!r} is not JSON ({error}): it must hold names and numbers, "
                '{"Intercept": -1.2, "x1": 0.3}'
            ) from error


def read_coefficients(path: str) -> tuple[dict[str, float], dict[str, float] | None]:
    """Coefficients by name, and standard errors where they are given, from a JSON file."""
    from flatprior.models import PointEstimate
    from flatprior.models.common.text import shorten

    facts = read_json(path)
    if isinstance(facts, dict) and "format" in facts:
        fit = PointEstimate.load(path)
        values, spread = fit.coefficients.tolist(), fit.standard_errors.tolist()
        return dict(zip(fit.names, values, strict=True)), dict(zip(fit.names, spread, strict=True))
    errors: dict[str, float] | None = None
    if isinstance(facts, dict) and isinstance(facts.get("coefficients"), dict):
        facts, errors = facts["coefficients"], facts.get("standard_errors")
    for part in (facts, {} if errors is None else errors):
        if not isinstance(part, dict):
            raise InputError(
                f"{path!r} holds {shorten(str(part), 40)}; it must hold names and numbers, "
                '{"Intercept": -1.2, "x1": 0.3}'
            )
    return facts, errors


def check_paths(data: Any = "", **paths: str | None) -> None:
    """Fail before the work, not after it, if a result could not be written.

    Or if the data are a formula, since that is where the two stand the wrong way round.
    """
    from flatprior.models.common.writing import writable
    from flatprior.models.encoding.files.source import FORMULA, found_files

    if isinstance(data, str) and FORMULA.search(data) and not os.path.exists(data):
        raise InputError(
            f"there is no file {data!r}, which looks like a formula: the file comes first, as in "
            f"data.csv {data!r}"
        )
    targets: dict[Any, str] = {}
    for option, path in paths.items():
        if path is None:
            continue
        if not path:
            raise InputError(f"--{option} has no name of a file: name the one to write")
        target = writable(path)
        if target in targets:
            raise InputError(f"--{targets[target]} and --{option} name the same file; name another")
        targets[target] = option
        if not target.exists() or not data:
            continue
        is_one = os.path.isfile(data)
        for file in (data,) if is_one else found_files(data):
            if target.samefile(file):
                what = "the data file itself" if is_one else "one of the data files"
                raise InputError(f"--{option} {path!r} is {what}; name another")


def reads_in_batches(data: Any) -> bool:
    """Whether to read the data in batches: many files, or a large one."""
    return not os.path.isfile(data) or os.path.getsize(data) > LARGEST_FILE


def load_model(
    data: Any,
    formula: str,
    offset: str | None,
    weights: str | None,
    missing: Any,
    event: str | None = None,
    trials: str | None = None,
    aliased: Any = "raise",
    in_batches: bool = False,
    **others: Any,
) -> BernoulliLogistic:
    """The model of a command's data and formula, of both classes."""
    from flatprior.models import BernoulliLogistic
    from flatprior.models.common.text import count

    if in_batches:
        model = BernoulliLogistic.from_parquet(
            data,
            formula,
            offset,
            weights,
            missing,
            progress=sys.stderr.isatty(),
            event=event,
            trials=trials,
            aliased=aliased,
            **_asked(others),
        )
    else:
        model = BernoulliLogistic.from_formula(
            formula,
            data,
            offset=offset,
            frequency_weights=weights,
            missing=missing,
            event=event,
            trials=trials,
            aliased=aliased,
            **_asked(others),
        )
    events = model.n_events
    if events in (0, model.n_observations) and "Intercept" in model.names:
        dropped = f" ({model.n_dropped} left out: a value is missing)" if model.n_dropped else ""
        coding = "" if model.event is None else f" ({model.response_coding})"
        raise InputError(
            f"the response {model.response_name!r}{coding} has one class only, {min(events, 1)} in "
            f"{count(model.n_rows, 'row')}{dropped}; a fit needs both: add rows of the "
            "other, or name another response"
        )
    return model
