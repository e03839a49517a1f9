# For type checkers and editors: the names that `__init__.py` finds when they are used.

from . import analysis as analysis, models as models
from .analysis import *
from .models import *

__version__: str
