"""What a reader sees first of other results than an estimate, and where there is none."""
