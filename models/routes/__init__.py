"""The routes: NumPy, scikit-learn and PyMC share no likelihood and must give one answer."""
