"""Printed tables: what is changed in them is caught, what is right is not accused.

Run ``python benchmarks/printed_tables.py [TABLES] [SEED] [0]``; with 0 the tables only. By default
200 right tables and 200 in which one to three numbers are changed, of the shared cases and the
bundled data, in the layouts of eleven producers, with 2 to 8 digits and standard errors of ten
kinds; and which kind is named.
"""

import sys
import tempfile
import warnings
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import numpy as np
import statsmodels.api as sm

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "support"))
from problems import OVERLAPPING, simulated
from stated_numbers import (
    CALLED,
    covariance,
    firth,
    glm_path,
    newton,
    of_fit,
    of_terms,
    their_fit,
)
from written_tables import OF_A_FIT, OF_A_TERM, markdown, printed, records

from flatprior.analysis import confidence_intervals, likelihood_ratio_test
from flatprior.analysis.auditing.numbers import judge_numbers
from flatprior.analysis.producers.printed.table import read_table
from flatprior.analysis.producers.theirs import Settings, Stated, TheirFit
from flatprior.models import (
    BernoulliLogistic,
    fit_newton,
    load_smarket,
    load_spector,
)

SIZES = ("1 unit", "2-9 units", "1 %", "10 %")
ILL_CONDITIONED = 1e4  # where NumPy's inverse is no oracle to eight digits
LARGEST = 3000  # rows
KINDS = ("model",) * 5 + (
    "one iteration old", "dispersion", "HC0", "HC1", "HC2", "HC3", "cluster", "Stata robust",
)  # fmt: skip


def problems():
    """Models with their names, plain rows, coefficients to all digits and clusters."""
    found = []
    for case in OVERLAPPING:
        model = case.model
        if model.n_observations > LARGEST:
            continue
        scaled = model.design / np.linalg.norm(model.design, axis=0)
        if np.linalg.cond(scaled) > ILL_CONDITIONED:
            continue
        times = np.ones(model.n_rows, int) if case.weights is None else case.weights.astype(int)
        X, y = (np.repeat(each, times, axis=0) for each in (model.design, model.response))
        found.append((case.id, model, X, y, case.beta))
    for name, formula, load in (
        ("spector", "grade ~ gpa + tuce + psi", load_spector),
        ("smarket", "Direction ~ Lag1 + Lag2 + Volume", load_smarket),
    ):
        model = BernoulliLogistic.from_formula(formula, load())
        X, y = model.design, model.response
        found.append((name, model, X, y, newton(X, y)[-1]))
    return found


def numbers(rng, model, X, y, beta, kind):
    """Every number of a fit with standard errors of a kind, and the clusters if it has some."""
    if kind == "cluster" and model.n_rows < len(y):
        kind = "HC0"
    if len(y) <= len(beta):  # no degree of freedom, and leverages of 1
        kind = "model"
    groups = np.arange(len(y)) // max(len(y) // 25, 2) if kind == "cluster" else None
    at, before = beta, None
    if kind == "one iteration old":
        kind, path = "model", glm_path(X, y)
        error = np.sqrt(np.diag(covariance(X, y, beta)))
        last = (i for i, b in enumerate(path) if (np.abs(b - beta) < 1e-7 * error).all())
        i = next(last, 0)
        at, before = (path[i], path[i - 1]) if i else (beta, None)
    V = covariance(X, y, at if before is None else before, kind, groups)
    free = len(y) - len(beta) if rng.uniform() < 0.1 else None
    terms = of_terms(at, V, free)
    return terms, of_fit(X, y, at), groups


def table(rng, names, terms, fit):
    """One of the layouts with digits of its own for each quantity."""
    layout = list(OF_A_TERM)[rng.integers(len(OF_A_TERM))]
    significant = bool(rng.uniform() < 0.3)
    wanted = OF_A_TERM[layout]
    facts = dict(fit)
    if layout in (markdown, records):
        chosen = [what for what in wanted if rng.uniform() < 0.5]
        chosen += ["coefficient"] if not {"coefficient", "odds ratio"} & set(chosen) else []
        wanted = [what for what in wanted if what in chosen]
        for low, high in (("low", "high"), ("odds ratio low", "odds ratio high")):
            if (low in wanted) != (high in wanted):
                wanted = [what for what in wanted if what not in (low, high)]
        facts = {what: value for what, value in fit.items() if rng.uniform() < 0.5}
    one = int(rng.integers(2, 9))
    both = one if rng.uniform() < 0.5 else None
    digits = {what: both or int(rng.integers(2, 9)) for what in (*terms[0], *fit)}
    for low, high in (("low", "high"), ("odds ratio low", "odds ratio high")):
        digits[high] = digits[low]
    if significant:  # nobody prints a log-likelihood to two digits
        digits |= {what: max(digits[what], 4) for what in fit}
    shown = printed(names, terms, facts, digits, significant, quantities=wanted)
    shown = small_p(rng, names, terms, shown)
    return layout, shown, [*[(n, w) for n in names for w in wanted], *(
        w for w in facts if w in OF_A_FIT[layout]
    )]  # fmt: skip


def small_p(rng, names, terms, shown):
    """P-values below a limit as "<0.001", in half of the tables."""
    if rng.uniform() < 0.5:
        return shown
    for name, numbers_of in zip(names, terms, strict=True):
        if (name, "p") in shown.cells and numbers_of["p"] < 0.001:
            shown = shown.changed((name, "p"), "<0.001")
    return shown


def changed(rng, shown, keys):
    """The table with one to three numbers changed, and by how much each."""
    made = {}
    free = [key for key in keys if text_of(shown, key).strip("-")[0].isdigit()]
    for i in rng.permutation(len(free))[: rng.integers(1, 4)]:
        key, size = free[i], SIZES[rng.integers(len(SIZES))]
        text = text_of(shown, key)
        value = Decimal(text)
        unit = Decimal(1).scaleb(value.as_tuple().exponent)
        by = {
            "1 unit": unit,
            "2-9 units": unit * int(rng.integers(2, 10)),
            "1 %": abs(value) / 100,
            "10 %": abs(value) / 10,
        }[size]
        steps = max((by / unit).to_integral_value(), Decimal(1))
        sign = 1 if rng.uniform() < 0.5 or (key == "n" or key[1] in POSITIVE) else -1
        shown = shown.changed(key, f"{value + sign * steps * unit:f}")
        made[key] = size if steps > 1 or size == "1 unit" else "1 unit"
    return shown, made


POSITIVE = (
    "standard error", "p", "chi-squared", "odds ratio", "odds ratio low", "odds ratio high",
    "odds ratio SE",
)  # fmt: skip


def text_of(shown, key):
    """What is written in one place."""
    return shown.cells[key] if isinstance(key, tuple) else shown.fit[key]


def judged(folder, layout, shown, model, mle, groups):
    """What is found of a table that is written to a file and read."""
    text, ending = layout(shown)
    path = Path(folder) / f"table{ending}"
    path.write_text(text, encoding="utf-8")
    fit = read_table(path)
    if groups is not None:
        fit = TheirFit(**{**vars(fit), "settings": Settings(covariance="cluster", groups=groups)})
    return judge_numbers(model, mle, fit)


def key_of(each):
    """The place of a number."""
    return (each.term, each.quantity) if each.term else each.quantity


def tables(number, seed):
    """Right tables and changed ones."""
    rng = np.random.default_rng(seed)
    every = [(*problem, fit_newton(problem[1])) for problem in problems()]
    print(f"{len(every)} data sets, {number} right tables and {number} changed ones")
    accused, wrong, shown_numbers = [], 0, 0
    caught, missed = Counter(), Counter()
    reasons = defaultdict(list)
    collateral = []
    with tempfile.TemporaryDirectory() as folder:
        for i in range(2 * number):
            name, model, X, y, beta, mle = every[rng.integers(len(every))]
            kind = KINDS[rng.integers(len(KINDS))]
            terms, fit, groups = numbers(rng, model, X, y, beta, kind)
            layout, shown, keys = table(rng, model.names, terms, fit)
            made = {}
            if i >= number:
                shown, made = changed(rng, shown, keys)
            found = {
                key_of(each): each for each in judged(folder, layout, shown, model, mle, groups)
            }
            # beside odds ratios alone it is not said whose a standard error is
            for name in model.names:
                if (name, "standard error") in keys and (name, "standard error") not in found:
                    found[name, "standard error"] = found.pop((name, "odds ratio SE"))
            told = {key for key, each in found.items() if each.consistent is False}
            shown_numbers += len(found)
            if i < number:
                wrong += bool(told)
                accused += [(name, layout.__name__, kind, found[key]) for key in told]
                continue
            for key, size in made.items():
                (caught if key in told else missed)[size] += 1
                if key not in told:
                    reasons[size].append((name, layout.__name__, kind, found.get(key)))
            collateral += [
                (name, layout.__name__, kind, made, found[key]) for key in told - set(made)
            ]
    print(f"right tables: {wrong} of {number} accused ({len(accused)} numbers)")
    for each in accused[:20]:
        print("   ", *each)
    print("changed numbers that are caught:")
    for size in SIZES:
        total = caught[size] + missed[size]
        print(f"  {size:>10}: {caught[size]} of {total}")
        for each in reasons[size][:8]:
            print("      missed:", *each)
    print(f"numbers accused that were not changed: {len(collateral)}")
    for each in collateral[:20]:
        print("   ", *each)


def confusion(number, seed):
    """Which kind is named, for standard errors alone, by digits."""
    rng = np.random.default_rng(seed)
    rows = defaultdict(Counter)
    for i in range(number):
        n = int(rng.integers(60, 400))
        X, y = simulated(n, 4, seed=1000 + i)
        model = BernoulliLogistic.from_arrays(X, y)
        mle = fit_newton(model)
        groups = np.arange(n) // 6
        results = {
            f"statsmodels {kind}": sm.Logit(y, X).fit(disp=0, tol=1e-12, cov_type=kind)
            for kind in ("nonrobust", "HC0", "HC1", "HC2", "HC3")
        }
        results["statsmodels cluster"] = sm.Logit(y, X).fit(
            disp=0, tol=1e-12, cov_type="cluster", cov_kwds={"groups": groups}
        )
        family = sm.families.Binomial()
        results["statsmodels GLM"] = sm.GLM(y, X, family=family).fit()
        results["GLM(scale='X2')"] = sm.GLM(y, X, family=family).fit(scale="X2")
        results["GLM(maxiter=3)"] = sm.GLM(y, X, family=family).fit(maxiter=3)
        fits = {name: (result.params, result.bse) for name, result in results.items()}
        beta = newton(X, y)[-1]
        for kind in CALLED:
            V = covariance(X, y, beta, kind, groups)
            fits[f"formula {kind}"] = (beta, np.sqrt(np.diag(V)))
        penalised = firth(X, y)
        for kind, name in (("model", "original"), ("augmented", "augmented")):
            V = covariance(X, y, penalised, kind)
            fits[f"Firth, {name} information"] = (penalised, np.sqrt(np.diag(V)))
        for digits in (None, 6, 4):
            for name, (coefficients, errors) in fits.items():
                terms = [
                    {"coefficient": b, "standard error": s}
                    for b, s in zip(coefficients, errors, strict=True)
                ]
                theirs = their_fit(
                    model.names, terms, {}, digits, ("standard error",),
                    groups=groups if "cluster" in name else None,
                    penalty="firth" if "Firth" in name else "",
                )  # fmt: skip
                found = [
                    each
                    for each in judge_numbers(model, mle, theirs)
                    if each.quantity == "standard error"
                ]
                said = {each.convention if each.consistent else "off" for each in found}
                rows[name, digits][", ".join(sorted(said))] += 1
    print(f"\nkinds of standard error, {number} data sets each: doubles, 6 and 4 decimals")
    for (name, digits), counts in sorted(
        rows.items(), key=lambda row: (row[0][0], -(row[0][1] or 99))
    ):
        shown = "; ".join(f"{what} {many}" for what, many in counts.most_common())
        print(f"  {name:>32} {digits or 'all':>4}: {shown}")


def thorough(seed):
    """Profile intervals and likelihood-ratio tests, right and with one unit changed."""
    rng = np.random.default_rng(seed)
    right = caught = total = 0
    every = problems()
    for _, model, _, _, _ in every[:8]:
        mle = fit_newton(model)
        ends = confidence_intervals(model).iloc[:, 1:].to_numpy()
        stated = []
        for j, name in enumerate(model.names):
            p = likelihood_ratio_test(model, name).p
            for what, value in (("p", p), ("low", ends[j, 0]), ("high", ends[j, 1])):
                text = f"{value:.4f}"
                stated.append(
                    Stated(term=name, quantity=what, value=float(text), unit=1e-4, written=text)
                )
        theirs = TheirFit(
            producer="a printed table",
            coefficients={n: round(float(b), 4) for n, b in mle.params.items()},
            units=dict.fromkeys(model.names, 1e-4),
            stated=tuple(stated),
        )
        right += all(each.consistent for each in judge_numbers(model, mle, theirs))
        for i in rng.permutation(len(stated))[:3]:
            one = stated[i]
            wrong = Stated(**{**vars(one), "value": one.value + 1e-4})
            changed_ones = (*stated[:i], wrong, *stated[i + 1 :])
            fit = TheirFit(**{**vars(theirs), "stated": changed_ones})
            told = [each for each in judge_numbers(model, mle, fit) if each.consistent is False]
            caught += any((each.term, each.quantity) == (one.term, one.quantity) for each in told)
            total += 1
    print(f"\nprofile intervals and likelihood-ratio tests: {right} of 8 right tables pass, "
          f"{caught} of {total} numbers changed by one unit are caught")  # fmt: skip


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sizes = [int(each) for each in sys.argv[1:]]
    many, first = (*sizes, *(200, 17)[len(sizes) :])[:2]
    tables(many, first)
    if len(sizes) < 3:
        confusion(max(many // 10, 3), first)
        thorough(first)
