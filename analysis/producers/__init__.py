"""Fits of other programs, read through what their objects say; one file a producer."""
