"""Columns that are combinations of others."""
