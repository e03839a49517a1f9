import re

import pytest
from surveyed_rows import FORMULA, roles_of, rows_of

from flatprior.models.batches.first_pass import survey
from flatprior.models.batches.roles import Roles


def test_rows_that_are_not_complete_are_refused_by_row_and_column_where_they_may_not_be_dropped():
    frame = rows_of(50)
    frame.loc[[7], "g"] = None
    frame.loc[:6, ["x", "g"]] = [0.5, "west"]
    with pytest.raises(ValueError, match=r"first in row 7 \(column '[xg]'\)"):
        survey(frame, roles_of(frame, missing="raise"), 0)
    with pytest.raises(ValueError, match='missing must be "drop" or "raise", not None'):
        roles_of(frame, missing=None)


@pytest.mark.parametrize("call", ["center(x)", "scale(x)", "poly(x, 2)", "bs(x, df=4)"])
def test_what_needs_all_rows_at_once_is_refused_before_the_first_is_read(call):
    frame = rows_of(3)
    with pytest.raises(ValueError, match=rf"{re.escape(call)} in the formula needs all"):
        roles_of(frame, f"y ~ {call}")
    # a level of that name is none
    quoted = roles_of(frame, "y ~ C(g, contr.treatment(base='scale(x)'))")
    assert quoted.columns == ("y", "g", "o", "w")


def test_an_offset_is_named_and_not_given():
    frame = rows_of(30)
    with pytest.raises(TypeError, match="offset must name a column"):
        Roles.read(FORMULA, frame, frame["o"], "w", "drop")
