"""One column of a table: what it holds, and what is wrong with it."""
