"""Names that are not there: the one that was meant is named."""

import pytest

from flatprior.models.encoding.columns.names import no_such_column

KNOWN = ["y", "age", "x1", "caf\u00e9"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("AGE", "(did you mean 'age'?)"),
        ("agee", "(did you mean 'age'?)"),
        ("df.age", "(did you mean 'age'?)"),
        (
            "\u0430g\u0435",
            "('age' looks like it, but has other letters: cyrillic small letter a in ",
        ),
        ("\u03c51", "there is no column '\u03c51'; the columns are 'y', 'age', 'x1'"),
        ("\u03c71", "('x1' looks like it, but has other letters: greek small letter chi in "),
        (
            "cafe\u0301",
            "('caf\u00e9' looks like it, but has other letters: combining acute accent in ",
        ),
        ("age\u200b", "('age' looks like it, but has other letters: zero width space in "),
        ("income", "there is no column 'income'; the columns are 'y', 'age', 'x1', 'caf\u00e9'"),
    ],
)
def test_the_name_that_was_meant_is_told(name, words):
    assert words in str(no_such_column(name, KNOWN))


def test_a_table_without_a_heading_is_told():
    assert "name them, in a file by its first line" in str(no_such_column("y", ["0", "1.5", "a"]))
    assert "first line" not in str(no_such_column("y", KNOWN))
    assert "first line" not in str(no_such_column("y", []))


def test_names_of_several_levels_and_none_lead_on():
    said = str(no_such_column("y", ["('a', 'y')", "('b', 'x')"]))
    assert "join these, data.columns = ['_'.join(map(str, name)) for name in data.columns]" in said
    said = str(no_such_column("y", ["column 1", "Exposure", "column 3"]))
    assert said.endswith("name all in the first line, and take out what stands above")
    assert str(no_such_column("y", ["a", "f(x, y)"])).endswith("'a', 'f(x, y)'")
