"""Which observations do not fit, which move the fit, and how well it predicts."""
