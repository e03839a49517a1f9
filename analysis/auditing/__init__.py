"""Is somebody else's fit, set of draws or printed table right?"""
