"""A report read back: everything in it computed anew from coefficients and data, and compared."""
