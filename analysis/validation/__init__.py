"""How well a model predicts what it was not fitted to: bootstrap and cross-validation."""
