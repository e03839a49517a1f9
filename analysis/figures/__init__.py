"""Figures: each function takes what the analysis found and returns a Matplotlib figure."""
