"""Marginal means, what they are averaged over, and contrasts of them."""
