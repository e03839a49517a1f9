import copy
from dataclasses import replace

import numpy as np
import pytest
from damaged_files import (
    at,
    cells_in,
    embedded_in,
    numbers_in,
    resealed,
    with_another_cell,
    with_another_number,
)
from multiplier import repeated
from problems import CASES

from flatprior.analysis import (
    compare_models,
    compare_routes,
    read_report,
    verify_report,
    write_report,
)
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_births,
    load_spector,
    sample_independence,
)


def test_verification_fails_where_the_data_differ(agreement, model, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", agreement, command="flatprior agree d"))
    other = BernoulliLogistic.from_formula(model.formula, load_spector().iloc[1:])
    with pytest.raises(ValueError, match=r"data are not those.*made by flatprior agree d"):
        verify_report(other, found)
    del found["estimate"]
    with pytest.raises(ValueError, match="damaged"):
        verify_report(model, found)


def test_a_report_of_a_comparison_is_verified_without_its_other_models(comparison, tmp_path):
    path = write_report(tmp_path / "r.html", comparison=comparison)
    best = comparison.models[comparison.table().index[0]]
    found = verify_report(best, path)
    assert found.index.tolist() == ["reported"]
    assert "the comparison: pass its models as others" in found.attrs["not made again"]
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("<h1>", "<h1>No "), encoding="utf-8", newline="\n")
    with pytest.raises(ValueError, match="the file was changed after it was written"):
        verify_report(best, path)


def only_a_checksum_tells(facts, changed, where):
    """Whether a number has no other trace in coefficients and data, or is at rounding level."""
    if {"n_iterations", "posteriors", "checks", "seeds"} & set(where):
        return True
    was, now = at(facts, where), at(changed, where)
    if where[-1] == "distance" and abs(was - now) < 1e-12:
        return True
    if "digits" in where:
        return abs(was - now) < 0.2
    bounds = (
        *("error_bound", "newton_decrement"),
        *("log_likelihood_error", "standard_errors_within"),
    )
    return where[-1] in bounds and 0.7 < now / was < 1 / 0.7


def test_every_number_that_is_changed_in_a_report_is_told(both, comparison, model, tmp_path):
    page, facts = both
    rng = np.random.default_rng(1)
    paths, cells = list(numbers_in(facts)), cells_in(page)
    path = tmp_path / "changed.html"
    for _ in range(repeated(20)):
        where = paths[rng.integers(len(paths))]
        found = with_another_number(facts, where, rng)
        path.write_text(embedded_in(page, found), newline="\n")
        with pytest.raises(ValueError, match="changed after it was written"):
            verify_report(model, path)
        if not only_a_checksum_tells(facts, found, where):
            # somebody made a new checksum
            with pytest.raises(ValueError):  # noqa: PT011  (each says what it is)
                verify_report(model, found, dict(comparison.models))
        place = cells[rng.integers(len(cells))]
        path.write_text(with_another_cell(page, place, rng), newline="\n")
        with pytest.raises(ValueError, match="changed after it was written"):
            verify_report(model, path)


def test_a_report_of_another_version_is_told_as_such(both, comparison, model, tmp_path):
    page, facts = both
    path = tmp_path / "other.html"
    other = copy.deepcopy(facts)
    other["versions"]["numpy"] = "1.0"
    version = facts["versions"]["numpy"]
    text = embedded_in(page, other).replace(f"<td>{version}</td>", "<td>1.0</td>")
    text = text.replace(version, "1.0")
    path.write_text(resealed(text), newline="\n")
    table = verify_report(model, path, dict(comparison.models))
    said = table.attrs["not made again"]
    assert any(f"numpy 1.0 (here {version})" in hole for hole in said)
    assert any(hole.startswith("figures: ") for hole in said)
    # rounding of another machine is no forgery, another number is, and the version is told with it
    other["agreement"]["routes"][0]["certificate"]["error_bound"] *= 1.5
    verify_report(model, other, dict(comparison.models))
    other["agreement"]["routes"][0]["aic"] += 0.1
    with pytest.raises(ValueError, match=r"aic.*made by numpy 1.0.*round or draw otherwise"):
        verify_report(model, other, dict(comparison.models))


def honest(kind, tmp_path):
    """Reports as people write them: model, agreement, comparison, the comparison's models."""
    frame = CASES["lbw_stata"].frame.assign(low=CASES["lbw_stata"].response)
    formula, small = "low ~ age + lwt + smoke", "low ~ lwt"
    rng = np.random.default_rng(3)
    options = {}
    if kind == "offset":
        options = {"offset": rng.normal(size=len(frame)) / 10}
    elif kind == "weights":
        options = {"frequency_weights": rng.integers(1, 5, size=len(frame))}
    build = lambda text: BernoulliLogistic.from_formula(text, frame, **options)  # noqa: E731
    if kind == "files":
        for i in range(3):
            frame[i::3].to_parquet(tmp_path / f"{i}.parquet")
        build = lambda text: BernoulliLogistic.from_parquet(tmp_path, text)  # noqa: E731
    model = build(formula)
    if kind == "comparison":
        models = {"all": model, "lwt": build(small)}
        compared = compare_models(models, leave_one_out=True)
        return model, None, compared, build(small)
    if kind == "files":
        several = {"all": model, "lwt": build(small)}
        compared, drawn = compare_models(several), sample_independence(model, seed=1)
        return model, compare_routes(model, fit_newton(model), drawn), compared, build(small)
    second = fit_newton(build(formula)) if kind == "offset" else fit_sklearn(model)
    return model, compare_routes(model, fit_newton(model), replace(second, route="b")), None, None


@pytest.mark.parametrize("kind", ["agreement", "comparison", "files", "offset", "weights"])
def test_an_honest_report_is_verified(kind, tmp_path):
    model, agreement, compared, small = honest(kind, tmp_path)
    path = write_report(tmp_path / "r.html", agreement, compared, title="A <title> & more")
    others = None if compared is None else {"all": model, "lwt": small}
    table = verify_report(model, path, others)
    told = table.attrs["not made again"]
    assert told[0] == (
        "what the report says of its making: title, command, seeds, versions, machine"
    )
    if kind == "files":  # and of draws, which are listed
        assert "how often the rows were read for the fits of the comparison" in told
        assert "for newton read" in path.read_text()
    else:
        assert len(told) == (1 if agreement is None else 2)
    assert agreement is None or told[1].startswith("what routes say of themselves: their names")


def test_rows_of_a_frame_begin_with_0_and_those_of_its_file_with_1(tmp_path):
    births, formula = load_births(), "low ~ lwt + smoke"
    frame = BernoulliLogistic.from_formula(formula, births)
    file = BernoulliLogistic.from_formula(formula, births.set_axis(range(1, len(births) + 1)))
    path = write_report(tmp_path / "r.html", model=frame)
    holes = verify_report(file, path).attrs["not made again"]
    assert "how rows are numbered: in the report 1 less than in the data" in holes
    holes = verify_report(frame, path).attrs["not made again"]
    assert not any("numbered" in hole for hole in holes)
    turned = BernoulliLogistic.from_formula(formula, births.set_axis(births.index[::-1]))
    with pytest.raises(ValueError, match=r"has other rows|other words"):
        verify_report(turned, path)
    page = path.read_text()
    forged = resealed(page.replace('"first_row": 0', '"first_row": 7'))
    assert forged != page
    path.write_text(forged)
    with pytest.raises(ValueError, match=r"has other rows|other words"):
        verify_report(frame, path)
