"""What a fit says: tests, intervals, covariances, predictions, effects, its summary."""
