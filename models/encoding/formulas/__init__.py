"""From a formula to the columns of a design matrix."""
