import itertools

import pytest

from flatprior.models.common.coefficient_names import (
    as_number,
    meant,
    nearest,
    of_two_levels,
    paired,
    plain_name,
)

# one coefficient as formulaic, patsy, Bambi, R, brms and pandas call it
SAME = [
    ("Intercept", "(Intercept)", "const", "_cons", "b_Intercept"),
    (
        "g[T.b]",
        "C(g)[T.b]",
        "g[b]",
        "gb",
        "factor(g)b",
        "as.factor(g)b",
        "g_b",
        "C(g)[b]",
        'relevel(g, ref = "a")b',
        "relevel(g)[T.b]",
    ),
    ("C(g)[T.b]:x", "g[b]:x", "gb:x", "g_b:x", "C(g, Treatment('a'))[T.b]:x"),
    ("g[T.b]:h[T.d]", "g:h[b, d]", "C(g)[T.b]:C(h)[T.d]"),
    ("x 1", "`x 1`", "x1"),
    ("C(g)[T.New York]", "gNew York", "g_New York", "g[New York]"),
    ("g[T.a[1]]", "g[a[1]]"),
]


def test_every_program_s_name_of_a_coefficient_finds_every_other():
    for names in SAME:
        others = [name for rest in SAME if rest is not names for name in rest]
        for ours, theirs in itertools.permutations(names, 2):
            # a bare name of ours may be a column's own: "gb" is no level of g, "g_b" may be one
            bare = "[" not in plain_name(ours)
            one = plain_name(ours) == plain_name(theirs)
            if one or not bare or ("_" in ours and "[" in plain_name(theirs)):
                assert paired([ours], [theirs, *others]) == {ours: theirs}


def test_the_nearest_kind_of_name_decides_and_doubt_leaves_a_name_alone():
    assert nearest("gb", ["g[T.b]", "gb"]) == ["gb"]
    assert paired(["gb", "g[T.b]"], ["gb", "C(g)[T.b]"]) == {"gb": "gb", "g[T.b]": "C(g)[T.b]"}
    assert paired(["g[T.b]"], ["g[b]", "C(g)[T.b]"]) == {}
    # two of ours that may be one of theirs: neither is
    assert paired(["C(g)[T.b]", "g[T.b]"], ["g[b]"]) == {}
    assert paired(["C(g)[T.b]", "g[b]"], ["g[b]"]) == {"g[b]": "g[b]"}


@pytest.mark.parametrize(
    ("name", "label", "numbers", "line"),
    [
        ("psi", "C(psi)[T.1]", (0.0, 1.0), (1.0, 0.0, False)),
        ("psi", "psi[True]", (0.0, 1.0), (1.0, 0.0, False)),
        ("psi", "psi1", (0.0, 1.0), (1.0, 0.0, False)),
        ("psi", "factor(psi)1", (0.0, 1.0), (1.0, 0.0, False)),
        ("psi", "psi[T.2]", (1.0, 2.0), (1.0, -1.0, False)),
        ("psi", "psi[T.0]", (0.0, 1.0), (-1.0, 1.0, False)),
        ("psi", "psi[T.30]", (10.0, 30.0), (0.05, -0.5, False)),
        ("psi", "psi[T.yes]", (0.0, 1.0), (1.0, 0.0, True)),
        ("psi[T.2]", "psi", (1.0, 2.0), (1.0, 1.0, False)),
        ("psi[T.0]", "psi", (1.0, 0.0), (-1.0, 1.0, False)),
        ("C(psi)[T.yes]", "psi", None, (1.0, 0.0, True)),
    ],
)
def test_a_number_and_the_category_of_its_two_values(name, label, numbers, line):
    (found,) = of_two_levels([name], [label], lambda _: numbers)
    assert (found.name, found.label) == (name, label)
    slope, shift, assumed = line
    assert (found.slope, found.shift) == pytest.approx((slope, shift))
    assert found.assumed == assumed
    # the linear predictor at both values is the same, whatever the coefficients
    if not assumed:
        low, high = sorted(numbers)
        level = float("".join(c for c in (label if "T." in label else name) if c.isdigit()) or 1)
        if name == "psi":
            theirs = {x: 0.3 + 0.7 * (x == level) for x in (low, high)}
            ours = {x: 0.3 + shift * 0.7 + slope * 0.7 * x for x in (low, high)}
        else:
            theirs = {x: 0.3 + 0.7 * x for x in (low, high)}
            ours = {x: 0.3 + shift * 0.7 + slope * 0.7 * (x == level) for x in (low, high)}
        assert ours == pytest.approx(theirs)


@pytest.mark.parametrize(
    ("name", "label", "numbers"),
    [
        ("psi", "psi[T.3]", (0.0, 1.0)),  # a level that is not among the values
        ("psi", "psi[T.yes]", (1.0, 2.0)),
        ("psi", "psi[T.1]", None),  # a number of more than two values
        ("psi", "tuce[T.1]", (0.0, 1.0)),
        ("psi", "psi", (0.0, 1.0)),
        ("x:psi", "x:psi[T.1]", (0.0, 1.0)),
    ],
)
def test_what_is_no_category_of_those_two_values_is_not_paired(name, label, numbers):
    assert of_two_levels([name], [label], lambda _: numbers) == []
    assert of_two_levels([name, f"{name}[2]"], [label], lambda _: numbers) == []


def test_a_remedy_is_named_where_names_differ_in_case_alone():
    assert meant(["gpa"], ["GPA", "x"]).endswith("rename GPA to gpa")
    assert meant(["g[T.b]"], ["G[b]"]).endswith("rename G[b] to g[T.b]")
    assert meant(["gpa"], ["GPA2", "", "?"]) == ""
    assert plain_name("GPA") != plain_name("gpa")


@pytest.mark.parametrize("mark", [": ", ", ", " = ", "=", " "])
def test_a_level_as_journals_write_it_is_of_its_predictor(mark):
    names = ["C(race)[T.black]", "race[T.other one]", "race[T.black]:smoke[T.yes]", "age"]
    labels = [f"race{mark}other one", f"race{mark}black", "Age", f"race{mark}black:smoke{mark}yes"]
    found = paired(names, labels)
    assert found == {names[0]: labels[1], names[1]: labels[0], names[2]: labels[3]}


def test_a_level_as_journals_write_it_comes_last_and_in_doubt_not_at_all():
    # an interaction of two columns
    assert paired(["race:black", "race[T.black]"], ["race: black"]) == {"race:black": "race: black"}
    both = ["g[T.b c]", "g b[T.c]"]
    assert paired(both, ["g b c"]) == {}
    assert paired(both, ["g, b c", "g b, c"]) == {both[0]: "g, b c", both[1]: "g b, c"}
    assert paired(["smoking status[T.yes]"], ["smoking status: yes"]) != {}
    assert paired(["g[T.New York]"], ["g: NewYork"]) == {}
    assert paired(["g[T.b]"], ["g: b", "g, b"]) == {}
    assert paired(["g[T.b]"], ["g_b", "g: b"]) == {"g[T.b]": "g_b"}
    assert paired(["g[T.b]", "x"], ["g:b", "x: b", "b"]) == {}


DIFFERENT = [
    ("g[New York]", "g[NewYork]"),
    ("g<30", "g>30"),
    ("g[a+]", "g[a-]"),
    ("g[yes]", "g[yes ]"),
    ("k1", "C(k)[T.1]"),
    ("C(k)[T.1]", "C(k1)"),
    ("g_a[1]", "x_[a"),
    ("a:b", "b:a"),
]


@pytest.mark.parametrize("pair", DIFFERENT)
def test_names_that_differ_are_two_coefficients(pair):
    assert paired(pair[:1], pair[1:], numbers={"k1"}) == {}
    if pair[0] != "k1":  # which R may well call the level 1 of k
        assert paired(pair[1:], pair[:1]) == {}


def test_a_nearer_name_goes_first_and_takes_its_label_with_it():
    # R's factor(h) of 1, 2, 3 beside columns h1 and h2
    labels = ["(Intercept)", "factor(h)2", "factor(h)3", "h1", "h2"]
    for order in itertools.permutations(range(5)):
        found = paired(
            ["Intercept", "factor(h)[T.2]", "factor(h)[T.3]", "h1", "h2"],
            [labels[i] for i in order],
            numbers={"h1", "h2"},
        )
        assert list(found.values()) == labels
    assert meant(["g[T.b]"], ["gb "]) == ""
    assert meant(["Intercept"], ["(Intercept)"]) == ""


@pytest.mark.parametrize("level", ["0_1", "inf", "nan", "1e", "", "S.0", "1 "])
def test_what_is_no_decimal_number_is_text(level):
    assert as_number(level) is None


LEVELS = {"a": tuple("uvwxz")}
SUMS = tuple(f"C(a)[S.{level}]" for level in "uvwx")
HELMERT = tuple(f"C(a)[H.{level}]" for level in "vwxz")
TREATMENT = tuple(f"C(a)[T.{level}]" for level in "vwxz")


@pytest.mark.parametrize(
    ("names", "written"),
    [
        # R 4.2.2: names(coef(glm(y ~ ..., binomial)))
        (SUMS, "C(a, contr.sum){}"),
        (SUMS, "C(a, sum){}"),
        (SUMS, "C(a, contr.sum(5)){}"),
        (SUMS, "a{}"),  # contrasts(a) <- contr.sum
        (SUMS, "factor(a){}"),  # options(contrasts = ...)
        (HELMERT, "C(a, contr.helmert){}"),
        (HELMERT, "a{}"),
    ],
)
def test_numbers_of_r_are_places_among_the_levels(names, written):
    labels = [written.format(number) for number in (1, 2, 3, 4)]
    crossed = [f"{name}:x" for name in names]
    for own, theirs in (
        (names, labels),
        ((*names, "x", *crossed), (*labels, "x", *(f"{label}:x" for label in labels))),
    ):
        moved = theirs[::-1]
        assert paired(own, moved, levels=LEVELS) == dict(zip(own, theirs, strict=True))
        assert not set(paired(own, theirs)) - {"x"}  # without levels nobody knows


@pytest.mark.parametrize(
    ("written", "numbers", "places"),
    [
        ("C(a, contr.treatment){}", (2, 3, 4, 5), (0, 1, 2, 3)),
        ("C(a, contr.treatment(5, base = 2)){}", (3, 4, 5), (1, 2, 3)),
        ("C(a, contr.treatment, base = 2){}", (3, 4, 5), (1, 2, 3)),
        ("C(a, contr.SAS){}", (2, 3, 4), (0, 1, 2)),
    ],
)
def test_numbers_of_indicators_are_places_too(written, numbers, places):
    labels = [written.format(number) for number in numbers]
    expected = {TREATMENT[place]: label for place, label in zip(places, labels, strict=True)}
    assert paired(TREATMENT, labels, levels=LEVELS) == expected
    # the level "2" is the third of 0, 1, 2, and not what R calls 2
    names, known = ("C(a)[T.1]", "C(a)[T.2]"), {"a": ("0", "1", "2")}
    second, third = (f"C(a, contr.treatment){number}" for number in (2, 3))
    assert paired(names, [second, third], levels=known) == dict(
        zip(names, (second, third), strict=True)
    )
    assert paired(names, [second, third]) == {}


@pytest.mark.parametrize("written", ["C(a, contr.poly){}", "a{}", "ordered(a){}"])
def test_polynomials_are_named_as_r_does(written):
    fields = (".L", ".Q", ".C", "^4")
    names = [f"C(a)[{each}]" for each in fields]
    labels = [written.format(each) for each in fields]
    assert paired(names, labels[::-1], levels=LEVELS) == dict(zip(names, labels, strict=True))


@pytest.mark.parametrize(
    ("names", "labels", "levels"),
    [
        # indicators of the levels 1 and 2 of 0, 1, 2, not sums
        (("C(a)[S.0]", "C(a)[S.1]"), ("a1", "a2"), ("0", "1", "2")),
        (("C(a)[S.0]",), ("a1",), ("0", "1")),
        (("C(a)[S.x]",), ("a1",), ("x", "1")),
        # all levels, or not all numbers
        (SUMS, ("a1", "a2", "a3", "a4", "a5"), LEVELS["a"]),
        (SUMS, ("a2", "a3", "a4"), LEVELS["a"]),
        # other contrasts
        (SUMS, tuple(f"C(a, contr.helmert){n}" for n in (1, 2, 3, 4)), LEVELS["a"]),
        (HELMERT, tuple(f"C(a, contr.sum){n}" for n in (1, 2, 3, 4)), LEVELS["a"]),
        (TREATMENT, ("a1", "a2", "a3", "a4"), LEVELS["a"]),
        (TREATMENT, tuple(f"C(a, contr.sum){n}" for n in (1, 2, 3, 4)), LEVELS["a"]),
        (("C(a)[T.1]", "C(a)[T.2]"), ("C(a, contr.sum)1", "C(a, contr.sum)2"), ("0", "1", "2")),
        (("C(a)[D.v]",), ("a1",), ("u", "v")),
    ],
)
def test_numbers_that_may_be_something_else_are_not_paired(names, labels, levels):
    assert paired(names, labels, levels={"a": levels}) == {}


def test_a_column_called_as_a_numbered_contrast_is_itself():
    names = ("C(a)[S.u]", "C(a)[S.v]", "a1")
    for labels in (("a1", "a2"), ("a1", "a2", "a1x")):
        assert paired(names, labels, {"a1"}, {"a": tuple("uvw")}) == {"a1": "a1"}
    explicit = ("C(a, contr.sum)1", "C(a, contr.sum)2", "a1")
    assert len(paired(names, explicit, {"a1"}, {"a": tuple("uvw")})) == 3
