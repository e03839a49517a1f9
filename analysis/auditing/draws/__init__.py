"""Draws from a posterior: are they the flat-prior posterior's, and if not, whose?"""
