"""A report read back, and held against the data."""

import copy
import re
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
from forged_pages import FORGED, FORGED_WITH_DRAWS, rewritten
from multiplier import repeated
from problems import CASES, as_posterior
from reports import many_levels, many_levels_agreement, students

from flatprior.analysis import (
    compare_models,
    compare_routes,
    read_report,
    verify_report,
    write_report,
)
from flatprior.analysis.agreement.sampled_density import density_tolerances
from flatprior.analysis.report import verification, writing as report
from flatprior.analysis.report.verification import formulas_of, pattern_of
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    fit_sklearn,
    load_spector,
    sample_independence,
)
from flatprior.models.common import rendering


def test_a_report_is_read_back_and_verified(agreement, comparison, model, tmp_path):
    path = write_report(tmp_path / "r.html", agreement, comparison, command="x & <y>")
    found = read_report(path)
    assert found["command"] == "x & <y>"
    assert found["data_hash"] == model.data_hash
    assert found["seeds"] == {"independence": 3}
    assert found["comparison"]["models"]["all"]["AIC"] == comparison.table().loc["all", "AIC"]
    table = verify_report(model, found)

    assert table.index.tolist() == ["newton", "sklearn", "reported"]
    assert (table["error bound"] <= 1e-10).all()


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


@pytest.fixture(scope="module")
def both(agreement, comparison, model, tmp_path_factory):
    """A report with everything in it, as a page and as its results."""
    path = write_report(tmp_path_factory.mktemp("both") / "r.html", agreement, comparison)
    assert len(verify_report(model, path, dict(comparison.models))) == 5
    return path.read_text(), read_report(path)


@pytest.fixture
def made_once(monkeypatch):
    """The sections of that report, which a change of the file does not change, made once only."""

    def facts_of(main, *given, **options):
        whose = main.model.data_hash
        if whose not in MADE:
            MADE[whose] = report.facts_of(main, *given, **options)
        return copy.deepcopy(MADE[whose])

    monkeypatch.setattr(verification, "facts_of", facts_of)


MADE = {}


def change(found, path, value):
    part = found
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value(part[path[-1]]) if callable(value) else value


ROUTE = ("agreement", "routes", 1)
TAMPERED = {
    "a coefficient": ((*ROUTE, "coefficients", 0), lambda value: value + 1e-3),
    "a standard error": ((*ROUTE, "standard_errors", 1), lambda value: value * 0.5),
    "a log-likelihood": ((*ROUTE, "log_likelihood"), lambda value: value + 1e-3),
    "digits": ((*ROUTE, "certificate", "digits", 0), lambda value: value + 3),
    "a distance": ((*ROUTE, "distance"), 0.5),
    "whether a route agrees": ((*ROUTE, "agrees"), False),
    "the verdict": (("agreement", "verdict"), "disagree"),
    "whether draws passed": (("agreement", "posteriors", 0, "passed"), False),
    "no routes": (("agreement", "routes"), []),
    "no agreement": (("agreement",), {}),
    "the number of events": (("n_events",), 12),
    "the number of observations": (("n_observations",), 33),
    "the rows left out": (("n_dropped",), 1),
    "the hash": (("data_hash",), "0" * 32),
    "the formula": (("formula",), "grade ~ gpa"),
    "the names": (("names", 1), "GPA"),
    "the main coefficients": (("estimate", "coefficients", 2), 0.0),
    "an AIC": (("comparison", "models", "gpa", "AIC"), lambda value: value - 5),
    "another model": (("comparison", "estimates", "gpa", "coefficients", 0), 0.0),
    "a standard error of another model": (
        ("comparison", "estimates", "gpa", "standard_errors", 0),
        lambda value: value / 10,
    ),
    "a BIC of another model's estimate": (
        ("comparison", "estimates", "gpa", "bic"),
        lambda value: value - 5,
    ),
    "a likelihood ratio": (("comparison", "models", "all", "LR"), lambda value: value + 1),
    "its degrees of freedom": (("comparison", "models", "all", "df"), 1),
    "its p": (("comparison", "models", "all", "p"), lambda value: value / 10),
    "the number of coefficients": (("comparison", "models", "all", "k"), 3),
    "the observations compared": (("comparison", "n_observations"), 320),
    "the events compared": (("comparison", "n_events"), 12),
    "a parent": (("comparison", "models", "all", "parent"), ""),
    "the AIC of a route": ((*ROUTE, "aic"), lambda value: value - 5),
    "the BIC of a route": ((*ROUTE, "bic"), lambda value: value - 5),
    "the AIC of the estimate": (("estimate", "aic"), lambda value: value - 5),
    "a standard error of the estimate": (
        ("estimate", "standard_errors", 1),
        lambda value: value / 10,
    ),
    "the log-likelihood of the estimate": (("estimate", "log_likelihood"), -1.0),
    "a Newton decrement": ((*ROUTE, "certificate", "newton_decrement"), lambda value: value / 10),
    "a radius": ((*ROUTE, "certificate", "radius"), lambda value: value * 2),
    "the observations of a route": ((*ROUTE, "provenance", "n_observations"), 320),
    "the verdict sentence": (
        ("agreement", "message"),
        lambda value: value.replace("are each proved", "are all proved"),
    ),
    "a number in it": (
        ("agreement", "message"),
        lambda value: re.sub(r"lies [\d.]+ standard", "lies 0.001 standard", value),
    ),
    "the tolerance": (("agreement", "tolerance"), 1e-3),
    "the failures of draws": (("agreement", "posteriors", 0, "failures"), ["none"]),
    "a p-value of the draws that fails": (("agreement", "posteriors", 0, "score_p"), 1e-9),
    "the mode of the draws": (("agreement", "posteriors", 0, "mode", 1), lambda value: value + 1),
    "the shift that theory predicts": (
        ("agreement", "posteriors", 0, "predicted_shift", 1),
        lambda value: value / 2,
    ),
    "something more": (("agreement", "routes", 0, "trust me"), 1),
}


@pytest.mark.parametrize("stated", [None, "0" * 32])
def test_whatever_data_hash_an_estimate_states_its_numbers_are_held_against_the_data(
    stated, both, model
):
    for part in (("estimate",), ROUTE):
        found = copy.deepcopy(both[1])
        estimate = found
        for key in part:
            estimate = estimate[key]
        estimate["standard_errors"] = [value / 10 for value in estimate["standard_errors"]]
        if stated is not None:
            estimate["provenance"]["data_hash"] = estimate["stated_data_hash"] = stated
        with pytest.raises(ValueError, match=r"standard_errors|data_hash"):
            verify_report(model, found)


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


@pytest.mark.usefixtures("made_once")
def test_every_number_that_is_changed_on_the_page_is_told(both, comparison, model, tmp_path):
    # with a new checksum: every table is made again
    page, _ = both
    rng = np.random.default_rng(2)
    cells, path = cells_in(page), tmp_path / "changed.html"
    for _ in range(repeated(5)):
        changed = with_another_cell(page, cells[rng.integers(len(cells))], rng)
        path.write_text(resealed(changed), newline="\n")
        with pytest.raises(ValueError, match=r"the page shows|the copies of the table"):
            verify_report(model, path, dict(comparison.models))


@pytest.mark.usefixtures("made_once")
@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("one answer</h2>", "no answer</h2>"),
        ("are each proved to lie", "are all proved to lie"),
        ("<p>The maximum likelihood estimate exists", "<p>The estimate exists"),
        (
            '<section aria-labelledby="existence">',
            '<p>p = 0.03</p><section aria-labelledby="existence">',
        ),
        ("Made by flatprior.", "Made by nobody."),
    ],
)
def test_words_that_are_changed_on_the_page_are_told(old, new, both, comparison, model, tmp_path):
    page, _ = both
    assert old in page
    path = tmp_path / "changed.html"
    path.write_text(resealed(page.replace(old, new, 1)), newline="\n")
    with pytest.raises(ValueError, match=r"of the page|the page"):
        verify_report(model, path, dict(comparison.models))


@pytest.mark.usefixtures("made_once")
def test_a_figure_that_is_changed_is_told(both, comparison, model, tmp_path):
    page, _ = both
    at = page.index('<figure id="agreement-plot">')
    number = re.compile(r"\d+\.\d\d").search(page, at)
    changed = page[: number.start()] + "77.77" + page[number.end() :]
    path = tmp_path / "changed.html"
    path.write_text(resealed(changed), newline="\n")
    with pytest.raises(ValueError, match="figure 'agreement-plot'"):
        verify_report(model, path, dict(comparison.models))


@pytest.mark.parametrize("what", [*FORGED, *FORGED_WITH_DRAWS])
def test_whatever_is_done_to_a_page_is_told(what, both, comparison, model, tmp_path, made_once):
    page, path = both[0], tmp_path / "forged.html"
    path.write_text(resealed((FORGED | FORGED_WITH_DRAWS)[what](page)), newline="\n")
    with pytest.raises(
        ValueError, match=r"report|page|table|figure|results|draws|nothing gives|is 0"
    ):
        verify_report(model, path, dict(comparison.models))


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


def test_a_report_of_two_results_of_one_route_is_verified(model, tmp_path):
    fit = fit_newton(model)
    draws = [sample_independence(model, seed=seed, progress=False) for seed in (2, 4)]
    agreement = compare_routes(model, fit, replace(fit), *draws)
    path = write_report(tmp_path / "r.html", agreement)
    assert len(verify_report(model, path)) == 3

    # and the second of them is held like the first
    page = path.read_text()
    forged = rewritten(
        "estimates",
        lambda table: replace(
            table,
            cells=tuple((row[0], "2.345", *row[2:]) for row in table.cells),
        ),
        lambda rows: [row.__setitem__(2, "2.345") for row in rows[1:]],
    )
    path.write_text(resealed(forged(page)), newline="\n")
    with pytest.raises(ValueError, match=r"the page shows '2\.345'"):
        verify_report(model, path)


def test_a_report_with_a_fit_of_other_data_of_which_nothing_is_proved_is_verified(model, tmp_path):
    fit = fit_newton(BernoulliLogistic.from_formula(model.formula, load_spector().iloc[:-2]))
    assert fit.converged
    agreement = compare_routes(model, fit_newton(model), fit)
    assert agreement.routes[1].certificate.error_bound == np.inf
    verify_report(model, write_report(tmp_path / "r.html", agreement))


@pytest.mark.parametrize("what", TAMPERED)
def test_what_was_tampered_with_does_not_stand(what, both, comparison, model):
    found, others = copy.deepcopy(both[1]), dict(comparison.models)
    change(found, *TAMPERED[what])
    with pytest.raises(ValueError):  # noqa: PT011  (each says what it is)
        verify_report(model, found, others)


def test_a_far_estimate_cannot_pass_by_claiming_no_bound(agreement, model, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", agreement))
    far = np.array(found["estimate"]["coefficients"]) + 2.0
    for part in (found["estimate"], *found["agreement"]["routes"]):
        part["coefficients"] = far.tolist()
        part["log_likelihood"] = model.log_likelihood(far)
        information = model.information(far)
        part["standard_errors"] = np.sqrt(np.diag(np.linalg.inv(information))).tolist()
        part["certificate"]["error_bound"] = None
        part["certificate"]["digits"] = [0.0] * 4
    with pytest.raises(ValueError, match="nothing is proved"):
        verify_report(model, found)


def test_a_report_of_a_disagreement_is_verified_too(model, tmp_path):
    other = fit_newton(BernoulliLogistic.from_formula(model.formula, load_spector().iloc[2:]))
    agreement = compare_routes(model, fit_newton(model), replace(other, route="other"))
    found = read_report(write_report(tmp_path / "r.html", agreement))
    assert found["agreement"]["verdict"] == "disagree"
    assert verify_report(model, found).index.tolist() == ["newton", "other", "reported"]
    assert len(verify_report(model, tmp_path / "r.html")) == 3
    # it says of which data it was, and shows what its coefficients are on these
    told = found["agreement"]["routes"][1]
    assert told["stated_data_hash"] == other.provenance.data_hash != model.data_hash
    assert told["log_likelihood"] == pytest.approx(model.log_likelihood(other.coefficients))
    assert "other states that it was computed from other data" in " ".join(
        (tmp_path / "r.html").read_text().split()
    ).replace("Other states", "other states")


def test_the_models_of_a_comparison_are_verified_too(comparison, tmp_path):
    found = read_report(write_report(tmp_path / "r.html", comparison=comparison))
    formula, others = formulas_of(found)
    assert formula == "grade ~ gpa + tuce + C(psi)"
    assert others == {"all": formula, "gpa": "grade ~ gpa"}
    models = dict(comparison.models)
    assert verify_report(models["all"], found, models).index.tolist() == [
        "reported",
        "model all",
        "model gpa",
    ]
    found["comparison"]["estimates"]["gpa"]["log_likelihood"] += 1
    with pytest.raises(ValueError, match="log-likelihood"):
        verify_report(models["all"], found, models)


def test_models_from_arrays_have_no_formula(tmp_path):
    model = BernoulliLogistic.from_arrays([1, 2, 3, 4], [0, 1, 0, 1], intercept=True)
    agreement = compare_routes(model, fit_newton(model), fit_sklearn(model))
    found = read_report(write_report(tmp_path / "r.html", agreement))
    with pytest.raises(ValueError, match="built from arrays"):
        formulas_of(found)
    for damaged in ([1], {"estimates": {"a": 3}}):
        with pytest.raises(ValueError, match="damaged"):
            formulas_of({"formula": "y ~ x", "comparison": damaged})
    with pytest.raises(FileNotFoundError, match="no file"):
        read_report(tmp_path / "none.html")
    assert len(verify_report(model, found)) == 3


def test_a_report_of_draws_in_single_precision_is_verified(model, tmp_path):
    draws = sample_independence(model, seed=4, progress=False)
    beta = draws.draws.astype(np.float32)
    # with a constant, which means nothing but leaves fewer digits
    lp = (model.log_likelihood(beta.astype(float).reshape(-1, 4)) + 500).astype(np.float32)
    agreement = compare_routes(
        model, fit_newton(model), as_posterior(model, beta, lp.reshape(beta.shape[:2]))
    )
    check = agreement.posterior_check
    assert check.passed
    doubles, _ = density_tolerances(model, fit_newton(model).log_likelihood, 0.0)
    assert check.density_error > doubles  # which would be another density, stated in doubles
    path = write_report(tmp_path / "r.html", agreement)
    assert len(verify_report(model, path)) == 2
    found = read_report(path)
    found["checks"][0]["density_tolerance"] *= 3
    with pytest.raises(ValueError, match="density_tolerance"):
        verify_report(model, found)


def test_sentences_of_draws_are_known_by_their_words_alone():
    pattern = pattern_of("{observations} of {whose} above {limit}: beware")
    assert re.fullmatch(pattern, "3 observations of model 5 above 0.70: beware")
    for other in (
        "no observations of model 5 above 0.70: beware",
        "3 observations of model 5 above none: beware",
        "3 observations of model 5 above 0.70: good",
    ):
        assert not re.fullmatch(pattern, other)


def test_a_report_of_a_comparison_with_draws_is_verified(tmp_path):
    best = students()
    models = {"all": best, "gpa": BernoulliLogistic.from_formula("grade ~ gpa", load_spector())}
    draws = {
        name: sample_independence(each, draws=300, seed=1, progress=False)
        for name, each in models.items()
    }
    comparison = compare_models(models, draws)
    assert any(note.startswith("the sample is small for") for note in comparison.notes)
    path = write_report(tmp_path / "r.html", comparison=comparison)
    main = comparison.models[comparison.table().index[0]]
    assert len(verify_report(main, path, dict(comparison.models))) == 3
    found = read_report(path)
    found["comparison"]["notes"].append("the sample is large for all")
    with pytest.raises(ValueError, match="a note that nothing gives"):
        verify_report(main, found, dict(comparison.models))


@pytest.mark.parametrize("what", ["log_likelihood", "aic", "bic"])
def test_criteria_of_a_fit_made_elsewhere_are_those_of_its_coefficients(what, both, comparison):
    found = copy.deepcopy(both[1])
    models = dict(comparison.models)
    found["versions"]["numpy"] = "1.0"  # so that the way to the fits is not made again
    verify_report(models["all"], found, models)
    found["comparison"]["estimates"]["gpa"][what] *= 1 + 1e-6
    with pytest.raises(ValueError, match=rf"{what.replace('_', '-')} of gpa is"):
        verify_report(models["all"], found, models)


def test_standard_errors_of_a_fit_made_elsewhere_are_held_whatever_their_size(tmp_path):
    # a column in units of which a coefficient is 1e-10 of another has errors of that size
    data = load_spector().assign(far=lambda frame: frame["tuce"] * 1e10)
    models = {
        name: BernoulliLogistic.from_formula(f"grade ~ {name}", data)
        for name in ("gpa", "gpa + far")
    }
    comparison = compare_models(models)
    found = read_report(write_report(tmp_path / "r.html", comparison=comparison))
    found["versions"]["numpy"] = "1.0"
    main = models[comparison.table().index[0]]
    verify_report(main, found, models)
    errors = found["comparison"]["estimates"]["gpa + far"]["standard_errors"]
    assert errors[2] < 1e-10
    errors[2] *= 2
    with pytest.raises(ValueError, match=r"the standard errors of gpa \+ far"):
        verify_report(main, found, models)


def test_a_report_that_states_nothing_of_events_and_groups_is_verified(both, model, comparison):
    # as versions wrote it that knew of none
    found = copy.deepcopy(both[1])
    fits = [part["provenance"] for part in found["comparison"]["estimates"].values()]
    for part in (found, *fits):
        for what in verification.ADDED:
            part.pop(what, None)
    assert len(verify_report(model, found, dict(comparison.models))) == 5
    found["event"] = "1"
    with pytest.raises(ValueError, match="event is None, not '1'"):
        verify_report(model, found, dict(comparison.models))


@pytest.fixture(scope="module")
def of_many(tmp_path_factory):
    """A report whose tables are longer than what the page shows of them."""
    path = write_report(tmp_path_factory.mktemp("many") / "r.html", many_levels_agreement())
    assert len(verify_report(many_levels(), path)) == 3
    return path.read_text(encoding="utf-8")


def _row(number, change):
    def in_full(rows):
        rows[number] = change(rows[number])

    return in_full


UNSEEN = {
    "a number of row 57": _row(57, lambda row: [row[0], "0.5", *row[2:]]),
    "the name of row 57": _row(57, lambda row: ["hospital[T.h999]", *row[1:]]),
    "a cell less in row 57": _row(57, lambda row: row[:-1]),
    "the last row left out": list.pop,
    "a row more": lambda rows: rows.append(rows[-1]),
    "another heading": _row(0, lambda row: [row[0], "effect", *row[2:]]),
    "two rows exchanged": lambda rows: rows.insert(56, rows.pop(57)),
    "a corner": _row(0, lambda row: ["=1+1", *row[1:]]),
    "an empty row": lambda rows: rows.insert(57, []),
    "nothing": list.clear,
    "what is too long": _row(57, lambda row: ["h" * 2**18, *row[1:]]),
}


LONG = [("coefficients-table", kind) for kind in UNSEEN]
LONG += [
    ("odds-ratios", "a number of row 57"),
    ("estimates", "a number of row 57"),
]


@pytest.mark.parametrize(("table", "kind"), LONG)
def test_rows_that_the_page_does_not_show_are_verified_too(
    of_many, table, kind, tmp_path, made_once
):
    path = tmp_path / "forged.html"
    page = rewritten(table, lambda shown: shown, UNSEEN[kind])(of_many)
    path.write_text(resealed(page), encoding="utf-8", newline="\n")
    with pytest.raises(ValueError, match=r"table|row|draws"):
        verify_report(many_levels(), path)


def test_how_many_rows_there_are_is_verified(of_many, tmp_path, made_once):
    def fewer(table):
        return replace(table, notes=tuple(note.replace("121", "41") for note in table.notes))

    path = tmp_path / "forged.html"
    page = rewritten("odds-ratios", fewer)(of_many)
    path.write_text(resealed(page), encoding="utf-8", newline="\n")
    with pytest.raises(ValueError, match="note"):
        verify_report(many_levels(), path)


UNSEEN_DRAWS = {
    "nothing": lambda rows: None,
    "a mean": _row(4, lambda row: [row[0], "0.5", *row[2:]]),
    "a name": _row(4, lambda row: ["income", *row[1:]]),
    "a row less": list.pop,
    "two rows exchanged": lambda rows: rows.insert(3, rows.pop(4)),
}


@pytest.mark.parametrize("kind", UNSEEN_DRAWS)
def test_rows_of_draws_that_the_page_does_not_show_are_verified_too(
    kind, agreement, model, tmp_path, monkeypatch
):
    monkeypatch.setattr(rendering, "LONGEST", 3)
    monkeypatch.setattr(rendering, "FIRST", 2)
    path = write_report(tmp_path / "r.html", agreement)
    page = path.read_text(encoding="utf-8")
    assert "Shown are the first 2 of 4 rows" in page
    page = rewritten("sampler-1", lambda shown: shown, UNSEEN_DRAWS[kind])(page)
    path.write_text(resealed(page), encoding="utf-8", newline="\n")
    if kind == "nothing":
        assert len(verify_report(model, path)) == 3
        return
    with pytest.raises(ValueError, match=r"draws of independence|copies of the table .sampler-1"):
        verify_report(model, path)
