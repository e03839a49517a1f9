import ast
import builtins
import inspect
from pathlib import Path

import numpy as np
import pytest

import flatprior as fp
import flatprior.models
from flatprior.models.common import errors

ROOT = Path(flatprior.models.__file__).parents[1]


def test_every_error_of_ours_has_one_root_and_is_what_it_was():
    for name, base in (
        ("MLEDoesNotExistError", ValueError),
        ("ImproperPosteriorError", ValueError),
        ("RouteUnavailableError", ValueError),
        ("NotComparableError", ValueError),
        ("NotConvergedError", ArithmeticError),
    ):
        assert issubclass(getattr(fp, name), base)
        assert issubclass(getattr(fp, name), fp.FlatpriorError)
    kinds = {errors.InputError: ValueError, errors.InputTypeError: TypeError}
    for kind, base in {**kinds, errors.PrecisionError: ArithmeticError}.items():
        assert issubclass(kind, base)
        assert issubclass(kind, fp.FlatpriorError)


def test_bad_input_of_every_door_is_a_flatprior_error():
    data = fp.load_spector()
    for call in (
        lambda: fp.BernoulliLogistic.from_formula("grade ~ nothing", data),
        lambda: fp.BernoulliLogistic.from_formula("grade ~ __import__('os')", data),
        lambda: fp.BernoulliLogistic.from_arrays([[1.0]], [np.nan]),
        lambda: fp.BernoulliLogistic.from_formula("grade ~ gpa", 3),
        lambda: fp.PointEstimate.load(__file__),
        lambda: fp.read_report(__file__),
        lambda: fp.fit_newton(fp.BernoulliLogistic.from_arrays([[1.0], [2.0]], [1, 1])),
    ):
        with pytest.raises(fp.FlatpriorError) as found:
            call()
        assert "\n" not in str(found.value)


def test_no_bare_error_is_raised_on_purpose():
    """What is raised by name is ours, or says that a method is to be written."""
    others = {"NotImplementedError", "AttributeError", "ImportError"}
    for package in ("models", "analysis"):
        for path in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                    name = ast.unparse(node.exc.func)
                    known = getattr(builtins, name, None)
                    bare = (
                        inspect.isclass(known)
                        and issubclass(known, Exception)
                        and not issubclass(known, OSError)
                    )
                    assert not bare or name in others, f"{path}: {name}"
