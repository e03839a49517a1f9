"""Inference where coefficients are not few beside the observations."""
