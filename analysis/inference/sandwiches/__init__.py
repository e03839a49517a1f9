"""What stands between two breads: the spread of scores, of observations and of clusters."""
