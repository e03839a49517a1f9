import ast
import builtins
import inspect
import traceback
from pathlib import Path

import numpy as np
import pytest
from addresses import ADDRESSES, SECRET

import flatprior as fp
import flatprior.models
from flatprior.models.common import errors
from flatprior.models.common.error_state import own_error_state

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


HARMLESS = (
    "s3://bucket/a.parquet",
    "s3://bucket/year=20?5/*.parquet",
    "s3://bucket/[0-9]?.csv",
    "s3://bucket/run#3/x=1.csv",
    "s3://bucket: no such thing as me@here",
    "'s3://bucket': the store said",
    "gs://bucket/me@example.com/x.csv",
    "abfs://data@account.dfs.core.windows.net/x",
    "https://host:8080/x",
    "http://host/a, and b@c",
    "c:/me@here/x?.csv",
    "y ~ x:z + I(x // y) - a",
    "name what counts as 1: event=1, or pass sampling_weights",
)


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_is_shown_without_what_opens_it(address):
    for said in (address, f"no file {address!r}; check", f"{address[:-1]}...", str(Path(address))):
        shown = errors.without_secrets(said)
        assert SECRET not in shown
        assert errors.without_secrets(shown) == shown
    with pytest.raises(fp.FlatpriorError, match="holds no credentials") as caught:
        errors.require_no_secrets(address)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("text", HARMLESS)
def test_what_holds_no_secret_is_left_as_it_is(text):
    assert errors.without_address_secrets(text) == text
    errors.require_no_secrets(text)


def test_what_options_are_called_tells_their_secrets_outside_of_addresses_too():
    for said in (
        f"DefaultEndpointsProtocol=https;AccountName=me;AccountKey={SECRET}==;Suffix=x",
        f"rows.csv?sv=1&sig={SECRET}",
        f"X-Amz-Signature={SECRET}",
        f"aws_secret_access_key={SECRET}",
    ):
        assert SECRET not in errors.without_address_secrets(said)
    errors.require_no_secrets("folder/token=3/rows.parquet")  # a partition by folders


def test_errors_of_others_leave_without_secrets_and_are_what_they_were():
    address = f"s3://me:{SECRET}@bucket/x"

    class Own(Exception):
        def __str__(self):
            return f"no access to {address}"

    @own_error_state
    def fails(error, cause=None):
        raise error from cause

    for error in (
        OSError(2, "no such file", address),
        KeyError(address),
        FileNotFoundError(f"no {address}"),
    ):
        with pytest.raises(type(error)) as caught:
            fails(error)
        assert SECRET not in str(caught.value)
        assert "s3://***@bucket/x" in str(caught.value)
    for error, cause in ((Own(), None), (ValueError("it failed"), Own())):
        with pytest.raises(ValueError, match=r"no access|it failed") as caught:
            fails(error, cause)
        assert SECRET not in "".join(traceback.format_exception(caught.value))
