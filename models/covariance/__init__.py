"""Covariances of coefficients: whitened columns and leverages."""
