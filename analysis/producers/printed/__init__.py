"""Tables of coefficients as programs print them, to the last digit that is written."""
