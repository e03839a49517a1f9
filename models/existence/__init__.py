"""Does the maximum likelihood estimate exist, and what if not?"""
