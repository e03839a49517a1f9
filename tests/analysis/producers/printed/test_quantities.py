import math

import pandas as pd
import pytest
from written_tables import read_text

from flatprior.analysis.producers.printed.table import read_table
from flatprior.models import FlatpriorError


def test_glance_of_broom_is_read_as_numbers_of_the_fit(tmp_path):
    text = (
        '"term","estimate"\n"x",0.25\n\n'
        '"null.deviance","logLik","AIC","BIC","deviance","nobs"\n41.18,-12.89,33.78,39.64,25.78,32\n'
    )
    facts = {each.quantity: each.value for each in read_text(tmp_path, text).stated}
    assert facts == {
        "null deviance": 41.18, "log-likelihood": -12.89, "AIC": 33.78, "BIC": 39.64,
        "deviance": 25.78, "n": 32,
    }  # fmt: skip


def test_columns_and_rows_that_are_not_read_are_named(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("term,estimate,std.error,se,vif\ngpa,2.8,1.2,99,1.1\nrace,,,,\nx,1.0,0.5,9,1\n")
    (note,) = read_table(path).notes
    for words in (
        "column 'se' is a second one of its kind",
        "column 'vif'",
        "'race' has no numbers",
    ):
        assert words in note


@pytest.mark.parametrize("name", ["", " ", "\u200b", None, math.nan])
@pytest.mark.parametrize("number", ["0.5", "NA"])
def test_a_term_without_a_name_is_told_by_its_row(name, number):
    frame = pd.DataFrame({"term": ["a", name], "estimate": ["0.5", number], "SE": ["0.1", "0.2"]})
    with pytest.raises(FlatpriorError, match="row 2: the term has no name"):
        read_table(frame)


STATA = """
Logistic regression                                     Number of obs =    189
                                                        LR chi2(8)    =  33.22
                                                        Prob > chi2   = 0.0001
Log likelihood = -100.724                               Pseudo R2     = 0.1416

------------------------------------------------------------------------------
         low | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
         age |  -.0271003   .0364504    -0.74   0.457    -.0985418    .0443412
             |
        race |
      black  |   1.262647   .5264101     2.40   0.016     .2309024    2.294392
      other  |   .8620792   .4391532     1.96   0.050     .0013548    1.722804
             |
       smoke |   .9233448   .4008266     2.30   0.021      .137739    1.708951
       _cons |   .4612239    1.20459     0.38   0.702    -1.899729    2.822176
------------------------------------------------------------------------------
"""


def test_levels_below_the_name_of_a_factor_are_joined_to_it(tmp_path):
    fit = read_text(tmp_path, STATA, ".txt")
    assert fit.coefficients["race_black"] == 1.262647
    assert fit.coefficients["race_other"] == 0.8620792
    assert fit.units["age"] == pytest.approx(1e-7)
    facts = {each.quantity: each.value for each in fit.stated if not each.term}
    assert facts == {
        "n": 189, "LR chi-squared": 33.22, "LR p": 0.0001, "log-likelihood": -100.724,
        "McFadden R2": 0.1416,
    }  # fmt: skip


def test_levels_of_sas_stand_in_a_column_or_in_the_name_of_an_effect(tmp_path):
    text = (
        '"Parameter","","DF","Estimate","Standard Error"\n"age","",1,-0.0271,0.0365\n'
        '"race","black",1,1.2626,0.5264\n\n'
        '"Effect","Point Estimate","95% Wald Confidence Limits",""\n"age",0.973,0.906,1.045\n'
        '"race black vs white",3.535,1.260,9.918\n'
    )
    fit = read_text(tmp_path, text)
    assert fit.coefficients == {"age": -0.0271, "race_black": 1.2626}
    found = {(each.term, each.quantity): each for each in fit.stated}
    assert found["race_black", "odds ratio high"].value == 9.918
    assert found["race_black", "odds ratio high"].prob == 0.95
