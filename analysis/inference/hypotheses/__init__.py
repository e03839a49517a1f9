"""Tests of linear hypotheses: Wald, likelihood ratio, score."""
