"""Fits of other programs, one file each: what their objects say."""
