"""Covariances of coefficients: whitened columns, leverages, and what holds although a model does not."""
