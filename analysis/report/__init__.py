"""One page for a referee, and how it is verified."""
