"""What a reader sees first: doubts, other results, and what is said where there is no estimate."""
