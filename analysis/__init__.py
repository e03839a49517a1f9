"""What the routes' results say together: agreement, inference, model comparison, the command line.

Names are imported when they are first used, so that ``flatprior --help`` starts at once.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
