"""Rows that are never in memory at once: files read in batches, and Dask partitions."""
