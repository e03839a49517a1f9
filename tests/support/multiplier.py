"""How much generated data the adversarial tests try: `TEST_MULTIPLIER` times the usual number."""

import os


def repeated(number: int) -> int:
    """`number` times the environment's ``TEST_MULTIPLIER``: 1 in CI, 100 by hand."""
    return number * int(os.environ.get("TEST_MULTIPLIER", "1"))
