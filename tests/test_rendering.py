"""Every result shows itself: in 80 columns, in HTML, Markdown, LaTeX and CSV, and in one format."""

import csv
import dataclasses
import html
import io
import pickle
import re
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from processes import completed

import flatprior.analysis
import flatprior.models
from flatprior import analysis, models
from flatprior.analysis.agreement.pymc_model import Prior
from flatprior.analysis.cli.commands import main
from flatprior.models import BernoulliLogistic, load_births, load_endometrial, load_spector
from flatprior.models.common.rendering import Renderable

SCRIPT = "<script>x</script>"
NAMES = (SCRIPT, "$a$", "b|c_%", "=cmd()")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')  # of Typst


def is_result(kind):
    """Whether a public class is a frozen value."""
    if not isinstance(kind, type) or issubclass(kind, Exception):
        return False
    parameters = getattr(kind, "__dataclass_params__", None)
    return (parameters is not None and parameters.frozen) or issubclass(kind, tuple)


RESULTS = sorted(
    {
        found
        for package in (flatprior.models, flatprior.analysis)
        for found in (getattr(package, name) for name in package.__all__)
        if is_result(found)
    }
    | {BernoulliLogistic},
    key=lambda kind: kind.__name__,
)


def all_of(model, separated):
    """One result of each public type."""
    fit = models.fit_newton(model)
    draws = models.sample_independence(model, seed=1, progress=False)
    left_out = analysis.Unavailable("sklearn", f"it takes no offset {SCRIPT}")
    agreement = analysis.compare_routes(model, fit, draws, left_out)
    existence = models.check_existence(separated)
    y = pd.Series(model.response, index=model.row_labels)
    ones = pd.DataFrame({"one": 1.0}, index=model.row_labels)
    null = BernoulliLogistic.from_arrays(ones, y)
    levels = pd.DataFrame({"g": [NAMES[i % 4] for i in range(model.n_rows)], "y": model.response})
    of_levels = BernoulliLogistic.from_formula("y ~ g", levels)
    rng = np.random.default_rng(6)
    columns = pd.DataFrame({f"{NAMES[i % 4]}{i}": rng.normal(size=200) for i in range(12)})
    many = BernoulliLogistic.from_arrays(columns, rng.integers(0, 2, 200), intercept=True)
    return (
        model,
        fit,
        fit.certificate,
        draws,
        existence,
        existence.limit,
        models.check_fragility(model),
        models.refit(model, [np.arange(model.n_rows) % 3, np.zeros(model.n_rows)]),
        validation := analysis.validate(model, 5, seed=1),
        validation.coefficient_intervals(),
        agreement,
        agreement.routes[0],
        agreement.posterior_checks[0],
        left_out,
        analysis.anova(null, model),
        analysis.audit(fit, model),
        analysis.binned_residuals(model, fit),
        analysis.calibration_curve(model, fit, simulations=20),
        analysis.classification_table(model, fit),
        analysis.coin(3, 8),
        analysis.collinearity(model),
        analysis.compare_models({SCRIPT: model, "null|": null}),
        analysis.convexity(model, fit),
        analysis.binary_cross_entropy(model, fit),
        analysis.diagnose(model, fit),
        analysis.effect_curves(of_levels, models.fit_newton(of_levels), levels),
        analysis.exact_loo(model),
        analysis.explain_difference(model, -fit.coefficients),
        analysis.goodness_of_fit(model, fit),
        analysis.gradient_descent(model, steps=60),
        analysis.high_dimensional(many, models.fit_newton(many)),
        analysis.likelihood_ratio_test(model, [model.names[1]]),
        analysis.psis_loo(model, draws),
        analysis.sklearn_objective(model, fit),
        means := analysis.marginal_means(of_levels, models.fit_newton(of_levels), "g", levels),
        means.contrasts(),
        means.joint_tests(),
        analysis.average_marginal_effects(of_levels, models.fit_newton(of_levels), levels),
        analysis.confidence_intervals(separated),
        analysis.hauck_donner(model, fit),
        analysis.predictive_scores(model, fit),
        analysis.posterior_moments(model, draws),
        analysis.predictive_indices(model, fit),
        analysis.profile_curve(model, model.names[1], points=15),
        analysis.robust_covariance(model, fit, "HC3"),
        analysis.summarise(model, fit),
        analysis.product_underflow(model, fit, "float16"),
        pymc_check(model),
    )


def pymc_check(model):
    """What `check_pymc` would say of a model with a prior on each coefficient but the first."""
    k = model.n_parameters
    priors = ["flat", *(f"Normal(0, {SCRIPT})" for _ in range(k - 1))]
    return analysis.PymcCheck(
        names=model.names,
        density_error=3.0,
        gradient_error=1.0,
        likelihood_error=1e-12,
        tolerance=1e-8,
        parts=dict(zip(model.names, [0.0, *range(1, k)], strict=True)),
        priors=dict(zip(model.names, map(Prior, priors), strict=True)),
        others=(),
        shift=np.linspace(-1, 1, k),
        n_points=9,
        formula=model.formula,
    )


def nasty(separated=False):
    """A model whose columns and rows have names that mean something to HTML, LaTeX and others."""
    rng = np.random.default_rng(4)
    labels = [f"{NAMES[i % 4]}{i}" for i in range(60)]
    X = pd.DataFrame({name: rng.normal(size=60) for name in NAMES}, index=labels)
    y = pd.Series(rng.integers(0, 2, 60), index=labels)
    if separated:
        X[NAMES[1]] = ((np.arange(60) % 5 == 0) & (y == 1)).astype(float)
    return BernoulliLogistic.from_arrays(X, y, intercept=True)


@pytest.fixture(scope="module")
def shown():
    """Results of nasty names, and of real data, by their type."""
    real = all_of(
        BernoulliLogistic.from_formula("grade ~ gpa + tuce + psi", load_spector()),
        BernoulliLogistic.from_formula("HG ~ NV + PI + EH", load_endometrial()),
    )
    made = all_of(nasty(), nasty(separated=True))
    found = {}
    for one, other in zip(real, made, strict=True):
        found[type(one)] = (*found.get(type(one), ()), one, other)
    return found


def test_every_public_result_is_renderable_and_made_here(shown):
    assert [kind for kind in RESULTS if not issubclass(kind, Renderable)] == []
    assert set(shown) == set(RESULTS)
    assert len(RESULTS) >= 30


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_the_text_is_a_short_table_of_80_columns_and_no_dataclass_repr(shown, kind):
    for result in shown[kind]:
        text = str(result)
        lines = text.splitlines()
        assert lines[0].strip()
        assert max(map(len, lines)) <= 80
        assert len(lines) <= 45
        assert f"{kind.__name__}(" not in text
        assert "array(" not in text
        assert not re.search(r"-0\.?0*(?![\d.eE])", text)  # nothing is minus zero
        assert "nan" not in re.findall(r"[a-z]+", text)
        if kind is not BernoulliLogistic:
            assert repr(result) == text


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_names_are_text_in_html_markdown_and_latex(shown, kind):
    for result in shown[kind]:
        page, latex, markdown = result._repr_html_(), result.to_latex(), result.to_markdown()
        for text in (page, latex, markdown):
            assert "<script" not in text
        assert not re.search(r"(?<!\\)\$", latex)
        assert not re.search(r"(?<!\\)%", latex)
        rows = [line for line in markdown.splitlines() if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) <= 1


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_html_markdown_latex_and_csv_are_of_the_same_cells(shown, kind):
    for result in shown[kind]:
        found = result.rendered()
        cells = [(name, *row) for name, row in zip(found.names, found.cells, strict=True)]
        page = result._repr_html_()
        assert html.escape(found.title) in page
        assert html.escape(found.title.split()[0]) in result.to_latex().replace("\\", "")
        copied = [
            tuple(html.unescape(cell) for cell in re.findall(r"<t[hd] [^>]*>(.*?)</t[hd]>", row))
            for row in re.findall(r"<tr>(<th scope='row'.*?)</tr>", page)
        ]
        marked = [
            tuple(
                html.unescape(re.sub(r"\\([\\|*_`\[\]~$^@])", r"\1", part))
                for part in re.split(r"(?<!\\) ?\| ?", line)[1:-1]
            )
            for line in result.to_markdown().splitlines()
            if line.startswith("| ")
        ]
        if not found.has_table:
            assert copied == marked == []
            assert r"\begin" not in result.to_latex()
        else:
            assert copied == cells
            assert marked == [("", *found.columns), *cells]
            latex = result.to_latex()
            tables = latex.count(r"\begin{tabular}")  # columns that are too wide follow in another
            assert latex.count(r" \\") == tables * (len(cells) + 1)
            heads = [part.split(r" \\")[0] for part in latex.split("\\toprule\n")[1:]]
            shown_there = {len(found.columns)}
            if found.narrower is not None:
                shown_there.add(len(found.narrower.columns))
            assert sum(head.count(" & ") for head in heads) in shown_there
        head, *rows = csv.reader(io.StringIO(result.to_csv()))
        assert [name.removeprefix("'") for name in head[1:]] == list(found.columns)
        whole = [row[0].removeprefix("'") for row in rows]
        assert set(found.names) <= set(whole)
        assert len(rows) == len(found.raw) >= len(cells)
        assert "np." not in result.to_csv()
        for row in rows:
            assert not re.match(r"[=+@]", row[0])


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_names_and_cells_are_strings_in_typst_and_nothing_else_is_of_the_data(shown, kind):
    for result in shown[kind]:
        found, typst = result.rendered(), result.to_typst()
        assert re.fullmatch(r"[\w\s#().,:+]*", STRING.sub("S", typst))
        strings = {re.sub(r"\\(.)", r"\1", text) for text in STRING.findall(typst)}
        if not found.has_table:
            assert "table" not in STRING.sub("S", typst)
            continue
        narrow = found if found.narrower is None else found.narrower
        cells = {*found.names, *narrow.columns, *(cell for row in narrow.cells for cell in row)}
        assert cells <= {text.replace("−", "-") for text in strings} | strings


def test_typst_of_every_result_compiles(shown, tmp_path):
    typst = pytest.importorskip("typst", reason="the Python package of Typst is not installed")
    tables = [result.to_typst() for results in shown.values() for result in results]
    source = tmp_path / "all.typ"
    source.write_text("\n#pagebreak()\n".join(tables), encoding="utf-8")
    assert len(typst.compile(str(source))) > 10_000


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_of_every_result_compiles_and_fits_on_the_page(shown, tmp_path):
    tables = [result.to_latex() for results in shown.values() for result in results]
    (tmp_path / "all.tex").write_text(
        "\\documentclass{article}\n\\usepackage{booktabs}\n\\begin{document}\n"
        + "\n\\clearpage\n".join(tables)
        + "\n\\end{document}\n",
        encoding="utf-8",
    )
    command = ("pdflatex", "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape")
    done = completed(*command, "all.tex", cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "all.pdf").stat().st_size > 10_000
    wide = [float(points) for points in re.findall(r"Overfull \\hbox \((\S+)pt", done.stdout)]
    assert max(wide, default=0.0) < 25  # a number that cannot be hyphenated; no table


def test_a_long_table_shows_the_rows_that_tell_most_and_its_csv_has_all(shown):
    for kind, n in (
        (analysis.Diagnostics, 32),
        (analysis.ExactLOO, 32),
        (analysis.PSISLOO, 32),
        (analysis.CalibrationCurve, 32),
        (analysis.GradientDescent, 61),
        (analysis.ProfileCurve, 15),
    ):
        result = shown[kind][0]
        found = result.rendered()
        assert 10 <= len(found.cells) <= 12
        assert len(result.to_csv().splitlines()) == n + 1
        assert f"of {n} " in " ".join(str(result).split())
        assert ".table()" in str(result)
    diagnostics = shown[analysis.Diagnostics][0]
    assert diagnostics.rendered().names[:2] == ("31", "23")
    loo = shown[analysis.ExactLOO][1]
    assert loo.rendered().names[0] == loo.table()["log score"].idxmin()  # the user's own label


def test_the_first_line_says_what_of_which_model_and_whether_it_passed(shown):
    for kind, words in (
        (models.PointEstimate, ("Route newton", "grade ~")),
        (models.Certificate, ("Certificate", "(proved)")),
        (models.Existence, ("quasi-complete separation",)),
        (models.Limit, ("no maximum", "-27.696630")),
        (analysis.Agreement, ("The routes agree",)),
        (analysis.RouteVerdict, ("Route newton agrees", "grade ~")),
        (analysis.PosteriorCheck, ("independence", "pass")),
        (analysis.Diagnostics, ("influence", "grade ~")),
        (analysis.RobustCovariance, ("Robust covariance", "grade ~")),
        (analysis.HypothesisTest, ("likelihood ratio test of gpa = 0", "p = ")),
        (analysis.Explanation, ("response flipped",)),
        (analysis.ExactLOO, ("leave-one-out log score", "error bound")),
        (analysis.Convexity, ("strictly convex",)),
    ):
        first = str(shown[kind][0]).splitlines()[0]
        for word in words:
            assert word in first


def test_what_fails_says_so_in_its_first_line(shown):
    model, fit = shown[BernoulliLogistic][0], shown[models.PointEstimate][0]
    far = models.certify(model, fit.coefficients + 9)
    assert str(far).startswith("Certificate: NOTHING IS PROVED")
    short = analysis.gradient_descent(model, steps=3)
    assert str(short).startswith("NOT within the tolerance")
    rough = replace(fit, converged=False)
    assert str(rough).startswith("NOT CONVERGED")
    assert "Centre or rescale columns" in str(rough)
    other = replace(fit, coefficients=fit.coefficients + 1e-3)
    judged = analysis.compare_routes(model, fit, replace(other, route="sklearn"))
    assert judged.routes[1].rendered().title.startswith("Route sklearn DOES NOT AGREE")
    check = shown[analysis.PosteriorCheck][0]
    failed = replace(check, score_p=1e-9)
    assert "FAIL" in str(failed).splitlines()[0]
    assert "The mean score is not 0" in str(failed)


@pytest.mark.parametrize("kind", RESULTS, ids=lambda kind: kind.__name__)
def test_results_can_be_pickled_and_say_the_same_after_it(shown, kind):
    result = shown[kind][0]
    again = pickle.loads(pickle.dumps(result))  # noqa: S301
    assert type(again) is kind
    assert str(again) == str(result)
    if dataclasses.is_dataclass(kind) and kind.__dataclass_params__.eq:
        assert again == result
        assert replace(result) == result


def test_an_unknown_column_is_one_sentence_that_names_those_there_are(shown):
    for kind in RESULTS:
        with pytest.raises(ValueError, match="there is no column 'no such'; the columns are '"):
            shown[kind][0].to_csv(["no such"])
    csv_of_two = shown[models.PointEstimate][0].to_csv(["p", "coefficient"])
    assert csv_of_two.splitlines()[0] == ",p,coefficient"


def test_no_p_value_is_0_in_any_form():
    test = analysis.HypothesisTest("Wald", "x = 0", 1e4, 1, 0.0)
    assert "p = 2.7e-2174" in str(test)
    assert "p,2.7e-2174" in test.to_csv().splitlines()
    for text in (test.to_markdown(), test.to_latex(), test._repr_html_()):
        assert "2.7e-2174" in text


@pytest.mark.parametrize(
    ("load", "formula"),
    [
        (load_spector, "grade ~ gpa + tuce + psi"),
        (load_births, "low ~ age + lwt + race + smoke + ht + ui"),
    ],
    ids=["spector", "births"],
)
def test_the_terminal_prints_what_print_prints(tmp_path, load, formula):
    load().to_csv(tmp_path / "d.csv", index=False)
    model = BernoulliLogistic.from_formula(formula, tmp_path / "d.csv")
    fit = models.fit_newton(model)
    for options, shown in (
        ((), fit),
        (("--odds-ratios",), analysis.summarise(model, fit)),
    ):
        result = CliRunner().invoke(main, ["fit", str(tmp_path / "d.csv"), formula, *options])
        assert result.exit_code == 0
        assert result.stdout == f"{shown}\n"
    facts = (f"{model.facts[0]}, {model.n_parameters} coefficients", *model.facts[1:])
    assert str(fit).splitlines()[1 : 1 + len(facts)] == list(facts)


def test_a_table_of_ten_ordinary_names_is_one_table_in_80_columns_and_on_a_page():
    rng = np.random.default_rng(8)
    names = ["age", *(f"a name of 20 signs {j}" for j in range(9))]
    X = pd.DataFrame({name: 10.0 ** (j % 4) * rng.normal(size=300) for j, name in enumerate(names)})
    model = BernoulliLogistic.from_arrays(X, rng.integers(0, 2, 300), intercept=True)
    for fit in (models.fit_newton(model), models.fit_sklearn(model)):
        text, latex = str(fit), fit.to_latex()
        assert sum(line.startswith("age ") for line in text.splitlines()) == 1
        assert latex.count(r"\begin{tabular}") == 1
        least = int(fit.certificate.digits.min())
        for said in (" ".join(text.split()), latex):
            assert f"certain digits of each: {least} or more" in said
        assert list(fit.rendered().columns)[-1] == "digits"  # where there is room
        assert "digits" in fit.rendered().text(width=100)
    few = str(models.fit_newton(BernoulliLogistic.from_arrays(X[["age"]], model.response)))
    assert few.splitlines()[4].split()[-1] == "digits"


def test_a_loaded_estimate_says_of_the_data_what_its_file_does(tmp_path):
    model = BernoulliLogistic.from_formula("grade ~ gpa", load_spector())
    fit = models.fit_newton(model)
    fit.save(tmp_path / "fit.json")
    assert str(fit).splitlines()[1] == "32 observations, 11 events, 2 coefficients"
    assert "events" not in str(models.PointEstimate.load(tmp_path / "fit.json"))
    again = models.PointEstimate.load(tmp_path / "fit.json", model=model)
    assert str(again).splitlines()[:4] == str(fit).splitlines()[:4]
