"""Which models may be compared, and their comparison."""
