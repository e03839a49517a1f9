"""Do the routes give one answer, and are draws those of the posterior?"""
