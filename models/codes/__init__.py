"""Designs whose factors are held as codes, and what is fast with them."""
