"""Why do somebody else's coefficients differ?"""
