import pytest

from flatprior.analysis.producers.theirs import OF_A_TERM, OF_THE_FIT, Stated


def test_a_number_is_of_a_term_or_of_the_whole_fit():
    assert not set(OF_A_TERM) & set(OF_THE_FIT)
    for term, quantities in (("x", OF_A_TERM), ("", OF_THE_FIT)):
        for quantity in quantities:
            assert Stated(term=term, quantity=quantity, value=1.0).quantity == quantity
        with pytest.raises(ValueError, match="quantity must be"):
            Stated(term=term, quantity="number", value=1.0)
    with pytest.raises(ValueError, match="not 'AIC'"):
        Stated(term="x", quantity="AIC", value=1.0)
