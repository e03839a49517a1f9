"""One Bernoulli-logistic model, the routes that fit it, and the certificates that judge them.

Names are imported when they are first used, PyMC and ArviZ by the functions that need them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
